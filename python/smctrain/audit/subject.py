"""The code under audit: our feature engine with a spec, or a callable, behind one face.

A subject turns market (bars of one symbol, base first) into a matrix. Cutting and altering of markets is here too, so
that all checks agree on what "the future of row T" is: base bars after T, and higher bars that close after T closes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from smctrain.bars.types import Bars, SymbolBars
from smctrain.features import FeatureSpec, build_features
from smctrain.features.user import user_columns

Matrix = NDArray[np.float64]
Market = Mapping[str, Bars]
PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, eq=False)
class Columns:
    """A built matrix (n, d), float64, with its names."""

    values: Matrix
    names: list[str]

    def ordered_as(self, names: list[str]) -> Matrix:
        """The same columns in another order; a column that is absent reads as missing."""
        if self.names == names:
            return self.values
        place = {name: i for i, name in enumerate(self.names)}
        out = np.full((len(self.values), len(names)), np.nan)
        for i, name in enumerate(names):
            if name in place:
                out[:, i] = self.values[:, place[name]]
        return out


class Subject(Protocol):
    """What the checks need to know about the code under audit."""

    words: str
    exact: bool
    """Readings must be equal to the bit (ours); else up to the code's own noise and the last digits."""

    def build(self, market: Market) -> Columns: ...

    def start_up(self, names: list[str]) -> NDArray[np.int64] | None:
        """Rows after which a column no longer shows where the bars begin, -1 never; None where nobody says so."""
        ...

    def reads(self, families: tuple[str, ...], names: list[str]) -> NDArray[np.bool_]:
        """Columns of these families of the catalogue, or made of such."""
        ...

    def missing_rule(self, names: list[str]) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]] | None:
        """Per column: rows for which a bar without prices may show, whether that is a window of rows, and whether the
        column must be silent on the bar itself; None where nobody says so."""
        ...


class SpecSubject:
    """Our own engine."""

    exact = True

    def __init__(self, spec: FeatureSpec) -> None:
        # Float64 shows what rounding to float32 would hide.
        self.spec = replace(spec, dtype="float64")
        self.words = f"preset {spec.preset}" if spec.columns is None else "columns named in a spec"

    def build(self, market: Market) -> Columns:
        base = market[self.spec.base]
        table = build_features(SymbolBars(base.symbol, market), self.spec)
        return Columns(table.values, table.names)

    def start_up(self, names: list[str]) -> NDArray[np.int64]:
        by_name = {column.name: column for column in self.spec.catalogue()}
        columns = [by_name[name] for name in names]
        return np.array([-1 if c.settle < 0 else c.warmup + c.settle for c in columns], dtype=np.int64)

    def reads(self, families: tuple[str, ...], names: list[str]) -> NDArray[np.bool_]:
        everything = replace(self.spec, columns=None, groups=None, preset="full", extra=tuple(names)).catalogue()
        by_name = {column.name: column for column in everything}

        def belongs(name: str) -> bool:
            column = by_name.get(name)
            if column is None:
                return False
            if column.sources:
                return any(map(belongs, column.sources))
            if column.family == "higher":  # htf_h4_ms_dir is ms_dir of another timeframe
                return belongs(name.split("_", 2)[2]) or name.startswith(("htf_ob_", "htf_fvg_", "htf_align_struct"))
            return column.family in families

        return np.array([belongs(name) for name in names], dtype=np.bool_)

    def missing_rule(self, names: list[str]) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
        by_name = {column.name: column for column in self.spec.catalogue()}
        columns = [by_name[name] for name in names]
        lookback = np.array([c.lookback for c in columns], dtype=np.int64)
        warmup = np.array([c.warmup for c in columns], dtype=np.int64)
        rows = np.where(lookback > 0, lookback, np.where(lookback == 0, 1, warmup + 1))
        # Derived columns count rows (a lag shows an older one), whatever they are made of.
        is_derived = np.array([c.family == "derived" for c in columns])
        reads_prices = ~is_derived & np.array([c.family not in ("higher", "calendar") for c in columns])
        return rows, (lookback >= 0) | is_derived, (lookback != 0) & reads_prices


