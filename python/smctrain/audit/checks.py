"""The checks that need no model: build again on other bars, and compare with what was built on all of them.

prefix      bars end at T: rows <= T must not change                      >= 200 cuts T, and borders of the clock
future      bars after T are missing, shuffled or noisy: the same         20 cuts x 3
start-up    bars begin later: rows past the declared start-up, 1e-5       5 starts
missing     one bar without prices: rows before it must not change, later ones come back
            of our columns: an added bar without prices leaves no trace beyond the rows the catalogue allows   3 rows
columns     constant ones, and copies of another

Our own engine is built on several threads (its results do not depend on them), a function of the user on one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.audit.report import ALL_COLUMNS, Finding
from smctrain.audit.subject import (
    Columns,
    Market,
    Matrix,
    Subject,
    altered_after,
    since,
    until,
    with_an_empty_bar,
    without_prices,
)
from smctrain.exceptions import InputError

FIRST_ROWS = 60
FUTURE_CUTS = 20
STARTS = 5
# A declared start-up leaves the start a weight of 1e-6. A start that was off by several times the usual size of the
# column therefore shows by several 1e-6.
START_UP_TOLERANCE = 1e-5
# Sums over arrays of other lengths may round differently; a callable's reading changes when it differs by more than
# this share of itself and of its column's size.
ROUNDING = 1e-10
# Running sums that were renewed on another row differ in their last digits, and a z-score stretches them.
MISSING_TOLERANCE = 1e-6
MOST_THREADS = 8


@dataclass
class Whole:
    """What the subject makes of all bars, and how far two runs of it differ."""

    values: Matrix
    names: list[str]
    tolerance: Matrix
    """(n, d); 0 where readings must be equal to the bit."""
    random: NDArray[np.bool_]
    """(d,) columns that differ between two runs in which rows they have: nothing can be said about them."""


def build_whole(subject: Subject, market: Market) -> tuple[Whole, list[Finding]]:
    """Build once, and for callables twice: what differs between the two is their own noise."""
    first = subject.build(market)
    n, d = first.values.shape
    if subject.exact:
        return Whole(first.values, first.names, np.zeros((1, d)), np.zeros(d, dtype=np.bool_)), []
    second = subject.build(market).ordered_as(first.names)
    finite = np.isfinite(first.values)
    mismatch = finite != np.isfinite(second)
    change = np.abs(np.where(finite & ~mismatch, first.values - np.where(finite, second, 0.0), 0.0))
    noise = change.max(axis=0, initial=0.0)
    size = np.where(finite, np.abs(first.values), 0.0)
    typical = np.array([np.median(size[finite[:, j], j]) if finite[:, j].any() else 0.0 for j in range(d)])
    # A column as noisy as it is large cannot be told from its own noise.
    random = mismatch.any(axis=0) | (noise > 1e-3 * np.maximum(typical, 1e-300))
    remarks = [
        Finding(first.names[j], "random", int(np.argmax(mismatch[:, j] | (change[:, j] > 0))), n, float(noise[j]),
                "differs between two runs on the same bars; changes below that cannot be seen")
        for j in np.flatnonzero(random)
    ]  # fmt: skip
    tolerance = 2.0 * noise + ROUNDING * np.maximum(size, typical)
    return Whole(first.values, first.names, tolerance, mismatch.any(axis=0)), remarks


class Trace:
    """Collects changed readings of all columns over many comparisons."""

    def __init__(self, whole: Whole) -> None:
        self.whole = whole
        self.changed = np.zeros(whole.values.shape, dtype=np.bool_)
        self.size = np.zeros(len(whole.names))
        self.failures: list[str] = []
        self.first_failure = -1
        self.done = 0

    def compare(self, built: Columns, rows: slice) -> None:
        """Compare what was built with `whole` on `rows` (the rows that both have)."""
        self.done += 1
        before = self.whole.values[rows]
        after = built.ordered_as(self.whole.names)[: len(before)]
        tolerance = self.whole.tolerance if len(self.whole.tolerance) == 1 else self.whole.tolerance[rows]
        changed = readings_differ(before, after, tolerance) & ~self.whole.random
        if not changed.any():
            return
        self.changed[rows] |= changed
        with np.errstate(invalid="ignore"):
            size = np.where(changed, np.abs(before - after), 0.0)
        size[np.isnan(size)] = np.inf  # a reading appeared or vanished
        finite = np.where(np.isfinite(size), size, 0.0).max(axis=0, initial=0.0)
        self.size = np.maximum(self.size, np.where(finite > 0, finite, size.max(axis=0, initial=0.0)))

    def failed(self, where: str, row: int, error: Exception) -> None:
        """The code raised on altered bars."""
        if not self.failures:
            self.first_failure = row
        self.failures.append(f"{where}: {type(error).__name__}: {error}")

    def findings(self, kind: str, words: str) -> list[Finding]:
        """One finding per changed column."""
        found = []
        for j in np.flatnonzero(self.changed.any(axis=0)):
            rows = np.flatnonzero(self.changed[:, j])
            size = float(self.size[j])
            amount = "readings appear or vanish" if np.isinf(size) else f"by up to {size:.3g}"
            detail = f"from row {rows[0]}, {len(rows)} rows change {words}, {amount}"
            found.append(Finding(self.whole.names[j], kind, int(rows[0]), len(rows), size, detail))
        return found

    def remarks(self, words: str) -> list[Finding]:
        """What to say about failures of the code on altered bars."""
        if not self.failures:
            return []
        count = len(self.failures)
        detail = f"the code fails on {count} of {count + self.done} {words}, first {self.failures[0]}"
        return [Finding(ALL_COLUMNS, "error", self.first_failure, count, float("nan"), detail)]


def readings_differ(before: Matrix, after: Matrix, tolerance: Matrix) -> NDArray[np.bool_]:
    """Readings that are not the same up to `tolerance` (0: to the bit); missing equals missing."""
    same: NDArray[np.bool_] = (before == after) & ((tolerance > 0) | (np.signbit(before) == np.signbit(after)))
    same |= np.isnan(before) & np.isnan(after)
    if (tolerance > 0).any():
        with np.errstate(invalid="ignore"):
            same |= np.abs(before - after) <= tolerance
    return ~same


def cut_rows(n: int, cuts: int, borders: Iterable[int], rng: np.random.Generator) -> list[int]:
    """Rows T at which the bars are cut: the first 60, the last 3, others anywhere between, at least `cuts` in all where
    there are that many bars; then `borders`, at most half as many."""
    rows = {*range(min(FIRST_ROWS, n)), *(row for row in (n - 3, n - 2, n - 1) if row >= 0)}
    if n - len(rows) <= max(0, cuts - len(rows)):
        return list(range(n))
    # One at a random place of each of equally long stretches: any place of a day or a higher bar can be met.
    while len(rows) < cuts:
        edges = np.linspace(FIRST_ROWS, n, cuts - len(rows) + 1)
        rows |= set((edges[:-1] + rng.random(len(edges) - 1) * np.diff(edges)).astype(int).tolist())
    more = sorted(set(borders))
    return sorted(rows | set(more[:: 1 + 2 * len(more) // max(1, cuts)]))


def _built(
    subject: Subject, jobs: Iterable[tuple[str, int, Callable[[], Market]]]
) -> Iterator[tuple[str, int, Columns | Exception]]:
    """What the subject makes of each market, in order; of our own engine an error is raised at once."""

    def build(job: tuple[str, int, Callable[[], Market]]) -> Columns | Exception:
        try:
            return subject.build(job[2]())
        except Exception as error:  # the user's code may fail on few bars; that is no leak
            if subject.exact:
                raise
            return error

    listed = list(jobs)
    threads = min(MOST_THREADS, os.cpu_count() or 1) if subject.exact else 1
    if threads == 1:
        for job in listed:
            yield job[0], job[1], build(job)
        return
    with ThreadPoolExecutor(threads) as pool:
        # A few at a time: a matrix is as large as the table of all bars.
        for first in range(0, len(listed), 4 * threads):
            part = listed[first : first + 4 * threads]
            for job, columns in zip(part, pool.map(build, part), strict=True):
                yield job[0], job[1], columns


def prefix(subject: Subject, market: Market, base: str, whole: Whole, rows: list[int]) -> Trace:
    """Cut the bars at each of `rows`."""
    trace = Trace(whole)
    last_error: Exception | None = None
    jobs = [(f"the first {row + 1} bars", row, _job(until, market, base, row)) for row in rows]
    for where, row, built in _built(subject, jobs):
        if isinstance(built, Exception):
            last_error = built
            trace.failed(where, row, built)
        else:
            trace.compare(built, slice(0, row + 1))
    shorter = sum(row + 1 < len(whole.values) for row in rows)
    if last_error is not None and len(trace.failures) >= shorter:
        raise InputError(f"the feature function fails on every shorter part of the bars: {last_error}") from last_error
    return trace


def future(
    subject: Subject, market: Market, base: str, whole: Whole, rows: list[int], rng: np.random.Generator
) -> Trace:
    """Alter everything that was not finished at the close of each of `rows`."""
    trace = Trace(whole)
    jobs = [
        (f"bars after row {row} altered ({how})", row, _job(altered_after, market, base, row, how, child))
        for row in rows
        for how, child in zip(("nan", "shuffled", "noise"), rng.spawn(3), strict=True)
    ]
    for where, row, built in _built(subject, jobs):
        if isinstance(built, Exception):
            trace.failed(where, row, built)
        else:
            trace.compare(Columns(built.ordered_as(whole.names)[: row + 1], whole.names), slice(0, row + 1))
    return trace


def _job(make: Callable[..., Market], *arguments: Any) -> Callable[[], Market]:
    return lambda: make(*arguments)


def start_up(
    subject: Subject, market: Market, base: str, whole: Whole, rng: np.random.Generator
) -> tuple[list[Finding], list[Finding], int]:
    """Begin later, five times. Returns leaks (a declared start-up is broken), remarks (none is declared, or the column
    waits for events), and how many columns were compared."""
    n = len(whole.values)
    limits = subject.start_up(whole.names)
    declared = limits is not None
    needs = np.full(len(whole.names), -1) if limits is None else limits
    worst = np.zeros(len(whole.names))
    rows: list[set[int]] = [set() for _ in whole.names]
    compared: set[int] = set()
    spread = _spread(whole.values)
    reads_volume = subject.reads(("volume",), whole.names)  # silent until the volume has varied
    for start in sorted(rng.integers(1, max(2, n // 2), STARTS).tolist()):
        try:
            built = subject.build(since(market, base, start)).ordered_as(whole.names)
        except Exception:
            if subject.exact:
                raise
            continue  # reported by the prefix check, which has short bars too
        silent = _rows_of_constant_volume(market[base].volume, start)
        for j in range(len(whole.names)):  # columns, not rows
            if declared and needs[j] < 0:
                continue
            # Without a declared start-up only the end is looked at, which most windows have forgotten the start by.
            first = start + int(needs[j]) if declared else max(start, n - max(1, n // 10))
            if reads_volume[j]:
                first += silent
            if first >= n:
                continue
            compared.add(j)
            a, b = whole.values[first:, j], built[first - start :, j]
            with np.errstate(invalid="ignore"):
                size = np.abs(a - b) / np.maximum(np.abs(a), spread[j])
            size = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, size)
            size = np.where(np.isnan(size), np.inf, size)
            bad = np.flatnonzero(size > START_UP_TOLERANCE)
            if len(bad):
                worst[j] = max(worst[j], size[bad].max())
                rows[j] |= set((bad + first).tolist())
    # The start of a column that waits for events fades with these, and a quiet market may keep it for long.
    waits = subject.reads(("structure", "zones"), whole.names)
    leaks: list[Finding] = []
    remarks: list[Finding] = []
    for j in np.flatnonzero(worst).tolist():
        where = "past its declared start-up" if declared else "at the end of the bars"
        why = "; it fades with events, not with rows" if waits[j] else ""
        detail = f"{len(rows[j])} readings {where} depend on where the bars begin (relative change {worst[j]:.2g}){why}"
        finding = Finding(whole.names[j], "start_up", min(rows[j]), len(rows[j]), float(worst[j]), detail)
        (leaks if declared and not waits[j] else remarks).append(finding)
    return leaks, remarks, len(compared)


def _rows_of_constant_volume(volume: Matrix | None, start: int) -> int:
    """Bars from `start` on until the volume differs from the first one; 0 where the very next bar does."""
    if volume is None:
        return 0
    have = np.isfinite(volume[start:])
    differs = have & (volume[start:] != volume[start:][int(np.argmax(have))])
    rows = int(np.argmax(differs)) if differs.any() else len(differs)
    return rows if rows > 1 else 0


def missing_bar(subject: Subject, market: Market, base: str, whole: Whole) -> tuple[Trace, list[Finding]]:
    """Take the prices of one bar away: rows before it must not change, and readings must come back."""
    n = len(whole.values)
    row = n // 2
    trace = Trace(whole)
    try:
        built = subject.build(without_prices(market, base, row))
    except Exception as error:
        if subject.exact:
            raise
        trace.failed(f"row {row} without prices", row, error)
        return trace, []
    trace.compare(Columns(built.ordered_as(whole.names)[:row], whole.names), slice(0, row))
    after = built.ordered_as(whole.names)[row + 1 :]
    had = np.isfinite(whole.values[row + 1 :]).any(axis=0) & np.isfinite(whole.values[:row]).any(axis=0)
    lost = had & ~np.isfinite(after).any(axis=0) & ~whole.random
    remarks = [
        Finding(whole.names[j], "missing_bar", row, n - row - 1, float("inf"),
                f"one bar without prices (row {row}) leaves no reading in the {n - row - 1} rows after it")
        for j in np.flatnonzero(lost)
    ]  # fmt: skip
    return trace, remarks


def empty_bar(subject: Subject, market: Market, base: str, whole: Whole) -> list[Finding]:
    """Put a bar without prices between two others, at three places, and compare with the bars as they were.

    The catalogue says what must happen. Earlier rows: nothing. The row itself: no reading, unless the column only reads
    the clock (lookback 0) or a higher bar. While the bar is in the window of a column (lookback), the column may be
    silent, or count it as a row; a recursive one may be silent for at most its warm-up, and shows what it would have
    shown if not. All readings afterwards are what they were.
    """
    rules = subject.missing_rule(whole.names)
    segment, n = market[base].segment, len(whole.values)
    together = np.flatnonzero(segment[1:] == segment[:-1]) + 1
    if rules is None or not len(together):
        return []
    rows = sorted({int(together[np.searchsorted(together, n * k // 4) % len(together)]) for k in (1, 2, 3)})
    spread = _spread(whole.values)
    found: dict[str, Finding] = {}
    for row in rows:
        built = subject.build(with_an_empty_bar(market, base, row)).ordered_as(whole.names)
        clean = np.insert(whole.values, row, np.nan, axis=0)
        with np.errstate(invalid="ignore"):
            same = np.abs(built - clean) <= MISSING_TOLERANCE * np.maximum(np.abs(clean), spread)
        same |= (built == clean) | (np.isnan(built) & np.isnan(clean))
        since_row = np.arange(n + 1)[:, None] - row
        silent, is_window, must_be_silent = rules
        excused = (since_row >= 0) & (since_row < silent) & (is_window | np.isnan(built))
        wrong = ~(same | excused)
        wrong[row] = must_be_silent & ~np.isnan(built[row])
        for j in np.flatnonzero(wrong.any(axis=0)).tolist():
            bad = np.flatnonzero(wrong[:, j])
            size = float(np.nanmax(np.abs(np.where(wrong[:, j], built[:, j] - clean[:, j], 0.0)), initial=0.0))
            detail = (
                f"a bar without prices before row {row} changes {len(bad)} readings, first {bad[0] - row} rows after "
                f"it; the catalogue allows it to be silent for {silent[j]} rows"
            )
            found.setdefault(
                whole.names[j], Finding(whole.names[j], "missing_bar", int(bad[0]), len(bad), size, detail)
            )
    return list(found.values())


def idle_columns(whole: Whole) -> list[Finding]:
    """Constant columns (or empty ones), and columns equal to an earlier one."""
    found: list[Finding] = []
    seen: dict[bytes, str] = {}
    for j, name in enumerate(whole.names):
        values = whole.values[:, j]
        present = values[~np.isnan(values)]
        if len(present) == 0 or (present == present[0]).all():
            what = "has no reading at all" if len(present) == 0 else f"is {present[0]:g} wherever it has a reading"
            found.append(Finding(name, "constant", -1, len(present), 0.0, what))
            continue
        key = np.where(np.isnan(values), np.nan, values + 0.0).tobytes()
        if key in seen:
            found.append(Finding(name, "duplicate", -1, len(values), 0.0, f"is equal to {seen[key]} on every row"))
        seen.setdefault(key, name)
    return found


def _spread(values: Matrix) -> NDArray[np.float64]:
    """Standard deviation per column; 0 where nothing varies."""
    out: list[Any] = []
    for column in values.T:
        present = column[np.isfinite(column)]
        out.append(present.std() if len(present) else 0.0)
    return np.array(out, dtype=np.float64)
