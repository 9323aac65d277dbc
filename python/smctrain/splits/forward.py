"""Splits that train on the past only."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain._load import core
from smctrain.exceptions import InputError, TooFewRows
from smctrain.splits.base import (
    PURGED,
    TEST,
    TRAIN,
    UNUSED,
    Distance,
    IntervalsLike,
    ReadIntervals,
    Rows,
    Splitter,
    at_least,
    read_distance,
    stamp_count,
)


def _cut(share: float, n: int) -> int:
    """floor(share * n), safe against 0.7 + 0.15 being a hair below 0.85."""
    return math.floor(share * n + 1e-9)


class TemporalSplit(Splitter):
    """Train, validation and test, in time order; the labels of each part end before the next part begins.

    Parameters
    ----------
    train, validation, test : float
        Shares of the decision stamps; they must sum to 1.
    embargo : int or timedelta
        Further distance between a part's last label and the next part's first decision.
    intervals : (t0, t1), optional
        Label intervals, closed: two arrays of one value per row, row indices or times.
    """

    forward = True

    def __init__(
        self,
        train: float = 0.70,
        validation: float = 0.15,
        test: float = 0.15,
        embargo: Distance = 0,
        intervals: IntervalsLike | None = None,
    ) -> None:
        for name, share in (("train", train), ("validation", validation), ("test", test)):
            if not 0 < share < 1:
                raise InputError(f"{name} must be a share between 0 and 1, but is {share}.")
        if abs(train + validation + test - 1) > 1e-9:
            raise InputError(f"train, validation and test must sum to 1, but sum to {train + validation + test:g}.")
        self.train = train
        self.validation = validation
        self.test = test
        self.embargo = embargo
        self.intervals = intervals
        read_distance("embargo", embargo)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """One."""
        return 1

    def _parts(self, read: ReadIntervals) -> NDArray[np.uint8]:
        stamps, span = read_distance("embargo", self.embargo, read.is_time)
        n = stamp_count(read)
        first, last = _cut(self.train, n), _cut(self.train + self.validation, n)
        parts: NDArray[np.uint8] = core().temporal_split(read.t0, read.t1, first, last, stamps, span)
        return parts

    def split_indices(self, X: Any = None, groups: Any = None) -> tuple[Rows, Rows, Rows]:
        """Sorted row ids of train, validation and test; purged rows are in none of them."""
        parts = self._parts(self._read(X, groups))
        train, validation, test = (np.flatnonzero(parts == part) for part in range(3))
        if not (len(train) and len(validation)):
            raise TooFewRows(
                f"purging leaves {len(train)} training and {len(validation)} validation rows of "
                f"{len(parts)}: the labels are too long for this few rows."
            )
        return train, validation, test

    def purged_indices(self, X: Any = None, groups: Any = None) -> Rows:
        """Row ids in no part, because their labels reach into the next one or its embargo."""
        return np.flatnonzero(self._parts(self._read(X, groups)) == 3)

    def _fates(self, read: ReadIntervals) -> Iterator[NDArray[np.uint8]]:
        # Train against test: validation rows are in neither.
        yield np.array([TRAIN, UNUSED, TEST, PURGED], dtype=np.uint8)[self._parts(read)]


class WalkForward(Splitter):
    """Consecutive test windows; each is predicted by what was known before it.

    Parameters
    ----------
    n_splits : int
        Number of test windows.
    window : int, optional
        Rolling: train on this many of the latest stamps only. None: on all of the past.
    gap : int or timedelta
        Further distance between the last training label and the first test decision.
    intervals : (t0, t1), optional
        Label intervals, closed: two arrays of one value per row, row indices or times.
    min_train : float
        Share of the decision stamps before the first test window.
    """

    forward = True

    def __init__(
        self,
        n_splits: int = 5,
        window: int | None = None,
        gap: Distance = 0,
        intervals: IntervalsLike | None = None,
        min_train: float = 0.4,
    ) -> None:
        self.n_splits = at_least("n_splits", n_splits, 1)
        self.window = None if window is None else at_least("window", window, 1)
        if not 0 < min_train < 1:
            raise InputError(f"min_train must be a share between 0 and 1, but is {min_train}.")
        self.gap = gap
        self.intervals = intervals
        self.min_train = min_train
        read_distance("gap", gap)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Number of test windows."""
        return self.n_splits

    def _fates(self, read: ReadIntervals) -> Iterator[NDArray[np.uint8]]:
        n = stamp_count(read)
        start = _cut(self.min_train, n)
        if start < 1 or n - start < self.n_splits:
            raise TooFewRows(
                f"there are {n} decision stamps: {start} before the first test window and {n - start} after, "
                f"too few for {self.n_splits} windows."
            )
        sizes = np.full(self.n_splits, (n - start) // self.n_splits)
        sizes[: (n - start) % self.n_splits] += 1
        borders = start + np.concatenate([[0], np.cumsum(sizes)])
        yield from _forward(read, list(itertools.pairwise(borders)), self.window, self.gap)


class ExpandingWindow(Splitter):
    """Test windows of `test` stamps every `step` stamps, each trained on everything before it.

    Parameters
    ----------
    initial, step, test : int
        Stamps before the first test window, between window starts, and in a window.
    gap : int or timedelta
        Further distance between the last training label and the first test decision.
    intervals : (t0, t1), optional
        Label intervals, closed: two arrays of one value per row, row indices or times.
    """

    forward = True

    def __init__(
        self,
        initial: int = 504,
        step: int = 21,
        test: int = 21,
        gap: Distance = 0,
        intervals: IntervalsLike | None = None,
    ) -> None:
        self.initial = at_least("initial", initial, 1)
        self.step = at_least("step", step, 1)
        self.test = at_least("test", test, 1)
        self.gap = gap
        self.intervals = intervals
        read_distance("gap", gap)

    def _windows(self, read: ReadIntervals) -> list[tuple[int, int]]:
        n = stamp_count(read)
        windows = [(first, first + self.test) for first in range(self.initial, n - self.test + 1, self.step)]
        if not windows:
            raise TooFewRows(f"there are {n} decision stamps, but {self.initial + self.test} are needed.")
        return windows

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Number of windows that fit; needs intervals or X."""
        return len(self._windows(self._read(X, groups)))

    def _fates(self, read: ReadIntervals) -> Iterator[NDArray[np.uint8]]:
        yield from _forward(read, self._windows(read), None, self.gap)


def _forward(
    read: ReadIntervals, windows: list[tuple[int, int]], window: int | None, gap: Distance
) -> Iterator[NDArray[np.uint8]]:
    stamps, span = read_distance("gap", gap, read.is_time)
    for number, (first, last) in enumerate(windows):
        fates = core().forward_split(read.t0, read.t1, int(first), int(last), window or 0, stamps, span)
        if not np.any(fates == TRAIN):
            raise TooFewRows(
                f"window {number} has no training row left: its labels are too long for {first} stamps before it."
            )
        yield fates
