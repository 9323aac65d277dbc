"""The benchmark of networks runs, judges losses beside speeds, and leaves a report."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="the peer is PyTorch")


def test_the_quick_benchmark_has_times_and_losses_of_every_contestant(tmp_path: Path) -> None:
    script = str(ROOT / "benchmarks" / "neural")
    arguments = ["--quick", "--only", "step", "predict", "--rounds", "2", "--out", str(tmp_path)]
    done = subprocess.run([sys.executable, script, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "neural.json").read_text(encoding="utf-8"))
    steps = [cell for cell in report["cells"] if cell["group"] == "step"]
    assert {name for cell in steps for name in cell["sides"]} == {"ours", "tuned", "plain"}
    for cell in steps:
        assert cell["apart_without_dropout"] < 0.005  # the same weights, rows and sums: only the time differs
        for side in cell["sides"].values():
            assert 0 < side["cpu_min"] <= side["cpu"]
            assert 0.5 < side["loss"] < 2.0
            assert 0 < side["share_of_peak"] < 1
    assert report["missed"] == []
    assert "QUICK RUN" in (tmp_path / "neural.md").read_text(encoding="utf-8")


def test_fits_that_are_done_are_not_run_again(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
sys.path[:0] = [{here!r}, {above!r}]
import cells
journal = Path({journal!r})
runs = []
for _ in range(2):
    runs.append(cells.fits(1, 1, True, journal))
    lines = journal.read_text().splitlines()
assert runs[0] == runs[1]
print(len(lines), *(cell["work"] for cell in runs[0]), sep="|")
"""
    here = ROOT / "benchmarks" / "neural"
    code = script.format(here=str(here), above=str(here.parent), journal=str(tmp_path / "fits.jsonl"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "8|MLP, final fit, EURUSD|LSTM, final fit, EURUSD"


def test_a_speed_with_a_worse_loss_is_void_and_a_slow_one_is_missed() -> None:
    script = """
import sys
sys.path[:0] = [{here!r}, {above!r}]
import cells, report
def cell(name, *turns):
    sides = {{who: [cells.Turn(cpu, cpu, loss)] for who, (cpu, loss) in zip(("ours", "tuned"), turns)}}
    return cells._cell("step", name, sides, {{"ours": {{"tuned": 3.0}}}}, 0.01)
slow, good = cell("slow", (1, 1.0), (2, 1.0)), cell("good", (1, 1.0), (9, 1.0))
worse = cell("worse", (1, 1.1), (9, 1.0))
print(*report.missed([slow, worse, good]), sep="|")
print(report.worst([slow, good]))
"""
    here = ROOT / "benchmarks" / "neural"
    code = script.format(here=str(here), above=str(here.parent))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    missed, worst = done.stdout.strip().split("\n")
    slow, worse = missed.split("|")
    assert slow == "slow: ours 2.00x tuned, promised 3x"
    assert "void" in worse
    assert worst.startswith("Worst cell: slow")
