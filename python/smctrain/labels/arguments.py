"""Arguments that several label functions read the same way."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain.exceptions import InputError


def choice(name: str, value: str, allowed: tuple[str, ...]) -> int:
    """Position of `value` among the allowed words."""
    if value not in allowed:
        raise InputError(f"{name} must be one of {', '.join(map(repr, allowed))}, but is {value!r}.")
    return allowed.index(value)


def positive_int(name: str, value: int) -> None:
    """Raises unless `value` is an integer of at least 1."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise InputError(f"{name} must be an integer of at least 1, but is {value!r}.")


def decision_rows(rows: ArrayLike | None, n: int) -> NDArray[np.int64]:
    """Row indices as int64; all n rows by default."""
    if rows is None:
        return np.arange(n, dtype=np.int64)
    array = np.asarray(rows)
    if array.size == 0:
        return np.empty(0, dtype=np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise InputError(f"rows must be a list of row indices, but are {array.dtype} {array.shape}.")
    return np.ascontiguousarray(array, dtype=np.int64)
