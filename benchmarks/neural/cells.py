"""What is measured: steps, whole fits, predictions, memory. Contestants take turns: 1 2 3, 3 2 1, and so on."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from contestants import CONTESTANTS, Net, cnn, mlp, recurrent
from data import SYMBOLS, Work, find_exports, held_out_loss, market, planted

Cell = dict[str, Any]
NO_ROWS = np.empty(0, dtype=np.int64)
STEP_LOSS = 0.01  # steps: largest share that our held-out loss may be above the peer's
FIT_LOSS = 0.005


def peak_gflops() -> float:
    """The most that one core reaches in a float32 matrix product, measured now."""
    import torch

    a, b = torch.randn(512, 512), torch.randn(512, 512)
    best = float("inf")
    for _ in range(60):
        started = time.perf_counter()
        torch.mm(a, b)
        best = min(best, time.perf_counter() - started)
    return 2 * 512**3 / best / 1e9


def steps(rounds: int, quick: bool) -> list[Cell]:
    """Milliseconds of a training step."""
    work = planted(900, 200) if quick else planted()
    rows, stop_rows = work.folds[0]
    epochs = (lambda batch: 1) if quick else (lambda batch: {16: 3, 64: 5, 256: 10}[batch])
    nets = [(mlp(b, epochs(b)), need) for b, need in ((16, 6.0), (64, 4.0), (256, 2.5))]
    nets += [(recurrent("lstm", b, epochs(b)), need) for b, need in ((16, 2.8), (64, 1.6))]
    nets += [(recurrent("gru", b, epochs(b)), 1.0) for b in (16, 64)]
    nets += [(cnn(64, epochs(64)), 1.0)]
    if quick:
        nets = [nets[1], nets[4]]
    cells = []
    for net, need in nets:
        peak = peak_gflops()
        n_steps = net.epochs * -(-len(rows) // net.batch)
        turns: dict[str, list[Any]] = {name: [] for name in ("ours", "tuned", "plain")}
        for name in turns:  # imports and first touches are not steps
            CONTESTANTS[name](Net(**{**net.__dict__, "epochs": 1}), work, rows[:300], NO_ROWS, 0)
        for number in range(rounds):
            for name in list(turns) if number % 2 == 0 else list(turns)[::-1]:
                cpu, wall = time.process_time(), time.perf_counter()
                _, predict = CONTESTANTS[name](net, work, rows, NO_ROWS, number)
                spent = time.process_time() - cpu, time.perf_counter() - wall
                loss = held_out_loss(predict(stop_rows), work.y[stop_rows], work.y[rows], net.smoothing)
                turns[name].append((1e3 * spent[0] / n_steps, 1e3 * spent[1] / n_steps, loss))
        cell = _cell("step", f"{net.kind.upper()} step, batch {net.batch}", turns, {"tuned": need}, STEP_LOSS)
        work_done = 2 * net.multiplications(work.X.shape[1], 3) / 1e6  # MFLOP
        cell["peak_gflops"] = peak
        for name, side in cell["sides"].items():
            side["share_of_peak"] = work_done / side["cpu"] / peak
            cell.setdefault("shares", {})[name] = side["share_of_peak"]
        cells.append(cell)
    return cells


def fits(seeds: int, quick: bool, whole: bool) -> list[Cell]:
    """Seconds of the protocol: five folds and the final fit, early stopping, two symbols. Not `whole`: the final fit
    alone, the cheap way to many seeds."""
    exports = find_exports()
    cells = []
    for net, need in ((mlp(), {"tuned": 4.0}), (recurrent("lstm"), {"tuned": 2.7})):
        if quick:
            net = Net(**{**net.__dict__, "epochs": 2})
        for symbol in SYMBOLS[:1] if quick else SYMBOLS:
            work = market(symbol, exports, 1200 if quick else 0)
            folds = work.folds if whole and not quick else work.folds[-1:]
            turns: dict[str, list[Any]] = {name: [] for name in ("ours", "fast", "tuned", "plain")}
            for seed in range(seeds):
                for name in list(turns) if seed % 2 == 0 else list(turns)[::-1]:
                    turns[name].append(_protocol(name, net, work, folds, seed))
            what = "5 folds and final fit" if len(folds) > 1 else "final fit"
            cells.append(
                _cell("fit", f"{net.kind.upper()}, {what}, {symbol}", turns, need, FIT_LOSS,
                      {"fast": {"plain": 8.0}})
            )  # fmt: skip
    return cells


def _protocol(name: str, net: Net, work: Work, folds: list[Any], seed: int) -> tuple[float, float, float, float]:
    cpu = wall = 0.0
    losses, epochs = [], 0
    for rows, stop_rows in folds:
        started = time.process_time(), time.perf_counter()
        n, predict = CONTESTANTS[name](net, work, rows, stop_rows, seed)
        cpu += time.process_time() - started[0]
        wall += time.perf_counter() - started[1]
        known = stop_rows[stop_rows >= net.lookback - 1]
        losses.append(held_out_loss(predict(known), work.y[known], work.y[rows], net.smoothing))
        epochs += n
    return cpu, wall, statistics.mean(losses), epochs


def predictions(rounds: int, quick: bool) -> list[Cell]:
    """Milliseconds for 8,000 rows at once, and for one row."""
    work = planted(900, 200) if quick else planted()
    rows = work.folds[0][0]
    cells = []
    for net in (mlp(64, 1), recurrent("lstm", 64, 1)):
        for name in ("ours", "tuned"):
            CONTESTANTS[name](net, work, rows[:300], NO_ROWS, 0)
        known = {name: CONTESTANTS[name](net, work, rows, NO_ROWS, 0)[1] for name in ("ours", "tuned")}
        for what, asked, repeats in ((f"{len(rows):,} rows", rows, 1), ("one row", rows[50:51], 200)):
            turns: dict[str, list[Any]] = {name: [] for name in known}
            for number in range(rounds):
                for name in list(turns) if number % 2 == 0 else list(turns)[::-1]:
                    cpu, wall = time.process_time(), time.perf_counter()
                    for _ in range(repeats):
                        known[name](asked)
                    spent = time.process_time() - cpu, time.perf_counter() - wall
                    turns[name].append((1e3 * spent[0] / repeats, 1e3 * spent[1] / repeats, 0.0))
            cells.append(_cell("predict", f"{net.kind.upper()} predict, {what}", turns, {}, 0.0))
    return cells


CHILD = """
import os, sys, json, resource, time
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
sys.path.insert(0, sys.argv[1])
import contestants, data
work = data.planted(900, 200) if sys.argv[4] == "quick" else data.planted()
net = contestants.mlp(64, 1) if sys.argv[3] == "mlp" else contestants.recurrent("lstm", 16, 1)
contestants.CONTESTANTS[sys.argv[2]](net, work, *work.folds[0], 0)
try:  # the high-water mark of getrusage is inherited from the parent
    lines = open("/proc/self/status").read().splitlines()
    peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
