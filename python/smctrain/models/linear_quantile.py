"""Linear quantiles: one plane a quantile, the base "linear" of `smctrain.models.quantile`.

    prepare   a missing value becomes the column's median, columns are centred and scaled, as learned on training rows
    loss      the pinball loss smoothed by a Gaussian of bandwidth h, which makes it convex and smooth:
              l(u) = h / 2 * (sqrt(2 / pi) exp(-v^2 / 2) + v (1 - 2 Phi(-v))) + (q - 1/2) u,  v = u / h
              plus l2 / 2 |b|^2; minimised by L-BFGS
    h         max(0.05, sqrt(q (1 - q)) ((d + log n) / n)^0.4) standard deviations of the target
    level     the intercept is moved so that the share q of the training weight lies at or below the plane

Cost: a few dozen products with the matrix for each quantile. Source: He, Pan, Tan and Zhou, "Smoothed quantile
regression with large-scale inference", Journal of Econometrics 232 (2023).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from smctrain.exceptions import ArtifactError, InputError
from smctrain.models._adapters import task_samples, task_target
from smctrain.models.base import FitTask, FloatMatrix, History
from smctrain.models.boosting import is_integer, is_real, stored_value

_HISTORY = ("step", "train_loss", "val_loss", "train_accuracy", "val_accuracy", "grad_norm", "learning_rate")
_REASONS = {1: "cancelled", 2: "timeout", 3: "interrupted"}


@dataclass(frozen=True)
class LinearQuantileTrainer:
    """Settings of linear quantiles.

    Parameters
    ----------
    quantiles : tuple of float
    l2 : float
        Penalty on coefficients of standardised columns, in units of the mean loss of a standardised target.
    tol : float
        Largest entry of the gradient at the end.
    max_iter : int
    """

    uses_stop_rows: ClassVar[bool] = False

    quantiles: tuple[float, ...]
    l2: float = 1e-4
    tol: float = 1e-6
    max_iter: int = 500

    def __post_init__(self) -> None:
        problems = [
            f"{name} must be a number of at least 0, but is {getattr(self, name)!r}."
            for name in ("l2", "tol")
            if not (is_real(getattr(self, name)) and getattr(self, name) >= 0)
        ]
        if not (is_integer(self.max_iter) and self.max_iter >= 1):
            problems.append(f"max_iter must be an integer of at least 1, but is {self.max_iter!r}.")
        if problems:
            raise InputError(" ".join(problems))

    def fit(self, task: FitTask) -> FittedLinearQuantile:
        """Fit one task; raises InputError, TooFewRows or TooFewColumns where nothing can be learned."""
        from scipy import optimize, special

        end = time.monotonic() + task.time_limit_s if task.time_limit_s > 0 else np.inf
        y = task_target(task)
        sample, _ = task_samples(task, y, balanced=False)
        X, w = sample["X"].astype(np.float64), sample["weight"].astype(np.float64)
        w = w / w.sum()
        target = y[sample["rows"]]
        fill, centre, scale = _prepared(X)
        Z = (np.where(np.isnan(X), fill, X) - centre) / scale
        middle, spread = float(target @ w), float(target.std()) or 1.0
        t = (target - middle) / spread
        n, d = Z.shape
        coefs, intercepts = np.zeros((len(self.quantiles), d)), np.zeros(len(self.quantiles))
        losses, iterations, warnings, reason = [], [], [], ""

        def stopped() -> str:
            if task.stop is not None and task.stop[0]:
                return _REASONS.get(int(task.stop[0]), "cancelled")
            return "timeout" if time.monotonic() >= end else ""

        for k, q in enumerate(self.quantiles):
            h = max(0.05, np.sqrt(q * (1 - q)) * ((d + np.log(n)) / n) ** 0.4)

            def loss(b: NDArray[np.float64], q: float = q, h: float = h) -> tuple[float, NDArray[np.float64]]:
                u = t - Z @ b[:d] - b[d]
                v = u / h
                smooth = h / 2 * (np.sqrt(2 / np.pi) * np.exp(-(v**2) / 2) + v * (1 - 2 * special.ndtr(-v)))
                slope = -w * (special.ndtr(v) + q - 1)
                gradient = np.r_[slope @ Z + self.l2 * b[:d], slope.sum()]
                return float(w @ (smooth + (q - 0.5) * u) + self.l2 / 2 * b[:d] @ b[:d]), gradient

            def watch(_: NDArray[np.float64]) -> None:
                if stopped():
                    raise StopIteration

            reason = reason or stopped()
            b = np.r_[np.zeros(d), _weighted_quantile(t, w, q)]
            if not reason:
                found = optimize.minimize(
                    loss, b, jac=True, method="L-BFGS-B", callback=watch,
                    options={"maxiter": int(self.max_iter), "gtol": self.tol, "ftol": 1e-14},
                )  # fmt: skip
                b = found.x
                reason = stopped()
                iterations.append(float(found.nit))
                if found.nit >= self.max_iter:
                    warnings.append(f"The quantile {q} did not converge in {found.nit} iterations: raise max_iter.")
            b[d] += _weighted_quantile(t - Z @ b[:d] - b[d], w, q)
            coefs[k] = b[:d] * spread / scale
            intercepts[k] = middle + spread * b[d] - coefs[k] @ centre
            u = target - (np.where(np.isnan(X), fill, X) @ coefs[k] + intercepts[k])
            losses.append(float(w @ np.maximum(q * u, (q - 1) * u)))
            if task.progress is not None:
                task.progress(k + 1, len(self.quantiles))
        history = {name: np.full(1, np.nan) for name in _HISTORY}
        history["step"], history["train_loss"] = np.array([float(sum(iterations))]), np.array([np.mean(losses)])
        return FittedLinearQuantile(coefs, intercepts, fill, scale, tuple(self.quantiles), history, warnings, reason)


def _prepared(X: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Medians (0 for a column without a value), means and standard deviations (1 for a constant column)."""
    present = ~np.isnan(X).all(axis=0)
    fill = np.zeros(X.shape[1])
    if present.any():
        fill[present] = np.nanmedian(X[:, present], axis=0)
    filled = np.where(np.isnan(X), fill, X)
    scale = filled.std(axis=0)
    constant = scale <= 1e-12 * np.maximum(1.0, np.abs(filled).max(axis=0, initial=0.0))
    return fill, filled.mean(axis=0), np.where(constant, 1.0, scale)


