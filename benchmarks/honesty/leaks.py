"""H9: 24 pipelines with one known leak each, and 24 clean twins, through `st.audit_pipeline` on noise bars (G2).

    python benchmarks/honesty/leaks.py [--seeds 5] [--first 1] [--only swing smote ...] [--out build/honesty]

Eight types of Kapoor and Narayanan, "Leakage and the reproducibility crisis in machine-learning-based science" (2023),
three of each. A twin does the same thing the honest way. A leak counts as found where the report is not ok, and as
named where a finding points to the step that leaks; a clean twin with a finding is a false alarm. Leaks and audit were
written by the same people, so the share found says that each type is covered, not how often the code of others is.

Goal: at least 95 % found, at most one false alarm in 24.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import smctrain as st

N_BARS = 2_500
HORIZON = 10
CUTS = 60
CANARY = True

Arguments = dict[str, Any]


@dataclass(frozen=True)
class Pipeline:
    """One leak: `make(seed, leaky)` gives the arguments of `audit_pipeline`; `where` is the step it is found in."""

    kind: str
    name: str
    where: str
    make: Callable[[int, bool], Arguments]


@dataclass(frozen=True)
class Outcome:
    """What the audit said about one pipeline."""

    kind: str
    name: str
    leaky: bool
    seed: int
    found: bool
    named: bool
    first: str
    seconds: float


# ---- honest steps ------


def bars_of(seed: int) -> Any:
    return st.testing.ohlc_paths("G2", N_BARS, seed=seed)


def columns(frame: Any) -> Any:
    """Seven honest columns."""
    import pandas as pd

    r = np.log(frame["close"]).diff()
    high, low = frame["high"].rolling(20).max(), frame["low"].rolling(20).min()
    return pd.DataFrame({
        "r1": r, "r5": r.rolling(5).sum(), "r20": r.rolling(20).sum(), "vol10": r.rolling(10).std(),
        "vol40": r.rolling(40).std(), "place20": (frame["close"] - low) / (high - low),
        "body": (frame["close"] - frame["open"]) / (frame["high"] - frame["low"] + 1e-9),
    }, index=frame.index)  # fmt: skip


def labels(bars: Any, horizon: int = HORIZON) -> Any:
    return st.triple_barrier(bars, horizon=horizon, target=2.0, stop=2.0, timeout="sign", costs=None)


def walk_forward(X: Any, y: Any, t0: Any, t1: Any) -> Any:
    return list(st.splits.WalkForward(2, min_train=0.5, intervals=(t0, t1)).split(X))


def filled(X: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(X), X, np.nanmedian(X[rows], axis=0))


def scaled(X: np.ndarray, rows: np.ndarray) -> np.ndarray:
    X = filled(X, rows)
    spread = X[rows].std(axis=0)
    return (X - X[rows].mean(axis=0)) / np.where(spread > 0, spread, 1.0)


def ridge(X: np.ndarray, y: np.ndarray, rows: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """Scores of all rows by a ridge regression on `rows`; above 0 is the upper class."""
    A = np.column_stack([X, np.ones(len(X))])
    target = np.where(y > np.median(np.unique(y)), 1.0, -1.0)
    G = A[rows].T @ A[rows] + 5.0 * np.eye(A.shape[1])
    return A @ np.linalg.solve(G, A[rows].T @ target[rows])


def classes(scores: np.ndarray, y: np.ndarray) -> np.ndarray:
    values = np.unique(y)
    return np.where(scores > 0, values[-1], values[0])


def honest_fit(X: Any, y: Any, train: Any, held: Any) -> Any:
    return classes(ridge(scaled(X, train), y, train), y)[held]


def usual(seed: int, **more: Any) -> Arguments:
    return {
        "bars": bars_of(seed), "features": columns, "labels": labels, "split": walk_forward, "fit": honest_fit,
        "cuts": CUTS, "canary": CANARY, "seed": seed,
    } | more  # fmt: skip


def tail_of(train: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows to fit on, and the newest 15 % of the training rows."""
    cut = int(0.85 * len(train))
    return train[: cut - HORIZON], train[cut:]


