"""Targets that are numbers (a forward return, a best excursion in R): is the order of the answers right?

metric      IC: Spearman's correlation of answers and outcomes, average ranks. What needs no model has 0
middle      the training mean, which R2, RMSE and MAE are measured against, and the training median, around which the
            e-process bets on the side
no answer   a NaN: it stands in the middle of the model's other answers (IC), is the training mean (R2, RMSE, MAE), no
            bet and no trade
precision   variance of the IC = variance of its influence series / n_eff, see Note [How exactly rows tell an IC]
trade       an answer above a threshold, the training mean unless another one is given. A target whose small values
            are the good ones (a short trade) is turned around by its user: -y and -predictions
"""

# Note [How exactly rows tell an IC]
#
# Row t adds u v - IC/2 (u^2 + v^2) to an IC (u, v: standardised ranks). Neighbours share h - 1 of the h bars of their
# outcomes, so this series is autocorrelated over h rows, and its n_eff is that of a series of right and wrong answers.
# On 200 series each of the process N0 (h = 10, a persistent column as answers; edge 0, 0.12, 0.20) 95 % intervals hold
# the true IC in 92-92-92 % of series of 1,000 rows and 95-94-93 % of 4,000; Newey-West with h - 1 lags, whose weights
# fall too early, in 88-87-85 % and 91-89-86 %.

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from smctrain import stats
from smctrain._load import core
from smctrain.exceptions import InputError
from smctrain.stats import _codes
from smctrain.stats.choice import Scale
from smctrain.verdict.case import (
    Case,
    Figures,
    Flags,
    Floats,
    ForwardSkill,
    Given,
    Precision,
    Rows,
    TrainingRule,
    fields_of,
)
from smctrain.verdict.hindsight import forward_skill
from smctrain.verdict.numbers import filled, finite_or_none, ic_of, number_matrix, number_vector, size_of

IC = Scale("IC", shares=False)
MIN_EDGE_IC = 0.06
"""With independent rows it takes as many of them as 3 points of accuracy at even odds. An answer with this IC is on the
right side of the median on 52 % of rows."""
MIN_TRAINING_ROWS = 30
KEPT_APART = 0.99
Z_95 = 1.959963984540054


