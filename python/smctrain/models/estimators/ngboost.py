"""Natural gradient boosting: class probabilities, and whole distributions of a number."""

from __future__ import annotations

from typing import Any, ClassVar, Self, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from smctrain.exceptions import InputError
from smctrain.models.base import Trainer
from smctrain.models.calibration import LEVELS, CalibrationReport, Recalibration, learn
from smctrain.models.distribution import PredictedDistribution
from smctrain.models.estimators._base import NativeClassifier, NativeEstimator
from smctrain.models.estimators._input import numbers_of, validated_matrix
from smctrain.models.estimators._regressor import NativeRegressor
from smctrain.models.ngboost import FittedNGBoost


class _Natural(NativeEstimator):
    """What both share."""

    _family: ClassVar[str] = "NGBoost"
    _allow_nan: ClassVar[bool] = True

    @property
    def best_round_(self) -> int:
        """Rounds kept."""
        check_is_fitted(self, "fitted_")
        return int(self._natural().best_round)

    def shap_values(self, X: Any) -> NDArray[np.float64]:
        """Contributions of the columns to the parameters (n, d + 1, k): exact TreeSHAP.

        The last entry of the middle axis is the base value. Parameters: location and logarithm of the scale in a
        regression, the logits of all classes but the first in a classification.
        """
        check_is_fitted(self, "fitted_")
        matrix, _ = validated_matrix(self, X, reset=False, allow_nan=True)
        return self._natural().contributions(matrix)

    def _natural(self) -> FittedNGBoost:
        return self.fitted_  # type: ignore[return-value]


