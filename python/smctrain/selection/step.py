"""The selection a training run makes on a fit's training rows: settings in, an `Outcome` out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from smctrain.exceptions import OneClass, TooFewRows
from smctrain.selection.methods import ALL_KEPT, circular_boruta, default_set, everything, score_and_prune, stability
from smctrain.selection.problem import Outcome, Problem

METHODS = ("score", "stability", "boruta", "default")
_LEAST = {"score": 30, "stability": 5, "boruta": 5, "default": 5}


@dataclass(frozen=True)
class FeatureStep:
    """How columns are chosen.

    Attributes
    ----------
    method : "score", "stability", "boruta" or "default"
        "score": mean of forest importance and mutual information, the lowest share and the weaker of correlated pairs
        go. "stability", "boruta": as `StabilitySelection` and `CircularBoruta`. "default": confirmed and stable.
    min_features : int or None
        Keep at least so many, the best first. None: 30 for "score", else 5.
    top_m : int or None
        Keep at most so many.
    drop_lowest, correlation : float
        Of "score".
    repeats, pairs, frequency :
        Of Boruta and stability.
    """

    method: str
    min_features: int | None = None
    top_m: int | None = None
    drop_lowest: float = 0.25
    correlation: float = 0.9
    repeats: int = 50
    pairs: int = 25
    frequency: float = 0.7

    @property
    def least(self) -> int:
        """Columns that always stay."""
        return _LEAST[self.method] if self.min_features is None else self.min_features

    def __call__(self, problem: Problem) -> Outcome:
        """Choose; where the rows or the time do not suffice, all columns stay and the outcome says why."""
        try:
            outcome = self._choose(problem)
        except (TooFewRows, OneClass) as error:
            return everything(problem, f"{str(error).rstrip('.')}{ALL_KEPT}", complete=False)
        if not outcome.complete:  # half a choice would depend on how fast the machine was
            return everything(problem, f"{outcome.note.removesuffix(ALL_KEPT)}{ALL_KEPT}", complete=False)
        return _within(outcome, self.least, self.top_m)

    def _choose(self, problem: Problem) -> Outcome:
        if self.method == "score":
            return score_and_prune(problem, self.drop_lowest, self.correlation, self.least)
        if self.method == "stability":
            return stability(problem, frequency=self.frequency, pairs=self.pairs)
        if self.method == "boruta":
            return circular_boruta(problem, self.repeats)
        return default_set(problem, self.least, None, self.repeats, self.pairs, self.frequency)


def _within(outcome: Outcome, least: int, most: int | None) -> Outcome:
    """At least and at most so many columns, the best scores first."""
    kept, reasons, ranks = outcome.kept.copy(), list(outcome.reasons), outcome.ranks
    order = np.argsort(ranks)
    for j in order:
        if kept.sum() >= min(least, len(kept)):
            break
        if not kept[j]:
            kept[j] = True
            reasons[j] = f"kept to have {least} columns (rank {ranks[j]}): {reasons[j]}"
    if most is not None:
        for j in [int(j) for j in order if kept[j]][max(least, most) :]:
            kept[j] = False
            reasons[j] = f"beyond the best {max(least, most)} (rank {ranks[j]})"
    return replace(outcome, kept=kept, reasons=reasons)
