"""The labels of the original pipeline, whose results looked good because they entered before the setup was known.

An order block on bar k is an opposite candle that the bars up to k+3 turn into one, yet the original entered at the
close of bar k. Vocabulary and rules follow that program; `tests/python/labels/test_seed_table.py` measures what
becomes of the same trades when they are entered once the block is known. For tests and documentation only.

block      bar k, 2 <= k <= n-5: a bearish candle, a bullish one, and a third close above the second's (long;
           short mirrored), with `quality` = min(displacement score, body score) of at least the threshold.
gap        row m = i-1 of bars i-2, i-1, i whose outer two do not overlap, with a score of at least the threshold;
           a run of rows of one side keeps the outermost edges on its first row.
valid(k)   the trend supports the side, the oscillator is not over-extended, the regime is normal or a strong trend.
entry      close of bar k, if a bar in k+1..k+99 comes back to the block; stop beyond the block if valid, else beyond
           a gap on bar k, else half an ATR away. Bars k+1..k+20: the stop counts first, then the target.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from smctrain.bars.types import Bars
from smctrain.exceptions import InputError
from smctrain.features import FeatureSpec, build_features

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
HORIZON = 20
_PERIOD, _TREND, _TOUCH_BARS = 14, 50, 99
_TINY = 1e-10
_MIN_QUALITY, _MIN_DISPLACEMENT, _BUFFER, _FALLBACK = 0.2, 1.0, 0.1, 0.5


@dataclass(frozen=True, eq=False)
class SeedBlocks:
    """Order blocks of the original: bar k, side (+1 long), quality, and displacement in ATR of bar k+1."""

    k: Ints
    side: NDArray[np.int8]
    quality: Floats
    displacement: Floats


@dataclass(frozen=True, eq=False)
class SeedTrades:
    """Trades of the original: entered at the close of bar k, `risk` = side * (entry - stop) as it came out."""

    k: Ints
    side: NDArray[np.int8]
    entry: Floats
    stop: Floats
    risk: Floats


def seed_atr(b: Bars) -> Floats:
    """Simple mean of the last 14 true ranges, the first of which is high - low; NaN on the first 13 bars."""
    close = np.concatenate([b.close[:1], b.close[:-1]])
    spans = np.stack([b.high - b.low, np.abs(b.high - close), np.abs(b.low - close)])
    spans[1:, :1] = 0.0
    return _mean(spans.max(axis=0), _PERIOD)


def seed_blocks(b: Bars, threshold: float) -> SeedBlocks:
    """All blocks whose quality is at least `threshold`, oldest first."""
    n = len(b)
    _positive(threshold)
    if n < 7:
        none = np.empty(0)
        return SeedBlocks(none.astype(np.int64), none.astype(np.int8), none, none)
    k = np.arange(2, n - 4)
    o, h, low, c = b.open, b.high, b.low, b.close
    unit = seed_atr(b)[k + 1]
    up = (c[k] < o[k]) & (c[k + 1] > o[k + 1]) & (c[k + 2] > c[k + 1])
    down = (c[k] > o[k]) & (c[k + 1] < o[k + 1]) & (c[k + 2] < c[k + 1])
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = np.where(up, h[k + 3] - low[k], h[k] - low[k + 3]) / unit
        body = np.abs(c[k] - o[k]) / unit
    quality = np.minimum(_displacement_score(moved), _body_score(body))
    found = (up | down) & (unit > 0) & (quality >= threshold)
    return SeedBlocks(k[found], np.where(up, 1, -1)[found].astype(np.int8), quality[found], moved[found])


def strong_blocks(b: Bars, threshold: float) -> SeedBlocks:
    """The blocks that the original considers at all: quality above 0.2, displacement above 1, an ATR on bar k."""
    blocks = seed_blocks(b, threshold)
    keep = (blocks.quality > _MIN_QUALITY) & (blocks.displacement > _MIN_DISPLACEMENT) & (seed_atr(b)[blocks.k] > 0)
    return SeedBlocks(blocks.k[keep], blocks.side[keep], blocks.quality[keep], blocks.displacement[keep])


def seed_trades(b: Bars, threshold: float) -> SeedTrades:
    """The trades of the original program, stops on the wrong side included."""
    n = len(b)
    blocks = strong_blocks(b, threshold)
    early = blocks.k <= n - HORIZON - 1
    k, side = blocks.k[early], blocks.side[early]
    # The lowest low (highest high) of the next 99 bars, as far as there are that many.
    low = np.concatenate([b.low, np.full(_TOUCH_BARS, np.inf)])
    high = np.concatenate([b.high, np.full(_TOUCH_BARS, -np.inf)])
    touched = np.where(
        side > 0,
        sliding_window_view(low, _TOUCH_BARS)[k + 1].min(axis=1, initial=np.inf) <= b.high[k],
        sliding_window_view(high, _TOUCH_BARS)[k + 1].max(axis=1, initial=-np.inf) >= b.low[k],
    )
    k, side = k[touched], side[touched]
    unit, entry = seed_atr(b)[k], b.close[k]
    bottom, top = _gap_edges(b, threshold)
    edge = np.where(side > 0, bottom[k], top[k])
    far = np.where(side > 0, b.low[k], b.high[k])
    stop = np.where(np.isnan(edge), entry - side * _FALLBACK * unit, edge - side * _BUFFER * unit)
    valid_long, valid_short = _valid(b)
    stop = np.where(np.where(side > 0, valid_long[k], valid_short[k]), far - side * _BUFFER * unit, stop)
    return SeedTrades(k, side, entry, stop, side * (entry - stop))


def seed_outcomes(b: Bars, trades: SeedTrades, rr: float) -> NDArray[np.int8]:
    """-1 stop, +1 target, 0 neither within 20 bars: the original's label of each trade."""
    bars = trades.k[:, None] + np.arange(1, HORIZON + 1)
    target = trades.entry + trades.side * rr * trades.risk
    long = trades.side[:, None] > 0
    low, high = b.low[bars], b.high[bars]
    stopped = np.where(long, low <= trades.stop[:, None], high >= trades.stop[:, None])
    reached = np.where(long, high >= target[:, None], low <= target[:, None])
    decided = stopped | reached
    first = decided.argmax(axis=1)
    row = np.arange(len(first))
    return np.where(~decided[row, first], 0, np.where(stopped[row, first], -1, 1)).astype(np.int8)


