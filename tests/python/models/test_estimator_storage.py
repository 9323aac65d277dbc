"""Saving, loading, pickling and copying an estimator go through the model container."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from smctrain.exceptions import ArtifactError
from smctrain.models import (
    CatBoostClassifier,
    LSTMClassifier,
    MLPClassifier,
    NGBoostClassifier,
    RandomForestClassifier,
    XGBoostClassifier,
    load_model,
)
from smctrain.models.estimators._base import estimator_from_state


def fitted() -> tuple[RandomForestClassifier, pd.DataFrame]:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(150, 3)), columns=["rsi", "atr", "hour"])
    labels = np.where(frame["rsi"] > 0, "up", "down")
    model = RandomForestClassifier(
        n_estimators=6, min_samples_leaf=5, class_weight={"up": 2.0}, random_state=np.random.default_rng(3)
    )
    return model.fit(frame, labels), frame


def test_a_saved_estimator_comes_back_with_settings_names_and_the_same_bits(tmp_path: Path) -> None:
    model, frame = fitted()
    model.save(tmp_path / "model.smc")
    loaded = load_model(tmp_path / "model.smc")
    assert type(loaded) is RandomForestClassifier
    assert loaded.predict_proba(frame).tobytes() == model.predict_proba(frame).tobytes()
    assert loaded.predict(frame).tolist() == model.predict(frame).tolist()
    assert loaded.classes_.tolist() == ["down", "up"]
    assert loaded.feature_names_in_.tolist() == ["rsi", "atr", "hour"]
    assert loaded.get_params()["class_weight"] == {"up": 2.0}
    assert loaded.get_params()["random_state"] is None  # a generator has no lasting value
    np.testing.assert_array_equal(loaded.feature_importances_, model.feature_importances_)


@pytest.mark.parametrize("duplicate", [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy])
def test_copies_predict_the_same_bits(duplicate: Any) -> None:
    model, frame = fitted()
    assert duplicate(model).predict_proba(frame).tobytes() == model.predict_proba(frame).tobytes()


def test_the_pickled_state_holds_container_bytes_and_no_native_object() -> None:
    model, _ = fitted()
    state = model.__getstate__()
    assert "fitted_" not in state
    assert isinstance(state["_container"], bytes)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Popen"},
        {"settings": {"evil": 1}},
        {"classes": ["up"]},
        {"classes": ["up", "up"]},
        {"features": ["a"]},
        {"features": ["a", "a", "b"]},
        {"classes_dtype": "not a type"},
    ],
)
def test_a_contradictory_description_is_refused(change: dict[str, Any]) -> None:
    from smctrain import artifact

    family, meta, arrays = artifact.model_from_bytes(fitted()[0]._to_container())
    estimator_from_state(family, meta, arrays)
    with pytest.raises(ArtifactError, match="model file"):
        estimator_from_state(family, {**meta, "estimator": {**meta["estimator"], **change}}, arrays)


@pytest.mark.parametrize(
    "model",
    [
        XGBoostClassifier(n_estimators=8, random_state=1),
        CatBoostClassifier(n_estimators=8, random_state=1),
        NGBoostClassifier(n_estimators=4, random_state=1),
        MLPClassifier((8, 4), max_epochs=3, random_state=1),
        LSTMClassifier(4, lookback=3, max_epochs=1, random_state=1),
    ],
    ids=lambda model: type(model).__name__,
)
def test_every_family_comes_back_from_file_and_pickle_with_the_same_bits(model: Any, tmp_path: Path) -> None:
    if isinstance(model, CatBoostClassifier | NGBoostClassifier):
        pytest.importorskip(model._family.lower())
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3)).astype(np.float32)
    model.fit(X, np.where(X[:, 0] > 0, "up", "down"))
    model.save(tmp_path / "model.smc")
    for copied in (load_model(tmp_path / "model.smc"), pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert type(copied) is type(model)
        assert copied.predict_proba(X).tobytes() == model.predict_proba(X).tobytes()
        assert copied.classes_.tolist() == ["down", "up"]
    pd.testing.assert_frame_equal(load_model(tmp_path / "model.smc").history_, model.history_)
