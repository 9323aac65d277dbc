"""`build_panel`: bars of many symbols in, one table sorted by time and symbol out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain._load import core
from smctrain.bars.types import Bars, BarSet, SymbolBars
from smctrain.exceptions import InputError
from smctrain.features import FeatureSpec, build_features
from smctrain.panel.cross_section import KINDS, append_cross_section, cross_catalogue, read_kinds
from smctrain.panel.sampling import rows_by_symbol
from smctrain.panel.types import Panel


def build_panel(
    bars: BarSet | Mapping[str, Bars | SymbolBars],
    spec: FeatureSpec | None = None,
    *,
    cross_section: Iterable[str] = (),
    kinds: Iterable[str] = KINDS,
    min_count: int = 10,
    min_symbols: int = 1,
    max_rows: int | None = None,
) -> Panel:
    """Feature rows of many symbols on one clock, with columns that compare the symbols of each moment.

    A stamp is the closing time of bars: rows share it only if they close at exactly that moment. Nothing is filled
    forward: a symbol without a bar that closes at a stamp has no row there.

    Parameters
    ----------
    bars : BarSet or mapping of str to Bars or SymbolBars
        Symbols of the panel. Their order does not matter: rows of a stamp stand in the order of the names.
    spec : FeatureSpec, optional
        Columns wanted, and with `spec.base` the timeframe of the rows. Without it the preset "default" on the finest
        timeframe, which must then be the same for all symbols.
    cross_section : iterable of str
        Columns of `spec` to compare across symbols; each adds `xs_rank_<column>` and `xs_z_<column>`.
    kinds : iterable of {"rank", "z"}
        Which of the two.
    min_count : int
        Fewest symbols with a value at a stamp; with fewer the cross-sectional columns are NaN.
    min_symbols : int
        Stamps with fewer rows are left out altogether.
    max_rows : int, optional
        Keeps the newest stamps, whole, as many as fit; older rows are never allocated. They are still read, because
        indicators look back.

    Returns
    -------
    Panel
        Row i is known at `time[i]`. Adding bars or symbols later never changes an earlier row, except that a new
        symbol takes part in the cross-sections of the stamps that it has.

    Raises
    ------
    InputError
        If a symbol's stamps do not ascend (naming symbol and row), a symbol lacks the base timeframe, or columns are
        not known.

    Notes
    -----
    The rank is (average rank - 1) / (n - 1) of the n symbols that have a value: 0 the lowest, 1 the highest, ties
    share their average, mean 1/2. The z-score is (value - mean) / sd1, NaN where all are equal. Values that are not
    finite do not count. One symbol's features are held at a time, beside the panel.

    Examples
    --------
    >>> panel = build_panel(market, cross_section=["ret_10"], min_count=3)       # doctest: +SKIP
    >>> panel["xs_rank_ret_10"]                                                  # doctest: +SKIP
    """
    wanted = read_kinds(kinds)
    for name, number in (("min_count", min_count), ("min_symbols", min_symbols)):
        _at_least_1(name, number)
    if max_rows is not None:
        _at_least_1("max_rows", max_rows)
    if not isinstance(bars, Mapping):
        raise InputError(f"bars must be a BarSet or a mapping of symbol to Bars, but is {type(bars).__name__}.")
    symbols = sorted(bars)
    for symbol in symbols:
        if not isinstance(bars[symbol], (Bars, SymbolBars)):
            raise InputError(f"bars must hold Bars, but {symbol} is {type(bars[symbol]).__name__}.")
    if not symbols:
        raise InputError("bars must hold at least one symbol, but hold none.")
    spec = _one_timeframe(bars, symbols) if spec is None else spec
    base = {symbol: _base(bars[symbol], spec.base) for symbol in symbols}
    order = core().panel_order(
        [own.time_close.astype("datetime64[ns]").view(np.int64) for own in base.values()],
        symbols,
        int(min_symbols),
        0 if max_rows is None else int(max_rows),
    )
    catalogue = spec.catalogue()
    added = cross_catalogue(catalogue, cross_section, wanted, min_count, len(symbols))
    rows, columns = len(order["time"]), len(catalogue)
    values = np.empty((rows, columns + len(added)), dtype=spec.dtype)
    segment = np.empty(rows, dtype=np.int32)
    settled = np.empty(rows, dtype=np.bool_)
    for code, own in enumerate(rows_by_symbol(order["symbol"], len(symbols))):
        _fill(bars[symbols[code]], spec, own, order["bar"], values[:, :columns], segment, settled)
    panel = Panel(
        values=values,
        catalogue=[*catalogue, *(info for info, _ in added)],
        time=order["time"].view("datetime64[ns]"),
        symbol=order["symbol"],
        symbols=tuple(symbols),
        row=order["bar"],
        segment=segment,
        settled=settled,
        start=order["start"],
        bars=base,
    )
    append_cross_section(panel, [column for _, column in added], wanted, min_count, columns)
    return panel


def _fill(
    own: Bars | SymbolBars,
    spec: FeatureSpec,
    rows: NDArray[np.int64],
    bar: NDArray[np.int64],
    values: NDArray[Any],
    segment: NDArray[np.int32],
    settled: NDArray[np.bool_],
) -> None:
    """Writes one symbol's rows; its table lives only as long as this call."""
    if len(rows) == 0:
        return
    table = build_features(own, spec)
    kept: Any = slice(None) if len(rows) == len(table) else bar[rows]
    values[rows] = table.values[kept]
    segment[rows] = table.segment[kept]
    settled[rows] = table.settled[kept]


def _one_timeframe(bars: Mapping[str, Bars | SymbolBars], symbols: list[str]) -> FeatureSpec:
    finest = {symbol: _finest(bars[symbol]) for symbol in symbols}
    if len(set(finest.values())) > 1:
        first, other = symbols[0], next(s for s in symbols if finest[s] != finest[symbols[0]])
        raise InputError(
            f"bars must have one finest timeframe when spec is not given, but {first} has {finest[first]} and {other} "
            f'{finest[other]}. Give spec=FeatureSpec(base="...").'
        )
    return replace(FeatureSpec(), base=finest[symbols[0]])


def _finest(own: Bars | SymbolBars) -> str:
    return own.timeframe if isinstance(own, Bars) else own.base.timeframe


def _base(own: Bars | SymbolBars, timeframe: str) -> Bars:
    frames = {own.timeframe: own} if isinstance(own, Bars) else dict(own)
    if timeframe not in frames:
        raise InputError(f"{own.symbol} has no {timeframe} bars, the base of the panel, but only {', '.join(frames)}.")
    return frames[timeframe]


def _at_least_1(name: str, value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise InputError(f"{name} must be an integer of at least 1, but is {value!r}.")
