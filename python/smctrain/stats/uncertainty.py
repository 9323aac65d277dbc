"""How sure can one be of a share, a mean, a Sharpe ratio; how many rows are needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from smctrain._load import core
from smctrain.exceptions import InputError
from smctrain.stats import _codes


def _vector(values: npt.ArrayLike, name: str) -> npt.NDArray[np.float64]:
    vector = np.ascontiguousarray(np.asarray(values, dtype=np.float64))
    if vector.ndim != 1:
        raise InputError(f"{name} must have one dimension, but has shape {vector.shape}.")
    if not bool(np.all(np.isfinite(vector))):
        raise InputError(f"{name} must be finite, but entry {int(np.argmin(np.isfinite(vector)))} is not.")
    return vector


@dataclass(frozen=True)
class EffectiveSampleSize:
    """Outcome of `effective_sample_size`."""

    n: int
    n_eff: float
    design_effect: float
    """DEFF as measured; NaN where it cannot be measured (a constant series, or n <= 2h + 1)."""
    raw_design_effect: float
    """Before the correction for the estimated mean."""

    @property
    def factor(self) -> float:
        """n / n_eff, between 1 and 2h: by how much the overlap shrinks the sample."""
        return self.n / self.n_eff


def effective_sample_size(correct: npt.ArrayLike, horizon: int) -> EffectiveSampleSize:
    """Number of independent rows that carry as much information as these overlapping ones.

    Parameters
    ----------
    correct : (n,) 0/1 or bool, right or wrong per row, in time order
    horizon : longest label in rows, h >= 1
    """
    vector = _vector(correct, "correct")
    n_eff, deff, raw = core().effective_size(vector, _codes.check_horizon(horizon))
    return EffectiveSampleSize(len(vector), n_eff, deff, raw)


class Interval(NamedTuple):
    low: float
    high: float


def wilson_interval(successes: float, n: float, level: float = 0.95) -> Interval:
    """Wilson interval of a share; `n` may be an effective sample size and need not be whole."""
    return Interval(*core().wilson_interval(float(successes), float(n), float(level)))


class HacMean(NamedTuple):
    mean: float
    variance: float
    """Long-run variance V."""
    standard_error: float
    t: float


def hac_mean(values: npt.ArrayLike, lags: int) -> HacMean:
    """Mean with its Newey-West standard error; `lags` = 2h for labels of h rows."""
    vector = _vector(values, "values")
    if len(vector) and bool(np.all(vector == vector[0])):
        raise InputError("values must vary, but are all equal: a constant series has no standard error.")
    return HacMean(*core().hac_mean(vector, int(lags)))


def required_sample(
    edge: float, alpha: float = 0.01, beta: float = 0.10, design_effect: float = 1.0, p0: float = 0.5
) -> int:
    """Rows needed to see an accuracy `edge` over the baseline share `p0` with power 1 - beta at level alpha.

    ceil(design_effect (z_{1-alpha/2} + z_{1-beta})^2 p0 (1 - p0) / edge^2)
    """
    return int(core().required_sample(float(edge), float(alpha), float(beta), float(design_effect), float(p0)))


def bootstrap_interval(
    values: npt.ArrayLike,
    horizon: int = 1,
    level: float = 0.95,
    n_draws: int = 2000,
    seed: int = 0,
    *,
    threads: int = 1,
) -> Interval:
    """Stationary-bootstrap percentile interval of the mean, blocks of max(2h, 2) rows on average."""
    vector = _vector(values, "values")
    if not 0.0 < level < 1.0:
        raise InputError(f"level must lie between 0 and 1, but is {level}.")
    block = float(max(2 * _codes.check_horizon(horizon), 2))
    means = core().bootstrap_means(vector, block, int(n_draws), int(seed), int(threads))
    low, high = np.quantile(means, [0.5 - 0.5 * level, 0.5 + 0.5 * level])
    return Interval(float(low), float(high))


def probabilistic_sharpe(
    sharpe: float, n: int, benchmark: float = 0.0, skew: float = 0.0, kurtosis: float = 3.0, form: int = 2012
) -> float:
    """Probability that the true Sharpe ratio is above `benchmark`; per-period units, kurtosis 3 = normal."""
    return float(core().probabilistic_sharpe(sharpe, float(n), benchmark, skew, kurtosis, form))


def sharpe_standard_error(sharpe: float, n: int, skew: float = 0.0, kurtosis: float = 3.0, form: int = 2012) -> float:
    """Standard error of a per-period Sharpe ratio over `n` periods."""
    return float(core().sharpe_standard_error(sharpe, float(n), skew, kurtosis, form))


def minimum_track_record(
    sharpe: float,
    benchmark: float = 0.0,
    level: float = 0.95,
    skew: float = 0.0,
    kurtosis: float = 3.0,
    form: int = 2012,
) -> float:
    """Periods needed before `sharpe` is above `benchmark` with probability `level`."""
    return float(core().minimum_track_record(sharpe, benchmark, level, skew, kurtosis, form))


@dataclass(frozen=True)
class DeflatedSharpe:
    """Outcome of `deflated_sharpe`."""

    value: float
    """Probability that the Sharpe ratio is above what the best of `n_trials` reaches by luck."""
    benchmark: float
    """E[max of n_trials], per period."""

    def __float__(self) -> float:
        return self.value


def deflated_sharpe(
    sharpe: float,
    n: int,
    n_trials: float,
    trial_variance: float,
    skew: float = 0.0,
    kurtosis: float = 3.0,
) -> DeflatedSharpe:
    """Sharpe ratio judged against the best of `n_trials` lucky ones.

    Everything in per-period units: `sharpe`, and `trial_variance`, the variance of the trials' Sharpe ratios.
    `kurtosis` is not in excess (3 for a normal).
    """
    benchmark = float(core().expected_max_sharpe(float(n_trials), float(trial_variance)))
    return DeflatedSharpe(probabilistic_sharpe(sharpe, n, benchmark, skew, kurtosis), benchmark)
