"""Classification metrics against scikit-learn and against the definitions written out."""

from __future__ import annotations

import itertools
import math
import warnings
from typing import Any

import numpy as np
import pytest

from smctrain.exceptions import InputError
from smctrain.metrics import baselines, classification_metrics


def sample(classes: int, n: int = 400, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    y = rng.choice(classes, n, p=rng.dirichlet(np.full(classes, 3.0))).astype(np.int32)
    score = rng.normal(size=(n, classes)) + 0.8 * np.eye(classes)[y]
    proba = np.exp(score)
    proba = np.round(proba / proba.sum(axis=1, keepdims=True), 2)  # rounding makes ties
    proba[:, -1] = 1.0 - proba[:, :-1].sum(axis=1)
    proba = np.clip(proba, 0.0, 1.0)
    return y, proba / proba.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("classes", [2, 3, 6])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_metrics_equal_those_of_scikit_learn(classes: int, seed: int) -> None:
    from sklearn import metrics as peer

    y, proba = sample(classes, seed=seed)
    ours = classification_metrics(y, proba, classes)
    prediction = proba.argmax(axis=1)
    macro = {"average": "macro", "zero_division": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = {
            "accuracy": peer.accuracy_score(y, prediction),
            "balanced_accuracy": peer.balanced_accuracy_score(y, prediction),
            "precision": peer.precision_score(y, prediction, **macro),
            "recall": peer.recall_score(y, prediction, **macro),
            "f1_score": peer.f1_score(y, prediction, **macro),
            "mcc": peer.matthews_corrcoef(y, prediction),
            "brier": np.mean(((proba - np.eye(classes)[y]) ** 2).sum(axis=1)),
            "log_loss": -np.mean(np.log(np.clip(proba[np.arange(len(y)), y], 1e-15, 1.0))),
            "auc": peer.roc_auc_score(y, proba[:, 1])
            if classes == 2
            else np.mean([peer.roc_auc_score(y == c, proba[:, c]) for c in range(classes)]),
        }
    for name, value in expected.items():
        assert ours[name] == pytest.approx(value, rel=0, abs=1e-12), name
    matrix = peer.confusion_matrix(y, prediction, labels=range(classes))
    assert ours["confusion_matrix"] == matrix.tolist()
    if (proba[np.arange(len(y)), y] > 1e-12).all():
        assert ours["log_loss"] == pytest.approx(peer.log_loss(y, proba, labels=range(classes)), abs=1e-12)


def test_classes_that_never_occur_count_neither_for_nor_against() -> None:
    from sklearn import metrics as peer

    y, proba = sample(3)
    wide = np.column_stack([proba, np.zeros(len(y)), np.zeros(len(y))])
    narrow, padded = classification_metrics(y, proba), classification_metrics(y, wide)
    for name in set(narrow) - {"confusion_matrix"}:
        assert padded[name] == pytest.approx(narrow[name], abs=1e-12), name
    # A class among the truths that is never predicted has precision 0/0 = 0.
    truth = np.array([0, 1, 2, 0], dtype=np.int32)
    ours = classification_metrics(truth, np.eye(3)[[0, 1, 1, 0]])
    assert ours["precision"] == pytest.approx((1 + 0.5 + 0) / 3)
    assert ours["f1_score"] == pytest.approx(
        peer.f1_score(truth, [0, 1, 1, 0], average="macro", zero_division=0), abs=1e-15
    )


def test_quantities_that_do_not_exist_are_nan_and_never_an_error() -> None:
    only = classification_metrics(np.zeros(5, dtype=np.int32), np.tile([0.6, 0.4], (5, 1)))
    assert math.isnan(only["auc"])
    assert only["accuracy"] == 1.0
    assert only["mcc"] == 0.0
    empty = classification_metrics([], np.empty((0, 3)), 3)
    assert all(math.isnan(value) for name, value in empty.items() if name != "confusion_matrix")
    assert empty["confusion_matrix"] == [[0, 0, 0]] * 3


def test_a_certain_and_wrong_probability_is_clipped_at_1e_15() -> None:
    ours = classification_metrics([0, 1], np.array([[0.0, 1.0], [0.0, 1.0]]))
    assert ours["log_loss"] == pytest.approx(-math.log(1e-15) / 2, abs=1e-12)
    assert ours["brier"] == 1.0


def test_calibration_error_uses_ten_bins_of_equal_count() -> None:
    y, proba = sample(3, n=403, seed=4)
    confidence = proba.max(axis=1)
    correct = proba.argmax(axis=1) == y
    order = np.argsort(confidence, kind="stable")
    edges = [403 * b // 10 for b in range(11)]
    expected = sum(
        (stop - start) / 403 * abs(correct[order[start:stop]].mean() - confidence[order[start:stop]].mean())
        for start, stop in itertools.pairwise(edges)
    )
    assert classification_metrics(y, proba)["ece"] == pytest.approx(expected, abs=1e-12)
    # Fewer rows than bins: each row is a bin of its own.
    assert classification_metrics([0, 1], np.array([[0.8, 0.2], [0.7, 0.3]]))["ece"] == pytest.approx(0.45)


def test_rows_that_are_no_probabilities_are_named() -> None:
    good = np.array([[0.5, 0.5], [0.2, 0.8]])
    for proba, words in [
        (np.array([[0.5, 0.5], [np.nan, 0.8]]), "but is nan in row 1. Leave out rows"),
        (np.array([[0.5, 0.5], [0.2, 0.9]]), "row 1 sums to 1.1"),
        (np.array([[1.5, -0.5], [0.2, 0.8]]), "but is 1.5 in row 0"),
        (good[:1], "must have the 2 rows of y_true, but has 1"),
        (good[:, :1], "at least 2 columns"),
    ]:
        with pytest.raises(InputError, match=words.replace(".", r"\.")):
            classification_metrics([0, 1], proba)
    with pytest.raises(InputError, match=r"y_true must lie in 0\.\.1, but is 2 in row 1"):
        classification_metrics([0, 2], good)
    with pytest.raises(InputError, match="proba must have 3 columns"):
        classification_metrics([0, 1], good, 3)
    with pytest.raises(InputError, match="y_true must be one-dimensional integer class codes"):
        classification_metrics([0.5, 1.0], good)


def test_baselines_follow_their_definitions_row_by_row() -> None:
    rng = np.random.default_rng(9)
    n, first = 300, 200
    all_y = rng.integers(0, 3, n).astype(np.int32)
    all_y[rng.random(n) < 0.1] = -1
    start = np.arange(n)
    end = start + rng.integers(1, 15, n)
    train = all_y[:150][all_y[:150] >= 0]
    test = np.flatnonzero((all_y >= 0) & (start >= first))
    ours = baselines(all_y[test], train, t0=start[test], t1=end, all_y=all_y)

    majority = int(np.bincount(train).argmax())
    hits = []
    for row in test:
        known = np.flatnonzero((end <= start[row]) & (all_y >= 0))
        hits.append((all_y[known[-1]] if len(known) else majority) == all_y[row])
    shares = np.bincount(train, minlength=3) / len(train)
    constant = np.tile(shares, (len(test), 1))
    assert ours["majority_class"] == majority
    assert ours["majority"] == pytest.approx(np.mean(all_y[test] == majority), abs=1e-15)
    assert ours["last_label"] == pytest.approx(np.mean(hits), abs=1e-15)
    assert ours["prior"] == pytest.approx(shares[all_y[test]].mean(), abs=1e-12)
    as_model = classification_metrics(all_y[test], constant)
    assert ours["prior_log_loss"] == pytest.approx(as_model["log_loss"], abs=1e-12)
    assert ours["prior_brier"] == pytest.approx(as_model["brier"], abs=1e-12)
    assert ours["best"] == max(ours["majority"], ours["prior"], ours["last_label"])


def test_the_last_label_never_uses_an_outcome_that_was_not_known_yet() -> None:
    all_y = np.array([0, 1, 1, 0], dtype=np.int32)
    # Row 2 decides at 10, when row 1 (ends 11) is still open: row 0 is the newest known.
    late = baselines(all_y[2:3], all_y[:1], t0=[10], t1=[9, 11, 12, 13], all_y=all_y)
    assert late["last_label"] == 0.0
    same_bar = baselines(all_y[2:3], all_y[:1], t0=[10], t1=[9, 10, 12, 13], all_y=all_y)
    assert same_bar["last_label"] == 1.0


def test_baselines_without_intervals_or_rows_are_nan() -> None:
    plain = baselines([1, 1, 0], [0, 0, 1])
    assert (plain["majority_class"], plain["majority"]) == (0, pytest.approx(1 / 3))
    assert math.isnan(plain["last_label"])
    assert plain["best"] == max(plain["majority"], plain["prior"])
    assert math.isnan(baselines([], [0, 1])["majority"])
    assert baselines([0], [])["majority_class"] == -1
    with pytest.raises(InputError, match="t0, t1 and all_y must be given together, but only t0 is"):
        baselines([0], [0], t0=[1])
    with pytest.raises(InputError, match=r"y_train must lie in 0\.\.65535, but is -1 in row 1"):
        baselines([0], [0, -1])
