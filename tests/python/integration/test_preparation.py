"""The `prepare` section of a run: used in every fold, saved with the model, replayed at prediction, reported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import smctrain as st
from smctrain.bars import BarSet
from smctrain.exceptions import ConfigError
from smctrain.models.pipeline import Pipeline

SMALL: dict[str, Any] = {
    "models": ["logistic", "rf"], "symbols": ["SIM1"], "preset": "fast", "cv__folds": 2,
    "random_forest__n_estimators": 5,
}  # fmt: skip


def test_the_preparation_of_a_run_is_that_of_its_settings(market: BarSet, tmp_path: Path) -> None:
    run = st.train(
        market, out=tmp_path / "run", workers=1, prepare__scale="minmax", prepare__impute="mean", prepare__clip=None,
        prepare__indicator=0.001, **SMALL,
    )  # fmt: skip
    result = run["SIM1"]
    assert result.preparation["scale"] == "minmax"
    assert result.preparation["fit_rows"] == result.split["train"]["rows"]
    marks = result.preparation["indicators"]
    assert marks  # warm-up rows of higher timeframes
    model = Pipeline.read(run.folder / result["LogisticRegression"].artifact["path"])
    assert model.prepare.settings.scale == "minmax"
    assert model.model.n_features == len(result.features) + len(marks)
    shown = {row["feature"] for row in result["LogisticRegression"].feature_importance}
    assert {f"missingindicator_{name}" for name in marks} <= shown
    assert {row["feature"] for row in result["RandomForest"].feature_importance} == set(result.features)
    stored = pd.read_parquet(run.folder / "symbols/SIM1/predictions.parquet")
    for family in ("LogisticRegression", "RandomForest"):
        rows = stored.loc[(stored["model"] == family) & (stored["split"] != "oos")]
        table = st.load(run.folder, "SIM1", family).predict(market["SIM1"])
        np.testing.assert_array_equal(
            table["prediction"].to_numpy()[rows["row"].to_numpy()], rows["prediction"].to_numpy(dtype=float)
        )
    metadata = json.loads(next((run.folder / "symbols/SIM1").rglob("*LogisticRegression_metadata.json")).read_text())
    assert metadata["preprocessing"]["settings"]["impute"] == "mean"
    report = (run.folder / "symbols/SIM1/report.md").read_text()
    assert "get the mean for missing values, not clipped, then the range becomes 0 to 1" in report


def test_a_wrong_setting_is_named(market: BarSet, tmp_path: Path) -> None:
    for settings, words in (({"prepare__scale": "l2"}, "prepare.scale"), ({"prepare__clip": (0.9, 0.1)}, "prepare")):
        with pytest.raises(ConfigError, match=words):
            st.train(market, out=tmp_path / "run", workers=1, **SMALL, **settings)
