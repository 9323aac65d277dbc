"""Scalers. Missing values are ignored while fitting and stay missing."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from smctrain import _load
from smctrain.exceptions import InputError
from smctrain.prepare.matrix import threads_of, validated_matrix
from smctrain.prepare.transformers._base import NativeTransformer, identity_program, refuse_overflow


class _Scaler(NativeTransformer):
    """(x - center) / unit; a column without spread has the unit 1, one without values is left alone."""

    def _units(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Center and unit of each column."""
        raise NotImplementedError

    def _program(self) -> dict[str, NDArray[Any]]:
        center, unit = self._units()
        return {**identity_program(self.n_features_in_), "center": center, "scale": unit}

    def inverse_transform(self, X: Any) -> NDArray[Any]:
        """Back to the units of the data (n, d); clipped values stay at their bound."""
        check_is_fitted(self)
        matrix, _ = validated_matrix(_Width(self), X, reset=False, allow_nan=True, keep_double=True)
        center, unit = self._units()
        out: NDArray[Any] = _load.core().restore_columns(matrix, center, unit, threads_of(self.n_jobs))
        return out


class _Width:
    """What scikit-learn's checks need of a scaler whose outputs come back: their number, not their names."""

    def __init__(self, scaler: Any) -> None:
        self.n_features_in_ = scaler.n_features_in_
        self.__sklearn_tags__ = scaler.__sklearn_tags__


def _flag(name: str, value: object) -> None:
    if not isinstance(value, (bool, np.bool_)):
        raise InputError(f"{name} must be True or False, but is {value!r}.")


def _number(value: object) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and bool(np.isfinite(value))


