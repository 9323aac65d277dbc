"""Is a predicted distribution true? Probability integral transform, coverage, and two ways to put it right.

    PIT        u_i = F_i(y_i): uniform where the predicted cumulative functions F_i are true.
    coverage   share of rows with y_i inside the central interval of a nominal level.
    scale      one factor on the scale of every predicted distribution, found by maximum likelihood.
    isotonic   that factor, then a monotone map R of probabilities, R(u) = share of calibration rows with u_i <= u: the
               cumulative function becomes R(F(y)) (Kuleshov, Fenner and Ermon, "Accurate uncertainties for deep
               learning using calibrated regression", ICML 2018).

Calibration is measured, and learned, on rows that the model was not trained on. Labels that overlap are not
independent: `horizon` is the number of rows that share one outcome, and n / horizon rows count.
"""

from __future__ import annotations

import importlib.util
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain.exceptions import ArtifactError, InputError

LEVELS = (0.5, 0.8, 0.9, 0.95)
_MOST_KNOTS = 199


@dataclass(frozen=True)
class CalibrationReport:
    """What calibration rows say about predicted distributions.

    Attributes
    ----------
    n, n_effective : rows, and rows that count where labels overlap
    pit : ndarray of int
        Histogram of the probability integral transform over equal bins; flat where the predictions are true.
    distance : float
        Largest distance between the share of rows with u_i <= u and u (Kolmogorov-Smirnov).
    coverage : dict
        Columns `level`, `coverage`, `spread` (how far chance alone takes the coverage in 95 of 100 samples of
        n_effective rows) and `ok` (within it).
    crps : float
        Mean continuous ranked probability score, in units of y; lower is better.
    """

    n: int
    n_effective: float
    pit: NDArray[np.int64]
    distance: float
    coverage: dict[str, NDArray[Any]]
    crps: float

    @property
    def ok(self) -> bool:
        """Whether every coverage is within what chance alone does."""
        return bool(self.coverage["ok"].all())

    @property
    def table(self) -> Any:
        """`coverage` as a pandas frame where pandas is installed, else as it is."""
        if importlib.util.find_spec("pandas") is None:
            return self.coverage
        import pandas as pd

        return pd.DataFrame(self.coverage)


def chance_spread(level: ArrayLike, n_effective: float) -> NDArray[np.float64]:
    """1.96 standard deviations of a share of n_effective rows whose expectation is `level`."""
    p = np.asarray(level, dtype=np.float64)
    spread: NDArray[np.float64] = 1.96 * np.sqrt(p * (1 - p) / max(1.0, n_effective))
    return spread


def effective_rows(n: int, horizon: int) -> float:
    if isinstance(horizon, bool) or not isinstance(horizon, (int, np.integer)) or horizon < 1:
        raise InputError(f"horizon must be an integer of at least 1, but is {horizon!r}.")
    return max(1.0, n / int(horizon))


def coverage_table(u: NDArray[np.float64], levels: ArrayLike, n_effective: float) -> dict[str, NDArray[Any]]:
    """Coverage of central intervals from probability integral transforms."""
    level = np.asarray(levels, dtype=np.float64)
    if level.ndim != 1 or not ((level > 0) & (level < 1)).all():
        raise InputError(f"levels must lie between 0 and 1, but are {levels!r}.")
    inside = np.array([np.mean(np.abs(u - 0.5) <= one / 2) for one in level])
    spread = chance_spread(level, n_effective)
    return {"level": level, "coverage": inside, "spread": spread, "ok": np.abs(inside - level) <= spread}


def report_of(distribution: Any, y: ArrayLike, levels: ArrayLike, bins: int, horizon: int) -> CalibrationReport:
    """The report of predicted distributions (n,) on outcomes y (n,)."""
    values = np.asarray(y, dtype=np.float64)
    if values.shape != (len(distribution),) or not len(values):
        raise InputError(f"y must have the {len(distribution)} predicted rows, at least 1, but has {values.shape}.")
    if not np.isfinite(values).all():
        raise InputError(f"y must be finite, but is {values[~np.isfinite(values)][0]}.")
    if isinstance(bins, bool) or not isinstance(bins, (int, np.integer)) or bins < 2:
        raise InputError(f"bins must be an integer of at least 2, but is {bins!r}.")
    u = distribution.cdf(values)
    n = len(u)
    ordered = np.sort(u)
    above = np.arange(1, n + 1) / n - ordered
    n_effective = effective_rows(n, horizon)
    return CalibrationReport(
        n=n,
        n_effective=n_effective,
        pit=np.histogram(u, bins=bins, range=(0.0, 1.0))[0].astype(np.int64),
        distance=float(np.maximum(above, 1 / n - above).max()),
        coverage=coverage_table(u, levels, n_effective),
        crps=float(distribution.crps(values).mean()),
    )


