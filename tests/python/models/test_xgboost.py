"""XGBoost through its C library: against the xgboost package, and what happens when things go wrong."""

from __future__ import annotations

import threading
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
    OneClass,
    TooFewColumns,
    TooFewRows,
)
from smctrain.models.base import FitTask
from smctrain.models.xgboost import FittedXGBoost, XGBoostTrainer

PLAIN = {"subsample": 1.0, "colsample_bytree": 1.0, "class_weight": None}


def problem(n: int = 600, d: int = 6, classes: int = 3, seed: int = 0, noise: float = 1.0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)).astype(np.float32)
    score = X[:, 0] + 0.5 * X[:, 1] * X[:, 2] + noise * rng.normal(size=n)
    y = np.searchsorted(np.quantile(score, np.arange(1, classes) / classes), score).astype(np.int32)
    X[rng.random(X.shape) < 0.08] = np.nan
    return X, y


def task(classes: int = 3, stop: bool = False, **changes: Any) -> FitTask:
    X, y = problem(classes=classes)
    rows = np.arange(0, 400 if stop else 600, dtype=np.int64)
    stop_rows = np.arange(420, 600, dtype=np.int64) if stop else np.empty(0, dtype=np.int64)
    return replace(FitTask(X=X, y=y, rows=rows, stop_rows=stop_rows, n_classes=classes), **changes)


def peer_parameters(trainer: XGBoostTrainer, classes: int, seed: int = 42) -> dict[str, Any]:
    names = ("max_depth", "learning_rate", "subsample", "colsample_bytree", "min_child_weight", "reg_alpha",
             "reg_lambda", "max_bin")  # fmt: skip
    objective = (
        {"objective": "binary:logistic", "eval_metric": ["logloss", "error"]}
        if classes == 2
        else {"objective": "multi:softprob", "num_class": classes, "eval_metric": ["mlogloss", "merror"]}
    )
    return objective | {
        "tree_method": "hist", "nthread": 1, "seed": seed, "verbosity": 0,
        **{n: getattr(trainer, n) for n in names},
    }  # fmt: skip


def balanced(y: Any) -> Any:
    counts = np.bincount(y)
    return (len(y) / ((counts > 0).sum() * counts))[y]


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_margins_and_probabilities_equal_those_of_the_xgboost_package(classes: int) -> None:
    import xgboost as peer

    trainer = XGBoostTrainer(n_estimators=40)
    given = task(classes=classes)
    model = trainer.fit(given)
    data = peer.DMatrix(given.X, label=given.y, weight=balanced(given.y))
    other = peer.train(peer_parameters(trainer, classes), data, 40)
    margins = other.predict(data, output_margin=True).reshape(len(given.X), -1)
    np.testing.assert_array_equal(model.margins(given.X), margins)
    probabilities = other.predict(data)
    if classes == 2:
        probabilities = np.column_stack([1 - probabilities, probabilities])
    np.testing.assert_allclose(model.predict_proba(given.X), probabilities, rtol=0, atol=1e-6)
    np.testing.assert_allclose(model.predict_proba(given.X).sum(axis=1), 1.0, rtol=0, atol=1e-15)
    assert model.best_round == 40
    assert model.complete
    assert model.stop_reason == ""


@pytest.mark.parametrize("classes", [2, 3])
def test_early_stopping_keeps_the_best_round_as_the_xgboost_package_finds_it(classes: int) -> None:
    import xgboost as peer

    trainer = XGBoostTrainer(learning_rate=0.3)
    given = task(classes=classes, stop=True)
    model = trainer.fit(given)
    rows, stop_rows = given.rows, given.stop_rows
    weight = balanced(given.y[rows])
    of_class = {int(c): weight[given.y[rows] == c][0] for c in np.unique(given.y[rows])}
    train = peer.DMatrix(given.X[rows], label=given.y[rows], weight=weight)
    valid = peer.DMatrix(given.X[stop_rows], label=given.y[stop_rows], weight=[of_class[c] for c in given.y[stop_rows]])
    seen: dict[str, Any] = {}
    loss = "logloss" if classes == 2 else "mlogloss"
    other = peer.train(
        peer_parameters(trainer, classes), train, 200, evals=[(train, "train"), (valid, "valid")],
        evals_result=seen, verbose_eval=False,
        callbacks=[peer.callback.EarlyStopping(rounds=20, metric_name=loss, data_name="valid")],
    )  # fmt: skip
    assert model.best_round == other.best_iteration + 1
    assert model.best_round < len(model.history["step"]) < 200
    n = len(model.history["step"])
    np.testing.assert_allclose(model.history["val_loss"], seen["valid"][loss][:n], rtol=1e-12)
    judged = [k for k in range(n) if k < 10 or k % 10 == 9 or k == n - 1]
    assert np.flatnonzero(np.isfinite(model.history["train_loss"])).tolist() == judged
    np.testing.assert_allclose(model.history["train_loss"][judged], np.array(seen["train"][loss])[judged], rtol=1e-12)
    error = "error" if classes == 2 else "merror"
    np.testing.assert_allclose(model.history["val_accuracy"], 1 - np.array(seen["valid"][error][:n]), rtol=1e-12)
    assert model.history["val_loss"].argmin() == model.best_round - 1
    best = other.predict(peer.DMatrix(given.X), output_margin=True, iteration_range=(0, model.best_round))
    np.testing.assert_array_equal(model.margins(given.X), best.reshape(len(given.X), -1))


