"""Columns of the user's own function: audited before use, added, needed again by the saved model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import smctrain as st
from smctrain.bars import BarSet
from smctrain.exceptions import ArtifactError, FeatureLeak, InputError
from smctrain.results import RunResult


def own(f: Any) -> Any:
    level = np.log(f["volume"])
    return pd.DataFrame({"my_level": level.rolling(8).mean(), "my_move": f["close"].pct_change(7)}, index=f.index)


@pytest.fixture(scope="module")
def settings(small: dict[str, Any]) -> dict[str, Any]:
    return small | {"models": ["rf"], "features__groups": ["candle", "returns"]}


@pytest.fixture(scope="module")
def own_run(market: BarSet, settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    folder = tmp_path_factory.mktemp("own") / "run"
    return st.train(market, features=own, out=folder, workers=1, **settings)


def test_the_columns_are_added_and_used(own_run: RunResult) -> None:
    assert own_run.failures == []
    result = own_run["SIM1"]
    assert result.features[-2:] == ["my_level", "my_move"]
    # The volume shows the hidden state of SIM1: a run that really learns from the column beats the majority.
    metrics = result["RandomForest"].val_metrics
    assert metrics["accuracy"] > 0.5
    assert own_run.folder is not None
    written = json.loads((own_run.folder / "symbols" / "SIM1" / "features.json").read_text())
    assert written["user_columns"] == ["my_level", "my_move"]


def test_a_saved_model_needs_the_function_again_and_predicts_what_the_run_did(
    own_run: RunResult, market: BarSet
) -> None:
    assert own_run.folder is not None
    model = st.load(own_run.folder, symbol="SIM1", model="RandomForest")
    assert model.user_columns == ["my_level", "my_move"]
    with pytest.raises(InputError, match=r"needs columns of your own function \(my_level, my_move\)"):
        model.predict(market["SIM1"])
    table = model.predict(market["SIM1"], features=own)
    stored = pd.read_parquet(own_run.folder / "symbols" / "SIM1" / "predictions.parquet")
    test = stored[(stored["split"] == "test") & (stored["model"] == "RandomForest")]
    names = [name for name in table.columns if name.startswith("p_")]
    np.testing.assert_array_equal(table.loc[test["row"], names].to_numpy(), test[names].to_numpy())
    # The order in which the function returns its columns does not matter, their names do.
    turned = model.predict(market["SIM1"], features=lambda f: own(f)[["my_move", "my_level"]])
    pd.testing.assert_frame_equal(turned, table)
    with pytest.raises(InputError, match="must return the columns of the run"):
        model.predict(market["SIM1"], features=lambda f: own(f)[["my_move"]])


def test_a_model_without_own_columns_refuses_a_function(run: RunResult, market: BarSet) -> None:
    assert run.folder is not None
    model = st.load(run.folder, symbol="SIM1")
    assert model.user_columns == []
    with pytest.raises(InputError, match="without a feature function"):
        model.predict(market["SIM1"], features=own)


def test_a_function_that_knows_the_future_is_refused_before_anything_is_trained(
    market: BarSet, settings: dict[str, Any], tmp_path: Path
) -> None:
    def leaking(f: Any) -> Any:
        return own(f).assign(next_bar=f["close"].shift(-1) - f["close"])

    with pytest.raises(FeatureLeak, match=r"SIM1: column 'next_bar' of function leaking .*from row 0"):
        st.train(market, features=leaking, out=tmp_path / "run", workers=1, **settings)
    assert not (tmp_path / "run").exists()


def test_a_function_that_fails_on_one_symbol_fails_that_symbol_only(
    market: BarSet, settings: dict[str, Any], tmp_path: Path
) -> None:
    first = market["SIM2"].base.close[0]

    def fails(f: Any) -> Any:
        if f["close"].iloc[0] == first:
            raise RuntimeError("no such market")
        return own(f)

    second = market["SIM2"].base[:1_500]
    bars = BarSet({("SIM1", "M15"): market["SIM1"].base, ("SIM2", "M15"): second})
    run = st.train(bars, features=fails, out=tmp_path, workers=1, **settings)
    assert list(run.symbols) == ["SIM1"]
    assert [(f.symbol, f.stage) for f in run.failures] == [("SIM2", "features")]
    assert "the feature function cannot be used" in run.failures[0].error
    assert "no such market" in run.failures[0].error


def test_a_name_of_ours_cannot_be_taken(market: BarSet, settings: dict[str, Any], tmp_path: Path) -> None:
    from smctrain.features import FeatureSpec

    name = FeatureSpec(groups=("candle",)).catalogue()[0].name
    run = st.train(
        market, features=lambda f: own(f).rename(columns={"my_move": name}), out=tmp_path, workers=1,
        **settings | {"symbols": ["SIM1"]},
    )  # fmt: skip
    assert f"returns {name}, which smctrain has already" in run.failures[0].error


def test_resume_keeps_symbols_of_the_same_function_only(
    own_run: RunResult, market: BarSet, settings: dict[str, Any], tmp_path: Path
) -> None:
    kept: list[str] = []

    def listen(event: Any) -> None:
        if event.stage == "kept":
            kept.append(event.key)

    one = settings | {"symbols": ["SIM1"]}
    st.train(market, features=own, out=tmp_path, workers=1, **one)
    st.train(market, features=own, out=tmp_path, workers=1, resume=True, on_event=listen, **one)
    assert kept == ["SIM1"]
    st.train(market, features=lambda f: own(f) * 2, out=tmp_path, workers=1, resume=True, on_event=listen, **one)
    assert kept == ["SIM1"]


def test_worker_processes_give_the_same_result(
    own_run: RunResult, market: BarSet, settings: dict[str, Any], tmp_path: Path
) -> None:
    other = st.train(market, features=own, out=tmp_path, workers=2, **settings)
    for symbol in ("SIM1", "SIM2"):
        assert other[symbol]["RandomForest"].artifact["sha256"] == own_run[symbol]["RandomForest"].artifact["sha256"]


def test_a_damaged_list_of_own_columns_is_no_crash(own_run: RunResult, market: BarSet) -> None:
    from dataclasses import replace

    assert own_run.folder is not None
    model = st.load(own_run.folder, symbol="SIM1")
    card = {**model.pipeline.card, "user_columns": []}
    broken = replace(model, pipeline=replace(model.pipeline, card=card))
    with pytest.raises(ArtifactError, match="missing: my_level, my_move"):
        broken.predict(market["SIM1"])
