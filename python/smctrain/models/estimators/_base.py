"""What all estimators share: a scikit-learn face over a native trainer.

fit:     validate -> class codes -> FitTask -> trainer.fit -> fitted_
predict: validate -> fitted_.predict_proba -> classes_
A family adds its parameters in `__init__` and `_make_trainer`; everything else is here.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from smctrain.exceptions import ArtifactError, InputError, OneClass
from smctrain.models.base import FitTask, FittedModel, Trainer
from smctrain.models.binned import view_of
from smctrain.models.estimators._bins import in_matrix, view_inputs
from smctrain.models.estimators._explain import Explained
from smctrain.models.estimators._input import (
    behind,
    coming_back,
    labels_of,
    names_of,
    require_two_rows,
    seed_of,
    segments_of,
    threads_of,
    typed_error,
    validated_matrix,
    validated_weight,
)
from smctrain.models.loaded import stored_classes as stored_classes

if TYPE_CHECKING:
    from os import PathLike


class StoredEstimator(BaseEstimator):  # type: ignore[misc]
    """What all estimators share: what was learned, and storage."""

    _family: ClassVar[str]
    _allow_nan: ClassVar[bool] = False

    n_features_in_: int
    classes_: Any
    fitted_: FittedModel
    complete_: bool
    stop_reason_: str
    warnings_: list[str]

    def _make_trainer(self) -> Trainer:
        """The trainer with this estimator's settings (dictionary class weights are in the row weights)."""
        raise NotImplementedError

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self._allow_nan
        return tags

    def _adopt(self, fitted: FittedModel, classes: NDArray[Any] | None = None) -> None:
        self.fitted_ = fitted
        if classes is not None:
            self.classes_ = classes
        self.complete_ = fitted.complete
        self.stop_reason_ = fitted.stop_reason
        self.warnings_ = list(fitted.warnings)

    # ---- what was learned ------

    @property
    def history_(self) -> Any:
        """One row an epoch or round: a pandas frame where pandas is installed, else a dict of arrays."""
        check_is_fitted(self, "fitted_")
        history = dict(self.fitted_.history)
        if importlib.util.find_spec("pandas") is None:
            return history
        import pandas as pd

        return pd.DataFrame(history)

    @property
    def feature_importances_(self) -> NDArray[np.float64]:
        """Importances that sum to 1 (d,), of families that have their own."""
        check_is_fitted(self, "fitted_")
        importances = self.fitted_.feature_importances()
        if importances is None:
            raise AttributeError(f"{type(self).__name__} has no importances of its own.")
        return importances

    # ---- storage ------

    def _stored_settings(self) -> dict[str, Any]:
        """Parameters as a model file holds them."""
        return plain_settings(self.get_params(deep=False))

    def _to_container(self) -> bytes:
        from smctrain import artifact

        meta, arrays = self.fitted_.to_state()
        names = getattr(self, "feature_names_in_", None)
        face = {
            "name": type(self).__name__,
            "settings": self._stored_settings(),
            **self._stored_labels(),
            "features": None if names is None else [str(name) for name in names],
        }
        data: bytes = artifact.model_to_bytes(self._family, {**meta, "estimator": face}, arrays)
        return data

    def _stored_labels(self) -> dict[str, Any]:
        """Class labels as a model file holds them; `_adopt_stored` reads them back."""
        return plain_labels(getattr(self, "classes_", None))

    def _adopt_stored(self, fitted: FittedModel, face: dict[str, Any]) -> None:
        self._adopt(fitted, stored_classes(face, fitted.n_classes) if fitted.n_classes else None)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the fitted model into one `.smc` file, atomically. `smctrain.load_model` reads it."""
        from smctrain import artifact

        check_is_fitted(self, "fitted_")
        artifact.write_atomic(path, self._to_container())

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


class NativeEstimator(Explained, StoredEstimator):
    """What classifiers and regressors share: what was learned, explanations, and storage."""


class NativeClassifier(ClassifierMixin, NativeEstimator):  # type: ignore[misc]
    """Base of the classifiers. Subclasses define `__init__` (parameters only), `_family` and `_make_trainer`.

    A subclass takes `random_state` and `n_jobs`; it may take `class_weight` (None, a word its trainer knows,
    or a dictionary class -> weight, which becomes row weights here).

    Attributes
    ----------
    classes_ : ndarray (k,)
        Class labels, ascending.
    n_features_in_ : int
    feature_names_in_ : ndarray of str (d,)
        Where X had column names.
    fitted_ : FittedModel
        The native model.
    complete_ : bool
        False when a time limit, cancel or Ctrl-C ended the fit early; `stop_reason_` says which.
    stop_reason_ : str
    warnings_ : list of str
        Alarms of the training monitor.
    """

    classes_: NDArray[Any]

    # ---- fit ------

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
            Converted once to float32. Infinite values and values beyond float32 are refused. Forests also take a
            `BinnedMatrix` or a view of one; the bins are then those of the matrix.
        y : array (n,)
            Class labels: integers, strings or booleans. With a view: of its rows, in their order.
        sample_weight : array (n,), optional
            Row weights, at least 0. A row of weight 0 counts as absent.
        X_val, y_val : optional
            Rows for early stopping, later in time than X and purged against it (families without early
            stopping ignore them). In a `Pipeline` they reach this estimator untransformed unless metadata
            routing is on and `transform_input=["X_val"]` is given; the estimator cannot notice.
        time_limit : float, optional
            Seconds after which the fit ends with what it has, marked by `complete_ = False`.

        Raises
        ------
        InputError
            Names the parameter, column and row.
        TooFewRows, OneClass
            There is nothing to learn from.
        """
        return self._fit(X, y, sample_weight, X_val, y_val, None, time_limit)

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        X_val: Any,
        y_val: Any,
        segment: Any,
        time_limit: float | None,
        **options: Any,
    ) -> Self:
        """`options` go to the trainer's `fit` beside the task."""
        if time_limit is not None and not time_limit > 0:
            raise InputError(f"time_limit must be a positive number of seconds or None, but is {time_limit!r}.")
        bins = view_of(X)
        if bins is not None:
            matrix, target, sample_weight = view_inputs(self, bins, y, sample_weight, X_val)
        else:
            matrix, target = validated_matrix(self, X, y, reset=True, allow_nan=self._allow_nan)
        target = labels_of("y", target)
        try:
            check_classification_targets(target)
        except ValueError as error:
            raise typed_error(error) from error
        n = len(target)
        weight = validated_weight(sample_weight, n)
        present = np.ones(n, dtype=bool) if weight is None else weight > 0
        require_two_rows(self, n, int(present.sum()))
        classes = np.unique(target[present])
        if len(classes) < 2:
            raise OneClass(
                f"y must hold at least 2 classes, but {type(self).__name__} got one class: "
                f"{classes.tolist()[0]!r} in all {int(present.sum())} rows (rows of weight 0 do not count)."
            )
        codes = np.full(n, -1, dtype=np.int32)
        codes[present] = np.searchsorted(classes, target[present])
        weight = self._with_class_weight(weight, target, present)
        if weight is not None:
            present &= weight > 0
        rows = np.flatnonzero(present).astype(np.int64)
        segments = segments_of(segment, n)
        notes = coming_back(segment, segments)
        stop_rows = np.empty(0, dtype=np.int64)
        if (X_val is None) != (y_val is None):
            raise InputError("X_val and y_val must be given together, but only one of them is.")
        trainer: Any = self._make_trainer()
        if X_val is not None:
            extra, extra_codes = self._validation_rows(X_val, y_val, classes)
        if X_val is not None and trainer.uses_stop_rows:
            stop_rows = np.arange(n, n + len(extra), dtype=np.int64)
            matrix = np.concatenate([matrix, extra])
            codes = np.concatenate([codes, extra_codes])
            if weight is not None:
                weight = np.concatenate([weight, np.ones(len(extra))])
            segments = behind(segments, n, len(extra))
        if bins is not None:
            rows, codes, weight = in_matrix(bins, rows, codes, weight)
        task = FitTask(
            X=matrix,
            y=codes,
            rows=rows,
            n_classes=len(classes),
            stop_rows=stop_rows,
            weight=weight,
            binned=None if bins is None else bins.matrix,
            segment=segments,
            names=names_of(self),
            seed=seed_of(getattr(self, "random_state", None)),
            threads=threads_of(getattr(self, "n_jobs", None)),
            time_limit_s=0.0 if time_limit is None else float(time_limit),
        )
        self._adopt(trainer.fit(task, **options), classes)
        self.warnings_ += notes
        return self

    def _with_class_weight(
        self, weight: NDArray[np.float64] | None, target: NDArray[Any], present: NDArray[np.bool_]
    ) -> NDArray[np.float64] | None:
        class_weight = getattr(self, "class_weight", None)
        if not isinstance(class_weight, dict):
            return weight
        for label, value in class_weight.items():
            if not (np.isfinite(value) and value >= 0):
                raise InputError(f"class_weight must be finite and not negative, but is {value!r} for class {label!r}.")
        by_class: NDArray[np.float64] = compute_sample_weight(class_weight, target)
        return np.where(present, by_class, 0.0) if weight is None else by_class * weight

    def _validation_rows(
        self, X_val: Any, y_val: Any, classes: NDArray[Any]
    ) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        matrix, target = validated_matrix(self, X_val, y_val, reset=False, allow_nan=self._allow_nan)
        target = labels_of("y_val", target)
        unknown = ~np.isin(target, classes)
        if unknown.any():
            row = int(np.argmax(unknown))
            raise InputError(f"y_val holds the label {_item(target[row])!r} (row {row}), which y does not hold.")
        return matrix, np.searchsorted(classes, target).astype(np.int32)

    # ---- predict ------

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Class probabilities (n, k), columns in the order of `classes_`."""
        return self._proba(X, None)

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable class of each row (n,)."""
        proba = self._proba(X, None)
        labels: NDArray[Any] = self.classes_[proba.argmax(axis=1)]
        return labels

    def _proba(self, X: Any, segment: Any) -> NDArray[np.float64]:
        check_is_fitted(self, "fitted_")
        matrix, _ = validated_matrix(self, X, reset=False, allow_nan=self._allow_nan)
        return self.fitted_.predict_proba(matrix, None, segments_of(segment, len(matrix)))


