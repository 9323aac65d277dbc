"""Short histories: augmentation on training rows only, honest refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import smctrain as st
from smctrain.models.base import FitTask
from smctrain.models.registry import make_trainer
from smctrain.training import families as families_module


@pytest.fixture
def tasks(monkeypatch: pytest.MonkeyPatch) -> list[FitTask]:
    """Every fit of the test, as its trainer saw it."""
    seen: list[FitTask] = []

    class Watching:
        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

        def fit(self, task: FitTask) -> Any:
            seen.append(task)
            return self.inner.fit(task)

    monkeypatch.setattr(
        families_module, "make_trainer", lambda family, settings=None: Watching(make_trainer(family, settings))
    )
    return seen


def test_below_300_rows_only_training_rows_are_multiplied(tasks: list[FitTask], small: Any, tmp_path: Path) -> None:
    market = st.simulate_market(n_symbols=1, n_bars=260)
    # Windows learn from later rows, too: they have their own tests.
    run = st.train(market, out=tmp_path, workers=1, evaluation__outer="holdout", **small | {"models": ["xgboost"]})
    decision = run["SIM1"]["XGBoost"].augmentation
    assert isinstance(decision["used"], bool)
    assert decision["used"] == (decision["mean_gain"] / decision["standard_error"] >= 1.0)
    assert f"{decision['mean_gain']:+.3f}" in decision["reason"]
    n = len(market["SIM1"].base)
    enlarged = [task for task in tasks if len(task.X) > n]
    assert len(enlarged) >= 9  # three folds, three seeds
    for task in enlarged:
        real = task.rows[task.rows < n]
        np.testing.assert_array_equal(np.setdiff1d(task.rows, real), np.arange(n, len(task.X)))
        assert len(task.rows) == len(real) * (3 if len(real) < 200 else 2)
        assert task.stop_rows.max(initial=0) < n
        assert task.segment is not None
        assert not np.isin(task.segment[n:], task.segment[:n]).any()
    # Nothing of validation or test is multiplied: no fit ever holds such a row.
    first_validation = run["SIM1"].split["validation"]["first"]
    row = int(np.searchsorted(market["SIM1"].base.time.astype("datetime64[s]"), np.datetime64(first_validation)))
    assert max(task.rows[task.rows < n].max() for task in tasks) < row
    assert max(task.stop_rows.max(initial=0) for task in tasks) < row
    assert run.verdicts["SIM1"].kind == "TOO_LITTLE_DATA"


def test_from_300_training_rows_on_nothing_is_multiplied(tasks: list[FitTask], small: Any, tmp_path: Path) -> None:
    market = st.simulate_market(n_symbols=1, n_bars=700)
    run = st.train(market, out=tmp_path, workers=1, evaluation__outer="holdout", **small | {"models": ["rf"]})
    assert run["SIM1"]["RandomForest"].augmentation["used"] is False
    assert all(len(task.X) == 700 for task in tasks)


def test_sequence_families_are_never_given_synthetic_rows(tasks: list[FitTask], small: Any, tmp_path: Path) -> None:
    market = st.simulate_market(n_symbols=1, n_bars=260)
    settings = small | {"models": ["lstm"], "lstm__max_epochs": 1, "cv__folds": 2}
    run = st.train(market, out=tmp_path, workers=1, **settings)
    assert "real windows only" in run["SIM1"]["LSTM"].augmentation["reason"]
    assert all(len(task.X) == 260 for task in tasks)


def test_120_rows_are_refused_with_what_is_needed_and_what_is_there(small: Any, tmp_path: Path) -> None:
    run = st.train(st.simulate_market(n_symbols=1, n_bars=120), out=tmp_path, workers=1, **small)
    failure = run.failures[0]
    assert (failure.error_type, failure.stage) == ("TooFewRows", "dataset")
    assert "76 labelled rows of 120 bars" in failure.error
    assert "at least 100 are needed" in failure.error
    assert run.exit_code() == 3


def test_families_that_stop_early_keep_a_tail_and_the_others_learn_from_all_training_rows(
    tasks: list[FitTask], small: Any, tmp_path: Path
) -> None:
    market = st.simulate_market(n_symbols=1, n_bars=1_000)
    run = st.train(market, out=tmp_path, workers=1, **small | {"cv__folds": 0})
    forest, boosting = tasks
    n_train = run["SIM1"].split["train"]["rows"]
    assert len(forest.rows) == n_train
    assert len(forest.stop_rows) == 0
    assert len(boosting.stop_rows) == run["SIM1"].split["early_stopping_rows"]
    assert boosting.rows.max() < boosting.stop_rows.min()
    assert len(boosting.rows) + len(boosting.stop_rows) <= n_train
    # No label of a fitted row reaches into the tail.
    table = pd.read_parquet(tmp_path / "symbols/SIM1/predictions.parquet").query("model == 'XGBoost'").set_index("row")
    assert table.loc[boosting.rows, "t1"].max() < table.loc[boosting.stop_rows, "time"].min()
