"""Proof that splits are honest: raises `SplitLeak`, never just prints."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain._load import core
from smctrain.exceptions import InputError, SplitLeak
from smctrain.splits.base import (
    Distance,
    EmbargoLike,
    IntervalsLike,
    ReadIntervals,
    Rows,
    Rules,
    Splitter,
    read_distance,
    read_embargo,
    read_intervals,
    row_count,
)

_WORDS = {
    "empty train": "no training row is left",
    "empty test": "there is no test row",
    "no such row": "{count} row ids do not exist",
    "duplicate row": "{count} rows occur twice on one side",
    "row in both": "{count} rows are in train and in test",
    "label without t1": "the labels of {count} rows have no end t1, or one before their decision",
    "stamp in both": "{count} training rows are decided at a moment that is also tested",
    "overlap": "the labels of {count} training rows overlap a test label",
    "order": "{count} training labels end after the first test decision, or inside the gap before it",
    "embargo": "{count} training rows lie in the embargo after a test block",
    "class missing in train": "{count} classes of the test rows do not occur in train",
}
_ASIDE = 20_000
"""Splits of more rows are checked beside the making of the next one."""


@dataclass(frozen=True)
class SplitReport:
    """What was checked. A report exists only for honest splits, so `ok` is always true."""

    n_splits: int
    train: tuple[int, ...]
    test: tuple[int, ...]
    ok: bool = True


@dataclass(frozen=True)
class _Demands:
    forward: bool
    gap: tuple[int, int]
    embargo: tuple[int, int, float]
    lookback: tuple[int, int]


def audit(
    splitter_or_splits: Any,
    X: Any,
    intervals: IntervalsLike | None,
    groups: ArrayLike | None = None,
    *,
    y: ArrayLike | None = None,
    embargo: EmbargoLike | None = None,
    forward: bool | None = None,
    gap: Distance | None = None,
    lookback: Distance | None = None,
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
    embargo : int, timedelta, EmbargoShare or "auto", optional
        Embargo to demand; the splitter's own by default.
    forward : bool, optional
        Whether training labels must end before the first test decision; as the splitter claims by default.
    gap : int or timedelta, optional
        With `forward`: how long before; the splitter's own by default.
    lookback : int or timedelta, optional
        Training rows count from t0 - lookback on; the splitter's own by default.

    Returns
    -------
    SplitReport

    Raises
    ------
    SplitLeak
        At the first fault, in the order of the splits, with the first `rows`, `pair` (a training row and the test row
        it collides with) and `code`: "empty train", "empty test", "no such row", "duplicate row", "row in both",
        "label without t1", "stamp in both", "overlap", "order", "embargo", "class missing in train", "fold count".

    Notes
    -----
    Up to 20,000 pairs of rows are compared one by one, more of them through merged intervals: O(n) a split for rows in
    the order of time. Large splits are checked on another thread while the next one is made.

    Examples
    --------
    scikit-learn's splitter knows no label ends:

    >>> import numpy as np
    >>> from sklearn.model_selection import TimeSeriesSplit
    >>> rows = np.arange(100)
    >>> st.splits.audit(TimeSeriesSplit(4), rows, (rows, rows + 5))
    Traceback (most recent call last):
        ...
    smctrain.exceptions.SplitLeak: split 0: the labels of 5 training rows overlap a test label. ...
    >>> st.splits.audit(TimeSeriesSplit(4, gap=5), rows, (rows, rows + 5)).ok
    True
    """
    n = row_count(X)
    read = read_intervals(intervals, n, groups)
    announced: int | None = None
    own = splitter_or_splits if isinstance(splitter_or_splits, Splitter) else None
    splits: Iterable[tuple[Any, Any]]
    if hasattr(splitter_or_splits, "split"):
        splits = splitter_or_splits.split(X, y, groups)
        announced = int(splitter_or_splits.get_n_splits(X, y, groups))
    else:
        splits = splitter_or_splits
    demands = _demands(own, read.is_time, embargo, forward, gap, lookback)
    time = core().Timeline(read.t0, read.t1)
    classes = None if y is None else _class_codes(y, len(read))

    train_sizes: list[int] = []
    test_sizes: list[int] = []
    for fold, train, test, found in _checked(splits, time, demands):
        code, rows, partners, count = found
        if not code and classes is not None:
            missing = np.setdiff1d(classes[test], classes[train])
            if len(missing):
                first = np.flatnonzero(np.isin(classes[test], missing))[:10]
                code, rows, partners, count = "class missing in train", test[first], (), len(missing)
        if code:
            raise _leak(fold, code, rows, partners, count, read)
        train_sizes.append(len(train))
        test_sizes.append(len(test))
    if announced is not None and announced != len(test_sizes):
        raise SplitLeak(f"{announced} splits were announced, but {len(test_sizes)} came.", code="fold count")
    if not test_sizes:
        raise SplitLeak("there is no split at all.", code="fold count")
    return SplitReport(n_splits=len(test_sizes), train=tuple(train_sizes), test=tuple(test_sizes))


