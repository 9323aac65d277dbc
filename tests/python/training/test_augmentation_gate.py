"""Synthetic rows are used only where inner folds gain from them: mean over folds and three seeds, at least one se."""

from __future__ import annotations

import numpy as np
import pytest

from smctrain.training.fitting import GAIN_SEEDS, gain_decision


def test_a_mean_of_exactly_one_standard_error_is_enough_and_anything_less_is_not() -> None:
    spread = np.array([1.0, -1.0, 1.0, -1.0, 1.0, -1.0])
    se = float(spread.std(ddof=1) / np.sqrt(6))
    assert gain_decision(list(0.01 * (spread + se * (1 + 1e-9))), 2)["used"]
    assert not gain_decision(list(0.01 * (spread + se * (1 - 1e-6))), 2)["used"]


@pytest.mark.parametrize(("gain", "used"), [(0.02, True), (0.0, False), (-0.02, False)])
def test_gains_without_spread_are_judged_by_their_sign(gain: float, used: bool) -> None:
    decision = gain_decision([gain] * 6, 2)
    assert decision["used"] is used
    assert decision["standard_error"] == pytest.approx(0.0, abs=1e-12)


def test_the_figures_are_on_record() -> None:
    gains = [0.03, 0.01, 0.02, -0.01, 0.04, 0.02]
    decision = gain_decision(gains, 2)
    assert decision["mean_gain"] == pytest.approx(np.mean(gains))
    assert decision["standard_error"] == pytest.approx(np.std(gains, ddof=1) / np.sqrt(6))
    assert (decision["gains"], decision["folds"], decision["seeds"]) == (gains, 2, GAIN_SEEDS)
    assert "+0.018" in decision["reason"]


def test_gains_that_were_not_measured_are_not_guessed() -> None:
    for gains in ([], [0.1], [0.1] * 5):
        decision = gain_decision(gains, 2)
        assert not decision["used"]
        assert f"{len(gains)} of 6 gains" in decision["reason"]


def test_on_noise_synthetic_rows_are_seldom_taken() -> None:
    rng = np.random.default_rng(0)
    taken = [gain_decision(list(rng.normal(0.0, 0.03, 15)), 5)["used"] for _ in range(500)]
    assert 0.10 < np.mean(taken) < 0.24  # P(t_14 >= 1) = 0.167
