"""LibTorch's path against the hand-written one: the same numbers from the same weights, batches and dropout; and where
a network is trained."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from smctrain import _load
from smctrain.exceptions import ArtifactError, InputError
from smctrain.models import _devices, _neural_common
from smctrain.models._neural_common import NetShape
from smctrain.models.cnn1d import CNN1DTrainer
from smctrain.models.gru import GRUTrainer
from smctrain.models.lstm import FittedLSTM, LSTMTrainer
from smctrain.models.neural_network import NeuralNetworkTrainer
from smctrain.models.transformer import TransformerTrainer

from .conftest import make_task

SETTINGS = NeuralNetworkTrainer(weight_decay=0.0, label_smoothing=0.1, max_epochs=1, patience=1).native()
SHAPES = [
    NetShape("mlp", 6, (7,), 1, 3),
    NetShape("mlp", 4, (16, 9, 5), 1, 2),
    NetShape("mlp", 57, (256, 128, 64), 1, 3),
    NetShape("lstm", 6, (8,), 1, 3),
    NetShape("lstm", 6, (8,), 7, 3),
    NetShape("lstm", 3, (8, 8, 8), 4, 2),
    NetShape("lstm", 57, (64,), 10, 3),
    NetShape("gru", 6, (8,), 1, 3),
    NetShape("gru", 6, (8, 8), 5, 4),
    NetShape("gru", 57, (64,), 10, 3),
    NetShape("cnn", 6, (8,), 1, 3, 3),
    NetShape("cnn", 6, (8, 5, 7), 9, 3, 2),
    NetShape("cnn", 6, (8, 5, 7), 4, 3, 3),
    NetShape("cnn", 20, (32, 32, 32), 20, 3, 3),
]
TRAINERS: dict[str, Any] = {
    "mlp": NeuralNetworkTrainer((16, 8), batch_size=32, max_epochs=8, dropout=0.2),
    "lstm": LSTMTrainer(hidden_dim=8, num_layers=2, lookback=4, batch_size=32, max_epochs=6, dropout=0.2),
    "gru": GRUTrainer(hidden_dim=8, num_layers=2, lookback=4, batch_size=32, max_epochs=6, dropout=0.2),
    "cnn": CNN1DTrainer((8, 8), lookback=4, batch_size=32, max_epochs=6, dropout=0.2),
}


def random_arrays(shape: NetShape) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    arrays = {}
    for name, extents in shape.array_shapes().items():
        array = rng.normal(scale=0.4 if max(extents) < 50 else 0.1, size=extents)
        arrays[name] = (np.abs(array) + 0.5 if name.endswith("running_var") else array).astype(np.float32)
    return arrays


@pytest.fixture
def torch_path(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call it to send the fits that follow over LibTorch."""
    return lambda: monkeypatch.setattr(_neural_common, "_path_for_tests", "torch")


