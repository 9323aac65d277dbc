"""Regression forests: mean targets, and quantiles of the training targets.

`FitTask.y` holds a number (float64) for every row, `n_classes` is 0.

Quantiles: each tree weighs the training rows in the leaf of x equally (times their draws and weights); the mean over
trees is a distribution of the target given x, whose quantile is the least target that the summed weight reaches.
Source: Meinshausen, "Quantile regression forests", JMLR 7 (2006).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from smctrain.exceptions import ArtifactError, InputError
from smctrain.models._forest_common import MAX_BINS, ForestSettings, GrownForest
from smctrain.models.base import FitTask, FloatMatrix


class FittedRegressionForest(GrownForest):
    """A grown regression forest."""

    family: ClassVar[str] = "RandomForestRegressor"
    least_score: ClassVar[float] = -math.inf

    def __init__(self, native: Any, **told: Any) -> None:
        super().__init__(native, **told)
        self.n_classes = 0

    def predict(self, X: FloatMatrix, rows: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """Mean target over trees (len(rows),)."""
        values: NDArray[np.float64] = self.native.predict_proba(X, rows, self.threads)[:, 0]
        return values

    @classmethod
    def _check_kind(cls, n_classes: int, arrays: dict[str, NDArray[Any]]) -> None:
        if n_classes != 1:
            raise ArtifactError(f"forest: a regression forest has n_classes 1, but it is {n_classes}.")


class FittedExtraTreesRegression(FittedRegressionForest):
    """A grown forest of extremely randomised regression trees."""

    family: ClassVar[str] = "ExtraTreesRegressor"


class FittedQuantileForest(FittedRegressionForest):
    """A grown regression forest that keeps the training targets of its leaves."""

    family: ClassVar[str] = "RandomForestQuantileRegressor"

    def predict_quantiles(self, X: FloatMatrix, levels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Quantiles (n, len(levels))."""
        values: NDArray[np.float64] = self.native.quantiles(X, levels, self.threads)
        return values

    @classmethod
    def _check_kind(cls, n_classes: int, arrays: dict[str, NDArray[Any]]) -> None:
        super()._check_kind(n_classes, arrays)
        if "member_target" not in arrays:
            raise ArtifactError("forest: a quantile forest needs the training targets, but the state has none.")


@dataclass(frozen=True)
class RandomForestRegressorTrainer(ForestSettings):
    """Settings of a regression forest (squared error)."""

    max_features: str | int | float | None = 1 / 3

    family: ClassVar[str] = "RandomForestRegressor"
    fitted: ClassVar[type[FittedRegressionForest]] = FittedRegressionForest

    def fit(self, task: FitTask) -> FittedRegressionForest:
        """Grow the forest on `task.rows`, as `RandomForestTrainer.fit`.

        Raises
        ------
        InputError, TooFewRows
            The task cannot be learned from.
        """
        target: NDArray[Any] = task.y
        if target.dtype != np.float64:
            raise InputError(f"task.y must be float64 for a regression forest, but is {target.dtype}.")
        return self.fitted(**self._run(task, target, 1))


@dataclass(frozen=True)
class ExtraTreesRegressorTrainer(RandomForestRegressorTrainer):
    """Settings of extremely randomised regression trees, by default without drawing rows, and with a bin for every
    distinct value (see `ExtraTreesTrainer`)."""

    max_samples: int | float | None = None
    n_bins: int = MAX_BINS
    bootstrap: bool = False
    oob_score: bool = False

    family: ClassVar[str] = "ExtraTreesRegressor"
    random_splits: ClassVar[bool] = True
    fitted: ClassVar[type[FittedRegressionForest]] = FittedExtraTreesRegression


@dataclass(frozen=True)
class QuantileForestTrainer(RandomForestRegressorTrainer):
    """Settings of a quantile regression forest."""

    family: ClassVar[str] = "RandomForestQuantileRegressor"
    keeps_members: ClassVar[bool] = True
    fitted: ClassVar[type[FittedRegressionForest]] = FittedQuantileForest
