"""Every worked number of the definitions, as literals, in their order.

Splits (1), Sharpe family (4), intervals (5), tests of skill (6), rows needed (7.4). The standard processes (8) are in
tests/python/testing, rank-biased overlap (11) in test_agreement.py. Tolerance 1e-9; half a unit of the last digit where
fewer digits are printed.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from smctrain import metrics, splits, stats
from smctrain._load import core
from smctrain.exceptions import InputError, TooFewRows

TIGHT = {"rel": 0.0, "abs": 1e-9}


def bits(text: str) -> np.ndarray:
    return np.array([int(c) for c in text])


Y = bits("1100101110010011")
M1 = bits("1100101010010001")
M2 = bits("1110100110110111")


# --- 1. Splits ---------------------------------------------------------------------------------------------------

TEN = np.zeros((10, 1))
BARS = np.arange(10)


def test_1_1_labels_of_three_bars_are_purged_and_embargoed_around_the_block_4_5():
    splitter = splits.PurgedKFold(n_splits=5, embargo=1, intervals=(BARS, BARS + 2))
    train, test = list(splitter.split(TEN))[2]
    assert test.tolist() == [4, 5]  # block [4, 7]
    assert train.tolist() == [0, 1, 9]
    plan = splitter.plan(TEN)[2]
    assert (plan.purged, plan.embargoed) == (4, 1)  # {2, 3, 6, 7} and {8}
    without = splits.PurgedKFold(n_splits=5, embargo=0, intervals=(BARS, BARS + 2))
    assert list(without.split(TEN))[2][0].tolist() == [0, 1, 8, 9]


def test_1_1_the_first_folds_are_the_larger_ones():
    splitter = splits.PurgedKFold(n_splits=4, intervals=(BARS, BARS))
    assert [len(test) for _, test in splitter.split(TEN)] == [3, 3, 2, 2]


def test_1_2_temporal_cuts_are_floor_of_70_and_85_percent():
    parts = splits.TemporalSplit(intervals=(BARS, BARS)).split_indices(TEN)
    assert [part.tolist() for part in parts] == [[0, 1, 2, 3, 4, 5, 6], [7], [8, 9]]


def test_1_2_combinatorial_paths():
    four = splits.CombinatorialPurgedKFold(4, 2, intervals=(np.arange(4), np.arange(4)))
    assert [test.tolist() for _, test in four.split(np.zeros((4, 1)))] == [
        [0, 1],
        [0, 2],
        [0, 3],
        [1, 2],
        [1, 3],
        [2, 3],
    ]
    assert four.paths().tolist() == [[0, 0, 1, 2], [1, 3, 3, 4], [2, 4, 5, 5]]
    six = splits.CombinatorialPurgedKFold(6, 2, intervals=(BARS, BARS))
    assert (six.get_n_splits(), len(six.paths())) == (15, 5)
    assert six.paths()[0].tolist() == [0, 0, 1, 2, 3, 4]
    assert six.paths()[4].tolist() == [4, 8, 11, 13, 14, 14]
    ten = splits.CombinatorialPurgedKFold(10, 2, intervals=(BARS, BARS))
    assert (ten.get_n_splits(), len(ten.paths())) == (45, 9)


# --- 4. Sharpe family, per-period units -----------------------------------------------------------------------------


def test_4_deflated_sharpe_of_the_published_example():
    result = stats.deflated_sharpe(2.5 / math.sqrt(250), 1250, 100, 0.5 / 250, skew=-3, kurtosis=10)
    assert result.benchmark == pytest.approx(0.1131720019, abs=5e-11)
    assert float(result) == pytest.approx(0.9003968345, abs=1e-9)


def test_4_sharpe_ratio_of_a_short_skewed_track_record():
    sharpe = 0.036 / 0.079
    shape = {"skew": -2.448, "kurtosis": 10.164}
    assert stats.sharpe_standard_error(sharpe, 24, **shape, form=2025) == pytest.approx(0.3285886, abs=5e-8)
    assert stats.sharpe_standard_error(sharpe, 24, form=2025) == pytest.approx(0.2144595, abs=5e-8)
    assert stats.probabilistic_sharpe(sharpe, 24, 0.0, **shape, form=2025) == pytest.approx(0.987, abs=5e-4)
    assert stats.probabilistic_sharpe(sharpe, 24, 0.1, **shape, form=2025) == pytest.approx(0.939, abs=5e-4)
    assert stats.minimum_track_record(sharpe, 0.0, **shape, form=2025) == pytest.approx(13.029, abs=5e-4)


def test_4_the_best_of_one_trial_is_no_luck():
    assert stats.deflated_sharpe(0.1, 100, 1, 0.5).benchmark == 0.0
    # (1 - g) z_{1 - 1/K} + g z_{1 - 1/(K e)} at K = 100, g = 0.5772156649015329
    assert core().expected_max_sharpe(100.0, 1.0) == pytest.approx(0.1131720019 / math.sqrt(0.5 / 250), abs=3e-9)


def test_4_forms_of_2012_and_of_autocorrelated_returns():
    sharpe, shape = 0.036 / 0.079, {"skew": -2.448, "kurtosis": 10.164}
    variance = 1 + 2.448 * sharpe + (10.164 - 1) / 4 * sharpe**2
    assert stats.sharpe_standard_error(sharpe, 24, **shape) == pytest.approx(math.sqrt(variance / 23), **TIGHT)
    z = 1.6448536269514722
    assert stats.minimum_track_record(sharpe, 0.1, **shape) == pytest.approx(
        1 + variance * (z / (sharpe - 0.1)) ** 2, **TIGHT
    )
    # The source's own example: autocorrelation 0.2 takes the error from 0.329 to 0.379.
    assert stats.sharpe_standard_error(sharpe, 24, **shape, form=2025, autocorrelation=0.2) == pytest.approx(
        0.379, abs=5e-4
    )
    with pytest.raises(InputError, match="form 2012 knows no autocorrelation"):
        stats.sharpe_standard_error(sharpe, 24, **shape, autocorrelation=0.2)


def test_4_the_ratio_of_a_series_has_the_shape_of_its_returns():
    scipy_stats = pytest.importorskip("scipy.stats")
    returns = np.random.default_rng(0).standard_t(5, 300) + 0.1
    found = stats.sharpe_ratio(returns)
    assert float(found) == pytest.approx(returns.mean() / returns.std(ddof=1))
    assert found.skew == pytest.approx(scipy_stats.skew(returns))
    assert found.kurtosis == pytest.approx(scipy_stats.kurtosis(returns, fisher=False))
    assert found.standard_error == stats.sharpe_standard_error(float(found), 300, found.skew, found.kurtosis)


# --- 5. Intervals, thresholds ---------------------------------------------------------------------------------------


def test_5_effective_size_and_its_wilson_interval():
    correct = bits("111100011111001111100001110111")
    size = stats.effective_sample_size(correct, horizon=3)
    assert size.raw_design_effect == pytest.approx(0.8655556, abs=5e-8)
    assert size.design_effect == pytest.approx(1.1096866, abs=5e-8)
    assert size.n_eff == pytest.approx(27.0346598, abs=5e-8)
    low, high = stats.wilson_interval(correct.mean() * size.n_eff, size.n_eff)
    assert (low, high) == pytest.approx((0.4783665, 0.8134951), abs=5e-8)


@pytest.mark.parametrize(
    ("successes", "n", "expected"),
    [
        (168, 300, (0.503422, 0.615061)),
        (56, 100, (0.462281, 0.653280)),
        (0.56 * 75, 75, (0.447468, 0.666685)),
    ],
)
def test_5_wilson_interval(successes: float, n: float, expected: tuple[float, float]):
    assert stats.wilson_interval(successes, n) == pytest.approx(expected, abs=5e-7)


def test_5_normal_quantile_to_the_last_digits():
    assert core().normal_quantile(0.975) == pytest.approx(1.959963984540054, rel=0, abs=4e-15)
    assert core().normal_quantile(1e-6) == pytest.approx(-4.753424308822899, rel=0, abs=1e-14)
    for p in (1e-12, 1e-4, 0.02425, 0.3, 0.5, 0.9, 0.999999):
        assert core().normal_cdf(core().normal_quantile(p)) == pytest.approx(p, rel=1e-13)


def test_5_newey_west_mean():
    result = stats.hac_mean([0.5, -0.2, 0.3, 0.1, -0.4, 0.6, 0.2, 0.0], lags=2)
    assert result.mean == pytest.approx(0.1375, **TIGHT)
    assert result.variance == pytest.approx(0.02375, **TIGHT)
    assert result.standard_error == pytest.approx(0.0544862, abs=5e-8)
    assert result.t == pytest.approx(2.5235731, abs=5e-8)


def test_5_an_interval_from_fewer_than_twenty_horizons_is_marked():
    correct = bits("111100011111001111100001110111")
    found = stats.accuracy_interval(correct, 3)
    known = stats.wilson_interval(found.accuracy * found.n_eff, found.n_eff)
    assert (known.low, known.high) == pytest.approx((0.4783665, 0.8134951), abs=5e-8)
    assert found.low < known.low  # n_eff itself is an estimate
    assert found.high > known.high
    assert found.too_short
    assert not stats.accuracy_interval(np.tile(correct, 2), 3).too_short
    assert "too short" in repr(found)


def test_5_the_threshold_grid():
    grid = metrics.choose_threshold([0.5], y=None, r_net=[1.0], t0=[0], t1=[1]).table
    assert [point["threshold"] for point in grid] == [
        0.34, 0.36, 0.38, 0.40, 0.42, 0.44, 0.46, 0.48, 0.50, 0.52, 0.54, 0.56,
        0.58, 0.60, 0.62, 0.64, 0.66, 0.68, 0.70, 0.72, 0.74, 0.76, 0.78, 0.80,
    ]  # fmt: skip


# --- 6. Is it skill? ------------------------------------------------------------------------------------------------


def test_6_1_circular_shift_of_the_best_of_two_models():
    result = stats.circular_shift_test(Y, np.stack([M1, M2]), horizon=1)
    assert result.p_value == 1 / 10
    assert result.n_shifts == 9
    assert result.statistic == 14 / 16
    assert result.model_statistics == (14 / 16, 12 / 16)
    assert result.best_model == 0
    assert result.baseline == 9 / 16
    counts = core().shifted_statistics(Y.astype(np.int32), np.stack([M1, M2]).astype(np.int32), 2, False) * 16
    assert counts.max(axis=0)[4:13].tolist() == [8, 8, 8, 10, 8, 12, 10, 8, 10]
    assert result.null_mean == pytest.approx(82 / 9 / 16, **TIGHT)


def test_6_1_circular_shift_of_the_second_model_alone():
    assert stats.circular_shift_test(Y, M2, horizon=1).p_value == 2 / 10
    counts = core().shifted_statistics(Y.astype(np.int32), M2[None].astype(np.int32), 2, False) * 16
    assert counts[0, 4:13].tolist() == [8, 4, 8, 10, 6, 12, 10, 6, 10]


def test_6_2_e_process_of_two_interleaved_streams():
    correct = np.stack([bits("110111"), bits("101101")])
    result = stats.e_process(np.ones(6, dtype=int), correct, horizon=2)
    assert len(result.path) == 7
    expected = [1, 1.08125, 1.08125, 1.08125, 1.1625, 1.140171875, 1.239234375]
    assert result.path == pytest.approx(expected, **TIGHT)
    assert result.end == result.sup == pytest.approx(1.239234375, **TIGHT)


def test_6_3_pbo_of_the_worked_matrix():
    matrix = [
        [0, 0, 2, 3],
        [-3, -2, 2, 3],
        [-2, -1, 3, -1],
        [-2, 2, -2, -1],
        [1, 0, -3, -3],
        [3, 2, 2, 0],
        [2, -1, 0, 2],
        [-3, -1, -3, 0],
    ]
    result = stats.pbo(matrix, n_blocks=4)
    expected = [-1.386294, -0.405465, -1.386294, -0.847298, 0.847298, -1.386294]
    assert result.logits == pytest.approx(expected, abs=5e-7)
    assert float(result) == pytest.approx(5 / 6, **TIGHT)


def test_6_4_benjamini_hochberg_accepts_the_first_three():
    assert stats.benjamini_hochberg([0.001, 0.008, 0.012, 0.041, 0.2], 0.05).tolist() == [True] * 3 + [False] * 2


def test_6_4_benjamini_hochberg_answers_in_the_order_given():
    assert stats.benjamini_hochberg([0.2, 0.001, 0.041, 0.012, 0.008], 0.05).tolist() == [
        False,
        True,
        False,
        True,
        True,
    ]
    # A step-up rule: the last one that passes takes the failing ones before it along.
    assert stats.benjamini_hochberg([0.045, 0.046], 0.05).tolist() == [True, True]


def test_6_4_e_benjamini_hochberg_accepts_the_first_three():
    assert stats.e_benjamini_hochberg([120, 60, 45, 3, 0.4], 0.05).tolist() == [True] * 3 + [False] * 2


def test_6_4_stouffer_of_two_samples():
    z, p = stats.stouffer([0.03, 0.004], [1710, 1000])
    assert z == pytest.approx(3.1050313, abs=5e-8)
    assert p == pytest.approx(0.000951, abs=5e-7)


def test_6_4_the_limits_of_e_bh():
    for e, accepted in (
        ([100.0, 0, 0, 0, 0], 1),
        ([99.9, 0, 0, 0, 0], 0),
        ([60, 50, 0, 0, 0], 2),
        ([60, 49.9, 0, 0, 0], 0),
    ):
        assert int(stats.e_benjamini_hochberg(e, 0.05).sum()) == accepted
    assert int(stats.e_benjamini_hochberg([40, 40, 33.4, 0, 0], 0.05).sum()) == 3
    assert int(stats.e_benjamini_hochberg([40, 40, 33.3, 0, 0], 0.05).sum()) == 0


# --- 7.4 Rows needed ------------------------------------------------------------------------------------------------


def test_7_4_required_rows_for_five_edges():
    rows = [stats.required_sample(edge, design_effect=4.4) for edge in (0.10, 0.06, 0.05, 0.03, 0.02)]
    assert rows == [1637, 4547, 6547, 18186, 40919]


def test_7_4_the_quantiles_behind_the_table():
    z = core().normal_quantile(0.995) + core().normal_quantile(0.90)
    assert z**2 == pytest.approx(14.8794, abs=5e-5)


def test_messages_name_the_argument():
    with pytest.raises(TooFewRows, match=r"at least 8 x horizon = 80 rows, but got 16"):
        stats.circular_shift_test(Y, M1, horizon=10)
    with pytest.raises(InputError, match=r"horizon must be a whole number of rows of at least 1, but is 0"):
        stats.circular_shift_test(Y, M1, horizon=0)
    with pytest.raises(InputError, match=r"predictions must have shape \(16,\)"):
        stats.circular_shift_test(Y, M1[:-1], horizon=1)
    with pytest.raises(InputError, match="y_true must hold integer class codes"):
        stats.circular_shift_test(Y + 0.5, M1, horizon=1)
    with pytest.raises(InputError, match="p must lie between 0 and 1"):
        stats.benjamini_hochberg([0.1, 1.5], 0.05)
    with pytest.raises(InputError, match="n_blocks must be an even number"):
        stats.pbo(np.zeros((10, 3)), n_blocks=3)