@pytest.mark.parametrize("dropout", [0.0, 0.3], ids=["no dropout", "the same dropout"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_both_paths_give_equal_losses_and_gradients(shape: NetShape, dropout: float) -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(83, shape.n_features)).astype(np.float32)
    y = rng.integers(0, shape.n_classes, size=83).astype(np.int32)
    weight = rng.uniform(0.2, 2.0, size=83)
    rows = np.arange(shape.lookback - 1, 83, dtype=np.int64)
    found = [
        _load.neural_devices().neural_gradient(
            X, y, rows, weight, None, shape.native(),
            {**SETTINGS, "dropout": dropout, "path": path}, random_arrays(shape),
        )
        for path in ("fused", "torch")
    ]  # fmt: skip
    (loss, gradient), (other_loss, other) = found
    assert loss == pytest.approx(other_loss, rel=1e-5)
    assert gradient.keys() == other.keys()
    for name, array in gradient.items():
        scale = max(float(np.abs(other[name]).max()), 1e-3)
        # Two sums in float32, so up to twice what either is off.
        np.testing.assert_allclose(array, other[name], atol=min(2e-5 * scale, 1e-5), rtol=0, err_msg=name)
    if dropout:
        plain, _ = _load.neural_devices().neural_gradient(
            X,
            y,
            rows,
            weight,
            None,
            shape.native(),
            {**SETTINGS, "dropout": 0.0, "path": "torch"},
            random_arrays(shape),
        )
        assert plain != pytest.approx(other_loss, rel=1e-4)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize("name", TRAINERS)
def test_fits_by_both_paths_end_alike(
    name: str, optimizer: str, noise: tuple[np.ndarray, np.ndarray], torch_path: Any
) -> None:
    """Every feature of the loop over LibTorch: the device path, on the CPU."""
    trainer = replace(
        TRAINERS[name], optimizer=optimizer, freeze_layers=1, freeze_after=4, visible_from=(1, 1, 1, 2, 3),
        calibration="temperature", learning_rate=0.01, clip_norm=0.3, restarts=1, device="cpu",
    )  # fmt: skip
    task = make_task(*noise, 250, 100)
    fused = trainer.fit(task)
    torch_path()
    torch = trainer.fit(task)
    assert torch.device == fused.device == "cpu"
    assert any(not np.array_equal(torch.arrays[key], fused.arrays[key]) for key in fused.arrays)  # another path
    assert torch.best_epoch == fused.best_epoch
    for column in ("train_loss", "val_loss", "grad_norm", "learning_rate"):
        np.testing.assert_allclose(torch.history[column], fused.history[column], rtol=0.01, err_msg=column)
    assert torch.temperature == pytest.approx(fused.temperature, rel=0.01)
    X = noise[0]
    np.testing.assert_allclose(torch.predict_proba(X), fused.predict_proba(X), atol=0.005)


def test_the_kept_weights_have_the_best_validation_loss_over_libtorch(
    noise: tuple[np.ndarray, np.ndarray], torch_path: Any
) -> None:
    X, y = noise
    torch_path()
    fitted = NeuralNetworkTrainer(
        (16,), max_epochs=15, patience=15, learning_rate=0.02, class_weight=None, label_smoothing=0.0
    ).fit(make_task(X, y, 250, 100))
    stop = np.arange(250, 350)
    loss = -np.mean(np.log(fitted.predict_proba(X, stop)[np.arange(100), y[stop]]))
    assert loss == pytest.approx(fitted.history["val_loss"].min(), rel=1e-5)
    assert fitted.best_epoch < 15


def test_a_fit_over_libtorch_recovers_from_numbers_that_are_not_finite(
    noise: tuple[np.ndarray, np.ndarray], torch_path: Any
) -> None:
    torch_path()
    trainer = NeuralNetworkTrainer((8,), max_epochs=6, learning_rate=1e30, clip_norm=0.0, optimizer="sgd")
    fitted = trainer.fit(make_task(*noise, 250, 100))
    assert any("last sound weights" in sentence for sentence in fitted.warnings)
    assert all(np.isfinite(array).all() for array in fitted.arrays.values())


# --- where -------------------------------------------------------------------------------------------------------


def found_cuda() -> tuple[bool, str]:
    works, words = _load.neural_devices().neural_cuda()
    return works, words


def test_cuda_without_a_device_is_an_error_that_says_what_was_found(
    noise: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_devices, "_cuda", lambda: (False, "this build of LibTorch has no CUDA part"))
    with pytest.raises(InputError, match=r'device is "cuda", but this build of LibTorch has no CUDA part\. Install'):
        NeuralNetworkTrainer((4,), device="cuda").fit(make_task(*noise, 100))


def test_auto_takes_what_works_and_says_so(
    noise: tuple[np.ndarray, np.ndarray], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_neural_common, "WORK_FOR_A_DEVICE", 1)  # large enough, whatever it is
    works, words = found_cuda()
    assert words
    with caplog.at_level(logging.INFO, logger="smctrain"):
        fitted = NeuralNetworkTrainer((4,), max_epochs=1).fit(make_task(*noise, 100))
    assert fitted.device == ("cuda" if works else "cpu")
    assert f"NeuralNetwork trains on {fitted.device} (device='auto': {words})" in caplog.text


def test_auto_looks_for_no_device_where_a_step_is_too_small_to_gain_and_says_so(
    noise: tuple[np.ndarray, np.ndarray], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looked() -> tuple[bool, str]:
        raise AssertionError("looked for a device")

    monkeypatch.setattr(_devices, "_cuda", looked)
    with caplog.at_level(logging.INFO, logger="smctrain"):
        fitted = NeuralNetworkTrainer((4,), max_epochs=1, batch_size=20).fit(make_task(*noise, 100))
    assert fitted.device == "cpu"
    work = 20 * (5 * 4 + 5 * 4 + 4 * 3 + 3)  # weights, then bias and norm, then head
    words = f"a step is {work:,} weights x rows, and auto looks for a device from 32,000,000 on"
    assert f"NeuralNetwork trains on cpu (device='auto': {words})" in caplog.text


@pytest.mark.parametrize(
    ("trainer", "rows", "large"),
    [
        (NeuralNetworkTrainer(), 5000, False),
        (NeuralNetworkTrainer((2048, 2048), batch_size=64), 5000, True),
        (NeuralNetworkTrainer((2048, 2048), batch_size=64), 5, False),
        (LSTMTrainer(), 5000, False),
        (LSTMTrainer(256, lookback=60, batch_size=256), 5000, True),
        (GRUTrainer(batch_size=256), 5000, True),
        (CNN1DTrainer(), 5000, False),
        (TransformerTrainer(), 5000, True),
        (TransformerTrainer(8, lookback=5, batch_size=16), 5000, False),
    ],
    ids=lambda value: value.family if hasattr(value, "family") else str(value),
)
def test_what_counts_as_large(trainer: Any, rows: int, large: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[bool] = []

    def choose(device: str, work: int, enough: int) -> Any:
        chosen.append(work >= enough)
        raise InterruptedError

    monkeypatch.setattr(_neural_common, "choose_device", choose)
    X = np.zeros((rows, 57), dtype=np.float32)
    with pytest.raises(InterruptedError):
        trainer.fit(make_task(X, np.arange(rows) % 3, rows))
    assert chosen == [large]


def test_a_device_that_does_not_exist_is_refused_with_the_settings() -> None:
    with pytest.raises(InputError, match="device must be 'auto' or 'cpu' or 'cuda', but is 'gpu'"):
        LSTMTrainer(device="gpu")


def test_the_device_is_stored_and_files_without_it_are_of_the_cpu(noise: tuple[np.ndarray, np.ndarray]) -> None:
    fitted = LSTMTrainer(hidden_dim=4, lookback=3, max_epochs=1, device="cpu").fit(make_task(*noise, 100))
    meta, arrays = fitted.to_state()
    assert meta["device"] == "cpu"
    with pytest.raises(ArtifactError, match="device must be one of"):
        FittedLSTM.from_state({**meta, "device": "tpu"}, arrays)
    del meta["device"]
    assert FittedLSTM.from_state(meta, arrays).device == "cpu"


@pytest.mark.parametrize("trainer", [*TRAINERS.values(), TransformerTrainer(8, lookback=4, max_epochs=5)], ids=str)
def test_a_cuda_device_trains_as_the_cpu_does(trainer: Any, noise: tuple[np.ndarray, np.ndarray]) -> None:
    works, words = found_cuda()
    if not works:
        pytest.skip(f"the CUDA path was not run: {words}")
    task = make_task(*noise, 250, 100)
    here, there = replace(trainer, device="cpu").fit(task), replace(trainer, device="cuda").fit(task)
    assert there.device == "cuda"
    np.testing.assert_allclose(there.history["val_loss"], here.history["val_loss"], rtol=0.01)
    np.testing.assert_allclose(there.predict_proba(noise[0]), here.predict_proba(noise[0]), atol=0.01)
