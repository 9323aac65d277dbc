"""The zone that a trade is about: the near edge is where it enters, beyond the far edge is where it was wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain._load import core
from smctrain.exceptions import InputError
from smctrain.labels.decisions import DecisionRows, ZoneTable

_COLUMNS = {
    "side": np.int8, "origin": np.int64, "known_at": np.int64, "invalidated_at": np.int64, "top": np.float64,
    "bottom": np.float64,
}  # fmt: skip


def is_zone_table(value: Any) -> bool:
    """Whether `value` has columns by name (an EventTable, data frame or dict) and is no array of prices."""
    names = value if isinstance(value, dict) else getattr(value, "columns", ())
    return any(name == "known_at" for name in names)


def zone_edges(
    native: dict[str, Any],
    table: ZoneTable,
    rows: NDArray[np.int64],
    side: NDArray[np.int8],
    decisions: DecisionRows | None,
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Zone of each decision row with its near and far edge: the decision's own, else the nearest alive on its side.

    Without a zone: -1 and NaN. A long refers to zones of side +1 and enters at the top, a short mirrored.
    """
    columns = {name: _column(table, name, dtype) for name, dtype in _COLUMNS.items()}
    zone: NDArray[np.int64] = core().nearest_zones(
        native, rows, side, columns["side"], columns["origin"], columns["known_at"], columns["invalidated_at"],
        columns["top"], columns["bottom"],
    )  # fmt: skip
    if decisions is not None and decisions.zones is table:
        own = decisions.zone >= 0
        own[own] = columns["side"][decisions.zone[own]] == side[own]
        zone = np.where(own, decisions.zone, zone)
    has = zone >= 0
    near, far = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    long = side[has] > 0
    top, bottom = columns["top"][zone[has]], columns["bottom"][zone[has]]
    near[has], far[has] = np.where(long, top, bottom), np.where(long, bottom, top)
    return zone, near, far


def _column(table: Any, name: str, dtype: Any) -> NDArray[Any]:
    try:
        values = np.asarray(table[name])
    except (KeyError, InputError):
        raise InputError(
            f"A zone table must have the columns {', '.join(_COLUMNS)}, but has no {name}. st.smc.order_blocks and "
            "st.smc.fair_value_gaps give such tables."
        ) from None
    if values.ndim != 1 or values.dtype.kind not in "iuf" or (values.dtype.kind == "f" and dtype != np.float64):
        raise InputError(f"column {name} of a zone table must be {np.dtype(dtype)} (k,), but is {values.dtype}.")
    return np.ascontiguousarray(values, dtype=dtype)
