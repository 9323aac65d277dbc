"""What a family scores on its inner folds when one column more is left out."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from smctrain.config import Config
from smctrain.dataset import Dataset
from smctrain.models.registry import make_trainer
from smctrain.training.bounds import Bounds
from smctrain.training.fitting import Fitter
from smctrain.training.guard import Guard
from smctrain.training.parts import Parts
from smctrain.training.prepared import FoldStore
from smctrain.training.recipe import prepare_settings


class ScoreWithout:
    """Called with a family and a column: accuracies of its inner folds without that column."""

    def __init__(
        self, data: Dataset, parts: Parts, config: Config, threads: int, stop: NDArray[np.uint8], guard: Guard
    ) -> None:
        self.data, self.parts, self.config = data, parts, config
        self.threads, self.stop, self.guard = threads, stop, guard

    def __call__(self, family: str, column: str) -> list[float]:
        config = self.config
        out = {**self.guard.quarantine, column: "left out"}
        store = FoldStore(self.data, settings=prepare_settings(config), quarantine=out)
        limit = time.monotonic() + 60.0 * config.training.time_limit_minutes
        bounds = Bounds(config.training.seed, self.threads, self.stop, limit)
        trainer = make_trainer(family, config.family_settings(family))
        prepare = store.of(self.parts.train).prepare
        fitter = Fitter(
            self.data, self.parts, trainer, config, bounds, prepare, _silent, store, None, self.guard.provenance
        )
        return fitter.cross_validate(augmented=False, repeat=0).accuracies


def _silent(*_: object) -> None:
    """Nobody is told."""
