"""Linear regressors: least squares, ridge, lasso, elastic net.

>>> Lasso(cv=PurgedKFold(5, intervals=(t0, t1))).fit(X, y).alpha_        # doctest: +SKIP
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain import _load
from smctrain.exceptions import InputError
from smctrain.models.estimators._base import plain_settings
from smctrain.models.estimators._input import (
    numbers_of,
    require_two_rows,
    threads_of,
    validated_matrix,
    validated_weight,
)
from smctrain.models.estimators._regressor import NativeRegressor
from smctrain.models.linear import (
    FITTED_REGRESSIONS,
    FittedRegression,
    estimate_bytes,
    is_integer,
    is_real,
    require,
)
from smctrain.models.memory import check_memory


@dataclass(frozen=True)
class LinearPath:
    """Solutions for several strengths of the penalty.

    Attributes
    ----------
    alphas : float64 (m,)
        Penalties: as given (Ridge) or descending (Lasso, ElasticNet).
    coefs : float64 (m, d)
        In the units of X.
    intercepts : float64 (m,)
    objective, gap : float64 (m,)
        Value of the objective, and its distance from the optimum at most (0 for closed forms).
    n_iter : int64 (m,)
        Sweeps.
    complete : bool
        False when a time limit ended it early; it is shorter then.
    """

    alphas: NDArray[np.float64]
    coefs: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    objective: NDArray[np.float64]
    gap: NDArray[np.float64]
    n_iter: NDArray[np.int64]
    complete: bool


class _LinearRegressor(NativeRegressor):
    """Base of the linear regressions. Sums are in double; `fit` ignores `X_val`, and a weight of 2 is the row twice.

    Attributes
    ----------
    coef_ : float64 (d,)
        In the units of X.
    intercept_ : float
    n_iter_ : int
    alpha_ : float
        The penalty used (not LinearRegression).
    alphas_, mse_path_ : float64 (m,), (m, folds)
        With `cv`: candidates and their weighted mean squared errors on the held-out rows.
    complete_, stop_reason_, warnings_
        As for the classifiers.
    n_features_in_, feature_names_in_
        As in scikit-learn.
    """

    _largest_target: ClassVar[float] = 1e150

    fitted_: Any
    alphas_: NDArray[np.float64] | None
    mse_path_: NDArray[np.float64] | None

    def _check(self) -> None:
        require(
            (isinstance(self.fit_intercept, bool), "fit_intercept", "True or False", self.fit_intercept),
            (isinstance(self.standardize, bool), "standardize", "True or False", self.standardize),
        )

    def _solve(self, alphas: NDArray[np.float64], **task: Any) -> dict[str, Any]:
        raise NotImplementedError

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        X_val: Any,
        y_val: Any,
        time_limit: float | None,
        **options: Any,
    ) -> Self:
        self._check()
        seconds = _seconds(time_limit)
        matrix, target, weight, rows = self._inputs(X, y, sample_weight)
        if (X_val is None) != (y_val is None):
            raise InputError("X_val and y_val must be given together, but only one of them is.")
        if X_val is not None:  # checked, though nothing here stops early
            _, held = validated_matrix(self, X_val, y_val, reset=False, allow_nan=False)
            numbers_of("y_val", held, self._largest_target)
        # Coordinate descent keeps the columns once more, in doubles.
        n, d = len(rows), matrix.shape[1]
        check_memory(type(self).__name__, estimate_bytes(n, d) + 8 * n * d, "fewer columns, or fewer rows")
        self.alphas_ = self.mse_path_ = None
        alphas = self._strengths(matrix, target, weight, rows)
        result = self._solve(alphas, **self._task(matrix, target, weight, rows, seconds))
        self._adopt(self._fitted(result, matrix, weight, rows))
        return self

    def _inputs(self, X: Any, y: Any, sample_weight: Any) -> tuple[Any, Any, Any, Any]:
        matrix, target = validated_matrix(self, X, y, reset=True, allow_nan=False)
        target = numbers_of("y", target, self._largest_target)
        weight = validated_weight(sample_weight, len(matrix))
        present = np.arange(len(matrix)) if weight is None else np.flatnonzero(weight > 0)
        require_two_rows(self, len(matrix), len(present))
        return matrix, target, weight, present.astype(np.int64)

    def _task(self, matrix: Any, target: Any, weight: Any, rows: Any, seconds: float) -> dict[str, Any]:
        return {
            "X": matrix, "rows": rows, "y": target, "weight": weight,
            "fit_intercept": self.fit_intercept, "standardize": self.standardize,
            "threads": threads_of(self.n_jobs), "stop": None, "time_limit_s": seconds,
        }  # fmt: skip

    def _strengths(self, matrix: Any, target: Any, weight: Any, rows: Any) -> NDArray[np.float64]:
        return np.zeros(1)

    def _fitted(self, result: dict[str, Any], matrix: Any, weight: Any, rows: Any) -> FittedRegression:
        reason = str(result["stop_reason"])
        warnings = [f"The fit was ended ({reason}) before its optimum."] if reason else []
        history = {
            "step": np.asarray(result["n_iter"], dtype=np.float64),
            "alpha": result["alphas"],
            "objective": result["objective"],
            "gap": result["gap"],
        }
        cls: type[FittedRegression] = FITTED_REGRESSIONS[self._family]
        return cls(
            result["coefs"][-1:].copy(),
            result["intercepts"][-1:].copy(),
            result["scale"],
            history,
            warnings,
            reason,
            getattr(self, "alpha_", None),
            result["mean"],
        )

    def _adopt(self, fitted: Any, classes: NDArray[Any] | None = None) -> None:
        super()._adopt(fitted, classes)
        self.coef_ = fitted.coefs[0]
        self.intercept_ = float(fitted.intercepts[0])
        self.n_iter_ = max(1, int(fitted.history["step"][-1]))
        if fitted.alpha is not None:
            self.alpha_ = fitted.alpha

    def _stored_settings(self) -> dict[str, Any]:
        """Without the splitter in `cv`, which a file cannot hold."""
        return plain_settings({name: value for name, value in self.get_params(deep=False).items() if name != "cv"})


class LinearRegression(_LinearRegressor):
    """Least squares; `rank_` tells how many directions the rows fix.

    Where columns are collinear, or more than rows, the coefficients of least norm are taken: in units of standard
    deviations with `standardize`, in the units of X (as scikit-learn) without.

    Parameters
    ----------
    fit_intercept, standardize : bool
    n_jobs : int or None
        Threads; None: 1. The result is the same for any number.
    """

    _family: ClassVar[str] = "LinearRegression"

    def __init__(self, *, fit_intercept: bool = True, standardize: bool = True, n_jobs: int | None = None) -> None:
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.n_jobs = n_jobs

    def _solve(self, alphas: NDArray[np.float64], **task: Any) -> dict[str, Any]:
        result: dict[str, Any] = _load.core().fit_least_squares(**task)
        self.rank_ = int(result["rank"])
        return result


class _Penalised(_LinearRegressor):
    alpha_: float

    def _grid(self, alphas: Any) -> NDArray[np.float64]:
        """Candidates as an array."""
        grid = np.asarray(alphas, dtype=np.float64)
        if grid.ndim != 1 or not len(grid) or not (np.isfinite(grid) & (grid >= 0)).all():
            raise InputError(f"alphas must hold numbers of at least 0, but is {alphas!r}.")
        return np.ascontiguousarray(grid)

    def _strengths(self, matrix: Any, target: Any, weight: Any, rows: Any) -> NDArray[np.float64]:
        if self.cv is None:
            self.alpha_ = float(self.alpha)
            return np.array([self.alpha_])
        folds = [
            (np.intersect1d(train, rows), np.intersect1d(test, rows)) for train, test in self._splits(matrix, target)
        ]
        # Penalties of all rows are the candidates in every fold; they are chosen by held-out rows alone.
        task = self._task(matrix, target, weight, rows, 0.0)
        grid = np.asarray(self._solve(self._candidates(), **task)["alphas"])
        errors = np.empty((len(grid), len(folds)))
        mass = np.empty(len(folds))
        for number, (train, test) in enumerate(folds):
            fold = self._solve(grid, **{**task, "rows": train.astype(np.int64)})
            predicted = _load.core().linear_scores(
                matrix, test.astype(np.int64), np.ascontiguousarray(fold["coefs"]), fold["intercepts"], task["threads"]
            )
            held = np.ones(len(test)) if weight is None else weight[test]
            errors[:, number] = np.average((predicted - target[test, None]) ** 2, axis=0, weights=held)
            mass[number] = held.sum()
        best = int(np.argmin(errors @ mass))
        self.alphas_, self.mse_path_, self.alpha_ = grid, errors, float(grid[best])
        # Warm starts lead to the chosen one.
        return grid[: best + 1] if self._descending else grid[best : best + 1]

    def _splits(self, matrix: Any, target: Any) -> list[tuple[Any, Any]]:
        cv = self.cv
        if isinstance(cv, (int, np.integer, str)):
            raise InputError(f"cv must be a splitter such as PurgedKFold(5, intervals=(t0, t1)), but is {cv!r}.")
        splits = list(cv.split(matrix, target) if hasattr(cv, "split") else cv)
        require((len(splits) > 0, "cv", "at least one split", splits))
        return splits

    _descending: ClassVar[bool] = False

    def _candidates(self) -> NDArray[np.float64]:
        raise NotImplementedError

    def path(
        self,
        X: Any,
        y: Any,
        *,
        alphas: Any = None,
        sample_weight: ArrayLike | None = None,
        time_limit: float | None = None,
    ) -> LinearPath:
        """Solutions for all `alphas` (None: those of the estimator), without fitting the estimator."""
        self._check()
        clone = type(self)(**self.get_params(deep=False))
        if alphas is not None:
            clone.set_params(alphas=alphas)
        matrix, target, weight, rows = clone._inputs(X, y, sample_weight)
        result = clone._solve(clone._candidates(), **clone._task(matrix, target, weight, rows, _seconds(time_limit)))
        found = {name: result[name] for name in ("alphas", "coefs", "intercepts", "objective", "gap", "n_iter")}
        return LinearPath(**found, complete=result["stop_reason"] == "")


class Ridge(_Penalised):
    """Least squares with the penalty alpha |b|^2 beside the sum of weighted squares.

    Parameters
    ----------
    alpha : float
    alphas : array of float, optional
        Candidates for `cv`, and penalties of `path`. None: 50 from 1e-3 to 1e6.
    cv : splitter or list of (train, test), optional
        Chooses alpha, for example `PurgedKFold(5, intervals=(t0, t1))`; None: `alpha` is used.
    fit_intercept : bool
    standardize : bool
        The penalty acts on coefficients of columns divided by their standard deviation.
    n_jobs : int or None
    """

    _family: ClassVar[str] = "Ridge"

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        alphas: Any = None,
        cv: Any = None,
        fit_intercept: bool = True,
        standardize: bool = True,
        n_jobs: int | None = None,
    ) -> None:
        self.alpha = alpha
        self.alphas = alphas
        self.cv = cv
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.n_jobs = n_jobs

    def _check(self) -> None:
        super()._check()
        require((is_real(self.alpha, 0.0, 1e300), "alpha", "a number of at least 0", self.alpha))

    def _candidates(self) -> NDArray[np.float64]:
        return np.geomspace(1e-3, 1e6, 50) if self.alphas is None else self._grid(self.alphas)

    def _solve(self, alphas: NDArray[np.float64], **task: Any) -> dict[str, Any]:
        result: dict[str, Any] = _load.core().fit_ridge(alphas=alphas, **task)
        return result


class ElasticNet(_Penalised):
    """1/(2W) sum of weighted squares + alpha (l1_ratio |b|_1 + (1 - l1_ratio) / 2 |b|^2), W the sum of weights.

    Parameters
    ----------
    alpha : float
        Above 0.
    l1_ratio : float
        In (0, 1].
    alphas : int or array of float, optional
        Candidates for `cv`, and penalties of `path`; a number: that many from the smallest penalty with all
        coefficients 0 down to `eps` times it. None: 100.
    eps : float
    cv : splitter or list of (train, test), optional
        Chooses alpha; None: `alpha` is used.
    fit_intercept, standardize : bool
        As in `Ridge`.
    tol : float
        Largest duality gap, relative to the mean square of the centred y.
    max_iter : int
        Sweeps a penalty.
    n_jobs : int or None
    """

    _family: ClassVar[str] = "ElasticNet"
    _descending: ClassVar[bool] = True

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        l1_ratio: float = 0.5,
        alphas: Any = None,
        eps: float = 1e-3,
        cv: Any = None,
        fit_intercept: bool = True,
        standardize: bool = True,
        tol: float = 1e-6,
        max_iter: int = 10_000,
        n_jobs: int | None = None,
    ) -> None:
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.alphas = alphas
        self.eps = eps
        self.cv = cv
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.tol = tol
        self.max_iter = max_iter
        self.n_jobs = n_jobs

    def _ratio(self) -> float:
        return float(self.l1_ratio)

    def _check(self) -> None:
        super()._check()
        require(
            (is_real(self.alpha, 0.0, 1e300, open_low=True), "alpha", "a positive number", self.alpha),
            (is_real(self._ratio(), 0.0, 1.0, open_low=True), "l1_ratio", "a number in (0, 1]", self._ratio()),
            (is_real(self.eps, 0.0, 1.0, open_low=True), "eps", "a number in (0, 1]", self.eps),
            (is_real(self.tol, 0.0, 1e300, open_low=True), "tol", "a positive number", self.tol),
            (is_integer(self.max_iter), "max_iter", "an integer of at least 1", self.max_iter),
        )

    def _candidates(self) -> NDArray[np.float64]:
        if self.alphas is None or is_integer(self.alphas):
            return np.empty(0)
        return np.ascontiguousarray(np.sort(self._grid(self.alphas))[::-1])

    def _solve(self, alphas: NDArray[np.float64], **task: Any) -> dict[str, Any]:
        result: dict[str, Any] = _load.core().fit_elastic_net(
            alphas=alphas,
            n_alphas=int(self.alphas) if is_integer(self.alphas) else 100,
            eps=float(self.eps),
            l1_ratio=self._ratio(),
            tol=float(self.tol),
            max_iter=int(self.max_iter),
            **task,
        )
        return result

    def _fitted(self, result: dict[str, Any], matrix: Any, weight: Any, rows: Any) -> FittedRegression:
        fitted = super()._fitted(result, matrix, weight, rows)
        if fitted.complete and fitted.history["step"][-1] >= self.max_iter:
            fitted.warnings.append(
                f"The fit did not converge in {self.max_iter} sweeps: the duality gap is {result['gap'][-1]:.2g}. "
                "Raise max_iter or alpha."
            )
        return fitted


class Lasso(ElasticNet):
    """1/(2W) sum of weighted squares + alpha |b|_1, W the sum of weights. Parameters as in `ElasticNet`."""

    _family: ClassVar[str] = "Lasso"

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        alphas: Any = None,
        eps: float = 1e-3,
        cv: Any = None,
        fit_intercept: bool = True,
        standardize: bool = True,
        tol: float = 1e-6,
        max_iter: int = 10_000,
        n_jobs: int | None = None,
    ) -> None:
        self.alpha = alpha
        self.alphas = alphas
        self.eps = eps
        self.cv = cv
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.tol = tol
        self.max_iter = max_iter
        self.n_jobs = n_jobs

    def _ratio(self) -> float:
        return 1.0


def _seconds(time_limit: float | None) -> float:
    if time_limit is not None and not time_limit > 0:
        raise InputError(f"time_limit must be a positive number of seconds or None, but is {time_limit!r}.")
    return 0.0 if time_limit is None else float(time_limit)
