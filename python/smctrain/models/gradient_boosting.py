"""Gradient boosting in scikit-learn's words, on XGBoost's engine: trainer and fitted model.

| here (as in scikit-learn) | on the engine |
|---|---|
| loss | binary:logistic or multi:softprob, reg:squarederror, reg:absoluteerror, reg:quantileerror |
| learning_rate, n_estimators, subsample, max_depth | the same (max_depth None: 30) |
| max_leaf_nodes | max_leaves, grown best split first |
| max_features | colsample_bynode |
| min_samples_leaf | min_child_weight (regressions, where every row counts 1; 1 only with "log_loss") |
| n_iter_no_change, tol | early_stopping_rounds, min_delta; the best round is kept, not the last |
| no regularisation | reg_lambda 0, reg_alpha 0, gamma 0 |

Splits are searched on quantile bins (`max_bin`) by the gain of second order, scikit-learn searches every value by the
variance of the gradient; leaves are Newton steps in both. "huber" (whose scikit-learn form moves its slope in every
round), "exponential", `min_samples_split` and `min_impurity_decrease` have no equal on the engine and are not offered.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

from smctrain.exceptions import InputError
from smctrain.models.base import FitTask
from smctrain.models.boosting import FittedBoosting, Objective, is_integer, is_real
from smctrain.models.xgboost import XGBoostTrainer, fit_result

_OBJECTIVES = {
    "log_loss": None,
    "squared_error": "reg:squarederror",
    "absolute_error": "reg:absoluteerror",
    "quantile": "reg:quantileerror",
}


@dataclass(frozen=True)
class GradientBoostingTrainer:
    """Boosting with scikit-learn's parameter names and defaults; see the module for what maps to what.

    Raises
    ------
    InputError
        If settings are out of range or have no equal on the engine; the message lists all of them.
    """

    family: ClassVar[str] = "GradientBoosting"
    needs_scaling: ClassVar[bool] = False
    is_sequence: ClassVar[bool] = False
    uses_stop_rows: ClassVar[bool] = True

    n_estimators: int = 100
    loss: str = "log_loss"
    learning_rate: float = 0.1
    max_depth: int | None = 3
    subsample: float = 1.0
    min_samples_leaf: int = 1
    max_features: Any = None
    max_leaf_nodes: int | None = None
    n_iter_no_change: int | None = None
    tol: float = 1e-4
    alpha: Any = 0.9
    class_weight: Literal["balanced"] | None = None
    max_bin: int = 256

    def __post_init__(self) -> None:
        problems = []
        if self.loss not in _OBJECTIVES:
            known = ", ".join(map(repr, _OBJECTIVES))
            problems.append(f"loss must be one of {known}, but is {self.loss!r}.")
        if not is_integer(self.min_samples_leaf) or self.min_samples_leaf < 1:
            problems.append(f"min_samples_leaf must be an integer of at least 1, but is {self.min_samples_leaf!r}.")
        elif self.loss == "log_loss" and self.min_samples_leaf != 1:
            problems.append(
                "min_samples_leaf must be 1 with loss 'log_loss', as the engine counts curvature, not rows, but is "
                f"{self.min_samples_leaf}: use min_child_weight of XGBoostClassifier, or a forest."
            )
        if self.max_leaf_nodes is not None and not (is_integer(self.max_leaf_nodes) and self.max_leaf_nodes >= 2):
            problems.append(f"max_leaf_nodes must be an integer of at least 2 or None, but is {self.max_leaf_nodes!r}.")
        features = self.max_features
        is_share = is_real(features) and not is_integer(features) and 0 < features <= 1
        if not (features in (None, "sqrt", "log2") or is_share or (is_integer(features) and features >= 1)):
            problems.append(
                f"max_features must be 'sqrt', 'log2', an integer of at least 1, a share or None, but is {features!r}."
            )
        stopping = self.n_iter_no_change
        if stopping is not None and not (is_integer(stopping) and stopping >= 1):
            problems.append(f"n_iter_no_change must be an integer of at least 1 or None, but is {stopping!r}.")
        if self.max_depth is not None and not (is_integer(self.max_depth) and 1 <= self.max_depth <= 30):
            problems.append(f"max_depth must be an integer in 1..30 or None, but is {self.max_depth!r}.")
        if not (is_real(self.tol) and self.tol >= 0):
            problems.append(f"tol must be a number of at least 0, but is {self.tol!r}.")
        if problems:
            raise InputError(" ".join(problems))
        self._engine(1)  # checks the rest

    def _engine(self, n_features: int) -> XGBoostTrainer:
        tried = self.max_features
        if tried is None:
            share = 1.0
        elif is_integer(tried):
            share = min(1.0, tried / n_features)
        else:
            by_name = {"sqrt": math.sqrt(n_features), "log2": math.log2(n_features)}
            count = by_name[tried] if isinstance(tried, str) else tried * n_features
            share = max(1, int(count)) / n_features
        quantile = self.loss == "quantile"
        return XGBoostTrainer(
            n_estimators=self.n_estimators,
            max_depth=30 if self.max_depth is None else self.max_depth,
            learning_rate=self.learning_rate,
            subsample=self.subsample,
            colsample_bytree=1.0,
            colsample_bynode=share,
            min_child_weight=0.0 if self.loss == "log_loss" else float(self.min_samples_leaf),
            reg_alpha=0.0,
            reg_lambda=0.0,
            early_stopping_rounds=self.n_iter_no_change,
            min_delta=self.tol if self.n_iter_no_change else 0.0,
            class_weight=self.class_weight,
            max_bin=self.max_bin,
            max_leaves=self.max_leaf_nodes or 0,
            grow_policy="lossguide" if self.max_leaf_nodes else "depthwise",
            objective=_OBJECTIVES[self.loss],
            quantile_alpha=self.alpha if quantile else None,
        )

    def settings(self) -> dict[str, Any]:
        """Plain settings, for metadata and hashes."""
        settings = asdict(self)
        if isinstance(self.alpha, tuple):
            settings["alpha"] = list(self.alpha)
        return settings

    def fit(
        self, task: FitTask, *, init_model: FittedBoosting | None = None, objective: Objective | None = None
    ) -> FittedGradientBoosting:
        """Fit one task; arguments and errors as of `XGBoostTrainer.fit`."""
        engine = self._engine(max(1, task.X.shape[1]))
        result = fit_result(engine, task, init_model, objective, self.family)
        return FittedGradientBoosting._of(result, engine.quantile_alpha or ())


class FittedGradientBoosting(FittedBoosting):
    """Boosted trees of the best round, predicted by our own walker."""

    family: ClassVar[str] = "GradientBoosting"
