"""Runs tasks one after the other in this process, or side by side in worker processes.

Both give the same values in the same order: tasks carry all their inputs and seeds. A worker that dies (crash, out of
memory) costs its own task only: the task becomes a failure record and a fresh worker takes over.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path

import numpy as np

from smctrain.execution.messages import Broken, Done, Event, Task
from smctrain.results import FailureRecord

OnEvent = Callable[[Event], None]
Outcome = Done | Broken

# Libraries that pick a thread count when they load; each worker gets its share of the cores and no more.
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def available_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def run_serial(tasks: Sequence[Task], on_event: OnEvent) -> Iterator[Outcome]:
    """Run the tasks here, in order. Ctrl-C surfaces as KeyboardInterrupt from the running task."""
    stop = np.zeros(1, dtype=np.uint8)
    for task in tasks:
        module, _, name = task.function.partition(":")

        def report(stage: str, done: int = 0, total: int = 0, detail: str = "", key: str = task.key) -> None:
            on_event(Event(key, stage, done, total, detail))

        try:
            function = getattr(importlib.import_module(module), name)
            yield Done(task.key, function(**task.payload, stop=stop, report=report))
        except Exception as error:
            record = FailureRecord.of(error, task.key, getattr(error, "stage", "worker"))
            yield Broken(task.key, record.to_dict())


class _Worker:
    """One child process and the pipe to it."""

    def __init__(self, stop_path: Path, threads: int) -> None:
        here, there = _pipe_pair()
        lifeline_read, self._lifeline = os.pipe()
        environment = {k: v for k, v in os.environ.items() if k not in {"OMP_PROC_BIND", "GOMP_CPU_AFFINITY"}}
        environment |= dict.fromkeys(_THREAD_VARIABLES, str(threads))
        environment["OMP_WAIT_POLICY"] = "PASSIVE"
        # The child imports the same smctrain as we do, wherever that came from.
        environment["PYTHONPATH"] = os.pathsep.join(path or os.getcwd() for path in sys.path)
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-P",  # no other path than ours: a stray numpy.py in the current folder is not to be imported
                "-m",
                "smctrain.execution.worker",
                str(there),
                str(lifeline_read),
                str(stop_path),
            ],
            pass_fds=(there, lifeline_read),
            stdin=subprocess.DEVNULL,
            env=environment,
        )
        os.close(there)
        os.close(lifeline_read)
        self.connection = Connection(here)
        self.task: Task | None = None

    def give(self, task: Task) -> None:
        self.task = task
        # A worker that is gone shows as the end of its pipe, and the task becomes a failure record.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.connection.send(task)

    def close(self, kill: bool = False) -> None:
        if kill:
            self.process.kill()
        self.connection.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=5)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._lifeline)


def run_workers(tasks: Sequence[Task], workers: int, threads: int, on_event: OnEvent) -> Iterator[Outcome]:
    """Run the tasks in `workers` processes of `threads` threads each; outcomes come as they finish.

    On KeyboardInterrupt (also when the consumer raises) all workers are told to stop and ended within half a second.
    """
    workers = max(1, workers)
    with tempfile.TemporaryDirectory(prefix="smctrain-") as folder:
        stop_path = Path(folder) / "stop"
        stop_path.write_bytes(b"\0")
        waiting = list(reversed(tasks))
        pool: list[_Worker] = []
        clean = False
        try:
            while waiting or any(worker.task for worker in pool):
                while waiting and len([w for w in pool if w.task]) < workers:
                    for gone in [w for w in pool if w.task is None and w.process.poll() is not None]:
                        pool.remove(gone)
                        gone.close()
                    idle = next((w for w in pool if w.task is None), None)
                    if idle is None:
                        idle = _Worker(stop_path, threads)
                        pool.append(idle)
                    idle.give(waiting.pop())
                busy = [worker for worker in pool if worker.task]
                ready = wait([worker.connection for worker in busy], timeout=0.2)
                # A dead worker whose own children hold the pipe open never shows as its end.
                for worker in [w for w in busy if w.connection in ready or w.process.poll() is not None]:
                    outcome = _receive(worker, on_event)
                    if outcome is None:
                        continue
                    worker.task = None
                    if worker.process.poll() is not None:
                        pool.remove(worker)
                        worker.close()
                    yield outcome
            clean = True
        finally:
            if not clean:
                with stop_path.open("r+b") as flag:  # in place: workers have it mapped, it must not shrink
                    flag.write(b"\3")
                deadline = time.monotonic() + 0.3
                while time.monotonic() < deadline and any(w.process.poll() is None for w in pool):
                    time.sleep(0.02)
            for worker in pool:
                worker.close(kill=not clean)


def _receive(worker: _Worker, on_event: OnEvent) -> Outcome | None:
    assert worker.task is not None
    try:
        if worker.process.poll() is not None and not worker.connection.poll(0):
            raise EOFError
        message = worker.connection.recv()
    except (EOFError, OSError):
        return _died(worker, worker.task.key)
    except Exception as error:  # the value arrived whole but cannot be rebuilt here
        return Broken(worker.task.key, FailureRecord.of(error, worker.task.key, "worker").to_dict())
    if isinstance(message, Event):
        on_event(message)
        return None
    assert isinstance(message, Done | Broken)
    return message


def _died(worker: _Worker, key: str) -> Broken:
    try:
        code = worker.process.wait(timeout=5)
    except subprocess.TimeoutExpired:  # it closed its pipe but lives on
        worker.process.kill()
        code = worker.process.wait()
    reason = f"exit code {code}"
    if code < 0:
        known = {member.value: member.name for member in signal.Signals}
        reason = f"signal {known.get(-code, str(-code))}"
        if -code == signal.SIGKILL:
            reason += " (probably out of memory)"
    record = FailureRecord(
        error=f"The worker process died with {reason}; the other symbols went on.",
        error_type="WorkerDied",
        symbol=key,
        stage="worker",
    )
    return Broken(key, record.to_dict())


def _pipe_pair() -> tuple[int, int]:
    """Two ends of a duplex byte pipe."""
    import socket

    here, there = socket.socketpair()
    there.set_inheritable(True)
    return here.detach(), there.detach()


def run_tasks(
    tasks: Sequence[Task], workers: int, threads: int, on_event: OnEvent, in_process: bool = False
) -> Iterator[Outcome]:
    """Serial in this process for one task or one worker, worker processes otherwise."""
    if in_process or workers <= 1 or len(tasks) <= 1:
        return run_serial(tasks, on_event)
    return run_workers(tasks, min(workers, len(tasks)), threads, on_event)


__all__ = ["available_cores", "run_serial", "run_tasks", "run_workers"]
