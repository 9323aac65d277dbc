"""One object that says how good predictions are: each number with its interval, beside what needs no model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain._load import core
from smctrain.exceptions import InputError, TooFewRows
from smctrain.metrics._common import (
    DRAWS,
    NOTHING,
    Range,
    Vector,
    around,
    hac_error,
    longest_overlap,
    proba_matrix,
    quantile_range,
    rows_of_horizon,
    vector,
)
from smctrain.metrics.calibration import Reliability, reliability_table
from smctrain.metrics.classification import baselines, class_codes, classification_metrics, integers
from smctrain.metrics.regression import regression_metrics, share_interval
from smctrain.metrics.trading import trading_metrics

SHORT = 20
"""Horizons of rows below which an interval is not to be relied on."""


@dataclass(frozen=True)
class Skill:
    """Model less the best answer without a model, on the same rows."""

    value: float
    interval: Range
    baseline: str

    @property
    def is_shown(self) -> bool:
        """Whether the interval lies above 0."""
        return self.interval[0] > 0


@dataclass(frozen=True)
class ClassificationReport:
    """Outcome of `classification_report`."""

    rows: int
    rows_effective: float
    """Independent rows that carry as much information."""
    horizon: int
    level: float
    class_shares: tuple[float, ...]
    metrics: dict[str, Any]
    """What `classification_metrics` gives."""
    intervals: dict[str, Range]
    baselines: dict[str, Any]
    """What `baselines` gives, plus `mcc`, `auc` and `balanced_accuracy` of answers without a model."""
    skill: Skill
    """Of the accuracy."""
    reliability: Reliability
    probabilities_ok: bool
    """Brier score at most that of the training shares; else only signs may be used."""
    too_short: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "rows": self.rows,
            "rows_effective": self.rows_effective,
            "horizon": self.horizon,
            "level": self.level,
            "class_shares": list(self.class_shares),
            **self.metrics,
            "intervals": {name: list(pair) for name, pair in self.intervals.items()},
            "baselines": dict(self.baselines),
            "skill": _skill_record(self.skill),
            "reliability": self.reliability.records(),
            "probabilities_ok": self.probabilities_ok,
            "too_short": self.too_short,
        }

    def __repr__(self) -> str:
        shares = ", ".join(f"{c}: {100 * share:.1f} %" for c, share in enumerate(self.class_shares))
        lines = [
            _head("Classification", self.rows, self.rows_effective, self.horizon, self.too_short),
            f"classes {shares}",
            f"{'':18}{'model':>8}  {f'{self.level:.0%} interval':>16}  without a model",
        ]
        b = self.baselines
        beside = {
            "accuracy": f"majority {_pc(b['majority'])}, prior {_pc(b['prior'])}, last label {_pc(b['last_label'])}",
            "balanced_accuracy": _pc(b["balanced_accuracy"]),
            "log_loss": f"prior {b['prior_log_loss']:.4f}",
            "brier": f"prior {b['prior_brier']:.4f}",
            "auc": "0.5",
            "mcc": "0",
        }
        for name, word in _WORDS.items():
            value, (low, high) = self.metrics[name], self.intervals.get(name, NOTHING)
            if name in _SHARES:
                text, span = _pc(value), "" if math.isnan(low) else f"{100 * low:.1f} - {100 * high:.1f} %"
            else:
                text, span = f"{value:.4f}", "" if math.isnan(low) else f"{low:.4f} - {high:.4f}"
            lines.append(f"{word:18}{text:>8}  {span:>16}  {beside.get(name, '')}".rstrip())
        lines.append(f"{'calibration error':18}{100 * self.metrics['ece']:>6.1f} points")
        if not self.probabilities_ok:
            lines.append("The probabilities are worse than always saying the training shares: use the sign only.")
        lines.append(_skill_line(self.skill, "points of accuracy", 100.0))
        return "\n".join(lines)


_WORDS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "precision": "precision (macro)",
    "recall": "recall (macro)",
    "f1_score": "F1 (macro)",
    "mcc": "MCC",
    "auc": "AUC",
    "log_loss": "log-loss",
    "brier": "Brier score",
}
_SHARES = {"accuracy", "balanced_accuracy", "precision", "recall", "f1_score"}


def classification_report(
    y_true: ArrayLike,
    proba: ArrayLike,
    y_train: ArrayLike,
    horizon: int,
    *,
    t0: ArrayLike | None = None,
    t1: ArrayLike | None = None,
    all_y: ArrayLike | None = None,
    level: float = 0.95,
    n_draws: int = DRAWS,
    seed: int = 0,
    threads: int = 1,
) -> ClassificationReport:
    """How good class probabilities are, each number with its interval and beside what needs no model.

    Parameters
    ----------
    y_true : integer array (n,)
        Class codes 0..K-1 in time order.
    proba : (n, K), or (n,) of class 1
        Without NaN: leave out rows without a prediction.
    y_train : integer array (m,)
        Class codes of the training rows.
    horizon : int
        Longest label in rows.
    t0, t1, all_y
        As in `baselines`, for the last resolved label.
    level : float
        Of all intervals.
    n_draws, seed, threads
        Of the stationary bootstrap.

    Returns
    -------
    ClassificationReport
        Printing it gives a table.

    Notes
    -----
    Intervals: accuracy by Wilson with the effective sample size; balanced accuracy, precision, recall, F1 and MCC by
    stationary bootstrap of the confusion (blocks of 2 x horizon); AUC, log-loss and Brier by Newey-West (2 x horizon
    lags). Skill: Newey-West on the paired difference of being right.
    """
    codes, train, matrix = class_codes(y_true, "y_true"), class_codes(y_train, "y_train"), proba_matrix(proba)
    horizon = rows_of_horizon(horizon)
    if len(codes) == 0 or len(train) == 0:
        raise TooFewRows(f"a report needs rows and training rows, but got {len(codes)} and {len(train)}.")
    metrics = classification_metrics(codes, matrix)
    classes = matrix.shape[1]
    known = baselines(codes, train, t0=t0, t1=t1, all_y=all_y)
    answers = matrix.argmax(axis=1)
    correct = answers == codes

    n_eff = core().effective_size(correct.astype(np.float64), horizon)[0]
    cells = (codes.astype(np.int64) * classes + answers).astype(np.int32)
    counts = core().bootstrap_counts(
        cells, classes * classes, float(max(2 * horizon, 2)), int(n_draws), int(seed), int(threads)
    )
    resampled = _of_confusions(counts.reshape(-1, classes, classes).astype(np.float64))
    intervals = {name: quantile_range(values, level) for name, values in resampled.items()}
    intervals["accuracy"] = share_interval(correct, horizon, level)
    right = matrix[np.arange(len(codes)), codes]
    losses = {
        "log_loss": -np.log(np.clip(right, 1e-15, 1.0)),
        "brier": (matrix**2).sum(axis=1) - 2.0 * right + 1.0,
    }
    for name, values in losses.items():
        intervals[name] = around(metrics[name], hac_error(values, 2 * horizon), level, 0.0)
    influence = core().auc_influence(codes, matrix)
    intervals["auc"] = around(
        metrics["auc"], hac_error(influence, 2 * horizon) if len(influence) else math.nan, level, 0.0, 1.0
    )
    rivals: dict[str, Vector] = {
        "majority": (known["majority_class"] == codes).astype(np.float64),
        "prior": (np.bincount(train, minlength=classes) / len(train))[codes],
    }
    if t0 is not None and t1 is not None and all_y is not None:
        last = core().last_resolved_labels(
            integers(t0, "t0"), integers(t1, "t1"), class_codes(all_y, "all_y"), known["majority_class"]
        )
        rivals["last label"] = (last == codes).astype(np.float64)
    best = max(rivals, key=lambda name: float(rivals[name].mean()))
    skill = _skill(correct.astype(np.float64) - rivals[best], horizon, level, best)
    seen = int((np.bincount(codes, minlength=classes) > 0).sum())
    return ClassificationReport(
        rows=len(codes),
        rows_effective=float(n_eff),
        horizon=horizon,
        level=float(level),
        class_shares=tuple((np.bincount(codes, minlength=classes) / len(codes)).tolist()),
        metrics=metrics,
        intervals=intervals,
        baselines={**known, "balanced_accuracy": 1.0 / seen, "mcc": 0.0, "auc": 0.5},
        skill=skill,
        reliability=reliability_table(codes, matrix, horizon=horizon),
        probabilities_ok=bool(metrics["brier"] <= known["prior_brier"] + 1e-12),
        too_short=len(codes) < SHORT * horizon,
    )


def _of_confusions(counts: Vector) -> dict[str, Vector]:
    """Metrics of many confusion matrices (draws, K, K), rows true classes; as `classification_metrics` defines them."""
    hit = np.einsum("dkk->dk", counts)
    truth, predicted, n = counts.sum(axis=2), counts.sum(axis=1), counts.sum(axis=(1, 2))
    occurs, seen = (truth > 0).sum(axis=1), ((truth > 0) | (predicted > 0)).sum(axis=1)

    def ratio(a: Vector, b: Vector) -> Vector:
        return np.divide(a, b, out=np.zeros_like(a), where=b > 0)

    recall = ratio(hit, truth).sum(axis=1)
    spread = np.sqrt((n**2 - (truth**2).sum(axis=1)) * (n**2 - (predicted**2).sum(axis=1)))
    return {
        "balanced_accuracy": recall / occurs,
        "recall": recall / seen,
        "precision": ratio(hit, predicted).sum(axis=1) / seen,
        "f1_score": ratio(2.0 * hit, truth + predicted).sum(axis=1) / seen,
        "mcc": ratio(hit.sum(axis=1) * n - (truth * predicted).sum(axis=1), spread),
    }


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
            "skill": _skill_record(self.skill),
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
            _head("Regression", self.rows, self.rows_effective, self.horizon, self.too_short),
            f"{'':18}{'model':>9}  {f'{self.level:.0%} interval':>20}  without a model",
        ]
        for name, word in words.items():
            low, high = self.intervals.get(name, NOTHING)
            span = "" if math.isnan(low) else f"{low:.4g} - {high:.4g}" if low >= 0 else f"{low:.4g} to {high:.4g}"
            lines.append(f"{word:18}{self.metrics[name]:>9.4g}  {span:>20}  {beside[name]}")
        lines.append(_skill_line(self.skill, "% of squared error", 100.0))
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


@dataclass(frozen=True)
class TradingReport:
    """Outcome of `trading_report`."""

    metrics: dict[str, Any]
    """What `trading_metrics` gives."""
    rows: int
    trades_effective: float
    """Independent trades that carry as much information about the mean outcome."""
    level: float
    intervals: dict[str, Range]
    """expectancy_r (stationary bootstrap over trades), win_rate (Wilson), sharpe_per_trade."""
    take_every: dict[str, Any]
    """Metrics of taking every candidate."""
    random_entry: dict[str, Any]
    """The same wishes at other times: mean, low and high expectancy, `p_value`, draws."""
    skill: Skill
    """Mean outcome less the better of both; the interval is that of the mean outcome, the other taken as known."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            **self.metrics,
            "rows": self.rows,
            "trades_effective": self.trades_effective,
            "level": self.level,
            "intervals": {name: list(pair) for name, pair in self.intervals.items()},
            "take_every": dict(self.take_every),
            "random_entry": dict(self.random_entry),
            "skill": _skill_record(self.skill),
        }

    def __repr__(self) -> str:
        m, every, random = self.metrics, self.take_every, self.random_entry
        low, high = self.intervals["expectancy_r"]
        win_low, win_high = self.intervals["win_rate"]
        lines = [
            f"Trading: {m['trades']:,} trades taken of {self.rows:,} rows ({m['candidates']:,} wanted, "
            f"{m['skipped']:,} skipped while one was open, {m['unfilled']:,} without an outcome)"
        ]
        if m["trades"] == 0:
            return lines[0]
        even = m["break_even"] if not math.isnan(m["break_even"]) else m["break_even_realised"]
        factor, every_factor = (
            "none lost" if math.isnan(which["profit_factor"]) else f"{which['profit_factor']:.2f}"
            for which in (m, every)
        )
        lines += [
            f"mean outcome    {m['expectancy_r']:+.3f} R ({_between(low, high, '+.3f')}; {self.trades_effective:.0f} "
            f"independent trades); every row {every['expectancy_r']:+.3f} R, at random times "
            f"{random['mean']:+.3f} R ({_between(random['low'], random['high'], '+.3f')})",
            f"win rate        {_pc(m['win_rate'])} ({_between(100 * win_low, 100 * win_high, '.1f')} %), "
            f"break-even {_pc(even)}; every row {_pc(every['win_rate'])}",
            f"profit factor   {factor}; every row {every_factor}",
            f"total           {m['total_r']:+.1f} R, worst fall {m['max_drawdown_r']:.1f} R",
            f"in the market   {_pc(m['exposure'])} of the time, {m['mean_bars_held']:.1f} bars a trade",
        ]
        if not math.isnan(m["sharpe_per_trade"]):
            sharpe_low, sharpe_high = self.intervals["sharpe_per_trade"]
            lines.append(f"Sharpe a trade  {m['sharpe_per_trade']:.3f} ({sharpe_low:.3f} to {sharpe_high:.3f})")
        if not math.isnan(m["total_cost_r"]):
            lines.append(f"costs           {m['total_cost_r']:.1f} R, {m['mean_cost_r']:.3f} R a trade")
        if random["draws"]:
            lines.append(
                f"The same wishes at {random['draws']} other times did as well in {_pc(random['p_value'])} of them."
            )
        return "\n".join(lines)


