"""The threshold: the best grid point on validation rows, paid for."""

from __future__ import annotations

import math

import numpy as np
import pytest

from smctrain import metrics
from smctrain.exceptions import InputError
from smctrain.metrics import choose_threshold, trading_metrics


def rows(seed: int, n: int = 800) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p = rng.beta(4, 4, n)
    r = np.where(rng.random(n) < p, 1.0, -1.0)
    r[rng.random(n) < 0.05] = np.nan
    t0 = np.arange(n)
    return p, r, t0, t0 + rng.integers(1, 8, n)


def test_the_best_mean_outcome_among_points_with_thirty_trades() -> None:
    p, r, t0, t1 = rows(0)
    found = choose_threshold(p, r_net=r, t0=t0, t1=t1)
    assert [row["threshold"] for row in found.table] == [round(0.34 + 0.02 * i, 2) for i in range(24)]
    slow = [trading_metrics(p >= row["threshold"], r, t0, t1) for row in found.table]
    assert [row["trades"] for row in found.table] == [m["trades"] for m in slow]
    assert [row["value"] for row in found.table] == pytest.approx([m["expectancy_r"] for m in slow], nan_ok=True)
    best = max(m["expectancy_r"] for m in slow if m["trades"] >= 30)
    assert found.value == pytest.approx(best)
    assert found.trades >= 30
    assert found.n_configurations == 24
    thin = choose_threshold(p, r_net=r, t0=t0, t1=t1, min_trades=1)
    assert thin.value >= found.value
    assert choose_threshold(p, r_net=r, t0=t0, t1=t1, min_trades=60).trades >= 60


def test_balanced_accuracy_when_there_are_no_outcomes() -> None:
    from sklearn.metrics import balanced_accuracy_score

    p, r, _, _ = rows(1)
    y = (np.nan_to_num(r) > 0).astype(int)
    found = choose_threshold(p, y=y, grid=[0.4, 0.5, 0.6, 0.5])
    assert found.n_configurations == 3
    expected = [balanced_accuracy_score(y, p >= point) for point in (0.4, 0.5, 0.6)]
    assert [row["value"] for row in found.table] == pytest.approx(expected, abs=1e-12)
    assert found.threshold == (0.4, 0.5, 0.6)[int(np.argmax(expected))]


def test_equal_points_give_the_lowest_threshold() -> None:
    p = np.repeat([0.3, 0.9], 50)
    found = choose_threshold(p, r_net=np.where(p > 0.5, 1.0, -1.0), t0=np.arange(100), t1=np.arange(1, 101))
    assert found.threshold == 0.34
    assert found.apply([0.33, 0.34, np.nan]).tolist() == [False, True, False]


def test_without_thirty_trades_anywhere_nothing_is_chosen() -> None:
    p, r, t0, t1 = rows(2, 40)
    found = choose_threshold(p, r_net=r, t0=t0, t1=t1, min_trades=30)
    assert found.threshold is None
    assert math.isnan(found.value)
    assert found.n_configurations == 24
    with pytest.raises(InputError, match="no threshold was chosen"):
        found.apply(p)
    assert "none" in repr(found)


def test_the_rows_are_remembered() -> None:
    p, r, t0, t1 = rows(3, 100)
    found = choose_threshold(p, r_net=r, t0=t0, t1=t1, rows=np.arange(500, 600))
    assert found.fit_rows_ is not None
    assert found.fit_rows_.tolist() == list(range(500, 600))
    assert len(found.fit_rows_hash_) == 64


def test_half_given_objectives_are_refused() -> None:
    p, r, t0, t1 = rows(4, 60)
    with pytest.raises(InputError, match="give either r_net, t0 and t1"):
        choose_threshold(p, r_net=r)
    with pytest.raises(InputError, match="give either r_net, t0 and t1"):
        choose_threshold(p, r_net=r, t0=t0, t1=t1, y=np.zeros(60, dtype=int))
    with pytest.raises(InputError, match="both classes"):
        choose_threshold(p, y=np.zeros(60, dtype=int))
    with pytest.raises(InputError, match=r"proba must lie in 0\.\.1"):
        choose_threshold(p + 1, r_net=r, t0=t0, t1=t1)


def test_a_refused_choice_names_the_number_of_trades_it_asked_for():
    p = np.linspace(0.4, 0.6, 10)
    none = metrics.choose_threshold(p, r_net=np.ones(10), t0=np.arange(10), t1=np.arange(10) + 1, min_trades=11)
    with pytest.raises(InputError, match="had 11 trades"):
        none.apply(p)
