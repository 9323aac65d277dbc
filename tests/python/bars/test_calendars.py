"""Trading days and sessions: where a day begins, what it is called, when it ends."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from smctrain.bars import Bars, SessionCalendar
from smctrain.bars.calendars import FX, UTC_DAYS, default_calendar, parse_calendar
from smctrain.exceptions import InputError


def bars_at(times: list[str], symbol: str = "X", timeframe: str = "H1", **more: object) -> Bars:
    time = np.array(times, dtype="datetime64[ns]")
    price = np.full(len(time), 10.0)
    return Bars(symbol, timeframe, time, price, price, price, price, **more)  # type: ignore[arg-type]


def dates(days: np.ndarray) -> list[str]:
    return [str(day) for day in days.astype("datetime64[D]")]


def test_a_currency_day_begins_at_17_new_york_in_summer_and_winter() -> None:
    winter = ["2024-01-05T21:00", "2024-01-07T22:00", "2024-01-08T21:00", "2024-01-08T22:00"]
    summer = ["2024-07-05T20:00", "2024-07-07T21:00", "2024-07-08T20:00", "2024-07-08T21:00"]
    assert dates(bars_at(winter, "EURUSD").session) == ["2024-01-05", "2024-01-08", "2024-01-08", "2024-01-09"]
    assert dates(bars_at(summer, "EURUSD").session) == ["2024-07-05", "2024-07-08", "2024-07-08", "2024-07-09"]


@pytest.mark.parametrize(
    ("symbol", "fx"),
    [("EURUSD", True), ("XAUUSD", True), ("EUR/JPY", True), ("eurusd", True), ("GBPUSD.m", True), ("BTCUSD", False),
     ("ETHUSDT", False), ("AAPL", False), ("USDCADX", False), ("US500", False), ("", False)],
)  # fmt: skip
def test_only_currencies_and_metals_roll_in_new_york(symbol: str, fx: bool) -> None:
    assert default_calendar(symbol) is (FX if fx else UTC_DAYS)


@settings(max_examples=60, deadline=None)
@given(
    minutes=some.lists(some.integers(0, 40 * 366 * 1440), min_size=1, max_size=40, unique=True),
    roll=some.integers(0, 1439),
    zone=some.sampled_from(["UTC", "America/New_York", "Europe/London", "Australia/Sydney", "Asia/Kolkata"]),
)
def test_trading_days_equal_the_slow_reference(minutes: list[int], roll: int, zone: str) -> None:
    calendar = SessionCalendar(zone, f"{roll // 60:02}:{roll % 60:02}")
    opens = np.datetime64("1990-01-01", "ns") + np.array(sorted(minutes)).astype("timedelta64[m]")
    expected = []
    for moment in opens.astype("datetime64[s]").tolist():
        local = moment.replace(tzinfo=dt.UTC).astimezone(ZoneInfo(zone))
        day = local.date() if local.hour * 60 + local.minute >= roll else local.date() - dt.timedelta(days=1)
        expected.append(day + dt.timedelta(days=1) if roll >= 720 else day)
    days = calendar.days(opens)
    assert dates(days) == [str(day) for day in expected]
    assert np.all(np.diff(days) >= 0)


def test_a_session_keeps_its_number_in_any_part_of_the_bars() -> None:
    bars = bars_at([f"2024-01-{day:02}T{hour:02}:00" for day in (8, 9, 10) for hour in range(24)], "EURUSD")
    assert np.array_equal(bars[30:50].session, bars.session[30:50])
    assert bars.session.dtype == np.int32


def test_daily_labels_name_their_day_in_any_zone() -> None:
    bars = bars_at(["2024-07-03T00:00", "2024-07-05T00:00"], "EURUSD", "D1")
    assert dates(bars.session) == ["2024-07-03", "2024-07-05"]
    assert list(bars.time_close) == list(bars.time + np.timedelta64(24, "h"))


def test_bars_close_with_their_session() -> None:
    calendar = SessionCalendar("America/New_York", "00:00", "16:00", {"2024-07-03": "13:00"})
    opens = np.array(["2024-07-02T17:30", "2024-07-02T19:30", "2024-07-03T13:30", "2024-07-03T17:30"], "datetime64[ns]")
    closes = calendar.closes(opens, 4 * 3600)
    expected = ["2024-07-02T20:00", "2024-07-02T20:00", "2024-07-03T17:00", "2024-07-03T21:30"]
    assert list(closes) == list(np.array(expected, "datetime64[ns]"))  # the last one trades after hours
    daily = np.array(["2024-07-02", "2024-07-03", "2024-12-02"], "datetime64[ns]")
    expected = ["2024-07-02T20:00", "2024-07-03T17:00", "2024-12-02T21:00"]
    assert list(calendar.closes(daily, 86_400)) == list(np.array(expected, "datetime64[ns]"))


def test_days_and_weeks_last_until_the_next_roll_also_when_the_clocks_change() -> None:
    # The clocks of New York go forward on 2024-03-10 and back on 2024-11-03.
    opens = np.array(["2024-03-09T22:00", "2024-03-10T21:00", "2024-11-02T21:00", "2024-11-03T22:00"], "datetime64[ns]")
    hours = (FX.closes(opens, 86_400) - opens) / np.timedelta64(1, "h")
    assert hours.tolist() == [23.0, 24.0, 25.0, 24.0]
    weeks = np.array(["2024-03-03T22:00", "2024-10-27T21:00"], "datetime64[ns]")
    assert ((FX.closes(weeks, 7 * 86_400) - weeks) / np.timedelta64(1, "h")).tolist() == [167.0, 169.0]


def test_calendars_are_parsed_with_errors_that_name_the_parameter() -> None:
    assert parse_calendar(None, None, "X") is None
    assert parse_calendar("fx", None, "X") is FX
    assert parse_calendar({"X": "24/7"}, None, "X") is UTC_DAYS
    assert parse_calendar({"X": "24/7"}, None, "Y") is None
    assert parse_calendar(None, "17:00 America/New_York", "X") == FX
    assert parse_calendar("XNYS", "18:00 America/New_York", "X") == SessionCalendar(
        "America/New_York", "18:00", "16:00"
    )
    with pytest.raises(InputError, match="calendar must be 'XNYS', '24/7', 'fx' or a SessionCalendar, but is 'NYSE'"):
        parse_calendar("NYSE", None, "X")
    with pytest.raises(InputError, match="day_roll must be a time and a zone"):
        parse_calendar(None, "17:00", "X")
    with pytest.raises(InputError, match="day_roll must be in the zone of the calendar, UTC"):
        parse_calendar("24/7", "17:00 America/New_York", "X")
    with pytest.raises(InputError, match="day_roll must be a time of day such as '17:00', but is '25:00'"):
        SessionCalendar("UTC", "25:00")
    with pytest.raises(InputError, match="half_days needs end"):
        SessionCalendar("UTC", half_days={"2024-07-03": "13:00"})
    with pytest.raises(InputError, match="tz must be a time zone"):
        SessionCalendar("Mars")


def test_quarantine_follows_slices_and_reaches_the_core_only_when_there_is_one() -> None:
    times = [f"2024-01-08T{hour:02}:00" for hour in range(10)]
    bars = bars_at(times)
    assert "quarantine" not in bars.native()
    marked = bars_at(times, quarantine=np.arange(10) == 4)
    assert marked[3:6].quarantine is not None
    assert marked[3:6].quarantine.tolist() == [False, True, False]
    assert marked.native()["quarantine"].dtype == np.uint8
    with pytest.raises(InputError, match=r"quarantine must have one entry per bar \(10\), but has 3"):
        bars_at(times, quarantine=np.zeros(3, dtype=bool))
