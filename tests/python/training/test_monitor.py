from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from smctrain.exceptions import InputError
from smctrain.training.monitor import OverfittingMonitor, TrainingMonitor
from smctrain.training.stability import StabilityChecker


def test_each_alarm_stores_the_documented_sentence():
    monitor = TrainingMonitor()
    assert monitor.check_overfitting(0.97, 0.55, 12) is True
    assert monitor.check_divergence([1.0 + 0.1 * i for i in range(10)]) is True
    assert monitor.check_exploding_gradients(25.5, epoch=3) is True
    assert monitor.check_timeout(datetime.now() - timedelta(minutes=11)) is True
    assert monitor.should_stop is False
    assert monitor.check_nan_loss(float("nan"), 4) is True
    assert monitor.should_stop is True
    assert monitor.get_warnings() == [
        "Epoch 12: Severe overfitting detected (train=0.97, val=0.55)",
        "Validation loss increasing for 10 consecutive epochs",
        "Epoch 3: Exploding gradient detected (norm=25.50)",
        "Training exceeded 10 minutes",
        "Epoch 4: NaN loss detected - stopping training",
    ]
    assert monitor.warnings == monitor.get_warnings()


def test_a_healthy_run_raises_no_alarm():
    monitor = TrainingMonitor()
    assert monitor.check_overfitting(0.95, 0.50, 1) is False
    assert monitor.check_overfitting(0.99, 0.60, 1) is False
    assert monitor.check_divergence([1.0, 2.0]) is False
    assert monitor.check_divergence([float(i) for i in range(9)] + [8.0]) is False
    assert monitor.check_nan_loss(0.7, 1) is False
    assert monitor.check_exploding_gradients(10.0) is False
    assert monitor.check_timeout(datetime.now(UTC) - timedelta(minutes=9)) is False
    assert monitor.get_warnings() == []
    assert monitor.should_stop is False


def test_an_infinite_loss_and_a_nan_gradient_are_alarms_too():
    monitor = TrainingMonitor()
    assert monitor.check_nan_loss(float("inf"), 2)
    assert monitor.should_stop
    assert monitor.check_exploding_gradients(float("nan"))
    assert monitor.warnings[0] == "Epoch 2: Infinite loss detected - stopping training"
    assert monitor.warnings[1] == "Exploding gradient detected (norm=nan)"


def test_divergence_looks_only_at_the_last_epochs():
    assert TrainingMonitor().check_divergence(np.array([5.0, 1.0, 2.0, 3.0]), patience=3)
    assert not TrainingMonitor().check_divergence([5.0, 1.0, 2.0, 3.0], patience=4)


def filled() -> OverfittingMonitor:
    monitor = OverfittingMonitor()
    for epoch, train, val, train_loss, val_loss in (
        (1, 0.60, 0.58, 0.68, 0.69),
        (2, 0.70, 0.61, 0.60, 0.66),
        (3, 0.85, 0.60, 0.40, 0.75),
    ):
        monitor.update(epoch, train, val, train_loss, val_loss)
    return monitor


def test_summary_tells_the_gap_the_best_and_the_final_epoch():
    summary = filled().summary()
    assert summary["status"] == "overfit"
    assert summary["gap"] == pytest.approx(0.25)
    assert summary["best_epoch"] == 2
    assert summary["best"]["val_loss"] == 0.66
    assert summary["final"] == {
        "epoch": 3,
        "train_accuracy": 0.85,
        "val_accuracy": 0.60,
        "train_loss": 0.40,
        "val_loss": 0.75,
    }
    assert summary["duration_seconds"] >= 0
    assert OverfittingMonitor(gap_threshold=0.3).summary()["status"] == "no data"


def test_update_says_whether_the_gap_is_too_wide():
    monitor = OverfittingMonitor(gap_threshold=0.15)
    assert monitor.update(1, 0.80, 0.70, 0.5, 0.6) is False
    assert monitor.update(2, 0.90, 0.70, 0.3, 0.6) is True


def test_save_writes_a_picture_and_strict_json(tmp_path: Path):
    monitor = filled()
    monitor.update(4, 0.9, float("nan"), 0.3, float("inf"))
    picture, document = monitor.save(tmp_path / "sub" / "EURUSD_XGBoost.png")
    assert picture.read_bytes().startswith(b"\x89PNG")
    record = json.loads(document.read_text(), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert record["summary"]["best_epoch"] == 2
    assert record["summary"]["status"] == "failed"
    assert record["history"][3]["val_loss"] is None


def test_saving_before_the_first_epoch_works(tmp_path: Path):
    _, document = OverfittingMonitor().save(tmp_path / "empty")
    assert json.loads(document.read_text())["summary"]["status"] == "no data"


def test_stability_of_the_documented_folds():
    result = StabilityChecker().check([0.68, 0.72, 0.70, 0.73, 0.72])
    assert result.mean == pytest.approx(0.71)
    assert result.std == pytest.approx(np.std([0.68, 0.72, 0.70, 0.73, 0.72], ddof=1))
    assert (result.min, result.max) == (0.68, 0.73)
    assert result.is_stable
    assert result.verdict == "stable"
    assert result.poor_folds == (0,)
    assert result.expected_noise_std is None


@pytest.mark.parametrize(
    ("folds", "verdict"),
    [([0.6, 0.7, 0.8], "stable"), ([0.5, 0.62, 0.74], "unstable"), ([0.4, 0.6, 0.8], "rejected")],
)
def test_stability_limits(folds: list[float], verdict: str):
    result = StabilityChecker().check(folds)
    assert result.verdict == verdict
    assert result.is_stable == (verdict == "stable")


def test_stability_states_the_spread_that_noise_alone_gives():
    result = StabilityChecker().check([0.5, 0.5], fold_n_eff=25)
    assert result.expected_noise_std == pytest.approx(0.1)


def test_one_fold_has_no_spread():
    with pytest.raises(InputError, match="at least 2 folds"):
        StabilityChecker().check([0.7])
