"""Bars that look like the given ones and cannot be predicted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from smctrain.bars.types import Bars
from smctrain.exceptions import TooFewRows

MEAN_BLOCK = 20
_LEAST_BARS = 50
_LEAST_POINTS = 1_000.0


def surrogate_bars(bars: Bars, seed: int | np.random.Generator = 0) -> Bars:
    """A stationary bootstrap of the shapes of `bars`, half of the blocks upside down.

    Runs of bars (20 on average, geometric) are drawn with replacement; of each bar log(O / previous C), log(H / O),
    log(L / O) and log(C / O) are kept, with its volume and spread, and a run is mirrored with probability 1/2 (highs
    and lows change places). What moved together still does; the direction of the next run is a coin.

    Parameters
    ----------
    bars : Bars
        n bars, at least 50.
    seed : int or numpy Generator

    Returns
    -------
    Bars
        n bars with the time stamps and segments of `bars`.

    Notes
    -----
    Source of the bootstrap: Politis and Romano, "The stationary bootstrap" (1994).
    """
    rng = np.random.default_rng(seed)
    n = len(bars)
    shapes, source = _shapes(bars)
    if n < _LEAST_BARS or len(source) < _LEAST_BARS:
        raise TooFewRows(f"{bars.symbol}: a surrogate needs at least {_LEAST_BARS} bars, but there are {n}.")
    begins = rng.random(n) < 1.0 / MEAN_BLOCK
    begins[0] = True
    block = np.cumsum(begins) - 1
    first_row = np.flatnonzero(begins)
    place = rng.integers(0, len(source), len(first_row))[block] + np.arange(n) - first_row[block]
    drawn = place % len(source)
    mirrored = (rng.random(len(first_row)) < 0.5)[block]
    gap, high, low, close = shapes[drawn].T
    sign = np.where(mirrored, -1.0, 1.0)
    high, low = np.where(mirrored, -low, high), np.where(mirrored, -high, low)
    gap, close = sign * gap, sign * close
    at_close = np.log(bars.close[source[0]]) + np.cumsum(gap + close)
    at_open = at_close - close
    prices = [np.exp(at_open), np.exp(at_open + high), np.exp(at_open + low), np.exp(at_close)]
    if bars.digits is not None and prices[2].min() * 10.0**bars.digits > _LEAST_POINTS:
        prices = [np.round(values, bars.digits) for values in prices]
    rows = source[drawn]
    return replace(
        bars,
        open=prices[0],
        high=prices[1],
        low=prices[2],
        close=prices[3],
        volume=None if bars.volume is None else bars.volume[rows],
        spread=None if bars.spread is None else bars.spread[rows],
        source=f"surrogate of {bars.source or bars.symbol}",
    )


def _shapes(bars: Bars) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Log shapes (m, 4) of the bars that have a bar before them in their segment, and their rows."""
    prices = np.column_stack([bars.open, bars.high, bars.low, bars.close])
    good = np.all(np.isfinite(prices) & (prices > 0), axis=1).reshape(-1)
    usable = np.flatnonzero(good[1:] & good[:-1] & (bars.segment[1:] == bars.segment[:-1])) + 1
    logs = np.log(np.where(prices > 0, prices, 1.0))
    gap = logs[usable, 0] - logs[usable - 1, 3]
    shapes = np.column_stack([gap, logs[usable, 1:] - logs[usable, :1]])
    return shapes, usable.astype(np.int64)
