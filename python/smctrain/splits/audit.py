"""Proof that splits are honest: raises `SplitLeak`, never just prints."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from smctrain._load import core
from smctrain.exceptions import InputError, SplitLeak
from smctrain.splits.base import Distance, IntervalsLike, Splitter, read_distance, read_intervals, row_count

_WORDS = {
    "empty train": "no training row is left",
    "empty test": "there is no test row",
    "no such row": "{count} row ids do not exist",
    "duplicate row": "{count} rows occur twice on one side",
    "row in both": "{count} rows are in train and in test",
    "stamp in both": "{count} training rows are decided at a moment that is also tested",
    "overlap": "the labels of {count} training rows overlap a test label",
    "order": "{count} training labels end after the first test decision",
    "embargo": "{count} training rows lie in the embargo after a test block",
    "class missing in train": "{count} classes of the test rows do not occur in train",
}


@dataclass(frozen=True)
class SplitReport:
    """What was checked. A report exists only for honest splits, so `ok` is always true."""

    n_splits: int
    train: tuple[int, ...]
    test: tuple[int, ...]
    ok: bool = True


def audit(
    splitter_or_splits: Any,
    X: Any,
    intervals: IntervalsLike | None,
    groups: ArrayLike | None = None,
    *,
    y: ArrayLike | None = None,
    embargo: Distance | None = None,
    forward: bool | None = None,
) -> SplitReport:
    """Check splits row by row against the label intervals.

    Parameters
    ----------
    splitter_or_splits : splitter or iterable of (train, test)
        Anything with `split` and `get_n_splits`, or the splits themselves.
    X : array-like (n, ...)
        The rows; only the length is used.
    intervals : (t0, t1)
        Label intervals, closed: two arrays of one value per row, row indices or times.
    groups : array-like (n,), optional
        Symbol per row.
    y : array-like (n,), optional
        Classes: every class of the test rows must occur in train.
    embargo : int or timedelta, optional
        Embargo to demand; the splitter's own by default.
    forward : bool, optional
        Whether training labels must end before the first test decision; as the splitter claims by default.

    Returns
    -------
    SplitReport

    Raises
    ------
    SplitLeak
        With `code` and the first `rows`, at the first fault.
    """
    n = row_count(X)
    read = read_intervals(intervals, n, groups)
    announced: int | None = None
    if hasattr(splitter_or_splits, "split"):
        splits: Iterable[tuple[Any, Any]] = splitter_or_splits.split(X, y, groups)
        announced = int(splitter_or_splits.get_n_splits(X, y, groups))
        if isinstance(splitter_or_splits, Splitter):
            embargo = splitter_or_splits._embargo() if embargo is None else embargo
            forward = splitter_or_splits.forward if forward is None else forward
    else:
        splits = splitter_or_splits
    stamps, span = read_distance("embargo", 0 if embargo is None else embargo, read.is_time)
    classes = None if y is None else np.asarray(y)

    train_sizes: list[int] = []
    test_sizes: list[int] = []
    for fold, (train, test) in enumerate(splits):
        train_rows, test_rows = _rows(train, fold), _rows(test, fold)
        code, rows, count = core().audit_split(read.t0, read.t1, train_rows, test_rows, bool(forward), stamps, span)
        if not code and classes is not None:
            missing = np.setdiff1d(classes[test_rows], classes[train_rows])
            if len(missing):
                code, rows, count = "class missing in train", (), len(missing)
        if code:
            first = f" First rows: {', '.join(map(str, rows))}." if len(rows) else ""
            raise SplitLeak(
                f"split {fold}: {_WORDS[code].format(count=count)}.{first}",
                code=code,
                rows=tuple(int(row) for row in rows),
            )
        train_sizes.append(len(train_rows))
        test_sizes.append(len(test_rows))
    if announced is not None and announced != len(test_sizes):
        raise SplitLeak(f"{announced} splits were announced, but {len(test_sizes)} came.", code="fold count")
    if not test_sizes:
        raise SplitLeak("there is no split at all.", code="fold count")
    return SplitReport(n_splits=len(test_sizes), train=tuple(train_sizes), test=tuple(test_sizes))


def _rows(rows: ArrayLike, fold: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    array = np.asarray(rows)
    if array.size and (array.ndim != 1 or array.dtype.kind not in "iu"):
        raise InputError(f"split {fold}: rows must be integer row ids, but are {array.dtype} {array.shape}.")
    return np.ascontiguousarray(array.ravel(), dtype=np.int64)