class NativeSequenceClassifier(NativeClassifier):
    """Base of classifiers that look back over a window of rows.

    Rows are in time order. Rows without a full window are NaN in `predict_proba` and masked in `predict`.
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
        """As `NativeClassifier.fit`, with `segment` (n,): rows of one unbroken stretch share an id, and no
        window crosses a change of id. Validation rows are a stretch of their own."""
        return self._fit(X, y, sample_weight, X_val, y_val, segment, time_limit)

    def predict_proba(self, X: Any, segment: ArrayLike | None = None) -> NDArray[np.float64]:
        """Class probabilities (n, k); NaN in rows without a full window."""
        return self._proba(X, segment)

    def predict(self, X: Any, segment: ArrayLike | None = None) -> np.ma.MaskedArray[Any, Any]:
        """The most probable class (n,), masked in rows without a full window."""
        proba = self._proba(X, segment)
        missing = np.isnan(proba[:, 0])
        best = np.where(missing[:, None], 0.0, proba).argmax(axis=1)
        labels: np.ma.MaskedArray[Any, Any] = np.ma.MaskedArray(self.classes_[best], mask=missing)
        return labels


def plain_labels(classes: NDArray[Any] | None) -> dict[str, Any]:
    """Class labels as a model file holds them; nothing for a regressor."""
    if classes is None:
        return {}
    return {"classes": classes.tolist(), "classes_dtype": classes.dtype.str if classes.dtype.kind != "O" else "O"}


def plain_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings that JSON can hold; a RandomState or Generator has no lasting value and becomes None."""
    plain: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, dict):
            value = {"__pairs__": [[_item(key), _item(entry)] for key, entry in value.items()]}
        elif isinstance(value, (list, tuple)):
            value = [_item(entry) for entry in value]
        elif not isinstance(value, (type(None), bool, int, float, str)):
            value = None
        plain[name] = value
    return plain


