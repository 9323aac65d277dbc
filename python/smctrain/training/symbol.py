"""The river for one symbol: bars -> features -> labels -> dataset -> parts -> models -> verdict -> files.

Runs in a worker process or in the caller's; all inputs, seeds included, come with the task, so the result does not
depend on where or beside what it runs. Files of the symbol are written here; files of the run by the parent.
"""

from __future__ import annotations

import hashlib
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.artifact import safe_file_name, versions, write_atomic, write_json
from smctrain.bars import Bars, SymbolBars
from smctrain.bars.fingerprint import fingerprint
from smctrain.config import Config
from smctrain.config.layers import config_hash
from smctrain.dataset import Dataset, make_dataset
from smctrain.exceptions import TrainingFailed
from smctrain.features import FeatureSpec, build_features
from smctrain.labels import Labels, triple_barrier
from smctrain.models.pipeline import Pipeline
from smctrain.models.registry import FAMILIES, make_trainer
from smctrain.prepare import Preprocessor
from smctrain.results import FailureRecord, ModelResult, SymbolResult
from smctrain.training.evaluate import answers, evaluate
from smctrain.training.fitting import Bounds, FamilyFit, Fitter
from smctrain.training.parts import Parts, make_parts
from smctrain.verdict import decide

Report = Callable[..., None]
CLASS_WORDS = {-1: "stop first", 0: "neither in time", 1: "target first"}


class Stages:
    """What each stage cost; an exception inside a stage is marked with the stage's name.

    Attributes
    ----------
    seconds : dict of str to float
        Wall seconds.
    cpu_seconds : dict of str to float
        CPU seconds of all threads of this process, so they mean something only while nothing else runs in it.
    peak_mib : dict of str to float
        Largest resident memory of this process up to the end of the stage; never falls.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.cpu_seconds: dict[str, float] = {}
        self.peak_mib: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        started, cpu_started = time.monotonic(), time.process_time()
        try:
            yield
        except Exception as error:
            if not hasattr(error, "stage"):
                error.stage = name  # type: ignore[attr-defined]
            raise
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.monotonic() - started, 4)
            spent = time.process_time() - cpu_started
            self.cpu_seconds[name] = round(self.cpu_seconds.get(name, 0.0) + spent, 4)
            self.peak_mib[name] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def base_bars(bars: SymbolBars, config: Config) -> Bars:
    """The series decisions are taken on."""
    return bars.base if config.data.base is None else bars[config.data.base]


def feature_spec(bars: Bars, config: Config) -> FeatureSpec:
    """The feature recipe of a run."""
    f = config.features
    return FeatureSpec(preset=f.preset, base=bars.timeframe, higher=f.higher, groups=f.groups, columns=f.columns)


def make_labels(bars: Bars, config: Config) -> Labels:
    """Triple-barrier labels of a run."""
    s = config.labels
    return triple_barrier(
        bars, horizon=s.horizon, target=s.target, stop=s.stop, unit=s.unit, entry=s.entry, side=s.side, costs=s.costs,
        tie=s.tie, timeout=s.timeout,
    )  # fmt: skip


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
) -> dict[str, Any]:
    """Train all families of one symbol and decide. Returns a `SymbolResult` as a dict.

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
    report("labels")
    with stage("labels"):
        labels = make_labels(base, config)
    with stage("dataset"):
        data = make_dataset(bars.symbol, features, labels, base.segment, config.training.min_rows)
    with stage("split"):
        parts = make_parts(data, config, base.time)
        prepare = Preprocessor.fit(data.X, parts.train, data.names)
    digest = data_hash(bars)
    fits, models, failures = _fit_families(data, parts, prepare, config, threads, stop, report, stage)
    if not models:
        reasons = "; ".join(f"{f.model}: {f.error}" for f in failures)
        error = TrainingFailed(f"{bars.symbol}: no model could be trained. {reasons}")
        error.stage = "training"  # type: ignore[attr-defined]
        raise error
    report("verdict")
    with stage("verdict"):
        verdict = _decide(data, parts, models, fits, config, n_symbols)
    result = SymbolResult(
        symbol=bars.symbol,
        timeframe=base.timeframe,
        n_bars=len(base),
        first_time=str(base.time[0])[:19],
        last_time=str(base.time_close[-1])[:19],
        n_rows=len(data),
        features=[data.names[i] for i in prepare.kept],
        dropped_features=[{"feature": name, "reason": reason} for name, reason in prepare.dropped],
        classes=parts.label_map.classes,
        dropped_classes=parts.label_map.dropped,
        class_shares=_class_shares(parts),
        split=parts.report,
        horizon=parts.horizon,
        labels=_label_summary(labels),
        models={name: model for name, (model, _) in models.items()},
        failures=failures,
        verdict=verdict,
        issues=issues,
        data_hash=digest,
        config_hash=config_hash(config),
        stages=stage.seconds,
    )
    for model in result.models.values():
        model.data_hash, model.config_hash = digest, result.config_hash
    if folder is not None:
        report("files")
        with stage("files"):
            _write_files(Path(folder), result, data, parts, fits, models, base, config)
    result.seconds = round(time.monotonic() - started, 3)
    if folder is not None:
        write_json(symbol_folder(folder, bars.symbol) / "result.json", result.to_dict())
    return result.to_dict()


