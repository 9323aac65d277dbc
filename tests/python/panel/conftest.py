from __future__ import annotations

import sys
from pathlib import Path

import pytest

from smctrain import Bars

sys.path.insert(0, str(Path(__file__).parent))  # panel_bars, the helper of this folder


@pytest.fixture(scope="session")
def market() -> dict[str, Bars]:
    """Six symbols that start one after the other."""
    from panel_bars import walk

    return {name: walk(name, first=3 * i) for i, name in enumerate(["AA", "BB", "CC", "DD", "EE", "FF"])}
