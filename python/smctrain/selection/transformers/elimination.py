"""Recursive elimination: fit, drop the least important, fit again."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils import get_tags

from smctrain.exceptions import InputError, TooFewRows
from smctrain.models.registry import FAMILIES, estimator_class, resolve_family
from smctrain.selection.methods import everything
from smctrain.selection.problem import Outcome, Problem
from smctrain.selection.transformers._base import Selector, _is_count, _is_number, need_count
from smctrain.splits import PurgedKFold

Columns = NDArray[np.int64]


class RecursiveElimination(Selector):
    """Fits an estimator, drops the columns of the least importance, and again, until `n_features` are left.

    Parameters
    ----------
    estimator : str or estimator
        A family's name ("RandomForest", "XGBoost", "LogisticRegression" ...) with its defaults (forests: 100 trees of
        depth 7), or an estimator with `feature_importances_` or `coef_` (|coefficient| times the column's spread). For
        one that takes no missing values, medians of the rows fitted stand for them.
    n_features : int, optional
        Columns to keep; None: half, or, with `cv`, the number chosen there.
    step : int or float
        Columns dropped a round, or their share of those left (at least 1).
    cv : int, optional
        Choose the number on this many purged folds of the given rows: the smallest whose mean score is within one
        standard error of the best. Scores: negative log loss, accuracy where there are no probabilities, R2.
    min_features : int
        Smallest number that `cv` may choose.
    horizon : int
        Neighbouring rows whose labels overlap; purges the folds. `fit` takes it, or t0 and t1, too.
    task, n_jobs, random_state : as of `SelectByScore`
    time_limit : float, optional
        Seconds; ended early, it keeps the columns left by then and is not `complete_`.

    Attributes
    ----------
    path_ : list of dict
        With `cv`: n_features, mean, standard_error.

    Notes
    -----
    Ties go to the earlier column. Source: Guyon, Weston, Barnhill and Vapnik, "Gene selection for cancer
    classification using support vector machines", Machine Learning 46 (2002).
    """

    def __init__(
        self,
        estimator: Any = "RandomForest",
        *,
        n_features: int | None = None,
        step: float = 0.25,
        cv: int | None = None,
        min_features: int = 1,
        horizon: int = 1,
        task: str = "auto",
        time_limit: float | None = None,
        n_jobs: int | None = None,
        random_state: int | None = 0,
    ) -> None:
        self.estimator = estimator
        self.n_features = n_features
        self.step = step
        self.cv = cv
        self.min_features = min_features
        self.horizon = horizon
        self.task = task
        self.time_limit = time_limit
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _problems(self) -> list[str]:
        problems = need_count("n_features", self.n_features, optional=True)
        problems += need_count("cv", self.cv, 2, optional=True) + need_count("min_features", self.min_features)
        whole = _is_count(self.step)
        if not whole and not (_is_number(self.step) and 0.0 < self.step < 1.0):
            problems.append(f"step must be an integer of at least 1 or a share between 0 and 1, but is {self.step!r}.")
        return problems

    def _choose(self, problem: Problem) -> Outcome:
        deadline = time.monotonic() + problem.time_limit_s if problem.time_limit_s > 0 else math.inf
        d = len(problem.names)
        rows = np.arange(len(problem.X))
        goal = max(1, d // 2) if self.n_features is None else min(self.n_features, d)
        details: dict[str, Any] = {}
        note = ""
        if self.cv is not None:
            path = self._number_by_folds(problem, deadline)
            details["path"] = path
            if path:
                goal = _smallest_good(path) if self.n_features is None else goal
            else:
                note = "ended early (timeout) before the folds were done"
        rounds, left = self._eliminate(problem, rows, goal, deadline)
        if not rounds and d > goal:
            return everything(problem, "ended early (timeout): all columns are kept", complete=False)
        if len(left) > goal:
            note = f"ended early (timeout) with {len(left)} columns left of the {goal} wanted"
        kept = np.zeros(d, dtype=bool)
        kept[left] = True
        reasons, scores = [""] * d, np.full(d, float(len(rounds) + 1))
        for number, (gone, importance) in enumerate(rounds, 1):
            for j in gone:
                reasons[j] = f"eliminated in round {number} (importance {importance[j]:.3g})"
                scores[j] = number + 0.5 * importance[j]
        if rounds:
            scores[left] += 0.5 * rounds[-1][1][left]
        details |= {"n_features": len(left), "rounds": len(rounds)}
        return Outcome(problem.names, kept, reasons, scores, not note, note, details)

    def _adopt(self, outcome: Outcome) -> None:
        super()._adopt(outcome)
        self.path_ = outcome.details.get("path", [])

    def _count(self, left: int, goal: int) -> int:
        """Columns to drop next."""
        step = int(self.step) if _is_count(self.step) else max(1, int(self.step * left))
        return min(step, left - goal)

    def _model(self, problem: Problem) -> Any:
        if not isinstance(self.estimator, str):
            return clone(self.estimator)
        model = _estimator_of(self.estimator, regression=problem.n_classes == 1)()
        known = model.get_params()
        wanted = {"random_state": problem.seed % 2**31, "n_jobs": problem.threads}
        if "Forest" in type(model).__name__ or "ExtraTrees" in type(model).__name__:
            wanted |= {"n_estimators": 100, "max_depth": 7}
        return model.set_params(**{name: value for name, value in wanted.items() if name in known})

    def _fit(self, problem: Problem, rows: Columns, columns: Columns) -> _Filled:
        options = {} if problem.weight is None else {"sample_weight": problem.weight[rows]}
        model = self._model(problem)
        fill = _medians(problem.X[np.ix_(rows, columns)], model)
        return _Filled(model, fill).fit(problem.X[np.ix_(rows, columns)], problem.y[rows], options)

    def _eliminate(
        self, problem: Problem, rows: Columns, goal: int, deadline: float, scored: Any = None
    ) -> tuple[list[tuple[Columns, NDArray[np.float64]]], Columns]:
        """Per round the columns that went and the importances of all (0 for those already gone); and what is left."""
        d = len(problem.names)
        left = np.arange(d)
        rounds: list[tuple[Columns, NDArray[np.float64]]] = []
        while (len(left) > goal or scored is not None) and time.monotonic() < deadline:
            model = self._fit(problem, rows, left)
            if scored is not None:
                scored(left, model)
            if len(left) <= goal:
                break
            importance = np.zeros(d)
            importance[left] = _importances(model, problem.X[np.ix_(rows, left)])
            worst = np.argsort(-importance[left], kind="stable")[len(left) - self._count(len(left), goal) :]
            rounds.append((left[worst], importance))
            left = np.delete(left, worst)
        return rounds, left

    def _number_by_folds(self, problem: Problem, deadline: float) -> list[dict[str, Any]]:
        n = len(problem.X)
        intervals = problem.intervals
        if intervals is None:
            start = np.arange(n, dtype=np.int64)
            intervals = (start, np.minimum(start + problem.horizon - 1, n - 1))
        assert self.cv is not None
        folds = list(PurgedKFold(n_splits=self.cv, intervals=intervals).split(np.arange(n)))
        if any(len(train) < 2 for train, _ in folds):
            raise TooFewRows(f"{n} rows are too few for {self.cv} purged folds of a horizon of {problem.horizon}.")
        scores: dict[int, list[float]] = {}
        for train, test in folds:

            def scored(columns: Columns, model: _Filled, test: Columns = test) -> None:
                scores.setdefault(len(columns), []).append(_score(model, problem, test, columns))

            _, left = self._eliminate(problem, train, self.min_features, deadline, scored)
            if len(left) > self.min_features and len(problem.names) > self.min_features:
                return []
        complete = {count: values for count, values in scores.items() if len(values) == len(folds)}
        return [
            {
                "n_features": count,
                "mean": float(np.mean(values)),
                "standard_error": float(np.std(values, ddof=1) / math.sqrt(len(values))),
            }
            for count, values in sorted(complete.items())
        ]


def _estimator_of(family: str, regression: bool) -> Any:
    """The family's estimator for the task; the forests of numbers are families of their own."""
    name = resolve_family(family)
    entry = FAMILIES[name]
    if regression and entry.task == "classification" and not entry.regressor and f"{name}Regressor" in FAMILIES:
        name = f"{name}Regressor"
    task = "regression" if regression else "classification"
    if FAMILIES[name].task != task and not (regression and FAMILIES[name].regressor):
        raise InputError(f"estimator: {name} has no {task}.")
    return estimator_class(name, task)


class _Filled:
    """An estimator, and what stands for missing values where it takes none."""

    def __init__(self, model: Any, fill: NDArray[np.float32] | None) -> None:
        self.model, self.fill = model, fill

    def ready(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.ascontiguousarray(X if self.fill is None else np.where(np.isnan(X), self.fill, X))

    def fit(self, X: NDArray[np.float32], y: NDArray[Any], options: dict[str, Any]) -> _Filled:
        self.model.fit(self.ready(X), y, **options)
        return self


def _medians(X: NDArray[np.float32], model: Any) -> NDArray[np.float32] | None:
    """Medians of the fitted rows, 0 for an empty column; None where the estimator takes missing values itself."""
    if get_tags(model).input_tags.allow_nan or not np.isnan(X).any():
        return None
    empty = np.isnan(X).all(axis=0)
    return np.nanmedian(np.where(empty, np.float32(0.0), X), axis=0).astype(np.float32)


def _smallest_good(path: list[dict[str, Any]]) -> int:
    best = max(path, key=lambda row: (row["mean"], -row["n_features"]))
    return min(int(row["n_features"]) for row in path if row["mean"] >= best["mean"] - best["standard_error"])


def _importances(filled: _Filled, X: NDArray[np.float32]) -> NDArray[np.float64]:
    model = filled.model
    values = getattr(model, "feature_importances_", None)
    if values is None:
        coefficients = getattr(model, "coef_", None)
        if coefficients is None:
            raise InputError(
                f"estimator must have feature_importances_ or coef_ once fitted, but {type(model).__name__} has none."
            )
        strength = np.abs(np.atleast_2d(coefficients)).mean(axis=0) * np.nanstd(X, axis=0, dtype=np.float64)
        total = strength.sum()
        values = strength / total if total > 0 else strength
    return np.asarray(values, dtype=np.float64)


def _score(filled: _Filled, problem: Problem, rows: Columns, columns: Columns) -> float:
    model, y = filled.model, problem.y[rows]
    X = filled.ready(problem.X[np.ix_(rows, columns)])
    weight = None if problem.weight is None else problem.weight[rows]
    if problem.n_classes == 1:
        mean = np.average(y, weights=weight)
        spread = float(np.average((y - mean) ** 2, weights=weight))
        loss = float(np.average((y - model.predict(X)) ** 2, weights=weight))
        return 1.0 - loss / spread if spread > 0 else 0.0
    if not hasattr(model, "predict_proba"):
        return float(np.average(model.predict(X) == y, weights=weight))
    proba = np.full((len(rows), problem.n_classes), 1e-6)
    proba[:, np.asarray(model.classes_, dtype=np.int64)] += model.predict_proba(X)
    proba /= proba.sum(axis=1, keepdims=True)
    return float(np.average(np.log(proba[np.arange(len(rows)), y]), weights=weight))
