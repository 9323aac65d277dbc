"""Columns that know the answer only together, such as the price of the entry and that of the exit.

A linear model of all columns, fitted on training rows, that orders held-out rows with an AUC above 0.90 (surely so) is
too good for any market. It is asked twice: with the columns as they are, and with products of those of few values, such
as the side of a trade and whether it was won. The columns it needs are what is left when others go one after another,
and are named. An outcome that is spread over columns in another way is not found here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from smctrain.audit.dominance import auc_limit
from smctrain.audit.report import Finding

MAX_TOGETHER = 0.90
MOST_ROWS, MOST_COLUMNS = 2_000, 1_000
FEW_VALUES, MOST_FLAGS = 5, 20
_NEEDED, _RIDGE = 8, 1e-8

Rows = NDArray[np.int64]
Folds = Sequence[tuple[Rows, Rows]]
# A column, or two whose product is meant.
Term = tuple[int, ...]


def dominant_together(
    X: NDArray[np.float32], y: NDArray[np.int32], folds: Folds, names: Sequence[str], n_classes: int, mean_span: float
) -> list[Finding]:
    """At most one finding, kind "dominance"; its column is the names, joined by ", ".

    Parameters
    ----------
    X : float32 (n, d)
    y : int32 (n,)
        Class codes of the rows that the folds name.
    folds : list of (train rows, held-out rows)
    mean_span : float
        Rows that a label covers on average.
    """
    if not folds or not 2 <= X.shape[1] <= MOST_COLUMNS:
        return []
    scored = np.concatenate([held for _, held in folds])
    limit = auc_limit(y[scored], n_classes, mean_span, MAX_TOGETHER)
    folds = [(_spread(train), _spread(held)) for train, held in folds]
    alone: list[Term] = [(j,) for j in range(X.shape[1])]
    flags = _flags(X, folds[-1][0])
    products: list[Term] = [(a, b) for k, a in enumerate(flags) for b in flags[k + 1 :]]
    for terms in (alone, alone + products) if products else (alone,):
        auc, weights = _linear(X, y, folds, terms, n_classes)
        if auc <= limit:
            continue
        needed, reached = _needed(
            X, y, folds, [terms[k] for k in np.argsort(-weights, kind="stable")], n_classes, limit
        )
        words = (
            f"a linear model of all columns reaches an AUC of {auc:.3f} on rows held out (limit {limit:.2f}), one of "
            f"these {reached:.3f}: together they are the outcome"
        )
        columns = sorted({j for term in needed for j in term})
        return [Finding(", ".join(names[j] for j in columns), "dominance", -1, len(scored), auc, words)]
    return []


def _needed(
    X: NDArray[np.float32], y: NDArray[np.int32], folds: Folds, terms: list[Term], n_classes: int, limit: float
) -> tuple[list[Term], float]:
    """Of the heaviest terms (`terms` is in that order) those that stay above the limit, and their AUC."""
    needed = terms[:_NEEDED]
    best = _linear(X, y, folds, needed, n_classes)[0]
    for term in reversed(list(needed)):
        without = [other for other in needed if other != term]
        score = _linear(X, y, folds, without, n_classes)[0] if without else 0.0
        if score > min(limit, best):
            needed, best = without, score
    return needed, best


def _flags(X: NDArray[np.float32], rows: Rows) -> list[int]:
    """Columns of few values."""
    found: list[int] = []
    for j in range(X.shape[1]):
        values = X[rows, j]
        if len(found) < MOST_FLAGS and 2 <= len(np.unique(values[np.isfinite(values)])) <= FEW_VALUES:
            found.append(j)
    return found


def _spread(rows: Rows) -> Rows:
    """At most `MOST_ROWS` of the rows, evenly spread."""
    if len(rows) <= MOST_ROWS:
        return rows
    some: Rows = rows[np.linspace(0, len(rows) - 1, MOST_ROWS).astype(np.int64)]
    return some


def _linear(
    X: NDArray[np.float32], y: NDArray[np.int32], folds: Folds, terms: list[Term], n_classes: int
) -> tuple[float, NDArray[np.float64]]:
    """Mean out-of-fold AUC of least squares, one class against the rest; mean size of the weights (terms,)."""
    scores, sizes = [], []
    for train, held in folds:
        with np.errstate(invalid="ignore"):  # infinite values count as missing
            A, B = _standard(_values(X, train, train, terms), _values(X, held, train, terms))
        targets = (y[train][:, None] == np.arange(n_classes)).astype(np.float64)
        gram = A.T @ A + _RIDGE * len(A) * np.eye(A.shape[1])
        weights = np.linalg.solve(gram, A.T @ (targets - targets.mean(axis=0)))
        sizes.append(np.abs(weights).max(axis=1))
        said = B @ weights
        scores += [_auc(said[:, k], y[held] == k) for k in range(n_classes)]
    known = [score for score in scores if np.isfinite(score)]
    return (float(np.mean(known)) if known else 0.5), np.mean(sizes, axis=0)


def _values(X: NDArray[np.float32], rows: Rows, train: Rows, terms: list[Term]) -> NDArray[np.float64]:
    """The terms on `rows`; factors of a product are centred on training rows."""
    a, b = np.array([term[0] for term in terms]), np.array([term[-1] for term in terms])
    double = np.array([len(term) == 2 for term in terms])
    values: NDArray[np.float64] = X[rows[:, None], a[None, :]].astype(np.float64)
    if double.any():
        centre = np.zeros(X.shape[1])
        for j in np.unique(np.concatenate([a[double], b[double]])).tolist():
            known = X[train, j][np.isfinite(X[train, j])]
            centre[j] = float(known.mean()) if len(known) else 0.0
        second = X[rows[:, None], b[double][None, :]] - centre[b[double]]
        values[:, double] = (values[:, double] - centre[a[double]]) * second
    return values


def _standard(train: NDArray[np.float64], held: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both in the standard deviations of the first; missing values are its mean."""
    known = np.isfinite(train)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, train, 0.0).sum(axis=0) / count
    spread = np.sqrt((np.where(known, train - mean, 0.0) ** 2).sum(axis=0) / count)
    scale = np.where(spread > 0, 1.0 / np.where(spread > 0, spread, 1.0), 0.0)

    def scaled(part: NDArray[np.float64]) -> NDArray[np.float64]:
        values: NDArray[np.float64] = np.where(np.isfinite(part), (part - mean) * scale, 0.0)
        return values

    return scaled(train), scaled(held)


def _auc(score: NDArray[np.float64], member: NDArray[np.bool_]) -> float:
    """Share of (member, other) pairs in the right order, ties half; NaN without both."""
    many, few = int(member.sum()), int((~member).sum())
    if not many or not few:
        return float("nan")
    others = np.sort(score[~member])
    below = np.searchsorted(others, score[member], "left") + np.searchsorted(others, score[member], "right")
    return float(below.sum() / (2.0 * many * few))


__all__ = ["MAX_TOGETHER", "dominant_together"]
