"""The manifest and the verdict name one model, and the manifest holds what led to it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

import smctrain as st
from smctrain.results import RunResult
from smctrain.training.manifest import selection_of

SETTINGS: dict[str, Any] = {
    "preset": "fast", "models": ["LogisticRegression", "rf"], "workers": 1, "seed": 3,
    "random_forest__n_estimators": 10,
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """One strong symbol and one of noise, judged on their own rows."""
    from smctrain.testing.market import Process

    market = st.simulate_market(n_symbols=2, n_bars=4_000, process=Process(drift=0.6))
    return st.train(market, out=tmp_path_factory.mktemp("runs") / "one", **SETTINGS)


def manifest_of(run: RunResult) -> dict[str, Any]:
    assert run.folder is not None
    return json.loads((run.folder / "deployment_manifest.json").read_text(encoding="utf-8"))


def test_the_planted_symbol_deploys_and_its_final_model_is_what_loads(run: RunResult) -> None:
    entry = manifest_of(run)["selections"]["SIM1"]
    assert entry["verdict"] == "DEPLOY"
    model = run["SIM1"][entry["selected_model"]]
    assert entry["artifact"] == model.final
    assert model.final["path"].endswith("_final.smc")
    assert model.final["rows"] > run["SIM1"].split["train"]["rows"]
    assert run.folder is not None
    assert (run.folder / model.final["path"]).is_file()
    bars = st.simulate_market(n_symbols=2, n_bars=4_000)["SIM1"]
    deployed = st.load(run.folder, symbol="SIM1")
    named = st.load(run.folder, symbol="SIM1", model=entry["selected_model"])
    assert deployed.model == named.model
    one, two = deployed.predict_columns(bars), named.predict_columns(bars)
    assert (one["p_1"] != two["p_1"]).any()


def test_the_manifest_never_names_another_model_than_the_verdict(run: RunResult) -> None:
    for symbol, entry in manifest_of(run)["selections"].items():
        assert entry["selected_model"] in {None, run.verdicts[symbol].model}
        assert (entry["verdict"] == "DEPLOY") == ("action" not in entry)


@pytest.mark.parametrize("vetoed", [False, True])
def test_a_model_that_the_test_refuses_is_not_selected(run: RunResult, vetoed: bool) -> None:
    verdict = dict(run["SIM1"].verdict, kind="NO_EVIDENCE", model="RandomForest")
    verdict["rejected"] = {"RandomForest": "inconsistent"} if vetoed else {}
    entry = selection_of(dataclasses.replace(run["SIM1"], verdict=verdict))
    assert entry["selected_model"] == (None if vetoed else "RandomForest")
    assert entry["action"] == "MANUAL_REVIEW_REQUIRED"


def test_criteria_numbers_hashes_and_costs_are_there(run: RunResult) -> None:
    for entry in manifest_of(run)["selections"].values():
        rules = {rule["rule"]: rule for rule in entry["criteria"]}
        assert {
            "rows",
            "selector",
            "consistency",
            "p_combined",
            "p_oos",
            "e_value",
            "skill",
            "multiple_testing",
        } <= set(rules)
        if entry["verdict"] == "DEPLOY":
            assert all(rule["holds"] for rule in rules.values())
        else:
            assert not all(rule["holds"] for rule in rules.values())
        assert {"n_oos", "n_eff", "design_effect", "configurations", "p_oos", "e_end", "skill"} <= set(entry)
        assert entry["n_required"]["0.03"] > entry["n_required"]["0.10"]
        assert all(len(entry[name]) >= 16 for name in ("data_hash", "config_hash", "code_hash"))
        assert set(entry["label_map"].values()) <= {-1, 0, 1}
        assert entry["evaluation"] == "walk_forward"
        assert entry["probabilities_ok"] in {True, False}
        assert entry["costs"]
        assert entry["previous"] is None


def test_a_second_run_points_back_to_the_first_model(tmp_path: Path) -> None:
    market = st.simulate_market(n_symbols=1, n_bars=4_000)
    first = st.train(market, out=tmp_path / "run", **SETTINGS)
    second = st.train(market, out=tmp_path / "run", **(SETTINGS | {"seed": 4}))
    before, after = (run["SIM1"].verdict["model"] for run in (first, second))
    entry = manifest_of(second)["selections"]["SIM1"]
    if entry["artifact"] is not None and before is not None and after is not None:
        assert entry["previous"]["selected_model"] == before
        assert entry["previous"]["artifact"]["sha256"] != entry["artifact"]["sha256"]
    # The two runs judged the same rows: both are counted.
    assert second["SIM1"].verdict["evidence"]["configurations"] == 4
