"""What luck alone scores with the shown model's answers: the same answers put against other times.

The range is shown beside the model's own figure. The rules ask more: everything that was tried must be beaten
(`smctrain.stats.circular_shift_test`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from smctrain.verdict.case import Case

_EQUAL = 1e-9


class OwnLuck(NamedTuple):
    """The shown model's answers at other times."""

    low: float
    high: float
    """Between them lie the middle 95 % of what they score."""
    p: float
    """(1 + shifts at which they score at least as much as at their own time) / (shifts + 1)."""


def own_luck(case: Case, shown: int) -> OwnLuck | None:
    """Over all shifts by at least 4 label lengths; None on rows too short for them (fewer than 20h)."""
    n, h = len(case.oos), case.horizon
    if n < 20 * h:
        return None
    scores = case.shifted(case.oos.y, case.oos.answers[shown])
    others = scores[4 * h : n - 4 * h + 1]
    low, high = np.quantile(others, [0.025, 0.975])
    as_good = int((others >= scores[0] - _EQUAL).sum())
    return OwnLuck(float(low), float(high), (1 + as_good) / (len(others) + 1))
