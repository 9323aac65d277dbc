"""Tools for tests: markets whose truth is known, bars that cannot be predicted, and the replay of what was shown."""

from __future__ import annotations

import importlib
from typing import Any

from smctrain.testing.market import Process, best_accuracy, simulate_market
from smctrain.testing.processes import NoiseTable, noise_table, ohlc_paths

# Loaded at first use: they need the features, the labels and the audit.
_LATER = {
    "replay": "replaying",
    "ReplayReport": "replaying",
    "check_splitters": "split_cases",
    "SplitCheck": "split_cases",
}

__all__ = [
    "NoiseTable",
    "Process",
    "ReplayReport",
    "SplitCheck",
    "best_accuracy",
    "check_splitters",
    "noise_table",
    "ohlc_paths",
    "replay",
    "simulate_market",
]


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'smctrain.testing' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"smctrain.testing.{_LATER[name]}"), name)
    globals()[name] = value
    return value
