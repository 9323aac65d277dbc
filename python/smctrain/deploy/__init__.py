"""Uses what a run left behind: its results, and its models on new bars."""

from __future__ import annotations

from smctrain.deploy.predictor import Predictor, load
from smctrain.deploy.run_folder import read_run, run_reading, run_symbols

__all__ = ["Predictor", "load", "read_run", "run_reading", "run_symbols"]
