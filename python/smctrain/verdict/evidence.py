"""Is it skill, and could these rows have shown it?

p_oos    circular-shift max test on OOS rows: the best of this run's models against luck with every prediction vector
         ever scored on them, earlier runs included
p_in     the same on inner rows; not available where a trial left no inner predictions. Where they are out-of-fold, its
         normal quantile is divided by sqrt(2): see Note [Out-of-fold rows count twice]
p_comb   both together (Stouffer, weights sqrt(rows))
p_own    the shown model's OOS answers alone
E_end    interleaved e-process, mean over the final model of each family
skill    the shown model's metric minus its baseline's: always answering the training rows' commonest class, or no order
n_req    rows that would show an edge 9 times in 10, at 1 %
"""

# Note [Out-of-fold rows count twice]
#
# Let c_f be how fold f happens, by luck, to link the columns with the outcome. A model of the other folds follows the
# sum of theirs, so the pooled out-of-fold score varies like sum over f != g of c_f c_g = 2 sum over f < g: every pair
# counts twice, and with many columns the variance is up to twice that of fixed predictions. Shifting labels against
# fixed predictions cannot see this. Measured on 194 noise sets (process N0, 1,710 inner rows, three families, 3 folds):
# p_in <= 0.05 in 13.9 % of them, and in 4.1 % with the correction; p_comb <= 0.005 in 1.5 %, then 0.5 %.

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from smctrain import stats
from smctrain.verdict.case import Case, Figures, ForwardSkill
from smctrain.verdict.luck import OwnLuck, own_luck
from smctrain.verdict.measure import Measured, twice_the_variance
from smctrain.verdict.stretches import Stretches, within_stretches
from smctrain.verdict.trades import TradeOutcome, trade_outcome

Answers = npt.NDArray[Any]


@dataclass(frozen=True)
class Evidence:
    """Every number the rules read."""

    test: stats.CircularShiftTest | None
    """None: fewer than 20h OOS rows, too coarse."""
    p_oos: float | None
    p_in: float | None
    p_in_raw: float | None
    """As the shift test gives it."""
    p_comb: float | None
    configurations: int
    """Everything ever scored on these rows, on inner rows alone or also on OOS rows, by this run and earlier ones."""
    inner_known: bool
    luck: OwnLuck | None
    forward: ForwardSkill | None
    wealth: stats.EProcess
    n_eff: float
    statistic: float
    skill: float
    figures: Figures
    """What only this kind of target has."""
    design_effect: float
    n_required: dict[float, int]
    needed: int
    """Rows that would show `min_edge`."""
    visible: float
    """Smallest edge these rows could have shown."""
    trades: TradeOutcome
    stretches: Stretches | None

    @property
    def enough_rows(self) -> bool:
        return self.test is not None


def weigh(case: Case, measured: Measured) -> Evidence:
    """All evidence about the shown model."""
    oos, shown = case.oos, measured.shown
    tried, tried_inner = _tried(case)
    test = _shift_test(oos.y, tried, case)
    test_in = None if tried_inner is None else _shift_test(case.inner.y, tried_inner, case)
    p_oos = None if test is None else test.p_value
    p_in_raw = None if test_in is None else test_in.p_value
    p_in = twice_the_variance(p_in_raw) if p_in_raw is not None and case.out_of_fold else p_in_raw
    p_comb = p_oos
    if p_oos is not None and p_in is not None:
        p_comb = stats.stouffer([p_in, p_oos], [len(case.inner), len(oos)]).p
    n_eff = case.precision(oos, shown).n_eff
    statistic = case.score(oos.y, oos.answers[shown])
    design_effect = len(oos) / n_eff
    if test is None:
        # On rows too short for the test the inner rows say better how far neighbours depend on each other.
        design_effect = len(case.inner) / case.precision(case.inner, shown).n_eff
    required = {edge: case.required(edge, design_effect) for edge in (*case.edges, case.min_edge)}
    unit = case.required(0.001, design_effect) * 1e-6
    return Evidence(
        test=test,
        p_oos=p_oos,
        p_in=p_in,
        p_in_raw=p_in_raw,
        p_comb=p_comb,
        configurations=_count(case, tried, tried_inner),
        inner_known=tried_inner is not None,
        luck=own_luck(case, shown),
        forward=case.forward(shown),
        wealth=case.wealth(),
        n_eff=n_eff,
        statistic=statistic,
        skill=statistic - measured.baseline,
        figures=case.figures(shown),
        design_effect=design_effect,
        n_required=required,
        needed=required[case.min_edge],
        visible=math.sqrt(unit / len(oos)),
        trades=trade_outcome(case, shown),
        stretches=within_stretches(case, shown),
    )


