"""The word, and the sentences a trader reads: what is recommended, how the model compares, what stands against it."""

from __future__ import annotations

from smctrain import stats
from smctrain.stats.choice import percent
from smctrain.verdict.case import Case
from smctrain.verdict.evidence import Evidence
from smctrain.verdict.measure import Measured
from smctrain.verdict.result import DEPLOY, NO_EVIDENCE, TOO_LITTLE_DATA
from smctrain.verdict.rules import LUCK, TOO_LITTLE

_HEADLINES = ("expected_value", "trade_luck", "trades", "consistency", "e_value")
"""Of several failed rules, the one the headline names."""


def kind_of(case: Case, found: Evidence, failed: dict[str, str]) -> str:
    """DEPLOY when nothing failed; TOO_LITTLE_DATA when these rows could not have shown the smallest edge asked for."""
    if not failed:
        return DEPLOY
    return TOO_LITTLE_DATA if failed.keys() & TOO_LITTLE or len(case.oos) < found.needed else NO_EVIDENCE


def reasons_of(case: Case, measured: Measured, found: Evidence, kind: str, failed: dict[str, str]) -> list[str]:
    """Full sentences, the recommendation first."""
    said = dict(failed)
    head = _head(case, measured, found, kind, said)
    beside = case.comparison(measured.shown, found.figures, found.statistic, found.enough_rows)
    reasons = [head, *beside, *(sentence for sentence in said.values() if sentence)]
    if kind != DEPLOY and found.test is not None:
        reasons.insert(1 + len(beside), _guessing(case, found))
    if kind == DEPLOY and found.test is not None:
        reasons.append(_luck(found.p_oos or 0.0, found.test, found.configurations))
        left = f"{found.wealth.end:.1f}" if found.wealth.end < 1e6 else "more than a million"
        reasons.append(
            f"A bet of 1 against luck, played row by row, would stand at {left}: a measure of evidence, not of money."
        )
        if found.trades.sentence:
            reasons.append(found.trades.sentence)
    return reasons + _tries(case, found)


def _tries(case: Case, found: Evidence) -> list[str]:
    """What earlier runs on the same rows cost, and what is missing of them."""
    said: list[str] = []
    if case.trials is not None and found.configurations > len(case.names):
        said.append(
            f"{found.configurations:,} configurations have been tried on these rows by now; luck was given as many "
            "tries."
        )
    if not found.inner_known:
        lost, note = (case.trials.lost, case.trials.note) if case.trials is not None else (0, "")
        gone = note or (
            f"the predictions of {lost:,} of them are gone from the ledger"
            if lost
            else "not all earlier trials left predictions"
        )
        said.append(f"Inner rows could not be weighed, because {gone}: the test rows alone had to convince.")
    return said


def _head(case: Case, measured: Measured, found: Evidence, kind: str, said: dict[str, str]) -> str:
    name, rows = case.names[measured.shown], f"{len(case.oos):,} test rows"
    asked, an_edge = case.amount(case.min_edge), case.edge_words(case.min_edge)
    if kind == DEPLOY:
        if case.n_symbols > 1:
            return f"{name} passes alone; {case.n_symbols} symbols are still to be judged together."
        return f"{name} may be deployed: it passed every rule."
    if kind == NO_EVIDENCE:
        return f"No model is recommended: {rows} are enough to see {an_edge}, and the evidence for one is missing."
    best = measured.choice.best
    if best is not None and not said.keys() & LUCK:
        # The rows do show an answer better than chance; the first sentence must say what it lacks.
        rule = next(name for name in _HEADLINES if name in said)
        lacking, said[rule] = said[rule], ""
        return (
            f"{best.name} answers better than chance, but is not recommended. {lacking} "
            f"Seeing {an_edge} takes {found.needed:,} test rows."
        )
    only = f"only {case.smallest(found.visible)} or more" if found.visible < case.most else "no edge at all"
    return f"The data cannot tell: on {rows} {only} would have shown, and seeing {asked} takes {found.needed:,} rows."


def _guessing(case: Case, found: Evidence) -> str:
    """Why a number that sounds good is not: what luck scores here, and what these rows are worth."""
    assert found.test is not None
    tries = f"the best of {found.configurations:,} tries" if found.configurations > 1 else "a model"
    metric = " (balanced accuracy)" if case.metric_name == "balanced_accuracy" else ""
    return (
        f"With luck alone {tries} scores {case.scale.value(found.test.null_mean)} on average on rows like these"
        f"{metric}. Neighbouring rows share their outcome, so that all of them are worth about {found.n_eff:,.0f} "
        "independent ones."
    )


def _luck(p: float, test: stats.CircularShiftTest, configurations: int) -> str:
    count = round(p * (test.n_shifts + 1)) - 1
    models = "the best of everything tried" if configurations > 1 else "the model"
    if p < test.resolution:
        return (
            f"Luck hardly explains it: {models} does as well in {count} of {test.n_shifts:,} shifted histories, "
            "fewer than these rows can tell apart."
        )
    return f"Luck does as well in {count} of {test.n_shifts:,} shifted histories ({percent(p)})."
