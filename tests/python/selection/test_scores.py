"""Scores and correlations against scipy, scikit-learn, pandas and the definitions as slow plain code."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.feature_selection import f_classif, f_regression, mutual_info_classif, mutual_info_regression

from smctrain.exceptions import InputError, OneClass
from smctrain.selection import correlation_matrix, f_scores, mutual_information
from smctrain.selection.scores import rank_consensus


def table(n: int = 600, seed: int = 0, classes: int = 3) -> tuple[Any, Any, Any]:
    """Six columns (one coarse), classes and numbers that depend on the first two. Float32 values as float64."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 6)) * [1, 10, 0.01, 1, 1, 1] + [0, 100, 0, 0, 0, 0]
    X[:, 5] = np.round(X[:, 5])
    X = X.astype(np.float32).astype(np.float64)
    signal = X[:, 0] + 0.05 * X[:, 1] + rng.normal(size=n)
    codes = np.searchsorted(np.quantile(signal, np.arange(1, classes) / classes), signal)
    return X, codes, signal


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_f_of_classes_equals_scikit_learns(classes: int) -> None:
    X, y, _ = table(classes=classes)
    f, p = f_scores(X, y)
    reference = f_classif(X, y)
    np.testing.assert_allclose(f, reference[0], rtol=1e-11)
    np.testing.assert_allclose(p, reference[1], rtol=1e-8)  # tails of 1e-40 are held to 8 digits


def test_f_of_numbers_equals_scikit_learns() -> None:
    X, _, y = table()
    f, p = f_scores(X, y, task="regression")
    reference = f_regression(X, y)
    np.testing.assert_allclose(f, reference[0], rtol=1e-10)
    np.testing.assert_allclose(p, reference[1], rtol=1e-8)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_f_leaves_missing_values_out_column_by_column(task: str) -> None:
    X, codes, numbers = table()
    y = codes if task == "classification" else numbers
    X[::7, 1] = np.nan
    X[3, 1] = np.inf
    X[:200, 4] = np.nan
    f, p = f_scores(X, y, task=task)
    reference = f_classif if task == "classification" else f_regression
    for j in range(6):
        rows = np.isfinite(X[:, j])
        expected = reference(X[rows][:, [j]], y[rows])
        np.testing.assert_allclose([f[j], p[j]], [expected[0][0], expected[1][0]], rtol=1e-8)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_row_of_weight_two_is_a_row_given_twice(task: str) -> None:
    X, codes, numbers = table(200)
    y = codes if task == "classification" else numbers
    times = np.random.default_rng(1).integers(1, 4, size=200)
    weighted = f_scores(X, y, task=task, sample_weight=times)
    repeated = f_scores(np.repeat(X, times, axis=0), np.repeat(y, times), task=task)
    np.testing.assert_allclose(weighted[0], repeated[0], rtol=1e-10)
    np.testing.assert_allclose(weighted[1], repeated[1], rtol=1e-8)


def test_columns_that_say_nothing_and_everything() -> None:
    y = np.repeat([0, 1], 50)
    X = np.column_stack([np.full(100, 0.1), y * 2.0, np.full(100, np.nan), np.where(y == 1, np.nan, 1.0)])
    f, p = f_scores(X, y)
    assert list(f) == [0.0, math.inf, 0.0, 0.0]
    assert list(p) == [1.0, 0.0, 1.0, 1.0]
    f, p = f_scores(X, 3.0 * y + 1.0, task="regression")
    assert list(f) == [0.0, math.inf, 0.0, 0.0]


def plain_information(x: Any, y: Any, weight: Any) -> float:
    """Miller-Madow as H(x) + H(y) - H(x, y), each with its own correction."""

    def entropy(keys: list[Any]) -> float:
        masses: dict[Any, float] = {}
        for key, w in zip(keys, weight, strict=True):
            masses[key] = masses.get(key, 0.0) + w
        total = sum(masses.values())
        effective = sum(weight) ** 2 / sum(w * w for w in weight)
        return -sum(m / total * math.log(m / total) for m in masses.values()) + (len(masses) - 1) / (2 * effective)

    return max(0.0, entropy(list(x)) + entropy(list(y)) - entropy(list(zip(x, y, strict=True))))


@pytest.mark.parametrize("weighted", [False, True])
def test_binned_information_equals_its_definition(weighted: bool) -> None:
    rng = np.random.default_rng(2)
    X = rng.integers(0, 5, size=(300, 3)).astype(float)
    X[::9, 2] = np.nan  # missing is a value like any other
    y = (X[:, 0] + rng.normal(size=300) > 2).astype(int)
    weight = rng.uniform(0.2, 2.0, size=300) if weighted else np.ones(300)
    found = mutual_information(X, y, sample_weight=weight if weighted else None)
    keys = np.where(np.isnan(X), -1, X)
    expected = [plain_information(keys[:, j], y, weight) for j in range(3)]
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-14)


