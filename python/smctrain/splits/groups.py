"""One regime, or one symbol, held out: to look at a model, never to choose or to judge it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain.exceptions import InputError, TooFewRows
from smctrain.splits.base import (
    Distance,
    EmbargoLike,
    Fates,
    IntervalsLike,
    PurgingSplitter,
    ReadIntervals,
    Rows,
    at_least,
    read_distance,
)
from smctrain.splits.columns import codes_of
from smctrain.splits.forward import _cut
from smctrain.splits.purged import Purge


class RegimeSplit(PurgingSplitter):
    """Test on the rows of one regime, train on all others, purged: how a model does where it has not been.

    Diagnostic only: training rows lie after test rows.

    Parameters
    ----------
    regimes : array-like (n,)
        Regime of every row, as it was known at its decision. Rows without one (None, NaN, "") are trained on only.
    min_rows : int
        Regimes with fewer rows get no split; `plan().notes` reports them.
    embargo, lookback, purge
        As in `PurgedKFold`, after every run of test rows.
    intervals : (t0, t1), optional
        Label intervals, closed: two arrays of one value per row, row indices or times.

    Raises
    ------
    TooFewRows
        When no regime has `min_rows` rows, or the purge leaves a split without training rows.

    Notes
    -----
    Source: Roberts et al., "Cross-validation strategies for data with temporal, spatial, hierarchical, or phylogenetic
    structure", Ecography 40 (2017), 913-929 (blocks by predictor space), purged by label ends.
    """

    purpose: ClassVar[str] = "diagnostic"

    def __init__(
        self,
        regimes: ArrayLike,
        min_rows: int = 50,
        embargo: EmbargoLike = 0,
        intervals: IntervalsLike | None = None,
        *,
        lookback: Distance = 0,
        purge: Purge = "exact",
    ) -> None:
        self.regimes = np.asarray(regimes)
        self.min_rows = at_least("min_rows", min_rows, 1)
        self.intervals = intervals
        self._set_rules(embargo, lookback, purge)
        self._codes, self._regimes = codes_of(self.regimes, "regimes")
        self._counts = np.bincount(self._codes[self._codes >= 0], minlength=len(self._regimes))

    def _tested(self) -> list[int]:
        return [code for code in range(len(self._regimes)) if self._counts[code] >= self.min_rows]

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Number of regimes with at least `min_rows` rows."""
        return len(self._tested())

    def _fates(self, read: ReadIntervals, time: Any, groups: Any) -> Iterator[Fates]:
        if len(self._codes) != len(read):
            raise InputError(f"regimes must have one value per row ({len(read)}), but has {len(self._codes)}.")
        if not self._tested():
            raise TooFewRows(f"no regime has {self.min_rows} rows: {self._listed(range(len(self._regimes)))}.")
        rules = self._rules(read.is_time)
        for code in self._tested():
            is_test = (self._codes == code).astype(np.uint8)
            yield time.purge_and_embargo(is_test, rules.embargo, rules.lookback, rules.block)

    def _listed(self, codes: Any) -> str:
        return ", ".join(f"{self._regimes[code]} ({self._counts[code]})" for code in codes) or "there is none"

    def _names(self, read: ReadIntervals, time: Any, groups: Any) -> list[str]:
        return [str(self._regimes[code]) for code in self._tested()]

    def _notes(self, read: ReadIntervals, time: Any, groups: Any) -> list[str]:
        small = [code for code in range(len(self._regimes)) if self._counts[code] < self.min_rows]
        notes = ["Diagnostic: training rows lie after test rows. Not for choosing and not for a verdict."]
        if small:
            notes.append(f"fewer than {self.min_rows} rows, so not trained for: {self._listed(small)}.")
        absent = int(np.count_nonzero(self._codes < 0))
        return [*notes, f"{absent} rows have no regime: trained on only."] if absent else notes


