"""Small fits must not burn the cores of a machine that has other work."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from smctrain import _load
from smctrain.models.xgboost import useful_threads


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The waiting policy OpenMP found at each opening of a library."""
    seen: list[str | None] = []

    def open_library(*args: Any, **kwargs: Any) -> None:
        seen.append(os.environ.get("OMP_WAIT_POLICY"))

    monkeypatch.setattr(_load.ctypes, "CDLL", open_library)
    return seen


def test_boosting_threads_sleep_while_they_wait_and_the_environment_stays_as_it_was(
    opened: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    _load._open_with_patient_threads.__wrapped__(Path("libxgboost.so"))
    assert opened == ["PASSIVE"]
    assert "OMP_WAIT_POLICY" not in os.environ


def test_a_policy_the_user_chose_is_kept(opened: list[str | None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    _load._open_with_patient_threads.__wrapped__(Path("libxgboost.so"))
    assert opened == []
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"


def test_small_fits_take_one_thread_and_large_ones_all() -> None:
    assert useful_threads(1_400 * 60, 2) == 1
    assert useful_threads(100_000 * 60, 2) == 2
    assert useful_threads(100_000 * 60, 1) == 1
    assert useful_threads(0, 8) == 1
