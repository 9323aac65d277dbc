"""Nets of a run train side by side, one net a thread: folds of a symbol, its final model, seeds. Not a bit differs."""

from __future__ import annotations

import importlib.util
import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from smctrain import models
from smctrain.config import resolve
from smctrain.dataset import Dataset, make_dataset
from smctrain.features import build_features
from smctrain.models.base import FitTask, FittedModel
from smctrain.models.registry import make_trainer
from smctrain.prepare import Preparation
from smctrain.testing.market import simulate_market
from smctrain.training.bounds import Bounds
from smctrain.training.fitting import FamilyFit, Fitter
from smctrain.training.parts import Parts, make_parts
from smctrain.training.symbol import feature_spec, make_labels

pytestmark = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs torch")

SMALL: dict[str, dict[str, Any]] = {
    "NeuralNetwork": {"neural_network.hidden_dims": [8], "neural_network.max_epochs": 3},
    "LSTM": {"lstm.hidden_dim": 4, "lstm.max_epochs": 2, "lstm.lookback": 5},
    "GRU": {"gru.hidden_dim": 4, "gru.max_epochs": 2, "gru.lookback": 5},
    "CNN1D": {"cnn1d.channels": [4], "cnn1d.max_epochs": 2, "cnn1d.lookback": 5},
    "Transformer": {"transformer.d_model": 8, "transformer.max_epochs": 2, "transformer.lookback": 5},
}
Case = tuple[Dataset, Parts, Any]


@pytest.fixture(scope="module")
def case() -> Case:
    settings: dict[str, Any] = {"cv.folds": 3, "features.higher": [], "augmentation.enabled": False}
    for family in SMALL.values():
        settings |= family
    config = resolve(overrides=settings | {"models": list(SMALL)}).config
    bars = simulate_market(1, 1500)["SIM1"].base
    features = build_features(bars, feature_spec(bars, config))
    data = make_dataset("SIM1", features, make_labels(bars, config), bars.segment, 100)
    return data, make_parts(data, config, bars.time), config


class Meeting:
    """A trainer whose first `n` fits wait for one another in their first epoch: alone none of them would go on."""

    def __init__(self, inner: Any, n: int) -> None:
        self.inner, self.n = inner, n
        self.barrier = threading.Barrier(n, timeout=120)
        self.lock = threading.Lock()
        self.rows: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def fit(self, task: FitTask) -> FittedModel:
        with self.lock:
            self.rows.append(len(task.rows))
            waits = len(self.rows) <= self.n

        def progress(done: int, total: int) -> None:
            if waits and done == 1:
                self.barrier.wait()

        fitted: FittedModel = self.inner.fit(replace(task, progress=progress))
        return fitted


def run(case: Case, family: str, threads: int, meet: int = 1, **changes: Any) -> tuple[FamilyFit, Meeting]:
    data, parts, config = case
    trainer = Meeting(make_trainer(family, {**config.family_settings(family), **changes}), meet)
    bounds = Bounds(42, threads, np.zeros(1, dtype=np.uint8), float("inf"))
    prepare = Preparation.fit(data.X, parts.train, data.names)
    return Fitter(data, parts, trainer, config, bounds, prepare, lambda *_: None).run(), trainer


@pytest.mark.parametrize("family", SMALL)
def test_the_final_net_and_the_folds_train_at_the_same_time_and_end_with_the_same_bits(case: Case, family: str) -> None:
    serial, alone = run(case, family, threads=1)
    for threads in (2, 4):
        together, trainer = run(case, family, threads, meet=threads)
        assert sorted(trainer.rows) == sorted(alone.rows)
        assert len(case[1].fit) in trainer.rows[:threads]  # the longest starts first
        np.testing.assert_array_equal(together.folds.proba, serial.folds.proba)
        assert together.folds.accuracies == serial.folds.accuracies
        one, two = serial.model.to_state()[1], together.model.to_state()[1]
        assert all(one[name].tobytes() == two[name].tobytes() for name in one)


def test_a_final_net_that_hangs_on_what_the_folds_find_waits_for_them(case: Case) -> None:
    data, parts, config = case
    small = config.model_copy(
        update={"augmentation": config.augmentation.model_copy(update={"enabled": True, "threshold": 10**6})}
    )
    fitted, trainer = run((data, parts, small), "NeuralNetwork", threads=2, meet=2)
    assert trainer.rows.count(len(parts.fit)) <= 1
    assert len(parts.fit) not in trainer.rows[: len(parts.folds)]
    assert "synthetic rows" in fitted.augmentation["reason"]


def test_a_final_net_that_fails_beside_the_folds_fails_its_family(case: Case) -> None:
    with pytest.raises(models.registry.InputError, match="freeze_layers must be at most"):
        run(case, "NeuralNetwork", threads=2, freeze_layers=9, freeze_after=1)


def test_seeds_train_side_by_side_in_one_call(case: Case) -> None:
    data, parts, _ = case
    X = Preparation.fit(data.X, parts.train, data.names).transform(data.X)[parts.train]
    y = parts.y[parts.train]
    nets = [models.MLPClassifier((8,), max_epochs=2, device="cpu", random_state=seed) for seed in (1, 2, 3)]
    splits = [(np.arange(300), np.arange(340, 400))]
    both = [models.fit_many((X, y), nets, splits, n_jobs=jobs) for jobs in (1, 2)]
    for i, net in enumerate(nets):
        alone = net.fit(X[:300], y[:300]).predict_proba(X[340:400])
        for results in both:
            np.testing.assert_array_equal(results.out_of_fold(i)[340:400], alone)