def trading_report(
    take: ArrayLike,
    r_net: ArrayLike,
    t0: ArrayLike,
    t1: ArrayLike,
    rule: ArrayLike | None = None,
    *,
    r_gross: ArrayLike | None = None,
    bars_held: ArrayLike | None = None,
    reward_risk: float | None = None,
    one_at_a_time: bool = True,
    horizon: int | None = None,
    level: float = 0.95,
    n_draws: int = DRAWS,
    seed: int = 0,
    threads: int = 1,
) -> TradingReport:
    """What the trades of a signal earned, beside taking every row and taking rows at other times.

    Parameters
    ----------
    take, r_net, t0, t1, rule, r_gross, bars_held, reward_risk, one_at_a_time
        As in `trading_metrics`, one entry for each row on which a trade was possible.
    horizon : int, optional
        Longest label in rows; default from t0 and t1. Random entries are turned by at least four of them.
    level : float
        Of all intervals.
    n_draws, seed, threads
        Of the bootstrap and the random entries.

    Notes
    -----
    Sharpe per trade is never annualised; its interval uses the effective number of trades (long-run variance over
    variance, lags = how many later trades start inside one), which is what its n means.
    """
    settings: dict[str, Any] = {
        "rule": rule,
        "r_gross": r_gross,
        "bars_held": bars_held,
        "reward_risk": reward_risk,
        "one_at_a_time": one_at_a_time,
    }
    metrics = trading_metrics(take, r_net, t0, t1, **settings)
    wanted = np.ascontiguousarray(take, dtype=np.bool_)
    outcome = vector(r_net, "r_net", len(wanted))
    start, end = integers(t0, "t0"), integers(t1, "t1")
    usable = np.isfinite(outcome) & (end >= start)
    h = longest_overlap(start[usable], end[usable]) if horizon is None else rows_of_horizon(horizon)
    every = trading_metrics(np.ones(len(wanted), dtype=bool), r_net, t0, t1, **settings)

    rows = core().trades_taken(wanted.view(np.uint8), outcome, start, end, bool(one_at_a_time))
    earned = np.ascontiguousarray(outcome[rows])
    overlap = longest_overlap(start[rows], end[rows])
    n = len(earned)
    intervals: dict[str, Range] = {"expectancy_r": NOTHING, "win_rate": NOTHING, "sharpe_per_trade": NOTHING}
    effective = float(n)
    if n >= 1:
        intervals["win_rate"] = share_interval(earned > 0, overlap, level)
    if n >= 2:
        means = core().bootstrap_means(earned, float(max(2 * overlap, 2)), int(n_draws), int(seed), int(threads))
        intervals["expectancy_r"] = quantile_range(means, level)
        spread = float(earned.var())
        if spread > 0:
            long_run = hac_error(earned, 2 * overlap if overlap > 1 else 0) ** 2 * n
            effective = float(np.clip(n * spread / long_run, n / (2.0 * overlap), n)) if long_run > 0 else effective
            intervals["sharpe_per_trade"] = around(
                metrics["sharpe_per_trade"], _sharpe_error(earned, metrics["sharpe_per_trade"], effective), level
            )

    random: dict[str, Any] = {"mean": math.nan, "low": math.nan, "high": math.nan, "p_value": math.nan, "draws": 0}
    shift = min(4 * h, max(len(wanted) // 4, 1))
    if n > 0 and len(wanted) >= 2 * shift:
        safe_end = np.where(usable, end, start)
        hidden = np.where(usable, outcome, np.nan)
        raw = core().random_entries(
            wanted.view(np.uint8),
            hidden,
            start,
            safe_end,
            bool(one_at_a_time),
            shift,
            int(n_draws),
            int(seed),
            int(threads),
        )
        drawn = np.where(raw["trades"] > 0, np.nan_to_num(raw["expectancy_r"]), 0.0)
        low, high = quantile_range(drawn, level)
        random = {
            "mean": float(drawn.mean()),
            "low": low,
            "high": high,
            "p_value": float((1 + (drawn >= metrics["expectancy_r"] - 1e-12).sum()) / (len(drawn) + 1)),
            "draws": len(drawn),
        }
    rivals = {"every row": every["expectancy_r"], "random times": random["mean"]}
    known = {name: value for name, value in rivals.items() if not math.isnan(value)}
    best = max(known, key=lambda name: known[name]) if known else "every row"
    low, high = intervals["expectancy_r"]
    against = known.get(best, math.nan)
    return TradingReport(
        metrics=metrics,
        rows=len(wanted),
        trades_effective=effective,
        level=float(level),
        intervals=intervals,
        take_every=every,
        random_entry=random,
        skill=Skill(metrics["expectancy_r"] - against, (low - against, high - against), best),
    )


def _sharpe_error(returns: Vector, sharpe: float, n: float) -> float:
    centred = returns - returns.mean()
    second = float((centred**2).mean())
    skew, kurtosis = float((centred**3).mean() / second**1.5), float((centred**4).mean() / second**2)
    variance = 1.0 - skew * sharpe + 0.25 * (kurtosis - 1.0) * sharpe**2
    return math.sqrt(max(variance, 0.0) / max(n - 1.0, 1.0))


def _share_explained(squared: Vector, reference: Vector, horizon: int) -> Range:
    """1 - squared errors / those of the reference, and its Newey-West standard error as a ratio of means."""
    scale = float(reference.mean())
    if not scale > 0.0:
        return NOTHING
    value = 1.0 - float(squared.mean()) / scale
    return value, hac_error((reference - squared - value * reference) / scale, 2 * horizon)


def _root(pair: Range) -> Range:
    return (math.sqrt(pair[0]), math.sqrt(pair[1])) if not math.isnan(pair[0]) else pair


def _skill(paired: Vector, horizon: int, level: float, baseline: str) -> Skill:
    value = float(paired.mean())
    if bool(np.all(paired == paired[0])):
        return Skill(value, (value, value), baseline)
    return Skill(value, around(value, hac_error(paired, 2 * horizon), level), baseline)


def _skill_record(skill: Skill) -> dict[str, Any]:
    return {"value": skill.value, "interval": list(skill.interval), "baseline": skill.baseline}


def _skill_line(skill: Skill, unit: str, scale: float) -> str:
    low, high = skill.interval
    verdict = "skill shown" if skill.is_shown else "worse than no model" if high < 0 else "no skill shown"
    return (
        f"Against the best answer without a model ({skill.baseline}): {scale * skill.value:+.1f} {unit} "
        f"({scale * low:+.1f} to {scale * high:+.1f}): {verdict}."
    )


def _head(what: str, rows: int, effective: float, horizon: int, too_short: bool) -> str:
    text = f"{what} of {rows:,} rows, about {effective:,.0f} independent (a label reaches over {horizon} rows)"
    return text + (f"; fewer than {SHORT} x {horizon} rows: too short to rely on" if too_short else "")


def _between(low: float, high: float, form: str) -> str:
    return "no interval" if math.isnan(low) else f"{low:{form}} to {high:{form}}"


def _pc(share: float) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.1f} %"
