"""What an expert writes with numba and numpy for the same tasks: compiled, one thread, no fast-math."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

STOP, STOP_GAP, STOP_TIE, TARGET, TARGET_GAP, TIMEOUT = 1, 2, 3, 4, 5, 7


@njit(cache=False)
def wilder_atr(high: Any, low: Any, close: Any, segment: Any, period: int) -> Any:
    """Wilder's mean of the true range, restarted in every segment; NaN for its first `period` rows."""
    n = len(close)
    out = np.full(n, np.nan)
    start = 0
    total = 0.0
    value = 0.0
    for t in range(n):
        if t == 0 or segment[t] != segment[t - 1]:
            start = t
            total = 0.0
            continue
        tr = max(high[t] - low[t], abs(high[t] - close[t - 1]), abs(low[t] - close[t - 1]))
        k = t - start
        if k < period:
            total += tr
        elif k == period:
            value = (total + tr) / period
            out[t] = value
        else:
            value = (value * (period - 1) + tr) / period
            out[t] = value
    return out


@njit(cache=False)
def triple_barrier(
    open_: Any, high: Any, low: Any, close: Any, segment: Any, rows: Any, horizon: int, target: float, stop: float
) -> Any:
    """Long trades at the next open, barriers in ATR, stop first in a tie, gaps as in `st.triple_barrier`.

    Returns y, t1, exit, outcome in R and the rule: the five columns a user cannot do without (ours fills these and the
    status, and eleven more when one of them is read).
    """
    n, m = len(close), len(rows)
    atr = wilder_atr(high, low, close, segment, 14)
    last_of = np.empty(n, dtype=np.int64)
    for t in range(n - 1, -1, -1):
        last_of[t] = t if t == n - 1 or segment[t + 1] != segment[t] else last_of[t + 1]
    y, t1 = np.full(m, np.nan), np.full(m, -1)
    out, r = np.full(m, np.nan), np.full(m, np.nan)
    rule = np.zeros(m, dtype=np.uint8)
    for k in range(m):
        t = rows[k]
        if horizon > last_of[t] - t:
            continue
        fill, risk = open_[t + 1], stop * atr[t]
        if not (risk > 0.0):
            continue
        bottom, top, eps = fill - risk, fill + target * atr[t], 1e-9 * abs(fill)
        for j in range(t + 1, t + horizon + 1):
            if j > t + 1 and open_[j] <= bottom + eps:
                out[k], rule[k], y[k] = open_[j], STOP_GAP, -1.0
            elif j > t + 1 and open_[j] >= top - eps:
                out[k], rule[k], y[k] = top, TARGET_GAP, 1.0
            elif low[j] <= bottom + eps:
                out[k], y[k] = bottom, -1.0
                rule[k] = STOP_TIE if high[j] >= top - eps else STOP
            elif high[j] >= top - eps:
                out[k], rule[k], y[k] = top, TARGET, 1.0
            elif j == t + horizon:
                out[k], rule[k], y[k] = close[j], TIMEOUT, 0.0
            else:
                continue
            t1[k] = j
            r[k] = (out[k] - fill) / risk
            break
    return y, t1, out, r, rule


@njit(cache=False)
def uniqueness(t0: Any, t1: Any) -> Any:
    """Mean of 1/concurrency over bars t0+1..t1: difference array and prefix sums."""
    first, last = t0.min() + 1, t1.max()
    change = np.zeros(last - first + 2, dtype=np.int64)
    for i in range(len(t0)):
        change[t0[i] + 1 - first] += 1
        change[t1[i] + 1 - first] -= 1
    prefix = np.empty(len(change))
    prefix[0] = 0.0
    count = 0
    for b in range(len(change) - 1):
        count += change[b]
        prefix[b + 1] = prefix[b] + (1.0 / count if count > 0 else 0.0)
    out = np.empty(len(t0))
    for i in range(len(t0)):
        out[i] = (prefix[t1[i] + 1 - first] - prefix[t0[i] + 1 - first]) / (t1[i] - t0[i])
    return out


def uniqueness_numpy(t0: Any, t1: Any) -> Any:
    """The same in whole-array numpy."""
    first = t0.min() + 1
    length = t1.max() - first + 2
    change = np.bincount(t0 + 1 - first, minlength=length) - np.bincount(t1 + 1 - first, minlength=length)
    count = np.cumsum(change)[:-1]
    prefix = np.concatenate([[0.0], np.cumsum(np.where(count > 0, 1.0 / np.maximum(count, 1), 0.0))])
    return (prefix[t1 + 1 - first] - prefix[t0 + 1 - first]) / (t1 - t0)


@njit(cache=False)
def sequential_bootstrap(t0: Any, t1: Any, uniform: Any) -> Any:
    """One draw per uniform number, from weights that only the neighbours of the last draw change.

    Labels must be sorted by t0. The weights are kept up to date bar by bar; a draw walks along them.
    """
    m, first = len(t0), t0.min() + 1
    drawn = np.zeros(t1.max() - first + 1, dtype=np.int64)
    length = (t1 - t0).astype(np.float64)
    longest = (t1 - t0).max()
    value = np.ones(m)
    out = np.empty(len(uniform), dtype=np.int64)
    for draw in range(len(uniform)):
        left = uniform[draw] * value.sum()
        i = 0
        while i < m - 1 and value[i] <= left:
            left -= value[i]
            i += 1
        out[draw] = i
        low = np.searchsorted(t0, t0[i] - longest)
        high = np.searchsorted(t0, t1[i])
        for b in range(t0[i] + 1 - first, t1[i] + 1 - first):
            drawn[b] += 1
        for j in range(low, high):
            from_bar, to_bar = max(t0[j], t0[i]) + 1 - first, min(t1[j], t1[i]) + 1 - first
            change = 0.0
            for b in range(from_bar, to_bar):
                change += 1.0 / (1.0 + drawn[b]) - 1.0 / drawn[b]
            value[j] += change / length[j]
    return out
