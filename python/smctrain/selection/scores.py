"""What each column alone tells about the target, and how columns correlate."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain import _load
from smctrain.exceptions import InputError
from smctrain.selection.problem import Problem, target_of

SCORES = ("forest", "mutual_info", "f")
N_BINS = 16
N_TREES = 100
MAX_DEPTH = 7


def as_matrix(X: Any) -> NDArray[np.float32]:
    """X as float32 (n, d) in C order; infinities become missing."""
    matrix = np.ascontiguousarray(X, dtype=np.float32)
    if matrix.ndim != 2:
        raise InputError(f"X must have 2 dimensions, but has {matrix.ndim}.")
    return np.where(np.isinf(matrix), np.float32(np.nan), matrix) if np.isinf(matrix).any() else matrix


def _weight(sample_weight: Any) -> NDArray[np.float64] | None:
    return None if sample_weight is None else np.ascontiguousarray(sample_weight, dtype=np.float64)


def f_scores(
    X: Any, y: Any, *, task: str = "auto", sample_weight: Any = None, threads: int = 1
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """F statistic and p of each column: one-way ANOVA for classes, linear regression for numbers.

    Equal to scikit-learn's `f_classif` and `f_regression`, except that missing values are left out column by column,
    and a column that says nothing (constant, fewer than two classes left) has F 0 and p 1. A column that tells the
    classes apart without error has F infinite and p 0.

    Parameters
    ----------
    X : (n, d)
        Known when the decision is made; NaN is missing.
    y : (n,)
    task : "auto", "classification" or "regression"
        "auto": text, booleans and at most 10 different whole numbers are classes.
    sample_weight : (n,), optional
        How many rows a row counts for: weight 2 is a row given twice.
    threads : int

    Returns
    -------
    (F, p) : float64 (d,), float64 (d,)
    """
    target, n_classes = target_of(y, task)
    found = _load.core().f_scores(as_matrix(X), target, n_classes, _weight(sample_weight), threads)
    return found["f"], found["p"]


def mutual_information(
    X: Any,
    y: Any,
    *,
    task: str = "auto",
    estimator: str = "binned",
    n_bins: int = N_BINS,
    n_neighbors: int = 3,
    random_state: int = 0,
    sample_weight: Any = None,
    threads: int = 1,
) -> NDArray[np.float64]:
    """Mutual information of each column and the target, in nats, at least 0.

    Parameters
    ----------
    X : (n, d)
        NaN is missing: a bin of its own when binned, left out column by column with neighbours.
    y : (n,)
    task : "auto", "classification" or "regression"
    estimator : "binned" or "neighbors"
        "binned" (default, fast): between quantile bins, less the bias after Miller and Madow. "neighbors": Kraskov's
        and Ross' estimators, equal to scikit-learn's `mutual_info_classif` and `mutual_info_regression` with the same
        `n_neighbors` and `random_state` (their tiny noise included) where nothing is missing.
    n_bins : int
        Bins of a column, and of a numeric target.
    n_neighbors, random_state : int
        For "neighbors".
    sample_weight : (n,), optional
        For "binned": how many rows a row counts for.

    Returns
    -------
    float64 (d,)
    """
    matrix = as_matrix(X)
    target, n_classes = target_of(y, task)
    if len(target) != len(matrix):
        raise InputError(f"y must have {len(matrix)} entries, one for each row of X, but has {len(target)}.")
    if estimator == "binned":
        weight = _weight(sample_weight)
        binned: NDArray[np.float64] = _load.core().binned_information(
            matrix, target, n_classes, weight, n_bins, threads
        )
        return binned
    if estimator != "neighbors":
        raise InputError(f"estimator must be 'binned' or 'neighbors', but is {estimator!r}.")
    if sample_weight is not None:
        raise InputError("sample_weight has no meaning between neighbours: use estimator='binned'.")
    return _by_neighbours(np.asarray(X, dtype=np.float64), target, n_classes, n_neighbors, random_state)


def _by_neighbours(
    X: NDArray[np.float64], target: NDArray[Any], n_classes: int, k: int, seed: int
) -> NDArray[np.float64]:
    # Scale and noise as scikit-learn's, drawn in its order: ties are broken alike, so values are equal.
    noise = np.random.RandomState(seed)
    columns = X.copy()
    columns[~np.isfinite(columns)] = np.nan
    present = ~np.isnan(columns)
    filled = np.where(present, columns, 0.0)
    counts = np.maximum(1, present.sum(axis=0))
    centred = np.where(present, filled - filled.sum(axis=0) / counts, 0.0)
    spread = np.sqrt((centred**2).sum(axis=0) / counts)
    filled /= np.where(spread > 10 * np.finfo(np.float64).eps * np.abs(filled).max(axis=0, initial=0.0), spread, 1.0)
    size = np.maximum(1.0, np.abs(filled).sum(axis=0) / counts)
    filled += 1e-10 * size * noise.standard_normal(size=filled.shape)
    if n_classes == 1:
        deviation = target.std()
        target = target / (deviation if deviation > 0.0 else 1.0)
        target = target + 1e-10 * max(1.0, float(np.mean(np.abs(target)))) * noise.standard_normal(len(target))
    information = np.zeros(X.shape[1])
    for j in range(X.shape[1]):
        rows = present[:, j]
        if int(rows.sum()) > k:
            x = np.ascontiguousarray(filled[rows, j])
            y = np.ascontiguousarray(target[rows])
            information[j] = _load.core().neighbour_information(x, y, n_classes, k)
    return information


def correlation_matrix(X: Any, method: str = "pearson", *, threads: int = 1) -> NDArray[np.float64]:
    """Correlation of all pairs of columns, over the rows where both have a value (as pandas' `corr`).

    Parameters
    ----------
    X : (n, d)
    method : "pearson" or "spearman"

    Returns
    -------
    float64 (d, d)
        NaN where a pair has fewer than 3 rows or no spread.
    """
    if method not in ("pearson", "spearman"):
        raise InputError(f"method must be 'pearson' or 'spearman', but is {method!r}.")
    matrix: NDArray[np.float64] = _load.core().correlation_matrix(as_matrix(X), method == "spearman", threads)
    return matrix


def column_scores(problem: Problem, scores: tuple[str, ...]) -> NDArray[np.float64]:
    """Scores (len(scores), d) in the order forest, mutual_info, f; no rows when the work was ended."""
    unknown = [name for name in scores if name not in SCORES]
    if unknown or not scores or len(set(scores)) != len(scores):
        raise InputError(f"scores must be different ones of {', '.join(SCORES)}, but are {scores!r}.")
    found: NDArray[np.float64] = _load.core().column_scores(
        problem.X, problem.y, problem.n_classes, problem.weight, list(scores), N_TREES, MAX_DEPTH, N_BINS,
        problem.seed, problem.threads, problem.stop, problem.time_limit_s,
    )  # fmt: skip
    return found


def mean_of_scores(lists: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of the lists, each divided by its largest value; infinite values count as the largest."""
    total = np.zeros(lists.shape[1])
    for values in lists:
        finite = values[np.isfinite(values)]
        largest = float(finite.max(initial=0.0))
        bounded = np.where(np.isfinite(values), values, largest if largest > 0.0 else 1.0)
        top = float(bounded.max(initial=0.0))
        total += bounded / top if top > 0.0 else 0.0
    return total / max(1, len(lists))


def rank_consensus(lists: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the lists (rows) of (p - rank) / (p - 1): 1 is best everywhere. Ties share their ranks."""
    found: NDArray[np.float64] = _load.core().rank_consensus(np.ascontiguousarray(lists, dtype=np.float64))
    return found
