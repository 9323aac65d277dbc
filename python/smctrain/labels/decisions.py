"""Decision rows: where to decide, instead of at every bar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class ZoneTable(Protocol):
    """Zones as columns: side (+1 demand, -1 supply), origin, known_at, invalidated_at (-1 = alive), top, bottom.

    `st.smc.order_blocks`, `st.smc.fair_value_gaps` and data frames with these columns are such tables.
    """

    def __getitem__(self, name: str, /) -> Any: ...


class Events(NamedTuple):
    """Rows at whose close something happened, oldest first, and its side (+1 up, -1 down).

    `triple_barrier(b, rows=events)` labels them.
    """

    rows: NDArray[np.int64]
    side: NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class DecisionRows:
    """Rows at whose close a decision is taken, the side of the trade, and the zone it is about.

    `triple_barrier(b, rows=decisions)` takes all of it.

    Attributes
    ----------
    on : str
        What the decisions are taken on: "every", "cusum", "ob_touch", ...
    rows : int64 (m,)
        Ascending; a row may occur more than once, with another side or zone.
    side : int8 (m,)
        +1 long, -1 short.
    zones : ZoneTable or None
        Where the decisions come from zones: their table.
    zone : int64 (m,)
        Row in `zones` of each decision's own zone, -1 without one.
    """

    on: str
    rows: NDArray[np.int64]
    side: NDArray[np.int8]
    zones: ZoneTable | None
    zone: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, which: Any) -> DecisionRows:
        """Some of the decisions: a slice, a mask or positions."""
        return DecisionRows(self.on, self.rows[which], self.side[which], self.zones, self.zone[which])

    def __repr__(self) -> str:
        longs = int(np.count_nonzero(self.side > 0))
        return f"DecisionRows({len(self)} on {self.on}: {longs} long, {len(self) - longs} short)"
