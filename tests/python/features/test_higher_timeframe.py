"""A higher bar is seen from the base row that closes with it, never earlier."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from smctrain.bars.types import Bars, SymbolBars
from smctrain.features import FeatureSpec, build_features

AGE = FeatureSpec(columns=("htf_h1_age", "htf_h4_age"), dtype="float64")


def test_a_hand_made_day(draw: Any) -> None:
    bars = draw(20)  # 00:00 .. 04:45, closing 00:15 .. 05:00
    table = build_features(bars, AGE)
    nan = np.nan
    # The first hour closes with the fourth quarter, at 01:00: equality counts. The first H4 closes at 04:00.
    expected = [nan, nan, nan, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0]
    np.testing.assert_array_equal(table["htf_h1_age"], expected)
    np.testing.assert_array_equal(table["htf_h4_age"], [nan] * 15 + [0, 1, 2, 3, 4])


def test_missing_quarters_finish_the_hour_at_the_next_row(draw: Any) -> None:
    bars = draw(12)
    keep = np.array([0, 1, 2, 5, 6, 7, 8])  # 00:45 and 01:00 are missing
    names = ("time", "open", "high", "low", "close", "volume", "spread", "segment")
    bars = replace(bars, **{name: getattr(bars, name)[keep] for name in names})
    table = build_features(bars, AGE)
    np.testing.assert_array_equal(table["htf_h1_age"], [np.nan, np.nan, np.nan, 0, 1, 0, 1])


def test_the_joined_value_is_that_of_the_last_finished_higher_bar(eurusd: SymbolBars) -> None:
    base, hours = eurusd["M15"][1000:3000], eurusd["H1"]
    table = build_features(
        SymbolBars("EURUSD", {"M15": base, "H1": hours}),
        FeatureSpec(higher=("H1",), columns=("htf_h1_rsi_wilder_14", "htf_h1_trend_bias_atr"), dtype="float64"),
    )
    own = build_features(hours, FeatureSpec(base="H1", columns=("rsi_wilder_14", "trend_bias_atr"), dtype="float64"))
    joined = np.searchsorted(hours.time_close, base.time_close, side="right") - 1
    assert (joined >= 0).all()
    np.testing.assert_array_equal(table.values, own.values[joined])


def resample_by_hand(bars: Bars, timeframe: str, hours: int) -> Bars:
    step = np.timedelta64(hours, "h").astype("timedelta64[ns]")
    bucket = bars.time - (bars.time - np.datetime64("1970-01-01", "ns")) % step
    starts = np.flatnonzero(np.r_[True, bucket[1:] != bucket[:-1]])
    ends = np.r_[starts[1:], len(bars)] - 1
    assert bars.volume is not None
    return Bars(
        bars.symbol, timeframe, bucket[starts], bars.open[starts], np.maximum.reduceat(bars.high, starts),
        np.minimum.reduceat(bars.low, starts), bars.close[ends], np.add.reduceat(bars.volume, starts),
        digits=5,
    )  # fmt: skip


def test_higher_bars_from_a_file_and_resampled_agree_where_bars_are_complete(draw: Any) -> None:
    bars = draw(3200, seed=9)
    spec = FeatureSpec(groups=("higher",), dtype="float64")
    resampled = build_features(bars, spec)
    read = build_features(
        SymbolBars(
            "DRAWN",
            {"M15": bars, "H1": resample_by_hand(bars, "H1", 1), "H4": resample_by_hand(bars, "H4", 4)},
        ),
        spec,
    )
    assert resampled.sources == {"H1": "resampled", "H4": "resampled"}
    assert read.sources == {"H1": "bars", "H4": "bars"}
    np.testing.assert_array_equal(resampled.values, read.values)
    assert set(resampled["htf_align_trend"][np.isfinite(resampled["htf_align_trend"])]) == {-1.0, 0.0, 1.0}


def test_alignment_needs_the_base_and_every_higher_timeframe(eurusd: SymbolBars) -> None:
    names = ("trend_bias_atr", "htf_h1_trend_bias_atr", "htf_h4_trend_bias_atr", "htf_align_trend")
    table = build_features(eurusd, FeatureSpec(columns=names, dtype="float64"))
    biases, align = table.values[:, :3], table.values[:, 3]
    expected = np.where((biases > 1).all(axis=1), 1.0, np.where((biases < -1).all(axis=1), -1.0, 0.0))
    expected[np.isnan(biases).any(axis=1)] = np.nan
    np.testing.assert_array_equal(align, expected)
    assert {-1.0, 1.0} <= set(align)


def test_a_higher_timeframe_not_longer_than_the_base_is_left_out(draw: Any) -> None:
    table = build_features(draw(50, timeframe="H1"))
    assert table.spec.base == "H1"
    assert not any(name.startswith("htf_h1") for name in table.names)
    assert "htf_h4_ms_dir" in table.names


def test_a_new_segment_forgets_higher_bars_of_the_old_one(draw: Any) -> None:
    bars = draw(600, seed=2)
    time = bars.time.copy()
    time[300:] += np.timedelta64(30, "D").astype("timedelta64[ns]")
    segment = np.r_[np.zeros(300), np.ones(300)].astype(np.int32)
    table = build_features(replace(bars, time=time, segment=segment), FeatureSpec(dtype="float64"))
    alone = build_features(replace(bars, time=time)[300:], FeatureSpec(dtype="float64"))
    np.testing.assert_array_equal(table.values[300:], alone.values)
    assert np.isnan(table["htf_h1_rsi_wilder_14"][300:303]).all()


def test_zones_of_a_higher_timeframe_are_measured_from_the_base_close(eurusd: SymbolBars) -> None:
    base, hours = eurusd["M15"][4000:6000], eurusd["H1"]
    own_names = tuple(f"{kind}_{side}_dist_atr" for kind in ("ob", "fvg") for side in ("bull", "bear"))
    names = tuple(f"htf_h1_{name}" for name in own_names)
    table = build_features(
        SymbolBars("EURUSD", {"M15": base, "H1": hours}),
        FeatureSpec(higher=("H1",), columns=(*names, "htf_ob_conf", "htf_fvg_conf"), dtype="float64"),
    )
    own = build_features(hours, FeatureSpec(base="H1", columns=(*own_names, "atr_wilder_14"), dtype="float64"))
    joined = np.searchsorted(hours.time_close, base.time_close, side="right") - 1
    same_moment = hours.time_close[joined] == base.time_close
    same_moment &= hours.close[joined] == base.close
    assert same_moment.sum() > 400
    np.testing.assert_array_equal(table.values[same_moment, :4], own.values[joined[same_moment], :4])
    # Between two hours the zones stay and the close moves: distances differ by the move in ATR of the hour,
    # as long as the nearest zone is the same one.
    t = np.flatnonzero(same_moment[:-1] & ~same_moment[1:])
    moved = np.abs(table.values[t + 1, 0] - table.values[t, 0])
    expected = np.abs(base.close[t + 1] - base.close[t]) / own["atr_wilder_14"][joined[t]]
    assert np.mean(np.isclose(moved, expected)[np.isfinite(moved)]) > 0.5
    near = np.abs(table.values[:, :4]) <= 0.5
    np.testing.assert_array_equal(table["htf_ob_conf"], near[:, 0].astype(int) - near[:, 1])
    np.testing.assert_array_equal(table["htf_fvg_conf"], near[:, 2].astype(int) - near[:, 3])
    assert {-1.0, 1.0} <= set(table["htf_ob_conf"])


def test_structure_alignment_is_the_sum_of_the_directions(eurusd: SymbolBars) -> None:
    names = ("htf_h1_ms_dir", "htf_h4_ms_dir", "htf_align_struct")
    table = build_features(eurusd, FeatureSpec(columns=names, dtype="float64"))
    np.testing.assert_array_equal(table.values[:, 2], table.values[:, 0] + table.values[:, 1])
    assert {-2.0, 2.0} <= set(table["htf_align_struct"])


def test_history_that_waits_for_the_first_base_bar_counts_as_if_seen_bar_by_bar(eurusd: SymbolBars) -> None:
    spec = FeatureSpec(groups=("higher",), preset="full", dtype="float64")
    names = [column.name for column in spec.catalogue() if not column.name.endswith("_age")]
    names.remove("htf_align_trend")  # reads the bias of the base bars
    spec = FeatureSpec(columns=tuple(names), dtype="float64")
    whole = build_features(eurusd, spec)
    for first in (777, 4000):
        later = SymbolBars("EURUSD", {**eurusd, "M15": eurusd["M15"][first:]})
        np.testing.assert_array_equal(build_features(later, spec).values, whole.values[first:])
