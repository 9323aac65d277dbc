"""Workers: the same values as in one process, and a death costs one task only."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from smctrain.execution import executor
from smctrain.execution.executor import run_serial, run_tasks, run_workers
from smctrain.execution.messages import Broken, Done, Event, Task

TASKS = "smctrain_execution_tasks"


def task(key: str, function: str, **payload: Any) -> Task:
    return Task(key, f"{TASKS}:{function}", payload)


def squares(n: int) -> list[Task]:
    return [task(f"S{i}", "square", n=i) for i in range(n)]


def quiet(event: Event) -> None:
    pass


def by_key(outcomes: Iterable[Done | Broken]) -> dict[str, Done | Broken]:
    found: dict[str, Done | Broken] = {}
    for outcome in outcomes:
        assert outcome.key not in found
        found[outcome.key] = outcome
    return found


def plain(outcome: Done | Broken) -> Any:
    assert isinstance(outcome, Done)
    return outcome.value["square"], outcome.value["values"].tobytes(), outcome.value["total"]


def no_children_left() -> bool:
    deadline = time.monotonic() + 1.0
    while time.monotonic() < deadline:
        if not [c for c in psutil.Process().children(recursive=True) if c.status() != psutil.STATUS_ZOMBIE]:
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_any_number_of_workers_gives_the_values_of_one_process(workers: int) -> None:
    serial = by_key(run_serial(squares(5), quiet))
    parallel = by_key(run_workers(squares(5), workers, 1, quiet))
    assert {key: plain(value) for key, value in parallel.items()} == {k: plain(v) for k, v in serial.items()}
    assert no_children_left()


def test_events_arrive_in_order_per_task_and_before_its_outcome() -> None:
    events: list[Any] = []
    for outcome in run_workers(squares(3), 2, 1, events.append):
        events.append(outcome)
    for key in ("S0", "S1", "S2"):
        own = [event for event in events if event.key == key]
        assert own[:2] == [Event(key, "work", 1, 2), Event(key, "work", 2, 2, f"n={key[1]}")]
        assert isinstance(own[2], Done)
        assert len(own) == 3


def test_workers_are_used_again_and_get_their_share_of_the_cores() -> None:
    outcomes = list(run_workers([task(f"P{i}", "pid") for i in range(6)], 2, 1, quiet))
    assert 1 <= len({outcome.value for outcome in outcomes if isinstance(outcome, Done)}) <= 2
    names = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_WAIT_POLICY"]
    [outcome] = run_workers([task("E", "environment", names=names)], 1, 3, quiet)
    assert outcome == Done("E", ["3", "3", "3", "PASSIVE"])


def test_large_payloads_and_values_travel() -> None:
    data = np.arange(400_000.0)
    [outcome] = run_workers([task("B", "big", n=300_000, data=data)], 1, 1, quiet)
    assert isinstance(outcome, Done)
    np.testing.assert_array_equal(outcome.value, data[:300_000] * 2)


@pytest.mark.parametrize(
    ("function", "payload", "words"),
    [
        ("leave", {"code": 3}, "exit code 3"),
        ("leave", {"code": 0}, "exit code 0"),
        ("raise_system_exit", {}, "exit code 7"),
        ("kill_self", {"number": signal.SIGKILL}, "SIGKILL (probably out of memory)"),
        ("kill_self", {"number": signal.SIGSEGV}, "SIGSEGV"),
        ("kill_self", {"number": 40}, "signal 40"),
        ("leave_a_child_behind", {}, "SIGKILL"),
    ],
)
def test_a_dead_worker_is_one_failure_record_and_the_others_finish(
    function: str, payload: dict[str, Any], words: str
) -> None:
    tasks = [*squares(2), task("BAD", function, **payload), task("S9", "square", n=9)]
    started = time.monotonic()
    found = by_key(run_workers(tasks, 2, 1, quiet))
    assert time.monotonic() - started < 15.0  # not held up by the 20 s that a dead worker's child sleeps
    assert len(found) == 4
    bad = found["BAD"]
    assert isinstance(bad, Broken)
    assert bad.record["error_type"] == "WorkerDied"
    assert bad.record["symbol"] == "BAD"
    assert bad.record["stage"] == "worker"
    assert words in bad.record["error"]
    assert all(isinstance(found[key], Done) for key in ("S0", "S1", "S9"))
    for child in psutil.Process().children(recursive=True):
        child.kill()


def test_every_task_may_kill_its_worker() -> None:
    found = by_key(run_workers([task(f"B{i}", "leave", code=3) for i in range(4)], 2, 1, quiet))
    assert [found[f"B{i}"].record["error_type"] for i in range(4)] == ["WorkerDied"] * 4  # type: ignore[union-attr]


@pytest.mark.parametrize("run", ["serial", "workers"])
def test_an_exception_becomes_a_record_with_stage_and_traceback(run: str) -> None:
    tasks = [task("BAD", "fail"), task("S1", "square", n=1)]
    found = by_key(run_serial(tasks, quiet) if run == "serial" else run_workers(tasks, 2, 1, quiet))
    bad = found["BAD"]
    assert isinstance(bad, Broken)
    assert bad.record["error"] == "the bars of X are bad"
    assert bad.record["error_type"] == "ValueError"
    assert bad.record["stage"] == "labels"
    assert "in fail" in bad.record["traceback"]
    assert isinstance(found["S1"], Done)


@pytest.mark.parametrize("run", ["serial", "workers"])
def test_a_function_that_does_not_exist_is_a_record(run: str) -> None:
    tasks = [Task("A", "no_such_module:f", {}), Task("B", f"{TASKS}:no_such_function", {}), task("C", "square", m=1)]
    found = by_key(run_serial(tasks, quiet) if run == "serial" else run_workers(tasks, 2, 1, quiet))
    kinds = [found[key].record["error_type"] for key in "ABC"]  # type: ignore[union-attr]
    assert kinds == ["ModuleNotFoundError", "AttributeError", "TypeError"]


@pytest.mark.parametrize("function", ["not_sendable", "unreadable"])
def test_a_value_that_cannot_travel_is_a_record(function: str) -> None:
    found = by_key(run_workers([task("BAD", function), task("S1", "square", n=1)], 1, 1, quiet))
    assert isinstance(found["BAD"], Broken)
    assert found["BAD"].record["error_type"] != "WorkerDied"
    assert isinstance(found["S1"], Done)


def test_a_program_that_a_task_started_does_not_hold_up_the_run() -> None:
    started = time.monotonic()
    [outcome] = run_workers([task("A", "start_a_program")], 1, 1, quiet)
    assert time.monotonic() - started < 25.0  # the program sleeps for longer
    assert isinstance(outcome, Done)
    os.kill(outcome.value, signal.SIGKILL)


def test_an_interrupt_of_the_consumer_ends_all_workers_soon() -> None:
    waiting: list[str] = []
    interrupted_at = 0.0

    def handle(event: Event) -> None:
        nonlocal interrupted_at
        waiting.append(event.key)
        if len(waiting) == 2:
            interrupted_at = time.monotonic()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(run_workers([task("A", "wait_for_stop"), task("B", "never_end")], 2, 1, handle))
    assert time.monotonic() - interrupted_at < 15.0  # `never_end` sleeps for a minute
    assert psutil.Process().children() == []


def test_a_consumer_that_stops_early_leaves_no_process() -> None:
    outcomes = run_workers([task("S1", "square", n=1), task("B", "never_end")], 2, 1, quiet)
    assert isinstance(next(outcomes), Done)
    outcomes.close()  # type: ignore[attr-defined]
    assert psutil.Process().children() == []


def test_the_stop_flag_reaches_running_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    flags: list[Path] = []
    start = executor._Worker.__init__

    def remember(self: Any, stop_path: Path, threads: int) -> None:
        flags.append(stop_path)
        start(self, stop_path, threads)

    def press(event: Event) -> None:
        with flags[0].open("r+b") as flag:
            flag.write(b"\3")

    monkeypatch.setattr(executor._Worker, "__init__", remember)
    assert list(run_workers([task("A", "wait_for_stop")], 1, 1, press)) == [Done("A", 3)]


PARENT = """
import sys
sys.path.append(sys.argv[1])
from smctrain.execution import executor
from smctrain.execution.executor import run_workers
from smctrain.execution.messages import Task
tasks = [Task(str(i), "smctrain_execution_tasks:never_end", {}) for i in range(2)]
import json, psutil
seen = []
def handle(event):
    seen.append(event.key)
    if len(seen) == 2:
        print(json.dumps([child.pid for child in psutil.Process().children()]), flush=True)
