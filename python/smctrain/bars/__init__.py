"""Bars: reading, checking, price grid, segments, resampling."""

from smctrain.bars.calendars import SessionCalendar
from smctrain.bars.check import check, render_check
from smctrain.bars.fingerprint import fingerprint
from smctrain.bars.read import read_bars
from smctrain.bars.resample import resample
from smctrain.bars.timeframes import parse_timeframe
from smctrain.bars.types import TIMEFRAME_SECONDS, Bars, BarSet, Issue, Quarantine, SymbolBars, Truth

__all__ = [
    "TIMEFRAME_SECONDS",
    "BarSet",
    "Bars",
    "Issue",
    "Quarantine",
    "SessionCalendar",
    "SymbolBars",
    "Truth",
    "check",
    "fingerprint",
    "parse_timeframe",
    "read_bars",
    "render_check",
    "resample",
]
