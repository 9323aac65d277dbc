"""The kernels against slow, obvious Python."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from smctrain import stats
from smctrain.exceptions import InputError

LAMBDAS = (0.05, 0.1, 0.2, 0.3)


@some.composite
def problems(draw: some.DrawFn) -> tuple[np.ndarray, np.ndarray, int]:
    """Labels of 1-4 classes with odd codes, sticky predictions of 1-5 models (some missing), a horizon."""
    horizon = draw(some.integers(1, 6))
    n = draw(some.integers(8 * horizon, 8 * horizon + 60))
    n_classes = draw(some.integers(1, 4))
    k = draw(some.integers(1, 5))
    rng = np.random.default_rng(draw(some.integers(0, 2**32 - 1)))
    codes = np.sort(rng.choice(np.arange(0, 20), n_classes, replace=False))
    y = codes[np.repeat(rng.integers(0, n_classes, n), rng.integers(1, 4))[:n]]
    predictions = codes[rng.integers(0, n_classes, (k, n))]
    predictions = np.where(rng.random((k, n)) < 0.4, y, predictions)
    predictions[rng.random((k, n)) < 0.1] = -1
    return y, predictions, horizon


def shift_oracle(y: np.ndarray, predictions: np.ndarray, h: int, *, balanced: bool) -> Fraction:
    n = len(y)
    classes, counts = np.unique(y, return_counts=True)

    def statistic(s: int) -> Fraction:
        turned = np.roll(y, s)  # turned[t] = y[t - s]
        best = Fraction(-1)
        for row in predictions:
            hits = [int(np.sum((row == c) & (turned == c))) for c in classes]
            if balanced:
                value = sum(Fraction(a, int(b)) for a, b in zip(hits, counts, strict=True)) / len(classes)
            else:
                value = Fraction(sum(hits))
            best = max(best, value)
        return best

    shifts = range(4 * h, n - 4 * h + 1)
    observed = statistic(0)
    return Fraction(1 + sum(statistic(s) >= observed for s in shifts), len(shifts) + 1)


@settings(max_examples=60, deadline=None)
@given(problems())
def test_circular_shift_p_equals_brute_force(problem: tuple[np.ndarray, np.ndarray, int]):
    y, predictions, h = problem
    result = stats.circular_shift_test(y, predictions, h)
    assert result.p_value == float(shift_oracle(y, predictions, h, balanced=False))


@settings(max_examples=40, deadline=None)
@given(problems())
def test_balanced_circular_shift_p_equals_brute_force(problem: tuple[np.ndarray, np.ndarray, int]):
    y, predictions, h = problem
    result = stats.circular_shift_test(y, predictions, h, metric="balanced_accuracy")
    assert result.p_value == float(shift_oracle(y, predictions, h, balanced=True))


def e_oracle(
    y: np.ndarray, predictions: np.ndarray, h: int, baseline: float, shares: dict[int, float] | None, rows: int = 0
) -> list[float]:
    path = [1.0]
    for end in range(1, len(y) + 1):
        wealth = []
        for row in predictions:
            for j in range(h):
                for lam in LAMBDAS:
                    money = 1.0
                    for t in range(j, end, h):
                        if row[t] < 0:
                            continue
                        q = baseline
                        if shares is not None:
                            seen = y[: max(0, t - h + 1)]
                            so_far = float(np.mean(seen == row[t])) if len(seen) else 0.0
                            first = shares.get(int(row[t]), 0.0)
                            q = (first * rows + so_far * len(seen)) / (rows + len(seen)) if rows else max(first, so_far)
                            q = min(max(q, 0.05), 0.95)
                        money *= 1 + lam * (float(row[t] == y[t]) - q) / max(q, 1 - q)
                    wealth.append(money)
        path.append(float(np.mean(wealth)))
    return path


@settings(max_examples=25, deadline=None)
@given(problems(), some.booleans(), some.sampled_from([0, 1, 25]))
def test_e_process_equals_brute_force(problem: tuple[np.ndarray, np.ndarray, int], with_shares: bool, rows: int):
    y, predictions, h = problem
    y, predictions = y[:30], predictions[:2, :30]
    classes = np.unique(y)
    shares = None  # predictions may name classes that the first 30 labels never show: those bets are lost
    if with_shares:
        weights = np.arange(1, len(classes) + 1) ** 2 / float(np.sum(np.arange(1, len(classes) + 1) ** 2))
        shares = dict(zip(classes.tolist(), weights.tolist(), strict=True))
    rows = rows if with_shares else 0
    result = stats.e_process(y, predictions, h, train_shares=shares, train_rows=rows or None)
    assert result.path == pytest.approx(e_oracle(y, predictions, h, 0.5, shares, rows), rel=1e-12)


def test_pooled_odds_give_nothing_to_always_up_in_a_drift_that_even_odds_pay_for():
    """A market that rises on 54 % of rows, in training and in the test: nothing is known, yet even odds pay."""
    grown = {"even": 0, "pooled": 0}
    for seed in range(20):
        up = (np.random.default_rng(seed).random(4000) < 0.54).astype(int)
        always, shares = np.ones(4000, dtype=int), {0: 0.46, 1: 0.54}
        grown["even"] += stats.e_process(up, always, 1, train_shares=shares).end >= 20
        grown["pooled"] += stats.e_process(up, always, 1, train_shares=shares, train_rows=2000).end >= 20
    assert grown["even"] >= 10
    assert grown["pooled"] == 0


def test_the_weight_of_training_shares_must_be_theirs():
    with pytest.raises(InputError, match="train_rows says how many rows train_shares come from"):
        stats.e_process([1, 0], [1, 0], 1, train_rows=5)
    with pytest.raises(InputError, match="train_rows must be at least 1"):
        stats.e_process([1, 0], [1, 0], 1, train_shares={0: 0.5, 1: 0.5}, train_rows=0)


def test_e_process_bets_evenly_on_balanced_training_classes():
    rng = np.random.default_rng(1)
    y, guess = rng.integers(0, 2, (2, 200))
    plain = stats.e_process(y, guess, 5)
    assert np.array_equal(stats.e_process(y, guess, 5, train_shares={0: 0.46, 1: 0.54}).path, plain.path)
    assert not np.array_equal(stats.e_process(y, guess, 5, train_shares={0: 0.4, 1: 0.6}).path, plain.path)


def test_e_process_never_uses_an_unresolved_label():
    rng = np.random.default_rng(2)
    y, guess = rng.integers(0, 3, (2, 120))
    shares = {0: 0.2, 1: 0.3, 2: 0.5}
    full = stats.e_process(y, guess, 7, train_shares=shares).path
    for cut in (8, 50, 119):
        assert np.array_equal(stats.e_process(y[:cut], guess[:cut], 7, train_shares=shares).path, full[: cut + 1])


def test_e_process_of_a_winning_bettor_stays_finite():
    y = np.ones(20_000, dtype=int)
    path = stats.e_process(y, y, 1).path
    assert np.all(np.isfinite(path))


def test_always_answering_the_majority_gains_nothing():
    rng = np.random.default_rng(3)
    y = (rng.random(3000) < 0.8).astype(int)
    assert stats.e_process(y, np.ones(3000, dtype=int), 1, train_shares={0: 0.2, 1: 0.8}).end < 1.5
    assert stats.circular_shift_test(y, np.ones(3000, dtype=int), 1).p_value == 1.0


def test_result_does_not_depend_on_the_number_of_threads():
    rng = np.random.default_rng(4)
    y = rng.integers(0, 3, 500)
    guesses = rng.integers(0, 3, (7, 500))
    for metric in ("accuracy", "balanced_accuracy"):
        assert stats.circular_shift_test(y, guesses, 5, metric) == stats.circular_shift_test(
            y, guesses, 5, metric, threads=4
        )


def test_a_class_named_minus_one_is_a_class():
    y = np.tile([-1, 1, 1, -1, 1], 8)
    assert stats.circular_shift_test(y, y, 1).statistic == 1.0
    assert stats.circular_shift_test(y, np.where(y < 0, 7, y), 1).statistic == 0.6


def test_auto_metric_is_balanced_above_sixty_percent():
    y = np.array([0] * 60 + [1] * 40)
    assert stats.circular_shift_test(y, y, 2, "auto").metric == "accuracy"
    y[60] = 0
    result = stats.circular_shift_test(y, y, 2, "auto")
    assert result.metric == "balanced_accuracy"
    assert result.baseline == 0.5


def effective_oracle(c: np.ndarray, h: int) -> float:
    n = len(c)
    if np.all(c == c[0]) or n <= 2 * h + 1:
        return n / (2 * h)
    x = c - c.mean()
    rho = [float(np.sum(x[lag:] * x[: n - lag]) / np.sum(x * x)) for lag in range(1, h + 1)]
    w = [1 - lag / n for lag in range(1, h + 1)]
    deff = (1 + 2 * np.dot(w, rho)) / (1 - (1 + 2 * sum(w)) / n)
    return float(n if deff <= 1 else np.clip(n / deff, n / (2 * h), n))


@settings(max_examples=60, deadline=None)
@given(some.lists(some.booleans(), min_size=1, max_size=80), some.integers(1, 12))
def test_effective_size_equals_its_definition(correct: list[bool], h: int):
    c = np.array(correct, dtype=float)
    size = stats.effective_sample_size(c, h)
    assert size.n_eff == pytest.approx(effective_oracle(c, h), rel=1e-12)


def test_pbo_leaves_out_rows_whose_labels_cross_a_border():
    rng = np.random.default_rng(5)
    clean = rng.normal(size=(64, 6))
    dirty = clean.copy()
    for block in range(3):
        dirty[16 * block + 13 : 16 * block + 16] += 100 * rng.normal(size=(3, 6))
    assert np.array_equal(stats.pbo(clean, 4, horizon=3).logits, stats.pbo(dirty, 4, horizon=3).logits)
    assert not np.array_equal(stats.pbo(clean, 4).logits, stats.pbo(dirty, 4).logits)


def test_pbo_of_one_clearly_better_configuration_is_zero():
    rng = np.random.default_rng(6)
    matrix = rng.normal(size=(320, 5))
    matrix[:, 3] += 3
    result = stats.pbo(matrix)
    assert result.value == 0.0
    assert len(result.logits) == 12870


def test_bootstrap_interval_widens_with_the_overlap_and_is_reproducible():
    rng = np.random.default_rng(7)
    steps = np.convolve(rng.normal(size=1009), np.ones(10) / 10, mode="valid")
    narrow = stats.bootstrap_interval(steps, horizon=1, n_draws=500, seed=3)
    wide = stats.bootstrap_interval(steps, horizon=10, n_draws=500, seed=3)
    assert wide.low < steps.mean() < wide.high
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)
    assert wide == stats.bootstrap_interval(steps, horizon=10, n_draws=500, seed=3, threads=3)
    assert wide != stats.bootstrap_interval(steps, horizon=10, n_draws=500, seed=4)
