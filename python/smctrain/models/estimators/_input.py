"""From what a user passes to the arrays a trainer takes: one visible conversion, one outcome per error."""

from __future__ import annotations

import datetime as dt
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data

from smctrain.exceptions import InputError, TooFewColumns, TooFewRows

_LARGEST_EXACT_INTEGER = 2**53
_NOT_A_NUMBER = (str, bytes, type(None), dt.date, dt.time, np.datetime64)


def typed_error(error: ValueError) -> InputError:
    """scikit-learn's sentence under the exception type this package documents."""
    if isinstance(error, InputError):
        return error
    text = str(error)
    if "sample(s)" in text and "is required" in text:
        return TooFewRows(text)
    if "feature(s)" in text and "is required" in text:
        return TooFewColumns(text)
    return InputError(text)


def column_name(estimator: Any, column: int) -> str:
    names = getattr(estimator, "feature_names_in_", None)
    return f"column {column}" if names is None or column >= len(names) else f"column {str(names[column])!r}"


def _refuse_text(name: str, dtype: Any, values: Any) -> None:
    """None, text and dates among plain objects: scikit-learn would make numbers of some of them silently."""
    wrong = [kind for kind in {type(value) for value in values} if issubclass(kind, _NOT_A_NUMBER)]
    if wrong:
        raise InputError(
            f"X must hold numbers, but {name} (dtype {dtype}) holds {wrong[0].__name__}: convert or drop the column."
        )


def _refuse_non_numbers(X: Any) -> None:
    if hasattr(X, "dtypes") and hasattr(X, "columns"):  # a data frame, of whichever library
        for label in X.columns:
            column = X[label]
            if getattr(column, "ndim", 1) != 1:
                raise InputError(f"X has more than one column named {label!r}: give every column its own name.")
            kind = getattr(column.dtype, "kind", "")
            if kind in {"M", "m"} or "datetime" in str(column.dtype).lower():
                raise InputError(
                    f"X must hold numbers, but column {label!r} has dtype {column.dtype}: convert or drop the column."
                )
            is_numeric = getattr(column.dtype, "is_numeric", None)  # types of polars
            if callable(is_numeric) and not is_numeric() and str(column.dtype) != "Boolean":
                raise InputError(
                    f"X must hold numbers, but column {label!r} has dtype {column.dtype}: convert or drop the column."
                )
            if kind == "O":
                _refuse_text(f"column {label!r}", column.dtype, column)
    elif isinstance(X, np.ndarray) and X.ndim == 2:
        if X.dtype.kind in "Mm":
            raise InputError(f"X must hold numbers, but has dtype {X.dtype}: convert it first.")
        if X.dtype.kind == "O":
            for j in range(X.shape[1]):
                _refuse_text(f"column {j}", X.dtype, X[:, j])


def validated_matrix(
    estimator: Any, X: Any, y: Any = "no_validation", *, reset: bool, allow_nan: bool
) -> tuple[NDArray[np.float32], Any]:
    """X as float32 in C order (no copy where it already is), and y as scikit-learn validates it.

    Raises `InputError` that names the column and the first row for infinities, values beyond float32,
    integers that a double cannot hold, text, dates, and for NaN unless `allow_nan`.
    """
    _refuse_non_numbers(X)
    try:
        checked = validate_data(
            estimator, X, y, reset=reset, accept_sparse=False, dtype="numeric", ensure_all_finite=False
        )
    except ValueError as error:
        raise typed_error(error) from error
    data, target = (checked, None) if isinstance(y, str) and y == "no_validation" else checked
    if data.dtype.kind not in "biuf":
        raise InputError(f"X must hold numbers, but has dtype {data.dtype}.")
    return _to_float32(estimator, data, allow_nan), target


