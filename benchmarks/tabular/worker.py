"""One contestant in a process of its own: it waits for turns, so that threads, memory and imports of one library never
meet those of another.

Lines of JSON, in and out. First the job: {"contestant", "paths", "settings", "threads", "cpus"}. Then commands:
{"do": "first"}, {"do": "turn", "number"}, {"do": "answers", "path"}; the end of the input ends the process.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

SAMPLE_SECONDS = 0.05  # a turn repeats its call until it has run about this long
SLOW_SECONDS = 2.0


def main() -> None:
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print goes elsewhere

    def say(**message: Any) -> None:
        channel.write(json.dumps(message) + "\n")
        channel.flush()

    job = json.loads(sys.stdin.readline())
    with contextlib.suppress(AttributeError, OSError):  # not every system can pin
        os.sched_setaffinity(0, set(job["cpus"]))
    warnings.simplefilter("ignore")  # solvers report that they stop early; the answers are compared anyway
    try:
        import contestants

        started = time.perf_counter()
        contestant = contestants.make(job["contestant"], job["paths"], job["settings"], job["threads"])
        say(ready=True, import_s=contestant.import_s, prepare_s=time.perf_counter() - started, note=contestant.note())
        runner = Runner(contestant)
        for line in sys.stdin:
            command = json.loads(line)
            if command["do"] == "first":
                say(**runner.first())
            elif command["do"] == "turn":
                say(**runner.turn(command["number"]))
            else:
                import numpy as np

                np.savez(command["path"], **runner.answers)
                say(note=contestant.note())
    except ImportError as error:
        say(missing=error.name or str(error))
    except Exception as error:
        traceback.print_exc()
        say(error=f"{type(error).__name__}: {error}")


class Runner:
    """Times the calls of one contestant and keeps their answers."""

    def __init__(self, contestant: Any) -> None:
        self.contestant = contestant
        self.repeats = 1
        self.answers: dict[str, Any] = {}

    def first(self) -> dict[str, Any]:
        """The cold call, how far a call makes the process grow, and how often a short call is repeated in a turn."""
        from market_engine.measure import extra_mib

        spent: dict[str, float] = {}

        def timed() -> object:
            result, spent["cpu_s"], spent["wall_s"] = self._once(0)
            return result

        grown = extra_mib(timed)
        if spent["wall_s"] < SLOW_SECONDS:
            cold = dict(spent)
            grown = extra_mib(timed)
            self.repeats = max(1, round(SAMPLE_SECONDS / max(spent["wall_s"], 1e-9)))
            spent = cold
        return {**spent, "extra_mib": grown}

    def turn(self, number: int) -> dict[str, Any]:
        """Seconds of one call, averaged over the repeats. Its answer is worked out after the clock stopped."""
        gc.collect()
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(self.repeats):
            result = self.contestant.call(number)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        for name, values in self.contestant.answer(result, number).items():
            self.answers[f"{number}/{name}"] = values
        return {"cpu_s": cpu / self.repeats, "wall_s": wall / self.repeats}

    def _once(self, number: int) -> tuple[object, float, float]:
        cpu, wall = time.process_time(), time.perf_counter()
        result = self.contestant.call(number)
        return result, time.process_time() - cpu, time.perf_counter() - wall


if __name__ == "__main__":
    main()
