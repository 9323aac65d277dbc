"""Training matrices shared by several fits: the same model, bit for bit, from one thread or from many."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from smctrain.exceptions import InputError
from smctrain.models.base import FitTask
from smctrain.models.boosting import TrainingMatrices
from smctrain.models.lightgbm import LightGBMTrainer
from smctrain.models.xgboost import XGBoostTrainer


def task(classes: int = 3, n: int = 900, d: int = 7, **changes: Any) -> FitTask:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(n, d)).astype(np.float32)
    score = X[:, 0] + 0.5 * X[:, 1] * X[:, 2] + rng.normal(size=n)
    X[rng.random(X.shape) < 0.08] = np.nan
    if classes == 0:
        y: Any = score
    else:
        y = np.searchsorted(np.quantile(score, np.arange(1, classes) / classes), score).astype(np.int32)
    rows, stop_rows = np.arange(0, n * 2 // 3), np.arange(n * 2 // 3 + 5, n)
    return replace(FitTask(X=X, y=y, rows=rows, stop_rows=stop_rows, n_classes=classes), **changes)


def assert_same(one: Any, other: Any) -> None:
    (meta, arrays), (other_meta, other_arrays) = one.to_state(), other.to_state()
    assert meta == other_meta
    assert arrays.keys() == other_arrays.keys()
    for name, values in arrays.items():
        np.testing.assert_array_equal(values, other_arrays[name], err_msg=name)


def trainers(classes: int) -> list[Any]:
    if classes:
        return [
            XGBoostTrainer(n_estimators=25, learning_rate=0.3),
            XGBoostTrainer(n_estimators=25, max_depth=2, class_weight=None),
            XGBoostTrainer(n_estimators=10, max_bin=32, eval_metric="balanced_accuracy"),
            LightGBMTrainer(n_estimators=25),
            LightGBMTrainer(n_estimators=25, num_leaves=5, min_child_samples=60),
            LightGBMTrainer(n_estimators=10, max_bin=31, class_weight=None),
        ]
    return [
        XGBoostTrainer(n_estimators=20, objective="reg:squarederror", class_weight=None),
        XGBoostTrainer(
            n_estimators=15, objective="reg:quantileerror", quantile_alpha=[0.1, 0.5, 0.9], class_weight=None
        ),
        LightGBMTrainer(n_estimators=20, objective="regression", class_weight=None),
        LightGBMTrainer(n_estimators=15, objective="quantile", alpha=[0.1, 0.5, 0.9], class_weight=None),
    ]


@pytest.mark.parametrize("classes", [0, 2, 3])
def test_a_shared_matrix_changes_no_bit_of_a_model(classes: int) -> None:
    given = task(classes)
    shared = replace(given, shared=TrainingMatrices(given.X))
    for trainer in trainers(classes) + trainers(classes):
        assert_same(trainer.fit(shared), trainer.fit(given))


def test_a_matrix_is_built_once_for_all_settings_that_can_share_it() -> None:
    given = task()
    shared = TrainingMatrices(given.X)
    used = replace(given, shared=shared)
    for depth in (2, 3, 4):
        XGBoostTrainer(n_estimators=3, max_depth=depth).fit(used)
        LightGBMTrainer(n_estimators=3, num_leaves=depth).fit(used)
    assert (len(shared), shared.built) == (2, 2)
    for other in (
        replace(used, weight=np.linspace(1, 2, len(given.X))),
        replace(used, y=(given.y + 1) % 3),
        replace(used, rows=given.rows[1:]),
        replace(used, stop_rows=given.stop_rows[1:]),
    ):
        before = shared.built
        XGBoostTrainer(n_estimators=3).fit(other)
        assert shared.built == before + 1
    XGBoostTrainer(n_estimators=3, max_bin=16).fit(used)
    assert len(shared) == 7
    shared.clear()
    assert (len(shared), shared.built) == (0, 7)


@pytest.mark.parametrize("weighted", [False, True])
def test_bins_know_the_training_rows_only(weighted: bool) -> None:
    given = task(weight=np.linspace(0.5, 2, 900) if weighted else None)
    other = given.X.copy()
    other[given.stop_rows] *= 100
    for trainer in (XGBoostTrainer(n_estimators=5, max_bin=8), LightGBMTrainer(n_estimators=5, max_bin=8)):
        first = trainer.fit(replace(given, shared=TrainingMatrices(given.X)))
        second = trainer.fit(replace(given, X=other, shared=TrainingMatrices(other)))
        np.testing.assert_array_equal(first.history["train_loss"], second.history["train_loss"])


@pytest.mark.parametrize("family", [XGBoostTrainer, LightGBMTrainer])
def test_fits_of_several_threads_on_one_matrix_equal_those_done_alone(family: Any) -> None:
    given = task(n=1500)
    folds = [given.rows, given.rows[200:], given.rows[:-200]]
    settings = [
        family(n_estimators=15, learning_rate=rate, subsample=share, **own)
        for rate in (0.05, 0.2)
        for share in (0.5, 0.8, 1.0)
        for own in ({"colsample_bynode": 0.6}, {"reg_lambda": 0.0})
    ]
    jobs = [(trainer, rows) for trainer in settings for rows in folds]
    alone = [trainer.fit(replace(given, rows=rows)) for trainer, rows in jobs]
    shared = TrainingMatrices(given.X)
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda job: job[0].fit(replace(given, rows=job[1], shared=shared)), jobs))
    assert shared.built == len(folds)
    for one, other in zip(together, alone, strict=True):
        assert_same(one, other)


def test_rows_handed_over_in_several_blocks_give_the_model_of_the_xgboost_package() -> None:
    import xgboost as peer

    given = task(n=90_000, d=24, stop_rows=np.empty(0, dtype=np.int64))
    weight = np.random.default_rng(0).uniform(0.5, 2.0, len(given.X))
    given = replace(given, rows=np.arange(90_000), weight=weight)
    trainer = XGBoostTrainer(n_estimators=4, subsample=1.0, colsample_bytree=1.0, class_weight=None)
    model = trainer.fit(given)
    names = ("max_depth", "learning_rate", "min_child_weight", "reg_alpha", "reg_lambda", "max_bin")
    settings = {name: getattr(trainer, name) for name in names}
    data = peer.DMatrix(given.X, label=given.y, weight=weight)
    other = peer.train(settings | {"objective": "multi:softprob", "num_class": 3, "nthread": 1, "seed": 42}, data, 4)
    np.testing.assert_array_equal(model.margins(given.X), other.predict(data, output_margin=True))


def test_a_matrix_of_another_X_is_refused() -> None:
    given = task()
    with pytest.raises(InputError, match="shared matrices belong to one X"):
        XGBoostTrainer(n_estimators=2).fit(replace(given, shared=TrainingMatrices(given.X.copy())))
    with pytest.raises(InputError, match=r"shared must be .*TrainingMatrices or None, but is a dict"):
        XGBoostTrainer(n_estimators=2).fit(replace(given, shared={}))


def test_a_failed_build_is_forgotten() -> None:
    given = task()
    shared = TrainingMatrices(given.X)
    stopped = replace(given, shared=shared, stop=np.ones(1, dtype=np.uint8))
    model = XGBoostTrainer(n_estimators=2).fit(stopped)
    assert (model.best_round, model.stop_reason, len(shared)) == (0, "cancelled", 0)
    assert XGBoostTrainer(n_estimators=2).fit(replace(given, shared=shared)).best_round == 2
