"""Stretches of rows that windows do not cross, from what a user passes as `segment=`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.exceptions import InputError


def segments_of(segment: Any, n: int) -> NDArray[np.int32] | None:
    """Stretches of rows, renumbered along time; None where there is one."""
    if segment is None:
        return None
    array = np.asarray(segment)
    if array.shape != (n,) or array.dtype.kind not in "iu":
        raise InputError(
            f"segment must hold one integer for each of the {n} rows, but has shape {array.shape} and "
            f"dtype {array.dtype}."
        )
    changes = np.flatnonzero(array[1:] != array[:-1]) + 1
    stretch = np.zeros(
        n, dtype=np.int32
    )  # renumbered, so that any integers will do and a returning id is a new stretch
    stretch[changes] = 1
    return np.cumsum(stretch, dtype=np.int32)


def coming_back(segment: Any, segments: NDArray[np.int32] | None) -> list[str]:
    """A sentence where ids come back, as where rows of several symbols are mixed: each time is a stretch anew."""
    if segments is None or not len(segments):
        return []
    stretches, ids = int(segments[-1]) + 1, len(np.unique(np.asarray(segment)))
    if stretches == ids:
        return []
    return [
        f"The {ids} ids of segment come back: their rows lie in {stretches} stretches, and no window crosses from one "
        "to the next. Rows of one id must lie together, in time order."
    ]


def behind(segments: NDArray[np.int32] | None, n: int, extra: int) -> NDArray[np.int32]:
    """Ids of n rows and of `extra` more behind them, a stretch of their own."""
    first = np.zeros(n, dtype=np.int32) if segments is None else segments
    return np.concatenate([first, np.full(extra, first.max(initial=0) + 1, dtype=np.int32)])
