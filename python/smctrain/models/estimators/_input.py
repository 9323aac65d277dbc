"""From what a user passes to the arrays a trainer takes: one visible conversion, one outcome per error."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from smctrain.exceptions import InputError
from smctrain.prepare.matrix import column_name, threads_of, typed_error, validated_matrix, validated_weight

__all__ = [
    "column_name",
    "numbers_of",
    "seed_of",
    "threads_of",
    "typed_error",
    "validated_matrix",
    "validated_weight",
]


def seed_of(random_state: Any) -> int:
    """Seed of all streams of a fit. An int is taken as it is, anything else draws one."""
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**63 - 1))
    if isinstance(random_state, (int, np.integer)) and not isinstance(random_state, bool):
        if not 0 <= int(random_state) < 2**64:
            raise InputError(f"random_state must be at least 0 and below 2**64, but is {random_state}.")
        return int(random_state)
    try:
        state = check_random_state(random_state)
    except ValueError as error:
        raise InputError(
            f"random_state must be None, an integer, a RandomState or a Generator, but is {random_state!r}."
        ) from error
    return int(state.randint(2**31 - 1))


def numbers_of(name: str, target: Any, largest: float = float(np.finfo(np.float32).max)) -> NDArray[np.float64]:
    """Targets of a regression as float64: finite, and at most `largest` (boosted trees hold them as float32)."""
    try:
        array = np.asarray(target)
        if array.dtype.kind not in "biufO":
            raise ValueError(f"dtype {array.dtype}")
        values = np.ascontiguousarray(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must hold numbers, but does not: {error}.") from error
    bad = ~(np.abs(values) <= largest)
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(f"{name} must be finite and at most {largest:.3g} in size, but is {values[row]} in row {row}.")
    return values
