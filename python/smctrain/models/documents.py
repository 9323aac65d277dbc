"""The model classes that the source documents name: thin faces over the run's trainers and its model container.

train: prepare on training rows -> trainer.fit -> Pipeline; save and load: `<SYMBOL>_<Model>.smc` and its metadata.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain.artifact import read_json, safe_file_name, versions, write_atomic, write_json
from smctrain.exceptions import ArtifactError, InputError, OneClass, TooFewRows
from smctrain.models.base import FitTask
from smctrain.models.pipeline import Pipeline
from smctrain.models.registry import make_trainer
from smctrain.prepare import Preparation


class SMCModel:
    """One model family of one symbol, from feature values and labels.

    Parameters
    ----------
    symbol : str
        Names the files.
    seed : int
    threads : int
    **settings
        Of the family, for example ``n_estimators=200``; the regularised defaults of the main job otherwise.

    Attributes
    ----------
    is_trained : bool
        After `train` or `load_model`.
    metadata : dict
        What `save_model` writes beside the model.
    """

    family: ClassVar[str]

    def __init__(self, symbol: str, *, seed: int = 42, threads: int = 1, **settings: Any) -> None:
        self.symbol, self.seed, self.threads = symbol, seed, threads
        self._trainer = make_trainer(self.family, settings)
        self._pipeline: Pipeline | None = None
        self.metadata: dict[str, Any] = {}

    @property
    def is_trained(self) -> bool:
        """Whether there is a fitted model."""
        return self._pipeline is not None

    def train(
        self,
        X: ArrayLike,
        y: ArrayLike,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
        feature_names: list[str] | None = None,
    ) -> Self:
        """Fit preparation and model.

        Parameters
        ----------
        X : (n, d)
            Feature values in time order; NaN is allowed.
        y : int (n,)
            Labels, for example -1, 0, 1.
        X_val, y_val : optional
            Later rows that stop training early; nothing else is learned from them.
        feature_names : list of str, optional
            Default: the columns of a frame, else f0, f1, ...

        Raises
        ------
        InputError, TooFewRows, OneClass
        """
        names = [str(name) for name in (feature_names or getattr(X, "columns", []))]
        matrix, labels = _matrix("X", X), _labels("y", y)
        n = len(matrix)
        if len(labels) != n:
            raise InputError(f"y must have one label for each of the {n} rows of X, but has {len(labels)}.")
        if n < 2:
            raise TooFewRows(f"{self.symbol}: training needs at least 2 rows, but X has {n}.")
        names = names or [f"f{column}" for column in range(matrix.shape[1])]
        if len(names) != matrix.shape[1]:
            raise InputError(f"feature_names has {len(names)} names, but X has {matrix.shape[1]} columns.")
        if (X_val is None) != (y_val is None):
            raise InputError("X_val and y_val must be given together, but only one of them is.")
        segment = np.zeros(n, dtype=np.int32)
        if X_val is not None and y_val is not None:
            later, later_labels = _matrix("X_val", X_val), _labels("y_val", y_val)
            if later.shape[1] != matrix.shape[1] or len(later) != len(later_labels):
                raise InputError(f"X_val has shape {later.shape} and y_val {len(later_labels)} labels; X has {n} rows.")
            matrix, labels = np.vstack([matrix, later]), np.concatenate([labels, later_labels])
            segment = np.concatenate([segment, np.ones(len(later), dtype=np.int32)])
        classes = np.unique(labels[:n])
        if len(classes) < 2:
            raise OneClass(f"{self.symbol}: y holds one class ({classes.tolist()[0]}); there is nothing to learn.")
        codes = np.where(np.isin(labels, classes), np.searchsorted(classes, labels), -1).astype(np.int32)
        rows = np.arange(n, dtype=np.int64)
        prepare = Preparation.fit(matrix, rows, names)
        scaled = self._trainer.needs_scaling
        values = prepare.values(matrix, scaled)
        stop_rows = np.flatnonzero((np.arange(len(matrix)) >= n) & (codes >= 0)).astype(np.int64)
        model = self._trainer.fit(
            FitTask(
                X=values,
                y=codes,
                rows=rows,
                n_classes=len(classes),
                stop_rows=stop_rows,
                segment=segment,
                seed=self.seed,
                threads=self.threads,
            )
        )
        card = {"symbol": self.symbol, "settings": self._trainer.settings(), "seed": self.seed}
        self._pipeline = Pipeline(self.family, model, prepare, scaled, [int(value) for value in classes], names, card)
        self.metadata = {}
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Class probabilities (n, k), columns in the order of `classes`; NaN where there is no full window (LSTM)."""
        return self._fitted().predict_proba(_matrix("X", X))

    def predict(self, X: ArrayLike) -> np.ma.MaskedArray[Any, Any]:
        """The most probable label per row (n,), masked where the model cannot answer."""
        proba = self.predict_proba(X)
        silent = np.isnan(proba).any(axis=1)
        labels = np.asarray(self.classes)[np.argmax(np.nan_to_num(proba), axis=1)]
        return np.ma.MaskedArray(labels, mask=silent)

    @property
    def classes(self) -> list[int]:
        """Labels in the order of the probability columns."""
        return self._fitted().classes

    def save_model(self, output_dir: str | Path) -> Path:
        """Write `<SYMBOL>_<Model>.smc` and `<SYMBOL>_<Model>_metadata.json` into a folder; returns the model's path."""
        from smctrain.results import now

        pipeline = self._fitted()
        path, metadata = self._paths(output_dir)
        content = pipeline.to_bytes()
        previous = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
        write_atomic(path, content)
        self.metadata = {
            "schema_version": 1,
            "symbol": self.symbol,
            "model_name": self.family,
            "hyperparameters": pipeline.card.get("settings", {}),
            "features": pipeline.features,
            "label_map": {str(code): value for code, value in enumerate(pipeline.classes)},
            "preprocessing": pipeline.prepare.to_state()[0],
            "seed": pipeline.card.get("seed"),
            "created": now(),
            "versions": versions(),
            "artifact": {
                "path": path.name,
                "sha256": hashlib.sha256(content).hexdigest(),
                "bytes": len(content),
            },
            "previous": previous,
        }
        write_json(metadata, self.metadata)
        return path

    def load_model(self, output_dir: str | Path) -> Self:
        """Read what `save_model` wrote.

        Raises
        ------
        ArtifactError
            A file is missing, damaged, of another family, or not the one its metadata names.
        """
        path, metadata_path = self._paths(output_dir)
        try:
            metadata = read_json(metadata_path)
            content = path.read_bytes()
        except OSError as error:
            raise ArtifactError(f"{error.filename} cannot be read: {error.strerror}.") from error
        except ValueError as error:
            raise ArtifactError(f"{metadata_path} is damaged: {error}.") from error
        artifact = metadata.get("artifact") if isinstance(metadata, dict) else None
        if not isinstance(artifact, dict) or artifact.get("sha256") != hashlib.sha256(content).hexdigest():
            raise ArtifactError(f"{path} is not the file its metadata names: its SHA-256 differs.")
        pipeline = Pipeline.from_bytes(content, str(path))
        if pipeline.family != self.family:
            raise ArtifactError(f"{path} holds a {pipeline.family}, but {type(self).__name__} is a {self.family}.")
        self._pipeline, self.metadata = pipeline, metadata
        return self

    def _fitted(self) -> Pipeline:
        if self._pipeline is None:
            raise InputError(f"{type(self).__name__}({self.symbol!r}) is not trained; call train or load_model first.")
        return self._pipeline

    def _paths(self, output_dir: str | Path) -> tuple[Path, Path]:
        stem = f"{safe_file_name(self.symbol)}_{self.family}"
        return Path(output_dir) / f"{stem}.smc", Path(output_dir) / f"{stem}_metadata.json"


