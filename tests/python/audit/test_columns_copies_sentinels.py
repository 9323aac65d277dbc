"""The measures behind the guard, against scikit-learn, double loops and made-up leaks."""

from __future__ import annotations

import numpy as np
import pytest

import smctrain as st
from smctrain.audit.dominance import (
    auc_limit,
    column_auc,
    design_effect,
    dominant_columns,
    falls_without,
    heavy_column,
    outcome_names,
)  # fmt: skip
from smctrain.audit.sentinels import all_columns, held_out_rows, later_labels
from smctrain.audit.together import dominant_together
from smctrain.audit.twins import TwinFinder


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_column_alone_scores_like_a_tree_of_scikit_learn(n_classes: int) -> None:
    from sklearn.metrics import roc_auc_score
    from sklearn.tree import DecisionTreeClassifier

    rng = np.random.default_rng(n_classes)
    n = 900
    y = rng.integers(0, n_classes, n).astype(np.int32)
    X = np.column_stack([y + rng.normal(0, s, n) for s in (0.3, 1.0, 3.0)] + [np.round(y + rng.normal(0, 1, n))])
    X = np.ascontiguousarray(X, dtype=np.float32)
    folds = [(np.arange(450, n), np.arange(450)), (np.arange(450), np.arange(450, n))]
    expected = np.zeros(4)
    for j in range(4):
        for train, test in folds:
            tree = DecisionTreeClassifier(max_depth=2, min_samples_leaf=5).fit(X[train, j : j + 1], y[train])
            proba = tree.predict_proba(X[test, j : j + 1])
            one = proba[:, 1] if n_classes == 2 else proba
            expected[j] += roc_auc_score(y[test], one, multi_class="ovr", average="macro") / 2
    np.testing.assert_allclose(column_auc(X, y, folds, n_classes), expected, atol=1e-12)


def test_the_limit_follows_how_many_independent_labels_there_are() -> None:
    y = np.tile([0, 1], 10_000).astype(np.int32)
    assert auc_limit(y, 2, 1.0) == pytest.approx(0.70 + 3 * np.sqrt(4 / (12 * 20_000)))
    assert auc_limit(y, 2, 20.0) == pytest.approx(0.70 + 3 * np.sqrt(4 / (12 * 1_000)))
    assert auc_limit(y[:50], 2, 20.0) == 0.97


def test_a_column_that_changes_quickly_needs_fewer_rows_than_one_that_stays() -> None:
    rng = np.random.default_rng(0)
    n, h = 4_000, 10
    path = np.cumsum(rng.standard_normal(n + h))
    y = (path[h:] > path[:-h]).astype(np.int32)
    fresh, slow = rng.standard_normal(n), np.convolve(rng.standard_normal(n + 99), np.ones(100), "valid")
    assert design_effect(fresh.astype(np.float32), y, 3 * h) < 1.5
    # Signs of sums of h draws: autocorrelation 2 asin(1 - k / h) / pi, times 1 - k / 100 of the column.
    k = np.arange(1, h)
    expected = 1 + 2 * float((2 * np.arcsin(1 - k / h) / np.pi * (1 - k / 100)).sum())
    assert design_effect(slow.astype(np.float32), y, 3 * h) == pytest.approx(expected, rel=0.25)


def test_columns_that_are_the_outcome_only_together_are_named_and_honest_ones_are_not() -> None:
    table = st.testing.noise_table(1_500, signal=0.2, seed=3)
    X, y, rows = table.X.astype(np.float32), table.y.astype(np.int32), np.arange(1_500)
    folds, names = [(rows[:700], rows[710:1_100]), (rows[:1_090], rows[1_100:])], [f"x{j}" for j in range(12)]
    assert dominant_together(X, y, folds, names, 2, 11.0) == []
    p = table.p.astype(np.float32)
    both = np.column_stack([X, p[:1_500], p[10:]])
    assert [f.column for f in dominant_together(both, y, folds, [*names, "entry", "exit"], 2, 11.0)] == ["entry, exit"]
    side = np.random.default_rng(0).choice([-1, 1], 1_500)
    won = (side > 0) == (y == 1)
    product = np.column_stack([X, side, won]).astype(np.float32)
    product[::50, 3], product[::40, 12], product[5, 12] = np.inf, np.nan, np.inf
    assert [f.column for f in dominant_together(product, y, folds, [*names, "side", "won"], 2, 11.0)] == ["side, won"]


def test_a_copy_of_the_outcome_is_known_by_correlation_where_labels_are_rare() -> None:
    rng = np.random.default_rng(0)
    n = 400
    y = (rng.random(n) < 0.5).astype(np.int32)
    r = rng.standard_normal(n)
    X = np.ascontiguousarray(np.column_stack([2.5 * r - 1.0, rng.standard_normal(n)]), dtype=np.float32)
    X[::7, 0] = np.nan
    folds = [(np.arange(200), np.arange(200, n))]
    found = dominant_columns(X, y, folds, ["copy", "other"], 2, outcomes={"net outcome": r})
    assert [(finding.column, finding.kind) for finding in found] == [("copy", "outcome")]
    assert "net outcome" in found[0].detail


