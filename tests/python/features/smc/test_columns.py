"""The columns against the event log and against the definitions, row by row."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from smctrain._load import core
from smctrain.bars.types import Bars
from smctrain.features import FeatureSpec, build_features, smc

Columns = dict[str, NDArray[np.float64]]


@pytest.fixture(scope="module")
def bars(random_bars: Callable[..., Bars]) -> Bars:
    return random_bars(1_500, seed=8, scale=3.0)


@pytest.fixture(scope="module")
def columns(bars: Bars) -> Columns:
    values, names = core().smc_columns(bars.native())
    return dict(zip(names, values.T, strict=True))


@pytest.fixture(scope="module")
def atr(bars: Bars) -> NDArray[np.float64]:
    previous = bars.close[:-1]
    ranges = np.maximum.reduce(
        [bars.high[1:] - bars.low[1:], np.abs(bars.high[1:] - previous), np.abs(bars.low[1:] - previous)]
    )
    values = np.full(len(bars), np.nan)
    values[14] = ranges[:14].mean()
    for t in range(15, len(bars)):
        values[t] = (values[t - 1] * 13 + ranges[t - 1]) / 14
    return values


@pytest.mark.parametrize("kind", ["ob", "fvg"])
@pytest.mark.parametrize("side", [+1, -1])
def test_zone_columns_describe_the_active_zones_of_the_log(
    bars: Bars, columns: Columns, atr: NDArray[np.float64], kind: str, side: int
) -> None:
    zones = (smc.order_blocks(bars) if kind == "ob" else smc.fair_value_gaps(bars)).select(side=side)
    prefix = f"{kind}_{'bull' if side > 0 else 'bear'}_"
    rows_with_zones = 0
    for t in range(len(bars)):
        row = {name[len(prefix) :]: x[t] for name, x in columns.items() if name.startswith(prefix)}
        then = zones.known_by(t)
        active = np.flatnonzero(then["invalidated_at"] == -1)
        new = np.flatnonzero((then["known_at"] == t) & (then["invalidated_at"] == -1))
        assert row["new"] == len(new)
        assert row["n_active"] == len(active)
        assert row["n_fresh"] == (then["state"][active] == "fresh").sum()
        if len(new):
            assert row["new_size_atr"] == then["size_atr"][new[0]]
            assert row["new_quality"] == then["quality"][new[0]]
        else:
            assert np.isnan(row["new_size_atr"])
        if not len(active):
            assert np.isnan([row["dist_atr"], row["age"], row["top"], row["fill"]]).all()
            assert row["st_fresh"] == row["inside"] == row["n_3atr"] == 0
            continue
        rows_with_zones += 1
        top, bottom, c = then["top"][active], then["bottom"][active], bars.close[t]
        if side > 0:
            distance = np.where(c > top, c - top, np.where(c < bottom, c - bottom, 0.0))
        else:
            distance = np.where(c < bottom, bottom - c, np.where(c > top, top - c, 0.0))
        order = np.lexsort((-then["known_at"][active], np.abs(distance)))
        nearest = active[order[0]]
        assert row["dist_atr"] == pytest.approx(distance[order[0]] / atr[t], rel=1e-10)
        assert row["n_3atr"] == (np.abs(distance) / atr[t] <= 3.0).sum()
        assert row["age"] == t - then["known_at"][nearest]
        assert (row["top"], row["bottom"]) == (then["top"][nearest], then["bottom"][nearest])
        assert row["inside"] == (distance[order[0]] == 0.0)
        assert row["size_atr"] == then["size_atr"][nearest]
        assert row["quality"] == then["quality"][nearest]
        states = [word for word in ("fresh", "touched", "filled") if row[f"st_{word}"] == 1.0]
        assert states == [then["state"][nearest]]
        np.testing.assert_array_equal(row["bounce_q"], then["bounce_q"][nearest])
        start = then["known_at"][nearest] + 1
        reach = (
            then["top"][nearest] - bars.low[start : t + 1]
            if side > 0
            else bars.high[start : t + 1] - then["bottom"][nearest]
        )
        height = then["top"][nearest] - then["bottom"][nearest]
        depth = min(max(reach.max(initial=0.0) / height, 0.0), 1.0)
        assert row["fill"] == (depth if then["touched_at"][nearest] >= 0 else 0.0)
        if kind == "ob":
            for name in (
                "has_fvg",
                "struct_aligned",
                "bos_ctx",
                "choch_ctx",
                "ema_aligned",
                "rsi_ok",
                "disp_atr",
            ):
                assert row[name] == then[name][nearest], name
        else:
            assert row["merged"] == then["merged"][nearest]
    assert rows_with_zones > 200


def test_hold_rate_is_the_share_of_the_last_twenty_resolved_zones(bars: Bars, columns: Columns) -> None:
    zones = smc.fair_value_gaps(bars).select(side=+1)
    order = np.argsort(zones["resolved_at"], kind="stable")
    order = order[zones["resolved_at"][order] >= 0]
    rows, bounces = zones["resolved_at"][order], zones["bounce_q"][order]
    assert len(rows) > 40
    checked = 0
    for t in range(len(bars)):
        known = bounces[rows <= t][-20:]
        # Within one bar the order of resolution is not in the log; rows where it could matter are left out.
        if len(known) == 20 and (rows == rows[rows <= t][-20]).sum() > 1:
            continue
        expected = (known > 0.3).mean() if len(known) >= 5 else np.nan
        assert columns["fvg_bull_hold_rate_20"][t] == pytest.approx(expected, nan_ok=True)
        checked += 1
    assert checked > 500


def test_structure_columns_follow_the_events(bars: Bars, columns: Columns) -> None:
    breaks = smc.structure(bars)
    for kind in ("bos", "choch"):
        for side, end in ((+1, "up"), (-1, "dn")):
            rows = breaks.select(kind, side)["known_at"]
            np.testing.assert_array_equal(np.flatnonzero(columns[f"ms_{kind}_{end}"]), np.unique(rows))
    direction = np.zeros(len(bars))
    for row, side in zip(breaks["known_at"], breaks["side"], strict=True):
        direction[row:] = side
    np.testing.assert_array_equal(columns["ms_dir"], direction)
    np.testing.assert_array_equal(columns["ms_dir_up"], direction > 0)


def test_dealing_range_and_retracement_follow_the_definition(bars: Bars, columns: Columns) -> None:
    swings = smc.swings(bars)
    checked = 0
    for t in range(len(bars)):
        known = swings.known_by(t)
        highs, lows = known.select("swing_high"), known.select("swing_low")
        if not len(highs) or not len(lows):
            assert np.isnan(columns["pd_pos"][t])
            continue
        high_at, low_at = highs["origin"][-1], lows["origin"][-1]
        top, bottom = bars.high[high_at : t + 1].max(), bars.low[low_at : t + 1].min()
        c = bars.close[t]
        assert columns["pd_pos"][t] == pytest.approx((c - bottom) / (top - bottom), rel=1e-12)
        depth = (top - c) / (top - bottom)
        assert columns["pd_ote_long"][t] == (low_at < high_at and 0.62 <= depth <= 0.79)

        newest = known["known_at"].max()
        last = known.select()["kind"][known["known_at"] == newest].tolist()
        pivot = int(known["origin"][-1])
        if len(last) == 2:
            end = "swing_high" if bars.close[pivot] >= bars.open[pivot] else "swing_low"
        else:
            end = last[0]
        b_at = highs["origin"][-1] if end == "swing_high" else lows["origin"][-1]
        a, b = (
            (lows["level"][-1], highs["level"][-1]) if end == "swing_high" else (highs["level"][-1], lows["level"][-1])
        )
        if a == b:
            assert np.isnan(columns["ret_cur"][t])
            continue
        path = bars.low[b_at + 1 : t + 1] if b > a else bars.high[b_at + 1 : t + 1]
        assert columns["ret_dir"][t] == np.sign(b - a)
        assert columns["ret_cur"][t] == pytest.approx((b - c) / (b - a), rel=1e-12)
        assert columns["ret_deep"][t] == pytest.approx(((b - path) / (b - a)).max(), rel=1e-12)
        checked += 1
    assert checked > 1_000


def test_ten_bar_range_breaks_follow_the_definition(bars: Bars, columns: Columns) -> None:
    side = 0
    for t in range(10, len(bars)):
        top, bottom = bars.high[t - 10 : t].max(), bars.low[t - 10 : t].min()
        up = 2 if bars.close[t] > top else int(bars.high[t] > top)
        down = 2 if bars.close[t] < bottom else int(bars.low[t] < bottom)
        assert (columns["rb10_up"][t], columns["rb10_dn"][t]) == (up, down)
        now = 1 if up == 2 else -1 if down == 2 else side
        assert columns["rb10_flip"][t] == (side != 0 and now != side)
        assert columns["rb10_dir"][t] == now
        side = now
    assert np.isnan(columns["rb10_up"][:10]).all()


def test_liquidity_columns_follow_the_log(bars: Bars, columns: Columns, atr: NDArray[np.float64]) -> None:
    events = smc.liquidity(bars)
    for side, name, end in ((+1, "liq_bsl", "up"), (-1, "liq_ssl", "dn")):
        chosen = events.select(side=side)
        for kind in ("sweep", "run"):
            rows = chosen.select(kind)["known_at"]
            np.testing.assert_array_equal(np.flatnonzero(columns[f"liq_{kind}_{end}"]), np.unique(rows))
        pools = chosen.select("pool")
        for t in range(0, len(bars), 3):
            alive = (pools["known_at"] <= t) & ((pools["invalidated_at"] == -1) | (pools["invalidated_at"] > t))
            assert columns[f"{name}_n"][t] == (pools["members"][alive] >= 2).sum()
            if not alive.any():
                assert np.isnan(columns[f"{name}_dist_atr"][t])
                continue
            distance = side * (pools["level"][alive] - bars.close[t])
            nearest = np.lexsort((-pools["known_at"][alive], distance))[0]
            assert columns[f"{name}_dist_atr"][t] == pytest.approx(distance[nearest] / atr[t], rel=1e-10)
            assert columns[f"{name}_members"][t] == pools["members"][alive][nearest]
            assert columns[f"{name}_age"][t] == t - pools["known_at"][alive][nearest]
            assert columns[f"{name}_level"][t] == pools["level"][alive][nearest]


@pytest.mark.parametrize("side", [+1, -1])
def test_breaker_columns_describe_the_live_breakers_of_the_log(
    bars: Bars, columns: Columns, atr: NDArray[np.float64], side: int
) -> None:
    zones = smc.order_blocks(bars, breaker=True).select("breaker", side)
    prefix = f"brk_{'bull' if side > 0 else 'bear'}_"
    rows_with_zones = 0
    for t in range(len(bars)):
        row = {name[len(prefix) :]: x[t] for name, x in columns.items() if name.startswith(prefix)}
        then = zones.known_by(t)
        active = np.flatnonzero(then["invalidated_at"] == -1)
        assert row["new"] == ((then["known_at"] == t) & (then["invalidated_at"] == -1)).any()
        assert row["n_active"] == len(active)
        assert row["n_fresh"] == (then["state"][active] == "fresh").sum()
        if not len(active):
            assert np.isnan([row["dist_atr"], row["age"], row["top"], row["fill"]]).all()
            assert row["inside"] == row["n_3atr"] == 0
            continue
        rows_with_zones += 1
        top, bottom, c = then["top"][active], then["bottom"][active], bars.close[t]
        if side > 0:
            distance = np.where(c > top, c - top, np.where(c < bottom, c - bottom, 0.0))
        else:
            distance = np.where(c < bottom, bottom - c, np.where(c > top, top - c, 0.0))
        order = np.lexsort((-then["origin"][active], -then["known_at"][active], np.abs(distance)))
        nearest = active[order[0]]
        assert row["dist_atr"] == pytest.approx(distance[order[0]] / atr[t], rel=1e-10)
        assert row["age"] == t - then["known_at"][nearest]
        assert (row["top"], row["bottom"]) == (then["top"][nearest], then["bottom"][nearest])
        assert row["inside"] == (distance[order[0]] == 0.0)
        assert row["size_atr"] == then["size_atr"][nearest]
        assert row["size_atr"] == pytest.approx((row["top"] - row["bottom"]) / atr[then["known_at"][nearest]])
        assert row["quality"] == then["quality"][nearest]
    assert rows_with_zones > 200


def test_alternating_swing_columns_follow_the_events(bars: Bars, columns: Columns, atr: NDArray[np.float64]) -> None:
    points = smc.swings(bars, zigzag=True)
    checked = 0
    for t in range(len(bars)):
        known = np.flatnonzero(points["known_at"] <= t)
        row = {name: columns[f"sw_zz_{name}"][t] for name in ("new", "dir", "age", "dist_atr", "leg_atr", "leg_ratio")}
        if not len(known):
            assert row["new"] == 0
            assert np.isnan([row["dir"], row["age"], row["leg_ratio"]]).all()
            continue
        kept = known[(points["invalidated_at"][known] == -1) | (points["invalidated_at"][known] > t)]
        side, level = points["side"][kept], points["level"][kept]
        assert row["new"] == (side[-1] if points["known_at"][kept[-1]] == t else 0)
        assert (row["dir"], row["age"]) == (side[-1], t - points["origin"][kept[-1]])
        if t >= 14:
            assert row["dist_atr"] == pytest.approx(side[-1] * (level[-1] - bars.close[t]) / atr[t], rel=1e-10)
        if len(kept) >= 3:
            assert row["leg_atr"] == pytest.approx(side[-1] * (level[-1] - level[-2]) / atr[t], rel=1e-10)
            before = abs(level[-2] - level[-3])
            expected = abs(level[-1] - level[-2]) / before if before > 0 else np.nan
            assert row["leg_ratio"] == pytest.approx(expected, rel=1e-12, nan_ok=True)
            checked += 1
    assert checked > 1_000


def z_of_events(rows: NDArray[np.int64], values: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """z of each event against the up to 100 before it, at least 20, on the event's row (the last of the row)."""
    column = np.full(n, np.nan)
    for i, (row, value) in enumerate(zip(rows, values, strict=True)):
        before = values[max(0, i - 100) : i]
        column[row] = (value - before.mean()) / before.std(ddof=1) if len(before) >= 20 else np.nan
    return column


