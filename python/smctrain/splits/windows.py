"""Splitters whose tests are windows of decision stamps, and the quality strata that may shift their borders."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain.exceptions import InputError
from smctrain.splits.base import Fates, ReadIntervals, Rows, Splitter

_NO_STRATUM = 255


@dataclass(frozen=True, eq=False)
class QualityStrata:
    """Shift borders in time a little, so that both sides hold similar shares of low, middle and high quality.

    Rows are never moved: a border goes to the admissible position at most `max_shift` of the shorter part beside it
    away where the largest difference of a stratum's share is smallest.

    Parameters
    ----------
    quality : array-like (n,)
        Quality per row, NaN where there is none (such rows count in no stratum).
    cuts : tuple of float
        Where one stratum ends and the next begins: below the first, up to below the second, and so on.
    max_shift : float
        Longest way of a border, as a share of the shorter part beside it.
    tolerance : float
        A larger difference of shares than this refuses the split with the reason.
    """

    quality: ArrayLike
    cuts: tuple[float, ...] = (0.3, 0.6)
    max_shift: float = 0.05
    tolerance: float = 0.05

    def __post_init__(self) -> None:
        ascend = len(self.cuts) > 0 and all(a < b for a, b in zip((-np.inf, *self.cuts), self.cuts, strict=False))
        if not ascend or len(self.cuts) >= _NO_STRATUM:
            shown = repr(self.cuts) if len(self.cuts) < 10 else f"{len(self.cuts)} numbers"
            raise InputError(f"cuts must ascend and be 1 to {_NO_STRATUM - 1} numbers, but are {shown}.")
        if not 0 <= self.max_shift <= 0.5:
            raise InputError(f"max_shift must be a share from 0 to 0.5, but is {self.max_shift!r}.")
        if not 0 <= self.tolerance <= 1:
            raise InputError(f"tolerance must lie between 0 and 1, but is {self.tolerance!r}.")

    def __repr__(self) -> str:
        return f"QualityStrata(cuts={self.cuts}, max_shift={self.max_shift}, tolerance={self.tolerance})"

    def codes(self, n: int) -> NDArray[np.uint8]:
        quality = np.asarray(self.quality, dtype=np.float64)
        if quality.shape != (n,):
            raise InputError(f"stratify_quality must have one value per row ({n}), but has shape {quality.shape}.")
        codes = np.searchsorted(np.array(self.cuts, dtype=np.float64), quality, side="right").astype(np.uint8)
        codes[np.isnan(quality)] = _NO_STRATUM
        return codes


StrataLike = ArrayLike | QualityStrata | None


class WindowSplitter(Splitter):
    """A splitter that is told by its test windows: pairs of borders between decision stamps."""

    stratify_quality: QualityStrata | None = None

    @abstractmethod
    def _windows(self, n_stamps: int) -> Rows:
        """Test windows [first, last) of stamps, shape (m, 2), ascending."""

    @abstractmethod
    def _fates_at(self, read: ReadIntervals, time: Any, windows: Rows) -> Iterator[Fates]:
        """The fates of every split, with the windows where they are."""

    def _set_strata(self, strata: StrataLike) -> None:
        known = strata is None or isinstance(strata, QualityStrata)
        self.stratify_quality = strata if known else QualityStrata(strata)  # type: ignore[assignment, arg-type]

    def _fates(self, read: ReadIntervals, time: Any, groups: Any) -> Iterator[Fates]:
        yield from self._fates_at(read, time, self._placed(read, time))

    def _placed(self, read: ReadIntervals, time: Any) -> Rows:
        return self._balanced(self._windows(time.n_stamps), time, len(read))

    def _balanced(
        self, windows: Rows, time: Any, n: int, kept: NDArray[np.bool_] | None = None, admissible: Rows | None = None
    ) -> Rows:
        """The windows, shifted to balance the quality strata; `kept` of n rows are on the timeline."""
        if self.stratify_quality is None:
            return windows
        codes = self.stratify_quality.codes(n)
        if kept is not None:
            codes = np.ascontiguousarray(codes[kept])
        flags = None
        if admissible is not None:
            flags = np.zeros(time.n_stamps, dtype=np.uint8)
            flags[admissible] = 1
        inner = borders_of(windows, time.n_stamps)
        settings = self.stratify_quality
        moved, _ = time.balance_borders(
            codes, len(settings.cuts) + 1, inner, flags, settings.max_shift, settings.tolerance
        )
        return with_borders(windows, inner, moved)

    def _notes(self, read: ReadIntervals, time: Any, groups: Any) -> list[str]:
        return moves(read, time, self._windows(time.n_stamps), self._placed(read, time))


def borders_of(windows: Rows, n_stamps: int) -> Rows:
    """The distinct borders inside the timeline, ascending."""
    borders = np.unique(windows)
    return np.ascontiguousarray(borders[(borders > 0) & (borders < n_stamps)])


def with_borders(windows: Rows, borders: Rows, moved: Rows) -> Rows:
    """The windows with every border replaced."""
    placed = windows.copy()
    places = np.searchsorted(borders, windows)
    inside = (
        (places < len(borders)) & (borders[np.minimum(places, len(borders) - 1)] == windows) if len(borders) else None
    )
    if inside is not None:
        placed[inside] = moved[places[inside]]
    return placed


def moves(read: ReadIntervals, time: Any, before: Rows, after: Rows) -> list[str]:
    """Which borders moved, in words."""
    pairs = sorted({(int(a), int(b)) for a, b in zip(before.ravel(), after.ravel(), strict=True) if a != b})
    words = [f"{read.show(time.stamp(a))} -> {read.show(time.stamp(b))}" for a, b in pairs[:10]]
    if not words:
        return []
    return [f"{len(pairs)} borders moved: {', '.join(words)}{' ...' if len(pairs) > 10 else ''}"]
