"""Which model may go live, and which columns a model should see.

The selectors are scikit-learn transformers and load with their first use; training uses the functions below them.
"""

from __future__ import annotations

import importlib
from typing import Any

from smctrain.selection.scores import correlation_matrix, f_scores, mutual_information
from smctrain.selection.selector import ModelSelector

_TRANSFORMERS = (
    "CircularBoruta", "ConsensusSelector", "CorrelationPruner", "RecursiveElimination", "SelectByScore",
    "StabilitySelection",
)  # fmt: skip

__all__ = ["ModelSelector", "correlation_matrix", "f_scores", "mutual_information", *_TRANSFORMERS]


def __getattr__(name: str) -> Any:
    if name not in _TRANSFORMERS:
        raise AttributeError(f"module 'smctrain.selection' has no attribute {name!r}")
    value = getattr(importlib.import_module("smctrain.selection.transformers"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
