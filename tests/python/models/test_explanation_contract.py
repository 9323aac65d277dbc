"""One contract for the explanations of every tabular family; what a family cannot tell, it refuses by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from smctrain import _load, models
from smctrain.exceptions import InputError
from smctrain.models import explanation

COLUMNS = ["feature", "kind", "importance", "raw", "sd", "se", "rank", "n"]
TREES = {"n_estimators": 12, "random_state": 0}
CLASSIFIERS: dict[str, dict[str, Any]] = {
    "RandomForestClassifier": TREES,
    "ExtraTreesClassifier": TREES,
    "XGBoostClassifier": TREES,
    "LightGBMClassifier": TREES,
    "GradientBoostingClassifier": TREES,
    "LogisticRegression": {},
    "FTRLClassifier": {"n_passes": 3},
}
REGRESSORS: dict[str, dict[str, Any]] = {
    "RandomForestRegressor": TREES,
    "ExtraTreesRegressor": TREES,
    "RandomForestQuantileRegressor": TREES,
    "XGBoostRegressor": TREES,
    "LightGBMRegressor": TREES,
    "GradientBoostingRegressor": TREES,
    "LinearRegression": {},
    "Ridge": {},
    "Lasso": {"alpha": 0.01},
    "ElasticNet": {"alpha": 0.01},
}
NATIVE = {"Forest": ("gini", "variance"), "ExtraTrees": ("gini", "variance"), "Boost": ("total_gain",)}
FLOAT32 = ("XGBoost", "GradientBoosting")
CASES = [(name, k) for name in CLASSIFIERS for k in (2, 3)] + [(name, 0) for name in REGRESSORS]


def data(k: int, seed: int = 0, n: int = 400, d: int = 6) -> tuple[NDArray[np.float32], NDArray[Any]]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)).astype(np.float32)
    score = 2 * X[:, 0] + X[:, 1] * X[:, 2 % d] + X[:, 3 % d] + 0.5 * rng.normal(size=n)
    if k == 0:
        return X, score.astype(np.float64)
    return X, np.asarray(["down", "flat", "up"])[np.digitize(score, [0.0] if k == 2 else [-1.0, 1.0])]


def fitted(name: str, k: int) -> tuple[Any, NDArray[np.float32], NDArray[Any]]:
    if name.startswith("LightGBM"):
        pytest.importorskip("lightgbm")
    settings = (REGRESSORS if k == 0 else CLASSIFIERS)[name]
    X, y = data(k)
    return getattr(models, name)(**settings).fit(X[:250], y[:250]), X[250:], y[250:]


def margins(model: Any, X: NDArray[np.float32]) -> NDArray[np.float64]:
    """What contributions must add up to (n, k)."""
    name = type(model).__name__
    if "Forest" in name or "ExtraTrees" in name:
        return model.predict_proba(X) if hasattr(model, "classes_") else model.predict(X)[:, None]
    raw = (
        np.asarray(model.fitted_.margins(X), dtype=np.float64)
        if hasattr(model.fitted_, "margins")
        else _load.core().linear_scores(X, None, model.fitted_.coefs, model.fitted_.intercepts, 1)
    )
    return np.concatenate([-raw, raw], axis=1) if len(getattr(model, "classes_", ())) == 2 else raw


@pytest.mark.parametrize(("name", "k"), CASES)
def test_contributions_add_up_to_the_margin(name: str, k: int) -> None:
    model, X, _ = fitted(name, k)
    values = model.shap_values(X)
    expected = margins(model, X)
    assert values.shape == (len(X), 7, expected.shape[1])
    # XGBoost sums in float32.
    np.testing.assert_allclose(values.sum(axis=1), expected, rtol=0, atol=1e-4 if name.startswith(FLOAT32) else 1e-6)


@pytest.mark.parametrize(("name", "k"), CASES)
def test_single_rows_are_explained_in_one_table(name: str, k: int) -> None:
    pytest.importorskip("pandas")
    model, X, _ = fitted(name, k)
    table = model.explain(X[:3])
    assert list(table.columns) == ["row", "class", "feature", "value", "contribution", "base", "margin"]
    width = max(k, 1)
    assert len(table) == 3 * width * 6
    values = model.shap_values(X[:3])
    for (row, label), part in table.groupby(["row", "class"], sort=False, dropna=False):
        output = 0 if k == 0 else list(model.classes_).index(label)
        np.testing.assert_array_equal(part["contribution"], values[row, :-1, output])
        np.testing.assert_array_equal(part["value"], X[row])
        np.testing.assert_array_equal(part["feature"], [f"f{j}" for j in range(6)])
        np.testing.assert_allclose(part["margin"], part["contribution"].sum() + part["base"], rtol=0, atol=1e-12)


@pytest.mark.parametrize(("name", "k"), CASES)
def test_every_kind_of_importance_has_one_shape(name: str, k: int) -> None:
    pytest.importorskip("pandas")
    model, X, y = fitted(name, k)
    own = model.importance()["kind"].iloc[0]
    assert own in next((kinds for word, kinds in NATIVE.items() if word in name), ("coefficient", "total_gain"))
    assert {"permutation", "shap", own} <= set(model.importance_kinds_)
    for kind in ("native", *model.importance_kinds_):
        table = model.importance(kind, X, y, random_state=0)
        assert list(table.columns) == COLUMNS
        assert sorted(table["feature"]) == [f"f{j}" for j in range(6)]
        assert table["importance"].sum() == pytest.approx(1)
        assert (table["importance"] >= 0).all()
        assert (np.diff(table["raw"]) <= 0).all()
        assert (np.diff(table["rank"]) >= 0).all()
        assert table["rank"].sum() == 21
        averaged = {"permutation": 5, "shap": len(X)}.get(kind, 1)
        assert (table["n"] == averaged).all()
        assert table["sd"].notna().all() == (averaged > 1)
        np.testing.assert_allclose(table["se"], table["sd"] / np.sqrt(averaged))
    assert "f0" in list(model.importance("permutation", X, y)["feature"])[:2]
    np.testing.assert_allclose(
        model.importance().set_index("feature").loc[[f"f{j}" for j in range(6)], "importance"],
        model.feature_importances_,
        rtol=1e-6,
    )


@pytest.mark.parametrize(("name", "k"), CASES)
@pytest.mark.parametrize("metric", [*explanation.CLASS_METRICS, "r2", "mse", "mae"])
def test_permutation_importance_is_that_of_predicting_everything_again(name: str, k: int, metric: str) -> None:
    if (metric in explanation.CLASS_METRICS) != (k > 0):
        return
    model, X, y = fitted(name, k)
    result = model.permutation_importance(X, y, 2, 3, 5, metric=metric)
    sources = _load.core().permuted_rows(len(X), 3, 2, 5)
    answers = model._codes_of(y)

    def score(values: NDArray[np.float32]) -> float:
        predicted = model.predict_proba(values) if k else model.predict(values)
        return explanation.prediction_score(model.fitted_, predicted, answers, metric)

    assert result.score == pytest.approx(score(X), abs=1e-5)
    for j in range(6):
        for r in range(2):
            moved = X.copy()
            moved[:, j] = X[sources[r], j]
            # Sums of float32 in another order; a margin of exactly 0 may fall to the other class.
            assert result.importances[j, r] == pytest.approx(score(X) - score(moved), abs=2e-5)


@pytest.mark.parametrize("name", ["RandomForestClassifier", "XGBoostClassifier", "LogisticRegression"])
def test_columns_of_a_group_move_together(name: str) -> None:
    model, X, y = fitted(name, 2)
    groups = [[0, 3], [4]]
    result = model.permutation_importance(X, y, 2, 3, 5, method="shift", groups=groups)
    sources = _load.core().permuted_rows(len(X), 3, 2, 5, "shift")
    for g, columns in enumerate(groups):
        for r in range(2):
            moved = X.copy()
            moved[:, columns] = X[sources[r]][:, columns]
            expected = explanation.prediction_score(
                model.fitted_, model.predict_proba(moved), model._codes_of(y), "log_loss"
            )
            assert result.score - result.importances[g, r] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", ["RandomForestRegressor", "XGBoostClassifier", "LightGBMClassifier", "Ridge"])
def test_importances_are_the_same_for_any_number_of_threads(name: str) -> None:
    model, X, y = fitted(name, 0 if "Regressor" in name or name == "Ridge" else 3)
    metric = "r2" if model.fitted_.n_classes == 0 else "auc"
    one = model.permutation_importance(X, y, random_state=0, metric=metric).importances
    for threads in (2, 3):
        again = model.set_params(n_jobs=threads).permutation_importance(X, y, random_state=0, metric=metric).importances
        assert again.tobytes() == one.tobytes()


@pytest.mark.parametrize(("name", "k"), [("RandomForestClassifier", 3), ("XGBoostClassifier", 2)])
def test_many_repeats_and_many_thresholds_are_counted_alike(name: str, k: int) -> None:
    """More repeats than a machine word has bits, and more thresholds of a column than a byte has values."""
    X, y = data(k, n=3000, d=2)
    settings = {"n_estimators": 60, "max_depth": 12, "random_state": 0}
    model = getattr(models, name)(**settings | ({"max_bin": 1000} if name.startswith("XGB") else {})).fit(X, y)
    result = model.permutation_importance(X[:100], y[:100], 70, 1, 3)
    sources = _load.core().permuted_rows(100, 1, 70, 3)
    for r in (0, 63, 64, 69):
        moved = X[:100].copy()
        moved[:, 0] = moved[sources[r], 0]
        score = explanation.prediction_score(
            model.fitted_, model.predict_proba(moved), model._codes_of(y[:100]), "log_loss"
        )
        assert result.score - result.importances[0, r] == pytest.approx(score, abs=1e-5)


def test_scores_of_all_rows_are_made_in_several_passes() -> None:
    """More predictions than are kept at a time: 20,000 rows x 25 repeats x 5 columns."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 5)).astype(np.float32)
    y = (X[:, 4] + rng.normal(size=len(X)) > 0).astype(int)
    model = models.LogisticRegression().fit(X[:2000], y[:2000])
    result = model.permutation_importance(X, y, 25, 1, 0, metric="auc")
    sources = _load.core().permuted_rows(len(X), 1, 25, 0)
    for column, repeat in ((0, 0), (3, 24), (4, 17)):
        moved = X.copy()
        moved[:, column] = X[sources[repeat], column]
        expected = explanation.prediction_score(model.fitted_, model.predict_proba(moved), y.astype(np.int32), "auc")
        assert result.score - result.importances[column, repeat] == pytest.approx(expected, abs=1e-9)


