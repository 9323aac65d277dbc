"""The tabular families beside random forest and XGBoost inside a run."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd

import smctrain as st
from smctrain.bars import BarSet


def test_a_run_trains_every_tabular_family_and_their_files_repeat_it(market: BarSet, tmp_path: Path) -> None:
    extras = {"LightGBM": "lightgbm", "CatBoost": "catboost", "NGBoost": "ngboost"}
    run = st.train(
        market, out=tmp_path / "run", workers=1, symbols=["SIM1"],
        models=["lgbm", "GradientBoosting", "extra_trees", "logistic", "ftrl", "catboost", "ngboost"], preset="fast",
        labels__target=3.0, labels__stop=2.0, labels__horizon=20, cv__folds=2, lightgbm__n_estimators=20,
        gradient_boosting__n_estimators=20, extra_trees__n_estimators=20, catboost__n_estimators=20,
        ngboost__n_estimators=3,
    )  # fmt: skip
    families = [
        "CatBoost", "ExtraTrees", "FTRLProximal", "GradientBoosting", "LightGBM", "LogisticRegression", "NGBoost",
    ]  # fmt: skip
    for family, extra in extras.items():
        if importlib.util.find_spec(extra) is None:  # its error says what to install, and the others go on
            families.remove(family)
            assert any(f'pip install "smctrain[{extra}]"' in str(failure) for failure in run.failures)
    assert sorted(run["SIM1"].models) == families
    stored = pd.read_parquet(run.folder / "symbols/SIM1/predictions.parquet")
    for family in families:
        rows = stored.loc[(stored["model"] == family) & (stored["split"] != "oos")]
        assert len(rows) > 0
        table = st.load(run.folder, "SIM1", family).predict(market["SIM1"])
        np.testing.assert_array_equal(
            table["prediction"].to_numpy()[rows["row"].to_numpy()], rows["prediction"].to_numpy(dtype=float)
        )
