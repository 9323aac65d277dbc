"""Labels and their weights beside compiled numba."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import data
import numpy as np
from measure import Cell, compare

import smctrain as st
from smctrain._load import core

HORIZON = 20


def cells(largest: int, rounds: int, missing: list[str]) -> Iterator[Cell]:
    """Triple barrier on few and on all rows, uniqueness, sequential bootstrap."""
    try:
        import kernels
    except ImportError as error:
        kernels = None  # type: ignore[assignment]
        missing.append(f"numba ({error}): its lines are left out")
    rng = np.random.default_rng(3)
    few = np.sort(rng.choice(50_000, 10_000, replace=False)).astype(np.int64)
    yield _barrier(kernels, data.bars(50_000), few, "triple barrier, 10,000 events on 50,000 bars", rounds)
    dense = np.arange(largest, dtype=np.int64)
    yield _barrier(kernels, data.bars(largest), dense, "triple barrier, every bar", rounds)
    yield _uniqueness(kernels, dense, dense + HORIZON, rounds)
    for m in (2_000, 10_000):
        t0 = np.sort(rng.integers(0, 5 * m, m))
        yield _bootstrap(kernels, t0, t0 + rng.integers(1, 100, m), rounds)


def _barrier(kernels: Any, b: st.Bars, rows: Any, work: str, rounds: int) -> Cell:
    options = {"horizon": HORIZON, "target": 2.0, "stop": 1.0, "costs": None, "rows": rows}
    calls: dict[str, Any] = {"st.triple_barrier (the rest when read)": lambda: st.triple_barrier(b, **options)}
    agree, words = None, ""
    if kernels is not None:
        args = (b.open, b.high, b.low, b.close, b.segment, rows, HORIZON, 2.0, 1.0)
        calls["numba (5 columns)"] = lambda: kernels.triple_barrier(*args)
        y, t1, out, r, rule = kernels.triple_barrier(*args)
        ours = st.triple_barrier(b, **options)
        agree = (
            np.array_equal(ours.y, y, equal_nan=True)
            and np.array_equal(ours.t1, t1)
            and np.array_equal(ours.rule_code, rule)
            and np.allclose(ours.exit, out, rtol=1e-12, equal_nan=True)
            and np.allclose(ours.r_gross, r, rtol=1e-9, atol=1e-9, equal_nan=True)
        )
        words = f"the same label, end, rule, exit and R on {len(rows):,} rows"
    # The columns about the order and the excursions are worked out when one of them is read: both are stated.
    calls["ours, all 16 columns read"] = lambda: st.triple_barrier(b, **options).mfe_r
    side, *peers = compare(calls, rounds)
    per_second = len(rows) / min(side.cpu_ms) * 1e3
    words = "; ".join(filter(None, [words, f"ours: {per_second / 1e6:.1f} million labels a CPU second"]))
    return Cell("labels", work, len(rows), side, peers, agree, words)


def _uniqueness(kernels: Any, t0: Any, t1: Any, rounds: int) -> Cell:
    calls: dict[str, Any] = {"st.label_uniqueness": lambda: st.label_uniqueness(t0, t1)}
    agree, words = None, ""
    if kernels is not None:
        calls["numba"] = lambda: kernels.uniqueness(t0, t1)
        calls["numpy"] = lambda: kernels.uniqueness_numpy(t0, t1)
        ours = st.label_uniqueness(t0, t1)
        others = (kernels.uniqueness(t0, t1), kernels.uniqueness_numpy(t0, t1))
        agree = all(np.allclose(ours, other, rtol=1e-9) for other in others)
        words = f"equal to 1e-9, mean {ours.mean():.6f}"
    side, *peers = compare(calls, rounds)
    return Cell("labels", f"uniqueness, labels of {HORIZON} bars", len(t0), side, peers, agree, words)


def _bootstrap(kernels: Any, t0: Any, t1: Any, rounds: int) -> Cell:
    m = len(t0)
    calls: dict[str, Any] = {"st.sequential_bootstrap": lambda: st.sequential_bootstrap(t0, t1, m, 5)}
    agree, words = None, ""
    if kernels is not None:
        # The stream of ours, so that the same draws must come out (rounding may part them late).
        uniform = core().philox_uniform(5, core().purpose_hash("labels/sequential_bootstrap"), m)
        calls["numba, linear pick"] = lambda: kernels.sequential_bootstrap(t0, t1, uniform)
        ours = st.sequential_bootstrap(t0, t1, m, 5)
        theirs = kernels.sequential_bootstrap(t0, t1, uniform)
        share = float(np.mean(ours == theirs))
        agree = share > 0.99
        words = f"{100 * share:.2f} % of the draws are the same"
    side, *peers = compare(calls, rounds)
    return Cell("labels", "sequential bootstrap, as many draws as labels", m, side, peers, agree, words)
