"""`load_model(path, light=True)`: the estimator's answers and errors, without scikit-learn."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from families import HERE, Family, each

import smctrain as st
from smctrain.exceptions import InputError, TooFewRows
from smctrain.models.loaded import _NETWORKS, _TREES, LoadedModel

LIGHT = [family for family in HERE if family.cls._family in _NETWORKS | _TREES]
OTHERS = [family for family in HERE if family.cls._family not in _NETWORKS | _TREES]
NAMES = ["rsi", "atr", "hour", "gap"]


def data(family: Family) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    X = rng.integers(-40, 40, size=(120, 4)).astype(np.float64)
    return X, np.where(X[:, 0] > X[:, 1], "up", "down") if family.classifies else X[:, 0] - X[:, 1]


def stored(family: Family, folder: Path, *, names: bool = True) -> tuple[Any, Any, Any]:
    """The estimator, the light model, X."""
    X, y = data(family)
    table = pd.DataFrame(X, columns=NAMES) if names else X
    model = family.make().fit(table, y)
    model.save(folder / "model.smc")
    return model, st.load_model(folder / "model.smc", light=True), table


@each(LIGHT)
def test_it_answers_bit_for_bit_as_the_estimator_does(family: Family, tmp_path: Path) -> None:
    model, light, frame = stored(family, tmp_path)
    assert isinstance(light, LoadedModel)
    assert light.feature_names_in_.tolist() == NAMES
    assert light.n_features_in_ == 4
    X = frame.to_numpy()
    forms = [frame, X, X.tolist(), X.astype(np.float32), X.astype(np.int8), np.asfortranarray(X), X.astype(object),
             frame.astype({"rsi": "Int64"}), pl.DataFrame(frame), pa.Table.from_pandas(frame)]  # fmt: skip
    more: list[dict[str, Any]] = [{}, {"segment": np.repeat([3, 1], 60)}] if family.sequence else [{}]
    for options in more:
        expected = model.predict(frame, **options)
        for form in forms:
            found = light.predict(form, **options)
            np.testing.assert_array_equal(np.ma.getmaskarray(found), np.ma.getmaskarray(expected))
            np.testing.assert_array_equal(np.ma.compressed(found), np.ma.compressed(expected))
        if family.classifies:
            proba = light.predict_proba(frame, **options)
            assert proba.tobytes() == model.predict_proba(frame, **options).tobytes()
    assert (light.classes_ is None) != family.classifies
    if family.takes_missing:
        holes = frame.astype("Float64")
        holes.iloc[7, 2] = pd.NA
        np.testing.assert_array_equal(light.predict(holes), model.predict(holes))


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@each(LIGHT)
def test_it_refuses_what_the_estimator_refuses(family: Family, tmp_path: Path) -> None:
    model, light, frame = stored(family, tmp_path)
    X = frame.to_numpy()

    def spoiled(value: Any) -> Any:
        other = X.copy()
        other[7, 2] = value
        return pd.DataFrame(other, columns=NAMES)

    text = X.astype(object)
    text[3, 1] = "high"
    wrong: list[tuple[Any, str]] = [
        (spoiled(np.inf), "column 'hour', row 7, is infinite"),
        (spoiled(1e300), r"column 'hour', row 7, is 1e\+300, beyond the range of float32"),
        (X[:, 0], "2D array"),
        (X[None], r"dim 3|3D array"),
        (text, r"column 1 .*holds str"),
        (X + 1j, "Complex data not supported"),
        (frame.assign(atr="high"), "column 'atr'"),
        (frame[NAMES[::-1]], "feature names should match"),
        (frame[NAMES[:3]], "feature"),
        (frame.assign(more=1.0), "feature"),
        (frame.set_axis(["rsi", "rsi", "hour", "gap"], axis=1), "more than one column named 'rsi'"),
        (pl.DataFrame(frame[NAMES[::-1]]), "feature names should match"),
    ]
    if not family.takes_missing:
        wrong.append((spoiled(np.nan), "column 'hour', row 7, is NaN, and .* takes no missing values"))
    for table, words in wrong:
        for one in (model, light):
            with pytest.raises(InputError, match=words):
                one.predict(table)
    with pytest.raises(InputError, match="X has 3 features"):
        light.predict(X[:, :3])
    with pytest.raises(TooFewRows, match="0 sample"):
        light.predict(frame[:0])
    if not family.classifies:
        with pytest.raises(InputError, match="predicts numbers"):
            light.predict_proba(frame)
    with pytest.raises(InputError, match=r"segment must"):
        light.predict(frame, segment=np.zeros(119, dtype=int))


@each(OTHERS)
def test_families_with_more_to_say_are_refused_by_name(family: Family, tmp_path: Path) -> None:
    X, y = data(family)
    family.make().fit(X, y).save(tmp_path / "model.smc")
    with pytest.raises(InputError, match=f"light must be False for {family.cls._family}: light models are those of"):
        st.load_model(tmp_path / "model.smc", light=True)


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs torch")
def test_several_targets_and_starts_across_symbols_are_light_too(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(120, 4)), columns=NAMES)
    target = {"way": np.where(frame["rsi"] > 0, "up", "down"), "size": frame["atr"].to_numpy()}
    mixed = st.models.MultiTaskMLP((8,), head_dim=4, max_epochs=2, random_state=0).fit(frame, target)
    mixed.save(tmp_path / "mixed.smc")
    light = st.load_model(tmp_path / "mixed.smc", light=True)
    assert light.targets_ == mixed.targets_ == ["way", "size"]
    for name, values in mixed.predict(frame).items():
        np.testing.assert_array_equal(light.predict(frame)[name], values)
    assert light.predict_proba(frame)["way"].tobytes() == mixed.predict_proba(frame, "way").tobytes()
    with pytest.raises(InputError, match="feature names should match"):
        light.predict(frame[NAMES[::-1]])
    small: dict[str, Any] = {"support_rows": 10, "query_rows": 10, "steps_per_epoch": 2, "max_epochs": 2}
    for cls, y in (
        (st.models.MetaLearningClassifier, target["way"]),
        (st.models.MetaLearningRegressor, target["size"]),
    ):
        start = cls((8,), **small, random_state=0).fit(frame, y, groups=np.arange(120) // 30)
        start.save(tmp_path / "start.smc")
        light = st.load_model(tmp_path / "start.smc", light=True)
        np.testing.assert_array_equal(light.predict(frame), start.predict(frame))


PROGRAM = """
import importlib.abc, json, sys
class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("sklearn", "scipy", "pandas", "torch", "joblib") or name == "smctrain._neural":
            raise ImportError(name + " must not be imported")
