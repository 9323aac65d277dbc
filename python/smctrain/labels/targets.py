"""Targets: returns over a horizon, and what the path of prices did on the way."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain._load import core
from smctrain.bars.order import in_order
from smctrain.bars.types import Bars
from smctrain.exceptions import InputError
from smctrain.labels.arguments import choice, row_indices
from smctrain.labels.decisions import DecisionRows, Events
from smctrain.labels.horizon import Horizon, TargetName, Windows, parse_horizon, parse_target, windows
from smctrain.labels.types import STATUSES, Labels

_BASES = ("close", "next_open")
_PATHS = (
    "peak", "valley", "first_touch", "mfe", "mae", "mdd", "mfe_reached", "mdd_reached", "swing_high", "swing_low",
)  # fmt: skip
_NEUTRAL = STATUSES.index("neutral")


def forward_return(
    b: Bars,
    horizon: int | str | Horizon,
    *,
    base: str = "close",
    band: float | None = None,
    day_zone: str | None = None,
    rows: ArrayLike | DecisionRows | Events | None = None,
) -> Labels:
    """Return from each decision to the end of its horizon: C[end] / base - 1.

    Parameters
    ----------
    b : Bars
        Bars of one symbol and timeframe.
    horizon : int or str
        12 or "12b": the 12th later bar. "60m", "4h": the last bar that closes within that time; it must close
        in the last bar's length of it, otherwise a hole sits there and the label is "missing". "1d": the last
        bar of the next session (on daily bars: the next bar).
    base : {"close", "next_open"}
        Price the return starts from: the decision bar's close, or the open of the bar after it.
    band : float, optional
        Makes a class of the return: 1 above the band, 0 below minus the band, "neutral" (NaN) between. 0 leaves
        nothing neutral. `fit_band` finds one on training rows.
    day_zone : str, optional
        Zone whose midnight divides the sessions: "UTC", an IANA name, or "America/New_York+7h" for currencies,
        whose day ends at New York 17:00 (with "UTC" the two hours before Monday are a session there). By default
        the calendar of the bars, where they have one, else "UTC".
    rows : int (m,), DecisionRows or Events, optional
        Decision rows; all rows by default.

    Returns
    -------
    Labels
        `y` is the return (a fraction) or class, `fill` the base price, `exit` the last close, `t1` the row of it.
        Rows whose window does not end inside their segment are "open": the last `horizon` rows have no label.
        A window with a price that is not a number above 0 is "missing". A quarantined bar at the decision or in the
        window, or in what would be the window if its segment did not break, makes the row "quarantine".

    Raises
    ------
    InputError
        For a horizon with an unknown unit or shorter than a bar, and bars out of order of time.
    """
    span = parse_horizon(horizon)
    result = _returns(b, span, f"fwd_ret_{span}", base, day_zone, rows, None)
    return result if band is None else _above(result, band)


def excess_return(
    b: Bars,
    horizon: int | str | Horizon,
    benchmark: Bars,
    *,
    base: str = "close",
    day_zone: str | None = None,
    rows: ArrayLike | DecisionRows | Events | None = None,
) -> Labels:
    """`forward_return` less the benchmark's return between the same two stamps.

    Parameters
    ----------
    b, horizon, base, day_zone, rows
        As in `forward_return`.
    benchmark : Bars
        Bars of the same timeframe, matched by opening time. A row is "missing" when the benchmark lacks one of
        the two stamps or changes its segment between them.

    Returns
    -------
    Labels
        `y` is the difference of the two returns, a fraction.
    """
    span = parse_horizon(horizon)
    return _returns(b, span, f"excess_{span}", base, day_zone, rows, benchmark)


def outperform(
    b: Bars,
    horizon: int | str | Horizon,
    benchmark: Bars,
    *,
    band: float = 0.0,
    base: str = "close",
    day_zone: str | None = None,
    rows: ArrayLike | DecisionRows | Events | None = None,
) -> Labels:
    """Whether the bars beat the benchmark: 1 if the excess return is above `band`, else 0.

    With a band above 0 an excess within +-band is "neutral" (NaN). A missing excess is never a class. Other
    parameters as in `excess_return`; `fit_band` finds a band on training rows.
    """
    span = parse_horizon(horizon)
    excess = _returns(b, span, f"outperf_{span}", base, day_zone, rows, benchmark)
    return _above(excess, band)


def fit_band(labels: Labels, quantile: float, *, rows: ArrayLike | DecisionRows | Events | None = None) -> float:
    """The quantile of abs(y): a neutral band for `forward_return` or `outperform`.

    Parameters
    ----------
    labels : Labels
        Returns or excess returns.
    quantile : float
        Between 0 and 1: the share of the training rows that becomes neutral.
    rows : int (k,), optional
        Training entries of `labels`. Fit on training rows only, keep the number with the model, and use it on
        all other rows.

    Raises
    ------
    InputError
        When no row has a label.
    """
    if not 0 <= quantile <= 1:
        raise InputError(f"quantile must be between 0 and 1, but is {quantile}.")
    which = row_indices(rows, len(labels))
    if len(which) and not 0 <= which.min() <= which.max() < len(labels):
        raise InputError(f"rows must lie in 0..{len(labels) - 1}, but reach from {which.min()} to {which.max()}.")
    y = labels.y[which]
    y = np.abs(y[np.isfinite(y)])
    if len(y) == 0:
        raise InputError("labels must have at least one label on the rows, but have none.")
    return float(np.quantile(y, quantile))


def path_target(
    b: Bars,
    kind: str,
    horizon: int | str | Horizon,
    size: float | None = None,
    *,
    base: str = "close",
    day_zone: str | None = None,
    rows: ArrayLike | DecisionRows | Events | None = None,
) -> Labels:
    """What the highs and lows did between a decision and the end of its horizon.

    Parameters
    ----------
    b, horizon, base, day_zone, rows
        As in `forward_return`. The window starts at the bar after the decision.
    kind : str
        u is the standard deviation of the last 20 simple returns, known at the decision.

        - "peak", "valley": 1 if a high reaches base (1 + size u), a low base (1 - size u); else 0.
        - "first_touch": +1 or -1 by which of these two is touched first; 0 for none, or both in one bar.
        - "mfe", "mae": best and worst excursion, max H / base - 1 and 1 - min L / base.
        - "mdd": deepest fall on the way from the base or a later high to a low, as a fraction of that high.
        - "mfe_reached", "mdd_reached": 1 if mfe or mdd is at least `size`.
        - "swing_high": 1 if after a high above the base a low lies the fraction `size` below it; "swing_low" is
          the mirror image.
    size : float, optional
        Volatilities for the first three kinds, a fraction of the price for the last four, none for the others.

    Returns
    -------
    Labels
        `t1` is the end of the window, or the bar of the first touch. "missing": no 20 returns yet or a price that
        is not a number; "bad_risk": u is 0, so both barriers would sit on the price itself.
    """
    choice("kind", kind, _PATHS)
    needs = kind not in ("mfe", "mae", "mdd")
    if needs != (size is not None):
        raise InputError(f"size must be {'a number above 0' if needs else 'left out'} for {kind!r}, but is {size!r}.")
    span = parse_horizon(horizon)
    if size is not None and not (math.isfinite(size) and size > 0):
        raise InputError(f"size must be a number above 0, but is {size}.")
    name = f"{kind}_{span}" if size is None else f"y_{kind.removesuffix('_reached')}_{span}_{size:g}"
    code = choice("base", base, _BASES)
    view, which = windows(b, span, day_zone), row_indices(rows, len(b))
    out = core().path_target(
        b.native(), which, view.end, view.status, bool(code), _PATHS.index(kind), 0.0 if size is None else float(size)
    )
    return _labels(name, which, view, out)


def make_target(
    b: Bars,
    name: str,
    *,
    benchmark: Bars | None = None,
    band: float | None = None,
    base: str = "close",
    day_zone: str | None = None,
    rows: ArrayLike | DecisionRows | Events | None = None,
) -> Labels:
    """The target that `name` describes; every horizon and size has its own name.

    Parameters
    ----------
    b : Bars
        Bars of one symbol and timeframe.
    name : str
        `fwd_ret_<h>`, `excess_<h>`, `outperf_<h>` (these two need `benchmark`), `mfe_<h>`, `mae_<h>`, `mdd_<h>`,
        `y_peak_<h>_<k>`, `y_valley_<h>_<k>`, `y_first_touch_<h>_<k>`, `y_mfe_<h>_<x>`, `y_mdd_<h>_<x>`,
        `y_swing_high_<h>_<x>`, `y_swing_low_<h>_<x>`; `y_will_peak_...` is the same as `y_peak_...`. <h> is a whole
        number and b, m, h or d (bars, minutes, hours, sessions), <k> volatilities, <x> a fraction of the price.
    benchmark, band, base, day_zone, rows
        As in `forward_return`, `excess_return` and `outperform`.

    Returns
    -------
    Labels
        With `name` as given.

    Raises
    ------
    InputError
        For a name outside the grammar, with the grammar.

    Examples
    --------
    >>> make_target(bars, "y_will_peak_60m_0.8").y           # doctest: +SKIP
    """
    target = parse_target(name)
    return replace(_by_name(b, target, benchmark, band, base, day_zone, rows), name=name)


def _by_name(
    b: Bars,
    target: TargetName,
    benchmark: Bars | None,
    band: float | None,
    base: str,
    day_zone: str | None,
    rows: ArrayLike | DecisionRows | Events | None,
) -> Labels:
    relative = target.kind in ("excess", "outperf")
    if band is not None and target.kind not in ("fwd_ret", "outperf"):
        raise InputError(f"band= belongs to fwd_ret and outperf, but the target is {target.kind}.")
    if relative != (benchmark is not None):
        needs = "needs benchmark=: bars of the index" if relative else "takes no benchmark="
        raise InputError(f"A target of kind {target.kind} {needs}.")
    if target.kind == "fwd_ret":
        return forward_return(b, target.horizon, base=base, band=band, day_zone=day_zone, rows=rows)
    if benchmark is None:
        return path_target(b, target.kind, target.horizon, target.size, base=base, day_zone=day_zone, rows=rows)
    if target.kind == "excess":
        return excess_return(b, target.horizon, benchmark, base=base, day_zone=day_zone, rows=rows)
    return outperform(
        b, target.horizon, benchmark, band=0.0 if band is None else band, base=base, day_zone=day_zone, rows=rows
    )


def _returns(
    b: Bars,
    span: Horizon,
    name: str,
    base: str,
    day_zone: str | None,
    rows: ArrayLike | DecisionRows | Events | None,
    benchmark: Bars | None,
) -> Labels:
    code = choice("base", base, _BASES)
    if benchmark is not None and benchmark.timeframe != b.timeframe:
        raise InputError(
            f"benchmark must have the timeframe of the bars, {b.timeframe}, but {benchmark.symbol} has "
            f"{benchmark.timeframe}."
        )
    view, which = windows(b, span, day_zone), row_indices(rows, len(b))
    other = None if benchmark is None else in_order(benchmark).native()
    return _labels(
        name, which, view, core().forward_return(b.native(), which, view.end, view.status, bool(code), other)
    )


def _above(returns: Labels, band: float) -> Labels:
    """Class 1{y > band}; neutral within a band above 0."""
    if isinstance(band, bool) or not (math.isfinite(band) and band >= 0):
        raise InputError(f"band must be a number of at least 0, but is {band!r}.")
    status = returns.status_code.copy()
    if band > 0:
        status[returns.ok & (np.abs(returns.y) <= band)] = _NEUTRAL
    y = np.where(status == 0, (returns.y > band).astype(np.float64), np.nan)
    return replace(returns, y=y, status_code=status)


def _labels(name: str, rows: NDArray[np.int64], view: Windows, out: dict[str, Any]) -> Labels:
    return plain_labels(
        name,
        rows,
        y=out["y"],
        t1=out["t1"],
        status_code=out["status_code"],
        window=view.longest,
        fill=out["base"],
        exit=out["exit"],
    )


def plain_labels(
    name: str,
    rows: NDArray[np.int64],
    *,
    y: NDArray[np.float64],
    t1: NDArray[np.int64],
    status_code: NDArray[np.uint8],
    window: int,
    fill: NDArray[np.float64],
    exit: NDArray[np.float64],
    weight: NDArray[np.float64] | None = None,
    bars_held: NDArray[np.int64] | None = None,
) -> Labels:
    """`Labels` of something that is no trade: no stop, no costs, no outcome in R."""
    m = len(rows)
    has = t1 >= 0
    nothing = np.full(m, np.nan)
    nothing.flags.writeable = False  # one array stands in eight places
    return Labels(
        y=y,
        t0=rows,
        t1=t1,
        e=np.where(has, rows + 1, -1),
        side=np.ones(m, dtype=np.int8),
        fill=fill,
        stop=nothing,
        target=nothing,
        exit=exit,
        risk=nothing,
        risk_atr=nothing,
        r=nothing,
        r_gross=nothing,
        mfe_r=nothing,
        mae_r=nothing,
        bars_held=np.where(has, t1 - rows, -1) if bars_held is None else bars_held,
        rule_code=np.zeros(m, dtype=np.uint8),
        status_code=status_code,
        costs="none",
        horizon=window,
        window=window,
        name=name,
        weight=weight,
    )
