"""Learning across symbols how to learn a new one from few rows.

    outer loop: draw symbols -> adapt a copy to the support rows of each -> judge on later query rows -> move the start
    few-shot:   start -> a few gradient steps on the rows of a new symbol -> an ordinary fitted network

First order MAML (Finn, Abbeel and Levine, ICML 2017) or Reptile (Nichol, Achiam and Schulman, 2018). Each symbol is a
task; its support rows are in time order and every query row comes after the labels of all support rows are known. Some
symbols are held out and judge when to stop. The network has no BatchNorm: with a handful of rows its batch statistics
would be noise, and running ones would mix the symbols.

>>> trainer = MetaLearningTrainer(support_rows=50)
>>> fitted = trainer.fit(task, groups)                            # doctest: +SKIP
>>> model = fitted.adapt(X_new, y_new)                            # doctest: +SKIP
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from smctrain import _load
from smctrain.exceptions import ArtifactError, InputError
from smctrain.models._neural_common import FittedNet, NetShape, shape_from
from smctrain.models._neural_settings import Problems, plain_settings
from smctrain.models.base import FitTask, FloatMatrix
from smctrain.models.neural_network import FittedMLP, NeuralNetworkTrainer

ALGORITHMS = ("fomaml", "reptile")
_INNER = ("inner_steps", "inner_learning_rate", "label_smoothing", "loss")


def _native_meta(steps: int, rate: float) -> dict[str, Any]:
    """Settings of an adaptation alone; those of the outer loop are not read."""
    return {
        "support_rows": 1,
        "query_rows": 1,
        "inner_steps": steps,
        "inner_rate": rate,
        "meta_batch": 1,
        "steps_per_epoch": 1,
        "validation_share": 0.0,
        "reptile": False,
    }


class FittedMeta(FittedNet):
    """An initialisation learned across symbols; see `FittedNet`. `predict_proba` and `predict` answer without any
    adaptation.

    Attributes
    ----------
    inner : dict
        How it adapts: inner_steps, inner_learning_rate, label_smoothing, loss.
    held_out : list of int
        Codes of the symbols that judged the epochs.
    target_mean, target_scale : float
        What a regression was standardised with.
    history : dict of arrays
        One row an epoch. Losses and accuracies are those of query rows after adaptation; `val_loss_before` is that of
        the same rows without.
    """

    family: ClassVar[str] = "MetaLearning"
    _kind: ClassVar[str] = "mlp"
    inner: dict[str, Any]
    held_out: list[int]
    target_mean: float
    target_scale: float

    def adapt(
        self,
        X: FloatMatrix,
        y: NDArray[Any],
        rows: NDArray[np.int64] | None = None,
        *,
        weight: NDArray[np.float64] | None = None,
        steps: int | None = None,
        learning_rate: float | None = None,
    ) -> FittedMLP:
        """An ordinary network for one symbol: gradient steps from this start on its rows, all of them at each step.

        Parameters
        ----------
        X : float32 (n, d), C order
            Scaled as in training; finite.
        y : int32 (n,), or float64 of a regression
            One class alone is fine.
        rows : int64 (m,), optional
            Rows to adapt to, ascending; all when None.
        weight : float64 (n,), optional
        steps, learning_rate : optional
            Those of training when None. 0 steps: the start itself.

        Raises
        ------
        InputError
            X, y or a setting is out of range, or the steps blew up.
        TooFewRows
            There is no row.
        """
        problems = Problems("adapt")
        count: Any = self.inner["inner_steps"] if steps is None else steps
        rate: Any = self.inner["inner_learning_rate"] if learning_rate is None else learning_rate
        problems.integer("steps", count, 0, 1_000_000)
        problems.real("learning_rate", rate, "above 0", 0.0, math.inf, open_low=True)
        problems.raise_if_any()
        if rows is None:
            rows = np.arange(len(X), dtype=np.int64)
        settings = NeuralNetworkTrainer(
            dropout=0.0, label_smoothing=self.inner["label_smoothing"], loss=self.inner["loss"], class_weight=None
        ).native()
        arrays = _load.neural().neural_meta_adapt(
            X, y, rows, weight, self.shape.native(), settings, _native_meta(int(count), float(rate)), self.arrays,
            self.target_mean, self.target_scale,
        )  # fmt: skip
        columns = self._history_names()
        return FittedMLP(
            shape=self.shape,
            arrays=arrays,
            history={name: np.empty(0) for name in columns if name != "val_loss_before"},
            warnings=[],
            stop_reason="",
            best_epoch=0,
            best_loss=math.nan,
            left_out=0,
        )

    def _outputs(
        self, X: FloatMatrix, rows: NDArray[np.int64] | None, segment: NDArray[np.int32] | None
    ) -> NDArray[np.float64]:
        values = super()._outputs(X, rows, segment)
        return values if self.n_classes else values * self.target_scale + self.target_mean

    def _history_names(self) -> tuple[str, ...]:
        return (*super()._history_names(), "val_loss_before")

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """As `FittedNet.to_state`, with how it adapts and what a regression was standardised with."""
        meta, arrays = super().to_state()
        return {
            **meta,
            **self.inner,
            "held_out": list(self.held_out),
            "target_mean": self.target_mean,
            "target_scale": self.target_scale,
        }, arrays

    @classmethod
    def from_state(cls, meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """As `FittedNet.from_state`; how it adapts is checked as settings are."""
        inner = {name: meta.get(name) for name in _INNER}
        problems = Problems(cls.family)
        problems.integer("inner_steps", inner["inner_steps"], 0, 1_000_000)
        problems.real("inner_learning_rate", inner["inner_learning_rate"], "above 0", 0.0, math.inf, open_low=True)
        problems.real("label_smoothing", inner["label_smoothing"], "of at least 0 and below 1", 0.0, 1.0)
        problems.choice("loss", inner["loss"], ("squared", "huber"))
        problems.real("target_mean", meta.get("target_mean"), "that is finite", -math.inf, math.inf)
        problems.real("target_scale", meta.get("target_scale"), "above 0", 0.0, math.inf, open_low=True)
        held_out = meta.get("held_out")
        if not isinstance(held_out, list) or not all(isinstance(n, int) and not isinstance(n, bool) for n in held_out):
            problems.found.append(f"held_out must list codes of symbols, but is {held_out!r}")
        if problems.found:
            raise ArtifactError(f"{cls.family}: " + "; ".join(problems.found) + ".")
        shape = shape_from(cls.family, cls._kind, meta)
        if shape.norm:
            raise ArtifactError(f"{cls.family}: the network must be without norm.")
        fitted = cls._from_parts(shape, meta, arrays, ("val_loss_before",))
        return fitted._adapting(inner, held_out or [], float(meta["target_mean"]), float(meta["target_scale"]))

    def _adapting(self, inner: dict[str, Any], held_out: list[int], mean: float, scale: float) -> Self:
        self.inner, self.held_out = dict(inner), list(held_out)
        self.target_mean, self.target_scale = mean, scale
        return self


@dataclass(frozen=True)
class MetaLearningTrainer:
    """Settings of meta-learning across symbols. Wrong ones are reported all at once.

    Parameters
    ----------
    hidden_dims : sequence of int
        Width of each layer (Linear, ReLU, Dropout).
    algorithm : "fomaml" or "reptile"
        "fomaml": the start moves by the gradient of the query loss at the adapted weights. "reptile": it moves towards
        the weights adapted to support and query rows together.
    support_rows, query_rows : int
        Rows of an episode to adapt to, and to be judged on behind them.
    inner_steps : int
    inner_learning_rate : float
        Of the plain gradient steps of an adaptation, each on all support rows, their gradient cut to length 10.
    meta_batch : int
        Episodes of an outer step, each of a symbol drawn anew.
    steps_per_epoch : int
        Outer steps between two validations.
    validation_fraction : float
        Share of the symbols (drawn by the seed, at least one) held out to judge the epochs. None is held out with 0,
        or when there are fewer than 3 symbols; then all epochs are run.
    learning_rate, weight_decay, clip_norm, optimizer, momentum, schedule, plateau_epochs, decay, warmup_epochs,
    min_learning_rate, max_epochs, patience, min_delta, nan_recoveries
        Of the outer loop, see `NetSettings`.
    dropout, label_smoothing, loss
        See `NetSettings`.

    Raises
    ------
    InputError
        Lists every wrong setting.
    """

    hidden_dims: Sequence[int] = (64, 64)
    algorithm: str = field(default="fomaml", kw_only=True)
    support_rows: int = field(default=50, kw_only=True)
    query_rows: int = field(default=50, kw_only=True)
    inner_steps: int = field(default=5, kw_only=True)
    inner_learning_rate: float = field(default=0.1, kw_only=True)
    meta_batch: int = field(default=8, kw_only=True)
    steps_per_epoch: int = field(default=20, kw_only=True)
    validation_fraction: float = field(default=0.2, kw_only=True)
    dropout: float = field(default=0.0, kw_only=True)
    label_smoothing: float = field(default=0.0, kw_only=True)
    loss: str = field(default="squared", kw_only=True)
    learning_rate: float = field(default=0.002, kw_only=True)
    weight_decay: float = field(default=0.001, kw_only=True)
    clip_norm: float = field(default=1.0, kw_only=True)
    optimizer: str = field(default="adamw", kw_only=True)
    momentum: float = field(default=0.9, kw_only=True)
    schedule: str = field(default="constant", kw_only=True)
    plateau_epochs: int = field(default=3, kw_only=True)
    decay: float = field(default=0.95, kw_only=True)
    warmup_epochs: float = field(default=0.0, kw_only=True)
    min_learning_rate: float = field(default=0.0, kw_only=True)
    max_epochs: int = field(default=100, kw_only=True)
    patience: int = field(default=15, kw_only=True)
    min_delta: float = field(default=0.0, kw_only=True)
    nan_recoveries: int = field(default=2, kw_only=True)

    family: ClassVar[str] = "MetaLearning"
    needs_scaling: ClassVar[bool] = True
    is_sequence: ClassVar[bool] = False
    uses_stop_rows: ClassVar[bool] = False

    def __post_init__(self) -> None:
        problems = Problems(self.family)
        problems.widths("hidden_dims", self.hidden_dims)
        problems.choice("algorithm", self.algorithm, ALGORITHMS)
        for name in ("support_rows", "query_rows", "inner_steps", "meta_batch", "steps_per_epoch"):
            problems.integer(name, getattr(self, name), 1, 1_000_000)
        problems.real("inner_learning_rate", self.inner_learning_rate, "above 0", 0.0, math.inf, open_low=True)
        problems.real("validation_fraction", self.validation_fraction, "of at least 0 and below 1", 0.0, 1.0)
        try:
            self._outer()
        except InputError as error:
            problems.found.append(str(error).removeprefix("NeuralNetwork: ").removesuffix("."))
        problems.raise_if_any()
        object.__setattr__(self, "hidden_dims", tuple(int(width) for width in self.hidden_dims))

    def _outer(self) -> NeuralNetworkTrainer:
        """The settings that both loops and an ordinary network share."""
        names = (
            "dropout", "label_smoothing", "loss", "learning_rate", "weight_decay", "clip_norm", "optimizer", "momentum",
            "schedule", "plateau_epochs", "decay", "warmup_epochs", "min_learning_rate", "max_epochs", "patience",
            "min_delta", "nan_recoveries",
        )  # fmt: skip
        return NeuralNetworkTrainer(class_weight=None, **{name: getattr(self, name) for name in names})

    def settings(self) -> dict[str, Any]:
        """Plain settings, for metadata and hashes."""
        return plain_settings(self)

    def fit(
        self, task: FitTask, groups: NDArray[np.int32] | None = None, t1: NDArray[np.int64] | None = None
    ) -> FittedMeta:
        """Learn a start from the task's rows; X scaled and imputed by the caller.

        Parameters
        ----------
        task : FitTask
            The rows of each symbol in time order; `stop_rows` are not read (symbols are held out instead).
        groups : int32 (n,)
            Symbol of each row.
        t1 : int64 (n,), optional
            Row of X at which the label of a row is known, from the row itself on. Query rows come after those of all
            support rows. None: labels are known at once.

        Raises
        ------
        InputError
            `groups` is missing, X is not finite in a used row, or a label, weight or t1 is out of range.
        TooFewRows, OneClass
            Fewer than 2 symbols have an episode, or there is nothing to learn from.
        """
        if groups is None:
            raise InputError("MetaLearning learns across symbols: groups must hold the symbol of each row.")
        shape = NetShape("mlp", int(task.X.shape[1]), tuple(self.hidden_dims), 1, int(task.n_classes), norm=False)
        meta = {
            "support_rows": int(self.support_rows),
            "query_rows": int(self.query_rows),
            "inner_steps": int(self.inner_steps),
            "inner_rate": float(self.inner_learning_rate),
            "meta_batch": int(self.meta_batch),
            "steps_per_epoch": int(self.steps_per_epoch),
            "validation_share": float(self.validation_fraction),
            "reptile": self.algorithm == "reptile",
        }
        result = _load.neural().neural_meta_fit(
            task.X, task.y, task.rows, task.weight, groups, t1, shape.native(), self._outer().native(), meta, task.seed,
            task.stop, task.time_limit_s, task.progress,
        )  # fmt: skip
        epochs = len(result["history"]["step"])
        result["history"] |= {
            "columns_visible": np.full(epochs, float(shape.n_features)),
            "layers_frozen": np.zeros(epochs),
        }
        result["warnings"] = [message for _, _, message in result.pop("alarms")]
        short = np.isin(groups[task.rows], result["too_short"])
        result |= {"left_out": int(short.sum()), "temperature": 1.0}
        if len(result["too_short"]):
            result["warnings"].append(
                f"{len(result['too_short'])} symbols have too few rows for one episode of {self.support_rows} support "
                f"and {self.query_rows} query rows and were left out ({result['left_out']} rows)."
            )
        inner = {
            "inner_steps": int(self.inner_steps),
            "inner_learning_rate": float(self.inner_learning_rate),
            "label_smoothing": float(self.label_smoothing),
            "loss": self.loss,
        }
        held_out = [int(group) for group in result["held_out"]]
        return FittedMeta._of_fit(shape, result)._adapting(
            inner, held_out, float(result["target_mean"]), float(result["target_scale"])
        )
