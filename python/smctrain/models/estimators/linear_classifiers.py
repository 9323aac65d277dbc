"""Linear classifiers: logistic regression, FTRL-proximal."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from smctrain.exceptions import InputError
from smctrain.models.base import FitTask, Trainer
from smctrain.models.estimators._base import NativeClassifier
from smctrain.models.estimators._input import (
    labels_of,
    validated_matrix,
    validated_weight,
)
from smctrain.models.linear import (
    FittedLinearClassifier,
    FTRLTrainer,
    LogisticRegressionTrainer,
    require,
)


class _LinearClassifier(NativeClassifier):
    @property
    def coef_(self) -> NDArray[np.float64]:
        """Coefficients in the units of X: (1, d) for two classes, else (k, d)."""
        check_is_fitted(self, "fitted_")
        coefs: NDArray[np.float64] = self.fitted_.coefs  # type: ignore[attr-defined]
        return coefs

    @property
    def intercept_(self) -> NDArray[np.float64]:
        """Intercepts (1,) or (k,)."""
        check_is_fitted(self, "fitted_")
        intercepts: NDArray[np.float64] = self.fitted_.intercepts  # type: ignore[attr-defined]
        return intercepts

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Linear scores: (n,) for two classes, else (n, k)."""
        check_is_fitted(self, "fitted_")
        matrix, _ = validated_matrix(self, X, reset=False, allow_nan=False)
        scores: NDArray[np.float64] = self.fitted_.scores(matrix)  # type: ignore[attr-defined]
        return scores[:, 0] if scores.shape[1] == 1 else scores


class LogisticRegression(_LinearClassifier):
    """Logistic regression with L2, L1 or both, two or more classes, by proximal Newton steps.

    Parameters
    ----------
    C : float
        Inverse strength of the penalty beside the sum of weighted losses; infinite: none.
    l1_ratio : float
        0: L2, 1: L1, between: elastic net.
    fit_intercept : bool
        The intercept carries no penalty.
    standardize : bool
        The penalty acts on coefficients of columns divided by their standard deviation; coefficients are in the units
        of X either way. False is scikit-learn's meaning.
    class_weight : "balanced", dict or None
    tol : float
        Largest violation of the optimality conditions.
    max_iter : int
        `history_` has one row an iteration, `warnings_` says when it was not enough.
    random_state : ignored
        There is no randomness.
    n_jobs : int or None
        Threads; the result is the same for any number.
    """

    _family: ClassVar[str] = "LogisticRegression"

    def __init__(
        self,
        C: float = 1.0,
        *,
        l1_ratio: float = 0.0,
        fit_intercept: bool = True,
        standardize: bool = True,
        class_weight: str | dict[Any, float] | None = None,
        tol: float = 1e-6,
        max_iter: int = 100,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.C = C
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.class_weight = class_weight
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _make_trainer(self) -> Trainer:
        trainer: Trainer = LogisticRegressionTrainer(
            C=self.C,
            l1_ratio=self.l1_ratio,
            fit_intercept=self.fit_intercept,
            standardize=self.standardize,
            class_weight=None if isinstance(self.class_weight, dict) else self.class_weight,
            tol=self.tol,
            max_iter=self.max_iter,
        )
        return trainer

    @property
    def n_iter_(self) -> int:
        """Iterations done, at least 1."""
        check_is_fitted(self, "fitted_")
        return max(1, len(self.fitted_.history["step"]) - 1)


class FTRLClassifier(_LinearClassifier):
    """FTRL-proximal (McMahan et al. 2013, Algorithm 1): online logistic regression with L1 and L2, rows in order.

    Columns should be of like scale. More than two classes are fitted one against the rest.

    Parameters
    ----------
    alpha, beta : float
        Learning rate of a coordinate: alpha / (beta + sqrt(sum of squared gradients)).
    l1, l2 : float
    fit_intercept : bool
        One more coordinate with x = 1, without l1 and l2.
    n_passes : int
        Passes of `fit` over the rows.
    class_weight : dict or None
    random_state : ignored
    n_jobs : ignored
        Each row needs the one before.
    """

    _family: ClassVar[str] = "FTRLProximal"

    def __init__(
        self,
        alpha: float = 0.1,
        *,
        beta: float = 1.0,
        l1: float = 0.0,
        l2: float = 0.0,
        fit_intercept: bool = True,
        n_passes: int = 1,
        class_weight: dict[Any, float] | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.alpha = alpha
        self.beta = beta
        self.l1 = l1
        self.l2 = l2
        self.fit_intercept = fit_intercept
        self.n_passes = n_passes
        self.class_weight = class_weight
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _make_trainer(self) -> Trainer:
        trainer: Trainer = self._trainer(self.n_passes)
        return trainer

    def _trainer(self, n_passes: int) -> FTRLTrainer:
        if not (self.class_weight is None or isinstance(self.class_weight, dict)):
            raise InputError(f"class_weight must be a dictionary or None, but is {self.class_weight!r}.")
        return FTRLTrainer(self.alpha, self.beta, self.l1, self.l2, self.fit_intercept, n_passes)

    def partial_fit(
        self, X: Any, y: Any, classes: ArrayLike | None = None, *, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Learn more rows, in order, each once. `classes` names all classes in the first call."""
        first = not hasattr(self, "fitted_")
        matrix, target = validated_matrix(self, X, y, reset=first, allow_nan=False)
        target = labels_of("y", target)
        if first:
            if classes is None:
                raise InputError("classes must name all classes in the first call of partial_fit.")
            known = np.unique(np.asarray(classes))
            require((len(known) >= 2, "classes", "at least 2 classes", known.tolist()))
        else:
            known = self.classes_
            if classes is not None and not np.array_equal(np.unique(np.asarray(classes)), known):
                raise InputError(f"classes must be those of the first call {known.tolist()}.")
        unknown = ~np.isin(target, known)
        if unknown.any():
            row = int(np.argmax(unknown))
            raise InputError(f"y holds {target[row]!r} (row {row}), which is none of the classes {known.tolist()}.")
        weight = validated_weight(sample_weight, len(matrix))
        present = np.ones(len(matrix), dtype=bool) if weight is None else weight > 0
        weight = self._with_class_weight(weight, target, present)
        before = None if first else self.fitted_
        task = FitTask(
            X=matrix,
            y=np.searchsorted(known, target).astype(np.int32),
            rows=np.arange(len(matrix), dtype=np.int64),
            n_classes=len(known),
            weight=weight,
        )
        assert before is None or isinstance(before, FittedLinearClassifier)
        self._adopt(self._trainer(1).fit(task, before), known)
        return self
