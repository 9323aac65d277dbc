"""From raw bars to `Bars`, one symbol at a time: zone, missing cells, order, price grid, checks, segments.

Whatever is odd becomes an `Issue` with its row; what makes the bars useless becomes a `BarError`.
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from smctrain._load import core
from smctrain.bars.breaks import describe_breaks
from smctrain.bars.calendars import SessionCalendar
from smctrain.bars.raw import RawBars, display, join_messages, stamp
from smctrain.bars.timeframes import median_step, timeframe_of_step
from smctrain.bars.types import TIMEFRAME_SECONDS, Bars, Issue, Quarantine
from smctrain.bars.zones import Zone, longer_by, to_utc
from smctrain.exceptions import BarError

_SECOND = 1_000_000_000
_DAY = 86_400 * _SECOND


@dataclass(frozen=True)
class Options:
    """Settings of `read_bars` that concern every series."""

    zone: Zone
    stamp: str
    sort: bool
    drop_duplicates: bool
    timeframes: tuple[str, ...] | None
    max_fault_share: float
    quarantine: tuple[str, ...]
    calendar: Callable[[str], SessionCalendar | None]


@dataclass(frozen=True)
class CleanSymbol:
    """Result for one symbol: its frames, or the error that keeps it out; issues in either case."""

    symbol: str
    frames: dict[str, Bars]
    issues: list[Issue]
    error: BarError | None


def clean_symbol(symbol: str, raws: list[RawBars], digits: int | None, options: Options) -> CleanSymbol:
    """Cleans all series of one symbol; one error keeps the whole symbol out, all errors are named."""
    issues: list[Issue] = []
    errors: list[Exception] = []
    series: dict[str, RawBars] = {}
    found: set[str] = set()
    for raw in raws:
        try:
            clean = _in_order(raw, options, issues)
            timeframe = str(clean.timeframe)
            found.add(timeframe)
            if options.timeframes is not None and timeframe not in options.timeframes:
                continue
            if timeframe in series:
                raise BarError(
                    f"{raw.file} and {series[timeframe].file} both hold {timeframe} bars of "
                    f"{display(symbol)}. Remove one."
                )
            series[timeframe] = clean
        except BarError as error:
            errors.append(error)
    if not errors and not series:
        wanted = ", ".join(options.timeframes or ())
        errors.append(BarError(f"no {wanted} bars (found: {', '.join(sorted(found))})."))
    frames: dict[str, Bars] = {}
    if series:
        grid = _grid(series, digits, issues)
        for timeframe, raw in series.items():
            try:
                frames[timeframe] = _finish(raw, timeframe, grid, options, issues)
            except BarError as error:
                errors.append(error)
    if errors:
        return CleanSymbol(symbol, {}, issues, BarError(f"{display(symbol)}: {join_messages(errors)}"))
    return CleanSymbol(symbol, frames, issues, None)


def _in_order(raw: RawBars, options: Options, issues: list[Issue]) -> RawBars:
    """Instants in UTC, complete rows, strictly ascending, opening stamps, timeframe known."""

    def note(kind: str, row: int, count: int, example: str) -> None:
        issues.append(Issue(raw.file, raw.symbol, raw.timeframe or "", kind, int(raw.row[row]), count, example))

    if len(raw) == 0:
        raise BarError(f"{raw.file} has no bars. Export it again.")
    if raw.naive:
        if options.zone.name == "UTC":
            note("naive_time", 0, len(raw), "times name no zone, read as UTC; tz='fixed:+00:00' confirms it")
        raw = _with_time(raw, _localised(raw, options.zone))

    finite = np.isfinite(raw.open) & np.isfinite(raw.high) & np.isfinite(raw.low) & np.isfinite(raw.close)
    if not finite.all():
        first = int(np.argmin(finite))
        dropped = int((~finite).sum())
        note(
            "non_finite",
            first,
            dropped,
            f"{stamp(raw.time[first])}: a price is missing or infinite; bar dropped",
        )
        if dropped == len(raw):
            raise BarError(f"{raw.file}: every bar lacks a price. Export it again.")
        raw = raw.take(finite)

    faults = core().check_order(raw.time)
    problems = []
    if faults["n_backward"]:
        at = faults["first_backward"]
        example = f"{stamp(raw.time[at])} after {stamp(raw.time[at - 1])}"
        note("disorder", at, faults["n_backward"], example + ("; sorted" if options.sort else ""))
        if not options.sort:
            problems.append((f"row {raw.row[at]}: {example} is a step back in time", faults["n_backward"], "sort"))
    if faults["n_duplicate"]:
        at = faults["first_duplicate"]
        example = f"{stamp(raw.time[at])} a second time"
        note(
            "duplicate",
            at,
            faults["n_duplicate"],
            example + ("; first kept" if options.drop_duplicates else ""),
        )
        if not options.drop_duplicates:
            problems.append((f"row {raw.row[at]}: {example}", faults["n_duplicate"], "drop-duplicates"))
    if problems:
        told = "; ".join(f"{text} ({count} such row{'s' if count > 1 else ''})" for text, count, _ in problems)
        asked = ",".join(name for _, _, name in problems)
        raise BarError(f"{raw.file}, {told}. Correct the file, or read it with fix={asked!r}.")
    if faults["n_backward"]:
        raw = raw.take(np.argsort(raw.time, kind="stable"))
    if faults["n_duplicate"]:
        raw = raw.take(np.concatenate(([True], np.diff(raw.time) > 0)))

    step = median_step(raw.time)
    if raw.timeframe is None:
        raw.timeframe = timeframe_of_step(step)
        if raw.timeframe is None:
            why = f"the median step of {step} s is none of {', '.join(TIMEFRAME_SECONDS)}" if step else "it has one bar"
            raise BarError(
                f"{raw.file}: the timeframe cannot be found, because {why}. "
                "Name the file SYMBOL_TF.csv, or add a column timeframe."
            )
    elif step and step != TIMEFRAME_SECONDS[raw.timeframe]:
        note("step", 0, len(raw), f"called {raw.timeframe}, but the median step is {step / 60:g} minutes")
    if options.stamp == "close":
        raw = _with_time(raw, raw.time - TIMEFRAME_SECONDS[raw.timeframe] * _SECOND)
    elif raw.naive:
        # What a bar shows is known at its close, so of a bar that is longer than its name says the close is kept.
        longer = longer_by(raw.time, TIMEFRAME_SECONDS[str(raw.timeframe)], options.zone)
        if longer.any():
            at = int(np.argmax(longer > 0))
            note(
                "long_bar",
                at,
                int((longer > 0).sum()),
                f"{stamp(raw.time[at])}: the clocks go back inside this bar; its opening time was moved, so that it "
                "closes when it really does",
            )
            raw = _with_time(raw, raw.time + longer)
    if raw.time[-1] > clock.time_ns() + _DAY:
        at = int(np.searchsorted(raw.time, clock.time_ns() + _DAY, side="right"))
        raise BarError(
            f"{raw.file}, row {raw.row[at]}: {stamp(raw.time[at])} UTC lies in the future. "
            "Correct the times, the zone (tz=) or the clock of this machine."
        )
    return raw


def _with_time(raw: RawBars, time: NDArray[np.int64]) -> RawBars:
    return replace(raw, time=time)


def _localised(raw: RawBars, zone: Zone) -> NDArray[np.int64]:
    time, bad = to_utc(raw.time, zone)
    if bad is None:
        return time
    local = ", ".join(stamp(raw.time[row]) for row in bad.rows[:3]) + (", ..." if len(bad.rows) > 3 else "")
    what = "do not exist (the clocks go forward)" if bad.kind == "gap" else "exist twice (the clocks go back)"
    raise BarError(
        f"{raw.file}, row {raw.row[bad.rows[0]]}: {len(bad.rows)} local times {what} in {zone.name}: "
        f"{local}. "
        "Give the zone the source really uses (tz='UTC', tz='fixed:+02:00'), or export it in UTC."
    )


def _grid(series: dict[str, RawBars], declared: int | None, issues: list[Issue]) -> int | None:
    """Decimals of the symbol: declared, or the fewest that hold every price of every timeframe."""
    if declared is not None:
        return declared
    columns = [column for raw in series.values() for column in (raw.open, raw.high, raw.low, raw.close)]
    found = int(core().price_digits([np.ascontiguousarray(column) for column in columns]))
    if found >= 0:
        return found
    raw = next(iter(series.values()))
    issues.append(
        Issue(raw.file, raw.symbol, str(raw.timeframe), "digits", int(raw.row[0]), len(raw),
              "no number of decimals up to 8 fits; prices are not snapped")
    )  # fmt: skip
    return None


def _finish(raw: RawBars, timeframe: str, digits: int | None, options: Options, issues: list[Issue]) -> Bars:
    """Snapped, checked and cut into segments."""

    def note(kind: str, row: int, count: int, example: str) -> None:
        issues.append(Issue(raw.file, raw.symbol, timeframe, kind, int(raw.row[row]), count, example))

    prices = {name: np.ascontiguousarray(getattr(raw, name)) for name in ("open", "high", "low", "close")}
    if digits is not None:
        off, first = 0, len(raw)
        for name in prices:
            prices[name], n_off, first_off = core().snap_prices(prices[name], digits)
            if n_off:
                off, first = off + n_off, min(first, first_off)
        if off:
            note(
                "digits",
                first,
                off,
                f"{stamp(raw.time[first])}: prices finer than {digits} decimals were rounded",
            )
    bars = Bars(
        raw.symbol, timeframe, raw.time.astype("datetime64[ns]"),
        prices["open"], prices["high"], prices["low"], prices["close"],
        volume=raw.volume, spread=raw.spread, digits=digits, source=raw.file,
    )  # fmt: skip
    native = bars.native()
    findings, n_faulty = core().check_bars(native, bars.seconds)
    for kind, first, count, measure in findings:
        note(kind, first, count, _example(bars, kind, first, measure))
    if n_faulty > options.max_fault_share * len(bars):
        bad = next(f for f in findings if f[0] in ("ohlc", "non_positive", "negative_volume"))
        raise BarError(
            f"{raw.file}, row {raw.row[bad[1]]}: {n_faulty} of {len(bars)} bars contradict themselves "
            f"({_example(bars, bad[0], bad[1], bad[3])}); the limit is {options.max_fault_share:.1%}. "
            "Check the columns of the export, or raise max_fault_share."
        )
    found = core().find_breaks(native, bars.seconds, list(options.quarantine))
    breaks = tuple(Quarantine(*record) for record in found["breaks"])
    for kind, rows, example in describe_breaks(bars, breaks, options.quarantine):
        note(kind, rows[0], len(rows), example)
    marked = found["quarantine"]
    calendar = options.calendar(raw.symbol)
    if calendar is not None:
        closes = calendar.closes(bars.time, bars.seconds)
        bars = replace(bars, calendar=calendar, ends=None if np.array_equal(closes, bars.time_close) else closes)
    return replace(
        bars,
        segment=found["segment"],
        quarantine=None if marked is None else marked.view(np.bool_),
        quarantines=breaks,
    )


def _example(bars: Bars, kind: str, row: int, measure: float) -> str:
    when = stamp(bars.time[row].astype(np.int64))
    if kind == "gap":
        before = stamp(bars.time[row - 1].astype(np.int64))
        return f"{before} to {when}; {measure:.0f} bars missing in all"
    if kind in ("ohlc", "non_positive"):
        names = ("open", "high", "low", "close")
        return f"{when}: " + ", ".join(f"{name} {getattr(bars, name)[row]:.10g}" for name in names)
    if kind == "negative_volume":
        return f"{when}: volume or spread below zero"
    if kind == "flat_run":
        return f"{when}: open = high = low = close; longest run {measure:.0f} bars"
    if kind == "zero_volume":
        return f"{when}: no volume, where other bars have some"
    return f"every volume is {measure:.10g}"
