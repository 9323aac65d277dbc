"""How far neighbouring decisions share their outcome."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def longest_overlap(t0: NDArray[np.int64], t1: NDArray[np.int64]) -> int:
    """h = 1 + the most decisions that fall inside one label: how far neighbouring rows share their outcome."""
    order = np.argsort(t0, kind="stable")
    starts, ends = t0[order], t1[order]
    inside = np.searchsorted(starts, ends, side="left") - np.arange(len(starts)) - 1
    return int(1 + max(0, inside.max(initial=0)))
