"""Calibrators against scikit-learn and scipy, and what they promise."""

from __future__ import annotations

import json

import numpy as np
import pytest

from smctrain._load import core
from smctrain.exceptions import InputError, TooFewRows
from smctrain.metrics import (
    IsotonicCalibrator,
    PlattCalibrator,
    TemperatureCalibrator,
    calibrator_from_dict,
    classification_metrics,
    fit_calibrator,
    probabilities_ok,
    reliability_table,
)


def overconfident(classes: int, n: int = 600, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities whose logits are twice too large."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, classes))
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    y = (rng.random((n, 1)) > p.cumsum(axis=1)).sum(axis=1).clip(max=classes - 1)
    loud = np.exp(2 * z) / np.exp(2 * z).sum(axis=1, keepdims=True)
    return y, loud


def test_platt_is_an_unpenalised_logistic_regression_on_the_logit() -> None:
    from sklearn.linear_model import LogisticRegression

    y, p = overconfident(2)
    logit = np.log(p[:, 1] / p[:, 0])
    peer = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(logit[:, None], y)
    ours = PlattCalibrator().fit(p, y)
    assert ours.slope_[0] == pytest.approx(peer.coef_[0, 0], rel=1e-5)
    assert ours.offset_[0] == pytest.approx(peer.intercept_[0], abs=1e-5)
    assert ours.is_finite_
    assert ours.apply(p) == pytest.approx(peer.predict_proba(logit[:, None]), abs=1e-5)
    # The score equations hold to the last digits.
    q = ours.apply(p)[:, 1]
    assert np.mean(q - y) == pytest.approx(0, abs=1e-12)
    assert np.mean((q - y) * logit) == pytest.approx(0, abs=1e-11)


def test_scores_that_part_the_classes_have_no_finite_fit_and_say_so() -> None:
    y = np.repeat([0, 1], 20)
    fitted = PlattCalibrator().fit(np.linspace(0.1, 0.9, 40), y)
    assert not fitted.is_finite_
    assert np.isfinite(fitted.apply(np.array([0.0, 0.3, 1.0]))).all()
    constant = PlattCalibrator().fit(np.full(40, 0.7), y)
    assert constant.apply([0.7])[0, 1] == pytest.approx(0.5)


def test_isotonic_equals_that_of_scikit_learn() -> None:
    from sklearn.isotonic import IsotonicRegression

    for seed in range(5):
        y, p = overconfident(2, 300, seed)
        score = np.round(p[:, 1], 2)  # ties
        peer = IsotonicRegression(out_of_bounds="clip").fit(score, y)
        ours = IsotonicCalibrator().fit(score, y)
        new = np.linspace(0, 1, 501)
        assert ours.apply(new)[:, 1] == pytest.approx(peer.predict(new), abs=1e-12)


@pytest.mark.parametrize("classes", [2, 4])
def test_temperature_is_the_best_one(classes: int) -> None:
    from scipy.optimize import minimize_scalar

    y, p = overconfident(classes)
    ours = TemperatureCalibrator().fit(p, y)

    def loss(log_t: float) -> float:
        z = np.log(p) / np.exp(log_t)
        z = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        return -float(z[np.arange(len(y)), y].mean())

    best = minimize_scalar(loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-10})
    assert np.log(ours.temperature_) == pytest.approx(best.x, abs=1e-6)
    assert 1.5 < ours.temperature_ < 2.7
    assert np.array_equal(ours.apply(p).argmax(axis=1), p.argmax(axis=1))


@pytest.mark.parametrize("kind", [PlattCalibrator, IsotonicCalibrator, TemperatureCalibrator])
@pytest.mark.parametrize("classes", [2, 3])
def test_every_calibrator_helps_fresh_rows_and_gives_probabilities(kind: type, classes: int) -> None:
    y, p = overconfident(classes, 3000, 1)
    fitted = kind().fit(p[:1500], y[:1500])
    out = fitted.apply(p[1500:])
    assert out.sum(axis=1) == pytest.approx(np.ones(1500))
    before = classification_metrics(y[1500:], p[1500:])
    after = classification_metrics(y[1500:], out)
    assert after["brier"] < before["brier"]
    assert after["ece"] < before["ece"]
    again = calibrator_from_dict(json.loads(json.dumps(fitted.to_dict())))
    assert np.array_equal(again.apply(p), fitted.apply(p))
    assert again.fit_rows_hash_ == fitted.fit_rows_hash_


