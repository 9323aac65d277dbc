"""The triple barrier with every option, against the definition written out bar by bar."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as hs

import smctrain as st
from smctrain.bars.types import Bars
from smctrain.labels import triple_barrier

POINT = 0.1
FINER = 3


def random_bars(seed: int, n: int) -> tuple[Bars, Bars]:
    """Bars and their finer bars, with gaps, on a grid coarse enough for exact touches; some finer bars are missing."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 0.55, (n * FINER, 4)).round(1)
    gaps = np.where(rng.random(n * FINER) < 0.1, rng.normal(0, 1.2, n * FINER).round(1), 0.0)
    moves = np.column_stack([gaps, steps]).ravel()
    level = (100 + np.cumsum(moves)).reshape(-1, 5).round(1)
    fine = np.column_stack([level[:, 0], level.max(1), level.min(1), level[:, -1]])
    parts = fine.reshape(n, FINER, 4)
    base = np.column_stack([parts[:, 0, 0], parts[:, :, 1].max(1), parts[:, :, 2].min(1), parts[:, -1, 3]])
    spread = rng.integers(0, 6, n).astype(float)
    spread[rng.random(n) < 0.02] = np.nan
    fine_spread = np.repeat(spread, FINER) + rng.integers(0, 2, n * FINER)
    segment = np.cumsum(rng.random(n) < 0.02).astype(np.int32)
    time = np.datetime64("2024-01-01T22:00", "ns") + np.arange(n) * np.timedelta64(900, "s")
    fine_time = np.datetime64("2024-01-01T22:00", "ns") + np.arange(n * FINER) * np.timedelta64(300, "s")
    keep = rng.random(n * FINER) > 0.1
    b = Bars("TEST", "M15", time, *(base[:, i].copy() for i in range(4)), spread=spread, segment=segment, digits=1)
    lower = Bars(
        "TEST", "M5", fine_time[keep], *(fine[keep, i].copy() for i in range(4)), spread=fine_spread[keep], digits=1
    )
    quarantine = rng.random(n) < 0.01
    object.__setattr__(b, "quarantine", quarantine)
    return b, lower


@dataclass
class Trade:
    status: str
    y: float = math.nan
    t1: int = -1
    rule: str = ""
    gross: float = math.nan
    mfe: float = math.nan
    mae: float = math.nan


