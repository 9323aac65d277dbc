"""Is it skill? The circular-shift test and the e-process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from smctrain._load import core
from smctrain.exceptions import InputError
from smctrain.stats import _codes

BALANCED_ABOVE = 0.60  # largest class share from which "auto" judges by balanced accuracy


@dataclass(frozen=True)
class CircularShiftTest:
    """Outcome of `circular_shift_test`."""

    p_value: float
    """(1 + shifts at which some model is at least as right) / (shifts + 1)."""
    statistic: float
    """Accuracy, or balanced accuracy, of the best model."""
    n_shifts: int
    baseline: float
    """What needs no model: the largest class share (accuracy), 1/K (balanced accuracy)."""
    metric: str
    best_model: int
    model_statistics: tuple[float, ...]
    null_mean: float
    """Mean over shifts of the best model's statistic: what luck alone reaches with this many models."""
    resolution: float
    """horizon / n_shifts: neighbouring shifts are dependent, so a p below this ranks, no more."""
    enough_rows: bool
    """At least 20 x horizon rows; below that the test is too coarse to decide anything."""


def circular_shift_test(
    y_true: npt.ArrayLike,
    predictions: npt.ArrayLike,
    horizon: int,
    metric: str = "accuracy",
    *,
    threads: int = 1,
) -> CircularShiftTest:
    """How often labels turned by many rows fit the best of these predictions as well as the true ones.

    The labels are turned (circularly shifted) against the fixed predictions by every s in 4h .. n - 4h. That
    keeps the overlap of labels, the persistence of predictions, the class balance and the choice of the best
    of k models, and breaks only the link between prediction and outcome.

    Parameters
    ----------
    y_true : (n,) integer class codes in time order, one symbol
    predictions : (n,) or (k, n) integer class codes; a value that is no class of `y_true` (such as -1, "no
        prediction") counts as wrong
    horizon : longest label in rows, h >= 1
    metric : "accuracy", "balanced_accuracy", or "auto" (balanced when one class holds over 60 % of the rows)
    threads : upper limit of threads; the result does not depend on it

    Raises
    ------
    TooFewRows : fewer than 8h rows, so that no shift is far enough from both ends
    InputError : codes that are not integers, shapes that do not fit

    Notes
    -----
    Counts come from an exact integer-rounded FFT correlation, O(k K n log n) for all shifts.
    """
    labels = _codes.label_vector(y_true)
    matrix = _codes.prediction_matrix(predictions, len(labels))
    horizon = _codes.check_horizon(horizon)
    classes, counts = np.unique(labels, return_counts=True)
    largest = float(counts.max()) / len(labels)
    if metric == "auto":
        metric = "balanced_accuracy" if largest > BALANCED_ABOVE else "accuracy"
    if metric not in ("accuracy", "balanced_accuracy"):
        raise InputError(f'metric must be "accuracy", "balanced_accuracy" or "auto", but is {metric!r}.')
    balanced = metric == "balanced_accuracy"
    raw = core().circular_shift_test(
        _codes.to_codes(labels, classes),
        _codes.to_codes(matrix, classes),
        len(classes),
        horizon,
        balanced,
        threads,
    )
    return CircularShiftTest(
        p_value=raw["p_value"],
        statistic=raw["statistic"],
        n_shifts=raw["n_shifts"],
        baseline=1.0 / len(classes) if balanced else largest,
        metric=metric,
        best_model=raw["best_model"],
        model_statistics=tuple(raw["model_statistics"].tolist()),
        null_mean=raw["null_mean"],
        resolution=horizon / raw["n_shifts"],
        enough_rows=len(labels) >= 20 * horizon,
    )


@dataclass(frozen=True)
class EProcess:
    """Outcome of `e_process`."""

    path: npt.NDArray[np.float64]
    """(n + 1,): E before the first row (1) and after each row."""

    @property
    def end(self) -> float:
        """E after the last row: an e-value, P(end >= 1/a) <= a on noise."""
        return float(self.path[-1])

    @property
    def sup(self) -> float:
        """Largest E so far."""
        return float(self.path.max())


def e_process(
    y_true: npt.ArrayLike,
    predictions: npt.ArrayLike,
    horizon: int,
    baseline: float | None = None,
    train_shares: Sequence[float] | npt.NDArray[np.float64] | dict[int, float] | None = None,
) -> EProcess:
    """Money of a bettor who starts with 1 and bets on every prediction, in h streams without overlap.

    Parameters
    ----------
    y_true : (n,) integer class codes in time order; only labels that are already resolved belong here
    predictions : (n,) or (k, n) integer class codes; E is the mean over models. On a row without a prediction
        (-1, unless -1 is a class of `y_true` or of `train_shares`) nothing is bet
    horizon : longest label in rows, h >= 1
    baseline : odds q of every bet; None: 1/2, unless `train_shares` says otherwise
    train_shares : class shares of the training rows, dict code -> share or in ascending order of the codes of
        `y_true`. Two classes both within 0.45-0.55: even odds; otherwise each bet is at the predicted class's
        share in training or among the labels resolved so far, whichever is larger

    Returns
    -------
    EProcess : `.path` (n + 1,), `.end`, `.sup`
    """
    labels = _codes.label_vector(y_true)
    matrix = _codes.prediction_matrix(predictions, len(labels))
    horizon = _codes.check_horizon(horizon)
    label_classes = np.unique(labels)
    shares: npt.NDArray[np.float64] | None = None
    if train_shares is not None:
        if baseline is not None:
            raise InputError("give either baseline or train_shares, not both.")
        if isinstance(train_shares, dict):
            label_classes = _codes.classes_of(labels, np.array(list(train_shares), dtype=np.int64))
        shares = _codes.shares_in_class_order(train_shares, label_classes)
        if len(shares) == 2 and bool(np.all((shares >= 0.45) & (shares <= 0.55))):
            shares = None
    # A class that is predicted but never occurs is a losing bet, unlike a missing prediction.
    invented = np.setdiff1d(matrix, np.append(label_classes, -1))
    classes = _codes.classes_of(label_classes, invented)
    if shares is not None:
        shares = np.where(
            np.isin(classes, label_classes),
            shares[np.searchsorted(label_classes, classes).clip(max=len(shares) - 1)],
            0.0,
        )
    path = core().e_process(
        _codes.to_codes(labels, classes),
        _codes.to_codes(matrix, classes),
        len(classes),
        horizon,
        0.5 if baseline is None else float(baseline),
        shares,
    )
    return EProcess(path)
