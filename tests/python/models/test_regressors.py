"""What every regressor does, whatever its family."""

from __future__ import annotations

import importlib.util
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smctrain import models
from smctrain.exceptions import InputError, TooFewRows
from smctrain.models.registry import FAMILIES

REGRESSORS = [entry.estimator for entry in FAMILIES.values() if entry.task == "regression"]
REGRESSORS += [
    entry.regressor
    for entry in FAMILIES.values()
    if entry.regressor and entry.extra != "neural" and (not entry.extra or importlib.util.find_spec(entry.extra))
]  # networks have suites of their own: tests/python/neural


def data(n: int = 300) -> tuple[Any, Any]:
    rng = np.random.default_rng(5)
    X = rng.normal(size=(n, 4)).astype(np.float32)
    return X, X[:, 0] - 0.5 * X[:, 1] + 0.1 * rng.normal(size=n)


def made(name: str, **settings: Any) -> Any:
    model = getattr(models, name)()
    known = model.get_params()
    small = {"n_estimators": 8, "random_state": 3, "alpha": 0.1} | settings
    return model.set_params(**{key: value for key, value in small.items() if key in known})


@pytest.mark.parametrize("name", REGRESSORS)
def test_a_regressor_learns_and_comes_back_from_file_and_pickle(name: str, tmp_path: Path) -> None:
    X, y = data()
    model = made(name).fit(X, y)
    assert model.score(X, y) > 0.3
    assert model.complete_
    assert model.stop_reason_ == ""
    assert model.fitted_.n_classes == 0
    model.save(tmp_path / "m.smc")
    for other in (models.load_model(tmp_path / "m.smc"), pickle.loads(pickle.dumps(model))):
        assert type(other) is type(model)
        assert not hasattr(other, "classes_")
        assert np.array_equal(other.predict(X), model.predict(X))
        assert np.array_equal(other.feature_importances_, model.feature_importances_)


@pytest.mark.parametrize("name", REGRESSORS)
def test_bad_targets_have_one_outcome(name: str) -> None:
    X, y = data(60)
    for bad in (np.nan, np.inf, -np.inf, 1e300):
        wrong = y.copy()
        wrong[7] = bad
        with pytest.raises(InputError, match=r"y contains (NaN|infinity)|y must be finite .* but is 1e\+300 in row 7"):
            made(name).fit(X, wrong)
    with pytest.raises(InputError, match="y must hold numbers"):
        made(name).fit(X, np.array(["up"] * 60))
    with pytest.raises(InputError, match="X_val and y_val must be given together"):
        made(name).fit(X, y, X_val=X)
    with pytest.raises(TooFewRows):
        made(name).fit(X, y, sample_weight=np.zeros(60))


@pytest.mark.parametrize(
    ("name", "values"),
    [("RandomForestRegressor", "oob_prediction_"), ("RandomForestClassifier", "oob_decision_function_")],
)
def test_rows_for_early_stopping_change_nothing_where_nothing_stops_early(name: str, values: str) -> None:
    X, y = data()
    if name.endswith("Classifier"):
        y = (y > 0).astype(int)
    plain = made(name, oob_score=True).fit(X, y)
    watched = made(name, oob_score=True).fit(X, y, X_val=X[:50], y_val=y[:50])
    assert np.array_equal(watched.predict(X), plain.predict(X))
    assert np.array_equal(getattr(watched, values), getattr(plain, values), equal_nan=True)
