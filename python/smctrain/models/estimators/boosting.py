"""Gradient boosting with xgboost's parameter names."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from smctrain.models.base import Trainer
from smctrain.models.estimators._base import NativeClassifier


class XGBoostClassifier(NativeClassifier):
    """Boosted trees fitted by XGBoost's library, predicted by our own walker; NaN is a missing value.

    Defaults are strong regularisation for market data, not xgboost's. With `fit(..., X_val=, y_val=)` the
    round with the lowest validation loss is kept.

    Parameters
    ----------
    n_estimators : int
        Most rounds.
    max_depth, learning_rate, subsample, colsample_bytree, min_child_weight, reg_alpha, reg_lambda, max_bin
        As in xgboost.
    early_stopping_rounds : int or None
        Rounds without a lower validation loss after which fitting ends; it needs `X_val`. None: all rounds
        are kept.
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
    _allow_nan: ClassVar[bool] = True

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
        self.class_weight = class_weight
        self.max_bin = max_bin
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _make_trainer(self) -> Trainer:
        from smctrain.models.xgboost import XGBoostTrainer

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
            # A dictionary has become row weights; the trainer checks the words.
            class_weight=cast(Any, None if isinstance(self.class_weight, dict) else self.class_weight),
            max_bin=self.max_bin,
        )
        return trainer

    @property
    def best_round_(self) -> int:
        """Rounds kept."""
        return int(self.fitted_.best_round)  # type: ignore[attr-defined]
