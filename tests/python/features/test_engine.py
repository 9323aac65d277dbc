"""Warm-up, healing, segments, odd inputs, and the faces of the feature room."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from smctrain.bars.types import Bars, SymbolBars
from smctrain.exceptions import InputError
from smctrain.features import FeatureSpec, FeatureTable, build_features

FULL = FeatureSpec(preset="full", dtype="float64")
OFF_AND_ON = "cal_ny_minutes_to_session_end"
OWN_FAMILIES = ("technical", "returns", "trend", "candle", "volatility", "volume", "calendar")


def test_warmup_is_exactly_the_rows_that_are_missing_at_the_start(draw: Any) -> None:
    bars = draw(400, seed=8)
    table = build_features(bars, replace(FULL, groups=OWN_FAMILIES))
    for column in table.catalogue:
        if column.settle < 0 or column.name == OFF_AND_ON:  # the calendar says when these begin
            continue
        finite = np.isfinite(table[column.name])
        assert int(np.argmax(finite)) == column.warmup, column
        if column.warmup:
            assert not finite[: column.warmup].any()


def test_warmup_of_higher_columns_counts_base_rows(draw: Any) -> None:
    table = build_features(draw(1200, seed=8), FeatureSpec(columns=("htf_h1_trend_bias_atr", "htf_h4_atr_z50")))
    for column in table.catalogue:
        assert int(np.argmax(np.isfinite(table[column.name]))) == column.warmup


def test_the_start_of_the_bars_does_not_show_once_settled(draw: Any) -> None:
    bars = draw(2500, seed=4)
    start = 333
    spec = replace(FULL, groups=OWN_FAMILIES)
    whole, late = build_features(bars, spec), build_features(bars[start:], spec)
    checked = 0
    for column in whole.catalogue:
        if column.settle < 0:
            continue
        skip = column.warmup + column.settle
        a, b = whole[column.name][start + skip :], late[column.name][skip:]
        assert len(a) > 500
        scale = np.maximum(np.maximum(np.abs(a), np.nanstd(a)), 1e-300)
        assert np.nanmax(np.abs(a - b) / scale) <= 1e-6, column
        assert (np.isnan(a) == np.isnan(b)).all()
        checked += 1
    assert checked >= 60


def test_one_missing_bar_heals(draw: Any) -> None:
    bars = draw(900, seed=6)
    clean = build_features(bars, replace(FULL, groups=OWN_FAMILIES))
    row = 400
    close = bars.close.copy()
    close[row] = np.nan
    poked = build_features(replace(bars, close=close), replace(FULL, groups=OWN_FAMILIES))
    assert_equal = np.testing.assert_array_equal
    assert_equal(poked.values[:row], clean.values[:row])
    for column in poked.catalogue:
        values = poked[column.name]
        if column.family == "calendar":
            np.testing.assert_array_equal(values, clean[column.name])
            assert np.isfinite(values).all() or column.name == OFF_AND_ON
            continue
        if column.settle < 0:  # on the clock: tests of their own
            continue
        assert np.isnan(values[row]), column
        missing = np.flatnonzero(np.isnan(values[row:]))
        if column.lookback > 0:
            window = column.lookback
            assert missing.max() < window, column
            later = slice(row + window, None)
            np.testing.assert_allclose(values[later], clean[column.name][later], rtol=1e-9, atol=1e-12)
        else:  # recursive: back on the next bar, unless a window stands behind it
            assert missing.max() <= {"atr_z50": 49, "trend_bias_atr_z100": 99}.get(column.name, 49)
    for name in (
        "natr_14",
        "rsi_wilder_14",
        "macd_hist_12_26_9_atr",
        "adx_14",
        "vol_ewma_94",
        "trend_bias_atr",
    ):
        assert np.isfinite(poked[name][row + 1]), name


def test_everything_restarts_where_the_segment_changes(draw: Any) -> None:
    bars = draw(500, seed=7)
    segment = (np.arange(500) >= 260).astype(np.int32)
    table = build_features(replace(bars, segment=segment), replace(FULL, groups=OWN_FAMILIES))
    first, second = (build_features(part, replace(FULL, groups=OWN_FAMILIES)) for part in (bars[:260], bars[260:]))
    np.testing.assert_array_equal(table.values[:260], first.values)
    np.testing.assert_array_equal(table.values[260:], second.values)


@pytest.mark.parametrize("n", [0, 1, 2, 15])
def test_very_few_bars_give_as_many_rows(draw: Any, n: int) -> None:
    table = build_features(draw(20)[:n])
    assert table.values.shape == (n, len(table.names))
    assert not table.settled.any()


def test_flat_prices_give_no_infinities(draw: Any) -> None:
    n = 300
    flat = np.full(n, 1.1)
    bars = replace(draw(n), open=flat, high=flat, low=flat, close=flat)
    table = build_features(bars, FULL)
    assert not np.isinf(table.values).any()
    assert (table["rsi_wilder_14"][14:] == 0.0).all()
    assert np.isnan(table["trend_bias_atr"]).all()
    assert np.isnan(table["bb_pctb_20_2"]).all()


def test_flat_prices_after_a_lively_stretch_are_seen_as_exactly_flat(draw: Any) -> None:
    bars = draw(300)
    columns = {name: np.r_[getattr(bars, name)[:200], np.full(100, 1.1)] for name in ("open", "high", "low", "close")}
    table = build_features(replace(bars, **columns), FULL)
    assert not np.isinf(table.values).any()
    assert np.isnan(table["bb_pctb_20_2"][-60:]).all()
    assert (table["vol_cc_20"][-60:] == 0.0).all()


@pytest.mark.parametrize("volume", [None, 0.0, 7.0])
def test_absent_or_constant_volume_leaves_the_columns_in_place_without_values(draw: Any, volume: float | None) -> None:
    bars = draw(200)
    constant = replace(bars, volume=None if volume is None else np.full(200, volume))
    table = build_features(constant, replace(FULL, groups=("volume",)))
    assert table.names == build_features(bars, replace(FULL, groups=("volume",))).names
    assert np.isnan(table.values).all()


def test_zero_volumes_among_others_give_no_infinities(draw: Any) -> None:
    bars = draw(300)
    volume = np.where(np.arange(300) % 60 < 45, 0.0, 5.0)
    table = build_features(replace(bars, volume=volume), replace(FULL, groups=("volume",)))
    assert not np.isinf(table.values).any()


def test_raw_price_columns_enter_only_when_named(draw: Any) -> None:
    bars = draw(60)
    assert all(column.role == "feature" for column in build_features(bars, FULL).catalogue)
    table = build_features(bars, FeatureSpec(columns=("atr_wilder_14", "ret_1"), dtype="float64"))
    assert table.names == ["atr_wilder_14", "ret_1"]
    assert [column.role for column in table.catalogue] == ["level", "feature"]


def test_a_selection_has_the_same_values_as_the_whole(draw: Any) -> None:
    bars = draw(400)
    whole = build_features(bars, FULL)
    for name in (
        "htf_align_trend",
        "htf_h4_ms_dir",
        "htf_h1_ob_bull_dist_atr",
        "htf_fvg_conf",
        "htf_align_struct",
        "cd_gap_atr",
        "htf_h1_age",
        "mfi_14",
    ):
        np.testing.assert_array_equal(
            build_features(bars, FeatureSpec(columns=(name,), dtype="float64"))[name], whole[name]
        )


def test_names_are_unique_and_the_default_is_part_of_full(draw: Any) -> None:
    default, full = FeatureSpec().catalogue(), FULL.catalogue()
    names = [column.name for column in full]
    assert len(set(names)) == len(names)
    assert {column.name for column in default} <= set(names)
    assert 45 <= len([column for column in default if column.family in (*OWN_FAMILIES, "higher")]) <= 80
    for column in full:
        assert all((column.unit, column.definition, column.known_at))
        assert min(column.warmup, column.settle + 1, column.lookback + 1) >= 0


def test_values_are_float32_in_c_order_and_go_to_pandas(draw: Any) -> None:
    table = build_features(draw(100))
    assert isinstance(table, FeatureTable)
    assert table.values.dtype == np.float32
    assert table.values.flags.c_contiguous
    pytest.importorskip("pandas")
    frame = table.to_pandas()
    assert frame.shape == table.values.shape
    assert str(frame.index.tz) == "UTC"
    assert len(table.catalogue_table) == len(table.names)


def test_settled_rows_have_all_values_that_can_exist(eurusd: SymbolBars) -> None:
    table = build_features(eurusd, FeatureSpec(groups=(*OWN_FAMILIES, "higher")))
    assert 9_000 < table.settled.sum() < 10_000  # higher bars reach further back than the base bars
    always = [c.name for c in table.catalogue if c.family in ("trend", "returns", "higher")]
    for name in always:
        if not name.endswith(("_choch", "pd_pos", "ms_dir", "bull_dist_atr", "bear_dist_atr")):
            assert np.isfinite(table[name][table.settled]).all(), name


def test_mistakes_are_named(draw: Any) -> None:
    bars = draw(30)
    with pytest.raises(InputError, match="Did you mean 'rsi_wilder_14'"):
        build_features(bars, FeatureSpec(columns=("rsi_wilder",)))
    with pytest.raises(InputError, match='use FeatureSpec\\(base="M15"\\)'):
        build_features(bars, FeatureSpec(base="H1"))
    with pytest.raises(InputError, match="preset"):
        FeatureSpec(preset="all")
    with pytest.raises(InputError, match="timeframe 'M7'"):
        FeatureSpec(base="M7")
    with pytest.raises(InputError, match="order of time"):
        build_features(replace(bars, time=bars.time[::-1].copy()))


def test_bars_of_another_type_are_converted_once(draw: Any) -> None:
    bars: Bars = draw(60)
    as_ints = replace(bars, volume=bars.volume.astype(np.int64))  # type: ignore[union-attr]
    np.testing.assert_array_equal(build_features(as_ints).values, build_features(bars).values)
