"""Cross-validation with purge and embargo: for choosing, never for the verdict."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain._load import core
from smctrain.exceptions import InputError
from smctrain.splits.base import Distance, IntervalsLike, ReadIntervals, Splitter, at_least, read_distance


class PurgedKFold(Splitter):
    """k contiguous folds; training rows whose labels overlap a test label are purged, later ones embargoed.

    Parameters
    ----------
    n_splits : int
        Number of folds, at least 2.
    embargo : int or timedelta
        Distance after the last label of a test block in which no training row may be decided, in decision
        stamps or in time. It comes on top of the purge.
    intervals : (t0, t1), optional
        Label intervals, closed: two arrays of one value per row, row indices or times. Without them every row
        is its own label.

    Notes
    -----
    The first n mod k folds hold one decision stamp more; none is empty and none is lost.
    Source: Lopez de Prado, "Advances in Financial Machine Learning" (2018), chapter 7.
    """

    def __init__(self, n_splits: int = 5, embargo: Distance = 0, intervals: IntervalsLike | None = None) -> None:
        self.n_splits = at_least("n_splits", n_splits, 2)
        self.embargo = embargo
        self.intervals = intervals
        read_distance("embargo", embargo)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Number of folds."""
        return self.n_splits

    def _fates(self, read: ReadIntervals) -> Iterator[NDArray[np.uint8]]:
        stamps, span = read_distance("embargo", self.embargo, read.is_time)
        for fold in range(self.n_splits):
            test = np.array([fold], dtype=np.int64)
            yield core().group_split(read.t0, read.t1, self.n_splits, test, stamps, span)

    def _embargo(self) -> Distance:
        return self.embargo


class CombinatorialPurgedKFold(Splitter):
    """Every choice of k of N contiguous groups is a test once: C(N, k) splits in lexicographic order.

    Parameters
    ----------
    n_groups, n_test_groups : int
        N and k, 1 <= k < N.
    embargo : int or timedelta
        As in `PurgedKFold`, after every test block.
    intervals : (t0, t1), optional
        Label intervals, closed: two arrays of one value per row, row indices or times.

    Notes
    -----
    Source: Lopez de Prado, "Advances in Financial Machine Learning" (2018), chapter 12. The number of paths
    is neither a number of trials nor of independent samples.
    """

    def __init__(
        self,
        n_groups: int = 6,
        n_test_groups: int = 2,
        embargo: Distance = 0,
        intervals: IntervalsLike | None = None,
    ) -> None:
        self.n_groups = at_least("n_groups", n_groups, 2)
        self.n_test_groups = at_least("n_test_groups", n_test_groups, 1)
        if n_test_groups >= n_groups:
            raise InputError(
                f"n_test_groups must be below n_groups ({n_groups}), but is {n_test_groups}: "
                "nothing would be left to train on."
            )
        self.embargo = embargo
        self.intervals = intervals
        read_distance("embargo", embargo)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """C(n_groups, n_test_groups)."""
        return comb(self.n_groups, self.n_test_groups)

    def _choices(self) -> Iterator[tuple[int, ...]]:
        return combinations(range(self.n_groups), self.n_test_groups)

    def _fates(self, read: ReadIntervals) -> Iterator[NDArray[np.uint8]]:
        stamps, span = read_distance("embargo", self.embargo, read.is_time)
        for choice in self._choices():
            test = np.array(choice, dtype=np.int64)
            yield core().group_split(read.t0, read.t1, self.n_groups, test, stamps, span)

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

    def _embargo(self) -> Distance:
        return self.embargo
