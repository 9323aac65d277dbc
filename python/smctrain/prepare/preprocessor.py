"""Bad columns out, missing values in, outliers clipped, columns scaled: fitted on training rows only."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from smctrain import _load
from smctrain.exceptions import ArtifactError, InputError

_STATISTICS = ("median", "low", "high", "mean", "scale")
_ALL_MISSING, _MOSTLY_MISSING, _CONSTANT, _DUPLICATE, _CONSTANT_AFTER_CLIP = 1, 2, 3, 4, 5


def hash_of_rows(rows: NDArray[np.int64]) -> str:
    """BLAKE2b-256 over the sorted row ids as little-endian int64, in hexadecimal."""
    return hashlib.blake2b(np.sort(rows).astype("<i8").tobytes(), digest_size=32).hexdigest()


class Preprocessor:
    """The fold's column transforms, as fitted on its training rows. Make one with `Preprocessor.fit`.

    Attributes
    ----------
    names : list of str (d,)
        Columns it was fitted on, in order.
    kept : int64 (k,)
        Columns that survive, ascending.
    dropped : list of (name, reason)
        The others.
    fit_rows : int
        Number of training rows it was fitted on.
    fit_rows_hash : str
        BLAKE2b-256 of their sorted ids.
    median, low, high, mean, scale : float64 (k,)
        Imputed value, clip bounds, and the mean and standard deviation (n - 1) of the clipped column.
    """

    def __init__(
        self,
        names: Sequence[str],
        kept: NDArray[np.int64],
        statistics: dict[str, NDArray[np.float64]],
        dropped: Sequence[tuple[str, str]],
        fit_rows: int,
        fit_rows_hash: str,
    ) -> None:
        self.names = list(names)
        self.kept = kept
        self.median, self.low, self.high, self.mean, self.scale = (statistics[name] for name in _STATISTICS)
        self.dropped = list(dropped)
        self.fit_rows = fit_rows
        self.fit_rows_hash = fit_rows_hash
        for array in (self.kept, *(statistics[name] for name in _STATISTICS)):
            array.flags.writeable = False

    @classmethod
    def fit(
        cls,
        X: NDArray[np.float32],
        rows: NDArray[np.int64],
        names: Sequence[str],
        *,
        max_missing: float = 0.5,
        clip: tuple[float, float] | None = (0.001, 0.999),
        threads: int = 1,
    ) -> Self:
        """Fit on the given rows of X; no other row is read.

        In this order: infinite becomes missing; all-missing, more than `max_missing` missing, constant and
        exactly duplicated columns are dropped; the median replaces missing values; values are clipped to the
        quantiles `clip`; mean and standard deviation are taken.

        Parameters
        ----------
        X : float32 (n, d), C order
        rows : int64 (m,)
            Training rows, after purging.
        names : sequence of str (d,)
        max_missing : float
            Columns with a larger share of missing values are dropped.
        clip : (low, high) or None
            Quantiles to clip to; None: no clipping.
        threads : int

        Raises
        ------
        InputError
            Names are not unique, or shapes and types are wrong.
        TooFewRows, TooFewColumns
            Fewer than two rows, or no usable column.
        """
        names = [str(name) for name in names]
        columns = X.shape[1] if X.ndim == 2 else -1
        if len(names) != columns:
            raise InputError(f"names must have one entry for each of the {columns} columns of X, but has {len(names)}.")
        if len(set(names)) != len(names):
            twice = next(name for i, name in enumerate(names) if name in names[:i])
            raise InputError(f"column names must be unique, but {twice!r} occurs more than once.")
        low, high = (0.0, 1.0) if clip is None else clip
        if not 0 <= low < high <= 1:
            raise InputError(f"clip must be two ascending quantiles in 0..1 or None, but is {clip!r}.")
        if not 0 <= max_missing <= 1:
            raise InputError(f"max_missing must be a share in 0..1, but is {max_missing!r}.")
        fit = _load.core().fit_preprocessing(X, rows, max_missing, low, high, threads)
        dropped = [
            (names[j], _reason(int(code), names, int(fit["duplicate_of"][j]), max_missing))
            for j, code in enumerate(fit["drop"])
            if code
        ]
        statistics = {name: fit[name] for name in _STATISTICS}
        return cls(names, fit["kept"], statistics, dropped, len(rows), hash_of_rows(rows))

    @property
    def kept_names(self) -> list[str]:
        """Names of the kept columns."""
        return [self.names[int(j)] for j in self.kept]

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
        """Kept columns (len(rows) or n, k), imputed, clipped and scaled; finite, in C order."""
        self._check_width(X)
        transformed: NDArray[np.float32] = _load.core().preprocess_transform(
            X, rows, self.kept, self.median, self.low, self.high, self.mean, self.scale, threads
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
        }
        return meta, {"kept": self.kept, **{name: getattr(self, name) for name in _STATISTICS}}

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
        for name in _STATISTICS:
            array = arrays.get(name)
            need(
                array is not None
                and array.dtype == np.float64
                and array.shape == kept.shape
                and bool(np.isfinite(array).all()),
                f"{name} must hold one finite float64 for each kept column",
            )
            assert array is not None
            statistics[name] = np.array(array)
        need(bool((statistics["scale"] > 0).all()), "scale must be positive")
        need(bool((statistics["low"] <= statistics["high"]).all()), "low must not exceed high")
        assert isinstance(rows, int)
        assert isinstance(digest, str)
        return cls(names, np.array(kept), statistics, [(pair[0], pair[1]) for pair in dropped], rows, digest)


def _reason(code: int, names: list[str], twin: int, max_missing: float) -> str:
    if code == _ALL_MISSING:
        return "all values are missing"
    if code == _MOSTLY_MISSING:
        return f"more than {max_missing:.0%} of the values are missing"
    if code == _CONSTANT:
        return "constant"
    if code == _DUPLICATE:
        return f"duplicate of {names[twin]}"
    assert code == _CONSTANT_AFTER_CLIP
    return "constant after clipping"