def test_event_z_scores_compare_with_the_hundred_events_before(
    random_bars: Callable[..., Bars],
) -> None:
    bars = random_bars(6_000, seed=4, scale=3.0)
    values, names = core().smc_columns(bars.native())
    columns = dict(zip(names, values.T, strict=True))
    checked = 0
    for kind, table in (("ob", smc.order_blocks(bars)), ("fvg", smc.fair_value_gaps(bars))):
        for side, end in ((+1, "bull"), (-1, "bear")):
            zones = table.select(side=side)
            born = zones["invalidated_at"] != zones["known_at"]
            for value in ("size", "disp") if kind == "ob" else ("size",):
                found = columns[f"{kind}_{end}_new_{value}_atr_ez100"]
                expected = z_of_events(zones["known_at"][born], zones[f"{value}_atr"][born], len(bars))
                np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9, err_msg=f"{kind} {end} {value}")
                checked += int(np.isfinite(found).sum())
    assert checked > 1_000

    # Of two breaks on one bar the column shows the last; both count as events.
    breaks = smc.structure(bars)
    rows = breaks["known_at"]
    last = np.append(rows[1:] != rows[:-1], True)
    distance = np.abs(bars.close[rows] - breaks["level"])
    known = np.isfinite(columns["ms_break_dist_atr"][rows])
    scale = np.full(len(rows), np.nan)
    scale[last] = distance[last] / columns["ms_break_dist_atr"][rows[last]]  # the ATR of the row
    for i in np.flatnonzero(~last):
        scale[i] = scale[i + 1]
    expected = z_of_events(rows[known], (distance / scale)[known], len(bars))
    np.testing.assert_allclose(columns["ms_break_dist_atr_ez100"], expected, rtol=1e-8, atol=1e-9)
    assert np.isfinite(expected).sum() > 200


