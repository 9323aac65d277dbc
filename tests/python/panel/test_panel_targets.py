"""Targets across symbols, their intervals, and what splits make of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from panel_bars import SPEC, walk

import smctrain as st
from smctrain import Bars, Panel, build_panel
from smctrain.exceptions import InputError, SplitLeak


@pytest.fixture(scope="module")
def panel(market: dict[str, Bars]) -> Panel:
    return build_panel(market, SPEC)


def test_ranks_of_forward_returns_are_those_of_pandas(panel: Panel, market: dict[str, Bars]) -> None:
    returns = panel.target("fwd_ret_5b")
    own = {name: st.forward_return(b, 5) for name, b in market.items()}
    for code, name in enumerate(panel.symbols):
        np.testing.assert_array_equal(returns.y[panel.symbol == code], own[name].y)
    groups = pd.Series(returns.y).groupby(panel.time)
    n = groups.transform("count")
    rank, z = panel.target("fwd_rank_5b", min_count=4), panel.target("fwd_z_5b", min_count=4)
    np.testing.assert_allclose(rank.y, ((groups.rank() - 1) / (n - 1)).where(n >= 4), rtol=1e-12)
    expected = ((returns.y - groups.transform("mean")) / groups.transform("std")).where(n >= 4)
    np.testing.assert_allclose(z.y, expected, rtol=1e-9, atol=1e-12)
    assert rank.name == "fwd_rank_5b"
    np.testing.assert_array_equal(rank.ok, np.isfinite(rank.y))
    assert set(rank.counts) == {"ok", "open", "missing"}


def test_a_rank_ends_when_the_last_return_of_its_stamp_does(panel: Panel) -> None:
    returns, rank = panel.target("fwd_ret_5b"), panel.target("fwd_rank_5b", min_count=4)
    latest = pd.Series(returns.t1).groupby(panel.time).transform("max")
    np.testing.assert_array_equal(rank.t1[rank.ok], latest[rank.ok])
    assert np.isnat(rank.t1[~rank.ok]).all()
    assert (rank.t1[rank.ok] > returns.t1[rank.ok]).any()  # missing hours: five bars are not five hours


def test_too_few_returns_are_missing_and_too_few_symbols_are_an_error(panel: Panel) -> None:
    everyone = panel.target("fwd_z_5b", min_count=6)
    assert np.isnan(everyone.y[panel.count < 6]).all()
    with pytest.raises(InputError, match="min_count must be at most 6, the number of symbols, but is 7"):
        panel.target("fwd_z_5b", min_count=7)


def test_the_last_rows_have_no_target_and_later_bars_change_none(panel: Panel, market: dict[str, Bars]) -> None:
    until = panel.time[0] + np.timedelta64(60, "h")
    part = {name: b[: int(np.sum(b.time_close <= until))] for name, b in market.items()}
    early = build_panel(part, SPEC).target("fwd_rank_3h", min_count=2)
    whole = panel.target("fwd_rank_3h", min_count=2)
    known = (early.t0 + np.timedelta64(3, "h")) <= until
    n = len(early)
    np.testing.assert_array_equal(early.y[known], whole.y[:n][known])
    assert not early.ok[early.t0 == early.t0[-1]].any()


@pytest.mark.parametrize("target", ["fwd_rank_5b", "fwd_z_4h", "fwd_ret_5b"])
def test_purged_folds_of_a_panel_never_overlap(panel: Panel, target: str) -> None:
    labels = panel.target(target, min_count=3)
    t0, t1 = labels.intervals
    X, groups = panel.values[labels.rows], panel.symbol[labels.rows]
    folds = st.splits.PurgedKFold(4, embargo=2, intervals=(t0, t1))
    report = st.splits.audit(folds, X, (t0, t1), groups=groups)
    assert report.ok
    assert report.n_splits == 4
    for train, test in folds.split(X, groups=groups):
        overlap = (t0[train][:, None] <= t1[test]) & (t0[test] <= t1[train][:, None])
        assert len(train) > 0
        assert not overlap.any()
        assert not np.isin(t0[train], t0[test]).any()


def test_purging_by_a_row_s_own_return_leaks_across_symbols(panel: Panel) -> None:
    own, rank = panel.target("fwd_ret_5b"), panel.target("fwd_rank_5b", min_count=3)
    both = own.ok & rank.ok
    short = (own.t0[both], own.t1[both])
    folds = list(st.splits.PurgedKFold(4, intervals=short).split(panel.values[both], groups=panel.symbol[both]))
    with pytest.raises(SplitLeak):
        st.splits.audit(folds, panel.values[both], (rank.t0[both], rank.t1[both]), groups=panel.symbol[both])


def test_intervals_of_every_row_reach_to_the_end_of_its_window(panel: Panel, market: dict[str, Bars]) -> None:
    t0, t1 = panel.intervals("3h")
    np.testing.assert_array_equal(t0, panel.time)
    assert ((t1 > t0) & (t1 <= t0 + np.timedelta64(3, "h"))).all()
    returns = panel.target("fwd_ret_4b")
    t0, t1 = panel.intervals(4)
    np.testing.assert_array_equal(t1[returns.ok], returns.t1[returns.ok])
    last = np.array([market[name].time_close[-1] for name in panel.symbols])
    np.testing.assert_array_equal(t1[~returns.ok], last[panel.symbol[~returns.ok]])


def test_labels_of_the_symbols_are_gathered(panel: Panel, market: dict[str, Bars]) -> None:
    trades = {name: st.triple_barrier(b, horizon=6, rows=np.arange(5, len(b), 2)) for name, b in market.items()}
    del trades["BB"]
    labels = panel.collect(trades)
    assert labels.name == "triple_barrier"
    assert (labels.status[panel.symbol == 1] == "missing").all()
    for code, name in enumerate(panel.symbols):
        if name == "BB":
            continue
        rows = np.flatnonzero(panel.symbol == code)[trades[name].t0]
        own = trades[name]
        np.testing.assert_array_equal(labels.y[rows], own.y)
        np.testing.assert_array_equal(labels.r[rows], own.r)
        np.testing.assert_array_equal(labels.status[rows], own.status)
        ok = own.ok
        np.testing.assert_array_equal(labels.t1[rows][ok], market[name].time_close[own.t1[ok]])


def test_other_targets_keep_their_names_and_faults_are_named(panel: Panel) -> None:
    assert panel.target("y_will_peak_5b_0.8").name == "y_will_peak_5b_0.8"
    with pytest.raises(InputError, match="is no unit"):
        panel.target("fwd_rank_5x")
    with pytest.raises(InputError, match=r"5 has no unit\. It must be fwd_ret_<h>"):
        panel.target("fwd_rank_5")
    with pytest.raises(InputError, match="takes no benchmark"):
        panel.target("fwd_z_5b", benchmark=walk("M"))
    with pytest.raises(InputError, match="min_count must be"):
        panel.target("fwd_z_5b", min_count=0)
    with pytest.raises(InputError, match="'QQ', which is not a symbol"):
        panel.collect({"QQ": st.forward_return(walk("QQ"), 5)})
    with pytest.raises(InputError, match="AA: labels reach row"):
        panel.collect({"AA": st.forward_return(walk("AA", n=900), 5)})
    once = np.array([4, 4])
    with pytest.raises(InputError, match="AA: labels must decide each bar once"):
        panel.collect({"AA": st.forward_return(panel.bars["AA"], 5, rows=once)})


def test_days_are_those_of_each_symbol_as_without_a_panel() -> None:
    # Currency pairs have days from 17:00 New York: the last bar of a day opens at 16:00 there, not at 23:00 UTC.
    pairs = {name: walk(name, n=400) for name in ("EURUSD", "GBPUSD")}
    panel = build_panel(pairs, SPEC)
    for code, name in enumerate(panel.symbols):
        assert pairs[name].calendar.zone == "America/New_York"
        rows = np.flatnonzero(panel.symbol == code)
        own = st.make_target(pairs[name], "fwd_ret_1d")
        np.testing.assert_array_equal(panel.target("fwd_ret_1d").y[rows], own.y)
        assert not np.array_equal(own.y, st.make_target(pairs[name], "fwd_ret_1d", day_zone="UTC").y, equal_nan=True)
