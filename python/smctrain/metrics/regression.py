"""Metrics of forecasts: values, order, quantiles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain._load import core
from smctrain.exceptions import InputError
from smctrain.metrics._common import Range, around, floats, hac_error, number, rows_of_horizon, vector
from smctrain.metrics.classification import integers


def regression_metrics(
    y_true: ArrayLike, y_pred: ArrayLike, train_mean: float, horizon: int = 1, level: float = 0.95
) -> dict[str, Any]:
    """Metrics of forecasts against outcomes.

    Parameters
    ----------
    y_true, y_pred : float64 arrays (n,)
        Outcomes and forecasts in time order, finite.
    train_mean : float
        Mean of the training labels: what R2 is measured against.
    horizon : int
        Longest label in rows; the interval of the IC is Newey-West with horizon - 1 lags.
    level : float
        Of `ic_interval`.

    Returns
    -------
    dict
        rows; r2 (1 - squared errors / those of forecasting the training mean); rmse; mae; bias (mean of forecast -
        outcome); ic (Spearman, average ranks), ic_interval, ic_t; pearson. NaN where a quantity does not exist.

    Raises
    ------
    InputError
        Lengths differ or a value is not finite.
    """
    truth, forecast = vector(y_true, "y_true"), vector(y_pred, "y_pred")
    horizon = rows_of_horizon(horizon)
    raw: dict[str, Any] = core().regression_metrics(truth, forecast, number(train_mean, "train_mean"))
    influence = raw.pop("influence")
    error = hac_error(influence, horizon - 1) if len(influence) > 2 else math.nan
    return {
        "rows": len(truth),
        **raw,
        "ic_interval": around(raw["ic"], error, level, -1.0, 1.0),
        "ic_t": raw["ic"] / error if error > 0 else math.nan,
    }


@dataclass(frozen=True)
class RankIc:
    """Outcome of `rank_ic`."""

    stamps: NDArray[np.int64]
    ic: NDArray[np.float64]
    """IC over the rows of each stamp; NaN where one side has no spread."""
    rows: NDArray[np.int64]
    mean: float
    interval: Range
    t: float
    ratio: float
    """Mean / standard deviation over stamps ("ICIR")."""
    positive: float
    """Share of stamps with an IC above 0."""

    def __repr__(self) -> str:
        low, high = self.interval
        return f"RankIc(mean {self.mean:.4f} ({low:.4f} to {high:.4f}) over {len(self.stamps)} stamps, t {self.t:.2f})"


def rank_ic(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    stamps: ArrayLike,
    horizon: int = 1,
    min_rows: int = 10,
    level: float = 0.95,
) -> RankIc:
    """IC of a panel: Spearman's correlation over the symbols of each stamp, and its mean over stamps.

    Parameters
    ----------
    y_true, y_pred : (n,)
        Outcomes and forecasts, rows in any order.
    stamps : (n,) integers or datetime64
        Decision time of each row.
    horizon : int
        Longest label in stamps; the mean's standard error is Newey-West with horizon - 1 lags.
    min_rows : int
        Stamps with fewer rows are left out.
    """
    truth, forecast = vector(y_true, "y_true"), vector(y_pred, "y_pred")
    horizon = rows_of_horizon(horizon)
    at, ic, rows = core().rank_ic(truth, forecast, integers(stamps, "stamps"), int(min_rows))
    known = ic[np.isfinite(ic)]
    mean = float(known.mean()) if len(known) else math.nan
    error = hac_error(known, horizon - 1)
    sd = float(known.std(ddof=1)) if len(known) > 1 else math.nan
    return RankIc(
        at,
        ic,
        rows,
        mean,
        around(mean, error, level, -1.0, 1.0),
        mean / error if error > 0 else math.nan,
        mean / sd if sd > 0 else math.nan,
        float((known > 0).mean()) if len(known) else math.nan,
    )


def quantile_metrics(
    y_true: ArrayLike, quantiles: ArrayLike, levels: ArrayLike, horizon: int = 1, level: float = 0.95
) -> dict[str, Any]:
    """Pinball loss and coverage of quantile forecasts.

    Parameters
    ----------
    y_true : (n,)
    quantiles : (n, levels)
        One column a level.
    levels : (levels,)
        Ascending in (0, 1).
    horizon : int
        Longest label in rows; a share's interval is Wilson's with the effective sample size.

    Returns
    -------
    dict
        rows; levels; pinball and coverage (share of outcomes at or below the quantile) per level;
        coverage_interval per level; mean_pinball; crossings (rows whose quantiles are out of order); and, for each pair
        of levels q and 1 - q, central: level, coverage, interval, width.
    """
    truth = vector(y_true, "y_true")
    horizon = rows_of_horizon(horizon)
    asked = vector(levels, "levels")
    matrix = floats(quantiles, "quantiles")
    if matrix.ndim != 2:
        raise InputError(f"quantiles must have shape ({len(truth)}, {len(asked)}), but has shape {matrix.shape}.")
    pinball, coverage, crossings = core().quantile_metrics(truth, matrix, asked)
    below = truth[:, None] <= matrix

    central = []
    for low in range(len(asked) // 2):
        high = len(asked) - 1 - low
        if abs(asked[low] + asked[high] - 1.0) > 1e-9:
            continue
        inside = ~(truth < matrix[:, low]) & below[:, high]
        central.append(
            {
                "level": float(asked[high] - asked[low]),
                "coverage": float(inside.mean()) if len(truth) else math.nan,
                "interval": share_interval(inside, horizon, level),
                "width": float((matrix[:, high] - matrix[:, low]).mean()) if len(truth) else math.nan,
            }
        )
    return {
        "rows": len(truth),
        "levels": asked.tolist(),
        "pinball": pinball.tolist(),
        "mean_pinball": float(pinball.mean()) if len(asked) else math.nan,
        "coverage": coverage.tolist(),
        "coverage_interval": [share_interval(below[:, j], horizon, level) for j in range(len(asked))],
        "crossings": crossings,
        "central": central,
    }


def share_interval(flags: NDArray[np.bool_], horizon: int, level: float) -> Range:
    """Interval of a share of dependent rows, as `smctrain.stats.accuracy_interval`."""
    if len(flags) == 0:
        return (math.nan, math.nan)
    values = np.ascontiguousarray(flags, dtype=np.float64)
    n_eff = core().effective_size(values, horizon)[0]
    low, high = core().wilson_interval(
        min(float(values.mean()) * n_eff, n_eff), n_eff, level, len(values) / (2.0 * horizon)
    )
    return (low, high)
