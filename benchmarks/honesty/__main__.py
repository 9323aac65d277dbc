"""How often noise is deployed, how often a signal is found: the goals with counts and exact bounds.

    python benchmarks/honesty [--quick] [--only H1 H4 ...] [--runs 200] [--workers 2] [--out build/honesty]
                              [--other-fits [--check 10]] [--other-code] [--report]

Results are appended to OUT/*.jsonl one by one; an interrupted job goes on where it was. `--runs` is the most runs of
any experiment (the full numbers stand in goals.py), `--report` fits nothing and judges what is stored.

What fitted models answer is kept in OUT/answers, so another rule of the verdict costs seconds. `--other-fits` also
judges answers that other code fitted; `--check N` then fits N seeds of each experiment again and compares every bit.
"""

from __future__ import annotations

import os

# Before anything imports NumPy or a native library: they read these when they load. Runs of one thread, side by side.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import argparse
import datetime
import json
import sys
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]


def main() -> int:
    """Run what was asked for; write honesty.md and honesty.json."""
    from main_job import machine

    import smctrain
    from honesty import report, speed, splitting, vectors
    from honesty.goals import EXPERIMENTS, GOALS, Line, check
    from honesty.pipeline import Recipe
    from honesty.runner import collect, processes, stored

    goals = [*GOALS, "H7", "H15", "H17"]
    parser = argparse.ArgumentParser(description="How often noise is deployed, how often a signal is found.")
    parser.add_argument("--quick", action="store_true", help="few runs of light models: shows that everything runs")
    parser.add_argument("--only", nargs="+", choices=goals, default=goals)
    parser.add_argument("--runs", type=int, help="at most so many runs of an experiment")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, default=Path("build/honesty"))
    parser.add_argument("--other-code", action="store_true", help="count stored results of other code too")
    parser.add_argument("--other-fits", action="store_true", help="judge stored answers whatever code fitted them")
    parser.add_argument("--check", type=int, default=0, help="fit so many stored seeds again: are answers the same?")
    parser.add_argument("--report", action="store_true", help="fit nothing, judge what is stored")
    options = parser.parse_args()
    models = Recipe(preset="fast") if options.quick else Recipe()
    document: dict[str, Any] = {
        "date": datetime.date.today().isoformat(), "machine": machine(), "version": smctrain.__version__,
        "preset": models.preset, "quick": options.quick,
    }  # fmt: skip
    asked = [name for name in EXPERIMENTS if any(name in GOALS[g].needs for g in options.only if g in GOALS)]
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in EXPERIMENTS}
    with processes(options.workers) as pool:
        for name in asked:
            told = EXPERIMENTS[name].recipe(models)
            if options.quick:
                told |= {"trials": 4} if name == "search" else {"symbols": 4} if name == "symbols" else {}
            if options.report and EXPERIMENTS[name].fit is None:
                kept, _ = stored(options.out / f"{name}.jsonl", json.loads(json.dumps(told)), options.other_code)
                found[name] = [kept[seed] for seed in sorted(kept)]
                continue
            seeds = EXPERIMENTS[name].seeds(2 if options.quick and options.runs is None else options.runs)
            if options.report:
                seeds = EXPERIMENTS[name].stored_seeds(options.out, told, options.other_fits)
            if options.check and EXPERIMENTS[name].fit is not None:
                again = check(EXPERIMENTS[name], list(seeds)[: options.check], told, options.out)
                document.setdefault("fits_checked", {})[name] = again
                print(f"{name}: {again['same']} of {again['stored']} stored fits come out bit for bit", flush=True)
            job = EXPERIMENTS[name].job(options.out, options.other_fits)
            found[name] = collect(name, job, seeds, told, options.out, options.other_code, pool=pool)
        split_check = None
        if "H7" in options.only and not options.report:
            split_check = splitting.measure(options.quick, pool)
    lines: list[Line] = []
    for goal in options.only:
        if goal in GOALS and any(found[name] for name in GOALS[goal].needs):
            lines += GOALS[goal].judge(found)
    if split_check is not None:
        lines.append(splitting.line(split_check))
    if "H15" in options.only:
        checked = vectors.check()
        good = sum(ok for _, _, ok in checked)
        names = ", ".join(name for name, _, ok in checked if not ok)
        lines.append(
            Line("H15", "numbers printed in the definitions, from the public functions", "all",
                 f"{good} of {len(checked)}{': ' + names if names else ''}", good == len(checked), "",
                 1.0 if good == len(checked) else -1.0)
        )  # fmt: skip
    if "H17" in options.only and not options.report:
        busy = os.getloadavg()[0] > (os.cpu_count() or 1)
        for cell in speed.measure(quick=options.quick):
            target, took = cell["target"], cell["cpu"] if busy else cell["wall"]
            judged = "judged on CPU seconds of all threads: the machine was busy" if busy else ""
            lines.append(
                Line("H17", f"{cell['cell']}, {cell['threads']} threads", f"{target:g} s",
                     f"{cell['wall']:.2f} s (least {cell['least']:.2f}; CPU {cell['cpu']:.2f})",
                     took <= target, judged, 1.0 - took / target)
            )  # fmt: skip
    text = report.markdown(document, lines)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "honesty.md").write_text(text, encoding="utf-8")
    (options.out / "honesty.json").write_text(
        json.dumps(document | {"lines": report.plain(lines)}, indent=2) + "\n", encoding="utf-8"
    )
    print(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
