"""Reality check, SPA, StepM and the model confidence set against their definitions."""

from __future__ import annotations

import numpy as np
import pytest

from smctrain import stats
from smctrain._load import core
from smctrain.exceptions import InputError, TooFewRows


def fnv1a64(text: str) -> int:
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def resampled_rows(n: int, block: float, draw: int, seed: int) -> np.ndarray:
    """The rows of one resample, by its definition and NumPy's Philox."""
    stream = np.random.Philox(key=np.array([seed, fnv1a64(f"stationary_bootstrap/{draw}")], dtype=np.uint64))

    def uniform() -> float:
        return float(int(stream.random_raw()) >> 11) * 2.0**-53

    rows: list[int] = []
    while len(rows) < n:
        start = int(uniform() * n)
        length = 1 + int(np.floor(np.log(1 - uniform()) / np.log1p(-1 / block)))
        rows += [(start + i) % n for i in range(min(length, n - len(rows)))]
    return np.array(rows)


def table(seed: int, n: int = 60, k: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, k)) + rng.normal(size=(n, 1)) + np.array([0.0, 0.5, -1.5, 0.1, 0.9])[:k]


def test_resamples_are_those_of_the_definition() -> None:
    values = table(0, n=23)
    means = core().bootstrap_column_means(values, 4.0, 12, 5)
    cells = np.arange(23, dtype=np.int32) % 3
    counts = core().bootstrap_counts(cells, 3, 4.0, 12, 5)
    for draw in range(12):
        rows = resampled_rows(23, 4.0, draw, 5)
        assert means[draw] == pytest.approx(values[rows].mean(axis=0), abs=1e-13)
        assert counts[draw].tolist() == np.bincount(cells[rows], minlength=3).tolist()
    single = core().bootstrap_means(np.ascontiguousarray(values[:, 1]), 4.0, 12, 5)
    assert np.array_equal(single, means[:, 1])
    assert np.array_equal(core().bootstrap_column_means(values, 4.0, 12, 5, 3), means)


def test_the_closed_form_variance_is_that_of_the_resampled_means() -> None:
    rng = np.random.default_rng(1)
    x = np.convolve(rng.normal(size=209), np.ones(10), mode="valid")
    n, keep = len(x), 1 - 1 / 20
    e = x - x.mean()
    slow = e @ e / n
    for lag in range(1, n):
        kappa = (1 - lag / n) * keep**lag + lag / n * keep ** (n - lag)
        slow += 2 * kappa * (e[lag:] @ e[:-lag]) / n
    assert core().stationary_bootstrap_variance(x, 20.0) == pytest.approx(slow, rel=1e-12)
    means = core().bootstrap_means(x, 20.0, 20_000, 3)
    assert n * means.var() == pytest.approx(slow, rel=0.05)
    assert core().stationary_bootstrap_variance(np.ones(10), 2.0) == 0.0


def test_the_automatic_block_length_is_that_of_politis_and_white() -> None:
    def slow(x: np.ndarray) -> float:
        n = len(x)
        e = x - x.mean()
        calm = max(5, int(np.sqrt(np.log10(n))))
        lags = int(np.ceil(np.sqrt(n))) + calm
        r = np.array([e[k:] @ e[: n - k] / n for k in range(lags + 1)])
        quiet = np.abs(r / r[0]) < 2 * np.sqrt(np.log10(n) / n)
        starts = [m for m in range(lags - calm + 1) if quiet[m + 1 : m + calm + 1].all()]
        m = starts[0] if starts else int(np.flatnonzero(~quiet).max())
        top = min(max(2 * m, 1), lags)
        k = np.arange(-top, top + 1)
        weight = np.clip(2 * (1 - np.abs(k) / top), 0, 1)
        g = np.sum(weight * np.abs(k) * r[np.abs(k)])
        d = 2 * np.sum(weight * r[np.abs(k)]) ** 2
        return float(np.clip((2 * g**2 / d) ** (1 / 3) * n ** (1 / 3), 1, min(3 * np.sqrt(n), n / 3)))

    rng = np.random.default_rng(9)
    for width in (1, 3, 10, 60):
        x = np.convolve(rng.normal(size=500 + width - 1), np.ones(width), mode="valid")
        assert stats.block_length(x) == pytest.approx(slow(x), rel=1e-10)
    assert stats.block_length(np.arange(30.0)) <= 10
    wide = stats.bootstrap_interval(x, block=stats.block_length(x))
    narrow = stats.bootstrap_interval(x)
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


