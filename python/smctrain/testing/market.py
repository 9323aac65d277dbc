"""Markets with known truth: half of the symbols carry a planted signal, the other half is noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain._load import core
from smctrain.bars.types import TIMEFRAME_SECONDS, Bars, BarSet, Truth
from smctrain.exceptions import InputError
from smctrain.labels import triple_barrier

_START = np.datetime64("2023-01-02T00:00", "ns")  # a Monday
_SPREAD_POINTS = 2.0
_TRUTH_SEED = 20_230_102
_TRUTH_PARTS = 32
_TRUTH_BARS = 12_000


@dataclass(frozen=True)
class Process:
    """How simulated bars move; one bar volatility is the sd of a bar's log return.

    Attributes
    ----------
    drift : float
        Of planted symbols, per bar, in bar volatilities, in the direction of the hidden state.
    mean_spell : float
        Bars that a hidden state lasts on average. A default label is decided after 5 bars on average.
    leak : float
        Log volume is higher by this in state +1 and lower by it in state -1; its noise has sd 0.3.
    sigma : float
        Bar volatility.
    """

    drift: float = 0.35
    mean_spell: float = 40.0
    leak: float = 0.5
    sigma: float = 0.0005


def simulate_market(
    n_symbols: int = 6,
    n_bars: int = 12_000,
    seed: int = 7,
    timeframe: str = "M15",
    *,
    process: Process | None = None,
    labels: Mapping[str, Any] | None = None,
) -> BarSet:
    """Bars of several symbols, with the truth about them.

    SIM1, SIM3, SIM5, ... carry a signal: a hidden state lasts 40 bars on average, moves the price by 0.35 bar
    volatilities a bar, and shows in the level of the volume. The other symbols have the same volume process
    and no drift, so that nothing about them can be predicted. Highs and lows come from 16 sub-steps per bar;
    trading runs from Monday 00:00 to Friday 24:00 UTC; the spread is 2 points.

    Parameters
    ----------
    n_symbols, n_bars : int
        Number of symbols, and of bars of each.
    seed : int
        Of the bars; the same seed gives the same bars everywhere.
    timeframe : str
        M1 ... W1.
    process : Process, optional
        Other strengths of the planted signal.
    labels : mapping, optional
        Keyword arguments of `triple_barrier`: the label that the truth speaks about. Default: the default label.

    Returns
    -------
    BarSet
        `.truth` is a table symbol, planted, bayes_accuracy, majority for the label
        `triple_barrier(bars, **labels)`: the best accuracy that anyone could reach who knows the hidden state and
        volatility at each decision, and what a constant answer reaches. Both belong to the process, estimated
        once from a simulation of 384,000 bars, and not to the few bars at hand.

    Examples
    --------
    >>> market = simulate_market(n_symbols=2, n_bars=500)
    >>> market.symbols
    ['SIM1', 'SIM2']
    """
    for name, value, least in (("n_symbols", n_symbols, 1), ("n_bars", n_bars, 1), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise InputError(f"{name} must be an integer of at least {least}, but is {value!r}.")
    if timeframe not in TIMEFRAME_SECONDS:
        raise InputError(f"timeframe must be one of {', '.join(TIMEFRAME_SECONDS)}, but is {timeframe!r}.")
    process = process or Process()
    digits = len(str(n_symbols))
    frames = {}
    truth = []
    for number in range(1, n_symbols + 1):
        symbol = f"SIM{number:0{digits}d}"
        planted = number % 2 == 1
        bars, _ = _simulate(symbol, n_bars, seed, timeframe, process, planted)
        frames[symbol, timeframe] = bars
        accuracy, majority = best_accuracy(process, planted, tuple(sorted((labels or {}).items())))
        truth.append(Truth(symbol, planted, accuracy, majority))
    return BarSet(frames, truth=truth)


def demo_labels() -> dict[str, Any]:
    """The demo's label: target and stop equally far, time-outs by their sign. Two classes of about equal size, so that
    an accuracy can be read against a coin."""
    return {"target": 2.0, "stop": 2.0, "timeout": "sign"}


@cache
def best_accuracy(
    process: Process, planted: bool, labels: tuple[tuple[str, Any], ...] = (), seed: int = _TRUTH_SEED
) -> tuple[float, float]:
    """Best possible accuracy on one label, and the share of its most frequent class.

    The best answer is the most frequent label among decisions with the same hidden state and the same tenth
    of ATR over true volatility (which says how far the barriers are).
    """
    outcomes, states, distances = [], [], []
    for part in range(_TRUTH_PARTS):
        bars, hidden = _simulate(f"truth{part}", _TRUTH_BARS, seed, "M15", process, planted)
        lab = triple_barrier(bars, **dict(labels))
        rows = lab.t0[lab.ok]
        outcomes.append(lab.y[rows].astype(np.int64))
        states.append((hidden["state"][rows] > 0).astype(np.int64))
        distances.append(lab.risk[rows] / hidden["volatility"][rows])
    y, state, distance = np.concatenate(outcomes), np.concatenate(states), np.concatenate(distances)
    tenth = np.searchsorted(np.quantile(distance, np.arange(1, 10) / 10), distance)
    table = np.zeros((2, 10, 3))
    np.add.at(table, (state, tenth, y + 1), 1)
    # Both states are equally likely by construction: weigh them so, instead of as they happened to occur.
    table /= 2 * table.sum(axis=(1, 2), keepdims=True)
    return float(table.max(axis=2).sum()), float(table.sum(axis=(0, 1)).max())


def _simulate(
    symbol: str, n_bars: int, seed: int, timeframe: str, process: Process, planted: bool
) -> tuple[Bars, dict[str, Any]]:
    """Bars of one symbol, and what is hidden about them."""
    seconds = TIMEFRAME_SECONDS[timeframe]
    per_week = max(1, 5 * 86_400 // seconds)
    out = core().simulate_bars(
        n=int(n_bars),
        seed=int(seed),
        purpose=f"market/{symbol}",
        planted=planted,
        drift=process.drift,
        mean_spell=process.mean_spell,
        leak=process.leak,
        sigma=process.sigma,
        bars_per_week=per_week,
        start_price=1.1,
    )
    bars = Bars(
        symbol=symbol,
        timeframe=timeframe,
        time=_calendar(n_bars, seconds, per_week),
        open=out["open"],
        high=out["high"],
        low=out["low"],
        close=out["close"],
        volume=out["volume"],
        spread=np.full(n_bars, _SPREAD_POINTS),
        digits=out["digits"],
        source="simulated market",
    )
    return bars, out


def _calendar(n: int, seconds: int, per_week: int) -> NDArray[np.datetime64]:
    """Opening times of a market that trades from Monday to Friday."""
    week, place = np.divmod(np.arange(n), per_week)
    offset = week * 7 * 86_400 + place * seconds
    time: NDArray[np.datetime64] = _START + offset * np.timedelta64(1_000_000_000, "ns")
    return time
