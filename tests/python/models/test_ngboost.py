"""Natural gradient boosting: against the ngboost package itself, and our rules around it."""

from __future__ import annotations

import importlib.util
import pickle
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smctrain import _load
from smctrain.exceptions import ArtifactError, InputError, MissingDependency, OneClass, TooFewRows
from smctrain.models import NGBoostClassifier, NGBoostRegressor, load_model
from smctrain.models.base import FitTask
from smctrain.models.ngboost import FittedNGBoost, NGBoostTrainer

needs_ngboost = pytest.mark.skipif(
    importlib.util.find_spec("ngboost") is None, reason="ngboost, an optional extra, is not installed"
)


def problem(n: int = 600, seed: int = 0) -> tuple[Any, Any]:
    """The spread depends on column 1."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5)).astype(np.float32)
    y = 3 + 0.01 * (X[:, 0] + np.exp(0.6 * X[:, 1]) * rng.normal(size=n))
    X[rng.random(X.shape) < 0.05] = np.nan
    X[:, 4] = np.nan_to_num(X[:, 4])  # no missing value in training
    return X, y


def task(classes: int = 0, hold: bool = False, **changes: Any) -> FitTask:
    X, y = problem()
    if classes:
        y = np.searchsorted(np.quantile(y, np.arange(1, classes) / classes), y).astype(np.int32)
    rows = np.arange(0, 400 if hold else 600, dtype=np.int64)
    stop_rows = np.arange(420, 600, dtype=np.int64) if hold else np.empty(0, dtype=np.int64)
    return replace(FitTask(X=X, y=y, rows=rows, stop_rows=stop_rows, n_classes=classes), **changes)


def fresh() -> Any:
    X, _ = problem(200, seed=5)
    X[::9, 4] = np.nan  # missing where training had none
    return X


def peer(trainer: NGBoostTrainer, classes: int, seed: int) -> Any:
    from ngboost import NGBClassifier, NGBRegressor
    from ngboost.distns import Laplace, Normal, TFixedDf, k_categorical
    from ngboost.scores import CRPScore, LogScore
    from sklearn.tree import DecisionTreeRegressor

    settings = {
        "Base": DecisionTreeRegressor(max_depth=3, min_samples_leaf=10, random_state=seed),
        "random_state": seed, "verbose": False,
    } | {n: getattr(trainer, n) for n in ("n_estimators", "learning_rate", "minibatch_frac", "col_sample")}  # fmt: skip
    if classes:
        return NGBClassifier(Dist=k_categorical(classes), **settings)
    kind = {"laplace": Laplace, "student_t": TFixedDf}.get(str(trainer.distribution), Normal)
    return NGBRegressor(Dist=kind, Score=CRPScore if trainer.scoring_rule == "crps" else LogScore, **settings)


@needs_ngboost
@pytest.mark.parametrize(
    "settings",
    [
        {"distribution": "normal"},
        {"distribution": "normal", "scoring_rule": "crps"},
        {"distribution": "normal", "minibatch_frac": 0.5, "col_sample": 0.6},
        {"distribution": "laplace"},
        {"distribution": "student_t"},
        {"distribution": "lognormal"},
    ],
    ids=str,
)
@pytest.mark.parametrize("weighted", [False, True])
def test_parameters_equal_those_of_the_package(settings: dict[str, Any], weighted: bool) -> None:
    weight = np.random.default_rng(3).uniform(0.5, 2.0, 600).astype(np.float32).astype(float) if weighted else None
    given = task(weight=weight, seed=7)
    trainer = NGBoostTrainer(n_estimators=20, **settings)
    model = trainer.fit(given)
    y = np.log(given.y) if trainer.distribution == "lognormal" else given.y
    centre, spread = y.mean(), y.std()  # targets are standardised for the fit
    other = peer(trainer, 0, 7).fit(given.X, (y - centre) / spread, sample_weight=weight)
    expected = other.pred_param(fresh())
    expected = np.c_[centre + spread * expected[:, 0], expected[:, 1] + np.log(spread)]
    np.testing.assert_allclose(model.margins(fresh()), expected, atol=1e-12)
    assert model.best_round == 20
    both = model.contributions(fresh())
    np.testing.assert_allclose(both.sum(axis=1), model.margins(fresh()), atol=1e-12)
    predicted = model.predict_dist(fresh())
    np.testing.assert_allclose(predicted.scale, np.exp(expected[:, 1]), rtol=1e-12)


@needs_ngboost
@pytest.mark.parametrize("classes", [2, 3, 5])
def test_probabilities_equal_those_of_the_package(classes: int) -> None:
    given = task(classes, seed=7)
    trainer = NGBoostTrainer(n_estimators=15, class_weight=None)
    model = trainer.fit(given)
    other = peer(trainer, classes, 7).fit(given.X, given.y)
    np.testing.assert_allclose(model.predict_proba(fresh()), other.predict_proba(fresh()), atol=1e-12)
    assert model.feature_importances().sum() == pytest.approx(1.0)
    assert set(np.argsort(model.feature_importances())[-1:]) == {0}


@needs_ngboost
@pytest.mark.parametrize("classes", [0, 3])
def test_the_best_round_on_the_stop_rows_is_kept(classes: int) -> None:
    given = task(classes, hold=True)
    kind = None if classes else "normal"
    model = NGBoostTrainer(learning_rate=0.4, early_stopping_rounds=5, distribution=kind).fit(given)
    losses = model.history["val_loss"]
    assert model.best_round == np.argmin(losses) + 1
    assert len(losses) == model.best_round + 5 < 200
    held = given.stop_rows
    if classes:
        weight = (1 / 3 / (np.bincount(given.y[given.rows]) / 400))[given.y[held]]
        proba = model.predict_proba(given.X, held)
        loss = np.average(-np.log(proba[np.arange(len(held)), given.y[held]]), weights=weight)
        hits = np.average(proba.argmax(axis=1) == given.y[held], weights=weight)
        np.testing.assert_allclose(model.history["val_accuracy"][model.best_round - 1], hits, rtol=1e-6)
    else:
        loss = -model.predict_dist(given.X, held).logpdf(given.y[held]).mean()  # in units of y
    np.testing.assert_allclose(losses[model.best_round - 1], loss, rtol=1e-6)


@needs_ngboost
def test_the_spread_is_learned_and_calibration_is_measured_on_other_rows() -> None:
    X, y = problem(2500)
    model = NGBoostRegressor(120, random_state=0).fit(X[:1500], y[:1500], X_val=X[1500:1800], y_val=y[1500:1800])
    report = model.calibration(X[1800:], y[1800:])
    assert report.n == 700
    assert np.abs(report.coverage["coverage"] - report.coverage["level"]).max() < 0.06
    wide = X[1800:, 1] > 1
    sd = model.predict_dist(X[1800:]).sd
    assert sd[wide].mean() > 1.5 * sd[~wide].mean()
    constant = np.mean(np.abs(y[1800:] - np.median(y[:1500])))
    assert report.crps < constant
    np.testing.assert_allclose(model.predict(X[1800:]), model.predict_dist(X[1800:]).mean)


@needs_ngboost
@pytest.mark.parametrize("method", ["scale", "isotonic"])
def test_recalibration_learns_on_rows_that_neither_trained_nor_stopped_the_fit(method: str) -> None:
    given = task(0, hold=True)
    plain = NGBoostTrainer(distribution="normal", n_estimators=40)
    model = replace(plain, recalibration=method).fit(given)
    # The older half of the stop rows stops the fit: the trees are those of a fit without the newer half.
    older = plain.fit(replace(given, stop_rows=given.stop_rows[:90]))
    assert np.array_equal(model.margins(fresh()), older.margins(fresh()))
    other = given.y.copy()
    other[given.stop_rows[90:]] += 1.0  # the newer half alone moves the correction
    moved = replace(plain, recalibration=method).fit(replace(given, y=other))
    assert np.array_equal(moved.margins(fresh()), older.margins(fresh()))
    assert not np.allclose(moved.predict_dist(fresh()).quantile(0.9), model.predict_dist(fresh()).quantile(0.9))
    again = FittedNGBoost.from_state(*model.to_state())
    assert np.array_equal(again.predict_dist(fresh()).quantile(0.1), model.predict_dist(fresh()).quantile(0.1))
    none = replace(plain, recalibration=method).fit(task(0))
    assert "no stop rows to recalibrate on" in none.warnings[-1]


@needs_ngboost
def test_overconfident_distributions_are_put_right_afterwards() -> None:
    X, y = problem(1500)
    model = NGBoostRegressor(60, learning_rate=0.3, max_depth=5, min_samples_leaf=2, random_state=0)
    model.fit(X[:500], y[:500])  # overfits
    before = model.calibration(X[1000:], y[1000:])
    assert before.coverage["coverage"][2] < 0.75
    for method in ("isotonic", "scale"):
        after = model.recalibrate(X[500:1000], y[500:1000], method=method).calibration(X[1000:], y[1000:])
        assert abs(after.coverage["coverage"][2] - 0.9) < 0.05
        assert after.crps < before.crps


@needs_ngboost
def test_a_stopped_fit_keeps_its_rounds_and_says_so() -> None:
    flag = np.zeros(1, dtype=np.uint8)

    def cancel(done: int, total: int) -> None:
        flag[0] = done >= 4

    model = NGBoostTrainer().fit(task(2, stop=flag, progress=cancel))
    assert (model.best_round, model.stop_reason, model.complete) == (5, "cancelled", False)
    none = NGBoostTrainer(distribution="normal").fit(task(0, stop=np.ones(1, dtype=np.uint8)))
    assert none.best_round == 0
    np.testing.assert_allclose(none.predict(fresh()), task(0).y.mean())  # the marginal distribution
    assert NGBoostTrainer(n_estimators=10_000).fit(task(3, time_limit_s=0.2)).stop_reason == "timeout"


@needs_ngboost
def test_extreme_targets_end_without_a_hang() -> None:
    given = task(0)
    same = NGBoostTrainer(distribution="normal").fit(replace(given, y=np.full(600, 5.0)))
    assert same.predict(fresh())[0] == 5.0
    assert 0 < same.predict_dist(fresh()).sd[0] < 1e-4
    assert "Every target is the same" in same.warnings[0]
    for kind in ("normal", "laplace", "student_t"):
        mostly = np.zeros(600)
        mostly[::50] = 1.0
        model = NGBoostTrainer(distribution=kind, n_estimators=30).fit(replace(given, y=mostly))
        assert np.isfinite(model.predict(fresh())).all()
        huge = NGBoostTrainer(distribution=kind, n_estimators=10).fit(replace(given, y=1e30 * given.y))
        assert np.isfinite(huge.predict(fresh())).all()


@needs_ngboost
def test_a_class_without_training_rows_keeps_its_column_and_repeats_are_equal() -> None:
    given = task(3)
    lacking = replace(given, rows=np.flatnonzero(given.y != 1))
    proba = NGBoostTrainer(n_estimators=5).fit(lacking).predict_proba(given.X)
    assert proba.shape == (600, 3)
    assert proba[:, 1].max() < 0.05
    again = NGBoostTrainer(n_estimators=5).fit(lacking).predict_proba(given.X)
    assert np.array_equal(proba, again)


@needs_ngboost
def test_errors_are_typed() -> None:
    with pytest.raises(InputError, match=r"max_depth must be .*distribution must be one of .* 'cauchy'"):
        NGBoostTrainer(max_depth=0, distribution="cauchy")
    with pytest.raises(InputError, match="scoring_rule 'crps' does not exist for student_t"):
        NGBoostTrainer(distribution="student_t", scoring_rule="crps")
    with pytest.raises(InputError, match="recalibration belongs to a distribution"):
        NGBoostTrainer(recalibration="scale")
    with pytest.raises(InputError, match=r"y must be above 0 with distribution 'lognormal', but is -1\.0 in row 3"):
        NGBoostTrainer(distribution="lognormal").fit(task(0, y=np.where(np.arange(600) == 3, -1.0, 1.0)))
    with pytest.raises(InputError, match="n_classes must be 0 with this distribution, but is 2"):
        NGBoostTrainer(distribution="normal").fit(task(2))
    with pytest.raises(OneClass):
        NGBoostTrainer().fit(task(2, y=np.zeros(600, dtype=np.int32)))
    with pytest.raises(TooFewRows):
        NGBoostTrainer().fit(task(2, weight=np.zeros(600)))
    with pytest.raises(InputError, match="no class probabilities"):
        NGBoostTrainer(distribution="normal", n_estimators=1).fit(task(0)).predict_proba(fresh())
    with pytest.raises(InputError, match="no distribution of a number"):
        NGBoostTrainer(n_estimators=1).fit(task(2)).predict_dist(fresh())


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    _load.ngboost.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match=r'ngboost >= 0\.5, < 0\.6, .* pip install "smctrain\[ngboost\]"'):
        NGBoostTrainer().fit(task(2))
    _load.ngboost.cache_clear()


@needs_ngboost
def test_a_stored_model_is_checked_before_it_predicts() -> None:
    meta, arrays = NGBoostTrainer(distribution="normal", n_estimators=3).fit(task(0)).to_state()
    with pytest.raises(ArtifactError, match="the boosted trees are not valid"):
        FittedNGBoost.from_state(meta, arrays | {"left": arrays["left"] * 0})
    for wrong in ({"distribution": None}, {"distribution": "cauchy"}, {"n_classes": 3}, {"n_classes": 2}):
        with pytest.raises(ArtifactError, match="distribution must belong"):
            FittedNGBoost.from_state(meta | wrong, arrays)
    with pytest.raises(ArtifactError, match="the trees have 2 margins, which 2 classes contradict"):
        FittedNGBoost.from_state(meta | {"n_classes": 2, "distribution": None}, arrays)
    with pytest.raises(ArtifactError, match="recalibration_factor"):
        FittedNGBoost.from_state(meta, {k: v for k, v in arrays.items() if k != "recalibration_factor"})


@needs_ngboost
def test_the_estimators_save_and_predict_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = problem()
    classifier = NGBoostClassifier(8, random_state=1).fit(X, np.where(y > 3, "up", "down"))
    regressor = NGBoostRegressor(8, distribution="laplace", random_state=1).fit(X, y).recalibrate(X, y)
    monkeypatch.setitem(sys.modules, "ngboost", None)
    for model in (classifier, regressor):
        model.save(tmp_path / "m.smc")
        for again in (load_model(tmp_path / "m.smc"), pickle.loads(pickle.dumps(model))):
            assert type(again) is type(model)
            assert np.array_equal(again.predict(X), model.predict(X))
    assert classifier.shap_values(X[:3]).shape == (3, 6, 1)
    loaded = load_model(tmp_path / "m.smc")
    assert np.array_equal(loaded.predict_dist(X).interval(0.8), regressor.predict_dist(X).interval(0.8))
    assert loaded.recalibration_.knots is not None
