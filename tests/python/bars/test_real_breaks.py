"""Every shared file: the breaks it holds, row for row, and nothing else; features and labels run on all of them.

`LISTED` is what the description of the data names. `UNLISTED` are bad prints that it does not name: each is a price
that the bars around it contradict. `MARKETS` are moves that happened and open so far away that nobody can tell them
from a split at that bar; they break a segment and are called jumps. VIX is an index of volatility: what looks like a
split there is none.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import smctrain as st
from smctrain.bars import BarSet

pytestmark = pytest.mark.data

SPLITS = {
    ("stock_15m", "AAPL"): {"2020-08-31": 4}, ("stock_15m", "TSLA"): {"2020-08-31": 5},
    ("stock_1h", "IBM"): {"1999-05-27": 2},
    ("stock_1d", "AAPL"): {"2000-06-21": 2, "2005-02-28": 2, "2014-06-09": 7, "2020-08-31": 4},
    ("stock_1d", "AIG"): {"1998-08-03": 1.5, "1999-08-02": 1.25, "2000-07-31": 1.5, "2009-07-01": 1 / 20},
    ("stock_1d", "BAC"): {"2004-08-30": 2}, ("stock_1d", "GOOG"): {"2014-04-03": 2},
    ("stock_1d", "IBM"): {"1999-05-27": 2}, ("stock_1d", "QQQ"): {"2000-03-20": 2},
    ("stock_1d", "IWM"): {"2005-06-09": 2}, ("stock_1d", "EEM"): {"2005-06-09": 3, "2008-07-24": 3},
    ("stock_1d", "TSLA"): {"2020-08-31": 5},
}  # fmt: skip
LISTED = {
    ("stock_1d", "GOOG", "bad_print"): {"2008-09-30"},
    ("stock_1d", "GOOG", "listing"): {"2004-08-19"},
    ("stock_1d", "FB", "ticker_reuse"): {"2012-05-18"},
    ("stock_1d", "EEM", "ticker_reuse"): {"2003-04-11"},
    ("crypto_15m", "UNIUSDT", "listing"): {"2020-09-17"},
    ("crypto_1h", "XRPUSDT", "listing"): {"2018-05-04"},
}  # fmt: skip
UNLISTED = {
    ("stock_1d", "GOOG", "bad_print"): {"2007-12-18"},
    ("stock_1d", "AAPL", "bad_print"): {"2009-09-21", "2010-08-31", "2011-01-03"},
    ("stock_1d", "AIG", "bad_print"): {"2003-11-04", "2009-05-05"},
    ("stock_1d", "BAC", "bad_print"): {"1998-04-24", "2001-11-12"},
    ("stock_1d", "IBM", "bad_print"): {"2002-11-07", "2002-12-23"},
    ("stock_1d", "IWM", "bad_print"): {"2008-09-19"},
    ("stock_1d", "QQQ", "bad_print"): {"2004-11-01"},
    ("stock_1h", "IBM", "bad_print"): {"2000-07-20", "2002-08-26", "2002-11-07", "2002-12-23"},
    ("crypto_1h", "ETHUSDT", "bad_print"): {"2017-08-22"},
}  # fmt: skip
MARKETS = {
    ("stock_1d", "AAPL", "jump"): {"2000-09-29"},
    ("stock_1d", "AIG", "jump"): {"2008-09-16", "2008-09-19"},
    ("stock_1d", "INTC", "jump"): {"2000-09-22"},
}  # fmt: skip
VIX = ("index_1d", "VIX")

# (bars, rows that labels and training may not use) of files that have such rows
SET_ASIDE = {
    ("crypto_15m", "UNIUSDT"): [0], ("crypto_1h", "XRPUSDT"): [0], ("crypto_1h", "ETHUSDT"): [120],
    ("stock_1d", "GOOG"): [0, 839, 1036], ("stock_1d", "FB"): range(716), ("stock_1d", "EEM"): range(722),
}  # fmt: skip

Market = dict[tuple[str, str], tuple[BarSet, str]]


@pytest.fixture(scope="module")
def market(data_folder: Path) -> Market:
    """All series of all folders but the terminal exports: (folder, symbol) -> bars of the folder, timeframe."""
    series: Market = {}
    for folder in sorted(path for path in data_folder.iterdir() if path.is_dir()):
        if folder.name in ("licenses", "mt5"):
            continue
        bars = st.read_bars(folder, fix=("sort", "drop-duplicates"))
        assert not bars.failures
        for symbol in bars.symbols:
            series[folder.name, symbol] = (bars, bars[symbol].base.timeframe)
    return series


def test_every_kind_of_data_is_there(market: Market) -> None:
    assert len(market) == 45
    assert {timeframe for _, timeframe in market.values()} == {"M15", "M30", "H1", "H4", "D1"}


def test_the_breaks_of_every_file_are_those_that_are_there(market: Market) -> None:
    expected: dict[tuple[str, str, str], set[str]] = {}
    for table in (LISTED, UNLISTED, MARKETS):
        for key, days in table.items():
            expected[key] = expected.get(key, set()) | days
    expected |= {(*key, "split"): set(days) for key, days in SPLITS.items()}
    found: dict[tuple[str, str, str], set[str]] = {}
    for (folder, symbol), (bars, timeframe) in market.items():
        if (folder, symbol) == VIX:
            continue
        b = bars[symbol, timeframe]
        for record in b.quarantines:
            day = str(b.time[record.origin].astype("datetime64[D]"))
            found.setdefault((folder, symbol, record.kind), set()).add(day)
            assert record.known_at == record.origin
            if record.kind == "split":
                assert record.factor == pytest.approx(SPLITS[folder, symbol][day])
    assert found == expected


def test_splits_and_prints_border_segments_and_real_crashes_inside_a_bar_do_not(market: Market) -> None:
    for (folder, symbol), days in SPLITS.items():
        bars, timeframe = market[folder, symbol]
        b = bars[symbol, timeframe]
        starts = {str(day) for day in b.time[1:][np.diff(b.segment) > 0].astype("datetime64[D]")}
        assert set(days) <= starts
    for folder, symbol, moment in (
        ("fx_1h", "USDCHF", "2015-01-15T09:00"), ("fx_4h", "EURCHF", "2015-01-15T08:00"),
        ("fx_4h", "EURCHF", "2011-09-06T08:00"), ("commodity_1h", "XAGUSD", "2011-05-01T22:00"),
        ("fx_1h", "GBPUSD", "2016-10-06T23:00"), ("crypto_15m", "UNIUSDT", "2021-05-19T12:45"),
        ("stock_1d", "AIG", "2008-09-15"), ("stock_1d", "AAPL", "2010-05-06"), ("stock_1d", "FB", "2018-07-26"),
    ):  # fmt: skip
        bars, timeframe = market[folder, symbol]
        b = bars[symbol, timeframe]
        t = int(np.searchsorted(b.time, np.datetime64(moment)))
        assert b.segment[t - 1] == b.segment[t], (symbol, moment)
        assert b.quarantine is None or not b.quarantine[t]


def test_the_rows_set_aside_are_those_of_the_prints_and_of_the_other_security(market: Market) -> None:
    for (folder, symbol), rows in SET_ASIDE.items():
        bars, timeframe = market[folder, symbol]
        marked = bars[symbol, timeframe].quarantine
        assert marked is not None
        assert np.flatnonzero(marked).tolist() == list(rows)
    untouched = [b[s, tf].quarantine is None for (f, s), (b, tf) in market.items() if f.startswith(("fx", "index_1h"))]
    assert all(untouched)


def test_reused_symbols_and_splits_are_named_in_the_issues(market: Market) -> None:
    bars, _ = market["stock_1d", "AIG"]
    issues = {(i.symbol, i.kind): i for i in bars.issue_list}
    assert issues["AIG", "split"].example == (
        "1998-08-03 3:2; 1999-08-02 5:4; 2000-07-31 3:2; 2009-07-01 1:20: a segment starts at each"
    )
    assert issues["FB", "ticker_reuse"].example == (
        "2012-05-18 another security after 3339 days without bars: all bars before are set aside"
    )
    assert issues["GOOG", "bad_print"].count == 2
    assert "2008-09-30 from 0.01 to 489.36, close 294.57" in issues["GOOG", "bad_print"].example
    assert issues["GOOG", "listing"].first_row == 2
    assert issues["AAPL", "jump"].example.startswith(
        "2000-09-29 opens at 0.5257 times the previous close: like a split"
    )
    assert {("QQQ", "ticker_reuse"), ("SPY", "bad_print"), ("SPY", "jump")}.isdisjoint(issues)


@pytest.mark.parametrize("symbol", ["GOOG", "FB", "AIG"])
def test_reading_fewer_bars_changes_no_segment_and_no_feature_of_those_read(market: Market, symbol: str) -> None:
    """Around every break: what later bars reveal only marks rows, it rewrites nothing."""
    b = market["stock_1d", symbol][0][symbol, "D1"]
    frame = b.to_pandas().reset_index().drop(columns=["spread"], errors="ignore").assign(symbol=symbol, timeframe="D1")
    whole = st.build_features(b).values
    cuts = sorted({r.known_at + shift for r in b.quarantines for shift in (0, 1, 2, 30)})
    for n in (n for n in cuts if 0 < n <= len(b)):
        part = st.read_bars(frame[:n], digits=b.digits)[symbol, "D1"]
        assert np.array_equal(part.segment, b.segment[:n])
        assert part.quarantines == tuple(r for r in b.quarantines if r.known_at < n)
        assert np.array_equal(st.build_features(part).values, whole[:n], equal_nan=True)


# (folder, symbol, kind) -> count, as the description of the data has it
DIRT = {
    ("crypto_1h", "BTCUSD", "disorder"): 5, ("crypto_1h", "BTCUSD", "zero_volume"): 28,
    ("crypto_15m", "UNIUSDT", "duplicate"): 1, ("index_1d", "VIX", "ohlc"): 47,
    ("index_1d", "VIX", "constant_volume"): 8061, ("fx_1h", "EURUSD", "constant_volume"): 74_439,
    ("fx_1h", "NZDUSD", "constant_volume"): 74_451, ("stock_1d", "MSFT", "zero_volume"): 506,
    ("fx_1h", "GBPUSD", "gap"): 13, ("fx_1h", "USDJPY", "gap"): 13, ("fx_1h", "USDCHF", "gap"): 14,
    ("fx_1h", "AUDJPY", "gap"): 16, ("fx_1h", "XAUUSD", "gap"): 1776, ("fx_4h", "EURUSD", "gap"): 10,
    ("commodity_1h", "XAGUSD", "gap"): 1577, ("crypto_30m", "BTCUSD", "gap"): 59, ("fx_1d", "AUDUSD", "gap"): 2,
}  # fmt: skip


def test_the_dirt_that_the_description_lists_is_reported_with_its_count(market: Market) -> None:
    found = {(f, i.symbol, i.kind): i.count for (f, _), (bars, _) in market.items() for i in bars.issue_list}
    assert {key: found.get(key) for key in DIRT} == DIRT
    # Nothing but dirt that is there: no file of currencies or metals has anything but pauses and flat bars.
    kinds = {key[2] for key in found if key[0].startswith(("fx", "commodity", "index_1h"))}
    assert kinds <= {"gap", "flat_run", "constant_volume", "zero_volume"}


def test_features_and_labels_run_on_every_file(market: Market) -> None:
    """No crash, no infinite value, labels wherever a window fits; warm-up is the only reason for a column of NaN."""
    for (folder, symbol), (bars, timeframe) in market.items():
        b = bars[symbol, timeframe]
        table = st.build_features(b)
        assert table.values.shape[0] == len(b)
        assert not np.isinf(table.values).any(), (folder, symbol)
        silent = {
            name for name, any_ in zip(table.names, np.isfinite(table.values).any(axis=0), strict=True) if not any_
        }
        no_volume = b.volume is None or not np.any(b.volume)
        expected = {"vol_rel_20", "obv_slope_20", "mfi_14"} if no_volume else set()
        if timeframe == "D1":  # a day has no minute
            expected |= {"cal_utc_minute_sin", "cal_utc_minute_cos"}
        assert silent == expected, (folder, symbol)
        labels = st.triple_barrier(b, horizon=20)
        ok = labels.status == "ok"
        usable = np.ones(len(b), dtype=bool) if b.quarantine is None else ~b.quarantine
        assert ok[usable[labels.t0]].mean() > 0.9, (folder, symbol)
        assert np.all(b.segment[labels.t0[ok]] == b.segment[labels.t1[ok]])
        assert set(np.unique(labels.y[ok])) <= {-1.0, 0.0, 1.0}
        assert set(np.unique(labels.status)) <= {"ok", "open", "bad_risk", "quarantine"}


def test_no_label_window_touches_a_bar_set_aside(market: Market) -> None:
    for folder, symbol in SET_ASIDE:
        bars, timeframe = market[folder, symbol]
        b = bars[symbol, timeframe]
        assert b.quarantine is not None
        labels = st.triple_barrier(b, horizon=20)
        before = np.concatenate(([0], np.cumsum(b.quarantine)))
        ok = labels.status == "ok"
        assert not np.any(before[labels.t1[ok] + 1] - before[labels.t0[ok]])
        assert np.any(labels.status == "quarantine")


def test_sessions_of_stocks_are_their_trading_dates(market: Market) -> None:
    bars, timeframe = market["stock_15m", "AAPL"]
    b = bars["AAPL", timeframe]
    sessions, counts = np.unique(b.session, return_counts=True)
    assert len(sessions) == 1239
    assert (counts != 26).sum() == 92
    daily = st.bars.resample(b, "D1", calendar="XNYS")
    assert np.array_equal(daily.session, sessions[: len(daily)])
    assert len(sessions) - len(daily) <= 1
    last = np.flatnonzero(np.diff(b.session, append=-1))[: len(daily)]
    assert np.array_equal(daily.close, b.close[last])
    assert np.all(daily.time_close >= b.time_close[last])


def test_hours_of_a_session_end_with_it(data_folder: Path) -> None:
    bars = st.read_bars(data_folder / "stock_1h" / "SPY.csv.gz", calendar="XNYS")["SPY", "H1"]
    assert bars.ends is None  # these files have their hours from 09:00
    half = bars.time + np.timedelta64(30, "m")
    b = replace(bars, time=half, ends=bars.calendar.closes(half, bars.seconds))
    cut = b.time_close - b.time < np.timedelta64(1, "h")
    assert 0.9 < cut.sum() / len(np.unique(b.session)) <= 1.0  # the bar of 15:30 closes at 16:00
