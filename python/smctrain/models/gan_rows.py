"""A trained generator of rows (`gan.GANTrainer`): rows of a class, what they reach of real rows' variety, storage."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from smctrain import _load
from smctrain.exceptions import ArtifactError
from smctrain.models._marginals import Calibration, Marginals
from smctrain.models.base import History

_HISTORY = ("step", "critic_loss", "generator_loss", "gradient_norm", "energy_distance", "learning_rate")
_STOP_REASONS = ("", "nan_loss", "timeout", "cancelled", "interrupted")
_NEIGHBOURS = 5
_COVERED_ROWS = 1000
_COLLAPSED = 0.5
"""Coverage below this is reported as mode collapse; a perfect generator reaches about 0.97."""
_NOVEL_ROWS, _COMPARED_ROWS = 500, 20_000
_COPIED = 0.5
"""Novelty below this is reported as copying; rows of the same distribution have about 1."""


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
    novelty : float
        Median distance of made rows to the nearest training row, divided by that of training rows to the nearest other
        one. About 1 for new rows of the same distribution, 0 for copies of training rows.
    best_step : int
        Generator step the weights are from: the latest with an energy distance near the smallest.
    best_distance : float
        That distance to the judged rows, before rows are calibrated: about 0 (alike) to 1.
    """

    family: ClassVar[str] = "GAN"

    def __init__(
        self,
        shape: dict[str, Any],
        lookback: int,
        arrays: dict[str, NDArray[np.float32]],
        marginals: Marginals,
        calibration: Calibration,
        class_shares: NDArray[np.float64],
        history: History,
        warnings: list[str],
        stop_reason: str,
        best_step: int,
        best_distance: float,
        coverage: float = math.nan,
        class_coverage: NDArray[np.float64] | None = None,
        novelty: float = math.nan,
    ) -> None:
        self.shape = shape
        self.lookback = lookback
        self.n_features = shape["columns"] // lookback
        self.n_classes = shape["classes"]
        self.arrays = dict(arrays)
        for array in self.arrays.values():
            array.setflags(write=False)
        self.marginals = marginals
        self.calibration = calibration
        self.class_shares = class_shares
        self.history = history
        self.warnings = list(warnings)
        self.stop_reason = stop_reason
        self.complete = stop_reason in ("", "nan_loss")
        self.best_step = best_step
        self.best_distance = best_distance
        self.coverage = coverage
        self.novelty = novelty
        self.class_coverage = np.full(self.n_classes, np.nan) if class_coverage is None else class_coverage

    def make(self, codes: NDArray[np.int32], seed: int) -> NDArray[np.float32]:
        """One row for each class code: (m, d), or windows (m, lookback, d), oldest bar first. The same seed and codes
        give the same rows."""
        flat = self.marginals.from_normal(self._scores(np.ascontiguousarray(codes, dtype=np.int32), seed))
        return flat if self.lookback == 1 else flat.reshape(len(flat), self.lookback, self.n_features)

    def _scores(self, codes: NDArray[np.int32], seed: int) -> NDArray[np.float32]:
        return self.calibration.apply(raw_scores(self.shape, self.arrays, codes, seed), codes)

    def _measure_novelty(self, scores: NDArray[np.float32], codes: NDArray[np.int32], seed: int) -> None:
        """Against at most 20,000 of the training rows, evenly spaced."""
        chosen = np.arange(len(codes))[:: -(-len(codes) // _COMPARED_ROWS)]
        real, labels = np.ascontiguousarray(scores[chosen]), codes[chosen]
        some = np.arange(0, len(real), -(-len(real) // _NOVEL_ROWS), dtype=np.int64)
        nearest = _load.neural().table_nearest
        none = np.empty(0, dtype=np.int64)
        made = np.median(nearest(self._scores(np.ascontiguousarray(labels[some]), seed), real, none))
        usual = np.median(nearest(np.ascontiguousarray(real[some]), real, some))
        self.novelty = float(made / usual) if usual > 0.0 else math.nan
        if self.novelty < _COPIED:
            self.warnings.append(
                f"made rows are near copies of training rows: they are {self.novelty:.0%} as far from the nearest "
                "training row as training rows are from one another - train on more rows, shorter, or with smaller "
                "networks."
            )

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
            "novelty": None if math.isnan(self.novelty) else float(self.novelty),
        }
        arrays: dict[str, NDArray[Any]] = dict(self.arrays)
        arrays |= {f"history.{name}": self.history[name] for name in _HISTORY}
        arrays |= {
            "marginals.grid": self.marginals.grid,
            "marginals.stepped": self.marginals.stepped.astype(np.uint8),
            "calibration.made": self.calibration.made,
            "calibration.real": self.calibration.real,
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
        quantiles = (shape["classes"], *np.shape(arrays.get("calibration.made", ()))[1:2], shape["columns"])
        wanted: dict[str, tuple[Any, tuple[int, ...]]] = {
            name: (np.float32, extents) for name, extents in weights.items()
        }
        wanted |= {f"history.{name}": (np.float64, steps) for name in _HISTORY}
        wanted |= {
            "marginals.grid": (np.float64, (*levels, shape["columns"])),
            "marginals.stepped": (np.uint8, (shape["columns"],)),
            "calibration.made": (np.float32, quantiles),
            "calibration.real": (np.float32, quantiles),
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
            may_be_nan = name.startswith("history.") or name == "class_coverage"
            if not may_be_nan and not np.isfinite(array).all():
                raise ArtifactError(f"GAN: array {name} must be finite, but holds NaN or infinity.")
        for name in ("marginals.grid", "calibration.made", "calibration.real"):
            array = np.atleast_3d(arrays[name].T)  # columns, quantiles, classes
            if array.shape[1] < 2 or (array[:, 1:] < array[:, :-1]).any():
                raise ArtifactError(f"GAN: array {name} must hold at least 2 ascending quantiles of each column.")
        grid, shares = arrays["marginals.grid"], arrays["class_shares"]
        if (shares < 0).any() or abs(shares.sum() - 1.0) > 1e-6:
            raise ArtifactError("GAN: array class_shares must hold shares that sum to 1.")
        numbers = {}
        for name in ("best_distance", "coverage", "novelty"):
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
            calibration=Calibration(np.array(arrays["calibration.made"]), np.array(arrays["calibration.real"])),
            class_shares=np.array(shares),
            history={name: np.array(arrays[f"history.{name}"]) for name in _HISTORY},
            warnings=warnings,
            stop_reason=meta["stop_reason"],
            best_step=best_step,
            best_distance=numbers["best_distance"],
            coverage=numbers["coverage"],
            class_coverage=np.array(arrays["class_coverage"]),
            novelty=numbers["novelty"],
        )


def raw_scores(
    shape: dict[str, Any], arrays: dict[str, NDArray[np.float32]], codes: NDArray[np.int32], seed: int
) -> NDArray[np.float32]:
    """Normal scores (m, columns) of rows for class codes, as the generator makes them."""
    scores: NDArray[np.float32] = _load.neural().gan_rows(shape, arrays, codes, seed)
    return scores


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
