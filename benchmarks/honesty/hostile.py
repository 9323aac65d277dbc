"""Attempts to make noise look good: markets in which nothing can be known although structure abounds, and users who
try until it works. How often does the verdict recommend a model?

    OMP_NUM_THREADS=1 python benchmarks/honesty/hostile.py [--only NAME ...] [--runs 100] [--seed 0] [--why]

Every attack draws a table, lets light models (`lightly`) answer as the pipeline does - windows forward in time, purged
inner folds before the first of them - and asks `smctrain.decide`. Light models are least squares on columns and on
their quintiles: a fit takes milliseconds, so that hundreds of judgements are a matter of seconds, and they are bent by
every attack as the shipped families are, for all of it sits in columns, labels and rows.

Truth: columns and outcomes are drawn independently (or what can be known of an outcome does not earn: `outcomes`), so
each DEPLOY is a false alarm. The limit is 1 %; where a user looks many times, it is the share of users who get one.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import itertools
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import smctrain as st
from smctrain.verdict import Trials, Verdict
from smctrain.verdict.ledger import Judged

if TYPE_CHECKING:
    from honesty.bounds import Count

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
WINDOWS, FOLDS = 5, 3
FIRST = 1720
"""Where the test begins, as in the goals."""


@dataclass(frozen=True)
class Table:
    """What a user gives."""

    X: Floats
    y: Labels
    t1: Labels
    """Last row of the label of row i, which begins at i."""
    first: int = FIRST
    outcomes: Floats | None = None
    """Net outcome in R of the trade on each row."""
    told: int | None = None
    """Horizon that the user states, where it is not the true one."""

    @property
    def horizon(self) -> int:
        return self.told or int(np.max(self.t1 - np.arange(len(self.y))))


# ---- light models ----


@dataclass(frozen=True)
class Answers:
    """What `decide` reads. Rows are positions in the table."""

    oos: Labels
    inner: Labels
    train: Labels
    rows: Labels
    inner_rows: Labels


def lightly(table: Table, *, models: int = 4, columns: str = "halves", seed: int = 0) -> Answers:
    """Answers of `models` light models: forward in WINDOWS windows, out of fold on FOLDS purged folds, in-sample."""
    n, first = len(table.y), table.first
    picks = _picks(table.X.shape[1], models, columns, seed)
    purge = table.horizon
    inner = np.arange(first)[table.t1[:first] < first]
    oos_parts, edges = [], np.linspace(first, n, WINDOWS + 1).astype(int)
    for start, stop in itertools.pairwise(edges):
        train = np.flatnonzero(table.t1[:start] < start)
        oos_parts.append(_fit(table, picks, train)(np.arange(start, stop)))
    folds = np.array_split(inner, FOLDS)
    inner_parts = []
    for fold in folds:
        apart = (table.t1[inner] < fold[0] - purge) | (inner > table.t1[fold].max() + purge)
        inner_parts.append(_fit(table, picks, inner[apart])(fold))
    return Answers(
        np.concatenate(oos_parts, axis=1), np.concatenate(inner_parts, axis=1), _fit(table, picks, inner)(inner),
        np.arange(first, n), inner,
    )  # fmt: skip


def _picks(d: int, models: int, columns: str, seed: int) -> list[tuple[bool, NDArray[np.int64]]]:
    """(quintiles or not, columns) of each model."""
    if columns == "halves":
        sets = [np.arange(d), np.arange(0, d, 2)]
        return [(m % 2 == 1, sets[m // 2 % 2]) for m in range(models)]
    rng = np.random.default_rng([seed, 5])
    return [(m % 2 == 1, np.sort(rng.permutation(d)[: max(1, d // 2)])) for m in range(models)]


def _fit(table: Table, picks: list[tuple[bool, NDArray[np.int64]]], train: Labels) -> Callable[[Labels], Labels]:
    X, y = table.X, table.y[train]
    classes, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    share = counts.max() / len(y)
    weight = np.sqrt(1.0 / counts[codes] if share > 0.6 else np.full(len(y), 1.0 / len(y)))
    target = (codes[:, None] == np.arange(len(classes))) - (1.0 / len(classes) if share > 0.6 else counts / len(y))
    fitted = []
    for binned, chosen in picks:
        see = _seen(X[:, chosen], train, binned)
        A = see(train) * weight[:, None]
        penalty = np.eye(A.shape[1]) * 1e-2
        fitted.append((see, np.linalg.solve(A.T @ A + penalty, A.T @ (target * weight[:, None]))))

    def answer(rows: Labels) -> Labels:
        return np.stack([classes[(see(rows) @ w).argmax(axis=1)] for see, w in fitted])

    return answer


def _seen(X: Floats, train: Labels, binned: bool) -> Callable[[Labels], Floats]:
    if binned:
        cuts = np.quantile(X[train], [0.2, 0.4, 0.6, 0.8], axis=0)
        return lambda rows: np.hstack([np.ones((len(rows), 1)), *((X[rows] > cut).astype(np.float64) for cut in cuts)])
    middle, scale = X[train].mean(axis=0), X[train].std(axis=0) + 1e-12
    return lambda rows: np.hstack([np.ones((len(rows), 1)), np.clip((X[rows] - middle) / scale, -4, 4)])


def judged(table: Table, answers: Answers, **more: Any) -> Verdict:
    """As a training run asks."""
    y, rows, inner = table.y, answers.rows, answers.inner_rows
    r = table.outcomes
    given: dict[str, Any] = {
        "r_net": None if r is None else r[rows], "inner_r_net": None if r is None else r[inner], "out_of_fold": True,
    }  # fmt: skip
    return st.decide(
        y[rows], answers.oos, table.horizon, y[inner], answers.inner, y[inner], answers.train, **(given | more)
    )


# ---- markets ----


def _ar(rng: np.random.Generator, n: int, memory: float, columns: int = 1) -> Floats:
    """Columns with variance 1 and this memory, begun in their stationary state."""
    from scipy.signal import lfilter

    noise = rng.standard_normal((n, columns)) * np.sqrt(1.0 - memory**2)
    noise[0] /= np.sqrt(1.0 - memory**2)
    return np.asarray(lfilter([1.0], [1.0, -memory], noise, axis=0))


def _ahead(r: Floats, n: int, h: int) -> Labels:
    """1 where the next h returns sum above 0."""
    p = np.concatenate([[0.0], np.cumsum(r)])
    return (p[h + 1 : n + h + 1] > p[1 : n + 1]).astype(np.int64)


def _technical(r: Floats, n: int) -> Floats:
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


def _walk_table(rng: np.random.Generator, r: Floats, n: int, h: int = 10, extra: Floats | None = None) -> Table:
    """Direction labels of a path of returns; technical columns, three persistent foreign ones, and `extra`."""
    columns = [_technical(r, n), _ar(rng, n, 0.9, 3), *([] if extra is None else [extra[:n]])]
    return Table(np.hstack(columns), _ahead(r, n, h), np.arange(n) + h)


def _garch(rng: np.random.Generator, n: int, a: float, b: float, draw: Callable[[int], Floats]) -> Floats:
    z, r, variance = draw(n), np.empty(n), 1.0
    for t in range(n):
        r[t] = np.sqrt(variance) * z[t]
        variance = (1.0 - a - b) + a * r[t] ** 2 + b * variance
    return r


def heavy_tails(rng: np.random.Generator, n: int) -> Table:
    """Student t with 3 degrees of freedom, strong GARCH, rare jumps of 30 deviations."""
    r = _garch(rng, n + 10, 0.1, 0.85, lambda k: np.clip(rng.standard_t(3, k) / np.sqrt(3), -15, 15))
    r += (rng.random(n + 10) < 0.003) * rng.standard_normal(n + 10) * 30
    return _walk_table(rng, r, n)


def _seasonal_returns(rng: np.random.Generator, n: int) -> tuple[Floats, Floats]:
    """Volatility by hour and weekday, known in advance, times GARCH; and what tells it."""
    hour, day = np.arange(n) % 24, np.arange(n) // 24 % 5
    size = np.where((hour >= 8) & (hour < 17), 2.0, 0.4) * (1.0 + 0.5 * (day == 4))
    r = size * _garch(rng, n, 0.1, 0.85, rng.standard_normal)
    known = np.column_stack([np.sin(hour * np.pi / 12), np.cos(hour * np.pi / 12), hour, day])
    return r, known


def seasons(rng: np.random.Generator, n: int) -> Table:
    """Volatility of day, night and week is known in advance; direction is not."""
    r, known = _seasonal_returns(rng, n + 10)
    return _walk_table(rng, r, n, extra=known)


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
    table = _walk_table(rng, r, n, extra=known)
    return dataclasses.replace(table, y=y + 1, t1=t1, outcomes=earned)


def rare_target(rng: np.random.Generator, n: int) -> Table:
    """Target at three times the stop; 1 = target first, else 0: one row in five to ten, and volatility tells when."""
    r, known = _seasonal_returns(rng, n + 24)
    y, t1, earned = _barriers(r, n, 9.0, 3.0, 24)
    table = _walk_table(rng, r, n, extra=known)
    return dataclasses.replace(table, y=(y == 1).astype(np.int64), t1=t1, outcomes=earned)


def rare_without_volatility(rng: np.random.Generator, n: int) -> Table:
    """The same with constant volatility and no outcomes told: nothing at all can be known."""
    r = rng.standard_normal(n + 40)
    y, t1, _ = _barriers(r, n, 9.0, 3.0, 40)
    return dataclasses.replace(_walk_table(rng, r, n), y=(y == 1).astype(np.int64), t1=t1)


def drift(rng: np.random.Generator, n: int) -> Table:
    """A trend over the whole sample: always long is right more often than not."""
    r = rng.standard_normal(n + 10) + 0.10
    return _walk_table(rng, r, n, extra=np.column_stack([np.arange(n), np.log1p(np.arange(n))]))


def drift_turns(rng: np.random.Generator, n: int) -> Table:
    """A trend up before the test and down in it."""
    r = rng.standard_normal(n + 10) + np.where(np.arange(n + 10) < FIRST, 0.10, -0.10)
    return _walk_table(rng, r, n, extra=np.arange(n)[:, None].astype(float))


def slow_drift(rng: np.random.Generator, n: int) -> Table:
    """Drift that wanders (memory 0.998), beside foreign columns that wander as slowly: regressions that make no sense.

    Past returns, which do tell something of the drift, are not among the columns.
    """
    r = rng.standard_normal(n + 10) + 0.15 * _ar(rng, n + 10, 0.998)[:, 0]
    X = np.hstack([_ar(rng, n, 0.998, 6), _ar(rng, n, 0.9, 3)])
    return Table(X, _ahead(r, n, 10), np.arange(n) + 10)


def strong_slow_drift(rng: np.random.Generator, n: int) -> Table:
    """As slow_drift with a drift three times as strong: labels run for hundreds of rows."""
    r = rng.standard_normal(n + 10) + 0.45 * _ar(rng, n + 10, 0.998)[:, 0]
    X = np.hstack([_ar(rng, n, 0.998, 6), _ar(rng, n, 0.9, 3)])
    return Table(X, _ahead(r, n, 10), np.arange(n) + 10)


def drawn_state(rng: np.random.Generator, n: int) -> Table:
    """Labels are draws whose share follows a hidden state of memory 0.995; columns have the same memory."""
    share = 1.0 / (1.0 + np.exp(-1.0 * _ar(rng, n, 0.995)[:, 0]))
    X = np.hstack([_ar(rng, n, 0.995, 8), _ar(rng, n, 0.9, 2)])
    return Table(X, (rng.random(n) < share).astype(np.int64), np.arange(n) + 1)


def regimes(rng: np.random.Generator, n: int) -> Table:
    """Drift of one of two signs for 400 rows on average; two foreign columns switch as seldom."""

    def switching(k: int) -> Floats:
        return np.asarray(rng.choice([-1.0, 1.0]) * (-1.0) ** np.cumsum(rng.random(k) < 1 / 400))

    r = rng.standard_normal(n + 10) + 0.2 * switching(n + 10)
    X = np.column_stack([*(switching(n) for _ in range(4)), _ar(rng, n, 0.95, 4)])
    return Table(X, _ahead(r, n, 10), np.arange(n) + 10)


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
    X = np.column_stack([wave()[:n], wave()[:n], np.sin(year), np.cos(year), slow, _ar(rng, n, 0.9, 3)])
    return Table(X, _ahead(r, n, 10), np.arange(n) + 10)


def walks(rng: np.random.Generator, n: int) -> Table:
    """Noise labels beside random walks that never come back."""
    r = rng.standard_normal(n + 10)
    X = np.hstack([np.cumsum(rng.standard_normal((n, 6)), axis=0), np.arange(n)[:, None]])
    return Table(X, _ahead(r, n, 10), np.arange(n) + 10)


def bounce(rng: np.random.Generator, n: int) -> Table:
    """Bid-ask bounce: the last price comes back half of the time, by less than the spread that a trade pays."""
    spread = 1.0
    mid = np.cumsum(rng.standard_normal(n + 3))
    quote = mid + spread / 2 * rng.choice([-1.0, 1.0], n + 3)
    r = np.diff(quote, prepend=0.0)
    y = (quote[1 : n + 1] > quote[:n]).astype(np.int64)
    earned = mid[1 : n + 1] - mid[:n] - spread
    return Table(np.hstack([_technical(r, n), r[:n, None]]), y, np.arange(n) + 1, outcomes=earned)


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
    return Table(np.hstack([_technical(r, n), other]), y, np.arange(n) + 1, outcomes=earned)


def far(rng: np.random.Generator, n: int) -> Table:
    """Labels of 200 rows."""
    r = _garch(rng, n + 200, 0.08, 0.87, rng.standard_normal)
    return _walk_table(rng, r, n, 200)


def understated(true: int, told: int) -> Callable[[np.random.Generator, int], Table]:
    """Labels of `true` rows, said to be `told` rows long; folds are purged by what is told."""

    def draw(rng: np.random.Generator, n: int) -> Table:
        table = _walk_table(rng, rng.standard_normal(n + true), n, true)
        return dataclasses.replace(table, t1=np.arange(n) + told, told=told)

    draw.__doc__ = f"Labels of {true} rows, said to be {told} rows long."
    return draw


def unequal(rng: np.random.Generator, n: int) -> Table:
    """Barriers reached within a few rows, some of them only after hundreds: volatility sleeps for long stretches."""
    awake = (-1.0) ** np.cumsum(rng.random(n + 300) < 1 / 150) > 0
    r = rng.standard_normal(n + 300) * np.where(awake, 1.0, 0.1)
    y, t1, earned = _barriers(r, n, 3.0, 3.0, 300)
    table = _walk_table(rng, r, n)
    return dataclasses.replace(table, y=(y == 1).astype(np.int64), t1=t1, outcomes=earned)


def unequal_told_mean(rng: np.random.Generator, n: int) -> Table:
    """The same, the user states the mean length, without outcomes."""
    table = unequal(rng, n)
    mean = int(np.mean(table.t1 - np.arange(n)))
    return dataclasses.replace(table, told=max(1, mean), outcomes=None)


def plain(rng: np.random.Generator, n: int) -> Table:
    """A walk with GARCH: the friendly case, for comparison."""
    return _walk_table(rng, _garch(rng, n + 10, 0.08, 0.87, rng.standard_normal), n)


# ---- users ----

Draw = Callable[[np.random.Generator, int], Table]


@dataclass(frozen=True)
class Attack:
    """`work(seed)`: verdicts of one user, of which any DEPLOY counts."""

    name: str
    what: str
    runs: int
    work: Callable[[int], list[Verdict]]
    limit: float = 0.01


def market(
    name: str, draw: Draw, sizes: tuple[int, ...] = (1000, 4000), runs: int = 300, first: int = FIRST
) -> list[Attack]:
    """One table, one look."""

    def attack(size: int) -> Attack:
        def work(seed: int) -> list[Verdict]:
            rng = np.random.default_rng([seed, size, _number(name)])
            table = dataclasses.replace(draw(rng, first + size), first=first)
            return [judged(table, lightly(table))]

        return Attack(f"{name} {size:,}", (draw.__doc__ or "").split("\n")[0], runs, work)

    return [attack(size) for size in sizes]


def _number(name: str) -> int:
    return int.from_bytes(name.encode()[:8], "little")


def many_models(seed: int) -> list[Verdict]:
    """50 models on half of the columns each, all with nearly the same answers."""
    table = plain(np.random.default_rng([seed, 50]), FIRST + 1000)
    return [judged(table, lightly(table, models=50, columns="drawn", seed=seed))]


def many_coins(seed: int) -> list[Verdict]:
    """200 persistent coins that know nothing: in-sample, inner and test answers alike."""
    rng = np.random.default_rng([seed, 200])
    table = plain(rng, FIRST + 1000)
    answers = (_ar(rng, FIRST + 1000, 0.98, 200).T > 0).astype(np.int64)
    inner = np.arange(FIRST - 10)
    return [
        judged(
            table,
            Answers(answers[:, FIRST:], answers[:, inner], answers[:, inner], np.arange(FIRST, FIRST + 1000), inner),
        )
    ]


def silent(seed: int) -> list[Verdict]:
    """Models that answer one row in twenty, where they are surest; trades are told."""
    rng = np.random.default_rng([seed, 20])
    r = rng.standard_normal(FIRST + 4010)
    table = _walk_table(rng, r, FIRST + 4000)
    p = np.concatenate([[0.0], np.cumsum(r)])
    table = dataclasses.replace(table, outcomes=p[11 : FIRST + 4011] - p[1 : FIRST + 4001])
    given = lightly(table)
    mute = _ar(rng, FIRST + 4000, 0.9, len(given.oos)).T < 1.65
    return [
        judged(
            table,
            dataclasses.replace(
                given,
                oos=np.where(mute[:, given.rows], -1, given.oos),
                inner=np.where(mute[:, given.inner_rows], -1, given.inner),
            ),
        )
    ]


def _together(tables: list[Table], dependence: str = "independent") -> list[Verdict]:
    verdicts = {f"S{k}": judged(t, lightly(t), n_symbols=len(tables)) for k, t in enumerate(tables)}
    return list(st.verdict.apply_multiple_testing(verdicts, dependence=dependence).values())


def same_noise(seed: int) -> list[Verdict]:
    """The same noise under 20 names."""
    table = plain(np.random.default_rng([seed, 21]), FIRST + 1000)
    verdict = judged(table, lightly(table), n_symbols=20)
    return list(st.verdict.apply_multiple_testing({f"S{k}": verdict for k in range(20)}).values())


def one_factor(seed: int) -> list[Verdict]:
    """25 symbols whose returns share one factor (correlation 0.9)."""
    rng = np.random.default_rng([seed, 25])
    n = FIRST + 1000
    common = rng.standard_normal(n + 10)
    tables = [
        _walk_table(rng, np.sqrt(0.9) * common + np.sqrt(0.1) * rng.standard_normal(n + 10), n) for _ in range(25)
    ]
    return _together(tables)


def best_of_many(counted: bool) -> Callable[[int], list[Verdict]]:
    """50 symbols one after the other, then the best one again, alone; `counted`: the ledger knows of the others."""

    def work(seed: int) -> list[Verdict]:
        found = []
        for k in range(50):
            table = plain(np.random.default_rng([seed, 51, k]), FIRST + 1000)
            found.append(judged(table, lightly(table)))
        p = [float(v.evidence["p_comb"] or 1.0) for v in found]
        best = int(np.argmin(p))
        others = [Judged(f"S{k}", f"S{k}", p[k], 0.0) for k in range(50) if k != best]
        judged_last = st.verdict.apply_multiple_testing({"best": found[best]}, earlier=others if counted else ())
        return list(judged_last.values())

    return work


def reruns(counted: bool, runs: int = 30) -> Callable[[int], list[Verdict]]:
    """30 runs with other seeds and columns on the same rows; `counted`: the ledger knows of the earlier ones."""

    def work(seed: int) -> list[Verdict]:
        table = plain(np.random.default_rng([seed, 30]), FIRST + 1000)
        found: list[Verdict] = []
        oos, inner = [], []
        for k in range(runs):
            answers = lightly(table, columns="drawn", seed=k)
            past = Trials(np.concatenate(oos), np.concatenate(inner)) if counted and oos else None
            found.append(judged(table, answers, ledger=past))
            oos.append(answers.oos)
            inner.append(answers.inner)
        return found

    return work


def after_a_leak(seed: int) -> list[Verdict]:
    """A column that knew the outcome is found and removed; what the run with it answered stays in the ledger."""
    rng = np.random.default_rng([seed, 33])
    table = plain(rng, FIRST + 1000)
    leak = np.where(rng.random(len(table.y)) < 0.7, table.y, 1 - table.y) + 0.1 * rng.standard_normal(len(table.y))
    leaky = lightly(dataclasses.replace(table, X=np.column_stack([leak, table.X])))
    return [judged(table, lightly(table), ledger=Trials(leaky.oos, leaky.inner))]


def moved_starts(seed: int) -> list[Verdict]:
    """The test begins elsewhere in each of 30 runs: another split, another page of the ledger."""
    table = plain(np.random.default_rng([seed, 31]), FIRST + 1500)
    return [
        judged(moved, lightly(moved, columns="drawn", seed=k))
        for k in range(30)
        for moved in [dataclasses.replace(table, first=FIRST - 600 + 40 * k)]
    ]


def other_labels(seed: int) -> list[Verdict]:
    """30 targets on the same bars: horizons of 5 to 34 rows."""
    rng = np.random.default_rng([seed, 32])
    n = FIRST + 1000
    r = _garch(rng, n + 40, 0.08, 0.87, rng.standard_normal)
    X = np.hstack([_technical(r, n), _ar(rng, n, 0.9, 3)])
    tables = [Table(X, _ahead(r, n, h), np.arange(n) + h) for h in range(5, 35)]
    return [judged(t, lightly(t)) for t in tables]


ATTACKS: list[Attack] = [
    *market("plain walk", plain),
    *market("heavy tails", heavy_tails),
    *market("seasons", seasons),
    *market("three classes", three_classes),
    *market("rare target", rare_target),
    *market("rare, constant volatility", rare_without_volatility),
    *market("drift", drift),
    *market("drift turns", drift_turns),
    *market("slow drift", slow_drift),
    *market("strong slow drift", strong_slow_drift),
    *market("drawn state", drawn_state),
    *market("regimes", regimes),
    *market("trends", trends),
    *market("random walks", walks),
    *market("bounce, costs told", bounce),
    *market("stale prices, true fills", stale),
    *market("h = 200", far, (4000, 6000), 200),
    *market("h 20 said 10", understated(20, 10)),
    *market("h 50 said 10", understated(50, 10)),
    *market("h 10 said 1", understated(10, 1)),
    *market("unequal lengths", unequal, (4000,)),
    *market("unequal, mean told", unequal_told_mean),
    *market("tiny", plain, (200, 300, 600), 300, 500),
    *market("tiny regimes", regimes, (300, 600), 300, 500),
    Attack("50 models", many_models.__doc__ or "", 200, many_models),
    Attack("200 coins", many_coins.__doc__ or "", 200, many_coins),
    Attack("mostly silent", silent.__doc__ or "", 200, silent),
    Attack("one noise, 20 names", same_noise.__doc__ or "", 300, same_noise, 0.05),
    Attack("25 symbols, one factor", one_factor.__doc__ or "", 100, one_factor, 0.05),
    Attack("30 reruns, ledger", reruns.__doc__ or "", 60, reruns(True)),
    Attack("30 reruns, no ledger", reruns.__doc__ or "", 60, reruns(False), 1.0),
    Attack("after a leak", after_a_leak.__doc__ or "", 300, after_a_leak),
    Attack("30 starts", moved_starts.__doc__ or "", 60, moved_starts),
    Attack("30 targets", other_labels.__doc__ or "", 60, other_labels),
    Attack("best of 50, ledger", best_of_many.__doc__ or "", 40, best_of_many(True)),
    Attack("best of 50, no ledger", best_of_many.__doc__ or "", 40, best_of_many(False), 1.0),
]  # fmt: skip


def count(attack: Attack, runs: int | None = None, seed: int = 0) -> tuple[Count, list[Verdict]]:
    """How many users got a DEPLOY; and all verdicts, user by user."""
    from honesty.bounds import Count

    hits, found = 0, []
    for k in range(runs or attack.runs):
        verdicts = attack.work(seed + k)
        hits += any(v.deploy for v in verdicts)
        found += verdicts
    return Count(hits, runs or attack.runs), found


def why(verdicts: list[Verdict]) -> str:
    """How often each rule refused, and how often each number alone would have let noise pass."""
    refused = collections.Counter(rule for v in verdicts for rule in v.failed_rules)
    said = [f"{rule} {share / len(verdicts):.0%}" for rule, share in refused.most_common()]
    for number, limit in (("p_oos", 0.05), ("p_in", 0.05), ("p_comb", 0.005), ("e_end", 2.0), ("e_end", 20.0)):
        known = np.array([v.evidence[number] for v in verdicts if v.evidence[number] is not None], dtype=float)
        if len(known):
            passes = known >= limit if number == "e_end" else known <= limit
            said.append(f"{number} {'>=' if number == 'e_end' else '<='} {limit:g}: {passes.mean():.1%}")
    kinds = collections.Counter(v.kind for v in verdicts)
    return ", ".join([*said, *(f"{kind} {n}" for kind, n in kinds.items())])


def main() -> int:
    """Run attacks, print counts."""
    parser = argparse.ArgumentParser(description="Attempts to make noise look good.")
    parser.add_argument("--only", nargs="+", help="attacks whose name begins so")
    parser.add_argument("--runs", type=int, help="at most so many of each")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--why", action="store_true", help="what refused the rest")
    options = parser.parse_args()
    sys.path[:0] = [str(Path(__file__).resolve().parents[1])]
    for attack in ATTACKS:
        if options.only and not any(attack.name.startswith(start) for start in options.only):
            continue
        began = time.process_time()
        counted, verdicts = count(attack, options.runs and min(options.runs, attack.runs), options.seed)
        above = "  ABOVE" if counted.low > attack.limit else ""
        print(f"{attack.name:32} {counted!s:44} {time.process_time() - began:6.1f} s{above}", flush=True)
        if options.why:
            print(f"    {why(verdicts)}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
