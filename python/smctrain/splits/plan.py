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
        """One line per split: the spans of its training, validation and test rows.

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
        parts = (("train", "#0072B2", ""), ("validation", "#56B4E9", "//"), ("test", "#D55E00", "xx"))
        for part, colour, hatch in parts:
            drawn = [fold for fold in self.folds if getattr(fold, f"{part}_from") is not None]
            if not drawn:
                continue
            start, end = (np.array([getattr(fold, f"{part}_{side}") for fold in drawn]) for side in ("from", "to"))
            if start.dtype.kind == "M":
                from matplotlib.dates import date2num

                start, end = date2num(start), date2num(end)  # type: ignore[no-untyped-call]
                ax.xaxis_date()
            ax.barh(
                [fold.fold for fold in drawn], end - start, left=start, color=colour, hatch=hatch, edgecolor="white",
                height=0.8 if part != "test" else 0.55, label=part,
            )  # fmt: skip
        ax.set_yticks([fold.fold for fold in self.folds], [fold.name or str(fold.fold) for fold in self.folds])
        ax.invert_yaxis()
        ax.set_ylabel("split")
        ax.set_xlabel("first to last decision of each part")
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.25), ncols=3, frameon=False)
        figure = ax.get_figure()
        assert isinstance(figure, Figure)
        return figure


def _says_something(value: Any) -> bool:
    return isinstance(value, np.datetime64) or bool(value)


def _dates(values: list[Any]) -> NDArray[Any]:
    if any(isinstance(value, np.datetime64) for value in values):
        return np.array([np.datetime64("NaT") if value is None else value for value in values], dtype="datetime64[ns]")
    return np.array([-1 if value is None else value for value in values], dtype=np.int64)


def _show(value: Any) -> str:
    return str(value)[:16].replace("T", " ") if isinstance(value, np.datetime64) else str(value)
