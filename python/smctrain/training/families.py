"""All families of one symbol: the model of the training part, outer windows, other settings for weak symbols."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.config import Config
from smctrain.dataset import Dataset
from smctrain.exceptions import SmctrainError, SplitLeak
from smctrain.models.base import Trainer
from smctrain.models.registry import make_trainer
from smctrain.prepare import Preparation
from smctrain.results import FailureRecord
from smctrain.training.auto_tuning import KEPT, REVIEW, TUNED, Tuning, changes_of, chosen, vectors
from smctrain.training.bounds import Bounds, seed_of
from smctrain.training.choosing import FeatureChoice
from smctrain.training.evaluate import answers, evaluate, note_pooled
from smctrain.training.files import Trained
from smctrain.training.fitting import FamilyFit, Fitter
from smctrain.training.guard import Guard
from smctrain.training.judging import holdout_rows, walk_forward_rows
from smctrain.training.parts import Parts
from smctrain.training.prepared import FoldStore
from smctrain.training.recipe import prepare_settings
from smctrain.training.stages import Stages
from smctrain.training.trials import TrialBook, no_book
from smctrain.training.walk_forward import FamilyWindows, WalkForwardFit

Report = Callable[..., None]


@dataclass
class Fitted:
    """What came of the families of one symbol."""

    fits: dict[str, FamilyFit] = field(default_factory=dict)
    models: dict[str, Trained] = field(default_factory=dict)
    windows: dict[str, FamilyWindows] = field(default_factory=dict)
    no_windows: dict[str, str] = field(default_factory=dict)
    """Families that are trained, but have no complete answers over the windows: why."""
    failures: list[FailureRecord] = field(default_factory=list)
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Of each family, as they were used."""
    tuning: Tuning | None = None
    also_oos: dict[str, NDArray[np.int32]] = field(default_factory=dict)
    """Answers over the windows that were replaced by those of other settings: looked at, so they count."""


