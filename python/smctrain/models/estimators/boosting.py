"""Gradient boosting with xgboost's parameter names."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from smctrain.exceptions import InputError
from smctrain.models.base import Trainer
from smctrain.models.boosting import Objective, OwnMetric
from smctrain.models.estimators._boosted import BoostedClassifier, BoostedRegressor


class XGBoostClassifier(BoostedClassifier):
    """Boosted trees fitted by XGBoost's library, predicted by our own walker; NaN is a missing value.

    Defaults are strong regularisation for market data, not xgboost's. With `fit(..., X_val=, y_val=)` the
    best round on the validation rows is kept.

    Parameters
    ----------
    n_estimators : int
        Most rounds.
    max_depth, max_leaves, grow_policy, learning_rate, subsample, colsample_bytree, colsample_bynode, \
    min_child_weight, gamma, reg_alpha, reg_lambda, max_bin
        As in xgboost.
    early_stopping_rounds : int or None
        Rounds without a better validation metric after which fitting ends; it needs `X_val`. None: all rounds
        are kept.
    min_delta : float
        A round is better only if its metric is better by more than this.
    eval_metric : str, callable or None
        By which the best round is chosen: "log_loss", "accuracy", "balanced_accuracy", "f1_score" (macro), "mcc",
        "brier", "auc" (one against the rest), "direction_auc" (last class against first), or a callable
        `metric(y, proba) -> number` with y (n,) class codes and proba (n, n_classes), lower is better unless its
        attribute `greater_is_better` is true. None: log loss. A saved estimator comes back without a callable.
    objective : callable or None
        `objective(y, margin) -> gradient, curvature` in place of the log loss's own: y (n,) class codes, margin (n,)
        for two classes, else (n, k), both answers of the margin's shape; sample and class weights multiply them.
        Link and metrics stay those of the log loss. A saved estimator comes back without it.
    class_weight : "balanced", dict or None
    random_state : int, RandomState, Generator or None
    n_jobs : int or None
        Threads; None: 1, -1: all cores.

    Attributes
    ----------
    best_round_ : int
        Rounds kept.
    """

    _family: ClassVar[str] = "XGBoost"

    def __init__(
        self,
        n_estimators: int = 200,
        *,
        max_depth: int = 4,
        learning_rate: float = 0.1,
        subsample: float = 0.7,
        colsample_bytree: float = 0.7,
        min_child_weight: float = 5.0,
        reg_alpha: float = 0.2,
        reg_lambda: float = 2.0,
        early_stopping_rounds: int | None = 20,
        class_weight: str | dict[Any, float] | None = "balanced",
        max_bin: int = 256,
        max_leaves: int = 0,
        grow_policy: str = "depthwise",
        colsample_bynode: float = 1.0,
        gamma: float = 0.0,
        min_delta: float = 0.0,
        eval_metric: str | OwnMetric | None = None,
        objective: Objective | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.learning_rate = learning_rate
        self.subsample = subsample
        self.colsample_bytree = colsample_bytree
        self.min_child_weight = min_child_weight
        self.reg_alpha = reg_alpha
        self.reg_lambda = reg_lambda
        self.early_stopping_rounds = early_stopping_rounds
        self.max_bin = max_bin
        self.max_leaves = max_leaves
        self.grow_policy = grow_policy
        self.colsample_bynode = colsample_bynode
        self.gamma = gamma
        self.min_delta = min_delta
        self.eval_metric = eval_metric
        self.class_weight = class_weight
        self.objective = objective
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _make_trainer(self) -> Trainer:
        from smctrain.models.xgboost import XGBoostTrainer

        if self.objective is not None and not callable(self.objective):
            raise InputError(f"objective must be a callable or None, but is {self.objective!r}.")
        trainer: Trainer = XGBoostTrainer(
            n_estimators=self.n_estimators,
            max_depth=self.max_depth,
            learning_rate=self.learning_rate,
            subsample=self.subsample,
            colsample_bytree=self.colsample_bytree,
            min_child_weight=self.min_child_weight,
            reg_alpha=self.reg_alpha,
            reg_lambda=self.reg_lambda,
            early_stopping_rounds=self.early_stopping_rounds,
            max_bin=self.max_bin,
            max_leaves=self.max_leaves,
            grow_policy=self.grow_policy,
            colsample_bynode=self.colsample_bynode,
            gamma=self.gamma,
            min_delta=self.min_delta,
            eval_metric=None if callable(self.eval_metric) else self.eval_metric,
            # A dictionary has become row weights; the trainer checks the words.
            class_weight=cast(Any, None if isinstance(self.class_weight, dict) else self.class_weight),
        )
        return trainer


class XGBoostRegressor(BoostedRegressor):
    """Boosted regression trees fitted by XGBoost's library, predicted by our own walker; NaN is a missing value.

    Parameters
    ----------
    objective : str or callable
        "reg:squarederror"; "reg:absoluteerror"; "reg:pseudohubererror", linear beyond `huber_slope`;
        "reg:quantileerror" with `quantile_alpha`; or a callable as of `XGBoostClassifier`, with y in its own units
        and the squared error as metric.
    quantile_alpha : float, list of float or None
        One quantile, or several ascending ones fitted together: `predict` then returns (n, q). Quantiles have trees of
        their own and may cross; `predict` sorts each row, which never makes them worse, and `crossing_share` says how
        often that was needed.
    huber_slope : float
    eval_metric : "mse", "rmse", "mae", "r2", "spearman", "pinball" (quantiles), callable or None
        By which the best round is chosen; None: the loss that is fitted.
    n_estimators, max_depth, max_leaves, grow_policy, learning_rate, subsample, colsample_bytree, colsample_bynode, \
    min_child_weight, gamma, reg_alpha, reg_lambda, max_bin, early_stopping_rounds, min_delta, random_state, n_jobs
        As of `XGBoostClassifier`.
    """

    _family: ClassVar[str] = "XGBoost"

    def __init__(
        self,
        n_estimators: int = 200,
        *,
        objective: str | Objective = "reg:squarederror",
        max_depth: int = 4,
        learning_rate: float = 0.1,
        subsample: float = 0.7,
        colsample_bytree: float = 0.7,
        min_child_weight: float = 5.0,
        reg_alpha: float = 0.2,
        reg_lambda: float = 2.0,
        early_stopping_rounds: int | None = 20,
        max_bin: int = 256,
        max_leaves: int = 0,
        grow_policy: str = "depthwise",
        colsample_bynode: float = 1.0,
        gamma: float = 0.0,
        min_delta: float = 0.0,
        eval_metric: str | OwnMetric | None = None,
        quantile_alpha: Any = None,
        huber_slope: float = 1.0,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.learning_rate = learning_rate
        self.subsample = subsample
        self.colsample_bytree = colsample_bytree
        self.min_child_weight = min_child_weight
        self.reg_alpha = reg_alpha
        self.reg_lambda = reg_lambda
        self.early_stopping_rounds = early_stopping_rounds
        self.max_bin = max_bin
        self.max_leaves = max_leaves
        self.grow_policy = grow_policy
        self.colsample_bynode = colsample_bynode
        self.gamma = gamma
        self.min_delta = min_delta
        self.eval_metric = eval_metric
        self.objective = objective
        self.quantile_alpha = quantile_alpha
        self.huber_slope = huber_slope
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _make_trainer(self) -> Trainer:
        from smctrain.models.xgboost import XGBoostTrainer

        if self.objective is None:
            raise InputError("objective must be a name such as 'reg:squarederror' or a callable, but is None.")
        trainer: Trainer = XGBoostTrainer(
            n_estimators=self.n_estimators,
            max_depth=self.max_depth,
            learning_rate=self.learning_rate,
            subsample=self.subsample,
            colsample_bytree=self.colsample_bytree,
            min_child_weight=self.min_child_weight,
            reg_alpha=self.reg_alpha,
            reg_lambda=self.reg_lambda,
            early_stopping_rounds=self.early_stopping_rounds,
            max_bin=self.max_bin,
            max_leaves=self.max_leaves,
            grow_policy=self.grow_policy,
            colsample_bynode=self.colsample_bynode,
            gamma=self.gamma,
            min_delta=self.min_delta,
            eval_metric=None if callable(self.eval_metric) else self.eval_metric,
            objective="reg:squarederror" if callable(self.objective) else self.objective,
            quantile_alpha=self.quantile_alpha,
            huber_slope=self.huber_slope,
            class_weight=None,
        )
        return trainer
