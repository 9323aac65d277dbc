"""The noise canary: models on bars that cannot be predicted. If they beat the majority, the features know the answer.

    draw       surrogate of the bars -> the code under audit -> triple-barrier labels -> purged temporal split
    models     a forest of 50 trees and a logistic regression
    measure    share right on the last third minus the share of the most frequent class there, HAC standard error
    alarm      the mean over draws is more than 3 standard errors above 0

A correct split cannot repair a look-ahead feature, so the excess is the feature's.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.audit.subject import Columns, Subject
from smctrain.audit.surrogate import surrogate_bars
from smctrain.bars.types import Bars
from smctrain.exceptions import InputError, SmctrainError, TooFewRows
from smctrain.labels import Labels, triple_barrier
from smctrain.models.base import FitTask
from smctrain.models.random_forest import RandomForestTrainer
from smctrain.splits import TemporalSplit
from smctrain.stats import hac_mean

LIMIT = 3.0
MOST_BARS = 12_000
LEAST_TEST_ROWS = 200
MOST_CLASSES = 10
# Both barriers equally far and time-outs by their sign: the majority rate is near 1/2, where an excess shows best.
LABELS: Mapping[str, Any] = {"target": 2.0, "stop": 2.0, "timeout": "sign"}

# What the canary predicts: options of the triple barrier, or code that labels bars.
LabelCode = Mapping[str, Any] | Callable[[Bars], Labels] | None


@dataclass(frozen=True)
class CanaryResult:
    """One model over all draws.

    Attributes
    ----------
    model : str
    accuracy, majority : float
        Means over draws: share right, share of the most frequent class, on the same out-of-sample rows.
    standard_error : float
        HAC, of the difference.
    excess : float
        (accuracy - majority) in standard errors.
    draws, rows : int
        Surrogates, and out-of-sample rows of all of them.
    """

    model: str
    accuracy: float
    majority: float
    standard_error: float
    excess: float
    draws: int
    rows: int

    @property
    def ok(self) -> bool:
        """Within 3 standard errors of the majority rate."""
        return self.excess <= LIMIT


def run_canary(
    subject: Subject, bars: Bars, draws: int, seed: int, labels: LabelCode = None, threads: int = 1
) -> list[CanaryResult]:
    """The subject's columns on `draws` surrogates of `bars` (the latest 12,000 of them).

    Raises
    ------
    TooFewRows
        If the bars leave too few out-of-sample rows.
    """
    bars = bars[max(0, len(bars) - MOST_BARS) :]
    right: dict[str, list[tuple[float, float, float, int]]] = {}
    for draw in range(draws):
        noise = surrogate_bars(bars, np.random.default_rng([seed, draw]))
        columns = subject.build({noise.timeframe: noise})
        for model, outcome in _one_draw(columns, noise, labels, seed + draw, threads).items():
            right.setdefault(model, []).append(outcome)
    results = []
    for model, outcomes in right.items():
        accuracy, majority, error, rows = (np.array(values) for values in zip(*outcomes, strict=True))
        mean = float((accuracy - majority).mean())
        pooled = float(np.sqrt((error**2).sum()) / draws)
        excess = mean / pooled if pooled > 0 else (0.0 if mean <= 0 else float("inf"))
        results.append(
            CanaryResult(
                model, float(accuracy.mean()), float(majority.mean()), pooled, float(excess), draws, int(rows.sum())
            )
        )
    return results


def labelled(bars: Bars, labels: LabelCode) -> Labels:
    """The labels of `bars` by the code under audit."""
    if not callable(labels):
        return triple_barrier(bars, **dict(LABELS if labels is None else labels))
    outcome = labels(bars)
    if not isinstance(outcome, Labels):
        raise InputError(f"labels must return Labels of the bars it is given, but returned {type(outcome).__name__}.")
    many = len(np.unique(outcome.y[outcome.ok]))
    if many > MOST_CLASSES:
        raise InputError(
            f"labels must be classes for the canary, but take {many} values: give a band, or the sign of a return."
        )
    return outcome


def _one_draw(
    columns: Columns, bars: Bars, labels: LabelCode, seed: int, threads: int
) -> dict[str, tuple[float, float, float, int]]:
    """(accuracy, majority, standard error, rows) per model."""
    outcome = labelled(bars, labels)
    values = np.where(np.isfinite(columns.values), columns.values, np.nan).astype(np.float32)
    values[~np.isfinite(values)] = np.nan
    # Rows on which nothing can be said: the start-up, and where most of the columns are silent.
    spoken = np.isfinite(values[:, np.isfinite(values).any(axis=0)])
    rows = outcome.t0[outcome.ok]
    rows = rows[spoken[rows].mean(axis=1) >= 0.5 * spoken.mean()] if spoken.size else rows[:0]
    t1 = np.arange(len(bars), dtype=np.int64)
    t1[outcome.t0] = outcome.t1
    y_all = np.full(len(bars), np.nan)
    y_all[outcome.t0] = outcome.y
    try:
        train, _, test = TemporalSplit(0.6, 0.05, 0.35, intervals=(rows, t1[rows])).split_indices()
    except SmctrainError as error:
        raise TooFewRows(f"{len(rows)} labelled rows of {len(bars)} bars ({error})") from error
    if len(test) < LEAST_TEST_ROWS:
        raise TooFewRows(f"{len(test)} out-of-sample rows of {len(bars)} bars, at least {LEAST_TEST_ROWS} are needed")
    classes, codes = np.unique(y_all[rows], return_inverse=True)
    y = np.full(len(bars), -1, dtype=np.int32)
    y[rows] = codes
    if len(np.unique(codes[train])) < 2:
        raise TooFewRows("all training labels belong to one class")
    train, test = rows[train], rows[test]
    majority = np.bincount(y[test], minlength=len(classes)).argmax()
    answers = {
        "forest": _forest(values, y, train, test, len(classes), seed, threads),
        "logistic": _logistic(values, y, train, test),
    }
    out = {}
    for model, answer in answers.items():
        correct = (answer == y[test]).astype(np.float64)
        constant = (majority == y[test]).astype(np.float64)
        gain = correct - constant
        varies = bool((gain != gain[0]).any())
        reach = 2 * max(outcome.horizon, outcome.window)
        spread = hac_mean(gain, min(reach, len(gain) - 1)).standard_error if varies else 0.0
        out[model] = (float(correct.mean()), float(constant.mean()), float(spread), len(test))
    return out


def _forest(
    values: NDArray[np.float32], y: NDArray[np.int32], train: NDArray[np.int64], test: NDArray[np.int64],
    n_classes: int, seed: int, threads: int,
) -> NDArray[np.int64]:  # fmt: skip
    trainer = RandomForestTrainer(n_estimators=50, class_weight=None, oob_score=False)
    forest = trainer.fit(FitTask(np.ascontiguousarray(values), y, train, n_classes, seed=seed, threads=threads))
    answer: NDArray[np.int64] = forest.predict_proba(np.ascontiguousarray(values), test).argmax(axis=1)
    return answer


def _logistic(
    values: NDArray[np.float32], y: NDArray[np.int32], train: NDArray[np.int64], test: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Logistic regression; missing values read as the mean, so that only what is there can speak."""
    from sklearn.linear_model import LogisticRegression

    known = np.isfinite(values[train]).any(axis=0)
    X = values[:, known].astype(np.float64)
    centre, spread = np.nanmean(X[train], axis=0), np.nanstd(X[train], axis=0)
    X = np.nan_to_num(np.clip((X - centre) / np.where(spread > 0, spread, 1.0), -10.0, 10.0))
    # Many rows and few columns: Newton steps are some tens of times faster than gradient steps.
    model = LogisticRegression(C=0.1, max_iter=30, solver="newton-cholesky")
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # not converged, or nearly singular and solved another way: a guess all the same
        model.fit(X[train], y[train])
    answer: NDArray[np.int64] = model.predict(X[test])
    return answer
