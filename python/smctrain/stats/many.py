"""Many tests or many configurations at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from smctrain._load import core
from smctrain.exceptions import InputError, TooFewRows
from smctrain.stats import _codes
from smctrain.stats.uncertainty import _vector


def benjamini_hochberg(p: npt.ArrayLike, q: float) -> npt.NDArray[np.bool_]:
    """Which tests are accepted when at most a share `q` of those accepted may be false.

    Parameters
    ----------
    p : (S,) p-values
    q : float
        False discovery rate, in (0, 1).

    Returns
    -------
    (S,) bool, in the order given: the largest i with p_(i) <= i q / S and everything smaller.

    Notes
    -----
    Holds for independent tests and for those that rise and fall together; else take `e_benjamini_hochberg`.

    Source: Benjamini and Hochberg, JRSS B 57 (1995).
    """
    return np.asarray(core().benjamini_hochberg(_vector(p, "p"), float(q))).astype(np.bool_)


def e_benjamini_hochberg(e: npt.ArrayLike, q: float) -> npt.NDArray[np.bool_]:
    """Benjamini-Hochberg on e-values: valid under any dependence between the tests, as far as each is an e-value.

    Parameters
    ----------
    e : (S,) e-values, such as `EProcess.end`
    q : float
        False discovery rate, in (0, 1).

    Returns
    -------
    (S,) bool, in the order given: the largest i with e_(i) >= S / (i q) and everything larger.

    Source: Wang and Ramdas, JRSS B 84 (2022).
    """
    return np.asarray(core().e_benjamini_hochberg(_vector(e, "e"), float(q))).astype(np.bool_)


class Combined(NamedTuple):
    z: float
    p: float


def stouffer(p: npt.ArrayLike, n: npt.ArrayLike) -> Combined:
    """One p-value from independent ones.

    Parameters
    ----------
    p : (S,) one-sided p-values, clipped to [1e-6, 1 - 1e-6]
    n : (S,) rows each was found on
        Weights are sqrt(n).

    Returns
    -------
    Combined
        z = sum w z_{1-p} / sqrt(sum w^2) and its p.

    Source: Stouffer et al., The American Soldier (1949).
    """
    rows = _vector(n, "n")
    if not bool(np.all(rows >= 0.0)):
        raise InputError("n must not be negative.")
    return Combined(*core().stouffer(_vector(p, "p"), np.sqrt(rows)))


@dataclass(frozen=True)
class Pbo:
    """Outcome of `pbo`."""

    value: float
    """Share of splits in which the in-sample winner ends in the worse half out of sample."""
    logits: npt.NDArray[np.float64]

    def __float__(self) -> float:
        return self.value


def pbo(matrix: npt.ArrayLike, n_blocks: int = 16, horizon: int = 0) -> Pbo:
    """Probability of backtest overfitting: how often the in-sample winner ends in the worse half out of sample.

    Parameters
    ----------
    matrix : (periods, configurations)
        Performance per period in time order, larger is better.
    n_blocks : int
        Even; every half of the blocks is in-sample once. The oldest rows that fill no block are dropped.
    horizon : int
        Rows before each block border that are left out, because their labels reach across it.

    Returns
    -------
    Pbo
        `value` and the logits of the winner's rank; `float(pbo)` is the value.

    Notes
    -----
    About 0.5 on noise and also when all configurations are equally good, so it is reported and never decides.

    Source: Bailey, Borwein, Lopez de Prado and Zhu, J. of Computational Finance 20 (2017).
    """
    values = np.ascontiguousarray(np.asarray(matrix, dtype=np.float64))
    if values.ndim != 2:
        raise InputError(f"matrix must have shape (periods, configurations), but has shape {values.shape}.")
    value, logits = core().pbo(values, _codes.whole("n_blocks", n_blocks), _codes.whole("horizon", horizon))
    return Pbo(value, logits)


@dataclass(frozen=True)
class DataSnooping:
    """Outcome of `data_snooping`: is the best of k models better than the benchmark, with the search paid for?"""

    mean: npt.NDArray[np.float64]
    """Mean advantage of each model."""
    standard_error: npt.NDArray[np.float64]
    """Of each mean, under the stationary bootstrap."""
    best_model: int
    """The one of the largest mean / standard error."""
    white_p: float
    """White's reality check: the largest mean, not studentised."""
    spa_p: float
    """Hansen's SPA test, consistent: the one to read."""
    spa_lower_p: float
    spa_upper_p: float
    """Lower and upper bound of the SPA p-value (models worse than the benchmark left out, or kept as if equal)."""
    white_statistic: float
    spa_statistic: float
    is_superior: npt.NDArray[np.bool_]
    """StepM: models better than the benchmark; the chance that any of them is not is at most `level`."""
    critical_values: npt.NDArray[np.float64]
    """StepM: bar for the studentised statistic at each step."""
    level: float

    def __repr__(self) -> str:
        return (
            f"DataSnooping({len(self.mean)} models; best is model {self.best_model}: SPA p = {self.spa_p:.4g} "
            f"({self.spa_lower_p:.4g}-{self.spa_upper_p:.4g}), White p = {self.white_p:.4g}, "
            f"{int(self.is_superior.sum())} better at {self.level:g})"
        )


