"""How sure can one be of a share, a mean, a Sharpe ratio; how many rows are needed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from smctrain._load import core
from smctrain.exceptions import InputError, TooFewRows
from smctrain.stats import _codes


def _floats(values: npt.ArrayLike, name: str) -> npt.NDArray[np.float64]:
    try:
        return np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must hold numbers, but {error}.") from None


def _vector(values: npt.ArrayLike, name: str) -> npt.NDArray[np.float64]:
    vector = _floats(values, name)
    if vector.ndim != 1:
        raise InputError(f"{name} must have one dimension, but has shape {vector.shape}.")
    if not bool(np.all(np.isfinite(vector))):
        raise InputError(f"{name} must be finite, but entry {int(np.argmin(np.isfinite(vector)))} is not.")
    return vector


def _is_constant(vector: npt.NDArray[np.float64]) -> bool:
    """Whether all are equal: their distance from their own mean is rounding then, not spread."""
    return len(vector) > 0 and bool(np.all(vector == vector[0]))


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
    correct : (n,) 0/1 or bool
        Right or wrong per row, in time order.
    horizon : int
        Longest label in rows, h >= 1.

    Returns
    -------
    EffectiveSampleSize
        n_eff = n / DEFF within [n / (2h), n], DEFF = 1 + 2 sum of the first h autocorrelations (lag l times 1 - l/n),
        freed of the bias that the estimated mean brings.
    """
    vector = _vector(correct, "correct")
    n_eff, deff, raw = core().effective_size(vector, _codes.check_horizon(horizon))
    return EffectiveSampleSize(len(vector), n_eff, deff, raw)


class Interval(NamedTuple):
    low: float
    high: float


def wilson_interval(successes: float, n: float, level: float = 0.95, degrees_of_freedom: float = math.inf) -> Interval:
    """Wilson interval of a share.

    Parameters
    ----------
    successes, n : float
        `n` may be an effective sample size and need not be whole; then successes = share x n.
    level : float
        Confidence, in (0, 1).
    degrees_of_freedom : float
        How well `n` is known; finite where it was estimated: Student's t takes the place of the normal quantile.

    Source: Wilson, JASA 22 (1927).
    """
    return Interval(*core().wilson_interval(float(successes), float(n), float(level), float(degrees_of_freedom)))


@dataclass(frozen=True)
class AccuracyInterval:
    """Outcome of `accuracy_interval`."""

    accuracy: float
    low: float
    high: float
    n: int
    n_eff: float
    level: float
    too_short: bool
    """Fewer than 20 x horizon rows: the interval covers less than it promises, nothing may rest on it."""

    def __repr__(self) -> str:
        short = ", too short to rely on" if self.too_short else ""
        return (
            f"{100 * self.accuracy:.1f} % ({100 * self.low:.1f}-{100 * self.high:.1f} %, {self.level:.0%}; "
            f"{self.n} rows, {self.n_eff:.0f} independent{short})"
        )


def accuracy_interval(correct: npt.ArrayLike, horizon: int, level: float = 0.95) -> AccuracyInterval:
    """Accuracy with the Wilson interval of its effective sample size.

    Parameters
    ----------
    correct : (n,) 0/1 or bool
        Right or wrong per row, in time order.
    horizon : int
        Longest label in rows, h >= 1.

    Notes
    -----
    The effective size is an estimate from h autocorrelations, about as good as a variance of n/(2h) independent
    values, so the quantile is that of Student's t with as many degrees of freedom (Priestley, Spectral Analysis and
    Time Series, 1981, section 6.2: truncated lag window at frequency 0). With the normal quantile the interval covers
    92.0-95.5 % at level 0.95 from n = 25h on, with this one 92.5-96.1 % and, on fresh series, 93.2-97.1 % (1,000 series
    in each of 56 cells: chance alone spreads 95 % that far). Below n = 20h
    it is marked `too_short`.
    """
    right = _vector(correct, "correct")
    if not bool(np.all((right == 0.0) | (right == 1.0))):
        raise InputError("correct must hold 0 and 1 only (or bool): whether each row was right.")
    size = effective_sample_size(right, horizon)
    accuracy = float(np.mean(right))
    interval = wilson_interval(accuracy * size.n_eff, size.n_eff, level, size.n / (2.0 * horizon))
    return AccuracyInterval(
        accuracy, interval.low, interval.high, size.n, size.n_eff, float(level), size.n < 20 * horizon
    )


