"""Frames (pandas, polars, pyarrow) and parquet files to raw bars, through narwhals.

Columns: time (or timestamp, datetime, date; a pandas index of times does too), open, high, low, close,
optional volume or tick_volume, spread, symbol, timeframe. Times are datetimes of any unit, dates, texts or
integer epochs.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain._load import core
from smctrain.bars.raw import RawBars, cell_faults, display
from smctrain.bars.timeframes import parse_timeframe
from smctrain.exceptions import BarError, InputError

_TIME_NAMES = ("timestamp", "datetime", "open_time", "time", "date")
_VOLUME_NAMES = ("volume", "tick_volume", "tickvol", "vol", "real_volume")
_PRICES = ("open", "high", "low", "close")


def is_frame(source: object) -> bool:
    """True for a data frame that narwhals understands."""
    import narwhals as nw

    try:
        return isinstance(nw.from_native(source, pass_through=True), nw.DataFrame | nw.LazyFrame)
    except nw.exceptions.DuplicateError:
        return True  # a frame, whose double columns are named when it is read


def read_parquet(path: Path, file: str) -> Any:
    """A parquet file as a pyarrow table. Folder names never become columns (0700 would turn into 700)."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise InputError(f"{file} is a parquet file, which needs pyarrow. Install it: pip install pyarrow") from None
    try:
        return pq.ParquetFile(path).read()
    except (OSError, pa.ArrowException) as error:
        cause = display(str(error).splitlines()[0] if str(error) else type(error).__name__, 120)
        raise BarError(f"{file} is not a readable parquet file ({cause}). Fetch or write it again.") from None


def split_frame(
    source: Any, file: str, symbol: str | None, timeframe: str | None, columns_win: bool = False
) -> list[RawBars | BarError]:
    """Raw bars per symbol and timeframe of a frame; a part that cannot be used comes back as its error.

    `symbol` and `timeframe` stand for the columns of these names; with `columns_win` only where it has none.
    """
    import narwhals as nw

    frame = _with_plain_columns(nw, source, file)
    names = set(frame.columns)
    missing = [name for name in _PRICES if name not in names]
    if not any(name in names for name in _TIME_NAMES):
        missing.insert(0, "time")
    if missing:
        raise BarError(
            f"{file} needs the columns time, open, high, low, close, but has no {', '.join(missing)} "
            f"(found: {display(', '.join(map(str, frame.columns)), 200)}). Rename the columns."
        )
    if columns_win:
        symbol = None if "symbol" in names else symbol
        timeframe = None if "timeframe" in names else timeframe
    row_name = "smctrain_row"
    frame = frame.with_row_index(row_name)
    parts: list[tuple[str, str | None, Any]] = []
    for own_symbol, part in _parts(nw, frame, "symbol", symbol, file):
        if own_symbol is None:
            raise InputError(
                f"{file} has no column symbol. Add one, pass {{symbol: frame}}, or name it: symbols='EURUSD'."
            )
        parts.extend((own_symbol, tf, piece) for tf, piece in _parts(nw, part, "timeframe", timeframe, file))
    result: list[RawBars | BarError] = []
    for own_symbol, own_timeframe, part in parts:
        try:
            tf = None if own_timeframe is None else parse_timeframe(own_timeframe)
            result.append(_raw(nw, part, file, own_symbol, tf, row_name))
        except InputError as error:
            bad = BarError(str(error) if isinstance(error, BarError) else f"{file}: {error}")
            bad.symbol = own_symbol  # type: ignore[attr-defined]
            result.append(bad)
    return result


def _column_names(source: Any) -> list[str]:
    """Column names in lower case, of any eager frame (pyarrow calls the arrays `columns`)."""
    names = getattr(source, "column_names", None)
    return [str(name).strip().lower() for name in (source.columns if names is None else names)]


def _with_plain_columns(nw: Any, source: Any, file: str) -> Any:
    """The frame with lower-case column names, an index of times (pandas) turned into a column."""
    try:
        if isinstance(nw.from_native(source, pass_through=True), nw.LazyFrame):
            raise InputError(f"{file} is a lazy frame. Collect it first: read_bars(frame.collect()).")
    except nw.exceptions.DuplicateError:
        pass  # named below
    lower = _column_names(source)
    double = sorted({name for name in lower if lower.count(name) > 1})
    if double:
        raise BarError(f"{file} has two columns called {display(', '.join(double))}. Rename or remove one.")
    frame = nw.from_native(source)
    index = nw.maybe_get_index(frame)
    if not set(lower) & set(_TIME_NAMES):
        stored = "__index_level_0__"  # an index without a name, as pandas writes it into parquet files
        if index is not None and str(getattr(index, "dtype", "")).startswith("datetime64"):
            frame = nw.from_native(source.rename_axis("time").reset_index())
        elif stored in lower and frame[stored].dtype.is_temporal():
            frame = frame.rename({stored: "time"})
    plain = {name: str(name).strip().lower() for name in frame.columns}
    return frame.rename({name: new for name, new in plain.items() if name != new})


