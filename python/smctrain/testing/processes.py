"""Standard processes that cannot be predicted (and one that can): what audits, canaries and tests run on.

N0 / P(a)   a table of 12 features and a label 10 rows ahead, GARCH returns; a > 0 plants a signal of known strength
G1          bars of a Gaussian walk
G2          GARCH, the variance of N0
G3          G2 with an opening gap N(0, 5^2) on one bar in a hundred
G4          G2 times the hour (0.5 at night, 1.5 at 8-16 h), weekends left out
G5          real bars: stationary bootstrap of their shapes, blocks mirrored with probability 1/2

Of G1 to G4 a price is 100 exp(0.002 path), snapped to 5 decimals; a bar has 16 sub-steps and opens at the last close
unless there is a gap; the mean variance of a bar's step in the path is 1. No model on any of G1 to G5 can stay above
the majority rate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smctrain.bars.types import TIMEFRAME_SECONDS, Bars
from smctrain.exceptions import InputError

Array = NDArray[np.float64]

KINDS = ("G1", "G2", "G3", "G4", "G5")
BURN_IN = 500
SUB_STEPS = 16
DIGITS = 5
HORIZON = 10
_START = np.datetime64("2023-01-02T00:00", "ns")  # a Monday
_GAP_SHARE = 0.01
_GAP_SD = 5.0


@dataclass(frozen=True, eq=False)
class NoiseTable:
    """Process N0 or P(a).

    Attributes
    ----------
    X : float64 (n, 12)
        x (all that can be known when a > 0), sums of the last 5, 10, 20, 40 returns, their sd over 10 and 40, the
        position of p in its range over 20 and 50 rows, three noises.
    y : int8 (n,)
        1 where p is higher `HORIZON` rows later.
    p : float64 (n + HORIZON,)
        The path.
    """

    X: Array
    y: NDArray[np.int8]
    p: Array


def noise_table(n: int, signal: float = 0.0, seed: int = 0) -> NoiseTable:
    """The standard process of n rows: noise for `signal` 0, else returns with mean signal * x of the row before.

    The best possible accuracy is 0.562, 0.592, 0.613 and 0.644 for signals 0.08, 0.12, 0.15 and 0.20.

    Examples
    --------
    >>> table = noise_table(1000, signal=0.2, seed=1)
    >>> table.X.shape, int(table.y.sum())
    ((1000, 12), 465)
    """
    _integer("n", n, 1)
    rng = np.random.default_rng(seed)
    length = n + HORIZON + BURN_IN
    z = rng.standard_normal(length)
    e = rng.standard_normal((length, 4))
    x = _autoregression(e[:, 0], 0.95)
    noises = [_autoregression(e[:, k], 0.9) for k in (1, 2, 3)]
    # r_t = s_t (z_t + a x_{t-1}): of row 0 only z is read.
    push = z + signal * np.r_[0.0, x[:-1]]
    r = np.sqrt(_garch_variance(push)) * push
    p = np.cumsum(r)
    features = [x, *(_windows(r, w).sum(axis=1) for w in (5, 10, 20, 40))]
    features += [_windows(r, w).std(axis=1, ddof=1) for w in (10, 40)]
    features += [_position(p, w) for w in (20, 50)]
    table = np.column_stack([*(_at_the_end(f, length) for f in features), *noises])
    kept = p[BURN_IN:]
    y = (kept[HORIZON:] > kept[:-HORIZON]).astype(np.int8)
    return NoiseTable(np.ascontiguousarray(table[BURN_IN : BURN_IN + n]), y, kept)


def ohlc_paths(kind: str = "G2", n: int = 1000, seed: int = 0, *, bars: Bars | None = None) -> Bars:
    """Bars that cannot be predicted, of one of the standard kinds.

    Parameters
    ----------
    kind : {"G1", "G2", "G3", "G4", "G5"}
        See the head of this module.
    n : int
        Bars, at least 1.
    seed : int
        The same seed gives the same bars.
    bars : Bars, optional
        G5 only: the real bars, at least n of them; the latest n are drawn from.

    Returns
    -------
    Bars
        M15, no trading at weekends for G4, always open otherwise; G5 has the clock of `bars`. Volumes are log-normal
        and independent of the prices, the spread is 2 points.

    Raises
    ------
    InputError
        If `kind` is not known, or G5 is asked for without bars.

    Examples
    --------
    >>> ohlc_paths("G3", 200, seed=1)
    Bars(G3 M15: 200 bars, 2023-01-02T00:00 to 2023-01-04T01:45)
    """
    if kind not in KINDS:
        raise InputError(f"kind must be one of {', '.join(KINDS)}, but is {kind!r}.")
    _integer("n", n, 1)
    _integer("seed", seed, 0)
    if (kind == "G5") != (bars is not None):
        raise InputError(f"bars= are the real bars of kind G5 and of no other, but kind is {kind} and bars {bars!r}.")
    if bars is not None:
        from smctrain.audit.surrogate import surrogate_bars

        if len(bars) < n:
            raise InputError(f"n must be at most the number of bars ({len(bars)}), but is {n}.")
        return surrogate_bars(bars[len(bars) - n :], seed)
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    time = _weekdays(n) if kind == "G4" else _START + np.arange(n) * np.timedelta64(TIMEFRAME_SECONDS["M15"], "s")
    steps = rng.standard_normal((BURN_IN + n, SUB_STEPS)) / np.sqrt(SUB_STEPS)
    variance = np.ones(BURN_IN + n) if kind == "G1" else _garch_variance(steps.sum(axis=1))
    sd = np.sqrt(variance)[BURN_IN:]
    if kind == "G4":
        hour = (time - time.astype("datetime64[D]")) / np.timedelta64(1, "h")
        sd = sd * np.where((hour >= 8) & (hour < 16), 1.5, 0.5)
    gap = np.zeros(n)
    if kind == "G3":
        gap = np.where(rng.random(n) < _GAP_SHARE, rng.normal(0.0, _GAP_SD, n), 0.0)
        gap[0] = 0.0
    inside = np.cumsum(steps[BURN_IN:] * sd[:, None], axis=1)
    opened = np.r_[0.0, np.cumsum(inside[:, -1] + gap)[:-1]] + gap
    path = np.column_stack([opened, opened[:, None] + inside])
    prices = np.round(100.0 * np.exp(0.002 * path), DIGITS)
    opening = prices[:, 0].copy()
    opening[1:] = np.where(gap[1:] == 0.0, prices[:-1, -1], opening[1:])  # sums round; a bar without a gap has none
    volume = np.maximum(1.0, np.round(1000.0 * np.exp(0.5 * rng.standard_normal(n))))
    return Bars(
        kind, "M15", time, opening, np.maximum(prices.max(axis=1), opening), np.minimum(prices.min(axis=1), opening),
        prices[:, -1].copy(), volume, np.full(n, 2.0), digits=DIGITS, source=f"standard process {kind}, seed {seed}",
    )  # fmt: skip


def _garch_variance(z: Array) -> Array:
    """s2_0 = 1, s2_t = 0.05 + 0.08 r_{t-1}^2 + 0.87 s2_{t-1}, r_t = sqrt(s2_t) z_t."""
    return _linear_recursion(np.r_[0.0, 0.87 + 0.08 * z[:-1] ** 2], np.r_[1.0, np.full(len(z) - 1, 0.05)])


def _autoregression(e: Array, memory: float) -> Array:
    """x_0 = e_0, x_t = memory x_{t-1} + sqrt(1 - memory^2) e_t."""
    fresh = np.sqrt(1.0 - memory**2) * e
    return _linear_recursion(np.r_[0.0, np.full(len(e) - 1, memory)], np.r_[e[0], fresh[1:]])


def _linear_recursion(factor: Array, added: Array) -> Array:
    """y_t = factor_t y_{t-1} + added_t (factor_0 = 0) without a loop over rows.

    After step k, row t holds the map of the last 2^k rows; log2(n) steps compose the maps of all rows.
    """
    a, y = factor.copy(), added.copy()
    step = 1
    while step < len(y) and a[step:].any():
        y[step:] = y[step:] + a[step:] * y[:-step]
        a[step:] = a[step:] * a[:-step]
        a[:step] = 0.0
        step *= 2
    return y


def _windows(values: Array, width: int) -> Array:
    windows: Array = np.lib.stride_tricks.sliding_window_view(values, width)
    return windows


def _position(p: Array, width: int) -> Array:
    windows = _windows(p, width)
    low, high = windows.min(axis=1), windows.max(axis=1)
    place: Array = (p[width - 1 :] - low) / (high - low)
    return place


def _at_the_end(values: Array, length: int) -> Array:
    padded: Array = np.r_[np.full(length - len(values), np.nan), values]
    return padded


def _weekdays(n: int) -> NDArray[np.datetime64]:
    """Opening times of M15 bars from Monday 00:00 to Friday 24:00."""
    week, place = np.divmod(np.arange(n), 5 * 96)
    time: NDArray[np.datetime64] = _START + (week * 7 * 96 + place) * np.timedelta64(15 * 60 * 1_000_000_000, "ns")
    return time


def _integer(name: str, value: int, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise InputError(f"{name} must be an integer of at least {least}, but is {value!r}.")
