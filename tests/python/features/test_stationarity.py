"""The order of fractional differencing that a series needs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smctrain.exceptions import InputError, TooFewRows
from smctrain.features import choose_d, fractional
from smctrain.features.stationarity import _dickey_fuller


def slow_dickey_fuller(y: np.ndarray) -> float:
    """Ordinary least squares with the constant as a column, by its textbook formulas."""
    target = np.diff(y)[1:]
    design = np.column_stack([np.ones(len(target)), y[1:-1], np.diff(y)[:-1]])
    inverse = np.linalg.inv(design.T @ design)
    found = inverse @ design.T @ target
    residual = target - design @ found
    return float(found[1] / np.sqrt(residual @ residual / (len(target) - 3) * inverse[1, 1]))


def walk(n: int, seed: int) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).standard_normal(n)) * 0.01 + 5.0


@pytest.mark.parametrize("seed", range(4))
def test_the_statistic_is_that_of_the_textbook(seed: int) -> None:
    y = walk(400, seed)
    assert _dickey_fuller(y)[0] == pytest.approx(slow_dickey_fuller(y), rel=1e-8)
    assert _dickey_fuller(np.diff(y))[0] == pytest.approx(slow_dickey_fuller(np.diff(y)), rel=1e-8)


def test_a_walk_is_differenced_in_part_and_noise_hardly() -> None:
    noise = np.random.default_rng(1).standard_normal(3000)
    chosen = [choose_d(walk(3000, seed)) for seed in range(10)]
    assert choose_d(noise) == 0.05
    assert 0.1 <= np.median(chosen) <= 0.8
    assert max(chosen) <= 1.0
    assert fractional("log_close", chosen)[0].startswith("log_close_fd_")


def test_a_stricter_level_never_asks_for_less() -> None:
    for seed in range(6):
        orders = [choose_d(walk(2500, seed), level=level) for level in (0.1, 0.05, 0.01)]
        assert orders == sorted(orders)


def test_the_smallest_order_that_passes_is_taken() -> None:
    x = walk(3000, 2)
    chosen = choose_d(x)
    assert chosen > 0.05
    with pytest.raises(InputError, match="unit root at all orders"):
        choose_d(x, orders=[chosen - 0.05])
    assert choose_d(x, orders=[chosen - 0.05, chosen, 1.0]) == chosen


@pytest.mark.parametrize(
    ("values", "options", "words"),
    [
        ([1.0, np.nan] * 500, {}, "finite numbers"),
        (np.ones((50, 2)), {}, "series of finite numbers"),
        (np.ones(2000), {}, "unit root at all orders"),
        (walk(1000, 1), {"level": 0.2}, "level must be 0.01, 0.05 or 0.1"),
        (walk(1000, 1), {"orders": ()}, "orders must ascend"),
        (walk(1000, 1), {"orders": (0.5, 0.4)}, "orders must ascend"),
        (walk(1000, 1), {"orders": (0.0, 0.4)}, "orders must ascend"),
        (walk(1000, 1), {"orders": (0.405,)}, "in hundredths"),
        (walk(1000, 1), {"orders": (0.4, np.nan)}, "orders must ascend"),
    ],
)
def test_mistakes_are_named(values: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        choose_d(values, **options)


def test_too_short_a_history_is_named() -> None:
    with pytest.raises(TooFewRows, match=r"order 0\.05 needs a window of"):
        choose_d(walk(200, 1))
