"""The benchmark of the tabular models runs, and leaves a report that says what it measured and what was absent."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


def quick_run(folder: Path, *groups: str) -> tuple[dict[str, Any], str]:
    script = str(ROOT / "benchmarks" / "tabular")
    arguments = ["--quick", "--rounds", "2", "--shapes", "census", "--out", str(folder), "--only", *groups]
    arguments += ["--peers", "scikit-learn", "YDF"]  # a process each: the others would cost seconds
    done = subprocess.run([sys.executable, script, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads((folder / "tabular.json").read_text(encoding="utf-8"))
    return report, (folder / "tabular.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    return quick_run(tmp_path_factory.mktemp("tabular"), "fit")


def test_every_contestant_has_times_memory_and_a_quality_beside_them(fit: tuple[dict[str, Any], str]) -> None:
    (cell,) = fit[0]["cells"]
    assert "scikit-learn" in {peer["name"] for peer in cell["peers"]}
    for side in (cell["ours"], *cell["peers"]):
        assert side["turns"] == 2
        assert 0 < side["cpu_s_min"] <= side["cpu_s_median"]
        assert side["first"]["extra_mib"] is None or side["first"]["extra_mib"] >= 0
        assert 50 < side["quality"]["AUC"] <= 100
    for peer in cell["peers"]:
        assert peer["ratio"]["low"] <= peer["ratio"]["median"] <= peer["ratio"]["high"]


def test_absent_peers_are_named_and_a_quick_run_promises_nothing(fit: tuple[dict[str, Any], str]) -> None:
    report, table = fit
    assert report["missed"] == []
    assert "QUICK RUN" in table
    here = {peer["name"] for peer in report["cells"][0]["peers"]}
    absent = {name.split(" (")[0] for name in report["missing"]}
    assert here | absent == {"scikit-learn", "YDF"}
    assert all(name in table for name in report["missing"])


def test_a_speed_without_its_quality_is_void_and_a_slow_one_is_missed() -> None:
    script = """
import sys
sys.path[:0] = [{here!r}, {above!r}]
from measure import Cell, Side
import report
side = lambda name, seconds: Side(name, 0.0, {{"wall_s": 1.0}}, {{0: {{"cpu_s": seconds, "wall_s": seconds}}}}, {{}})
slow = Cell("fit", "slow work", 1, side("ours", 1.0), [side("peer", 2.0)], need={{"peer": 3.0}})
worse = Cell("fit", "worse work", 1, side("ours", 1.0), [side("peer", 9.0)], {{"peer": 3.0}}, {{"peer": "worse"}})
good = Cell("fit", "good work", 1, side("ours", 1.0), [side("peer", 9.0)], need={{"peer": 3.0}})
print(*report.missed([slow, worse, good], []), sep="|")
"""
    here = ROOT / "benchmarks" / "tabular"
    code = script.format(here=str(here), above=str(here.parent))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    slow, worse = done.stdout.strip().split("|")
    assert slow.startswith("slow work")
    assert "2.00x of peer, promised 3x" in slow
    assert worse == "worse work, 1 thread(s): void, worse"
