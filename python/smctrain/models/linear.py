"""Linear models: settings, native fit, fitted model. Inputs are imputed by the caller; scaling happens inside."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from smctrain import _load
from smctrain.exceptions import ArtifactError, InputError
from smctrain.models.base import FitTask, FloatMatrix, History
from smctrain.models.explanation import Moves
from smctrain.models.memory import check_memory

_HISTORY = ("step", "train_loss", "val_loss", "train_accuracy", "val_accuracy", "grad_norm", "learning_rate")


def is_integer(value: object, least: int = 1) -> bool:
    """Whether the value is a whole number of at least `least`, and no boolean."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and least <= int(value) < 2**31


def is_real(value: object, low: float, high: float = math.inf, *, open_low: bool = False) -> bool:
    """Whether the value is a number in [low, high], and no boolean or NaN."""
    if not isinstance(value, (int, float, np.integer, np.floating)) or isinstance(value, bool):
        return False
    return bool((low < value if open_low else low <= value) and value <= high)


def require(*conditions: tuple[bool, str, str, Any]) -> None:
    """Raise one `InputError` about all (good, name, expected, value) that are not good."""
    problems = [
        f"{name} must be {expected}, but is {value!r}." for good, name, expected, value in conditions if not good
    ]
    if problems:
        raise InputError(" ".join(problems))


def used_rows(task: FitTask) -> tuple[NDArray[np.int64], NDArray[np.float64] | None]:
    """Training rows of positive weight, and the weights where they differ."""
    if task.weight is None:
        return task.rows, None
    rows = task.rows[task.weight[task.rows] > 0]
    return rows, np.ascontiguousarray(task.weight, dtype=np.float64)


