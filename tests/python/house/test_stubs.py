"""The committed type stubs are those of the built modules."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", ["_core", "_neural"])
def test_the_committed_stub_is_that_of_the_built_module(name: str, tmp_path: Path) -> None:
    if name == "_neural":
        pytest.importorskip("torch")
    program = (
        "from smctrain import _load; import sys\n"
        f"{'_load.neural()' if name == '_neural' else '_load.core()'}\n"
        f"sys.argv = ['stubgen', 'smctrain.{name}', '-o', {str(tmp_path)!r}, '--ignore-all-errors']\n"
        "import pybind11_stubgen; pybind11_stubgen.main()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    fresh = tmp_path / "smctrain" / f"{name}.pyi"
    settings = ["--config", str(ROOT / "pyproject.toml")]
    subprocess.run([sys.executable, "-m", "ruff", "format", "-q", *settings, str(fresh)], check=True)
    committed = ROOT / "python" / "smctrain" / f"{name}.pyi"
    assert committed.read_text() == fresh.read_text(), "run `make stubs` and commit the result"
