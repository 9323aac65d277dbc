"""Settings of networks in a run: the trainers' own names and defaults, a curriculum by column name, fast mode where
there is one."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from smctrain.cli.config import show
from smctrain.config import resolve
from smctrain.exceptions import ConfigError, InputError
from smctrain.models.registry import make_trainer

SECTIONS = {
    "NeuralNetwork": "neural_network",
    "LSTM": "lstm",
    "GRU": "gru",
    "CNN1D": "cnn1d",
    "Transformer": "transformer",
    "VAE": "vae",
}


@pytest.mark.parametrize("family", SECTIONS)
def test_a_run_takes_every_setting_of_a_trainer_with_its_default(family: str) -> None:
    section = resolve().config.family_settings(family)
    trainer: Any = make_trainer(family)
    of_numbers = {"loss"}  # a run predicts classes
    assert set(section) == {item.name for item in fields(trainer)} - of_numbers
    assert {name: getattr(trainer, name) for name in section} == section
    assert make_trainer(family, dict(section)) == trainer


def test_the_training_control_of_the_documents_can_be_written_down_and_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Start at 0.01, halve after 5 flat epochs, stop below 1e-4, simple columns first, early layers frozen after epoch
    50."""
    file = tmp_path / "run.yaml"
    file.write_text(
        "neural_network:\n"
        "  learning_rate: 0.01\n"
        "  schedule: plateau\n"
        "  plateau_epochs: 5\n"
        "  min_learning_rate: 1.0e-4\n"
        "  max_epochs: 80\n"
        "  visible_from: {'smc_*': 10, 'htf_*': 20}\n"
        "  freeze_layers: 1\n"
        "  freeze_after: 50\n"
        "lstm: {mode: fast}\n",
        encoding="utf-8",
    )
    assert show(config=[file], origin=True) == 0
    shown = capsys.readouterr().out
    lines = {line.split(":")[0].strip(): line for line in reversed(shown.splitlines())}
    assert f"# file {file}:7" in lines["visible_from"].replace("visible_from: null", "")
    again = tmp_path / "shown.yaml"
    show(config=[file])
    again.write_text(capsys.readouterr().out, encoding="utf-8")
    for resolved in (resolve(files=[file]), resolve(files=[again])):
        settings = dict(resolved.config.family_settings("NeuralNetwork"))
        assert settings["visible_from"] == {"smc_*": 10, "htf_*": 20}
        trainer: Any = make_trainer("NeuralNetwork", settings)
        assert (trainer.freeze_layers, trainer.freeze_after, trainer.plateau_epochs) == (1, 50, 5)
        fast: Any = make_trainer("LSTM", dict(resolved.config.family_settings("LSTM")))
        assert fast.mode == "fast"
    assert resolve(files=[file]).hash() == resolve(files=[again]).hash() != resolve().hash()


def test_a_curriculum_is_given_in_code_and_on_the_command_line_too() -> None:
    wanted = {"smc_*": 3}
    for resolved in (
        resolve(overrides={"lstm.visible_from": wanted}),
        resolve(assignments=["lstm.visible_from={'smc_*': 3}"]),
    ):
        assert resolved.config.lstm.visible_from == wanted
    assert resolve(overrides={"lstm.visible_from": None}).config.lstm.visible_from is None


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("cnn1d.mode", "fast", r"cnn1d\.mode should be 'standard', but is 'fast'"),
        ("transformer.mode", "fast", r"transformer\.mode should be 'standard', but is 'fast'"),
        ("lstm.mode", "quick", r"lstm\.mode should be 'standard' or 'fast', but is 'quick'"),
        ("lstm.visible_from", {"smc_*": 0}, r"lstm\.visible_from should be greater than or equal to 1, but is 0"),
        ("lstm.visible_from", {"smc_*": "late"}, r"lstm\.visible_from should be a valid integer, but is 'late'"),
        ("lstm.visible_from", [1, 2], r"lstm\.visible_from should be a valid dictionary"),
        ("lstm.freeze_after", -1, r"lstm\.freeze_after should be greater than or equal to 0, but is -1"),
    ],
)
def test_wrong_ones_are_named(key: str, value: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        resolve(overrides={key: value})


@pytest.mark.parametrize("family", ["CNN1D", "Transformer", "MultiTask"])
def test_a_family_without_fast_mode_says_so(family: str) -> None:
    with pytest.raises(InputError, match=f"mode must be 'standard': {family} has no fast mode, but it is 'fast'"):
        make_trainer(family, {"mode": "fast"})


def test_an_epoch_beyond_the_last_is_refused() -> None:
    with pytest.raises(InputError, match=r"visible_from\['smc_\*'\] must be an integer from 1 to 30, but is 31"):
        make_trainer("LSTM", {"visible_from": {"smc_*": 31}, "max_epochs": 30})


def test_a_curriculum_stays_whole_in_settings_given_as_one_mapping() -> None:
    from smctrain.job import resolved_config

    wanted = {"smc_*": 3, "htf.h4_*": 5}
    for given in (
        {"gru": {"visible_from": wanted, "mode": "fast"}, "labels": {"horizon": 12}},
        {"gru.visible_from": wanted, "gru.mode": "fast", "labels.horizon": 12},
    ):
        config = resolved_config(given, None).config
        assert (config.gru.visible_from, config.gru.mode, config.labels.horizon) == (wanted, "fast", 12)
