"""The boosting families beside XGBoost inside a run."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd

import smctrain as st
from smctrain.bars import BarSet


def test_a_run_trains_the_boosting_families_and_their_files_repeat_it(market: BarSet, tmp_path: Path) -> None:
    has_lightgbm = importlib.util.find_spec("lightgbm") is not None
    run = st.train(
        market, out=tmp_path / "run", workers=1, symbols=["SIM1"], models=["lgbm", "GradientBoosting"], preset="fast",
        labels__target=3.0, labels__stop=2.0, labels__horizon=20, cv__folds=2, lightgbm__n_estimators=20,
        gradient_boosting__n_estimators=20,
    )  # fmt: skip
    families = ["GradientBoosting", "LightGBM"] if has_lightgbm else ["GradientBoosting"]
    assert sorted(run["SIM1"].models) == families
    if not has_lightgbm:  # the other family's error says what to install, and this one goes on
        assert any('pip install "smctrain[lightgbm]"' in str(failure) for failure in run.failures)
    stored = pd.read_parquet(run.folder / "symbols/SIM1/predictions.parquet")
    for family in families:
        rows = stored.loc[stored["model"] == family]
        table = st.load(run.folder, "SIM1", family).predict(market["SIM1"])
        np.testing.assert_array_equal(
            table["prediction"].to_numpy()[rows["row"].to_numpy()], rows["prediction"].to_numpy(dtype=float)
        )
