"""LightGBM through its C library: against the lightgbm package, and what happens when things go wrong."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smctrain import _load
from smctrain.exceptions import ArtifactError, InputError, MissingDependency, OneClass, TooFewRows
from smctrain.models import LightGBMClassifier, LightGBMRegressor, load_model
from smctrain.models.base import FitTask
from smctrain.models.lightgbm import FittedLightGBM, LightGBMTrainer

needs_lightgbm = pytest.mark.skipif(
    importlib.util.find_spec("lightgbm") is None, reason="lightgbm, an optional extra, is not installed"
)


def problem(n: int = 600, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 6)).astype(np.float32)
    y = 2 * X[:, 0] + X[:, 1] * X[:, 2] + rng.standard_t(4, size=n) * (1 + 0.5 * np.abs(X[:, 3]))
    X[rng.random(X.shape) < 0.08] = np.nan
    X[:, 5] = np.nan_to_num(X[:, 5])  # no missing value in training: later ones count as 0
    X[rng.random(n) < 0.3, 4] = 0.0
    return X, y


def classes_of(score: Any, classes: int) -> Any:
    return np.searchsorted(np.quantile(score, np.arange(1, classes) / classes), score).astype(np.int32)


def task(classes: int = 0, stop: bool = False, **changes: Any) -> FitTask:
    X, y = problem()
    rows = np.arange(0, 400 if stop else 600, dtype=np.int64)
    stop_rows = np.arange(420, 600, dtype=np.int64) if stop else np.empty(0, dtype=np.int64)
    y = y if classes == 0 else classes_of(y, classes)
    return replace(FitTask(X=X, y=y, rows=rows, stop_rows=stop_rows, n_classes=classes), **changes)


def trainer_of(classes: int, **settings: Any) -> LightGBMTrainer:
    return LightGBMTrainer(objective="regression" if classes == 0 else None, class_weight=None, **settings)


def peer_parameters(trainer: LightGBMTrainer, **more: Any) -> dict[str, Any]:
    names = ("num_leaves", "max_depth", "learning_rate", "subsample", "subsample_freq", "colsample_bytree",
             "min_child_weight", "min_child_samples", "min_split_gain", "reg_alpha", "reg_lambda", "max_bin",
             "zero_as_missing")  # fmt: skip
    return {
        "verbosity": -1, "num_threads": 1, "deterministic": True, "force_row_wise": True, "seed": 42,
        "feature_fraction_bynode": trainer.colsample_bynode,
        **{n: getattr(trainer, n) for n in names}, **more,
    }  # fmt: skip


LINKS: dict[int, dict[str, Any]] = {
    0: {"objective": "regression"},
    2: {"objective": "binary"},
    3: {"objective": "multiclass", "num_class": 3},
    5: {"objective": "multiclass", "num_class": 5},
}


def fresh(seed: int = 5) -> Any:
    X, _ = problem(seed=seed)
    X[::9, 5] = np.nan
    return X


@needs_lightgbm
@pytest.mark.parametrize("classes", [0, 2, 3, 5])
def test_raw_scores_equal_those_of_the_lightgbm_package_bit_for_bit(classes: int) -> None:
    import lightgbm as peer

    trainer = trainer_of(classes, n_estimators=40, colsample_bynode=0.8, min_split_gain=0.01, max_depth=5)
    weight = np.random.default_rng(3).uniform(0.5, 2.0, 600)
    given = task(classes, weight=weight)
    model = trainer.fit(given)
    other = peer.train(peer_parameters(trainer, **LINKS[classes]), peer.Dataset(given.X, given.y, weight=weight), 40)
    for X in (given.X, fresh()):
        expected = other.predict(X, raw_score=True).reshape(600, -1)
        np.testing.assert_array_equal(model.margins(X), expected)
        if classes:
            probabilities = other.predict(X).reshape(600, -1)[:, -(classes - 1) :]
            np.testing.assert_allclose(model.predict_proba(X)[:, -(classes - 1) :], probabilities, atol=1e-15)
    assert model.best_round == 40


@needs_lightgbm
@pytest.mark.parametrize("classes", [0, 2])
def test_zero_as_missing_equals_the_lightgbm_package(classes: int) -> None:
    import lightgbm as peer

    trainer = trainer_of(classes, n_estimators=30, zero_as_missing=True)
    given = task(classes)
    model = trainer.fit(given)
    other = peer.train(peer_parameters(trainer, **LINKS[classes]), peer.Dataset(given.X, given.y), 30)
    X = fresh()
    X[::4, 0] = 0.0
    X[1::4, 0] = 1e-36
    np.testing.assert_array_equal(model.margins(X)[:, 0], other.predict(X, raw_score=True))
    again = FittedLightGBM.from_state(*model.to_state())
    np.testing.assert_array_equal(again.margins(X), model.margins(X))
    contributions = other.predict(X, pred_contrib=True)
    np.testing.assert_allclose(model.contributions(X)[:, :, 0], contributions, atol=1e-11)


@needs_lightgbm
@pytest.mark.parametrize("classes", [0, 2, 3])
def test_early_stopping_keeps_the_best_round_as_the_lightgbm_package_finds_it(classes: int) -> None:
    import lightgbm as peer

    trainer = trainer_of(classes, learning_rate=0.3, early_stopping_rounds=8)
    weight = np.random.default_rng(3).uniform(0.5, 2.0, 600)
    given = task(classes, stop=True, weight=weight)
    model = trainer.fit(given)
    metric = {0: "l2", 2: "binary_logloss", 3: "multi_logloss"}[classes]
    train = peer.Dataset(given.X[given.rows], given.y[given.rows], weight=weight[given.rows])
    held = given.stop_rows
    valid = peer.Dataset(given.X[held], given.y[held], weight=weight[held], reference=train)
    seen: dict[str, Any] = {}
    other = peer.train(
        peer_parameters(trainer, metric=metric, **LINKS[classes]), train, 200,
        valid_sets=[train, valid], valid_names=["train", "valid"],
        callbacks=[peer.early_stopping(8, verbose=False), peer.record_evaluation(seen)],
    )  # fmt: skip
    assert model.best_round == other.best_iteration
    assert len(model.history["step"]) == len(seen["valid"][metric]) < 200
    np.testing.assert_allclose(model.history["val_loss"], seen["valid"][metric], rtol=1e-9)
    judged = np.isfinite(model.history["train_loss"])
    assert judged[:10].all()
    assert judged[-1]
    np.testing.assert_allclose(model.history["train_loss"][judged], np.array(seen["train"][metric])[judged], rtol=1e-9)
    best = other.predict(given.X, raw_score=True, num_iteration=other.best_iteration).reshape(600, -1)
    np.testing.assert_array_equal(model.margins(given.X), best)


REGRESSIONS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"objective": "regression_l1"}, {"objective": "regression_l1"}, "l1"),
    ({"objective": "huber", "alpha": 1.2}, {"objective": "huber", "alpha": 1.2}, "huber"),
    ({"objective": "quantile", "alpha": 0.2}, {"objective": "quantile", "alpha": 0.2}, "quantile"),
    ({"objective": "quantile"}, {"objective": "quantile", "alpha": 0.9}, "quantile"),
]


@needs_lightgbm
@pytest.mark.parametrize(("ours", "theirs", "metric"), REGRESSIONS)
def test_every_regression_objective_equals_the_lightgbm_package(ours: Any, theirs: Any, metric: str) -> None:
    import lightgbm as peer

    trainer = LightGBMTrainer(n_estimators=40, **ours)
    given = task(stop=True)
    model = trainer.fit(given)
    train = peer.Dataset(given.X[given.rows], given.y[given.rows])
    valid = peer.Dataset(given.X[given.stop_rows], given.y[given.stop_rows], reference=train)
    seen: dict[str, Any] = {}
    other = peer.train(
        peer_parameters(trainer, metric=metric, **theirs), train, 40, valid_sets=[valid], valid_names=["valid"],
        callbacks=[peer.early_stopping(20, verbose=False), peer.record_evaluation(seen)],
    )  # fmt: skip
    n = len(model.history["step"])
    np.testing.assert_allclose(model.history["val_loss"], seen["valid"][metric][:n], rtol=1e-6)
    assert model.best_round == other.best_iteration
    expected = other.predict(given.X, raw_score=True, num_iteration=model.best_round)
    np.testing.assert_array_equal(model.predict(given.X), expected)


@needs_lightgbm
def test_several_quantiles_are_the_single_ones_in_one_model_and_never_cross() -> None:
    levels = [0.1, 0.5, 0.9]
    given = task()
    model = LightGBMTrainer(n_estimators=30, objective="quantile", alpha=levels).fit(given)
    for k, level in enumerate(levels):
        one = LightGBMTrainer(n_estimators=30, objective="quantile", alpha=level).fit(given)
        np.testing.assert_array_equal(model.margins(given.X)[:, k], one.predict(given.X))
    assert (np.diff(model.predict(fresh()), axis=1) >= 0).all()
    more = LightGBMTrainer(n_estimators=5, objective="quantile", alpha=levels).fit(given, init_model=model)
    assert more.best_round == 35
    for k, level in enumerate(levels):
        one = LightGBMTrainer(n_estimators=30, objective="quantile", alpha=level).fit(given)
        one = LightGBMTrainer(n_estimators=5, objective="quantile", alpha=level).fit(given, init_model=one)
        np.testing.assert_array_equal(more.margins(given.X)[:, k], one.predict(given.X))


@needs_lightgbm
@pytest.mark.parametrize("classes", [0, 2, 3])
def test_continuing_equals_start_values_in_the_lightgbm_package(classes: int) -> None:
    import lightgbm as peer

    trainer = trainer_of(classes, n_estimators=12)
    given = task(classes, stop=True)
    first = trainer.fit(given)
    model = trainer.fit(given, init_model=first)
    assert len(first.history["step"]) == len(model.history["step"]) == 12
    rows = given.rows
    start = first.margins(given.X, rows)
    train = peer.Dataset(given.X[rows], given.y[rows], init_score=start if classes > 2 else start[:, 0])
    seed = {"seed": 42 + first.best_round}
    other = peer.train(peer_parameters(trainer, **LINKS[classes]) | seed, train, 12)
    kept = model.best_round - first.best_round
    added = other.predict(given.X, raw_score=True, num_iteration=kept).reshape(600, -1) if kept else 0.0
    np.testing.assert_allclose(model.margins(given.X), first.margins(given.X) + added, atol=1e-12)


@needs_lightgbm
@pytest.mark.parametrize("classes", [2, 3])
def test_an_own_objective_equals_the_same_objective_in_the_lightgbm_package(classes: int) -> None:
    import lightgbm as peer

    def own(y: Any, margin: Any) -> tuple[Any, Any]:
        if margin.ndim == 1:
            p = 1 / (1 + np.exp(-margin))
            return p - y, p * (1 - p)
        p = np.exp(margin - margin.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        return p - np.eye(margin.shape[1])[y.astype(int)], 2 * p * (1 - p)

    def theirs(margin: Any, data: Any) -> tuple[Any, Any]:
        gradient, curvature = own(data.get_label(), np.asarray(margin, dtype=np.float32).astype(np.float64))
        return gradient.astype(np.float32), curvature.astype(np.float32)

    # Without draws: lightgbm resets its parameters at the first own gradient and thereby draws once more.
    trainer = trainer_of(classes, n_estimators=20, subsample=1.0, colsample_bytree=1.0)
    given = task(classes)
    model = trainer.fit(given, objective=own)
    parameters = peer_parameters(trainer, **LINKS[classes]) | {"objective": theirs}
    other = peer.train(parameters, peer.Dataset(given.X, given.y), 20)
    np.testing.assert_array_equal(model.margins(given.X), other.predict(given.X, raw_score=True).reshape(600, -1))
    proba = model.predict_proba(given.X)
    loss = -np.log(proba[np.arange(600), given.y]).mean()
    assert model.history["train_loss"][-1] == pytest.approx(loss, rel=1e-9)


@needs_lightgbm
@pytest.mark.parametrize("classes", [0, 2, 3])
def test_contributions_and_importances_equal_those_of_the_lightgbm_package(classes: int) -> None:
    import lightgbm as peer

    X, score = problem()
    y = score if classes == 0 else classes_of(score, classes)
    trainer = trainer_of(classes, n_estimators=25)
    other = peer.train(peer_parameters(trainer, **LINKS[classes]), peer.Dataset(X, y), 25)
    cls: Any = LightGBMRegressor if classes == 0 else LightGBMClassifier
    model = cls(25, random_state=42, **({} if classes == 0 else {"class_weight": None})).fit(X, y)
    found = model.shap_values(fresh())
    expected = other.predict(fresh(), pred_contrib=True).reshape(600, -1, 7).transpose(0, 2, 1)
    np.testing.assert_allclose(found[:, :, 1:] if classes == 2 else found, expected, atol=1e-11)
    table = model.importances().set_index("feature")
    for j in range(6):
        assert table.loc[f"f{j}", "weight"] == other.feature_importance("split")[j]
        assert table.loc[f"f{j}", "total_gain"] == pytest.approx(other.feature_importance("gain")[j], rel=1e-5)


@needs_lightgbm
def test_other_metrics_choose_the_best_round() -> None:
    given = task(2, stop=True)
    model = LightGBMTrainer(eval_metric="balanced_accuracy").fit(given)
    assert model.history["val_metric"].argmax() == model.best_round - 1
    regression = LightGBMTrainer(objective="huber", eval_metric="mae", learning_rate=0.3).fit(task(stop=True))
    assert regression.history["val_metric"].argmin() == regression.best_round - 1
    stop = given.stop_rows
    error = np.abs(task().y[stop] - regression.predict(given.X, stop)).mean()
    assert regression.history["val_metric"].min() == pytest.approx(error, rel=1e-5)


@needs_lightgbm
def test_class_balance_is_row_weights_and_weight_zero_is_absence() -> None:
    X, score = problem()
    y = np.searchsorted(np.quantile(score, [0.7, 0.9]), score)
    counts = np.bincount(y)
    balanced = LightGBMClassifier(15, random_state=1).fit(X, y)
    by_row = LightGBMClassifier(15, class_weight=None, random_state=1)
    by_row.fit(X, y, sample_weight=(600 / (3 * counts))[y])
    np.testing.assert_array_equal(balanced.predict_proba(X), by_row.predict_proba(X))
    weight = np.ones(600)
    weight[::7] = 0
    first = LightGBMClassifier(15, class_weight=None, random_state=1).fit(X, y, sample_weight=weight)
    second = LightGBMClassifier(15, class_weight=None, random_state=1).fit(X[weight > 0], y[weight > 0])
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))


@needs_lightgbm
def test_the_same_seed_gives_the_same_model_and_files_bring_it_back(tmp_path: Path) -> None:
    X, score = problem()
    y = np.where(score > 0, "up", "down")
    model = LightGBMClassifier(20, random_state=3).fit(X, y)
    same = LightGBMClassifier(20, random_state=3, n_jobs=2).fit(X, y)
    assert model.predict_proba(X).tobytes() == same.predict_proba(X).tobytes()
    assert (
        model.predict_proba(X).tobytes() != LightGBMClassifier(20, random_state=4).fit(X, y).predict_proba(X).tobytes()
    )
    model.save(tmp_path / "m.smc")
    again = load_model(tmp_path / "m.smc")
    assert type(again) is LightGBMClassifier
    assert again.predict_proba(X).tobytes() == model.predict_proba(X).tobytes()
    regressor = LightGBMRegressor(5, objective="quantile", alpha=[0.2, 0.8]).fit(X, score)
    regressor.save(tmp_path / "r.smc")
    np.testing.assert_array_equal(load_model(tmp_path / "r.smc").predict(X), regressor.predict(X))


@needs_lightgbm
def test_a_flag_and_the_time_limit_leave_a_marked_model() -> None:
    model = trainer_of(2).fit(replace(task(2), stop=np.ones(1, dtype=np.uint8)))
    assert (model.complete, model.stop_reason, model.best_round) == (False, "cancelled", 0)
    np.testing.assert_array_equal(model.predict_proba(task().X), np.full((600, 2), 0.5))
    flag = np.zeros(1, dtype=np.uint8)

    def progress(done: int, total: int) -> None:
        flag[0] = done == 7

    model = trainer_of(0).fit(replace(task(), stop=flag, progress=progress))
    assert (model.complete, model.stop_reason, model.best_round) == (False, "cancelled", 7)
    limited = LightGBMRegressor(10**6, learning_rate=0.001).fit(*problem(), time_limit=0.2)
    assert (limited.complete_, limited.stop_reason_) == (False, "timeout")
    assert limited.best_round_ >= 1


@needs_lightgbm
def test_bad_input_is_named_and_nothing_to_split_is_no_error(capfd: pytest.CaptureFixture[str]) -> None:
    X, y = problem()
    with pytest.raises(OneClass):
        LightGBMTrainer().fit(replace(task(2), y=np.zeros(600, dtype=np.int32)))
    with pytest.raises(TooFewRows):
        LightGBMTrainer().fit(replace(task(2), rows=np.empty(0, dtype=np.int64)))
    infinite = X.copy()
    infinite[3, 2] = np.inf
    with pytest.raises(InputError, match="infinite"):
        LightGBMRegressor(2).fit(infinite, y)
    with pytest.raises(InputError):
        LightGBMRegressor(2).fit(X, np.where(np.arange(600) == 4, np.nan, y))
    for rows in (2, 3, 30):
        few = LightGBMRegressor(3).fit(X[:rows], y[:rows])
        np.testing.assert_allclose(few.predict(X), y[:rows].mean(), rtol=1e-5)
    constant = LightGBMRegressor(3).fit(np.ones((100, 2)), y[:100])
    assert constant.predict(np.zeros((2, 2))) == pytest.approx(y[:100].mean(), rel=1e-5)
    assert constant.shap_values(np.zeros((2, 2))).sum() == pytest.approx(2 * y[:100].mean(), rel=1e-5)
    classes = LightGBMClassifier(3).fit(np.ones((100, 2)), np.arange(100) % 3)
    np.testing.assert_allclose(classes.predict_proba(np.ones((1, 2))), 1 / 3, atol=1e-2)
    assert capfd.readouterr() == ("", "")


@needs_lightgbm
def test_a_tampered_state_is_refused() -> None:
    meta, arrays = trainer_of(0, n_estimators=3).fit(task()).to_state()
    FittedLightGBM.from_state(meta, arrays)
    for name, change in [
        ("value", lambda a: a.astype(np.float32)), ("threshold", lambda a: np.full_like(a, np.nan)),
        ("left", lambda a: a + 1), ("feature", lambda a: a + 6), ("cover", lambda a: -a), ("gain", lambda a: a[:-1]),
        ("base_margin", lambda a: np.concatenate([a, a])),
    ]:  # fmt: skip
        with pytest.raises(ArtifactError):
            FittedLightGBM.from_state(meta, arrays | {name: change(arrays[name])})
    for name in meta:
        with pytest.raises(ArtifactError):
            FittedLightGBM.from_state({k: v for k, v in meta.items() if k != name}, arrays)
    with pytest.raises(ArtifactError):
        FittedLightGBM.from_state(meta | {"quantiles": [0.5, 0.2]}, arrays)


def test_settings_are_checked_together_without_the_library() -> None:
    with pytest.raises(InputError) as caught:
        LightGBMTrainer(num_leaves=1, subsample=1.5, reg_lambda=-1.0, max_bin=1)
    for words in ("num_leaves must lie in 2", "subsample must be above 0", "reg_lambda must be", "max_bin must lie"):
        assert words in str(caught.value)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"num_leaves": 4.0}, "num_leaves must be an integer"),
        ({"objective": "poisson"}, "objective must be one of"),
        ({"alpha": 0.5}, "alpha belongs to objective"),
        ({"objective": "huber", "alpha": [0.1, 0.2]}, "alpha must be one number"),
        ({"objective": "quantile", "alpha": [0.9, 0.1]}, "quantiles must ascend"),
        ({"eval_metric": "roc"}, "eval_metric must be one of 'log_loss'"),
        ({"max_depth": 0}, "max_depth must lie in 1..60 or be -1"),
    ]
    for settings, words in cases:
        with pytest.raises(InputError, match=words):
            LightGBMTrainer(**settings)


def test_a_missing_library_is_named_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install = r'pip install "smctrain\[lightgbm\]"'
    monkeypatch.setenv("SMCTRAIN_LIGHTGBM_LIBRARY", str(tmp_path / "lib_lightgbm.so"))
    with pytest.raises(MissingDependency, match=f"does not exist: {install}"):
        trainer_of(0).fit(task())
    monkeypatch.setenv("SMCTRAIN_LIGHTGBM_LIBRARY", str(Path(_load.core().__file__).resolve()))
    with pytest.raises(MissingDependency, match="it lacks LGBM_GetLastError"):
        trainer_of(0).fit(task())
    monkeypatch.delenv("SMCTRAIN_LIGHTGBM_LIBRARY")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match=install):
        trainer_of(0).fit(task())
