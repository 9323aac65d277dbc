"""Calendar columns and volume by the clock, against known dates and slow references."""

from __future__ import annotations

import calendar
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from smctrain.bars import Bars
from smctrain.features import FeatureSpec, FeatureStream, FeatureTable, build_features

COLUMNS = ("time", "open", "high", "low", "close", "volume", "spread", "segment")
CAL_NY = (
    "cal_ny_minute_sin", "cal_ny_minute_cos", "cal_ny_weekday_sin", "cal_ny_weekday_cos", "cal_ny_month_end",
    "cal_ny_minutes_to_session_end",
)  # fmt: skip
Draw = Callable[..., Bars]


def build(bars: Bars, names: tuple[str, ...], settings: dict[str, Any] | None = None) -> FeatureTable:
    spec = FeatureSpec(base=bars.timeframe, columns=names, dtype="float64", settings=settings or {})
    return build_features(bars, spec)


def at(moments: list[str], draw: Draw, timeframe: str = "M15") -> Bars:
    """Bars that open at these moments, in order of time."""
    made = draw(len(moments), timeframe)
    return replace(made, time=np.array(moments, dtype="datetime64[ns]"))


def moments_of(bars: Bars) -> list[datetime]:
    seconds = bars.time.astype("datetime64[s]").astype(int)
    return [datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(s)) for s in seconds]


@pytest.fixture(scope="module")
def bars(draw: Draw) -> Bars:
    """Half-hour bars over both changes of clocks in March 2024: weekends, holes, missing bars, two segments."""
    made = draw(48 * 75, "M30", seed=13, start="2024-01-29T03:30")
    weekday = (made.time.astype("datetime64[D]").astype(int) + 3) % 7
    hour = made.time.astype("datetime64[h]").astype(int) % 24
    closed = ((weekday == 4) & (hour >= 22)) | (weekday == 5) | ((weekday == 6) & (hour < 21))
    keep = ~(closed | (np.random.default_rng(5).random(len(made)) < 0.02))
    made = replace(made, **{name: getattr(made, name)[keep] for name in COLUMNS})
    for row in (0, 400, 401, 977):
        made.close[row] = np.nan
    for row in (20, 700):
        made.volume[row] = np.nan
    return replace(made, segment=(np.arange(len(made)) >= 1_500).astype(np.int32))


def test_new_york_opens_at_eight_before_and_after_the_change_of_clocks(draw: Draw) -> None:
    # Section 3.8: 13:00 UTC on 2024-03-08, 12:00 UTC on 2024-03-11; session until 17:00.
    table = build(at(["2024-03-08T12:45", "2024-03-08T13:00", "2024-03-11T11:45", "2024-03-11T12:00"], draw), CAL_NY)
    np.testing.assert_array_equal(table["cal_ny_minutes_to_session_end"], [np.nan, 540.0, np.nan, 540.0])
    eight = 2 * np.pi * 480 / 1440
    np.testing.assert_allclose(table["cal_ny_minute_sin"][[1, 3]], np.sin(eight), rtol=0, atol=1e-15)
    np.testing.assert_allclose(table["cal_ny_minute_cos"][[1, 3]], np.cos(eight), rtol=0, atol=1e-15)


def test_london_and_utc_clocks_by_setting(draw: Draw) -> None:
    # Section 3.8: London opens 08:00 UTC on 2024-03-28 and 07:00 UTC on 2024-04-01.
    made = at(["2024-03-28T08:00", "2024-04-01T07:00", "2024-04-01T15:59"], draw)
    settings = {"cal.zone": "Europe/London", "cal.session": "london"}
    names = ("cal_london_minute_sin", "cal_london_minutes_to_session_end", "cal_london_month_end")
    table = build(made, names, settings)
    np.testing.assert_allclose(table[names[0]][:2], np.sin(2 * np.pi / 3), rtol=0, atol=1e-15)
    np.testing.assert_array_equal(table[names[1]], [540.0, 540.0, 1.0])
    spec = FeatureSpec(preset="full", groups=("calendar",), settings={"cal.zone": "UTC"})
    assert [column.name for column in spec.catalogue()] == [
        "cal_utc_minute_sin", "cal_utc_minute_cos", "cal_utc_weekday_sin", "cal_utc_weekday_cos", "cal_utc_month_end",
        "cal_utc_minutes_to_session_end",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "label"),
    [
        ("America/New_York", "ny"), ("Asia/Tokyo", "tokyo"), ("America/New_York+7h", "new_york_p7h"),
        ("fixed:-02:30", "fixed_m02_30"), ("America/Port-au-Prince", "port_au_prince"),
    ],
)  # fmt: skip
def test_columns_name_their_zone(zone: str, label: str) -> None:
    names = [column.name for column in FeatureSpec(preset="full", settings={"cal.zone": zone}).catalogue()]
    assert f"cal_{label}_month_end" in names


