"""What is given to `decide`, checked, and everything about it that needs no statistics.

case        labels and answers of k models on three sets of rows: training, inner, out-of-sample (OOS)
metric      accuracy, or balanced accuracy where one class holds over 60 % of the training rows: one choice for every
            step, made before the first OOS row
majority    the training rows' commonest class
shown       the model that sentences and numbers are about: the chosen one, else the best on inner rows
"""

# Note [A baseline is held to what a model is held to]
#
# A model is left by the selector unless something that needs no model is ahead of it on inner rows: always answering
# the commonest class, or repeating the newest label that is known. On ~1,700 overlapping rows all these figures are
# noisy: in a driftless walk one class leads by several points in hindsight, and so does repeating in half of all cases.
# A floor made of the larger of two noisy figures refuses real signals (5 of 200 sets of P(.20) at 4,000 test rows which
# pass every rule about luck), and of 1,000 noise sets it alone kept one from being deployed. So a baseline refuses a
# model where its lead is more than luck explains: Newey-West t of the paired difference over 2h rows, one-sided 5 %.
# And it may not look ahead either: the commonest class is that of the rows an inner answer was learned from
# (`inner_majority`), not of the inner rows themselves. Skill over the baseline on the test rows stays its own rule.

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from smctrain import stats
from smctrain.exceptions import InputError
from smctrain.stats import _codes
from smctrain.stats.choice import Candidate, Choice, Rules, choose
from smctrain.stats.skill import BALANCED_ABOVE
from smctrain.verdict.result import Trials

Labels = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Metric:
    """Accuracy, or balanced accuracy."""

    balanced: bool

    @property
    def name(self) -> str:
        return "balanced_accuracy" if self.balanced else "accuracy"

    @property
    def word(self) -> str:
        return "balanced accuracy" if self.balanced else "accuracy"

    def of(self, y: Labels, predictions: Labels) -> float:
        right = predictions == y
        if not self.balanced:
            return float(right.mean())
        return float(np.mean([right[y == c].mean() for c in np.unique(y)]))

    def without_model(self, y: Labels, majority: int) -> float:
        """What always answering the training rows' commonest class scores."""
        return 1.0 / len(np.unique(y)) if self.balanced else float((y == majority).mean())


@dataclass(frozen=True)
class Rows:
    """Labels of one set of rows in time order, every model's answers, and what a trade on each row earned."""

    y: Labels
    answers: Labels
    """(k, n); -1: no answer, which counts as wrong."""
    r_net: Floats | None = None
    spans: tuple[Labels, Labels] | None = None
    """First and last bar of the trade on each row; None: not told."""

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True)
class Case:
    """The checked input of one verdict."""

    names: list[str]
    horizon: int
    train_y: Labels
    train_answers: Labels | None
    inner: Rows
    oos: Rows
    trials: Trials | None
    n_symbols: int
    rules: Rules
    gaps: list[float | None] | None
    class_names: Mapping[int, str]
    min_edge: float
    require_positive_ev: bool
    threads: int = 1
    out_of_fold: bool = False
    """Whether inner answers come from folds that learned from each other's rows."""
    inner_majority: Labels | None = None
    """(rows of inner,) the commonest class among the rows each inner answer was learned from."""

    @cached_property
    def classes(self) -> Labels:
        return _codes.classes_of(self.train_y, self.inner.y, self.oos.y)

    @cached_property
    def class_counts(self) -> Labels:
        """Training rows of each class."""
        return np.array([int((self.train_y == c).sum()) for c in self.classes])

    @property
    def shares(self) -> Floats:
        return self.class_counts / len(self.train_y)

    @property
    def majority(self) -> int:
        return int(self.classes[int(self.class_counts.argmax())])

    @property
    def metric(self) -> Metric:
        return Metric(balanced=bool(self.shares.max() > BALANCED_ABOVE))

    @property
    def trade_class(self) -> int:
        """The class on which a trade is taken: the highest code."""
        return int(self.classes[-1])

    def word(self, code: int) -> str:
        return self.class_names.get(code, str(code))


