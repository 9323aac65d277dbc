"""How good predictions are, and whether ours are as good as scikit-learn's: AUC and log-loss, or R2."""

from __future__ import annotations

from typing import Any

import numpy as np
from measure import Cell, Entry, Plan, Side, compete
from numpy.typing import NDArray

AUC_MARGIN = 0.3  # points
REFERENCE = "scikit-learn"


def auc(y: NDArray[Any], proba: NDArray[Any]) -> float:
    """Area under the curve, one class against the rest, mean over the classes, in points (100 is perfect)."""
    from scipy.stats import rankdata

    values = []
    for k in range(proba.shape[1]) if proba.shape[1] > 2 else (1,):
        own = y == k
        if 0 < own.sum() < len(y):
            ranks = rankdata(proba[:, k])[own].sum()
            values.append((ranks - own.sum() * (own.sum() + 1) / 2) / (own.sum() * (~own).sum()))
    return 100 * float(np.mean(values))


def log_loss(y: NDArray[Any], proba: NDArray[Any]) -> float:
    """Mean -log p of the class that came. A share of 0 counts as 1 in 1,000: few trees of pure leaves often say 0."""
    share = np.clip(proba[np.arange(len(y)), y], 1e-3, 1.0)
    return float(-np.log(share).mean())


def scores(side: Side, data: list[dict[str, NDArray[Any]]], target: str) -> dict[str, list[float]]:
    """Scores of each turn. Turn t predicted the test rows of data[t % len(data)]."""
    found: dict[str, list[float]] = {}
    for turn, values in sorted(side.named("test").items()):
        rows = data[turn % len(data)]
        if target == "classes":
            found.setdefault("AUC", []).append(auc(rows["test_y"], values))
            found.setdefault("log-loss", []).append(log_loss(rows["test_y"], values))
        else:
            wanted = rows["test_r"]
            rest = float(((wanted - values) ** 2).sum() / ((wanted - wanted.mean()) ** 2).sum())
            found.setdefault("R2", []).append(100 * (1 - rest))
    return found


def quantile(turns: int) -> float:
    """Standard errors that a mean of so many differences passes by chance in 5 % of cases, on either side."""
    from scipy.stats import t

    return float(t.ppf(0.975, turns - 1)) if turns > 1 else np.inf


def judge(cell: Cell, data: list[dict[str, NDArray[Any]]], target: str) -> None:
    """Writes every side's mean scores into the cell.

    All its speeds are void where ours is more than the margin below scikit-learn, and by more than chance explains: by
    more standard errors of the turns than Student's t allows in 5 % of cases (4.3 for 3 turns, 2.8 for 5, 2.3 for 10).
    """
    by_turn = {side.label: scores(side, data, target) for side in (cell.ours, *cell.peers)}
    for side in (cell.ours, *cell.peers):
        side.quality = {name: float(np.mean(values)) for name, values in by_turn[side.label].items()}
    name = "AUC" if target == "classes" else "R2"
    mine = by_turn[cell.ours.label][name]
    differences, noise = {}, {}
    for side in cell.peers:
        theirs = by_turn[side.label][name]
        apart = np.array(mine[: len(theirs)]) - np.array(theirs)
        differences[side.label] = float(apart.mean())
        noise[side.label] = float(apart.std(ddof=1) / np.sqrt(len(apart))) if len(apart) > 1 else 0.0
    cell.facts["difference"], cell.facts["standard_error"] = differences, noise
    behind = differences.get(REFERENCE)
    turns = len(by_turn[REFERENCE][name]) if behind is not None else 0
    if behind is not None and behind < -AUC_MARGIN and behind < -quantile(turns) * noise[REFERENCE]:
        cell.void = {side.label: f"ours is {-behind:.2f} points of {name} below {REFERENCE}" for side in cell.peers}
    cell.agreement = f"{name} {cell.ours.quality[name]:.2f}" + "".join(
        f"; {side.label} {side.quality[name]:.2f}" for side in cell.peers
    )


LIBRARIES = {REFERENCE: "forest:sklearn", "sklearnex": "forest:sklearnex", "YDF": "forest:ydf"}
FITS = [
    *[("random", "classes", weight) for weight in (None, "balanced", "balanced_subsample")],
    *[("extra", "classes", weight) for weight in (None, "balanced")],
    ("random", "numbers", None),
    ("extra", "numbers", None),
]


def cells(plan: Plan, exports: Any) -> Any:
    """Ten seeds of four data sets: forests of 40 trees beside those of the others, class weights included."""
    import data

    seeds, rows, tests, trees = (2, 600, 600, 8) if plan.quick else (10, 5_000, 8_000, 40)
    for name, (n, _) in data.SHAPES.items():
        if plan.quick and name != "m15":
            continue
        sets = [data.make(name, seed, min(rows, n), tests, exports) for seed in range(seeds)]
        paths = [plan.save(f"quality-{name}-{seed}", made) for seed, made in enumerate(sets)]
        for kind, target, weight in (FITS[1], FITS[-1]) if plan.quick else FITS:
            settings: dict[str, Any] = {
                "kind": kind, "target": target, "n_estimators": trees, "max_depth": None if name == "wide" else 10,
                "min_samples_leaf": {"m15": 10, "wide": 1, "census": 5, "large": 20}[name],
                "min_samples_split": 2, "max_features": None if name == "census" else "sqrt",
                "bootstrap": kind == "random",
                **({"max_samples": 0.7} if kind == "random" and name == "m15" else {"max_samples": None}),
                **({"class_weight": weight} if target == "classes" else {}),
            }  # fmt: skip
            entries = [Entry("ours", "forest:smctrain", settings)]
            for label, contestant in LIBRARIES.items():
                # YDF has neither extremely randomised trees nor weights by bootstrap sample.
                if label != "YDF" or (kind == "random" and weight != "balanced_subsample"):
                    entries.append(Entry(label, contestant, settings))
            ours, *peers = compete(entries, paths, 1, plan, rounds=seeds)
            cell = Cell("quality", f"{name}, {kind} {target}, weights {weight}", 1, ours, peers)
            judge(cell, sets, target)
            yield cell
