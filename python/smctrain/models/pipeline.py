"""A deployable model: feature recipe, fitted preparation, fitted model and label map in one container."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from smctrain.artifact.container import pack, read_container, unpack
from smctrain.exceptions import ArtifactError
from smctrain.models.base import FittedModel
from smctrain.models.registry import FAMILIES, fitted_from_state
from smctrain.prepare import Preparation


@dataclass(frozen=True)
class Pipeline:
    """Everything between raw feature values and class probabilities.

    Attributes
    ----------
    classes : list of int
        Label values in the order of the probability columns.
    features : list of str
        Column names the preparation was fitted on, in order.
    card : dict
        What a reader wants to know: symbol, settings, seed, hashes, verdict, feature and data recipe.
    """

    family: str
    model: FittedModel
    prepare: Preparation
    scaled: bool
    classes: list[int]
    features: list[str]
    card: dict[str, Any] = field(default_factory=dict)

    def predict_proba(
        self,
        X: NDArray[np.float32],
        rows: NDArray[np.int64] | None = None,
        segment: NDArray[np.int32] | None = None,
    ) -> NDArray[np.float64]:
        """Class probabilities (len(rows), n_classes) from raw feature values (n, d) in the order of `features`."""
        values = self.prepare.values(X, self.scaled)
        return self.model.predict_proba(values, rows, segment)

    def to_bytes(self) -> bytes:
        """Container bytes."""
        meta, arrays = self.model.to_state()
        prepare_meta, prepare_arrays = self.prepare.to_state()
        header = {
            "kind": "pipeline",
            "family": self.family,
            "task": "classification",
            "classes": self.classes,
            "features": self.features,
            "scaled": self.scaled,
            "model": meta,
            "prepare": prepare_meta,
            "card": self.card,
        }
        named = {f"model/{name}": array for name, array in arrays.items()}
        named |= {f"prepare/{name}": array for name, array in prepare_arrays.items()}
        return pack(header, named)

    @classmethod
    def from_bytes(cls, data: bytes, origin: str = "the pipeline's bytes") -> Pipeline:
        """Inverse of `to_bytes`; raises `ArtifactError` before anything is believed."""
        container = unpack(data, origin)
        return cls._from_container(container.header, container.arrays, origin)

    @classmethod
    def read(cls, path: str | Path) -> Pipeline:
        """Read a `.smc` file of a run."""
        container = read_container(path)
        return cls._from_container(container.header, container.arrays, str(path))

    @classmethod
    def _from_container(cls, header: dict[str, Any], arrays: dict[str, NDArray[Any]], origin: str) -> Pipeline:
        def refuse(reason: str) -> ArtifactError:
            return ArtifactError(f"{origin} cannot be loaded: {reason}.")

        if header.get("kind") != "pipeline":
            raise refuse(f"it holds a {header.get('kind')!r}, not the model of a run (try st.load_model)")
        family, classes, features = header.get("family"), header.get("classes"), header.get("features")
        if family not in FAMILIES:
            raise refuse(f"its model family {family!r} is unknown to this smctrain")
        if not isinstance(classes, list) or not _ints(classes) or len(set(classes)) != len(classes) or len(classes) < 2:
            raise refuse("its classes are not distinct whole numbers")
        if not isinstance(features, list) or not _texts(features) or len(set(features)) != len(features):
            raise refuse("its feature names are not distinct texts")
        if not all(isinstance(header.get(key), dict) for key in ("model", "prepare", "card")):
            raise refuse("its header lacks model, prepare or card")
        if not isinstance(header.get("scaled"), bool):
            raise refuse("its header does not say whether inputs are scaled")
        parts: dict[str, dict[str, NDArray[Any]]] = {"model": {}, "prepare": {}}
        for name, array in arrays.items():
            part, _, rest = name.partition("/")
            if part not in parts:
                raise refuse(f"it holds the unknown array {name!r}")
            parts[part][rest] = array
        model = fitted_from_state(family, header["model"], parts["model"])
        prepare = Preparation.from_state(header["prepare"], parts["prepare"])
        if model.n_classes != len(classes):
            raise refuse(f"its model has {model.n_classes} classes, its label map {len(classes)}")
        if len(prepare.names_out(header["scaled"])) != model.n_features or prepare.names != features:
            raise refuse("model, preparation and feature names disagree on the columns")
        return cls(family, model, prepare, header["scaled"], classes, features, header["card"])


def _ints(values: Any) -> TypeGuard[list[int]]:
    return isinstance(values, list) and all(type(value) is int for value in values)


def _texts(values: Any) -> TypeGuard[list[str]]:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)
