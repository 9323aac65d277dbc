"""Rows to train on: planted structure for single steps, real M15 bars (or a simulated market) for whole fits.

A set has X float32 (n, d), scaled with the training rows, y int32 class codes, and folds: pairs of training and stop
rows in time order, a purge of `GAP` rows around the stop rows.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
SYMBOLS = ("EURUSD", "XAUUSD")
COLUMNS = 57
GAP = 20  # bars that a label looks ahead
FOLDS = 5

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Work:
    """What every contestant is given."""

    name: str
    X: NDArray[np.float32]
    y: NDArray[np.int32]
    folds: list[tuple[Rows, Rows]]


def planted(n: int = 8400, stop: int = 2000, lookback: int = 10) -> Work:
    """Three classes from a few columns and from their path over the last rows."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(n, COLUMNS))
    path = np.convolve(X[:, 2], np.ones(lookback) / np.sqrt(lookback))[:n]
    score = X[:, 0] * X[:, 1] + 1.5 * path + np.abs(X[:, 3]) + rng.normal(size=n)
    y = np.digitize(score, np.quantile(score, [0.4, 0.7])).astype(np.int32)
    rows = np.arange(lookback, n - stop, dtype=np.int64)
    return Work("planted", X.astype(np.float32), y, [(rows, np.arange(n - stop + GAP, n, dtype=np.int64))])


@cache
def market(symbol: str, exports: Path | None, limit: int = 0) -> Work:
    """A symbol's complete rows: 57 causal columns, triple barrier +2 / -1 ATR over 20 bars; 5 folds and a final fit."""
    import smctrain as st

    if exports is None:
        seed = sum(map(ord, symbol))
        bars = st.simulate_market(n_symbols=1, n_bars=10_000, seed=seed, timeframe="M15")["SIM1"].base
    else:
        bars = st.read_bars(exports, symbols=[symbol])[symbol].base
    values = np.asarray(st.build_features(bars).values, dtype=np.float64)
    y = np.asarray(st.triple_barrier(bars, horizon=GAP, target=2.0, stop=1.0).y, dtype=np.float64)
    fullest = np.sort(np.argsort(np.isnan(values).sum(axis=0), kind="stable")[:COLUMNS])
    whole = np.isfinite(values[:, fullest]).all(axis=1) & np.isfinite(y)
    X, codes = values[np.ix_(whole, fullest)], y[whole].astype(np.int32) + 1
    if limit:
        X, codes = X[:limit], codes[:limit]
    n = len(X)
    seen = int(0.85 * n)  # the rest is the test that nobody touches here
    train = int(0.7 * n)
    known = X[:train]
    scale = known.std(axis=0)
    X = np.clip((X - known.mean(axis=0)) / np.where(scale > 0, scale, 1), -8, 8).astype(np.float32)
    every = np.arange(seen, dtype=np.int64)
    folds = []
    for block in np.array_split(np.arange(seen), FOLDS):
        away = (every < block[0] - GAP) | (every > block[-1] + GAP)
        folds.append((every[away], block.astype(np.int64)))
    folds.append((every[: train - GAP], every[train:]))
    return Work(symbol, np.ascontiguousarray(X), codes, folds)


def find_exports() -> Path | None:
    """The folder of terminal exports, or None for the simulated market."""
    candidates = [ROOT.parent / "shared" / "data" / "mt5"]
    if os.environ.get("SMCTRAIN_DATA"):
        base = Path(os.environ["SMCTRAIN_DATA"])
        candidates = [base / "mt5", base, *candidates]
    return next((folder for folder in candidates if any(folder.glob("*_*.csv*"))), None)


def held_out_loss(
    probabilities: NDArray[Any], y: NDArray[Any], known: NDArray[Any], smoothing: float
) -> tuple[float, float]:
    """Cross-entropy of the rows as every contestant's early stopping sees it (against smoothed targets, classes
    balanced by the training labels `known`), and as it is (plain log-loss). One judge for every contestant."""
    logs = np.log(np.maximum(probabilities, 1e-12))
    own = logs[np.arange(len(y)), y]
    weights = 1.0 / np.maximum(np.bincount(known, minlength=probabilities.shape[1]), 1)[y]
    weighted = np.average((1 - smoothing) * own + smoothing * logs.mean(axis=1), weights=weights)
    return -float(weighted), -float(own.mean())