# ---- L1.1 no test set ------


def scored_on_training_rows(seed: int, leaky: bool) -> Arguments:
    def split(X: Any, y: Any, t0: Any, t1: Any) -> Any:
        pairs = walk_forward(X, y, t0, t1)
        return [(train, train[-len(held) :]) for train, held in pairs] if leaky else pairs

    return usual(seed, split=split)


def stopped_on_held_rows(seed: int, leaky: bool) -> Arguments:
    def fit(X: Any, y: Any, train: Any, held: Any) -> Any:
        Z = scaled(X, train)
        inside, tail = tail_of(train)
        watched = held if leaky else tail
        target = (y == y.max()).astype(float)
        w, best, answer = np.zeros(Z.shape[1]), -1.0, np.zeros(len(held))
        for _ in range(60):
            p = 1.0 / (1.0 + np.exp(-Z @ w))
            w -= 0.5 * Z[inside].T @ (p[inside] - target[inside]) / len(inside)
            score = np.mean((Z[watched] @ w > 0) == target[watched])
            if score > best:
                best, answer = score, Z[held] @ w
        return classes(answer, y)

    return usual(seed, fit=fit)


def threshold_on_held_rows(seed: int, leaky: bool) -> Arguments:
    def fit(X: Any, y: Any, train: Any, held: Any) -> Any:
        inside, tail = tail_of(train)
        scores = ridge(scaled(X, train), y, inside)
        watched = held if leaky else tail
        cuts = np.quantile(scores[watched], np.linspace(0.1, 0.9, 17))
        right = [np.mean((scores[watched] > cut) == (y[watched] == y.max())) for cut in cuts]
        return classes(scores - cuts[int(np.argmax(right))], y)[held]

    return usual(seed, fit=fit)


# ---- L1.2 preprocessing ------


def scaler_on_all_rows(seed: int, leaky: bool) -> Arguments:
    def fit(X: Any, y: Any, train: Any, held: Any) -> Any:
        return classes(ridge(scaled(X, np.arange(len(X)) if leaky else train), y, train), y)[held]

    return usual(seed, fit=fit)


def clip_on_all_rows(seed: int, leaky: bool) -> Arguments:
    def fit(X: Any, y: Any, train: Any, held: Any) -> Any:
        rows = np.arange(len(X)) if leaky else train
        low, high = np.nanquantile(X[rows], [0.05, 0.95], axis=0)
        return classes(ridge(scaled(np.clip(X, low, high), train), y, train), y)[held]

    return usual(seed, fit=fit)


def pca_on_all_rows(seed: int, leaky: bool) -> Arguments:
    def fit(X: Any, y: Any, train: Any, held: Any) -> Any:
        Z = scaled(X, train)
        _, _, axes = np.linalg.svd(Z if leaky else Z[train], full_matrices=False)
        return classes(ridge(Z @ axes[:3].T, y, train), y)[held]

    return usual(seed, fit=fit)


# ---- L1.3 selection on all rows ------


def wide(frame: Any) -> Any:
    """The honest columns and 60 of noise that belongs to its row."""
    import pandas as pd

    noise = {}
    stamp = frame.index.asi8.astype(np.uint64)
    for j in range(60):
        mixed = (stamp + np.uint64(j + 1)) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(31)
        mixed *= np.uint64(0xBF58476D1CE4E5B9)
        noise[f"noise{j}"] = (mixed >> np.uint64(11)).astype(float) / 2.0**53
    return pd.concat([columns(frame), pd.DataFrame(noise, index=frame.index)], axis=1)


