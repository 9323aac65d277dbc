"""Weights that follow from overlapping labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain._load import core
from smctrain.bars.order import as_bars
from smctrain.bars.types import Bars
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


def return_weights(b: Bars, t0: ArrayLike, t1: ArrayLike) -> NDArray[np.float64]:
    """Weights by the part of the price move that is a label's own: abs(sum of r_b / c_b), with mean 1.

    r_b is ln(C[b] / C[b-1]) and c_b the number of labels that cover bar b. Compute them on training rows only.

    Parameters
    ----------
    b : Bars
        Bars the labels were made from.
    t0, t1 : int (m,)
        Decision row and last row used, as in `label_uniqueness`.

    Returns
    -------
    float64 (m,)
        Mean 1; all 1 where no covered price moved.

    Raises
    ------
    InputError
        For rows outside the bars, or a covered close that is not a number above 0.

    Notes
    -----
    Source: Lopez de Prado, "Advances in Financial Machine Learning" (2018), section 4.6.
    """
    first, last = _rows(t0, "t0"), _rows(t1, "t1")
    result: NDArray[np.float64] = core().return_weights(as_bars(b).native(), first, last)
    return result


def decay_weights(t0: ArrayLike, t1: ArrayLike, oldest: float = 0.5) -> NDArray[np.float64]:
    """Weights that grow from `oldest` at the oldest label to 1 at the newest, linearly in cumulative uniqueness.

    Time is counted in uniqueness, not in rows: a crowd of overlapping labels ages like the few independent ones it
    is worth. Labels of one row weigh the same.

    Parameters
    ----------
    t0, t1 : int (m,)
        Decision row and last row used, as in `label_uniqueness`; in any order.
    oldest : float
        Weight of the oldest label, 0 to 1.

    Returns
    -------
    float64 (m,)

    Examples
    --------
    >>> decay_weights([0, 1, 2], [1, 2, 3], oldest=0.5)
    array([0.5 , 0.75, 1.  ])
    """
    if not 0 <= oldest <= 1:
        raise InputError(f"oldest must be between 0 and 1, but is {oldest}.")
    first, last = _rows(t0, "t0"), _rows(t1, "t1")
    unique: NDArray[np.float64] = core().label_uniqueness(first, last)
    if len(first) == 0:
        return unique
    _, group = np.unique(first, return_inverse=True)
    age = np.cumsum(np.bincount(group, weights=unique))
    if len(age) == 1:
        return np.ones(len(first))
    share = (age - age[0]) / (age[-1] - age[0])
    result: NDArray[np.float64] = (oldest + (1 - oldest) * share)[group]
    return result


def sequential_bootstrap(t0: ArrayLike, t1: ArrayLike, size: int | None = None, seed: int = 0) -> NDArray[np.int64]:
    """Draws labels with replacement so that those which overlap little with the draws so far are preferred.

    A label's probability is proportional to its mean of 1 / (1 + draws covering a bar) over its bars. Draws of an
    ordinary bootstrap repeat the same bars more often.

    Parameters
    ----------
    t0, t1 : int (m,)
        Decision row and last row used, as in `label_uniqueness`.
    size : int, optional
        Number of draws; m by default.
    seed : int
        The same seed gives the same draws on every machine.

    Returns
    -------
    int64 (size,)
        Positions in t0 and t1.

    Notes
    -----
    A Fenwick tree over the probabilities; a draw costs O(bars + overlapping labels * log m). Random numbers are
    those of `numpy.random.Philox`. Source: Lopez de Prado, "Advances in Financial Machine Learning" (2018), section
    4.5, without its dense table.
    """
    first, last = _rows(t0, "t0"), _rows(t1, "t1")
    if size is None:
        size = len(first)
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 0:
        raise InputError(f"size must be an integer of at least 0, but is {size!r}.")
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**64:
        raise InputError(f"seed must be an integer from 0 to 2^64 - 1, but is {seed!r}.")
    result: NDArray[np.int64] = core().sequential_bootstrap(first, last, int(size), int(seed))
    return result


def _rows(values: ArrayLike, name: str) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.size == 0:
        array = array.astype(np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise InputError(f"{name} must be an array of row indices (m,), but is {array.dtype} {array.shape}.")
    return np.ascontiguousarray(array, dtype=np.int64)
