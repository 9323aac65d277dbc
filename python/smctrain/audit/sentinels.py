"""Sentinels: scores that must fall back to the baseline; asked for with one flag, because two of them train a model.

shifted label    the same predictions against labels h rows later: who still scores knows more than the next h rows
shuffled time    a forest learns from training labels in random order: on held-out rows nothing may be left
symbol hold-out  a forest learns from another symbol, before the held-out rows begin

Each is a share right minus the share of the commonest class, with a HAC standard error; above 3 it is loud. Shuffled
time has no honest explanation and stops the symbol. The other two start an audit, they are not one: a signal may last
longer than a label, and two symbols may share it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smctrain.models.base import FitTask
from smctrain.models.random_forest import RandomForestTrainer
from smctrain.stats import hac_mean

LIMIT = 3.0
LEAST_ROWS = 50
_TREES = 50

Rows = NDArray[np.int64]
Codes = NDArray[np.int32]


@dataclass(frozen=True)
class Sentinel:
    """One sentinel.

    Attributes
    ----------
    name : str
        "shifted label", "shuffled time", "symbol hold-out".
    subject : str
        Whose predictions: a family, or "forest".
    score, baseline : float
        Share right, and share of the commonest class on the same rows.
    standard_error : float
        HAC, of the difference.
    excess : float
        (score - baseline) in standard errors.
    rows : int
    """

    name: str
    subject: str
    score: float
    baseline: float
    standard_error: float
    excess: float
    rows: int

    @property
    def ok(self) -> bool:
        """Within 3 standard errors of the baseline."""
        return self.excess <= LIMIT

    @property
    def words(self) -> str:
        return (
            f"{self.name} ({self.subject}): {self.score:.3f} right, commonest class {self.baseline:.3f} "
            f"({self.excess:+.1f} standard errors, {self.rows} rows)"
        )


def beside_majority(name: str, subject: str, answers: Codes, truth: Codes, horizon: int) -> Sentinel:
    """A sentinel from answers and truth in time order."""
    counts = np.bincount(truth[truth >= 0])
    correct = (answers == truth).astype(np.float64)
    constant = (truth == int(counts.argmax())).astype(np.float64)
    gain = correct - constant
    varies = len(gain) > 1 and bool((gain != gain[0]).any())
    error = float(hac_mean(gain, min(2 * horizon, len(gain) - 1)).standard_error) if varies else 0.0
    mean = float(gain.mean())
    excess = mean / error if error > 0 else (0.0 if mean <= 0 else float("inf"))
    return Sentinel(name, subject, float(correct.mean()), float(constant.mean()), error, float(excess), len(gain))


def shifted_label(subject: str, answers: Codes, truth: Codes, horizon: int) -> Sentinel | None:
    """The same answers against the labels `horizon` rows later; None on fewer than 50 rows."""
    if len(truth) < horizon + LEAST_ROWS:
        return None
    return beside_majority("shifted label", subject, answers[:-horizon], truth[horizon:], horizon)


def shuffled_time(
    X: NDArray[np.float32], y: Codes, train: Rows, held: Rows, n_classes: int, horizon: int, seed: int, threads: int = 1
) -> Sentinel:
    """A forest that learned from labels in random order, on held-out rows."""
    shuffled = y.copy()
    shuffled[train] = np.random.default_rng(seed).permutation(y[train])
    answers = forest_answers(X, shuffled, train, X, held, n_classes, seed, threads)
    return beside_majority("shuffled time", "forest", answers, y[held], horizon)


def forest_answers(
    X: NDArray[np.float32], y: Codes, train: Rows, other: NDArray[np.float32], rows: Rows, n_classes: int, seed: int,
    threads: int = 1,
) -> Codes:  # fmt: skip
    """Class codes that a forest of 50 trees, fitted on rows `train` of X, gives rows of `other`."""
    trainer = RandomForestTrainer(n_estimators=_TREES, class_weight=None, oob_score=False)
    task = FitTask(np.ascontiguousarray(X), np.ascontiguousarray(y), train, n_classes, seed=seed, threads=threads)
    proba = trainer.fit(task).predict_proba(np.ascontiguousarray(other), rows)
    answers: Codes = proba.argmax(axis=1).astype(np.int32)
    return answers
