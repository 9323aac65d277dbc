"""Out-of-sample answers as deployment would have got them: pooled walk-forward.

window   a stretch of later rows, predicted once by models that learned from the rows before it (anchored, purged)
inner    purged folds inside a window's own training rows; they make every choice of that window: columns, synthetic
         rows, where to stop early
pooled   the windows' answers behind one another: the rows the verdict is about (OOS)
evidence inner folds of the *first* window: out-of-fold answers on rows before the first OOS row, of every configuration
         that was tried. Which family is recommended is decided on them alone

The first window always runs its inner folds, because they are evidence. A later one runs them only where a choice hangs
on them (columns are selected, rows are few enough for synthetic ones); otherwise nothing could come of them but their
cost. So a family costs K inner fits and one fit a window, on 40 to 88 % of the rows; with several threads the windows
are fitted side by side, one thread each. Preparation and bin codes are shared by the families, as in the main fit.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.config import Config
from smctrain.dataset import Dataset
from smctrain.exceptions import SmctrainError, TooFewRows
from smctrain.models.base import FittedModel, Trainer
from smctrain.prepare import Preparation
from smctrain.splits import WalkForward
from smctrain.splits import audit as audit_split
from smctrain.splits.base import longest_overlap
from smctrain.splits.tail import tail_split
from smctrain.training.auto_tuning import FOLDS as TUNING_FOLDS
from smctrain.training.bounds import Bounds, Report, run_folds, seed_of
from smctrain.training.calendar import outer_splitter
from smctrain.training.choosing import FeatureChoice
from smctrain.training.evaluate import answers
from smctrain.training.final import FinalModel, median_of, refit_on_all
from smctrain.training.fitting import FamilyFit, Fitter, FoldOutcome
from smctrain.training.inner import learns_both_sides
from smctrain.training.parts import LabelMap, Parts, Rows, inner_folds, make_label_map
from smctrain.training.prepared import FoldStore
from smctrain.training.provenance import Provenance
from smctrain.training.recipe import prepare_settings

Answers = NDArray[np.int32]


@dataclass(frozen=True)
class Windows:
    """The outer windows of one symbol. Classes are those the first window's training rows teach."""

    label_map: LabelMap
    y: NDArray[np.int32]
    horizon: int
    parts: list[Parts]
    """Per window: train, fit, stop and folds of its own training rows; test are the rows it predicts."""

    @property
    def oos(self) -> Rows:
        """All predicted rows, in time order."""
        return np.concatenate([part.test for part in self.parts])

    @property
    def inner(self) -> Rows:
        """Rows before the first OOS row that inner folds hold out."""
        first = self.parts[0]
        return first.held if first.folds else first.train

    def report(self, times: NDArray[Any] | None = None) -> list[dict[str, Any]]:
        """Rows, and dates where there are any, of each window."""

        def at(row: int) -> str | int:
            return int(row) if times is None else str(times[row])[:19]

        return [
            {
                "train_rows": len(part.train),
                "train_last": at(part.train[-1]),
                "test_rows": len(part.test),
                "test_first": at(part.test[0]),
                "test_last": at(part.test[-1]),
            }
            for part in self.parts
        ]


def make_windows(data: Dataset, config: Config) -> Windows:
    """Cut a symbol into outer windows.

    Raises
    ------
    TooFewRows, OneClass
        When the rows do not carry them: a window or its inner folds would lack rows or a class.
    """
    settings, rows = config.evaluation, data.rows
    intervals = (data.t0[rows], data.t1[rows])
    base = WalkForward(
        n_splits=settings.n_splits,
        window=settings.window,
        gap=config.split.embargo,
        min_train=settings.min_train,
    )
    splitter, moments = outer_splitter(base, data, config)
    pairs = list(splitter.split(rows))
    audit_split(pairs, rows, moments, forward=True)
    label_map = make_label_map(data.y[rows[pairs[0][0]]], config.labels.min_class, data.symbol)
    y = label_map.codes(data.y)
    horizon = longest_overlap(*intervals)
    parts: list[Parts] = []
    for number, (inside, outside) in enumerate(pairs):
        train, test = (part[y[part] >= 0] for part in (rows[inside], rows[outside]))
        fit, stop = tail_split(train, data.t0, data.t1, config.cv.stop_share)
        if min(len(fit), len(test)) < 10 or len(np.unique(y[fit])) < len(label_map.classes):
            raise TooFewRows(
                f"{data.symbol}: window {number} of {settings.n_splits} has {len(fit)} rows to learn from and "
                f"{len(test)} to predict, too few, or lacks a class among the former."
            )
        folds, note = inner_folds(data, train, y, len(label_map.classes), config, horizon)
        if number == 0 and not folds:
            raise TooFewRows(f"{data.symbol}: no evidence before the first window: {note}.")
        both = learns_both_sides(config)
        parts.append(Parts(label_map, y, train, train[:0], test, fit, stop, folds, note, horizon, {}, both))
    return Windows(label_map, y, horizon, parts)