class HacMean(NamedTuple):
    mean: float
    variance: float
    """Long-run variance V."""
    standard_error: float
    t: float


def hac_mean(values: npt.ArrayLike, lags: int) -> HacMean:
    """Mean of dependent values with its Newey-West standard error.

    Parameters
    ----------
    values : (n,)
        In time order, not all equal.
    lags : int
        Lags counted, with weights 1 - l / (lags + 1); 2h for labels of h rows. Fewer than there are values.

    Source: Newey and West, Econometrica 55 (1987).
    """
    vector = _vector(values, "values")
    if _is_constant(vector):
        raise InputError("values must vary, but are all equal: a constant series has no standard error.")
    return HacMean(*core().hac_mean(vector, _codes.whole("lags", lags)))


def required_sample(
    edge: float, alpha: float = 0.01, beta: float = 0.10, design_effect: float = 1.0, p0: float = 0.5
) -> int:
    """Rows needed to see an accuracy `edge` over the baseline share `p0`.

    Parameters
    ----------
    edge : float
        In shares: 0.03 is three points.
    alpha, beta : float
        Chance of seeing what is not there (two-sided), and of missing what is.
    design_effect : float
        n / n_eff of the labels (`EffectiveSampleSize.factor`).
    p0 : float
        Accuracy without skill.

    Returns
    -------
    int
        ceil(design_effect (z_{1-alpha/2} + z_{1-beta})^2 p0 (1 - p0) / edge^2).

    Examples
    --------
    >>> st.stats.required_sample(0.03)                       # of independent rows
    4134
    >>> st.stats.required_sample(0.03, design_effect=5.0)    # of rows that share their outcome with neighbours
    20666
    """
    if edge >= 1.0:
        raise InputError(f"edge must be a share: {edge:g} points are {edge / 100.0:g}.")
    return int(core().required_sample(float(edge), float(alpha), float(beta), float(design_effect), float(p0)))


def bootstrap_interval(
    values: npt.ArrayLike,
    horizon: int = 1,
    level: float = 0.95,
    n_draws: int = 2000,
    seed: int = 0,
    *,
    threads: int = 1,
    block: float | None = None,
) -> Interval:
    """Stationary-bootstrap percentile interval of the mean of dependent values.

    Parameters
    ----------
    values : (n,)
        In time order.
    horizon : int
        Longest label in rows, h; blocks last max(2h, 2) rows on average. For values whose labels do not overlap,
        `block_length` finds one.
    level : float
    n_draws, seed, threads : int
        The result depends on the first two only.
    block : float, optional
        Mean block length in place of max(2h, 2).

    Source: Politis and Romano, JASA 89 (1994).
    """
    vector = _vector(values, "values")
    if not 0.0 < level < 1.0:
        raise InputError(f"level must lie between 0 and 1, but is {level}.")
    block = float(max(2 * _codes.check_horizon(horizon), 2)) if block is None else float(block)
    draws, seed = _codes.whole("n_draws", n_draws, 1), _codes.whole("seed", seed)
    means = core().bootstrap_means(vector, block, draws, seed, int(threads))
    low, high = np.quantile(means, [0.5 - 0.5 * level, 0.5 + 0.5 * level])
    return Interval(float(low), float(high))


def block_length(values: npt.ArrayLike) -> float:
    """Mean block length for the stationary bootstrap of a mean, from the data's own autocorrelation.

    Parameters
    ----------
    values : (n,)
        In time order, n >= 8. Only for values whose labels do not overlap: overlap asks for 2 x horizon.

    Returns
    -------
    float
        Between 1 and min(3 sqrt(n), n / 3).

    Source: Politis and White, Econometric Reviews 23 (2004), with the correction of Patton, Politis and White (2009).
    """
    return float(core().block_length(_vector(values, "values")))


@dataclass(frozen=True)
class SharpeRatio:
    """Sharpe ratio of a series of returns, per period, with what its uncertainty depends on."""

    value: float
    standard_error: float
    n: int
    skew: float
    kurtosis: float
    """Not in excess: 3 for a normal."""
    autocorrelation: float
    """Of lag 1."""

    def __float__(self) -> float:
        return self.value


