"""Outer windows: nothing predicted was seen, choices are made before, pooled answers are the obvious ones."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smctrain.config import Config, resolve
from smctrain.dataset import Dataset
from smctrain.exceptions import InputError, TooFewRows
from smctrain.models.base import FitTask
from smctrain.models.registry import make_trainer
from smctrain.prepare import Preparation
from smctrain.testing import noise_table
from smctrain.training.arrays import Evaluation, evaluate_arrays
from smctrain.training.bounds import Bounds, seed_of
from smctrain.training.evaluate import answers
from smctrain.training.final import fixed_length
from smctrain.training.judging import judge, walk_forward_rows
from smctrain.training.trials import book_of_bars, key_of
from smctrain.training.walk_forward import WalkForwardFit, make_windows

FEW: dict[str, Any] = {
    "random_forest.n_estimators": 6, "xgboost.n_estimators": 8, "cv.folds": 3, "evaluation.n_splits": 3,
    "models": ["RandomForest", "XGBoost", "LogisticRegression"],
}  # fmt: skip
N = 900


def table(signal: float = 0.2, n: int = N, seed: int = 1) -> Dataset:
    made = noise_table(n, signal, seed)
    rows = np.arange(n, dtype=np.int64)
    return Dataset(
        "T", made.X.astype(np.float32), [f"x{i}" for i in range(12)], rows, made.y.astype(float), rows, rows + 10,
        np.full(n, np.nan), np.full(n, "", dtype=object), np.zeros(n, dtype=np.int32),
    )  # fmt: skip


def settings(**more: Any) -> Config:
    return resolve(overrides=FEW | more).config


def bounds(threads: int = 1) -> Bounds:
    return Bounds(42, threads, np.zeros(1, dtype=np.uint8), time.monotonic() + 100.0)


def fit(data: Dataset, config: Config, family: str, threads: int = 1) -> Any:
    walk = WalkForwardFit(data, make_windows(data, config), config, threads)
    return walk.fit(make_trainer(family, config.family_settings(family)), bounds(threads), lambda *_: None)


def test_windows_cover_the_later_rows_once_and_learn_from_earlier_labels_only() -> None:
    data = table()
    windows = make_windows(data, settings())
    np.testing.assert_array_equal(windows.oos, np.arange(360, N))
    assert windows.horizon == 10
    for part in windows.parts:
        assert data.t1[part.train].max() < part.test[0]
        assert data.t1[part.fit].max() < part.stop[0]
        for fold in part.folds:
            held = (fold.test[0], data.t1[fold.test].max())
            for rows in (fold.fit, fold.stop):
                assert not np.any((rows <= held[1]) & (data.t1[rows] >= held[0]))
    # Evidence on inner rows lies before the first row that decides.
    assert windows.inner.max() < windows.oos.min()
    assert data.t1[windows.inner].max() < windows.oos.min()


@pytest.mark.parametrize("family", ["RandomForest", "XGBoost"])
def test_pooled_answers_are_those_of_one_plain_fit_for_each_window(family: str) -> None:
    data, config = table(), settings()
    windows = make_windows(data, config)
    trainer = make_trainer(family, config.family_settings(family))
    plain = []
    for number, part in enumerate(windows.parts):
        prepare = Preparation.fit(data.X, part.train, data.names)
        values = prepare.values(data.X, trainer.needs_scaling)
        rows, stop = (part.fit, part.stop) if trainer.uses_stop_rows else (part.train, part.train[:0])
        seed = seed_of(42, "T", family, f"window {number}")
        model = trainer.fit(FitTask(X=values, y=windows.y, rows=rows, stop_rows=stop, n_classes=2, seed=seed))
        plain.append(model.predict_proba(values, part.test))
    found = fit(data, config, family)
    np.testing.assert_array_equal(found.proba, np.concatenate(plain))
    np.testing.assert_array_equal(found.oos, answers(np.concatenate(plain)))


@pytest.mark.parametrize("family", ["RandomForest", "LogisticRegression"])
def test_windows_side_by_side_give_the_same_bits(family: str) -> None:
    data, config = table(), settings()
    one, four = fit(data, config, family), fit(data, config, family, threads=4)
    np.testing.assert_array_equal(one.proba, four.proba)
    np.testing.assert_array_equal(one.inner, four.inner)


def test_later_rows_change_nothing_that_was_answered_before() -> None:
    """The last window's rows replaced: windows before it, the inner rows and so the choice stay as they were."""
    data, config = table(), settings()
    first = make_windows(data, config).parts[-1].test[0]
    other = table()
    other.X[first:] = np.random.default_rng(0).normal(size=(N - first, 12)) * 100
    other.y[first:] = 1 - other.y[first:]
    for family in ("XGBoost", "LogisticRegression"):
        before, after = fit(data, config, family), fit(other, config, family)
        same = make_windows(data, config).oos < first
        np.testing.assert_array_equal(before.proba[same], after.proba[same])
        np.testing.assert_array_equal(before.inner, after.inner)


