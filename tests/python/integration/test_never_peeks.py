"""Nothing that lies after the training part reaches what was learned on it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import smctrain as st
from smctrain.bars import Bars, BarSet
from smctrain.models.pipeline import Pipeline
from smctrain.results import RunResult
from smctrain.training.parts import tail_split


def predictions(run: RunResult, symbol: str, model: str) -> pd.DataFrame:
    assert run.folder is not None
    table = pd.read_parquet(run.folder / "symbols" / symbol / "predictions.parquet")
    return table[table["model"] == model]


def last_training_bar(run: RunResult, bars: Bars) -> int:
    """Row of the last bar that a training label reads."""
    table = predictions(run, bars.symbol, "RandomForest")
    end = table.loc[table["split"] == "train", "t1"].max()
    return int(np.flatnonzero(bars.time_close == np.datetime64(end))[0])


def with_another_future(bars: Bars, other: Bars, first: int) -> Bars:
    """`bars` up to row `first`, then bars that moved differently, on the same price grid."""
    ratio = bars.close[first - 1] / other.close[first - 1]
    arrays = {
        name: np.r_[getattr(bars, name)[:first], np.round(getattr(other, name)[first:] * ratio, bars.digits)]
        for name in ("open", "high", "low", "close")
    }
    return replace(bars, **arrays, volume=np.r_[bars.volume[:first], 3.0 * other.volume[first:]])


def learned(run: RunResult, symbol: str, model: str) -> dict[str, bytes]:
    """Everything a model file holds about the fit, array by array."""
    assert run.folder is not None
    pipeline = Pipeline.read(run.folder / run[symbol][model].artifact["path"])
    arrays = {f"model/{k}": v.tobytes() for k, v in pipeline.model.to_state()[1].items()}
    arrays |= {f"prepare/{k}": v.tobytes() for k, v in pipeline.prepare.to_state()[1].items()}
    arrays["meta"] = repr((pipeline.model.to_state()[0], pipeline.prepare.to_state()[0], pipeline.classes)).encode()
    return arrays


@pytest.mark.parametrize("families", [["RandomForest", "XGBoost"], ["NeuralNetwork", "LSTM"]])
def test_bars_after_the_training_part_change_nothing_that_is_learned(
    run: RunResult, four: RunResult, market: BarSet, small: Any, tmp_path: Path, families: list[str]
) -> None:
    bars = market["SIM1"].base
    first = last_training_bar(run, bars) + 1
    assert 0.6 * len(bars) < first < 0.8 * len(bars)
    changed = with_another_future(bars, market["SIM2"].base, first)
    more: dict[str, Any] = {"models": families}
    if "LSTM" in families:
        run, more = four, more | {"neural_network__max_epochs": 3, "lstm__max_epochs": 2, "cv__folds": 2}
    other = st.train(BarSet({("SIM1", "M15"): changed}), out=tmp_path, workers=1, **small | more)
    for model in families:
        assert other["SIM1"].split["train"] == run["SIM1"].split["train"]
        assert other["SIM1"][model].cv == run["SIM1"][model].cv
        assert learned(other, "SIM1", model) == learned(run, "SIM1", model)
        # The change is one that a peeking run would have noticed.
        assert other["SIM1"][model].test_metrics != run["SIM1"][model].test_metrics
        before, after = (predictions(of, "SIM1", model).drop(columns="model") for of in (run, other))
        early = before["split"] == "train"
        # Other outcomes purge other validation rows, so that the rows stand elsewhere in the table.
        after = after[after["split"] == "train"].reset_index(drop=True)
        pd.testing.assert_frame_equal(before[early].reset_index(drop=True), after, check_categorical=False)


def test_no_label_of_one_part_reaches_the_next(four: RunResult) -> None:
    for model in four["SIM1"].models:
        table = predictions(four, "SIM1", model)
        part = {name: table[table["split"] == name] for name in ("train", "validation", "test")}
        assert (table["t1"] > table["time"]).all()
        assert part["train"]["t1"].max() < part["validation"]["time"].min()
        assert part["validation"]["t1"].max() < part["test"]["time"].min()


def test_the_early_stopping_tail_is_purged() -> None:
    t0 = np.arange(100)
    fit, stop = tail_split(t0, t0, t0 + 7, 0.15)
    np.testing.assert_array_equal(stop, np.arange(85, 100))
    np.testing.assert_array_equal(fit, np.arange(78))


def test_the_preparation_states_the_rows_it_was_fitted_on(run: RunResult) -> None:
    from smctrain.prepare.preparation import hash_of_rows

    assert run.folder is not None
    rows = predictions(run, "SIM1", "XGBoost").query("split == 'train'")["row"].to_numpy()
    pipeline = Pipeline.read(run.folder / run["SIM1"]["XGBoost"].artifact["path"])
    assert pipeline.prepare.fit_rows == len(rows) == run["SIM1"].split["train"]["rows"]
    assert pipeline.prepare.fit_rows_hash == hash_of_rows(rows)


@pytest.mark.parametrize("symbol", ["SIM1", "SIM2"])
def test_what_was_learned_does_not_depend_on_the_symbols_beside_it(
    run: RunResult, market: BarSet, small: Any, tmp_path: Path, symbol: str
) -> None:
    alone = st.train(market, out=tmp_path, workers=1, **small | {"symbols": [symbol]})
    for model in ("RandomForest", "XGBoost"):
        assert learned(alone, symbol, model) == learned(run, symbol, model)
