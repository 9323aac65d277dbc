"""The part of an experiment that fits models: from a seed to the answers a verdict reads.

`smctrain.training.arrays.evaluate_arrays` runs what `train` does with a symbol, from rows to verdict: families with the
settings of the shipped configuration, purged inner folds for every choice, out-of-sample answers. Nothing here is
fitted to the processes.

fixed    one fit before the first test row, as the standard layout has it: training rows 0 to 1399, validation 1410 to
         1709, test from 1720. The rows before the test are used together (folds instead of one validation part), and
         the same models answer every number of test rows and the fresh rows behind them
walk     the shipped default: five windows, each predicted by models of all rows before it; deployed is a refit on all
symbols  `walk` on several tables under one factor
search   every trial of a search over six families
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import smctrain as st
from honesty import processes
from honesty.answers import Arrays, pack
from honesty.processes import HORIZON
from smctrain.models.registry import make_trainer
from smctrain.testing import NoiseTable
from smctrain.training.arrays import Evaluation, evaluate_arrays
from smctrain.training.judging import walk_forward_rows

FIRST_TEST_ROW = {1400: 1720, 14_000: 14_010}
"""Training rows of the goals -> where the test begins."""


def evaluate(table: NoiseTable, n: int, first: int, told: dict[str, Any], *, windows: int | None = None) -> Evaluation:
    """The pipeline on the first n rows, the test beginning at row `first`; `windows` None: as many as are shipped."""
    rows = np.arange(n)
    done = evaluate_arrays(
        table.X[:n], table.y[:n].astype(np.int64), rows, rows + HORIZON, models=told["families"],
        preset=told["preset"], config={} if windows is None else {"evaluation.n_splits": windows}, first_oos=first,
        seed=told["seed"],
    )  # fmt: skip
    if done.failures:
        raise RuntimeError(f"a family failed, so the run is not the pipeline: {done.failures}")
    if done.rows[0] != first or done.rows[-1] != n - 1:
        raise RuntimeError(f"test rows are {done.rows[0]} to {done.rows[-1]}, but should be {first} to {n - 1}.")
    return done


def packed(done: Evaluation, prefix: str = "") -> Arrays:
    """Everything the verdict reads."""
    return pack(walk_forward_rows(done.windows, done.families), prefix)


def _drawn(seed: int, told: dict[str, Any]) -> NoiseTable:
    first = FIRST_TEST_ROW[told["train"]]
    return processes.noise_table(first + max(told["sizes"]) + told["fresh"] + 2 * HORIZON, told["signal"], seed)


def _best(table: NoiseTable, rows: NDArray[np.int64]) -> float:
    """Accuracy of the sign of x, the best there is."""
    return float(((table.X[rows, 0] > 0) == table.y[rows]).mean())


def fixed(seed: int, told: dict[str, Any]) -> Arrays:
    """One fit on one table; rows behind the largest number of test rows tell how good each family is."""
    table, first, fresh = _drawn(seed, told), FIRST_TEST_ROW[told["train"]], told["fresh"]
    arrays = packed(evaluate(table, first + max(told["sizes"]) + fresh, first, told, windows=1))
    if fresh:
        behind = arrays["oos"][max(told["sizes"]) :].astype(np.int64)
        right = arrays["oos_answers"][:, max(told["sizes"]) :] == arrays["y"][behind]
        arrays |= {"fresh": right.mean(axis=1), "fresh_best": np.array(_best(table, behind))}
    return arrays


def walk(seed: int, told: dict[str, Any]) -> Arrays:
    """The shipped windows on each number of test rows; fresh rows are answered by models as they would go live."""
    table, first, arrays = _drawn(seed, told), FIRST_TEST_ROW[told["train"]], {}
    for size in told["sizes"]:
        n = first + size
        done = evaluate(table, n, first, told)
        arrays |= packed(done, f"{size}/")
        if told["fresh"]:
            behind = np.arange(n + HORIZON, n + HORIZON + told["fresh"])
            right = [(done.predict(table.X[behind], name) == table.y[behind]).mean() for name in done.families]
            arrays |= {f"{size}/fresh": np.array(right), f"{size}/fresh_best": np.array(_best(table, behind))}
    return arrays


def symbols(seed: int, told: dict[str, Any]) -> Arrays:
    """Several noise symbols under one factor."""
    first, size = FIRST_TEST_ROW[told["train"]], told["sizes"][0]
    tables = processes.factor_tables(told["symbols"], first + size, 0.0, seed, rho=told["rho"])
    arrays: Arrays = {}
    for number, table in enumerate(tables):
        arrays |= packed(evaluate(table, first + size, first, told), f"S{number}/")
    return arrays


SEARCHED = ("RandomForest", "ExtraTrees", "XGBoost", "LightGBM", "GradientBoosting", "LogisticRegression")


def _draw_settings(rng: np.random.Generator, family: str) -> dict[str, Any]:
    trees = {"n_estimators": int(rng.integers(10, 61)), "max_depth": int(rng.integers(2, 9))}
    if family in ("RandomForest", "ExtraTrees"):
        return trees | {"min_samples_leaf": int(rng.integers(5, 60)), "min_samples_split": 10}
    if family in ("XGBoost", "LightGBM"):
        return trees | {"learning_rate": float(10 ** rng.uniform(-2, -0.3)), "subsample": 0.7}
    if family == "GradientBoosting":
        return trees | {"learning_rate": float(10 ** rng.uniform(-2, -0.3))}
    return {"C": float(10 ** rng.uniform(-4, 2))}


def search(seed: int, told: dict[str, Any]) -> Arrays:
    """A search of `trials` settings for each of six families on noise, all scored on the test rows.

    Inner rows are one held-out stretch (validation of the standard layout), because a thousand trials on five folds
    would take hours.
    """
    train, inner, first = np.arange(told["train"]), np.arange(1410, 1710), FIRST_TEST_ROW[told["train"]]
    n = first + told["sizes"][0]
    drawn = processes.noise_table(n, 0.0, seed)
    rng = np.random.default_rng([seed, 33])
    plans = [(family, _draw_settings(rng, family)) for family in SEARCHED for _ in range(told["trials"])]
    t0, y = np.arange(n), drawn.y.astype(np.int64)
    fits = st.models.fit_many(
        (drawn.X, y, None, None, t0, t0 + HORIZON), plans, [(train, np.r_[inner, first:n])], n_jobs=1,
        seed=told["seed"], on_error="raise", stop_share=0.15, prepare=True,
    )  # fmt: skip
    answered = np.stack([fits[m, 0].prediction.argmax(axis=1) for m in range(len(plans))])
    score = (answered[:, : len(inner)] == y[inner]).mean(axis=1).reshape(len(SEARCHED), -1)
    finals = np.arange(len(SEARCHED)) * told["trials"] + score.argmax(axis=1)
    in_sample = np.stack([_in_sample(fits[m, 0], drawn.X, train) for m in finals])
    return {
        # Two classes: a bit an answer.
        "answered": np.packbits(answered.astype(np.uint8), axis=1), "rows": np.array(answered.shape[1]),
        "in_sample": in_sample.astype(np.int8), "finals": finals, "y": y.astype(np.int8), "inner": inner,
        "train": train, "first": np.array(first),
    }  # fmt: skip


def _in_sample(one: Any, X: NDArray[np.float64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    needs_scaling = make_trainer(one.family, {}).needs_scaling
    prepare = one.prepare.transform if needs_scaling else one.prepare.select
    values = prepare(np.ascontiguousarray(X, dtype=np.float32))
    answers: NDArray[np.int64] = one.model.predict_proba(values, rows, None).argmax(axis=1)
    return answers
