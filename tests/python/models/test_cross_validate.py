"""Cross-validation of one model and the search for settings: right numbers, and no more claimed than they hold."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from smctrain.exceptions import InputError, SplitLeak, TrainingFailed
from smctrain.models import Range, XGBoostClassifier, cross_validate, fit_many, search
from smctrain.models.base import FitTask
from smctrain.models.cross_validation import standard_error
from smctrain.models.registry import make_trainer
from smctrain.models.settings_search import draw_settings
from smctrain.splits import PurgedKFold

N = 400


def made(seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N, 5)).astype(np.float32)
    return X, (X[:, 0] + rng.normal(size=N) > 0).astype(np.int64)


def rows_of(table: Any) -> list[dict[str, Any]]:
    return table if isinstance(table, list) else table.to_dict("records")


# ---- one model ---------------------------------------------------------------


def test_scores_equal_those_of_scikit_learn_on_the_same_splits() -> None:
    from sklearn.model_selection import cross_val_score

    X, y = made()
    model = XGBoostClassifier(n_estimators=8, random_state=3)
    splits = list(PurgedKFold(4).split(X))
    ours = cross_validate(model, X, y, splits, metrics=["accuracy", "auc"])
    np.testing.assert_allclose(ours.scores["accuracy"], cross_val_score(model, X, y, cv=splits, scoring="accuracy"))
    # The peer sums areas, ours counts pairs: equal but for the last bits.
    np.testing.assert_allclose(
        ours.scores["auc"], cross_val_score(model, X, y, cv=splits, scoring="roc_auc"), rtol=1e-9
    )
    assert [type(fitted) for fitted in ours.models] == [XGBoostClassifier] * 4
    assert ours.out_of_fold.shape == (N, 2)


def test_the_standard_error_counts_overlapping_training_parts() -> None:
    scores = np.array([0.50, 0.52, 0.54, 0.56, 0.58])
    assert standard_error(scores, 0.25) == pytest.approx(np.std(scores, ddof=1) * math.sqrt(1 / 5 + 1 / 4))
    X, y = made()
    row = rows_of(cross_validate("LogisticRegression", X, y, 5, metrics="accuracy").summary())[0]
    check = cross_validate("LogisticRegression", X, y, 5, metrics="accuracy").scores["accuracy"]
    assert row["mean"] == pytest.approx(check.mean())
    assert row["se"] == pytest.approx(standard_error(check, 0.25))
    assert row["folds"] == 5


def test_regressions_get_metrics_of_numbers() -> None:
    X, _ = made()
    ours = cross_validate("Ridge", X, X[:, 0] + 1.0, 4)
    assert set(ours.scores) == {"mse", "mae", "r2"}
    assert (ours.scores["r2"] > 0.99).all()


def test_errors_come_through_and_leaks_are_refused() -> None:
    X, y = made()
    with pytest.raises(InputError, match="no model family"):
        cross_validate("Nonsense", X, y, 3)
    with pytest.raises(InputError, match="there is no metric 'guess'"):
        cross_validate("LogisticRegression", X, y, 3, metrics="guess")
    t0 = np.arange(N)
    with pytest.raises(SplitLeak):
        cross_validate("LogisticRegression", X, y, [(np.arange(200), np.arange(200, N))], t0=t0, t1=t0 + 3)


# ---- what a search draws -----------------------------------------------------


def test_a_grid_holds_every_combination_once() -> None:
    settings = draw_settings({"a": [1, 2, 3], "b": ["x", None], "c": 7}, None, 0)
    assert len(settings) == 6
    assert {(each["a"], each["b"], each["c"]) for each in settings} == {
        (a, b, 7) for a in (1, 2, 3) for b in ("x", None)
    }
    assert draw_settings({"a": [1, 2, 3]}, 10, 0) == draw_settings({"a": [1, 2, 3]}, None, 0)


def test_draws_are_reproducible_distinct_and_begin_alike() -> None:
    space = {"a": Range(1, 50), "b": Range(1e-4, 1.0, log=True), "c": ["x", "y"]}
    fifty = draw_settings(space, 50, 7)
    assert fifty == draw_settings(space, 50, 7)
    assert fifty[:20] == draw_settings(space, 20, 7)
    assert fifty != draw_settings(space, 50, 8)
    assert len({repr(each) for each in fifty}) == 50
    assert len(draw_settings({"a": Range(1, 3)}, 50, 7)) == 3


def test_ranges_keep_their_limits_and_their_law() -> None:
    rng = np.random.default_rng(0)
    whole = [Range(2, 5).draw(rng) for _ in range(4000)]
    assert set(whole) == {2, 3, 4, 5}
    assert all(isinstance(value, int) for value in whole)
    # Four values, a quarter each; 5 standard deviations of a share of 4000 draws are 0.034.
    assert np.bincount(whole)[2:] / 4000 == pytest.approx([0.25] * 4, abs=0.034)
    logs = np.log10([float(Range(1e-4, 1.0, log=True).draw(rng)) for _ in range(4000)])
    assert logs.min() >= -4
    assert logs.max() <= 0
    assert logs.mean() == pytest.approx(-2, abs=5 * 4 / math.sqrt(12 * 4000))


def test_scipys_distributions_can_be_drawn_from() -> None:
    from scipy.stats import randint

    values = [each["a"] for each in draw_settings({"a": randint(3, 6)}, 3, 1)]
    assert set(values) <= {3, 4, 5}
    assert all(type(value) is int for value in values)


@pytest.mark.parametrize(
    ("space", "n_trials", "message"),
    [
        ({}, None, "space must map"),
        ({"a": []}, None, "a must have at least one choice"),
        ({"a": Range(1, 2)}, None, "n_trials must be given"),
        ({"a": [1]}, 0, "n_trials must be an integer of at least 1"),
        ({str(j): list(range(10)) for j in range(6)}, None, "the grid has 1000000 settings"),
    ],
)
def test_bad_spaces_are_named(space: Any, n_trials: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        draw_settings(space, n_trials, 0)


@pytest.mark.parametrize(("low", "high", "log"), [(2, 1, False), (0, 1, True), (math.nan, 1, False), ("a", 2, False)])
def test_bad_ranges_are_named(low: Any, high: Any, log: bool) -> None:
    with pytest.raises(InputError, match="Range"):
        Range(low, high, log)


# ---- what a search finds -----------------------------------------------------

SPACE = {"n_estimators": [3, 6], "max_depth": [1, 3]}


def test_a_search_equals_judging_each_setting_alone() -> None:
    X, y = made()
    found = search("rf", SPACE, X, y, 3, metric="accuracy")
    assert found.n_tried == 4
    for trial, settings in enumerate(found.settings):
        alone = cross_validate(("RandomForest", settings), X, y, 3, metrics="accuracy").scores["accuracy"]
        np.testing.assert_array_equal(found.scores[trial], alone)
    table = rows_of(found.table())
    assert [row["mean"] for row in table] == sorted((row["mean"] for row in table), reverse=True)
    assert found.best == {name: table[0][name] for name in SPACE}
    assert [row["rank"] for row in table] == [1, 2, 3, 4]


def test_less_is_better_for_losses() -> None:
    X, y = made()
    found = search("rf", SPACE, X, y, 3)
    assert found.metric == "log_loss"
    assert found.scores.mean(axis=1)[found.best_index] == found.scores.mean(axis=1).min()
    assert rows_of(found.table())[0]["trial"] == found.best_index


def test_the_search_claims_no_best_score_and_says_how_many_it_tried() -> None:
    X, y = made()
    found = search("rf", SPACE, X, y, 3)
    with pytest.raises(AttributeError, match="the best of 4 scores was chosen for being the best"):
        _ = found.best_score
    assert "4 settings tried" in repr(found)
    assert "Judge it on rows that the search did not see" in repr(found)


def test_luck_is_the_lead_that_equal_settings_show() -> None:
    # 30 settings that differ by noise only: over many searches the mean lead is what `luck` says.
    from smctrain.models.settings_search import _luck

    rng = np.random.default_rng(1)
    leads, told = [], []
    for _ in range(400):
        scores = rng.normal(size=(1, 5)) + 0.1 * rng.normal(size=(30, 5))
        leads.append(scores.mean(axis=1).max() - scores.mean())
        told.append(_luck(scores))
    # sd of a lead is about 0.02, of the mean of 400 about 0.001.
    assert np.mean(told) == pytest.approx(np.mean(leads), abs=0.004)


def test_the_winner_is_refitted_on_all_rows_of_the_search() -> None:
    X, y = made()
    found = search("rf", SPACE, X, y, 3, seed=5)
    fit = found.refit()
    task = FitTask(X=X, y=y.astype(np.int32), rows=np.arange(N), n_classes=2, seed=5)
    alone = make_trainer("rf", found.best).fit(task)
    for ours, theirs in zip(fit.model.to_state()[1].values(), alone.to_state()[1].values(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    prepared = search("LogisticRegression", {"C": [0.1, 1.0]}, X, y, 3, prepare=True).refit()
    assert prepared.prepare.fit_rows == N


def test_failing_settings_are_ranked_last_with_their_error() -> None:
    X, y = made()
    found = search("rf", {"n_estimators": [0, 3], "max_depth": 2}, X, y, 3)
    table = rows_of(found.table())
    assert table[0]["n_estimators"] == 3
    assert table[1]["status"] == "failed"
    assert "n_estimators must be an integer of at least 1" in table[1]["error"]
    assert found.n_complete == 1
    with pytest.raises(TrainingFailed, match=r"none of the 1 settings could be judged on all folds.*n_estimators"):
        search("rf", {"n_estimators": 0}, X, y, 3)


def test_a_time_limit_leaves_whole_settings() -> None:
    X, y = made()
    space = {"n_estimators": [2, 3, 200_000], "max_depth": None, "min_samples_leaf": 1, "min_samples_split": 2}
    found = search("rf", space, X, y, 3, n_jobs=1, time_limit=1.0)
    assert found.n_tried == 3
    assert found.n_complete == 2
    assert found.best["n_estimators"] in (2, 3)


def test_the_search_is_the_same_for_any_number_of_workers() -> None:
    X, y = made()
    space = {"min_samples_leaf": Range(2, 60), "n_estimators": 4}
    one, three = (search("et", space, X, y, 3, n_trials=5, n_jobs=jobs) for jobs in (1, 3))
    np.testing.assert_array_equal(one.scores, three.scores)
    assert one.settings == three.settings


def test_batches_of_an_outer_search_share_their_folds() -> None:
    from smctrain.models import Folds

    X, y = made()
    folds, told = Folds((X, y), 3), []
    for leaf in (2, 20):  # ask, judge, tell
        results = fit_many(folds, [("RandomForest", {"n_estimators": 3, "min_samples_leaf": leaf})], keep_models=False)
        told.append(results.scores("log_loss")[0].mean())
    found = search("rf", {"n_estimators": 3, "min_samples_leaf": [2, 20]}, X, y, 3)
    assert told == list(found.scores.mean(axis=1))
