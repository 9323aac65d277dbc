"""What a run leaves behind: complete, strictly readable, with the documented keys."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import smctrain as st
from smctrain.bars import BarSet
from smctrain.config import resolve
from smctrain.results import RunResult


def strict(path: Path) -> Any:
    def refuse(literal: str) -> Any:
        raise AssertionError(f"{path} holds {literal}")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def test_the_run_folder_holds_what_the_architecture_promises(run: RunResult) -> None:
    assert run.folder is not None
    found = {path.relative_to(run.folder).as_posix() for path in run.folder.rglob("*") if path.is_file()}
    expected = {
        "report.html", "summary.md", "training_results.json", "deployment_manifest.json", "overfitting_report.md",
        "overfitting_report.json", "overfitting_analysis.png", "config.yaml", "events.jsonl", "run.log",
    }  # fmt: skip
    for symbol in ("SIM1", "SIM2"):
        expected |= {f"symbols/{symbol}/{name}" for name in ("report.md", "predictions.parquet", "features.json")}
        for model in ("RandomForest", "XGBoost"):
            expected |= {f"symbols/{symbol}/{symbol}_{model}{end}" for end in (".smc", "_metadata.json")}
    assert expected <= found
    assert not [name for name in found if name.endswith(".smctmp") or name.endswith(".lock")]
    assert all((run.folder / name).stat().st_size > 0 for name in found)
    assert run.report_path == run.folder / "report.html"


def test_every_json_file_is_strict(run: RunResult) -> None:
    assert run.folder is not None
    files = list(run.folder.rglob("*.json"))
    assert len(files) > 8
    for path in files:
        strict(path)
    for line in (run.folder / "events.jsonl").read_text(encoding="utf-8").splitlines():
        assert {"time", "key", "stage"} <= set(json.loads(line, parse_constant=pytest.fail))


def numbers(record: dict[str, Any], names: Iterable[str]) -> None:
    for name in names:
        assert isinstance(record[name], float), name


def test_training_results_keep_the_documented_keys_and_types(run: RunResult) -> None:
    assert run.folder is not None
    data = strict(run.folder / "training_results.json")
    assert {"training_results", "model_selections", "warnings", "timestamp"} <= set(data)
    assert data["schema_version"] == 1
    assert all(isinstance(text, str) for text in data["warnings"])
    for symbol in ("SIM1", "SIM2"):
        for name, record in data["training_results"][symbol].items():
            assert (record["symbol"], record["model_name"]) == (symbol, name)
            assert isinstance(record["timestamp"], str)
            history = record["history"]
            numbers(history, ["train_accuracy", "val_accuracy", "test_accuracy", "train_val_gap"])
            numbers(history, ["cv_mean_accuracy", "cv_std_accuracy"])
            assert isinstance(history["overfitting_detected"], bool)
            assert isinstance(history["cv_is_stable"], bool)
            assert len(history["cv_fold_accuracies"]) == 3
            assert history["train_val_gap"] == pytest.approx(history["train_accuracy"] - history["val_accuracy"])
            for part in ("val_metrics", "test_metrics"):
                numbers(record[part], ["accuracy", "precision", "recall", "f1_score"])
                matrix = np.asarray(record[part]["confusion_matrix"])
                assert matrix.sum() == record[part]["rows"]
                assert np.trace(matrix) / matrix.sum() == pytest.approx(record[part]["accuracy"])
            assert {"feature", "importance"} == set(record["feature_importance"][0])
            assert sum(f["importance"] for f in record["feature_importance"]) == pytest.approx(1.0)
            kinds = [row["kind"] for row in record["importances"]]
            assert list(dict.fromkeys(kinds)) == [{"RandomForest": "gini", "XGBoost": "total_gain"}[name], "mda"]
            assert len(kinds) == 2 * len(record["feature_importance"])
            assert sum(row["importance"] for row in record["importances"]) == pytest.approx(2.0)
            assert {row["n"] for row in record["importances"]} == {1, 3}
            assert isinstance(record["warnings"], list)
            assert isinstance(record["training_duration_seconds"], float)
            ours = "baselines intervals n_effective trading_metrics calibration seed data_hash config_hash verdict"
            assert set(ours.split()) <= set(record)
            for part in ("validation", "test"):
                low, high = record["intervals"][part]
                accuracy = record[{"validation": "val_metrics", "test": "test_metrics"}[part]]["accuracy"]
                assert 0.0 <= low <= accuracy <= high <= 1.0
                assert 0.0 <= record["baselines"][part]["majority"] <= 1.0
        assert data["symbols"][symbol]["split"]["train"]["rows"] > 0
        agreed = run[symbol].consensus
        assert agreed["families"] == ["RandomForest", "XGBoost"]
        scores = [row["consensus"] for row in agreed["features"]]
        assert scores == sorted(scores, reverse=True)
        assert len(scores) == len(run[symbol].features)
        assert len(agreed["agreement"]) == 1
        report = (run.folder / "report.html").read_text(encoding="utf-8")
        assert f"What the families agree on: first {agreed['features'][0]['feature']}" in report


def test_the_manifest_keeps_the_documented_keys_and_adds_up(run: RunResult) -> None:
    assert run.folder is not None
    data = strict(run.folder / "deployment_manifest.json")
    assert set(data["selection_criteria"]) >= {"max_train_val_gap", "min_test_accuracy", "max_val_test_diff"}
    for symbol in ("SIM1", "SIM2"):
        entry = data["selections"][symbol]
        assert isinstance(entry["reason"], str)
        assert entry["verdict"] in {"DEPLOY", "NO_EVIDENCE", "TOO_LITTLE_DATA"}
        assert entry["verdict_reasons"]
        assert {"rejected", "artifact", "previous", "alternatives"} <= set(entry)
        if entry["selected_model"] is None:
            assert entry["action"] == "MANUAL_REVIEW_REQUIRED"
        else:
            numbers(entry, ["test_accuracy", "train_val_gap"])
            assert (run.folder / entry["artifact"]["path"]).is_file()
    summary = data["summary"]
    assert summary["total_symbols"] == 2
    assert summary["models_selected"] + summary["manual_review_needed"] == 2


def test_a_model_is_only_held_against_accuracies_never_against_a_label(run: RunResult) -> None:
    """Baselines carry the majority's label beside its accuracy; label 1 is not 100 %."""
    for symbol in run:
        for reason in run[symbol].selection["rejected"].values():
            best = run[symbol].verdict["evidence"]["val_baseline"]
            if "not above the best answer" in reason:
                assert f"({best:.1%})".replace("%", " %") in reason


