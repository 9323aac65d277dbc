"""What regression estimators share: a scikit-learn face over a native trainer of numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from smctrain.exceptions import ArtifactError, InputError
from smctrain.models.base import FitTask
from smctrain.models.estimators._base import _plain_settings
from smctrain.models.estimators._forest import numbers_of
from smctrain.models.estimators._input import seed_of, threads_of, validated_matrix, validated_weight

if TYPE_CHECKING:
    from os import PathLike


class NativeRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Base of the regressors. Subclasses define `__init__` (parameters only), `_family` and `_make_trainer`.

    Attributes
    ----------
    n_features_in_ : int
    feature_names_in_ : ndarray of str (d,)
        Where X had column names.
    fitted_ : object
        The native model.
    complete_ : bool
        False when a time limit, cancel or Ctrl-C ended the fit early; `stop_reason_` says which.
    stop_reason_ : str
    warnings_ : list of str
    """

    _family: ClassVar[str]

    n_features_in_: int
    fitted_: Any
    complete_: bool
    stop_reason_: str
    warnings_: list[str]

    def _make_trainer(self) -> Any:
        """The trainer with this estimator's settings."""
        raise NotImplementedError

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

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
        """Learn from X and y.

        Parameters
        ----------
        X : array or frame (n, d)
            Converted once to float32. Infinite values and values beyond float32 are refused.
        y : array (n,)
            Finite numbers.
        sample_weight : array (n,), optional
            Row weights, at least 0. A row of weight 0 counts as absent.
        X_val, y_val : optional
            Accepted for uniformity: forests do not stop early.
        time_limit : float, optional
            Seconds after which the fit ends with what it has, marked by `complete_ = False`.

        Raises
        ------
        InputError
            Names the parameter, column and row.
        TooFewRows
            There is nothing to learn from.
        """
        if time_limit is not None and not time_limit > 0:
            raise InputError(f"time_limit must be a positive number of seconds or None, but is {time_limit!r}.")
        matrix, target = validated_matrix(self, X, y, reset=True, allow_nan=True)
        weight = validated_weight(sample_weight, len(matrix))
        numbers = numbers_of(target)
        rows = np.arange(len(matrix)) if weight is None else np.flatnonzero(weight > 0)
        bad = ~np.isfinite(numbers)
        if bad.any():
            row = int(np.argmax(bad))
            raise InputError(f"y must be finite, but is {numbers[row]} in row {row} (NaN and inf cannot be learned).")
        task = FitTask(
            X=matrix,
            y=numbers,  # type: ignore[arg-type]
            rows=rows.astype(np.int64),
            n_classes=1,
            weight=weight,
            seed=seed_of(getattr(self, "random_state", None)),
            threads=threads_of(getattr(self, "n_jobs", None)),
            time_limit_s=0.0 if time_limit is None else float(time_limit),
        )
        self._adopt(self._make_trainer().fit(task))
        return self

    def _adopt(self, fitted: Any) -> None:
        self.fitted_ = fitted
        self.complete_ = fitted.complete
        self.stop_reason_ = fitted.stop_reason
        self.warnings_ = list(fitted.warnings)

    def predict(self, X: Any) -> NDArray[np.float64]:
        """The expected target of each row (n,)."""
        check_is_fitted(self, "fitted_")
        matrix, _ = validated_matrix(self, X, reset=False, allow_nan=True)
        values: NDArray[np.float64] = self.fitted_.predict(matrix)
        return values

    @property
    def feature_importances_(self) -> NDArray[np.float64]:
        """Importances that sum to 1 (d,)."""
        check_is_fitted(self, "fitted_")
        importances: NDArray[np.float64] = self.fitted_.feature_importances()
        return importances

    # ---- storage ------

    def _to_container(self) -> bytes:
        from smctrain import artifact

        meta, arrays = self.fitted_.to_state()
        names = getattr(self, "feature_names_in_", None)
        face = {
            "name": type(self).__name__,
            "settings": _plain_settings(self.get_params(deep=False)),
            "features": None if names is None else [str(name) for name in names],
        }
        data: bytes = artifact.model_to_bytes(self._family, {**meta, "estimator": face}, arrays)
        return data

    def save(self, path: str | PathLike[str]) -> None:
        """Write the fitted model into one `.smc` file, atomically. `smctrain.load_model` reads it."""
        from smctrain import artifact

        check_is_fitted(self, "fitted_")
        artifact.write_atomic(path, self._to_container())

    @classmethod
    def _from_model_state(cls, family: str, meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """The estimator that `save` wrote."""
        from smctrain.models.registry import fitted_from_state

        fitted: Any = fitted_from_state(family, meta, arrays)
        face = meta.get("estimator")
        if not isinstance(face, dict) or face.get("name") != cls.__name__:
            raise ArtifactError(f"the model file does not describe a {cls.__name__}, the estimator of family {family}.")
        settings = face.get("settings")
        if not isinstance(settings, dict) or set(settings) - set(cls._get_param_names()):
            raise ArtifactError(f"the model file holds settings that {cls.__name__} does not know: {settings!r}.")
        estimator = cls(**settings)
        names = face.get("features")
        if names is not None:
            if not isinstance(names, list) or len(names) != fitted.n_features or len(set(names)) != len(names):
                raise ArtifactError(f"the model file must name {fitted.n_features} different features.")
            estimator.feature_names_in_ = np.asarray(names, dtype=object)
        estimator.n_features_in_ = fitted.n_features
        estimator._adopt(fitted)
        return estimator

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        if "fitted_" in state:
            del state["fitted_"]
            state["_container"] = self._to_container()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        container = state.pop("_container", None)
        super().__setstate__(state)
        if container is not None:
            from smctrain import artifact
            from smctrain.models.registry import fitted_from_state

            self.fitted_ = fitted_from_state(*artifact.model_from_bytes(container))
