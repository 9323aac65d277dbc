"""Bars of a longer timeframe from shorter ones."""

from __future__ import annotations

import numpy as np

from smctrain._load import core
from smctrain.bars.calendars import SessionCalendar, parse_calendar
from smctrain.bars.timeframes import parse_timeframe
from smctrain.bars.types import TIMEFRAME_SECONDS, Bars
from smctrain.exceptions import InputError


def resample(
    bars: Bars, timeframe: str, *, calendar: str | SessionCalendar | None = None, day_roll: str | None = None
) -> Bars:
    """Finished bars of `timeframe`: open of the first, highest high, lowest low, last close, summed volume.

    A bucket is finished at the first source bar that closes at or after its end; an unfinished last bucket is left
    out, so adding bars appends and never changes what was there. The spread is that of the last bar. A segment border
    inside a bucket starts it anew. A bucket that holds a bar set aside (`Bars.quarantine`) is set aside.

    Parameters
    ----------
    bars : Bars
    timeframe : str
        A multiple of the own timeframe. Buckets below a day begin at 00:00 UTC, days and weeks (from Monday) with the
        trading days of `bars.calendar`: 17:00 New York for currency pairs and metals, 00:00 UTC for others, where
        `read_bars` was not told otherwise. They follow the clocks of the zone: a day lasts 23 to 25 hours.
    calendar, day_roll
        Other trading days, as in `read_bars`; kept in the result.

    Returns
    -------
    Bars
        Stamped with the beginning of each bucket. Known at `time_close`, the end of the bucket, and not before.

    Raises
    ------
    InputError
        If `timeframe` is no multiple of the bars' own, or `calendar` or `day_roll` cannot be read.
    """
    name = parse_timeframe(timeframe)
    days = parse_calendar(calendar, day_roll, bars.symbol) or bars.calendar
    seconds = TIMEFRAME_SECONDS[name]
    if seconds == bars.seconds:
        return bars
    if seconds < bars.seconds or seconds % bars.seconds:
        raise InputError(
            f"timeframe must be a multiple of {bars.symbol}'s own timeframe {bars.timeframe}, but is {name}."
        )
    columns = core().resample_bars(bars.native(), seconds, days.native())
    time = columns.pop("time").view("datetime64[ns]")
    ends = columns.pop("ts_close").view("datetime64[ns]")
    first = columns.pop("first")
    marked = None
    if bars.quarantine is not None and len(first):
        last = np.searchsorted(bars.time, ends[-1])  # an unfinished bucket may follow
        marked = np.logical_or.reduceat(bars.quarantine[:last], first)
    plain = np.array_equal(ends, time + np.timedelta64(seconds, "s"))
    return Bars(
        bars.symbol,
        name,
        time,
        **columns,
        digits=bars.digits,
        source=bars.source,
        calendar=days,
        ends=None if plain else ends,
        quarantine=marked if marked is not None and marked.any() else None,
    )
