"""A verdict that counts itself: its models are written to the ledger, and all that was tried before joins the test."""

from __future__ import annotations

import numpy as np

from smctrain.verdict.case import Case
from smctrain.verdict.ledger import INNER, OOS, Ledger, Trial, ledger_key, new_run
from smctrain.verdict.result import Trials


def counted(case: Case, ledger: Ledger) -> Trials | None:
    """Write the case's models down, and return everything else that was scored on the same labels."""
    key = ledger_key(*case.target_bytes())
    run, classes = new_run(), case.ledger_classes
    trials = [
        Trial(run, name, stage, np.arange(len(rows)), case.to_ledger(rows.answers[m]), classes)
        for m, name in enumerate(case.names)
        for stage, rows in ((OOS, case.oos), (INNER, case.inner))
    ]
    ledger.append(key, trials)
    found = ledger.read(key)
    everything = found.as_trials(np.arange(len(case.oos)), np.arange(len(case.inner)), classes, run)
    if everything is None:
        return None
    inner = None if everything.inner is None else case.from_ledger(np.asarray(everything.inner))
    return Trials(case.from_ledger(np.asarray(everything.oos)), inner, everything.lost)
