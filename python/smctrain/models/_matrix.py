"""From what a caller passes to the float32 matrix that native code reads: one visible conversion, no scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.exceptions import InputError


def as_matrix(X: Any, name: str = "X") -> tuple[NDArray[np.float32], list[str] | None]:
    """X as float32 (n, d) in C order, no copy where it already is, and its column names where all of them are texts.

    Raises
    ------
    InputError
        X is no matrix of numbers, or a value is infinite or beyond float32; names column and row.
    """
    labels = getattr(X, "columns", None)
    names = None if labels is None else [str(label) for label in labels]
    if labels is not None and not all(isinstance(label, str) for label in labels):
        names = None
    data = np.asarray(X)
    if data.ndim != 2:
        raise InputError(f"{name} must have 2 dimensions (rows, columns), but has {data.ndim}.")
    if data.dtype.kind not in "biuf":
        raise InputError(f"{name} must hold numbers, but has dtype {data.dtype}: convert or drop the column.")
    with np.errstate(over="ignore", invalid="ignore"):
        matrix = np.ascontiguousarray(data, dtype=np.float32)
    # A sum of finite values may overflow, a sum with an infinity never hides it: only then look closer.
    if matrix.size and not np.isfinite(matrix.sum(dtype=np.float64)) and np.isinf(matrix).any():
        i, j = np.argwhere(np.isinf(matrix))[0]
        where = f"column {j}" if names is None else f"column {names[j]!r}"
        raise InputError(
            f"{name}: {where}, row {i}, is {data[i, j]}, which float32 cannot hold as a finite number: replace "
            "infinities by NaN, scale the column or drop the row."
        )
    return matrix, names


def as_rows(rows: Any, n: int, name: str = "rows") -> NDArray[np.int64]:
    """Row numbers or a mask as int64 (m,) in the order given; each row once.

    Raises
    ------
    InputError
        A number is no row, or comes twice.
    """
    array = np.asarray(rows)
    if array.dtype == np.bool_:
        if array.shape != (n,):
            raise InputError(f"{name} as a mask must have one entry for each of the {n} rows, but has {array.shape}.")
        return np.flatnonzero(array).astype(np.int64)
    if array.ndim != 1 or (array.dtype.kind not in "iu" and array.size):
        raise InputError(
            f"{name} must be a list of row numbers or a mask, but has shape {array.shape} and dtype {array.dtype}."
        )
    found = np.array(array, dtype=np.int64)
    outside = (found < 0) | (found >= n)
    if outside.any():
        raise InputError(f"{name} must lie in 0..{n - 1}, but holds {found[np.argmax(outside)]}.")
    times = np.bincount(found, minlength=n)
    if times.max(initial=0) > 1:
        raise InputError(f"{name} must hold each row once, but row {np.argmax(times > 1)} comes twice: use weights.")
    return found


def as_weight(weight: Any, n: int, name: str = "weight") -> NDArray[np.float64] | None:
    """Row weights as float64 (n,), finite and not negative; None stays None."""
    if weight is None:
        return None
    try:
        values = np.ascontiguousarray(weight, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must hold numbers, but does not: {error}.") from error
    if values.shape != (n,):
        raise InputError(f"{name} must have one entry for each of the {n} rows, but has shape {values.shape}.")
    bad = ~(np.isfinite(values) & (values >= 0))
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(f"{name} must be finite and not negative, but is {values[row]} in row {row}.")
    return values