def read_case(
    y_true: npt.ArrayLike, predictions: npt.ArrayLike, horizon: int, inner_y: npt.ArrayLike,
    inner_predictions: npt.ArrayLike, train_y: npt.ArrayLike, train_predictions: npt.ArrayLike | None,
    names: Sequence[str] | None, r_net: npt.ArrayLike | None, ledger: Trials | None, n_symbols: int,
    inner_r_net: npt.ArrayLike | None, gaps: npt.ArrayLike | None, class_names: Mapping[int, str] | None,
    min_edge: float, require_positive_ev: bool, rules: Rules, threads: int,
    out_of_fold: bool, inner_majority: npt.ArrayLike | None = None, t0: npt.ArrayLike | None = None,
    t1: npt.ArrayLike | None = None,
) -> Case:  # fmt: skip
    """The arguments of `decide` as a `Case`; raises `InputError` where they do not fit together."""
    y = _codes.label_vector(y_true, "y_true")
    oos = _codes.prediction_matrix(predictions, len(y), "predictions")
    k = len(oos)
    horizon = _codes.check_horizon(horizon)
    y_in = _codes.label_vector(inner_y, "inner_y")
    inner = _codes.prediction_matrix(inner_predictions, len(y_in), "inner_predictions")
    y_train = _codes.label_vector(train_y, "train_y")
    labels = list(names) if names is not None else [f"model {m}" for m in range(k)]
    if len(labels) != k or len(set(labels)) != k:
        raise InputError(f"names must hold {k} different names, one per model, but is {labels}.")
    if len(inner) != k:
        raise InputError(f"inner_predictions must hold {k} models like predictions, but holds {len(inner)}.")
    if isinstance(n_symbols, bool) or n_symbols < 1:
        raise InputError(f"n_symbols must be at least 1, but is {n_symbols}.")
    fitted = None
    if train_predictions is not None:
        fitted = _codes.prediction_matrix(train_predictions, len(y_train), "train_predictions")
        if len(fitted) != k:
            raise InputError(f"train_predictions must hold {k} models, but holds {len(fitted)}.")
    return Case(
        names=labels,
        horizon=horizon,
        train_y=y_train,
        train_answers=fitted,
        inner=Rows(y_in, inner, _outcomes(inner_r_net, len(y_in), "inner_r_net must hold one number per row")),
        oos=Rows(y, oos, _outcomes(r_net, len(y), "r_net must hold one number per test row"), _spans(t0, t1, len(y))),
        trials=ledger,
        n_symbols=int(n_symbols),
        rules=rules,
        gaps=_gap_list(gaps, k),
        class_names=class_names or {},
        min_edge=min_edge,
        require_positive_ev=require_positive_ev,
        threads=threads,
        out_of_fold=out_of_fold,
        inner_majority=_inner_majority(inner_majority, len(y_in)),
    )


def _inner_majority(values: npt.ArrayLike | None, n: int) -> Labels | None:
    if values is None:
        return None
    found: Labels = _codes.prediction_matrix(np.asarray(values)[None, :], n, "inner_majority")[0]
    return found


def _outcomes(values: npt.ArrayLike | None, n: int, must: str) -> Floats | None:
    if values is None:
        return None
    outcome = np.asarray(values, dtype=np.float64)
    if outcome.shape != (n,):
        raise InputError(f"{must} ({n}), but has shape {outcome.shape}.")
    return outcome


def _spans(t0: npt.ArrayLike | None, t1: npt.ArrayLike | None, n: int) -> tuple[Labels, Labels] | None:
    if t0 is None and t1 is None:
        return None
    if t0 is None or t1 is None:
        raise InputError("t0 and t1 are given together: first and last bar of the trade on each test row.")
    start, end = np.ascontiguousarray(t0, dtype=np.int64), np.ascontiguousarray(t1, dtype=np.int64)
    for name, values in (("t0", start), ("t1", end)):
        if values.shape != (n,):
            raise InputError(f"{name} must hold one bar per test row ({n}), but has shape {values.shape}.")
    return start, end


def _gap_list(gaps: npt.ArrayLike | None, k: int) -> list[float | None] | None:
    if gaps is None:
        return None
    values = np.asarray(gaps, dtype=np.float64)
    if values.shape != (k,):
        raise InputError(f"gaps must hold one number per model ({k}), but has shape {values.shape}.")
    return [float(v) if math.isfinite(v) else None for v in values]


@dataclass(frozen=True)
class Measured:
    """Scores of all models on all rows, and the choice made on inner rows."""

    candidates: list[Candidate]
    choice: Choice
    shown: int
    """Position of the model that is shown."""
    inner_baseline: float
    baseline: float
    """What the training rows' commonest class scores on the OOS rows."""
    in_sample_gaps: list[float | None]

    @property
    def candidate(self) -> Candidate:
        return self.candidates[self.shown]