# ---- memberships without shoulders, and their sums ----


def _triangle(x: Floats, a: float, peak: float, c: float) -> Floats:
    return _trapezoid(x, a, peak, peak, c)


def _trapezoid(x: Floats, a: float, b: float, c: float, d: float) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        rising = np.where(x < b, (x - a) / (b - a) if b > a else 0.0, 1.0)
        falling = np.where(x > c, (d - x) / (d - c), 1.0)
    inside = np.minimum(rising, falling)
    return np.where((x > a) & (x < d), inside, 0.0)


def _displacement_score(x: Floats) -> Floats:
    return _triangle(x, 1, 2, 3.5) + _triangle(x, 2.5, 4, 6) + _trapezoid(x, 5, 7, 15, 20)


def _body_score(x: Floats) -> Floats:
    return _triangle(x, 0.1, 0.4, 0.8) + _trapezoid(x, 0.6, 1, 2, 3) + _trapezoid(x, 2.5, 4, 10, 15)


def _gap_score(x: Floats) -> Floats:
    return _triangle(x, 0.3, 0.8, 1.5) + _triangle(x, 1, 2, 3.5) + _trapezoid(x, 3, 4, 8, 12)


def _trend_centroid(x: Floats) -> Floats:
    weak, moderate, strong = _trapezoid(x, 0, 0, 0.5, 1), _triangle(x, 0.7, 1.5, 2.5), _trapezoid(x, 2, 3, 8, 12)
    total = weak + moderate + strong
    # Terms stand for 0.5, 1.5 and 3. Measured from 1.5, so that "moderate" alone gives exactly that: rounding above
    # it would make a strong trend of it.
    shift = np.divide(1.5 * strong - weak, total, out=np.full_like(total, -1.5), where=total > 0)
    return 1.5 + shift


