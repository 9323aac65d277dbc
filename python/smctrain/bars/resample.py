"""Bars of a longer timeframe from shorter ones."""

from __future__ import annotations

from smctrain._load import core
from smctrain.bars.timeframes import parse_timeframe
from smctrain.bars.types import TIMEFRAME_SECONDS, Bars
from smctrain.exceptions import InputError

_MONDAY = 4 * 86400  # 1970-01-05, in seconds


def resample(bars: Bars, timeframe: str) -> Bars:
    """Finished bars of `timeframe`: open of the first, highest high, lowest low, last close, summed volume.

    Buckets start at 00:00 UTC (days and below) or on Monday 00:00 UTC (weeks). A bucket is finished at the
    first source bar that closes at or after its end; an unfinished last bucket is left out, so adding bars
    appends and never changes what was there. The spread is that of the last bar. A segment border inside a
    bucket starts it anew.

    Known when: at its closing time (`time_close`) and not before.
    """
    name = parse_timeframe(timeframe)
    seconds = TIMEFRAME_SECONDS[name]
    if seconds == bars.seconds:
        return bars
    if seconds < bars.seconds or seconds % bars.seconds:
        raise InputError(
            f"timeframe must be a multiple of {bars.symbol}'s own timeframe {bars.timeframe}, but is {name}."
        )
    anchor = _MONDAY if name == "W1" else 0
    columns = core().resample_bars(bars.native(), seconds, anchor)
    columns["time"] = columns["time"].view("datetime64[ns]")
    return Bars(bars.symbol, name, **columns, digits=bars.digits, source=bars.source)
