"""What limits the fits of a symbol, and how its folds are fitted within that.

Where the symbol has several threads, the folds are fitted side by side with one thread each: threads of one small fit
mostly wait for one another. Neither changes a result.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from smctrain.models.side_by_side import Limits, side_by_side

Report = Callable[..., None]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Bounds:
    """What limits a fit: seed, threads, stop flag, deadline."""

    seed: int
    threads: int
    stop: NDArray[np.uint8]
    deadline: float

    def seconds_left(self) -> float:
        # A fit that starts after the deadline still gets a moment: it stops at its first poll and says so.
        return max(0.001, self.deadline - time.monotonic())

    def stopped(self) -> bool:
        return bool(self.stop[0]) or time.monotonic() >= self.deadline


def seed_of(seed: int, *purpose: str) -> int:
    """A seed for one purpose, independent of order and of worker count."""
    digest = hashlib.blake2b("/".join([str(seed), *purpose]).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def run_folds(
    jobs: Sequence[Callable[[], Result]], bounds: Bounds, report: Report, beside: Callable[[], object] | None = None
) -> list[Result]:
    """What the jobs return, in their order; fewer where time ran out. Raises what the first failing one raised.

    `beside` is a job that runs with them where there are several threads: it starts first, because it is the longest,
    and is not counted. Where it fails, or there is one thread, the caller does it again, on its own.
    """
    workers = min(bounds.threads, len(jobs) + (beside is not None))
    if workers > 1 and jobs:
        return _side_by_side(jobs, workers, bounds, report, beside)
    found = []
    for number, job in enumerate(jobs):
        if bounds.stopped():
            break
        report("cv", number, len(jobs))
        found.append(job())
    return found


def _side_by_side(
    jobs: Sequence[Callable[[], Any]], workers: int, bounds: Bounds, report: Report,
    beside: Callable[[], object] | None,
) -> list[Any]:  # fmt: skip
    limits = Limits(bounds.stop)
    limits.deadline = bounds.deadline
    found: dict[int, Any] = {}
    errors: dict[int, BaseException] = {}

    first = 0 if beside is None else 1

    def finished(number: int, value: Any, error: BaseException | None) -> None:
        number -= first
        if number < 0:
            return
        if error is not None:
            errors[number] = error
            limits.deadline = 0.0  # folds that have not begun are not needed any more
        else:
            found[number] = value
        report("cv", len(found) + len(errors), len(jobs))

    report("cv", 0, len(jobs))
    if side_by_side([*([] if beside is None else [beside]), *jobs], workers, limits, finished):
        raise KeyboardInterrupt
    if errors:
        raise errors[min(errors)]
    return [found[number] for number in range(len(found))]
