"""Windows of the user's calendar (news, holidays) in a run: no part of the data begins inside one, and on request none
of their rows is used at all."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.config import Config
from smctrain.dataset import Dataset
from smctrain.exceptions import InputError, OneClass, TooFewRows
from smctrain.splits import EventAwareSplit
from smctrain.splits.columns import read_calendar
from smctrain.splits.windows import WindowSplitter


def with_calendar(data: Dataset, config: Config, closes: NDArray[np.datetime64]) -> Dataset:
    """The dataset with the closing time of its bars and, with `split.exclude`, without the rows of the windows.

    A label belongs to a window if any moment from its decision to its end, both at the close of their bars, lies in it.

    Raises
    ------
    TooFewRows, OneClass
        When too little is left.
    """
    if config.split.calendar is None:
        return data
    data = dataclasses.replace(data, closes=closes)
    if not config.split.exclude:
        return data
    windows = read_calendar(config.split.calendar, is_time=True)
    first, last = moments_of(data, data.rows)
    meets = np.zeros(len(data.rows), dtype=bool)
    for start, end in zip(windows.start, windows.end, strict=True):
        meets |= (first.view(np.int64) <= end) & (last.view(np.int64) >= start)
    rows = data.rows[~meets]
    if len(rows) < config.training.min_rows:
        raise TooFewRows(
            f"{data.symbol}: split.calendar and split.exclude leave {len(rows)} of {len(data.rows)} rows, but at least "
            f"{config.training.min_rows} are needed."
        )
    if len(np.unique(data.y[rows])) < 2:
        raise OneClass(f"{data.symbol}: the rows outside of split.calendar hold a single class.")
    return dataclasses.replace(data, rows=rows)


def outer_splitter(base: WindowSplitter, data: Dataset, config: Config) -> tuple[WindowSplitter | EventAwareSplit, Any]:
    """The splitter of the outer parts, and the intervals it is to be audited with."""
    rows = data.rows
    if config.split.calendar is None:
        base.intervals = (data.t0[rows], data.t1[rows])
        return base, base.intervals
    if data.closes is None:
        raise InputError("split.calendar needs rows with times, but these have none.")
    base.intervals = moments_of(data, rows)
    return EventAwareSplit(config.split.calendar, base=base), base.intervals


def moments_of(data: Dataset, rows: NDArray[np.int64]) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]]:
    """Label intervals of some rows as times: both at the close of their bars."""
    assert data.closes is not None
    closes = data.closes.astype("datetime64[ns]", copy=False)
    return closes[data.t0[rows]], closes[data.t1[rows]]
