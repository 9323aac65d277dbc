"""Splitters that purge overlapping labels, in scikit-learn's protocol, and the audit that proves it."""

from __future__ import annotations

from smctrain.splits.audit import SplitReport, audit
from smctrain.splits.base import SplitPlan
from smctrain.splits.forward import ExpandingWindow, TemporalSplit, WalkForward
from smctrain.splits.purged import CombinatorialPurgedKFold, PurgedKFold

__all__ = [
    "CombinatorialPurgedKFold",
    "ExpandingWindow",
    "PurgedKFold",
    "SplitPlan",
    "SplitReport",
    "TemporalSplit",
    "WalkForward",
    "audit",
]