except OSError:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps(peak))
"""
LOADER = """
import sys, time
import smctrain.models
started = time.perf_counter()
model = smctrain.models.load_model(sys.argv[1])
loaded = time.perf_counter() - started
import numpy as np
model.predict_proba(np.zeros((20, 57), dtype=np.float32))
first = time.perf_counter() - started
started = time.perf_counter()
smctrain.models.load_model(sys.argv[1])
again = time.perf_counter() - started
print(1e3 * loaded, 1e3 * first, 1e3 * again, "torch" in sys.modules)
"""


def memory(quick: bool) -> list[dict[str, Any]]:
    """Largest resident MiB of a process that imports what it needs and trains one epoch."""
    here = str(Path(__file__).resolve().parent)
    found = []
    for kind in ("mlp",) if quick else ("mlp", "lstm"):
        row: dict[str, Any] = {"work": f"{kind.upper()}, process that trains"}
        for name in ("ours", "tuned"):
            command = [sys.executable, "-c", CHILD, here, name, kind, "quick" if quick else "full"]
            row[name] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        found.append(row)
    return found


def loading(folder: Path) -> list[dict[str, Any]]:
    """Milliseconds of `load_model` in a fresh process, imports included, and until a first prediction."""
    from smctrain.models import LSTMClassifier, MLPClassifier

    work = planted(900, 200)
    found = []
    for estimator in (MLPClassifier(max_epochs=1), LSTMClassifier(max_epochs=1)):
        path = folder / "net.smc"
        estimator.fit(work.X, work.y).save(path)
        runs = [
            subprocess.run([sys.executable, "-c", LOADER, str(path)], check=True, capture_output=True, text=True)
            for _ in range(3)
        ]
        figures = [run.stdout.split() for run in runs]
        found.append({
            "work": type(estimator).__name__, "load_ms": min(float(f[0]) for f in figures),
            "first_prediction_ms": min(float(f[1]) for f in figures), "again_ms": min(float(f[2]) for f in figures),
            "torch_imported": figures[0][3] == "True",
        })  # fmt: skip
        path.unlink()
    return found


def _cell(
    group: str, work: str, turns: dict[str, list[Any]], need: dict[str, float], margin: float,
    more_needs: dict[str, dict[str, float]] | None = None,
) -> Cell:  # fmt: skip
    """Medians, ratios turn by turn, losses, and which ratio is void because the loss is worse."""
    sides = {}
    for name, mine in turns.items():
        columns = list(zip(*mine, strict=True))
        sides[name] = {
            "cpu": statistics.median(columns[0]), "cpu_min": min(columns[0]), "wall": statistics.median(columns[1]),
            "loss": statistics.mean(columns[2]), "losses": list(columns[2]),
        }  # fmt: skip
        if len(columns) > 3:
            sides[name]["epochs"] = statistics.mean(columns[3])
    needs = {"ours": need, **(more_needs or {})}
    ratios = []
    for a in ("ours", "fast"):
        for b in ("tuned", "plain"):
            if a not in turns or b not in turns:
                continue
            each = [theirs[0] / mine[0] for mine, theirs in zip(turns[a], turns[b], strict=True)]
            worse = sides[a]["loss"] / sides[b]["loss"] - 1 if sides[b]["loss"] else 0.0
            apart = [x / y - 1 for x, y in zip(sides[a]["losses"], sides[b]["losses"], strict=True) if y]
            ratios.append({
                "of": a, "peer": b, "median": statistics.median(each), "low": min(each), "high": max(each),
                "loss_difference": worse, "void": worse > margin, "need": needs.get(a, {}).get(b),
                "loss_error": statistics.stdev(apart) / len(apart) ** 0.5 if len(apart) > 1 else None,
            })  # fmt: skip
    return {"group": group, "work": work, "turns": len(turns["ours"]), "sides": sides, "ratios": ratios}
