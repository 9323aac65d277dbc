"""Smart-money concepts: every function beside `smartmoneyconcepts` 0.0.27, then everything at once."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import data
import numpy as np
from measure import Call, Cell, compare

import smctrain as st

FAMILIES = ("structure", "zones")
CLOCK_FAMILIES = (*FAMILIES, "sessions", "periods")
WINDOW = 5
CUTS = 9


def peer() -> Any:
    """The package, without its greeting; ImportError where it is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from smartmoneyconcepts import smc
    return smc


def our_calls(b: st.Bars, window: int) -> dict[str, Call]:
    """Event tables under the names of the peer's functions, with the same swing window."""
    w = {"left": window, "right": window}
    return {
        "swing_highs_lows": lambda: st.smc.swings(b, **w),
        "fvg": lambda: st.smc.fair_value_gaps(b),
        "bos_choch": lambda: st.smc.structure(b, **w),
        "ob": lambda: st.smc.order_blocks(b, **w),
        "liquidity": lambda: st.smc.liquidity(b, **w),
        "previous_high_low": lambda: st.smc.previous_levels(b, "d"),
        "sessions": lambda: st.smc.sessions(b, ["london"]),
        "retracements": lambda: st.smc.retracements(b, **w),
    }


def peer_calls(smc: Any, b: st.Bars, window: int) -> dict[str, Call]:
    """The peer's eight functions; those that need swings get them ready-made, which is not counted."""
    plain, clock = data.frame(b, clock=False), data.frame(b, clock=True)
    swings = smc.swing_highs_lows(plain, window)
    return {
        "swing_highs_lows": lambda: smc.swing_highs_lows(plain, window),
        "fvg": lambda: smc.fvg(plain),
        "bos_choch": lambda: smc.bos_choch(plain, swings),
        "ob": lambda: smc.ob(plain, swings),
        "liquidity": lambda: smc.liquidity(plain, swings),
        "previous_high_low": lambda: smc.previous_high_low(clock, "1D"),
        "sessions": lambda: smc.sessions(clock, "London"),
        "retracements": lambda: smc.retracements(plain, swings),
    }


def all_of(calls: dict[str, Call]) -> Call:
    """One call that makes them all."""
    return lambda: [call() for call in calls.values()]


def cells(sizes: tuple[int, ...], rounds: int, missing: list[str]) -> Iterator[Cell]:
    """One cell per function and size, then the sums; without the peer only ours."""
    try:
        smc = peer()
    except ImportError as error:
        smc = None
        missing.append(f"smartmoneyconcepts ({error}): its lines are left out")
    found = {} if smc is None else agreements(smc)
    for n in sizes:
        b = data.bars(n)
        ours = our_calls(b, WINDOW)
        theirs: dict[str, Call] = {} if smc is None else peer_calls(smc, b, WINDOW)
        for name, call in ours.items():
            calls = {f"st.smc ({name})": call}
            if name in theirs:
                calls[f"smartmoneyconcepts.{name}"] = theirs[name]
            side, *others = compare(calls, rounds)
            agree, words = found.get(name, (None, ""))
            yield Cell("smc", name, n, side, others, agree, words)
        yield from _sums(b, n, ours, theirs, rounds)


def _sums(b: st.Bars, n: int, ours: dict[str, Call], theirs: dict[str, Call], rounds: int) -> Iterator[Cell]:
    timeframe = {"base": b.timeframe, "higher": ()}
    zones = st.FeatureSpec(preset="full", groups=FAMILIES, **timeframe)
    everything = st.FeatureSpec(preset="full", groups=CLOCK_FAMILIES, **timeframe)
    calls = {
        f"build_features, {len(everything.catalogue())} columns": lambda: st.build_features(b, everything),
        "eight event tables": all_of(ours),
        f"structure and zones, {len(zones.catalogue())} columns": lambda: st.build_features(b, zones),
    }
    if theirs:
        calls["smartmoneyconcepts, eight functions"] = all_of(theirs)
    sides = compare(calls, rounds)
    peers = sides[3:]
    words = "not the same work: ours are causal columns for every bar, the peer's are marks that later bars erase"
    yield Cell("smc", "all columns, with sessions and periods", n, sides[0], peers, None, words if peers else "")
    yield Cell("smc", "all columns of structure and zones", n, sides[2], peers, None, words if peers else "")
    yield Cell("smc", "all eight event tables", n, sides[1], peers)


