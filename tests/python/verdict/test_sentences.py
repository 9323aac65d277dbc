"""What a trader reads first: no sentence contradicts the number beside it, and no word needs a statistics book."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smctrain.verdict import Verdict, decide


def block(rng: np.random.Generator, n: int, h: int, right: float, share: float) -> tuple[np.ndarray, np.ndarray]:
    """n labels in runs of h rows, and answers that are right on whole runs."""
    y = rng.random(n // h + 1) < share
    answers = np.where(rng.random(len(y)) < right, y, ~y)
    return np.repeat(y, h)[:n].astype(int), np.repeat(answers, h)[:n].astype(int)


def judged(
    right: float, inner: float, *, n: int = 1_000, n_inner: int = 900, h: int = 10, share: float = 0.5,
    r: tuple[float, float] | None = None, **other: Any,
) -> Verdict:  # fmt: skip
    rng = np.random.default_rng(0)
    y, answers = block(rng, n, h, right, share)
    inner_y, inner_answers = block(rng, n_inner, h, inner, share)
    train_y, train_answers = block(rng, 2_000, h, inner, share)
    r_net = None if r is None else np.where(y == 1, *r) + 0.2 * rng.standard_normal(n)
    return decide(
        y, answers[None], h, inner_y, inner_answers[None], train_y, train_answers[None], names=["XGBoost"],
        r_net=r_net, **other,
    )  # fmt: skip


def test_a_lead_that_the_rows_would_show_is_not_called_too_small_to_show() -> None:
    verdict = judged(0.85, 0.4)
    assert verdict.failed_rules[0] == "selector"
    assert float(verdict.evidence["skill"] or 0) > float(verdict.evidence["smallest_visible_edge"] or 1)
    assert verdict.reasons[0].startswith("XGBoost looks good on the test rows (")
    assert "on the earlier rows, where models are chosen, it scored" in verdict.reasons[0]
    assert "upwards" not in verdict.reasons[0]


def test_a_lead_refused_for_another_reason_than_the_baseline_is_not_said_to_be_below_it() -> None:
    verdict = judged(0.85, 0.8, gaps=[0.5])
    assert verdict.reasons[0].endswith("on the earlier rows, where models are chosen, every model was refused.")


def test_too_few_rows_say_what_they_show_and_how_many_it_takes() -> None:
    verdict = judged(0.5, 0.5)
    assert verdict.kind == "TOO_LITTLE_DATA"
    visible = 100 * float(verdict.evidence["smallest_visible_edge"] or 0)
    needed = int(verdict.evidence["n_required"] or 0)
    assert verdict.reasons[0] == (
        f"Too little data to tell. XGBoost is not ahead of guessing, and 1,000 test rows show a lead only from "
        f"{visible:.1f} points upwards. "
        f"Seeing a lead of 3 points over guessing takes {needed:,} test rows, {needed / 1_000:.0f} times as many."
    )


def test_a_lead_over_a_constant_that_luck_shares_is_not_told_as_a_lead() -> None:
    rng = np.random.default_rng(3)
    y, answers = block(rng, 1_000, 10, 0.58, 0.4)  # training says 1, the market turned: luck is right on more than half
    train_y = np.repeat((rng.random(200) < 0.55).astype(int), 10)
    inner_y, inner_answers = block(rng, 900, 10, 0.5, 0.5)
    verdict = decide(y, answers[None], 10, inner_y, inner_answers[None], train_y, train_y[None], names=["XGBoost"])
    seen = verdict.evidence
    lead = float(seen["statistic"] or 0) - float(seen["luck_mean"] or 0)
    assert 0 < lead < float(seen["smallest_visible_edge"] or 0) < float(seen["skill"] or 0)
    told = f"Too little data to tell. XGBoost is {100 * lead:.1f} points ahead of guessing, and 1,000 test rows show"
    assert verdict.reasons[0].startswith(told)


def test_rows_shorter_than_any_statement_say_so_once() -> None:
    verdict = judged(0.5, 0.5, n=150)
    assert verdict.reasons[0].startswith("Too little data to tell. The test has 150 rows;")
    assert " ".join(verdict.reasons).count("The test has 150 rows") == 1


def test_a_class_that_hardly_occurs_is_named_where_rows_are_enough() -> None:
    verdict = judged(0.8, 0.8, n=60_000, n_inner=20_000, h=5, share=0.01)
    assert verdict.kind == "TOO_LITTLE_DATA"
    assert verdict.reasons[0].startswith("Too little data to tell. Every class needs at least 30 training rows")
    assert "Seeing a lead" not in verdict.reasons[0]


@pytest.mark.parametrize("n", [2_000, 60_000])
def test_trades_that_lose_are_not_called_missing_evidence(n: int) -> None:
    verdict = judged(0.75, 0.75, n=n, n_inner=n // 2, h=5, r=(0.3, -2.0))
    assert verdict.failed_rules == ["expected_value"]
    assert verdict.reasons[0].startswith(
        "XGBoost answers better than chance, but is not recommended. The trades do not"
    )
    assert "Seeing a" not in verdict.reasons[0]


def test_enough_rows_without_a_lead_are_a_no() -> None:
    verdict = judged(0.5, 0.5, n=60_000, n_inner=20_000, h=5)
    assert verdict.kind == "NO_EVIDENCE"
    assert verdict.reasons[0] == (
        "No model is recommended: 60,000 test rows are enough to see a lead of 3 points over guessing, and the "
        "evidence for one is missing."
    )


@pytest.mark.parametrize(("right", "inner"), [(0.5, 0.5), (0.75, 0.75), (0.85, 0.4)])
def test_no_sentence_needs_a_statistics_book(right: float, inner: float) -> None:
    text = " ".join(judged(right, inner).reasons)
    for word in ("p =", "effective sample", "e-process", "circular", "null", "hypothesis", "significan"):
        assert word not in text
    if "shifted histories" in text:
        assert text.index("answers put against other times") < text.index("shifted histories") + 40
