"""Do probabilities mean what they say? Reliability, and calibrators fitted on validation rows.

>>> calibrator = st.metrics.fit_calibrator(proba_validation, y_validation, rows=validation_rows)  # doctest: +SKIP
>>> calibrator.apply(proba_test)                                                                 # doctest: +SKIP
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain._load import core
from smctrain.exceptions import InputError, TooFewRows
from smctrain.metrics._common import Vector, fit_rows, floats, proba_matrix, rows_of_horizon, whole
from smctrain.metrics.classification import class_codes, classification_metrics, codes_below

ISOTONIC_FROM = 1000
"""Rows from which `method="auto"` takes the isotonic calibrator."""
_TINY = 1e-15


@dataclass(frozen=True)
class Reliability:
    """Outcome of `reliability_table`: bins of equal count, by confidence."""

    rows: NDArray[np.int64]
    confidence: Vector
    """Mean of the highest probability."""
    accuracy: Vector
    interval: list[tuple[float, float]]
    """95 % Wilson interval of each bin's accuracy, with the bin's share of the effective rows."""
    lowest: Vector
    highest: Vector
    ece: float
    """Expected calibration error: mean distance of accuracy and confidence, weighted by rows."""

    def records(self) -> list[dict[str, Any]]:
        """One dict a bin, of plain values."""
        return [
            {
                "rows": int(self.rows[b]),
                "confidence": float(self.confidence[b]),
                "accuracy": float(self.accuracy[b]),
                "low": self.interval[b][0],
                "high": self.interval[b][1],
                "from": float(self.lowest[b]),
                "to": float(self.highest[b]),
            }
            for b in range(len(self.rows))
        ]

    def __repr__(self) -> str:
        lines = [
            f"Reliability: expected calibration error {100 * self.ece:.1f} points",
            "   said     was  95 % interval    rows",
        ]
        lines += [
            f"{100 * c:5.1f} % {100 * a:5.1f} %  {100 * low:4.1f}-{100 * high:5.1f} %  {n:6,}"
            for c, a, (low, high), n in zip(self.confidence, self.accuracy, self.interval, self.rows, strict=True)
        ]
        return "\n".join(lines)


def reliability_table(y_true: ArrayLike, proba: ArrayLike, n_bins: int = 10, horizon: int = 1) -> Reliability:
    """How often the most probable class came true, by how probable it was called.

    Parameters
    ----------
    y_true : integer array (n,)
        Class codes 0..K-1.
    proba : (n, K), or (n,) of class 1
    n_bins : int
        Bins of equal count; fewer where there are fewer rows.
    horizon : int
        Longest label in rows, for the intervals.

    Examples
    --------
    A model that says 80 % and is right in 60 %:

    >>> y = np.tile([1, 1, 1, 0, 0], 40)
    >>> st.metrics.reliability_table(y, np.full(200, 0.8), n_bins=1)
    Reliability: expected calibration error 20.0 points
       said     was  95 % interval    rows
     80.0 %  60.0 %  51.9- 67.6 %     200
    >>> st.metrics.fit_calibrator(np.full(200, 0.8), y, method="isotonic").apply([0.8]).round(3)
    array([[0.4, 0.6]])
    """
    codes, matrix = class_codes(y_true, "y_true"), proba_matrix(proba)
    horizon = rows_of_horizon(horizon)
    if len(codes) != len(matrix):
        raise InputError(f"proba must have the {len(codes)} rows of y_true, but has {len(matrix)}.")
    codes_below(codes, matrix.shape[1], "y_true")
    best = matrix.argmax(axis=1)
    confidence = np.ascontiguousarray(matrix[np.arange(len(matrix)), best])
    correct = best == codes
    raw = core().reliability_table(confidence, correct.view(np.uint8), whole(n_bins, "n_bins", 1))
    share = 1.0
    if len(codes):
        share = core().effective_size(correct.astype(np.float64), horizon)[0] / len(codes)
    rows, accuracy = raw["rows"], raw["accuracy"]
    intervals = [
        core().wilson_interval(min(float(a) * n * share, n * share), float(n * share), 0.95)
        for a, n in zip(accuracy.tolist(), rows.tolist(), strict=True)
    ]
    gaps = np.abs(accuracy - raw["confidence"])
    ece = float((rows * gaps).sum() / rows.sum()) if len(rows) else math.nan
    return Reliability(rows, raw["confidence"], accuracy, intervals, raw["lowest"], raw["highest"], ece)


class Calibrator(ABC):
    """A map from probabilities to better ones, fitted on rows that no model was fitted on.

    Attributes
    ----------
    fit_rows_ : int64 array or None
        Sorted ids of the rows it was fitted on (None above 100,000), for the provenance check.
    fit_rows_hash_ : str
        BLAKE2b-256 over them.
    n_rows_, n_classes_ : int
    """

    name: ClassVar[str]
    fit_rows_: NDArray[np.int64] | None
    fit_rows_hash_: str
    n_rows_: int
    n_classes_: int

    def fit(self, proba: ArrayLike, y: ArrayLike, rows: ArrayLike | None = None) -> Calibrator:
        """Learns from the probabilities of rows and what became of them.

        Parameters
        ----------
        proba : (n, K), or (n,) of class 1
            Out-of-fold or validation probabilities, never those of training rows.
        y : integer array (n,)
            Class codes 0..K-1; every class must occur.
        rows : integer array (n,), optional
            Ids of these rows in the data set, stored as provenance. Default 0..n-1.
        """
        matrix, codes = proba_matrix(proba), class_codes(y, "y")
        if len(codes) != len(matrix):
            raise InputError(f"y must have the {len(matrix)} rows of proba, but has {len(codes)}.")
        classes = matrix.shape[1]
        counts = np.bincount(codes_below(codes, classes, "y"), minlength=classes)
        if bool((counts == 0).any()):
            raise TooFewRows(
                f"a calibration needs rows of each of the {classes} classes 0..{classes - 1}, "
                f"but {len(codes)} rows hold {np.unique(codes).tolist()}."
            )
        self.fit_rows_, self.fit_rows_hash_ = fit_rows(rows, len(codes))
        self.n_rows_, self.n_classes_ = len(codes), classes
        self._fit(matrix, codes)
        return self

    def apply(self, proba: ArrayLike) -> Vector:
        """Calibrated probabilities (n, K); rows that are NaN (no prediction) stay so."""
        matrix = floats(proba, "proba")
        if matrix.ndim == 1:
            matrix = np.column_stack([1.0 - matrix, matrix])
        if not hasattr(self, "n_classes_"):
            raise InputError(f"this {type(self).__name__} is not fitted: call fit(proba, y, rows) first.")
        if matrix.ndim != 2 or matrix.shape[1] != self.n_classes_:
            raise InputError(
                f"proba must have the {self.n_classes_} columns seen in fit, but has shape {matrix.shape}."
            )
        out = np.full(matrix.shape, np.nan)
        answered = ~np.isnan(matrix).any(axis=1)
        out[answered] = self._apply(proba_matrix(matrix[answered]))
        return out

    @abstractmethod
    def _fit(self, matrix: Vector, codes: NDArray[np.int32]) -> None: ...

    @abstractmethod
    def _apply(self, matrix: Vector) -> Vector: ...

    @abstractmethod
    def _learned(self) -> dict[str, Any]: ...

    @abstractmethod
    def _restore(self, learned: dict[str, Any]) -> None: ...

    def to_dict(self) -> dict[str, Any]:
        """Everything `calibrator_from_dict` needs, of plain values."""
        return {
            "method": self.name,
            "n_rows": self.n_rows_,
            "n_classes": self.n_classes_,
            "fit_rows": None if self.fit_rows_ is None else self.fit_rows_.tolist(),
            "fit_rows_hash": self.fit_rows_hash_,
            **self._learned(),
        }

    def __repr__(self) -> str:
        fitted = f"fitted on {self.n_rows_} rows" if hasattr(self, "n_rows_") else "not fitted"
        return f"{type(self).__name__}({fitted})"


def _normalised(columns: list[Vector]) -> Vector:
    """One class against the rest, made to sum to 1; a row that no class claims is shared equally."""
    if len(columns) == 1:
        return np.column_stack([1.0 - columns[0], columns[0]])
    matrix = np.column_stack(columns)
    total = matrix.sum(axis=1, keepdims=True)
    return np.where(total > 0.0, matrix / np.where(total > 0.0, total, 1.0), 1.0 / matrix.shape[1])


def _logit(p: Vector) -> Vector:
    clipped = np.clip(p, _TINY, 1.0 - _TINY)
    return np.ascontiguousarray(np.log(clipped) - np.log1p(-clipped))


class PlattCalibrator(Calibrator):
    """A logistic curve on the logit of the probability, without penalty; three classes and more one against the rest.

    Attributes
    ----------
    slope_, offset_ : float64 (1,) or (K,)
        Slope 1 and offset 0 change nothing; slope 0 says that the probabilities carry nothing.
    is_finite_ : bool
        False where the scores part the classes perfectly, so that the slope has no limit.
    """

    name = "platt"

    def _fit(self, matrix: Vector, codes: NDArray[np.int32]) -> None:
        fits = [core().fit_platt(_logit(matrix[:, c]), (codes == c).view(np.uint8)) for c in _columns(self.n_classes_)]
        self.slope_ = np.array([fit[0] for fit in fits])
        self.offset_ = np.array([fit[1] for fit in fits])
        self.is_finite_ = all(fit[2] for fit in fits)

    def _apply(self, matrix: Vector) -> Vector:
        z = [
            np.clip(self.slope_[i] * _logit(matrix[:, c]) + self.offset_[i], -700.0, 700.0)
            for i, c in enumerate(_columns(self.n_classes_))
        ]
        return _normalised([1.0 / (1.0 + np.exp(-value)) for value in z])

    def _learned(self) -> dict[str, Any]:
        return {"slope": self.slope_.tolist(), "offset": self.offset_.tolist(), "is_finite": self.is_finite_}

    def _restore(self, learned: dict[str, Any]) -> None:
        self.slope_ = np.array(learned["slope"], dtype=np.float64)
        self.offset_ = np.array(learned["offset"], dtype=np.float64)
        self.is_finite_ = bool(learned["is_finite"])


class IsotonicCalibrator(Calibrator):
    """A rising step function of the probability, straight between its knots; from about 1,000 rows on.

    Attributes
    ----------
    knots_ : list of (scores, values)
        One pair, or one a class.
    """

    name = "isotonic"

    def _fit(self, matrix: Vector, codes: NDArray[np.int32]) -> None:
        self.knots_ = [
            core().fit_isotonic(np.ascontiguousarray(matrix[:, c]), (codes == c).view(np.uint8))
            for c in _columns(self.n_classes_)
        ]

    def _apply(self, matrix: Vector) -> Vector:
        return _normalised([np.interp(matrix[:, c], *self.knots_[i]) for i, c in enumerate(_columns(self.n_classes_))])

    def _learned(self) -> dict[str, Any]:
        return {"knots": [[score.tolist(), value.tolist()] for score, value in self.knots_]}

    def _restore(self, learned: dict[str, Any]) -> None:
        self.knots_ = [
            (np.array(score, dtype=float), np.array(value, dtype=float)) for score, value in learned["knots"]
        ]


class TemperatureCalibrator(Calibrator):
    """One number for all classes: p^(1/T), made to sum to 1. It never changes which class is the most probable.

    Attributes
    ----------
    temperature_ : float
        Above 1: the model was too sure of itself.
    """

    name = "temperature"

    def _fit(self, matrix: Vector, codes: NDArray[np.int32]) -> None:
        self.temperature_ = float(core().fit_temperature(np.log(np.clip(matrix, _TINY, 1.0)), codes))

    def _apply(self, matrix: Vector) -> Vector:
        z = np.log(np.clip(matrix, _TINY, 1.0)) / self.temperature_
        weights = np.exp(z - z.max(axis=1, keepdims=True, initial=-np.inf))
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

    def _learned(self) -> dict[str, Any]:
        return {"temperature": self.temperature_}

    def _restore(self, learned: dict[str, Any]) -> None:
        self.temperature_ = float(learned["temperature"])


_METHODS: dict[str, type[Calibrator]] = {
    kind.name: kind for kind in (PlattCalibrator, IsotonicCalibrator, TemperatureCalibrator)
}


def _columns(classes: int) -> range:
    """Columns that get a curve: for two classes one says all."""
    return range(1, 2) if classes == 2 else range(classes)


def fit_calibrator(proba: ArrayLike, y: ArrayLike, rows: ArrayLike | None = None, method: str = "auto") -> Calibrator:
    """A fitted calibrator.

    Parameters
    ----------
    proba, y, rows
        As in `Calibrator.fit`.
    method : "auto" | "platt" | "isotonic" | "temperature"
        "auto": isotonic from 1,000 rows on, else Platt.
    """
    if method == "auto":
        method = "isotonic" if len(np.asarray(y)) >= ISOTONIC_FROM else "platt"
    if method not in _METHODS:
        raise InputError(f'method must be "auto", "platt", "isotonic" or "temperature", but is {method!r}.')
    return _METHODS[method]().fit(proba, y, rows)


def calibrator_from_dict(record: dict[str, Any]) -> Calibrator:
    """The calibrator that `to_dict` described. Raises InputError where the record is none."""
    try:
        calibrator = _METHODS[record["method"]]()
        calibrator.n_rows_, calibrator.n_classes_ = int(record["n_rows"]), int(record["n_classes"])
        rows = record["fit_rows"]
        calibrator.fit_rows_ = None if rows is None else np.array(rows, dtype=np.int64)
        calibrator.fit_rows_hash_ = str(record["fit_rows_hash"])
        calibrator._restore(record)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"record must come from Calibrator.to_dict(), but is not readable ({error!r}).") from error
    return calibrator


def probabilities_ok(y_true: ArrayLike, proba: ArrayLike, y_train: ArrayLike) -> bool:
    """Whether the probabilities are at least as good (Brier score) as always saying the training shares.

    Parameters
    ----------
    y_true : integer array (n,)
        Class codes 0..K-1 of rows that nothing was fitted on.
    proba : (n, K), or (n,) of class 1
    y_train : integer array (m,)
        Class codes of the training rows.

    Returns
    -------
    bool
        False: only the sign of a prediction may be used.

    Raises
    ------
    TooFewRows
        Without rows, or without training rows.
    """
    codes, train, matrix = class_codes(y_true, "y_true"), class_codes(y_train, "y_train"), proba_matrix(proba)
    if len(codes) == 0 or len(train) == 0:
        raise TooFewRows("probabilities can be judged only with rows to judge and training rows to compare with.")
    codes_below(train, matrix.shape[1], "y_train")
    shares = np.bincount(train, minlength=matrix.shape[1]) / len(train)
    brier = classification_metrics(codes, matrix)["brier"]
    truth = np.eye(matrix.shape[1])[codes]
    return bool(brier <= float(((shares - truth) ** 2).sum(axis=1).mean()) + 1e-12)
