"""What the forest estimators share: settings, out-of-bag values, the predictor of single rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from smctrain.exceptions import InputError

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
    """Single rows of forests, for classifiers and regressors alike; explanations are those of every estimator."""

    def predictor(self) -> ForestPredictor:
        """A predictor for single rows: `predictor().predict_row(x)` takes microseconds."""
        check_is_fitted(self, "fitted_")
        return ForestPredictor(self.fitted_.native, getattr(self, "classes_", None))  # type: ignore[attr-defined]