def _performance(values: npt.ArrayLike, name: str) -> npt.NDArray[np.float64]:
    matrix = np.ascontiguousarray(np.asarray(values, dtype=np.float64))
    if matrix.ndim == 1:
        matrix = matrix[:, None]
    if matrix.ndim != 2:
        raise InputError(f"{name} must have shape (periods, models), but has shape {np.shape(values)}.")
    return np.ascontiguousarray(matrix)


def data_snooping(
    advantage: npt.ArrayLike,
    horizon: int = 1,
    level: float = 0.05,
    n_draws: int = 1000,
    seed: int = 0,
    *,
    threads: int = 1,
) -> DataSnooping:
    """White's reality check, Hansen's SPA test and Romano and Wolf's StepM of k models against one benchmark.

    Parameters
    ----------
    advantage : (periods, models)
        Performance of each model less that of the benchmark, per period in time order; larger is better. For
        classifiers `(predictions == y).T - (benchmark == y)[:, None]`.
    horizon : int
        Longest label in rows; blocks of the stationary bootstrap last max(2 x horizon, 2) rows on average.
    level : float
        Family-wise error rate of StepM.
    n_draws, seed : int
        Of the bootstrap. p-values are (1 + draws that reach the statistic) / (n_draws + 1), never 0.

    Returns
    -------
    DataSnooping

    Raises
    ------
    TooFewRows
        Fewer than 8 periods.
    InputError
        Values that are not finite.

    Notes
    -----
    Reported beside the verdict, never deciding: with few independent rows 7-10 % of noise sets reach 5 %.

    Sources: White, Econometrica 68 (2000); Hansen, JBES 23 (2005); Romano and Wolf, Econometrica 73 (2005).
    """
    matrix = _performance(advantage, "advantage")
    block = float(max(2 * _codes.check_horizon(horizon), 2))
    draws, seed = _codes.whole("n_draws", n_draws, 1), _codes.whole("seed", seed)
    raw = core().data_snooping(matrix, float(level), block, draws, seed, int(threads))
    return DataSnooping(
        mean=raw["mean"],
        standard_error=raw["omega"] / np.sqrt(len(matrix)),
        best_model=raw["best_model"],
        white_p=raw["white_p"],
        spa_p=raw["spa_p"],
        spa_lower_p=raw["spa_lower_p"],
        spa_upper_p=raw["spa_upper_p"],
        white_statistic=raw["white_statistic"],
        spa_statistic=raw["spa_statistic"],
        is_superior=np.asarray(raw["is_superior"]).astype(np.bool_),
        critical_values=raw["critical_values"],
        level=float(level),
    )


@dataclass(frozen=True)
class ModelConfidenceSet:
    """Outcome of `model_confidence_set`."""

    p_values: npt.NDArray[np.float64]
    included: npt.NDArray[np.bool_]
    """Models that cannot be told from the best one at `level`."""
    level: float


def model_confidence_set(
    losses: npt.ArrayLike,
    horizon: int = 1,
    level: float = 0.10,
    n_draws: int = 1000,
    seed: int = 0,
    *,
    threads: int = 1,
) -> ModelConfidenceSet:
    """Models that hold the best one with probability 1 - `level`.

    Parameters
    ----------
    losses : (periods, models)
        Loss per period in time order; smaller is better.
    horizon, n_draws, seed
        As in `data_snooping`.

    Notes
    -----
    The T_max form: the model whose mean loss is most above the mean of the set, in units of its standard error, leaves
    while equality is rejected. Source: Hansen, Lunde and Nason, Econometrica 79 (2011).
    """
    if not 0.0 < level < 1.0:
        raise InputError(f"level must lie between 0 and 1, but is {level}.")
    matrix = _performance(losses, "losses")
    block = float(max(2 * _codes.check_horizon(horizon), 2))
    draws, seed = _codes.whole("n_draws", n_draws, 1), _codes.whole("seed", seed)
    p = core().model_confidence_set(matrix, block, draws, seed, int(threads))
    return ModelConfidenceSet(p, p > level, float(level))


def effective_trials(returns: npt.ArrayLike) -> float:
    """How many independent strategies are as many chances as these correlated ones, between 1 and their number.

    Parameters
    ----------
    returns : (periods, strategies)
        Columns without spread are left out.

    Notes
    -----
    Effective rank of the correlation matrix: exp of the entropy of its eigenvalues as shares. Goes into
    `deflated_sharpe(n_trials=...)`. Source: Roy and Vetterli, EUSIPCO (2007).
    """
    matrix = _performance(returns, "returns")
    if len(matrix) < 2:
        raise TooFewRows(f"returns must hold at least 2 periods, but has {len(matrix)}.")
    if not bool(np.isfinite(matrix).all()):
        raise InputError("returns must be finite.")
    varying = matrix[:, (matrix != matrix[0]).any(axis=0)]
    if varying.shape[1] == 0:
        raise InputError("returns must vary in at least one column, but all are constant.")
    centred = varying - varying.mean(axis=0)
    unit = centred / np.sqrt((centred**2).sum(axis=0))
    shares = np.clip(np.linalg.eigvalsh(unit.T @ unit), 0.0, None)
    shares = shares[shares > 0] / shares.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))
