"""Wall clocks to UTC: IANA zones, fixed offsets, zones shifted by hours (brokers whose day ends in New York).

A zone is read once into its table of offset changes; rows are then looked up in that table, all at once. A
wall-clock time that a change of clocks skipped or repeated has no single instant: it is handed back as bad.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from smctrain.exceptions import InputError

_SECOND = 1_000_000_000
_EXAMPLES = "UTC, Europe/London, fixed:+02:00, America/New_York+7h"


@dataclass(frozen=True)
class Zone:
    """`name` as given; offset in seconds = that of the IANA zone `iana` (none: 0) plus `shift`."""

    name: str
    iana: str | None
    shift: int


@dataclass(frozen=True)
class BadLocalTimes:
    """Wall-clock times that do not exist (`gap`) or exist twice (`overlap`): rows of the input."""

    kind: str
    rows: NDArray[np.int64]


def parse_zone(tz: str) -> Zone:
    """Reads `UTC`, an IANA name, `fixed:+HH:MM`, or an IANA name with a shift: `America/New_York+7h`."""
    from zoneinfo import ZoneInfo

    if not isinstance(tz, str):
        raise InputError(f"tz must be a text such as {_EXAMPLES}, but is {tz!r}.")
    if tz == "UTC":
        return Zone(tz, None, 0)
    fixed = re.fullmatch(r"fixed:([+-])(\d{2}):?(\d{2})", tz)
    if fixed and int(fixed[2]) < 24 and int(fixed[3]) < 60:
        seconds = int(fixed[2]) * 3600 + int(fixed[3]) * 60
        return Zone(tz, None, seconds if fixed[1] == "+" else -seconds)
    match = re.fullmatch(r"([A-Za-z][A-Za-z0-9_/+-]*?)(?:([+-]\d{1,2})h)?", tz)
    try:
        if match is None:
            raise ValueError
        ZoneInfo(match[1])
    except (ValueError, OSError, KeyError):  # unknown names raise a KeyError, folders an OSError
        raise InputError(f"tz must be a time zone such as {_EXAMPLES}, but is {tz!r}.") from None
    return Zone(tz, match[1], int(match[2] or 0) * 3600)


@lru_cache(maxsize=32)
def _offset_changes(iana: str, first_year: int, last_year: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """UTC seconds of the changes, and the offsets before the first and after each of them."""
    from zoneinfo import ZoneInfo

    zone = ZoneInfo(iana)

    def offset(seconds: int) -> int:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
        difference = moment.astimezone(zone).utcoffset()
        return 0 if difference is None else int(difference.total_seconds())

    day = 86400
    at = int(datetime(first_year, 1, 1, tzinfo=UTC).timestamp())
    end = int(datetime(last_year, 1, 1, tzinfo=UTC).timestamp())
    changes, offsets = [], [offset(at)]
    while at < end:
        step = min(7 * day, end - at)
        after = offset(at + step)
        if after != offsets[-1]:
            low, high = at, at + step  # the change lies in (low, high]
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(middle) == offsets[-1] else (low, middle)
            changes.append(high)
            offsets.append(offset(high))
            at = high
            continue
        at += step
    return tuple(changes), tuple(offsets)


def to_utc(wall: NDArray[np.int64], zone: Zone) -> tuple[NDArray[np.int64], BadLocalTimes | None]:
    """UTC nanoseconds of wall-clock nanoseconds, and the rows that have no single instant (if any)."""
    shifted = wall - zone.shift * _SECOND
    if zone.iana is None or len(wall) == 0:
        return shifted, None
    years = np.array([shifted.min(), shifted.max()]).astype("datetime64[ns]").astype("datetime64[Y]").astype(int) + 1970
    changes, offsets = _offset_changes(zone.iana, max(int(years[0]) - 1, 2), min(int(years[1]) + 2, 9998))
    before = np.array(offsets[:-1], dtype=np.int64)
    after = np.array(offsets[1:], dtype=np.int64)
    utc = np.array(changes, dtype=np.int64)
    seconds = np.floor_divide(shifted, _SECOND)
    # On the wall clock a change is not a point but the stretch from `low` to `high`: skipped or shown twice.
    low, high = utc + np.minimum(before, after), utc + np.maximum(before, after)
    passed = np.searchsorted(low, seconds, side="right")
    inside = (passed > 0) & (seconds < high[np.maximum(passed - 1, 0)]) if len(changes) else np.zeros(len(wall), bool)
    result = shifted - np.array(offsets, dtype=np.int64)[passed] * _SECOND
    if not inside.any():
        return result, None
    rows = np.flatnonzero(inside)
    change = int(passed[rows[0]]) - 1
    kind = "gap" if after[change] > before[change] else "overlap"
    same = (after > before)[passed[rows] - 1] == (kind == "gap")
    return result, BadLocalTimes(kind, rows[same])


def longer_by(utc: NDArray[np.int64], seconds: int, zone: Zone) -> NDArray[np.int64]:
    """Nanoseconds by which bars that open at `utc` outlast their `seconds`, because the clocks go back inside them.

    On the wall clock such a bar has its usual length; a day of 25 hours is the common case.
    """
    if zone.iana is None or len(utc) == 0:
        return np.zeros(len(utc), dtype=np.int64)
    years = np.array([utc.min(), utc.max()]).astype("datetime64[ns]").astype("datetime64[Y]").astype(int) + 1970
    changes, offsets = _offset_changes(zone.iana, max(int(years[0]) - 1, 2), min(int(years[1]) + 2, 9998))
    first = np.floor_divide(utc, _SECOND)
    offset = np.array(offsets, dtype=np.int64)
    at = np.array(changes, dtype=np.int64)
    lost = (
        offset[np.searchsorted(at, first, side="right")]
        - offset[np.searchsorted(at, first + seconds - 1, side="right")]
    )
    longer: NDArray[np.int64] = np.maximum(lost, 0) * _SECOND
    return longer


def from_utc(utc: NDArray[np.int64], zone: Zone) -> NDArray[np.int64]:
    """Wall-clock nanoseconds of UTC nanoseconds: every instant has exactly one."""
    local = utc + zone.shift * _SECOND
    if zone.iana is None or len(utc) == 0:
        return local
    years = np.array([utc.min(), utc.max()]).astype("datetime64[ns]").astype("datetime64[Y]").astype(int) + 1970
    changes, offsets = _offset_changes(zone.iana, max(int(years[0]) - 1, 2), min(int(years[1]) + 2, 9998))
    passed = np.searchsorted(np.array(changes, dtype=np.int64), np.floor_divide(utc, _SECOND), side="right")
    result: NDArray[np.int64] = local + np.array(offsets, dtype=np.int64)[passed] * _SECOND
    return result


def offset_table(tz: str, first_ns: int, last_ns: int) -> tuple[list[int], list[int]]:
    """UTC nanoseconds of the changes of clocks around a span of time, and the offsets before, between and after them.

    `tz` is anything `parse_zone` reads. One offset more than changes.
    """
    zone = parse_zone(tz)
    shift = zone.shift * _SECOND
    if zone.iana is None:
        return [], [shift]
    first, last = (
        int(np.datetime64(ns, "ns").astype("datetime64[Y]").astype(int)) + 1970 for ns in (first_ns, last_ns)
    )
    changes, offsets = _offset_changes(zone.iana, max(first - 1, 2), min(last + 2, 9998))
    return [change * _SECOND for change in changes], [offset * _SECOND + shift for offset in offsets]
