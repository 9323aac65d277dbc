"""Every notebook runs from top to bottom, in a folder of its own, and is stored without outputs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[3] / "notebooks").glob("*.ipynb"))
EXECUTE = Path(__file__).with_name("execute.py")


def code_cells(path: Path) -> list[dict[str, Any]]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def execute(path: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    command = [sys.executable, str(EXECUTE), str(path), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder)


def test_there_is_a_notebook():
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_outputs(path: Path):
    cells = code_cells(path)
    assert cells
    assert [cell for cell in cells if cell["outputs"] or cell["execution_count"] is not None] == []


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom(path: Path, tmp_path: Path):
    done = execute(path, tmp_path)
    if done.returncode != 0:
        pytest.fail(f"{path.name}\n{done.stderr}", pytrace=False)
    n = len(code_cells(path))
    assert done.stdout.splitlines()[-1] == f"{n} cells, {n} executed"


def test_a_failing_cell_ends_the_run_with_its_traceback(tmp_path: Path):
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "execution_count": None}
    notebook = {"cells": [cell | {"source": "rows = 0\n1 / rows"}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path = tmp_path / "failing.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    done = execute(path, tmp_path)
    assert done.returncode == 1
    assert "1 / rows" in done.stderr
    assert "ZeroDivisionError" in done.stderr