def chosen_by_correlation(seed: int, leaky: bool) -> Arguments:
    def fit(X: Any, y: Any, train: Any, held: Any) -> Any:
        Z = scaled(X, train)
        rows = np.arange(len(X)) if leaky else train
        strength = np.abs((Z[rows] - Z[rows].mean(axis=0)).T @ (y[rows] - y[rows].mean()))
        return classes(ridge(Z[:, np.argsort(-strength)[:10]], y, train), y)[held]

    return usual(seed, features=wide, fit=fit)


def chosen_by_forest(seed: int, leaky: bool) -> Arguments:
    def fit(X: Any, y: Any, train: Any, held: Any) -> Any:
        Z = scaled(X, train)
        rows = np.arange(len(X)) if leaky else train
        forest = st.models.RandomForestClassifier(n_estimators=15, max_depth=5, random_state=seed, n_jobs=1)
        weight = forest.fit(Z[rows], y[rows]).feature_importances_
        return classes(ridge(Z[:, np.argsort(-weight)[:10]], y, train), y)[held]

    return usual(seed, features=wide, fit=fit)


def target_encoding(seed: int, leaky: bool) -> Arguments:
    def features(frame: Any) -> Any:
        made = columns(frame)
        made["hour"] = frame.index.hour.astype(float)
        return made

    def fit(X: Any, y: Any, train: Any, held: Any) -> Any:
        rows = np.arange(len(X)) if leaky else train
        hour = X[:, -1].astype(int)
        encoded = np.array([y[rows][hour[rows] == h].mean() if (hour[rows] == h).any() else 0.0 for h in range(24)])
        X = np.column_stack([X[:, :-1], encoded[hour]])
        return classes(ridge(scaled(X, train), y, train), y)[held]

    return usual(seed, features=features, fit=fit)


# ---- L1.4 duplicates ------


