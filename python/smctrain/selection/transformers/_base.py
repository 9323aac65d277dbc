"""What the selectors share: input, the choice over usable columns, support and reasons."""

from __future__ import annotations

import importlib.util
from abc import abstractmethod
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils.validation import check_is_fitted

from smctrain.exceptions import InputError, TooFewRows
from smctrain.models.estimators._input import seed_of
from smctrain.prepare.matrix import threads_of, validated_matrix, validated_weight
from smctrain.selection.problem import Outcome, Problem, on_usable_columns, target_of
from smctrain.splits.base import longest_overlap


class Selector(SelectorMixin, BaseEstimator):  # type: ignore[misc]
    """Base of the selectors. Subclasses define `__init__` (parameters only), `_problems` and `_choose`.

    Rows are in time order. Fit on the training rows of a split only: everything a selector learns is a function of
    the rows it is given.

    Attributes
    ----------
    support_ : bool (d,)
        The columns kept.
    scores_ : float64 (d,)
        What ranked the columns, larger is better; NaN for columns that are constant, empty or copies.
    ranking_ : int64 (d,)
        1 is the best score.
    reasons_ : table
        One row a column: column, kept, reason, score, rank. A pandas frame where pandas is installed, else a list of
        dictionaries.
    outcome_ : Outcome
        The same as one plain value, with the details of the method.
    complete_ : bool
        False: a time limit ended the work; `stop_reason_` says how far it came.
    horizon_ : int
        Neighbouring rows whose labels were taken to overlap.
    n_features_in_, feature_names_in_ : as in scikit-learn
    """

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        horizon: int | None = None,
        t0: Any = None,
        t1: Any = None,
        sample_weight: Any = None,
    ) -> Self:
        """Choose columns of X (n, d) for the target y (n,).

        Parameters
        ----------
        X : array or frame (n, d)
            Rows in time order; NaN is missing.
        y : (n,)
            Classes or numbers, see `task`.
        horizon : int, optional
            Neighbouring rows whose labels overlap; overrides the parameter `horizon` of the selector, if it has one.
        t0, t1 : int (n,), optional
            First and last bar of each label: the horizon is taken from them.
        sample_weight : (n,), optional
            How many rows a row counts for; rows of weight 0 count as absent.

        Raises
        ------
        InputError
            Names the parameter, column and row.
        TooFewRows, TooFewColumns, OneClass
            There is nothing to choose from or by.
        """
        self._check_parameters()
        if y is None:
            raise InputError(f"requires y to be passed, but the target y is None: {type(self).__name__} chooses by it.")
        matrix, target = validated_matrix(self, X, y, reset=True, allow_nan=True)
        if len(matrix) < 2:
            raise TooFewRows(f"{type(self).__name__} needs at least 2 rows, but got n_samples = {len(matrix)}.")
        weight = validated_weight(sample_weight, len(matrix))
        intervals = self._intervals(t0, t1, len(matrix))
        if weight is not None and (weight == 0).any():
            rows = np.flatnonzero(weight > 0)
            matrix, target, weight = np.ascontiguousarray(matrix[rows]), np.asarray(target)[rows], weight[rows]
            intervals = None if intervals is None else (intervals[0][rows], intervals[1][rows])
        if horizon is None:
            horizon = longest_overlap(*intervals) if intervals is not None else getattr(self, "horizon", 1)
        if not _is_count(horizon):
            raise InputError(f"horizon must be an integer of at least 1, but is {horizon!r}.")
        values, n_classes = target_of(target, self.task)
        self.horizon_ = int(horizon)
        problem = Problem(
            matrix, values, n_classes, self._names(matrix.shape[1]), weight, self.horizon_, intervals,
            seed_of(getattr(self, "random_state", 0)), threads_of(self.n_jobs), None, self.time_limit or 0.0,
        )  # fmt: skip
        self._adopt(on_usable_columns(problem, self._choose))
        return self

    @abstractmethod
    def _choose(self, problem: Problem) -> Outcome: ...

    def _problems(self) -> list[str]:
        """Sentences about wrong parameters."""
        return []

    def _check_parameters(self) -> None:
        problems = self._problems()
        if self.time_limit is not None and not (_is_number(self.time_limit) and self.time_limit > 0):
            problems.append(f"time_limit must be a positive number of seconds or None, but is {self.time_limit!r}.")
        if problems:
            raise InputError(" ".join(problems))

    def _intervals(self, t0: Any, t1: Any, n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
        if (t0 is None) != (t1 is None):
            raise InputError("t0 and t1 must be given together.")
        if t0 is None:
            return None
        starts, ends = np.ascontiguousarray(t0, dtype=np.int64), np.ascontiguousarray(t1, dtype=np.int64)
        for name, values in (("t0", starts), ("t1", ends)):
            if values.shape != (n,):
                raise InputError(f"{name} must have one entry for each of the {n} rows, but has shape {values.shape}.")
        if (ends < starts).any():
            row = int(np.argmax(ends < starts))
            raise InputError(f"t1 must not lie before t0, but does in row {row} ({starts[row]}, {ends[row]}).")
        return starts, ends

    def _names(self, d: int) -> list[str]:
        names = getattr(self, "feature_names_in_", None)
        return [f"x{j}" for j in range(d)] if names is None else [str(name) for name in names]

    def _adopt(self, outcome: Outcome) -> None:
        self.outcome_ = outcome
        self.support_ = outcome.kept
        self.scores_ = outcome.scores
        self.ranking_ = np.array(outcome.ranks, dtype=np.int64)
        self.complete_ = outcome.complete
        self.stop_reason_ = "" if outcome.complete else outcome.note

    @property
    def reasons_(self) -> Any:
        """One row a column: column, kept, reason, score, rank."""
        check_is_fitted(self, "outcome_")
        rows = self.outcome_.table()
        if importlib.util.find_spec("pandas") is None:
            return rows
        import pandas as pd

        return pd.DataFrame(rows)

    def _get_support_mask(self) -> NDArray[np.bool_]:
        check_is_fitted(self, "support_")
        support: NDArray[np.bool_] = self.support_
        return support

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.required = True
        return tags


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def _is_count(value: Any, least: int = 1) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and int(value) >= least


def need_count(name: str, value: Any, least: int = 1, optional: bool = False) -> list[str]:
    """The sentence about a count that is none."""
    if (optional and value is None) or _is_count(value, least):
        return []
    return [f"{name} must be an integer of at least {least}{' or None' if optional else ''}, but is {value!r}."]


def need_share(name: str, value: Any, low: float = 0.0, high: float = 1.0) -> list[str]:
    """The sentence about a number outside [low, high]."""
    if _is_number(value) and low <= value <= high:
        return []
    return [f"{name} must be a number in {low:g}..{high:g}, but is {value!r}."]
