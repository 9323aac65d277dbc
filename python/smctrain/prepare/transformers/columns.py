"""Missing values in, bad columns out."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain import _load
from smctrain.exceptions import InputError, TooFewColumns
from smctrain.prepare.preparation import dropped_columns, indicator_name
from smctrain.prepare.transformers._base import NativeTransformer, identity_program


def _share(value: object) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and 0 <= float(value) <= 1


class _ColumnChooser(NativeTransformer):
    """Transformers that drop columns, alike wherever they are applied, and say which and why."""

    _n_kept_least: ClassVar[int] = 1

    kept_: NDArray[np.int64]
    dropped_: list[tuple[str, str]]

    def _keep(self, drop: NDArray[np.int8], duplicate_of: NDArray[np.int64], max_missing: float) -> None:
        kept = np.flatnonzero(drop == 0).astype(np.int64)
        dropped = dropped_columns(drop, duplicate_of, self._names(), max_missing)
        if not len(kept):
            raise TooFewColumns(
                f"none of the {len(drop)} columns is usable: {', '.join(f'{a} ({b})' for a, b in dropped[:3])}."
            )
        self.kept_, self.dropped_ = kept, dropped

    def get_support(self, indices: bool = False) -> NDArray[Any]:
        """Which columns are kept: a mask (d,), or their numbers."""
        if indices:
            return self.kept_.copy()
        mask = np.zeros(self.n_features_in_, dtype=bool)
        mask[self.kept_] = True
        return mask

    def _names_out(self, names: list[str]) -> list[str]:
        return [names[int(j)] for j in self.kept_]

    def _extra_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        return {"dropped": [list(pair) for pair in self.dropped_]}, {"kept": self.kept_}

    def _restore(self, meta: dict[str, Any], arrays: dict[str, NDArray[Any]], need: Any) -> None:
        kept, dropped = arrays.get("kept"), meta.get("dropped")
        need(
            kept is not None
            and kept.dtype == np.int64
            and kept.ndim == 1
            and len(kept) > 0
            and bool((np.diff(kept) > 0).all())
            and kept[0] >= 0
            and kept[-1] < self.n_features_in_,
            "kept must be ascending column numbers",
        )
        assert kept is not None
        gone = [name for j, name in enumerate(self._names()) if j not in set(kept.tolist())]
        need(
            isinstance(dropped, list)
            and all(isinstance(pair, list) and len(pair) == 2 and isinstance(pair[1], str) for pair in dropped)
            and [pair[0] for pair in dropped] == gone,
            "dropped must give a reason for every column that is not kept",
        )
        assert isinstance(dropped, list)
        self.kept_, self.dropped_ = np.array(kept), [(str(name), str(reason)) for name, reason in dropped]


class ColumnFilter(_ColumnChooser):
    """Drop columns without use, judged on the fit rows: without values, mostly missing, constant, duplicates.

    NaN and infinite values count as missing; columns that are kept pass unchanged but for infinities, which become NaN.

    Parameters
    ----------
    max_missing : float
        Columns with a larger share of missing values are dropped.
    constant : bool
        Whether columns whose values are all equal are dropped.
    duplicates : bool
        Whether columns that equal an earlier kept one, missing values included, are dropped.
    n_jobs : int or None
        Threads; the result is the same for any number.

    Attributes
    ----------
    kept_ : int64 (k,)
        Columns that are kept, ascending; `get_support()` is the mask.
    dropped_ : list of (name, reason)
    n_samples_seen_, fit_rows_, fit_rows_hash_, n_features_in_, feature_names_in_
        As of `StandardScaler`.
    """

    _allow_infinite: ClassVar[bool] = True

    def __init__(
        self, *, max_missing: float = 0.5, constant: bool = True, duplicates: bool = True, n_jobs: int | None = None
    ) -> None:
        self.max_missing = max_missing
        self.constant = constant
        self.duplicates = duplicates
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None, *, rows: ArrayLike | None = None) -> Self:
        """Judge the columns on the given rows of X (None: all); raises TooFewColumns where none is left."""
        return self._fit(X, rows)

    def _check(self) -> None:
        if not _share(self.max_missing):
            raise InputError(f"max_missing must be a share in 0..1, but is {self.max_missing!r}.")
        for name in ("constant", "duplicates"):
            if not isinstance(getattr(self, name), (bool, np.bool_)):
                raise InputError(f"{name} must be True or False, but is {getattr(self, name)!r}.")

    def _learn(
        self, X: NDArray[Any], rows: NDArray[np.int64], weight: NDArray[np.float64] | None, threads: int
    ) -> None:
        drop, twins = _load.core().filter_columns(
            X, rows, float(self.max_missing), bool(self.constant), bool(self.duplicates), threads
        )
        self._keep(drop, twins, float(self.max_missing))

    def _program(self) -> dict[str, NDArray[Any]]:
        return {**identity_program(len(self.kept_)), "kept": self.kept_}


class Imputer(_ColumnChooser):
    """Replace missing values by the median, the mean or a constant, and mark them.

    Means and medians are those of scikit-learn's SimpleImputer. A column without values on the fit rows is dropped and
    listed (for "constant" it is filled).

    Parameters
    ----------
    strategy : "median", "mean" or "constant"
    fill_value : float
        Of "constant".
    indicator : float or None
        A column whose share of missing values on the fit rows is at least this (and above 0) gets an indicator column
        behind the others: 1 where it is missing. None: no indicators.
    n_jobs : int or None
        Threads; the result is the same for any number.

    Attributes
    ----------
    statistics_ : float64 (d,)
        What replaces missing values; 0 for dropped columns.
    kept_, dropped_
        As of `ColumnFilter`.
    indicators_ : int64 (m,)
        Columns that have an indicator, ascending.
    n_samples_seen_, fit_rows_, fit_rows_hash_, n_features_in_, feature_names_in_
        As of `StandardScaler`.
    """

    _learned: ClassVar[tuple[str, ...]] = ("statistics_",)

    def __init__(
        self,
        *,
        strategy: str = "median",
        fill_value: float = 0.0,
        indicator: float | None = 0.01,
        n_jobs: int | None = None,
    ) -> None:
        self.strategy = strategy
        self.fill_value = fill_value
        self.indicator = indicator
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None, *, rows: ArrayLike | None = None) -> Self:
        """Learn from the given rows of X (None: all) what replaces missing values."""
        return self._fit(X, rows)

    def _check(self) -> None:
        if self.strategy not in ("median", "mean", "constant"):
            raise InputError(f"strategy must be 'median', 'mean' or 'constant', but is {self.strategy!r}.")
        value = self.fill_value
        number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
        if not (number and np.isfinite(value)):
            raise InputError(f"fill_value must be a finite number, but is {value!r}.")
        if not (self.indicator is None or _share(self.indicator)):
            raise InputError(f"indicator must be a share in 0..1 or None, but is {self.indicator!r}.")

    def _learn(
        self, X: NDArray[Any], rows: NDArray[np.int64], weight: NDArray[np.float64] | None, threads: int
    ) -> None:
        shares = np.array([0.5]) if self.strategy == "median" else np.empty(0)
        found = _load.core().describe_columns(X, rows, None, shares, threads)
        present = found["count"] > 0
        if self.strategy == "constant":
            self.statistics_ = np.full(X.shape[1], float(self.fill_value))
            present = np.ones_like(present)
        else:
            values = found["quantiles"][0] if self.strategy == "median" else found["mean"]
            self.statistics_ = np.where(present, values, 0.0)
        self._keep(np.where(present, 0, 1).astype(np.int8), np.full(X.shape[1], -1), 1.0)
        share = 1.0 - found["count"] / len(rows)
        marked = np.zeros_like(present) if self.indicator is None else (share > 0) & (share >= self.indicator)
        self.indicators_ = np.flatnonzero(marked & present).astype(np.int64)

    def _program(self) -> dict[str, NDArray[Any]]:
        return {
            **identity_program(len(self.kept_)),
            "kept": self.kept_,
            "fill": np.ascontiguousarray(self.statistics_[self.kept_]),
            "indicators": self.indicators_,
        }

    def _names_out(self, names: list[str]) -> list[str]:
        return super()._names_out(names) + [indicator_name(names[int(j)]) for j in self.indicators_]

    def _extra_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        meta, arrays = super()._extra_state()
        return meta, {**arrays, "indicators": self.indicators_}

    def _restore(self, meta: dict[str, Any], arrays: dict[str, NDArray[Any]], need: Any) -> None:
        super()._restore(meta, arrays, need)
        indicators = arrays.get("indicators")
        need(
            indicators is not None
            and indicators.dtype == np.int64
            and indicators.ndim == 1
            and bool((np.diff(indicators) > 0).all())
            and bool(np.isin(indicators, self.kept_).all()),
            "indicators must be ascending numbers of kept columns",
        )
        assert indicators is not None
        self.indicators_ = np.array(indicators)
