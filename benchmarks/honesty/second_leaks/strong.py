"""Clean pipelines that look guilty: strong columns, odd names, rows that are equal for good reasons."""

from __future__ import annotations

from typing import Any

import numpy as np

import smctrain as st

from .base import HORIZON, N_BARS, N_ROWS, Array, Rows, case, forest, on_bars, on_table
from .rows import plain

NAMES = [
    "target_distance_atr", "future_roll_days", "exit_side", "label_age", "mfe_prev", "pnl_before",
    "outcome_last", "next_session_minutes", "hit_count", "answer", "y_lag", "t1_prev",
]  # fmt: skip


def signal(seed: int, a: float, **more: Any) -> dict[str, Any]:
    """Process P(a): one column knows something, legally."""
    table = st.testing.noise_table(N_ROWS, signal=a, seed=seed)
    return on_table(seed, X=table.X, y=table.y.astype(np.float64)) | more


@case("clean")
def planted_signal_of_a_market(seed: int, leaky: bool) -> dict[str, Any]:
    bars = st.simulate_market(n_symbols=1, n_bars=N_BARS, seed=seed)["SIM1", "M15"]

    def features(d: Any) -> Any:
        return plain(d).assign(busy=np.log1p(d.volume).ewm(span=10).mean())

    return on_bars(seed, features, bars=bars)


@case("clean")
def strong_signal_with_suspicious_names(seed: int, leaky: bool) -> dict[str, Any]:
    return signal(seed, 0.20, names=NAMES)


@case("clean")
def very_strong_signal_in_one_column(seed: int, leaky: bool) -> dict[str, Any]:
    return signal(seed, 0.25)


@case("clean")
def folds_on_both_sides_of_strong_rows(seed: int, leaky: bool) -> dict[str, Any]:
    rows = np.arange(N_ROWS)
    cv = st.splits.PurgedKFold(4, embargo=HORIZON, intervals=(rows, rows + HORIZON))
    return signal(seed, 0.20, split=lambda X, y, t0, t1: list(cv.split(X)))


@case("clean")
def prices_that_stand_still(seed: int, leaky: bool) -> dict[str, Any]:
    table = st.testing.noise_table(N_ROWS, seed=seed)
    still = np.arange(N_ROWS) // 40 % 4 == 0  # nights and holidays: the last quote is repeated
    last = np.maximum.accumulate(np.where(still, 0, np.arange(N_ROWS)))
    return on_table(seed, X=table.X[last])


@case("clean")
def night_without_movement(seed: int, leaky: bool) -> dict[str, Any]:
    table = st.testing.noise_table(N_ROWS, seed=seed)
    asleep = np.arange(N_ROWS) % 96 < 32  # all columns of moves are 0, and nothing happens
    y = np.where(asleep & (np.arange(N_ROWS) % 96 < 22), 0.0, table.y + 1.0)
    return on_table(seed, X=np.where(asleep[:, None], 0.0, table.X), y=y)


@case("clean")
def constant_and_doubled_columns(seed: int, leaky: bool) -> dict[str, Any]:
    table = st.testing.noise_table(N_ROWS, seed=seed)
    X = np.column_stack([table.X, np.ones(N_ROWS), table.X[:, 0], np.full(N_ROWS, np.nan), np.zeros(N_ROWS)])
    return on_table(seed, X=X)


