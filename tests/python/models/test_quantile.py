"""Several quantiles: never crossing, coverage told, put right, and followed through a market that changes."""

from __future__ import annotations

import importlib.util
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smctrain.exceptions import ArtifactError, InputError, TooFewRows
from smctrain.models import QuantileRegressor, XGBoostRegressor, load_model
from smctrain.models.base import FitTask
from smctrain.models.quantile import BASES, FittedQuantile, QuantileTrainer, conformal_shifts

INSTALLED = [base for base in BASES if base in ("xgboost", "forest", "linear") or importlib.util.find_spec(base)]
LEVELS = (0.1, 0.5, 0.9)
SMALL = {"xgboost": {"n_estimators": 60}, "lightgbm": {"n_estimators": 60}, "catboost": {"n_estimators": 60},
         "forest": {"n_estimators": 30, "min_samples_leaf": 20}, "linear": {"l2": 1e-3}}  # fmt: skip


def problem(n: int = 1200, seed: int = 0) -> tuple[Any, Any]:
    """The spread depends on column 1."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4)).astype(np.float32)
    y = X[:, 0] + np.exp(0.5 * X[:, 1]) * rng.normal(size=n)
    X[rng.random(X.shape) < 0.03] = np.nan
    return X, y


def made(base: str = "xgboost", **more: Any) -> QuantileRegressor:
    return QuantileRegressor(base, **({"quantiles": LEVELS, "settings": SMALL[base], "random_state": 0} | more))


@pytest.mark.parametrize("base", INSTALLED)
def test_quantiles_ascend_learn_the_spread_and_come_back_from_file(base: str, tmp_path: Path) -> None:
    X, y = problem()
    model = made(base).fit(X[:800], y[:800])
    predicted = model.predict(X[800:])
    assert predicted.shape == (400, 3)
    assert (np.diff(predicted, axis=1) >= 0).all()
    width = predicted[:, 2] - predicted[:, 0]
    assert width[X[800:, 1] > 1].mean() > 1.2 * width[X[800:, 1] < -1].mean()
    report = model.report(X[800:], y[800:])
    assert np.abs(report.levels["coverage"] - LEVELS).max() < 0.12
    assert (report.levels["skill"] > 0).all()
    assert report.crossing == model.crossing_share(X[800:])
    assert model.score(X[800:], y[800:]) > 0.05
    assert model.held_ is None
    assert model.feature_importances_.sum() == pytest.approx(1.0)
    np.testing.assert_array_equal(model.predict_interval(X[800:], 0.8), predicted[:, [0, 2]])
    model.save(tmp_path / "m.smc")
    for again in (load_model(tmp_path / "m.smc"), pickle.loads(pickle.dumps(model))):
        assert np.array_equal(again.predict(X), model.predict(X))
        assert again.get_params()["settings"] == model.get_params()["settings"]


def test_planes_are_as_good_as_those_of_linear_programming() -> None:
    from sklearn.linear_model import QuantileRegressor as Peer

    X, y = problem(500)
    X = np.nan_to_num(X)
    weight = np.random.default_rng(1).uniform(0.5, 2.0, 500)
    model = made("linear", settings={"l2": 0.0}).fit(X, y, sample_weight=weight)
    for k, q in enumerate(LEVELS):
        peer = Peer(quantile=q, alpha=0.0, solver="highs").fit(X, y, sample_weight=weight)
        error = y[:, None] - np.c_[model.fitted_.raw(X.astype(np.float32))[:, k], peer.predict(X)]
        loss = np.average(np.maximum(q * error, (q - 1) * error), weights=weight, axis=0)
        assert loss[1] <= loss[0] < 1.003 * loss[1]  # linear programming is exact, smoothing costs next to nothing
        below = np.average(error[:, 0] <= 1e-9, weights=weight)
        assert below == pytest.approx(q, abs=0.01)
    np.testing.assert_allclose(model.feature_importances_.argmax(), 0)
    plain = made("linear").fit(X * np.float32(1000), y)
    np.testing.assert_allclose(plain.predict(X * np.float32(1000)), made("linear").fit(X, y).predict(X), atol=1e-4)


def test_linear_quantiles_end_when_they_are_told_to() -> None:
    X, y = problem(300)
    task = FitTask(X=X, y=y, rows=np.arange(300), n_classes=0, stop=np.ones(1, dtype=np.uint8))
    model = QuantileTrainer("linear", LEVELS).fit(task)
    assert (model.stop_reason, model.complete) == ("cancelled", False)
    np.testing.assert_allclose(model.predict(X)[0], np.quantile(y, LEVELS, method="inverted_cdf"))
    with pytest.raises(InputError, match="base 'linear' has the settings l2, tol, max_iter, but got alpha"):
        QuantileTrainer("linear", settings_of_base={"alpha": 1})
    short = made("linear", settings={"max_iter": 2}).fit(X, y)
    assert "did not converge in 2 iterations" in short.warnings_[0]


def test_the_base_is_the_family_of_that_name() -> None:
    X, y = problem()
    plain = XGBoostRegressor(60, objective="reg:quantileerror", quantile_alpha=list(LEVELS), random_state=0).fit(X, y)
    assert np.array_equal(made().fit(X, y).predict(X), plain.predict(X))
    assert made().fit(X, y).crossing_share(X) == plain.crossing_share(X)


def test_crossings_are_counted_before_they_are_sorted_away() -> None:
    X, y = problem(200)
    model = made(quantiles=[0.48, 0.5, 0.52], settings={"min_child_weight": 1.0}).fit(X, y)
    raw = model.fitted_.raw(X)
    share = model.crossing_share(X)
    assert share == np.mean((np.diff(raw, axis=1) < 0).any(axis=1))
    assert share > 0
    assert (np.diff(model.predict(X), axis=1) >= 0).all()


def test_conformal_shifts_are_the_errors_of_their_rank() -> None:
    y = np.arange(19.0)
    predicted = np.zeros((19, 3))
    # Ranks 0.1 * 20 = 2, 0.5 * 20 = 10 and 0.95 * 20 = 19 of the errors 0..18.
    assert conformal_shifts(y, predicted, (0.1, 0.5, 0.95)).tolist() == [1.0, 9.0, 18.0]
    with pytest.raises(TooFewRows, match=r"the conformal quantile 0\.99 needs at least 99 held rows, but has 19"):
        conformal_shifts(y, predicted, (0.5, 0.9, 0.99))
    with pytest.raises(TooFewRows, match=r"0\.01 needs at least 99 held rows"):
        conformal_shifts(y, predicted, (0.01, 0.5, 0.9))


@pytest.mark.parametrize("base", INSTALLED)
def test_conformal_coverage_holds_where_the_base_overfits(base: str) -> None:
    X, y = problem(2400)
    deep = {
        "xgboost": {"n_estimators": 100, "max_depth": 8, "min_child_weight": 1.0},
        "lightgbm": {"n_estimators": 100, "num_leaves": 63, "min_child_samples": 3},
        "catboost": {"n_estimators": 60, "depth": 7, "learning_rate": 0.5, "l2_leaf_reg": 0.0},
        "linear": {},
        "forest": {"n_estimators": 20, "max_depth": None, "min_samples_leaf": 1, "min_samples_split": 2},
    }[base]
    fit, new = slice(0, 1400), slice(1400, 2400)
    plain = made(base, settings=deep).fit(X[fit], y[fit]).report(X[new], y[new])
    model = made(base, settings=deep, conformal=True, held_share=0.35).fit(X[fit], y[fit])
    report = model.report(X[new], y[new])
    # Chance of 490 held rows and 1,000 new ones.
    assert np.abs(report.levels["coverage"] - LEVELS).max() < 0.055
    if base not in ("forest", "linear"):
        assert np.abs(plain.levels["coverage"] - LEVELS).max() > 0.06
    assert model.held_ is not None
    assert model.held_.n == 490
    assert not model.held_.chosen_on
    assert (model.shifts_ != 0).any()


def test_held_rows_are_the_newest_and_not_trained_on() -> None:
    X, y = problem(600)
    task = FitTask(X=X, y=y, rows=np.arange(600), n_classes=0)
    trainer = QuantileTrainer(quantiles=LEVELS, conformal=True, gap=19, settings_of_base=SMALL["xgboost"])
    model = trainer.fit(task)
    alone = replace(trainer, conformal=False).fit(replace(task, rows=np.arange(461)))  # 600 - 120 - 19
    assert np.array_equal(model.raw(X), alone.raw(X))
    assert model.held is not None
    np.testing.assert_array_equal(
        model.held.coverage, (y[480:, None] <= np.sort(alone.raw(X[480:]), axis=1)).mean(axis=0)
    )
    # Of stop rows the newer half is held, the older one stops the fit.
    stops = replace(task, rows=np.arange(400), stop_rows=np.arange(400, 600))
    model = trainer.fit(stops)
    halves = replace(trainer, conformal=False).fit(replace(stops, stop_rows=np.arange(400, 500)))
    assert np.array_equal(model.raw(X), halves.raw(X))
    assert model.held is not None
    assert model.held.n == 100
    assert halves.held is not None
    assert halves.held.chosen_on
    weight = np.ones(600)
    weight[510:520] = 0.0
    held = trainer.fit(replace(stops, weight=weight)).held
    assert held is not None
    assert held.n == 90


def test_tracked_coverage_survives_a_break_that_conformal_coverage_does_not() -> None:
    X, y = problem(4000)
    y[2000:] = 3 * y[2000:] + 1.0  # the market changes after the fit
    model = made(conformal=True).fit(X[:1500], y[:1500])
    new = slice(1500, 4000)
    report = model.report(X[new], y[new], blocks=5)
    assert not report.ok
    assert report.drift > 4
    assert model.report(X[1500:2000], y[1500:2000]).drift < 4
    tracked = model.track(X[new], y[new], horizon=10)
    coverage = (y[new][:, None] <= tracked).mean(axis=0)
    assert np.abs(coverage - LEVELS).max() < 0.03
    assert np.abs(report.levels["coverage"] - LEVELS).max() > 0.08
    assert (np.diff(tracked, axis=1) >= 0).all()
    # An outcome known 10 rows later changes nothing before that.
    other = y[new].copy()
    other[1000] += 100
    assert np.array_equal(model.track(X[new], other, horizon=10)[:1010], tracked[:1010])
    # Neither do rows that come later.
    assert np.array_equal(model.track(X[new][:700], y[new][:700], horizon=10), tracked[:700])


def test_one_quantile_is_a_vector() -> None:
    X, y = problem(300)
    model = made(quantiles=0.5).fit(X, y)
    assert model.predict(X).shape == (300,)
    assert model.coverage(X, y)[0.5] == pytest.approx(0.5, abs=0.15)
    assert model.crossing_share(X) == 0
    assert model.track(X, y).shape == (300, 1)


def test_errors_are_typed() -> None:
    with pytest.raises(InputError, match=r"base must be one of .* 'lasso'\. quantiles must be ascending"):
        QuantileTrainer(base="lasso", quantiles=[0.9, 0.1])
    with pytest.raises(InputError, match="gap must be an integer"):
        QuantileTrainer(gap=-1)
    with pytest.raises(InputError, match="settings must not hold objective: the quantiles decide"):
        QuantileTrainer(settings_of_base={"objective": "reg:squarederror"})
    with pytest.raises(InputError, match=r"XGBoost has no setting 'max_dept'\. Did you mean 'max_depth'"):
        QuantileTrainer(settings_of_base={"max_dept": 3})
    X, y = problem(100)
    with pytest.raises(TooFewRows, match=r"needs at least 19 held rows, but has 10"):
        made(quantiles=[0.05, 0.95], conformal=True, held_share=0.1).fit(X, y)
    model = made().fit(X, y)
    with pytest.raises(InputError, match=r"level must be that of two fitted quantiles, .* but is 0\.9"):
        model.predict_interval(X, 0.9)
    with pytest.raises(InputError, match="y must have one entry for each of the 100 rows"):
        model.report(X, y[:50])
    with pytest.raises(InputError, match="blocks must be"):
        model.report(X, y, blocks=0)
    with pytest.raises(InputError, match="horizon must be"):
        model.track(X, y, horizon=0)
    with pytest.raises(InputError, match="rate must be"):
        model.track(X, y, rate=0.0)
    with pytest.raises(InputError, match="n_classes must be 0"):
        QuantileTrainer().fit(FitTask(X=X, y=(y > 0).astype(np.int32), rows=np.arange(100), n_classes=2))


def test_a_stored_model_is_checked_before_it_predicts() -> None:
    X, y = problem(300)
    meta, arrays = made(conformal=True).fit(X, y).fitted_.to_state()
    FittedQuantile.from_state(meta, arrays)
    for wrong in ({"base": "lasso"}, {"quantiles": [0.9, 0.1]}, {"quantiles": [0.1, 0.9]}, {"inner": {}},
                  {"spread": -1.0}, {"held": []}, {"base": "forest"}):  # fmt: skip
        with pytest.raises(ArtifactError):
            FittedQuantile.from_state(meta | wrong, arrays)
    for name in ("shifts", "held_coverage", "inner_left"):
        with pytest.raises(ArtifactError):
            FittedQuantile.from_state(meta, arrays | {name: arrays[name][:1]})
    with pytest.raises(ArtifactError, match="shifts must be finite"):
        FittedQuantile.from_state(meta, arrays | {"shifts": np.full(3, np.nan)})