class NGBoostClassifier(_Natural, NativeClassifier):
    """Class probabilities by natural gradient boosting; NaN is a missing value.

    Needs the extra `smctrain[ngboost]` to fit; a saved model predicts without it. With `fit(..., X_val=, y_val=)` the
    best round on the validation rows is kept.

    Parameters
    ----------
    n_estimators : int
        Most rounds.
    learning_rate, minibatch_frac, col_sample, tol
        As in ngboost.
    max_depth, min_samples_leaf, min_samples_split : int
        Of the trees, as in scikit-learn.
    early_stopping_rounds, min_delta, class_weight, random_state
        As of `XGBoostClassifier`.
    n_jobs : int or None
        Accepted like everywhere; a fit takes one thread.
    """

    def __init__(
        self,
        n_estimators: int = 200,
        *,
        learning_rate: float = 0.05,
        max_depth: int = 3,
        min_samples_leaf: int = 10,
        min_samples_split: int = 2,
        minibatch_frac: float = 1.0,
        col_sample: float = 1.0,
        early_stopping_rounds: int | None = 20,
        min_delta: float = 0.0,
        tol: float = 1e-4,
        class_weight: str | dict[Any, float] | None = "balanced",
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.min_samples_split = min_samples_split
        self.minibatch_frac = minibatch_frac
        self.col_sample = col_sample
        self.early_stopping_rounds = early_stopping_rounds
        self.min_delta = min_delta
        self.tol = tol
        self.class_weight = class_weight
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _make_trainer(self) -> Trainer:
        from smctrain.models.ngboost import NGBoostTrainer

        trainer: Trainer = NGBoostTrainer(
            n_estimators=self.n_estimators,
            learning_rate=self.learning_rate,
            max_depth=self.max_depth,
            min_samples_leaf=self.min_samples_leaf,
            min_samples_split=self.min_samples_split,
            minibatch_frac=self.minibatch_frac,
            col_sample=self.col_sample,
            early_stopping_rounds=self.early_stopping_rounds,
            min_delta=self.min_delta,
            tol=self.tol,
            class_weight=cast(Any, None if isinstance(self.class_weight, dict) else self.class_weight),
        )
        return trainer


class NGBoostRegressor(_Natural, NativeRegressor):
    """A distribution of the target in every row, by natural gradient boosting; NaN is a missing value.

    `predict_dist(X)` returns it (mean, sd, quantile, cdf, interval), `predict(X)` its mean, `calibration(X, y)` says
    how true it is on rows that were not trained on, and `recalibrate(X, y)` puts it right.

    Parameters
    ----------
    distribution : "normal", "lognormal" (targets above 0), "laplace" or "student_t" (3 degrees of freedom)
    scoring_rule : "log" or "crps"
        The proper score that is fitted; "student_t" has "log" only.
    recalibration : None, "scale" or "isotonic"
        A correction that `fit(..., X_val=, y_val=)` learns on the newer half of the validation rows, while the
        older half decides when to stop (without early stopping: on all of them).
    n_estimators, learning_rate, ...
        As of `NGBoostClassifier`.
    """

    def __init__(
        self,
        n_estimators: int = 200,
        *,
        distribution: str = "normal",
        scoring_rule: str = "log",
        recalibration: str | None = None,
        learning_rate: float = 0.05,
        max_depth: int = 3,
        min_samples_leaf: int = 10,
        min_samples_split: int = 2,
        minibatch_frac: float = 1.0,
        col_sample: float = 1.0,
        early_stopping_rounds: int | None = 20,
        min_delta: float = 0.0,
        tol: float = 1e-4,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.distribution = distribution
        self.scoring_rule = scoring_rule
        self.recalibration = recalibration
        self.learning_rate = learning_rate
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.min_samples_split = min_samples_split
        self.minibatch_frac = minibatch_frac
        self.col_sample = col_sample
        self.early_stopping_rounds = early_stopping_rounds
        self.min_delta = min_delta
        self.tol = tol
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _make_trainer(self) -> Trainer:
        from smctrain.models.ngboost import NGBoostTrainer

        trainer: Trainer = NGBoostTrainer(
            n_estimators=self.n_estimators,
            distribution="" if self.distribution is None else self.distribution,
            scoring_rule=self.scoring_rule,
            recalibration=self.recalibration,
            learning_rate=self.learning_rate,
            max_depth=self.max_depth,
            min_samples_leaf=self.min_samples_leaf,
            min_samples_split=self.min_samples_split,
            minibatch_frac=self.minibatch_frac,
            col_sample=self.col_sample,
            early_stopping_rounds=self.early_stopping_rounds,
            min_delta=self.min_delta,
            tol=self.tol,
            class_weight=None,
        )
        return trainer

    def predict_dist(self, X: Any) -> PredictedDistribution:
        """The distribution of the target in each row."""
        check_is_fitted(self, "fitted_")
        matrix, _ = validated_matrix(self, X, reset=False, allow_nan=True)
        return self._natural().predict_dist(matrix)

    def calibration(
        self, X: Any, y: ArrayLike, *, levels: ArrayLike = LEVELS, bins: int = 10, horizon: int = 1
    ) -> CalibrationReport:
        """How true the distributions are on rows that were not trained on: histogram of the probability integral
        transform, coverage of central intervals beside what chance alone does, continuous ranked probability score.

        horizon : rows that share one outcome, as overlapping labels do.
        """
        return self.predict_dist(X).calibration(y, levels=levels, bins=bins, horizon=horizon)

    def recalibrate(self, X: Any, y: ArrayLike, *, method: str = "isotonic") -> Self:
        """Learn a correction of the distributions on rows (n, d) that were not trained on; it replaces an earlier one
        and is stored with the model.

        method : "scale" (one factor on every scale, by maximum likelihood) or "isotonic" (that, and a map of
        probabilities, which also moves the mean).
        """
        plain = self.predict_dist(X)
        plain = PredictedDistribution(plain.kind, plain.loc, plain.scale)
        target = numbers_of("y", y)
        if len(target) != len(plain):
            raise InputError(f"y must have one entry for each of the {len(plain)} rows, but has {len(target)}.")
        self._natural().recalibration = learn(plain, target, method)
        return self

    @property
    def recalibration_(self) -> Recalibration:
        """The correction in use."""
        check_is_fitted(self, "fitted_")
        return self._natural().recalibration
