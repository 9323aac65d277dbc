"""Weights and sequential draws of overlapping labels against the dense table of bars and labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smctrain.bars.types import Bars
from smctrain.exceptions import InputError
from smctrain.labels import decay_weights, label_uniqueness, return_weights, sequential_bootstrap

T0, T1 = [-1, 1, 3], [2, 3, 5]  # bars 0-2, 2-3, 4-5
SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), min_size=1, max_size=40)


def fnv1a64(text: str) -> int:
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) % 2**64
    return value


def covered(t0, t1) -> np.ndarray:
    """One row per label, one column per bar: 1 where the label covers the bar."""
    first = min(t0) + 1
    table = np.zeros((len(t0), max(t1) - first + 1))
    for i in range(len(t0)):
        table[i, t0[i] + 1 - first : t1[i] + 1 - first] = 1
    return table


def slow_draws(t0, t1, size: int, seed: int) -> list[int]:
    """The definition, with the dense table and NumPy's own random numbers."""
    key = np.array([seed, fnv1a64("labels/sequential_bootstrap")], dtype=np.uint64)
    raw = np.random.Philox(key=key).random_raw(size)
    table = covered(t0, t1)
    drawn = np.zeros(table.shape[1])
    out = []
    for u in (raw >> np.uint64(11)) * 2.0**-53:
        cumulative = np.cumsum((table / (1 + drawn)).sum(1) / table.sum(1))
        out.append(int(np.searchsorted(cumulative, u * cumulative[-1], side="right")))
        drawn += table[out[-1]]
    return out


def bars_of(close) -> Bars:
    price = np.asarray(close, dtype=np.float64)
    time = np.datetime64("2024-01-01", "ns") + np.arange(len(price)) * np.timedelta64(900, "s")
    return Bars(symbol="T", timeframe="M15", time=time, open=price, high=price, low=price, close=price)


@settings(max_examples=40, deadline=None)
@given(SPANS, st.integers(0, 2**64 - 1))
def test_draws_equal_those_of_the_dense_table(spans, seed):
    t0 = np.array([start for start, _ in spans])  # in no order
    t1 = np.array([start + length for start, length in spans])
    assert sequential_bootstrap(t0, t1, 60, seed).tolist() == slow_draws(t0, t1, 60, seed)


def test_draws_past_the_refresh_equal_those_of_the_dense_table():
    rng = np.random.default_rng(3)
    t0 = np.sort(rng.integers(0, 300, 120))
    t1 = t0 + rng.integers(1, 30, 120)
    assert sequential_bootstrap(t0, t1, 2500, 9).tolist() == slow_draws(t0, t1, 2500, 9)


def test_after_label_1_the_probabilities_are_those_of_the_definition():
    draws = np.array([sequential_bootstrap(T0, T1, 2, seed) for seed in range(6000)])
    second = draws[draws[:, 0] == 1, 1]
    share = np.bincount(second, minlength=3) / len(second)
    np.testing.assert_allclose(share, [5 / 14, 3 / 14, 6 / 14], atol=4 * np.sqrt(0.25 / len(second)))


def test_sequential_draws_overlap_less_than_plain_ones():
    rng = np.random.default_rng(0)
    t0 = np.concatenate([np.zeros(300, dtype=int), np.arange(1, 101)])  # a crowd on one bar, and a hundred alone
    t1 = t0 + 1

    def mean_uniqueness(draws):
        return label_uniqueness(t0[draws], t1[draws]).mean()

    plain = mean_uniqueness(rng.integers(0, 400, 400))
    assert mean_uniqueness(sequential_bootstrap(t0, t1, 400, 1)) > 1.3 * plain