def _class_codes(y: ArrayLike, n: int) -> NDArray[np.intp]:
    """Numbers in place of classes; rows without one (NaN, None) are a class of their own."""
    classes = np.asarray(y)
    if classes.shape != (n,):
        raise InputError(f"y must have one class per row ({n}), but has shape {classes.shape}.")
    return np.unique(classes.astype(str) if classes.dtype == object else classes, return_inverse=True)[1]


def _demands(
    own: Splitter | None,
    is_time: bool,
    embargo: EmbargoLike | None,
    forward: bool | None,
    gap: Distance | None,
    lookback: Distance | None,
) -> _Demands:
    rules = Rules() if own is None else own._rules(is_time)
    own_gap = (0, 0) if own is None else own._gap(is_time)
    return _Demands(
        forward=bool(own is not None and own.forward) if forward is None else bool(forward),
        gap=own_gap if gap is None else read_distance("gap", gap, is_time),
        embargo=rules.embargo if embargo is None else read_embargo(embargo, is_time),
        lookback=rules.lookback if lookback is None else read_distance("lookback", lookback, is_time),
    )


def _checked(
    splits: Iterable[tuple[Any, Any]], time: Any, demands: _Demands
) -> Iterator[tuple[int, Rows, Rows, tuple[str, Any, Any, int]]]:
    def check(train: Rows, test: Rows) -> tuple[str, Any, Any, int]:
        found: tuple[str, Any, Any, int] = time.audit(
            train, test, demands.forward, demands.gap, demands.embargo, demands.lookback
        )
        return found

    waiting: deque[tuple[int, Rows, Rows, Any]] = deque()
    pool: ThreadPoolExecutor | None = None
    try:
        for fold, (train, test) in enumerate(splits):
            rows = _rows(train, fold), _rows(test, fold)
            if len(rows[0]) + len(rows[1]) < _ASIDE:
                while waiting:
                    number, *sides, checking = waiting.popleft()
                    yield number, sides[0], sides[1], checking.result()
                yield fold, *rows, check(*rows)
                continue
            pool = pool or ThreadPoolExecutor(max_workers=1)
            waiting.append((fold, *rows, pool.submit(check, *rows)))
            if len(waiting) > 2:
                number, *sides, checking = waiting.popleft()
                yield number, sides[0], sides[1], checking.result()
        while waiting:
            number, *sides, checking = waiting.popleft()
            yield number, sides[0], sides[1], checking.result()
    finally:
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)


def _leak(fold: int, code: str, rows: Any, partners: Any, count: int, read: ReadIntervals) -> SplitLeak:
    words = f"split {fold}: {_WORDS[code].format(count=count)}."
    pair = None
    if len(partners):
        train, test = pair = int(rows[0]), int(partners[0])
        words += (
            f" Training row {train} (decided {_moment(read, read.t0[train])}, its label ends "
            f"{_moment(read, read.t1[train])}) and test row {test} (decided {_moment(read, read.t0[test])}, its label "
            f"ends {_moment(read, read.t1[test])})."
        )
        if code in ("overlap", "order"):
            words += " Pass intervals=(t0, t1) to the splitter, so that rows are purged by label end."
    elif len(rows):
        words += f" First rows: {', '.join(map(str, rows))}."
    return SplitLeak(words, code=code, rows=tuple(int(row) for row in rows), pair=pair)


def _moment(read: ReadIntervals, value: int) -> str:
    if not read.is_time:
        return f"at {int(value)}"
    return "never" if value == np.iinfo(np.int64).max else str(read.show(int(value)))[:16].replace("T", " ") + " UTC"


def _rows(rows: ArrayLike, fold: int) -> Rows:
    array = np.asarray(rows)
    if array.size and (array.ndim != 1 or array.dtype.kind not in "iu"):
        raise InputError(f"split {fold}: rows must be integer row ids, but are {array.dtype} {array.shape}.")
    return np.ascontiguousarray(array.ravel(), dtype=np.int64)
