"""Every metric that can choose the best round, against scikit-learn's or SciPy's; metrics of the caller."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from smctrain.exceptions import InputError
from smctrain.models.base import FitTask
from smctrain.models.estimators.boosting import XGBoostClassifier, XGBoostRegressor
from smctrain.models.lightgbm import LightGBMTrainer
from smctrain.models.xgboost import XGBoostTrainer

CLASS_METRICS = ["log_loss", "accuracy", "balanced_accuracy", "f1_score", "mcc", "brier", "auc", "direction_auc"]
VALUE_METRICS = ["mse", "rmse", "mae", "r2", "spearman"]


def task(classes: int, n: int = 900) -> FitTask:
    rng = np.random.default_rng(2)
    X = rng.normal(size=(n, 5)).astype(np.float32)
    score = X[:, 0] + 0.5 * X[:, 1] + rng.normal(size=n)
    y = score if classes == 0 else np.searchsorted(np.quantile(score, np.arange(1, classes) / classes), score)
    return FitTask(
        X=X,
        y=y if classes == 0 else y.astype(np.int32),
        rows=np.arange(500),
        stop_rows=np.arange(510, n),
        n_classes=classes,
        weight=rng.uniform(0.5, 2.0, n),
    )


def peer(name: str, y: Any, proba: Any, w: Any) -> float:
    from sklearn import metrics

    found = proba.argmax(axis=1)
    classes = proba.shape[1]
    if name == "log_loss":
        return float(metrics.log_loss(y, proba, sample_weight=w))
    if name == "accuracy":
        return float(metrics.accuracy_score(y, found, sample_weight=w))
    if name == "balanced_accuracy":
        return float(metrics.balanced_accuracy_score(y, found, sample_weight=w))
    if name == "f1_score":
        return float(metrics.f1_score(y, found, sample_weight=w, average="macro"))
    if name == "mcc":
        return float(metrics.matthews_corrcoef(y, found, sample_weight=w))
    if name == "brier":
        return float(np.average(((proba - np.eye(classes)[y]) ** 2).sum(axis=1), weights=w))
    if name == "auc":
        each = [metrics.roc_auc_score(y == c, proba[:, c], sample_weight=w) for c in range(classes)]
        return float(np.mean(each))
    ends = (y == 0) | (y == classes - 1)
    score = proba[ends, -1] / (proba[ends, -1] + proba[ends, 0])
    return float(metrics.roc_auc_score(y[ends] > 0, score, sample_weight=w[ends]))


@pytest.mark.parametrize("family", [XGBoostTrainer, LightGBMTrainer])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", CLASS_METRICS)
def test_a_metric_of_classes_is_scikit_learns(family: Any, classes: int, name: str) -> None:
    given = task(classes)
    model = family(n_estimators=8, early_stopping_rounds=None, eval_metric=name, class_weight=None).fit(given)
    proba = model.predict_proba(given.X, given.stop_rows)
    y = given.y[given.stop_rows]
    assert given.weight is not None
    # The library's probabilities are float32.
    assert model.history["val_metric"][-1] == pytest.approx(
        peer(name, y, proba, given.weight[given.stop_rows]), rel=2e-6, abs=2e-7
    )


@pytest.mark.parametrize("family", [XGBoostTrainer, LightGBMTrainer])
@pytest.mark.parametrize("name", VALUE_METRICS)
def test_a_metric_of_values_is_that_of_scikit_learn_or_scipy(family: Any, name: str) -> None:
    from scipy.stats import spearmanr
    from sklearn import metrics

    given = task(0)
    objective = "reg:squarederror" if family is XGBoostTrainer else "regression"
    model = family(
        n_estimators=8, early_stopping_rounds=None, eval_metric=name, objective=objective, class_weight=None
    ).fit(given)
    found = model.predict(given.X, given.stop_rows)
    y = given.y[given.stop_rows]
    assert given.weight is not None
    w = given.weight[given.stop_rows]
    expected = {
        "mse": lambda: metrics.mean_squared_error(y, found, sample_weight=w),
        "rmse": lambda: metrics.mean_squared_error(y, found, sample_weight=w) ** 0.5,
        "mae": lambda: metrics.mean_absolute_error(y, found, sample_weight=w),
        "r2": lambda: metrics.r2_score(y, found, sample_weight=w),
        "spearman": lambda: spearmanr(y, found).statistic,
    }[name]()
    assert model.history["val_metric"][-1] == pytest.approx(expected, rel=2e-6)


@pytest.mark.parametrize("name", ["auc", "direction_auc", "f1_score", "mcc", "brier"])
def test_the_best_round_is_the_best_by_the_metric_with_patience_and_min_delta(name: str) -> None:
    given = task(3)
    model = XGBoostTrainer(learning_rate=0.4, eval_metric=name, early_stopping_rounds=5, min_delta=0.002).fit(given)
    values = model.history["val_metric"] * (1 if name == "brier" else -1)
    best, at = np.inf, 0
    for k, value in enumerate(values):
        if best - value > 0.002 or np.isinf(best):
            best, at = value, k
    assert (model.best_round, len(values)) == (at + 1, at + 6)


@pytest.mark.parametrize("family", [XGBoostTrainer, LightGBMTrainer])
@pytest.mark.parametrize("classes", [0, 2, 3])
def test_a_metric_of_the_caller_chooses_the_best_round(family: Any, classes: int) -> None:
    given = task(classes)
    seen: list[tuple[Any, Any]] = []

    def falling(y: Any, prediction: Any) -> float:
        seen.append((y, prediction))
        return -len(seen) if len(seen) <= 4 else 0.0

    options = {} if classes else {"objective": "regression" if family is LightGBMTrainer else "reg:squarederror"}
    trainer = family(early_stopping_rounds=3, class_weight=None, **options)
    model = trainer.fit(given, metric=falling)
    assert model.best_round == 4
    np.testing.assert_array_equal(model.history["val_metric"], [-1, -2, -3, -4, 0, 0, 0])
    np.testing.assert_array_equal(seen[0][0], given.y[given.stop_rows].astype(np.float32))
    found = seen[3][1]
    expected = model.predict_proba(given.X, given.stop_rows) if classes else model.predict(given.X, given.stop_rows)
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6)

    def rising(y: Any, prediction: Any) -> float:
        return falling(y, prediction)

    rising.greater_is_better = True  # type: ignore[attr-defined]
    seen.clear()
    assert trainer.fit(given, metric=rising).best_round == 1


def test_a_metric_of_the_caller_that_fails_or_returns_no_number_is_told() -> None:
    given = task(3)

    def broken(y: Any, prediction: Any) -> float:
        raise RuntimeError("in the metric")

    with pytest.raises(RuntimeError, match="in the metric"):
        XGBoostTrainer().fit(given, metric=broken)
    with pytest.raises(InputError, match="the own metric must return a number, but returned 'much'"):
        XGBoostTrainer().fit(given, metric=lambda y, p: "much")  # type: ignore[arg-type,return-value]
    with pytest.raises(InputError, match="metric must be a callable or None, but is 'auc'"):
        XGBoostTrainer().fit(given, metric="auc")  # type: ignore[arg-type]
    # Without stop rows there is nothing to judge.
    empty = replace(given, stop_rows=np.empty(0, dtype=np.int64))
    assert XGBoostTrainer(n_estimators=2).fit(empty, metric=broken).best_round == 2


def test_estimators_take_a_callable_as_eval_metric() -> None:
    given = task(3)
    calls = []

    def metric(y: Any, proba: Any) -> float:
        calls.append(proba.shape)
        return float(len(calls))

    X, y = given.X, given.y
    model = XGBoostClassifier(30, eval_metric=metric, early_stopping_rounds=4)
    model.fit(X[:500], y[:500], X_val=X[500:], y_val=y[500:])
    assert (model.best_round_, set(calls)) == (1, {(400, 3)})
    calls.clear()
    regressor = XGBoostRegressor(30, eval_metric=metric, early_stopping_rounds=4)
    regressor.fit(X[:500], y[:500], X_val=X[500:], y_val=y[500:])
    assert (regressor.best_round_, set(calls)) == (1, {(400,)})
