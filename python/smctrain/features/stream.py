"""`FeatureStream`: the same columns as `build_features`, one finished bar at a time."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain._load import core
from smctrain.exceptions import InputError
from smctrain.features.spec import ColumnInfo, FeatureSpec

_DAY_SECONDS = 86_400


class FeatureStream:
    """Features of finished bars as they arrive, bit-equal to the batch.

    Parameters
    ----------
    spec : FeatureSpec, optional
        Columns wanted; the preset "default" on M15 without it.
    digits : int, optional
        Decimals of the prices; they are snapped to it as on load. None leaves them as they are.
    higher_bars : iterable of str
        Higher timeframes whose finished bars you push yourself; the others are resampled from the base bars.
        Fixed for the life of the stream, as in the batch.
    segment_gap : float, optional
        Seconds of pause after which everything restarts. Default: 7 days for bars shorter than a
        day, 5 bars for daily, 2 bars for weekly ones.
    """

    def __init__(
        self,
        spec: FeatureSpec | None = None,
        digits: int | None = None,
        higher_bars: Iterable[str] = (),
        segment_gap: float | None = None,
    ) -> None:
        self.spec = spec if spec is not None else FeatureSpec()
        self.catalogue: list[ColumnInfo] = self.spec.catalogue()
        self._higher = {timeframe: i for i, timeframe in enumerate(self.spec.used_higher)}
        pushed = tuple(higher_bars)
        for timeframe in pushed:
            if timeframe not in self._higher:
                raise InputError(
                    f"higher_bars names {timeframe}, which is not among the higher timeframes "
                    f"{', '.join(self._higher) or '(none)'} of the spec."
                )
        seconds = self.spec.base_ns // 1_000_000_000
        gap = segment_gap if segment_gap is not None else _default_gap(seconds)
        self._dtype = np.dtype(self.spec.dtype)
        self._native = core().FeatureStream(
            self.spec.base_ns,
            self.spec.native_higher(from_bars=pushed),
            [column.name for column in self.catalogue],
            digits,
            round(gap * 1e9),
        )

    @property
    def names(self) -> list[str]:
        """Column names."""
        return [column.name for column in self.catalogue]

    @property
    def settled(self) -> bool:
        """Whether the last row was settled, as `FeatureTable.settled`."""
        return bool(self._native.settled)

    def push(
        self,
        *,
        open: float,
        high: float,
        low: float,
        close: float,
        time: Any,
        volume: float = math.nan,
        spread: float = math.nan,
        timeframe: str | None = None,
    ) -> NDArray[Any] | None:
        """Take one finished bar.

        Parameters
        ----------
        open, high, low, close, volume, spread : float
        time : datetime-like
            Opening time, UTC (naive values are read as UTC; integers as nanoseconds).
        timeframe : str, optional
            A higher timeframe of `higher_bars`; push such a bar before the base bar that closes with it.

        Returns
        -------
        (d,) array of `spec.dtype` for a base bar, None for a higher bar.
        """
        bar = (_nanoseconds(time), open, high, low, close, volume, spread)
        if timeframe is not None and timeframe != self.spec.base:
            if timeframe not in self._higher:
                raise InputError(f"timeframe {timeframe} is not among the higher timeframes of the spec.")
            self._native.push_higher(self._higher[timeframe], *bar)
            return None
        row: NDArray[Any] = self._native.push(*bar)
        return row.astype(self._dtype, copy=False)


def _default_gap(seconds: int) -> float:
    if seconds < _DAY_SECONDS:
        return 7.0 * _DAY_SECONDS
    return (5.0 if seconds < 7 * _DAY_SECONDS else 2.0) * seconds


def _nanoseconds(time: Any) -> int:
    if isinstance(time, int | np.integer):
        return int(time)
    if isinstance(time, dt.datetime) and time.tzinfo is not None:
        time = time.astimezone(dt.UTC).replace(tzinfo=None)
    return int(np.datetime64(time, "ns").astype(np.int64))
