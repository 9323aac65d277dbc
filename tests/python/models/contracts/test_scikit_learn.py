"""Every estimator behaves as scikit-learn's users expect: its own checks, its tools, storage, feature names."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from families import ALL, CLASSIFIERS, HERE, PLAIN, Family, each, registered
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

import smctrain as st
from smctrain.exceptions import InputError

_EXCUSED = {family.name: family.excused for family in ALL}


def data(family: Family, n: int = 150, seed: int = 0) -> tuple[pd.DataFrame, Any]:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n, 4)).astype(np.float32), columns=["rsi", "atr", "hour", "gap"])
    signal = frame["rsi"].to_numpy() - 0.5 * frame["atr"].to_numpy()
    return frame, (signal > 0).astype(int) if family.classifies else signal.astype(float)


def outputs(family: Family, model: Any, X: Any) -> Any:
    return model.predict_proba(X) if family.classifies else model.predict(X)


def test_every_estimator_of_the_package_is_listed() -> None:
    assert {family.name for family in ALL} == registered()
    assert [family.name for family in ALL if len(family.excused) > 2 or not all(family.excused.values())] == []


@parametrize_with_checks(
    [family.make(**family.checked) for family in PLAIN],
    expected_failed_checks=lambda estimator: _EXCUSED[type(estimator).__name__],
)
def test_the_estimator_passes_scikit_learns_checks(estimator: Any, check: Any) -> None:
    check(estimator)


@each(HERE)
def test_a_clone_has_the_settings_and_nothing_learned(family: Family) -> None:
    X, y = data(family)
    model = family.make().fit(X, y)
    copied = clone(model)
    assert copied.get_params() == model.get_params()
    assert not hasattr(copied, "fitted_")
    assert outputs(family, copied.fit(X, y), X).tobytes() == outputs(family, model, X).tobytes()


@each(PLAIN)
def test_it_works_in_pipelines_searches_and_cross_validation(family: Family) -> None:
    X, y = data(family)
    pipe = make_pipeline(st.prepare.Preprocessor(), family.make()).set_output(transform="pandas")
    assert np.isfinite(cross_val_score(pipe, X, y, cv=3)).all()
    step = pipe.steps[-1][0]
    search = GridSearchCV(pipe, {f"{step}__n_jobs": [None, 1], "preprocessor__scale": ["standard", "robust"]}, cv=2)
    search.fit(X, y)
    assert len(search.cv_results_["params"]) == 4
    best = search.best_estimator_[-1]
    assert best.feature_names_in_.tolist() == X.columns.tolist()
    assert search.predict(X).shape == (150,)
    columns = ColumnTransformer([("scaled", st.prepare.StandardScaler(), ["rsi", "atr"])], remainder="passthrough")
    assert make_pipeline(columns, family.make()).fit(X, y).predict(X).shape == (150,)


@each(CLASSIFIERS)
def test_its_probabilities_can_be_calibrated(family: Family) -> None:
    X, y = data(family)
    proba = CalibratedClassifierCV(family.make(), cv=3).fit(X, y).predict_proba(X)
    assert proba.shape == (150, 2)
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)
    assert np.mean(proba.argmax(axis=1) == y) > 0.7


@each(PLAIN)
def test_weights_reach_it_by_metadata_routing(family: Family) -> None:
    X, y = data(family)
    w = np.random.default_rng(1).uniform(0.1, 3, size=150)
    w[X["rsi"] > 0.8] = 0.0
    with sklearn.config_context(enable_metadata_routing=True):
        weighted = family.make().set_fit_request(sample_weight=True)
        weighted.set_score_request(sample_weight=True)
        pipe = make_pipeline(st.prepare.StandardScaler().set_fit_request(sample_weight=True), weighted)
        pipe.fit(X, y, sample_weight=w)
        cross_validate(pipe, X, y, params={"sample_weight": w}, cv=2, error_score="raise")
        requested = weighted.get_metadata_routing().fit.requests
    assert {"sample_weight", "X_val", "y_val", "time_limit"} <= set(requested)
    direct = st.prepare.StandardScaler().fit(X, sample_weight=w)
    expected = family.make().fit(direct.transform(X), y, sample_weight=w)
    got = outputs(family, pipe, X)
    assert np.array_equal(got, outputs(family, expected, direct.transform(X)))


@each(HERE)
def test_pickle_joblib_and_files_go_through_our_container_and_keep_every_bit(family: Family, tmp_path: Path) -> None:
    X, y = data(family)
    model = family.make().fit(X, y)
    assert isinstance(model.__getstate__()["_container"], bytes)
    assert "fitted_" not in model.__getstate__()
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    buffer.seek(0)
    model.save(tmp_path / "model.smc")
    for other in (pickle.loads(pickle.dumps(model)), joblib.load(buffer), st.load_model(tmp_path / "model.smc")):
        assert type(other) is type(model)
        assert other.feature_names_in_.tolist() == X.columns.tolist()
        assert outputs(family, other, X).tobytes() == outputs(family, model, X).tobytes()


@each(HERE)
def test_columns_are_known_by_name(family: Family) -> None:
    X, y = data(family)
    model = family.make().fit(X, y)
    for wrong in (X[["gap", "hour", "atr", "rsi"]], X[["rsi", "atr", "hour"]], X.assign(more=1.0),
                  X.rename(columns={"gap": "day"})):  # fmt: skip
        with pytest.raises(InputError, match="feature"):
            model.predict(wrong)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X.to_numpy())  # scikit-learn's rule: names cannot be checked, so say so
    plain = family.make().fit(X.to_numpy(), y)
    for wrong in (X.to_numpy()[:, :3], np.ones((5, 5))):
        with pytest.raises(InputError, match=f"{wrong.shape[1]} features"):
            plain.predict(wrong)
