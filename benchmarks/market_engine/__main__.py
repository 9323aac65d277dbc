"""The market engine beside the packages that people use, in one run on one thread.

    python benchmarks/market_engine [--out FOLDER] [--only smc labels ...] [--quick | --large] [--rounds 5]

Peers (each is skipped with a line in the report where it is not installed): smartmoneyconcepts 0.0.27, TA-Lib, numba,
pandas.
Sizes run on the simulated market; the portfolio on terminal exports (--data, $SMCTRAIN_DATA, ../shared/data/mt5 beside
the checkout) or, without any, on 11 simulated symbols. --quick stays at 10,000 bars; --large goes to 10 million.
"""

from __future__ import annotations

import os

# Before anything imports NumPy or a native library: they read these when they load.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
os.environ.setdefault("SMC_CREDIT", "0")  # silences a greeting of smartmoneyconcepts

import argparse
import contextlib
import datetime as dt
import importlib.metadata
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

GROUPS = ("smc", "technical", "labels", "panel", "engine", "growth")
PACKAGES = ("numpy", "pandas", "smartmoneyconcepts", "TA-Lib", "numba")


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write. Exit code 1 if a result differs from a peer's where both mean the same."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of terminal exports SYMBOL_TF.csv[.gz]")
    parser.add_argument("--out", type=Path, default=Path("build/bench/market_engine"), help="folder for the report")
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=GROUPS, metavar="GROUP", help=", ".join(GROUPS))
    parser.add_argument("--rounds", type=int, default=5)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="10,000 bars only; seconds instead of minutes")
    size.add_argument("--large", action="store_true", help="also 10 million bars (about 6 GB of memory)")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    with contextlib.suppress(AttributeError, OSError):  # not every system can pin
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

    import measure
    import report

    import smctrain

    facts: dict[str, Any] = {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "machine": measure.machine(),
        "rounds": options.rounds,
        "copy_gb_s": measure.copy_speed(),
        "versions": {"smctrain": smctrain.__version__, **_versions()},
    }
    missing: list[str] = []
    cells = []
    for cell in _cells(options, missing):
        cells.append(cell)
        print(f"{cell.group:<10} {cell.work:<58} {cell.size:>11,} {min(cell.ours.cpu_ms):>12.4f} ms", file=sys.stderr)
    print(report.write(options.out, cells, facts, missing))
    return int(any(cell.agree is False for cell in cells))


def _cells(options: argparse.Namespace, missing: list[str]) -> Iterator[Any]:
    import cells_engine
    import cells_labels
    import cells_panel
    import cells_smc
    import cells_technical
    import data

    folder = data.find_exports(options.data)
    small, million = (10_000,), (1_000_000,)
    if "smc" in options.only:
        yield from cells_smc.cells(small if options.quick else (10_000, 100_000), options.rounds, missing)
    if "technical" in options.only:
        sizes = small if options.quick else (10_000, 100_000, *million, *((10_000_000,) if options.large else ()))
        yield from cells_technical.cells(sizes, options.rounds, missing)
    if "labels" in options.only:
        yield from cells_labels.cells(small[0] if options.quick else million[0], options.rounds, missing)
    if "panel" in options.only:
        yield from cells_panel.cells(*((12, 1_000) if options.quick else (50, 5_000)), options.rounds, missing)
    if "engine" in options.only:
        yield from cells_engine.cells(folder, options.rounds)
    if "growth" in options.only and not options.quick:
        sizes = (10_000, 100_000, *million, *((10_000_000,) if options.large else ()))
        yield from cells_engine.growth(sizes, options.rounds)


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


if __name__ == "__main__":
    sys.exit(main())
