"""Weights that follow from overlapping labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain._load import core
from smctrain.exceptions import InputError


def label_uniqueness(t0: ArrayLike, t1: ArrayLike) -> NDArray[np.float64]:
    """How much of each label no other label shares: the mean of 1 / (labels covering a bar) over its bars.

    Parameters
    ----------
    t0, t1 : int (m,)
        Decision row and last row used. A label covers rows t0+1..t1, so t1 must be later than t0.

    Returns
    -------
    float64 (m,)
        Values in (0, 1]; 1 means that the label shares no bar.

    Notes
    -----
    Source: Lopez de Prado, "Advances in Financial Machine Learning" (2018), chapter 4.

    Examples
    --------
    >>> label_uniqueness([-1, 1, 3], [2, 3, 5]).round(6)
    array([0.833333, 0.75    , 1.      ])
    """
    first, last = _rows(t0, "t0"), _rows(t1, "t1")
    result: NDArray[np.float64] = core().label_uniqueness(first, last)
    return result


def _rows(values: ArrayLike, name: str) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.size == 0:
        array = array.astype(np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise InputError(f"{name} must be an array of row indices (m,), but is {array.dtype} {array.shape}.")
    return np.ascontiguousarray(array, dtype=np.int64)
