"""What hostile.py gives to a verdict: a table, and the answers of light models that are fitted in milliseconds."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import smctrain as st
from smctrain.verdict import Verdict

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
WINDOWS, FOLDS = 5, 3
FIRST = 1720
"""Where the test begins, as in the goals."""


@dataclass(frozen=True)
class Table:
    """What a user gives."""

    X: Floats
    y: Labels
    t1: Labels
    """Last row of the label of row i, which begins at i."""
    first: int = FIRST
    outcomes: Floats | None = None
    """Net outcome in R of the trade on each row."""
    told: int | None = None
    """Horizon that the user states, where it is not the true one."""

    @property
    def horizon(self) -> int:
        return self.told or int(np.max(self.t1 - np.arange(len(self.y))))


@dataclass(frozen=True)
class Answers:
    """What `decide` reads. Rows are positions in the table."""

    oos: Labels
    inner: Labels
    train: Labels
    rows: Labels
    inner_rows: Labels


def lightly(table: Table, *, models: int = 4, columns: str = "halves", seed: int = 0) -> Answers:
    """Answers of `models` light models: forward in WINDOWS windows, out of fold on FOLDS purged folds, in-sample."""
    n, first = len(table.y), table.first
    picks = _picks(table.X.shape[1], models, columns, seed)
    purge = table.horizon
    inner = np.arange(first)[table.t1[:first] < first]
    oos_parts, edges = [], np.linspace(first, n, WINDOWS + 1).astype(int)
    for start, stop in itertools.pairwise(edges):
        train = np.flatnonzero(table.t1[:start] < start)
        oos_parts.append(_fit(table, picks, train)(np.arange(start, stop)))
    folds = np.array_split(inner, FOLDS)
    inner_parts = []
    for fold in folds:
        apart = (table.t1[inner] < fold[0] - purge) | (inner > table.t1[fold].max() + purge)
        inner_parts.append(_fit(table, picks, inner[apart])(fold))
    return Answers(
        np.concatenate(oos_parts, axis=1), np.concatenate(inner_parts, axis=1), _fit(table, picks, inner)(inner),
        np.arange(first, n), inner,
    )  # fmt: skip


def _picks(d: int, models: int, columns: str, seed: int) -> list[tuple[bool, NDArray[np.int64]]]:
    """(quintiles or not, columns) of each model."""
    if columns == "halves":
        sets = [np.arange(d), np.arange(0, d, 2)]
        return [(m % 2 == 1, sets[m // 2 % 2]) for m in range(models)]
    rng = np.random.default_rng([seed, 5])
    return [(m % 2 == 1, np.sort(rng.permutation(d)[: max(1, d // 2)])) for m in range(models)]


def _fit(table: Table, picks: list[tuple[bool, NDArray[np.int64]]], train: Labels) -> Callable[[Labels], Labels]:
    X, y = table.X, table.y[train]
    classes, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    share = counts.max() / len(y)
    weight = np.sqrt(1.0 / counts[codes] if share > 0.6 else np.full(len(y), 1.0 / len(y)))
    target = (codes[:, None] == np.arange(len(classes))) - (1.0 / len(classes) if share > 0.6 else counts / len(y))
    fitted = []
    for binned, chosen in picks:
        see = _seen(X[:, chosen], train, binned)
        A = see(train) * weight[:, None]
        penalty = np.eye(A.shape[1]) * 1e-2
        fitted.append((see, np.linalg.solve(A.T @ A + penalty, A.T @ (target * weight[:, None]))))

    def answer(rows: Labels) -> Labels:
        return np.stack([classes[(see(rows) @ w).argmax(axis=1)] for see, w in fitted])

    return answer


def _seen(X: Floats, train: Labels, binned: bool) -> Callable[[Labels], Floats]:
    if binned:
        cuts = np.quantile(X[train], [0.2, 0.4, 0.6, 0.8], axis=0)
        return lambda rows: np.hstack([np.ones((len(rows), 1)), *((X[rows] > cut).astype(np.float64) for cut in cuts)])
    middle, scale = X[train].mean(axis=0), X[train].std(axis=0) + 1e-12
    return lambda rows: np.hstack([np.ones((len(rows), 1)), np.clip((X[rows] - middle) / scale, -4, 4)])


def judged(table: Table, answers: Answers, **more: Any) -> Verdict:
    """As a training run asks."""
    y, rows, inner = table.y, answers.rows, answers.inner_rows
    r = table.outcomes
    given: dict[str, Any] = {
        "r_net": None if r is None else r[rows], "inner_r_net": None if r is None else r[inner], "out_of_fold": True,
    }  # fmt: skip
    return st.decide(
        y[rows], answers.oos, table.horizon, y[inner], answers.inner, y[inner], answers.train, **(given | more)
    )
