"""The scikit-learn face of XGBoost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smctrain.exceptions import InputError
from smctrain.models import XGBoostClassifier
from smctrain.models.base import FitTask
from smctrain.models.registry import make_trainer
from smctrain.models.xgboost import FittedXGBoost, XGBoostTrainer


def problem(seed: int = 0, n: int = 500) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5))
    return X, np.where(X[:, 0] + 0.7 * rng.normal(size=n) > 0, "up", "down")


def test_the_estimator_equals_its_trainer_and_keeps_the_best_round() -> None:
    X, y = problem()
    model = XGBoostClassifier(learning_rate=0.3, random_state=3).fit(X[:350], y[:350], X_val=X[360:], y_val=y[360:])
    joined = np.concatenate([X[:350], X[360:]]).astype(np.float32)
    codes = np.concatenate([y[:350], y[360:]]) == "up"
    given = FitTask(
        X=joined,
        y=codes.astype(np.int32),
        rows=np.arange(350),
        stop_rows=np.arange(350, 490),
        n_classes=2,
        seed=3,
    )
    fitted = XGBoostTrainer(learning_rate=0.3).fit(given)
    np.testing.assert_array_equal(model.predict_proba(X), fitted.predict_proba(X.astype(np.float32)))
    assert model.best_round_ == fitted.best_round < len(model.history_) < 200
    assert list(model.classes_) == ["down", "up"]
    assert (model.predict(X) == y).mean() > 0.7
    assert model.feature_importances_.argmax() == 0
    assert model.complete_


def test_missing_values_are_accepted_and_infinite_ones_named() -> None:
    X, y = problem()
    X[::3, 1] = np.nan
    assert np.isfinite(XGBoostClassifier(n_estimators=5).fit(X, y).predict_proba(X)).all()
    X[7, 2] = np.inf
    with pytest.raises(InputError):
        XGBoostClassifier(n_estimators=5).fit(X, y)


def test_a_dictionary_of_class_weights_acts_like_row_weights() -> None:
    X, y = problem()
    by_class = XGBoostClassifier(n_estimators=10, class_weight={"down": 3.0, "up": 1.0}, random_state=1).fit(X, y)
    by_row = XGBoostClassifier(n_estimators=10, class_weight=None, random_state=1)
    by_row.fit(X, y, sample_weight=np.where(y == "down", 3.0, 1.0))
    np.testing.assert_array_equal(by_class.predict_proba(X), by_row.predict_proba(X))
    with pytest.raises(InputError, match="class_weight must be 'balanced' or None"):
        XGBoostClassifier(class_weight="subsample").fit(X, y)


def test_the_registry_makes_the_trainer_with_its_settings() -> None:
    trainer = make_trainer("xgb", {"max_depth": 2})
    assert isinstance(trainer, XGBoostTrainer)
    assert trainer.max_depth == 2
    assert FittedXGBoost.family == trainer.family == "XGBoost"


def test_the_estimator_can_be_searched_and_cloned() -> None:
    from sklearn.base import clone
    from sklearn.model_selection import GridSearchCV

    X, y = problem(n=240)
    search = GridSearchCV(XGBoostClassifier(n_estimators=5), {"max_depth": [1, 3]}, cv=2).fit(X, y)
    assert search.best_params_["max_depth"] in (1, 3)
    assert clone(search.best_estimator_).get_params()["n_estimators"] == 5
