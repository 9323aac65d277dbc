"""Files we keep: strict JSON, atomic writes, safe names, and the model container."""

from __future__ import annotations

from smctrain.artifact.atomic import sweep_stale, write_atomic
from smctrain.artifact.container import (
    Container,
    model_from_bytes,
    model_to_bytes,
    read_container,
    read_model,
    write_model,
)
from smctrain.artifact.json import dumps_strict, read_json, to_json_safe, write_json
from smctrain.artifact.names import safe_file_name
from smctrain.artifact.versions import versions

__all__ = [
    "Container",
    "dumps_strict",
    "model_from_bytes",
    "model_to_bytes",
    "read_container",
    "read_json",
    "read_model",
    "safe_file_name",
    "sweep_stale",
    "to_json_safe",
    "versions",
    "write_atomic",
    "write_json",
    "write_model",
]
