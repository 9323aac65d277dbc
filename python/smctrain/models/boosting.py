"""What the boosting families share: settings checks, the fitted model, importances and contributions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain import _load
from smctrain.exceptions import ArtifactError, InputError
from smctrain.models.base import FitTask, FloatMatrix, History
from smctrain.models.explanation import Moves
from smctrain.models.shared import Shared

Objective = Callable[[NDArray[np.float64], NDArray[np.float64]], tuple[ArrayLike, ArrayLike]]
"""`objective(y, margin) -> gradient, curvature`, vectorised over the training rows: y (n,) float64 (class codes in a
classification), margin (n,) or (n, k) float64, both answers of the margin's shape. Row weights multiply them later."""

OwnMetric = Callable[[NDArray[np.float64], NDArray[np.float64]], float]
"""`metric(y, prediction) -> number`, called after each round with the stop rows: y (n,) float64 (class codes in a
classification), prediction (n, n_classes) probabilities, (n,) values, or (n, q) quantiles. Lower is better, unless the
callable has an attribute `greater_is_better` that is true. A value that is NaN is never the best one."""

_ARRAYS = (
    "tree_offset", "tree_class", "feature", "threshold", "left", "right", "default_left", "value",
    "base_margin",
)  # fmt: skip
_HISTORY = ("step", "train_loss", "val_loss", "train_accuracy", "val_accuracy", "grad_norm", "learning_rate")
IMPORTANCES = ("feature", "weight", "gain", "cover", "total_gain", "total_cover")
"""Columns of an importance table: the column's number, how many splits use it, mean gain and mean cover (weight of the
rows split) of such a split, and the sums of both."""


class TrainingMatrices:
    """Training matrices of XGBoost and LightGBM, shared by the fits on one X; kept in a task's `shared`.

    The first fit that needs a matrix builds it, later ones with the same training rows, stop rows, labels, weights and
    binning (`max_bin`; with LightGBM also `subsample_for_bin`, `zero_as_missing` and `min_child_samples`) take it,
    also several threads at the same time. Bins come from a fit's own training rows, never from others, and the
    fitted model is the same, bit for bit, as without sharing. Fits with an `init_model` build their own.

    Parameters
    ----------
    X : float32 (n, d), C order
        The very array that the tasks bring; kept alive, and must not be written to.

    Notes
    -----
    A matrix takes about 2 bytes a value of the training rows (XGBoost) or 1 (LightGBM), and 12 bytes a value of the
    stop rows. `clear` frees those that no fit uses.
    """

    def __init__(self, X: FloatMatrix) -> None:
        self._native = _load.core().TrainingMatrices(X)

    def __len__(self) -> int:
        """Matrices held."""
        return len(self._native)

    @property
    def built(self) -> int:
        """Matrices built so far."""
        return int(self._native.built)

    def clear(self) -> None:
        """Forget all matrices; fits that run keep theirs."""
        self._native.clear()


def task_arguments(task: FitTask, seed_limit: int) -> dict[str, Any]:
    """The part of a task that every boosting library takes as it is."""
    y = np.ascontiguousarray(task.y, dtype=np.float64) if task.n_classes == 0 else task.y
    matrices: Any = task.shared
    if isinstance(matrices, Shared):
        matrices = matrices.get("training matrices", lambda: TrainingMatrices(task.X))
    if matrices is not None and not isinstance(matrices, TrainingMatrices):
        raise InputError(f"shared must be a Shared, TrainingMatrices or None, but is a {type(matrices).__name__}.")
    return {
        "X": task.X,
        "y": y,
        "rows": task.rows,
        "stop_rows": task.stop_rows,
        "weight": task.weight,
        "n_classes": task.n_classes,
        "seed": int(task.seed) % seed_limit,
        "stop": task.stop,
        "time_limit_s": float(task.time_limit_s),
        "progress": task.progress,
        "matrices": None if matrices is None else matrices._native,
    }


def metric_arguments(metric: OwnMetric | None) -> dict[str, Any]:
    """An own metric as the native fits take it."""
    if metric is not None and not callable(metric):
        raise InputError(f"metric must be a callable or None, but is {metric!r}.")
    return {"metric": metric, "higher_is_better": bool(getattr(metric, "greater_is_better", False))}


