"""Boosting cells: a single fit beside the library's own, and two threads a fit on a busy machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import data
import numpy as np
from measure import Cell, Entry, Plan, Side, compete, cores

TWO_PERCENT = 1 / 1.02
XGBOOST: dict[str, Any] = {
    "n_estimators": 200, "max_depth": 4, "learning_rate": 0.1, "subsample": 0.7, "colsample_bytree": 0.7,
    "min_child_weight": 5.0, "reg_alpha": 0.2, "reg_lambda": 2.0, "max_bin": 256,
}  # fmt: skip
LIGHTGBM: dict[str, Any] = {
    "n_estimators": 200, "num_leaves": 15, "learning_rate": 0.1, "subsample": 0.7, "subsample_freq": 1,
    "colsample_bytree": 0.7, "min_child_samples": 20, "min_child_weight": 1e-3, "reg_alpha": 0.2, "reg_lambda": 2.0,
    "max_bin": 255,
}  # fmt: skip


def cells(plan: Plan, exports: Path | None) -> Iterator[Cell]:
    shapes = ["m15"] if plan.quick else ["m15", "large"]
    for name in shapes:
        n = 1_000 if plan.quick else data.SHAPES[name][0]
        made = data.make(name, 0, n, 1_000, exports)
        path = plan.save(f"boost-{name}", made)
        size = f"{len(made['X']):,} x {made['X'].shape[1]} x {int(made['y'].max()) + 1} classes"
        rounds = {"n_estimators": 10} if plan.quick else {}
        yield _alike(plan, path, f"XGBoost, {size}", "boost:smctrain_xgboost", {**XGBOOST, **rounds}, {
            "xgboost, DMatrix": "boost:xgboost", "xgboost, QuantileDMatrix": "boost:xgboost_quantile",
        })  # fmt: skip
        yield _alike(plan, path, f"LightGBM, {size}", "boost:smctrain_lightgbm", {**LIGHTGBM, **rounds}, {
            "lightgbm, row-wise": "boost:lightgbm", "lightgbm, column-wise": "boost:lightgbm_columns",
        })  # fmt: skip
    if not plan.quick and (os.cpu_count() or 1) > 1:
        path = plan.save("boost-m15", {})
        yield from _busy(plan, path)


def _alike(plan: Plan, path: str, work: str, ours: str, settings: dict[str, Any], theirs: dict[str, str]) -> Cell:
    entries = [Entry("ours", ours, settings)] + [Entry(label, name, settings) for label, name in theirs.items()]
    mine, *peers = compete(entries, [path], 1, plan)
    cell = Cell("boosting", f"{work}, {settings['n_estimators']} rounds", 1, mine, peers)
    cell.need = {peer.label: TWO_PERCENT for peer in peers}
    said = []
    for peer in peers:
        same = _equal(mine, peer)
        said.append(f"margins {'equal' if same else 'DIFFER'} ({peer.label})")
        if not same:
            cell.void[peer.label] = "margins differ"
    cell.agreement = "; ".join(said)
    return cell


def _equal(mine: Side, peer: Side) -> bool:
    a, b = mine.named("margin"), peer.named("margin")
    both = [turn for turn in a if turn in b]
    return bool(both) and all(np.array_equal(a[turn], b[turn]) for turn in both)


def _busy(plan: Plan, path: str) -> Iterator[Cell]:
    """Two threads a fit while something else keeps every core busy: the libraries' threads spin while they wait."""
    passive = {"OMP_WAIT_POLICY": "PASSIVE"}
    with _work_beside():
        for library, settings in (("xgboost", XGBOOST), ("lightgbm", LIGHTGBM)):
            theirs = f"boost:{library}"
            entries = [
                Entry("ours", f"boost:smctrain_{library}", settings),
                Entry(f"{library}, defaults", theirs, settings),
                Entry(f"{library}, passive waiting", theirs, settings, passive),
            ]
            ours, *peers = compete(entries, [path], 2, plan)
            cell = Cell("busy", f"{library}, two threads asked for on a busy machine", 2, ours, peers)
            same = all(_equal(ours, peer) for peer in peers)
            cell.agreement = "margins equal" if same else "margins DIFFER"
            yield cell


@contextmanager
def _work_beside() -> Iterator[None]:
    """A process that computes on every core."""
    busy = [
        subprocess.Popen([sys.executable, "-c", f"import os\nos.sched_setaffinity(0, {{{core}}})\nwhile True: pass"])
        for core in cores(2)
    ]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()
