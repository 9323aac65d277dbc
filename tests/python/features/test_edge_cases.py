"""Odd bars through every column, event, label and stream: a documented result or a typed error, never an infinity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import smctrain as st
from smctrain.bars.types import Bars
from smctrain.exceptions import InputError
from smctrain.features import FeatureSpec, build_features
from smctrain.testing import ohlc_paths, replay
from smctrain.testing.replaying import event_functions, every_column, label_functions

N = 400
PRICES = ("open", "high", "low", "close")
EVERY = every_column()


@pytest.fixture(scope="module")
def plain() -> Bars:
    return ohlc_paths("G2", N, seed=1)


def with_prices(b: Bars, **columns: Any) -> Bars:
    return replace(b, digits=None, **{name: np.asarray(values, dtype=np.float64) for name, values in columns.items()})


def times(b: Bars, factor: float) -> Bars:
    return with_prices(b, **{name: getattr(b, name) * factor for name in PRICES})


def all_equal(b: Bars, close: Any) -> Bars:
    return with_prices(b, **dict.fromkeys(PRICES, np.broadcast_to(close, len(b)).astype(np.float64)))


def poked(b: Bars, name: str, row: Any, value: float) -> Bars:
    values = getattr(b, name).copy()
    values[row] = value
    return replace(b, digits=None, **{name: values})


def mirrored(b: Bars) -> Bars:
    return with_prices(b, open=-b.open, high=-b.low, low=-b.high, close=-b.close)


def paused(b: Bars, days: int) -> Bars:
    time = b.time.copy()
    time[200:] += np.timedelta64(days, "D")
    return replace(b, time=time, segment=(np.arange(len(b)) >= 200).astype(np.int32) if days > 7 else b.segment)


ODD: dict[str, Callable[[Bars], Bars]] = {
    "one bar": lambda b: b[:1],
    "two bars": lambda b: b[:2],
    "three bars": lambda b: b[:3],
    "no bars": lambda b: b[:0],
    "all flat": lambda b: all_equal(b, 1.1),
    "flat at zero": lambda b: all_equal(b, 0.0),
    "minus zero": lambda b: all_equal(b, -0.0),
    "below zero": mirrored,
    "prices around 1e-7": lambda b: times(b, 1e-9),
    "prices around 1e11": lambda b: times(b, 1e9),
    "prices around 1e-308": lambda b: times(b, 1e-310),
    "prices around 1e302": lambda b: times(b, 1e300),
    "prices around 1e307": lambda b: times(b, 1e305),
    "no volume": lambda b: replace(b, volume=None, spread=None),
    "zero volume": lambda b: replace(b, volume=np.zeros(len(b))),
    "constant volume": lambda b: replace(b, volume=np.full(len(b), 7.0)),
    "enormous volume": lambda b: replace(b, volume=np.asarray(b.volume) * 1e304),
    "volume missing here and there": lambda b: poked(b, "volume", slice(0, None, 7), np.nan),
    "infinite volume": lambda b: poked(b, "volume", 300, np.inf),
    "negative volume": lambda b: replace(b, volume=-np.asarray(b.volume)),
    "flat, then a jump": lambda b: all_equal(b, np.where(np.arange(len(b)) < 300, 1.0, 1e6)),
    "a spike of twelve digits": lambda b: all_equal(b, np.where(np.arange(len(b)) == 300, 1e12, 1.0)),
    "no first close": lambda b: poked(b, "close", 0, np.nan),
    "thirty bars without close": lambda b: poked(b, "close", slice(200, 230), np.nan),
    "no price at all": lambda b: all_equal(b, np.nan),
    "infinite high": lambda b: poked(b, "high", 300, np.inf),
    "low of zero": lambda b: poked(b, "low", 300, 0.0),
    "low below zero": lambda b: poked(b, "low", 300, -5.0),
    "high and low swapped": lambda b: with_prices(b, high=b.low, low=b.high),
    "a hole of 400 days": lambda b: paused(b, 400),
    "a hole of 5 days": lambda b: paused(b, 5),
    "the year 1900": lambda b: replace(b, time=b.time - b.time[0] + np.datetime64("1900-01-01", "ns")),
    "the year 2250": lambda b: replace(b, time=b.time - b.time[0] + np.datetime64("2250-01-01", "ns")),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ODD)
def test_no_column_is_ever_infinite(plain: Bars, name: str, dtype: str) -> None:
    b = ODD[name](plain)
    table = build_features(b, replace(EVERY, dtype=dtype))
    assert table.values.shape == (len(b), len(EVERY.columns or ()))
    assert table.values.dtype == np.dtype(dtype)
    infinite = [column for column in table.names if np.isinf(table[column]).any()]
    assert infinite == []


@pytest.mark.parametrize("name", ODD)
def test_events_of_odd_bars_keep_their_order_and_have_finite_prices(plain: Bars, name: str) -> None:
    b = ODD[name](plain)
    for source, function in event_functions().items():
        events = function(b)
        assert (events["origin"] <= events["known_at"]).all(), source
        closed = events["invalidated_at"] >= 0
        assert (events["invalidated_at"][closed] >= events["known_at"][closed]).all(), source
        assert ((events["known_at"] < len(b)) & (events["origin"] >= 0)).all(), source
        for column in ("level", "top", "bottom"):
            if column in events.names:
                assert np.isfinite(events[column]).all(), (source, column)


@pytest.mark.parametrize("name", ODD)
def test_labels_of_odd_bars_have_a_status_and_are_never_infinite(plain: Bars, name: str) -> None:
    b = ODD[name](plain)
    for source, make in label_functions(b).items():
        labels = make(b)
        assert len(labels) == len(b)
        assert set(labels.status) <= set(st.labels.STATUSES), source
        np.testing.assert_array_equal(np.isfinite(labels.y), labels.ok, err_msg=source)
        assert (labels.t1[labels.ok] < len(b)).all(), source


@pytest.mark.parametrize("name", ODD)
def test_odd_bars_rewrite_nothing_and_stream_like_the_batch(plain: Bars, name: str) -> None:
    b = ODD[name](plain)
    if len(b):
        report = replay(b, EVERY, cuts=20, parts=["columns", "events"])
        assert report.rewritten == 0, report.changed


def test_flat_bars_make_no_events(plain: Bars) -> None:
    flat = all_equal(plain, 1.1)
    for source, function in event_functions().items():
        if function(flat)["kind"].tolist():
            assert source.split()[0] in ("sessions", "previous_levels"), source  # of the clock


def test_columns_without_a_scale_are_missing_on_flat_bars(plain: Bars) -> None:
    table = build_features(all_equal(plain, 1.1), EVERY)
    for column in table.catalogue:
        if column.unit == "atr":
            assert np.isnan(table[column.name]).all(), column


@pytest.mark.parametrize("factor", [2.0**-30, 2.0**30])
def test_only_prices_know_the_unit_of_money(plain: Bars, factor: float) -> None:
    # A power of two changes no digit: everything that is no price must be the same to the bit.
    before, after = build_features(plain, EVERY), build_features(times(plain, factor), EVERY)
    assert {column.unit for column in before.catalogue} >= {"atr", "ratio", "price", "bars", "flag", "pct"}
    for column in before.catalogue:
        if column.unit == "log_price":
            moved = before[column.name] + np.log(factor)
            np.testing.assert_allclose(after[column.name], moved, rtol=0.0, atol=1e-12)
            continue
        scale = factor if column.unit == "price" else 1.0
        np.testing.assert_array_equal(after[column.name], before[column.name] * scale, err_msg=str(column))


def test_only_volumes_know_the_unit_of_volume(plain: Bars) -> None:
    before = build_features(plain, EVERY)
    after = build_features(replace(plain, volume=np.asarray(plain.volume) * 1024.0), EVERY)
    for column in before.catalogue:
        # The averages of accumulated volume are in units of volume though no level.
        scale = 1024.0 if column.unit == "volume" else 1.0
        np.testing.assert_array_equal(after[column.name], before[column.name] * scale, err_msg=str(column))


def test_a_market_upside_down_swaps_bulls_and_bears(plain: Bars) -> None:
    b = replace(plain, open=np.round(plain.open, 2), high=np.round(plain.high, 2), low=np.round(plain.low, 2),
                close=np.round(plain.close, 2))  # fmt: skip
    up, down = build_features(b, EVERY), build_features(mirrored(b), EVERY)
    swapped = 0
    for name in up.names:
        if name.startswith("htf_") or not any(part in name for part in ("_bull_", "_bsl_", "sw_high_")):
            continue
        other = name.replace("_bull_", "_bear_").replace("_bsl_", "_ssl_").replace("sw_high_", "sw_low_")
        if name.endswith(("_valid", "_top", "_bottom", "_rsi_ok")) or other not in up.names:
            continue
        sign = -1.0 if name.endswith(("_level", "_kind")) else 1.0
        np.testing.assert_array_equal(down[other], sign * up[name], err_msg=name)
        swapped += 1
    assert swapped > 50
    events = event_functions()
    for source in ("swings", "structure", "fair_value_gaps", "order_blocks seed", "order_blocks extreme", "liquidity"):
        a, z = events[source](b), events[source](mirrored(b))

        def keys(e: Any, side: int) -> list[tuple[int, ...]]:
            return sorted(
                zip(*((e[c] * (side if c == "side" else 1)).tolist() for c in
                      ("known_at", "origin", "invalidated_at", "side")), strict=True)
            )  # fmt: skip

        assert keys(a, 1) == keys(z, -1), source


@pytest.mark.parametrize("function", [build_features, st.smc.swings, st.smc.sessions, st.smc.previous_levels])
def test_bars_out_of_order_are_an_error_that_names_symbol_and_row(plain: Bars, function: Any) -> None:
    time = plain.time.copy()
    time[20] = time[19]
    with pytest.raises(InputError, match=r"^G2 M15: bars must come in order of time, but row 20 \(2023-01-02T04:45\)"):
        function(replace(plain, time=time))


def test_one_more_bar_than_none_is_enough_for_every_preset(plain: Bars) -> None:
    for preset in ("default", "full"):
        for n in (0, 1, 2):
            table = build_features(plain[:n], FeatureSpec(preset=preset))
            assert table.values.shape == (n, len(table.names))
