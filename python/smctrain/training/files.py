"""The files of one symbol inside a run folder."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smctrain.artifact import safe_file_name, versions, write_atomic, write_json
from smctrain.bars import Bars
from smctrain.config import Config
from smctrain.dataset import Dataset
from smctrain.models.pipeline import Pipeline
from smctrain.models.registry import FAMILIES, make_trainer
from smctrain.results import ModelResult, SymbolResult
from smctrain.training.evaluate import answers
from smctrain.training.fitting import FamilyFit
from smctrain.training.parts import Parts
from smctrain.training.recipe import feature_spec

Trained = tuple[ModelResult, NDArray[np.float64]]
"""A model's result and its probabilities for every bar."""


def symbol_folder(run_folder: str | Path, symbol: str) -> Path:
    """Folder of one symbol inside a run folder."""
    return Path(run_folder) / "symbols" / safe_file_name(symbol)


def write_symbol(
    folder: Path, result: SymbolResult, data: Dataset, parts: Parts, fits: Mapping[str, FamilyFit],
    models: Mapping[str, Trained], base: Bars, config: Config,
) -> None:  # fmt: skip
    """Models, metadata, feature list and predictions of one symbol."""
    target = symbol_folder(folder, result.symbol)
    stem = safe_file_name(result.symbol)
    recipe = feature_spec(base, config)
    spec = asdict(recipe)
    ours = {column.name for column in recipe.catalogue()}
    user = [name for name in data.names if name not in ours]
    for name, (model, _) in models.items():
        fit = fits[name]
        card = {
            "symbol": result.symbol,
            "timeframe": base.timeframe,
            "digits": base.digits,
            "feature_spec": spec,
            "user_columns": user,
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
                "user_columns": user,
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
            "user_columns": user,
            "used": result.features,
            "dropped": result.dropped_features,
        },
    )
    records = [
        {"run": folder.name, "symbol": result.symbol, **record}
        for model, _ in models.values()
        for record in (*model.selection.get("folds", []), *filter(None, [model.selection.get("final")]))
    ]
    if records:
        write_json(target / "selection.json", {"schema_version": 1, "records": records})
    write_predictions(target / "predictions.parquet", data, parts, models, base)


def _digest(path: Path) -> str | None:
    """SHA-256 of the model file that is about to be replaced: what to roll back to."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def write_predictions(path: Path, data: Dataset, parts: Parts, models: Mapping[str, Trained], base: Bars) -> None:
    """predictions.parquet: one row per model and decision, in the user's label values."""
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