def test_the_month_ends_on_its_last_monday_to_friday(draw: Draw) -> None:
    # 2024: Thursday 29 February, Friday 29 March (a holiday, which does not count), Tuesday 30 April, Friday 28 June.
    days = ["02-28", "02-29", "03-28", "03-29", "03-30", "03-31", "04-01", "04-30", "05-31", "06-28", "06-30"]
    flags = [0, 1, 0, 1, 0, 0, 0, 1, 1, 1, 0]
    table = build(at([f"2024-{day}T15:00" for day in days], draw), ("cal_ny_month_end",))
    np.testing.assert_array_equal(table["cal_ny_month_end"], flags)
    # The date is that of New York: 02:00 UTC on the first of a month is still the last there.
    table = build(at(["2024-04-30T03:45", "2024-04-30T04:00", "2024-05-01T03:45", "2024-05-01T04:00"], draw), CAL_NY)
    np.testing.assert_array_equal(table["cal_ny_month_end"], [0, 1, 1, 0])


def test_the_calendar_against_a_slow_reference(bars: Bars) -> None:
    table = build(bars, CAL_NY)
    for t, moment in enumerate(moments_of(bars)):
        wall = moment.astimezone(ZoneInfo("America/New_York"))
        last = calendar.monthrange(wall.year, wall.month)[1]
        while calendar.weekday(wall.year, wall.month, last) > 4:
            last -= 1
        end = wall.replace(hour=17, minute=0)
        is_on = 8 <= wall.hour < 17
        minute = 2 * np.pi * (60 * wall.hour + wall.minute) / 1440
        week = 2 * np.pi * wall.weekday() / 7
        expected = [
            np.sin(minute), np.cos(minute), np.sin(week), np.cos(week), wall.day == last,
            (end.replace(tzinfo=None) - wall.replace(tzinfo=None)).total_seconds() / 60 if is_on else np.nan,
        ]  # fmt: skip
        np.testing.assert_allclose(table.values[t], expected, rtol=0, atol=1e-15)


def test_daily_bars_have_no_minute_and_no_session(draw: Draw) -> None:
    daily = draw(40, "D1", start="2024-05-26T00:00")
    spec = FeatureSpec(preset="full", base="D1", dtype="float64")
    table = build_features(daily, spec)
    families = {column.family for column in table.catalogue}
    assert "sessions" not in families
    assert "cal_ny_minutes_to_session_end" not in table.names
    assert not any(name.startswith(("pp_h4", "cp_h4")) for name in table.names)
    for name in ("cal_utc_minute_sin", "cal_utc_minute_cos", "cal_ny_minute_sin", "cal_ny_minute_cos"):
        assert np.isnan(table[name]).all()
    # A day that opens at midnight in London belongs to its own date in New York as well.
    dates = [str(day) for day in daily.time.astype("datetime64[D]")]
    np.testing.assert_array_equal(table["cal_ny_month_end"], [day in ("2024-05-31", "2024-06-28") for day in dates])
    np.testing.assert_array_equal(table["cal_ny_weekday_sin"], table["cal_utc_weekday_sin"])
    evening = build(draw(40, "D1", start="2024-05-25T21:00"), ("cal_ny_month_end",))  # 17:00 in New York
    np.testing.assert_array_equal(evening["cal_ny_month_end"], table["cal_ny_month_end"])


def test_weekly_bars_have_no_weekday(draw: Draw) -> None:
    spec = FeatureSpec(preset="full", base="W1", higher=(), dtype="float64")
    table = build_features(draw(30, "W1", start="2024-01-01T00:00"), spec)
    for name in table.names:
        if name.startswith("cal_"):
            assert np.isnan(table[name]).all()
    assert not any(name.startswith(("pp_d_", "cp_d_")) for name in table.names)
    assert any(name.startswith("pp_w_") for name in table.names)


def test_volume_is_measured_against_its_own_minute_by_hand(draw: Draw) -> None:
    made = draw(12 * 96, "M15", start="2024-01-08T05:00")  # midnight in New York, no change of clocks
    day, slot = np.divmod(np.arange(len(made)), 96)
    made = replace(made, volume=np.where(slot == 40, 100.0 + day, 7.0 + slot))
    values = build(made, ("vol_slot_10",))["vol_slot_10"].reshape(12, 96)
    assert np.isnan(values[:10]).all()
    np.testing.assert_array_equal(np.delete(values[10:], 40, axis=1), 1.0)
    np.testing.assert_allclose(values[10:, 40], [110 / 104.5, 111 / 105.5], rtol=1e-15)


def test_a_slot_follows_the_wall_clock(draw: Draw) -> None:
    # One bar a day at 09:30 in New York: 14:30 UTC until Friday 8 March 2024, 13:30 UTC from Monday 11 March on.
    days = np.array([f"2024-03-{day:02}" for day in range(1, 18)], dtype="datetime64[D]")
    after = days >= np.datetime64("2024-03-10")
    time = days.astype("datetime64[ns]") + np.where(after, 13 * 60 + 30, 14 * 60 + 30) * np.timedelta64(60, "s")
    made = replace(draw(17, "M15"), time=time, volume=np.arange(1.0, 18.0))
    values = build(made, ("vol_slot_10",))["vol_slot_10"]
    expected = [(t + 1) / np.mean(np.arange(t - 10, t) + 1) for t in range(10, 17)]
    np.testing.assert_allclose(values[10:], expected, rtol=1e-15)
    utc = build(made, ("vol_slot_10",), {"cal.zone": "UTC"})["vol_slot_10"]
    assert np.isnan(utc).all()


