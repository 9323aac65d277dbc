"""The examples in the documentation of honest validation are run: a reader's copy works and gives what is shown."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from pathlib import Path

import numpy as np
import pytest

import smctrain as st

ROOMS = ("splits", "stats", "metrics", "verdict", "audit")


def modules(room: str) -> list[str]:
    package = importlib.import_module(f"smctrain.{room}")
    return [package.__name__, *(found.name for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."))]


def examples(room: str) -> list[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    tests = (finder.find(importlib.import_module(name), extraglobs={"st": st, "np": np}) for name in modules(room))
    return [test for found in tests for test in found if test.examples]


@pytest.mark.parametrize("room", ROOMS)
def test_every_example_runs_and_gives_what_it_shows(room: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sklearn")
    monkeypatch.chdir(tmp_path)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    found = examples(room)
    said: list[str] = []
    for test in found:
        runner.run(test, out=said.append)
    assert not runner.failures, "\n".join(said)
    assert sum(not example.options.get(doctest.SKIP) for test in found for example in test.examples) > 0
