"""The files of one symbol inside a run folder."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

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
from smctrain.training.final import FinalModel
from smctrain.training.fitting import FamilyFit
from smctrain.training.parts import Parts, Rows
from smctrain.training.recipe import feature_spec


@dataclass(frozen=True)
class Pooled:
    """Probabilities of one family over the rows of all outer windows."""

    rows: Rows
    proba: NDArray[np.float64]
    classes: list[int]


Trained = tuple[ModelResult, NDArray[np.float64]]
"""A model's result and its probabilities for every bar."""


def symbol_folder(run_folder: str | Path, symbol: str) -> Path:
    """Folder of one symbol inside a run folder."""
    return Path(run_folder) / "symbols" / safe_file_name(symbol)


def write_symbol(
    folder: Path, result: SymbolResult, data: Dataset, parts: Parts, fits: Mapping[str, FamilyFit],
    models: Mapping[str, Trained], base: Bars, config: Config, pooled: Mapping[str, Pooled] | None = None,
    final: FinalModel | None = None,
) -> None:  # fmt: skip
    """Models, metadata, feature list and predictions of one symbol; `pooled` are answers over outer windows."""
    target = symbol_folder(folder, result.symbol)
    stem = safe_file_name(result.symbol)
    recipe = feature_spec(base, config)
    spec = asdict(recipe)
    ours = {column.name for column in recipe.catalogue()}
    user = [name for name in data.names if name not in ours]
    shared = {
        "symbol": result.symbol,
        "timeframe": base.timeframe,
        "digits": base.digits,
        "feature_spec": spec,
        "user_columns": user,
        "labels": config.labels.model_dump(mode="json"),
        "data_hash": result.data_hash,
        "config_hash": result.config_hash,
    }
    for name, (model, _) in models.items():
        fit = fits[name]
        card = {**shared, "settings": model.settings, "seed": model.seed, "complete": model.complete}
        scaled = make_trainer(name, config.family_settings(name)).needs_scaling
        pipeline = Pipeline(name, fit.model, fit.prepare, scaled, parts.label_map.classes, data.names, card)
        path = target / f"{stem}_{name}.smc"
        previous = _digest(path)
        model.artifact = _stored(pipeline, path, folder)
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
    if final is not None:
        model = models[final.family][0]
        card = {**shared, "settings": model.settings, "seed": model.seed, "complete": final.model.complete}
        scaled = make_trainer(final.family, config.family_settings(final.family)).needs_scaling
        pipeline = Pipeline(final.family, final.model, final.prepare, scaled, final.classes, data.names, card)
        path = target / f"{stem}_{final.family}_final.smc"
        model.final = _stored(pipeline, path, folder) | {"rows": final.rows, "rounds": final.rounds}
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
    write_predictions(target / "predictions.parquet", data, parts, models, base, pooled or {})


def _stored(pipeline: Pipeline, path: Path, folder: Path) -> dict[str, Any]:
    content = pipeline.to_bytes()
    write_atomic(path, content)
    return {
        "path": str(path.relative_to(folder)),
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
    }


def _digest(path: Path) -> str | None:
    """SHA-256 of the model file that is about to be replaced: what to roll back to."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def write_predictions(
    path: Path, data: Dataset, parts: Parts, models: Mapping[str, Trained], base: Bars, pooled: Mapping[str, Pooled]
) -> None:
    """predictions.parquet: one row per model, part and decision, in the user's label values.

    Parts train, validation and test are answered by the model of the training part; oos by those of the outer windows.
    """
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    classes = np.asarray(parts.label_map.classes)
    rows = np.concatenate([parts.train, parts.validation, parts.test])
    split = np.repeat(["train", "validation", "test"], [len(parts.train), len(parts.validation), len(parts.test)])
    close = base.time_close

    def table(name: str, split: NDArray[Any], rows: Rows, proba: NDArray[np.float64], values: NDArray[Any]) -> Any:
        codes = answers(proba)
        columns = {
            "model": pa.array(np.full(len(rows), name)).dictionary_encode(),
            "split": pa.array(split).dictionary_encode(),
            "row": rows,
            "time": close[rows],
            "t1": close[data.t1[rows]],
            "y": data.y[rows].astype(classes.dtype),
            "prediction": pa.array(values[codes], mask=codes < 0),
        }
        # A class that these models never learned has probability 0.
        known = values.tolist()
        columns |= {
            f"p_{value}": proba[:, known.index(value)] if value in known else np.zeros(len(rows)) for value in classes
        }
        return pa.table(columns)

    tables = [table(name, split, rows, proba[rows], classes) for name, (_, proba) in models.items()]
    tables += [
        table(name, np.full(len(found.rows), "oos"), found.rows, found.proba, np.asarray(found.classes))
        for name, found in pooled.items()
    ]
    buffer = io.BytesIO()
    pq.write_table(pa.concat_tables(tables).unify_dictionaries(), buffer, compression="zstd")
    write_atomic(path, buffer.getvalue())
