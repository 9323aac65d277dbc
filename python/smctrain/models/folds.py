"""Data, splits, and what all fits on one fold share: prepared matrices, bin codes, training matrices.

Every shared thing is learned from the training rows of its fold, so it is shared by settings, trials and families, and
never by folds: edges or medians of all rows would carry held-out rows into the fold's models.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.dataset import Dataset
from smctrain.exceptions import InputError, SplitLeak, TooFewRows
from smctrain.models._matrix import as_matrix, as_rows, as_weight
from smctrain.models.shared import Shared
from smctrain.prepare import Preparation
from smctrain.splits import PurgedKFold
from smctrain.splits import audit as audit_splits
from smctrain.splits.base import read_intervals
from smctrain.splits.tail import tail_split

Rows = NDArray[np.int64]
_NAMES = ("X", "y", "weight", "segment", "t0", "t1")
_NO_ROWS = np.empty(0, dtype=np.int64)


class Data:
    """Rows in time order, as read from what the caller passed; see `Folds`.

    Attributes
    ----------
    X : float32 (n, d)
    y : ndarray (n,)
    rows : int64 (m,)
        Decision rows: all of them, but for a `Dataset`.
    t0, t1 : int64 (n,) or None
    """

    def __init__(self, data: Any) -> None:
        if isinstance(data, Dataset):
            self.X, self.names = data.X, list(data.names)
            self.y: NDArray[Any] = data.y
            self.rows = data.rows
            self.weight: NDArray[np.float64] | None = None
            self.segment: NDArray[np.int32] | None = data.segment
            self.t0: Rows | None = data.t0
            self.t1: Rows | None = data.t1
            self.is_time = False
            return
        parts = _parts(data)
        self.X, names = as_matrix(parts["X"])
        n = len(self.X)
        self.names = names or [f"column {j}" for j in range(self.X.shape[1])]
        self.y = np.asarray(parts["y"])
        if self.y.shape != (n,):
            raise InputError(f"y must have one entry for each of the {n} rows of X, but has shape {self.y.shape}.")
        if self.y.dtype.kind == "f" and not np.isfinite(self.y).all():
            row = int(np.argmin(np.isfinite(self.y)))
            raise InputError(f"y must be finite, but is {self.y[row]} in row {row}: drop the row.")
        self.rows = np.arange(n, dtype=np.int64)
        self.weight = as_weight(parts["weight"], n)
        self.segment = None if parts["segment"] is None else _segment(parts["segment"], n)
        self.t0 = self.t1 = None
        self.is_time = False
        if (parts["t0"] is None) != (parts["t1"] is None):
            raise InputError("t0 and t1 must be given together, but only one of them is.")
        if parts["t0"] is not None:
            read = read_intervals((parts["t0"], parts["t1"]), n)
            self.t0, self.t1, self.is_time = read.t0, read.t1, read.is_time

    def __len__(self) -> int:
        return len(self.rows)

    def intervals(self) -> tuple[Any, Any] | None:
        """Label intervals of the decision rows, as splitters take them."""
        if self.t0 is None or self.t1 is None:
            return None
        t0, t1 = self.t0[self.rows], self.t1[self.rows]
        return (t0.view("datetime64[ns]"), t1.view("datetime64[ns]")) if self.is_time else (t0, t1)

    def codes(self) -> tuple[NDArray[np.int32], NDArray[Any]]:
        """Class code of every row (-1 outside the decision rows), and the classes in their order."""
        used = self.y[self.rows]
        if used.dtype.kind == "f" and (used != np.round(used)).any():
            row = int(np.argmax(used != np.round(used)))
            raise InputError(f"y must hold class labels, but is {used[row]} in row {row}: a regression has a family.")
        classes, code = np.unique(used, return_inverse=True)
        codes = np.full(len(self.y), -1, dtype=np.int32)
        codes[self.rows] = code.reshape(-1)
        return codes, classes

    def numbers(self) -> NDArray[np.float64]:
        """Targets of a regression."""
        if self.y.dtype.kind not in "biuf":
            raise InputError(f"y must hold numbers for a regression, but has dtype {self.y.dtype}.")
        return np.ascontiguousarray(self.y, dtype=np.float64)


@dataclass(frozen=True)
class Inputs:
    """What one family's fit on one fold reads."""

    X: NDArray[np.float32]
    rows: Rows
    stop_rows: Rows
    prepare: Preparation | None
    shared: Shared