def _nonzero(width: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(width > 0, width, 1.0)


class StandardScaler(_Scaler):
    """Subtract the mean, divide by the standard deviation.

    As scikit-learn's of the same name, except that the standard deviation has n - 1 in the denominator (n there), and
    that only a column whose values are all equal counts as constant.

    Parameters
    ----------
    with_mean, with_std : bool
    n_jobs : int or None
        Threads; the result is the same for any number.

    Attributes
    ----------
    mean_, var_, scale_ : float64 (d,)
        Scale is 1 for a constant column; a column without values has mean 0, variance 0 and scale 1.
    n_samples_seen_ : int
        Rows of positive weight it was fitted on.
    fit_rows_ : int64 or None, fit_rows_hash_ : str
        The ids of these rows, ascending (None above 100,000), and their BLAKE2b-256.
    n_features_in_ : int
    feature_names_in_ : ndarray of str (d,)
        Where X had column names.
    """

    _learned: ClassVar[tuple[str, ...]] = ("mean_", "var_", "scale_")

    def __init__(self, *, with_mean: bool = True, with_std: bool = True, n_jobs: int | None = None) -> None:
        self.with_mean = with_mean
        self.with_std = with_std
        self.n_jobs = n_jobs

    def fit(
        self, X: Any, y: Any = None, *, rows: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Learn mean and deviation of the given rows of X (None: all).

        Weights are those of a weighted mean: w and 2 w are the same. The variance divides by W - sum w^2 / W, which is
        n - 1 for equal weights.
        """
        return self._fit(X, rows, sample_weight)

    def _check(self) -> None:
        _flag("with_mean", self.with_mean)
        _flag("with_std", self.with_std)

    def _learn(
        self, X: NDArray[Any], rows: NDArray[np.int64], weight: NDArray[np.float64] | None, threads: int
    ) -> None:
        found = _load.core().describe_columns(X, rows, weight, np.empty(0), threads)
        present = found["count"] > 0
        self.mean_ = np.where(present, found["mean"], 0.0)
        deviation = np.where(present, found["deviation"], 0.0)
        with np.errstate(over="ignore"):
            self.var_ = deviation**2
        refuse_overflow(self, self.var_, "variance")
        self.scale_ = _nonzero(deviation)

    def _units(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        center = self.mean_ if self.with_mean else np.zeros_like(self.mean_)
        return center, self.scale_ if self.with_std else np.ones_like(self.scale_)

    def _check_learned(self, need: Any) -> None:
        need(bool((self.scale_ > 0).all()), "scale_ must be positive")
        need(bool((self.var_ >= 0).all()), "var_ must not be negative")


class RobustScaler(_Scaler):
    """Subtract the median, divide by the interquartile range. As scikit-learn's of the same name.

    Parameters
    ----------
    with_centering, with_scaling : bool
    quantile_range : (low, high)
        In percent.
    n_jobs : int or None
        Threads; the result is the same for any number.

    Attributes
    ----------
    center_, scale_ : float64 (d,)
        Scale is 1 where the range is 0; a column without values has center 0.
    n_samples_seen_, fit_rows_, fit_rows_hash_, n_features_in_, feature_names_in_
        As of `StandardScaler`.
    """

    _learned: ClassVar[tuple[str, ...]] = ("center_", "scale_")

    def __init__(
        self,
        *,
        with_centering: bool = True,
        with_scaling: bool = True,
        quantile_range: tuple[float, float] = (25.0, 75.0),
        n_jobs: int | None = None,
    ) -> None:
        self.with_centering = with_centering
        self.with_scaling = with_scaling
        self.quantile_range = quantile_range
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None, *, rows: ArrayLike | None = None) -> Self:
        """Learn median and range of the given rows of X (None: all)."""
        return self._fit(X, rows)

    def _check(self) -> None:
        _flag("with_centering", self.with_centering)
        _flag("with_scaling", self.with_scaling)
        pair = tuple(self.quantile_range) if isinstance(self.quantile_range, (tuple, list)) else ()
        if not (len(pair) == 2 and all(map(_number, pair)) and 0 <= pair[0] < pair[1] <= 100):
            raise InputError(
                f"quantile_range must be two ascending percentages in 0..100, but is {self.quantile_range!r}."
            )

    def _learn(
        self, X: NDArray[Any], rows: NDArray[np.int64], weight: NDArray[np.float64] | None, threads: int
    ) -> None:
        low, high = self.quantile_range
        found = _load.core().describe_columns(X, rows, None, np.array([low / 100, 0.5, high / 100]), threads)
        present = found["count"] > 0
        first, middle, last = (np.where(present, values, 0.0) for values in found["quantiles"])
        with np.errstate(over="ignore"):
            width = last - first
        refuse_overflow(self, width, "interquartile range")
        self.center_, self.scale_ = middle, _nonzero(width)

    def _units(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        center = self.center_ if self.with_centering else np.zeros_like(self.center_)
        return center, self.scale_ if self.with_scaling else np.ones_like(self.scale_)

    def _check_learned(self, need: Any) -> None:
        need(bool((self.scale_ > 0).all()), "scale_ must be positive")


class MinMaxScaler(_Scaler):
    """Map the range of each column onto `feature_range`. As scikit-learn's of the same name.

    Parameters
    ----------
    feature_range : (low, high)
    clip : bool
        Whether outputs outside `feature_range` become its bounds.
    n_jobs : int or None
        Threads; the result is the same for any number.

    Attributes
    ----------
    data_min_, data_max_, data_range_ : float64 (d,)
        0 for a column without values.
    scale_, min_ : float64 (d,)
        Output = x * scale_ + min_.
    n_samples_seen_, fit_rows_, fit_rows_hash_, n_features_in_, feature_names_in_
        As of `StandardScaler`.
    """

    _learned: ClassVar[tuple[str, ...]] = ("data_min_", "data_max_")

    def __init__(
        self, feature_range: tuple[float, float] = (0.0, 1.0), *, clip: bool = False, n_jobs: int | None = None
    ) -> None:
        self.feature_range = feature_range
        self.clip = clip
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None, *, rows: ArrayLike | None = None) -> Self:
        """Learn the range of the given rows of X (None: all)."""
        return self._fit(X, rows)

    def _check(self) -> None:
        _flag("clip", self.clip)
        pair = tuple(self.feature_range) if isinstance(self.feature_range, (tuple, list)) else ()
        if not (len(pair) == 2 and all(map(_number, pair)) and pair[0] < pair[1]):
            raise InputError(f"feature_range must be two ascending numbers, but is {self.feature_range!r}.")

    def _learn(
        self, X: NDArray[Any], rows: NDArray[np.int64], weight: NDArray[np.float64] | None, threads: int
    ) -> None:
        found = _load.core().describe_columns(X, rows, None, np.empty(0), threads)
        present = found["count"] > 0
        self.data_min_ = np.where(present, found["minimum"], 0.0)
        self.data_max_ = np.where(present, found["maximum"], 0.0)
        with np.errstate(over="ignore"):
            refuse_overflow(self, self.data_range_, "range")

    @property
    def data_range_(self) -> NDArray[np.float64]:
        """data_max_ - data_min_."""
        width: NDArray[np.float64] = self.data_max_ - self.data_min_
        return width

    @property
    def scale_(self) -> NDArray[np.float64]:
        """Output units a unit of x."""
        low, high = self.feature_range
        scale: NDArray[np.float64] = (high - low) / _nonzero(self.data_range_)
        return scale

    @property
    def min_(self) -> NDArray[np.float64]:
        """Output at x = 0."""
        offset: NDArray[np.float64] = self.feature_range[0] - self.data_min_ * self.scale_
        return offset

    def _units(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        low, high = self.feature_range
        unit = _nonzero(self.data_range_) / (high - low)
        return self.data_min_ - low * unit, unit

    def _program(self) -> dict[str, NDArray[Any]]:
        program = super()._program()
        if self.clip:
            # The output's range, which a constant column can leave by its unit of 1.
            high = np.where(self.data_range_ > 0, self.data_max_, self.data_min_ + 1.0)
            program |= {"low": self.data_min_, "high": high}
        return program

    def _check_learned(self, need: Any) -> None:
        need(bool((self.data_min_ <= self.data_max_).all()), "data_min_ must not exceed data_max_")
