"""One object that says how good predicted numbers are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain._load import core
from smctrain.exceptions import InputError, TooFewRows
from smctrain.metrics._common import (
    NOTHING,
    Range,
    Vector,
    around,
    hac_error,
    rows_of_horizon,
    vector,
)
from smctrain.metrics.classification import integers
from smctrain.metrics.regression import regression_metrics, share_interval
from smctrain.metrics.reports.skill import SHORT, Skill, head, skill_line, skill_record


@dataclass(frozen=True)
class RegressionReport:
    """Outcome of `regression_report`."""

    rows: int
    rows_effective: float
    """Independent rows that carry as much about the side of the training mean."""
    horizon: int
    level: float
    metrics: dict[str, Any]
    """What `regression_metrics` gives, and `direction`: share of rows on the right side of the training mean."""
    intervals: dict[str, Range]
    baselines: dict[str, Any]
    """rmse and mae of forecasting the training mean and the last resolved outcome; r2 and ic 0."""
    skill: Skill
    """R2 against the best of them: 1 - squared errors / its squared errors."""
    too_short: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "rows": self.rows,
            "rows_effective": self.rows_effective,
            "horizon": self.horizon,
            "level": self.level,
            **{k: list(v) if isinstance(v, tuple) else v for k, v in self.metrics.items()},
            "intervals": {name: list(pair) for name, pair in self.intervals.items()},
            "baselines": dict(self.baselines),
            "skill": skill_record(self.skill),
            "too_short": self.too_short,
        }

    def __repr__(self) -> str:
        b = self.baselines
        beside = {
            "r2": "training mean 0",
            "ic": "0",
            "pearson": "0",
            "rmse": f"training mean {b['train_mean_rmse']:.5g}, last outcome {b['last_rmse']:.5g}",
            "mae": f"training mean {b['train_mean_mae']:.5g}, last outcome {b['last_mae']:.5g}",
            "direction": "0.5",
        }
        words = {"r2": "R2", "ic": "IC (Spearman)", "pearson": "Pearson", "rmse": "RMSE", "mae": "MAE",
                 "direction": "right side"}  # fmt: skip
        lines = [
            head("Regression", self.rows, self.rows_effective, self.horizon, self.too_short),
            f"{'':18}{'model':>9}  {f'{self.level:.0%} interval':>20}  without a model",
        ]
        for name, word in words.items():
            low, high = self.intervals.get(name, NOTHING)
            span = "" if math.isnan(low) else f"{low:.4g} - {high:.4g}" if low >= 0 else f"{low:.4g} to {high:.4g}"
            lines.append(f"{word:18}{self.metrics[name]:>9.4g}  {span:>20}  {beside[name]}")
        lines.append(skill_line(self.skill, "% of squared error", 100.0))
        return "\n".join(lines)


def regression_report(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    y_train: ArrayLike,
    horizon: int,
    *,
    t0: ArrayLike | None = None,
    t1: ArrayLike | None = None,
    all_y: ArrayLike | None = None,
    level: float = 0.95,
) -> RegressionReport:
    """How good forecasts are, each number with its interval and beside what needs no model.

    Parameters
    ----------
    y_true, y_pred : float64 (n,)
        Outcomes and forecasts in time order, finite.
    y_train : float64 (m,)
        Training labels.
    horizon : int
        Longest label in rows.
    t0 : int64 (n,), t1, all_y : (k,), optional
        Decision times of these rows; label ends and outcomes (NaN: none) of all rows of the symbol in time order, for
        the last resolved outcome.
    level : float
        Of all intervals: Newey-West (IC horizon - 1 lags, others 2 x horizon), Wilson for `direction`.
    """
    truth, forecast, train = vector(y_true, "y_true"), vector(y_pred, "y_pred"), vector(y_train, "y_train")
    horizon = rows_of_horizon(horizon)
    if len(truth) < 3 or len(train) == 0:
        raise TooFewRows(f"a report needs 3 rows and training rows, but got {len(truth)} and {len(train)}.")
    mean = float(train.mean())
    metrics = regression_metrics(truth, forecast, mean, horizon, level)
    squared = (forecast - truth) ** 2
    rivals = {"training mean": np.full(len(truth), mean)}
    if t0 is not None and t1 is not None and all_y is not None:
        rivals["last outcome"] = _last_outcome(integers(t0, "t0"), integers(t1, "t1"), vector(all_y, "all_y"), mean)
    elif not (t0 is None and t1 is None and all_y is None):
        raise InputError("t0, t1 and all_y must be given together.")
    errors = {name: float(np.mean((truth - values) ** 2)) for name, values in rivals.items()}
    best = min(errors, key=lambda name: errors[name])
    side = (forecast - mean) * (truth - mean) > 0
    metrics["direction"] = float(side.mean())
    r2, r2_error = _share_explained(squared, (truth - mean) ** 2, horizon)
    if math.isnan(metrics["r2"]):
        r2 = math.nan
    gain, gain_error = _share_explained(squared, (truth - rivals[best]) ** 2, horizon)
    intervals = {
        "ic": metrics.pop("ic_interval"),
        "r2": around(r2, r2_error, level),
        "mae": around(metrics["mae"], hac_error(np.sqrt(squared), 2 * horizon), level, 0.0),
        "rmse": _root(around(float(squared.mean()), hac_error(squared, 2 * horizon), level, 0.0)),
        "direction": share_interval(side, horizon, level),
    }
    metrics.pop("rows")
    last = rivals.get("last outcome")
    return RegressionReport(
        rows=len(truth),
        rows_effective=float(core().effective_size(side.astype(np.float64), horizon)[0]),
        horizon=horizon,
        level=float(level),
        metrics=metrics,
        intervals=intervals,
        baselines={
            "train_mean": mean,
            "train_mean_rmse": math.sqrt(errors["training mean"]),
            "train_mean_mae": float(np.abs(truth - mean).mean()),
            "last_rmse": math.sqrt(errors["last outcome"]) if last is not None else math.nan,
            "last_mae": float(np.abs(truth - last).mean()) if last is not None else math.nan,
            "r2": 0.0,
            "ic": 0.0,
        },
        skill=Skill(gain, around(gain, gain_error, level), best),
        too_short=len(truth) < SHORT * horizon,
    )


def _last_outcome(t0: NDArray[np.int64], t1: NDArray[np.int64], all_y: Vector, mean: float) -> Vector:
    """Outcome of the newest row resolved by each decision; the training mean while there is none."""
    if len(t1) != len(all_y):
        raise InputError(f"t1 must have the {len(all_y)} entries of all_y, but has {len(t1)}.")
    known = np.where(np.isfinite(all_y))[0]
    order = known[np.argsort(t1[known], kind="stable")]
    newest = np.maximum.accumulate(order) if len(order) else order
    place = np.searchsorted(t1[order], t0, side="right") - 1
    return np.where(place >= 0, all_y[newest[np.maximum(place, 0)]], mean) if len(order) else np.full(len(t0), mean)


def _share_explained(squared: Vector, reference: Vector, horizon: int) -> Range:
    """1 - squared errors / those of the reference, and its Newey-West standard error as a ratio of means."""
    scale = float(reference.mean())
    if not scale > 0.0:
        return NOTHING
    value = 1.0 - float(squared.mean()) / scale
    return value, hac_error((reference - squared - value * reference) / scale, 2 * horizon)


def _root(pair: Range) -> Range:
    return (math.sqrt(pair[0]), math.sqrt(pair[1])) if not math.isnan(pair[0]) else pair
