"""Labels: what happened after each decision, with the rows that each label looked at."""

from __future__ import annotations

from smctrain.labels.barrier import triple_barrier
from smctrain.labels.types import RULES, STATUSES, Labels
from smctrain.labels.weights import label_uniqueness

__all__ = ["RULES", "STATUSES", "Labels", "label_uniqueness", "triple_barrier"]
