"""Worked examples of the definitions, as literal numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from smctrain import stats
from smctrain._load import core
from smctrain.exceptions import InputError, TooFewRows

TIGHT = {"rel": 0.0, "abs": 1e-9}


def bits(text: str) -> np.ndarray:
    return np.array([int(c) for c in text])


Y = bits("1100101110010011")
M1 = bits("1100101010010001")
M2 = bits("1110100110110111")


def test_circular_shift_of_the_best_of_two_models():
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


def test_circular_shift_of_the_second_model_alone():
    assert stats.circular_shift_test(Y, M2, horizon=1).p_value == 2 / 10
    counts = core().shifted_statistics(Y.astype(np.int32), M2[None].astype(np.int32), 2, False) * 16
    assert counts[0, 4:13].tolist() == [8, 4, 8, 10, 6, 12, 10, 6, 10]


def test_e_process_of_two_interleaved_streams():
    correct = np.stack([bits("110111"), bits("101101")])
    result = stats.e_process(np.ones(6, dtype=int), correct, horizon=2)
    assert len(result.path) == 7
    expected = [1, 1.08125, 1.08125, 1.08125, 1.1625, 1.140171875, 1.239234375]
    assert result.path == pytest.approx(expected, **TIGHT)
    assert result.end == result.sup == pytest.approx(1.239234375, **TIGHT)


def test_effective_size_and_its_wilson_interval():
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
def test_wilson_interval(successes: float, n: float, expected: tuple[float, float]):
    assert stats.wilson_interval(successes, n) == pytest.approx(expected, abs=5e-7)


def test_normal_quantile_to_the_last_digits():
    assert core().normal_quantile(0.975) == pytest.approx(1.959963984540054, rel=0, abs=4e-15)
    assert core().normal_quantile(1e-6) == pytest.approx(-4.753424308822899, rel=0, abs=1e-14)
    for p in (1e-12, 1e-4, 0.02425, 0.3, 0.5, 0.9, 0.999999):
        assert core().normal_cdf(core().normal_quantile(p)) == pytest.approx(p, rel=1e-13)


def test_newey_west_mean():
    result = stats.hac_mean([0.5, -0.2, 0.3, 0.1, -0.4, 0.6, 0.2, 0.0], lags=2)
    assert result.mean == pytest.approx(0.1375, **TIGHT)
    assert result.variance == pytest.approx(0.02375, **TIGHT)
    assert result.standard_error == pytest.approx(0.0544862, abs=5e-8)
    assert result.t == pytest.approx(2.5235731, abs=5e-8)


def test_pbo_of_the_worked_matrix():
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


def test_benjamini_hochberg_accepts_the_first_three():
    assert stats.benjamini_hochberg([0.001, 0.008, 0.012, 0.041, 0.2], 0.05).tolist() == [True] * 3 + [False] * 2


def test_e_benjamini_hochberg_accepts_the_first_three():
    assert stats.e_benjamini_hochberg([120, 60, 45, 3, 0.4], 0.05).tolist() == [True] * 3 + [False] * 2


def test_benjamini_hochberg_answers_in_the_order_given():
    assert stats.benjamini_hochberg([0.2, 0.001, 0.041, 0.012, 0.008], 0.05).tolist() == [
        False,
        True,
        False,
        True,
        True,
    ]
    # A step-up rule: the last one that passes takes the failing ones before it along.
    assert stats.benjamini_hochberg([0.045, 0.046], 0.05).tolist() == [True, True]


def test_stouffer_of_two_samples():
    z, p = stats.stouffer([0.03, 0.004], [1710, 1000])
    assert z == pytest.approx(3.1050313, abs=5e-8)
    assert p == pytest.approx(0.000951, abs=5e-7)


def test_required_rows_for_five_edges():
    rows = [stats.required_sample(edge, design_effect=4.4) for edge in (0.10, 0.06, 0.05, 0.03, 0.02)]
    assert rows == [1637, 4547, 6547, 18186, 40919]


def test_deflated_sharpe_of_the_published_example():
    result = stats.deflated_sharpe(2.5 / math.sqrt(250), 1250, 100, 0.5 / 250, skew=-3, kurtosis=10)
    assert result.benchmark == pytest.approx(0.1131720019, abs=5e-11)
    assert float(result) == pytest.approx(0.9003968345, abs=1e-9)


def test_sharpe_ratio_of_a_short_skewed_track_record():
    sharpe = 0.036 / 0.079
    shape = {"skew": -2.448, "kurtosis": 10.164}
    assert stats.sharpe_standard_error(sharpe, 24, **shape, form=2025) == pytest.approx(0.3285886, abs=5e-8)
    assert stats.sharpe_standard_error(sharpe, 24, form=2025) == pytest.approx(0.2144595, abs=5e-8)
    assert stats.probabilistic_sharpe(sharpe, 24, 0.0, **shape, form=2025) == pytest.approx(0.987, abs=5e-4)
    assert stats.probabilistic_sharpe(sharpe, 24, 0.1, **shape, form=2025) == pytest.approx(0.939, abs=5e-4)
    assert stats.minimum_track_record(sharpe, 0.0, **shape, form=2025) == pytest.approx(13.029, abs=5e-4)


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