# ---- context ----


def _gap_edges(b: Bars, threshold: float) -> tuple[Floats, Floats]:
    """Bottom and top of the gap on each bar, NaN without one; a run of one side is merged into its first bar."""
    n = len(b)
    bottom, top = np.full(n, np.nan), np.full(n, np.nan)
    unit = seed_atr(b)[1:-1]
    h0, l0, h2, l2 = b.high[:-2], b.low[:-2], b.high[2:], b.low[2:]
    side = np.where(h0 < l2, 1, np.where(l0 > h2, -1, 0))
    low, high = np.where(side > 0, h0, h2), np.where(side > 0, l2, l0)
    with np.errstate(divide="ignore", invalid="ignore"):
        strong = _gap_score((high - low) / unit) >= threshold
    side = np.where(strong & (unit > 0), side, 0)
    starts = np.flatnonzero(np.r_[True, side[1:] != side[:-1]]) if len(side) else np.empty(0, dtype=np.int64)
    if len(starts):
        use = side[starts] != 0
        bottom[starts[use] + 1] = np.minimum.reduceat(low, starts)[use]
        top[starts[use] + 1] = np.maximum.reduceat(high, starts)[use]
    return bottom, top


def _valid(b: Bars) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    unit = seed_atr(b)
    bias = (b.close - _ema(b)) / (unit + _TINY)
    change = np.diff(b.close, prepend=np.nan)
    gain, loss = _mean(np.maximum(change, 0), _PERIOD), _mean(np.maximum(-change, 0), _PERIOD)
    rsi = 100 - 100 / (1 + gain / (loss + _TINY))
    spread = np.full(len(b), np.nan)
    if len(b) >= _TREND:
        spread[_TREND - 1 :] = sliding_window_view(unit, _TREND).std(axis=1, ddof=1)
    z = (unit - _mean(unit, _TREND)) / (spread + _TINY)
    strength = _trend_centroid(np.abs(bias))
    vol_high, vol_low = np.clip(z - 0.5, 0, 1), np.clip((0.5 - z) / 1.5, 0, 1)
    strong, weak = np.clip(strength - 1, 0, 1), np.clip((1 - strength) / 0.5, 0, 1)
    trending = (vol_high > 0.6) & (strong > 0.5)
    other = ((vol_low > 0.6) & (weak > 0.5)) | (vol_high > 0.6) | (vol_low > 0.6)
    fits = trending | ~other
    long = (np.clip(bias, 0, 1) > 0.3) & (np.clip((rsi - 60) / 20, 0, 1) < 0.7) & fits
    short = (np.clip(-bias, 0, 1) > 0.3) & (np.clip((40 - rsi) / 20, 0, 1) < 0.7) & fits
    return long, short


def _mean(x: Floats, width: int) -> Floats:
    out = np.full(len(x), np.nan)
    if len(x) >= width:
        out[width - 1 :] = sliding_window_view(x, width).mean(axis=1)
    return out


def _ema(b: Bars) -> Floats:
    """Exponential mean of the closes that starts from the first one; over the whole series, as the original."""
    spec = FeatureSpec(base=b.timeframe, higher=(), columns=("ema_first_50",), dtype="float64")
    whole = replace(b, segment=np.zeros(len(b), dtype=np.int32))
    return build_features(whole, spec).values[:, 0].astype(np.float64)


def _positive(threshold: float) -> None:
    if not threshold > 0:
        raise InputError(f"threshold must be a number above 0, but is {threshold}.")
