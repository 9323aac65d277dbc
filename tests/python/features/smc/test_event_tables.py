"""The Python faces: what the tables contain, what they show at a row, what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from smctrain.bars.types import Bars
from smctrain.exceptions import InputError
from smctrain.features import smc
from smctrain.features.events import EventTable

FACES: dict[str, Callable[..., EventTable]] = {
    "swings": smc.swings,
    "alternating_swings": partial(smc.swings, zigzag=True),
    "structure": smc.structure,
    "fair_value_gaps": smc.fair_value_gaps,
    "order_blocks": smc.order_blocks,
    "blocks_and_breakers": partial(smc.order_blocks, breaker=True),
    "liquidity": smc.liquidity,
    "sessions": smc.sessions,
    "previous_levels": partial(smc.previous_levels, period="h4"),
    "retracements": smc.retracements,
}


@pytest.fixture(scope="module")
def bars(random_bars: Callable[..., Bars]) -> Bars:
    return random_bars(1_000, seed=21, scale=3.0)


@pytest.mark.parametrize("face", FACES.values(), ids=FACES.keys())
def test_what_a_table_shows_at_a_row_is_what_the_bars_so_far_give(bars: Bars, face: Callable[..., EventTable]) -> None:
    table = face(bars)
    assert len(table) > 30
    for row in range(0, 1_000, 37):
        then, now = face(bars[: row + 1]), table.known_by(row)
        assert now.names == then.names
        for name in then:
            np.testing.assert_array_equal(now[name], then[name], err_msg=f"{name} at {row}")


def test_kinds_are_spelled_out(bars: Bars) -> None:
    kinds = {name: set(face(bars)["kind"].tolist()) for name, face in FACES.items()}
    assert kinds == {
        "swings": {"swing_high", "swing_low"},
        "alternating_swings": {"swing_high", "swing_low"},
        "structure": {"bos", "choch"},
        "fair_value_gaps": {"fvg"},
        "order_blocks": {"order_block"},
        "blocks_and_breakers": {"order_block", "breaker"},
        "liquidity": {"pool", "sweep", "run"},
        "sessions": {"session"},
        "previous_levels": {"previous_period"},
        "retracements": {"retracement"},
    }


def test_zones_have_their_top_above_their_bottom(bars: Bars) -> None:
    for table in (smc.fair_value_gaps(bars), smc.order_blocks(bars), smc.order_blocks(bars, zone="body")):
        assert (table["top"] >= table["bottom"]).all()
        assert set(table["side"].tolist()) == {1, -1}
    body, whole = smc.order_blocks(bars, zone="body"), smc.order_blocks(bars)
    assert (body["top"][0] - body["bottom"][0]) < (whole["top"][0] - whole["bottom"][0])


def test_a_pool_that_is_joined_gets_a_successor_instead_of_an_edit(bars: Bars) -> None:
    pools = smc.liquidity(bars, tol_atr=1.0).select("pool", +1)
    merged = np.flatnonzero(pools["state"] == "merged")
    assert len(merged) > 0
    for i in merged:
        successor = np.flatnonzero(pools["known_at"] == pools["invalidated_at"][i])
        assert len(successor) == 1
        assert pools["members"][successor[0]] == pools["members"][i] + 1
        assert pools["level"][successor[0]] >= pools["level"][i]
        assert pools["origin"][successor[0]] == pools["origin"][i]


def test_every_sweep_and_run_ends_one_pool(bars: Bars) -> None:
    events = smc.liquidity(bars)
    taken = events.select(["sweep", "run"])
    ended = events.select("pool")
    ended_rows = ended["invalidated_at"][ended["state"] == "invalidated"]
    assert sorted(taken["known_at"].tolist()) == sorted(ended_rows.tolist())


def test_a_gap_across_a_pause_can_be_left_out(make_bars: Callable[..., Bars]) -> None:
    rows = [(10.0, 11.0, 9.0, 10.0)] * 20 + [(10.0, 14.0, 10.0, 14.0), (14.0, 16.0, 13.0, 15.0)]
    bars = make_bars(rows)
    assert len(smc.fair_value_gaps(bars)) == 1
    bars.time[-1] += np.timedelta64(30, "m")
    assert len(smc.fair_value_gaps(bars)) == 1
    assert len(smc.fair_value_gaps(bars, max_time_gap=1)) == 0
    assert len(smc.fair_value_gaps(bars, max_time_gap=2)) == 1


def test_the_middle_candle_can_be_asked_to_point_the_same_way(make_bars: Callable[..., Bars]) -> None:
    rows = [(10.0, 11.0, 9.0, 10.0)] * 20 + [(14.0, 14.0, 10.0, 10.5), (14.0, 16.0, 13.0, 15.0)]
    bars = make_bars(rows)
    assert len(smc.fair_value_gaps(bars)) == 1
    assert len(smc.fair_value_gaps(bars, middle="same_side")) == 0


def test_an_extreme_level_is_not_replaced_by_a_lesser_swing(make_bars: Callable[..., Bars]) -> None:
    highs = [10, 20, 10, 10, 15, 10, 10, 16, 10, 10]
    bars = make_bars([(9.0, float(h), 8.0, h - 0.5 if h == 16 else 9.0) for h in highs])
    last = smc.structure(bars, left=1, right=1)
    assert last.select(side=+1)["level"].tolist() == [15.0]
    extreme = smc.structure(bars, level="extreme", left=1, right=1)
    assert len(extreme.select(side=+1)) == 0


@pytest.mark.parametrize(
    ("face", "arguments", "message"),
    [
        ("swings", {"left": 0}, "left must be an integer from 1 to 1000000, but is 0"),
        ("swings", {"right": 2.5}, "right must be an integer"),
        ("swings", {"left": True}, "left must be an integer"),
        ("swings", {"zigzag": "yes"}, "zigzag must be True or False, but is 'yes'"),
        ("order_blocks", {"breaker": 1}, "breaker must be True or False, but is 1"),
        ("structure", {"break_on": "body"}, "break_on must be 'close' or 'wick', but is 'body'"),
        ("order_blocks", {"rule": "ict"}, "rule must be 'bos' or 'seed' or 'extreme', but is 'ict'"),
        (
            "order_blocks",
            {"min_disp": float("nan")},
            "min_disp must be a finite number of at least 0, but is nan",
        ),
        ("fair_value_gaps", {"cap": 65}, "cap must be an integer from 1 to 64, but is 65"),
        ("fair_value_gaps", {"merge": 1}, "merge must be True or False, but is 1"),
        ("fair_value_gaps", {"max_time_gap": -1}, "max_time_gap must be a finite number of at least 0"),
        ("liquidity", {"tol_atr": -0.1}, "tol_atr must be a finite number of at least 0, but is -0.1"),
    ],
)
def test_bad_options_are_named(bars: Bars, face: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        FACES[face](bars, **arguments)


def test_anything_but_bars_is_refused_in_words() -> None:
    with pytest.raises(InputError, match="b must be Bars of one symbol and timeframe"):
        smc.swings({"open": [1.0]})  # type: ignore[arg-type]
