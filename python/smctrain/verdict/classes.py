"""Targets that are classes: right or wrong.

metric      accuracy, or balanced accuracy where one class holds over 60 % of the training rows: one choice for every
            step, made before the first OOS row
majority    the training rows' commonest class
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
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from smctrain import stats
from smctrain._load import core
from smctrain.exceptions import InputError
from smctrain.stats import _codes
from smctrain.stats.choice import ACCURACY, Scale, percent
from smctrain.stats.skill import BALANCED_ABOVE
from smctrain.verdict.case import Case, Figures, Flags, Floats, Given, Labels, Precision, Rows, TrainingRule, fields_of

MIN_CLASS_ROWS = 30
MOST_FLOAT_CLASSES = 10
"""Whole floats with more values than that are taken for a real-valued target."""
_FIGURES = ("accuracy", "accuracy_low", "accuracy_high", "majority_accuracy")


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


@dataclass(frozen=True, kw_only=True)
class ClassCase(Case):
    """A verdict on class answers."""

    task = "classification"
    edges = (0.10, 0.06, 0.05, 0.03, 0.02)
    most = 0.5

    class_names: Mapping[int, str]
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

    # ---- the metric ----

    @property
    def metric_name(self) -> str:
        return self.metric.name

    @property
    def metric_word(self) -> str:
        return self.metric.word

    @property
    def scale(self) -> Scale:
        return ACCURACY

    def score(self, y: npt.NDArray[Any], answers: npt.NDArray[Any]) -> float:
        return self.metric.of(y, answers)

    def inner_baseline(self) -> float:
        return max(baseline.score for baseline in self._inner_baselines)

    def baseline_lead(self, model: int) -> float | None:
        """See Note [A baseline is held to what a model is held to]."""
        return max(_lead(self, baseline, self.inner.answers[model]) for baseline in self._inner_baselines)

    @cached_property
    def _inner_baselines(self) -> list[_Baseline]:
        return _baselines(self)

    def baseline(self) -> float:
        """What the training rows' commonest class scores on the OOS rows."""
        return self.metric.without_model(self.oos.y, self.majority)

    def precision(self, rows: Rows, model: int) -> Precision:
        return Precision(stats.effective_sample_size(rows.answers[model] == rows.y, self.horizon).n_eff)

    # ---- luck ----

    def shift_test(self, y: npt.NDArray[Any], answers: npt.NDArray[Any]) -> stats.CircularShiftTest:
        # An earlier model may have known more, by a column that leaked: luck may have it, it does not speak for these.
        return stats.circular_shift_test(
            y, answers, self.horizon, self.metric.name, threads=self.threads, judged=len(self.names)
        )

    def shifted(self, y: npt.NDArray[Any], answers: npt.NDArray[Any]) -> Floats:
        classes = np.unique(y)
        scores: Floats = core().shifted_statistics(
            _codes.to_codes(y, classes),
            _codes.to_codes(answers[None, :], classes),
            len(classes),
            self.metric.balanced,
        )[0]
        return scores

    def agreement(self, rows: Rows, model: int) -> list[tuple[Floats, Floats]]:
        y, answers = rows.y, rows.answers[model]
        present, counts = np.unique(y, return_counts=True)
        weights = len(y) / (len(present) * counts) if self.metric.balanced else np.ones(len(present))
        return [
            ((y == c).astype(np.float64), w * (answers == c)) for c, w in zip(present, weights.tolist(), strict=True)
        ]

    def wealth(self) -> stats.EProcess:
        shares = dict(zip(self.classes.tolist(), self.shares.tolist(), strict=True))
        rows = self.rows_of_first_odds
        return stats.e_process(self.oos.y, self.oos.answers, self.horizon, train_shares=shares, train_rows=rows)

    def required(self, edge: float, design_effect: float) -> int:
        return stats.required_sample(edge, design_effect=design_effect, p0=self._chance)

    @property
    def _chance(self) -> float:
        """Accuracy without a model: 1/2 for two balanced classes."""
        even = len(self.classes) == 2 and bool(np.all((self.shares >= 0.45) & (self.shares <= 0.55)))
        return 0.5 if even else float(np.clip((self.oos.y == self.majority).mean(), 0.05, 0.95))

    # ---- what else depends on the kind of target ----

    def training_rule(self) -> TrainingRule:
        thin = [
            f"{self.word(int(c))} {count}"
            for c, count in zip(self.classes, self.class_counts, strict=True)
            if count < MIN_CLASS_ROWS
        ]
        sentence = f"Every class needs at least {MIN_CLASS_ROWS} training rows; too few: {', '.join(thin)}."
        return TrainingRule(
            "class_rows", int(self.class_counts.min()), f">= {MIN_CLASS_ROWS}", sentence if thin else None
        )

    def takes(self, rows: Rows, model: int) -> Flags:
        return np.asarray(rows.answers[model] == self.trade_class)

    def figures(self, model: int) -> Figures:
        right = self.oos.answers[model] == self.oos.y
        interval = stats.accuracy_interval(right, self.horizon)
        return {
            "accuracy": interval.accuracy,
            "accuracy_low": interval.low,
            "accuracy_high": interval.high,
            "majority_accuracy": float((self.oos.y == self.majority).mean()),
        }

    def comparison(self, model: int, figures: Figures, statistic: float, trusted: bool) -> list[str]:
        """How often the model was right, beside what needs no model, with the interval."""
        y, baseline = self.oos.y, self.baseline()
        skill = statistic - baseline
        accuracy, low, high, always = (float(figures[name] or 0.0) for name in _FIGURES)
        text = (
            f"{self.names[model]} was right on {percent(accuracy)} of {len(y):,} test rows "
            f"(95 % interval {100 * low:.1f}-{percent(high)}"
            f"{'' if trusted else ', too short to trust'}), always answering '{self.word(self.majority)}' on "
            f"{percent(always)}"
        )
        hindsight = max(float((y == c).mean()) for c in self.classes)
        if not self.metric.balanced and hindsight > baseline + 0.02:
            text += f" (the class commonest in the test, known only afterwards, on {percent(hindsight)})"
        if self.metric.balanced:
            text += f"; weighing all classes equally {percent(statistic)} against {percent(baseline)}"
        if skill > 0.0:
            return [f"{text}: {100 * skill:.1f} points of {self.metric.word} ahead."]
        return [f"{text}: no skill shown."]

    def edge_words(self, edge: float) -> str:
        return f"a lead of {_points(edge)} over guessing"

    def smallest(self, edge: float) -> str:
        return f"a lead only from {_points(edge)} upwards"

    def lead_words(self, lead: float) -> str:
        return f"is {_points(lead)} ahead of guessing" if lead > 0.0 else "is not ahead of guessing"

    # ---- the ledger ----

    def read_answers(self, answers: npt.ArrayLike, n: int, name: str) -> npt.NDArray[Any]:
        return _codes.prediction_matrix(answers, n, name)

    @property
    def ledger_classes(self) -> tuple[int, ...] | None:
        return tuple(int(c) for c in self.classes)

    def target_bytes(self) -> list[bytes]:
        return [np.asarray(part, dtype="<i8").tobytes() for part in (self.oos.y, self.inner.y, self.train_y)]

    def to_ledger(self, answers: npt.NDArray[Any]) -> npt.NDArray[Any]:
        codes = np.full(answers.shape, -1, dtype=np.int64)
        for code, value in enumerate(self.classes):
            codes[answers == value] = code
        return codes

    def from_ledger(self, answers: npt.NDArray[Any]) -> npt.NDArray[Any]:
        # Codes become the labels of this case, and silence what no label is: -1 may be one.
        back = np.append(self.classes, min(-1, int(self.classes.min()) - 1))
        return np.asarray(back[answers])


