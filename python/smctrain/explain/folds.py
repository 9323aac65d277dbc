"""Models of purged folds, and what was measured on each of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.exceptions import InputError
from smctrain.models.explanation import Table, as_table, importance_table
from smctrain.splits.base import longest_overlap, read_intervals

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class FoldModels:
    """One fitted model for each fold, with the rows it learned from and those it never saw.

    Attributes
    ----------
    models : list of fitted estimators
    trains, tests : list of int64 arrays
        Rows of X of each fold.
    X, y : array or frame (n, d), array (n,)
        All rows, in time order.
    horizon : int
        Rows that neighbouring labels overlap.
    estimator : estimator
        What was cloned for each fold.
    weight : float64 (n,) or None
    """

    models: list[Any]
    trains: list[Rows]
    tests: list[Rows]
    X: Any
    y: NDArray[Any]
    horizon: int
    estimator: Any
    weight: NDArray[np.float64] | None = None

    @property
    def features(self) -> list[str]:
        """Column names."""
        return column_names(self.X)

    @property
    def family(self) -> str:
        """Class of the models."""
        return type(self.estimator).__name__

    def test_part(self, fold: int) -> tuple[Any, NDArray[Any]]:
        """X and y of a fold's held-out rows."""
        return take(self.X, self.tests[fold]), self.y[self.tests[fold]]


@dataclass(frozen=True)
class FoldImportance:
    """An importance measured on several folds.

    Attributes
    ----------
    features : list of str (d,)
    kind : str
    values : float64 (folds, d)
        The measure of each fold.
    family : str
    """

    features: list[str]
    kind: str
    values: NDArray[np.float64] = field(repr=False)
    family: str = ""

    def to_table(self) -> Table:
        """As `table`, always a dict of arrays."""
        n = len(self.values)
        sd = self.values.std(axis=0, ddof=1) if n > 1 else None
        return importance_table(self.features, self.kind, self.values.mean(axis=0), sd=sd, n=n)

    @property
    def table(self) -> Any:
        """The table of every importance: `raw` is the mean over folds, `sd` has ddof 1, `se` = sd / sqrt(folds)."""
        return as_table(self.to_table())

    def fold_tables(self) -> list[Table]:
        """One table a fold."""
        return [importance_table(self.features, self.kind, values) for values in self.values]


def fit_folds(
    model: Any,
    X: Any,
    y: Any,
    cv: Any,
    *,
    sample_weight: Any = None,
    horizon: int | None = None,
) -> FoldModels:
    """Fit a clone of the model on the training rows of each fold.

    Parameters
    ----------
    model : estimator of `st.models`
    X, y : array or frame (n, d), array (n,)
        In time order.
    cv : splitter or list of (train, test)
        Such as `st.splits.PurgedKFold(5, intervals=(t0, t1))`: without the intervals of the labels nothing is purged.
    sample_weight : array (n,), optional
    horizon : int, optional
        Rows that neighbouring labels overlap; by default counted from the intervals of `cv`, else 1.

    Raises
    ------
    InputError
        A fold has no rows, or the model is none of ours.
    """
    from sklearn.base import clone

    require_estimator(model)
    answers = np.asarray(y)
    weight = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    trains, tests = splits_of(cv, X, answers)
    models = []
    for train in trains:
        more = {} if weight is None else {"sample_weight": weight[train]}
        models.append(clone(model).fit(take(X, train), answers[train], **more))
    overlap = horizon_of(cv, len(answers)) if horizon is None else horizon
    return FoldModels(models, trains, tests, X, answers, overlap, model, weight)


def folds_of(model: Any, X: Any, y: Any, cv: Any, **options: Any) -> FoldModels:
    """`model` where it is `FoldModels` already, else fitted folds of it."""
    if isinstance(model, FoldModels):
        if X is not None or y is not None or cv is not None:
            raise InputError("X, y and cv belong to the fitted folds already; give either the folds or an estimator.")
        return model
    if X is None or y is None or cv is None:
        raise InputError("X, y and cv must be given with an estimator (or give folds of st.explain.fit_folds).")
    return fit_folds(model, X, y, cv, **options)


def require_estimator(model: Any) -> None:
    if not hasattr(model, "importance_kinds_") and not hasattr(type(model), "importance_kinds_"):
        raise InputError(f"model must be an estimator of st.models or folds of them, but is {model!r:.80}.")


def splits_of(cv: Any, X: Any, y: NDArray[Any]) -> tuple[list[Rows], list[Rows]]:
    """Training and test rows of every fold."""
    pairs: Iterable[Any] = cv.split(X, y) if hasattr(cv, "split") else cv
    trains: list[Rows] = []
    tests: list[Rows] = []
    for train, test in pairs:
        if len(train) == 0 or len(test) == 0:
            raise InputError(f"every fold must have training and test rows, but fold {len(tests)} has none.")
        trains.append(np.asarray(train, dtype=np.int64))
        tests.append(np.asarray(test, dtype=np.int64))
    if not tests:
        raise InputError("cv must have at least 1 fold, but has none.")
    return trains, tests


def horizon_of(cv: Any, n: int) -> int:
    """1 + the most decisions inside one label of the splitter's intervals; 1 where it has none."""
    intervals = getattr(cv, "intervals", None)
    if intervals is None:
        return 1
    read = read_intervals(intervals, n)
    return longest_overlap(read.t0, read.t1)


def take(X: Any, rows: Rows) -> Any:
    """Rows of an array or a frame."""
    from sklearn.utils import _safe_indexing

    return _safe_indexing(X, rows)


def column_names(X: Any) -> list[str]:
    """Names of a frame's columns, else f0, f1, ..."""
    columns = getattr(X, "columns", None)
    if columns is not None:
        return [str(name) for name in columns]
    return [f"f{j}" for j in range(np.shape(X)[1])]
