"""The leak guard against leaks that its author did not choose.

    python benchmarks/honesty/leaks_second.py [--seeds 11 12 13] [--only NAME ...] [--doors] [--out FILE]

Each leaky pipeline, its clean twin, and each clean pipeline that looks guilty go through `smctrain.audit_pipeline` with
default settings, on noise of each seed. Counted: found, found under the right name, missed, falsely accused; and how
far the leak lifts held-out accuracy above the majority, because a leak without effect is worth less. `--doors` instead
gives the columns to `smctrain.train` and the tables to `evaluate_arrays`, and prints what they say. Leaks of type
"later" were added when the guard had been read and mended; they are listed and not counted.
"""

from __future__ import annotations

import os

# Before anything imports NumPy: it reads these when it loads.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import argparse
import json
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
from second_leaks import columns, fits, later, rows, strong, tables
from second_leaks.base import CASES, Case, judge

import smctrain as st

__all__ = ["CASES", "columns", "fits", "judge", "later", "main", "rows", "strong", "tables"]


def through_other_doors(one: Case, seed: int, leaky: bool) -> str | None:
    """What `train` (columns from bars) or `evaluate_arrays` (finished tables) says; None where neither applies."""
    from smctrain.training.arrays import evaluate_arrays

    job = one.build(seed, leaky)
    if one.name in vars(columns) or (one.kind == "clean" and "bars" in job):
        bars = job["bars"]
        with tempfile.TemporaryDirectory() as folder:
            try:
                settings = {"preset": "fast", "models": ["rf"], "workers": 1, "out": f"{folder}/run"}
                settings |= {"output__ledger": f"{folder}/ledger"}
                run = st.train({"SYM": bars.to_pandas()}, features=job["features"], labels=job["labels"], **settings)
            except st.exceptions.FeatureLeak as leak:
                return f"refused: {leak}"
            except st.exceptions.InputError as fault:
                return f"error: {fault}"
            found = {k: str(v) for k, v in run.failures.items()} if isinstance(run.failures, dict) else run.failures
            return f"failed: {found}" if found else "passed"
    if "X" in job and ((one.name in vars(tables) and one.kind == "L2") or one.kind == "clean"):
        X, y, (t0, t1) = job["X"], job["y"].astype(int), job["intervals"]
        try:
            done = evaluate_arrays(X, y, t0, t1, models=["rf"], preset="fast", names=job.get("names"), seed=seed)
        except st.exceptions.SmctrainError as fault:
            return f"refused: {fault}"
        report = done.leak_audit
        taken = [f.column for f in report.quarantined] if report is not None else []
        found = [f.column for f in report.findings] if report is not None else []
        return f"{done.verdict.kind}, quarantined {taken}, found {found}"
    return None


def main() -> int:
    """Run, count, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13])
    parser.add_argument("--only", nargs="+", metavar="NAME")
    parser.add_argument("--doors", action="store_true")
    parser.add_argument("--no-canary", action="store_true", help="only what compares builds, rows and answers")
    parser.add_argument("--out", type=Path, help="JSON file")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    cases = [
        c
        for c in CASES
        if not chosen.only
        or any(word in c.name or word in (c.kind, c.build.__module__.split(".")[-1]) for word in chosen.only)
    ]
    if chosen.doors:
        for one in cases:
            for leaky in (True, False)[one.kind == "clean" :]:
                said = through_other_doors(one, chosen.seeds[0], leaky)
                if said is not None:
                    print(f"{one.kind:5} {one.name:46} {'leaky' if leaky else 'clean'}: {said[:200]}", flush=True)
        return 0
    count: Counter[str] = Counter()
    table = []
    print(f"{'type':5} {'pipeline':46} found named  lift  twin: accused  lift", flush=True)
    for one in cases:
        bad = [judge(one, s, True, canary=not chosen.no_canary) for s in chosen.seeds] if one.kind != "clean" else []
        good = [judge(one, s, False, canary=not chosen.no_canary) for s in chosen.seeds]
        found, named = sum(o.found for o in bad), sum(o.found and o.named for o in bad)
        first = one.build.__module__ != later.__name__
        count["leaks"] += first * len(bad)
        count["found"] += first * found
        count["named"] += first * named
        count["clean"] += len(good)
        count["accused"] += (accused := sum(o.found for o in good))
        up = f"{100 * np.mean([o.lift for o in bad]):+5.1f}" if bad else "     "
        sums = f"{found:3}/{len(bad)} {named:3}/{len(bad)} {up}" if bad else " " * 17
        twin = 100 * np.nanmean([o.lift for o in good])
        print(f"{one.kind:5} {one.name:46} {sums}        {accused:3}/{len(good)}    {twin:+5.1f}", flush=True)
        for label, outcomes in (("missed", []), ("twin accused", [o for o in good if o.found])):
            for o in outcomes[:1]:
                print(f"      {label}: {o.accused[:2]}", flush=True)
        wrong = [o for o in bad if o.found and not o.named]
        if wrong:
            print(f"      named otherwise: {wrong[0].accused[:2]}", flush=True)
        table.append(
            {"kind": one.kind, "name": one.name, "leaky": [vars(o) for o in bad], "clean": [vars(o) for o in good]}
        )
    print(
        f"{count['found']}/{count['leaks']} leaks found, {count['named']} under the right name; "
        f"{count['accused']}/{count['clean']} clean pipelines accused; seeds {chosen.seeds}"
    )
    if chosen.out:
        chosen.out.parent.mkdir(parents=True, exist_ok=True)
        chosen.out.write_text(json.dumps({"count": count, "seeds": chosen.seeds, "cases": table}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
