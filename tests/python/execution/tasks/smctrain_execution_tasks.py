"""What the workers run in the tests: good tasks, failing ones, and some that take their process with them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

Report = Callable[..., None]


def square(n: int, stop: np.ndarray, report: Report) -> dict[str, Any]:
    report("work", 1, 2)
    values = np.random.default_rng(n).normal(size=50)
    report("work", 2, 2, f"n={n}")
    return {"square": n * n, "values": values, "total": float(values.sum())}


def pid(stop: np.ndarray, report: Report) -> int:
    return os.getpid()


def environment(names: list[str], stop: np.ndarray, report: Report) -> list[str | None]:
    return [os.environ.get(name) for name in names]


def fail(stop: np.ndarray, report: Report) -> None:
    error = ValueError("the bars of X are bad")
    error.stage = "labels"  # type: ignore[attr-defined]
    raise error


def leave(code: int, stop: np.ndarray, report: Report) -> None:
    os._exit(code)


def raise_system_exit(stop: np.ndarray, report: Report) -> None:
    sys.exit(7)


def kill_self(number: int, stop: np.ndarray, report: Report) -> None:
    os.kill(os.getpid(), number)
    time.sleep(60)


def leave_a_child_behind(stop: np.ndarray, report: Report) -> None:
    """Dies while a forked child of its own still holds the pipe."""
    if os.fork() == 0:
        time.sleep(20)
        os._exit(0)
    os.kill(os.getpid(), signal.SIGKILL)


def start_a_program(stop: np.ndarray, report: Report) -> int:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid


def not_sendable(stop: np.ndarray, report: Report) -> Any:
    return lambda: None


class Unreadable:
    """Travels well, and fails when it is rebuilt."""

    def __reduce__(self) -> Any:
        return (rebuild, (os.getpid(),))


def rebuild(origin: int) -> int:
    if os.getpid() != origin:
        raise RuntimeError("cannot be rebuilt here")
    return origin


def unreadable(stop: np.ndarray, report: Report) -> Any:
    return Unreadable()


def wait_for_stop(stop: np.ndarray, report: Report) -> int:
    report("waiting")
    while not stop[0]:
        time.sleep(0.005)
    return int(stop[0])


def never_end(stop: np.ndarray, report: Report) -> None:
    report("waiting")
    while True:
        time.sleep(1)


def big(n: int, data: np.ndarray, stop: np.ndarray, report: Report) -> np.ndarray:
    return data[:n] * 2.0
