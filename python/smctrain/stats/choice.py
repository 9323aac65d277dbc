"""Choosing one model among candidates, on validation numbers only.

score      validation accuracy - 0.5 * max(gap, 0); ties: smaller gap, then name
rejected   no training or validation score; gap too wide; accuracy not above the best baseline (or the floor); where the
           rows of both are at hand, under profile "default": a baseline ahead by more than luck explains
veto       after the choice, from out-of-sample numbers: they may refuse the chosen model, never
               choose another. See Note [Worse than it was chosen for]
"""

# Note [Worse than it was chosen for]
#
# A model whose test accuracy lies far below the validation accuracy it was chosen for has lost its edge, or never had
# it. The other direction says nothing against it: a model that does *better* in the test is refused by no trader, and
# the rules about luck judge the test rows anyway. So profile "default" vetoes one side only, and gives the validation
# figure the variance it has: out-of-fold answers vary twice as much by luck (Note [Out-of-fold rows count twice] in
# smctrain/verdict/evidence.py). The definitions (7.1) veto both sides with the single variance; that refused 4 of 200
# sets of P(.20) at 1,000 test rows and 3 at 4,000 which pass every rule about luck. Profile "seed" keeps both
# sides and its fixed threshold, as its document has them.

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from smctrain.exceptions import InputError

Z_95, Z_99 = 1.6448536269514722, 2.5758293035489004


def percent(share: float) -> str:
    return f"{100.0 * share:.1f} %"


@dataclass(frozen=True)
class Scale:
    """How a metric is called and written in sentences: a share as percent, its differences as points."""

    word: str = "accuracy"
    shares: bool = True
    """False: a plain number, such as a correlation."""

    def value(self, number: float) -> str:
        return percent(number) if self.shares else f"{round(number, 3) + 0.0:.3f}"

    def size(self, difference: float) -> str:
        return f"{100.0 * difference:.1f}" if self.shares else f"{difference:.3f}"

    def apart(self, difference: float) -> str:
        return f"{self.size(difference)} points" if self.shares else self.size(difference)


ACCURACY = Scale()


@dataclass(frozen=True)
class Candidate:
    """One trained model, in shares between 0 and 1 or as `scale` says. None: not measured."""

    name: str
    val: float | None
    """Pooled validation (inner out-of-fold) accuracy."""
    gap: float | None
    """Training minus validation accuracy."""
    gap_vetoes: bool = True
    """False: the gap lowers the score but cannot reject (an in-sample gap under profile "default")."""
    baseline: float | None = None
    """Best baseline on the validation rows."""
    baseline_t: float | None = None
    """How far a baseline is ahead, in standard errors of the paired difference; None: not measured."""
    oos: float | None = None
    val_word: str = "validation accuracy"
    """What `val` is called in sentences."""
    n_eff_val: float | None = None
    n_eff_oos: float | None = None
    val_variance: float = 1.0
    """Variance of `val` over that of n_eff_val independent rows; 2 where it is out-of-fold."""
    scale: Scale = ACCURACY
    unit_val: float | None = None
    """Variance of one independent row; None: that of a share, v (1 - v)."""
    unit_oos: float | None = None

    @property
    def score(self) -> float:
        assert self.val is not None
        assert self.gap is not None
        return self.val - 0.5 * max(self.gap, 0.0)


@dataclass(frozen=True)
class Rules:
    """Thresholds of the choice. Profile "seed" also demands `min_accuracy` and a fixed `stability`."""

    profile: str = "default"
    max_gap: float = 0.20
    min_accuracy: float = 0.55
    stability: float = 0.05
    rank_on: str = "validation"
    """ "test" ranks and filters on out-of-sample accuracy, as the source document did; never honest."""

    def __post_init__(self) -> None:
        if self.profile not in ("default", "seed"):
            raise InputError(f'profile must be "default" or "seed", but is {self.profile!r}.')
        if self.rank_on not in ("validation", "test"):
            raise InputError(f'rank_on must be "validation" or "test", but is {self.rank_on!r}.')


@dataclass(frozen=True)
class Choice:
    best: Candidate | None
    """Highest score among those that pass on validation rows, whether or not it is then vetoed."""
    veto: str | None
    alternatives: list[str] = field(default_factory=list)
    rejected: dict[str, str] = field(default_factory=dict)


