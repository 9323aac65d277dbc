"""Gradient boosting with lightgbm's parameter names."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from smctrain.exceptions import InputError
from smctrain.models.base import Trainer
from smctrain.models.boosting import Objective, OwnMetric
from smctrain.models.estimators._boosted import BoostedClassifier, BoostedRegressor


class LightGBMClassifier(BoostedClassifier):
    """Leaf-wise boosted trees fitted by LightGBM's library, predicted by our own walker; NaN is a missing value.

    Needs the extra `smctrain[lightgbm]` to fit; a saved model predicts without it. Defaults regularise for market
    data. With `fit(..., X_val=, y_val=)` the best round on the validation rows is kept.

    Parameters
    ----------
    n_estimators : int
        Most rounds.
    num_leaves, max_depth, learning_rate, subsample, subsample_freq, subsample_for_bin, colsample_bytree, \
    colsample_bynode, min_child_weight, min_child_samples, min_split_gain, reg_alpha, reg_lambda, max_bin, \
    zero_as_missing
        As in lightgbm.
    early_stopping_rounds, min_delta, eval_metric, objective, class_weight, random_state
        As of `XGBoostClassifier`.
    n_jobs : int or None
        Accepted like everywhere; a fit takes one thread, because LightGBM's thread count is one for the process.

    Attributes
    ----------
    best_round_ : int
        Rounds kept.
    """

    _family: ClassVar[str] = "LightGBM"

    def __init__(
        self,
        n_estimators: int = 200,
        *,
        num_leaves: int = 15,
        max_depth: int = -1,
        learning_rate: float = 0.1,
        subsample: float = 0.7,
        subsample_freq: int = 1,
        colsample_bytree: float = 0.7,
        min_child_weight: float = 1e-3,
        min_child_samples: int = 20,
        min_split_gain: float = 0.0,
        reg_alpha: float = 0.2,
        reg_lambda: float = 2.0,
        early_stopping_rounds: int | None = 20,
        max_bin: int = 255,
        colsample_bynode: float = 1.0,
        subsample_for_bin: int = 200_000,
        zero_as_missing: bool = False,
        min_delta: float = 0.0,
        eval_metric: str | OwnMetric | None = None,
        class_weight: str | dict[Any, float] | None = "balanced",
        objective: Objective | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.num_leaves = num_leaves
        self.max_depth = max_depth
        self.learning_rate = learning_rate
        self.subsample = subsample
        self.subsample_freq = subsample_freq
        self.colsample_bytree = colsample_bytree
        self.min_child_weight = min_child_weight
        self.min_child_samples = min_child_samples
        self.min_split_gain = min_split_gain
        self.reg_alpha = reg_alpha
        self.reg_lambda = reg_lambda
        self.early_stopping_rounds = early_stopping_rounds
        self.max_bin = max_bin
        self.colsample_bynode = colsample_bynode
        self.subsample_for_bin = subsample_for_bin
        self.zero_as_missing = zero_as_missing
        self.min_delta = min_delta
        self.eval_metric = eval_metric
        self.class_weight = class_weight
        self.objective = objective
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _make_trainer(self) -> Trainer:
        from smctrain.models.lightgbm import LightGBMTrainer

        if self.objective is not None and not callable(self.objective):
            raise InputError(f"objective must be a callable or None, but is {self.objective!r}.")
        trainer: Trainer = LightGBMTrainer(
            n_estimators=self.n_estimators,
            num_leaves=self.num_leaves,
            max_depth=self.max_depth,
            learning_rate=self.learning_rate,
            subsample=self.subsample,
            subsample_freq=self.subsample_freq,
            colsample_bytree=self.colsample_bytree,
            min_child_weight=self.min_child_weight,
            min_child_samples=self.min_child_samples,
            min_split_gain=self.min_split_gain,
            reg_alpha=self.reg_alpha,
            reg_lambda=self.reg_lambda,
            early_stopping_rounds=self.early_stopping_rounds,
            max_bin=self.max_bin,
            colsample_bynode=self.colsample_bynode,
            subsample_for_bin=self.subsample_for_bin,
            zero_as_missing=self.zero_as_missing,
            min_delta=self.min_delta,
            eval_metric=None if callable(self.eval_metric) else self.eval_metric,
            class_weight=cast(Any, None if isinstance(self.class_weight, dict) else self.class_weight),
        )
        return trainer


class LightGBMRegressor(BoostedRegressor):
    """Leaf-wise boosted regression trees fitted by LightGBM's library; NaN is a missing value.

    Parameters
    ----------
    objective : str or callable
        "regression", "regression_l1", "huber" (linear beyond `alpha`), "quantile", or a callable as of
        `XGBoostClassifier`.
    alpha : float, list of float or None
        Of "huber" and "quantile", ignored elsewhere, as in lightgbm; None: 0.9.
        Several ascending quantiles are fitted a booster each, one round of all at
        a time; `predict` then returns (n, q), sorted in each row (see `crossing_share`).
    eval_metric : "mse", "rmse", "mae", "r2", "spearman", "pinball" (quantiles), callable or None
        By which the best round is chosen; None: the loss that is fitted.
    n_estimators, num_leaves, max_depth, learning_rate, ...
        As of `LightGBMClassifier`.
    """

    _family: ClassVar[str] = "LightGBM"

    def __init__(
        self,
        n_estimators: int = 200,
        *,
        objective: str | Objective = "regression",
        num_leaves: int = 15,
        max_depth: int = -1,
        learning_rate: float = 0.1,
        subsample: float = 0.7,
        subsample_freq: int = 1,
        colsample_bytree: float = 0.7,
        min_child_weight: float = 1e-3,
        min_child_samples: int = 20,
        min_split_gain: float = 0.0,
        reg_alpha: float = 0.2,
        reg_lambda: float = 2.0,
        early_stopping_rounds: int | None = 20,
        max_bin: int = 255,
        colsample_bynode: float = 1.0,
        subsample_for_bin: int = 200_000,
        zero_as_missing: bool = False,
        min_delta: float = 0.0,
        eval_metric: str | OwnMetric | None = None,
        alpha: Any = None,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.num_leaves = num_leaves
        self.max_depth = max_depth
        self.learning_rate = learning_rate
        self.subsample = subsample
        self.subsample_freq = subsample_freq
        self.colsample_bytree = colsample_bytree
        self.min_child_weight = min_child_weight
        self.min_child_samples = min_child_samples
        self.min_split_gain = min_split_gain
        self.reg_alpha = reg_alpha
        self.reg_lambda = reg_lambda
        self.early_stopping_rounds = early_stopping_rounds
        self.max_bin = max_bin
        self.colsample_bynode = colsample_bynode
        self.subsample_for_bin = subsample_for_bin
        self.zero_as_missing = zero_as_missing
        self.min_delta = min_delta
        self.eval_metric = eval_metric
        self.objective = objective
        self.alpha = alpha
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _make_trainer(self) -> Trainer:
        from smctrain.models.lightgbm import LightGBMTrainer

        if self.objective is None:
            raise InputError("objective must be a name such as 'regression' or a callable, but is None.")
        trainer: Trainer = LightGBMTrainer(
            n_estimators=self.n_estimators,
            num_leaves=self.num_leaves,
            max_depth=self.max_depth,
            learning_rate=self.learning_rate,
            subsample=self.subsample,
            subsample_freq=self.subsample_freq,
            colsample_bytree=self.colsample_bytree,
            min_child_weight=self.min_child_weight,
            min_child_samples=self.min_child_samples,
            min_split_gain=self.min_split_gain,
            reg_alpha=self.reg_alpha,
            reg_lambda=self.reg_lambda,
            early_stopping_rounds=self.early_stopping_rounds,
            max_bin=self.max_bin,
            colsample_bynode=self.colsample_bynode,
            subsample_for_bin=self.subsample_for_bin,
            zero_as_missing=self.zero_as_missing,
            min_delta=self.min_delta,
            eval_metric=None if callable(self.eval_metric) else self.eval_metric,
            objective="regression" if callable(self.objective) else self.objective,
            alpha=self.alpha if self.objective in ("huber", "quantile") else None,
            class_weight=None,
        )
        return trainer
