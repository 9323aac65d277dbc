"""Sizes far outside what data can have are refused or survived; they never crash, hang or give a number that means
nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

import smctrain as st
from smctrain._load import core
from smctrain.exceptions import InputError, TooFewRows

Y = np.tile([0, 1, 1, 0, 1], 60)


@pytest.mark.parametrize("horizon", [2**31, 2**61, 2**62, 2**63 - 1])
def test_absurd_horizons(horizon: int) -> None:
    with pytest.raises(InputError, match="horizon must be from 1 to 1000000 rows"):
        st.stats.e_process(Y, Y[::-1], horizon)
    with pytest.raises(TooFewRows, match="8 x horizon"):
        st.stats.circular_shift_test(Y, Y[::-1], horizon)
    size = st.stats.effective_sample_size(Y[::-1] == Y, horizon)
    assert 0.0 < size.n_eff < 1e-6
    assert math.isnan(size.design_effect)


def test_the_effective_size_needs_more_rows_than_two_horizons() -> None:
    correct = np.arange(21) % 3 == 0
    assert math.isnan(st.stats.effective_sample_size(correct, 10).design_effect)
    assert math.isfinite(st.stats.effective_sample_size(correct, 9).design_effect)


def test_labels_from_one_end_of_time_to_the_other() -> None:
    first, last = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    with pytest.raises(InputError, match="were times passed"):
        core().label_uniqueness(np.array([first, 0]), np.array([1, last]))


def test_smote_from_repeated_rows_and_without_neighbours() -> None:
    X = np.random.default_rng(0).standard_normal((10, 3))
    with pytest.raises(InputError, match="k must be at least 1"):
        core().smote(X, np.arange(5), None, 10, -1, 1, "x")
    made, parents, _ = core().smote(X, np.full(5, 7), None, 10, 3, 1, "x")
    assert (made == X[7]).all()
    assert (parents == 7).all()


def test_more_draws_than_memory() -> None:
    with pytest.raises(MemoryError):
        st.stats.bootstrap_interval(Y.astype(float), n_draws=2**62)
