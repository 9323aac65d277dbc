"""Nothing on row t depends on a later bar: prefixes, changed futures, missing bars, restarts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from smctrain._load import core
from smctrain.bars.types import Bars

STEPS = ("invalidated_at", "touched_at", "filled_at", "resolved_at")
FRESH, TOUCHED, FILLED = 0, 1, 2
Table = dict[str, NDArray[Any]]


def events(bars: Bars, options: dict[str, Any] | None = None) -> Table:
    return core().smc_events(bars.native(), bars.seconds * 1_000_000_000, options or {})


def columns(bars: Bars) -> tuple[NDArray[np.float64], list[str]]:
    return core().smc_columns(bars.native())


def as_known_before(table: Table, row: int) -> Table:
    """The log of all bars as it read when rows 0..row-1 had closed."""
    known = {name: values[table["known_at"] < row].copy() for name, values in table.items()}
    for step in STEPS:
        known[step][known[step] >= row] = -1
    known["bounce_q"][known["resolved_at"] == -1] = np.nan
    alive = known["invalidated_at"] == -1
    last = np.where(known["filled_at"] >= 0, FILLED, np.where(known["touched_at"] >= 0, TOUCHED, FRESH))
    known["state"] = np.where(alive, last, known["state"])
    return known


def assert_same(actual: Table, expected: Table) -> None:
    for name in expected:
        np.testing.assert_array_equal(actual[name], expected[name], err_msg=name)


@pytest.fixture(scope="module")
def bars(random_bars: Callable[..., Bars]) -> Bars:
    """2,000 bars with two segments and three missing bars."""
    made = random_bars(2_000, seed=11)
    for row in (300, 301, 905):
        made.high[row] = np.nan
    return replace(made, segment=(np.arange(2_000) >= 1_200).astype(np.int32))


CUTS = sorted({*range(60), *range(60, 2_000, 12), 905, 906, 1_200, 1_201, 1_998, 1_999})


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"ob.rule": "seed", "fvg.merge": False, "smc.atr": "sma"},
        {"ob.rule": "extreme", "ms.break": "wick", "zone.invalidate": "wick", "zone.cap": 3},
    ],
    ids=["default", "seed_without_merging", "extreme_on_wicks"],
)
def test_the_log_of_a_prefix_is_what_was_known_then(bars: Bars, options: dict[str, Any]) -> None:
    assert len(CUTS) >= 200
    full = events(bars, options)
    assert len(np.unique(full["kind"])) == len(core().SMC_EVENT_KINDS) == 12
    for cut in CUTS:
        assert_same(events(bars[:cut], options), as_known_before(full, cut))


def test_adding_bars_never_changes_an_earlier_row(bars: Bars) -> None:
    full, _ = columns(bars)
    for cut in CUTS:
        prefix, _ = columns(bars[:cut])
        np.testing.assert_array_equal(prefix, full[:cut])


def test_a_different_future_leaves_the_past_alone(bars: Bars) -> None:
    full, _ = columns(bars)
    rng = np.random.default_rng(5)
    for row in (100, 777, 1_250, 1_900):
        order = np.arange(len(bars))
        order[row:] = rng.permutation(order[row:])
        changed = replace(bars, **{name: getattr(bars, name)[order] for name in ("open", "high", "low", "close")})
        np.testing.assert_array_equal(columns(changed)[0][:row], full[:row])


def test_events_are_known_after_their_origin_and_die_after_they_are_known(bars: Bars) -> None:
    table = events(bars)
    assert (table["origin"] <= table["known_at"]).all()
    assert (np.diff(table["known_at"]) >= 0).all()
    for step in STEPS:
        reached = table[step] != -1
        assert reached.any()
        assert (table[step][reached] >= table["known_at"][reached]).all()
    touched = table["touched_at"] >= 0
    assert (table["touched_at"][touched] > table["known_at"][touched]).all()


def test_a_missing_bar_is_skipped_and_the_next_one_heals(random_bars: Callable[..., Bars]) -> None:
    whole = random_bars(600, seed=3)
    # The same bars with one unusable bar in between.
    rows = np.insert(np.arange(600), 250, 250)
    names = ("time", "open", "high", "low", "close", "segment")
    holed = replace(whole, **{name: getattr(whole, name)[rows].copy() for name in names})
    holed.low[250] = np.nan

    expected, column_names = columns(whole)
    actual, _ = columns(holed)
    assert np.isnan(actual[250]).all()
    # The z-score of the ATR, and so the regime, is unknown while the missing bar is among its 50.
    is_valid = np.array([name.endswith("_valid") for name in column_names])
    healed = np.delete(actual, 250, axis=0)
    np.testing.assert_array_equal(healed[:, ~is_valid], expected[:, ~is_valid])
    assert np.isnan(healed[250:299, is_valid]).all()
    np.testing.assert_array_equal(healed[299:, is_valid], expected[299:, is_valid])
    assert not np.isnan(actual[251, column_names.index("pd_pos")])

    shifted = events(whole)
    for name in ("origin", "known_at", *STEPS):
        shifted[name] = shifted[name] + (shifted[name] >= 250)
    assert_same(events(holed), shifted)


def test_what_else_an_unusable_bar_says_is_not_read(random_bars: Callable[..., Bars]) -> None:
    made = [random_bars(600, seed=3) for _ in range(2)]
    for bars in made:
        bars.low[250] = np.nan
    for name in ("open", "high", "close"):
        getattr(made[0], name)[250] = np.nan
        getattr(made[1], name)[250] = 1e4
    np.testing.assert_array_equal(columns(made[0])[0], columns(made[1])[0])
    assert_same(events(made[0]), events(made[1]))


def test_each_segment_starts_from_nothing(bars: Bars) -> None:
    full, _ = columns(bars)
    np.testing.assert_array_equal(columns(bars[1_200:])[0], full[1_200:])

    table = events(bars)
    second = {name: values[table["known_at"] >= 1_200] for name, values in table.items()}
    expected = events(bars[1_200:])
    for name in ("origin", "known_at", *STEPS):
        expected[name] = np.where(expected[name] >= 0, expected[name] + 1_200, -1)
    assert_same(second, expected)


def test_zones_alive_at_the_end_of_a_segment_expire_on_the_first_row_of_the_next(bars: Bars) -> None:
    names = core().SMC_EVENT_KINDS
    expired = core().SMC_ZONE_STATES.index("expired")
    lives = [names.index(kind) for kind in ("fvg", "order_block", "breaker", "pool")]
    before, after = events(bars[:1_200]), events(bars)
    alive = np.flatnonzero(np.isin(before["kind"], lives) & (before["invalidated_at"] == -1))
    assert len(alive) > 0
    assert (after["invalidated_at"][alive] == 1_200).all()
    assert (after["state"][alive] == expired).all()
    first = after["known_at"] < 1_200
    assert (after["invalidated_at"][first & np.isin(after["kind"], lives)] <= 1_200).all()


@pytest.mark.parametrize("n", [0, 1, 2, 3, 400])
def test_short_and_flat_series_do_not_fail(make_bars: Callable[..., Bars], n: int) -> None:
    flat = make_bars(np.full((n, 4), 1.25))
    assert len(events(flat)["kind"]) == 0
    values, names = columns(flat)
    assert values.shape == (n, len(names))
    counted = (
        "ob_bull_new",
        "fvg_bear_new",
        "ob_bear_n_active",
        "sw_high_new",
        "ms_bos_up",
        "ms_choch_dn",
        "ms_dir",
    )
    flags = [names.index(name) for name in counted]
    assert (values[:, flags] == 0).all()
    assert not np.isinf(values).any()


def test_no_column_is_infinite_and_flags_are_never_missing(bars: Bars) -> None:
    values, names = columns(bars)
    finite_rows = ~np.isnan(bars.high)
    assert not np.isinf(values).any()
    for name in (
        "sw_high_new",
        "ms_dir",
        "ob_bull_new",
        "fvg_bear_n_active",
        "ob_bear_inside",
        "liq_sweep_up",
    ):
        assert not np.isnan(values[finite_rows, names.index(name)]).any(), name


def test_the_default_preset_names_features_of_the_machine(bars: Bars) -> None:
    native = core()
    names = native.smc_default_columns()
    roles = {name: role for name, (role, _, _) in native.smc_catalogue().items()}
    assert 25 <= len(names) <= 50
    assert len(set(names)) == len(names)
    assert {roles[name] for name in names} == {"feature"}
    levels = [name for name, role in roles.items() if role == "level"]
    assert levels
    assert all(name.endswith(("_level", "_top", "_bottom")) for name in levels)
    assert len(roles) == len(columns(bars)[1])