sys.meta_path.insert(0, Refuse())
import numpy as np
import smctrain as st
folder = sys.argv[1]
X = np.load(folder + "/X.npy")
for name in sys.argv[2:]:
    model = st.load_model(f"{folder}/{name}.smc", light=True)
    np.save(f"{folder}/{name}.npy", np.ma.filled(model.predict(X).astype(float), np.nan))
    trains = {"smctrain.models.estimators", "smctrain.models.side_by_side", "smctrain.training"} & set(sys.modules)
    assert not trains, trains
"""


def test_networks_answer_where_neither_scikit_learn_nor_torch_can_be_imported(tmp_path: Path) -> None:
    networks = [family for family in LIGHT if family.cls._family in _NETWORKS]
    if not networks:
        pytest.skip("no network can be trained here: torch is not installed")
    X = data(networks[0])[0]
    np.save(tmp_path / "X.npy", X)
    expected = {}
    for family in networks:
        y = (X[:, 0] > X[:, 1]).astype(int) if family.classifies else X[:, 0]
        model = family.make().fit(X, y)
        model.save(tmp_path / f"{family.name}.smc")
        expected[family.name] = np.ma.filled(model.predict(X).astype(float), np.nan)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), *expected], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for name, values in expected.items():
        np.testing.assert_array_equal(np.load(tmp_path / f"{name}.npy"), values)
