"""A search of 5 folds x 50 settings on two cores: ours, the loop an expert writes, and the loop most people write.

    python benchmarks/tabular/search.py [--scale 1.0] [--families XGBoost LightGBM RandomForest] [--rounds 2] [--busy]

ours      st.models.fit_many: one-thread fits side by side, bins and training matrices of a fold shared by all settings
tuned     the library itself, a pool of two processes, one thread a fit, its matrix built once a fold (XGBoost:
          QuantileDMatrix, LightGBM: Dataset); scikit-learn's forest with one thread in the same pool
default   the library's scikit-learn class in a loop over settings and folds, two threads a fit

All get the same rows, folds and settings, no early stopping, and are judged by the mean log loss of all held-out
predictions. Every run is a process of its own, pinned to two cores; contestants take turns (A B C C B A), and the
medians are reported. --busy keeps two other processes computing on the same cores all the time.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

FAMILIES = ("XGBoost", "LightGBM", "RandomForest")
CONTESTANTS = ("ours", "tuned", "default")
PACKAGES = {"XGBoost": "xgboost", "LightGBM": "lightgbm", "RandomForest": "sklearn"}
FOLDS, GAP, CORES = 5, 20, 2
Pairs = list[tuple[Any, Any]]
# Margin of equal quality: half a percent of log loss, and for forests the noise of a few dozen trees on top.
MARGIN = {"XGBoost": 0.005, "LightGBM": 0.005, "RandomForest": 0.02}


def sizes(scale: float) -> tuple[int, int, int]:
    """(rows, settings, trees)."""
    small = min(1.0, 2 * scale)
    return max(600, int(4000 * small)), max(3, round(50 * scale)), max(10, int(100 * small))


def make(rows: int) -> tuple[Any, Any, Pairs]:
    """Planted structure of three classes, missing values, and folds with a gap on either side."""
    rng = np.random.default_rng(5)
    X = (rng.normal(size=(rows, 57)) @ (np.eye(57) + 0.15 * rng.normal(size=(57, 57)))).astype(np.float32)
    score = X[:, 0] + 0.7 * X[:, 1] * X[:, 2] + np.abs(X[:, 3]) + 2 * rng.normal(size=rows)
    y = np.digitize(score, np.quantile(score, [0.25, 0.8])).astype(np.int64)
    X[rng.random(X.shape) < 0.01] = np.nan
    parts = np.array_split(np.arange(rows), FOLDS)
    everything = np.arange(rows)
    pairs = [(everything[(everything < part[0] - GAP) | (everything > part[-1] + GAP)], part) for part in parts]
    return X, y, pairs


def draw(family: str, count: int, trees: int) -> list[dict[str, Any]]:
    """Settings by the names that the library and ours have in common."""
    rng = np.random.default_rng(9)
    settings = []
    for _ in range(count):
        if family == "RandomForest":
            each: dict[str, Any] = {
                "min_samples_leaf": int(rng.integers(1, 60)),
                "max_depth": int(rng.integers(4, 14)),
                "max_features": float(rng.uniform(0.05, 0.5)),
            }
        else:
            each = {
                "learning_rate": float(10 ** rng.uniform(-2, -0.5)),
                "max_depth": int(rng.integers(2, 7)),
                "min_child_weight": float(10 ** rng.uniform(0, 1.5)),
                "subsample": float(rng.uniform(0.5, 1.0)),
                "colsample_bytree": float(rng.uniform(0.4, 1.0)),
                "reg_lambda": float(10 ** rng.uniform(-1, 1)),
                "reg_alpha": 0.0,
            }
            if family == "LightGBM":
                each |= {"num_leaves": 2 ** each["max_depth"], "subsample_freq": 1, "min_child_samples": 20}
        settings.append({"n_estimators": trees, **each})
    return settings


def log_loss(y: Any, proba: Any) -> float:
    rows = proba / proba.sum(axis=1, keepdims=True)
    return float(-np.log(np.clip(rows[np.arange(len(y)), y], 1e-15, None)).mean())


# ---- the three ways ------------------------------------------------------------


def ours(family: str, X: Any, y: Any, pairs: Pairs, settings: list[dict[str, Any]]) -> list[float]:
    from smctrain.models import fit_many

    more: dict[str, Any] = {"class_weight": None}
    if family == "RandomForest":
        more |= {"max_samples": None, "min_samples_split": 2, "oob_score": False}
    results = fit_many(
        (X, y), [(family, each | more) for each in settings], pairs, n_jobs=CORES, keep_models=False, on_error="raise"
    )
    return [log_loss(y[fit.rows], fit.prediction) for fit in results.fits]


_STATE: dict[str, Any] = {}
_BUILT: dict[int, Any] = {}


def _begin(family: str, X: Any, y: Any, pairs: Pairs) -> None:
    _STATE.update(family=family, X=X, y=y, pairs=pairs)


def _tuned_fit(job: tuple[int, dict[str, Any]]) -> tuple[float, float]:
    """(log loss, CPU seconds)."""
    fold, each = job
    cpu = time.process_time()
    X, y, (train, test) = _STATE["X"], _STATE["y"], _STATE["pairs"][fold]
    family, each = _STATE["family"], dict(each)
    if fold not in _BUILT:
        _BUILT.clear()
    if family == "XGBoost":
        import xgboost

        if fold not in _BUILT:
            _BUILT[fold] = (
                xgboost.QuantileDMatrix(X[train], y[train], max_bin=256, nthread=1),
                xgboost.DMatrix(X[test], nthread=1),
            )
        matrix, held_out = _BUILT[fold]
        trees = each.pop("n_estimators")
        fixed = {
            "objective": "multi:softprob", "num_class": 3, "tree_method": "hist", "nthread": 1, "max_bin": 256,
            "seed": 42,
        }  # fmt: skip
        proba = xgboost.train(each | fixed, matrix, trees).predict(held_out)
    elif family == "LightGBM":
        import lightgbm

        if fold not in _BUILT:
            options = {"verbosity": -1, "num_threads": 1, "feature_pre_filter": False, "max_bin": 255}
            _BUILT[fold] = (lightgbm.Dataset(X[train], y[train], params=options).construct(), X[test])
        matrix, held_out = _BUILT[fold]
        trees = each.pop("n_estimators")
        fixed = {
            "objective": "multiclass", "num_class": 3, "num_threads": 1, "verbosity": -1, "deterministic": True,
            "seed": 42,
            "force_row_wise": True, "feature_pre_filter": False,
        }  # fmt: skip
        proba = lightgbm.train(each | fixed, matrix, trees).predict(held_out, num_threads=1)
    else:
        from sklearn.ensemble import RandomForestClassifier

        forest = RandomForestClassifier(**each, n_jobs=1, random_state=42).fit(X[train], y[train])
        proba = forest.predict_proba(X[test])
    return log_loss(y[test], np.asarray(proba, dtype=np.float64)), time.process_time() - cpu


def tuned(family: str, X: Any, y: Any, pairs: Pairs, settings: list[dict[str, Any]]) -> list[float]:
    if "pool" not in _STATE:  # the warm-up starts it, so that the start is not counted
        # Spawned: a fork would copy OpenMP's locks.
        _STATE["pool"] = multiprocessing.get_context("spawn").Pool(CORES, _begin, (family, X, y, pairs))
    done = _STATE["pool"].map(
        _tuned_fit, [(fold, each) for fold in range(len(pairs)) for each in settings], chunksize=1
    )
    _STATE["cpu"] = sum(cpu for _, cpu in done)
    return [loss for loss, _ in done]


def default(family: str, X: Any, y: Any, pairs: Pairs, settings: list[dict[str, Any]]) -> list[float]:
    losses = []
    for each in settings:
        for train, test in pairs:
            if family == "XGBoost":
                from xgboost import XGBClassifier

                model: Any = XGBClassifier(**each, n_jobs=CORES, random_state=42)
            elif family == "LightGBM":
                from lightgbm import LGBMClassifier

                model = LGBMClassifier(**each, n_jobs=CORES, random_state=42, verbosity=-1)
            else:
                from sklearn.ensemble import RandomForestClassifier

                model = RandomForestClassifier(**each, n_jobs=CORES, random_state=42)
            proba = model.fit(X[train], y[train]).predict_proba(X[test])
            losses.append(log_loss(y[test], np.asarray(proba, dtype=np.float64)))
    return losses


WAYS: dict[str, Callable[..., list[float]]] = {"ours": ours, "tuned": tuned, "default": default}


# ---- taking turns ----------------------------------------------------------------


def one_run(way: str, family: str, scale: float) -> dict[str, float]:
    """Everything a user waits for but the start of the process and the imports."""
    rows, count, trees = sizes(scale)
    X, y, pairs = make(rows)
    settings = draw(family, count, trees)
    WAYS[way](family, X, y, pairs, [settings[0] | {"n_estimators": 2}])  # imports, libraries, caches
    _BUILT.clear()
    _STATE.pop("cpu", None)
    begin, cpu = time.perf_counter(), time.process_time()
    losses = WAYS[way](family, X, y, pairs, settings)
    return {
        "wall": time.perf_counter() - begin,
        "cpu": time.process_time() - cpu + _STATE.get("cpu", 0.0),
        "loss": float(np.mean(losses)),
        "fits": float(len(losses)),
    }


def burn(seconds: float) -> None:
    """Compute until the time is over: a neighbour on the same cores."""
    values, end = np.random.default_rng(0).normal(size=10_000), time.monotonic() + seconds
    while time.monotonic() < end:
        values = np.sqrt(values * values + 1.0)


def _start(*arguments: str) -> dict[str, float]:
    command = [sys.executable, os.path.abspath(__file__), "--worker", *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def compare(family: str, scale: float, rounds: int, busy: bool) -> dict[str, Any]:
    """One row of the table."""
    turns: list[str] = []
    for number in range(rounds):
        turns += CONTESTANTS if number % 2 == 0 else CONTESTANTS[::-1]
    runs: dict[str, list[dict[str, float]]] = {way: [] for way in CONTESTANTS}
    neighbours = [
        subprocess.Popen([sys.executable, os.path.abspath(__file__), "--worker", "burn", "36000"])
        for _ in range(CORES if busy else 0)
    ]
    try:
        for way in turns:
            runs[way].append(_start(way, family, str(scale)))
    finally:
        for neighbour in neighbours:
            neighbour.kill()
            neighbour.wait()

    def median(way: str, what: str) -> float:
        return statistics.median(run[what] for run in runs[way])

    rows, count, trees = sizes(scale)
    row: dict[str, Any] = {
        "family": family,
        "rows": rows,
        "settings": count,
        "trees": trees,
        "cores": "busy" if busy else "as found",
    }
    for way in CONTESTANTS:
        row[f"{way} wall s"] = round(median(way, "wall"), 2)
        row[f"{way} cpu s"] = round(median(way, "cpu"), 2)
        row[f"{way} log loss"] = round(median(way, "loss"), 4)
    by_tuned, by_default = (
        median("tuned", "wall") / median("ours", "wall"),
        median("default", "wall") / median("ours", "wall"),
    )
    row["tuned / ours"], row["default / ours"] = round(by_tuned, 2), round(by_default, 2)
    row["tuned / ours cpu"] = round(median("tuned", "cpu") / median("ours", "cpu"), 2)
    worse = median("ours", "loss") / median("tuned", "loss") - 1
    missed = []
    if worse > MARGIN[family]:
        missed.append(f"log loss {100 * worse:.1f} % above the tuned loop's")
    if row["tuned / ours cpu"] < 0.98:
        missed.append("more CPU than the tuned loop")
    if busy and by_default < 4:
        missed.append(f"{by_default:.1f}x the default loop instead of 4x on busy cores")
    row["missed"] = f"search of {family}: {', '.join(missed)}" if missed else ""
    return row


def run(scale: float, families: tuple[str, ...] = FAMILIES, rounds: int = 2) -> list[dict[str, Any]]:
    """Rows of the table: each family as the cores are found and, from scale 0.5 on, on busy cores."""
    rows = []
    for family in families:
        if find_spec(PACKAGES[family]) is None:
            print(f"search: {PACKAGES[family]} is not installed, so {family} is left out.", file=sys.stderr)
            continue
        for busy in (False, True) if scale >= 0.5 else (False,):
            rows.append(compare(family, scale, rounds, busy))
            print(rows[-1], file=sys.stderr, flush=True)
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--families", nargs="+", default=list(FAMILIES), choices=FAMILIES)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--busy", action="store_true", help="busy cores only, at any scale")
    parser.add_argument("--worker", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
        if options.worker[0] == "burn":
            burn(float(options.worker[1]))
        else:
            way, family, scale = options.worker
            print(json.dumps(one_run(way, family, float(scale))))
        return 0
    families = tuple(options.families)
    rows = (
        [compare(family, options.scale, options.rounds, True) for family in families]
        if options.busy
        else run(options.scale, families, options.rounds)
    )
    names = list(rows[0]) if rows else []
    print("| " + " | ".join(names) + " |\n|" + "---|" * len(names))
    for row in rows:
        print("| " + " | ".join(str(row[name]) for name in names) + " |")
    return 1 if any(row["missed"] for row in rows) else 0


if __name__ == "__main__":
    raise SystemExit(main())