def slow_volume(bars: Bars, is_new: Callable[[datetime, datetime], bool], begins: Callable[[datetime], bool]) -> Any:
    """vol_slot_10 and the session's mean price, by lists and loops."""
    ny = ZoneInfo("America/New_York")
    usual, vwap = np.full(len(bars), np.nan), np.full(len(bars), np.nan)
    slots: dict[Any, list[float]] = defaultdict(list)
    seen: list[float] = []
    running: list[tuple[float, float]] | None = None
    previous: datetime | None = None
    segment = -1
    for t, moment in enumerate(moments_of(bars)):
        if bars.segment[t] != segment:
            slots, seen, running, previous, segment = defaultdict(list), [], None, None, bars.segment[t]
        volume = float(bars.volume[t])
        if np.isnan(volume) or np.isnan(bars.close[t]):
            continue
        seen.append(volume)
        key = moment.astimezone(ny).strftime("%H:%M")
        if len(slots[key]) >= 10 and len(set(seen)) > 1:
            usual[t] = volume / (sum(slots[key][-10:]) / 10)
        slots[key].append(volume)
        if is_new(previous, moment) if previous is not None else begins(moment):
            running = []
        previous = moment
        if running is not None:
            running.append(((bars.high[t] + bars.low[t] + bars.close[t]) / 3, volume))
            if len(set(seen)) > 1:
                vwap[t] = sum(p * v for p, v in running) / sum(v for _, v in running)
    return usual, vwap


def trading_day(moment: datetime) -> Any:
    wall = moment.astimezone(ZoneInfo("America/New_York")).replace(tzinfo=None)
    return (wall + timedelta(hours=7)).date()


def london_day(moment: datetime) -> Any:
    wall = moment.astimezone(ZoneInfo("Europe/London")).replace(tzinfo=None)
    return (wall - timedelta(hours=8)).date()


@pytest.mark.parametrize(("session", "day"), [("day", trading_day), ("london", london_day)])
def test_volume_by_the_clock_against_a_slow_reference(bars: Bars, session: str, day: Callable[[datetime], Any]) -> None:
    table = build(bars, ("vol_slot_10", "vwap_sess_atr", "atr_wilder_14"), {"vwap.session": session})
    second = timedelta(seconds=1)
    usual, vwap = slow_volume(bars, lambda a, b: day(a) != day(b), lambda moment: day(moment - second) != day(moment))
    np.testing.assert_allclose(table["vol_slot_10"], usual, rtol=1e-14)
    np.testing.assert_allclose(
        table["vwap_sess_atr"], (bars.close - vwap) / table["atr_wilder_14"], rtol=1e-9, atol=1e-9
    )
    assert np.isfinite(usual).sum() > 500
    assert np.isfinite(vwap).sum() > 2_000


def test_a_constant_volume_says_nothing(draw: Draw) -> None:
    made = draw(96 * 13)
    for volume in (5.0, 0.0):
        table = build(replace(made, volume=np.full(len(made), volume)), ("vol_slot_10", "vwap_sess_atr"))
        assert np.isnan(table.values).all()
    # No volume for a whole day: no mean price on that day, and no share of the usual volume ten days later.
    empty = np.where(np.arange(len(made)) < 96 * 12, 0.0, 3.0)
    table = build(replace(made, volume=empty), ("vol_slot_10",))
    assert np.isnan(table.values).all()


def test_adding_bars_never_changes_an_earlier_row(bars: Bars) -> None:
    names = (*CAL_NY, "vol_slot_10", "vwap_sess_atr")
    whole = build(bars, names).values
    for cut in (*range(1, 40), 399, 400, 402, 977, 1_499, 1_500, 1_501, 1_700, len(bars) - 2, len(bars) - 1):
        np.testing.assert_array_equal(build(bars[:cut], names).values, whole[:cut])


def test_the_stream_gives_the_same_rows(bars: Bars) -> None:
    names = (*CAL_NY, "vol_slot_10", "vwap_sess_atr")
    short = bars[:1_200]
    batch = build(short, names)
    stream = FeatureStream(batch.spec)
    for t in range(len(short)):
        row = stream.push(
            open=short.open[t], high=short.high[t], low=short.low[t], close=short.close[t], time=short.time[t],
            volume=short.volume[t],
        )  # fmt: skip
        np.testing.assert_array_equal(row, batch.values[t])


def test_the_new_columns_stay_out_of_the_default_set() -> None:
    for base in ("M15", "D1"):
        names = [column.name for column in FeatureSpec(base=base).catalogue()]
        assert not {*CAL_NY, "vol_slot_10", "vwap_sess_atr"} & set(names)
    assert len(FeatureSpec().catalogue()) == 80
    assert [column.name for column in FeatureSpec(groups=("calendar",)).catalogue()] == [
        "cal_utc_minute_sin", "cal_utc_minute_cos", "cal_utc_weekday_sin", "cal_utc_weekday_cos",
    ]  # fmt: skip
