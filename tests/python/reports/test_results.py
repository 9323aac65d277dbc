"""Records of a run: into strict JSON and back, helpful look-ups, exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from smctrain.artifact import to_json_safe
from smctrain.results import FailureRecord, RunResult, SymbolResult

Builders = dict[str, Callable[..., Any]]


def test_records_survive_json(full_run: RunResult) -> None:
    for result in full_run.symbols.values():
        stored = json.loads(json.dumps(to_json_safe(result.to_dict()), allow_nan=False))
        again = SymbolResult.from_dict(stored)
        assert to_json_safe(again.to_dict()) == stored
        assert [type(model) for model in again.models.values()] == [type(m) for m in result.models.values()]
        assert again.failures == result.failures


def test_keys_of_later_versions_are_ignored() -> None:
    record = FailureRecord.from_dict({"error": "e", "error_type": "E", "symbol": "S", "stage": "bars", "later": 1})
    assert record.symbol == "S"


def test_a_failure_without_a_message_is_named_by_its_type() -> None:
    try:
        raise MemoryError
    except MemoryError as error:
        record = FailureRecord.of(error, "S", "training", model="LSTM")
    assert (record.error, record.error_type, record.model) == ("MemoryError", "MemoryError", "LSTM")
    assert "raise MemoryError" in record.traceback


def test_look_ups_say_what_there_is_and_why_the_rest_is_missing(full_run: RunResult) -> None:
    assert full_run["a|b"]["XGBoost"].symbol == "a|b"
    assert list(full_run) == list(full_run.symbols)
    with pytest.raises(KeyError, match=r"no symbol 'X'; trained: .*a\|b"):
        full_run["X"]
    with pytest.raises(KeyError, match="it failed: <script>"):
        full_run["[x](javascript:alert(1))"]
    with pytest.raises(KeyError, match="no model 'LSTM'; it failed"):
        full_run["<script>alert(1)</script>"]["LSTM"]
    with pytest.raises(KeyError, match="trained: XGBoost, NeuralNetwork"):
        full_run["a|b"]["LSTM"]


def test_the_chosen_model_stands_first_on_the_leaderboard(full_run: RunResult) -> None:
    rows = [row for row in full_run.leaderboard_rows() if row["symbol"] == "a|b"]
    assert [(row["model"], row["selected"]) for row in rows] == [("XGBoost", True), ("NeuralNetwork", False)]
    assert len(full_run.leaderboard) == 4


def test_an_empty_leaderboard_has_the_same_columns(full_run: RunResult, builders: Builders) -> None:
    pytest.importorskip("pandas")
    empty = builders["run"](None, [], [])
    assert list(empty.leaderboard.columns) == list(full_run.leaderboard.columns)


def test_exit_codes(full_run: RunResult, builders: Builders) -> None:
    run, symbol, failure = builders["run"], builders["symbol"], builders["failure"]
    good = symbol("A", [builders["model"]("A", "XGBoost", 0.6, 0.6, 0.6)], "NO_EVIDENCE", [])
    deploy = symbol("B", [builders["model"]("B", "XGBoost", 0.6, 0.6, 0.6)], "DEPLOY", [])
    crashed = FailureRecord("e", "WorkerDied", "X", "worker")
    assert run(None, [good], []).exit_code() == 0
    assert run(None, [good], []).exit_code(require_deploy=True) == 4
    assert run(None, [good, deploy], []).exit_code(require_deploy=True) == 0
    assert run(None, [good], [failure("X")]).exit_code() == 1
    assert full_run.exit_code(require_deploy=True) == 1
    assert run(None, [], [failure("X")]).exit_code() == 3
    assert run(None, [], [failure("X"), crashed]).exit_code() == 1
    interrupted = run(None, [good], [])
    interrupted.interrupted = True
    assert interrupted.exit_code() == 130


def test_results_in_a_notebook_are_one_short_line(full_run: RunResult) -> None:
    symbol = next(iter(full_run.symbols.values()))
    model = next(iter(symbol.models.values()))
    for thing, word in ((full_run, "NO_EVIDENCE"), (symbol, symbol.timeframe), (model, model.model_name)):
        assert word in repr(thing)
        assert len(repr(thing)) < 200


def test_the_best_model_is_the_one_the_sentences_speak_about(builders: Builders) -> None:
    models = [builders["model"]("A", "RandomForest", 0.9, 0.60, 0.5), builders["model"]("A", "XGBoost", 0.7, 0.55, 0.5)]
    result = builders["symbol"]("A", models, "NO_EVIDENCE", [])
    assert result.best is models[0]  # nothing known: the best on validation
    result.verdict["evidence"]["shown_model"] = "XGBoost"
    assert result.best is models[1]
