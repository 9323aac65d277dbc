"""Settings of the features go through a run: config, columns, saved model, prediction."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import smctrain as st
from smctrain.bars import BarSet
from smctrain.cli import main
from smctrain.exceptions import ConfigError

GIVEN = {"smc.swing_left": 3, "smc.atr": "sma", "ses.custom": [["fra", "Europe/Berlin", "08:00", "16:30"]]}


def test_a_run_with_settings_predicts_what_it_tested(market: BarSet, small: dict[str, Any], tmp_path: Path) -> None:
    options = small | {"models": ["rf"], "symbols": ["SIM1"], "workers": 1}
    spec = st.FeatureSpec(columns=("sw_high_dist_atr", "ret_1", "vol_rel_20"), settings=GIVEN)
    run = st.train(market, features=spec, out=tmp_path / "one", **options)
    assert run.failures == []
    folder = tmp_path / "one" / "symbols" / "SIM1"
    assert json.loads((folder / "features.json").read_text())["spec"]["settings"] == GIVEN
    model = st.load(tmp_path / "one", symbol="SIM1", model="rf")
    table = model.predict(market["SIM1"])
    stored = pd.read_parquet(folder / "predictions.parquet")
    test = stored[stored["split"] == "test"]
    names = [name for name in table.columns if name.startswith("p_")]
    np.testing.assert_array_equal(table.loc[test["row"], names].to_numpy(), test[names].to_numpy())

    # The configuration of the run, used again, gives the same run; other settings give another one.
    again = st.train(market, config=tmp_path / "one" / "config.yaml", out=tmp_path / "two", workers=1)
    assert again["SIM1"]["RandomForest"].val_metrics == run["SIM1"]["RandomForest"].val_metrics
    other = st.train(
        market, config=tmp_path / "one" / "config.yaml", out=tmp_path / "three", workers=1,
        features__settings__smc__swing_left=9,
    )  # fmt: skip
    assert other["SIM1"].config_hash != run["SIM1"].config_hash


def test_a_wrong_setting_stops_a_run_before_it_begins(market: BarSet, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"features\.settings\.fvg\.min_art is not a setting"):
        st.train(market, out=tmp_path / "run", features__settings__fvg__min_art=1)
    assert not (tmp_path / "run").exists()


def test_the_catalogue_and_the_audit_take_settings(
    market: BarSet, export: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export(tmp_path, "SIM1", market["SIM1"].base[:700])
    assert main(["features", str(tmp_path), "--audit", "--cuts", "60", "--set", "smc.atr=sma", "ob.rule=seed"]) == 0
    assert main(["features", "--set", "fvg.min_art=2"]) == 2
    assert "nearest is 'fvg.min_atr'" in capsys.readouterr().err
