"""XGBoost through its C library: trainer and fitted model. Python's `xgboost` is never imported."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from smctrain import _load
from smctrain.exceptions import ArtifactError, InputError
from smctrain.models.base import FitTask, FloatMatrix, History

_ARRAYS = (
    "tree_offset", "tree_class", "feature", "threshold", "left", "right", "default_left", "value",
    "base_margin",
)  # fmt: skip
_HISTORY = ("step", "train_loss", "val_loss", "train_accuracy", "val_accuracy", "grad_norm", "learning_rate")
_INTEGERS = ("n_estimators", "max_depth", "max_bin")
_REALS = ("learning_rate", "subsample", "colsample_bytree", "min_child_weight", "reg_alpha", "reg_lambda")


_VALUES_PER_THREAD = 1 << 19


def useful_threads(n_values: int, threads: int) -> int:
    """Threads that have enough to do. Trees do not depend on it; small fits only wait for each other at barriers,
    which on a busy machine makes two threads many times slower than one."""
    return max(1, min(threads, n_values // _VALUES_PER_THREAD))


@dataclass(frozen=True)
class XGBoostTrainer:
    """Histogram gradient boosting by XGBoost, with early stopping on the task's stop rows.

    Two classes are fitted as binary:logistic, more as multi:softprob. NaN in X is a missing value.

    Parameters
    ----------
    n_estimators : int
        Most rounds.
    max_depth, learning_rate, subsample, colsample_bytree, min_child_weight, reg_alpha, reg_lambda, max_bin
        As in xgboost; defaults of the training pipeline's final parameters.
    early_stopping_rounds : int or None
        Rounds without a lower loss on the stop rows after which fitting ends; the best round is kept. None:
        all rounds are fitted and kept, also where stop rows are given (their loss is still recorded).
    class_weight : "balanced" or None
        "balanced": each row weighs n / (classes present * rows of its class), times its own weight.

    Raises
    ------
    InputError
        If settings are out of range; the message lists all of them.

    Notes
    -----
    Losses and accuracies in `history` are weighted like the rows, on training and stop rows alike.
    """

    family: ClassVar[str] = "XGBoost"
    needs_scaling: ClassVar[bool] = False
    is_sequence: ClassVar[bool] = False
    uses_stop_rows: ClassVar[bool] = True

    n_estimators: int = 200
    max_depth: int = 4
    learning_rate: float = 0.1
    subsample: float = 0.7
    colsample_bytree: float = 0.7
    min_child_weight: float = 5.0
    reg_alpha: float = 0.2
    reg_lambda: float = 2.0
    early_stopping_rounds: int | None = 20
    class_weight: Literal["balanced"] | None = "balanced"
    max_bin: int = 256

    def __post_init__(self) -> None:
        problems = [
            f"{name} must be an integer, but is {getattr(self, name)!r}."
            for name in _INTEGERS
            if not _is_integer(getattr(self, name))
        ]
        stopping = self.early_stopping_rounds
        if stopping is not None and not (_is_integer(stopping) and stopping >= 1):
            problems.append(f"early_stopping_rounds must be an integer of at least 1 or None, but is {stopping!r}.")
        problems += [
            f"{name} must be a number, but is {getattr(self, name)!r}."
            for name in _REALS
            if not _is_real(getattr(self, name))
        ]
        if self.class_weight not in ("balanced", None):
            problems.append(f"class_weight must be 'balanced' or None, but is {self.class_weight!r}.")
        if not problems:
            # NumPy scalars become plain numbers, so that settings hash and store alike.
            for name in _INTEGERS:
                object.__setattr__(self, name, int(getattr(self, name)))
            for name in _REALS:
                object.__setattr__(self, name, float(getattr(self, name)))
            if stopping is not None:
                object.__setattr__(self, "early_stopping_rounds", int(stopping))
            problems = _load.core().xgboost_setting_problems(self.settings())
        if problems:
            raise InputError(" ".join(problems))

    def settings(self) -> dict[str, Any]:
        """Plain settings, for metadata and hashes."""
        return asdict(self)

    def fit(self, task: FitTask) -> FittedXGBoost:
        """Fit one task.

        Raises
        ------
        TooFewRows, OneClass, TooFewColumns, InputError
            If the rows cannot be learned from: none of positive weight, a single class, no column, labels
            outside 0..n_classes-1, infinite values, weights that are negative or not finite.
        MissingDependency
            If xgboost >= 3.1, < 4 is not installed.
        NativeLibraryError
            If XGBoost reports an error.
        """
        result = _load.core().xgboost_fit(
            library=str(_load.xgboost_library().absolute()),
            settings=self.settings(),
            X=task.X,
            y=task.y,
            rows=task.rows,
            stop_rows=task.stop_rows,
            weight=task.weight,
            n_classes=task.n_classes,
            # XGBoost takes 31 bits; below 2^31 seeds mean the same as in xgboost itself.
            seed=int(task.seed) % 2**31,
            threads=useful_threads(len(task.rows) * task.X.shape[1], task.threads),
            stop=task.stop,
            time_limit_s=float(task.time_limit_s),
            progress=task.progress,
        )
        return FittedXGBoost(
            trees=result["trees"],
            importances=result["importances"],
            best_round=result["best_round"],
            history=result["history"],
            warnings=list(result["warnings"]),
            stop_reason=result["stop_reason"],
            complete=result["complete"],
            library_version=result["library_version"],
        )


class FittedXGBoost:
    """Boosted trees of the best round, predicted by our own walker: margins equal XGBoost's, bit for bit."""

    family: ClassVar[str] = "XGBoost"

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
    ) -> None:
        self._trees = trees
        self._importances = importances
        self.n_features: int = trees.n_features
        self.n_classes: int = trees.n_classes
        self.best_round = best_round
        """Rounds kept: the one with the lowest loss on the stop rows, else the last. 0: no round finished,
        and all classes get the same probability."""
        self.history = history
        self.warnings = warnings
        self.stop_reason = stop_reason
        self.complete = complete
        self.library_version = library_version

    def predict_proba(
        self, X: FloatMatrix, rows: NDArray[np.int64] | None = None, segment: NDArray[np.int32] | None = None
    ) -> NDArray[np.float64]:
        """Class probabilities (len(rows), n_classes) for `rows` of X, float32 (n, n_features) in C order; all
        rows when None. NaN is a missing value; `segment` is ignored."""
        result: NDArray[np.float64] = self._trees.predict_proba(X, rows)
        return result

    def margins(self, X: FloatMatrix, rows: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """Raw scores before the link: (len(rows), 1) for two classes, else (len(rows), n_classes)."""
        result: NDArray[np.float32] = self._trees.margins(X, rows)
        return result

    def feature_importances(self) -> NDArray[np.float64]:
        """Share of each feature in the total gain of the kept rounds (n_features,); zeros without a split."""
        return self._importances.copy()

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
        arrays: dict[str, NDArray[Any]] = dict(self._trees.arrays())
        arrays["importances"] = self._importances
        arrays.update({f"history_{name}": values for name, values in self.history.items()})
        return meta, arrays

    @classmethod
    def from_state(cls, meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """Inverse of `to_state`; checks meaning before any use and raises `ArtifactError`."""
        n_features = _meta(meta, "n_features", int)
        best_round = _meta(meta, "best_round", int)
        trees = _load.core().BoostedTrees(
            n_features=n_features,
            n_classes=_meta(meta, "n_classes", int),
            arrays={name: _array(arrays, name) for name in _ARRAYS},
        )
        if best_round != trees.n_rounds:
            raise ArtifactError(f"best_round must equal the {trees.n_rounds} stored rounds, but is {best_round}.")
        importances = _array(arrays, "importances")
        if importances.dtype != np.float64 or importances.shape != (n_features,):
            raise ArtifactError(f"importances must be float64 of shape ({n_features},).")
        if not (np.isfinite(importances).all() and (importances >= 0).all()):
            raise ArtifactError("importances must be finite and at least 0.")
        history = {name: _array(arrays, f"history_{name}") for name in _HISTORY}
        length = history["step"].size
        for name, values in history.items():
            if values.dtype != np.float64 or values.shape != (length,):
                raise ArtifactError(f"history_{name} must be float64 of shape ({length},).")
        warnings = _meta(meta, "warnings", list)
        if not all(isinstance(warning, str) for warning in warnings):
            raise ArtifactError("warnings must be a list of texts.")
        return cls(
            trees=trees,
            importances=importances,
            best_round=best_round,
            history=history,
            warnings=warnings,
            stop_reason=_meta(meta, "stop_reason", str),
            complete=_meta(meta, "complete", bool),
            library_version=_meta(meta, "library_version", str),
        )


def _is_integer(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and abs(int(value)) < 2**31


def _is_real(value: Any) -> bool:
    return (
        isinstance(value, int | float | np.integer | np.floating)
        and not isinstance(value, bool)
        and math.isfinite(value)
    )


def _meta(meta: dict[str, Any], name: str, kind: type) -> Any:
    value: Any = meta.get(name)
    is_right = type(value) is kind  # bool is no int here
    if not is_right:
        raise ArtifactError(f"the metadata of an XGBoost model needs '{name}' as {kind.__name__}, but has {value!r}.")
    if kind is int and not 0 <= value < 2**31:
        raise ArtifactError(f"'{name}' must lie in 0..2147483647, but is {value}.")
    return value


def _array(arrays: dict[str, NDArray[Any]], name: str) -> NDArray[Any]:
    value = arrays.get(name)
    if not isinstance(value, np.ndarray):
        raise ArtifactError(f"the array '{name}' of an XGBoost model is missing.")
    return value
