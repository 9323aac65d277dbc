"""No reading of any column, event or label is rewritten by later bars, and the replay would see it if one were."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import smctrain as st
from smctrain.bars.resample import resample
from smctrain.bars.types import TIMEFRAME_SECONDS, Bars, SymbolBars
from smctrain.exceptions import InputError
from smctrain.features import EventTable
from smctrain.testing import ReplayReport, ohlc_paths, replay
from smctrain.testing import replaying as replaying

pd = pytest.importorskip("pandas")


def with_dirt(b: Bars) -> Bars:
    """Three bars without prices, and a border that a stream cannot see by itself."""
    columns = {name: getattr(b, name).copy() for name in ("open", "high", "low", "close")}
    for values in columns.values():
        values[[100, 101, 500]] = np.nan
    return replace(b, **columns, segment=(np.arange(len(b)) >= 333).astype(np.int32))


def all_of(report: ReplayReport) -> None:
    assert report.rewritten == 0, report.changed
    sources = {column.source for column in report.columns}
    assert {"stream", "label inputs", "triple_barrier", *st.smc.__all__} <= sources
    names = {column.column for column in report.columns if column.source == "stream"}
    assert {column.name for column in st.FeatureSpec(preset="full").catalogue()} <= names
    for source in sources - {"previous_levels w"}:  # a whole week is more than most of these bars
        assert max(column.readings for column in report.columns if column.source == source) > 0, source


@pytest.mark.parametrize("kind", ["G3", "G4"])
def test_nothing_is_rewritten_on_drawn_bars(kind: str) -> None:
    report = replay(ohlc_paths(kind, 1200 if kind == "G4" else 500, seed=1), cuts=200)
    all_of(report)
    weeks = [column for column in report.columns if column.source == "previous_levels w"]
    assert (weeks[0].readings > 0) == (kind == "G4")


def test_nothing_is_rewritten_around_missing_bars_and_borders() -> None:
    all_of(replay(with_dirt(ohlc_paths("G2", 700, seed=2)), cuts=200))


def test_nothing_is_rewritten_on_drawn_real_bars_with_higher_timeframes(mt5: Any) -> None:
    read = st.read_bars(mt5, symbols=["EURUSD"])["EURUSD"]
    base = ohlc_paths("G5", 800, seed=3, bars=read["M15"])
    all_of(replay(SymbolBars("EURUSD", {"M15": base, "H1": resample(base, "H1")}), cuts=200))


# --- it would be seen ---


def test_code_that_knows_the_future_rewrites_readings() -> None:
    b = ohlc_paths("G2", 300, seed=1)

    def of(code: Any) -> int:
        return replay(b, code, cuts=80).rewritten

    assert of(lambda f: f[["close"]].shift(-1)) > 0
    assert of(lambda f: f["close"].rolling(11, center=True).mean().to_frame("ma")) > 0
    assert of(lambda f: ((f["close"] - f["close"].mean()) / f["close"].std()).to_frame("z")) > 0
    assert of(lambda f: f["close"].where(f.index.minute == 0).bfill().to_frame("next")) > 0
    assert of(lambda f: f["close"].pct_change().rolling(5).sum().to_frame("r")) == 0


def test_every_rewritten_reading_is_counted_once() -> None:
    b = ohlc_paths("G1", 200, seed=1)
    report = replay(b, lambda f: pd.DataFrame({"next": f["close"].shift(-1), "now": f["close"]}), cuts=200)
    next_close, now = report.columns
    assert (next_close.rewritten, next_close.first_row) == (199, 0)  # all but the last row
    assert (now.rewritten, now.first_row) == (0, -1)
    assert report.changed == [next_close]


@pytest.mark.parametrize("name", ["swing_highs_lows", "ob", "liquidity", "bos_choch"])
def test_the_popular_package_rewrites_its_readings(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMC_CREDIT", "0")
    package = pytest.importorskip("smartmoneyconcepts").smc

    def columns(f: Any) -> Any:
        plain = f.reset_index(drop=True)
        swings = package.swing_highs_lows(plain, swing_length=10)
        return (swings if name == "swing_highs_lows" else getattr(package, name)(plain, swings)).set_axis(f.index)

    assert replay(ohlc_paths("G2", 300, seed=1), columns, cuts=70).rewritten > 0


def test_an_event_that_is_listed_before_it_is_known_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = st.smc.swings

    def early(b: Bars, **options: Any) -> EventTable:
        columns = dict(honest(b, **options).columns)
        return EventTable({**columns, "known_at": columns["origin"]})

    monkeypatch.setattr(st.smc, "swings", early)
    report = replay(ohlc_paths("G2", 300, seed=1), parts=["events"])
    assert {column.source for column in report.changed} == {"swings", "swings 2+7"}


def test_an_event_that_is_edited_later_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = st.smc.fair_value_gaps

    def edited(b: Bars, **options: Any) -> EventTable:
        table = honest(b, **options)
        return EventTable({**table.columns, "top": np.where(table["touched_at"] >= 0, table["bottom"], table["top"])})

    monkeypatch.setattr(st.smc, "fair_value_gaps", edited)
    report = replay(ohlc_paths("G2", 300, seed=1), parts=["events"])
    assert {(c.source, c.column) for c in report.changed} == {
        ("fair_value_gaps", "top"),
        ("fair_value_gaps unmerged wick", "top"),
    }


def test_a_label_given_before_its_window_is_over_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = replaying.trend_scanning

    def hasty(b: Bars, max_length: int) -> Any:
        labels = honest(b, max_length)
        status = labels.status_code.copy()
        status[:] = 0  # the last rows say 0 now and something else later
        return replace(labels, status_code=status, y=np.nan_to_num(labels.y))

    monkeypatch.setattr(replaying, "trend_scanning", hasty)
    report = replay(ohlc_paths("G2", 300, seed=1), parts=["labels"])
    assert {column.source for column in report.changed} == {"trend_scanning"}


def test_a_stream_that_differs_from_the_batch_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = replaying.build_features

    def rewritten(bars: Any, spec: Any) -> Any:
        table = honest(bars, spec)
        values = table.values.copy()
        values[:-1, 3] = np.nextafter(values[:-1, 3], values[1:, 3])
        return replace(table, values=values)

    monkeypatch.setattr(replaying, "build_features", rewritten)
    report = replay(ohlc_paths("G2", 300, seed=1), st.FeatureSpec(), parts=["columns"])
    assert [column.column for column in report.changed] == [st.FeatureSpec().catalogue()[3].name]
    assert report.rewritten > 200


def test_mistakes_are_named() -> None:
    b = ohlc_paths("G1", 100)
    with pytest.raises(InputError, match="cuts must be an integer of at least 1"):
        replay(b, cuts=0)
    with pytest.raises(InputError, match="parts must be of"):
        replay(b, parts=["features"])
    with pytest.raises(InputError, match=r"spec\.base is H1"):
        replay(b, st.FeatureSpec(base="H1"))
    for n in (1, 2):
        assert replay(b[:n]).rewritten == 0


@pytest.mark.parametrize("timeframe", ["H4", "D1", "W1"])
def test_long_bars_are_replayed_with_the_targets_that_fit_them(timeframe: str) -> None:
    b = st.simulate_market(1, 90, seed=3)["SIM1"].base
    step = np.timedelta64(TIMEFRAME_SECONDS[timeframe], "s")
    long = replace(b, timeframe=timeframe, time=np.datetime64("2020-01-06", "ns") + np.arange(len(b)) * step)
    report = replay(long, cuts=10, parts=["labels"])
    assert report.rewritten == 0
    assert "fwd_ret_12b" in {entry.source for entry in report.columns}
