"""`Panel`: rows of many symbols, sorted by time and symbol."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain.bars.types import Bars, as_table
from smctrain.exceptions import InputError
from smctrain.features.spec import ColumnInfo
from smctrain.labels import Horizon, Labels
from smctrain.panel import sampling, targets
from smctrain.panel.cross_section import KINDS, append_cross_section, cross_catalogue, read_kinds

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Panel:
    """Feature rows of many symbols on one clock, sorted by (time, name of the symbol).

    Attributes
    ----------
    values : float32 or float64 (rows, d), C order
    catalogue : list of ColumnInfo (d,)
    time : datetime64[ns] (rows,)
        The stamp: closing time of the bar, UTC. The row is known at it.
    symbol : int32 (rows,)
        Index into `symbols`; as `groups` it goes into splits.
    symbols : tuple of str
        Sorted.
    row : int64 (rows,)
        Index into the bars of the row's symbol, `bars[name]`.
    segment : int32 (rows,)
        Unbroken stretch of the symbol's bars.
    settled : bool (rows,)
        As `FeatureTable.settled`.
    start : int64 (stamps + 1,)
        First row of every stamp, and the number of rows.
    bars : mapping of str to Bars
        Base bars of each symbol, which targets are computed from.
    """

    values: NDArray[Any]
    catalogue: list[ColumnInfo]
    time: NDArray[np.datetime64]
    symbol: NDArray[np.int32]
    symbols: tuple[str, ...]
    row: NDArray[np.int64]
    segment: NDArray[np.int32]
    settled: NDArray[np.bool_]
    start: NDArray[np.int64]
    bars: Mapping[str, Bars]

    @property
    def names(self) -> list[str]:
        """Column names."""
        return [column.name for column in self.catalogue]

    @property
    def catalogue_table(self) -> Any:
        """The catalogue as a data frame (a list of dicts without pandas)."""
        return as_table(list(self.catalogue), ColumnInfo)

    @property
    def stamps(self) -> NDArray[np.datetime64]:
        """The distinct stamps, ascending."""
        return self.time[self.start[:-1]]

    @cached_property
    def count(self) -> NDArray[np.int64]:
        """Rows of the stamp that each row belongs to (rows,)."""
        sizes = np.diff(self.start)
        return np.repeat(sizes, sizes)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Values of one column (rows,), a view."""
        names = self.names
        if name not in names:
            raise InputError(f"the panel has no column {name!r}; see .names for its {len(names)} columns.")
        column: NDArray[Any] = self.values[:, names.index(name)]
        return column

    def take(self, rows: ArrayLike) -> Panel:
        """The panel of some rows, copied.

        Parameters
        ----------
        rows : int or bool (k,)
            Ascending row indices, or one bool a row. Columns keep their values: a cross-section that was computed over
            more symbols stays what it was.
        """
        which = sampling.read_rows(rows, len(self))
        time = self.time[which]
        changes = np.flatnonzero(time[1:] != time[:-1]) + 1
        start = np.concatenate([[0], changes, [len(which)]] if len(which) else [[0]]).astype(np.int64)
        return replace(
            self,
            values=self.values[which],
            time=time,
            symbol=self.symbol[which],
            row=self.row[which],
            segment=self.segment[which],
            settled=self.settled[which],
            start=start,
        )

    def cross_section(
        self,
        columns: Iterable[str],
        *,
        kinds: Iterable[str] = KINDS,
        min_count: int = 10,
        where: ArrayLike | None = None,
    ) -> Panel:
        """The panel with `xs_rank_<column>` and `xs_z_<column>` added, copied.

        Parameters
        ----------
        columns, kinds, min_count
            As in `build_panel`, which spares the copy.
        where : bool (rows,), optional
            Rows that take part, such as `panel.settled`; the others are NaN in the new columns.
        """
        wanted = read_kinds(kinds)
        added = cross_catalogue(self.catalogue, columns, wanted, min_count, len(self.symbols))
        first = len(self.catalogue)
        values = np.empty((len(self), first + len(added)), dtype=self.values.dtype)
        values[:, :first] = self.values
        panel = replace(self, values=values, catalogue=[*self.catalogue, *(info for info, _ in added)])
        counted = None if where is None else np.asarray(where)
        append_cross_section(panel, [column for _, column in added], wanted, min_count, first, counted)
        return panel

    def target(
        self, name: str, *, min_count: int = 10, benchmark: Bars | None = None, day_zone: str | None = None
    ) -> targets.PanelLabels:
        """A target for every row.

        Parameters
        ----------
        name : str
            `fwd_rank_<h>` and `fwd_z_<h>`: rank or z-score of `fwd_ret_<h>` among the symbols of the stamp, as the
            cross-sectional columns define them. Any name of `st.make_target` is computed symbol by symbol. With <h>
            in bars (`12b`) symbols that keep different hours are compared over different spans of time; give minutes,
            hours or sessions then.
        min_count : int
            Fewest symbols with a forward return at the stamp; with fewer the rows are "missing".
        benchmark, day_zone
            As in `st.make_target`.

        Returns
        -------
        PanelLabels
            A rank or z-score knows the returns of all symbols of its stamp: its `t1` is the latest end of them all.
        """
        return targets.panel_target(self, name, min_count, benchmark, day_zone)

    def collect(self, labels: Mapping[str, Labels]) -> targets.PanelLabels:
        """Labels that were made symbol by symbol, such as by `st.triple_barrier`, as one label a row.

        Parameters
        ----------
        labels : mapping of str to Labels
            For each symbol, labels of `panel.bars[symbol]`. Rows that they do not decide are "missing".
        """
        return targets.collect(self, labels)

    def intervals(
        self, horizon: int | str | Horizon, *, day_zone: str | None = None
    ) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]]:
        """(t0, t1) of every row, for splits: the stamp, and the closing time of the last bar of its window.

        Rows without a window get the latest moment that it could have reached: the stamp and the horizon, or the end of
        the segment where the horizon counts bars or sessions. Ranks and z-scores across symbols may reach further:
        use `PanelLabels.intervals` for them.
        """
        return targets.intervals(self, horizon, day_zone)

    def sample(
        self,
        max_rows: int | None = None,
        *,
        seed: int = 0,
        by: str = "stamp",
        keep: str = "random",
        share: float = 1.0,
        per_stamp: int | None = None,
        rows: ArrayLike | None = None,
    ) -> NDArray[np.int64]:
        """Fewer rows, always the same ones: neither the order of symbols nor what else is there decides.

        Every stamp (or row: its stamp and its symbol's name) has a random key that depends on the seed and on nothing
        else. The smallest keys stay.

        Parameters
        ----------
        max_rows : int, optional
            Most rows in all. Rows that are added later can push others out, but never bring one in that was left out
            before.
        seed : int
        by : {"stamp", "row"}
            Whole stamps until the next one does not fit, or single rows.
        keep : {"random", "newest"}
            "newest" fills `max_rows` from the end.
        share : float
            Above 0, at most 1: the share of stamps (or rows) that stays. What it keeps of the past never changes.
        per_stamp : int, optional
            Most rows of one stamp, chosen by row key before the rest.
        rows : int or bool (k,), optional
            Rows to choose from, such as those of a training part with a label.

        Returns
        -------
        int64 (k,)
            Ascending rows of the panel.
        """
        return sampling.sample(self, max_rows, seed, by, keep, share, per_stamp, rows)

    def to_pandas(self) -> pd.DataFrame:
        """Data frame with an index (time in UTC, symbol)."""
        import pandas as pd

        stamps = pd.DatetimeIndex(self.time).tz_localize("UTC")
        names = pd.Categorical.from_codes(self.symbol, categories=pd.Index(self.symbols))
        index = pd.MultiIndex.from_arrays([stamps, names], names=["time", "symbol"])
        return pd.DataFrame(self.values, columns=self.names, index=index)

    def __repr__(self) -> str:
        rows, columns = self.values.shape
        return f"Panel({len(self.symbols)} symbols, {len(self.start) - 1} stamps: {rows} rows, {columns} columns)"
