"""Splitters that purge overlapping labels, in scikit-learn's protocol, and the audit that proves it."""

from __future__ import annotations

from smctrain.splits.audit import SplitReport, audit
from smctrain.splits.base import EmbargoShare, Splitter
from smctrain.splits.events import EventAwareSplit
from smctrain.splits.forward import ExpandingWindow, TemporalSplit, WalkForward
from smctrain.splits.groups import LeaveOneSymbolOut, RegimeSplit
from smctrain.splits.plan import FoldPlan, SplitPlan
from smctrain.splits.purged import CombinatorialPurgedKFold, PurgedKFold
from smctrain.splits.windows import QualityStrata

__all__ = [
    "CombinatorialPurgedKFold",
    "EmbargoShare",
    "EventAwareSplit",
    "ExpandingWindow",
    "FoldPlan",
    "LeaveOneSymbolOut",
    "PurgedKFold",
    "QualityStrata",
    "RegimeSplit",
    "SplitPlan",
    "SplitReport",
    "Splitter",
    "TemporalSplit",
    "WalkForward",
    "audit",
]