@dataclass(frozen=True)
class Recalibration:
    """A learned correction: `factor` on the scale, then the map R through `knots` (2, k), both ascending from 0 to 1.
    Neither changes anything by default."""

    factor: float = 1.0
    knots: NDArray[np.float64] | None = None

    def forward(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """R(u)."""
        return u if self.knots is None else np.interp(u, self.knots[0], self.knots[1])

    def backward(self, p: NDArray[np.float64]) -> NDArray[np.float64]:
        """The u with R(u) = p."""
        return p if self.knots is None else np.interp(p, self.knots[1], self.knots[0])

    def arrays(self) -> dict[str, NDArray[Any]]:
        knots = np.empty((2, 0)) if self.knots is None else self.knots
        return {"recalibration_factor": np.array([self.factor]), "recalibration_knots": knots}

    @classmethod
    def of_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Recalibration:
        """Inverse of `arrays`; raises `ArtifactError` for what is no correction."""
        factor, knots = arrays.get("recalibration_factor"), arrays.get("recalibration_knots")
        if not isinstance(factor, np.ndarray) or factor.dtype != np.float64 or factor.shape != (1,):
            raise ArtifactError("recalibration_factor must be one float64.")
        if not (np.isfinite(factor[0]) and factor[0] > 0):
            raise ArtifactError(f"recalibration_factor must be a positive number, but is {factor[0]}.")
        if not isinstance(knots, np.ndarray) or knots.dtype != np.float64 or knots.ndim != 2 or len(knots) != 2:
            raise ArtifactError("recalibration_knots must be float64 of shape (2, k).")
        if knots.shape[1] == 0:
            return cls(float(factor[0]))
        rises = knots.shape[1] >= 2 and bool((np.diff(knots, axis=1) > 0).all())
        if not (rises and (knots[:, 0] == 0).all() and (knots[:, -1] == 1).all()):
            raise ArtifactError("recalibration_knots must rise from 0 to 1.")
        return cls(float(factor[0]), np.ascontiguousarray(knots))


def learn(distribution: Any, y: NDArray[np.float64], method: str) -> Recalibration:
    """The correction of predicted distributions (not corrected yet) that outcomes y (n,) ask for."""
    if method not in ("scale", "isotonic"):
        raise InputError(f"method must be 'scale' or 'isotonic', but is {method!r}.")
    if len(y) < 2:
        raise InputError(f"recalibration needs at least 2 rows, but has {len(y)}.")
    factor = _best_factor(distribution, y)
    if method == "scale":
        return Recalibration(factor)
    # After the factor, so that few outcomes lie where the predicted functions are flat.
    u = np.sort(distribution.scaled(factor).cdf(y))
    share = np.arange(1, len(u) + 1) / (len(u) + 1)
    if len(u) > _MOST_KNOTS:
        picked = np.unique(np.round(np.linspace(0, len(u) - 1, _MOST_KNOTS)).astype(int))
        u, share = u[picked], share[picked]
    inside = (u > 0) & (u < 1)
    u, last = np.unique(u[inside][::-1], return_index=True)  # of equal ones the highest share
    share = share[inside][::-1][last]
    return Recalibration(factor, np.array([np.r_[0.0, u, 1.0], np.r_[0.0, share, 1.0]]))


def _best_factor(distribution: Any, y: NDArray[np.float64]) -> float:
    """Golden section over the logarithm of the factor: the likelihood has one maximum in it."""
    golden = (math.sqrt(5.0) - 1.0) / 2.0
    low, high = math.log(1e-6), math.log(1e6)

    def loss(log_factor: float) -> float:
        return float(-distribution.scaled(math.exp(log_factor)).logpdf(y).mean())

    left, right = high - golden * (high - low), low + golden * (high - low)
    at_left, at_right = loss(left), loss(right)
    while high - low > 1e-7:
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - golden * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + golden * (high - low)
            at_right = loss(right)
    return math.exp((low + high) / 2)
