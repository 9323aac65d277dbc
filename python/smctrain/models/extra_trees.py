"""Extremely randomised trees: one random split per column tried, the best of them taken.

Splits are drawn on binned columns: a point uniform between the centres of the lowest and the highest bin of the node,
which is scikit-learn's rule on values rounded to their bin's centre. Source: Geurts, Ernst and Wehenkel, "Extremely
randomized trees", Machine Learning 63 (2006).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from smctrain.models._forest_common import MAX_BINS
from smctrain.models.base import FitTask
from smctrain.models.random_forest import FittedForest, RandomForestTrainer


class FittedExtraTrees(FittedForest):
    """A grown forest of extremely randomised classification trees."""

    family: ClassVar[str] = "ExtraTrees"


@dataclass(frozen=True)
class ExtraTreesTrainer(RandomForestTrainer):
    """Settings of extremely randomised trees: those of a random forest, by default without drawing rows.

    Split points are uniform over a column's range in the node, so by default every distinct value has a bin, as in
    scikit-learn. Fewer bins (255 are fastest) draw between means of outer bins, which single extreme values move less.
    """

    max_samples: int | float | None = None
    n_bins: int = MAX_BINS
    bootstrap: bool = False
    oob_score: bool = False

    family: ClassVar[str] = "ExtraTrees"
    random_splits: ClassVar[bool] = True

    def fit(self, task: FitTask) -> FittedExtraTrees:
        """As `RandomForestTrainer.fit`."""
        return FittedExtraTrees(**self._run(task, task.y, task.n_classes))
