"""Labels: milliseconds of each kernel on made-up bars, best of five, one thread.

python benchmarks/labels.py
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

import smctrain as st


def best_ms(call: Callable[[], object], repeats: int = 5) -> float:
    """Shortest of `repeats` runs."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1e3 * min(times)


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


def main() -> None:
    """Prints one line a kernel."""
    rng = np.random.default_rng(1)
    b = made_up_bars(1_000_000)
    rows = np.arange(1_000_000)
    t0 = np.sort(rng.integers(0, 50_000, 10_000))
    spread = (t0, t0 + rng.integers(1, 100, 10_000))
    dense = (np.arange(10_000), np.arange(10_000) + 20)
    crowded = (np.arange(10_000), np.arange(10_000) + 1000)
    calls: dict[str, Callable[[], object]] = {
        "uniqueness, 1,000,000 labels of 20 bars": lambda: st.label_uniqueness(rows, rows + 20),
        "sequential bootstrap, 10,000 labels on 50,000 bars": lambda: st.sequential_bootstrap(*spread),
        "sequential bootstrap, 10,000 labels of 20 bars, one a bar": lambda: st.sequential_bootstrap(*dense),
        "sequential bootstrap, 10,000 labels of 1,000 bars, one a bar": lambda: st.sequential_bootstrap(*crowded),
        "fwd_ret_20b, 1,000,000 rows": lambda: st.make_target(b, "fwd_ret_20b"),
        "fwd_ret_5h, 1,000,000 rows": lambda: st.make_target(b, "fwd_ret_5h"),
        "y_peak_20b_1, 1,000,000 rows": lambda: st.make_target(b, "y_peak_20b_1"),
        "y_first_touch_20b_1, 1,000,000 rows": lambda: st.make_target(b, "y_first_touch_20b_1"),
        "y_mdd_20b_0.01, 1,000,000 rows": lambda: st.make_target(b, "y_mdd_20b_0.01"),
        "trend scanning up to 20 bars, 1,000,000 rows": lambda: st.trend_scanning(b, 20),
        "CUSUM events, 1,000,000 bars": lambda: st.cusum_events(b, 0.01),
    }
    for name, call in calls.items():
        print(f"{name:<62}{best_ms(call):8.1f} ms")


if __name__ == "__main__":
    main()
