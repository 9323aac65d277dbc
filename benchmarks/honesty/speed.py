"""H17: what the honest answers cost, on as many threads as are given; median of several turns."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from smctrain import splits, stats

Cell = tuple[str, float, Callable[[], Any]]
"""Words, seconds promised at full size, what is timed."""


def _audit(quick: bool, _: int) -> Cell:
    n = 50_000 if quick else 1_000_000
    t0 = np.arange(n)
    t1 = t0 + 1 + np.random.default_rng(1).integers(0, 20, n)
    splitter = splits.CombinatorialPurgedKFold(10, 2, embargo=20, intervals=(t0, t1))

    def work() -> None:
        splits.audit(splitter.split(t0), t0, (t0, t1))

    return f"interval audit, {n:,} rows x CPCV(10, 2)", 1.0, work


def _shifts(quick: bool, threads: int) -> Cell:
    rng = np.random.default_rng(2)
    n = 5_000 if quick else 100_000
    y, models = rng.integers(0, 2, n), rng.integers(0, 2, (20, n))
    return (
        f"shift test of 20 models, {n:,} rows, all shifts", 0.5,
        lambda: stats.circular_shift_test(y, models, 10, "accuracy", threads=threads),
    )  # fmt: skip


def _bootstraps(quick: bool, threads: int) -> Cell:
    n, draws = (5_000, 500) if quick else (100_000, 10_000)
    values = np.random.default_rng(3).standard_normal(n)
    return (
        f"{draws:,} stationary bootstraps of {n:,} rows", 10.0,
        lambda: stats.bootstrap_interval(values, 10, n_draws=draws, threads=threads),
    )  # fmt: skip


def measure(threads: int = 2, turns: int = 5, quick: bool = False) -> list[dict[str, Any]]:
    """Wall and CPU seconds of each cell: median over the turns."""
    found = []
    for make in (_audit, _shifts, _bootstraps):
        name, target, work = make(quick, threads)
        wall, cpu = [], []
        for _ in range(turns):
            started, used = time.perf_counter(), time.process_time()
            work()
            wall.append(time.perf_counter() - started)
            cpu.append(time.process_time() - used)
        found.append(
            {"cell": name, "target": target, "wall": float(np.median(wall)), "least": min(wall),
             "cpu": float(np.median(cpu)), "threads": threads, "turns": turns}
        )  # fmt: skip
    return found
