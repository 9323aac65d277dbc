"""Trading days and sessions: where a day begins, what it is called, when it ends."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

import smctrain as st
from smctrain._load import core
from smctrain.bars import Bars, SessionCalendar, SymbolBars, resample
from smctrain.bars.calendars import FX, UTC_DAYS, default_calendar, parse_calendar
from smctrain.bars.zones import from_utc, parse_zone
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
    calendar = SessionCalendar("America/New_York", end="16:00", half_days={"2024-07-03": "13:00"})
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


def test_days_and_weeks_that_open_off_the_roll_close_no_earlier_than_a_timeframe_after_their_stamp() -> None:
    # A feed that cuts at 00:00 UTC holds prices up to 24:00, though the day of currencies ends at 17:00 New York.
    daily = np.array(["2024-07-02", "2024-12-02"], "datetime64[ns]")
    assert list(FX.closes(daily, 86_400)) == list(daily + np.timedelta64(1, "D"))
    # Terminals stamp weeks on Sunday 00:00; on the clock of a New York broker that is Saturday 17:00 there.
    for stamp in ("2024-06-30T00:00", "2024-06-29T21:00", "2024-07-01T00:00"):
        week = np.array([stamp], "datetime64[ns]")
        assert FX.closes(week, 7 * 86_400)[0] >= week[0] + np.timedelta64(7, "D"), stamp
    stocks = SessionCalendar("America/New_York", end="16:00")
    sunday = np.array(["2024-06-30"], "datetime64[ns]")
    assert stocks.closes(sunday, 7 * 86_400)[0] >= np.datetime64("2024-07-05T20:00")
    monday = np.array(["2024-07-01", "2024-07-02"], "datetime64[ns]")  # the second after a holiday
    assert list(stocks.closes(monday, 7 * 86_400)) == [np.datetime64("2024-07-07T20:00")] * 2


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


def slow_days(bars: Bars, zone: str, roll: int) -> dict[str, list[int]]:
    """Rows by the date of their trading day."""
    rows: dict[str, list[int]] = {}
    for t, moment in enumerate(bars.time.astype("datetime64[s]").tolist()):
        local = moment.replace(tzinfo=dt.UTC).astimezone(ZoneInfo(zone))
        day = local.date() if local.hour >= roll else local.date() - dt.timedelta(days=1)
        rows.setdefault(str(day + dt.timedelta(days=1) if roll >= 12 else day), []).append(t)
    return rows


@pytest.mark.parametrize(
    ("zone", "roll"), [("America/New_York", 17), ("Europe/London", 0), ("Asia/Kolkata", 9), ("America/New_York", 0)]
)
def test_days_and_weeks_are_made_of_trading_days(zone: str, roll: int) -> None:
    rng = np.random.default_rng(roll)
    n = 24 * 500
    time = np.datetime64("2023-02-01T00:00", "ns") + np.arange(n) * np.timedelta64(1, "h")
    open_, close = 100 + rng.random(n), 100 + rng.random(n)
    bars = Bars("X", "H1", time, open_, np.maximum(open_, close) + 1, np.minimum(open_, close) - 1, close, open_)
    days = resample(bars, "D1", day_roll=f"{roll:02}:00 {zone}")
    expected = slow_days(bars, zone, roll)
    names = list(expected)[: len(days)]
    assert len(expected) - len(days) <= 1
    assert dates(days.session) == names
    for i, name in enumerate(names):
        rows = expected[name]
        assert days.open[i] == open_[rows[0]]
        assert days.close[i] == close[rows[-1]]
        assert days.high[i] == bars.high[rows].max()
        if i:
            assert np.timedelta64(0) <= bars.time[rows[0]] - days.time[i] < np.timedelta64(1, "h")
            assert days.time_close[i - 1] == days.time[i]
    weeks = resample(bars, "W1", day_roll=f"{roll:02}:00 {zone}")
    assert np.all((weeks.session + 3) % 7 == 0)  # named by their Monday
    assert set(weeks.time[1:]) <= set(days.time)
    assert np.array_equal(weeks.time[1:], weeks.time_close[:-1])


def test_resampled_days_are_never_known_before_they_end_also_when_the_clocks_go_back() -> None:
    time = np.datetime64("2024-10-20T00:00", "ns") + np.arange(24 * 30) * np.timedelta64(1, "h")
    price = np.arange(len(time), dtype=float) + 100
    bars = Bars("EURUSD", "H1", time, price, price, price, price)
    whole = resample(bars, "D1")
    assert whole.ends is not None
    assert float((whole.time_close - whole.time).max() / np.timedelta64(1, "h")) == 25.0
    for n in range(1, len(bars), 5):
        part = resample(bars[:n], "D1")
        assert np.array_equal(part.time_close, whole.time_close[: len(part)])
        assert np.array_equal(part.close, whole.close[: len(part)])
        if len(part):
            assert part.time_close[-1] <= bars.time_close[n - 1]


def test_the_trading_day_reaches_the_higher_timeframes_of_the_features() -> None:
    rng = np.random.default_rng(5)
    n = 24 * 120
    time = np.datetime64("2024-01-03T00:00", "ns") + np.arange(n) * np.timedelta64(1, "h")
    time = time[(time.astype("datetime64[D]").astype(np.int64) + 3) % 7 < 5]
    n = len(time)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.002, n)))
    open_ = np.concatenate(([100.0], close[:-1]))
    bars = Bars("EURUSD", "H1", time, open_, np.maximum(open_, close) + 0.1, np.minimum(open_, close) - 0.1, close)
    spec = st.FeatureSpec(base="H1", higher=("D1",), groups=("higher",))
    resampled = st.build_features(bars, spec)
    given = st.build_features(SymbolBars("EURUSD", {"H1": bars, "D1": resample(bars, "D1")}), spec)
    assert np.isfinite(resampled.values[-1]).any()
    assert np.array_equal(resampled.values, given.values, equal_nan=True)
    stream = st.FeatureStream(spec, calendar="fx")
    for t in range(n):
        row = stream.push(open=open_[t], high=bars.high[t], low=bars.low[t], close=close[t], time=time[t])
        assert np.array_equal(row, resampled.values[t], equal_nan=True)
    utc = st.build_features(replace(bars, calendar=UTC_DAYS), spec)
    assert not np.array_equal(resampled.values, utc.values, equal_nan=True)
    again = st.FeatureStream.from_state(stream.state())
    assert again.state() == stream.state()


def test_a_day_that_holds_a_bar_set_aside_is_set_aside() -> None:
    time = np.datetime64("2024-01-08T00:00", "ns") + np.arange(60) * np.timedelta64(1, "h")
    price = np.full(60, 10.0)
    bars = Bars("X", "H1", time, price, price, price, price, quarantine=np.arange(60) == 30)
    days = resample(bars, "D1")
    assert days.quarantine is not None
    assert days.quarantine.tolist() == [False, True]
    assert resample(bars[:30], "D1").quarantine is None
    assert resample(replace(bars, quarantine=np.arange(60) == 59), "D1").quarantine is None


def test_the_new_york_clock_of_the_core_is_that_of_the_database_since_1967() -> None:
    hours = np.datetime64("1967-01-01T00", "h") + np.arange(0, 24 * 366 * 70, 7)
    utc = hours.astype("datetime64[ns]").view(np.int64)
    expected = from_utc(utc, parse_zone("America/New_York")) - utc
    assert np.array_equal(core().compiled_offsets("America/New_York", utc), expected)