def data_hash(bars: SymbolBars) -> str:
    """Digest over all timeframes of a symbol: features read the higher ones too."""
    return "-".join(fingerprint(bars[timeframe])[:16] for timeframe in bars)


def symbol_folder(run_folder: str | Path, symbol: str) -> Path:
    """Folder of one symbol inside a run folder."""
    return Path(run_folder) / "symbols" / safe_file_name(symbol)


Trained = tuple[ModelResult, NDArray[np.float64]]


def _fit_families(
    data: Dataset, parts: Parts, prepare: Preprocessor, config: Config, threads: int, stop: NDArray[np.uint8],
    report: Report, stage: Stages,
) -> tuple[dict[str, FamilyFit], dict[str, Trained], list[FailureRecord]]:  # fmt: skip
    fits: dict[str, FamilyFit] = {}
    models: dict[str, Trained] = {}
    failures: list[FailureRecord] = []
    for number, family in enumerate(config.models):
        started = time.monotonic()

        def told(step: str, done: int = 0, total: int = 0, family: str = family, number: int = number) -> None:
            report(f"{family} {step}", done, total, f"model {number + 1} of {len(config.models)}")

        limit = started + 60.0 * config.training.time_limit_minutes
        bounds = Bounds(config.training.seed, threads, stop, limit)
        try:
            with stage(family):
                trainer = make_trainer(family, config.family_settings(family))
                fit = Fitter(data, parts, trainer, config, bounds, prepare, told).run()
                values = prepare.transform(data.X) if trainer.needs_scaling else prepare.select(data.X)
                proba = fit.model.predict_proba(values, None, data.segment)
                models[family] = (evaluate(data, parts, config, family, fit, proba), proba)
                fits[family] = fit
        except Exception as error:  # the other families go on
            failures.append(FailureRecord.of(error, data.symbol, "training", family, time.monotonic() - started))
    return fits, models, failures


def _decide(
    data: Dataset, parts: Parts, models: dict[str, Trained], fits: dict[str, FamilyFit], config: Config, n_symbols: int
) -> dict[str, Any]:  # fmt: skip
    """Evidence: the untouched test part; before it, out-of-fold training rows and the validation part."""
    names = list(models)
    rows_inner = parts.validation
    inner = {name: answers(models[name][1][parts.validation]) for name in names}
    if all(len(fits[name].folds.accuracies) == len(parts.folds) > 0 for name in names):
        rows_inner = np.concatenate([parts.train, parts.validation])
        inner = {name: np.concatenate([answers(fits[name].folds.proba[parts.train]), inner[name]]) for name in names}
    trades = max(parts.label_map.classes) > 0
    verdict = decide(
        parts.y[parts.test],
        np.stack([answers(models[name][1][parts.test]) for name in names]),
        parts.horizon,
        parts.y[rows_inner],
        np.stack([inner[name] for name in names]),
        parts.y[parts.train],
        np.stack([answers(models[name][1][parts.train]) for name in names]),
        names=names,
        r_net=data.r[parts.test] if trades else None,
        inner_r_net=data.r[rows_inner] if trades else None,
        profile=config.selector.profile,
        n_symbols=n_symbols,
        class_names={code: CLASS_WORDS.get(value, str(value)) for code, value in enumerate(parts.label_map.classes)},
    )
    return verdict.to_dict()


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


