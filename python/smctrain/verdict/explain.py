"""The word, and the sentences a trader reads: what is recommended, how the model compares, what stands against it."""

from __future__ import annotations

from smctrain import stats
from smctrain.stats.choice import percent
from smctrain.verdict.evidence import Evidence
from smctrain.verdict.measure import Case, Measured
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
    reasons = [head, _comparison(case, measured, found), *(sentence for sentence in said.values() if sentence)]
    if kind != DEPLOY and found.test is not None:
        reasons.insert(2, _guessing(case, found))
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
        alike = ", all classes weighed alike" if case.metric.balanced else ""
        return (
            f"{name} looks good on the test rows ({percent(found.statistic)}{alike}), but is not recommended: "
            f"{_against(case, measured, found, said)}."
        )
    return _nothing_shown(case, measured, found, kind, said)


def _nothing_shown(case: Case, measured: Measured, found: Evidence, kind: str, said: dict[str, str]) -> str:
    """No lead, or one that such rows cannot tell from none: is it a no, and how many rows would tell?"""
    edge, rows = _points(case.min_edge), f"{len(case.oos):,} test rows"
    if kind == NO_EVIDENCE:
        return (
            f"No model is recommended: {rows} are enough to see a lead of {edge} over guessing, and the evidence "
            "for one is missing."
        )
    short = [rule for rule in said if rule in TOO_LITTLE]
    if short:
        told, said[short[0]] = said[short[0]], ""
    else:
        lead = _lead(found)
        leads = f"is {_points(lead)} ahead of" if lead > 0.0 else "is not ahead of"
        told = (
            f"{case.names[measured.shown]} {leads} guessing, and {rows} show a lead only from {_points(found.visible)} "
            "upwards."
        )
    if found.needed > len(case.oos):
        times = _times(found.needed / len(case.oos))
        told += f" Seeing a lead of {edge} takes {found.needed:,} test rows, {times} as many."
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
            f"on the earlier rows, where models are chosen, it scored {percent(candidate.val)}, an answer that "
            f"needs no model {percent(measured.inner_baseline)}"
        )
    if "p_oos" in said and found.p_oos is not None:
        tries = f"the best of {found.configurations:,} tries" if found.configurations > 1 else "a model"
        return f"by luck alone {tries} does as well on such rows in {percent(found.p_oos)} of cases"
    if "p_combined" in said and found.p_comb is not None:
        return f"earlier and test rows together, luck does as well in {percent(found.p_comb)} of cases"
    return "it does not hold every rule"


def _points(share: float) -> str:
    """0.03 -> "3 points"; tenths where there are any."""
    points = round(100.0 * share, 1)
    return f"{points:g} point{'' if points == 1.0 else 's'}"


def _times(ratio: float) -> str:
    return f"{ratio:.1f} times" if ratio < 10.0 else f"{ratio:,.0f} times"


def _comparison(case: Case, measured: Measured, found: Evidence) -> str:
    """How often the model was right, beside what needs no model, with the interval."""
    y = case.oos.y
    text = (
        f"{case.names[measured.shown]} was right on {percent(found.accuracy)} of {len(y):,} test rows "
        f"(95 % interval {100 * found.low:.1f}-{percent(found.high)}"
        f"{'' if found.enough_rows else ', too short to trust'}), always answering '{case.word(case.majority)}' on "
        f"{percent(found.majority_accuracy)}"
    )
    hindsight = max(float((y == c).mean()) for c in case.classes)
    if not case.metric.balanced and hindsight > measured.baseline + 0.02:
        text += f" (the class commonest in the test, known only afterwards, on {percent(hindsight)})"
    if case.metric.balanced:
        text += f"; weighing all classes equally {percent(found.statistic)} against {percent(measured.baseline)}"
    if found.skill > 0.0:
        return f"{text}: {100 * found.skill:.1f} points of {case.metric.word} ahead."
    return f"{text}: no skill shown."


def _guessing(case: Case, found: Evidence) -> str:
    """Why a number that sounds good is not: what luck scores here, and what these rows are worth."""
    assert found.test is not None
    tries = f"the best of {found.configurations:,} tries" if found.configurations > 1 else "a model"
    return (
        f"With luck alone, the same answers put against other times (shifted histories), {tries} scores "
        f"{percent(found.test.null_mean)} on average{' (balanced accuracy)' if case.metric.balanced else ''}. "
        "Neighbouring rows share their outcome, so that all of them are worth about "
        f"{found.n_eff:,.0f} independent ones."
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
