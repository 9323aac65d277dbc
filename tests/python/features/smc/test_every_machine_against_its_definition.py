"""Swings, structure, gaps, blocks, zones, pools, ranges, legs: columns and events against a plain reading of the rules.

Bars are short and on a coarse grid, so that ties, equal prices, flat bars, gaps, missing bars and borders of segments
meet each other often.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference import drawn
from reference import smc as slow

from smctrain._load import core
from smctrain.bars.types import Bars
from smctrain.features import EventTable, FeatureSpec, build_features, smc


def many(examples: int) -> Callable[..., Any]:
    return settings(
        max_examples=examples, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
    )


def reference_names() -> tuple[str, ...]:
    segment = slow.Segment(slow.Rules(), 0)
    segment.push(0.0, (1.0, 1.0, 1.0, 1.0))
    return tuple(segment.row())


NAMES = reference_names()


def assert_columns(b: Bars) -> np.ndarray:
    """Every column of the machine is what the reference says; returns the values."""
    _, _, rows = slow.replayed(b)
    said = [[math.nan] * len(NAMES) if row is None else [float(row[name]) for name in NAMES] for row in rows]
    expected = np.array(said).reshape(len(b), len(NAMES))
    found = build_features(b, FeatureSpec(columns=NAMES, dtype="float64")).values
    wrong = np.argwhere(~np.isclose(found, expected, rtol=1e-10, atol=1e-12, equal_nan=True))
    assert not len(wrong), [(NAMES[j], int(t), found[t, j], expected[t, j]) for t, j in wrong[:5]]
    return expected


def assert_events(table: EventTable, expected: list[dict[str, Any]], columns: dict[str, str]) -> None:
    """The log has these records in this order; `columns` maps its names to those of the reference."""
    assert len(table) == len(expected)
    for name, wanted in columns.items():
        values = [record[wanted] for record in expected]
        if table[name].dtype.kind == "f":
            np.testing.assert_allclose(table[name], np.array(values, dtype=float), rtol=1e-10, atol=1e-12, err_msg=name)
        else:
            assert table[name].tolist() == values, name


def same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


ZONE = same(
    "side", "origin", "known_at", "invalidated_at", "touched_at", "filled_at", "resolved_at", "top", "bottom", "state",
    "size_atr", "quality", "bounce_q",
)  # fmt: skip
BLOCK = ZONE | same(
    "disp_atr", "body_ratio", "clean", "has_fvg", "struct_aligned", "bos_ctx", "choch_ctx", "ema_aligned", "rsi_ok"
)


@many(80)
@given(drawn.bars(most=150))
def test_columns_say_what_the_definitions_say(b: Bars) -> None:
    assert_columns(b)


def test_columns_of_longer_bars_and_every_value_that_can_occur() -> None:
    expected = assert_columns(drawn.grid_bars(1300, 2, missing=0.01, step=2.5, gap=0.2))
    seen = [len(np.unique(column[np.isfinite(column)])) for column in expected.T]
    # A filled gap is dead, so it is never the nearest active one.
    assert {name for name, count in zip(NAMES, seen, strict=True) if count < 2} == {
        "fvg_bull_st_filled",
        "fvg_bear_st_filled",
    }


def test_the_second_scale_follows_the_same_definitions() -> None:
    b = drawn.grid_bars(600, 4, missing=0.01)
    table = build_features(b, FeatureSpec(preset="full", groups=("structure",), dtype="float64"))
    wide = [name for name in table.names if name.startswith("s20_")]
    _, _, rows = slow.replayed(b, slow.Rules(left=20, right=20))
    assert len(wide) > 20
    for name in wide:
        expected = [math.nan if row is None else float(row[name.removeprefix("s20_")]) for row in rows]
        np.testing.assert_allclose(table[name], expected, rtol=1e-10, atol=1e-12, err_msg=name)


def test_a_zone_is_valid_with_the_trend_unstretched_and_in_a_regime_that_carries_it() -> None:
    b = drawn.grid_bars(1500, 6, step=2.5, wick=2.0)
    table = build_features(b, FeatureSpec(preset="full", dtype="float64"))
    carries = (table["reg_normal"] == 1) | (table["reg_high_vol_trend"] == 1)
    for zone in ("ob", "fvg"):
        for side, trend, stretch in (("bull", "trend_bull", "mom_overbought"), ("bear", "trend_bear", "mom_oversold")):
            exists = table[f"{zone}_{side}_n_active"] > 0
            expected = exists & (table[trend] > 0.3) & (table[stretch] < 0.7) & carries
            known = np.isfinite(table["reg_normal"])  # before that nobody can say
            np.testing.assert_array_equal(table[f"{zone}_{side}_valid"], np.where(known, expected, np.nan))
            assert 0 < expected.sum() < len(b)


def test_the_reference_speaks_about_every_column_of_the_machine_it_knows() -> None:
    catalogue = {c.name for c in FeatureSpec(preset="full", groups=("structure", "zones")).catalogue()}
    assert len(catalogue & set(NAMES)) >= 150


@many(30)
@given(drawn.bars(), st.integers(1, 4), st.integers(1, 4))
def test_swings_follow_the_definition(b: Bars, left: int, right: int) -> None:
    expected = slow.events(b, slow.Rules(left=left, right=right))["swing"]
    assert_events(smc.swings(b, left, right), expected, same("kind", "side", "origin", "known_at", "level"))


@many(80)
@given(drawn.bars(), st.sampled_from(["close", "wick"]), st.sampled_from(["last", "extreme"]), st.integers(1, 3))
def test_structure_follows_the_definition(b: Bars, break_on: Any, level: Any, width: int) -> None:
    expected = slow.events(b, slow.Rules(left=width, right=width, break_on=break_on, level=level))["break"]
    found = smc.structure(b, break_on, level=level, left=width, right=width)
    assert_events(found, expected, same("kind", "side", "origin", "known_at", "level"))


@st.composite
def lives(draw: st.DrawFn) -> dict[str, Any]:
    """How zones live."""
    return {
        "max_age": draw(st.sampled_from([1, 5, 20, 500])),
        "cap": draw(st.sampled_from([1, 2, 64])),
        "invalidate": draw(st.sampled_from(["close", "wick"])),
        "bounce_bars": draw(st.sampled_from([1, 3])),
    }


@many(80)
@given(
    drawn.bars(holes=0.1), lives(), st.booleans(), st.sampled_from(["any", "same_side"]),
    st.sampled_from([0.0, 0.25, 1.0]), st.sampled_from([None, 0.0, 3.0]),
)  # fmt: skip
def test_gaps_and_their_life_follow_the_definition(
    b: Bars, life: dict[str, Any], merge: bool, middle: Any, min_atr: float, pause: float | None
) -> None:
    longest = math.inf if pause is None else (2.0 + pause) * b.seconds
    rules = slow.Rules(min_gap=min_atr, merge=merge, middle=middle, longest_pause=longest, **life)
    found = smc.fair_value_gaps(b, min_atr, merge=merge, middle=middle, max_time_gap=pause, **life)
    assert_events(found, slow.events(b, rules)["fvg"], ZONE | same("merged"))


@many(50)
@given(
    drawn.bars(), lives(), st.sampled_from(["bos", "seed", "extreme"]), st.sampled_from(["range", "body"]),
    st.sampled_from(["close", "wick"]), st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 0.2]), st.integers(1, 3),
)  # fmt: skip
def test_blocks_and_their_life_follow_the_definition(
    b: Bars, life: dict[str, Any], rule: Any, zone: Any, break_on: Any, disp: float, quality: float, width: int
) -> None:
    options: dict[str, Any] = {
        "min_disp": disp, "min_quality": quality, "zone": zone, "break_on": break_on, "left": width, "right": width,
        **life,
    }  # fmt: skip
    found = smc.order_blocks(b, rule, **options)
    assert_events(found, slow.events(b, slow.Rules(block=rule, **options))["order_block"], BLOCK)


@many(80)
@given(drawn.bars(), st.sampled_from([0.0, 0.25, 2.0]), st.sampled_from([1, 10, 500]), st.integers(1, 3))
def test_pools_sweeps_and_runs_follow_the_definition(b: Bars, tol_atr: float, max_age: int, width: int) -> None:
    expected = slow.events(b, slow.Rules(tolerance=tol_atr, pool_age=max_age, left=width, right=width))
    found = smc.liquidity(b, tol_atr, max_age=max_age, left=width, right=width)
    pools = same("side", "origin", "known_at", "invalidated_at", "level", "members", "state")
    assert_events(found.select("pool"), expected["pool"], pools)
    taken = same("kind", "side", "origin", "known_at", "level", "members")
    assert_events(found.select(["sweep", "run"]), expected["taken"], taken)


@many(30)
@given(drawn.bars(missing=0.0, borders=0), st.integers(1, 3))
def test_legs_and_their_retracements_follow_the_definition(b: Bars, width: int) -> None:
    segment = slow.Segment(slow.Rules(left=width, right=width), 0)
    legs: list[dict[str, Any]] = []
    for t in range(len(b)):
        segment.push(0.0, (b.open[t], b.high[t], b.low[t], b.close[t]))
        renewed = bool(segment.swings) and segment.swings[-1]["known_at"] == t
        if renewed and legs and legs[-1]["invalidated_at"] == -1:
            legs[-1]["invalidated_at"] = t
        leg = segment._leg()
        if leg is None:
            continue
        a, z = leg["from"], leg["to"]
        if renewed:
            legs.append({"origin": z["origin"], "known_at": t, "invalidated_at": -1, "start_row": a["origin"],
                         "start_price": a["level"], "end_price": z["level"], "side": np.sign(z["level"] - a["level"]),
                         "reached_500_at": -1, "reached_1000_at": -1})  # fmt: skip
        deepest: dict[str, float] = {}
        segment._range_columns(t, deepest)
        for share, name in ((0.5, "reached_500_at"), (1.0, "reached_1000_at")):
            if deepest["ret_deep"] >= share and legs[-1][name] == -1:
                legs[-1][name] = t
    found = smc.retracements(b, width, width, levels=(0.5, 1.0))
    assert_events(
        found, legs, same("origin", "known_at", "invalidated_at", "start_row", "start_price", "end_price", "side",
                          "reached_500_at", "reached_1000_at"),
    )  # fmt: skip


@many(30)
@given(drawn.bars(missing=0.1))
def test_labels_and_features_measure_with_the_same_atr(b: Bars) -> None:
    table = build_features(b, FeatureSpec(columns=("atr_wilder_14",), dtype="float64"))
    np.testing.assert_array_equal(core().wilder_atr(b.native(), 14), table["atr_wilder_14"])
