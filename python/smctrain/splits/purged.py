"""Cross-validation with purge and embargo: for choosing, never for the verdict."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from math import comb
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from smctrain._load import core
from smctrain.exceptions import InputError
from smctrain.splits.base import (
    Distance,
    EmbargoLike,
    Fates,
    IntervalsLike,
    PurgingSplitter,
    ReadIntervals,
    Rows,
    at_least,
)
from smctrain.splits.windows import StrataLike, WindowSplitter

Purge = Literal["exact", "block"]


class PurgedKFold(PurgingSplitter, WindowSplitter):
    """k contiguous folds; training rows whose labels overlap a test label are purged, later ones embargoed.

    Parameters
    ----------
    n_splits : int
        Number of folds, at least 2.
    embargo : int, timedelta, EmbargoShare or "auto"
        Distance after the last label of a test block in which no training row may be decided, in decision
        stamps or in time. It comes on top of the purge. "auto": 5 % of the block's length.
    intervals : (t0, t1), optional
        Label intervals, closed: two arrays of one value per row, row indices or times; or a pandas Series of t1 whose
        index is t0. Without them every row is its own label, and nothing is purged.
    lookback : int or timedelta
        Purge by feature windows: a training row counts from t0 - lookback on, so that no feature of a training row
        reaches back over bars that a test label used. For models that remember rows (nearest neighbours, sequences).
    purge : "exact" or "block"
        Whether training labels are held against single test labels or against the span [min t0, max t1] of a test
        block. Blocks being maximal runs of test rows, both remove the same rows.
    stratify_quality : array-like (n,) or QualityStrata, optional
        Quality per row: borders shift by at most 5 % of a fold, so that neighbouring folds hold similar shares.

    Notes
    -----
    The first n mod k folds hold one decision stamp more; none is empty and none is lost. All rows of one stamp are in
    one fold.
    Source: Lopez de Prado, "Advances in Financial Machine Learning" (2018), chapter 7, made exact.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.arange(100)
    >>> cv = st.splits.PurgedKFold(4, embargo=2, intervals=(rows, rows + 5))
    >>> cv.plan()
    PurgedKFold(n_splits=4, embargo=2, lookback=0, purge='exact'): 4 splits, for tuning
    fold  train  test  purged  embargoed  train_from  train_to  test_from  test_to
       0     68    25       5          2          32        99          0       24
       1     63    25      10          2           0        99         25       49
       2     63    25      10          2           0        99         50       74
       3     70    25       5          0           0        69         75       99
    """

    def __init__(
        self,
        n_splits: int = 5,
        embargo: EmbargoLike = 0,
        intervals: IntervalsLike | None = None,
        *,
        lookback: Distance = 0,
        purge: Purge = "exact",
        stratify_quality: StrataLike = None,
    ) -> None:
        self.n_splits = at_least("n_splits", n_splits, 2)
        self.intervals = intervals
        self._set_rules(embargo, lookback, purge)
        self._set_strata(stratify_quality)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Number of folds."""
        return self.n_splits

    def _windows(self, n_stamps: int) -> Rows:
        return _groups(n_stamps, self.n_splits)

    def _fates_at(self, read: ReadIntervals, time: Any, windows: Rows) -> Iterator[Fates]:
        rules = self._rules(read.is_time)
        for window in windows.tolist():
            yield time.window_split([window], rules.embargo, rules.lookback, rules.block)


class CombinatorialPurgedKFold(PurgingSplitter, WindowSplitter):
    """Every choice of k of N contiguous groups is a test once: C(N, k) splits in lexicographic order.

    For the spread and the stability of a result, not for its level.

    Parameters
    ----------
    n_groups, n_test_groups : int
        N and k, 1 <= k < N.
    embargo, lookback, purge, stratify_quality
        As in `PurgedKFold`; the embargo follows every test block.
    intervals : (t0, t1), optional
        Label intervals, closed: two arrays of one value per row, row indices or times.

    Notes
    -----
    Source: Lopez de Prado, "Advances in Financial Machine Learning" (2018), chapter 12. The number of paths
    is neither a number of trials nor of independent samples. Rows between two test blocks stay.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.arange(60)
    >>> cv = st.splits.CombinatorialPurgedKFold(3, 2, intervals=(rows, rows + 5))
    >>> cv.paths()                                  # path 0 takes groups 0 and 1 from split 0, group 2 from split 1
    array([[0, 0, 1],
           [1, 2, 2]])
    """

    purpose: ClassVar[str] = "spread"

    def __init__(
        self,
        n_groups: int = 6,
        n_test_groups: int = 2,
        embargo: EmbargoLike = 0,
        intervals: IntervalsLike | None = None,
        *,
        lookback: Distance = 0,
        purge: Purge = "exact",
        stratify_quality: StrataLike = None,
    ) -> None:
        self.n_groups = at_least("n_groups", n_groups, 2)
        self.n_test_groups = at_least("n_test_groups", n_test_groups, 1)
        if n_test_groups >= n_groups:
            raise InputError(
                f"n_test_groups must be below n_groups ({n_groups}), but is {n_test_groups}: "
                "nothing would be left to train on."
            )
        self.intervals = intervals
        self._set_rules(embargo, lookback, purge)
        self._set_strata(stratify_quality)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """C(n_groups, n_test_groups)."""
        return comb(self.n_groups, self.n_test_groups)

    def _choices(self) -> Iterator[tuple[int, ...]]:
        return combinations(range(self.n_groups), self.n_test_groups)

    def _windows(self, n_stamps: int) -> Rows:
        return _groups(n_stamps, self.n_groups)

    def _fates_at(self, read: ReadIntervals, time: Any, windows: Rows) -> Iterator[Fates]:
        rules = self._rules(read.is_time)
        groups = windows.tolist()
        for choice in self._choices():
            chosen = [groups[group] for group in choice]
            yield time.window_split(chosen, rules.embargo, rules.lookback, rules.block)

    def paths(self) -> NDArray[np.int64]:
        """Backtest paths: entry (p, g) is the split whose predictions path p takes for group g.

        Returns
        -------
        int64 (n_paths, n_groups)
            n_paths = C(n_groups - 1, n_test_groups - 1); path p takes the p-th split that tests a group.
        """
        tested: list[list[int]] = [[] for _ in range(self.n_groups)]
        for number, choice in enumerate(self._choices()):
            for group in choice:
                tested[group].append(number)
        return np.array(tested, dtype=np.int64).T.copy()

    def path_rows(self, X: Any = None, groups: Any = None) -> list[Rows]:
        """Test rows of every group, in the order of the columns of `paths`: together they are all rows, each once.

        Parameters
        ----------
        X, groups
            As in `split`.

        Returns
        -------
        list of int64 arrays
            Path p predicts the rows of group g by the model of split `paths()[p, g]`.
        """
        read, time = self._start(X, groups)
        windows = self._placed(read, time).tolist()
        return [core().sides(time.window_split([window], (0, 0, 0.0), (0, 0), False))[1] for window in windows]


def _groups(n_stamps: int, n_groups: int) -> Rows:
    borders = core().group_borders(n_stamps, n_groups)
    return np.stack([borders[:-1], borders[1:]], axis=1)
