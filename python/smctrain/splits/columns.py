"""Names in columns (event ids, regimes, symbols) as codes, and calendars as windows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain.exceptions import InputError
from smctrain.splits.base import MISSING, Rows, read_moments


def codes_of(values: ArrayLike, name: str) -> tuple[Rows, list[Any]]:
    """Code per row and the value of each code; -1 where there is none: None, NaN, NaT, "" or a negative integer."""
    array = np.asarray(values)
    if array.ndim != 1:
        raise InputError(f"{name} must have 1 dimension, but has {array.ndim}.")
    if array.dtype == object:
        absent = np.array([value is None or value != value or value == "" for value in array], dtype=bool)
        array = np.where(absent, "", array.astype(str))
    elif array.dtype.kind == "f":
        absent = np.isnan(array)
    elif array.dtype.kind == "M":
        absent = np.isnat(array)
    elif array.dtype.kind in "SU":
        absent = array == np.array("", dtype=array.dtype)
    elif array.dtype.kind == "i":
        absent = array < 0
    else:
        absent = np.zeros(len(array), dtype=bool)
    codes = np.full(len(array), -1, dtype=np.int64)
    names, inverse = np.unique(array[~absent], return_inverse=True)
    codes[~absent] = inverse
    return codes, names.tolist()


def read_ids(event_id: Any, n: int) -> Rows | None:
    """Event ids as codes (n, columns), -1 for none."""
    if event_id is None:
        return None
    if _is_table(event_id):
        columns = [event_id[name] for name in _names_of(event_id)]
    else:
        array = np.asarray(event_id)
        if array.ndim not in (1, 2):
            raise InputError(f"event_id must have 1 or 2 dimensions, but has {array.ndim}.")
        columns = [array] if array.ndim == 1 else list(array.T)
    ids = np.stack([codes_of(column, "event_id")[0] for column in columns], axis=1)
    if len(ids) != n:
        raise InputError(f"event_id must have one value per row ({n}), but has {len(ids)}.")
    return np.ascontiguousarray(ids)


@dataclass(frozen=True)
class Windows:
    """Calendar windows [start, end], closed, on the scale of the intervals."""

    start: Rows
    end: Rows
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.start)


def read_calendar(calendar: Any, is_time: bool) -> Windows:
    """Windows from a frame or mapping with start, end and perhaps name, or from (start, end[, name]) tuples."""
    if calendar is None:
        empty = np.empty(0, dtype=np.int64)
        return Windows(empty, empty, ())
    if _is_table(calendar):
        known = _names_of(calendar)
        if not {"start", "end"} <= set(known):
            raise InputError(f"calendar must have columns start and end, but has {', '.join(known) or 'none'}.")
        first, last = np.asarray(calendar["start"]), np.asarray(calendar["end"])
        names = [str(name) for name in np.asarray(calendar["name"])] if "name" in known else None
    elif isinstance(calendar, Iterable):
        rows = list(calendar)
        if any(isinstance(row, str) or not 2 <= len(row) <= 3 for row in rows):
            raise InputError("calendar must hold (start, end) or (start, end, name) for every window.")
        first, last = (np.array([row[side] for row in rows]) for side in (0, 1))
        names = [str(row[2]) if len(row) > 2 else "" for row in rows]
    else:
        raise InputError(f"calendar must be a table or a list of windows, but is {calendar!r:.80}.")
    if not len(first):
        return read_calendar(None, is_time)
    sides = []
    for name, side in (("start", first), ("end", last)):
        if side.dtype.kind in "SU":
            side = _parsed(side, name)
        moments, as_time = read_moments(side, f"calendar: {name}")
        if as_time != is_time:
            raise InputError(
                f"calendar: {name} is given as {'times' if as_time else 'row indices'}, but intervals are "
                f"{'times' if is_time else 'row indices'}."
            )
        sides.append(moments)
    start, end = sides
    wrong = np.flatnonzero((start == MISSING) | (end < start))
    if len(wrong):
        raise InputError(f"calendar: window {wrong[0]} has no start or end, or ends before it starts.")
    shown = [name or f"window {number}" for number, name in enumerate(names or [""] * len(start))]
    return Windows(start, end, tuple(shown))


def _is_table(source: Any) -> bool:
    return isinstance(source, Mapping) or hasattr(source, "columns")


def _names_of(table: Any) -> list[str]:
    """Column names of a mapping, or of a pandas, polars or pyarrow table."""
    return list(table) if isinstance(table, Mapping) else list(getattr(table, "column_names", table.columns))


def _parsed(texts: NDArray[Any], name: str) -> NDArray[Any]:
    try:
        return texts.astype("datetime64[ns]")
    except ValueError as error:
        raise InputError(f"calendar: {name} holds a time that cannot be read: {error}.") from None
