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
        for side in cell["sides"].values():
            assert 0 < side["cpu_min"] <= side["cpu"]
            assert 0.5 < side["loss"] < 2.0
            assert 0 < side["share_of_peak"] < 1
    assert report["missed"] == []
    assert "QUICK RUN" in (tmp_path / "neural.md").read_text(encoding="utf-8")


def test_a_speed_with_a_worse_loss_is_void_and_a_slow_one_is_missed() -> None:
    script = """
import sys
sys.path[:0] = [{here!r}, {above!r}]
import cells, report
slow = cells._cell("step", "slow", {{"ours": [(1, 1, 1.0)], "tuned": [(2, 2, 1.0)]}}, {{"tuned": 3.0}}, 0.01)
worse = cells._cell("step", "worse", {{"ours": [(1, 1, 1.1)], "tuned": [(9, 9, 1.0)]}}, {{"tuned": 3.0}}, 0.01)
good = cells._cell("step", "good", {{"ours": [(1, 1, 1.0)], "tuned": [(9, 9, 1.0)]}}, {{"tuned": 3.0}}, 0.01)
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
