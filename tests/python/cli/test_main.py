"""The command line: exit codes, one-line errors, nothing on standard output that does not belong there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import smctrain as st
from smctrain.cli import main
from smctrain.exceptions import (
    ArtifactError,
    BarError,
    ConfigError,
    InputError,
    MissingDependency,
    SmctrainError,
    TooFewRows,
)


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.run(
        [sys.executable, "-m", "smctrain", *arguments],
        capture_output=True, text=True, env=environment, check=False, **options,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("a.yaml:1: wrong"), 2),
        (InputError("y is empty"), 3),
        (BarError("EURUSD.csv row 3"), 3),
        (TooFewRows("10 of 100"), 3),
        (ArtifactError("m.smc is damaged"), 1),
        (MissingDependency('pip install "x"'), 1),
        (SmctrainError("something"), 1),
        (OSError(28, "could not write runs/x: No space left on device"), 1),
        (KeyboardInterrupt(), 130),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_each_kind_of_error_has_its_exit_code_and_no_traceback(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import smctrain.cli.version

    def fail() -> int:
        raise error

    monkeypatch.setattr(smctrain.cli.version, "version", fail)
    assert main(["version"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.strip() == (str(error) or "interrupted")


@pytest.mark.parametrize("code", [0, 1, 3, 4])
def test_the_exit_code_of_a_command_is_passed_on(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    import smctrain.cli.version

    monkeypatch.setattr(smctrain.cli.version, "version", lambda: code)
    assert main(["version"]) == code


@pytest.mark.parametrize(
    "arguments",
    [["trian"], ["version", "--no-such-option"], ["config", "show", "--preset"], ["train"], ["--bogus"]],
)
def test_wrong_usage_is_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--models", "rff"], "but is 'rff'; nearest is 'rf'."),
        (["--models", "xgbost"], "but is 'xgbost'; nearest is 'xgboost'."),
        (["--set", "evaluation.outer=walkforward"], "but is 'walkforward'; nearest is 'walk_forward'."),
        (["--preset", "fst"], "but is 'fst'. Did you mean 'fast'?"),
    ],
)
def test_a_wrong_word_names_the_nearest_right_one(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "--data", str(tmp_path), *arguments]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert "after validation" not in said


@pytest.mark.parametrize("command", ["train", "check"])
def test_data_may_stand_without_its_flag(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([str(tmp_path / "no")], ["--data", str(tmp_path / "no")]):
        assert main([command, *arguments]) == 3
        assert "no does not exist" in capsys.readouterr().err


def test_the_help_of_train_says_that_no_evidence_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--help"]) == 0
    assert "NO_EVIDENCE and TOO_LITTLE_DATA are results, not errors" in " ".join(capsys.readouterr().out.split())


def test_config_show_prints_yaml_that_reads_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from smctrain.config import resolve

    assert main(["config", "show", "--preset", "fast", "--set", "cv.folds=4", "labels.target=3"]) == 0
    shown = capsys.readouterr().out
    (tmp_path / "a.yaml").write_text(shown)
    again = resolve(files=[tmp_path / "a.yaml"], environment={}).config
    assert (again.cv.folds, again.labels.target, again.xgboost.n_estimators) == (4, 3.0, 100)


def test_config_show_says_where_each_value_came_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("labels:\n  horizon: 7\n")
    arguments = ["config", "show", "--config", str(path), "--set", "cv.folds=4"]
    assert main([*arguments, "--origin"]) == 0
    shown = capsys.readouterr().out
    assert f"# file {path}:2" in next(line for line in shown.splitlines() if "horizon: 7" in line)
    assert main([*arguments, "--json"]) == 0
    leaves = json.loads(capsys.readouterr().out)
    assert leaves["labels.horizon"] == {"value": 7, "layer": "file", "where": f"{path}:2"}
    assert leaves["cv.folds"]["layer"] == "override"
    assert leaves["labels.stop"]["layer"] == "default"


def test_a_wrong_setting_names_file_line_and_nearest_key(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("cv:\n  fold: 3\n")
    done = run("config", "show", "--config", "a.yaml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "a.yaml:2: unknown key 'cv.fold'; nearest is 'cv.folds'.\n"


def test_a_reader_that_goes_away_is_no_error() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-u", "-m", "smctrain", "config", "show"],
        stdout=writing, stderr=subprocess.PIPE, env=environment, text=True, check=False,
    )  # fmt: skip
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


def test_version_is_printed() -> None:
    import smctrain

    done = run("--version")
    assert (done.returncode, done.stdout.strip()) == (0, smctrain.__version__)


def test_sentinels_and_canary_are_one_flag_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {}

    def train(bars: object, resolved: Any, **_: object) -> object:
        told["audit"] = resolved.config.leak_audit
        raise KeyboardInterrupt  # nothing is trained

    monkeypatch.setattr("smctrain.job.train", train)
    monkeypatch.setattr("smctrain.job.as_bars", lambda *_: st.simulate_market(n_symbols=1, n_bars=200))
    arguments = ["train", "--data", str(tmp_path), "--out", str(tmp_path / "run"), "--quiet"]
    main([*arguments, "--sentinels", "--canary", "3"])
    assert (told["audit"].sentinels, told["audit"].canary) == (True, 3)
    main(arguments)
    assert (told["audit"].sentinels, told["audit"].canary) == (False, 0)
    assert main([*arguments, "--canary", "2"]) == 2
