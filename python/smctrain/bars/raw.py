"""Bars as a source holds them, before zones, order, price grid and checks; and messages about them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.exceptions import BarError


@dataclass
class RawBars:
    """Columns of one symbol as read.

    `time` are int64 nanoseconds: instants, or wall-clock times where `naive`. `row` is where a bar stands in
    its source (line of a CSV file, header = 1; row of a frame, first = 1).
    """

    file: str
    symbol: str
    timeframe: str | None
    time: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64] | None
    spread: NDArray[np.float64] | None
    row: NDArray[np.int64]
    naive: bool

    def __len__(self) -> int:
        return len(self.time)

    def take(self, rows: NDArray[Any]) -> RawBars:
        """The bars at `rows` (positions or a mask), in that order."""
        return replace(
            self,
            time=self.time[rows],
            open=self.open[rows],
            high=self.high[rows],
            low=self.low[rows],
            close=self.close[rows],
            volume=None if self.volume is None else self.volume[rows],
            spread=None if self.spread is None else self.spread[rows],
            row=self.row[rows],
        )


def display(name: object, limit: int = 80) -> str:
    """A name from outside, safe for one line of a terminal: control characters escaped, length capped."""
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(name))
    return text if len(text) <= limit else text[: limit - 3] + "..."


def stamp(nanoseconds: int) -> str:
    """`2024-03-01 09:30` (seconds only where they are not zero)."""
    text = str(np.datetime64(int(nanoseconds), "ns").astype("datetime64[s]")).replace("T", " ")
    return text[:-3] if text.endswith(":00") else text


def cell_faults(file: str, faults: list[tuple[int, str, str, str]], count: int) -> BarError:
    """Error for cells that are not what their column needs; names the first and counts the rest."""
    row, column, expected, text = faults[0]
    where = f"{file}, row {row}" + (f", column {display(column)}" if column else "")
    found = display(text, 40) if not column else repr(display(text, 40)) if text else "nothing"
    more = "" if count == 1 else f" {count} such rows in all, first: {', '.join(str(f[0]) for f in faults[:5])}."
    return BarError(f"{where}: expected {expected}, but found {found}. Correct or remove the row.{more}")


def join_messages(errors: list[Exception]) -> str:
    return " ".join(dict.fromkeys(str(error) for error in errors))