def test_a_zone_is_valid_with_its_trend_unless_it_is_stretched_or_the_regime_does_not_carry_it(
    random_bars: Callable[..., Bars],
) -> None:
    bars = random_bars(6_000, seed=2, scale=3.0)
    kinds = [f"{kind}_{end}" for kind in ("ob", "fvg") for end in ("bull", "bear")]
    market = ("trend_bull", "trend_bear", "mom_overbought", "mom_oversold", "reg_normal", "reg_high_vol_trend")
    wanted = (*market, *(f"{kind}_valid" for kind in kinds), *(f"{kind}_n_active" for kind in kinds))
    table = build_features(bars, FeatureSpec(columns=wanted, higher=(), dtype="float64"))
    value = dict(zip(wanted, table.values.T, strict=True))
    regime = (value["reg_normal"] == 1) | (value["reg_high_vol_trend"] == 1)
    for kind in kinds:
        is_bull = kind.endswith("bull")
        expected = (
            (value[f"{kind}_n_active"] > 0)
            & (value["trend_bull" if is_bull else "trend_bear"] > 0.3)
            & (value["mom_overbought" if is_bull else "mom_oversold"] < 0.7)
            & regime
        )
        found = value[f"{kind}_valid"]
        known = ~np.isnan(value["reg_normal"])
        np.testing.assert_array_equal(np.isnan(found), ~known)
        np.testing.assert_array_equal(found[known], expected[known])
        assert 300 < found[known].sum() < known.sum() - 300


def test_the_second_scale_is_the_engine_with_wider_swings(bars: Bars, columns: Columns) -> None:
    values, names = core().smc_columns(bars.native(), {"smc.swing_left": 20, "smc.swing_right": 20})
    wide = dict(zip(names, values.T, strict=True))
    prefixed = [name for name in columns if name.startswith("s20_")]
    assert {"s20_sw_high_dist_atr", "s20_ms_dir", "s20_pd_pos", "s20_ret_cur"} <= set(prefixed)
    assert len(prefixed) == sum(name.startswith(("sw_", "ms_", "pd_", "ret_")) for name in names) - sum(
        name.startswith("sw_zz_") for name in names
    )
    for name in prefixed:
        np.testing.assert_array_equal(columns[name], wide[name.removeprefix("s20_")], err_msg=name)
    assert (columns["s20_ms_bos_up"] + columns["s20_ms_choch_up"]).sum() > 5
    _, names = core().smc_columns(bars.native(), {"smc.second_scale": 7})
    assert "s7_pd_pos" in names
    assert not any(name.startswith("s20_") for name in names)
    assert not any(name.startswith("s0_") for name in core().smc_columns(bars.native(), {"smc.second_scale": 0})[1])
