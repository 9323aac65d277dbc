"""Several targets at once, with scikit-learn's feel: y is a frame, a mapping or a two-dimensional array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from smctrain.exceptions import ArtifactError, InputError
from smctrain.models.base import FitTask
from smctrain.models.estimators._base import StoredEstimator, plain_labels, stored_classes
from smctrain.models.estimators._input import names_of, seed_of, threads_of, validated_matrix, validated_weight
from smctrain.models.estimators._targets import Targets, later_targets, read_targets
from smctrain.models.estimators.neural import _NetParameters
from smctrain.models.multi_task import MultiTaskTrainer


@dataclass(repr=False, eq=False)
class MultiTaskMLP(_NetParameters, StoredEstimator):
    """Shared trunk, one head per target; classes and numbers may be mixed, and a row may lack some of them.

    Parameters
    ----------
    trunk_dims : sequence of int
        Width of each shared block.
    head_dim : int
        Units of each target's own block.
    tasks : mapping of str to str, optional
        Target -> "classification" or "regression", for example ``{"up": "classification", "fwd_ret_20b":
        "regression"}``. Where y is an array, its columns in this order. None: texts, booleans and at most 20 different
        whole numbers are classes, everything else is a number.
    task_weights : mapping of str to float, optional
        Weight of a target's loss in the sum; 1 where not named.
    label_smoothing : float
    class_weight : "balanced" or None
        Within each target.
    loss : "squared" or "huber"
        Of the numbers.
    random_state : int, RandomState, Generator or None
    n_jobs : int or None
        Accepted for uniformity; one fit uses one thread.
    other parameters
        See `smctrain.models.multi_task.MultiTaskTrainer`. Early stopping needs `X_val`, `y_val` in `fit`.

    Attributes
    ----------
    targets_ : list of str
    classes_ : dict of arrays
        Class labels, ascending, of each target that is classes.
    left_out_ : int
        Training rows without any target.
    history_ : frame or dict
        One row an epoch: the weighted sums, and for each target its loss and score (accuracy or R2) in training and
        validation.
    """

    trunk_dims: Sequence[int] = (256, 128)
    head_dim: int = field(default=64, kw_only=True)
    tasks: Mapping[str, str] | None = field(default=None, kw_only=True)
    task_weights: Mapping[str, float] | None = field(default=None, kw_only=True)
    label_smoothing: float = field(default=0.0, kw_only=True)
    class_weight: str | None = field(default="balanced", kw_only=True)
    loss: str = field(default="squared", kw_only=True)

    _family: ClassVar[str] = "MultiTask"

    def _make_trainer(self) -> MultiTaskTrainer:
        if isinstance(self.class_weight, Mapping):
            raise InputError("class_weight must be 'balanced' or None: one mapping cannot speak of several targets.")
        settings = self._settings()
        del settings["tasks"]
        return MultiTaskTrainer(**settings)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = False
        return tags

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        sample_weight: ArrayLike | None = None,
        X_val: Any = None,
        y_val: Any = None,
        time_limit: float | None = None,
    ) -> Self:
        """Learn from X (n, d) and the targets.

        Parameters
        ----------
        X : array or frame (n, d)
            Scaled; converted once to float32.
        y : frame (n, targets), mapping of str to array (n,), or array (n, targets)
            NaN or None where a target is missing. A row without any is left out and counted in `left_out_`. Columns
            of an array are called y0, y1, ... unless `tasks` names them.
        sample_weight : array (n,), optional
            Row weights, at least 0, the same for all targets.
        X_val, y_val : optional
            Rows for early stopping, later in time than X and purged against it.
        time_limit : float, optional
            Seconds after which the fit ends with what it has, marked by `complete_ = False`.

        Raises
        ------
        InputError
            Names the parameter, target, column or row.
        TooFewRows, OneClass
            A target (named) has nothing to learn from.
        """
        if time_limit is not None and not time_limit > 0:
            raise InputError(f"time_limit must be a positive number of seconds or None, but is {time_limit!r}.")
        if (X_val is None) != (y_val is None):
            raise InputError("X_val and y_val must be given together, but only one of them is.")
        if y is None:
            raise InputError("y must hold the targets, but is None.")
        trainer = self._make_trainer()
        matrix, _ = validated_matrix(self, X, reset=True, allow_nan=False)
        n = len(matrix)
        targets: Targets = read_targets(y, self.tasks, n)
        weight, values = validated_weight(sample_weight, n), targets.y
        rows = np.arange(n, dtype=np.int64)
        stop_rows = np.empty(0, dtype=np.int64)
        if X_val is not None:
            extra, _ = validated_matrix(self, X_val, reset=False, allow_nan=False)
            values = np.concatenate([values, later_targets("y_val", y_val, targets.names, targets.classes, len(extra))])
            matrix = np.concatenate([matrix, extra])
            stop_rows = np.arange(n, len(matrix), dtype=np.int64)
            weight = None if weight is None else np.concatenate([weight, np.ones(len(extra))])
        task = FitTask(
            X=matrix,
            y=values,
            rows=rows,
            n_classes=0,
            stop_rows=stop_rows,
            weight=weight,
            names=names_of(self),
            seed=seed_of(self.random_state),
            threads=threads_of(self.n_jobs),
            time_limit_s=0.0 if time_limit is None else float(time_limit),
        )
        self._adopt(trainer.fit(task, targets.names, targets.n_classes), targets.classes)
        return self

    def _adopt(self, fitted: Any, classes: Any = None) -> None:
        """Of a single target the classes may come as an array."""
        by_target: Any = classes if isinstance(classes, dict) or classes is None else {fitted.targets[0]: classes}
        super()._adopt(fitted, by_target)

    @property
    def targets_(self) -> list[str]:
        """Names of the targets."""
        check_is_fitted(self, "fitted_")
        fitted: Any = self.fitted_
        return list(fitted.targets)

    @property
    def left_out_(self) -> int:
        """Training rows without any target."""
        check_is_fitted(self, "fitted_")
        fitted: Any = self.fitted_
        return int(fitted.left_out)

    def _outputs(self, X: Any) -> dict[str, NDArray[np.float64]]:
        check_is_fitted(self, "fitted_")
        matrix, _ = validated_matrix(self, X, reset=False, allow_nan=False)
        fitted: Any = self.fitted_
        outputs: dict[str, NDArray[np.float64]] = fitted.outputs(matrix)
        return outputs

    def predict(self, X: Any) -> dict[str, NDArray[Any]]:
        """By target: the most probable class of each row (n,), or its number."""
        return {
            name: self.classes_[name][values.argmax(axis=1)] if name in self.classes_ else values
            for name, values in self._outputs(X).items()
        }

    def predict_proba(self, X: Any, target: str | None = None) -> Any:
        """Class probabilities (n, k) of one target, columns in the order of `classes_[target]`; without `target` a
        dict of those of all targets that are classes.

        Raises
        ------
        InputError
            There is no such target, or it is a number.
        """
        check_is_fitted(self, "fitted_")
        if target is not None and target not in self.classes_:
            known = ", ".join(self.classes_) or "none"
            raise InputError(f"target must be one of those that are classes ({known}), but is {target!r}.")
        outputs = self._outputs(X)
        if target is not None:
            return outputs[target]
        return {name: outputs[name] for name in self.classes_}

    def scores(self, X: Any, y: Any) -> dict[str, float]:
        """By target: accuracy, or R2, over the rows that have it; NaN where none has."""
        outputs = self.predict(X)
        names = self.targets_
        truth = later_targets("y", y, names, self.classes_, len(next(iter(outputs.values()))))
        result = {}
        for j, name in enumerate(names):
            there = np.isfinite(truth[:, j])
            known, found = truth[there, j], outputs[name][there]
            if not len(known):
                result[name] = float("nan")
            elif name in self.classes_:
                result[name] = float(np.mean(self.classes_[name][known.astype(np.int64)] == found))
            else:
                spread = float(((known - known.mean()) ** 2).sum())
                result[name] = 1.0 - float(((known - found) ** 2).sum()) / spread if spread > 0 else float("nan")
        return result

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Mean of `scores` over the targets (weights are not taken)."""
        if sample_weight is not None:
            raise InputError("score takes no sample_weight.")
        return float(np.nanmean(list(self.scores(X, y).values())))

    # ---- storage ------

    def _stored_labels(self) -> dict[str, Any]:
        return {"labels": {name: plain_labels(classes) for name, classes in self.classes_.items()}}

    def _adopt_stored(self, fitted: Any, face: dict[str, Any]) -> None:
        labels = face.get("labels")
        counts = {name: n for name, n in zip(fitted.targets, fitted.shape.tasks, strict=True) if n}
        if not isinstance(labels, dict) or set(labels) != set(counts):
            raise ArtifactError(f"the model file must hold class labels of the targets {', '.join(counts)}.")
        self._adopt(fitted, {name: stored_classes(labels[name], n) for name, n in counts.items()})
