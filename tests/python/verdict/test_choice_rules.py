"""The selector's floor, the consistency rule and the count of trades: each held to what a model is held to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smctrain.exceptions import InputError
from smctrain.stats.choice import Candidate, Rules, veto
from smctrain.verdict import decide

HORIZON = 10


def blocks(n: int, share_of_ones: float, seed: int) -> np.ndarray:
    """Labels that stay for `HORIZON` rows."""
    rng = np.random.default_rng(seed)
    return np.repeat((rng.random(n // HORIZON + 1) < share_of_ones).astype(np.int64), HORIZON)[:n]


def right_on(y: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Answers that are right on about this share of rows, luck shared by ten neighbours."""
    rng = np.random.default_rng(seed)
    good = np.repeat(rng.random(len(y) // HORIZON + 1) < share, HORIZON)[: len(y)]
    return np.where(good, y, 1 - y)


def case(inner_share: float = 0.62, oos_share: float = 0.62, ones: float = 0.5, n_inner: int = 1700) -> dict[str, Any]:
    inner, oos = blocks(n_inner, ones, 1), blocks(4000, 0.5, 2)
    answered = right_on(inner, inner_share, 3)
    return {
        "y_true": oos, "predictions": right_on(oos, oos_share, 4)[None], "horizon": HORIZON, "inner_y": inner,
        "inner_predictions": answered[None], "train_y": inner, "train_predictions": answered[None],
    }  # fmt: skip


def floor(**told: Any) -> float:
    value = decide(**told).evidence["val_baseline"]
    assert isinstance(value, float)
    return value


def test_the_commonest_class_is_that_of_the_rows_an_answer_was_learned_from() -> None:
    told = case(ones=0.58)
    inner = told["inner_y"]
    newest = float((np.r_[np.ones(HORIZON), inner[:-HORIZON]] == inner).mean())
    half = len(inner) // 2
    learned = np.r_[np.full(half, inner[half:].mean() > 0.5), np.full(len(inner) - half, inner[:half].mean() > 0.5)]
    assert floor(**told) == pytest.approx(max(float(inner.mean()), newest))
    forward = floor(**told, inner_majority=learned.astype(np.int64))
    assert forward == pytest.approx(max(float((learned == inner).mean()), newest))


def refused_by_selector(inner_y: np.ndarray, share: float, seed: int) -> bool:
    answered = right_on(inner_y, share, seed)[None]
    told = case() | {"inner_y": inner_y, "inner_predictions": answered, "train_predictions": answered}
    return "selector" in decide(**told).failed_rules


def test_a_baseline_refuses_a_model_only_where_it_leads_by_more_than_luck() -> None:
    by_luck = [refused_by_selector(blocks(1700, 0.5, seed), 0.5, 100 + seed) for seed in range(40)]
    assert sum(by_luck) <= 12  # two baselines at 5 % each; half of the time one of them is ahead
    trending = np.repeat(blocks(200, 0.5, 5), HORIZON)[:1700]  # stays for a hundred rows: repeating is right on 90 %
    assert refused_by_selector(trending, 0.6, 7)
    drifting = blocks(1700, 0.57, 6)
    assert refused_by_selector(drifting, 0.3, 8)


def test_a_test_better_than_validation_is_no_reason_to_refuse() -> None:
    better = decide(**case(inner_share=0.56, oos_share=0.75))
    assert "consistency" not in better.failed_rules
    worse = decide(**case(inner_share=0.85, oos_share=0.60))
    assert "consistency" in worse.failed_rules


def test_out_of_fold_figures_may_fall_further() -> None:
    plain = Candidate("m", val=0.65, gap=0.0, oos=0.56, n_eff_val=400, n_eff_oos=900)
    assert veto(plain, Rules()) is not None
    assert veto(Candidate("m", 0.65, 0.0, oos=0.56, n_eff_val=400, n_eff_oos=900, val_variance=2.0), Rules()) is None


def test_profile_seed_still_refuses_both_ways() -> None:
    for val, oos in ((0.60, 0.70), (0.70, 0.60)):
        assert veto(Candidate("m", val, 0.0, oos=oos), Rules(profile="seed")) is not None


def test_overlapping_rows_are_not_many_trades() -> None:
    told = case()
    n = len(told["y_true"])
    earned = np.where(told["predictions"][0] == told["y_true"], 1.0, -1.0)
    rows = int((told["predictions"][0] == 1).sum())
    every_tenth = decide(**told, r_net=earned).evidence["trades"]
    assert every_tenth <= n / HORIZON
    at_once = decide(**told, r_net=earned, t0=np.arange(n), t1=np.arange(n)).evidence["trades"]
    assert at_once == rows
    two = decide(**told, r_net=earned, t0=np.arange(n), t1=np.arange(n) + n // 2)
    assert two.failed_rules == ["trades"]
    assert "one at a time" in two.reasons[0]


def test_spans_of_trades_come_in_pairs_and_fit() -> None:
    told = case()
    with pytest.raises(InputError, match="together"):
        decide(**told, t0=np.arange(4000))
    with pytest.raises(InputError, match="t1 must hold one bar per test row"):
        decide(**told, t0=np.arange(4000), t1=np.arange(3))
    with pytest.raises(InputError, match="inner_majority"):
        decide(**told, inner_majority=[0, 1])


def test_what_another_model_knows_does_not_speak_for_the_chosen_one() -> None:
    told = case(inner_share=0.62, oos_share=0.62)
    lucky = right_on(told["inner_y"], 0.70, 8)[None]  # better on inner rows, and knows nothing afterwards
    for seed in range(20):
        ignorant = right_on(told["y_true"], 0.5, 1000 + seed)[None]
        both = told | {
            "predictions": np.concatenate([told["predictions"], ignorant]),
            "inner_predictions": np.concatenate([told["inner_predictions"], lucky]),
            "train_predictions": np.concatenate([told["inner_predictions"], lucky]),
            "names": ["knows", "lucky"], "profile": "default",
        }  # fmt: skip
        found = decide(**both)
        assert found.evidence["shown_model"] == "lucky"
        assert found.evidence["p_oos"] <= 0.05
        assert found.kind != "DEPLOY" or found.evidence["p_own"] <= 0.05
        if found.evidence["p_own"] > 0.05:
            assert "p_own" in found.failed_rules
            assert any("another model" in sentence for sentence in found.reasons)
    assert decide(**told).kind == "DEPLOY"
