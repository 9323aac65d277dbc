"""Data sets: real M15 bars where they exist, and planted structure of the shapes that the comparison names.

m15      57 complete feature columns and triple-barrier labels (3 classes) of two symbols; time-ordered split with a gap
wide     96 correlated columns, 4 classes, interactions in a dozen of them
census   12 columns as in a census: ages, hours, codes of few values, columns that are mostly 0; 2 classes (24 %)
large    100 columns, most of them noise, 30 coarse; 2 classes

A set has X, y (class codes), r (a number to predict) of training rows, and the same of later rows (`test_`).
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
SHAPES = {"m15": (10_000, 57), "wide": (10_000, 96), "census": (28_000, 12), "large": (50_000, 100)}
GAP = 20  # bars that a label looks ahead
PAIRS = (
    ("EURUSD", "XAUUSD"), ("GBPUSD", "USDJPY"), ("AUDUSD", "USDCAD"), ("USDCHF", "AUDJPY"), ("AUDCAD", "AUDNZD"),
)  # fmt: skip

Arrays = dict[str, NDArray[Any]]


def find_exports(given: Path | None) -> Path | None:
    """The folder of terminal exports, or None for the simulated market. A folder that is named must exist."""
    if given is not None:
        if not given.is_dir():
            raise SystemExit(f"{given} is not a folder.")
        return given
    candidates = [ROOT.parent / "shared" / "data" / "mt5"]
    if os.environ.get("SMCTRAIN_DATA"):
        base = Path(os.environ["SMCTRAIN_DATA"])
        candidates = [base / "mt5", base, *candidates]
    return next((folder for folder in candidates if any(folder.glob("*_*.csv*"))), None)


def make(name: str, seed: int, n_train: int, n_test: int, exports: Path | None = None) -> Arrays:
    """A data set of at most these sizes; another seed gives other rows (m15: other symbols)."""
    if name == "m15":
        return _m15(seed, n_train, n_test, exports)
    rng = np.random.default_rng([seed, len(name)])
    X, score, k = {"wide": _wide, "census": _census, "large": _large}[name](rng, n_train + n_test)
    noisy = score + rng.normal(size=len(score)) * score.std()
    shares = {2: [0.76], 4: [0.4, 0.7, 0.9]}[k]
    y = np.digitize(noisy, np.quantile(noisy, shares)).astype(np.int64)
    return _split(X.astype(np.float32), y, noisy, n_train)


def _split(X: NDArray[Any], y: NDArray[Any], r: NDArray[Any], n_train: int) -> Arrays:
    a, b = slice(0, n_train), slice(n_train, None)
    X = np.ascontiguousarray(X)
    return {"X": X[a], "y": y[a], "r": r[a], "test_X": X[b], "test_y": y[b], "test_r": r[b]}


def _wide(rng: np.random.Generator, n: int) -> tuple[NDArray[Any], NDArray[Any], int]:
    factors = rng.normal(size=(n, 12))
    X = factors @ rng.normal(size=(12, 96)) * 0.5 + rng.normal(size=(n, 96))
    score = (
        X[:, 0] * (X[:, 1] > 0) + np.sin(X[:, 2]) + 0.5 * X[:, 3] * X[:, 4] - np.abs(X[:, 5]) + X[:, 6:12].sum(1) / 3
    )
    return X, score, 4


def _census(rng: np.random.Generator, n: int) -> tuple[NDArray[Any], NDArray[Any], int]:
    age = np.clip(rng.gamma(9, 4.3, n), 17, 90).round()
    hours = np.where(rng.random(n) < 0.5, 40, np.clip(rng.normal(40, 12, n), 1, 99).round())
    gain = np.where(rng.random(n) < 0.92, 0, np.exp(rng.normal(8.5, 1.2, n)).round())
    loss = np.where(rng.random(n) < 0.95, 0, rng.normal(1870, 360, n).round())
    weight = np.exp(rng.normal(12, 0.5, n)).round()
    codes = [rng.choice(k, n, p=np.sort(rng.dirichlet(np.ones(k)))[::-1]) for k in (9, 16, 7, 14, 6, 5, 2)]
    X = np.column_stack([age, weight, hours, gain, loss, *codes])
    schooling, marriage, sex = codes[1], codes[2], codes[6]
    score = (
        0.25 * schooling + np.minimum(age, 55) / 15 + 1.4 * (marriage == 0) * (1 + 0.4 * sex) + hours / 25
        + 2.5 * (gain > 5000) + 1.2 * (loss > 1800) - 0.3 * (codes[3] % 3)
    )  # fmt: skip
    return X, score, 2


def _large(rng: np.random.Generator, n: int) -> tuple[NDArray[Any], NDArray[Any], int]:
    X = rng.normal(size=(n, 100))
    X[:, 20:40] = 0.7 * X[:, :20] + 0.7 * X[:, 20:40]
    X[:, 70:] = np.round(X[:, 70:] * 1.5)
    score = (
        X[:, 0] + 0.8 * X[:, 1] * (X[:, 2] > 0.5) + np.abs(X[:, 3]) + np.cos(2 * X[:, 4]) + 0.6 * X[:, 70] * X[:, 5]
        + 0.4 * X[:, 6:10].sum(1)
    )  # fmt: skip
    return X, score, 2


@cache
def _symbol(name: str, exports: Path | None) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Features, classes and R of one symbol's complete rows, oldest first; the columns that are complete soonest."""
    import smctrain as st

    if exports is None:
        seed = sum(map(ord, name))
        bars = st.simulate_market(n_symbols=1, n_bars=10_000, seed=seed, timeframe="M15")["SIM1"].base
    else:
        bars = st.read_bars(exports, symbols=[name])[name].base
    values = np.asarray(st.build_features(bars).values)
    labels = st.triple_barrier(bars, horizon=GAP, target=2.0, stop=1.0)
    y, r = np.asarray(labels.y, dtype=np.float64), np.asarray(labels.r, dtype=np.float64)
    d = SHAPES["m15"][1]
    fullest = np.sort(np.argsort(np.isnan(values).sum(axis=0), kind="stable")[:d])
    values = values[:, fullest]
    whole = np.isfinite(values).all(axis=1) & np.isfinite(y) & np.isfinite(r)
    return values[whole], y[whole].astype(np.int64) + 1, r[whole]


def _m15(seed: int, n_train: int, n_test: int, exports: Path | None) -> Arrays:
    """Per symbol a stretch of rows that starts with the seed, then a gap, then the test rows."""
    parts: list[Arrays] = []
    for name in PAIRS[seed % len(PAIRS)]:
        X, y, r = _symbol(name, exports)
        train = min(n_train // 2, int(0.75 * len(X)))
        test = min(n_test // 2, len(X) - train - GAP)
        spare = len(X) - train - GAP - test
        first = 0 if seed < len(PAIRS) else spare
        a = slice(first, first + train)
        b = slice(first + train + GAP, first + train + GAP + test)
        parts.append({"X": X[a], "y": y[a], "r": r[a], "test_X": X[b], "test_y": y[b], "test_r": r[b]})
    return {key: np.ascontiguousarray(np.concatenate([part[key] for part in parts])) for key in parts[0]}
