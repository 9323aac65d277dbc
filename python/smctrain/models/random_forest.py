"""Random forest: settings, fit on binned columns, fitted model.

>>> trainer = RandomForestTrainer(n_estimators=100)
>>> fitted = trainer.fit(task)                                    # doctest: +SKIP
>>> fitted.predict_proba(X)                                       # doctest: +SKIP
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from smctrain.exceptions import ArtifactError
from smctrain.models._forest_common import ForestSettings, GrownForest
from smctrain.models.base import FitTask, FloatMatrix
from smctrain.models.binned import BinnedMatrix as Binned
from smctrain.models.binned import make_binned

__all__ = ["Binned", "FittedForest", "RandomForestTrainer", "make_binned"]

_CLASS_WEIGHTS = ("balanced", "balanced_subsample")


class FittedForest(GrownForest):
    """A grown classification forest."""

    family: ClassVar[str] = "RandomForest"

    def predict_proba(
        self, X: FloatMatrix, rows: NDArray[np.int64] | None = None, segment: NDArray[np.int32] | None = None
    ) -> NDArray[np.float64]:
        """Mean class shares over trees (len(rows), n_classes). `segment` is not used."""
        proba: NDArray[np.float64] = self.native.predict_proba(X, rows, self.threads)
        return proba

    @classmethod
    def _check_kind(cls, n_classes: int, arrays: dict[str, NDArray[Any]]) -> None:
        if n_classes < 2:
            raise ArtifactError(f"forest: a classifier has at least 2 classes, but n_classes is {n_classes}.")


@dataclass(frozen=True)
class RandomForestTrainer(ForestSettings):
    """Settings of a random forest. Wrong ones are reported all at once.

    Parameters
    ----------
    class_weight : "balanced", "balanced_subsample" or None
        Weighs classes by the inverse of their share among training rows, or in each tree's draw.

    The others are those of `ForestSettings`.
    """

    class_weight: str | None = "balanced"

    family: ClassVar[str] = "RandomForest"

    def _problems(self) -> list[str]:
        problems = super()._problems()
        if not (self.class_weight is None or self.class_weight in _CLASS_WEIGHTS):
            problems.append(
                f"class_weight must be 'balanced', 'balanced_subsample' or None, but is {self.class_weight!r}."
            )
        return problems

    def fit(self, task: FitTask) -> FittedForest:
        """Grow the forest on `task.rows`. Rows of weight 0 count as absent; `task.stop_rows` are not used.

        Raises
        ------
        InputError, TooFewRows, OneClass
            The task cannot be learned from.
        SplitLeak
            `task.binned` was fitted on rows outside `task.rows`.
        TrainingFailed
            The fit was ended before its first tree.
        """
        return FittedForest(**self._run(task, task.y, task.n_classes))
