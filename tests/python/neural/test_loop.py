"""What the training loop can do beside plain epochs: schedules, curriculum, freezing, recovery, restart, calibration,
numbers instead of classes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from smctrain.exceptions import InputError
from smctrain.models.base import FitTask
from smctrain.models.cnn1d import CNN1DTrainer
from smctrain.models.estimators.multi_task import MultiTaskMLP
from smctrain.models.estimators.neural import LSTMClassifier, MLPClassifier, MLPRegressor
from smctrain.models.gru import GRUTrainer
from smctrain.models.lstm import LSTMTrainer
from smctrain.models.neural_network import NeuralNetworkTrainer

from .conftest import make_task

SMALL: dict[str, Any] = {"hidden_dims": (8,), "max_epochs": 8, "patience": 8, "batch_size": 50}


def number_task(X: np.ndarray, y: np.ndarray, n_train: int, n_stop: int = 0, **more: Any) -> FitTask:
    return FitTask(
        X=np.ascontiguousarray(X, dtype=np.float32),
        y=np.asarray(y, dtype=np.float64),
        rows=np.arange(n_train, dtype=np.int64),
        stop_rows=np.arange(n_train, n_train + n_stop, dtype=np.int64),
        n_classes=0,
        **more,
    )


def rates(noise: tuple[np.ndarray, np.ndarray], **settings: Any) -> np.ndarray:
    """Rate of the last step of every epoch; 5 steps an epoch, so it is that of 0.9 of the epoch."""
    trainer = NeuralNetworkTrainer(**{**SMALL, "learning_rate": 0.01, **settings})
    return trainer.fit(make_task(*noise, 250)).history["learning_rate"]


def test_exponential_schedule_falls_by_its_factor_every_epoch(noise: tuple[np.ndarray, np.ndarray]) -> None:
    np.testing.assert_allclose(rates(noise, schedule="exponential", decay=0.9), 0.01 * 0.9 ** np.arange(8))


def test_cosine_schedule_follows_half_a_cosine(noise: tuple[np.ndarray, np.ndarray]) -> None:
    gone = (np.arange(8) + 0.9) / 8
    np.testing.assert_allclose(rates(noise, schedule="cosine"), 0.005 * (1 + np.cos(np.pi * gone)))


def test_one_cycle_rises_from_a_25th_and_falls_to_almost_nothing(noise: tuple[np.ndarray, np.ndarray]) -> None:
    found = rates(noise, schedule="one_cycle", max_epochs=20, patience=20)
    assert found.max() == pytest.approx(0.01, rel=0.05)
    assert np.argmax(found) in (5, 6)  # 30 % of 20 epochs
    assert found[-1] < 1e-4
    gone = (0.9 / 20) / 0.3
    assert found[0] == pytest.approx(0.01 * (1 + (1 / 25 - 1) * 0.5 * (1 + math.cos(math.pi * gone))))


def test_warm_up_rises_in_a_line_whatever_follows(noise: tuple[np.ndarray, np.ndarray]) -> None:
    found = rates(noise, warmup_epochs=4)
    np.testing.assert_allclose(found, [0.01 * 0.9 / 4, 0.01 * 1.9 / 4, 0.01 * 2.9 / 4, 0.01 * 3.9 / 4] + [0.01] * 4)


def test_plateau_halves_after_flat_epochs_and_ends_below_the_least_rate(noise: tuple[np.ndarray, np.ndarray]) -> None:
    trainer = NeuralNetworkTrainer(
        hidden_dims=(8,), max_epochs=200, patience=200, learning_rate=0.01, schedule="plateau", plateau_epochs=5,
        min_learning_rate=1e-3,
    )  # fmt: skip
    fitted = trainer.fit(make_task(*noise, 250, 100))
    steps = np.unique(fitted.history["learning_rate"])
    np.testing.assert_allclose(steps, [0.00125, 0.0025, 0.005, 0.01])
    assert len(fitted.history["step"]) < 200


def test_a_hidden_column_changes_nothing_until_it_is_visible(noise: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = noise
    visible = (1, 1, 1, 4, 4)
    other = X.copy()
    other[:, 3:] = np.random.default_rng(0).normal(size=(len(X), 2))
    trainer = NeuralNetworkTrainer(**SMALL, visible_from=visible)
    first, second = (trainer.fit(make_task(values, y, 250, 100)) for values in (X, other))
    np.testing.assert_array_equal(first.history["train_loss"][:3], second.history["train_loss"][:3])
    np.testing.assert_array_equal(first.history["val_loss"][:3], second.history["val_loss"][:3])
    assert (first.history["train_loss"][3:] != second.history["train_loss"][3:]).all()
    assert first.history["columns_visible"].tolist() == [3, 3, 3, 5, 5, 5, 5, 5]
    assert first.best_epoch >= 4  # earlier weights never saw the hidden columns


def test_frozen_layers_keep_their_weights(noise: tuple[np.ndarray, np.ndarray]) -> None:
    task = make_task(*noise, 250)
    settings = {**SMALL, "hidden_dims": (8, 6)}
    short = NeuralNetworkTrainer(**{**settings, "max_epochs": 3}).fit(task)
    frozen = NeuralNetworkTrainer(**settings, freeze_layers=1, freeze_after=3).fit(task)
    free = NeuralNetworkTrainer(**settings).fit(task)
    for name in ("blocks.0.linear.weight", "blocks.0.norm.weight", "blocks.0.norm.bias"):
        np.testing.assert_array_equal(frozen.arrays[name], short.arrays[name])
        assert (free.arrays[name] != short.arrays[name]).any()
    assert (frozen.arrays["blocks.1.linear.weight"] != short.arrays["blocks.1.linear.weight"]).any()
    assert frozen.history["layers_frozen"].tolist() == [0, 0, 0, 1, 1, 1, 1, 1]


@pytest.mark.parametrize("trainer", [LSTMTrainer, GRUTrainer])
def test_frozen_recurrent_layers_keep_their_weights(noise: tuple[np.ndarray, np.ndarray], trainer: Any) -> None:
    task = make_task(*noise, 250)
    settings = {"hidden_dim": 4, "num_layers": 2, "lookback": 3, "batch_size": 50}
    short = trainer(**settings, max_epochs=2).fit(task)
    frozen = trainer(**settings, max_epochs=4, freeze_layers=2, freeze_after=2).fit(task)
    for name in short.arrays:
        same = np.array_equal(frozen.arrays[name], short.arrays[name])
        assert same == name.startswith("layers."), name


def test_more_frozen_layers_than_there_are_is_refused(noise: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(InputError, match=r"freeze_layers must be at most the 1 layers"):
        NeuralNetworkTrainer(**SMALL, freeze_layers=2, freeze_after=1).fit(make_task(*noise, 250))


def test_a_curriculum_needs_an_epoch_for_each_column(noise: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(InputError, match=r"visible_from must hold an epoch for each of the 5 columns, but holds 2"):
        NeuralNetworkTrainer(**SMALL, visible_from=(1, 2)).fit(make_task(*noise, 250))


def test_a_curriculum_by_name_is_that_by_column(noise: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = noise
    names = ["rsi", "smc_gap", "smc_block", "htf_smc_gap", "hour"]
    task = make_task(X, y, 250, 100, names=names)
    by_column = NeuralNetworkTrainer(**SMALL, visible_from=(1, 2, 2, 4, 1)).fit(task)
    # Of several patterns that match a column the latest epoch counts, in whatever order they stand.
    for patterns in ({"*smc_*": 2, "htf_*": 4}, {"htf_*": 4, "*smc_*": 2}):
        trainer = NeuralNetworkTrainer(**SMALL, visible_from=patterns)
        by_name = trainer.fit(task)
        assert by_name.warnings == by_column.warnings
        assert by_name.history["columns_visible"].tolist() == [2, 4, 4, 5, 5, 5, 5, 5]
        for name, array in by_column.arrays.items():
            np.testing.assert_array_equal(by_name.arrays[name], array)
        assert NeuralNetworkTrainer(**trainer.settings()) == trainer  # as a run records it
    stray = NeuralNetworkTrainer(**SMALL, visible_from={"ema_*": 3}).fit(task)
    assert stray.history["columns_visible"].tolist() == [5] * 8
    assert stray.warnings[-1] == "visible_from names 'ema_*', which no column has."
    with pytest.raises(InputError, match="visible_from names columns, but those of X have no names"):
        NeuralNetworkTrainer(**SMALL, visible_from={"smc_*": 2}).fit(make_task(X, y, 250))


def test_the_estimators_know_columns_by_name(noise: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = noise
    frame = pd.DataFrame(X, columns=["rsi", "smc_gap", "smc_block", "htf_smc_gap", "hour"])
    settings: dict[str, Any] = {"max_epochs": 3, "visible_from": {"smc_*": 2, "htf_*": 3}, "random_state": 0}
    for model in (MLPClassifier((4,), **settings), LSTMClassifier(4, **settings), MLPRegressor((4,), **settings)):
        assert model.fit(frame, y).history_["columns_visible"].tolist() == [2, 4, 5]
        with pytest.raises(InputError, match="pass a frame"):
            clone(model).fit(X, y)
    several = MultiTaskMLP((4,), **settings).fit(frame, {"class": y})
    assert several.history_["columns_visible"].tolist() == [2, 4, 5]


def test_a_loss_that_is_not_finite_goes_back_to_sound_weights_at_a_lower_rate(
    noise: tuple[np.ndarray, np.ndarray],
) -> None:
    X, y = noise
    wild = NeuralNetworkTrainer(**SMALL, learning_rate=1e30, clip_norm=0.0, nan_recoveries=60).fit(
        make_task(X, y, 250, 100)
    )
    recovered = np.isnan(wild.history["train_loss"])
    assert recovered.any()
    rate = wild.history["learning_rate"]
    for i in np.flatnonzero(recovered[:-1]):
        assert rate[i + 1] == pytest.approx(rate[i] / 4)
    assert any("a quarter of the rate" in sentence for sentence in wild.warnings)
    assert all(np.isfinite(array).all() for array in wild.arrays.values())


def test_recovery_ends_after_its_number_of_tries(noise: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = noise
    fitted = NeuralNetworkTrainer(**SMALL, nan_recoveries=2).fit(make_task(X * np.float32(1e30), y, 250, 100))
    assert fitted.stop_reason == "nan_loss"
    assert len(fitted.history["step"]) == 3
    assert all(np.isfinite(array).all() for array in fitted.arrays.values())


def test_a_fit_that_stopped_too_early_starts_anew_and_the_best_of_all_is_kept(
    noise: tuple[np.ndarray, np.ndarray],
) -> None:
    # Nothing can be learned, so the best epoch comes early however it starts.
    settings = {**SMALL, "hidden_dims": (64,), "max_epochs": 40, "patience": 6, "learning_rate": 0.05, "dropout": 0.0}
    task = make_task(*noise, 250, 100)
    once = NeuralNetworkTrainer(**settings).fit(task)
    assert once.best_epoch <= 3
    again = NeuralNetworkTrainer(**settings, restarts=2).fit(task)
    n = len(once.history["step"])
    np.testing.assert_array_equal(again.history["val_loss"][:n], once.history["val_loss"])
    assert len(again.history["step"]) > n
    assert again.history["learning_rate"][n] == pytest.approx(0.025)
    assert again.history["step"].tolist() == list(range(1, len(again.history["step"]) + 1))
    assert again.best_loss == np.nanmin(again.history["val_loss"])
    assert again.history["val_loss"][again.best_epoch - 1] == again.best_loss
    assert any("started anew" in sentence for sentence in again.warnings)


def log_loss(proba: np.ndarray, y: np.ndarray) -> float:
    return float(-np.log(proba[np.arange(len(y)), y]).mean())


def test_temperature_gives_the_least_log_loss_on_the_stop_rows_and_changes_no_prediction(
    noise: tuple[np.ndarray, np.ndarray],
) -> None:
    X, y = noise
    task = make_task(X, y, 250, 150)
    settings = {**SMALL, "max_epochs": 60, "patience": 60, "dropout": 0.0, "learning_rate": 0.02, "class_weight": None}
    settings["label_smoothing"] = 0.0
    plain = NeuralNetworkTrainer(**settings).fit(replace(task, stop_rows=np.empty(0, dtype=np.int64)))
    raw = NeuralNetworkTrainer(**settings).fit(task)
    cooled = NeuralNetworkTrainer(**settings, calibration="temperature").fit(task)
    assert plain.temperature == raw.temperature == 1.0
    logits = np.log(raw.predict_proba(task.X))[250:]
    stop_y = y[250:]

    def at(temperature: float) -> float:
        scaled = np.exp(logits / temperature - (logits / temperature).max(axis=1, keepdims=True))
        return log_loss(scaled / scaled.sum(axis=1, keepdims=True), stop_y)

    found = cooled.temperature
    assert at(found) <= min(at(found * 0.99), at(found * 1.01), at(1.0))
    proba = cooled.predict_proba(task.X)
    assert log_loss(proba[250:], stop_y) == pytest.approx(at(found), abs=1e-5)
    np.testing.assert_array_equal(proba.argmax(axis=1), raw.predict_proba(task.X).argmax(axis=1))


def test_a_temperature_is_refused_where_there_are_no_probabilities() -> None:
    X = np.random.default_rng(0).normal(size=(50, 2))
    with pytest.raises(InputError, match="calibration must be None in a regression"):
        NeuralNetworkTrainer(**SMALL, calibration="temperature").fit(number_task(X, X[:, 0], 50))


TRAINERS = {
    "mlp": NeuralNetworkTrainer(hidden_dims=(32, 16), dropout=0.0, max_epochs=60, patience=60, learning_rate=0.01),
    "lstm": LSTMTrainer(
        hidden_dim=16, lookback=4, dropout=0.0, max_epochs=40, patience=40, batch_size=32, learning_rate=0.01
    ),
    "gru": GRUTrainer(
        hidden_dim=16, lookback=4, dropout=0.0, max_epochs=40, patience=40, batch_size=32, learning_rate=0.01
    ),
    "cnn": CNN1DTrainer(
        (32, 16), lookback=4, dropout=0.0, max_epochs=60, patience=60, batch_size=32, learning_rate=0.01
    ),
}


def product_of_bars(n: int = 1500, steps: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """y = product of two columns, the second one `steps - 1` rows earlier; no linear model sees any of it."""
    X = np.random.default_rng(9).normal(size=(n, 3)).astype(np.float32)
    return X, 1000.0 + 30.0 * X[:, 0] * np.roll(X[:, 1], steps - 1)


@pytest.mark.parametrize("name", TRAINERS)
def test_a_regression_finds_a_product_in_units_of_its_target(name: str) -> None:
    X, y = product_of_bars(steps=1 if name == "mlp" else 3)
    fitted = TRAINERS[name].fit(number_task(X, y, 1000, 200))
    test = np.arange(1200, 1500)
    predicted = fitted.predict(np.ascontiguousarray(X), test)
    assert predicted.shape == (300,)
    r2 = 1 - np.mean((predicted - y[test]) ** 2) / np.var(y[test])
    assert r2 > 0.6
    assert np.isnan(fitted.history["val_accuracy"]).all()
    # Half the mean squared error in units of the training target's deviation.
    stop = np.arange(1000, 1200)
    rows = np.arange(1000) if name == "mlp" else np.arange(3, 1000)
    expected = 0.5 * np.mean(((fitted.predict(np.ascontiguousarray(X), stop) - y[stop]) / y[rows].std()) ** 2)
    assert fitted.best_loss == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("name", TRAINERS)
def test_a_regression_survives_its_state_bit_by_bit(name: str) -> None:
    X, y = product_of_bars(200)
    fitted = replace(TRAINERS[name], max_epochs=2, patience=2).fit(number_task(X, y, 150, 40))
    again = type(fitted).from_state(*fitted.to_state())
    np.testing.assert_array_equal(again.predict(X), fitted.predict(X))


def test_huber_minds_wild_targets_less() -> None:
    rng = np.random.default_rng(4)
    X = rng.normal(size=(800, 2)).astype(np.float32)
    clean = X[:, 0] - X[:, 1]
    y = clean + np.where(rng.random(800) < 0.05, rng.normal(0, 60, 800), 0.0)
    errors = {}
    for loss in ("squared", "huber"):
        trainer = NeuralNetworkTrainer(hidden_dims=(16,), dropout=0.0, max_epochs=30, learning_rate=0.01, loss=loss)
        fitted = trainer.fit(number_task(X, y, 800))
        errors[loss] = float(np.mean((fitted.predict(X) - clean) ** 2))
    assert errors["huber"] < 0.5 * errors["squared"]


def test_a_number_that_is_not_finite_is_named() -> None:
    X = np.zeros((20, 2), dtype=np.float32)
    y = np.arange(20.0)
    y[7] = np.nan
    with pytest.raises(InputError, match="y must be a finite number in every row of rows, but is nan in row 7"):
        NeuralNetworkTrainer(**SMALL).fit(number_task(X, y, 20))


@pytest.mark.parametrize("name", ["gru", "cnn"])
def test_sequence_nets_learn_a_pattern_that_no_single_bar_shows(name: str) -> None:
    rng = np.random.default_rng(2)
    X = rng.normal(size=(1500, 2)).astype(np.float32)
    y = (X[:, 0] * np.roll(X[:, 0], 2) > 0).astype(np.int32)
    fitted = TRAINERS[name].fit(make_task(X, y, 1000, 200))
    test = np.arange(1200, 1500)
    assert np.mean(fitted.predict_proba(X, test).argmax(axis=1) == y[test]) > 0.8


@pytest.mark.parametrize("name", TRAINERS)
def test_the_same_seed_gives_the_same_bits_with_everything_switched_on(
    name: str, noise: tuple[np.ndarray, np.ndarray]
) -> None:
    task = make_task(*noise, 250, 100)
    trainer = replace(
        TRAINERS[name], dropout=0.3, max_epochs=6, patience=2, schedule="one_cycle", warmup_epochs=1,
        optimizer="sgd", visible_from=(1, 1, 2, 2, 3), freeze_layers=1, freeze_after=4, restarts=1,
        calibration="temperature",
    )  # fmt: skip
    first, second = trainer.fit(task), trainer.fit(task)
    for array, other in zip(first.arrays.values(), second.arrays.values(), strict=True):
        np.testing.assert_array_equal(array, other)
    assert first.temperature == second.temperature != 1.0