class CallableSubject:
    """Anybody's function: frame of bars in, frame of columns with the same index out."""

    exact = False

    def __init__(self, function: Callable[[Any], Any], base: str) -> None:
        self.function = function
        self.base = base
        self.words = f"function {getattr(function, '__name__', type(function).__name__)}"

    def build(self, market: Market) -> Columns:
        made = user_columns(self.function, market[self.base])
        return Columns(made.values, made.names)

    def start_up(self, names: list[str]) -> None:
        return None

    def reads(self, families: tuple[str, ...], names: list[str]) -> NDArray[np.bool_]:
        return np.zeros(len(names), dtype=np.bool_)

    def missing_rule(self, names: list[str]) -> None:
        return None


def until(market: Market, base: str, row: int) -> dict[str, Bars]:
    """What was finished at the close of `row`."""
    close = market[base].time_close[row]
    cut = {tf: bars[: int(np.searchsorted(bars.time_close, close, side="right"))] for tf, bars in market.items()}
    cut[base] = market[base][: row + 1]
    return cut  # an empty higher timeframe stays: without it the engine would resample instead


def since(market: Market, base: str, row: int) -> dict[str, Bars]:
    """Bars that open no earlier than `row`."""
    first = market[base].time[row]
    cut = {tf: bars[int(np.searchsorted(bars.time, first)) :] for tf, bars in market.items()}
    cut[base] = market[base][row:]
    return cut


def altered_after(market: Market, base: str, row: int, how: str, rng: np.random.Generator) -> dict[str, Bars]:
    """The same bars until the close of `row`, and others afterwards: "nan", "shuffled" or "noise" (+-50 %)."""
    close = market[base].time_close[row]
    changed = {}
    for timeframe, bars in market.items():
        first = row + 1 if timeframe == base else int(np.searchsorted(bars.time_close, close, side="right"))
        left = len(bars) - first
        if how == "shuffled":
            order = np.r_[np.arange(first), first + rng.permutation(left)]
            columns = {name: getattr(bars, name)[order] for name in _held(bars)}
        else:
            factor = np.full(left, np.nan) if how == "nan" else rng.uniform(0.5, 1.5, left)
            # One factor per bar: a bar stays one whose high is its highest price.
            columns = {
                name: np.r_[getattr(bars, name)[:first], getattr(bars, name)[first:] * factor] for name in _held(bars)
            }
        changed[timeframe] = replace(bars, **columns)
    return changed


def without_prices(market: Market, base: str, row: int) -> dict[str, Bars]:
    """The same bars, the prices of `row` missing."""
    bars = market[base]
    columns = {name: getattr(bars, name).copy() for name in PRICES}
    for values in columns.values():
        values[row] = np.nan
    return {**market, base: replace(bars, **columns)}


def with_an_empty_bar(market: Market, base: str, row: int) -> dict[str, Bars]:
    """One more bar before `row`, a second after the bar before it: nothing but a time."""
    bars = market[base]
    columns: dict[str, Any] = {
        name: np.insert(getattr(bars, name), row, np.nan)
        for name in (*PRICES, "volume", "spread")
        if getattr(bars, name) is not None
    }
    columns["time"] = np.insert(bars.time, row, bars.time[row - 1] + np.timedelta64(1, "s"))
    columns["segment"] = np.insert(bars.segment, row, bars.segment[row])
    if bars.ends is not None:
        end = min(bars.ends[row - 1] + np.timedelta64(1, "s"), bars.ends[row])
        columns["ends"] = np.insert(bars.ends, row, end)
    if bars.quarantine is not None:
        columns["quarantine"] = np.insert(bars.quarantine, row, bars.quarantine[row])
    return {**market, base: replace(bars, **columns)}


def _held(bars: Bars) -> list[str]:
    return [name for name in (*PRICES, "volume", "spread") if getattr(bars, name) is not None]
