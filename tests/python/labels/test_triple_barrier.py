"""Triple barrier: the path examples of the definition, a slow obvious reference, and what labels may know."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smctrain.bars.types import Bars
from smctrain.exceptions import InputError
from smctrain.labels import Labels, triple_barrier

Ohlc = tuple[float, float, float, float]


def make_bars(rows, *, spread=None, segment=None, digits=5) -> Bars:
    prices = np.asarray(rows, dtype=np.float64).reshape(-1, 4)
    n = len(prices)
    return Bars(
        symbol="TEST",
        timeframe="M15",
        time=np.datetime64("2024-01-01", "ns") + np.arange(n) * np.timedelta64(900, "s"),
        open=prices[:, 0].copy(),
        high=prices[:, 1].copy(),
        low=prices[:, 2].copy(),
        close=prices[:, 3].copy(),
        spread=None if spread is None else np.asarray(spread, dtype=np.float64),
        segment=np.zeros(n, dtype=np.int32) if segment is None else np.asarray(segment, dtype=np.int32),
        digits=digits,
    )


def path(text: str, first_close: float, total: int) -> Bars:
    """Row 0 flat at `first_close`, then "O/H/L/C" bars, then flat at the last close up to `total` bars."""
    rows: list[Ohlc] = [(first_close,) * 4]
    rows += [tuple(float(x) for x in bar.split("/")) for bar in text.replace(" ", "").split(",")]
    while len(rows) < total:
        rows.append((rows[-1][3],) * 4)
    return make_bars(rows)


BASE = {"horizon": 3, "target": 2.0, "stop": 1.0, "unit": "abs", "rows": [0], "costs": None}
RETEST = {**BASE, "entry": "retest", "limit": 100.0, "stop_price": 99.0, "rr": 2.0, "wait": 2}

# number, bars after row 0, close of row 0, bars in all, arguments, rule, t1, exit, label, gross R
EXAMPLES = [
    (1, "100/101/99.5/100.8, 100.8/102.1/100.5/102, 102/102.2/101/101.5", 100, 4, BASE,
     "target", 2, 102, 1, 2.0),
    (2, "100/100.9/99.2/99.5, 99.5/99.6/98.9/99.1, 99/103/99/103", 100, 4, BASE, "stop", 2, 99, -1, -1.0),
    (3, "100/102.3/98.8/101, 101/101/101/101", 100, 4, BASE, "stop_tie", 1, 99, -1, -1.0),
    (4, "100/100.5/99.5/99.8, 98.4/98.6/98/98.2, 98/98/98/98", 100, 4, BASE, "stop_gap", 2, 98.4, -1, -1.6),
    (5, "100/101/99.4/101, 102.7/103/102.5/102.9, 103/103/103/103", 100, 4, BASE,
     "target_gap", 2, 102, 1, 2.0),
    (6, "100/101/99.5/100.6, 100.6/101.2/100/101, 101/101.5/100.2/100.5", 100, 4, BASE,
     "timeout", 3, 100.5, 0, 0.5),
    (7, "100/102/99.5/101, 101/101/101/101", 100, 4, BASE, "target", 1, 102, 1, 2.0),
    (9, "100/100.6/99/99.2, 99.2/99.5/97.9/98, 98/98/98/98", 100, 4, {**BASE, "side": -1},
     "target", 2, 98, 1, 2.0),
    (10, "101/102/100.2/101.5, 101.5/103/101/103, 103/103/103/103", 100, 4, BASE, "target", 2, 103, 1, 2.0),
    (10.5, "101/102/100.2/101.5, 101.5/103/101/103, 103/103/103/103", 100, 4, {**BASE, "entry": "close"},
     "target", 1, 102, 1, 2.0),
    (11, "101.2/101.3/99.9/100.2, 100.2/102.4/100.1/102.2", 101.2, 5, RETEST, "target", 2, 102, 1, 2.0),
    (12, "101.2/101.3/98.7/99.5", 101.2, 5, RETEST, "stop", 1, 99, -1, -1.0),
    (13, "101.8/102.2/99.8/100.4, 100.4/100.6/99.5/100, 100/100.3/99.2/99.4", 101.2, 5, RETEST,
     "timeout", 3, 99.4, 0, -0.6),
    (14, "99.6/100.9/99.4/100.7, 100.7/102.1/100.5/102", 101.2, 5, RETEST, "target", 2, 102, 1, 2.4),
    (15, "98.5/100/98/99.8", 101.2, 5, RETEST, "stop_gap", 1, 98.5, -1, 0.0),
]  # fmt: skip


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: f"example-{e[0]}")
def test_path_examples_of_the_definition(example):
    _, text, first_close, total, arguments, rule, t1, exit_price, label, gross = example
    lab = triple_barrier(path(text, first_close, total), **arguments)
    assert (lab.status[0], lab.rule[0], lab.t1[0]) == ("ok", rule, t1)
    assert lab.y[0] == label
    assert lab.exit[0] == pytest.approx(exit_price, abs=1e-12)
    assert lab.r_gross[0] == pytest.approx(gross, abs=1e-12)
    assert lab.r[0] == lab.r_gross[0]


def test_a_touched_row_without_a_full_window_is_open():
    lab = triple_barrier(path("100/102.5/99.5/102, 102/102/102/102", 100, 3), **BASE)  # example 8
    assert lab.status[0] == "open"
    assert math.isnan(lab.y[0])
    assert lab.t1[0] == -1


def test_an_order_nobody_fills_is_unfilled():
    bars = path("101.2/101.4/100.5/101, 101/101.6/100.1/101.5, 101/101/99/99", 101.2, 5)  # example 16
    lab = triple_barrier(bars, **RETEST)
    assert lab.status[0] == "unfilled"
    assert math.isnan(lab.y[0])
    assert lab.e[0] == -1
    assert lab.t1[0] == 2


def test_a_short_mirrors_every_example():
    for _, text, first_close, total, arguments, rule, t1, _, label, gross in EXAMPLES:
        bars = path(text, first_close, total)
        mirror = make_bars(np.column_stack([200 - bars.open, 200 - bars.low, 200 - bars.high, 200 - bars.close]))
        flipped = dict(arguments, side=-arguments.get("side", 1))
        if "stop_price" in flipped:
            flipped["stop_price"] = 101.0
        lab = triple_barrier(mirror, **flipped)
        assert (lab.rule[0], lab.t1[0], lab.y[0]) == (rule, t1, label)
        assert lab.r_gross[0] == pytest.approx(gross, abs=1e-9)


def test_tie_rules():
    bars = path("100/102.3/98.8/101, 101/101/101/101", 100, 4)
    target = triple_barrier(bars, **BASE, tie="target")
    assert (target.rule[0], target.y[0], target.r_gross[0]) == ("target_tie", 1, 2.0)
    drop = triple_barrier(bars, **BASE, tie="drop")
    assert drop.status[0] == "tie_drop"
    assert math.isnan(drop.y[0])
    assert drop.t1[0] == 1


@pytest.mark.parametrize(
    ("timeout", "band", "label"), [("zero", 0.0, 0), ("sign", 0.0, 1), ("sign", 0.6, 0), ("loss", 0.0, -1)]
)
def test_timeout_rules(timeout, band, label):
    bars = path("100/101/99.5/100.6, 100.6/101.2/100/101, 101/101.5/100.2/100.5", 100, 4)
    lab = triple_barrier(bars, **BASE, timeout=timeout, timeout_band=band)
    assert lab.y[0] == label
    assert lab.rule[0] == "timeout"


def test_timeouts_can_be_dropped():
    bars = path("100/101/99.5/100.6, 100.6/101.2/100/101, 101/101.5/100.2/100.5", 100, 4)
    lab = triple_barrier(bars, **BASE, timeout="drop")
    assert lab.status[0] == "timeout_drop"
    assert math.isnan(lab.y[0])
    assert lab.t1[0] == 3


def test_a_gap_beyond_the_target_can_pay_the_open():
    bars = path("100/101/99.4/101, 102.7/103/102.5/102.9, 103/103/103/103", 100, 4)
    assert triple_barrier(bars, **BASE, gap_target="open").r_gross[0] == pytest.approx(2.7)


def test_costs_lower_the_net_outcome_by_the_spread_of_the_fill_bar():
    rows = [(100, 100, 100, 100), (100, 102, 99.5, 101), (101, 101, 101, 101), (101, 101, 101, 101)]
    bars = make_bars(rows, spread=[10, 30, 20, 20], digits=2)
    arguments = {**BASE, "costs": "spread"}
    assert triple_barrier(bars, **arguments).r[0] == pytest.approx(2.0 - 0.30)
    assert triple_barrier(bars, **arguments, entry="close").r[0] == pytest.approx(2.0 - 0.10)
    more = triple_barrier(bars, **arguments, slippage=0.05, commission=0.02)
    assert more.r[0] == pytest.approx(2.0 - 0.30 - 0.12)
    assert triple_barrier(bars, **{**BASE, "costs": 0.25}).r[0] == pytest.approx(1.75)


def test_data_without_a_spread_costs_nothing_and_says_so():
    lab = triple_barrier(path("100/102/99.5/101, 101/101/101/101", 100, 4), **{**BASE, "costs": "spread"})
    assert lab.costs == "none: the data has no spread"
    assert lab.r[0] == lab.r_gross[0]


def test_labels_never_cross_a_segment():
    rows = [(100, 100.1, 99.9, 100)] * 10
    lab = triple_barrier(make_bars(rows, segment=[0] * 5 + [1] * 5), **{**BASE, "rows": None})
    assert lab.status.tolist() == ["ok", "ok", "open", "open", "open"] * 2
    assert lab.counts == {"ok": 4, "open": 6}


def test_rows_in_the_warm_up_of_the_atr_have_no_label():
    lab = triple_barrier(random_bars(0, 100))
    assert np.all(lab.status[:14] == "bad_risk")
    assert lab.status[14] == "ok"
    assert np.all(lab.status[-20:] == "open")


def test_risk_limits_are_counted_not_kept():
    bars = path("101.2/101.3/99.9/100.2, 100.2/102.4/100.1/102.2", 101.2, 5)
    assert triple_barrier(bars, **RETEST, risk_limits=(0.1, 0.5)).status[0] == "bad_risk"
    assert triple_barrier(bars, **{**RETEST, "stop_price": 100.5}).status[0] == "bad_risk"


def test_excursions_are_cut_at_the_exit():
    lab = triple_barrier(path("100/101/99.5/100.8, 100.8/102.9/100.5/102", 100, 4), **BASE)
    assert (lab.mfe_r[0], lab.mae_r[0]) == (2.0, -0.5)


# A slow obvious reference


@dataclass
class Trade:
    y: float
    t1: int
    rule: str
    status: str
    gross: float


def reference(b: Bars, t: int, *, horizon, target, stop, unit, entry, side, tie, scale, limit, wait) -> Trade:
    """The definition, one sentence per line, for a long; shorts negate the prices."""
    n = len(b)
    o, h, low, c = (b.open, b.high, b.low, b.close) if side > 0 else (-b.open, -b.low, -b.high, -b.close)
    window = wait + horizon - 1 if entry == "retest" else horizon
    missing = Trade(math.nan, -1, "", "open", math.nan)
    if t + window > n - 1 or b.segment[t + window] != b.segment[t]:
        return missing
    inside = False
    if entry == "retest":
        price = side * limit[t]
        eps = 1e-9 * abs(price)
        e = next((j for j in range(t + 1, t + wait + 1) if low[j] <= price + eps), -1)
        if e < 0:
            return Trade(math.nan, t + wait, "", "unfilled", math.nan)
        fill = o[e] if o[e] <= price + eps else price
        inside = o[e] > price + eps
    else:
        e = t + 1
        fill = price = c[t] if entry == "close" else o[e]
    eps = 1e-9 * abs(fill)
    one = scale[t] if unit == "atr" else 1.0
    risk = stop * one
    s_level, t_level = price - risk, price + target * one
    if entry == "retest" and not inside and fill <= s_level + eps:
        return Trade(-1, e, "stop_gap", "ok", 0.0)
    for j in range(e, e + horizon):
        if j > e or entry == "close":
            if o[j] <= s_level + eps:
                return Trade(-1, j, "stop_gap", "ok", (o[j] - fill) / risk)
            if o[j] >= t_level - eps:
                return Trade(1, j, "target_gap", "ok", (t_level - fill) / risk)
        stop_hit = low[j] <= s_level + eps
        target_hit = (c[j] if inside and j == e else h[j]) >= t_level - eps
        if stop_hit and target_hit:
            if tie == "drop":
                return Trade(math.nan, j, "stop_tie", "tie_drop", (s_level - fill) / risk)
            if tie == "target":
                return Trade(1, j, "target_tie", "ok", (t_level - fill) / risk)
            return Trade(-1, j, "stop_tie", "ok", (s_level - fill) / risk)
        if stop_hit:
            return Trade(-1, j, "stop", "ok", (s_level - fill) / risk)
        if target_hit:
            return Trade(1, j, "target", "ok", (t_level - fill) / risk)
    v = e + horizon - 1
    return Trade(0, v, "timeout", "ok", (c[v] - fill) / risk)


def random_bars(seed: int, n: int) -> Bars:
    """Bars with gaps, on a grid coarse enough for exact touches."""
    rng = np.random.default_rng(seed)
    step = rng.normal(0, 1, (n, 8)).round(1)
    gap = np.where(rng.random(n) < 0.15, rng.normal(0, 2, n).round(1), 0.0)
    paths = 100 + np.cumsum(step.sum(1) + gap)[:, None] - step[:, ::-1].cumsum(1)[:, ::-1] + step
    paths = paths.round(1)
    segment = np.cumsum(rng.random(n) < 0.02).astype(np.int32)
    prices = np.column_stack([paths[:, 0], paths.max(1), paths.min(1), paths[:, -1]])
    return make_bars(prices, segment=segment, digits=1)


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    horizon=st.integers(1, 12),
    target=st.sampled_from([0.5, 1.0, 2.0, 3.5]),
    stop=st.sampled_from([0.5, 1.0, 2.0]),
    unit=st.sampled_from(["atr", "abs"]),
    entry=st.sampled_from(["next_open", "close", "retest"]),
    side=st.sampled_from([1, -1]),
    tie=st.sampled_from(["stop", "target", "drop"]),
    wait=st.integers(1, 6),
)
def test_labels_equal_a_slow_obvious_reference(seed, horizon, target, stop, unit, entry, side, tie, wait):
    bars = random_bars(seed, 120)
    scale = np.full(len(bars), 2.0) + np.arange(len(bars)) % 3
    limit = bars.close - side * 1.0
    arguments = {"horizon": horizon, "target": target, "stop": stop, "unit": unit, "entry": entry, "tie": tie,
                 "side": side}  # fmt: skip
    extra = {"limit": limit, "wait": wait} if entry == "retest" else {}
    lab = triple_barrier(bars, **arguments, **extra, scale=scale if unit == "atr" else None)
    for t in range(len(bars)):
        want = reference(bars, t, **arguments, scale=scale, limit=limit, wait=wait)
        got = (lab.status[t], lab.rule[t], lab.t1[t])
        assert got == (want.status, want.rule, want.t1), t
        np.testing.assert_equal(lab.y[t], want.y)
        np.testing.assert_allclose(lab.r_gross[t], want.gross, rtol=0, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), cut=st.integers(20, 119), horizon=st.integers(1, 12))
def test_later_bars_never_change_a_label_whose_window_has_passed(seed, cut, horizon):
    bars = random_bars(seed, 120)
    whole = triple_barrier(bars, horizon=horizon)
    prefix = triple_barrier(bars[:cut], horizon=horizon)
    done = cut - horizon
    for name in (
        "y",
        "t1",
        "e",
        "fill",
        "stop",
        "target",
        "exit",
        "r",
        "mfe_r",
        "mae_r",
        "status_code",
        "rule_code",
    ):
        np.testing.assert_array_equal(getattr(whole, name)[:done], getattr(prefix, name)[:done], err_msg=name)


def test_labels_use_no_row_outside_their_interval():
    bars = random_bars(3, 200)
    lab = triple_barrier(bars, horizon=8)
    ok = np.flatnonzero(lab.ok)
    assert np.all(lab.t1[ok] > lab.t0[ok])
    assert np.all(lab.t1[ok] <= lab.t0[ok] + 8)
    for t in ok[::7]:
        # Rows after t1 become something else entirely: the label stays.
        changed = np.column_stack([bars.open, bars.high, bars.low, bars.close])
        changed[lab.t1[t] + 1 :] = 1.0
        again = triple_barrier(make_bars(changed, segment=bars.segment, digits=1), horizon=8, rows=[int(t)])
        assert (again.y[0], again.t1[0], again.r[0]) == (lab.y[t], lab.t1[t], lab.r[t])


def test_any_rows_and_sides_give_the_same_labels_as_all_rows():
    bars = random_bars(5, 200)
    rows = np.array([90, 20, 150, 21])
    side = np.array([1, -1, -1, 1])
    lab = triple_barrier(bars, rows=rows, side=side)
    for k, (t, s) in enumerate(zip(rows, side, strict=True)):
        np.testing.assert_equal(lab.r[k], triple_barrier(bars, side=int(s)).r[t])
    assert lab.t0.tolist() == rows.tolist()
    assert lab.side.tolist() == side.tolist()


def test_a_table_of_labels_can_be_read():
    pytest.importorskip("pandas")
    frame = triple_barrier(random_bars(1, 80)).to_pandas()
    assert {"y", "status", "t0", "t1", "rule", "r", "mfe_r"} <= set(frame.columns)
    assert len(frame) == 80


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"horizon": 0}, "horizon must be an integer of at least 1, but is 0"),
        ({"stop": -1.0}, "stop must be a number above 0"),
        ({"unit": "pips"}, "unit must be one of"),
        ({"entry": "retest"}, "needs limit="),
        ({"limit": 1.0}, "limit= belongs to entry"),
        ({"unit": "pct", "scale": 1.0}, "scale= belongs to unit"),
        ({"costs": "free"}, "costs must be"),
        ({"side": 0}, "side must be"),
        ({"rows": [500]}, "rows must lie in 0..79"),
        ({"scale": np.ones(3)}, "scale must be one value"),
    ],
)
def test_wrong_arguments_are_named(arguments, words):
    with pytest.raises(InputError, match=words):
        triple_barrier(random_bars(1, 80), **arguments)


def test_no_bars_give_no_labels():
    lab = triple_barrier(make_bars(np.empty((0, 4))))
    assert isinstance(lab, Labels)
    assert len(lab) == 0
