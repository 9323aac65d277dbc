"""Rule 8: what the trades of the chosen model earned, and whether luck earns as much.

A trade is a row on which the model answers the highest class (of numbers: above a threshold) and whose outcome is
known.

trades           at least 30 of them on OOS rows, one at a time: a row is skipped while an earlier trade is open
expected_value   their mean net outcome is above 0; over all rows taken, overlapping ones included, because that is the
                 more exact figure of the same expectation
trade_luck       they earn more than nothing and more than taking every row, by more than luck explains: Newey-West t
                 over 2h rows, one-sided, inner and OOS rows weighed by Stouffer, p at most 0.005

`trade_luck` goes beyond the design's rule 8, and is kept because without it the gate fails where it matters most. Being
right is not earning: how *far* prices move can be foreseen where their direction cannot, so a model that knows when a
trade runs out of time beats every baseline of a three-class label without an edge. Measured on 200
such series without an edge (tests/python/verdict/test_trade_luck.py, 3,000 + 3,000 rows): the other rules deploy 100,
whenever the trades happen to end above 0; with this one none is. All of 40 series with an edge are deployed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from smctrain import stats
from smctrain._load import core
from smctrain.verdict.case import Case, Flags, Floats, Rows
from smctrain.verdict.measure import twice_the_variance

MIN_TRADES = 30
P_TRADES = 0.005


@dataclass(frozen=True)
class TradeOutcome:
    """The trades of one model; `known` is False where the labels carry no outcomes."""

    known: bool
    trades: int
    """One at a time."""
    mean_r: float
    """Over all rows taken."""
    p: float | None
    sentence: str


def trade_outcome(case: Case, model: int) -> TradeOutcome:
    """The trades `model` takes on OOS rows."""
    outcome = case.oos.r_net
    if outcome is None:
        return TradeOutcome(False, 0, math.nan, None, "")
    wanted = case.takes(case.oos, model) & np.isfinite(outcome)
    if not wanted.any():
        return TradeOutcome(True, 0, math.nan, None, "No trade was taken.")
    mean, rows = float(outcome[wanted].mean()), int(wanted.sum())
    trades = _one_at_a_time(case, wanted, outcome)
    p = luck_of_trades(case, case.oos, model)
    p_inner = luck_of_trades(case, case.inner, model)
    if p_inner is not None and case.out_of_fold:
        p_inner = twice_the_variance(p_inner)
    if p is not None and p_inner is not None:
        p = stats.stouffer([p_inner, p], [len(case.inner), len(case.oos)]).p
    sentence = (
        f"{rows:,} rows say 'take the trade' and earned {mean:+.3f} R each on average; taken one at a time they are "
        f"{trades:,} trades."
    )
    return TradeOutcome(True, trades, mean, p, sentence)


def _one_at_a_time(case: Case, wanted: Flags, outcome: Floats) -> int:
    """How many trades an account takes that opens none while another is open."""
    start = np.arange(len(case.oos), dtype=np.int64)
    start, end = case.oos.spans or (start, start + case.horizon)
    return len(core().trades_taken(wanted.view(np.uint8), np.ascontiguousarray(outcome), start, end, True))


def luck_of_trades(case: Case, rows: Rows, model: int) -> float | None:
    """How easily luck earns this much above max(0, mean over all rows); None where that cannot be said."""
    outcome = rows.r_net
    if outcome is None:
        return None
    taken, horizon = case.takes(rows, model), case.horizon
    known = np.isfinite(outcome)
    if not (known & taken).any():
        return None
    # Timing is what a model adds: neither costs saved by standing aside nor a drift that every trade shares.
    share = np.where(known & taken, outcome - max(0.0, float(outcome[known].mean())), 0.0)
    if len(share) < 20 * horizon:
        return None
    if bool(np.all(share == share[0])):
        return 0.5
    t = stats.hac_mean(share, 2 * horizon).t
    return max(0.5 * math.erfc(t / math.sqrt(2.0)), 1e-300) if math.isfinite(t) else None
