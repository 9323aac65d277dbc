"""Fits one model family on one symbol: inner folds, then the final model. Small data may be augmented.

The folds run side by side where the symbol has several threads (bounds.py); the final model gets them all, or, where
its fit uses one thread and hangs on nothing the folds find, runs beside them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.augment import augment_rows
from smctrain.config import Config
from smctrain.dataset import Dataset
from smctrain.explain.measures import block_sample
from smctrain.models.base import FitTask, FittedModel, Trainer
from smctrain.models.explanation import make_moves, moved_scores
from smctrain.prepare import Preparation
from smctrain.selection.problem import Outcome
from smctrain.training.bounds import Bounds, Report, run_folds, seed_of
from smctrain.training.choosing import FeatureChoice, decide, dropped_by, record
from smctrain.training.parts import Fold, Parts, Rows
from smctrain.training.prepared import FoldStore, Prepared
from smctrain.training.provenance import Provenance
from smctrain.training.recipe import prepare_settings

GAIN_SEEDS = 3
"""Repeats of the inner folds, with other seeds, over which synthetic rows must gain."""
MEASURED_ROWS = 500
"""Held-out rows of a fold on which columns are moved, drawn in blocks: it costs as much as predicting them often."""


@dataclass
class FoldOutcome:
    """Out-of-fold predictions and accuracies of the inner folds."""

    proba: NDArray[np.float64]
    """(n, K); NaN where a row is in no fold's test part."""
    accuracies: list[float] = field(default_factory=list)
    note: str = ""
    losses: list[dict[str, float]] = field(default_factory=list)
    """Of each fold: rise of the log-loss on its test rows when a column is moved, by column."""


@dataclass(frozen=True)
class _Held:
    """What one fold found."""

    proba: NDArray[np.float64]
    losses: dict[str, float] | None
    record: dict[str, Any] | None


@dataclass
class FamilyFit:
    """One family's final model with everything that was learned on the way."""

    model: FittedModel
    prepare: Preparation
    folds: FoldOutcome
    augmentation: dict[str, Any]
    seconds: float
    prepared: Prepared
    """The preparation with its values, for whoever predicts next."""
    selection: dict[str, Any] = field(default_factory=dict)
    """Whether chosen columns are used, why, and what each fold chose; empty without a selection."""
    tried: dict[str, FoldOutcome] = field(default_factory=dict)
    """Every configuration that was scored on the inner folds."""


def held_out_losses(
    model: FittedModel, X: NDArray[np.float32], y: NDArray[np.int32], horizon: int, seed: int, threads: int
) -> NDArray[np.float64]:
    """Mean rise of the log-loss over 5 circular shifts of each column (d,); empty where it would be dear (networks), or
    the rows are too few to shift them further than their labels reach."""
    if getattr(model, "moved_scores", None) is None or len(X) <= 4 * horizon:
        return np.empty(0)
    method = "shift" if len(X) > 8 * horizon else "blocks"
    moves = make_moves(len(X), X.shape[1], horizon=horizon, method=method, seed=seed)
    score, moved = moved_scores(model, np.ascontiguousarray(X), y, moves, threads=threads)
    losses: NDArray[np.float64] = (score - moved).mean(axis=1)
    return losses


class _Once:
    """A job that may be done early by another thread: asked again, it gives what it gave. What it raised early is
    raised anew by doing it again."""

    def __init__(self, job: Callable[..., Any]) -> None:
        self._job = job
        self._found: Any = None

    def __call__(self, *given: Any) -> Any:
        if self._found is None:
            self._found = self._job(*given)
        return self._found