def measure(case: Case) -> Measured:
    """Score every model, and choose one on inner rows only; OOS numbers can refuse it, never rank."""
    metric, inner, oos, k = case.metric, case.inner, case.oos, len(case.names)
    baselines = _baselines(case)
    in_sample: list[float | None] = [None] * k
    if case.train_answers is not None:
        in_sample = [
            metric.of(case.train_y, case.train_answers[m]) - metric.of(inner.y, inner.answers[m]) for m in range(k)
        ]
    candidates = [_candidate(case, m, baselines, in_sample[m]) for m in range(k)]
    choice = choose(candidates, case.rules)
    # Without a survivor the best one on inner rows still shows how far the data reach.
    shown = case.names.index(choice.best.name) if choice.best else int(np.argmax([c.val or 0.0 for c in candidates]))
    best = max(baseline.score for baseline in baselines)
    return Measured(candidates, choice, shown, best, metric.without_model(oos.y, case.majority), in_sample)


def _candidate(case: Case, m: int, baselines: list[_Baseline], in_sample_gap: float | None) -> Candidate:
    """Under profile "default" a measured fold gap may veto; the in-sample gap then only lowers the score."""
    metric, inner, oos = case.metric, case.inner, case.oos
    given = None if case.gaps is None else case.gaps[m]
    use_given = case.rules.profile == "default" and given is not None
    return Candidate(
        name=case.names[m],
        val=metric.of(inner.y, inner.answers[m]),
        gap=given if use_given else in_sample_gap,
        gap_vetoes=use_given or case.rules.profile == "seed",
        baseline=max(baseline.score for baseline in baselines),
        baseline_t=max(_lead(case, baseline, inner.answers[m]) for baseline in baselines),
        oos=metric.of(oos.y, oos.answers[m]),
        val_word=f"inner {metric.word}",
        n_eff_val=stats.effective_sample_size(inner.answers[m] == inner.y, case.horizon).n_eff,
        n_eff_oos=stats.effective_sample_size(oos.answers[m] == oos.y, case.horizon).n_eff,
        val_variance=2.0 if case.out_of_fold else 1.0,
    )


@dataclass(frozen=True)
class _Baseline:
    """What needs no model, on inner rows."""

    score: float
    answers: Labels


def _baselines(case: Case) -> list[_Baseline]:
    """Always the commonest class, and the newest label that is known."""
    metric, inner, h = case.metric, case.inner, case.horizon
    always = case.inner_majority if case.inner_majority is not None else np.full_like(inner.y, case.majority)
    found = [_Baseline(1.0 / len(np.unique(inner.y)) if metric.balanced else metric.of(inner.y, always), always)]
    if len(inner) > h:
        newest = _last_resolved(inner.y, h, case.majority)
        found.append(_Baseline(metric.of(inner.y, newest), newest))
    return found


def _lead(case: Case, baseline: _Baseline, answers: Labels) -> float:
    """Newey-West t of the baseline's lead over these answers, row by row."""
    inner = case.inner
    ahead = (baseline.answers == inner.y).astype(np.float64) - (answers == inner.y)
    ahead *= _weights(inner.y, case.metric)
    if len(ahead) < 2 or bool(np.all(ahead == ahead[0])):
        return 0.0
    t = stats.hac_mean(ahead, min(2 * case.horizon, len(ahead) - 1)).t
    return float(t) if math.isfinite(t) else 0.0


def _weights(y: Labels, metric: Metric) -> Floats:
    """Of each row in the metric: a row of a rare class counts more under balanced accuracy."""
    if not metric.balanced:
        return np.ones(len(y))
    classes, where, counts = np.unique(y, return_inverse=True, return_counts=True)
    weights: Floats = (len(y) / (len(classes) * counts))[where]
    return weights


def _last_resolved(y: Labels, horizon: int, majority: int) -> Labels:
    """The newest label known at each row; the commonest class while none is."""
    guess = np.full_like(y, majority)
    guess[horizon:] = y[:-horizon]
    return guess


def twice_the_variance(p: float) -> float:
    """p of a statistic whose variance is twice what the test takes it for."""
    normal = NormalDist()
    return 1.0 - normal.cdf(normal.inv_cdf(1.0 - min(max(p, 1e-6), 1.0 - 1e-6)) / math.sqrt(2.0))
