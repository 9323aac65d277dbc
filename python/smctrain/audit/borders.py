"""Rows at which code that reads the clock is most likely to be wrong: the bars are cut there too.

segments       the last and the first row
higher bars    the row that ends an hour, four hours, a day, a week, and the one after
sessions       the rows around the opening and the close of Sydney, Tokyo, London and New York
clock changes  the rows around the changes to and from daylight saving in London and New York
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smctrain.bars.types import TIMEFRAME_SECONDS, Bars
from smctrain.bars.zones import offset_table

_HIGHER = ("H1", "H4", "D1", "W1")
_SESSIONS = (
    ("Australia/Sydney", 7, 16), ("Asia/Tokyo", 9, 18), ("Europe/London", 8, 17), ("America/New_York", 8, 17),
)  # fmt: skip
_ZONES = ("Europe/London", "America/New_York")
_HOUR = 3600
_FIRST_MONDAY = 4 * 86400
_MOST_SEGMENTS = 10
_MOST = 3

Rows = NDArray[np.int64]


def border_rows(bars: Bars) -> dict[str, list[int]]:
    """Rows before and after borders, by kind of border; a few of each kind, spread over the bars.

    Parameters
    ----------
    bars : Bars (n rows)

    Returns
    -------
    dict of str to list of int
        "segments", "higher bars", "sessions", "clock changes"; kinds without a border are left out.
    """
    seconds = bars.time.astype("datetime64[s]").astype(np.int64)
    found: dict[str, list[int]] = {"segments": _pairs(_changes(bars.segment), _MOST_SEGMENTS)}
    higher = [
        _changes((seconds - _FIRST_MONDAY) // TIMEFRAME_SECONDS[tf])
        for tf in _HIGHER
        if TIMEFRAME_SECONDS[tf] > bars.seconds
    ]
    found["higher bars"] = [row for rows in higher for row in _pairs(rows, _MOST)]
    if bars.seconds < 24 * _HOUR and len(bars):
        found["sessions"] = [
            row
            for zone, first, last in _SESSIONS
            for row in _pairs(_changes(_inside(_local(bars, zone, seconds), first, last)), 2 * _MOST)
        ]
        shifts = [_changes(_local(bars, zone, seconds) - seconds) for zone in _ZONES]
        found["clock changes"] = [row for rows in shifts for row in _pairs(rows, _MOST)]
    return {kind: sorted(set(rows)) for kind, rows in found.items() if rows}


def _local(bars: Bars, zone: str, seconds: Rows) -> Rows:
    """Wall clock of each row, in seconds."""
    time = bars.time.astype("datetime64[ns]").view(np.int64)
    changes, offsets = offset_table(zone, int(time[0]), int(time[-1]))
    local: Rows = seconds + np.asarray(offsets)[np.searchsorted(np.asarray(changes), time, side="right")] // 10**9
    return local


def _inside(local: Rows, first: int, last: int) -> NDArray[np.bool_]:
    hour = local // _HOUR % 24
    inside: NDArray[np.bool_] = (hour >= first) & (hour < last)
    return inside


def _changes(values: NDArray[np.generic]) -> Rows:
    """Rows that differ from the row before."""
    return np.flatnonzero(values[1:] != values[:-1]) + 1


def _pairs(rows: Rows, most: int) -> list[int]:
    """At most `most` of `rows`, evenly spread, each with the row before it."""
    if len(rows) > most:
        rows = rows[np.linspace(0, len(rows) - 1, most).astype(int)]
    return [int(row) + step for row in rows for step in (-1, 0)]
