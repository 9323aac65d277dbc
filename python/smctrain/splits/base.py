"""What all splitters share: reading intervals and distances, the scikit-learn protocol, the plan."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain._load import core
from smctrain.exceptions import InputError, TooFewRows
from smctrain.splits.plan import FoldPlan, SplitPlan, spans_of

Rows = NDArray[np.int64]
Fates = NDArray[np.uint8]
IntervalsLike = tuple[ArrayLike, ArrayLike] | Any
"""(t0, t1); also a pandas Series of t1 indexed by t0, and a frame or mapping that holds both by name."""
Distance = int | timedelta | np.timedelta64

TRAIN, TEST, PURGED, EMBARGOED, UNUSED, EXCLUDED = range(6)
_PARTS = ("train", "test", "purged", "embargoed", "unused", "excluded")

NO_INTERVALS = (
    "no label intervals were given: each label counts as known in its own row, so that nothing is purged. Labels that "
    "look ahead need intervals=(t0, t1)."
)
_MOST = np.iinfo(np.int64).max
MISSING = int(np.iinfo(np.int64).min)
"""A moment that is not known, as NaT is stored."""
_FIRST_DAY = np.datetime64("1677-09-22")
"""Nanoseconds in int64 begin here."""


@dataclass(frozen=True)
class EmbargoShare:
    """An embargo that grows with its test block: the smaller of a share of the block's length and a cap, rounded up.

    Parameters
    ----------
    share : float
        Share of the block's length.
    at_most : int or timedelta, optional
        Cap, usually the longest lookback of the features: decision stamps, or a time (the block's length then counts
        in time, too). None: no cap.
    """

    share: float = 0.05
    at_most: Distance | None = None

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise InputError(f"share must be above 0 and at most 1, but is {self.share!r}.")
        if self.at_most is not None:
            read_distance("at_most", self.at_most)


EmbargoLike = Distance | EmbargoShare | Literal["auto"]


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

    def take(self, rows: NDArray[Any]) -> ReadIntervals:
        return ReadIntervals(self.t0[rows], self.t1[rows], self.is_time)


def read_intervals(intervals: IntervalsLike | None, n: int | None, groups: Any = None) -> ReadIntervals:
    """Check and convert intervals; without them every row is its own label."""
    if intervals is None:
        if n is None:
            raise InputError("X is needed to know the number of rows, because intervals were not given.")
        rows = np.arange(n, dtype=np.int64)
        read = ReadIntervals(rows, rows, is_time=False)
    else:
        first, last = _two_arrays(intervals)
        (t0, t0_time), (t1, t1_time) = read_moments(first, "intervals: t0"), read_moments(last, "intervals: t1")
        if t0_time != t1_time:
            raise InputError("intervals must both be row indices or both be times.")
        read = ReadIntervals(t0, t1, t0_time)
    if n is not None and (len(read.t0) != n or len(read.t1) != n):
        raise InputError(f"intervals must have one value per row ({n}), but have {len(read.t0)} and {len(read.t1)}.")
    if groups is not None and not read.is_time and _has_several(groups):
        raise InputError(
            "several symbols need intervals given as times: row indices of different symbols do not compare."
        )
    return read


def _has_several(groups: Any) -> bool:
    named = np.asarray(groups)
    return len(np.unique(named.astype(str) if named.dtype == object else named)) > 1


def _two_arrays(intervals: Any) -> tuple[Any, Any]:
    """t0 and t1 of a pair, of a pandas Series (t1, indexed by t0), or of a frame or mapping with both by name."""
    if hasattr(intervals, "keys") and hasattr(intervals, "__getitem__"):
        if "t0" in intervals and "t1" in intervals:
            return intervals["t0"], intervals["t1"]
        if hasattr(intervals, "index") and getattr(intervals, "ndim", 2) == 1:
            return intervals.index, intervals.array
        found = ", ".join(map(str, intervals.keys()))
        raise InputError(f"intervals must name t0 and t1, but hold {found[:200] or 'nothing'}.")
    try:
        first, last = intervals
    except (TypeError, ValueError):
        raise InputError(
            "intervals must be two arrays (t0, t1), one value per row each: when a row is decided, and when its label "
            "is known. A pandas Series of t1 whose index is t0 is understood, too."
        ) from None
    return first, last


def read_distance(name: str, value: Distance, is_time: bool | None = None) -> tuple[int, int]:
    """(stamps, nanoseconds) of an embargo, a gap or a lookback."""
    if isinstance(value, (timedelta, np.timedelta64)):
        if is_time is False:
            raise InputError(f"{name} is a time, so intervals must be times too; or give {name} in rows.")
        span = _span(value)
        if span < 0:
            raise InputError(f"{name} must not be negative, but is {value}.")
        return 0, min(span, _MOST)
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
        raise InputError(
            f'{name} must be a number of rows of at least 0 or a timedelta (pandas.Timedelta("2h")), but is {value!r}.'
        )
    return min(int(value), _MOST), 0


def _span(value: timedelta | np.timedelta64) -> int:
    """Nanoseconds in Python's integers: numpy's would wrap after 292 years. Negative for NaT."""
    if isinstance(value, timedelta):
        return value // timedelta(microseconds=1) * 1000
    unit, count = np.datetime_data(value.dtype)
    if unit in ("ps", "fs", "as"):
        return int(value.astype("timedelta64[ns]").astype(np.int64))
    one = 1 if unit == "generic" else int(np.ones(1, dtype=f"timedelta64[{unit}]").astype("timedelta64[ns]")[0])
    return int(value.astype(np.int64)) * count * one


def read_embargo(value: EmbargoLike, is_time: bool | None = None) -> tuple[int, int, float]:
    """(stamps, nanoseconds, share) of an embargo."""
    if isinstance(value, str):
        if value != "auto":
            raise InputError(
                f'embargo must be a number of rows, a timedelta (pandas.Timedelta("1h")), EmbargoShare or "auto", but '
                f"is {value!r}."
            )
        value = EmbargoShare()
    if isinstance(value, float) and 0 < value < 1:
        raise InputError(
            f'embargo must be a number of rows, a timedelta, EmbargoShare or "auto", but is {value!r}: as a share of '
            f"the test block write st.splits.EmbargoShare({value!r})."
        )
    if isinstance(value, EmbargoShare):
        if value.at_most is None:
            return _MOST, 0, float(value.share)
        stamps, span = read_distance("at_most", value.at_most, is_time)
        return stamps, span, float(value.share) if stamps or span else 0.0
    return (*read_distance("embargo", value, is_time), 0.0)


def at_least(name: str, value: int, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise InputError(f"{name} must be an integer of at least {least}, but is {value!r}.")
    return int(value)


def read_moments(values: ArrayLike, name: str) -> tuple[Rows, bool]:
    """Moments as int64 and whether they are times; infinite ones become the last moment, missing ones `MISSING`."""
    array = np.asarray(values)
    if array.dtype == object:  # time-zone aware stamps
        import pandas as pd

        array = pd.DatetimeIndex(pd.to_datetime(array, utc=True)).tz_localize(None).to_numpy()
    if array.ndim != 1:
        raise InputError(f"{name} must have 1 dimension, but has {array.ndim}.")
    if array.dtype.kind == "M":
        return _nanoseconds(array, name), True
    if array.dtype.kind == "f":  # ends that are open (infinite) or missing (NaN)
        finite = np.isfinite(array)
        if not np.array_equal(array[finite], np.round(array[finite])):
            raise InputError(f"{name} must be row indices or times, but holds fractions.")
        _check_in_range(array[finite], name)
        _check_in_range(array[finite], name)
        moments = np.full(len(array), MISSING, dtype=np.int64)
        moments[finite] = array[finite].astype(np.int64)
        moments[np.isposinf(array)] = _MOST
        return moments, False
    if array.dtype.kind not in "iu":
        raise InputError(f"{name} must be row indices or times, but is {array.dtype}.")
    if array.dtype.kind == "u":
        _check_in_range(array, name)
    return np.ascontiguousarray(array, dtype=np.int64), False


def _check_in_range(array: NDArray[Any], name: str) -> None:
    if array.size and float(np.abs(array).max()) >= 2.0**63:
        raise InputError(f"{name} must be row indices within int64, but holds {float(np.abs(array).max()):.6g}.")


def _nanoseconds(array: NDArray[Any], name: str) -> Rows:
    unit, step = np.datetime_data(array.dtype)
    if (unit, step) != ("ns", 1):  # "9999-12-31" means never: nanoseconds end in 2262 and would wrap
        if unit not in ("ns", "ps", "fs", "as") and bool((array < _FIRST_DAY).any()):
            raise InputError(f"{name} must not lie before {_FIRST_DAY}, but holds {array[array < _FIRST_DAY][0]}.")
        latest = np.datetime64(_MOST, "ns").astype(array.dtype)
        beyond = array > latest
        moments = array.astype("datetime64[ns]").view(np.int64)
        if beyond.any():
            moments[beyond] = _MOST
        return moments
    return np.ascontiguousarray(array).view(np.int64)


def row_count(X: Any) -> int | None:
    if X is None:
        return None
    return int(X.shape[0]) if hasattr(X, "shape") else len(X)


@dataclass(frozen=True)
class Rules:
    """Purge and embargo as the kernels take them."""

    embargo: tuple[int, int, float] = (0, 0, 0.0)
    lookback: tuple[int, int] = (0, 0)
    block: bool = False


class Splitter(ABC):
    """A scikit-learn cross-validator whose folds are known from the intervals alone.

    Attributes
    ----------
    forward : bool
        Whether every training label ends before the first test decision.
    purpose : str
        "verdict": its pooled test predictions are what deployment would have got; "tuning": for choices inside a
        training part; "spread": how much results vary; "diagnostic": to look at, never to choose by.
    """

    intervals: IntervalsLike | None
    forward: bool = False
    purpose: ClassVar[str] = "tuning"

    @abstractmethod
    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Number of splits."""

    @abstractmethod
    def _fates(self, read: ReadIntervals, time: Any, groups: Any) -> Iterator[Fates]:
        """The fate of every row (TRAIN, TEST, PURGED, EMBARGOED, UNUSED, EXCLUDED), split by split."""

    def _read(self, X: Any, groups: Any) -> ReadIntervals:
        return read_intervals(self.intervals, row_count(X), groups)

    def _start(self, X: Any, groups: Any) -> tuple[ReadIntervals, Any]:
        read = self._read(X, groups)
        time = core().Timeline(read.t0, read.t1)
        time.check()
        return read, time

    def split(self, X: Any = None, y: Any = None, groups: Any = None) -> Iterator[tuple[Rows, Rows]]:
        """Yield (train, test) as sorted row ids.

        Parameters
        ----------
        X : array-like (n, ...), optional
            Only its length is used; optional when intervals were given.
        y : ignored
        groups : array-like (n,), optional
            Symbol per row. Rows of one stamp always stay on one side; intervals must then be times.

        Yields
        ------
        train, test : int64 arrays
            Ascending row ids.
        """
        for number, fates in enumerate(self._fates(*self._start(X, groups), groups)):
            train, test = core().sides(fates)
            if not len(train):
                raise TooFewRows(
                    f"split {number} of {type(self).__name__} has no training row left: labels, embargo and events "
                    "reach too far for this few rows. Give more rows, fewer splits or a shorter embargo."
                )
            yield train, test

    def plan(self, X: Any = None, groups: Any = None) -> SplitPlan:
        """Every split in numbers and dates, without fitting anything.

        Parameters
        ----------
        X, groups
            As in `split`.

        Returns
        -------
        SplitPlan
        """
        read, time = self._start(X, groups)
        folds = []
        names = self._names(read, time, groups)
        in_time = np.argsort(read.t0, kind="stable")
        moments = read.t0[in_time]
        for number, fates in enumerate(self._fates(read, time, groups)):
            counts = np.bincount(fates, minlength=6)
            ends = [_ends(read, fates == side) for side in (TRAIN, TEST)]
            folds.append(
                FoldPlan(
                    fold=number,
                    train=int(counts[TRAIN]),
                    test=int(counts[TEST]),
                    purged=int(counts[PURGED]),
                    embargoed=int(counts[EMBARGOED]),
                    unused=int(counts[UNUSED]),
                    excluded=int(counts[EXCLUDED]),
                    train_from=ends[0][0],
                    train_to=ends[0][1],
                    test_from=ends[1][0],
                    test_to=ends[1][1],
                    name=names[number] if names else "",
                    events=self._events_in(read, fates),
                    spans=spans_of(moments, fates[in_time], _PARTS, read.show),
                )
            )
        notes = [NO_INTERVALS] if self.intervals is None else []
        return SplitPlan(repr(self), self.purpose, tuple(folds), (*notes, *self._notes(read, time, groups)))

    def _names(self, read: ReadIntervals, time: Any, groups: Any) -> list[str]:
        """What the splits are called where they are not just numbers."""
        return []

    def _events_in(self, read: ReadIntervals, fates: Fates) -> tuple[str, ...]:
        """Names of the calendar windows that meet the test part."""
        return ()

    def _notes(self, read: ReadIntervals, time: Any, groups: Any) -> list[str]:
        """What a reader of the plan must know."""
        return []

    def _rules(self, is_time: bool | None = None) -> Rules:
        """What the audit must find kept: the embargo after every test block, and the lookback of the features."""
        return Rules()

    def _gap(self, is_time: bool | None = None) -> tuple[int, int]:
        """Distance that a forward split keeps before its test."""
        return 0, 0

    def __repr__(self) -> str:
        shown = {name: value for name, value in vars(self).items() if name != "intervals" and not name.startswith("_")}
        words = (f"{name}={_short(value)}" for name, value in shown.items() if value is not None)
        return f"{type(self).__name__}({', '.join(words)})"


