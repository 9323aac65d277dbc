"""Events of cumulated returns."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from smctrain._load import core
from smctrain.bars.order import as_bars
from smctrain.bars.types import Bars
from smctrain.exceptions import InputError
from smctrain.labels.decisions import Events


def cusum_events(b: Bars, threshold: float | ArrayLike) -> Events:
    """Rows where the closes have moved by more than `threshold` one way since the last event of that side.

    Parameters
    ----------
    b : Bars
        Bars of one symbol and timeframe.
    threshold : float or float (n,)
        In logarithmic returns (0.01 is about 1 %): one value, or one per bar known at that bar's close, such as
        twice a volatility. NaN: no event on that bar.

    Returns
    -------
    Events
        Known at the close of their rows: more bars never change an earlier event. Sums restart in every segment.

    Raises
    ------
    InputError
        For a threshold that is not above 0.

    Notes
    -----
    P = max(0, P + x) and N = min(0, N + x) with x = ln(C[t] / C[t-1]); P > threshold is an event +1 and sets P to 0,
    else N < -threshold is an event -1 and sets N to 0. Source: Lopez de Prado, "Advances in Financial Machine
    Learning" (2018), section 2.5.2.
    """
    levels = np.ascontiguousarray(threshold, dtype=np.float64)
    if np.ndim(threshold) == 0:
        levels = levels.reshape(1)
        if not np.isfinite(levels[0]):
            raise InputError(f"threshold must be a number above 0, but is {levels[0]}.")
    elif levels.shape != (len(b),):
        raise InputError(f"threshold must be one value or one value a bar ({len(b)}), but has shape {levels.shape}.")
    rows, side = core().cusum_events(as_bars(b).native(), levels)
    return Events(rows, side)
