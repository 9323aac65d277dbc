"""`EventTable`: things that happened on bars (swings, breaks, zones, sweeps, sessions), one row per event.

Every event has an `origin` (bar where it sits), a `known_at` (bar at whose close it is first knowable) and an
`invalidated_at` (first bar at whose close it is dead, -1 while alive). Nothing is visible before `known_at`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from smctrain.exceptions import InputError

if TYPE_CHECKING:
    import pandas as pd

REQUIRED_COLUMNS = ("kind", "side", "origin", "known_at", "invalidated_at")


@dataclass(frozen=True, eq=False)
class EventTable:
    """Events of one series of bars, as equal-length columns.

    Parameters
    ----------
    columns : mapping of str to array (n,)
        At least `kind` (str), `side` (int8: +1 bullish, -1 bearish, 0 neither), `origin`, `known_at` and
        `invalidated_at` (int64 row indices into the bars; -1 = alive). Further columns as the kind has them:
        `top`, `bottom`, `level` (float64 prices), `state` (str), ... Ordered by `known_at` where the producer
        can; no row is ever edited or deleted when bars are added, only closed by its `invalidated_at`.
    """

    columns: Mapping[str, NDArray[Any]]

    def __post_init__(self) -> None:
        columns = {name: np.asarray(values) for name, values in self.columns.items()}
        missing = [name for name in REQUIRED_COLUMNS if name not in columns]
        if missing:
            raise InputError(f"columns of an EventTable must include {', '.join(missing)}.")
        length = len(columns["kind"])
        for name, values in columns.items():
            if values.ndim != 1 or len(values) != length:
                raise InputError(f"column {name} of an EventTable must have shape ({length},), but has {values.shape}.")
        object.__setattr__(self, "columns", columns)

    def __len__(self) -> int:
        return len(self.columns["kind"])

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return list(self.columns)

    def __getitem__(self, name: str) -> NDArray[Any]:
        try:
            return self.columns[name]
        except KeyError:
            raise InputError(f"Events have no column {name!r}. Columns: {', '.join(self.columns)}.") from None

    def select(self, kind: str | Iterable[str] | None = None, side: int | None = None) -> EventTable:
        """The events of one kind (or several) and one side, in the same order."""
        mask = np.ones(len(self), dtype=np.bool_)
        if kind is not None:
            mask &= np.isin(self["kind"], [kind] if isinstance(kind, str) else list(kind))
        if side is not None:
            mask &= self["side"] == side
        return EventTable({name: values[mask] for name, values in self.columns.items()})

    def known_by(self, row: int) -> EventTable:
        """What was known at the close of `row`: later steps read as -1, the state as it was then."""
        mask = self["known_at"] <= row
        columns = {name: values[mask] for name, values in self.columns.items()}
        for name, at in columns.items():
            if name.endswith("_at") and name != "known_at":
                columns[name] = np.where(at <= row, at, -1)
        if "resolved_at" in columns:
            columns["bounce_q"] = np.where(columns["resolved_at"] >= 0, columns["bounce_q"], np.nan)
        if "state" in columns:
            alive = columns["invalidated_at"] == -1
            state = np.where(alive, "fresh", columns["state"])
            for step in ("touched", "filled"):
                if f"{step}_at" in columns:
                    state = np.where(alive & (columns[f"{step}_at"] >= 0), step, state)
            columns["state"] = state
        return EventTable(columns)

    def to_pandas(self) -> pd.DataFrame:
        """Data frame with one row per event."""
        import pandas as pd

        return pd.DataFrame(dict(self.columns))

    def __repr__(self) -> str:
        kinds, counts = np.unique(self["kind"], return_counts=True)
        parts = ", ".join(f"{kind}: {count}" for kind, count in zip(kinds, counts, strict=True))
        return f"EventTable({len(self)} events{': ' if parts else ''}{parts})"
