"""What the statistics promise on the standard processes, in seconds: seeds fixed, bars so wide that a sound build is
outside of them less than once in ten thousand."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest

from smctrain import stats
from smctrain.exceptions import InputError
from smctrain.testing import noise_table

ALARM = 1e-4


def tail(runs: int, share: float, at_most: int) -> float:
    """P(X <= at_most) of X hits in `runs`."""
    return sum(comb(runs, k) * share**k * (1 - share) ** (runs - k) for k in range(at_most + 1))


def correctness(n: int, horizon: int, signal: float, seed: int) -> np.ndarray:
    """Right or wrong of answering with the sign of x."""
    table = noise_table(n + horizon, signal, seed)
    return (table.X[:n, 0] > 0) == (table.p[horizon : n + horizon] > table.p[:n])


@pytest.mark.parametrize(
    ("n", "horizon", "signal"),
    [(300, 1, 0.0), (300, 10, 0.12), (1250, 50, 0.0), (2000, 10, 0.12)],
)
def test_the_interval_of_the_accuracy_covers_the_truth(n: int, horizon: int, signal: float) -> None:
    """H10: 93-97 % of 95 % intervals. The interval for independent rows covers about 65 % at h = 10."""
    truth = 0.5 if signal == 0 else float(np.mean([correctness(50_000, horizon, signal, 10**6 + s) for s in range(4)]))
    runs = 200
    inside = 0
    for seed in range(runs):
        found = stats.accuracy_interval(correctness(n, horizon, signal, seed), horizon)
        inside += found.low <= truth <= found.high
        assert not found.too_short
    # So few inside with a coverage of 93 % (so many with 97 %) would be a chance below 1e-4.
    assert tail(runs, 0.93, inside) > ALARM
    assert 1 - tail(runs, 0.97, inside - 1) > ALARM


def test_an_interval_for_independent_rows_would_be_caught() -> None:
    runs = 200
    inside = 0
    for seed in range(runs):
        correct = correctness(1000, 10, 0.0, seed)
        low, high = stats.wilson_interval(float(correct.sum()), 1000)
        inside += low <= 0.5 <= high
    assert tail(runs, 0.93, inside) < ALARM


def noise_walk(seed: int, n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Labels of N0 and the answers of four rules that know the past only."""
    table = noise_table(n, 0.0, seed)
    return table.y.astype(np.int64), (table.X[:, [0, 2, 4, 9]] > 0).T.astype(np.int64)


def test_money_looked_at_after_every_bar_rarely_reaches_twenty_on_noise() -> None:
    """H16: at most 5 % of noise series of 4,000 bars, however often one looks; about half with one bet per row."""
    runs = 150
    ever = betting_every_row = 0
    for seed in range(runs):
        y, answers = noise_walk(seed)
        stream = stats.EProcessStream(4, 10)
        stream.push(y, answers)
        ever += stream.sup >= 20
        betting_every_row += stats.e_process(y, answers, 1).sup >= 20
    assert 1 - tail(runs, 0.05, ever - 1) > ALARM
    assert 1 - tail(runs, 0.05, betting_every_row - 1) < ALARM  # the test can fail


def test_the_shift_test_is_no_surer_than_it_says() -> None:
    """Best of four rules on noise of 1,000 rows: p <= 0.05 in about 5 % of series; the binomial test in about 25 %."""
    runs = 200
    found = sum(
        stats.circular_shift_test(y, answers, 10).p_value <= 0.05
        for y, answers in (noise_walk(seed, 1000) for seed in range(runs))
    )
    # Neighbouring shifts are dependent: 7 % is what many series show.
    assert 1 - tail(runs, 0.08, found - 1) > ALARM


def test_planted_skill_is_seen_by_each_of_them() -> None:
    table = noise_table(4000, 0.2, 3)
    y, answer = table.y.astype(np.int64), (table.X[:, 0] > 0).astype(np.int64)
    assert stats.circular_shift_test(y, answer, 10).p_value < 0.001
    assert stats.circular_shift_test(y, table.X[:, 0], 10, "auc").p_value < 0.001
    ret = table.p[10:4010] - table.p[:4000]
    assert stats.circular_shift_test(ret, table.X[:, 0], 10, "ic").p_value < 0.001
    assert stats.e_process(y, answer, 10).end > 20
    edge = (answer == y).astype(float) - (y == 0)
    assert stats.data_snooping(edge, horizon=10, n_draws=199).spa_p < 0.05


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_an_estimated_size_takes_students_quantile(level: float) -> None:
    from scipy.stats import t

    for freedom in (1.0, 2.5, 8.0, 15.0, 100.0, 999.0, 1000.0, 1e9):
        # Wilson's half-width at p = 1/2 as n grows is quantile / (2 sqrt(n)).
        n = 1e12
        found = stats.wilson_interval(n / 2, n, level, freedom)
        width = (found.high - found.low) * np.sqrt(n)
        assert width == pytest.approx(t.ppf(0.5 + level / 2, freedom), rel=1e-8)
    assert stats.wilson_interval(5, 10, level) == stats.wilson_interval(5, 10, level, np.inf)
    with pytest.raises(InputError, match="degrees_of_freedom"):
        stats.wilson_interval(5, 10, level, 0.0)


@pytest.mark.parametrize("horizon", [1, 2, 5, 30, 1000])
def test_an_interval_holds_its_accuracy_however_few_the_rows(horizon: int) -> None:
    for n in (1, 2, 3, 10, 50, 400):
        right = np.resize([1, 1, 0], n)
        before = 0.0
        for level in (0.01, 0.5, 0.9, 0.99, 0.9999):
            found = stats.accuracy_interval(right, horizon, level)
            assert 0.0 <= found.low <= found.accuracy + 1e-12
            assert found.accuracy - 1e-12 <= found.high <= 1.0
            assert found.high - found.low >= before - 1e-12
            before = found.high - found.low
