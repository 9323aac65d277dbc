"""Training control of networks in a run: schedule, curriculum, frozen layers, fast mode and device show in results."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

import smctrain as st

pytestmark = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs torch")


def test_what_was_asked_for_is_visible_in_the_history_of_the_run() -> None:
    settings: dict[str, Any] = {
        "evaluation.outer": "holdout",
        "cv.folds": 3,
        "features.higher": [],
        "augmentation.enabled": False,
        "neural_network.hidden_dims": [8, 6],
        "neural_network.learning_rate": 0.01,
        "neural_network.schedule": "plateau",
        "neural_network.max_epochs": 8,
        "neural_network.patience": 8,
        "neural_network.visible_from": {"fvg_*": 3, "ob_*": 2, "no_such_column_*": 4},
        "neural_network.freeze_layers": 1,
        "neural_network.freeze_after": 5,
        "lstm.mode": "fast",
        "lstm.hidden_dim": 4,
        "lstm.max_epochs": 2,
        "random_forest.n_estimators": 4,
    }
    run = st.train(st.simulate_market(1, 1500), settings, models=["mlp", "lstm", "rf"])
    models = run.symbols["SIM1"].models
    mlp = models["NeuralNetwork"]
    epochs = [int(step) for step in mlp.curves["step"] if step is not None]
    assert epochs == list(range(1, len(epochs) + 1))
    visible = mlp.curves["columns_visible"]
    assert visible[0] < visible[1] < visible[2] == visible[-1]
    assert mlp.curves["layers_frozen"] == [0, 0, 0, 0, 0, 1, 1, 1][: len(epochs)]
    assert mlp.curves["learning_rate"][0] == 0.01
    assert "visible_from names 'no_such_column_*', which no column has." in mlp.warnings
    assert mlp.settings["visible_from"] == settings["neural_network.visible_from"]
    fast = models["LSTM"]
    assert any(sentence.startswith("mode='fast': ") for sentence in fast.warnings)
    assert fast.settings["mode"] == "fast"
    assert mlp.device in ("cpu", "cuda")
    assert fast.device in ("cpu", "cuda")
    assert models["RandomForest"].device == ""
