"""A worker process: takes tasks from its parent, one at a time, until the pipe closes.

Started as a fresh interpreter (never forked: OpenMP and torch do not survive a fork), and independent of the user's
`__main__`, so that scripts and notebooks need no guard. It ignores Ctrl-C (the parent decides), and dies with its
parent: a second pipe reaches its end when the parent is gone, whatever native code is doing.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from multiprocessing.connection import Connection

import numpy as np

from smctrain.execution.messages import Broken, Done, Event, Task


def main() -> None:
    pipe, lifeline, stop_path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for handle in (pipe, lifeline):
        os.set_inheritable(handle, False)  # programs that a task starts must not keep them open
    threading.Thread(target=_die_with_parent, args=(lifeline,), daemon=True).start()
    stop = np.memmap(stop_path, dtype=np.uint8, mode="r+", shape=(1,))
    connection = Connection(pipe)
    while True:
        try:
            task: Task = connection.recv()
        except (EOFError, OSError):
            return
        outcome = _run(task, connection, stop)
        try:
            connection.send(outcome)
        except OSError:
            return  # the parent is gone
        except Exception as error:  # a value that cannot travel; nothing of it was written
            connection.send(_broken(error, task.key))


def _run(task: Task, connection: Connection, stop: np.ndarray) -> Done | Broken:
    module, _, name = task.function.partition(":")
    try:
        function = getattr(importlib.import_module(module), name)

        def report(stage: str, done: int = 0, total: int = 0, detail: str = "") -> None:
            connection.send(Event(task.key, stage, done, total, detail))

        return Done(task.key, function(**task.payload, stop=stop, report=report))
    except Exception as error:  # a failure is a value: the run goes on with the other symbols
        return _broken(error, task.key)


def _broken(error: Exception, key: str) -> Broken:
    from smctrain.results import FailureRecord

    return Broken(key, FailureRecord.of(error, key, getattr(error, "stage", "worker")).to_dict())


def _die_with_parent(lifeline: int) -> None:
    os.read(lifeline, 1)
    os._exit(1)


if __name__ == "__main__":
    main()
