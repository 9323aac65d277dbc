"""Labels: milliseconds of processor time of each kernel on made-up bars, best of some runs, one thread.

python benchmarks/labels.py
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

import smctrain as st
from smctrain._load import core
from smctrain.labels.arguments import price_columns


def best_ms(call: Callable[[], object], seconds: float = 1.0) -> float:
    """Shortest processor time of the runs that fit into about `seconds`, at least five."""
    times = []
    end = time.perf_counter() + seconds
    while len(times) < 5 or time.perf_counter() < end:
        start = time.process_time_ns()
        call()
        times.append(time.process_time_ns() - start)
    return 1e-6 * min(times)


def made_up_bars(n: int) -> st.Bars:
    """A random walk in 15-minute bars."""
    rng = np.random.default_rng(0)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 1e-3, n)))
    open_ = np.concatenate([close[:1], close[:-1]])
    return st.Bars(
        symbol="WALK",
        timeframe="M15",
        time=np.datetime64("2000-01-01", "ns") + np.arange(n) * np.timedelta64(900, "s"),
        open=open_,
        high=np.maximum(open_, close) * 1.0005,
        low=np.minimum(open_, close) * 0.9995,
        close=close,
    )


def atr(b: st.Bars) -> NDArray[np.float64]:
    """Wilder's ATR(14)."""
    spec = st.FeatureSpec(base=b.timeframe, higher=(), columns=("atr_wilder_14",), dtype="float64")
    return np.ascontiguousarray(st.build_features(b, spec).values[:, 0], dtype=np.float64)


def barrier_kernel(b: st.Bars, rows: NDArray[np.int64], unit: NDArray[np.float64]) -> Callable[[], object]:
    """The native call behind `triple_barrier`."""
    native, side = price_columns(b), np.ones(len(rows), dtype=np.int8)
    return lambda: core().triple_barrier(
        native, rows=rows, side=side, horizon=20, target=2.0, stop=1.0, scale=unit, relative=False, rr=0.0, entry=0,
        wait=1, limit=None, stop_price=None, min_risk=0.0, max_risk=0.0, tie=0, lower=None, timeout=0,
        timeout_band=0.0, gap_target_at_open=False, bid_ask=False, point=0.0, fixed_cost=0.0, session=None,
        quarantine=None, window_end=None, window_status=None, later=False,
    )  # fmt: skip


def main() -> None:
    """Prints one line a kernel."""
    rng = np.random.default_rng(1)
    b = made_up_bars(1_000_000)
    rows = np.arange(1_000_000)
    short = made_up_bars(50_000)
    events = np.sort(rng.choice(np.arange(50, 49_900), 10_000, replace=False))
    unit = atr(short)
    long_unit = atr(b)
    t0 = np.sort(rng.integers(0, 50_000, 10_000))
    spread = (t0, t0 + rng.integers(1, 100, 10_000))
    dense = (np.arange(10_000), np.arange(10_000) + 20)
    crowded = (np.arange(10_000), np.arange(10_000) + 1000)
    calls: list[tuple[str, Callable[[], object]]] = [
        ("triple barrier, 10,000 events on 50,000 bars", lambda: st.triple_barrier(short, rows=events)),
        ("... with the ATR given", lambda: st.triple_barrier(short, rows=events, scale=unit)),
        ("... its kernel alone", barrier_kernel(short, events, unit)),
        ("triple barrier, every bar of 1,000,000", lambda: st.triple_barrier(b)),
        ("... with the ATR given", lambda: st.triple_barrier(b, scale=long_unit)),
        ("uniqueness, 1,000,000 labels of 20 bars", lambda: st.label_uniqueness(rows, rows + 20)),
        ("sequential bootstrap, 10,000 labels on 50,000 bars", lambda: st.sequential_bootstrap(*spread)),
        ("sequential bootstrap, 10,000 labels of 20 bars, one a bar", lambda: st.sequential_bootstrap(*dense)),
        ("sequential bootstrap, 10,000 labels of 1,000 bars, one a bar", lambda: st.sequential_bootstrap(*crowded)),
        ("fwd_ret_20b, 1,000,000 rows", lambda: st.make_target(b, "fwd_ret_20b")),
        ("fwd_ret_5h, 1,000,000 rows", lambda: st.make_target(b, "fwd_ret_5h")),
        ("y_peak_20b_1, 1,000,000 rows", lambda: st.make_target(b, "y_peak_20b_1")),
        ("y_first_touch_20b_1, 1,000,000 rows", lambda: st.make_target(b, "y_first_touch_20b_1")),
        ("y_mdd_20b_0.01, 1,000,000 rows", lambda: st.make_target(b, "y_mdd_20b_0.01")),
        ("trend scanning up to 20 bars, 1,000,000 rows", lambda: st.trend_scanning(b, 20)),
        ("CUSUM events, 1,000,000 bars", lambda: st.cusum_events(b, 0.01)),
    ]
    for name, call in calls:
        print(f"{name:<62}{best_ms(call):8.2f} ms")


if __name__ == "__main__":
    main()
