"""Decision rows: where they come from, which zone they are about, and that neither knows the future."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as hs

import smctrain as st
from smctrain.bars.types import Bars
from smctrain.exceptions import InputError
from smctrain.labels import DecisionRows, forward_return, make_target, meta_labels, trend_scanning, triple_barrier
from smctrain.labels.zones import zone_edges
from smctrain.sample import KINDS

ARGUMENTS = {"every_k": {"k": 7}, "cusum": {"threshold": 0.004}}


@pytest.fixture(scope="module")
def b() -> Bars:
    return st.simulate_market(1, 3000, seed=5)["SIM1"].base


@pytest.mark.parametrize("on", KINDS)
def test_every_kind_gives_rows_in_order_and_labels(b, on):
    decisions = st.decision_rows(b, on, **ARGUMENTS.get(on, {}))
    assert isinstance(decisions, DecisionRows)
    assert len(decisions) > 0
    assert np.all(np.diff(decisions.rows) >= 0)
    assert set(np.unique(decisions.side)) <= {-1, 1}
    labels = triple_barrier(b, rows=decisions)
    np.testing.assert_array_equal(labels.t0, decisions.rows)
    np.testing.assert_array_equal(labels.side, decisions.side)


@pytest.mark.parametrize("on", KINDS)
def test_later_bars_add_decisions_and_change_none(b, on):
    arguments = ARGUMENTS.get(on, {})
    whole = st.decision_rows(b, on, **arguments)
    for cut in (700, 1501, 2999):
        part = st.decision_rows(b[:cut], on, **arguments)
        early = whole.rows < cut
        np.testing.assert_array_equal(part.rows, whole.rows[early])
        np.testing.assert_array_equal(part.side, whole.side[early])


def test_a_new_block_is_decided_when_it_is_known_and_a_touch_when_it_happens(b):
    table = st.smc.order_blocks(b)
    new = st.decision_rows(b, "ob_new", events=table)
    np.testing.assert_array_equal(new.rows, table["known_at"][new.zone])
    np.testing.assert_array_equal(new.side, table["side"][new.zone])
    alive = (table["invalidated_at"] < 0) | (table["invalidated_at"] > table["known_at"])
    assert len(new) == alive.sum()
    touch = st.decision_rows(b, "ob_touch", events=table)
    np.testing.assert_array_equal(touch.rows, table["touched_at"][touch.zone])
    dead = table["invalidated_at"][touch.zone]
    assert np.all((dead < 0) | (dead > touch.rows))


def test_options_reach_the_events(b):
    seed = st.decision_rows(b, "ob_new", rule="seed")
    table = st.smc.order_blocks(b, rule="seed")
    assert set(seed.rows) <= set(table["known_at"])
    assert len(seed) != len(st.decision_rows(b, "ob_new"))


def test_a_sweep_of_highs_makes_a_short(b):
    sweeps = st.smc.liquidity(b).select("sweep")
    decisions = st.decision_rows(b, "sweep")
    np.testing.assert_array_equal(decisions.side, -sweeps["side"])


def test_sides_may_be_both_or_those_of_a_primary_model(b):
    event = st.decision_rows(b, "fvg_new")
    both = st.decision_rows(b, "fvg_new", side="both")
    assert len(both) == 2 * len(event)
    np.testing.assert_array_equal(both.rows, np.repeat(event.rows, 2))
    np.testing.assert_array_equal(both.side[::2], event.side)
    np.testing.assert_array_equal(both.side[1::2], -event.side)
    primary = np.zeros(len(b))
    primary[event.rows[::3]] = -1
    taken = st.decision_rows(b, "fvg_new", side=primary)
    assert set(taken.rows) == set(event.rows[::3])
    assert np.all(taken.side == -1)
    # A long decided on a zone of shorts refers to the nearest zone of longs, not to that one.
    assert np.all(taken.zone[taken.zone >= 0] >= 0)
    own = taken.zone >= 0
    assert np.all(taken.zones["side"][taken.zone[own]] == -1)


def test_a_retest_of_the_zone_is_a_limit_order_at_its_near_edge(b):
    decisions = st.decision_rows(b, "ob_new", rule="seed")
    labels = triple_barrier(b, rows=decisions, entry="retest", unit="structure", rr=2, risk_limits=(0, 0))
    zones, z = decisions.zones, decisions.zone
    near = np.where(decisions.side > 0, zones["top"][z], zones["bottom"][z])
    far = np.where(decisions.side > 0, zones["bottom"][z], zones["top"][z])
    has = labels.e >= 0
    assert has.sum() > 20
    assert np.all(labels.e[has] > decisions.rows[has])
    assert np.all(decisions.side[has] * (near[has] - labels.fill[has]) >= -1e-12)
    unit = st.build_features(b, st.FeatureSpec(higher=(), columns=("atr_wilder_14",), dtype="float64")).values[:, 0]
    stop = far - decisions.side * 0.1 * unit[decisions.rows]
    np.testing.assert_allclose(labels.stop[has], stop[has], rtol=1e-12)
    np.testing.assert_allclose(labels.risk[has], np.abs(near - stop)[has], rtol=1e-9)
    np.testing.assert_array_equal(labels.zone, z)
    # The same in prices.
    limit, price = np.full(len(b), np.nan), np.full(len(b), np.nan)
    limit[decisions.rows], price[decisions.rows] = near, stop
    plain = triple_barrier(b, rows=decisions, entry="retest", limit=limit, stop_price=price, rr=2)
    np.testing.assert_array_equal(plain.r, labels.r)


def test_without_decisions_of_its_own_a_row_refers_to_the_nearest_zone_alive(b):
    table = st.smc.fair_value_gaps(b)
    labels = triple_barrier(b, unit="structure", stop_price=table, side=-1)
    assert {"ok", "missing", "open"} <= set(labels.counts)
    assert np.all(labels.zone[labels.status == "missing"] == -1)
    for t in np.flatnonzero(labels.zone >= 0)[::97]:
        want = nearest(b, table, int(t), -1)
        assert labels.zone[t] == want


def nearest(b: Bars, table, t: int, side: int) -> int:
    """One sentence after the other."""
    best, found = None, -1
    for z in range(len(table["side"])):
        if table["side"][z] != side or table["known_at"][z] > t:
            continue
        if 0 <= table["invalidated_at"][z] <= t:
            continue
        away = max(0.0, b.close[t] - table["top"][z], table["bottom"][z] - b.close[t])
        rank = (away, -table["known_at"][z], -table["origin"][z])
        if best is None or rank < best:
            best, found = rank, z
    return found


@settings(max_examples=60, deadline=None)
@given(seed=hs.integers(0, 10_000), count=hs.integers(0, 30))
def test_the_nearest_zone_equals_a_slow_search(seed, count):
    rng = np.random.default_rng(seed)
    n = 60
    close = 100 + rng.normal(0, 1, n).cumsum().round(1)
    b = Bars("TEST", "M15", np.datetime64("2024-01-01", "ns") + np.arange(n) * np.timedelta64(900, "s"),
             close, close, close, close)  # fmt: skip
    known = rng.integers(0, n, count)
    bottom = (100 + rng.normal(0, 3, count)).round(0)
    table = {
        "side": rng.choice([-1, 1], count),
        "origin": known - rng.integers(0, 3, count),
        "known_at": known,
        "invalidated_at": np.where(rng.random(count) < 0.4, -1, known + rng.integers(0, 20, count)),
        "top": bottom + rng.integers(0, 3, count),
        "bottom": bottom,
    }
    rows = rng.integers(0, n, 40)
    side = rng.choice([-1, 1], 40).astype(np.int8)
    native = {name: np.ascontiguousarray(value) for name, value in b.native().items() if value is not None}
    zone, near, far = zone_edges(native | {"spread": None}, table, rows, side, None)
    for k in range(40):
        assert zone[k] == nearest(b, table, int(rows[k]), int(side[k]))
        edges = (np.nan, np.nan) if zone[k] < 0 else (table["top"][zone[k]], table["bottom"][zone[k]])
        np.testing.assert_array_equal((near[k], far[k]), edges if side[k] > 0 else edges[::-1])


def test_what_becomes_of_a_zone_later_changes_no_trade(b):
    table = st.smc.order_blocks(b)
    decisions = st.decision_rows(b, "ob_new", events=table)
    whole = triple_barrier(b, rows=decisions, entry="retest", unit="structure", wait=30, horizon=10)
    cut = 2000
    early = st.decision_rows(b[:cut], "ob_new")
    part = triple_barrier(b[:cut], rows=early, entry="retest", unit="structure", wait=30, horizon=10)
    done = early.rows + 39 < cut
    for name in ("y", "r", "t1", "fill", "status_code"):
        np.testing.assert_array_equal(getattr(part, name)[done], getattr(whole, name)[: len(early)][done])


def test_a_zone_table_may_be_a_data_frame(b):
    pytest.importorskip("pandas")
    table = st.smc.order_blocks(b)
    one = triple_barrier(b, unit="structure", stop_price=table)
    two = triple_barrier(b, unit="structure", stop_price=table.to_pandas())
    np.testing.assert_array_equal(one.r, two.r)


def test_a_primary_model_can_be_asked_at_decisions(b):
    decisions = st.decision_rows(b, "choch")
    side = decisions.side.astype(float)
    side[::4] = 0
    labels = meta_labels(b, side, rows=decisions, horizon=10)
    assert len(labels) == np.count_nonzero(side)
    np.testing.assert_array_equal(labels.t0, decisions.rows[side != 0])
    zones = st.decision_rows(b, "ob_new")
    structural = meta_labels(b, zones.side, rows=zones, entry="retest", unit="structure", rr=2)
    np.testing.assert_array_equal(structural.zone, zones.zone)


def test_targets_take_decisions_and_leave_out_quarantined_windows(b):
    decisions = st.decision_rows(b, "bos")
    np.testing.assert_array_equal(forward_return(b, 5, rows=decisions).t0, decisions.rows)
    marked = replace(b)
    quarantine = np.zeros(len(b), dtype=bool)
    quarantine[1000] = True
    object.__setattr__(marked, "quarantine", quarantine)
    for labels in (
        forward_return(marked, 5),
        make_target(marked, "y_peak_5b_0.5"),
        trend_scanning(marked, 6),
        triple_barrier(marked, horizon=5),
    ):
        np.testing.assert_array_equal(np.flatnonzero(labels.status == "quarantine"), np.arange(995, 1001))
        assert np.isnan(labels.y[995:1001]).all()
        assert np.all(labels.t1[995:1001] == -1)
        clean = np.delete(np.arange(len(b)), np.arange(995, 1001))
        assert "quarantine" not in labels.status[clean]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"on": "ob"}, "on must be one of"),
        ({"on": "every_k"}, "needs k="),
        ({"on": "every_k", "k": 0}, "k must be an integer of at least 1"),
        ({"on": "every", "k": 3}, "takes no k="),
        ({"on": "cusum"}, "needs threshold="),
        ({"on": "bos", "threshold": 0.1}, "takes no threshold="),
        ({"on": "every", "rule": "bos"}, "takes no rule"),
        ({"on": "bos", "side": "long"}, "side must be"),
        ({"on": "bos", "side": 0.5}, "side must be"),
        ({"on": "bos", "events": 3}, "events must be an EventTable"),
    ],
)
def test_wrong_arguments_of_decision_rows_are_named(b, arguments, words):
    with pytest.raises(InputError, match=words):
        st.decision_rows(b, **arguments)


def test_events_must_be_of_the_kind_asked_for(b):
    with pytest.raises(InputError, match="of kind 'fvg', but are order_block"):
        st.decision_rows(b, "fvg_new", events=st.smc.order_blocks(b))
    with pytest.raises(InputError, match="would have no effect"):
        st.decision_rows(b, "ob_new", events=st.smc.order_blocks(b), rule="seed")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"unit": "structure"}, "needs zones"),
        ({"unit": "structure", "stop_price": 100.0}, "takes its stop from zones"),
        ({"tie": "lower_tf"}, "needs lower="),
        ({"quote": "bid_ask"}, "would charge the spread twice"),
        ({"quote": "ask"}, "quote must be one of"),
        ({"scale_h": True}, 'belongs to unit="vol"'),
        ({"risk_limits": (2, 1)}, "in order"),
        ({"risk_limits": 3}, "two numbers"),
        ({"horizon": 2.5}, "horizon must be an integer"),
        ({"target": "2"}, "target must be a number"),
        ({"stop": float("nan")}, "stop must be a number above 0"),
        ({"rows": [5000]}, "rows must lie in 0..2999"),
        ({"side": "long"}, "side must be"),
        ({"entry": "retest", "limit": {"known_at": [0]}}, "zone table must have the columns"),
    ],
)
def test_wrong_arguments_of_the_new_options_are_named(b, arguments, words):
    with pytest.raises(InputError, match=words):
        triple_barrier(b, **arguments)


def test_lower_bars_must_be_finer_and_of_the_symbol(b):
    for lower in (b, replace(b, symbol="OTHER", timeframe="M1")):
        with pytest.raises(InputError, match="finer bars of SIM1"):
            triple_barrier(b, tie="lower_tf", lower=lower)
    with pytest.raises(InputError, match="no other tie takes them"):
        triple_barrier(b, lower=replace(b, timeframe="M1"))


def test_quotes_need_a_spread_and_a_point(b):
    with pytest.raises(InputError, match="needs a spread column"):
        triple_barrier(replace(b, spread=None), quote="bid_ask", costs=None)
    with pytest.raises(InputError, match="needs the size of a point"):
        triple_barrier(replace(b, digits=None), quote="bid_ask", costs=None)


def test_the_volatility_is_that_of_the_last_twenty_returns(b):
    scale = np.full(len(b), np.nan)
    step = b.close[1:] / b.close[:-1] - 1
    for t in range(20, len(b)):
        scale[t] = step[t - 20 : t].std(ddof=1)
    np.testing.assert_allclose(triple_barrier(b, unit="vol").risk, triple_barrier(b, unit="vol", scale=scale).risk)


def test_volatility_may_grow_with_the_horizon(b):
    scale = np.full(len(b), 0.001)
    grown = triple_barrier(b, unit="vol", scale=scale, scale_h=True, horizon=16)
    plain = triple_barrier(b, unit="vol", scale=4 * scale, horizon=16)
    np.testing.assert_array_equal(grown.r, plain.r)


def test_the_break_even_rate_counts_costs_and_reward():
    b = st.simulate_market(1, 800, seed=1)["SIM1"].base
    free = triple_barrier(b, rr=3.0, costs=None)
    assert free.break_even == pytest.approx(0.25)
    assert 0 < free.win_rate < 1
    charged = triple_barrier(b, rr=3.0)
    cost = np.mean(charged.r_gross[charged.ok] - charged.r[charged.ok])
    assert charged.break_even == pytest.approx((1 + cost) / 4)
    assert np.isnan(triple_barrier(b, rows=[]).win_rate)
    assert "optimistic" in repr(triple_barrier(b, entry="close"))


def test_bars_on_which_nothing_happened_yet_have_no_decisions(b):
    for on in ("bos", "choch", "sweep", "ob_new", "fvg_new"):
        rows = st.decision_rows(b, on).rows
        assert len(st.decision_rows(b[: int(rows[0])], on)) == 0, on
        assert len(st.decision_rows(b[: int(rows[0]) + 1], on)) > 0, on
