"""Settings of the features: one table in the core, read by the feature table, the stream, the events and the runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

import smctrain as st
from smctrain import smc  # type: ignore[attr-defined]
from smctrain._load import core
from smctrain.bars import Bars
from smctrain.exceptions import InputError
from smctrain.features import FeatureSpec, FeatureStream, build_features

# Each setting with another value than its default, and a column of the preset "full" that reacts to it.
OTHER: dict[str, tuple[Any, str]] = {
    "smc.atr": ("sma", "trend_bias_atr"),
    "smc.swing_left": (8, "sw_high_dist_atr"),
    "smc.swing_right": (3, "sw_high_age"),
    "ms.break": ("wick", "ms_dir"),
    "ms.level": ("extreme", "ms_up_dist_atr"),
    "fvg.min_atr": (0.6, "fvg_bull_new"),
    "fvg.merge": (False, "fvg_bull_size_atr"),
    "fvg.middle": ("same_side", "fvg_bull_new"),
    "fvg.max_time_gap": (0.0, "fvg_bull_new"),
    "ob.rule": ("seed", "ob_bull_new"),
    "ob.min_disp": (2.5, "ob_bull_new"),
    "ob.min_quality": (0.9, "ob_bull_new"),
    "ob.zone": ("body", "ob_bull_size_atr"),
    "zone.max_age": (50, "fvg_bull_n_active"),
    "zone.cap": (2, "fvg_bull_n_active"),
    "zone.invalidate": ("wick", "ob_bull_n_active"),
    "bounce.bars": (6, "ob_bull_bounce_q"),
    "liq.tol_atr": (1.5, "liq_bsl_members"),
    "liq.max_age": (40, "liq_bsl_age"),
    "day_roll": ("00:00 UTC", "pp_d_high_dist_atr"),
    "fuzzy.trend_weak": ([1.2, 0.2], "trend_strength"),
    "fuzzy.trend_moderate": ([0.5, 1.0, 2.2], "trend_strength"),
    "fuzzy.trend_strong": ([1.0, 2.0], "trend_strength"),
    "fuzzy.trend_values": ([0.0, 1.0, 2.0], "trend_strength"),
    "fuzzy.trend_side": ([0.0, 2.0], "trend_bear"),
    "valid.trend_above": (0.9, "fvg_bull_valid"),
    "valid.stretch_below": (0.1, "fvg_bull_valid"),
    "fuzzy.tr_strong": ([0.5, 1.0], "tr_strong"),
    "fuzzy.tr_weak": ([2.0, 1.0], "tr_weak"),
    "fuzzy.vol_high": ([0.0, 1.0], "vol_high"),
    "fuzzy.vol_low": ([1.0, 0.0], "vol_low"),
    "fuzzy.overbought": ([50.0, 60.0], "mom_overbought"),
    "fuzzy.oversold": ([50.0, 30.0], "mom_oversold"),
    "fuzzy.disp": ([1.0, 9.0], "ob_bull_quality"),
    "fuzzy.body": ([0.1, 3.0], "ob_bull_quality"),
    "fuzzy.gap": ([0.3, 3.0], "fvg_bull_quality"),
    "reg.vol_above": (0.1, "reg_normal"),
    "reg.trend_above": (0.9, "reg_high_vol_trend"),
}
# Fields of the event tables only, and settings that add columns: tested elsewhere.
ELSEWHERE = {"fuzzy.clean", "smc.second_scale", "ses.custom", "cal.zone", "cal.session", "vwap.session"}
NEEDS = {"ob.min_quality": {"ob.rule": "seed"}}


@pytest.fixture(scope="module")
def bars(draw: Callable[..., Bars]) -> Bars:
    """4,000 bars, one in 29 of which is missing."""
    made = draw(4_000, seed=3)
    keep = np.arange(4_000) % 29 != 7
    columns = ("time", "open", "high", "low", "close", "volume", "spread")
    return replace(made, **{name: getattr(made, name)[keep] for name in columns})


def column(bars: Bars, name: str, settings: dict[str, Any]) -> np.ndarray[Any, Any]:
    spec = FeatureSpec(base=bars.timeframe, columns=(name,), dtype="float64", settings=settings)
    return build_features(bars, spec)[name]


def test_every_setting_is_tested() -> None:
    keys = {row["key"] for row in core().feature_settings_table()}
    assert keys == set(OTHER) | ELSEWHERE


@pytest.mark.parametrize("key", OTHER)
def test_every_setting_reaches_its_column(bars: Bars, key: str) -> None:
    value, name = OTHER[key]
    needed = NEEDS.get(key, {})
    before, after = column(bars, name, needed), column(bars, name, {**needed, key: value})
    assert not np.array_equal(before, after, equal_nan=True)


@pytest.mark.parametrize("row", core().feature_settings_table(), ids=lambda row: str(row["key"]))
def test_the_stated_default_is_the_default(row: dict[str, Any]) -> None:
    assert FeatureSpec(settings={row["key"]: row["default"]}) == FeatureSpec()


def test_values_of_one_meaning_make_one_spec() -> None:
    one = FeatureSpec(settings={"fvg.min_atr": 1, "zone.cap": np.int64(8), "fvg.max_time_gap": float("inf")})
    two = FeatureSpec(settings={"zone.cap": 8, "fvg.min_atr": np.float32(1.0)})
    assert one == two
    assert one.settings == {"fvg.min_atr": 1.0, "zone.cap": 8}
    assert FeatureSpec(**asdict(one)) == one


def test_all_faults_come_at_once_and_name_the_nearest_key() -> None:
    wrong = {"fvg.min_atrr": 1, "left": 3, "zone.cap": 65, "fvg.merge": 1, "ms.break": "body", "cal.zone": "Mars"}
    with pytest.raises(InputError) as raised:
        FeatureSpec(settings=wrong)
    assert str(raised.value).splitlines() == [
        "6 problems in the settings of the features:",
        "fvg.min_atrr is not a setting of the features; nearest is 'fvg.min_atr'.",
        "left is not a setting of the features; nearest is 'smc.swing_left'.",
        "zone.cap must be an integer from 1 to 64, but is 65.",
        "fvg.merge must be True or False, but is 1.",
        "ms.break must be 'close' or 'wick', but is 'body'.",
        "cal.zone must be a time zone such as UTC, Europe/London, fixed:+02:00, America/New_York+7h, but is 'Mars'.",
    ]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fuzzy.gap": [1, 1]}, "fuzzy.gap must be a list"),
        ({"fuzzy.tr_weak": [0.5, 1.0]}, "each below the one before"),
        ({"fuzzy.trend_moderate": [1.2, 1.5, 2.5]}, "every bias needs a term"),
        ({"fvg.min_atr": float("nan")}, "but is nan"),
        ({"fvg.min_atr": 10**400}, "fvg.min_atr must be"),
        ({"smc.swing_left": 2.0}, "smc.swing_left must be an integer"),
        ({"day_roll": "17:00"}, "day_roll must be a time and a zone"),
        ({"day_roll": "24:00 UTC"}, "day_roll must be a time and a zone"),
        ({"ses.custom": ["ny UTC 00:00 01:00"]}, "must not name a session twice"),
        ({"ses.custom": [("a", "UTC", "00:00", "01:00")] * 2}, "must not name a session twice"),
        ({"ses.custom": [("A b", "UTC", "00:00", "01:00")]}, "ses.custom must be a list of"),
        ({"ses.custom": [("a", "UTC", "24:00", "01:00")]}, "ses.custom must be a list of"),
        ({"ses.custom": [("a", "Mars", "00:00", "01:00")]}, "the zone 'Mars'"),
        ({"cal.session": "wellington"}, "cal.session must be one of sydney, tokyo"),
        ({"vwap.session": "x"}, "vwap.session must be one of day, sydney"),
        ({"zone.cap": {}}, "zone.cap must be an integer from 1 to 64, but is {}"),
        ([("zone.cap", 3)], "settings must be a mapping"),
    ],
)
def test_a_wrong_setting_is_named(settings: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        FeatureSpec(settings=settings)


def test_events_and_columns_share_their_settings(bars: Bars) -> None:
    gaps = smc.fair_value_gaps(bars, min_atr=0.6, merge=False).select(side=+1)
    new = column(bars, "fvg_bull_new", {"fvg.min_atr": 0.6, "fvg.merge": False})
    np.testing.assert_array_equal(np.flatnonzero(new == 1.0), gaps["known_at"])
    blocks = smc.order_blocks(bars, rule="seed", atr="sma").select(side=-1)
    alive = blocks["known_at"][blocks["invalidated_at"] != blocks["known_at"]]
    new = column(bars, "ob_bear_new", {"ob.rule": "seed", "smc.atr": "sma"})
    np.testing.assert_array_equal(np.flatnonzero(new == 1.0), alive)


def test_a_share_of_a_candle_is_clean_between_its_breakpoints(bars: Bars) -> None:
    # `clean` stands in the event tables, made with the defaults 0.3 and 0.7.
    blocks = smc.order_blocks(bars)
    np.testing.assert_allclose(blocks["clean"], np.clip((blocks["body_ratio"] - 0.3) / 0.4, 0, 1), rtol=0, atol=1e-15)


def test_the_sma_scale_is_the_seed_pipelines_atr(bars: Bars) -> None:
    names = ("atr_sma_14", "atr_wilder_14", "natr_14", "cd_body_atr", "trend_bias_atr", "pp_d_high_dist_atr")
    plain, scaled = (
        build_features(bars, FeatureSpec(base=bars.timeframe, columns=names, dtype="float64", settings=settings))
        for settings in ({}, {"smc.atr": "sma"})
    )
    for name in ("atr_sma_14", "atr_wilder_14", "natr_14"):  # these say in their names what they are
        np.testing.assert_array_equal(plain[name], scaled[name])
    body = (bars.close - bars.open) / scaled["atr_sma_14"]
    body[:14] = np.nan  # every column keeps its warm-up
    np.testing.assert_array_equal(scaled["cd_body_atr"], body)
    ratio = scaled["atr_sma_14"] / plain["atr_wilder_14"]
    for name in ("trend_bias_atr", "pp_d_high_dist_atr"):
        np.testing.assert_allclose(scaled[name] * ratio, plain[name], rtol=1e-12)


def test_a_missing_bar_does_not_silence_the_sma_scale(bars: Bars) -> None:
    close = bars.close.copy()
    close[2_000] = np.nan
    holed, rest = replace(bars, close=close), np.arange(len(bars)) != 2_000
    columns = ("time", "open", "high", "low", "close", "volume", "spread", "segment")
    without = replace(bars, **{name: getattr(bars, name)[rest] for name in columns})
    for name in ("cd_range_atr", "fvg_bull_dist_atr", "ob_bear_age", "liq_bsl_dist_atr"):
        values = column(holed, name, {"smc.atr": "sma"})
        assert np.isnan(values[2_000])
        np.testing.assert_array_equal(values[rest], column(without, name, {"smc.atr": "sma"}))


def test_stream_and_stored_state_keep_the_settings(bars: Bars) -> None:
    chosen = {key: value for key, (value, _) in OTHER.items()}
    spec = FeatureSpec(preset="full", base=bars.timeframe, higher=("H1",), dtype="float64", settings=chosen)
    batch = build_features(bars[:700], spec)
    stream = FeatureStream(spec)
    for t in range(700):
        if t == 350:
            stream = FeatureStream.from_state(stream.state())
            assert stream.spec == spec
        row = stream.push(
            open=bars.open[t], high=bars.high[t], low=bars.low[t], close=bars.close[t], time=bars.time[t],
            volume=np.nan if bars.volume is None else bars.volume[t],
        )  # fmt: skip
        np.testing.assert_array_equal(row, batch.values[t])


def test_settings_reach_the_higher_timeframes(bars: Bars) -> None:
    for settings in ({"ms.break": "wick"}, {"smc.swing_left": 2, "smc.swing_right": 2}):
        before, after = (column(bars, "htf_h1_ms_dir", chosen) for chosen in ({}, settings))
        assert not np.array_equal(before, after, equal_nan=True)


def test_wider_swings_settle_later() -> None:
    def settle(settings: dict[str, Any]) -> int:
        spec = FeatureSpec(columns=("sw_high_dist_atr",), settings=settings)
        return spec.catalogue()[0].settle

    assert settle({"smc.swing_left": 20, "smc.swing_right": 20}) == 4 * settle({})
    assert settle({"smc.swing_left": 2, "smc.swing_right": 2}) == settle({})


def test_the_second_scale_of_swings_names_its_columns(bars: Bars) -> None:
    usual = {column.name for column in FeatureSpec(preset="full").catalogue()}
    other = {column.name for column in FeatureSpec(preset="full", settings={"smc.second_scale": 9}).catalogue()}
    assert {name.replace("s20_", "s9_") for name in usual} == other
    none = {column.name for column in FeatureSpec(preset="full", settings={"smc.second_scale": 0}).catalogue()}
    assert none == {name for name in usual if not name.startswith("s20_")}
    wide = {"smc.second_scale": 9}
    same = {"smc.swing_left": 9, "smc.swing_right": 9}
    np.testing.assert_array_equal(column(bars, "s9_ms_dir", wide), column(bars, "ms_dir", same))


def test_trend_and_regime_follow_their_breakpoints(bars: Bars) -> None:
    """Section 3.9 in plain formulas, once with the documented breakpoints and once with others."""
    names = (
        "trend_bias_atr", "rsi_wilder_14", "atr_z50", "trend_strength", "trend_bull", "trend_bear", "mom_overbought",
        "mom_oversold", "vol_high", "vol_low", "tr_strong", "tr_weak", "reg_high_vol_trend", "reg_low_vol_chop",
        "reg_high_vol", "reg_low_vol", "reg_normal",
    )  # fmt: skip

    def rise(x: Any, low: float, high: float) -> Any:
        return np.clip((x - low) / (high - low), 0.0, 1.0)

    def fall(x: Any, low: float, high: float) -> Any:
        return np.clip((high - x) / (high - low), 0.0, 1.0)

    other: dict[str, Any] = {key: OTHER[key][0] for key in OTHER if key.startswith(("fuzzy.", "reg."))}
    usual = {
        "fuzzy.trend_weak": [1.0, 0.5], "fuzzy.trend_moderate": [0.7, 1.5, 2.5], "fuzzy.trend_strong": [2.0, 3.0],
        "fuzzy.trend_values": [0.5, 1.5, 3.0], "fuzzy.trend_side": [0.0, 1.0], "fuzzy.tr_strong": [1.0, 2.0],
        "fuzzy.tr_weak": [1.0, 0.5], "fuzzy.vol_high": [0.5, 1.5], "fuzzy.vol_low": [0.5, -1.0],
        "fuzzy.overbought": [60.0, 80.0], "fuzzy.oversold": [40.0, 20.0], "reg.vol_above": 0.6, "reg.trend_above": 0.5,
    }  # fmt: skip
    for given, s in (({}, usual), (other, other)):
        spec = FeatureSpec(base=bars.timeframe, columns=names, dtype="float64", settings=given)
        table = build_features(bars, spec)
        bias, z, rsi = table["trend_bias_atr"], table["atr_z50"], table["rsi_wilder_14"]
        x = np.abs(bias)
        begins, whole, ends = s["fuzzy.trend_moderate"]
        terms = np.array([
            fall(x, *s["fuzzy.trend_weak"][::-1]), np.minimum(rise(x, begins, whole), fall(x, whole, ends)),
            rise(x, *s["fuzzy.trend_strong"]),
        ])  # fmt: skip
        values = np.array(s["fuzzy.trend_values"])  # around the middle one: a purely moderate trend is exactly that
        strength = values[1] + (terms * (values - values[1])[:, None]).sum(axis=0) / terms.sum(axis=0)
        high, low = rise(z, *s["fuzzy.vol_high"]), fall(z, *s["fuzzy.vol_low"][::-1])
        strong, weak = rise(strength, *s["fuzzy.tr_strong"]), fall(strength, *s["fuzzy.tr_weak"][::-1])
        v, t = s["reg.vol_above"], s["reg.trend_above"]
        first = [(high > v) & (strong > t), (low > v) & (weak > t), high > v, low > v, np.isfinite(z)]
        regime = np.array([match & ~np.any(first[:k], axis=0) for k, match in enumerate(first)], dtype=float)
        regime[:, np.isnan(z) | np.isnan(bias)] = np.nan
        expected = [
            strength, rise(bias, *s["fuzzy.trend_side"]), rise(-bias, *s["fuzzy.trend_side"]),
            rise(rsi, *s["fuzzy.overbought"]), fall(rsi, *s["fuzzy.oversold"][::-1]), high, low, strong, weak, *regime,
        ]  # fmt: skip
        for name, wanted in zip(names[3:], expected, strict=True):
            np.testing.assert_allclose(table[name], wanted, rtol=0, atol=1e-12, err_msg=name)
        assert (np.nansum(regime, axis=1) > 0).sum() >= 4


def test_the_table_of_settings_is_a_table() -> None:
    table = st.feature_settings()
    assert list(table["key"])[:2] == ["smc.atr", "smc.swing_left"]
    assert list(table.columns) == ["key", "argument", "allowed", "default", "meaning"]


def test_what_columns_there_are_follows_every_change_of_the_settings() -> None:
    """The catalogue of a spec is kept; neither its list nor its settings may reach what is kept."""
    spec = FeatureSpec(higher=(), preset="full", settings={"smc.second_scale": 30})
    before = spec.catalogue()
    assert any(column.name.startswith("s30_") for column in before)
    del spec.catalogue()[10:]
    assert spec.catalogue() == before
    assert FeatureSpec(higher=(), preset="full").catalogue() != before
    spec.settings["smc.second_scale"] = 40  # type: ignore[index]
    changed = spec.catalogue()
    assert any(column.name.startswith("s40_") for column in changed)
    assert not any(column.name.startswith("s30_") for column in changed)
    assert FeatureSpec(higher=(), preset="full", settings={"smc.second_scale": 30}).catalogue() == before