def trees_to_continue(init_model: FittedBoosting | None, family: str, quantiles: tuple[float, ...]) -> Any:
    """Trees of the model to continue, or None."""
    if init_model is None:
        return None
    if init_model.family != family:
        raise InputError(f"init_model must be a {family}, but is a {init_model.family}.")
    if tuple(init_model.quantiles) != tuple(quantiles):
        raise InputError(
            f"init_model must predict the quantiles {list(quantiles)}, but predicts {list(init_model.quantiles)}."
        )
    return init_model.trees


class FittedBoosting:
    """Boosted trees of the best round, predicted by our own walker: margins equal the library's, bit for bit."""

    family: ClassVar[str]
    _wide: ClassVar[bool] = False

    def __init__(
        self,
        *,
        trees: Any,
        importances: NDArray[np.float64],
        best_round: int,
        history: History,
        warnings: list[str],
        stop_reason: str,
        complete: bool,
        library_version: str,
        quantiles: Sequence[float] = (),
    ) -> None:
        self.trees = trees
        self._importances = importances
        self.n_features: int = trees.n_features
        self.n_classes: int = trees.n_classes
        """0: a regression."""
        self.best_round = best_round
        """Rounds kept: the best one on the stop rows, else the last, those of a continued model included. 0: no round
        finished, and all classes get the same probability."""
        self.history = history
        self.warnings = warnings
        self.stop_reason = stop_reason
        self.complete = complete
        self.library_version = library_version
        self.quantiles = tuple(quantiles)

    @classmethod
    def _of(cls, result: dict[str, Any], quantiles: Sequence[float] = ()) -> Self:
        """The model of a native fit's answer."""
        return cls(
            trees=result["trees"],
            importances=result["importances"],
            best_round=result["best_round"],
            history=result["history"],
            warnings=list(result["warnings"]),
            stop_reason=result["stop_reason"],
            complete=result["complete"],
            library_version=result["library_version"],
            quantiles=quantiles,
        )

    def predict_proba(
        self, X: FloatMatrix, rows: NDArray[np.int64] | None = None, segment: NDArray[np.int32] | None = None
    ) -> NDArray[np.float64]:
        """Class probabilities (len(rows), n_classes) for `rows` of X, float32 (n, n_features) in C order; all
        rows when None. NaN is a missing value; `segment` is ignored."""
        result: NDArray[np.float64] = self.trees.predict_proba(X, rows)
        return result

    def predict(self, X: FloatMatrix, rows: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """Values of a regression: (len(rows),), or (len(rows), q) for q quantiles, ascending in every row.

        Quantiles are fitted by trees of their own and may cross; the values of a row are then sorted, which never
        makes them worse (Chernozhukov, Fernandez-Val and Galichon, "Quantile and probability curves without
        crossing", Econometrica 2010). `margins` are the values before that.
        """
        values = self.margins(X, rows).astype(np.float64)
        return np.sort(values, axis=1) if len(self.quantiles) > 1 else values[:, 0]

    def margins(self, X: FloatMatrix, rows: NDArray[np.int64] | None = None) -> NDArray[Any]:
        """Raw scores before the link: (len(rows), 1) for two classes, (len(rows), n_classes) for more, one column a
        value in a regression. float32 (XGBoost) or float64 (LightGBM), as the library sums them."""
        result: NDArray[Any] = self.trees.margins(X, rows)
        return result

    def contributions(self, X: FloatMatrix, rows: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """Exact TreeSHAP contributions to the margins (len(rows), n_features + 1, width); the last entry of the middle
        axis is the base value, and the sum over that axis is the margin."""
        result: NDArray[np.float64] = self.trees.contributions(X, rows)
        return result

    def feature_importances(self) -> NDArray[np.float64]:
        """Share of each feature in the total gain of the kept rounds (n_features,); zeros without a split."""
        return self._importances.copy()

    def importances(self) -> dict[str, NDArray[Any]]:
        """The library's own importances, one entry a feature: see `IMPORTANCES`. Means without a split are 0."""
        totals = self.trees.importances()
        splits = np.maximum(totals["weight"], 1.0)
        return {
            "feature": np.arange(self.n_features),
            "weight": totals["weight"].astype(np.int64),
            "gain": totals["total_gain"] / splits,
            "cover": totals["total_cover"] / splits,
            "total_gain": totals["total_gain"],
            "total_cover": totals["total_cover"],
        }

    def native_importances(self) -> dict[str, NDArray[np.float64]]:
        """Importances by kind; the share of the total gain stands for the model."""
        try:
            table = self.importances()
        except InputError:  # stored by the first version, without gain and cover of its nodes
            return {"total_gain": self.feature_importances()}
        kinds = ("total_gain", "gain", "weight", "cover", "total_cover")
        return {kind: np.asarray(table[kind], dtype=np.float64) for kind in kinds}

    def shap_values(self, X: FloatMatrix) -> NDArray[np.float64]:
        """`contributions` of all rows; of two classes (n, d + 1, 2), the first mirroring the second."""
        values = self.contributions(X)
        return np.concatenate([-values, values], axis=2) if self.n_classes == 2 else values

    def moved_scores(
        self, X: FloatMatrix, y: NDArray[Any], metric: str, moves: Moves, threads: int = 1
    ) -> tuple[float, NDArray[np.float64]]:
        """Score, and scores (n_groups, repeats) with one group of columns moved: see `models.explanation`."""
        answer: tuple[float, NDArray[np.float64]] = _load.core().boosted_moved_scores(
            self.trees, X, y, metric, list(self.quantiles), moves.sources, moves.groups, moves.n_groups, threads
        )
        return answer

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Plain metadata and named arrays."""
        meta = {
            "n_features": self.n_features,
            "n_classes": self.n_classes,
            "best_round": self.best_round,
            "warnings": list(self.warnings),
            "stop_reason": self.stop_reason,
            "complete": self.complete,
            "library_version": self.library_version,
        }
        if self.n_classes == 0:
            meta["quantiles"] = list(self.quantiles)
        arrays: dict[str, NDArray[Any]] = dict(self.trees.arrays())
        arrays["importances"] = self._importances
        arrays.update({f"history_{name}": values for name, values in self.history.items()})
        return meta, arrays

    @classmethod
    def from_state(cls, meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """Inverse of `to_state`; checks meaning before any use and raises `ArtifactError`."""
        n_features = stored_value(meta, "n_features", int)
        best_round = stored_value(meta, "best_round", int)
        n_classes = stored_value(meta, "n_classes", int)
        stored = {name: _array(arrays, name) for name in _ARRAYS}
        # Models of the first version have none of these, later ones all.
        is_first_version = not {"gain", "cover", "history_val_metric"} & set(arrays)
        if not is_first_version:
            stored |= {name: _array(arrays, name) for name in ("gain", "cover")}
        trees = _load.core().BoostedTrees(
            n_features=n_features,
            n_classes=cls._tree_classes(n_classes),
            arrays=stored,
            wide=cls._wide,
            **cls._tree_options(meta),
        )
        quantiles = cls._stored_quantiles(meta, trees.width) if n_classes == 0 else ()
        if best_round != trees.n_rounds:
            raise ArtifactError(f"best_round must equal the {trees.n_rounds} stored rounds, but is {best_round}.")
        importances = _array(arrays, "importances")
        if importances.dtype != np.float64 or importances.shape != (n_features,):
            raise ArtifactError(f"importances must be float64 of shape ({n_features},).")
        if not (np.isfinite(importances).all() and (importances >= 0).all()):
            raise ArtifactError("importances must be finite and at least 0.")
        history = {name: _array(arrays, f"history_{name}") for name in _HISTORY}
        if not is_first_version:
            history["val_metric"] = _array(arrays, "history_val_metric")
        length = history["step"].size
        for name, values in history.items():
            if values.dtype != np.float64 or values.shape != (length,):
                raise ArtifactError(f"history_{name} must be float64 of shape ({length},).")
        warnings = stored_value(meta, "warnings", list)
        if not all(isinstance(warning, str) for warning in warnings):
            raise ArtifactError("warnings must be a list of texts.")
        return cls(
            trees=trees,
            importances=importances,
            best_round=best_round,
            history=history,
            warnings=warnings,
            stop_reason=stored_value(meta, "stop_reason", str),
            complete=stored_value(meta, "complete", bool),
            library_version=stored_value(meta, "library_version", str),
            quantiles=quantiles,
        )

    @classmethod
    def _tree_options(cls, meta: dict[str, Any]) -> dict[str, Any]:
        """What a family stores beside the arrays of its trees."""
        return {}

    @staticmethod
    def _tree_classes(n_classes: int) -> int:
        """Classes as the trees count them; 0 where their margins have a link of their own."""
        return n_classes

    @staticmethod
    def _stored_quantiles(meta: dict[str, Any], width: int) -> tuple[float, ...]:
        values = stored_value(meta, "quantiles", list)
        if not all(isinstance(value, float) and 0.0 < value < 1.0 for value in values):
            raise ArtifactError("quantiles must be a list of numbers between 0 and 1.")
        if max(1, len(values)) != width or sorted(set(values)) != values:
            raise ArtifactError(f"quantiles must be {width} ascending numbers, but are {values}.")
        return tuple(values)


def quantiles_of(value: Any, name: str) -> tuple[float, ...]:
    """One quantile or several as a tuple of floats."""
    several = value if isinstance(value, (list, tuple, np.ndarray)) else [value]
    if not all(is_real(item) for item in several):
        raise InputError(f"{name} must be a number or a list of numbers between 0 and 1, but is {value!r}.")
    return tuple(float(item) for item in several)


def pinball_loss(
    y: ArrayLike, prediction: ArrayLike, quantiles: Sequence[float], weight: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Mean pinball loss of each quantile (q,) for y (n,) and predictions (n, q); rows weighted by `weight` (n,)."""
    levels = np.asarray(quantiles, dtype=np.float64)
    error = np.asarray(y, dtype=np.float64)[:, None] - np.asarray(prediction, dtype=np.float64).reshape(-1, len(levels))
    shares = None if weight is None else np.asarray(weight, dtype=np.float64)
    mean: NDArray[np.float64] = np.average(np.maximum(levels * error, (levels - 1) * error), axis=0, weights=shares)
    return mean


def quantile_skill(
    y: ArrayLike, prediction: ArrayLike, quantiles: Sequence[float], weight: ArrayLike | None = None
) -> float:
    """1 - pinball loss / pinball loss of the constant quantiles of `y` themselves: 1 is perfect, 0 is no skill."""
    values = np.asarray(y, dtype=np.float64)
    how = {} if weight is None else {"weights": np.asarray(weight, dtype=np.float64), "method": "inverted_cdf"}
    constant = np.broadcast_to(np.quantile(values, quantiles, **how), (len(values), len(quantiles)))  # type: ignore[call-overload]
    base = pinball_loss(values, constant, quantiles, weight).mean()
    loss = pinball_loss(values, prediction, quantiles, weight).mean()
    return float(1.0 - loss / base) if base > 0 else float(loss == 0)


def is_integer(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and abs(int(value)) < 2**31


def is_real(value: Any) -> bool:
    return (
        isinstance(value, int | float | np.integer | np.floating)
        and not isinstance(value, bool)
        and math.isfinite(value)
    )


def stored_value(meta: dict[str, Any], name: str, kind: type) -> Any:
    value: Any = meta.get(name)
    is_right = type(value) is kind  # bool is no int here
    if not is_right:
        raise ArtifactError(f"the metadata of a boosted model needs '{name}' as {kind.__name__}, but has {value!r}.")
    if kind is int and not 0 <= value < 2**31:
        raise ArtifactError(f"'{name}' must lie in 0..2147483647, but is {value}.")
    return value


def _array(arrays: dict[str, NDArray[Any]], name: str) -> NDArray[Any]:
    value = arrays.get(name)
    if not isinstance(value, np.ndarray):
        raise ArtifactError(f"the array '{name}' of a boosted model is missing.")
    return value
