"""Stored networks: bit-equal after a round trip, refused when their meaning is wrong."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smctrain.exceptions import ArtifactError
from smctrain.models.lstm import FittedLSTM, LSTMTrainer
from smctrain.models.neural_network import FittedMLP, NeuralNetworkTrainer

from .conftest import make_task


@pytest.fixture(scope="module")
def fitted(noise: tuple[np.ndarray, np.ndarray]) -> dict[str, Any]:
    X, y = noise
    task = make_task(X, y, 250, 100)
    return {
        "mlp": NeuralNetworkTrainer(hidden_dims=(8, 4), max_epochs=2).fit(task),
        "lstm": LSTMTrainer(hidden_dim=6, num_layers=2, lookback=3, max_epochs=2).fit(task),
    }


@pytest.mark.parametrize("kind", ["mlp", "lstm"])
def test_state_round_trip_is_bit_equal(fitted: dict[str, Any], noise: tuple[np.ndarray, np.ndarray], kind: str) -> None:
    model = fitted[kind]
    again = type(model).from_state(*model.to_state())
    assert again.predict_proba(noise[0]).tobytes() == model.predict_proba(noise[0]).tobytes()
    for name in (
        "warnings",
        "stop_reason",
        "complete",
        "best_epoch",
        "best_loss",
        "left_out",
        "n_features",
        "n_classes",
    ):
        assert getattr(again, name) == getattr(model, name)
    for name, column in model.history.items():
        assert again.history[name].tobytes() == column.tobytes()


def test_a_fitted_model_travels_between_processes(fitted: dict[str, Any], noise: tuple[np.ndarray, np.ndarray]) -> None:
    model = fitted["lstm"]
    again = pickle.loads(pickle.dumps(model))  # what a worker does to hand its result back
    assert again.predict_proba(noise[0]).tobytes() == model.predict_proba(noise[0]).tobytes()


def test_weights_cannot_be_written(fitted: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="read-only"):
        fitted["mlp"].arrays["head.bias"][0] = 1.0


def test_a_network_has_no_importances_of_its_own(fitted: dict[str, Any]) -> None:
    assert fitted["mlp"].feature_importances() is None


def poke(name: str, index: Any, value: float) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    def change(meta: dict[str, Any], arrays: dict[str, Any]) -> None:
        arrays[name] = arrays[name].copy()
        arrays[name][index] = value

    return change


def put(name: str, value: Any) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    return lambda meta, arrays: meta.update({name: value})


def put_array(name: str, value: Any) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    return lambda meta, arrays: arrays.update({name: value})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (poke("head.weight", (0, 0), np.nan), "head.weight must be finite"),
        (poke("blocks.0.linear.weight", (0, 0), np.inf), "must be finite"),
        (poke("blocks.1.norm.running_var", 0, -1.0), "variances"),
        (put("kind", "lstm"), "kind"),
        (put("hidden", [8, 5]), "must be float32"),
        (put("hidden", []), "hidden"),
        (put("hidden", [8, True]), "hidden"),
        (put("hidden", [2**40]), "hidden"),
        (put("lookback", 2), "lookback"),
        (put("n_features", 6), "blocks.0.linear.weight"),
        (put("n_classes", 1), "n_classes"),
        (put("stop_reason", "tired"), "stop_reason"),
        (put("best_loss", float("nan")), "best_loss"),
        (put("warnings", "none"), "warnings"),
        (put_array("extra", np.zeros(3, dtype=np.float32)), "unknown: .*extra"),
        (put_array("head.bias", np.zeros(3)), "head.bias must be float32"),
        (put_array("head.bias", np.zeros((3, 1), dtype=np.float32)), "head.bias must be float32"),
        (put_array("history.val_loss", np.zeros(7)), "history.val_loss"),
        (lambda meta, arrays: arrays.pop("head.bias"), "missing: .*head.bias"),
        (lambda meta, arrays: meta.pop("n_features"), "n_features"),
    ],
)
def test_a_tampered_state_is_refused(
    fitted: dict[str, Any], change: Callable[[dict[str, Any], dict[str, Any]], Any], message: str
) -> None:
    meta, arrays = fitted["mlp"].to_state()
    change(meta, arrays)
    with pytest.raises(ArtifactError, match=message):
        FittedMLP.from_state(meta, arrays)


def test_one_family_does_not_read_the_other(fitted: dict[str, Any]) -> None:
    with pytest.raises(ArtifactError, match="kind"):
        FittedLSTM.from_state(*fitted["mlp"].to_state())


PROGRAM = """
import sys
{first}
import numpy as np
from smctrain.models.base import FitTask
from smctrain.models.lstm import LSTMTrainer
from smctrain.models.neural_network import NeuralNetworkTrainer
from smctrain.models.transformer import TransformerTrainer
rng = np.random.default_rng(0)
X = rng.normal(size=(200, 4)).astype(np.float32)
y = rng.integers(0, 3, size=200).astype(np.int32)
task = FitTask(X=X, y=y, rows=np.arange(150), stop_rows=np.arange(150, 200), n_classes=3)
trainers = [NeuralNetworkTrainer((16, 8), max_epochs=3), LSTMTrainer(8, max_epochs=3)]
trainers.append(TransformerTrainer(8, lookback=4, max_epochs=3, device="cpu"))  # trained by LibTorch's autograd
for trainer in trainers:
    print(trainer.fit(task).predict_proba(X).tobytes().hex())
print("torch" in sys.modules, file=sys.stderr)
"""


def test_the_same_model_with_and_without_importing_torch_first() -> None:
    results = []
    for first, loaded in (
        ("", "False"),
        ("import torch; torch.set_num_threads(2)", "True"),
    ):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", PROGRAM.format(first=first)],
            capture_output=True, text=True, check=True, env=environment(),
        )  # fmt: skip
        assert done.stderr.split()[-1] == loaded
        results.append(done.stdout)
    assert results[0] == results[1]
    assert len(results[0]) > 1000


def test_the_other_tests_pass_without_importing_torch() -> None:
    """In this process other test files have imported torch; here nobody has."""
    files = [str(Path(__file__).with_name(name)) for name in ("test_training.py", "test_windows.py")]
    program = (
        "import sys, pytest; "
        "code = pytest.main(['-q', '-x', '-p', 'no:cacheprovider', *sys.argv[1:]]); "
        "assert 'torch' not in sys.modules; sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *files],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
