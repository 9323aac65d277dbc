"""The newest training rows, kept for early stopping."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


def tail_split(rows: Rows, t0: Rows, t1: Rows, share: float) -> tuple[Rows, Rows]:
    """The newest `share` of `rows` for early stopping, and the earlier rows whose labels end before it begins."""
    cut = len(rows) - max(1, int(len(rows) * share))
    stop = rows[cut:]
    before = rows[:cut]
    return before[t1[before] < t0[stop[0]]], stop
