"""Smart-Money-Concepts events of a series of bars, each with the bar from which it could be known.

The same causal engine computes the structure and zone columns of the feature table. Times are row indices
into the bars: `origin` (where the structure sits), `known_at` (the bar at whose close it is first knowable)
and `invalidated_at` (first bar at whose close it is dead, -1 while alive). Adding bars appends events or
closes them; it never edits or removes one. The engine restarts at each segment; zones and pools alive at a
segment's end expire on the first row of the next. Prices should be snapped (as `read_bars` does), since equal
prices are compared exactly.

Zones and pools need the ATR (Wilder, 14 bars) and therefore start 14 bars into a segment; swings and
structure do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from smctrain._load import core
from smctrain.bars.types import Bars
from smctrain.features.arguments import as_bars, as_flag
from smctrain.features.events import EventTable
from smctrain.features.spans import previous_levels, retracements, sessions

__all__ = [
    "fair_value_gaps", "liquidity", "order_blocks", "previous_levels", "retracements", "sessions", "structure",
    "swings",
]  # fmt: skip

_COMMON = ("kind", "side", "origin", "known_at", "invalidated_at")
_ZONE = (
    *_COMMON, "top", "bottom", "state", "touched_at", "filled_at", "resolved_at", "bounce_q", "size_atr",
    "quality",
)  # fmt: skip
_BLOCK = (
    *_ZONE, "disp_atr", "body_ratio", "clean", "has_fvg", "struct_aligned", "bos_ctx", "choch_ctx",
    "ema_aligned", "rsi_ok",
)  # fmt: skip


def swings(b: Bars, left: int = 5, right: int = 5, *, zigzag: bool = False) -> EventTable:
    """Swing highs and lows, known `right` bars after their pivot.

    A pivot high is above the `left` bars before it and not below the `right` bars after it: of equal highs
    the first wins. No marker is forced on the first or last row.

    Parameters
    ----------
    b : Bars
        n bars of one symbol and timeframe.
    left, right : int
        Bars compared on either side, at least 1.
    zigzag : bool
        Keep only swings that alternate: of several highs in a row the highest, of several lows the lowest. A
        more extreme swing of the same side closes the one it replaces; those alive at any row alternate.

    Returns
    -------
    EventTable
        Kinds `swing_high` (side +1) and `swing_low` (side -1); columns `level` (price) and the times, where
        `known_at` = `origin` + `right`. Swings are never invalidated; with `zigzag`, `invalidated_at` is the
        row on which the swing that replaced it became known.

    Raises
    ------
    InputError
        If `b` is not `Bars`, or a parameter is out of its range.
    """
    settings = _swing_settings(left, right)
    if not as_flag("zigzag", zigzag):
        return _events(b, ("swing_high", "swing_low"), (*_COMMON, "level"), settings)
    table = _events(b, ("zigzag_high", "zigzag_low"), (*_COMMON, "level"), settings)
    kind = np.where(table["side"] > 0, "swing_high", "swing_low")
    return EventTable({**table.columns, "kind": kind})


def structure(
    b: Bars,
    break_on: Literal["close", "wick"] = "close",
    *,
    level: Literal["last", "extreme"] = "last",
    left: int = 5,
    right: int = 5,
) -> EventTable:
    """Breaks of market structure: BOS in its direction, CHoCH against it.

    Parameters
    ----------
    b : Bars
        n bars of one symbol and timeframe.
    break_on : {"close", "wick"}
        What has to be strictly beyond the last known swing level.
    level : {"last", "extreme"}
        Whether a newly known swing always replaces the level, or only a more extreme one.
    left, right : int
        Window of the swings.

    Returns
    -------
    EventTable
        Kinds `bos` and `choch`, side = direction of the break; `known_at` is the breaking bar, `origin` the
        bar of the broken swing, `level` its price. The first break of a segment is a BOS.

    Raises
    ------
    InputError
        If `b` is not `Bars`, or a parameter is out of its range.
    """
    settings = {"ms.break": break_on, "ms.level": level, **_swing_settings(left, right)}
    return _events(b, ("bos", "choch"), (*_COMMON, "level"), settings)


def fair_value_gaps(
    b: Bars,
    min_atr: float = 0.25,
    *,
    merge: bool = True,
    middle: Literal["any", "same_side"] = "any",
    max_time_gap: float | None = None,
    max_age: int = 500,
    cap: int = 64,
    invalidate: Literal["close", "wick"] = "close",
    bounce_bars: int = 3,
    atr: Literal["wilder", "sma"] = "wilder",
) -> EventTable:
    """Fair value gaps: three bars of which the outer two do not overlap.

    Parameters
    ----------
    b : Bars
        n bars of one symbol and timeframe.
    min_atr : float
        Smallest height, in ATR of the third bar.
    merge : bool
        Whether an active gap known on the bar before closes as `merged` and the new gap takes over both.
    middle : {"any", "same_side"}
        Whether the middle candle must point in the direction of the gap.
    max_time_gap : float or None
        Longest pause inside the three bars, in bars; None for any.
    max_age : int
        Bars after which a gap expires.
    cap : int
        Most gaps alive at once per side, at most 64; the oldest expires.
    invalidate : {"close", "wick"}
        What has to pass the far edge.
    bounce_bars : int
        Bars after the first touch over which `bounce_q` is measured.
    atr : {"wilder", "sma"}
        Mean of 14 true ranges that all sizes are measured in.

    Returns
    -------
    EventTable
        Kind `fvg`; `known_at` is the third bar. `top`, `bottom` (prices); `size_atr`, `quality` (0 to 1),
        `merged` (gaps taken over), frozen at `known_at`; `state` (fresh, touched, filled, invalidated,
        expired, merged) with the rows `touched_at` and `filled_at`; `bounce_q` (0 to 1) known from
        `resolved_at`. A filled gap is dead.

    Raises
    ------
    InputError
        If `b` is not `Bars`, or a parameter is out of its range.
    """
    settings = {
        "fvg.min_atr": min_atr,
        "fvg.merge": merge,
        "fvg.middle": middle,
        "fvg.max_time_gap": max_time_gap,
        "smc.atr": atr,
        **_zone_settings(max_age, cap, invalidate, bounce_bars),
    }
    return _events(b, ("fvg",), (*_ZONE, "members"), settings, {"members": "merged"})


def order_blocks(
    b: Bars,
    rule: Literal["bos", "seed", "extreme"] = "bos",
    *,
    breaker: bool = False,
    min_disp: float = 1.0,
    min_quality: float = 0.2,
    zone: Literal["range", "body"] = "range",
    break_on: Literal["close", "wick"] = "close",
    left: int = 5,
    right: int = 5,
    max_age: int = 500,
    cap: int = 64,
    invalidate: Literal["close", "wick"] = "close",
    bounce_bars: int = 3,
    level: Literal["last", "extreme"] = "last",
    atr: Literal["wilder", "sma"] = "wilder",
) -> EventTable:
    """Order blocks: the candle a strong move started from, known only when the move is there.

    Parameters
    ----------
    b : Bars
        n bars of one symbol and timeframe.
    rule : {"bos", "seed", "extreme"}
        "bos": the last opposite candle before a structure break. "extreme": the bar of the extreme price
        since the broken swing. "seed": an opposite candle followed by two candles of the move; known three
        bars later.
    breaker : bool
        Whether blocks that fail are also listed as what they become: an active block that is invalidated opens
        a zone of the other side with the same edges, known at that bar.
    min_disp : float
        Smallest move away from the block, in ATR.
    min_quality : float
        Smallest `quality`, for rule "seed" only.
    zone : {"range", "body"}
        Whether the zone is the candle's range or its body.
    break_on, left, right, level
        As in `structure`.
    max_age, cap, invalidate, bounce_bars, atr
        As in `fair_value_gaps`.

    Returns
    -------
    EventTable
        Kind `order_block`. `origin` is the block's candle, `known_at` the bar of the break: nothing may be
        entered before. Frozen at `known_at`: `top`, `bottom`, `size_atr`, `disp_atr`, `body_ratio`, `clean`,
        `quality`, and the flags `has_fvg`, `struct_aligned`, `bos_ctx`, `choch_ctx`, `ema_aligned`, `rsi_ok`.
        Life as for gaps, but a filled block stays active. A block whose bar closes beyond its far edge is
        listed with `invalidated_at` equal to `known_at`; it was never active.

        With `breaker` also kind `breaker`: `known_at` is the block's `invalidated_at`, `origin` its origin,
        `side` the opposite one. It lives as a block does; `size_atr` is measured anew, the other frozen columns
        are those of the block it was.

    Raises
    ------
    InputError
        If `b` is not `Bars`, or a parameter is out of its range.
    """
    settings = {
        "ob.rule": rule,
        "ob.min_disp": min_disp,
        "ob.min_quality": min_quality,
        "ob.zone": zone,
        "ms.break": break_on,
        "ms.level": level,
        "smc.atr": atr,
        **_swing_settings(left, right),
        **_zone_settings(max_age, cap, invalidate, bounce_bars),
    }
    kinds = ("order_block", "breaker") if as_flag("breaker", breaker) else ("order_block",)
    return _events(b, kinds, _BLOCK, settings)


def liquidity(
    b: Bars,
    tol_atr: float = 0.25,
    *,
    max_age: int = 500,
    left: int = 5,
    right: int = 5,
    atr: Literal["wilder", "sma"] = "wilder",
) -> EventTable:
    """Liquidity pools at swing levels, and the bars that took them.

    Parameters
    ----------
    b : Bars
        n bars of one symbol and timeframe.
    tol_atr : float
        A swing this close to a live pool joins it, in ATR of the row.
    max_age : int
        Bars after the last join until a pool expires.
    left, right : int
        Window of the swings.
    atr : {"wilder", "sma"}
        As in `fair_value_gaps`.

    Returns
    -------
    EventTable
        Kinds `pool`, `sweep` (wick beyond, close not) and `run` (close beyond); side +1 for buy-side pools
        above swing highs, -1 for sell-side pools. `level` (price), `members` (swings), `state`. A pool that
        is joined closes as `merged` and a new row with the new level follows, so no row is ever edited; a
        taken one is `invalidated`.

    Raises
    ------
    InputError
        If `b` is not `Bars`, or a parameter is out of its range.
    """
    settings = {"liq.tol_atr": tol_atr, "liq.max_age": max_age, "smc.atr": atr, **_swing_settings(left, right)}
    return _events(b, ("pool", "sweep", "run"), (*_COMMON, "level", "members", "state"), settings)


def _events(
    b: Bars,
    kinds: tuple[str, ...],
    columns: tuple[str, ...],
    settings: Mapping[str, Any],
    renamed: Mapping[str, str] | None = None,
) -> EventTable:
    native = core()
    table: dict[str, NDArray[Any]] = native.smc_events(
        as_bars(b).native(), b.seconds * 1_000_000_000, dict(settings), kinds, columns
    )
    words = {"kind": np.asarray(native.SMC_EVENT_KINDS), "state": np.asarray(native.SMC_ZONE_STATES)}
    names = renamed or {}
    return EventTable(
        {names.get(name, name): words[name][table[name]] if name in words else table[name] for name in columns}
    )


def _swing_settings(left: int, right: int) -> dict[str, Any]:
    return {"smc.swing_left": left, "smc.swing_right": right}


def _zone_settings(max_age: int, cap: int, invalidate: str, bounce_bars: int) -> dict[str, Any]:
    return {"zone.max_age": max_age, "zone.cap": cap, "zone.invalidate": invalidate, "bounce.bars": bounce_bars}
