"""One way to write a file: a crash, a full disk or a kill leaves the old file or the new one, never neither.

temp file in the same folder -> write all -> fsync -> read back and compare the size -> rename -> fsync of the folder.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from pathlib import Path

_TEMP_NAME = re.compile(r"^\..+\.[0-9a-f]{16}\.smctmp$")


def write_atomic(path: str | Path, data: bytes) -> None:
    """Write `data` to `path` so that a reader sees the whole old file or the whole new one.

    Raises
    ------
    OSError
        With the path and the system's reason; the old file is still in place and the temporary one is gone.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temp = path.parent / f".{path.name[:100]}.{secrets.token_hex(8)}.smctmp"
    try:
        handle = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(handle, view) :]
            os.fchmod(handle, 0o666 & ~_umask())
            os.fsync(handle)
        finally:
            os.close(handle)
        written = temp.stat().st_size
        if written != len(data):
            raise OSError(f"only {written} of {len(data)} bytes arrived")
        os.replace(temp, path)
        _sync_folder(path.parent)
    except OSError as error:
        temp.unlink(missing_ok=True)
        raise OSError(error.errno or 0, f"could not write {path}: {error.strerror or error}") from error
    except BaseException:
        temp.unlink(missing_ok=True)
        raise


def sweep_stale(folder: str | Path, older_than_s: float = 3600.0) -> int:
    """Remove temporary files an earlier, killed run left in `folder` and below. Returns how many."""
    removed = 0
    for path in Path(folder).rglob(".*.smctmp"):
        if _TEMP_NAME.match(path.name) and time.time() - path.stat().st_mtime > older_than_s:
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def _umask() -> int:
    # The only portable way to read the mask is to set it; both calls happen under the GIL.
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
