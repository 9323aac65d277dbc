"""The word, and the sentences a trader reads: what is recommended, how the model compares, what stands against it."""

from __future__ import annotations

from smctrain import stats
from smctrain.stats.choice import percent
from smctrain.verdict.case import Case
from smctrain.verdict.evidence import Evidence
from smctrain.verdict.measure import Measured
from smctrain.verdict.result import DEPLOY, NO_EVIDENCE, TOO_LITTLE_DATA
from smctrain.verdict.rules import LUCK, TOO_LITTLE

_HEADLINES = ("expected_value", "trade_luck", "trades", "consistency")
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
    name = case.names[measured.shown]
    if kind == DEPLOY:
        if case.n_symbols > 1:
            return f"{name} passes alone; {case.n_symbols} symbols are still to be judged together."
        return f"{name} may be deployed: it passed every rule."
    best = measured.choice.best
    if best is not None and not said.keys() & LUCK:
        # The rows do show an answer better than chance; the first sentence must say what it lacks.
        rule = next((name for name in _HEADLINES if name in said), next(iter(said)))
        lacking, said[rule] = said[rule], ""
        return f"{best.name} answers better than chance, but is not recommended. {lacking}"
    lead = _lead(found)
    if lead >= found.visible and not said.keys() & TOO_LITTLE:
        # Such rows show a lead like this: they are not too few, something else speaks against it.
        alike = ", all classes weighed alike" if case.metric_name == "balanced_accuracy" else ""
        return (
            f"{name} looks good on the test rows ({case.scale.value(found.statistic)}{alike}), but is not recommended: "
            f"{_against(case, measured, found, said)}."
        )
    return _nothing_shown(case, measured, found, kind, said)


def _nothing_shown(case: Case, measured: Measured, found: Evidence, kind: str, said: dict[str, str]) -> str:
    """No lead, or one that such rows cannot tell from none: is it a no, and how many rows would tell?"""
    edge, rows = case.edge_words(case.min_edge), f"{len(case.oos):,} test rows"
    if kind == NO_EVIDENCE:
        return f"No model is recommended: {rows} are enough to see {edge}, and the evidence for one is missing."
    short = [rule for rule in said if rule in TOO_LITTLE]
    if short:
        told, said[short[0]] = said[short[0]], ""
    else:
        least = case.smallest(found.visible) if found.visible < case.most else "nothing at all"
        told = f"{case.names[measured.shown]} {case.lead_words(_lead(found))}, and {rows} show {least}."
    if found.needed > len(case.oos):
        times = _times(found.needed / len(case.oos))
        told += f" Seeing {edge} takes {found.needed:,} test rows, {times} as many."
    return f"Too little data to tell. {told}"


def _lead(found: Evidence) -> float:
    """Over the constant answer, and over what luck scores on average: the smaller of the two."""
    return found.skill if found.test is None else min(found.skill, found.statistic - found.test.null_mean)


def _against(case: Case, measured: Measured, found: Evidence, said: dict[str, str]) -> str:
    """In half a sentence, the first rule about luck that did not hold."""
    if "selector" in said:
        candidate = measured.candidate
        if candidate.val is None or candidate.val > measured.inner_baseline:
            return "on the earlier rows, where models are chosen, every model was refused"
        return (
            f"on the earlier rows, where models are chosen, it scored {case.scale.value(candidate.val)}, an answer "
            f"that needs no model {case.scale.value(measured.inner_baseline)}"
        )
    if "p_oos" in said and found.p_oos is not None:
        tries = f"the best of {found.configurations:,} tries" if found.configurations > 1 else "a model"
        return f"by luck alone {tries} does as well on such rows in {percent(found.p_oos)} of cases"
    if "p_combined" in said and found.p_comb is not None:
        return f"earlier and test rows together, luck does as well in {percent(found.p_comb)} of cases"
    if "p_own" in said and found.luck is not None:
        return f"with its own answers, luck does as well on such rows in {percent(found.luck.p)} of cases"
    if "p_forward" in said:
        return "measured from what was known before the test, luck explains it"
    if "stretches" in said:
        return "within stretches of time its answers are hardly better than chance"
    if "e_value" in said:
        return "a bet against luck on it, played row by row, does not grow enough"
    return "it does not hold every rule"


def _times(ratio: float) -> str:
    return f"{ratio:.1f} times" if ratio < 10.0 else f"{ratio:,.0f} times"


def _guessing(case: Case, found: Evidence) -> str:
    """Why a number that sounds good is not: what luck scores here, and what these rows are worth."""
    assert found.test is not None
    tries = f"the best of {found.configurations:,} tries" if found.configurations > 1 else "a model"
    metric = " (balanced accuracy)" if case.metric_name == "balanced_accuracy" else ""
    return (
        f"With luck alone, the same answers put against other times (shifted histories), {tries} scores "
        f"{case.scale.value(found.test.null_mean)} on average{metric}. Neighbouring rows share their outcome, so that "
        f"all of them are worth about {found.n_eff:,.0f} independent ones."
    )


def _luck(p: float, test: stats.CircularShiftTest, configurations: int) -> str:
    count = round(p * (test.n_shifts + 1)) - 1
    models = "the best of everything tried" if configurations > 1 else "the model"
    if p < test.resolution:
        return (
            f"Luck hardly explains it: {models} does as well in {count} of {test.n_shifts:,} shifted histories (the "
            "same answers put against other times), fewer than these rows can tell apart."
        )
    return (
        f"Luck does as well in {count} of {test.n_shifts:,} shifted histories, the same answers put against other "
        f"times ({percent(p)})."
    )
