"""Splitters against their definitions, written a second time as comparisons of all pairs of rows.

Slow and obvious on purpose: nothing here sorts, merges or searches where a comparison of every row with every other
will do. `check_splitters` draws interval sets (ties, holes, panels, ends that are unsorted, equal or infinite, folds of
one row) and asks every splitter of `smctrain.splits` for the same rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.exceptions import SmctrainError, TooFewRows

Rows = NDArray[np.int64]
Pair = tuple[Rows, Rows]
FOREVER = np.iinfo(np.int64).max

TRAIN, TEST, PURGED, EMBARGOED, NOTHING = range(5)


@dataclass(frozen=True)
class SplitCase:
    """Label intervals of a made-up data set."""

    t0: Rows
    t1: Rows
    symbol: Rows
    event: Rows
    """Event id per row, -1 for none."""


@dataclass
class SplitCheck:
    """What came of many cases: `different` and `overlapping` are 0 where the splitters keep their promises."""

    cases: int = 0
    splits: int = 0
    refused: int = 0
    """Splits that both sides refuse: too few rows."""
    different: int = 0
    """Splits whose rows differ from the definition."""
    overlapping: int = 0
    """Pairs of a training and a test row whose labels overlap."""
    leaks: int = 0
    """Splitters whose splits the audit refuses."""
    examples: list[str] = field(default_factory=list)


def random_case(rng: np.random.Generator, least: int = 2, most: int = 60) -> SplitCase:
    """A set of label intervals; sizes are drawn evenly on a logarithmic scale."""
    n = int(np.exp(rng.uniform(np.log(least), np.log(most + 1))))
    kind = rng.integers(4)
    symbols = int(rng.integers(1, 5)) if kind == 0 else 1
    step = int(rng.integers(1, 4))
    if kind == 0:  # a panel: several symbols on the same stamps
        t0 = np.arange(n) // symbols * step
    elif kind == 1:  # one hole
        t0 = np.arange(n) * step + 50 * (np.arange(n) > n // 2)
    else:  # ties and holes, in any order
        t0 = rng.integers(0, max(2, n * step // int(rng.integers(1, 4))), n)
        t0 = np.sort(t0) if kind == 2 else t0
    longest = int(rng.integers(1, 15))
    ends = rng.integers(5)
    t1 = t0 + rng.integers(0, longest + 1, n)
    if ends == 0:
        t1 = t0.copy()
    elif ends == 1:
        t1 = t0 + longest
    elif ends == 2:  # many labels end together
        t1 = t0 // 20 * 20 + 19
    elif ends == 3:
        t1 = np.where(rng.random(n) < 0.01, FOREVER, t1)
    event = np.where(rng.random(n) < 0.1, rng.integers(0, max(2, n // 5), n), -1)
    return SplitCase(t0.astype(np.int64), t1.astype(np.int64), np.arange(n) % symbols, event.astype(np.int64))


# --- the definitions ---------------------------------------------------------------------------------------------


def overlap(t0: Rows, t1: Rows, left: Rows, right: Rows) -> NDArray[np.bool_]:
    """Pairs of rows whose closed intervals share a moment."""
    return (t0[left][:, None] <= t1[right]) & (t0[right] <= t1[left][:, None])


def back(t0: Rows, distance: tuple[int, int]) -> NDArray[np.float64]:
    """The moment a number of stamps and a span before every row; before everything when there are too few stamps."""
    stamps = np.unique(t0)
    index = np.searchsorted(stamps, t0) - distance[0]
    return np.where(index < 0, -np.inf, stamps[np.maximum(index, 0)].astype(np.float64) - distance[1])


def purged(
    case: SplitCase,
    test: NDArray[np.bool_],
    candidate: NDArray[np.bool_] | None = None,
    *,
    embargo: tuple[int, int, float] = (0, 0, 0.0),
    lookback: tuple[int, int] = (0, 0),
    block: bool = False,
) -> NDArray[np.int64]:
    """The fate of every row: purge by overlap or by block, then the embargo after every block."""
    t0, t1, n = case.t0, case.t1, len(case.t0)
    candidate = np.ones(n, dtype=bool) if candidate is None else candidate
    start = back(t0, lookback)
    order = [i for i in sorted(range(n), key=lambda i: (t0[i], i)) if candidate[i]]
    blocks: list[list[int]] = []
    for before, i in zip([None, *order], order, strict=False):
        if test[i]:
            if before is None or not test[before]:
                blocks.append([])
            blocks[-1].append(i)
    removed = np.zeros(n, dtype=bool)
    embargoed = np.zeros(n, dtype=bool)
    stamps = np.unique(t0)
    rows = np.flatnonzero(test)
    if not block and len(rows):
        removed |= ((start[:, None] <= t1[rows]) & (t0[rows] <= t1[:, None])).any(axis=1)
    for members in blocks:
        a, b = t0[members].min(), t1[members].max()
        if block:
            removed |= (start <= b) & (t1 >= a)
        bars, span, share = embargo
        if share:
            length = int(np.searchsorted(stamps, t0[members].max()) - np.searchsorted(stamps, a)) + 1
            bars = min(bars, math.ceil(length * share - 1e-9))
        limit = b if b == FOREVER else b + span
        covered = stamps[stamps > limit][:bars]
        embargoed |= (t0 > b) & ((t0 <= limit) | np.isin(t0, covered))
    fates = np.where(removed, PURGED, np.where(embargoed, EMBARGOED, TRAIN))
    fates = np.where(candidate, fates, NOTHING)
    return np.where(test, TEST, fates)


def forward(case: SplitCase, first: int, last: int, window: int | None, gap: tuple[int, int]) -> NDArray[np.int64]:
    """Train before stamp `first`, test on stamps [first, last)."""
    stamps = np.unique(case.t0)
    stamp = np.searchsorted(stamps, case.t0)
    limit = -np.inf if gap[0] > first else float(stamps[first - gap[0]] - gap[1])
    allowed = [s for s in range(first) if stamps[s] < limit]
    oldest = allowed[-window] if window and window <= len(allowed) else 0
    fates = np.full(len(stamp), NOTHING)
    early = (stamp < first) & (stamp >= oldest)
    fates[early] = np.where(case.t1[early] < limit, TRAIN, PURGED)
    fates[(stamp >= first) & (stamp < last)] = TEST
    return fates


def components(case: SplitCase, ids: Rows) -> Rows:
    """Connected rows: labels overlap, or the event id is the same."""
    n = len(case.t0)
    every = np.arange(n)
    edges = overlap(case.t0, case.t1, every, every) | ((ids[:, None] == ids) & (ids >= 0))
    found = np.full(n, -1, dtype=np.int64)
    for seed in range(n):
        if found[seed] >= 0:
            continue
        reached = np.zeros(n, dtype=bool)
        reached[seed] = True
        newest = reached
        while newest.any():
            newest = edges[newest].any(axis=0) & ~reached
            reached = reached | newest
        found[reached] = seed
    return found


def event_borders(
    case: SplitCase, ids: Rows, borders: list[int], calendar: list[tuple[int, int]], gap: tuple[int, int]
) -> list[int]:
    """Where the borders go: nearest place that cuts no component, then behind the calendar's windows."""
    stamps = np.unique(case.t0)
    stamp = np.searchsorted(stamps, case.t0)
    owner = components(case, ids)
    admissible = list(range(1, len(stamps)))
    if max(np.unique(owner, return_counts=True)[1]) <= len(owner) / 2:
        free = [s for s in admissible if not set(owner[stamp < s]) & set(owner[stamp >= s])]
        admissible = free if len(free) >= len(borders) else admissible

    def inside(s: int) -> list[tuple[int, int]]:
        return [window for window in calendar if window[0] <= stamps[s] <= window[1]]

    def behind(s: int) -> int:
        while s < len(stamps) and inside(s):
            last = s
            for _, end in inside(s):
                limit = end + gap[1]
                later = [k for k in range(len(stamps)) if stamps[k] > limit]
                last = max(last, later[gap[0]] if len(later) > gap[0] else len(stamps))
            s = last
        return s

    places = [s for s in admissible if not inside(s)]
    if len(places) < len(borders):
        raise TooFewRows("too few places")
    moved: list[int] = []
    for number, border in enumerate(borders):
        nearest = behind(min(admissible, key=lambda s: (abs(s - border), s)))
        left = [s for s in places if not moved or s > moved[-1]]
        left = left[: len(left) - (len(borders) - number - 1)]
        later = [s for s in left if s >= nearest]
        moved.append(later[0] if later else left[-1])
    return moved


