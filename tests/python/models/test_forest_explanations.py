"""SHAP values against all subsets of columns, permutation importance against predicting everything again."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from smctrain import _load
from smctrain.exceptions import InputError
from smctrain.models import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestQuantileRegressor,
    RandomForestRegressor,
)

FOREST = (RandomForestClassifier, ExtraTreesClassifier, RandomForestRegressor, ExtraTreesRegressor)


def bars(seed: int, n: int = 300, d: int = 4, missing: float = 0.1) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)).astype(np.float32)
    y = X[:, 0] + X[:, 1] * X[:, 2] + 0.3 * rng.normal(size=n)
    X[rng.random(X.shape) < missing] = np.nan
    return X, y


def classes(score: NDArray[np.float64], k: int = 3) -> NDArray[np.int64]:
    return np.digitize(score, np.quantile(score, np.arange(1, k) / k))


def fit(model: Any, X: Any, y: NDArray[np.float64], k: int = 3, **settings: Any) -> Any:
    target = classes(y, k) if "Classifier" in model.__name__ else y
    return model(**{"random_state": 0, "min_samples_leaf": 3, "min_samples_split": 6} | settings).fit(X, target)


def prediction(model: Any, X: Any) -> NDArray[np.float64]:
    return model.predict_proba(X) if hasattr(model, "classes_") else model.predict(X)[:, None]


# ---- SHAP -------------------------------------------------------------------


def expectation(arrays: dict[str, Any], tree: int, x: NDArray[np.float32], known: set[int]) -> NDArray[np.float64]:
    """Prediction of a tree where only some columns are known: the others split by training mass."""
    start, first_leaf = arrays["node_start"][tree], arrays["leaf_start"][tree]

    def at(node: int) -> NDArray[np.float64]:
        i = start + node
        column = arrays["feature"][i]
        if column < 0:
            return arrays["leaf_share"][first_leaf + arrays["left"][i]]
        left, right = arrays["left"][i], arrays["right"][i]
        if column in known:
            value = x[column]
            goes_left = arrays["missing_left"][i] == 1 if np.isnan(value) else value <= arrays["threshold"][i]
            return at(left if goes_left else right)
        share = arrays["cover"][start + left] / arrays["cover"][i]
        return share * at(left) + (1 - share) * at(right)

    return at(0)


def shapley(arrays: dict[str, Any], x: NDArray[np.float32], d: int) -> NDArray[np.float64]:
    """By the definition: the weighted sum over all subsets of the other columns."""
    n_trees = len(arrays["node_start"]) - 1
    value = {
        known: sum(expectation(arrays, tree, x, set(known)) for tree in range(n_trees)) / n_trees
        for size in range(d + 1)
        for known in itertools.combinations(range(d), size)
    }
    out = np.zeros((d + 1, arrays["leaf_share"].shape[1]))
    out[d] = value[()]
    for j, size in itertools.product(range(d), range(d)):
        weight = math.factorial(size) * math.factorial(d - size - 1) / math.factorial(d)
        for known in itertools.combinations([c for c in range(d) if c != j], size):
            out[j] += weight * (value[tuple(sorted((*known, j)))] - value[known])
    return out


@pytest.mark.parametrize("model", FOREST)
@pytest.mark.parametrize("depth", [1, 2, 4, None])
def test_shap_values_are_shapley_values_by_definition(model: Any, depth: int | None) -> None:
    X, y = bars(0)
    weight = np.random.default_rng(1).uniform(0.5, 2, len(X))
    settings = {"n_estimators": 3, "max_depth": depth, "random_state": 0, "min_samples_leaf": 3}
    target = classes(y) if "Classifier" in model.__name__ else y
    fitted = model(**settings).fit(X, target, sample_weight=weight)
    arrays = fitted.fitted_.to_state()[1]
    values = fitted.shap_values(X[:6])
    for i in range(6):
        np.testing.assert_allclose(values[i], shapley(arrays, X[i], 4), rtol=0, atol=1e-12)


def test_shap_values_of_many_columns_on_one_path_are_exact() -> None:
    X, y = bars(3, n=500, d=8)
    fitted = fit(RandomForestRegressor, X, y, n_estimators=2, max_depth=None, min_samples_leaf=1, max_features=2)
    arrays = fitted.fitted_.to_state()[1]
    np.testing.assert_allclose(fitted.shap_values(X[:1])[0], shapley(arrays, X[0], 8), rtol=0, atol=1e-11)


@pytest.mark.parametrize("model", [*FOREST, RandomForestQuantileRegressor])
@pytest.mark.parametrize("depth", [3, 10, None])
def test_contributions_add_up_to_the_prediction(model: Any, depth: int | None) -> None:
    X, y = bars(1, n=600, d=20)
    fitted = fit(model, X, y, n_estimators=20, max_depth=depth, min_samples_leaf=1, min_samples_split=2)
    expected = prediction(fitted, X)
    values = fitted.shap_values(X)
    assert values.shape == (600, 21, expected.shape[1])
    np.testing.assert_allclose(values.sum(axis=1), expected, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(values[0, -1], values[-1, -1])


@pytest.mark.parametrize("k", [2, 9])
def test_contributions_to_all_classes_cancel(k: int) -> None:
    X, y = bars(2, n=400)
    fitted = fit(RandomForestClassifier, X, y, k, n_estimators=10)
    values = fitted.shap_values(X[:50])
    np.testing.assert_allclose(values[:, :-1].sum(axis=2), 0, atol=1e-12)
    np.testing.assert_allclose(values.sum(axis=1), fitted.predict_proba(X[:50]), rtol=0, atol=1e-9)


def test_a_column_no_tree_uses_contributes_nothing_and_a_stump_forest_is_its_base() -> None:
    X, y = bars(2)
    X[:, 3] = 0
    assert (fit(RandomForestClassifier, X, y, n_estimators=5).shap_values(X)[:, 3] == 0).all()
    constant = RandomForestRegressor(3).fit(X, np.full(len(X), 2.0))
    values = constant.shap_values(X[:2])
    assert (values[:, -1] == 2.0).all()
    assert (values[:, :-1] == 0).all()


def test_shap_values_are_the_same_for_any_number_of_threads() -> None:
    X, y = bars(4, n=500)
    native = fit(RandomForestClassifier, X, y, n_estimators=10).fitted_.native
    one = native.shap_values(X, 1)
    assert all(native.shap_values(X, threads).tobytes() == one.tobytes() for threads in (2, 4))


def test_a_forest_without_masses_says_so() -> None:
    X, y = bars(4)
    fitted = fit(RandomForestClassifier, X, y, n_estimators=3)
    meta, arrays = fitted.fitted_.to_state()
    old = type(fitted.fitted_).from_state(meta, {name: a for name, a in arrays.items() if name != "cover"})
    fitted._adopt(old, fitted.classes_)
    fitted.predict(X)
    with pytest.raises(InputError, match="fit it again"):
        fitted.shap_values(X)


# ---- permutation importance -----------------------------------------------------


def ties(fitted: Any, X: NDArray[np.float32]) -> int:
    """Rows whose best classes differ by rounding alone, so that the order of a sum decides between them."""
    if not hasattr(fitted, "classes_"):
        return 0
    best = np.sort(fitted.predict_proba(X), axis=1)
    return int((best[:, -1] - best[:, -2] < 1e-9).sum())


@pytest.mark.parametrize("model", FOREST)
@pytest.mark.parametrize("depth", [3, None])
def test_importances_are_those_of_predicting_everything_again(model: Any, depth: int | None) -> None:
    X, y = bars(5, n=400)
    fitted = fit(model, X[:200], y[:200], n_estimators=15, max_depth=depth)
    target = classes(y)[200:] if "Classifier" in model.__name__ else y[200:]
    X = X[200:]
    settings = {
        "n_repeats": 3,
        "horizon": 4,
        "random_state": 11,
        "metric": "accuracy" if "Classifier" in model.__name__ else "r2",
    }
    result = fitted.permutation_importance(X, target, **settings)
    sources = _load.core().permuted_rows(200, 4, 3, 11)
    expected = np.empty((4, 3))
    spare = np.full((4, 3), 1e-12)
    for j, r in itertools.product(range(4), range(3)):
        moved = X.copy()
        moved[:, j] = X[sources[r], j]
        expected[j, r] = fitted.score(X, target) - fitted.score(moved, target)
        spare[j, r] += ties(fitted, moved) / len(X)
    assert (np.abs(result.importances - expected) <= spare).all()
    assert (spare == 1e-12).mean() > 0.5
    np.testing.assert_allclose(result.importances_mean, result.importances.mean(axis=1), atol=1e-12)
    np.testing.assert_allclose(result.importances_std, result.importances.std(axis=1), atol=1e-12)
    assert result.score == pytest.approx(fitted.score(X, target))
    again = fitted.set_params(n_jobs=3).permutation_importance(X, target, **settings)
    assert again.importances.tobytes() == result.importances.tobytes()


def test_importance_finds_the_columns_that_matter() -> None:
    X, y = bars(6, n=1000, missing=0)
    fitted = fit(RandomForestRegressor, X[:700], y[:700], n_estimators=40, max_features=None)
    importance = fitted.permutation_importance(X[700:], y[700:], random_state=0).importances_mean
    assert importance[0] > 0.3
    assert abs(importance[3]) < 0.05


@pytest.mark.parametrize(("n", "horizon"), [(200, 1), (203, 5), (64, 4)])
def test_rows_move_in_whole_blocks(n: int, horizon: int) -> None:
    sources = _load.core().permuted_rows(n, horizon, 6, 3)
    for source in sources:
        assert sorted(source) == list(range(n))
        breaks = np.flatnonzero(np.diff(source) != 1) + 1
        lengths = np.diff(np.r_[0, breaks, n])
        remainder = n % (2 * horizon)
        assert all(length % (2 * horizon) in (0, remainder) for length in lengths)
    assert len({source.tobytes() for source in sources}) == 6


def test_few_blocks_are_shifted_circularly() -> None:
    for source in _load.core().permuted_rows(50, 5, 20, 0):
        shift = source[0]
        assert 10 <= shift <= 40
        np.testing.assert_array_equal(source, (np.arange(50) + shift) % 50)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"horizon": 0}, "horizon must be an integer of at least 1"),
        ({"n_repeats": 2.5}, "n_repeats must be an integer"),
        ({"horizon": 75}, "more than 4 x horizon = 4 x 75 rows"),
        ({"horizon": 2**62}, "horizon"),
    ],
)
def test_wrong_settings_of_the_importance_are_named(settings: dict[str, Any], match: str) -> None:
    X, y = bars(0)
    fitted = fit(RandomForestRegressor, X, y, n_estimators=2)
    with pytest.raises(InputError, match=match):
        fitted.permutation_importance(X, y, **settings)


def test_a_constant_target_has_no_r2() -> None:
    X, y = bars(0)
    fitted = fit(RandomForestRegressor, X, y, n_estimators=2)
    with pytest.raises(InputError, match="not all equal"):
        fitted.permutation_importance(X, np.ones(len(X)))


def test_a_label_unknown_to_the_model_counts_as_wrong() -> None:
    X, y = bars(0)
    fitted = RandomForestClassifier(5, random_state=0).fit(X, np.where(y > 0, "up", "down"))
    result = fitted.permutation_importance(X, np.full(len(X), "sideways"), metric="accuracy")
    assert result.score == 0
    assert (result.importances == 0).all()


@pytest.mark.parametrize(
    "bad", [np.array(["a"] * 300), np.array([None, "a"] * 150, dtype=object), np.full(300, np.nan)]
)
@pytest.mark.parametrize("model", [RandomForestClassifier, RandomForestRegressor])
def test_answers_that_are_none_are_refused_or_wrong(model: Any, bad: NDArray[Any]) -> None:
    X, y = bars(0)
    fitted = fit(model, X, y, n_estimators=2)
    if model is RandomForestClassifier and bad.dtype.kind == "U":
        assert fitted.permutation_importance(X, bad, metric="accuracy").score == 0
    else:
        with pytest.raises(InputError, match="y"):
            fitted.permutation_importance(X, bad)
