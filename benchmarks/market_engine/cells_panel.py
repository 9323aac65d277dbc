"""Cross-sections of a panel beside pandas' groupby."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from measure import Cell, compare

import smctrain as st

COLUMNS = 10
MIN_COUNT = 10


def cells(symbols: int, bars: int, rounds: int, missing: list[str]) -> Iterator[Cell]:
    """Ranks and z-scores of ten columns, and building the panel."""
    market = st.simulate_market(n_symbols=symbols, n_bars=bars, seed=11)
    spec = st.FeatureSpec(base="M15", higher=())
    panel = st.build_panel(market, spec)
    names = [info.name for info in panel.catalogue if info.family == "technical"][:COLUMNS]
    calls: dict[str, Any] = {"Panel.cross_section": lambda: panel.cross_section(names, min_count=MIN_COUNT)}
    agree, words = None, ""
    try:
        frame = panel.to_pandas()[names]
    except ImportError as error:
        missing.append(f"pandas ({error}): its lines are left out")
    else:
        calls["pandas groupby"] = lambda: grouped(frame)
        ours = panel.cross_section(names, min_count=MIN_COUNT).values[:, -2 * COLUMNS :]
        agree = bool(np.allclose(ours, grouped(frame), rtol=1e-4, atol=1e-4, equal_nan=True))
        words = f"ranks and z-scores of {COLUMNS} columns agree to 1e-4"
    work = f"panel, rank and z of {COLUMNS} columns, {symbols} symbols"
    side, *peers = compare(calls, rounds)
    yield Cell("panel", work, len(panel), side, peers, agree, words)
    calls = {"build_panel": lambda: st.build_panel(market, spec)}
    yield Cell(
        "panel", f"panel of {symbols} symbols, {len(panel.names)} columns", len(panel), compare(calls, rounds)[0]
    )


def grouped(frame: Any) -> Any:
    """The same numbers, rank beside z, column by column."""
    groups = frame.groupby(level="time", sort=False)
    n = groups.transform("count")
    rank = ((groups.rank() - 1) / (n - 1)).where(n >= MIN_COUNT)
    z = ((frame - groups.transform("mean")) / groups.transform("std")).where(n >= MIN_COUNT)
    out = np.empty((len(frame), 2 * frame.shape[1]), dtype=np.float32)
    out[:, 0::2], out[:, 1::2] = rank, z
    return out
