"""Tools for tests: a market whose truth is known."""

from __future__ import annotations

from smctrain.testing.market import Process, best_accuracy, simulate_market

__all__ = ["Process", "best_accuracy", "simulate_market"]
