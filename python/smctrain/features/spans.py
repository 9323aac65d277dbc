"""Events that the clock and the legs of the market define: sessions, previous periods, retracements.

Times are row indices into the bars, as in `smctrain.features.smc`, where these functions are found by users. Rows
with a missing price are skipped, and everything restarts at each segment.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from smctrain._load import core
from smctrain.bars.types import Bars
from smctrain.exceptions import InputError
from smctrain.features.arguments import as_bars, as_choice, as_integer
from smctrain.features.events import EventTable


def sessions(b: Bars, names: Iterable[str] | None = None, *, custom: Sequence[Sequence[str]] = ()) -> EventTable:
    """Finished trading sessions with their prices, by the wall clock of their place (daylight saving included).

    Parameters
    ----------
    b : Bars
        n bars of one symbol and timeframe.
    names : iterable of str, optional
        Of `sydney` (07-16 Australia/Sydney), `tokyo` (09-18 Asia/Tokyo), `london` (08-17 Europe/London), `ny` (08-17
        America/New_York) and the kill zones in New York time `kz_asia` (20-24), `kz_london` (02-05), `kz_ny` (07-10),
        `kz_lclose` (10-12). All of them by default.
    custom : sequence of (name, zone, start, end)
        Further sessions, such as `("frankfurt", "Europe/Berlin", "08:00", "16:30")`; the end may lie past midnight. The
        setting `ses.custom` makes columns of the same sessions.

    Returns
    -------
    EventTable
        Kind `session`, side 0. `name`; `origin` and `last` (first and last bar, by opening time in [start, end));
        `open`, `top` (high), `bottom` (low), `close`, frozen at `known_at`: the first bar that no longer belongs to
        the session. `invalidated_at` is the first bar of the next session of that name, or of the next segment. A
        session that was on before the first bar of a segment, or that its end cuts off, is not listed.

    Raises
    ------
    InputError
        If `b` is not `Bars`, a name is not known or given twice, or a custom session cannot be read.
    """
    native = core()
    standard = list(native.STANDARD_SESSIONS) if names is None else _known_names(names, native.STANDARD_SESSIONS)
    own = [_four_texts(session) for session in custom]
    table: dict[str, NDArray[Any]] = native.session_events(as_bars(b).native(), standard, {"ses.custom": own})
    every = [*standard, *(session[0] for session in own)]
    words = np.asarray(every, dtype=np.str_)[table["which"]] if every else np.zeros(0, dtype=np.str_)
    return EventTable(
        {
            **_common("session", table),
            "name": words,
            **{name: table[name] for name in ("last", "open", "top", "bottom", "close")},
        }
    )


def previous_levels(
    b: Bars, period: Literal["d", "w", "m", "h4"] = "d", *, day_roll: str = "17:00 America/New_York"
) -> EventTable:
    """High, low and middle of each finished trading day, week, month or four hours.

    Parameters
    ----------
    b : Bars
        n bars of one symbol and timeframe.
    period : {"d", "w", "m", "h4"}
        Weeks begin with Monday, h4 are 4-hour buckets counted from the roll.
    day_roll : str
        Time and zone at which a trading day begins: "00:00 UTC" for markets that never close. From noon on the roll
        belongs to the next date, so that Sunday evening in New York is Monday. "market": as `b.calendar` says. The
        columns `pp_*` have the setting of the same name.

    Returns
    -------
    EventTable
        Kind `previous_period`, side 0. `origin` and `last` (first and last bar of the period, by opening time);
        `open`, `top` (high), `bottom` (low), `middle`, `close`, frozen at `known_at`: the first bar of a later
        period. In force until `invalidated_at`, when the next period is finished. `broke_high_at` and `broke_low_at`:
        first bar in force that traded beyond, -1 before. The period in which a segment starts is listed only if its
        first bar opens exactly where the period begins.

    Raises
    ------
    InputError
        If `b` is not `Bars`, `period` is not known or `day_roll` cannot be read.
    """
    as_choice("period", period, ("d", "w", "m", "h4"))
    table: dict[str, NDArray[Any]] = core().period_events(
        as_bars(b).native(), period, {"day_roll": day_roll}, b.calendar.native()
    )
    return EventTable(
        {
            **_common("previous_period", table),
            **{name: table[name] for name in ("last", "open", "top", "bottom")},
            "middle": 0.5 * (table["top"] + table["bottom"]),
            **{name: table[name] for name in ("close", "broke_high_at", "broke_low_at")},
        }
    )


def retracements(
    b: Bars, left: int = 5, right: int = 5, *, levels: Sequence[float] = (0.382, 0.5, 0.618, 0.786, 1.0)
) -> EventTable:
    """Legs between the last two swings of opposite sides, and the bars at which price came back by a share of them.

    Parameters
    ----------
    b : Bars
        n bars of one symbol and timeframe.
    left, right : int
        Window of the swings.
    levels : sequence of float
        Shares of the leg: 0 at its end, 1 at its start; more than 0, at most 10, told apart by thousandths.

    Returns
    -------
    EventTable
        Kind `retracement`, side +1 for a leg up. `origin` is the bar of the swing that ends the leg, `known_at` the bar
        at which that swing is known, `invalidated_at` the bar at which the next swing is; `start_row`, `start_price`,
        `end_price`; per level `reached_<thousandths>_at`, such as `reached_618_at`: first bar, from `known_at` on, at
        which a bar since `origin` has come back that far, -1 before.

    Raises
    ------
    InputError
        If `b` is not `Bars`, or a parameter is out of its range.
    """
    wanted = _levels(levels)
    table: dict[str, Any] = core().retracement_events(
        as_bars(b).native(), as_integer("left", left, 1), as_integer("right", right, 1), list(wanted.values())
    )
    reached = dict(zip(wanted, table["reached_at"], strict=True))
    prices = {name: table[name] for name in ("start_row", "start_price", "end_price")}
    return EventTable({**_common("retracement", table), **prices, **reached})


def _common(kind: str, table: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    n = len(table["origin"])
    return {
        "kind": np.full(n, kind),
        "side": table.get("side", np.zeros(n, dtype=np.int8)),
        **{name: table[name] for name in ("origin", "known_at", "invalidated_at")},
    }


def _known_names(names: Iterable[str], known: Sequence[str]) -> list[str]:
    if isinstance(names, str):
        raise InputError(f"names must be a sequence of sessions, but is the string {names!r}.")
    if not isinstance(names, Iterable):
        raise InputError(f"names must be a sequence of sessions, but is {names!r}.")
    wanted = list(names)
    for name in wanted:
        if name not in known:
            raise InputError(f"names holds {name!r}, which is no session. Sessions: {', '.join(known)}.")
    if len(set(wanted)) < len(wanted):
        raise InputError(f"names must not name a session twice, but is {wanted}.")
    return wanted


def _four_texts(session: Sequence[str] | str) -> list[str]:
    words = session.split() if isinstance(session, str) else list(session)
    if len(words) != 4 or not all(isinstance(word, str) for word in words):
        raise InputError(f"custom must hold (name, zone, start, end), all texts, but holds {session!r}.")
    return words


def _levels(levels: Sequence[float]) -> dict[str, float]:
    try:
        values = [float(level) for level in levels]
    except (TypeError, ValueError):
        raise InputError(f"levels must be a sequence of numbers, but is {levels!r}.") from None
    named = {f"reached_{round(1000 * value)}_at": value for value in values if 0.001 <= value <= 10.0}
    if len(named) < len(values):
        raise InputError(f"levels must be different shares from 0.001 to 10, but are {values}.")
    return named
