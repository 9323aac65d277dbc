"""Small problems with a known answer, and the same networks in plain PyTorch."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest

from smctrain.models.base import FitTask

# Looked for, not imported: the tests also run in a process without Python's torch.
collect_ignore_glob = [] if importlib.util.find_spec("torch") is not None else ["test_*.py"]


def make_task(X: Any, y: Any, n_train: int, n_stop: int = 0, **more: Any) -> FitTask:
    return FitTask(
        X=np.ascontiguousarray(X, dtype=np.float32),
        y=np.asarray(y, dtype=np.int32),
        rows=np.arange(n_train, dtype=np.int64),
        stop_rows=np.arange(n_train, n_train + n_stop, dtype=np.int64),
        n_classes=int(np.max(y)) + 1,
        **more,
    )


@pytest.fixture(scope="session")
def xor() -> tuple[np.ndarray, np.ndarray]:
    """Class = sign of the product of two columns: no single column tells anything."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(1200, 6)).astype(np.float32)
    return X, (X[:, 0] * X[:, 1] > 0).astype(np.int32)


@pytest.fixture(scope="session")
def noise() -> tuple[np.ndarray, np.ndarray]:
    """Three classes, unequal, that nothing predicts."""
    rng = np.random.default_rng(6)
    return rng.normal(size=(400, 5)).astype(np.float32), rng.choice(3, size=400, p=[0.6, 0.3, 0.1]).astype(np.int32)
