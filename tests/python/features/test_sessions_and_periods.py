"""Sessions and previous periods: columns against a slow reference, and events against the columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from smctrain.bars.calendars import SessionCalendar
from smctrain.bars.types import Bars
from smctrain.exceptions import InputError
from smctrain.features import EventTable, FeatureSpec, FeatureStream, FeatureTable, build_features, smc

SESSIONS = {
    "sydney": ("Australia/Sydney", 7, 16),
    "tokyo": ("Asia/Tokyo", 9, 18),
    "london": ("Europe/London", 8, 17),
    "ny": ("America/New_York", 8, 17),
    "kz_asia": ("America/New_York", 20, 24),
    "kz_london": ("America/New_York", 2, 5),
    "kz_ny": ("America/New_York", 7, 10),
    "kz_lclose": ("America/New_York", 10, 12),
}
PERIODS = ("d", "w", "m", "h4")
COLUMNS = ("time", "open", "high", "low", "close", "volume", "spread", "segment")


def clock_columns(bars: Bars) -> FeatureTable:
    spec = FeatureSpec(base=bars.timeframe, preset="full", groups=("sessions", "periods"), dtype="float64")
    return build_features(bars, spec)


def rows(bars: Bars, mask: np.ndarray) -> Bars:
    return replace(bars, **{name: getattr(bars, name)[mask] for name in COLUMNS})


@pytest.fixture(scope="module")
def bars(draw: Any) -> Bars:
    """Half-hour bars over both changes of clocks in March 2024, with weekends, holes, missing bars and two segments."""
    made = draw(48 * 75, "M30", seed=31, start="2024-01-29T03:30")
    weekday = (made.time.astype("datetime64[D]").astype(int) + 3) % 7
    hour = made.time.astype("datetime64[h]").astype(int) % 24
    closed = ((weekday == 4) & (hour >= 22)) | (weekday == 5) | ((weekday == 6) & (hour < 21))
    hole = np.random.default_rng(5).random(len(made)) < 0.02
    made = rows(made, ~(closed | hole))
    for row in (0, 400, 401, 977):
        made.close[row] = np.nan
    return replace(made, segment=(np.arange(len(made)) >= 1_900).astype(np.int32))


def moments(bars: Bars) -> list[datetime]:
    return [
        datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(s))
        for s in bars.time.astype("datetime64[s]").astype(int)
    ]


def session_key(moment: datetime, zone: str, start: int, end: int) -> Any:
    wall = moment.astimezone(ZoneInfo(zone))
    return wall.date() if start <= wall.hour < end else None


def period_key(moment: datetime, period: str) -> Any:
    wall = moment.astimezone(ZoneInfo("America/New_York")).replace(tzinfo=None) + timedelta(hours=7)
    if period == "h4":
        return wall.date(), wall.hour // 4
    return {"d": wall.date(), "w": wall.isocalendar()[:2], "m": (wall.year, wall.month)}[period]


def stretches(
    bars: Bars, keys: list[Any], starts: list[bool]
) -> Iterator[tuple[int, list[int] | None, list[int] | None]]:
    """Row, rows of the running whole stretch, rows of the last finished whole one; slow and plain."""
    finished: list[int] | None = None
    running: list[int] = []
    whole, last, segment = False, None, -1
    for t in range(len(bars)):
        if np.isnan(bars.close[t]):
            continue
        fresh = bars.segment[t] != segment
        if fresh:
            finished, running, last, segment = None, [], None, bars.segment[t]
        if keys[t] != last or not running:
            if running and whole:
                finished = running
            running, whole = [], not fresh or starts[t]
        last = keys[t]
        if keys[t] is not None:
            running = [*running, t]
        yield t, running if running and whole else None, finished


def atr(bars: Bars) -> np.ndarray:
    spec = FeatureSpec(base=bars.timeframe, columns=("atr_wilder_14",), dtype="float64")
    return build_features(bars, spec)["atr_wilder_14"]


@pytest.mark.parametrize("name", SESSIONS)
def test_session_columns_are_those_of_a_slow_reference(bars: Bars, name: str) -> None:
    zone, start, end = SESSIONS[name]
    table, scale, when = clock_columns(bars), atr(bars), moments(bars)
    keys = [session_key(moment, zone, start, end) for moment in when]
    starts = [moment.astimezone(ZoneInfo(zone)).time().isoformat() == f"{start:02d}:00:00" for moment in when]
    seen = 0
    for t, running, finished in stretches(bars, keys, starts):
        wall = when[t].astimezone(ZoneInfo(zone))
        is_on = keys[t] is not None
        share = (wall.hour + wall.minute / 60 - start) / (end - start) if is_on else np.nan
        shown = running if is_on else finished
        high, low = (max(bars.high[shown]), min(bars.low[shown])) if shown else (np.nan, np.nan)
        expected = [is_on, share, (high - bars.close[t]) / scale[t], (bars.close[t] - low) / scale[t]]
        got = [table[f"ses_{name}_{column}"][t] for column in ("on", "frac", "high_dist_atr", "low_dist_atr")]
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12, err_msg=f"{name} {when[t]}")
        seen += shown is not None
    assert seen > 1_000


@pytest.mark.parametrize("period", PERIODS)
def test_period_columns_are_those_of_a_slow_reference(bars: Bars, period: str) -> None:
    table, scale, when = clock_columns(bars), atr(bars), moments(bars)
    keys = [period_key(moment, period) for moment in when]
    starts = [period_key(moment - timedelta(seconds=1), period) != key for moment, key in zip(when, keys, strict=True)]
    seen = 0
    for t, running, finished in stretches(bars, keys, starts):
        so_far = [
            u for u in range(max(0, t - 1_200), t + 1) if keys[u] == keys[t] and bars.segment[u] == bars.segment[t]
        ]
        so_far = [u for u in so_far if np.isfinite(bars.close[u])]
        high, low = max(bars.high[so_far]), min(bars.low[so_far])
        past_high, past_low = (max(bars.high[finished]), min(bars.low[finished])) if finished else (np.nan, np.nan)
        close = bars.close[t]
        expected = {
            f"pp_{period}_high_dist_atr": (past_high - close) / scale[t],
            f"pp_{period}_low_dist_atr": (close - past_low) / scale[t],
            f"pp_{period}_mid_dist_atr": (close - (past_high + past_low) / 2) / scale[t],
            f"pp_{period}_broke_high": float(high > past_high),
            f"pp_{period}_broke_low": float(low < past_low),
            f"cp_{period}_open_dist_atr": (close - bars.open[running[0]]) / scale[t] if running else np.nan,
            f"cp_{period}_pos": (close - low) / (high - low) if running and high > low else np.nan,
        }
        got = [table[name][t] for name in expected]
        np.testing.assert_allclose(got, list(expected.values()), rtol=1e-12, atol=1e-12, err_msg=f"{period} {when[t]}")
        seen += finished is not None
    assert seen > (700 if period == "m" else 1_200)


@pytest.mark.parametrize(
    ("name", "moment"),
    [
        ("london", "2024-03-28T08:00"),
        ("london", "2024-04-01T07:00"),
        ("ny", "2024-03-08T13:00"),
        ("ny", "2024-03-11T12:00"),
        ("tokyo", "2024-03-11T00:00"),
        ("sydney", "2024-04-05T20:00"),
        ("sydney", "2024-04-08T21:00"),
    ],
)
def test_sessions_open_by_the_local_clock_on_both_sides_of_a_change(draw: Any, name: str, moment: str) -> None:
    opening = np.datetime64(moment, "ns")
    day = draw(96 * 2, start=str(opening - np.timedelta64(24 * 60 - 15, "m")))
    table = clock_columns(day)
    row = int(np.flatnonzero(day.time == opening)[0])
    assert table[f"ses_{name}_on"][row - 1 : row + 1].tolist() == [0.0, 1.0]
    assert table[f"ses_{name}_frac"][row] == 0.0


def test_the_first_bar_of_a_day_is_measured_against_the_day_that_has_just_ended(draw: Any) -> None:
    bars = draw(96 * 3, start="2024-06-03T21:00")  # 17:00 in New York
    table = clock_columns(bars)
    assert np.isnan(table["pp_d_high_dist_atr"][:96]).all()
    first = bars.high[:96].max()
    assert table["pp_d_high_dist_atr"][96] == (first - bars.close[96]) / atr(bars)[96]
    assert table["pp_d_broke_high"][96:192].tolist() == [
        float(bars.high[96 : t + 1].max() > first) for t in range(96, 192)
    ]


def test_a_period_seen_only_in_part_is_never_shown_as_the_whole(draw: Any) -> None:
    bars = draw(96 * 3, start="2024-06-03T21:15")
    table = clock_columns(bars)
    assert np.isnan(table["cp_d_pos"][:95]).all()
    assert np.isnan(table["pp_d_high_dist_atr"][: 95 + 96]).all()
    assert np.isfinite(table["pp_d_high_dist_atr"][95 + 96 :]).all()
    assert (table["pp_d_broke_high"][: 95 + 96] == 0.0).all()


def test_what_is_shown_does_not_depend_on_where_the_bars_begin(draw: Any) -> None:
    bars = draw(96 * 75, seed=3)
    whole = clock_columns(bars)
    skip = 14 + 187  # the ATR they are scaled by; beyond it a value is either missing or exact
    for start in (1, 40, 333):
        late = clock_columns(bars[start:])
        for column in late.catalogue:
            a, b = whole[column.name][start + skip :], late[column.name][skip:]
            shown = np.isfinite(b)
            assert shown[96 * 63 - skip :].sum() == np.isfinite(a)[96 * 63 - skip :].sum(), column
            if column.unit != "flag":
                np.testing.assert_allclose(b[shown], a[shown], rtol=1e-6, atol=1e-6, err_msg=column.name)


def test_a_missing_bar_is_missing_and_the_next_one_is_not(draw: Any) -> None:
    bars = draw(96 * 6, seed=6)
    clean = clock_columns(bars)
    close = bars.close.copy()
    close[300] = np.nan
    poked = clock_columns(replace(bars, close=close))
    np.testing.assert_array_equal(poked.values[:300], clean.values[:300])
    assert np.isnan(poked.values[300]).all()
    np.testing.assert_array_equal(np.isnan(poked.values[301:]), np.isnan(clean.values[301:]))


def test_everything_restarts_where_the_segment_changes(bars: Bars) -> None:
    table = clock_columns(bars)
    parts = [clock_columns(bars[:1_900]), clock_columns(bars[1_900:])]
    np.testing.assert_array_equal(table.values, np.concatenate([part.values for part in parts]))


def test_the_default_set_holds_none_of_them() -> None:
    families = [column.family for column in FeatureSpec().catalogue()]
    assert not {"sessions", "periods"} & set(families)
    full = [column.family for column in FeatureSpec(preset="full").catalogue()]
    assert (full.count("sessions"), full.count("periods")) == (32, 28)


# --- events ------------------------------------------------------------------------------------------------------


def test_finished_sessions_are_listed_with_what_the_columns_show(bars: Bars) -> None:
    table, scale = clock_columns(bars), atr(bars)
    events = smc.sessions(bars)
    assert set(events["name"].tolist()) == set(SESSIONS)
    assert (events["known_at"] > events["last"]).all()
    assert (np.diff(events["known_at"]) >= 0).all()
    for i in range(len(events)):
        name, known = str(events["name"][i]), int(events["known_at"][i])
        inside = np.arange(events["origin"][i], events["last"][i] + 1)
        inside = inside[np.isfinite(bars.close[inside])]
        assert events["top"][i] == bars.high[inside].max()
        assert events["bottom"][i] == bars.low[inside].min()
        assert (events["open"][i], events["close"][i]) == (bars.open[inside[0]], bars.close[inside[-1]])
        assert (table[f"ses_{name}_on"][inside] == 1.0).all()
        if table[f"ses_{name}_on"][known] == 0.0 and np.isfinite(scale[known]):
            assert table[f"ses_{name}_high_dist_atr"][known] == (events["top"][i] - bars.close[known]) / scale[known]
        end = int(events["invalidated_at"][i])
        off = np.arange(known, end if end >= 0 else len(bars))
        assert not (table[f"ses_{name}_on"][off] == 1.0).any()


@pytest.mark.parametrize("period", PERIODS)
def test_previous_levels_are_what_the_columns_show(bars: Bars, period: str) -> None:
    table, scale = clock_columns(bars), atr(bars)
    events = smc.previous_levels(bars, period)
    shown = np.zeros(len(bars), dtype=bool)
    for i in range(len(events)):
        known, end = int(events["known_at"][i]), int(events["invalidated_at"][i])
        force = np.arange(known, end if end >= 0 else len(bars))
        force = force[np.isfinite(bars.close[force])]
        shown[force] = True
        np.testing.assert_array_equal(
            table[f"pp_{period}_high_dist_atr"][force], (events["top"][i] - bars.close[force]) / scale[force]
        )
        for side, column in (("high", "top"), ("low", "bottom")):
            flags = np.flatnonzero(table[f"pp_{period}_broke_{side}"][force] == 1.0)
            assert events[f"broke_{side}_at"][i] == (force[flags[0]] if len(flags) else -1), column
    known_rows = np.isfinite(table[f"pp_{period}_high_dist_atr"])
    np.testing.assert_array_equal(known_rows, shown & np.isfinite(scale))


def test_retracements_are_what_the_columns_show(bars: Bars) -> None:
    names = ("ret_dir", "ret_cur", "ret_deep")
    table = build_features(bars, FeatureSpec(base="M30", columns=names, dtype="float64"))
    levels = (0.25, 0.5, 1.0)
    events = smc.retracements(bars, levels=levels)
    covered = np.zeros(len(bars), dtype=bool)
    assert set(events["side"].tolist()) == {1, -1}
    for i in range(len(events)):
        known, end = int(events["known_at"][i]), int(events["invalidated_at"][i])
        force = np.arange(known, end if end >= 0 else len(bars))
        force = force[np.isfinite(bars.close[force])]
        covered[force] = True
        assert (table["ret_dir"][force] == events["side"][i]).all()
        a, b = events["start_price"][i], events["end_price"][i]
        np.testing.assert_array_equal(table["ret_cur"][force], (b - bars.close[force]) / (b - a))
        assert a in (bars.high[events["start_row"][i]], bars.low[events["start_row"][i]])
        assert b in (bars.high[events["origin"][i]], bars.low[events["origin"][i]])
        for level in levels:
            deep = np.flatnonzero(table["ret_deep"][force] >= level)
            assert events[f"reached_{round(1000 * level)}_at"][i] == (force[deep[0]] if len(deep) else -1)
    np.testing.assert_array_equal(covered, np.isfinite(table["ret_dir"]))


def test_a_session_of_ones_own_may_cross_midnight(draw: Any) -> None:
    bars = draw(96 * 4, start="2024-06-03T00:00")
    night = ("night", "Europe/Berlin", "22:30", "01:00")
    events = smc.sessions(bars, names=(), custom=[night])
    assert len(events) == 4
    assert bars.time[events["origin"]].astype(str).tolist()[0].startswith("2024-06-03T20:30")
    assert (events["last"] - events["origin"] == 9).all()
    both = smc.sessions(bars, names=["london"], custom=[("again", "Europe/London", "08:00", "17:00")])
    first, second = (EventTable({n: both[n][both["name"] == w] for n in both}) for w in ("london", "again"))
    for column in ("origin", "last", "top", "known_at", "invalidated_at"):
        np.testing.assert_array_equal(first[column], second[column])


def test_columns_of_a_session_of_ones_own_across_midnight_and_both_changes_of_clocks(bars: Bars) -> None:
    # The clocks of New York change on 2024-03-10, those of Berlin on 2024-03-31: both lie in the bars.
    custom = [("night", "America/New_York", "22:30", "01:00"), ("again", "Europe/London", "08:00", "17:00")]
    groups = ("sessions", "periods")
    spec = FeatureSpec(
        base=bars.timeframe, preset="full", groups=groups, dtype="float64", settings={"ses.custom": custom}
    )
    table = build_features(bars, spec)
    assert table.names[:32] == clock_columns(bars).names[:32]  # the standard ones stay where they are
    for name in ("on", "frac", "high_dist_atr", "low_dist_atr"):
        np.testing.assert_array_equal(table[f"ses_again_{name}"], table[f"ses_london_{name}"])
    atr = build_features(bars, replace(spec, columns=("atr_wilder_14",)))["atr_wilder_14"]
    events = smc.sessions(bars, names=(), custom=custom[:1])
    for t, moment in enumerate(moments(bars)):
        if np.isnan(bars.close[t]):
            assert np.isnan(table["ses_night_on"][t])
            continue
        wall = moment.astimezone(ZoneInfo("America/New_York"))
        minute = (60 * wall.hour + wall.minute - 22 * 60 - 30) % 1440
        assert table["ses_night_on"][t] == (minute < 150)
        np.testing.assert_equal(table["ses_night_frac"][t], minute / 150 if minute < 150 else np.nan)
        known = np.flatnonzero((events["known_at"] <= t) & (bars.segment[events["origin"]] == bars.segment[t]))
        if minute < 150 or not len(known):
            continue
        np.testing.assert_allclose(
            table["ses_night_high_dist_atr"][t], (events["top"][known[-1]] - bars.close[t]) / atr[t], rtol=1e-12
        )
    assert len(events) > 40


def test_the_day_roll_of_the_columns_is_a_setting(draw: Any) -> None:
    bars = draw(96 * 40, start="2024-06-03T00:00")
    settings = {"day_roll": "00:00 UTC"}
    names = ("atr_wilder_14", *(f"pp_{period}_high_dist_atr" for period in PERIODS))
    table = build_features(bars, FeatureSpec(columns=names, dtype="float64", settings=settings))
    for period in PERIODS:
        events = smc.previous_levels(bars, period, day_roll="00:00 UTC")
        expected = np.full(len(bars), np.nan)
        for i in range(len(events)):
            expected[events["known_at"][i] :] = events["top"][i]
        with np.errstate(invalid="ignore"):
            expected = (expected - bars.close) / table["atr_wilder_14"]
        np.testing.assert_allclose(table[f"pp_{period}_high_dist_atr"], expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("calendar", "roll"),
    [
        (SessionCalendar("America/New_York", "17:00"), "17:00 America/New_York"),
        (SessionCalendar(), "00:00 UTC"),
        (SessionCalendar("Europe/Berlin", "09:00"), "09:00 Europe/Berlin"),
        (SessionCalendar("Asia/Tokyo", end="15:00"), "00:00 Asia/Tokyo"),
    ],
)
def test_the_trading_day_of_the_market(bars: Bars, calendar: SessionCalendar, roll: str) -> None:
    bars = replace(bars, calendar=calendar)
    spec = FeatureSpec(base="M30", preset="full", groups=("periods",), dtype="float64", settings={"day_roll": roll})
    table = build_features(bars, spec)
    market = replace(spec, settings={"day_roll": "market"})
    np.testing.assert_array_equal(build_features(bars, market).values, table.values)
    stream = FeatureStream(market, calendar=calendar, quarantine=())
    for t in range(300):
        row = stream.push(open=bars.open[t], high=bars.high[t], low=bars.low[t], close=bars.close[t], time=bars.time[t])
        np.testing.assert_array_equal(row, table.values[t])
    for period in PERIODS:
        one, other = (smc.previous_levels(bars, period, day_roll=text) for text in (roll, "market"))
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])


def test_days_may_roll_elsewhere(draw: Any) -> None:
    bars = draw(96 * 4, start="2024-06-03T00:00")
    events = smc.previous_levels(bars, "d", day_roll="00:00 UTC")
    assert events["origin"].tolist() == [0, 96, 192]
    assert events["known_at"].tolist() == [96, 192, 288]
    assert events["invalidated_at"].tolist() == [192, 288, -1]


@pytest.mark.parametrize("n", [0, 1, 2])
def test_very_few_bars_give_empty_tables(draw: Any, n: int) -> None:
    few = draw(5)[:n]
    for table in (smc.sessions(few), smc.previous_levels(few), smc.retracements(few)):
        assert len(table) == 0
        assert len(table.names) >= 8


def test_mistakes_are_named(draw: Any) -> None:
    bars = draw(30)
    with pytest.raises(InputError, match="'paris', which is no session"):
        smc.sessions(bars, ["paris"])
    with pytest.raises(InputError, match="twice"):
        smc.sessions(bars, ["london", "london"])
    with pytest.raises(InputError, match="custom must not name a session twice, but names ny"):
        smc.sessions(bars, custom=[("ny", "America/New_York", "09:30", "16:00")])
    with pytest.raises(InputError, match="times from 00:00 to 24:00"):
        smc.sessions(bars, custom=[("x", "UTC", "8", "9")])
    with pytest.raises(InputError, match="the session x the zone 'Mars/Olympus'"):
        smc.sessions(bars, custom=[("x", "Mars/Olympus", "08:00", "09:00")])
    with pytest.raises(InputError, match="custom must hold"):
        smc.sessions(bars, custom=["london"])
    with pytest.raises(InputError, match="period must be"):
        smc.previous_levels(bars, "y")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="day_roll"):
        smc.previous_levels(bars, day_roll="17:00")
    with pytest.raises(InputError, match="levels"):
        smc.retracements(bars, levels=(0.5, 0.5))
    with pytest.raises(InputError, match="b must be Bars"):
        smc.retracements("bars")  # type: ignore[arg-type]
