"""Predicted distributions, how their calibration is measured, and how it is put right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from smctrain.exceptions import ArtifactError, InputError
from smctrain.models.calibration import Recalibration, learn
from smctrain.models.distribution import DISTRIBUTIONS, PredictedDistribution

LOC, SCALE = np.array([0.3, -1.0, 0.0]), np.array([0.5, 0.8, 0.2])
PEERS = {
    "normal": stats.norm(LOC, SCALE),
    "lognormal": stats.lognorm(s=SCALE, scale=np.exp(LOC)),
    "laplace": stats.laplace(LOC, SCALE),
    "student_t": stats.t(3, LOC, SCALE),
}


@pytest.mark.parametrize("kind", DISTRIBUTIONS)
def test_moments_quantiles_and_densities_equal_scipys(kind: str) -> None:
    ours, peer = PredictedDistribution(kind, LOC, SCALE), PEERS[kind]
    y = np.array([0.7, 0.2, 1.3])
    np.testing.assert_allclose(ours.mean, peer.mean(), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(ours.sd, peer.std(), rtol=1e-12)
    np.testing.assert_allclose(ours.median, peer.ppf(0.5), rtol=1e-12, atol=1e-15)
    for q in (0.001, 0.25, 0.9):
        np.testing.assert_allclose(ours.quantile(q), peer.ppf(q), rtol=1e-11)
    np.testing.assert_allclose(ours.quantile([0.1, 0.9])[:, 1], peer.ppf(0.9), rtol=1e-12)
    np.testing.assert_allclose(ours.interval(0.8), np.c_[peer.ppf(0.1), peer.ppf(0.9)], rtol=1e-12)
    np.testing.assert_allclose(ours.cdf(y), peer.cdf(y), rtol=1e-12)
    np.testing.assert_allclose(ours.logpdf(y), peer.logpdf(y), rtol=1e-12)
    assert len(ours[1:]) == 2
    assert ours[1:].mean[0] == ours.mean[1]


def test_the_score_is_that_of_a_normal_distribution_in_closed_form() -> None:
    y = np.array([0.7, 0.2, 0.1])
    z = (y - LOC) / SCALE
    exact = SCALE * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))
    np.testing.assert_allclose(PredictedDistribution("normal", LOC, SCALE).crps(y), exact, rtol=5e-3)


def outcomes(n: int = 4000, seed: int = 1) -> Any:
    rng = np.random.default_rng(seed)
    loc = rng.normal(size=n)
    return loc, loc + 2.0 * rng.normal(size=n)


def test_true_distributions_are_called_true_and_narrow_ones_are_not() -> None:
    loc, y = outcomes()
    report = PredictedDistribution("normal", loc, np.full(4000, 2.0)).calibration(y)
    assert report.ok
    assert report.distance < 1.63 / np.sqrt(4000)  # Kolmogorov's 1 % limit
    assert report.pit.sum() == 4000
    assert np.abs(report.pit - 400).max() < 80
    narrow = PredictedDistribution("normal", loc, np.ones(4000)).calibration(y, levels=[0.9])
    assert not narrow.ok
    # 0.9 of a normal distribution of half the true width.
    assert narrow.coverage["coverage"][0] == pytest.approx(2 * stats.norm.cdf(1.6449 / 2) - 1, abs=0.025)
    assert list(narrow.table.columns) == ["level", "coverage", "spread", "ok"]
    assert narrow.crps > report.crps


def test_overlapping_labels_widen_what_chance_may_do() -> None:
    loc, y = outcomes(1000)
    report = PredictedDistribution("normal", loc, np.full(1000, 2.0)).calibration(y, levels=[0.8], horizon=20)
    assert report.n_effective == 50
    assert report.coverage["spread"][0] == pytest.approx(1.96 * np.sqrt(0.8 * 0.2 / 50))


def test_a_factor_puts_the_width_right_and_a_map_the_shape() -> None:
    loc, y = outcomes()
    narrow = PredictedDistribution("normal", loc, np.ones(4000))
    scale = learn(narrow, y, "scale")
    # Maximum likelihood of a normal scale.
    assert scale.factor == pytest.approx(np.sqrt(np.mean((y - loc) ** 2)), rel=1e-6)
    fresh_loc, fresh_y = outcomes(seed=2)
    shape = learn(narrow, y, "isotonic")
    for right in (scale, shape):
        fixed = PredictedDistribution("normal", fresh_loc, np.ones(4000), right)
        report = fixed.calibration(fresh_y)
        assert np.abs(report.coverage["coverage"] - report.coverage["level"]).max() < 0.02
        q = fixed.quantile([0.1, 0.5, 0.9])
        np.testing.assert_allclose(fixed.cdf(q[:, 1]), 0.5, atol=1e-12)
        assert fixed.sd.mean() == pytest.approx(2.0, rel=0.05)
        np.testing.assert_allclose(fixed.mean.mean(), fresh_loc.mean(), atol=0.1)
    skewed = learn(narrow, loc + np.abs(y - loc), "isotonic")  # outcomes above the location only
    assert PredictedDistribution("normal", np.zeros(1), np.ones(1), skewed).quantile(0.05)[0] > 0
    with pytest.raises(InputError, match="after an isotonic recalibration"):
        PredictedDistribution("normal", loc, np.ones(4000), shape).logpdf(y)


def test_a_stored_correction_is_checked() -> None:
    loc, y = outcomes(300)
    shape = learn(PredictedDistribution("normal", loc, np.ones(300)), y, "isotonic")
    arrays = shape.arrays()
    back = Recalibration.of_arrays(arrays)
    assert np.array_equal(back.knots, shape.knots)
    assert Recalibration.of_arrays(Recalibration(2.0).arrays()) == Recalibration(2.0)
    knots = arrays["recalibration_knots"]
    for wrong in (knots[:, ::-1].copy(), knots[:, 1:].copy(), knots * np.nan, knots[:1], knots.astype(np.float32)):
        with pytest.raises(ArtifactError, match="recalibration_knots must"):
            Recalibration.of_arrays(arrays | {"recalibration_knots": wrong})
    for factor in (np.array([0.0]), np.array([np.nan]), np.array([1.0, 2.0])):
        with pytest.raises(ArtifactError, match="recalibration_factor must"):
            Recalibration.of_arrays(arrays | {"recalibration_factor": factor})


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda d: d.quantile(0.0), "q must lie between 0 and 1"),
        (lambda d: d.quantile([[0.5]]), "q must lie between 0 and 1"),
        (lambda d: d.interval(1.0), "level must lie between 0 and 1"),
        (lambda d: d.calibration([1.0]), r"y must have the 3 predicted rows, at least 1, but has \(1,\)"),
        (lambda d: d.calibration([1.0, np.nan, 2.0]), "y must be finite"),
        (lambda d: d.calibration(np.ones(3), horizon=0), "horizon must be an integer of at least 1"),
        (lambda d: d.calibration(np.ones(3), bins=1), "bins must be an integer of at least 2"),
        (lambda d: d.calibration(np.ones(3), levels=[1.0]), "levels must lie between 0 and 1"),
        (lambda d: learn(d, np.ones(3), "platt"), "method must be 'scale' or 'isotonic'"),
        (lambda d: PredictedDistribution("cauchy", LOC, SCALE), "kind must be one of"),
    ],
)
def test_wrong_arguments_are_named(call: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        call(PredictedDistribution("normal", LOC, SCALE))
