"""Skill must show within stretches of time, not only between them."""

from __future__ import annotations

import numpy as np
import pytest

import smctrain as st
from smctrain.verdict import Verdict

H, INNER, OOS = 10, 1600, 2000
RULE = "stretches"


def asked(y: np.ndarray, answers: np.ndarray, **more: object) -> Verdict:
    return st.decide(
        y[INNER:], answers[INNER:], H, y[:INNER], answers[:INNER], y[:INNER], answers[:INNER], **more  # type: ignore[arg-type]
    )  # fmt: skip


def slow_and_fast(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(outcome, answer that shares its long swings and nothing else, answer that shares its short ones)."""
    rng = np.random.default_rng(seed)
    n = INNER + OOS
    swing = np.sin(np.arange(n) * 2 * np.pi / 1200)
    short = np.convolve(rng.standard_normal(n + 29), np.ones(30) / np.sqrt(30), "valid")
    outcome = (
        0.8 * swing + 0.6 * short + 1.5 * np.convolve(rng.standard_normal(n + 9), np.ones(10) / np.sqrt(10), "valid")
    )
    return outcome, swing + 0.7 * rng.standard_normal(n), short + 0.7 * rng.standard_normal(n)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_skill_between_stretches_is_refused_and_one_within_is_not(task: str) -> None:
    outcome, slow, fast = slow_and_fast(3)
    if task == "classification":
        outcome, slow, fast = ((v > 0).astype(np.int64) for v in (outcome, slow, fast))
    between, within = asked(outcome, slow, task=task), asked(outcome, fast, task=task)
    assert between.failed_rules == [RULE]
    assert "Within stretches of 200 rows" in " ".join(between.reasons)
    assert within.deploy
    assert within.evidence["stretch_skill"] > between.evidence["stretch_skill"]  # type: ignore[operator]


def test_the_skill_within_one_stretch_is_right_beyond_its_shares() -> None:
    rng = np.random.default_rng(5)
    y, answers = rng.integers(0, 3, INNER + OOS), rng.integers(0, 3, INNER + OOS)
    expected = []
    for rows in np.arange(INNER, INNER + OOS).reshape(10, 200):
        chance = sum((y[rows] == c).mean() * (answers[rows] == c).mean() for c in range(3))
        expected.append((y[rows] == answers[rows]).mean() - chance)
    assert asked(y, answers).evidence["stretch_skill"] == pytest.approx(np.mean(expected), abs=1e-12)


def test_constant_answers_have_none() -> None:
    y = np.random.default_rng(6).integers(0, 2, INNER + OOS)
    found = asked(y, np.ones(INNER + OOS, dtype=np.int64))
    assert found.evidence["stretch_skill"] == 0.0
    assert RULE in found.failed_rules


def test_too_few_rows_are_told_by_their_own_rule() -> None:
    y = np.random.default_rng(7).integers(0, 2, INNER + 150)
    found = asked(y, y.copy())
    assert found.evidence["p_stretches"] is None
    assert "rows" in found.failed_rules
    assert RULE not in found.failed_rules
