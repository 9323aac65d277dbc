"""What all splitters share: reading intervals, distances, and the scikit-learn protocol."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain._load import core
from smctrain.exceptions import InputError

Rows = NDArray[np.int64]
IntervalsLike = tuple[ArrayLike, ArrayLike]
Distance = int | timedelta | np.timedelta64

TRAIN, TEST, PURGED, EMBARGOED, UNUSED = range(5)


@dataclass(frozen=True)
class SplitPlan:
    """One split in numbers: rows on each side, rows removed, and the stamps of the test part."""

    fold: int
    train: int
    test: int
    purged: int
    embargoed: int
    test_from: Any
    test_to: Any


@dataclass(frozen=True)
class ReadIntervals:
    """Intervals on one int64 scale: row indices, or nanoseconds when they were given as times."""

    t0: Rows
    t1: Rows
    is_time: bool

    def __len__(self) -> int:
        return len(self.t0)

    def show(self, value: int) -> Any:
        return np.datetime64(int(value), "ns") if self.is_time else int(value)


def read_intervals(intervals: IntervalsLike | None, n: int | None, groups: Any = None) -> ReadIntervals:
    """Check and convert intervals; without them every row is its own label."""
    if intervals is None:
        if n is None:
            raise InputError("X is needed to know the number of rows, because intervals were not given.")
        rows = np.arange(n, dtype=np.int64)
        read = ReadIntervals(rows, rows, is_time=False)
    else:
        try:
            first, last = intervals
        except (TypeError, ValueError):
            raise InputError("intervals must be two arrays (t0, t1), one value per row each.") from None
        (t0, t0_time), (t1, t1_time) = _moments(first, "t0"), _moments(last, "t1")
        if t0_time != t1_time:
            raise InputError("intervals must both be row indices or both be times.")
        read = ReadIntervals(t0, t1, t0_time)
    if n is not None and (len(read.t0) != n or len(read.t1) != n):
        raise InputError(f"intervals must have one value per row ({n}), but have {len(read.t0)} and {len(read.t1)}.")
    if groups is not None and not read.is_time and len(np.unique(np.asarray(groups))) > 1:
        raise InputError(
            "several symbols need intervals given as times: row indices of different symbols do not compare."
        )
    return read


def read_distance(name: str, value: Distance, is_time: bool | None = None) -> tuple[int, int]:
    """(stamps, nanoseconds) of an embargo or a gap."""
    if isinstance(value, (timedelta, np.timedelta64)):
        if is_time is False:
            raise InputError(f"{name} is a time, so intervals must be times too; or give {name} in rows.")
        span = int(np.timedelta64(value).astype("timedelta64[ns]").astype(np.int64))
        if span < 0:
            raise InputError(f"{name} must not be negative, but is {value}.")
        return 0, span
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
        raise InputError(f"{name} must be a number of rows of at least 0 or a timedelta, but is {value!r}.")
    return int(value), 0


def at_least(name: str, value: int, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise InputError(f"{name} must be an integer of at least {least}, but is {value!r}.")
    return int(value)


def _moments(values: ArrayLike, name: str) -> tuple[Rows, bool]:
    array = np.asarray(values)
    if array.dtype == object:  # time-zone aware stamps
        import pandas as pd

        array = pd.DatetimeIndex(pd.to_datetime(array, utc=True)).tz_localize(None).to_numpy()
    if array.ndim != 1:
        raise InputError(f"intervals: {name} must have 1 dimension, but has {array.ndim}.")
    if array.dtype.kind == "M":
        return np.ascontiguousarray(array.astype("datetime64[ns]").view(np.int64)), True
    if array.dtype.kind not in "iu":
        raise InputError(f"intervals: {name} must be row indices or times, but is {array.dtype}.")
    return np.ascontiguousarray(array, dtype=np.int64), False


def row_count(X: Any) -> int | None:
    if X is None:
        return None
    return int(X.shape[0]) if hasattr(X, "shape") else len(X)


class Splitter(ABC):
    """A scikit-learn cross-validator whose folds are known from the intervals alone."""

    intervals: IntervalsLike | None
    forward = False

    @abstractmethod
    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Number of splits."""

    @abstractmethod
    def _fates(self, read: ReadIntervals) -> Iterator[NDArray[np.uint8]]:
        """The fate of every row (TRAIN, TEST, PURGED, EMBARGOED, UNUSED), split by split."""

    def _read(self, X: Any, groups: Any) -> ReadIntervals:
        return read_intervals(self.intervals, row_count(X), groups)

    def split(self, X: Any = None, y: Any = None, groups: Any = None) -> Iterator[tuple[Rows, Rows]]:
        """Yield (train, test) as sorted row ids.

        Parameters
        ----------
        X : array-like (n, ...), optional
            Only its length is used; optional when intervals were given.
        y : ignored
        groups : array-like (n,), optional
            Symbol per row. Rows of one stamp always stay on one side; intervals must then be times.
        """
        for fates in self._fates(self._read(X, groups)):
            yield np.flatnonzero(fates == TRAIN), np.flatnonzero(fates == TEST)

    def plan(self, X: Any = None, groups: Any = None) -> list[SplitPlan]:
        """Every split in numbers."""
        read = self._read(X, groups)
        plans = []
        for fold, fates in enumerate(self._fates(read)):
            number = np.bincount(fates, minlength=5)
            stamps = read.t0[fates == TEST]
            plans.append(
                SplitPlan(
                    fold=fold,
                    train=int(number[TRAIN]),
                    test=int(number[TEST]),
                    purged=int(number[PURGED]),
                    embargoed=int(number[EMBARGOED]),
                    test_from=read.show(stamps.min()),
                    test_to=read.show(stamps.max()),
                )
            )
        return plans

    def _embargo(self) -> Distance:
        """What the audit must find after every test block."""
        return 0

    def __repr__(self) -> str:
        settings = {name: value for name, value in vars(self).items() if name != "intervals"}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in settings.items())})"


def stamp_count(read: ReadIntervals) -> int:
    return int(core().count_stamps(read.t0))


def longest_overlap(t0: Rows, t1: Rows) -> int:
    """h = 1 + the most decisions that fall inside one label: how far neighbouring rows share their outcome."""
    order = np.argsort(t0, kind="stable")
    starts, ends = t0[order], t1[order]
    inside = np.searchsorted(starts, ends, side="left") - np.arange(len(starts)) - 1
    return int(1 + max(0, inside.max(initial=0)))
