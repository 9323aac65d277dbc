"""What parent and workers say to each other.

Parent to worker: `Task`. Worker to parent: any number of `Event`, then one `Done` or `Broken`. Messages travel over a
private pipe between a parent and the children it started itself; nothing is ever read from a file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Task:
    """Call `function` ("module:name") with `payload`."""

    key: str
    function: str
    payload: dict[str, Any]


@dataclass(frozen=True)
class Event:
    """Progress of one task."""

    key: str
    stage: str
    done: int = 0
    total: int = 0
    detail: str = ""


@dataclass(frozen=True)
class Done:
    """The task's value."""

    key: str
    value: Any


@dataclass(frozen=True)
class Broken:
    """The task raised; the fields are those of a failure record."""

    key: str
    record: dict[str, Any] = field(default_factory=dict)
