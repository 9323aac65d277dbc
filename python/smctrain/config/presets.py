"""Presets: named starting points. `default` is the tree's own defaults."""

from __future__ import annotations

from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    # Minutes become seconds: larger batches with scaled rates, fewer epochs, folds and windows. Same features, labels
    # and rows that decide.
    "fast": {
        "cv": {"folds": 3},
        "evaluation": {"n_splits": 3},
        "random_forest": {"n_estimators": 100},
        "extra_trees": {"n_estimators": 100},
        "xgboost": {"n_estimators": 100, "early_stopping_rounds": 10},
        "lightgbm": {"n_estimators": 100, "early_stopping_rounds": 10},
        "gradient_boosting": {"n_iter_no_change": 10},
        "catboost": {"n_estimators": 100, "early_stopping_rounds": 10},
        "ngboost": {"n_estimators": 60, "learning_rate": 0.1, "early_stopping_rounds": 10},
        "neural_network": {"batch_size": 256, "learning_rate": 0.003, "max_epochs": 12, "patience": 3},
        "lstm": {"batch_size": 256, "learning_rate": 0.003, "max_epochs": 8, "patience": 3},
        "gru": {"batch_size": 256, "learning_rate": 0.003, "max_epochs": 8, "patience": 3},
        "cnn1d": {"batch_size": 256, "learning_rate": 0.003, "max_epochs": 12, "patience": 3},
        "transformer": {"batch_size": 256, "learning_rate": 0.002, "max_epochs": 12, "patience": 3},
    },
    "thorough": {
        "cv": {"folds": 10},
        "tuning": {"enabled": True},
        "random_forest": {"n_estimators": 500},
        "extra_trees": {"n_estimators": 500},
        "xgboost": {"n_estimators": 600, "learning_rate": 0.05, "early_stopping_rounds": 40},
        "lightgbm": {"n_estimators": 600, "learning_rate": 0.05, "early_stopping_rounds": 40},
        "gradient_boosting": {"n_estimators": 600, "learning_rate": 0.05, "n_iter_no_change": 40},
        "catboost": {"n_estimators": 600, "learning_rate": 0.05, "early_stopping_rounds": 40},
        "ngboost": {"n_estimators": 400, "learning_rate": 0.03, "early_stopping_rounds": 40},
        "neural_network": {"max_epochs": 120, "patience": 15},
        "lstm": {"max_epochs": 80, "patience": 20},
        "gru": {"max_epochs": 80, "patience": 20},
        "cnn1d": {"max_epochs": 120, "patience": 15},
        "transformer": {"max_epochs": 120, "patience": 15},
        "training": {"time_limit_minutes": 60.0},
    },
}