@dataclass
class FamilyWindows:
    """One family's answers over all windows."""

    family: str
    oos: Answers
    """(rows of `Windows.oos`,) class codes, -1 without an answer."""
    proba: NDArray[np.float64]
    """(rows of `Windows.oos`, K)"""
    inner: Answers
    """(rows of `Windows.inner`,) out-of-fold, of the configuration the first window chose."""
    train: Answers
    """(training rows of the first window,) in-sample, of the first window's model."""
    tried: dict[str, Answers]
    """Inner answers of every configuration the first window tried, the chosen one included."""
    windows: list[dict[str, Any]]
    """Per window: accuracy, whether columns were chosen and synthetic rows used, rounds, seconds."""
    complete: bool
    seconds: float
    rounds: list[int] = field(default_factory=list)
    """Rounds or epochs that early stopping kept, per window; empty where a family has none."""
    uses: dict[str, bool] = field(default_factory=dict)
    """What the last window chose: `selection`, `augmentation`."""


def rounds_of(model: FittedModel) -> int | None:
    """Rounds or epochs that were kept; None where the family has none."""
    found = getattr(model, "best_round", None) or getattr(model, "best_epoch", None)
    return int(found) if found else None


class WalkForwardFit:
    """Fits the families of one symbol on all windows; holds what they share."""

    def __init__(
        self, data: Dataset, windows: Windows, config: Config, threads: int,
        quarantine: Mapping[str, str] | None = None, provenance: Provenance | None = None,
    ) -> None:  # fmt: skip
        self.provenance = Provenance(data.t0, data.t1) if provenance is None else provenance
        # What moving a column costs is told by the main fit; here it would only cost time.
        training = config.training.model_copy(update={"held_out_importance": False})
        self.config = config.model_copy(update={"training": training})
        self.data, self.windows, self.threads = data, windows, threads
        self.store = FoldStore(data, settings=prepare_settings(config), quarantine=quarantine)
        seed = seed_of(config.training.seed, data.symbol, "selection")
        classes = len(windows.label_map.classes)
        self.choice = FeatureChoice(self.config, data.X, windows.y, classes, windows.horizon, seed)

    def fit(self, trainer: Trainer, bounds: Bounds, report: Report) -> FamilyWindows:
        """Fit one family.

        Raises
        ------
        SmctrainError
            When a window cannot be fitted, or time runs out before the last one.
        """
        started = time.monotonic()
        parts = self.windows.parts
        together = bounds.threads > 1
        one = dataclasses.replace(bounds, threads=1) if together else bounds
        jobs = [partial(self._window, number, trainer, one) for number in range(len(parts))]
        found = run_folds(jobs, bounds, _as_windows(report))
        if len(found) < len(parts):
            raise SmctrainError(f"stopped after {len(found)} of {len(parts)} windows.")
        first = found[0].fit
        y, inner = self.windows.y, self.windows.inner
        tried = {name: answers(outcome.proba[inner]) for name, outcome in first.tried.items()}
        if len(first.folds.accuracies) < len(parts[0].folds):
            raise SmctrainError(f"the first window's inner folds are incomplete: {first.folds.note}.")
        proba = np.concatenate([window.proba for window in found])
        told = [
            {
                "accuracy": float(np.mean(answers(window.proba) == y[part.test])),
                "selection": bool(window.fit.selection.get("used", False)),
                "augmentation": bool(window.fit.augmentation.get("used", False)),
                "rounds": rounds_of(window.fit.model),
                "seconds": round(window.fit.seconds, 3),
            }
            for window, part in zip(found, parts, strict=True)
        ]
        return FamilyWindows(
            family=trainer.family,
            oos=answers(proba),
            proba=proba,
            inner=answers(first.folds.proba[inner]),
            train=found[0].train,
            tried=tried,
            windows=told,
            complete=all(window.fit.model.complete for window in found),
            seconds=time.monotonic() - started,
            rounds=[kept for kept in (rounds_of(window.fit.model) for window in found) if kept is not None],
            uses={name: bool(told[-1][name]) for name in ("selection", "augmentation")},
        )

    def search(self, trials: list[Trainer], bounds: Bounds) -> list[FoldOutcome]:
        """Out-of-fold answers of each trial on a few folds of the first window's training rows; fewer where time runs
        out. A search is no place for combinatorial folds: plain ones then."""
        part = self.windows.parts[0]
        kind = "purged_kfold" if self.config.cv.kind == "cpcv" else self.config.cv.kind
        few = self.config.cv.model_copy(update={"folds": TUNING_FOLDS, "kind": kind})
        config = self.config.model_copy(update={"cv": few})
        classes = len(self.windows.label_map.classes)
        folds, note = inner_folds(self.data, part.train, part.y, classes, config, part.horizon)
        part = dataclasses.replace(part, folds=folds, folds_note=note)
        prepare = self.store.of(part.train).prepare
        found: list[FoldOutcome] = []
        for trial in trials:
            outcome = self._fitter(part, trial, prepare, bounds).cross_validate(augmented=False, repeat=0)
            if len(outcome.accuracies) < len(folds) or not folds:
                break
            found.append(outcome)
        return found

    def refit(self, trainer: Trainer, found: FamilyWindows, bounds: Bounds) -> FinalModel:
        """The family as it would go live: on all labelled rows, with the windows' rounds and choices."""
        every = self.data.rows[self.windows.y[self.data.rows] >= 0]
        fit, stop = tail_split(every, self.data.t0, self.data.t1, self.config.cv.stop_share)
        part = dataclasses.replace(
            self.windows.parts[-1], train=every, fit=fit, stop=stop, folds=[], test=every[:0]
        )  # nothing is held out any more
        fitter = self._fitter(part, trainer, self.store.of(every).prepare, bounds)
        model, prepared = refit_on_all(fitter, trainer, found.rounds, **found.uses)
        rounds = median_of(found.rounds) if found.rounds else None
        return FinalModel(trainer.family, model, prepared.prepare, self.windows.label_map.classes, len(every), rounds)

    def _window(self, number: int, trainer: Trainer, bounds: Bounds) -> _Window:
        part = self.windows.parts[number]
        few = len(part.train) < self.config.augmentation.threshold and self.config.augmentation.enabled
        if number > 0 and not (self.choice.wanted or (few and not trainer.is_sequence)):
            part = dataclasses.replace(part, folds=[], folds_note="no choice hangs on the folds of this window")
        prepare = self.store.of(part.train).prepare
        fit = self._fitter(part, trainer, prepare, bounds).run(f"window {number}")
        values = fit.prepared.values(trainer.needs_scaling)
        proba = fit.model.predict_proba(values, part.test, self.data.segment)
        train = (
            answers(fit.model.predict_proba(values, part.train, self.data.segment))
            if number == 0
            else np.empty(0, dtype=np.int32)
        )
        return _Window(fit, proba, train)

    def _fitter(self, part: Parts, trainer: Trainer, prepare: Preparation, bounds: Bounds) -> Fitter:
        return Fitter(
            self.data, part, trainer, self.config, bounds, prepare, _silent, self.store, self.choice, self.provenance
        )


@dataclass(frozen=True)
class _Window:
    fit: FamilyFit
    proba: NDArray[np.float64]
    train: Answers


def _silent(*args: Any) -> None:
    """Windows may run side by side: only their number is told."""


def _as_windows(report: Report) -> Report:
    def told(step: str, done: int = 0, total: int = 0) -> None:
        report("windows", done, total)

    return told
