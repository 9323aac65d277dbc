"""LightGBM through its C library: trainer and fitted model. Python's `lightgbm` is never imported."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

from smctrain import _load
from smctrain.exceptions import InputError
from smctrain.models.base import FitTask
from smctrain.models.boosting import (
    FittedBoosting,
    Objective,
    OwnMetric,
    is_integer,
    is_real,
    metric_arguments,
    quantiles_of,
    stored_value,
    task_arguments,
    trees_to_continue,
)
from smctrain.models.memory import check_memory

_INTEGERS = (
    "n_estimators", "num_leaves", "max_depth", "min_child_samples", "subsample_freq", "max_bin", "subsample_for_bin",
)  # fmt: skip
_REALS = (
    "learning_rate", "subsample", "colsample_bytree", "colsample_bynode", "min_child_weight", "min_split_gain",
    "reg_alpha", "reg_lambda", "min_delta",
)  # fmt: skip
_LOSSES = {
    None: "classes",
    "regression": "squared",
    "regression_l1": "absolute",
    "huber": "huber",
    "quantile": "quantile",
}


@dataclass(frozen=True)
class LightGBMTrainer:
    """Leaf-wise histogram gradient boosting by LightGBM, with early stopping on the task's stop rows.

    Two classes are fitted as binary, more as multiclass; a task without classes by `objective`. NaN in X is a missing
    value; where a column had none in the training rows it counts as 0, as in lightgbm. Columns are numbers: there are
    no categorical splits.

    Parameters
    ----------
    n_estimators : int
        Most rounds.
    num_leaves, max_depth, learning_rate, subsample, subsample_freq, subsample_for_bin, colsample_bytree, \
    colsample_bynode, min_child_weight, min_child_samples, min_split_gain, reg_alpha, reg_lambda, max_bin, \
    zero_as_missing
        As in lightgbm's scikit-learn face (colsample_bynode: feature_fraction_bynode).
    early_stopping_rounds, min_delta, eval_metric, class_weight
        As of `XGBoostTrainer`.
    objective : str or None
        None: classification. "regression", "regression_l1", "huber" (linear beyond `alpha`) or "quantile" (`alpha` is
        the quantile, or a list of several ascending ones: a booster each, one round of all at a time).
    alpha : float, list of float or None
        None: 0.9, as in lightgbm.

    Raises
    ------
    InputError
        If settings are out of range; the message lists all of them.

    Notes
    -----
    A fit takes one thread: LightGBM's thread count is one for the whole process. It is deterministic.
    """

    family: ClassVar[str] = "LightGBM"
    needs_scaling: ClassVar[bool] = False
    is_sequence: ClassVar[bool] = False
    uses_stop_rows: ClassVar[bool] = True

    n_estimators: int = 200
    num_leaves: int = 15
    max_depth: int = -1
    learning_rate: float = 0.1
    subsample: float = 0.7
    subsample_freq: int = 1
    colsample_bytree: float = 0.7
    min_child_weight: float = 1e-3
    min_child_samples: int = 20
    min_split_gain: float = 0.0
    reg_alpha: float = 0.2
    reg_lambda: float = 2.0
    early_stopping_rounds: int | None = 20
    class_weight: Literal["balanced"] | None = "balanced"
    max_bin: int = 255
    colsample_bynode: float = 1.0
    subsample_for_bin: int = 200_000
    zero_as_missing: bool = False
    min_delta: float = 0.0
    eval_metric: Any = None
    objective: str | None = None
    alpha: Any = None

    def __post_init__(self) -> None:
        problems = [
            f"{name} must be an integer, but is {getattr(self, name)!r}."
            for name in _INTEGERS
            if not is_integer(getattr(self, name))
        ]
        stopping = self.early_stopping_rounds
        if stopping is not None and not (is_integer(stopping) and stopping >= 1):
            problems.append(f"early_stopping_rounds must be an integer of at least 1 or None, but is {stopping!r}.")
        problems += [
            f"{name} must be a number, but is {getattr(self, name)!r}."
            for name in _REALS
            if not is_real(getattr(self, name))
        ]
        if self.class_weight not in ("balanced", None):
            problems.append(f"class_weight must be 'balanced' or None, but is {self.class_weight!r}.")
        if self.zero_as_missing not in (True, False):
            problems.append(f"zero_as_missing must be True or False, but is {self.zero_as_missing!r}.")
        if self.objective not in _LOSSES:
            known = ", ".join(repr(name) for name in _LOSSES if name)
            problems.append(f"objective must be one of {known} or None, but is {self.objective!r}.")
        if self.eval_metric is not None and not isinstance(self.eval_metric, str):
            problems.append(f"eval_metric must be a name or None, but is {self.eval_metric!r}.")
        if self.alpha is not None:
            if self.objective not in ("huber", "quantile"):
                problems.append(f"alpha belongs to objective 'huber' or 'quantile', but is {self.alpha!r}.")
            try:
                several = quantiles_of(self.alpha, "alpha")
                if self.objective == "huber" and len(several) != 1:
                    problems.append(f"alpha must be one number with objective 'huber', but is {self.alpha!r}.")
                object.__setattr__(self, "alpha", several)
            except InputError as error:
                problems.append(str(error))
        if not problems:
            for name in _INTEGERS:
                object.__setattr__(self, name, int(getattr(self, name)))
            for name in _REALS:
                object.__setattr__(self, name, float(getattr(self, name)))
            if stopping is not None:
                object.__setattr__(self, "early_stopping_rounds", int(stopping))
            problems = _load.core().lightgbm_setting_problems(self._native())
        if problems:
            raise InputError(" ".join(problems))

    def settings(self) -> dict[str, Any]:
        """Plain settings, for metadata and hashes."""
        settings = asdict(self)
        if self.alpha is not None:
            settings["alpha"] = list(self.alpha)
        return settings

    @property
    def _quantiles(self) -> tuple[float, ...]:
        return tuple(self.alpha or (0.9,)) if self.objective == "quantile" else ()

    def _native(self) -> dict[str, Any]:
        settings = asdict(self)
        settings["loss"] = _LOSSES[settings.pop("objective")]
        alpha = settings.pop("alpha")
        settings["quantiles"] = list(self._quantiles)
        settings["slope"] = alpha[0] if alpha and self.objective == "huber" else 0.9
        return settings

    def _estimate(self, task: FitTask) -> int:
        """Bytes that a fit is going to need: a copy of the rows, their bins, histograms, scores and trees."""
        n, d, stop = len(task.rows), int(task.X.shape[1]), len(task.stop_rows)
        width = max(1, len(self._quantiles)) if task.n_classes == 0 else max(1, task.n_classes)
        leaves = min(self.num_leaves, max(1, n // max(1, self.min_child_samples)))
        bins = 1 if self.max_bin <= 255 else 2
        return int(
            (n + stop) * d * (4 + bins)
            + n * (24 * width + 32)
            + leaves * d * min(self.max_bin, n) * 16
            + self.n_estimators * width * 2 * leaves * 60
        )

    def fit(
        self,
        task: FitTask,
        *,
        init_model: FittedBoosting | None = None,
        objective: Objective | None = None,
        metric: OwnMetric | None = None,
    ) -> FittedLightGBM:
        """Fit one task; arguments as of `XGBoostTrainer.fit`. With an own objective margins start at 0.

        Raises
        ------
        TooFewRows, OneClass, TooFewColumns, InputError
            As of `XGBoostTrainer.fit`.
        MissingDependency
            If lightgbm >= 4.6, < 5 is not installed.
        NativeLibraryError
            If LightGBM reports an error.
        """
        library, version = _load.lightgbm_library()
        check_memory(self.family, self._estimate(task), "fewer rows or columns, fewer num_leaves, a smaller max_bin")
        result = _load.core().lightgbm_fit(
            library=str(library.absolute()),
            settings=self._native(),
            **task_arguments(task, 2**31),
            init=trees_to_continue(init_model, self.family, self._quantiles),
            objective=objective,
            **metric_arguments(metric),
        )
        return FittedLightGBM._of(result | {"library_version": version}, self._quantiles)


class FittedLightGBM(FittedBoosting):
    """Boosted trees of the best round, predicted by our own walker: raw scores equal LightGBM's, bit for bit."""

    family: ClassVar[str] = "LightGBM"
    _wide: ClassVar[bool] = True

    def to_state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Plain metadata and named arrays."""
        meta, arrays = super().to_state()
        return meta | {"zero_is_missing": bool(self.trees.zero_is_missing)}, arrays

    @classmethod
    def _tree_options(cls, meta: dict[str, Any]) -> dict[str, Any]:
        return {"zero_is_missing": stored_value(meta, "zero_is_missing", bool)}
