"""One bad symbol or model costs itself only, and is named with its cause."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import smctrain as st
from smctrain.bars import Bars, BarSet
from smctrain.cli import main
from smctrain.exceptions import BarError
from smctrain.execution.messages import Task
from smctrain.models.registry import make_trainer
from smctrain.results import RunResult
from smctrain.training import families as families_module
from smctrain.training import run as run_module

Export = Callable[..., Path]


@pytest.fixture
def mixed(tmp_path: Path, market: BarSet, export: Export, lines_of: Callable[[Bars], list[str]]) -> Path:
    """One good file among four bad ones."""
    folder, bars = tmp_path / "bars", market["SIM1"].base
    lines = lines_of(bars)
    export(folder, "GOOD", bars)
    cut = export(folder, "CUT", bars)
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    (folder / "EMPTY_M15.csv.gz").write_bytes(b"")
    text = list(lines)
    cells = text[700].split(",")
    text[700] = ",".join([*cells[:2], "n/a?", *cells[3:]])
    export(folder, "TEXT", bars, text)
    export(folder, "SHORT", bars, lines[:51])
    return folder


def test_a_good_file_among_four_bad_ones_is_trained_and_the_others_are_named(
    mixed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    code = main(
        ["train", "--data", str(mixed), "--out", str(out), "--models", "rf", "--preset", "fast", "--workers", "1",
         "--quiet", "--set", "random_forest.n_estimators=10"]
    )  # fmt: skip
    assert code == 1
    table = capsys.readouterr().out
    data = json.loads((out / "training_results.json").read_text(encoding="utf-8"))
    assert list(data["symbols"]) == ["GOOD"]
    assert data["training_results"]["GOOD"]["RandomForest"]["history"]["test_accuracy"] > 0
    failed = {record["symbol"]: record for record in data["failures"]}
    assert set(failed) == {"CUT", "EMPTY", "SHORT", "TEXT"}
    for symbol, words in {
        "CUT": ["CUT_M15.csv.gz"], "EMPTY": ["EMPTY_M15.csv.gz", "empty"],
        "TEXT": ["TEXT_M15.csv.gz", "n/a?"], "SHORT": ["50 bars", "100"],
    }.items():  # fmt: skip
        for word in words:
            assert word in failed[symbol]["error"]
        assert failed[symbol]["traceback"]
        assert failed[symbol]["error_type"] in {"BarError", "TooFewRows"}
        assert failed[symbol]["stage"] == ("dataset" if symbol == "SHORT" else "bars")
        assert data["training_results"][symbol]["error"] == failed[symbol]["error"]
        assert f"{symbol} " in table
    assert table.count("FAILED") == 4
    manifest = json.loads((out / "deployment_manifest.json").read_text(encoding="utf-8"))
    assert manifest["summary"]["total_symbols"] == 5
    assert manifest["selections"]["CUT"]["action"] == "MANUAL_REVIEW_REQUIRED"
    html = (out / "report.html").read_text(encoding="utf-8")
    assert all(symbol in html for symbol in failed)


def test_only_bad_files_end_in_one_clear_error(mixed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (mixed / "GOOD_M15.csv.gz").unlink()
    (mixed / "SHORT_M15.csv.gz").unlink()
    assert main(["train", "--data", str(mixed), "--out", str(tmp_path / "run")]) == 3
    message = capsys.readouterr().err
    for name in ("CUT", "EMPTY", "TEXT"):
        assert name in message
    assert "Traceback" not in message
    with pytest.raises(BarError, match="No bars could be read"):
        st.train(mixed, out=tmp_path / "run")


def test_symbols_that_are_all_too_short_are_a_data_error(mixed: Path, tmp_path: Path) -> None:
    for name in ("GOOD", "CUT", "EMPTY", "TEXT"):
        (mixed / f"{name}_M15.csv.gz").unlink()
    run = st.train(mixed, out=tmp_path / "run", preset="fast", models=["rf"])
    assert [failure.error_type for failure in run.failures] == ["TooFewRows"]
    assert run.exit_code() == 3
    assert run.report_path is not None
    assert run.report_path.is_file()
    assert len(run.leaderboard) == 0


class _Crashing:
    """A trainer that cannot fit."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def fit(self, task: Any) -> Any:
        raise RuntimeError("the boosting library fell over")


def crash(monkeypatch: pytest.MonkeyPatch, *families: str) -> None:
    def make(family: str, settings: Any = None) -> Any:
        trainer = make_trainer(family, settings)
        return _Crashing(trainer) if family in families else trainer

    monkeypatch.setattr(families_module, "make_trainer", make)


