"""A splitter's answer in numbers and dates: which rows each split trains and tests on, and which it leaves out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DATES = ("train_from", "train_to", "validation_from", "validation_to", "test_from", "test_to")
_ALWAYS = ("fold", "train", "test", "purged", "embargoed", "test_from", "test_to")


@dataclass(frozen=True)
class FoldPlan:
    """One split in numbers.

    Attributes
    ----------
    fold : int
        Number in the order of `split`.
    train, test : int
        Rows on each side.
    purged, embargoed : int
        Rows left out because their labels overlap a test label, or because they follow a test block too closely.
    unused, excluded : int
        Rows in no part (such as those after the test of a walk-forward split), and rows that a calendar excludes.
    train_from, train_to, test_from, test_to : datetime64 or int, or None
        First and last decision of each part; training rows of a k-fold lie on both sides of the test.
    validation, validation_from, validation_to
        The same for the validation part of a temporal split.
    name : str
        The regime or the symbol that is tested.
    events : tuple of str
        Calendar windows that meet the test part.
    spans : tuple of (part, first, last)
        The split in order of time: "train", "test", "purged", "embargoed", "unused" or "excluded", with its first and
        last decision. Empty where parts alternate too often to be drawn (rows of several symbols).
    """

    fold: int
    train: int
    test: int
    purged: int
    embargoed: int
    unused: int
    excluded: int
    train_from: Any
    train_to: Any
    test_from: Any
    test_to: Any
    validation: int = 0
    validation_from: Any = None
    validation_to: Any = None
    name: str = ""
    events: tuple[str, ...] = ()
    spans: tuple[tuple[str, Any, Any], ...] = ()


class SplitPlan(Sequence[FoldPlan]):
    """All splits of a splitter in numbers and dates.

    Attributes
    ----------
    splitter : str
        The splitter and its settings in words.
    purpose : str
        "verdict", "tuning", "spread" or "diagnostic" (see `Splitter`).
    notes : tuple of str
        What a reader must know: groups that are too small, borders that moved, events that cannot be kept apart.
    """

    def __init__(self, splitter: str, purpose: str, folds: tuple[FoldPlan, ...], notes: tuple[str, ...] = ()) -> None:
        self.splitter = splitter
        self.purpose = purpose
        self.folds = folds
        self.notes = notes

    def __len__(self) -> int:
        return len(self.folds)

    @overload
    def __getitem__(self, number: int) -> FoldPlan: ...
    @overload
    def __getitem__(self, number: slice) -> tuple[FoldPlan, ...]: ...
    def __getitem__(self, number: int | slice) -> FoldPlan | tuple[FoldPlan, ...]:
        return self.folds[number]

    def __iter__(self) -> Iterator[FoldPlan]:
        return iter(self.folds)

    @property
    def columns(self) -> dict[str, NDArray[Any]]:
        """The plan as arrays, one entry per split; columns without any content are left out."""
        made: dict[str, NDArray[Any]] = {}
        for field in fields(FoldPlan):
            if field.name == "spans":
                continue
            values = [getattr(fold, field.name) for fold in self.folds]
            if field.name not in _ALWAYS and not any(map(_says_something, values)):
                continue
            if field.name == "events":
                made["events"] = np.array([", ".join(value) for value in values])
            elif field.name in _DATES:
                made[field.name] = _dates(values)
            else:
                made[field.name] = np.array(values)
        return made

    @property
    def table(self) -> Any:
        """The plan as a pandas DataFrame when pandas is installed, else a dict of arrays."""
        try:
            import pandas as pd
        except ImportError:
            return self.columns
        return pd.DataFrame(self.columns)

    def __repr__(self) -> str:
        columns = {name: [_show(value) for value in values] for name, values in self.columns.items()}
        widths = {name: max(len(name), *(len(cell) for cell in cells), 0) for name, cells in columns.items() if cells}
        lines = [f"{self.splitter}: {len(self.folds)} splits, for {self.purpose}"]
        lines.append("  ".join(name.rjust(width) for name, width in widths.items()))
        for number in range(len(self.folds)):
            lines.append("  ".join(columns[name][number].rjust(width) for name, width in widths.items()))
        lines += [f"! {note}" for note in self.notes]
        return "\n".join(line.rstrip() for line in lines)

    def plot(self, ax: Axes | None = None) -> Figure:
        """One line per split: where its rows train, test, and are left out by purge and embargo.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a figure of its own by default.

        Returns
        -------
        matplotlib Figure
        """
        from matplotlib.figure import Figure

        if ax is None:
            ax = Figure(figsize=(9, 1.2 + 0.3 * len(self.folds)), layout="constrained").subplots()
        for part, colour, hatch in _DRAWN:
            spans = [(fold.fold, *span) for fold in self.folds for span in _spans_of(fold, part)]
            if not spans:
                continue
            start, end = (np.array([span[side] for span in spans]) for side in (1, 2))
            if start.dtype.kind == "M":
                from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num

                start, end = date2num(start), date2num(end)  # type: ignore[no-untyped-call]
                locator = AutoDateLocator()  # type: ignore[no-untyped-call]
                ax.xaxis.set_major_locator(locator)
                ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
            ax.barh(
                [span[0] for span in spans], end - start, left=start, color=colour, hatch=hatch, edgecolor="white",
                linewidth=0, height=0.8, label=part,
            )  # fmt: skip
        ax.set_yticks([fold.fold for fold in self.folds], [fold.name or str(fold.fold) for fold in self.folds])
        ax.invert_yaxis()
        ax.set_ylabel("split")
        ax.set_xlabel("decision")
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.25), ncols=5, frameon=False)
        figure = ax.get_figure()
        assert isinstance(figure, Figure)
        return figure


_DRAWN = (
    ("train", "#0072B2", ""),
    ("validation", "#56B4E9", "//"),
    ("test", "#D55E00", "xx"),
    ("purged", "#8A8A8A", ""),
    ("embargoed", "#C9C9C9", ""),
)
_MOST_SPANS = 200


def spans_of(moments: NDArray[np.int64], parts: NDArray[np.uint8], names: Sequence[str], show: Any) -> tuple[Any, ...]:
    """Runs of rows of one part as (part, first, last), for rows in order of time; a run reaches up to the next one."""
    first = np.flatnonzero(np.concatenate([[True], parts[1:] != parts[:-1]])) if len(parts) else np.zeros(0, np.int64)
    if len(first) > _MOST_SPANS:
        return ()
    last = np.append(first[1:], len(parts) - 1)
    return tuple(
        (names[parts[a]], show(moments[a]), show(moments[b]))
        for a, b in zip(first.tolist(), last.tolist(), strict=True)
    )


def _spans_of(fold: FoldPlan, part: str) -> list[tuple[Any, Any]]:
    if part != "validation" and fold.spans:
        return [(first, last) for name, first, last in fold.spans if name == part]
    ends = getattr(fold, f"{part}_from", None), getattr(fold, f"{part}_to", None)
    return [] if ends[0] is None else [ends]


def _says_something(value: Any) -> bool:
    return isinstance(value, np.datetime64) or bool(value)


def _dates(values: list[Any]) -> NDArray[Any]:
    if any(isinstance(value, np.datetime64) for value in values):
        return np.array([np.datetime64("NaT") if value is None else value for value in values], dtype="datetime64[ns]")
    return np.array([-1 if value is None else value for value in values], dtype=np.int64)


def _show(value: Any) -> str:
    return str(value)[:16].replace("T", " ") if isinstance(value, np.datetime64) else str(value)
