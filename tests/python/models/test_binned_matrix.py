"""The public binned matrix: what it holds, and forests that learn from views of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from smctrain.exceptions import InputError, OneClass, SplitLeak, TooFewRows
from smctrain.models import (
    BinnedMatrix,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    LogisticRegression,
    RandomForestClassifier,
    RandomForestQuantileRegressor,
    RandomForestRegressor,
    Ridge,
    XGBoostClassifier,
)

CLASSIFIERS = (RandomForestClassifier, ExtraTreesClassifier)
REGRESSORS = (RandomForestRegressor, ExtraTreesRegressor, RandomForestQuantileRegressor)


def data(n: int = 400, d: int = 5, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[Any], NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)).astype(np.float32)
    X[rng.random((n, d)) < 0.05] = np.nan
    score = np.nan_to_num(X[:, 0]) + rng.normal(size=n)
    return X, np.array(["down", "flat", "up"])[np.digitize(score, [-0.5, 0.5])], score


def same(a: Any, b: Any) -> bool:
    first, second = a.fitted_.to_state()[1], b.fitted_.to_state()[1]
    return set(first) == set(second) and all(first[name].tobytes() == second[name].tobytes() for name in first)


def small(cls: Any, **more: Any) -> Any:
    return cls(n_estimators=8, min_samples_leaf=3, random_state=7, **more)


# ---- what it holds ----------------------------------------------------------


def test_a_code_counts_the_edges_below_the_value() -> None:
    X, _, _ = data()
    bins = BinnedMatrix(X, n_bins=16)
    assert bins.shape == (len(bins), bins.n_features) == X.shape
    assert bins.codes.shape == X.shape[::-1]
    for j in range(X.shape[1]):
        known = ~np.isnan(X[:, j])
        np.testing.assert_array_equal(bins.codes[j][known], np.searchsorted(bins.edges(j), X[known, j], side="left"))
        assert (bins.codes[j][~known] == bins.missing_code).all()
        assert len(bins.edges(j)) <= 15


def test_codes_cannot_be_changed() -> None:
    codes = BinnedMatrix(data()[0]).codes
    with pytest.raises(ValueError, match="read-only"):
        codes[0, 0] = 1


def test_edges_see_the_given_rows_only() -> None:
    X, _, _ = data()
    train = np.arange(250)
    bins = BinnedMatrix(X, rows=train)
    changed = X.copy()
    changed[250:] = 1e6
    other = BinnedMatrix(changed, rows=np.arange(len(X)) < 250)
    np.testing.assert_array_equal(bins.rows, other.rows)
    for j in range(X.shape[1]):
        np.testing.assert_array_equal(bins.edges(j), other.edges(j))
    np.testing.assert_array_equal(bins.codes[:, :250], other.codes[:, :250])


def test_codes_do_not_depend_on_the_thread_count_or_the_layout_of_x() -> None:
    X, _, _ = data()
    plain = BinnedMatrix(X)
    for other in (BinnedMatrix(X, threads=3), BinnedMatrix(np.asfortranarray(X)), BinnedMatrix(X.astype(np.float64))):
        np.testing.assert_array_equal(plain.codes, other.codes)


@pytest.mark.parametrize(
    ("X", "options", "message"),
    [
        (np.zeros(3), {}, "X must have 2 dimensions"),
        (np.array([["a"]], dtype=object), {}, "X must hold numbers, but has dtype object"),
        (np.array([[0.0, np.inf]]), {}, "X: column 1, row 0, is inf"),
        (np.array([[0.0, 1e300]]), {}, "X: column 1, row 0, is 1e[+]300"),
        (np.zeros((3, 1)), {"rows": [0, 3]}, "rows must lie in 0..2, but holds 3"),
        (np.zeros((3, 1)), {"rows": [0, 0]}, "rows must hold each row once, but row 0 comes twice: use weights"),
        (np.zeros((3, 1)), {"rows": [0.5]}, "rows must be a list of row numbers or a mask"),
        (np.zeros((3, 1)), {"rows": np.array([True])}, "rows as a mask must have one entry for each of the 3 rows"),
        (np.zeros((3, 1)), {"n_bins": 1}, "n_bins|max_bins"),
    ],
)
def test_bad_input_is_named(X: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        BinnedMatrix(X, **options)


@pytest.mark.parametrize(
    ("weight", "message"),
    [([1.0], "weight must have one entry for each of the 2 rows"), ([1.0, -1.0], "weight must be finite and not")],
)
def test_bad_weights_of_a_view_are_named(weight: list[float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        BinnedMatrix(np.zeros((3, 1))).view([0, 1], weight)


# ---- forests on views -------------------------------------------------------


@pytest.mark.parametrize("cls", CLASSIFIERS + REGRESSORS)
def test_a_fit_on_a_view_equals_a_fit_on_the_rows(cls: Any) -> None:
    X, classes, score = data()
    y = classes if cls in CLASSIFIERS else score
    train = np.r_[20:180, 230:400]
    bins = BinnedMatrix(X, rows=train)
    ours = small(cls).fit(bins.view(train), y[train])
    assert same(ours, small(cls).fit(X[train], y[train]))
    assert ours.n_features_in_ == X.shape[1]
    np.testing.assert_array_equal(ours.predict(X), small(cls).fit(X[train], y[train]).predict(X))


@pytest.mark.parametrize("cls", [RandomForestClassifier, RandomForestRegressor])
def test_weights_of_view_and_call_multiply(cls: Any) -> None:
    X, classes, score = data()
    y = classes if cls is RandomForestClassifier else score
    rng = np.random.default_rng(1)
    first, second = rng.uniform(0.5, 2, len(X)), rng.uniform(0.5, 2, len(X))
    bins = BinnedMatrix(X)
    ours = small(cls).fit(bins.view(weight=first), y, sample_weight=second)
    assert same(ours, small(cls).fit(X, y, sample_weight=first * second))


def test_a_row_of_weight_zero_counts_as_absent() -> None:
    X, y, _ = data()
    train = np.arange(300)
    weight = np.ones(len(X))
    weight[300:] = 0.0
    bins = BinnedMatrix(X, rows=train)
    ours = small(RandomForestClassifier).fit(bins.view(np.arange(len(X)), weight), y)
    assert same(ours, small(RandomForestClassifier).fit(X[train], y[train]))


def test_the_matrix_itself_is_a_view_of_all_rows() -> None:
    X, y, _ = data()
    forest = small(RandomForestClassifier)
    assert same(forest.fit(BinnedMatrix(X), y), small(RandomForestClassifier).fit(X, y))


def test_labels_follow_the_views_rows_and_their_order_does_not_matter() -> None:
    X, y, _ = data()
    mixed = np.random.default_rng(3).permutation(300)
    weight = np.random.default_rng(4).uniform(0.5, 2, len(X))
    ours = small(RandomForestClassifier).fit(BinnedMatrix(X, rows=mixed).view(mixed, weight[mixed]), y[mixed])
    assert same(ours, small(RandomForestClassifier).fit(X[:300], y[:300], sample_weight=weight[:300]))


def test_class_weights_work_on_views() -> None:
    X, y, _ = data()
    weights = {"down": 1.0, "flat": 3.0, "up": 0.5}
    ours = small(RandomForestClassifier, class_weight=weights).fit(BinnedMatrix(X), y)
    assert same(ours, small(RandomForestClassifier, class_weight=weights).fit(X, y))


def test_column_names_are_checked_at_prediction() -> None:
    pd = pytest.importorskip("pandas")
    X, y, _ = data()
    frame = pd.DataFrame(X, columns=list("abcde"))
    forest = small(RandomForestClassifier).fit(BinnedMatrix(frame), y)
    assert list(forest.feature_names_in_) == list("abcde")
    with pytest.raises(ValueError, match="feature names"):
        forest.predict(frame[list("edcba")])
    assert not hasattr(forest.fit(BinnedMatrix(X), y), "feature_names_in_")


def test_bins_that_saw_a_row_outside_the_view_are_refused() -> None:
    X, y, _ = data()
    with pytest.raises(SplitLeak, match="the bins were fitted on row 300, which is no training row") as caught:
        small(RandomForestClassifier).fit(BinnedMatrix(X).view(np.arange(300)), y[:300])
    assert caught.value.code == "outside_train"


@pytest.mark.parametrize("cls", [XGBoostClassifier, LogisticRegression, Ridge])
def test_families_that_need_values_refuse_codes(cls: Any) -> None:
    X, y, score = data()
    with pytest.raises(InputError):
        cls().fit(BinnedMatrix(np.nan_to_num(X)), y if cls is not Ridge else score)


def test_wrong_labels_are_named() -> None:
    X, y, _ = data()
    bins = BinnedMatrix(X)
    with pytest.raises(InputError, match="y must have one entry for each of the 400 rows in view, but has 3"):
        small(RandomForestClassifier).fit(bins, y[:3])
    with pytest.raises(OneClass):
        small(RandomForestClassifier).fit(bins, np.zeros(len(X)))
    with pytest.raises(TooFewRows):
        small(RandomForestClassifier).fit(bins.view([]), [])
    with pytest.raises(InputError, match="X_val must be None"):
        small(RandomForestClassifier).fit(bins, y, X_val=X, y_val=y)
