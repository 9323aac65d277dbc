"""CatBoost as trainer: against the catboost package itself, and our rules around it."""

from __future__ import annotations

import importlib.util
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smctrain import _load
from smctrain.exceptions import (
    ArtifactError,
    InputError,
    MissingDependency,
    NativeLibraryError,
    OneClass,
    TooFewRows,
)
from smctrain.models import CatBoostClassifier, CatBoostRegressor, load_model
from smctrain.models.base import FitTask
from smctrain.models.catboost import CatBoostTrainer, FittedCatBoost

needs_catboost = pytest.mark.skipif(
    importlib.util.find_spec("catboost") is None, reason="catboost, an optional extra, is not installed"
)


def problem(n: int = 600, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 6)).astype(np.float32)
    y = 2 * X[:, 0] + X[:, 1] * X[:, 2] + rng.standard_t(4, size=n)
    X[rng.random(X.shape) < 0.08] = np.nan
    X[:, 5] = np.nan_to_num(X[:, 5])  # no missing value in training
    return X, y


def task(classes: int = 0, hold: bool = False, **changes: Any) -> FitTask:
    X, y = problem()
    if classes:
        y = np.searchsorted(np.quantile(y, np.arange(1, classes) / classes), y).astype(np.int32)
    rows = np.arange(0, 400 if hold else 600, dtype=np.int64)
    stop_rows = np.arange(420, 600, dtype=np.int64) if hold else np.empty(0, dtype=np.int64)
    return replace(FitTask(X=X, y=y, rows=rows, stop_rows=stop_rows, n_classes=classes), **changes)


def fresh() -> Any:
    X, _ = problem(seed=5)
    X[::9, 5] = np.nan  # missing where training had none
    X[1, 0], X[2, 1] = np.finfo(np.float32).max, np.finfo(np.float32).min
    return X


def peer_model(trainer: CatBoostTrainer, given: FitTask, loss: str, rounds: int, **more: Any) -> Any:
    """The same fit by the package alone."""
    import catboost

    names = (
        "depth",
        "learning_rate",
        "l2_leaf_reg",
        "random_strength",
        "rsm",
        "border_count",
        "nan_mode",
        "leaf_estimation_iterations",
    )
    model = catboost.CatBoost(
        {n: getattr(trainer, n) for n in names}
        | {"loss_function": loss, "iterations": rounds, "has_time": True, "bootstrap_type": "Bernoulli",
           "subsample": trainer.subsample, "boosting_type": trainer.boosting_type, "random_seed": given.seed,
           "thread_count": 1, "allow_writing_files": False, "logging_level": "Silent"} | more
    )  # fmt: skip
    weight = None if given.weight is None else given.weight[given.rows]
    base = None
    if given.n_classes:  # our fits start from the classes' shares
        w = np.ones(len(given.rows)) if weight is None else weight
        share = np.bincount(given.y[given.rows], weights=w.astype(np.float32)) / w.astype(np.float32).sum()
        odds = np.log(share)
        margins = odds[1:] - odds[0] if given.n_classes == 2 else odds - odds.mean()
        base = np.tile(margins, (len(given.rows), 1))
    model.fit(catboost.Pool(given.X[given.rows], given.y[given.rows], weight=weight, baseline=base))
    return model, (0.0 if base is None else base[0])


FITS: list[tuple[int, dict[str, Any], str]] = [
    (2, {}, "Logloss"),
    (3, {"nan_mode": "Max"}, "MultiClass"),
    (2, {"boosting_type": "Ordered", "leaf_estimation_iterations": 5}, "Logloss"),
    (0, {"objective": "RMSE"}, "RMSE"),
    (0, {"objective": "RMSE", "nan_mode": "Max", "border_count": 20}, "RMSE"),
    (0, {"objective": "MAE"}, "MAE"),
    (0, {"objective": "Huber", "alpha": 0.7}, "Huber:delta=0.7"),
    (0, {"objective": "Quantile", "alpha": 0.2}, "Quantile:alpha=0.2"),
    (0, {"objective": "Quantile", "alpha": [0.1, 0.5, 0.9]}, "MultiQuantile:alpha=0.1,0.5,0.9"),
]