def _ends(read: ReadIntervals, chosen: NDArray[np.bool_]) -> tuple[Any, Any]:
    stamps = read.t0[chosen]
    return (read.show(stamps.min()), read.show(stamps.max())) if len(stamps) else (None, None)


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"<{' x '.join(map(str, value.shape))} values>"
    return repr(value)


class PurgingSplitter(Splitter):
    """Settings of splitters that train on both sides of a test part."""

    embargo: EmbargoLike
    lookback: Distance
    purge: str

    def _set_rules(self, embargo: EmbargoLike, lookback: Distance, purge: str) -> None:
        self.embargo = embargo
        self.lookback = lookback
        self.purge = purge
        read_embargo(embargo)
        read_distance("lookback", lookback)
        if purge not in ("exact", "block"):
            raise InputError(f'purge must be "exact" or "block", but is {purge!r}.')

    def _rules(self, is_time: bool | None = None) -> Rules:
        return Rules(
            read_embargo(self.embargo, is_time),
            read_distance("lookback", self.lookback, is_time),
            self.purge == "block",
        )


def longest_overlap(t0: Rows, t1: Rows) -> int:
    """h = 1 + the most decisions that fall inside one label: how far neighbouring rows share their outcome.

    Parameters
    ----------
    t0, t1 : int64 (n,)
        Label intervals, rows in any order.

    Returns
    -------
    int
        At least 1.
    """
    return int(core().longest_overlap(np.ascontiguousarray(t0, np.int64), np.ascontiguousarray(t1, np.int64)))
