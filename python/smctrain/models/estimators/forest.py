"""Random forest with scikit-learn's parameter names."""

from __future__ import annotations

from typing import Any, ClassVar

from smctrain.models.base import Trainer
from smctrain.models.estimators._base import NativeClassifier


class RandomForestClassifier(NativeClassifier):
    """Bagged classification trees over binned columns; missing values go to the better side of each split.

    Defaults are strong regularisation for market data, not scikit-learn's.

    Parameters
    ----------
    n_estimators : int
        Trees.
    max_depth : int or None
        Levels below the root; None: no limit.
    min_samples_split, min_samples_leaf : int
        Distinct rows a node needs to be split, and a child to exist.
    max_features : "sqrt", "log2", int, float or None
        Columns tried per node; None: all.
    max_samples : int, float or None
        Rows drawn per tree, with replacement; None: as many as there are.
    bootstrap : bool
        False: every tree sees every row.
    class_weight : "balanced", "balanced_subsample", dict or None
    oob_score : bool
        Show the accuracy on rows that a tree did not see as `oob_score_`. Labels that overlap in time make it
        optimistic; cross-validation with purging does not have that fault.
    max_bins : int
        Quantile bins per column, at most 255.
    random_state : int, RandomState, Generator or None
    n_jobs : int or None
        Threads; None: 1, -1: all cores. The forest is the same for any number.
    """

    _family: ClassVar[str] = "RandomForest"
    _allow_nan: ClassVar[bool] = True

    def __init__(
        self,
        n_estimators: int = 200,
        *,
        max_depth: int | None = 10,
        min_samples_split: int = 20,
        min_samples_leaf: int = 10,
        max_features: str | int | float | None = "sqrt",
        max_samples: int | float | None = 0.7,
        bootstrap: bool = True,
        class_weight: str | dict[Any, float] | None = "balanced",
        oob_score: bool = False,
        max_bins: int = 255,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.min_samples_split = min_samples_split
        self.min_samples_leaf = min_samples_leaf
        self.max_features = max_features
        self.max_samples = max_samples
        self.bootstrap = bootstrap
        self.class_weight = class_weight
        self.oob_score = oob_score
        self.max_bins = max_bins
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _make_trainer(self) -> Trainer:
        from smctrain.models.random_forest import RandomForestTrainer

        trainer: Trainer = RandomForestTrainer(
            n_estimators=self.n_estimators,
            max_depth=self.max_depth,
            min_samples_split=self.min_samples_split,
            min_samples_leaf=self.min_samples_leaf,
            max_features=self.max_features,
            max_samples=self.max_samples,
            bootstrap=self.bootstrap,
            class_weight=None if isinstance(self.class_weight, dict) else self.class_weight,
            n_bins=self.max_bins,
            oob_score=self.oob_score,
        )
        return trainer

    @property
    def oob_score_(self) -> float:
        """Share of rows classified correctly by the trees that did not see them."""
        if not self.oob_score:
            raise AttributeError("oob_score_ exists only with oob_score=True.")
        return float(self.fitted_.oob_score)  # type: ignore[attr-defined]
