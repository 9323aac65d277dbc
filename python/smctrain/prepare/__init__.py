"""Fold hygiene: transforms fitted on training rows and replayed everywhere else.

>>> scaler = st.prepare.StandardScaler().fit(X, rows=train)        # doctest: +SKIP
>>> scaler.transform(X)[test]                                      # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import Any

from smctrain.prepare.preparation import Preparation, PrepareSettings

# scikit-learn comes with the first of them.
_TRANSFORMERS = {
    "ColumnFilter": "columns",
    "Imputer": "columns",
    "MinMaxScaler": "scalers",
    "Preprocessor": "preprocessor",
    "RobustScaler": "scalers",
    "StandardScaler": "scalers",
    "load_transformer": "_base",
}

__all__ = ["Preparation", "PrepareSettings", *_TRANSFORMERS]


def __getattr__(name: str) -> Any:
    if name not in _TRANSFORMERS:
        raise AttributeError(f"module 'smctrain.prepare' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"smctrain.prepare.transformers.{_TRANSFORMERS[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
