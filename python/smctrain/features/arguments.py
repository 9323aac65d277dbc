"""Arguments of the event functions: checked once, with messages that name them."""

from __future__ import annotations

import numpy as np

from smctrain.bars.types import Bars
from smctrain.exceptions import InputError


def as_bars(b: Bars) -> Bars:
    """`b`, if it is the bars of one series, in order of time."""
    if not isinstance(b, Bars):
        raise InputError(
            f'b must be Bars of one symbol and timeframe, such as bars["EURUSD", "M15"], but is {type(b).__name__}.'
        )
    return in_order(b)


def in_order(b: Bars) -> Bars:
    """`b`, if each bar opens later than the one before it."""
    ticks = b.time.view(np.int64)
    if np.all(ticks[1:] > ticks[:-1]):  # as numbers, which is several times faster than as times
        return b
    early = np.flatnonzero(b.time[1:] <= b.time[:-1])
    if len(early):
        row = int(early[0]) + 1
        raise InputError(
            f"{b.symbol} {b.timeframe}: bars must come in order of time, but row {row} ({b.time[row]!s:.16}) opens no "
            f"later than the row before it ({b.time[row - 1]!s:.16}): sort the bars and drop duplicates."
        )
    return b


def as_integer(name: str, value: int, least: int, most: int = 1_000_000) -> int:
    """`value`, if it is an integer from `least` to `most`."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or not least <= value <= most:
        raise InputError(f"{name} must be an integer from {least} to {most}, but is {value!r}.")
    return int(value)


def as_number(name: str, value: float) -> float:
    """`value`, if it is a finite number of at least 0."""
    is_number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not is_number or not np.isfinite(value) or value < 0:
        raise InputError(f"{name} must be a finite number of at least 0, but is {value!r}.")
    return float(value)


def as_flag(name: str, value: bool) -> bool:
    """`value`, if it is True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise InputError(f"{name} must be True or False, but is {value!r}.")
    return bool(value)


def as_choice(name: str, value: str, allowed: tuple[str, ...]) -> str:
    """`value`, if it is one of `allowed`."""
    if not isinstance(value, str) or value not in allowed:
        raise InputError(f"{name} must be {' or '.join(map(repr, allowed))}, but is {value!r}.")
    return value
