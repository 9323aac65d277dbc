"""What luck alone scores with the shown model's answers, against a plain loop over shifts."""

from __future__ import annotations

import numpy as np
import pytest

import smctrain as st


def streaky(rng: np.random.Generator, n: int, cut: float = 0.0) -> np.ndarray:
    return (np.convolve(rng.standard_normal(n + 9), np.ones(10), "valid") > cut).astype(np.int64)


def judged(y: np.ndarray, answers: np.ndarray, h: int) -> dict[str, float]:
    half = len(y) // 2
    inner, oos = slice(0, half), slice(half, None)
    verdict = st.decide(y[oos], answers[oos], h, y[inner], answers[inner], y[inner], answers[inner])
    return verdict.evidence


@pytest.mark.parametrize("cut", [0.0, 3.0])
def test_the_range_is_that_of_the_same_answers_at_other_times(cut: float) -> None:
    rng = np.random.default_rng(2)
    n, h = 900, 5
    y, answers = streaky(rng, n, cut), streaky(rng, n, cut)
    found = judged(y, answers, h)
    truth, said = y[n // 2 :], answers[n // 2 :]
    scores = []
    for shift in range(4 * h, len(truth) - 4 * h + 1):
        other = np.roll(truth, shift)
        right = said == other
        scores.append(
            np.mean([right[other == c].mean() for c in (0, 1)])
            if found["metric"] == "balanced_accuracy"
            else right.mean()
        )
    assert found["metric"] == ("balanced_accuracy" if cut else "accuracy")
    assert [found["luck_low"], found["luck_high"]] == pytest.approx(np.quantile(scores, [0.025, 0.975]).tolist())


def test_rows_too_short_for_shifts_have_no_range() -> None:
    rng = np.random.default_rng(3)
    found = judged(streaky(rng, 300), streaky(rng, 300), 10)
    assert found["luck_low"] is None
    assert found["luck_high"] is None
