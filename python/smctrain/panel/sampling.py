"""Rows of a panel: reading a choice of them, and sampling by keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain._load import core
from smctrain.exceptions import InputError

if TYPE_CHECKING:
    from smctrain.panel.types import Panel


def read_rows(rows: ArrayLike, n: int) -> NDArray[np.int64]:
    """Ascending row indices of row indices or a mask."""
    array = np.asarray(rows)
    if array.dtype == np.bool_:
        if array.shape != (n,):
            raise InputError(f"rows must be one bool a row ({n}), but are {array.shape}.")
        return np.flatnonzero(array)
    if array.size == 0:
        return np.empty(0, dtype=np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise InputError(f"rows must be row indices or a mask, but are {array.dtype} {array.shape}.")
    which = np.ascontiguousarray(array, dtype=np.int64)
    if which[0] < 0 or which[-1] >= n or np.any(which[1:] <= which[:-1]):
        raise InputError(f"rows must ascend from 0 to at most {n - 1}, each once.")
    return which


def rows_by_symbol(symbol: NDArray[np.int32], count: int) -> list[NDArray[np.int64]]:
    """Rows of every symbol, ascending."""
    order = np.argsort(symbol, kind="stable")
    return np.split(order, np.cumsum(np.bincount(symbol, minlength=count))[:-1])


def sample(
    panel: Panel,
    max_rows: int | None,
    seed: int,
    by: str,
    keep: str,
    share: float,
    per_stamp: int | None,
    rows: ArrayLike | None,
) -> NDArray[np.int64]:
    """See `Panel.sample`."""
    for name, value, words in (("by", by, ("stamp", "row")), ("keep", keep, ("random", "newest"))):
        if value not in words:
            raise InputError(f"{name} must be {words[0]!r} or {words[1]!r}, but is {value!r}.")
    for name, limit in (("max_rows", max_rows), ("per_stamp", per_stamp)):
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, (int, np.integer)) or limit < 1):
            raise InputError(f"{name} must be an integer of at least 1, but is {limit!r}.")
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**64:
        raise InputError(f"seed must be an integer from 0 to 2^64 - 1, but is {seed!r}.")
    if isinstance(share, bool) or not isinstance(share, (int, float, np.number)):
        raise InputError(f"share must be a number above 0 and at most 1, but is {share!r}.")
    which = np.arange(len(panel), dtype=np.int64) if rows is None else read_rows(rows, len(panel))
    keys = np.array([core().purpose_hash(name) for name in panel.symbols], dtype=np.uint64)
    chosen: NDArray[np.int64] = core().panel_sample(
        panel.time.view(np.int64),
        panel.symbol,
        keys,
        which,
        int(seed),
        by == "stamp",
        keep == "newest",
        0 if per_stamp is None else int(per_stamp),
        float(share),
        0 if max_rows is None else int(max_rows),
    )
    return chosen
