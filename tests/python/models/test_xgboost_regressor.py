"""Boosted regression, quantiles, own objectives, continuing and metrics: against the xgboost package."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from smctrain.exceptions import InputError, TooFewRows
from smctrain.models import XGBoostClassifier, XGBoostRegressor, load_model
from smctrain.models.base import FitTask
from smctrain.models.xgboost import FittedXGBoost, XGBoostTrainer


def problem(n: int = 600, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 6)).astype(np.float32)
    y = 2 * X[:, 0] + X[:, 1] * X[:, 2] + rng.standard_t(4, size=n) * (1 + 0.5 * np.abs(X[:, 3]))
    X[rng.random(X.shape) < 0.08] = np.nan
    return X, y


def task(stop: bool = False, **changes: Any) -> FitTask:
    X, y = problem()
    rows = np.arange(0, 400 if stop else 600, dtype=np.int64)
    stop_rows = np.arange(420, 600, dtype=np.int64) if stop else np.empty(0, dtype=np.int64)
    return replace(FitTask(X=X, y=y, rows=rows, stop_rows=stop_rows, n_classes=0), **changes)


def peer_parameters(trainer: XGBoostTrainer, **more: Any) -> dict[str, Any]:
    names = ("max_depth", "max_leaves", "grow_policy", "learning_rate", "subsample", "colsample_bytree",
             "colsample_bynode", "min_child_weight", "gamma", "reg_alpha", "reg_lambda", "max_bin")  # fmt: skip
    return {
        "tree_method": "hist", "nthread": 1, "seed": 42, "verbosity": 0,
        **{n: getattr(trainer, n) for n in names}, **more,
    }  # fmt: skip


OBJECTIVES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"objective": "reg:squarederror"}, {"objective": "reg:squarederror", "eval_metric": "rmse"}),
    ({"objective": "reg:absoluteerror"}, {"objective": "reg:absoluteerror", "eval_metric": "mae"}),
    (
        {"objective": "reg:pseudohubererror", "huber_slope": 0.7},
        {"objective": "reg:pseudohubererror", "huber_slope": 0.7, "eval_metric": "mphe"},
    ),
    (
        {"objective": "reg:quantileerror", "quantile_alpha": 0.2},
        {"objective": "reg:quantileerror", "quantile_alpha": 0.2, "eval_metric": "quantile"},
    ),
    (
        {"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.5, 0.9]},
        {"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.5, 0.9], "eval_metric": "quantile"},
    ),
]


@pytest.mark.parametrize(("ours", "theirs"), OBJECTIVES)
def test_every_objective_equals_the_xgboost_package_bit_for_bit(ours: Any, theirs: Any) -> None:
    import xgboost as peer

    trainer = XGBoostTrainer(n_estimators=60, max_leaves=12, gamma=0.01, colsample_bynode=0.8, **ours)
    weight = np.random.default_rng(3).uniform(0.5, 2.0, 600)
    given = task(stop=True, weight=weight)
    model = trainer.fit(given)
    rows, stop_rows = given.rows, given.stop_rows
    train = peer.DMatrix(given.X[rows], label=given.y[rows], weight=weight[rows])
    valid = peer.DMatrix(given.X[stop_rows], label=given.y[stop_rows], weight=weight[stop_rows])
    seen: dict[str, Any] = {}
    other = peer.train(
        peer_parameters(trainer, **theirs), train, 60, evals=[(train, "train"), (valid, "valid")],
        evals_result=seen, verbose_eval=False,
        callbacks=[peer.callback.EarlyStopping(rounds=20, data_name="valid")],
    )  # fmt: skip
    assert model.best_round == other.best_iteration + 1
    losses = np.asarray(next(iter(seen["valid"].values())))[: len(model.history["step"])]
    if theirs["eval_metric"] == "rmse":
        losses = losses**2
    np.testing.assert_allclose(model.history["val_loss"], losses, rtol=1e-12)
    np.testing.assert_array_equal(model.history["val_metric"], model.history["val_loss"])
    best = other.predict(peer.DMatrix(given.X), output_margin=True, iteration_range=(0, model.best_round))
    np.testing.assert_array_equal(model.margins(given.X), best.reshape(600, -1))
    assert np.isnan(model.history["val_accuracy"]).all()


@pytest.mark.parametrize("min_delta", [0.0, 0.002, 0.05])
def test_min_delta_stops_where_the_xgboost_package_stops(min_delta: float) -> None:
    import xgboost as peer

    trainer = XGBoostTrainer(objective="reg:absoluteerror", early_stopping_rounds=5, min_delta=min_delta)
    given = task(stop=True)
    model = trainer.fit(given)
    train = peer.DMatrix(given.X[given.rows], label=given.y[given.rows])
    valid = peer.DMatrix(given.X[given.stop_rows], label=given.y[given.stop_rows])
    other = peer.train(
        peer_parameters(trainer, objective="reg:absoluteerror", eval_metric="mae"), train, 200,
        evals=[(valid, "valid")], verbose_eval=False,
        callbacks=[peer.callback.EarlyStopping(rounds=5, min_delta=min_delta)],
    )  # fmt: skip
    assert model.best_round == other.best_iteration + 1
    assert len(model.history["step"]) == other.num_boosted_rounds()


def slow_metric(name: str, y: Any, prediction: Any, weight: Any) -> float:
    """The metrics by their definition."""
    if name == "mse":
        return float(np.average((y - prediction) ** 2, weights=weight))
    if name == "mae":
        return float(np.average(np.abs(y - prediction), weights=weight))
    hit = prediction == y
    return float(np.mean([np.average(hit[y == c], weights=weight[y == c]) for c in np.unique(y)]))


@pytest.mark.parametrize("metric", ["mse", "mae"])
def test_another_metric_than_the_loss_chooses_the_best_round(metric: str) -> None:
    weight = np.random.default_rng(4).uniform(0.5, 2.0, 600)
    given = task(stop=True, weight=weight)
    trainer = XGBoostTrainer(objective="reg:pseudohubererror", eval_metric=metric, learning_rate=0.3)
    model = trainer.fit(given)
    stop = given.stop_rows
    for rounds in (1, 2, model.best_round):
        shorter = replace(trainer, n_estimators=rounds, early_stopping_rounds=None).fit(given)
        expected = slow_metric(metric, given.y[stop], shorter.predict(given.X, stop), weight[stop])
        assert model.history["val_metric"][rounds - 1] == pytest.approx(expected, rel=1e-5)
    assert model.history["val_metric"].argmin() == model.best_round - 1


@pytest.mark.parametrize("classes", [2, 3])
def test_balanced_accuracy_chooses_the_best_round(classes: int) -> None:
    X, score = problem()
    y = np.searchsorted(np.quantile(score, [0.8, 0.9][: classes - 1]), score).astype(np.int32)
    given = task(stop=True, y=y, n_classes=classes)
    trainer = XGBoostTrainer(eval_metric="balanced_accuracy", learning_rate=0.3)
    model = trainer.fit(given)
    stop = given.stop_rows
    weight = np.ones(600)
    shorter = replace(trainer, n_estimators=model.best_round, early_stopping_rounds=None).fit(given)
    expected = slow_metric("balanced", y[stop], shorter.predict_proba(X, stop).argmax(axis=1), weight[stop])
    assert model.history["val_metric"][model.best_round - 1] == pytest.approx(expected, abs=1e-12)
    assert model.history["val_metric"].argmax() == model.best_round - 1


def test_accuracy_chooses_the_best_round() -> None:
    _, score = problem()
    model = XGBoostTrainer(eval_metric="accuracy", class_weight=None).fit(
        task(stop=True, y=(score > 0).astype(np.int32), n_classes=2)
    )
    np.testing.assert_array_equal(model.history["val_metric"], model.history["val_accuracy"])
    assert model.history["val_accuracy"].argmax() == model.best_round - 1


def logistic(y: Any, margin: Any) -> tuple[Any, Any]:
    p = 1 / (1 + np.exp(-margin))
    return p - y, np.maximum(p * (1 - p), 1e-16)


def softmax(y: Any, margin: Any) -> tuple[Any, Any]:
    p = np.exp(margin - margin.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return p - np.eye(margin.shape[1])[y.astype(int)], np.maximum(2 * p * (1 - p), 1e-16)


@pytest.mark.parametrize("classes", [2, 4])
def test_an_own_objective_equals_the_same_objective_in_the_xgboost_package(classes: int) -> None:
    import xgboost as peer

    X, score = problem()
    y = np.searchsorted(np.quantile(score, np.arange(1, classes) / classes), score).astype(np.int32)
    weight = np.random.default_rng(5).uniform(0.5, 2.0, 600).astype(np.float32)
    own = logistic if classes == 2 else softmax
    trainer = XGBoostTrainer(n_estimators=20, class_weight=None)
    model = trainer.fit(task(y=y, n_classes=classes, weight=weight.astype(np.float64)), objective=own)
    data = peer.DMatrix(X, label=y, weight=weight)

    def weighted(margin: Any, given: Any) -> tuple[Any, Any]:
        gradient, curvature = own(given.get_label().astype(np.float64), margin.astype(np.float64))
        shape = (600, 1) if classes == 2 else (600, classes)
        w = weight.reshape(-1, 1)
        return (
            gradient.astype(np.float32).reshape(shape) * w,
            curvature.astype(np.float32).reshape(shape) * w,
        )

    link = {"objective": "binary:logistic"} if classes == 2 else {"objective": "multi:softprob", "num_class": classes}
    other = peer.train(peer_parameters(trainer, **link), data, 20, obj=weighted)
    np.testing.assert_array_equal(model.margins(X), other.predict(data, output_margin=True).reshape(600, -1))
    # The loss's own gradient given as an objective learns what the loss learns.
    plain = trainer.fit(task(y=y, n_classes=classes, weight=weight.astype(np.float64)))
    assert model.history["train_loss"][-1] == pytest.approx(plain.history["train_loss"][-1], rel=0.05)


def test_a_wrong_answer_of_an_objective_is_named() -> None:
    X, y = problem()
    wrong: list[tuple[Any, str]] = [
        (lambda y, m: m - y, r"must return \(gradient, curvature\)"),
        (lambda y, m: (m[:3], m), "gradient of the objective must have the shape"),
        (lambda y, m: (m * np.nan, m), "must return finite values.*training row 0"),
        (lambda y, m: (["a"] * len(y), m), "must hold numbers"),
    ]
    for objective, words in wrong:
        with pytest.raises(InputError, match=words):
            XGBoostRegressor(3, objective=objective).fit(X, y)

    def broken(y: Any, margin: Any) -> tuple[Any, Any]:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        XGBoostRegressor(3, objective=broken).fit(X, y)
    with pytest.raises(InputError, match="objective must be a callable or None"):
        XGBoostClassifier(3, objective="binary:hinge").fit(X, y > 0)  # type: ignore[arg-type]


def test_a_regressor_takes_a_callable_and_learns_with_it() -> None:
    X, y = problem()
    model = XGBoostRegressor(100, objective=lambda y, m: (m - y, np.ones_like(y)), random_state=0).fit(X, y)
    same = XGBoostRegressor(100, random_state=0).fit(X, y)
    assert model.score(X, y) == pytest.approx(same.score(X, y), abs=0.02)
    assert model.history_["train_loss"].iloc[-1] == pytest.approx(np.mean((model.predict(X) - y) ** 2), rel=1e-5)


LINKS: dict[int, dict[str, Any]] = {
    0: {"objective": "reg:squarederror"},
    2: {"objective": "binary:logistic"},
    3: {"objective": "multi:softprob", "num_class": 3},
}


@pytest.mark.parametrize("classes", [0, 2, 3])
@pytest.mark.parametrize("sampled", [False, True])
def test_continuing_a_model_equals_continuing_it_in_the_xgboost_package(classes: int, sampled: bool) -> None:
    import xgboost as peer

    X, score = problem()
    y = score if classes == 0 else np.searchsorted(np.quantile(score, np.arange(1, classes) / classes), score)
    y = y if classes == 0 else y.astype(np.int32)
    share = 0.7 if sampled else 1.0
    trainer = XGBoostTrainer(
        n_estimators=12, subsample=share, colsample_bytree=share, class_weight=None,
        objective="reg:squarederror" if classes == 0 else None,
    )  # fmt: skip
    given = task(y=y, n_classes=classes)
    first = trainer.fit(given)
    model = trainer.fit(given, init_model=first)
    assert (first.best_round, model.best_round) == (12, 24)
    data = peer.DMatrix(X, label=y)
    other = peer.train(peer_parameters(trainer, **LINKS[classes]), data, 12)
    if sampled:  # new draws: the seed of the rounds so far
        start = other.predict(data, output_margin=True)
        data = peer.DMatrix(X, label=y, base_margin=start)
        other = peer.train({**peer_parameters(trainer, **LINKS[classes]), "seed": 54}, data, 12)
    else:
        other = peer.train(peer_parameters(trainer, **LINKS[classes]), data, 12, xgb_model=other)
    margins = other.predict(data, output_margin=True).reshape(600, -1)
    if sampled:  # a margin plus a sum is rounded in another place than a sum that starts with the margin
        np.testing.assert_allclose(model.margins(X), margins, atol=2e-6)
    else:
        np.testing.assert_array_equal(model.margins(X), margins)


def test_continuing_keeps_the_old_rounds_when_no_new_one_helps_and_refuses_strangers() -> None:
    X, y = problem()
    first = XGBoostRegressor(10, random_state=0).fit(X[:400], y[:400])
    stop = np.ones(1, dtype=np.uint8)
    none = XGBoostTrainer(objective="reg:squarederror").fit(
        task(stop_rows=np.empty(0, np.int64), **{"stop": None}), init_model=first.fitted_
    )
    assert none.best_round == 210
    halted = XGBoostTrainer(objective="reg:squarederror").fit(replace(task(), stop=stop), init_model=first.fitted_)
    assert halted.best_round == 10
    np.testing.assert_array_equal(halted.predict(X), first.predict(X))
    more = XGBoostRegressor(5, random_state=0).fit(X[:400], y[:400], init_model=first)
    assert more.best_round_ == 15
    with pytest.raises(InputError, match="must be a fitted XGBoostRegressor, but is a XGBoostClassifier"):
        XGBoostRegressor(5).fit(X, y, init_model=XGBoostClassifier(5).fit(X, y > 0))
    with pytest.raises(InputError, match="init_model must be a model of 5 columns"):
        XGBoostRegressor(5).fit(X[:, :5], y, init_model=first)
    with pytest.raises(InputError, match=r"must predict the quantiles \[0\.5\]"):
        XGBoostRegressor(5, objective="reg:quantileerror", quantile_alpha=0.5).fit(X, y, init_model=first)
    frame = pd.DataFrame(X, columns=list("abcdef"))
    named = XGBoostRegressor(5).fit(frame, y)
    with pytest.raises(InputError, match="same columns in the same order"):
        XGBoostRegressor(5).fit(frame[list("bacdef")], y, init_model=named)
    classes = XGBoostClassifier(5).fit(X, y > 0)
    with pytest.raises(InputError, match="y must hold the classes of init_model"):
        XGBoostClassifier(5).fit(X, np.where(y > 0, "up", "down"), init_model=classes)


def test_quantiles_never_cross_and_cover_what_they_promise() -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(3000, 3))
    y = X[:, 0] + rng.normal(size=3000) * np.exp(0.3 * X[:, 1])
    levels = [0.05, 0.25, 0.5, 0.75, 0.95]
    model = XGBoostRegressor(80, objective="reg:quantileerror", quantile_alpha=levels, max_depth=3, random_state=0).fit(
        X[:2000], y[:2000]
    )
    predicted = model.predict(X[2000:])
    assert predicted.shape == (1000, 5)
    assert (np.diff(predicted, axis=1) >= 0).all()
    np.testing.assert_array_equal(predicted, np.sort(model.fitted_.margins(X[2000:].astype(np.float32)), axis=1))
    assert 0.0 <= model.crossing_share(X[2000:]) < 0.2
    for level, share in model.coverage(X[2000:], y[2000:]).items():
        assert share == pytest.approx(level, abs=0.05)
    assert model.score(X[2000:], y[2000:]) > 0.1
    one = XGBoostRegressor(80, objective="reg:quantileerror", quantile_alpha=0.25, random_state=0).fit(X, y)
    assert one.predict(X).shape == (3000,)
    assert one.crossing_share(X) == 0.0
    with pytest.raises(InputError, match="not fitted for quantiles"):
        XGBoostRegressor(3).fit(X, y).coverage(X, y)


def test_sorting_quantiles_never_makes_the_pinball_loss_worse() -> None:
    from smctrain.models.boosting import pinball_loss

    X, y = problem(300)
    levels = (0.4, 0.45, 0.5, 0.55, 0.6)
    model = XGBoostRegressor(
        100, objective="reg:quantileerror", quantile_alpha=levels, max_depth=6, min_child_weight=1, random_state=0
    ).fit(X, y)
    fresh, target = problem(500, seed=9)
    raw = model.fitted_.margins(fresh)
    assert model.crossing_share(fresh) > 0.1
    assert pinball_loss(target, model.predict(fresh), levels).sum() <= pinball_loss(target, raw, levels).sum()


def test_weights_of_zero_are_absent_and_the_fit_is_repeatable(tmp_path: Any) -> None:
    X, y = problem()
    weight = np.ones(600)
    weight[::5] = 0
    y_absent = y.copy()
    first = XGBoostRegressor(20, random_state=1).fit(X, y_absent, sample_weight=weight)
    second = XGBoostRegressor(20, random_state=1, n_jobs=2).fit(X[weight > 0], y[weight > 0])
    np.testing.assert_array_equal(first.predict(X), second.predict(X))
    first.save(tmp_path / "r.smc")
    again = load_model(tmp_path / "r.smc")
    assert type(again) is XGBoostRegressor
    np.testing.assert_array_equal(again.predict(X), first.predict(X))
    quantiles = XGBoostRegressor(4, objective="reg:quantileerror", quantile_alpha=[0.1, 0.9]).fit(X, y)
    quantiles.save(tmp_path / "q.smc")
    np.testing.assert_array_equal(load_model(tmp_path / "q.smc").predict(X), quantiles.predict(X))


def test_bad_targets_are_named() -> None:
    X, y = problem()
    for bad in (np.nan, np.inf, 1e300):
        wrong = y.copy()
        wrong[7] = bad
        with pytest.raises(InputError):
            XGBoostRegressor(2).fit(X, wrong)
    with pytest.raises(InputError, match="y must hold numbers"):
        XGBoostRegressor(2).fit(X, np.array(["a"] * 600))
    with pytest.raises(InputError):
        XGBoostRegressor(2).fit(X, np.column_stack([y, y]))
    with pytest.raises(TooFewRows):
        XGBoostRegressor(2).fit(X, y, sample_weight=np.zeros(600))
    assert XGBoostRegressor(2).fit(X, np.full(600, 3.0)).predict(X) == pytest.approx(3.0)
    with pytest.raises(TooFewRows, match="n_samples=1"):
        XGBoostRegressor(2).fit(X[:1], y[:1])


def test_settings_that_do_not_fit_together_are_refused() -> None:
    X, y = problem()
    cases: list[tuple[dict[str, Any], str]] = [
        ({"objective": "reg:tweedie"}, "objective must be one of"),
        ({"objective": "reg:quantileerror"}, "quantile_alpha must be given"),
        ({"quantile_alpha": 0.5}, "quantile_alpha must be given"),
        ({"objective": "reg:quantileerror", "quantile_alpha": [0.9, 0.1]}, "quantiles must ascend"),
        ({"objective": "reg:quantileerror", "quantile_alpha": 1.0}, "between 0 and 1"),
        ({"objective": "reg:quantileerror", "quantile_alpha": "half"}, "must be a number or a list"),
        ({"eval_metric": "accuracy"}, "eval_metric must be one of 'mse', 'rmse'"),
        ({"eval_metric": "pinball"}, "eval_metric must be one of 'mse', 'rmse'"),
        ({"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.9], "eval_metric": "mse"}, "several quantiles"),
        ({"min_delta": -1.0}, "min_delta must be at least 0"),
        ({"huber_slope": 0.0}, "slope of Huber's loss must be above 0"),
        ({"gamma": -1.0}, "gamma must be at least 0"),
        ({"max_leaves": 1}, "max_leaves must be at least 2"),
        ({"grow_policy": "wild"}, "grow_policy must be"),
    ]
    for settings, words in cases:
        with pytest.raises(InputError, match=words):
            XGBoostRegressor(2, **settings).fit(X, y)
    with pytest.raises(InputError, match="eval_metric must be one of 'log_loss'"):
        XGBoostClassifier(2, eval_metric="mse").fit(X, y > 0)


def test_ctrl_c_a_flag_and_the_time_limit_leave_a_marked_model() -> None:
    X, y = problem()
    model = XGBoostRegressor(10**6, learning_rate=0.001).fit(X, y, time_limit=0.2)
    assert (model.complete_, model.stop_reason_) == (False, "timeout")
    assert model.best_round_ >= 1
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize("classes", [0, 2, 3])
def test_contributions_equal_those_of_the_xgboost_package_and_add_up(classes: int) -> None:
    import xgboost as peer

    X, score = problem(200)
    y = score if classes == 0 else np.searchsorted(np.quantile(score, np.arange(1, classes) / classes), score)
    link = LINKS[classes]
    trainer = XGBoostTrainer(n_estimators=30, class_weight=None, objective="reg:squarederror" if classes == 0 else None)
    data = peer.DMatrix(X, label=y)
    other = peer.train(peer_parameters(trainer, **link), data, 30)
    expected = other.predict(data, pred_contribs=True).reshape(200, -1, 7).transpose(0, 2, 1)
    cls: Any = XGBoostRegressor if classes == 0 else XGBoostClassifier
    settings = {} if classes == 0 else {"class_weight": None}
    model = cls(30, random_state=42, **settings).fit(X, y)
    found = model.shap_values(X)
    assert found.shape == (200, 7, {0: 1, 2: 2, 3: 3}[classes])
    ours = found[:, :, 1:] if classes == 2 else found
    np.testing.assert_allclose(ours, expected, atol=2e-5)  # XGBoost sums in float32
    np.testing.assert_allclose(ours.sum(axis=1), model.fitted_.margins(X), atol=1e-5)
    if classes == 2:
        np.testing.assert_array_equal(found[:, :, 0], -found[:, :, 1])


def test_importances_are_one_table_and_equal_those_of_the_xgboost_package() -> None:
    import xgboost as peer

    X, y = problem()
    frame = pd.DataFrame(X, columns=list("abcdef"))
    model = XGBoostRegressor(30, random_state=42).fit(frame, y)
    table = model.importances().set_index("feature")
    assert list(table.columns) == ["weight", "gain", "cover", "total_gain", "total_cover"]
    assert table["total_gain"].is_monotonic_decreasing
    trainer = XGBoostTrainer(n_estimators=30, objective="reg:squarederror")
    other = peer.train(peer_parameters(trainer, objective="reg:squarederror"), peer.DMatrix(frame, label=y), 30)
    for kind in table.columns:
        expected = other.get_score(importance_type=kind)
        np.testing.assert_allclose(table.loc[list(expected), kind], list(expected.values()), rtol=1e-5)
    np.testing.assert_allclose(
        table["total_gain"].loc[list("abcdef")] / table["total_gain"].sum(), model.feature_importances_, rtol=1e-12
    )


FIRST = ("gain", "cover", "history_val_metric")  # not in models of the first version


def test_a_model_stored_without_covers_predicts_but_says_that_it_cannot_explain() -> None:
    meta, arrays = XGBoostTrainer(n_estimators=3, objective="reg:squarederror").fit(task()).to_state()
    old = FittedXGBoost.from_state(meta, {name: a for name, a in arrays.items() if name not in FIRST})
    assert np.isfinite(old.predict(task().X)).all()
    with pytest.raises(InputError, match="fit it again"):
        old.contributions(task().X)
    with pytest.raises(InputError, match="fit it again"):
        old.importances()
