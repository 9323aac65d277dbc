"""Sources of bars, taken apart into pieces that load on their own: one bad file never stops the others."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np

from smctrain._load import core
from smctrain.bars.raw import RawBars, cell_faults, display
from smctrain.bars.timeframes import find_timeframe
from smctrain.exceptions import BarError, InputError

_SUFFIXES = (".csv.gz", ".csv", ".parquet")
_MAX_BYTES = 4 << 30


@dataclass(frozen=True)
class Piece:
    """One file or frame.

    `symbol` and `timeframe` are None where only its content tells; `blame` is the symbol that fails when it
    cannot be loaded.
    """

    file: str
    symbol: str | None
    timeframe: str | None
    load: Callable[[], list[RawBars | BarError]]
    blame: str


def find_pieces(source: Any, symbols: tuple[str, ...] | None) -> tuple[str, list[Piece]]:
    """Name of the source for messages, and its pieces."""
    if isinstance(source, str | Path):
        path = Path(source)
        if path.is_dir():
            return display(path), _folder(path)
        if path.is_file():
            return display(path.name), [_file(path, path.name, None, None, own_columns=True)]
        raise InputError(f"{display(path)} does not exist: expected a folder of bar files, or one CSV or parquet file.")
    if isinstance(source, Mapping):
        if not source:
            raise InputError("source is an empty dict: expected {symbol: frame}.")
        for name in source:
            if not isinstance(name, str) or not name:
                raise InputError(f"source must be {{symbol: frame}} with text keys, but one key is {name!r}.")
        return "source", [_frame(frame, f"frame of {display(name)}", name) for name, frame in source.items()]
    from smctrain.bars.frames import is_frame

    if is_frame(source):
        return "frame", [_frame(source, "frame", symbols[0] if symbols and len(symbols) == 1 else None)]
    raise InputError(
        "source must be a folder, a CSV or parquet file, a pandas, polars or pyarrow frame, or "
        f"{{symbol: frame}}, but is {type(source).__name__}."
    )


def _frame(frame: Any, file: str, symbol: str | None) -> Piece:
    def load() -> list[RawBars | BarError]:
        from smctrain.bars.frames import is_frame, split_frame

        if not is_frame(frame):
            raise InputError(f"{file} must be a pandas, polars or pyarrow frame, but is {type(frame).__name__}.")
        # A single requested symbol names a frame that has no column of its own.
        return split_frame(frame, file, symbol, None, columns_win=file == "frame")

    return Piece(file, None if file == "frame" else symbol, None, load, symbol or file)


def _folder(path: Path) -> list[Piece]:
    intervals = sorted(child for child in path.iterdir() if child.is_dir() and child.name.startswith("interval="))
    if intervals:
        return [piece for folder in intervals for piece in _interval(path, folder)]
    files = sorted(child for child in path.iterdir() if child.is_file() and child.name.lower().endswith(_SUFFIXES))
    files = [file for file in files if not file.name.startswith(".")]
    if not files:
        folders = sorted(display(child.name) for child in path.iterdir() if child.is_dir())[:12]
        hint = f" It has the folders {', '.join(folders)}: name one of them." if folders else ""
        raise InputError(
            f"{display(path)} holds no bar files: expected SYMBOL_TF.csv, SYMBOL_TF.csv.gz or SYMBOL_TF.parquet.{hint}"
        )
    pieces = []
    for file in files:
        symbol, timeframe = split_file_name(file.name)
        pieces.append(_file(file, file.name, symbol, timeframe, own_columns=False))
    return pieces


def _interval(root: Path, folder: Path) -> list[Piece]:
    """interval=5m/symbol=AAPL/*.parquet, interval=5m/AAPL.parquet. Names stay text: 0700, TRUE, NA, 1E5."""
    text = unquote(folder.name.removeprefix("interval="))
    timeframe = find_timeframe(text)
    if timeframe is None:
        raise InputError(f"{display(folder)}: expected an interval such as 5m, 1h or 1d, but found {display(text)!r}.")
    pieces = []
    for child in sorted(folder.iterdir()):
        if child.name.startswith((".", "_")):
            continue
        if child.is_dir() and child.name.startswith("symbol="):
            files = sorted(file for file in child.iterdir() if file.name.endswith(".parquet") and file.is_file())
            symbol = unquote(child.name.removeprefix("symbol="))
            pieces.append(_parts(root, child, files, symbol, timeframe))
        elif child.is_file() and child.name.endswith(".parquet"):
            symbol = unquote(child.name.removesuffix(".parquet").removeprefix("symbol=")).removesuffix("_mtf")
            pieces.append(_parts(root, child, [child], symbol, timeframe))
    return pieces


def _parts(root: Path, place: Path, files: list[Path], symbol: str, timeframe: str) -> Piece:
    """One symbol in one or several parquet files, which follow one another in the order of their names."""
    name = display(place.relative_to(root))

    def load() -> list[RawBars | BarError]:
        from smctrain.bars.frames import read_parquet, split_frame

        if not files:
            raise BarError(f"{name} holds no parquet file. Export it again.")
        found = []
        for file in files:
            shown = display(file.relative_to(root), 120)
            found += split_frame(read_parquet(file, shown), shown, symbol, timeframe)
        raws = [raw for raw in found if isinstance(raw, RawBars)]
        if len(raws) != len(found) or len(raws) == 1:
            return list(found)
        return [_joined(raws, name)]

    return Piece(name, symbol, timeframe, load, symbol)


def _joined(raws: list[RawBars], name: str) -> RawBars:
    def together(field: str) -> Any:
        columns = [getattr(raw, field) for raw in raws]
        return None if any(column is None for column in columns) else np.concatenate(columns)

    if len({raw.naive for raw in raws}) > 1:
        raise BarError(f"{name}: some files have times with a zone, some without. Write them alike.")
    fields = ("time", "open", "high", "low", "close", "volume", "spread", "row")
    return replace(raws[0], file=name, **{field: together(field) for field in fields})


def split_file_name(name: str) -> tuple[str, str | None]:
    """`EURUSD_M15.csv.gz` -> (EURUSD, M15); `AAPL.csv` -> (AAPL, None). A trailing _from_to is dropped."""
    stem = name
    for suffix in _SUFFIXES:
        if stem.lower().endswith(suffix):
            stem = stem[: -len(suffix)]
            break
    stem = re.sub(r"_\d{8,12}_\d{8,12}$", "", stem)
    head, _, tail = stem.rpartition("_")
    timeframe = find_timeframe(tail) if head else None
    return (head, timeframe) if timeframe else (stem, None)


def _file(path: Path, file: str, symbol: str | None, timeframe: str | None, own_columns: bool) -> Piece:
    """A CSV or parquet file; with `own_columns` its columns symbol and timeframe come before its name."""
    shown = display(file)

    def load() -> list[RawBars | BarError]:
        if path.name.lower().endswith(".parquet"):
            from smctrain.bars.frames import read_parquet, split_frame

            own, tf = split_file_name(path.name) if own_columns else (symbol, timeframe)
            return split_frame(read_parquet(path, shown), shown, own, tf, columns_win=own_columns)
        return _load_csv(path, shown, symbol, timeframe, own_columns)

    return Piece(shown, symbol, timeframe, load, symbol or split_file_name(path.name)[0])


def _load_csv(
    path: Path, file: str, symbol: str | None, timeframe: str | None, own_columns: bool
) -> list[RawBars | BarError]:
    parsed = core().parse_bar_csv(_text(path.read_bytes(), file), file)
    if parsed["n_faults"]:
        raise cell_faults(file, parsed["faults"], parsed["n_faults"])
    if len(parsed["time"]) == 0:
        raise BarError(f"{file} has a header but no bars. Export the file again.")
    name, tf = split_file_name(path.name) if own_columns else (symbol or "", timeframe)
    raw = RawBars(
        file, name, tf, parsed["time"], parsed["open"], parsed["high"], parsed["low"], parsed["close"],
        parsed["volume"], parsed["spread"], parsed["row"], parsed["n_naive"] > 0,
    )  # fmt: skip
    if not own_columns:
        return [raw]
    parts = [raw]
    for field in ("symbol", "timeframe"):
        if parsed[field] is not None:
            parts = _by_column(parts, parsed[field], parsed[field + "s"], field)
    return list(parts)


def _by_column(parts: list[RawBars], ids: Any, names: list[str], field: str) -> list[RawBars]:
    """Each part split by a text column, whose `ids` belong to the rows of the whole file."""
    result = []
    for part in parts:
        own = ids[np.searchsorted(_rows_of_file(parts), part.row)] if len(parts) > 1 else ids
        for number in np.unique(own):
            piece = part.take(own == number)
            name = names[int(number)]
            if field == "symbol":
                piece.symbol = name
            else:
                piece.timeframe = find_timeframe(name)
                if piece.timeframe is None:
                    raise BarError(
                        f"{piece.file}, row {piece.row[0]}, column timeframe: expected a name such as M15 or "
                        f"1h, but found {display(name, 40)!r}. Correct the cells."
                    )
            result.append(piece)
    return result


def _rows_of_file(parts: list[RawBars]) -> Any:
    return np.sort(np.concatenate([part.row for part in parts]))


def _text(data: bytes, file: str) -> bytes:
    """The bytes of a CSV file: decompressed where gzip, UTF-16 (some terminals) turned into UTF-8."""
    if not data:
        raise BarError(f"{file} is empty (0 bytes). Export or fetch the file again.")
    if data[:2] == b"\x1f\x8b":
        data = _gunzip(data, file)
    elif file.lower().endswith(".gz"):
        raise BarError(f"{file} is not gzip data although its name ends in .gz. Rename or fetch it again.")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            data = data.decode("utf-16").encode()
        except UnicodeDecodeError:
            raise BarError(f"{file} is damaged UTF-16 text. Export the file again as UTF-8.") from None
    return data


def _gunzip(data: bytes, file: str, limit: int = _MAX_BYTES) -> bytes:
    """All members of a gzip file, at most `limit` bytes: a small hostile file cannot fill the memory."""
    parts = []
    while data:
        stream = zlib.decompressobj(wbits=31)
        try:
            parts.append(stream.decompress(data, limit))
        except zlib.error as error:
            raise BarError(f"{file} is damaged gzip data ({error}). Fetch or copy it again.") from None
        limit -= len(parts[-1])
        if stream.unconsumed_tail or limit <= 0:
            raise BarError(f"{file} holds more than {_MAX_BYTES >> 30} GiB of text. Split it into several files.")
        if not stream.eof:
            raise BarError(
                f"{file} ends in the middle of its gzip data: the file is truncated. Fetch or copy it again."
            )
        data = stream.unused_data.lstrip(b"\0")
    return b"".join(parts)