@needs_catboost
@pytest.mark.parametrize(("classes", "settings", "loss"), FITS, ids=lambda value: str(value))
def test_raw_values_importances_and_contributions_equal_those_of_the_package(
    classes: int, settings: dict[str, Any], loss: str
) -> None:
    import catboost

    given = task(classes, weight=np.random.default_rng(3).uniform(0.5, 2.0, 600))
    trainer = CatBoostTrainer(n_estimators=25, class_weight=None, **settings)
    model = trainer.fit(given)
    peer, base = peer_model(trainer, given, loss, 25)
    for X in (given.X, fresh()):
        expected = peer.predict(X, prediction_type="RawFormulaVal").reshape(len(X), -1) + base
        np.testing.assert_allclose(model.margins(X), expected, atol=1e-12)  # sums in another order
    assert model.best_round == 25
    # Covers are kept as float32.
    gains = peer.get_feature_importance(type="PredictionValuesChange") / 100
    np.testing.assert_allclose(model.feature_importances(), gains, atol=1e-6)
    shap = peer.get_feature_importance(catboost.Pool(fresh()[5:25]), type="ShapValues")
    shap = shap.transpose(0, 2, 1) if shap.ndim == 3 else shap[:, :, None]
    ours = model.contributions(fresh()[5:25])
    np.testing.assert_allclose(ours[:, :-1], shap[:, :-1], atol=1e-6)
    np.testing.assert_allclose(ours.sum(axis=1), model.margins(fresh()[5:25]), atol=1e-12)


@needs_catboost
@pytest.mark.parametrize("classes", [0, 2, 3])
def test_the_best_round_on_the_stop_rows_is_kept_and_only_its_trees_predict(classes: int) -> None:
    objective = "RMSE" if classes == 0 else None
    trainer = CatBoostTrainer(learning_rate=0.4, early_stopping_rounds=8, objective=objective)
    given = task(classes, hold=True)
    model = trainer.fit(given)
    losses = model.history["val_loss"]
    assert model.best_round == np.argmin(losses) + 1
    assert len(losses) == model.best_round + 8 < 200
    held = given.stop_rows
    if classes:
        # Weights of the classes are those of the training rows.
        share = np.bincount(given.y[given.rows]) / 400
        weight = (1 / classes / share)[given.y[held]]
        proba = model.predict_proba(given.X, held)
        loss = np.average(-np.log(proba[np.arange(len(held)), given.y[held]]), weights=weight)
        hits = np.average(proba.argmax(axis=1) == given.y[held], weights=weight)
        np.testing.assert_allclose(model.history["val_accuracy"][model.best_round - 1], hits, rtol=1e-6)
    else:
        loss = np.mean((model.predict(given.X, held) - given.y[held]) ** 2)
    np.testing.assert_allclose(losses[model.best_round - 1], loss, rtol=1e-6)  # float32 weights and targets
    shorter = replace(trainer, n_estimators=model.best_round, early_stopping_rounds=None).fit(given)
    np.testing.assert_array_equal(shorter.margins(given.X), model.margins(given.X))
    patient = replace(trainer, min_delta=10.0).fit(given)
    assert patient.best_round == 1
    assert len(patient.history["step"]) == 9


@needs_catboost
def test_another_metric_chooses_another_round_by_its_own_sense_of_better() -> None:
    trainer = CatBoostTrainer(learning_rate=0.4, early_stopping_rounds=30, n_estimators=60)
    for metric in ("accuracy", "balanced_accuracy", "log_loss"):
        model = replace(trainer, eval_metric=metric).fit(task(2, hold=True))
        seen = model.history["val_metric"]
        assert model.best_round == (np.argmin(seen) if metric == "log_loss" else np.argmax(seen)) + 1
        if metric == "accuracy":
            np.testing.assert_array_equal(seen, model.history["val_accuracy"])
    model = replace(trainer, eval_metric="mae", objective="RMSE").fit(task(0, hold=True))
    assert model.best_round == np.argmin(model.history["val_metric"]) + 1
    assert (model.history["val_metric"] != model.history["val_loss"]).all()
    with pytest.raises(InputError, match="balanced_accuracy' is for two classes in CatBoost, but there are 3"):
        replace(trainer, eval_metric="balanced_accuracy").fit(task(3, hold=True))


