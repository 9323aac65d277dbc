"""Class codes as the native kernels want them: 0..K-1 in int32, -1 for "never right"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from smctrain.exceptions import InputError

Codes = npt.NDArray[np.int32]


def integer_codes(values: npt.ArrayLike, name: str) -> npt.NDArray[np.int64]:
    """`values` as int64; whole floats and booleans are accepted, NaN and fractions are not."""
    array = np.asarray(values)
    whole = array.dtype.kind in "iub" or (
        array.dtype.kind == "f" and bool(np.all(np.isfinite(array))) and bool(np.all(array == np.floor(array)))
    )
    if whole:
        if array.dtype.kind in "uf" and array.size and float(np.abs(array).max()) >= 2.0**63:
            raise InputError(f"{name} must hold class codes within int64, but holds {np.abs(array).max():.6g}.")
        return array.astype(np.int64)
    raise InputError(
        f"{name} must hold integer class codes, but holds {array.dtype} values that are not whole numbers. "
        "Encode the classes as integers; use -1 where a model gives no prediction."
    )


def classes_of(*labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.unique(np.concatenate(labels))


def to_codes(values: npt.NDArray[np.int64], classes: npt.NDArray[np.int64]) -> Codes:
    """Position of each value in `classes`, or -1 where it is none of them."""
    if len(classes) == 0:
        return np.full(values.shape, -1, dtype=np.int32)
    place = np.minimum(np.searchsorted(classes, values), len(classes) - 1)
    return np.ascontiguousarray(np.where(classes[place] == values, place, -1).astype(np.int32))


def prediction_matrix(predictions: npt.ArrayLike, n: int, name: str = "predictions") -> npt.NDArray[np.int64]:
    """(k, n) int64 from (n,) or (k, n)."""
    matrix = integer_codes(predictions, name)
    if matrix.ndim == 1:
        matrix = matrix[None, :]
    if matrix.ndim != 2 or matrix.shape[0] == 0 or matrix.shape[1] != n:
        hint = f": {name}.T turns it" if matrix.ndim == 2 and matrix.shape[0] == n else ""
        raise InputError(
            f"{name} must have shape ({n},) or (models, {n}), one column per row of labels, "
            f"but has shape {np.asarray(predictions).shape}{hint}."
        )
    return matrix


def label_vector(labels: npt.ArrayLike, name: str = "y_true") -> npt.NDArray[np.int64]:
    vector = integer_codes(labels, name)
    if vector.ndim != 1 or vector.size == 0:
        raise InputError(f"{name} must have one dimension and at least one row, but has shape {vector.shape}.")
    return vector


def check_horizon(horizon: Any) -> int:
    if isinstance(horizon, bool) or not isinstance(horizon, (int, np.integer)) or horizon < 1:
        raise InputError(f"horizon must be a whole number of rows of at least 1, but is {horizon!r}.")
    return int(horizon)


def whole(name: str, value: Any, least: int = 0) -> int:
    """`value` as an int of the native kernels. Raises InputError on fractions and on what no int64 holds."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not least <= value < 2**63:
        raise InputError(f"{name} must be a whole number of at least {least}, but is {value!r}.")
    return int(value)


def shares_in_class_order(
    shares: Sequence[float] | npt.NDArray[np.float64] | dict[int, float],
    classes: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    """Training shares as one array in the order of `classes`."""
    if isinstance(shares, dict):
        values = np.array([float(shares.get(int(c), 0.0)) for c in classes])
    else:
        values = np.ascontiguousarray(np.asarray(shares, dtype=np.float64))
        if values.shape != (len(classes),):
            raise InputError(
                f"train_shares must hold one share per class of y_true ({len(classes)}, in ascending order "
                f"of the codes), or be a dict code -> share, but has shape {values.shape}."
            )
    if not bool(np.all((values >= 0.0) & (values <= 1.0))):
        raise InputError(f"train_shares must lie between 0 and 1, but holds {values.tolist()}.")
    return values


def sides(values: npt.ArrayLike, median: float, refuse_nan_in: str = "") -> npt.NDArray[np.int64]:
    """0 below the median, 1 on it, 2 above it; -1 for NaN, which is an error where an argument is named."""
    numbers = np.asarray(values, dtype=np.float64)
    silent = np.isnan(numbers) | np.isnan(median)
    if refuse_nan_in and bool(silent.any()):
        raise InputError(f"{refuse_nan_in} must be finite: leave out rows whose label is not resolved.")
    # Compared, not subtracted: a difference of huge numbers overflows.
    signs = (numbers > median).astype(np.int64) - (numbers < median)
    return np.where(silent, -1, signs + 1)
