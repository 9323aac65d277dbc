"""Added after the guard had been read and mended: these are no independent test, and are counted apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from .base import HORIZON, N_ROWS, Array, Rows, case, on_table
from .fits import inner
from .tables import moves, with_columns


@case("later", "side", "won")
def side_and_whether_it_won(seed: int, leaky: bool) -> dict[str, Any]:
    side = np.random.default_rng(seed).choice([-1.0, 1.0], N_ROWS)
    won = (side * moves(seed)[1] > 0).astype(float)
    return with_columns(seed, side=side, won=won if leaky else np.r_[np.zeros(HORIZON), won[:-HORIZON]])


@case("later", "(fit)")
def model_without_a_seed_stopped_on_the_test(seed: int, leaky: bool) -> dict[str, Any]:
    def fit(X: Array, y: Array, train: Rows, held: Rows) -> Array:
        from sklearn.ensemble import RandomForestClassifier

        learn, judge = (train, held) if leaky else inner(train)
        best, kept = -1.0, None
        for depth in (1, 2, 3, 4, 5):
            model = RandomForestClassifier(10, max_depth=depth).fit(X[learn], y[learn])
            right = model.score(X[judge], y[judge])
            best, kept = (right, model) if right > best else (best, kept)
        return np.asarray(kept.predict(X[held]), np.float64)

    return on_table(seed, fit=fit)


@case("later", "(rows)", "(split)")
def rare_class_copied_before_the_split(seed: int, leaky: bool) -> dict[str, Any]:
    job = on_table(seed)
    y = np.where((moves(seed)[1] > 1.9), 2.0, job["y"])
    rare = np.flatnonzero(y == 2.0) if leaky else np.flatnonzero(y[: N_ROWS * 7 // 10 - 12] == 2.0)
    many = np.repeat(rare, 15)  # put before the table, where the split calls them training
    n, k = N_ROWS + len(many), len(many)
    rows = np.arange(n)
    X, y = np.vstack([job["X"][many], job["X"]]), np.r_[y[many], y]
    cut = k + N_ROWS * 7 // 10
    split = [(rows[: cut - HORIZON], rows[cut:])]
    return job | {"X": X, "y": y, "intervals": (rows, rows + HORIZON), "split": split}


@case("clean")
def ranks_among_symbols_of_one_moment(seed: int, leaky: bool) -> dict[str, Any]:
    job = on_table(seed)
    t0 = np.arange(N_ROWS) // 5  # five symbols a moment

    def fit(X: Array, y: Array, train: Rows, held: Rows) -> Array:
        Z = X - np.repeat(X.reshape(-1, 5, X.shape[1]).mean(1), 5, axis=0)
        w = np.linalg.lstsq(Z[train], y[train] - 0.5, rcond=None)[0]
        return np.clip(0.5 + Z[held] @ w, 0, 1)

    groups = np.arange(N_ROWS) % 5
    return job | {"intervals": (t0, t0 + HORIZON), "groups": groups, "fit": fit}