class RandomForestSMCModel(SMCModel):
    """Histogram random forest."""

    family: ClassVar[str] = "RandomForest"


class XGBoostSMCModel(SMCModel):
    """Gradient boosting."""

    family: ClassVar[str] = "XGBoost"


class NeuralNetworkSMCModel(SMCModel):
    """Multi-layer perceptron."""

    family: ClassVar[str] = "NeuralNetwork"


class LSTMSMCModel(SMCModel):
    """Long short-term memory over windows of rows."""

    family: ClassVar[str] = "LSTM"


def _matrix(name: str, values: ArrayLike) -> NDArray[np.float32]:
    array = np.asarray(values)
    if array.ndim != 2 or array.dtype.kind not in "fiub":
        raise InputError(
            f"{name} must be a table of numbers (rows, columns), but has shape {array.shape} and dtype {array.dtype}."
        )
    bad = np.isinf(array) | (np.abs(array) > np.finfo(np.float32).max)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise InputError(f"{name} row {row}, column {column} is infinite or beyond float32; use NaN for missing.")
    return np.ascontiguousarray(array, dtype=np.float32)


def _labels(name: str, values: ArrayLike) -> NDArray[np.int64]:
    array = np.asarray(values)
    whole = array.dtype.kind in "iub" or (array.dtype.kind == "f" and np.all(array == np.round(array)))
    if array.ndim != 1 or not whole:
        raise InputError(
            f"{name} must be one-dimensional whole numbers, but has shape {array.shape} and dtype {array.dtype}."
        )
    return array.astype(np.int64)


__all__ = ["LSTMSMCModel", "NeuralNetworkSMCModel", "RandomForestSMCModel", "XGBoostSMCModel"]
