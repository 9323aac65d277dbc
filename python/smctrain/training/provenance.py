"""Checks E and G: which rows every fitted step saw, asserted at the moment it is fitted.

place       where a model is fitted: the whole training part, or a fold of it; with the rows it may learn from and those
            it is judged on. Made from the `Parts` a fitter works on, not by the fitter
step        a preparation, a choice of columns, a model with its early-stopping rows, synthetic rows
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smctrain.exceptions import SplitLeak
from smctrain.prepare import Preparation
from smctrain.prepare.preparation import hash_of_rows
from smctrain.splits import audit as audit_splits
from smctrain.training.parts import Parts

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Place:
    """Rows that may be learned from, and rows that are held out."""

    allowed: Rows
    held: Rows
    digest: str


class Provenance:
    """Asserts that nothing is learned from rows that are held out, and counts what was checked.

    Parameters
    ----------
    t0, t1 : int64 (n,)
        Label intervals, closed.
    """

    def __init__(self, t0: Rows, t1: Rows) -> None:
        self.t0, self.t1 = t0, t1
        self.preparations = self.models = self.choices = self.synthetic_rows = 0
        self._lock = threading.Lock()

    def of(self, parts: Parts) -> Watch:
        """What a fitter that works on these parts reports to."""
        return Watch(self, parts)

    def count(self, **more: int) -> None:
        """Add to the counts; fits run side by side."""
        with self._lock:
            for name, value in more.items():
                setattr(self, name, getattr(self, name) + value)


class Watch:
    """Checks the fits on one `Parts`. A purpose names the place: "fold3/..." a fold, anything else the whole."""

    def __init__(self, provenance: Provenance, parts: Parts) -> None:
        self.whole = provenance
        self.t0, self.t1 = provenance.t0, provenance.t1
        self.places = {"": _place(parts.train, np.concatenate([parts.validation, parts.test]))}
        for number, fold in enumerate(parts.folds):
            held = np.concatenate([fold.test, parts.validation, parts.test])
            self.places[f"fold{number}"] = _place(np.union1d(fold.fit, fold.stop), held)

    def chosen(self, prepare: Preparation, rows: Rows, where: str = "choice of columns") -> None:
        """A choice of columns was made from `rows`, which must be those of its preparation."""
        if hash_of_rows(rows) != prepare.fit_rows_hash:
            raise SplitLeak(f"{where}: columns were chosen on other rows than they were prepared on.", "provenance")
        self.whole.count(choices=1)

    def fitted(self, purpose: str, prepare: Preparation, fit: Rows, stop: Rows) -> None:
        """A model is about to be fitted on `fit`, stopped early on `stop`.

        Raises
        ------
        SplitLeak
            Code "provenance": a row outside the training rows of the place, on both sides, or held out.
        """
        place = self._place(purpose)
        for rows, what in ((fit, "fitted"), (stop, "stopped early")):
            self._inside(rows, place, f"{purpose}: the model is {what} on")
        both = np.intersect1d(fit, stop)
        if len(both):
            raise SplitLeak(
                f"{purpose}: {len(both)} rows are fitted on and stop early, first {both[0]}.",
                "provenance",
                _first(both),
            )
        if prepare.fit_rows_hash not in (place.digest, hash_of_rows(np.union1d(fit, stop))):
            raise SplitLeak(
                f"{purpose}: the preparation was fitted on {prepare.fit_rows} rows that are not the training rows of "
                "this fit.",
                "provenance",
            )
        self.whole.count(models=1, preparations=1)

    def synthetic(self, purpose: str, fit: Rows, parents: Rows) -> None:
        """Synthetic rows made of rows `fit[parents]` (m, 2).

        Raises
        ------
        SplitLeak
            Code "lineage": a parent outside the training rows, or a label interval (from the earliest start of the
            parents to their latest end) that meets a held-out label.
        """
        place = self._place(purpose)
        if not len(parents):
            return
        if parents.min() < 0 or parents.max() >= len(fit):
            raise SplitLeak(f"{purpose}: a synthetic row has a parent outside the training rows.", "lineage")
        rows = fit[parents]
        self._inside(rows.ravel(), place, f"{purpose}: synthetic rows are made of", "lineage")
        start, end = self.t0[rows].min(axis=1), self.t1[rows].max(axis=1)
        n = len(rows)
        t0, t1 = np.r_[start, self.t0[place.held]], np.r_[end, self.t1[place.held]]
        train, test = np.arange(n, dtype=np.int64), np.arange(n, len(t0), dtype=np.int64)
        if len(test):
            try:
                audit_splits([(train, test)], t0, (t0, t1))
            except SplitLeak as leak:
                named = tuple(int(row) for row in rows[[row for row in leak.rows if row < n]].ravel()[:10])
                raise SplitLeak(
                    f"{purpose}: the labels of synthetic rows reach into held-out labels (parents {named}).",
                    "lineage",
                    named,
                ) from leak
        self.whole.count(synthetic_rows=n)

    def generated(self, purpose: str, fit: Rows, n: int) -> None:
        """`n` rows drawn from a model of rows `fit`: each of these is a parent."""
        self._inside(fit, self._place(purpose), f"{purpose}: synthetic rows are made of", "lineage")
        self.whole.count(synthetic_rows=n)

    def _place(self, purpose: str) -> Place:
        where = purpose.rsplit("/", 2)[-2] if "/" in purpose else ""
        if where.startswith("fold") and where not in self.places:
            raise SplitLeak(f"{purpose}: there is no such fold: nobody knows what it may learn from.", "provenance")
        return self.places.get(where, self.places[""])

    def _inside(self, rows: Rows, place: Place, words: str, code: str = "provenance") -> None:
        outside = np.setdiff1d(rows, place.allowed)
        if len(outside):
            held = np.intersect1d(outside, place.held)
            raise SplitLeak(
                f"{words} {len(outside)} rows outside its training rows, first {outside[0]}"
                + (f"; {len(held)} of them are held out." if len(held) else "."),
                code,
                _first(outside),
            )
        shared = np.intersect1d(rows, place.held)
        if len(shared):
            raise SplitLeak(f"{words} {len(shared)} held-out rows, first {shared[0]}.", code, _first(shared))


def _place(allowed: Rows, held: Rows) -> Place:
    return Place(np.unique(allowed), np.unique(held), hash_of_rows(allowed))


def _first(rows: Rows) -> tuple[int, ...]:
    return tuple(int(row) for row in rows[:10])