def _item(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def estimator_from_state(family: str, meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> StoredEstimator:
    """The estimator that `save` wrote. The class comes from the registry, never from a name in the file."""
    from smctrain.models.registry import estimator_class, fitted_from_state

    fitted = fitted_from_state(family, meta, arrays)
    cls = estimator_class(family, "regression" if fitted.n_classes == 0 else "classification")
    face = meta.get("estimator")
    if not isinstance(face, dict) or face.get("name") != cls.__name__:
        raise ArtifactError(f"the model file does not describe a {cls.__name__}, the estimator of family {family}.")
    settings = {
        name: dict(map(tuple, value["__pairs__"])) if isinstance(value, dict) else value
        for name, value in dict(face.get("settings", {})).items()
    }
    known = set(cls._get_param_names())
    if set(settings) - known:
        raise ArtifactError(
            f"the model file holds settings that {cls.__name__} does not know: {set(settings) - known}."
        )
    estimator: StoredEstimator = cls(**settings)
    names = face.get("features")
    if names is not None:
        if len(names) != fitted.n_features or len(set(names)) != len(names):
            raise ArtifactError(
                f"the model file must name {fitted.n_features} different features, but names {len(names)}."
            )
        estimator.feature_names_in_ = np.asarray(names, dtype=object)
    estimator.n_features_in_ = fitted.n_features
    estimator._adopt_stored(fitted, face)
    return estimator
