"""Gradient boosting with scikit-learn's parameter names."""

from __future__ import annotations

from typing import Any, ClassVar, Self, cast

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import _safe_indexing

from smctrain.exceptions import InputError
from smctrain.models.base import Trainer
from smctrain.models.boosting import is_real
from smctrain.models.estimators._boosted import BoostedClassifier, BoostedRegressor


class _Tail:
    """The last rows, in time, as validation rows where early stopping is on and none are given."""

    n_iter_no_change: int | None
    validation_fraction: float

    def _split(self, X: Any, y: Any, sample_weight: Any) -> tuple[Any, Any, Any, Any, Any]:
        share = self.validation_fraction
        if not (is_real(share) and 0 < share < 1):
            raise InputError(f"validation_fraction must lie between 0 and 1, but is {share!r}.")
        n = len(X)
        border = n - max(1, int(share * n))
        if border < 1:
            return X, y, sample_weight, None, None
        head, tail = np.arange(border), np.arange(border, n)
        weight = None if sample_weight is None else np.asarray(sample_weight)[:border]
        return (_safe_indexing(X, head), _safe_indexing(y, head), weight,
                _safe_indexing(X, tail), _safe_indexing(y, tail))  # fmt: skip


class GradientBoostingClassifier(_Tail, BoostedClassifier):
    """Boosted trees with scikit-learn's parameter names and defaults, on XGBoost's engine; NaN is a missing value.

    `smctrain.models.gradient_boosting` says what maps to what.

    Parameters
    ----------
    n_estimators, learning_rate, max_depth, subsample, max_features, max_leaf_nodes, random_state
        As in scikit-learn.
    min_samples_leaf : 1
        The engine counts curvature, not rows; other values are refused.
    n_iter_no_change : int or None
        Rounds without an improvement of more than `tol` after which fitting ends. The best round is kept.
    validation_fraction : float
        Without `X_val`: the share of rows, the *last* ones, held out for that. scikit-learn takes random ones, which on
        market data are neighbours of the training rows.
    class_weight : "balanced", dict or None
    max_bin : int
        Quantile bins a column.
    """

    _family: ClassVar[str] = "GradientBoosting"

    def __init__(
        self,
        *,
        learning_rate: float = 0.1,
        n_estimators: int = 100,
        subsample: float = 1.0,
        min_samples_leaf: int = 1,
        max_depth: int | None = 3,
        max_features: Any = None,
        max_leaf_nodes: int | None = None,
        validation_fraction: float = 0.1,
        n_iter_no_change: int | None = None,
        tol: float = 1e-4,
        class_weight: str | dict[Any, float] | None = None,
        max_bin: int = 256,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.learning_rate = learning_rate
        self.n_estimators = n_estimators
        self.subsample = subsample
        self.min_samples_leaf = min_samples_leaf
        self.max_depth = max_depth
        self.max_features = max_features
        self.max_leaf_nodes = max_leaf_nodes
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.max_bin = max_bin
        self.validation_fraction = validation_fraction
        self.class_weight = class_weight
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        sample_weight: ArrayLike | None = None,
        X_val: Any = None,
        y_val: Any = None,
        time_limit: float | None = None,
        init_model: Self | None = None,
    ) -> Self:
        """As `BoostedClassifier.fit`; without `X_val` early stopping holds out the last rows."""
        if self.n_iter_no_change is not None and X_val is None and y_val is None:
            X, y, sample_weight, X_val, y_val = self._split(X, y, sample_weight)
        return super().fit(
            X, y, sample_weight=sample_weight, X_val=X_val, y_val=y_val, time_limit=time_limit, init_model=init_model
        )

    def _make_trainer(self) -> Trainer:
        from smctrain.models.gradient_boosting import GradientBoostingTrainer

        trainer: Trainer = GradientBoostingTrainer(
            learning_rate=self.learning_rate,
            n_estimators=self.n_estimators,
            subsample=self.subsample,
            min_samples_leaf=self.min_samples_leaf,
            max_depth=self.max_depth,
            max_features=self.max_features,
            max_leaf_nodes=self.max_leaf_nodes,
            n_iter_no_change=self.n_iter_no_change,
            tol=self.tol,
            max_bin=self.max_bin,
            class_weight=cast(Any, None if isinstance(self.class_weight, dict) else self.class_weight),
        )
        return trainer


class GradientBoostingRegressor(_Tail, BoostedRegressor):
    """Boosted regression trees with scikit-learn's parameter names and defaults, on XGBoost's engine.

    Parameters
    ----------
    loss : "squared_error", "absolute_error" or "quantile"
    alpha : float or list of float
        Quantile of "quantile", or several ascending ones (see `XGBoostRegressor`).
    min_samples_leaf : int
        Rows (weight of the rows) a leaf needs.
    learning_rate, n_estimators, subsample, max_depth, max_features, max_leaf_nodes, validation_fraction, \
    n_iter_no_change, tol, max_bin, random_state, n_jobs
        As of `GradientBoostingClassifier`.
    """

    _family: ClassVar[str] = "GradientBoosting"

    def __init__(
        self,
        *,
        loss: str = "squared_error",
        learning_rate: float = 0.1,
        n_estimators: int = 100,
        subsample: float = 1.0,
        min_samples_leaf: int = 1,
        max_depth: int | None = 3,
        max_features: Any = None,
        alpha: Any = 0.9,
        max_leaf_nodes: int | None = None,
        validation_fraction: float = 0.1,
        n_iter_no_change: int | None = None,
        tol: float = 1e-4,
        max_bin: int = 256,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.learning_rate = learning_rate
        self.n_estimators = n_estimators
        self.subsample = subsample
        self.min_samples_leaf = min_samples_leaf
        self.max_depth = max_depth
        self.max_features = max_features
        self.max_leaf_nodes = max_leaf_nodes
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.max_bin = max_bin
        self.validation_fraction = validation_fraction
        self.loss = loss
        self.alpha = alpha
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        sample_weight: ArrayLike | None = None,
        X_val: Any = None,
        y_val: Any = None,
        time_limit: float | None = None,
        init_model: Self | None = None,
    ) -> Self:
        """As `BoostedRegressor.fit`; without `X_val` early stopping holds out the last rows."""
        if self.n_iter_no_change is not None and X_val is None and y_val is None:
            X, y, sample_weight, X_val, y_val = self._split(X, y, sample_weight)
        return super().fit(
            X, y, sample_weight=sample_weight, X_val=X_val, y_val=y_val, time_limit=time_limit, init_model=init_model
        )

    def _make_trainer(self) -> Trainer:
        from smctrain.models.gradient_boosting import GradientBoostingTrainer

        if self.loss == "log_loss":
            raise InputError("loss must be 'squared_error', 'absolute_error' or 'quantile', but is 'log_loss'.")
        trainer: Trainer = GradientBoostingTrainer(
            learning_rate=self.learning_rate,
            n_estimators=self.n_estimators,
            subsample=self.subsample,
            min_samples_leaf=self.min_samples_leaf,
            max_depth=self.max_depth,
            max_features=self.max_features,
            max_leaf_nodes=self.max_leaf_nodes,
            n_iter_no_change=self.n_iter_no_change,
            tol=self.tol,
            max_bin=self.max_bin,
            loss=self.loss,
            alpha=self.alpha,
        )
        return trainer
