"""Horizons and target names: one parser for labels, purging and reports.

>>> parse_horizon("60m")
Horizon(count=60, unit='m')
>>> parse_target("y_will_peak_60m_0.8")
TargetName(kind='peak', horizon=Horizon(count=60, unit='m'), size=0.8)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain._load import core
from smctrain.bars.order import as_bars
from smctrain.bars.types import Bars
from smctrain.bars.zones import parse_zone
from smctrain.exceptions import InputError
from smctrain.labels.arguments import quarantined, session_ids

UNITS = {"b": "bars", "m": "minutes", "h": "hours", "d": "sessions"}
_LONGEST = 1_000_000
_DAY = 86_400
_NS = 1_000_000_000
_HORIZON = r"(\d+)([a-zA-Z]*)"
_VALID = "a number of bars (12 or '12b'), minutes ('60m'), hours ('4h') or sessions ('1d')"

# Kind -> whether its name carries a size, and in which unit.
_RETURNS = ("fwd_ret", "excess", "outperf")
_SIZED = {
    "peak": "volatilities", "valley": "volatilities", "first_touch": "volatilities", "mfe": "fraction",
    "mdd": "fraction", "swing_high": "fraction", "swing_low": "fraction",
}  # fmt: skip
_PANEL = ("fwd_rank", "fwd_z")
_GRAMMAR = (
    "fwd_ret_<h>, excess_<h>, outperf_<h>, mfe_<h>, mae_<h>, mdd_<h>, y_peak_<h>_<k>, y_valley_<h>_<k>, "
    "y_first_touch_<h>_<k>, y_mfe_<h>_<x>, y_mdd_<h>_<x>, y_swing_high_<h>_<x> or y_swing_low_<h>_<x>, where <h> is "
    "a whole number with b (bars), m (minutes), h (hours) or d (sessions), such as 60m; y_will_... is the same"
)


@dataclass(frozen=True)
class Horizon:
    """How far a label looks: `count` bars (b), minutes (m), hours (h) or sessions (d)."""

    count: int
    unit: str

    def __str__(self) -> str:
        return f"{self.count}{self.unit}"


@dataclass(frozen=True)
class TargetName:
    """What a target's name says. `size` is k volatilities or a fraction of the price; None where there is none.

    `kind` is one of fwd_ret, excess, outperf, mfe, mae, mdd, peak, valley, first_touch, mfe_reached, mdd_reached,
    swing_high and swing_low.
    """

    kind: str
    horizon: Horizon
    size: float | None = None


def parse_horizon(horizon: int | str | Horizon) -> Horizon:
    """Reads a horizon.

    Parameters
    ----------
    horizon : int or str
        12, "12" and "12b" are bars, "60m" minutes, "4h" hours, "1d" sessions. Nothing else has a meaning: no
        seconds, weeks or capital letters.

    Returns
    -------
    Horizon

    Raises
    ------
    InputError
        For another unit, or a count outside 1 to 1,000,000.
    """
    if isinstance(horizon, Horizon):
        horizon = str(horizon)
    if isinstance(horizon, (int, np.integer)) and not isinstance(horizon, bool):
        horizon = f"{horizon}b"
    match = re.fullmatch(_HORIZON, horizon, re.ASCII) if isinstance(horizon, str) else None
    if match is None:
        raise InputError(f"horizon must be {_VALID}, but is {horizon!r}.")
    unit = match[2] or "b"
    if unit not in UNITS:
        raise InputError(f"horizon must be {_VALID}, but is {horizon!r}: {unit!r} is no unit.")
    if len(match[1]) > 7 or not 1 <= int(match[1]) <= _LONGEST:
        raise InputError(f"horizon must count 1 to {_LONGEST:,} {UNITS[unit]}, but is {horizon!r}.")
    return Horizon(int(match[1]), unit)


def parse_target(name: str) -> TargetName:
    """Reads the name of a target, such as `fwd_ret_60m` or `y_will_peak_60m_0.8`.

    Raises
    ------
    InputError
        With the whole grammar, for any other name. `fwd_ret_60` is such a name: bars and minutes look alike.
    """
    if not isinstance(name, str):
        raise InputError(f"name must be {_GRAMMAR}; but is {name!r}.")
    match = re.fullmatch(r"(y_(?:will_)?)?([a-z]+(?:_[a-z]+)*?)_(\d+[a-zA-Z]*)(?:_(\d+(?:\.\d+)?))?", name, re.ASCII)
    if match is None:
        raise _no_target(name)
    is_class, kind, span, size = match[1] is not None, match[2], match[3], match[4]
    if span.isdigit():
        raise _no_target(name, f"{span} has no unit")
    if span[-1] not in UNITS or not span[:-1].isdigit():
        raise _no_target(name, f"{span.lstrip('0123456789')!r} is no unit")
    if is_class:
        if kind not in _SIZED:
            raise _no_target(name)
        if size is None:
            raise _no_target(name, f"it must end with a size in {_SIZED[kind]}, such as _0.8")
        number = float(size)
        if number <= 0:
            raise _no_target(name, "its size must be above 0")
        return TargetName(f"{kind}_reached" if kind in ("mfe", "mdd") else kind, parse_horizon(span), number)
    if kind not in (*_RETURNS, "mfe", "mae", "mdd"):
        raise _no_target(name, "it needs many symbols: st.build_panel(...).target" if kind in _PANEL else "")
    if size is not None:
        raise _no_target(name, f"{kind}_<h> takes no size")
    return TargetName(kind, parse_horizon(span))


def _no_target(name: str, why: str = "") -> InputError:
    return InputError(f"name {name!r} is no target{': ' + why if why else ''}. It must be {_GRAMMAR}.")


@dataclass(frozen=True)
class Windows:
    """Last row of every bar's window (-1 without one), a status code per bar, and the most rows a window has."""

    end: NDArray[np.int64]
    status: NDArray[np.uint8]
    longest: int


def windows(b: Bars, horizon: Horizon, day_zone: str | None = None) -> Windows:
    """Windows of `horizon` after every bar; see `forward_return` for the rules."""
    as_bars(b)
    unit, count, session = 0, horizon.count, None
    longest = count
    if horizon.unit in "mh":
        unit = 1
        seconds = count * (60 if horizon.unit == "m" else 3600)
        if seconds < b.seconds:
            raise InputError(f"horizon must be at least one bar long, but {horizon} is shorter than {b.timeframe}.")
        count, longest = seconds * _NS, seconds // b.seconds
    elif horizon.unit == "d":
        if b.seconds > _DAY:
            raise InputError(f"horizon must be at least one bar long, but {horizon} is shorter than {b.timeframe}.")
        if day_zone is not None:
            parse_zone(day_zone)
        if b.seconds < _DAY:  # a daily bar is a session
            unit = 2
            session = session_ids(b, day_zone).astype(np.int64)
    out: dict[str, Any] = core().horizon_windows(b.native(), unit, count, b.seconds * _NS, session, quarantined(b))
    end: NDArray[np.int64] = out["end"]
    status: NDArray[np.uint8] = out["status"]
    if unit == 2:
        has = np.flatnonzero(status == 0)
        longest = int((end[has] - has).max()) if len(has) else longest
    return Windows(end, status, longest)