def _parts(nw: Any, frame: Any, column: str, given: str | None, file: str) -> list[tuple[str | None, Any]]:
    """The frame by the values of a text column, each part in the order of the frame."""
    if given is not None or column not in frame.columns:
        return [(given, frame)]
    values = frame[column]
    if not isinstance(values.dtype, nw.String | nw.Categorical | nw.Enum | nw.Object):
        raise BarError(
            f"{file}: column {column} must be text, but is {values.dtype} (0700 would read as 700). Convert it first."
        )
    if values.is_null().any():
        raise BarError(f"{file}: column {column} has empty cells. Fill or remove these rows.")
    found = values.unique().to_list()
    if not all(isinstance(value, str) and value for value in found):
        raise BarError(f"{file}: column {column} holds something that is no text. Convert it first.")
    found.sort()
    return [(value, frame.filter(nw.col(column) == value)) for value in found]


def _raw(nw: Any, frame: Any, file: str, symbol: str, timeframe: str | None, row_name: str) -> RawBars:
    columns = frame.columns
    rows = np.asarray(frame[row_name].to_numpy()).astype(np.int64) + 1
    if not len(rows):
        raise BarError(f"{file} has no rows.")
    time_name = next(name for name in _TIME_NAMES if name in columns)
    time, naive = _times(nw, frame[time_name], time_name, file, rows)
    volume = next((name for name in _VOLUME_NAMES if name in columns), None)

    def number(name: str) -> NDArray[np.float64]:
        return _numbers(nw, frame[name], name, file, rows)

    return RawBars(
        file, symbol, timeframe, time, number("open"), number("high"), number("low"), number("close"),
        None if volume is None else number(volume), number("spread") if "spread" in columns else None,
        rows, naive,
    )  # fmt: skip


def _numbers(nw: Any, series: Any, name: str, file: str, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    if not series.dtype.is_numeric():
        cells = series.to_list()
        first = next((i for i, cell in enumerate(cells) if not _is_number(cell)), None)
        if first is not None:
            raise BarError(
                f"{file}, row {rows[first]}, column {display(name)}: expected a number, but found "
                f"{display(repr(series[first]), 40)} (the column is {series.dtype}). "
                "Convert the column to numbers."
            )
        # Objects that are plain numbers (or empty) are converted once.
        return np.array([np.nan if cell is None else float(cell) for cell in cells], dtype=np.float64)
    # Nulls become NaN; a copy, so that the source is never written to.
    return np.array(series.cast(nw.Float64).to_numpy(), dtype=np.float64)


def _is_number(cell: object) -> bool:
    return cell is None or (isinstance(cell, int | float | Decimal) and not isinstance(cell, bool))


def _times(nw: Any, series: Any, name: str, file: str, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], bool]:
    """Nanoseconds, and whether they are wall-clock times."""
    empty = series.is_null()
    if empty.any():
        row = rows[int(np.argmax(empty.to_numpy()))]
        raise BarError(f"{file}, row {row}, column {display(name)}: the time is empty. Fill or remove the row.")
    dtype = series.dtype
    if isinstance(dtype, nw.Date):
        series = series.cast(nw.Datetime("ms"))
        dtype = series.dtype
    if isinstance(dtype, nw.Datetime):
        # Units differ (pandas 3 makes microseconds): always through an explicit unit.
        naive = dtype.time_zone is None
        if not naive:
            series = series.dt.convert_time_zone("UTC")
        unit_ns = 1 if dtype.time_unit == "ns" else 1000
        values = np.array(series.dt.timestamp("ns" if unit_ns == 1 else "us").to_numpy(), dtype=np.int64)
        return _in_range(values, unit_ns, name, file, rows), naive
    if dtype.is_integer():
        values = np.array(series.to_numpy(), dtype=np.int64)
        largest = int(np.abs(values).max(initial=0))
        limits = ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3))  # seconds, milli- and microseconds
        unit_ns = next((unit for limit, unit in limits if largest < limit), 1)
        return _in_range(values, unit_ns, name, file, rows), False
    if isinstance(dtype, nw.String | nw.Object):
        cells = series.to_list()
        if all(isinstance(cell, str) for cell in cells):
            parsed = core().parse_times(
                "\n".join(cell.replace("\n", " ") for cell in cells).encode("utf-8", "replace") + b"\n"
            )
            if parsed["n_faults"]:
                faults = [(int(rows[f[0] - 1]), name, f[2], f[3]) for f in parsed["faults"]]
                raise cell_faults(file, faults, parsed["n_faults"])
            return parsed["time"], parsed["n_naive"] > 0
        if all(isinstance(cell, date) and getattr(cell, "tzinfo", None) is None for cell in cells):
            values = np.array(cells, dtype="datetime64[us]").astype(np.int64)
            return _in_range(values, 1000, name, file, rows), True
    raise BarError(
        f"{file}: column {display(name)} must hold times (datetimes, texts such as 2024-03-01 09:30, or "
        f"integer epochs), but is {dtype}. Convert it first."
    )


def _in_range(
    values: NDArray[np.int64], unit_ns: int, name: str, file: str, rows: NDArray[np.int64]
) -> NDArray[np.int64]:
    """`values` in nanoseconds; years that do not fit are an error, never a wrapped number."""
    limit = 8 * 10**18 // unit_ns
    outside = (values > limit) | (values < -limit)
    if outside.any():
        row = rows[int(np.argmax(outside))]
        raise BarError(f"{file}, row {row}, column {display(name)}: the time lies outside 1717 to 2222. Correct it.")
    return values * unit_ns