def test_a_crashing_model_is_a_record_and_the_other_models_are_trained(
    market: BarSet, small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash(monkeypatch, "XGBoost")
    run = st.train(market, out=tmp_path, workers=1, **small)
    assert set(run["SIM1"].models) == set(run["SIM2"].models) == {"RandomForest"}
    assert [(f.symbol, f.model, f.stage, f.error_type) for f in run.failures] == [
        ("SIM1", "XGBoost", "training", "RuntimeError"),
        ("SIM2", "XGBoost", "training", "RuntimeError"),
    ]
    assert "fell over" in run.failures[0].traceback
    assert run.exit_code() == 1
    with pytest.raises(KeyError, match="fell over"):
        run["SIM1"]["XGBoost"]
    record = json.loads((tmp_path / "training_results.json").read_text())["training_results"]["SIM1"]["XGBoost"]
    assert record["error"] == "the boosting library fell over"
    assert {"error_type", "symbol", "timestamp", "stage", "traceback", "training_duration_seconds"} <= set(record)


def test_a_symbol_without_any_model_is_a_failure_with_all_causes(
    market: BarSet, small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash(monkeypatch, "XGBoost", "RandomForest")
    run = st.train(market, out=tmp_path, workers=1, **small)
    assert not run.symbols
    assert {f.error_type for f in run.failures} == {"TrainingFailed"}
    assert "XGBoost: the boosting library fell over" in run.failures[0].error
    assert run.exit_code() == 1


@pytest.mark.parametrize(("how", "words"), [("os._exit(7)", "exit code 7"), ("os.kill(os.getpid(), 9)", "SIGKILL")])
def test_a_dead_worker_costs_its_symbol_only(
    how: str, words: str, small: Any, run: RunResult, market: BarSet, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    (tmp_path / "crashing_task.py").write_text(f"import os\ndef die(**payload):\n    {how}\n")
    monkeypatch.syspath_prepend(tmp_path)
    make = run_module._task

    def task(symbol: str, *args: Any) -> Task:
        made = make(symbol, *args)
        return replace(made, function="crashing_task:die") if symbol == "SIM1" else made

    monkeypatch.setattr(run_module, "_task", task)
    monkeypatch.setattr(run_module, "thread_budget", lambda config, n: (2, 1))
    result = st.train(market, out=tmp_path / "run", **small)
    assert [(f.symbol, f.error_type, f.stage) for f in result.failures] == [("SIM1", "WorkerDied", "worker")]
    assert words in result.failures[0].error
    assert result["SIM2"]["XGBoost"].history == run["SIM2"]["XGBoost"].history
    assert result.exit_code() == 1


def one(bars: Bars, **arrays: Any) -> BarSet:
    return BarSet({("ODD", bars.timeframe): replace(bars, symbol="ODD", **arrays)})


def test_one_class_is_named(market: BarSet, small: Any, tmp_path: Path) -> None:
    """A price that only rises hits its target at once."""
    bars = market["SIM1"].base
    close = np.round(1.0 + 0.01 * np.arange(1, len(bars) + 1), 5)
    open_ = np.round(close - 0.01, 5)
    rising = one(bars, open=open_, close=close, low=open_, high=close, spread=np.zeros(len(bars)))
    run = st.train(rising, out=tmp_path, **small)
    assert run.failures[0].error_type == "OneClass"
    assert "class" in run.failures[0].error
    assert run.exit_code() == 3


def test_bars_without_a_single_label_are_named(market: BarSet, small: Any, tmp_path: Path) -> None:
    """A price that never moves has no barrier distance."""
    flat = {name: np.full(len(market["SIM1"].base), 1.1) for name in ("open", "high", "low", "close")}
    run = st.train(one(market["SIM1"].base, **flat), out=tmp_path, **small)
    assert run.failures[0].error_type in {"TooFewRows", "OneClass", "TooFewColumns"}
    assert run.failures[0].stage in {"labels", "dataset", "split"}
    assert run.exit_code() == 3


def test_constant_volume_drops_its_columns_and_trains(market: BarSet, small: Any, tmp_path: Path) -> None:
    bars = market["SIM1"].base
    run = st.train(one(bars, volume=np.full(len(bars), 100.0)), out=tmp_path, **small)
    assert not run.failures
    assert {entry["feature"] for entry in run["ODD"].dropped_features} >= {"vol_rel_20"}
    assert all(entry["reason"] for entry in run["ODD"].dropped_features)
    assert "vol_rel_20" not in run["ODD"].features


def test_bars_that_break_often_train_within_their_stretches(market: BarSet, small: Any, tmp_path: Path) -> None:
    bars = market["SIM1"].base
    pause = np.timedelta64(30, "D") * (np.arange(len(bars)) // 60)
    stretch = (np.arange(len(bars)) // 60).astype(np.int32)
    broken = one(bars, time=bars.time + pause, segment=stretch)
    settings = small | {"models": ["rf", "lstm"], "lstm__max_epochs": 1, "cv__folds": 2}
    run = st.train(broken, out=tmp_path, **settings)
    assert not run.failures
    rows = st.load(tmp_path, "ODD", "LSTM").predict(broken["ODD"])
    silent = rows["p_1"].isna().to_numpy()
    # Windows of ten bars never cross a break: the first nine of a stretch have none. Nor is there an answer while most
    # columns are empty, and the run took no decision there either.
    assert silent[np.arange(len(bars)) % 60 < 9].all()
    assert not silent.all()
    decided = pd.read_parquet(run.folder / "symbols" / "ODD" / "predictions.parquet")
    assert not silent[decided.loc[decided["model"] == "LSTM", "row"]].any()