class Fitter:
    """Fits one family of one symbol; holds what folds and the final fit share."""

    def __init__(
        self, data: Dataset, parts: Parts, trainer: Trainer, config: Config, bounds: Bounds, prepare: Preparation,
        report: Report, store: FoldStore | None = None, choice: FeatureChoice | None = None,
        provenance: Provenance | None = None,
    ) -> None:  # fmt: skip
        self.provenance = (Provenance(data.t0, data.t1) if provenance is None else provenance).of(parts)
        self.choice, self.chooses = choice, False
        self.records: list[dict[str, Any]] = []
        self.purpose = "final"
        self.tried: dict[str, FoldOutcome] = {}
        """Every configuration that was scored on the inner folds, in this order: what the ledger counts."""
        self.data, self.parts, self.trainer, self.config = data, parts, trainer, config
        self.bounds, self.prepare, self.report = bounds, prepare, report
        self.n_classes = len(parts.label_map.classes)
        self.watches_tail = trainer.uses_stop_rows
        self.store = FoldStore(data, settings=prepare_settings(config)) if store is None else store

    def run(self, purpose: str = "final") -> FamilyFit:
        """Inner folds first (their verdict on augmentation decides the final fit), then the final model.

        `purpose` names the fit: it is part of its seeds.
        """
        started = time.monotonic()
        self.purpose = purpose
        final = _Once(self.fit_final)
        # A network trains on one thread: where the folds decide nothing about it, it need not wait for them.
        beside = final if self.folds_decide_nothing() and getattr(self.trainer, "one_thread", False) else None
        folds = self.tried["all columns"] = self.cross_validate(augmented=False, repeat=0, beside=beside)
        folds, selection = self.decide_selection(folds)
        augmentation = self.decide_augmentation(folds)
        if augmentation.get("used"):
            folds = self.tried["synthetic rows"]
        self.report("fit", 0, 1)
        model, whole, outcome = final(bool(augmentation.get("used")))
        if outcome is not None:
            selection["final"] = self.record("final", whole.prepare, outcome, model)
        self.report("fit", 1, 1)
        seconds = time.monotonic() - started
        return FamilyFit(model, whole.prepare, folds, augmentation, seconds, whole, selection, dict(self.tried))

    def fit_final(self, augmented: bool = False) -> tuple[FittedModel, Prepared, Outcome | None]:
        """The model of all training rows."""
        fit, stop = (self.parts.fit, self.parts.stop) if self.watches_tail else (self.parts.train, _no_rows())
        whole, outcome = self.chosen(self.store.of(self.parts.train, fitted=self.prepare), self.parts.train)
        return self.fit(whole, fit, stop, augmented, self.purpose, self.bounds.threads), whole, outcome

    def folds_decide_nothing(self) -> bool:
        """Whether neither columns nor synthetic rows of the final model hang on what the folds find."""
        return (self.choice is None or not self.choice.wanted) and bool(self.never_augmented())

    def decide_selection(self, full: FoldOutcome) -> tuple[FoldOutcome, dict[str, Any]]:
        """All folds again on chosen columns; these are used unless that costs more than a standard error."""
        if self.choice is None or not self.choice.wanted:
            return full, {}
        self.chooses, self.records = True, []
        folds = self.cross_validate(augmented=False, repeat=0) if full.accuracies else full
        if folds is not full:
            self.tried["chosen columns"] = folds
        selection = decide(
            self.choice.method, full.accuracies, folds.accuracies, len(self.parts.folds), folds.note, self._worth()
        )
        selection["folds"], self.chooses = list(self.records), bool(selection["used"])
        return (folds if self.chooses else full), selection

    def chosen(self, prepared: Prepared, rows: Rows, threads: int | None = None) -> tuple[Prepared, Outcome | None]:
        """`prepared` without the columns that `rows` do not speak for, where columns are chosen."""
        if self.choice is None or not self.chooses:
            return prepared, None
        threads = self.bounds.threads if threads is None else threads
        self.provenance.chosen(prepared.prepare, rows)
        outcome = self.choice.outcome(prepared.prepare, rows, threads, self.bounds.stop, self.bounds.seconds_left())
        return self.store.without(prepared, dropped_by(outcome)), outcome

    def record(self, fold: int | str, prepare: Preparation, outcome: Outcome, model: FittedModel) -> dict[str, Any]:
        return record(fold, self.trainer.family, prepare, outcome, model, self.trainer.needs_scaling)

    def cross_validate(self, augmented: bool, repeat: int, beside: Callable[[], object] | None = None) -> FoldOutcome:
        """Fit every inner fold and predict the rows it left out; `beside`: a job that runs with them, started first."""
        folds = self.parts.folds
        outcome = FoldOutcome(np.full((len(self.data.X), self.n_classes), np.nan), note=self.parts.folds_note)
        prefix = "" if self.purpose == "final" else f"{self.purpose}/"
        measured = repeat == 0 and self.config.training.held_out_importance
        jobs = [
            partial(self.predict_fold, number, fold, augmented, f"{prefix}fold{number}/{repeat}", measured)
            for number, fold in enumerate(folds)
        ]
        found = run_folds(jobs, self.bounds, self.report, beside)
        answered = np.zeros(len(outcome.proba), dtype=bool)
        for fold, held in zip(folds, found, strict=False):
            # Combinatorial folds hold a row out several times: the first path answers it.
            first = ~answered[fold.test]
            outcome.proba[fold.test[first]] = held.proba[first]
            answered[fold.test] = True
            # A row the model cannot answer (no full window) counts as wrong: silence is not skill.
            answers = np.where(np.isnan(held.proba).any(axis=1), -1, np.argmax(np.nan_to_num(held.proba), axis=1))
            outcome.accuracies.append(float(np.mean(answers == self.parts.y[fold.test])))
        outcome.losses += [held.losses for held in found if held.losses is not None]
        self.records += [held.record for held in found if held.record is not None]
        if len(found) < len(folds):
            outcome.note = f"stopped after {len(found)} of {len(folds)} folds"
        if folds:
            self.report("cv", len(folds), len(folds))
        return outcome

    def predict_fold(self, number: int, fold: Fold, augmented: bool, purpose: str, measured: bool) -> _Held:
        """Probabilities of the rows a fold left out and, `measured`, what moving each column costs there."""
        if self.trainer.is_sequence:
            fold = self.without_windows_into(fold)
        rows = np.union1d(fold.fit, fold.stop)
        threads = max(1, self.bounds.threads // max(1, len(self.parts.folds)))
        # Which columns are constant, and how they scale, is learned too: every fold learns its own.
        prepared, outcome = self.chosen(self.store.of(rows, kept=not self.trainer.is_sequence), rows, threads)
        fit, stop = (fold.fit, fold.stop) if self.watches_tail else (rows, _no_rows())
        model = self.fit(prepared, fit, stop, augmented, purpose, threads)
        values = prepared.values(self.trainer.needs_scaling)
        told = None if outcome is None else self.record(number, prepared.prepare, outcome, model)
        losses = self.losses_of(model, prepared.prepare, values, fold.test, threads) if measured else None
        return _Held(model.predict_proba(values, fold.test, self.data.segment), losses, told)

    def losses_of(
        self, model: FittedModel, prepare: Preparation, values: NDArray[np.float32], test: Rows, threads: int
    ) -> dict[str, float]:
        """By column, what moving it costs on some of the rows left out."""
        horizon = self.parts.horizon
        rows = block_sample(test, max(MEASURED_ROWS, 16 * horizon), horizon, self.bounds.seed)
        losses = held_out_losses(model, values[rows], self.parts.y[rows], horizon, self.bounds.seed, threads)
        names = prepare.names_out(self.trainer.needs_scaling)
        return {name: float(loss) for name, loss in zip(names, losses, strict=False)}

    def without_windows_into(self, fold: Fold) -> Fold:
        """The fold without training rows whose window reaches bars that the held-out rows and their labels span."""
        lookback: int = self.trainer.lookback  # type: ignore[attr-defined]
        learned = np.union1d(fold.fit, fold.stop)
        # Held-out rows may stand in several blocks, with training rows between them.
        block = np.searchsorted(learned, fold.test)
        starts = np.flatnonzero(np.r_[True, np.diff(block) != 0])
        before = fold.test[starts]
        behind = np.maximum.accumulate(np.maximum.reduceat(self.data.t1[fold.test], starts))

        def apart(rows: Rows) -> Rows:
            latest = np.searchsorted(before, rows, side="right") - 1  # the last block that begins at or before the row
            kept: Rows = rows[(latest < 0) | (rows - lookback + 1 > behind[np.maximum(latest, 0)])]
            return kept

        return Fold(apart(fold.fit), apart(fold.stop), fold.test)

    def fit(
        self, prepared: Prepared, fit: Rows, stop: Rows, augmented: bool, purpose: str, threads: int
    ) -> FittedModel:  # fmt: skip
        X, y, segment = prepared.values(self.trainer.needs_scaling), self.parts.y, self.data.segment
        takes_bins = getattr(self.trainer, "takes_bins", False) and not self.watches_tail and not augmented
        seed = seed_of(self.bounds.seed, self.data.symbol, self.trainer.family, purpose)
        self.provenance.fitted(purpose, prepared.prepare, fit, stop)
        if augmented and self.config.augmentation.method == "gan":
            from smctrain.models.gan import made_copies

            rows, codes = made_copies(
                X[fit], y[fit], self.n_classes, self.config.augmentation.threshold, seed, stop=self.bounds.stop,
                time_limit_s=self.bounds.seconds_left(),
            )  # fmt: skip
            self.provenance.generated(purpose, fit, len(rows))
            X, y, segment, fit = _with_rows(X, y, segment, fit, rows, codes)
        elif augmented:
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
            self.provenance.synthetic(purpose, fit, extra.parents[len(fit) :])
            X, y, segment, fit = _with_rows(X, y, segment, fit, extra.X[len(fit) :], extra.y[len(fit) :])
        return self.trainer.fit(
            FitTask(
                X=X,
                y=y,
                rows=fit,
                stop_rows=stop,
                n_classes=self.n_classes,
                segment=segment,
                names=prepared.prepare.names_out(self.trainer.needs_scaling),
                seed=seed,
                threads=threads,
                stop=self.bounds.stop,
                time_limit_s=self.bounds.seconds_left(),
                shared=prepared.codes() if takes_bins else None,
            )
        )

    def _can_generate(self) -> bool:
        """Whether the training rows hold no missing values once they are prepared as the family takes them."""
        return self.trainer.needs_scaling or bool(np.isfinite(self.data.X[self.parts.train]).all())

    def never_augmented(self) -> str:
        """Why synthetic rows are no question here; empty where the folds have to say."""
        settings = self.config.augmentation
        n_train = len(self.parts.train)
        if not settings.enabled or n_train >= settings.threshold:
            return f"{n_train} training rows are not below {settings.threshold}"
        if self.trainer.is_sequence:
            return "sequence families are trained on real windows only"
        if settings.method == "gan" and not self._can_generate():
            return "a generator needs columns without missing values in all training rows"
        return ""

    def decide_augmentation(self, plain: FoldOutcome) -> dict[str, Any]:
        """Synthetic rows are used only where they help: paired gain over folds and three seeds, mean / se >= 1."""
        never = self.never_augmented()
        if never:
            return {"used": False, "reason": never}
        if not plain.accuracies:
            return {"used": False, "reason": f"its gain could not be measured: {plain.note}"}
        gains: list[float] = []
        for repeat in range(GAIN_SEEDS):
            base = plain if repeat == 0 else self.cross_validate(augmented=False, repeat=repeat)
            other = self.cross_validate(augmented=True, repeat=repeat)
            if repeat == 0:
                self.tried["synthetic rows"] = other
            gains += [a - b for a, b in zip(other.accuracies, base.accuracies, strict=False)]
        return gain_decision(gains, len(self.parts.folds), self._worth())

    def _worth(self) -> float | None:
        """As how many independent folds overlapping ones count; None: each is one."""
        cv = self.config.cv
        return cv.independent_splits if cv.kind == "cpcv" else None


def gain_decision(gains: Sequence[float], n_folds: int, independent: float | None = None) -> dict[str, Any]:
    """Whether synthetic rows are used, and the figures: paired gains over folds and seeds, mean / standard error >= 1.

    Gains that are missing (time ran out) are not guessed: then the original rows are used. `independent`: as how many
    folds those of one seed count, where they overlap.
    """
    told: dict[str, Any] = {"folds": n_folds, "seeds": GAIN_SEEDS, "gains": [float(gain) for gain in gains]}
    if len(gains) < max(2, GAIN_SEEDS * n_folds):
        measured = f"{len(gains)} of {GAIN_SEEDS * n_folds} gains"
        return {"used": False, **told, "reason": f"its gain could not be measured: {measured} before time ran out"}
    mean = float(np.mean(gains))
    se = float(np.std(gains, ddof=1) / np.sqrt(len(gains) if independent is None else GAIN_SEEDS * independent))
    used = mean > 0.0 and mean >= se
    verb = "helped" if used else "did not help"
    return {
        "used": used,
        "mean_gain": mean,
        "standard_error": se,
        **told,
        "reason": f"synthetic rows {verb}: inner accuracy {mean:+.3f} (standard error {se:.3f})",
    }


def _with_rows(
    X: NDArray[np.float32],
    y: NDArray[np.int32],
    segment: NDArray[np.int32],
    fit: Rows,
    rows: NDArray[Any],
    codes: NDArray[Any],
) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.int32], Rows]:
    """Synthetic rows behind the others, as a stretch and training rows of their own."""
    n, new = len(X), len(rows)
    return (
        np.ascontiguousarray(np.vstack([X, rows.astype(X.dtype, copy=False)])),
        np.concatenate([y, codes.astype(np.int32)]),
        np.concatenate([segment, np.full(new, segment.max(initial=0) + 1, dtype=np.int32)]),
        np.concatenate([fit, np.arange(n, n + new, dtype=np.int64)]),
    )


def _no_rows() -> Rows:
    return np.empty(0, dtype=np.int64)
