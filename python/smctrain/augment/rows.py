"""Copies of training rows with their lineage."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain._load import core
from smctrain.exceptions import InputError

METHODS = ("original", "jitter", "shift", "dropout", "smote")


@dataclass(frozen=True, eq=False)
class AugmentedRows:
    """The rows given, followed by synthetic ones.

    Attributes
    ----------
    X : float (m, d)
        As given, then synthetic; the dtype of the input.
    y : (m,)
        Labels, of the input's dtype.
    parents : int64 (m, 2)
        Input rows that each row was made of: (features, label) for copies, (base, neighbour) for SMOTE;
        twice the row itself for given rows. A row's label interval runs from the earliest t0 of its parents
        to their latest t1: `t0[parents].min(axis=1)`, `t1[parents].max(axis=1)`.
    method : uint8 (m,)
        Index into `METHODS`.
    """

    X: NDArray[Any]
    y: NDArray[Any]
    parents: NDArray[np.int64]
    method: NDArray[np.uint8]

    @property
    def synthetic(self) -> NDArray[np.bool_]:
        """Rows that were not given."""
        return np.not_equal(self.method, 0)

    def __len__(self) -> int:
        return len(self.y)


def augment_rows(
    X: ArrayLike,
    y: ArrayLike,
    *,
    segment: ArrayLike | None = None,
    order_is_time: bool = False,
    threshold: int = 300,
    std: float = 0.05,
    max_shift: int = 2,
    horizon: int | None = None,
    dropout_rate: float = 0.1,
    discrete: ArrayLike | None = None,
    random_state: int = 0,
) -> AugmentedRows:
    """Three times the rows below 200, twice below `threshold`, none more from there on.

    Synthetic rows are equal parts jittered copies, row shifts (features of an older row, only where the row
    order is time) and copies with values dropped to the training mean. Integer and flag columns are never
    jittered, nothing leaves the training range, and class shares are kept.

    Parameters
    ----------
    X : float (n, d)
        Training rows of one split, after scaling.
    y : (n,)
        Class of each row.
    segment : int (n,), optional
        Rows of one unbroken stretch of consecutive rows share an id; a shift never crosses a change.
    order_is_time : bool
        Whether rows are ordered by time. Only then are rows shifted.
    threshold : int
        From this many rows on nothing is added.
    std : float
        Of the jitter, in units of each column's sd.
    max_shift : int
        Largest shift in rows; never more than max(1, horizon // 5).
    horizon : int, optional
        Bars that a label looks ahead.
    dropout_rate : float
        Probability that a value is dropped.
    discrete : bool (d,), optional
        Columns to be treated as integers or flags whatever they look like (scaled one-hot columns of several
        values, for instance). Whole-numbered and two-valued columns are found without it.
    random_state : int
        The same seed and rows give the same result.

    Returns
    -------
    AugmentedRows
    """
    rows, dtype = read_rows(X)
    labels, codes = read_classes(y, len(rows))
    check_number("std", std, 0.0, math.inf)
    check_number("dropout_rate", dropout_rate, 0.0, 1.0)
    shift = check_count("max_shift", max_shift, 1)
    if horizon is not None:
        shift = min(shift, max(1, check_count("horizon", horizon, 1) // 5))
    n = len(rows)
    copies = 0 if n >= check_count("threshold", threshold, 0) else 2 * n if n < 200 else n
    identity = np.repeat(np.arange(n, dtype=np.int64)[:, None], 2, axis=1)
    if copies == 0:
        return AugmentedRows(np.asarray(X), labels, identity, np.zeros(n, dtype=np.uint8))
    made, parents, method = core().copy_rows(
        rows,
        codes,
        read_segment(segment, n),
        read_discrete(discrete, rows.shape[1]),
        copies=copies,
        order_is_time=bool(order_is_time),
        std=float(std),
        max_shift=shift,
        dropout_rate=float(dropout_rate),
        seed=check_count("random_state", random_state, 0),
    )
    return AugmentedRows(
        X=np.vstack([rows, made]).astype(dtype, copy=False),
        y=np.concatenate([labels, labels[parents[:, 1]]]),
        parents=np.vstack([identity, parents]),
        method=np.concatenate([np.zeros(n, dtype=np.uint8), method]),
    )


def read_rows(X: ArrayLike) -> tuple[NDArray[np.float64], np.dtype[Any]]:
    """Rows as C-ordered float64, and the floating dtype to return them in."""
    array = np.asarray(X)
    if array.ndim != 2:
        raise InputError(f"X must have 2 dimensions (rows, columns), but has {array.ndim}.")
    if array.dtype.kind not in "fiub":
        raise InputError(f"X must be numeric, but is {array.dtype}.")
    dtype = array.dtype if array.dtype.kind == "f" else np.dtype(np.float64)
    return np.ascontiguousarray(array, dtype=np.float64), dtype


def read_classes(y: ArrayLike, n: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Labels and their codes 0..K-1 in ascending order."""
    labels = np.asarray(y)
    if labels.shape != (n,):
        raise InputError(f"y must have one label per row of X ({n}), but has shape {labels.shape}.")
    if labels.dtype.kind == "f" and np.isnan(labels).any():
        raise InputError(f"y holds {int(np.isnan(labels).sum())} NaN. Pass only rows that have a label.")
    _, codes = np.unique(labels, return_inverse=True)
    return labels, np.ascontiguousarray(codes, dtype=np.int64)


def read_segment(segment: ArrayLike | None, n: int) -> NDArray[np.int32] | None:
    if segment is None:
        return None
    array = np.asarray(segment)
    if array.shape != (n,):
        raise InputError(f"segment must have one id per row of X ({n}), but has shape {array.shape}.")
    return np.ascontiguousarray(array, dtype=np.int32)


def read_discrete(discrete: ArrayLike | None, d: int) -> NDArray[np.uint8] | None:
    if discrete is None:
        return None
    array = np.asarray(discrete, dtype=bool)
    if array.shape != (d,):
        raise InputError(f"discrete must have one flag per column of X ({d}), but has shape {array.shape}.")
    return np.ascontiguousarray(array, dtype=np.uint8)


def check_number(name: str, value: float, low: float, high: float) -> float:
    if not (low <= value <= high) or math.isinf(value):
        words = f"between {low:g} and {high:g}" if math.isfinite(high) else f"a number of at least {low:g}"
        raise InputError(f"{name} must be {words}, but is {value}.")
    return float(value)


def check_count(name: str, value: int, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise InputError(f"{name} must be an integer of at least {least}, but is {value!r}.")
    return int(value)