def sharpe_ratio(returns: npt.ArrayLike, form: int = 2012) -> SharpeRatio:
    """Mean / sample standard deviation of `returns`, per period, and its standard error.

    The standard error of form 2025 counts the autocorrelation too; annualising is left to the reader.
    """
    vector = _vector(returns, "returns")
    if len(vector) < 3:
        raise TooFewRows(f"a Sharpe ratio needs at least 3 returns, but got {len(vector)}.")
    if _is_constant(vector):
        raise InputError("returns must vary, but are all equal.")
    centred = vector - vector.mean()
    second = float((centred**2).mean())
    value = float(vector.mean() / vector.std(ddof=1))
    skew = float((centred**3).mean() / second**1.5)
    kurtosis = float((centred**4).mean() / second**2)
    rho = float((centred[1:] * centred[:-1]).sum() / (centred**2).sum())
    error = sharpe_standard_error(value, len(vector), skew, kurtosis, form, rho if form == 2025 else 0.0)
    return SharpeRatio(value, error, len(vector), skew, kurtosis, rho)


def _ratio(sharpe: Any) -> float:
    if np.ndim(sharpe) or isinstance(sharpe, str):
        raise InputError("sharpe must be one ratio per period, as st.stats.sharpe_ratio(returns).value gives.")
    return float(sharpe)


def probabilistic_sharpe(
    sharpe: float,
    n: float,
    benchmark: float = 0.0,
    skew: float = 0.0,
    kurtosis: float = 3.0,
    form: int = 2012,
    autocorrelation: float = 0.0,
) -> float:
    """Probability that the true Sharpe ratio is above `benchmark`.

    Parameters
    ----------
    sharpe, benchmark : float
        Per period, never annualised.
    n : float
        Periods, at least 2; for overlapping outcomes the effective number.
    skew, kurtosis : float
        Of the returns; kurtosis not in excess (3 for a normal).
    form : 2012 or 2025
    autocorrelation : float
        Of lag 1, form 2025 only.

    Raises
    ------
    InputError
        Skew and kurtosis that no returns have at this Sharpe ratio.

    Notes
    -----
    Form 2012: Bailey and Lopez de Prado, J. of Risk 15 (2012). Form 2025 (Lopez de Prado, Lipton and Zoonekynd): the
    variance at the benchmark, n in place of n - 1, and AR(1) returns by `autocorrelation`.
    """
    sharpe = _ratio(sharpe)
    return float(core().probabilistic_sharpe(sharpe, float(n), benchmark, skew, kurtosis, form, autocorrelation))


def sharpe_standard_error(
    sharpe: float, n: float, skew: float = 0.0, kurtosis: float = 3.0, form: int = 2012, autocorrelation: float = 0.0
) -> float:
    """Standard error of a per-period Sharpe ratio over `n` periods; arguments as in `probabilistic_sharpe`."""
    sharpe = _ratio(sharpe)
    return float(core().sharpe_standard_error(sharpe, float(n), skew, kurtosis, form, autocorrelation))


def minimum_track_record(
    sharpe: float,
    benchmark: float = 0.0,
    level: float = 0.95,
    skew: float = 0.0,
    kurtosis: float = 3.0,
    form: int = 2012,
    autocorrelation: float = 0.0,
) -> float:
    """Periods needed before `sharpe` is above `benchmark` with probability `level`.

    Other arguments as in `probabilistic_sharpe`; `sharpe` must be above `benchmark` (InputError).

    Form 2012: 1 + variance at `sharpe` x (z / (sharpe - benchmark))^2; 2025 without the 1, variance at `benchmark`.
    """
    sharpe = _ratio(sharpe)
    return float(core().minimum_track_record(sharpe, benchmark, level, skew, kurtosis, form, autocorrelation))


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
    n: float,
    n_trials: float,
    trial_variance: float,
    skew: float = 0.0,
    kurtosis: float = 3.0,
) -> DeflatedSharpe:
    """Sharpe ratio judged against the best of `n_trials` lucky ones.

    Parameters
    ----------
    sharpe : float
        Per period, never annualised.
    n : float
        Periods; for overlapping outcomes the effective number.
    n_trials : float
        Strategies tried; for correlated ones `effective_trials`.
    trial_variance : float
        Variance of the trials' per-period Sharpe ratios.
    skew, kurtosis : float
        Of the returns; kurtosis not in excess (3 for a normal).

    Source: Bailey and Lopez de Prado, J. of Portfolio Management 40 (2014).
    """
    benchmark = float(core().expected_max_sharpe(float(n_trials), float(trial_variance)))
    return DeflatedSharpe(probabilistic_sharpe(sharpe, n, benchmark, skew, kurtosis), benchmark)
