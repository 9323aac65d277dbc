"""Shared fixtures. Real bars are used where they exist beside the checkout; tests that need them skip without."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
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


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Counters of trials do not go into the cache of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMCTRAIN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _own_ledger(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of one test are counted together, and apart from those of other tests. Session fixtures come earlier: their
    runs are counted beside their run folders."""
    if _ledgers:
        monkeypatch.setenv("SMCTRAIN_LEDGER", str(_ledgers[0] / f"test{next(_numbers)}"))
    else:
        _ledgers.append(tmp_path_factory.mktemp("ledgers"))
        monkeypatch.setenv("SMCTRAIN_LEDGER", str(_ledgers[0] / "test"))


_ledgers: list[Path] = []
_numbers = itertools.count()
