"""Bars as functions of other rooms take them: of one series, in order of time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.bars.types import Bars
from smctrain.exceptions import InputError


def as_bars(b: Bars) -> Bars:
    """`b`, if it is the bars of one series, in order of time.

    Raises
    ------
    InputError
        For anything else, and as `in_order`.
    """
    if not isinstance(b, Bars):
        raise InputError(
            f'b must be Bars of one symbol and timeframe, such as bars["EURUSD", "M15"], but is {type(b).__name__}.'
        )
    return in_order(b)


def in_order(b: Bars) -> Bars:
    """`b`, if each bar opens later than the one before it.

    Raises
    ------
    InputError
        Naming symbol, timeframe and the first row that does not.
    """
    # Numbers compare faster than dates.
    time: NDArray[Any] = b.time.view(np.int64) if b.time.dtype.kind == "M" else b.time
    is_early = time[1:] <= time[:-1]
    if is_early.any():
        row = int(np.argmax(is_early)) + 1
        raise InputError(
            f"{b.symbol} {b.timeframe}: bars must come in order of time, but row {row} ({b.time[row]!s:.16}) opens no "
            f"later than the row before it ({b.time[row - 1]!s:.16}): sort the bars and drop duplicates."
        )
    return b
