"""Fits one model family on one symbol: inner folds, then the final model. Small data may be augmented."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.augment import augment_rows
from smctrain.config import Config
from smctrain.dataset import Dataset
from smctrain.models.base import FitTask, FittedModel, Trainer
from smctrain.prepare import Preparation
from smctrain.selection.problem import Outcome
from smctrain.training.choosing import FeatureChoice, decide, narrowed, record
from smctrain.training.parts import Fold, Parts, Rows
from smctrain.training.recipe import prepare_settings

Report = Callable[..., None]


@dataclass(frozen=True)
class Bounds:
    """What limits a fit: seed, threads, stop flag, deadline."""

    seed: int
    threads: int
    stop: NDArray[np.uint8]
    deadline: float

    def seconds_left(self) -> float:
        # A fit that starts after the deadline still gets a moment: it stops at its first poll and says so.
        return max(0.001, self.deadline - time.monotonic())

    def stopped(self) -> bool:
        return bool(self.stop[0]) or time.monotonic() >= self.deadline


@dataclass
class FoldOutcome:
    """Out-of-fold predictions and accuracies of the inner folds."""

    proba: NDArray[np.float64]
    """(n, K); NaN where a row is in no fold's test part."""
    accuracies: list[float] = field(default_factory=list)
    note: str = ""


@dataclass
class FamilyFit:
    """One family's final model with everything that was learned on the way."""

    model: FittedModel
    prepare: Preparation
    folds: FoldOutcome
    augmentation: dict[str, Any]
    seconds: float
    selection: dict[str, Any] = field(default_factory=dict)
    """Whether chosen columns are used, why, and what each fold chose; empty without a selection."""


