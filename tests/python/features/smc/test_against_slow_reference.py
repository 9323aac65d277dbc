"""The engine against the definitions written down as plainly as possible, on random bars with many ties."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from smctrain.bars.types import Bars
from smctrain.features import smc

SEEDS = [0, 1, 2]


def slow_atr(bars: Bars, n: int = 14) -> list[float]:
    """Wilder's ATR: the mean of n true ranges, then (A * (n - 1) + TR) / n."""
    atr = [np.nan] * len(bars)
    ranges = [
        max(
            bars.high[t] - bars.low[t],
            abs(bars.high[t] - bars.close[t - 1]),
            abs(bars.low[t] - bars.close[t - 1]),
        )
        for t in range(1, len(bars))
    ]
    for t in range(n, len(bars)):
        atr[t] = sum(ranges[:n]) / n if t == n else (atr[t - 1] * (n - 1) + ranges[t - 1]) / n
    return atr


def slow_swings(bars: Bars, left: int, right: int) -> list[tuple[int, int, int, float]]:
    """(known_at, side, origin, level), highs before lows on one bar."""
    found = []
    for i in range(left, len(bars) - right):
        for side, x in ((+1, bars.high), (-1, -bars.low)):
            is_above_left = all(x[j] < x[i] for j in range(i - left, i))
            is_not_below_right = all(x[j] <= x[i] for j in range(i + 1, i + right + 1))
            if is_above_left and is_not_below_right:
                found.append((i + right, side, i, side * x[i]))
    return sorted(found, key=lambda swing: (swing[0], -swing[1]))


def slow_structure(bars: Bars, on_wick: bool = False) -> list[tuple[int, str, int, int, float]]:
    """(known_at, kind, side, origin, level), in the order in which they happen."""
    swings = slow_swings(bars, 5, 5)
    level: dict[int, tuple[int, float] | None] = {+1: None, -1: None}
    direction = 0
    found = []
    for t in range(len(bars)):
        test = {+1: bars.high[t] if on_wick else bars.close[t], -1: bars.low[t] if on_wick else bars.close[t]}
        first = -1 if bars.close[t] >= bars.open[t] else +1
        broken = [s for s in (first, -first) if level[s] is not None and s * test[s] > s * level[s][1]]
        for side in broken:
            origin, price = level[side]
            found.append((t, "choch" if direction == -side else "bos", side, origin, price))
            level[side] = None
            direction = side
        for known_at, side, origin, price in swings:
            if known_at == t:
                level[side] = (origin, price)
    return found


def slow_gaps(bars: Bars, min_atr: float, merge: bool) -> list[dict[str, Any]]:
    """Each gap as a record; its life is walked bar by bar together with all others."""
    atr = slow_atr(bars)
    found: list[dict[str, Any]] = []
    for t in range(2, len(bars)):
        h, low, c = (x[t] for x in (bars.high, bars.low, bars.close))
        for gap in found:
            if gap["dead"] != -1:
                continue
            bull = gap["side"] > 0
            if t - gap["known_at"] > 500:
                gap["state"], gap["dead"] = "expired", t
                continue
            if (low <= gap["top"]) if bull else (h >= gap["bottom"]):
                gap["state"] = "touched"
                gap["touched"] = t if gap["touched"] == -1 else gap["touched"]
            if (c < gap["bottom"]) if bull else (c > gap["top"]):
                gap["state"], gap["dead"] = "invalidated", t
            elif (low <= gap["bottom"]) if bull else (h >= gap["top"]):
                gap["state"], gap["dead"] = "filled", t
        for side in (+1, -1):
            bottom, top = (bars.high[t - 2], low) if side > 0 else (h, bars.low[t - 2])
            if not top > bottom or not (top - bottom) / atr[t] >= min_atr:
                continue
            gap = {"side": side, "origin": t - 1, "known_at": t, "bottom": bottom, "top": top, "merged": 0}
            if merge:
                for older in found:
                    if older["side"] == side and older["known_at"] == t - 1 and older["dead"] == -1:
                        older["state"], older["dead"] = "merged", t
                        gap["bottom"] = min(bottom, older["bottom"])
                        gap["top"] = max(top, older["top"])
                        gap["origin"] = older["origin"]
                        gap["merged"] = older["merged"] + 1
            found.append(gap | {"state": "fresh", "dead": -1, "touched": -1})
    return found


