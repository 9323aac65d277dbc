"""The pipeline under test, on a table: what `train` does with a symbol, from rows to verdict.

`smctrain.training.arrays.evaluate_arrays` runs it: four families with the settings of the shipped configuration, purged
inner folds for every choice, out-of-sample answers, `smctrain.decide`. Nothing here is fitted to the processes.

Two ways to get out-of-sample answers are measured, because the goals speak of both:

fixed   one fit before the first test row, as the standard layout has it: training rows 0 to 1399, validation 1410 to
        1709, test from 1720. The rows before the test are used together (folds instead of one validation part), and the
        same models answer every number of test rows and the fresh rows behind them
walk    the shipped default: five windows, each predicted by models of all rows before it; deployed is a refit on all
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

import smctrain as st
from honesty.processes import HORIZON
from honesty.rules import usual_rules
from smctrain.testing import NoiseTable
from smctrain.training.arrays import Evaluation, evaluate_arrays
from smctrain.training.judging import EvidenceRows, judge, walk_forward_rows

FAMILIES = ("RandomForest", "XGBoost", "LogisticRegression", "NeuralNetwork")
FIRST_TEST_ROW = {1400: 1720, 14_000: 14_010}
"""Training rows of the goals -> where the test begins."""
EVIDENCE = (
    "shown_model", "p_oos", "p_in", "p_comb", "e_end", "e_max", "skill", "accuracy", "accuracy_low", "accuracy_high",
    "n_eff", "design_effect", "n_required",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How the models are made."""

    preset: str = "default"
    families: tuple[str, ...] = FAMILIES
    seed: int = 42

    def told(self) -> dict[str, Any]:
        """What a stored result was made with; another recipe does not continue it."""
        return {"preset": self.preset, "families": list(self.families), "seed": self.seed}


def evaluate(
    table: NoiseTable, n: int, first: int, told: dict[str, Any], *, windows: int | None = None, n_symbols: int = 1
) -> Evaluation:
    """Verdict on the first n rows, the test beginning at row `first`; `windows` None: as many as are shipped."""
    rows = np.arange(n)
    done = evaluate_arrays(
        table.X[:n], table.y[:n].astype(np.int64), rows, rows + HORIZON, models=told["families"],
        preset=told["preset"], config={} if windows is None else {"evaluation.n_splits": windows}, first_oos=first,
        seed=told["seed"], n_symbols=n_symbols,
    )  # fmt: skip
    if done.failures:
        raise RuntimeError(f"a family failed, so the run is not the pipeline: {done.failures}")
    if done.rows[0] != first or done.rows[-1] != n - 1:
        raise RuntimeError(f"test rows are {done.rows[0]} to {done.rows[-1]}, but should be {first} to {n - 1}.")
    return done


def evidence_rows(done: Evaluation, size: int) -> EvidenceRows:
    """The answers the verdict stands on, cut to the first `size` test rows."""
    rows = walk_forward_rows(done.windows, done.families)
    return dataclasses.replace(rows, oos=rows.oos[:size], oos_answers=rows.oos_answers[:, :size])


def record(rows: EvidenceRows, verdict: Any) -> dict[str, Any]:
    """The verdict, and beside it what the usual rules say about the same answers."""
    y, answers = rows.y[rows.oos].astype(np.int64), rows.oos_answers.astype(np.int64)
    inner = (rows.inner_answers == rows.y[rows.inner]).mean(axis=1)
    majority = int(np.bincount(rows.y[rows.train]).argmax())
    return {
        "n": len(y),
        "kind": verdict.kind,
        "model": verdict.model,
        "failed": list(verdict.failed_rules),
        "e_max_every_row": st.stats.e_process(y, answers, 1).sup,
        **{name: verdict.evidence.get(name) for name in EVIDENCE},
        "usual": usual_rules(y, answers, int(inner.argmax()), majority, rows.horizon),
    }


def fixed(table: NoiseTable, sizes: Sequence[int], told: dict[str, Any], fresh: int = 0) -> dict[str, Any]:
    """One fit, judged on each number of test rows; `fresh` rows behind them tell how good the models are."""
    first, largest = FIRST_TEST_ROW[told["train"]], max(sizes)
    done = evaluate(table, first + largest + fresh, first, told, windows=1)
    result: dict[str, Any] = {"sizes": []}
    for size in sizes:
        rows = evidence_rows(done, size)
        result["sizes"].append(record(rows, judge(rows, done.walk.config, 1, None)))
    if fresh:
        whole = walk_forward_rows(done.windows, done.families)
        behind = whole.oos[largest:]
        right = whole.oos_answers[:, largest:] == whole.y[behind]
        result["fresh"] = dict(zip(whole.names, right.mean(axis=1).tolist(), strict=True))
        result["fresh_best"] = _best(table, behind)
    return result


def walk(table: NoiseTable, sizes: Sequence[int], told: dict[str, Any], fresh: int = 0) -> dict[str, Any]:
    """The shipped pipeline on each number of test rows; fresh rows are answered by the model as it would go live."""
    first, result = FIRST_TEST_ROW[told["train"]], {"sizes": []}
    for size in sizes:
        n = first + size
        done = evaluate(table, n, first, told)
        entry = record(evidence_rows(done, size), done.verdict)
        if fresh:
            behind = np.arange(n + HORIZON, n + HORIZON + fresh)
            entry["fresh"] = float((done.predict(table.X[behind]) == table.y[behind]).mean())
            entry["fresh_best"] = _best(table, behind)
        result["sizes"].append(entry)
    return result


def _best(table: NoiseTable, rows: Any) -> float:
    """Accuracy of the sign of x, the best there is."""
    return float(((table.X[rows, 0] > 0) == table.y[rows]).mean())