def test_missing_values_move_as_values_do() -> None:
    X, y = data(3)
    X[np.random.default_rng(1).random(X.shape) < 0.2] = np.nan
    for name in ("RandomForestClassifier", "XGBoostClassifier", "LightGBMClassifier"):
        if name.startswith("LightGBM"):
            pytest.importorskip("lightgbm")
        model = getattr(models, name)(**TREES).fit(X[:250], y[:250])
        result = model.permutation_importance(X[250:], y[250:], 1, 1, 0)
        source = _load.core().permuted_rows(150, 1, 1, 0)[0]
        for j in range(6):
            moved = X[250:].copy()
            moved[:, j] = moved[source, j]
            score = explanation.prediction_score(
                model.fitted_, model.predict_proba(moved), model._codes_of(y[250:]), "log_loss"
            )
            assert result.score - result.importances[j, 0] == pytest.approx(score, abs=1e-5)


def test_several_quantiles_are_scored_by_their_pinball_loss() -> None:
    X, y = data(0)
    model = models.XGBoostRegressor(objective="reg:quantileerror", quantile_alpha=[0.2, 0.5, 0.8], n_estimators=10)
    model.fit(X[:250], y[:250])
    result = model.permutation_importance(X[250:], y[250:], random_state=0)
    from sklearn.metrics import mean_pinball_loss

    predicted = model.predict(X[250:])
    loss = np.mean([mean_pinball_loss(y[250:], predicted[:, i], alpha=q) for i, q in enumerate((0.2, 0.5, 0.8))])
    assert result.score == pytest.approx(-loss, rel=1e-6)
    assert result.importances_mean.argmax() == 0
    assert set(model.explain(X[250:252])["class"]) == {0.2, 0.5, 0.8}
    with pytest.raises(InputError, match="pinball"):
        model.permutation_importance(X, y, metric="r2")