class Definition:
    """One decision, as a long sees it: a short negates every price."""

    def __init__(self, b, lower, sessions, **options):
        self.b, self.lower, self.sessions, self.o = b, lower, sessions, options

    def quote(self, bars, j, column, *, ask, spread=None):
        value = getattr(bars, column)[j]
        if self.o["quote"] == "bid_ask" and ask:
            value = value + POINT * (bars.spread[j] if spread is None else spread)
        return self.s * value

    def column(self, name):
        return name if self.s > 0 else {"high": "low", "low": "high"}.get(name, name)

    def entry(self, j, name):  # longs buy the ask
        return self.quote(self.b, j, self.column(name), ask=self.s > 0)

    def exit(self, j, name):  # shorts buy it back
        return self.quote(self.b, j, self.column(name), ask=self.s < 0)

    def cost_of_turning(self, j):
        return POINT * self.b.spread[j] if self.o["quote"] == "bid_ask" else 0.0

    def label(self, t, s, scale, limit, stop_price):
        o, b, n, self.s = self.o, self.b, len(self.b), s
        retest, close = o["entry"] == "retest", o["entry"] == "close"
        window = o["wait"] + o["horizon"] - 1 if retest else o["horizon"]
        if b.quarantine[t : t + window + 1].any():
            return Trade("quarantine")
        if t + window >= n or b.segment[t] != b.segment[t + window]:
            return Trade("open")
        if o["quote"] == "bid_ask":
            if s < 0:
                needed = range(t + 1, t + window + 1)
            else:
                needed = range(t + 1, t + o["wait"] + 1) if retest else [t if close else t + 1]
            if any(math.isnan(b.spread[j]) for j in needed):
                return Trade("missing")
        e, inside, fill = t + 1, False, math.nan
        if retest:
            base = s * limit
        else:
            base = fill = self.entry(t, "close") if close else self.entry(e, "open")
        stop = s * stop_price if stop_price is not None else base - o["stop"] * scale
        risk = base - stop
        if not risk > 0 or risk > o["most"] * scale:
            return Trade("bad_risk")
        target = base + (o["rr"] * risk if o["rr"] else o["target"] * scale)
        if retest:
            eps = 1e-9 * abs(base)
            reached = [j for j in range(t + 1, t + o["wait"] + 1) if self.entry(j, "low") <= base + eps]
            if not reached:
                return Trade("unfilled", t1=t + o["wait"])
            e = reached[0]
            inside = self.entry(e, "open") > base + eps
            fill = base if inside else self.entry(e, "open")
        v = e + o["horizon"] - 1
        if o["flat"]:
            own = t if close else e
            same = np.flatnonzero(self.sessions == self.sessions[own])
            # Sessions ascend, so the last row of the same id is the end of it.
            if close and same[-1] == t:
                return Trade("unfilled")
            v = min(v, np.flatnonzero(self.sessions == self.sessions[e])[-1])
        self.fill, self.stop, self.target, self.eps = fill, stop, target, 1e-9 * abs(fill)
        self.worst, self.best = math.inf, -math.inf
        bar, rule, price = self.walk(e, v, inside, fill - self.cost_of_turning(t if close else e), retest, close)
        gross = (price - fill) / risk
        status, y = "ok", 1.0 if rule.startswith("target") else -1.0
        if rule == "timeout":
            y = {"zero": 0.0, "loss": -1.0, "drop": math.nan, "sign": 0.0}[o["timeout"]]
            if o["timeout"] == "sign" and abs(gross) > o["band"]:
                y = math.copysign(1.0, gross)
            status = "timeout_drop" if o["timeout"] == "drop" else "ok"
        if rule == "stop_tie" and o["tie"] == "drop":
            status, y = "tie_drop", math.nan
        return Trade(status, y, bar, rule, gross, (self.best - fill) / risk, (self.worst - fill) / risk)

    def see(self, low, high):
        self.worst, self.best = min(self.worst, low), max(self.best, high)

    def walk(self, e, v, inside, worth, retest, close):
        o, stop, target, eps = self.o, self.stop, self.target, self.eps
        if (o["quote"] == "bid_ask" or (retest and not inside)) and worth <= stop + eps:
            price = self.exit(e, "open") if close else worth
            self.see(price, price)
            return e, "stop_gap", price
        for j in range(e, v + 1):
            first = j == e
            op, high, low, cl = (self.exit(j, name) for name in ("open", "high", "low", "close"))
            if not first or close:
                if op <= stop + eps:
                    self.see(op, op)
                    return j, "stop_gap", op
                if op >= target - eps:
                    price = op if o["gap_target"] == "open" else target
                    self.see(price, price)
                    return j, "target_gap", price
            reach = max(cl, worth) if first and inside else high
            stopped, reached = low <= stop + eps, reach >= target - eps
            if stopped and reached and o["tie"] == "lower_tf":
                found = self.replay(j, first and inside, first and not close and not inside)
                if found:
                    return (j, *found)
            if stopped or reached:
                self.see(max(low, stop), min(reach, target))
            if stopped and reached:
                return (j, "target_tie", target) if o["tie"] == "target" else (j, "stop_tie", stop)
            if stopped:
                return j, "stop", stop
            if reached:
                return j, "target", target
            self.see(low, reach)
        return v, "timeout", self.exit(v, "close")

    def replay(self, j, waiting, at_open):
        stop, target, eps, lower = self.stop, self.target, self.eps, self.lower
        start = self.b.time[j]
        inside = np.flatnonzero((lower.time >= start) & (lower.time < start + np.timedelta64(900, "s")))
        spread_of = {i: lower.spread[i] if not math.isnan(lower.spread[i]) else np.nan_to_num(self.b.spread[j])
                     for i in inside}  # fmt: skip
        bars = [
            tuple(self.quote(lower, i, self.column(c), ask=self.s < 0, spread=spread_of[i])
                  for c in ("open", "high", "low", "close"))
            for i in inside
        ]  # fmt: skip
        if not any(b[2] <= stop + eps for b in bars) or not any(b[1] >= target - eps for b in bars):
            return None
        worst, best, after = self.worst, self.best, not at_open
        for i, (op, high, low, cl) in zip(inside, bars, strict=True):
            reach = high
            if waiting:
                buy = [
                    self.quote(lower, i, self.column(c), ask=self.s > 0, spread=spread_of[i]) for c in ("open", "low")
                ]
                if buy[1] > self.fill + eps:
                    continue
                waiting = False
                if buy[0] > self.fill + eps:
                    turn = POINT * spread_of[i] if self.o["quote"] == "bid_ask" else 0.0
                    reach = max(cl, self.fill - turn)
            elif after:
                if op <= stop + eps:
                    self.worst, self.best = min(worst, op), max(best, op)
                    return "stop_gap", op
                if op >= target - eps:
                    price = op if self.o["gap_target"] == "open" else target
                    self.worst, self.best = min(worst, price), max(best, price)
                    return "target_gap", price
            after = True
            stopped, reached = low <= stop + eps, reach >= target - eps
            if stopped and reached:
                return None
            if stopped or reached:
                self.worst, self.best = min(worst, max(low, stop)), max(best, min(reach, target))
                return ("stop", stop) if stopped else ("target", target)
            worst, best = min(worst, low), max(best, reach)
        return None


