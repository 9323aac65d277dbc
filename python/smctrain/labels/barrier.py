"""Triple-barrier labels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain._load import core
from smctrain.bars.types import Bars
from smctrain.exceptions import InputError
from smctrain.labels.arguments import choice, decision_rows, positive_int
from smctrain.labels.types import Labels

_ENTRIES = ("next_open", "close", "retest")
_TIES = ("stop", "target", "drop")
_TIMEOUTS = ("zero", "sign", "loss", "drop")
_UNITS = ("atr", "vol", "pct", "abs")
ATR_PERIOD = 14


def triple_barrier(
    b: Bars,
    *,
    horizon: int = 20,
    target: float = 2.0,
    stop: float = 1.0,
    unit: str = "atr",
    entry: str = "next_open",
    side: int | ArrayLike = +1,
    costs: str | float | None = "spread",
    tie: str = "stop",
    timeout: str = "zero",
    gap_target: str = "level",
    rr: float | None = None,
    limit: float | ArrayLike | None = None,
    stop_price: float | ArrayLike | None = None,
    wait: int = 100,
    scale: ArrayLike | None = None,
    risk_limits: tuple[float, float] | None = None,
    timeout_band: float = 0.0,
    slippage: float = 0.0,
    commission: float = 0.0,
    rows: ArrayLike | None = None,
) -> Labels:
    """Which of target, stop and time ends a trade decided at the close of each row.

    A row gets a label only if the longest window it may look at (`horizon` rows; `wait + horizon - 1` for a
    retest) fits into its segment: the last rows are "open" even where a barrier was touched already, because
    keeping only those would choose rows by their outcome.

    Parameters
    ----------
    b : Bars
        Bars of one symbol and timeframe.
    horizon : int
        Bars from the fill to the last possible exit, the fill's bar included.
    target, stop : float
        Distances of both barriers from the fill, in `unit`.
    unit : {"atr", "vol", "pct", "abs"}
        atr: Wilder's ATR(14) at the decision row; vol: `scale` times the fill price; pct: a fraction of the
        fill price; abs: price.
    entry : {"next_open", "close", "retest"}
        Fill at the next bar's open, at the decision bar's close (optimistic), or by a limit order at `limit`
        that lives `wait` bars.
    side : int or int (m,)
        +1 long, -1 short; one value or one per decision row.
    costs : "spread", None or float
        "spread": the spread of the bar of the fill; a number: price per round trip. Data without a spread
        column cost nothing, and `Labels.costs` says so.
    tie : {"stop", "target", "drop"}
        What counts when one bar reaches both barriers.
    timeout : {"zero", "sign", "loss", "drop"}
        Label when time runs out; "sign" is the sign of the outcome where it exceeds `timeout_band` R.
    gap_target : {"level", "open"}
        Exit price when a bar opens beyond the target.
    rr : float, optional
        Target distance as a multiple of the stop distance; replaces `target`.
    limit, stop_price : float or float (n,), optional
        Retest only: limit price and stop price, one for all rows or one per bar (known at that bar's close).
        Without `stop_price` the stop lies `stop` units from the limit.
    wait : int
        Retest only: bars the limit order lives.
    scale : float (n,), optional
        Replaces ATR(14) for unit "atr"; volatility per bar as a fraction of price for unit "vol".
    risk_limits : (float, float), optional
        Smallest and largest risk in units of the scale; outside: status "bad_risk".
    timeout_band : float
        In R, for `timeout="sign"`.
    slippage, commission : float
        Price per fill (counted twice), and price per round trip.
    rows : int (m,), optional
        Decision rows; all rows by default.

    Returns
    -------
    Labels

    Raises
    ------
    InputError
        For an argument outside the stated values.
    """
    kind = choice("unit", unit, _UNITS)
    entry_code = choice("entry", entry, _ENTRIES)
    tie_code = choice("tie", tie, _TIES)
    timeout_code = choice("timeout", timeout, _TIMEOUTS)
    gap_code = choice("gap_target", gap_target, ("level", "open"))
    n = len(b)
    positive_int("horizon", horizon)
    positive_int("wait", wait)
    _positive("target", target)
    _positive("stop", stop)
    if rr is not None:
        _positive("rr", rr)
    for name, value in (("slippage", slippage), ("commission", commission), ("timeout_band", timeout_band)):
        if not (math.isfinite(value) and value >= 0):
            raise InputError(f"{name} must be a number of at least 0, but is {value}.")

    native = b.native()
    distances = None
    if unit == "atr":
        distances = core().wilder_atr(native, ATR_PERIOD) if scale is None else _per_bar("scale", scale, n)
    elif unit == "vol":
        if scale is None:
            raise InputError('unit="vol" needs scale=: the volatility per bar as a fraction of price, one value a bar.')
        distances = _per_bar("scale", scale, n)
    elif scale is not None:
        raise InputError(f'scale= belongs to unit="atr" or "vol", but unit is {unit!r}.')

    retest = entry == "retest"
    if retest and limit is None:
        raise InputError('entry="retest" needs limit=: one price, or one price a bar.')
    if not retest and (limit is not None or stop_price is not None):
        raise InputError(f'limit= and stop_price= belong to entry="retest", but entry is {entry!r}.')
    low_risk, high_risk = map(float, risk_limits or (0.0, 0.0))

    which = decision_rows(rows, n)
    sides = _sides(side, len(which))
    point, fixed, words = _costs(b, costs, slippage, commission)
    out: dict[str, Any] = core().triple_barrier(
        native,
        rows=which,
        side=sides,
        horizon=int(horizon),
        target=float(target),
        stop=float(stop),
        scale=distances,
        relative=_UNITS[kind] in ("vol", "pct"),
        rr=float(rr or 0.0),
        entry=entry_code,
        wait=int(wait),
        limit=_per_bar("limit", limit, n) if retest else None,
        stop_price=None if stop_price is None else _per_bar("stop_price", stop_price, n),
        min_risk=low_risk,
        max_risk=high_risk,
        tie=tie_code,
        timeout=timeout_code,
        timeout_band=float(timeout_band),
        gap_target_at_open=bool(gap_code),
        point=point,
        fixed_cost=fixed,
    )
    unknown = out.pop("unknown_spreads")
    if unknown:
        words += f" ({unknown} fills have no spread and bear none)"
    risk_atr = out["risk"] if distances is None else out["risk"] / distances[which]
    window = int(wait) + int(horizon) - 1 if retest else int(horizon)
    return Labels(
        t0=which,
        side=sides,
        risk_atr=risk_atr,
        costs=words,
        horizon=int(horizon),
        window=window,
        **out,
    )


def _costs(b: Bars, costs: str | float | None, slippage: float, commission: float) -> tuple[float, float, str]:
    """Price of a point of spread, fixed price per round trip, and both in words."""
    fixed = 2.0 * float(slippage) + float(commission)
    more = f" + {fixed:g} a round trip" if fixed else ""
    if costs is None:
        return 0.0, fixed, f"none{more}"
    if isinstance(costs, str):
        if costs != "spread":
            raise InputError(f'costs must be "spread", None or a number, but is {costs!r}.')
        if b.spread is None:
            return 0.0, fixed, f"none: the data has no spread{more}"
        if b.point is None:
            return 0.0, fixed, f"none: the size of a point is unknown{more}"
        return b.point, fixed, f"spread{more}"
    if isinstance(costs, bool) or not (math.isfinite(costs) and costs >= 0):
        raise InputError(f'costs must be "spread", None or a number of at least 0, but is {costs!r}.')
    fixed += float(costs)
    return 0.0, fixed, f"{fixed:g} a round trip"


def _positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"{name} must be a number above 0, but is {value}.")


def _per_bar(name: str, values: ArrayLike | None, n: int) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0:
        array = np.full(n, float(array))
    if array.shape != (n,):
        raise InputError(f"{name} must be one value or one value a bar ({n}), but has shape {array.shape}.")
    return np.ascontiguousarray(array)


def _sides(side: int | ArrayLike, m: int) -> NDArray[np.int8]:
    array = np.asarray(side)
    if array.ndim == 0:
        array = np.full(m, array)
    if array.shape != (m,):
        raise InputError(f"side must be one value, or one a decision row ({m}), but has shape {array.shape}.")
    if not np.all(np.isin(array, (-1, 1))):
        raise InputError("side must be +1 (long) or -1 (short) everywhere.")
    return np.ascontiguousarray(array, dtype=np.int8)
