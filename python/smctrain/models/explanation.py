"""Explanations of fitted models: what every family can tell, in one shape.

A fitted model may define any of these; what it lacks is made from its predictions or refused with a typed error.

    native_importances() -> {kind: (d,)}      its own, the one that stands for it first
    shap_values(X) -> (n, d + 1, k)           contributions, the base value last
    moved_scores(X, y, metric, moves, threads) -> (score, (groups, repeats))

No scikit-learn here: the training river uses these too.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain import _load
from smctrain.exceptions import InputError

Table = dict[str, NDArray[Any]]

CLASS_METRICS = ("log_loss", "accuracy", "balanced_accuracy", "auc", "brier")
NUMBER_METRICS = ("r2", "mse", "mae", "pinball")


@dataclass(frozen=True)
class Moves:
    """Which rows give their values to which, and which columns move together.

    Attributes
    ----------
    sources : int32 (repeats, n)
        The row whose values a row gets.
    groups : int32 (d,)
        Group of each column; -1: it stays.
    n_groups : int
    """

    sources: NDArray[np.int32]
    groups: NDArray[np.int32]
    n_groups: int


def make_moves(
    n: int,
    d: int,
    *,
    n_repeats: int = 5,
    horizon: int = 1,
    method: str = "blocks",
    seed: int = 0,
    groups: Sequence[Sequence[int]] | None = None,
) -> Moves:
    """Moves of every column alone, or of `groups` of columns.

    Parameters
    ----------
    n, d : int
        Rows, in time order, and columns.
    n_repeats, horizon : int
        Repeats, and rows that a label looks ahead.
    method : "blocks" or "shift"
        "blocks": blocks of 2 x horizon rows are shuffled (with fewer than 8 of them all rows are shifted circularly).
        "shift": all rows are shifted circularly by a random s in [4 x horizon, n - 4 x horizon].
    seed : int
    groups : list of lists of int, optional
        Columns that move together; no column in two of them.
    """
    for name, value in (("n_repeats", n_repeats), ("horizon", horizon)):
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or not 1 <= value < 2**31:
            raise InputError(f"{name} must be an integer of at least 1 (below 2**31), but is {value!r}.")
    sources = _load.core().permuted_rows(n, int(horizon), int(n_repeats), int(seed), method)
    if groups is None:
        return Moves(sources, np.arange(d, dtype=np.int32), d)
    group_of = np.full(d, -1, dtype=np.int32)
    for number, columns in enumerate(groups):
        members = np.asarray(columns, dtype=np.int64)
        if members.ndim != 1 or ((members < 0) | (members >= d)).any() or (group_of[members] >= 0).any():
            raise InputError(
                f"groups must be lists of different column numbers below {d}, but group {number} is {columns!r}."
            )
        group_of[members] = number
    return Moves(sources, group_of, len(groups))


def default_metric(fitted: Any) -> str:
    """Log-loss of classes, R2 of numbers, the pinball loss of several quantiles."""
    if fitted.n_classes:
        return "log_loss"
    return "pinball" if len(getattr(fitted, "quantiles", ())) > 1 else "r2"


def prediction_score(fitted: Any, predicted: NDArray[np.float64], y: NDArray[Any], metric: str) -> float:
    """Score of predictions, larger is better; rows without an answer do not count."""
    values = np.ascontiguousarray(predicted, dtype=np.float64).reshape(len(y), -1)
    answered = ~np.isnan(values).any(axis=1)
    if not answered.all():
        values, y = np.ascontiguousarray(values[answered]), np.ascontiguousarray(y[answered])
    score: float = _load.core().prediction_score(
        values, y, metric, fitted.n_classes, list(getattr(fitted, "quantiles", ()))
    )
    return score


def moved_scores(
    fitted: Any,
    X: NDArray[np.float32],
    y: NDArray[Any],
    moves: Moves,
    *,
    metric: str | None = None,
    threads: int = 1,
    segment: NDArray[np.int32] | None = None,
) -> tuple[float, NDArray[np.float64]]:
    """Score on X, y, and scores (n_groups, repeats) with one group of columns moved.

    Trees and linear models work out what a move changes; of other families the moved rows are predicted again.
    """
    metric = default_metric(fitted) if metric is None else metric
    if len(X) == 0:
        raise InputError("X must have at least 1 row, but has 0.")
    if getattr(fitted, "moved_scores", None) is not None:
        answer: tuple[float, NDArray[np.float64]] = fitted.moved_scores(X, y, metric, moves, threads)
        return answer

    def score(values: NDArray[np.float32]) -> float:
        predicted = fitted.predict_proba(values, None, segment) if fitted.n_classes else fitted.predict(values)
        return prediction_score(fitted, predicted, y, metric)

    base = score(X)
    moved = np.empty((moves.n_groups, len(moves.sources)))
    other = np.array(X, dtype=np.float32, order="C")
    for group in range(moves.n_groups):
        columns = np.flatnonzero(moves.groups == group)
        for repeat, source in enumerate(moves.sources):
            other[:, columns] = X[source][:, columns]
            moved[group, repeat] = score(other)
        other[:, columns] = X[:, columns]
    return base, moved


def native_importances(fitted: Any) -> Mapping[str, NDArray[np.float64]]:
    """Importances that the model has of its own, by kind; the one that stands for it first."""
    if hasattr(fitted, "native_importances"):
        own: Mapping[str, NDArray[np.float64]] = fitted.native_importances()
        return own
    values = fitted.feature_importances()
    return {} if values is None else {"native": np.asarray(values, dtype=np.float64)}


def importance_kinds(fitted: Any) -> tuple[str, ...]:
    """The kinds that `importance` knows for this model."""
    return (
        *native_importances(fitted),
        "permutation",
        *(("shap",) if getattr(fitted, "shap_values", None) is not None else ()),
    )


def shap_values(fitted: Any, X: NDArray[np.float32], name: str = "") -> NDArray[np.float64]:
    """Contributions (n, d + 1, k), the base value last."""
    if getattr(fitted, "shap_values", None) is None:
        raise InputError(
            f"{name or fitted.family} has no exact contributions, and nothing is passed off as them; "
            f"its importance has the kinds {', '.join(importance_kinds(fitted))}."
        )
    values: NDArray[np.float64] = fitted.shap_values(X)
    return values


def margins(fitted: Any, X: NDArray[np.float32]) -> tuple[NDArray[np.float64], float]:
    """What contributions add up to (n, k), and how exactly: sums of float32 within 1e-4, others within 1e-6."""
    if hasattr(fitted, "margins"):
        raw = fitted.margins(X)
    elif hasattr(fitted, "coefs"):
        raw = _load.core().linear_scores(X, None, fitted.coefs, fitted.intercepts, 1)
    else:
        raw = fitted.predict_proba(X) if fitted.n_classes else fitted.predict(X)
    values = np.asarray(raw, dtype=np.float64).reshape(len(X), -1)
    if values.shape[1] == 1 and fitted.n_classes == 2:  # one margin: the first class mirrors the second
        values = np.concatenate([-values, values], axis=1)
    return values, 1e-4 if raw.dtype == np.float32 else 1e-6


def chosen_kind(fitted: Any, kind: str, name: str = "") -> str:
    """The kind as the model calls it: "native" is its own first one."""
    kinds = importance_kinds(fitted)
    own = tuple(native_importances(fitted))
    if kind == "native" and own:
        return own[0]
    if kind not in kinds:
        known = ", ".join(repr(word) for word in (*(("native",) if own else ()), *dict.fromkeys(kinds)))
        raise InputError(f"kind must be one of {known} for {name or fitted.family}, but is {kind!r}.")
    return kind


def importance_table(
    names: Sequence[str],
    kind: str,
    raw: ArrayLike,
    *,
    sd: ArrayLike | None = None,
    n: int = 1,
) -> Table:
    """The table all importances share, most important first (order of the columns among equals).

    Columns
    -------
    feature : str
    kind : str
    importance : float64
        `raw` cut at 0 and divided by the sum; all 0 where nothing is above 0.
    raw : float64
        The measure in its own unit: gain, decrease of impurity, loss of score, mean of absolute contributions.
    sd, se : float64
        Standard deviation (ddof 1) over the `n` values that `raw` is the mean of, and sd / sqrt(n); NaN where there is
        one. Values that overlap in time are no independent ones: the error of the importance in a market is larger.
    rank : float64
        1 is the most important; average ranks among equals.
    n : int64
        Values that `raw` is the mean of: repeats, rows or folds.
    """
    values = np.asarray(raw, dtype=np.float64)
    deviation = np.full(len(values), np.nan) if sd is None or n < 2 else np.asarray(sd, dtype=np.float64)
    positive = np.where(values > 0, values, 0.0)
    total = positive.sum()
    order = np.argsort(-values, kind="stable")
    table: Table = {
        "feature": np.asarray([str(name) for name in names], dtype=object),
        "kind": np.full(len(values), kind, dtype=object),
        "importance": positive / total if total > 0 else positive,
        "raw": values,
        "sd": deviation,
        "se": deviation / np.sqrt(n),
        "rank": average_ranks(-values),
        "n": np.full(len(values), n, dtype=np.int64),
    }
    return {name: column[order] for name, column in table.items()}


def average_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1, ascending; equals share their mean."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: NDArray[np.float64] = (last - (counts - 1) / 2.0)[place.reshape(-1)].astype(np.float64)
    return ranks


def permutation_table(names: Sequence[str], score: float, moved: NDArray[np.float64]) -> Table:
    """Importance table of a score and the scores (d, repeats) after each move."""
    losses = score - moved
    repeats = losses.shape[1]
    sd = losses.std(axis=1, ddof=1) if repeats > 1 else None
    return importance_table(names, "permutation", losses.mean(axis=1), sd=sd, n=repeats)


def shap_strength(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over outputs of |contribution| (n, d) of contributions (n, d + 1, k)."""
    strength: NDArray[np.float64] = np.abs(values[:, :-1]).mean(axis=2)
    return strength


