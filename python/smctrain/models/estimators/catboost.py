"""Boosted oblivious trees with catboost's parameter names."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from smctrain.exceptions import InputError
from smctrain.models.base import Trainer
from smctrain.models.estimators._boosted import BoostedClassifier, BoostedRegressor


class CatBoostClassifier(BoostedClassifier):
    """Boosted oblivious trees fitted by the catboost package, predicted by our own walker; NaN is a missing value.

    Needs the extra `smctrain[catboost]` to fit; a saved model predicts without it. Columns are numbers: there are no
    categorical columns. Defaults regularise for market data. With `fit(..., X_val=, y_val=)` the best round on the
    validation rows is kept, and only its trees predict.

    Parameters
    ----------
    n_estimators : int
        Most rounds (CatBoost's iterations).
    depth, learning_rate, l2_leaf_reg, random_strength, subsample, rsm, border_count, nan_mode, boosting_type, \
    leaf_estimation_iterations
        As in catboost, with regularising defaults.
    early_stopping_rounds, min_delta, class_weight, random_state
        As of `XGBoostClassifier`.
    eval_metric : "log_loss", "accuracy", "balanced_accuracy" (two classes) or None
    n_jobs : int or None
        Threads; the result does not depend on them.

    Attributes
    ----------
    best_round_ : int
        Rounds kept.
    """

    _family: ClassVar[str] = "CatBoost"

    def __init__(
        self,
        n_estimators: int = 200,
        *,
        depth: int = 4,
        learning_rate: float = 0.1,
        l2_leaf_reg: float = 5.0,
        random_strength: float = 1.0,
        subsample: float = 0.7,
        rsm: float = 0.7,
        border_count: int = 254,
        nan_mode: str = "Min",
        boosting_type: str = "Plain",
        leaf_estimation_iterations: int = 1,
        early_stopping_rounds: int | None = 20,
        min_delta: float = 0.0,
        eval_metric: str | None = None,
        class_weight: str | dict[Any, float] | None = "balanced",
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.depth = depth
        self.learning_rate = learning_rate
        self.l2_leaf_reg = l2_leaf_reg
        self.random_strength = random_strength
        self.subsample = subsample
        self.rsm = rsm
        self.border_count = border_count
        self.nan_mode = nan_mode
        self.boosting_type = boosting_type
        self.leaf_estimation_iterations = leaf_estimation_iterations
        self.early_stopping_rounds = early_stopping_rounds
        self.min_delta = min_delta
        self.eval_metric = eval_metric
        self.class_weight = class_weight
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _make_trainer(self) -> Trainer:
        from smctrain.models.catboost import CatBoostTrainer

        trainer: Trainer = CatBoostTrainer(
            n_estimators=self.n_estimators,
            depth=self.depth,
            learning_rate=self.learning_rate,
            l2_leaf_reg=self.l2_leaf_reg,
            random_strength=self.random_strength,
            subsample=self.subsample,
            rsm=self.rsm,
            border_count=self.border_count,
            nan_mode=self.nan_mode,
            boosting_type=self.boosting_type,
            leaf_estimation_iterations=self.leaf_estimation_iterations,
            early_stopping_rounds=self.early_stopping_rounds,
            min_delta=self.min_delta,
            eval_metric=self.eval_metric,
            class_weight=cast(Any, None if isinstance(self.class_weight, dict) else self.class_weight),
        )
        return trainer


class CatBoostRegressor(BoostedRegressor):
    """Boosted oblivious regression trees fitted by the catboost package; NaN is a missing value.

    Parameters
    ----------
    objective : "RMSE", "MAE", "Huber" (linear beyond `alpha`) or "Quantile"
    alpha : float, list of float or None
        Of "Huber" and "Quantile", ignored elsewhere; None: 1.0 and 0.5. Several ascending quantiles share the splits of
        their trees; `predict` then returns (n, q), sorted in each row (see `crossing_share`).
    eval_metric : "mse", "mae" or None
        By which the best round is chosen; None: the loss that is fitted.
    n_estimators, depth, learning_rate, ...
        As of `CatBoostClassifier`.
    """

    _family: ClassVar[str] = "CatBoost"

    def __init__(
        self,
        n_estimators: int = 200,
        *,
        objective: str = "RMSE",
        alpha: Any = None,
        depth: int = 4,
        learning_rate: float = 0.1,
        l2_leaf_reg: float = 5.0,
        random_strength: float = 1.0,
        subsample: float = 0.7,
        rsm: float = 0.7,
        border_count: int = 254,
        nan_mode: str = "Min",
        boosting_type: str = "Plain",
        leaf_estimation_iterations: int = 1,
        early_stopping_rounds: int | None = 20,
        min_delta: float = 0.0,
        eval_metric: str | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.objective = objective
        self.alpha = alpha
        self.depth = depth
        self.learning_rate = learning_rate
        self.l2_leaf_reg = l2_leaf_reg
        self.random_strength = random_strength
        self.subsample = subsample
        self.rsm = rsm
        self.border_count = border_count
        self.nan_mode = nan_mode
        self.boosting_type = boosting_type
        self.leaf_estimation_iterations = leaf_estimation_iterations
        self.early_stopping_rounds = early_stopping_rounds
        self.min_delta = min_delta
        self.eval_metric = eval_metric
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _make_trainer(self) -> Trainer:
        from smctrain.models.catboost import CatBoostTrainer

        if not isinstance(self.objective, str):
            raise InputError(f"objective must be a name such as 'RMSE', but is {self.objective!r}.")
        trainer: Trainer = CatBoostTrainer(
            n_estimators=self.n_estimators,
            depth=self.depth,
            learning_rate=self.learning_rate,
            l2_leaf_reg=self.l2_leaf_reg,
            random_strength=self.random_strength,
            subsample=self.subsample,
            rsm=self.rsm,
            border_count=self.border_count,
            nan_mode=self.nan_mode,
            boosting_type=self.boosting_type,
            leaf_estimation_iterations=self.leaf_estimation_iterations,
            early_stopping_rounds=self.early_stopping_rounds,
            min_delta=self.min_delta,
            eval_metric=self.eval_metric,
            objective=self.objective,
            alpha=self.alpha if self.objective in ("Huber", "Quantile") else None,
            class_weight=None,
        )
        return trainer
