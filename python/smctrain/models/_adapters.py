"""What trainers from other packages share: rows prepared by the core, classes that are all present."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain import _load
from smctrain.models.base import FitTask


def task_target(task: FitTask) -> NDArray[Any]:
    """Class codes as they are, numbers as float64."""
    return np.ascontiguousarray(task.y, dtype=np.float64) if task.n_classes == 0 else task.y


def task_samples(task: FitTask, y: NDArray[Any], balanced: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Training and stop rows as every boosting family takes them: `X`, `weight` (classes balanced) and `rows`. Checked,
    and without rows of weight 0."""
    train, held = _load.core().boosting_samples(
        task.X, y, task.rows, task.stop_rows, task.weight, task.n_classes, balanced
    )
    return train, held


def with_every_class(y: NDArray[Any], train: dict[str, Any], n_classes: int) -> tuple[NDArray[Any], dict[str, Any]]:
    """Training rows in which no class is lacking, for packages that count the classes they see. A lacking one gets a
    copy of the last row that weighs next to nothing."""
    absent = np.setdiff1d(np.arange(n_classes), y[train["rows"]]).astype(y.dtype)
    if not len(absent):
        return y, train
    X, weight, rows = train["X"], train["weight"], train["rows"]
    light = np.full(len(absent), np.float32(1e-7) * weight.sum(), dtype=np.float32)
    return np.concatenate([y, absent]), {
        "X": np.concatenate([X, np.repeat(X[-1:], len(absent), axis=0)]),
        "weight": np.concatenate([weight, light]),
        "rows": np.concatenate([rows, np.arange(len(y), len(y) + len(absent))]),
    }


def same_weights(*samples: dict[str, Any]) -> bool:
    """Whether all rows weigh 1."""
    return all(bool((sample["weight"] == 1).all()) for sample in samples)