def shap_table(names: Sequence[str], values: NDArray[np.float64]) -> Table:
    """Importance table of contributions (n, d + 1, k): the mean over rows and outputs of their sizes."""
    strength = shap_strength(values)
    n = len(strength)
    if n == 0:
        raise InputError("X must have at least 1 row, but has 0.")
    return importance_table(
        names, "shap", strength.mean(axis=0), sd=strength.std(axis=0, ddof=1) if n > 1 else None, n=n
    )


def contribution_table(
    names: Sequence[str], X: NDArray[np.float32], values: NDArray[np.float64], outputs: Sequence[Any]
) -> Table:
    """Contributions (n, d + 1, k) as rows: one for each row of X, output and feature, in this order.

    Columns: `row`, `class` (label, quantile, or None of a single number), `feature`, `value` (of the feature),
    `contribution`, `base`, `margin` (base + all contributions of this row and class).
    """
    n, d = len(values), values.shape[1] - 1
    k = values.shape[2]
    by_output = values.transpose(0, 2, 1)  # (n, k, d + 1)
    labels = np.empty(k, dtype=object)
    labels[:] = list(outputs)
    return {
        "row": np.repeat(np.arange(n), k * d),
        "class": np.tile(np.repeat(labels, d), n),
        "feature": np.tile(np.asarray([str(name) for name in names], dtype=object), n * k),
        "value": np.repeat(np.asarray(X, dtype=np.float64)[:, None, :], k, axis=1).reshape(-1),
        "contribution": by_output[:, :, :-1].reshape(-1),
        "base": np.repeat(by_output[:, :, -1].reshape(-1), d),
        "margin": np.repeat(by_output.sum(axis=2).reshape(-1), d),
    }


def as_table(table: Mapping[str, Any]) -> Any:
    """A pandas frame where pandas is installed, else the dict of arrays."""
    if importlib.util.find_spec("pandas") is None:
        return dict(table)
    import pandas as pd

    return pd.DataFrame(dict(table))
