"""The river for one symbol: bars -> features -> labels -> dataset -> parts -> models -> verdict -> files.

Runs in a worker process or in the caller's; all inputs, seeds included, come with the task, so the result does not
depend on where or beside what it runs. Files of the symbol are written here; files of the run by the parent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.artifact import write_json
from smctrain.bars import SymbolBars
from smctrain.bars.fingerprint import fingerprint
from smctrain.config import Config
from smctrain.config.layers import config_hash
from smctrain.dataset import Dataset, make_dataset
from smctrain.exceptions import OneClass, SmctrainError, TooFewRows, TrainingFailed
from smctrain.features import build_features
from smctrain.features.user import UserColumns, with_user_columns
from smctrain.labels import Labels
from smctrain.models.base import Trainer
from smctrain.models.registry import make_trainer
from smctrain.prepare import Preparation
from smctrain.results import FailureRecord, SymbolResult
from smctrain.training.auto_tuning import KEPT, REVIEW, TUNED, Tuning, changes_of, chosen, vectors
from smctrain.training.bounds import Bounds, seed_of
from smctrain.training.choosing import FeatureChoice
from smctrain.training.evaluate import agreed, answers, evaluate, note_pooled, probabilities_beat_prior
from smctrain.training.files import Pooled, Trained, symbol_folder, write_symbol
from smctrain.training.final import FinalModel
from smctrain.training.fitting import FamilyFit, Fitter
from smctrain.training.judging import CLASS_WORDS, EvidenceRows, holdout_rows, judge, walk_forward_rows
from smctrain.training.parts import Parts, make_parts
from smctrain.training.prepared import FoldStore
from smctrain.training.recipe import base_bars, data_hash, feature_spec, make_labels, prepare_settings
from smctrain.training.stages import Stages
from smctrain.training.trials import count_trials
from smctrain.training.walk_forward import FamilyWindows, WalkForwardFit, make_windows
from smctrain.verdict import Trials

Report = Callable[..., None]


def train_symbol(
    bars: SymbolBars,
    config: Config,
    folder: str | None,
    issues: list[dict[str, Any]],
    threads: int,
    n_symbols: int,
    stop: NDArray[np.uint8],
    report: Report,
    stages: Stages | None = None,
    user: UserColumns | None = None,
    ledger: str | None = None,
) -> dict[str, Any]:
    """Train all families of one symbol and decide. Returns a `SymbolResult` as a dict.

    `user` holds columns of the user's own that join ours. `ledger` is the folder where trials are counted.

    A caller that also wants CPU seconds and peak memory hands in its own `stages` and reads it afterwards.

    Raises
    ------
    SmctrainError
        When nothing can be trained; `error.stage` says how far it came. A single failing family is recorded instead.
    """
    started = time.monotonic()
    stage = Stages() if stages is None else stages
    base = base_bars(bars, config)
    report("features")
    with stage("features"):
        features = build_features(bars if len(bars) > 1 or config.features.higher else base, feature_spec(base, config))
        if user is not None:
            features = with_user_columns(features, user)
    report("labels")
    with stage("labels"):
        labels = make_labels(base, config)
    with stage("dataset"):
        data = make_dataset(bars.symbol, features, labels, base.segment, config.training.min_rows)
    with stage("split"):
        parts = make_parts(data, config, base.time)
        prepare = Preparation.fit(data.X, parts.train, data.names, prepare_settings(config))
        walk, note = _walk_forward(data, config, threads)
    digest = data_hash(bars, user)
    fitted = _Families(data, parts, prepare, walk, config, threads, stop, report, stage).run()
    fits, models, failures = fitted.fits, fitted.models, fitted.failures
    if not models:
        reasons = "; ".join(f"{f.model}: {f.error}" for f in failures)
        error = TrainingFailed(f"{bars.symbol}: no model could be trained. {reasons}")
        error.stage = "training"  # type: ignore[attr-defined]
        raise error
    report("verdict")
    with stage("verdict"):
        rows = _evidence(parts, fitted, walk)
        earlier = count_trials(None if ledger is None else Path(ledger), fingerprint(base), rows, data, config)
        verdict = _verdict(data, rows, fitted, config, n_symbols, earlier)
    final = None
    if walk is not None and config.evaluation.final_refit and verdict["kind"] == "DEPLOY":
        report("refit")
        with stage("refit"):
            final = _final(walk, fitted, verdict["model"], config, threads, stop)
    result = SymbolResult(
        symbol=bars.symbol,
        timeframe=base.timeframe,
        n_bars=len(base),
        first_time=str(base.time[0])[:19],
        last_time=str(base.time_close[-1])[:19],
        n_rows=len(data),
        features=[data.names[i] for i in prepare.kept],
        dropped_features=[{"feature": name, "reason": reason} for name, reason in prepare.dropped],
        preparation={
            **prepare.settings.to_dict(),
            "fit_rows": prepare.fit_rows,
            "indicators": [data.names[i] for i in prepare.indicators],
        },
        classes=parts.label_map.classes,
        dropped_classes=parts.label_map.dropped,
        class_shares=_class_shares(parts),
        split=parts.report,
        horizon=parts.horizon,
        labels=_label_summary(labels),
        models={name: model for name, (model, _) in models.items()},
        failures=failures,
        verdict=verdict,
        evaluation=_evaluation(rows, walk, fitted, note, base.time, verdict["evidence"]["shown_model"]),
        tuning=fitted.tuning.to_dict() if fitted.tuning is not None else {},
        issues=issues,
        data_hash=digest,
        config_hash=config_hash(config),
        stages=stage.seconds,
        consensus=agreed({name: model for name, (model, _) in models.items()}),
    )
    for model in result.models.values():
        model.data_hash, model.config_hash = digest, result.config_hash
    if folder is not None:
        report("files")
        with stage("files"):
            pooled = {} if walk is None else _pooled(walk, fitted)
            write_symbol(Path(folder), result, data, parts, fits, models, base, config, pooled, final)
    result.seconds = round(time.monotonic() - started, 3)
    if folder is not None:
        write_json(symbol_folder(folder, bars.symbol) / "result.json", result.to_dict())
    return result.to_dict()


def _walk_forward(data: Dataset, config: Config, threads: int) -> tuple[WalkForwardFit | None, str]:
    """The outer windows, or why there are none: short histories are judged on the test part alone."""
    if config.evaluation.outer != "walk_forward":
        return None, ""
    try:
        return WalkForwardFit(data, make_windows(data, config), config, threads), ""
    except (TooFewRows, OneClass) as error:
        return None, f"judged on the test part alone, because windows cannot be cut: {error}"


@dataclass
class _Fitted:
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


class _Families:
    """Fits the families of one symbol: the model of the training part, and the outer windows."""

    def __init__(
        self, data: Dataset, parts: Parts, prepare: Preparation, walk: WalkForwardFit | None, config: Config,
        threads: int, stop: NDArray[np.uint8], report: Report, stage: Stages,
    ) -> None:  # fmt: skip
        self.data, self.parts, self.prepare, self.walk, self.config = data, parts, prepare, walk, config
        self.threads, self.stop, self.report, self.stage = threads, stop, report, stage
        self.made = _Fitted()
        seed = seed_of(config.training.seed, data.symbol, "selection")
        self.choice = FeatureChoice(config, data.X, parts.y, len(parts.label_map.classes), parts.horizon, seed)

    def run(self) -> _Fitted:
        """All families; those of weak symbols with other settings once more."""
        self._fit_all(self.config, self.config.models)
        if self.walk is not None and self.config.tuning.enabled and self.made.windows:
            self._tune(self.walk)
        return self.made

    def _fit_all(self, config: Config, families: Sequence[str]) -> None:
        store = FoldStore(self.data, settings=prepare_settings(config))
        for number, family in enumerate(families):
            for kept in [store] if self.walk is None else [store, self.walk.store]:
                kept.keep_for(_trainers(config, families[number:]))
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
                fit = Fitter(data, parts, trainer, config, bounds, self.prepare, told, store, self.choice).run()
                values = fit.prepared.values(trainer.needs_scaling)
                proba = fit.model.predict_proba(values, None, data.segment)
                made.models[family] = (evaluate(data, parts, config, family, fit, proba), proba)
                made.fits[family] = fit
        except Exception as error:  # the other families go on
            made.failures.append(FailureRecord.of(error, data.symbol, "training", family, time.monotonic() - started))
            return
        if self.walk is None:
            return
        try:
            with self.stage(family):
                found = self.walk.fit(trainer, self._bounds(), told)
        except Exception as error:  # the trained model stays; without windows it is no candidate
            made.no_windows[family] = f"its windows could not be fitted: {error}"
            return
        if not found.complete:
            made.no_windows[family] = "a fit of its windows ended early"
            return
        made.windows[family] = found
        windows = self.walk.windows
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
                    made.windows[family].tried |= old.tried | {"settings as set": old.inner}
                    made.also_oos[f"{family}: settings as set"] = old.oos
            made.tuning.outcome = TUNED
        if best() < weak:
            made.tuning.outcome = REVIEW


def _trainers(config: Config, families: Sequence[str]) -> Iterator[Trainer]:
    """Trainers of those families that can be made; the others fail in their turn."""
    for family in families:
        with suppress(SmctrainError):
            yield make_trainer(family, config.family_settings(family))


def _evidence(parts: Parts, made: _Fitted, walk: WalkForwardFit | None) -> EvidenceRows:
    """Pooled windows; the test part where no family has them."""
    if walk is not None and made.windows:
        return walk_forward_rows(walk.windows, made.windows, made.also_oos)
    return holdout_rows(parts, made.models, made.fits)


def _verdict(
    data: Dataset, rows: EvidenceRows, made: _Fitted, config: Config, n_symbols: int, earlier: Trials | None
) -> dict[str, Any]:
    outcomes = data.r if max(rows.label_map.classes) > 0 else None
    verdict = judge(rows, config, n_symbols, outcomes, earlier, words=CLASS_WORDS).to_dict()
    if rows.method == "walk_forward":
        verdict["rejected"] |= made.no_windows
    return verdict


def _final(
    walk: WalkForwardFit, made: _Fitted, family: str, config: Config, threads: int, stop: NDArray[np.uint8]
) -> FinalModel | None:
    """The verdict's model on all rows; None where the fit does not come to its end."""
    deadline = time.monotonic() + 60.0 * config.training.time_limit_minutes
    bounds = Bounds(config.training.seed, threads, stop, deadline)
    final = walk.refit(make_trainer(family, made.settings[family]), made.windows[family], bounds)
    return final if final.model.complete else None


