"""Goal H8 in small: on bars of every standard process no column or label of ours is rewritten, and models given our
columns stay within 3 standard errors of the majority; with a leak planted among them they do not."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import smctrain as st
from smctrain.audit.canary import run_canary
from smctrain.audit.subject import CallableSubject, SpecSubject
from smctrain.bars import Bars
from smctrain.testing import ohlc_paths, replay

pd = pytest.importorskip("pandas")

KINDS = ("G1", "G2", "G3", "G4", "G5")


def load_benchmark(name: str) -> ModuleType:
    """A module of benchmarks/honesty, which is no installed package."""
    file = Path(__file__).parents[3] / "benchmarks" / "honesty" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"honesty_{name}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def drawn(kind: str, n: int, request: pytest.FixtureRequest) -> Bars:
    if kind != "G5":
        return ohlc_paths(kind, n, seed=11)
    folder = request.getfixturevalue("mt5")
    return ohlc_paths("G5", n, seed=11, bars=st.read_bars(folder, symbols=["GBPUSD"])["GBPUSD"]["M15"])


@pytest.mark.parametrize("kind", KINDS)
def test_our_columns_cannot_predict_what_cannot_be_predicted(kind: str, request: pytest.FixtureRequest) -> None:
    results = run_canary(SpecSubject(st.FeatureSpec()), drawn(kind, 2500, request), 3, seed=5)
    assert [result.model for result in results] == ["forest", "logistic"]
    assert all(result.ok for result in results), results


@pytest.mark.parametrize("kind", KINDS)
def test_a_leak_among_honest_columns_is_heard_on_every_process(kind: str, request: pytest.FixtureRequest) -> None:
    def centred(f: Any) -> Any:
        c = f["close"]
        columns = {f"r{k}": np.log(c).diff(k) for k in (1, 5, 20)}
        return pd.DataFrame(columns | {"ma": c.rolling(11, center=True).mean() / c - 1})

    results = run_canary(CallableSubject(centred, "M15"), drawn(kind, 2500, request), 3, seed=5)
    assert not any(result.ok for result in results), results


@pytest.mark.parametrize("kind", KINDS)
def test_no_column_event_or_label_is_rewritten(kind: str, request: pytest.FixtureRequest) -> None:
    report = replay(drawn(kind, 300, request), cuts=200)
    assert report.rewritten == 0, report.changed
    assert report.readings > 1_000_000


def test_no_kind_of_label_can_be_predicted_on_noise() -> None:
    labels = load_benchmark("canary").LABELS
    spec = st.FeatureSpec(columns=("ret_5", "rsi_wilder_14", "natr_14", "bb_pctb_20_2", "ms_dir", "fvg_bull_dist_atr"))
    bars = st.testing.ohlc_paths("G2", 2_000, seed=12)
    for name, label in labels.items():
        results = run_canary(SpecSubject(spec), bars, 3, 6, label)
        assert all(result.ok for result in results), (name, results)
