"""Higher timeframes as they read in the definitions: buckets of base bars, columns of finished buckets, joined to rows.

A bucket is finished by the first base bar that closes at its end or later; row t sees the last finished one. A bucket
that a segment cuts off is never finished.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from reference import smc

from smctrain.bars.types import TIMEFRAME_SECONDS, Bars

SHARED = ("trend_bias_atr", "rsi_wilder_14", "atr_z50", "ms_dir", "ms_bars_since_choch", "pd_pos")
ZONES = (("ob", "bull"), ("ob", "bear"), ("fvg", "bull"), ("fvg", "bear"))


def resampled(b: Bars, timeframe: str) -> tuple[Bars, list[int]]:
    """The finished buckets of one segment, and per base row the number of the last finished one (-1 before)."""
    length = TIMEFRAME_SECONDS[timeframe]
    opens = b.time.astype("datetime64[s]").astype(np.int64)
    done: list[dict[str, Any]] = []
    bucket: dict[str, Any] | None = None
    joined = []
    for t in range(len(b)):
        start = int(opens[t]) // length * length
        if bucket is not None and bucket["time"] != start:
            done.append(bucket)
            bucket = None
        prices = (b.open[t], b.high[t], b.low[t], b.close[t])
        if all(map(math.isfinite, prices)):
            if bucket is None:
                bucket = {"time": start, "open": b.open[t], "high": b.high[t], "low": b.low[t]}
            bucket["high"], bucket["low"] = max(bucket["high"], b.high[t]), min(bucket["low"], b.low[t])
            bucket["close"] = b.close[t]
        if bucket is not None and int(opens[t]) + b.seconds >= start + length:
            done.append(bucket)
            bucket = None
        joined.append(len(done) - 1)
    columns = [np.array([bar[name] for bar in done], dtype=np.float64) for name in ("open", "high", "low", "close")]
    time = np.array([bar["time"] for bar in done], dtype="datetime64[s]").astype("datetime64[ns]")
    return Bars(b.symbol, timeframe, time, *columns), joined


def zone_distances(higher: Bars, joined: list[int], closes: np.ndarray) -> dict[str, np.ndarray]:
    """Per base row the distance of its close to the nearest zone that was active at the joined bar, in its ATR."""
    segment = smc.Segment(smc.Rules(), 0)
    found = {f"{kind}_{side}": np.full(len(closes), math.nan) for kind, side in ZONES}
    seen = -1
    for t, j in enumerate(joined):
        while seen < j:
            seen += 1
            bar = (higher.open[seen], higher.high[seen], higher.low[seen], higher.close[seen])
            segment.push(0.0, bar)
        if j < 0 or not math.isfinite(closes[t]) or not segment.atr[-1] > 0:
            continue
        for kind, side in ZONES:
            sign = +1 if side == "bull" else -1
            zones = [z for z in (segment.blocks if kind == "ob" else segment.gaps) if z.side == sign and z.is_active]
            close = sign * closes[t]
            nearest = min(zones, key=lambda z: (abs(z.distance(close)), -z.known_at), default=None)
            if nearest is not None:
                found[f"{kind}_{side}"][t] = nearest.distance(close) / segment.atr[-1]
    return found