def test_importances_are_the_total_gain_of_the_kept_rounds() -> None:
    import xgboost as peer

    trainer = XGBoostTrainer(learning_rate=0.3)
    given = task(stop=True)
    model = trainer.fit(given)
    rows = given.rows
    train = peer.DMatrix(given.X[rows], label=given.y[rows], weight=balanced(given.y[rows]))
    other = peer.train(peer_parameters(trainer, 3), train, model.best_round)
    score = other.get_score(importance_type="total_gain")
    expected = np.array([score.get(f"f{j}", 0.0) for j in range(6)])
    np.testing.assert_allclose(model.feature_importances(), expected / expected.sum(), rtol=1e-6)
    assert model.feature_importances().sum() == pytest.approx(1.0, abs=1e-12)


def test_only_the_rows_of_the_task_are_learned_from() -> None:
    given = task(stop=True)
    changed_X, changed_y = given.X.copy(), given.y.copy()
    changed_X[400:420] = np.inf
    changed_y[400:420] = -1
    first = XGBoostTrainer(n_estimators=10).fit(given)
    second = XGBoostTrainer(n_estimators=10).fit(replace(given, X=changed_X, y=changed_y))
    np.testing.assert_array_equal(first.margins(given.X), second.margins(given.X))


def test_a_row_of_weight_zero_is_absent_and_class_balance_multiplies_the_weights() -> None:
    import xgboost as peer

    trainer = XGBoostTrainer(n_estimators=15)
    weight = np.random.default_rng(3).uniform(0.5, 2.0, 600)
    weight[::7] = 0.0
    given = task(weight=weight)
    model = trainer.fit(given)
    kept = given.rows[weight > 0]
    without = trainer.fit(replace(given, rows=kept))
    np.testing.assert_array_equal(model.margins(given.X), without.margins(given.X))
    data = peer.DMatrix(given.X[kept], label=given.y[kept], weight=balanced(given.y[kept]) * weight[kept])
    other = peer.train(peer_parameters(trainer, 3), data, 15)
    np.testing.assert_array_equal(
        model.margins(given.X), other.predict(peer.DMatrix(given.X), output_margin=True).reshape(600, 3)
    )


def test_a_class_missing_in_the_fold_keeps_its_column() -> None:
    given = task()
    rows = given.rows[given.y != 1]
    probabilities = XGBoostTrainer(n_estimators=30).fit(replace(given, rows=rows)).predict_proba(given.X)
    assert probabilities.shape == (600, 3)
    assert probabilities[:, 1].mean() < 0.1


def test_the_same_seed_gives_the_same_model_and_another_seed_another_one() -> None:
    given = task(stop=True)
    trainer = XGBoostTrainer(n_estimators=20)
    first = state_bytes(trainer.fit(given))
    assert state_bytes(trainer.fit(given)) == first
    assert state_bytes(trainer.fit(replace(given, threads=2))) == first
    assert state_bytes(trainer.fit(replace(given, seed=7))) != first


def state_bytes(model: FittedXGBoost) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in model.to_state()[1].items()}


def test_four_fits_side_by_side_equal_the_same_fits_one_after_another() -> None:
    trainer = XGBoostTrainer(n_estimators=25)
    tasks = [task(classes=2 + k % 2, stop=True, seed=k) for k in range(4)]
    serial = [state_bytes(trainer.fit(given)) for given in tasks]
    found: dict[int, dict[str, bytes]] = {}

    def work(k: int) -> None:
        found[k] = state_bytes(trainer.fit(tasks[k]))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[k] for k in range(4)] == serial


