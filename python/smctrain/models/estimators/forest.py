"""Classification forests with scikit-learn's parameter names."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from smctrain.models.base import Trainer
from smctrain.models.estimators._base import NativeClassifier
from smctrain.models.estimators._forest import ForestExplanations, forest_settings, oob_values, require_oob


class RandomForestClassifier(ForestExplanations, NativeClassifier):
    """Bagged classification trees over binned columns; missing values go to the better side of each split.

    Defaults are strong regularisation for market data, not scikit-learn's.

    Parameters
    ----------
    n_estimators : int
        Trees.
    max_depth : int or None
        Levels below the root; None: no limit.
    min_samples_split, min_samples_leaf : int or float
        Distinct rows a node needs to be split, and a child to exist; or a share of the rows.
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
    max_leaf_nodes : int or None
        Leaves a tree may have; the splits that gain most are made first.
    min_weight_fraction_leaf : float
        Share of the total weight that a leaf needs, 0 to 0.5.
    min_impurity_decrease : float
        Weighted impurity a split must save.
    ccp_alpha : float
        Complexity cost per leaf: minimal cost-complexity pruning.
    max_bins : int
        Quantile bins per column, at most 65,535; up to 255 are fastest.
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
        min_samples_split: int | float = 20,
        min_samples_leaf: int | float = 10,
        max_features: str | int | float | None = "sqrt",
        max_samples: int | float | None = 0.7,
        bootstrap: bool = True,
        class_weight: str | dict[Any, float] | None = "balanced",
        oob_score: bool = False,
        max_leaf_nodes: int | None = None,
        min_weight_fraction_leaf: float = 0.0,
        min_impurity_decrease: float = 0.0,
        ccp_alpha: float = 0.0,
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
        self.max_leaf_nodes = max_leaf_nodes
        self.min_weight_fraction_leaf = min_weight_fraction_leaf
        self.min_impurity_decrease = min_impurity_decrease
        self.ccp_alpha = ccp_alpha
        self.max_bins = max_bins
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _make_trainer(self) -> Trainer:
        from smctrain.models.random_forest import RandomForestTrainer

        return self._trainer_of(RandomForestTrainer)

    def _trainer_of(self, trainer: Any) -> Trainer:
        class_weight = None if isinstance(self.class_weight, dict) else self.class_weight
        made: Trainer = trainer(**forest_settings(self), class_weight=class_weight)
        return made

    @property
    def oob_score_(self) -> float:
        """Share of rows classified correctly by the trees that did not see them."""
        require_oob(self)
        return float(self.fitted_.oob_score)  # type: ignore[attr-defined]

    @property
    def oob_decision_function_(self) -> NDArray[np.float64]:
        """Class probabilities of the training rows (n, k) by the trees that did not see them, NaN where all did.
        Not stored: a loaded model has none."""
        return oob_values(self)


class ExtraTreesClassifier(RandomForestClassifier):
    """Extremely randomised trees: one random split per column tried, the best of them taken.

    Parameters are those of `RandomForestClassifier`; by default every tree sees every row. A split is drawn uniformly
    between the lowest and the highest value of a node, scikit-learn's rule: by default every distinct value has a bin
    of its own (up to 65,535). With fewer bins, their means stand for their values, which tames extreme values and is
    faster.
    Missing values go to a random side. `oob_score` needs `bootstrap=True`.
    """

    _family: ClassVar[str] = "ExtraTrees"

    def __init__(
        self,
        n_estimators: int = 200,
        *,
        max_depth: int | None = 10,
        min_samples_split: int | float = 20,
        min_samples_leaf: int | float = 10,
        max_features: str | int | float | None = "sqrt",
        max_samples: int | float | None = None,
        bootstrap: bool = False,
        class_weight: str | dict[Any, float] | None = "balanced",
        oob_score: bool = False,
        max_leaf_nodes: int | None = None,
        min_weight_fraction_leaf: float = 0.0,
        min_impurity_decrease: float = 0.0,
        ccp_alpha: float = 0.0,
        max_bins: int = 65_535,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        super().__init__(
            n_estimators,
            max_depth=max_depth,
            min_samples_split=min_samples_split,
            min_samples_leaf=min_samples_leaf,
            max_features=max_features,
            max_samples=max_samples,
            bootstrap=bootstrap,
            class_weight=class_weight,
            oob_score=oob_score,
            max_leaf_nodes=max_leaf_nodes,
            min_weight_fraction_leaf=min_weight_fraction_leaf,
            min_impurity_decrease=min_impurity_decrease,
            ccp_alpha=ccp_alpha,
            max_bins=max_bins,
            random_state=random_state,
            n_jobs=n_jobs,
        )

    def _make_trainer(self) -> Trainer:
        from smctrain.models.extra_trees import ExtraTreesTrainer

        return self._trainer_of(ExtraTreesTrainer)
