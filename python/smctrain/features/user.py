"""Columns that a user's own function adds: built from the frame of the bars, joined to our table."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.bars.types import Bars
from smctrain.exceptions import InputError
from smctrain.features.spec import ColumnInfo
from smctrain.features.table import FeatureTable

FAMILY = "user"


@dataclass(frozen=True, eq=False)
class UserColumns:
    """What a function made of the bars of one symbol.

    Attributes
    ----------
    values : float64 (n, d)
        One row per bar; infinities are kept, missing values are NaN.
    names : list of str (d,)
    error : str
        Why there are none; empty when there are.
    """

    values: NDArray[np.float64]
    names: list[str]
    error: str = ""

    @property
    def digest(self) -> str:
        """Of names and values, to tell whether a stored result was made from the same columns."""
        content = hashlib.sha256("\0".join(self.names).encode())
        content.update(np.ascontiguousarray(self.values).tobytes())
        return content.hexdigest()[:16]


def user_columns(function: Callable[[Any], Any], bars: Bars) -> UserColumns:
    """What `function` makes of the frame of `bars` (columns open, high, low, close, volume, spread; UTC index).

    Raises
    ------
    InputError
        If the result is no data frame or series of numbers with the same index, and no array with a row per bar.
    """
    import pandas as pd

    frame = bars.to_pandas()
    for name in ("volume", "spread"):
        if name not in frame:
            frame[name] = np.nan
    index = frame.index
    result = function(frame.copy())
    if isinstance(result, pd.Series):
        result = result.to_frame(result.name if result.name is not None else "feature")
    words = f"{bars.symbol}: the feature function"
    if isinstance(result, np.ndarray) and result.ndim in (1, 2) and len(result) == len(index):
        names = ["feature"] if result.ndim == 1 else [f"feature_{i}" for i in range(result.shape[1])]
        result = pd.DataFrame(result.reshape(len(index), -1), index=index, columns=names)
    if not isinstance(result, pd.DataFrame):
        raise InputError(
            f"{words} must return a pandas DataFrame or Series, or an array with one row per bar ({len(index)}), "
            f"but returned {type(result).__name__}{getattr(result, 'shape', '')}."
        )
    if len(result) != len(index) or not result.index.equals(index):
        raise InputError(
            f"{words} must return a frame with the index of the bars ({len(index)} rows), but the index of the result "
            f"({len(result)} rows) differs."
        )
    names = [str(name) for name in result.columns]
    if not names or len(set(names)) < len(names):
        raise InputError(f"{words} must return at least one column, each with a name of its own, but returned {names}.")
    values = np.empty((len(index), len(names)))
    for i, name in enumerate(names):
        try:
            values[:, i] = pd.to_numeric(result.iloc[:, i]).to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError) as error:
            raise InputError(f"{words} must return numbers, but column {name!r} holds others ({error}).") from error
    return UserColumns(values, names)


def with_user_columns(table: FeatureTable, user: UserColumns) -> FeatureTable:
    """`table` with the user's columns behind its own, as role "feature" of family "user".

    Raises
    ------
    InputError
        If a name is taken, or the rows are not those of the table.
    """
    if user.error:
        raise InputError(user.error)
    taken = sorted(set(user.names) & set(table.names))
    if taken:
        raise InputError(f"the feature function returns {', '.join(taken)}, which smctrain has already: rename it.")
    if len(user.values) != len(table):
        raise InputError(f"the feature function gave {len(user.values)} rows for {len(table)} bars.")
    with np.errstate(over="ignore"):
        values = user.values.astype(table.values.dtype)
    values[~np.isfinite(values)] = np.nan
    catalogue = [
        ColumnInfo(
            name, FAMILY, "", -1, 0, -1, "feature", "close of the bar, as audited", "column of your own function"
        )
        for name in user.names
    ]
    joined = np.ascontiguousarray(np.hstack([table.values, values]))
    return replace(table, values=joined, catalogue=[*table.catalogue, *catalogue])