def test_binned_information_of_independent_columns_is_about_zero() -> None:
    rng = np.random.default_rng(3)
    noise = np.array([mutual_information(rng.normal(size=(2000, 1)), rng.integers(0, 2, 2000))[0] for _ in range(60)])
    # Without the correction 15 / (2 x 2000) would remain.
    assert noise.mean() < 0.0012


def test_binned_information_of_normal_columns_is_near_the_formula() -> None:
    rng = np.random.default_rng(4)
    x, e = rng.normal(size=(2, 20_000))
    y = 0.6 * x + 0.8 * e
    expected = -0.5 * math.log(1 - 0.36)
    found = mutual_information(x[:, None], y)[0]
    assert 0.9 * expected < found < expected  # bins lose a little


@pytest.mark.parametrize("seed", [0, 1])
def test_information_by_neighbours_equals_scikit_learns(seed: int) -> None:
    X, codes, numbers = table(400, seed)
    # 1e-9: our columns differ in their last digits from scikit-learn's scaled ones, distances are the same.
    for k in (3, 5):
        np.testing.assert_allclose(
            mutual_information(X, codes, estimator="neighbors", n_neighbors=k, random_state=seed),
            mutual_info_classif(X, codes, n_neighbors=k, random_state=seed),
            atol=1e-9,
        )
        np.testing.assert_allclose(
            mutual_information(X, numbers, estimator="neighbors", n_neighbors=k, random_state=seed),
            mutual_info_regression(X, numbers, n_neighbors=k, random_state=seed),
            atol=1e-9,
        )


def test_a_class_of_one_row_is_left_out_by_neighbours_as_in_scikit_learn() -> None:
    X, codes, _ = table(200)
    codes[7] = 9
    np.testing.assert_allclose(
        mutual_information(X, codes, estimator="neighbors", random_state=0),
        mutual_info_classif(X, codes, random_state=0),
        atol=1e-9,
    )


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_correlations_equal_scipys_and_pandas(method: str) -> None:
    X, _, _ = table()
    X[:, 3] += 2 * X[:, 0]
    full = correlation_matrix(X, method)
    reference = np.corrcoef(X.T) if method == "pearson" else stats.spearmanr(X).statistic
    np.testing.assert_allclose(full, reference, atol=1e-12)
    X[::3, 1] = np.nan
    X[:50, 2] = np.nan
    X[:50, 3] = np.nan
    frame = pd.DataFrame(X).corr(method=method, min_periods=3)  # type: ignore[arg-type]
    np.testing.assert_allclose(correlation_matrix(X, method), frame.to_numpy(), atol=1e-12)


def test_a_constant_column_correlates_with_nothing() -> None:
    X, _, _ = table(50)
    X[:, 1] = 0.1
    matrix = correlation_matrix(X)
    assert np.isnan(matrix[1]).all()
    assert np.isfinite(np.delete(np.delete(matrix, 1, 0), 1, 1)).all()


@pytest.mark.parametrize("threads", [2, 4])
def test_scores_do_not_depend_on_threads(threads: int) -> None:
    X, y, numbers = table()
    X[::5, 2] = np.nan
    assert np.array_equal(f_scores(X, y)[0], f_scores(X, y, threads=threads)[0])
    assert np.array_equal(mutual_information(X, numbers), mutual_information(X, numbers, threads=threads))
    for method in ("pearson", "spearman"):
        assert np.array_equal(
            correlation_matrix(X, method), correlation_matrix(X, method, threads=threads), equal_nan=True
        )


def test_the_consensus_is_the_mean_of_turned_ranks() -> None:
    lists = np.array([[3.0, 1.0, 2.0, 2.0], [9.0, np.nan, 1.0, 0.0]])
    # Ranks 1, 4, 2.5, 2.5 and 1, 4, 2, 3 of 4.
    np.testing.assert_allclose(rank_consensus(lists), [1.0, 0.0, (0.5 + 2 / 3) / 2, (0.5 + 1 / 3) / 2])


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda X, y: f_scores(X, y[:-1]), "y must have 600 entries"),
        (lambda X, y: f_scores(X, y, sample_weight=np.zeros(600)), "weight must be positive"),
        (lambda X, y: mutual_information(X, y, estimator="kde"), "estimator must be"),
        (lambda X, y: mutual_information(X, y, n_bins=1), "n_bins must be"),
        (lambda X, y: correlation_matrix(X, "kendall"), "method must be"),
        (lambda X, y: f_scores(X, np.where(y == 0, np.nan, y)), "y must be finite"),
        (lambda X, y: f_scores(X, y, task="ranking"), "task must be"),
    ],
)
def test_errors_name_what_is_wrong(call: Any, sentence: str) -> None:
    X, y, _ = table()
    with pytest.raises(InputError, match=sentence):
        call(X, y)


def test_a_single_class_is_refused() -> None:
    X, y, _ = table()
    with pytest.raises(OneClass):
        f_scores(X, np.zeros_like(y))
