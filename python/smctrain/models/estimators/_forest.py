"""What the forest estimators share: settings, out-of-bag values, explanations, the predictor of single rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from smctrain import _load
from smctrain.exceptions import InputError
from smctrain.models.estimators._input import numbers_of, seed_of, validated_matrix

_SHARED = (
    "n_estimators", "max_depth", "min_samples_split", "min_samples_leaf", "max_features", "max_samples", "bootstrap",
    "oob_score", "max_leaf_nodes", "min_weight_fraction_leaf", "min_impurity_decrease", "ccp_alpha",
)  # fmt: skip


def forest_settings(estimator: Any) -> dict[str, Any]:
    """Settings of a trainer that all forests share."""
    if estimator.oob_score and not estimator.bootstrap:
        raise InputError("oob_score needs bootstrap=True: without drawing, every tree sees every row.")
    if estimator._family.startswith("ExtraTrees") and estimator.max_samples is not None and not estimator.bootstrap:
        raise InputError("max_samples needs bootstrap=True: without drawing, every tree has every row.")
    return {"n_bins": estimator.max_bins} | {name: getattr(estimator, name) for name in _SHARED}


def require_oob(estimator: Any) -> None:
    if not estimator.oob_score:
        raise AttributeError("out-of-bag values exist only with oob_score=True.")


def oob_values(estimator: Any) -> NDArray[np.float64]:
    require_oob(estimator)
    values: NDArray[np.float64] | None = estimator.fitted_.oob_values
    if values is None:
        raise AttributeError("out-of-bag values are not stored with a model: fit it again to see them.")
    return values


class ForestPredictor:
    """One row at a time, without scikit-learn's input checks. Immutable; use from any thread.

    Attributes
    ----------
    n_features : int
    classes_ : ndarray (k,) or None
        Labels of the values that `predict_row` returns; None in regression.
    """

    __slots__ = ("classes_", "n_features", "predict_row")

    def __init__(self, native: Any, classes: NDArray[Any] | None) -> None:
        self.n_features = int(native.n_features)
        self.classes_ = classes
        self.predict_row = native.predict_row
        """x (n_features,) float32 or float64, NaN is missing -> class probabilities (k,) or the mean target (1,)."""


class ForestExplanations:
    """Single rows and explanations of forests, for classifiers and regressors alike."""

    def predictor(self) -> ForestPredictor:
        """A predictor for single rows: `predictor().predict_row(x)` takes microseconds."""
        check_is_fitted(self, "fitted_")
        return ForestPredictor(self.fitted_.native, getattr(self, "classes_", None))  # type: ignore[attr-defined]

    def _matrix_of(self, X: Any) -> NDArray[np.float32]:
        check_is_fitted(self, "fitted_")
        return validated_matrix(self, X, reset=False, allow_nan=True)[0]

    def shap_values(self, X: Any) -> NDArray[np.float64]:
        """Exact SHAP values: what each column adds to each row's prediction.

        Returns
        -------
        ndarray (n, d + 1, k)
            The last of the middle axis is the base value; the sum over the middle axis is `predict_proba(X)`, or the
            prediction of a regressor (k = 1). Path-dependent: columns left out are averaged over the training rows of
            each node, as `shap.TreeExplainer` does without background data.

        Raises
        ------
        InputError
            The model was stored by a version that did not keep the training mass of nodes.

        Source: Lundberg et al., Nature Machine Intelligence 2 (2020).
        """
        matrix = self._matrix_of(X)
        fitted = self.fitted_  # type: ignore[attr-defined]
        values: NDArray[np.float64] = fitted.native.shap_values(matrix, fitted.threads)
        return values

    def permutation_importance(
        self, X: Any, y: Any, n_repeats: int = 5, horizon: int = 1, random_state: Any = None
    ) -> Bunch:
        """How much accuracy (or R2) falls when one column is moved against the others.

        Rows move in blocks of twice the horizon, because labels that look `horizon` rows ahead make neighbours alike;
        with fewer than 8 such blocks all rows are shifted circularly instead. All columns move alike in one repeat.

        Parameters
        ----------
        X : array or frame (n, d)
            In time order, preferably rows that the model has not seen. More than 4 x horizon rows.
        y : array (n,)
        n_repeats : int
        horizon : int
            Rows that a label looks ahead.
        random_state : int, RandomState, Generator or None

        Returns
        -------
        sklearn.utils.Bunch
            `importances` (d, n_repeats), `importances_mean` (d,), `importances_std` (d,), `score`: that of X itself.
        """
        for name, value in (("n_repeats", n_repeats), ("horizon", horizon)):
            if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or not 1 <= value < 2**31:
                raise InputError(f"{name} must be an integer of at least 1 (below 2**31), but is {value!r}.")
        check_is_fitted(self, "fitted_")
        matrix, target = validated_matrix(self, X, y, reset=False, allow_nan=True)
        sources = _load.core().permuted_rows(len(matrix), int(horizon), int(n_repeats), seed_of(random_state))
        fitted = self.fitted_  # type: ignore[attr-defined]
        score, moved = fitted.native.permutation_scores(matrix, self._codes_of(target), sources, fitted.threads)
        importances = score - moved
        return Bunch(
            importances=importances,
            importances_mean=importances.mean(axis=1),
            importances_std=importances.std(axis=1),
            score=score,
        )

    def _codes_of(self, target: NDArray[Any]) -> NDArray[Any]:
        classes = getattr(self, "classes_", None)
        if classes is None:
            return numbers_of("y", target)
        try:
            places = np.minimum(np.searchsorted(classes, target), len(classes) - 1)
        except TypeError as error:
            raise InputError(
                f"y must hold labels that compare with those of the fit, but does not: {error}."
            ) from error
        return np.where(classes[places] == target, places, -1).astype(np.int32)
