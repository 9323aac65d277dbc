"""Fast mode: the shared input part has the gradient of the plain path; the fit is seeded and says what it changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smctrain import _load
from smctrain.exceptions import InputError
from smctrain.models._neural_common import NetShape
from smctrain.models._neural_fast import RUN, fast_settings
from smctrain.models.gru import GRUTrainer
from smctrain.models.lstm import LSTMTrainer
from smctrain.models.neural_network import NeuralNetworkTrainer

from .conftest import make_task

BATCHES = "batches of"
RUNS = f"runs of {RUN} neighbouring rows"


def gradient_of(shape: NetShape, block_rows: int, rows: np.ndarray) -> tuple[float, dict[str, np.ndarray]]:
    rng = np.random.default_rng(4)
    arrays = {name: rng.normal(scale=0.4, size=s).astype(np.float32) for name, s in shape.array_shapes().items()}
    X = rng.normal(size=(90, shape.n_features)).astype(np.float32)
    y = rng.integers(0, 3, size=90).astype(np.int32)
    weight = rng.uniform(0.2, 2.0, size=90)
    settings = {**LSTMTrainer(dropout=0.0).native(), "block_rows": block_rows}
    loss, gradient = _load.neural().neural_gradient(X, y, rows, weight, None, shape.native(), settings, arrays)
    return loss, gradient


@pytest.mark.parametrize("kind", ["lstm", "gru"])
@pytest.mark.parametrize(("lookback", "layers"), [(1, 1), (7, 1), (5, 2)])
def test_sharing_the_input_part_leaves_loss_and_gradient_as_they_are(kind: str, lookback: int, layers: int) -> None:
    shape = NetShape(kind, 6, (8,) * layers, lookback, 3)
    rows = np.r_[20:41, 60:62, 75].astype(np.int64)  # overlapping, apart, and alone
    loss, plain = gradient_of(shape, 0, rows)
    shared_loss, shared = gradient_of(shape, RUN, rows)
    assert shared_loss == loss  # the forward pass does the same sums
    for name, expected in plain.items():
        scale = max(float(np.abs(expected).max()), 1e-3)
        np.testing.assert_allclose(shared[name], expected, atol=1e-6 * scale, err_msg=name)


@pytest.fixture(scope="module")
def path() -> tuple[np.ndarray, np.ndarray]:
    """Class = whether the sum of a column over five rows is above zero."""
    rng = np.random.default_rng(8)
    X = rng.normal(size=(1500, 4)).astype(np.float32)
    sums = np.convolve(X[:, 0], np.ones(5))[: len(X)]
    return X, (sums > 0).astype(np.int32)


@pytest.mark.parametrize("trainer", [LSTMTrainer, GRUTrainer])
def test_a_fast_fit_is_seeded_learns_and_says_what_it_changed(
    trainer: Any, path: tuple[np.ndarray, np.ndarray]
) -> None:
    task = make_task(*path, 1100, 400)
    settings = {"hidden_dim": 16, "lookback": 5, "learning_rate": 0.005, "max_epochs": 12, "dropout": 0.0}
    fitted, again = (trainer(**settings, mode="fast").fit(task) for _ in range(2))
    assert all(fitted.arrays[name].tobytes() == again.arrays[name].tobytes() for name in fitted.arrays)
    assert max(fitted.history["val_accuracy"]) > 0.85
    (sentence,) = [sentence for sentence in fitted.warnings if "mode='fast'" in sentence]
    assert BATCHES in sentence
    assert RUNS in sentence
    standard = trainer(**settings).fit(task)
    assert not any("mode=" in sentence for sentence in standard.warnings)
    assert standard.arrays["head.bias"].tobytes() != fitted.arrays["head.bias"].tobytes()


def test_every_row_is_drawn_once_an_epoch(path: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = path
    trainer = LSTMTrainer(hidden_dim=4, lookback=3, batch_size=16, max_epochs=1, mode="fast")
    rows = np.arange(2, 1100, dtype=np.int64)
    settings, _ = fast_settings(trainer.native(), len(rows), runs=True)
    shape = NetShape("lstm", 4, (4,), 3, 2)
    none = np.empty(0, dtype=np.int64)
    native = _load.neural().neural_fit
    steps = native(X, y, rows, none, None, None, shape.native(), settings, 1, None, 0.0, None)["n_steps"]
    assert steps == -(-len(rows) // settings["batch_size"])


def test_a_fast_network_takes_larger_batches_and_no_runs(path: tuple[np.ndarray, np.ndarray]) -> None:
    fitted = NeuralNetworkTrainer(hidden_dims=(8,), batch_size=8, max_epochs=1, mode="fast").fit(
        make_task(*path, 1100, 400)
    )
    (sentence,) = fitted.warnings
    assert sentence == (
        "mode='fast': batches of 32 rows instead of 8, learning rate 0.002 instead of 0.001, patience 4 instead of 8."
    )


@pytest.mark.parametrize(
    ("optimizer", "n_rows", "batch", "rate"),
    [("adamw", 10_000, 256, 0.002), ("sgd", 10_000, 256, 0.004), ("adamw", 2_560, 128, 0.001 * 2**0.5),
     ("adamw", 100, 64, 0.001)],
)  # fmt: skip
def test_rate_follows_batch_and_small_data_keeps_its_steps(
    optimizer: str, n_rows: int, batch: int, rate: float
) -> None:
    settings, _ = fast_settings(NeuralNetworkTrainer(optimizer=optimizer).native(), n_rows, runs=False)
    assert settings["batch_size"] == batch
    assert settings["learning_rate"] == pytest.approx(rate)
    assert "block_rows" not in settings


@pytest.mark.parametrize(
    ("patience", "schedule", "expected"),
    [(15, "constant", 8), (8, "constant", 4), (4, "constant", 3), (2, "constant", 2), (15, "plateau", 15),
     (15, "cosine", 15)],
)  # fmt: skip
def test_a_fast_fit_waits_half_as_long_unless_the_rate_is_still_to_fall(
    patience: int, schedule: str, expected: int
) -> None:
    native = LSTMTrainer(patience=patience, schedule=schedule).native()
    settings, words = fast_settings(native, 10_000, runs=True)
    assert settings["patience"] == expected
    assert (f"patience {expected} instead of {patience}" in words) == (expected != patience)


def test_a_mode_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InputError, match="mode must be 'standard' or 'fast', but is 'quick'"):
        LSTMTrainer(mode="quick")
