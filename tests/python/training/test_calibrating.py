"""What is reported about probabilities and trades, from a real fit."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import smctrain as st
from smctrain.artifact import to_json_safe
from smctrain.training.calibrating import calibration_record


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    market = st.simulate_market(n_symbols=1, n_bars=2500, seed=7)
    run = st.train(market, preset="fast", models=["RandomForest"], out=tmp_path_factory.mktemp("run") / "r")
    return run[market.symbols[0]]["RandomForest"]


def test_probabilities_are_judged_and_calibrated_on_validation_rows(model: Any) -> None:
    record = model.calibration
    for part in ("validation", "test"):
        rows = sum(row["rows"] for row in record["reliability"][part])
        assert rows == getattr(model, {"validation": "val_metrics", "test": "test_metrics"}[part])["rows"]
        assert record["ece"][part] == pytest.approx(
            sum(b["rows"] * abs(b["accuracy"] - b["confidence"]) for b in record["reliability"][part]) / rows
        )
    assert record["calibrator"]["brier"] == pytest.approx(model.test_metrics["brier"])
    assert record["calibrator"]["rows"] == model.val_metrics["rows"]
    assert record["probabilities_ok"] == (model.test_metrics["brier"] <= model.baselines["test"]["prior_brier"])
    assert record["threshold"]["tried"] == 24
    assert record["threshold"]["used"] is False
    json.dumps(to_json_safe(record), allow_nan=False)


def test_trades_stand_beside_every_row_and_other_times(model: Any) -> None:
    trading = model.trading_metrics
    low, high = trading["intervals"]["expectancy_r"]
    assert low <= trading["expectancy_r"] <= high
    assert trading["random_entry"]["draws"] > 0
    assert 0 < trading["random_entry"]["p_value"] <= 1
    assert trading["take_every_row"]["trades"] >= trading["trades"]


def test_a_model_without_probabilities_is_no_crash() -> None:
    class Empty:
        validation = test = train = np.arange(5)

    record = calibration_record(Empty(), Empty(), np.full((5, 2), np.nan))  # type: ignore[arg-type]
    assert record == {"note": "no probabilities on validation rows"}
