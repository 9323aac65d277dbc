"""Small bar files for the tests of this folder."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

HEADER = "time,open,high,low,close,tick_volume,spread"


def walk(n: int, start: str = "2024-01-01T00:00", minutes: int = 15, seed: int = 1) -> list[str]:
    """n rows of a random walk as CSV lines, on a 5-decimal grid, times without a zone."""
    rng = np.random.default_rng(seed)
    close = np.round(1.1 + np.cumsum(rng.normal(0, 1e-4, n)), 5)
    open_ = np.concatenate(([1.1], close[:-1]))
    high = np.round(np.maximum(open_, close) + 5e-5, 5)
    low = np.round(np.minimum(open_, close) - 5e-5, 5)
    times = np.datetime64(start) + np.arange(n) * np.timedelta64(minutes, "m")
    return [
        f"{str(t).replace('T', ' ')},{o:.5f},{h:.5f},{lo:.5f},{c:.5f},{100 + i % 7},2"
        for i, (t, o, h, lo, c) in enumerate(zip(times, open_, high, low, close, strict=True))
    ]


def write(path: Path, lines: list[str], header: str = HEADER) -> Path:
    """A CSV file, gzip-compressed when its name says so."""
    text = "\n".join([header, *lines]) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path