def read_classes(
    given: Given, class_names: Mapping[int, str] | None, inner_majority: npt.ArrayLike | None
) -> ClassCase:
    """Raises `InputError` where the arguments do not fit together, or are numbers rather than classes."""
    for name in ("y_true", "inner_y", "train_y"):
        _refuse_numbers(getattr(given, name), name)
    fields = fields_of(given, _codes.label_vector, _codes.prediction_matrix)
    majority = None
    if inner_majority is not None:
        rows = len(fields["inner"])
        majority = _codes.prediction_matrix(np.asarray(inner_majority)[None, :], rows, "inner_majority")[0]
    return ClassCase(**fields, class_names=class_names or {}, inner_majority=majority)


def _refuse_numbers(labels: npt.ArrayLike, name: str) -> None:
    """A real-valued target is not guessed to be one: its user says so."""
    array = np.asarray(labels)
    if array.dtype.kind != "f":
        return
    broken = array[~(np.isfinite(array) & (array == np.floor(array)))]
    if broken.size:
        found = f"{broken.size:,} of {array.size:,} values that are no whole numbers, such as {broken.flat[0]:g}"
    elif len(np.unique(array)) > MOST_FLOAT_CLASSES:
        found = f"{len(np.unique(array)):,} different values of type {array.dtype}"
    else:
        return
    raise InputError(
        f'{name} must hold integer class codes with task="classification", but holds {found}. '
        'For a real-valued target give task="regression"; for classes give integers.'
    )


@dataclass(frozen=True)
class _Baseline:
    """What needs no model, on inner rows."""

    score: float
    answers: Labels


def _baselines(case: ClassCase) -> list[_Baseline]:
    """Always the commonest class, and the newest label that is known."""
    metric, inner, h = case.metric, case.inner, case.horizon
    always = case.inner_majority if case.inner_majority is not None else np.full_like(inner.y, case.majority)
    found = [_Baseline(1.0 / len(np.unique(inner.y)) if metric.balanced else metric.of(inner.y, always), always)]
    if len(inner) > h:
        newest = _last_resolved(inner.y, h, case.majority)
        found.append(_Baseline(metric.of(inner.y, newest), newest))
    return found


def _lead(case: ClassCase, baseline: _Baseline, answers: Labels) -> float:
    """Newey-West t of the baseline's lead over these answers, row by row."""
    inner = case.inner
    ahead = (baseline.answers == inner.y).astype(np.float64) - (answers == inner.y)
    ahead *= _weights(inner.y, case.metric)
    if bool(np.all(ahead == ahead[0])):
        return math.copysign(math.inf, ahead[0]) if ahead[0] else 0.0
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


def _points(share: float) -> str:
    """0.03 -> "3 points"; tenths where there are any."""
    points = round(100.0 * share, 1)
    return f"{points:g} point{'' if points == 1.0 else 's'}"
