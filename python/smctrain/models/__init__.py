"""Model families: scikit-learn estimators over native trainers. Everything is loaded at first use."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from smctrain.models.registry import FAMILIES, list_families

if TYPE_CHECKING:
    from os import PathLike

_ESTIMATORS = {entry.estimator: entry.estimator_module for entry in FAMILIES.values()}
_ESTIMATORS |= {entry.regressor: entry.estimator_module for entry in FAMILIES.values() if entry.regressor}
_DOCUMENTED = {
    f"{name}SMCModel": "smctrain.models.documents" for name in ("RandomForest", "XGBoost", "NeuralNetwork", "LSTM")
}
_SHARED_WORK = {
    "BinnedMatrix": "smctrain.models.binned",
    "BinnedView": "smctrain.models.binned",
    "Folds": "smctrain.models.folds",
    "Range": "smctrain.models.settings_search",
    "cross_validate": "smctrain.models.cross_validation",
    "fit_many": "smctrain.models.many",
    "search": "smctrain.models.settings_search",
}
_LAZY = _ESTIMATORS | _DOCUMENTED | _SHARED_WORK

__all__ = ["list_families", "load_model", *_LAZY]


def load_model(path: str | PathLike[str]) -> Any:
    """The estimator that `save` wrote into a `.smc` file; a bare fitted model where the file holds one.

    Raises
    ------
    ArtifactError
        The file is damaged, foreign or from a newer version.
    """
    from smctrain import artifact
    from smctrain.models.registry import fitted_from_state

    family, meta, arrays = artifact.read_model(path)
    if "estimator" not in meta:
        return fitted_from_state(family, meta, arrays)
    from smctrain.models.estimators._base import estimator_from_state

    return estimator_from_state(family, meta, arrays)


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'smctrain.models' has no attribute {name!r}")
    value = getattr(importlib.import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
