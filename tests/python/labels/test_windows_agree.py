"""Rules that every label shares: order of time, horizons in one grammar, quarantined bars."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as hs

import smctrain as st
from smctrain.exceptions import InputError
from smctrain.labels import (
    cusum_events,
    forward_return,
    make_target,
    parse_horizon,
    return_weights,
    trend_scanning,
    triple_barrier,
)

FAR = {"unit": "abs", "stop": 1e6, "target": 1e6, "costs": None}


def bars_at(minutes, *, segment=None, quarantine=None, timeframe="M15") -> st.Bars:
    minutes = np.asarray(minutes)
    close = 100.0 + np.arange(len(minutes)) % 7
    return st.Bars(
        "TEST", timeframe, np.datetime64("2024-01-01", "ns") + minutes * np.timedelta64(60, "s"), close, close + 0.5,
        close - 0.5, close.copy(), segment=np.zeros(len(minutes), dtype=np.int32) if segment is None else segment,
        quarantine=quarantine, digits=1,
    )  # fmt: skip


@pytest.mark.parametrize(
    "call",
    [
        lambda b: triple_barrier(b, horizon=2),
        lambda b: triple_barrier(b, horizon="60m"),
        lambda b: forward_return(b, 2),
        lambda b: make_target(b, "y_peak_4b_1"),
        lambda b: trend_scanning(b, 5),
        lambda b: cusum_events(b, 0.01),
        lambda b: return_weights(b, [1], [3]),
        lambda b: make_target(bars_at(np.arange(40) * 15), "excess_2b", benchmark=b),
    ],
)
def test_bars_out_of_order_are_an_error_that_names_symbol_and_row(call):
    minutes = np.arange(40) * 15
    minutes[[7, 8]] = minutes[[8, 7]]
    with pytest.raises(InputError, match=r"TEST M15: bars must come in order of time, but row 8 \(2024-01-01T01:45\)"):
        call(bars_at(minutes))
    minutes = np.arange(40) * 15
    minutes[5] = minutes[4]
    with pytest.raises(InputError, match="row 5 "):
        call(bars_at(minutes))


def test_what_is_no_bars_is_an_error():
    with pytest.raises(InputError, match="b must be Bars of one symbol and timeframe"):
        triple_barrier({"close": [1.0]})
    with pytest.raises(InputError, match="b must be Bars of one symbol and timeframe"):
        forward_return([1.0, 2.0], 1)


def holed(seed: int) -> st.Bars:
    """A few days of bars with holes, breaks and quarantined bars."""
    rng = np.random.default_rng(seed)
    minutes = np.flatnonzero(rng.random(400) > 0.08) * 15
    breaks = np.cumsum(rng.random(len(minutes)) < 0.02).astype(np.int32)
    marked = rng.random(len(minutes)) < 0.02
    return bars_at(minutes, segment=breaks, quarantine=marked)


@settings(max_examples=30, deadline=None)
@given(seed=hs.integers(0, 10_000), horizon=hs.sampled_from(["15m", "45m", "2h", "1d", "3b", "11b", "2d"]))
def test_a_trade_without_exits_lasts_as_long_as_a_return(seed, horizon):
    b = holed(seed)
    held, returned = triple_barrier(b, horizon=horizon, **FAR), forward_return(b, horizon)
    np.testing.assert_array_equal(held.status, returned.status)
    np.testing.assert_array_equal(held.t1, returned.t1)
    assert held.window == returned.window
    assert (held.rule[held.ok] == "timeout").all()


@settings(max_examples=30, deadline=None)
@given(seed=hs.integers(0, 10_000), entry=hs.sampled_from(["next_open", "close"]), side=hs.sampled_from([1, -1]))
def test_minutes_are_bars_where_no_bar_is_missing(seed, entry, side):
    b = st.simulate_market(n_symbols=1, n_bars=500, seed=seed)["SIM1"].base
    b = replace(b, time=b.time[0] + np.arange(len(b)) * np.timedelta64(900, "s"), ends=None)
    in_time = triple_barrier(b, horizon="3h", entry=entry, side=side)
    in_bars = triple_barrier(b, horizon=12, entry=entry, side=side)
    for name in ("y", "t1", "e", "exit", "r", "mfe_r", "rule_code", "status_code"):
        np.testing.assert_array_equal(getattr(in_time, name), getattr(in_bars, name), err_msg=name)
    assert (in_time.horizon, in_time.window) == (12, 12)


def test_a_horizon_may_be_written_as_everywhere():
    b = bars_at(np.arange(300) * 15)
    for written in ("12b", "12", 12, parse_horizon("12b")):
        assert triple_barrier(b, horizon=written, **FAR).horizon == 12
    daily = triple_barrier(b, horizon="1d", day_zone="UTC", **FAR)
    assert daily.t1[0] == 2 * 96 - 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"horizon": "20x"}, "'x' is no unit"),
        ({"horizon": "5m"}, "at least one bar long, but 5m is shorter than M15"),
        ({"horizon": 2.5}, "horizon must be an integer"),
        ({"horizon": "60m", "entry": "retest", "limit": 100.0}, "horizon must be a number of bars .* but is '60m'"),
        ({"horizon": "1d", "unit": "vol", "scale_h": True}, "scale_h= needs a horizon of bars"),
    ],
)
def test_horizons_without_a_meaning_are_errors(options, message):
    with pytest.raises(InputError, match=message):
        triple_barrier(bars_at(np.arange(50) * 15), **options)


def test_a_quarantined_bar_beyond_a_break_takes_the_row_out_of_every_label():
    marked = np.zeros(60, dtype=bool)
    marked[30:33] = True
    segment = np.zeros(60, dtype=np.int32)
    segment[30:33], segment[33:] = 1, 2  # as the data check leaves it: a border on both sides
    b = bars_at(np.arange(60) * 15, segment=segment, quarantine=marked)
    for labels in (
        triple_barrier(b, horizon=5, **FAR),
        forward_return(b, 5),
        forward_return(b, "75m"),
        make_target(b, "mdd_5b"),
        make_target(b, "y_peak_75m_1"),
    ):
        assert (labels.status[25:33] == "quarantine").all(), labels.name
        assert "quarantine" not in labels.status[:25], labels.name
        assert "quarantine" not in labels.status[33:], labels.name
        assert (labels.status[55:] == "open").all(), labels.name


@settings(max_examples=30, deadline=None)
@given(seed=hs.integers(0, 10_000), horizon=hs.sampled_from(["3b", "2h", "1d"]))
def test_quarantine_is_what_the_window_would_hold_without_breaks(seed, horizon):
    b = holed(seed)
    status = forward_return(b, horizon).status
    days = (b.time - b.time[0].astype("datetime64[D]")) // np.timedelta64(1, "D")
    for t in range(len(b)):
        later = np.arange(t + 1, len(b))
        if horizon == "3b":
            window = later[:3]
        elif horizon == "2h":
            window = later[b.time[later] <= b.time[t] + np.timedelta64(2, "h")]
        else:
            order = np.unique(days)
            k = np.searchsorted(order, days[t]) + 1
            window = later[days[later] <= order[min(k, len(order) - 1)]]
        expected = bool(b.quarantine[t] or b.quarantine[window].any())
        assert (status[t] == "quarantine") == expected, t
