"""Verdicts on simulated markets with known truth, and the rules one by one."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

import smctrain as st
from smctrain.exceptions import InputError
from smctrain.verdict import Trials, Verdict, apply_multiple_testing, decide
from smctrain.verdict.measure import twice_the_variance

from . import standard_process

HORIZON = standard_process.HORIZON
TRAIN = slice(0, 1400)
INNER = slice(1410, 1710)
OOS_START = 1720


def markets(seeds: range, edge: float, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As the standard process, with y (runs, n) = 1 when the price is higher 10 bars later."""
    x, u, ahead = standard_process.markets(seeds, edge, n)
    return x, u, (ahead > 0).astype(np.int64)


def judge(x: np.ndarray, u: np.ndarray, y: np.ndarray, *, related: bool = False) -> Verdict:
    """Four models: the sign of x, and of the three noise columns (`related`: of x plus each of them)."""
    guess = np.concatenate([x[None], x[None] + 0.4 * u.T if related else u.T]) > 0
    oos = slice(OOS_START, None)
    return decide(
        y[oos],
        guess[:, oos],
        HORIZON,
        y[INNER],
        guess[:, INNER],
        y[TRAIN],
        guess[:, TRAIN],
        names=["x", "u1", "u2", "u3"],
    )


def test_the_generator_is_the_standard_process():
    _, _, y = markets(range(1, 2), 0.2, 1000)
    assert y.sum() == 465
    _, _, y = markets(range(1, 2), 0.0, 1000)
    assert y.sum() == 455


def test_noise_is_not_deployed():
    x, u, y = markets(range(100, 160), 0.0, OOS_START + 1000)
    kinds = [judge(x[i], u[i], y[i]).kind for i in range(len(x))]
    assert len(kinds) == 60
    assert kinds.count("DEPLOY") <= 2


def test_planted_signal_is_found_in_most_runs():
    x, u, y = markets(range(200, 260), 0.20, OOS_START + 1000)
    verdicts = [judge(x[i], u[i], y[i], related=True) for i in range(len(x))]
    deployed = [v for v in verdicts if v.kind == "DEPLOY"]
    assert len(deployed) >= 40
    assert all(v.action is None for v in deployed)


def test_the_one_model_that_knows_the_signal_is_the_one_deployed():
    x, u, y = markets(range(200, 220), 0.20, OOS_START + 1000)
    deployed = [v for v in (judge(x[i], u[i], y[i]) for i in range(len(x))) if v.kind == "DEPLOY"]
    assert len(deployed) >= 10
    assert {v.model for v in deployed} == {"x"}


def test_a_weak_signal_on_few_rows_is_called_too_little_data():
    x, u, y = markets(range(300, 310), 0.08, OOS_START + 1000)
    verdicts = [judge(x[i], u[i], y[i]) for i in range(len(x))]
    others = [v for v in verdicts if v.kind != "DEPLOY"]
    assert len(others) >= 5
    assert all(v.kind == "TOO_LITTLE_DATA" for v in others)
    assert all(v.n_required[0.03] > 1000 for v in others)


def test_below_twenty_horizons_only_too_little_data_exists():
    x, u, y = markets(range(400, 401), 0.20, OOS_START + 199)
    verdict = judge(x[0], u[0], y[0])
    assert verdict.kind == "TOO_LITTLE_DATA"
    assert verdict.evidence["p_oos"] is None
    assert "rows" in verdict.failed_rules
    assert "at least 200 are needed" in " ".join(verdict.reasons)
    assert "too short to trust" in verdict.reasons[1]


def test_long_noise_is_no_evidence():
    x, u, y = markets(range(500, 501), 0.0, OOS_START + 25_000)
    verdict = judge(x[0], u[0], y[0])
    assert verdict.kind == "NO_EVIDENCE"
    assert verdict.action == "MANUAL_REVIEW_REQUIRED"
    assert verdict.evidence["n_required"] < 25_000


def clear(seed: int = 0, n: int = 1200, right: float = 0.7) -> dict[str, object]:
    """Independent rows with one model that is right on 70 %."""
    rng = np.random.default_rng(seed)
    y, y_in, y_train = (rng.integers(0, 2, size) for size in (n, 600, 800))

    def guess(labels: np.ndarray) -> np.ndarray:
        return np.where(rng.random(len(labels)) < right, labels, 1 - labels)[None]

    return {
        "y_true": y,
        "predictions": guess(y),
        "horizon": 1,
        "inner_y": y_in,
        "inner_predictions": guess(y_in),
        "train_y": y_train,
        "train_predictions": guess(y_train),
        "names": ["XGBoost"],
    }


