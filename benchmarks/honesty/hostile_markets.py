"""Markets in which nothing can be known although structure abounds; each draws a `Table`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from honesty.hostile_models import FIRST, Floats, Labels, Table


def ar(rng: np.random.Generator, n: int, memory: float, columns: int = 1) -> Floats:
    """Columns with variance 1 and this memory, begun in their stationary state."""
    from scipy.signal import lfilter

    noise = rng.standard_normal((n, columns)) * np.sqrt(1.0 - memory**2)
    noise[0] /= np.sqrt(1.0 - memory**2)
    return np.asarray(lfilter([1.0], [1.0, -memory], noise, axis=0))


def ahead(r: Floats, n: int, h: int) -> Labels:
    """1 where the next h returns sum above 0."""
    p = np.concatenate([[0.0], np.cumsum(r)])
    return (p[h + 1 : n + h + 1] > p[1 : n + 1]).astype(np.int64)


def technical(r: Floats, n: int) -> Floats:
    """What every trader computes from past returns."""
    p = np.concatenate([[0.0], np.cumsum(r)])[1 : n + 1]
    found = []
    for window in (5, 10, 20, 50, 200):
        past = np.concatenate([np.full(window, p[0]), p])[:n]
        found.append(p - past)
    square = np.concatenate([[0.0], np.cumsum(r**2)])[1 : n + 1]
    for window in (10, 50):
        found.append(np.sqrt(np.maximum(square - np.concatenate([np.zeros(window), square])[:n], 0.0) / window))
    return np.column_stack(found)


def walk_table(rng: np.random.Generator, r: Floats, n: int, h: int = 10, extra: Floats | None = None) -> Table:
    """Direction labels of a path of returns; technical columns, three persistent foreign ones, and `extra`."""
    columns = [technical(r, n), ar(rng, n, 0.9, 3), *([] if extra is None else [extra[:n]])]
    return Table(np.hstack(columns), ahead(r, n, h), np.arange(n) + h)


def garch(rng: np.random.Generator, n: int, a: float, b: float, draw: Callable[[int], Floats]) -> Floats:
    z, r, variance = draw(n), np.empty(n), 1.0
    for t in range(n):
        r[t] = np.sqrt(variance) * z[t]
        variance = (1.0 - a - b) + a * r[t] ** 2 + b * variance
    return r


def heavy_tails(rng: np.random.Generator, n: int) -> Table:
    """Student t with 3 degrees of freedom, strong GARCH, rare jumps of 30 deviations."""
    r = garch(rng, n + 10, 0.1, 0.85, lambda k: np.clip(rng.standard_t(3, k) / np.sqrt(3), -15, 15))
    r += (rng.random(n + 10) < 0.003) * rng.standard_normal(n + 10) * 30
    return walk_table(rng, r, n)


def _seasonal_returns(rng: np.random.Generator, n: int) -> tuple[Floats, Floats]:
    """Volatility by hour and weekday, known in advance, times GARCH; and what tells it."""
    hour, day = np.arange(n) % 24, np.arange(n) // 24 % 5
    size = np.where((hour >= 8) & (hour < 17), 2.0, 0.4) * (1.0 + 0.5 * (day == 4))
    r = size * garch(rng, n, 0.1, 0.85, rng.standard_normal)
    known = np.column_stack([np.sin(hour * np.pi / 12), np.cos(hour * np.pi / 12), hour, day])
    return r, known


def seasons(rng: np.random.Generator, n: int) -> Table:
    """Volatility of day, night and week is known in advance; direction is not."""
    r, known = _seasonal_returns(rng, n + 10)
    return walk_table(rng, r, n, extra=known)


def _barriers(
    r: Floats, n: int, up: float, down: float, limit: int, cost: float = 0.0
) -> tuple[Labels, Labels, Floats]:
    """First of +up, -down within `limit` rows: (1, -1, 0), the row it ends on, the outcome in units of `down`."""
    p = np.concatenate([[0.0], np.cumsum(r)])
    ahead = np.lib.stride_tricks.sliding_window_view(p, limit + 1)[1 : n + 1]
    moved = ahead[:, 1:] - ahead[:, :1]
    out = (moved >= up) | (moved <= -down)
    hit = out.any(axis=1)
    step = np.where(hit, out.argmax(axis=1), limit - 1)
    end = moved[np.arange(n), step]
    y = np.where(~hit, 0, np.where(end > 0, 1, -1))
    earned = np.where(y == 1, up, np.where(y == -1, -down, end)) / down - cost
    return y.astype(np.int64), np.arange(n) + step + 1, earned


def three_classes(rng: np.random.Generator, n: int) -> Table:
    """Barriers of fixed width where the coming volatility is known: time-outs can be foreseen, direction cannot.

    A gap of the path through a barrier fills at the barrier, for and against alike.
    """
    r, known = _seasonal_returns(rng, n + 24)
    y, t1, earned = _barriers(r, n, 4.0, 4.0, 24)
    table = walk_table(rng, r, n, extra=known)
    return dataclasses.replace(table, y=y + 1, t1=t1, outcomes=earned)


def rare_target(rng: np.random.Generator, n: int) -> Table:
    """Target at three times the stop; 1 = target first, else 0: one row in five to ten, and volatility tells when."""
    r, known = _seasonal_returns(rng, n + 24)
    y, t1, earned = _barriers(r, n, 9.0, 3.0, 24)
    table = walk_table(rng, r, n, extra=known)
    return dataclasses.replace(table, y=(y == 1).astype(np.int64), t1=t1, outcomes=earned)


def rare_without_volatility(rng: np.random.Generator, n: int) -> Table:
    """The same with constant volatility and no outcomes told: nothing at all can be known."""
    r = rng.standard_normal(n + 40)
    y, t1, _ = _barriers(r, n, 9.0, 3.0, 40)
    return dataclasses.replace(walk_table(rng, r, n), y=(y == 1).astype(np.int64), t1=t1)


def drift(rng: np.random.Generator, n: int) -> Table:
    """A trend over the whole sample: always long is right more often than not."""
    r = rng.standard_normal(n + 10) + 0.10
    return walk_table(rng, r, n, extra=np.column_stack([np.arange(n), np.log1p(np.arange(n))]))


def drift_turns(rng: np.random.Generator, n: int) -> Table:
    """A trend up before the test and down in it."""
    r = rng.standard_normal(n + 10) + np.where(np.arange(n + 10) < FIRST, 0.10, -0.10)
    return walk_table(rng, r, n, extra=np.arange(n)[:, None].astype(float))


def slow_drift(rng: np.random.Generator, n: int) -> Table:
    """Drift that wanders (memory 0.998), beside foreign columns that wander as slowly: regressions that make no sense.

    Past returns, which do tell something of the drift, are not among the columns.
    """
    r = rng.standard_normal(n + 10) + 0.15 * ar(rng, n + 10, 0.998)[:, 0]
    X = np.hstack([ar(rng, n, 0.998, 6), ar(rng, n, 0.9, 3)])
    return Table(X, ahead(r, n, 10), np.arange(n) + 10)


def strong_slow_drift(rng: np.random.Generator, n: int) -> Table:
    """As slow_drift with a drift three times as strong: labels run for hundreds of rows."""
    r = rng.standard_normal(n + 10) + 0.45 * ar(rng, n + 10, 0.998)[:, 0]
    X = np.hstack([ar(rng, n, 0.998, 6), ar(rng, n, 0.9, 3)])
    return Table(X, ahead(r, n, 10), np.arange(n) + 10)


def drawn_state(rng: np.random.Generator, n: int) -> Table:
    """Labels are draws whose share follows a hidden state of memory 0.995; columns have the same memory."""
    share = 1.0 / (1.0 + np.exp(-1.0 * ar(rng, n, 0.995)[:, 0]))
    X = np.hstack([ar(rng, n, 0.995, 8), ar(rng, n, 0.9, 2)])
    return Table(X, (rng.random(n) < share).astype(np.int64), np.arange(n) + 1)


def regimes(rng: np.random.Generator, n: int) -> Table:
    """Drift of one of two signs for 400 rows on average; two foreign columns switch as seldom."""

    def switching(k: int) -> Floats:
        return np.asarray(rng.choice([-1.0, 1.0]) * (-1.0) ** np.cumsum(rng.random(k) < 1 / 400))

    r = rng.standard_normal(n + 10) + 0.2 * switching(n + 10)
    X = np.column_stack([*(switching(n) for _ in range(4)), ar(rng, n, 0.95, 4)])
    return Table(X, ahead(r, n, 10), np.arange(n) + 10)


def trends(rng: np.random.Generator, n: int) -> Table:
    """Share of up labels moves along a slow wave; columns are other slow waves, the time of the year, random walks.

    The bar number is not among them: models fitted anew in each window would follow the wave by it, and earn.
    """
    steps = np.arange(n + 10)

    def wave() -> Floats:
        return np.asarray(np.sin(2 * np.pi * (steps / n * rng.uniform(0.5, 2.5) + rng.random())))

    r = rng.standard_normal(n + 10) + 0.25 * wave()
    year = 2 * np.pi * steps[:n] / (0.6 * n)
    slow = np.cumsum(rng.standard_normal((n, 3)), axis=0)
    X = np.column_stack([wave()[:n], wave()[:n], np.sin(year), np.cos(year), slow, ar(rng, n, 0.9, 3)])
    return Table(X, ahead(r, n, 10), np.arange(n) + 10)


def walks(rng: np.random.Generator, n: int) -> Table:
    """Noise labels beside random walks that never come back."""
    r = rng.standard_normal(n + 10)
    X = np.hstack([np.cumsum(rng.standard_normal((n, 6)), axis=0), np.arange(n)[:, None]])
    return Table(X, ahead(r, n, 10), np.arange(n) + 10)


def bounce(rng: np.random.Generator, n: int) -> Table:
    """Bid-ask bounce: the last price comes back half of the time, by less than the spread that a trade pays."""
    spread = 1.0
    mid = np.cumsum(rng.standard_normal(n + 3))
    quote = mid + spread / 2 * rng.choice([-1.0, 1.0], n + 3)
    r = np.diff(quote, prepend=0.0)
    y = (quote[1 : n + 1] > quote[:n]).astype(np.int64)
    earned = mid[1 : n + 1] - mid[:n] - spread
    return Table(np.hstack([technical(r, n), r[:n, None]]), y, np.arange(n) + 1, outcomes=earned)


def bounce_untold(rng: np.random.Generator, n: int) -> Table:
    """The same, the outcomes measured on last prices and without costs: data that lie."""
    table = bounce(rng, n)
    r = table.X[:, -1]
    return dataclasses.replace(table, outcomes=np.append(r[1:], 0.0))


def stale(rng: np.random.Generator, n: int) -> Table:
    """A price that is often not quoted: half of a move shows one row late. Costs are told."""
    true = np.cumsum(rng.standard_normal(n + 3))
    seen, last = np.empty(n + 3), 0.0
    quoted = rng.random(n + 3) < 0.5
    for t in range(n + 3):
        last = true[t] if quoted[t] else last
        seen[t] = last
    other = np.diff(true, prepend=0.0)[:n, None]  # a liquid market beside it shows the true move at once
    r = np.diff(seen, prepend=0.0)
    y = (seen[1 : n + 1] > seen[:n]).astype(np.int64)
    # Nobody sells at the old price: a trade is filled at the true one.
    earned = true[1 : n + 1] - true[:n] - 0.2
    return Table(np.hstack([technical(r, n), other]), y, np.arange(n) + 1, outcomes=earned)


def far(rng: np.random.Generator, n: int) -> Table:
    """Labels of 200 rows."""
    r = garch(rng, n + 200, 0.08, 0.87, rng.standard_normal)
    return walk_table(rng, r, n, 200)


def understated(true: int, told: int) -> Callable[[np.random.Generator, int], Table]:
    """Labels of `true` rows, said to be `told` rows long; folds are purged by what is told."""

    def draw(rng: np.random.Generator, n: int) -> Table:
        table = walk_table(rng, rng.standard_normal(n + true), n, true)
        return dataclasses.replace(table, t1=np.arange(n) + told, told=told)

    draw.__doc__ = f"Labels of {true} rows, said to be {told} rows long."
    return draw


def unequal(rng: np.random.Generator, n: int) -> Table:
    """Barriers reached within a few rows, some of them only after hundreds: volatility sleeps for long stretches."""
    awake = (-1.0) ** np.cumsum(rng.random(n + 300) < 1 / 150) > 0
    r = rng.standard_normal(n + 300) * np.where(awake, 1.0, 0.1)
    y, t1, earned = _barriers(r, n, 3.0, 3.0, 300)
    table = walk_table(rng, r, n)
    return dataclasses.replace(table, y=(y == 1).astype(np.int64), t1=t1, outcomes=earned)


def unequal_told_mean(rng: np.random.Generator, n: int) -> Table:
    """The same, the user states the mean length, without outcomes."""
    table = unequal(rng, n)
    mean = int(np.mean(table.t1 - np.arange(n)))
    return dataclasses.replace(table, told=max(1, mean), outcomes=None)


def plain(rng: np.random.Generator, n: int) -> Table:
    """A walk with GARCH: the friendly case, for comparison."""
    return walk_table(rng, garch(rng, n + 10, 0.08, 0.87, rng.standard_normal), n)