@case("clean")
def discrete_columns_only(seed: int, leaky: bool) -> dict[str, Any]:
    table, hour = st.testing.noise_table(N_ROWS, signal=0.20, seed=seed), np.arange(N_ROWS) // 4 % 24
    X = np.column_stack([hour, np.arange(N_ROWS) // 96 % 5, hour // 8, np.digitize(table.X[:, 0], [-1, 0, 1])])
    return on_table(seed, X=X.astype(float), y=table.y.astype(np.float64))


@case("clean")
def a_few_flags(seed: int, leaky: bool) -> dict[str, Any]:
    return signal(seed, 0.20) | {"X": (signal(seed, 0.20)["X"][:, [0, 1, 9]] > 0).astype(float)}


@case("clean")
def calendar_that_is_known_ahead(seed: int, leaky: bool) -> dict[str, Any]:
    def features(d: Any) -> Any:
        minute = d.index.hour * 60 + d.index.minute
        to_news = (13 * 60 + 30 - minute) % 1440
        days = (4 - d.index.day_of_week) % 5
        return plain(d).assign(minutes_to_close=1440 - minute, minutes_to_news=to_news, days_to_expiry=days)

    return on_bars(seed, features)


@case("clean")
def model_without_a_seed(seed: int, leaky: bool) -> dict[str, Any]:
    def fit(X: Array, y: Array, train: Rows, held: Rows) -> Array:
        from sklearn.ensemble import RandomForestClassifier

        return np.asarray(
            RandomForestClassifier(20, min_samples_leaf=10).fit(X[train], y[train]).predict_proba(X[held])
        )

    return signal(seed, 0.20, fit=fit)


@case("clean")
def scaled_as_the_rows_come(seed: int, leaky: bool) -> dict[str, Any]:
    def fit(X: Array, y: Array, train: Rows, held: Rows) -> Array:
        n = np.arange(1, len(X) + 1)[:, None]  # statistics of all rows up to this one, held-out ones too
        mean = np.cumsum(X, 0) / n
        Z = (X - mean) / np.sqrt(np.maximum(np.cumsum(X**2, 0) / n - mean**2, 1e-9))
        return forest(Z, y, train, held)

    return on_table(seed, fit=fit)


@case("clean")
def learning_on_as_labels_arrive(seed: int, leaky: bool) -> dict[str, Any]:
    def fit(X: Array, y: Array, train: Rows, held: Rows) -> Array:
        said = np.empty(len(held))
        for a in range(0, len(held), 50):  # refitted every 50 rows on all labels known by then
            known = np.arange(held[a] - HORIZON)  # their labels ended before this row
            w = np.linalg.lstsq(np.c_[X[known], np.ones(len(known))], y[known], rcond=None)[0]
            said[a : a + 50] = np.c_[X[held[a : a + 50]], np.ones(len(held[a : a + 50]))] @ w
        return np.clip(said, 0, 1)

    return on_table(seed, fit=fit)


@case("clean")
def slow_columns_in_coarse_steps(seed: int, leaky: bool) -> dict[str, Any]:
    def features(d: Any) -> Any:
        slow = d.close.ewm(span=300).mean()
        return d[[]].assign(
            slow=slow.round(2), place=(d.close / slow).round(3), atr=(d.high - d.low).ewm(span=100).mean().round(3)
        )

    return on_bars(seed, features)


@case("clean")
def rare_class_and_missing_values(seed: int, leaky: bool) -> dict[str, Any]:
    job = signal(seed, 0.20)
    X = job["X"].copy()
    X[: N_ROWS // 2, 4] = np.nan
    X[np.random.default_rng(seed).random(X.shape) < 0.05] = np.nan
    y = np.where(np.arange(N_ROWS) // 15 % 12 == 0, 2.0, job["y"])
    return job | {"X": X, "y": y}


@case("clean")
def market_that_only_rises(seed: int, leaky: bool) -> dict[str, Any]:
    table = st.testing.noise_table(N_ROWS, seed=seed)
    p = table.p + 0.35 * np.arange(N_ROWS + HORIZON)
    return on_table(seed, X=np.column_stack([table.X, p[:N_ROWS]]), y=(p[HORIZON:] > p[:N_ROWS]).astype(float))


@case("clean")
def sums_with_rounding(seed: int, leaky: bool) -> dict[str, Any]:
    def features(d: Any) -> Any:
        total = d.close.cumsum()
        taps = np.exp(-np.arange(60) / 15)
        causal = np.convolve(d.close, taps / taps.sum())[: len(d)]
        return d[[]].assign(
            mean=(total - total.shift(20)) / 20 - d.close,
            skew=d.close.diff().rolling(40).skew(),
            filtered=causal - d.close,
            single=d.close.astype("float32").diff(3),
        )

    return on_bars(seed, features)
