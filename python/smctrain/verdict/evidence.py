"""Is it skill, and could these rows have shown it?

p_oos    circular-shift max test on OOS rows: the best of this run's models against luck with every prediction vector
         ever scored on them, earlier runs included
p_in     the same on inner rows; not available where a trial left no inner predictions. Where they are out-of-fold, its
         normal quantile is divided by sqrt(2): see Note [Out-of-fold rows count twice]
p_comb   both together (Stouffer, weights sqrt(rows))
E_end    interleaved e-process, mean over the final model of each family
skill    the shown model's metric minus that of the training rows' commonest class
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

import numpy as np

from smctrain import stats
from smctrain.stats import _codes
from smctrain.verdict.luck import luck_range
from smctrain.verdict.measure import Case, Labels, Measured, twice_the_variance
from smctrain.verdict.trades import TradeOutcome, trade_outcome

EDGES = (0.10, 0.06, 0.05, 0.03, 0.02)


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
    wealth: stats.EProcess
    accuracy: float
    low: float
    high: float
    n_eff: float
    statistic: float
    skill: float
    majority_accuracy: float
    design_effect: float
    n_required: dict[float, int]
    needed: int
    """Rows that would show `min_edge`."""
    visible: float
    """Smallest edge these rows could have shown."""
    trades: TradeOutcome

    @property
    def enough_rows(self) -> bool:
        return self.test is not None


def weigh(case: Case, measured: Measured) -> Evidence:
    """All evidence about the shown model."""
    oos, metric, shown = case.oos, case.metric, measured.shown
    tried, tried_inner = _tried(case)
    test = _shift_test(oos.y, tried, case)
    test_in = None if tried_inner is None else _shift_test(case.inner.y, tried_inner, case)
    p_oos = None if test is None else test.p_value
    p_in_raw = None if test_in is None else test_in.p_value
    p_in = twice_the_variance(p_in_raw) if p_in_raw is not None and case.out_of_fold else p_in_raw
    p_comb = p_oos
    if p_oos is not None and p_in is not None:
        p_comb = stats.stouffer([p_in, p_oos], [len(case.inner), len(oos)]).p
    shares = dict(zip(case.classes.tolist(), case.shares.tolist(), strict=True))
    right = oos.answers[shown] == oos.y
    size = stats.effective_sample_size(right, case.horizon)
    accuracy = float(right.mean())
    interval = stats.wilson_interval(accuracy * size.n_eff, size.n_eff)
    statistic = metric.of(oos.y, oos.answers[shown])
    # On rows too short for the test the inner rows say better how far neighbours depend on each other.
    spread = (
        size
        if test is not None
        else stats.effective_sample_size(case.inner.answers[shown] == case.inner.y, case.horizon)
    )
    p0 = _chance(case)
    required = {
        edge: stats.required_sample(edge, design_effect=spread.factor, p0=p0) for edge in (*EDGES, case.min_edge)
    }
    unit = stats.required_sample(0.001, design_effect=spread.factor, p0=p0) * 1e-6
    return Evidence(
        test=test,
        p_oos=p_oos,
        p_in=p_in,
        p_in_raw=p_in_raw,
        p_comb=p_comb,
        configurations=_count(case, tried, tried_inner),
        inner_known=tried_inner is not None,
        wealth=stats.e_process(oos.y, oos.answers, case.horizon, train_shares=shares),
        accuracy=accuracy,
        low=interval.low,
        high=interval.high,
        n_eff=size.n_eff,
        statistic=statistic,
        skill=statistic - measured.baseline,
        majority_accuracy=float((oos.y == case.majority).mean()),
        design_effect=spread.factor,
        n_required=required,
        needed=required[case.min_edge],
        visible=math.sqrt(unit / len(oos)),
        trades=trade_outcome(case, shown),
    )


def _tried(case: Case) -> tuple[Labels, Labels | None]:
    """This run's vectors behind those of the ledger; inner ones are None when some are lost."""
    oos, inner, trials = case.oos.answers, case.inner.answers, case.trials
    if trials is None:
        return oos, inner
    if np.size(trials.oos):
        oos = np.concatenate([oos, _codes.prediction_matrix(trials.oos, len(case.oos), "ledger.oos")])
    if trials.inner is None:
        return oos, None
    if np.size(trials.inner):
        inner = np.concatenate([inner, _codes.prediction_matrix(trials.inner, len(case.inner), "ledger.inner")])
    return oos, inner


def _count(case: Case, tried: Labels, tried_inner: Labels | None) -> int:
    lost = case.trials.lost if case.trials is not None else 0
    return max(len(tried), 0 if tried_inner is None else len(tried_inner)) + lost


def _shift_test(y: Labels, answers: Labels, case: Case) -> stats.CircularShiftTest | None:
    if len(y) < 20 * case.horizon:
        return None
    # An earlier model may have known more, by a column that leaked: luck may have it, it does not speak for these.
    return stats.circular_shift_test(
        y, answers, case.horizon, case.metric.name, threads=case.threads, judged=len(case.names)
    )


def _chance(case: Case) -> float:
    """Accuracy without a model: 1/2 for two balanced classes."""
    even = len(case.classes) == 2 and bool(np.all((case.shares >= 0.45) & (case.shares <= 0.55)))
    return 0.5 if even else float(np.clip((case.oos.y == case.majority).mean(), 0.05, 0.95))


def as_record(case: Case, measured: Measured, found: Evidence) -> dict[str, float | int | str | None]:
    """Every number behind the sentences, for JSON."""
    best, test, trades = measured.choice.best, found.test, found.trades
    luck = luck_range(case, measured.shown)
    return {
        "shown_model": case.names[measured.shown],
        "profile": case.rules.profile,
        "metric": case.metric.name,
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
        "p_resolution": None if test is None else test.resolution,
        "n_shifts": None if test is None else test.n_shifts,
        "luck_mean": None if test is None else test.null_mean,
        "luck_low": None if luck is None else luck.low,
        "luck_high": None if luck is None else luck.high,
        "e_end": found.wealth.end,
        "e_max": found.wealth.sup,
        "statistic": found.statistic,
        "baseline": measured.baseline,
        "skill": found.skill,
        "accuracy": found.accuracy,
        "accuracy_low": found.low,
        "accuracy_high": found.high,
        "majority_accuracy": found.majority_accuracy,
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
