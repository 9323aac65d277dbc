"""The gate: DEPLOY only if no rule fails. Each failure is a rule's name and a sentence a trader understands.

rows, class_rows (of numbers: train_rows)   could these rows tell at all?
selector           a model was left after the choice on inner rows
consistency        its OOS score does not fall behind them by more than luck explains
p_combined, p_oos  luck explains it too rarely
p_own              neither does another model's skill (of classes), see Note [The best is not the chosen]
p_forward          neither does hindsight, nor another model's skill (of numbers, see hindsight.py)
stretches          it is right within stretches of time, too, see stretches.py
e_value            a bet against luck has grown
skill              it beats the baseline
trades, expected_value, trade_luck   see trades.py
"""

# Note [The best is not the chosen]
#
# p_oos asks whether the best of all models beats luck, E bets on all of them, and the one recommended was chosen on
# earlier rows. Beside one model that knows something, a noise model can be the chosen one: of 232 verdicts on three
# noise columns and x at P(.20) that said DEPLOY, 18 named a noise column. So the chosen model's own answers must beat
# luck too, at the level of p_oos. Of 625 planted sets of the benchmark that were deployed it refuses 9, of 8 noise
# sets 2.

from __future__ import annotations

from typing import Any

from smctrain.stats.choice import Candidate, percent
from smctrain.verdict.case import Case
from smctrain.verdict.evidence import Evidence
from smctrain.verdict.measure import Measured
from smctrain.verdict.stretches import P_STRETCHES
from smctrain.verdict.trades import MIN_TRADES, P_TRADES

P_COMBINED = 0.005
P_OOS = 0.05
P_FORWARD = 0.01
E_ONE_SYMBOL = 2.0
E_SEVERAL_SYMBOLS = 3.0
TOO_LITTLE = {"rows", "class_rows", "train_rows"}
"""Where one of these fails, the data cannot tell, whatever else they show."""
LUCK = {*TOO_LITTLE, "selector", "p_combined", "p_oos", "p_own", "p_forward", "stretches", "e_value", "skill"}
"""Where none of these fails, the rows do show an answer better than chance."""


def failures(case: Case, measured: Measured, found: Evidence) -> dict[str, str]:
    """Rule -> sentence, of every rule that does not hold, in the order of the gate."""
    return {
        **_rows(case, found),
        **_choice(measured),
        **_luck(case, measured, found),
        **_skill(found),
        **_trades(case, measured, found),
    }


def criteria(case: Case, measured: Measured, found: Evidence, failed: dict[str, str]) -> list[dict[str, Any]]:
    """Every rule with its value and what it needs, for the manifest; `holds` None where nothing could be measured."""
    trades, training = found.trades, case.training_rule()
    best = measured.choice.best
    counts_trades = trades.known and case.require_positive_ev
    stated = [
        ("rows", len(case.oos), f">= {20 * case.horizon}"),
        (training.rule, training.value, training.needed),
        ("selector", best.name if best else None, "a model is left"),
        ("consistency", None if best is None else _apart(best), "test hardly below validation"),
        ("p_combined", found.p_comb, f"<= {P_COMBINED}"),
        ("p_oos", found.p_oos, f"<= {P_OOS}"),
        *([("p_own", found.luck.p, f"<= {P_OOS}")] if found.luck is not None and found.forward is None else []),
        *([("p_forward", found.forward.p, f"<= {P_FORWARD}")] if found.forward is not None else []),
        ("stretches", None if found.stretches is None else found.stretches.p, f"<= {P_STRETCHES}"),
        ("e_value", found.wealth.end, f">= {e_needed(case.n_symbols):g}"),
        ("skill", found.skill, "> 0"),
    ]
    if counts_trades:
        stated += [
            ("trades", trades.trades, f">= {MIN_TRADES}"),
            ("expected_value", trades.mean_r if trades.trades else None, "> 0"),
            ("trade_luck", trades.p, f"<= {P_TRADES}"),
        ]
    return [
        {"rule": rule, "value": value, "needed": needed, "holds": None if value is None else rule not in failed}
        for rule, value, needed in stated
    ]


def e_needed(n_symbols: int) -> float:
    """Where a bet of 1 against luck must stand in the end."""
    return E_ONE_SYMBOL if n_symbols == 1 else E_SEVERAL_SYMBOLS


