"""Zones and stamps: every bar gets one UTC opening time, or an error with the local times."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from bar_files import walk, write

import smctrain as st
from smctrain.bars.zones import parse_zone, to_utc
from smctrain.exceptions import BarError


def first_time(path: Path, **options: str) -> str:
    return str(st.read_bars(path, **options)["X", "M15"].time[0].astype("datetime64[m]"))


def test_a_zone_shifts_naive_times_to_utc(tmp_path: Path) -> None:
    write(tmp_path / "X_M15.csv", walk(8, start="2024-07-01T12:00"))
    assert first_time(tmp_path) == "2024-07-01T12:00"
    assert first_time(tmp_path, tz="Europe/London") == "2024-07-01T11:00"
    assert first_time(tmp_path, tz="fixed:+02:00") == "2024-07-01T10:00"
    assert first_time(tmp_path, tz="fixed:-05:30") == "2024-07-01T17:30"
    assert first_time(tmp_path, tz="America/New_York+7h") == "2024-07-01T09:00"  # broker clock at UTC+3 in summer


def test_the_default_zone_is_reported_and_a_declared_one_is_not(tmp_path: Path) -> None:
    write(tmp_path / "X_M15.csv", walk(8))
    assert [issue.kind for issue in st.read_bars(tmp_path).issue_list] == ["naive_time"]
    assert st.read_bars(tmp_path, tz="fixed:+00:00").issue_list == []


def test_times_that_carry_a_zone_keep_it(tmp_path: Path) -> None:
    lines = [line.replace(",", ":00+02:00,", 1).replace(" ", "T") for line in walk(8, start="2024-07-01T12:00")]
    write(tmp_path / "X_M15.csv", lines)
    assert first_time(tmp_path) == "2024-07-01T10:00"
    assert first_time(tmp_path, tz="Asia/Tokyo") == "2024-07-01T10:00"


def test_a_skipped_hour_is_an_error_with_the_local_times(tmp_path: Path) -> None:
    write(tmp_path / "X_M15.csv", walk(20, start="2024-03-31T00:00"))
    with pytest.raises(BarError) as caught:
        st.read_bars(tmp_path, tz="Europe/London")
    assert (
        "X: X_M15.csv, row 6: 4 local times do not exist (the clocks go forward) in Europe/London: "
        "2024-03-31 01:00, 2024-03-31 01:15, 2024-03-31 01:30, ..." in str(caught.value)
    )
    assert len(st.read_bars(tmp_path)["X", "M15"]) == 20  # UTC is unaffected


def test_a_repeated_hour_is_an_error_with_the_local_times(tmp_path: Path) -> None:
    write(tmp_path / "X_M15.csv", walk(20, start="2024-10-27T00:30"))
    with pytest.raises(BarError, match=r"4 local times exist twice \(the clocks go back\) in Europe/London"):
        st.read_bars(tmp_path, tz="Europe/London")


def test_closing_stamps_become_opening_times(tmp_path: Path) -> None:
    write(tmp_path / "X_M15.csv", walk(8, start="2024-07-01T12:00"))
    assert first_time(tmp_path, stamp="close") == "2024-07-01T11:45"
    b = st.read_bars(tmp_path, stamp="close")["X", "M15"]
    assert b.time_close[0] == np.datetime64("2024-07-01T12:00")


@pytest.mark.parametrize(
    "name", ["Europe/London", "America/New_York", "Australia/Sydney", "Asia/Kathmandu", "Africa/Casablanca"]
)
def test_conversion_equals_the_standard_library(name: str) -> None:
    """Against zoneinfo, row by row: instants, gaps and overlaps over three years."""
    zone = ZoneInfo(name)
    wall = np.arange(np.datetime64("2022-01-01T00:00"), np.datetime64("2025-01-01"), np.timedelta64(37, "m"))
    expected, kinds = [], []
    for local in wall.astype(datetime):
        first, second = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
        before, after = first.utcoffset(), second.utcoffset()
        assert before is not None
        assert after is not None
        kinds.append("" if before == after else "gap" if after > before else "overlap")
        expected.append(local - before)
    utc, bad = to_utc(wall.astype("datetime64[ns]").astype(np.int64), parse_zone(name))
    good = np.array([kind == "" for kind in kinds])
    assert np.array_equal(utc[good], np.array(expected, dtype="datetime64[ns]").astype(np.int64)[good])
    if not good.all():
        assert bad is not None
        assert bad.rows[0] == np.argmin(good)
        assert bad.kind == kinds[int(np.argmin(good))]
        assert list(bad.rows) == [i for i, kind in enumerate(kinds) if kind == bad.kind]
    else:
        assert bad is None


def test_a_broker_clock_whose_day_ends_in_new_york() -> None:
    # Sunday 17:00 in New York is midnight on the broker's clock, in winter and in summer.
    for utc in ("2024-01-07T22:00", "2024-07-07T21:00"):
        local = np.datetime64(utc).astype(datetime).replace(tzinfo=ZoneInfo("UTC")).astimezone(
            ZoneInfo("America/New_York")
        ) + timedelta(hours=7)
        assert (local.hour, local.minute) == (0, 0)
        wall = np.array([local.replace(tzinfo=None)], dtype="datetime64[ns]").astype(np.int64)
        found, bad = to_utc(wall, parse_zone("America/New_York+7h"))
        assert bad is None
        assert found.view("datetime64[ns]")[0] == np.datetime64(utc)


@pytest.mark.parametrize(("tz", "start"), [("Europe/London", "2024-10-20"), ("America/New_York+7h", "2024-10-27")])
def test_a_day_of_25_hours_is_known_when_it_ends_and_not_an_hour_earlier(tmp_path: Path, tz: str, start: str) -> None:
    write(tmp_path / "X_D1.csv", walk(20, start=start + "T00:00", minutes=1440))
    bars = st.read_bars(tmp_path, tz=tz)
    day = bars["X", "D1"]
    long = np.flatnonzero(np.diff(day.time_close) == np.timedelta64(25, "h"))
    assert list(long) == [6]
    # Every close is the next local midnight: the opening time of the bar that follows.
    others = np.delete(np.arange(len(day) - 1), 6)
    np.testing.assert_array_equal(day.time_close[others], day.time[others + 1])
    assert day.time_close[7] == day.time[8] == day.time[7] + np.timedelta64(24, "h")
    issue = next(issue for issue in bars.issue_list if issue.kind == "long_bar")
    assert issue.count == 1
    # Bars that end before the clocks change are as long as their name says.
    write(tmp_path / "hours" / "X_H1.csv", walk(24, start="2024-10-26T01:00", minutes=60))
    assert not any(i.kind == "long_bar" for i in st.read_bars(tmp_path / "hours", tz=tz).issue_list)
