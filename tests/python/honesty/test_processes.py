"""The processes of the honesty benchmark are what they say."""

from __future__ import annotations

import numpy as np
import pytest
from honesty import processes


@pytest.mark.parametrize("signal", [0.0, 0.2])
def test_one_symbol_without_a_factor_is_the_standard_process(signal: float) -> None:
    (ours,) = processes.factor_tables(1, 1000, signal, seed=1, rho=0.0)
    standard = processes.noise_table(1000, signal, seed=1)
    np.testing.assert_allclose(ours.X, standard.X, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(ours.p, standard.p, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(ours.y, standard.y)


def test_the_check_values_of_the_definition_hold() -> None:
    (table,) = processes.factor_tables(1, 1000, 0.2, seed=1, rho=0.0)
    assert table.p[999] == pytest.approx(-51.7365400596, abs=1e-9)
    assert table.y[:1000].sum() == 465
    assert processes.noise_table(1000, seed=1).p[999] == pytest.approx(-75.1993666949, abs=1e-9)


def test_symbols_of_a_factor_correlate_by_rho_and_each_stays_noise() -> None:
    tables = processes.factor_tables(6, 4000, seed=3, rho=0.5)
    steps = np.diff(np.array([table.p for table in tables]), axis=1)
    steps /= np.array([np.convolve(s**2, np.ones(50) / 50, "same") ** 0.5 for s in steps])
    pairs = np.corrcoef(steps)[np.triu_indices(6, 1)]
    assert pairs.mean() == pytest.approx(0.5, abs=0.06)
    assert np.mean([(t.X[:, 0] > 0) == t.y for t in tables]) == pytest.approx(0.5, abs=0.05)


def test_planted_columns_together_carry_what_one_column_of_the_standard_process_carries() -> None:
    X, y = processes.planted_columns(60_000, 12, 5, 0.2, seed=1)
    assert np.mean((X[:, :5].sum(axis=1) > 0) == y) == pytest.approx(processes.BEST_ACCURACY[0.2], abs=0.015)
    assert np.mean((X[:, 5:].sum(axis=1) > 0) == y) == pytest.approx(0.5, abs=0.02)


def test_small_tables_have_every_rare_count_and_share() -> None:
    tables = [processes.small_table(number, seed=1) for number in range(60)]
    rare = np.array([table.y.sum() for table in tables])
    assert {0, 1, 2} <= set(rare.tolist())
    assert min(len(t.y) for t in tables) >= 40
    shares = rare[rare > 2] / np.array([len(t.y) for t in tables])[rare > 2]
    assert shares.min() < 0.08
    assert shares.max() > 0.42
