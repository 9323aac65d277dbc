"""Timing: ours and the peer's turns interleaved (ABBA), CPU and wall time, extra memory, one thread."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

Call = Callable[[], object]

SAMPLE_SECONDS = 0.03  # a sample repeats its call until it has run about this long
SLOW_SECONDS = 1.0
_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Side:
    """One contestant in one cell: a name and per-call figures of each round."""

    name: str
    cpu_ms: list[float]
    wall_ms: list[float]
    first_ms: float
    extra_mib: float | None

    def summary(self) -> dict[str, Any]:
        """Medians and minima."""
        return {
            "name": self.name,
            "cpu_ms": statistics.median(self.cpu_ms),
            "cpu_ms_min": min(self.cpu_ms),
            "wall_ms": statistics.median(self.wall_ms),
            "wall_ms_min": min(self.wall_ms),
            "first_call_ms": self.first_ms,
            "extra_mib": self.extra_mib,
        }


@dataclass
class Cell:
    """One line of the table: what was done, how large, ours, the peers, and whether results agree."""

    group: str
    work: str
    size: int
    ours: Side
    peers: list[Side] = field(default_factory=list)
    agree: bool | None = None  # None: there is nothing to compare
    agreement: str = ""

    def ratios(self, peer: Side) -> dict[str, float]:
        """Peer's CPU seconds over ours, round by round: above 1 we are faster."""
        rounds = [theirs / ours for theirs, ours in zip(peer.cpu_ms, self.ours.cpu_ms, strict=True)]
        return {"median": statistics.median(rounds), "low": min(rounds), "high": max(rounds)}

    def record(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "group": self.group,
            "work": self.work,
            "size": self.size,
            "ours": self.ours.summary(),
            "peers": [{**peer.summary(), "ratio": self.ratios(peer)} for peer in self.peers],
            "agree": self.agree,
            "agreement": self.agreement,
        }


def compare(calls: dict[str, Call], rounds: int, repeat: bool = True) -> list[Side]:
    """Times every call `rounds` times, in turn; every second round runs backwards (ABBA).

    A first call of each is timed apart: compilation, first touch of memory and imports belong to it. A call that goes
    on where the last one ended is not repeated within a round.
    """
    names = list(calls)
    first, extra = {}, {}
    for name in names:
        first[name], extra[name] = _first(calls[name])
    repeats = {}
    for name in names:
        once = min(_timed(calls[name], 1)[1] for _ in range(2)) if first[name] < SLOW_SECONDS else first[name]
        repeats[name] = max(1, round(SAMPLE_SECONDS / max(once, 1e-9))) if repeat else 1
    cpu: dict[str, list[float]] = {name: [] for name in names}
    wall: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        for name in names if turn % 2 == 0 else reversed(names):
            spent = _timed(calls[name], repeats[name])
            cpu[name].append(1e3 * spent[0])
            wall[name].append(1e3 * spent[1])
    return [Side(name, cpu[name], wall[name], 1e3 * first[name], extra[name]) for name in names]


def _first(call: Call) -> tuple[float, float | None]:
    """Seconds of a first call, and how far a call makes the process grow: a second one, unless it takes long."""
    seconds = 0.0

    def timed() -> object:
        nonlocal seconds
        started = time.perf_counter()
        result = call()
        seconds = time.perf_counter() - started
        return result

    extra = extra_mib(timed)
    first = seconds
    return first, extra if first >= SLOW_SECONDS else extra_mib(call)


def _timed(call: Call, repeats: int) -> tuple[float, float]:
    """CPU and wall seconds of one call, averaged over `repeats`."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(repeats):
        call()
    return (time.process_time() - cpu) / repeats, (time.perf_counter() - wall) / repeats


def extra_mib(call: Call) -> float | None:
    """How far the process grew at the worst moment of a call, in MiB; None where the system cannot tell."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # freed memory must not count as there already
    try:
        _CLEAR.write_text("5", encoding="ascii")  # resets the high-water mark of this process
        before = _status_mib("VmRSS")
        result = call()
        peak = _status_mib("VmHWM")
    except OSError:
        return None
    del result
    return round(max(0.0, peak - before), 1)


def _status_mib(field_name: str) -> float:
    for line in _STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith(field_name + ":"):
            return int(line.split()[1]) / 1024
    raise OSError(field_name)


@cache
def copy_speed() -> float:
    """GB/s of a streamed copy (read plus write), the floor under everything that writes a matrix."""
    import numpy as np

    source = np.ones(1 << 24)
    target = np.empty_like(source)
    np.copyto(target, source)
    best = min(_timed(lambda: np.copyto(target, source), 1)[1] for _ in range(5))
    return 2 * source.nbytes / best / 1e9


def machine() -> dict[str, Any]:
    """What a reader needs to judge the figures."""
    model = platform.machine()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "system": platform.system(),
    }
