"""Linear cells: whole fits of 100 columns beside scikit-learn, at equal objectives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from measure import Cell, Entry, Plan, compete

MARGIN = 1e-6  # of the objective, relative


def cells(plan: Plan) -> Iterator[Cell]:
    for n in (1_000,) if plan.quick else (10_000, 100_000):
        path = plan.save(f"linear-{n}", _data(n))
        for work, solvers in _works():
            for label, settings in solvers.items():
                entries = [
                    Entry("ours", "linear:smctrain", {"work": work}),
                    Entry(label, "linear:sklearn", {"work": work, "theirs": settings}),
                ]
                ours, *peers = compete(entries, [path], 1, plan)
                name = f"{work}, {n:,} x 100" + (f" ({label})" if len(solvers) > 1 else "")
                cell = Cell("linear", name, 1, ours, peers, need={label: 1.0})
                for peer in peers:
                    mine, theirs = (float(next(iter(side.named("objective").values()))) for side in (ours, peer))
                    gap = mine / theirs - 1
                    cell.agreement = f"objective {gap:+.1e} of theirs"
                    cell.facts["objective_gap"] = gap
                    if gap > MARGIN:
                        cell.void[peer.label] = f"our objective is {gap:.1e} above theirs"
                yield cell


def _works() -> list[tuple[str, dict[str, dict[str, Any]]]]:
    plain: dict[str, dict[str, Any]] = {"scikit-learn": {}}
    logistic: dict[str, dict[str, Any]] = {
        "lbfgs": {},
        "lbfgs, tol 1e-6": {"tol": 1e-6, "max_iter": 1000},
        "newton-cholesky": {"solver": "newton-cholesky"},
    }
    return [
        ("least squares", plain), ("ridge", plain), ("ridge path, 50 penalties", plain),
        ("lasso path, 100 penalties", plain), ("logistic", logistic), ("logistic, 3 classes", logistic),
    ]  # fmt: skip


def _data(n: int, d: int = 100) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(n, d)) @ (np.eye(d) + 0.1 * rng.normal(size=(d, d)))).astype(np.float32)
    y = X.astype(np.float64) @ (rng.normal(size=d) * (rng.random(d) < 0.3)) + rng.normal(size=n) * 5
    return {"X": X, "r": y}
