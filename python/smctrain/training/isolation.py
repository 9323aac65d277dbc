"""Sentinel "held-out rows": whatever is said about them must not hang on what nobody could know then. Bit for bit.

alter    labels and outcomes of all rows from the first unseen one on become others; columns of the later half of the
         first window's unseen rows, and of everything behind, become others
again    the first outer window is chosen and fitted once more, with the same seeds: columns, synthetic rows, inner
         folds, early stopping, the model
compare  answers of the earlier half of its unseen rows, and everything that was answered on inner rows: both lie before
         every altered column, so not one bit may differ

What it finds: any step of ours that reads held-out labels or columns, however little it gains by it: a scaler of all
rows, columns chosen on all rows, a target encoding, early stopping on unseen rows. What it cannot find: columns that
came with the outcome inside (they are the same both times), and training labels that reach into held-out rows (check
D). The search for settings of weak symbols is not repeated: it reads inner folds of the first window only.

Where the answers differ, the untouched rows are fitted once more, too: code whose own repetitions differ (a fit that
ended by the clock) is no witness. Then labels alone are altered, to tell which of the two was read.

Cost: one fit and the inner folds of the first window for each family; two to three times that where something is found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from smctrain.audit.sentinels import Sentinel, held_out_rows
from smctrain.config import Config
from smctrain.dataset import Dataset
from smctrain.exceptions import SmctrainError
from smctrain.models.base import Trainer
from smctrain.training.bounds import Bounds
from smctrain.training.parts import LabelMap, Rows
from smctrain.training.walk_forward import FamilyWindows, WalkForwardFit, Windows

LABELS, COLUMNS = "labels", "columns"
_STAYS = 0.3
"""Share of altered labels that stay: code that looks at shares alone would see the same ones upside down."""

Said = tuple[NDArray[np.float64], NDArray[np.int32]]


class Isolation:
    """Fits the first outer window of a symbol again on altered rows.

    Parameters
    ----------
    windows : Windows
        Its first window is repeated.
    bounds : callable
        Fresh bounds for one family.
    """

    def __init__(
        self, data: Dataset, windows: Windows, config: Config, quarantine: Mapping[str, str], seed: int,
        bounds: Callable[[], Bounds],
    ) -> None:  # fmt: skip
        self.data, self.config, self.quarantine, self.bounds, self.seed = data, config, quarantine, bounds, seed
        self.windows = replace(windows, parts=windows.parts[:1])
        unseen = windows.parts[0].test
        self.first, self.half = int(unseen[0]), int(unseen[len(unseen) // 2])
        self.early: Rows = np.flatnonzero(unseen < self.half)

    def ask(self, trainer: Trainer, found: FamilyWindows | None) -> Sentinel | None:
        """The sentinel of one family; None where its fits cannot be compared.

        Parameters
        ----------
        found : FamilyWindows or None
            What the run found with this trainer; None: it is fitted here.
        """
        try:
            honest = self._of(found) if found is not None else self._said(trainer, ())
            changed, compared = self._changed(honest, self._said(trainer, (LABELS, COLUMNS)))
            what = f"{LABELS} and {COLUMNS}"
            if changed:
                if self._changed(honest, self._said(trainer, ()))[0]:
                    return None
                alone, _ = self._changed(honest, self._said(trainer, (LABELS,)))
                what, changed = (LABELS, alone) if alone else (COLUMNS, changed)
        except _EndedEarly:
            return None
        return held_out_rows(trainer.family, changed, compared, what)

    def _said(self, trainer: Trainer, what: tuple[str, ...]) -> Said:
        data, windows = self._altered(what)
        walk = WalkForwardFit(data, windows, self.config, self.bounds().threads, self.quarantine)
        try:
            found = walk.fit(trainer, self.bounds(), lambda *_: None)
        except SmctrainError as error:
            raise _EndedEarly from error
        return self._of(found)

    def _of(self, found: FamilyWindows) -> Said:
        if not found.complete:
            raise _EndedEarly
        return found.proba[self.early], found.inner

    @staticmethod
    def _changed(one: Said, other: Said) -> tuple[int, int]:
        """(answers that differ in a bit, answers compared)."""
        proba = (one[0] != other[0]) & ~(np.isnan(one[0]) & np.isnan(other[0]))
        return int(proba.any(axis=1).sum() + (one[1] != other[1]).sum()), len(one[0]) + len(one[1])

    def _altered(self, what: tuple[str, ...]) -> tuple[Dataset, Windows]:
        data, windows = self.data, self.windows
        rng = np.random.default_rng(self.seed)
        if LABELS in what:
            y = _other_labels(windows.y, self.first, len(windows.label_map.classes), rng)
            values = _values(data.y, y, windows.label_map, self.first)
            later = self.first + rng.permutation(len(data.r) - self.first)
            data = replace(data, y=values, r=np.concatenate([data.r[: self.first], data.r[later]]))
            windows = replace(windows, y=y, parts=[replace(windows.parts[0], y=y)])
        if COLUMNS in what:
            X = data.X.copy()
            # Other places and another spread, whatever the unit; the largest numbers stay numbers.
            drawn = X[self.half + rng.permutation(len(X) - self.half)]
            X[self.half :] = 3.0 * np.clip(drawn, -1e37, 1e37)
            data = replace(data, X=X)
        return data, windows


class _EndedEarly(Exception):
    """A fit that did not come to its end: its answers cannot be compared."""


def _other_labels(y: NDArray[np.int32], first: int, n_classes: int, rng: np.random.Generator) -> NDArray[np.int32]:
    """Labels from row `first` on: most of them another class."""
    other = y.copy()
    later = y[first:]
    step = rng.integers(1, n_classes, len(later)) if n_classes > 2 else np.ones(len(later), dtype=np.int64)
    stays = (later < 0) | (rng.random(len(later)) < _STAYS)
    other[first:] = np.where(stays, later, (later + step) % n_classes)
    return other


def _values(
    known: NDArray[np.float64], codes: NDArray[np.int32], label_map: LabelMap, first: int
) -> NDArray[np.float64]:
    """The user's label values of those codes."""
    values = known.copy()
    classes = np.asarray(label_map.classes, dtype=np.float64)
    later = np.flatnonzero(codes[first:] >= 0) + first
    values[later] = classes[codes[later]]
    return values
