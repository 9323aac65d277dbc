"""Bad columns out, missing values in, outliers clipped, columns scaled: fitted on training rows only."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from smctrain import _load
from smctrain.exceptions import ArtifactError, InputError, TooFewColumns

# Name in files -> attribute; files keep the names of the first version.
_STATISTICS = {"median": "fill", "low": "low", "high": "high", "mean": "center", "scale": "scale"}
_ALL_MISSING, _MOSTLY_MISSING, _CONSTANT, _DUPLICATE, _CONSTANT_AFTER_CLIP, _ZERO_SCALE = 1, 2, 3, 4, 5, 6
IMPUTE = ("median", "mean", "constant", None)
SCALE = ("standard", "robust", "minmax", None)


def hash_of_rows(rows: NDArray[np.int64]) -> str:
    """BLAKE2b-256 over the sorted row ids as little-endian int64, in hexadecimal."""
    return hashlib.blake2b(np.sort(rows).astype("<i8").tobytes(), digest_size=32).hexdigest()


def _share(value: object) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and 0 <= float(value) <= 1


@dataclass(frozen=True)
class PrepareSettings:
    """How a `Preparation` is fitted.

    Attributes
    ----------
    impute : "median", "mean", "constant" or None
        What replaces missing values; None leaves them missing.
    fill_value : float
        Of "constant".
    indicator : float or None
        Least share of missing values on the training rows that earns a column an indicator (1 where it is missing);
        None: no indicators.
    clip : (low, high) or None
        Quantiles of the training rows to clip to.
    scale : "standard", "robust", "minmax" or None
        Mean and standard deviation (n - 1); median and interquartile range; minimum and range.
    max_missing : float
        Columns with a larger share of missing values are dropped.
    """

    impute: str | None = "median"
    fill_value: float = 0.0
    indicator: float | None = None
    clip: tuple[float, float] | None = (0.001, 0.999)
    scale: str | None = "standard"
    max_missing: float = 0.5

    def __post_init__(self) -> None:
        if self.impute not in IMPUTE:
            raise InputError(f"impute must be 'median', 'mean', 'constant' or None, but is {self.impute!r}.")
        if self.scale not in SCALE:
            raise InputError(f"scale must be 'standard', 'robust', 'minmax' or None, but is {self.scale!r}.")
        number = isinstance(self.fill_value, (int, float, np.number)) and not isinstance(self.fill_value, bool)
        if not (number and abs(float(self.fill_value)) <= np.finfo(np.float32).max):
            raise InputError(f"fill_value must be a finite number, but is {self.fill_value!r}.")
        if not (self.indicator is None or _share(self.indicator)):
            raise InputError(f"indicator must be a share in 0..1 or None, but is {self.indicator!r}.")
        if self.clip is not None:
            pair = tuple(self.clip) if isinstance(self.clip, (tuple, list)) else ()
            if not (len(pair) == 2 and all(map(_share, pair)) and pair[0] < pair[1]):
                raise InputError(f"clip must be two ascending quantiles in 0..1 or None, but is {self.clip!r}.")
            object.__setattr__(self, "clip", pair)
        if not _share(self.max_missing):
            raise InputError(f"max_missing must be a share in 0..1, but is {self.max_missing!r}.")

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "impute": self.impute,
            "fill_value": float(self.fill_value),
            "indicator": None if self.indicator is None else float(self.indicator),
            "clip": None if self.clip is None else [float(share) for share in self.clip],
            "scale": self.scale,
            "max_missing": float(self.max_missing),
        }


class Preparation:
    """The fold's column transforms, as fitted on its training rows. Make one with `Preparation.fit`.

    `Preprocessor` is the scikit-learn face of it.

    Attributes
    ----------
    names : list of str (d,)
        Columns it was fitted on, in order.
    kept : int64 (k,)
        Columns that survive, ascending.
    dropped : list of (name, reason)
        The others.
    indicators : int64 (m,)
        Kept columns that have an indicator of missing values, ascending.
    fit_rows : int
        Number of training rows it was fitted on.
    fit_rows_hash : str
        BLAKE2b-256 of their sorted ids.
    fill, low, high, center, scale : float64 (k,)
        Imputed value, clip bounds, and center and scale of the clipped column.
    settings : PrepareSettings
    """

    def __init__(
        self,
        names: Sequence[str],
        kept: NDArray[np.int64],
        statistics: dict[str, NDArray[np.float64]],
        dropped: Sequence[tuple[str, str]],
        fit_rows: int,
        fit_rows_hash: str,
        indicators: NDArray[np.int64] | None = None,
        settings: PrepareSettings | None = None,
    ) -> None:
        self.names = list(names)
        self.kept = kept
        self.fill, self.low, self.high, self.center, self.scale = (statistics[name] for name in _STATISTICS.values())
        self.dropped = list(dropped)
        self.fit_rows = fit_rows
        self.fit_rows_hash = fit_rows_hash
        self.indicators = np.empty(0, dtype=np.int64) if indicators is None else indicators
        self.settings = PrepareSettings() if settings is None else settings
        for array in (self.kept, self.indicators, *statistics.values()):
            array.flags.writeable = False

    @classmethod
    def fit(
        cls,
        X: NDArray[np.float32],
        rows: NDArray[np.int64],
        names: Sequence[str],
        settings: PrepareSettings | None = None,
        *,
        threads: int = 1,
    ) -> Self:
        """Fit on the given rows of X; no other row is read.

        In this order: infinite becomes missing; all-missing, more than `max_missing` missing, constant and
        exactly duplicated columns are dropped; missing values are replaced; values are clipped to quantiles; center
        and scale are taken. A column whose scale is zero is dropped, too. Indicators are neither clipped nor
        scaled, and columns that are missing in the same training rows share the one of the first of them.

        Parameters
        ----------
        X : float32 (n, d), C order
        rows : int64 (m,)
            Training rows, after purging.
        names : sequence of str (d,)
        settings : PrepareSettings, optional
        threads : int
            The outcome is the same for any number.

        Raises
        ------
        InputError
            Names are not unique, or shapes and types are wrong.
        TooFewRows, TooFewColumns
            Fewer than two rows, or no usable column.
        """
        names = [str(name) for name in names]
        settings = PrepareSettings() if settings is None else settings
        columns = X.shape[1] if X.ndim == 2 else -1
        if len(names) != columns:
            raise InputError(f"names must have one entry for each of the {columns} columns of X, but has {len(names)}.")
        if len(set(names)) != len(names):
            twice = next(name for i, name in enumerate(names) if name in names[:i])
            raise InputError(f"column names must be unique, but {twice!r} occurs more than once.")
        fit = _load.core().fit_preprocessing(
            X,
            rows,
            max_missing=float(settings.max_missing),
            clip=settings.clip,
            impute=IMPUTE.index(settings.impute),
            fill=float(settings.fill_value),
            scale=SCALE.index(settings.scale),
            indicator=np.inf if settings.indicator is None else float(settings.indicator),
            threads=threads,
        )
        dropped = dropped_columns(fit["drop"], fit["duplicate_of"], names, settings.max_missing)
        statistics = {name: fit[name] for name in _STATISTICS.values()}
        digest = hash_of_rows(rows)
        return cls(names, fit["kept"], statistics, dropped, len(rows), digest, fit["indicators"], settings)

    @property
    def kept_names(self) -> list[str]:
        """Names of the kept columns."""
        return [self.names[int(j)] for j in self.kept]

    def without(self, reasons: Mapping[str, str]) -> Self:
        """The same without these kept columns, which join `dropped` with their reasons.

        Raises
        ------
        TooFewColumns
            No column would be left.
        """
        stays = np.array([name not in reasons for name in self.kept_names], dtype=bool)
        if not stays.any():
            raise TooFewColumns("no column would be left: keep at least one.")
        kept = self.kept[stays]
        statistics = {name: getattr(self, name)[stays] for name in _STATISTICS.values()}
        dropped = [*self.dropped, *((name, reasons[name]) for name in self.kept_names if name in reasons)]
        indicators = self.indicators[np.isin(self.indicators, kept)]
        return type(self)(
            self.names, kept, statistics, dropped, self.fit_rows, self.fit_rows_hash, indicators, self.settings
        )

    def names_out(self, scaled: bool = True) -> list[str]:
        """Column names of `transform`, or of `select` for `scaled` False."""
        return self.kept_names + ([indicator_name(self.names[int(j)]) for j in self.indicators] if scaled else [])

    def values(
        self, X: NDArray[np.float32], scaled: bool, rows: NDArray[np.int64] | None = None, threads: int = 1
    ) -> NDArray[np.float32]:
        """`transform` for families that need finite, scaled columns, else `select`."""
        return self.transform(X, rows, threads) if scaled else self.select(X, rows, threads)

    def select(
        self, X: NDArray[np.float32], rows: NDArray[np.int64] | None = None, threads: int = 1
    ) -> NDArray[np.float32]:
        """Kept columns (len(rows) or n, k) for tree families: infinite becomes NaN, NaN stays."""
        self._check_width(X)
        selected: NDArray[np.float32] = _load.core().preprocess_select(X, rows, self.kept, threads)
        return selected

    def transform(
        self, X: NDArray[np.float32], rows: NDArray[np.int64] | None = None, threads: int = 1
    ) -> NDArray[np.float32]:
        """Kept columns, imputed, clipped and scaled, then indicators (len(rows) or n, k + m); finite (but for
        `impute` None), in C order."""
        self._check_width(X)
        transformed: NDArray[np.float32] = _load.core().apply_columns(
            X, rows, self.kept, self.fill, self.low, self.high, self.center, self.scale, self.indicators, threads
        )
        return transformed

    def _check_width(self, X: NDArray[np.float32]) -> None:
        if X.ndim != 2 or X.shape[1] != len(self.names):
            raise InputError(
                f"X must have {len(self.names)} columns, as when the preprocessor was fitted, but has shape {X.shape}."
            )

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Plain metadata and arrays."""
        meta = {
            "names": list(self.names),
            "dropped": [[name, reason] for name, reason in self.dropped],
            "fit_rows": self.fit_rows,
            "fit_rows_hash": self.fit_rows_hash,
            "settings": self.settings.to_dict(),
        }
        arrays = {"kept": self.kept, **{name: getattr(self, attribute) for name, attribute in _STATISTICS.items()}}
        if len(self.indicators):
            arrays["indicators"] = self.indicators
        return meta, arrays

    @classmethod
    def from_state(cls, meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """Inverse of `to_state`.

        Raises
        ------
        ArtifactError
            Columns, names or numbers contradict one another.
        """

        def need(good: bool, sentence: str) -> None:
            if not good:
                raise ArtifactError(f"preprocessor: {sentence}.")

        names, dropped = meta.get("names"), meta.get("dropped")
        rows, digest = meta.get("fit_rows"), meta.get("fit_rows_hash")
        need(
            isinstance(names, list) and all(isinstance(name, str) for name in names) and len(set(names)) == len(names),
            "names must be unique texts",
        )
        assert isinstance(names, list)
        need(
            isinstance(dropped, list)
            and all(
                isinstance(pair, (list, tuple)) and len(pair) == 2 and pair[0] in names and isinstance(pair[1], str)
                for pair in dropped
            ),
            "dropped must be pairs of a known name and a reason",
        )
        assert isinstance(dropped, list)
        need(isinstance(rows, int) and not isinstance(rows, bool) and rows >= 2, "fit_rows must be at least 2")
        need(isinstance(digest, str) and len(digest) == 64, "fit_rows_hash must be 64 hexadecimal digits")
        settings = _settings_of(meta, need)
        kept = arrays.get("kept")
        need(
            kept is not None and kept.ndim == 1 and kept.dtype == np.int64,
            "kept must be int64 of one dimension",
        )
        assert kept is not None
        need(
            len(kept) > 0 and kept[0] >= 0 and bool((np.diff(kept) > 0).all()) and kept[-1] < len(names),
            "kept must be ascending column numbers",
        )
        need(
            {names[int(j)] for j in kept}.isdisjoint(pair[0] for pair in dropped)
            and len(kept) + len(dropped) == len(names),
            "every column must be either kept or dropped",
        )
        statistics: dict[str, NDArray[np.float64]] = {}
        for name, attribute in _STATISTICS.items():
            array = arrays.get(name)
            need(
                array is not None
                and array.dtype == np.float64
                and array.shape == kept.shape
                and bool(np.isfinite(array).all() or (attribute == "fill" and settings.impute is None)),
                f"{name} must hold one finite float64 for each kept column",
            )
            assert array is not None
            statistics[attribute] = np.array(array)
        need(bool((statistics["scale"] > 0).all()), "scale must be positive")
        need(bool((statistics["low"] <= statistics["high"]).all()), "low must not exceed high")
        indicators = arrays.get("indicators", np.empty(0, dtype=np.int64))
        need(
            indicators.ndim == 1
            and indicators.dtype == np.int64
            and bool((np.diff(indicators) > 0).all())
            and bool(np.isin(indicators, kept).all()),
            "indicators must be ascending numbers of kept columns",
        )
        assert isinstance(rows, int)
        assert isinstance(digest, str)
        pairs = [(pair[0], pair[1]) for pair in dropped]
        return cls(names, np.array(kept), statistics, pairs, rows, digest, np.array(indicators), settings)


def _settings_of(meta: dict[str, Any], need: Any) -> PrepareSettings:
    stored = meta.get("settings", {})  # files of the first version have none: they were made with the defaults
    need(isinstance(stored, dict), "settings must be a table")
    try:
        return PrepareSettings(**stored)
    except (TypeError, InputError) as error:
        raise ArtifactError(f"preprocessor: its settings cannot be read: {error}") from error


def indicator_name(name: str) -> str:
    """Name of the indicator of a column, as scikit-learn's."""
    return f"missingindicator_{name}"


def dropped_columns(
    drop: NDArray[np.int8], duplicate_of: NDArray[np.int64], names: Sequence[str], max_missing: float
) -> list[tuple[str, str]]:
    """(name, reason) of the columns whose code is not 0."""
    return [
        (names[j], _reason(int(code), names, int(duplicate_of[j]), max_missing)) for j, code in enumerate(drop) if code
    ]


def _reason(code: int, names: Sequence[str], twin: int, max_missing: float) -> str:
    if code == _ALL_MISSING:
        return "all values are missing"
    if code == _MOSTLY_MISSING:
        return f"more than {max_missing:.0%} of the values are missing"
    if code == _CONSTANT:
        return "constant"
    if code == _DUPLICATE:
        return f"duplicate of {names[twin]}"
    if code == _ZERO_SCALE:
        return "its scale is zero: the middle half of the values is one value"
    assert code == _CONSTANT_AFTER_CLIP
    return "constant after clipping"