@needs_catboost
def test_the_number_of_threads_and_a_row_of_weight_zero_change_nothing() -> None:
    trainer = CatBoostTrainer(n_estimators=15)
    one = trainer.fit(task(3))
    assert np.array_equal(trainer.fit(task(3, threads=3)).margins(fresh()), one.margins(fresh()))
    weight = np.ones(600)
    weight[::7] = 0.0
    absent = np.flatnonzero(weight > 0)
    assert np.array_equal(
        trainer.fit(task(3, weight=weight)).margins(fresh()), trainer.fit(task(3, rows=absent)).margins(fresh())
    )


@needs_catboost
def test_a_stopped_fit_keeps_its_rounds_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    flag = np.zeros(1, dtype=np.uint8)

    def cancel(done: int, total: int) -> None:
        assert total == 200
        flag[0] = done == 7

    model = CatBoostTrainer().fit(task(2, stop=flag, progress=cancel))
    # The flag is set after round 7 was judged, so that round 8 is the first to see it.
    assert (model.best_round, model.stop_reason, model.complete) == (8, "cancelled", False)
    again = FittedCatBoost.from_state(*model.to_state())
    assert np.array_equal(again.margins(fresh()), model.margins(fresh()))
    none = CatBoostTrainer().fit(task(2, stop=np.ones(1, dtype=np.uint8)))
    assert (none.best_round, none.stop_reason) == (0, "cancelled")
    np.testing.assert_allclose(none.predict_proba(fresh()), 0.5, atol=1e-6)
    late = CatBoostTrainer(n_estimators=100_000, early_stopping_rounds=None).fit(task(2, time_limit_s=0.3))
    assert (late.stop_reason, late.complete) == ("timeout", False)
    assert 1 <= late.best_round < 100_000
    assert os.listdir(tmp_path) == []  # catboost would write a folder of logs

    def broken(done: int, total: int) -> None:
        raise ValueError(f"round {done}")

    with pytest.raises(ValueError, match="round 1"):
        CatBoostTrainer().fit(task(2, progress=broken))


@needs_catboost
def test_continuing_keeps_the_trees_and_lowers_the_loss() -> None:
    given = task(0)
    trainer = CatBoostTrainer(n_estimators=20, objective="RMSE")
    first = trainer.fit(given)
    more = trainer.fit(given, init_model=first)
    assert more.best_round == 40
    assert more.trees.arrays()["value"][: len(first.trees.arrays()["value"])].tolist() == (
        first.trees.arrays()["value"].tolist()
    )
    assert np.mean((more.predict(given.X) - given.y) ** 2) < 0.9 * np.mean((first.predict(given.X) - given.y) ** 2)
    # The history is of what is predicted.
    np.testing.assert_allclose(
        more.history["train_loss"][-1], np.mean((more.predict(given.X) - given.y) ** 2), rtol=1e-6
    )
    for classes in (2, 3):
        start = CatBoostTrainer(n_estimators=10).fit(task(classes))
        onward = CatBoostTrainer(n_estimators=10).fit(task(classes), init_model=start)
        assert onward.history["train_loss"][0] < start.history["train_loss"][-1]
    with pytest.raises(InputError, match="init_model must be a model of 6 columns, 0 classes and 1 margins"):
        trainer.fit(given, init_model=start)


@needs_catboost
def test_what_cannot_be_split_becomes_the_best_constant() -> None:
    given = task(0)
    flat = replace(given, X=np.ones_like(given.X))
    assert CatBoostTrainer(objective="RMSE").fit(flat).predict(flat.X[:1])[0] == pytest.approx(given.y.mean())
    same = replace(given, y=np.full(600, 3.25))
    model = CatBoostTrainer(objective="Quantile", alpha=[0.1, 0.9]).fit(same)
    assert model.predict(given.X[:2]).tolist() == [[3.25, 3.25]] * 2
    assert "constant" in model.warnings[0]
    classes = task(2)
    proba = CatBoostTrainer(class_weight=None).fit(replace(classes, X=np.ones_like(classes.X))).predict_proba(fresh())
    assert proba[0].tolist() == pytest.approx([0.5, 0.5])


