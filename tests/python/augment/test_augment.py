"""Augmentation: the promised size, kept class shares, no look ahead, nothing outside the training range."""

from __future__ import annotations

import numpy as np
import pytest

from smctrain.augment import METHODS, DataAugmenter, augment_rows
from smctrain.exceptions import InputError


def test_adaptive_augmentation():
    """As written in the design document that asked for it."""
    X = np.random.rand(150, 57)
    y = np.random.randint(0, 2, 150)

    augmenter = DataAugmenter()
    X_aug, y_aug = augmenter.augment(X, y, threshold=300)

    assert len(X_aug) >= len(X) * 2  # At least 2x
    assert len(X_aug) <= len(X) * 3  # At most 3x

    # Check label distribution preserved
    orig_dist = np.bincount(y) / len(y)
    aug_dist = np.bincount(y_aug) / len(y_aug)
    assert np.all(np.abs(orig_dist - aug_dist) < 0.05)


def rows_and_labels(n: int, seed: int = 0):
    """Continuous, integer, flag and scaled-flag columns; three uneven classes."""
    rng = np.random.default_rng(seed)
    X = np.column_stack(
        [rng.normal(size=(n, 3)), rng.integers(0, 9, n), rng.integers(0, 2, n), 1.7 * rng.integers(0, 2, n)]
    )
    return X, rng.choice([-1, 0, 1], n, p=[0.6, 0.1, 0.3])


@pytest.mark.parametrize("n", [1, 2, 3, 7, 50, 199, 200, 250, 299, 300, 400])
def test_exactly_the_promised_number_of_rows_comes_out(n):
    X, y = rows_and_labels(n)
    X_aug, y_aug = DataAugmenter(0).augment(X, y)
    assert len(X_aug) == len(y_aug) == (3 * n if n < 200 else 2 * n if n < 300 else n)
    np.testing.assert_array_equal(X_aug[:n], X)
    for label in (-1, 0, 1):
        assert np.mean(y_aug == label) == pytest.approx(np.mean(y == label), abs=1 / n)


