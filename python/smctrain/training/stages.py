"""What each stage of the river cost, and where it broke."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stages:
    """What each stage cost; an exception inside a stage is marked with the stage's name.

    Attributes
    ----------
    seconds : dict of str to float
        Wall seconds.
    cpu_seconds : dict of str to float
        CPU seconds of all threads of this process, so they mean something only while nothing else runs in it.
    peak_mib : dict of str to float
        Largest resident memory of this process up to the end of the stage; never falls.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.cpu_seconds: dict[str, float] = {}
        self.peak_mib: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        started, cpu_started = time.monotonic(), time.process_time()
        try:
            yield
        except Exception as error:
            if not hasattr(error, "stage"):
                error.stage = name  # type: ignore[attr-defined]
            raise
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.monotonic() - started, 4)
            spent = time.process_time() - cpu_started
            self.cpu_seconds[name] = round(self.cpu_seconds.get(name, 0.0) + spent, 4)
            self.peak_mib[name] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
