"""Do the folds of a cross-validation agree?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from smctrain.exceptions import InputError


@dataclass(frozen=True)
class Stability:
    """Spread of fold accuracies."""

    mean: float
    std: float
    """Sample standard deviation (ddof 1) over folds."""
    min: float
    max: float
    is_stable: bool
    verdict: str
    """ "stable" (std <= 0.10), "unstable" (<= 0.15) or "rejected"."""
    poor_folds: tuple[int, ...]
    """Folds below mean - std, counted from 0."""
    expected_noise_std: float | None
    """Spread that sampling noise alone would give, sqrt(p (1 - p) / n_eff); None without `fold_n_eff`."""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"poor_folds": list(self.poor_folds)}


class StabilityChecker:
    """Judges the spread of fold accuracies.

    Parameters
    ----------
    max_std : largest standard deviation still called stable
    reject_std : largest standard deviation not rejected
    """

    def __init__(self, max_std: float = 0.10, reject_std: float = 0.15) -> None:
        if not 0.0 < max_std <= reject_std:
            raise InputError(
                f"0 < max_std <= reject_std is needed, but max_std is {max_std} and reject_std {reject_std}."
            )
        self.max_std = max_std
        self.reject_std = reject_std

    def check(
        self,
        fold_accuracies: Sequence[float] | npt.NDArray[np.float64],
        fold_n_eff: float | Sequence[float] | None = None,
    ) -> Stability:
        """Mean, spread and verdict of the accuracies of at least two folds.

        Parameters
        ----------
        fold_accuracies : (folds,) shares in [0, 1]
        fold_n_eff : effective rows per fold (one number, or one per fold); gives `expected_noise_std`.
            A spread below that says nothing about stability
        """
        values = np.asarray(fold_accuracies, dtype=np.float64)
        if values.ndim != 1 or len(values) < 2:
            raise InputError(
                f"fold_accuracies must hold at least 2 folds, but has shape {values.shape}: "
                "one fold has no spread."
            )
        if not bool(np.all((values >= 0.0) & (values <= 1.0))):
            raise InputError(f"fold_accuracies must lie between 0 and 1, but are {values.tolist()}.")
        mean = float(values.mean())
        std = float(values.std(ddof=1))
        noise: float | None = None
        if fold_n_eff is not None:
            sizes = np.broadcast_to(np.asarray(fold_n_eff, dtype=np.float64), values.shape)
            if not bool(np.all(sizes > 0.0)):
                raise InputError("fold_n_eff must be positive.")
            noise = math.sqrt(mean * (1.0 - mean) * float(np.mean(1.0 / sizes)))
        # 1e-12: equal folds such as 0.6, 0.7, 0.8 must not be rejected for a rounding error of the spread.
        verdict = (
            "stable"
            if std <= self.max_std + 1e-12
            else "unstable"
            if std <= self.reject_std + 1e-12
            else "rejected"
        )
        return Stability(
            mean=mean,
            std=std,
            min=float(values.min()),
            max=float(values.max()),
            is_stable=verdict == "stable",
            verdict=verdict,
            poor_folds=tuple(int(i) for i in np.flatnonzero(values < mean - std - 1e-12)),
            expected_noise_std=noise,
        )
