"""The market simulator: honest bars, and a truth that can be found where it was planted and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from smctrain.exceptions import InputError
from smctrain.labels import triple_barrier
from smctrain.testing import Process, best_accuracy, simulate_market


@pytest.fixture(scope="module")
def market():
    return simulate_market()


def rule_accuracy(bars) -> tuple[float, float, float]:
    """A causal rule: high volume of late means state +1, so the target comes first.

    Its accuracy, the majority, and how much more often the target comes first where the rule says so.
    """
    log_volume = np.log(bars.volume)
    past_mean = np.cumsum(log_volume) / np.arange(1, len(bars) + 1)
    recent = np.convolve(log_volume, np.ones(3) / 3)[: len(bars)]
    lab = triple_barrier(bars)
    rows = lab.t0[lab.ok][500:]
    y = lab.y[rows]
    prediction = np.where(recent > past_mean, 1.0, -1.0)[rows]
    lift = np.mean(y[prediction > 0] == 1) - np.mean(y[prediction < 0] == 1)
    return float(np.mean(prediction == y)), max(float(np.mean(y == c)) for c in (-1, 0, 1)), float(lift)


def test_the_planted_signal_is_found_by_a_simple_causal_rule(market):
    for truth in market.truth_list:
        accuracy, majority, lift = rule_accuracy(market[truth.symbol, "M15"])
        if truth.planted:
            assert accuracy > majority + 0.05, truth
            assert accuracy < truth.bayes_accuracy + 0.03, truth
            assert lift > 0.3, truth
        else:
            assert accuracy < majority, truth
            assert abs(lift) < 0.06, truth


def test_truth_names_every_symbol_and_leaves_a_clear_edge(market):
    assert market.symbols == ["SIM1", "SIM2", "SIM3", "SIM4", "SIM5", "SIM6"]
    assert [truth.planted for truth in market.truth_list] == [True, False] * 3
    for truth in market.truth_list:
        if truth.planted:
            assert 0.08 <= truth.bayes_accuracy - truth.majority <= 0.13
        else:
            assert truth.bayes_accuracy - truth.majority < 0.005
        assert 0.5 < truth.majority < 0.7


@pytest.mark.parametrize("planted", [True, False])
def test_truth_is_a_property_of_the_process_not_of_its_sample(planted):
    for one, other in zip(best_accuracy(Process(), planted), best_accuracy(Process(), planted, seed=99), strict=True):
        assert one == pytest.approx(other, abs=0.01)


def test_no_drift_leaves_nothing_to_find():
    accuracy, majority = best_accuracy(Process(drift=0.0), True)
    assert accuracy - majority < 0.005


def test_the_same_seed_gives_the_same_bars_and_another_seed_others(market):
    again = simulate_market(n_symbols=1)["SIM1", "M15"]
    first = market["SIM1", "M15"]
    for name in ("open", "high", "low", "close", "volume"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    other = simulate_market(n_symbols=1, seed=8)["SIM1", "M15"]
    assert not np.array_equal(first.close, other.close)
    assert not np.array_equal(first.close, market["SIM3", "M15"].close)


def test_more_bars_only_add_bars(market):
    short = simulate_market(n_symbols=1, n_bars=100)["SIM1", "M15"]
    np.testing.assert_array_equal(short.close, market["SIM1", "M15"].close[:100])


def test_bars_are_consistent_snapped_and_cheap_to_trade(market):
    for symbol in market:
        bars = market[symbol, "M15"]
        assert len(bars) == 12_000
        assert np.all(bars.low <= np.minimum(bars.open, bars.close))
        assert np.all(bars.high >= np.maximum(bars.open, bars.close))
        assert bars.low.min() > 0
        for price in (bars.open, bars.high, bars.low, bars.close):
            np.testing.assert_array_equal(price, np.round(price * 1e5) / 1e5)
        assert np.all(bars.volume >= 1)
        lab = triple_barrier(bars)
        assert lab.costs == "spread"
        assert np.mean((lab.r_gross - lab.r)[lab.ok]) < 0.05


def test_trading_pauses_at_weekends(market):
    time = market["SIM1", "M15"].time
    step = np.diff(time)
    assert set(step.astype("timedelta64[m]").astype(int)) == {15, 48 * 60 + 15}
    weekday = (time.astype("datetime64[D]").astype(int) + 3) % 7  # Monday = 0
    assert weekday.max() == 4
    assert len(np.unique(simulate_market(1, 30, timeframe="D1")["SIM1", "D1"].time)) == 30


def test_the_signal_sits_in_the_volume_and_prices_alone_do_not_differ_much(market):
    planted, noise = market["SIM1", "M15"], market["SIM2", "M15"]
    assert np.log(planted.volume).std() == pytest.approx(np.log(noise.volume).std(), rel=0.05)
    ranges = [np.mean((b.high - b.low) / b.close) for b in (planted, noise)]
    assert ranges[0] == pytest.approx(ranges[1], rel=0.2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"n_symbols": 0}, "n_symbols must be an integer of at least 1, but is 0."),
        ({"n_bars": 0}, "n_bars must be"),
        ({"seed": -1}, "seed must be"),
        ({"timeframe": "M7"}, "timeframe must be one of"),
        ({"process": Process(mean_spell=0.5)}, "mean_spell must be at least 1 bar"),
    ],
)
def test_wrong_arguments_are_named(arguments, words):
    with pytest.raises(InputError, match=words):
        simulate_market(**{"n_symbols": 1, "n_bars": 10, **arguments})
