"""Leaks written by somebody who did not know the guard: a few of each kind, one seed, no canary.

All of them, with counts: `python benchmarks/honesty/leaks_second.py`.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("pandas")
FOLDER = Path(__file__).parents[3] / "benchmarks" / "honesty" / "second_leaks"


def load() -> ModuleType:
    """The suite as a package, without its folder on the path."""
    if "second_leaks" not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            "second_leaks", FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)]
        )
        assert spec is not None
        assert spec.loader is not None
        sys.modules["second_leaks"] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    for part in ("base", "columns", "tables", "fits", "rows", "strong", "later"):
        importlib.import_module(f"second_leaks.{part}")
    return sys.modules["second_leaks.base"]


BASE = load()
CASES = {c.name: c for c in BASE.CASES}
LEAKS = [
    "rare_missing_volumes_filled_backwards",
    "two_files_that_overlap",
    "second_broker_with_another_clock",
    "learning_on_before_labels_are_known",
    "calibrated_on_the_test",
    "weekdays_that_went_well_in_the_test",
    "symbols_below_one_another",
    "entry_and_exit_price_both_kept",
    "volume_as_the_vendor_corrected_it",
    "bootstrap_before_the_split",
    "shuffled_folds_of_a_table_without_label_ends",
    "side_and_whether_it_won",
    "model_without_a_seed_stopped_on_the_test",
]
CLEAN = [
    "strong_signal_with_suspicious_names",
    "discrete_columns_only",
    "constant_and_doubled_columns",
    "night_without_movement",
    "ranks_among_symbols_of_one_moment",
    "learning_on_before_labels_are_known",
    "bootstrap_before_the_split",
]


@pytest.mark.parametrize("name", LEAKS)
def test_a_leak_of_the_second_author_is_found_and_named(name: str) -> None:
    outcome = BASE.judge(CASES[name], 1, True, score=False, canary=False)
    assert outcome.named, outcome.accused


@pytest.mark.parametrize("name", CLEAN)
def test_clean_pipelines_of_the_second_author_are_left_alone(name: str) -> None:
    assert not BASE.judge(CASES[name], 1, False, score=False, canary=False).accused
