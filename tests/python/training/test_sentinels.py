"""Sentinels of a run: each finds the fault that it is there for, planted, and is quiet on honest rows and signals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from smctrain.audit import Sentinel
from smctrain.exceptions import SplitLeak
from smctrain.models.base import FitTask
from smctrain.models.xgboost import XGBoostTrainer
from smctrain.prepare import Preparation
from smctrain.selection.problem import Outcome
from smctrain.testing import noise_table
from smctrain.training.arrays import Evaluation, evaluate_arrays
from smctrain.training.choosing import FeatureChoice
from smctrain.training.prepared import FoldStore, Prepared

N, FIRST = 900, 500
Plant = Callable[[pytest.MonkeyPatch], None]


def evaluated(signal: float = 0.2, more: Any = None, columns: Any = None, n: int = N, **keywords: Any) -> Evaluation:
    table = noise_table(n + 40, signal=signal, seed=4)
    rows = np.arange(n)
    X = table.X[:n] if columns is None else np.column_stack([table.X[:n], columns(table)])
    settings = {"leak_audit.sentinels": True, "cv.folds": 3, "evaluation.n_splits": 2, "cv.embargo": 0}
    return evaluate_arrays(
        X, table.y[:n], rows, rows + 10, preset="fast", first_oos=FIRST, seed=0, config=settings | (more or {}),
        **({"models": ["LogisticRegression"]} | keywords),
    )  # fmt: skip


def of(e: Evaluation, name: str) -> Sentinel:
    return next(sentinel for sentinel in e.leak_audit.sentinels if sentinel.name == name)


@pytest.mark.parametrize("signal", [0.0, 0.2], ids=["noise", "signal"])
def test_honest_columns_leave_every_sentinel_quiet(signal: float) -> None:
    e = evaluated(signal, models=["LogisticRegression", "XGBoost", "RandomForest"])
    assert {(s.name, s.loud) for s in e.leak_audit.sentinels} == {
        ("later labels", False),
        ("all columns", False),
        ("held-out rows", False),
    }
    assert of(e, "held-out rows").score == 0.0


# ---- held-out rows: steps that read what they must not know, below the sight of every other check ------


def scaled_on_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Prepared.values

    def values(self: Prepared, scaled: bool) -> Any:
        found = honest(self, scaled)
        return np.ascontiguousarray(found / (np.nanstd(found, axis=0) + 1.0), dtype=np.float32)

    monkeypatch.setattr(Prepared, "values", values)


def target_encoded_on_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = FoldStore.__init__

    def init(self: FoldStore, data: Any, *args: Any, **keywords: Any) -> None:
        X = data.X.copy()
        bucket = np.argsort(np.argsort(X[:, 0])) * 200 // len(X)
        for number in range(200):
            X[bucket == number, 0] = data.y[bucket == number].mean()
        honest(self, replace(data, X=X), *args, **keywords)

    monkeypatch.setattr(FoldStore, "__init__", init)


def chosen_on_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = FeatureChoice.outcome

    def outcome(self: FeatureChoice, prepare: Preparation, rows: Any, *args: Any) -> Outcome:
        return honest(self, prepare, np.flatnonzero(self.y >= 0), *args)

    monkeypatch.setattr(FeatureChoice, "outcome", outcome)


def stopped_on_unseen_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = XGBoostTrainer.fit

    def fit(self: XGBoostTrainer, task: FitTask) -> Any:
        return honest(self, replace(task, stop_rows=np.arange(FIRST + 20, N)))

    monkeypatch.setattr(XGBoostTrainer, "fit", fit)


CHOICE = {"selection.features.method": "score", "selection.features.min_features": 2}


@pytest.mark.parametrize(
    ("plant", "reads", "family", "more"),
    [
        (scaled_on_all_rows, "columns", "LogisticRegression", {}),
        (target_encoded_on_all_rows, "labels", "LogisticRegression", {}),
        (chosen_on_all_rows, "labels", "LogisticRegression", CHOICE),
        (stopped_on_unseen_rows, "labels", "XGBoost", {}),
    ],
)
def test_a_step_that_reads_held_out_rows_stops_the_job_and_says_what_it_reads(
    monkeypatch: pytest.MonkeyPatch, plant: Plant, reads: str, family: str, more: dict[str, Any]
) -> None:
    evaluated(more=more, models=[family])
    plant(monkeypatch)
    with pytest.raises(SplitLeak, match=rf"held-out rows \({family}\).*reads the {reads} of rows") as leak:
        evaluated(more=more, models=[family])
    assert leak.value.code == "isolation"


def test_code_that_never_says_the_same_twice_is_no_witness(monkeypatch: pytest.MonkeyPatch) -> None:
    honest, rng = Prepared.values, np.random.default_rng(0)

    def values(self: Prepared, scaled: bool) -> Any:
        found = honest(self, scaled)
        return (found + 1e-3 * rng.standard_normal(found.shape)).astype(np.float32)

    monkeypatch.setattr(Prepared, "values", values)
    e = evaluated()
    assert all(sentinel.name != "held-out rows" for sentinel in e.leak_audit.sentinels)
    assert "not compared: held-out rows of LogisticRegression" in e.leak_audit.checks["sentinels"]


# ---- columns ------


def test_a_column_that_looks_further_ahead_than_its_label_makes_later_labels_loud() -> None:
    def next_twenty(table: Any) -> Any:
        n = len(table.X) - 40
        ahead = table.p[20 : 20 + n] - table.p[:n]
        return ahead + 0.5 * ahead.std() * np.random.default_rng(1).standard_normal(n)

    quiet = {"leak_audit.single_columns": False}
    e = evaluated(0.0, quiet, next_twenty, n=2_000)
    assert of(e, "later labels").loud
    assert "a sentinel is loud" in e.leak_audit.headline
    assert not e.leak_audit.findings  # it starts an audit, it is not one


def test_columns_that_know_the_answer_together_make_all_columns_loud_though_none_does_alone() -> None:
    def pieces(table: Any) -> Any:
        n = len(table.X) - 40
        noise = np.random.default_rng(2).standard_normal((n, 12))
        return table.y[:n, None] + 2.2 * noise

    e = evaluated(0.0, None, pieces, n=2_400)
    assert not e.leak_audit.quarantined
    assert of(e, "all columns").loud
    assert of(e, "held-out rows").ok
