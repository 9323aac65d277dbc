"""A stored model that predicts and does nothing else: no scikit-learn, no code that trains.

>>> model = st.load_model("net.smc", light=True)                  # doctest: +SKIP
>>> model.predict(X)                                              # doctest: +SKIP
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.exceptions import ArtifactError, InputError
from smctrain.models._segments import segments_of
from smctrain.models.base import FittedModel
from smctrain.models.registry import FAMILIES, fitted_from_state
from smctrain.prepare.matrix import plain_matrix

_TREES = {
    "RandomForest", "ExtraTrees", "RandomForestRegressor", "ExtraTreesRegressor", "XGBoost", "LightGBM",
    "GradientBoosting", "CatBoost",
}  # fmt: skip
_NETWORKS = {"NeuralNetwork", "LSTM", "GRU", "CNN1D", "Transformer", "VAE", "MetaLearning", "MultiTask"}


class LoadedModel:
    """Answers of a stored classifier or regressor, bit for bit those of the estimator that `load_model` gives.

    Attributes
    ----------
    family : str
    n_features_in_ : int
    feature_names_in_ : ndarray of str (d,) or None
    classes_ : ndarray (k,) or None
        None: it predicts numbers.
    fitted_ : FittedModel
        The native model, with its history and warnings.
    """

    def __init__(self, fitted: FittedModel, names: list[str] | None, classes: NDArray[Any] | None) -> None:
        self.fitted_ = fitted
        self.family = fitted.family
        self.n_features_in_ = fitted.n_features
        self.feature_names_in_ = None if names is None else np.asarray(names, dtype=object)
        self.classes_ = classes
        self._looks_back = FAMILIES[fitted.family].is_sequence

    def __repr__(self) -> str:
        says = "numbers" if self.classes_ is None else f"{len(self.classes_)} classes"
        return f"LoadedModel({self.family}, {self.n_features_in_} columns, {says})"

    def predict_proba(self, X: Any, segment: Any = None) -> NDArray[np.float64]:
        """Class probabilities (n, k), columns in the order of `classes_`; NaN in rows without a full window.

        Parameters
        ----------
        X : array or frame (n, d)
            A frame must have the columns of training, in their order; an array goes by place.
        segment : int (n,), optional
            Rows of one unbroken stretch share an id (families that look back).

        Raises
        ------
        InputError
            Names the parameter, column and row; also where the model predicts numbers.
        TooFewRows
            X has no row.
        """
        if self.classes_ is None:
            raise InputError(f"this {self.family} predicts numbers and has no class probabilities.")
        matrix, stretches = self._read(X, segment)
        return self.fitted_.predict_proba(matrix, None, stretches)

    def predict(self, X: Any, segment: Any = None) -> Any:
        """The most probable class, or the number, of each row (n,); masked in rows without a full window."""
        if self.classes_ is None:
            matrix, stretches = self._read(X, segment)
            fitted: Any = self.fitted_
            if not self._looks_back:
                return fitted.predict(matrix)
            values = fitted.predict(matrix, None, stretches)
            silent = np.isnan(values)
            return np.ma.MaskedArray(np.where(silent, 0.0, values), mask=silent)
        proba = self.predict_proba(X, segment)
        if not self._looks_back:
            return self.classes_[proba.argmax(axis=1)]
        silent = np.isnan(proba[:, 0])
        return np.ma.MaskedArray(self.classes_[np.where(silent[:, None], 0.0, proba).argmax(axis=1)], mask=silent)

    def _read(self, X: Any, segment: Any) -> tuple[NDArray[np.float32], NDArray[np.int32] | None]:
        if segment is not None and not self._looks_back:
            raise InputError(f"segment must be None: {self.family} does not look back over rows.")
        matrix = plain_matrix(self, X, allow_nan=self.family in _TREES)
        return matrix, segments_of(segment, len(matrix))


class LoadedTargets(LoadedModel):
    """Answers of a stored `MultiTaskMLP`, by target. `classes_` maps the targets that are classes to their labels."""

    def __init__(self, fitted: Any, names: list[str] | None, classes: dict[str, NDArray[Any]]) -> None:
        super().__init__(fitted, names, None)
        self.classes_: Any = classes

    def __repr__(self) -> str:
        return f"LoadedTargets({', '.join(self.targets_)}, {self.n_features_in_} columns)"

    @property
    def targets_(self) -> list[str]:
        """Names of the targets."""
        fitted: Any = self.fitted_
        return list(fitted.targets)

    def predict_proba(self, X: Any, segment: Any = None) -> Any:
        """By target that is classes: probabilities (n, k), columns in the order of `classes_[target]`."""
        outputs = self._outputs(X, segment)
        return {name: outputs[name] for name in self.classes_}

    def predict(self, X: Any, segment: Any = None) -> Any:
        """By target: the most probable class of each row (n,), or its number."""
        return {
            name: self.classes_[name][values.argmax(axis=1)] if name in self.classes_ else values
            for name, values in self._outputs(X, segment).items()
        }

    def _outputs(self, X: Any, segment: Any) -> dict[str, NDArray[np.float64]]:
        fitted: Any = self.fitted_
        outputs: dict[str, NDArray[np.float64]] = fitted.outputs(self._read(X, segment)[0])
        return outputs


def loaded_model(family: str, meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> LoadedModel:
    """The model of a file that an estimator's `save` wrote.

    Raises
    ------
    ArtifactError
        The state contradicts itself.
    InputError
        The family has more to say than one class or number a row.
    """
    if family not in _TREES | _NETWORKS:
        known = ", ".join(name for name in FAMILIES if name in _TREES | _NETWORKS)
        raise InputError(f"light must be False for {family}: light models are those of {known}.")
    fitted: Any = fitted_from_state(family, meta, arrays)
    face = meta.get("estimator")
    if not isinstance(face, dict):
        raise ArtifactError("the model file does not describe an estimator.")
    names = face.get("features")
    if names is not None and (len(names) != fitted.n_features or len(set(names)) != len(names)):
        raise ArtifactError(f"the model file must name {fitted.n_features} different features, but names {len(names)}.")
    if family == "MultiTask":
        labels = face.get("labels")
        counts = {name: n for name, n in zip(fitted.targets, fitted.shape.tasks, strict=True) if n}
        if not isinstance(labels, dict) or set(labels) != set(counts):
            raise ArtifactError(f"the model file must hold class labels of the targets {', '.join(counts)}.")
        return LoadedTargets(fitted, names, {name: stored_classes(labels[name], n) for name, n in counts.items()})
    return LoadedModel(fitted, names, stored_classes(face, fitted.n_classes) if fitted.n_classes else None)


def stored_classes(face: dict[str, Any], n_classes: int) -> NDArray[Any]:
    try:
        classes = np.asarray(face["classes"], dtype=face["classes_dtype"])
    except (KeyError, TypeError, ValueError) as error:
        raise ArtifactError(f"the model file's class labels cannot be read: {error}.") from error
    if classes.shape != (n_classes,) or len(set(classes.tolist())) != len(classes):
        raise ArtifactError(f"the model file must name {n_classes} different classes, but names {classes.tolist()}.")
    return classes