def _to_float32(estimator: Any, data: NDArray[Any], allow_nan: bool) -> NDArray[np.float32]:
    if data.dtype.kind in "iu" and data.dtype.itemsize == 8 and data.size:
        large = (data > _LARGEST_EXACT_INTEGER) | (data < -_LARGEST_EXACT_INTEGER if data.dtype.kind == "i" else False)
        if large.any():
            i, j = np.argwhere(large)[0]
            raise InputError(
                f"X: {column_name(estimator, int(j))}, row {i}, holds the integer {data[i, j]}, which is too "
                "large to be kept exactly (limit 2**53): scale the column."
            )
    with np.errstate(over="ignore", invalid="ignore"):
        matrix = np.ascontiguousarray(data, dtype=np.float32)
    if not np.isfinite(matrix).all():
        infinite = np.isinf(matrix)
        if infinite.any():
            i, j = np.argwhere(infinite)[0]
            name = column_name(estimator, int(j))
            if np.isinf(data[i, j]):
                raise InputError(f"X: {name}, row {i}, is infinite (inf): replace infinities by NaN or drop the row.")
            raise InputError(
                f"X: {name}, row {i}, is {data[i, j]}, beyond the range of float32 (as if inf): scale the column."
            )
        if not allow_nan:
            i, j = np.argwhere(np.isnan(matrix))[0]
            raise InputError(
                f"X: {column_name(estimator, int(j))}, row {i}, is NaN, and {type(estimator).__name__} takes "
                "no missing values: impute them first, or use a tree family."
            )
    return matrix


def validated_weight(sample_weight: Any, n: int) -> NDArray[np.float64] | None:
    """Row weights as float64 (n,): finite, not negative, not all zero."""
    if sample_weight is None:
        return None
    try:
        weight = np.asarray(sample_weight)
        if weight.dtype.kind not in "biufO":
            raise ValueError(f"dtype {weight.dtype}")
        weight = weight.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"sample_weight must hold numbers, but does not: {error}.") from error
    if weight.ndim == 0:
        weight = np.full(n, float(weight))
    if weight.ndim != 1:
        raise InputError(f"Sample weights must be 1D array or scalar, but sample_weight has {weight.ndim} dimensions.")
    if len(weight) != n:
        raise InputError(f"sample_weight must have one entry for each of the {n} rows, but has {len(weight)}.")
    bad = ~np.isfinite(weight) | (weight < 0)
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(f"sample_weight must be finite and not negative, but is {weight[row]} in row {row}.")
    if not (weight > 0).any():
        raise TooFewRows(f"all {n} sample weights are zero, so no row is left to learn from.")
    return weight


def seed_of(random_state: Any) -> int:
    """Seed of all streams of a fit. An int is taken as it is, anything else draws one."""
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**63 - 1))
    if isinstance(random_state, (int, np.integer)) and not isinstance(random_state, bool):
        if not 0 <= int(random_state) < 2**64:
            raise InputError(f"random_state must be at least 0 and below 2**64, but is {random_state}.")
        return int(random_state)
    try:
        state = check_random_state(random_state)
    except ValueError as error:
        raise InputError(
            f"random_state must be None, an integer, a RandomState or a Generator, but is {random_state!r}."
        ) from error
    return int(state.randint(2**31 - 1))


def threads_of(n_jobs: Any) -> int:
    """Threads of a fit: None is 1, -1 all cores this process may use, -2 all but one."""
    if n_jobs is None:
        return 1
    if not isinstance(n_jobs, (int, np.integer)) or isinstance(n_jobs, bool) or n_jobs == 0:
        raise InputError(f"n_jobs must be None or an integer other than 0, but is {n_jobs!r}.")
    if n_jobs > 0:
        return int(n_jobs)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores + 1 + int(n_jobs))


def numbers_of(name: str, target: Any, largest: float = float(np.finfo(np.float32).max)) -> NDArray[np.float64]:
    """Targets of a regression as float64: finite, and at most `largest` (boosted trees hold them as float32)."""
    try:
        array = np.asarray(target)
        if array.dtype.kind not in "biufO":
            raise ValueError(f"dtype {array.dtype}")
        values = np.ascontiguousarray(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must hold numbers, but does not: {error}.") from error
    bad = ~(np.abs(values) <= largest)
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(f"{name} must be finite and at most {largest:.3g} in size, but is {values[row]} in row {row}.")
    return values


def segments_of(segment: Any, n: int) -> NDArray[np.int32] | None:
    """Stretches of rows, renumbered along time; None where there is one."""
    if segment is None:
        return None
    array = np.asarray(segment)
    if array.shape != (n,) or array.dtype.kind not in "iu":
        raise InputError(
            f"segment must hold one integer for each of the {n} rows, but has shape {array.shape} and "
            f"dtype {array.dtype}."
        )
    changes = np.flatnonzero(array[1:] != array[:-1]) + 1
    stretch = np.zeros(
        n, dtype=np.int32
    )  # renumbered, so that any integers will do and a returning id is a new stretch
    stretch[changes] = 1
    return np.cumsum(stretch, dtype=np.int32)