def test_prediction_of_some_rows_equals_those_rows_of_all() -> None:
    given = task()
    model = XGBoostTrainer(n_estimators=10).fit(given)
    rows = np.array([5, 599, 0, 5], dtype=np.int64)
    np.testing.assert_array_equal(model.predict_proba(given.X, rows), model.predict_proba(given.X)[rows])
    assert model.predict_proba(given.X, np.empty(0, dtype=np.int64)).shape == (0, 3)


def test_without_early_stopping_all_rounds_are_kept_and_the_stop_rows_only_watched() -> None:
    given = task(stop=True)
    model = XGBoostTrainer(n_estimators=30, learning_rate=0.05, early_stopping_rounds=None).fit(given)
    assert model.best_round == 30
    assert np.isfinite(model.history["val_loss"]).all()
    blind = XGBoostTrainer(n_estimators=30, learning_rate=0.05).fit(replace(given, stop_rows=given.stop_rows[:0]))
    assert blind.best_round == 30
    assert np.isnan(blind.history["val_loss"]).all()
    np.testing.assert_array_equal(blind.margins(given.X), model.margins(given.X))


def test_severe_overfitting_is_reported_with_its_round() -> None:
    rng = np.random.default_rng(5)
    X = rng.normal(size=(160, 20)).astype(np.float32)
    y = rng.integers(0, 2, 160).astype(np.int32)
    given = FitTask(
        X=X,
        y=y,
        rows=np.arange(80, dtype=np.int64),
        stop_rows=np.arange(80, 160, dtype=np.int64),
        n_classes=2,
    )
    model = XGBoostTrainer(
        max_depth=10, learning_rate=0.5, min_child_weight=0, reg_alpha=0, reg_lambda=0.1, **PLAIN
    ).fit(given)  # fmt: skip
    alarm = next(warning for warning in model.warnings if "overfitting" in warning)
    number = int(alarm.split(":")[0].removeprefix("Round "))
    assert model.history["train_accuracy"][number - 1] > 0.95
    assert model.history["val_accuracy"][number - 1] < 0.60
    assert model.complete


def test_a_loss_that_rises_ten_rounds_running_stops_the_fit() -> None:
    rng = np.random.default_rng(6)
    X = rng.normal(size=(400, 4)).astype(np.float32)
    y = (X[:, 0] > 0).astype(np.int32)
    y[200:] = 1 - y[200:]  # the relation turns round: every round makes the held-out loss worse
    given = FitTask(
        X=X,
        y=y,
        rows=np.arange(200, dtype=np.int64),
        stop_rows=np.arange(200, 400, dtype=np.int64),
        n_classes=2,
    )
    model = XGBoostTrainer(**PLAIN).fit(given)
    assert model.stop_reason == "divergence"
    assert model.best_round == 1
    assert len(model.history["step"]) == 11
    assert any("rose 10 times in a row" in warning for warning in model.warnings)


def test_a_loss_that_is_not_finite_stops_the_fit_and_only_sound_rounds_are_kept() -> None:
    trainer = XGBoostTrainer(learning_rate=1e37, min_child_weight=0.0, reg_alpha=0.0, reg_lambda=0.0, **PLAIN)
    model = trainer.fit(task(classes=2))
    assert model.stop_reason == "nan_loss"
    assert any("the loss is not finite" in warning for warning in model.warnings)
    losses = model.history["train_loss"]
    assert len(losses) < 200
    assert not np.isfinite(losses[-1])
    assert 1 <= model.best_round < len(losses)
    assert np.isfinite(model.predict_proba(task().X)).all()


def test_a_leaf_that_overflows_behind_a_finite_loss_is_never_kept() -> None:
    trainer = XGBoostTrainer(n_estimators=5, learning_rate=3e38, reg_lambda=0.0, **PLAIN)
    model = trainer.fit(task(classes=3))
    assert np.isfinite(model.history["train_loss"]).all()
    assert model.stop_reason == "nan_loss"
    assert model.best_round == 0
    assert model.warnings == ["Round 1: the loss is not finite - training stopped"]


def test_a_flag_set_before_the_fit_ends_it_at_once_and_marks_it_incomplete() -> None:
    model = XGBoostTrainer().fit(replace(task(), stop=np.ones(1, dtype=np.uint8)))
    assert (model.complete, model.stop_reason, model.best_round) == (False, "cancelled", 0)
    np.testing.assert_array_equal(model.predict_proba(task().X), np.full((600, 3), 1 / 3))
    again = FittedXGBoost.from_state(*model.to_state())
    assert (again.complete, again.stop_reason, again.best_round) == (False, "cancelled", 0)


