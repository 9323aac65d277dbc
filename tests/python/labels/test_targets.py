"""Returns and path targets: worked numbers, a slow obvious reference, and what a label may look at."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smctrain.bars.types import Bars
from smctrain.exceptions import InputError
from smctrain.labels import excess_return, fit_band, forward_return, make_target, outperform, path_target

SIZES = {
    "peak": 0.8, "valley": 0.8, "first_touch": 1.5, "mfe": None, "mae": None, "mdd": None, "mfe_reached": 0.004,
    "mdd_reached": 0.006, "swing_high": 0.006, "swing_low": 0.006,
}  # fmt: skip


def bars_of(open_, high, low, close, *, segment=None) -> Bars:
    n = len(close)
    return Bars(
        symbol="TEST",
        timeframe="M15",
        time=np.datetime64("2024-01-01", "ns") + np.arange(n) * np.timedelta64(900, "s"),
        open=np.asarray(open_, dtype=np.float64),
        high=np.asarray(high, dtype=np.float64),
        low=np.asarray(low, dtype=np.float64),
        close=np.asarray(close, dtype=np.float64),
        segment=np.zeros(n, dtype=np.int32) if segment is None else np.asarray(segment, dtype=np.int32),
    )


def wander(n: int, seed: int, segment=None) -> Bars:
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 2e-3, n)))
    open_ = np.concatenate([[100.0], close[:-1]]) * np.exp(rng.normal(0, 3e-4, n))
    high = np.maximum(open_, close) * (1 + rng.exponential(8e-4, n))
    low = np.minimum(open_, close) * (1 - rng.exponential(8e-4, n))
    return bars_of(open_, high, low, close, segment=segment)


def closes(values) -> Bars:
    return bars_of(values, values, values, values)


# -- returns --------------------------------------------------------------------------------------------------------


def test_a_forward_return_goes_from_the_close_to_the_close_of_the_end():
    labels = forward_return(closes([100, 102, 99, 110]), 2)
    np.testing.assert_allclose(labels.y, [-0.01, 110 / 102 - 1, np.nan, np.nan])
    assert labels.t1.tolist() == [2, 3, -1, -1]
    assert labels.status.tolist() == ["ok", "ok", "open", "open"]
    assert labels.fill[0] == 100
    assert labels.exit[0] == 99
    assert labels.window == 2


def test_the_base_may_be_the_next_open():
    b = bars_of([100, 101, 105, 108], [110] * 4, [90] * 4, [100, 102, 99, 110])
    np.testing.assert_allclose(forward_return(b, 2, base="next_open").y[:2], [99 / 101 - 1, 110 / 105 - 1])


def test_a_band_makes_a_class_with_a_neutral_middle():
    b = closes([100, 101, 100.999, 103, 100])
    labels = forward_return(b, 1, band=0.001)
    np.testing.assert_array_equal(labels.y, [1, np.nan, 1, 0, np.nan])
    assert labels.status.tolist() == ["ok", "neutral", "ok", "ok", "open"]
    np.testing.assert_array_equal(forward_return(b, 1, band=0).y, [1, 0, 1, 0, np.nan])


def test_an_unchanged_price_is_not_neutral_without_a_band():
    np.testing.assert_array_equal(forward_return(closes([100, 100]), 1, band=0).y, [0, np.nan])


def test_a_return_over_a_missing_price_is_no_class():
    labels = forward_return(closes([100, np.nan, 102, 103]), 1, band=0)
    np.testing.assert_array_equal(labels.y, [np.nan, np.nan, 1, np.nan])
    assert labels.status.tolist() == ["missing", "missing", "ok", "open"]


def test_an_excess_needs_both_stamps_of_the_benchmark():
    b = closes([100, 102, 103, 104, 106])
    index = closes([50, 50.5, 51, 51.5, 52])
    full = excess_return(b, 1, index)
    np.testing.assert_allclose(full.y[:2], [0.02 - 0.01, 103 / 102 - 51 / 50.5])
    keep = np.array([True, True, False, True, True])
    holey = replace(
        index, **{name: getattr(index, name)[keep] for name in ("time", "open", "high", "low", "close", "segment")}
    )
    assert excess_return(b, 1, holey).status.tolist() == ["ok", "missing", "missing", "ok", "open"]
    np.testing.assert_array_equal(outperform(b, 1, holey).y[1:3], [np.nan, np.nan])
    split = replace(index, segment=np.array([0, 1, 1, 1, 1], dtype=np.int32))
    assert excess_return(b, 1, split).status.tolist() == ["missing", "ok", "ok", "ok", "open"]


def test_an_excess_from_the_next_open_uses_the_opens_of_both():
    b = bars_of([100, 101, 103], [110] * 3, [90] * 3, [100, 102, 103])
    index = bars_of([50, 51, 52], [60] * 3, [40] * 3, [50, 50, 53])
    np.testing.assert_allclose(excess_return(b, 2, index, base="next_open").y[0], 103 / 101 - 53 / 51)


def test_outperforming_is_a_class_of_the_excess():
    b, index = closes([100, 102, 103, 100]), closes([50, 50.5, 51.0, 51.5])
    np.testing.assert_array_equal(outperform(b, 1, index).y, [1, 0, 0, np.nan])
    assert outperform(b, 1, index, band=0.001).status.tolist() == ["ok", "neutral", "ok", "open"]


def test_a_band_is_fitted_on_the_rows_it_is_given():
    labels = forward_return(closes([100, 101, 103.02, 100, 50]), 1)
    assert fit_band(labels, 0.5, rows=[0, 1]) == pytest.approx(0.015)
    assert fit_band(labels, 1.0) == pytest.approx(0.5)
    with pytest.raises(InputError, match="at least one label"):
        fit_band(labels, 0.5, rows=[4])
    with pytest.raises(InputError, match=r"rows must lie in 0\.\.4"):
        fit_band(labels, 0.5, rows=[-1])


# -- paths ----------------------------------------------------------------------------------------------------------


def quiet_then(*rows) -> Bars:
    """21 closes that alternate by 1 % around 100, the last at 100; then the given (high, low, close) bars."""
    start = [100.0 if i % 2 == 0 else 101.0 for i in range(21)]
    high, low, close = ([*start, *(row[k] for row in rows)] for k in range(3))
    return bars_of([*start, *close[20:-1]], high, low, close)


def test_highs_and_lows_touch_barriers_in_volatilities_known_at_the_decision():
    steps = [0.01, 100 / 101 - 1] * 10
    u = statistics.stdev(steps)
    b = quiet_then((100 * (1 + u) * 1.0001, 99.9, 100), (100, 100 * (1 - 2 * u) * 0.9999, 100), (100, 100, 100))
    rows = {"rows": [20]}
    assert make_target(b, "y_peak_3b_1", **rows).y == 1
    assert make_target(b, "y_peak_3b_1.1", **rows).y == 0
    assert make_target(b, "y_valley_3b_2", **rows).y == 1
    assert make_target(b, "y_valley_1b_2", **rows).y == 0
    touch = make_target(b, "y_first_touch_3b_1", **rows)
    assert (touch.y[0], touch.t1[0]) == (1, 21)
    touch = make_target(b, "y_first_touch_3b_2", **rows)
    assert (touch.y[0], touch.t1[0]) == (-1, 22)
    touch = make_target(b, "y_first_touch_3b_5", **rows)
    assert (touch.y[0], touch.t1[0]) == (0, 23)
    assert make_target(b, "y_peak_3b_1", **rows).t1 == 23


def test_both_barriers_in_one_bar_are_neither():
    touch = make_target(quiet_then((120, 80, 100), (120, 100, 100)), "y_first_touch_2b_1", rows=[20])
    assert (touch.y[0], touch.t1[0]) == (0, 21)


def test_rows_without_twenty_returns_have_no_volatility():
    b = wander(60, 3, segment=[0] * 30 + [1] * 30)
    status = path_target(b, "peak", 2, 0.5).status
    assert set(status[:20]) == {"missing"}
    assert status[20] == "ok"
    assert set(status[30:50]) == {"missing"}
    assert status[50] == "ok"


def test_prices_that_never_moved_set_no_barrier():
    assert path_target(closes([100.0] * 30), "first_touch", 2, 1.0).status[25] == "bad_risk"


def test_every_horizon_and_size_is_its_own_target():
    b = wander(300, 5)
    names = [f"y_mfe_{h}b_{x}" for h in (5, 20) for x in (0.002, 0.01)]
    shares = [np.nanmean(make_target(b, name, rows=np.arange(200)).y) for name in names]
    assert len(set(shares)) == 4


def slow(b: Bars, kind: str, horizon: int, size: float | None, t: int, next_open: bool):
    """(y, t1) of one row from the definition; y NaN where a price or volatility is missing."""
    base = b.open[t + 1] if next_open else b.close[t]
    window = range(t + 1, t + horizon + 1)
    prices = [base, *b.high[list(window)], *b.low[list(window)]]
    if not all(math.isfinite(p) for p in prices):
        return math.nan, -1
    high, low = max(b.high[j] for j in window), min(b.low[j] for j in window)
    end = t + horizon
    if kind in ("peak", "valley", "first_touch"):
        if t < 20 or any(b.segment[j] != b.segment[t] for j in range(t - 20, t)):
            return math.nan, -1
        steps = [b.close[j] / b.close[j - 1] - 1 for j in range(t - 19, t + 1)]
        if not all(math.isfinite(x) for x in steps):
            return math.nan, -1
        u = statistics.stdev(steps)
        upper, lower = base * (1 + size * u), base * (1 - size * u)
        if kind == "peak":
            return float(high >= upper), end
        if kind == "valley":
            return float(low <= lower), end
        for j in window:
            up, down = b.high[j] >= upper, b.low[j] <= lower
            if up or down:
                return (0.0 if up and down else 1.0 if up else -1.0), j
        return 0.0, end
    tops = [max([base, *(b.high[i] for i in range(t + 1, j))]) for j in window]
    bottoms = [min([base, *(b.low[i] for i in range(t + 1, j))]) for j in window]
    mfe, mae = high / base - 1, 1 - low / base
    mdd = max((top - b.low[j]) / top for top, j in zip(tops, window, strict=True))
    fell = (
        any(top > base and (top - b.low[j]) / top >= size for top, j in zip(tops, window, strict=True)) if size else 0
    )
    rose = (
        any(bottom < base and (b.high[j] - bottom) / bottom >= size for bottom, j in zip(bottoms, window, strict=True))
        if size
        else 0
    )
    values = {
        "mfe": mfe, "mae": mae, "mdd": mdd, "mfe_reached": float(size is not None and mfe >= size),
        "mdd_reached": float(size is not None and mdd >= size), "swing_high": float(fell), "swing_low": float(rose),
    }  # fmt: skip
    return values[kind], end


@pytest.mark.parametrize("kind", SIZES)
@pytest.mark.parametrize("base", ["close", "next_open"])
def test_path_targets_equal_a_slow_obvious_reference(kind, base):
    n, horizon = 160, 7
    b = wander(n, 11, segment=[0] * 70 + [1] * 90)
    b.high[40] = np.nan
    b.close[120] = np.nan
    labels = path_target(b, kind, horizon, SIZES[kind], base=base)
    classes = set()
    for t in range(n):
        if t + horizon >= n or b.segment[t + horizon] != b.segment[t]:
            assert labels.status[t] == "open"
            continue
        y, t1 = slow(b, kind, horizon, SIZES[kind], t, base == "next_open")
        np.testing.assert_allclose(labels.y[t], y, rtol=1e-10, atol=1e-14)
        assert labels.t1[t] == t1
        assert labels.status[t] == ("missing" if math.isnan(y) else "ok")
        classes.add(y)
    assert len(classes) > 2  # NaN and at least two values


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(sorted(SIZES)),
    base=st.sampled_from(["close", "next_open"]),
    seed=st.integers(0, 100_000),
    horizon=st.integers(1, 9),
    factor=st.sampled_from([0.25, 1.0, 2.0]),
)
def test_path_targets_of_any_path_equal_the_reference(kind, base, seed, horizon, factor):
    rng = np.random.default_rng(seed)
    segment = np.cumsum(rng.random(70) < 0.02)
    b = wander(70, seed, segment=segment)
    low = b.low.copy()
    low[rng.random(70) < 0.02] = np.nan
    b = replace(b, low=low)
    size = None if SIZES[kind] is None else SIZES[kind] * factor
    labels = path_target(b, kind, horizon, size, base=base)
    for t in range(70):
        if t + horizon > 69 or segment[t + horizon] != segment[t]:
            assert labels.status[t] == "open"
            continue
        y, t1 = slow(b, kind, horizon, size, t, base == "next_open")
        np.testing.assert_allclose(labels.y[t], y, rtol=1e-12, atol=1e-15)
        assert labels.t1[t] == t1


@settings(max_examples=25, deadline=None)
@given(kind=st.sampled_from(sorted(SIZES)), seed=st.integers(0, 1000), t=st.integers(25, 60), horizon=st.integers(1, 9))
def test_a_label_uses_no_bar_after_its_t1(kind, seed, t, horizon):
    b = wander(80, seed)
    labels = path_target(b, kind, horizon, SIZES[kind], rows=[t])
    after = labels.t1[0] + 1
    wild = {name: getattr(b, name).copy() for name in ("open", "high", "low", "close")}
    for values in wild.values():
        values[after:] *= 3.0
    changed = path_target(replace(b, **wild), kind, horizon, SIZES[kind], rows=[t])
    assert changed.y[0] == labels.y[0]
    assert changed.t1[0] == labels.t1[0]


def test_later_bars_never_change_a_label():
    b = wander(200, 8)
    for kind, size in SIZES.items():
        whole = path_target(b, kind, "2h", size)
        for cut in (30, 31, 99, 199):
            part = path_target(b[:cut], kind, "2h", size)
            known = part.status != "open"
            np.testing.assert_array_equal(part.y[known], whole.y[:cut][known])
            np.testing.assert_array_equal(part.t1[known], whole.t1[:cut][known])
            assert (part.status == "open").sum() == 8


def test_one_bar_or_none_has_no_label():
    for b in (wander(1, 1), wander(0, 1)):
        assert len(path_target(b, "mdd", 3)) == len(b)
        assert set(forward_return(b, 1).status) <= {"open"}


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_targets_do_not_depend_on_the_size_of_prices(scale):
    b = wander(120, 4)
    scaled = replace(b, **{name: getattr(b, name) * scale for name in ("open", "high", "low", "close")})
    for kind, size in SIZES.items():
        np.testing.assert_allclose(path_target(scaled, kind, 5, size).y, path_target(b, kind, 5, size).y, rtol=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda b: make_target(b, "excess_4b"), "needs benchmark="),
        (lambda b: make_target(b, "fwd_ret_4b", benchmark=b), "takes no benchmark="),
        (lambda b: make_target(b, "excess_4b", benchmark=b, band=0.1), "band= belongs to"),
        (lambda b: outperform(b, 4, b, band=-1), "band must be"),
        (lambda b: forward_return(b, 4, base="open"), "base must be one of 'close', 'next_open'"),
        (lambda b: path_target(b, "peak", 4), "size must be a number above 0 for 'peak', but is None"),
        (lambda b: path_target(b, "mfe", 4, 0.1), "size must be left out for 'mfe'"),
        (lambda b: path_target(b, "peak", 4, float("nan")), "size must be"),
        (lambda b: path_target(b, "top", 4), "kind must be one of"),
        (lambda b: forward_return(b, 4, rows=[50]), r"rows must lie in 0\.\.49"),
        (lambda b: excess_return(b, 4, replace(b, timeframe="H1")), "benchmark must have the timeframe"),
        (lambda b: forward_return(b, "1d", day_zone="Mars"), "time zone"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(InputError, match=message):
        call(wander(50, 2))


def test_a_table_of_targets_shows_no_columns_of_trades():
    labels = forward_return(wander(20, 1), "30m")
    assert labels.to_pandas().columns.tolist() == ["y", "status", "t0", "t1", "fill", "exit"]
    assert repr(labels) == "Labels(20 rows; ok: 18, open: 2; fwd_ret_30m)"
