"""Arguments that several label functions read the same way."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain.bars.types import Bars
from smctrain.bars.zones import from_utc, parse_zone
from smctrain.exceptions import InputError
from smctrain.labels.decisions import DecisionRows, Events

_DAY = 86_400
_NS = 1_000_000_000


def choice(name: str, value: str, allowed: tuple[str, ...]) -> int:
    """Position of `value` among the allowed words."""
    if value not in allowed:
        raise InputError(f"{name} must be one of {', '.join(map(repr, allowed))}, but is {value!r}.")
    return allowed.index(value)


def positive_int(name: str, value: int) -> None:
    """Raises unless `value` is an integer of at least 1."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise InputError(f"{name} must be an integer of at least 1, but is {value!r}.")


def number(name: str, value: float, *, zero: bool = False) -> float:
    """`value` as a float above 0 (or at least 0)."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise InputError(f"{name} must be a number, but is {value!r}.")
    if not (math.isfinite(value) and (value > 0 or (zero and value == 0))):
        raise InputError(f"{name} must be a number {'of at least' if zero else 'above'} 0, but is {value}.")
    return float(value)


def row_indices(rows: ArrayLike | DecisionRows | Events | None, n: int) -> NDArray[np.int64]:
    """Row indices as int64; all n rows by default."""
    if rows is None:
        return np.arange(n, dtype=np.int64)
    array = np.asarray(rows.rows if isinstance(rows, (DecisionRows, Events)) else rows)
    if array.size == 0:
        return np.empty(0, dtype=np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise InputError(f"rows must be a list of row indices, but are {array.dtype} {array.shape}.")
    return np.ascontiguousarray(array, dtype=np.int64)


def per_bar(name: str, values: ArrayLike | None, n: int) -> NDArray[np.float64]:
    """One value a bar; a single value stands for all."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0:
        array = np.full(n, float(array))
    if array.shape != (n,):
        raise InputError(f"{name} must be one value or one value a bar ({n}), but has shape {array.shape}.")
    return np.ascontiguousarray(array)


def trade_sides(side: int | ArrayLike, m: int) -> NDArray[np.int8]:
    """+1 or -1 per decision row."""
    array = np.asarray(side)
    if array.ndim == 0 and array.dtype.kind in "iuf" and abs(array) == 1:
        return np.full(m, array, dtype=np.int8)
    if array.ndim == 0:
        array = np.full(m, array)
    if array.shape != (m,):
        raise InputError(f"side must be one value, or one a decision row ({m}), but has shape {array.shape}.")
    if array.dtype.kind not in "iuf" or not np.equal(np.abs(array), 1).all():
        raise InputError("side must be +1 (long) or -1 (short) everywhere.")
    return np.ascontiguousarray(array, dtype=np.int8)


def price_columns(b: Bars) -> dict[str, Any]:
    """The part of `Bars.native()` that needs no time."""
    columns: dict[str, Any] = {
        name: np.ascontiguousarray(getattr(b, name)) for name in ("open", "high", "low", "close", "segment")
    }
    columns["spread"] = None if b.spread is None else np.ascontiguousarray(b.spread)
    return columns


def quarantined(b: Bars) -> NDArray[np.uint8] | None:
    """Bars that no label may touch, as the data check marked them; None where there are none."""
    marked = getattr(b, "quarantine", None)
    if marked is None or not np.any(marked):
        return None
    return np.ascontiguousarray(marked, dtype=np.uint8)


def session_ids(b: Bars, day_zone: str | None) -> NDArray[np.int32]:
    """Session of every bar: days of `day_zone`; without one those of the bars' own calendar, else of UTC."""
    if b.seconds >= _DAY:
        return np.arange(len(b), dtype=np.int32)  # a daily bar is a session
    own = getattr(b, "session", None) if day_zone is None else None
    if own is not None:
        return np.ascontiguousarray(own, dtype=np.int32)
    opens = b.time.astype("datetime64[ns]").view(np.int64)
    days = np.floor_divide(from_utc(opens, parse_zone("UTC" if day_zone is None else day_zone)), _DAY * _NS)
    return np.ascontiguousarray(days, dtype=np.int32)
