"""What every verdict is about, whatever its target: models, three sets of rows, and what may be asked of them.

case     labels and answers of k models on three sets of rows: training, inner, out-of-sample (OOS)
task     "classification" (classes.py) or "regression" (values.py): how answers are scored, which baseline they must
         beat, how far luck reaches, when an answer is a trade, and how all that is said
given    the arguments of `decide` as they came; `fields_of` checks what no task needs to know

The steps (measure.py, evidence.py, rules.py, explain.py) know no task: they ask the case.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from smctrain import stats
from smctrain.exceptions import InputError
from smctrain.stats import _codes
from smctrain.stats.choice import Rules, Scale
from smctrain.verdict.result import Trials

Labels = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Figures = dict[str, float | int | str | None]
MOST_R = 1e100


@dataclass(frozen=True)
class Rows:
    """Labels of one set of rows in time order, every model's answers, and what a trade on each row earned."""

    y: npt.NDArray[Any]
    answers: npt.NDArray[Any]
    """(k, n); no answer is -1 among classes, NaN among numbers."""
    r_net: Floats | None = None
    spans: tuple[Labels, Labels] | None = None
    """First and last bar of the trade on each row; None: not told."""

    def __len__(self) -> int:
        return len(self.y)


class Precision(NamedTuple):
    """How exactly rows tell a model's metric: variance = unit / n_eff."""

    n_eff: float
    unit: float | None = None
    """Variance of one independent row; None: that of a share."""


class ForwardSkill(NamedTuple):
    """Skill without hindsight, see hindsight.py."""

    ic: float
    p: float


class TrainingRule(NamedTuple):
    """What the training rows must hold before anything can be said."""

    rule: str
    value: int
    needed: str
    sentence: str | None
    """What is missing; None where nothing is."""


