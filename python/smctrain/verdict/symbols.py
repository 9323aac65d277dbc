"""Several symbols, in one run or one after the other: the more are tried, the more often luck finds one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from smctrain import stats
from smctrain.exceptions import InputError
from smctrain.verdict.ledger import Judged
from smctrain.verdict.result import DEPLOY, NO_EVIDENCE, REVIEW, Verdict


def apply_multiple_testing(
    verdicts: Mapping[str, Verdict],
    q: float = 0.03,
    dependence: str = "independent",
    earlier: Sequence[Judged] = (),
) -> dict[str, Verdict]:
    """Judges all symbols of a run together; a DEPLOY that does not survive becomes NO_EVIDENCE.

    Parameters
    ----------
    verdicts : symbol -> its own verdict, every symbol of the run included
    q : false discovery rate
    dependence : "independent" (Benjamini-Hochberg on the combined p) or "arbitrary" (e-BH on
        E after the last row: holds however symbols depend on one another, but leans on E, which luck can raise where
        outcomes drift; the rules of each symbol alone hold besides)
    earlier : what the ledger knows of other symbols and targets
        Fifty symbols tried one by one are fifty: the best of them, run again alone, is judged among them.
    """
    if dependence not in ("independent", "arbitrary"):
        raise InputError(f'dependence must be "independent" or "arbitrary", but is {dependence!r}.')
    symbols = list(verdicts)
    if not symbols:
        return {}

    def number(symbol: str, key: str, missing: float) -> float:
        value = verdicts[symbol].evidence.get(key)
        return missing if value is None or isinstance(value, str) else float(value)

    if dependence == "arbitrary":
        accepted = stats.e_benjamini_hochberg([*(number(s, "e_end", 0.0) for s in symbols), *(j.e for j in earlier)], q)
    else:
        accepted = stats.benjamini_hochberg([*(number(s, "p_comb", 1.0) for s in symbols), *(j.p for j in earlier)], q)
    together = len(symbols) + len(earlier)
    who = f"{len(symbols)} symbols" if not earlier else f"{together} symbols and targets tried so far"
    judged: dict[str, Verdict] = {}
    for symbol, survives in zip(symbols, accepted.tolist()[: len(symbols)], strict=True):
        verdict = verdicts[symbol]
        evidence = verdict.evidence | {"survives_multiple_testing": int(survives), "judged_together": together}
        rule = {
            "rule": "multiple_testing",
            "value": verdict.evidence.get("e_end" if dependence == "arbitrary" else "p_comb"),
            "needed": f"{'e-BH' if dependence == 'arbitrary' else 'BH'} over {together} at {q:g}",
            "holds": bool(survives),
        }
        verdict = dataclasses.replace(verdict, evidence=evidence, criteria=[*verdict.criteria, rule])
        if verdict.kind != DEPLOY:
            judged[symbol] = verdict
        elif survives:
            head = f"{verdict.model} may be deployed: it passed every rule, also among {who}."
            judged[symbol] = dataclasses.replace(verdict, reasons=[head, *verdict.reasons[1:]])
        else:
            sentence = (
                f"No model is recommended: among {who} a result like this one (p = "
                f"{number(symbol, 'p_comb', 1.0):.3g}) turns up by luck too often."
            )
            judged[symbol] = dataclasses.replace(
                verdict,
                kind=NO_EVIDENCE,
                action=REVIEW,
                reasons=[sentence, *verdict.reasons[1:]],
                failed_rules=[*verdict.failed_rules, "multiple_testing"],
            )
    return judged
