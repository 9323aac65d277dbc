"""Copies across a border: check F of the leak audit.

exact   equal to 6 significant digits in every column
near    closer than 1e-6 of the median distance between a training row and its nearest training row

Where no column takes many values (hours, flags, small counts), equal rows are expected and prove nothing: exact copies
are then not looked for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smctrain._load import core

DIGITS = 6
NEAR = 1e-6
MANY_VALUES = 0.3
"""Share of different values among the rows from which on a column counts as continuous."""
_SAMPLED, _AMONG = 200, 2_000

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
        self.telling = X.shape[1] > 0 and self._takes_many_values()

    def _takes_many_values(self) -> bool:
        # Among all rows, copies included: rows that were copied twice still leave a third of the values different.
        sample = self.rows
        if len(sample) > 5_000:
            sample = np.sort(np.random.default_rng(0).choice(sample, 5_000, replace=False))
        return any(
            len(np.unique(column[np.isfinite(column)])) >= MANY_VALUES * len(sample)
            for column in (self.X[sample, j] for j in range(self.X.shape[1]))
        )

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
