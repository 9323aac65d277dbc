"""Time and memory of the main job per stage, with the quality it bought.

    python benchmarks/main_job.py [DATA] [--preset default] [--symbols EURUSD XAUUSD] [--models rf xgboost] [--json]

DATA is a folder of terminal exports (SYMBOL_TF.csv[.gz]). Without it: $SMCTRAIN_DATA (the folder or its subfolder
`mt5`), then `../shared/data/mt5` beside the checkout, then a simulated market; the first line printed says which.

Everything runs in this process, on one thread, one symbol after the other, pinned to one core where the system allows
it. CPU seconds are those of the process. Peak memory is the largest resident size so far, so it never falls, and a
stage raised it only if the figure is larger than the one above it.
"""

from __future__ import annotations

import os

# Before anything imports NumPy or a native library: they read these when they load.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import argparse
import contextlib
import json
import platform
import resource
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SYMBOLS = ("EURUSD", "XAUUSD")


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description="Time and memory of the main job per stage.")
    parser.add_argument("data", nargs="?", type=Path, help="folder of SYMBOL_TF.csv[.gz]")
    parser.add_argument("--preset", default="default", help="fast, default or thorough")
    parser.add_argument("--symbols", nargs="+", help="default: EURUSD XAUUSD, or the simulated ones")
    parser.add_argument("--models", nargs="+", help="default: all four families")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--bars", type=int, default=10_000, help="bars per symbol of the simulated market")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    options = parser.parse_args(arguments)
    with contextlib.suppress(AttributeError, OSError):  # not every system can pin
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    report = measure(options)
    if options.json:
        print(json.dumps(report, indent=2, allow_nan=False))
    else:
        print_report(report)
    return 0


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """The whole job once; costs per stage, and accuracies beside the majority share."""
    started, cpu_started = time.monotonic(), time.process_time()
    import numpy as np

    import smctrain
    from smctrain import reports
    from smctrain.artifact import versions
    from smctrain.bars import read_bars
    from smctrain.config import resolve
    from smctrain.results import RunResult, SymbolResult, now
    from smctrain.testing.market import simulate_market
    from smctrain.training.run import finish
    from smctrain.training.stages import Stages
    from smctrain.training.symbol import train_symbol

    overrides: dict[str, Any] = {"training.seed": options.seed}
    if options.models:
        overrides["models"] = options.models
    resolved = resolve(options.preset, overrides=overrides)
    stages = Stages()
    # What was spent before the first stage is the start of the interpreter's libraries.
    stages.seconds["imports"] = round(time.monotonic() - started, 4)
    stages.cpu_seconds["imports"] = round(time.process_time() - cpu_started, 4)
    stages.peak_mib["imports"] = peak_mib()

    folder = find_data(options.data)
    with stages("read bars"):
        if folder is None:
            bars = simulate_market(n_symbols=2, n_bars=options.bars, seed=options.seed)
        else:
            bars = read_bars(folder, symbols=options.symbols or SYMBOLS)
    symbols: dict[str, SymbolResult] = {}
    with tempfile.TemporaryDirectory(prefix="smctrain-bench-") as name:
        run_folder = Path(name)
        for symbol in bars.symbols:
            print(f"training {symbol} ...", file=sys.stderr)
            result = train_symbol(
                bars[symbol], resolved.config, name, [], 1, len(bars.symbols), stop=np.zeros(1, dtype=np.uint8),
                report=lambda *_: None, stages=stages,
            )  # fmt: skip
            symbols[symbol] = SymbolResult.from_dict(result)
        run = RunResult(
            "benchmark", now(), symbols, [], resolved.config.model_dump(mode="json"), resolved.hash(), run_folder,
            truth=[asdict(truth) for truth in bars.truth_list], environment=versions(),
        )  # fmt: skip
        with stages("run files"):
            finish(run, resolved.config)
        with stages("reports"):
            reports.write_run(run)
        size = sum(path.stat().st_size for path in run_folder.rglob("*") if path.is_file())
    wall, cpu = time.monotonic() - started, time.process_time() - cpu_started
    return {
        "data": "simulated market" if folder is None else "terminal exports",
        "symbols": {
            symbol: {"bars": r.n_bars, "rows": r.n_rows, "columns": len(r.features), "verdict": r.verdict["kind"]}
            for symbol, r in symbols.items()
        },
        "preset": options.preset,
        "folds": resolved.config.cv.folds,
        "seed": options.seed,
        "stages": [
            {"stage": s, "wall_s": stages.seconds[s], "cpu_s": stages.cpu_seconds[s], "peak_mib": stages.peak_mib[s]}
            for s in stages.seconds
        ],
        "total": {"wall_s": round(wall, 3), "cpu_s": round(cpu, 3), "peak_mib": peak_mib()},
        "run_folder_mib": round(size / 2**20, 2),
        "quality": [
            {
                "symbol": row["symbol"],
                "model": row["model"],
                "validation": row["val_accuracy"],
                "test": row["test_accuracy"],
                "test_low": row["test_low"],
                "test_high": row["test_high"],
                "majority": row["majority"],
                "cv_mean": row["cv_mean"],
            }
            for row in run.leaderboard_rows()
        ],
        "failures": [f"{f.symbol} {f.model}: {f.error}" for f in run.failures],
        "machine": machine(),
        "versions": {"smctrain": smctrain.__version__, **versions()},
        "date": now()[:10],
    }