def _write_files(
    folder: Path, result: SymbolResult, data: Dataset, parts: Parts, fits: dict[str, FamilyFit],
    models: dict[str, Trained], base: Bars, config: Config,
) -> None:  # fmt: skip
    target = symbol_folder(folder, result.symbol)
    stem = safe_file_name(result.symbol)
    spec = asdict(feature_spec(base, config))
    for name, (model, _) in models.items():
        fit = fits[name]
        card = {
            "symbol": result.symbol,
            "timeframe": base.timeframe,
            "digits": base.digits,
            "feature_spec": spec,
            "settings": model.settings,
            "labels": config.labels.model_dump(mode="json"),
            "seed": model.seed,
            "data_hash": result.data_hash,
            "config_hash": result.config_hash,
            "complete": model.complete,
        }
        scaled = make_trainer(name, config.family_settings(name)).needs_scaling
        pipeline = Pipeline(name, fit.model, fit.prepare, scaled, parts.label_map.classes, data.names, card)
        content = pipeline.to_bytes()
        path = target / f"{stem}_{name}.smc"
        previous = _digest(path)
        write_atomic(path, content)
        model.artifact = {
            "path": str(path.relative_to(folder)),
            "sha256": hashlib.sha256(content).hexdigest(),
            "bytes": len(content),
        }
        write_json(
            target / f"{stem}_{name}_metadata.json",
            {
                "schema_version": 1,
                "symbol": result.symbol,
                "model_name": name,
                "family": name,
                "is_sequence": FAMILIES[name].is_sequence,
                "hyperparameters": model.settings,
                "features": result.features,
                "dropped_features": result.dropped_features,
                "classes": parts.label_map.classes,
                "label_map": {str(code): value for code, value in enumerate(parts.label_map.classes)},
                "preprocessing": fit.prepare.to_state()[0],
                "feature_spec": spec,
                "labels": card["labels"],
                "seed": model.seed,
                "data_hash": result.data_hash,
                "config_hash": result.config_hash,
                "created": model.timestamp,
                "versions": versions(),
                "artifact": model.artifact,
                "complete": model.complete,
                "previous": previous,
            },
        )
    write_json(
        target / "features.json",
        {
            "schema_version": 1,
            "spec": spec,
            "used": result.features,
            "dropped": result.dropped_features,
        },
    )
    _write_predictions(target / "predictions.parquet", data, parts, models, base)


def _digest(path: Path) -> str | None:
    """SHA-256 of the model file that is about to be replaced: what to roll back to."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _write_predictions(path: Path, data: Dataset, parts: Parts, models: dict[str, Trained], base: Bars) -> None:
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    classes = np.asarray(parts.label_map.classes)
    rows = np.concatenate([parts.train, parts.validation, parts.test])
    split = np.repeat(["train", "validation", "test"], [len(parts.train), len(parts.validation), len(parts.test)])
    close = base.time_close
    tables = []
    for name, (_, proba) in models.items():
        codes = answers(proba[rows])
        columns = {
            "model": pa.array(np.full(len(rows), name)).dictionary_encode(),
            "split": pa.array(split).dictionary_encode(),
            "row": rows,
            "time": close[rows],
            "t1": close[data.t1[rows]],
            "y": classes[parts.y[rows]],
            "prediction": pa.array(classes[codes], mask=codes < 0),
        }
        columns |= {f"p_{value}": proba[rows, code] for code, value in enumerate(classes)}
        tables.append(pa.table(columns))
    buffer = io.BytesIO()
    pq.write_table(pa.concat_tables(tables).unify_dictionaries(), buffer, compression="zstd")
    write_atomic(path, buffer.getvalue())


__all__ = [
    "base_bars",
    "data_hash",
    "feature_spec",
    "make_labels",
    "symbol_folder",
    "train_symbol",
]
