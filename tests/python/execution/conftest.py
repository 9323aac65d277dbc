"""Makes `smctrain_execution_tasks` importable here and, through sys.path, in the workers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _tasks_importable() -> Iterator[None]:
    folder = str(Path(__file__).parent / "tasks")
    sys.path.append(folder)
    yield
    sys.path.remove(folder)
