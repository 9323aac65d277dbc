"""Answers of fitted models, kept on disk: fitting takes hours, judging answers takes seconds.

A goal is a frequency of verdicts. When a rule of the verdict changes, every run must be judged again, but no model has
to be fitted again: the answers of all families on all rows that a verdict reads stand in OUT/answers/NAME/SEED.npz,
with the recipe and the digest of the code that fits. Answers of other fitting code do not count.
"""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import smctrain
from smctrain.training.judging import EvidenceRows
from smctrain.training.parts import LabelMap

Arrays = dict[str, NDArray[Any]]
FITTING = ("augment", "config", "models", "prepare", "selection", "splits", "training")
"""Rooms that decide what a model answers."""
JUDGING = ("training/judging.py", "training/manifest.py")
"""Files in them that only read answers."""


@functools.cache
def fitting_digest() -> str:
    """Of the Python sources that a stored answer depends on."""
    package, here = Path(smctrain.__file__).resolve().parent, Path(__file__).resolve().parent
    files = [file for room in FITTING for file in sorted((package / room).rglob("*.py"))]
    read_only = {package / name for name in JUDGING}
    digest = hashlib.blake2b(digest_size=8)
    for file in [*(f for f in files if f not in read_only), here / "processes.py", here / "fits.py"]:
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()


def save(path: Path, arrays: Arrays, recipe: dict[str, Any]) -> None:
    """Write beside the place and move there: a file is whole or absent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = np.frombuffer(json.dumps({"recipe": recipe, "code": fitting_digest()}).encode(), dtype=np.uint8)
    part = path.with_suffix(".part.npz")
    np.savez_compressed(part, made_by=made, **arrays)
    part.replace(path)


def counts(path: Path, recipe: dict[str, Any], other_fits: bool = False) -> bool:
    """Whether a file was made with this recipe, and by this code or any."""
    with np.load(path, allow_pickle=False) as file:
        made = json.loads(file["made_by"].tobytes())
    return bool(made["recipe"] == recipe and (other_fits or made["code"] == fitting_digest()))


def load(path: Path, recipe: dict[str, Any], other_fits: bool = False) -> Arrays | None:
    """None where there is nothing that counts."""
    if not path.exists() or not counts(path, recipe, other_fits):
        return None
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files if name != "made_by"}


def equal(one: Arrays, other: Arrays) -> bool:
    """Every bit of every array."""
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def pack(rows: EvidenceRows, prefix: str = "") -> Arrays:
    """Evidence as arrays; classes are 0 and 1 here, and small codes keep files small."""
    small = {
        "y": rows.y, "oos_answers": rows.oos_answers, "inner_answers": rows.inner_answers,
        "train_answers": rows.train_answers,
    }  # fmt: skip
    arrays: Arrays = {name: values.astype(np.int8) for name, values in small.items()}
    arrays |= {name: getattr(rows, name).astype(np.int32) for name in ("oos", "inner", "train")}
    arrays |= {"names": np.array(rows.names), "classes": np.array(rows.label_map.classes)}
    if rows.inner_majority is not None:
        arrays["inner_majority"] = rows.inner_majority.astype(np.int8)
    arrays |= {"horizon": np.array(rows.horizon), "method": np.array(rows.method)}
    for kind in ("also_tried", "also_oos"):
        arrays |= {f"{kind}/{name}": vector.astype(np.int8) for name, vector in getattr(rows, kind).items()}
    return {prefix + name: values for name, values in arrays.items()}


def unpack(arrays: Arrays, prefix: str = "") -> EvidenceRows:
    """The opposite of `pack`."""
    found = {name.removeprefix(prefix): values for name, values in arrays.items() if name.startswith(prefix)}
    tried: dict[str, dict[str, Any]] = {"also_tried": {}, "also_oos": {}}
    for name in found:
        kind, _, what = name.partition("/")
        if kind in tried:
            tried[kind][what] = found[name].astype(np.int32)
    return EvidenceRows(
        method=str(found["method"]), label_map=LabelMap([int(c) for c in found["classes"]], []),
        y=found["y"].astype(np.int32), horizon=int(found["horizon"]),
        oos=found["oos"].astype(np.int64), inner=found["inner"].astype(np.int64), train=found["train"].astype(np.int64),
        names=[str(name) for name in found["names"]], oos_answers=found["oos_answers"].astype(np.int32),
        inner_answers=found["inner_answers"].astype(np.int32), train_answers=found["train_answers"].astype(np.int32),
        inner_majority=found["inner_majority"].astype(np.int32) if "inner_majority" in found else None,
        also_tried=tried["also_tried"], also_oos=tried["also_oos"],
    )  # fmt: skip