def seed_of(seed: int, *purpose: str) -> int:
    """A seed for one purpose, independent of order and of worker count."""
    digest = hashlib.blake2b("/".join([str(seed), *purpose]).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


class Fitter:
    """Fits one family of one symbol; holds what folds and the final fit share."""

    def __init__(
        self, data: Dataset, parts: Parts, trainer: Trainer, config: Config, bounds: Bounds, prepare: Preparation,
        report: Report, choice: FeatureChoice | None = None,
    ) -> None:  # fmt: skip
        self.choice, self.chooses = choice, False
        self.records: list[dict[str, Any]] = []
        self.data, self.parts, self.trainer, self.config = data, parts, trainer, config
        self.bounds, self.prepare, self.report = bounds, prepare, report
        self.n_classes = len(parts.label_map.classes)
        self.watches_tail = trainer.uses_stop_rows

    def run(self) -> FamilyFit:
        """Inner folds first (their verdict on augmentation decides the final fit), then the final model."""
        started = time.monotonic()
        folds = self.cross_validate(augmented=False, repeat=0)
        folds, selection = self.decide_selection(folds)
        augmentation = self.decide_augmentation(folds)
        if augmentation.get("used"):
            folds = self.cross_validate(augmented=True, repeat=0)
        self.report("fit", 0, 1)
        fit, stop = (self.parts.fit, self.parts.stop) if self.watches_tail else (self.parts.train, _no_rows())
        prepare, outcome = self.chosen(self.prepare, self.parts.train)
        model = self.fit(prepare, fit, stop, bool(augmentation.get("used")), "final")
        if outcome is not None:
            selection["final"] = self.record("final", prepare, outcome, model)
        self.report("fit", 1, 1)
        return FamilyFit(model, prepare, folds, augmentation, time.monotonic() - started, selection)

    def decide_selection(self, full: FoldOutcome) -> tuple[FoldOutcome, dict[str, Any]]:
        """All folds again on chosen columns; these are used unless that costs more than a standard error."""
        if self.choice is None or not self.choice.wanted:
            return full, {}
        self.chooses, self.records = True, []
        folds = self.cross_validate(augmented=False, repeat=0) if full.accuracies else full
        selection = decide(self.choice.method, full.accuracies, folds.accuracies, len(self.parts.folds), folds.note)
        selection["folds"], self.chooses = list(self.records), bool(selection["used"])
        return (folds if self.chooses else full), selection

    def chosen(self, prepare: Preparation, rows: Rows) -> tuple[Preparation, Outcome | None]:
        """`prepare` without the columns that `rows` do not speak for, where columns are chosen."""
        if self.choice is None or not self.chooses:
            return prepare, None
        outcome = self.choice.outcome(prepare, rows, self.bounds.threads, self.bounds.stop, self.bounds.seconds_left())
        return narrowed(prepare, outcome), outcome

    def record(self, fold: int | str, prepare: Preparation, outcome: Outcome, model: FittedModel) -> dict[str, Any]:
        return record(fold, self.trainer.family, prepare, outcome, model, self.trainer.needs_scaling)

    def cross_validate(self, augmented: bool, repeat: int) -> FoldOutcome:
        """Fit every inner fold and predict the rows it left out."""
        n = len(self.data.X)
        outcome = FoldOutcome(np.full((n, self.n_classes), np.nan), note=self.parts.folds_note)
        for number, fold in enumerate(self.parts.folds):
            if self.bounds.stopped():
                outcome.note = f"stopped after {number} of {len(self.parts.folds)} folds"
                break
            self.report("cv", number, len(self.parts.folds))
            proba = self.predict_fold(fold, augmented, f"fold{number}/{repeat}")
            outcome.proba[fold.test] = proba
            # A row the model cannot answer (no full window) counts as wrong: silence is not skill.
            answers = np.where(np.isnan(proba).any(axis=1), -1, np.argmax(np.nan_to_num(proba), axis=1))
            outcome.accuracies.append(float(np.mean(answers == self.parts.y[fold.test])))
        if self.parts.folds:
            self.report("cv", len(self.parts.folds), len(self.parts.folds))
        return outcome

    def predict_fold(self, fold: Fold, augmented: bool, purpose: str) -> NDArray[np.float64]:
        if self.trainer.is_sequence:
            fold = self.without_windows_into(fold)
        rows = np.union1d(fold.fit, fold.stop)
        # Which columns are constant, and how they scale, is learned too: every fold learns its own.
        prepare = Preparation.fit(self.data.X, rows, self.data.names, prepare_settings(self.config))
        prepare, outcome = self.chosen(prepare, rows)
        fit, stop = (fold.fit, fold.stop) if self.watches_tail else (rows, _no_rows())
        model = self.fit(prepare, fit, stop, augmented, purpose)
        if outcome is not None:
            self.records.append(self.record(len(self.records), prepare, outcome, model))
        return model.predict_proba(self.values(prepare), fold.test, self.data.segment)

    def without_windows_into(self, fold: Fold) -> Fold:
        """The fold without training rows whose window reaches bars that the held-out rows and their labels span."""
        before, behind = fold.test[0], self.data.t1[fold.test].max()
        lookback: int = self.trainer.lookback  # type: ignore[attr-defined]

        def apart(rows: Rows) -> Rows:
            kept: Rows = rows[(rows < before) | (rows - lookback + 1 > behind)]
            return kept

        return Fold(apart(fold.fit), apart(fold.stop), fold.test)

    def values(self, prepare: Preparation) -> NDArray[np.float32]:
        return prepare.values(self.data.X, self.trainer.needs_scaling)

    def fit(self, prepare: Preparation, fit: Rows, stop: Rows, augmented: bool, purpose: str) -> FittedModel:
        X, y, segment = self.values(prepare), self.parts.y, self.data.segment
        seed = seed_of(self.bounds.seed, self.data.symbol, self.trainer.family, purpose)
        if augmented:
            extra = augment_rows(
                X[fit],
                y[fit],
                # A row may be shifted onto its neighbour in time only: a purged row in between breaks the stretch.
                segment=np.cumsum(np.r_[0, (np.diff(fit) != 1) | (np.diff(segment[fit]) != 0)]).astype(np.int32),
                order_is_time=True,
                std=self.config.augmentation.noise,
                threshold=self.config.augmentation.threshold,
                random_state=seed % (1 << 32),
            )
            new = len(extra.X) - len(fit)
            X = np.ascontiguousarray(np.vstack([X, extra.X[len(fit) :]]))
            y = np.concatenate([y, extra.y[len(fit) :].astype(np.int32)])
            segment = np.concatenate([segment, np.full(new, segment.max(initial=0) + 1, dtype=np.int32)])
            fit = np.concatenate([fit, np.arange(len(self.data.X), len(X), dtype=np.int64)])
        return self.trainer.fit(
            FitTask(
                X=X,
                y=y,
                rows=fit,
                stop_rows=stop,
                n_classes=self.n_classes,
                segment=segment,
                seed=seed,
                threads=self.bounds.threads,
                stop=self.bounds.stop,
                time_limit_s=self.bounds.seconds_left(),
            )
        )

    def decide_augmentation(self, plain: FoldOutcome) -> dict[str, Any]:
        """Synthetic rows are used only where they help: paired gain over folds and three seeds, mean / se >= 1."""
        settings = self.config.augmentation
        n_train = len(self.parts.train)
        if not settings.enabled or n_train >= settings.threshold:
            return {"used": False, "reason": f"{n_train} training rows are not below {settings.threshold}"}
        if self.trainer.is_sequence:
            return {"used": False, "reason": "sequence families are trained on real windows only"}
        if not plain.accuracies:
            return {"used": False, "reason": f"its gain could not be measured: {plain.note}"}
        gains: list[float] = []
        for repeat in range(3):
            base = plain if repeat == 0 else self.cross_validate(augmented=False, repeat=repeat)
            other = self.cross_validate(augmented=True, repeat=repeat)
            gains += [a - b for a, b in zip(other.accuracies, base.accuracies, strict=False)]
        mean = float(np.mean(gains))
        se = float(np.std(gains, ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else float("inf")
        used = se > 0.0 and mean / se >= 1.0
        verb = "helped" if used else "did not help"
        return {
            "used": used,
            "mean_gain": mean,
            "standard_error": se,
            "reason": f"synthetic rows {verb}: inner accuracy {mean:+.3f} (standard error {se:.3f})",
        }


def _no_rows() -> Rows:
    return np.empty(0, dtype=np.int64)
