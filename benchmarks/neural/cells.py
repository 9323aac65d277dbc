"""What is measured: steps, whole fits, predictions, memory. Contestants take turns: 1 2 3, 3 2 1, and so on."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from contestants import CONTESTANTS, Net, cnn, mlp, recurrent, start_of, trainer_of, transformer
from data import FOLDS, SYMBOLS, Work, find_exports, held_out_loss, market, planted

Cell = dict[str, Any]
NO_ROWS = np.empty(0, dtype=np.int64)
STEP_LOSS = 0.01  # steps: largest share that our held-out loss may be above the peer's
FIT_LOSS = 0.005
SHORT = 4  # epochs of patience where only losses are wanted


class Turn(NamedTuple):
    """One turn of a contestant: CPU and wall time; losses as trained (classes balanced, smoothed) and plain."""

    cpu: float
    wall: float
    loss: float = 0.0
    plain_loss: float = 0.0
    epochs: float = 0.0


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


def steps(rounds: int, quick: bool) -> Iterator[Cell]:
    """Milliseconds of a training step. All sides begin with the same weights and take the same rows in the same order;
    before the turns, one run without dropout shows that they compute the same thing."""
    work = planted(900, 200) if quick else planted()
    rows, stop_rows = work.folds[0]
    epochs = (lambda batch: 1) if quick else (lambda batch: {16: 3, 64: 5, 256: 10}[batch])
    nets = [(mlp(b, epochs(b)), need) for b, need in ((16, 6.0), (64, 4.0), (256, 2.5))]
    nets += [(recurrent("lstm", b, epochs(b)), need) for b, need in ((16, 2.8), (64, 1.6))]
    nets += [(recurrent("gru", b, epochs(b)), 1.0) for b in (16, 64)]
    nets += [(cnn(64, epochs(64)), 1.0), (transformer(64, epochs(64)), 1.0)]
    if quick:
        nets = [nets[1], nets[4]]
    for net, need in nets:
        peak = peak_gflops()
        n_steps = net.epochs * -(-len(rows) // net.batch)
        turns: dict[str, list[Any]] = {name: [] for name in ("ours", "tuned", "plain")}
        for name in turns:  # imports and first touches are not steps
            CONTESTANTS[name](replace(net, epochs=1), work, rows[:300], NO_ROWS, 0)
        bare = replace(net, dropout=0.0, epochs=min(net.epochs, 3))
        start = start_of(bare, work, rows, 0)
        same = {}
        for name in turns:
            _, predict = CONTESTANTS[name](bare, work, rows, NO_ROWS, 0, start)
            same[name] = held_out_loss(predict(stop_rows), work.y[stop_rows], work.y[rows], net.smoothing)[0]
        for number in range(rounds):
            start = start_of(net, work, rows, number)
            for name in list(turns) if number % 2 == 0 else list(turns)[::-1]:
                cpu, wall = time.process_time(), time.perf_counter()
                _, predict = CONTESTANTS[name](net, work, rows, NO_ROWS, number, start)
                spent = time.process_time() - cpu, time.perf_counter() - wall
                losses = held_out_loss(predict(stop_rows), work.y[stop_rows], work.y[rows], net.smoothing)
                turns[name].append(Turn(1e3 * spent[0] / n_steps, 1e3 * spent[1] / n_steps, *losses))
        cell = _cell("step", f"{net.kind.upper()} step, batch {net.batch}", turns, {"ours": {"tuned": need}}, STEP_LOSS)
        work_done = 2 * net.multiplications(work.X.shape[1], 3) / 1e6  # MFLOP
        cell["peak_gflops"] = peak
        cell["without_dropout"] = same
        apart = max(abs(same["ours"] / same[peer] - 1) for peer in ("tuned", "plain"))
        cell["apart_without_dropout"] = apart
        for ratio in cell["ratios"]:
            ratio["void"] |= apart > STEP_LOSS
        for side in cell["sides"].values():
            side["share_of_peak"] = work_done / side["cpu"] / peak
        yield cell


def fits(seeds: int, plain_seeds: int, quick: bool, journal: Path, whole: bool = True) -> list[Cell]:
    """Seconds of the protocol: five folds and the final fit, early stopping, two symbols; every contestant draws its
    own weights and orders. Not `whole`: the final fit alone with a patience of `SHORT` for all and without the plain
    loop, the cheap way to the losses of many seeds. Each fit is written to `journal` when it is done and never run
    again while it is there."""
    exports = find_exports()
    known = {}
    if journal.exists():
        for line in journal.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            known[tuple(entry["key"])] = entry
    nets = {net.kind: replace(net, epochs=2) if quick else net for net in (mlp(), recurrent("lstm"))}
    if not whole:
        nets = {kind: replace(net, patience=SHORT) for kind, net in nets.items()}
    names = ("ours", "fast", "tuned", "plain") if whole else ("ours", "fast", "tuned")
    seeds_of = {name: min(seeds, plain_seeds) if name == "plain" else seeds for name in names}
    symbols = SYMBOLS[:1] if quick else SYMBOLS
    n_folds = FOLDS + 1 if whole and not quick else 1
    for seed in range(seeds):
        for kind, net in nets.items():
            for symbol in symbols:
                for name in names if seed % 2 == 0 else names[::-1]:
                    key = (kind, symbol, name, seed, n_folds, int(quick))
                    if key in known or seed >= seeds_of[name]:
                        continue
                    work = market(symbol, exports, 1200 if quick else 0)
                    load = os.getloadavg()[0]
                    known[key] = {"key": key, "load": load, **_protocol(name, net, work, work.folds[-n_folds:], seed)}
                    with journal.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(known[key]) + "\n")
    what = "5 folds and final fit" if n_folds > 1 else "final fit" if whole else f"final fit, patience {SHORT}"
    cells = []
    for kind in nets:
        needs = {"ours": {"tuned": {"mlp": 4.0, "lstm": 2.7}[kind]}, "fast": {"plain": 8.0}} if whole else {}
        for symbol in symbols:
            found = {name: [known[kind, symbol, name, seed, n_folds, int(quick)] for seed in range(n)]
                     for name, n in seeds_of.items()}  # fmt: skip
            turns = {
                name: [Turn(e["cpu"], e["wall"], e["loss"], e["plain_loss"], e["epochs"]) for e in entries]
                for name, entries in found.items()
            }
            cells.append(
                _cell("fit" if whole else "seeds", f"{kind.upper()}, {what}, {symbol}", turns, needs, FIT_LOSS)
            )
    return cells


def _protocol(name: str, net: Net, work: Work, folds: list[Any], seed: int) -> dict[str, Any]:
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
    weighted, plain = (list(column) for column in zip(*losses, strict=True))
    return {"cpu": cpu, "wall": wall, "loss": statistics.mean(weighted), "plain_loss": statistics.mean(plain),
            "epochs": epochs, "losses": weighted, "plain_losses": plain}  # fmt: skip


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
                    turns[name].append(Turn(1e3 * spent[0] / repeats, 1e3 * spent[1] / repeats))
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
import numpy as np
started = time.process_time()
if sys.argv[2] == "estimator":
    from smctrain.models import load_model as load
else:
    from smctrain.artifact.container import read_model
    from smctrain.models.registry import fitted_from_state
    def load(path):
        return fitted_from_state(*read_model(path))
model = load(sys.argv[1])
loaded = time.process_time() - started
model.predict_proba(np.zeros((20, 57), dtype=np.float32))
first = time.process_time() - started
started = time.process_time()
load(sys.argv[1])
again = time.process_time() - started
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
    """CPU milliseconds in a fresh process from the first import of ours until a network is loaded, and until its first
    prediction: the bare network, and the estimator (which imports scikit-learn)."""
    from smctrain.artifact.container import write_model
    from smctrain.models import LSTMClassifier, MLPClassifier
    from smctrain.models.base import FitTask

    work = planted(900, 200)
    rows, stop_rows = work.folds[0]
    task = FitTask(X=work.X, y=work.y, rows=rows, stop_rows=stop_rows, n_classes=3, seed=0)
    paths = {}
    for net in (mlp(64, 1), recurrent("lstm", 16, 1)):
        fitted = trainer_of(net).fit(task)
        paths[f"bare {fitted.family}"] = folder / f"{net.kind}.smc"
        write_model(paths[f"bare {fitted.family}"], fitted.family, *fitted.to_state())
    for estimator in (MLPClassifier(max_epochs=1), LSTMClassifier(max_epochs=1)):
        name = type(estimator).__name__
        paths[name] = folder / f"{name}.smc"
        estimator.fit(work.X, work.y).save(paths[name])
    found = []
    for name, path in paths.items():
        command = [sys.executable, "-c", LOADER, str(path), "bare" if name.startswith("bare") else "estimator"]
        runs = [subprocess.run(command, check=True, capture_output=True, text=True) for _ in range(3)]
        figures = [run.stdout.split() for run in runs]
        found.append({
            "work": name, "load_ms": min(float(f[0]) for f in figures),
            "first_prediction_ms": min(float(f[1]) for f in figures), "again_ms": min(float(f[2]) for f in figures),
            "torch_imported": figures[0][3] == "True",
        })  # fmt: skip
    return found


def _cell(
    group: str, work: str, turns: dict[str, list[Turn]], needs: dict[str, dict[str, float]], margin: float
) -> Cell:
    """Medians, ratios turn by turn, losses, and which ratio is void because the loss is worse. `plain` may have fewer
    turns than the others: it computes what `tuned` computes, so losses are judged against whichever has more."""
    sides: dict[str, Any] = {}
    for name, mine in turns.items():
        sides[name] = {
            "cpu": statistics.median(t.cpu for t in mine), "cpu_min": min(t.cpu for t in mine),
            "wall": statistics.median(t.wall for t in mine), "turns": len(mine),
            "loss": statistics.mean(t.loss for t in mine), "losses": [t.loss for t in mine],
            "plain_loss": statistics.mean(t.plain_loss for t in mine), "plain_losses": [t.plain_loss for t in mine],
            "epochs": statistics.mean(t.epochs for t in mine),
        }  # fmt: skip
    ratios = []
    for a in ("ours", "fast"):
        for b in ("tuned", "plain"):
            if a not in turns or b not in turns:
                continue
            each = [theirs.cpu / mine.cpu for mine, theirs in zip(turns[a], turns[b], strict=False)]
            judge = b if len(turns[b]) == len(turns[a]) else "tuned"
            worse, error = _apart([t.loss for t in turns[a]], [t.loss for t in turns[judge]])
            plain_worse, plain_error = _apart([t.plain_loss for t in turns[a]], [t.plain_loss for t in turns[judge]])
            ratios.append({
                "of": a, "peer": b, "median": statistics.median(each), "low": min(each), "high": max(each),
                "judge": judge, "loss_difference": worse, "loss_error": error, "void": worse > margin,
                "plain_loss_difference": plain_worse, "plain_loss_error": plain_error,
                "need": needs.get(a, {}).get(b),
            })  # fmt: skip
    return {"group": group, "work": work, "turns": len(turns["ours"]), "sides": sides, "ratios": ratios}


def _apart(mine: list[float], theirs: list[float]) -> tuple[float, float | None]:
    """How much higher ours is on average, as a share, and the standard error of that over the turns."""
    if not any(theirs):
        return 0.0, None
    each = [x / y - 1 for x, y in zip(mine, theirs, strict=True)]
    error = statistics.stdev(each) / len(each) ** 0.5 if len(each) > 1 else None
    return statistics.mean(mine) / statistics.mean(theirs) - 1, error
