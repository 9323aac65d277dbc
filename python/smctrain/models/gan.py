"""Conditional Wasserstein GAN for tables and windows: new rows that look like training rows of a class.

A generator makes a row from noise and a class; a critic learns to tell made rows from real ones of the same class, with
a penalty on its slope (Gulrajani et al., "Improved training of Wasserstein GANs", NeurIPS 2017; one-sided: Petzka,
Fischer and Lukovnikov, ICLR 2018). Rows are normal scores of their columns while they are learned (`_marginals`), so a
made row stays within the training range and whole numbers stay whole; each column of a class is then given the class's
quantiles. Whether made rows are worth anything is judged by `tstr.judge`: train on them, test on later real rows.

What to expect (900 rows of 6 columns, two classes of two modes, eight seeds, about 2 s on one core): the worst spread
within a class is off by 1 to 4 %, the worst correlation by 0.05 to 0.08 - of the training rows, which themselves differ
from their distribution by 0.1.

>>> fitted = GANTrainer(max_steps=500).fit(task)                  # doctest: +SKIP
>>> fitted.make(codes, seed=1)                                    # doctest: +SKIP
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from smctrain import _load
from smctrain.exceptions import InputError
from smctrain.models._marginals import Calibration, Marginals
from smctrain.models._neural_settings import Problems, plain_settings
from smctrain.models.base import FitTask, FloatMatrix
from smctrain.models.gan_rows import FittedGAN, raw_scores

_MEASURED = 0x6A09E667F3BCC908
"""Rows made to calibrate and measure are not those that a user gets for the same seed."""


@dataclass(frozen=True)
class GANTrainer:
    """Settings of the generator of rows. Wrong ones are reported all at once.

    Parameters
    ----------
    generator_dims, critic_dims : sequence of int
        Widths of the hidden layers.
    noise_dim : int
        Numbers of noise a row is made from.
    lookback : int
        1: rows. More: windows of so many rows that end with the labelled one and lie in one segment.
    learning_rate : float
    batch_size : int
    critic_steps : int
        Critic steps before each generator step.
    penalty : float
        Weight of the square by which the critic's slope exceeds 1.
    averaging : float
        Share of the old in the running average of the generator's weights that rows are made with.
    max_steps : int
        Generator steps.
    report_every : int
        Generator steps between two looks at the energy distance to the judged rows: `stop_rows`, or training rows where
        there are none.
    patience : int
        Looks without a distance near the smallest before the fit ends. The latest weights near it are kept: within 1.5
        times the smallest, or within 3 / judged rows, which is about what two samples of one distribution have.
    nan_recoveries : int
        How often a loss that is not finite puts back the last sound weights at a quarter of the rate.

    Raises
    ------
    InputError
        Lists every wrong setting.
    """

    generator_dims: Sequence[int] = (128, 128)
    critic_dims: Sequence[int] = (128, 128)
    noise_dim: int = 32
    lookback: int = 1
    learning_rate: float = 0.001
    batch_size: int = 128
    critic_steps: int = 3
    penalty: float = 10.0
    averaging: float = 0.998
    max_steps: int = 3000
    report_every: int = 50
    patience: int = 10
    nan_recoveries: int = 2

    family: ClassVar[str] = "GAN"

    def __post_init__(self) -> None:
        problems = Problems(self.family)
        problems.widths("generator_dims", self.generator_dims)
        problems.widths("critic_dims", self.critic_dims)
        problems.integer("noise_dim", self.noise_dim, 1, 65_536)
        problems.integer("lookback", self.lookback, 1, 10_000)
        problems.real("learning_rate", self.learning_rate, "above 0", 0.0, math.inf, open_low=True)
        problems.integer("batch_size", self.batch_size, 2, 1_000_000)
        problems.real("penalty", self.penalty, "of at least 0", 0.0, math.inf)
        problems.real("averaging", self.averaging, "of at least 0 and below 1", 0.0, 1.0)
        for name in ("critic_steps", "max_steps", "report_every", "patience"):
            problems.integer(name, getattr(self, name), 1, 10_000_000)
        problems.integer("nan_recoveries", self.nan_recoveries, 0, 1000)
        problems.raise_if_any()
        for name in ("generator_dims", "critic_dims"):
            object.__setattr__(self, name, tuple(int(width) for width in getattr(self, name)))

    def settings(self) -> dict[str, Any]:
        """Plain settings, for metadata and hashes."""
        return plain_settings(self)

    def fit(self, task: FitTask) -> FittedGAN:
        """Learn the training rows of a task, and nothing else: rows of `stop_rows` only judge.

        X needs no scaling; weights are not used.

        Raises
        ------
        InputError
            X is not finite in a row that is used (column and row named), or a class code is out of range.
        TooFewRows
            Fewer than 10 training rows.
        """
        native = _load.neural()
        flat, codes, n_train, left_out = _flat_rows(task, self.lookback)
        marginals = Marginals.of(flat[:n_train])
        scores = marginals.to_normal(flat, task.seed)
        shape = {
            "columns": int(flat.shape[1]),
            "classes": int(task.n_classes),
            "noise": int(self.noise_dim),
            "generator": list(self.generator_dims),
            "critic": list(self.critic_dims),
        }
        numbers = {
            name: getattr(self, name)
            for name in ("learning_rate", "penalty", "averaging", "batch_size", "critic_steps", "max_steps",
                         "report_every", "patience", "nan_recoveries")
        }  # fmt: skip
        result = native.gan_fit(
            scores,
            codes,
            np.arange(n_train, dtype=np.int64),
            np.arange(n_train, len(flat), dtype=np.int64),
            shape,
            numbers,
            task.seed,
            task.stop,
            task.time_limit_s,
            task.progress,
        )
        warnings = [message for _, _, message in result["alarms"]]
        if left_out:
            warnings.append(f"{left_out} rows have no full window of {self.lookback} rows and were left out.")
        counts = np.bincount(codes[:n_train], minlength=task.n_classes)
        seed = (task.seed ^ _MEASURED) % (1 << 64)
        calibration = Calibration.of(
            lambda wanted: raw_scores(shape, result["arrays"], wanted, seed),
            scores[:n_train],
            codes[:n_train],
            task.n_classes,
        )
        fitted = FittedGAN(
            shape=shape,
            lookback=int(self.lookback),
            arrays=result["arrays"],
            marginals=marginals,
            calibration=calibration,
            class_shares=counts / counts.sum(),
            history=result["history"],
            warnings=warnings,
            stop_reason=result["stop_reason"],
            best_step=result["best_step"],
            best_distance=result["best_distance"],
        )
        judged = slice(n_train, None) if len(flat) - n_train >= 10 else slice(0, n_train)
        fitted._measure_coverage(scores[judged], codes[judged], seed)
        fitted._measure_novelty(scores[:n_train], codes[:n_train], seed)
        return fitted


COPIES = GANTrainer((64, 64), (64, 64), 16, batch_size=64, max_steps=1500)
"""The generator of `made_copies`: about 1 s for 50 columns."""


def made_copies(
    X: FloatMatrix,
    y: NDArray[np.int32],
    n_classes: int,
    threshold: int,
    seed: int,
    *,
    stop: NDArray[np.uint8] | None = None,
    time_limit_s: float = 0.0,
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Made rows for small training sets, as many as `smctrain.augment.augment_rows` adds: 2n below 200 rows, n below
    `threshold`, none from there on; each class as often as among the rows given.

    Parameters
    ----------
    X, y : float32 (n, d), int32 (n,)
        Training rows of one split, finite.
    """
    n = len(X)
    copies = 0 if n >= threshold else 2 if n < 200 else 1
    if copies == 0:
        return np.empty((0, X.shape[1]), dtype=np.float32), np.empty(0, dtype=np.int32)
    task = FitTask(
        X=np.ascontiguousarray(X, dtype=np.float32),
        y=np.ascontiguousarray(y, dtype=np.int32),
        rows=np.arange(n, dtype=np.int64),
        n_classes=n_classes,
        seed=seed,
        stop=stop,
        time_limit_s=time_limit_s,
    )
    codes = np.tile(task.y, copies)
    return COPIES.fit(task).make(codes, seed), codes


