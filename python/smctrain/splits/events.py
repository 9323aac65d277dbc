"""Splits whose borders cut no event: overlapping labels, shared zones or sessions, windows of a calendar."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from smctrain._load import core
from smctrain.exceptions import InputError
from smctrain.splits.base import (
    EXCLUDED,
    TEST,
    Distance,
    Fates,
    IntervalsLike,
    ReadIntervals,
    Rows,
    Rules,
    Splitter,
    read_distance,
)
from smctrain.splits.columns import Windows, read_calendar, read_ids
from smctrain.splits.forward import ExpandingWindow, TemporalSplit, WalkForward, three_parts, with_validation
from smctrain.splits.plan import SplitPlan
from smctrain.splits.purged import PurgedKFold
from smctrain.splits.windows import WindowSplitter, borders_of, moves, with_borders

_BASES = {"walk_forward": WalkForward, "temporal": TemporalSplit, "purged_kfold": PurgedKFold}


@dataclass(frozen=True)
class _Arranged:
    """The rows that take part, their timeline, and where the windows came to lie."""

    calendar: Windows
    kept: NDArray[np.bool_]
    read: ReadIntervals
    time: Any
    ids: Rows | None
    before: Rows
    windows: Rows
    flags: tuple[str, ...]


class EventAwareSplit(Splitter):
    """A walk-forward, temporal or k-fold split whose borders move so that they cut no event.

    Rows are connected where their labels overlap or they share an event id. A border may lie only where no connected
    group has rows on both sides; every border moves to the nearest such place, of two equally near ones to the earlier.
    A test that would start inside a calendar window starts behind its end and the gap instead. Whatever remains
    connected across a border is purged.

    Parameters
    ----------
    calendar : table or list, optional
        Windows: a table (pandas, polars, pyarrow, or dict of arrays) with the columns start, end and perhaps name, or
        tuples (start, end[, name]). Closed, on the scale of the intervals: times (UTC), or row indices.
    base : splitter or str
        What is split: a splitter with windows (`WalkForward`, `TemporalSplit`, `ExpandingWindow`, `PurgedKFold`,
        `CombinatorialPurgedKFold`), or "walk_forward", "temporal", "purged_kfold" with their defaults.
    exclude : bool
        True: every row whose label interval meets a window leaves train and test, and no fold counts it.
    event_id : array-like (n,) or (n, k), or table, optional
        Columns of ids (news window, parent zone, session): rows with an equal id in one column are one event. None,
        NaN, "" and negative integers are no event.
    gap : int or timedelta, optional
        Further distance behind the end of a window; None: the gap of the base.
    intervals : (t0, t1), optional
        Label intervals, closed; those of the base by default.

    Raises
    ------
    InputError
        When calendar and intervals are on different scales, or arrays differ in length.
    TooFewRows
        When events and calendar leave too few places for the borders, or a split without training rows.

    Notes
    -----
    If one connected group holds more than half of the rows, or there are fewer places than borders, borders stay where
    they are (except for the calendar), labels and event ids are purged, and `plan().notes` says so. Labels of 20 bars
    on every bar are such a group.
    """

    def __init__(
        self,
        calendar: Any = None,
        *,
        base: WindowSplitter | Literal["walk_forward", "temporal", "purged_kfold"] = "walk_forward",
        exclude: bool = False,
        event_id: Any = None,
        gap: Distance | None = None,
        intervals: IntervalsLike | None = None,
    ) -> None:
        if isinstance(base, str):
            if base not in _BASES:
                raise InputError(f"base must be a splitter or one of {', '.join(_BASES)}, but is {base!r}.")
            base = _BASES[base]()
        if not isinstance(base, WindowSplitter):
            raise InputError(f"base must be a splitter with test windows, but is {base!r:.80}.")
        if not isinstance(exclude, (bool, np.bool_)):
            raise InputError(f"exclude must be True or False, but is {exclude!r}.")
        if exclude and calendar is None:
            raise InputError("exclude needs a calendar: it removes the rows whose labels meet its windows.")
        self.calendar = calendar
        self.base = base
        self.exclude = bool(exclude)
        self.event_id = event_id
        self.gap = gap
        self.intervals = base.intervals if intervals is None else intervals
        if gap is not None:
            read_distance("gap", gap)

    @property
    def forward(self) -> bool:  # type: ignore[override]
        return self.base.forward

    @property
    def purpose(self) -> str:  # type: ignore[override]
        return self.base.purpose

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Number of splits of the base on the rows that take part; only an `ExpandingWindow` needs X or intervals."""
        if not isinstance(self.base, ExpandingWindow):
            return self.base.get_n_splits()
        return len(self._arrange(*self._start(X, groups)).windows)

    def _arrange(self, read: ReadIntervals, time: Any) -> _Arranged:
        calendar = read_calendar(self.calendar, read.is_time)
        ids = read_ids(self.event_id, len(read))
        kept = np.ones(len(read), dtype=bool)
        inside = read
        if self.exclude:
            kept = time.meets_window(calendar.start, calendar.end) == 0
            inside = read.take(np.flatnonzero(kept))
            ids = None if ids is None else np.ascontiguousarray(ids[kept])
            time = core().Timeline(inside.t0, inside.t1)
        if not len(inside):
            raise InputError("exclude leaves no row: every label meets a window of the calendar.")

        before = self.base._windows(time.n_stamps)
        borders = borders_of(before, time.n_stamps)
        graph_ids = np.empty((len(inside), 0), dtype=np.int64) if ids is None else ids
        _, sizes, admissible = time.event_graph(graph_ids)
        largest = int(sizes.max())
        anywhere = np.arange(1, time.n_stamps, dtype=np.int64)
        flags = []
        if largest > len(inside) / 2:
            flags.append(
                f"{largest} of {len(inside)} rows hang together by overlapping labels or events, more than half: "
                "borders stay, labels and events are purged."
            )
            admissible = anywhere
        elif len(admissible) < len(borders):
            flags.append(
                f"events leave {len(admissible)} places for {len(borders)} borders: "
                "borders stay, labels and events are purged."
            )
            admissible = anywhere
        gap = self.base._gap(read.is_time) if self.gap is None else read_distance("gap", self.gap, read.is_time)
        starts = time.starts_outside(calendar.start, calendar.end, gap)
        moved = with_borders(before, borders, core().move_borders(borders, admissible, starts))
        free = admissible[starts[admissible] == admissible]
        windows = self.base._balanced(moved, time, len(read), kept if self.exclude else None, free)
        return _Arranged(calendar, kept, inside, time, ids, before, windows, tuple(flags))

    def _fates(self, read: ReadIntervals, time: Any, groups: Any) -> Iterator[Fates]:
        arranged = self._arrange(read, time)
        for fates in self.base._fates_at(arranged.read, arranged.time, arranged.windows):
            yield self._all_rows(arranged, self._without_events(arranged, fates), len(read))

    @staticmethod
    def _without_events(arranged: _Arranged, fates: Fates) -> Fates:
        if arranged.ids is None:
            return fates
        purged: Fates = core().purge_events(arranged.ids, fates)
        return purged

    @staticmethod
    def _all_rows(arranged: _Arranged, fates: Fates, n: int) -> Fates:
        if arranged.kept.all():
            return fates
        every = np.full(n, EXCLUDED, dtype=np.uint8)
        every[arranged.kept] = fates
        return every

    def split_indices(self, X: Any = None, groups: Any = None) -> tuple[Rows, Rows, Rows]:
        """Sorted row ids of train, validation and test, for a base with three parts (`TemporalSplit`)."""
        has_validation = bool(self._temporal().validation)
        return three_parts(self._parts(*self._start(X, groups)), has_validation)

    def _temporal(self) -> TemporalSplit:
        if not isinstance(self.base, TemporalSplit):
            raise InputError(f"split_indices needs a TemporalSplit as base, but it is {self.base!r:.80}.")
        return self.base

    def _parts(self, read: ReadIntervals, time: Any) -> NDArray[np.uint8]:
        """0 train, 1 validation, 2 test, 3 purged, 4 excluded."""
        base, arranged = self._temporal(), self._arrange(read, time)
        parts = base._parts_at(arranged.read, arranged.time, arranged.windows)
        if arranged.ids is not None:  # an event of a later part leaves the earlier ones
            for later in (2, 1):
                as_fates = np.array([0, 0, 0, 2, 4], dtype=np.uint8)[parts]
                as_fates[parts == later] = TEST
                as_fates[parts > later] = np.where(parts[parts > later] == 3, 2, 4)
                purged = core().purge_events(arranged.ids, as_fates) == 2
                parts = np.where(purged & (parts < later), 3, parts).astype(np.uint8)
        every = np.full(len(read), 4, dtype=np.uint8)
        every[arranged.kept] = parts
        return every

    def plan(self, X: Any = None, groups: Any = None) -> SplitPlan:
        """Every split in numbers and dates, with the windows inside each test part and what moved.

        Parameters
        ----------
        X, groups
            As in `split`.

        Returns
        -------
        SplitPlan
        """
        plan = super().plan(X, groups)
        if not isinstance(self.base, TemporalSplit):
            return plan
        read, time = self._start(X, groups)
        return with_validation(plan, read, self._parts(read, time))

    def _events_in(self, read: ReadIntervals, fates: Fates) -> tuple[str, ...]:
        calendar = read_calendar(self.calendar, read.is_time)
        tests = read.t0[fates == TEST]
        if not len(calendar) or not len(tests):
            return ()
        meets = (calendar.start <= tests.max()) & (calendar.end >= tests.min())
        return tuple(calendar.names[number] for number in np.flatnonzero(meets))

    def _notes(self, read: ReadIntervals, time: Any, groups: Any) -> list[str]:
        arranged = self._arrange(read, time)
        notes = list(arranged.flags)
        excluded = int(np.count_nonzero(~arranged.kept))
        if excluded:
            notes.append(f"{excluded} rows are excluded: their labels meet a window of the calendar.")
        return notes + moves(arranged.read, arranged.time, arranged.before, arranged.windows)

    def _rules(self, is_time: bool | None = None) -> Rules:
        return self.base._rules(is_time)

    def _gap(self, is_time: bool | None = None) -> tuple[int, int]:
        return self.base._gap(is_time)

    def __repr__(self) -> str:
        words = [f"base={self.base!r}"]
        if self.calendar is not None:
            words.append(f"calendar=<{len(_calendar_rows(self.calendar))} windows>")
        words += ["exclude=True"] if self.exclude else []
        words += ["event_id=<ids>"] if self.event_id is not None else []
        words += [f"gap={self.gap!r}"] if self.gap is not None else []
        return f"EventAwareSplit({', '.join(words)})"


def _calendar_rows(calendar: Any) -> Any:
    return calendar["start"] if hasattr(calendar, "keys") or hasattr(calendar, "columns") else calendar
