"""The contracts between the training river and the model families.

A *trainer* holds settings and makes a *fitted model*; a fitted model is immutable, predicts from any thread and turns
itself into plain arrays for the model container. Neither imports scikit-learn: workers that only fit stay light, and
the scikit-learn estimators are a face on top.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

FloatMatrix = NDArray[np.float32]
History = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class FitTask:
    """One fit: the rows to learn from and everything that bounds it.

    Attributes
    ----------
    X : float32 (n, d), C order
        All rows of one symbol in time order, so that sequence families can look back from any row. NaN allowed
        (tree families); scaled and imputed by the caller for the others.
    y : int32 (n,), or float64 where n_classes is 0
        Class codes 0..n_classes-1; -1 where a row has no label.
    rows : int64 (m,)
        Training rows, ascending.
    stop_rows : int64 (s,)
        Rows for early stopping, disjoint from `rows`, purged against them; empty switches it off.
    n_classes : int
        Width of the probability matrix, also when a fold lacks a class. 0: a regression.
    weight : float64 (n,) or None
        Row weights. Class balancing is the family's own setting and multiplies.
    segment : int32 (n,) or None
        Rows of one unbroken stretch share an id. Sequence windows never cross a change. None: one stretch.
    seed : int
        Seed of all random streams of this fit.
    threads : int
        Threads this fit may use.
    stop : uint8 (1,) or None
        Stop flag others may set (1 cancelled, 3 interrupted); polled at least every 20 ms of work.
    time_limit_s : float
        Seconds after which the fit ends with what it has; 0 means none.
    names : sequence of str or None
        Names of the columns of X, for settings that speak of columns by name.
    binned : object or None
        A `BinnedMatrix` of X that the forests of this fit's rows share.
    shared : Shared, TrainingMatrices or None
        A `Shared` is what all fits on this X, these rows and these weights make once: a trainer that would make
        something of its inputs alone (bin codes, a library's training matrix) asks it with a key that holds every
        setting it depends on. Tasks with other rows, weights or values need a `Shared` of their own. Boosting families
        also take a `smctrain.models.boosting.TrainingMatrices` of X alone. The model does not depend on either.
    """

    X: FloatMatrix
    y: NDArray[Any]
    rows: NDArray[np.int64]
    n_classes: int
    stop_rows: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    weight: NDArray[np.float64] | None = None
    segment: NDArray[np.int32] | None = None
    seed: int = 42
    threads: int = 1
    stop: NDArray[np.uint8] | None = None
    time_limit_s: float = 0.0
    progress: Callable[[int, int], None] | None = None
    names: Sequence[str] | None = None
    binned: Any = None
    shared: Any = None


class FittedModel(Protocol):
    """What a fit returns. Immutable; `predict_proba` may be called from any thread."""

    family: ClassVar[str]
    n_features: int
    n_classes: int
    history: History
    """Per round or epoch: step, train_loss, val_loss, train_accuracy, val_accuracy, grad_norm, learning_rate."""
    warnings: list[str]
    """Alarms of the training monitor, one sentence each, with the epoch or round."""
    stop_reason: str
    """Empty for a complete fit; else divergence, nan_loss, timeout, cancelled, interrupted."""
    complete: bool
    """False when a time limit, cancel or Ctrl-C ended the fit early."""

    def predict_proba(
        self, X: FloatMatrix, rows: NDArray[np.int64] | None = None, segment: NDArray[np.int32] | None = None
    ) -> NDArray[np.float64]:
        """Class probabilities (len(rows), n_classes) for `rows` of X (all rows when None). Sequence families return
        NaN for a row without a full window."""
        ...

    def feature_importances(self) -> NDArray[np.float64] | None:
        """Importances that sum to 1 (n_features,), or None where the family has none of its own."""
        ...

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Plain JSON-able metadata and named arrays: everything prediction needs."""
        ...

    @classmethod
    def from_state(cls, meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """Inverse of `to_state`. Checks meaning (shapes, ranges, finiteness, tree structure) before any use and raises
        `ArtifactError`."""
        ...


class Trainer(Protocol):
    """Settings of one family plus `fit`. Construction validates: all errors at once."""

    family: ClassVar[str]
    needs_scaling: ClassVar[bool]
    """True: the caller imputes and standardises with training rows. False: NaN is handled by the family."""
    is_sequence: ClassVar[bool]
    uses_stop_rows: ClassVar[bool] = True
    """False: nothing stops early, so that the rows kept for it belong to the training rows."""

    def settings(self) -> dict[str, Any]:
        """Plain settings, for metadata and hashes."""
        ...

    def fit(self, task: FitTask) -> FittedModel: ...
