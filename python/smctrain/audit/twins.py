"""Copies across a border: check F of the leak audit.

exact   equal to 6 significant digits in every column
near    closer than 1e-6 of the median distance between a training row and its nearest training row

Where no column takes many values (hours, flags, small counts), equal rows are expected and prove nothing: exact copies
are then not looked for. Two exceptions. Rows drawn again and again (a bootstrap before the split) also leave few
values: these are continuous among the different rows, and all copies of a row share its label. And where nothing moves
(a closed market, every measure of movement 0), rows are equal although others are not: a row whose continuous columns
all hold values that one row in twenty holds is nobody's copy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain._load import core

DIGITS = 6
NEAR = 1e-6
MANY_VALUES = 0.3
"""Share of different values among the rows from which on a column counts as continuous."""
_SAMPLED, _AMONG = 200, 2_000
_LEAST_VALUES, _SAME_LABEL, _MOST_LUCK = 50, 0.98, 0.9
STANDING = 0.05
"""Share of rows from which on a value of a continuous column is where it rests, as 0 where nothing moves."""

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Twins:
    """Held-out rows that have a copy among training rows.

    Attributes
    ----------
    held, train : int64 (m,)
        Held-out row, and (one of) its copies.
    exact : int
        How many of them are equal to 6 digits; the others are nearly so.
    telling : bool
        Whether copies mean anything: some column takes many values.
    """

    held: Rows
    train: Rows
    exact: int
    telling: bool

    def __len__(self) -> int:
        return len(self.held)


class TwinFinder:
    """Finds copies among the rows of one matrix; fingerprints are made once.

    Parameters
    ----------
    X : float32 (n, d), C order
    rows : int64 (m,)
        All rows that will be asked about.
    """

    def __init__(self, X: NDArray[np.float32], rows: Rows, threads: int = 1) -> None:
        self.X, self.threads = X, threads
        self.rows = np.unique(rows).astype(np.int64)
        self.hash = core().row_fingerprints(X, self.rows, DIGITS, threads)
        self.continuous = self._continuous(self.rows)
        self.telling = bool(len(self.continuous))

    def _continuous(self, rows: Rows) -> Rows:
        """Columns that take many values."""
        # Among all rows, copies included: rows that were copied twice still leave a third of the values different.
        if len(rows) > 5_000:
            rows = np.sort(np.random.default_rng(0).choice(rows, 5_000, replace=False))
        columns = (self.X[rows, j] for j in range(self.X.shape[1]))
        many = [len(np.unique(column[np.isfinite(column)])) >= MANY_VALUES * len(rows) for column in columns]
        return np.flatnonzero(np.array(many, dtype=np.bool_)).astype(np.int64)

    def believe_labels(self, y: NDArray[Any]) -> bool:
        """Whether rows look drawn again and again: then copies mean something although no column takes many values.

        Parameters
        ----------
        y : (n,)
            Label of every row of X that may be asked about.
        """
        if self.telling or len(self.rows) < 2:
            return self.telling
        _, first, group, count = np.unique(self.hash, return_index=True, return_inverse=True, return_counts=True)
        if len(first) < _LEAST_VALUES or len(first) == len(self.rows):
            return False
        columns = self._continuous(self.rows[first])
        labels = np.asarray(y)[self.rows]
        repeated = count[group] > 1
        agrees = float((labels == labels[first[group]])[repeated & (first[group] != np.arange(len(labels)))].mean())
        shares = np.unique(labels, return_counts=True)[1] / len(labels)
        if len(columns) and agrees >= _SAME_LABEL and float((shares**2).sum()) <= _MOST_LUCK:
            self.continuous, self.telling = columns, True
        return self.telling

    def standing(self, rows: Rows) -> NDArray[np.bool_]:
        """Rows whose continuous columns all hold values at which these columns rest (a missing value is one)."""
        still = np.ones(len(rows), dtype=np.bool_)
        sample = _spread(self.rows, 20_000)
        for j in self.continuous.tolist():
            values, count = np.unique(self.X[sample, j], return_counts=True)
            rests = values[count >= max(2.0, STANDING * len(sample))]
            column = self.X[rows, j]
            still &= np.isin(column, rests) | np.isnan(column)
            if not still.any():
                break
        return still

    def of(self, rows: Rows) -> NDArray[np.uint64]:
        values: NDArray[np.uint64] = self.hash[np.searchsorted(self.rows, rows)]
        return values

    def across(self, train: Rows, held: Rows, near: bool = True) -> Twins:
        """Held-out rows with a copy in `train`."""
        train, held = np.asarray(train, np.int64), np.asarray(held, np.int64)
        nothing = np.empty(0, dtype=np.int64)
        if not self.telling or not len(train) or not len(held):
            return Twins(nothing, nothing, 0, self.telling)
        known, first = np.unique(self.of(train), return_index=True)
        asked = self.of(held)
        place = np.minimum(np.searchsorted(known, asked), len(known) - 1)
        twin = np.where(known[place] == asked, train[first[place]], -1)
        exact = int((twin >= 0).sum())
        left = held[twin < 0]
        if near and len(left):
            center, weight = _standing(self.X, train)
            radius = NEAR * self._usual_distance(train, center, weight)
            if radius > 0:
                twin[twin < 0] = core().near_twins(self.X, center, weight, left, train, radius, self.threads)
        found = twin >= 0
        if found.any():
            found[found] = ~self.standing(held[found])
            exact = min(exact, int(found.sum()))
        return Twins(held[found], twin[found].astype(np.int64), exact, True)

    def nearest(self, train: Rows, held: Rows) -> tuple[NDArray[np.float64], Rows]:
        """Distance of each held-out row to its nearest training row, in standard deviations, and that row."""
        center, weight = _standing(self.X, train)
        distance, row = core().nearest_rows(self.X, center, weight, held, train, self.threads)
        return distance, row

    def _usual_distance(self, train: Rows, center: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
        some = _spread(train, _SAMPLED)
        distance, _ = core().nearest_rows(self.X, center, weight, some, _spread(train, _AMONG), self.threads)
        finite = distance[np.isfinite(distance)]
        return float(np.median(finite)) if len(finite) else 0.0


def _spread(rows: Rows, most: int) -> Rows:
    """At most `most` of the rows, evenly spread."""
    if len(rows) <= most:
        return rows
    chosen: Rows = rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]
    return chosen


def _standing(X: NDArray[np.float32], rows: Rows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and 1 / sd of each column over the rows that have a value; weight 0 where nothing varies."""
    center, weight = np.zeros(X.shape[1]), np.zeros(X.shape[1])
    for j in range(X.shape[1]):
        values = X[rows, j].astype(np.float64)
        values = values[np.isfinite(values)]
        if len(values):
            center[j] = values.mean()
            sd = values.std()
            weight[j] = 1.0 / sd if sd > 0 else 0.0
    return center, weight
