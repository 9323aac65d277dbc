"""Horizons and target names: one parser, and windows that end where the data allow it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smctrain.bars import read_bars
from smctrain.bars.types import Bars
from smctrain.bars.zones import from_utc, parse_zone, to_utc
from smctrain.exceptions import InputError
from smctrain.labels import forward_return, make_target, parse_horizon, parse_target
from smctrain.labels.horizon import Horizon, windows

MINUTE = np.timedelta64(60, "s")


def bars_at(minutes, *, timeframe="M15", segment=None, start="2024-01-01") -> Bars:
    """Flat bars that open so many minutes after `start`."""
    minutes = np.asarray(minutes)
    price = 100.0 + np.arange(len(minutes))
    return Bars(
        symbol="TEST",
        timeframe=timeframe,
        time=np.datetime64(start, "ns") + minutes * MINUTE,
        open=price,
        high=price,
        low=price,
        close=price,
        segment=np.zeros(len(minutes), dtype=np.int32) if segment is None else np.asarray(segment, dtype=np.int32),
    )


@pytest.mark.parametrize(
    ("text", "count", "unit"),
    [(12, 12, "b"), ("12", 12, "b"), ("12b", 12, "b"), ("60m", 60, "m"), ("4h", 4, "h"), ("1d", 1, "d"),
     (np.int64(3), 3, "b"), (Horizon(5, "m"), 5, "m")],
)  # fmt: skip
def test_a_horizon_is_a_number_with_one_of_four_units(text, count, unit):
    assert parse_horizon(text) == Horizon(count, unit)


@pytest.mark.parametrize("text", ["60s", "1w", "60M", "60 m", "m", "", "1.5h", "-5m", "1d2h", 2.0, None, True, "٣m"])
def test_another_unit_is_an_error_that_names_what_is_valid(text):
    with pytest.raises(InputError, match=r"minutes \('60m'\), hours \('4h'\) or sessions \('1d'\), but is"):
        parse_horizon(text)


@pytest.mark.parametrize("text", [0, "0m", -1, "1000001b", "99999999999999999999d"])
def test_a_horizon_counts_at_least_one(text):
    with pytest.raises(InputError, match="but is"):
        parse_horizon(text)


@pytest.mark.parametrize(
    ("name", "kind", "horizon", "size"),
    [
        ("fwd_ret_5m", "fwd_ret", "5m", None),
        ("fwd_ret_60m", "fwd_ret", "60m", None),
        ("fwd_ret_12b", "fwd_ret", "12b", None),
        ("excess_4h", "excess", "4h", None),
        ("outperf_1d", "outperf", "1d", None),
        ("y_will_peak_60m_0.8", "peak", "60m", 0.8),
        ("y_peak_60m_0.8", "peak", "60m", 0.8),
        ("y_will_valley_5m_0.3", "valley", "5m", 0.3),
        ("y_first_touch_15m_2", "first_touch", "15m", 2.0),
        ("mfe_20b", "mfe", "20b", None),
        ("mae_20b", "mae", "20b", None),
        ("y_mfe_1d_0.01", "mfe_reached", "1d", 0.01),
        ("y_mdd_4h_0.005", "mdd_reached", "4h", 0.005),
        ("y_swing_high_20b_0.02", "swing_high", "20b", 0.02),
        ("y_swing_low_20b_0.02", "swing_low", "20b", 0.02),
    ],
)
def test_the_names_of_targets_parse_by_one_grammar(name, kind, horizon, size):
    target = parse_target(name)
    assert (target.kind, str(target.horizon), target.size) == (kind, horizon, size)


@pytest.mark.parametrize(
    "name",
    ["fwd_ret_60", "fwd_ret_60s", "fwd_ret_1w", "fwd_ret", "fwd_ret_60m_0.8", "y_peak_60m", "y_peak_60_0.8",
     "peak_60m_0.8", "y_peak_60m_0", "y_mae_60m_0.1", "will_peak_60m_0.8", "y_will_60m_0.8", "", "bid_60m", 5],
)  # fmt: skip
def test_a_name_outside_the_grammar_is_an_error_that_shows_the_grammar(name):
    with pytest.raises(InputError, match=r"must be fwd_ret_<h>, "):
        parse_target(name)


def test_the_error_of_a_name_begins_with_what_is_wrong():
    with pytest.raises(InputError, match=r"^name 'fwd_ret_60x' is no target: 'x' is no unit\. It must be"):
        parse_target("fwd_ret_60x")
    with pytest.raises(InputError, match=r"^name 'y_peak_60m' is no target: it must end with a size in volatilities"):
        parse_target("y_peak_60m")
    with pytest.raises(InputError, match=r"^name 'fwd_rank_60m' is no target: it needs many symbols"):
        parse_target("fwd_rank_60m")


def test_a_letter_d_elsewhere_in_a_name_means_nothing():
    assert parse_target("y_mdd_60m_0.1").horizon == Horizon(60, "m")


def test_minutes_end_at_the_last_bar_that_closes_in_time():
    b = bars_at([0, 15, 30, 45, 60])
    np.testing.assert_array_equal(windows(b, parse_horizon("30m")).end, [2, 3, 4, -1, -1])
    # 40 minutes: the last close in time comes after 30.
    np.testing.assert_array_equal(windows(b, parse_horizon("40m")).end, [2, 3, 4, -1, -1])
    assert windows(b, parse_horizon("1h")).longest == 4


def test_a_hole_where_the_end_should_be_leaves_no_label():
    b = bars_at([0, 15, 30, 120, 135])
    labels = forward_return(b, "30m")
    assert labels.status.tolist() == ["ok", "missing", "missing", "open", "open"]
    assert labels.t1.tolist() == [2, -1, -1, -1, -1]
    # The bars on both sides of the hole are there, so a count of bars sees none.
    assert forward_return(b, 2).status.tolist() == ["ok", "ok", "ok", "open", "open"]


def test_a_horizon_shorter_than_a_bar_is_an_error():
    with pytest.raises(InputError, match="14m is shorter than M15"):
        forward_return(bars_at([0, 15]), "14m")
    with pytest.raises(InputError, match="1d is shorter than W1"):
        forward_return(bars_at([0, 10080], timeframe="W1"), "1d")


def test_on_daily_bars_a_session_is_a_bar():
    b = bars_at([0, 1440, 2880, 4 * 1440], timeframe="D1")  # a day is missing before the last
    labels = forward_return(b, "1d")
    assert labels.t1.tolist() == [1, 2, 3, -1]
    assert labels.status.tolist() == ["ok", "ok", "ok", "open"]


def test_a_session_ends_with_its_last_bar_once_another_one_has_begun():
    # Three sessions of two hours, with a night between.
    b = bars_at([600, 660, 2040, 2100, 3480, 3540], timeframe="H1")
    assert forward_return(b, "1d").t1.tolist() == [3, 3, -1, -1, -1, -1]
    assert forward_return(b[:4], "1d").status.tolist() == ["open"] * 4


def test_a_session_beyond_a_border_of_segments_ends_no_window():
    hours = [600, 660, 2040, 2100, 3480, 3540]  # three sessions of two hours
    between = bars_at(hours, timeframe="H1", segment=[0, 0, 1, 1, 1, 1])
    assert forward_return(between, "1d").t1.tolist() == [-1, -1, -1, -1, -1, -1]
    assert forward_return(bars_at(hours, timeframe="H1", segment=[0, 0, 0, 0, 1, 1]), "1d").t1[:2].tolist() == [3, 3]
    # A border inside the second session: nobody saw its end on the first side of it.
    inside = bars_at(hours, timeframe="H1", segment=[0, 0, 0, 1, 1, 1])
    assert forward_return(inside, "1d").status.tolist() == ["open"] * 6


def test_the_day_of_currencies_ends_at_new_york_17():
    # Hourly bars over the change to summer time (2024-03-10): the border moves from 22:00 to 21:00 UTC.
    b = bars_at(60 * np.arange(24 * 6), timeframe="H1", start="2024-03-07")
    labels = forward_return(b, "1d", day_zone="America/New_York+7h")
    ends = b.time_close[np.unique(labels.t1[labels.ok])].astype("datetime64[h]").astype(str)
    assert ends.tolist() == ["2024-03-08T22", "2024-03-09T22", "2024-03-10T21", "2024-03-11T21", "2024-03-12T21"]
    plain = forward_return(b, "1d")
    assert (b.time_close[plain.t1[plain.ok]].astype("datetime64[h]").astype(int) % 24 == 0).all()


@pytest.mark.parametrize("zone", ["UTC", "fixed:+02:00", "Europe/London", "America/New_York+7h"])
def test_local_time_of_an_instant_is_the_reverse_of_reading_it(zone):
    utc = (np.datetime64("2023-01-01", "ns") + np.arange(0, 24 * 500, 5) * np.timedelta64(3600, "s")).view(np.int64)
    back, bad = to_utc(from_utc(utc, parse_zone(zone)), parse_zone(zone))
    assert bad is None or len(bad.rows) <= 4
    assert np.mean(back == utc) > 0.999


def slow_windows(b: Bars, count: int, unit: str):
    """End and status of every row, straight from the definition."""
    close = b.time_close.view(np.int64)
    tf = b.seconds * 10**9
    day = (b.time.astype("datetime64[ns]").view(np.int64)) // (86400 * 10**9)
    ends, statuses = [], []
    for t in range(len(b)):
        inside = [j for j in range(len(b)) if b.segment[j] == b.segment[t]]
        end, status = -1, "open"
        if unit == "b":
            if t + count in inside:
                end, status = t + count, "ok"
        elif unit == "m":
            due = close[t] + count * 60 * 10**9
            j = max(k for k in inside if close[k] <= due)
            if close[j] > due - tf:
                end, status = j, "ok"
            elif j != inside[-1]:
                status = "missing"
        else:
            later = sorted({int(day[j]) for j in inside if day[j] > day[t]})
            if len(later) >= count:
                j = max(k for k in inside if day[k] == later[count - 1])
                if j + 1 < len(b) and day[j + 1] != day[j]:
                    end, status = j, "ok"
        ends.append(end)
        statuses.append(status)
    return ends, statuses


@settings(max_examples=80, deadline=None)
@given(
    steps=st.lists(st.sampled_from([1, 1, 1, 1, 2, 3, 30, 100]), min_size=1, max_size=40),
    borders=st.lists(st.booleans(), min_size=41, max_size=41),
    horizon=st.sampled_from([(1, "b"), (4, "b"), (15, "m"), (40, "m"), (60, "m"), (1, "d"), (2, "d")]),
    with_segments=st.booleans(),
)
def test_windows_equal_a_slow_obvious_reference(steps, borders, horizon, with_segments):
    minutes = 15 * np.concatenate([[0], np.cumsum(steps)])
    segment = np.cumsum([flag and i % 5 == 0 for i, flag in enumerate(borders[: len(minutes)])])
    b = bars_at(minutes, segment=segment if with_segments else None)
    labels = forward_return(b, f"{horizon[0]}{horizon[1]}")
    ends, statuses = slow_windows(b, *horizon)
    assert labels.t1.tolist() == ends
    assert labels.status.tolist() == statuses
    spans = (labels.t1 - labels.t0)[labels.ok]
    assert len(spans) == 0 or spans.max() <= labels.window
    # More bars give open rows a label and change nothing else.
    cut = len(b) // 2
    before = forward_return(b[:cut], f"{horizon[0]}{horizon[1]}")
    fixed = before.status != "open"
    np.testing.assert_array_equal(before.t1[fixed], labels.t1[:cut][fixed])
    np.testing.assert_array_equal(before.status[fixed], labels.status[:cut][fixed])


def test_real_bars_end_their_hour_four_bars_later(mt5):
    b = read_bars(mt5, symbols=["EURUSD"], timeframes=["M15"])["EURUSD", "M15"]
    labels = make_target(b, "fwd_ret_60m")
    assert labels.name == "fwd_ret_60m"
    assert labels.counts["ok"] > 0.9 * len(b)
    ok = labels.ok
    span = b.time_close[labels.t1[ok]] - b.time_close[labels.t0[ok]]
    assert (span > np.timedelta64(45, "m")).all()
    assert (span <= np.timedelta64(60, "m")).all()
    np.testing.assert_allclose(labels.y[ok], b.close[labels.t1[ok]] / b.close[labels.t0[ok]] - 1, rtol=1e-12)
