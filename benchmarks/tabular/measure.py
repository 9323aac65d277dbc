"""Turns of contestants in processes of their own (ABBA), CPU and wall time, memory; the parent side."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
FEWEST_TURNS = 2

Answers = dict[str, Any]  # "turn/name" -> array


@dataclass(frozen=True)
class Entry:
    """A contestant before it runs: the name shown, the one in `contestants`, its settings and environment."""

    label: str
    contestant: str
    settings: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)


@dataclass
class Side:
    """A contestant that ran: seconds of its turns, by turn number."""

    label: str
    import_s: float
    first: dict[str, Any]
    turns: dict[int, dict[str, float]]
    answers: Answers
    note: str = ""
    quality: dict[str, float] = field(default_factory=dict)

    def of(self, clock: str) -> list[float]:
        return [turn[clock] for turn in self.turns.values()]

    def median(self, clock: str = "cpu_s") -> float:
        return statistics.median(self.of(clock))

    def named(self, name: str) -> dict[int, Any]:
        """Answers of one name, by turn."""
        ends = f"/{name}"
        return {int(key.split("/")[0]): value for key, value in self.answers.items() if key.endswith(ends)}

    def record(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "name": self.label, "turns": len(self.turns), "import_s": self.import_s, "first": self.first,
            **{f"{clock}_{what.__name__}": what(self.of(clock)) for clock in ("cpu_s", "wall_s")
               for what in (statistics.median, min)},
            "quality": self.quality, "note": self.note,
        }  # fmt: skip


@dataclass
class Cell:
    """One piece of work: ours, the peers, whether the results are as good, and what was promised."""

    group: str
    work: str
    threads: int
    ours: Side
    peers: list[Side]
    need: dict[str, float] = field(default_factory=dict)  # peer's label -> least ratio promised
    void: dict[str, str] = field(default_factory=dict)  # peer's label -> why its ratio says nothing
    agreement: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    def ratio(self, peer: Side, clock: str = "cpu_s") -> dict[str, float]:
        """Peer's seconds over ours, turn by turn: above 1 we are faster."""
        both = [turn for turn in self.ours.turns if turn in peer.turns]
        rounds = [peer.turns[turn][clock] / max(self.ours.turns[turn][clock], 1e-12) for turn in both]
        return {"median": statistics.median(rounds), "low": min(rounds), "high": max(rounds)}

    def unpromise(self) -> None:
        """Without promises, for runs that are too small to judge."""
        self.need = {}
        self.void = {peer: why for peer, why in self.void.items() if "points of" not in why}
        for name in [name for name in self.facts if name.endswith("_needed")]:
            del self.facts[name]

    def misses(self) -> list[str]:
        """Promises that this cell does not keep. Two threads are judged by the clock on the wall."""
        clock = "cpu_s" if self.threads == 1 else "wall_s"
        said = []
        for peer in self.peers:
            need = self.need.get(peer.label)
            got = self.ratio(peer, clock)["median"]
            if need is not None and got < need:
                said.append(f"{self.work}, {self.threads} thread(s): {got:.2f}x of {peer.label}, promised {need:g}x")
        return said

    def record(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "group": self.group, "work": self.work, "threads": self.threads, "ours": self.ours.record(),
            "peers": [
                {**peer.record(), "ratio": self.ratio(peer), "wall_ratio": self.ratio(peer, "wall_s"),
                 "need": self.need.get(peer.label), "void": self.void.get(peer.label)}
                for peer in self.peers
            ],
            "agreement": self.agreement, "facts": self.facts,
        }  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """What all cells share: turns, seconds after which a slow peer gets no further one, a folder, who is absent."""

    rounds: int
    patience: float
    folder: Path
    missing: list[str]
    quick: bool = False
    peers: tuple[str, ...] = ()  # parts of names; empty: all

    def wants(self, label: str) -> bool:
        """Whether a peer of that name takes part."""
        return any(part.lower() in label.lower() for part in self.peers)

    def save(self, name: str, arrays: dict[str, Any]) -> str:
        """The path of a stored data set."""
        path = self.folder / f"{name}.npz"
        if not path.exists():
            np.savez(path, **arrays)
        return str(path)


class Worker:
    """The other end of `worker.py`."""

    def __init__(self, entry: Entry, paths: Sequence[str], threads: int, folder: Path) -> None:
        self.entry = entry
        self.log = folder / "workers.log"
        environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(threads)), **entry.environment}
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(HERE / "worker.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                text=True, env=environment,
            )  # fmt: skip
        self.job = {
            "contestant": entry.contestant, "paths": list(paths), "settings": entry.settings, "threads": threads,
            "cpus": cores(threads),
        }  # fmt: skip

    def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.entry.label}: the process ended (code {self.process.wait()}); see {self.log}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"{self.entry.label}: {answer['error']}; see {self.log}")
        return answer

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def cores(threads: int) -> list[int]:
    """The cores for so many threads: the last ones."""
    if not hasattr(os, "sched_getaffinity"):
        return list(range(threads))
    return sorted(os.sched_getaffinity(0))[-threads:]


def compete(entries: Sequence[Entry], paths: Sequence[str], threads: int, plan: Plan, rounds: int = 0) -> list[Side]:
    """Lets every entry take its turns: 1 2 3, 3 2 1, and so on. Entries whose library is not installed are left out.

    A first call of each is timed apart. Turn t works on paths[t % len(paths)] with seed t.
    """
    if plan.peers:
        entries = [entry for entry in entries if entry.label == "ours" or plan.wants(entry.label)]
    workers: list[Worker] = []
    started: dict[str, dict[str, Any]] = {}
    try:
        for entry in entries:
            worker = Worker(entry, paths, threads, plan.folder)
            workers.append(worker)
            answer = worker.ask(worker.job)
            if "missing" in answer:
                plan.missing.append(f"{entry.label} ({answer['missing']})")
                workers.pop().close()
                continue
            started[entry.label] = {**answer, "first": worker.ask({"do": "first"})}
        turns: dict[str, dict[int, dict[str, float]]] = {worker.entry.label: {} for worker in workers}
        for number in range(rounds or plan.rounds):
            for worker in workers if number % 2 == 0 else workers[::-1]:
                mine = turns[worker.entry.label]
                if len(mine) >= FEWEST_TURNS and sum(turn["cpu_s"] for turn in mine.values()) > plan.patience:
                    continue
                mine[number] = worker.ask({"do": "turn", "number": number})
        sides = []
        for place, worker in enumerate(workers):
            label = worker.entry.label
            path = plan.folder / f"answers-{place}.npz"
            note = worker.ask({"do": "answers", "path": str(path)})["note"]
            with np.load(path) as stored:
                answers = {name: stored[name] for name in stored.files}
            first = started[label]
            sides.append(Side(label, first["import_s"], first["first"], turns[label], answers, note))
        return sides
    finally:
        for worker in workers:
            worker.close()