class Fold:
    """One split: rows of X to fit on, to stop early with, and to predict; and what its fits share."""

    def __init__(self, data: Data, prepared: bool, train: Rows, test: Rows, stop_share: float) -> None:
        self._data, self._prepared = data, prepared
        self.train, self.test = data.rows[train], data.rows[test]
        self.positions = test
        self.fit, self.stop = self.train, _NO_ROWS
        if stop_share > 0:
            n = len(data.X)
            t0, t1 = (np.arange(n),) * 2 if data.t0 is None or data.t1 is None else (data.t0, data.t1)
            self.fit, self.stop = tail_split(self.train, t0, t1, stop_share)
        self.shared = Shared()

    def inputs(self, trainer: Any) -> Inputs:
        """Values and rows for this trainer; made once for all that need the same."""
        uses_stop = trainer.uses_stop_rows and len(self.stop) > 0
        rows, stop = (self.fit, self.stop) if uses_stop else (self.train, _NO_ROWS)
        # The same for families that stop early and those that do not, so that they share what is learned from them.
        learned = np.union1d(self.fit, self.stop)
        lookback = int(trainer.lookback) if trainer.is_sequence else 1
        if lookback > 1:
            free = self.shared.get(("free", lookback), lambda: self._free_of_held_out(lookback))
            rows, stop, learned = rows[free[rows]], stop[free[stop]], learned[free[learned]]
        key = (uses_stop, lookback)
        if not self._prepared:
            return Inputs(self._data.X, rows, stop, None, self.shared.get(("fits", *key), Shared))

        def fit() -> Preparation:
            return Preparation.fit(self._data.X, learned, self._data.names)

        prepare = self.shared.get(("prepare", lookback), fit)
        scaled = bool(trainer.needs_scaling)
        transform = prepare.transform if scaled else prepare.select
        X = self.shared.get(("values", scaled, lookback), lambda: transform(self._data.X))
        return Inputs(X, rows, stop, prepare, self.shared.get(("fits", scaled, *key), Shared))

    def _free_of_held_out(self, lookback: int) -> NDArray[np.bool_]:
        """Rows whose window touches no bar that a run of held-out rows and their labels spans."""
        data, n = self._data, len(self._data.X)
        touched = np.zeros(n + 1, dtype=np.int64)
        runs = np.split(self.positions, np.flatnonzero(np.diff(self.positions) != 1) + 1)
        for run in runs:
            first, last = data.rows[run[0]], data.rows[run[-1]]
            if data.t0 is not None and data.t1 is not None:
                last = max(last, np.searchsorted(data.t0, data.t1[data.rows[run]].max(), side="right") - 1)
            touched[first] += 1
            touched[min(n, last + lookback)] -= 1
        free: NDArray[np.bool_] = np.cumsum(touched[:n]) == 0
        return free


