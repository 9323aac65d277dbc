"""Does a fit have the memory it is going to need? Asked before it starts.

    estimate    bytes on top of what the process holds already: training matrix, histograms, scores, model
    available   the least of: what the system says is available, what the control group leaves, what RLIMIT_AS leaves

A fit whose estimate exceeds what is available raises `NotEnoughMemory` with both numbers and what to change, instead
of being killed later. Estimates are of the right size, not exact; below 64 MiB nothing is asked. The environment
variable SMCTRAIN_MEMORY_CHECK=0 switches the check off. Where memory ends all the same, the native code raises
MemoryError.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from smctrain.exceptions import NotEnoughMemory
from smctrain.models.base import FitTask

_SMALL = 64 << 20
_PROC = Path("/proc")
_CGROUP = Path("/sys/fs/cgroup")


def check_memory(family: str, estimate: int, change: str) -> None:
    """Raise `NotEnoughMemory` if a fit that is going to need `estimate` bytes cannot have them.

    Parameters
    ----------
    family : str
        Named in the message.
    estimate : int
        Bytes.
    change : str
        What makes the fit smaller: "fewer rows or columns, a smaller max_bin".
    """
    if estimate < _SMALL or os.environ.get("SMCTRAIN_MEMORY_CHECK", "").strip().lower() in ("0", "off", "no", "false"):
        return
    available = available_bytes()
    if available is not None and estimate > available:
        raise NotEnoughMemory(
            f"{family} needs about {_text(estimate)} of memory for this fit, but {_text(available)} are available: use "
            f"{change}, or set SMCTRAIN_MEMORY_CHECK=0 to try all the same."
        )


def available_bytes() -> int | None:
    """Bytes that this process can still get, or None where nothing tells."""
    known = [value for value in (_system(), _control_group(), _address_space()) if value is not None]
    return max(0, min(known)) if known else None


def missing_values(task: FitTask) -> bool:
    """Whether the training rows look as if they hold missing values (a sample of 1,000 rows)."""
    rows = task.rows[:: max(1, len(task.rows) // 1000)]
    return bool(np.isnan(task.X[rows]).any()) if len(rows) else False


def _text(size: int) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text().strip())
    except (OSError, ValueError):  # also "max": no limit
        return None


def _field(path: Path, name: str) -> int | None:
    """The number behind a name, one line each: /proc files in kB, memory.stat in bytes."""
    try:
        for line in path.read_text().splitlines():
            words = line.replace(":", " ").split()
            if len(words) >= 2 and words[0] == name:
                return int(words[1]) * (1024 if words[-1] == "kB" else 1)
    except (OSError, ValueError):
        pass
    return None


def _system() -> int | None:
    return _field(_PROC / "meminfo", "MemAvailable")


def _control_group() -> int | None:
    """Limit minus use, the file cache that can be dropped not counted as use; the tightest group on the way up."""
    found = []
    try:
        lines = (_PROC / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        _, controllers, place = line.split(":", 2)
        if controllers == "":
            root, limit, use, cache = _CGROUP, "memory.max", "memory.current", "inactive_file"
        elif "memory" in controllers.split(","):
            root, limit, use, cache = (
                _CGROUP / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file",
            )  # fmt: skip
        else:
            continue
        parts = Path(place.lstrip("/"))
        # Inside a container the group may be mounted at the root whatever its name says.
        for folder in [root / parts, *(root / parent for parent in parts.parents), root]:
            most, used = _number(folder / limit), _number(folder / use)
            if most is not None and used is not None and most < 2**60:
                found.append(most - used + (_field(folder / "memory.stat", cache) or 0))
    return min(found) if found else None


def _address_space() -> int | None:
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    size = _field(_PROC / "self" / "status", "VmSize")
    return None if soft == resource.RLIM_INFINITY or size is None else soft - size
