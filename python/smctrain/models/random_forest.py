"""Random forest: settings, fit on binned columns, fitted model.

>>> trainer = RandomForestTrainer(n_estimators=100)
>>> fitted = trainer.fit(task)                                    # doctest: +SKIP
>>> fitted.predict_proba(X)                                       # doctest: +SKIP
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from smctrain import _load
from smctrain.exceptions import ArtifactError, InputError, SplitLeak
from smctrain.models.base import FitTask, FloatMatrix, History

_HISTORY = ("step", "train_loss", "val_loss", "train_accuracy", "val_accuracy", "grad_norm", "learning_rate")
_CLASS_WEIGHTS = ("balanced", "balanced_subsample")


@dataclass(frozen=True)
class Binned:
    """Bin codes of a matrix, edges fitted on `rows` only. Shared by fits that train on the same rows."""

    native: Any
    rows: NDArray[np.int64]
    n_bins: int


def make_binned(X: FloatMatrix, rows: NDArray[np.int64], threads: int = 1, n_bins: int = 255) -> Binned:
    """Bin the columns of X for `FitTask.binned`.

    Parameters
    ----------
    X : float32 (n, d), C order
        NaN is missing; infinite values are refused.
    rows : int64 (m,)
        Rows that the edges are fitted on: training rows only.
    threads : int
    n_bins : int
        At most this many bins a column, 2 to 255.
    """
    native = _load.core().bin_matrix(X, rows, n_bins, threads)
    return Binned(native, np.array(rows, dtype=np.int64), n_bins)


def _is_int(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _is_real(value: object) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


@dataclass(frozen=True)
class RandomForestTrainer:
    """Settings of a random forest. Wrong ones are reported all at once.

    Parameters
    ----------
    n_estimators : int
        Trees.
    max_depth : int or None
        Levels below the root; None: no limit.
    min_samples_split, min_samples_leaf : int
        Distinct rows a node needs to be split, and a child to exist.
    max_features : "sqrt", "log2", int, float or None
        Columns tried per node: a number, a share of them, or all (None).
    max_samples : int, float or None
        Rows drawn for each tree, with replacement: a number, a share, or as many as there are (None).
    class_weight : "balanced", "balanced_subsample" or None
        Weighs classes by the inverse of their share among training rows, or in each tree's draw.
    n_bins : int
        Bins a column, 2 to 255.
    bootstrap : bool
        False: every tree has every row once.
    oob_score : bool
        Compute the accuracy on rows that a tree did not see.
    """

    n_estimators: int = 200
    max_depth: int | None = 10
    min_samples_split: int = 20
    min_samples_leaf: int = 10
    max_features: str | int | float | None = "sqrt"
    max_samples: int | float | None = 0.7
    class_weight: str | None = "balanced"
    n_bins: int = 255
    bootstrap: bool = True
    oob_score: bool = True

    family: ClassVar[str] = "RandomForest"
    needs_scaling: ClassVar[bool] = False
    is_sequence: ClassVar[bool] = False
    uses_stop_rows: ClassVar[bool] = False

    def __post_init__(self) -> None:
        problems: list[str] = []

        def need(good: bool, name: str, expected: str) -> None:
            if not good:
                problems.append(f"{name} must be {expected}, but is {getattr(self, name)!r}.")

        def whole(name: str, least: int, most: int = 2**31 - 1) -> None:
            value = getattr(self, name)
            need(_is_int(value) and least <= value <= most, name, f"an integer of at least {least}")

        whole("n_estimators", 1)
        if self.max_depth is not None:
            whole("max_depth", 1)
        whole("min_samples_split", 2)
        whole("min_samples_leaf", 1)
        need(_is_int(self.n_bins) and 2 <= self.n_bins <= 255, "n_bins", "an integer from 2 to 255")
        features = self.max_features
        need(
            features is None
            or features in ("sqrt", "log2")
            or (_is_int(features) and features >= 1)  # type: ignore[operator]
            or (isinstance(features, float) and 0 < features <= 1),
            "max_features",
            "'sqrt', 'log2', an integer of at least 1, a share in (0, 1] or None",
        )
        samples = self.max_samples
        need(
            samples is None or (_is_int(samples) and samples >= 1) or (isinstance(samples, float) and 0 < samples <= 1),
            "max_samples",
            "an integer of at least 1, a share in (0, 1] or None",
        )
        need(
            self.class_weight is None or self.class_weight in _CLASS_WEIGHTS,
            "class_weight",
            "'balanced', 'balanced_subsample' or None",
        )
        need(isinstance(self.bootstrap, bool), "bootstrap", "True or False")
        need(isinstance(self.oob_score, bool), "oob_score", "True or False")
        if problems:
            raise InputError(" ".join(problems))

    def settings(self) -> dict[str, Any]:
        return asdict(self)

    def columns_tried(self, n_features: int) -> int:
        """Columns tried per node, as scikit-learn rounds them."""
        wanted = self.max_features
        if wanted is None:
            return n_features
        if wanted == "sqrt":
            return max(1, math.isqrt(n_features))
        if wanted == "log2":
            return max(1, int(math.log2(n_features)))
        if isinstance(wanted, float):
            return max(1, int(wanted * n_features))
        return min(int(wanted), n_features)

    def rows_drawn(self, n_rows: int) -> int:
        """Rows drawn for each tree."""
        if self.max_samples is None:
            return n_rows
        if isinstance(self.max_samples, float):
            return max(1, round(n_rows * self.max_samples))
        return min(int(self.max_samples), n_rows)

    def fit(self, task: FitTask) -> FittedForest:
        """Grow the forest on `task.rows`. Rows of weight 0 count as absent; `task.stop_rows` are not used.

        Raises
        ------
        InputError, TooFewRows, OneClass
            The task cannot be learned from.
        SplitLeak
            `task.binned` was fitted on rows outside `task.rows`.
        TrainingFailed
            The fit was ended before its first tree.
        """
        rows, weight = task.rows, None
        if task.weight is not None:
            rows = rows[task.weight[rows] > 0]
            used = task.weight[rows]
            weight = None if len(used) == 0 or (used == used[0]).all() else task.weight
        binned = self._binned(task, rows)
        d = task.X.shape[1]
        settings = {
            "n_trees": int(self.n_estimators),
            "max_depth": 0 if self.max_depth is None else int(self.max_depth),
            "min_samples_split": int(self.min_samples_split),
            "min_samples_leaf": int(self.min_samples_leaf),
            "max_features": self.columns_tried(d),
            "n_draw": self.rows_drawn(len(rows)),
            "bootstrap": self.bootstrap,
            "class_weight": self.class_weight or "none",
            "oob_score": self.oob_score,
            "allow_packed": True,
        }
        result = _load.core().fit_forest(
            binned.native,
            rows,
            task.y,
            weight,
            task.n_classes,
            settings,
            task.seed,
            task.threads,
            task.stop,
            task.time_limit_s,
        )
        forest = result["forest"]
        reason: str = result["stop_reason"]
        warnings = []
        if reason:
            warnings.append(
                f"The fit was ended ({reason}) after {forest.n_trees} of {self.n_estimators} trees; "
                "the smaller forest is used."
            )
        if task.progress is not None:
            task.progress(forest.n_trees, int(self.n_estimators))
        return FittedForest(
            native=forest,
            oob_score=float(result["oob_score"]),
            stop_reason=reason,
            warnings=warnings,
            threads=task.threads,
        )

    def _binned(self, task: FitTask, rows: NDArray[np.int64]) -> Binned:
        if task.binned is None:
            return make_binned(task.X, rows, task.threads, self.n_bins)
        binned: Binned = task.binned
        if not isinstance(binned, Binned):
            raise InputError(
                f"task.binned must come from smctrain.models.random_forest.make_binned, but is {type(binned).__name__}."
            )
        shape = (binned.native.n_rows, binned.native.n_features)
        if shape != task.X.shape:
            raise InputError(f"task.binned must have the shape of X {task.X.shape}, but has {shape}.")
        if not (len(binned.rows) == len(task.rows) and np.array_equal(binned.rows, task.rows)):
            train = np.zeros(len(task.X), dtype=bool)
            train[task.rows] = True
            outside = binned.rows[~train[binned.rows]]
            if len(outside):
                raise SplitLeak(
                    f"the bins were fitted on row {outside[0]}, which is no training row ({len(outside)} "
                    "such rows): fit them on the training rows.",
                    "outside_train",
                    tuple(int(row) for row in outside[:10]),
                )
        return binned


class FittedForest:
    """A grown forest. Not to be changed; predict from any thread.

    Attributes
    ----------
    oob_score : float
        Accuracy on rows out of bag; NaN where it was not asked for. Overlapping labels make it optimistic.
    n_trees : int
        Trees grown: fewer than asked for when the fit was ended early.
    """

    family: ClassVar[str] = "RandomForest"

    def __init__(
        self,
        native: Any,
        oob_score: float,
        stop_reason: str = "",
        warnings: list[str] | None = None,
        threads: int = 1,
    ) -> None:
        self.native = native
        self.oob_score = oob_score
        self.n_features = int(native.n_features)
        self.n_classes = int(native.n_classes)
        self.n_trees = int(native.n_trees)
        self.stop_reason = stop_reason
        self.complete = stop_reason == ""
        self.warnings = list(warnings or ())
        self.threads = threads
        self.history: History = {name: np.array([np.nan]) for name in _HISTORY}
        self.history["step"] = np.array([float(self.n_trees)])

    def predict_proba(
        self, X: FloatMatrix, rows: NDArray[np.int64] | None = None, segment: NDArray[np.int32] | None = None
    ) -> NDArray[np.float64]:
        """Mean class shares over trees (len(rows), n_classes). `segment` is not used."""
        proba: NDArray[np.float64] = self.native.predict_proba(X, rows, self.threads)
        return proba

    def feature_importances(self) -> NDArray[np.float64]:
        """Decrease of Gini impurity by column (n_features,), sum 1; all 0 where no tree has a split."""
        importances: NDArray[np.float64] = self.native.importances()
        return importances

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        meta = {
            "n_features": self.n_features,
            "n_classes": self.n_classes,
            "n_trees": self.n_trees,
            "oob_score": None if math.isnan(self.oob_score) else self.oob_score,
            "stop_reason": self.stop_reason,
            "warnings": list(self.warnings),
        }
        return meta, self.native.arrays()

    @classmethod
    def from_state(cls, meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """Inverse of `to_state`.

        Raises
        ------
        ArtifactError
            A child, feature, leaf or number is out of range, or the trees are not trees.
        """
        numbers = {}
        for name in ("n_features", "n_classes", "n_trees"):
            value = meta.get(name)
            if not _is_int(value) or not 0 < value < 2**31:  # type: ignore[operator]
                raise ArtifactError(f"forest: {name} must be a positive integer, but is {value!r}.")
            numbers[name] = int(value)  # type: ignore[arg-type]
        score, reason, warnings = meta.get("oob_score"), meta.get("stop_reason", ""), meta.get("warnings", [])
        if score is not None and not (_is_real(score) and 0 <= score <= 1):
            raise ArtifactError(f"forest: oob_score must be a share or null, but is {score!r}.")
        if not isinstance(reason, str) or not isinstance(warnings, list):
            raise ArtifactError("forest: stop_reason must be text and warnings a list.")
        native = _load.core().Forest.from_state(
            numbers["n_features"],
            numbers["n_classes"],
            {name: np.ascontiguousarray(array) for name, array in arrays.items()},
        )
        if native.n_trees != numbers["n_trees"]:
            raise ArtifactError(f"forest: n_trees is {numbers['n_trees']}, but the arrays hold {native.n_trees}.")
        return cls(
            native=native,
            oob_score=math.nan if score is None else float(score),
            stop_reason=reason,
            warnings=[str(sentence) for sentence in warnings],
        )
