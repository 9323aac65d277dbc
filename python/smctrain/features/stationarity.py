"""`choose_d`: how far a column must be differenced to be stationary."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain._load import core
from smctrain.exceptions import InputError, TooFewRows

_LEAST_ROWS = 50
# Critical values of the test with a constant: b0 + b1/T + b2/T^2 + b3/T^3.
_CRITICAL = {
    0.01: (-3.43035, -6.5393, -16.786, -79.433),
    0.05: (-2.86154, -2.8903, -4.234, -40.040),
    0.10: (-2.56677, -1.5384, -2.809, 0.0),
}


def choose_d(values: ArrayLike, orders: Iterable[float] | None = None, level: float = 0.05) -> float:
    """The smallest order of fractional differencing at which a series shows no unit root.

    The augmented Dickey-Fuller test (constant, one lag of the changes) of the column `<c>_fd_<100 d>`, for one order
    after the other. A rule of thumb that keeps as much memory as the test allows, not a promise of stationarity.

    Parameters
    ----------
    values : array_like of float (n,)
        The column to difference (`log_close`) on **training bars of one segment only**, no missing values: a choice
        that saw test bars has learned from them.
    orders : iterable of float, optional
        Ascending hundredths from 0.01 to 1. Default: 0.05, 0.10, ... 1.
    level : {0.01, 0.05, 0.1}
        Of the test.

    Returns
    -------
    float
        One of `orders`, for `fractional(column, d)`.

    Raises
    ------
    InputError
        If `values` are not finite or none of `orders` passes.
    TooFewRows
        If fewer than 50 values are left behind the window of an order.

    References
    ----------
    Lopez de Prado (2018), "Advances in Financial Machine Learning", section 5.6; critical values: MacKinnon (2010),
    "Critical values for cointegration tests".
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or not np.isfinite(x).all():
        raise InputError("values must be a series of finite numbers without gaps: give one segment behind its warm-up.")
    if level not in _CRITICAL:
        raise InputError(f"level must be 0.01, 0.05 or 0.1, but is {level!r}.")
    tried = [k / 20 for k in range(1, 21)] if orders is None else [float(order) for order in orders]
    hundredths = all(abs(100.0 * order - round(100.0 * order)) <= 1e-9 for order in tried if np.isfinite(order))
    if not tried or sorted(set(tried)) != tried or not 0.01 <= tried[0] <= tried[-1] <= 1.0 or not hundredths:
        raise InputError(f"orders must ascend in hundredths from 0.01 at least to 1 at most, but are {tried}.")
    for order in tried:
        weights: NDArray[np.float64] = core().fractional_weights(order)
        if len(x) - len(weights) + 1 < _LEAST_ROWS:
            raise TooFewRows(
                f"values has {len(x)} rows, but order {order:g} needs a window of {len(weights)} and {_LEAST_ROWS} "
                "more: give more history."
            )
        y = np.convolve(x, weights, mode="valid")
        t, rows = _dickey_fuller(y)
        if t < sum(b / rows**k for k, b in enumerate(_CRITICAL[level])):
            return order
    raise InputError(f"values show a unit root at all orders up to {tried[-1]:g}: they are no series to difference.")


def _dickey_fuller(y: NDArray[np.float64]) -> tuple[float, int]:
    """t of the level in: change ~ level before + change before + constant; and the rows used."""
    change = np.diff(y)
    level, before, target = y[1:-1], change[:-1], change[1:]
    design: NDArray[Any] = np.column_stack([level - level.mean(), before - before.mean()])
    target = target - target.mean()
    rows = len(target)
    if np.ptp(level) <= 1e-12 * np.max(np.abs(y)):  # a flat series has nothing that could return
        return 0.0, rows
    found, _, rank, _ = np.linalg.lstsq(design, target, rcond=None)
    if rank < design.shape[1]:
        return 0.0, rows
    residual = target - design @ found
    variance = float(residual @ residual) / (rows - 3)
    inverse = np.linalg.inv(design.T @ design)
    error = float(np.sqrt(variance * inverse[0, 0]))
    return (float(found[0]) / error if error > 0.0 else -np.inf), rows
