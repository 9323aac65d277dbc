"""Small made-up markets whose symbols keep different hours."""

from __future__ import annotations

import numpy as np

from smctrain import Bars, FeatureSpec

SPEC = FeatureSpec(base="H1", higher=(), columns=("ret_1", "rsi_sma_14", "cd_clv", "sma_20"))


def walk(symbol: str, n: int = 120, first: int = 0, missing: float = 0.1) -> Bars:
    """A random walk of hourly bars from hour `first` on, of which some hours are missing."""
    rng = np.random.default_rng([*symbol.encode()])
    hours = first + np.flatnonzero(rng.random(n) >= missing)
    close = np.round(100 * np.exp(np.cumsum(rng.normal(0, 0.01, len(hours)))), 2)
    open_ = np.concatenate([close[:1], close[:-1]])
    return Bars(
        symbol=symbol,
        timeframe="H1",
        time=np.datetime64("2024-01-01", "ns") + hours * np.timedelta64(1, "h"),
        open=open_,
        high=np.maximum(open_, close) + 0.05,
        low=np.minimum(open_, close) - 0.05,
        close=close,
        volume=np.full(len(hours), 5.0),
    )