def find_data(given: Path | None) -> Path | None:
    """The folder of exports to read, or None for the simulated market. A folder that is named must exist."""
    if given is not None:
        if not given.is_dir():
            raise SystemExit(f"{given} is not a folder.")
        return given
    candidates = [ROOT.parent / "shared" / "data" / "mt5"]
    if os.environ.get("SMCTRAIN_DATA"):
        base = Path(os.environ["SMCTRAIN_DATA"])
        candidates = [base / "mt5", base, *candidates]
    return next((folder for folder in candidates if any(folder.glob("*_*.csv*"))), None)


def peak_mib() -> float:
    """Largest resident memory of this process so far."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def machine() -> dict[str, Any]:
    """What a reader needs to judge the seconds."""
    model = platform.machine()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    return {"cpu": model, "cores": os.cpu_count(), "load": round(os.getloadavg()[0], 2)}


def print_report(report: dict[str, Any]) -> None:
    """The tables."""
    if report["data"] == "simulated market":
        print(
            "No terminal exports were found (argument, SMCTRAIN_DATA, ../shared/data/mt5): a SIMULATED market instead."
        )
    for symbol, size in report["symbols"].items():
        print(f"{symbol}: {size['bars']:,} bars, {size['rows']:,} labelled rows, {size['columns']} columns")
    m, total = report["machine"], report["total"]
    print(f"{report['date']}, {m['cpu']}, {m['cores']} cores, load {m['load']} at the end; one thread, one worker")
    print(f"preset {report['preset']}, {report['folds']} folds, seed {report['seed']}")
    print(", ".join(f"{name} {version}" for name, version in report["versions"].items()))
    print(f"\n{'stage':<14} {'wall s':>9} {'CPU s':>9} {'share':>7} {'peak MiB':>9}")
    rest = {key: total[key] - sum(s[key] for s in report["stages"]) for key in ("wall_s", "cpu_s")}
    rows = [*report["stages"], {"stage": "between", **rest, "peak_mib": total["peak_mib"]}]
    for s in [*rows, {"stage": "whole", **total}]:
        share = 100 * s["cpu_s"] / total["cpu_s"]
        print(f"{s['stage']:<14} {s['wall_s']:>9.2f} {s['cpu_s']:>9.2f} {share:>5.1f} % {s['peak_mib']:>9.0f}")
    print(f"\n{'symbol':<8} {'model':<14} {'validation':>10} {'test (95 %)':>18} {'majority':>9} {'inner folds':>12}")
    for q in report["quality"]:
        interval = f"{percent(q['test'])} ({100 * q['test_low']:.0f}-{100 * q['test_high']:.0f})"
        print(
            f"{q['symbol']:<8} {q['model']:<14} {percent(q['validation']):>10} {interval:>18} "
            f"{percent(q['majority']):>9} {percent(q['cv_mean']):>12}"
        )
    for symbol, size in report["symbols"].items():
        print(f"{symbol}: {size['verdict']}")
    for failure in report["failures"]:
        print(f"failed: {failure}")


def percent(value: float | None) -> str:
    """61.2 % or a dash."""
    return "-" if value is None else f"{100 * value:.1f} %"


if __name__ == "__main__":
    sys.exit(main())
