"""The whole engine: a portfolio, one pushed bar, and how cost grows with the number of bars."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cells_smc
import cells_technical
import data
import numpy as np
from measure import Cell, compare

import smctrain as st

WARM_UP = 3_000
PUSHES = 500
# Every SMC machine runs for these columns; written out are few, because all of them on 10 million bars are 10 GB.
SMC_COLUMNS = (
    "sw_high_dist_atr", "sw_low_dist_atr", "sw_leg_atr", "ob_bull_dist_atr", "ob_bear_dist_atr", "ob_bull_bounce_q",
    "fvg_bull_dist_atr", "fvg_bear_dist_atr", "fvg_bull_bounce_q", "liq_bsl_dist_atr", "liq_ssl_dist_atr",
    "liq_sweep_up",
)  # fmt: skip


def cells(folder: Path | None, rounds: int) -> Iterator[Cell]:
    """Default columns of the 11 symbols, and one push."""
    bars, source = data.portfolio(folder)
    specs = {s: st.FeatureSpec(base=bars[s].base.timeframe, higher=("H1", "H4")) for s in bars.symbols}
    total = sum(len(bars[s].base) for s in bars.symbols)
    columns = len(specs[bars.symbols[0]].catalogue())
    name = f"default columns ({columns}) of {len(bars)} symbols, with H1 and H4"
    call = {"build_features": lambda: [st.build_features(bars[s], specs[s]) for s in bars.symbols]}
    yield Cell("engine", name, total, compare(call, rounds)[0], agreement=source)
    yield _push(bars[bars.symbols[0]].base, rounds)


def _push(b: st.Bars, rounds: int) -> Cell:
    """Milliseconds of one `push` on a stream past its warm-up; its rows are also compared with the batch."""
    spec = st.FeatureSpec(base=b.timeframe, higher=("H1", "H4"))
    names = ("open", "high", "low", "close", "volume", "spread")
    columns = {name: getattr(b, name).tolist() for name in names if getattr(b, name) is not None}
    times = b.time.astype("datetime64[ns]").astype(np.int64).tolist()
    arguments = [{**{name: column[i] for name, column in columns.items()}, "time": times[i]} for i in range(len(b))]
    stream = st.FeatureStream(spec, digits=b.digits)
    rows = [stream.push(**bar) for bar in arguments[:WARM_UP]]
    agree = np.array_equal(np.array(rows), st.build_features(b, spec).values[: len(rows)], equal_nan=True)
    batches = iter([arguments[i : i + PUSHES] for i in range(WARM_UP, len(b), PUSHES)])

    def push() -> None:
        for bar in next(batches):
            stream.push(**bar)

    side = compare({f"FeatureStream.push, {len(spec.catalogue())} columns": push}, rounds, repeat=False)[0]
    for figures in (side.cpu_ms, side.wall_ms):
        figures[:] = [value / PUSHES for value in figures]
    words = f"rows {'equal' if agree else 'DIFFER FROM'} those of the batch, bit by bit"
    return Cell("engine", "one pushed bar, default columns, resampling H1 and H4", 1, side, [], agree, words)


def growth(sizes: tuple[int, ...], rounds: int) -> Iterator[Cell]:
    """The same work on ten times the bars (one-minute bars, so that 10 million fit into the calendar)."""
    plans = {
        f"SMC machines, {len(SMC_COLUMNS)} columns written": SMC_COLUMNS,
        "24 indicators": cells_technical.COLUMNS,
    }
    for n in sizes:
        b = data.bars(n, "M1")
        for work, columns in plans.items():
            spec = st.FeatureSpec(base="M1", higher=(), columns=columns)
            call = {"build_features": lambda b=b, spec=spec: st.build_features(b, spec)}
            yield Cell("growth", work, n, compare(call, rounds)[0])
        calls = {"st.smc": cells_smc.all_of(cells_smc.our_calls(b, cells_smc.WINDOW))}
        yield Cell("growth", "eight event tables", n, compare(calls, rounds)[0])
        calls = {"st.triple_barrier": lambda b=b: st.triple_barrier(b, costs=None)}
        yield Cell("growth", "triple barrier, every bar", n, compare(calls, rounds)[0])
        data.bars.cache_clear()
