"""The newest training rows, kept for early stopping."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


def tail_split(rows: Rows, t0: Rows, t1: Rows, share: float) -> tuple[Rows, Rows]:
    """The newest `share` of `rows` for early stopping, and the earlier rows whose labels end before it begins.

    Parameters
    ----------
    rows : int64 (m,)
        Ascending row ids of a training part.
    t0, t1 : int64 (n,)
        Label intervals of all rows, closed; in any order of time.
    share : float
        Of the rows; at least one is kept for stopping.

    Returns
    -------
    fit, stop : int64 arrays
        Ascending row ids. Rows whose labels reach into `stop` are in neither; both are empty without rows.
    """
    if not len(rows):
        return rows, rows
    newest_last = rows[np.argsort(t0[rows], kind="stable")]
    cut = len(rows) - max(1, int(len(rows) * share))
    before, stop = newest_last[:cut], newest_last[cut:]
    return np.sort(before[t1[before] < t0[stop[0]]]), np.sort(stop)