def _pooled(walk: WalkForwardFit, made: _Fitted) -> dict[str, Pooled]:
    classes = walk.windows.label_map.classes
    return {name: Pooled(walk.windows.oos, found.proba, classes) for name, found in made.windows.items()}


def _evaluation(
    rows: EvidenceRows, walk: WalkForwardFit | None, made: _Fitted, note: str, times: NDArray[Any], shown: str
) -> dict[str, Any]:
    """On which rows the verdict stands, and what each window came to."""
    if walk is not None and not made.windows:
        note = "judged on the test part alone, because no family could be fitted on all windows"
    told: dict[str, Any] = {"method": rows.method, "note": note, "rows": len(rows.oos), "no_windows": made.no_windows}
    pooled = rows.method == "walk_forward"
    proba = made.windows[shown].proba if pooled else made.models[shown][1][rows.oos]
    told["probabilities"] = probabilities_beat_prior(proba, rows.y[rows.oos], rows.y[rows.train])
    if walk is None or not pooled:
        return told
    families = {
        name: {"windows": found.windows, "seconds": round(found.seconds, 3)} for name, found in made.windows.items()
    }
    return told | {"windows": walk.windows.report(times), "families": families}


def _class_shares(parts: Parts) -> dict[str, dict[str, float]]:
    shares: dict[str, dict[str, float]] = {}
    for name, rows in (("train", parts.train), ("validation", parts.validation), ("test", parts.test)):
        counts = np.bincount(parts.y[rows], minlength=len(parts.label_map.classes))
        shares[name] = {
            str(value): float(count / len(rows)) for value, count in zip(parts.label_map.classes, counts, strict=True)
        }
    return shares


def _label_summary(labels: Labels) -> dict[str, Any]:
    def counts(values: NDArray[Any]) -> dict[str, int]:
        words, number = np.unique(np.asarray(values, dtype=str), return_counts=True)
        return {str(word): int(count) for word, count in zip(words, number, strict=True) if word}

    ok = np.isfinite(labels.r)
    return {
        "status": counts(labels.status),
        "rule": counts(labels.rule),
        "costs": labels.costs,
        "mean_r": float(labels.r[ok].mean()) if ok.any() else None,
    }
