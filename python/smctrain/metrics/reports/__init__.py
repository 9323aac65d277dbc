"""One object that says how good predictions are: each number with its interval, beside what needs no model."""

from __future__ import annotations

from smctrain.metrics.reports.classification import ClassificationReport, classification_report
from smctrain.metrics.reports.regression import RegressionReport, regression_report
from smctrain.metrics.reports.skill import Skill
from smctrain.metrics.reports.trading import TradingReport, trading_report

__all__ = [
    "ClassificationReport",
    "RegressionReport",
    "Skill",
    "TradingReport",
    "classification_report",
    "regression_report",
    "trading_report",
]
