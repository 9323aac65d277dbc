"""Meta-labels: is a primary model's side worth taking?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from smctrain.bars.types import Bars
from smctrain.exceptions import InputError
from smctrain.labels.arguments import row_indices
from smctrain.labels.barrier import triple_barrier
from smctrain.labels.decisions import DecisionRows, Events
from smctrain.labels.types import Labels


def meta_labels(
    b: Bars, side: ArrayLike, *, rows: ArrayLike | DecisionRows | Events | None = None, **barrier: Any
) -> Labels:
    """1 where the trade that a primary model wants earns after costs, 0 where it does not.

    Parameters
    ----------
    b : Bars
        Bars of one symbol and timeframe.
    side : (m,)
        The primary model's side per decision row: +1, -1, or 0 (or NaN) for no trade. They must be out-of-fold
        predictions: sides of a model that saw the row make a second model trust the first too much.
    rows : int (m,), DecisionRows or Events, optional
        Decision rows; all rows by default.
    **barrier
        Settings of `triple_barrier`: horizon, target, stop, unit, entry, costs and so on.

    Returns
    -------
    Labels
        One entry per row with a side, with `y` = 1 if `r` > 0 else 0; NaN where the trade has no outcome (see
        `status`). All else as in `triple_barrier`.
    """
    which = row_indices(rows, len(b))
    wanted = np.asarray(side)
    if wanted.shape != which.shape or wanted.dtype.kind not in "iuf":
        raise InputError(
            f"side must be one number a decision row ({len(which)}), but is {wanted.dtype} {wanted.shape}."
        )
    wanted = np.nan_to_num(wanted.astype(np.float64), nan=0.0)
    if not np.isin(wanted, (-1.0, 0.0, 1.0)).all():
        raise InputError("side must be +1 (long), -1 (short) or 0 (no trade) everywhere.")
    taken = wanted != 0
    chosen = rows[taken] if isinstance(rows, DecisionRows) else which[taken]
    trades = triple_barrier(b, side=wanted[taken].astype(np.int8), rows=chosen, **barrier)
    return replace(trades, name="meta", y=np.where(trades.ok, (trades.r > 0).astype(np.float64), np.nan))
