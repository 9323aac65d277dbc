"""What the faces of this room share: intervals from dependent rows, and the rows that a fitted step saw."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain._load import core
from smctrain.exceptions import InputError

Vector = NDArray[np.float64]
Range = tuple[float, float]
NOTHING: Range = (math.nan, math.nan)
MOST_STORED_ROWS = 100_000
DRAWS = 1000


def floats(values: Any, name: str) -> Vector:
    """Numbers as float64, missing ones as NaN. Raises InputError on words."""
    array = np.asarray(values)
    try:
        if array.dtype.kind not in "biufO":
            raise TypeError
        return np.ascontiguousarray(array, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name} must hold numbers, but holds {_first(values)!r} (dtype {array.dtype}).") from None


def _first(values: Any) -> Any:
    found = np.asarray(values, dtype=object).ravel()
    return next((value for value in found if not isinstance(value, (int, float, np.number))), None)


def vector(values: ArrayLike, name: str, length: int | None = None) -> Vector:
    """float64 (n,). Raises InputError on another shape."""
    array = floats(values, name)
    if array.ndim != 1 or (length is not None and len(array) != length):
        wanted = "one dimension" if length is None else f"shape ({length},)"
        raise InputError(f"{name} must have {wanted}, but has shape {array.shape}.")
    return array


def rows_of_horizon(horizon: Any) -> int:
    if isinstance(horizon, bool) or not isinstance(horizon, (int, np.integer)) or horizon < 1:
        raise InputError(f"horizon must be a whole number of rows of at least 1, but is {horizon!r}.")
    return int(horizon)


def whole(value: Any, name: str, least: int) -> int:
    """Raises InputError on anything but a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise InputError(f"{name} must be at least {least}, a whole number, but is {value!r}.")
    return int(value)


def number(value: Any, name: str) -> float:
    """Raises InputError on anything but one number."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        raise InputError(f"{name} must be one number, but is {type(value).__name__}.")
    return float(value)


def z_of(level: float) -> float:
    if not 0.0 < level < 1.0:
        raise InputError(f"level must lie between 0 and 1, but is {level}.")
    return float(core().normal_quantile(0.5 + 0.5 * level))


def hac_error(values: Vector, lags: int) -> float:
    """Newey-West standard error of the mean; NaN where there is none."""
    if len(values) < 2 or bool(np.all(values == values[0])):
        return math.nan
    return float(core().hac_mean(np.ascontiguousarray(values), min(lags, len(values) - 1))[2])


def around(value: float, error: float, level: float, low: float = -math.inf, high: float = math.inf) -> Range:
    if math.isnan(value) or math.isnan(error):
        return NOTHING
    half = z_of(level) * error
    return (max(low, value - half), min(high, value + half))


def quantile_range(draws: Vector, level: float) -> Range:
    known = draws[np.isfinite(draws)]
    if len(known) == 0:
        return NOTHING
    low, high = np.quantile(known, [0.5 - 0.5 * level, 0.5 + 0.5 * level])
    return (float(low), float(high))


def fit_rows(rows: ArrayLike | None, n: int) -> tuple[NDArray[np.int64] | None, str]:
    """Sorted ids of the rows a step was fitted on (None above 100,000) and their BLAKE2b-256."""
    chosen = np.arange(n, dtype=np.int64) if rows is None else np.asarray(rows)
    if chosen.ndim != 1 or chosen.dtype.kind not in "iu" or len(chosen) != n:
        raise InputError(f"rows must hold the {n} row ids of the data fitted on, but has shape {chosen.shape}.")
    chosen = np.sort(chosen.astype(np.int64))
    digest = hashlib.blake2b(chosen.astype("<i8").tobytes(), digest_size=32).hexdigest()
    return (chosen if len(chosen) <= MOST_STORED_ROWS else None), digest


def proba_matrix(proba: ArrayLike, name: str = "proba") -> Vector:
    """(n, K) float64 whose rows sum to 1; (n,) is the probability of class 1 of two."""
    matrix = floats(proba, name)
    if matrix.ndim == 1:
        matrix = np.column_stack([1.0 - matrix, matrix])
    if matrix.ndim != 2 or matrix.shape[1] < 2:
        raise InputError(f"{name} must have one column per class, at least 2, but has shape {np.shape(proba)}.")
    if not bool(np.all((matrix >= -1e-9) & (matrix <= 1.0 + 1e-9))):
        raise InputError(f"{name} must lie in 0..1 without NaN: leave out rows without a prediction.")
    if matrix.size and float(np.abs(matrix.sum(axis=1) - 1.0).max()) > 1e-5:
        raise InputError(f"each row of {name} must sum to 1, but the sums go from {matrix.sum(axis=1).min():.6g} up.")
    return np.ascontiguousarray(matrix)