def slow_blocks(bars: Bars, rule: str) -> list[tuple[int, int, int]]:
    """(known_at, side, origin) of the rules that wait for a break of structure."""
    atr = slow_atr(bars)
    found = []
    for t, _, side, swing, _ in slow_structure(bars):
        o, low, c = (bars.open, bars.low, bars.close) if side > 0 else (-bars.open, -bars.high, -bars.close)
        h = bars.high if side > 0 else -bars.low
        between = range(swing + 1, t)
        if rule == "bos":
            candidates = [k for k in between if c[k] < o[k]]
        else:
            candidates = [k for k in between if low[k] == min(low[j] for j in between)]
        if candidates and (max(h[candidates[-1] + 1 : t + 1]) - low[candidates[-1]]) / atr[t] >= 1.0:
            found.append((t, side, candidates[-1]))
    return found


def slow_pools(bars: Bars) -> list[tuple[int, str, int, float, int]]:
    """(row, "sweep" or "run", side, level, members)."""
    atr = slow_atr(bars)
    swings = slow_swings(bars, 5, 5)
    pools: list[dict[str, Any]] = []
    found = []
    for t in range(len(bars)):
        for side in (+1, -1):
            h, c = (bars.high[t], bars.close[t]) if side > 0 else (-bars.low[t], -bars.close[t])
            for pool in [pool for pool in pools if pool["side"] == side]:
                if h > pool["level"]:
                    kind = "run" if c > pool["level"] else "sweep"
                    found.append((t, kind, side, side * pool["level"], pool["members"]))
                    pools.remove(pool)
                elif t - pool["last"] > 500:
                    pools.remove(pool)
        for known_at, side, _, level in swings:
            if known_at != t or not atr[t] > 0:
                continue
            near = [
                pool for pool in pools if pool["side"] == side and abs(pool["level"] - side * level) <= 0.25 * atr[t]
            ]
            if near:
                pool = min(near, key=lambda pool: (abs(pool["level"] - side * level), -pool["last"]))
                pool["level"] = max(pool["level"], side * level)
                pool["members"] += 1
                pool["last"] = t
            else:
                pools.append({"side": side, "level": side * level, "members": 1, "last": t})
    return found


def slow_zigzag(bars: Bars, left: int, right: int) -> list[list[float]]:
    """[known_at, side, origin, level, replaced at]: every swing that was ever kept."""
    found: list[list[float]] = []
    swings = slow_swings(bars, left, right)
    for t in sorted({known_at for known_at, *_ in swings}):
        now = [swing for swing in swings if swing[0] == t]
        pivot = t - right
        up = bars.close[pivot] >= bars.open[pivot]
        for _, side, origin, level in sorted(now, key=lambda swing: swing[1] if up else -swing[1]):
            if found and found[-1][1] == side:
                if side * (level - found[-1][3]) <= 0:
                    continue
                found[-1][4] = t
            found.append([t, side, origin, level, -1])
    return found


def slow_breakers(bars: Bars) -> list[dict[str, Any]]:
    """Breakers from the table of blocks; their lives are walked bar by bar together."""
    atr = slow_atr(bars)
    blocks = smc.order_blocks(bars)
    failed = [
        i
        for i in range(len(blocks))
        if blocks["state"][i] == "invalidated" and blocks["invalidated_at"][i] > blocks["known_at"][i]
    ]
    found: list[dict[str, Any]] = []
    for t in range(len(bars)):
        h, low, c = (x[t] for x in (bars.high, bars.low, bars.close))
        for zone in found:
            if zone["dead"] != -1:
                continue
            bull = zone["side"] > 0
            if t - zone["known_at"] > 500:
                zone["state"], zone["dead"] = "expired", t
                continue
            if ((low <= zone["top"]) if bull else (h >= zone["bottom"])) and zone["touched"] == -1:
                zone["state"], zone["touched"] = "touched", t
            if (c < zone["bottom"]) if bull else (c > zone["top"]):
                zone["state"], zone["dead"] = "invalidated", t
            elif (low <= zone["bottom"]) if bull else (h >= zone["top"]):
                zone["state"] = "filled"
                zone["filled"] = t if zone["filled"] == -1 else zone["filled"]
        for side in (+1, -1):
            for i in sorted(failed, key=lambda i: blocks["origin"][i]):
                if blocks["invalidated_at"][i] != t or blocks["side"][i] != -side or not atr[t] > 0:
                    continue
                origin, top, bottom = (blocks[name][i] for name in ("origin", "top", "bottom"))
                if any(z["side"] == side and z["origin"] == origin and z["dead"] == -1 for z in found):
                    continue
                found.append(
                    {"known_at": t, "side": side, "origin": origin, "top": top, "bottom": bottom, "state": "fresh",
                     "touched": -1, "filled": -1, "dead": -1, "size": (top - bottom) / atr[t]}
                )  # fmt: skip
    return found


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("left", "right"), [(5, 5), (1, 1), (7, 2)])
def test_alternating_swings_follow_the_definition(
    random_bars: Callable[..., Bars], seed: int, left: int, right: int
) -> None:
    bars = random_bars(600, seed)
    events = smc.swings(bars, left, right, zigzag=True)
    names = ("known_at", "side", "origin", "level", "invalidated_at")
    found = [list(row) for row in zip(*(events[name].tolist() for name in names), strict=True)]
    assert found == slow_zigzag(bars, left, right)
    kept = events["side"][events["invalidated_at"] == -1]
    assert (kept[1:] == -kept[:-1]).all()
    assert len(found) > len(kept) > 10


