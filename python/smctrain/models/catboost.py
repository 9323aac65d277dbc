"""CatBoost as trainer, our rules around it, our walker for its trees.

The catboost package fits (it has no C interface for training). After each round our judge says whether to go on: best
round, patience, alarms, stop flag and time limit are those of the other boosting families. The model is taken from the
package as its JSON export, in memory, and turned into plain arrays; CatBoost's own loader never reads stored bytes.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from smctrain import _load
from smctrain.exceptions import InputError, NativeLibraryError
from smctrain.models._adapters import same_weights, task_samples, task_target, with_every_class
from smctrain.models.base import FitTask
from smctrain.models.boosting import FittedBoosting, is_integer, is_real, quantiles_of, trees_to_continue

_LOSSES = {None: "", "RMSE": "RMSE", "MAE": "MAE", "Huber": "Huber:delta=", "Quantile": "Quantile:alpha="}
_METRICS = ("log_loss", "accuracy", "balanced_accuracy", "mse", "mae")
_INTEGERS = {"n_estimators": 100_000, "depth": 12, "border_count": 65_535, "leaf_estimation_iterations": 1000}
_RANGES: dict[str, tuple[float, float]] = {
    "learning_rate": (1e-6, 1.0), "l2_leaf_reg": (0.0, math.inf), "random_strength": (0.0, math.inf),
    "min_delta": (0.0, math.inf), "subsample": (1e-6, 1.0), "rsm": (1e-6, 1.0),
}  # fmt: skip


@dataclass(frozen=True)
class CatBoostTrainer:
    """Boosted oblivious trees by CatBoost, with early stopping on the task's stop rows.

    Two classes are fitted by Logloss, more by MultiClass, both from the (weighted) shares of the classes as baseline; a
    task without classes by `objective`. Columns are numbers:
    there are no categorical columns. Rows keep their order in time (`has_time`), so that ordered boosting looks back
    only.

    Parameters
    ----------
    n_estimators : int
        Most rounds (CatBoost's iterations).
    depth : int
        Splits of a tree, at most 12; all nodes of a level share one split.
    learning_rate, l2_leaf_reg, random_strength, rsm, border_count, nan_mode, boosting_type
        As in catboost. nan_mode "Min" or "Max": a missing value counts as less or more than every number;
        "Forbidden": NaN in training is an error.
    leaf_estimation_iterations : int
        Steps in which the values of the leaves are found; 1 with "MAE" and "Quantile". catboost itself takes 10 for two
        classes from 200 rounds on, else 1.
    subsample : float
        Share of rows a tree is fitted on (Bernoulli); 1 takes all.
    early_stopping_rounds, min_delta, class_weight
        As of `XGBoostTrainer`.
    eval_metric : str or None
        By which the best round is chosen: "log_loss", "accuracy" or (two classes) "balanced_accuracy"; "mse" or "mae"
        in a regression. None: the loss that is fitted.
    objective : str or None
        None: classification. "RMSE", "MAE", "Huber" (linear beyond `alpha`) or "Quantile" (`alpha` is the quantile, or
        a list of several ascending ones, which share the splits of their trees).
    alpha : float, list of float or None
        None: 1.0 with "Huber", 0.5 with "Quantile".

    Raises
    ------
    InputError
        If settings are out of range; the message lists all of them.

    Notes
    -----
    The stop flag and the time limit are looked at after every round, which is as fine as catboost allows (processor
    time of a round: 4 ms for 10,000 rows of 50 columns, 16 ms for 50,000 of 100; before the first one as long as 30
    rounds). catboost hands all scores so far to each round, so that many thousands of rounds get slow. Results do
    not depend on the number of threads. Losses and accuracies in `history` are weighted like the rows.
    """

    family: ClassVar[str] = "CatBoost"
    needs_scaling: ClassVar[bool] = False
    is_sequence: ClassVar[bool] = False
    uses_stop_rows: ClassVar[bool] = True

    n_estimators: int = 200
    depth: int = 4
    learning_rate: float = 0.1
    l2_leaf_reg: float = 5.0
    random_strength: float = 1.0
    subsample: float = 0.7
    rsm: float = 0.7
    border_count: int = 254
    nan_mode: str = "Min"
    boosting_type: str = "Plain"
    leaf_estimation_iterations: int = 1
    early_stopping_rounds: int | None = 20
    min_delta: float = 0.0
    eval_metric: Any = None
    class_weight: Literal["balanced"] | None = "balanced"
    objective: str | None = None
    alpha: Any = None

    def __post_init__(self) -> None:
        problems = []
        for name, high in (
            ("n_estimators", 100_000),
            ("depth", 12),
            ("border_count", 65_535),
            ("leaf_estimation_iterations", 1000),
        ):
            value = getattr(self, name)
            if not (is_integer(value) and 1 <= value <= high):
                problems.append(f"{name} must be an integer in 1..{high}, but is {value!r}.")
        for name, (low, top) in _RANGES.items():
            value = getattr(self, name)
            if not (is_real(value) and low <= value <= top):
                bound = f"in [{low:g}, {top:g}]" if math.isfinite(top) else f"of at least {low:g}"
                problems.append(f"{name} must be a number {bound}, but is {value!r}.")
        stopping = self.early_stopping_rounds
        if stopping is not None and not (is_integer(stopping) and stopping >= 1):
            problems.append(f"early_stopping_rounds must be an integer of at least 1 or None, but is {stopping!r}.")
        if self.class_weight not in ("balanced", None):
            problems.append(f"class_weight must be 'balanced' or None, but is {self.class_weight!r}.")
        if self.nan_mode not in ("Min", "Max", "Forbidden"):
            problems.append(f"nan_mode must be 'Min', 'Max' or 'Forbidden', but is {self.nan_mode!r}.")
        if self.boosting_type not in ("Plain", "Ordered"):
            problems.append(f"boosting_type must be 'Plain' or 'Ordered', but is {self.boosting_type!r}.")
        if self.objective not in _LOSSES:
            known = ", ".join(repr(name) for name in _LOSSES if name)
            problems.append(f"objective must be one of {known} or None, but is {self.objective!r}.")
        allowed = _METRICS[:3] if self.objective is None else _METRICS[3:]
        if self.eval_metric is not None and self.eval_metric not in allowed:
            known = ", ".join(map(repr, allowed))
            problems.append(f"eval_metric must be one of {known} or None, but is {self.eval_metric!r}.")
        if self.objective in ("MAE", "Quantile") and self.leaf_estimation_iterations != 1:
            problems.append(
                f"leaf_estimation_iterations must be 1 with objective {self.objective!r} (exact leaves), but is "
                f"{self.leaf_estimation_iterations!r}."
            )
        problems += self._alpha_problems()
        if problems:
            raise InputError(" ".join(problems))
        for name in _INTEGERS:
            object.__setattr__(self, name, int(getattr(self, name)))
        for name in _RANGES:
            object.__setattr__(self, name, float(getattr(self, name)))
        if stopping is not None:
            object.__setattr__(self, "early_stopping_rounds", int(stopping))

    def _alpha_problems(self) -> list[str]:
        if self.alpha is None:
            return []
        if self.objective not in ("Huber", "Quantile"):
            return [f"alpha belongs to objective 'Huber' or 'Quantile', but is {self.alpha!r}."]
        try:
            several = quantiles_of(self.alpha, "alpha")
        except InputError as error:
            return [str(error)]
        object.__setattr__(self, "alpha", several)
        if self.objective == "Huber":
            good = len(several) == 1 and several[0] > 0
            return [] if good else [f"alpha must be one positive number with objective 'Huber', but is {several}."]
        good = len(several) > 0 and list(several) == sorted(set(several)) and several[0] > 0 and several[-1] < 1
        return [] if good else [f"alpha must hold ascending numbers between 0 and 1, but is {list(several)}."]

    def settings(self) -> dict[str, Any]:
        """Plain settings, for metadata and hashes."""
        settings = asdict(self)
        if self.alpha is not None:
            settings["alpha"] = list(self.alpha)
        return settings

    @property
    def _quantiles(self) -> tuple[float, ...]:
        return tuple(self.alpha or (0.5,)) if self.objective == "Quantile" else ()

    def _loss(self, n_classes: int) -> str:
        if self.objective is None:
            return "Logloss" if n_classes == 2 else "MultiClass"
        if self.objective == "Huber":
            return f"Huber:delta={(self.alpha or (1.0,))[0]!r}"
        if self.objective == "Quantile":
            levels = ",".join(map(repr, self._quantiles))
            return f"{'MultiQuantile' if len(self._quantiles) > 1 else 'Quantile'}:alpha={levels}"
        return self.objective

    def fit(self, task: FitTask, *, init_model: FittedBoosting | None = None, objective: None = None) -> FittedCatBoost:
        """Fit one task.

        Parameters
        ----------
        task : FitTask
            In a regression n_classes is 0 and y float64.
        init_model : FittedCatBoost, optional
            Model to continue: its trees stay, and new rounds start from its margins.

        Raises
        ------
        TooFewRows, OneClass, TooFewColumns, InputError
            As of `XGBoostTrainer.fit`; InputError also for a callable `objective`, which catboost cannot take here.
        MissingDependency
            If catboost >= 1.2, < 2 is not installed.
        NativeLibraryError
            If CatBoost reports an error.
        """
        if objective is not None:
            raise InputError("CatBoost takes no objective of its own here: use XGBoost or LightGBM for that.")
        if (self.objective is None) != (task.n_classes > 0):
            expected = "at least 2" if self.objective is None else "0"
            raise InputError(f"n_classes must be {expected} with this objective, but is {task.n_classes}.")
        if self.eval_metric == "balanced_accuracy" and task.n_classes > 2:
            raise InputError(
                "eval_metric 'balanced_accuracy' is for two classes in CatBoost, but there are "
                f"{task.n_classes}: use 'accuracy', which class_weight balances."
            )
        core = _load.core()
        # First of all, so that the time limit counts everything.
        judge = core.RoundJudge(
            early_stopping_rounds=self.early_stopping_rounds or 0,
            min_delta=self.min_delta,
            higher_is_better=self.eval_metric in ("accuracy", "balanced_accuracy"),
            has_validation=len(task.stop_rows) > 0,
            learning_rate=self.learning_rate,
            stop=task.stop,
            time_limit_s=float(task.time_limit_s),
        )
        n_features = task.X.shape[1]
        y = task_target(task)
        train, held = task_samples(task, y, self.class_weight == "balanced")
        begun = trees_to_continue(init_model, self.family, self._quantiles)
        y, train = with_every_class(y, train, task.n_classes)
        library = _load.catboost()
        width = max(1, len(self._quantiles)) if task.n_classes < 3 else task.n_classes
        if begun is not None and (begun.n_features, begun.n_classes, begun.width) != (
            n_features,
            task.n_classes,
            width,
        ):
            raise InputError(
                f"init_model must be a model of {n_features} columns, {task.n_classes} classes and {width} margins, "
                f"but has {begun.n_features}, {begun.n_classes} and {begun.width}."
            )
        export = None
        target = y[train["rows"]]
        # CatBoost refuses what cannot be split; the other families answer with the best constant.
        splittable = bool((np.nanmin(target) < np.nanmax(target)) and _varies(train["X"]))
        base = _constant(target, train["weight"], task.n_classes, self._quantiles, self.objective)
        start = base if begun is None and task.n_classes > 0 else None
        if splittable and judge.begin():
            export = self._run(library, task, y, train, held, begun, start, judge)
        told = judge.result()
        if not splittable:
            told["warnings"].append("Nothing can be split: the target or every column is constant.")
        if begun is not None:
            base = np.zeros(width)
        fresh = _oblivious(export, int(told["best_round"]), n_features, task.n_classes, base)
        trees = fresh if begun is None else _joined(begun, fresh)
        gains = trees.importances()["total_gain"]
        return FittedCatBoost._of(
            told
            | {
                "trees": trees,
                "importances": gains / gains.sum() if gains.sum() > 0 else gains,
                "best_round": trees.n_rounds,
                "library_version": str(library.__version__),
            },
            self._quantiles,
        )

    def _run(
        self, library: Any, task: FitTask, y: NDArray[Any], train: dict[str, Any], held: dict[str, Any], begun: Any,
        start: NDArray[np.float64] | None, judge: Any,
    ) -> dict[str, Any]:  # fmt: skip
        """The fitted model's JSON export; `judge` has seen every round."""
        # Where all weights are equal none are given: leaves of MAE and quantiles are then interpolated as usual.
        weighted = not same_weights(train, held)

        def pool(sample: dict[str, Any]) -> Any:
            baseline = None if begun is None else begun.margins(sample["X"])
            if start is not None:
                baseline = np.broadcast_to(start, (len(sample["rows"]), len(start))).copy()
            return library.Pool(
                sample["X"],
                y[sample["rows"]],
                weight=sample["weight"] if weighted else None,
                baseline=baseline,
                thread_count=int(task.threads),
            )

        loss = self._loss(task.n_classes)
        settings: dict[str, Any] = {
            "loss_function": loss,
            "iterations": self.n_estimators,
            "depth": self.depth,
            "learning_rate": self.learning_rate,
            "l2_leaf_reg": self.l2_leaf_reg,
            "random_strength": self.random_strength,
            "rsm": self.rsm,
            "border_count": self.border_count,
            "nan_mode": self.nan_mode,
            "boosting_type": self.boosting_type,
            # catboost's own choice for two classes changes at 200 iterations: the same rounds would then differ.
            "leaf_estimation_iterations": self.leaf_estimation_iterations,
            "has_time": True,
            "custom_metric": _watched(task.n_classes, self.eval_metric),
            "random_seed": int((task.seed + (0 if begun is None else begun.n_rounds)) % 2**31),
            "thread_count": int(task.threads),
            "allow_writing_files": False,
            "logging_level": "Silent",
        }
        settings |= (
            {"bootstrap_type": "Bernoulli", "subsample": self.subsample}
            if self.subsample < 1.0
            else {"bootstrap_type": "No"}
        )
        if loss == "MultiClass":
            settings["classes_count"] = task.n_classes
        watcher = _Watcher(judge, loss, self.eval_metric, task.progress, self.n_estimators)
        model = library.CatBoost(settings)
        try:
            model.fit(
                pool(train),
                eval_set=pool(held) if len(held["rows"]) else None,
                use_best_model=False,
                callbacks=[watcher],
            )
        except library.CatBoostError as error:
            raise NativeLibraryError(f"CatBoost reports an error: {error}") from error
        if watcher.error is not None:
            raise watcher.error
        return _exported(model)


class _Watcher:
    """What catboost calls after each round."""

    def __init__(
        self, judge: Any, loss: str, metric: str | None, progress: Callable[[int, int], None] | None, total: int
    ) -> None:
        self._judge, self._loss, self._metric = judge, loss, metric
        self._progress, self._total = progress, total
        self.error: BaseException | None = None

    def after_iteration(self, info: Any) -> bool:
        """Whether to go on. Nothing may be raised through the library."""
        try:
            learn, valid = info.metrics.get("learn", {}), info.metrics.get("validation", {})
            done = self._judge.observe(
                train_loss=self._last(learn, None),
                val_loss=self._last(valid, None),
                train_accuracy=self._last(learn, "accuracy"),
                val_accuracy=self._last(valid, "accuracy"),
                val_metric=self._last(valid, self._metric),
            )
            if self._progress is not None:
                self._progress(int(info.iteration), self._total)
            return not done
        except BaseException as error:
            self.error = error
            return False

    def _last(self, seen: dict[str, list[float]], metric: str | None) -> float:
        name = {
            None: self._loss, "log_loss": self._loss, "accuracy": "Accuracy", "balanced_accuracy": "BalancedAccuracy",
            "mse": "RMSE", "mae": "MAE",
        }[metric]  # fmt: skip
        # "Accuracy:use_weights=true" comes before the unweighted one where there are weights.
        values = next((seen[key] for key in seen if key == name or key.startswith(f"{name}:use_weights=true")), None)
        if values is None:
            return math.nan
        value = float(values[-1])
        return value * value if name == "RMSE" else value


def _watched(n_classes: int, metric: str | None) -> list[str]:
    """Metrics beside the loss, on training rows too."""
    names = ["Accuracy"] if n_classes else []
    names += {"balanced_accuracy": ["BalancedAccuracy"], "mse": ["RMSE"], "mae": ["MAE"]}.get(metric or "", [])
    return [f"{name}:hints=skip_train~false" for name in names]


def _varies(X: NDArray[np.float32]) -> bool:
    """Whether some column holds two different values, a missing one included."""
    first = X[:1]
    return bool(((first != X) & ~(np.isnan(first) & np.isnan(X))).any())


def _constant(
    target: NDArray[Any], weight: NDArray[np.float32], n_classes: int, quantiles: tuple[float, ...],
    objective: str | None,
) -> NDArray[np.float64]:  # fmt: skip
    """The margins of the best constant."""
    w = weight.astype(np.float64)
    if n_classes:
        share = np.bincount(target, weights=w, minlength=n_classes)
        share = np.maximum(share / share.sum(), 1e-6)
        odds: NDArray[np.float64] = np.log(share)
        return odds[1:] - odds[:1] if n_classes == 2 else odds - odds.mean()
    if objective == "RMSE":
        return np.array([float(np.average(target, weights=w))])
    order = np.argsort(target, kind="stable")
    mass = np.cumsum(w[order]) / w.sum()
    places = np.searchsorted(mass, quantiles or (0.5,))
    return np.asarray(target[order][np.minimum(places, len(order) - 1)], dtype=np.float64)


def _exported(model: Any) -> dict[str, Any]:
    """The model's JSON export; it touches no disk where the system has files in memory."""
    if hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir():
        handle = os.memfd_create("catboost")
        try:
            model.save_model(f"/proc/self/fd/{handle}", format="json")
            with open(handle, "rb", closefd=False) as file:
                file.seek(0)
                text = file.read()
        finally:
            os.close(handle)
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.json"
            model.save_model(str(path), format="json")
            text = path.read_bytes()
    exported: dict[str, Any] = json.loads(text)
    return exported


def _oblivious(
    export: dict[str, Any] | None, rounds: int, n_features: int, n_classes: int, base: NDArray[np.float64]
) -> Any:
    """The first `rounds` trees of an export as our own; none of them without an export."""
    width = len(base)
    trees: list[dict[str, Any]] = []
    columns: dict[int, tuple[int, bool]] = {}
    scale = 1.0
    if export is not None and rounds > 0:
        info = export["features_info"]
        if set(info) - {"float_features"} and any(info[kind] for kind in set(info) - {"float_features"}):
            raise NativeLibraryError(f"CatBoost exported features of unknown kinds: {sorted(info)}.")
        for feature in info["float_features"]:
            treatment = feature.get("nan_value_treatment", "AsIs")
            if treatment not in ("AsIs", "AsFalse", "AsTrue"):
                raise NativeLibraryError(f"CatBoost exported the unknown treatment {treatment!r} of missing values.")
            columns[int(feature["feature_index"])] = int(feature["flat_feature_index"]), treatment == "AsTrue"
        scale, bias = export["scale_and_bias"]
        bias = np.asarray(bias, dtype=np.float64)
        # Classes start from a baseline that the export does not hold.
        base = base + bias if n_classes else bias
        trees = export["oblivious_trees"][:rounds]
        if bias.shape != (width,) or len(trees) != rounds:
            raise NativeLibraryError(
                f"CatBoost exported {len(trees)} trees of {base.size} margins where {rounds} of {width} were expected."
            )
    splits = [split for tree in trees for split in tree["splits"] or ()]
    if any(split["split_type"] != "FloatFeature" for split in splits):
        raise NativeLibraryError("CatBoost exported a split that is not on a number.")
    used = [columns[split["float_feature_index"]] for split in splits]
    depths = [len(tree["splits"] or ()) for tree in trees]
    return _load.core().oblivious_trees(
        n_features=n_features,
        n_classes=n_classes,
        base_margin=base,
        split_offset=np.cumsum([0, *depths], dtype=np.int64),
        feature=np.array([column for column, _ in used], dtype=np.int32),
        border=np.array([split["border"] for split in splits], dtype=np.float32),
        missing_right=np.array([right for _, right in used], dtype=np.uint8),
        leaf_value=scale * np.array([value for tree in trees for value in tree["leaf_values"]], dtype=np.float64),
        leaf_weight=np.array([weight for tree in trees for weight in tree["leaf_weights"]], dtype=np.float64),
    )


def _joined(first: Any, more: Any) -> Any:
    """The rounds of both; margins start from the first one's plus the second one's base."""
    before, after = first.arrays(), more.arrays()
    arrays = {name: np.concatenate([before[name], after[name]]) for name in before}
    arrays["tree_offset"] = np.concatenate(
        [before["tree_offset"], after["tree_offset"][1:] + before["tree_offset"][-1]]
    )
    arrays["base_margin"] = before["base_margin"] + after["base_margin"]
    return _load.core().BoostedTrees(n_features=first.n_features, n_classes=first.n_classes, arrays=arrays, wide=True)


class FittedCatBoost(FittedBoosting):
    """Oblivious trees of the best round, predicted by our own walker in float64: equal to CatBoost's raw values but for
    the order of summation (1e-12 of their size).

    `importances()["total_gain"]` is CatBoost's PredictionValuesChange before its normalisation.
    """

    family: ClassVar[str] = "CatBoost"
    _wide: ClassVar[bool] = True
