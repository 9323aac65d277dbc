"""From which probability on is a trade worth taking? Chosen on validation rows, and paid for as many looks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain._load import core
from smctrain.exceptions import InputError
from smctrain.metrics._common import fit_rows, floats, vector, whole
from smctrain.metrics.classification import class_codes, integers

GRID = tuple(round(0.34 + 0.02 * i, 2) for i in range(24))
"""0.34, 0.36 .. 0.80."""
MIN_TRADES = 30


@dataclass(frozen=True)
class ThresholdChoice:
    """Outcome of `choose_threshold`."""

    threshold: float | None
    """Smallest probability acted on; None where no grid point has enough trades: keep the most probable class."""
    objective: str
    value: float
    """Objective at the threshold, on the rows it was chosen on: too good by the choice."""
    trades: int
    table: list[dict[str, Any]]
    """One record a grid point: threshold, trades, value."""
    n_configurations: int
    """Grid points scored: each counts as a configuration in the ledger."""
    min_trades: int
    """Grid points with fewer trades were not eligible."""
    fit_rows_: NDArray[np.int64] | None
    fit_rows_hash_: str

    def apply(self, proba: ArrayLike) -> NDArray[np.bool_]:
        """Rows to act on (n,); NaN is never acted on."""
        if self.threshold is None:
            raise InputError(
                f"no threshold was chosen: no grid point had {self.min_trades} trades. Act on the most probable class."
            )
        return np.asarray(floats(proba, "proba") >= self.threshold)

    def __repr__(self) -> str:
        if self.threshold is None:
            return f"ThresholdChoice(none: no grid point had enough trades, {self.n_configurations} tried)"
        return (
            f"ThresholdChoice({self.threshold:g}: {self.objective} {self.value:.4g} over {self.trades} trades, "
            f"best of {self.n_configurations} tried)"
        )


def choose_threshold(
    proba: ArrayLike,
    *,
    r_net: ArrayLike | None = None,
    t0: ArrayLike | None = None,
    t1: ArrayLike | None = None,
    y: ArrayLike | None = None,
    grid: ArrayLike | None = None,
    min_trades: int = MIN_TRADES,
    one_at_a_time: bool = True,
    rows: ArrayLike | None = None,
) -> ThresholdChoice:
    """The probability from which on trades earned the most on validation rows.

    Parameters
    ----------
    proba : (n,)
        Probability of the side traded, of validation or inner out-of-fold rows; NaN is never acted on.
    r_net, t0, t1 : (n,)
        Outcome of each row's trade in R and its bars (`Labels.r`, `t0`, `t1`): maximises the mean outcome of the
        trades taken.
    y : (n,) 0/1, optional
        In place of the outcomes: maximises balanced accuracy; a "trade" is a row called positive.
    grid : optional
        Thresholds tried, default 0.34, 0.36 .. 0.80. Each one counts as a configuration.
    min_trades : int
        Grid points with fewer trades are not eligible.
    one_at_a_time : bool
        As in `trading_metrics`.
    rows : integer array (n,), optional
        Ids of these rows, stored as provenance.

    Returns
    -------
    ThresholdChoice
        The best grid point, the lowest among equals.
    """
    p = floats(proba, "proba")
    min_trades = whole(min_trades, "min_trades", 0)
    if p.ndim != 1:
        raise InputError(f"proba must hold one probability a row, that of the side traded, but has shape {p.shape}.")
    if bool(((p < -1e-9) | (p > 1 + 1e-9)).any()):
        raise InputError(f"proba must lie in 0..1, but goes from {np.nanmin(p):.6g} to {np.nanmax(p):.6g}.")
    points = np.unique(floats(GRID if grid is None else grid, "grid"))
    if points.ndim != 1 or len(points) == 0 or not bool(np.isfinite(points).all()):
        raise InputError("grid must hold at least one finite threshold.")
    kept, digest = fit_rows(rows, len(p))
    if y is not None and r_net is None:
        objective, counts, values = "balanced accuracy", *_balanced(p, class_codes(y, "y"), points)
    elif r_net is not None and t0 is not None and t1 is not None and y is None:
        objective, counts, values = "mean R", *_outcomes(p, r_net, t0, t1, points, one_at_a_time)
    else:
        raise InputError("give either r_net, t0 and t1 (mean outcome in R) or y (balanced accuracy).")
    table = [
        {"threshold": float(point), "trades": int(count), "value": float(value)}
        for point, count, value in zip(points, counts, values, strict=True)
    ]
    eligible = (counts >= min_trades) & np.isfinite(values)
    best = int(np.argmax(np.where(eligible, values, -np.inf))) if eligible.any() else -1
    return ThresholdChoice(
        threshold=None if best < 0 else float(points[best]),
        objective=objective,
        value=math.nan if best < 0 else float(values[best]),
        trades=0 if best < 0 else int(counts[best]),
        table=table,
        n_configurations=len(points),
        min_trades=int(min_trades),
        fit_rows_=kept,
        fit_rows_hash_=digest,
    )


def _balanced(
    p: NDArray[np.float64], y: NDArray[np.int32], points: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    if len(y) != len(p) or bool(((y < 0) | (y > 1)).any()):
        raise InputError(f"y must hold {len(p)} values 0 or 1, but has {len(y)}.")
    # Rows at or above each point, of either class: from sorted scores.
    above = [
        kind.size - np.searchsorted(np.sort(kind), points, side="left")
        for kind in (p[(y == label) & ~np.isnan(p)] for label in (0, 1))
    ]
    negatives, positives = int((y == 0).sum()), int((y == 1).sum())
    if negatives == 0 or positives == 0:
        raise InputError("y must hold both classes.")
    values = 0.5 * (above[1] / positives + (negatives - above[0]) / negatives)
    return above[0] + above[1], values


def _outcomes(
    p: NDArray[np.float64],
    r_net: ArrayLike,
    t0: ArrayLike,
    t1: ArrayLike,
    points: NDArray[np.float64],
    one_at_a_time: bool,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    outcome = vector(r_net, "r_net", len(p))
    start, end = integers(t0, "t0"), integers(t1, "t1")
    counts, values = [], []
    for point in points:
        taken = core().trades_taken(
            np.ascontiguousarray(p >= point).view(np.uint8), outcome, start, end, bool(one_at_a_time)
        )
        counts.append(len(taken))
        values.append(float(outcome[taken].mean()) if len(taken) else math.nan)
    return np.array(counts), np.array(values)