def flat_windows(
    X: FloatMatrix, rows: NDArray[np.int64], segment: NDArray[np.int32] | None, lookback: int
) -> tuple[FloatMatrix, NDArray[np.int64]]:
    """The windows that end with `rows` as rows (m, lookback * d), oldest bar first, and the rows that have one."""
    if lookback == 1:
        return np.ascontiguousarray(X[rows]), rows
    native = _load.neural()
    full = native.neural_full_windows(rows, segment, len(X), lookback)
    windows = native.neural_gather_windows(X, full, lookback) if len(full) else np.empty((lookback, 0, X.shape[1]))
    flat = np.ascontiguousarray(windows.transpose(1, 0, 2).reshape(len(full), lookback * X.shape[1]), dtype=np.float32)
    return flat, full


def _flat_rows(task: FitTask, lookback: int) -> tuple[FloatMatrix, NDArray[np.int32], int, int]:
    parts, codes, asked = [], [], 0
    for rows in (task.rows, task.stop_rows):
        flat, full = flat_windows(task.X, rows, task.segment, lookback)
        parts.append(flat)
        codes.append(task.y[full])
        asked += len(rows)
    flat = np.ascontiguousarray(np.concatenate(parts))
    broken = ~np.isfinite(flat)
    if broken.any():
        row, column = np.argwhere(broken)[0]
        raise InputError(
            f"X must be finite in every row a generator learns from, but is {flat[row, column]} in column "
            f"{column % task.X.shape[1]} of training row {row}: impute first."
        )
    return flat, np.ascontiguousarray(np.concatenate(codes), dtype=np.int32), len(parts[0]), asked - len(flat)
