"""Importances on held-out rows of purged folds.

    mda            fall of the score (log-loss, or R2 of numbers) when a column is moved against the others
    clustered_mda  the same with all columns moved together that say the same
    sfi            score of a model of this column alone, above that of a constant answer
    shap           mean of the absolute contributions
    native         the model's own, in-sample: shown beside the others, never believed alone

Each is measured fold by fold; the table has mean, sd (ddof 1) and se = sd / sqrt(folds). Columns that repeat one
another share what they know, so that mda finds each of them useless: clustered_mda is the answer to that. Sources:
Lopez de Prado, "Advances in Financial Machine Learning" (2018), chapter 8, and "Machine Learning for Asset Managers"
(2020), chapter 6.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.exceptions import InputError, SmctrainError
from smctrain.explain.folds import (
    FoldImportance,
    FoldModels,
    column_names,
    folds_of,
    require_estimator,
    splits_of,
    take,
)
from smctrain.models import explanation
from smctrain.stats import correlation_clusters


def mda(
    model: Any,
    X: Any = None,
    y: Any = None,
    cv: Any = None,
    *,
    metric: str | None = None,
    n_repeats: int = 5,
    method: str = "shift",
    random_state: int = 0,
    sample_weight: Any = None,
    horizon: int | None = None,
) -> FoldImportance:
    """How much worse the held-out answers get when one column is moved.

    Parameters
    ----------
    model : estimator of `st.models`, or `FoldModels`
        With an estimator, X, y and `cv` are needed and `fit_folds` is called first.
    metric : str, optional
        Default "log_loss" for classes, "r2" for numbers, "pinball" for several quantiles.
    n_repeats : int
    method : "shift" or "blocks"
        Circular shift by a random s in [4h, rows - 4h], h = `horizon` of the folds (needs more than 8h rows a fold), or
        shuffled blocks of 2h rows.
    random_state : int
        Fold f draws from `random_state` + f.
    X, y, cv, sample_weight, horizon
        As of `fit_folds`.
    """
    folds = folds_of(model, X, y, cv, sample_weight=sample_weight, horizon=horizon)
    moved = [_losses(folds, fold, metric, n_repeats, method, random_state, None) for fold in range(len(folds.tests))]
    return FoldImportance(folds.features, "mda", np.stack(moved), folds.family)


def clustered_mda(
    model: Any,
    X: Any = None,
    y: Any = None,
    cv: Any = None,
    *,
    cut: float = 0.5,
    metric: str | None = None,
    n_repeats: int = 5,
    method: str = "shift",
    random_state: int = 0,
    sample_weight: Any = None,
    horizon: int | None = None,
) -> FoldImportance:
    """As `mda`, with whole clusters of columns moved; each column is given the fall of its cluster.

    Clusters are learned on the training rows of each fold: average linkage on 1 - |Spearman|, cut at `cut`.
    """
    folds = folds_of(model, X, y, cv, sample_weight=sample_weight, horizon=horizon)
    matrix = np.asarray(folds.X, dtype=np.float32)
    rows = []
    for fold, train in enumerate(folds.trains):
        labels = correlation_clusters(matrix, train, cut)
        groups = [np.flatnonzero(labels == label).tolist() for label in range(int(labels.max()) + 1)]
        rows.append(_losses(folds, fold, metric, n_repeats, method, random_state, groups)[labels])
    return FoldImportance(folds.features, "clustered_mda", np.stack(rows), folds.family)


def sfi(
    model: Any,
    X: Any,
    y: Any,
    cv: Any,
    *,
    metric: str | None = None,
    sample_weight: Any = None,
) -> FoldImportance:
    """Score of a model that sees one column only, above that of a constant answer, on held-out rows.

    The constant answer is the class shares (or mean, or quantiles) of the fold's training rows. Blind to what columns
    say only together, and to what two of them both say. One fit for each column and fold.
    """
    from sklearn.base import clone

    require_estimator(model)
    answers = np.asarray(y)
    weight = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    trains, tests = splits_of(cv, X, answers)
    values = []
    for train, test in zip(trains, tests, strict=True):
        inside, outside = np.asarray(take(X, train)), np.asarray(take(X, test))
        more = {} if weight is None else {"sample_weight": weight[train]}
        row = np.empty(inside.shape[1])
        for column in range(inside.shape[1]):
            fitted = clone(model).fit(inside[:, [column]], answers[train], **more)
            row[column] = _skill(fitted, outside[:, [column]], answers[train], answers[test], metric, more)
        values.append(row)
    return FoldImportance(column_names(X), "sfi", np.stack(values), type(model).__name__)


def shap(
    model: Any,
    X: Any = None,
    y: Any = None,
    cv: Any = None,
    *,
    max_rows: int = 2000,
    random_state: int = 0,
    sample_weight: Any = None,
    horizon: int | None = None,
) -> FoldImportance:
    """Mean absolute contribution on held-out rows: at most `max_rows` of all folds together, drawn in blocks.

    Raises
    ------
    InputError
        The family has no exact contributions.
    SmctrainError
        Contributions and base value do not add up to the margin (1e-6; 1e-4 for sums of float32).
    """
    folds = folds_of(model, X, y, cv, sample_weight=sample_weight, horizon=horizon)
    if max_rows < len(folds.tests):
        raise InputError(f"max_rows must be at least the number of folds ({len(folds.tests)}), but is {max_rows}.")
    rows = []
    for fold, fitted in enumerate(folds.models):
        chosen = block_sample(folds.tests[fold], max_rows // len(folds.tests), folds.horizon, random_state + fold)
        part = take(folds.X, chosen)
        values = fitted.shap_values(part)
        _check_additivity(fitted, part, values)
        rows.append(explanation.shap_strength(values).mean(axis=0))
    return FoldImportance(folds.features, "shap", np.stack(rows), folds.family)


def native(model: Any, X: Any = None, y: Any = None, cv: Any = None, *, kind: str = "native") -> FoldImportance:
    """The family's own importance of each fold's model, in-sample: decrease of impurity, gain, size of coefficients."""
    folds = folds_of(model, X, y, cv)
    chosen = explanation.chosen_kind(folds.models[0].fitted_, kind, folds.family)
    own = [explanation.native_importances(fitted.fitted_) for fitted in folds.models]
    if chosen not in own[0]:
        raise InputError(f"kind must be one of {', '.join(map(repr, own[0]))}, but is {kind!r}.")
    return FoldImportance(folds.features, chosen, np.stack([values[chosen] for values in own]), folds.family)


def block_sample(rows: NDArray[np.int64], most: int, horizon: int, seed: int) -> NDArray[np.int64]:
    """At most `most` of the rows, in blocks of 2 x horizon neighbours (fewer where that is more than `most`)."""
    if len(rows) <= most:
        return rows
    length = max(1, min(2 * horizon, most))
    blocks = -(-len(rows) // length)
    order = np.random.default_rng(seed).permutation(blocks)[: max(1, most // length)]
    chosen = (np.sort(order)[:, None] * length + np.arange(length)).reshape(-1)
    sample: NDArray[np.int64] = rows[chosen[chosen < len(rows)]]
    return sample


def _losses(
    folds: FoldModels,
    fold: int,
    metric: str | None,
    n_repeats: int,
    method: str,
    random_state: int,
    groups: Any,
) -> NDArray[np.float64]:
    result = folds.models[fold].permutation_importance(
        *folds.test_part(fold), n_repeats, folds.horizon, random_state + fold,
        metric=metric, method=method, groups=groups,
    )  # fmt: skip
    losses: NDArray[np.float64] = result.importances_mean
    return losses


def _skill(
    estimator: Any,
    part: NDArray[Any],
    y_train: NDArray[Any],
    y_test: NDArray[Any],
    metric: str | None,
    weights: dict[str, Any],
) -> float:
    fitted = estimator.fitted_
    metric = explanation.default_metric(fitted) if metric is None else metric
    answers = estimator._codes_of(y_test)
    weight = weights.get("sample_weight")
    if fitted.n_classes:
        predicted = estimator.predict_proba(part)
        constant = np.bincount(estimator._codes_of(y_train), weights=weight, minlength=fitted.n_classes)
        constant = constant / constant.sum()
    else:
        predicted = estimator.predict(part)
        quantiles = getattr(fitted, "quantiles", ())
        several = len(quantiles) > 1
        constant = np.quantile(y_train, quantiles) if several else np.atleast_1d(np.average(y_train, weights=weight))
    same = np.broadcast_to(constant, (len(answers), len(constant)))
    return explanation.prediction_score(fitted, predicted, answers, metric) - explanation.prediction_score(
        fitted, same, answers, metric
    )


def _check_additivity(estimator: Any, part: Any, values: NDArray[np.float64]) -> None:
    matrix = estimator._matrix_of(part)
    margins, tolerance = explanation.margins(estimator.fitted_, matrix)
    error = float(np.abs(values.sum(axis=1) - margins).max(initial=0.0))
    if not error <= tolerance * max(1.0, float(np.abs(margins).max(initial=0.0))):
        raise SmctrainError(
            f"contributions of {type(estimator).__name__} miss the margin by {error:.2g} (allowed: {tolerance:g}); "
            "this is a fault of smctrain."
        )