def test_draws_repeat_with_the_seed_and_leave_the_callers_arrays_alone():
    t0, t1 = list(T0), list(T1)
    first = sequential_bootstrap(t0, t1, 50, 7)
    assert first.tolist() == sequential_bootstrap(t0, t1, 50, 7).tolist()
    assert first.tolist() != sequential_bootstrap(t0, t1, 50, 8).tolist()
    assert (t0, t1) == (T0, T1)
    assert len(sequential_bootstrap(t0, t1)) == 3
    assert sequential_bootstrap(t0, t1, 0).shape == (0,)
    assert sequential_bootstrap([4], [5], 3).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], []), "at least one label"),
        ((T0, T1, -1), "size must be an integer of at least 0"),
        ((T0, T1, 2.0), "size must be"),
        ((T0, T1, 2, -1), "seed must be"),
        (([1, 5], [2, 5]), r"label 1 is \(5, 5\)"),
        (([1, 5], [2]), "same length"),
        (([0], [10**18]), "were times passed"),
        (([-(10**18)], [10**18]), "were times passed"),
    ],
)
def test_wrong_arguments_of_a_bootstrap_are_named(arguments, message):
    with pytest.raises(InputError, match=message):
        sequential_bootstrap(*arguments)


# -- by return and by age -------------------------------------------------------------------------------------------


def test_a_label_weighs_the_part_of_the_move_that_is_its_own():
    b = bars_of(np.exp([0, 0.1, 0.3, 0.2]))
    # Label 0 covers rows 1-2, label 1 rows 2-3: row 2 is shared. Moves: .1 + .2/2 and .2/2 - .1.
    np.testing.assert_allclose(return_weights(b, [0, 1], [2, 3]), [2, 0], atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(SPANS, st.integers(0, 100))
def test_return_weights_equal_the_dense_table(spans, seed):
    t0 = np.array([start for start, _ in spans])
    t1 = np.array([start + length for start, length in spans])
    b = bars_of(np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, 100))))
    table = covered(t0, t1)
    first = t0.min() + 1
    step = np.diff(np.log(b.close))[first - 1 : first - 1 + table.shape[1]]
    share = np.abs((table * step / np.maximum(table.sum(0), 1)).sum(1))
    weights = return_weights(b, t0, t1)
    np.testing.assert_allclose(weights, share / share.mean(), rtol=1e-8, atol=1e-10)
    assert weights.mean() == pytest.approx(1)


def test_prices_that_never_moved_weigh_labels_alike():
    assert return_weights(bars_of([5.0] * 4), [0, 1], [2, 3]).tolist() == [1, 1]
    assert return_weights(bars_of([5.0]), [], []).shape == (0,)


def test_rows_outside_the_bars_and_missing_prices_are_named():
    with pytest.raises(InputError, match=r"rows of the bars, 0\.\.3, but reach from 0 to 4"):
        return_weights(bars_of([5.0] * 4), [0], [4])
    with pytest.raises(InputError, match=r"rows of the bars, 0\.\.3, but reach from -1 to 2"):
        return_weights(bars_of([5.0] * 4), [-1], [2])
    with pytest.raises(InputError, match="from row 1 to 2 goes from 5 to nan"):
        return_weights(bars_of([5.0, 5.0, np.nan, 5.0]), [0], [3])


def test_weights_grow_with_age_counted_in_uniqueness():
    u = label_uniqueness(T0, T1)  # 0.8333, 0.75, 1
    expected = 0.2 + 0.8 * np.array([0, u[1], u[1] + u[2]]) / (u[1] + u[2])
    np.testing.assert_allclose(decay_weights(T0, T1, 0.2), expected)
    order = [2, 0, 1]
    np.testing.assert_allclose(decay_weights(np.array(T0)[order], np.array(T1)[order], 0.2), expected[order])


def test_labels_of_one_row_weigh_the_same():
    weights = decay_weights([0, 0, 4, 4], [2, 3, 5, 6], 0.5)
    assert weights.tolist() == [0.5, 0.5, 1, 1]
    assert decay_weights([3, 3], [4, 5], 0.5).tolist() == [1, 1]
    assert decay_weights([], []).shape == (0,)
    with pytest.raises(InputError, match="oldest must be between 0 and 1"):
        decay_weights(T0, T1, -0.1)
