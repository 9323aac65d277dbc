"""The transformers beside scikit-learn's of the same meaning, and what they promise on top."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import preprocessing
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression as Peer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline

import smctrain as st
from smctrain import artifact
from smctrain.exceptions import ArtifactError, InputError, SplitLeak, TooFewColumns, TooFewRows

# Sums run in another order than numpy's: a few units in the last place of a double.
TOLERANCE = {"rtol": 1e-11, "atol": 1e-11}
ALL = {
    "StandardScaler": st.prepare.StandardScaler,
    "RobustScaler": st.prepare.RobustScaler,
    "MinMaxScaler": st.prepare.MinMaxScaler,
    "Imputer": st.prepare.Imputer,
    "ColumnFilter": st.prepare.ColumnFilter,
    "Preprocessor": st.prepare.Preprocessor,
}
SCALERS = ["StandardScaler", "RobustScaler", "MinMaxScaler"]
every = pytest.mark.parametrize("name", list(ALL))


def data(n: int = 400, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5)) * [1, 1000, 1e-6, 1, 1] + [0, 1e6, 0, 3, 0]
    X[:, 3] = np.round(X[:, 3])
    X[rng.random((n, 5)) < 0.1] = np.nan
    return X


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_standard_scaler_is_scikit_learns_but_for_n_minus_1(dtype: Any) -> None:
    X = data().astype(dtype)
    ours, peer = st.prepare.StandardScaler().fit(X), preprocessing.StandardScaler().fit(X.astype(np.float64))
    n = (~np.isnan(X)).sum(axis=0)
    np.testing.assert_allclose(ours.mean_, peer.mean_, **TOLERANCE)
    np.testing.assert_allclose(ours.scale_, peer.scale_ * np.sqrt(n / (n - 1)), **TOLERANCE)
    np.testing.assert_allclose(ours.var_, np.nanvar(X.astype(np.float64), axis=0, ddof=1), **TOLERANCE)
    assert ours.transform(X).dtype == dtype
    # float32: one rounding of the result.
    near = TOLERANCE if dtype is np.float64 else {"rtol": 1e-6, "atol": 1e-6}
    np.testing.assert_allclose(ours.transform(X), peer.transform(X.astype(np.float64)) * np.sqrt((n - 1) / n), **near)
    np.testing.assert_allclose(ours.inverse_transform(ours.transform(X)), X, rtol=1e-6, atol=1e-6)


def test_weights_are_those_of_a_weighted_mean() -> None:
    X = data()
    w = np.random.default_rng(1).uniform(0, 2, size=len(X))
    w[:50] = 0
    ours = st.prepare.StandardScaler().fit(X, sample_weight=w)
    peer = preprocessing.StandardScaler().fit(X, sample_weight=w)
    seen = np.where(np.isnan(X), 0, w[:, None])
    n = seen.sum(axis=0) ** 2 / (seen**2).sum(axis=0)  # rows that count like as many of equal weight
    np.testing.assert_allclose(ours.mean_, peer.mean_, **TOLERANCE)
    np.testing.assert_allclose(ours.scale_, peer.scale_ * np.sqrt(n / (n - 1)), **TOLERANCE)
    assert np.array_equal(st.prepare.StandardScaler().fit(X, sample_weight=2 * w).scale_, ours.scale_)
    assert np.array_equal(st.prepare.StandardScaler().fit(X[50:], sample_weight=w[50:]).scale_, ours.scale_)
    assert ours.n_samples_seen_ == 350


@pytest.mark.parametrize(
    ("ours", "peer"),
    [
        (st.prepare.RobustScaler(), preprocessing.RobustScaler()),
        (st.prepare.RobustScaler(quantile_range=(10, 80)), preprocessing.RobustScaler(quantile_range=(10, 80))),
        (
            st.prepare.RobustScaler(with_centering=False, with_scaling=True),
            preprocessing.RobustScaler(with_centering=False),
        ),
        (st.prepare.MinMaxScaler(), preprocessing.MinMaxScaler()),
        (st.prepare.MinMaxScaler((-1, 3), clip=True), preprocessing.MinMaxScaler((-1, 3), clip=True)),
    ],
    ids=str,
)
def test_robust_and_min_max_are_scikit_learns(ours: Any, peer: Any) -> None:
    X, later = data(), 3 * data(seed=9)
    X[:, 4] = 7.0  # a constant column is divided by 1
    ours.fit(X)
    peer.fit(X)
    for new in (X, later):
        np.testing.assert_allclose(ours.transform(new), peer.transform(new), **TOLERANCE)
    out = ours.transform(X)
    np.testing.assert_allclose(ours.inverse_transform(out), peer.inverse_transform(out), **TOLERANCE)
    for name in ("center_", "scale_", "min_", "data_min_", "data_max_", "data_range_"):
        if getattr(peer, name, None) is not None:
            np.testing.assert_allclose(getattr(ours, name), getattr(peer, name), **TOLERANCE)


@pytest.mark.parametrize("strategy", ["median", "mean", "constant"])
def test_the_imputer_is_scikit_learns(strategy: str) -> None:
    X, later = data(), data(seed=9)
    X[:, 0] = np.arange(len(X))  # nothing missing: no indicator
    later[:, 0] = 0.0
    ours = st.prepare.Imputer(strategy=strategy, fill_value=2.5, indicator=0.01).fit(X)
    peer = SimpleImputer(strategy=strategy, fill_value=2.5, add_indicator=True).fit(X)
    np.testing.assert_allclose(ours.transform(later), peer.transform(later), **TOLERANCE)
    assert ours.get_feature_names_out().tolist() == peer.get_feature_names_out().tolist()
    plain = st.prepare.Imputer(strategy=strategy, fill_value=2.5, indicator=None).fit(X)
    assert plain.transform(later).shape == later.shape


def test_an_indicator_needs_its_share_and_a_column_without_values_goes() -> None:
    X = np.random.default_rng(0).normal(size=(200, 3))
    X[0, 0] = np.nan  # 0.5 %
    X[:2, 1] = np.nan  # 1 %
    X[:, 2] = np.nan
    imputer = st.prepare.Imputer().fit(X)
    assert imputer.get_feature_names_out().tolist() == ["x0", "x1", "missingindicator_x1"]
    assert imputer.dropped_ == [("x2", "all values are missing")]
    assert imputer.get_support().tolist() == [True, True, False]
    np.testing.assert_array_equal(imputer.transform(X)[:, 2], np.arange(200) < 2)
    with pytest.raises(TooFewColumns, match="x0"):
        st.prepare.Imputer().fit(X[:, 2:])


def test_the_filter_says_what_it_drops() -> None:
    X = data()
    frame = pd.DataFrame({
        "a": X[:, 0], "flat": 4.0, "empty": np.nan, "sparse": np.where(np.arange(400) < 300, np.nan, X[:, 0]),
        "twin": X[:, 0], "odd": np.where(np.arange(400) == 7, np.inf, np.arange(400.0)),
    })  # fmt: skip
    kept = st.prepare.ColumnFilter().fit(frame)
    assert kept.dropped_ == [
        ("flat", "constant"), ("empty", "all values are missing"),
        ("sparse", "more than 50% of the values are missing"), ("twin", "duplicate of a"),
    ]  # fmt: skip
    assert kept.get_feature_names_out().tolist() == ["a", "odd"]
    assert kept.get_support(indices=True).tolist() == [0, 5]
    out = kept.transform(frame)
    np.testing.assert_array_equal(out[:, 1], np.where(np.arange(400) == 7, np.nan, np.arange(400)))
    lenient = st.prepare.ColumnFilter(max_missing=0.9, constant=False, duplicates=False).fit(frame)
    assert [name for name, _ in lenient.dropped_] == ["empty"]


def test_the_preprocessor_is_the_preparation_of_a_run() -> None:
    from smctrain.prepare import Preparation, PrepareSettings

    X = data().astype(np.float32)
    X[5, 0] = np.inf
    rows = np.arange(100, 300)
    settings = {"impute": "mean", "scale": "robust", "clip": (0.05, 0.9), "indicator": 0.01}
    ours = st.prepare.Preprocessor(**settings).fit(X, rows=rows)
    made = Preparation.fit(X, rows, [f"x{j}" for j in range(5)], PrepareSettings(**settings))
    assert ours.transform(X).tobytes() == made.transform(X).tobytes()
    assert ours.get_feature_names_out().tolist() == made.names_out()
    assert ours.dropped_ == made.dropped


@every
def test_only_the_fit_rows_are_read_and_remembered(name: str) -> None:
    X = data()
    rows = np.random.default_rng(0).permutation(400)[:150]
    changed = X.copy()
    changed[np.setdiff1d(np.arange(400), rows)] = 1e7
    first, second = ALL[name]().fit(X, rows=rows), ALL[name]().fit(changed, rows=np.sort(rows))
    assert first.transform(X).tobytes() == second.transform(X).tobytes()
    cut = ALL[name]().fit(X[np.sort(rows)])
    assert first.transform(X).tobytes() == cut.transform(X).tobytes()
    np.testing.assert_array_equal(first.fit_rows_, np.sort(rows))
    ids = np.sort(rows).astype("<i8").tobytes()
    assert first.fit_rows_hash_ == hashlib.blake2b(ids, digest_size=32).hexdigest()
    first.check_fitted_within(np.append(rows, 1000))
    with pytest.raises(SplitLeak, match=f"row {np.sort(rows)[0]} "):
        first.check_fitted_within(np.sort(rows)[1:])


@every
def test_threads_change_no_bit(name: str) -> None:
    X = np.tile(data(3000), 4)
    X[:, 5:] += np.arange(15)  # other columns, so that the filter keeps them
    results = []
    for threads in (1, 2, 3, 4):
        made = ALL[name](n_jobs=threads).fit(X)
        results.append((made.transform(X).tobytes(), made.dropped_ if hasattr(made, "dropped_") else None))
    assert all(result == results[0] for result in results)


@every
def test_what_was_learned_comes_back_from_file_and_pickle(name: str, tmp_path: Path) -> None:
    X = data()
    frame = pd.DataFrame(X, columns=list("abcde"))
    made = ALL[name]().fit(frame, rows=np.arange(200)).set_output(transform="pandas")
    made.save(tmp_path / "t.smc")
    copied, loaded = pickle.loads(pickle.dumps(made)), st.prepare.load_transformer(tmp_path / "t.smc")
    pd.testing.assert_frame_equal(copied.transform(frame), made.transform(frame))
    assert loaded.transform(frame).tobytes() == made.transform(frame).to_numpy().tobytes()
    for other in (copied, loaded):
        assert other.get_params() == made.get_params()
        assert other.fit_rows_hash_ == made.fit_rows_hash_
        assert other.get_feature_names_out().tolist() == made.get_feature_names_out().tolist()
        np.testing.assert_array_equal(other.fit_rows_, made.fit_rows_)
        with pytest.raises(InputError, match="feature"):
            other.transform(frame[list("edcba")])
    assert isinstance(made.__getstate__()["_container"], bytes)


@pytest.mark.parametrize(
    ("name", "array", "value"),
    [
        ("StandardScaler", "scale_", 0.0),
        ("StandardScaler", "scale_", -1.0),
        ("StandardScaler", "mean_", np.nan),
        ("StandardScaler", "var_", -1.0),
        ("RobustScaler", "scale_", np.inf),
        ("RobustScaler", "center_", np.nan),
        ("MinMaxScaler", "data_min_", 1e9),
        ("Imputer", "statistics_", np.nan),
        ("Imputer", "kept", 7),
        ("Imputer", "indicators", 9),
        ("ColumnFilter", "kept", -1),
        ("Preprocessor", "scale", 0.0),
        ("Preprocessor", "fit_rows", 3),
    ],
)
def test_a_tampered_file_is_refused(name: str, array: str, value: float, tmp_path: Path) -> None:
    from smctrain.artifact.container import pack, unpack

    made = ALL[name]().fit(data())
    container = unpack(made._to_container())
    arrays = {key: np.array(values) for key, values in container.arrays.items()}
    arrays[array][-1] = value
    (tmp_path / "t.smc").write_bytes(pack(container.header, arrays))
    with pytest.raises(ArtifactError):
        st.prepare.load_transformer(tmp_path / "t.smc")
    with pytest.raises(ArtifactError):
        ALL[name]().__setstate__({"_container": (tmp_path / "t.smc").read_bytes()})


@pytest.mark.parametrize(
    "change",
    [{"name": "Popen"}, {"kind": "model"}, {"settings": {"evil": 1}}, {"features": ["a"]}, {"n_features": 0},
     {"n_samples": -1}, {"fit_rows_hash": "00"}, {"settings": {"with_mean": 3}}],
    ids=str,
)  # fmt: skip
def test_a_contradictory_description_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    from smctrain.artifact.container import pack, unpack

    container = unpack(st.prepare.StandardScaler().fit(data())._to_container())
    artifact.write_atomic(tmp_path / "t.smc", pack({**container.header, **change}, container.arrays))
    with pytest.raises(ArtifactError):
        st.prepare.load_transformer(tmp_path / "t.smc")


@every
def test_bad_input_has_one_outcome(name: str) -> None:
    X = data()
    make = ALL[name]
    with pytest.raises(TooFewRows):
        make().fit(X[:0])
    with pytest.raises(TooFewRows, match="n_samples=1"):
        make().fit(X[:1])
    with pytest.raises(TooFewRows):
        make().fit(X, rows=[])
    with pytest.raises(InputError, match=r"rows must lie in 0\.\.399, but holds 400"):
        make().fit(X, rows=[0, 400])
    with pytest.raises(InputError, match="rows must name each row once, but holds 3"):
        make().fit(X, rows=[3, 3, 4])
    with pytest.raises(InputError, match="mask"):
        make().fit(X, rows=np.ones(400, dtype=bool))
    with pytest.raises(InputError, match="must hold numbers"):
        make().fit(np.full((5, 2), "a", dtype=object))
    wrong = X.copy()
    wrong[4, 2] = np.inf
    if name in {"ColumnFilter", "Preprocessor"}:  # documented: infinite is missing
        assert not np.isinf(make().fit(wrong).transform(wrong)).any()
    else:
        with pytest.raises(InputError, match="column 2, row 4, is infinite"):
            make().fit(wrong)
    made = make().fit(X)
    with pytest.raises(InputError, match="5 features"):
        made.transform(X[:, :4])
    if name != "Preprocessor":  # float32 inside
        large = X.copy()
        large[:2, 0] = [1e308, -1e308]
        if name in SCALERS and name != "RobustScaler":
            with pytest.raises(InputError, match="'x0' is beyond the range of float64"):
                make().fit(large)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("StandardScaler", {"with_mean": 1}), ("RobustScaler", {"quantile_range": (75, 25)}),
        ("MinMaxScaler", {"feature_range": (1, 0)}), ("MinMaxScaler", {"clip": "yes"}),
        ("Imputer", {"strategy": "mode"}), ("Imputer", {"fill_value": np.nan}), ("Imputer", {"indicator": 2}),
        ("ColumnFilter", {"max_missing": -1}), ("ColumnFilter", {"constant": None}), ("Preprocessor", {"scale": "l2"}),
        ("Preprocessor", {"n_jobs": 0}),
    ],
)  # fmt: skip
def test_wrong_parameters_are_named(name: str, settings: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(settings))):
        ALL[name](**settings).fit(data())


def test_the_transformers_compose_with_scikit_learn() -> None:
    X = data()
    frame = pd.DataFrame(X, columns=list("abcde"))
    y = (np.nan_to_num(X[:, 0]) > 0).astype(int)
    pipe = make_pipeline(st.prepare.ColumnFilter(), st.prepare.Imputer(), st.prepare.StandardScaler(), Peer())
    assert cross_val_score(pipe, frame, y, cv=3).mean() > 0.85
    search = GridSearchCV(
        make_pipeline(st.prepare.Preprocessor(), Peer()),
        {"preprocessor__scale": ["standard", "robust", "minmax"], "preprocessor__clip": [None, (0.01, 0.99)]},
        cv=3,
    )
    assert search.fit(frame, y).best_score_ > 0.85
    columns = ColumnTransformer(
        [("robust", st.prepare.RobustScaler(), ["a", "b"]), ("fill", st.prepare.Imputer(), ["c"])]
    ).set_output(transform="pandas")
    assert columns.fit_transform(frame).columns.tolist() == [
        "robust__a", "robust__b", "fill__c", "fill__missingindicator_c",
    ]  # fmt: skip
    assert st.prepare.StandardScaler().set_output(transform="polars").fit_transform(frame).columns == list("abcde")
