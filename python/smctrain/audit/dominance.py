"""Columns that know the answer by themselves: check H of the leak audit.

alone        a tree of depth 2 on that column reaches a mean out-of-fold AUC above 0.70 (several classes: mean of one
             against the rest), and surely so: by 2 standard errors that know how long column and label stay as they
             are. The best column of the standard process with its strongest signal has 0.683: a limit of 0.70 alone
             would accuse it in 11, 7 and 10 % of samples of 1,500, 4,000 and 12,000 rows, this one in none of them
copy         its correlation with the label or another outcome of the trade is at least 0.999
weight       a model gives it 30 % of all importance and 3 times what the next one has (or 40 % alone), and inner
             accuracy falls by a quarter or by 0.15 without it

Such a column is taken out and everything is fitted again. Neither is proof of a leak; an honest column of that strength
would be the find of a lifetime, so a person should look at it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from smctrain._load import core
from smctrain.audit.report import Finding

MAX_AUC = 0.70
MAX_CORRELATION = 0.999
STANDARD_ERRORS = 2.0
_WITHOUT_ORDER = 3.0
"""Standard errors where rows of one moment stand beside one another: then a label's length is all that is known."""
_MOST_LAGS = 200
HIGHEST_LIMIT = 0.97
"""Short data: whoever is nearly always right alone is an outcome."""
_SHARE, _TIMES, _SHARE_ALONE = 0.30, 3.0, 0.40
_DROP, _DROP_POINTS = 0.25, 0.15
_LEAF_SHARE, _LEAST_LEAF = 0.01, 5

Rows = NDArray[np.int64]


def column_auc(
    X: NDArray[np.float32], y: NDArray[np.int32], folds: Sequence[tuple[Rows, Rows]], n_classes: int, threads: int = 1
) -> NDArray[np.float64]:
    """Mean over folds of the out-of-fold AUC of a depth-2 tree on each column alone (d,).

    Parameters
    ----------
    X : float32 (n, d), C order
        Missing values are a value of their own.
    y : int32 (n,)
        Class codes 0..n_classes-1 of the rows that the folds name.
    folds : list of (train rows, held-out rows)
    """
    rows = np.unique(np.concatenate([part for fold in folds for part in fold])).astype(np.int64)
    places = [(np.searchsorted(rows, train), np.searchsorted(rows, test)) for train, test in folds]
    smallest = min((len(train) for train, _ in folds), default=0)
    auc = core().column_auc(
        X,
        rows,
        np.ascontiguousarray(y[rows], dtype=np.int32),
        n_classes,
        [(np.ascontiguousarray(a, np.int64), np.ascontiguousarray(b, np.int64)) for a, b in places],
        max(_LEAST_LEAF, int(_LEAF_SHARE * smallest)),
        threads,
    )
    counted = np.isfinite(auc)
    total = np.where(counted, auc, 0.0).sum(axis=1)
    mean: NDArray[np.float64] = np.where(counted.any(axis=1), total / np.maximum(counted.sum(axis=1), 1), 0.5)
    return mean


def auc_limit(
    y: NDArray[np.int32], n_classes: int, design_effect: float, floor: float = MAX_AUC, errors: float = _WITHOUT_ORDER
) -> float:
    """AUC above which the true one is surely above `floor`.

    Parameters
    ----------
    y : int32 (n,)
        Class codes of all rows that are scored.
    design_effect : float
        So many neighbours count as one: rows that a label covers on average, or `design_effect` of the column.
    floor : float
    errors : float
        Standard errors above it.
    """
    n_eff = max(1.0, len(y) / max(1.0, design_effect))
    shares = np.bincount(y, minlength=n_classes) / max(1, len(y))
    # Variance of an AUC under independence: (1/members + 1/others) / 12. The mean over classes has at most the mean sd.
    both = shares[(shares > 0) & (shares < 1)]
    error = float(np.mean(np.sqrt(1.0 / (12.0 * n_eff * both * (1.0 - both))))) if len(both) else 0.0
    return min(floor + errors * error, HIGHEST_LIMIT)


def design_effect(column: NDArray[np.float32], y: NDArray[np.int32], lags: int) -> float:
    """Rows that count as one when `column` (n,) is compared with `y` (n,), both in order of time; at least 1.

    1 + 2 sum of (autocorrelation of the column's ranks) x (autocorrelation of the label), the class that stays longest.
    An outcome that got into the columns changes faster than an indicator, so that fewer rows convict it.
    """
    ranks = np.argsort(np.argsort(column, kind="stable"), kind="stable").astype(np.float64)
    ranks -= ranks.mean()
    steps = range(1, min(lags, len(y) - 1) + 1)
    slow = np.array([ranks[k:] @ ranks[:-k] for k in steps]) / max(float(ranks @ ranks), 1e-300)
    most = 1.0
    for code in np.unique(y):
        member = (y == code).astype(np.float64)
        member -= member.mean()
        stays = np.array([member[k:] @ member[:-k] for k in steps]) / max(float(member @ member), 1e-300)
        most = max(most, 1.0 + 2.0 * float(slow @ stays))
    return most