def test_predictions_hold_every_row_of_every_part_of_every_model(run: RunResult) -> None:
    assert run.folder is not None
    for symbol in ("SIM1", "SIM2"):
        table = pd.read_parquet(run.folder / "symbols" / symbol / "predictions.parquet")
        proba = [f"p_{value}" for value in run[symbol].classes]
        assert list(table.columns) == ["model", "split", "row", "time", "t1", "y", "prediction", *proba]
        for name, part in table.groupby("model", observed=True):
            for split, key in (("train", "train"), ("validation", "validation"), ("test", "test")):
                assert (part["split"] == split).sum() == run[symbol].split[key]["rows"]
            pooled, part = part[part["split"] == "oos"], part[part["split"] != "oos"]
            for rows in (pooled["row"], part["row"]):
                assert rows.is_monotonic_increasing
                assert rows.is_unique
            assert len(pooled) == run[symbol].evaluation["rows"]
            oos = (pooled["prediction"] == pooled["y"]).mean()
            assert oos == pytest.approx(run[symbol][str(name)].history["oos_accuracy"])
            np.testing.assert_allclose(part[proba].sum(axis=1), 1.0, atol=1e-6)
            assert set(part["y"]) <= set(run[symbol].classes)
            test = part[part["split"] == "test"]
            accuracy = (test["prediction"] == test["y"]).mean()
            assert accuracy == pytest.approx(run[symbol][str(name)].history["test_accuracy"])


def test_metadata_holds_what_a_reader_of_a_model_needs(run: RunResult) -> None:
    assert run.folder is not None
    card = strict(run.folder / "symbols/SIM1/SIM1_XGBoost_metadata.json")
    assert card["hyperparameters"]["n_estimators"] == 20
    assert card["features"] == run["SIM1"].features
    assert list(card["label_map"].values()) == run["SIM1"].classes
    assert card["preprocessing"]
    assert card["seed"] == 3
    assert card["data_hash"] == run["SIM1"].data_hash
    assert card["config_hash"] == run.config_hash
    assert {"python", "numpy"} <= set(card["versions"])
    assert card["created"]
    assert card["artifact"]["sha256"]
    assert card["previous"] is None


def test_a_second_run_into_the_folder_names_the_model_it_replaced(market: BarSet, tmp_path: Path, small: Any) -> None:
    settings = small | {"models": ["rf"], "symbols": ["SIM1"], "cv__folds": 0}
    first = st.train(market, out=tmp_path, **settings)["SIM1"]["RandomForest"].artifact["sha256"]
    st.train(market, out=tmp_path, **settings | {"seed": 4})
    card = strict(tmp_path / "symbols/SIM1/SIM1_RandomForest_metadata.json")
    assert card["previous"] == first != card["artifact"]["sha256"]


def test_the_written_config_resolves_to_the_same_settings(run: RunResult) -> None:
    assert run.folder is not None
    again = resolve(files=[run.folder / "config.yaml"])
    assert again.hash() == run.config_hash
    assert again.config.model_dump(mode="json") == run.config


def test_reports_say_the_verdict_and_the_numbers_of_the_results(run: RunResult) -> None:
    assert run.folder is not None
    html = (run.folder / "report.html").read_text(encoding="utf-8")
    summary = (run.folder / "summary.md").read_text(encoding="utf-8")
    for symbol in run:
        assert symbol in html
        page = (run.folder / "symbols" / symbol / "report.md").read_text(encoding="utf-8")
        for name, model in run[symbol].models.items():
            assert name in page
            assert f"{100 * model.history['test_accuracy']:.1f}" in page
            assert f"{100 * model.history['test_accuracy']:.1f}" in summary
    gaps = strict(run.folder / "overfitting_report.json")
    assert json.dumps(gaps).count("XGBoost") >= 2
    assert (run.folder / "overfitting_analysis.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_the_log_has_one_line_per_stage_and_no_control_characters(run: RunResult) -> None:
    assert run.folder is not None
    lines = (run.folder / "run.log").read_text(encoding="utf-8").splitlines()
    assert any("SIM1: done" in line for line in lines)
    assert any("SIM2: XGBoost cv" in line for line in lines)
    assert all(line.isprintable() for line in lines)
