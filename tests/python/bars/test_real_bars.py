"""Real files: known shapes, known dirt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import smctrain as st
from smctrain.bars import resample
from smctrain.exceptions import BarError

pytestmark = pytest.mark.data


def test_terminal_exports_load_with_volume_and_spread(mt5: Path) -> None:
    """mission 1"""
    bars = st.read_bars(mt5)
    assert not bars.failures
    assert len(bars) == 11
    assert sum(len(symbol) for symbol in bars.values()) == 31
    assert list(bars["XAUUSD"]) == ["M15"]
    assert list(bars["EURUSD"]) == ["M15", "H1", "H4"]
    assert all(len(frame) == 10_000 for symbol in bars.values() for frame in symbol.values())
    eurusd = bars["EURUSD", "M15"]
    assert eurusd.digits == 5
    assert bars["USDJPY", "M15"].digits == 3
    assert eurusd.volume is not None
    assert eurusd.spread is not None
    assert (eurusd.open[0], eurusd.volume[0], eurusd.spread[0]) == (1.11971, 692.0, 2.0)
    for column in (eurusd.open, eurusd.high, eurusd.low, eurusd.close):
        assert np.array_equal(column, np.round(column, 5))
    assert np.all(eurusd.segment == 0)
    assert {issue.kind for issue in bars.issue_list} == {"naive_time", "gap"}


def test_the_export_holds_prices_that_only_snapping_makes_equal(mt5: Path) -> None:
    import gzip

    text = gzip.decompress((mt5 / "EURUSD_M15.csv.gz").read_bytes()) + gzip.decompress(
        (mt5 / "EURUSD_H1.csv.gz").read_bytes()
    )
    assert b"1.1255600000000001" in text
    bars = st.read_bars(mt5, symbols="EURUSD")["EURUSD"]
    assert any(np.any(column == 1.12556) for b in bars.values() for column in (b.open, b.high, b.low, b.close))
    assert not any(np.any(b.close == 1.1255600000000001) for b in bars.values())


def test_hourly_bars_resample_to_the_four_hours_of_the_terminal(mt5: Path) -> None:
    frames = st.read_bars(mt5, symbols="EURUSD")["EURUSD"]
    made, given = resample(frames["H1"], "H4"), frames["H4"]
    both, i, j = np.intersect1d(made.time[1:-1], given.time, return_indices=True)
    assert len(both) > 2000
    for name in ("open", "high", "low", "close"):
        assert np.mean(getattr(made, name)[1:-1][i] == getattr(given, name)[j]) > 0.99


def test_plain_symbol_files_load_with_the_timeframe_of_their_steps(data_folder: Path) -> None:
    bars = st.read_bars(data_folder / "fx_1h", symbols=["EURUSD", "USDJPY"])
    assert list(bars["EURUSD"]) == ["H1"]
    assert len(bars["EURUSD", "H1"]) == 74_439
    found = {(i.symbol, i.kind): i for i in bars.issue_list}
    assert found["EURUSD", "constant_volume"].count == 74_439
    assert found["USDJPY", "gap"].count == 13
    assert found["USDJPY", "gap"].example.endswith("331 bars missing in all")
    assert ("EURUSD", "naive_time") not in found


def test_stock_splits_start_segments(data_folder: Path) -> None:
    aapl = st.read_bars(data_folder / "stock_1d" / "AAPL.csv.gz")["AAPL", "D1"]
    borders = {str(day) for day in aapl.time[1:][np.diff(aapl.segment) > 0].astype("datetime64[D]")}
    assert {"2000-06-21", "2005-02-28", "2014-06-09", "2020-08-31"} <= borders
    assert "2001-09-17" in borders  # closed for six days
    assert "2000-09-29" in borders  # a real crash that opens like a split: nobody can tell at that bar
    prints = {str(aapl.time[r.origin].astype("datetime64[D]")) for r in aapl.quarantines if r.kind == "bad_print"}
    assert prints == {"2009-09-21", "2010-08-31", "2011-01-03"}  # lows of 10.59, 25.3 and 32.65 under 184, 243 and 330
    assert len(borders) == 6 + 2 * len(prints)


def test_an_exact_duplicate_and_disorder_in_real_files(data_folder: Path) -> None:
    with pytest.raises(BarError, match=r"UNIUSDT\.csv\.gz, row \d+: 2021-12-11 09:45 a second time \(1 such row\)"):
        st.read_bars(data_folder / "crypto_15m")
    with pytest.raises(BarError, match=r"BTCUSD\.csv\.gz, row .* is a step back in time \(5 such rows\)"):
        st.read_bars(data_folder / "crypto_1h" / "BTCUSD.csv.gz")
    fixed = st.read_bars(data_folder / "crypto_1h" / "BTCUSD.csv.gz", fix="sort")["BTCUSD", "H1"]
    assert len(fixed) == 20_111
    assert np.all(np.diff(fixed.time) > np.timedelta64(0))


def test_ohlc_faults_below_the_limit_are_reported(data_folder: Path) -> None:
    bars = st.read_bars(data_folder / "index_1d")
    issue = next(i for i in bars.issue_list if i.kind == "ohlc")
    assert issue.count == 47  # 20 rows by their high, 27 by their low
