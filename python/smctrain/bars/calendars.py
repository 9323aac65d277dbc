"""Trading days: where a day begins, and when a session ends, on the wall clock of a market.

A trading day begins at `day_roll` on the wall clock of `zone`. From noon on the roll belongs to the next date: with
17:00 America/New_York the bars of Sunday evening are Monday's. Its number is the count of days from 1970-01-01 to its
date, so that numbers ascend, agree between symbols and do not depend on where a series starts. A bar of a day or
longer that is stamped 00:00 UTC carries its date as a label and belongs to that date, whatever the zone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain._load import core
from smctrain.bars.zones import offset_table, parse_zone, to_utc
from smctrain.exceptions import InputError

_SECOND = 1_000_000_000
_MINUTE = 60 * _SECOND
DAY_SECONDS = 86_400
_DAY = DAY_SECONDS * _SECOND
_WEEK_SECONDS = 7 * DAY_SECONDS
_YEAR_2100 = 4_102_444_800 * _SECOND
_COMPILED = {"UTC", "America/New_York"}
_NAMES = "'XNYS', '24/7', 'fx' or a SessionCalendar"


def _minutes(name: str, text: Any) -> int:
    match = re.fullmatch(r"(\d{2}):(\d{2})", text, re.ASCII) if isinstance(text, str) else None
    if match is None or int(match[1]) > 23 or int(match[2]) > 59:
        raise InputError(f"{name} must be a time of day such as '17:00', but is {text!r}.")
    return int(match[1]) * 60 + int(match[2])


@dataclass(frozen=True)
class SessionCalendar:
    """Trading days of a market.

    Parameters
    ----------
    zone : str
        Wall clock of the market: UTC, an IANA name, `fixed:+HH:MM`, or an IANA name shifted by hours.
    day_roll : str
        Local time at which a trading day begins, "HH:MM". From 12:00 on it belongs to the next date.
    end : str, optional
        Local time at which the session ends. Bars that would last longer close then, and a bar of a day closes then
        on its date. None: bars last as long as their timeframe says, days until the next roll. A bar that opens at the
        end or later (a closing auction) still belongs to its date, so days that `resample` makes last until the roll.
    half_days : mapping of str to str
        Dates, "2024-07-03", with their own end, "13:00". Needs `end`.
    """

    zone: str = "UTC"
    day_roll: str = "00:00"
    end: str | None = None
    half_days: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.zone not in ("UTC", "America/New_York"):  # the constants below: importing reads no zone table
            parse_zone(self.zone)
        self.roll_ns  # noqa: B018  # its error
        if self.end is not None:
            _minutes("end", self.end)
        elif self.half_days:
            raise InputError("half_days needs end, the usual end of the session, but end is None.")
        for day, end in self.half_days.items():
            if not isinstance(day, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", day):
                raise InputError(f"half_days must name dates such as 2024-07-03, but names {day!r}.")
            _minutes("half_days", end)

    @property
    def roll_ns(self) -> int:
        """Nanoseconds from midnight of a date to the beginning of its trading day: negative on the eve."""
        minutes = _minutes("day_roll", self.day_roll)
        return (minutes - 24 * 60 if minutes >= 12 * 60 else minutes) * _MINUTE

    def native(self) -> tuple[str | tuple[list[int], list[int]], int]:
        """Zone and roll as the core takes them; of zones that it does not know, the clocks from 1970 to 2100."""
        if self.zone in _COMPILED:
            return self.zone, self.roll_ns
        return offset_table(self.zone, 0, _YEAR_2100), self.roll_ns

    def days(self, time: NDArray[np.datetime64], seconds: int = 0) -> NDArray[np.int32]:
        """Number of the trading day of bars that open at `time` and last `seconds`."""
        utc = time.astype("datetime64[ns]").view(np.int64)
        days: NDArray[np.int32] = core().day_spans(np.ascontiguousarray(utc), self.native())[0]
        if seconds >= DAY_SECONDS:
            labels = np.floor_divide(utc, _DAY)
            days = np.where(utc == labels * _DAY, labels, days).astype(np.int32)
        return days

    def ends(self, days: NDArray[Any]) -> NDArray[np.datetime64]:
        """UTC times at which trading days end: their session's end, or the next roll."""
        number = np.ascontiguousarray(days, dtype=np.int64)
        if self.end is None:
            starts: NDArray[np.datetime64] = core().day_starts(number + 1, self.native()).view("datetime64[ns]")
            return starts
        local = number * _DAY + _minutes("end", self.end) * _MINUTE
        for day, end in self.half_days.items():
            date = int(np.datetime64(day, "D").astype(np.int64))
            local = np.where(number == date, date * _DAY + _minutes("half_days", end) * _MINUTE, local)
        utc: NDArray[np.datetime64] = to_utc(local, parse_zone(self.zone))[0].view("datetime64[ns]")
        return utc

    def closes(self, time: NDArray[np.datetime64], seconds: int) -> NDArray[np.datetime64]:
        """Closing times of bars: a timeframe after `time`, or the end of their session; a week's on its Sunday.

        Without a session's end, only a day or week that opens exactly with the trading day or week lasts until the
        next one. Others, such as days of a feed that cuts at 00:00 UTC, may hold prices up to a timeframe after their
        stamp: they close no earlier. A week stamped on a weekend is taken as the one that follows.
        """
        opens = time.astype("datetime64[ns]")
        late: NDArray[np.datetime64] = (opens.view(np.int64) + seconds * _SECOND).view("datetime64[ns]")
        days = self.days(time, seconds).astype(np.int64)
        if seconds >= DAY_SECONDS:
            first, last = days, days
            if seconds >= _WEEK_SECONDS:
                first = days - (days + 3) % 7
                last = first + 7 * (seconds // _WEEK_SECONDS) - 1
            exact = opens == core().day_starts(np.ascontiguousarray(first), self.native()).view("datetime64[ns]")
            if self.end is not None:
                exact |= (days - first < 5) | (seconds < _WEEK_SECONDS)
            ends = self.ends(last)
            return np.where(exact, ends, np.maximum(ends, late))
        if self.end is None:
            return late
        end = self.ends(days)
        cut: NDArray[np.datetime64] = np.where((time < end) & (late > end), end, late)
        return cut


BY_SYMBOL = SessionCalendar()  # stands for `default_calendar(symbol)`
UTC_DAYS = SessionCalendar()
FX = SessionCalendar("America/New_York", "17:00")
_KNOWN = {"24/7": UTC_DAYS, "fx": FX, "XNYS": SessionCalendar("America/New_York", end="16:00")}
_CURRENCIES = {
    "AUD", "BRL", "CAD", "CHF", "CNH", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "INR", "JPY", "KRW",
    "MXN", "NOK", "NZD", "PLN", "RUB", "SEK", "SGD", "THB", "TRY", "TWD", "USD", "ZAR",
}  # fmt: skip
_METALS = {"XAU", "XAG", "XPT", "XPD"}


def default_calendar(symbol: str) -> SessionCalendar:
    """Days from 17:00 New York for currency pairs and metals (`EURUSD`, `XAU/USD`, `EURUSD.m`), else from 00:00 UTC."""
    match = re.match(r"([A-Z]{3})[/_-]?([A-Z]{3})(?![A-Za-z0-9])", symbol.upper())
    if match and match[2] in _CURRENCIES and match[1] in _CURRENCIES | _METALS:
        return FX
    return UTC_DAYS


def parse_calendar(calendar: Any, day_roll: str | None = None, symbol: str = "") -> SessionCalendar | None:
    """The calendar asked for by `read_bars`; None where nothing was asked for.

    `calendar` is a name, a `SessionCalendar` or a mapping of symbols to those; `day_roll`, "17:00 America/New_York",
    replaces the roll of a calendar of the same zone, or stands alone.
    """
    if isinstance(calendar, Mapping):
        calendar = calendar.get(symbol)
    chosen: SessionCalendar | None = None
    if isinstance(calendar, SessionCalendar):
        chosen = calendar
    elif calendar is not None:
        chosen = _KNOWN.get(calendar) if isinstance(calendar, str) else None
        if chosen is None:
            raise InputError(f"calendar must be {_NAMES}, but is {calendar!r}.")
    if day_roll is None:
        return chosen
    parts = day_roll.split(" ") if isinstance(day_roll, str) else []
    if len(parts) != 2:
        raise InputError(f'day_roll must be a time and a zone such as "17:00 America/New_York", but is {day_roll!r}.')
    if chosen is None:
        return SessionCalendar(parts[1], parts[0])
    if chosen.zone != parts[1]:
        raise InputError(
            f"day_roll must be in the zone of the calendar, {chosen.zone}, but is {day_roll!r}. "
            "Give a SessionCalendar with both."
        )
    return replace(chosen, day_roll=parts[0])
