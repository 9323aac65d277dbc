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

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from smctrain._load import core
from smctrain.bars.types import Bars
from smctrain.exceptions import InputError
from smctrain.features.arguments import as_bars, as_choice, as_flag, as_integer, as_number
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
    options = _swing_options(left, right)
    if not as_flag("zigzag", zigzag):
        return _events(b, ("swing_high", "swing_low"), (*_COMMON, "level"), **options)
    table = _events(b, ("zigzag_high", "zigzag_low"), (*_COMMON, "level"), **options)
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
    options = _swing_options(left, right)
    options["break_on_wick"] = as_choice("break_on", break_on, ("close", "wick")) == "wick"
    options["keep_extreme_level"] = as_choice("level", level, ("last", "extreme")) == "extreme"
    return _events(b, ("bos", "choch"), (*_COMMON, "level"), **options)


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
    options = _zone_options(max_age, cap, invalidate, bounce_bars)
    options["fvg_min_atr"] = as_number("min_atr", min_atr)
    options["fvg_merge"] = as_flag("merge", merge)
    options["fvg_same_side"] = as_choice("middle", middle, ("any", "same_side")) == "same_side"
    if max_time_gap is not None and max_time_gap != np.inf:
        bars = 2.0 + as_number("max_time_gap", max_time_gap)
        if not 2.0 <= bars <= 1e6:
            raise InputError(f"max_time_gap must be between 0 and 1000000 bars, but is {max_time_gap}.")
        options["fvg_max_span_ns"] = int(bars * as_bars(b).seconds * 1_000_000_000)
    return _events(b, ("fvg",), (*_ZONE, "members"), {"members": "merged"}, **options)


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
    break_on, left, right
        As in `structure`.
    max_age, cap, invalidate, bounce_bars
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
    options = _swing_options(left, right) | _zone_options(max_age, cap, invalidate, bounce_bars)
    options["block_rule"] = as_choice("rule", rule, ("bos", "seed", "extreme"))
    options["block_min_displacement_atr"] = as_number("min_disp", min_disp)
    options["block_min_quality"] = as_number("min_quality", min_quality)
    options["block_body"] = as_choice("zone", zone, ("range", "body")) == "body"
    options["break_on_wick"] = as_choice("break_on", break_on, ("close", "wick")) == "wick"
    kinds = ("order_block", "breaker") if as_flag("breaker", breaker) else ("order_block",)
    return _events(b, kinds, _BLOCK, **options)


def liquidity(b: Bars, tol_atr: float = 0.25, *, max_age: int = 500, left: int = 5, right: int = 5) -> EventTable:
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
    options = _swing_options(left, right)
    options["liquidity_tolerance_atr"] = as_number("tol_atr", tol_atr)
    options["liquidity_max_age_bars"] = as_integer("max_age", max_age, 1)
    return _events(b, ("pool", "sweep", "run"), (*_COMMON, "level", "members", "state"), **options)


def _events(
    b: Bars,
    kinds: tuple[str, ...],
    columns: tuple[str, ...],
    renamed: dict[str, str] | None = None,
    /,
    **options: Any,
) -> EventTable:
    native = core()
    table: dict[str, NDArray[Any]] = native.smc_events(as_bars(b).native(), options)
    names = np.asarray(native.SMC_EVENT_KINDS)
    states = np.asarray(native.SMC_ZONE_STATES)
    mask = np.isin(table["kind"], np.flatnonzero(np.isin(names, kinds)))
    words = {"kind": names, "state": states}
    chosen: dict[str, NDArray[Any]] = {}
    for column in columns:
        values = table[column][mask]
        chosen[(renamed or {}).get(column, column)] = words[column][values] if column in words else values
    return EventTable(chosen)


def _swing_options(left: int, right: int) -> dict[str, Any]:
    return {"swing_left": as_integer("left", left, 1), "swing_right": as_integer("right", right, 1)}


def _zone_options(max_age: int, cap: int, invalidate: str, bounce_bars: int) -> dict[str, Any]:
    return {
        "zone_max_age_bars": as_integer("max_age", max_age, 1),
        "zone_cap": as_integer("cap", cap, 1, 64),
        "zone_invalidate_on_wick": as_choice("invalidate", invalidate, ("close", "wick")) == "wick",
        "bounce_bars": as_integer("bounce_bars", bounce_bars, 1),
    }
