"""Many small fits: each equals its single fit, none sees what its fold holds out, and one failing disturbs nobody."""

from __future__ import annotations

import signal
import threading
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from smctrain.exceptions import InputError, SplitLeak, TooFewRows
from smctrain.models import Folds, RandomForestClassifier, XGBoostClassifier, XGBoostRegressor, fit_many, many
from smctrain.models import _forest_common as forest_common
from smctrain.models.base import FitTask
from smctrain.models.registry import make_trainer
from smctrain.prepare import Preparation
from smctrain.splits import CombinatorialPurgedKFold, PurgedKFold

N, D = 500, 6
SMALL: dict[str, dict[str, Any]] = {
    "RandomForest": {"n_estimators": 6, "min_samples_leaf": 3},
    "ExtraTrees": {"n_estimators": 6},
    "XGBoost": {"n_estimators": 6},
    "LightGBM": {"n_estimators": 6},
    "GradientBoosting": {"n_estimators": 6},
    "LogisticRegression": {},
    "FTRLProximal": {},
}
NUMBERS: dict[str, dict[str, Any]] = {
    "RandomForestRegressor": {"n_estimators": 6},
    "ExtraTreesRegressor": {"n_estimators": 6},
    "RandomForestQuantileRegressor": {"n_estimators": 6},
    "XGBoost": {"n_estimators": 6, "objective": "reg:squarederror"},
    "LightGBM": {"n_estimators": 6, "objective": "regression"},
    "GradientBoosting": {"n_estimators": 6, "loss": "squared_error"},
}


def made(missing: bool = False, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N, D)).astype(np.float32)
    y = np.digitize(X[:, 0] + rng.normal(size=N), [-0.5, 0.5]) - 1
    if missing:
        X[rng.random((N, D)) < 0.05] = np.nan
    return X, y


def intervals() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    t0 = np.arange(N)
    return t0, np.minimum(t0 + 4, N - 1)


def pairs() -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    return list(PurgedKFold(3, intervals=intervals()).split())


def state(model: Any) -> dict[str, bytes]:
    fitted = getattr(model, "fitted_", model)
    return {name: array.tobytes() for name, array in fitted.to_state()[1].items()}


def states(results: Any) -> list[dict[str, bytes]]:
    return [state(fit.model) for fit in results.fits]


# ---- equality ---------------------------------------------------------------


@pytest.mark.parametrize("family", list(SMALL))
def test_each_fit_equals_its_single_fit(family: str) -> None:
    X, y = made()
    weight = np.random.default_rng(1).uniform(0.0, 2.0, N)
    results = fit_many((X, y, weight), [(family, SMALL[family])], pairs(), n_jobs=2, seed=5)
    assert results.complete
    for number, (train, test) in enumerate(pairs()):
        task = FitTask(X=X, y=(y + 1).astype(np.int32), rows=train, n_classes=3, weight=weight, seed=5)
        alone = make_trainer(family, SMALL[family]).fit(task)
        fit = results[0, number]
        assert state(fit.model) == state(alone)
        np.testing.assert_array_equal(fit.prediction, alone.predict_proba(X, test))
        np.testing.assert_array_equal(fit.rows, test)
    assert list(results.classes) == [-1, 0, 1]


@pytest.mark.parametrize("family", list(NUMBERS))
def test_each_regression_equals_its_single_fit(family: str) -> None:
    X, _ = made()
    target = X[:, 0] + np.random.default_rng(2).normal(size=N)
    results = fit_many((X, target), [(family, NUMBERS[family])], pairs(), seed=5)
    for number, (train, test) in enumerate(pairs()):
        task = FitTask(X=X, y=target.astype(np.float64), rows=train, n_classes=0, seed=5)
        alone: Any = make_trainer(family, NUMBERS[family]).fit(task)
        assert state(results[0, number].model) == state(alone)
        np.testing.assert_array_equal(results[0, number].prediction, alone.predict(X, test))
    assert results.classes is None


def test_results_do_not_depend_on_workers_or_on_the_order_of_the_settings() -> None:
    X, y = made()
    settings = [(family, SMALL[family]) for family in SMALL]
    alone = fit_many((X, y), settings, pairs(), n_jobs=1)
    for workers in (2, 4):
        assert states(fit_many((X, y), settings, pairs(), n_jobs=workers)) == states(alone)
    turned = fit_many((X, y), settings[::-1], pairs(), n_jobs=3, first="settings")
    for number in range(len(settings)):
        for fold in range(3):
            assert state(turned[len(settings) - 1 - number, fold].model) == state(alone[number, fold].model)


