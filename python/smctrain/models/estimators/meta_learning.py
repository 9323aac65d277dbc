"""Meta-learning across symbols with scikit-learn's feel: `fit(X, y, groups)`, then `adapt(X_new, y_new)`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from smctrain.exceptions import ArtifactError, InputError
from smctrain.models.base import Trainer
from smctrain.models.estimators._base import NativeClassifier, plain_labels, stored_classes
from smctrain.models.estimators._input import labels_of, numbers_of, validated_matrix, validated_weight
from smctrain.models.estimators._regressor import NativeRegressor
from smctrain.models.estimators.neural import MLPClassifier, MLPRegressor, _Trained


def _groups_of(groups: Any, n: int) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """Codes of the symbols of the rows, and the symbols."""
    if groups is None:
        raise InputError("groups must hold the symbol of each row, but is None.")
    array = labels_of("groups", np.asarray(groups))
    if array.shape != (n,):
        raise InputError(f"groups must hold one symbol for each of the {n} rows, but has shape {array.shape}.")
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise InputError(
            f"groups must hold a symbol in every row, but is NaN in row {int(np.argmax(np.isnan(array)))}."
        )
    symbols, codes = np.unique(array, return_inverse=True)
    return codes.astype(np.int32), symbols


def _t1_of(t1: Any, n: int) -> NDArray[np.int64] | None:
    if t1 is None:
        return None
    array = np.asarray(t1)
    if array.shape != (n,) or array.dtype.kind not in "iu":
        raise InputError(
            f"t1 must hold a row number for each of the {n} rows, but has shape {array.shape} and dtype {array.dtype}."
        )
    return np.ascontiguousarray(array, dtype=np.int64)


@dataclass(repr=False, eq=False)
class _MetaParameters(_Trained):
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
    random_state: Any = field(default=None, kw_only=True)
    n_jobs: int | None = field(default=None, kw_only=True)

    _family: ClassVar[str] = "MetaLearning"

    def _make_trainer(self) -> Trainer:
        from smctrain.models.meta_learning import MetaLearningTrainer

        settings = {item.name: getattr(self, item.name) for item in fields(self)}
        del settings["random_state"], settings["n_jobs"]
        return MetaLearningTrainer(**settings)

    @property
    def held_out_(self) -> NDArray[Any]:
        """Symbols that judged the epochs; they moved no weight."""
        check_is_fitted(self, "groups_")
        held_out: NDArray[Any] = self.groups_[self.fitted_.held_out]  # type: ignore[attr-defined]
        return held_out

    @property
    def left_out_(self) -> int:
        """Training rows of symbols too short for an episode."""
        check_is_fitted(self, "fitted_")
        return int(self.fitted_.left_out)  # type: ignore[attr-defined]

    def _stored_labels(self) -> dict[str, Any]:
        labels: dict[str, Any] = super()._stored_labels()  # type: ignore[misc]
        return {**labels, "groups": plain_labels(self.groups_)}

    def _adopt_stored(self, fitted: Any, face: dict[str, Any]) -> None:
        super()._adopt_stored(fitted, face)  # type: ignore[misc]
        groups = face.get("groups")
        listed = groups.get("classes") if isinstance(groups, dict) else None
        if not isinstance(groups, dict) or not isinstance(listed, list):
            raise ArtifactError("the model file must list the symbols it was trained on as groups.")
        self.groups_ = stored_classes(groups, len(listed))
        if not all(0 <= code < len(listed) for code in fitted.held_out):
            raise ArtifactError(f"the model file holds out {fitted.held_out} of {len(listed)} symbols.")

    def _adapted(
        self, model: Any, y: NDArray[Any], matrix: NDArray[np.float32], sample_weight: Any, **settings: Any
    ) -> Any:
        """`model` with the network that adapts to these rows."""
        weight = validated_weight(sample_weight, len(matrix))
        rows = np.arange(len(matrix), dtype=np.int64) if weight is None else np.flatnonzero(weight > 0).astype(np.int64)
        start: Any = self.fitted_  # type: ignore[attr-defined]
        fitted = start.adapt(matrix, y, rows, weight=weight, **settings)
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self, name):
                setattr(model, name, getattr(self, name))
        model._adopt(fitted, getattr(self, "classes_", None))
        return model


@dataclass(repr=False, eq=False)
class MetaLearningClassifier(_MetaParameters, NativeClassifier):
    """A start learned across symbols, from which `adapt` makes a classifier of a new symbol out of few rows.

    `predict` and `predict_proba` answer without adaptation.

    Parameters
    ----------
    hidden_dims : sequence of int
        Width of each layer; there is no BatchNorm (see `smctrain.models.meta_learning`).
    algorithm : "fomaml" or "reptile"
    support_rows, query_rows : int
        Rows of an episode to adapt to, and to be judged on behind them: about as many as a new symbol will have.
    inner_steps, inner_learning_rate : int, float
        Gradient steps of an adaptation.
    validation_fraction : float
        Share of the symbols held out to judge the epochs.
    random_state : int, RandomState, Generator or None
    n_jobs : int or None
        Accepted for uniformity; one fit uses one thread.
    other parameters
        See `smctrain.models.meta_learning.MetaLearningTrainer`.
    """

    label_smoothing: float = field(default=0.0, kw_only=True)

    def fit(  # type: ignore[override]
        self,
        X: Any,
        y: Any,
        groups: ArrayLike | None = None,
        *,
        t1: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        time_limit: float | None = None,
    ) -> Self:
        """Learn a start from many symbols.

        Parameters
        ----------
        X : array or frame (n, d)
            Scaled; the rows of each symbol in time order.
        y : array (n,)
        groups : array (n,)
            Symbol of each row.
        t1 : int array (n,), optional
            Row of X at which the label of a row is known, the row itself or a later one. An episode's query rows come
            after those of all its support rows. None: labels are known at once.
        sample_weight : array (n,), optional
        time_limit : float, optional
            Seconds after which the fit ends with what it has, marked by `complete_ = False`.

        Raises
        ------
        InputError
            Names the parameter, column and row.
        TooFewRows, OneClass
            There is nothing to learn from.
        """
        n = len(y) if hasattr(y, "__len__") else 0
        codes, symbols = _groups_of(groups, n)
        self._fit(X, y, sample_weight, None, None, None, time_limit, groups=codes, t1=_t1_of(t1, n))
        self.groups_ = symbols
        return self

    def adapt(
        self,
        X: Any,
        y: Any,
        *,
        sample_weight: ArrayLike | None = None,
        steps: int | None = None,
        learning_rate: float | None = None,
    ) -> MLPClassifier:
        """A fitted classifier for one symbol from a few of its rows; this start stays as it is.

        Parameters
        ----------
        X : array or frame (m, d)
            Scaled as in `fit`; the symbol's rows so far, all of them labelled.
        y : array (m,)
            Labels of `classes_`; one class alone is fine.
        sample_weight : array (m,), optional
        steps, learning_rate : optional
            `inner_steps` and `inner_learning_rate` when None; 0 steps: the start itself.

        Returns
        -------
        MLPClassifier
            Fitted; predicts, explains and saves like any other.

        Raises
        ------
        InputError, TooFewRows
        """
        check_is_fitted(self, "fitted_")
        matrix, target = validated_matrix(self, X, y, reset=False, allow_nan=False)
        target = labels_of("y", target)
        unknown = ~np.isin(target, self.classes_)
        if unknown.any():
            row = int(np.argmax(unknown))
            raise InputError(
                f"y holds the label {target[row : row + 1].tolist()[0]!r} (row {row}), which fit did not see."
            )
        codes = np.searchsorted(self.classes_, target).astype(np.int32)
        model: MLPClassifier = self._adapted(
            MLPClassifier(self.hidden_dims), codes, matrix, sample_weight, steps=steps, learning_rate=learning_rate
        )
        return model


@dataclass(repr=False, eq=False)
class MetaLearningRegressor(_MetaParameters, NativeRegressor):
    """Meta-learning for numbers; parameters as of `MetaLearningClassifier`, and `loss`, "squared" or "huber".

    The target is standardised over all symbols: where their units differ, bring y to a common one first (for example
    returns divided by volatility).
    """

    loss: str = field(default="squared", kw_only=True)

    def fit(  # type: ignore[override]
        self,
        X: Any,
        y: Any,
        groups: ArrayLike | None = None,
        *,
        t1: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        time_limit: float | None = None,
    ) -> Self:
        """As `MetaLearningClassifier.fit`, y numbers."""
        n = len(y) if hasattr(y, "__len__") else 0
        codes, symbols = _groups_of(groups, n)
        self._fit(X, y, sample_weight, None, None, time_limit, groups=codes, t1=_t1_of(t1, n))
        self.groups_ = symbols
        return self

    def adapt(
        self,
        X: Any,
        y: Any,
        *,
        sample_weight: ArrayLike | None = None,
        steps: int | None = None,
        learning_rate: float | None = None,
    ) -> MLPRegressor:
        """As `MetaLearningClassifier.adapt`, for numbers."""
        check_is_fitted(self, "fitted_")
        matrix, target = validated_matrix(self, X, y, reset=False, allow_nan=False)
        values = numbers_of("y", target)
        model: MLPRegressor = self._adapted(
            MLPRegressor(self.hidden_dims), values, matrix, sample_weight, steps=steps, learning_rate=learning_rate
        )
        return model