# --- every splitter ----------------------------------------------------------------------------------------------


def _sides(fates: NDArray[np.int64]) -> Pair:
    return np.flatnonzero(fates == TRAIN), np.flatnonzero(fates == TEST)


def _groups(case: SplitCase, borders: list[int]) -> list[NDArray[np.bool_]]:
    stamp = np.searchsorted(np.unique(case.t0), case.t0)
    return [(stamp >= a) & (stamp < b) for a, b in pairwise(borders)]


def _array_split(n: int, parts: int, start: int = 0) -> list[int]:
    sizes = [len(part) for part in np.array_split(np.arange(n - start), parts)]
    return [start, *(start + np.cumsum(sizes)).tolist()]


Case = tuple[str, Any, Callable[[], Iterable[NDArray[np.int64]]], Any]


def _drawn(case: SplitCase, rng: np.random.Generator) -> Iterator[Case]:
    """Every splitter with drawn settings, and its splits by the definition."""
    from smctrain import splits

    intervals = (case.t0, case.t1)
    n = len(np.unique(case.t0))
    bars, span = int(rng.integers(6)), 0
    embargo: Any = bars
    told = (bars, span, 0.0)
    if rng.random() < 0.2:
        embargo, told = splits.EmbargoShare(0.05, at_most=bars + 1), (bars + 1, 0, 0.05)
    lookback = int(rng.integers(6)) if rng.random() < 0.3 else 0
    block = bool(rng.random() < 0.2)
    gap = int(rng.integers(4)) if rng.random() < 0.5 else 0
    both: dict[str, Any] = {"embargo": embargo, "lookback": lookback, "purge": "block" if block else "exact"}
    rules: dict[str, Any] = {"embargo": told, "lookback": (lookback, 0), "block": block}

    folds = n if rng.random() < 0.1 else int(rng.integers(2, 8))
    yield (
        "PurgedKFold",
        splits.PurgedKFold(max(2, folds), intervals=intervals, **both),
        lambda: (purged(case, test, **rules) for test in _groups(case, _array_split(n, max(2, folds)))),
        None,
    )
    k = int(rng.integers(1, 3))
    combined = int(rng.integers(k + 1, 7))

    def combinatorial() -> Iterator[NDArray[np.int64]]:
        groups = _groups(case, _array_split(n, max(2, combined)))
        for choice in combinations(groups, k):
            yield purged(case, np.any(choice, axis=0), **rules)

    yield (
        "CombinatorialPurgedKFold",
        splits.CombinatorialPurgedKFold(max(2, combined), k, intervals=intervals, **both),
        combinatorial,
        None,
    )
    window = int(rng.integers(1, 30)) if rng.random() < 0.5 else None
    walks = int(rng.integers(1, 6))

    def walking() -> Iterator[NDArray[np.int64]]:
        borders = _array_split(n, walks, math.floor(0.4 * n + 1e-9))
        for first, last in pairwise(borders):
            yield forward(case, first, last, window, (gap, 0))

    yield "WalkForward", splits.WalkForward(walks, window, gap, intervals), walking, None
    initial, step, size = (int(rng.integers(1, 1 + max(1, n // 3))) for _ in range(3))
    yield (
        "ExpandingWindow",
        splits.ExpandingWindow(initial, step, size, gap, intervals),
        lambda: (forward(case, a, a + size, None, (gap, 0)) for a in range(initial, n - size + 1, step)),
        None,
    )

    def temporal() -> Iterator[NDArray[np.int64]]:
        first, last = math.floor(0.7 * n + 1e-9), math.floor(0.85 * n + 1e-9)
        if first < 1:
            raise TooFewRows("too few stamps")
        fates = forward(case, last, n, None, (gap, 0))
        early = forward(case, first, last, None, (gap, 0)) if last > first else fates
        stamp = np.searchsorted(np.unique(case.t0), case.t0)
        train = (stamp < first) & (early == TRAIN) & (fates == TRAIN)
        yield np.where(stamp >= last, TEST, np.where(train, TRAIN, NOTHING))

    yield "TemporalSplit", splits.TemporalSplit(embargo=gap, intervals=intervals), temporal, None

    regimes = rng.integers(0, 3, len(case.t0))
    least = int(rng.integers(1, 10))
    big = [r for r in range(3) if np.count_nonzero(regimes == r) >= least]
    if big:
        yield (
            "RegimeSplit",
            splits.RegimeSplit(regimes, least, intervals=intervals, **both),
            lambda: (purged(case, regimes == r, **rules) for r in big),
            None,
        )

    if len(np.unique(case.symbol)) > 1:
        start = np.datetime64("2020-01-01", "ns")
        ends = np.where(case.t1 == FOREVER, case.t0.max() + 1000, case.t1)
        panel = SplitCase(case.t0, ends, case.symbol, case.event)
        times = start + case.t0 * np.timedelta64(1, "m"), start + ends * np.timedelta64(1, "m")
        mode: Any = "strict" if rng.random() < 0.5 else "purged"
        cut = math.floor(0.7 * n + 1e-9)
        stamp = np.searchsorted(np.unique(case.t0), case.t0)

        def held_out() -> Iterator[NDArray[np.int64]]:
            for code in range(int(case.symbol.max()) + 1):
                own = case.symbol == code
                test = own & (stamp >= cut)
                if not test.any():
                    continue
                if mode == "purged":
                    yield purged(panel, test, ~own | test, **rules)
                else:
                    fates = np.where(own, NOTHING, forward(panel, cut, n, None, (gap, 0)))
                    yield np.where(test, TEST, np.where(fates == TEST, NOTHING, fates))

        yield (
            "LeaveOneSymbolOut",
            splits.LeaveOneSymbolOut(mode, 0.3, gap, intervals=times, **both),
            held_out,
            case.symbol,
        )

    # Events: short labels leave places for borders, long ones do not; windows are left in by half of the cases.
    ends = case.t0 + rng.integers(0, 2, len(case.t0)) if rng.random() < 0.7 else case.t1
    short = SplitCase(case.t0, ends, case.symbol, case.event)
    latest = int(case.t0.max())
    calendar = [(a, a + int(rng.integers(0, 6))) for a in rng.integers(0, latest + 1, int(rng.integers(0, 4))).tolist()]
    exclude = bool(calendar) and bool(rng.random() < 0.5)
    kept = np.array(
        [
            not exclude or not any(a <= e and s <= b for a, b in calendar)
            for s, e in zip(short.t0, short.t1, strict=True)
        ]
    )
    if kept.any():
        rest = SplitCase(*(values[kept] for values in (short.t0, short.t1, short.symbol, short.event)))
        m = len(np.unique(rest.t0))
        kind = int(rng.integers(2))
        base: Any = splits.WalkForward(walks, window, gap) if kind else splits.PurgedKFold(max(2, folds), **both)

        def events() -> Iterator[NDArray[np.int64]]:
            plan = _array_split(m, walks, math.floor(0.4 * m + 1e-9)) if kind else _array_split(m, max(2, folds))
            inner = [border for border in plan if 0 < border < m]
            moved = dict(
                zip(inner, event_borders(rest, rest.event, inner, calendar, (gap if kind else 0, 0)), strict=True)
            )
            borders = [moved.get(border, border) for border in plan]
            for a, b in pairwise(borders):
                if kind:
                    fates = forward(rest, a, b, window, (gap, 0))
                else:
                    fates = purged(rest, _groups(rest, [a, b])[0], **rules)
                tested = set(rest.event[fates == TEST]) - {-1}
                fates[(fates == TRAIN) & np.isin(rest.event, list(tested))] = PURGED
                every = np.full(len(kept), NOTHING)
                every[kept] = fates
                yield every

        yield (
            "EventAwareSplit",
            splits.EventAwareSplit(
                calendar or None, base=base, exclude=exclude, event_id=short.event, intervals=(short.t0, short.t1)
            ),
            events,
            None,
        )


def check_splitters(seeds: Iterable[int], least: int = 2, most: int = 60) -> SplitCheck:
    """Every splitter on one drawn case per seed.

    Parameters
    ----------
    seeds : iterable of int
    least, most : int
        Smallest and largest number of rows.

    Returns
    -------
    SplitCheck
    """
    from smctrain import splits

    check = SplitCheck()
    for seed in seeds:
        rng = np.random.default_rng(seed)
        case = random_case(rng, least, most)
        check.cases += 1
        for name, splitter, defined, groups in _drawn(case, rng):
            _compare(check, f"{name}, seed {seed}", splitter, defined, groups, splits.audit)
    return check


def _compare(
    check: SplitCheck,
    name: str,
    splitter: Any,
    defined: Callable[[], Iterable[NDArray[np.int64]]],
    groups: Any,
    audit: Callable[..., Any],
) -> None:
    try:
        expected = [_sides(fates) for fates in defined()]
        enough = all(len(train) for train, _ in expected) and all(len(test) for _, test in expected)
    except (TooFewRows, ValueError, IndexError):
        expected, enough = [], False
    try:
        got = list(splitter.split(splitter.intervals[0], groups=groups))
    except TooFewRows:
        check.refused += 1
        if expected and enough:
            check.different += 1
            check.examples.append(f"{name}: refused")
        return
    check.splits += len(got)
    same = len(got) == len(expected) and all(
        np.array_equal(a, c) and np.array_equal(b, d) for (a, b), (c, d) in zip(got, expected, strict=True)
    )
    if not same:
        check.different += 1
        check.examples.append(name)
    first, last = (np.asarray(side).astype(np.int64) for side in splitter.intervals)
    check.overlapping += sum(int(overlap(first, last, train, test).sum()) for train, test in got)
    try:
        audit(splitter, splitter.intervals[0], splitter.intervals, groups)
    except SmctrainError as error:
        check.leaks += 1
        check.examples.append(f"{name}: {error}")
