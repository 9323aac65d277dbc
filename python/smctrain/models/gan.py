"""Conditional Wasserstein GAN for tables and windows: new rows that look like training rows of a class.

A generator makes a row from noise and a class; a critic learns to tell made rows from real ones of the same class, with
a penalty on its slope (Gulrajani et al., "Improved training of Wasserstein GANs", NeurIPS 2017). Rows are normal scores
of their columns while they are learned (`_marginals`), so a made row stays within the training range and whole numbers
stay whole. Whether made rows are worth anything is judged by `tstr.judge`: train on them, test on later real rows.

>>> fitted = GANTrainer(max_steps=500).fit(task)                  # doctest: +SKIP
>>> fitted.make(codes, seed=1)                                    # doctest: +SKIP
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from smctrain import _load
from smctrain.exceptions import ArtifactError, InputError
from smctrain.models._marginals import Marginals
from smctrain.models._neural_settings import Problems, plain_settings
from smctrain.models.base import FitTask, FloatMatrix, History

_HISTORY = ("step", "critic_loss", "generator_loss", "gradient_norm", "energy_distance", "learning_rate")
_STOP_REASONS = ("", "nan_loss", "timeout", "cancelled", "interrupted")
_NEIGHBOURS = 5
_COVERED_ROWS = 1000
_COLLAPSED = 0.5
"""Coverage below this is reported as mode collapse; a perfect generator reaches about 0.97."""


class FittedGAN:
    """A trained generator of rows. Not to be changed; may be asked from any thread.

    Attributes
    ----------
    n_features, lookback, n_classes : int
    class_shares : float64 (n_classes,)
        Of the training rows.
    arrays : dict of float32 arrays
        The generator's weights.
    coverage : float
        Share of the judged real rows with a made row among their nearest neighbours (Naeem et al. 2020): which part of
        the real rows' variety is reached. About 0.97 at best.
    class_coverage : float64 (n_classes,)
        The same within each class; NaN with fewer than 10 judged rows.
    best_step : int
        Generator step the weights are from: the latest with an energy distance near the smallest.
    best_distance : float
        That distance to the judged rows, 0 (alike) to 1.
    """

    family: ClassVar[str] = "GAN"

    def __init__(
        self,
        shape: dict[str, Any],
        lookback: int,
        arrays: dict[str, NDArray[np.float32]],
        marginals: Marginals,
        class_shares: NDArray[np.float64],
        history: History,
        warnings: list[str],
        stop_reason: str,
        best_step: int,
        best_distance: float,
        coverage: float = math.nan,
        class_coverage: NDArray[np.float64] | None = None,
    ) -> None:
        self.shape = shape
        self.lookback = lookback
        self.n_features = shape["columns"] // lookback
        self.n_classes = shape["classes"]
        self.arrays = dict(arrays)
        for array in self.arrays.values():
            array.setflags(write=False)
        self.marginals = marginals
        self.class_shares = class_shares
        self.history = history
        self.warnings = list(warnings)
        self.stop_reason = stop_reason
        self.complete = stop_reason in ("", "nan_loss")
        self.best_step = best_step
        self.best_distance = best_distance
        self.coverage = coverage
        self.class_coverage = np.full(self.n_classes, np.nan) if class_coverage is None else class_coverage

    def make(self, codes: NDArray[np.int32], seed: int) -> NDArray[np.float32]:
        """One row for each class code: (m, d), or windows (m, lookback, d), oldest bar first. The same seed and codes
        give the same rows."""
        flat = self.marginals.from_normal(self._scores(np.ascontiguousarray(codes, dtype=np.int32), seed))
        return flat if self.lookback == 1 else flat.reshape(len(flat), self.lookback, self.n_features)

    def _scores(self, codes: NDArray[np.int32], seed: int) -> NDArray[np.float32]:
        scores: NDArray[np.float32] = _load.neural().gan_rows(self.shape, self.arrays, codes, seed)
        return scores

    def _measure_coverage(self, scores: NDArray[np.float32], codes: NDArray[np.int32], seed: int) -> None:
        """Of at most 1,000 real rows, evenly spaced."""
        chosen = np.arange(len(codes))[:: -(-len(codes) // _COVERED_ROWS)]
        real, labels = np.ascontiguousarray(scores[chosen]), np.ascontiguousarray(codes[chosen])
        made = self._scores(labels, seed)
        native = _load.neural()
        self.coverage = float(native.table_coverage(real, made, _NEIGHBOURS))
        for code in range(self.n_classes):
            own = labels == code
            if own.sum() >= 10:
                self.class_coverage[code] = native.table_coverage(real[own], made[own], _NEIGHBOURS)
        low = [code for code in range(self.n_classes) if self.class_coverage[code] < _COLLAPSED]
        if self.coverage < _COLLAPSED or low:
            where = (
                f" (classes with codes {low}: {[round(float(self.class_coverage[c]), 2) for c in low]})" if low else ""
            )
            self.warnings.append(
                f"mode collapse: made rows reach {self.coverage:.0%} of the variety of real rows{where}; about 97 % is "
                "what rows of the same distribution reach - train longer, or do not use them."
            )

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Plain metadata and named arrays; no training row is stored."""
        meta = {
            "shape": dict(self.shape),
            "lookback": self.lookback,
            "stop_reason": self.stop_reason,
            "warnings": list(self.warnings),
            "best_step": int(self.best_step),
            "best_distance": None if math.isnan(self.best_distance) else float(self.best_distance),
            "coverage": None if math.isnan(self.coverage) else float(self.coverage),
        }
        arrays: dict[str, NDArray[Any]] = dict(self.arrays)
        arrays |= {f"history.{name}": self.history[name] for name in _HISTORY}
        arrays |= {
            "marginals.grid": self.marginals.grid,
            "marginals.stepped": self.marginals.stepped.astype(np.uint8),
            "class_shares": self.class_shares,
            "class_coverage": self.class_coverage,
        }
        return meta, arrays

    @classmethod
    def from_state(cls, meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """Inverse of `to_state`.

        Raises
        ------
        ArtifactError
            A setting is out of range, an array is missing, foreign, of another shape than the settings imply, or not
            finite.
        """
        shape = _shape_from(meta.get("shape"))
        lookback: Any = meta.get("lookback")
        if not _is_count(lookback) or shape["columns"] % lookback:
            raise ArtifactError(f"GAN: lookback must divide the {shape['columns']} columns, but is {lookback!r}.")
        if meta.get("stop_reason") not in _STOP_REASONS:
            raise ArtifactError(f"GAN: stop_reason must be one of {_STOP_REASONS}, but is {meta.get('stop_reason')!r}.")
        warnings = meta.get("warnings")
        if not isinstance(warnings, list) or not all(isinstance(sentence, str) for sentence in warnings):
            raise ArtifactError(f"GAN: warnings must be a list of sentences, but is {warnings!r}.")
        weights = _array_shapes(shape)
        steps = np.shape(arrays.get("history.step", ()))
        levels = np.shape(arrays.get("marginals.grid", ()))[:1]
        wanted: dict[str, tuple[Any, tuple[int, ...]]] = {
            name: (np.float32, extents) for name, extents in weights.items()
        }
        wanted |= {f"history.{name}": (np.float64, steps) for name in _HISTORY}
        wanted |= {
            "marginals.grid": (np.float64, (*levels, shape["columns"])),
            "marginals.stepped": (np.uint8, (shape["columns"],)),
            "class_shares": (np.float64, (shape["classes"],)),
            "class_coverage": (np.float64, (shape["classes"],)),
        }
        if set(arrays) != set(wanted):
            odd = sorted(set(arrays) ^ set(wanted))
            raise ArtifactError(
                f"GAN: the arrays must be those of its settings, but these are missing or unknown: {odd}."
            )
        for name, (dtype, extents) in wanted.items():
            array = arrays[name]
            if array.dtype != dtype or array.shape != extents:
                raise ArtifactError(
                    f"GAN: array {name} must be {dtype.__name__} {extents}, but is {array.dtype} {array.shape}."
                )
            must_be_finite = name in weights or name in ("marginals.grid", "class_shares")
            if must_be_finite and not np.isfinite(array).all():
                raise ArtifactError(f"GAN: array {name} must be finite, but holds NaN or infinity.")
        grid, shares = arrays["marginals.grid"], arrays["class_shares"]
        if len(grid) < 2 or (grid[1:] < grid[:-1]).any():
            raise ArtifactError("GAN: array marginals.grid must hold at least 2 ascending quantiles of each column.")
        if (shares < 0).any() or abs(shares.sum() - 1.0) > 1e-6:
            raise ArtifactError("GAN: array class_shares must hold shares that sum to 1.")
        numbers = {}
        for name in ("best_distance", "coverage"):
            value = meta.get(name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
                raise ArtifactError(f"GAN: {name} must be a number or null, but is {value!r}.")
            numbers[name] = math.nan if value is None else float(value)
        best_step: Any = meta.get("best_step")
        if best_step != 0 and not _is_count(best_step):
            raise ArtifactError(f"GAN: best_step must be an integer of at least 0, but is {best_step!r}.")
        return cls(
            shape=shape,
            lookback=lookback,
            arrays={name: np.array(arrays[name], order="C") for name in weights},
            marginals=Marginals(np.array(grid), arrays["marginals.stepped"].astype(bool)),
            class_shares=np.array(shares),
            history={name: np.array(arrays[f"history.{name}"]) for name in _HISTORY},
            warnings=warnings,
            stop_reason=meta["stop_reason"],
            best_step=best_step,
            best_distance=numbers["best_distance"],
            coverage=numbers["coverage"],
            class_coverage=np.array(arrays["class_coverage"]),
        )


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
        Weight of the critic's slope differing from 1.
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
    penalty: float = 3.0
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
        fitted = FittedGAN(
            shape=shape,
            lookback=int(self.lookback),
            arrays=result["arrays"],
            marginals=marginals,
            class_shares=counts / counts.sum(),
            history=result["history"],
            warnings=warnings,
            stop_reason=result["stop_reason"],
            best_step=result["best_step"],
            best_distance=result["best_distance"],
        )
        judged = slice(n_train, None) if len(flat) - n_train >= 10 else slice(0, n_train)
        fitted._measure_coverage(scores[judged], codes[judged], task.seed)
        return fitted


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
    return GANTrainer((64, 64), (64, 64), 16, batch_size=64, max_steps=400).fit(task).make(codes, seed), codes


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


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 2**31


def _shape_from(shape: Any) -> dict[str, Any]:
    names = {"columns", "classes", "noise", "generator", "critic"}
    if not isinstance(shape, dict) or set(shape) != names:
        raise ArtifactError(f"GAN: shape must hold {sorted(names)}, but is {shape!r}.")
    for name in ("columns", "classes", "noise"):
        if not _is_count(shape[name]) or shape[name] > 1_000_000:
            raise ArtifactError(f"GAN: {name} must be an integer from 1 to 1,000,000, but is {shape[name]!r}.")
    for name in ("generator", "critic"):
        widths = shape[name]
        if not isinstance(widths, list) or not 1 <= len(widths) <= 64:
            raise ArtifactError(f"GAN: {name} must list 1 to 64 widths, but is {widths!r}.")
        if not all(_is_count(width) and width <= 65_536 for width in widths):
            raise ArtifactError(f"GAN: {name} must list widths from 1 to 65,536, but is {widths!r}.")
    return dict(shape)


def _array_shapes(shape: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    width_in = shape["noise"] + shape["classes"]
    for i, width in enumerate([*shape["generator"], shape["columns"]]):
        shapes[f"layers.{i}.weight"] = (width, width_in)
        shapes[f"layers.{i}.bias"] = (width,)
        width_in = width
    return shapes
