"""Shared fixtures. Real bars are used where they exist beside the checkout; tests that need them skip without."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def _data_folder() -> Path | None:
    candidates = [Path(__file__).parents[3] / "shared" / "data"]
    if "SMCTRAIN_DATA" in os.environ:
        candidates.insert(0, Path(os.environ["SMCTRAIN_DATA"]))
    return next((path for path in candidates if path.is_dir()), None)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    folder = _data_folder()
    if folder is None:
        pytest.skip("no data folder beside the checkout (set SMCTRAIN_DATA)")
    return folder


@pytest.fixture(scope="session")
def mt5(data_folder: Path) -> Path:
    """Terminal exports: SYMBOL_TF.csv.gz."""
    folder = data_folder / "mt5"
    if not folder.is_dir():
        pytest.skip("no terminal exports in the data folder")
    return folder
