"""Augmentation by a generator: training rows only, behind the same gate, off by default."""

from __future__ import annotations

import importlib.util
import time
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest

from smctrain.config import resolve
from smctrain.models import gan
from smctrain.models.base import FitTask
from smctrain.prepare import Preparation
from smctrain.training.fitting import Bounds, Fitter, FoldOutcome

from .test_choosing import small_case

needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs torch")
GAN = {"augmentation.method": "gan", "augmentation.threshold": 300}


@pytest.fixture(autouse=True)
def short_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gan, "COPIES", replace(gan.COPIES, max_steps=60))


class Recorder:
    """A trainer that keeps the task it was given."""

    family: ClassVar[str] = "NeuralNetwork"
    needs_scaling: ClassVar[bool] = True
    is_sequence: ClassVar[bool] = False
    uses_stop_rows: ClassVar[bool] = False
    task: FitTask

    def fit(self, task: FitTask) -> Any:
        self.task = task
        return None


def recorded(**changes: Any) -> tuple[FitTask, np.ndarray, np.ndarray]:
    data, parts, config = small_case("default", **GAN)
    fit = parts.train[:150]
    if changes:
        X = data.X.copy()
        X[parts.train[150] :] = changes["later"]
        data = replace(data, X=X)
    bounds = Bounds(42, 1, np.zeros(1, dtype=np.uint8), time.monotonic() + 100.0)
    trainer = Recorder()
    fitter = Fitter(data, parts, trainer, config, bounds, Preparation.fit(data.X, fit, data.names), lambda *_: None)
    prepared = fitter.store.of(fit, fitted=fitter.prepare)
    fitter.fit(prepared, fit, np.empty(0, dtype=np.int64), True, "final", 1)
    return trainer.task, fit, parts.y


@needs_torch
def test_generated_rows_join_the_training_rows_behind_all_real_ones() -> None:
    task, fit, y = recorded()
    new = task.rows[len(fit) :]
    assert len(new) == 2 * len(fit)  # three times the rows below 200
    assert new.min() == len(y)
    assert np.isfinite(task.X[new]).all()
    shares = [np.bincount(codes, minlength=3) / len(codes) for codes in (task.y[fit], task.y[new])]
    np.testing.assert_allclose(shares[0], shares[1])
    assert not set(task.segment[new]) & set(task.segment[: len(y)])


@needs_torch
def test_rows_after_the_training_rows_change_no_generated_row() -> None:
    one, fit, _ = recorded()
    two, _, _ = recorded(later=12345.0)
    np.testing.assert_array_equal(one.X[one.rows[len(fit) :]], two.X[two.rows[len(fit) :]])


def test_columns_with_missing_values_are_a_reason_not_to_generate() -> None:
    data, parts, config = small_case("default", **GAN | {"augmentation.threshold": 100_000})
    X = data.X.copy()
    X[parts.train[5], 0] = np.nan
    trainer = Recorder()
    trainer.needs_scaling = False  # type: ignore[misc]
    bounds = Bounds(42, 1, np.zeros(1, dtype=np.uint8), time.monotonic() + 100.0)
    data = replace(data, X=X)
    fitter = Fitter(data, parts, trainer, config, bounds, Preparation.fit(X, parts.train, data.names), lambda *_: None)
    decision = fitter.decide_augmentation(FoldOutcome([], ""))
    assert decision["used"] is False
    assert "without missing values" in decision["reason"]


def test_copies_are_the_default() -> None:
    assert resolve().config.augmentation.method == "copies"
