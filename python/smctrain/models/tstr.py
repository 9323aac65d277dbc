"""Train on synthetic, test on real: what made rows are worth.

The same forest learns from real training rows, from as many made rows with the same classes, and from both; all are
judged on the same later real rows that neither the generator nor the forests have seen (Esteban, Hyland and Raetsch,
"Real-valued (medical) time series generation with recurrent conditional GANs", 2017).

    skill   balanced accuracy minus that of chance, 1 / classes
    share   skill from made rows divided by skill from real rows
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.exceptions import InputError
from smctrain.models.base import FitTask, FloatMatrix
from smctrain.models.random_forest import RandomForestTrainer

ARMS = ("real", "synthetic", "both")
USABLE_SHARE = 0.5
"""Made rows that carry less of the real rows' skill are not worth offering."""


@dataclass(frozen=True, eq=False)
class SyntheticScore:
    """The answer of `judge`.

    Attributes
    ----------
    skill : float64 (3, seeds)
        Of forests trained on real rows, made rows and both; columns share a seed.
    chance : float
        Balanced accuracy of chance.
    se_rows : float64 (3,)
        Standard error of the skill from the number of test rows, as if these were independent (overlapping labels make
        it larger).
    n_train, n_test : int
    """

    skill: NDArray[np.float64]
    chance: float
    se_rows: NDArray[np.float64]
    n_train: int
    n_test: int

    @property
    def real_has_skill(self) -> bool:
        """Whether the forest of real rows is above chance by more than two standard errors."""
        return bool(self.skill[0].mean() > 2.0 * np.hypot(self._se_seeds(0), self.se_rows[0]))

    @property
    def share(self) -> float:
        """Share of the real rows' skill that made rows carry; NaN where real rows have none."""
        return float(self.skill[1].mean() / self.skill[0].mean()) if self.real_has_skill else float("nan")

    @property
    def share_se(self) -> float:
        """Its standard error over the seeds."""
        if not self.real_has_skill:
            return float("nan")
        residual = self.skill[1] - self.share * self.skill[0]
        return float(residual.std(ddof=1) / np.sqrt(residual.size) / self.skill[0].mean())

    @property
    def usable(self) -> bool:
        """Whether made rows carry at least half of the real rows' skill, less one standard error."""
        return bool(self.real_has_skill and self.share - self.share_se >= USABLE_SHARE)

    @property
    def gain(self) -> tuple[float, float]:
        """What made rows beside the real ones add to balanced accuracy, and its standard error over the seeds."""
        gains = self.skill[2] - self.skill[0]
        return float(gains.mean()), float(gains.std(ddof=1) / np.sqrt(gains.size))

    @property
    def verdict(self) -> str:
        """One sentence."""
        real = self.skill[0].mean()
        if not self.real_has_skill:
            return (
                "A forest of real rows has no skill on the test rows (balanced accuracy "
                f"{self.chance + real:.3f}, chance {self.chance:.3f}), so there is none that synthetic rows could "
                "carry: they are not worth using."
            )
        gain, gain_se = self.gain
        worth = "usable" if self.usable else "not worth using"
        return (
            f"Synthetic rows carry {self.share:.0%} (standard error {self.share_se:.0%}) of the skill of real rows "
            f"(balanced accuracy {self.chance + self.skill[1].mean():.3f} against {self.chance + real:.3f}, chance "
            f"{self.chance:.3f}): {worth}. Added to the real rows they change it by {gain:+.3f} (standard error "
            f"{gain_se:.3f})."
        )

    @property
    def table(self) -> Any:
        """A row for each training set: balanced accuracy, skill and their standard errors. A pandas frame where pandas
        is installed, else a list of dictionaries."""
        rows = [
            {
                "trained_on": arm,
                "balanced_accuracy": float(self.chance + self.skill[i].mean()),
                "skill": float(self.skill[i].mean()),
                "se_seeds": self._se_seeds(i),
                "se_rows": float(self.se_rows[i]),
            }
            for i, arm in enumerate(ARMS)
        ]
        if importlib.util.find_spec("pandas") is None:
            return rows
        import pandas as pd

        return pd.DataFrame(rows)

    def _se_seeds(self, arm: int) -> float:
        return float(self.skill[arm].std(ddof=1) / np.sqrt(self.skill.shape[1]))

    def __str__(self) -> str:
        return self.verdict


def judge(
    make: Callable[[NDArray[np.int32], int], NDArray[np.float32]],
    X: FloatMatrix,
    codes: NDArray[np.int32],
    X_test: FloatMatrix,
    test_codes: NDArray[np.int32],
    n_classes: int,
    *,
    n_seeds: int = 5,
    n_estimators: int = 100,
    seed: int = 0,
) -> SyntheticScore:
    """Train on synthetic, test on real.

    Parameters
    ----------
    make : callable (codes, seed) -> rows
        The generator, which has seen the training rows only.
    X, X_test : float32 (n, d), (m, d)
        Training rows, and later real rows.
    codes, test_codes : int32 (n,), (m,)
    n_seeds : int
        Each seed makes other rows and grows other forests. At least 2.
    """
    if n_seeds < 2:
        raise InputError(f"n_seeds must be at least 2, for a standard error, but is {n_seeds}.")
    present = np.unique(test_codes)
    if len(present) < 2:
        raise InputError("the test rows must hold at least 2 classes, but hold one.")
    skill = np.empty((3, n_seeds))
    errors = np.empty((3, n_seeds))
    for s in range(n_seeds):
        made = np.ascontiguousarray(make(codes, seed + s), dtype=np.float32)
        sets = ((X, codes), (made, codes), (np.concatenate([X, made]), np.concatenate([codes, codes])))
        for arm, (rows, labels) in enumerate(sets):
            task = FitTask(
                X=np.ascontiguousarray(rows),
                y=labels,
                rows=np.arange(len(rows), dtype=np.int64),
                n_classes=n_classes,
                seed=seed + s,
            )
            forest = RandomForestTrainer(n_estimators=n_estimators).fit(task)
            right = forest.predict_proba(X_test).argmax(axis=1) == test_codes
            recalls = np.array([right[test_codes == code].mean() for code in present])
            counts = np.array([(test_codes == code).sum() for code in present])
            skill[arm, s] = recalls.mean() - 1.0 / len(present)
            errors[arm, s] = np.sqrt((recalls * (1.0 - recalls) / counts).sum()) / len(present)
    return SyntheticScore(skill, 1.0 / len(present), errors.mean(axis=1), len(X), len(X_test))
