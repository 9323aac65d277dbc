"""Where to decide: at every bar, or at what the market just did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain.bars.types import Bars
from smctrain.exceptions import InputError
from smctrain.features import smc
from smctrain.features.events import EventTable
from smctrain.labels import DecisionRows, cusum_events

_Found = tuple[NDArray[np.int64], NDArray[np.int8], NDArray[np.int64]]
_PLAIN = ("every", "every_k", "cusum")
# What decisions are taken on -> function that finds the events, and their kind.
_EVENTS: dict[str, tuple[Callable[..., EventTable], str]] = {
    "ob_new": (smc.order_blocks, "order_block"),
    "ob_touch": (smc.order_blocks, "order_block"),
    "fvg_new": (smc.fair_value_gaps, "fvg"),
    "fvg_touch": (smc.fair_value_gaps, "fvg"),
    "bos": (smc.structure, "bos"),
    "choch": (smc.structure, "choch"),
    "sweep": (smc.liquidity, "sweep"),
}
# Kinds that come along with the one decided on, from the same function; alone they mean that nothing happened yet.
_ALONG = {"order_block": ("breaker",), "bos": ("choch",), "choch": ("bos",), "sweep": ("pool", "run")}
KINDS = (*_PLAIN, *_EVENTS)


def decision_rows(
    b: Bars,
    on: str = "every",
    *,
    side: str | int | ArrayLike = "event",
    k: int | None = None,
    threshold: float | ArrayLike | None = None,
    events: EventTable | None = None,
    **options: Any,
) -> DecisionRows:
    """Rows at whose close to decide, with the side of the trade and the zone it is about.

    Parameters
    ----------
    b : Bars
        n bars of one symbol and timeframe.
    on : str
        - "every", "every_k": each row, or those whose index is a multiple of `k`.
        - "cusum": where the closes have moved by `threshold` (`st.cusum_events`), in the direction of the move.
        - "ob_new", "fvg_new": where an order block or a fair value gap becomes known, on its side.
        - "ob_touch", "fvg_touch": where it is touched first, on its side.
        - "bos", "choch": where the structure breaks, in the direction of the break.
        - "sweep": where liquidity is swept, against the sweep: highs swept make a short.
    side : "event", "both", int or int (n,)
        "event": as above (+1 for "every" and "every_k"). "both": each row twice, long and short, for a model that
        chooses. A number or one per bar: that side, such as a primary model's; rows with 0 or NaN are left out.
    k : int, optional
        For "every_k".
    threshold : float or float (n,), optional
        For "cusum", as in `st.cusum_events`.
    events : EventTable, optional
        Events that were found already, by the function of `st.smc` that belongs to `on`.
    **options
        For that function, such as `rule="seed"` or `min_atr=0.5`, where `events` is not given.

    Returns
    -------
    DecisionRows
        In order of time. A row is always the bar at whose close its event is known; zones that are dead by that close
        are left out. `triple_barrier(b, rows=decisions)` labels them; with `entry="retest"` or `unit="structure"` at
        their zones.

    Raises
    ------
    InputError
        For another `on`, or an argument that does not belong to it.

    Examples
    --------
    >>> d = decision_rows(b, "ob_new", rule="bos")                                              # doctest: +SKIP
    >>> labels = triple_barrier(b, rows=d, entry="retest", unit="structure", rr=2)              # doctest: +SKIP
    """
    if on not in KINDS:
        raise InputError(f"on must be one of {', '.join(map(repr, KINDS))}, but is {on!r}.")
    _only(on, "k", k, ("every_k",))
    _only(on, "threshold", threshold, ("cusum",))
    if on in _PLAIN:
        if events is not None or options:
            unknown = ", ".join([*options, *(["events"] if events is not None else [])])
            raise InputError(f"decision_rows(on={on!r}) takes no {unknown}.")
        table, found = None, _plain(b, on, k, threshold)
    else:
        find, kind = _EVENTS[on]
        if events is not None and options:
            raise InputError(f"events= were found already, so {', '.join(options)} would have no effect.")
        table = find(b, **options) if events is None else events
        if not isinstance(table, EventTable) or not np.all(table["kind"] == kind):
            table = _of_kind(table, kind, on)
        found = _from_events(table, on)
        if "top" not in table.names:
            table = None
    rows, sides, zone = _sided(found, side, len(b))
    return DecisionRows(on, rows, sides, table, zone)


def _plain(b: Bars, on: str, k: int | None, threshold: Any) -> _Found:
    if on == "cusum":
        moved = cusum_events(b, threshold)
        return moved.rows, moved.side, np.full(len(moved.rows), -1, dtype=np.int64)
    step = 1
    if on == "every_k":
        if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
            raise InputError(f"k must be an integer of at least 1, but is {k!r}.")
        step = int(k)
    rows = np.arange(0, len(b), step, dtype=np.int64)
    return rows, np.ones(len(rows), dtype=np.int8), np.full(len(rows), -1, dtype=np.int64)


def _of_kind(table: Any, kind: str, on: str) -> EventTable:
    if not isinstance(table, EventTable):
        raise InputError(f"events must be an EventTable of st.smc, but are {type(table).__name__}.")
    if len(table) and not np.isin(table["kind"], (kind, *_ALONG.get(kind, ()))).any():
        raise InputError(
            f"events for on={on!r} must be of kind {kind!r}, but are {', '.join(np.unique(table['kind']))}."
        )
    return table.select(kind)


def _from_events(table: EventTable, on: str) -> _Found:
    at = table["touched_at"] if on.endswith("_touch") else table["known_at"]
    use = at >= 0
    if on.startswith(("ob_", "fvg_")):
        dead = table["invalidated_at"]
        use &= (dead < 0) | (dead > at)
    zone = np.flatnonzero(use)
    zone = zone[np.argsort(at[zone], kind="stable")]
    side = table["side"][zone].astype(np.int8)
    if on == "sweep":
        side = (-side).astype(np.int8)
    has_zone = "top" in table.names
    return at[zone].astype(np.int64), side, zone if has_zone else np.full(len(zone), -1, dtype=np.int64)


def _sided(found: _Found, side: Any, n: int) -> _Found:
    rows, sides, zone = found
    if isinstance(side, str):
        if side == "event":
            return found
        if side != "both":
            raise InputError(f'side must be "event", "both", +1, -1 or one side a bar, but is {side!r}.')
        # The event's own side keeps its zone; the other side refers to the nearest zone of its own.
        both = np.repeat(sides, 2)
        both[1::2] *= -1
        own = np.repeat(zone, 2)
        own[1::2] = -1
        return np.repeat(rows, 2), both, own
    values = np.asarray(side)
    if values.dtype.kind not in "iuf" or values.shape not in ((), (n,)):
        raise InputError(f"side must be one value, or one a bar ({n}), but is {values.dtype} {values.shape}.")
    wanted = np.nan_to_num(np.broadcast_to(values, (n,)).astype(np.float64)[rows], nan=0.0)
    if not np.isin(wanted, (-1.0, 0.0, 1.0)).all():
        raise InputError("side must be +1 (long), -1 (short) or 0 (no trade) everywhere.")
    keep = wanted != 0
    chosen = wanted[keep].astype(np.int8)
    return rows[keep], chosen, np.where(chosen == sides[keep], zone[keep], -1)


def _only(on: str, name: str, value: Any, allowed: tuple[str, ...]) -> None:
    if (on in allowed) != (value is not None):
        verb = "needs" if on in allowed else "takes no"
        raise InputError(f"decision_rows(on={on!r}) {verb} {name}=.")
