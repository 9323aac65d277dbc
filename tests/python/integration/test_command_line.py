"""The commands, from files to exit codes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import smctrain as st
from smctrain.bars import Bars, BarSet
from smctrain.cli import main

FAST = ["--preset", "fast", "--models", "rf", "--workers", "1", "--set", "random_forest.n_estimators=10"]


@pytest.fixture(scope="module")
def folder(market: BarSet, export: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Terminal exports of two symbols."""
    path = tmp_path_factory.mktemp("bars")
    for symbol in ("EURUSD", "GBPUSD"):
        export(path, symbol, market["SIM1" if symbol == "EURUSD" else "SIM2"].base)
    return path


@pytest.fixture(scope="module")
def out(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the command line."""
    path = tmp_path_factory.mktemp("runs") / "cli"
    assert main(["train", "--data", str(folder), "--out", str(path), "--quiet", *FAST]) == 0
    return path


def strict(text: str) -> Any:
    return json.loads(text, parse_constant=pytest.fail)


def test_train_prints_a_table_with_verdicts_and_the_report(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "--data", str(folder), "--out", str(tmp_path / "r"), *FAST]) == 0
    shown = capsys.readouterr()
    for words in ("symbol", "majority", "verdict", "EURUSD", "GBPUSD", "RandomForest", "2 models trained, 0 failed"):
        assert words in shown.out
    assert f"Report: {tmp_path / 'r' / 'report.html'}" in shown.out
    assert "EURUSD: done" in shown.err  # plain lines where there is no terminal


def test_json_is_pure_on_standard_output(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["train", "--data", str(folder), "--out", str(tmp_path / "r"), "--symbols", "EURUSD", "--json", *FAST]
    assert main(arguments) == 0
    shown = capsys.readouterr()
    data = strict(shown.out)
    assert list(data["training_results"]) == ["EURUSD"]
    assert data == strict((tmp_path / "r" / "training_results.json").read_text(encoding="utf-8"))
    assert "verdict" in shown.err


def test_a_dry_run_prints_the_plan_and_writes_nothing(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train", "--data", str(folder), "--out", str(tmp_path / "r"), "--dry-run", *FAST]
    assert main(arguments) == 0
    plan = capsys.readouterr().out
    assert "EURUSD" in plan
    assert "2500 bars" in plan
    assert "8 fits" in plan  # two symbols, three folds and the model
    assert main([*arguments, "--json"]) == 0
    assert strict(capsys.readouterr().out)["fits"] == 8
    assert list(tmp_path.iterdir()) == []


def test_require_deploy_has_an_exit_code_of_its_own(folder: Path, tmp_path: Path) -> None:
    short = ["train", "--data", str(folder), "--out", str(tmp_path / "r"), "--symbols", "GBPUSD", "--quiet", *FAST]
    assert main([*short, "--require-deploy"]) == 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--set", "cv.fold=3"], ["cv.fold", "cv.folds"]),
        (["--set", "random_forest.n_estimators=many"], ["random_forest.n_estimators", "many"]),
        (["--models", "xgbost"], ["xgbost", "XGBoost"]),
        (["--preset", "fsat"], ["fsat", "'fast'"]),
        (["--no-such-flag"], ["no-such-flag"]),
    ],
)
def test_wrong_settings_are_usage_errors_that_name_the_nearest(
    folder: Path, tmp_path: Path, arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "--data", str(folder), "--out", str(tmp_path / "r"), *arguments]) == 2
    shown = capsys.readouterr()
    for word in words:
        assert word in shown.out + shown.err
    assert not (tmp_path / "r").exists()


def test_a_typo_in_a_file_is_named_with_its_line(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("cv:\n  folds: 3\nlabels:\n  targt: 2.0\n  horizon: soon\n", encoding="utf-8")
    assert main(["train", "--data", str(folder), "--config", str(path)]) == 2
    errors = capsys.readouterr().err
    assert f"{path}:4" in errors
    assert "'labels.target'" in errors
    assert f"{path}:5" in errors  # all faults at once


def test_an_unknown_symbol_is_a_data_error_with_a_suggestion(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train", "--data", str(folder), "--out", str(tmp_path / "r"), "--symbols", "EURUSDD"]
    assert main(arguments) == 3
    assert "did you mean 'EURUSD'?" in capsys.readouterr().err
    assert main(["train", "--data", str(tmp_path / "nowhere")]) == 3
    assert "nowhere" in capsys.readouterr().err


def test_predict_shows_the_newest_rows_and_writes_files(
    folder: Path, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(out), "--data", str(folder), "--symbol", "EURUSD", "--last", "3"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "EURUSD"
    assert len(shown) == 5
    assert main(["predict", str(out), "--data", str(folder), "--out", str(tmp_path / "p.parquet")]) == 0
    assert main(["predict", str(out), "--data", str(folder), "--out", str(tmp_path / "p.csv")]) == 0
    table = pd.read_parquet(tmp_path / "p.parquet")
    assert table.groupby("symbol").size().to_dict() == {"EURUSD": 2_500, "GBPUSD": 2_500}
    assert len(pd.read_csv(tmp_path / "p.csv")) == 5_000
    direct = st.load(out, "EURUSD").predict(st.read_bars(folder)["EURUSD"])
    part = table[table["symbol"] == "EURUSD"].reset_index(drop=True)
    proba = [name for name in direct.columns if name.startswith("p_")]
    pd.testing.assert_frame_equal(part[proba], direct[proba])
    assert main(["predict", str(out), "--data", str(folder), "--out", str(tmp_path / "p.txt")]) == 3


def test_predict_passes_over_symbols_without_bars(
    out: Path, market: BarSet, export: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export(tmp_path, "EURUSD", market["SIM1"].base)
    assert main(["predict", str(out), "--data", str(tmp_path)]) == 0
    shown = capsys.readouterr()
    assert "GBPUSD: no bars" in shown.err
    assert "EURUSD" in shown.out


def test_reports_can_be_made_again_from_the_results(
    out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {p.relative_to(out): p.read_bytes() for p in out.rglob("*.md")}
    for path in before:
        (out / path).unlink()
    (out / "report.html").unlink()
    assert main(["report", str(out)]) == 0
    assert "verdict" in capsys.readouterr().out
    assert {p.relative_to(out): p.read_bytes() for p in out.rglob("*.md")} == before
    assert (out / "report.html").is_file()
    assert main(["report", str(tmp_path)]) == 1
    assert "no run folder" in capsys.readouterr().err


def test_check_names_file_kind_row_and_count(
    market: BarSet, export: Callable[..., Path], lines_of: Callable[[Bars], list[str]], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    bars = market["SIM1"].base
    lines = lines_of(bars)
    twice, upside_down = list(lines), list(lines)
    twice[101] = twice[100]
    cells = lines[501].split(",")
    cells[2], cells[3] = cells[3], cells[2]
    upside_down[501] = ",".join(cells)
    export(tmp_path, "CLEAN", bars)
    export(tmp_path, "TWICE", bars, twice)
    export(tmp_path, "UPSIDE", bars, upside_down)
    assert main(["check", str(tmp_path)]) == 1
    shown = capsys.readouterr().out
    lines = [line.split() for line in shown.splitlines()]
    assert ["TWICE_M15.csv.gz", "duplicate", "1", "102"] in [cells[:4] for cells in lines]
    assert ["UPSIDE_M15.csv.gz", "ohlc", "1", "502"] in [cells[:4] for cells in lines]
    assert main(["check", str(tmp_path), "--json"]) == 1
    data = strict(capsys.readouterr().out)
    found = {(issue["symbol"], issue["kind"]): issue for issue in data["issues"]}
    assert found["TWICE", "duplicate"]["file"] == "TWICE_M15.csv.gz"
    assert (found["TWICE", "duplicate"]["first_row"], found["TWICE", "duplicate"]["count"]) == (102, 1)
    assert list(data["failures"]) == ["TWICE"]
    assert main(["check", str(tmp_path / "nowhere")]) == 3


def test_config_show_tells_where_a_value_comes_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("cv:\n  folds: 4\n", encoding="utf-8")
    assert main(["config", "show", "--preset", "fast", "--config", str(path), "--set", "split.embargo=3",
                 "--origin"]) == 0  # fmt: skip
    shown = capsys.readouterr().out.splitlines()
    lines = {line.split(":")[0].strip(): line for line in shown}
    assert f"file {path}:2" in lines["folds"]
    forest = shown[shown.index("random_forest:") :]
    assert "preset fast" in next(line for line in forest if "n_estimators" in line)
    assert main(["config", "show", "--json"]) == 0
    assert strict(capsys.readouterr().out)["cv.folds"]["layer"] == "default"


def test_the_audit_of_our_columns_passes_and_says_what_it_did(
    market: BarSet, export: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export(tmp_path, "SIM1", market["SIM1"].base[:400])
    assert main(["features", str(tmp_path), "--audit", "--cuts", "70"]) == 0
    shown = capsys.readouterr().out
    assert "SIM1: nothing leaks" in shown
    cuts = re.search(r"(\d+) cuts of the bars", shown)
    assert cuts is not None
    assert int(cuts[1]) >= 70  # and those at borders of the clock
    assert main(["features", str(tmp_path), "--audit", "--cuts", "70", "--rows", "150", "--json"]) == 0
    report = strict(capsys.readouterr().out)["reports"][0]
    assert (report["ok"], report["n_rows"], report["findings"]) == (True, 150, [])


def test_an_audit_that_finds_a_leak_or_reads_no_bars_ends_with_1(
    market: BarSet, export: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from smctrain.audit import subject

    export(tmp_path, "SIM1", market["SIM1"].base[:200])
    build = subject.build_features

    def peeking(frames: Any, spec: Any) -> Any:
        table = build(frames, spec)
        table.values[:-1, 5] = table.values[1:, 5]
        return table

    monkeypatch.setattr(subject, "build_features", peeking)
    assert main(["features", str(tmp_path), "--audit", "--cuts", "60"]) == 1
    assert "1 of 80 columns leak" in capsys.readouterr().out
    export(tmp_path / "few", "SIM1", market["SIM1"].base[:20])
    assert main(["features", str(tmp_path / "few"), "--audit"]) == 1
    assert "at least 100 bars" in capsys.readouterr().err
    assert main(["features", "--audit"]) == 2
    assert main(["features", str(tmp_path)]) == 2


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["models"], ["RandomForest", "XGBoost", "NeuralNetwork", "LSTM"]),
        (["version"], ["smctrain", "numpy"]),
        (["features"], ["rsi_wilder_14", "natr_14"]),
        (
            ["features", "--settings", "--set", "zone.cap=9"],
            ["zone.cap              9 ", "fvg.min_atr           0.25 "],
        ),
        (["features", "--preset", "full", "--set", "ses.custom=[fra Europe/Berlin 08:00 16:30]"], ["ses_fra_frac"]),
        (["--help"], ["train", "check", "predict", "report", "demo"]),
        (["train", "--help"], ["--require-deploy", "--resume"]),
    ],
)
def test_the_informing_commands_inform(
    command: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command) == 0
    shown = capsys.readouterr().out
    for word in words:
        assert word in shown


def test_predict_reads_time_stamps_as_the_run_did(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    stamps = ["--set", "data.stamp=close", "data.tz=fixed:+03:00"]
    assert main(["train", "--data", str(folder), "--out", str(out), "--quiet", *FAST, *stamps]) == 0
    assert main(["predict", str(out), "--data", str(folder), "--out", str(tmp_path / "p.csv")]) == 0
    found = pd.read_csv(tmp_path / "p.csv", parse_dates=["time"])
    stored = pd.read_parquet(out / "symbols/EURUSD/predictions.parquet")
    stored = stored[stored["split"] != "oos"]
    found = found[found["symbol"] == "EURUSD"].set_index("time").loc[stored["time"]]
    assert (found["prediction"].to_numpy() == stored["prediction"].to_numpy()).all()


def test_predict_explains_its_numbers(folder: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(out), "--data", str(folder), "--last", "2"]) == 0
    assert "1: target first, -1: stop first" in capsys.readouterr().err
    assert main(["predict", str(out), "--data", str(folder), "--last", "0"]) == 3
    assert "last must be at least 1" in capsys.readouterr().err


def test_a_second_run_into_a_folder_says_that_it_replaces_the_first(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", "--data", str(folder), "--out", str(tmp_path / "r"), "--quiet", "--symbols"]
    assert main([*command, "EURUSD", *FAST]) == 0
    assert "already holds a run" not in capsys.readouterr().err
    assert main([*command, "GBPUSD", *FAST]) == 0
    assert "already holds a run; its results are replaced" in capsys.readouterr().err


def test_a_path_that_cannot_be_a_run_folder_is_named(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    assert main(["train", "--data", str(folder), "--out", str(tmp_path / "file"), *FAST]) == 1
    assert f"{tmp_path / 'file'} cannot be made a run folder" in capsys.readouterr().err


def test_a_narrow_terminal_gets_no_line_wider_than_itself(
    out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for columns in (90, 100, 200):
        monkeypatch.setenv("COLUMNS", str(columns))
        assert main(["report", str(out)]) == 0
        lines = capsys.readouterr().out.splitlines()
        table = lines[: next(i for i, line in enumerate(lines) if not line)]
        assert max(map(len, table)) <= columns
        assert any("rows" in line for line in table)


def test_one_family_may_be_given_by_its_name_alone(market: BarSet, tmp_path: Path) -> None:
    run = st.train(market, models="rf", symbols="SIM1", preset="fast", out=tmp_path, random_forest__n_estimators=5)
    assert list(run["SIM1"].models) == ["RandomForest"]
