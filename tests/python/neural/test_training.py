"""What a fit promises: it learns, restores the best weights, obeys its alarms and limits, repeats itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from smctrain.exceptions import InputError, OneClass, TooFewRows
from smctrain.models.base import FitTask
from smctrain.models.lstm import LSTMTrainer
from smctrain.models.neural_network import NeuralNetworkTrainer

from .conftest import make_task

SMALL: dict[str, Any] = {"hidden_dims": (16, 8), "dropout": 0.2, "max_epochs": 6, "batch_size": 32}


def smoothed_loss(proba: np.ndarray, y: np.ndarray, weight: np.ndarray, smoothing: float) -> float:
    """The loss written out in double from probabilities."""
    k = proba.shape[1]
    target = np.full_like(proba, smoothing / k)
    target[np.arange(len(y)), y] += 1 - smoothing
    rows = -(target * np.log(proba)).sum(axis=1)
    return float((rows * weight).sum() / weight.sum())


def balanced(y: np.ndarray) -> np.ndarray:
    counts = np.bincount(y)
    return len(y) / ((counts > 0).sum() * counts)


# ---- it learns ------


def test_mlp_learns_a_product_of_two_columns(xor: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = xor
    trainer = NeuralNetworkTrainer(hidden_dims=(32, 16), dropout=0.1, learning_rate=0.01, max_epochs=30)
    fitted = trainer.fit(make_task(X, y, 800, 200))
    accuracy = (fitted.predict_proba(X)[1000:].argmax(axis=1) == y[1000:]).mean()
    assert accuracy > 0.9  # any model without the product stays near 0.5


def test_lstm_learns_a_pattern_that_no_single_bar_shows() -> None:
    rng = np.random.default_rng(8)
    X = rng.normal(size=(1300, 2)).astype(np.float32)
    moved = np.convolve(X[:, 0], np.ones(4))[: len(X)]  # sum of the last four bars, this one included
    y = (moved > 0).astype(np.int32)
    task = make_task(X, y, 1000, 150)
    trainer = LSTMTrainer(hidden_dim=16, lookback=6, dropout=0.1, learning_rate=0.01, batch_size=32, max_epochs=12)
    fitted = trainer.fit(task)
    correct = fitted.predict_proba(X)[1150:].argmax(axis=1) == y[1150:]
    assert correct.mean() > 0.85  # the last bar alone reaches about 0.67


def test_window_includes_the_decision_bar() -> None:
    rng = np.random.default_rng(9)
    X = rng.normal(size=(900, 2)).astype(np.float32)
    y = (X[:, 1] > 0).astype(np.int32)  # only the decision bar itself tells
    trainer = LSTMTrainer(hidden_dim=8, lookback=4, dropout=0.0, learning_rate=0.02, batch_size=32, max_epochs=8)
    fitted = trainer.fit(make_task(X, y, 700))
    assert (fitted.predict_proba(X)[700:].argmax(axis=1) == y[700:]).mean() > 0.95


@pytest.mark.parametrize(
    "trainer",
    [
        NeuralNetworkTrainer(**SMALL),
        LSTMTrainer(8, lookback=3, max_epochs=2),
        LSTMTrainer(8, 2, 3, max_epochs=2),
    ],
    ids=["mlp", "lstm of one layer", "lstm of two layers"],
)
def test_dropout_acts_in_training_and_never_in_prediction(noise: tuple[np.ndarray, np.ndarray], trainer: Any) -> None:
    X, y = noise
    task = make_task(X, y, 300)
    fitted = trainer.fit(task)
    without = type(trainer)(**{**trainer.settings(), "dropout": 0.0}).fit(task)
    assert not same(fitted, without)
    assert fitted.predict_proba(X).tobytes() == fitted.predict_proba(X).tobytes()


def test_strong_dropout_keeps_the_expected_output() -> None:
    """Units that stay on are scaled up, so a linear readout sees the same mean with and without dropout."""
    rng = np.random.default_rng(11)
    X = rng.normal(size=(2000, 3)).astype(np.float32)
    y = (X[:, 0] > 0).astype(np.int32)
    still = {
        "learning_rate": 1e-12,
        "weight_decay": 0.0,
        "max_epochs": 1,
        "label_smoothing": 0.0,
        "hidden_dims": (64,),
    }
    losses = [
        NeuralNetworkTrainer(**still, dropout=dropout).fit(make_task(X, y, 2000)).history["train_loss"][0]
        for dropout in (0.0, 0.4)
    ]
    # Without the scaling the logits shrink towards zero; with it only their variance grows, by little.
    assert 0.0 < losses[1] - losses[0] < 0.1


# ---- the best weights ------


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "row weights"])
def test_restored_mlp_has_the_recorded_best_validation_loss(
    noise: tuple[np.ndarray, np.ndarray], weighted: bool
) -> None:
    X, y = noise
    weight = np.random.default_rng(1).uniform(0.5, 2.0, size=len(y)) if weighted else None
    task = make_task(X, y, 250, 100, weight=weight)
    trainer = NeuralNetworkTrainer(
        hidden_dims=(32,), dropout=0.0, learning_rate=0.02, max_epochs=25, patience=25, batch_size=32
    )
    fitted = trainer.fit(task)
    recorded = fitted.history["val_loss"]
    assert recorded[-1] > recorded.min() + 0.01  # it went on to overfit, so restoring had something to do
    assert fitted.best_epoch == int(np.argmin(recorded)) + 1
    assert fitted.best_loss == recorded.min()
    row_weight = balanced(y[:250])[y] * (1.0 if weight is None else weight)
    stop = task.stop_rows
    again = smoothed_loss(fitted.predict_proba(task.X, stop), y[stop], row_weight[stop], 0.2)
    assert again == pytest.approx(fitted.best_loss, abs=1e-6)


def test_restored_lstm_has_the_recorded_best_validation_loss(noise: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = noise
    task = make_task(X, y, 250, 100)
    fitted = LSTMTrainer(hidden_dim=16, lookback=5, dropout=0.0, learning_rate=0.02, max_epochs=10).fit(task)
    recorded = fitted.history["val_loss"]
    assert recorded[-1] > recorded.min() + 0.01
    stop = task.stop_rows
    row_weight = balanced(y[4:250])[y]
    again = smoothed_loss(fitted.predict_proba(task.X, stop), y[stop], row_weight[stop], 0.0)
    assert again == pytest.approx(fitted.best_loss, abs=1e-6)
    assert fitted.best_loss == recorded.min()


def test_patience_ends_the_fit(noise: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = noise
    fitted = NeuralNetworkTrainer(hidden_dims=(32,), learning_rate=0.02, max_epochs=200, patience=3).fit(
        make_task(X, y, 250, 100)
    )
    assert len(fitted.history["step"]) == fitted.best_epoch + 3
    assert (fitted.stop_reason, fitted.complete) == ("", True)


def test_min_delta_asks_for_a_real_improvement(noise: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = noise
    task = make_task(X, y, 250, 100)
    fitted = NeuralNetworkTrainer(**{**SMALL, "max_epochs": 50, "patience": 2, "min_delta": 5.0}).fit(task)
    assert len(fitted.history["step"]) == 3  # the first epoch is the best; two more do not gain 5
    assert fitted.best_epoch == 1


def test_without_stop_rows_every_epoch_runs(noise: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = noise
    fitted = NeuralNetworkTrainer(**SMALL).fit(make_task(X, y, 300))
    assert fitted.history["step"].tolist() == [1, 2, 3, 4, 5, 6]
    assert np.isnan(fitted.history["val_loss"]).all()
    assert np.isnan(fitted.history["val_accuracy"]).all()
    assert np.isfinite(fitted.history["train_loss"]).all()
    assert fitted.best_epoch == 6


def test_plateau_halves_the_learning_rate(noise: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = noise
    settings = {**SMALL, "max_epochs": 9, "patience": 9, "min_delta": 5.0, "learning_rate": 0.01}
    fitted = NeuralNetworkTrainer(**settings, schedule="plateau").fit(make_task(X, y, 250, 100))
    assert fitted.history["learning_rate"].tolist() == [0.01] * 4 + [0.005] * 3 + [0.0025] * 2
    constant = NeuralNetworkTrainer(**settings).fit(make_task(X, y, 250, 100))
    assert set(constant.history["learning_rate"]) == {0.01}


def test_history_has_one_row_an_epoch_and_progress_is_told(noise: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = noise
    seen: list[tuple[int, int]] = []
    task = make_task(X, y, 250, 100, progress=lambda done, total: seen.append((done, total)))
    fitted = NeuralNetworkTrainer(**{**SMALL, "max_epochs": 3}).fit(task)
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert set(fitted.history) == {
        "step", "train_loss", "val_loss", "train_accuracy", "val_accuracy", "grad_norm", "learning_rate",
        "columns_visible", "layers_frozen",
    }  # fmt: skip
    assert all(len(column) == 3 and np.isfinite(column).all() for column in fitted.history.values())


def test_recorded_accuracy_is_that_of_the_fitted_model(noise: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = noise
    task = make_task(X, y, 250, 100)
    fitted = NeuralNetworkTrainer(**{**SMALL, "dropout": 0.5}).fit(task)
    best = fitted.best_epoch - 1
    for rows, name in ((task.rows, "train_accuracy"), (task.stop_rows, "val_accuracy")):
        accuracy = (fitted.predict_proba(task.X, rows).argmax(axis=1) == y[rows]).mean()
        assert fitted.history[name][best] == pytest.approx(accuracy, abs=1e-12)


# ---- alarms and limits ------


def test_a_loss_that_is_not_finite_stops_the_fit(noise: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = noise
    huge = X * np.float32(1e30)  # finite, but its square is not
    fitted = NeuralNetworkTrainer(**SMALL, nan_recoveries=0).fit(make_task(huge, y, 250, 100))
    assert fitted.stop_reason == "nan_loss"
    assert len(fitted.history["step"]) == 1
    assert any("not finite" in sentence for sentence in fitted.warnings)
    assert fitted.best_epoch == 0
    assert all(np.isfinite(array).all() for array in fitted.arrays.values())


def test_an_absurd_learning_rate_keeps_finite_weights(noise: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = noise
    trainer = LSTMTrainer(hidden_dim=8, lookback=3, learning_rate=1e38, weight_decay=1.0, max_epochs=5)
    fitted = trainer.fit(make_task(X, y, 250, 100))
    assert fitted.stop_reason == "nan_loss"
    assert all(np.isfinite(array).all() for array in fitted.arrays.values())


def test_an_exploding_gradient_is_reported_with_its_length_before_clipping(
    noise: tuple[np.ndarray, np.ndarray],
) -> None:
    X, y = noise
    trainer = NeuralNetworkTrainer(hidden_dims=(16,), dropout=0.0, learning_rate=30.0, weight_decay=0.0, max_epochs=9)
    fitted = trainer.fit(make_task(X * np.float32(50), y, 300))
    assert fitted.history["grad_norm"].max() > 10.0  # far above clip_norm: recorded before clipping
    assert sum("exploding gradient" in sentence for sentence in fitted.warnings) == 1
    assert fitted.stop_reason == ""


def test_divergence_stops_the_fit() -> None:
    """Validation labels are the opposite of what training teaches: every epoch makes them worse."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(400, 4)).astype(np.float32)
    y = (X[:, 0] > 0).astype(np.int32)
    y[300:] = 1 - y[300:]
    trainer = NeuralNetworkTrainer(
        hidden_dims=(8,), dropout=0.0, label_smoothing=0.0, learning_rate=0.001, max_epochs=60, patience=60
    )
    fitted = trainer.fit(make_task(X, y, 300, 100))
    assert fitted.stop_reason == "divergence"
    assert any("10 times in a row" in sentence for sentence in fitted.warnings)
    assert fitted.complete
    assert fitted.best_loss == fitted.history["val_loss"].min()


