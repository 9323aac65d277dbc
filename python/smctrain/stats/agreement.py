"""How far rankings agree, and which columns say the same."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Set
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from smctrain._load import core
from smctrain.exceptions import InputError
from smctrain.stats.uncertainty import _vector


class Rbo(NamedTuple):
    """Rank-biased overlap: what is seen at least, what may come on top, and the extrapolated value."""

    min: float
    res: float
    ext: float


def spearman(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Correlation of the ranks of two vectors, average ranks among equals; NaN where one has no spread.

    Parameters
    ----------
    a, b : (n,) without NaN
    """
    return float(core().spearman(_vector(a, "a"), _vector(b, "b")))


def kendall_tau(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Kendall's tau-b of two vectors: pairs tied in one of them count for neither; NaN where one has no spread.

    Parameters
    ----------
    a, b : (n,) without NaN

    Source: Kendall, Biometrika 33 (1945); counted by merging (Knight, JASA 61, 1966), O(n log n).
    """
    return float(core().kendall_tau_b(_vector(a, "a"), _vector(b, "b")))


def rbo(list1: Iterable[Any], list2: Iterable[Any], p: float = 0.9) -> Rbo:
    """Rank-biased overlap of two rankings, best first: 1 the same, 0 nothing in common; early ranks count most.

    Parameters
    ----------
    list1, list2 : iterable
        Items, best first. A set holds items that share a rank. Lengths and items may differ.
    p : float
        Weight of depth: the share of readers who look one rank further. 0.9 puts 86 % of the weight on the first ten.

    Returns
    -------
    Rbo
        `min`, `res` and `ext`, the value to report.

    Source: Webber, Moffat and Zobel, "A similarity measure for indefinite rankings", ACM TOIS 28 (2010).
    """
    codes: dict[Hashable, int] = {}
    first, second = _ranked(list1, codes), _ranked(list2, codes)
    return Rbo(*core().rank_biased_overlap(*first, *second, float(p)))


def _ranked(items: Iterable[Any], codes: dict[Hashable, int]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    numbers: list[int] = []
    depths: list[int] = []
    for depth, entry in enumerate(items, 1):
        tied = list(entry) if isinstance(entry, Set) else [entry]
        if not tied:
            raise InputError(f"a rank must hold at least one item, but rank {depth} is an empty set.")
        for item in tied:
            numbers.append(codes.setdefault(item, len(codes)))
            depths.append(depth)
    return np.asarray(numbers, dtype=np.int32), np.asarray(depths, dtype=np.int32)


def spearman_matrix(X: npt.ArrayLike, rows: npt.ArrayLike | None = None, threads: int = 1) -> npt.NDArray[np.float64]:
    """Spearman's correlation of every pair of columns.

    Parameters
    ----------
    X : (n, d)
        Missing values (NaN) stand at the mean rank of their column.
    rows : integer array, optional
        Rows that count; all of them by default.
    threads : int
        Upper limit; the result does not depend on it.

    Returns
    -------
    float64 (d, d)
        1 on the diagonal; NaN for a column without spread.
    """
    values = np.ascontiguousarray(np.asarray(X, dtype=np.float32))
    if values.ndim != 2:
        raise InputError(f"X must have 2 dimensions, but has {values.ndim}.")
    which = np.arange(len(values)) if rows is None else np.asarray(rows)
    matrix: npt.NDArray[np.float64] = core().spearman_matrix(values, which.astype(np.int64), threads)
    return matrix


def correlation_clusters(
    X: npt.ArrayLike, rows: npt.ArrayLike | None = None, cut: float = 0.5, threads: int = 1
) -> npt.NDArray[np.int32]:
    """Columns that say the same: average linkage on 1 - |Spearman|, joined while the distance is at most `cut`.

    Parameters
    ----------
    X, rows, threads
        As in `spearman_matrix`. Give training `rows`: which columns belong together is learned too.
    cut : float
        Largest distance inside a cluster.

    Returns
    -------
    int32 (d,)
        Cluster of each column, numbered 0.. in the order of the first column. A column without spread is a cluster of
        its own.
    """
    distance = 1.0 - np.abs(spearman_matrix(X, rows, threads))
    distance = np.where(np.isnan(distance), 2.0, distance)
    np.fill_diagonal(distance, 0.0)
    labels: npt.NDArray[np.int32] = core().average_linkage(np.ascontiguousarray(distance), float(cut))
    return labels
