"""Predicted distributions of a number, one a row."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain.exceptions import InputError
from smctrain.models.calibration import LEVELS, CalibrationReport, Recalibration, report_of

DISTRIBUTIONS = ("normal", "lognormal", "laplace", "student_t")
DEGREES = 3.0
"""Degrees of freedom of "student_t"."""
_GRID = (np.arange(200) + 0.5) / 200


@dataclass(frozen=True)
class PredictedDistribution:
    """One distribution a row.

    Attributes
    ----------
    kind : str
        "normal", "lognormal" (`loc` and `scale` are those of the logarithm), "laplace" or "student_t" (3 degrees of
        freedom).
    loc, scale : float64 (n,)
    recalibration : Recalibration
        What calibration rows asked for; all methods include it.
    """

    kind: str
    loc: NDArray[np.float64]
    scale: NDArray[np.float64]
    recalibration: Recalibration = field(default_factory=Recalibration)

    def __post_init__(self) -> None:
        if self.kind not in DISTRIBUTIONS:
            raise InputError(f"kind must be one of {', '.join(map(repr, DISTRIBUTIONS))}, but is {self.kind!r}.")

    def __len__(self) -> int:
        return len(self.loc)

    def __getitem__(self, rows: Any) -> PredictedDistribution:
        """The distributions of some rows (a slice, a mask or row numbers)."""
        return replace(self, loc=self.loc[rows], scale=self.scale[rows])

    def scaled(self, factor: float) -> PredictedDistribution:
        """The same with every scale multiplied by `factor`, without any other correction."""
        return replace(self, recalibration=Recalibration(factor))

    @property
    def _width(self) -> NDArray[np.float64]:
        return self.scale * self.recalibration.factor

    @property
    def mean(self) -> NDArray[np.float64]:
        """Expected value (n,)."""
        if self.recalibration.knots is not None:
            return np.asarray(self.quantile(_GRID).mean(axis=1), dtype=np.float64)
        value: NDArray[np.float64] = np.exp(self.loc + self._width**2 / 2) if self.kind == "lognormal" else self.loc
        return value.copy()

    @property
    def sd(self) -> NDArray[np.float64]:
        """Standard deviation (n,). With the map of an "isotonic" recalibration it is that of 200 quantiles."""
        if self.recalibration.knots is not None:
            return np.asarray(self.quantile(_GRID).std(axis=1), dtype=np.float64)
        width = self._width
        if self.kind == "lognormal":
            return np.asarray(np.exp(self.loc + width**2 / 2) * np.sqrt(np.expm1(width**2)), dtype=np.float64)
        factor = {"normal": 1.0, "laplace": np.sqrt(2.0), "student_t": np.sqrt(DEGREES / (DEGREES - 2))}[self.kind]
        return np.asarray(width * factor, dtype=np.float64)

    @property
    def median(self) -> NDArray[np.float64]:
        """The value with as much probability below as above it (n,)."""
        return self.quantile(0.5)

    def quantile(self, q: ArrayLike) -> NDArray[np.float64]:
        """Quantiles at q in (0, 1): (n,) for a number, (n, k) for k of them."""
        levels = np.asarray(q, dtype=np.float64)
        if levels.ndim > 1 or not ((levels > 0) & (levels < 1)).all():
            raise InputError(f"q must lie between 0 and 1, but is {q!r}.")
        z = _standard_quantile(self.kind, self.recalibration.backward(np.atleast_1d(levels)))
        values = self.loc[:, None] + self._width[:, None] * z
        if self.kind == "lognormal":
            values = np.exp(values)
        return values[:, 0] if levels.ndim == 0 else values

    def interval(self, level: float = 0.9) -> NDArray[np.float64]:
        """Central interval (n, 2) that holds the outcome with probability `level`."""
        if not 0 < level < 1:
            raise InputError(f"level must lie between 0 and 1, but is {level!r}.")
        return self.quantile([(1 - level) / 2, (1 + level) / 2])

    def cdf(self, y: ArrayLike) -> NDArray[np.float64]:
        """Probability of an outcome of at most y (n,), y a number or one a row."""
        return self.recalibration.forward(_standard_cdf(self.kind, self._standard(y)))

    def logpdf(self, y: ArrayLike) -> NDArray[np.float64]:
        """Logarithm of the density at y (n,); not after an "isotonic" recalibration, whose density has steps."""
        if self.recalibration.knots is not None:
            raise InputError("logpdf does not exist after an isotonic recalibration; use cdf or crps.")
        z = self._standard(y)
        with np.errstate(divide="ignore"):
            jacobian = np.log(np.asarray(y, dtype=np.float64)) if self.kind == "lognormal" else 0.0
        value: NDArray[np.float64] = _standard_logpdf(self.kind, z) - np.log(self._width) - jacobian
        return value

    def crps(self, y: ArrayLike) -> NDArray[np.float64]:
        """Continuous ranked probability score at y (n,), as twice the mean pinball loss of 200 quantiles."""
        error = np.asarray(y, dtype=np.float64)[..., None] - self.quantile(_GRID)
        score: NDArray[np.float64] = 2 * np.maximum(_GRID * error, (_GRID - 1) * error).mean(axis=1)
        return score

    def calibration(
        self, y: ArrayLike, *, levels: ArrayLike = LEVELS, bins: int = 10, horizon: int = 1
    ) -> CalibrationReport:
        """How true the distributions are on outcomes y (n,) of rows that were not trained on (see `CalibrationReport`).

        horizon : rows that share one outcome, as overlapping labels do.
        """
        return report_of(self, y, levels, bins, horizon)

    def _standard(self, y: ArrayLike) -> NDArray[np.float64]:
        values = np.asarray(y, dtype=np.float64)
        if self.kind == "lognormal":
            with np.errstate(divide="ignore", invalid="ignore"):
                values = np.where(values > 0, np.log(np.where(values > 0, values, 1.0)), -np.inf)
        return (values - self.loc) / self._width


def _standard_quantile(kind: str, p: NDArray[np.float64]) -> NDArray[np.float64]:
    if kind == "laplace":
        value: NDArray[np.float64] = np.where(p < 0.5, np.log(2 * p), -np.log(2 * (1 - p)))
        return value
    from scipy import special

    value = special.stdtrit(DEGREES, p) if kind == "student_t" else special.ndtri(p)
    return np.asarray(value, dtype=np.float64)


def _standard_cdf(kind: str, z: NDArray[np.float64]) -> NDArray[np.float64]:
    if kind == "laplace":
        half = np.exp(-np.abs(z)) / 2
        value: NDArray[np.float64] = np.where(z < 0, half, 1 - half)
        return value
    from scipy import special

    value = special.stdtr(DEGREES, z) if kind == "student_t" else special.ndtr(z)
    return np.asarray(value, dtype=np.float64)


def _standard_logpdf(kind: str, z: NDArray[np.float64]) -> NDArray[np.float64]:
    if kind == "laplace":
        return np.asarray(-np.abs(z) - np.log(2.0), dtype=np.float64)
    if kind == "student_t":
        # The constant is Gamma(2) / (sqrt(3 pi) Gamma(3 / 2)) for 3 degrees of freedom.
        value: NDArray[np.float64] = np.log(2 / (np.pi * np.sqrt(3.0))) - 2 * np.log1p(z**2 / 3)
        return value
    return np.asarray(-(z**2) / 2 - 0.5 * np.log(2 * np.pi), dtype=np.float64)
