"""Targets of a panel: forward returns across symbols, and labels gathered from the symbols."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from smctrain.bars.types import Bars
from smctrain.exceptions import InputError
from smctrain.labels import STATUSES, Horizon, Labels, forward_return, make_target, parse_horizon, parse_target
from smctrain.labels.horizon import windows
from smctrain.panel.cross_section import cross_section, require_symbols
from smctrain.panel.sampling import rows_by_symbol

if TYPE_CHECKING:
    from smctrain.panel.types import Panel

_MISSING = STATUSES.index("missing")
_ACROSS = re.compile(r"fwd_(rank|z)_(\d+[a-zA-Z]+)", re.ASCII)
_SECONDS = {"m": 60, "h": 3600}
_NEVER = np.datetime64("NaT", "ns")


@dataclass(frozen=True, eq=False)
class PanelLabels:
    """One label per row of a panel. All of it is outcome: none of it may become a feature.

    Attributes
    ----------
    name : str
    y : float64 (rows,)
        NaN where `status` is not "ok".
    t0, t1 : datetime64[ns] (rows,)
        The row's stamp, and the closing time of the last bar that the label used; NaT where nothing was resolved.
    r : float64 (rows,)
        Net outcome in R of trades; NaN for other targets.
    status_code : uint8 (rows,)
        Index into `smctrain.labels.STATUSES`; `status` is the word.
    """

    name: str
    y: NDArray[np.float64]
    t0: NDArray[np.datetime64]
    t1: NDArray[np.datetime64]
    r: NDArray[np.float64]
    status_code: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.y)

    @cached_property
    def status(self) -> NDArray[np.str_]:
        """Whether each label exists, and if not, why."""
        return np.array(STATUSES)[self.status_code]

    @property
    def ok(self) -> NDArray[np.bool_]:
        """Rows that have a label."""
        return np.equal(self.status_code, 0)

    @property
    def rows(self) -> NDArray[np.int64]:
        """Rows of the panel that have a label, ascending."""
        return np.flatnonzero(self.ok)

    @property
    def intervals(self) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]]:
        """(t0, t1) of the rows that have a label, as the splitters take them."""
        return self.t0[self.ok], self.t1[self.ok]

    @property
    def counts(self) -> dict[str, int]:
        """Number of rows of each status that occurs."""
        number = np.bincount(self.status_code, minlength=len(STATUSES))
        return {name: int(count) for name, count in zip(STATUSES, number, strict=True) if count}

    def __repr__(self) -> str:
        parts = ", ".join(f"{name}: {count}" for name, count in self.counts.items())
        return f"PanelLabels({self.name}: {len(self)} rows; {parts})"


def panel_target(panel: Panel, name: str, min_count: int, benchmark: Bars | None, day_zone: str | None) -> PanelLabels:
    """See `Panel.target`."""
    match = _ACROSS.fullmatch(name) if isinstance(name, str) else None
    if match is None:
        parse_target(name)  # an unknown name is an error before any work
        own = {
            symbol: make_target(bars, name, benchmark=benchmark, day_zone=day_zone)
            for symbol, bars in panel.bars.items()
        }
        return replace(collect(panel, own), name=name)
    if benchmark is not None:
        raise InputError(f"{name} takes no benchmark=.")
    horizon = parse_horizon(match[2])
    returns = collect(panel, {s: forward_return(bars, horizon, day_zone=day_zone) for s, bars in panel.bars.items()})
    return _across(panel, returns, match[1], name, min_count)


def _across(panel: Panel, returns: PanelLabels, kind: str, name: str, min_count: int) -> PanelLabels:
    require_symbols(min_count, len(panel.symbols))
    column = np.zeros(1, dtype=np.int64)
    y = cross_section(returns.y[:, None], panel.start, column, (kind,), min_count)[:, 0]
    status = np.where(np.isfinite(y), 0, np.where(returns.ok, _MISSING, returns.status_code)).astype(np.uint8)
    t1 = returns.t1.copy()
    if len(panel):
        # The label of one row knows the returns of the whole stamp, so it ends when the last of them does.
        ends = np.where(returns.ok, returns.t1.view(np.int64), np.iinfo(np.int64).min)
        latest = np.maximum.reduceat(ends, panel.start[:-1])
        t1 = np.repeat(latest, np.diff(panel.start)).view("datetime64[ns]")
        t1 = np.where(status == 0, t1, _NEVER)
    return PanelLabels(name, np.where(status == 0, y, np.nan), returns.t0, t1, returns.r, status)


def collect(panel: Panel, labels: Mapping[str, Labels]) -> PanelLabels:
    """See `Panel.collect`."""
    unknown = [symbol for symbol in labels if symbol not in panel.bars]
    if unknown:
        raise InputError(f"labels hold {unknown[0]!r}, which is not a symbol of the panel.")
    n = len(panel)
    y, r = np.full(n, np.nan), np.full(n, np.nan)
    t1 = np.full(n, _NEVER)
    status = np.full(n, _MISSING, dtype=np.uint8)
    names: dict[str, None] = {}
    for rows, symbol in _symbol_rows(panel):
        if symbol not in labels:
            continue
        own, bars = labels[symbol], panel.bars[symbol]
        names[own.name] = None
        entry = _entry_of_bar(own, len(bars), symbol)[panel.row[rows]]
        rows, entry = rows[entry >= 0], entry[entry >= 0]
        y[rows], r[rows], status[rows] = own.y[entry], own.r[entry], own.status_code[entry]
        end = own.t1[entry]
        t1[rows] = np.where(end >= 0, bars.time_close[np.maximum(end, 0)], _NEVER)
    return PanelLabels(" / ".join(names), y, panel.time, t1, r, status)


def _entry_of_bar(labels: Labels, n: int, symbol: str) -> NDArray[np.int64]:
    """Which entry of the labels decides each bar; -1 for none."""
    entry = np.full(n, -1, dtype=np.int64)
    if len(labels):
        if int(labels.t0.max()) >= n or int(labels.t1.max()) >= n:
            raise InputError(f"{symbol}: labels reach row {int(labels.t0.max())}, but the panel has {n} of its bars.")
        entry[labels.t0] = np.arange(len(labels))
        if np.count_nonzero(entry >= 0) != len(labels):
            raise InputError(f"{symbol}: labels must decide each bar once, but some bars have several.")
    return entry


def intervals(
    panel: Panel, horizon: int | str | Horizon, day_zone: str | None
) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]]:
    """See `Panel.intervals`."""
    span = parse_horizon(horizon)
    t1 = np.empty(len(panel), dtype="datetime64[ns]")
    for rows, symbol in _symbol_rows(panel):
        bars = panel.bars[symbol]
        end = windows(bars, span, day_zone).end[panel.row[rows]]
        closing = bars.time_close
        if span.unit in _SECONDS:
            limit = panel.time[rows] + np.timedelta64(span.count * _SECONDS[span.unit], "s")
        else:
            last = np.append(np.flatnonzero(bars.segment[1:] != bars.segment[:-1]), len(bars) - 1)
            limit = closing[last[np.searchsorted(last, panel.row[rows])]]
        t1[rows] = np.where(end >= 0, closing[np.maximum(end, 0)], limit)
    return panel.time, t1


def _symbol_rows(panel: Panel) -> list[tuple[NDArray[np.int64], str]]:
    """Rows of every symbol that has some, ascending, with its name."""
    parts = rows_by_symbol(panel.symbol, len(panel.symbols))
    return [(rows, symbol) for rows, symbol in zip(parts, panel.symbols, strict=True) if len(rows)]
