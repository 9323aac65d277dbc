"""H8: models that are given our columns cannot predict any of our labels on bars that cannot be predicted.

    python benchmarks/honesty/canary.py [--preset full] [--bars 6000] [--seeds 3] [--kinds G1 G2 ...] [--data FOLDER]

For each standard process (G1 to G4; G5 with `--data`, a folder of real bars) and each kind of label: a forest and a
logistic regression on three surrogates, share right minus majority in HAC standard errors. Goal: never above 3. That no
reading of a column or label is rewritten by later bars is the other half of H8 (`st.testing.replay`, `--replay`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import smctrain as st
from smctrain.audit.canary import CanaryResult, run_canary
from smctrain.audit.subject import SpecSubject

LABELS: Mapping[str, Callable[[Any], Any]] = {
    "barrier 2:2, time-outs by sign": lambda b: st.triple_barrier(
        b, horizon=20, target=2.0, stop=2.0, timeout="sign", costs=None
    ),
    "barrier 2:1 as shipped": lambda b: st.triple_barrier(b, horizon=20, target=2.0, stop=1.0, costs=None),
    "barrier short": lambda b: st.triple_barrier(
        b, horizon=10, target=1.0, stop=1.0, side=-1, timeout="sign", costs=None
    ),
    "barrier in per cent, entry at the close": lambda b: st.triple_barrier(
        b, horizon=20, target=0.005, stop=0.005, unit="pct", entry="close", timeout="sign", costs=None
    ),
    "return over 8 bars": lambda b: st.forward_return(b, horizon=8, band=0.0),
    "return over 4 hours": lambda b: st.forward_return(b, horizon="4h", band=0.0),
    "trend scanning": lambda b: st.trend_scanning(b, max_length=20),
    "peak within an hour": lambda b: st.make_target(b, "y_will_peak_60m_0.8"),
    "valley within 8 bars": lambda b: st.make_target(b, "y_will_valley_8b_0.8"),
}


def bars_of(kind: str, n: int, seed: int, data: Path | None) -> Any:
    """Bars of one process."""
    if kind != "G5":
        return st.testing.ohlc_paths(kind, n, seed=seed)
    real = st.read_bars(data)
    return st.testing.ohlc_paths("G5", n, seed=seed, bars=real[real.symbols[seed % len(real.symbols)]].base)


def sung(spec: Any, bars: Any, label: str, seed: int, threads: int = 1) -> list[CanaryResult]:
    """The canary for one label."""
    return run_canary(SpecSubject(spec), bars, 3, seed, LABELS[label], threads)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--preset", choices=["default", "full"], default="full")
    parser.add_argument("--bars", type=int, default=6_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--kinds", nargs="+", default=["G1", "G2", "G3", "G4"])
    parser.add_argument("--data", type=Path, default=None)
    parser.add_argument("--replay", action="store_true")
    told = parser.parse_args()
    kinds = [*told.kinds, *(["G5"] if told.data is not None and "G5" not in told.kinds else [])]
    loud, excess, rewritten = 0, [], 0
    print("| process | label | forest | logistic |\n|---|---|---|---|")
    for kind in kinds:
        for label in LABELS:
            worst: dict[str, float] = {}
            for seed in range(1, told.seeds + 1):
                for result in sung(st.FeatureSpec(preset=told.preset), bars_of(kind, told.bars, seed, told.data), label,
                                   seed, threads=2):  # fmt: skip
                    loud += not result.ok
                    excess.append(result.excess)
                    worst[result.model] = max(worst.get(result.model, -np.inf), result.excess)
            print(f"| {kind} | {label} | {worst['forest']:+.1f} | {worst['logistic']:+.1f} |", flush=True)
        if told.replay:
            found = st.testing.replay(bars_of(kind, 400, 1, told.data), cuts=200)
            rewritten += found.rewritten
            print(f"| {kind} | replay | {found.readings} readings | {found.rewritten} rewritten |", flush=True)
    print(f"\n{loud} of {len(excess)} canaries above 3 standard errors (goal: none); largest {max(excess):+.2f}.")
    return int(loud > 0 or rewritten > 0)


if __name__ == "__main__":
    sys.exit(main())
