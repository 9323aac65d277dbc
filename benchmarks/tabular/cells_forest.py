"""Forest cells: fits on four shapes, and what is done with a fitted forest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import data
import numpy as np
from measure import Cell, Entry, Plan, Side, compete
from quality import judge

FITS: dict[str, dict[str, Any]] = {
    "m15": {"n_estimators": 200, "max_depth": 10, "min_samples_leaf": 10, "min_samples_split": 20, "max_samples": 0.7},
    "wide": {"n_estimators": 20, "max_depth": None, "min_samples_leaf": 1},
    "census": {"n_estimators": 20, "max_depth": 10, "min_samples_leaf": 1, "max_features": None},
    "large": {"n_estimators": 100, "max_depth": 10, "min_samples_leaf": 20},
}
COMMON: dict[str, Any] = {
    "kind": "random", "target": "classes", "bootstrap": True, "max_samples": None, "min_samples_split": 2,
    "max_features": "sqrt", "class_weight": None,
}  # fmt: skip
PEERS = {
    "scikit-learn": "forest:sklearn", "sklearnex": "forest:sklearnex", "YDF": "forest:ydf",
    "LightGBM rf": "forest:lightgbm", "XGBoost rf": "forest:xgboost",
}  # fmt: skip
NEED = {
    "m15": {"scikit-learn": 20.0, "sklearnex": 3.0},
    "wide": {"sklearnex": 2.5},
    "census": {"sklearnex": 2.5},
    "large": {"scikit-learn": 20.0, "sklearnex": 2.5},
}
AHEAD = {"YDF": 1.0, "LightGBM rf": 1.0, "XGBoost rf": 1.0}
TWO_THREADS = 1.8
NODES = (5_000, 50)  # rows of the nodes that the floor is measured on


def settings_of(name: str, quick: bool) -> dict[str, Any]:
    settings = {**COMMON, **FITS[name]}
    return {**settings, "n_estimators": 4} if quick else settings


def shape_of(name: str, quick: bool) -> tuple[int, int]:
    """Training and test rows."""
    n = data.SHAPES[name][0]
    return (max(500, n // 20), 500) if quick else (n, 6_000)


def floors(plan: Plan) -> dict[int, float]:
    """Nanoseconds per (row, column) update by rows of a node; empty without numba."""
    found = {}
    for node in NODES:
        settings = {"rows": 10_000, "columns": 8, "node": node, "updates": 1_000_000}
        sides = compete([Entry("numba", "floor:numba", settings)], [], 1, plan)
        if sides:
            found[node] = 1e9 * min(sides[0].of("cpu_s")) / (settings["updates"] // (node * 8) * node * 8)
    return found


def fits(plan: Plan, threads: tuple[int, ...], exports: Path | None, shapes: list[str]) -> Iterator[Cell]:
    """Whole fits from a float32 matrix; a quality beside each speed."""
    floor = floors(plan)
    for name in shapes:
        n, tests = shape_of(name, plan.quick)
        made = data.make(name, 0, n, tests, exports)
        path = plan.save(f"fit-{name}", made)
        settings = settings_of(name, plan.quick)
        single: Side | None = None
        for count in threads:
            entries = [Entry("ours", "forest:smctrain", settings)]
            entries += [Entry(label, contestant, settings) for label, contestant in PEERS.items()]
            ours, *peers = compete(entries, [path], count, plan)
            rows, columns = made["X"].shape
            depth = f"depth {settings['max_depth']}" if settings["max_depth"] else "no depth limit"
            work = f"forest fit {name} {rows:,} x {columns}, {settings['n_estimators']} trees, {depth}"
            cell = Cell("fit", work, count, ours, peers)
            # With two threads only the gain over one is promised.
            cell.need = {**NEED[name], **AHEAD} if count == 1 else {}
            judge(cell, [made], "classes")
            if count == 1:
                single = ours
                if floor:
                    updates = _updates(settings, made)
                    cell.facts["updates"] = updates
                    cell.facts["ns_per_update"] = 1e9 * ours.median() / updates
                    cell.facts["floor_ns"] = floor
            elif single is not None:
                cell.facts["gain_over_one_thread"] = single.median("wall_s") / ours.median("wall_s")
                cell.facts["gain_needed"] = TWO_THREADS
            yield cell


def _updates(settings: dict[str, Any], made: dict[str, Any]) -> float:
    """(Row, column) updates of one fit: distinct rows of every node that was split, times the columns tried.
    Nodes that were searched in vain are not counted, so the figure is a little low."""
    from forests import distinct, tried

    import smctrain.models as models

    names = ("n_estimators", "max_depth", "min_samples_leaf", "min_samples_split", "max_features", "max_samples")
    model = models.RandomForestClassifier(**{name: settings[name] for name in names}, class_weight=None, random_state=0)
    arrays = model.fit(made["X"], made["y"]).fitted_.native.arrays()
    split = arrays["feature"] >= 0
    drawn = len(made["X"]) * (settings["max_samples"] or 1.0)
    share = len(made["X"]) * distinct(settings) / drawn
    return float(arrays["cover"][split].sum() * share * tried(settings["max_features"], made["X"].shape[1]))


def uses(plan: Plan, threads: tuple[int, ...], exports: Path | None) -> Iterator[Cell]:
    """Predictions, SHAP values and permutation importance of the forest of the first shape."""
    n, _ = shape_of("m15", plan.quick)
    made = data.make("m15", 0, n, 6_000, exports)
    test = made["test_X"]
    made["test_X"] = np.ascontiguousarray(np.concatenate([test] * -(-10_000 // len(test)))[:10_000])
    made["test_y"] = np.concatenate([made["test_y"]] * -(-10_000 // len(test)))[:10_000]
    path = plan.save("uses-m15", made)
    base = settings_of("m15", plan.quick)
    peers = {"scikit-learn": "sklearn", "sklearnex": "sklearnex", "YDF": "ydf"}
    for count in threads:
        many = {**base, "rows": 500 if plan.quick else 10_000}
        entries = [Entry("ours", "forest_predict:smctrain", many)]
        entries += [Entry(label, f"forest_predict:{name}", many) for label, name in peers.items()]
        ours, *others = compete(entries, [path], count, plan)
        need = {"scikit-learn": 4.0} if count == 1 else {}
        yield Cell("uses", f"forest predict {many['rows']:,} rows", count, ours, others, need)
    one = {**base, "rows": 1}
    entries = [
        Entry("ours", "forest_row:smctrain", one),
        Entry("ours, predict_proba", "forest_row:smctrain_checked", one),
    ]
    entries += [Entry(label, f"forest_row:{name}", one) for label, name in peers.items()]
    ours, *others = compete(entries, [path], 1, plan)
    cell = Cell("uses", "forest predict 1 row", 1, ours, others)
    cell.facts["microseconds"] = 1e6 * ours.median()
    cell.facts["microseconds_needed"] = 15.0
    checked = [side for side in others if side.label == "ours, predict_proba"]
    if checked:
        same = all(np.array_equal(value.ravel(), checked[0].named("proba")[turn].ravel())
                   for turn, value in ours.named("proba").items() if turn in checked[0].named("proba"))  # fmt: skip
        cell.agreement = f"predict_row {'equals' if same else 'DIFFERS from'} predict_proba"
        if not same:
            cell.void = {side.label: "predict_row differs from predict_proba" for side in others}
    yield cell
    for count in threads:
        yield _shap(plan, base, path, count)
    for count in threads:
        yield _permutation(plan, base, path, count)


def _shap(plan: Plan, base: dict[str, Any], path: str, threads: int) -> Cell:
    some = {**base, "rows": 20 if plan.quick else 500}
    entries = [
        Entry("ours", "forest_shap:smctrain", some),
        Entry("shap, scikit-learn's forest", "forest_shap:shap", some),
        Entry("shap, our trees", "forest_shap:shap_same_trees", some),
    ]
    ours, *peers = compete(entries, [path], threads, plan)
    gap = float(next(iter(ours.named("additivity").values())))
    need = {side.label: 10.0 for side in peers} if threads == 1 else {}
    cell = Cell("uses", f"forest SHAP values of {some['rows']} rows", threads, ours, peers, need)
    cell.agreement = f"additivity {gap:.0e}"
    wrong = "" if gap <= 1e-6 else f"additivity {gap:.0e}"
    same = [side for side in peers if side.label == "shap, our trees"]
    if same:
        mine, theirs = (next(iter(side.named("shap").values())) for side in (ours, same[0]))
        apart = float(np.abs(mine - theirs).max())
        cell.agreement += f"; largest difference from shap on the same trees {apart:.0e}"
        wrong = wrong or ("" if apart <= 1e-6 else f"values differ by {apart:.0e}")
    if wrong:
        cell.void = {side.label: wrong for side in peers}
    return cell


def _permutation(plan: Plan, base: dict[str, Any], path: str, threads: int) -> Cell:
    some = {**base, "rows": 300 if plan.quick else 2_000, "repeats": 2 if plan.quick else 5}
    entries = [
        Entry("ours", "forest_permutation:smctrain", some),
        Entry("scikit-learn", "forest_permutation:sklearn", some),
        Entry("scikit-learn's on our forest", "forest_permutation:sklearn_same_forest", some),
    ]
    ours, *peers = compete(entries, [path], threads, plan)
    need = {"scikit-learn": 18.0} if threads == 1 else {}
    work = f"permutation importance {some['rows']:,} rows x {some['repeats']} x 57"
    cell = Cell("uses", work, threads, ours, peers, need)
    means = {side.label: np.mean(list(side.named("importance").values()), axis=0) for side in (ours, *peers)}
    cell.agreement = "; ".join(
        f"correlation with {side.label} {np.corrcoef(means['ours'], means[side.label])[0, 1]:.2f}" for side in peers
    )
    same = means.get("scikit-learn's on our forest")
    if same is not None and not plan.quick and np.corrcoef(means["ours"], same)[0, 1] < 0.8:
        cell.void = {side.label: "the importances of the same forest differ" for side in peers}
    return cell
