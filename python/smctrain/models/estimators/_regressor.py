"""What all regressors share: a scikit-learn face over a native trainer of numbers instead of classes."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted

from smctrain.exceptions import InputError
from smctrain.models.base import FitTask
from smctrain.models.binned import view_of
from smctrain.models.estimators._base import NativeEstimator
from smctrain.models.estimators._bins import in_matrix, view_inputs
from smctrain.models.estimators._input import (
    behind,
    coming_back,
    names_of,
    numbers_of,
    require_two_rows,
    seed_of,
    segments_of,
    threads_of,
    validated_matrix,
    validated_weight,
)


class NativeRegressor(RegressorMixin, NativeEstimator):  # type: ignore[misc]
    """Base of the regressors. Subclasses define `__init__` (parameters only), `_family` and `_make_trainer`.

    Attributes
    ----------
    n_features_in_, feature_names_in_, fitted_, complete_, stop_reason_, warnings_
        As of `NativeClassifier`.
    """

    _largest_target: ClassVar[float] = float(np.finfo(np.float32).max)

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        sample_weight: ArrayLike | None = None,
        X_val: Any = None,
        y_val: Any = None,
        time_limit: float | None = None,
    ) -> Self:
        """Learn from X (n, d) and the numbers y (n,); the other arguments, and what X may be, as of
        `NativeClassifier.fit`.

        Raises
        ------
        InputError
            Names the parameter, column and row; NaN and infinite y included.
        TooFewRows
            There is nothing to learn from.
        """
        return self._fit(X, y, sample_weight, X_val, y_val, time_limit)

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        X_val: Any,
        y_val: Any,
        time_limit: float | None,
        **options: Any,
    ) -> Self:
        """`options` go to the trainer's `fit` beside the task, all but `segment`."""
        if time_limit is not None and not time_limit > 0:
            raise InputError(f"time_limit must be a positive number of seconds or None, but is {time_limit!r}.")
        bins = view_of(X)
        if bins is not None:
            matrix, target, sample_weight = view_inputs(self, bins, y, sample_weight, X_val)
        else:
            matrix, target = validated_matrix(self, X, y, reset=True, allow_nan=self._allow_nan)
        values = numbers_of("y", target, self._largest_target)
        n = len(values)
        weight = validated_weight(sample_weight, n)
        rows = np.arange(n, dtype=np.int64) if weight is None else np.flatnonzero(weight > 0).astype(np.int64)
        segment = options.pop("segment", None)
        segments = segments_of(segment, n)
        notes = coming_back(segment, segments)
        require_two_rows(self, n, len(rows))
        stop_rows = np.empty(0, dtype=np.int64)
        if (X_val is None) != (y_val is None):
            raise InputError("X_val and y_val must be given together, but only one of them is.")
        trainer: Any = self._make_trainer()
        if X_val is not None:
            extra, extra_target = validated_matrix(self, X_val, y_val, reset=False, allow_nan=self._allow_nan)
            extra_values = numbers_of("y_val", extra_target, self._largest_target)
        if X_val is not None and trainer.uses_stop_rows:
            stop_rows = np.arange(n, n + len(extra), dtype=np.int64)
            matrix = np.concatenate([matrix, extra])
            values = np.concatenate([values, extra_values])
            if weight is not None:
                weight = np.concatenate([weight, np.ones(len(extra))])
            segments = behind(segments, n, len(extra))
        if bins is not None:
            rows, values, weight = in_matrix(bins, rows, values, weight)
        task = FitTask(
            X=matrix,
            y=values,
            rows=rows,
            n_classes=0,
            stop_rows=stop_rows,
            weight=weight,
            segment=segments,
            binned=None if bins is None else bins.matrix,
            names=names_of(self),
            seed=seed_of(getattr(self, "random_state", None)),
            threads=threads_of(getattr(self, "n_jobs", None)),
            time_limit_s=0.0 if time_limit is None else float(time_limit),
        )
        self._adopt(trainer.fit(task, **options))
        self.warnings_ += notes
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Predicted values (n,)."""
        check_is_fitted(self, "fitted_")
        matrix, _ = validated_matrix(self, X, reset=False, allow_nan=self._allow_nan)
        values: NDArray[np.float64] = self.fitted_.predict(matrix)  # type: ignore[attr-defined]
        return values


class NativeSequenceRegressor(NativeRegressor):
    """Base of regressors that look back over a window of rows.

    Rows are in time order. Rows without a full window are masked in `predict`.
    """

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        sample_weight: ArrayLike | None = None,
        X_val: Any = None,
        y_val: Any = None,
        segment: ArrayLike | None = None,
        time_limit: float | None = None,
    ) -> Self:
        """As `NativeRegressor.fit`, with `segment` (n,): rows of one unbroken stretch share an id, and no window
        crosses a change of id. Validation rows are a stretch of their own."""
        return self._fit(X, y, sample_weight, X_val, y_val, time_limit, segment=segment)

    def predict(self, X: Any, segment: ArrayLike | None = None) -> np.ma.MaskedArray[Any, Any]:
        """Predicted values (n,), masked in rows without a full window."""
        check_is_fitted(self, "fitted_")
        matrix, _ = validated_matrix(self, X, reset=False, allow_nan=self._allow_nan)
        values = self.fitted_.predict(matrix, None, segments_of(segment, len(matrix)))  # type: ignore[attr-defined]
        missing = np.isnan(values)
        result: np.ma.MaskedArray[Any, Any] = np.ma.MaskedArray(np.where(missing, 0.0, values), mask=missing)
        return result