def _missing(value: float | None) -> bool:
    return value is None or not math.isfinite(value)


def rejection(candidate: Candidate, rules: Rules) -> str | None:
    """Why this candidate is out, on validation rows; None when it stays."""
    if _missing(candidate.gap):
        return "its training score is missing, so overfitting cannot be judged"
    if _missing(candidate.val):
        return "its validation score is missing"
    assert candidate.gap is not None
    assert candidate.val is not None
    scale = candidate.scale
    if candidate.gap_vetoes and candidate.gap > rules.max_gap:
        return (
            f"overfit: training {scale.word} is {scale.apart(candidate.gap)} above {candidate.val_word} "
            f"(at most {scale.size(rules.max_gap)} allowed)"
        )
    if rules.profile == "seed" and candidate.val < rules.min_accuracy:
        return f"{candidate.val_word} {percent(candidate.val)} is below {percent(rules.min_accuracy)}"
    if candidate.baseline is not None and candidate.baseline_t is not None and rules.profile == "default":
        if candidate.baseline_t > Z_95:
            return (
                f"{candidate.val_word} {percent(candidate.val)} is below the best answer without a model "
                f"({percent(candidate.baseline)}) by more than luck explains"
            )
    elif candidate.baseline is not None and candidate.val <= candidate.baseline:
        return (
            f"{candidate.val_word} {scale.value(candidate.val)} is not above the best answer without a model "
            f"({scale.value(candidate.baseline)})"
        )
    return None


def veto(candidate: Candidate, rules: Rules) -> str | None:
    """Why out-of-sample numbers refuse this candidate; None when they agree with validation."""
    scale = candidate.scale
    if _missing(candidate.oos):
        return f"its test {scale.word} is missing"
    assert candidate.oos is not None
    assert candidate.val is not None
    if rules.profile == "seed" and candidate.oos < rules.min_accuracy:
        return f"test accuracy {percent(candidate.oos)} is below {percent(rules.min_accuracy)}"
    allowed = rules.stability
    if rules.profile == "default" and candidate.n_eff_val and candidate.n_eff_oos:
        spread = (
            candidate.val_variance * _unit(candidate.val, candidate.unit_val) / candidate.n_eff_val
            + _unit(candidate.oos, candidate.unit_oos) / candidate.n_eff_oos
        )
        allowed = max(allowed, Z_99 * math.sqrt(spread))
    fall = candidate.val - candidate.oos
    difference = abs(fall) if rules.profile == "seed" else max(fall, 0.0)
    if difference > allowed + 1e-12:
        return (
            f"inconsistent: {candidate.val_word} {scale.value(candidate.val)} but {scale.value(candidate.oos)} in the "
            f"test ({scale.apart(difference)} apart, at most {scale.size(allowed)} allowed)"
        )
    return None


def _unit(share: float, unit: float | None) -> float:
    return share * (1.0 - share) if unit is None else unit


def choose(candidates: Sequence[Candidate], rules: Rules) -> Choice:
    """The candidate with the highest score, what refuses it, and why the others are out."""
    rejected: dict[str, str] = {}
    stay: list[Candidate] = []
    for candidate in candidates:
        reason = rejection(candidate, rules)
        if reason is None and rules.rank_on == "test":
            reason = veto(candidate, rules)
        if reason is None:
            stay.append(candidate)
        else:
            rejected[candidate.name] = reason

    def order(candidate: Candidate) -> tuple[float, float, str]:
        score = candidate.score
        if rules.rank_on == "test":
            assert candidate.oos is not None
            assert candidate.val is not None
            score += candidate.oos - candidate.val
        return (-score, max(candidate.gap or 0.0, 0.0), candidate.name)

    stay.sort(key=order)
    if not stay:
        return Choice(None, None, [], rejected)
    best = stay[0]
    refused = veto(best, rules)
    if refused is not None:
        rejected[best.name] = refused
    alternatives: list[str] = []
    for other in stay[1:]:
        reason = veto(other, rules)
        if reason is None:
            alternatives.append(other.name)
        else:
            rejected[other.name] = reason
    return Choice(best, refused, alternatives, rejected)
