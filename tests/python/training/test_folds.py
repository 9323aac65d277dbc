"""What a fold holds out, its features included, reaches nothing that is learned in that fold."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from smctrain.config import resolve
from smctrain.dataset import Dataset, make_dataset
from smctrain.features import build_features
from smctrain.models.base import FitTask, FittedModel
from smctrain.models.registry import make_trainer
from smctrain.prepare import Preparation
from smctrain.testing.market import simulate_market
from smctrain.training.bounds import Bounds
from smctrain.training.fitting import Fitter
from smctrain.training.parts import Parts, make_parts
from smctrain.training.symbol import feature_spec, make_labels

SETTINGS: dict[str, dict[str, Any]] = {
    "RandomForest": {"random_forest.n_estimators": 5},
    "XGBoost": {"xgboost.n_estimators": 10},
    "NeuralNetwork": {"neural_network.hidden_dims": [8], "neural_network.max_epochs": 2},
    "LSTM": {"lstm.hidden_dim": 4, "lstm.max_epochs": 1, "lstm.lookback": 60},
}


class Spy:
    """A trainer that keeps what its inner one learned."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.learned: list[dict[str, bytes]] = []
        self.tasks: list[FitTask] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def fit(self, task: FitTask) -> FittedModel:
        fitted: FittedModel = self.inner.fit(task)
        self.learned.append({name: array.tobytes() for name, array in fitted.to_state()[1].items()})
        self.tasks.append(task)
        return fitted


def small_case(family: str) -> tuple[Dataset, Parts, Any]:
    more = {"cv.folds": 3, "features.higher": [], "models": [family]}
    config = resolve(overrides=SETTINGS[family] | more).config
    bars = simulate_market(1, 2000)["SIM1"].base
    features = build_features(bars, feature_spec(bars, config))
    data = make_dataset("SIM1", features, make_labels(bars, config), bars.segment, 100)
    return data, make_parts(data, config, bars.time), config


def learned_in_folds(data: Dataset, parts: Parts, config: Any, family: str) -> Spy:
    spy = Spy(make_trainer(family, config.family_settings(family)))
    bounds = Bounds(42, 1, np.zeros(1, dtype=np.uint8), time.monotonic() + 100.0)
    prepare = Preparation.fit(data.X, parts.train, data.names)
    fitter = Fitter(data, parts, spy, config, bounds, prepare, lambda *_: None)
    for number, fold in enumerate(parts.folds):
        fitter.predict_fold(number, fold, False, f"fold{number}/0", False)
    return spy


@pytest.mark.parametrize("family", list(SETTINGS))
def test_held_out_rows_reach_nothing_that_is_learned_in_their_fold(family: str) -> None:
    data, parts, config = small_case(family)
    honest = learned_in_folds(data, parts, config, family)
    rng = np.random.default_rng(0)
    for number, fold in enumerate(parts.folds):
        # All bars of the fold, those without a label too: the first features to the last outcome it holds out.
        held_out = np.arange(fold.test[0], data.t1[fold.test].max() + 1)
        X, y = data.X.copy(), parts.y.copy()
        X[held_out] = rng.standard_normal((len(held_out), X.shape[1]))
        y[fold.test] = rng.permutation(y[fold.test])
        other = learned_in_folds(replace(data, X=X), replace(parts, y=y), config, family)
        assert other.learned[number] == honest.learned[number]
        assert any(other.learned[i] != honest.learned[i] for i in range(len(parts.folds)) if i != number)


@pytest.mark.parametrize("family", ["RandomForest", "NeuralNetwork"])
def test_a_column_that_only_the_held_out_rows_fill_is_not_kept_for_them(family: str) -> None:
    data, parts, config = small_case(family)
    X = data.X.copy()
    last = parts.folds[-1]
    X[:, 0] = 1.0
    X[last.test, 0] = np.arange(len(last.test))
    spy = learned_in_folds(replace(data, X=X), parts, config, family)
    width = [task.X.shape[1] for task in spy.tasks]
    assert width[-1] == width[0] - 1
