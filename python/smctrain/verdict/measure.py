"""Every model's scores, and the choice made on inner rows.

shown       the model that sentences and numbers are about: the chosen one, else the best on inner rows
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from smctrain.stats.choice import Candidate, Choice, choose
from smctrain.verdict.case import Case


@dataclass(frozen=True)
class Measured:
    """Scores of all models on all rows, and the choice made on inner rows."""

    candidates: list[Candidate]
    choice: Choice
    shown: int
    """Position of the model that is shown."""
    inner_baseline: float
    baseline: float
    """What the training rows alone score on the OOS rows."""
    in_sample_gaps: list[float | None]

    @property
    def candidate(self) -> Candidate:
        return self.candidates[self.shown]


def measure(case: Case) -> Measured:
    """Score every model, and choose one on inner rows only; OOS numbers can refuse it, never rank."""
    inner, k = case.inner, len(case.names)
    in_sample: list[float | None] = [None] * k
    if case.train_answers is not None:
        in_sample = [
            case.score(case.train_y, case.train_answers[m]) - case.score(inner.y, inner.answers[m]) for m in range(k)
        ]
    candidates = [_candidate(case, m, in_sample[m]) for m in range(k)]
    choice = choose(candidates, case.rules)
    # Without a survivor the best one on inner rows still shows how far the data reach.
    shown = case.names.index(choice.best.name) if choice.best else int(np.argmax([c.val or 0.0 for c in candidates]))
    return Measured(candidates, choice, shown, case.inner_baseline(), case.baseline(), in_sample)


def _candidate(case: Case, m: int, in_sample_gap: float | None) -> Candidate:
    """Under profile "default" a measured fold gap may veto; the in-sample gap then only lowers the score."""
    inner, oos = case.inner, case.oos
    given = None if case.gaps is None else case.gaps[m]
    use_given = case.rules.profile == "default" and given is not None
    precision, precision_oos = case.precision(inner, m), case.precision(oos, m)
    return Candidate(
        name=case.names[m],
        val=case.score(inner.y, inner.answers[m]),
        gap=given if use_given else in_sample_gap,
        gap_vetoes=use_given or case.rules.profile == "seed",
        baseline=case.inner_baseline(),
        baseline_t=case.baseline_lead(m),
        oos=case.score(oos.y, oos.answers[m]),
        val_word=f"inner {case.metric_word}",
        n_eff_val=precision.n_eff,
        n_eff_oos=precision_oos.n_eff,
        scale=case.scale,
        unit_val=precision.unit,
        unit_oos=precision_oos.unit,
        val_variance=2.0 if case.out_of_fold else 1.0,
    )


def twice_the_variance(p: float) -> float:
    """p of a statistic whose variance is twice what the test takes it for."""
    normal = NormalDist()
    return 1.0 - normal.cdf(normal.inv_cdf(1.0 - min(max(p, 1e-6), 1.0 - 1e-6)) / math.sqrt(2.0))