def test_severe_overfitting_is_reported() -> None:
    rng = np.random.default_rng(4)
    X = rng.normal(size=(160, 30)).astype(np.float32)
    y = rng.integers(0, 2, size=160).astype(np.int32)
    trainer = NeuralNetworkTrainer(hidden_dims=(64,), dropout=0.0, learning_rate=0.01, max_epochs=30, patience=30)
    fitted = trainer.fit(make_task(X, y, 80, 80))
    assert sum("severe overfitting" in sentence for sentence in fitted.warnings) == 1


@pytest.mark.parametrize("value", [1, 3], ids=["cancelled", "interrupted"])
def test_a_set_stop_flag_ends_the_fit(noise: tuple[np.ndarray, np.ndarray], value: int) -> None:
    X, y = noise
    flag = np.zeros(1, dtype=np.uint8)

    def set_after_two(done: int, total: int) -> None:
        if done == 2:
            flag[0] = value

    task = make_task(X, y, 300, stop=flag, progress=set_after_two)
    fitted = NeuralNetworkTrainer(**{**SMALL, "max_epochs": 1000}).fit(task)
    assert fitted.stop_reason == {1: "cancelled", 3: "interrupted"}[value]
    assert not fitted.complete
    assert len(fitted.history["step"]) == 2
    assert np.isfinite(fitted.predict_proba(task.X)).all()