def test_a_clear_signal_passes_every_rule():
    verdict = st.decide(**clear())  # type: ignore[arg-type]
    assert verdict.kind == "DEPLOY"
    assert verdict.failed_rules == []
    assert verdict.reasons[0] == "XGBoost may be deployed: it passed every rule."
    assert verdict.reasons[1].startswith("XGBoost was right on ")
    assert "always answering" in verdict.reasons[1]
    assert verdict.evidence["skill"] > 0.1
    assert json.loads(json.dumps(verdict.to_dict(), allow_nan=False))["n_required"]["0.03"] > 0
    assert "DEPLOY  XGBoost" in str(verdict)


def test_the_rows_table_follows_the_design_effect():
    verdict = decide(**clear())  # type: ignore[arg-type]
    factor = verdict.evidence["design_effect"]
    assert verdict.n_required == {
        edge: st.stats.required_sample(edge, design_effect=factor) for edge in (0.10, 0.06, 0.05, 0.03, 0.02)
    }
    edge = verdict.evidence["smallest_visible_edge"]
    assert st.stats.required_sample(edge, design_effect=factor) == pytest.approx(1200, abs=2)


@pytest.mark.parametrize("min_edge", [0.025, 0.0201, 0.034])
def test_every_edge_of_the_rows_table_comes_back_from_json(min_edge):
    verdict = decide(**clear(), min_edge=min_edge)  # type: ignore[arg-type]
    back = Verdict.from_dict(json.loads(json.dumps(verdict.to_dict())))
    assert back.n_required == verdict.n_required
    assert len(back.n_required) == 6


def test_a_model_that_is_wrong_wherever_a_baseline_is_right_is_refused():
    """Their difference is the same on every row: it has no spread, and so no t."""
    rng = np.random.default_rng(3)
    y, inner_y = rng.integers(0, 2, 400), np.zeros(200, dtype=int)
    train_y = np.r_[np.zeros(120, dtype=int), np.ones(80, dtype=int)]
    verdict = decide(y, y, 1, inner_y, np.ones(200, dtype=int), train_y, train_y, gaps=[0.0])
    assert "selector" in verdict.failed_rules


def test_an_edge_is_said_as_it_was_asked_for():
    case = clear()
    assert "2.5 points" in " ".join(decide(**{**case, "predictions": 1 - case["predictions"]}, min_edge=0.025).reasons)


def test_silence_in_the_ledger_is_never_a_right_answer_where_minus_one_is_a_class(tmp_path):
    rng = np.random.default_rng(4)
    y, inner_y, train_y = (rng.choice([-1, 1], n) for n in (400, 200, 200))
    silent = np.full(400, 7)  # no class of these rows
    first = decide(y, silent, 1, inner_y, np.full(200, 7), train_y, np.full(200, 7), ledger=tmp_path)
    assert first.evidence["statistic"] == 0.0
    guess = rng.choice([-1, 1], 400)
    said = {"inner_predictions": rng.choice([-1, 1], 200), "train_predictions": rng.choice([-1, 1], 200)}
    alone = decide(y, guess, 1, inner_y, train_y=train_y, **said)
    after = decide(y, guess, 1, inner_y, train_y=train_y, **said, ledger=tmp_path)
    assert after.evidence["configurations"] == 2
    assert after.evidence["luck_mean"] == alone.evidence["luck_mean"]


def test_losing_trades_are_not_deployed():
    case = clear()
    r = np.where(case["y_true"] == 1, 1.0, -1.0)
    assert decide(**case, r_net=r).kind == "DEPLOY"
    costly = decide(**case, r_net=r - 1.0)
    assert costly.failed_rules == ["expected_value"]
    assert "The trades do not earn" in costly.reasons[0]
    assert decide(**case, r_net=r - 1.0, require_positive_ev=False).kind == "DEPLOY"
    few = np.full(len(r), np.nan)
    few[:20] = 1.0
    assert decide(**case, r_net=few).failed_rules == ["trades"]


