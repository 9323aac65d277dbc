"""Trading metrics from the label record of the trades taken."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from smctrain import metrics
from smctrain.exceptions import InputError
from smctrain.metrics import trading_metrics

T0 = np.array([0, 2, 5, 6, 9])
T1 = np.array([4, 3, 8, 7, 12])
R = np.array([2.0, -1.0, -1.0, 2.0, -0.25])
ALL = np.ones(5, dtype=bool)


def test_a_worked_example_by_hand() -> None:
    # Row 1 starts while row 0 is open, row 3 while row 2 is: rows 0, 2 and 4 are taken.
    ours = trading_metrics(ALL, R, T0, T1, ["target", "stop", "stop", "target", "timeout"])
    assert (ours["candidates"], ours["trades"], ours["skipped"], ours["unfilled"]) == (5, 3, 2, 0)
    assert ours["win_rate"] == pytest.approx(1 / 3)
    assert ours["profit_factor"] == pytest.approx(2.0 / 1.25)
    assert ours["expectancy_r"] == pytest.approx(0.25)
    assert ours["total_r"] == pytest.approx(0.75)
    assert ours["max_drawdown_r"] == pytest.approx(1.25)
    assert ours["mean_bars_held"] == pytest.approx((4 + 3 + 3) / 3)
    assert ours["sharpe_per_trade"] == pytest.approx(0.25 / np.std([2, -1, -0.25], ddof=1))
    assert ours["timeouts"] == 1
    assert ours["break_even_realised"] == pytest.approx(0.625 / (0.625 + 2.0))


def test_all_trades_may_run_side_by_side_and_the_drawdown_follows_the_exits() -> None:
    ours = trading_metrics(ALL, R, T0, T1, one_at_a_time=False)
    # In order of t1: -1, +2, +2, -1, -0.25.
    assert ours["trades"] == 5
    assert ours["max_drawdown_r"] == pytest.approx(1.25)
    assert ours["profit_factor"] == pytest.approx(4.0 / 2.25)
    assert math.isnan(ours["timeouts"])


def test_a_trade_may_start_on_the_bar_on_which_the_last_one_ends() -> None:
    ours = trading_metrics([True, True], [1.0, 1.0], [0, 4], [4, 6])
    assert ours["trades"] == 2
    assert math.isnan(ours["profit_factor"])
    assert math.isnan(ours["break_even_realised"])


def test_losing_trades_stay_losses() -> None:
    """The seed pipeline reported a win rate of 1.0 because losses became class 0."""
    ours = trading_metrics(ALL, np.full(5, -1.0), T0, T1, one_at_a_time=False)
    assert (ours["win_rate"], ours["profit_factor"], ours["expectancy_r"]) == (0.0, 0.0, -1.0)
    assert ours["max_drawdown_r"] == 5.0


def test_wanted_rows_without_an_outcome_are_counted_not_dropped_and_block_nothing() -> None:
    ours = trading_metrics([True, True, True], [np.nan, 1.0, -1.0], [0, 1, 9], [-1, 3, 10])
    assert (ours["candidates"], ours["unfilled"], ours["trades"], ours["skipped"]) == (3, 1, 2, 0)


def test_break_even_counts_the_costs_of_the_trades_taken() -> None:
    gross = R + np.array([0.1, 9.0, 0.2, 9.0, 0.3])
    ours = trading_metrics(ALL, R, T0, T1, r_gross=gross, reward_risk=2.0)
    assert ours["mean_cost_r"] == pytest.approx(0.2)
    assert ours["break_even"] == pytest.approx(1.2 / 3.0)
    assert trading_metrics(ALL, R, T0, T1, reward_risk=3.0)["break_even"] == pytest.approx(0.25)
    assert math.isnan(trading_metrics(ALL, R, T0, T1)["break_even"])


def slow(take: Any, r: Any, t0: Any, t1: Any, bars: Any) -> dict[str, float]:
    taken: list[int] = []
    for row in sorted(np.flatnonzero(take), key=lambda i: (t0[i], i)):
        if (not taken or t0[row] >= t1[taken[-1]]) and not np.isnan(r[row]):
            taken.append(int(row))
    values = r[sorted(taken, key=lambda i: (t1[i], t0[i]))]
    curve = np.concatenate([[0.0], np.cumsum(values)])
    return {
        "trades": len(taken),
        "win_rate": float(np.mean(values > 0)),
        "profit_factor": values[values > 0].sum() / -values[values < 0].sum(),
        "expectancy_r": values.mean(),
        "max_drawdown_r": (np.maximum.accumulate(curve) - curve).max(),
        "mean_bars_held": bars[taken].mean(),
        "sharpe_per_trade": values.mean() / values.std(ddof=1),
    }


@pytest.mark.parametrize("seed", range(5))
def test_random_records_agree_with_the_slow_definition_in_any_row_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 500
    t0 = rng.permutation(2 * n)[:n]
    t1 = t0 + rng.integers(1, 20, n)
    r = rng.choice([-1.0, 2.0, 0.3, -0.4, np.nan], n)
    take = rng.random(n) < 0.5
    bars = rng.integers(1, 9, n)
    ours = trading_metrics(take, r, t0, t1, bars_held=bars)
    for name, value in slow(take, r, t0, t1, bars).items():
        assert ours[name] == pytest.approx(value, abs=1e-12), name


def test_no_trades_give_nan_and_zeros_never_an_error() -> None:
    ours = trading_metrics(~ALL, R, T0, T1, ["stop"] * 5)
    assert (ours["candidates"], ours["trades"], ours["total_r"], ours["timeouts"]) == (0, 0, 0.0, 0)
    for name in ("win_rate", "profit_factor", "expectancy_r", "mean_bars_held", "sharpe_per_trade"):
        assert math.isnan(ours[name])


def test_bad_records_are_named() -> None:
    with pytest.raises(InputError, match="t1 must not lie before t0, but row 2"):
        trading_metrics(ALL, R, T0, T1 - np.array([0, 0, 9, 0, 0]))
    with pytest.raises(InputError, match="r_net must be finite or NaN, but is infinite in row 0"):
        trading_metrics(ALL, np.array([np.inf, 1, 1, 1, 1]), T0, T1)
    with pytest.raises(InputError, match="take must be a one-dimensional bool array"):
        trading_metrics(np.ones(5), R, T0, T1)
    with pytest.raises(InputError, match="t1 must have 5 entries, but has 4"):
        trading_metrics(ALL, R, T0, T1[:4])
    with pytest.raises(InputError, match="reward_risk must be a positive number, but is 0"):
        trading_metrics(ALL, R, T0, T1, reward_risk=0.0)
    with pytest.raises(InputError, match="rule must hold words"):
        trading_metrics(ALL, R, T0, T1, np.zeros(5, dtype=np.uint8))


def test_trades_that_all_end_alike_have_no_sharpe_ratio():
    # 13 times -1.02: the spread around the mean is rounding, which would make the ratio -4e15.
    n = 13
    m = metrics.trading_metrics(np.ones(n, bool), np.full(n, -1.02), 2 * np.arange(n), 2 * np.arange(n) + 1)
    assert np.isnan(m["sharpe_per_trade"])
    report = metrics.trading_report(np.ones(n, bool), np.full(n, -1.02), 2 * np.arange(n), 2 * np.arange(n) + 1)
    assert np.isnan(report.intervals["sharpe_per_trade"][0])
