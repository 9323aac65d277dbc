"""The reports: each number with its interval and beside what needs no model."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import smctrain as st
from smctrain._load import core
from smctrain.exceptions import TooFewRows
from smctrain.metrics import (
    baselines,
    classification_metrics,
    classification_report,
    regression_report,
    trading_metrics,
    trading_report,
)
from smctrain.metrics.reports.classification import _of_confusions


def market(signal: float, n: int = 2000, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    table = st.testing.noise_table(n, signal, seed)
    p = 1 / (1 + np.exp(-0.6 * table.X[:, 0]))
    return table.y.astype(int), p, table.p[10 : n + 10] - table.p[:n]


def test_a_classification_is_reported_beside_its_baselines() -> None:
    y, p, _ = market(0.2)
    rows = np.arange(len(y))
    intervals = {"t0": rows[1000:], "t1": rows + 10, "all_y": y}
    report = classification_report(y[1000:], p[1000:], y[:1000], 10, **intervals)
    metrics = classification_metrics(y[1000:], np.column_stack([1 - p, p])[1000:])
    assert report.metrics == metrics
    known = baselines(y[1000:], y[:1000], **intervals)
    assert {name: report.baselines[name] for name in known} == known
    for name, (low, high) in report.intervals.items():
        assert low <= metrics[name] <= high, name
    assert set(report.intervals) == set(metrics) - {"ece", "confusion_matrix"}
    assert report.skill.value == pytest.approx(metrics["accuracy"] - known["best"])
    assert report.skill.is_shown
    size = st.stats.effective_sample_size((p[1000:] > 0.5) == y[1000:], 10)
    assert report.rows_effective == size.n_eff
    text = repr(report)
    for words in ("1,000 rows, about", "majority", "last label", "95% interval", "skill shown", "AUC"):
        assert words in text
    json.dumps(report.to_dict())
    again = classification_report(y[1000:], p[1000:], y[:1000], 10, **intervals, threads=3)
    assert again.intervals == report.intervals


def test_noise_shows_no_skill() -> None:
    y, p, _ = market(0.0, seed=5)
    report = classification_report(y[1000:], p[1000:], y[:1000], 10)
    assert not report.skill.is_shown
    assert "no skill shown" in repr(report) or "worse than no model" in repr(report)
    short = classification_report(y[:150], p[:150], y, 10)
    assert short.too_short
    assert "too short to rely on" in repr(short)


def test_resampled_confusions_have_the_metrics_of_the_definition() -> None:
    rng = np.random.default_rng(0)
    y, answers = rng.integers(0, 3, (2, 80))
    cells = (y * 4 + answers).astype(np.int32)  # a class that never occurs
    draws = core().bootstrap_counts(cells, 16, 5.0, 20, 1).reshape(-1, 4, 4)
    ours = _of_confusions(draws.astype(float))
    for d, confusion in enumerate(draws):
        truth = np.repeat(np.repeat(np.arange(4), 4), confusion.ravel())
        guess = np.repeat(np.tile(np.arange(4), 4), confusion.ravel())
        expected = classification_metrics(truth, np.eye(4)[guess])
        for name, values in ours.items():
            assert values[d] == pytest.approx(expected[name], abs=1e-12), name


def test_the_influence_of_rows_on_the_auc_is_that_of_delong() -> None:
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 60)
    score = np.round(rng.random(60) * 0.8 + 0.2 * y, 1)
    proba = np.column_stack([1 - score, score])
    ours = core().auc_influence(y.astype(np.int32), proba)
    wins = (score[y == 1][:, None] > score[y == 0]) + 0.5 * (score[y == 1][:, None] == score[y == 0])
    expected = np.empty(60)
    expected[y == 1] = (wins.mean(axis=1) - wins.mean()) * 60 / (y == 1).sum()
    expected[y == 0] = (wins.mean(axis=0) - wins.mean()) * 60 / (y == 0).sum()
    assert ours == pytest.approx(expected, abs=1e-12)
    assert ours.mean() == pytest.approx(0, abs=1e-12)
    assert len(core().auc_influence(np.zeros(5, dtype=np.int32), proba[:5])) == 0


def test_intervals_of_dependent_rows_cover_what_they_promise() -> None:
    """AUC and balanced accuracy of noise: 0.5 is inside in about 95 % of runs, though labels overlap by ten rows."""
    rng = np.random.default_rng(2)
    inside = {"auc": 0, "balanced_accuracy": 0, "accuracy": 0}
    runs = 120
    for _ in range(runs):
        steps = rng.normal(size=(2, 809))
        y = (np.convolve(steps[0], np.ones(10), mode="valid") > 0).astype(int)
        p = 1 / (1 + np.exp(-np.convolve(steps[1], np.ones(10), mode="valid")))
        report = classification_report(y, p, y, 10, n_draws=300)
        for name in inside:
            low, high = report.intervals[name]
            inside[name] += low <= 0.5 <= high
    for name, count in inside.items():
        assert count >= 0.80 * runs, name  # 0.95 expected; an iid interval reaches about 0.6


def test_a_regression_is_reported_beside_the_training_mean_and_the_last_outcome() -> None:
    _, p, ret = market(0.2)
    rows = np.arange(len(ret))
    forecast = 8 * (p - 0.5)
    report = regression_report(ret[1000:], forecast[1000:], ret[:1000], 10, t0=rows[1000:], t1=rows + 10, all_y=ret)
    mean = ret[:1000].mean()
    assert report.baselines["train_mean_rmse"] == pytest.approx(math.sqrt(np.mean((ret[1000:] - mean) ** 2)))
    # The newest outcome resolved by row t is that of row t - 10.
    assert report.baselines["last_mae"] == pytest.approx(np.abs(ret[1000:] - ret[990:1990]).mean())
    assert report.skill.value == pytest.approx(report.metrics["r2"])
    assert report.skill.baseline == "training mean"
    for name, (low, high) in report.intervals.items():
        assert low <= report.metrics[name] <= high, name
    for words in ("IC (Spearman)", "training mean", "independent"):
        assert words in repr(report)
    json.dumps(report.to_dict())
    # Before anything is resolved, the last outcome is the training mean.
    first = regression_report(ret[:40], forecast[:40], ret, 10, t0=rows[:40], t1=rows[:40] + 50, all_y=ret[:40])
    assert first.baselines["last_rmse"] == first.baselines["train_mean_rmse"]


def random_entries_by_hand(take: np.ndarray, r: np.ndarray, t0: np.ndarray, t1: np.ndarray, shift: int) -> float:
    turned = np.roll(take, shift)
    total, trades, until = 0.0, 0, -1
    for row in range(len(take)):
        if turned[row] and not np.isnan(r[row]) and t0[row] >= until:
            total, trades, until = total + r[row], trades + 1, t1[row]
    return total / trades if trades else math.nan


def test_trades_are_reported_beside_every_row_and_other_times() -> None:
    rng = np.random.default_rng(3)
    n = 400
    take = np.convolve(rng.normal(size=n + 4), np.ones(5), mode="valid") > 1
    r = np.where(rng.random(n) < 0.4 + 0.2 * take, 1.5, -1.0)
    r[rng.random(n) < 0.1] = np.nan
    t0 = np.arange(n)
    t1 = t0 + rng.integers(1, 7, n)
    rule = np.where(r > 0, "target", "stop")
    known = {"rule": rule, "r_gross": r + 0.05, "reward_risk": 1.5}
    report = trading_report(take, r, t0, t1, **known, n_draws=500)
    assert report.metrics == trading_metrics(take, r, t0, t1, **known)
    assert report.take_every == trading_metrics(np.ones(n, bool), r, t0, t1, **known)
    # 400 - 8 x 6 + 1 shifts are fewer than the draws: every one of them once.
    by_hand = [random_entries_by_hand(take, r, t0, t1, s) for s in range(24, n - 24 + 1)]
    assert report.random_entry["draws"] == len(by_hand)
    assert report.random_entry["mean"] == pytest.approx(np.mean(by_hand))
    as_good = sum(value >= report.metrics["expectancy_r"] - 1e-12 for value in by_hand)
    assert report.random_entry["p_value"] == pytest.approx((1 + as_good) / (len(by_hand) + 1))
    low, high = report.intervals["expectancy_r"]
    assert low < report.metrics["expectancy_r"] < high
    assert report.metrics["total_cost_r"] == pytest.approx(0.05 * report.metrics["trades"])
    for words in ("trades taken of 400 rows", "break-even", "at random times", "did as well in"):
        assert words in repr(report)
    json.dumps(report.to_dict())


def test_exposure_and_turnover_of_a_worked_example() -> None:
    t0, t1 = np.array([0, 2, 10, 20]), np.array([5, 8, 12, 40])
    take = np.array([True, True, True, False])
    every = trading_metrics(take, np.ones(4), t0, t1, one_at_a_time=False)
    assert every["exposure"] == pytest.approx((8 + 2) / 40)  # 0-8 (two overlap) and 10-12, of 0-40
    assert every["turnover"] == 2 * 3 / 4
    one = trading_metrics(take, np.ones(4), t0, t1)
    assert one["exposure"] == pytest.approx((5 + 2) / 40)
    assert math.isnan(one["total_cost_r"])


def test_trades_that_overlap_count_as_fewer() -> None:
    rng = np.random.default_rng(4)
    base = np.repeat(rng.choice([-1.0, 1.2], 100), 5)  # five trades share one outcome
    t0 = np.arange(500)
    report = trading_report(np.ones(500, bool), base, t0, (t0 // 5 + 1) * 5, one_at_a_time=False)
    assert report.trades_effective < 250
    alone = trading_report(t0 % 5 == 0, base, t0, (t0 // 5 + 1) * 5)
    assert alone.metrics["trades"] == 100
    assert alone.trades_effective == pytest.approx(100)


def test_no_trades_and_no_rows_are_no_crash() -> None:
    report = trading_report(np.zeros(50, bool), np.ones(50), np.arange(50), np.arange(1, 51))
    assert report.metrics["trades"] == 0
    assert "0 trades taken" in repr(report)
    one = trading_report(np.arange(50) == 3, np.ones(50), np.arange(50), np.arange(1, 51))
    assert "1 trades taken" in repr(one)
    assert "nan" not in repr(one)
    with pytest.raises(TooFewRows, match="a report needs rows"):
        classification_report([], np.empty((0, 2)), [0, 1], 1)
