"""Names of derived columns, for `FeatureSpec(columns=...)` and `FeatureSpec(extra=...)`.

>>> lags("ret_1", (1, 2))
('ret_1_lag_1', 'ret_1_lag_2')
>>> rolling(("ret_1", "natr_14"), ("sd", "rank"), 50)
('ret_1_sd_50', 'ret_1_rank_50', 'natr_14_sd_50', 'natr_14_rank_50')

The functions only write names; `FeatureSpec` documents what they mean, and its core reads and checks them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np

from smctrain.exceptions import InputError

Names = str | Iterable[str]
Numbers = int | Iterable[int]


def lags(columns: Names, ks: Numbers) -> tuple[str, ...]:
    """Names of earlier values.

    Parameters
    ----------
    columns : str or iterable of str
    ks : int or iterable of int
        Bars ago, 1 to 100000.

    Returns
    -------
    tuple of str
        Column by column, e.g. ("ret_1_lag_1", "ret_1_lag_2").

    Raises
    ------
    InputError
        If an argument is of another type.
    """
    bars = _integers("ks", ks)
    return tuple(f"{column}_lag_{k}" for column in _texts("columns", columns) for k in bars)


def rolling(columns: Names, statistics: Names, windows: Numbers) -> tuple[str, ...]:
    """Names of statistics of the last bars, the newest included.

    Parameters
    ----------
    columns : str or iterable of str
    statistics : str or iterable of str
        Of mean, sd, min, max, med, q10, q90, skew, rank, slope, z, ratio, acf<l> (such as acf1).
    windows : int or iterable of int
        Bars, 2 to 100000.

    Returns
    -------
    tuple of str
        Column by column, then statistic by statistic.

    Raises
    ------
    InputError
        If an argument is of another type.
    """
    words, bars = _texts("statistics", statistics), _integers("windows", windows)
    return tuple(f"{c}_{word}_{w}" for c in _texts("columns", columns) for word in words for w in bars)


def interactions(columns: Iterable[str]) -> tuple[str, ...]:
    """Names of the products of every two of `columns`.

    Parameters
    ----------
    columns : iterable of str
        At least two different columns.

    Returns
    -------
    tuple of str
        n (n - 1) / 2 names, in alphabetical order.

    Raises
    ------
    InputError
        If there are fewer than two.
    """
    names = sorted(set(_texts("columns", columns)))
    if isinstance(columns, str) or len(names) < 2:
        raise InputError(f"columns must name at least two different columns, but is {columns!r}.")
    return tuple(f"{a}__x__{b}" for a, b in combinations(names, 2))


def squares(columns: Names) -> tuple[str, ...]:
    """Names of the squares of `columns`.

    Parameters
    ----------
    columns : str or iterable of str

    Returns
    -------
    tuple of str

    Raises
    ------
    InputError
        If `columns` holds anything but texts.
    """
    return tuple(f"{column}_sq" for column in _texts("columns", columns))


def fractional(columns: Names, orders: float | Iterable[float]) -> tuple[str, ...]:
    """Names of fractional differences: `fractional("log_close", 0.4)` is ("log_close_fd_40",).

    Parameters
    ----------
    columns : str or iterable of str
    orders : float or iterable of float
        d, from 0.01 to 1 in hundredths. Choose it on training bars only: the smallest that makes the column
        stationary keeps the most memory.

    Returns
    -------
    tuple of str

    Raises
    ------
    InputError
        If an order is no hundredth between 0.01 and 1.
    """
    hundredths = []
    for order in [orders] if isinstance(orders, int | float | np.number) else orders:
        is_number = isinstance(order, int | float | np.number) and not isinstance(order, bool)
        steps = round(float(order) * 100) if is_number and 0 < order <= 1 else 0
        if steps < 1 or abs(float(order) * 100 - steps) > 1e-9:
            raise InputError(f"orders must be hundredths from 0.01 to 1, such as 0.4, but holds {order!r}.")
        hundredths.append(steps)
    return tuple(f"{column}_fd_{h}" for column in _texts("columns", columns) for h in hundredths)


def _texts(parameter: str, values: Names) -> list[str]:
    names = [values] if isinstance(values, str) else list(values)
    wrong = [name for name in names if not isinstance(name, str) or not name]
    if wrong or not names:
        raise InputError(f"{parameter} must be a name or a sequence of names, but {_found(wrong)}.")
    return names


def _integers(parameter: str, values: Numbers) -> list[int]:
    numbers = [values] if isinstance(values, int | np.integer) else list(values)
    wrong = [n for n in numbers if isinstance(n, bool | np.bool_) or not isinstance(n, int | np.integer) or n < 1]
    if wrong or not numbers:
        raise InputError(f"{parameter} must be an integer of at least 1, or several, but {_found(wrong)}.")
    return [int(number) for number in numbers]


def _found(wrong: Sequence[object]) -> str:
    return f"holds {wrong[0]!r}" if wrong else "is empty"
