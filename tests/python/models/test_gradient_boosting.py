"""Gradient boosting in scikit-learn's words, on XGBoost's engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import ensemble

from smctrain.exceptions import InputError
from smctrain.models import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    XGBoostRegressor,
    load_model,
)


def problem(n: int = 1200, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 6)).astype(np.float32)
    return X, 2 * X[:, 0] + X[:, 1] * X[:, 2] + rng.normal(size=n)


def test_the_squared_error_predicts_as_scikit_learn_does_up_to_the_bins() -> None:
    X, y = problem()
    ours = GradientBoostingRegressor(n_estimators=40, max_bin=2048, min_samples_leaf=5).fit(X[:800], y[:800])
    theirs = ensemble.GradientBoostingRegressor(n_estimators=40, min_samples_leaf=5, random_state=0).fit(
        X[:800], y[:800]
    )
    # Every value has a bin of its own; what is left are splits between values that lie elsewhere in the gap.
    np.testing.assert_allclose(ours.predict(X[:800]), theirs.predict(X[:800]), atol=1e-4)
    assert ours.score(X[800:], y[800:]) == pytest.approx(theirs.score(X[800:], y[800:]), abs=0.01)


@pytest.mark.parametrize("classes", [2, 3])
def test_the_log_loss_is_as_good_as_scikit_learns(classes: int) -> None:
    X, score = problem(2400)
    y = np.searchsorted(np.quantile(score, np.arange(1, classes) / classes), score)
    ours = GradientBoostingClassifier(random_state=0).fit(X[:1600], y[:1600])
    theirs = ensemble.GradientBoostingClassifier(random_state=0).fit(X[:1600], y[:1600])
    assert ours.score(X[1600:], y[1600:]) >= theirs.score(X[1600:], y[1600:]) - 0.02


def test_every_name_maps_to_the_engines() -> None:
    X, y = problem()
    ours = GradientBoostingRegressor(
        loss="quantile", alpha=[0.2, 0.8], n_estimators=20, subsample=0.8, min_samples_leaf=7, max_depth=5,
        max_features="sqrt", max_leaf_nodes=6, random_state=3,
    ).fit(X, y)  # fmt: skip
    engine = XGBoostRegressor(
        20, objective="reg:quantileerror", quantile_alpha=[0.2, 0.8], subsample=0.8, min_child_weight=7, max_depth=5,
        colsample_bynode=2 / 6, colsample_bytree=1.0, max_leaves=6, grow_policy="lossguide", reg_alpha=0,
        reg_lambda=0, random_state=3,
    ).fit(X, y)  # fmt: skip
    np.testing.assert_array_equal(ours.predict(X), engine.predict(X))


def test_early_stopping_holds_out_the_last_rows_and_keeps_the_best_round() -> None:
    X, y = problem()
    model = GradientBoostingRegressor(
        n_estimators=500, learning_rate=0.3, n_iter_no_change=5, validation_fraction=0.25, tol=0.001
    ).fit(X, y)
    given = GradientBoostingRegressor(n_estimators=500, learning_rate=0.3, n_iter_no_change=5, tol=0.001)
    given.fit(X[:900], y[:900], X_val=X[900:], y_val=y[900:])
    np.testing.assert_array_equal(model.predict(X), given.predict(X))
    assert model.best_round_ == len(model.history_) - 5 < 495


def test_models_come_back_continue_and_explain(tmp_path: Path) -> None:
    X, y = problem()
    model = GradientBoostingClassifier(n_estimators=10).fit(X, y > 0)
    model.save(tmp_path / "g.smc")
    again = load_model(tmp_path / "g.smc")
    assert type(again) is GradientBoostingClassifier
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    more = GradientBoostingClassifier(n_estimators=10).fit(X, y > 0, init_model=again)
    np.testing.assert_array_equal(
        more.predict_proba(X), GradientBoostingClassifier(n_estimators=20).fit(X, y > 0).predict_proba(X)
    )
    np.testing.assert_allclose(more.shap_values(X)[:, :, 1].sum(axis=1), more.fitted_.margins(X)[:, 0], atol=1e-5)


def test_what_has_no_equal_on_the_engine_is_refused() -> None:
    X, y = problem(100)
    with pytest.raises(InputError, match="min_samples_leaf must be 1 with loss 'log_loss'"):
        GradientBoostingClassifier(min_samples_leaf=5).fit(X, y > 0)
    for settings, words in [
        ({"loss": "huber"}, "loss must be one of"), ({"loss": "log_loss"}, "loss must be"),
        ({"max_features": 0}, "max_features must be"), ({"max_depth": 0}, "max_depth must be"),
        ({"max_leaf_nodes": 1}, "max_leaf_nodes must be"), ({"subsample": 2.0}, "subsample must be"),
        ({"n_iter_no_change": 3, "validation_fraction": 1.5}, "validation_fraction must lie"),
        ({"tol": -1.0}, "tol must be"),
    ]:  # fmt: skip
        with pytest.raises(InputError, match=words):
            GradientBoostingRegressor(**settings).fit(X, y)