def test_a_missing_training_score_rejects_the_model():
    verdict = decide(**clear() | {"train_predictions": None})
    assert verdict.model is None
    assert verdict.kind != "DEPLOY"
    assert "training score is missing" in verdict.rejected["XGBoost"]


def test_fold_gaps_reject_under_default_and_the_in_sample_gap_only_under_seed():
    case = clear()
    memorised = case | {"train_predictions": np.asarray(case["train_y"])[None]}
    verdict = decide(**memorised)
    assert verdict.kind == "DEPLOY"
    assert verdict.evidence["in_sample_gap"] > 0.20
    assert decide(**memorised, profile="seed").model is None
    assert decide(**memorised, gaps=[0.05]).evidence["gap"] == 0.05
    assert decide(**case, gaps=[0.25]).rejected["XGBoost"].startswith("overfit")


def test_a_class_with_few_training_rows_is_too_little_data():
    case = clear()
    train = np.asarray(case["train_y"]).copy()
    train[:] = 0
    train[:29] = 1
    verdict = decide(**case | {"train_y": train}, class_names={1: "target"})
    assert verdict.kind == "TOO_LITTLE_DATA"
    assert "too few: target 29" in " ".join(verdict.reasons)


def test_always_answering_the_majority_shows_no_skill():
    rng = np.random.default_rng(8)
    y, y_in, y_train = ((rng.random(size) < 0.42).astype(int) for size in (3000, 800, 800))
    zeros = [np.zeros((1, len(part)), dtype=int) for part in (y, y_in, y_train)]
    verdict = decide(y, zeros[0], 1, y_in, zeros[1], y_train, zeros[2], class_names={0: "stop", 1: "target"})
    assert verdict.kind != "DEPLOY"
    assert verdict.evidence["skill"] == 0.0
    assert "skill" in verdict.failed_rules
    assert "always answering 'stop'" in verdict.reasons[1]
    assert verdict.reasons[1].endswith("no skill shown.")


def test_unbalanced_classes_are_judged_by_balanced_accuracy():
    rng = np.random.default_rng(9)

    def rows(n: int) -> tuple[np.ndarray, np.ndarray]:
        labels = (rng.random(n) < 0.25).astype(int)
        return labels, np.where(rng.random(n) < 0.7, labels, 1 - labels)[None]

    (y, p), (y_in, p_in), (y_train, p_train) = rows(2000), rows(800), rows(800)
    verdict = decide(y, p, 1, y_in, p_in, y_train, p_train)
    assert verdict.evidence["metric"] == "balanced_accuracy"
    assert verdict.evidence["baseline"] == 0.5
    assert verdict.evidence["accuracy"] < verdict.evidence["majority_accuracy"]
    assert verdict.evidence["p_oos"] < 0.01


def test_earlier_trials_make_the_test_harder():
    case = clear(right=0.53, n=1000)
    rng = np.random.default_rng(11)
    alone = decide(**case)
    oos = rng.integers(0, 2, (300, 1000))
    inner = rng.integers(0, 2, (300, 600))
    together = decide(**case, ledger=Trials(oos, inner))
    assert together.evidence["p_oos"] > alone.evidence["p_oos"]
    assert together.evidence["configurations"] == 301
    lost = decide(**case, ledger=Trials(oos))
    assert lost.evidence["p_in"] is None
    assert lost.evidence["p_comb"] == lost.evidence["p_oos"]


def test_a_run_of_several_symbols_needs_more_and_is_judged_together():
    verdict = decide(**clear(), n_symbols=20)
    assert verdict.kind == "DEPLOY"
    weak = dataclasses.replace(verdict, evidence=verdict.evidence | {"p_comb": 0.0049})
    idle = dataclasses.replace(verdict, kind="NO_EVIDENCE", evidence=verdict.evidence | {"p_comb": 0.5, "e_end": 0.9})
    silent = dataclasses.replace(verdict, kind="TOO_LITTLE_DATA", evidence={"p_comb": None})
    run = {"GOOD": verdict, "WEAK": weak, "SHORT": silent, **{f"S{i}": idle for i in range(17)}}
    judged = apply_multiple_testing(run)
    assert list(judged) == list(run)
    assert judged["GOOD"].kind == "DEPLOY"
    assert judged["WEAK"].kind == "NO_EVIDENCE"
    assert judged["WEAK"].action == "MANUAL_REVIEW_REQUIRED"
    assert judged["WEAK"].failed_rules == ["multiple_testing"]
    assert "among 20 symbols" in judged["WEAK"].reasons[0]
    assert judged["SHORT"].kind == "TOO_LITTLE_DATA"
    assert judged["S0"].kind == "NO_EVIDENCE"
    assert apply_multiple_testing({"ONE": weak})["ONE"].kind == "DEPLOY"
    assert apply_multiple_testing(run, dependence="arbitrary")["GOOD"].kind == "DEPLOY"