@settings(max_examples=60, deadline=None)
@given(
    seed=hs.integers(0, 100_000),
    horizon=hs.integers(1, 10),
    wait=hs.integers(1, 5),
    target=hs.sampled_from([0.5, 1.0, 2.0]),
    stop=hs.sampled_from([0.5, 1.0, 2.0]),
    rr=hs.sampled_from([None, 1.5]),
    entry=hs.sampled_from(["next_open", "close", "retest"]),
    own_stop=hs.booleans(),
    tie=hs.sampled_from(["stop", "target", "drop", "lower_tf"]),
    timeout=hs.sampled_from(["zero", "sign", "loss", "drop"]),
    gap_target=hs.sampled_from(["level", "open"]),
    quote=hs.sampled_from(["bar", "bid_ask"]),
    flat=hs.booleans(),
    most=hs.sampled_from([5.0, 1.2]),
)
def test_every_option_equals_the_definition(
    seed, horizon, wait, target, stop, rr, entry, own_stop, tie, timeout, gap_target, quote, flat, most
):
    b, lower = random_bars(seed, 70)
    rng = np.random.default_rng(seed)
    side = np.where(rng.random(len(b)) < 0.5, 1, -1)
    scale = rng.choice([0.5, 1.0, 2.0], len(b))
    limit = (b.close - side * rng.choice([-0.5, 0.5, 1.0], len(b))).round(1)
    stop_price = (b.close - side * rng.choice([1.5, 2.5], len(b))).round(1) if own_stop else None
    lab = triple_barrier(
        b, horizon=horizon, wait=wait, target=target, stop=stop, rr=rr, entry=entry, side=side, scale=scale, tie=tie,
        lower=lower if tie == "lower_tf" else None, timeout=timeout, timeout_band=0.2, gap_target=gap_target,
        quote=quote, costs=None, flat_at_session_end=flat, day_zone="UTC", risk_limits=(0, most),
        limit=limit if entry == "retest" else None, stop_price=stop_price,
    )  # fmt: skip
    sessions = b.time.astype("datetime64[D]").astype(int)
    rule = Definition(
        b, lower, sessions, horizon=horizon, wait=wait, target=target, stop=stop, rr=rr, entry=entry, tie=tie,
        timeout=timeout, band=0.2, gap_target=gap_target, quote=quote, flat=flat, most=most,
    )  # fmt: skip
    for t in range(len(b)):
        want = rule.label(t, int(side[t]), scale[t], limit[t], None if stop_price is None else stop_price[t])
        assert (lab.status[t], lab.rule[t], lab.t1[t]) == (want.status, want.rule, want.t1), t
        np.testing.assert_equal(lab.y[t], want.y)
        for got, expected in ((lab.r_gross, want.gross), (lab.mfe_r, want.mfe), (lab.mae_r, want.mae)):
            np.testing.assert_allclose(got[t], expected, rtol=0, atol=1e-9)