class Folds:
    """Data and splits, ready for many fits; several calls of `fit_many` on one `Folds` share what was made.

    Parameters
    ----------
    data : tuple (X, y[, weight, segment, t0, t1]), mapping of these names, or Dataset
        X (n, d) in time order, NaN is missing; y (n,) labels or numbers; weight (n,) at least 0; segment (n,): rows of
        one unbroken stretch share an id; t0, t1 (n,): label intervals, closed, row numbers or times. Of a `Dataset`
        the decision rows count.
    splits : splitter, list of (train, test), or int
        A splitter of `st.splits` or scikit-learn, row lists among the decision rows, or k for `PurgedKFold(k)`.
        A splitter without intervals gets those of the data. With intervals every split is audited.
    stop_share : float
        Share of each training part, its newest rows, that families with early stopping stop on; labels that reach into
        it are purged. 0: no early stopping, all rounds are fitted.
    prepare : bool
        True: each fold drops its constant and duplicate columns, and families that need it get imputed, clipped and
        scaled values, all learned from the fold's training rows (`Preparation`). False: X goes in as it is.

    Raises
    ------
    InputError, TooFewRows
        Names the parameter.
    SplitLeak
        A row is on both sides of a split, or a training label overlaps a held-out one.
    """

    def __init__(self, data: Any, splits: Any, *, stop_share: float = 0.0, prepare: bool = False) -> None:
        if not 0 <= stop_share < 1:
            raise InputError(f"stop_share must be a share from 0 to below 1, but is {stop_share!r}.")
        self.data = data if isinstance(data, Data) else Data(data)
        self.stop_share, self.prepare = float(stop_share), bool(prepare)
        pairs = _pairs(self.data, splits)
        self._folds = [Fold(self.data, self.prepare, train, test, self.stop_share) for train, test in pairs]

    def drop(self) -> None:
        """Let go of what was made; the next fits make it again."""
        for fold in self._folds:
            fold.shared.drop()

    def __len__(self) -> int:
        return len(self._folds)

    def __getitem__(self, number: int) -> Fold:
        return self._folds[number]


def _parts(data: Any) -> dict[str, Any]:
    if isinstance(data, Mapping):
        unknown = [str(name) for name in data if name not in _NAMES]
        if unknown or "X" not in data or "y" not in data:
            raise InputError(f"data must hold X and y, and may hold weight, segment, t0 and t1; unknown: {unknown}.")
        return {name: data.get(name) for name in _NAMES}
    if not isinstance(data, tuple) or not 2 <= len(data) <= len(_NAMES):
        raise InputError(
            "data must be (X, y[, weight, segment, t0, t1]), a mapping of these names, or a Dataset, but is "
            f"{type(data).__name__}{f' of {len(data)}' if isinstance(data, tuple) else ''}."
        )
    return dict.fromkeys(_NAMES) | dict(zip(_NAMES, data, strict=False))


def _segment(segment: Any, n: int) -> NDArray[np.int32]:
    array = np.asarray(segment)
    if array.shape != (n,) or array.dtype.kind not in "iu":
        raise InputError(f"segment must hold one integer for each of the {n} rows, but has shape {array.shape}.")
    # Renumbered, so that any integers will do and a returning id is a new stretch.
    changed: NDArray[np.int32] = np.cumsum(np.r_[False, array[1:] != array[:-1]]).astype(np.int32)[:n]
    return changed


def _pairs(data: Data, splits: Any) -> list[tuple[Rows, Rows]]:
    m, intervals = len(data), data.intervals()
    splitter: Any = None
    if isinstance(splits, (int, np.integer)) and not isinstance(splits, bool):
        splitter = PurgedKFold(int(splits), intervals=intervals)
    elif hasattr(splits, "split"):
        splitter = splits
        if intervals is not None and getattr(splits, "intervals", 0) is None:
            splitter = copy.copy(splits)
            splitter.intervals = intervals
    try:
        given = list(splits if splitter is None else splitter.split(data.rows, data.y[data.rows]))
        raw = [(train, test) for train, test in given]
    except (TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"splits must be a splitter, a list of (train, test) or a number of folds: {error}") from error
    if not raw:
        raise InputError("splits must hold at least one (train, test), but is empty.")
    pairs = []
    for number, (train, test) in enumerate(raw):
        sides = [
            np.sort(as_rows(part, m, f"{name} of split {number}")) for part, name in ((train, "train"), (test, "test"))
        ]
        if min(map(len, sides)) == 0:
            raise TooFewRows(f"split {number} needs at least one row on each side, but has {len(sides[0])} to train on "
                             f"and {len(sides[1])} to test on.")  # fmt: skip
        both = np.intersect1d(sides[0], sides[1], assume_unique=True)
        if len(both):
            raise SplitLeak(f"split {number}: row {both[0]} is in train and in test ({len(both)} such rows).",
                            "row_in_both", tuple(int(row) for row in both[:10]))  # fmt: skip
        pairs.append((sides[0], sides[1]))
    if intervals is not None:
        audit_splits(pairs, data.rows, intervals)
    return pairs
