"""Trading metrics from the outcomes of the trades taken."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain import _load
from smctrain.exceptions import InputError
from smctrain.metrics._common import floats, number
from smctrain.metrics.classification import integers


def trading_metrics(
    take: ArrayLike,
    r_net: ArrayLike,
    t0: ArrayLike,
    t1: ArrayLike,
    rule: ArrayLike | None = None,
    *,
    r_gross: ArrayLike | None = None,
    bars_held: ArrayLike | None = None,
    reward_risk: float | None = None,
    one_at_a_time: bool = True,
) -> dict[str, Any]:
    """Metrics of the trades that a signal takes, from the label record of their real outcomes.

    Parameters
    ----------
    take : bool array (n,)
        Rows whose trade is wanted, for example p(side) >= threshold.
    r_net : float64 array (n,)
        Outcome after costs in units of the stop (`Labels.r`); NaN where there is none.
    t0, t1 : int64 arrays (n,)
        Decision row and exit row of each trade, bar numbers (or times, with `bars_held`).
    rule : array of str (n,), optional
        What ended each trade (`Labels.rule`); "timeout" is counted.
    r_gross : float64 array (n,), optional
        Outcome before costs; gives mean_cost_r and costs in break_even.
    bars_held : integer array (n,), optional
        Bars each trade lasted. Default: t1 - t0.
    reward_risk : float, optional
        Planned distance of the target in units of the stop; gives break_even.
    one_at_a_time : bool
        Skip a trade while another is open (its t0 < t1 of the open one).

    Returns
    -------
    dict
        candidates, trades, skipped, unfilled (wanted rows without an outcome), win_rate (share r > 0),
        break_even ((1 + mean cost) / (1 + reward_risk)), break_even_realised (mean loss / (mean gain + mean
        loss)), profit_factor (NaN without losses), expectancy_r, total_r, max_drawdown_r (of the sum ordered
        by t1), mean_bars_held, sharpe_per_trade, mean_cost_r, total_cost_r, exposure (share of the time from the
        first decision to the last exit with a trade open), turnover (entries and exits per row), timeouts. NaN where a
        quantity does not exist.

    Raises
    ------
    InputError
        Lengths differ, an outcome is infinite, or t1 lies before t0.

    Examples
    --------
    Four wanted trades, of which the second begins while the first is open:

    >>> take = np.array([True, True, False, True, True])
    >>> found = st.metrics.trading_metrics(take, [2.0, -1.0, 2.0, -1.0, 2.0], [0, 1, 2, 3, 6], [3, 2, 4, 5, 9])
    >>> found["trades"], found["skipped"], found["expectancy_r"], found["profit_factor"], found["max_drawdown_r"]
    (3, 1, 1.0, 4.0, 1.0)
    """
    wanted = np.asarray(take)
    if wanted.dtype != np.bool_ or wanted.ndim != 1:
        raise InputError(
            f"take must be a one-dimensional bool array, but has shape {wanted.shape} and dtype {wanted.dtype}: "
            "such as proba >= 0.5."
        )
    if reward_risk is not None:
        reward_risk = number(reward_risk, "reward_risk")
    if reward_risk is not None and not (math.isfinite(reward_risk) and reward_risk > 0):
        raise InputError(f"reward_risk must be a positive number, but is {reward_risk!r}.")
    ended: NDArray[np.uint8] | None = None
    if rule is not None:
        words = np.asarray(rule)
        if words.dtype.kind not in "UOT":
            raise InputError(f"rule must hold words such as 'timeout', but has dtype {words.dtype}.")
        ended = np.ascontiguousarray(words == "timeout").view(np.uint8)
    result: dict[str, Any] = _load.core().trading_metrics(
        np.ascontiguousarray(wanted).view(np.uint8),
        floats(r_net, "r_net"),
        integers(t0, "t0"),
        integers(t1, "t1"),
        None if r_gross is None else floats(r_gross, "r_gross"),
        None if bars_held is None else integers(bars_held, "bars_held"),
        ended,
        math.nan if reward_risk is None else float(reward_risk),
        bool(one_at_a_time),
    )
    return result