def test_scores_are_those_of_scikit_learn() -> None:
    from sklearn import metrics

    X, y = data(3)
    model = models.LogisticRegression().fit(X[:250], y[:250])
    proba, answers = model.predict_proba(X[250:]), model._codes_of(y[250:])

    def ours(metric: str) -> float:
        return explanation.prediction_score(model.fitted_, proba, answers, metric)

    assert ours("log_loss") == pytest.approx(-metrics.log_loss(answers, proba))
    assert ours("accuracy") == pytest.approx(metrics.accuracy_score(answers, proba.argmax(1)))
    assert ours("balanced_accuracy") == pytest.approx(metrics.balanced_accuracy_score(answers, proba.argmax(1)))
    assert ours("auc") == pytest.approx(metrics.roc_auc_score(answers, proba, multi_class="ovr"))
    assert ours("brier") == pytest.approx(-((proba - np.eye(3)[answers]) ** 2).sum(axis=1).mean())
    X, z = data(0)
    ridge = models.Ridge().fit(X[:250], z[:250])
    for metric, theirs in (("r2", metrics.r2_score), ("mse", metrics.mean_squared_error)):
        value = explanation.prediction_score(ridge.fitted_, ridge.predict(X[250:]), z[250:], metric)
        assert value == pytest.approx(theirs(z[250:], ridge.predict(X[250:])) * (1 if metric == "r2" else -1))