def test_choices_of_a_window_are_made_inside_it_and_every_configuration_is_kept() -> None:
    config = settings(**{"selection.features.method": "score", "selection.features.min_features": 3})
    found = fit(table(), config, "LogisticRegression")
    assert set(found.tried) == {"all columns", "chosen columns"}
    assert len(found.windows) == 3
    windows = make_windows(table(), config)
    rows = walk_forward_rows(windows, {"LogisticRegression": found})
    # The configuration in use is counted once; the other one stays on the record.
    assert len(rows.also_tried) == 1


def test_the_final_model_is_as_long_as_the_windows_and_does_not_stop_early() -> None:
    trainer = make_trainer("XGBoost", {"n_estimators": 100, "early_stopping_rounds": 10})
    final: Any = fixed_length(trainer, [4, 30, 9])
    assert (final.n_estimators, final.early_stopping_rounds) == (9, None)
    network: Any = fixed_length(make_trainer("NeuralNetwork", {}), [2, 3])
    assert network.max_epochs == 2
    forest = make_trainer("RandomForest", {})
    assert fixed_length(forest, []) is forest


def test_rows_that_cannot_carry_windows_are_refused_with_the_window() -> None:
    with pytest.raises(TooFewRows, match="T: no evidence before the first window: 30 training rows are too few"):
        make_windows(table(n=100), settings())
    with pytest.raises(TooFewRows, match="too few for 30 windows"):
        make_windows(table(n=40), settings(**{"evaluation.n_splits": 30}))


def test_a_run_is_counted_by_the_next_one_on_the_same_rows_and_target(tmp_path: Path) -> None:
    data, config = table(), settings()
    windows = make_windows(data, config)
    rows = walk_forward_rows(windows, {"LogisticRegression": fit(data, config, "LogisticRegression")})
    assert book_of_bars(tmp_path / "ledger", "bars", data, config).earlier(rows) is None
    second = book_of_bars(tmp_path / "ledger", "bars", data, config).earlier(rows)
    assert second is not None
    np.testing.assert_array_equal(second.oos, rows.oos_answers)
    assert second.inner is not None
    np.testing.assert_array_equal(second.inner, rows.inner_answers)
    # Another learning rate or seed is the same question; other bars, another target or other windows are not.
    same = [settings(**{"xgboost.learning_rate": 0.3}), settings(**{"training.seed": 9}), settings(**{"cv.folds": 4})]
    others = [settings(**{"labels.horizon": 30}), settings(**{"evaluation.n_splits": 4})]
    key = key_of("bars", config, "walk_forward")
    assert {key_of("bars", other, "walk_forward") for other in same} == {key}
    keys = {key, key_of("other bars", config, "walk_forward"), key_of("bars", config, "holdout")}
    assert len(keys | {key_of("bars", other, "walk_forward") for other in others}) == 5


def test_where_trials_cannot_be_counted_inner_rows_do_not_help(tmp_path: Path) -> None:
    data, config = table(), settings()
    windows = make_windows(data, config)
    rows = walk_forward_rows(windows, {"LogisticRegression": fit(data, config, "LogisticRegression")})
    (tmp_path / "file").write_text("no folder")
    earlier = book_of_bars(tmp_path / "file" / "ledger", "bars", data, config).earlier(rows)
    verdict = judge(rows, config, 1, None, earlier)
    assert verdict.evidence["p_in"] is None
    assert "the ledger cannot be used" in " ".join(verdict.reasons)


# ---- the call on arrays ----


def evaluated(signal: float, seed: int = 1, **more: Any) -> Evaluation:
    made, rows = noise_table(2000, signal, seed), np.arange(2000)
    return evaluate_arrays(made.X, made.y, rows, rows + 10, config=FEW, first_oos=800, **more)


def test_a_planted_signal_is_deployed_from_arrays_and_predicts_fresh_rows() -> None:
    found = evaluated(0.3)
    assert found.verdict.kind == "DEPLOY"
    np.testing.assert_array_equal(found.rows, np.arange(800, 2000))
    assert set(found.predictions) == set(FEW["models"])
    evidence = found.verdict.evidence
    assert (evidence["n_oos"], evidence["n_inner"], evidence["horizon"]) == (1200, 790, 10)
    fresh = noise_table(4000, 0.3, 99)
    assert float(np.mean(found.predict(fresh.X) == fresh.y)) > 0.6


def test_noise_is_not_deployed_from_arrays() -> None:
    assert [evaluated(0.0, seed).verdict.kind for seed in range(4)] == ["TOO_LITTLE_DATA"] * 4


def test_one_window_is_a_plain_holdout() -> None:
    found = evaluated(0.3, seed=2)
    made, rows = noise_table(2000, 0.3, 2), np.arange(2000)
    one = evaluate_arrays(
        made.X, made.y, rows, rows + 10, config=FEW | {"evaluation.n_splits": 1}, first_oos=800, models=["RandomForest"]
    )
    assert len(one.windows.parts) == 1
    np.testing.assert_array_equal(one.rows, found.rows)


def test_arrays_that_do_not_fit_are_named() -> None:
    X, y = np.zeros((50, 2)), np.zeros(50)
    with pytest.raises(InputError, match="y must hold one value per row"):
        evaluate_arrays(X, y[:-1])
    with pytest.raises(InputError, match="t0 must ascend"):
        evaluate_arrays(X, y, np.arange(50)[::-1])
    with pytest.raises(InputError, match="X must have shape"):
        evaluate_arrays(y, y)
