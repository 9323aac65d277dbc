"""Metrics of classifications, forecasts and trades, each beside what can be had without a model."""

from __future__ import annotations

from smctrain.metrics.calibration import (
    Calibrator,
    IsotonicCalibrator,
    PlattCalibrator,
    Reliability,
    TemperatureCalibrator,
    calibrator_from_dict,
    fit_calibrator,
    probabilities_ok,
    reliability_table,
)
from smctrain.metrics.classification import baselines, classification_metrics
from smctrain.metrics.regression import RankIc, quantile_metrics, rank_ic, regression_metrics
from smctrain.metrics.reports import (
    ClassificationReport,
    RegressionReport,
    Skill,
    TradingReport,
    classification_report,
    regression_report,
    trading_report,
)
from smctrain.metrics.threshold import ThresholdChoice, choose_threshold
from smctrain.metrics.trading import trading_metrics

__all__ = [
    "Calibrator",
    "ClassificationReport",
    "IsotonicCalibrator",
    "PlattCalibrator",
    "RankIc",
    "RegressionReport",
    "Reliability",
    "Skill",
    "TemperatureCalibrator",
    "ThresholdChoice",
    "TradingReport",
    "baselines",
    "calibrator_from_dict",
    "choose_threshold",
    "classification_metrics",
    "classification_report",
    "fit_calibrator",
    "probabilities_ok",
    "quantile_metrics",
    "rank_ic",
    "regression_metrics",
    "regression_report",
    "reliability_table",
    "trading_metrics",
    "trading_report",
]
