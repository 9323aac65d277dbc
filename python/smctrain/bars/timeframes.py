"""Timeframe names: one parser for `M15`, `15m`, `60m`, `1h`, `1d`, and detection from the stamps."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from smctrain.bars.types import TIMEFRAME_SECONDS
from smctrain.exceptions import InputError

_BY_SECONDS = {seconds: name for name, seconds in TIMEFRAME_SECONDS.items()}
_UNIT_SECONDS = {
    "m": 60, "min": 60, "t": 60, "h": 3600, "d": 86400, "w": 604800, "wk": 604800,
}  # fmt: skip


def find_timeframe(text: str) -> str | None:
    """Timeframe that `text` names, or None: `M15`, `m15`, `15m`, `15min`, `60m` (= H1), `1h`, `1d`, `1wk`."""
    name = text.strip()
    if name.upper() in TIMEFRAME_SECONDS and not re.fullmatch(r"\d.*", name):
        return name.upper()
    match = re.fullmatch(r"(\d{1,5})(m|min|t|h|d|w|wk)", name)
    if match is None:
        return None
    return _BY_SECONDS.get(int(match[1]) * _UNIT_SECONDS[match[2]])


def parse_timeframe(text: str) -> str:
    """The same, as an `InputError` when `text` names none."""
    found = find_timeframe(text) if isinstance(text, str) else None
    if found is None:
        raise InputError(
            f"timeframes must be among {', '.join(TIMEFRAME_SECONDS)} (or written as 15m, 1h, 1d), but one is {text!r}."
        )
    return found


def median_step(time: NDArray[np.int64]) -> int:
    """Median step between ascending stamps in seconds; 0 with fewer than two stamps."""
    if len(time) < 2:
        return 0
    steps = np.diff(time)
    steps = steps[steps > 0]
    return 0 if len(steps) == 0 else int(np.sort(steps)[(len(steps) - 1) // 2] // 1_000_000_000)


def timeframe_of_step(seconds: int) -> str | None:
    """Timeframe whose bars last `seconds`, or None."""
    return _BY_SECONDS.get(seconds)
