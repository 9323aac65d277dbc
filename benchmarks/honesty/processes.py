"""The processes on which honesty is measured: their truth is known because they were drawn.

N0, P(a), G1-G5   `smctrain.testing` (`noise_table`, `ohlc_paths`), under the names used here
factor_tables     several symbols of N0 or P(a) whose draws share one factor: correlated markets for H2
planted_columns   few columns that carry a signal among many that carry none: for column selection (H11)
small_table       a short table with a rare class and a flag column: for augmentation (H14)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.testing import NoiseTable, noise_table, ohlc_paths

__all__ = [
    "BEST_ACCURACY",
    "HORIZON",
    "SmallTable",
    "factor_tables",
    "labels_ahead",
    "noise_table",
    "ohlc_paths",
    "planted_columns",
    "small_table",
]

HORIZON = 10
BURN_IN = 500
BEST_ACCURACY = {0.0: 0.5, 0.08: 0.562, 0.12: 0.592, 0.15: 0.613, 0.20: 0.644}
"""Signal a -> accuracy of the sign of x, which nobody can beat by a usable margin."""


def labels_ahead(p: NDArray[np.float64], n: int, horizon: int = HORIZON) -> NDArray[np.int8]:
    """1 where the path stands higher `horizon` rows later, for the first n rows."""
    if len(p) < n + horizon:
        raise ValueError(f"n + horizon must be at most the length of the path ({len(p)}), but is {n + horizon}.")
    return (p[horizon : n + horizon] > p[:n]).astype(np.int8)


def factor_tables(symbols: int, n: int, signal: float = 0.0, seed: int = 0, *, rho: float = 0.5) -> list[NoiseTable]:
    """Tables of several symbols: every draw is sqrt(rho) times a common one plus sqrt(1 - rho) times its own.

    Returns and columns of any two symbols then correlate by rho, so that a lucky stretch of one is half the luck of
    all. Written from the definition, row by row and beside `noise_table`: with one symbol and rho = 0 both give the
    same table.
    """
    if not 0.0 <= rho < 1.0:
        raise ValueError(f"rho must be at least 0 and below 1, but is {rho}.")
    length = n + HORIZON + BURN_IN
    common: Any = np.random.default_rng([seed, 2]) if rho else None
    f = common.standard_normal((length, 5)) if rho else np.zeros((length, 5))
    own = np.empty((symbols, length, 5))
    for symbol in range(symbols):
        rng = np.random.default_rng(seed if symbols == 1 and not rho else [seed, 3, symbol])
        own[symbol, :, 0] = rng.standard_normal(length)
        own[symbol, :, 1:] = rng.standard_normal((length, 4))
    draws = np.sqrt(rho) * f + np.sqrt(1.0 - rho) * own
    z, e = draws[:, :, 0], draws[:, :, 1:]
    memory = np.array([0.95, 0.9, 0.9, 0.9])
    variance, r = np.ones(symbols), np.empty((symbols, length))
    slow = np.empty((symbols, length, 4))  # x and the three noises
    r[:, 0], slow[:, 0] = z[:, 0], e[:, 0]
    for t in range(1, length):
        variance = 0.05 + 0.08 * r[:, t - 1] ** 2 + 0.87 * variance
        r[:, t] = np.sqrt(variance) * (z[:, t] + signal * slow[:, t - 1, 0])
        slow[:, t] = memory * slow[:, t - 1] + np.sqrt(1.0 - memory**2) * e[:, t]
    return [_table(r[symbol], slow[symbol], n) for symbol in range(symbols)]


def _table(r: NDArray[np.float64], slow: NDArray[np.float64], n: int) -> NoiseTable:
    p = np.cumsum(r)
    columns = [slow[:, 0]]
    columns += [_last(r, width, np.sum) for width in (5, 10, 20, 40)]
    columns += [_last(r, width, lambda w, axis: np.std(w, axis=axis, ddof=1)) for width in (10, 40)]
    columns += [_last(p, width, _position) for width in (20, 50)]
    columns += [slow[:, 1], slow[:, 2], slow[:, 3]]
    X = np.column_stack(columns)[BURN_IN : BURN_IN + n]
    kept = p[BURN_IN:]
    return NoiseTable(np.ascontiguousarray(X), labels_ahead(kept, n), kept)


def _last(values: NDArray[np.float64], width: int, function: Any) -> NDArray[np.float64]:
    """`function` of the last `width` values at every row, NaN before there are so many."""
    windows = np.lib.stride_tricks.sliding_window_view(values, width)
    found: NDArray[np.float64] = np.r_[np.full(width - 1, np.nan), function(windows, axis=1)]
    return found


def _position(windows: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    low, high = windows.min(axis=axis), windows.max(axis=axis)
    place: NDArray[np.float64] = (windows[:, -1] - low) / (high - low)
    return place


def planted_columns(
    n: int, columns: int, planted: int, signal: float = 0.20, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """(X, y): slow columns, the first `planted` of which move the returns together by what P(signal) plants in one.

    Each planted column carries signal / sqrt(planted), so that all of them together leave the same best accuracy as
    P(signal). Columns have memory 0.95, as x has.
    """
    rng = np.random.default_rng([seed, 11])
    length = n + HORIZON + BURN_IN
    z, e = rng.standard_normal(length), rng.standard_normal((length, columns))
    slow = np.empty((length, columns))
    slow[0] = e[0]
    for t in range(1, length):
        slow[t] = 0.95 * slow[t - 1] + np.sqrt(1.0 - 0.95**2) * e[t]
    push = slow[:, :planted].sum(axis=1) * signal / np.sqrt(planted) if planted else np.zeros(length)
    variance, r = 1.0, np.empty(length)
    r[0] = z[0]
    for t in range(1, length):
        variance = 0.05 + 0.08 * r[t - 1] ** 2 + 0.87 * variance
        r[t] = np.sqrt(variance) * (z[t] + push[t - 1])
    p = np.cumsum(r)[BURN_IN:]
    return np.ascontiguousarray(slow[BURN_IN : BURN_IN + n]), labels_ahead(p, n)


@dataclass(frozen=True, eq=False)
class SmallTable:
    """Few rows, a rare class, one flag column; the same process drawn again is the test."""

    X: NDArray[np.float64]
    y: NDArray[np.int64]
    test_X: NDArray[np.float64]
    test_y: NDArray[np.int64]
    minority: float


def small_table(number: int, seed: int = 0) -> SmallTable:
    """40 to 280 rows; the rare class has 1 to 50 % of them, in every fourth table 0, 1 or 2 rows at all."""
    rng = np.random.default_rng([seed, 14, number])
    n = int(rng.integers(40, 281))
    share = float(rng.uniform(0.01, 0.5))
    rare = number // 4 % 3 if number % 4 == 0 else max(3, round(share * n))
    y = np.zeros(n, dtype=np.int64)
    y[rng.permutation(n)[:rare]] = 1
    test_y = (rng.random(2000) < max(rare, 1) / n).astype(np.int64)
    return SmallTable(_small(rng, y), y, _small(rng, test_y), test_y, rare / n)


def _small(rng: np.random.Generator, y: NDArray[np.int64]) -> NDArray[np.float64]:
    X = rng.standard_normal((len(y), 8))
    X[:, :3] += 0.5 * y[:, None]
    X[:, 7] = (X[:, 7] + 0.5 * y > 0.3).astype(np.float64)  # a flag
    return X
