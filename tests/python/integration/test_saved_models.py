"""`load(run, symbol).predict(bars)`: the numbers of the run, from files that are checked before they are believed."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import smctrain as st
from smctrain.bars import Bars, BarSet
from smctrain.exceptions import ArtifactError, InputError
from smctrain.results import RunResult

FAMILIES = ["RandomForest", "XGBoost", "NeuralNetwork", "LSTM"]


def head(bars: Bars, n: int) -> Bars:
    """The first n bars."""
    return replace(
        bars,
        **{name: getattr(bars, name)[:n] for name in ("time", "open", "high", "low", "close", "volume", "spread")},
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_a_loaded_model_repeats_the_predictions_of_the_run_bit_for_bit(
    four: RunResult, market: BarSet, family: str
) -> None:
    assert four.folder is not None
    table = st.load(four.folder, "SIM1", family).predict(market["SIM1"])
    stored = pd.read_parquet(four.folder / "symbols/SIM1/predictions.parquet")
    stored = stored[(stored["model"] == family) & (stored["split"] != "oos")]
    rows = stored["row"].to_numpy()
    assert len(rows) > 1_000
    for value in four["SIM1"].classes:
        np.testing.assert_array_equal(table[f"p_{value}"].to_numpy()[rows], stored[f"p_{value}"].to_numpy())
    np.testing.assert_array_equal(table["prediction"].to_numpy()[rows], stored["prediction"].to_numpy(dtype=float))
    assert (table["time"].to_numpy()[rows] == stored["time"].to_numpy()).all()
    assert set(table["verdict"]) == {four["SIM1"].verdict["kind"]}


@pytest.mark.parametrize("family", FAMILIES)
def test_later_bars_never_change_an_earlier_prediction(four: RunResult, market: BarSet, family: str) -> None:
    assert four.folder is not None
    model = st.load(four.folder, "SIM1", family)
    bars = market["SIM1"].base
    full = model.predict(bars)
    names = [name for name in full.columns if name.startswith("p_")]
    for cut in (60, 333, 1_201, 2_003, 2_499):
        part = model.predict(head(bars, cut))
        np.testing.assert_array_equal(part[names].to_numpy(), full[names].to_numpy()[:cut])


def test_a_changed_byte_is_refused(four: RunResult, tmp_path: Path) -> None:
    assert four.folder is not None
    folder = tmp_path / "copy"
    shutil.copytree(four.folder, folder)
    path = folder / "symbols/SIM1/SIM1_XGBoost.smc"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ArtifactError, match="SHA-256 differs"):
        st.load(folder, "SIM1", "XGBoost")
    path.unlink()
    with pytest.raises(ArtifactError, match="cannot be read"):
        st.load(folder, "SIM1", "XGBoost")


@pytest.mark.parametrize("target", ["../../outside.smc", "/etc/passwd", "symbols/../../outside.smc"])
def test_a_path_that_leaves_the_run_folder_is_refused(four: RunResult, tmp_path: Path, target: str) -> None:
    assert four.folder is not None
    data = json.loads((four.folder / "training_results.json").read_text(encoding="utf-8"))
    data["training_results"]["SIM1"]["XGBoost"]["artifact"]["path"] = target
    (tmp_path / "training_results.json").write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(ArtifactError, match="leaves the run folder"):
        st.load(tmp_path, "SIM1", "XGBoost")


def test_a_symbolic_link_out_of_the_run_folder_is_refused(four: RunResult, tmp_path: Path) -> None:
    assert four.folder is not None
    folder = tmp_path / "copy"
    shutil.copytree(four.folder, folder)
    path = folder / "symbols/SIM1/SIM1_XGBoost.smc"
    outside = tmp_path / "outside.smc"
    path.rename(outside)
    path.symlink_to(outside)
    with pytest.raises(ArtifactError, match="leaves the run folder"):
        st.load(folder, "SIM1", "XGBoost")


def test_what_does_not_exist_is_named(four: RunResult, market: BarSet, tmp_path: Path) -> None:
    assert four.folder is not None
    with pytest.raises(InputError, match="no symbol 'SIM9'; it has SIM1"):
        st.load(four.folder, "SIM9")
    with pytest.raises(InputError, match="Did you mean 'XGBoost'"):
        st.load(four.folder, "SIM1", "xgbost")
    with pytest.raises(ArtifactError, match="no run folder"):
        st.load(tmp_path, "SIM1")
    with pytest.raises(InputError, match="M15"):
        st.load(four.folder, "SIM1").predict(st.simulate_market(n_symbols=1, n_bars=300, timeframe="H1")["SIM1"].base)


def test_a_run_read_back_is_the_run_that_was_returned(four: RunResult) -> None:
    from smctrain.deploy import read_run

    assert four.folder is not None
    again = read_run(four.folder)
    assert again["SIM1"].to_dict() == st.to_json_safe(four["SIM1"].to_dict())
    assert again.leaderboard_rows() == st.to_json_safe(four.leaderboard_rows())
    assert again.verdicts == four.verdicts


def test_the_first_bars_have_no_answer(four: RunResult, market: BarSet) -> None:
    """Where most columns are still empty, an answer would be made of imputed values only."""
    assert four.folder is not None
    for family in FAMILIES:
        table = st.load(four.folder, "SIM1", family).predict(market["SIM1"])
        assert table["prediction"].head(10).isna().all()
        assert table.filter(like="p_").head(10).isna().all(axis=None)
        assert table["prediction"].iloc[100:].notna().all()


def test_a_predictor_is_shown_in_one_line(four: RunResult, market: BarSet) -> None:
    assert four.folder is not None
    assert repr(st.load(four.folder, "SIM1", "XGBoost")).startswith("Predictor(SIM1 XGBoost, verdict ")
    assert repr(market["SIM1"].base).startswith("Bars(SIM1 M15: 2500 bars, 20")


def test_bars_of_another_symbol_are_refused(four: RunResult, market: BarSet) -> None:
    assert four.folder is not None
    model = st.load(four.folder, "SIM1", "XGBoost")
    with pytest.raises(InputError, match="trained on SIM1, but the bars are those of SIM2"):
        model.predict(market["SIM2"])
    for other in (market, market["SIM1"].base.to_pandas()):
        with pytest.raises(InputError, match="bars must be the bars of SIM1"):
            model.predict(other)  # type: ignore[arg-type]