def test_the_time_limit_is_obeyed_inside_native_code(noise: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = noise
    trainer = NeuralNetworkTrainer(**{**SMALL, "max_epochs": 1_000_000})
    fitted = trainer.fit(make_task(X, y, 300, time_limit_s=0.2))
    assert (fitted.stop_reason, fitted.complete) == ("timeout", False)
    assert any("time limit" in sentence for sentence in fitted.warnings)


def test_a_stopped_fit_keeps_the_best_weights(noise: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = noise
    flag = np.zeros(1, dtype=np.uint8)

    def cancel(done: int, total: int) -> None:
        flag[0] = done >= 12

    task = make_task(X, y, 250, 100, stop=flag, progress=cancel)
    trainer = NeuralNetworkTrainer(hidden_dims=(32,), dropout=0.0, learning_rate=0.02, max_epochs=99, patience=99)
    fitted = trainer.fit(task)
    assert fitted.stop_reason == "cancelled"
    stop = task.stop_rows
    again = smoothed_loss(fitted.predict_proba(task.X, stop), y[stop], balanced(y[:250])[y[stop]], 0.2)
    assert again == pytest.approx(fitted.history["val_loss"].min(), abs=1e-6)


def test_an_error_in_the_progress_callback_reaches_the_caller(noise: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = noise

    def fail(done: int, total: int) -> None:
        raise LookupError("no such display")

    with pytest.raises(LookupError, match="no such display"):
        NeuralNetworkTrainer(**SMALL).fit(make_task(X, y, 300, progress=fail))


# ---- repeats itself ------


def same(a: Any, b: Any) -> bool:
    return all(a.arrays[name].tobytes() == b.arrays[name].tobytes() for name in a.arrays) and all(
        a.history[name].tobytes() == b.history[name].tobytes() for name in a.history
    )


@pytest.mark.parametrize(
    "trainer",
    [NeuralNetworkTrainer(**SMALL), LSTMTrainer(hidden_dim=8, lookback=4, max_epochs=3)],
    ids=["mlp", "lstm"],
)
def test_fits_side_by_side_equal_fits_one_after_another(noise: tuple[np.ndarray, np.ndarray], trainer: Any) -> None:
    X, y = noise
    tasks = [make_task(X, y, 250, 100, seed=seed, threads=threads) for seed, threads in ((1, 1), (2, 1), (1, 4))]
    serial = [trainer.fit(task) for task in tasks]
    with ThreadPoolExecutor(3) as pool:
        parallel = list(pool.map(trainer.fit, tasks))
    assert all(same(a, b) for a, b in zip(serial, parallel, strict=True))
    assert same(serial[0], serial[2])  # the same seed with another thread budget
    assert not same(serial[0], serial[1])


def test_prediction_does_not_depend_on_the_other_rows(noise: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = noise
    for trainer in (NeuralNetworkTrainer(**SMALL), LSTMTrainer(hidden_dim=8, lookback=4, max_epochs=1)):
        fitted = trainer.fit(make_task(X, y, 300))
        whole = fitted.predict_proba(X)
        some = np.array([399, 7, 7, 250], dtype=np.int64)
        assert fitted.predict_proba(X, some).tobytes() == whole[some].tobytes()
        assert fitted.predict_proba(X[:301], np.array([300])).tobytes() == whole[300:301].tobytes()


# ---- rows and weights ------


def test_rows_of_weight_zero_count_as_absent(noise: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = noise
    weight = np.ones(len(y))
    weight[::3] = 0.0
    task = make_task(X, y, 300, weight=weight)
    rows = task.rows[weight[:300] > 0]
    without = FitTask(X=task.X, y=task.y, rows=rows, n_classes=3)
    trainer = NeuralNetworkTrainer(**SMALL)
    assert same(trainer.fit(task), trainer.fit(without))


def test_balanced_weights_find_a_rare_class() -> None:
    rng = np.random.default_rng(3)
    y = (rng.random(800) < 0.08).astype(np.int32)
    X = (rng.normal(size=(800, 3)) + y[:, None]).astype(np.float32)
    settings = {"hidden_dims": (8,), "dropout": 0.0, "learning_rate": 0.01, "max_epochs": 15}
    chosen = [
        NeuralNetworkTrainer(**settings, class_weight=class_weight)
        .fit(make_task(X, y, 800))
        .predict_proba(X)[y == 1]
        .argmax(axis=1)
        .mean()
        for class_weight in ("balanced", None)
    ]
    assert chosen[0] > chosen[1] + 0.15


def test_a_class_absent_from_training_keeps_its_column(noise: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = noise
    task = make_task(X, np.where(y == 2, 0, y), 300)
    task = FitTask(X=task.X, y=task.y, rows=task.rows, n_classes=3)
    assert NeuralNetworkTrainer(**SMALL).fit(task).predict_proba(X).shape == (400, 3)


@pytest.mark.parametrize("n_train", [33, 65, 97])
def test_a_last_batch_of_one_row_joins_the_one_before(noise: tuple[np.ndarray, np.ndarray], n_train: int) -> None:
    X, y = noise
    fitted = NeuralNetworkTrainer(**SMALL).fit(make_task(X, y, n_train))  # batches of 32
    assert np.isfinite(fitted.history["train_loss"]).all()


def test_too_few_rows_and_one_class_are_named(noise: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = noise
    with pytest.raises(TooFewRows, match=r"at least 4 training rows, but there are 3"):
        NeuralNetworkTrainer(**SMALL).fit(make_task(X, y, 3))
    with pytest.raises(TooFewRows, match=r"at least 4 training rows with a full window.*there are 2"):
        LSTMTrainer(lookback=10).fit(make_task(X, y, 11))
    with pytest.raises(OneClass, match="single class"):
        NeuralNetworkTrainer(**SMALL).fit(FitTask(X=X, y=y * 0, rows=np.arange(300), n_classes=2))


def test_a_value_that_is_not_finite_names_column_and_row(noise: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = noise
    X = X.copy()
    X[17, 3] = np.nan
    with pytest.raises(InputError, match=r"column 3 holds nan in row 17"):
        NeuralNetworkTrainer(**SMALL).fit(make_task(X, y, 300))
    rows = np.arange(40, 300, dtype=np.int64)  # no window reaches back to row 17
    task = FitTask(X=X, y=y, rows=rows, n_classes=3)
    fitted = LSTMTrainer(hidden_dim=4, lookback=5, max_epochs=1).fit(task)
    with pytest.raises(InputError, match=r"column 3 holds nan in row 17"):
        fitted.predict_proba(X)
    X[17, 3] = np.inf
    with pytest.raises(InputError, match=r"column 3 holds inf in row 17"):
        LSTMTrainer(hidden_dim=4, lookback=30, max_epochs=1).fit(task)  # row 40 looks back to row 11


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": np.full(400, -1, dtype=np.int32)}, r"y must be a class code from 0 to 2"),
        ({"rows": np.array([3, 2, 1, 0, 5], dtype=np.int64)}, r"rows must be ascending"),
        (
            {"rows": np.array([396, 397, 398, 400], dtype=np.int64)},
            r"rows must be ascending row numbers below 400",
        ),
        ({"weight": np.full(400, np.nan)}, r"weight must be finite"),
        ({"X": np.zeros((400, 5))}, r"X must be float32"),
    ],
    ids=["labels", "order", "range", "weights", "dtype"],
)
def test_a_wrong_task_is_refused(noise: tuple[np.ndarray, np.ndarray], change: dict[str, Any], message: str) -> None:
    X, y = noise
    fields = {"X": X, "y": y, "rows": np.arange(300), "n_classes": 3, **change}
    with pytest.raises(InputError, match=message):
        NeuralNetworkTrainer(**SMALL).fit(FitTask(**fields))


def test_all_wrong_settings_are_listed_at_once() -> None:
    with pytest.raises(InputError) as caught:
        NeuralNetworkTrainer(hidden_dims=(8, 0), dropout=1.0, learning_rate=0, batch_size=1, class_weight="even")
    for name in ("hidden_dims[1]", "dropout", "learning_rate", "batch_size", "class_weight"):
        assert name in str(caught.value)
    with pytest.raises(InputError, match=r"lookback must be .* schedule must be"):
        LSTMTrainer(lookback=0, schedule="sine")
