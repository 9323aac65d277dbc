"""Columns as normal scores and back: the shape of each column is kept by its training quantiles.

A network then only has to learn how columns hang together. A value becomes the normal score of its rank among the
training rows; ties get a random rank within their share, so that whole-numbered and flag columns become continuous. The
way back gives no value outside the training range, and columns of few distinct values get exactly these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LEVELS = 1001
_FEW = 20  # distinct values up to which a column is one of steps
_CALIBRATION_LEVELS = 201
_CALIBRATION_ROWS = 50


@dataclass(frozen=True, eq=False)
class Marginals:
    """Quantiles of each column.

    Attributes
    ----------
    grid : float64 (levels, d)
        Ascending in each column.
    stepped : bool (d,)
        Columns of at most 20 distinct values.
    """

    grid: NDArray[np.float64]
    stepped: NDArray[np.bool_]

    @classmethod
    def of(cls, rows: NDArray[np.float32]) -> Marginals:
        """Of finite training rows (n, d)."""
        values = np.sort(rows.astype(np.float64), axis=0)
        distinct = 1 + (values[1:] != values[:-1]).sum(axis=0)
        stepped = np.asarray(distinct <= _FEW)
        levels = np.linspace(0.0, 1.0, min(_LEVELS, max(2, len(values))))
        grid = np.quantile(values, levels, axis=0)
        if stepped.any():
            grid[:, stepped] = np.quantile(values[:, stepped], levels, axis=0, method="inverted_cdf")
        return cls(grid, stepped)

    def to_normal(self, rows: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
        """Normal scores (n, d); ties are broken by the seed."""
        from scipy.special import ndtri

        n_levels = len(self.grid)
        levels = np.linspace(0.0, 1.0, n_levels)
        spread = np.random.Generator(np.random.Philox(key=np.array([seed, 77], dtype=np.uint64))).random(rows.shape)
        edge = 0.5 / n_levels
        scores = np.empty(rows.shape, dtype=np.float32)
        for j in range(rows.shape[1]):
            column, values = self.grid[:, j], rows[:, j].astype(np.float64)
            low, high = np.searchsorted(column, values, "left"), np.searchsorted(column, values, "right")
            tied = (low + spread[:, j] * (high - low)) / n_levels
            rank = np.where(high - low > 1, tied, np.interp(values, column, levels))
            scores[:, j] = ndtri(np.clip(rank, edge, 1.0 - edge))
        return scores

    def from_normal(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Values in units of the training rows (n, d)."""
        from scipy.special import ndtr

        levels = np.linspace(0.0, 1.0, len(self.grid))
        ranks = ndtr(scores.astype(np.float64))
        rows = np.empty(scores.shape, dtype=np.float32)
        for j in range(scores.shape[1]):
            if self.stepped[j]:
                place = np.minimum((ranks[:, j] * len(levels)).astype(np.int64), len(levels) - 1)
                rows[:, j] = self.grid[place, j]
            else:
                rows[:, j] = np.interp(ranks[:, j], levels, self.grid[:, j])
        return rows


@dataclass(frozen=True, eq=False)
class Calibration:
    """Normal scores that a generator made for a class, moved so that each column has the quantiles of the class's
    training rows. Ranks, and with them what a column says about another, stay as made.

    A generator learns how columns hang together long before it has every spread and every rare flag right; these need
    no learning.

    Attributes
    ----------
    made, real : float32 (n_classes, levels, d)
        Quantiles of made rows and of training rows; equal for a class of fewer than 50 training rows, which is left as
        made.
    """

    made: NDArray[np.float32]
    real: NDArray[np.float32]

    @classmethod
    def of(
        cls,
        make: Callable[[NDArray[np.int32]], NDArray[np.float32]],
        scores: NDArray[np.float32],
        codes: NDArray[np.int32],
        n_classes: int,
    ) -> Calibration:
        """Of what `make` makes for class codes, and of the training rows' scores (n, d) and codes (n,)."""
        from scipy.special import ndtri

        width = scores.shape[1]
        levels = (np.arange(_CALIBRATION_LEVELS) + 0.5) / _CALIBRATION_LEVELS
        made = np.empty((n_classes, _CALIBRATION_LEVELS, width), dtype=np.float32)
        made[:] = ndtri(levels)[:, None]
        real = made.copy()
        m = int(np.clip(2_000_000 // width, 1000, 4000))
        for code in range(n_classes):
            own = scores[codes == code]
            if len(own) >= _CALIBRATION_ROWS:
                made[code] = np.quantile(make(np.full(m, code, dtype=np.int32)), levels, axis=0)
                real[code] = np.quantile(own, levels, axis=0)
        return cls(made, real)

    def apply(self, scores: NDArray[np.float32], codes: NDArray[np.int32]) -> NDArray[np.float32]:
        """The scores (n, d) of rows of these classes (n,), moved; beyond the outermost quantiles by a constant."""
        moved = scores.copy()
        for code in np.unique(codes):
            rows = np.flatnonzero(codes == code)
            for j in range(scores.shape[1]):
                made, real, values = self.made[code, :, j], self.real[code, :, j], scores[rows, j]
                within = np.interp(values, made, real)
                beyond = np.minimum(values - made[0], 0.0) + np.maximum(values - made[-1], 0.0)
                moved[rows, j] = within + beyond
        return moved
