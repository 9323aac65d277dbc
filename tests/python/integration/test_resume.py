"""An interrupted run keeps what was finished and goes on where it stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import smctrain as st
from smctrain.bars import BarSet
from smctrain.exceptions import SmctrainError
from smctrain.execution.messages import Event
from smctrain.training import run as run_module


@pytest.fixture(scope="module")
def three() -> BarSet:
    return st.simulate_market(n_symbols=3, n_bars=1_500)


def interrupt_after(symbol: str) -> Callable[[Event], None]:
    def handle(event: Event) -> None:
        if (event.key, event.stage) == (symbol, "done"):
            raise KeyboardInterrupt

    return handle


def trained(folder: Path) -> list[str]:
    """Symbols that were trained, not kept, by all runs into a folder."""
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    return [event["key"] for event in events if event["stage"] == "done"]


def test_a_resumed_run_trains_only_the_rest_and_equals_an_uninterrupted_one(
    three: BarSet, small: Any, tmp_path: Path, results_of: Callable[[Path], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the other run tried would count here, and the other way round.
    monkeypatch.setenv("SMCTRAIN_LEDGER", str(tmp_path / "one"))
    st.train(three, out=tmp_path / "whole", workers=1, **small)
    monkeypatch.setenv("SMCTRAIN_LEDGER", str(tmp_path / "two"))
    folder = tmp_path / "run"
    broken = st.train(three, out=folder, workers=1, on_event=interrupt_after("SIM1"), **small)
    assert broken.interrupted
    assert list(broken) == ["SIM1"]
    assert broken.pending == ["SIM2", "SIM3"]
    assert broken.exit_code() == 130
    assert json.loads((folder / "training_results.json").read_text())["pending"] == ["SIM2", "SIM3"]
    assert len(st.load(folder, "SIM1").predict(three["SIM1"])) == 1_500
    resumed = st.train(three, out=folder, workers=1, resume=True, **small)
    assert not resumed.interrupted
    assert trained(folder) == ["SIM1", "SIM2", "SIM3"]
    assert results_of(folder) == results_of(tmp_path / "whole")


def test_other_settings_or_other_bars_are_trained_again(three: BarSet, small: Any, tmp_path: Path) -> None:
    settings = small | {"models": ["rf"], "cv__folds": 0}
    st.train(three, out=tmp_path, workers=1, **settings | {"symbols": ["SIM1"]})
    st.train(three, out=tmp_path, workers=1, resume=True, **settings | {"symbols": ["SIM1"]})
    assert trained(tmp_path) == ["SIM1"]
    st.train(three, out=tmp_path, workers=1, resume=True, **settings | {"symbols": ["SIM1"], "seed": 9})
    assert trained(tmp_path) == ["SIM1"] * 2
    others = st.simulate_market(n_symbols=3, n_bars=1_499)
    st.train(others, out=tmp_path, workers=1, resume=True, **settings | {"symbols": ["SIM1"], "seed": 9})
    assert trained(tmp_path) == ["SIM1"] * 3


def test_a_symbol_whose_model_file_is_gone_or_damaged_is_trained_again(
    three: BarSet, small: Any, tmp_path: Path
) -> None:
    settings = small | {"models": ["rf"], "cv__folds": 0}
    st.train(three, out=tmp_path, workers=1, **settings)
    (tmp_path / "symbols/SIM2/SIM2_RandomForest.smc").unlink()
    (tmp_path / "symbols/SIM3/SIM3_RandomForest.smc").write_bytes(b"half a mod")
    st.train(three, out=tmp_path, workers=1, resume=True, **settings)
    assert trained(tmp_path) == ["SIM1", "SIM2", "SIM3", "SIM2", "SIM3"]


def test_a_folder_in_use_is_refused_and_a_dead_owner_is_not_waited_for(
    three: BarSet, small: Any, tmp_path: Path
) -> None:
    settings = small | {"models": ["rf"], "cv__folds": 0, "symbols": ["SIM1"]}
    refused: list[str] = []

    def second_run(event: Event) -> None:
        if event.stage == "verdict":
            with pytest.raises(SmctrainError, match="another run") as caught:
                st.train(three, out=tmp_path, workers=1, **settings)
            refused.append(str(caught.value))

    st.train(three, out=tmp_path, workers=1, on_event=second_run, **settings)
    assert len(refused) == 1
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    (tmp_path / ".lock").write_text(f"{other.pid}\n")
    with pytest.raises(SmctrainError, match=f"another run \\(process {other.pid}\\)"):
        st.train(three, out=tmp_path, workers=1, **settings)
    other.communicate(b"\n")
    st.train(three, out=tmp_path, workers=1, **settings)
    assert not (tmp_path / ".lock").exists()


def test_a_lock_of_another_user_is_respected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def not_allowed(pid: int, sign: int) -> None:
        raise PermissionError

    (tmp_path / ".lock").write_text("4711\n")
    monkeypatch.setattr(run_module.os, "kill", not_allowed)
    assert run_module._owner(tmp_path / ".lock") == 4711


def processes_with(mark: str) -> list[int]:
    """Living processes whose environment holds a mark."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for children in /proc")
@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_on_the_command_line_saves_says_how_to_resume_and_leaves_no_process(
    market: BarSet, export: Callable[..., Path], tmp_path: Path, workers: int
) -> None:
    for number in range(4):
        export(tmp_path / "bars", f"S{number}", market["SIM1"].base)
    out, mark = tmp_path / "run", f"SMCTRAIN_TEST_MARK={tmp_path}"
    name, _, value = mark.partition("=")
    # The symbol that sorts first is quick, the others would take minutes.
    export(tmp_path / "bars", "A", market["SIM1"].base, None)
    command = [
        sys.executable, "-m", "smctrain", "train", "--data", str(tmp_path / "bars"), "--out", str(out), "--models",
        "rf", "xgboost", "--set", "random_forest.n_estimators=10", "xgboost.n_estimators=1200",
        "xgboost.early_stopping_rounds=1200", "xgboost.learning_rate=0.01", "cv.folds=2", "--workers", str(workers),
    ]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                               env={**os.environ, name: value})  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if ": done" in line:
            break
    process.send_signal(signal.SIGINT)
    sent = time.monotonic()
    _, errors = process.communicate(timeout=60)
    seconds = time.monotonic() - sent
    print(f"ended {seconds:.2f} s after Ctrl-C")
    assert process.returncode == 130
    assert f"--out {out} --resume" in errors
    assert "Traceback" not in errors
    data = json.loads((out / "training_results.json").read_text(encoding="utf-8"))
    assert data["interrupted"] is True
    assert len(data["symbols"]) >= 1
    assert len(data["pending"]) >= 1
    assert not (out / ".lock").exists()
    assert not list(out.rglob("*.smctmp"))
    assert not processes_with(mark)
