"""The random forest: agreement with scikit-learn, determinism, missing values, early end, stored state."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier as PeerForest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.tree import DecisionTreeClassifier

from smctrain import _load
from smctrain.exceptions import ArtifactError, InputError, OneClass, SplitLeak, TooFewRows, TrainingFailed
from smctrain.models.base import FitTask
from smctrain.models.random_forest import FittedForest, RandomForestTrainer, make_binned


def market(seed: int, n: int = 1600, d: int = 12) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)).astype(np.float32)
    score = X[:, 0] + 0.7 * X[:, 1] * X[:, 2] + 0.5 * np.abs(X[:, 3]) + rng.normal(size=n)
    return X, np.digitize(score, [-0.8, 1.4]).astype(np.int32)


def task(X: NDArray[np.float32], y: NDArray[np.int32], **changes: Any) -> FitTask:
    settings: dict[str, Any] = {"rows": np.arange(len(X)), "n_classes": int(y.max()) + 1, **changes}
    return FitTask(X=X, y=y, **settings)


def one_tree(**settings: Any) -> RandomForestTrainer:
    return RandomForestTrainer(
        **{
            "n_estimators": 1, "bootstrap": False, "max_features": None, "class_weight": None,
            "min_samples_split": 2, "min_samples_leaf": 1, "max_depth": None, **settings,
        }
    )  # fmt: skip


def same_arrays(a: FittedForest, b: FittedForest) -> bool:
    first, second = a.to_state()[1], b.to_state()[1]
    return all(first[name].tobytes() == second[name].tobytes() for name in first)


# ---- quality ----------------------------------------------------------------


@pytest.mark.parametrize("class_weight", [None, "balanced", "balanced_subsample"])
def test_scores_agree_with_scikit_learn_over_seeds(class_weight: str | None) -> None:
    ours, peers, our_balance, peer_balance, our_leaves, peer_leaves = [], [], [], [], 0, 0
    common: dict[str, Any] = {
        "n_estimators": 60, "max_depth": 10, "min_samples_split": 20, "min_samples_leaf": 10,
        "max_features": "sqrt", "max_samples": 0.7, "class_weight": class_weight,
    }  # fmt: skip
    for seed in range(5):
        X, y = market(seed)
        train, test = np.arange(800), np.arange(800, 1600)
        fitted = RandomForestTrainer(**common).fit(task(X, y, rows=train, seed=seed))
        peer = PeerForest(**common, random_state=seed).fit(X[train], y[train])
        proba, peer_proba = fitted.predict_proba(X, test), peer.predict_proba(X[test])
        ours.append(roc_auc_score(y[test], proba, multi_class="ovr"))
        peers.append(roc_auc_score(y[test], peer_proba, multi_class="ovr"))
        our_balance.append(balanced_accuracy_score(y[test], proba.argmax(axis=1)))
        peer_balance.append(balanced_accuracy_score(y[test], peer_proba.argmax(axis=1)))
        our_leaves += len(fitted.to_state()[1]["leaf_share"])
        peer_leaves += sum(tree.tree_.n_leaves for tree in peer.estimators_)
    assert abs(np.mean(ours) - np.mean(peers)) < 0.01
    assert abs(np.mean(our_balance) - np.mean(peer_balance)) < 0.02
    assert 0.9 < our_leaves / peer_leaves < 1.1  # leaf sizes count distinct rows, as there


def test_class_weights_raise_the_recall_of_the_rare_class() -> None:
    X, y = market(0)
    rare = (y == 2).astype(np.int32)
    recall = {}
    for class_weight in (None, "balanced"):
        fitted = RandomForestTrainer(n_estimators=50, class_weight=class_weight).fit(task(X, rare, rows=np.arange(800)))
        recall[class_weight] = (fitted.predict_proba(X, np.arange(800, 1600)).argmax(axis=1)[rare[800:] == 1]).mean()
    assert recall["balanced"] > recall[None] + 0.1


def test_a_single_tree_on_few_values_is_scikit_learns_tree() -> None:
    rng = np.random.default_rng(5)
    X = rng.normal(size=(200, 4)).astype(np.float32)  # 200 distinct values: one bin for each
    y = (X[:, 0] + X[:, 1] * X[:, 2] + 0.3 * rng.normal(size=200) > 0).astype(np.int32)
    fitted = one_tree(max_depth=4, min_samples_leaf=7).fit(task(X, y))
    peer = DecisionTreeClassifier(max_depth=4, min_samples_leaf=7, random_state=0).fit(X, y)
    np.testing.assert_allclose(fitted.predict_proba(X), peer.predict_proba(X), rtol=0, atol=1e-12)
    np.testing.assert_allclose(fitted.feature_importances(), peer.feature_importances_, atol=1e-12)


def test_out_of_bag_score_agrees_with_scikit_learn() -> None:
    X, y = market(3)
    settings: dict[str, Any] = {"n_estimators": 100, "max_samples": 0.7, "min_samples_leaf": 10}
    fitted = RandomForestTrainer(**settings).fit(task(X, y))
    peer = PeerForest(
        **settings,
        max_depth=10,
        min_samples_split=20,
        class_weight="balanced",
        oob_score=True,
        random_state=0,
    ).fit(X, y)
    assert abs(fitted.oob_score - peer.oob_score_) < 0.025
    assert np.isnan(RandomForestTrainer(n_estimators=3, oob_score=False).fit(task(X, y)).oob_score)


def test_importances_find_the_columns_that_matter() -> None:
    X, y = market(1)
    importances = RandomForestTrainer(n_estimators=50).fit(task(X, y)).feature_importances()
    assert importances.sum() == pytest.approx(1.0)
    assert int(importances.argmax()) == 0
    assert set(np.argsort(importances)[-4:]) == {0, 1, 2, 3}


# ---- the split search against a slow obvious one ------------------------------


def gini_score(masses: NDArray[np.float64]) -> float:
    return float((masses**2).sum() / masses.sum()) if masses.sum() > 0 else 0.0


def best_score_by_trying_everything(
    X: NDArray[np.float32], y: NDArray[np.int32], weight: NDArray[np.float64], k: int, min_leaf: int
) -> float:
    best = -1.0
    for j in range(X.shape[1]):
        column = X[:, j]
        missing = np.isnan(column)
        for cut, missing_left in itertools.product(np.unique(column[~missing]), (False, True)):
            left = np.where(missing, missing_left, np.nan_to_num(column) <= cut)
            if min(left.sum(), (~left).sum()) < max(1, min_leaf):
                continue
            sides = [np.bincount(y[side], weights=weight[side], minlength=k) for side in (left, ~left)]
            best = max(best, sum(gini_score(side) for side in sides))
    return best


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("k", [2, 3, 5, 9])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_root_split_is_the_best_of_all(seed: int, k: int, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    n, min_leaf = 40, 1 + seed % 4
    X = rng.integers(0, 12, size=(n, 3)).astype(np.float32)
    X[rng.random(X.shape) < 0.15 * (seed % 3)] = np.nan
    y = np.concatenate([np.arange(k), rng.integers(0, k, n - k)]).astype(np.int32)
    weight = rng.uniform(0.5, 2.0, n) if weighted else np.ones(n)
    fitted = one_tree(max_depth=1, min_samples_leaf=min_leaf).fit(task(X, y, n_classes=k, weight=weight))
    arrays = fitted.to_state()[1]
    column = X[:, arrays["feature"][0]]
    left = np.where(np.isnan(column), arrays["missing_left"][0] == 1, np.nan_to_num(column) <= arrays["threshold"][0])
    sides = [np.bincount(y[side], weights=weight[side], minlength=k) for side in (left, ~left)]
    assert min(left.sum(), (~left).sum()) >= min_leaf
    assert sum(gini_score(side) for side in sides) == pytest.approx(
        best_score_by_trying_everything(X, y, weight, k, min_leaf), rel=1e-12
    )
    for leaf, side in zip((1, 2), sides, strict=True):
        share = arrays["leaf_share"][arrays["left"][leaf]]
        np.testing.assert_allclose(share, side / side.sum(), rtol=1e-12)


@pytest.mark.parametrize("k", [2, 3, 4, 7])
def test_packed_and_wide_histograms_grow_the_same_forest(k: int) -> None:
    rng = np.random.default_rng(k)
    X = rng.normal(size=(500, 8)).astype(np.float32)
    X[rng.random(X.shape) < 0.05] = np.nan
    y = rng.integers(0, k, 500).astype(np.int32)
    binned = make_binned(X, np.arange(500))
    settings = {
        "n_trees": 10, "max_depth": 0, "min_samples_split": 2, "min_samples_leaf": 2, "max_features": 3,
        "n_draw": 350, "bootstrap": True, "class_weight": "balanced", "oob_score": True,
    }  # fmt: skip
    forests = [
        _load.core().fit_forest(
            binned.native, np.arange(500), y, None, k, {**settings, "allow_packed": packed}, 1, 1, None, 0.0
        )
        for packed in (True, False)
    ]
    first, second = (forest["forest"].arrays() for forest in forests)
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)
    assert forests[0]["oob_score"] == forests[1]["oob_score"]


def test_more_rows_than_a_packed_lane_can_count_are_counted_right() -> None:
    n = 140_000
    X = (np.arange(n, dtype=np.float32) % 7)[:, None]
    y = (X[:, 0] > 3).astype(np.int32)
    fitted = one_tree().fit(task(X, y))
    assert 3 < fitted.to_state()[1]["threshold"][0] < 4
    np.testing.assert_array_equal(fitted.predict_proba(X[:7])[:, 1], y[:7])


def test_columns_constant_in_a_node_do_not_use_up_its_tries() -> None:
    X = np.zeros((60, 40), dtype=np.float32)
    X[:, 17] = np.arange(60)
    y = (np.arange(60) >= 30).astype(np.int32)
    fitted = one_tree(max_features=1).fit(task(X, y))
    assert fitted.to_state()[1]["feature"][0] == 17


# ---- determinism ------------------------------------------------------------


@pytest.mark.parametrize("threads", [2, 4])
def test_the_forest_is_the_same_for_any_number_of_threads(threads: int) -> None:
    X, y = market(2, n=600)
    X[::7, 3] = np.nan
    weight = np.random.default_rng(0).uniform(0.5, 2, len(X))
    trainer = RandomForestTrainer(n_estimators=30)
    one = trainer.fit(task(X, y, weight=weight))
    many = trainer.fit(task(X, y, weight=weight, threads=threads))
    assert same_arrays(one, many)
    assert one.oob_score == many.oob_score
    assert one.predict_proba(X).tobytes() == many.predict_proba(X).tobytes()


def test_seeds_give_different_forests_and_more_trees_keep_the_first_ones() -> None:
    X, y = market(2, n=400)
    few = RandomForestTrainer(n_estimators=5).fit(task(X, y))
    more = RandomForestTrainer(n_estimators=9).fit(task(X, y))
    nodes = len(few.to_state()[1]["feature"])
    np.testing.assert_array_equal(more.to_state()[1]["threshold"][:nodes], few.to_state()[1]["threshold"])
    assert not same_arrays(few, RandomForestTrainer(n_estimators=5).fit(task(X, y, seed=7)))


def test_shared_bins_give_the_forest_of_own_bins() -> None:
    X, y = market(4, n=500)
    rows = np.arange(0, 400)
    own = RandomForestTrainer(n_estimators=5).fit(task(X, y, rows=rows))
    shared = RandomForestTrainer(n_estimators=5).fit(task(X, y, rows=rows, binned=make_binned(X, rows)))
    assert same_arrays(own, shared)


def test_rows_outside_the_training_rows_change_nothing() -> None:
    X, y = market(4, n=500)
    rows = np.arange(0, 400)
    first = RandomForestTrainer(n_estimators=5).fit(task(X, y, rows=rows))
    changed, labels = X.copy(), y.copy()
    changed[400:] = 1e6
    labels[400:] = -1
    assert same_arrays(first, RandomForestTrainer(n_estimators=5).fit(task(changed, labels, n_classes=3, rows=rows)))


# ---- weights ----------------------------------------------------------------


def test_a_row_of_weight_zero_is_absent() -> None:
    X, y = market(6, n=400)
    weight = np.ones(400)
    weight[::3] = 0
    trainer = RandomForestTrainer(n_estimators=8)
    present = np.flatnonzero(weight)
    assert same_arrays(trainer.fit(task(X, y, weight=weight)), trainer.fit(task(X, y, rows=present)))


def test_equal_weights_are_no_weights() -> None:
    X, y = market(6, n=400)
    trainer = RandomForestTrainer(n_estimators=8)
    assert same_arrays(trainer.fit(task(X, y, weight=np.full(400, 3.5))), trainer.fit(task(X, y)))


# ---- missing values -----------------------------------------------------------


def test_missingness_itself_can_be_the_signal() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2)).astype(np.float32)
    y = (rng.random(400) < 0.5).astype(np.int32)
    X[y == 1, 1] = np.nan
    fitted = RandomForestTrainer(n_estimators=10, max_features=None).fit(task(X, y))
    assert (fitted.predict_proba(X).argmax(axis=1) == y).all()
    assert np.isfinite(fitted.to_state()[1]["threshold"]).all()


def test_a_missing_value_unseen_in_training_follows_the_majority() -> None:
    X = np.arange(40, dtype=np.float32)[:, None]
    y = (X[:, 0] >= 10).astype(np.int32)
    fitted = one_tree(max_depth=1).fit(task(X, y))
    assert fitted.predict_proba(np.array([[np.nan]], dtype=np.float32))[0].argmax() == 1


def test_prediction_walks_the_stored_trees() -> None:
    X, y = market(8, n=300)
    X[np.random.default_rng(1).random(X.shape) < 0.2] = np.nan
    fitted = RandomForestTrainer(n_estimators=7, min_samples_leaf=3).fit(task(X, y))
    arrays = fitted.to_state()[1]
    expected = np.zeros((len(X), 3))
    for tree, i in itertools.product(range(7), range(len(X))):
        start, node = arrays["node_start"][tree], 0
        while arrays["feature"][start + node] >= 0:
            at = start + node
            x = X[i, arrays["feature"][at]]
            left = arrays["missing_left"][at] == 1 if np.isnan(x) else x <= arrays["threshold"][at]
            node = arrays["left"][at] if left else arrays["right"][at]
        expected[i] += arrays["leaf_share"][arrays["leaf_start"][tree] + arrays["left"][start + node]]
    np.testing.assert_array_equal(fitted.predict_proba(X), expected / 7)
    for i in range(0, 300, 37):  # one row at a time takes another path through the kernel
        np.testing.assert_array_equal(fitted.predict_proba(X, np.array([i]))[0], expected[i] / 7)


# ---- ending early -------------------------------------------------------------


def test_a_time_limit_leaves_a_smaller_forest_of_whole_trees() -> None:
    X, y = market(0, n=300)
    fitted = RandomForestTrainer(n_estimators=200_000).fit(task(X, y, time_limit_s=0.3, threads=2))
    assert 1 <= fitted.n_trees < 200_000
    assert not fitted.complete
    assert fitted.stop_reason == "timeout"
    assert f"after {fitted.n_trees} of 200000 trees" in fitted.warnings[0]
    np.testing.assert_allclose(fitted.predict_proba(X).sum(axis=1), 1.0)
    restored = FittedForest.from_state(*fitted.to_state())
    assert restored.n_trees == fitted.n_trees
    assert restored.stop_reason == "timeout"


def test_a_stop_flag_set_beforehand_ends_the_fit_without_a_model() -> None:
    X, y = market(0, n=300)
    with pytest.raises(TrainingFailed, match="cancelled"):
        RandomForestTrainer().fit(task(X, y, stop=np.ones(1, dtype=np.uint8)))


def test_a_complete_fit_says_so() -> None:
    X, y = market(0, n=300)
    fitted = RandomForestTrainer(n_estimators=3).fit(task(X, y))
    assert fitted.complete
    assert fitted.stop_reason == ""
    assert fitted.warnings == []
    assert fitted.history["step"].tolist() == [3.0]


# ---- stored state -------------------------------------------------------------


def state() -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    X, y = market(9, n=300)
    meta, arrays = RandomForestTrainer(n_estimators=3, min_samples_leaf=20).fit(task(X, y)).to_state()
    return meta, {name: array.copy() for name, array in arrays.items()}


def test_a_restored_forest_predicts_the_same_bits() -> None:
    X, y = market(9, n=300)
    fitted = RandomForestTrainer(n_estimators=5).fit(task(X, y))
    restored = FittedForest.from_state(*fitted.to_state())
    assert restored.predict_proba(X).tobytes() == fitted.predict_proba(X).tobytes()
    assert restored.oob_score == fitted.oob_score
    assert same_arrays(restored, fitted)


def inner_node(arrays: dict[str, NDArray[Any]], after: int = 0) -> int:
    return int(np.flatnonzero(arrays["feature"][after:] >= 0)[0]) + after


def leaf_node(arrays: dict[str, NDArray[Any]]) -> int:
    return int(np.flatnonzero(arrays["feature"] < 0)[0])


TAMPERINGS: dict[str, Any] = {
    "child before its parent": lambda a: a["left"].__setitem__(inner_node(a), 0),
    "child past the end": lambda a: a["left"].__setitem__(inner_node(a), 10**6),
    "child negative": lambda a: a["left"].__setitem__(inner_node(a), -5),
    "right child elsewhere": lambda a: a["right"].__setitem__(inner_node(a), 1),
    "shared child": lambda a: (
        a["left"].__setitem__(inner_node(a, 1), 1),
        a["right"].__setitem__(inner_node(a, 1), 2),
    ),
    "feature too large": lambda a: a["feature"].__setitem__(inner_node(a), 12),
    "feature below -1": lambda a: a["feature"].__setitem__(leaf_node(a), -2),
    "threshold NaN": lambda a: a["threshold"].__setitem__(inner_node(a), np.nan),
    "threshold infinite": lambda a: a["threshold"].__setitem__(inner_node(a), np.inf),
    "missing direction 2": lambda a: a["missing_left"].__setitem__(0, 2),
    "leaf number too large": lambda a: a["left"].__setitem__(leaf_node(a), 10**6),
    "leaf number used twice": lambda a: a["left"].__setitem__(leaf_node(a), 1 - a["left"][leaf_node(a)]),
    "leaf share NaN": lambda a: a["leaf_share"].__setitem__((0, 0), np.nan),
    "leaf shares off": lambda a: a["leaf_share"].__setitem__(0, 0.9),
    "tree starts backwards": lambda a: a["node_start"].__setitem__(1, 10**9),
    "importance NaN": lambda a: a["importances"].__setitem__(0, np.nan),
    "node array short": lambda a: a.__setitem__("left", a["left"][:-1]),
    "array missing": lambda a: a.pop("right"),
    "array of another type": lambda a: a.__setitem__("threshold", a["threshold"].astype(np.float64)),
    "leaf shares too wide": lambda a: a.__setitem__("leaf_share", np.hstack([a["leaf_share"], a["leaf_share"]])),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_a_tampered_forest_is_refused(name: str) -> None:
    meta, arrays = state()
    FittedForest.from_state(meta, arrays)
    TAMPERINGS[name](arrays)
    with pytest.raises(ArtifactError, match="forest"):
        FittedForest.from_state(meta, arrays)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("n_features", 0),
        ("n_features", 5),
        ("n_classes", "3"),
        ("n_trees", 4),
        ("oob_score", 7.0),
        ("warnings", "x"),
    ],
)
def test_tampered_metadata_is_refused(key: str, value: Any) -> None:
    meta, arrays = state()
    with pytest.raises(ArtifactError, match="forest"):
        FittedForest.from_state({**meta, key: value}, arrays)


def test_no_random_change_of_a_stored_forest_breaks_prediction() -> None:
    X, _ = market(9, n=50)
    rng = np.random.default_rng(0)
    meta, clean = state()
    refused = 0
    for _ in range(400):
        arrays = {name: array.copy() for name, array in clean.items()}
        raw = arrays[rng.choice(list(arrays))].view(np.uint8).reshape(-1)
        raw[rng.integers(len(raw))] ^= 1 << rng.integers(8)
        try:
            proba = FittedForest.from_state(meta, arrays).predict_proba(X)
        except ArtifactError:
            refused += 1
        else:
            assert np.isfinite(proba).all()
    assert refused > 100


# ---- bad input ----------------------------------------------------------------


def test_wrong_settings_are_reported_all_at_once() -> None:
    with pytest.raises(InputError) as caught:
        RandomForestTrainer(n_estimators=0, max_depth=-1, max_features=1.5, class_weight="fair")
    for word in ("n_estimators", "max_depth", "max_features", "class_weight", "'fair'"):
        assert word in str(caught.value)


def test_infinite_values_are_refused_with_column_and_row() -> None:
    X, y = market(0, n=100)
    X[7, 2] = np.inf
    with pytest.raises(InputError, match=r"column 2, row 7"):
        RandomForestTrainer().fit(task(X, y))


def test_one_class_and_no_rows_are_refused() -> None:
    X, y = market(0, n=100)
    with pytest.raises(OneClass):
        RandomForestTrainer().fit(task(X, np.zeros(100, dtype=np.int32), n_classes=2))
    with pytest.raises(TooFewRows):
        RandomForestTrainer().fit(task(X, y, rows=np.empty(0, dtype=np.int64)))


def test_rows_without_a_label_are_refused() -> None:
    X, y = market(0, n=100)
    y[3] = -1
    with pytest.raises(InputError, match="row 3"):
        RandomForestTrainer().fit(task(X, y))


def test_a_class_missing_in_the_training_rows_keeps_its_column() -> None:
    X, y = market(0, n=300)
    rows = np.flatnonzero(y != 1)
    proba = RandomForestTrainer(n_estimators=5).fit(task(X, y, rows=rows)).predict_proba(X)
    assert proba.shape == (300, 3)
    assert (proba[:, 1] == 0).all()


def test_bins_fitted_on_other_rows_are_a_leak() -> None:
    X, y = market(0, n=300)
    with pytest.raises(SplitLeak, match="row 250"):
        RandomForestTrainer().fit(task(X, y, rows=np.arange(250), binned=make_binned(X, np.arange(300))))


def test_a_wrong_number_of_columns_is_refused_at_prediction() -> None:
    X, y = market(0, n=300)
    fitted = RandomForestTrainer(n_estimators=2).fit(task(X, y))
    with pytest.raises(InputError, match="12 columns"):
        fitted.predict_proba(np.ascontiguousarray(X[:, :5]))


def test_extreme_but_finite_values_give_finite_results() -> None:
    X, y = market(0, n=300)
    X[:, 0] *= np.float32(1e38) / np.abs(X[:, 0]).max()
    X[:, 1] *= np.float32(1e-42)
    X[:, 2] = 5.0
    X[:, 3] = np.nan
    proba = RandomForestTrainer(n_estimators=10).fit(task(X, y)).predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)


@pytest.mark.parametrize("make", [lambda X: X[:2], lambda X: X[:3]])
def test_two_or_three_rows_make_a_forest_of_priors(make: Any) -> None:
    X = make(np.arange(6, dtype=np.float32).reshape(3, 2))
    y = np.array([0, 1, 1], dtype=np.int32)[: len(X)]
    fitted = RandomForestTrainer(n_estimators=20).fit(task(X, y))
    assert np.isfinite(fitted.predict_proba(X)).all()
    assert (fitted.feature_importances() == 0).all()


# ---- bins -----------------------------------------------------------------------


def test_a_code_is_the_number_of_edges_below_the_value() -> None:
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=3000), rng.integers(0, 5, 1000), [np.nan] * 50]).astype(np.float32)[:, None]
    native = make_binned(X, np.arange(len(X))).native
    edges, codes = native.edges(0), native.codes()[0]
    assert len(edges) <= 254
    assert (np.diff(edges) > 0).all()
    missing = np.isnan(X[:, 0])
    assert (codes[missing] == 255).all()
    np.testing.assert_array_equal(codes[~missing], np.searchsorted(edges, X[~missing, 0], side="left"))


def test_bins_hold_about_equally_many_rows_and_few_values_get_their_own() -> None:
    X = np.random.default_rng(0).normal(size=(10_000, 1)).astype(np.float32)
    counts = np.bincount(make_binned(X, np.arange(len(X))).native.codes()[0], minlength=255)
    assert len(counts) == 255
    assert counts.max() <= 60
    small = np.array([3, 1, 2, 2, 1, 3, 1], dtype=np.float32)[:, None]
    native = make_binned(small, np.arange(7)).native
    assert native.edges(0).tolist() == [1.5, 2.5]
    assert native.codes()[0].tolist() == [2, 0, 1, 1, 0, 2, 0]


def test_a_frequent_value_gets_a_bin_of_its_own() -> None:
    rng = np.random.default_rng(0)
    X = np.concatenate([np.zeros(3000), rng.normal(size=3000)]).astype(np.float32)[:, None]
    codes = make_binned(X, np.arange(6000)).native.codes()[0]
    assert (codes == codes[0]).sum() < 3020


def test_edges_come_from_the_given_rows_only() -> None:
    X = np.random.default_rng(0).normal(size=(500, 3)).astype(np.float32)
    changed = X.copy()
    changed[300:] *= 100
    for j in range(3):
        first = make_binned(X, np.arange(300)).native.edges(j)
        np.testing.assert_array_equal(first, make_binned(changed, np.arange(300)).native.edges(j))


@pytest.mark.parametrize("n_bins", [1, 65_536])
def test_a_wrong_number_of_bins_is_refused(n_bins: int) -> None:
    with pytest.raises(InputError, match="n_bins"):
        make_binned(np.zeros((3, 1), dtype=np.float32), np.arange(3), n_bins=n_bins)
