"""Numbers as `decide` takes them, checked; their IC; and means that do not overflow."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from smctrain._load import core
from smctrain.exceptions import InputError
from smctrain.verdict.case import Floats


def number_vector(values: npt.ArrayLike, name: str) -> Floats:
    """(n,) finite float64."""
    vector = numbers_of(values, name)
    if vector.ndim != 1 or vector.size == 0:
        raise InputError(f"{name} must have one dimension and at least one row, but has shape {vector.shape}.")
    finite = np.isfinite(vector)
    if not bool(finite.all()):
        row = int(np.argmin(finite))
        raise InputError(
            f"{name} must be finite, but row {row} holds {vector[row]}: leave out rows without an outcome."
        )
    return vector


def number_matrix(values: npt.ArrayLike, n: int, name: str) -> Floats:
    """(k, n) float64 from (n,) or (k, n); NaN is no answer, an infinite one is an error."""
    matrix = numbers_of(values, name)
    matrix = matrix[None, :] if matrix.ndim == 1 else matrix
    if matrix.ndim != 2 or matrix.shape[0] == 0 or matrix.shape[1] != n:
        raise InputError(
            f"{name} must have shape ({n},) or (models, {n}), one column per row of outcomes, but has shape "
            f"{np.shape(values)}."
        )
    if bool(np.isinf(matrix).any()):
        model, row = np.argwhere(np.isinf(matrix))[0].tolist()
        raise InputError(f"{name} must hold numbers, or NaN for no answer, but model {model} answers inf on row {row}.")
    return matrix


def numbers_of(values: npt.ArrayLike, name: str) -> Floats:
    array = np.asarray(values)
    if array.dtype.kind not in "iuf":
        raise InputError(
            f'{name} must hold numbers with task="regression", but holds {array.dtype} values. For classes give '
            'task="classification".'
        )
    return np.ascontiguousarray(array, dtype=np.float64)


def filled(answers: Floats) -> Floats:
    """Answers of models (k, n), NaN replaced by the model's own middle answer."""
    silent = np.isnan(answers)
    if not bool(silent.any()):
        return np.ascontiguousarray(answers)
    filled = answers.copy()
    for row, missing in zip(filled, silent, strict=True):
        given = np.sort(row[~missing])
        row[missing] = given[(len(given) - 1) // 2] if len(given) else 0.0
    return filled


def ic_of(y: Floats, answers: Floats) -> tuple[float, Floats]:
    """Spearman's correlation and its influence series; 0 and an empty series where one side has no spread."""
    said = filled(answers[None, :])[0]
    found = core().regression_metrics(y / size_of(y), said / size_of(said), 0.0)
    influence: Floats = found["influence"]
    ic = float(found["ic"])
    return (ic, influence) if math.isfinite(ic) else (0.0, np.empty(0))


def size_of(values: Floats) -> float:
    """The power of two below the largest absolute value; dividing by it is exact."""
    largest = float(np.abs(values).max())
    return math.ldexp(1.0, max(math.frexp(largest)[1] - 1, -1000)) if largest > 0.0 else 1.0


def finite_or_none(number: float) -> float | None:
    return number if math.isfinite(number) else None
