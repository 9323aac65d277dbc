"""What fits on the same rows make once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import TypeVar

T = TypeVar("T")


class Shared:
    """Things that several fits need and one of them makes. Belongs to one matrix, one list of rows and one set of
    weights; safe from several threads.

    >>> shared = Shared()
    >>> shared.get("answer", lambda: 42), shared.get("answer", lambda: 43)
    (42, 42)
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slots: dict[Hashable, tuple[threading.Lock, list[object]]] = {}

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` returned when the key was first asked for. Others who ask meanwhile wait for it; an error goes to
        the caller whose `make` raised it, and the next one tries again."""
        with self._lock:
            lock, slot = self._slots.setdefault(key, (threading.Lock(), []))
        with lock:
            if not slot:
                slot.append(make())
            return slot[0]  # type: ignore[return-value]

    def drop(self) -> None:
        """Let go of everything; what is asked for again is made again."""
        with self._lock:
            self._slots = {}

    def __len__(self) -> int:
        """Things made so far."""
        return sum(bool(slot) for _, slot in list(self._slots.values()))
