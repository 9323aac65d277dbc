"""Is an order right before the fact, or only in hindsight?

u            where an answer stands among the model's inner answers, -1 lowest, 1 highest; 0 without an answer
v            where an outcome stands among the training rows' outcomes, likewise
forward IC   3 mean(u v): an IC whose middles were known before the first OOS row
p            one-sided, normal; variance = var(u v) / n_eff + mean(u)^2 var(v on training rows) / n_eff there: the
             second part because training rows know the middle of v only so well

O(n log n).
"""

# Note [Only hindsight knows what was high]
#
# An IC measures answers and outcomes from their own middles over the OOS rows, which nobody knows before they are over.
# On a driftless walk "the price is high, so it will fall" has a positive IC in almost every window: what turns out to
# have been high was followed by a fall. Turning outcomes against answers breaks exactly this tie, so the shift test
# takes it for skill (the bias of predictive regressions: Stambaugh, J. of Financial Economics 54, 1999). Measured on
# the process N0 without a signal, 1,000 OOS rows, answers minus the price or minus its change over 200 or 50 bars: the
# other rules deploy 9, 6 and 2 % of them.
#
# Middles that were known before have no such bias: a product of what was known and what nobody could foresee is 0 on
# average. The same test catches another error. The shift test asks for the best of everything tried, and the e-process
# bets on all models together: where one model has found something and another one was chosen, both speak for the
# chosen one, which may be noise (6 % of 200 sets with one real model beside three of noise, chosen on 300 inner rows).
#
# With p at most 0.01 here, of N0 without a signal are deployed: 9 of 1,500 such answers to hindsight on 1,000 rows and
# 1 of 300 on 4,000 (alone; 3 of 500 and 0 of 100 all at once), 3 of 1,800 sets of smoothed noise or past returns on
# 1,000 and 0 of 900 on 4,000. Planted signals, four related models chosen on 300 inner rows: 87 % of 200 (P(0.20),
# 1,000 rows) and 88 % of 100 (P(0.12), 4,000 rows), where the rules without this one deploy 97 and 90 %.

from __future__ import annotations

import math

import numpy as np

from smctrain import stats
from smctrain.verdict.case import Floats, ForwardSkill


def forward_skill(y: Floats, answers: Floats, train_y: Floats, inner_answers: Floats, horizon: int) -> ForwardSkill:
    """The chosen model's OOS answers, measured from what was known before.

    Parameters
    ----------
    y, answers : (n,)
        OOS outcomes and answers; NaN: no answer.
    train_y : (m,)
    inner_answers : (k,)
        The same model's answers on inner rows.
    horizon : int
        Longest label in rows.
    """
    u, v, v_train = _place(answers, inner_answers), _place(y, train_y), _place(train_y, train_y)
    product = u * v
    n_eff = stats.effective_sample_size(product, horizon).n_eff
    n_train = stats.effective_sample_size(v_train, horizon).n_eff
    mean = float(product.mean())
    error = math.sqrt(float(product.var()) / n_eff + float(u.mean()) ** 2 * float(v_train.var()) / n_train)
    if error <= 1e-12:
        return ForwardSkill(3.0 * mean, 1.0)
    return ForwardSkill(3.0 * mean, 0.5 * math.erfc(mean / error / math.sqrt(2.0)))


def _place(values: Floats, among: Floats) -> Floats:
    """Share of `among` below minus share above; 0 for NaN, or where there is nothing to stand among."""
    known = np.sort(among[~np.isnan(among)])
    if not len(known):
        return np.zeros(len(values))
    below, up_to = np.searchsorted(known, values, "left"), np.searchsorted(known, values, "right")
    return np.where(np.isnan(values), 0.0, (below + up_to) / len(known) - 1.0)
