"""Splits that train on the past only."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from smctrain.exceptions import InputError, TooFewRows
from smctrain.splits.base import (
    PURGED,
    TEST,
    TRAIN,
    UNUSED,
    Distance,
    Fates,
    IntervalsLike,
    ReadIntervals,
    Rows,
    at_least,
    read_distance,
)
from smctrain.splits.plan import SplitPlan
from smctrain.splits.windows import StrataLike, WindowSplitter


def _cut(share: float, n: int) -> int:
    """floor(share * n), safe against 0.7 + 0.15 being a hair below 0.85."""
    return math.floor(share * n + 1e-9)


class TemporalSplit(WindowSplitter):
    """Train, validation and test, in time order; the labels of each part end before the next part begins.

    As a scikit-learn splitter it trains on the training part and tests on the test part; `split_indices` gives all
    three.

    Parameters
    ----------
    train, validation, test : float
        Shares of the decision stamps; they must sum to 1. `validation` may be 0.
    embargo : int or timedelta
        Further distance between a part's last label and the next part's first decision.
    intervals : (t0, t1), optional
        Label intervals, closed: two arrays of one value per row, row indices or times.
    min_train : int
        Fewest decision stamps before the first border.
    stratify_quality : array-like (n,) or QualityStrata, optional
        Quality per row: borders shift by at most 5 % of a part, so that parts hold similar shares of quality.

    Raises
    ------
    TooFewRows
        When a part would be empty, or hold too few stamps.
    """

    forward = True
    purpose: ClassVar[str] = "verdict"

    def __init__(
        self,
        train: float = 0.70,
        validation: float = 0.15,
        test: float = 0.15,
        embargo: Distance = 0,
        intervals: IntervalsLike | None = None,
        *,
        min_train: int = 1,
        stratify_quality: StrataLike = None,
    ) -> None:
        for name, share in (("train", train), ("validation", validation), ("test", test)):
            if not (0 < share < 1 or (share == 0 and name == "validation")):
                raise InputError(f"{name} must be a share between 0 and 1, but is {share}.")
        if abs(train + validation + test - 1) > 1e-9:
            raise InputError(f"train, validation and test must sum to 1, but sum to {train + validation + test:g}.")
        self.train = train
        self.validation = validation
        self.test = test
        self.embargo = embargo
        self.intervals = intervals
        self.min_train = at_least("min_train", min_train, 1)
        self._set_strata(stratify_quality)
        read_distance("embargo", embargo)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """One."""
        return 1

    def _gap(self, is_time: bool | None = None) -> tuple[int, int]:
        return read_distance("embargo", self.embargo, is_time)

    def _windows(self, n_stamps: int) -> Rows:
        first, last = _cut(self.train, n_stamps), _cut(self.train + self.validation, n_stamps)
        if first < self.min_train:
            raise TooFewRows(f"there are {first} training stamps, but min_train asks for {self.min_train}.")
        if not self.validation:
            return np.array([[first, n_stamps]], dtype=np.int64)
        return np.array([[first, last], [last, n_stamps]], dtype=np.int64)

    def _parts_at(self, read: ReadIntervals, time: Any, windows: Rows) -> NDArray[np.uint8]:
        first, last = int(windows[0, 0]), int(windows[-1, 0])
        parts: NDArray[np.uint8] = time.temporal_split(first, last, self._gap(read.is_time))
        return parts

    def _parts(self, X: Any, groups: Any) -> NDArray[np.uint8]:
        read, time = self._start(X, groups)
        return self._parts_at(read, time, self._placed(read, time))

    def split_indices(self, X: Any = None, groups: Any = None) -> tuple[Rows, Rows, Rows]:
        """Sorted row ids of train, validation and test; purged rows are in none of them."""
        return three_parts(self._parts(X, groups), bool(self.validation))

    def purged_indices(self, X: Any = None, groups: Any = None) -> Rows:
        """Row ids in no part, because their labels reach into the next one or its embargo."""
        return np.flatnonzero(self._parts(X, groups) == 3)

    def _fates_at(self, read: ReadIntervals, time: Any, windows: Rows) -> Iterator[Fates]:
        # Train against test: validation rows are in neither.
        yield np.array([TRAIN, UNUSED, TEST, PURGED], dtype=np.uint8)[self._parts_at(read, time, windows)]

    def plan(self, X: Any = None, groups: Any = None) -> SplitPlan:
        """The split in numbers and dates, its validation part included.

        Parameters
        ----------
        X, groups
            As in `split`.

        Returns
        -------
        SplitPlan
        """
        plan = super().plan(X, groups)
        read, time = self._start(X, groups)
        return with_validation(plan, read, self._parts_at(read, time, self._placed(read, time)))


def three_parts(parts: NDArray[np.uint8], has_validation: bool) -> tuple[Rows, Rows, Rows]:
    train, validation, test = (np.flatnonzero(parts == part) for part in range(3))
    if not (len(train) and (len(validation) or not has_validation)):
        raise TooFewRows(
            f"purging leaves {len(train)} training and {len(validation)} validation rows of "
            f"{len(parts)}: the labels are too long for this few rows."
        )
    return train, validation, test


def with_validation(plan: SplitPlan, read: ReadIntervals, parts: NDArray[np.uint8]) -> SplitPlan:
    stamps = read.t0[parts == 1]
    if not len(stamps):
        return plan
    (fold,) = plan.folds
    fold = replace(
        fold,
        validation=len(stamps),
        validation_from=read.show(stamps.min()),
        validation_to=read.show(stamps.max()),
        unused=fold.unused - len(stamps),
    )
    return SplitPlan(plan.splitter, plan.purpose, (fold,), plan.notes)


class WalkForward(WindowSplitter):
    """Consecutive test windows; each is predicted by what was known before it.

    The pooled predictions of all windows are what deployment would have got: the number for a verdict.

    Parameters
    ----------
    n_splits : int
        Number of test windows.
    window : int, optional
        Rolling: train on this many of the latest stamps only. None: on all of the past (anchored).
    gap : int or timedelta
        Further distance between the last training label and the first test decision. Labels that reach into the test
        are purged with a gap of 0 as well.
    intervals : (t0, t1), optional
        Label intervals, closed: two arrays of one value per row, row indices or times.
    min_train : float or int
        Share (float) or number (int) of the decision stamps before the first test window.
    test_size : int, optional
        Stamps of every test window; later stamps stay unused. None: the windows share all stamps after `min_train`,
        the first ones holding one more where they do not divide.
    stratify_quality : array-like (n,) or QualityStrata, optional
        Quality per row: borders shift by at most 5 % of a window, so that neighbouring windows hold similar shares.

    Raises
    ------
    TooFewRows
        When there are too few stamps, or a window is left without a training row.

    Notes
    -----
    Source: Pardo, "The Evaluation and Optimization of Trading Strategies" (2008), chapter 11, purged by label ends.

    Examples
    --------
    Pooled predictions, each by a model of what was known before it:

    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((500, 2))
    >>> y = (X[:, 0] > 0).astype(int)
    >>> rows = np.arange(500)
    >>> cv = st.splits.WalkForward(3, intervals=(rows, rows + 10))
    >>> tested, answers = [], []
    >>> for train, test in cv.split(X):
    ...     tested.append(test)
    ...     answers.append(LogisticRegression().fit(X[train], y[train]).predict(X[test]))
    >>> pooled = np.concatenate(tested)
    >>> bool(pooled[0] == 200 and (np.concatenate(answers) == y[pooled]).mean() > 0.9)
    True
    """

    forward = True
    purpose: ClassVar[str] = "verdict"

    def __init__(
        self,
        n_splits: int = 5,
        window: int | None = None,
        gap: Distance = 0,
        intervals: IntervalsLike | None = None,
        min_train: float = 0.4,
        *,
        test_size: int | None = None,
        stratify_quality: StrataLike = None,
    ) -> None:
        self.n_splits = at_least("n_splits", n_splits, 1)
        self.window = None if window is None else at_least("window", window, 1)
        if isinstance(min_train, (bool, str)) or not (0 < min_train < 1 or (min_train >= 1 and min_train % 1 == 0)):
            raise InputError(
                f"min_train must be a share between 0 and 1 or a number of stamps of at least 1, but is {min_train}."
            )
        self.gap = gap
        self.intervals = intervals
        self.min_train = min_train
        self.test_size = None if test_size is None else at_least("test_size", test_size, 1)
        self._set_strata(stratify_quality)
        read_distance("gap", gap)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Number of test windows."""
        return self.n_splits

    def _gap(self, is_time: bool | None = None) -> tuple[int, int]:
        return read_distance("gap", self.gap, is_time)

    def _windows(self, n_stamps: int) -> Rows:
        start = _cut(self.min_train, n_stamps) if self.min_train < 1 else int(self.min_train)
        needed = self.n_splits * (self.test_size or 1)
        if start < 1 or n_stamps - start < needed:
            raise TooFewRows(
                f"there are {n_stamps} decision stamps: {start} before the first test window and "
                f"{max(0, n_stamps - start)} after, too few for {self.n_splits} windows"
                f"{f' of {self.test_size}' if self.test_size else ''}."
            )
        if self.test_size:
            sizes = np.full(self.n_splits, self.test_size)
        else:
            sizes = np.full(self.n_splits, (n_stamps - start) // self.n_splits)
            sizes[: (n_stamps - start) % self.n_splits] += 1
        borders = start + np.concatenate([[0], np.cumsum(sizes)])
        return np.stack([borders[:-1], borders[1:]], axis=1).astype(np.int64)

    def _fates_at(self, read: ReadIntervals, time: Any, windows: Rows) -> Iterator[Fates]:
        gap = self._gap(read.is_time)
        for first, last in windows.tolist():
            yield time.forward_split(first, last, self.window or 0, gap)


class ExpandingWindow(WindowSplitter):
    """Test windows of `test` stamps every `step` stamps, each trained on everything before it.

    Stamps after the last whole window stay unused.

    Parameters
    ----------
    initial, step, test : int
        Stamps before the first test window, between window starts, and in a window.
    gap : int or timedelta
        Further distance between the last training label and the first test decision.
    intervals : (t0, t1), optional
        Label intervals, closed: two arrays of one value per row, row indices or times.

    Raises
    ------
    TooFewRows
        When no window fits, or one is left without a training row.

    Notes
    -----
    Source: Tashman, "Out-of-sample tests of forecasting accuracy", International Journal of Forecasting 16 (2000),
    437-450 (recalibrated rolling origin), purged by label ends.
    """

    forward = True
    purpose: ClassVar[str] = "verdict"

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

    def _windows(self, n_stamps: int) -> Rows:
        first = np.arange(self.initial, n_stamps - self.test + 1, self.step, dtype=np.int64)
        if not len(first):
            raise TooFewRows(f"there are {n_stamps} decision stamps, but {self.initial + self.test} are needed.")
        return np.stack([first, first + self.test], axis=1)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Number of windows that fit; needs intervals or X."""
        return len(self._windows(self._start(X, groups)[1].n_stamps))

    def _gap(self, is_time: bool | None = None) -> tuple[int, int]:
        return read_distance("gap", self.gap, is_time)

    def _fates_at(self, read: ReadIntervals, time: Any, windows: Rows) -> Iterator[Fates]:
        gap = self._gap(read.is_time)
        for first, last in windows.tolist():
            yield time.forward_split(first, last, 0, gap)
