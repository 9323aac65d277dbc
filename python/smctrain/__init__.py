"""smctrain trains models on market bars and tells the truth about them.

>>> import smctrain as st
>>> run = st.train(st.simulate_market(), preset="fast")          # doctest: +SKIP
>>> run.leaderboard                                              # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

# Public name -> module that defines it. Resolved at first use (PEP 562): `import smctrain` loads nothing heavy.
_EXPORTS = {
    "read_bars": "smctrain.bars",
    "Bars": "smctrain.bars",
    "BarSet": "smctrain.bars",
    "simulate_market": "smctrain.testing.market",
    "build_features": "smctrain.features",
    "FeatureSpec": "smctrain.features",
    "feature_settings": "smctrain.features",
    "FeatureTable": "smctrain.features",
    "FeatureStream": "smctrain.features",
    "EventTable": "smctrain.features",
    "plot_bars": "smctrain.plots",
    "plot_importance": "smctrain.importance_plots",
    "plot_agreement": "smctrain.importance_plots",
    "audit_features": "smctrain.audit",
    "audit_pipeline": "smctrain.audit",
    "LeakReport": "smctrain.audit",
    "triple_barrier": "smctrain.labels",
    "Labels": "smctrain.labels",
    "label_uniqueness": "smctrain.labels",
    "forward_return": "smctrain.labels",
    "excess_return": "smctrain.labels",
    "outperform": "smctrain.labels",
    "make_target": "smctrain.labels",
    "trend_scanning": "smctrain.labels",
    "cusum_events": "smctrain.labels",
    "decision_rows": "smctrain.sample",
    "meta_labels": "smctrain.labels",
    "sequential_bootstrap": "smctrain.labels",
    "Panel": "smctrain.panel",
    "build_panel": "smctrain.panel",
    "DataAugmenter": "smctrain.augment",
    "TrainingMonitor": "smctrain.training.monitor",
    "OverfittingMonitor": "smctrain.training.monitor",
    "StabilityChecker": "smctrain.training.stability",
    "SMCModelTrainer": "smctrain.trainer",
    "ModelSelector": "smctrain.selection",
    "decide": "smctrain.verdict",
    "Verdict": "smctrain.verdict",
    "to_json_safe": "smctrain.artifact",
    "load_model": "smctrain.models",
    "RandomForestSMCModel": "smctrain.models",
    "XGBoostSMCModel": "smctrain.models",
    "NeuralNetworkSMCModel": "smctrain.models",
    "LSTMSMCModel": "smctrain.models",
    "train": "smctrain.job",
    "load": "smctrain.deploy",
}
_MODULES = {
    "artifact", "audit", "augment", "bars", "config", "deploy", "exceptions", "explain", "features", "labels",
    "metrics", "models", "panel", "plots", "prepare", "reports", "results", "selection", "splits", "stats", "testing",
    "training", "verdict",
}  # fmt: skip
_ALIASES = {"smc": "smctrain.features.smc"}

__all__ = ["__version__", *_EXPORTS, *sorted(_MODULES), *_ALIASES]


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        value = getattr(importlib.import_module(_EXPORTS[name]), name)
    elif name in _MODULES:
        value = importlib.import_module(f"smctrain.{name}")
    elif name in _ALIASES:
        value = importlib.import_module(_ALIASES[name])
    else:
        raise AttributeError(f"module 'smctrain' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
