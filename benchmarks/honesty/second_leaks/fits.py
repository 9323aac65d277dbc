"""What happens between the split and the prediction: `fit(X, y, train, held)` as it stands in somebody's script."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .base import CASES, HORIZON, N_ROWS, Array, Case, Rows, logistic, on_table


def inner(train: Rows) -> tuple[Rows, Rows]:
    """Learn and judge inside the training rows."""
    cut = len(train) * 7 // 10
    return train[: cut - HORIZON], train[cut:]


def scores(X: Array, y: Array, train: Rows, held: Rows, C: float = 0.1) -> Array:
    """Probabilities of a logistic model fitted on training rows."""
    from sklearn.linear_model import LogisticRegression

    mean, sd = X[train].mean(0), X[train].std(0) + 1e-12
    model = LogisticRegression(C=C).fit((X[train] - mean) / sd, y[train])
    return np.asarray(model.predict_proba((X[held] - mean) / sd)[:, 1], np.float64)


def judged(X: Array, y: Array, train: Rows, held: Rows, leaky: bool) -> tuple[Array, Array, Rows]:
    """Scores of the held rows, and scores and rows on which something is chosen: the held ones, or inner ones."""
    p = scores(X, y, train, held)
    if leaky:
        return p, p, held
    learn, judge = inner(train)
    return p, scores(X, y, learn, judge), judge


def step(kind: str, columns: int = 0, **more: Any) -> Callable[[Callable[..., Array]], Any]:
    """Register ``fit(X, y, train, held, leaky)``; `columns` of pure noise are added to the table."""

    def add(fit: Callable[..., Array]) -> Any:
        def build(seed: int, leaky: bool) -> dict[str, Any]:
            job = on_table(seed, fit=lambda X, y, train, held: fit(X, y, train, held, leaky), **more)
            noise = np.random.default_rng(seed).standard_normal((N_ROWS, columns))
            return job | {"X": np.column_stack([job["X"], noise])}

        CASES.append(Case(fit.__name__, kind, build, ("(fit)",)))
        return fit

    return add


@step("L1.1")
def best_of_twelve_models(X: Array, y: Array, train: Rows, held: Rows, leaky: bool) -> Array:
    learn, judge = (train, held) if leaky else inner(train)
    best, kept = -1.0, 0
    rng = np.random.default_rng(0)
    subsets = [rng.choice(X.shape[1], 5, replace=False) for _ in range(12)]
    for k, some in enumerate(subsets):
        right = ((scores(X[:, some], y, learn, judge) > 0.5) == y[judge]).mean()
        best, kept = (right, k) if right > best else (best, kept)
    return (scores(X[:, subsets[kept]], y, train, held) > 0.5).astype(float)


@step("L1.1")
def signs_turned_when_the_test_is_bad(X: Array, y: Array, train: Rows, held: Rows, leaky: bool) -> Array:
    p, q, rows = judged(X, y, train, held, leaky)
    return (p > 0.5).astype(float) if ((q > 0.5) == y[rows]).mean() >= 0.5 else (p <= 0.5).astype(float)


@step("L1.1")
def calibrated_on_the_test(X: Array, y: Array, train: Rows, held: Rows, leaky: bool) -> Array:
    from sklearn.isotonic import IsotonicRegression

    p, q, rows = judged(X, y, train, held, leaky)
    return np.asarray(IsotonicRegression(out_of_bounds="clip").fit(q, y[rows]).predict(p), np.float64)


@step("L1.1")
def learning_on_before_labels_are_known(X: Array, y: Array, train: Rows, held: Rows, leaky: bool) -> Array:
    return y[held - (1 if leaky else HORIZON + 1)]  # "the last label goes on"


@step("L1.2")
def test_scaled_by_itself(X: Array, y: Array, train: Rows, held: Rows, leaky: bool) -> Array:
    Z = X.copy()
    for rows in (train, held):
        base = rows if leaky else train
        Z[rows] = (X[rows] - X[base].mean(0)) / X[base].std(0)
    return logistic(Z, y, train, held)


@step("L1.2")
def normal_scores_of_all_rows(X: Array, y: Array, train: Rows, held: Rows, leaky: bool) -> Array:
    from sklearn.preprocessing import QuantileTransformer

    made = QuantileTransformer(n_quantiles=200, output_distribution="normal").fit(X if leaky else X[train])
    return logistic(made.transform(X), y, train, held)


@step("L1.3", columns=80)
def composite_weighted_by_whole_sample_ic(X: Array, y: Array, train: Rows, held: Rows, leaky: bool) -> Array:
    rows = np.r_[train, held] if leaky else train
    Z = (X - X[train].mean(0)) / X[train].std(0)
    return (Z[held] @ (Z[rows].T @ (y[rows] - y[rows].mean())) > 0).astype(float)


@step("L1.3")
def bins_cut_by_a_tree_on_all_rows(X: Array, y: Array, train: Rows, held: Rows, leaky: bool) -> Array:
    from sklearn.tree import DecisionTreeClassifier

    rows = np.arange(len(y)) if leaky else train
    leaves = [
        DecisionTreeClassifier(max_leaf_nodes=6, random_state=0).fit(X[rows, j : j + 1], y[rows]).apply(X[:, j : j + 1])
        for j in range(X.shape[1])
    ]
    return logistic(np.column_stack(leaves).astype(float), y, train, held)


@step("L1.3", columns=80)
def mutual_information_of_all_rows(X: Array, y: Array, train: Rows, held: Rows, leaky: bool) -> Array:
    rows = np.arange(len(y)) if leaky else train
    above = np.median(X[train], axis=0) < X  # of two halves: a rank of how dependent they are
    apart = np.abs(above[rows][y[rows] == 1].mean(0) - above[rows][y[rows] == 0].mean(0))
    return logistic(X[:, np.argsort(-apart)[:8]], y, train, held)


@step("L3.3")
def weekdays_that_went_well_in_the_test(X: Array, y: Array, train: Rows, held: Rows, leaky: bool) -> Array:
    p, q, rows = judged(X, y, train, held, leaky)
    right, day = (q > 0.5) == y[rows], rows // 24 % 5
    good = [d for d in range(5) if (day == d).any() and right[day == d].mean() > 0.5]
    return np.where(np.isin(held // 24 % 5, good), (p > 0.5).astype(float), np.nan)


@step("L3.3")
def confidence_that_paid_in_the_test(X: Array, y: Array, train: Rows, held: Rows, leaky: bool) -> Array:
    p, q, rows = judged(X, y, train, held, leaky)
    sure, right = np.abs(q - 0.5), (q > 0.5) == y[rows]
    cuts = np.quantile(sure, np.linspace(0, 0.9, 10))
    best = cuts[int(np.argmax([right[sure >= c].mean() for c in cuts]))]
    return np.where(np.abs(p - 0.5) >= best, (p > 0.5).astype(float), np.nan)


@step("L3.3")
def test_balanced_by_its_labels(X: Array, y: Array, train: Rows, held: Rows, leaky: bool) -> Array:
    said = (scores(X, y, train, held) > 0.5).astype(float)
    rng = np.random.default_rng(1)
    if leaky:
        ones, zeros = np.flatnonzero(y[held] == 1), np.flatnonzero(y[held] == 0)
        many = ones if len(ones) > len(zeros) else zeros
        said[rng.permutation(many)[: abs(len(ones) - len(zeros))]] = np.nan
    else:
        said[rng.random(len(held)) < 0.1] = np.nan
    return said


SYMBOL = np.arange(N_ROWS) % 5


@step("L3.3")
def symbols_that_went_well_in_the_test(X: Array, y: Array, train: Rows, held: Rows, leaky: bool) -> Array:
    p, q, rows = judged(X, y, train, held, leaky)
    right, name = (q > 0.5) == y[rows], SYMBOL[rows]
    good = np.argsort([-right[name == s].mean() for s in range(5)])[:2]
    return np.where(np.isin(SYMBOL[held], good), (p > 0.5).astype(float), np.nan)
