"""Check D: every split that was used, row by row against the label intervals, and by brute force on pairs of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.exceptions import SplitLeak
from smctrain.splits import audit as audit_splits
from smctrain.splits.base import EmbargoLike

Rows = NDArray[np.int64]

BRUTE_FORCE_PAIRS = 20_000


@dataclass(frozen=True)
class UsedSplit:
    """Two row sets that must not know each other.

    Attributes
    ----------
    where : str
        In words: "training -> test", "fold 2".
    train, held : int64
        Rows to learn from, rows held out.
    forward : bool
        Whether training labels must end before the first held-out decision.
    embargo : int or EmbargoShare
        Decision stamps that must be empty: after a held-out block, or (int) before it where `forward`.
    """

    where: str
    train: Rows
    held: Rows
    forward: bool = False
    embargo: EmbargoLike = 0


def check_split(split: UsedSplit, t0: Rows, t1: Rows, all_rows: Rows, rng: np.random.Generator) -> int:
    """Pairs compared by brute force.

    Parameters
    ----------
    t0, t1 : int64 (n,)
        Label interval of every row.
    all_rows : int64
        Rows that are decisions: stamps of the embargo are counted among them.

    Raises
    ------
    SplitLeak
        Names the split and the first rows.
    """
    rows = np.asarray(all_rows, dtype=np.int64)
    train, held = np.searchsorted(rows, split.train), np.searchsorted(rows, split.held)
    try:
        distance: dict[str, Any] = {"gap": split.embargo} if split.forward else {"embargo": split.embargo}
        audit_splits([(train, held)], rows, (t0[rows], t1[rows]), forward=split.forward, **distance)
    except SplitLeak as leak:
        named = tuple(int(rows[row]) for row in leak.rows if 0 <= row < len(rows))
        text = str(leak).removeprefix("split 0: ").split(". ")[0].rstrip(".")
        first = f" First rows: {', '.join(map(str, named))}." if named else ""
        raise SplitLeak(f"{split.where}: {text}.{first}", code=leak.code, rows=named) from leak
    a, b = _pairs(split.train, split.held, rng)
    overlapping = (t0[a] <= t1[b]) & (t0[b] <= t1[a])
    if overlapping.any():  # the two must agree; if they do not, say so loudly
        at = int(np.argmax(overlapping))
        raise SplitLeak(
            f"{split.where}: the label of training row {a[at]} overlaps the label of held-out row {b[at]}.",
            code="overlap",
            rows=(int(a[at]), int(b[at])),
        )
    return len(a)


def _pairs(train: Rows, held: Rows, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """All pairs where they are few; else the rows next to the border first, and random ones."""
    if len(train) * len(held) <= BRUTE_FORCE_PAIRS:
        return np.repeat(train, len(held)), np.tile(held, len(train))
    near = np.argsort(np.minimum(np.abs(train - held[0]), np.abs(train - held[-1])), kind="stable")[:50]
    edge = np.r_[held[:100], held[-100:]]
    left = max(0, BRUTE_FORCE_PAIRS - len(near) * len(edge))
    a = np.r_[np.repeat(train[near], len(edge)), train[rng.integers(0, len(train), left)]]
    b = np.r_[np.tile(edge, len(near)), held[rng.integers(0, len(held), left)]]
    return a, b
