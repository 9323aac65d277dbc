"""`Stages`: what each stage of the river cost."""

from __future__ import annotations

import resource
import time

import numpy as np
import pytest

from smctrain.config import resolve
from smctrain.testing.market import simulate_market
from smctrain.training.stages import Stages
from smctrain.training.symbol import train_symbol


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def burn(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_a_stage_counts_its_cpu_seconds_and_wall_seconds():
    stage = Stages()
    with stage("burn"):
        burn(0.02)
    assert stage.cpu_seconds["burn"] >= 0.0199
    assert stage.seconds["burn"] > 0.0


def test_waiting_costs_wall_seconds_but_no_cpu_seconds():
    stage = Stages()
    with stage("wait"):
        time.sleep(0.05)
    assert stage.seconds["wait"] >= 0.0499
    assert stage.cpu_seconds["wait"] < stage.seconds["wait"]


def test_a_stage_entered_twice_adds_up():
    stage = Stages()
    for _ in range(2):
        with stage("burn"):
            burn(0.01)
    assert stage.cpu_seconds["burn"] >= 0.0199
    assert list(stage.seconds) == list(stage.cpu_seconds) == list(stage.peak_mib) == ["burn"]


def test_the_peak_is_the_process_peak_at_the_end_of_the_stage():
    stage = Stages()
    before = peak_mib()
    with stage("hold"):
        np.ones(4 << 20)  # 32 MiB, touched
    assert before - 0.1 <= stage.peak_mib["hold"] <= peak_mib() + 0.1


def test_a_stage_that_fails_is_counted_and_names_itself():
    stage = Stages()
    with pytest.raises(ValueError, match="no") as caught, stage("labels"):
        raise ValueError("no")
    assert caught.value.stage == "labels"
    assert set(stage.seconds) == set(stage.cpu_seconds) == set(stage.peak_mib) == {"labels"}


def test_a_caller_reads_the_same_stages_that_the_result_holds():
    market = simulate_market(n_symbols=1, n_bars=1_500)
    config = resolve(
        "fast", overrides={"models": ["rf"], "random_forest.n_estimators": 5, "features.higher": []}
    ).config
    stages = Stages()
    result = train_symbol(
        market["SIM1"], config, None, [], 1, 1, stop=np.zeros(1, dtype=np.uint8), report=lambda *_: None, stages=stages
    )
    assert result["stages"] == stages.seconds
    assert set(stages.cpu_seconds) == set(stages.seconds) == {
        "features", "labels", "dataset", "split", "leak audit", "prepare", "RandomForest", "verdict",
    }  # fmt: skip
    assert all(seconds >= 0.0 for seconds in stages.cpu_seconds.values())
    assert list(stages.peak_mib.values()) == sorted(stages.peak_mib.values())
