"""Agreement of rankings: worked examples, scipy, and definitions over all pairs."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from smctrain import stats
from smctrain.exceptions import InputError


def rbo_by_definition(a: list[int], b: list[int], p: float) -> float:
    """Equation 32 of Webber et al. without ties."""
    s, l = sorted((len(a), len(b)))  # noqa: E741

    def shared(d: int) -> int:
        return len(set(a[:d]) & set(b[:d]))

    total = sum(shared(d) / d * p**d for d in range(1, l + 1))
    total += sum(shared(s) * (d - s) / (s * d) * p**d for d in range(s + 1, l + 1))
    return (1 - p) / p * total + ((shared(l) - shared(s)) / l + shared(s) / s) * p**l


def test_rank_biased_overlap_of_worked_examples() -> None:
    assert stats.rbo([1, 2, 3, 4, 5, 6, 7], [1, 3, 2, 4, 5, 7, 6, 8]).ext == pytest.approx(0.9451585, abs=5e-8)
    assert stats.rbo([1, 2, 3, 4, 5, 6, 7], [1, 3, 2, 4, 5, 7, 6]).ext == pytest.approx(0.9451585, abs=5e-8)
    assert stats.rbo("abcd", "badc").ext == pytest.approx(0.873, abs=1e-12)
    tied = stats.rbo([{"c", "a"}, "b", "d"], ["a", {"c", "b"}, "d"])
    assert tied == pytest.approx((0.48919503, 0.47747164, 0.96666667), abs=5e-9)


def test_rank_biased_overlap_of_lists_of_any_length() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        a = rng.permutation(12)[: rng.integers(1, 12)].tolist()
        b = rng.permutation(12)[: rng.integers(1, 12)].tolist()
        p = float(rng.uniform(0.3, 0.99))
        found = stats.rbo(a, b, p)
        assert found.ext == pytest.approx(rbo_by_definition(a, b, p), abs=1e-12)
        assert stats.rbo(b, a, p) == pytest.approx(found, abs=1e-12)
        assert found.min - 1e-9 <= found.ext <= found.min + found.res + 1e-9
    same = stats.rbo(range(20), range(20))
    assert same.ext == pytest.approx(1)
    assert same.min + same.res == pytest.approx(1)
    assert stats.rbo([1, 2], [3, 4]).ext == 0


@pytest.mark.parametrize(
    ("a", "b", "p", "match"),
    [
        ([1, 1], [1], 0.9, "every item once"),
        ([1], [2, 2], 0.9, "every item once"),
        ([], [1], 0.9, "at least one item"),
        ([1], [1], 1.0, "p must lie between"),
        ([set()], [1], 0.9, "rank 1 is an empty set"),
    ],
)
def test_lists_that_are_no_rankings_are_refused(a: list[int], b: list[int], p: float, match: str) -> None:
    with pytest.raises(InputError, match=match):
        stats.rbo(a, b, p)


def test_tau_and_spearman_with_ties_are_those_of_scipy() -> None:
    scipy_stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(1)
    for n, levels in ((2, 2), (7, 3), (50, 5), (200, 1000)):
        for _ in range(5):
            a, b = rng.integers(0, levels, n).astype(float), rng.integers(0, levels, n).astype(float)
            if len(set(a)) < 2 or len(set(b)) < 2:
                assert math.isnan(stats.kendall_tau(a, b))
                assert math.isnan(stats.spearman(a, b))
                continue
            assert stats.kendall_tau(a, b) == pytest.approx(scipy_stats.kendalltau(a, b).statistic, abs=1e-12)
            assert stats.spearman(a, b) == pytest.approx(scipy_stats.spearmanr(a, b).statistic, abs=1e-12)
    # tau-a of this pair is 0.4: pairs tied in one of them are not counted.
    assert stats.kendall_tau([1, 1, 2, 3, 4], [1, 2, 3, 4, 4]) == pytest.approx(8 / 9)
    with pytest.raises(InputError, match="same length"):
        stats.spearman([1, 2], [1, 2, 3])
    with pytest.raises(InputError):
        stats.kendall_tau([1, float("nan")], [1, 2])


def test_the_matrix_holds_the_correlation_of_every_pair() -> None:
    rng = np.random.default_rng(2)
    X = np.round(rng.normal(size=(300, 6)), 1).astype(np.float32)
    X[:, 4] = X[:, 0] ** 3
    X[:, 5] = 1.0
    rows = np.arange(0, 300, 2)
    matrix = stats.spearman_matrix(X, rows)
    for i, j in itertools.combinations(range(5), 2):
        assert matrix[i, j] == matrix[j, i] == pytest.approx(stats.spearman(X[rows, i], X[rows, j]), abs=1e-12)
    assert matrix[0, 4] == pytest.approx(1)
    assert np.isnan(matrix[5, :5]).all()
    assert stats.spearman_matrix(X, rows, threads=3).tobytes() == matrix.tobytes()


def test_clusters_are_those_of_scipys_average_linkage() -> None:
    hierarchy = pytest.importorskip("scipy.cluster.hierarchy")
    from scipy.spatial.distance import squareform

    rng = np.random.default_rng(3)
    for d in (2, 5, 30):
        for _ in range(5):
            base = rng.normal(size=(200, d))
            X = (base @ rng.normal(size=(d, d)) * (rng.random((1, d)) < 0.7) + base).astype(np.float32)
            distance = 1 - np.abs(stats.spearman_matrix(X))
            np.fill_diagonal(distance, 0)
            tree = hierarchy.linkage(squareform(distance, checks=False), "average")
            for cut in (0.1, 0.5, 0.9):
                theirs = hierarchy.fcluster(tree, cut, "distance")
                ours = stats.correlation_clusters(X, cut=cut)
                assert len(set(zip(ours.tolist(), theirs.tolist(), strict=True))) == len(set(ours)) == len(set(theirs))
                assert ours[0] == 0


def test_a_column_without_spread_is_alone() -> None:
    X = np.random.default_rng(4).normal(size=(50, 3)).astype(np.float32)
    X[:, 1] = 0
    assert stats.correlation_clusters(np.column_stack([X, -X[:, 0]])).tolist() == [0, 1, 2, 0]