def test_wrong_shapes_are_named():
    case = clear()
    with pytest.raises(InputError, match="names must hold 1 different names"):
        decide(**case | {"names": ["a", "b"]})
    with pytest.raises(InputError, match="inner_predictions must have shape"):
        decide(**case | {"inner_predictions": np.zeros((1, 5), dtype=int)})
    with pytest.raises(InputError, match="r_net must hold one number per test row"):
        decide(**case, r_net=np.zeros(3))
    with pytest.raises(InputError, match="profile must be"):
        decide(**case, profile="brave")


def test_without_a_survivor_the_sentences_and_the_numbers_name_the_same_model():
    x, u, y = markets(range(3), 0.0, 3000)
    for run in range(3):
        verdict = judge(x[run], u[run], y[run])
        name = verdict.evidence["shown_model"]
        assert verdict.reasons[1].startswith(f"{name} was right on")
        assert verdict.model in (None, name)


def test_inner_numbers_are_not_called_validation():
    """They pool out-of-fold rows with validation rows: another number than the tables' validation accuracy."""
    x, u, y = markets(range(4), 0.0, 3000)
    for run in range(4):
        verdict = judge(x[run], u[run], y[run])
        for sentence in (*verdict.reasons, *verdict.rejected.values()):
            assert "validation accuracy" not in sentence
            assert "% in validation" not in sentence


def test_a_class_that_turned_is_named_beside_the_baseline():
    """Training knew mostly 0, the test is mostly 1: the baseline alone would flatter."""
    rng = np.random.default_rng(5)
    train, inner = (rng.random(900) < 0.45).astype(np.int64), (rng.random(900) < 0.45).astype(np.int64)
    test = (rng.random(1000) < 0.65).astype(np.int64)
    guess = np.where(rng.random(1000) < 0.75, test, 1 - test)
    inner_guess = np.where(rng.random(900) < 0.75, inner, 1 - inner)
    verdict = decide(test, guess[None], 5, inner, inner_guess[None], train, train[None])
    commonest = f"{100 * test.mean():.1f} %"
    assert f"known only afterwards, on {commonest}" in verdict.reasons[1]


def test_no_sentence_reads_like_money_that_was_not_made():
    text = " ".join(st.decide(**clear()).reasons)  # type: ignore[arg-type]
    assert "a measure of evidence, not of money" in text
    assert "Betting 1" not in text


def out_of_fold_noise(seed: int, n: int = 400, folds: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Independent labels, and in each fold the answers of the columns' links with them on the other folds."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, 10)), rng.integers(0, 2, n)
    answers = np.empty(n, dtype=np.int64)
    fold = np.arange(n) * folds // n
    for f in range(folds):
        link = (2 * y[fold != f] - 1) @ x[fold != f]
        answers[fold == f] = (x[fold == f] @ link > 0).astype(np.int64)
    return y, answers


def test_folds_that_learn_from_each_other_count_as_much_as_their_luck_allows():
    """Pooled out-of-fold answers vary by luck with twice the variance; a shift test alone calls too many skill."""
    raw = np.array([st.stats.circular_shift_test(*out_of_fold_noise(seed), 1).p_value for seed in range(1000)])
    corrected = np.array([twice_the_variance(p) for p in raw])
    assert np.mean(raw <= 0.05) > 0.07
    assert 0.01 < np.mean(corrected <= 0.05) <= 0.05
    y, answers = out_of_fold_noise(3)
    found = decide(y, answers[None], 1, y, answers[None], y, answers[None], out_of_fold=True).evidence
    assert found["p_in"] == pytest.approx(twice_the_variance(found["p_in_raw"]))  # type: ignore[arg-type]
    assert decide(**clear(), out_of_fold=True).kind == "DEPLOY"