def table_of(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    bars = bars_of(seed)
    made = columns(bars.to_pandas()).to_numpy()
    given = labels(bars)
    ok = given.ok & np.isfinite(made[given.t0]).all(axis=1)
    return made[given.t0[ok]], given.y[ok], given.t0[ok], given.t1[ok]


def thinned(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose labels do not overlap: they may be shuffled."""
    X, y, _, _ = table_of(seed)
    return X[:: HORIZON + 1], y[:: HORIZON + 1]


def as_table(X: np.ndarray, y: np.ndarray, split: Any, fit: Any, seed: int) -> Arguments:
    return {"X": X, "y": y, "split": split, "fit": fit, "seed": seed}


def shuffled_halves(n: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    order = np.random.default_rng(seed).permutation(n)
    return [(np.sort(order[: 2 * n // 3]), np.sort(order[2 * n // 3 :]))]


def exact_copies(seed: int, leaky: bool) -> Arguments:
    """The same week twice in the file: rows of the training part come again in the test part."""
    X, y, t0, t1 = table_of(seed)
    if leaky:
        X, y = X.copy(), y.copy()
        X[-300:-200], y[-300:-200] = X[400:500], y[400:500]
    return as_table(X, y, walk_forward, honest_fit, seed) | {"intervals": (t0, t1)}


def jittered_copies(seed: int, leaky: bool) -> Arguments:
    rng = np.random.default_rng([seed, 1])
    X, y = thinned(seed)
    X = np.vstack([X, table_of(seed + 50)[0][:: HORIZON + 1], table_of(seed + 90)[0][:: HORIZON + 1]])
    y = np.r_[y, table_of(seed + 50)[1][:: HORIZON + 1], table_of(seed + 90)[1][:: HORIZON + 1]]

    def copies(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.vstack([X, X + 0.1 * X.std(axis=0) * rng.standard_normal(X.shape)]), np.r_[y, y]

    def fit(X: Any, y: Any, train: Any, held: Any) -> Any:
        A, b = X[train], y[train]
        if not leaky:
            noise = np.random.default_rng(seed).standard_normal(A.shape)
            A, b = np.vstack([A, A + 0.1 * A.std(axis=0) * noise]), np.r_[b, b]
        forest = st.models.RandomForestClassifier(n_estimators=20, random_state=seed, n_jobs=1).fit(A, b)
        return forest.predict(X[held])

    if leaky:
        X, y = copies(X, y)
    return as_table(X, y, shuffled_halves(len(X), seed), fit, seed)


def smote_before_split(seed: int, leaky: bool) -> Arguments:
    """Half of one class is taken away, then made up again: before the split, or inside it."""
    parts = [thinned(seed + 50 * k) for k in range(3)]
    X, y = np.vstack([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
    rng = np.random.default_rng([seed, 2])
    rare = np.flatnonzero(y == y.max())
    gone = rng.permutation(rare)[: 3 * len(rare) // 4]
    X, y = np.delete(X, gone, axis=0), np.delete(y, gone)

    def raised(A: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        made = st.DataAugmenter(random_state=seed).apply_smote(A, b)
        return np.asarray(made[0]), np.asarray(made[1])

    def fit(X: Any, y: Any, train: Any, held: Any) -> Any:
        A, b = (X[train], y[train]) if leaky else raised(X[train], y[train])
        forest = st.models.RandomForestClassifier(n_estimators=20, random_state=seed, n_jobs=1).fit(A, b)
        return forest.predict(X[held])

    if leaky:
        X, y = raised(X, y)
    return as_table(X, y, shuffled_halves(len(X), seed), fit, seed)


# ---- L2 columns nobody may have ------


def known_by_hand(frame: Any) -> tuple[np.ndarray, np.ndarray]:
    """Bars until the close has moved by 1 %, and the best of the next ten closes in per cent."""
    close = frame["close"].to_numpy()
    ahead = np.lib.stride_tricks.sliding_window_view(np.r_[close, np.full(20, close[-1])], 21)
    moved = np.abs(ahead / close[:, None] - 1.0) > 0.005
    return np.where(moved.any(axis=1), moved.argmax(axis=1), 21).astype(float), ahead[:, :11].max(axis=1) / close - 1.0


def bars_to_hit(seed: int, leaky: bool) -> Arguments:
    def features(frame: Any) -> Any:
        made = columns(frame)
        made["bars_to_hit"] = known_by_hand(frame)[0] if leaky else (frame["high"] - frame["low"]).rolling(21).mean()
        return made

    return usual(seed, features=features)


def mfe_r(seed: int, leaky: bool) -> Arguments:
    def features(frame: Any) -> Any:
        made = columns(frame)
        made["mfe_r"] = known_by_hand(frame)[1] if leaky else frame["close"] / frame["close"].rolling(11).max() - 1.0
        return made

    return usual(seed, features=features)


def next_bar_volatility(seed: int, leaky: bool) -> Arguments:
    def features(frame: Any) -> Any:
        made = columns(frame)
        width = frame["high"] - frame["low"]
        made["range"] = width.shift(-1) if leaky else width
        return made

    return usual(seed, features=features)


# ---- L3.1 temporal ------


def centred_swings(seed: int, leaky: bool) -> Arguments:
    def features(frame: Any) -> Any:
        made = columns(frame)
        top = frame["high"].rolling(11, center=True).max() == frame["high"]
        made["swing"] = (top if leaky else top.shift(5)).fillna(False).astype(float)
        return made

    return usual(seed, features=features)


def unfinished_higher_bar(seed: int, leaky: bool) -> Arguments:
    def features(frame: Any) -> Any:
        made = columns(frame)
        hour = frame.index.floor("4h")
        closes = frame["close"].groupby(hour).last()
        opens = frame["open"].groupby(hour).first()
        body = closes / opens - 1.0
        made["h4_body"] = (body if leaky else body.shift(1)).reindex(hour).to_numpy()
        return made

    return usual(seed, features=features)


def back_filled(seed: int, leaky: bool) -> Arguments:
    def features(frame: Any) -> Any:
        made = columns(frame)
        seldom = made["r20"].where(np.abs(made["r5"]) > made["vol40"])
        made["seldom"] = seldom.bfill() if leaky else seldom.ffill()
        return made

    return usual(seed, features=features)


# ---- L3.2 dependence ------


def no_purge(seed: int, leaky: bool) -> Arguments:
    def split(X: Any, y: Any, t0: Any, t1: Any) -> Any:
        cut = int(0.7 * len(X))
        train = np.arange(cut) if leaky else np.flatnonzero(t1 < t0[cut])
        return [(train, np.arange(cut, len(X)))]

    return usual(seed, labels=lambda bars: labels(bars, 20), split=split)


def zones_of(bars: Any) -> np.ndarray:
    """The order block that was the last one to become known at each bar."""
    events = st.smc.order_blocks(bars).to_pandas().sort_values("known_at")
    known = events["known_at"].to_numpy()
    return np.searchsorted(known, np.arange(len(bars)), side="right") - 1


def one_zone_on_both_sides(seed: int, leaky: bool) -> Arguments:
    """Trades of one zone (first touch, second touch) are one event, even where their labels are apart."""

    def split(X: Any, y: Any, t0: Any, t1: Any) -> Any:
        ids = zones[t0]
        for cut in range(int(0.6 * len(X)), len(X) - 100):
            train = np.flatnonzero(t1 < t0[cut])
            shared = np.isin(ids[train], ids[cut:]) & (ids[train] >= 0)
            if leaky and shared.any():
                return [(train, np.arange(cut, len(X)))]
            if not leaky:
                return [(train[~shared], np.arange(cut, len(X)))]
        raise ValueError("no zone crosses a border")

    bars = bars_of(seed)
    zones = zones_of(bars)
    return usual(seed, split=split, events=zones, canary=False)


def one_stamp_on_both_sides(seed: int, leaky: bool) -> Arguments:
    """Two symbols, split by symbol and then in time by row number."""
    tables = [table_of(seed), table_of(seed + 500)]
    X = np.vstack([t[0] for t in tables])
    y, t0, t1 = (np.concatenate([t[k] for t in tables]) for k in (1, 2, 3))
    groups = np.repeat(["A", "B"], [len(t[0]) for t in tables])
    if leaky:
        # One symbol ends later in its file: by share of its own rows the border lies on another day.
        first = np.flatnonzero(groups == "A")
        second = np.flatnonzero(groups == "B")
        cut_a, cut_b = int(0.6 * len(first)), int(0.75 * len(second))
        parts = [(first, cut_a), (second, cut_b)]
        train = np.concatenate([rows[:cut][t1[rows[:cut]] < t0[rows[cut]]] for rows, cut in parts])
        held = np.concatenate([rows[cut:] for rows, cut in parts])
    else:
        border = np.quantile(t0, 0.7)
        train, held = np.flatnonzero(t1 < border), np.flatnonzero(t0 >= border)
    return as_table(X, y, [(train, held)], honest_fit, seed) | {"intervals": (t0, t1), "groups": groups}


# ---- L3.3 the test part is not what is traded ------


def only_decided_trades(seed: int, leaky: bool) -> Arguments:
    def three(bars: Any) -> Any:
        return st.triple_barrier(bars, horizon=HORIZON, target=2.0, stop=2.0, timeout="zero", costs=None)

    def split(X: Any, y: Any, t0: Any, t1: Any) -> Any:
        pairs = walk_forward(X, y, t0, t1)
        return [(train, held[y[held] != 0]) for train, held in pairs] if leaky else pairs

    def fit(X: Any, y: Any, train: Any, held: Any) -> Any:
        decided = train[y[train] != 0]
        return np.where(ridge(scaled(X, train), y, decided) > 0, 1.0, -1.0)[held]

    return usual(seed, labels=three, split=split, fit=fit, canary=False)


def only_blocks_that_held(seed: int, leaky: bool) -> Arguments:
    """Decisions at swing lows that broke a level; leaky: only those whose low was not undercut afterwards."""

    def chosen(bars: Any) -> np.ndarray:
        low = np.asarray(bars.low)
        window = np.lib.stride_tricks.sliding_window_view(low, 12)
        lowest = np.r_[np.zeros(11, dtype=bool), window[:, -1] <= window[:, :-1].min(axis=1) * 1.002]
        rows = np.flatnonzero(lowest)
        if leaky:
            later = np.lib.stride_tricks.sliding_window_view(np.r_[low, np.full(16, np.inf)], 16)[:, 1:]
            rows = rows[later[rows].min(axis=1) > low[rows] * 0.9995]
        return rows[rows < len(low) - 1]

    def at_blocks(bars: Any) -> Any:
        return st.triple_barrier(
            bars, horizon=HORIZON, target=2.0, stop=2.0, timeout="sign", costs=None, rows=chosen(bars)
        )

    return usual(seed, labels=at_blocks)


def hours_chosen_on_held_rows(seed: int, leaky: bool) -> Arguments:
    def features(frame: Any) -> Any:
        made = columns(frame)
        made["hour"] = frame.index.hour.astype(float)
        return made

    def fit(X: Any, y: Any, train: Any, held: Any) -> Any:
        said = classes(ridge(scaled(X[:, :-1], train), y, train), y)
        watched = held if leaky else train
        hour = X[:, -1].astype(int)
        right = np.array([
            np.mean(said[watched][hour[watched] == h] == y[watched][hour[watched] == h]) if (hour[watched] == h).any()
            else 0.0 for h in range(24)
        ])  # fmt: skip
        good = np.isin(hour[held], np.argsort(-right, kind="stable")[:8])
        return np.where(good, said[held], np.nan)

    return usual(seed, features=features, fit=fit)


PIPELINES = (
    Pipeline("L1.1 no test set", "scored on training rows", "(split)", scored_on_training_rows),
    Pipeline("L1.1 no test set", "early stopping on held rows", "(fit)", stopped_on_held_rows),
    Pipeline("L1.1 no test set", "threshold on held rows", "(fit)", threshold_on_held_rows),
    Pipeline("L1.2 preprocessing", "scaler on all rows", "(fit)", scaler_on_all_rows),
    Pipeline("L1.2 preprocessing", "clip on all rows", "(fit)", clip_on_all_rows),
    Pipeline("L1.2 preprocessing", "PCA on all rows", "(fit)", pca_on_all_rows),
    Pipeline("L1.3 selection on all rows", "top 10 by correlation", "(fit)", chosen_by_correlation),
    Pipeline("L1.3 selection on all rows", "forest importance", "(fit)", chosen_by_forest),
    Pipeline("L1.3 selection on all rows", "target encoding", "(fit)", target_encoding),
    Pipeline("L1.4 duplicates", "exact copies", "(rows)", exact_copies),
    Pipeline("L1.4 duplicates", "jittered copies before the split", "(rows)", jittered_copies),
    Pipeline("L1.4 duplicates", "SMOTE before the split", "(rows)", smote_before_split),
    Pipeline("L2 illegitimate columns", "bars to hit", "bars_to_hit", bars_to_hit),
    Pipeline("L2 illegitimate columns", "best excursion", "mfe_r", mfe_r),
    Pipeline("L2 illegitimate columns", "next-bar volatility", "range", next_bar_volatility),
    Pipeline("L3.1 temporal", "centred swing flag", "swing", centred_swings),
    Pipeline("L3.1 temporal", "unfinished higher bar", "h4_body", unfinished_higher_bar),
    Pipeline("L3.1 temporal", "back-filled gaps", "seldom", back_filled),
    Pipeline("L3.2 dependence", "no purge with h = 20", "(split)", no_purge),
    Pipeline("L3.2 dependence", "one zone on both sides", "(split)", one_zone_on_both_sides),
    Pipeline("L3.2 dependence", "one moment on both sides", "(split)", one_stamp_on_both_sides),
    Pipeline("L3.3 target distribution", "only decided trades", "(split)", only_decided_trades),
    Pipeline("L3.3 target distribution", "only blocks that held", "(labels)", only_blocks_that_held),
    Pipeline("L3.3 target distribution", "hours chosen on held rows", "(fit)", hours_chosen_on_held_rows),
)


def judge(pipeline: Pipeline, seed: int, leaky: bool) -> Outcome:
    """The audit of one pipeline."""
    started = time.perf_counter()
    report = st.audit_pipeline(**pipeline.make(seed, leaky))
    first = report.findings[0] if report.findings else None
    return Outcome(
        pipeline.kind,
        pipeline.name,
        leaky,
        seed,
        not report.ok,
        any(finding.column == pipeline.where for finding in report.findings),
        "" if first is None else f"{first.column} {first.kind}: {first.detail}",
        round(time.perf_counter() - started, 2),
    )


def summary(outcomes: list[Outcome]) -> str:
    """The table, and the two numbers of the goal."""
    lines = ["| type | leak | found | named | clean twin | first finding |", "|---|---|---|---|---|---|"]
    for pipeline in PIPELINES:
        mine = [o for o in outcomes if o.name == pipeline.name]
        leaky, clean = [o for o in mine if o.leaky], [o for o in mine if not o.leaky]
        if mine:
            alarms = sum(o.found for o in clean)
            lines.append(
                f"| {pipeline.kind} | {pipeline.name} | {sum(o.found for o in leaky)} of {len(leaky)} | "
                f"{sum(o.named for o in leaky)} | {alarms} alarm{'' if alarms == 1 else 's'} of {len(clean)} | "
                f"{next((o.first for o in leaky if o.first), '').replace('|', '/')} |"
            )
    leaky, clean = [o for o in outcomes if o.leaky], [o for o in outcomes if not o.leaky]
    found, alarms = sum(o.found for o in leaky), sum(o.found for o in clean)
    seeds = max(1, len({o.seed for o in outcomes}))
    lines += [
        "",
        f"Found {found} of {len(leaky)} ({found / max(1, len(leaky)):.1%}; goal 95 %), named "
        f"{sum(o.named for o in leaky)}; false alarms {alarms} of {len(clean)} ({alarms / seeds:.2f} in 24; goal "
        "at most 1).",
    ]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=1, help="first seed")
    parser.add_argument("--only", nargs="+", default=None, help="parts of names")
    parser.add_argument("--out", type=Path, default=None)
    told = parser.parse_args()
    outcomes: list[Outcome] = []
    for seed in range(told.first, told.first + told.seeds):
        for pipeline in PIPELINES:
            if told.only and not any(part.lower() in pipeline.name.lower() for part in told.only):
                continue
            for leaky in (True, False):
                outcomes.append(judge(pipeline, seed, leaky))
                o = outcomes[-1]
                if o.found != o.leaky or (o.leaky and not o.named):
                    print(f"seed {seed} {o.name} ({'leaky' if leaky else 'clean'}): {o.first or 'nothing found'}")
    text = summary(outcomes)
    print(text)
    if told.out is not None:
        told.out.mkdir(parents=True, exist_ok=True)
        (told.out / "leaks.md").write_text(text + "\n", encoding="utf-8")
        (told.out / "leaks.json").write_text(json.dumps([asdict(o) for o in outcomes], indent=1), encoding="utf-8")
    leaky, clean = [o for o in outcomes if o.leaky], [o for o in outcomes if not o.leaky]
    good = sum(o.found for o in leaky) >= 0.95 * len(leaky) and sum(o.found for o in clean) * 24 <= max(24, len(clean))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
