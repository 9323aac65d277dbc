"""Who may learn from which row: the outer split, the inner folds and the early-stopping tail of one symbol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.config import Config
from smctrain.dataset import Dataset
from smctrain.exceptions import OneClass, TooFewRows
from smctrain.splits import EventAwareSplit, TemporalSplit
from smctrain.splits import audit as audit_split
from smctrain.splits.base import longest_overlap
from smctrain.splits.tail import tail_split
from smctrain.training.calendar import outer_splitter
from smctrain.training.inner import inner_splitter, learns_both_sides

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class LabelMap:
    """Class values in the order of the probability columns; decided on training rows, replayed everywhere."""

    classes: list[int]
    dropped: list[dict[str, Any]]

    def codes(self, y: NDArray[np.float64]) -> NDArray[np.int32]:
        """Class code per row, -1 where the label is missing or its class was dropped."""
        codes = np.full(len(y), -1, dtype=np.int32)
        for code, value in enumerate(self.classes):
            codes[y == value] = code
        return codes


@dataclass(frozen=True)
class Fold:
    """One inner fold: rows to fit on, rows that stop early, rows to predict."""

    fit: Rows
    stop: Rows
    test: Rows


@dataclass(frozen=True)
class Parts:
    """All row sets of one symbol; bar indices, ascending."""

    label_map: LabelMap
    y: NDArray[np.int32]
    train: Rows
    validation: Rows
    test: Rows
    fit: Rows
    """Training rows without the early-stopping tail (and without rows whose labels reach into it)."""
    stop: Rows
    folds: list[Fold]
    folds_note: str
    horizon: int
    report: dict[str, Any]
    both_sides: bool = True
    """Whether folds learn from each other's rows."""

    @property
    def held(self) -> Rows:
        """All rows that a fold holds out, each once, ascending."""
        rows = [fold.test for fold in self.folds]
        return np.unique(np.concatenate(rows)) if rows else np.empty(0, dtype=np.int64)


def make_parts(data: Dataset, config: Config, times: NDArray[np.datetime64]) -> Parts:
    """Split one symbol in time and purge by label intervals.

    Raises
    ------
    TooFewRows, OneClass
        When a part would be empty or the training part holds a single class.
    """
    rows = data.rows
    train, validation, test, purged, calendar = _outer(data, rows, config)
    label_map = make_label_map(data.y[train], config.labels.min_class, data.symbol)
    y = label_map.codes(data.y)
    train, validation, test = (part[y[part] >= 0] for part in (train, validation, test))
    for name, part in (("training", train), ("validation", validation), ("test", test)):
        if len(part) < 10:
            raise TooFewRows(
                f"{data.symbol}: the {name} part has {len(part)} rows after purging, but needs at least 10. "
                "Give more history."
            )
    horizon = longest_overlap(data.t0[rows], data.t1[rows])
    fit, stop = tail_split(train, data.t0, data.t1, config.cv.stop_share)
    folds, note = inner_folds(data, train, y, len(label_map.classes), config, horizon)

    def describe(part: Rows) -> dict[str, Any]:
        return {"rows": len(part), "first": str(times[part[0]])[:19], "last": str(times[part[-1]])[:19]}

    report = {
        "method": "temporal",
        "train": describe(train),
        "validation": describe(validation),
        "test": describe(test),
        "purged": purged,
        "early_stopping_rows": len(stop),
        "folds": len(folds),
        "folds_kind": config.cv.kind,
        "folds_note": note,
        **calendar,
    }
    both = learns_both_sides(config)
    return Parts(label_map, y, train, validation, test, fit, stop, folds, note, horizon, report, both)


def _outer(data: Dataset, rows: Rows, config: Config) -> tuple[Rows, Rows, Rows, int, dict[str, Any]]:
    base = TemporalSplit(
        train=config.split.train,
        validation=config.split.validation,
        test=config.split.test,
        embargo=config.split.embargo,
    )
    split, intervals = outer_splitter(base, data, config)
    assert isinstance(split, (TemporalSplit, EventAwareSplit))
    train, validation, test = split.split_indices()
    audit_split([(np.concatenate([train, validation]), test)], rows, intervals, forward=True)
    audit_split([(train, validation)], rows, intervals, forward=True)
    purged = len(rows) - len(train) - len(validation) - len(test)
    report: dict[str, Any] = {}
    if isinstance(split, EventAwareSplit):
        plan = split.plan()
        report = {"events_in_test": list(plan[0].events), "notes": list(plan.notes)}
    return rows[train], rows[validation], rows[test], purged, report


def make_label_map(y: NDArray[np.float64], min_class: int, symbol: str) -> LabelMap:
    """The classes that training rows with these labels can teach."""
    values, counts = np.unique(y, return_counts=True)
    # On short data a fixed count would drop everything: 5 % of the training rows is enough there.
    needed = min(min_class, max(2, len(y) // 20))
    kept = [int(v) for v, c in zip(values, counts, strict=True) if c >= needed]
    dropped = [
        {"class": int(v), "rows": int(c), "reason": f"fewer than {needed} training rows"}
        for v, c in zip(values, counts, strict=True)
        if c < needed
    ]
    if len(kept) < 2:
        raise OneClass(
            f"{symbol}: the training part holds only one class with at least {needed} rows "
            f"({ {int(v): int(c) for v, c in zip(values, counts, strict=True)} }); nothing to learn."
        )
    return LabelMap(kept, dropped)


def inner_folds(
    data: Dataset, train: Rows, y: NDArray[np.int32], n_classes: int, config: Config, horizon: int
) -> tuple[list[Fold], str]:
    """Folds of the training rows by `cv.kind`, and why there are none where there are none."""
    n_folds = config.cv.folds
    if n_folds < 1:
        return [], "cross-validation is switched off"
    smallest = max(20, horizon)
    held = len(train) if config.cv.kind != "walk_forward" else int(len(train) * (1.0 - config.cv.min_train))
    if held // n_folds < smallest:
        return [], f"{len(train)} training rows are too few for {n_folds} folds of at least {smallest} rows"
    splitter, intervals = inner_splitter(data, train, config)
    try:
        pairs = list(splitter.split(train))
    except TooFewRows as error:
        return [], str(error)
    audit_split(splitter, train, intervals)
    folds: list[Fold] = []
    for number, (inside, outside) in enumerate(pairs):
        fit, stop = tail_split(train[inside], data.t0, data.t1, config.cv.stop_share)
        if len(fit) < smallest or len(np.unique(y[fit])) < n_classes:
            return [], f"fold {number} lacks a class or rows after purging"
        folds.append(Fold(fit, stop, train[outside]))
    return folds, ""
