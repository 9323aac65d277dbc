"""Tabular models beside the packages that people use, quality next to speed.

    python benchmarks/tabular [--out FOLDER] [--only fit uses ...] [--quick] [--rounds 5] [--threads 1 2]

Peers, each left out with a line in the report where it is not installed: scikit-learn, scikit-learn-intelex, YDF,
LightGBM, XGBoost, shap; numba for the floor. Every contestant runs in a process of its own. Real bars come from
--data, $SMCTRAIN_DATA or ../shared/data/mt5 beside the checkout; without any, the simulated market. --quick takes a few
rows and trees on one thread: it shows that everything runs, and says nothing about speed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.metadata
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

GROUPS = ("fit", "uses", "boosting", "linear", "search", "quality")
SHAPES = ("m15", "wide", "census", "large")
PACKAGES = (
    "numpy", "scikit-learn", "scikit-learn-intelex", "ydf", "lightgbm", "xgboost-cpu", "xgboost", "shap", "numba",
)  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write. Exit code 1 if a result is not as good as a peer's where both mean the same."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of terminal exports SYMBOL_TF.csv[.gz]")
    parser.add_argument("--out", type=Path, default=Path("build/bench/tabular"), help="folder for the report")
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=GROUPS, metavar="GROUP", help=", ".join(GROUPS))
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, help="of the forest fits; default: all")
    parser.add_argument("--peers", nargs="+", default=[], help="only peers whose name contains one of these")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", nargs="+", type=int, help="default: 1 2")
    parser.add_argument(
        "--patience", type=float, default=60.0, help="CPU seconds after which a peer gets no further turn"
    )
    parser.add_argument("--quick", action="store_true", help="tiny data; under a minute")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")

    import data
    import measure
    import report
    from market_engine.measure import machine

    import smctrain

    exports = data.find_exports(options.data)
    available = len(measure.cores(64))
    wanted = options.threads or ((1,) if options.quick else (1, 2))
    threads = tuple(count for count in wanted if count <= available)
    facts: dict[str, Any] = {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "machine": machine(),
        "rounds": options.rounds,
        "quick": options.quick,
        "data": "terminal exports and simulated sets" if exports else "simulated market and sets",
        "versions": {"smctrain": smctrain.__version__, **_versions()},
    }
    cells, searches, missing = [], [], []
    with tempfile.TemporaryDirectory(prefix="smctrain-bench-") as folder:
        plan = measure.Plan(
            options.rounds, options.patience, Path(folder), missing, options.quick, tuple(options.peers)
        )
        for cell in _cells(options, plan, threads, exports):
            if options.quick:
                cell.unpromise()
            cells.append(cell)
            ratios = ", ".join(f"{peer.label} {cell.ratio(peer)['median']:.2f}x" for peer in cell.peers)
            print(
                f"{cell.group:<9} {cell.work} [{cell.threads}]: {cell.ours.median():.4g} s; {ratios}; {cell.agreement}",
                file=sys.stderr, flush=True,
            )  # fmt: skip
            report.write(options.out, cells, searches, facts, missing)  # a long run that is ended leaves what it has
        searches += _searches(options)
    print(report.write(options.out, cells, searches, facts, missing))
    return int(any(cell.void for cell in cells))


def _cells(options: argparse.Namespace, plan: Any, threads: tuple[int, ...], exports: Path | None) -> Iterator[Any]:
    import cells_boosting
    import cells_forest
    import cells_linear
    import quality

    if "fit" in options.only:
        yield from cells_forest.fits(
            plan, threads, exports, options.shapes or (["m15", "census"] if options.quick else list(SHAPES))
        )
    if "uses" in options.only:
        yield from cells_forest.uses(plan, threads, exports)
    if "boosting" in options.only:
        yield from cells_boosting.cells(plan, exports)
    if "linear" in options.only:
        yield from cells_linear.cells(plan)
    if "quality" in options.only:
        yield from quality.cells(plan, exports)


def _searches(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Rows of `search.run(scale)`."""
    if "search" not in options.only:
        return []
    try:
        import search
    except ModuleNotFoundError as error:
        if error.name == "search":
            return []
        raise
    rows: list[dict[str, Any]] = list(search.run(0.05 if options.quick else 1.0))
    return rows


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


if __name__ == "__main__":
    sys.exit(main())
