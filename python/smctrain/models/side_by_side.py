"""Many small jobs over the cores: threads of this process that each run one job at a time.

Native fits release the GIL, so that threads are enough, and all of them read the same arrays. Every job gets one
thread of its own: n workers keep n cores busy and no more, and nobody waits at a barrier for a core that somebody
else has. Which worker runs what is left to chance; a job must depend on its own inputs only.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.exceptions import InputError

CANCELLED, TIMEOUT, INTERRUPTED = 1, 2, 3
_WORDS = {CANCELLED: "cancelled", TIMEOUT: "timeout", INTERRUPTED: "interrupted"}


def available_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def workers_of(n_jobs: Any) -> int:
    """Workers: None or -1 all cores of this process, -2 all but one."""
    if n_jobs is None:
        return available_cores()
    if not isinstance(n_jobs, (int, np.integer)) or isinstance(n_jobs, bool) or n_jobs == 0:
        raise InputError(f"n_jobs must be None or an integer other than 0, but is {n_jobs!r}.")
    return int(n_jobs) if n_jobs > 0 else max(1, available_cores() + 1 + int(n_jobs))


def seed_of(seed: Any) -> int:
    """A seed, checked."""
    is_whole = isinstance(seed, (int, np.integer)) and not isinstance(seed, bool)
    if not (is_whole and 0 <= int(seed) < 2**63):
        raise InputError(f"seed must be an integer from 0 to 2**63 - 1, but is {seed!r}.")
    return int(seed)


def stop_flag(stop: Any) -> NDArray[np.uint8]:
    """The caller's stop flag, or one of our own."""
    if stop is None:
        return np.zeros(1, dtype=np.uint8)
    right = isinstance(stop, np.ndarray) and stop.dtype == np.uint8 and stop.size == 1 and stop.flags.writeable
    if not right:
        raise InputError("stop must be a writable uint8 array of one element: set it to 1 to end the work.")
    flag: NDArray[np.uint8] = stop.reshape(1)
    return flag


class Limits:
    """When to end: a flag that others may set, and a deadline.

    Attributes
    ----------
    stop : uint8 (1,)
        0: go on. Native calls poll it at least every 20 ms of work.
    deadline : float
        Monotonic seconds; infinite for none.
    threads : int
        Threads of each job.
    """

    def __init__(self, stop: Any = None, time_limit: float | None = None) -> None:
        if time_limit is not None and not time_limit > 0:
            raise InputError(f"time_limit must be a positive number of seconds or None, but is {time_limit!r}.")
        self.stop = stop_flag(stop)
        self.threads = 1
        self.deadline = math.inf if time_limit is None else time.monotonic() + float(time_limit)

    def seconds_left(self) -> float:
        """For `FitTask.time_limit_s`: 0 without a deadline, and a moment when it has passed."""
        return 0.0 if math.isinf(self.deadline) else max(0.001, self.deadline - time.monotonic())

    @property
    def reason(self) -> str:
        """Empty, or "cancelled", "timeout", "interrupted"."""
        flag = int(self.stop[0])
        if flag:
            return _WORDS.get(flag, "cancelled")
        return "timeout" if time.monotonic() >= self.deadline else ""


Finished = Callable[[int, Any, BaseException | None], None]


def side_by_side(jobs: Sequence[Callable[[], Any]], workers: int, limits: Limits, finished: Finished) -> bool:
    """Start the jobs in their order, `workers` at a time; no job starts once the limits are reached.

    Parameters
    ----------
    jobs : sequence of callables
        Each returns a value or raises; the others go on. A job looks at the limits itself while it runs.
    workers : int
    limits : Limits
    finished : callable
        `finished(number, value, error)` in this thread for each job that came back. What it raises ends the work and
        is raised here, after the running jobs have come back.

    Returns
    -------
    bool
        Whether Ctrl-C arrived: the stop flag was set, running jobs came back early and others never started.
    """
    changed = threading.Condition()
    state = {"next": 0, "active": 0, "seen": 0}
    fresh: list[tuple[int, Any, BaseException | None]] = []

    def work() -> None:
        while True:
            with changed:
                index = state["next"]
                if index >= len(jobs) or limits.reason:
                    state["active"] -= 1
                    changed.notify()
                    return
                state["next"] = index + 1
            value, trouble = None, None
            try:
                value = jobs[index]()
            except BaseException as error:  # what a failed job means is the caller's decision
                trouble = error
            with changed:
                fresh.append((index, value, trouble))
                changed.notify()

    for _ in range(min(workers, len(jobs))):
        state["active"] += 1
        try:
            threading.Thread(target=work, daemon=True).start()
        except RuntimeError:  # no thread left on this machine: fewer do the work
            state["active"] -= 1
            if state["active"] == 0:
                raise MemoryError("no thread can be started.") from None
            break

    interrupted, raised = False, None
    while True:
        try:
            with changed:
                # The timeout lets Ctrl-C through where a lock cannot be interrupted.
                changed.wait_for(lambda: len(fresh) > state["seen"] or state["active"] == 0, timeout=0.2)
                ended = state["active"] == 0 and len(fresh) == state["seen"]
            while raised is None and state["seen"] < len(fresh):
                told, fresh[state["seen"]] = fresh[state["seen"]], (0, None, None)
                state["seen"] += 1
                finished(*told)
        except KeyboardInterrupt:
            interrupted = True
            limits.stop[0] = INTERRUPTED
            continue
        except BaseException as error:
            raised = error
            limits.stop[0] = CANCELLED
            continue
        if ended or (raised is not None and state["active"] == 0):
            break
    if raised is not None:
        raise raised
    return interrupted
