"""What all boosting estimators share: continuing, own objectives, contributions, importances, quantiles."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from smctrain.exceptions import InputError
from smctrain.models.boosting import FittedBoosting, Objective, quantile_skill
from smctrain.models.estimators._base import NativeClassifier, NativeEstimator
from smctrain.models.estimators._input import validated_matrix, validated_weight
from smctrain.models.estimators._regressor import NativeRegressor


@dataclass(frozen=True)
class RowPredictor:
    """One row at a time, without scikit-learn's input checks. Immutable; use from any thread.

    Attributes
    ----------
    n_features : int
    classes_ : ndarray (k,) or None
        Labels of the values that `predict_row` returns; None in regression.
    predict_row : callable
        x (n_features,) float32 or float64, NaN is missing -> values (k,).
    """

    n_features: int
    classes_: NDArray[Any] | None
    predict_row: Callable[[NDArray[Any]], NDArray[np.float64]]


class Boosted(NativeEstimator):
    """Mixin of boosting classifiers and regressors; `fitted_` is a `FittedBoosting`."""

    _allow_nan = True

    def _own_objective(self) -> Objective | None:
        """The callable among the settings, if there is one."""
        objective = getattr(self, "objective", None)
        return objective if callable(objective) else None

    def _own_parts(self) -> dict[str, Any]:
        """Callables among the settings, as `fit` of the trainer takes them."""
        metric = getattr(self, "eval_metric", None)
        return {"objective": self._own_objective()} | ({"metric": metric} if callable(metric) else {})

    def _continued(self, init_model: Any, X: Any, y: Any) -> FittedBoosting | None:
        if init_model is None:
            return None
        if type(init_model) is not type(self):
            raise InputError(
                f"init_model must be a fitted {type(self).__name__}, but is a {type(init_model).__name__}."
            )
        check_is_fitted(init_model, "fitted_")
        theirs = getattr(init_model, "feature_names_in_", None)
        if theirs is not None and hasattr(X, "columns") and list(map(str, X.columns)) != list(map(str, theirs)):
            raise InputError("init_model must have been fitted on the same columns in the same order, but was not.")
        classes = getattr(init_model, "classes_", None)
        if classes is not None and not np.array_equal(np.unique(np.asarray(y)), classes):
            raise InputError(f"y must hold the classes of init_model, {classes.tolist()}, all of them and no other.")
        fitted: FittedBoosting = init_model._boosted()
        return fitted

    @property
    def best_round_(self) -> int:
        """Rounds kept, those of a continued model included."""
        check_is_fitted(self, "fitted_")
        return int(self._boosted().best_round)

    def predictor(self) -> RowPredictor:
        """A predictor for single rows: `predictor().predict_row(x)` takes microseconds.

        It returns what `predict_proba` (a classifier) or `predict` (a regressor) says of the row, as an array (k,).
        """
        check_is_fitted(self, "fitted_")
        native = self._boosted().trees
        row = native.predict_row
        if native.n_classes == 0 and native.width > 1:  # quantiles never cross

            def row(x: NDArray[Any]) -> NDArray[np.float64]:
                values: NDArray[np.float64] = np.sort(native.predict_row(x))
                return values

        return RowPredictor(int(native.n_features), getattr(self, "classes_", None), row)

    def importances(self) -> Any:
        """The library's own importances, one row a column, most gain first: `feature`, `weight` (splits), `gain` and
        `cover` (means over them), `total_gain`, `total_cover`. A pandas frame where pandas is installed, else a dict
        of arrays."""
        check_is_fitted(self, "fitted_")
        table: dict[str, Any] = self._boosted().importances()
        names = getattr(self, "feature_names_in_", None)
        table["feature"] = np.asarray(
            [f"f{j}" for j in range(self.n_features_in_)] if names is None else [str(name) for name in names]
        )
        order = np.argsort(-table["total_gain"], kind="stable")
        table = {name: values[order] for name, values in table.items()}
        if importlib.util.find_spec("pandas") is None:
            return table
        import pandas as pd

        return pd.DataFrame(table)

    def _boosted(self) -> FittedBoosting:
        return self.fitted_  # type: ignore[return-value]


class BoostedClassifier(Boosted, NativeClassifier):
    """Base of the boosting classifiers."""

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
        """As `NativeClassifier.fit`.

        Parameters
        ----------
        init_model : fitted estimator of this class, optional
            Continue it: its trees stay, `n_estimators` more rounds start from its margins, and early stopping chooses
            among the new ones.
        """
        continued = self._continued(init_model, X, y)
        self._fit(X, y, sample_weight, X_val, y_val, None, time_limit,
                  init_model=continued, **self._own_parts())  # fmt: skip
        return self


class BoostedRegressor(Boosted, NativeRegressor):
    """Base of the boosting regressors."""

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
        """As `NativeRegressor.fit`, with `init_model` as of `BoostedClassifier.fit`."""
        continued = self._continued(init_model, X, y)
        self._fit(X, y, sample_weight, X_val, y_val, time_limit,
                  init_model=continued, **self._own_parts())  # fmt: skip
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Predicted values (n,); of several quantiles (n, q), ascending in every row (see `crossing_share`)."""
        return super().predict(X)

    def crossing_share(self, X: Any) -> float:
        """Share of rows whose quantiles come out of the trees in a wrong order, before `predict` sorts them.

        Much more than a few percent says that the quantiles are too close, or the trees too deep, for the rows there
        are. 0 for one quantile.
        """
        check_is_fitted(self, "fitted_")
        matrix, _ = validated_matrix(self, X, reset=False, allow_nan=True)
        raw = self._boosted().margins(matrix)
        return float((np.diff(raw, axis=1) < 0).any(axis=1).mean()) if len(raw) else 0.0

    def coverage(self, X: Any, y: ArrayLike) -> dict[float, float]:
        """Share of rows at or below each predicted quantile: {quantile: share}. Equal numbers are good calibration."""
        quantiles = self._fitted_quantiles()
        predicted = self.predict(X).reshape(-1, len(quantiles))
        return {q: float((np.asarray(y) <= predicted[:, k]).mean()) for k, q in enumerate(quantiles)}

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R^2; of several quantiles 1 - pinball loss / pinball loss of the quantiles of `y` themselves."""
        check_is_fitted(self, "fitted_")
        quantiles = self._boosted().quantiles
        if len(quantiles) < 2:
            return float(super().score(X, y, sample_weight))
        weight = validated_weight(sample_weight, len(np.asarray(y)))
        return quantile_skill(y, self.predict(X), quantiles, weight)

    def _fitted_quantiles(self) -> tuple[float, ...]:
        check_is_fitted(self, "fitted_")
        quantiles = self._boosted().quantiles
        if not quantiles:
            raise InputError(f"this {type(self).__name__} was not fitted for quantiles.")
        return quantiles