@dataclass(frozen=True, kw_only=True)
class ValueCase(Case):
    """A verdict on numbers."""

    task = "regression"
    edges = (0.20, 0.10, 0.06, 0.05, 0.03, 0.02)
    most = 1.0
    metric_name = "ic"
    metric_word = "IC"
    scale = IC

    trade_above: float | None = None

    @cached_property
    def train_mean(self) -> float:
        size = size_of(self.train_y)
        return size * float((self.train_y / size).mean())

    @cached_property
    def train_median(self) -> float:
        y = np.sort(self.train_y)
        return 0.5 * float(y[(len(y) - 1) // 2]) + 0.5 * float(y[len(y) // 2])

    @property
    def threshold(self) -> float:
        return self.train_mean if self.trade_above is None else self.trade_above

    # ---- the metric ----

    def score(self, y: npt.NDArray[Any], answers: npt.NDArray[Any]) -> float:
        return ic_of(y, answers)[0]

    def inner_baseline(self) -> float:
        return 0.0

    def baseline(self) -> float:
        return 0.0

    def precision(self, rows: Rows, model: int) -> Precision:
        _, influence = ic_of(rows.y, rows.answers[model])
        if len(influence) == 0:  # no spread, no order
            return Precision(len(rows) / (2.0 * self.horizon), 1.0)
        return Precision(stats.effective_sample_size(influence, self.horizon).n_eff, float(influence.var()))

    # ---- luck ----

    def shift_test(self, y: npt.NDArray[Any], answers: npt.NDArray[Any]) -> stats.CircularShiftTest:
        return stats.circular_shift_test(
            y, filled(answers), self.horizon, "ic", train_mean=0.0, threads=self.threads, judged=len(self.names)
        )

    def shifted(self, y: npt.NDArray[Any], answers: npt.NDArray[Any]) -> Floats:
        scores: Floats = core().shifted_scores(y, filled(answers[None, :]), "ic", 0.0)[0]
        return scores

    def agreement(self, rows: Rows, model: int) -> list[tuple[Floats, Floats]]:
        return [(_standard_ranks(rows.y), _standard_ranks(filled(rows.answers[model : model + 1])[0]))]

    def wealth(self) -> stats.EProcess:
        """On the side of the training median, at the share of the side among the rows known by then."""
        median = self.train_median
        below, above = float((self.train_y < median).mean()), float((self.train_y > median).mean())
        shares = {0: below, 1: max(0.0, 1.0 - below - above), 2: above}
        sides, answers = _codes.sides(self.oos.y, median), _codes.sides(self.oos.answers, median)
        return stats.e_process(sides, answers, self.horizon, train_shares=shares, train_rows=self.rows_of_first_odds)

    def forward(self, model: int) -> ForwardSkill | None:
        inner = self.inner.answers[model]
        return forward_skill(self.oos.y, self.oos.answers[model], self.train_y, inner, self.horizon)

    def required(self, edge: float, design_effect: float) -> int:
        # The variance of an independent row is 1 without an order; with p0 = 1/2 it is 1/4 of twice the edge's.
        return stats.required_sample(0.5 * edge, design_effect=design_effect, p0=0.5)

    # ---- what else depends on the kind of target ----

    def training_rule(self) -> TrainingRule:
        counts = np.unique(self.train_y, return_counts=True)[1]
        apart = len(self.train_y) - int(counts.max())
        sentence = (
            f"At least {MIN_TRAINING_ROWS} training rows must differ from the commonest outcome; only {apart} do."
        )
        short = apart < MIN_TRAINING_ROWS
        return TrainingRule("train_rows", apart, f">= {MIN_TRAINING_ROWS}", sentence if short else None)

    def takes(self, rows: Rows, model: int) -> Flags:
        return np.asarray(rows.answers[model] > self.threshold)

    def figures(self, model: int) -> Figures:
        y, answers = self.oos.y, self.oos.answers[model]
        ic = self.score(y, answers)
        precision = self.precision(self.oos, model)
        half = Z_95 * math.sqrt((precision.unit or 0.0) / precision.n_eff)
        h, median = self.horizon, self.train_median
        answered = np.isfinite(answers)
        right = _codes.sides(y, median)[answered] == _codes.sides(answers[answered], median)
        return {
            "ic": ic,
            "ic_low": max(-1.0, ic - half),
            "ic_high": min(1.0, ic + half),
            "last_outcome_ic": ic_of(y[h:], y[:-h])[0] if len(y) > h + 2 else None,
            **self._errors(y, answers),
            "train_mean": self.train_mean,
            "train_median": median,
            "right_side": float(right.mean()) if len(right) else None,
            "answered": float(answered.mean()),
            "trade_above": self.threshold,
        }

    def _errors(self, y: Floats, answers: Floats) -> Figures:
        """Squared and absolute errors beside those of the training mean; in units of the largest number, so that huge
        ones do not overflow."""
        said = np.where(np.isnan(answers), self.train_mean, answers)
        size = size_of(np.concatenate([y, said, [self.train_mean]]))
        y, said, mean = y / size, said / size, self.train_mean / size
        squared, without = float(np.mean((y - said) ** 2)), float(np.mean((y - mean) ** 2))
        return {
            "r2": finite_or_none(1.0 - squared / without) if without > 0.0 else None,
            "rmse": finite_or_none(size * math.sqrt(squared)),
            "mae": finite_or_none(size * float(np.abs(y - said).mean())),
            "train_mean_rmse": finite_or_none(size * math.sqrt(without)),
            "train_mean_mae": finite_or_none(size * float(np.abs(y - mean).mean())),
        }

    # ---- in words ----

    def comparison(self, model: int, figures: Figures, statistic: float, trusted: bool) -> list[str]:
        """How well the model orders the outcomes, and how far off its sizes are."""
        name, ic = self.names[model], IC.value
        low, high = float(figures["ic_low"] or 0.0), float(figures["ic_high"] or 0.0)
        order = (
            f"{name} orders the outcomes of {len(self.oos):,} test rows with a rank correlation (IC) of "
            f"{ic(statistic)} (95 % interval {ic(low)} to {ic(high)}{'' if trusted else ', too short to trust'}), "
            "where guessing has 0 and perfect order 1"
        )
        if statistic <= 0.0:
            order += ": no skill shown."
        else:
            order += ": the interval includes guessing." if low <= 0.0 else "."
        said = [order, *self._sizes(name, figures)]
        answered = float(figures["answered"] or 0.0)
        if answered < 1.0:
            said.append(
                f"It answers {100.0 * answered:.1f} % of the test rows; without an answer a row counts as the middle."
            )
        return said

    def _sizes(self, name: str, figures: Figures) -> list[str]:
        r2, mae, without = figures["r2"], figures["mae"], figures["train_mean_mae"]
        if r2 is None or mae is None or without is None:
            return []
        text = (
            f"What {name} answers is off by {mae:.4g} on average, the mean of the training rows by {without:.4g} "
            f"(R2 {float(r2):.3f})"
        )
        return [f"{text}." if float(r2) > 0.0 else f"{text}: the sizes it answers say less than that mean."]

    def edge_words(self, edge: float) -> str:
        return f"an IC of {edge:g}"

    def smallest(self, edge: float) -> str:
        return f"an IC only from {edge:.3f} upwards"

    def lead_words(self, lead: float) -> str:
        return f"is {lead:.3f} ahead of luck in its IC" if lead > 0.0 else "orders outcomes no better than luck"

    # ---- the ledger ----

    def read_answers(self, answers: npt.ArrayLike, n: int, name: str) -> npt.NDArray[Any]:
        return number_matrix(answers, n, name)

    @property
    def ledger_classes(self) -> tuple[int, ...] | None:
        return None

    def target_bytes(self) -> list[bytes]:
        parts = (self.oos.y, self.inner.y, self.train_y)
        return [b"regression", *(np.asarray(part, dtype="<f8").tobytes() for part in parts)]

    def to_ledger(self, answers: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """float32; where that would merge many different answers their ranks, because the order is what counts."""
        largest = float(np.finfo(np.float32).max)
        numbers: npt.NDArray[np.float32] = np.clip(answers, -largest, largest).astype(np.float32)
        different, place = np.unique(answers, return_inverse=True)
        if len(np.unique(numbers)) >= KEPT_APART * len(different):
            return numbers
        return np.where(np.isnan(answers), np.nan, place).astype(np.float32)

    def from_ledger(self, answers: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.asarray(answers, dtype=np.float64)


def read_values(given: Given, trade_above: float | None) -> ValueCase:
    """Raises `InputError` where the arguments do not fit together."""
    if given.rules.profile != "default":
        raise InputError(
            'profile "seed" holds thresholds of accuracy; with task="regression" profile must be "default", '
            f"but is {given.rules.profile!r}."
        )
    if trade_above is not None and not math.isfinite(trade_above):
        raise InputError(f"trade_above must be a finite number, but is {trade_above!r}.")
    return ValueCase(**fields_of(given, number_vector, number_matrix), trade_above=trade_above)


def _standard_ranks(values: Floats) -> Floats:
    """Average ranks with mean 0 and variance 1; zeros without spread."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - 0.5 * (counts - 1.0))[place]
    spread = float(ranks.std())
    return (ranks - ranks.mean()) / spread if spread > 0.0 else np.zeros(len(ranks))