list(run_workers(tasks, 2, 1, handle))
"""


def start_parent() -> tuple[subprocess.Popen[str], list[int]]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(Path(__file__).parent / "tasks")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True,
    )  # fmt: skip
    assert parent.stdout is not None
    children = json.loads(parent.stdout.readline())
    assert len(children) == 2
    return parent, children


def wait_until_gone(pids: list[int], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids):
            return True
        time.sleep(0.02)
    return False


def test_children_die_with_a_parent_that_is_killed() -> None:
    parent, children = start_parent()
    parent.kill()
    parent.communicate()
    assert wait_until_gone(children, 3.0)


def test_ctrl_c_on_the_whole_group_ends_parent_and_children() -> None:
    parent, children = start_parent()
    for pid in [*children, parent.pid]:  # as a terminal does it
        os.kill(pid, signal.SIGINT)
    _, errors = parent.communicate(timeout=5)
    assert wait_until_gone(children, 1.0)
    assert errors.count("Traceback") == 1  # the parent's own
    assert "KeyboardInterrupt" in errors


def test_a_file_beside_the_user_is_not_imported_by_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "numpy.py").write_text("raise RuntimeError('the wrong numpy')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    [outcome] = run_workers([task("S", "square", n=2)], 1, 1, quiet)
    assert isinstance(outcome, Done)


def test_one_worker_or_one_task_runs_in_this_process() -> None:
    for tasks, workers, here in [(2, 1, True), (1, 4, True), (2, 2, False)]:
        outcomes = list(run_tasks([task(f"P{i}", "pid") for i in range(tasks)], workers, 1, quiet))
        assert all((outcome.value == os.getpid()) == here for outcome in outcomes if isinstance(outcome, Done))
        assert len(outcomes) == tasks
    outcomes = list(run_tasks([task(f"P{i}", "pid") for i in range(2)], 2, 1, quiet, in_process=True))
    assert [outcome.value for outcome in outcomes if isinstance(outcome, Done)] == [os.getpid()] * 2


def test_a_worker_that_dies_between_tasks_is_replaced() -> None:
    outcomes = run_workers([task(f"P{i}", "pid") for i in range(3)], 1, 1, quiet)
    seen = []
    for outcome in outcomes:
        assert isinstance(outcome, Done)
        seen.append(outcome.value)
        os.kill(outcome.value, signal.SIGKILL)
        time.sleep(0.1)
    assert len(set(seen)) == 3
