"""`read_bars`: any source of bars to a checked `BarSet`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from smctrain.bars.breaks import parse_kinds
from smctrain.bars.calendars import SessionCalendar, parse_calendar
from smctrain.bars.clean import CleanSymbol, Options, clean_symbol
from smctrain.bars.raw import RawBars, display, join_messages
from smctrain.bars.sources import Piece, find_pieces
from smctrain.bars.timeframes import parse_timeframe
from smctrain.bars.types import TIMEFRAME_SECONDS, BarSet
from smctrain.bars.zones import parse_zone
from smctrain.exceptions import BarError, InputError

_FIXES = ("sort", "drop-duplicates")
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def read_bars(
    source: Any,
    symbols: str | Iterable[str] | None = None,
    timeframes: str | Iterable[str] | None = None,
    tz: str = "UTC",
    stamp: str = "open",
    fix: str | Iterable[str] = (),
    digits: int | Mapping[str, int] | None = None,
    max_fault_share: float = 0.01,
    quarantine: bool | str | Iterable[str] = True,
    calendar: str | SessionCalendar | Mapping[str, str | SessionCalendar] | None = None,
    day_roll: str | None = None,
) -> BarSet:
    """Reads and checks bars.

    Parameters
    ----------
    source : path, frame or dict of str to frame
        Folder of `SYMBOL_TF.csv[.gz]` or `SYMBOL.csv[.gz]`, one CSV or parquet file, folder
        `interval=5m/symbol=AAPL/*.parquet`, a pandas, polars or pyarrow frame with columns time, open, high,
        low, close, optional volume or tick_volume, spread, symbol, timeframe, or {symbol: frame}. Where no
        timeframe is given, it is the median step.
    symbols, timeframes : str or iterable of str, optional
        Read only these. Timeframes as `M15` or `15m`.
    tz : str
        Zone of times that name none: UTC, an IANA name, `fixed:+HH:MM`, or `America/New_York+7h`. Times that
        carry their own zone keep it.
    stamp : {"open", "close"}
        Whether a bar is stamped with its opening or closing time. Stored are opening times.
    fix : "sort", "drop-duplicates" or both
        Permission to repair disorder and repeated stamps (the first of equal stamps is kept). Without it they
        are errors of that symbol.
    digits : int or dict of str to int, optional
        Decimals of the prices; found per symbol where not declared.
    max_fault_share : float
        Largest share of bars that may contradict themselves (high below low, price zero, negative volume).
    quarantine : bool, str or iterable of str
        Breaks that start a segment and set bars aside from training rows and labels (`Bars.quarantine`): split,
        jump, bad_print, listing, ticker_reuse; True is all, False none. All are listed in any case, in `.issues` and
        `Bars.quarantines`. A crash that opens far from the last close looks like a split, and counts as a jump.
    calendar : str, SessionCalendar or dict of symbol to these, optional
        Trading days and sessions: "XNYS" (New York, ends 16:00), "fx" (days from 17:00 New York), "24/7" (UTC days).
        Bars then close with their session. Without it currency pairs and metals have the days of "fx", others those
        of "24/7", and bars last as long as their timeframe says.
    day_roll : str, optional
        Where a trading day begins, such as "17:00 America/New_York"; for days and weeks made by `resample`, sessions
        and horizons in days.

    Returns
    -------
    BarSet
        `.failures` holds the symbols that cannot be used, with the reason: a bad file keeps its whole symbol
        out, and no other. `.issues` lists what is odd: naive_time (read as UTC by default), non_finite (rows
        dropped), disorder, duplicate, step (unlike its name), gap (weekends aside), ohlc, non_positive,
        negative_volume, flat_run, constant_volume, zero_volume, digits, and the breaks split, jump, bad_print,
        listing and ticker_reuse.

    Raises
    ------
    InputError
        A wrong argument, or a requested symbol or timeframe that the source does not have.
    BarError
        Nothing could be read; names every cause.
    """
    wanted = _names("symbols", symbols)
    frames_wanted = _timeframes(timeframes)
    fixes = _fixes(fix)
    if stamp not in ("open", "close"):
        raise InputError(f"stamp must be 'open' or 'close', but is {stamp!r}.")
    if not isinstance(max_fault_share, int | float) or not 0.0 <= max_fault_share <= 1.0:
        raise InputError(f"max_fault_share must be a number from 0 to 1, but is {max_fault_share!r}.")
    options = Options(
        parse_zone(tz),
        stamp,
        "sort" in fixes,
        "drop-duplicates" in fixes,
        frames_wanted,
        float(max_fault_share),
        parse_kinds(quarantine),
        lambda symbol: parse_calendar(calendar, day_roll, symbol),
    )
    options.calendar("")  # errors of the arguments, before anything is read
    declared = _digits(digits)

    name, pieces = find_pieces(source, wanted)
    if all(piece.symbol is not None for piece in pieces):
        _require(wanted, {str(piece.symbol) for piece in pieces}, name)
        pieces = [piece for piece in pieces if wanted is None or piece.symbol in wanted]
    known = {piece.timeframe for piece in pieces}
    if frames_wanted is not None and None not in known and not known & set(frames_wanted):
        have = ", ".join(tf for tf in TIMEFRAME_SECONDS if tf in known)
        raise InputError(f"timeframes: {name} has no {', '.join(frames_wanted)} bars (found: {have}).")

    raws, failures, passed_over = _load(pieces, frames_wanted)
    found = set(raws) | set(failures) | set(passed_over)
    _require(wanted, found, name)
    for symbol in sorted(set(passed_over) - set(raws) - set(failures)):
        have = ", ".join(tf for tf in TIMEFRAME_SECONDS if tf in passed_over[symbol])
        failures[symbol] = [BarError(f"no {', '.join(frames_wanted or ())} bars (found: {have}).")]
    if wanted is not None:
        raws = {symbol: parts for symbol, parts in raws.items() if symbol in wanted}
        failures = {symbol: causes for symbol, causes in failures.items() if symbol in wanted}

    def clean(item: tuple[str, list[RawBars]]) -> CleanSymbol:
        symbol, parts = item
        return clean_symbol(symbol, parts, declared(symbol), options)

    results = _in_threads(clean, sorted(raws.items()))
    return _assemble(name, results, failures)


def _load(
    pieces: list[Piece], timeframes: tuple[str, ...] | None
) -> tuple[dict[str, list[RawBars]], dict[str, list[Exception]], dict[str, set[str]]]:
    """Raw bars and errors by symbol; and the timeframes that were not asked for, by symbol."""
    passed_over: dict[str, set[str]] = {}
    reading = []
    for piece in pieces:
        if timeframes is not None and piece.timeframe is not None and piece.timeframe not in timeframes:
            passed_over.setdefault(str(piece.symbol), set()).add(piece.timeframe)
        else:
            reading.append(piece)

    def load(piece: Piece) -> list[RawBars | BarError]:
        try:
            return piece.load()
        except BarError as error:
            return [error]
        except OSError as error:
            return [BarError(f"{piece.file} cannot be read ({error.strerror or error}). Check the file.")]

    raws: dict[str, list[RawBars]] = {}
    failures: dict[str, list[Exception]] = {}
    for piece, parts in zip(reading, _in_threads(load, reading), strict=True):
        for part in parts:
            if isinstance(part, RawBars):
                raws.setdefault(part.symbol, []).append(part)
            else:
                symbol = getattr(part, "symbol", None) or piece.blame
                failures.setdefault(symbol, []).append(part)
    return raws, failures, passed_over


def _assemble(name: str, results: list[CleanSymbol], load_errors: Mapping[str, list[Exception]]) -> BarSet:
    failures = {
        symbol: BarError(f"{display(symbol)}: {join_messages(causes)}") for symbol, causes in load_errors.items()
    }
    frames = {}
    issues = []
    for result in results:
        issues.extend(result.issues)
        if result.error is not None:
            causes = [result.error, *load_errors.get(result.symbol, [])]
            failures[result.symbol] = BarError(join_messages(causes))
        elif result.symbol not in load_errors:
            frames.update({(result.symbol, timeframe): bars for timeframe, bars in result.frames.items()})
    if not frames:
        causes_text = "".join(f"\n  {error}" for _, error in sorted(failures.items()))
        raise BarError(f"No bars could be read from {name}:{causes_text}")
    return BarSet(frames, issues, failures)


def _in_threads(work: Callable[[_Item], _Result], items: list[_Item]) -> list[_Result]:
    """Results in the order of the items. Parsing and decompression release the GIL."""
    threads = min(8, os.cpu_count() or 1, len(items))
    if threads < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(threads, thread_name_prefix="smctrain-bars") as pool:
        return list(pool.map(work, items))


def _names(what: str, value: str | Iterable[str] | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    names = (value,) if isinstance(value, str) or not isinstance(value, Iterable) else tuple(value)
    if not names or not all(isinstance(name, str) and name for name in names):
        raise InputError(f"{what} must be a name or a list of names, but is {value!r}.")
    return names


def _timeframes(value: str | Iterable[str] | None) -> tuple[str, ...] | None:
    names = _names("timeframes", value)
    return None if names is None else tuple(dict.fromkeys(parse_timeframe(name) for name in names))


def _fixes(fix: str | Iterable[str]) -> tuple[str, ...]:
    names: tuple[str, ...]
    if isinstance(fix, str):
        names = tuple(part.strip() for part in fix.split(","))
    else:
        names = tuple(fix) if isinstance(fix, Iterable) else (fix,)
    for name in names:
        if name not in _FIXES and name != "":
            raise InputError(f"fix must hold 'sort' and 'drop-duplicates' only, but holds {name!r}.")
    return names


def _digits(digits: int | Mapping[str, int] | None) -> Callable[[str], int | None]:
    values = dict(digits) if isinstance(digits, Mapping) else {"": digits}
    for value in values.values():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 8):
            raise InputError(f"digits must be an integer from 0 to 8 (or one per symbol), but is {value!r}.")
    if isinstance(digits, Mapping):
        return lambda symbol: values.get(symbol)
    return lambda symbol: digits


def _require(wanted: tuple[str, ...] | None, found: set[str], name: str) -> None:
    absent = [symbol for symbol in wanted or () if symbol not in found]
    if not absent:
        return
    parts = []
    for symbol in absent:
        near = get_close_matches(symbol, sorted(found), n=1) or [f for f in found if f.lower() == symbol.lower()]
        parts.append(f"{symbol!r}" + (f" (did you mean {near[0]!r}?)" if near else ""))
    some = ", ".join(display(symbol) for symbol in sorted(found)[:12]) + (", ..." if len(found) > 12 else "")
    raise InputError(f"symbols: {', '.join(parts)} not found in {name}. It has {len(found)} symbols: {some}.")


def source_name(source: Any) -> str:
    """How reports call a source."""
    return display(source) if isinstance(source, str | Path) else type(source).__name__
