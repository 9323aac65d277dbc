"""The panel: which rows it has, and what its cross-sectional columns say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from panel_bars import SPEC, walk

import smctrain as st
from smctrain import Bars, FeatureSpec, Panel, build_features, build_panel
from smctrain.exceptions import InputError

XS = ("ret_1", "rsi_sma_14", "cd_clv")


def by_name(panel: Panel) -> pd.DataFrame:
    """Rows under (time, symbol), so that panels of different symbols compare."""
    frame = panel.to_pandas().reset_index()
    return frame.astype({"symbol": str}).set_index(["time", "symbol"])


def test_every_bar_is_one_row_under_its_closing_time(market: dict[str, Bars]) -> None:
    panel = build_panel(market, SPEC)
    assert len(panel) == sum(len(bars) for bars in market.values())
    assert panel.names == list(SPEC.columns or ())
    assert np.all(np.lexsort((panel.symbol, panel.time)) == np.arange(len(panel)))
    for code, name in enumerate(panel.symbols):
        rows = np.flatnonzero(panel.symbol == code)
        table = build_features(market[name], SPEC)
        np.testing.assert_array_equal(panel.row[rows], np.arange(len(table)))
        np.testing.assert_array_equal(panel.time[rows], market[name].time_close)
        np.testing.assert_array_equal(panel.values[rows], table.values)
        np.testing.assert_array_equal(panel.settled[rows], table.settled)
    stamps, counts = np.unique(panel.time, return_counts=True)
    np.testing.assert_array_equal(panel.stamps, stamps)
    np.testing.assert_array_equal(np.diff(panel.start), counts)
    np.testing.assert_array_equal(panel.count, np.repeat(counts, counts))


def test_ranks_and_z_scores_are_those_of_pandas(market: dict[str, Bars]) -> None:
    panel = build_panel(market, SPEC, cross_section=XS, min_count=4)
    frame = panel.to_pandas()[list(XS)].astype(np.float64)
    groups = frame.groupby(level="time")
    n = groups.transform("count")
    rank = ((groups.rank() - 1) / (n - 1)).where(n >= 4)
    z = ((frame - groups.transform("mean")) / groups.transform("std")).where(n >= 4)
    for name in XS:
        assert 0 < np.isfinite(panel[f"xs_rank_{name}"]).mean() < 1
        np.testing.assert_allclose(panel[f"xs_rank_{name}"], rank[name], rtol=1e-6)
        np.testing.assert_allclose(panel[f"xs_z_{name}"], z[name], rtol=1e-5, atol=1e-6)


def test_the_same_columns_can_be_added_later_and_alone(market: dict[str, Bars]) -> None:
    panel = build_panel(market, SPEC, cross_section=XS, min_count=4)
    later = build_panel(market, SPEC).cross_section(XS, min_count=4)
    assert later.names == panel.names == [*(SPEC.columns or ()), *(f"xs_{k}_{c}" for c in XS for k in ("rank", "z"))]
    np.testing.assert_array_equal(later.values, panel.values)
    ranks = build_panel(market, replace(SPEC, dtype="float64"), cross_section=["ret_1"], kinds=["rank"], min_count=4)
    assert ranks.names[len(SPEC.columns or ()) :] == ["xs_rank_ret_1"]
    np.testing.assert_allclose(ranks["xs_rank_ret_1"], panel["xs_rank_ret_1"], rtol=1e-6)
    info = panel.catalogue[panel.names.index("xs_z_ret_1")]
    assert (info.family, info.unit, info.role, info.warmup) == ("cross_section", "sd", "feature", 1)


def test_rows_outside_where_neither_count_nor_get_a_value(market: dict[str, Bars]) -> None:
    panel = build_panel(market, SPEC)
    where = panel.symbol != 2
    some = panel.cross_section(["cd_clv"], min_count=3, where=where)
    rest = build_panel(
        {name: b for name, b in market.items() if name != "CC"}, SPEC, cross_section=["cd_clv"], min_count=3
    )
    np.testing.assert_array_equal(some["xs_z_cd_clv"][where], rest["xs_z_cd_clv"])
    assert np.isnan(some["xs_z_cd_clv"][~where]).all()


@pytest.mark.parametrize("cut", [25, 60, 118])
def test_later_bars_never_change_an_earlier_row(market: dict[str, Bars], cut: int) -> None:
    whole = build_panel(market, SPEC, cross_section=XS, min_count=2)
    until = np.datetime64("2024-01-01", "ns") + np.timedelta64(cut, "h")
    part = {name: b[: int(np.sum(b.time_close <= until))] for name, b in market.items()}
    panel = build_panel(part, SPEC, cross_section=XS, min_count=2)
    n = int(np.sum(whole.time <= until))
    assert len(panel) == n > 0
    np.testing.assert_array_equal(panel.values, whole.values[:n])


def test_a_symbol_that_starts_later_never_changes_earlier_stamps(market: dict[str, Bars]) -> None:
    before = by_name(build_panel(market, SPEC, cross_section=XS, min_count=2))
    newcomer = walk("AB", first=70)
    after = by_name(build_panel({**market, "AB": newcomer}, SPEC, cross_section=XS, min_count=2))
    arrived = pd.Timestamp(newcomer.time_close[0], tz="UTC")
    stamps = after.index.get_level_values("time")
    pd.testing.assert_frame_equal(after[stamps < arrived], before[before.index.get_level_values("time") < arrived])
    assert (
        not after[stamps >= arrived]
        .drop(index="AB", level="symbol")
        .equals(before[before.index.get_level_values("time") >= arrived])
    )


def test_order_and_names_of_symbols_change_no_bit(market: dict[str, Bars]) -> None:
    panel = build_panel(market, SPEC, cross_section=XS, min_count=2)
    turned = build_panel(dict(reversed(market.items())), SPEC, cross_section=XS, min_count=2)
    np.testing.assert_array_equal(turned.values, panel.values)
    new_name = dict(zip(market, ["Z", "Y", "X", "W", "V", "U"], strict=True))
    renamed = build_panel({new_name[name]: b for name, b in market.items()}, SPEC, cross_section=XS, min_count=2)
    expected = by_name(panel).rename(index=new_name, level="symbol").sort_index()
    pd.testing.assert_frame_equal(by_name(renamed), expected, check_exact=True)


def test_ties_share_their_rank_and_equal_values_have_no_z_score() -> None:
    flat = {name: walk(name, n=8, missing=0) for name in ("A", "B", "C")}
    flat = {n: replace(b, open=b.low, close=b.low) for n, b in flat.items()}  # cd_clv is 0 everywhere
    panel = build_panel(flat, SPEC, cross_section=["cd_clv"], min_count=3)
    assert (panel["xs_rank_cd_clv"] == 0.5).all()
    assert np.isnan(panel["xs_z_cd_clv"]).all()


def test_one_symbol_is_in_the_middle_of_itself() -> None:
    panel = build_panel({"A": walk("A", n=30)}, SPEC, cross_section=["cd_clv", "sma_20"], min_count=1)
    assert (panel["xs_rank_cd_clv"] == 0.5).all()
    assert np.isnan(panel["xs_z_cd_clv"]).all()
    np.testing.assert_array_equal(np.isnan(panel["xs_rank_sma_20"]), np.isnan(panel["sma_20"]))
    with pytest.raises(InputError, match="min_count must be at most 1, the number of symbols, but is 10"):
        build_panel({"A": walk("A", n=5)}, SPEC, cross_section=["cd_clv"])


def test_a_column_without_any_value_stays_empty() -> None:
    short = {name: walk(name, n=6) for name in "ABC"}
    panel = build_panel(short, SPEC, cross_section=["sma_20"], min_count=1)
    assert np.isnan(panel.values[:, [3, 4, 5]]).all()


def test_symbols_without_bars_have_no_rows() -> None:
    panel = build_panel({"A": walk("A", n=40), "B": walk("B")[:0]}, SPEC, cross_section=["ret_1"], min_count=1)
    assert panel.symbols == ("A", "B")
    assert (panel.symbol == 0).all()
    nothing = build_panel({"B": walk("B")[:0]}, SPEC, cross_section=["ret_1"], min_count=1)
    assert nothing.values.shape == (0, 6)
    assert len(nothing.target("fwd_rank_2h", min_count=1)) == 0
    assert len(nothing.sample(5)) == 0
    assert len(nothing.intervals("2h")[1]) == 0


def test_thin_stamps_and_old_rows_can_be_left_out_without_changing_the_rest(market: dict[str, Bars]) -> None:
    panel = build_panel(market, SPEC, cross_section=XS, min_count=2)
    thick = build_panel(market, SPEC, cross_section=XS, min_count=2, min_symbols=5)
    np.testing.assert_array_equal(thick.values, panel.values[panel.count >= 5])
    assert thick.count.min() == 5
    newest = build_panel(market, SPEC, cross_section=XS, min_count=2, max_rows=100)
    assert 94 < len(newest) <= 100
    np.testing.assert_array_equal(newest.values, panel.values[-len(newest) :])
    np.testing.assert_array_equal(newest.row, panel.row[-len(newest) :])
    with pytest.raises(InputError, match=r"max_rows must leave room for one stamp, but is 2"):
        build_panel({name: walk(name, missing=0) for name in "ABC"}, SPEC, max_rows=2)


def test_taken_rows_keep_their_values(market: dict[str, Bars]) -> None:
    panel = build_panel(market, SPEC, cross_section=XS, min_count=2)
    chosen = panel.take(panel.symbol == 1)
    np.testing.assert_array_equal(chosen.values, panel.values[panel.symbol == 1])
    assert (chosen.count == 1).all()
    np.testing.assert_array_equal(panel.take(np.flatnonzero(panel.count >= 4)).count, panel.count[panel.count >= 4])
    assert len(panel.take([])) == 0
    for wrong in ([3, 2], [-1, 2], [1, len(panel)], [1, 1]):
        with pytest.raises(InputError, match="rows must ascend"):
            panel.take(wrong)
    with pytest.raises(InputError, match="rows must be one bool a row"):
        panel.take(np.ones(3, dtype=bool))


def test_a_simulated_market_makes_a_panel_with_its_higher_timeframes() -> None:
    market = st.simulate_market(n_symbols=3, n_bars=400)
    panel = st.build_panel(market, cross_section=["natr_14"], min_count=3)
    assert panel.symbols == ("SIM1", "SIM2", "SIM3")
    assert panel.values.shape == (1200, len(st.build_features(market["SIM1"]).names) + 2)
    assert repr(panel) == f"Panel(3 symbols, 400 stamps: 1200 rows, {len(panel.names)} columns)"


def test_faults_are_named() -> None:
    good, twice = walk("A"), walk("B")
    twice = replace(twice, time=np.concatenate([twice.time[:8], twice.time[7:-1]]))
    with pytest.raises(InputError, match=r"B: bars must have strictly ascending times, but row 8 has the time of"):
        build_panel({"A": good, "B": twice}, SPEC)
    with pytest.raises(InputError, match=r"A has no M15 bars, the base of the panel, but only H1"):
        build_panel({"A": good}, replace(SPEC, base="M15"))
    with pytest.raises(InputError, match=r"A has H1 and B H4"):
        build_panel({"A": good, "B": replace(good, timeframe="H4")})
    with pytest.raises(InputError, match=r"cross_section holds 'ret_7', which is not a column"):
        build_panel({"A": good}, SPEC, cross_section=["ret_7"])
    with pytest.raises(InputError, match=r"must be a sequence of column names"):
        build_panel({"A": good}, SPEC, cross_section="ret_1")
    with pytest.raises(InputError, match=r"cross_section would add xs_rank_ret_1, which is there already"):
        build_panel({"A": good}, SPEC, cross_section=["ret_1", "ret_1"], min_count=1)
    with pytest.raises(InputError, match=r'kinds must be "rank" and "z", but hold \'q\''):
        build_panel({"A": good}, SPEC, kinds=["q"])
    with pytest.raises(InputError, match=r"min_count must be an integer of at least 1, but is 0"):
        build_panel({"A": good}, SPEC, min_count=0)
    with pytest.raises(InputError, match=r"bars must hold at least one symbol"):
        build_panel({}, SPEC)
    with pytest.raises(InputError, match=r"bars must be a BarSet or a mapping of symbol to Bars, but is Bars"):
        build_panel(good, SPEC)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"bars must hold Bars, but A is int"):
        build_panel({"A": 1}, SPEC)  # type: ignore[dict-item]
    with pytest.raises(InputError, match=r"the panel has no column 'x'"):
        build_panel({"A": good}, SPEC)["x"]


@pytest.mark.data
def test_real_symbols_meet_where_their_hours_do(mt5: Path) -> None:
    bars = st.read_bars(mt5)
    spec = FeatureSpec(base="M15", higher=(), columns=("natr_14",))
    panel = st.build_panel(bars, spec, cross_section=["natr_14"], min_count=10)
    assert len(panel.symbols) >= 10
    assert len(panel) == sum(len(bars[name]["M15"]) for name in panel.symbols)
    rank = panel["xs_rank_natr_14"].astype(np.float64)
    has = np.isfinite(rank)
    assert 0 < has.mean() < 1
    assert panel.count[has].min() >= 10
    stamps = pd.Series(rank[has]).groupby(panel.time[has])
    np.testing.assert_allclose(stamps.mean(), 0.5, atol=1e-6)
    np.testing.assert_array_equal(stamps.min(), 0)
    np.testing.assert_array_equal(stamps.max(), 1)