def test_early_stopping_rows_are_the_newest_training_rows_and_purged() -> None:
    X, y = made()
    t0, t1 = intervals()
    results = fit_many((X, y, None, None, t0, t1), ["XGBoost"], pairs(), stop_share=0.2)
    for number, (train, _) in enumerate(pairs()):
        stop = train[len(train) - len(train) // 5 :]
        fit = train[t1[train] < stop[0]]
        task = FitTask(X=X, y=(y + 1).astype(np.int32), rows=fit, stop_rows=stop, n_classes=3)
        assert state(results[0, number].model) == state(make_trainer("XGBoost").fit(task))


def test_prepared_folds_equal_preparing_each_fold_by_hand() -> None:
    X, y = made(missing=True)
    X[:, 2] = 1.0
    settings = [("LogisticRegression", {}), ("RandomForest", SMALL["RandomForest"])]
    results = fit_many((X, y), settings, pairs(), prepare=True)
    for number, (train, test) in enumerate(pairs()):
        prepare = Preparation.fit(X, train, [str(j) for j in range(D)])
        for setting, values in enumerate((prepare.transform(X), prepare.select(X))):
            task = FitTask(X=values, y=(y + 1).astype(np.int32), rows=train, n_classes=3)
            alone = make_trainer(*settings[setting]).fit(task)
            fit = results[setting, number]
            assert state(fit.model) == state(alone)
            np.testing.assert_array_equal(fit.prediction, alone.predict_proba(values, test))
            assert fit.prepare.fit_rows_hash == prepare.fit_rows_hash


def test_estimators_keep_their_face_and_their_own_seed() -> None:
    X, y = made()
    labels = np.array(["a", "b", "c"])[y + 1]
    results = fit_many(
        (X, labels), [XGBoostClassifier(n_estimators=5, random_state=9), XGBoostClassifier(n_estimators=5)], pairs()
    )
    for number, (train, test) in enumerate(pairs()):
        for setting, seed in enumerate((9, 42)):
            alone = XGBoostClassifier(n_estimators=5, random_state=seed).fit(X[train], labels[train])
            model = results[setting, number].model
            assert isinstance(model, XGBoostClassifier)
            assert state(model) == state(alone)
            assert list(model.predict(X[test])) == list(alone.predict(X[test]))


def test_foreign_estimators_and_pipelines_take_part() -> None:
    from sklearn.linear_model import LogisticRegression as Peer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X, y = made()
    pipe = make_pipeline(StandardScaler(), Peer())
    forest = RandomForestClassifier(5, class_weight={-1: 1.0, 0: 2.0, 1: 1.0}, random_state=1)
    results = fit_many((X, y), [pipe, forest, ("LogisticRegression", {})], pairs())
    assert results.complete
    for number, (train, test) in enumerate(pairs()):
        alone = pipe.fit(X[train], y[train])
        np.testing.assert_allclose(results[0, number].prediction, alone.predict_proba(X[test]))
        assert state(results[1, number].model) == state(forest.fit(X[train], y[train]))


def test_linear_regressions_take_part() -> None:
    X, _ = made()
    target = X[:, 0] + 0.1
    results = fit_many((X, target), [("Ridge", {"alpha": 1e-6}), "LinearRegression", ("Ridge", {"beta": 1})], pairs())
    assert [fit.status for fit in results.fits] == ["ok"] * 6 + ["failed"] * 3
    assert np.nanmax(np.abs(results.out_of_fold(1) - target)) < 1e-5


# ---- what is shared, and with whom -------------------------------------------


@pytest.fixture
def bins_made(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    inner = forest_common.make_binned

    def spy(X: Any, rows: Any, threads: int, n_bins: int, *limits: Any) -> Any:
        found.append((n_bins, rows.tobytes()))
        return inner(X, rows, threads, n_bins, *limits)

    monkeypatch.setattr(forest_common, "make_binned", spy)
    return found


def test_bins_are_made_once_for_each_fold_and_number_of_bins(bins_made: list[tuple[int, bytes]]) -> None:
    X, y = made()
    settings: list[Any] = [
        ("RandomForest", {"n_estimators": 2, "n_bins": bins, "max_depth": depth})
        for bins in (255, 31)
        for depth in (2, 3, 4)
    ]
    settings.append(("ExtraTrees", {"n_estimators": 2, "n_bins": 31}))
    fit_many((X, y), settings, pairs(), n_jobs=3)
    assert sorted(bins_made) == sorted((bins, train.tobytes()) for bins in (255, 31) for train, _ in pairs())


@pytest.mark.parametrize("family", ["XGBoost", "LightGBM"])
def test_training_matrices_are_made_once_for_each_fold_and_number_of_bins(family: str) -> None:
    X, y = made()
    folds = Folds((X, y), pairs())
    settings = [(family, {"n_estimators": 2, "max_depth": depth, "max_bin": bins}) for bins in (255, 31)
                for depth in (2, 3)]  # fmt: skip
    shared = fit_many(folds, settings, n_jobs=2)
    for number in range(3):
        kept = folds[number].inputs(make_trainer(family)).shared.get("training matrices", lambda: None)
        assert kept is not None
        assert kept.built == 2
    alone = [fit_many((X, y), [setting], pairs()) for setting in settings]
    assert states(shared) == [one for results in alone for one in states(results)]


def test_several_calls_on_one_folds_share_and_dropping_ends_that(bins_made: list[tuple[int, bytes]]) -> None:
    X, y = made()
    folds = Folds((X, y), pairs())
    setting = ("RandomForest", {"n_estimators": 2})
    first = fit_many(folds, [setting])
    again = fit_many(folds, [setting, ("RandomForest", {"n_estimators": 3})])
    assert len(bins_made) == 3
    assert states(first) == states(again)[:3]
    folds.drop()
    fit_many(folds, [setting])
    assert len(bins_made) == 6


def test_what_a_fold_shares_is_dropped_behind_its_last_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = made()
    found: list[Folds] = []

    class Kept(Folds):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            found.append(self)

    monkeypatch.setattr(many, "Folds", Kept)
    alive: list[int] = []

    def progress(done: int, total: int) -> None:
        alive.append(sum(len(found[0][k].shared) > 0 for k in range(3)))

    fit_many((X, y), [("RandomForest", {"n_estimators": 2})] * 4, pairs(), n_jobs=1, progress=progress)
    assert max(alive) <= 2  # the fold in work, and the next one that a worker has begun
    assert alive[-1] == 0


@pytest.mark.parametrize("family", ["RandomForest", "ExtraTrees", "XGBoost", "LightGBM", "LogisticRegression"])
def test_held_out_rows_reach_nothing_that_is_learned_in_their_fold(family: str) -> None:
    X, y = made()
    t0, t1 = intervals()
    settings = [(family, SMALL[family])]
    honest = fit_many((X, y, None, None, t0, t1), settings, pairs(), stop_share=0.2, prepare=True)
    rng = np.random.default_rng(3)
    for number, (_, test) in enumerate(pairs()):
        other, labels = X.copy(), y.copy()
        other[test] = 100 * rng.normal(size=(len(test), D))
        labels[test] = rng.permutation(labels[test])
        changed = fit_many((other, labels, None, None, t0, t1), settings, pairs(), stop_share=0.2, prepare=True)
        assert state(changed[0, number].model) == state(honest[0, number].model)
        assert any(state(changed[0, k].model) != state(honest[0, k].model) for k in range(3) if k != number)


def test_windows_of_sequence_families_never_touch_held_out_bars() -> None:
    X, y = made()
    t0, t1 = intervals()

    class Sequence:
        family, is_sequence, needs_scaling, uses_stop_rows, lookback = "LSTM", True, False, False, 20

    splitter = CombinatorialPurgedKFold(5, 2, intervals=(t0, t1))
    folds = Folds((X, y, None, None, t0, t1), splitter)
    for number in range(len(folds)):
        fold = folds[number]
        rows = fold.inputs(Sequence).rows
        held_out = np.zeros(N, dtype=bool)
        for row in fold.test:
            held_out[t0[row] : t1[row] + 1] = True
        clean = [row for row in fold.train if not held_out[max(0, row - 19) : row + 1].any()]
        np.testing.assert_array_equal(rows, clean)


# ---- errors -----------------------------------------------------------------


def test_a_failing_setting_is_recorded_and_the_others_go_on() -> None:
    X, y = made(missing=True)
    settings = [
        "Nonsense",
        ("RandomForest", {"n_estimators": 0}),
        "LogisticRegression",
        ("RandomForest", {"n_estimators": 3}),
        7,
    ]
    results = fit_many((X, y), settings, pairs(), n_jobs=2)
    told = [results[k, 0].error for k in range(5)]
    assert [fit.status for fit in results.fits] == ["failed"] * 9 + ["ok"] * 3 + ["failed"] * 3
    assert all(isinstance(error, InputError) for error in (told[0], told[1], told[2], told[4]))
    assert "there is no model family 'Nonsense'" in str(told[0])
    assert "n_estimators must be an integer of at least 1, but is 0" in str(told[1])
    assert "Traceback" in results[2, 0].traceback
    assert told[2] is not None
    assert told[2].__traceback__ is None
    assert not results.complete
    assert results.stop_reason == ""
    alone = fit_many((X, y), settings[3:4], pairs())
    assert states(alone) == [state(results[3, k].model) for k in range(3)]


def test_errors_are_raised_where_that_is_asked_for() -> None:
    X, y = made(missing=True)
    flag = np.zeros(1, dtype=np.uint8)
    with pytest.raises(InputError, match="no model family"):
        fit_many((X, y), ["Nonsense"], pairs(), on_error="raise")
    with pytest.raises(InputError):
        fit_many((X, y), ["LogisticRegression"], pairs(), on_error="raise", stop=flag)
    assert flag[0] == 0


def test_what_progress_raises_ends_the_work_and_is_raised() -> None:
    X, y = made()
    calls = []

    def progress(done: int, total: int) -> None:
        calls.append((done, total))
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        fit_many((X, y), [("RandomForest", {"n_estimators": 2})] * 5, pairs(), n_jobs=2, progress=progress)
    assert calls == [(1, 15)]


@pytest.mark.parametrize(
    ("data", "splits", "options", "message"),
    [
        ((np.zeros((4, 1)), np.zeros(3)), 2, {}, "y must have one entry for each of the 4 rows"),
        ((np.zeros((4, 1)), np.array([0, 1, np.nan, 1])), 2, {}, "y must be finite, but is nan in row 2"),
        ((np.zeros((4, 1)), np.array([0, 1, 0.5, 1])), 2, {}, "y must hold class labels, but is 0.5 in row 2"),
        ((np.zeros((4, 1)),), 2, {}, "data must be"),
        ({"X": np.zeros((4, 1)), "z": 1}, 2, {}, "data must hold X and y"),
        ((np.zeros((4, 1)), np.arange(4) % 2, [1.0]), 2, {}, "weight must have one entry"),
        ((np.zeros((4, 1)), np.arange(4) % 2, None, None, np.arange(4)), 2, {}, "t0 and t1 must be given together"),
        ((np.zeros((4, 1)), np.arange(4) % 2), None, {}, "splits must be"),
        ((np.zeros((4, 1)), np.arange(4) % 2), [], {}, "splits must hold at least one"),
        ((np.zeros((4, 1)), np.arange(4) % 2), [([0], [4])], {}, "test of split 0 must lie in 0..3, but holds 4"),
        ((np.zeros((4, 1)), np.arange(4) % 2), [1, 2], {}, "splits must be a splitter"),
        ((np.zeros((4, 1)), np.arange(4) % 2), 2, {"n_jobs": 0}, "n_jobs must be None or an integer"),
        ((np.zeros((4, 1)), np.arange(4) % 2), 2, {"seed": -1}, "seed must be an integer from 0"),
        ((np.zeros((4, 1)), np.arange(4) % 2), 2, {"time_limit": 0}, "time_limit must be a positive number"),
        ((np.zeros((4, 1)), np.arange(4) % 2), 2, {"stop": [0]}, "stop must be a writable uint8 array"),
        ((np.zeros((4, 1)), np.arange(4) % 2), 2, {"on_error": "x"}, "on_error must be 'record' or 'raise'"),
        ((np.zeros((4, 1)), np.arange(4) % 2), 2, {"first": "x"}, "first must be 'folds' or 'settings'"),
        ((np.zeros((4, 1)), np.arange(4) % 2), 2, {"stop_share": 1.0}, "stop_share must be a share"),
    ],
)  # fmt: skip
def test_bad_input_is_named(data: Any, splits: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        fit_many(data, ["RandomForest"], splits, **options)


def test_classes_and_numbers_do_not_mix() -> None:
    X, y = made()
    with pytest.raises(InputError, match="all be classifications or all be regressions"):
        fit_many((X, y), ["RandomForest", "RandomForestRegressor"], pairs())


def test_leaking_splits_are_refused() -> None:
    X, y = made()
    t0, t1 = intervals()
    with pytest.raises(SplitLeak, match="row 3 is in train and in test"):
        fit_many((X, y), ["RandomForest"], [([0, 1, 3], [2, 3])])
    with pytest.raises(SplitLeak, match="overlap"):
        fit_many((X, y, None, None, t0, t1), ["RandomForest"], [(np.arange(250), np.arange(250, N))])
    with pytest.raises(TooFewRows, match="split 0 needs at least one row on each side"):
        fit_many((X, y), ["RandomForest"], [([], [1])])


# ---- ends before its time ----------------------------------------------------

ENDLESS = ("RandomForest", {"n_estimators": 200_000, "max_depth": None, "min_samples_leaf": 1, "min_samples_split": 2})


def test_a_stop_flag_ends_running_fits_and_leaves_what_there_is() -> None:
    X, y = made()
    flag = np.zeros(1, dtype=np.uint8)
    settings = [("RandomForest", {"n_estimators": 2}), ENDLESS, ENDLESS]

    def progress(done: int, total: int) -> None:
        if done == 1:
            threading.Timer(0.3, lambda: flag.__setitem__(0, 1)).start()

    results = fit_many((X, y), settings, pairs(), n_jobs=2, stop=flag, progress=progress)
    assert results.stop_reason == "cancelled"
    assert results[0, 0].status == "ok"
    begun = [fit for fit in results.fits if fit.status == "partial"]
    assert 1 <= len(begun) <= 2
    for fit in begun:
        assert fit.stop_reason == "cancelled"
        assert 0 < fit.model.n_trees < 200_000
        assert fit.prediction is not None
        assert np.isfinite(fit.prediction).all()
    assert {fit.status for fit in results.fits} == {"ok", "partial", "not run"}
    assert np.isnan(results.scores("log_loss")[1]).all()
    assert results[2, 2].model is None


def test_a_time_limit_ends_the_work_and_leaves_what_there_is() -> None:
    X, y = made()
    results = fit_many((X, y), [ENDLESS] * 3, pairs(), n_jobs=2, time_limit=0.3)
    assert results.stop_reason == "timeout"
    assert {fit.status for fit in results.fits} == {"partial", "not run"}


def test_ctrl_c_ends_the_work_and_returns_what_there_is() -> None:
    X, y = made()

    def progress(done: int, total: int) -> None:
        if done == 1:
            signal.raise_signal(signal.SIGINT)

    results = fit_many((X, y), [("RandomForest", {"n_estimators": 2}), ENDLESS], pairs(), n_jobs=1, progress=progress)
    assert results.stop_reason == "interrupted"
    assert results[0, 0].status == "ok"
    assert results[1, 2].status == "not run"


def test_a_flag_that_is_set_before_starts_nothing() -> None:
    X, y = made()
    results = fit_many((X, y), ["RandomForest"], pairs(), stop=np.ones(1, dtype=np.uint8))
    assert [fit.status for fit in results.fits] == ["not run"] * 3


# ---- results ----------------------------------------------------------------


def test_out_of_fold_predictions_and_scores_belong_to_their_rows() -> None:
    from sklearn.metrics import accuracy_score, log_loss

    X, y = made()
    results = fit_many((X, y), [("XGBoost", SMALL["XGBoost"])], [(np.arange(200), np.arange(250, 400)),
                       (np.arange(250), np.arange(300, 500))])  # fmt: skip
    proba = results.out_of_fold(0)
    assert np.isnan(proba[:250]).all()
    assert np.isfinite(proba[250:]).all()
    first, second = results[0, 0], results[0, 1]
    np.testing.assert_array_equal(proba[250:300], first.prediction[:50])
    np.testing.assert_array_equal(proba[300:400], (first.prediction[50:] + second.prediction[:100]) / 2)
    np.testing.assert_array_equal(proba[400:], second.prediction[100:])
    # The peer renormalises single-precision rows, which moves the loss by about 1e-8.
    np.testing.assert_allclose(
        results.scores("log_loss")[0],
        [log_loss(y[fit.rows], fit.prediction, labels=[-1, 0, 1]) for fit in results.fits], rtol=1e-6,
    )  # fmt: skip
    np.testing.assert_allclose(
        results.scores("accuracy")[0],
        [accuracy_score(y[fit.rows], fit.prediction.argmax(axis=1) - 1) for fit in results.fits],
    )
    assert results.scores(lambda y, p: float(len(y))).tolist() == [[150.0, 200.0]]
    with pytest.raises(InputError, match="there is no metric 'luck'"):
        results.scores("luck")
    with pytest.raises(InputError, match="does not fit a prediction of classes"):
        results.scores("mse")


def test_the_table_has_one_row_a_fit() -> None:
    pytest.importorskip("pandas")
    X, y = made()
    results = fit_many((X, y), [("XGBoost", SMALL["XGBoost"]), "Nonsense"], pairs(), keep_models=False)
    table = results.table("log_loss")
    assert list(table["status"]) == ["ok"] * 3 + ["failed"] * 3
    assert list(table["fold"]) == [0, 1, 2] * 2
    assert table["log_loss"].notna().tolist() == [True] * 3 + [False] * 3
    assert table["error"].iloc[-1].startswith("InputError: there is no model family")
    assert results[0, 0].model is None
    assert "3 ok, 3 failed" in repr(results)
    with pytest.raises(IndexError):
        results[2, 0]


def test_a_fold_that_lacks_a_class_still_has_its_column() -> None:
    X, y = made()
    train = np.flatnonzero(y[:300] != 1)
    results = fit_many((X, y), [("RandomForest", SMALL["RandomForest"])], [(train, np.arange(300, N))])
    assert results[0, 0].prediction.shape == (200, 3)
    assert (results[0, 0].prediction[:, 2] == 0).all()


def test_a_dataset_counts_its_decision_rows() -> None:
    from smctrain.dataset import Dataset

    X, y = made()
    rows = np.arange(20, N - 10, 2)
    labels = np.full(N, np.nan)
    labels[rows] = y[rows]
    t0, t1 = intervals()
    names, rule = [f"f{j}" for j in range(D)], np.full(N, "", dtype=object)
    data = Dataset("SYM", X, names, rows, labels, t0, t1, np.zeros(N), rule, np.zeros(N, dtype=np.int32))
    results = fit_many(data, [("RandomForest", SMALL["RandomForest"])], 3)
    expected = list(PurgedKFold(3, intervals=(t0[rows], t1[rows])).split())
    for number, (train, test) in enumerate(expected):
        np.testing.assert_array_equal(results[0, number].rows, test)
        codes = np.where(np.isnan(labels), -1, labels + 1).astype(np.int32)
        task = FitTask(X=X, y=codes, rows=rows[train], n_classes=3)
        assert state(results[0, number].model) == state(make_trainer("RandomForest", SMALL["RandomForest"]).fit(task))
    assert results.out_of_fold(0).shape == (len(rows), 3)


def test_times_frames_and_splitters_of_scikit_learn_are_read() -> None:
    pd = pytest.importorskip("pandas")
    from sklearn.model_selection import TimeSeriesSplit

    X, y = made()
    frame = pd.DataFrame(X, columns=[f"f{j}" for j in range(D)])
    start = np.datetime64("2024-01-01", "ns") + np.arange(N) * np.timedelta64(15, "m")
    end = start + np.timedelta64(60, "m")
    timed = {"X": frame, "y": pd.Series(y), "t0": start, "t1": end}
    ours = fit_many(timed, [("XGBoost", SMALL["XGBoost"])], PurgedKFold(3))
    rows = fit_many((X, y, None, None, np.arange(N), np.arange(N) + 4), [("XGBoost", SMALL["XGBoost"])], PurgedKFold(3))
    assert states(ours) == states(rows)
    assert fit_many((frame, y), [("XGBoost", SMALL["XGBoost"])], TimeSeriesSplit(3)).complete


def test_regressor_faces_work_too() -> None:
    X, _ = made()
    results = fit_many((X, X[:, 1].astype(float)), [XGBoostRegressor(n_estimators=4)], pairs())
    assert isinstance(results[0, 0].model, XGBoostRegressor)
    assert results.scores("r2").shape == (1, 3)
