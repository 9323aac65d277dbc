"""XGBoost through its C library: trainer and fitted model. Python's `xgboost` is never imported."""

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
    task_arguments,
    trees_to_continue,
)
from smctrain.models.memory import check_memory, missing_values

_INTEGERS = ("n_estimators", "max_depth", "max_leaves", "max_bin")
_REALS = (
    "learning_rate", "subsample", "colsample_bytree", "colsample_bynode", "min_child_weight", "gamma", "reg_alpha",
    "reg_lambda", "min_delta", "huber_slope",
)  # fmt: skip
_LOSSES = {
    None: "classes",
    "reg:squarederror": "squared",
    "reg:absoluteerror": "absolute",
    "reg:pseudohubererror": "pseudo_huber",
    "reg:quantileerror": "quantile",
}


_VALUES_PER_THREAD = 1 << 19


def useful_threads(n_values: int, threads: int) -> int:
    """Threads that have enough to do. Trees do not depend on it; small fits only wait for each other at barriers,
    which on a busy machine makes two threads many times slower than one."""
    return max(1, min(threads, n_values // _VALUES_PER_THREAD))


@dataclass(frozen=True)
class XGBoostTrainer:
    """Histogram gradient boosting by XGBoost, with early stopping on the task's stop rows.

    Two classes are fitted as binary:logistic, more as multi:softprob; a task without classes by `objective`. NaN in X
    is a missing value.

    Parameters
    ----------
    n_estimators : int
        Most rounds.
    max_depth, max_leaves, grow_policy, learning_rate, subsample, colsample_bytree, colsample_bynode, \
    min_child_weight, gamma, reg_alpha, reg_lambda, max_bin
        As in xgboost; defaults of the training pipeline's final parameters.
    early_stopping_rounds : int or None
        Rounds without a lower loss on the stop rows after which fitting ends; the best round is kept. None:
        all rounds are fitted and kept, also where stop rows are given (their loss is still recorded).
    min_delta : float
        A round counts as better only if its metric is better by more than this.
    eval_metric : str or None
        By which the best round is chosen: "log_loss", "accuracy", "balanced_accuracy", "f1_score" (macro), "mcc",
        "brier", "auc" or "direction_auc" (last class against first, the others left out); "mse", "rmse", "mae", "r2",
        "spearman" or (quantiles) "pinball" in a regression. None: the loss that is fitted.
    objective : str or None
        None: classification. "reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror" (with `huber_slope`) or
        "reg:quantileerror" (with `quantile_alpha`).
    quantile_alpha : float, list of float or None
        Quantiles of "reg:quantileerror", ascending; one tree each and round.
    class_weight : "balanced" or None
        "balanced": each row weighs n / (classes present * rows of its class), times its own weight.

    Raises
    ------
    InputError
        If settings are out of range; the message lists all of them.

    Notes
    -----
    Losses and accuracies in `history` are weighted like the rows, on training and stop rows alike. Training rows are
    judged in the first 10 rounds, in every 10th later, and in the last one; NaN elsewhere. The loss of
    "reg:squarederror" is the mean squared error. `val_metric` is the metric by which the best round was chosen.
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
    max_leaves: int = 0
    grow_policy: str = "depthwise"
    colsample_bynode: float = 1.0
    gamma: float = 0.0
    min_delta: float = 0.0
    eval_metric: Any = None
    objective: str | None = None
    quantile_alpha: Any = None
    huber_slope: float = 1.0

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
        if self.objective not in _LOSSES:
            known = ", ".join(repr(name) for name in _LOSSES if name)
            problems.append(f"objective must be one of {known} or None, but is {self.objective!r}.")
        if self.eval_metric is not None and not isinstance(self.eval_metric, str):
            problems.append(f"eval_metric must be a name or None, but is {self.eval_metric!r}.")
        if self.grow_policy not in ("depthwise", "lossguide"):
            problems.append(f"grow_policy must be 'depthwise' or 'lossguide', but is {self.grow_policy!r}.")
        is_quantile = self.objective == "reg:quantileerror"
        if is_quantile != (self.quantile_alpha is not None):
            problems.append(
                "quantile_alpha must be given with objective='reg:quantileerror' and with nothing else, "
                f"but is {self.quantile_alpha!r} with {self.objective!r}."
            )
        elif is_quantile:
            try:
                object.__setattr__(self, "quantile_alpha", quantiles_of(self.quantile_alpha, "quantile_alpha"))
            except InputError as error:
                problems.append(str(error))
        if not problems:
            # NumPy scalars become plain numbers, so that settings hash and store alike.
            for name in _INTEGERS:
                object.__setattr__(self, name, int(getattr(self, name)))
            for name in _REALS:
                object.__setattr__(self, name, float(getattr(self, name)))
            if stopping is not None:
                object.__setattr__(self, "early_stopping_rounds", int(stopping))
            problems = _load.core().xgboost_setting_problems(self._native())
        if problems:
            raise InputError(" ".join(problems))

    def settings(self) -> dict[str, Any]:
        """Plain settings, for metadata and hashes."""
        settings = asdict(self)
        if self.quantile_alpha is not None:
            settings["quantile_alpha"] = list(self.quantile_alpha)
        return settings

    def _native(self) -> dict[str, Any]:
        settings = asdict(self)
        settings["loss"] = _LOSSES[settings.pop("objective")]
        settings["quantiles"] = list(settings.pop("quantile_alpha") or ())
        settings["slope"] = settings.pop("huber_slope")
        return settings

    def fit(
        self,
        task: FitTask,
        *,
        init_model: FittedBoosting | None = None,
        objective: Objective | None = None,
        metric: OwnMetric | None = None,
    ) -> FittedXGBoost:
        """Fit one task.

        Parameters
        ----------
        task : FitTask
            In a regression n_classes is 0 and y float64.
        init_model : FittedXGBoost, optional
            Model to continue: its trees stay, new rounds start from its margins, and the best round is chosen among
            the new ones. Equal to continuing inside XGBoost, bit for bit; rows and columns are drawn with the seed
            plus the rounds so far, so that no draw comes twice.
        objective : callable, optional
            Replaces the gradients (see `smctrain.models.boosting.Objective`); link and loss of the history stay those
            of the settings, and margins start at 0 (0.5 in a regression) as in xgboost.
        metric : callable, optional
            Chooses the best round in place of `eval_metric` (see `smctrain.models.boosting.OwnMetric`).

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
        result = fit_result(self, task, init_model, objective, self.family, metric)
        return FittedXGBoost._of(result, self.quantile_alpha or ())


def fit_result(
    trainer: XGBoostTrainer,
    task: FitTask,
    init_model: FittedBoosting | None,
    objective: Objective | None,
    family: str,
    metric: OwnMetric | None = None,
) -> dict[str, Any]:
    """The native fit's answer, for this family and for those that map onto it."""
    check_memory(family, estimate_bytes(trainer, task), "fewer rows or columns, a smaller max_depth or max_bin")
    result: dict[str, Any] = _load.core().xgboost_fit(
        library=str(_load.xgboost_library().absolute()),
        settings=trainer._native(),
        # XGBoost takes 31 bits; below 2^31 seeds mean the same as in xgboost itself.
        **task_arguments(task, 2**31),
        threads=useful_threads(len(task.rows) * task.X.shape[1], task.threads),
        init=trees_to_continue(init_model, family, trainer.quantile_alpha or ()),
        objective=objective,
        **metric_arguments(metric),
    )
    return result


def estimate_bytes(trainer: XGBoostTrainer, task: FitTask) -> int:
    """Bytes that a fit is going to need: bins, stop rows, histograms of the nodes of a level, scores and trees."""
    n, d, stop = len(task.rows), int(task.X.shape[1]), len(task.stop_rows)
    width = len(trainer.quantile_alpha or (0,)) if task.n_classes == 0 else max(1, task.n_classes)
    bins = (1 if trainer.max_bin <= 256 else 2) + 1
    matrix = n * d * (bins + 4 if n * d >= 1 << 22 and missing_values(task) else bins) + (4 << 20)
    leaves = min(2 ** min(trainer.max_depth or 30, 30), trainer.max_leaves or 2**30, max(1, n // 5), 1 << 16)
    histograms = 2 * leaves * d * min(trainer.max_bin, n) * 16
    trees = trainer.n_estimators * width * 2 * leaves * 60
    return int(matrix + stop * d * 16 + n * (20 * width + 32) + histograms + trees)


class FittedXGBoost(FittedBoosting):
    """Boosted trees of the best round, predicted by our own walker: margins equal XGBoost's, bit for bit."""

    family: ClassVar[str] = "XGBoost"