def test_importances_agree_with_those_of_scikit_learn() -> None:
    """Other permutations of the same rows: means over 30 repeats agree within their standard errors."""
    from sklearn.inspection import permutation_importance

    model, X, y = fitted("RandomForestClassifier", 2)
    theirs = permutation_importance(model, X, y, scoring="neg_log_loss", n_repeats=30, random_state=0)
    ours = model.permutation_importance(X, y, n_repeats=30, random_state=0)
    se = np.hypot(ours.importances_std, theirs.importances_std) / np.sqrt(30)
    assert (np.abs(ours.importances_mean - theirs.importances_mean) <= 5 * se + 1e-12).all()


def test_linear_contributions_are_coefficients_times_distance_from_the_training_mean() -> None:
    X, y = data(0)
    weight = np.random.default_rng(2).uniform(0.1, 2, 250)
    model = models.Ridge().fit(X[:250], y[:250], sample_weight=weight)
    mean = np.average(X[:250].astype(float), axis=0, weights=weight)
    np.testing.assert_allclose(model.shap_values(X[250:])[:, :-1, 0], model.coef_ * (X[250:] - mean), atol=1e-10)
    np.testing.assert_allclose(model.shap_values(X[:250])[:, :-1, 0].T @ weight, 0, atol=1e-4)


