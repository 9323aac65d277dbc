"""Columns as bin codes: made once, read by every forest that trains on the same rows.

>>> bins = BinnedMatrix(X, rows=train)                                             # doctest: +SKIP
>>> for leaf in (5, 20, 50):                                                       # doctest: +SKIP
...     RandomForestClassifier(min_samples_leaf=leaf).fit(bins.view(train), y[train])

Why one matrix per fold and not one for all folds: edges are quantiles of the rows they were fitted on. Edges of all
rows would let a held-out row move the thresholds of the model that is judged on it. So the sharing is over trials,
settings and families of one fold, and a forest refuses bins whose edges saw a row that it may not learn from.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain import _load
from smctrain.models._matrix import as_matrix, as_rows, as_weight


class BinnedMatrix:
    """Bin codes of a matrix, edges fitted on some of its rows. Not to be changed; read from any thread.

    Parameters
    ----------
    X : array or frame (n, d)
        NaN is missing and has a code of its own; infinite values are refused. Converted once to float32.
    rows : int array (m,) or mask (n,), optional
        Rows that the edges are fitted on: training rows only. None: all. The codes are of all rows.
    n_bins : int
        At most this many bins a column, besides the one for missing values.
    threads : int
        The result is the same for any number.

    Attributes
    ----------
    n_rows, n_features, n_bins : int
    rows : int64 (m,)
        Rows that the edges were fitted on.
    names : list of str or None
        Column names of X, where it had any.

    Raises
    ------
    InputError
        X is no matrix of finite numbers or NaN; a row does not exist or comes twice; n_bins is out of range.

    Notes
    -----
    A value's code is the number of edges below it, so that `code <= b` exactly when `x <= edges(j)[b]`: a forest grown
    on codes predicts raw values. A column with few distinct values gets one bin for each; otherwise bins hold about
    equally many of the fitted rows and never split a tie.
    """

    __slots__ = ("_codes", "n_bins", "n_features", "n_rows", "names", "native", "rows")

    def __init__(self, X: Any, rows: ArrayLike | None = None, n_bins: int = 255, threads: int = 1) -> None:
        matrix, names = as_matrix(X)
        used = np.arange(len(matrix), dtype=np.int64) if rows is None else as_rows(rows, len(matrix))
        self._hold(_load.core().bin_matrix(matrix, used, n_bins, threads), used, n_bins, names)

    @classmethod
    def _of(cls, native: Any, rows: NDArray[np.int64], n_bins: int) -> BinnedMatrix:
        made = cls.__new__(cls)
        made._hold(native, rows, n_bins, None)
        return made

    def _hold(self, native: Any, rows: NDArray[np.int64], n_bins: int, names: list[str] | None) -> None:
        self.native = native
        self.rows = rows
        self.n_bins = int(n_bins)
        self.n_rows = int(native.n_rows)
        self.n_features = int(native.n_features)
        self.names = names
        self._codes: NDArray[Any] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(n_rows, n_features)."""
        return self.n_rows, self.n_features

    @property
    def missing_code(self) -> int:
        """Code of a missing value."""
        return int(np.iinfo(self.codes.dtype).max)

    @property
    def codes(self) -> NDArray[Any]:
        """Codes (n_features, n_rows), a column of X in each row of it; read-only."""
        if self._codes is None:
            codes = self.native.codes()
            codes.flags.writeable = False
            self._codes = codes
        return self._codes

    def edges(self, column: int) -> NDArray[np.float32]:
        """Edges between the bins of a column, ascending; one fewer than the bins in use."""
        edges: NDArray[np.float32] = self.native.edges(column)
        return edges

    def view(self, rows: ArrayLike | None = None, weight: ArrayLike | None = None) -> BinnedView:
        """Some rows, and weights for them; nothing is copied but these two lists.

        Parameters
        ----------
        rows : int array (m,) or mask (n_rows,), optional
            Rows in the order of the labels that `fit` will be given; each once. None: all.
        weight : array (m,), optional
            Weights of these rows, at least 0. A row of weight 0 counts as absent.
        """
        return BinnedView(self, rows, weight)

    def __len__(self) -> int:
        return self.n_rows

    def __repr__(self) -> str:
        fitted = "all rows" if len(self.rows) == self.n_rows else f"{len(self.rows)} rows"
        return f"BinnedMatrix({self.n_rows} x {self.n_features}, at most {self.n_bins} bins, edges of {fitted})"


class BinnedView:
    """Rows of a `BinnedMatrix` with weights: what a forest estimator's `fit` takes instead of X.

    Attributes
    ----------
    matrix : BinnedMatrix
    rows : int64 (m,)
    weight : float64 (m,) or None
    """

    __slots__ = ("matrix", "rows", "weight")

    def __init__(self, matrix: BinnedMatrix, rows: ArrayLike | None = None, weight: ArrayLike | None = None) -> None:
        self.matrix = matrix
        self.rows = np.arange(matrix.n_rows, dtype=np.int64) if rows is None else as_rows(rows, matrix.n_rows)
        self.weight = as_weight(weight, len(self.rows))

    @property
    def shape(self) -> tuple[int, int]:
        """(rows in view, n_features)."""
        return len(self.rows), self.matrix.n_features

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        weighted = "" if self.weight is None else ", weighted"
        return f"BinnedView({len(self.rows)} rows{weighted} of {self.matrix!r})"


def make_binned(X: NDArray[np.float32], rows: NDArray[np.int64], threads: int = 1, n_bins: int = 255) -> BinnedMatrix:
    """Bin the columns of X for `FitTask.binned`: as `BinnedMatrix`, without any check or conversion in Python.

    Parameters
    ----------
    X : float32 (n, d), C order
        NaN is missing; infinite values are refused.
    rows : int64 (m,)
        Rows that the edges are fitted on: training rows only.
    threads : int
    n_bins : int
        At most this many bins a column.
    """
    native = _load.core().bin_matrix(X, rows, n_bins, threads)
    return BinnedMatrix._of(native, np.array(rows, dtype=np.int64), n_bins)


def view_of(X: Any) -> BinnedView | None:
    """X as a view where it holds bin codes, else None."""
    if isinstance(X, BinnedMatrix):
        return X.view()
    return X if isinstance(X, BinnedView) else None


def no_values(matrix: BinnedMatrix) -> NDArray[np.float32]:
    """A matrix of the right shape that holds nothing: `FitTask.X` of a fit that reads codes only."""
    return np.broadcast_to(np.float32(np.nan), matrix.shape)
