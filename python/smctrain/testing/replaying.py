"""Replay: what was shown when each bar was the last one, beside what is shown in the end.

A *reading* is one value of one column at the close of one bar. It is *rewritten* when the same row shows another value
once later bars have arrived; a value that appears or vanishes later counts too. Code that never peeks rewrites nothing.

    columns   of a `FeatureSpec`: every bar is pushed into a `FeatureStream`, its row compared with the batch
    events    of every function of `st.smc`: the table of the first bars, compared with what the table of all bars says
              was known then
    labels    of every label function, and what they read: a label that was given once stays, to the bit
    function  of the user's own: run again on every shorter part, compared with the run on all bars
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain._load import core
from smctrain.audit.subject import CallableSubject, until
from smctrain.bars.types import Bars, SymbolBars, as_table
from smctrain.exceptions import InputError
from smctrain.features import EventTable, FeatureSpec, FeatureStream, build_features, smc
from smctrain.labels import Labels, cusum_events, make_target, trend_scanning, triple_barrier
from smctrain.labels.horizon import parse_target

FIRST_CUTS = 60
_CENTURIES = 9e9  # seconds

EVENT_VARIANTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "swings 2+7": ("swings", {"left": 2, "right": 7}),
    "structure wick extreme": ("structure", {"break_on": "wick", "level": "extreme"}),
    "fair_value_gaps unmerged wick": ("fair_value_gaps", {"merge": False, "invalidate": "wick", "cap": 4}),
    "order_blocks seed": ("order_blocks", {"rule": "seed", "zone": "body"}),
    "order_blocks extreme": ("order_blocks", {"rule": "extreme", "break_on": "wick"}),
    "previous_levels w": ("previous_levels", {"period": "w"}),
    "previous_levels h4": ("previous_levels", {"period": "h4"}),
}
TARGETS = (
    "fwd_ret_12b", "fwd_ret_60m", "fwd_ret_1d", "y_will_peak_60m_0.8", "y_will_valley_8b_0.8", "y_mfe_20b_0.005",
    "y_mdd_20b_0.01",
)  # fmt: skip


@dataclass(frozen=True)
class Replayed:
    """One column of one source.

    Attributes
    ----------
    source, column : str
    readings : int
        Readings that were compared with their later self.
    rewritten : int
        How many of them changed.
    first_row : int
        First row that was rewritten, -1 for none.
    """

    source: str
    column: str
    readings: int
    rewritten: int
    first_row: int


@dataclass(frozen=True, eq=False)
class ReplayReport:
    """Outcome of `replay`: `rewritten` is 0 where nothing peeks."""

    columns: list[Replayed] = field(default_factory=list)

    @property
    def readings(self) -> int:
        """All readings that were compared."""
        return sum(column.readings for column in self.columns)

    @property
    def rewritten(self) -> int:
        """All rewritten readings."""
        return sum(column.rewritten for column in self.columns)

    @property
    def changed(self) -> list[Replayed]:
        """Columns with rewritten readings."""
        return [column for column in self.columns if column.rewritten]

    @property
    def table(self) -> Any:
        """One row per column (a data frame; a list of dicts without pandas)."""
        return as_table(self.columns, Replayed)

    def __repr__(self) -> str:
        return (
            f"ReplayReport({len(self.columns)} columns, {self.readings} readings, {self.rewritten} rewritten in "
            f"{len(self.changed)} columns)"
        )


def replay(
    bars: Bars | SymbolBars,
    what: FeatureSpec | Callable[[Any], Any] | None = None,
    *,
    cuts: int = 200,
    parts: Iterable[str] = ("columns", "events", "labels"),
) -> ReplayReport:
    """Count the readings that later bars rewrite.

    Parameters
    ----------
    bars : Bars or SymbolBars
        Bars of one symbol. Of a `SymbolBars` the finest timeframe is replayed; the higher ones that a spec reads are
        pushed as they close.
    what : FeatureSpec or callable, optional
        A spec (without one: every column that exists, of any role), or a function from a data frame of bars to a frame
        of columns, as `audit_features` takes it.
    cuts : int
        Bars at which events, labels and functions are looked at again: the first 60 (of fewer than 120 cuts the first
        half), the last two, and others evenly between. A stream is looked at on every bar.
    parts : iterable of {"columns", "events", "labels"}
        What to replay; a function is always replayed alone.

    Returns
    -------
    ReplayReport

    Examples
    --------
    >>> from smctrain.testing import ohlc_paths, replay
    >>> replay(ohlc_paths("G1", 120), lambda f: f[["close"]].bfill()).rewritten
    0
    >>> replay(ohlc_paths("G1", 120), lambda f: f[["close"]].shift(-1)).rewritten
    119
    """
    frames = {bars.timeframe: bars} if isinstance(bars, Bars) else dict(bars)
    base = next(iter(frames.values()))
    rows = cut_rows(len(base), cuts)
    if what is not None and not isinstance(what, FeatureSpec):
        return ReplayReport(list(_of_function(what, frames, base, rows)))
    wanted = set(parts)
    if unknown := wanted - {"columns", "events", "labels"}:
        raise InputError(f'parts must be of "columns", "events" and "labels", but name {sorted(unknown)}.')
    found: list[Replayed] = []
    if "columns" in wanted:
        found += _of_stream(what if what is not None else every_column(base.timeframe), frames, base)
    if "events" in wanted:
        for source, function in event_functions().items():
            found += _of_events(source, function, base, rows)
    if "labels" in wanted:
        found += _of_label_inputs(base, rows)
        for source, make in label_functions(base).items():
            found += _of_labels(source, make, base, rows)
    return ReplayReport(found)


def every_column(base: str = "M15") -> FeatureSpec:
    """A spec of every column that exists for a timeframe, raw prices included, as float64."""
    spec = FeatureSpec(base=base)
    entries: list[dict[str, Any]] = core().features_catalogue(spec.base_ns, spec.native_higher())
    return FeatureSpec(base=base, columns=tuple(entry["name"] for entry in entries), dtype="float64")


def event_functions() -> dict[str, Callable[[Bars], EventTable]]:
    """Every function of `st.smc` with its defaults, and the variants above."""
    calls: dict[str, tuple[str, Mapping[str, Any]]] = {name: (name, {}) for name in smc.__all__} | dict(EVENT_VARIANTS)
    return {source: _call(getattr(smc, name), options) for source, (name, options) in calls.items()}


def label_functions(base: Bars) -> dict[str, Callable[[Bars], Labels]]:
    """Label functions with options that touch every rule."""
    ranges = (base.high - base.low)[base.high > base.low]
    distance = float(np.median(ranges)) if len(ranges) else 1.0
    made: dict[str, Callable[[Bars], Labels]] = {
        "triple_barrier": _call(triple_barrier, {}),
        "triple_barrier close short": _call(
            triple_barrier, {"entry": "close", "side": -1, "tie": "drop", "timeout": "sign", "gap_target": "open"}
        ),
        "triple_barrier abs": _call(triple_barrier, {"unit": "abs", "target": 3 * distance, "stop": 2 * distance}),
        "triple_barrier retest": lambda b: triple_barrier(
            b, entry="retest", limit=b.close - distance, wait=6, horizon=10, rr=2.0, stop=1.0
        ),
        "trend_scanning": _call(trend_scanning, {"max_length": 12}),
    }
    return made | {name: _target(name) for name in TARGETS if _fits(name, base)}


def _fits(target: str, bars: Bars) -> bool:
    horizon = parse_target(target).horizon
    seconds = {"m": 60, "h": 3600, "d": 86_400}
    return horizon.unit == "b" or horizon.count * seconds[horizon.unit] >= bars.seconds


def cut_rows(n: int, cuts: int) -> list[int]:
    """The first 60 rows (half of fewer than 120 cuts), the last two, and others evenly between."""
    if isinstance(cuts, bool) or not isinstance(cuts, int | np.integer) or cuts < 1:
        raise InputError(f"cuts must be an integer of at least 1, but is {cuts!r}.")
    if cuts >= n:
        return list(range(n))
    first = min(FIRST_CUTS, cuts // 2)
    between = np.linspace(first, n, max(0, cuts - first - 2), endpoint=False).astype(int)
    return sorted({*range(first), *between.tolist(), n - 2, n - 1})


def differs(before: NDArray[Any], after: NDArray[Any]) -> NDArray[np.bool_]:
    """Cells that are not the same to the bit; missing equals missing."""
    if before.dtype.kind != "f":
        return np.asarray(before != after)
    same = (before == after) & (np.signbit(before) == np.signbit(after))
    return np.asarray(~(same | (np.isnan(before) & np.isnan(after))))


def _of_stream(spec: FeatureSpec, frames: Mapping[str, Bars], base: Bars) -> Iterator[Replayed]:
    if spec.base != base.timeframe:
        raise InputError(f"spec.base is {spec.base}, but the finest bars are {base.timeframe}.")
    used = {base.timeframe: base, **{tf: frames[tf] for tf in spec.used_higher if tf in frames}}
    table = build_features(SymbolBars(base.symbol, used), spec)
    pushed = [tf for tf in used if tf != base.timeframe]

    def begun() -> FeatureStream:
        # Where the bars restart stands in their segments; what a stream finds by itself is switched off.
        return FeatureStream(
            spec, base.digits, pushed, segment_gap=_CENTURIES, quarantine=False, calendar=base.calendar
        )

    stream = begun()
    shown = np.full(table.values.shape, np.nan, dtype=table.values.dtype)
    waiting = dict.fromkeys(pushed, 0)
    for t in range(len(base)):
        if t and base.segment[t] != base.segment[t - 1]:
            stream = begun()
            waiting = dict.fromkeys(pushed, 0)
        for tf, place in waiting.items():
            while place < len(used[tf]) and used[tf].time_close[place] <= base.time_close[t]:
                stream.push(**_bar(used[tf], place), timeframe=tf)
                place += 1
            waiting[tf] = place
        row = stream.push(**_bar(base, t))
        assert row is not None
        shown[t] = row
    changed = differs(shown, table.values)
    yield from _counted("stream", dict(zip(table.names, changed.T, strict=True)), len(base))


def _of_function(
    function: Callable[[Any], Any], frames: Mapping[str, Bars], base: Bars, rows: list[int]
) -> Iterator[Replayed]:
    subject = CallableSubject(function, base.timeframe)
    market = {base.timeframe: base}
    whole = subject.build(market)
    changed = np.zeros(whole.values.shape, dtype=np.bool_)
    readings = 0
    for row in rows:
        part = subject.build(until(market, base.timeframe, row)).ordered_as(whole.names)
        changed[: row + 1] |= differs(part, whole.values[: row + 1])
        readings += row + 1
    yield from _counted(subject.words, dict(zip(whole.names, changed.T, strict=True)), readings)


def _of_events(source: str, function: Callable[[Bars], EventTable], base: Bars, rows: list[int]) -> Iterator[Replayed]:
    whole = function(base)
    changed = {name: np.zeros(len(base), dtype=np.bool_) for name in whole}
    count = dict.fromkeys(whole, 0)
    readings = 0
    for row in rows:
        then, later = function(base[: row + 1]), whole.known_by(row)
        both = min(len(then), len(later))
        readings += max(len(then), len(later))
        for name in whole:
            wrong = differs(then[name][:both], later[name][:both])
            # An event that is gone later, or was not there although it was known.
            extra = abs(len(then) - len(later))
            count[name] += int(wrong.sum()) + extra
            changed[name][row] |= bool(wrong.any()) or extra > 0
    for name, at in changed.items():
        yield Replayed(source, name, readings, count[name], int(np.argmax(at)) if at.any() else -1)


def _of_label_inputs(base: Bars, rows: list[int]) -> Iterator[Replayed]:
    scale = core().wilder_atr(base.native(), 14)
    threshold = 0.5 * float(np.nanstd(np.diff(np.log(np.abs(base.close) + 1e-300)))) if len(base) > 2 else 0.0
    threshold = threshold if threshold > 0 and math.isfinite(threshold) else 1e-3
    events = cusum_events(base, threshold)
    atr_changed = np.zeros(len(base), dtype=np.bool_)
    cusum_changed = np.zeros(len(base), dtype=np.bool_)
    readings = given = 0
    for row in rows:
        part = base[: row + 1]
        atr_changed[: row + 1] |= differs(core().wilder_atr(part.native(), 14), scale[: row + 1])
        readings += row + 1
        then = cusum_events(part, threshold)
        side_then, side_later = np.zeros(row + 1), np.zeros(len(base))
        side_then[then.rows], side_later[events.rows] = then.side, events.side
        cusum_changed[: row + 1] |= side_then != side_later[: row + 1]
        given += row + 1
    yield from _counted("label inputs", {"atr_wilder_14": atr_changed}, readings)
    yield from _counted("label inputs", {"cusum_events": cusum_changed}, given)


def _of_labels(source: str, make: Callable[[Bars], Labels], base: Bars, rows: list[int]) -> Iterator[Replayed]:
    whole = make(base)
    names = [f.name for f in fields(Labels) if _is_record(getattr(whole, f.name), len(whole))]
    changed = {name: np.zeros(len(base), dtype=np.bool_) for name in names}
    readings = 0
    for row in rows:
        then = make(base[: row + 1])
        given = np.flatnonzero(then.ok)
        readings += len(given)
        for name in names:
            wrong = differs(getattr(then, name)[given], getattr(whole, name)[given])
            changed[name][given[wrong]] = True
        late = given[then.t1[given] > row]  # a label that claims to have read bars that were not there
        changed["t1"][late] = True
    yield from _counted(source, changed, readings)


def _is_record(value: Any, n: int) -> bool:
    return isinstance(value, np.ndarray) and value.shape == (n,)


def _counted(source: str, changed: Mapping[str, NDArray[np.bool_]], readings: int) -> Iterator[Replayed]:
    for name, wrong in changed.items():
        first = int(np.argmax(wrong)) if wrong.any() else -1
        yield Replayed(source, name, readings, int(wrong.sum()), first)


def _bar(bars: Bars, row: int) -> dict[str, Any]:
    bar = {name: float(getattr(bars, name)[row]) for name in ("open", "high", "low", "close")}
    for name in ("volume", "spread"):
        values = getattr(bars, name)
        bar[name] = math.nan if values is None else float(values[row])
    return {"time": bars.time[row], "time_close": bars.time_close[row], **bar}


def _call(function: Callable[..., Any], options: Mapping[str, Any]) -> Callable[[Bars], Any]:
    return lambda bars: function(bars, **options)


def _target(name: str) -> Callable[[Bars], Labels]:
    return lambda bars: make_target(bars, name)
