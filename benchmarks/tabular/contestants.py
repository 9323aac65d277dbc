"""Contestants by name: what is timed, and what is kept of the result. Imported in workers only.

A library registers `@contestant("kind:library")` functions; modules are imported on demand, so that a process holds
only what its contestant needs.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

MODULES = {
    "forest": "forests", "forest_predict": "forest_uses", "forest_row": "forest_uses", "forest_shap": "forest_uses",
    "forest_permutation": "forest_uses", "boost": "boosters", "linear": "linear", "floor": "floor",
}  # fmt: skip
_MAKERS: dict[str, Callable[..., Contestant]] = {}


@dataclass
class Contestant:
    """`call(turn)` is timed; `answer(result, turn)` names the arrays that are compared."""

    call: Callable[[int], Any]
    answer: Callable[[Any, int], dict[str, Any]] = lambda _result, _turn: {}
    note: Callable[[], str] = lambda: ""
    import_s: float = 0.0


@dataclass(frozen=True)
class Job:
    """Data of each turn, settings, threads."""

    paths: Sequence[str]
    settings: dict[str, Any] = field(default_factory=dict)
    threads: int = 1

    def data(self, turn: int) -> dict[str, NDArray[Any]]:
        return load(self.paths[turn % len(self.paths)])


@cache
def load(path: str) -> dict[str, NDArray[Any]]:
    """A stored data set, read once."""
    with np.load(path) as stored:
        return {name: stored[name] for name in stored.files}


def contestant(name: str) -> Callable[[Callable[[Job], Contestant]], Callable[[Job], Contestant]]:
    """Registers a maker under `kind:library`."""

    def keep(maker: Callable[[Job], Contestant]) -> Callable[[Job], Contestant]:
        _MAKERS[name] = maker
        return maker

    return keep


def make(name: str, paths: Sequence[str], settings: dict[str, Any], threads: int) -> Contestant:
    """The contestant of that name; ImportError where its library is not installed."""
    job = Job(paths, settings, threads)
    for path in paths:
        load(path)
    importlib.import_module(MODULES[name.split(":")[0]])
    started = time.perf_counter()
    made = _MAKERS[name](job)
    made.import_s = time.perf_counter() - started
    return made