class LeaveOneSymbolOut(PurgingSplitter):
    """Test on one symbol in a window of time, train on the other symbols: does what was learned carry over?

    `groups` of `split` names the symbol of every row.

    Parameters
    ----------
    mode : "strict" or "purged"
        "strict": training labels end before the window begins. "purged": rows after the window are trained on as well;
        those whose labels overlap a test label are purged.
    test : float or (float, float)
        The window: the last share of the decision stamps, or from one share of them to another.
    gap : int or timedelta
        "strict": further distance between the last training label and the window.
    embargo, lookback, purge
        "purged": as in `PurgedKFold`.
    intervals : (t0, t1)
        Label intervals, closed, as times: row indices of different symbols do not compare.
    returns : array-like (n,), optional
        Return (or outcome) per row. Symbols whose returns at common stamps correlate with those of the held-out one are
        named in the plan: they know much of what the held-out symbol did.
    correlation : float
        From which absolute correlation on a symbol is named.
    min_rows : int
        Symbols with fewer rows in the window get no split; the plan reports them.

    Raises
    ------
    InputError
        Without groups, or with intervals as row indices.
    TooFewRows
        When the purge leaves a split without training rows.

    Notes
    -----
    Source: leave-one-group-out of Roberts et al. (2017, as in `RegimeSplit`), in a window of time: symbols of one
    moment share their news.
    """

    purpose: ClassVar[str] = "diagnostic"

    def __init__(
        self,
        mode: Literal["strict", "purged"] = "strict",
        test: float | tuple[float, float] = 0.3,
        gap: Distance = 0,
        embargo: EmbargoLike = 0,
        intervals: IntervalsLike | None = None,
        *,
        lookback: Distance = 0,
        purge: Purge = "exact",
        returns: ArrayLike | None = None,
        correlation: float = 0.7,
        min_rows: int = 1,
    ) -> None:
        if mode not in ("strict", "purged"):
            raise InputError(f'mode must be "strict" or "purged", but is {mode!r}.')
        first, last = test if isinstance(test, tuple) else (1.0 - test, 1.0)
        if not 0 <= first < last <= 1:
            raise InputError(f"test must be a share of the stamps, or two ascending ones, but is {test!r}.")
        if not 0 < correlation <= 1:
            raise InputError(f"correlation must be above 0 and at most 1, but is {correlation!r}.")
        self.mode = mode
        self.test = test
        self.gap = gap
        self.intervals = intervals
        self._set_rules(embargo, lookback, purge)
        self.returns = None if returns is None else np.asarray(returns, dtype=np.float64)
        self.correlation = float(correlation)
        self.min_rows = at_least("min_rows", min_rows, 1)
        read_distance("gap", gap)

    @property
    def forward(self) -> bool:  # type: ignore[override]
        return self.mode == "strict"

    def _gap(self, is_time: bool | None = None) -> tuple[int, int]:
        return read_distance("gap", self.gap, is_time)

    def _window(self, n_stamps: int) -> tuple[int, int]:
        first, last = self.test if isinstance(self.test, tuple) else (1.0 - self.test, 1.0)
        window = _cut(first, n_stamps), _cut(last, n_stamps)
        if window[0] >= window[1] or (self.forward and window[0] < 1):
            raise TooFewRows(f"there are {n_stamps} decision stamps, too few for a test window of {self.test!r}.")
        return window

    def _symbols(self, read: ReadIntervals, time: Any, groups: Any) -> tuple[Rows, list[Any], NDArray[np.int64]]:
        if groups is None:
            raise InputError("groups is needed: the symbol of every row.")
        codes, names = codes_of(groups, "groups")
        if len(codes) != len(read):
            raise InputError(f"groups must have one value per row ({len(read)}), but has {len(codes)}.")
        if (codes < 0).any():
            raise InputError(f"groups: row {int(np.argmax(codes < 0))} has no symbol.")
        if len(names) < 2:
            raise InputError(f"groups must name at least 2 symbols, but name {len(names)}.")
        first, last = self._window(time.n_stamps)
        low = time.stamp(first)
        high = time.stamp(last - 1)
        inside = (read.t0 >= low) & (read.t0 <= high)
        return codes, names, np.bincount(codes[inside], minlength=len(names))

    def _tested(self, counts: NDArray[np.int64]) -> list[int]:
        return [code for code, rows in enumerate(counts) if rows >= self.min_rows]

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Number of symbols with at least `min_rows` rows in the window; needs groups."""
        return len(self._tested(self._symbols(*self._start(X, groups), groups)[2]))

    def _fates(self, read: ReadIntervals, time: Any, groups: Any) -> Iterator[Fates]:
        codes, _, counts = self._symbols(read, time, groups)
        rules = self._rules(read.is_time)
        window = self._window(time.n_stamps)
        for code in self._tested(counts):
            yield time.symbol_split(
                codes, code, *window, self.forward, self._gap(read.is_time), rules.embargo, rules.lookback, rules.block
            )

    def _names(self, read: ReadIntervals, time: Any, groups: Any) -> list[str]:
        _, names, counts = self._symbols(read, time, groups)
        return [str(names[code]) for code in self._tested(counts)]

    def _notes(self, read: ReadIntervals, time: Any, groups: Any) -> list[str]:
        codes, names, counts = self._symbols(read, time, groups)
        notes = []
        small = [code for code in range(len(names)) if counts[code] < self.min_rows]
        if small:
            listed = ", ".join(f"{names[code]} ({counts[code]})" for code in small)
            notes.append(f"fewer than {self.min_rows} rows in the window, so not tested: {listed}.")
        if self.returns is None:
            return [*notes, "no returns were given, so correlated symbols are not named."]
        if self.returns.shape != (len(read),):
            raise InputError(f"returns must have one value per row ({len(read)}), but has shape {self.returns.shape}.")
        matrix = correlations(read.t0, codes, len(names), self.returns)
        for code in self._tested(counts):
            close = np.flatnonzero((np.abs(matrix[code]) >= self.correlation) & (np.arange(len(names)) != code))
            if len(close):
                listed = ", ".join(f"{names[other]} ({matrix[code, other]:+.2f})" for other in close)
                notes.append(f"{names[code]} is held out, but its returns correlate with those of {listed}.")
        return notes


def correlations(t0: Rows, symbol: Rows, n_symbols: int, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlation of every two symbols over the stamps that both have; NaN where there are fewer than 10.

    Parameters
    ----------
    t0, symbol : int64 (n,)
        Stamp and symbol code per row.
    n_symbols : int
    values : float64 (n,)
        NaN counts as missing.

    Returns
    -------
    float64 (n_symbols, n_symbols)
    """
    stamps, stamp = np.unique(t0, return_inverse=True)
    table = np.full((len(stamps), n_symbols), np.nan)
    table[stamp, symbol] = values
    known = np.isfinite(table)
    table[~known] = 0.0
    counts = known.sum(axis=0)
    centred = np.where(known, table - table.sum(axis=0) / np.maximum(counts, 1), 0.0)  # keeps the sums below small
    both = known.T.astype(np.float64) @ known
    sums = centred.T @ known  # of the first symbol over the common stamps
    squares = (centred**2).T @ known
    with np.errstate(invalid="ignore", divide="ignore"):
        covariance = centred.T @ centred - sums * sums.T / both
        variance = squares - sums**2 / both
        matrix = covariance / np.sqrt(variance * variance.T)
    matrix[both < 10] = np.nan
    return np.asarray(matrix)