def test_the_three_tests_follow_their_definitions() -> None:
    d = table(2)
    n, k, draws, block = *d.shape, 199, 6.0
    found = stats.data_snooping(d, horizon=3, level=0.10, n_draws=draws, seed=9)
    mean = d.mean(axis=0)
    omega = np.sqrt([core().stationary_bootstrap_variance(np.ascontiguousarray(c), block) for c in d.T])
    t = np.sqrt(n) * mean / omega
    star = np.array([d[resampled_rows(n, block, b, 9)].mean(axis=0) for b in range(draws)])
    g = {
        "lower": np.maximum(mean, 0),
        "consistent": np.where(t >= -np.sqrt(2 * np.log(np.log(n))), mean, 0),
        "upper": mean,
    }
    p = {
        name: (1 + np.sum(np.maximum((np.sqrt(n) * (star - c) / omega).max(axis=1), 0) >= max(t.max(), 0)))
        / (draws + 1)
        for name, c in g.items()
    }
    white = (1 + np.sum((star - mean).max(axis=1) >= mean.max())) / (draws + 1)
    assert (found.spa_lower_p, found.spa_p, found.spa_upper_p) == (p["lower"], p["consistent"], p["upper"])
    assert found.white_p == white
    assert found.best_model == t.argmax()
    assert found.standard_error == pytest.approx(omega / np.sqrt(n), rel=1e-12)

    superior = np.zeros(k, dtype=bool)
    centred = np.sqrt(n) * (star - mean) / omega
    while not superior.all():
        largest = np.sort(centred[:, ~superior].max(axis=1))
        bar = largest[int(np.ceil(0.90 * (draws + 1))) - 1]
        new = ~superior & (t > bar)
        if not new.any():
            break
        superior |= new
    assert found.is_superior.tolist() == superior.tolist()
    assert found.is_superior.any()


def test_a_clearly_worse_model_does_not_spoil_the_consistent_test() -> None:
    rng = np.random.default_rng(3)
    d = np.column_stack([rng.normal(0.12, 1, 300), rng.normal(-5, 1, (300, 20))])
    found = stats.data_snooping(d, n_draws=499)
    assert found.spa_p < found.spa_upper_p
    assert found.spa_p < 0.05


def test_the_test_is_never_surer_than_its_draws() -> None:
    d = np.random.default_rng(4).normal(5, 1, (100, 2))
    found = stats.data_snooping(d, n_draws=99)
    assert found.white_p == found.spa_p == 0.01
    nothing = stats.data_snooping(-d, n_draws=99)
    assert nothing.spa_p == nothing.white_p == 1.0
    assert not nothing.is_superior.any()
    assert "2 models; best is model" in repr(found)


def test_noise_is_not_found_superior_much_more_often_than_promised() -> None:
    rng = np.random.default_rng(5)
    hits = [stats.data_snooping(rng.normal(size=(400, 8)), n_draws=199, seed=i).spa_p <= 0.05 for i in range(200)]
    assert sum(hits) <= 25  # of 200; 10 expected, chance of more about 1e-5


def test_the_confidence_set_keeps_what_cannot_be_told_apart() -> None:
    rng = np.random.default_rng(6)
    losses = rng.normal(size=(500, 4)) + np.array([0.0, 0.0, 0.4, 1.0])
    found = stats.model_confidence_set(losses, n_draws=499)
    assert found.included.tolist() == [True, True, False, False]
    assert found.p_values[3] <= found.p_values[2] < found.p_values[:2].max() == 1.0

    # By the definition, with the same resamples.
    star = np.array([losses[resampled_rows(500, 2.0, b, 0)].mean(axis=0) for b in range(99)])
    mean, left, p, so_far = losses.mean(axis=0), list(range(4)), np.ones(4), 0.0
    while len(left) > 1:
        d = mean[left] - mean[left].mean()
        boot = star[:, left] - star[:, left].mean(axis=1, keepdims=True) - d
        sd = np.sqrt((boot**2).mean(axis=0))
        worst = int(np.argmax(d / sd))
        so_far = max(so_far, (1 + np.sum((boot / sd).max(axis=1) >= (d / sd)[worst])) / 100)
        p[left[worst]] = so_far
        left.pop(worst)
    assert stats.model_confidence_set(losses, n_draws=99).p_values == pytest.approx(p, abs=1e-12)


def test_identical_models_are_no_error() -> None:
    x = np.random.default_rng(7).normal(size=(50, 1))
    assert stats.model_confidence_set(np.hstack([x, x]), n_draws=50).included.all()
    assert stats.data_snooping(np.zeros((50, 2)), n_draws=50).spa_p == 1.0


def test_effective_trials_counts_what_differs() -> None:
    rng = np.random.default_rng(8)
    base = rng.normal(size=(2000, 3))
    copies = np.hstack([base, 2 * base, -base])
    assert stats.effective_trials(copies) == pytest.approx(3.0, abs=0.02)
    assert stats.effective_trials(base[:, :1]) == pytest.approx(1.0)
    assert stats.effective_trials(np.column_stack([base, np.ones(2000)])) <= 3.0


def test_bad_tables_are_named() -> None:
    with pytest.raises(TooFewRows, match="at least 8 periods"):
        stats.data_snooping(np.zeros((7, 2)))
    holed = np.zeros((20, 2))
    holed[3, 1] = np.nan
    with pytest.raises(InputError, match="period 3 of model 1 is not"):
        stats.data_snooping(holed)
    with pytest.raises(InputError, match="level must lie between 0 and 1"):
        stats.model_confidence_set(np.zeros((20, 2)), level=1.0)
