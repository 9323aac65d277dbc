"""The river for one symbol: bars -> features -> labels -> dataset -> parts -> models -> verdict -> files.

Runs in a worker process or in the caller's; all inputs, seeds included, come with the task, so the result does not
depend on where or beside what it runs. Files of the symbol are written here; files of the run by the parent.
"""

from __future__ import annotations

import time
from collections.abc import Callable
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
from smctrain.exceptions import OneClass, TooFewRows, TrainingFailed
from smctrain.features import build_features
from smctrain.features.user import UserColumns, with_user_columns
from smctrain.labels import Labels
from smctrain.models.registry import make_trainer
from smctrain.prepare import Preparation
from smctrain.results import SymbolResult
from smctrain.training.bounds import Bounds
from smctrain.training.calendar import with_calendar
from smctrain.training.evaluate import agreed, probabilities_beat_prior
from smctrain.training.families import Families, Fitted
from smctrain.training.files import Pooled, symbol_folder, write_symbol
from smctrain.training.final import FinalModel
from smctrain.training.guard import Guard, importances_of
from smctrain.training.judging import (
    CLASS_WORDS,
    EvidenceRows,
    holdout_rows,
    judge,
    walk_forward_rows,
    with_replaced,
)
from smctrain.training.left_out import ScoreWithout
from smctrain.training.parts import Parts, make_parts
from smctrain.training.recipe import base_bars, data_hash, feature_spec, make_labels, prepare_settings
from smctrain.training.sentinels import OtherSymbol, run_noise_canary, run_sentinels, unseen_rows
from smctrain.training.stages import Stages
from smctrain.training.trials import book_of_bars
from smctrain.training.walk_forward import WalkForwardFit, Windows, make_windows
from smctrain.verdict import Trials
from smctrain.verdict.result import DEPLOY, NO_EVIDENCE
from smctrain.verdict.result import REVIEW as REVIEW_BY_HAND

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
    other: OtherSymbol | None = None,
    ledger: str | None = None,
) -> dict[str, Any]:
    """Train all families of one symbol and decide. Returns a `SymbolResult` as a dict.

    `user` holds columns of the user's own that join ours, `other` another symbol for the sentinel that asks for one.
    `ledger` is the folder where trials are counted.

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
        data = with_calendar(data, config, base.time_close)
    with stage("split"):
        parts = make_parts(data, config, base.time)
        windows, note = _windows(data, config)
    with stage("leak audit"):
        guard = Guard(data, parts, config, threads, windows)
        parts, windows = guard.before()
    with stage("prepare"):
        prepare = guard.prepared(Preparation.fit(data.X, parts.train, data.names, prepare_settings(config)))
    digest = data_hash(bars, user)
    book = book_of_bars(ledger, fingerprint(base), data, config)

    def fit_all() -> tuple[WalkForwardFit | None, Fitted]:
        walk = None
        if windows is not None:
            walk = WalkForwardFit(data, windows, config, threads, guard.quarantine, guard.provenance)
        return walk, Families(data, parts, prepare, walk, config, threads, stop, report, stage, guard, book).run()

    walk, fitted = fit_all()
    replaced: list[EvidenceRows] = []
    score_without = ScoreWithout(data, parts, config, threads, stop, guard)
    while guard.outweighed(
        importances_of({name: model for name, (model, _) in fitted.models.items()}),
        {name: fit.folds.accuracies for name, fit in fitted.fits.items()},
        score_without,
    ):
        # What was answered with the column is on the record: it was scored on the rows that decide.
        replaced += [_evidence(parts, fitted, walk)] if fitted.models else []
        prepare = guard.prepared(prepare)
        walk, fitted = fit_all()
    fits, models, failures = fitted.fits, fitted.models, fitted.failures
    if not models:
        reasons = "; ".join(f"{f.model}: {f.error}" for f in failures)
        error = TrainingFailed(f"{bars.symbol}: no model could be trained. {reasons}")
        error.stage = "training"  # type: ignore[attr-defined]
        raise error
    guard.check_calibrators(models)
    if config.leak_audit.sentinels:
        report("sentinels")
        with stage("sentinels"):
            of_bars = {name: proba for name, (_, proba) in models.items()}
            unseen = unseen_rows(
                parts, of_bars, None if walk is None else walk.windows, fitted.windows, fitted.settings
            )
            run_sentinels(guard, data, unseen, config, threads, stop, None if other is None else (other, base))
    if config.leak_audit.canary:
        with stage("sentinels"):
            run_noise_canary(guard, base, config, threads)
    report("verdict")
    with stage("verdict"):
        rows = with_replaced(_evidence(parts, fitted, walk), replaced)
        verdict = _verdict(data, rows, fitted, config, n_symbols, book.earlier(rows))
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
        leak_audit=guard.report().to_dict(),
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


def _windows(data: Dataset, config: Config) -> tuple[Windows | None, str]:
    """The outer windows, or why there are none: short histories are judged on the test part alone."""
    if config.evaluation.outer != "walk_forward":
        return None, ""
    try:
        return make_windows(data, config), ""
    except (TooFewRows, OneClass) as error:
        return None, f"judged on the test part alone, because windows cannot be cut: {error}"


def _evidence(parts: Parts, made: Fitted, walk: WalkForwardFit | None) -> EvidenceRows:
    """Pooled windows; the test part where no family has them."""
    if walk is not None and made.windows:
        return walk_forward_rows(walk.windows, made.windows, made.also_oos)
    # A fit that was ended early is no candidate, unless there is nothing else to show.
    every = {name: proba for name, (_, proba) in made.models.items()}
    whole = {name: proba for name, proba in every.items() if made.fits[name].model.complete}
    return holdout_rows(parts, whole or every, made.fits)


def _verdict(
    data: Dataset, rows: EvidenceRows, made: Fitted, config: Config, n_symbols: int, earlier: Trials | None
) -> dict[str, Any]:
    outcomes = data.r if max(rows.label_map.classes) > 0 else None
    verdict = judge(rows, config, n_symbols, outcomes, earlier, words=CLASS_WORDS, spans=(data.t0, data.t1)).to_dict()
    verdict["rejected"] |= made.no_windows
    if verdict["kind"] == DEPLOY and verdict["model"] in made.no_windows:
        why = made.no_windows[verdict["model"]]
        verdict |= {"kind": NO_EVIDENCE, "action": REVIEW_BY_HAND, "failed_rules": ["complete"]}
        verdict["reasons"][0] = f"{verdict['model']} passed every other rule, but is not recommended: {why}."
    return verdict


def _final(
    walk: WalkForwardFit, made: Fitted, family: str, config: Config, threads: int, stop: NDArray[np.uint8]
) -> FinalModel | None:
    """The verdict's model on all rows; None where the fit does not come to its end."""
    deadline = time.monotonic() + 60.0 * config.training.time_limit_minutes
    bounds = Bounds(config.training.seed, threads, stop, deadline)
    final = walk.refit(make_trainer(family, made.settings[family]), made.windows[family], bounds)
    return final if final.model.complete else None


def _pooled(walk: WalkForwardFit, made: Fitted) -> dict[str, Pooled]:
    classes = walk.windows.label_map.classes
    return {name: Pooled(walk.windows.oos, found.proba, classes) for name, found in made.windows.items()}


def _evaluation(
    rows: EvidenceRows, walk: WalkForwardFit | None, made: Fitted, note: str, times: NDArray[Any], shown: str
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
