"""H7: every splitter on drawn interval sets against the comparison of all pairs of rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from honesty.goals import Line
from smctrain.testing import SplitCheck, check_splitters

CASES, QUICK_CASES, CHUNK = 10_000, 300, 100


def _chunk(told: tuple[int, int, int, int]) -> dict[str, Any]:
    first, last, least, most = told
    return vars(check_splitters(range(first, last), least, most))


def measure(quick: bool = False, pool: Any = None) -> SplitCheck:
    """10,000 sets of 50 to 2,000 rows; a short run: 300 sets of up to 80 rows."""
    cases, least, most = (QUICK_CASES, 2, 80) if quick else (CASES, 50, 2000)
    told = [(first, min(first + CHUNK, cases), least, most) for first in range(0, cases, CHUNK)]
    found = map(_chunk, told) if pool is None else pool.imap_unordered(_chunk, told)
    total = SplitCheck()
    for part in found:
        for name, value in part.items():
            setattr(total, name, getattr(total, name) + value)
    return total


def line(check: SplitCheck) -> Line:
    wrong = check.different + check.leaks + (check.overlapping > 0)
    return Line(
        "H7", f"{check.cases:,} interval sets, {check.splits:,} splits of all splitters", "0 overlaps; all equal",
        f"{check.overlapping} overlaps; {check.different} splitters differ from the definition, {check.leaks} refused "
        f"by the audit{''.join(f'; {name}' for name in check.examples[:3])}",
        wrong == 0, _others(), -1.0 if wrong else 1.0,
    )  # fmt: skip


def _others() -> str:
    """Training rows that overlap a test label, 600 rows, labels of 10 bars, splits that count rows."""
    from sklearn.model_selection import KFold, TimeSeriesSplit

    t0 = np.arange(600)
    t1 = t0 + 10
    words = []
    for name, splitter in (("KFold(5)", KFold(5)), ("TimeSeriesSplit(5)", TimeSeriesSplit(5))):
        leaked = 0
        for train, test in splitter.split(t0):
            leaked += int(((t0[train][:, None] <= t1[test]) & (t0[test] <= t1[train][:, None])).any(axis=1).sum())
        words.append(f"{name} {leaked}")
    return "overlapping training rows of scikit-learn on 600 rows: " + ", ".join(words)
