"""Scores of predictions by name, each with the direction that is better."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.exceptions import InputError
from smctrain.metrics import classification_metrics

_CLASSES = {
    "accuracy": True, "balanced_accuracy": True, "f1_score": True, "mcc": True, "auc": True, "log_loss": False,
    "brier": False, "ece": False,
}  # fmt: skip
_NUMBERS: dict[str, tuple[bool, Callable[[Any, Any], float]]] = {
    "mse": (False, lambda y, p: float(np.mean((y - p) ** 2))),
    "rmse": (False, lambda y, p: float(np.sqrt(np.mean((y - p) ** 2)))),
    "mae": (False, lambda y, p: float(np.mean(np.abs(y - p)))),
    "r2": (True, lambda y, p: _r2(y, p)),
}
Metric = str | Callable[[NDArray[Any], NDArray[np.float64]], float]
"""A name, or `metric(y, prediction) -> number` where more is better: class codes and probabilities (n, k), or numbers
and predictions (n,)."""


def _r2(y: NDArray[np.float64], prediction: NDArray[np.float64]) -> float:
    spread = float(((y - y.mean()) ** 2).sum())
    return 1.0 - float(((y - prediction) ** 2).sum()) / spread if spread > 0 else float("nan")


def metric_name(metric: Metric) -> str:
    return metric if isinstance(metric, str) else getattr(metric, "__name__", "metric")


def is_more_better(metric: Metric) -> bool:
    """Whether more is better; raises InputError for an unknown name."""
    if not isinstance(metric, str):
        return True
    if metric in _CLASSES:
        return _CLASSES[metric]
    if metric in _NUMBERS:
        return _NUMBERS[metric][0]
    raise InputError(f"there is no metric {metric!r}. Known: {', '.join([*_CLASSES, *_NUMBERS])}, or a function.")


def check_metric(metric: Metric, is_regression: bool) -> None:
    """Raises InputError for an unknown name, or one that does not fit the task."""
    is_more_better(metric)
    if isinstance(metric, str) and (metric in _NUMBERS) != is_regression:
        known = list(_NUMBERS if is_regression else _CLASSES)
        task = "numbers" if is_regression else "classes"
        raise InputError(f"the metric {metric!r} does not fit a prediction of {task}. Known there: {', '.join(known)}.")


def score(metric: Metric, y: NDArray[Any], prediction: NDArray[np.float64]) -> float:
    """The score of the rows that have a prediction; NaN where there is none.

    A row without one (NaN: no full window before it) is left out.
    """
    answered = ~np.isnan(prediction if prediction.ndim == 1 else prediction.sum(axis=1))
    y, prediction = y[answered], np.ascontiguousarray(prediction[answered])
    if len(y) == 0:
        return float("nan")
    if not isinstance(metric, str):
        return float(metric(y, prediction))
    if metric in _NUMBERS:
        return _NUMBERS[metric][1](y, prediction)
    return float(classification_metrics(y, prediction)[metric])


def default_metric(is_regression: bool) -> str:
    return "mse" if is_regression else "log_loss"
