"""Networks beside PyTorch loops: steps, whole fits, prediction, memory, loading.

    python benchmarks/neural [--quick] [--only step fit seeds predict memory] [--rounds 5] [--seeds 10] [--out FOLDER]

`fit` runs the whole protocol (five folds and a final fit, two symbols) with `--seeds` seeds, the plain loop with
`--plain-seeds` of them; `seeds` final fits alone with less patience, the cheap way to the losses of many seeds. Every
fit is written to `neural-fits.jsonl` when it is done; `--resume` goes on with the fits found there instead of beginning
anew. Data: $SMCTRAIN_DATA, then `../shared/data/mt5` beside the checkout, then a simulated market; the first line of
the report says which.
"""

from __future__ import annotations

import os

# Before anything imports NumPy or a native library: they read these when they load.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import argparse
import contextlib
import datetime
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

GROUPS = ("step", "fit", "seeds", "predict", "memory")


def main() -> int:
    """Run the benchmark; write neural.md and neural.json."""
    parser = argparse.ArgumentParser(description="Networks beside PyTorch loops.")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: shows that everything runs")
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--plain-seeds", type=int, default=2)
    parser.add_argument("--resume", action="store_true", help="use the fits that an interrupted run has left")
    parser.add_argument("--out", type=Path, default=Path("build/bench"))
    options = parser.parse_args()
    with contextlib.suppress(AttributeError, OSError):  # not every system can pin
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    from importlib.metadata import version

    import cells as measure
    import report
    import torch
    from data import find_exports
    from main_job import machine

    import smctrain

    torch.set_num_threads(1)
    document: dict[str, Any] = {
        "date": datetime.date.today().isoformat(), "machine": machine(), "quick": options.quick,
        "data": "a simulated market" if find_exports() is None else "terminal exports",
        "versions": {"smctrain": smctrain.__version__, **{name: version(name) for name in ("torch", "numpy")}},
        "memory": [], "loading": [],
    }  # fmt: skip
    cells: list[Any] = []
    options.out.mkdir(parents=True, exist_ok=True)

    def keep(more: list[Any]) -> None:
        """Write the report with what is known by now: an interrupted run leaves one, too."""
        for cell in more:
            for ratio in cell["ratios"]:
                ratio["need"] = None if options.quick else ratio["need"]
        cells.extend(more)
        document.update(cells=cells, missed=report.missed(cells), worst=report.worst(cells))
        (options.out / "neural.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        (options.out / "neural.md").write_text(report.markdown(document), encoding="utf-8")

    if "step" in options.only:
        for cell in measure.steps(options.rounds, options.quick):
            keep([cell])
    journal = options.out / "neural-fits.jsonl"
    if not options.resume:
        journal.unlink(missing_ok=True)
    if "seeds" in options.only and not options.quick:
        keep(measure.fits(options.seeds, 0, False, journal, whole=False))
    if "fit" in options.only:
        keep(measure.fits(options.seeds, options.plain_seeds, options.quick, journal))
    if "predict" in options.only:
        keep(measure.predictions(options.rounds, options.quick))
    if "memory" in options.only:
        document["memory"] = measure.memory(options.quick)
        with tempfile.TemporaryDirectory() as name:
            document["loading"] = measure.loading(Path(name))
    keep([])
    print((options.out / "neural.md").read_text(encoding="utf-8"))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