@pytest.mark.parametrize("name", ["Ridge", "LogisticRegression"])
def test_a_stored_model_explains_as_it_did(name: str, tmp_path: Any) -> None:
    model, X, _ = fitted(name, 0 if name == "Ridge" else 3)
    model.save(tmp_path / "model.smc")
    again = models.load_model(tmp_path / "model.smc")
    assert again.shap_values(X).tobytes() == model.shap_values(X).tobytes()
    meta, arrays = model.fitted_.to_state()
    old = type(model.fitted_).from_state(meta, {key: value for key, value in arrays.items() if key != "mean"})
    with pytest.raises(InputError, match="fit it again"):
        explanation.shap_values(old, X)


@pytest.mark.parametrize(
    ("name", "kind", "known"),
    [
        ("RandomForestClassifier", "gain", "'native', 'gini', 'permutation', 'shap'"),
        ("RandomForestRegressor", "gini", "'native', 'variance', 'permutation', 'shap'"),
        (
            "XGBoostClassifier",
            "gini",
            "'native', 'total_gain', 'gain', 'weight', 'cover', 'total_cover'",
        ),
        ("Ridge", "lime", "'native', 'coefficient', 'permutation', 'shap'"),
    ],
)
def test_a_kind_the_family_lacks_is_refused_with_those_it_has(name: str, kind: str, known: str) -> None:
    model, X, y = fitted(name, 0 if name in REGRESSORS else 2)
    with pytest.raises(InputError, match=known) as refused:
        model.importance(kind, X, y)
    assert name in str(refused.value)


def test_what_is_missing_or_wrong_is_named() -> None:
    model, X, y = fitted("RandomForestClassifier", 2)
    for kind, message in (("permutation", "needs X and y"), ("shap", "needs X")):
        with pytest.raises(InputError, match=message):
            model.importance(kind)
    with pytest.raises(InputError, match="'log_loss', 'accuracy', 'balanced_accuracy', 'auc', 'brier'"):
        model.permutation_importance(X, y, metric="r2")
    with pytest.raises(InputError, match="method must be 'blocks' or 'shift'"):
        model.permutation_importance(X, y, method="swap")
    with pytest.raises(InputError, match="different column numbers below 6"):
        model.permutation_importance(X, y, groups=[[0, 1], [1]])
    with pytest.raises(InputError, match="more than 8 x horizon"):
        model.permutation_importance(X, y, horizon=20, method="shift")


def test_a_network_has_permutation_importance_and_no_made_up_contributions() -> None:
    try:
        _load.neural()
    except ImportError:
        pytest.skip("no neural module")
    X, y = data(2)
    net = models.MLPClassifier([8], max_epochs=15, random_state=0).fit(X[:250], y[:250])
    table = net.importance("permutation", X[250:], y[250:], random_state=0)
    assert list(table.columns) == COLUMNS
    assert table["feature"].iloc[0] == "f0"
    assert net.importance_kinds_ == ("permutation",)
    for call in (net.shap_values, net.explain, lambda X: net.importance("shap", X), lambda X: net.importance()):
        with pytest.raises(InputError, match="permutation"):
            call(X)


def test_rows_without_a_full_window_do_not_count() -> None:
    try:
        _load.neural()
    except ImportError:
        pytest.skip("no neural module")
    X, y = data(2)
    segment = np.repeat([0, 1], 75)
    net = models.LSTMClassifier(4, lookback=5, max_epochs=3, random_state=0).fit(X[:250], y[:250])
    found = net.permutation_importance(X[250:], y[250:], 1, 1, 0, segment=segment)
    proba = net.predict_proba(X[250:], segment)
    silent = np.isnan(proba[:, 0])
    assert silent.sum() == 8
    own = proba[~silent, net._codes_of(y[250:])[~silent]]
    assert found.score == pytest.approx(np.log(own).mean())


def test_without_pandas_tables_are_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    model, X, _ = fitted("Ridge", 0)
    assert list(model.importance()) == COLUMNS
    assert isinstance(model.explain(X[:1])["row"], np.ndarray)
