"""One object that says how good the trades taken were."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain._load import core
from smctrain.metrics._common import (
    DRAWS,
    NOTHING,
    Range,
    Vector,
    around,
    hac_error,
    quantile_range,
    rows_of_horizon,
    vector,
)
from smctrain.metrics.classification import integers
from smctrain.metrics.regression import share_interval
from smctrain.metrics.reports.skill import Skill, between, percent, skill_record
from smctrain.metrics.trading import trading_metrics


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
            "skill": skill_record(self.skill),
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
            f"mean outcome    {m['expectancy_r']:+.3f} R ({between(low, high, '+.3f')}; {self.trades_effective:.0f} "
            f"independent trades); every row {every['expectancy_r']:+.3f} R, at random times "
            f"{random['mean']:+.3f} R ({between(random['low'], random['high'], '+.3f')})",
            f"win rate        {percent(m['win_rate'])} ({between(100 * win_low, 100 * win_high, '.1f')} %), "
            f"break-even {percent(even)}; every row {percent(every['win_rate'])}",
            f"profit factor   {factor}; every row {every_factor}",
            f"total           {m['total_r']:+.1f} R, worst fall {m['max_drawdown_r']:.1f} R",
            f"in the market   {percent(m['exposure'])} of the time, {m['mean_bars_held']:.1f} bars a trade",
        ]
        if not math.isnan(m["sharpe_per_trade"]):
            sharpe_low, sharpe_high = self.intervals["sharpe_per_trade"]
            lines.append(f"Sharpe a trade  {m['sharpe_per_trade']:.3f} ({sharpe_low:.3f} to {sharpe_high:.3f})")
        if not math.isnan(m["total_cost_r"]):
            lines.append(f"costs           {m['total_cost_r']:.1f} R, {m['mean_cost_r']:.3f} R a trade")
        if random["draws"]:
            lines.append(
                f"The same wishes at {random['draws']} other times did as well in {percent(random['p_value'])} of them."
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
    every = trading_metrics(np.ones(len(wanted), dtype=bool), r_net, t0, t1, **settings)
    rows = core().trades_taken(wanted.view(np.uint8), outcome, start, end, bool(one_at_a_time))
    draws = _Draws(int(n_draws), int(seed), int(threads))
    intervals, effective = _of_trades(
        np.ascontiguousarray(outcome[rows]),
        core().longest_overlap(start[rows], end[rows]),
        metrics["sharpe_per_trade"],
        level,
        draws,
    )
    random = _at_other_times(
        wanted, outcome, start, end, metrics, None if horizon is None else rows_of_horizon(horizon), level, draws,
        bool(one_at_a_time),
    )  # fmt: skip
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


class _Draws(NamedTuple):
    n: int
    seed: int
    threads: int


def _of_trades(
    earned: Vector, overlap: int, sharpe: float, level: float, draws: _Draws
) -> tuple[dict[str, Range], float]:
    """Intervals of what the trades earned, in order of t0, and how many independent trades they are worth."""
    intervals: dict[str, Range] = {"expectancy_r": NOTHING, "win_rate": NOTHING, "sharpe_per_trade": NOTHING}
    n = len(earned)
    effective = float(n)
    if n >= 1:
        intervals["win_rate"] = share_interval(earned > 0, overlap, level)
    if n >= 2:
        means = core().bootstrap_means(earned, float(max(2 * overlap, 2)), draws.n, draws.seed, draws.threads)
        intervals["expectancy_r"] = quantile_range(means, level)
        if earned.min() < earned.max():
            long_run = hac_error(earned, 2 * overlap if overlap > 1 else 0) ** 2 * n
            spread = float(earned.var())
            effective = float(np.clip(n * spread / long_run, n / (2.0 * overlap), n)) if long_run > 0 else effective
            intervals["sharpe_per_trade"] = around(sharpe, _sharpe_error(earned, sharpe, effective), level)
    return intervals, effective


def _at_other_times(
    wanted: NDArray[np.bool_],
    outcome: Vector,
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    metrics: dict[str, Any],
    horizon: int | None,
    level: float,
    draws: _Draws,
    one_at_a_time: bool,
) -> dict[str, Any]:
    """What the same wishes earn at random times, turned by at least four of the longest labels."""
    usable = np.isfinite(outcome) & (end >= start)
    h = core().longest_overlap(start[usable], end[usable]) if horizon is None else horizon
    shift = min(4 * h, max(len(wanted) // 4, 1))
    if metrics["trades"] == 0 or len(wanted) < 2 * shift:
        return {"mean": math.nan, "low": math.nan, "high": math.nan, "p_value": math.nan, "draws": 0}
    raw = core().random_entries(
        wanted.view(np.uint8),
        np.where(usable, outcome, np.nan),
        start,
        np.where(usable, end, start),
        one_at_a_time,
        shift,
        *draws,
    )
    drawn = np.where(raw["trades"] > 0, np.nan_to_num(raw["expectancy_r"]), 0.0)
    low, high = quantile_range(drawn, level)
    return {
        "mean": float(drawn.mean()),
        "low": low,
        "high": high,
        "p_value": float((1 + (drawn >= metrics["expectancy_r"] - 1e-12).sum()) / (len(drawn) + 1)),
        "draws": len(drawn),
    }


def _sharpe_error(returns: Vector, sharpe: float, n: float) -> float:
    centred = returns - returns.mean()
    second = float((centred**2).mean())
    skew, kurtosis = float((centred**3).mean() / second**1.5), float((centred**4).mean() / second**2)
    variance = 1.0 - skew * sharpe + 0.25 * (kurtosis - 1.0) * sharpe**2
    return math.sqrt(max(variance, 0.0) / max(n - 1.0, 1.0))