@pytest.mark.parametrize("n", [120, 240])
def test_methods_share_the_copies_and_name_their_parents(n):
    X, y = rows_and_labels(n)
    result = augment_rows(X, y, order_is_time=True, random_state=3)
    copies = len(result) - n
    number = np.bincount(result.method, minlength=5)
    assert number[METHODS.index("original")] == n
    assert number[METHODS.index("dropout")] == copies // 3
    assert abs(number[METHODS.index("shift")] - copies // 3) <= 3  # the first row has no older one
    assert result.parents.shape == (len(result), 2)
    np.testing.assert_array_equal(result.parents[:n, 0], np.arange(n))
    np.testing.assert_array_equal(result.y, y[result.parents[:, 1]])
    assert result.synthetic.sum() == copies


def test_a_shift_takes_features_of_an_older_row_of_the_same_stretch():
    X, y = rows_and_labels(150)
    segment = np.repeat([0, 1, 2], 50)
    result = augment_rows(X, y, order_is_time=True, segment=segment, random_state=1)
    shifted = result.method == METHODS.index("shift")
    features, label = result.parents[shifted].T
    assert set(label - features) == {1, 2}
    np.testing.assert_array_equal(segment[features], segment[label])
    np.testing.assert_array_equal(result.X[shifted], X[features])
    short = augment_rows(X, y, order_is_time=True, horizon=5, random_state=1)
    features, label = short.parents[short.method == METHODS.index("shift")].T
    assert set(label - features) == {1}


def test_rows_without_an_order_in_time_are_never_shifted():
    X, y = rows_and_labels(150)
    result = augment_rows(X, y)
    assert not np.any(result.method == METHODS.index("shift"))
    np.testing.assert_array_equal(result.parents[:, 0], result.parents[:, 1])


def test_whole_numbers_and_flags_stay_what_they_are_and_ranges_hold():
    X, y = rows_and_labels(180)
    X_aug, _ = DataAugmenter(5).augment(X, y)
    for j in (3, 4, 5):
        assert set(X_aug[:, j]) <= set(X[:, j])
    assert np.all(X_aug.min(0) >= X.min(0))
    assert np.all(X_aug.max(0) <= X.max(0))


def test_named_columns_are_treated_as_discrete():
    X, y = rows_and_labels(180)
    X[:, 0] = X[:, 3] / 3.1 - 1  # scaled integers
    result = augment_rows(X, y, discrete=[1, 0, 0, 0, 0, 0])
    assert set(result.X[:, 0]) <= set(X[:, 0])


def test_jitter_has_the_stated_size_and_dropout_the_stated_rate():
    rng = np.random.default_rng(0)
    X = rng.normal(scale=[1.0, 30.0], size=(20_000, 2))
    change = DataAugmenter(1).add_gaussian_noise(X, std=0.15) - X
    np.testing.assert_allclose(change.std(0) / X.std(0), 0.15, rtol=0.03)
    dropped = DataAugmenter(1).feature_dropout(X, dropout_rate=0.1)
    hit = dropped != X
    assert hit.mean() == pytest.approx(0.1, abs=0.006)
    np.testing.assert_allclose(dropped[hit], np.broadcast_to(X.mean(0), X.shape)[hit], rtol=1e-9, atol=1e-12)


def test_time_shift_never_takes_a_later_row():
    X = np.arange(500, dtype=float)[:, None]
    back = (X - DataAugmenter(2).time_shift(X, max_shift=2)).ravel()
    assert back[0] == 0
    assert set(back[2:]) == {1.0, 2.0}
    segment = np.repeat([0, 1], 250)
    shifted = DataAugmenter(2).time_shift(X, max_shift=2, segment=segment).ravel()
    assert shifted[250] == 250
    assert np.all(shifted[250:] >= 250)


def test_smote_points_lie_between_a_row_and_one_of_its_nearest_neighbours():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(60, 3)) * [1, 10, 100], rng.integers(0, 3, 60)])
    y = np.repeat(["big", "small"], [45, 15])
    X_new, y_new = DataAugmenter(4).apply_smote(X, y)
    assert np.sum(y_new == "small") == np.sum(y_new == "big") == 45
    np.testing.assert_array_equal(X_new[:60], X)
    members = X[45:]
    scaled = members[:, :3] / X[:, :3].std(0, ddof=1)
    far = ((scaled[:, None] - scaled[None]) ** 2).sum(2)
    np.fill_diagonal(far, np.inf)
    nearest = np.argsort(far, axis=1, kind="stable")[:, :5]
    for row in X_new[60:]:
        explained = False
        for i in range(15):
            for j in nearest[i]:
                step = members[j, :3] - members[i, :3]
                u = (row[:3] - members[i, :3]) / step
                explained |= bool(np.ptp(u) < 1e-9 and -1e-12 <= u[0] < 1)
        assert explained
        assert row[3] in (0, 1, 2)


def test_smote_uses_fewer_neighbours_in_a_small_class_and_says_what_it_skips():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 2))
    augmenter = DataAugmenter(0)
    X_new, y_new = augmenter.apply_smote(X, [0] * 28 + [1] * 2)
    assert np.sum(y_new == 1) == 28
    assert augmenter.skipped_ == []
    line = X[28:]
    for row in X_new[30:]:
        u = (row - line[0]) / (line[1] - line[0])
        assert u[0] == pytest.approx(u[1])
    _, y_new = augmenter.apply_smote(X, [0] * 29 + [1])
    assert len(y_new) == 30
    assert augmenter.skipped_ == ["class 1: it has 1 row, but 2 are needed"]
    _, y_new = augmenter.apply_smote((X > 0).astype(int), [0] * 20 + [1] * 10)
    assert len(y_new) == 30
    assert augmenter.skipped_ == ["class 1: no column is continuous"]
    augmenter.apply_smote(X, [0] * 30)
    assert "fewer than 2 classes" in augmenter.skipped_[0]


def test_smote_can_raise_a_class_to_a_share():
    X = np.random.default_rng(0).normal(size=(300, 2))
    y = np.array([0] * 240 + [1] * 60)
    augmenter = DataAugmenter(0)
    _, y_new = augmenter.apply_smote(X, y, share=0.25)
    assert len(y_new) - 300 == 20  # n (q - p) / (1 - q)
    assert np.mean(y_new == 1) == pytest.approx(0.25)
    assert augmenter._validate_distribution(y, y_new)


