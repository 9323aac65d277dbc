"""One way to write a file: a crash, a full disk or a kill leaves the old file or the new one, never neither.

temp file in the same folder -> write all -> fsync -> read back and compare the size -> rename -> fsync of the folder.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import threading
import time
from pathlib import Path

_TEMP_NAME = re.compile(r"^\..+\.[0-9a-f]{16}\.smctmp$", re.DOTALL)
_UMASK_LOCK = threading.Lock()


def write_atomic(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` to `path` so that a reader sees the whole old file or the whole new one.

    Raises
    ------
    OSError
        With the path and the system's reason. The old file is still in place (the new one, if only the last step, the
        folder's own sync, failed), and the temporary one is gone.
    """
    path = Path(path)
    # 40 characters are at most 160 bytes: the temporary name fits wherever the final one does.
    temp = path.parent / f".{path.name[:40]}.{os.urandom(8).hex()}.smctmp"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            view = memoryview(data)
            while view:
                taken = os.write(handle, view)
                if taken <= 0:
                    raise OSError(errno.EIO, "the file system takes no more bytes")
                view = view[taken:]
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
        _remove(temp)
        raise OSError(error.errno or 0, f"could not write {path}: {error.strerror or error}") from error
    except BaseException:
        _remove(temp)
        raise


def sweep_stale(folder: str | Path, older_than_s: float = 3600.0) -> int:
    """Remove temporary files an earlier, killed run left in `folder` and below. Returns how many."""
    removed = 0
    for path in Path(folder).rglob(".*.smctmp"):
        if not _TEMP_NAME.match(path.name):
            continue
        with contextlib.suppress(OSError):  # gone already, or not ours to remove
            status = path.lstat()
            if stat.S_ISREG(status.st_mode) and time.time() - status.st_mtime > older_than_s:
                path.unlink()
                removed += 1
    return removed


def _remove(temp: Path) -> None:
    """Clean up without hiding the error that made it necessary."""
    with contextlib.suppress(OSError):
        temp.unlink(missing_ok=True)


def _umask() -> int:
    # Reading the mask through os.umask sets it for a moment, for all threads; Linux shows it without that.
    with contextlib.suppress(OSError):
        match = re.search(r"^Umask:\s*([0-7]+)", Path("/proc/self/status").read_text(), re.MULTILINE)
        if match:
            return int(match[1], 8)
    with _UMASK_LOCK:
        mask = os.umask(0o077)
        os.umask(mask)
        return mask


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:  # file systems that cannot sync folders
            raise
    finally:
        os.close(handle)