def _weighted_quantile(values: NDArray[np.float64], weight: NDArray[np.float64], q: float) -> float:
    """The least value that the share q of the weight does not exceed."""
    order = np.argsort(values, kind="stable")
    at = int(np.searchsorted(np.cumsum(weight[order]), q - 1e-12))
    return float(values[order][min(at, len(values) - 1)])


class FittedLinearQuantile:
    """Planes in the units of X; a missing value counts as the column's median in training."""

    n_classes: ClassVar[int] = 0

    def __init__(
        self, coefs: NDArray[np.float64], intercepts: NDArray[np.float64], fill: NDArray[np.float64],
        scale: NDArray[np.float64], quantiles: tuple[float, ...], history: History, warnings: list[str],
        stop_reason: str,
    ) -> None:  # fmt: skip
        self.coefs, self.intercepts, self.fill, self.scale, self.quantiles = coefs, intercepts, fill, scale, quantiles
        self.n_features = int(coefs.shape[1])
        self.history, self.warnings, self.stop_reason = history, warnings, stop_reason
        self.complete = stop_reason == ""

    def margins(self, X: FloatMatrix, rows: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """Quantiles (len(rows), q), not sorted."""
        part = (X if rows is None else X[rows]).astype(np.float64)
        if part.shape[1] != self.n_features:
            raise InputError(f"X must have the {self.n_features} columns seen in fit, but has {part.shape[1]}.")
        values: NDArray[np.float64] = np.where(np.isnan(part), self.fill, part) @ self.coefs.T + self.intercepts
        return values

    def feature_importances(self) -> NDArray[np.float64]:
        """|Coefficient| times the column's standard deviation in training, mean over quantiles, sum 1."""
        strength: NDArray[np.float64] = np.abs(self.coefs).mean(axis=0) * self.scale
        return strength / strength.sum() if strength.sum() > 0 else strength

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Plain metadata and named arrays."""
        meta = {
            "quantiles": list(self.quantiles), "warnings": list(self.warnings), "stop_reason": self.stop_reason,
        }  # fmt: skip
        arrays = {"coefs": self.coefs, "intercepts": self.intercepts, "fill": self.fill, "scale": self.scale}
        return meta, arrays | {f"history_{name}": self.history[name] for name in _HISTORY}

    @classmethod
    def from_state(cls, meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """Inverse of `to_state`; raises `ArtifactError` for what contradicts itself."""
        levels = stored_value(meta, "quantiles", list)
        coefs = arrays.get("coefs")
        good = isinstance(coefs, np.ndarray) and coefs.dtype == np.float64 and coefs.ndim == 2
        if not good or coefs is None or coefs.shape[0] != len(levels) or coefs.shape[1] < 1:
            raise ArtifactError(f"coefs must be float64 with one row for each of the {len(levels)} quantiles.")
        parts = [coefs]
        for name, length in (("intercepts", len(levels)), ("fill", coefs.shape[1]), ("scale", coefs.shape[1])):
            value = arrays.get(name)
            if not isinstance(value, np.ndarray) or value.dtype != np.float64 or value.shape != (length,):
                raise ArtifactError(f"{name} must be float64 of shape ({length},).")
            parts.append(value)
        if not all(np.isfinite(part).all() for part in parts):
            raise ArtifactError("the arrays of linear quantiles must be finite.")
        history = {}
        for name in _HISTORY:
            value = arrays.get(f"history_{name}")
            if not isinstance(value, np.ndarray) or value.dtype != np.float64 or value.shape != (1,):
                raise ArtifactError(f"history_{name} must be float64 of shape (1,).")
            history[name] = value
        warnings = stored_value(meta, "warnings", list)
        if not all(isinstance(one, str) for one in warnings):
            raise ArtifactError("warnings must be a list of texts.")
        reason = stored_value(meta, "stop_reason", str)
        return cls(coefs, parts[1], parts[2], parts[3], tuple(levels), history, warnings, reason)