def dominant_columns(
    X: NDArray[np.float32],
    y: NDArray[np.int32],
    folds: Sequence[tuple[Rows, Rows]],
    names: Sequence[str],
    n_classes: int,
    *,
    mean_span: float = 1.0,
    in_order: bool = True,
    outcomes: Mapping[str, NDArray[np.float64]] | None = None,
    max_auc: float = MAX_AUC,
    max_correlation: float = MAX_CORRELATION,
    threads: int = 1,
) -> list[Finding]:
    """Columns that know the label alone, or are a copy of an outcome; kinds "dominance" and "outcome".

    `outcomes` are other outcomes of the labelled rows (n,), such as the net result; columns are compared with the
    class codes, too. `in_order`: whether row numbers follow time, one row a moment.
    """
    if not folds or X.shape[1] == 0:
        return []
    held = np.concatenate([test for _, test in folds])
    auc = column_auc(X, y, folds, n_classes, threads)
    safe = auc_limit(y[held], n_classes, mean_span, max_auc)
    ordered = np.unique(held)
    found = []
    for j in np.flatnonzero(auc > max_auc).tolist():
        limit = safe
        if in_order:
            lags = min(_MOST_LAGS, int(np.ceil(3.0 * mean_span)))
            effect = design_effect(X[ordered, j], y[ordered], lags)
            limit = min(safe, auc_limit(y[held], n_classes, effect, max_auc, STANDARD_ERRORS))
        if auc[j] > limit:
            words = f"alone it reaches an AUC of {auc[j]:.3f} on rows held out (limit {limit:.2f})"
            found.append(Finding(names[j], "dominance", -1, len(held), float(auc[j]), words))
    rows = np.unique(np.concatenate([part for fold in folds for part in fold]))
    known: dict[str, NDArray[np.float64]] = {"label": y.astype(np.float64), **(outcomes or {})}
    for name, values in known.items():
        correlation = np.abs(_correlations(X, np.asarray(values, dtype=np.float64), rows))
        found += [
            Finding(
                names[j], "outcome", -1, len(rows), float(correlation[j]),
                f"its correlation with the {name} is {correlation[j]:.4f}: it is the outcome itself",
            )
            for j in np.flatnonzero(correlation >= max_correlation).tolist()
        ]  # fmt: skip
    return found


def _correlations(X: NDArray[np.float32], values: NDArray[np.float64], rows: Rows) -> NDArray[np.float64]:
    """Pearson, on the rows where both are there; 0 where either does not vary (or fewer than 20 rows have both)."""
    out = np.zeros(X.shape[1])
    has = np.isfinite(values[rows])
    target = np.where(has, values[rows], 0.0)
    for j in range(X.shape[1]):
        column = X[rows, j].astype(np.float64)
        both = has & np.isfinite(column)
        if both.sum() < 20:
            continue
        a, b = column[both] - column[both].mean(), target[both] - target[both].mean()
        size = float(np.sqrt((a @ a) * (b @ b)))
        out[j] = float(a @ b) / size if size > 0 else 0.0
    return out


_OUTCOME_NAMES = re.compile(
    r"^(?:y|fwd|target|label|future|next|outcome)_|(?:^|_)(?:mfe|mae|mdd|tth|bars_to|time_to|bars_held|exit)(?:_|$)|_ahead$"
)


def outcome_names(names: Sequence[str]) -> list[Finding]:
    """Remarks on columns that are named like outcomes: a second net behind what the numbers say."""
    return [
        Finding(
            name, "name", -1, 0, float("nan"), "it is named like an outcome; make sure it is known before the trade"
        )
        for name in names
        if _OUTCOME_NAMES.search(name.lower())
    ]


def heavy_column(importances: Mapping[str, float]) -> str | None:
    """The column that holds 30 % of all importance and 3 times the next one's, or 40 %; None without one."""
    total = float(sum(importances.values()))
    if total <= 0 or len(importances) < 2:
        return None
    ranked = sorted(importances.items(), key=lambda item: (-item[1], item[0]))
    first, second = ranked[0][1] / total, ranked[1][1] / total
    heavy = first >= _SHARE_ALONE or (first >= _SHARE and first >= _TIMES * second)
    return ranked[0][0] if heavy else None


def falls_without(score: float, without: float) -> bool:
    """Whether a score falls by a quarter, or by 0.15, when a column is left out."""
    return score - without >= min(_DROP * score, _DROP_POINTS) and score > without
