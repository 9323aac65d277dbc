from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from smctrain.exceptions import InputError
from smctrain.selection import ModelSelector


def result(test: float | None, val: float | None, gap: float | None = None, **history: Any) -> dict[str, Any]:
    if gap is not None:
        history["train_val_gap"] = gap
    return {"test_metrics": {"accuracy": test}, "val_metrics": {"accuracy": val}, "history": history}


def test_model_selection():
    """The source document's own test, as written."""
    results = {
        "EURUSD": {
            "XGBoost": {
                "test_metrics": {"accuracy": 0.72},
                "val_metrics": {"accuracy": 0.70},
                "history": {"train_val_gap": 0.13},
            },
            "RandomForest": {
                "test_metrics": {"accuracy": 0.65},
                "val_metrics": {"accuracy": 0.50},
                "history": {"train_val_gap": 0.25},  # Too high
            },
        }
    }

    selector = ModelSelector()
    selections = selector.select_best_models(results)

    assert selections["EURUSD"]["selected_model"] == "XGBoost"
    assert "RandomForest" not in selections["EURUSD"]["alternatives"]


def test_every_rejected_model_has_its_reason():
    records = {
        "Wide": result(0.70, 0.70, 0.25),
        "Weak": result(0.54, 0.53, 0.05),
        "NoTrain": result(0.90, 0.90),
        "NoneTrain": result(0.90, 0.90, -0.90, train_accuracy=None),
        "NoVal": result(0.7, None, 0.1),
        "Failed": {"error": "out of memory", "error_type": "MemoryError"},
        "Good": result(0.60, 0.61, 0.10),
    }
    selection = ModelSelector().select_best_models({"EURUSD": records})["EURUSD"]
    assert selection["selected_model"] == "Good"
    assert selection["alternatives"] == []
    rejected = selection["rejected"]
    assert set(rejected) == {"Wide", "Weak", "NoTrain", "NoneTrain", "NoVal", "Failed"}
    assert rejected["Wide"].startswith("overfit: training accuracy is 25.0 points above")
    assert rejected["Weak"] == "validation accuracy 53.0 % is below 55.0 %"
    assert "training score is missing" in rejected["NoTrain"]
    assert "training score is missing" in rejected["NoneTrain"]
    assert rejected["NoVal"] == "its validation score is missing"
    assert rejected["Failed"] == "training failed: out of memory"


def test_all_pass_and_the_highest_score_wins():
    records = {"A": result(0.60, 0.62, 0.10), "B": result(0.61, 0.60, 0.0), "C": result(0.64, 0.65, 0.19)}
    selection = ModelSelector().select_best_models({"X": records})["X"]
    # scores 0.57, 0.60, 0.555
    assert selection["selected_model"] == "B"
    assert selection["alternatives"] == ["A", "C"]
    assert selection["reason"] == "Best score (0.600) with gap 0.0%"
    assert selection["rejected"] == {}


def test_a_negative_gap_is_no_bonus():
    records = {"Lucky": result(0.60, 0.60, -0.30), "Better": result(0.61, 0.61, 0.0)}
    assert ModelSelector().select_best_models({"X": records})["X"]["selected_model"] == "Better"


def test_test_accuracy_never_chooses():
    records = {"ValBest": result(0.60, 0.64, 0.05), "TestBest": result(0.66, 0.62, 0.05)}
    assert ModelSelector().select_best_models({"X": records})["X"]["selected_model"] == "ValBest"
    asked = ModelSelector(rank_on="test").select_best_models({"X": records})["X"]
    assert asked["selected_model"] == "TestBest"
    assert asked["score"] == pytest.approx(0.635)


def test_the_test_refuses_the_chosen_model_instead_of_choosing_another():
    records = {"ValBest": result(0.56, 0.70, 0.05), "Steady": result(0.60, 0.61, 0.05)}
    selection = ModelSelector().select_best_models({"X": records})["X"]
    assert selection["selected_model"] is None
    assert selection["action"] == "MANUAL_REVIEW_REQUIRED"
    assert selection["reason"].startswith("No models met quality criteria: best on validation was ValBest, incons")
    assert "14.0 points apart, at most 5.0 allowed" in selection["rejected"]["ValBest"]


