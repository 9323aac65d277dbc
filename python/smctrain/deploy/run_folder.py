"""Reads a run folder back. A reader trusts only what the result files list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from smctrain.artifact import read_json
from smctrain.exceptions import ArtifactError
from smctrain.results import SCHEMA_VERSION, FailureRecord, ModelResult, RunResult, SymbolResult


def read_results(run: str | Path) -> dict[str, Any]:
    """`training_results.json` of a run folder, checked for its version."""
    path = Path(run) / "training_results.json"
    try:
        data = read_json(path)
    except FileNotFoundError:
        raise ArtifactError(f"{run} is no run folder: training_results.json is missing.") from None
    except ValueError as error:
        raise ArtifactError(f"{path} is damaged: {error}.") from None
    version = data.get("schema_version") if isinstance(data, dict) else None
    if not isinstance(version, int):
        raise ArtifactError(f"{path} is not a result file of smctrain.")
    if version > SCHEMA_VERSION:
        raise ArtifactError(
            f"{path} has schema {version}, this smctrain reads up to {SCHEMA_VERSION}; upgrade smctrain."
        )
    return dict(data)


def read_run(run: str | Path) -> RunResult:
    """The `RunResult` of a run folder, as `train` returned it."""
    data = read_results(run)
    try:
        symbols = {name: _symbol(name, header, data) for name, header in data["symbols"].items()}
        return RunResult(
            name=data["name"],
            timestamp=data["timestamp"],
            symbols=symbols,
            symbol_failures=[FailureRecord.from_dict(f) for f in data["failures"] if not f.get("model")],
            config=data["config"],
            config_hash=data["config_hash"],
            folder=Path(run),
            seconds=data["seconds"],
            truth=data["truth"],
            interrupted=data["interrupted"],
            pending=data["pending"],
            environment=data["environment"],
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(f"{run}/training_results.json is incomplete: {error}.") from error


def run_symbols(run: str | Path) -> list[str]:
    """Symbols a run has results for."""
    return sorted(read_results(run).get("symbols", {}))


def run_reading(run: str | Path) -> dict[str, Any]:
    """How the run read its bars (`tz`, `stamp`, `fix`): bars to predict are to be read the same way."""
    data = read_results(run).get("config", {}).get("data", {})
    return {key: data[key] for key in ("tz", "stamp", "fix", "quarantine", "calendar", "day_roll") if key in data}


def _symbol(name: str, header: dict[str, Any], data: dict[str, Any]) -> SymbolResult:
    records = data["training_results"][name]
    return SymbolResult.from_dict(
        {
            **header,
            "models": {k: ModelResult.from_dict(v) for k, v in records.items() if "error" not in v},
            "failures": [FailureRecord.from_dict(v) for v in records.values() if "error" in v],
            "verdict": data["verdicts"][name],
            "selection": data["model_selections"].get(name, {}),
        }
    )
