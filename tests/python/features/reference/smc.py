"""The Smart-Money-Concepts engine as its definitions read: lists and loops, nothing kept that can be looked up.

Every rule is told for the long side; the short side sees prices negated, (O, H, L, C) -> (-O, -L, -H, -C). Rows count
the bars with all prices since the start of a segment.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from smctrain.bars.types import Bars

NAN = math.nan
SIDES = (+1, -1)
TIMES = ("origin", "known_at", "invalidated_at", "touched_at", "filled_at", "resolved_at")


@dataclass(frozen=True)
class Rules:
    """Options of the engine, with its defaults."""

    left: int = 5
    right: int = 5
    break_on: str = "close"
    level: str = "last"
    min_gap: float = 0.25
    merge: bool = True
    middle: str = "any"
    longest_pause: float = math.inf  # seconds between the first and the third bar of a gap
    block: str = "bos"
    min_disp: float = 1.0
    min_quality: float = 0.2
    zone: str = "range"
    max_age: int = 500
    cap: int = 64
    invalidate: str = "close"
    bounce_bars: int = 3
    tolerance: float = 0.25
    pool_age: int = 500


@dataclass
class Zone:
    """A gap or block; `near` and `far` as the long side sees them."""

    side: int
    origin: int
    known_at: int
    near: float
    far: float
    size_atr: float
    quality: float
    more: dict[str, float] = field(default_factory=dict)
    merged: int = 0
    state: str = "fresh"
    invalidated_at: int = -1
    touched_at: int = -1
    filled_at: int = -1
    resolved_at: int = -1
    touch_atr: float = NAN
    deepest: float = math.inf
    best: float = -math.inf
    bounce_q: float = NAN

    @property
    def is_active(self) -> bool:
        return self.invalidated_at == -1

    def distance(self, close: float) -> float:
        if close > self.near:
            return close - self.near
        return close - self.far if close < self.far else 0.0

    def fill(self) -> float:
        if self.touched_at == -1:
            return 0.0
        if self.near == self.far:
            return 1.0
        return clip((self.near - self.deepest) / (self.near - self.far), 0.0, 1.0)


@dataclass
class Pool:
    side: int
    level: float  # as the long side of swing highs sees it: negated for lows
    origin: int
    known_at: int
    members: int
    state: str = "fresh"
    invalidated_at: int = -1

    @property
    def is_live(self) -> bool:
        return self.invalidated_at == -1


def clip(x: float, low: float, high: float) -> float:
    return min(max(x, low), high)


def seen_from(side: int, o: float, h: float, low: float, c: float) -> tuple[float, float, float, float]:
    return (o, h, low, c) if side > 0 else (-o, -low, -h, -c)


class Segment:
    """All bars of one segment, pushed one by one."""

    def __init__(self, rules: Rules, opens_at: int) -> None:
        self.rules = rules
        self.opens_at = opens_at
        self.bars: list[tuple[float, float, float, float]] = []
        self.time: list[float] = []
        self.changes: list[float] = []
        self.up = self.down = NAN
        self.atr: list[float] = []
        self.rsi: list[float] = []
        self.ema: list[float] = []
        self.swings: list[dict[str, Any]] = []
        self.breaks: list[dict[str, Any]] = []
        self.gaps: list[Zone] = []
        self.blocks: list[Zone] = []
        self.resolved: dict[tuple[str, int], list[float]] = {}
        self.pools: list[Pool] = []
        self.taken: list[dict[str, Any]] = []
        self.levels: dict[int, dict[str, Any] | None] = {+1: None, -1: None}
        self.direction = 0
        self.broke: list[int] = []  # side of the last close beyond ten bars, per row

    # --- indicators ---

    def _true_range(self, t: int) -> float:
        _, h, low, _ = self.bars[t]
        before = self.bars[t - 1][3]
        return max(h - low, abs(h - before), abs(low - before))

    def _measure(self, t: int) -> None:
        n = 14
        change = self.bars[t][3] - self.bars[t - 1][3] if t else 0.0
        self.changes.append(change)
        if t < n:
            self.atr.append(NAN)
            self.rsi.append(NAN)
        elif t == n:
            self.atr.append(sum(self._true_range(i) for i in range(1, n + 1)) / n)
            self.up = sum(max(x, 0.0) for x in self.changes[1:]) / n
            self.down = sum(max(-x, 0.0) for x in self.changes[1:]) / n
        else:
            self.atr.append((self.atr[-1] * (n - 1) + self._true_range(t)) / n)
            self.up = (self.up * (n - 1) + max(change, 0.0)) / n
            self.down = (self.down * (n - 1) + max(-change, 0.0)) / n
        if t >= n:
            whole = self.up + self.down
            self.rsi.append(100.0 * self.up / whole if whole > 0 else 0.0)
        k, close = 2.0 / 51.0, self.bars[t][3]
        self.ema.append(close if t == 0 else self.ema[-1] + k * (close - self.ema[-1]))

    # --- one bar ---

    def push(self, time: float, bar: tuple[float, float, float, float]) -> None:
        t = len(self.bars)
        self.bars.append(bar)
        self.time.append(time)
        self._measure(t)
        for zones in (self.gaps, self.blocks):
            self._live(t, zones)
        broken = self._break(t)
        self._take_pools(t)
        self._find_swings(t)
        for side in SIDES:
            self._find_gap(t, side)
        for side in SIDES:
            self._find_block(t, side, [b for b in broken if b["side"] == side])

    def _seen(self, t: int, side: int) -> tuple[float, float, float, float]:
        return seen_from(side, *self.bars[t])

    def _live(self, t: int, zones: list[Zone]) -> None:
        kind = "gap" if zones is self.gaps else "block"
        for zone in [z for z in zones if z.is_active]:
            _, _, low, close = self._seen(t, zone.side)
            if t - zone.known_at > self.rules.max_age:
                zone.state, zone.invalidated_at = "expired", t
                continue
            waits = -1 < zone.touched_at < t <= zone.touched_at + self.rules.bounce_bars and zone.resolved_at == -1
            if waits:
                zone.best = max(zone.best, close)
            if low <= zone.near:
                if zone.touched_at == -1:
                    zone.touched_at, zone.touch_atr, zone.state = t, self.atr[t], "touched"
                zone.deepest = min(zone.deepest, low)
            if (low if self.rules.invalidate == "wick" else close) < zone.far:
                zone.state, zone.invalidated_at = "invalidated", t
            elif low <= zone.far and zone.filled_at == -1:
                zone.state, zone.filled_at = "filled", t
                if kind == "gap":
                    zone.invalidated_at = t
            bounce = None
            if zone.state == "invalidated":
                bounce = 0.0
            elif waits and t == zone.touched_at + self.rules.bounce_bars:
                bounce = clip((zone.best - zone.near) / zone.touch_atr, 0.0, 1.0) if zone.touch_atr > 0 else 0.0
            elif not zone.is_active:
                bounce = 0.0
            if bounce is not None and zone.resolved_at == -1:
                zone.resolved_at, zone.bounce_q = t, bounce
                self.resolved.setdefault((kind, zone.side), []).append(bounce)

    def _break(self, t: int) -> list[dict[str, Any]]:
        o, h, low, c = self.bars[t]
        self.wick = {+1: 0.0, -1: 0.0}
        on_wick = self.rules.break_on == "wick"
        broken = []
        for side in (-1, +1) if c >= o else (+1, -1):
            level = self.levels[side]
            if level is None:
                continue
            reach = h if side > 0 else low
            if side * (reach if on_wick else c) > side * level["level"]:
                kind = "choch" if self.direction == -side else "bos"
                distance = abs(c - level["level"]) / self.atr[t] if self.atr[t] > 0 else NAN
                broken.append({"kind": kind, "side": side, "origin": level["origin"], "known_at": t,
                               "level": level["level"], "distance": distance})  # fmt: skip
                self.levels[side] = None
                self.direction = side
            elif side * reach > side * level["level"]:
                self.wick[side] = 1.0
        self.breaks += broken
        return broken

    def _take_pools(self, t: int) -> None:
        for side in SIDES:
            _, h, _, c = self._seen(t, side)
            for pool in [p for p in self.pools if p.side == side and p.is_live]:
                if h > pool.level:
                    kind = "run" if c > pool.level else "sweep"
                    pool.state, pool.invalidated_at = "invalidated", t
                    self.taken.append({"kind": kind, "side": side, "origin": pool.origin, "known_at": t,
                                       "level": side * pool.level, "members": pool.members,
                                       "depth": (h - pool.level) / self.atr[t]})  # fmt: skip
                elif t - pool.known_at > self.rules.pool_age:
                    pool.state, pool.invalidated_at = "expired", t

    def _find_swings(self, t: int) -> None:
        left, right = self.rules.left, self.rules.right
        i = t - right
        if i < left:
            return
        for side in SIDES:
            heights = [self._seen(j, side)[1] for j in range(i - left, t + 1)]
            here, before, after = heights[left], heights[:left], heights[left + 1 :]
            if not (all(h < here for h in before) and all(h <= here for h in after)):
                continue
            swing = {"kind": "swing_high" if side > 0 else "swing_low", "side": side, "origin": i, "known_at": t,
                     "level": side * here}  # fmt: skip
            self.swings.append(swing)
            self._join_pool(t, swing)
            level = self.levels[side]
            if self.rules.level == "last" or level is None or side * swing["level"] > side * level["level"]:
                self.levels[side] = swing

    def _join_pool(self, t: int, swing: dict[str, Any]) -> None:
        side, atr = swing["side"], self.atr[t]
        if not atr > 0:
            return
        level = side * swing["level"]
        near = [p for p in self.pools
                if p.side == side and p.is_live and abs(p.level - level) <= self.rules.tolerance * atr]  # fmt: skip
        if near:
            pool = min(near, key=lambda p: (abs(p.level - level), -p.known_at))
            pool.state, pool.invalidated_at = "merged", t
            joined = Pool(side, max(pool.level, level), pool.origin, t, pool.members + 1)
        else:
            joined = Pool(side, level, swing["origin"], t, 1)
        self.pools.append(joined)

    def _add(self, t: int, zones: list[Zone], zone: Zone) -> None:
        live = [z for z in zones if z.side == zone.side and z.is_active]
        if len(live) == self.rules.cap:
            oldest = min(live, key=lambda z: z.known_at)
            oldest.state, oldest.invalidated_at = "expired", t
        zones.append(zone)

    def _find_gap(self, t: int, side: int) -> None:
        if t < 2 or not self.atr[t] > 0:
            return
        near, far = self._seen(t, side)[2], self._seen(t - 2, side)[1]
        middle = self._seen(t - 1, side)
        if not near > far or (near - far) / self.atr[t] < self.rules.min_gap:
            return
        if self.rules.middle == "same_side" and not middle[3] > middle[0]:
            return
        if self.time[t] - self.time[t - 2] > self.rules.longest_pause:
            return
        origin, merged = t - 1, 0
        before = [z for z in self.gaps if z.side == side and z.is_active and z.known_at == t - 1]
        if self.rules.merge and before:
            old = before[0]
            old.state, old.invalidated_at = "merged", t
            near, far, origin, merged = max(near, old.near), min(far, old.far), old.origin, old.merged + 1
        size = (near - far) / self.atr[t]
        score = clip((size - 0.3) / 0.5, 0.0, 1.0)
        self._add(t, self.gaps, Zone(side, origin, t, near, far, size, score, merged=merged))

    def _find_block(self, t: int, side: int, broken: list[dict[str, Any]]) -> None:
        if not self.atr[t] > 0:
            return
        rules = self.rules
        if rules.block == "seed":
            k = t - 3
            if k < 0:
                return
            (o0, _, low0, c0), (o1, _, _, c1), (_, _, _, c2) = (self._seen(j, side) for j in (k, k + 1, k + 2))
            if not (c0 < o0 and c1 > o1 and c2 > c1) or not self.atr[k + 1] > 0:
                return
            scale = self.atr[k + 1]
            disp = (self._seen(t, side)[1] - low0) / scale
            if not disp > rules.min_disp:
                return
        else:
            if not broken:
                return
            between = range(broken[0]["origin"] + 1, t)
            seen = {j: self._seen(j, side) for j in between}
            if rules.block == "bos":
                fit = [j for j in between if seen[j][3] < seen[j][0]]
            else:
                fit = [j for j in between if seen[j][2] == min(bar[2] for bar in seen.values())]
            if not fit:
                return
            k, scale = fit[-1], self.atr[t]
            disp = (max(self._seen(j, side)[1] for j in range(k + 1, t + 1)) - seen[k][2]) / scale
            if disp < rules.min_disp:
                return
        o, h, low, c = self._seen(k, side)
        near, far = (h, low) if rules.zone == "range" else (max(o, c), min(o, c))
        body = abs(c - o)
        quality = min(clip(disp - 1.0, 0.0, 1.0), clip((body / scale - 0.1) / 0.3, 0.0, 1.0))
        if rules.block == "seed" and quality < rules.min_quality:
            return
        if any(z.side == side and z.is_active and z.origin == k for z in self.blocks):
            return
        ratio = body / (h - low) if h > low else 0.0
        recent = [b for b in self.breaks if b["side"] == side and b["known_at"] >= t - 5]
        more = {
            "disp_atr": disp,
            "body_ratio": ratio,
            "clean": clip((ratio - 0.3) / 0.4, 0.0, 1.0),
            "has_fvg": any(z.side == side and k < z.known_at <= t for z in self.gaps),
            "struct_aligned": self.direction == side,
            "bos_ctx": any(b["kind"] == "bos" for b in recent),
            "choch_ctx": any(b["kind"] == "choch" for b in recent),
            "ema_aligned": side * (self.bars[t][3] - self.ema[t]) > 0,
            "rsi_ok": self.rsi[t] < 70 if side > 0 else self.rsi[t] > 30,
        }
        zone = Zone(side, k, t, near, far, (near - far) / scale, quality, more)
        if self._seen(t, side)[3] < far:
            zone.state, zone.invalidated_at = "invalidated", t
            self.blocks.append(zone)
        else:
            self._add(t, self.blocks, zone)

    def end(self, t: int) -> None:
        """What is alive when the segment ends expires on the first bar of the next."""
        for thing in (*self.gaps, *self.blocks, *self.pools):
            if thing.invalidated_at == -1:
                thing.state, thing.invalidated_at = "expired", t

    # --- what the newest row says ---

    def row(self) -> dict[str, float]:
        t = len(self.bars) - 1
        out: dict[str, float] = {}
        self._event_z_columns(t, out)
        self._swing_columns(t, out)
        self._structure_columns(t, out)
        self._range_break_columns(t, out)
        self._range_columns(t, out)
        for prefix, zones in (("ob", self.blocks), ("fvg", self.gaps)):
            for side in SIDES:
                self._zone_columns(t, prefix, side, [z for z in zones if z.side == side], out)
        self._pool_columns(t, out)
        return out

    def _atr(self, t: int, x: float) -> float:
        return x / self.atr[t] if self.atr[t] > 0 else NAN

    def _last(self, side: int) -> list[dict[str, Any]]:
        return [s for s in self.swings if s["side"] == side]

    def _swing_columns(self, t: int, out: dict[str, float]) -> None:
        close = self.bars[t][3]
        for side, name in ((+1, "high"), (-1, "low")):
            known = self._last(side)
            level = known[-1]["level"] if known else NAN
            out[f"sw_{name}_new"] = float(bool(known) and known[-1]["known_at"] == t)
            out[f"sw_{name}_dist_atr"] = self._atr(t, side * (level - close))
            out[f"sw_{name}_age"] = t - known[-1]["origin"] if known else NAN
            out[f"sw_{name}_kind"] = np.sign(level - known[-2]["level"]) if len(known) > 1 else NAN
            out[f"sw_{name}_level"] = level
        out["sw_leg_atr"] = self._atr(t, out["sw_high_level"] - out["sw_low_level"])

    def _structure_columns(self, t: int, out: dict[str, float]) -> None:
        close = self.bars[t][3]
        out["ms_dir"] = self.direction
        out["ms_dir_up"], out["ms_dir_dn"] = float(self.direction > 0), float(self.direction < 0)
        for kind in ("bos", "choch"):
            of_kind = [b for b in self.breaks if b["kind"] == kind]
            for side, name in ((+1, "up"), (-1, "dn")):
                out[f"ms_{kind}_{name}"] = float(any(b["known_at"] == t and b["side"] == side for b in of_kind))
            out[f"ms_bars_since_{kind}"] = t - of_kind[-1]["known_at"] if of_kind else NAN
        out["ms_wick_up"], out["ms_wick_dn"] = self.wick[+1], self.wick[-1]
        last = self.breaks[-1] if self.breaks else None
        out["ms_last_is_choch"] = float(last is not None and last["kind"] == "choch")
        kinds = [b["kind"] for b in self.breaks]
        out["ms_bos_run"] = len(kinds) - (len(kinds) - kinds[::-1].index("choch") if "choch" in kinds else 0)
        out["ms_break_dist_atr"] = last["distance"] if last else NAN
        out["ms_px_break_atr"] = self._atr(t, self.direction * (close - last["level"])) if last else NAN
        for side, name in ((+1, "up"), (-1, "dn")):
            level = self.levels[side]
            price = level["level"] if level else NAN
            out[f"ms_{name}_dist_atr"] = self._atr(t, side * (price - close))
            out[f"ms_{name}_level"] = price

    def _range_break_columns(self, t: int, out: dict[str, float]) -> None:
        before = self.broke[-1] if self.broke else 0
        up = down = 0
        if t >= 10:
            high = max(bar[1] for bar in self.bars[t - 10 : t])
            low = min(bar[2] for bar in self.bars[t - 10 : t])
            _, h, lo, c = self.bars[t]
            up, down = (2 if c > high else 1 if h > high else 0), (2 if c < low else 1 if lo < low else 0)
        self.broke.append(+1 if up == 2 else -1 if down == 2 else before)
        ready = t >= 10
        out["rb10_up"], out["rb10_dn"] = (float(up), float(down)) if ready else (NAN, NAN)
        out["rb10_up_dist_atr"] = self._atr(t, h - high) if ready and up else NAN
        out["rb10_dn_dist_atr"] = self._atr(t, low - lo) if ready and down else NAN
        out["rb10_dir"] = float(self.broke[-1]) if ready else NAN
        flipped = before != 0 and self.broke[-1] != before
        out["rb10_flip"] = float(flipped) if ready else NAN

    def _range_columns(self, t: int, out: dict[str, float]) -> None:
        close = self.bars[t][3]
        high, low = (self._last(side)[-1] if self._last(side) else None for side in SIDES)
        top = max(bar[1] for bar in self.bars[high["origin"] :]) if high else NAN
        bottom = min(bar[2] for bar in self.bars[low["origin"] :]) if low else NAN
        has_range = high is not None and low is not None and top > bottom
        position = (close - bottom) / (top - bottom) if has_range else NAN
        out["pd_pos"] = position
        out["pd_premium"], out["pd_discount"] = float(position > 0.55), float(position < 0.45)
        out["pd_range_atr"] = self._atr(t, top - bottom) if has_range else NAN
        out["pd_high_level"], out["pd_low_level"] = top, bottom
        out["pd_ote_long"] = out["pd_ote_short"] = 0.0
        if has_range and high is not None and low is not None:
            back = (top - close) / (top - bottom), (close - bottom) / (top - bottom)
            out["pd_ote_long"] = float(low["origin"] < high["origin"] and 0.62 <= back[0] <= 0.79)
            out["pd_ote_short"] = float(high["origin"] < low["origin"] and 0.62 <= back[1] <= 0.79)
        leg = self._leg()
        out["ret_dir"] = out["ret_cur"] = out["ret_deep"] = NAN
        if leg is not None:
            a, b = leg["from"]["level"], leg["to"]["level"]
            since = self.bars[leg["to"]["origin"] + 1 :]
            out["ret_dir"] = np.sign(b - a)
            out["ret_cur"] = (b - close) / (b - a)
            out["ret_deep"] = max((b - (bar[2] if b > a else bar[1])) / (b - a) for bar in since)

    def _leg(self) -> dict[str, Any] | None:
        """From swing a to the last known swing b; a bar that is both counts in the order of its candle."""
        order = []
        for swing in self.swings:
            o, _, _, c = self.bars[swing["origin"]]
            ends = +1 if c >= o else -1  # the side that such a bar ends with
            order.append((swing["known_at"], swing["side"] == ends, swing))
        order.sort(key=lambda entry: entry[:2])
        ordered = [entry[2] for entry in order]
        if not ordered:
            return None
        before = [s for s in ordered[:-1] if s["side"] != ordered[-1]["side"]]
        if not before or before[-1]["level"] == ordered[-1]["level"]:
            return None
        return {"from": before[-1], "to": ordered[-1]}

    def _zone_columns(self, t: int, prefix: str, side: int, zones: list[Zone], out: dict[str, float]) -> None:
        name = f"{prefix}_{'bull' if side > 0 else 'bear'}_"
        is_block = prefix == "ob"
        close = side * self.bars[t][3]
        entered = [z for z in zones if z.invalidated_at != z.known_at]
        new = [z for z in entered if z.known_at == t]
        active = [z for z in entered if z.is_active]
        fresh = [z for z in active if z.state == "fresh"]

        def nearest(these: list[Zone]) -> Zone | None:
            return min(these, key=lambda z: (abs(z.distance(close)), -z.known_at, -z.origin), default=None)

        zone, untouched = nearest(active), nearest(fresh)
        lost = [z.invalidated_at for z in entered if z.state == "invalidated"]
        out[name + "new"] = float(bool(new))
        out[name + "new_size_atr"] = new[0].size_atr if new else NAN
        out[name + "new_quality"] = new[0].quality if new else NAN
        out[name + "bars_since_new"] = t - entered[-1].known_at if entered else NAN
        out[name + "bars_since_inval"] = t - max(lost) if lost else NAN
        out[name + "n_active"], out[name + "n_fresh"] = len(active), len(fresh)
        out[name + "n_3atr"] = sum(abs(z.distance(close)) / self.atr[t] <= 3.0 for z in active if self.atr[t] > 0)
        out[name + "dist_atr"] = self._atr(t, zone.distance(close)) if zone else NAN
        out[name + "age"] = t - zone.known_at if zone else NAN
        out[name + "size_atr"] = zone.size_atr if zone else NAN
        out[name + "quality"] = zone.quality if zone else NAN
        out[name + "fill"] = zone.fill() if zone else NAN
        for state in ("fresh", "touched", "filled"):
            out[name + "st_" + state] = float(zone is not None and zone.state == state)
        out[name + "inside"] = float(zone is not None and zone.distance(close) == 0.0)
        out[name + "bounce_q"] = zone.bounce_q if zone else NAN
        out[name + "fresh_dist_atr"] = self._atr(t, untouched.distance(close)) if untouched else NAN
        out[name + "fresh_age"] = t - untouched.known_at if untouched else NAN
        out[name + "top"] = (zone.near if side > 0 else -zone.far) if zone else NAN
        out[name + "bottom"] = (zone.far if side > 0 else -zone.near) if zone else NAN
        bounces = self.resolved.get(("block" if is_block else "gap", side), [])[-20:]
        out[name + "hold_rate_20"] = sum(q > 0.3 for q in bounces) / len(bounces) if len(bounces) >= 5 else NAN
        if is_block:
            out[name + "new_disp_atr"] = new[0].more["disp_atr"] if new else NAN
            for fact in ("disp_atr", "body_ratio"):
                out[name + fact] = zone.more[fact] if zone else NAN
            for fact in ("has_fvg", "struct_aligned", "bos_ctx", "choch_ctx", "ema_aligned", "rsi_ok"):
                out[name + fact] = float(zone is not None and zone.more[fact])
        else:
            out[name + "merged"] = zone.merged if zone else 0.0

    def _event_z_columns(self, t: int, out: dict[str, float]) -> None:
        """Sizes of events against those of the 100 events of their kind before them, from the 21st event on."""

        def z(sizes: list[float], is_now: bool) -> float:
            before = [x for x in sizes[:-1] if math.isfinite(x)][-100:]
            if not is_now or not math.isfinite(sizes[-1]) or len(before) < 20 or len(set(before)) == 1:
                return NAN
            return float((sizes[-1] - np.mean(before)) / np.std(before, ddof=1))

        for prefix, zones in (("ob", self.blocks), ("fvg", self.gaps)):
            for side, word in ((+1, "bull"), (-1, "bear")):
                mine = [p for p in zones if p.side == side and p.invalidated_at != p.known_at]
                is_now = bool(mine) and mine[-1].known_at == t
                name = f"{prefix}_{word}_new_"
                out[name + "size_atr_ez100"] = z([p.size_atr for p in mine], is_now)
                if prefix == "ob":
                    out[name + "disp_atr_ez100"] = z([p.more["disp_atr"] for p in mine], is_now)
        is_now = bool(self.breaks) and self.breaks[-1]["known_at"] == t
        out["ms_break_dist_atr_ez100"] = z([b["distance"] for b in self.breaks], is_now)

    def _pool_columns(self, t: int, out: dict[str, float]) -> None:
        close = self.bars[t][3]
        for side, name, end in ((+1, "liq_bsl_", "up"), (-1, "liq_ssl_", "dn")):
            live = [p for p in self.pools if p.side == side and p.is_live]
            pool = min(live, key=lambda p: (p.level, -p.known_at), default=None)
            out[name + "dist_atr"] = self._atr(t, pool.level - side * close) if pool else NAN
            out[name + "members"] = pool.members if pool else 0.0
            out[name + "age"] = t - pool.known_at if pool else NAN
            out[name + "n"] = sum(p.members >= 2 for p in live)
            out[name + "level"] = side * pool.level if pool else NAN
            mine = [e for e in self.taken if e["side"] == side]
            for kind in ("sweep", "run"):
                out[f"liq_{kind}_{end}"] = float(any(e["kind"] == kind and e["known_at"] == t for e in mine))
            swept = [e["known_at"] for e in mine if e["kind"] == "sweep"]
            out[f"liq_bars_since_sweep_{end}"] = t - swept[-1] if swept else NAN
        sweeps = [e for e in self.taken if e["kind"] == "sweep"]
        newest = max((e["known_at"] for e in sweeps), default=-1)
        out["liq_sweep_depth_atr"] = max((e["depth"] for e in sweeps if e["known_at"] == newest), default=NAN)


def replayed(
    b: Bars, rules: Rules = Rules(), *, speak: bool = True
) -> tuple[list[Segment], list[list[int]], list[dict[str, float] | None]]:
    """Segments, the bar rows of each, and per bar what the columns say (None where a price is missing)."""
    segments: list[Segment] = []
    rows: list[list[int]] = []
    said: list[dict[str, float] | None] = []
    last = None
    for t in range(len(b)):
        bar = (float(b.open[t]), float(b.high[t]), float(b.low[t]), float(b.close[t]))
        if not all(map(math.isfinite, bar)):
            said.append(None)
            continue
        if last is None or b.segment[t] != last:
            segments.append(Segment(rules, t))
            rows.append([])
            last = b.segment[t]
        segments[-1].push(float(b.time[t].astype("int64")) / 1e9, bar)
        rows[-1].append(t)
        if speak:
            said.append(segments[-1].row())
    return segments, rows, said


def events(b: Bars, rules: Rules = Rules()) -> dict[str, list[dict[str, Any]]]:
    """Per kind the records of the log, in the order in which they became known; times are bar rows."""
    segments, rows, _ = replayed(b, rules, speak=False)
    found: dict[str, list[dict[str, Any]]] = {
        kind: [] for kind in ("swing", "break", "fvg", "order_block", "pool", "taken")
    }
    for number, (segment, at) in enumerate(zip(segments, rows, strict=True)):
        place = dict(enumerate(at))
        if number + 1 < len(segments):
            place[len(at)] = segments[number + 1].opens_at
            segment.end(len(at))
        things = {
            "swing": segment.swings,
            "break": segment.breaks,
            "fvg": [_zone_record(z) for z in segment.gaps],
            "order_block": [_zone_record(z) for z in segment.blocks],
            "pool": [{**vars(p), "level": p.side * p.level} for p in segment.pools],
            "taken": segment.taken,
        }
        for kind, records in things.items():
            for record in records:
                moved = {name: place[record[name]] for name in TIMES if record.get(name, -1) != -1}
                found[kind].append({**record, **moved})
    return found


def _zone_record(zone: Zone) -> dict[str, Any]:
    edges = (zone.near, zone.far) if zone.side > 0 else (-zone.far, -zone.near)
    return {**vars(zone), **zone.more, "top": edges[0], "bottom": edges[1]}
