"""Is the answer right within stretches of time, or only from one stretch to the next?

stretch      20 label lengths of rows, equal parts of the whole
agreement    the metric is a mean of products truth x answer. Within a stretch both are taken from their mean there:
             what is left is how often the answer is right beyond what the stretch's shares alone give
p            one-sided, Newey-West over 2h rows; inner and OOS rows weighed by Stouffer

See Note [Slow things always agree with something].
"""

# Note [Slow things always agree with something]
#
# Where outcomes drift (more rises than falls for hundreds of rows) and a column moves as slowly (a price level, a
# volume summed up, the time of the year), the two have a few swings in common in all the rows there are, and few swings
# agree by chance. The tests of luck know dependence up to the label's length: two slow waves in step at their own time
# are out of step at nearly all others, and a bet that wins through one long swing counts every row of it. Of 600 such
# series (benchmarks/honesty/hostile.py, "trends", 1,000 and 4,000 OOS rows) 7.5 % were deployed without this rule.
#
# A skill that a trader can live from shows within the stretches too. This is no test of luck on its own: answers
# against the past move lean on a mean that they helped to make (15 % of noise passes 5 %). It comes besides them.

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from smctrain import stats
from smctrain.verdict.case import Case, Floats, Rows
from smctrain.verdict.measure import twice_the_variance

LENGTH = 20
"""Of a stretch, in label lengths."""
P_STRETCHES = 0.02


class Stretches(NamedTuple):
    """What the shown model's answers are worth within stretches of time."""

    p: float
    skill: float
    """Of OOS rows, in the metric's units: right beyond the stretches' own shares."""
    rows: int
    """Of a stretch on OOS rows."""


def within_stretches(case: Case, model: int) -> Stretches | None:
    """None on rows too short to tell (fewer than 20h)."""
    if len(case.oos) < LENGTH * case.horizon:
        return None
    p, skill = _within(case, case.oos, model)
    if len(case.inner) >= LENGTH * case.horizon:
        p_inner, _ = _within(case, case.inner, model)
        if case.out_of_fold:
            p_inner = twice_the_variance(p_inner)
        p = stats.stouffer([p_inner, p], [len(case.inner), len(case.oos)]).p
    return Stretches(p, skill, len(case.oos) // _count(case.oos, case.horizon))


def _count(rows: Rows, horizon: int) -> int:
    return max(1, len(rows) // (LENGTH * horizon))


def _within(case: Case, rows: Rows, model: int) -> tuple[float, float]:
    """(p, mean agreement within stretches)."""
    n, parts = len(rows), _count(rows, case.horizon)
    part = np.arange(n) * parts // n
    size = np.bincount(part)

    def apart(series: Floats) -> Floats:
        return np.asarray(series - (np.bincount(part, series) / size)[part])

    agreed = np.zeros(n)
    for truth, answer in case.agreement(rows, model):
        agreed += apart(truth) * apart(answer)
    mean = float(agreed.mean())
    if bool(np.all(agreed == agreed[0])):
        return 0.5, mean
    t = stats.hac_mean(agreed, 2 * case.horizon).t
    return (max(0.5 * math.erfc(t / math.sqrt(2.0)), 1e-300) if math.isfinite(t) else 0.5), mean