def agreements(smc: Any, n: int = 10_000) -> dict[str, tuple[bool | None, str]]:
    """What the two have in common on n bars, and how much of what each showed is gone later."""
    b = data.bars(n)
    plain, clock = data.frame(b, clock=False), data.frame(b, clock=True)
    found: dict[str, tuple[bool | None, str]] = {
        "fvg": _gaps(smc, b, plain),
        "previous_high_low": _days(smc, b, clock),
        "sessions": _london(smc, b, clock),
        "retracements": (None, "the peer's swings look ahead, so its legs do"),
    }
    whole = {name: _marks(name, call()) for name, call in peer_calls(smc, b, WINDOW).items() if name in _MARKS}
    ours = {name: _events(call()) for name, call in our_calls(b, WINDOW).items() if name in _MARKS}
    shown, gone = dict.fromkeys(_MARKS, 0), dict.fromkeys(_MARKS, 0)
    ours_gone = dict.fromkeys(_MARKS, 0)
    for cut in np.linspace(n / (CUTS + 1), n, CUTS + 1, dtype=int)[:-1]:
        part = b[: int(cut)]
        calls = peer_calls(smc, part, WINDOW)
        for name in _MARKS:
            marks = _marks(name, calls[name]())
            shown[name] += len(marks)
            gone[name] += len(marks - whole[name])
            ours_gone[name] += len(_events(our_calls(part, WINDOW)[name]()) - ours[name])
    for name in _MARKS:
        share = 100 * gone[name] / max(1, shown[name])
        words = f"gone later: {share:.1f} % of the peer's marks, {ours_gone[name]} of ours ({CUTS} cuts)"
        if name == "swing_highs_lows":
            words = f"{_pivots(smc, b, plain)}; {words}"
        found[name] = (None if ours_gone[name] == 0 else False, words)
    return found


_MARKS = {"swing_highs_lows": "HighLow", "bos_choch": "BOS", "ob": "OB", "liquidity": "Liquidity"}


def _marks(name: str, table: Any) -> set[tuple[int, int]]:
    column = table[_MARKS[name]].to_numpy()
    rows = np.flatnonzero(~np.isnan(column))
    return {(int(row), int(column[row])) for row in rows}


def _events(table: Any) -> set[tuple[Any, ...]]:
    return set(zip(*(np.asarray(table[name]).tolist() for name in ("kind", "side", "origin", "known_at")), strict=True))


def _gaps(smc: Any, b: st.Bars, plain: Any) -> tuple[bool, str]:
    """With the same rule (no least height, no merging) the gaps must be the same, past the ATR's start."""
    start = 20
    theirs = smc.fvg(plain)["FVG"].to_numpy()
    ours = st.smc.fair_value_gaps(b, 0.0, merge=False, middle="same_side", cap=64)
    mine = {(int(k) - 1, int(s)) for k, s in zip(ours["known_at"], ours["side"], strict=True) if k - 1 >= start}
    rows = np.flatnonzero(~np.isnan(theirs))
    other = {(int(row), int(theirs[row])) for row in rows if row >= start}
    return mine == other, f"the same {len(other)} gaps under the same rule (min_atr=0, merge=False)"


def _pivots(smc: Any, b: st.Bars, plain: Any) -> str:
    """The peer thins its pivots by later ones and forces one on either end; what is left should be among ours."""
    theirs = {mark for mark in _marks("swing_highs_lows", smc.swing_highs_lows(plain, WINDOW))}
    inner = {mark for mark in theirs if 0 < mark[0] < len(b) - 1}
    table = st.smc.swings(b, WINDOW - 1, WINDOW)
    mine = set(zip(np.asarray(table["origin"]).tolist(), np.asarray(table["side"]).tolist(), strict=True))
    return f"{100 * len(inner & mine) / max(1, len(inner)):.1f} % of the peer's pivots are ours too"


def _days(smc: Any, b: st.Bars, clock: Any) -> tuple[bool | None, str]:
    """Levels of the previous UTC day, bar by bar; the peer is one bar late at the start of each day."""
    theirs = smc.previous_high_low(clock, "1D")["PreviousHigh"].to_numpy()
    table = st.smc.previous_levels(b, "d", day_roll="00:00 UTC")
    mine = np.full(len(b), np.nan)
    for known, ended, top in zip(table["known_at"], table["invalidated_at"], table["top"], strict=True):
        mine[known : ended if ended >= 0 else len(b)] = top
    both = ~np.isnan(theirs) & ~np.isnan(mine)
    same = np.isclose(theirs[both], mine[both], rtol=1e-6)
    return None, f"{100 * same.mean():.1f} % of bars have the same level (the peer is a bar late each day)"


def _london(smc: Any, b: st.Bars, clock: Any) -> tuple[bool | None, str]:
    theirs = smc.sessions(clock, "London")["Active"].to_numpy() == 1
    spec = st.FeatureSpec(base=b.timeframe, higher=(), columns=("ses_london_on",))
    mine = st.build_features(b, spec)["ses_london_on"] == 1
    return None, f"{100 * (mine == theirs).mean():.1f} % of bars alike (the peer knows no daylight saving)"
