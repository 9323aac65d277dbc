"""The circular-shift test of scores (AUC, IC, R2) against peers at every shift."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smctrain import stats
from smctrain.exceptions import InputError, TooFewRows


def p_by_hand(statistic: Any, y: np.ndarray, models: list[np.ndarray], h: int) -> tuple[float, float]:
    best = max(statistic(y, model) for model in models)
    turned = [np.roll(y, s) for s in range(4 * h, len(y) - 4 * h + 1)]
    values = [max(statistic(labels, model) for model in models) for labels in turned]
    reached = sum(value >= best - 1e-9 * max(1.0, abs(best)) for value in values)
    return (1 + reached) / (len(turned) + 1), best


def sticky(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.convolve(rng.normal(size=n + 4), np.ones(5), mode="valid")


@pytest.mark.parametrize("seed", range(2))
def test_auc_at_every_shift_is_that_of_scikit_learn(seed: int) -> None:
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(seed)
    n, h = 59, 3
    y = (sticky(rng, n) > 1).astype(int)
    models = [np.round(sticky(rng, n) + y * (m - 1), 1) for m in range(3)]  # rounding makes ties
    result = stats.circular_shift_test(y, np.stack(models), h, "auc")
    p, best = p_by_hand(roc_auc_score, y, models, h)
    assert result.p_value == p
    assert result.statistic == pytest.approx(best, abs=1e-12)
    assert result.baseline == 0.5
    assert stats.circular_shift_test(y + 7, np.stack(models), h, "auc", threads=3) == result


def test_auc_of_three_classes_is_one_against_the_rest() -> None:
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(3)
    n, h = 50, 2
    y = rng.integers(0, 3, n)
    models = [rng.dirichlet(np.ones(3), n), rng.dirichlet(np.ones(3), n) + 0.2 * np.eye(3)[y]]

    def macro(labels: np.ndarray, scores: np.ndarray) -> float:
        return float(np.mean([roc_auc_score(labels == c, scores[:, c]) for c in range(3)]))

    result = stats.circular_shift_test(y, np.stack(models), h, "auc")
    p, best = p_by_hand(macro, y, models, h)
    assert result.p_value == p
    assert result.best_model == 1
    assert result.statistic == pytest.approx(best, abs=1e-12)
    assert stats.circular_shift_test(y, models[0], h, "auc").statistic == pytest.approx(macro(y, models[0]), abs=1e-12)
    with pytest.raises(InputError, match="one score for each of the 3 classes"):
        stats.circular_shift_test(y, models[0][:, 0], h, "auc")


def test_the_score_of_the_second_class_is_enough_for_two() -> None:
    rng = np.random.default_rng(4)
    y = rng.integers(0, 2, 60)
    score = rng.random(60)
    both = np.column_stack([1 - score, score])
    assert stats.circular_shift_test(y, both, 1, "auc") == stats.circular_shift_test(y, score, 1, "auc")


def test_ic_at_every_shift_is_spearmans() -> None:
    scipy_stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(5)
    n, h = 81, 4
    y = np.round(sticky(rng, n), 1)
    models = [np.round(sticky(rng, n), 1), sticky(rng, n) + 0.3 * y]
    result = stats.circular_shift_test(y, np.stack(models), h, "ic")
    p, best = p_by_hand(lambda a, b: scipy_stats.spearmanr(a, b).statistic, y, models, h)
    assert result.p_value == p
    assert result.statistic == pytest.approx(best, abs=1e-12)


def test_r2_is_measured_against_the_training_mean() -> None:
    rng = np.random.default_rng(6)
    n, h = 75, 2
    y = sticky(rng, n) + 3
    models = [rng.normal(3, 1, n), 3 + 0.4 * (y - 3) + rng.normal(0, 1, n)]

    def r2(labels: np.ndarray, forecast: np.ndarray) -> float:
        return 1 - float(np.sum((labels - forecast) ** 2) / np.sum((labels - 2.5) ** 2))

    result = stats.circular_shift_test(y, np.stack(models), h, "r2", train_mean=2.5)
    p, best = p_by_hand(r2, y, models, h)
    assert result.p_value == p
    assert result.statistic == pytest.approx(best, abs=1e-12)
    own = stats.circular_shift_test(y, np.stack(models), h, "r2")
    assert own.p_value == p
    assert own.statistic < result.statistic


def test_a_prediction_without_spread_has_no_skill() -> None:
    rng = np.random.default_rng(7)
    result = stats.circular_shift_test(rng.normal(size=50), np.zeros(50), 1, "ic")
    assert (result.p_value, result.statistic) == (1.0, 0.0)
    assert stats.circular_shift_test(np.tile([0, 1], 25), np.zeros(50), 1, "auc").statistic == 0.5


def test_what_cannot_be_scored_is_refused() -> None:
    y = np.tile([0, 1, 1], 20)
    with pytest.raises(InputError, match="AUC needs at least 2 classes"):
        stats.circular_shift_test(y * 0, y * 1.0, 1, "auc")
    with pytest.raises(InputError, match="must be finite"):
        stats.circular_shift_test(y * 1.0, np.where(y, np.nan, 0.0), 1, "ic")
    with pytest.raises(InputError, match=r"predictions must have shape \(60,\)"):
        stats.circular_shift_test(y * 1.0, np.zeros((2, 59)), 1, "r2")
    with pytest.raises(InputError, match="R2 needs labels that vary"):
        stats.circular_shift_test(y * 0.0, y * 1.0, 1, "r2")
    with pytest.raises(TooFewRows, match="8 x horizon"):
        stats.circular_shift_test(y * 1.0, y * 1.0, 10, "ic")
    with pytest.raises(InputError, match="metric must be"):
        stats.circular_shift_test(y, y, 1, "mcc")