def balanced(task: FitTask, rows: NDArray[np.int64], weight: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Weights times total / (classes present * weight of the row's class)."""
    base = np.ones(len(task.X)) if weight is None else weight
    mass = np.bincount(task.y[rows], weights=base[rows], minlength=task.n_classes)
    factor = np.divide(mass.sum(), np.count_nonzero(mass) * mass, out=np.zeros_like(mass), where=mass > 0)
    return np.where(task.y >= 0, base * factor[np.maximum(task.y, 0)], 0.0)


def estimate_bytes(n: int, d: int, n_scores: int = 1) -> int:
    """Bytes that a linear fit is going to need: a few numbers a row and score, and second moments of the columns; with
    more columns than rows (and above 1200) those of the rows instead."""
    rows = n * 8 * (4 + 3 * n_scores)
    if d > max(n, 1200):
        return rows + 8 * n * (d + 2 * n)
    return rows + 8 * (d + 8) ** 2 * (n_scores * n_scores + min(16, 1 + n // 4096))


def importances(coefs: NDArray[np.float64], scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over scores of |coefficient| times the column's standard deviation, made to sum to 1."""
    strength: NDArray[np.float64] = np.abs(coefs).mean(axis=0) * scale
    total = strength.sum()
    return strength / total if total > 0 else strength


@dataclass(frozen=True)
class LogisticRegressionTrainer:
    """Logistic regression with L2, L1 or both, for any number of classes.

    Minimises C * (sum of weighted losses) + (1 - l1_ratio) / 2 |b|^2 + l1_ratio |b|_1; intercepts carry no penalty.

    Parameters
    ----------
    C : float
        Inverse strength of the penalty; infinite: none.
    l1_ratio : float
        Share of L1, in [0, 1].
    fit_intercept : bool
    standardize : bool
        Penalise coefficients of columns divided by their standard deviation. Coefficients are reported in the units
        of X either way.
    class_weight : "balanced" or None
    tol : float
        Largest violation of the optimality conditions, as gradient of the mean loss.
    max_iter : int
    """

    family: ClassVar[str] = "LogisticRegression"
    needs_scaling: ClassVar[bool] = True
    is_sequence: ClassVar[bool] = False
    uses_stop_rows: ClassVar[bool] = False

    C: float = 1.0
    l1_ratio: float = 0.0
    fit_intercept: bool = True
    standardize: bool = True
    class_weight: str | None = "balanced"
    tol: float = 1e-6
    max_iter: int = 100

    def __post_init__(self) -> None:
        require(
            (is_real(self.C, 0.0, open_low=True), "C", "a positive number", self.C),
            (is_real(self.l1_ratio, 0.0, 1.0), "l1_ratio", "a number in [0, 1]", self.l1_ratio),
            (isinstance(self.fit_intercept, bool), "fit_intercept", "True or False", self.fit_intercept),
            (isinstance(self.standardize, bool), "standardize", "True or False", self.standardize),
            (self.class_weight in ("balanced", None), "class_weight", "'balanced' or None", self.class_weight),
            (is_real(self.tol, 0.0, 1e300, open_low=True), "tol", "a positive number", self.tol),
            (is_integer(self.max_iter), "max_iter", "an integer of at least 1", self.max_iter),
        )

    def settings(self) -> dict[str, Any]:
        """Plain settings, for metadata and hashes."""
        return asdict(self)

    def fit(self, task: FitTask) -> FittedLogisticRegression:
        """Fit one task; raises InputError, TooFewRows, TooFewColumns or OneClass where nothing can be learned."""
        rows, weight = used_rows(task)
        if self.class_weight == "balanced":
            weight = balanced(task, rows, weight)
        estimate = estimate_bytes(len(rows), int(task.X.shape[1]), max(1, task.n_classes))
        check_memory(self.family, estimate, "fewer columns, or fewer rows")
        total = float(len(rows)) if weight is None else float(weight[rows].sum())
        strength = 0.0 if total <= 0 else 1.0 / (float(self.C) * total)
        result = _load.core().fit_logistic(
            X=task.X,
            rows=rows,
            y=task.y,
            weight=weight,
            n_classes=task.n_classes,
            l1=strength * float(self.l1_ratio),
            l2=strength * (1.0 - float(self.l1_ratio)),
            tol=float(self.tol),
            max_iter=int(self.max_iter),
            fit_intercept=self.fit_intercept,
            standardize=self.standardize,
            threads=task.threads,
            stop=task.stop,
            time_limit_s=float(task.time_limit_s),
            progress=task.progress,
        )
        steps = len(result["objective"])
        history = {name: np.full(steps, np.nan) for name in _HISTORY}
        history["step"] = np.arange(steps, dtype=np.float64)
        history["train_loss"] = result["objective"]
        history["grad_norm"] = result["violation"]
        history["learning_rate"] = result["step"]
        reason = str(result["stop_reason"])
        warnings = []
        if reason:
            warnings.append(f"The fit was ended ({reason}) after {max(steps - 1, 0)} iterations.")
        elif not result["converged"]:
            warnings.append(
                f"The fit did not converge in {steps - 1} iterations: the optimality error is "
                f"{result['violation'][-1]:.2g}, tol {self.tol:g}. Raise max_iter or lower C."
            )
        return FittedLogisticRegression(
            result["coefs"],
            result["intercepts"],
            result["scale"],
            task.n_classes,
            history,
            warnings,
            reason,
            mean=result["mean"],
        )


@dataclass(frozen=True)
class FTRLTrainer:
    """FTRL-proximal, McMahan et al. (2013), Algorithm 1, over the rows in their order.

    Parameters
    ----------
    alpha, beta : float
        Learning rate of a coordinate: alpha / (beta + sqrt(sum of squared gradients)).
    l1, l2 : float
    fit_intercept : bool
    n_passes : int
        Passes over the rows; the publication makes one.
    """

    family: ClassVar[str] = "FTRLProximal"
    needs_scaling: ClassVar[bool] = True
    is_sequence: ClassVar[bool] = False
    uses_stop_rows: ClassVar[bool] = False

    alpha: float = 0.1
    beta: float = 1.0
    l1: float = 0.0
    l2: float = 0.0
    fit_intercept: bool = True
    n_passes: int = 1

    def __post_init__(self) -> None:
        require(
            (is_real(self.alpha, 0.0, 1e300, open_low=True), "alpha", "a positive number", self.alpha),
            *(
                (is_real(getattr(self, name), 0.0, 1e300), name, "a number of at least 0", getattr(self, name))
                for name in ("beta", "l1", "l2")
            ),
            (isinstance(self.fit_intercept, bool), "fit_intercept", "True or False", self.fit_intercept),
            (is_integer(self.n_passes), "n_passes", "an integer of at least 1", self.n_passes),
        )

    def settings(self) -> dict[str, Any]:
        """Plain settings, for metadata and hashes."""
        return asdict(self)

    def fit(self, task: FitTask, before: FittedLinearClassifier | None = None) -> FittedFTRL:
        """Learn `task.rows` in their order, continuing from `before` where it is given."""
        rows, weight = used_rows(task)
        require((len(rows) > 0, "rows", "at least 1 row of positive weight", 0))
        state = {"z": None, "n": None} if before is None else {name: before.state[name] for name in ("z", "n")}
        parts: list[History] = []
        seen, reason = 0, ""
        settings = {name: getattr(self, name) for name in ("alpha", "beta", "l1", "l2", "fit_intercept")}
        total = len(rows) * int(self.n_passes)
        end = time.monotonic() + float(task.time_limit_s)  # of all passes together
        tell = task.progress

        def progress(done: int, _: int) -> None:
            if tell is not None:
                tell(seen + done, total)

        for _ in range(int(self.n_passes)):
            result = _load.core().fit_ftrl(
                X=task.X,
                rows=rows,
                y=task.y,
                weight=weight,
                n_classes=task.n_classes,
                settings=settings,
                z=state["z"],
                n=state["n"],
                stop=task.stop,
                time_limit_s=max(end - time.monotonic(), 1e-9) if task.time_limit_s > 0 else 0.0,
                progress=progress,
            )
            state = {"z": result["z"], "n": result["n"]}
            part = {name: np.full(len(result["step"]), np.nan) for name in _HISTORY}
            part["step"] = result["step"] + seen
            part["train_loss"], part["train_accuracy"] = result["loss"], result["accuracy"]
            parts.append(part)
            seen += int(result["rows_seen"])
            reason = str(result["stop_reason"])
            if reason:
                break
        history = {name: np.concatenate([part[name] for part in parts]) for name in _HISTORY}
        warnings = [f"The fit was ended ({reason}) after {seen} rows."] if reason else []
        weights = np.asarray(result["weights"])
        coefs, intercepts = np.ascontiguousarray(weights[:, :-1]), np.ascontiguousarray(weights[:, -1])
        # Of the rows of this call only: earlier ones are gone.
        mean, scale = _load.core().column_moments(task.X, rows, weight, 1)
        return FittedFTRL(coefs, intercepts, scale, task.n_classes, history, warnings, reason, dict(state), mean)


class _LinearExplanations:
    """What linear models tell about themselves."""

    coefs: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    scale: NDArray[np.float64]
    mean: NDArray[np.float64] | None
    n_classes: int
    family: ClassVar[str]

    def feature_importances(self) -> NDArray[np.float64]:
        """|Coefficient| times the column's standard deviation in training, sum 1; zeros where all are 0."""
        return importances(self.coefs, self.scale)

    def native_importances(self) -> dict[str, NDArray[np.float64]]:
        """|Coefficient| x standard deviation of the column in training, mean over scores."""
        return {"coefficient": np.abs(self.coefs).mean(axis=0) * self.scale}

    def shap_values(self, X: FloatMatrix) -> NDArray[np.float64]:
        """coef * (x - mean of the training rows) (n, d + 1, k), the base value last.

        Exact Shapley values of the linear score where the columns are independent of one another (Lundberg and Lee,
        NIPS 2017, corollary 1). Of two classes those of the first mirror those of the second.
        """
        if self.mean is None:
            raise InputError("this model was stored without column means, which contributions need: fit it again.")
        terms = (np.asarray(X, dtype=np.float64) - self.mean)[:, :, None] * self.coefs.T
        base = np.broadcast_to(self.intercepts + self.coefs @ self.mean, (len(terms), 1, len(self.intercepts)))
        values = np.concatenate([terms, base], axis=1)
        return np.concatenate([-values, values], axis=2) if self.n_classes == 2 else values

    def moved_scores(
        self, X: FloatMatrix, y: NDArray[Any], metric: str, moves: Moves, threads: int = 1
    ) -> tuple[float, NDArray[np.float64]]:
        """Score, and scores (n_groups, repeats) with one group of columns moved: see `models.explanation`."""
        answer: tuple[float, NDArray[np.float64]] = _load.core().linear_moved_scores(
            self.coefs, self.intercepts, self.n_classes, self.family == "FTRLProximal", X, y, metric, moves.sources,
            moves.groups, moves.n_groups, threads,
        )  # fmt: skip
        return answer

    def _arrays(self) -> dict[str, NDArray[Any]]:
        arrays = {"coefs": self.coefs, "intercepts": self.intercepts, "scale": self.scale}
        return arrays if self.mean is None else arrays | {"mean": self.mean}


class FittedLinearClassifier(_LinearExplanations):
    """Coefficients in the units of X; probabilities by the logistic function or softmax.

    FTRL with more than two classes: one logistic function a class, divided by their sum.
    """

    family: ClassVar[str]

    def __init__(
        self,
        coefs: NDArray[np.float64],
        intercepts: NDArray[np.float64],
        scale: NDArray[np.float64],
        n_classes: int,
        history: History,
        warnings: list[str],
        stop_reason: str,
        state: dict[str, Any] | None = None,
        mean: NDArray[np.float64] | None = None,
    ) -> None:
        self.coefs, self.intercepts, self.scale, self.mean = coefs, intercepts, scale, mean
        self.n_features = int(coefs.shape[1])
        self.n_classes = n_classes
        self.history = history
        self.warnings = warnings
        self.stop_reason = stop_reason
        self.complete = stop_reason == ""
        self.state = state or {}

    def scores(self, X: FloatMatrix, rows: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """Linear scores (len(rows), 1) for two classes, else (len(rows), n_classes)."""
        result: NDArray[np.float64] = _load.core().linear_scores(X, rows, self.coefs, self.intercepts, 1)
        return result

    def predict_proba(
        self, X: FloatMatrix, rows: NDArray[np.int64] | None = None, segment: NDArray[np.int32] | None = None
    ) -> NDArray[np.float64]:
        """Class probabilities (len(rows), n_classes); `segment` is not used."""
        if self.family == "FTRLProximal" and self.n_classes > 2:
            # The logistic functions, kept from all being 0.
            each = np.exp(-np.logaddexp(0.0, -np.clip(self.scores(X, rows), -700.0, None)))
            shares: NDArray[np.float64] = each / each.sum(axis=1, keepdims=True)
            return shares
        result: NDArray[np.float64] = _load.core().linear_proba(X, rows, self.coefs, self.intercepts, 1)
        return result

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Plain metadata and named arrays."""
        meta = {"n_classes": self.n_classes, "stop_reason": self.stop_reason, "warnings": list(self.warnings)}
        arrays = self._arrays()
        arrays |= {f"history_{name}": values for name, values in self.history.items()}
        arrays |= {f"state_{name}": values for name, values in self.state.items()}
        return meta, arrays

    @classmethod
    def from_state(cls, meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """Inverse of `to_state`; raises `ArtifactError` for what contradicts itself."""
        n_classes = meta.get("n_classes")
        if not is_integer(n_classes, 2):
            raise ArtifactError(f"linear model: n_classes must be an integer of at least 2, but is {n_classes!r}.")
        n_scores = 1 if n_classes == 2 else int(n_classes)  # type: ignore[arg-type]
        coefs, intercepts, scale, history, warnings, reason = read_arrays(meta, arrays, n_scores)
        state = {}
        for name in ("z", "n") if cls.family == "FTRLProximal" else ():
            state[name] = read_array(arrays, f"state_{name}", (n_scores, coefs.shape[1] + 1))
        if state and (state["n"] < 0).any():
            raise ArtifactError("linear model: sums of squared gradients must not be negative.")
        mean = read_mean(arrays, scale)
        return cls(coefs, intercepts, scale, int(n_classes), history, warnings, reason, state, mean)  # type: ignore[arg-type]


class FittedLogisticRegression(FittedLinearClassifier):
    """A fitted logistic regression."""

    family: ClassVar[str] = "LogisticRegression"


class FittedFTRL(FittedLinearClassifier):
    """A fitted FTRL-proximal model; `state` holds z and n, so that it can learn on."""

    family: ClassVar[str] = "FTRLProximal"


class FittedRegression(_LinearExplanations):
    """A linear regression: coefficients and intercept in the units of X, how the fit went, the penalty used."""

    family: ClassVar[str]
    n_classes = 0

    def __init__(
        self,
        coefs: NDArray[np.float64],
        intercepts: NDArray[np.float64],
        scale: NDArray[np.float64],
        history: History,
        warnings: list[str],
        stop_reason: str,
        alpha: float | None = None,
        mean: NDArray[np.float64] | None = None,
    ) -> None:
        self.alpha = alpha
        self.coefs, self.intercepts, self.scale, self.mean = coefs, intercepts, scale, mean
        self.n_features = int(coefs.shape[1])
        self.history, self.warnings, self.stop_reason = history, warnings, stop_reason
        self.complete = stop_reason == ""

    def predict(self, X: FloatMatrix, rows: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """Predicted values (len(rows),)."""
        result: NDArray[np.float64] = _load.core().linear_scores(X, rows, self.coefs, self.intercepts, 1)
        return result[:, 0]

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Plain metadata and named arrays."""
        arrays = self._arrays()
        arrays |= {f"history_{name}": values for name, values in self.history.items()}
        return {"stop_reason": self.stop_reason, "warnings": list(self.warnings), "alpha": self.alpha}, arrays

    @classmethod
    def from_state(cls, meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """Inverse of `to_state`; raises `ArtifactError` for what contradicts itself."""
        alpha = meta.get("alpha")
        if alpha is not None and not is_real(alpha, 0.0):
            raise ArtifactError(f"linear model: alpha must be a number of at least 0 or null, but is {alpha!r}.")
        parts = read_arrays(meta, arrays, 1)
        fitted = cls(*parts, None if alpha is None else float(alpha), read_mean(arrays, parts[2]))
        if not len(fitted.history.get("step", ())):
            raise ArtifactError("linear model: the history of the fit is missing.")
        return fitted


class FittedLinearRegression(FittedRegression):
    """Least squares."""

    family: ClassVar[str] = "LinearRegression"


class FittedRidge(FittedRegression):
    """Least squares with an L2 penalty."""

    family: ClassVar[str] = "Ridge"


class FittedLasso(FittedRegression):
    """Least squares with an L1 penalty."""

    family: ClassVar[str] = "Lasso"


class FittedElasticNet(FittedRegression):
    """Least squares with both penalties."""

    family: ClassVar[str] = "ElasticNet"


FITTED_REGRESSIONS: dict[str, type[FittedRegression]] = {
    cls.family: cls for cls in (FittedLinearRegression, FittedRidge, FittedLasso, FittedElasticNet)
}


def read_array(arrays: dict[str, NDArray[Any]], name: str, shape: tuple[int, ...] | None) -> NDArray[np.float64]:
    """A stored array, finite and of this shape."""
    value = arrays.get(name)
    if not isinstance(value, np.ndarray) or value.dtype != np.float64 or (shape is not None and value.shape != shape):
        raise ArtifactError(f"linear model: {name} must be a float64 array of shape {shape}.")
    if not name.startswith("history_") and not np.isfinite(value).all():
        raise ArtifactError(f"linear model: {name} must be finite.")
    return np.ascontiguousarray(value)


def read_mean(arrays: dict[str, NDArray[Any]], scale: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Column means; None in files of versions that did not store them."""
    return read_array(arrays, "mean", scale.shape) if "mean" in arrays else None


def read_arrays(
    meta: dict[str, Any], arrays: dict[str, NDArray[Any]], n_scores: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], History, list[str], str]:
    """What all stored linear models share, checked."""
    reason, warnings = meta.get("stop_reason"), meta.get("warnings")
    if not isinstance(reason, str) or not isinstance(warnings, list):
        raise ArtifactError("linear model: stop_reason must be text and warnings a list.")
    coefs = read_array(arrays, "coefs", None)
    if coefs.ndim != 2 or coefs.shape[0] != n_scores or coefs.shape[1] < 1:
        raise ArtifactError(f"linear model: coefs must have {n_scores} rows, but has shape {coefs.shape}.")
    intercepts = read_array(arrays, "intercepts", (n_scores,))
    scale = read_array(arrays, "scale", (coefs.shape[1],))
    names = [name for name in arrays if name.startswith("history_")]
    length = len(arrays[names[0]]) if names else 0
    history = {name.removeprefix("history_"): read_array(arrays, name, (length,)) for name in names}
    return coefs, intercepts, scale, history, [str(sentence) for sentence in warnings], reason