@dataclass(frozen=True, kw_only=True)
class Case(ABC):
    """The checked input of one verdict."""

    task: ClassVar[str]
    edges: ClassVar[tuple[float, ...]]
    """Edges over the baseline for which the rows needed are told."""
    most: ClassVar[float]
    """Where an edge is larger than any that exists."""

    names: list[str]
    horizon: int
    train_y: npt.NDArray[Any]
    train_answers: npt.NDArray[Any] | None
    inner: Rows
    oos: Rows
    trials: Trials | None
    n_symbols: int
    rules: Rules
    gaps: list[float | None] | None
    min_edge: float
    require_positive_ev: bool
    threads: int = 1
    out_of_fold: bool = False
    """Whether inner answers come from folds that learned from each other's rows."""

    @property
    def rows_of_first_odds(self) -> int:
        """Training rows that bets start from: Note [Odds are what is known, not the worst of it] in stats/skill.py."""
        return min(len(self.train_y), 10 * self.horizon)

    # ---- the metric ----

    @property
    @abstractmethod
    def metric_name(self) -> str:
        """As in the record."""

    @property
    @abstractmethod
    def metric_word(self) -> str:
        """As in sentences."""

    @property
    @abstractmethod
    def scale(self) -> Scale:
        """How its values are written."""

    @abstractmethod
    def score(self, y: npt.NDArray[Any], answers: npt.NDArray[Any]) -> float:
        """The metric of one model's answers (n,)."""

    @abstractmethod
    def inner_baseline(self) -> float:
        """The best that needs no model on inner rows."""

    def baseline_lead(self, model: int) -> float | None:
        """How far something that needs no model is ahead on inner rows, in standard errors of the paired difference;
        None where only the figures are compared."""
        return None

    @abstractmethod
    def baseline(self) -> float:
        """What the training rows alone score on OOS rows."""

    @abstractmethod
    def precision(self, rows: Rows, model: int) -> Precision:
        """How many independent rows stand behind a model's metric."""

    # ---- luck ----

    @abstractmethod
    def shift_test(self, y: npt.NDArray[Any], answers: npt.NDArray[Any]) -> stats.CircularShiftTest:
        """Circular-shift max test over all vectors (k, n)."""

    @abstractmethod
    def shifted(self, y: npt.NDArray[Any], answers: npt.NDArray[Any]) -> Floats:
        """The metric of one vector (n,) at every shift 0 .. n-1."""

    @abstractmethod
    def agreement(self, rows: Rows, model: int) -> list[tuple[Floats, Floats]]:
        """(truth, answer) pairs of series (n,); the mean of their products is the metric, up to a constant."""

    @abstractmethod
    def wealth(self) -> stats.EProcess:
        """The e-process of all models on OOS rows."""

    def forward(self, model: int) -> ForwardSkill | None:
        """The model's skill measured from what was known before the test; None: this metric needs no such look."""
        return None

    @abstractmethod
    def required(self, edge: float, design_effect: float) -> int:
        """OOS rows that would show `edge`."""

    # ---- what else depends on the kind of target ----

    @abstractmethod
    def training_rule(self) -> TrainingRule:
        """Could anything be learned from these training rows?"""

    @abstractmethod
    def takes(self, rows: Rows, model: int) -> Flags:
        """Rows on which the model's answer is a trade."""

    @abstractmethod
    def figures(self, model: int) -> Figures:
        """The model's numbers on OOS rows that only this kind of target has, for the record."""

    @abstractmethod
    def comparison(self, model: int, figures: Figures, statistic: float, trusted: bool) -> list[str]:
        """Sentences: how good the model's answers are on OOS rows, beside what needs no model."""

    @abstractmethod
    def edge_words(self, edge: float) -> str:
        """As a thing that can be seen: "a lead of 3 points over guessing", "an IC of 0.06"."""

    @abstractmethod
    def smallest(self, edge: float) -> str:
        """What these rows show: "a lead only from 4.2 points upwards", "an IC only from 0.084 upwards"."""

    @abstractmethod
    def lead_words(self, lead: float) -> str:
        """What a model does: "is 2.1 points ahead of guessing", "orders outcomes no better than luck"."""

    # ---- the ledger ----

    @abstractmethod
    def read_answers(self, answers: npt.ArrayLike, n: int, name: str) -> npt.NDArray[Any]:
        """(k, n) checked answers from (n,) or (k, n)."""

    @property
    @abstractmethod
    def ledger_classes(self) -> tuple[int, ...] | None:
        """Classes that codes 0, 1, ... of the ledger mean; None: it holds numbers."""

    @abstractmethod
    def target_bytes(self) -> list[bytes]:
        """What makes this target and these rows another ledger than others."""

    @abstractmethod
    def to_ledger(self, answers: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Answers as the ledger keeps them."""

    @abstractmethod
    def from_ledger(self, answers: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The inverse."""


# ---- what `decide` was given ----


@dataclass(frozen=True, kw_only=True)
class Given:
    """The arguments of `decide` as they came."""

    y_true: npt.ArrayLike
    predictions: npt.ArrayLike
    horizon: int
    inner_y: npt.ArrayLike
    inner_predictions: npt.ArrayLike
    train_y: npt.ArrayLike
    train_predictions: npt.ArrayLike | None
    names: Sequence[str] | None
    r_net: npt.ArrayLike | None
    inner_r_net: npt.ArrayLike | None
    trials: Trials | None
    n_symbols: int
    gaps: npt.ArrayLike | None
    min_edge: float
    require_positive_ev: bool
    rules: Rules
    threads: int
    out_of_fold: bool
    t0: npt.ArrayLike | None
    t1: npt.ArrayLike | None


def fields_of(
    given: Given,
    vector: Callable[[npt.ArrayLike, str], npt.NDArray[Any]],
    matrix: Callable[[npt.ArrayLike, int, str], npt.NDArray[Any]],
) -> dict[str, Any]:
    """The fields of `Case`; raises `InputError` where the arguments do not fit together.

    `vector` reads labels (values, name), `matrix` answers (values, rows, name): they know the task.
    """
    y = vector(given.y_true, "y_true")
    oos = matrix(given.predictions, len(y), "predictions")
    k = len(oos)
    horizon = _codes.check_horizon(given.horizon)
    y_in = vector(given.inner_y, "inner_y")
    inner = matrix(given.inner_predictions, len(y_in), "inner_predictions")
    y_train = vector(given.train_y, "train_y")
    names = list(given.names) if given.names is not None else [f"model {m}" for m in range(k)]
    if len(names) != k or len(set(names)) != k:
        raise InputError(f"names must hold {k} different names, one per model, but is {names}.")
    if len(inner) != k:
        raise InputError(f"inner_predictions must hold {k} models like predictions, but holds {len(inner)}.")
    if isinstance(given.n_symbols, bool) or given.n_symbols < 1:
        raise InputError(f"n_symbols must be at least 1, but is {given.n_symbols}.")
    fitted = None
    if given.train_predictions is not None:
        fitted = matrix(given.train_predictions, len(y_train), "train_predictions")
        if len(fitted) != k:
            raise InputError(f"train_predictions must hold {k} models, but holds {len(fitted)}.")
    return {
        "names": names,
        "horizon": horizon,
        "train_y": y_train,
        "train_answers": fitted,
        "inner": Rows(y_in, inner, _outcomes(given.inner_r_net, len(y_in), "inner_r_net must hold one number per row")),
        "oos": Rows(
            y,
            oos,
            _outcomes(given.r_net, len(y), "r_net must hold one number per test row"),
            _spans(given.t0, given.t1, len(y)),
        ),
        "trials": given.trials,
        "n_symbols": int(given.n_symbols),
        "rules": given.rules,
        "gaps": _gap_list(given.gaps, k),
        "min_edge": given.min_edge,
        "require_positive_ev": given.require_positive_ev,
        "threads": given.threads,
        "out_of_fold": given.out_of_fold,
    }


def _outcomes(values: npt.ArrayLike | None, n: int, must: str) -> Floats | None:
    if values is None:
        return None
    outcome = np.asarray(values, dtype=np.float64)
    if outcome.shape != (n,):
        raise InputError(f"{must} ({n}), but has shape {outcome.shape}.")
    known = np.isfinite(outcome)
    if known.any() and float(np.abs(outcome[known]).max()) > MOST_R:
        raise InputError(f"{must.split()[0]} must hold outcomes in R, but holds {np.abs(outcome[known]).max():.3g}.")
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
