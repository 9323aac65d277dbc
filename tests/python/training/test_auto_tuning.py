"""The search for settings of weak symbols is small, says why, and every trial counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import smctrain as st
from smctrain.models.registry import make_trainer
from smctrain.training.auto_tuning import KEPT, REVIEW, TUNED, changes_of, chosen
from smctrain.training.fitting import FoldOutcome

FAMILIES = ["XGBoost", "LightGBM", "GradientBoosting", "NeuralNetwork", "LSTM", "GRU"]


@pytest.mark.parametrize("family", FAMILIES)
def test_families_with_a_rate_get_three_strengths_and_two_rates(family: str) -> None:
    trials = changes_of(make_trainer(family, {}))
    assert len(trials) == 6
    assert trials[0] == {}
    assert len({tuple(sorted(trial.items())) for trial in trials}) == 6
    for changes in trials:
        make_trainer(family, changes)  # every trial is a valid setting


@pytest.mark.parametrize("family", ["RandomForest", "ExtraTrees", "LogisticRegression"])
def test_families_without_a_rate_get_three_strengths(family: str) -> None:
    trials = changes_of(make_trainer(family, {}))
    assert len(trials) == 3
    for changes in trials:
        make_trainer(family, changes)


def outcome(*accuracies: float) -> FoldOutcome:
    return FoldOutcome(np.zeros((1, 2)), list(accuracies))


def test_a_trial_is_used_only_if_it_is_better_by_a_standard_error() -> None:
    trials: list[dict[str, Any]] = [{}, {"C": 0.1}, {"C": 0.01}]
    clear = [outcome(0.50, 0.51, 0.52), outcome(0.55, 0.56, 0.57), outcome(0.4, 0.4, 0.4)]
    changes, told = chosen(trials, clear)
    assert changes == told["changes"] == {"C": 0.1}
    assert "C = 0.1: inner accuracy +0.050" in told["reason"]
    assert [trial["accuracy"] for trial in told["trials"]] == pytest.approx([0.51, 0.56, 0.40])
    by_luck = [outcome(0.50, 0.51, 0.52), outcome(0.60, 0.46, 0.50), outcome(0.4, 0.4, 0.4)]
    changes, told = chosen(trials, by_luck)
    assert changes == {}
    assert "no trial was better" in told["reason"]
    assert chosen(trials, clear[:1])[0] == {}
    assert chosen(trials, [])[0] == {}


def test_a_weak_symbol_is_searched_and_all_its_trials_count(tmp_path: Path) -> None:
    market = st.simulate_market(n_symbols=2, n_bars=1_500)
    settings: dict[str, Any] = {
        "preset": "fast", "models": ["LogisticRegression"], "symbols": ["SIM2"], "workers": 1, "seed": 3,
        "training__held_out_importance": False,
    }  # fmt: skip
    plain = st.train(market, out=tmp_path / "plain", output__ledger=str(tmp_path / "a"), **settings)
    tuned = st.train(
        market, out=tmp_path / "tuned", output__ledger=str(tmp_path / "b"), tuning__enabled=True, **settings
    )
    result = tuned["SIM2"]
    assert plain["SIM2"].tuning == {}
    assert result.tuning["best_inner"] < 0.60
    assert result.tuning["outcome"] in {KEPT, TUNED, REVIEW}
    assert len(result.tuning["families"]["LogisticRegression"]["trials"]) == 3
    tries = result.verdict["evidence"]["configurations"]
    assert plain["SIM2"].verdict["evidence"]["configurations"] == 1 < tries
    assert "Weak symbol: the best inner accuracy" in (tmp_path / "tuned" / "report.html").read_text(encoding="utf-8")
    changes = result.tuning["families"]["LogisticRegression"]["changes"]
    for name, value in changes.items():
        assert result["LogisticRegression"].settings[name] == value
    # A strong symbol is left alone.
    calm = st.train(
        market, out=tmp_path / "calm", output__ledger=str(tmp_path / "c"), tuning__enabled=True, tuning__below=0.01,
        **settings,
    )  # fmt: skip
    assert calm["SIM2"].tuning == {}
