"""Value types of the bars room: `Bars`, `SymbolBars`, `BarSet`, `Issue`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from smctrain.bars.calendars import BY_SYMBOL, SessionCalendar, default_calendar
from smctrain.exceptions import BarError, InputError, NotLoaded

if TYPE_CHECKING:
    import pandas as pd

TIMEFRAME_SECONDS = {
    "M1": 60, "M2": 120, "M3": 180, "M5": 300, "M10": 600, "M15": 900, "M30": 1800, "H1": 3600, "H2": 7200,
    "H3": 10800, "H4": 14400, "H6": 21600, "H8": 28800, "H12": 43200, "D1": 86400, "W1": 604800,
}  # fmt: skip


@dataclass(frozen=True)
class Quarantine:
    """A break in a series that no market made, or that looks like one.

    Attributes
    ----------
    kind : str
        split, jump (like a split or a crash: nobody can tell at that bar), bad_print, listing (first trades after a
        listing) or ticker_reuse (another security under the same symbol).
    origin : int
        First bar concerned; of a split, a jump and a reuse, the first bar of the new level.
    known_at : int
        Bar at whose close it is known. A segment starts there, and after the last bar of a bad print or listing.
    first, last : int
        Bars that training rows and label windows may not use; `first` > `last` where there are none (a split and a
        jump are borders, which no window crosses).
    ratio : float
        Price level after over before; of a bad print and a listing, the farthest print over the level around it.
    factor : float
        Of a split: new shares for an old one (4 for 4:1, 0.05 for 1:20); else 0.
    """

    kind: str
    origin: int
    known_at: int
    first: int
    last: int
    ratio: float
    factor: float = 0.0


def _records_in(records: tuple[Quarantine, ...], rows: slice, n: int) -> tuple[Quarantine, ...]:
    """The records known inside a slice, counted from its start."""
    start, stop, _ = rows.indices(n)
    return tuple(
        replace(
            record,
            origin=max(record.origin - start, 0),
            known_at=record.known_at - start,
            first=max(record.first - start, 0),
            last=record.last - start,
        )
        for record in records
        if start <= record.known_at < stop
    )


@dataclass(frozen=True, eq=False)
class Bars:
    """n finished bars of one symbol and timeframe, oldest first.

    Attributes
    ----------
    symbol, timeframe : str
        Timeframes are written as in terminals: M1 M5 M15 M30 H1 H4 D1 W1.
    time : datetime64[ns] (n,)
        Opening time of each bar, UTC.
    open, high, low, close : float64 (n,)
        Prices, snapped to `digits` decimals.
    volume, spread : float64 (n,) or None
        As the source has them; the spread is in points of 10^-digits. None where the source has none.
    segment : int32 (n,)
        Id of the unbroken stretch a bar belongs to; features, labels and windows never cross a change.
    digits : int or None
        Decimals of the prices; None when none up to 8 fit.
    source : str
        File the bars came from, for messages.
    calendar : SessionCalendar
        Trading days of the market: from 17:00 New York for currency pairs and metals, from 00:00 UTC for others,
        where `read_bars(calendar=...)` says nothing else.
    ends : datetime64[ns] (n,) or None
        Closing times, UTC, where bars do not simply last their timeframe (sessions that end earlier, days of 23 hours).
    quarantine : bool (n,) or None
        Bars that neither training rows nor label windows may use: bad prints, the first trades after a listing,
        another security under the same symbol. Known with hindsight, so no feature may read it. None: no such bar.
    quarantines : tuple of Quarantine
        What was found, in order of `known_at`; features and segments change from that bar on and not before.
    """

    symbol: str
    timeframe: str
    time: NDArray[np.datetime64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64] | None = None
    spread: NDArray[np.float64] | None = None
    segment: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, dtype=np.int32))
    digits: int | None = None
    source: str = ""
    calendar: SessionCalendar = BY_SYMBOL
    ends: NDArray[np.datetime64] | None = None
    quarantine: NDArray[np.bool_] | None = None
    quarantines: tuple[Quarantine, ...] = ()

    def __post_init__(self) -> None:
        if len(self.segment) != len(self.time):
            object.__setattr__(self, "segment", np.zeros(len(self.time), dtype=np.int32))
        if self.calendar is BY_SYMBOL:
            object.__setattr__(self, "calendar", default_calendar(self.symbol))
        for name in ("ends", "quarantine"):
            column = getattr(self, name)
            if column is not None and len(column) != len(self.time):
                raise InputError(
                    f"{name} must have one entry per bar ({len(self.time)}), but has {len(column)}. "
                    "Slice the bars, not single columns."
                )

    def __len__(self) -> int:
        return len(self.time)

    @property
    def seconds(self) -> int:
        """Length of a bar in seconds."""
        return TIMEFRAME_SECONDS[self.timeframe]

    @property
    def point(self) -> float | None:
        """Smallest price step, 10^-digits."""
        return None if self.digits is None else 10.0**-self.digits

    @property
    def time_close(self) -> NDArray[np.datetime64]:
        """Closing time of each bar (UTC): the moment its decision can be taken."""
        return self.time + np.timedelta64(self.seconds, "s") if self.ends is None else self.ends

    @property
    def session(self) -> NDArray[np.int32]:
        """Trading day of each bar (n,), ascending: days from 1970-01-01 to its date in `calendar`."""
        return self.calendar.days(self.time, self.seconds)

    def __getitem__(self, rows: slice) -> Bars:
        """A contiguous part of the bars, as views."""
        return replace(
            self,
            time=self.time[rows],
            open=self.open[rows],
            high=self.high[rows],
            low=self.low[rows],
            close=self.close[rows],
            volume=None if self.volume is None else self.volume[rows],
            spread=None if self.spread is None else self.spread[rows],
            segment=self.segment[rows],
            ends=None if self.ends is None else self.ends[rows],
            quarantine=None if self.quarantine is None else self.quarantine[rows],
            quarantines=_records_in(self.quarantines, rows, len(self.time)),
        )

    def native(self) -> dict[str, Any]:
        """Contiguous arrays under the names the native core reads (times as int64 nanoseconds)."""
        arrays: dict[str, Any] = {
            "ts_open": np.ascontiguousarray(self.time.astype("datetime64[ns]", copy=False).view(np.int64)),
            "ts_close": np.ascontiguousarray(self.time_close.astype("datetime64[ns]", copy=False).view(np.int64)),
            "open": np.ascontiguousarray(self.open),
            "high": np.ascontiguousarray(self.high),
            "low": np.ascontiguousarray(self.low),
            "close": np.ascontiguousarray(self.close),
            "volume": None if self.volume is None else np.ascontiguousarray(self.volume),
            "spread": None if self.spread is None else np.ascontiguousarray(self.spread),
            "segment": np.ascontiguousarray(self.segment),
        }
        if self.quarantine is not None:
            arrays["quarantine"] = np.ascontiguousarray(self.quarantine, dtype=np.uint8)
        return arrays

    @property
    def quarantine_table(self) -> Any:
        """`quarantines` as a table: kind, origin, known_at, first, last, ratio, factor."""
        return as_table(list(self.quarantines), Quarantine)

    def __repr__(self) -> str:
        span = f", {self.time[0]!s:.16} to {self.time[-1]!s:.16}" if len(self) else ""
        return f"Bars({self.symbol} {self.timeframe}: {len(self)} bars{span})"

    def to_pandas(self) -> pd.DataFrame:
        """Data frame with a UTC index of opening times and columns open, high, low, close, volume, spread."""
        import pandas as pd

        columns = {name: getattr(self, name) for name in ("open", "high", "low", "close", "volume", "spread")}
        frame = pd.DataFrame({name: values for name, values in columns.items() if values is not None})
        frame.index = pd.DatetimeIndex(self.time, name="time").tz_localize("UTC")
        return frame


class SymbolBars(Mapping[str, Bars]):
    """All timeframes of one symbol, finest first: `bars["EURUSD"]`. `.base` is the finest."""

    def __init__(self, symbol: str, frames: Mapping[str, Bars]) -> None:
        self.symbol = symbol
        self._frames = dict(sorted(frames.items(), key=lambda item: TIMEFRAME_SECONDS[item[0]]))
        if not self._frames:
            raise InputError(f"{symbol} has no bars.")

    @property
    def base(self) -> Bars:
        """Bars of the finest timeframe."""
        return next(iter(self._frames.values()))

    def __getitem__(self, timeframe: str) -> Bars:
        try:
            return self._frames[timeframe]
        except KeyError:
            raise NotLoaded(f"{self.symbol} has no {timeframe} bars. Loaded: {', '.join(self._frames)}.") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._frames)

    def __len__(self) -> int:
        return len(self._frames)

    def __repr__(self) -> str:
        parts = ", ".join(f"{tf}: {len(bars)}" for tf, bars in self._frames.items())
        return f"SymbolBars({self.symbol}, {parts})"


@dataclass(frozen=True)
class Issue:
    """One kind of fault found in one file: where it first occurs and how often."""

    file: str
    symbol: str
    timeframe: str
    kind: str
    first_row: int
    count: int
    example: str


@dataclass(frozen=True)
class Truth:
    """What the market simulator planted in one symbol."""

    symbol: str
    planted: bool
    bayes_accuracy: float
    """Best accuracy anyone could reach on the default label, knowing the hidden state at each decision."""
    majority: float
    """Share of the most frequent class: what a constant answer reaches."""


class BarSet(Mapping[str, SymbolBars]):
    """Bars of several symbols. `bars["EURUSD"]` holds all its timeframes, `bars["EURUSD", "M15"]` is one `Bars`.

    Attributes
    ----------
    failures : dict of str to BarError
        Symbols whose bars cannot be used, with the reason; they are not among `symbols`.
    """

    def __init__(
        self,
        frames: Mapping[tuple[str, str], Bars],
        issues: list[Issue] | None = None,
        failures: Mapping[str, BarError] | None = None,
        truth: list[Truth] | None = None,
    ) -> None:
        grouped: dict[str, dict[str, Bars]] = {}
        for (symbol, timeframe), bars in frames.items():
            grouped.setdefault(symbol, {})[timeframe] = bars
        self._symbols = {symbol: SymbolBars(symbol, grouped[symbol]) for symbol in sorted(grouped)}
        self._issues = list(issues or [])
        self.failures = dict(sorted((failures or {}).items()))
        self._truth = truth

    @property
    def symbols(self) -> list[str]:
        """Names of the loaded symbols, sorted."""
        return list(self._symbols)

    @property
    def issue_list(self) -> list[Issue]:
        """Issues as plain records."""
        return list(self._issues)

    @property
    def issues(self) -> Any:
        """Table of issues: file, symbol, timeframe, kind, first_row, count, example."""
        return as_table(self._issues, Issue)

    @property
    def truth_list(self) -> list[Truth]:
        """Planted truth as plain records; empty for real data."""
        return list(self._truth or [])

    @property
    def truth(self) -> Any:
        """Table symbol, planted, bayes_accuracy, majority of a simulated market; None for real data."""
        return None if self._truth is None else as_table(self._truth, Truth)

    @overload
    def __getitem__(self, key: str) -> SymbolBars: ...
    @overload
    def __getitem__(self, key: tuple[str, str]) -> Bars: ...
    def __getitem__(self, key: str | tuple[str, str]) -> SymbolBars | Bars:
        if isinstance(key, tuple):
            return self[key[0]][key[1]]
        try:
            return self._symbols[key]
        except KeyError:
            near = get_close_matches(str(key), self._symbols, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise NotLoaded(f"Symbol {key!r} is not loaded.{hint} Loaded: {len(self._symbols)} symbols.") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._symbols)

    def __len__(self) -> int:
        return len(self._symbols)

    def __repr__(self) -> str:
        return f"BarSet({len(self)} symbols: {', '.join(self.symbols[:8])}{', ...' if len(self) > 8 else ''})"


def as_table(records: list[Any], record_type: type) -> Any:
    """Records as a pandas DataFrame when pandas is installed, else as a list of dicts."""
    from dataclasses import asdict, fields

    rows = [asdict(record) for record in records]
    try:
        import pandas as pd
    except ImportError:
        return rows
    return pd.DataFrame(rows, columns=[f.name for f in fields(record_type)])
