"""What is run for one seed beside the pipeline (fits.py, pipeline.py). Goals (goals.py) read the results.

required    after how many rows a known edge is seen, against the number that was announced: H6
coverage    whether the 95 % interval holds the true accuracy: H10
columns     which columns are confirmed: H11
small       augmentation of small tables: H14
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import smctrain as st
from honesty import processes
from smctrain.exceptions import SmctrainError
from smctrain.training.arrays import evaluate_arrays

Result = dict[str, Any]


def required(seed: int, told: Result) -> Result:
    """A predictor whose edge is known (the sign of x) on growing numbers of rows: p of the shift test on each, and
    what the verdict's law asks for that edge."""
    horizon, sizes = processes.HORIZON, told["sizes"]
    drawn = processes.noise_table(max(sizes), told["signal"], seed)
    answers = (drawn.X[:, 0] > 0).astype(np.int64)
    y = drawn.y.astype(np.int64)
    factor = st.stats.effective_sample_size(answers == y, horizon).factor
    return {
        "design_effect": float(factor),
        "accuracy": float((answers == y).mean()),
        "p": [st.stats.circular_shift_test(y[:n], answers[:n], horizon, "accuracy").p_value for n in sizes],
    }


PREDICTORS = {"x": 0, "momentum": 2}
"""Answers by the sign of a column."""


def coverage(seed: int, told: Result) -> Result:
    """Our interval and the one for independent rows around the accuracy of two predictors."""
    n, horizon = told["n"], told["horizon"]
    drawn = processes.noise_table(n + max(0, horizon - processes.HORIZON), told["signal"], seed)
    y = processes.labels_ahead(drawn.p, n, horizon)
    found: Result = {}
    for name, column in PREDICTORS.items():
        right = (drawn.X[:n, column] > 0) == y
        ours = st.stats.accuracy_interval(right, horizon)
        accuracy = ours.accuracy
        iid = st.stats.wilson_interval(float(right.sum()), float(n))
        found[name] = {"accuracy": accuracy, "ours": [ours.low, ours.high], "iid": [iid.low, iid.high]}
    return found


def true_accuracies(
    signal: float, horizons: tuple[int, ...], paths: int = 40, n: int = 50_000
) -> dict[tuple[str, int], float]:
    """(predictor, horizon) -> accuracy over long paths: what the intervals should cover."""
    sums = {(name, h): 0.0 for name in PREDICTORS for h in horizons}
    for seed in range(paths):
        drawn = processes.noise_table(n + max(horizons), signal, 9_000_000 + seed)
        for (name, h), total in list(sums.items()):
            y = processes.labels_ahead(drawn.p, n, h)
            sums[name, h] = total + float(((drawn.X[:n, PREDICTORS[name]] > 0) == y).mean())
    return {key: total / paths for key, total in sums.items()}


def columns(seed: int, told: Result) -> Result:
    """What circular-shift Boruta confirms, and what the known procedure (shuffled shadows, all rows) does."""
    if told["columns"] == 12:
        drawn = processes.noise_table(told["n"], 0.0, seed)
        X, y = drawn.X, drawn.y
    else:
        X, y = processes.planted_columns(told["n"], told["columns"], told["planted"], told["signal"], seed)
    names = [f"c{j}" for j in range(X.shape[1])]
    found: Result = {}
    for name, options in (("ours", {}), ("usual", {"shadows": "shuffled", "thin": False})):
        if name == "usual" and not told["usual"]:
            continue
        selector = st.selection.CircularBoruta(
            processes.HORIZON, repeats=told["repeats"], n_jobs=1, random_state=seed, **options
        )
        selector.fit(_frame(X, names), y.astype(np.int64))
        kept = [int(column[1:]) for column in selector.confirmed_]
        found[name] = {
            "confirmed": len(kept),
            "planted": sum(column < told["planted"] for column in kept),
            "false": sum(column >= told["planted"] for column in kept),
        }
    return found


def _frame(X: NDArray[np.float64], names: list[str]) -> Any:
    import pandas as pd

    return pd.DataFrame(X, columns=names)


SMALL_MODELS = {
    "RandomForest": {"n_estimators": 60, "min_samples_leaf": 3, "min_samples_split": 6, "class_weight": None},
    "LogisticRegression": {"class_weight": None},
}


def small(seed: int, _: Result) -> Result:
    """One small table: class shares after augmentation, and accuracy with it minus accuracy without.

    `always`: synthetic rows used whatever they do. `shipped`: as training uses them, only where its inner folds gain.
    """
    drawn = processes.small_table(seed)
    try:
        more = st.augment.augment_rows(drawn.X, drawn.y, order_is_time=False, horizon=1, random_state=seed)
    except Exception as error:
        return {"crash": f"{type(error).__name__}: {error}"}
    before = np.bincount(drawn.y, minlength=2) / len(drawn.y)
    after = np.bincount(more.y, minlength=2) / len(more.y)
    result: Result = {
        "crash": None,
        "rows": len(drawn.y),
        "made": len(more.y),
        "rare": int(drawn.y.sum()),
        "shift": float(np.abs(before - after).max()),
        "always": {},
        "shipped": {},
        "used": {},
    }
    for family, values in SMALL_MODELS.items() if before[1] > 0 else ():
        plain = _accuracy(family, values, drawn.X, drawn.y, drawn)
        result["always"][family] = _accuracy(family, values, more.X, more.y, drawn) - plain
        try:
            with_it, used = _shipped(family, values, drawn, True)
            without, _ = _shipped(family, values, drawn, False)
        except SmctrainError:  # too few rows or one class in a fold: refused, and nothing is made up
            continue
        result["shipped"][family] = with_it - without
        result["used"][family] = used
    return result


def _shipped(family: str, values: Result, drawn: processes.SmallTable, enabled: bool) -> tuple[float, bool]:
    """Accuracy of the model training deploys, and whether it used synthetic rows."""
    section = {"RandomForest": "random_forest", "LogisticRegression": "logistic_regression"}[family]
    settings = {f"{section}.{name}": value for name, value in values.items()}
    done = evaluate_arrays(
        drawn.X, drawn.y, models=[family], preset="fast", first_oos=len(drawn.y) - 12,
        config=settings | {"evaluation.n_splits": 1, "augmentation.enabled": enabled, "labels.min_class": 2},
    )  # fmt: skip
    accuracy = float((done.predict(drawn.test_X, family) == drawn.test_y).mean())
    return accuracy, bool(done.families[family].uses.get("augmentation", False))


def _accuracy(family: str, values: Result, X: Any, y: Any, drawn: processes.SmallTable) -> float:
    n = len(y)
    rows = (np.vstack([X, drawn.test_X]), np.r_[y, drawn.test_y])
    done = st.models.fit_many(
        rows, [(family, values)], [(np.arange(n), np.arange(n, len(rows[1])))], n_jobs=1,
        seed=1, prepare=True, on_error="raise", keep_models=False,
    )  # fmt: skip
    return float((done[0, 0].prediction.argmax(axis=1) == drawn.test_y).mean())
