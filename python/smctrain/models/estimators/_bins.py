"""Estimators that learn from bin codes instead of values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import column_or_1d

from smctrain.exceptions import InputError, TooFewRows
from smctrain.models.binned import BinnedView, no_values
from smctrain.models.estimators._input import typed_error, validated_weight


def view_inputs(
    estimator: Any, bins: BinnedView, y: Any, sample_weight: Any, X_val: Any
) -> tuple[NDArray[np.float32], NDArray[Any], NDArray[np.float64] | None]:
    """(matrix without values, labels, weights) of a fit on a view; sets what scikit-learn expects of `fit`."""
    name = type(estimator).__name__
    if not getattr(estimator._make_trainer(), "takes_bins", False):
        raise InputError(f"{name} learns from values, not from bin codes: pass X itself.")
    if X_val is not None:
        raise InputError(f"X_val must be None, because {name} does not stop early, but is given.")
    if len(bins) == 0:
        raise TooFewRows(f"{name} needs at least 1 row, but the view has none.")
    try:
        target = column_or_1d(y, warn=True)
    except ValueError as error:
        raise typed_error(error) from error
    if len(target) != len(bins):
        raise InputError(f"y must have one entry for each of the {len(bins)} rows in view, but has {len(target)}.")
    weight = validated_weight(sample_weight, len(bins))
    if bins.weight is not None:
        weight = bins.weight if weight is None else weight * bins.weight
    matrix = bins.matrix
    estimator.n_features_in_ = matrix.n_features
    if matrix.names is not None:
        estimator.feature_names_in_ = np.asarray(matrix.names, dtype=object)
    elif hasattr(estimator, "feature_names_in_"):
        del estimator.feature_names_in_
    return no_values(matrix), target, weight


def in_matrix(
    bins: BinnedView, rows: NDArray[np.int64], target: NDArray[Any], weight: NDArray[np.float64] | None
) -> tuple[NDArray[np.int64], NDArray[Any], NDArray[np.float64] | None]:
    """Rows, labels and weights of a view, laid out by the rows of its matrix: draws follow that order, whatever
    the order of the view. Other rows are never read."""
    n = bins.matrix.n_rows
    spread = np.zeros(n, dtype=target.dtype)
    spread[bins.rows] = target
    if weight is not None:
        wide = np.zeros(n)
        wide[bins.rows] = weight
        weight = wide
    return np.sort(bins.rows[rows]), spread, weight
