"""Bars for the feature tests: real ones read with nothing but csv and NumPy, and drawn ones."""

from __future__ import annotations

import csv
import gzip
import sys
from pathlib import Path

import numpy as np
import pytest

from smctrain.bars.types import TIMEFRAME_SECONDS, Bars, SymbolBars

sys.path.insert(0, str(Path(__file__).parent))  # the slow references, `from reference import ...`


def read_export(path: Path, timeframe: str) -> Bars:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))

    def column(name: str) -> np.ndarray:
        return np.array([float(row[name]) for row in rows])

    prices = [np.round(column(name) * 1e5) / 1e5 for name in ("open", "high", "low", "close")]
    time = np.array([row["time"] for row in rows], dtype="datetime64[ns]")
    return Bars("EURUSD", timeframe, time, *prices, column("tick_volume"), column("spread"), digits=5)


def drawn_bars(n: int, timeframe: str = "M15", seed: int = 1, start: str = "2024-01-01T00:00") -> Bars:
    """A random walk on a price grid with ranges, volumes and no pauses."""
    rng = np.random.default_rng(seed)
    close = 1.1 + np.cumsum(rng.standard_normal(n) * 4e-4)
    opened = np.r_[1.1, close[:-1]] + rng.integers(-2, 3, n) * 1e-5
    high = np.maximum(opened, close) + rng.random(n) * 4e-4
    low = np.minimum(opened, close) - rng.random(n) * 4e-4
    prices = [np.round(values * 1e5) / 1e5 for values in (opened, high, low, close)]
    time = np.datetime64(start, "ns") + np.arange(n) * np.timedelta64(TIMEFRAME_SECONDS[timeframe], "s")
    volume = rng.integers(50, 900, n).astype(np.float64)
    return Bars("DRAWN", timeframe, time, *prices, volume, np.full(n, 2.0), digits=5)


@pytest.fixture(scope="session")
def eurusd(mt5: Path) -> SymbolBars:
    return SymbolBars("EURUSD", {tf: read_export(mt5 / f"EURUSD_{tf}.csv.gz", tf) for tf in ("M15", "H1", "H4")})


@pytest.fixture(scope="session")
def draw():  # type: ignore[no-untyped-def]
    return drawn_bars
