"""Importances on folds: only held-out rows speak, clusters move together, one table for all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import smctrain as st
from smctrain import explain, models, stats
from smctrain.exceptions import InputError, SmctrainError
from smctrain.explain.measures import block_sample
from smctrain.splits import PurgedKFold

H = 5
COLUMNS = ["feature", "kind", "importance", "raw", "sd", "se", "rank", "n"]


def market(n: int = 900, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64], PurgedKFold]:
    """Column 0 and its twin 1 carry the signal, 2 a weaker one, 3 and 4 nothing; a label reaches 5 rows ahead."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5)).astype(np.float32)
    X[:, 1] = X[:, 0] + 0.1 * rng.normal(size=n)
    y = (X[:, 0] + 0.5 * X[:, 2] + 0.5 * rng.normal(size=n) > 0).astype(np.int64)
    rows = np.arange(n)
    return X, y, PurgedKFold(4, intervals=(rows, np.minimum(rows + H, n - 1)))


@pytest.fixture(scope="module")
def folds() -> explain.FoldModels:
    X, y, cv = market()
    return explain.fit_folds(models.RandomForestClassifier(30, random_state=0), X, y, cv)


def test_folds_hold_what_was_fitted_on_purged_rows(folds: explain.FoldModels) -> None:
    X, y, cv = market()
    assert folds.horizon == H
    for model, train, test, (inside, outside) in zip(folds.models, folds.trains, folds.tests, cv.split(X), strict=True):
        np.testing.assert_array_equal(train, inside)
        np.testing.assert_array_equal(test, outside)
        again = models.RandomForestClassifier(30, random_state=0).fit(X[train], y[train])
        assert again.predict_proba(X).tobytes() == model.predict_proba(X).tobytes()


@pytest.mark.parametrize("measure", [explain.mda, explain.clustered_mda, explain.shap, explain.native])
def test_every_measure_is_one_table_of_mean_and_spread_over_folds(folds: explain.FoldModels, measure: Any) -> None:
    pytest.importorskip("pandas")
    found = measure(folds)
    table = found.table
    assert list(table.columns) == COLUMNS
    assert found.values.shape == (4, 5)
    by_name = table.set_index("feature").loc[folds.features]
    np.testing.assert_allclose(by_name["raw"], found.values.mean(axis=0))
    np.testing.assert_allclose(by_name["sd"], found.values.std(axis=0, ddof=1))
    np.testing.assert_allclose(by_name["se"], found.values.std(axis=0, ddof=1) / 2)
    assert (table["n"] == 4).all()
    assert set(table["feature"][:2]) <= {"f0", "f1", "f2"}
    assert measure(folds).values.tobytes() == found.values.tobytes()


def test_mda_is_the_fall_of_the_log_loss_on_shifted_held_out_rows(folds: explain.FoldModels) -> None:
    values = explain.mda(folds, n_repeats=3, random_state=7).values
    fold, column = 2, 0
    X, y = folds.test_part(fold)
    model = folds.models[fold]
    from smctrain import _load

    sources = _load.core().permuted_rows(len(X), H, 3, 7 + fold, "shift")

    def log_loss(values: NDArray[np.float32]) -> float:
        own = np.maximum(model.predict_proba(values)[np.arange(len(y)), y], 1e-15)
        return float(-np.log(own).mean())

    losses = []
    for source in sources:
        shift = int(source[0])
        assert 4 * H <= shift <= len(X) - 4 * H
        moved = X.copy()
        moved[:, column] = np.roll(moved[:, column], -shift)
        losses.append(log_loss(moved) - log_loss(X))
    assert values[fold, column] == pytest.approx(np.mean(losses), abs=1e-9)


def test_twins_hide_one_another_until_their_cluster_moves(folds: explain.FoldModels) -> None:
    alone, together = explain.mda(folds).values.mean(axis=0), explain.clustered_mda(folds).values.mean(axis=0)
    assert together[0] == together[1] > 1.5 * alone[:2].max()
    np.testing.assert_allclose(together[2:], alone[2:])
    labels = stats.correlation_clusters(np.asarray(folds.X), folds.trains[0])
    assert labels.tolist() == [0, 0, 1, 2, 3]


