"""Settings of weak symbols: a small, bounded search, and "review the data" where it does not help.

trigger   no family reaches 60 % on the inner rows (out-of-fold rows of the first window)
trials    3 strengths of regularisation x 2 learning rates per family (families without a rate: 3), as set included, on
          3 purged folds of the first window's training rows
choice    the best mean accuracy, if its paired gain over the settings as they were is at least one standard error
outcome   "tuned", "kept" (nothing was better), or "review the data" where the best is still below 60 %

All rows it reads lie before the first OOS row, so the OOS rows stay unseen; every trial's answers go to the ledger and
into the test on inner rows.
"""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.models.base import Trainer
from smctrain.training.fitting import FoldOutcome

WEAK = 0.60
FOLDS = 3
TUNED, KEPT, REVIEW = "tuned", "kept", "review the data"
_STRENGTHS: dict[str, tuple[float, float, float]] = {
    "reg_lambda": (1.0, 5.0, 25.0),
    "l2_leaf_reg": (1.0, 5.0, 25.0),
    "weight_decay": (1.0, 10.0, 100.0),
    "C": (1.0, 0.1, 0.01),
    "subsample": (1.0, 0.8, 0.6),
    "min_samples_leaf": (1.0, 3.0, 10.0),
}
"""What a family regularises by, first that it has; factors on the value as set. A value of 0 counts as 1."""
_RATES: dict[str, tuple[float, float]] = {"learning_rate": (1.0, 0.3)}


@dataclass
class Tuning:
    """What came of the search on one symbol."""

    best_inner: float
    """Best inner accuracy before."""
    outcome: str
    families: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Per family: `trials` (changes, mean accuracy), `changes` that are used, `reason`."""

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def changes_of(trainer: Trainer) -> list[dict[str, Any]]:
    """The trials of a family as changes of its settings; the first changes nothing."""
    settings = trainer.settings()
    strength = next((name for name in _STRENGTHS if _is_number(settings.get(name))), None)
    rate = next((name for name in _RATES if _is_number(settings.get(name))), None)
    strengths = _values(settings, strength, _STRENGTHS)
    rates = _values(settings, rate, _RATES)
    return [{**one, **two} for one, two in itertools.product(strengths, rates)]


def _values(settings: dict[str, Any], name: str | None, factors: Any) -> list[dict[str, Any]]:
    if name is None:
        return [{}]
    value = settings[name]
    whole = isinstance(value, int)
    found: list[dict[str, Any]] = [{}]
    for factor in factors[name][1:]:
        changed = (value or 1) * factor
        found.append({name: max(1, round(changed)) if whole else float(changed)})
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def chosen(trials: list[dict[str, Any]], outcomes: list[FoldOutcome]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The changes to use, and what is reported about a family.

    `outcomes` are in the order of `trials`, the unchanged settings first; fewer where time ran out.
    """
    tried: list[dict[str, Any]] = [
        {"changes": changes, "accuracy": float(np.mean(outcome.accuracies))}
        for changes, outcome in zip(trials, outcomes, strict=False)
        if outcome.accuracies
    ]
    if len(tried) < 2:
        return {}, {"trials": tried, "changes": {}, "reason": "no trial could be compared with the settings as set"}
    best = int(np.argmax([trial["accuracy"] for trial in tried]))
    gains = np.subtract(outcomes[best].accuracies, outcomes[0].accuracies)
    mean = float(gains.mean())
    error = float(gains.std(ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else float("inf")
    used = best > 0 and mean > 0.0 and mean >= error
    changes = trials[best] if used else {}
    words = ", ".join(f"{name} = {value:g}" for name, value in trials[best].items()) or "the settings as set"
    reason = (
        f"{words}: inner accuracy {mean:+.3f} (standard error {error:.3f}) over {len(gains)} folds"
        if used
        else f"no trial was better than the settings as set by a standard error (best: {words})"
    )
    return changes, {"trials": tried, "changes": changes, "reason": reason}


def vectors(
    trials: list[dict[str, Any]], outcomes: list[FoldOutcome], rows: NDArray[np.int64], answer: Any
) -> dict[str, Any]:
    """Inner answers of every trial, under a name for the ledger."""
    return {
        f"tuning {number}": answer(outcome.proba[rows])
        for number, (_, outcome) in enumerate(zip(trials, outcomes, strict=False))
    }
