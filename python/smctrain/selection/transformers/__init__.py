"""Selectors with scikit-learn's face. Import them from `smctrain.selection`."""

from __future__ import annotations

from smctrain.selection.transformers.boruta import CircularBoruta, ConsensusSelector
from smctrain.selection.transformers.elimination import RecursiveElimination
from smctrain.selection.transformers.filters import CorrelationPruner, SelectByScore
from smctrain.selection.transformers.stability import StabilitySelection

__all__ = [
    "CircularBoruta",
    "ConsensusSelector",
    "CorrelationPruner",
    "RecursiveElimination",
    "SelectByScore",
    "StabilitySelection",
]
