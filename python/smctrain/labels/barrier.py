"""Triple-barrier labels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain._load import core
from smctrain.bars.types import Bars
from smctrain.exceptions import InputError
from smctrain.labels.arguments import (
    choice,
    number,
    per_bar,
    positive_int,
    price_columns,
    quarantined,
    row_indices,
    session_ids,
    trade_sides,
)
from smctrain.labels.decisions import DecisionRows, Events, ZoneTable
from smctrain.labels.types import STATUSES, Labels
from smctrain.labels.zones import is_zone_table, zone_edges

_ENTRIES = ("next_open", "close", "retest")
_TIES = ("stop", "target", "drop", "lower_tf")
_TIMEOUTS = ("zero", "sign", "loss", "drop")
_UNITS = ("atr", "vol", "pct", "abs", "structure")
_QUOTES = ("bar", "bid_ask")
_BAD_RISK, _MISSING = STATUSES.index("bad_risk"), STATUSES.index("missing")
ATR_PERIOD = 14
STRUCTURE_RISK = (0.1, 5.0)
"""Smallest and largest risk of a structural stop, in ATR."""


def triple_barrier(
    b: Bars,
    *,
    horizon: int = 20,
    target: float = 2.0,
    stop: float = 1.0,
    unit: str = "atr",
    entry: str = "next_open",
    side: int | ArrayLike | None = None,
    costs: str | float | None = "spread",
    tie: str = "stop",
    timeout: str = "zero",
    gap_target: str = "level",
    rr: float | None = None,
    limit: float | ArrayLike | ZoneTable | None = None,
    stop_price: float | ArrayLike | ZoneTable | None = None,
    wait: int = 100,
    scale: ArrayLike | None = None,
    risk_limits: tuple[float, float] | None = None,
    timeout_band: float = 0.0,
    slippage: float = 0.0,
    commission: float = 0.0,
    rows: ArrayLike | DecisionRows | Events | None = None,
    lower: Bars | None = None,
    quote: str = "bar",
    buffer_atr: float = 0.1,
    scale_h: bool = False,
    flat_at_session_end: bool = False,
    day_zone: str | None = None,
) -> Labels:
    """Which of target, stop and time ends a trade decided at the close of each row.

    A row gets a label only if the longest window it may look at (`horizon` rows; `wait + horizon - 1` for a
    retest) fits into its segment: the last rows are "open" even where a barrier was touched already, because
    keeping only those would choose rows by their outcome. For the same reason a quarantined bar anywhere in that
    window takes the row out ("quarantine").

    Parameters
    ----------
    b : Bars
        Bars of one symbol and timeframe.
    horizon : int
        Bars from the fill to the last possible exit, the fill's bar included.
    target, stop : float
        Distances of both barriers from the fill, in `unit`.
    unit : {"atr", "vol", "pct", "abs", "structure"}
        atr: Wilder's ATR(14) at the decision row; vol: the standard deviation of the last 20 simple returns times
        the fill price; pct: a fraction of the fill price; abs: price. structure: the stop lies `buffer_atr` ATR
        beyond the far edge of the row's zone and the target `rr` (else `target`) times that risk away; zones come
        from `rows`, `limit` or `stop_price`.
    entry : {"next_open", "close", "retest"}
        Fill at the next bar's open, at the decision bar's close (optimistic), or by a limit order at `limit`
        that lives `wait` bars.
    side : int or int (m,), optional
        +1 long, -1 short; one value or one per decision row. By default the sides of `rows`, else +1.
    costs : "spread", None or float
        "spread": the spread of the bar of the fill; a number: price per round trip. Data without a spread
        column cost nothing, and `Labels.costs` says so.
    tie : {"stop", "target", "drop", "lower_tf"}
        What counts when one bar reaches both barriers. lower_tf: that bar is replayed on the bars of `lower`;
        what they cannot decide counts as a stop, keeps the rule "stop_tie" and is counted in `Labels.fell_back`.
    timeout : {"zero", "sign", "loss", "drop"}
        Label when time runs out; "sign" is the sign of the outcome where it exceeds `timeout_band` R.
    gap_target : {"level", "open"}
        Exit price when a bar opens beyond the target.
    rr : float, optional
        Target distance as a multiple of the stop distance; replaces `target`.
    limit : float, float (n,) or zone table, optional
        Retest only: limit price, one for all rows or one per bar (known at that bar's close), or zones whose
        near edge it is. By default that of the zones of `rows`.
    stop_price : float, float (n,) or zone table, optional
        Stop price, one for all rows or one per bar (known at that bar's close); replaces `stop`. Zones belong to
        unit "structure".
    wait : int
        Retest only: bars the limit order lives.
    scale : float (n,), optional
        Replaces ATR(14) for units "atr" and "structure", and for unit "vol" the volatility (a fraction of the price).
    risk_limits : (float, float), optional
        Smallest and largest risk in units of the scale; outside: status "bad_risk". 0 stands for no limit. By
        default (0.1, 5) for unit "structure" and none otherwise.
    timeout_band : float
        In R, for `timeout="sign"`.
    slippage, commission : float
        Price per fill (counted twice), and price per round trip.
    rows : int (m,), DecisionRows or Events, optional
        Decision rows; all rows by default.
    lower : Bars, optional
        Finer bars of the same symbol, for `tie="lower_tf"`.
    quote : {"bar", "bid_ask"}
        bid_ask: bars are bids and the ask is the bar's spread above; longs are filled at the ask and leave at the
        bid, shorts the other way round. A trade whose exit quote at the fill lies beyond its stop leaves there at
        once. Excludes `costs="spread"`; rows that would need an unknown spread are "missing".
    buffer_atr : float
        Unit "structure": distance of the stop from the zone, in ATR at the decision row.
    scale_h : bool
        Unit "vol": whether the volatility is multiplied by sqrt(horizon).
    flat_at_session_end : bool
        Whether a trade leaves at the close of the last bar of the session of its fill, if not before. Entry "close"
        on that last bar: "unfilled".
    day_zone : str, optional
        Zone whose midnight divides the sessions; by default the calendar of the bars, else "UTC".

    Returns
    -------
    Labels

    Raises
    ------
    InputError
        For an argument outside the stated values, or one that another argument leaves without a meaning.

    Notes
    -----
    "The row's zone" is that of its decision (`st.decision_rows`), else the nearest zone on the side of the trade that
    is alive at the close of the row; rows without one are "missing".
    """
    entry_code = choice("entry", entry, _ENTRIES)
    tie_code = choice("tie", tie, _TIES)
    timeout_code = choice("timeout", timeout, _TIMEOUTS)
    gap_code = choice("gap_target", gap_target, ("level", "open"))
    choice("unit", unit, _UNITS)
    choice("quote", quote, _QUOTES)
    n = len(b)
    positive_int("horizon", horizon)
    positive_int("wait", wait)
    number("target", target)
    number("stop", stop)
    if rr is not None:
        number("rr", rr)
    for name, value in (("slippage", slippage), ("commission", commission), ("timeout_band", timeout_band)):
        number(name, value, zero=True)

    native = price_columns(b)
    finer = None
    if (tie == "lower_tf") != (lower is not None):
        raise InputError('tie="lower_tf" needs lower=: finer bars of the same symbol; no other tie takes them.')
    if lower is not None:
        native, finer = b.native(), _finer(b, lower)
    distances = _distances(native, unit, scale, scale_h, int(horizon), n)

    which = row_indices(rows, n)
    decisions = rows if isinstance(rows, DecisionRows) else None
    if side is None:
        side = rows.side if isinstance(rows, (DecisionRows, Events)) else 1
    sides = trade_sides(side, len(which))
    levels = _levels(native, entry, unit, limit, stop_price, which, sides, decisions)
    if unit == "structure":
        if stop != 1.0:
            raise InputError(f'stop= has no meaning with unit="structure": the zone sets the stop; but is {stop}.')
        number("buffer_atr", buffer_atr, zero=True)
        if levels.far is None or distances is None:
            raise InputError(
                'unit="structure" needs zones: rows=st.decision_rows(...) on zones, or a zone table '
                "(st.smc.order_blocks, st.smc.fair_value_gaps) as limit= or stop_price=."
            )
        levels.stop = levels.far - sides * float(buffer_atr) * distances[which]
        rr = float(target) if rr is None else rr
    low_risk, high_risk = _risk_limits(risk_limits, unit)
    point, fixed, words = _costs(b, costs, slippage, commission, quote)

    resolve = partial(
        core().triple_barrier,
        native,
        rows=which,
        side=sides,
        horizon=int(horizon),
        target=float(target),
        stop=float(stop),
        scale=distances,
        relative=unit in ("vol", "pct"),
        rr=float(rr or 0.0),
        entry=entry_code,
        wait=int(wait),
        limit=levels.limit,
        stop_price=levels.stop,
        min_risk=low_risk,
        max_risk=high_risk,
        tie=tie_code,
        lower=finer,
        timeout=timeout_code,
        timeout_band=float(timeout_band),
        gap_target_at_open=bool(gap_code),
        bid_ask=quote == "bid_ask",
        point=point,
        fixed_cost=fixed,
        session=session_ids(b, day_zone) if flat_at_session_end else None,
        quarantine=quarantined(b),
    )
    out: dict[str, Any] = resolve(all=False)
    unknown = out.pop("unknown_spreads")
    if unknown:
        words += f" ({unknown} fills have no spread and bear none)"
    if levels.zone is not None:
        status = out["status_code"]
        status[(levels.zone < 0) & (status == _BAD_RISK)] = _MISSING
    out.update(
        t0=which,
        side=sides,
        costs=words,
        horizon=int(horizon),
        window=int(wait) + int(horizon) - 1 if entry == "retest" else int(horizon),
        name="triple_barrier",
        weight=None,
        entry=entry,
        zone=levels.zone,
    )
    return Labels.resolved(out, partial(resolve, all=True))


@dataclass
class _Levels:
    """Prices per decision row: limit and stop where they are given, and the far edge of the row's zone."""

    limit: NDArray[np.float64] | None = None
    stop: NDArray[np.float64] | None = None
    far: NDArray[np.float64] | None = None
    zone: NDArray[np.int64] | None = None


def _levels(
    native: dict[str, Any],
    entry: str,
    unit: str,
    limit: Any,
    stop_price: Any,
    rows: NDArray[np.int64],
    side: NDArray[np.int8],
    decisions: DecisionRows | None,
) -> _Levels:
    retest, structural = entry == "retest", unit == "structure"
    if limit is not None and not retest:
        raise InputError(f'limit= belongs to entry="retest", but entry is {entry!r}.')
    own = None if decisions is None else decisions.zones
    if retest and limit is None:
        limit = own
        if limit is None:
            raise InputError(
                'entry="retest" needs limit=: one price, one price a bar, or a zone table; or rows= with zones '
                "(st.decision_rows)."
            )
    n = len(native["close"])
    levels = _Levels()
    tables = {name: is_zone_table(value) for name, value in (("limit", limit), ("stop_price", stop_price))}
    if tables["stop_price"] and not structural:
        raise InputError(f'Zones as stop_price= need unit="structure", but unit is {unit!r}.')
    if structural and stop_price is not None and not tables["stop_price"]:
        raise InputError('unit="structure" takes its stop from zones, but stop_price= holds prices.')
    if tables["limit"] and tables["stop_price"] and limit is not stop_price:
        raise InputError("limit= and stop_price= must be the same zone table, but are two.")
    table = limit if tables["limit"] else stop_price if tables["stop_price"] else own if structural else None
    if table is not None:
        levels.zone, near, levels.far = zone_edges(native, table, rows, side, decisions)
        if tables["limit"]:
            levels.limit = near
    in_range = not len(rows) or 0 <= rows.min() <= rows.max() < n
    if not in_range:
        raise InputError(f"rows must lie in 0..{n - 1}, but reach from {rows.min()} to {rows.max()}.")
    if retest and not tables["limit"]:
        levels.limit = _at("limit", limit, n, rows)
    if stop_price is not None and not tables["stop_price"]:
        levels.stop = _at("stop_price", stop_price, n, rows)
    return levels


def _at(name: str, prices: Any, n: int, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """One price a decision row, from one price or one a bar."""
    return np.full(len(rows), float(prices)) if np.ndim(prices) == 0 else per_bar(name, prices, n)[rows]


def _distances(
    native: dict[str, Any], unit: str, scale: ArrayLike | None, scale_h: bool, horizon: int, n: int
) -> NDArray[np.float64] | None:
    """Length of one unit on every bar; None for a price."""
    if scale_h and unit != "vol":
        raise InputError(f'scale_h= belongs to unit="vol", but unit is {unit!r}.')
    if unit in ("atr", "structure"):
        if scale is not None:
            return per_bar("scale", scale, n)
        distances: NDArray[np.float64] = core().wilder_atr(native, ATR_PERIOD)
        return distances
    if unit == "vol":
        volatility: NDArray[np.float64] = (
            core().return_volatility(native) if scale is None else per_bar("scale", scale, n)
        )
        return volatility * (math.sqrt(horizon) if scale_h else 1.0)
    if scale is not None:
        raise InputError(f'scale= belongs to unit="atr", "vol" or "structure", but unit is {unit!r}.')
    return None


def _risk_limits(limits: tuple[float, float] | None, unit: str) -> tuple[float, float]:
    if limits is None:
        return STRUCTURE_RISK if unit == "structure" else (0.0, 0.0)
    try:
        low, high = map(float, limits)
    except (TypeError, ValueError):
        raise InputError(f"risk_limits must be two numbers, smallest and largest, but are {limits!r}.") from None
    if not (low >= 0 and high >= 0 and math.isfinite(low)) or (0 < high < low):
        raise InputError(f"risk_limits must be at least 0 and in order, but are {limits!r}.")
    return low, high if math.isfinite(high) else 0.0


def _finer(b: Bars, lower: Bars) -> dict[str, Any]:
    if not isinstance(lower, Bars):
        raise InputError(f"lower must be Bars, but is {type(lower).__name__}.")
    if lower.symbol != b.symbol or lower.seconds >= b.seconds:
        raise InputError(
            f"lower must be finer bars of {b.symbol} than {b.timeframe}, but is {lower.symbol} {lower.timeframe}."
        )
    return lower.native()


def _costs(
    b: Bars, costs: str | float | None, slippage: float, commission: float, quote: str
) -> tuple[float, float, str]:
    """Price of a point of spread, fixed price per round trip, and both in words."""
    fixed = 2.0 * float(slippage) + float(commission)
    more = f" + {fixed:g} a round trip" if fixed else ""
    if isinstance(costs, str) and costs != "spread":
        raise InputError(f'costs must be "spread", None or a number, but is {costs!r}.')
    if quote == "bid_ask":
        if isinstance(costs, str):
            raise InputError(
                'quote="bid_ask" fills and exits at the quotes, so costs="spread" would charge the spread twice: give '
                "costs=None, or a number for other costs."
            )
        if b.spread is None or b.point is None:
            missing = "a spread column" if b.spread is None else "the size of a point (digits)"
            raise InputError(f'quote="bid_ask" needs {missing}, but {b.symbol} {b.timeframe} has none.')
        fixed += 0.0 if costs is None else number("costs", costs, zero=True)
        return b.point, fixed, "bid and ask" + (f" + {fixed:g} a round trip" if fixed else "")
    if costs is None:
        return 0.0, fixed, f"none{more}"
    if isinstance(costs, str):
        if b.spread is None:
            return 0.0, fixed, f"none: the data has no spread{more}"
        if b.point is None:
            return 0.0, fixed, f"none: the size of a point is unknown{more}"
        return b.point, fixed, f"spread{more}"
    if isinstance(costs, bool) or not (math.isfinite(costs) and costs >= 0):
        raise InputError(f'costs must be "spread", None or a number of at least 0, but is {costs!r}.')
    fixed += float(costs)
    return 0.0, fixed, f"{fixed:g} a round trip"
