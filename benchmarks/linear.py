"""Linear models beside scikit-learn: processor time of whole fits, one thread, runs taken in turns, equal objectives.

python benchmarks/linear.py [rounds]

Both sides get float64 columns; ours converts them to float32 and standardises inside, so scikit-learn gets columns
standardised beforehand, which is not counted against it.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # before NumPy starts its threads

import numpy as np  # noqa: E402
import sklearn.linear_model as peer  # noqa: E402

from smctrain.models import Lasso, LinearRegression, LogisticRegression, Ridge  # noqa: E402

Fit = Callable[[], Any]
Objective = Callable[[Any], float]


def cells(n: int, d: int) -> dict[str, tuple[Fit, Fit, Objective, Objective]]:
    """Name -> (ours, theirs, objective of ours, objective of theirs)."""
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(n, d)) @ (np.eye(d) + 0.1 * rng.normal(size=(d, d)))).astype(np.float32).astype(np.float64)
    z = np.ascontiguousarray((X - X.mean(0)) / X.std(0))
    scale = X.std(0)
    y = X @ (rng.normal(size=d) * (rng.random(d) < 0.3)) + rng.normal(size=n) * 5
    centred = y - y.mean()
    label = (y > np.median(y)).astype(int)
    third = np.digitize(y, np.quantile(y, [0.3, 0.8]))
    alphas = np.geomspace(1e-2, 1e5, 50)
    strengths = np.abs(z.T @ centred).max() / n * np.geomspace(1, 1e-3, 100)

    def squares(betas: Any, penalty: Callable[[Any, int], float]) -> float:
        return float(sum(np.mean((centred - z @ b) ** 2) / 2 + penalty(b, k) for k, b in enumerate(betas)))

    def ridge(betas: Any) -> float:
        return squares(betas, lambda b, k: alphas[k] / (2 * n) * b @ b)

    def lasso(betas: Any) -> float:
        return squares(betas, lambda b, k: strengths[k] * np.abs(b).sum())

    def logistic(proba: Any, b: Any, y: Any) -> float:
        return float(-np.log(proba[np.arange(n), y]).mean() + 0.5 * (b**2).sum() / n)

    def logistic_cell(y: Any, **settings: Any) -> tuple[Fit, Fit, Objective, Objective]:
        return (
            lambda: LogisticRegression().fit(X, y),
            lambda: peer.LogisticRegression(**settings).fit(z, y),
            lambda m: logistic(m.predict_proba(X), m.coef_ * scale, y),
            lambda m: logistic(m.predict_proba(z), m.coef_, y),
        )

    return {
        "least squares": (
            lambda: LinearRegression().fit(X, y),
            lambda: peer.LinearRegression().fit(z, y),
            lambda m: squares([m.coef_ * scale], lambda b, k: 0.0),
            lambda m: squares([m.coef_], lambda b, k: 0.0),
        ),
        "ridge, 1 penalty": (
            lambda: Ridge(alphas[0]).fit(X, y),
            lambda: peer.Ridge(alphas[0]).fit(z, y),
            lambda m: ridge([m.coef_ * scale]),
            lambda m: ridge([m.coef_]),
        ),
        "ridge path, 50": (
            lambda: Ridge().path(X, y, alphas=alphas).coefs * scale,
            lambda: [peer.Ridge(alpha).fit(z, y).coef_ for alpha in alphas],
            ridge,
            ridge,
        ),
        "lasso path, 100": (
            lambda: Lasso().path(X, y, alphas=strengths).coefs * scale,
            lambda: peer.lasso_path(z, centred, alphas=strengths, tol=1e-6)[1].T,
            lasso,
            lasso,
        ),
        "logistic, lbfgs": logistic_cell(label),
        "logistic, lbfgs tol 1e-6": logistic_cell(label, tol=1e-6, max_iter=1000),
        "logistic, newton-cholesky": logistic_cell(label, solver="newton-cholesky"),
        "3 classes, lbfgs": logistic_cell(third),
    }


def milliseconds(call: Fit) -> tuple[float, Any]:
    start = time.process_time_ns()
    result = call()
    return 1e-6 * (time.process_time_ns() - start), result


def main() -> None:
    warnings.simplefilter("ignore")  # scikit-learn's lbfgs reports that it stops early
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    print(f"{'cell':<28}{'rows':>8}{'ours ms':>10}{'sklearn ms':>12}{'ratio':>8}{'objective, relative to theirs':>32}")
    for n in (10_000, 100_000):
        for name, (ours, theirs, value, their_value) in cells(n, 100).items():
            times: dict[int, list[float]] = {0: [], 1: []}
            results: dict[int, Any] = {}
            for number in range(rounds):
                for side in (0, 1) if number % 2 == 0 else (1, 0):
                    spent, results[side] = milliseconds((ours, theirs)[side])
                    times[side].append(spent)
            a, b = min(times[0]), min(times[1])
            reached, wanted = value(results[0]), their_value(results[1])
            print(f"{name:<28}{n:>8}{a:>10.1f}{b:>12.1f}{b / a:>8.1f}{reached / wanted - 1:>+32.1e}", flush=True)


if __name__ == "__main__":
    main()
