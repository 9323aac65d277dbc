"""Metrics of classifications and of trades, each beside what can be had without a model."""

from __future__ import annotations

from smctrain.metrics.classification import baselines, classification_metrics
from smctrain.metrics.trading import trading_metrics

__all__ = ["baselines", "classification_metrics", "trading_metrics"]
