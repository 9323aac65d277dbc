"""Series without spread, forecasts of another scale, arguments beyond any number: an answer that is right, or an error
that says why."""

from __future__ import annotations

import numpy as np
import pytest

from smctrain import stats
from smctrain._load import core
from smctrain.exceptions import InputError

CONSTANT = np.full(107, 0.1)
"""Its sum divided by its length is not 0.1."""


@pytest.mark.parametrize("size", [1e6, 1e12, 1e30, 1e200, 1e308])
def test_a_forecast_that_diverged_leaves_the_others_as_they_are(size):
    rng = np.random.default_rng(0)
    y = rng.normal(size=400)
    good, wild = 0.3 * y + rng.normal(size=400), size * rng.uniform(-1.0, 1.0, 400)
    alone = stats.circular_shift_test(y, good, 2, "r2")
    for pair, place in (([wild, good], 1), ([good, wild], 0)):
        both = stats.circular_shift_test(y, np.stack(pair), 2, "r2")
        assert both.model_statistics[place] == pytest.approx(alone.statistic, rel=1e-12)
        assert both.p_value == alone.p_value
        assert both.best_model == place


def test_a_constant_series_has_no_sharpe_ratio_no_block_length_and_no_standard_error():
    for n in (3, 7, 10, 107):
        with pytest.raises(InputError, match="all equal"):
            stats.sharpe_ratio(np.full(n, 0.1))
    with pytest.raises(InputError, match="all equal"):
        stats.block_length(CONSTANT)
    with pytest.raises(InputError, match="all equal"):
        stats.hac_mean(CONSTANT, 2)
    with pytest.raises(InputError, match="vary"):
        stats.circular_shift_test(CONSTANT, np.arange(107.0), 2, "r2")


def test_a_constant_strategy_is_no_trial():
    returns = np.random.default_rng(1).normal(size=(107, 1))
    columns = np.hstack([returns, CONSTANT[:, None], 7.0 * CONSTANT[:, None]])
    assert stats.effective_trials(columns) == pytest.approx(stats.effective_trials(returns)) == pytest.approx(1.0)


@pytest.mark.parametrize("copies", [2, 3, 6, 7])
def test_models_that_are_equal_in_every_period_stay_in_the_confidence_set_together(copies):
    rng = np.random.default_rng(0)
    loss = rng.normal(size=(200, 1))
    assert (stats.model_confidence_set(np.repeat(loss, copies, axis=1)).p_values == 1.0).all()
    worse = np.hstack([np.repeat(loss, copies, axis=1), loss + 5.0])
    found = stats.model_confidence_set(worse)
    assert found.included.tolist() == [True] * copies + [False]
    other = np.hstack([np.repeat(loss, copies, axis=1), rng.normal(size=(200, 1))])
    assert (stats.model_confidence_set(other).p_values[:copies] > 0.1).all()


def test_a_search_never_makes_a_sharpe_ratio_look_better():
    plain = stats.probabilistic_sharpe(0.1, 100)
    benchmarks = []
    for trials in (1.0, 1.0001, 1.05, 1.2, 1.3, 1.5, 2.0, 3.0, 10.0, 1e6, 1e17):
        deflated = stats.deflated_sharpe(0.1, 100, trials, 0.01)
        assert deflated.value <= plain
        benchmarks.append(deflated.benchmark)
    assert benchmarks == sorted(benchmarks)


def test_the_normal_quantile_is_a_number_down_to_the_smallest_probability():
    for p in (1e-300, 1e-308, 1e-320, 5e-324):
        z = core().normal_quantile(p)
        assert core().normal_cdf(z) == pytest.approx(p, rel=1e-6, abs=5e-324)


def test_class_codes_that_no_integer_holds_are_refused():
    for codes in (np.array([1e300, 0.0] * 50), np.array([2**63 + 5, 0] * 50, dtype=np.uint64)):
        with pytest.raises(InputError, match="int64"):
            stats.circular_shift_test(codes, np.zeros(100), 2)


def test_numbers_taken_for_classes_are_refused_before_they_fill_the_memory():
    for metric in ("accuracy", "balanced_accuracy"):
        with pytest.raises(InputError, match="at most 1000 classes"):
            stats.circular_shift_test(np.arange(100_000), np.arange(100_000), 2, metric)
    with pytest.raises(InputError, match="at most 1000 classes"):
        core().circular_shift_score_test(np.arange(5000.0), np.zeros((5000, 5000), dtype=np.float64), 2, "auc", 0.0)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: stats.hac_mean(x, 50),
        lambda x: stats.hac_mean(x, 10**9),
        lambda x: stats.hac_mean(x, 2.7),
        lambda x: stats.required_sample(1e-200),
        lambda x: stats.accuracy_interval([2, 2, 3, 1] * 20, 1),
        lambda x: stats.bootstrap_interval(x, seed=-1),
        lambda x: stats.bootstrap_interval(x, n_draws=0),
        lambda x: stats.pbo(np.column_stack([x, x]), 4.7),
        lambda x: stats.data_snooping(x, n_draws=2.5),
        lambda x: stats.model_confidence_set(x, seed=2**64),
        lambda x: stats.EProcessStream(n_models=2.5),
        lambda x: stats.EProcessStream(n_models=-1),
    ],
)
def test_an_argument_that_means_nothing_is_refused_by_name(call):
    with pytest.raises(InputError):
        call(np.random.default_rng(0).normal(size=50))


def test_many_lags_give_what_few_lags_would():
    """Above 256 lags the products come from a transform."""
    rng = np.random.default_rng(2)
    x = np.convolve(rng.normal(size=1700), np.ones(40), mode="valid") + 3.0
    centred, n = x - x.mean(), len(x)
    products = np.array([centred[lag:] @ centred[: n - lag] for lag in range(n)])
    for lags in (255, 256, 257, 800, n - 1):
        weights = 2.0 * (1.0 - np.arange(lags + 1) / (lags + 1))
        weights[0] = 1.0
        assert stats.hac_mean(x, lags).variance == pytest.approx(weights @ products[: lags + 1] / n, rel=1e-9)
    right = (x > x.mean()).astype(float)
    e = right - right.mean()
    for horizon in (256, 257, 600):
        w = 1.0 - np.arange(horizon + 1) / n
        rho = np.array([e[lag:] @ e[: n - lag] for lag in range(horizon + 1)]) / (e @ e)
        raw = 1.0 + 2.0 * (w * rho)[1:].sum()
        assert stats.effective_sample_size(right, horizon).raw_design_effect == pytest.approx(raw, rel=1e-9)


def test_a_value_on_its_limit_is_accepted():
    # 1 x 0.05 / 5 = 0.01 and 5 / (1 x 0.05) = 100.
    assert stats.benjamini_hochberg([0.5, 0.01, 0.6, 0.7, 0.8], 0.05).tolist() == [False, True, False, False, False]
    assert stats.e_benjamini_hochberg([1.0, 100.0, 1.0, 1.0, 0.0], 0.05).tolist() == [False, True, False, False, False]
    assert not stats.benjamini_hochberg([0.5, 0.0101, 0.6, 0.7, 0.8], 0.05).any()
    assert not stats.e_benjamini_hochberg([1.0, 99.9, 1.0, 1.0, 0.0], 0.05).any()
