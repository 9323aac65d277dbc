"""A stored network loads and predicts where torch cannot be imported, without the code that trains."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from smctrain.models.cnn1d import CNN1DTrainer
from smctrain.models.gru import GRUTrainer
from smctrain.models.lstm import LSTMTrainer
from smctrain.models.neural_network import NeuralNetworkTrainer

from .conftest import make_task

PROGRAM = """
import importlib.abc, json, sys
class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torch" or name == "smctrain._neural":
            raise ImportError(name + " must not be imported")
sys.meta_path.insert(0, Refuse())
import numpy as np
from smctrain.models.registry import fitted_from_state
family, meta_file, array_file, X_file, out_file = sys.argv[1:]
fitted = fitted_from_state(family, json.load(open(meta_file)), dict(np.load(array_file)))
np.save(out_file, fitted.predict_proba(np.load(X_file)))
mapped = open("/proc/self/maps").read() if sys.platform == "linux" else ""
assert "libtorch" not in mapped and "_neural" not in mapped
"""


@pytest.mark.parametrize(
    ("family", "trainer"),
    [
        ("NeuralNetwork", NeuralNetworkTrainer(hidden_dims=(8, 4), max_epochs=1)),
        ("LSTM", LSTMTrainer(hidden_dim=6, num_layers=2, lookback=3, max_epochs=1)),
        ("GRU", GRUTrainer(hidden_dim=6, lookback=3, max_epochs=1)),
        ("CNN1D", CNN1DTrainer(lookback=3, max_epochs=1)),
    ],
)
def test_a_stored_network_predicts_where_torch_cannot_be_imported(
    family: str, trainer: object, noise: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    X, y = noise
    fitted = trainer.fit(make_task(X, y, 250, 100))  # type: ignore[attr-defined]
    meta, arrays = fitted.to_state()
    (tmp_path / "meta.json").write_text(json.dumps(meta))
    np.savez(tmp_path / "arrays.npz", **arrays)
    np.save(tmp_path / "X.npy", X)
    files = [str(tmp_path / name) for name in ("meta.json", "arrays.npz", "X.npy", "out.npy")]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, family, *files], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert np.load(tmp_path / "out.npy").tobytes() == fitted.predict_proba(X).tobytes()
