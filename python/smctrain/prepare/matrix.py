"""From what a user passes to the matrix the core takes: one visible conversion, one outcome per error."""

from __future__ import annotations

import datetime as dt
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.exceptions import InputError, TooFewColumns, TooFewRows

_LARGEST_EXACT_INTEGER = 2**53
_ARROW_NUMBERS = {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)} | {
    "halffloat", "float", "double", "bool",
}  # fmt: skip
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
    elif hasattr(X, "schema") and hasattr(X, "column_names"):  # an Arrow table
        for label, kind in zip(X.schema.names, map(str, X.schema.types), strict=True):
            if list(X.schema.names).count(label) > 1:
                raise InputError(f"X has more than one column named {label!r}: give every column its own name.")
            if kind not in _ARROW_NUMBERS:
                raise InputError(
                    f"X must hold numbers, but column {label!r} has dtype {kind}: convert or drop the column."
                )
    elif isinstance(X, np.ndarray) and X.ndim == 2:
        if X.dtype.kind in "MmUS":
            raise InputError(f"X must hold numbers, but has dtype {X.dtype}: convert it first.")
        if X.dtype.kind == "O":
            for j in range(X.shape[1]):
                _refuse_text(f"column {j}", X.dtype, X[:, j])


def validated_matrix(
    estimator: Any,
    X: Any,
    y: Any = "no_validation",
    *,
    reset: bool,
    allow_nan: bool,
    allow_infinite: bool = False,
    keep_double: bool = False,
) -> tuple[NDArray[Any], Any]:
    """X in C order (no copy where it already is), and y as scikit-learn validates it.

    X becomes float32; with `keep_double` only float32 and float16 do, and everything else becomes float64.

    Raises `InputError` that names the column and the first row for infinities (unless `allow_infinite`), values
    beyond float32, integers that a double cannot hold, text, dates, and for NaN unless `allow_nan`.
    """
    from sklearn.utils.validation import validate_data

    if hasattr(X, "toarray") and hasattr(X, "nnz"):  # scikit-learn would raise a TypeError
        raise InputError(
            f"X must be a dense table of numbers, but sparse data was passed ({type(X).__name__}): use X.toarray()."
        )
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
    narrow = not keep_double or (data.dtype.kind == "f" and data.dtype.itemsize <= 4)
    return _to_floats(estimator, data, np.float32 if narrow else np.float64, allow_nan, allow_infinite), target


def plain_matrix(owner: Any, X: Any, *, allow_nan: bool) -> NDArray[np.float32]:
    """As `validated_matrix` at prediction, without scikit-learn.

    `owner` has `n_features_in_` and `feature_names_in_`. Raises as `validated_matrix` does.
    """
    if hasattr(X, "toarray") and hasattr(X, "nnz"):
        raise InputError(
            f"X must be a dense table of numbers, but sparse data was passed ({type(X).__name__}): use X.toarray()."
        )
    _refuse_non_numbers(X)
    names: Any = None
    data: Any
    if hasattr(X, "schema") and hasattr(X, "column_names"):  # an Arrow table
        names = list(X.column_names)
        data = np.column_stack([np.asarray(X.column(name)) for name in names]) if names else np.empty((len(X), 0))
    elif hasattr(X, "columns") and hasattr(X, "to_numpy"):
        names, data = list(X.columns), X.to_numpy()
        if data.dtype.kind == "O" and hasattr(X, "iloc"):  # pandas' own numbers, with its own missing value
            data = X.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        data = np.asarray(X)
        _refuse_non_numbers(data)
    if data.dtype.kind == "O":
        try:
            data = data.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(f"X must hold numbers, but does not: {error}.") from error
    if data.dtype.kind == "c":
        raise InputError("Complex data not supported: X must hold real numbers.")
    if data.dtype.kind not in "biuf":
        raise InputError(f"X must hold numbers, but has dtype {data.dtype}.")
    if data.ndim != 2:
        raise InputError(f"Expected 2D array, got {data.ndim}D array instead: X must be (rows, columns).")
    if len(data) == 0:
        raise TooFewRows(f"Found array with 0 sample(s) (shape={data.shape}) while a minimum of 1 is required.")
    if names is not None and owner.feature_names_in_ is not None:
        expected = [str(name) for name in owner.feature_names_in_]
        if [str(name) for name in names] != expected:
            missing = [name for name in expected if name not in names]
            unknown = [str(name) for name in names if str(name) not in expected]
            raise InputError(
                "The feature names should match those that were passed during fit, in their order; missing: "
                f"{', '.join(missing) or 'none'}, unknown: {', '.join(unknown) or 'none'}."
            )
    if data.shape[1] != owner.n_features_in_:
        raise InputError(
            f"X has {data.shape[1]} features, but the model is expecting {owner.n_features_in_} features as input."
        )
    return _to_floats(owner, data, np.float32, allow_nan, False)


def _to_floats(estimator: Any, data: NDArray[Any], dtype: Any, allow_nan: bool, allow_infinite: bool) -> NDArray[Any]:
    if data.dtype.kind in "iu" and data.dtype.itemsize == 8 and data.size:
        large = (data > _LARGEST_EXACT_INTEGER) | (data < -_LARGEST_EXACT_INTEGER if data.dtype.kind == "i" else False)
        if large.any():
            i, j = np.argwhere(large)[0]
            raise InputError(
                f"X: {column_name(estimator, int(j))}, row {i}, holds the integer {data[i, j]}, which is too "
                "large to be kept exactly (limit 2**53): scale the column."
            )
    with np.errstate(over="ignore", invalid="ignore"):
        matrix = np.ascontiguousarray(data, dtype=dtype)
    if not np.isfinite(matrix).all():
        infinite = np.isinf(matrix)
        if infinite.any() and not allow_infinite:
            i, j = np.argwhere(infinite)[0]
            name = column_name(estimator, int(j))
            if np.isinf(data[i, j]):
                raise InputError(f"X: {name}, row {i}, is infinite (inf): replace infinities by NaN or drop the row.")
            raise InputError(
                f"X: {name}, row {i}, is {data[i, j]}, beyond the range of float32 (as if inf): scale the column."
            )
        if not allow_nan and np.isnan(matrix).any():
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