def test_rows_without_a_prediction_stay_without_one() -> None:
    y, p = overconfident(3)
    fitted = fit_calibrator(p, y)
    holed = p.copy()
    holed[5] = np.nan
    out = fitted.apply(holed)
    assert np.isnan(out[5]).all()
    assert np.isfinite(np.delete(out, 5, axis=0)).all()
    assert fitted.apply(np.full((2, 3), np.nan)).shape == (2, 3)


def test_a_calibrator_remembers_the_rows_it_saw() -> None:
    y, p = overconfident(2, 50)
    rows = np.arange(1049, 999, -1)
    fitted = fit_calibrator(p, y, rows=rows)
    assert fitted.fit_rows_ is not None
    assert fitted.fit_rows_.tolist() == list(range(1000, 1050))
    assert fitted.fit_rows_hash_ == fit_calibrator(p, y, rows=rows[::-1]).fit_rows_hash_
    assert fitted.fit_rows_hash_ != fit_calibrator(p, y).fit_rows_hash_
    assert (fitted.n_rows_, fitted.n_classes_) == (50, 2)
    with pytest.raises(InputError, match="rows must hold the 50 row ids"):
        fit_calibrator(p, y, rows=rows[:-1])


def test_the_method_follows_the_number_of_rows() -> None:
    y, p = overconfident(2, 1000)
    assert isinstance(fit_calibrator(p, y), IsotonicCalibrator)
    assert isinstance(fit_calibrator(p[:999], y[:999]), PlattCalibrator)
    with pytest.raises(InputError, match="method must be"):
        fit_calibrator(p, y, method="beta")


def test_what_cannot_be_calibrated_is_refused() -> None:
    y, p = overconfident(3)
    with pytest.raises(TooFewRows, match=r"each of the 3 classes 0\.\.2"):
        fit_calibrator(p[y < 2], y[y < 2])
    with pytest.raises(InputError, match="without NaN"):
        fit_calibrator(np.full((4, 2), np.nan), [0, 1, 0, 1])
    with pytest.raises(InputError, match="must have the 3 columns seen in fit"):
        fit_calibrator(p, y).apply(p[:, :2])
    with pytest.raises(InputError, match="is not fitted"):
        PlattCalibrator().apply(p)
    with pytest.raises(InputError, match="is not readable"):
        calibrator_from_dict({"method": "platt"})


def test_the_reliability_table_has_bins_of_equal_count_and_its_error() -> None:
    y, p = overconfident(3, 403, 2)
    table = reliability_table(y, p, horizon=3)
    assert table.rows.tolist() == [40, 40, 40, 41, 40, 40, 41, 40, 40, 41]
    assert table.ece == pytest.approx(classification_metrics(y, p)["ece"], abs=1e-12)
    assert (np.diff(table.confidence) >= 0).all()
    assert all(low <= a <= high for a, (low, high) in zip(table.accuracy, table.interval, strict=True))
    assert "expected calibration error" in repr(table)
    assert table.records()[0]["rows"] == 40
    assert len(reliability_table([0, 1], [[0.8, 0.2], [0.7, 0.3]]).rows) == 2


def test_probabilities_worse_than_the_training_shares_are_not_ok() -> None:
    rng = np.random.default_rng(3)
    y, train = rng.integers(0, 2, 400), rng.integers(0, 2, 100)
    shares = np.bincount(train) / 100
    assert probabilities_ok(y, np.tile(shares, (400, 1)), train)
    assert not probabilities_ok(y, np.where(rng.random(400) < 0.5, 0.9, 0.1), train)
    assert probabilities_ok(y, np.where(y == 1, 0.9, 0.1), train)


def test_a_score_that_never_changes_calibrates_to_the_share():
    slope, offset, is_finite = core().fit_platt(np.full(107, 0.1), (np.arange(107) % 2).astype(np.uint8))
    assert (slope, is_finite) == (0.0, True)
    assert 1.0 / (1.0 + np.exp(-offset)) == pytest.approx(53 / 107)