class Families:
    """Fits the families of one symbol: the model of the training part, and the outer windows."""

    def __init__(
        self, data: Dataset, parts: Parts, prepare: Preparation, walk: WalkForwardFit | None, config: Config,
        threads: int, stop: NDArray[np.uint8], report: Report, stage: Stages, guard: Guard,
        book: TrialBook | None = None,
    ) -> None:  # fmt: skip
        self.data, self.parts, self.prepare, self.walk, self.config = data, parts, prepare, walk, config
        self.guard = guard
        self.book = no_book(data, config) if book is None else book
        self.threads, self.stop, self.report, self.stage = threads, stop, report, stage
        self.made = Fitted()
        seed = seed_of(config.training.seed, data.symbol, "selection")
        self.choice = FeatureChoice(config, data.X, parts.y, len(parts.label_map.classes), parts.horizon, seed)

    def run(self) -> Fitted:
        """All families; those of weak symbols with other settings once more."""
        self._fit_all(self.config, self.config.models)
        if self.walk is not None and self.config.tuning.enabled and self.made.windows:
            self._tune(self.walk)
        return self.made

    def _fit_all(self, config: Config, families: Sequence[str]) -> None:
        store = FoldStore(self.data, settings=prepare_settings(config), quarantine=self.guard.quarantine)
        for number, family in enumerate(families):
            for kept in [store] if self.walk is None else [store, self.walk.store]:
                kept.keep_for(trainers_of(config, families[number:]))
            self._fit(config, family, store)

    def _bounds(self) -> Bounds:
        limit = time.monotonic() + 60.0 * self.config.training.time_limit_minutes
        return Bounds(self.config.training.seed, self.threads, self.stop, limit)

    def _told(self, family: str) -> Report:
        number = self.config.models.index(family)

        def told(step: str, done: int = 0, total: int = 0) -> None:
            self.report(f"{family} {step}", done, total, f"model {number + 1} of {len(self.config.models)}")

        return told

    def _fit(self, config: Config, family: str, store: FoldStore) -> None:
        data, parts, made = self.data, self.parts, self.made
        started, bounds, told = time.monotonic(), self._bounds(), self._told(family)
        try:
            with self.stage(family):
                made.settings[family] = config.family_settings(family)
                trainer = make_trainer(family, made.settings[family])
                fit = Fitter(
                    data, parts, trainer, config, bounds, self.prepare, told, store, self.choice, self.guard.provenance
                ).run()
                values = fit.prepared.values(trainer.needs_scaling)
                proba = fit.model.predict_proba(values, None, data.segment)
                if self.walk is None and fit.model.complete:
                    self.book.write(holdout_rows(parts, {family: proba}, {family: fit}))
                made.models[family] = (evaluate(data, parts, config, family, fit, proba), proba)
                made.fits[family] = fit
        except SplitLeak as leak:  # it stops the symbol, not one family
            leak.stage = "leak audit"  # type: ignore[attr-defined]
            raise
        except Exception as error:  # the other families go on
            made.failures.append(FailureRecord.of(error, data.symbol, "training", family, time.monotonic() - started))
            return
        if not fit.model.complete:
            made.no_windows[family] = f"its fit ended early ({fit.model.stop_reason})"
            return
        if self.walk is None:
            return
        try:
            with self.stage(family):
                found = self.walk.fit(trainer, self._bounds(), told)
        except SplitLeak as leak:
            leak.stage = "leak audit"  # type: ignore[attr-defined]
            raise
        except Exception as error:  # the trained model stays; without windows it is no candidate
            made.no_windows[family] = f"its windows could not be fitted: {error}"
            return
        if not found.complete:
            made.no_windows[family] = "a fit of its windows ended early"
            return
        windows = self.walk.windows
        self.book.write(walk_forward_rows(windows, {family: found}))
        made.windows[family] = found
        note_pooled(made.models[family][0], found.oos, windows.y[windows.oos], windows.horizon)

    def _tune(self, walk: WalkForwardFit) -> None:
        """See auto_tuning.py. What the first settings answered stays on the record as a try."""
        made, inner_y = self.made, walk.windows.y[walk.windows.inner]

        def best() -> float:
            return max(float(np.mean(found.inner == inner_y)) for found in made.windows.values())

        weak, before = self.config.tuning.below, best()
        if before >= weak:
            return
        made.tuning = Tuning(before, KEPT)
        changed: dict[str, Any] = {}
        for family, found in made.windows.items():
            settings = self.config.family_settings(family)
            trials = changes_of(make_trainer(family, settings))
            trainers = [make_trainer(family, settings | changes) for changes in trials]
            told = self._told(family)
            told("tuning", 0, len(trials))
            with self.stage("tuning"):
                outcomes = walk.search(trainers, self._bounds())
            changes, made.tuning.families[family] = chosen(trials, outcomes)
            found.tried |= vectors(trials, outcomes, walk.windows.inner, answers)
            self.book.write(walk_forward_rows(walk.windows, {family: found}))
            if changes:
                changed[family] = changes
        if changed:
            before_tuning = {family: made.windows[family] for family in changed}
            config = self.config
            for family, changes in changed.items():
                config = config.with_family_settings(family, changes)
            self._fit_all(config, list(changed))
            for family, old in before_tuning.items():
                if made.windows[family] is not old:
                    tried = made.windows[family].tried
                    for what, vector in old.tried.items():
                        if not np.array_equal(vector, old.inner):
                            tried[f"{what} (settings as set)" if what in tried else what] = vector
                    tried["settings as set"] = old.inner
                    made.also_oos[f"{family}: settings as set"] = old.oos
            made.tuning.outcome = TUNED
        if best() < weak:
            made.tuning.outcome = REVIEW


def trainers_of(config: Config, families: Sequence[str]) -> Iterator[Trainer]:
    """Trainers of those families that can be made; the others fail in their turn."""
    for family in families:
        with suppress(SmctrainError):
            yield make_trainer(family, config.family_settings(family))