def _apart(best: Candidate) -> float | None:
    return None if best.val is None or best.oos is None else best.val - best.oos


def _rows(case: Case, found: Evidence) -> dict[str, str]:
    failed: dict[str, str] = {}
    n, h, test = len(case.oos), case.horizon, found.test
    if n < 20 * h or test is None or 1.0 / (test.n_shifts + 1) > P_OOS:
        failed["rows"] = (
            f"The test has {n:,} rows; with labels up to {h} rows long at least {20 * h:,} are needed before any "
            "statement is possible."
        )
    training = case.training_rule()
    if training.sentence is not None:
        failed[training.rule] = training.sentence
    return failed


def _choice(measured: Measured) -> dict[str, str]:
    choice = measured.choice
    if choice.best is None:
        details = "; ".join(f"{name}: {reason}" for name, reason in choice.rejected.items())
        return {"selector": (f"No model passed the selection on inner rows, those before the test rows ({details}).")}
    if choice.veto is not None:
        return {"consistency": f"{choice.best.name}, the best on inner rows, is refused: {choice.veto}."}
    return {}


def _luck(case: Case, measured: Measured, found: Evidence) -> dict[str, str]:
    failed: dict[str, str] = {}
    if found.p_comb is not None and found.p_comb > P_COMBINED:
        failed["p_combined"] = (
            f"Taken together, inner and test rows look like luck: it does as well in {100 * found.p_comb:.2g} % of "
            f"cases, at most {100 * P_COMBINED:g} % is allowed."
        )
    if found.p_oos is not None and found.test is not None and found.p_oos > P_OOS:
        failed["p_oos"] = (
            f"On the test rows alone, luck does as well too often: in {percent(found.p_oos)} of "
            f"{found.test.n_shifts:,} shifted histories, at most {percent(P_OOS)} is allowed."
        )
    forward, own = found.forward, found.luck
    if forward is None and own is not None and own.p > P_OOS:
        failed["p_own"] = (
            f"With {case.names[measured.shown]}'s own answers, luck does as well in {percent(own.p)} of shifted "
            f"histories, at most {percent(P_OOS)} is allowed: what another model knows does not speak for this one."
        )
    if forward is not None and forward.p > P_FORWARD:
        failed["p_forward"] = (
            f"Measured from the middles known before the test, not from those that only hindsight knows, "
            f"{case.names[measured.shown]} has an IC of {case.scale.value(forward.ic)}: luck has as much in "
            f"{100 * forward.p:.2g} % of cases, at most {100 * P_FORWARD:g} % is allowed."
        )
    if found.stretches is not None and found.stretches.p > P_STRETCHES:
        failed["stretches"] = (
            f"Within stretches of {found.stretches.rows:,} rows its answers are hardly better than chance: luck does "
            f"as well in {100 * found.stretches.p:.2g} % of cases, at most {100 * P_STRETCHES:g} % is allowed. What "
            "skill there is lies between stretches, and of so few of them slow movements often agree by luck."
        )
    needed = e_needed(case.n_symbols)
    if not found.wealth.end >= needed:
        failed["e_value"] = (
            f"A bet of 1 against luck, played row by row, would stand at {found.wealth.end:.2f}; at least "
            f"{needed:.0f} is needed."
        )
    return failed


def _skill(found: Evidence) -> dict[str, str]:
    # The comparison with the baseline, always shown, is the sentence.
    return {} if found.skill > 0.0 else {"skill": ""}


def _trades(case: Case, measured: Measured, found: Evidence) -> dict[str, str]:
    trades = found.trades
    if not trades.known or not case.require_positive_ev or measured.choice.best is None:
        return {}
    if trades.trades < MIN_TRADES:
        return {
            "trades": f"Only {trades.trades} trades, one at a time, were taken on the test rows; "
            f"{MIN_TRADES} are needed."
        }
    if not trades.mean_r > 0.0:
        return {"expected_value": f"The trades do not earn: {trades.sentence}"}
    if trades.p is None:
        return {"trade_luck": "Whether the trades earn by luck cannot be told from these rows."}
    if trades.p > P_TRADES:
        return {
            "trade_luck": (
                f"The trades earn no more than luck explains (which earns as much in {100 * trades.p:.2g} % of cases, "
                f"at most {100 * P_TRADES:g} % is allowed): the model may know how far prices move, but not where to."
            )
        }
    return {}
