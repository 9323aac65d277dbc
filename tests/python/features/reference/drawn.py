"""Bars for property tests: short, on a coarse price grid, so that ties, equal prices, flat bars and gaps are frequent.

Hypothesis chooses the size and the character of the bars, NumPy draws them. The bars of a smaller size are the first
bars of a larger one, so a failing example shrinks to the bar that breaks it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from smctrain.bars.types import TIMEFRAME_SECONDS, Bars

TICK = 0.25
START = np.datetime64("2024-03-04T00:00", "ns")  # a Monday


def grid_bars(
    n: int,
    seed: int = 0,
    *,
    step: float = 1.5,
    wick: float = 1.0,
    flat: float = 0.05,
    gap: float = 0.1,
    missing: float = 0.0,
    borders: int = 0,
    timeframe: str = "M15",
    holes: float = 0.0,
) -> Bars:
    """A walk in ticks: bodies of about `step`, wicks of about `wick`; shares of flat, gapping and missing bars."""
    rng = np.random.default_rng(seed)
    # One row of draws per bar, so that fewer bars are the first bars of more.
    draws = rng.random((n, 6))
    normal = rng.standard_normal((max(n, 1_000), 4))[:n]
    body = np.round(normal[:, 0] * step)
    jump = np.where(draws[:, 0] < gap, np.round(normal[:, 1] * 3.0), 0.0)
    up, down = np.round(np.abs(normal[:, 2]) * wick), np.round(np.abs(normal[:, 3]) * wick)
    is_flat = draws[:, 1] < flat
    body, jump, up, down = (np.where(is_flat, 0.0, values) for values in (body, jump, up, down))
    close = 400.0 + np.cumsum(body + jump)
    opened = close - body
    high, low = np.maximum(opened, close) + up, np.minimum(opened, close) - down
    prices = np.column_stack([opened, high, low, close]) * TICK
    is_missing = draws[:, 2] < missing
    prices[is_missing, np.where(is_missing, (draws[:, 3] * 4).astype(int), 0)[is_missing]] = np.nan
    volume = np.floor(draws[:, 4] * 5.0)
    pause = np.where(draws[:, 5] < holes, 1.0 + np.floor(draws[:, 5] / max(holes, 1e-9) * 40.0), 0.0)
    place = np.arange(n) + np.cumsum(pause).astype(np.int64)
    time = START + place * np.timedelta64(TIMEFRAME_SECONDS[timeframe], "s")
    edges = np.sort(np.random.default_rng([seed, 1]).integers(10, 150, borders))
    segment = np.searchsorted(edges, np.arange(n), side="right").astype(np.int32)
    columns = [np.ascontiguousarray(column) for column in prices.T]
    return Bars("GRID", timeframe, time, *columns, volume, np.full(n, 2.0), segment=segment)


@st.composite
def bars(draw: st.DrawFn, most: int = 150, least: int = 1, **fixed: Any) -> Bars:
    """Grid bars of any character."""
    character = {
        "step": st.sampled_from([0.6, 1.5, 4.0]),
        "wick": st.sampled_from([0.4, 1.0, 3.0]),
        "flat": st.sampled_from([0.0, 0.05, 0.5]),
        "gap": st.sampled_from([0.0, 0.1, 0.4]),
        "missing": st.sampled_from([0.0, 0.05]),
        "borders": st.sampled_from([0, 1]),
    }
    chosen = {name: fixed[name] if name in fixed else draw(values) for name, values in character.items()}
    more = {name: value for name, value in fixed.items() if name not in character}
    return grid_bars(draw(st.integers(least, most)), draw(st.integers(0, 10_000)), **chosen, **more)


def without_missing(b: Bars) -> tuple[Bars, np.ndarray]:
    """The bars that have all prices, and their rows."""
    rows = np.flatnonzero(np.isfinite(b.open) & np.isfinite(b.high) & np.isfinite(b.low) & np.isfinite(b.close))
    names = ("time", "open", "high", "low", "close", "volume", "spread", "segment")
    return replace(b, **{name: getattr(b, name)[rows] for name in names}), rows
