"""Counts and single facts of real bars, found by an independent implementation of the definitions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from smctrain._load import core
from smctrain.bars.types import Bars
from smctrain.features import smc
from smctrain.features.events import EventTable

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def eurusd(real_bars: Callable[[str, int], Bars]) -> Bars:
    bars = real_bars("EURUSD", 5)
    assert len(bars) == 10_000
    return bars


def sums(events: EventTable, kind: str, side: int) -> tuple[int, int, int]:
    chosen = events.select(kind, side)
    return len(chosen), int(chosen["known_at"].sum()), int(chosen["origin"].sum())


def states(events: EventTable, side: int) -> dict[str, int]:
    words, counts = np.unique(events.select(side=side)["state"], return_counts=True)
    return dict(zip(words.tolist(), counts.tolist(), strict=True))


def test_swings_of_eurusd(eurusd: Bars) -> None:
    events = smc.swings(eurusd)
    assert sums(events, "swing_high", +1) == (604, 3064251, 3061231)
    assert sums(events, "swing_low", -1) == (618, 3116616, 3113526)


def test_structure_breaks_of_eurusd(eurusd: Bars) -> None:
    events = smc.structure(eurusd)
    assert sums(events, "bos", +1) == (133, 600629, 599172)
    assert sums(events, "bos", -1) == (102, 567937, 566812)
    assert sums(events, "choch", +1) == (128, 639917, 638168)
    assert sums(events, "choch", -1) == (129, 645293, 643492)


def test_gaps_of_eurusd_and_what_became_of_them(eurusd: Bars) -> None:
    events = smc.fair_value_gaps(eurusd)
    assert sums(events, "fvg", +1) == (618, 2977600, 2976832)
    assert sums(events, "fvg", -1) == (577, 3046658, 3045955)
    assert states(events, +1) == {"merged": 123, "filled": 254, "invalidated": 203, "expired": 38}
    bearish = states(events, -1)
    assert {word: bearish[word] for word in ("merged", "filled", "invalidated", "expired")} == {
        "merged": 111, "filled": 240, "invalidated": 203, "expired": 15,
    }  # fmt: skip
    assert (events["invalidated_at"] == -1).sum() == 8


def test_order_blocks_of_eurusd_and_what_became_of_them(eurusd: Bars) -> None:
    events = smc.order_blocks(eurusd)
    assert sums(events, "order_block", +1) == (243, 1166885, 1166230)
    assert sums(events, "order_block", -1) == (223, 1170267, 1169629)
    for side, expected in {+1: (224, 118, 206, 37), -1: (212, 96, 199, 16)}.items():
        blocks = events.select(side=side)
        found = (
            int((blocks["touched_at"] >= 0).sum()),
            int((blocks["filled_at"] >= 0).sum()),
            int((blocks["state"] == "invalidated").sum()),
            int((blocks["state"] == "expired").sum()),
        )
        assert found == expected


def test_breakers_of_eurusd_and_what_became_of_them(eurusd: Bars) -> None:
    events = smc.order_blocks(eurusd, breaker=True).select("breaker")
    assert sums(events, "breaker", +1) == (199, 1019357, 1003076)
    assert sums(events, "breaker", -1) == (206, 1035231, 1020938)
    assert states(events, +1) == {"invalidated": 174, "expired": 25}
    assert states(events, -1) == {"invalidated": 190, "expired": 13, "fresh": 2, "filled": 1}


def test_alternating_swings_of_eurusd(eurusd: Bars) -> None:
    events = smc.swings(eurusd, zigzag=True)
    assert sums(events, "swing_high", +1) == (541, 2717941, 2715236)
    assert sums(events, "swing_low", -1) == (553, 2785103, 2782338)
    replaced = [int((events.select(side=side)["invalidated_at"] != -1).sum()) for side in (1, -1)]
    assert replaced == [46, 57]


@pytest.mark.parametrize(
    ("side", "active", "dead"), [(+1, (641, 3201422, 3199499), 16), (-1, (634, 3323129, 3321227), 18)]
)
def test_order_blocks_of_the_seed_rule(eurusd: Bars, side: int, active: tuple[int, ...], dead: int) -> None:
    blocks = smc.order_blocks(eurusd, rule="seed").select(side=side)
    is_dead = blocks["invalidated_at"] == blocks["known_at"]
    assert is_dead.sum() == dead
    alive = ~is_dead
    assert (alive.sum(), blocks["known_at"][alive].sum(), blocks["origin"][alive].sum()) == active


def test_sweeps_and_runs_of_eurusd(eurusd: Bars) -> None:
    events = smc.liquidity(eurusd)
    counts = [len(events.select(kind, side)) for side in (+1, -1) for kind in ("sweep", "run")]
    assert counts == [221, 269, 260, 238]


def test_the_last_row_of_eurusd(eurusd: Bars) -> None:
    values, names = core().smc_columns(eurusd.native())
    last = dict(zip(names, values[-1], strict=True))
    expected = {
        "ms_dir": -1, "ms_up_level": 1.16233, "ms_dn_level": 1.1547,
        "ob_bear_n_active": 8, "ob_bear_n_fresh": 6, "ob_bear_age": 13,
        "fvg_bear_n_active": 8, "fvg_bear_n_fresh": 2, "fvg_bear_age": 9,
        "ob_bull_n_active": 0, "fvg_bull_n_active": 0,
    }  # fmt: skip
    assert {name: last[name] for name in expected} == expected
    assert last["ob_bear_dist_atr"] == pytest.approx(4.95168616837, rel=1e-10)
    assert last["fvg_bear_dist_atr"] == pytest.approx(2.29933789321, rel=1e-10)
    assert np.isnan(last["ob_bull_dist_atr"])


def test_the_first_events_of_eurusd(eurusd: Bars) -> None:
    swings = smc.swings(eurusd)
    low = {name: swings.select("swing_low")[name][0] for name in swings}
    assert (low["origin"], low["known_at"], low["level"]) == (13, 18, 1.11311)
    high = {name: swings.select("swing_high")[name][0] for name in swings}
    assert (high["origin"], high["known_at"], high["level"]) == (25, 30, 1.11584)

    gaps = smc.fair_value_gaps(eurusd)
    assert [gaps[name][0] for name in ("bottom", "top", "known_at", "filled_at", "state")] == [
        1.11476, 1.11509, 23, 30, "filled",
    ]  # fmt: skip

    breaks = smc.structure(eurusd)
    first = breaks.select("bos", +1)
    assert first["known_at"][0] == 31
    down = breaks.select("choch", -1)
    assert [down[name][0] for name in ("known_at", "level", "origin")] == [136, 1.12347, 128]
    assert breaks.select("choch", +1)["known_at"][0] == 145

    blocks = smc.order_blocks(eurusd)
    assert [blocks[name][0] for name in ("known_at", "origin", "bottom", "top")] == [31, 29, 1.11478, 1.11518]


def test_counts_of_gold(real_bars: Callable[[str, int], Bars]) -> None:
    bars = real_bars("XAUUSD", 2)
    swings, breaks = smc.swings(bars), smc.structure(bars)
    assert [len(swings.select(kind)) for kind in ("swing_high", "swing_low")] == [618, 584]
    assert [len(breaks.select(kind, side)) for kind in ("bos", "choch") for side in (1, -1)] == [
        142,
        97,
        112,
        112,
    ]
    assert [len(smc.fair_value_gaps(bars).select(side=side)) for side in (1, -1)] == [674, 513]
    assert [len(smc.order_blocks(bars).select(side=side)) for side in (1, -1)] == [247, 200]