def test_ties_go_to_the_smaller_gap_then_to_the_name():
    records = {"B": result(0.60, 0.60, 0.0), "A": result(0.60, 0.60, 0.0), "C": result(0.63, 0.65, 0.10)}
    assert ModelSelector().select_best_models({"X": records})["X"]["selected_model"] == "A"


def test_no_survivor_asks_for_a_person():
    selection = ModelSelector().select_best_models({"X": {"A": result(0.5, 0.5, 0.0)}, "Y": {"error": "no bars"}})
    assert selection["X"]["selected_model"] is None
    assert selection["X"]["reason"] == "No models met quality criteria"
    assert selection["X"]["action"] == "MANUAL_REVIEW_REQUIRED"
    assert selection["Y"]["reason"] == "Training failed: no bars"


def test_profile_default_demands_more_than_the_best_baseline_and_allows_for_noise():
    record = result(0.53, 0.60, train_accuracy=1.0) | {
        "baselines": {"validation": {"majority": 0.52, "last_label": {"accuracy": 0.55}}},
        "n_effective": {"validation": 100.0, "test": 250.0},
    }
    selection = ModelSelector(profile="default").select_best_models({"X": {"A": record}})["X"]
    assert selection["selected_model"] == "A"
    assert ModelSelector().select_best_models({"X": {"A": record}})["X"]["selected_model"] is None

    beaten = record | {"baselines": {"validation": {"majority": 0.61}}}
    rejected = ModelSelector(profile="default").select_best_models({"X": {"A": beaten}})["X"]["rejected"]
    assert "not above the best answer without a model (61.0 %)" in rejected["A"]

    wide = record | {"history": {"train_accuracy": 1.0, "fold_gap": 0.22}}
    rejected = ModelSelector(profile="default").select_best_models({"X": {"A": wide}})["X"]["rejected"]
    assert rejected["A"].startswith("overfit")


def test_a_label_or_a_loss_among_the_baselines_is_not_taken_for_an_accuracy():
    baselines = {"majority": 0.52, "majority_class": 1, "prior_log_loss": 0.95, "prior_brier": 0.61}
    record = result(0.58, 0.58, train_accuracy=0.6) | {"baselines": {"validation": baselines}}
    selection = ModelSelector(profile="default").select_best_models({"X": {"A": record}})["X"]
    assert selection["selected_model"] == "A"


def test_unknown_profile_is_named():
    with pytest.raises(InputError, match='profile must be "default" or "seed"'):
        ModelSelector(profile="strict")


@pytest.fixture
def artifact(monkeypatch: pytest.MonkeyPatch) -> None:
    """The artifact room, or as much of it as the manifest needs where it is not there yet."""
    try:
        import smctrain.artifact  # noqa: F401
    except ModuleNotFoundError:
        room = types.ModuleType("smctrain.artifact")
        room.to_json_safe = lambda value: json.loads(json.dumps(value))  # type: ignore[attr-defined]
        room.write_atomic = lambda path, data: Path(path).write_bytes(data)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "smctrain.artifact", room)


@pytest.mark.usefixtures("artifact")
def test_manifest_is_strict_json_with_criteria_and_summary(tmp_path: Path):
    selector = ModelSelector()
    results = {"EURUSD": {"XGBoost": result(0.72, 0.70, 0.13)}, "GBPUSD": {"XGBoost": result(0.5, 0.5, 0.3)}}
    path = tmp_path / "deployment_manifest.json"
    manifest = selector.save_deployment_manifest(selector.select_best_models(results), path)
    stored = json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert stored == manifest
    assert stored["selection_criteria"]["max_train_val_gap"] == 0.20
    assert stored["selection_criteria"]["min_test_accuracy"] == 0.55
    assert stored["selection_criteria"]["max_val_test_diff"] == 0.05
    assert stored["selections"]["EURUSD"]["selected_model"] == "XGBoost"
    assert stored["selections"]["GBPUSD"]["action"] == "MANUAL_REVIEW_REQUIRED"
    assert stored["selections"]["GBPUSD"]["rejected"]["XGBoost"].startswith("overfit")
    assert stored["summary"] == {
        "total_symbols": 2,
        "models_selected": 1,
        "manual_review_needed": 1,
        "selected_by_model": {"XGBoost": 1},
    }
