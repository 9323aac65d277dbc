"""Labels: what happened after each decision, with the rows that each label looked at."""

from __future__ import annotations

from smctrain.labels.barrier import triple_barrier
from smctrain.labels.cusum import cusum_events
from smctrain.labels.decisions import DecisionRows, Events, ZoneTable
from smctrain.labels.horizon import Horizon, TargetName, parse_horizon, parse_target
from smctrain.labels.meta import meta_labels
from smctrain.labels.targets import excess_return, fit_band, forward_return, make_target, outperform, path_target
from smctrain.labels.trend import trend_scanning
from smctrain.labels.types import RULES, STATUSES, Labels
from smctrain.labels.weights import decay_weights, label_uniqueness, return_weights, sequential_bootstrap

__all__ = [
    "RULES",
    "STATUSES",
    "DecisionRows",
    "Events",
    "Horizon",
    "Labels",
    "TargetName",
    "ZoneTable",
    "cusum_events",
    "decay_weights",
    "excess_return",
    "fit_band",
    "forward_return",
    "label_uniqueness",
    "make_target",
    "meta_labels",
    "outperform",
    "parse_horizon",
    "parse_target",
    "path_target",
    "return_weights",
    "sequential_bootstrap",
    "trend_scanning",
    "triple_barrier",
]
