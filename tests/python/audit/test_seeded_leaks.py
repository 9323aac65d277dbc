"""Goal H9 in small: one leak of each kind is found and named, and its clean twin is left alone.

The full suite (more bars, more cuts, the canary, several seeds): `python benchmarks/honesty/leaks.py`.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import smctrain as st

pytest.importorskip("pandas")
FILE = Path(__file__).parents[3] / "benchmarks" / "honesty" / "leaks.py"


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("seeded_leaks", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["seeded_leaks"] = module
    spec.loader.exec_module(module)
    return module


leaks = _load()


def test_there_are_eight_kinds_of_three() -> None:
    kinds = [pipeline.kind for pipeline in leaks.PIPELINES]
    assert len(kinds) == 24
    assert {kinds.count(kind) for kind in kinds} == {3}


@pytest.mark.parametrize("pipeline", leaks.PIPELINES, ids=lambda pipeline: pipeline.name)
def test_a_seeded_leak_is_found_and_its_twin_is_not(pipeline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaks, "N_BARS", 1_300)
    monkeypatch.setattr(leaks, "CUTS", 8)
    monkeypatch.setattr(leaks, "CANARY", False)
    leaky = st.audit_pipeline(**pipeline.make(7, True))
    assert pipeline.where in {finding.column for finding in leaky.findings}, leaky.to_text()
    clean = st.audit_pipeline(**pipeline.make(7, False))
    assert clean.ok, clean.to_text()
