"""Extra trees, limits and pruning, regression and quantile forests: agreement with scikit-learn and slow references."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier as PeerExtra
from sklearn.ensemble import ExtraTreesRegressor as PeerExtraRegressor
from sklearn.ensemble import RandomForestRegressor as PeerRegressor
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier

from smctrain.exceptions import ArtifactError, InputError
from smctrain.models import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestQuantileRegressor,
    RandomForestRegressor,
    load_model,
)

REGRESSORS = (RandomForestRegressor, ExtraTreesRegressor, RandomForestQuantileRegressor)
ONE_TREE: dict[str, Any] = {
    "n_estimators": 1, "bootstrap": False, "max_features": None, "max_samples": None, "max_depth": None,
    "min_samples_split": 2, "min_samples_leaf": 1, "random_state": 0,
}  # fmt: skip


def bars(seed: int, n: int = 1600, d: int = 10) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)).astype(np.float32)
    return X, X[:, 0] + 0.7 * X[:, 1] * X[:, 2] + 0.5 * np.abs(X[:, 3]) + rng.normal(size=n)


def classes(score: NDArray[np.float64], k: int = 3) -> NDArray[np.int64]:
    return np.digitize(score, np.quantile(score, np.arange(1, k) / k))


def same(a: Any, b: Any) -> bool:
    first, second = a.fitted_.to_state()[1], b.fitted_.to_state()[1]
    return set(first) == set(second) and all(first[name].tobytes() == second[name].tobytes() for name in first)


# ---- extra trees ------------------------------------------------------------


def test_random_splits_follow_scikit_learns_law() -> None:
    # One bin for each value: the gap that is cut must be chosen with a probability of its width, as there.
    values = np.array([0.0, 1.0, 1.5, 4.0, 9.0, 10.0], dtype=np.float32)
    X, y = np.repeat(values, 3)[:, None], np.tile([0, 1, 0], 6)
    ours = ExtraTreesClassifier(
        4000, max_depth=1, min_samples_split=2, min_samples_leaf=1, class_weight=None, random_state=0
    ).fit(X, y)
    arrays = ours.fitted_.to_state()[1]
    cuts = arrays["threshold"][arrays["feature"] == 0]
    share = np.histogram(cuts, values)[0] / len(cuts)
    np.testing.assert_allclose(share, np.diff(values) / 10, atol=4 * np.sqrt(0.25 / 4000))
    peer = [ExtraTreeClassifier(max_depth=1, random_state=i).fit(X, y).tree_.threshold[0] for i in range(400)]
    np.testing.assert_allclose(share, np.histogram(peer, values)[0] / 400, atol=0.1)


@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 1.0, 1: 2.0, 2: 0.5}])
def test_extra_trees_score_as_scikit_learns(class_weight: Any) -> None:
    common: dict[str, Any] = {"n_estimators": 80, "max_depth": 10, "min_samples_leaf": 5, "class_weight": class_weight}
    ours, peers, our_loss, peer_loss = [], [], [], []
    for seed in range(4):
        X, score = bars(seed)
        y = classes(score)
        one = ExtraTreesClassifier(**common, min_samples_split=10, random_state=seed).fit(X[:800], y[:800])
        peer = PeerExtra(**common, min_samples_split=10, random_state=seed).fit(X[:800], y[:800])
        for model, scores, losses in ((one, ours, our_loss), (peer, peers, peer_loss)):
            proba = model.predict_proba(X[800:])
            scores.append(roc_auc_score(y[800:], proba, multi_class="ovr"))
            losses.append(-np.log(proba[np.arange(800), y[800:]]).mean())
    assert abs(np.mean(ours) - np.mean(peers)) < 0.01
    assert abs(np.mean(our_loss) - np.mean(peer_loss)) < 0.02


def test_extra_trees_take_missing_values_and_more_classes_than_packed_counters_hold() -> None:
    X, score = bars(1, n=1200)
    X[np.random.default_rng(0).random(X.shape) < 0.1] = np.nan
    y = classes(score, 9)
    one = ExtraTreesClassifier(20, random_state=0).fit(X, y)
    assert same(one, ExtraTreesClassifier(20, random_state=0, n_jobs=3).fit(X, y))
    assert one.predict_proba(X).shape == (1200, 9)
    assert one.score(X, y) > 0.3


def test_extra_trees_see_that_missingness_is_the_signal() -> None:
    X = np.zeros((200, 1), dtype=np.float32)
    y = np.arange(200) % 2
    X[y == 1, 0] = np.nan
    assert ExtraTreesClassifier(5, random_state=0).fit(X, y).score(X, y) == 1.0


def test_a_hundred_classes_are_learned() -> None:
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(100), 30)
    X = np.column_stack([y % 10, y // 10]) + rng.normal(0, 0.2, (3000, 2))
    model = RandomForestClassifier(20, min_samples_leaf=2, min_samples_split=4, max_depth=None, random_state=0)
    assert model.fit(X, y).score(X, y) > 0.9
    assert ExtraTreesClassifier(20, max_depth=None, random_state=0).fit(X, y).score(X, y) > 0.8


# ---- limits and pruning against single trees of scikit-learn ------------------


@pytest.mark.parametrize(
    "limit",
    [
        {"max_leaf_nodes": 9},
        {"max_leaf_nodes": 2},
        {"min_weight_fraction_leaf": 0.1},
        {"min_impurity_decrease": 0.01},
        {"ccp_alpha": 0.004},
        {"ccp_alpha": 0.02},
        {"ccp_alpha": 10.0},
        {"min_samples_leaf": 0.07, "min_samples_split": 0.2},
        {"max_leaf_nodes": 12, "ccp_alpha": 0.01},
    ],
    ids=str,
)
@pytest.mark.parametrize("weighted", [False, True])
def test_a_limited_tree_is_scikit_learns_tree(limit: dict[str, Any], weighted: bool) -> None:
    rng = np.random.default_rng(5)
    X = rng.normal(size=(200, 4)).astype(np.float32)  # 200 values: one bin for each
    target = X[:, 0] + X[:, 1] * X[:, 2] + 0.3 * rng.normal(size=200)
    weight = rng.uniform(0.5, 2, 200) if weighted else None
    y = (target > 0).astype(np.int64)
    limit = {"min_samples_leaf": 7} | limit  # small leaves bring ties between columns
    settings = ONE_TREE | limit
    ours = RandomForestClassifier(**settings, class_weight=None).fit(X, y, sample_weight=weight)
    peer = DecisionTreeClassifier(**limit, random_state=0).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(ours.predict_proba(X), peer.predict_proba(X), atol=1e-12)
    np.testing.assert_allclose(ours.feature_importances_, peer.feature_importances_, atol=1e-12)
    regressor = RandomForestRegressor(**settings).fit(X, target, sample_weight=weight)
    peer = DecisionTreeRegressor(**limit, random_state=0).fit(X, target, sample_weight=weight)
    np.testing.assert_allclose(regressor.predict(X), peer.predict(X), atol=1e-9)
    np.testing.assert_allclose(regressor.feature_importances_, peer.feature_importances_, atol=1e-9)


def test_pruning_goes_on_from_small_links_to_large_ones() -> None:
    X, score = bars(0, n=600)
    nodes = [
        len(
            RandomForestClassifier(5, ccp_alpha=alpha, random_state=0)
            .fit(X, classes(score))
            .fitted_.to_state()[1]["left"]
        )
        for alpha in (0.0, 0.002, 0.01, 1.0)
    ]
    assert nodes[0] > nodes[1] > nodes[2] > nodes[3] == 5


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"max_leaf_nodes": 1}, "max_leaf_nodes must be an integer of at least 2"),
        ({"min_weight_fraction_leaf": 0.6}, "min_weight_fraction_leaf"),
        ({"min_impurity_decrease": -1.0}, "min_impurity_decrease"),
        ({"ccp_alpha": float("nan")}, "ccp_alpha"),
        ({"min_samples_leaf": 1.0}, "min_samples_leaf"),
        ({"max_features": 0}, "max_features"),
        ({"oob_score": True, "bootstrap": False}, "oob_score needs bootstrap=True"),
    ],
    ids=str,
)
@pytest.mark.parametrize("model", [RandomForestClassifier, ExtraTreesClassifier, RandomForestRegressor])
def test_wrong_settings_are_named(settings: dict[str, Any], match: str, model: Any) -> None:
    with pytest.raises(InputError, match=match):
        model(**settings).fit(np.arange(40.0).reshape(20, 2), np.arange(20) % 2)


def test_extra_trees_do_not_ignore_max_samples() -> None:
    X, y = np.arange(80.0).reshape(40, 2), np.arange(40) % 2
    with pytest.raises(InputError, match="max_samples needs bootstrap=True"):
        ExtraTreesClassifier(3, max_samples=0.5).fit(X, y)
    ExtraTreesClassifier(3, max_samples=0.5, bootstrap=True).fit(X, y)


# ---- regression ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "peer"), [(RandomForestRegressor, PeerRegressor), (ExtraTreesRegressor, PeerExtraRegressor)]
)
def test_regressors_score_as_scikit_learns(model: Any, peer: Any) -> None:
    common: dict[str, Any] = {"n_estimators": 60, "max_depth": 10, "min_samples_leaf": 5, "max_features": 1 / 3}
    ours, peers = [], []
    for seed in range(4):
        X, y = bars(seed)
        for cls, scores in ((model, ours), (peer, peers)):
            extra = {"bootstrap": cls in (RandomForestRegressor, PeerRegressor), "max_samples": None}
            fitted = cls(**common, **extra, min_samples_split=10, random_state=seed).fit(X[:800], y[:800])
            scores.append(r2_score(y[800:], fitted.predict(X[800:])))
    # Extra trees come out slightly better: outer bins keep random splits from being spent on single extreme values.
    assert -0.01 < np.mean(ours) - np.mean(peers) < (0.01 if model is RandomForestRegressor else 0.02)


@pytest.mark.parametrize("seed", range(6))
def test_the_root_split_of_a_regression_tree_is_the_best_of_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 9, size=(50, 3)).astype(np.float32)
    X[rng.random(X.shape) < 0.15 * (seed % 3)] = np.nan
    y, weight = rng.normal(size=50) + 1e3, rng.uniform(0.5, 2, 50)

    def loss(left: NDArray[np.bool_]) -> float:
        if min(left.sum(), (~left).sum()) < 3:
            return np.inf
        return sum(float((weight[s] * (y[s] - np.average(y[s], weights=weight[s])) ** 2).sum()) for s in (left, ~left))

    best = min(
        loss(np.where(np.isnan(X[:, j]), missing_left, np.nan_to_num(X[:, j]) <= cut))
        for j in range(3)
        for cut in np.unique(X[:, j][~np.isnan(X[:, j])])
        for missing_left in (False, True)
    )
    model = RandomForestRegressor(**(ONE_TREE | {"max_depth": 1, "min_samples_leaf": 3})).fit(
        X, y, sample_weight=weight
    )
    prediction = model.predict(X)
    assert loss(prediction == prediction[0]) == pytest.approx(best, rel=1e-9)


def test_out_of_bag_r2_agrees_with_scikit_learn() -> None:
    X, y = bars(3)
    ours = RandomForestRegressor(100, max_samples=None, max_features=1.0, oob_score=True, random_state=0).fit(X, y)
    peer = PeerRegressor(
        100, max_depth=10, min_samples_split=20, min_samples_leaf=10, oob_score=True, random_state=0
    ).fit(X, y)
    assert abs(ours.oob_score_ - peer.oob_score_) < 0.02
    seen = ~np.isnan(ours.oob_prediction_)
    assert seen.mean() > 0.99
    assert r2_score(y[seen], ours.oob_prediction_[seen]) == pytest.approx(ours.oob_score_, abs=1e-12)


def test_out_of_bag_probabilities_give_the_score() -> None:
    X, score = bars(3, n=500)
    y = classes(score)
    weight = np.ones(500)
    weight[::5] = 0
    model = RandomForestClassifier(30, oob_score=True, random_state=0).fit(X, y, sample_weight=weight)
    proba = model.oob_decision_function_
    assert proba.shape == (500, 3)
    assert np.isnan(proba[::5]).all()
    seen = ~np.isnan(proba[:, 0])
    assert (proba[seen].argmax(axis=1) == y[seen]).mean() == pytest.approx(model.oob_score_)
    with pytest.raises(AttributeError, match="not stored"):
        _ = pickle.loads(pickle.dumps(model)).oob_decision_function_


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_the_scale_of_the_target_does_not_matter(scale: float) -> None:
    X, y = bars(2, n=400)
    plain = RandomForestRegressor(10, random_state=0).fit(X, y).predict(X)
    scaled = RandomForestRegressor(10, random_state=0).fit(X, y * scale + 7 * scale).predict(X)
    np.testing.assert_allclose((scaled - 7 * scale) / scale, plain, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("model", REGRESSORS)
@pytest.mark.parametrize("threads", [2, 4])
def test_regression_forests_are_the_same_for_any_number_of_threads(model: Any, threads: int) -> None:
    X, y = bars(2, n=500)
    X[::7, 3] = np.nan
    weight = np.random.default_rng(0).uniform(0.5, 2, len(X))
    one = model(20, random_state=1).fit(X, y, sample_weight=weight)
    many = model(20, random_state=1, n_jobs=threads).fit(X, y, sample_weight=weight)
    assert same(one, many)
    assert one.predict(X).tobytes() == many.predict(X).tobytes()


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e200, "text"])
@pytest.mark.parametrize("model", REGRESSORS)
def test_targets_that_cannot_be_learned_are_refused(model: Any, bad: Any) -> None:
    y = np.arange(30.0).astype(object if isinstance(bad, str) else float)
    y[4] = bad
    with pytest.raises(InputError):
        model(2).fit(np.arange(60.0).reshape(30, 2), y)


def test_weights_beyond_all_sums_are_refused() -> None:
    X, y = bars(0, n=40)
    with pytest.raises(InputError, match="scale the weights"):
        RandomForestRegressor(2).fit(X, y, sample_weight=np.r_[np.full(39, 1e308), 1.0])


@pytest.mark.parametrize("model", REGRESSORS)
def test_a_constant_target_is_predicted(model: Any) -> None:
    fitted = model(3).fit(np.arange(60.0).reshape(30, 2), np.full(30, 2.5))
    np.testing.assert_array_equal(fitted.predict([[1.0, 2.0]]), [2.5])
    assert fitted.feature_importances_.sum() == 0


# ---- quantiles ----------------------------------------------------------------


def test_quantiles_are_those_of_the_leaf_weights() -> None:
    rng = np.random.default_rng(0)
    X, y = bars(0, n=150, d=4)
    y = np.round(y, 1)  # ties
    weight = rng.uniform(0.5, 2, 150)
    levels = np.array([0.9, 0.0, 0.25, 0.5, 1.0])
    for bootstrap in (False, True):
        model = RandomForestQuantileRegressor(
            5, min_samples_leaf=4, bootstrap=bootstrap, max_samples=None, random_state=0
        ).fit(X, y, sample_weight=weight)
        arrays = model.fitted_.to_state()[1]
        target, start = arrays["member_target"], arrays["member_start"]
        got = model.predict(X[:20], quantiles=levels)
        for i in range(20):
            mass = np.zeros(len(target))
            for tree in range(5):
                base, node = arrays["node_start"][tree], 0
                while arrays["feature"][base + node] >= 0:
                    right = X[i, arrays["feature"][base + node]] > arrays["threshold"][base + node]
                    node = arrays["left"][base + node] + int(right)
                leaf = arrays["leaf_start"][tree] + arrays["left"][base + node]
                members = slice(start[leaf], start[leaf + 1])
                np.add.at(mass, arrays["member_rank"][members], arrays["member_weight"][members] / 5)
                mean = arrays["member_weight"][members] @ target[arrays["member_rank"][members]]
                assert mean == pytest.approx(arrays["leaf_share"][leaf, 0], rel=1e-9, abs=1e-9)
                if not bootstrap:  # the members are the training rows that fall into the leaf
                    assert len(np.unique(arrays["member_rank"][members])) <= members.stop - members.start
            sums = np.cumsum(mass)
            present = np.flatnonzero(mass > 0)
            expected = [target[present[np.argmax(sums[present] >= min(q, 1 - 1e-9) - 1e-12)]] for q in levels]
            np.testing.assert_array_equal(got[i], expected)


def test_one_leaf_gives_the_quantiles_of_the_sample() -> None:
    y = np.random.default_rng(1).normal(size=101)
    model = RandomForestQuantileRegressor(3, max_depth=1, min_samples_leaf=100, bootstrap=False, max_samples=None)
    model.fit(np.arange(101.0)[:, None], y)
    levels = np.linspace(0, 1, 21)
    expected = np.quantile(y, levels, method="inverted_cdf")
    np.testing.assert_array_equal(model.predict([[5.0]], quantiles=levels)[0], expected)
    assert model.predict([[5.0]], quantiles=0.5) == expected[10]


def test_quantiles_never_cross_and_cover_as_they_say() -> None:
    rng = np.random.default_rng(2)
    X = rng.normal(size=(3000, 3))
    y = X[:, 0] + rng.normal(size=3000) * (1 + (X[:, 1] > 0))
    model = RandomForestQuantileRegressor(60, random_state=0).fit(X[:2000], y[:2000])
    levels = [0.05, 0.25, 0.5, 0.75, 0.95]
    quantiles = model.predict(X[2000:], quantiles=levels)
    assert (np.diff(quantiles, axis=1) >= 0).all()
    for column, level in enumerate(levels):
        assert abs((y[2000:] <= quantiles[:, column]).mean() - level) < 0.05
    width = quantiles[:, 4] - quantiles[:, 0]
    assert width[X[2000:, 1] > 0].mean() > 1.3 * width[X[2000:, 1] <= 0].mean()
    assert model.predict(X[2000:]).shape == (1000,)


@pytest.mark.parametrize("levels", [1.5, [-0.1], [[0.5]], [], "half", [np.nan]])
def test_wrong_quantiles_are_refused(levels: Any) -> None:
    X, y = bars(0, n=60)
    with pytest.raises(InputError, match="quantiles"):
        RandomForestQuantileRegressor(2).fit(X, y).predict(X, quantiles=levels)


# ---- one row, storage -----------------------------------------------------------


@pytest.mark.parametrize("model", [RandomForestClassifier, ExtraTreesClassifier, RandomForestRegressor])
def test_one_row_gets_the_bits_of_the_matrix(model: Any) -> None:
    X, score = bars(0, n=300)
    X[::5, 2] = np.nan
    is_classifier = model is not RandomForestRegressor
    fitted = model(11, random_state=0).fit(X, classes(score) if is_classifier else score)
    predictor = fitted.predictor()
    expected = fitted.predict_proba(X) if is_classifier else fitted.predict(X)[:, None]
    strided = np.asfortranarray(X)
    for i in range(0, 300, 29):
        for row in (X[i], X[i].astype(np.float64), strided[i]):
            np.testing.assert_array_equal(predictor.predict_row(row), expected[i])
    assert predictor.n_features == 10
    for wrong in (X[0, :3], X[:1], np.arange(10)):
        with pytest.raises(InputError, match="x must"):
            predictor.predict_row(wrong)


def test_trees_too_large_for_slim_nodes_predict_the_same() -> None:
    rng = np.random.default_rng(0)
    X = np.zeros((60, 5000), dtype=np.float32)  # more columns than a slim node can name
    X[:, 4500:] = rng.normal(size=(60, 500))
    y = (X[:, 4700] > 0).astype(int)
    model = RandomForestClassifier(**(ONE_TREE | {"max_features": None}), class_weight=None).fit(X, y)
    assert model.fitted_.to_state()[1]["feature"][0] == 4700
    np.testing.assert_array_equal(model.predict(X), y)
    np.testing.assert_array_equal(model.predictor().predict_row(X[3]), model.predict_proba(X)[3])


@pytest.mark.parametrize("model", [ExtraTreesClassifier, *REGRESSORS])
def test_every_forest_comes_back_from_file_and_pickle_with_the_same_bits(model: Any, tmp_path: Path) -> None:
    import pandas as pd

    X, score = bars(0, n=200, d=4)
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    fitted = model(6, random_state=1).fit(frame, classes(score) if model is ExtraTreesClassifier else score)
    fitted.save(tmp_path / "model.smc")
    for copied in (load_model(tmp_path / "model.smc"), pickle.loads(pickle.dumps(fitted))):
        assert type(copied) is model
        assert same(fitted, copied)
        assert copied.predict(frame).tobytes() == fitted.predict(frame).tobytes()
        assert copied.get_params() == fitted.get_params()
        assert copied.feature_names_in_.tolist() == ["a", "b", "c", "d"]
        if model is RandomForestQuantileRegressor:
            np.testing.assert_array_equal(
                copied.predict(frame, quantiles=[0.1]), fitted.predict(frame, quantiles=[0.1])
            )


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("cover", lambda a: a * 0),
        ("cover", lambda a: np.r_[a[0] * 2, a[1:]]),
        ("cover", lambda a: a[1:]),
        ("leaf_share", lambda a: a * np.nan),
        ("member_target", lambda a: a[::-1].copy()),
        ("member_rank", lambda a: a + 1000),
        ("member_weight", lambda a: a * 2),
        ("member_weight", lambda a: a[1:]),
        ("member_start", lambda a: a[1:]),
        ("member_target", lambda a: a[:0]),
    ],
)
def test_a_damaged_regression_forest_is_refused(name: str, change: Any) -> None:
    X, y = bars(0, n=100, d=4)
    fitted = RandomForestQuantileRegressor(3, random_state=0).fit(X, y).fitted_
    meta, arrays = fitted.to_state()
    type(fitted).from_state(meta, arrays)
    with pytest.raises(ArtifactError, match="forest"):
        type(fitted).from_state(meta, arrays | {name: change(arrays[name])})


def test_a_forest_of_another_kind_is_refused() -> None:
    X, y = bars(0, n=100, d=4)
    regression = RandomForestRegressor(3).fit(X, y).fitted_
    classification = RandomForestClassifier(3).fit(X, classes(y)).fitted_
    with pytest.raises(ArtifactError, match="at least 2 classes"):
        type(classification).from_state(*regression.to_state())
    with pytest.raises(ArtifactError, match="n_classes 1"):
        type(regression).from_state(*classification.to_state())


@pytest.mark.parametrize("model", REGRESSORS)
def test_a_time_limit_marks_the_regression_forest(model: Any) -> None:
    X, y = bars(0, n=300)
    fitted = model(200_000, n_jobs=2).fit(X, y, time_limit=1.0)
    assert not fitted.complete_
    assert fitted.stop_reason_ == "timeout"
    assert 1 <= fitted.fitted_.n_trees < 200_000