def test_the_paths_hold_every_outcome():
    """The comparison above would prove little on paths that never tie, gap or fall back."""
    rules: set[str] = set()
    counts = [0, 0]
    for seed in range(30):
        b, lower = random_bars(seed, 90)
        for entry in ("next_open", "retest"):
            lab = triple_barrier(
                b, entry=entry, scale=np.full(len(b), 1.2), horizon=1 + seed % 3, target=1.0,
                tie="lower_tf", lower=lower, limit=b.close - 0.5 if entry == "retest" else None, wait=4,
            )  # fmt: skip
            rules |= set(lab.rule)
            counts[0] += lab.replayed
            counts[1] += lab.fell_back
            assert int((lab.rule == "stop_tie").sum()) == lab.fell_back
    assert rules == {"", "stop", "stop_gap", "stop_tie", "target", "target_gap", "timeout"}
    assert min(counts) > 20


def test_later_bars_change_no_label_with_any_option():
    b, lower = random_bars(11, 200)
    object.__setattr__(b, "quarantine", np.zeros(200, dtype=bool))
    options = {
        "scale": np.full(200, 2.0), "entry": "retest", "wait": 4, "horizon": 5, "quote": "bid_ask", "costs": None,
        "flat_at_session_end": True, "tie": "lower_tf", "timeout": "sign",
    }  # fmt: skip
    whole = triple_barrier(b, lower=lower, limit=b.close - 0.5, **options)
    for cut in range(20, 200, 7):
        finer = lower[: int(np.searchsorted(lower.time, b.time[cut - 1] + np.timedelta64(900, "s")))]
        part = triple_barrier(
            b[:cut], lower=finer, limit=b.close[:cut] - 0.5, **(options | {"scale": np.full(cut, 2.0)})
        )
        done = np.arange(cut) + 8 < cut
        for name in ("y", "t1", "e", "fill", "exit", "r", "mfe_r", "mae_r", "rule_code"):
            np.testing.assert_array_equal(getattr(part, name)[done], getattr(whole, name)[:cut][done], err_msg=name)


def test_a_spread_of_nothing_makes_bid_and_ask_the_bar():
    b, _ = random_bars(4, 200)
    b = replace(b, spread=np.zeros(len(b)))
    for entry in ("next_open", "close", "retest"):
        for side in (1, -1):
            options = {"entry": entry, "side": side, "costs": None, "scale": np.full(len(b), 2.0), "horizon": 6}
            if entry == "retest":
                options |= {"limit": b.close - side * 0.5, "wait": 4}
            one = triple_barrier(b, **options)
            two = triple_barrier(b, quote="bid_ask", **options)
            for name in ("y", "t1", "fill", "exit", "r", "mfe_r", "mae_r", "rule_code", "status_code"):
                np.testing.assert_array_equal(getattr(one, name), getattr(two, name), err_msg=name)


def test_the_spread_at_the_quotes_costs_about_what_it_costs_as_a_charge():
    b = st.simulate_market(1, 4000, seed=3)["SIM1"].base
    charged = triple_barrier(b, horizon=10, timeout="sign")
    quoted = triple_barrier(b, horizon=10, timeout="sign", quote="bid_ask", costs=None)
    both = charged.ok & quoted.ok
    assert both.sum() > 3900
    assert abs(charged.r[both].mean() - quoted.r[both].mean()) < 0.01
    assert quoted.costs == "bid and ask"
