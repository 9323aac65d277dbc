"""From what a user passes as several targets to one float64 matrix: class codes and numbers, NaN where missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.exceptions import InputError, OneClass
from smctrain.models.estimators._input import labels_of, numbers_of

KINDS = ("classification", "regression")
MOST_INFERRED = 20  # more different whole numbers than this are taken for a regression


@dataclass(frozen=True)
class Targets:
    """Targets by name, as `y` (n, targets) holds them."""

    y: NDArray[np.float64]
    names: list[str]
    classes: dict[str, NDArray[Any]]  # of those that are classes

    @property
    def n_classes(self) -> list[int]:
        return [len(self.classes.get(name, ())) for name in self.names]


def columns_of(name: str, y: Any, n: int) -> dict[str, NDArray[Any]]:
    """Columns of a frame, a mapping, or an array (n, targets) or (n,), by name."""
    if isinstance(y, Mapping):
        pairs = [(key, np.asarray(value)) for key, value in y.items()]
    elif hasattr(y, "columns"):
        pairs = [(key, np.asarray(y[key])) for key in y.columns]
    else:
        array = np.asarray(y)
        if array.ndim not in (1, 2):
            raise InputError(f"{name} must have one or two dimensions, but has {array.ndim}.")
        pairs = [("y", array)] if array.ndim == 1 else [(f"y{j}", array[:, j]) for j in range(array.shape[1])]
    columns = {str(key): column for key, column in pairs}
    if not pairs or len(columns) != len(pairs):
        raise InputError(f"{name} must hold at least one target, each with its own name, but holds {list(columns)}.")
    for key, column in columns.items():
        if column.shape != (n,):
            raise InputError(f"{name}: target {key} must have one value for each of the {n} rows, but has shape "
                             f"{column.shape}.")  # fmt: skip
    return columns


def _absent(value: Any) -> bool:
    return (
        value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and value != value)
    )


def missing(column: NDArray[Any]) -> NDArray[np.bool_]:
    """NaN, None and pandas' own."""
    if column.dtype.kind == "f":
        return np.array(np.isnan(column))
    if column.dtype.kind != "O":
        return np.zeros(len(column), dtype=bool)
    return np.fromiter((_absent(value) for value in column), dtype=bool, count=len(column))


def inferred_kind(values: NDArray[Any]) -> str:
    """Of the values that are there: texts, booleans and at most 20 different whole numbers are classes."""
    values = labels_of("y", values)
    if values.dtype.kind not in "iuf":
        return "classification"
    whole = bool(np.isfinite(values).all()) and bool((values == np.floor(values)).all())
    return "classification" if whole and len(np.unique(values)) <= MOST_INFERRED else "regression"


def read_targets(y: Any, tasks: Any, n: int) -> Targets:
    """The targets of a fit, their kinds given by `tasks` or inferred."""
    columns = columns_of("y", y, n)
    if tasks is not None:
        if not isinstance(tasks, Mapping) or any(kind not in KINDS for kind in tasks.values()):
            raise InputError(f"tasks must map each target to {' or '.join(map(repr, KINDS))}, but is {tasks!r}.")
        names = [str(key) for key in tasks]
        unnamed = set(columns) == {f"y{j}" for j in range(len(columns))} or set(columns) == {"y"}
        if unnamed and not hasattr(y, "columns") and not isinstance(y, Mapping) and len(names) == len(columns):
            columns = dict(zip(names, columns.values(), strict=True))  # an array: the names of tasks, in their order
        if set(names) != set(columns) or len(set(names)) != len(names):
            raise InputError(f"tasks must name the targets of y ({', '.join(columns)}), but names {', '.join(names)}.")
        columns = {key: columns[key] for key in names}
    found, classes = np.full((n, len(columns)), np.nan), {}
    kinds = {} if tasks is None else {str(key): kind for key, kind in tasks.items()}
    for j, (key, column) in enumerate(columns.items()):
        there = ~missing(column)
        if not there.any():
            raise InputError(f"target {key} is missing in every row: leave it out.")
        if (kinds.get(key) or inferred_kind(column[there])) == "classification":
            labels = labels_of(f"target {key}", column[there])
            if labels.dtype.kind == "f" and not (labels == np.floor(labels)).all():
                raise InputError(f"target {key} must hold class labels, but holds fractions such as "
                                 f"{labels[labels != np.floor(labels)][0]}.")  # fmt: skip
            if labels.dtype.kind == "f":
                labels = labels.astype(np.int64)
            classes[key] = np.unique(labels)
            if len(classes[key]) < 2:
                raise OneClass(
                    f"task {key}: y holds a single class, {labels[:1].tolist()[0]!r}, so there is nothing to learn."
                )
            found[there, j] = np.searchsorted(classes[key], labels)
        else:
            found[there, j] = numbers_of(f"target {key}", column[there])
    return Targets(found, list(columns), classes)


def later_targets(name: str, y: Any, names: list[str], classes: dict[str, NDArray[Any]], n: int) -> NDArray[np.float64]:
    """Targets of rows that are not learned from, in the names and labels of the fit."""
    columns = columns_of(name, y, n)
    if not hasattr(y, "columns") and not isinstance(y, Mapping) and len(columns) == len(names):
        columns = dict(zip(names, columns.values(), strict=True))
    if set(columns) != set(names):
        raise InputError(f"{name} must hold the targets {', '.join(names)}, but holds {', '.join(columns)}.")
    found = np.full((n, len(names)), np.nan)
    for j, key in enumerate(names):
        there = ~missing(columns[key])
        if key not in classes:
            found[there, j] = numbers_of(f"{name}: target {key}", columns[key][there])
            continue
        labels = labels_of(f"{name}: target {key}", columns[key][there])
        unknown = ~np.isin(labels, classes[key])
        if unknown.any():
            value = labels[unknown][:1].tolist()[0]
            raise InputError(f"{name}: target {key} holds the label {value!r}, which y does not hold.")
        found[there, j] = np.searchsorted(classes[key], labels)
    return found
