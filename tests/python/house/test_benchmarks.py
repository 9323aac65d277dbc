"""The benchmark of the market engine runs, finds its results equal to the peers', and leaves a report."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_quick_benchmark_leaves_a_report_of_equal_results(tmp_path: Path) -> None:
    script = str(ROOT / "benchmarks" / "market_engine")
    arguments = ["--quick", "--only", "panel", "--rounds", "1", "--out", str(tmp_path)]
    done = subprocess.run([sys.executable, script, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "market_engine.json").read_text(encoding="utf-8"))
    assert {cell["group"] for cell in report["cells"]} == {"panel"}
    assert all(cell["ours"]["cpu_ms"] > 0 for cell in report["cells"])
    for cell in report["cells"]:
        assert cell["agree"] is (True if cell["peers"] else None), cell["agreement"]
    table = (tmp_path / "market_engine.md").read_text(encoding="utf-8")
    assert "pandas groupby" in table
    assert "No result differs." in table
    for name in report["missing"]:
        assert name in table