def test_columns_without_knowledge_have_none() -> None:
    X, y, cv = market(2000, seed=3)
    for family in (models.LogisticRegression(), models.XGBoostClassifier(n_estimators=30, max_depth=3)):
        found = explain.mda(family, X, y, cv)
        mean, se = found.values.mean(axis=0), found.values.std(axis=0, ddof=1) / 2
        assert (mean[3:] < 3 * se[3:] + 2e-3).all()
        assert mean[2] > 5 * se[2]


def test_a_column_alone_is_scored_above_the_constant_answer() -> None:
    from sklearn.metrics import log_loss

    X, y, cv = market()
    found = explain.sfi(models.LogisticRegression(), X, y, cv)
    assert found.kind == "sfi"
    train, test = next(iter(cv.split(X)))
    model = models.LogisticRegression().fit(X[train][:, [2]], y[train])
    share = y[train].mean()
    expected = log_loss(y[test], np.tile([1 - share, share], (len(test), 1))) - log_loss(
        y[test], model.predict_proba(X[test][:, [2]])
    )
    assert found.values[0, 2] == pytest.approx(expected, abs=1e-9)
    assert found.values.mean(axis=0)[0] > 0.1
    numbers = explain.sfi(models.Ridge(), X, X[:, 0].astype(float), cv)
    assert numbers.values.mean(axis=0)[1] > 0.9
    assert abs(numbers.values.mean(axis=0)[3]) < 0.05


def test_shap_takes_few_rows_in_blocks() -> None:
    rows = np.arange(100, 1100)
    chosen = block_sample(rows, 200, 10, 0)
    assert len(chosen) == 200
    assert set(chosen) <= set(rows)
    breaks = np.flatnonzero(np.diff(chosen) != 1)
    assert all((at + 1) % 20 == 0 for at in breaks)
    assert block_sample(rows, 2000, 10, 0) is rows
    assert 0 < len(block_sample(rows, 7, 10, 0)) <= 7


def test_contributions_that_do_not_add_up_are_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y, cv = market()
    folds = explain.fit_folds(models.LogisticRegression(), X, y, cv)
    honest = models.LogisticRegression.shap_values
    monkeypatch.setattr(models.LogisticRegression, "shap_values", lambda self, X: honest(self, X) + 1e-4)
    with pytest.raises(SmctrainError, match="miss the margin"):
        explain.shap(folds)


def test_frames_keep_their_names_and_weights_count() -> None:
    pd = pytest.importorskip("pandas")
    X, y, cv = market()
    frame = pd.DataFrame(X, columns=list("abcde"))
    weight = np.ones(len(y))
    weight[:450] = 0.0
    found = explain.native(explain.fit_folds(models.RandomForestClassifier(10, random_state=0), frame, y, cv))
    assert found.features == list("abcde")
    later = explain.fit_folds(models.RandomForestClassifier(10, random_state=0), frame, y, cv, sample_weight=weight)
    train = later.trains[0][later.trains[0] >= 450]
    only = models.RandomForestClassifier(10, random_state=0).fit(frame.iloc[train], y[train])
    np.testing.assert_allclose(later.models[0].predict_proba(frame), only.predict_proba(frame))


def test_what_is_missing_or_wrong_is_named(folds: explain.FoldModels) -> None:
    X, y, cv = market()
    model = models.LogisticRegression()
    with pytest.raises(InputError, match="X, y and cv must be given"):
        explain.mda(model, X, y)
    with pytest.raises(InputError, match="belong to the fitted folds"):
        explain.mda(folds, X, y, cv)
    with pytest.raises(InputError, match="must be an estimator"):
        explain.fit_folds("forest", X, y, cv)
    with pytest.raises(InputError, match="more than 8 x horizon"):
        explain.mda(model, X, y, cv, horizon=60)
    with pytest.raises(InputError, match="at least 1 fold"):
        explain.sfi(model, X, y, [])
    with pytest.raises(InputError, match="max_rows"):
        explain.shap(folds, max_rows=1)
    assert st.explain is explain