def test_a_flag_set_during_the_fit_ends_it_after_that_round() -> None:
    flag = np.zeros(1, dtype=np.uint8)
    seen: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        seen.append((done, total))
        if done == 7:
            flag[0] = 1

    model = XGBoostTrainer().fit(replace(task(), stop=flag, progress=progress))
    assert (model.complete, model.stop_reason, model.best_round) == (False, "cancelled", 7)
    assert seen == [(k, 200) for k in range(1, 8)]


def test_an_error_in_the_progress_function_ends_the_fit_and_comes_back() -> None:
    def progress(done: int, total: int) -> None:
        raise LookupError("no listener")

    with pytest.raises(LookupError, match="no listener"):
        XGBoostTrainer().fit(replace(task(), progress=progress))


def test_the_time_limit_ends_the_fit_and_stands_among_the_alarms() -> None:
    model = XGBoostTrainer(n_estimators=100_000, learning_rate=0.01).fit(replace(task(), time_limit_s=0.2))
    assert (model.complete, model.stop_reason) == (False, "timeout")
    assert 1 <= model.best_round == len(model.history["step"]) < 100_000
    assert any("time limit" in warning for warning in model.warnings)


def test_bad_input_is_named_before_the_library_sees_it() -> None:
    given = task()
    trainer = XGBoostTrainer(n_estimators=2)
    infinite = given.X.copy()
    infinite[17, 3] = -np.inf
    labels = given.y.copy()
    labels[11] = 3
    unlabelled = given.y.copy()
    unlabelled[12] = -1
    weight = np.ones(600)
    weight[9] = np.nan
    cases: list[tuple[type[Exception], str, dict[str, Any]]] = [
        (TooFewRows, "at least 1 row of positive weight, but has 0", {"rows": given.rows[:0]}),
        (TooFewRows, "positive weight", {"weight": np.zeros(600)}),
        (TooFewColumns, "no columns", {"X": np.empty((600, 0), dtype=np.float32)}),
        (OneClass, "single class", {"rows": given.rows[given.y == 1]}),
        (InputError, "column 3 is infinite in row 17", {"X": infinite}),
        (InputError, "0..2 in every row used for fitting, but is 3 in row 11", {"y": labels}),
        (InputError, "but is -1 in row 12", {"y": unlabelled}),
        (InputError, "weight must be finite and at least 0, but is nan in row 9", {"weight": weight}),
        (InputError, "rows must lie in 0..599, but 600", {"rows": np.array([0, 600])}),
        (InputError, "stop_rows must lie in 0..599, but -1", {"stop_rows": np.array([-1])}),
        (InputError, "X must be float32", {"X": given.X.astype(np.float64)}),
        (InputError, "y must have 600 entries", {"y": given.y[:-1]}),
    ]
    for error, words, changes in cases:
        with pytest.raises(error, match=words):
            trainer.fit(replace(given, **changes))


def test_settings_are_checked_together() -> None:
    with pytest.raises(InputError) as caught:
        XGBoostTrainer(n_estimators=0, subsample=1.5, reg_lambda=-1.0)
    assert "n_estimators must be at least 1, but is 0." in str(caught.value)
    assert "subsample must be above 0 and at most 1, but is 1.5." in str(caught.value)
    assert "reg_lambda must be at least 0, but is -1." in str(caught.value)
    with pytest.raises(InputError, match=r"max_depth must be an integer, but is 4\.0\."):
        XGBoostTrainer(max_depth=4.0)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="early_stopping_rounds must be an integer of at least 1 or None, but is 0"):
        XGBoostTrainer(early_stopping_rounds=0)
    with pytest.raises(InputError, match="class_weight must be 'balanced' or None"):
        XGBoostTrainer(class_weight="even")  # type: ignore[arg-type]


def test_the_state_brings_back_an_equal_model() -> None:
    given = task(stop=True)
    model = XGBoostTrainer(n_estimators=12).fit(given)
    meta, arrays = model.to_state()
    again = FittedXGBoost.from_state(meta, arrays)
    np.testing.assert_array_equal(again.predict_proba(given.X), model.predict_proba(given.X))
    np.testing.assert_array_equal(again.feature_importances(), model.feature_importances())
    assert again.to_state()[0] == meta
    assert again.best_round == model.best_round == again.to_state()[0]["best_round"]


def _changed(array: Any, index: int, value: Any) -> Any:
    array = array.copy()
    array[index] = value
    return array


