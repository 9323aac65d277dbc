"""Regression forests with scikit-learn's parameter names."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain.exceptions import InputError
from smctrain.models.estimators._forest import ForestExplanations, forest_settings, oob_values, require_oob
from smctrain.models.estimators._regressor import NativeRegressor


class RandomForestRegressor(ForestExplanations, NativeRegressor):
    """Bagged regression trees (squared error) over binned columns; missing values go to the better side of each split.

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
    oob_score : bool
        Show R2 on rows that a tree did not see as `oob_score_`. Targets that overlap in time make it optimistic.
    max_leaf_nodes : int or None
        Leaves a tree may have; the splits that gain most are made first.
    min_weight_fraction_leaf : float
        Share of the total weight that a leaf needs, 0 to 0.5.
    min_impurity_decrease : float
        Weighted variance a split must save.
    ccp_alpha : float
        Complexity cost per leaf: minimal cost-complexity pruning.
    max_bins : int
        Quantile bins per column, at most 65,535; up to 255 are fastest.
    random_state : int, RandomState, Generator or None
    n_jobs : int or None
        Threads; None: 1, -1: all cores. The forest is the same for any number.
    """

    _family: ClassVar[str] = "RandomForestRegressor"
    _allow_nan: ClassVar[bool] = True

    fitted_: Any

    def __init__(
        self,
        n_estimators: int = 200,
        *,
        max_depth: int | None = 10,
        min_samples_split: int | float = 20,
        min_samples_leaf: int | float = 10,
        max_features: str | int | float | None = 1 / 3,
        max_samples: int | float | None = 0.7,
        bootstrap: bool = True,
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
        self.oob_score = oob_score
        self.max_leaf_nodes = max_leaf_nodes
        self.min_weight_fraction_leaf = min_weight_fraction_leaf
        self.min_impurity_decrease = min_impurity_decrease
        self.ccp_alpha = ccp_alpha
        self.max_bins = max_bins
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _make_trainer(self) -> Any:
        from smctrain.models.forest_regression import RandomForestRegressorTrainer

        return RandomForestRegressorTrainer(**forest_settings(self))

    @property
    def oob_score_(self) -> float:
        """R2 on rows by the trees that did not see them."""
        require_oob(self)
        return float(self.fitted_.oob_score)

    @property
    def oob_prediction_(self) -> NDArray[np.float64]:
        """Mean of the training rows (n,) over the trees that did not see them, NaN where all did. Not stored: a loaded
        model has none."""
        values: NDArray[np.float64] = oob_values(self)[:, 0]
        return values


class ExtraTreesRegressor(RandomForestRegressor):
    """Extremely randomised regression trees: one random split per column tried, the best of them taken.

    Parameters are those of `RandomForestRegressor`; by default every tree sees every row. See `ExtraTreesClassifier`
    for the rule of the random splits.
    """

    _family: ClassVar[str] = "ExtraTreesRegressor"

    def __init__(
        self,
        n_estimators: int = 200,
        *,
        max_depth: int | None = 10,
        min_samples_split: int | float = 20,
        min_samples_leaf: int | float = 10,
        max_features: str | int | float | None = 1 / 3,
        max_samples: int | float | None = None,
        bootstrap: bool = False,
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
            oob_score=oob_score,
            max_leaf_nodes=max_leaf_nodes,
            min_weight_fraction_leaf=min_weight_fraction_leaf,
            min_impurity_decrease=min_impurity_decrease,
            ccp_alpha=ccp_alpha,
            max_bins=max_bins,
            random_state=random_state,
            n_jobs=n_jobs,
        )

    def _make_trainer(self) -> Any:
        from smctrain.models.forest_regression import ExtraTreesRegressorTrainer

        return ExtraTreesRegressorTrainer(**forest_settings(self))


class RandomForestQuantileRegressor(RandomForestRegressor):
    """Quantile regression forest: a random forest whose leaves remember their training targets.

    Parameters are those of `RandomForestRegressor`. Quantiles never cross. Source: Meinshausen, "Quantile regression
    forests", JMLR 7 (2006).
    """

    _family: ClassVar[str] = "RandomForestQuantileRegressor"

    def _make_trainer(self) -> Any:
        from smctrain.models.forest_regression import QuantileForestTrainer

        return QuantileForestTrainer(**forest_settings(self))

    def predict(self, X: Any, quantiles: ArrayLike | None = None) -> NDArray[np.float64]:
        """The mean target, or quantiles of its distribution given X.

        Parameters
        ----------
        X : array or frame (n, d)
        quantiles : float or sequence of float, optional
            Levels in 0..1. A quantile is the least training target at which the leaf weights, averaged over trees,
            sum to the level.

        Returns
        -------
        ndarray
            (n,) without `quantiles` and for a single number, (n, len(quantiles)) for a sequence.
        """
        if quantiles is None:
            return super().predict(X)
        try:
            levels = np.asarray(quantiles, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(f"quantiles must hold numbers in 0..1, but is {quantiles!r}.") from error
        if levels.ndim > 1 or levels.size == 0:
            raise InputError(f"quantiles must be a number or a sequence of numbers, but has shape {levels.shape}.")
        values = self.fitted_.predict_quantiles(self._matrix_of(X), np.ascontiguousarray(levels.reshape(-1)))
        result: NDArray[np.float64] = values[:, 0] if levels.ndim == 0 else values
        return result
