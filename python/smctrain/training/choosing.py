"""Feature selection inside a training run: chosen in every fold on its training rows, used only where it costs nothing.

Folds of one symbol are the same for most families, so a choice is made once for a set of rows and shared.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.config import Config
from smctrain.models.base import FittedModel
from smctrain.models.shared import Shared
from smctrain.prepare import Preparation
from smctrain.selection.problem import Outcome, Problem
from smctrain.selection.step import FeatureStep

Rows = NDArray[np.int64]


class FeatureChoice:
    """Chooses columns for the fits of one symbol, and remembers what it chose for which rows.

    Parameters
    ----------
    config : Config
    X : float32 (n, d)
        Raw columns of all bars.
    y : int32 (n,)
        Class codes.
    horizon : int
        Neighbouring rows whose labels overlap.
    seed : int
        Of the selection; the same for all families, because they share it.
    """

    def __init__(
        self, config: Config, X: NDArray[np.float32], y: NDArray[np.int32], n_classes: int, horizon: int, seed: int
    ) -> None:
        settings = dict(config.selection.features)
        self.method = str(settings.pop("method"))
        self.limit_s = float(settings.pop("time_limit_s"))
        self.step = FeatureStep(self.method, **settings) if self.method != "none" else None
        self.X, self.y, self.n_classes, self.horizon, self.seed = X, y, n_classes, horizon, seed
        self._made = Shared()

    @property
    def wanted(self) -> bool:
        """Whether columns are to be chosen at all."""
        return self.step is not None

    def outcome(
        self, prepare: Preparation, rows: Rows, threads: int, stop: NDArray[np.uint8] | None, seconds_left: float
    ) -> Outcome:
        """What is chosen among the columns `prepare` keeps; reads the given rows only."""
        step = self.step
        assert step is not None

        def make() -> Outcome:
            return step(
                Problem(
                    X=prepare.select(self.X, rows),
                    y=np.ascontiguousarray(self.y[rows]),
                    n_classes=self.n_classes,
                    names=prepare.kept_names,
                    horizon=self.horizon,
                    seed=self.seed,
                    threads=threads,
                    stop=stop,
                    time_limit_s=min(self.limit_s, seconds_left),
                )
            )

        return self._made.get((prepare.fit_rows_hash, prepare.kept.tobytes()), make)


def dropped_by(outcome: Outcome) -> dict[str, str]:
    """Columns that were not chosen, with their reasons."""
    columns = zip(outcome.names, outcome.reasons, outcome.kept, strict=True)
    return {name: reason for name, reason, kept in columns if not kept}


def record(
    fold: int | str, family: str, prepare: Preparation, outcome: Outcome, model: FittedModel, scaled: bool
) -> dict[str, Any]:
    """What one fit saw: its columns, their importances (sum 1), and why the others are out."""
    importances = model.feature_importances()
    weights: dict[str, float] = {}
    if importances is not None:
        total = float(np.sum(importances))
        shares = importances / total if total > 0 else importances
        names = prepare.names_out(scaled and len(importances) > len(prepare.kept))
        weights = {name: float(share) for name, share in zip(names, shares, strict=True)}
    return {
        "fold": fold,
        "family": family,
        "selected": prepare.kept_names,
        "importances": weights,
        "dropped": [{"feature": name, "reason": reason} for name, reason in prepare.dropped],
        "kept_because": {
            name: reason
            for name, reason, kept in zip(outcome.names, outcome.reasons, outcome.kept, strict=True)
            if kept and reason
        },
        "complete": outcome.complete,
        "note": outcome.note,
    }


def decide(
    method: str, full: list[float], chosen: list[float], n_folds: int, fold_note: str, independent: float | None = None
) -> dict[str, Any]:
    """Whether the chosen columns are used: not worse than all of them by more than one standard error over folds;
    `independent`: as how many of them they count, where folds overlap."""
    base: dict[str, Any] = {"method": method, "used": False}
    if not full or len(full) != len(chosen) or len(full) < max(2, n_folds):
        why = fold_note or "not all folds were run"
        return base | {"reason": f"all columns are used: the choice could not be compared with them ({why})"}
    gains = np.subtract(chosen, full)
    mean, error = float(gains.mean()), float(gains.std(ddof=1) / np.sqrt(independent or len(gains)))
    used = mean >= -error
    verb = "are used" if used else "are not used"
    return base | {
        "used": used,
        "mean_gain": mean,
        "standard_error": error,
        "fold_accuracies": [float(value) for value in chosen],
        "fold_accuracies_all_columns": [float(value) for value in full],
        "reason": f"the chosen columns {verb}: inner accuracy {mean:+.3f} against all columns "
        f"(standard error {error:.3f})",
    }
