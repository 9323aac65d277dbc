"""What luck alone scores with these answers: the same answers put against other times.

Shown beside the model's own figure; it decides nothing. The rules ask more: everything that was tried must be beaten
(`smctrain.stats.circular_shift_test`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from smctrain._load import core
from smctrain.stats import _codes
from smctrain.verdict.measure import Case


class LuckRange(NamedTuple):
    """The middle 95 % of what the shown model's answers score at other times."""

    low: float
    high: float


def luck_range(case: Case, shown: int) -> LuckRange | None:
    """Quantiles over all shifts by at least 4 label lengths; None on rows too short for them (fewer than 20h)."""
    y, answers, h = case.oos.y, case.oos.answers[shown], case.horizon
    n = len(y)
    if n < 20 * h:
        return None
    classes = np.unique(y)
    scores = core().shifted_statistics(
        _codes.to_codes(y, classes), _codes.to_codes(answers[None, :], classes), len(classes), case.metric.balanced
    )[0, 4 * h : n - 4 * h + 1]
    low, high = np.quantile(scores, [0.025, 0.975])
    return LuckRange(float(low), float(high))
