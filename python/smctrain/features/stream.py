"""`FeatureStream`: the same columns as `build_features`, one finished bar at a time."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from smctrain._load import core
from smctrain.artifact.container import pack, unpack
from smctrain.bars.breaks import parse_kinds
from smctrain.bars.calendars import UTC_DAYS, SessionCalendar, parse_calendar
from smctrain.bars.types import TIMEFRAME_SECONDS
from smctrain.exceptions import ArtifactError, InputError, SmctrainError
from smctrain.features.spec import ColumnInfo, FeatureSpec

_DAY_SECONDS = 86_400
_KIND = "smctrain.feature_stream"
_VERSION = 3
_SPEC_FIELDS = ("preset", "base", "higher", "groups", "columns", "dtype", "settings", "extra")


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
    calendar : str or SessionCalendar
        Trading days of resampled days and weeks, as in `read_bars`: "fx" for currency pairs and metals, which is what
        `Bars` of such symbols have; UTC days without it. Bars last as long as their timeframe says, also where a
        session would end them earlier in `Bars.ends`.
    quarantine : bool, str or iterable of str
        Splits, bad prints and the like at which everything restarts, as in `read_bars`.
    """

    def __init__(
        self,
        spec: FeatureSpec | None = None,
        digits: int | None = None,
        higher_bars: Iterable[str] = (),
        segment_gap: float | None = None,
        calendar: str | SessionCalendar = "24/7",
        quarantine: bool | str | Iterable[str] = True,
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
        gap = float(segment_gap) if segment_gap is not None else _default_gap(seconds)
        if not gap >= 0 or math.isinf(gap):
            raise InputError(f"segment_gap must be a number of seconds of at least 0, but is {segment_gap}.")
        self._options: dict[str, Any] = {"digits": digits, "higher_bars": list(pushed), "segment_gap": gap}
        days = parse_calendar(calendar) or UTC_DAYS
        kinds = parse_kinds(quarantine)
        self._options["quarantine"] = list(kinds)
        self._options["calendar"] = [days.zone, days.day_roll, days.end, dict(days.half_days)]
        # Bars of a day or more, and all where sessions end, close as the calendar says; others after their timeframe.
        self._days = days
        self._by_calendar = {
            tf for tf in (self.spec.base, *pushed) if days.end is not None or TIMEFRAME_SECONDS[tf] >= _DAY_SECONDS
        }
        self._has_row = False
        self._native = core().FeatureStream(
            self.spec.base_ns,
            self.spec.native_higher(from_bars=pushed),
            [column.name for column in self.catalogue],
            digits,
            round(gap * 1e9),
            days.native(),
            list(kinds),
            dict(self.spec.settings),
            self.spec.dtype == "float64",
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
        time_close: Any = None,
    ) -> NDArray[Any] | None:
        """Take one finished bar.

        Parameters
        ----------
        open, high, low, close, volume, spread : float
        time : datetime-like
            Opening time, UTC (naive values are read as UTC; integers as nanoseconds).
        timeframe : str, optional
            A higher timeframe of `higher_bars`; push such a bar before the base bar that closes with it.
        time_close : datetime-like, optional
            Closing time, where it is not the one that timeframe and calendar give.

        Returns
        -------
        (d,) array of `spec.dtype` for a base bar, None for a higher bar.
        """
        moment = time if type(time) is int else _nanoseconds(time)
        if timeframe is not None and timeframe != self.spec.base:
            if timeframe not in self._higher:
                raise InputError(f"timeframe {timeframe} is not among the higher timeframes of the spec.")
            end = self._close_of(timeframe, moment, time_close)
            self._native.push_higher(self._higher[timeframe], moment, end, open, high, low, close, volume, spread)
            return None
        end = self._close_of(self.spec.base, moment, time_close)
        row: NDArray[Any] = self._native.push(moment, end, open, high, low, close, volume, spread)
        self._has_row = True
        return row

    def _close_of(self, timeframe: str, moment: int, given: Any) -> int:
        if given is None:
            seconds = TIMEFRAME_SECONDS[timeframe]
            if timeframe not in self._by_calendar:
                return moment + seconds * 1_000_000_000
            opens = np.array([moment], dtype=np.int64).view("datetime64[ns]")
            return int(self._days.closes(opens, seconds).view(np.int64)[0])
        end = given if type(given) is int else _nanoseconds(given)
        if end <= moment:
            raise InputError("time_close must be later than time, the opening of the bar, but is not.")
        return end

    def state(self) -> bytes:
        """Everything `from_state` needs to go on as if nothing had happened: rows afterwards are equal to the bit.

        The bytes hold the settings and the bars pushed since the start of the segment (65 bytes a bar, after a
        pause longer than `segment_gap` or a split they start anew), because recursive columns remember all of them.
        Storing is a copy; restoring replays these bars, which costs what pushing them as a batch costs: some
        microseconds a bar for the default columns. A stream keeps those bars in memory for this purpose.
        """
        times, kinds, values, finders = self._native.kept_bars()
        spec = {name: getattr(self.spec, name) for name in _SPEC_FIELDS}
        header = {
            "kind": _KIND,
            "version": _VERSION,
            "spec": {name: list(value) if isinstance(value, tuple) else value for name, value in spec.items()},
            "names": self.names,
            **self._options,
        }
        row = self._native.last_row if self._has_row else np.empty(0)
        return pack(header, {"times": times, "kinds": kinds, "values": values, "finders": finders, "row": row})

    @classmethod
    def from_state(cls, state: bytes) -> Self:
        """The stream that `state()` stored.

        Parameters
        ----------
        state : bytes
            Result of `state()`.

        Raises
        ------
        ArtifactError
            If the bytes are damaged, are not those of a stream, or this version of smctrain would go on with other
            values than the one that stored them.
        """
        if not isinstance(state, bytes | bytearray | memoryview):
            raise InputError(f"state must be bytes, but is {type(state).__name__}.")
        stored = unpack(bytes(state), "the state of a feature stream")
        header, arrays = stored.header, stored.arrays
        if header.get("kind") != _KIND:
            raise _refused("it does not hold a feature stream")
        if header.get("version") != _VERSION:
            raise _refused(f"it has version {header.get('version')!r}, this smctrain reads {_VERSION}")
        try:
            spec: Mapping[str, Any] = {
                name: tuple(value) if isinstance(value, list) else value for name, value in header["spec"].items()
            }
            stream = cls(
                FeatureSpec(**spec),
                digits=header["digits"],
                higher_bars=header["higher_bars"],
                segment_gap=header["segment_gap"],
                calendar=SessionCalendar(*header["calendar"]),
                quarantine=header["quarantine"],
            )
            if stream.names != header["names"]:
                raise _refused("this smctrain builds other columns for its spec")
            stream._native.replay(arrays["times"], arrays["kinds"], arrays["values"], arrays["finders"])
            row, last = stream._native.last_row, arrays["row"]
        except (ArtifactError, MemoryError):
            raise
        except (SmctrainError, TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
            raise _refused(f"its contents do not fit together ({error})") from error
        if len(last) == 0:
            if np.any(arrays["kinds"] & 0x7F == 0):
                raise _refused("its last row is missing")
        elif last.shape != row.shape or not np.array_equal(last, row, equal_nan=True):
            raise _refused("this smctrain computes other values for its last row than the one that stored it")
        else:
            stream._has_row = True
        return stream


def _refused(reason: str) -> ArtifactError:
    return ArtifactError(f"the state of a feature stream cannot be loaded: {reason}.")


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
