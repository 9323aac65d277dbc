"""From what a user passes to the arrays a trainer takes: one visible conversion, one outcome per error."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from smctrain.exceptions import InputError, TooFewRows
from smctrain.models._segments import behind, coming_back, segments_of
from smctrain.prepare.matrix import column_name, threads_of, typed_error, validated_matrix, validated_weight

__all__ = [
    "behind",
    "column_name",
    "coming_back",
    "labels_of",
    "names_of",
    "numbers_of",
    "require_two_rows",
    "seed_of",
    "segments_of",
    "threads_of",
    "typed_error",
    "validated_matrix",
    "validated_weight",
]


def names_of(estimator: Any) -> list[str] | None:
    """Names of the columns it is fitted on, where they have names."""
    names = getattr(estimator, "feature_names_in_", None)
    return None if names is None else [str(name) for name in names]


def require_two_rows(estimator: Any, n: int, present: int) -> None:
    """TooFewRows below two rows of positive weight: no family learns anything from one row."""
    if present < 2:
        raise TooFewRows(
            f"{type(estimator).__name__} needs at least 2 rows to learn from, but got n_samples={present}"
            f"{'' if present == n else f' (rows of weight 0 do not count: {n - present} of {n})'}: give it more rows."
        )


def labels_of(name: str, target: NDArray[Any]) -> NDArray[Any]:
    """Class labels: plain objects that are all whole numbers, all numbers or all booleans become an array of them."""
    if target.dtype.kind != "O":
        return target
    kinds = {type(value) for value in target.tolist()}
    if all(issubclass(kind, str) for kind in kinds):
        return target
    if all(issubclass(kind, (bool, np.bool_)) for kind in kinds):
        return target.astype(bool)
    numbers = (int, float, np.integer, np.floating)
    if all(issubclass(kind, numbers) and not issubclass(kind, bool) for kind in kinds):
        try:
            return target.astype(np.int64 if all(issubclass(kind, (int, np.integer)) for kind in kinds) else np.float64)
        except OverflowError as error:
            raise InputError(f"{name} must hold labels that fit into 64 bits, but does not: {error}.") from error
    raise InputError(
        f"{name} must hold labels of one kind (numbers, texts or booleans), but holds "
        f"{', '.join(sorted(kind.__name__ for kind in kinds))}: convert them first."
    )


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
