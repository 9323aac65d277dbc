"""Same seed, same bytes: for any number of workers and in any process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import smctrain as st
from smctrain.bars import BarSet
from smctrain.results import RunResult


def binaries(folder: Path) -> dict[str, bytes]:
    files = [*folder.rglob("*.smc"), *folder.rglob("predictions.parquet"), *folder.rglob("features.json")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_two_workers_write_the_bytes_of_one(
    run: RunResult, market: BarSet, tmp_path: Path, small: Any, results_of: Callable[[Path], Any]
) -> None:
    assert run.folder is not None
    st.train(market, out=tmp_path, workers=2, **small)
    one, two = binaries(run.folder), binaries(tmp_path)
    assert len(one) == 8
    assert one == two
    assert results_of(run.folder) == results_of(tmp_path)


def test_another_process_writes_the_same_bytes(run: RunResult, tmp_path: Path, small: Any) -> None:
    assert run.folder is not None
    settings = small | {"symbols": ["SIM2"], "out": str(tmp_path)}
    code = f"import smctrain as st; st.train(st.simulate_market(n_symbols=2, n_bars=2_500), **{settings!r})"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
    here = {name: data for name, data in binaries(run.folder).items() if "SIM2" in name}
    assert binaries(tmp_path) == here


@pytest.mark.parametrize("family", ["NeuralNetwork", "LSTM"])
def test_networks_repeat_themselves(four: RunResult, market: BarSet, tmp_path: Path, small: Any, family: str) -> None:
    assert four.folder is not None
    settings = small | {"models": [family], "symbols": ["SIM1"]}
    again = st.train(
        market, out=tmp_path, neural_network__max_epochs=3, lstm__max_epochs=2, cv__folds=2, **settings
    )  # fmt: skip
    # Beside which other families a model is trained changes its config hash, and nothing else.
    assert again["SIM1"][family].history == four["SIM1"][family].history
    assert again["SIM1"][family].curves == four["SIM1"][family].curves


def test_another_seed_gives_another_model(run: RunResult, market: BarSet, tmp_path: Path, small: Any) -> None:
    settings = small | {"symbols": ["SIM1"], "seed": 4}
    other = st.train(market, out=tmp_path, **settings)
    for family in ("RandomForest", "XGBoost"):
        assert other["SIM1"][family].artifact["sha256"] != run["SIM1"][family].artifact["sha256"]
        assert other["SIM1"][family].history != run["SIM1"][family].history
