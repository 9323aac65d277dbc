"""The networks that are no default of a run: trained inside one, saved, loaded, predicting the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import smctrain as st
from smctrain.bars import BarSet

pytest.importorskip("torch")


def test_a_run_trains_every_network_with_every_setting_and_their_files_repeat_it(
    market: BarSet, tmp_path: Path
) -> None:
    run = st.train(
        market, out=tmp_path / "run", workers=1, symbols=["SIM1"], models=["gru", "cnn", "transformer"],
        preset="fast", cv__folds=2, transformer__max_epochs=2, transformer__d_model=8, transformer__feed_forward=8,
        gru__max_epochs=2, cnn1d__max_epochs=4, cnn1d__channels=[8, 8], cnn1d__schedule="one_cycle",
        cnn1d__calibration="temperature", cnn1d__optimizer="sgd", cnn1d__freeze_layers=1, cnn1d__freeze_after=3,
        gru__schedule="plateau", gru__warmup_epochs=0.5, gru__restarts=1,
    )  # fmt: skip
    assert not run.failures
    for family in ("GRU", "CNN1D", "Transformer"):
        result = run["SIM1"][family]
        rows = st.load(tmp_path / "run", "SIM1", family).predict(market["SIM1"])
        assert np.isfinite(result.history["test_accuracy"])
        assert rows["prediction"].notna().sum() > 100
    curve = run["SIM1"]["CNN1D"].curves["learning_rate"]
    assert curve[0] != curve[-1]