# What an attacker or a damaged disk may write: name of the array, change.
TAMPERED: dict[str, tuple[str, Any]] = {
    "child is its own parent": ("left", lambda a: _changed(a, 0, 0)),
    "child far away": ("left", lambda a: _changed(a, 0, 10**9)),
    "negative child": ("left", lambda a: _changed(a, 0, -7)),
    "right child elsewhere": ("right", lambda a: _changed(a, 0, a[0] + 1)),
    "shared child": ("left", lambda a: _changed(a, 1, a[0])),
    "feature out of range": ("feature", lambda a: _changed(a, 0, 6)),
    "negative feature": ("feature", lambda a: _changed(a, 0, -1)),
    "threshold not a number": ("threshold", lambda a: _changed(a, 0, np.nan)),
    "leaf infinite": ("value", lambda a: _changed(a, len(a) - 1, np.inf)),
    "default neither left nor right": ("default_left", lambda a: _changed(a, 0, 2)),
    "offsets fall": ("tree_offset", lambda a: _changed(a, 1, a[2] + 1)),
    "offset negative": ("tree_offset", lambda a: _changed(a, 1, -5)),
    "offset past the end": ("tree_offset", lambda a: _changed(a, len(a) - 1, a[-1] + 1)),
    "no offsets": ("tree_offset", lambda a: a[:0]),
    "class out of range": ("tree_class", lambda a: _changed(a, 0, 3)),
    "one tree short": ("tree_class", lambda a: a[:-1]),
    "base margin not finite": ("base_margin", lambda a: _changed(a, 0, np.inf)),
    "base margin too short": ("base_margin", lambda a: a[:-1]),
    "nodes cut off": ("threshold", lambda a: a[:-1]),
    "wrong type": ("value", lambda a: a.astype(np.float64)),
    "wrong rank": ("value", lambda a: a.reshape(1, -1)),
    "importances not finite": ("importances", lambda a: _changed(a, 0, np.nan)),
    "importances too short": ("importances", lambda a: a[:-1]),
    "history of unequal length": ("history_val_loss", lambda a: a[:-1]),
}  # fmt: skip


@pytest.mark.parametrize("what", TAMPERED)
def test_a_tampered_state_is_refused(what: str) -> None:
    meta, arrays = XGBoostTrainer(n_estimators=3).fit(task()).to_state()
    name, change = TAMPERED[what]
    with pytest.raises(ArtifactError):
        FittedXGBoost.from_state(meta, arrays | {name: change(arrays[name])})


def test_a_state_with_wrong_or_missing_metadata_is_refused() -> None:
    meta, arrays = XGBoostTrainer(n_estimators=3).fit(task()).to_state()
    for name, value in [
        ("n_features", 5), ("n_features", "6"), ("n_features", True), ("n_classes", 4), ("n_classes", 2),
        ("best_round", 2), ("best_round", -1), ("complete", 1), ("warnings", [3]), ("stop_reason", None),
    ]:  # fmt: skip
        with pytest.raises(ArtifactError):
            FittedXGBoost.from_state(meta | {name: value}, arrays)
    for name in meta:
        with pytest.raises(ArtifactError):
            FittedXGBoost.from_state({k: v for k, v in meta.items() if k != name}, arrays)
    for name in arrays:
        with pytest.raises(ArtifactError):
            FittedXGBoost.from_state(meta, {k: v for k, v in arrays.items() if k != name})


def test_a_missing_library_is_named_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMCTRAIN_XGBOOST_LIBRARY", str(tmp_path / "libxgboost.so"))
    with pytest.raises(MissingDependency, match=r'does not exist: pip install "xgboost-cpu>=3\.1,<4"'):
        XGBoostTrainer().fit(task())
    damaged = tmp_path / "damaged.so"
    damaged.write_bytes(b"\x7fELF no library at all")
    monkeypatch.setenv("SMCTRAIN_XGBOOST_LIBRARY", str(damaged))
    with pytest.raises(MissingDependency, match="cannot be opened"):
        XGBoostTrainer().fit(task())
    monkeypatch.delenv("SMCTRAIN_XGBOOST_LIBRARY")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match=r"XGBoost families need xgboost >= 3\.1, < 4"):
        XGBoostTrainer().fit(task())


def test_a_foreign_library_is_refused_with_the_symbols_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    foreign = Path(_load.core().__file__).resolve()
    monkeypatch.setenv("SMCTRAIN_XGBOOST_LIBRARY", str(foreign))
    with pytest.raises(MissingDependency, match="it lacks XGBoostVersion, XGBGetLastError"):
        XGBoostTrainer().fit(task())


def test_more_classes_than_anyone_has_are_refused() -> None:
    X = np.zeros((20, 2), dtype=np.float32)
    y = (np.arange(20) % 2).astype(np.int32)
    with pytest.raises(InputError, match="n_classes must be at most 10000"):
        XGBoostTrainer(n_estimators=1).fit(FitTask(X=X, y=y, rows=np.arange(20), n_classes=1_000_000))
