"""Small runs that several tests look at, and real-looking terminal exports of simulated bars."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import smctrain as st
from smctrain.bars import Bars, BarSet
from smctrain.results import RunResult

SMALL: dict[str, Any] = {
    "models": ["rf", "xgboost"],
    "preset": "fast",
    "seed": 3,
    "random_forest__n_estimators": 15,
    "xgboost__n_estimators": 20,
}
"""Settings under which a symbol of 2,500 bars takes a fraction of a second."""


@pytest.fixture(scope="session")
def small() -> dict[str, Any]:
    return dict(SMALL)


@pytest.fixture(scope="session")
def market() -> BarSet:
    return st.simulate_market(n_symbols=2, n_bars=2_500)


@pytest.fixture(scope="session")
def run(market: BarSet, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """Two symbols, forest and boosting, one process."""
    return st.train(market, out=tmp_path_factory.mktemp("runs") / "small", workers=1, **SMALL)


@pytest.fixture(scope="session")
def four(market: BarSet, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """One symbol, all four families."""
    settings = SMALL | {"models": ["rf", "xgboost", "mlp", "lstm"], "symbols": ["SIM1"]}
    return st.train(
        market, out=tmp_path_factory.mktemp("runs") / "four", workers=1, neural_network__max_epochs=3,
        lstm__max_epochs=2, cv__folds=2, **settings,
    )  # fmt: skip


def export_lines(bars: Bars) -> list[str]:
    """Lines of a terminal export of these bars."""
    lines = ["time,open,high,low,close,tick_volume,spread,real_volume"]
    digits = bars.digits
    for i in range(len(bars)):
        time = str(bars.time[i].astype("datetime64[s]")).replace("T", " ")
        prices = ",".join(f"{array[i]:.{digits}f}" for array in (bars.open, bars.high, bars.low, bars.close))
        lines.append(f"{time},{prices},{bars.volume[i]:.0f},{bars.spread[i]:.0f},0")
    return lines


@pytest.fixture(scope="session")
def export() -> Callable[..., Path]:
    """Write bars as SYMBOL_TF.csv.gz into a folder; `lines` replaces what they say."""

    def write(folder: Path, symbol: str, bars: Bars, lines: list[str] | None = None) -> Path:
        path = folder / f"{symbol}_{bars.timeframe}.csv.gz"
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(("\n".join(lines or export_lines(bars)) + "\n").encode()))
        return path

    return write


@pytest.fixture(scope="session")
def lines_of() -> Callable[[Bars], list[str]]:
    return export_lines


_TIMES = {"timestamp", "training_duration_seconds", "seconds", "stages", "name", "workers"}


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_times(item) for key, item in value.items() if key not in _TIMES}
    return [_without_times(item) for item in value] if isinstance(value, list) else value


@pytest.fixture(scope="session")
def results_of() -> Callable[[Path], Any]:
    """`training_results.json` of a run folder without times and durations."""
    return lambda folder: _without_times(json.loads((folder / "training_results.json").read_text(encoding="utf-8")))
