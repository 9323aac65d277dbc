"""The model container (`.smc`): one file, data only, checked before anything is allocated or believed.

Layout, little-endian (format 1.0):

| offset | size | field |
|---|---|---|
| 0 | 8 | magic |
| 8 | 2 + 2 | format major, minor |
| 12 | 4 | header length, at most 1 MiB |
| 16 | 8 | total length; equals the file length |
| 24 | 4 + 4 | CRC32C of the padded header; CRC32C of everything after it |
| 32 | 4 | CRC32C of bytes 0..31 |
| 36 | 28 | zero |
| 64 | | header: strict UTF-8 JSON, zero-padded to a multiple of 64 |
| .. | | arrays, each aligned to 64, ascending, zero padding between, no overlap |

A checksum proves integrity, not origin. Meaning (tree structure, layer shapes, finite weights) is checked by each
family's `from_state`.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain import _load
from smctrain.artifact.atomic import write_atomic
from smctrain.exceptions import ArtifactError

MAGIC = b"\x89SMC\r\n\x1a\n"
FORMAT = (1, 0)
_PREFIX = struct.Struct("<8sHHIQII")
_MAX_HEADER = 1 << 20
_MAX_ARRAYS = 100_000
_MAX_DEPTH = 64
# A complete string, or an unfinished one to the end of the text (so that each quote is looked at once).
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*(?:"|\\?\Z)', re.DOTALL)
_DTYPES = ("<f4", "<f8", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8")


@dataclass(frozen=True)
class Container:
    """A parsed container: the header without its bookkeeping, and the arrays by name (read-only)."""

    header: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


def pack(header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> bytes:
    """Container bytes of a header (JSON-able) and named arrays."""
    from smctrain.artifact.json import dumps_strict

    blocks: list[bytes] = []
    table: dict[str, dict[str, Any]] = {}
    offset = 0
    for name in sorted(arrays):
        array = np.asarray(arrays[name], order="C")
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        if array.dtype.str not in _DTYPES:
            raise ArtifactError(f"array {name!r} has dtype {array.dtype}, which the container does not hold.")
        data = array.tobytes()
        table[name] = {
            "dtype": array.dtype.str,
            "shape": list(array.shape),
            "offset": offset,
            "bytes": len(data),
        }
        padding = -len(data) % 64
        blocks.append(data + b"\0" * padding)
        offset += len(data) + padding
    text = dumps_strict({**header, "arrays": table}, indent=None).encode("utf-8")
    text += b"\0" * (-len(text) % 64)
    if len(text) > _MAX_HEADER:
        raise ArtifactError(f"the header has {len(text)} bytes; at most {_MAX_HEADER} are allowed.")
    body = b"".join(blocks)
    crc = _load.core().crc32c
    prefix = _PREFIX.pack(MAGIC, *FORMAT, len(text), 64 + len(text) + len(body), crc(text), crc(body))
    return prefix + struct.pack("<I", crc(prefix)) + b"\0" * 28 + text + body


def unpack(data: bytes, origin: str = "model file") -> Container:
    """Inverse of `pack`; every length and checksum is checked first.

    Raises
    ------
    ArtifactError
        One sentence that names `origin` and what is wrong.
    """

    def refuse(reason: str) -> ArtifactError:
        return ArtifactError(f"{origin} cannot be loaded: {reason}.")

    if len(data) < 64 or data[:8] != MAGIC:
        raise refuse("it is not a smctrain model container")
    _, major, minor, header_size, total, header_crc, body_crc = _PREFIX.unpack_from(data)
    crc = _load.core().crc32c
    if struct.unpack_from("<I", data, 32)[0] != crc(data[:32]) or any(data[36:64]):
        raise refuse("its first bytes are damaged")
    if major != FORMAT[0]:
        advice = "; upgrade smctrain" if major > FORMAT[0] else ""
        raise refuse(f"it has format {major}.{minor}, this smctrain reads format {FORMAT[0]}.x{advice}")
    if total != len(data):
        raise refuse(f"it should have {total} bytes, but has {len(data)}")
    if header_size > _MAX_HEADER or header_size % 64 or 64 + header_size > len(data):
        raise refuse("its header length is impossible")
    text = data[64 : 64 + header_size]
    body = memoryview(data)[64 + header_size :]
    if crc(text) != header_crc or crc(body) != body_crc:
        raise refuse("a checksum does not match; the file is damaged")
    header = _parse_header(text, refuse)
    return Container(header, _views(header.pop("arrays", None), body, refuse))


def _parse_header(text: bytes, refuse: Any) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) != len(pairs):
            raise refuse("its header repeats a key")
        return result

    def constant(name: str) -> Any:
        raise refuse(f"its header holds the literal {name}")

    def finite(digits: str) -> float:
        value = float(digits)
        return value if math.isfinite(value) else constant(digits)

    stripped = text.rstrip(b"\0")
    depth = deepest = 0
    # Brackets inside names do not nest.
    for byte in _STRING.sub(b"", stripped).translate(None, bytes(set(range(256)) - set(b"[]{}"))):
        depth += 1 if byte in b"[{" else -1
        deepest = max(deepest, depth)
    if deepest > _MAX_DEPTH:
        raise refuse("its header is nested too deeply")
    try:
        header = json.loads(
            stripped.decode("utf-8"), object_pairs_hook=unique, parse_constant=constant, parse_float=finite
        )
    except ArtifactError:
        raise
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, or an integer of thousands of digits
        raise refuse("its header is not valid JSON") from error
    if not isinstance(header, dict):
        raise refuse("its header is not a JSON object")
    if header.get("requires"):
        raise refuse(f"it needs features this smctrain does not know: {header['requires']}")
    return header


def _views(table: Any, body: memoryview, refuse: Any) -> dict[str, NDArray[Any]]:
    if not isinstance(table, dict) or len(table) > _MAX_ARRAYS:
        raise refuse("its array table is missing or too long")
    arrays: dict[str, NDArray[Any]] = {}
    end = 0
    for name, entry in sorted(table.items(), key=lambda item: _offset(item[1])):
        ok = (
            isinstance(entry, dict)
            and entry.get("dtype") in _DTYPES
            and isinstance(entry.get("shape"), list)
            and len(entry["shape"]) <= 8
            and all(type(n) is int and 0 <= n < 1 << 48 for n in entry["shape"])
            and type(entry.get("offset")) is int
            and type(entry.get("bytes")) is int
        )
        if not ok:
            raise refuse(f"the entry of array {name!r} is malformed")
        dtype = np.dtype(entry["dtype"])
        size = math.prod(entry["shape"]) * dtype.itemsize
        start = entry["offset"]
        if size != entry["bytes"] or start != end or start + size > len(body):
            raise refuse(f"array {name!r} does not lie where its entry says")
        end = start + size + (-size % 64)
        if any(body[start + size : min(end, len(body))]):
            raise refuse(f"the padding after array {name!r} is not empty")
        flat = np.frombuffer(body, dtype=dtype, count=size // dtype.itemsize, offset=start)
        try:
            arrays[name] = flat.reshape(entry["shape"])
        except ValueError as error:  # an empty array whose other dimensions are too large for any memory
            raise refuse(f"the shape of array {name!r} is impossible") from error
    if end != len(body):
        raise refuse("bytes lie behind the last array")
    return arrays


def _offset(entry: Any) -> int:
    offset = entry.get("offset") if isinstance(entry, dict) else None
    return offset if type(offset) is int else -1


def read_container(path: str | os.PathLike[str]) -> Container:
    """Read and check a container file. Only regular files are opened."""
    path = Path(path)
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise ArtifactError(f"{path} cannot be opened: {getattr(error, 'strerror', None) or error}.") from error
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise ArtifactError(f"{path} is not a regular file.")
        prefix = file.read(64)
        # A sparse 100 GB file must not be read: its own length field has to agree first.
        known = len(prefix) == 64 and prefix[:8] == MAGIC
        if known and _PREFIX.unpack_from(prefix)[4] != status.st_size:
            raise ArtifactError(f"{path} cannot be loaded: its length does not match what it says.")
        return unpack(prefix + (file.read() if known else b""), str(path))


def model_to_bytes(family: str, meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> bytes:
    """Container bytes of one fitted model's state."""
    return pack({"kind": "model", "family": family, "model": meta}, arrays)


def model_from_bytes(data: bytes) -> tuple[str, dict[str, Any], dict[str, NDArray[Any]]]:
    """Family, metadata and arrays of `model_to_bytes`."""
    return _model_parts(unpack(data, "the model's bytes"), "the model's bytes")


def write_model(path: str | Path, family: str, meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
    """Write one fitted model's state, atomically."""
    write_atomic(path, model_to_bytes(family, meta, arrays))


def read_model(path: str | os.PathLike[str]) -> tuple[str, dict[str, Any], dict[str, NDArray[Any]]]:
    """Family, metadata and arrays of a model file."""
    return _model_parts(read_container(path), str(path))


def _model_parts(container: Container, origin: str) -> tuple[str, dict[str, Any], dict[str, NDArray[Any]]]:
    header = container.header
    if header.get("kind") != "model" or not isinstance(header.get("family"), str):
        raise ArtifactError(f"{origin} cannot be loaded: it holds no model.")
    if not isinstance(header.get("model"), dict):
        raise ArtifactError(f"{origin} cannot be loaded: its model entry is malformed.")
    return header["family"], header["model"], container.arrays