def _tried(case: Case) -> tuple[Answers, Answers | None]:
    """This run's vectors behind those of the ledger; inner ones are None when some are lost."""
    oos, inner, trials = case.oos.answers, case.inner.answers, case.trials
    if trials is None:
        return oos, inner
    if np.size(trials.oos):
        oos = np.concatenate([oos, case.read_answers(trials.oos, len(case.oos), "ledger.oos")])
    if trials.inner is None:
        return oos, None
    if np.size(trials.inner):
        inner = np.concatenate([inner, case.read_answers(trials.inner, len(case.inner), "ledger.inner")])
    return oos, inner


def _count(case: Case, tried: Answers, tried_inner: Answers | None) -> int:
    lost = case.trials.lost if case.trials is not None else 0
    return max(len(tried), 0 if tried_inner is None else len(tried_inner)) + lost


def _shift_test(y: Answers, answers: Answers, case: Case) -> stats.CircularShiftTest | None:
    return None if len(y) < 20 * case.horizon else case.shift_test(y, answers)


def as_record(case: Case, measured: Measured, found: Evidence) -> dict[str, float | int | str | None]:
    """Every number behind the sentences, for JSON."""
    best, test, trades, luck = measured.choice.best, found.test, found.trades, found.luck
    return {
        "shown_model": case.names[measured.shown],
        "profile": case.rules.profile,
        "task": case.task,
        "metric": case.metric_name,
        "n_oos": len(case.oos),
        "n_inner": len(case.inner),
        "n_train": len(case.train_y),
        "horizon": case.horizon,
        "n_symbols": case.n_symbols,
        "configurations": found.configurations,
        "p_oos": found.p_oos,
        "p_in": found.p_in,
        "p_in_raw": found.p_in_raw,
        "p_comb": found.p_comb,
        "p_own": None if luck is None else luck.p,
        "p_resolution": None if test is None else test.resolution,
        "n_shifts": None if test is None else test.n_shifts,
        "luck_mean": None if test is None else test.null_mean,
        "luck_low": None if luck is None else luck.low,
        "luck_high": None if luck is None else luck.high,
        "p_stretches": None if found.stretches is None else found.stretches.p,
        "stretch_skill": None if found.stretches is None else found.stretches.skill,
        "e_end": found.wealth.end,
        "e_max": found.wealth.sup,
        "statistic": found.statistic,
        "baseline": measured.baseline,
        "skill": found.skill,
        **found.figures,
        **({} if found.forward is None else {"forward_ic": found.forward.ic, "p_forward": found.forward.p}),
        "n_eff": found.n_eff,
        "design_effect": found.design_effect,
        "smallest_visible_edge": found.visible,
        "min_edge": case.min_edge,
        "n_required": found.needed,
        "val_statistic": measured.candidate.val,
        "val_baseline": measured.inner_baseline,
        "gap": measured.candidate.gap,
        "in_sample_gap": measured.in_sample_gaps[measured.shown],
        "score": best.score if best else None,
        "trades": trades.trades if trades.known else None,
        "p_trades": trades.p,
        "mean_r_net": trades.mean_r if trades.known and trades.trades else None,
    }
