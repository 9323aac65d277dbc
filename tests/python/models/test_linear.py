"""Linear models: closed forms, optimality conditions, agreement with scikit-learn, the published FTRL algorithm."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn.linear_model as peer
from hypothesis import given, settings
from hypothesis import strategies as st

from smctrain.exceptions import InputError, OneClass
from smctrain.models import (
    ElasticNet,
    FTRLClassifier,
    Lasso,
    LinearRegression,
    LogisticRegression,
    Ridge,
    load_model,
)
from smctrain.models.registry import make_trainer
from smctrain.splits import PurgedKFold


def data(n: int = 300, d: int = 8, seed: int = 0) -> tuple[Any, Any]:
    """Values that float32 holds exactly, so that peers in double see the same numbers."""
    rng = np.random.default_rng(seed)
    X = (rng.normal(size=(n, d)) * np.geomspace(0.1, 30, d) + 5).astype(np.float32)
    z = (X - X.mean(0)) / X.std(0)
    y = 3 + z @ np.where(np.arange(d) % 2, 1.0, 0.0) + rng.normal(size=n)
    return X, y


def standardised(X: Any) -> Any:
    wide = X.astype(np.float64)
    return (wide - wide.mean(0)) / wide.std(0)


# ---- least squares and ridge ------


def test_least_squares_is_the_solution_of_the_normal_equations() -> None:
    X, y = data()
    model = LinearRegression().fit(X, y)
    full = np.column_stack([X.astype(np.float64), np.ones(len(X))])
    expected = np.linalg.lstsq(full, y, rcond=None)[0]
    np.testing.assert_allclose([*model.coef_, model.intercept_], expected, rtol=1e-9)
    assert model.rank_ == 8


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_collinear_columns_and_more_columns_than_rows_get_the_least_norm(fit_intercept: bool) -> None:
    X, y = data(30, 40)
    ours = LinearRegression(standardize=False, fit_intercept=fit_intercept).fit(X, y)
    theirs = peer.LinearRegression(fit_intercept=fit_intercept).fit(X.astype(np.float64), y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-6, atol=1e-9)
    X, y = data()
    twice = np.column_stack([X, X[:, 3]])
    model = LinearRegression().fit(twice, y)
    assert model.rank_ == 8
    assert model.coef_[3] == pytest.approx(model.coef_[8], rel=1e-7)
    np.testing.assert_allclose(model.predict(twice), LinearRegression().fit(X, y).predict(X), rtol=1e-8)


@pytest.mark.parametrize("shape", [(300, 8), (20, 50)])
def test_ridge_is_its_closed_form_for_every_penalty_of_a_path(shape: tuple[int, int]) -> None:
    X, y = data(*shape)
    z = standardised(X)
    alphas = np.geomspace(1e-2, 1e4, 9)
    path = Ridge().path(X, y, alphas=alphas)
    for alpha, coef in zip(alphas, path.coefs, strict=True):
        expected = np.linalg.solve(z.T @ z + alpha * np.eye(z.shape[1]), z.T @ (y - y.mean())) / X.astype(float).std(0)
        np.testing.assert_allclose(coef, expected, rtol=1e-6, atol=1e-10)
        np.testing.assert_allclose(Ridge(alpha).fit(X, y).coef_, coef, rtol=1e-8, atol=1e-12)
    theirs = peer.Ridge(alpha=3.0).fit(X.astype(np.float64), y)
    np.testing.assert_allclose(Ridge(3.0, standardize=False).fit(X, y).coef_, theirs.coef_, rtol=1e-6, atol=1e-9)


# ---- lasso and elastic net ------


@pytest.mark.parametrize("shape", [(200, 12), (25, 60)])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.4])
def test_coordinate_descent_meets_the_optimality_conditions(shape: tuple[int, int], l1_ratio: float) -> None:
    X, y = data(*shape)
    path = ElasticNet(l1_ratio=l1_ratio, alphas=20, tol=1e-10).path(X, y)
    z = standardised(X)
    for alpha, coef, gap in zip(path.alphas, path.coefs, path.gap, strict=True):
        b = coef * X.astype(np.float64).std(0)
        slope = z.T @ (y - y.mean() - z @ b) / len(y) - alpha * (1 - l1_ratio) * b
        assert gap <= 1e-10 * y.var()
        # A gap of e bounds the error of a slope by about sqrt(2 e) times the norm of a column.
        assert np.abs(slope[b != 0] - alpha * l1_ratio * np.sign(b[b != 0])).max(initial=0.0) < 1e-4
        assert np.abs(slope[b == 0]).max(initial=0.0) <= alpha * l1_ratio + 1e-4
    assert not path.coefs[0].any()  # the smallest penalty with zeros only opens the path
    assert path.coefs[1].any()


@pytest.mark.parametrize("shape", [(200, 12), (25, 60)])
def test_the_path_agrees_with_scikit_learn_and_is_continuous(shape: tuple[int, int]) -> None:
    X, y = data(*shape)
    path = Lasso(tol=1e-12, alphas=60).path(X, y)
    _, coefs, _ = peer.lasso_path(standardised(X), y - y.mean(), alphas=path.alphas, tol=1e-12, max_iter=100_000)
    ours = path.coefs * X.astype(np.float64).std(0)
    np.testing.assert_allclose(ours, coefs.T, atol=2e-5)  # both stop at the same gap, not at the same point
    fine = Lasso(tol=1e-12).path(X, y, alphas=np.linspace(0.2, 0.21, 20))
    assert np.abs(np.diff(fine.coefs * X.std(0), axis=0)).max() < 0.02


def test_a_huge_penalty_and_a_constant_target_give_zeros() -> None:
    X, y = data()
    model = Lasso(1e6).fit(X, y)
    assert not model.coef_.any()
    assert model.intercept_ == pytest.approx(y.mean())
    assert not model.feature_importances_.any()
    for estimator in (Lasso(0.1), ElasticNet(0.1), Ridge(), LinearRegression(), Lasso(cv=PurgedKFold(3))):
        flat = estimator.fit(X, np.full(len(X), 7.0))
        np.testing.assert_allclose(flat.predict(X), 7.0, rtol=1e-12)


@pytest.mark.parametrize("estimator", [Ridge, Lasso, ElasticNet])
def test_purged_cross_validation_chooses_the_penalty_by_held_out_rows(estimator: Any) -> None:
    X, y = data(150)
    t0 = np.arange(150)
    cv = PurgedKFold(4, intervals=(t0, t0 + 5))
    model = estimator(cv=cv, alphas=[0.01, 0.1, 1.0, 30.0]).fit(X, y)
    errors = np.empty((4, 4))
    sizes = []
    for number, (train, test) in enumerate(cv.split(X)):
        sizes.append(len(test))
        for k, alpha in enumerate(model.alphas_):
            alone = estimator(alpha).fit(X[train], y[train])
            errors[k, number] = np.mean((alone.predict(X[test]) - y[test]) ** 2)
    np.testing.assert_allclose(model.mse_path_, errors, rtol=1e-3)
    assert model.alpha_ == model.alphas_[np.argmin(errors @ sizes)]
    np.testing.assert_allclose(model.coef_, estimator(model.alpha_).fit(X, y).coef_, rtol=1e-2, atol=1e-3)


# ---- logistic regression ------


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_logistic_regression_agrees_with_scikit_learn(k: int, class_weight: str | None) -> None:
    X, y = data()
    labels = np.digitize(y, np.quantile(y, np.linspace(0.2, 0.8, k - 1)))
    ours = LogisticRegression(0.5, tol=1e-9, class_weight=class_weight).fit(X, labels)
    z = standardised(X)
    if class_weight is None:
        theirs = peer.LogisticRegression(C=0.5, solver="newton-cholesky", tol=1e-10).fit(z, labels)
        np.testing.assert_allclose(ours.coef_ * X.astype(float).std(0), theirs.coef_, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(z), atol=1e-7)
    raw = LogisticRegression(0.5, tol=1e-9, class_weight=class_weight, standardize=False).fit(X, labels)
    theirs = peer.LogisticRegression(
        C=0.5, solver="newton-cholesky", tol=1e-10, class_weight=class_weight, max_iter=500
    ).fit(X.astype(np.float64), labels)
    np.testing.assert_allclose(raw.predict_proba(X), theirs.predict_proba(X.astype(np.float64)), atol=1e-5)


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
def test_logistic_regression_meets_the_optimality_conditions(k: int, l1_ratio: float) -> None:
    X, y = data()
    labels = np.digitize(y, np.quantile(y, np.linspace(0.3, 0.7, k - 1)))
    model = LogisticRegression(0.05, l1_ratio=l1_ratio, tol=1e-9).fit(X, labels)
    assert model.warnings_ == []
    p = model.predict_proba(X)
    error = (p - np.eye(k)[labels])[:, 1:] if k == 2 else p - np.eye(k)[labels]
    b = model.coef_ * X.astype(np.float64).std(0)
    gradient = 0.05 * error.T @ standardised(X) + (1 - l1_ratio) * b
    np.testing.assert_allclose(error.sum(axis=0), 0.0, atol=1e-5)  # the intercept is free
    on = b != 0
    np.testing.assert_allclose(gradient[on], -l1_ratio * np.sign(b[on]), atol=1e-6)
    assert np.abs(gradient[~on]).max(initial=0.0) <= l1_ratio + 1e-6
    if l1_ratio == 1.0:
        assert (~on).any()


def test_many_classes_converge_by_blocks_of_the_hessian() -> None:
    rng = np.random.default_rng(2)
    X = rng.normal(size=(600, 40)).astype(np.float32)
    labels = (X[:, :35] + 0.5 * rng.normal(size=(600, 35))).argmax(axis=1)  # 35 * 41 > 1200
    model = LogisticRegression(0.1, tol=1e-7, max_iter=300).fit(X, labels)
    theirs = peer.LogisticRegression(C=0.1, tol=1e-8, max_iter=1000).fit(standardised(X), labels)
    np.testing.assert_allclose(model.predict_proba(X), theirs.predict_proba(standardised(X)), atol=1e-4)


def test_separable_classes_without_penalty_say_that_they_do_not_converge() -> None:
    X = np.arange(10, dtype=np.float32)[:, None]
    model = LogisticRegression(np.inf, max_iter=5, tol=1e-12).fit(X, X[:, 0] > 4)
    assert "did not converge in 5 iterations" in model.warnings_[0]
    assert len(model.history_) == 6


def test_a_training_run_knows_the_classifiers_and_refuses_regressions() -> None:
    assert make_trainer("logistic", {"C": 0.1}).needs_scaling
    assert make_trainer("ftrl").family == "FTRLProximal"
    with pytest.raises(InputError, match="Ridge predicts numbers"):
        make_trainer("ridge")
    with pytest.raises(InputError, match=r"C must be a positive number, but is 0\. max_iter must be"):
        make_trainer("logistic", {"C": 0, "max_iter": 0})


# ---- FTRL ------


def published(X: Any, y: Any, alpha: float, beta: float, l1: float, l2: float) -> Any:
    """McMahan et al. (2013), Algorithm 1, line by line."""
    d = X.shape[1]
    z, n, w = np.zeros(d), np.zeros(d), np.zeros(d)
    for x, label in zip(X, y, strict=True):
        active = np.flatnonzero(x)
        for i in active:
            if abs(z[i]) <= l1:
                w[i] = 0.0
            else:
                w[i] = -1 / ((beta + np.sqrt(n[i])) / alpha + l2) * (z[i] - np.sign(z[i]) * l1)
        p = 1 / (1 + np.exp(-(x[active] @ w[active])))
        for i in active:
            g = (p - label) * x[i]
            sigma = (np.sqrt(n[i] + g**2) - np.sqrt(n[i])) / alpha
            z[i] += g - sigma * w[i]
            n[i] += g**2
    return z, n


def test_ftrl_is_the_published_algorithm_in_one_stream_or_many() -> None:
    X, y = data(400)
    X = np.round(standardised(X), 2).astype(np.float32)
    X[::3, 2] = 0.0
    labels = (y > np.median(y)).astype(int)
    model = FTRLClassifier(0.3, beta=0.7, l1=1.5, l2=0.2, fit_intercept=False).fit(X, labels)
    z, n = published(X.astype(np.float64), labels, 0.3, 0.7, 1.5, 0.2)
    np.testing.assert_allclose(model.fitted_.state["z"][0, :-1], z, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(model.fitted_.state["n"][0, :-1], n, rtol=1e-10)
    stream = FTRLClassifier(0.3, beta=0.7, l1=1.5, l2=0.2, fit_intercept=False)
    for start in range(0, 400, 64):
        stream.partial_fit(X[start : start + 64], labels[start : start + 64], classes=[0, 1])
    assert stream.coef_.tobytes() == model.coef_.tobytes()
    assert (model.coef_ == 0).any()


# ---- all of them ------

EVERY = [LinearRegression(), Ridge(2.0), Lasso(0.1), ElasticNet(0.1), LogisticRegression(), FTRLClassifier()]


def target_for(model: Any, y: Any) -> Any:
    return np.where(y > np.median(y), "up", "down") if hasattr(model, "predict_proba") else y


@pytest.mark.parametrize("model", EVERY[:5], ids=lambda model: type(model).__name__)
@settings(max_examples=15, deadline=None)
@given(counts=st.lists(st.integers(0, 3), min_size=30, max_size=30), seed=st.integers(0, 5))
def test_a_weight_is_the_same_as_repeating_the_row(model: Any, counts: list[int], seed: int) -> None:
    X, y = data(30, 3, seed)
    target = target_for(model, y)
    counts[int(np.argmin(y))] = counts[int(np.argmax(y))] = 1
    weighted = copy.deepcopy(model).fit(X, target, sample_weight=counts)
    repeated = copy.deepcopy(model).fit(np.repeat(X, counts, axis=0), np.repeat(target, counts))
    ask = "predict_proba" if hasattr(model, "predict_proba") else "predict"
    # Coordinate descent and Newton stop within their tolerance of the optimum, not at the same point.
    np.testing.assert_allclose(getattr(weighted, ask)(X), getattr(repeated, ask)(X), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("model", EVERY, ids=lambda model: type(model).__name__)
def test_stored_and_copied_models_predict_the_same_bits(model: Any, tmp_path: Path) -> None:
    X, y = data(80)
    model = copy.deepcopy(model).fit(X, target_for(model, y))
    model.save(tmp_path / "m.smc")
    for other in (load_model(tmp_path / "m.smc"), pickle.loads(pickle.dumps(model))):
        assert type(other) is type(model)
        assert other.predict(X).tolist() == model.predict(X).tolist()
        assert other.coef_.tobytes() == model.coef_.tobytes()


@pytest.mark.parametrize("model", EVERY, ids=lambda model: type(model).__name__)
def test_bad_input_has_one_outcome(model: Any) -> None:
    X, y = data(80)
    target = target_for(model, y)
    holes = X.copy()
    holes[4, 2] = np.nan
    with pytest.raises(InputError, match="column 2, row 4, is NaN"):
        copy.deepcopy(model).fit(holes, target)
    constant = X.copy()
    constant[:, 1] = 3.3
    fitted = copy.deepcopy(model).fit(constant, target)
    assert np.isfinite(fitted.coef_).all()
    if type(model) is not FTRLClassifier:
        assert np.ravel(fitted.coef_)[1] == 0.0
    if hasattr(model, "predict_proba"):
        with pytest.raises(OneClass):
            copy.deepcopy(model).fit(X, np.full(80, "up"))


@pytest.mark.parametrize("model", EVERY, ids=lambda model: type(model).__name__)
def test_threads_do_not_change_a_bit(model: Any) -> None:
    X, y = data(20_000, 5)
    target = target_for(model, y)
    one, three = (copy.deepcopy(model).set_params(n_jobs=jobs).fit(X, target) for jobs in (1, 3))
    assert one.coef_.tobytes() == three.coef_.tobytes()


@pytest.mark.parametrize("model", EVERY, ids=lambda model: type(model).__name__)
def test_a_time_limit_leaves_a_marked_usable_model(model: Any) -> None:
    X, y = data(20_000, 5)
    stopped = copy.deepcopy(model).fit(X, target_for(model, y), time_limit=1e-9)
    assert not stopped.complete_
    assert stopped.stop_reason_ == "timeout"
    assert stopped.warnings_
    assert np.isfinite(stopped.coef_).all()
    stopped.predict(X[:5])


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("n", [25, 300])
def test_more_columns_than_rows_reach_the_optimum_without_a_matrix_of_columns(
    n_classes: int, l1_ratio: float, n: int
) -> None:
    rng = np.random.default_rng(n)
    X = rng.normal(size=(n, 1500)).astype(np.float32)
    y = np.digitize(X[:, 0] + X[:, 1], [0.0] if n_classes == 2 else [-0.7, 0.7])
    weight = rng.uniform(0.5, 2.0, size=n)
    model = LogisticRegression(C=0.5, l1_ratio=l1_ratio, standardize=False, tol=1e-8, n_jobs=2)
    model.fit(X, y, sample_weight=weight)
    assert model.warnings_ == []
    proba, chosen = model.predict_proba(X), np.eye(n_classes)[y]
    difference = (0.5 * weight)[:, None] * (proba - chosen)
    if n_classes == 2:
        difference = difference[:, 1:]
    # Optimality: the slope of the smooth part is within l1 of 0, and equals -l1 sign(b) where b is not 0.
    slope = difference.T @ X.astype(np.float64) + (1 - l1_ratio) * model.coef_
    error = np.where(model.coef_ == 0, np.maximum(np.abs(slope) - l1_ratio, 0), slope + l1_ratio * np.sign(model.coef_))
    assert np.abs(error).max() < 1e-8 * 0.5 * weight.sum() * 1.01  # tol is of the mean loss
    assert np.abs(difference.sum(axis=0)).max() < 1e-6
    assert (l1_ratio == 0) == bool((model.coef_ != 0).all())
    if l1_ratio == 0.0 and n_classes == 2:
        other = peer.LogisticRegression(C=0.5, tol=1e-10, max_iter=5000).fit(X, y, sample_weight=weight)
        np.testing.assert_allclose(model.coef_, other.coef_, atol=1e-4)
    again = LogisticRegression(C=0.5, l1_ratio=l1_ratio, standardize=False, tol=1e-8, n_jobs=1)
    assert again.fit(X, y, sample_weight=weight).coef_.tobytes() == model.coef_.tobytes()


def test_a_wide_fit_ends_in_time() -> None:
    X = np.random.default_rng(0).normal(size=(1500, 4000)).astype(np.float32)
    model = LogisticRegression(tol=1e-12).fit(X, X[:, 0] > 0, time_limit=0.05)
    assert not model.complete_
    assert model.stop_reason_ == "timeout"
    assert np.isfinite(model.predict_proba(X[:5])).all()
