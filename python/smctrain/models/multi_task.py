"""Several targets of one bar learned together: a shared trunk, one head per target, classes and numbers mixed.

    X -> trunk (256, 128) -> for each target: 64 units -> its probabilities or its number

Every layer is Linear, BatchNorm, ReLU and Dropout. A row may lack some targets: it then tells those heads nothing. The
loss is the weighted sum of the heads' mean losses, each over the rows that have its target; early stopping watches this
sum on the stop rows. Source: Caruana, "Multitask learning" (Machine Learning 28, 1997).

>>> trainer = MultiTaskTrainer(task_weights={"up": 1.0, "fwd_ret_20b": 0.5})
>>> fitted = trainer.fit(task, ("up", "fwd_ret_20b"), (2, 0))     # doctest: +SKIP
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from smctrain.exceptions import ArtifactError, InputError
from smctrain.models._neural_common import FittedNet, NetShape, run_fit, shape_from
from smctrain.models._neural_settings import NetSettings, Problems
from smctrain.models.base import FitTask, FloatMatrix

_TASK_HISTORY = ("train_loss", "val_loss", "train_score", "val_score")


def _columns_of(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{name}.{column}" for name in names for column in _TASK_HISTORY)


class FittedMultiTask(FittedNet):
    """A trained network of several targets; see `FittedNet`.

    Attributes
    ----------
    targets : tuple of str
        Names of the targets, in the order of their heads.
    n_classes : int
        Of the first target that is classes: what `predict_proba` is about; 0 where all are numbers.
    history : dict of arrays
        `train_loss` and `val_loss` are the weighted sums, `train_accuracy` and `val_accuracy` means over the targets
        that are classes. Beside them for each target `<name>.train_loss`, `<name>.val_loss`, `<name>.train_score` and
        `<name>.val_score`: accuracy, or R2 of a number. NaN where no row tells.
    left_out : int
        Training rows without any target.
    """

    family: ClassVar[str] = "MultiTask"
    _kind: ClassVar[str] = "mlp"
    targets: tuple[str, ...]

    def _named(self, names: Sequence[str]) -> Self:
        self.targets = tuple(names)
        self.n_classes = next((classes for classes in self.shape.tasks if classes), 0)
        return self

    def outputs(
        self, X: FloatMatrix, rows: NDArray[np.int64] | None = None, segment: NDArray[np.int32] | None = None
    ) -> dict[str, NDArray[np.float64]]:
        """By target: class probabilities (m, classes), or numbers (m,) in units of y, of `rows` of X (all when
        None)."""
        values = self._outputs(X, rows, segment)
        result, first = {}, 0
        for name, classes in zip(self.targets, self.shape.tasks, strict=True):
            result[name] = values[:, first : first + classes] if classes else values[:, first]
            first += classes or 1
        return result

    def predict_proba(
        self, X: FloatMatrix, rows: NDArray[np.int64] | None = None, segment: NDArray[np.int32] | None = None
    ) -> NDArray[np.float64]:
        """Class probabilities (m, n_classes) of the first target that is classes.

        Raises
        ------
        InputError
            All targets are numbers, or X is not what the model was trained on.
        """
        for name, classes in zip(self.targets, self.shape.tasks, strict=True):
            if classes:
                return self.outputs(X, rows, segment)[name]
        raise InputError(f"all targets ({', '.join(self.targets)}) are numbers: there are no class probabilities.")

    def predict(
        self, X: FloatMatrix, rows: NDArray[np.int64] | None = None, segment: NDArray[np.int32] | None = None
    ) -> NDArray[np.float64]:
        """Values (m,) of the first target that is a number.

        Raises
        ------
        InputError
            No target is a number, or X is not what the model was trained on.
        """
        for name, classes in zip(self.targets, self.shape.tasks, strict=True):
            if not classes:
                return self.outputs(X, rows, segment)[name]
        raise InputError(f"all targets ({', '.join(self.targets)}) are classes: ask for predict_proba.")

    def _history_names(self) -> tuple[str, ...]:
        return (*super()._history_names(), *_columns_of(self.targets))

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """As `FittedNet.to_state`, with the names of the targets."""
        meta, arrays = super().to_state()
        return {**meta, "targets": list(self.targets)}, arrays

    @classmethod
    def from_state(cls, meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """As `FittedNet.from_state`; also refused are tasks without a name of their own, and a head that reads the
        units of another."""
        shape = shape_from(cls.family, cls._kind, meta)
        tasks, names = meta.get("tasks"), meta.get("targets")
        if not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
            raise ArtifactError(f"{cls.family}: targets must be a list of names, but is {names!r}.")
        whole = isinstance(tasks, list) and all(isinstance(n, int) and not isinstance(n, bool) for n in tasks)
        if not whole or not all(n == 0 or 2 <= n <= 10_000 for n in tasks or ()):
            raise ArtifactError(f"{cls.family}: tasks must list 0 or 2 to 10,000 classes each, but is {tasks!r}.")
        if len(tasks or ()) != len(names) or len(set(names)) != len(names) or shape.n_classes or not shape.norm:
            raise ArtifactError(f"{cls.family}: each of the tasks {tasks!r} must have its own name, but has {names!r}.")
        if shape.hidden[-1] % len(names):
            raise ArtifactError(f"{cls.family}: {len(names)} tasks cannot share {shape.hidden[-1]} units equally.")
        shape = replace(shape, tasks=tuple(tasks or ()))
        fitted = cls._from_parts(shape, meta, arrays, _columns_of(names))._named(names)
        units, first = shape.hidden[-1] // len(names), 0
        for i, classes in enumerate(shape.tasks):
            foreign = np.array(fitted.arrays["head.weight"][first : first + (classes or 1)])
            foreign[:, i * units : (i + 1) * units] = 0.0
            if foreign.any():
                raise ArtifactError(f"{cls.family}: the head of {names[i]} must read its own units only.")
            first += classes or 1
        return fitted


@dataclass(frozen=True)
class MultiTaskTrainer(NetSettings):
    """Settings of the network of several targets.

    Parameters
    ----------
    trunk_dims : sequence of int
        Width of each shared block.
    head_dim : int
        Units of each target's own block.
    task_weights : mapping of str to float, optional
        Weight of a target's loss in the sum, above 0; 1 where not named. A number is standardised first, so that its
        loss starts near 0.5; that of k classes starts near log k.
    class_weight : "balanced" or None
        Within each target.
    other settings
        See `NetSettings`; `calibration` must be None, and `device` "auto" or "cpu": training is on the CPU.

    Raises
    ------
    InputError
        Lists every wrong setting.
    """

    trunk_dims: Sequence[int] = (256, 128)
    head_dim: int = field(default=64, kw_only=True)
    task_weights: Mapping[str, float] | None = field(default=None, kw_only=True)

    family: ClassVar[str] = "MultiTask"

    def _check(self, problems: Problems) -> None:
        problems.widths("trunk_dims", self.trunk_dims)
        problems.integer("head_dim", self.head_dim, 1, 65_536)
        weights: Any = self.task_weights
        if weights is not None and not isinstance(weights, Mapping):
            problems.found.append(f"task_weights must map names to weights, but is {weights!r}")
        elif weights is not None:
            for name, weight in weights.items():
                problems.real(f"task_weights[{name!r}]", weight, "above 0", 0.0, math.inf, open_low=True)
        if self.calibration is not None:
            problems.found.append(f"calibration must be None with several targets, but is {self.calibration!r}")
        if self.device == "cuda":
            problems.found.append("device must be auto or cpu (several targets are trained on the CPU), but is cuda")
        super()._check(problems)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "trunk_dims", tuple(int(width) for width in self.trunk_dims))
        if self.task_weights is not None:
            plain = {str(name): float(weight) for name, weight in self.task_weights.items()}
            object.__setattr__(self, "task_weights", plain)

    def fit(
        self, task: FitTask, targets: Sequence[str] | None = None, n_classes: Sequence[int] | None = None
    ) -> FittedMultiTask:
        """Train on the task's rows; X scaled and imputed by the caller.

        Parameters
        ----------
        task : FitTask
            Its y may be float64 (n, targets): class codes or numbers, NaN (or a code below 0) where missing. A
            one-dimensional y is a single target.
        targets : sequence of str, optional
            Their names; "y0", "y1", ... by default, "y" for one.
        n_classes : sequence of int, optional
            Classes of each target, 0 for a number; `task.n_classes` for a single one.

        Raises
        ------
        InputError
            A target, name or number of classes is wrong, or X is not finite in a used row.
        TooFewRows, OneClass
            A target (named) has nothing to learn from.
        """
        y = np.asarray(task.y, dtype=np.float64)
        y = np.ascontiguousarray(y[:, None] if y.ndim == 1 else y)
        classes = tuple(int(n) for n in ((task.n_classes,) if n_classes is None else n_classes))
        default = ["y"] if y.shape[1] == 1 else [f"y{i}" for i in range(y.shape[1])]
        names = [str(name) for name in (default if targets is None else targets)]
        if len(names) != y.shape[1] or len(classes) != y.shape[1] or len(set(names)) != len(names) or "" in names:
            raise InputError(
                f"each of the {y.shape[1]} columns of y needs a name of its own and a number of classes (0: a number), "
                f"but there are targets {names} and n_classes {list(classes)}."
            )
        weights = dict(self.task_weights or {})
        unknown = sorted(set(weights) - set(names))
        if unknown:
            raise InputError(f"task_weights names {', '.join(unknown)}, but the targets are {', '.join(names)}.")
        hidden = (*self.trunk_dims, int(self.head_dim) * len(names))
        shape = NetShape("mlp", int(task.X.shape[1]), hidden, 1, 0, tasks=classes)
        native = {**self.native(), "task_weights": [weights.get(name, 1.0) for name in names], "task_names": names}
        result = run_fit(replace(task, y=y), shape, native)
        for name, column in zip(names, result.pop("tasks"), strict=True):
            result["history"].update({f"{name}.{kind}": column[kind] for kind in _TASK_HISTORY})
        if len(task.stop_rows):
            told = np.isfinite(y[task.stop_rows]) & ((y[task.stop_rows] >= 0) | (np.asarray(classes) == 0))
            result["warnings"] += [
                f"No stop row has the target {name}: early stopping does not watch it."
                for name, present in zip(names, told.any(axis=0), strict=True)
                if not present
            ]
        return FittedMultiTask._of_fit(shape, result)._named(names)
