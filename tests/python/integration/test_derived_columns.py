"""Derived columns through the whole job: settings, run folder, saved model, prediction, audit, command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import smctrain as st
from smctrain.bars import BarSet
from smctrain.cli import main
from smctrain.results import RunResult

EXTRA = ("ret_1_lag_1", "cd_clv__x__ret_1", "ret_1_sd_20", "htf_h1_rsi_wilder_14_lag_2", "log_close_fd_40")


@pytest.fixture(scope="module")
def derived_run(market: BarSet, small: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    folder = tmp_path_factory.mktemp("derived") / "run"
    spec = st.FeatureSpec(base="M15", groups=("candle", "returns"), extra=EXTRA)
    return st.train(market, features=spec, out=folder, workers=1, **(small | {"models": ["rf"], "symbols": ["SIM1"]}))


def test_they_are_trained_on_stored_and_built_again_for_prediction(derived_run: RunResult, market: BarSet) -> None:
    assert derived_run.failures == []
    assert derived_run["SIM1"].features[-len(EXTRA) :] == list(EXTRA)
    assert derived_run.folder is not None
    written = json.loads((derived_run.folder / "symbols" / "SIM1" / "SIM1_RandomForest_metadata.json").read_text())
    assert written["feature_spec"]["extra"] == list(EXTRA)
    predictor = st.load(derived_run.folder, "SIM1", "RandomForest")
    columns = predictor.predict_columns(market["SIM1"])
    assert np.isfinite(columns["prediction"]).sum() > 1_500
    # A stretch of the same bars gives the same answers once its columns have started.
    frames = st.bars.SymbolBars("SIM1", {tf: b[1_000:] if tf == "M15" else b for tf, b in market["SIM1"].items()})
    late = predictor.predict_columns(frames)
    np.testing.assert_array_equal(late["p_1"][-500:], columns["p_1"][-500:])


def test_columns_of_higher_timeframes_do_not_shorten_the_training_part(
    market: BarSet, small: dict[str, Any], tmp_path: Path
) -> None:
    # By its catalogue entry the column settles after 3008 base rows; the higher bars may reach further back.
    settings = small | {"models": ["rf"], "symbols": ["SIM1"]}
    rows = []
    for i, name in enumerate(("htf_h4_rsi_wilder_14", "htf_h4_rsi_wilder_14_lag_1")):
        spec = st.FeatureSpec(base="M15", columns=("ret_1", name))
        run = st.train(market, features=spec, out=tmp_path / str(i), workers=1, **settings)
        rows.append(run["SIM1"].n_rows)
    assert rows[0] == rows[1]


def test_levels_are_refused_by_name(market: BarSet, small: dict[str, Any], tmp_path: Path) -> None:
    settings = small | {"models": ["rf"], "symbols": ["SIM1"]}
    spec = st.FeatureSpec(base="M15", extra=("close_lag_1", "close_z_20"))
    run = st.train(market, features=spec, out=tmp_path / "run", workers=1, **settings)
    (failure,) = run.failures
    assert "close_lag_1 cannot be features: their role" in failure.error


def test_the_audit_passes_and_the_command_line_shows_them(market: BarSet, capsys: pytest.CaptureFixture[str]) -> None:
    bars = market["SIM2"]
    spec = st.FeatureSpec(base="M15", columns=(*EXTRA, *st.features.rolling("ret_5", ("z", "med", "acf1"), 30)))
    report = st.audit_features(bars, spec, cuts=60, canary=False)
    assert report.ok, report.to_text()
    assert main(["features", "--extra", "ret_1_lag_9", "rsi_wilder_14_z_100"]) == 0
    shown = capsys.readouterr().out
    assert "82 columns" in shown
    assert "ret_1 of 9 bars ago" in shown
    assert main(["features", "--extra", "ret_1_lagg_9"]) == 2
    assert "extra holds 'ret_1_lagg_9': 'lagg' is no operation" in capsys.readouterr().err
