"""What forests share: binned columns, settings and their limits, the run of a native fit, the grown forest."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from smctrain import _load
from smctrain.exceptions import ArtifactError, InputError, SplitLeak
from smctrain.models.base import FitTask, FloatMatrix, History
from smctrain.models.binned import BinnedMatrix as Binned
from smctrain.models.binned import make_binned
from smctrain.models.explanation import Moves
from smctrain.models.memory import check_memory
from smctrain.models.shared import Shared

_HISTORY = ("step", "train_loss", "val_loss", "train_accuracy", "val_accuracy", "grad_norm", "learning_rate")
MAX_BINS = 65_535


def estimate_bytes(
    n_rows: int,
    n_features: int,
    n_trees: int,
    n_classes: int,
    max_depth: int | None = None,
    *,
    min_samples_leaf: int = 1,
    n_drawn: int | None = None,
    n_bins: int = 255,
    threads: int = 1,
    oob_score: bool = False,
    keeps_members: bool = False,
    binned: bool = False,
) -> int:
    """Bytes that the fit of a forest adds to the process at most, X itself not counted.

    Parameters
    ----------
    n_rows, n_features, n_trees : int
    n_classes : int
        0 or 1: a regression.
    max_depth : int or None
    min_samples_leaf : int
    n_drawn : int or None
        Rows drawn for each tree; None: every row once.
    n_bins, threads : int
    oob_score, keeps_members : bool
    binned : bool
        The binned matrix exists already.

    Notes
    -----
    Trees are taken to be as large as rows and limits allow; data that pure leaves describe sooner needs less.
    """
    n, d, k = n_rows, n_features, max(1, n_classes)
    width = 1 if n_bins <= 255 else 2
    distinct = n
    if n_drawn is not None:
        distinct = min(n, math.ceil(n * -math.expm1(-n_drawn / max(1, n)) * 1.02) + 16)
    leaves = max(1, distinct // max(1, min_samples_leaf))
    if k > 1 and min_samples_leaf == 1:
        leaves = max(1, leaves * 3 // 4)  # leaves of one row are the exception even where labels are noise
    if max_depth is not None and max_depth < 40:
        leaves = min(leaves, 2**max_depth)
    nodes = 2 * leaves - 1
    codes = n * d * width + d * min(n, n_bins) * 12  # and edges and centres
    fitted = min(n, 200_000) if width == 1 else n
    binning = min(threads, -(-d // 8)) * fitted * (8 * 4 + 8 + 24 + (16 if width == 2 else 0))
    growing = threads * (4 * n + distinct * (8 + 8 + 32) + nodes * (2 * 16 + 32 + 16 * k) + 1_000_000)
    finished = n_trees * (nodes * 36 + leaves * 8 * k + 8 * d)
    if oob_score:
        finished += n_trees * (n // 8) + n * 8 * k
    if keeps_members:
        finished += n_trees * distinct * (8 + 12 + 12) + n * 12
    forest = n_trees * (nodes * (25 + 32) + 2 * leaves * 8 * k)
    during = (0 if binned else codes) + growing + finished + forest
    return 2_000_000 + max(during, 0 if binned else codes + binning)


def _is_float(value: object) -> bool:
    return isinstance(value, (float, np.floating))


def _is_int(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _is_real(value: object) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


@dataclass(frozen=True)
class ForestSettings:
    """Settings that all forests have. Wrong ones are reported all at once.

    Parameters
    ----------
    n_estimators : int
        Trees.
    max_depth : int or None
        Levels below the root; None: no limit.
    min_samples_split, min_samples_leaf : int or float
        Distinct rows a node needs to be split, and a child to exist; or a share of the training rows.
    max_features : "sqrt", "log2", int, float or None
        Columns tried per node: a number, a share of them, or all (None).
    max_samples : int, float or None
        Rows drawn for each tree, with replacement: a number, a share, or as many as there are (None).
    n_bins : int
        Bins a column, 2 to 65535. As many as a column has distinct values: splits are searched exactly. Up to 255
        are fastest, and lose nothing measurable.
    bootstrap : bool
        False: every tree has every row once.
    oob_score : bool
        Compute the score on rows that a tree did not see (with bootstrap).
    max_leaf_nodes : int or None
        Leaves a tree may have; the splits that gain most are made first.
    min_weight_fraction_leaf : float
        Share of the tree's total weight that a leaf needs, 0 to 0.5.
    min_impurity_decrease : float
        Impurity a split must save, weighted by the node's share of the tree's total weight.
    ccp_alpha : float
        Complexity cost per leaf: minimal cost-complexity pruning; 0: none.
    """

    n_estimators: int = 200
    max_depth: int | None = 10
    min_samples_split: int | float = 20
    min_samples_leaf: int | float = 10
    max_features: str | int | float | None = "sqrt"
    max_samples: int | float | None = 0.7
    n_bins: int = 255
    bootstrap: bool = True
    oob_score: bool = True
    max_leaf_nodes: int | None = None
    min_weight_fraction_leaf: float = 0.0
    min_impurity_decrease: float = 0.0
    ccp_alpha: float = 0.0

    needs_scaling: ClassVar[bool] = False
    is_sequence: ClassVar[bool] = False
    uses_stop_rows: ClassVar[bool] = False
    takes_bins: ClassVar[bool] = True
    random_splits: ClassVar[bool] = False
    keeps_members: ClassVar[bool] = False

    def __post_init__(self) -> None:
        problems = self._problems()
        if problems:
            raise InputError(" ".join(problems))

    def _problems(self) -> list[str]:
        problems: list[str] = []

        def need(good: bool, name: str, expected: str) -> None:
            if not good:
                problems.append(f"{name} must be {expected}, but is {getattr(self, name)!r}.")

        def whole(name: str, least: int) -> None:
            value = getattr(self, name)
            need(_is_int(value) and least <= value < 2**31, name, f"an integer of at least {least}")

        def count_or_share(name: str, least: int) -> None:
            value = getattr(self, name)
            good = (_is_int(value) and least <= value < 2**31) or (_is_float(value) and 0 < value < 1)
            need(good, name, f"an integer of at least {least} or a share in (0, 1)")

        def number(name: str, most: float, expected: str) -> None:
            value = getattr(self, name)
            need(_is_real(value) and 0 <= value <= most and math.isfinite(value), name, expected)

        whole("n_estimators", 1)
        if self.max_depth is not None:
            whole("max_depth", 1)
        if self.max_leaf_nodes is not None:
            whole("max_leaf_nodes", 2)
        count_or_share("min_samples_split", 2)
        count_or_share("min_samples_leaf", 1)
        need(_is_int(self.n_bins) and 2 <= self.n_bins <= MAX_BINS, "n_bins", f"an integer from 2 to {MAX_BINS}")
        features = self.max_features
        need(
            features is None
            or (isinstance(features, str) and features in ("sqrt", "log2"))
            or (_is_int(features) and features >= 1)  # type: ignore[operator]
            or (_is_float(features) and 0 < features <= 1),  # type: ignore[operator]
            "max_features",
            "'sqrt', 'log2', an integer of at least 1, a share in (0, 1] or None",
        )
        samples = self.max_samples
        need(
            samples is None or (_is_int(samples) and samples >= 1) or (_is_float(samples) and 0 < samples <= 1),
            "max_samples",
            "an integer of at least 1, a share in (0, 1] or None",
        )
        need(isinstance(self.bootstrap, bool), "bootstrap", "True or False")
        need(isinstance(self.oob_score, bool), "oob_score", "True or False")
        number("min_weight_fraction_leaf", 0.5, "a share from 0 to 0.5")
        number("min_impurity_decrease", math.inf, "finite and at least 0")
        number("ccp_alpha", math.inf, "finite and at least 0")
        return problems

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
        if _is_float(wanted):
            return max(1, int(wanted * n_features))
        return min(int(wanted), n_features)

    def rows_drawn(self, n_rows: int) -> int:
        """Rows drawn for each tree."""
        if self.max_samples is None:
            return n_rows
        if _is_float(self.max_samples):
            return max(1, round(n_rows * self.max_samples))
        return min(int(self.max_samples), n_rows)

    def _native_settings(self, n_rows: int, n_features: int) -> dict[str, Any]:
        def rows(value: int | float, least: int) -> int:
            return max(least, math.ceil(value * n_rows)) if _is_float(value) else int(value)

        return {
            "n_trees": int(self.n_estimators),
            "max_depth": 0 if self.max_depth is None else int(self.max_depth),
            "min_samples_split": rows(self.min_samples_split, 2),
            "min_samples_leaf": rows(self.min_samples_leaf, 1),
            "max_features": self.columns_tried(n_features),
            "n_draw": self.rows_drawn(n_rows),
            "bootstrap": self.bootstrap,
            "class_weight": getattr(self, "class_weight", None) or "none",
            "oob_score": self.oob_score,
            "allow_packed": True,
            "max_leaf_nodes": 0 if self.max_leaf_nodes is None else int(self.max_leaf_nodes),
            "min_weight_fraction_leaf": float(self.min_weight_fraction_leaf),
            "min_impurity_decrease": float(self.min_impurity_decrease),
            "ccp_alpha": float(self.ccp_alpha),
            "random_splits": self.random_splits,
            "keep_members": self.keeps_members,
        }

    def _run(self, task: FitTask, target: NDArray[Any], n_classes: int) -> dict[str, Any]:
        """Arguments of the fitted forest. Rows of weight 0 count as absent; `task.stop_rows` are not used."""
        rows, weight = task.rows, None
        if task.weight is not None:
            rows = rows[task.weight[rows] > 0]
            used = task.weight[rows]
            weight = None if len(used) == 0 or (used == used[0]).all() else task.weight
        estimate = estimate_bytes(
            len(rows), task.X.shape[1], int(self.n_estimators), n_classes, self.max_depth,
            min_samples_leaf=self._native_settings(len(rows), task.X.shape[1])["min_samples_leaf"],
            n_drawn=self.rows_drawn(len(rows)) if self.bootstrap else None, n_bins=self.n_bins, threads=task.threads,
            oob_score=self.oob_score, keeps_members=self.keeps_members, binned=task.binned is not None,
        )  # fmt: skip
        check_memory(
            getattr(self, "family", type(self).__name__), estimate,
            "fewer rows, columns or trees, a smaller max_depth, a larger min_samples_leaf",
        )  # fmt: skip
        started = time.monotonic()
        binned = self._binned(task, rows)
        limit = task.time_limit_s
        if limit > 0:
            limit = max(limit - (time.monotonic() - started), 1e-6)
        result = _load.core().fit_forest(
            binned.native,
            rows,
            target,
            weight,
            n_classes,
            self._native_settings(len(rows), task.X.shape[1]),
            task.seed,
            task.threads,
            task.stop,
            limit,
            task.progress,
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
        oob_values = result.get("oob_values")
        if oob_values is not None and len(rows) < len(task.X):
            spread = np.full((len(task.X), oob_values.shape[1]), np.nan)
            spread[rows] = oob_values
            oob_values = spread
        return {
            "native": forest,
            "oob_score": float(result["oob_score"]),
            "stop_reason": reason,
            "warnings": warnings,
            "threads": task.threads,
            "oob_values": oob_values,
        }

    def _binned(self, task: FitTask, rows: NDArray[np.int64]) -> Binned:
        if task.binned is None:

            def make() -> Binned:
                return make_binned(task.X, rows, task.threads, self.n_bins, task.stop, task.time_limit_s)

            if not isinstance(task.shared, Shared):
                return make()
            return self._checked(task, task.shared.get(("bins", self.n_bins), make))
        return self._checked(task, task.binned)

    def _checked(self, task: FitTask, binned: Binned) -> Binned:
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
                    "such rows): fit them on the training rows, BinnedMatrix(X, rows=train).",
                    "outside_train",
                    tuple(int(row) for row in outside[:10]),
                )
        return binned


class GrownForest:
    """A grown forest. Not to be changed; predict from any thread.

    Attributes
    ----------
    oob_score : float
        Accuracy or R2 on rows out of bag; NaN where it was not asked for. Overlapping labels make it optimistic.
    oob_values : ndarray (n, k) or None
        Prediction for each row of the task by the trees that did not see it, NaN where there is none. Not stored.
    n_trees : int
        Trees grown: fewer than asked for when the fit was ended early.
    """

    family: ClassVar[str]
    least_score: ClassVar[float] = 0.0

    def __init__(
        self,
        native: Any,
        oob_score: float,
        stop_reason: str = "",
        warnings: list[str] | None = None,
        threads: int = 1,
        oob_values: NDArray[np.float64] | None = None,
    ) -> None:
        self.native = native
        self.oob_values = oob_values
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

    def feature_importances(self) -> NDArray[np.float64]:
        """Decrease of impurity by column (n_features,), sum 1; all 0 where no tree has a split."""
        importances: NDArray[np.float64] = self.native.importances()
        return importances

    def native_importances(self) -> dict[str, NDArray[np.float64]]:
        """Decrease of impurity: of Gini's for classes, of the variance for numbers."""
        return {"gini" if self.n_classes else "variance": self.feature_importances()}

    def shap_values(self, X: FloatMatrix) -> NDArray[np.float64]:
        """Exact TreeSHAP (n, d + 1, k), the base value last: path-dependent, columns left out are averaged over the
        training rows of each node, as `shap.TreeExplainer` does without background data.

        Source: Lundberg et al., Nature Machine Intelligence 2 (2020).
        """
        values: NDArray[np.float64] = self.native.shap_values(X, self.threads)
        return values

    def moved_scores(
        self, X: FloatMatrix, y: NDArray[Any], metric: str, moves: Moves, threads: int = 1
    ) -> tuple[float, NDArray[np.float64]]:
        """Score, and scores (n_groups, repeats) with one group of columns moved: see `models.explanation`."""
        answer: tuple[float, NDArray[np.float64]] = _load.core().forest_moved_scores(
            self.native, X, y, metric, moves.sources, moves.groups, moves.n_groups, threads
        )
        return answer

    @classmethod
    def _check_kind(cls, n_classes: int, arrays: dict[str, NDArray[Any]]) -> None:
        """Raises ArtifactError where the state belongs to another kind of forest."""
        raise NotImplementedError

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        meta = {
            "n_features": self.n_features,
            "n_classes": int(self.native.n_classes),
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
        if score is not None and not (_is_real(score) and cls.least_score <= score <= 1):
            raise ArtifactError(f"forest: oob_score must be at most 1 or null, but is {score!r}.")
        if not isinstance(reason, str) or not isinstance(warnings, list):
            raise ArtifactError("forest: stop_reason must be text and warnings a list.")
        cls._check_kind(numbers["n_classes"], arrays)
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