def test_the_rules_of_weight() -> None:
    assert heavy_column({"a": 0.41, "b": 0.39, "c": 0.2}) == "a"
    assert heavy_column({"a": 0.32, "b": 0.10, "c": 0.58 / 6, **{f"x{i}": 0.58 / 6 for i in range(5)}}) == "a"
    assert heavy_column({"a": 0.32, "b": 0.12, **{f"x{i}": 0.56 / 7 for i in range(7)}}) is None
    assert heavy_column({"a": 1.0}) is None
    assert heavy_column({"a": 0.0, "b": 0.0}) is None
    assert falls_without(0.80, 0.64)  # by 0.15
    assert falls_without(0.40, 0.29)  # by a quarter
    assert not falls_without(0.60, 0.55)
    assert not falls_without(0.50, 0.60)


def test_none_of_our_own_columns_is_named_like_an_outcome() -> None:
    assert outcome_names([column.name for column in st.FeatureSpec(preset="full").catalogue()]) == []
    named = ["mfe_r", "tth", "y_will_peak", "fwd_ret_12b", "bars_to_hit", "close_3_ahead"]
    assert [finding.column for finding in outcome_names([*named, "body", "rsi_14", "family_1"])] == named


def test_twins_are_found_across_and_not_inside() -> None:
    rng = np.random.default_rng(1)
    X = rng.standard_normal((900, 6)).astype(np.float32)
    train, held = np.arange(600), np.arange(600, 900)
    X[10:20] = X[30:40]  # copies inside the training rows are nobody's business
    finder = TwinFinder(X, np.arange(900))
    assert len(finder.across(train, held)) == 0
    X[605], X[610] = X[5], X[7]
    X[610, 2] *= np.float32(1 + 3e-7)
    twins = TwinFinder(X, np.arange(900), threads=2).across(train, held)
    assert dict(zip(twins.held.tolist(), twins.train.tolist(), strict=True)) == {605: 5, 610: 7}


def sure(codes: np.ndarray, share: float = 0.9) -> np.ndarray:
    """Probabilities of two classes that say these codes."""
    return np.where(codes[:, None] == np.arange(2), share, 1.0 - share)


def coins(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2, n).astype(np.int32)


def test_answers_that_know_later_labels_are_loud_and_guesses_are_quiet() -> None:
    truth, honest = coins(600, 2), coins(600, 3)
    quiet, loud = later_labels("f", sure(honest), truth, 10), later_labels("f", sure(np.roll(truth, -10)), truth, 10)
    assert quiet is not None
    assert loud is not None
    assert quiet.ok
    assert loud.loud
    assert loud.score == 1.0
    assert "look further ahead than their label" in loud.words
    assert "look further ahead" not in quiet.words
    assert later_labels("f", sure(honest[:40]), truth[:40], 10) is None


def test_a_state_that_outlasts_the_label_is_no_leak() -> None:
    """Everything known of a later label is known there, too."""
    rng = np.random.default_rng(5)
    state = np.repeat(rng.integers(0, 2, 60), 50)  # far longer than a label
    truth = np.where(rng.random(3_000) < 0.8, state, 1 - state).astype(np.int32)
    found = later_labels("f", sure(state), truth, 10)
    assert found is not None
    assert found.score > 0.7
    assert found.ok


def test_silent_rows_take_no_part_in_a_sentinel() -> None:
    truth, proba = coins(400, 6), sure(coins(400, 7))
    proba[100:300] = np.nan
    found, other = later_labels("f", proba, truth, 10), all_columns("all columns", "f", proba, truth, 1)
    assert found is not None
    assert other is not None
    assert (found.rows, other.rows) == (180, 200)


def test_columns_that_know_the_answer_together_are_loud_and_an_honest_edge_is_quiet() -> None:
    truth = coins(4_000, 8)
    rng = np.random.default_rng(9)
    for share, loud in ((0.644, False), (0.9, True)):  # the best anyone can do on P(.20); far too good
        knows = np.where(rng.random(4_000) < share, truth, 1 - truth)
        found = all_columns("all columns", "f", sure(knows), truth, 10)
        assert found is not None
        assert found.loud == loud
        assert found.score == pytest.approx(share, abs=0.02)
    assert all_columns("all columns", "f", sure(truth), np.zeros(4_000, dtype=np.int32), 10) is None


def test_one_answer_that_changes_is_enough() -> None:
    assert held_out_rows("f", 0, 100, "labels").ok
    loud = held_out_rows("f", 1, 100, "labels")
    assert loud.loud
    assert "reads the labels of rows that it must not know" in loud.words
