"""Columns that say where a symbol stands among all symbols of the same moment."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from smctrain._load import core
from smctrain.exceptions import InputError
from smctrain.features.spec import ColumnInfo

if TYPE_CHECKING:
    from smctrain.panel.types import Panel

KINDS = ("rank", "z")
_UNITS = {"rank": "share", "z": "sd"}
_WORDS = {
    "rank": "rank of {name} among the symbols of the stamp, 0 lowest, 1 highest, ties averaged",
    "z": "{name} less its mean over the symbols of the stamp, in sd1",
}


def read_kinds(kinds: Iterable[str]) -> tuple[str, ...]:
    """Kinds in their fixed order."""
    given = (kinds,) if isinstance(kinds, str) else tuple(kinds)
    for kind in given:
        if kind not in KINDS:
            raise InputError(f'kinds must be "rank" and "z", but hold {kind!r}.')
    if not given:
        raise InputError('kinds must hold "rank", "z" or both, but are empty.')
    return tuple(kind for kind in KINDS if kind in given)


def cross_catalogue(
    catalogue: list[ColumnInfo], columns: Iterable[str], kinds: tuple[str, ...], min_count: int, n_symbols: int
) -> list[tuple[ColumnInfo, int]]:
    """Entries of the new columns, each with the number of the column it compares."""
    if isinstance(columns, str):
        raise InputError(f"cross_section must be a sequence of column names, but is the string {columns!r}.")
    position = {info.name: j for j, info in enumerate(catalogue)}
    added: dict[str, tuple[ColumnInfo, int]] = {}
    for name in columns:
        if name not in position:
            raise InputError(f"cross_section holds {name!r}, which is not a column of the panel; see .names.")
        source = catalogue[position[name]]
        for kind in kinds:
            info = ColumnInfo(
                name=f"xs_{kind}_{name}",
                family="cross_section",
                unit=_UNITS[kind],
                lookback=source.lookback,
                warmup=source.warmup,
                settle=source.settle,
                role=source.role,
                known_at="closing time of the bar, from bars of all symbols that close at it",
                definition=f"{_WORDS[kind].format(name=name)}; at least {min_count} symbols",
            )
            if info.name in position or info.name in added:
                raise InputError(f"cross_section would add {info.name}, which is there already.")
            added[info.name] = (info, position[name])
    if added:
        require_symbols(min_count, n_symbols)
    return list(added.values())


def append_cross_section(
    panel: Panel,
    sources: list[int],
    kinds: tuple[str, ...],
    min_count: int,
    first: int,
    where: NDArray[np.bool_] | None = None,
) -> None:
    """Fills columns `first`... of a panel that is being built. `sources` repeats a column once a kind."""
    columns = np.array(sources[:: len(kinds)], dtype=np.int64)
    if len(columns):
        cross_section(panel.values, panel.start, columns, kinds, min_count, where, panel.values[:, first:])


def require_symbols(min_count: int, n_symbols: int) -> None:
    """An error where no moment can have enough symbols: every value would be missing."""
    if isinstance(min_count, (int, np.integer)) and min_count > n_symbols:
        raise InputError(
            f"min_count must be at most {n_symbols}, the number of symbols, but is {min_count}: no value would exist."
        )


def cross_section(
    values: NDArray[Any],
    start: NDArray[np.int64],
    columns: NDArray[np.int64],
    kinds: tuple[str, ...],
    min_count: int,
    where: NDArray[np.bool_] | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Ranks and z-scores (rows, kinds x columns), column by column; written into `out` where it is given."""
    if isinstance(min_count, bool) or not isinstance(min_count, (int, np.integer)) or min_count < 1:
        raise InputError(f"min_count must be an integer of at least 1, but is {min_count!r}.")
    if where is not None and (where.shape != (len(values),) or where.dtype != np.bool_):
        raise InputError(f"where must be one bool a row ({len(values)}), but is {where.dtype} {where.shape}.")
    if out is None:
        out = np.empty((len(values), len(kinds) * len(columns)), dtype=values.dtype)
    core().panel_cross_section(
        values,
        start,
        columns,
        None if where is None else np.ascontiguousarray(where).view(np.uint8),
        int(min_count),
        "rank" in kinds,
        "z" in kinds,
        out,
    )
    return out