@pytest.mark.parametrize("seed", SEEDS)
def test_breakers_follow_the_definition(random_bars: Callable[..., Bars], seed: int) -> None:
    bars = random_bars(2_000, seed, scale=3.0)
    events = smc.order_blocks(bars, breaker=True).select("breaker")
    expected = slow_breakers(bars)
    assert len(events) == len(expected) > 20
    renamed = {"invalidated_at": "dead", "touched_at": "touched", "filled_at": "filled", "size_atr": "size"}
    for name in ("known_at", "side", "origin", "top", "bottom", "state", "invalidated_at", "touched_at", "filled_at"):
        assert events[name].tolist() == [zone[renamed.get(name, name)] for zone in expected], name
    np.testing.assert_allclose(events["size_atr"], [zone["size"] for zone in expected], rtol=1e-9)
    assert (events["state"] == "invalidated").any()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("left", "right"), [(5, 5), (1, 1), (2, 7), (9, 3)])
def test_swings_follow_the_definition(random_bars: Callable[..., Bars], seed: int, left: int, right: int) -> None:
    bars = random_bars(400, seed)
    events = smc.swings(bars, left, right)
    found = list(zip(*(events[name].tolist() for name in ("known_at", "side", "origin", "level")), strict=True))
    assert found == slow_swings(bars, left, right)
    assert len(found) > 10


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("break_on", ["close", "wick"])
def test_structure_follows_the_definition(random_bars: Callable[..., Bars], seed: int, break_on: Any) -> None:
    bars = random_bars(900, seed)
    events = smc.structure(bars, break_on)
    names = ("known_at", "kind", "side", "origin", "level")
    found = list(zip(*(events[name].tolist() for name in names), strict=True))
    assert found == slow_structure(bars, on_wick=break_on == "wick")
    assert len(found) > 10


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("merge", [True, False])
def test_gaps_follow_the_definition(random_bars: Callable[..., Bars], seed: int, merge: bool) -> None:
    bars = random_bars(900, seed, scale=3.0)
    events = smc.fair_value_gaps(bars, merge=merge)
    expected = slow_gaps(bars, 0.25, merge)
    assert len(events) == len(expected) > 20
    renamed = {"invalidated_at": "dead", "touched_at": "touched"}
    for name in (
        "side",
        "origin",
        "known_at",
        "invalidated_at",
        "touched_at",
        "bottom",
        "top",
        "merged",
        "state",
    ):
        assert events[name].tolist() == [gap[renamed.get(name, name)] for gap in expected], name
    assert merge == (events["merged"].max() > 0)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rule", ["bos", "extreme"])
def test_blocks_follow_the_definition(random_bars: Callable[..., Bars], seed: int, rule: Any) -> None:
    bars = random_bars(900, seed)
    events = smc.order_blocks(bars, rule)
    found = list(zip(*(events[name].tolist() for name in ("known_at", "side", "origin")), strict=True))
    assert found == slow_blocks(bars, rule)
    assert len(found) > 10


@pytest.mark.parametrize("seed", SEEDS)
def test_sweeps_and_runs_follow_the_definition(random_bars: Callable[..., Bars], seed: int) -> None:
    bars = random_bars(900, seed)
    events = smc.liquidity(bars).select(["sweep", "run"])
    names = ("known_at", "kind", "side", "level", "members")
    found = list(zip(*(events[name].tolist() for name in names), strict=True))
    assert sorted(found) == sorted(slow_pools(bars))
    assert max(members for *_, members in found) >= 2