def test_a_moved_class_share_is_an_error():
    y = [0] * 50 + [1] * 50
    with pytest.raises(InputError, match=r"share of class 0 moved from 50\.0% to 40\.0%"):
        DataAugmenter()._validate_distribution(y, [0] * 40 + [1] * 60)
    assert DataAugmenter()._validate_distribution(y, [0] * 45 + [1] * 55)


def test_seeds_repeat_and_differ():
    X, y = rows_and_labels(100)
    one = DataAugmenter(7).augment(X, y)[0]
    np.testing.assert_array_equal(one, DataAugmenter(7).augment(X, y)[0])
    assert not np.array_equal(one, DataAugmenter(8).augment(X, y)[0])
    augmenter = DataAugmenter()
    assert not np.array_equal(augmenter.augment(X, y)[0], augmenter.augment(X, y)[0])


def test_missing_values_stay_missing_and_dtypes_stay():
    X, y = rows_and_labels(100)
    X[::7, 0] = np.nan
    for dtype in (np.float32, np.float64):
        X_aug, y_aug = DataAugmenter(0).augment(X.astype(dtype), y)
        assert X_aug.dtype == dtype
        assert y_aug.dtype == y.dtype
        assert np.isnan(X_aug[:, 0]).any()
        assert not np.isnan(X_aug[:, 1:]).any()
    noisy = DataAugmenter(0).add_gaussian_noise(X)
    np.testing.assert_array_equal(np.isnan(noisy), np.isnan(X))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda a: a.augment(np.zeros(5), np.zeros(5)), "X must have 2 dimensions"),
        (lambda a: a.augment(np.zeros((5, 2)), np.zeros(4)), "y must have one label per row"),
        (lambda a: a.augment(np.zeros((2, 2)), [1.0, np.nan]), "y holds 1 NaN"),
        (lambda a: a.augment(np.array([["a"]]), [1]), "X must be numeric"),
        (lambda a: a.add_gaussian_noise(np.zeros((5, 2)), std=-1), "std must be a number of at least 0"),
        (lambda a: a.feature_dropout(np.zeros((5, 2)), 1.5), "dropout_rate must be between 0 and 1"),
        (lambda a: a.time_shift(np.zeros((5, 2)), 0), "max_shift must be"),
        (lambda a: DataAugmenter(-1), "random_state must be"),
    ],
)
def test_wrong_arguments_are_named(call, words):
    with pytest.raises(InputError, match=words):
        call(DataAugmenter(0))


def test_two_hundred_small_tables_keep_their_shares_and_never_fail():
    rng = np.random.default_rng(0)
    for case in range(200):
        n, d = int(rng.integers(1, 300)), int(rng.integers(1, 8))
        y = (rng.random(n) < rng.uniform(0.01, 0.5)).astype(int)
        if case % 5 == 0:  # a class of 0, 1 or 2 rows
            y[:] = 0
            y[: int(rng.integers(0, 3))] = 1
        X = rng.normal(size=(n, d))
        if case % 4 == 0:
            X[:, 0] = rng.integers(0, 3, n)
        if case % 7 == 0:
            X[rng.random((n, d)) < 0.2] = np.nan
        if case % 11 == 0:
            X[:] = 1.0
        augmenter = DataAugmenter(case)
        X_aug, y_aug = augmenter.augment(X, y)
        assert len(X_aug) == (3 * n if n < 200 else 2 * n)
        assert abs(np.mean(y_aug) - np.mean(y)) <= 0.05
        _, y_smote = augmenter.apply_smote(X, y)
        if not augmenter.skipped_:
            assert np.sum(y_smote == 0) == np.sum(y_smote == 1)


def test_no_rows_stay_no_rows():
    X, y = DataAugmenter(0).augment(np.empty((0, 3)), np.empty(0, dtype=int))
    assert X.shape == (0, 3)
    assert y.shape == (0,)
