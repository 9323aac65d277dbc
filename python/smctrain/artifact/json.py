"""Strict JSON: what we write, every parser reads. NaN and infinity become null."""

from __future__ import annotations

import datetime as dt
import enum
import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from smctrain.artifact.atomic import write_atomic


def to_json_safe(obj: Any) -> Any:
    """Plain Python values that strict JSON can hold.

    NumPy scalars and arrays, mappings, lists, tuples, sets (sorted), datetimes, enums, paths and dataclasses are
    converted, keys become text, NaN and infinities become None. Unknown objects become their text.

    Examples
    --------
    >>> to_json_safe({"accuracy": np.float64(0.85), "flag": np.bool_(True), "gap": float("nan")})
    {'accuracy': 0.85, 'flag': True, 'gap': None}
    """
    if obj is None:
        return None
    if isinstance(obj, enum.Enum):  # before str and int: members of mixed enums are both
        return to_json_safe(obj.value)
    if isinstance(obj, str):
        # Names from the file system can hold bytes that are no text; UTF-8 files cannot.
        return str(obj).encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(obj, bool | np.bool_):
        return bool(obj)
    if isinstance(obj, dt.timedelta | np.timedelta64):
        # before int: NumPy counts a timedelta64 among the integers
        return str(obj) if obj == obj else None
    if isinstance(obj, int | np.integer):
        return int(obj)
    if isinstance(obj, float | np.floating):
        value = float(obj)
        return value if math.isfinite(value) else None
    if isinstance(obj, np.datetime64):
        return None if np.isnat(obj) else str(obj)
    if isinstance(obj, np.ndarray) and obj.dtype.kind in "mM":  # tolist() would turn nanoseconds into integers
        return [to_json_safe(item) for item in obj] if obj.ndim else to_json_safe(obj[()])
    if isinstance(obj, np.ndarray):
        return [to_json_safe(item) for item in obj.tolist()] if obj.ndim else to_json_safe(obj.item())
    if isinstance(obj, Mapping):
        return {str(to_json_safe(key)): to_json_safe(value) for key, value in obj.items()}
    if isinstance(obj, list | tuple):
        return [to_json_safe(item) for item in obj]
    if isinstance(obj, set | frozenset):
        return sorted((to_json_safe(item) for item in obj), key=str)
    if isinstance(obj, dt.datetime | dt.date | dt.time):
        return obj.isoformat() if obj == obj else None  # pandas' NaT is a datetime that differs from itself
    if isinstance(obj, os.PathLike):
        return to_json_safe(os.fspath(obj))
    if is_dataclass(obj) and not isinstance(obj, type):
        return to_json_safe(asdict(obj))
    return str(obj)


def dumps_strict(obj: Any, indent: int | None = 2) -> str:
    """JSON text without NaN or Infinity literals, in the order of the keys as given."""
    return json.dumps(to_json_safe(obj), indent=indent, allow_nan=False, ensure_ascii=False)


def write_json(path: str | Path, obj: Any) -> None:
    """Write `obj` as strict JSON, atomically."""
    write_atomic(path, (dumps_strict(obj) + "\n").encode("utf-8"))


def read_json(path: str | Path) -> Any:
    """Read a JSON file; NaN and Infinity literals are refused."""

    def refuse(name: str) -> Any:
        raise ValueError(f"{path} holds the literal {name}, which is not JSON.")

    return json.loads(Path(path).read_text(encoding="utf-8"), parse_constant=refuse)
