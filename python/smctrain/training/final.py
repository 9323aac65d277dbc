"""The model that goes live: the chosen family once more, on all labelled rows.

It has learned from the rows that judged its family, so that no honest number belongs to it; the verdict's numbers are
those of the same recipe on rows it had not seen. No row is kept for early stopping: it fits as many rounds or epochs as
the windows kept (median). Columns are selected, synthetic rows are added, where the last window did.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from smctrain.models.base import FittedModel, Trainer
from smctrain.prepare import Preparation
from smctrain.training.fitting import Fitter
from smctrain.training.prepared import Prepared

_LENGTHS = ("n_estimators", "max_epochs")
_STOPS = ("early_stopping_rounds", "n_iter_no_change")


@dataclass(frozen=True)
class FinalModel:
    """A family refit on all rows."""

    family: str
    model: FittedModel
    prepare: Preparation
    classes: list[int]
    rows: int
    rounds: int | None
    """None: as its settings say."""


def fixed_length(trainer: Trainer, rounds: Sequence[int]) -> Trainer:
    """The trainer with the median of these rounds and without early stopping; itself where it has no rounds."""
    if not rounds:
        return trainer
    settings: Any = trainer
    known = {field.name for field in dataclasses.fields(settings)}
    changes: dict[str, int | None] = {name: median_of(rounds) for name in _LENGTHS if name in known}
    changes |= dict.fromkeys((name for name in _STOPS if name in known), None)
    changed: Trainer = dataclasses.replace(settings, **changes)
    return changed


def median_of(rounds: Sequence[int]) -> int:
    """Rounds of the final model."""
    return max(1, round(statistics.median(rounds)))


def refit_on_all(
    fitter: Fitter, trainer: Trainer, rounds: Sequence[int], selection: bool, augmentation: bool
) -> tuple[FittedModel, Prepared]:
    """Fit `trainer` on all rows of the fitter's parts.

    Parameters
    ----------
    fitter : Fitter
        Its `parts.train` are all labelled rows.
    rounds : ints
        Rounds or epochs the windows kept.
    selection, augmentation : bool
        Whether the last window selected columns, and used synthetic rows.
    """
    rows = fitter.parts.train
    fitter.trainer, fitter.chooses = fixed_length(trainer, rounds), selection
    # A family that stops early, and has no rounds to copy, keeps its tail.
    fit, stop = (rows, np.empty(0, dtype=np.int64))
    if trainer.uses_stop_rows and not rounds:
        fit, stop = fitter.parts.fit, fitter.parts.stop
    whole, _ = fitter.chosen(fitter.store.of(rows), rows)
    return fitter.fit(whole, fit, stop, augmentation, "all rows", fitter.bounds.threads), whole
