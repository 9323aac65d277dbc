"""Bars for the tests of the Smart-Money-Concepts engine: hand-made, random with many ties, and real."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from smctrain.bars.types import Bars

MakeBars = Callable[..., Bars]


def _bars(prices: Sequence[Sequence[float]] | np.ndarray, segment: Sequence[int] | None = None) -> Bars:
    table = np.array(prices, dtype=np.float64).reshape(-1, 4)
    time = np.datetime64("2024-01-01", "ns") + np.arange(len(table)) * np.timedelta64(15, "m")
    columns = [np.ascontiguousarray(column) for column in table.T]
    ids = np.zeros(len(table), dtype=np.int32) if segment is None else np.asarray(segment, dtype=np.int32)
    return Bars("TEST", "M15", time, *columns, segment=ids)


@pytest.fixture(scope="session")
def make_bars() -> MakeBars:
    """Rows of (open, high, low, close) as 15-minute bars."""
    return _bars


@pytest.fixture(scope="session")
def random_bars() -> MakeBars:
    """A random walk on a coarse price grid: equal highs, lows and closes are frequent."""

    def make(n: int, seed: int, tick: float = 0.25, scale: float = 2.0) -> Bars:
        rng = np.random.default_rng(seed)
        close = 100.0 + np.cumsum(np.round(rng.normal(0.0, scale, n))) * tick
        open_ = np.concatenate([close[:1], close[:-1]]) + np.round(rng.normal(0.0, 0.7, n)) * tick
        high = np.maximum(open_, close) + np.round(np.abs(rng.normal(0.0, 1.0, n))) * tick
        low = np.minimum(open_, close) - np.round(np.abs(rng.normal(0.0, 1.0, n))) * tick
        return _bars(np.column_stack([open_, high, low, close]))

    return make


@pytest.fixture(scope="session")
def real_bars(mt5: Path) -> Callable[[str, int], Bars]:
    """All M15 bars of a symbol, prices snapped to `digits` decimals."""

    def read(symbol: str, digits: int) -> Bars:
        with gzip.open(mt5 / f"{symbol}_M15.csv.gz", "rt", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        scale = 10.0**digits
        table = np.array([[float(row[name]) for name in ("open", "high", "low", "close")] for row in rows])
        return _bars(np.round(table * scale) / scale)

    return read
