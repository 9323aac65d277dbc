"""The `selection` section of a run: decided in the folds, stored, reported, replayed at prediction."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import smctrain as st
from smctrain.bars import BarSet
from smctrain.models.pipeline import Pipeline
from smctrain.results import RunResult

SMALL: dict[str, Any] = {
    "models": ["rf", "logistic"], "symbols": ["SIM1"], "preset": "fast", "random_forest__n_estimators": 5,
    "selection__features__method": "boruta", "selection__features__repeats": 8, "workers": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def chosen(market: BarSet, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    return st.train(market, out=tmp_path_factory.mktemp("runs") / "chosen", **SMALL)


def test_the_result_says_what_was_chosen_and_why(chosen: RunResult) -> None:
    for family in ("RandomForest", "LogisticRegression"):
        selection = chosen["SIM1"][family].selection
        assert selection["method"] == "boruta"
        assert isinstance(selection["used"], bool)
        assert "against all columns" in selection["reason"]
        assert [row["fold"] for row in selection["folds"]] == [0, 1, 2]
        assert ("final" in selection) is selection["used"]
    # The scaled family gains by it here, so that the rest of these tests sees a choice in use.
    assert chosen["SIM1"]["LogisticRegression"].selection["used"]
    again = RunResult.__getitem__(chosen, "SIM1").from_dict(json.loads(json.dumps(chosen["SIM1"].to_dict())))
    assert again["RandomForest"].selection == chosen["SIM1"]["RandomForest"].selection


def test_the_run_folder_keeps_a_record_of_every_fold_and_family(chosen: RunResult) -> None:
    assert chosen.folder is not None
    stored = json.loads((chosen.folder / "symbols/SIM1/selection.json").read_text())
    keys = [(row["run"], row["family"], row["fold"]) for row in stored["records"]]
    assert len(set(keys)) == len(keys)
    assert {(row["family"], row["fold"]) for row in stored["records"]} >= {
        (family, fold) for family in ("RandomForest", "LogisticRegression") for fold in range(3)
    }
    assert all(entry["reason"] for row in stored["records"] for entry in row["dropped"])


def test_the_saved_model_takes_raw_columns_and_replays_the_choice(chosen: RunResult, market: BarSet) -> None:
    assert chosen.folder is not None
    result = chosen["SIM1"]["LogisticRegression"]
    model = Pipeline.read(chosen.folder / result.artifact["path"])
    kept = result.selection["final"]["selected"]
    assert model.prepare.kept_names == kept
    assert model.model.n_features == len(kept) < len(chosen["SIM1"].features)
    assert {row["feature"] for row in result.feature_importance} == set(kept)
    table = st.load(chosen.folder, "SIM1", "LogisticRegression").predict(market["SIM1"])
    stored = pd.read_parquet(chosen.folder / "symbols/SIM1/predictions.parquet")
    rows = stored.loc[(stored["model"] == "LogisticRegression") & (stored["split"] != "oos")]
    np.testing.assert_array_equal(
        table["prediction"].to_numpy()[rows["row"].to_numpy()], rows["prediction"].to_numpy(dtype=float)
    )


def test_the_reports_show_the_choice(chosen: RunResult) -> None:
    assert chosen.folder is not None
    html = (chosen.folder / "report.html").read_text()
    text = (chosen.folder / "symbols/SIM1/report.md").read_text()
    assert "Chosen columns" in html
    assert "folds that kept the column" in html or "How many folds of" in html
    assert "## Chosen columns" in text
    assert "not confirmed (" in text


def test_choosing_nothing_leaves_no_trace_and_a_second_run_is_equal(
    chosen: RunResult, market: BarSet, tmp_path: Path
) -> None:
    again = st.train(market, out=tmp_path / "again", **SMALL)
    assert chosen.folder is not None
    assert again.folder is not None
    for family in ("RandomForest", "LogisticRegression"):
        assert again["SIM1"][family].selection == chosen["SIM1"][family].selection
        path = chosen["SIM1"][family].artifact["path"]
        assert (again.folder / path).read_bytes() == (chosen.folder / path).read_bytes()
    plain = st.train(market, out=tmp_path / "plain", **SMALL | {"selection__features__method": "none"})
    assert plain["SIM1"]["RandomForest"].selection == {}
    assert plain.folder is not None
    assert not (plain.folder / "symbols/SIM1/selection.json").exists()
    assert "Chosen columns" not in (plain.folder / "report.html").read_text()