@needs_catboost
def test_a_class_without_training_rows_keeps_its_column() -> None:
    given = task(3)
    model = CatBoostTrainer(n_estimators=5).fit(replace(given, rows=np.flatnonzero(given.y != 1)))
    proba = model.predict_proba(given.X)
    assert proba.shape == (600, 3)
    assert proba[:, 1].max() < 0.01


@needs_catboost
def test_errors_are_typed() -> None:
    with pytest.raises(InputError, match=r"depth must be an integer in 1\.\.12, but is 13\. .*nan_mode must be"):
        CatBoostTrainer(depth=13, nan_mode="mean")
    with pytest.raises(InputError, match="alpha must hold ascending numbers"):
        CatBoostTrainer(objective="Quantile", alpha=[0.9, 0.1])
    with pytest.raises(InputError, match="alpha belongs to objective"):
        CatBoostTrainer(alpha=0.5)
    with pytest.raises(InputError, match="eval_metric must be one of 'mse', 'mae'"):
        CatBoostTrainer(objective="RMSE", eval_metric="accuracy")
    with pytest.raises(InputError, match="n_classes must be 0"):
        CatBoostTrainer(objective="RMSE").fit(task(2))
    with pytest.raises(OneClass):
        CatBoostTrainer().fit(task(2, y=np.zeros(600, dtype=np.int32)))
    with pytest.raises(TooFewRows):
        CatBoostTrainer().fit(task(2, weight=np.zeros(600)))
    with pytest.raises(NativeLibraryError, match="CatBoost reports an error"):
        CatBoostTrainer(nan_mode="Forbidden").fit(task(2))
    with pytest.raises(InputError, match="CatBoost takes no objective of its own"):
        CatBoostTrainer().fit(task(2), objective=lambda y, m: (y, m))  # type: ignore[arg-type]


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    _load.catboost.cache_clear()
    monkeypatch.setitem(sys.modules, "catboost", None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match=r'catboost >= 1\.2, < 2\.0, .* pip install "smctrain\[catboost\]"'):
        CatBoostTrainer().fit(task(2))
    _load.catboost.cache_clear()


@needs_catboost
def test_a_stored_model_is_checked_before_it_predicts() -> None:
    model = CatBoostTrainer(n_estimators=4).fit(task(2))
    meta, arrays = model.to_state()
    for name, index, value in (("left", 0, 10_000), ("feature", 0, 6), ("value", -1, np.nan), ("threshold", 0, np.nan)):
        wrong = arrays[name].copy()
        wrong[index] = value
        with pytest.raises(ArtifactError, match="the boosted trees are not valid"):
            FittedCatBoost.from_state(meta, arrays | {name: wrong})


@needs_catboost
def test_the_estimators_fit_save_and_predict_without_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = problem()
    labels = np.where(y > 0, "up", "down")
    classifier = CatBoostClassifier(12, class_weight={"up": 2.0}, random_state=1).fit(
        X[:400], labels[:400], X_val=X[400:], y_val=labels[400:]
    )
    regressor = CatBoostRegressor(12, objective="Quantile", alpha=[0.1, 0.5, 0.9], random_state=1).fit(X, y)
    assert classifier.best_round_ <= 12
    one = classifier.predictor()
    assert one.classes_ is not None
    assert one.classes_.tolist() == ["down", "up"]
    assert np.array_equal(one.predict_row(X[0]), classifier.predict_proba(X[:1])[0])
    assert np.array_equal(regressor.predictor().predict_row(X[3].astype(np.float64)), regressor.predict(X[3:4])[0])
    with pytest.raises(InputError, match="x must have the 6 entries"):
        one.predict_row(X[0, :5])
    with pytest.raises(InputError, match="is infinite"):
        one.predict_row(np.full(6, np.inf))
    assert classifier.shap_values(X[:3]).shape == (3, 7, 2)
    assert (np.diff(regressor.predict(X), axis=1) >= 0).all()
    assert regressor.coverage(X, y)[0.9] > 0.8
    assert next(iter(classifier.importances()["feature"])) == "f0"
    monkeypatch.setitem(sys.modules, "catboost", None)
    for model in (classifier, regressor):
        model.save(tmp_path / "m.smc")
        again = load_model(tmp_path / "m.smc")
        assert type(again) is type(model)
        assert np.array_equal(again.predict(X), model.predict(X))
