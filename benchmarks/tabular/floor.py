"""The floor under every forest fit: one packed class counter added per (row, column), compiled, nothing else.

Settings: rows of a node, columns, updates a call. Answer: none; nanoseconds follow from the seconds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from contestants import Contestant, Job, contestant


@contestant("floor:numba")
def histogram(job: Job) -> Contestant:
    from numba import njit

    @njit(cache=False)  # type: ignore[untyped-decorator]
    def fill(codes: Any, packed: Any, rows: Any, bins: Any, times: int) -> None:
        for _ in range(times):
            for j in range(codes.shape[0]):
                column, counts = codes[j], bins[j]
                for i in rows:
                    counts[column[i]] += packed[i]

    s = job.settings
    n, d, node = s["rows"], s["columns"], s["node"]
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 255, size=(d, n), dtype=np.uint8)
    packed = np.uint64(1) << (np.uint64(16) * rng.integers(0, 3, size=n).astype(np.uint64))
    rows = np.sort(rng.choice(n, node, replace=False)).astype(np.int32)
    bins = np.zeros((d, 256), dtype=np.uint64)
    fill(codes, packed, rows, bins, 1)
    times = max(1, s["updates"] // (node * d))
    return Contestant(lambda _: fill(codes, packed, rows, bins, times))
