"""The scikit-learn face of the networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from smctrain.exceptions import InputError
from smctrain.models import MultiTaskMLP, cross_validate, load_model
from smctrain.models.base import FitTask
from smctrain.models.estimators.neural import (
    GRUClassifier,
    GRURegressor,
    LSTMClassifier,
    LSTMRegressor,
    MLPClassifier,
    MLPRegressor,
)
from smctrain.models.gru import GRUTrainer
from smctrain.models.lstm import LSTMTrainer
from smctrain.models.neural_network import NeuralNetworkTrainer


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(400, 4))
    return X, np.where(X[:, 0] + 0.3 * rng.normal(size=400) > 0, "up", "down")


def test_mlp_speaks_in_the_users_labels(rows: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = rows
    model = MLPClassifier((16, 8), dropout=0.1, learning_rate=0.01, max_epochs=15, random_state=1)
    model.fit(X[:300], y[:300], X_val=X[300:350], y_val=y[300:350])
    assert model.classes_.tolist() == ["down", "up"]
    assert (model.predict(X[350:]) == y[350:]).mean() > 0.8
    proba = model.predict_proba(X)
    assert proba.shape == (400, 2)
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)
    assert np.isfinite(model.history_["val_loss"]).all()
    assert model.complete_
    assert not hasattr(model, "feature_importances_")


def test_mlp_works_behind_a_scaler(rows: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = rows
    pipeline = make_pipeline(StandardScaler(), MLPClassifier((8,), learning_rate=0.01, max_epochs=15, random_state=1))
    pipeline.fit(1e6 * X + 3e6, y)
    assert pipeline.score(1e6 * X + 3e6, y) > 0.8


def test_estimator_equals_its_trainer(rows: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = rows
    codes = (y == "up").astype(np.int32)
    task = FitTask(X=X.astype(np.float32), y=codes, rows=np.arange(400), n_classes=2, seed=11)
    pairs = [
        (MLPClassifier((8,), max_epochs=2, random_state=11), NeuralNetworkTrainer((8,), max_epochs=2)),
        (
            LSTMClassifier(8, lookback=4, max_epochs=1, random_state=11),
            LSTMTrainer(8, lookback=4, max_epochs=1),
        ),
    ]
    for estimator, trainer in pairs:
        expected = trainer.fit(task).predict_proba(task.X)
        np.testing.assert_array_equal(clone(estimator).fit(X, y).predict_proba(X), expected)


def test_estimator_defaults_are_those_of_the_trainer() -> None:
    assert MLPClassifier()._make_trainer() == NeuralNetworkTrainer()
    assert LSTMClassifier()._make_trainer() == LSTMTrainer()
    assert GRUClassifier()._make_trainer() == GRUTrainer()
    assert MLPRegressor()._make_trainer() == NeuralNetworkTrainer()
    assert LSTMRegressor()._make_trainer() == LSTMTrainer()
    assert GRURegressor()._make_trainer() == GRUTrainer()


@pytest.mark.parametrize("model", [LSTMRegressor, GRURegressor])
def test_sequence_regressors_mask_rows_without_a_full_window(model: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    y = X[:, 0] * 4 + 100
    segment = np.repeat([1, 2], 150)
    fitted = model(8, lookback=5, max_epochs=20, dropout=0.0, learning_rate=0.01, random_state=0)
    fitted.fit(X, y, segment=segment, X_val=X[:50], y_val=y[:50])
    assert fitted.left_out_ == 8
    predicted = fitted.predict(X, segment=segment)
    assert np.flatnonzero(np.ma.getmaskarray(predicted)).tolist() == [0, 1, 2, 3, 150, 151, 152, 153]
    assert np.corrcoef(predicted.compressed(), y[~np.ma.getmaskarray(predicted)])[0, 1] > 0.9
    fitted.save(tmp_path / "model.smc")
    again = load_model(tmp_path / "model.smc")
    assert type(again) is model
    np.testing.assert_array_equal(again.predict(X, segment=segment), predicted)


def test_mlp_regressor_scores_in_units_of_its_target() -> None:
    X = np.random.default_rng(0).normal(size=(600, 4))
    y = 1e6 + 5e4 * X[:, 0] * X[:, 1]
    model = MLPRegressor((32, 16), dropout=0.0, max_epochs=60, learning_rate=0.01, random_state=1).fit(X[:500], y[:500])
    assert model.score(X[500:], y[500:]) > 0.5


def test_a_dictionary_of_class_weights_moves_the_decision(rows: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = rows
    counts = []
    for up in (0.05, 20.0):
        model = MLPClassifier(
            (8,), learning_rate=0.01, max_epochs=8, class_weight={"up": up, "down": 1.0}, random_state=0
        )
        counts.append(int((model.fit(X, y).predict(X) == "up").sum()))
    assert counts[1] > counts[0] + 100


def test_lstm_masks_rows_without_a_full_window(rows: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = rows
    segment = np.repeat([7, 8], 200)
    model = LSTMClassifier(8, lookback=5, max_epochs=1, random_state=0).fit(X, y, segment=segment)
    assert model.left_out_ == 8
    proba = model.predict_proba(X, segment=segment)
    missing = [0, 1, 2, 3, 200, 201, 202, 203]
    assert np.flatnonzero(np.isnan(proba).any(axis=1)).tolist() == missing
    labels = model.predict(X, segment=segment)
    assert isinstance(labels, np.ma.MaskedArray)
    assert np.flatnonzero(np.ma.getmaskarray(labels)).tolist() == missing
    assert set(labels.compressed()) <= {"up", "down"}


def test_lstm_validation_rows_are_a_stretch_of_their_own(rows: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = rows
    model = LSTMClassifier(8, lookback=5, max_epochs=2, random_state=0)
    model.fit(X[:300], y[:300], X_val=X[300:], y_val=y[300:])
    assert model.left_out_ == 4
    assert np.isfinite(model.history_["val_loss"]).all()


def test_a_time_limit_marks_the_model(rows: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = rows
    model = MLPClassifier((8,), max_epochs=1_000_000).fit(X, y, time_limit=0.1)
    assert (model.complete_, model.stop_reason_) == (False, "timeout")


def test_missing_values_are_refused_by_name(rows: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = rows
    X = X.copy()
    X[5, 2] = np.nan
    for model in (MLPClassifier(), LSTMClassifier()):
        with pytest.raises(InputError, match="column 2, row 5, is NaN"):
            model.fit(X, y)


def test_wrong_settings_are_reported_by_fit(rows: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = rows
    with pytest.raises(InputError, match=r"dropout must be .*; max_epochs must be"):
        MLPClassifier(dropout=2, max_epochs=0).fit(X, y)


@pytest.mark.parametrize("estimator", ["MLPClassifier", "LSTMRegressor", "CNN1DClassifier", "TransformerRegressor"])
def test_the_history_is_drawn_with_the_kept_epoch_marked(estimator: str) -> None:
    pytest.importorskip("matplotlib")
    from smctrain import models

    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(200, 3)), rng.integers(0, 2, 200)
    model = getattr(models, estimator)(max_epochs=4, random_state=0, device="cpu", warmup_epochs=0.0)
    model.fit(X[:150], y[:150], X_val=X[150:], y_val=y[150:])
    assert model.device_ == "cpu"
    axes = model.plot_history().axes
    classifies = estimator.endswith("Classifier")
    assert [axis.get_ylabel() for axis in axes] == ["loss", *["accuracy"] * classifies, "learning rate"]
    train, val, kept, point = axes[0].get_lines()
    np.testing.assert_array_equal(train.get_ydata(), model.history_["train_loss"])
    np.testing.assert_array_equal(val.get_ydata(), model.history_["val_loss"])
    assert kept.get_xdata()[0] == point.get_xdata()[0] == model.fitted_.best_epoch
    assert point.get_ydata()[0] == model.history_["val_loss"].min()
    np.testing.assert_array_equal(axes[-1].get_lines()[0].get_ydata(), model.history_["learning_rate"])


def test_histories_of_several_targets_and_across_symbols_are_drawn_too() -> None:
    pytest.importorskip("matplotlib")
    from smctrain import models

    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(200, 3)), rng.integers(0, 2, 200)
    mixed = models.MultiTaskMLP((8,), head_dim=4, max_epochs=4, random_state=0)
    mixed.fit(X[:150], {"up": y[:150], "size": X[:150, 0]}, X_val=X[150:], y_val={"up": y[150:], "size": X[150:, 0]})
    numbers = models.MultiTaskMLP((8,), head_dim=4, max_epochs=4, random_state=0).fit(X, {"size": X[:, 0]})
    meta = {"support_rows": 10, "query_rows": 10, "steps_per_epoch": 2, "max_epochs": 4, "random_state": 0}
    groups = np.repeat(np.arange(5), 40)
    starts = [
        models.MetaLearningClassifier((8,), **meta).fit(X, y, groups=groups),
        models.MetaLearningRegressor((8,), **meta).fit(X, X[:, 0], groups=groups),
    ]
    for model, classifies in ((mixed, True), (numbers, False), (starts[0], True), (starts[1], False)):
        axes = model.plot_history().axes
        assert [axis.get_ylabel() for axis in axes] == ["loss", *["accuracy"] * classifies, "learning rate"]
        np.testing.assert_array_equal(axes[0].get_lines()[0].get_ydata(), model.history_["train_loss"])
        assert model.device_ == "cpu"


def test_a_history_is_drawn_on_given_axes_and_needs_a_fit() -> None:
    figure = pytest.importorskip("matplotlib.figure").Figure()
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        MLPClassifier().plot_history()
    rng = np.random.default_rng(3)
    model = MLPClassifier((4,), max_epochs=2).fit(rng.normal(size=(60, 3)), rng.integers(0, 2, 60))
    assert model.plot_history(figure.subplots(3)) is figure
    with pytest.raises(InputError, match="ax must be 3 axes"):
        model.plot_history(figure.subplots(2))


def test_networks_are_cross_validated_as_what_they_are(rows: tuple[np.ndarray, np.ndarray]) -> None:
    """A name or a trainer stands for classes, an estimator for what it is; one setting of theirs is called loss."""
    X, y = rows
    folds = [(np.arange(300), np.arange(300, 400))]
    settings = {"max_epochs": 3, "learning_rate": 0.01}
    for model in (("mlp", settings), ("multi_task", settings), NeuralNetworkTrainer((8,), **settings),
                  MultiTaskMLP((8,), head_dim=4, **settings)):  # fmt: skip
        found = cross_validate(model, X, y, folds, metrics="accuracy")
        assert found.scores["accuracy"][0] > 0.6
    assert set(found.models[0].predict(X)["y"]) <= {"up", "down"}
    numbers = cross_validate(MLPRegressor((8,), **settings), X, X[:, 0], folds, metrics="mse")
    assert np.isfinite(numbers.scores["mse"]).all()
