"""Layers of settings: later wins by presence, every leaf knows its origin, every fault is told at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from smctrain.config import Config, resolve
from smctrain.config.layers import config_hash
from smctrain.config.presets import PRESETS
from smctrain.config.yaml import load_yaml
from smctrain.exceptions import ConfigError


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def origin(resolved: Any, key: str) -> str:
    return str(resolved.origins[key])


def leaves(model: BaseModel, prefix: str = "") -> list[str]:
    keys: list[str] = []
    for name in type(model).model_fields:
        value = getattr(model, name)
        keys += leaves(value, f"{prefix}{name}.") if isinstance(value, BaseModel) else [prefix + name]
    return keys


def test_later_layers_win(tmp_path: Path) -> None:
    one = write(tmp_path / "one.yaml", "cv: {folds: 4, embargo: 5}\nlabels:\n  horizon: 10\n")
    two = write(tmp_path / "two.yaml", "\ncv:\n  folds: 6\noutput: {root: from-file}\n")
    resolved = resolve(
        "fast",
        files=[one, two],
        overrides={"labels.horizon": 30},
        assignments=["labels.target=3", "training.seed=1"],
        environment={"SMCTRAIN_RUNS": "elsewhere"},
    )
    config = resolved.config
    assert (config.cv.folds, config.cv.embargo, config.labels.horizon, config.labels.target) == (6, 5, 30, 3.0)
    assert config.output.root == "elsewhere"
    assert origin(resolved, "cv.folds") == f"file {two}:3"
    assert origin(resolved, "cv.embargo") == f"file {one}:1"
    assert origin(resolved, "labels.horizon") == "override labels.horizon"
    assert origin(resolved, "labels.target") == "override --set labels.target"
    assert origin(resolved, "output.root") == "environment SMCTRAIN_RUNS"
    assert origin(resolved, "xgboost.n_estimators") == "preset fast"
    assert origin(resolved, "labels.stop") == "default"


def test_a_given_value_that_equals_the_default_still_wins(tmp_path: Path) -> None:
    default = Config().cv.folds
    path = write(tmp_path / "a.yaml", f"cv: {{folds: {default}}}")
    resolved = resolve("fast", files=[path], environment={})
    assert PRESETS["fast"]["cv"]["folds"] != default
    assert resolved.config.cv.folds == default
    assert origin(resolved, "cv.folds") == f"file {path}:1"


def test_null_is_a_value_and_an_empty_section_is_none(tmp_path: Path) -> None:
    resolved = resolve(files=[write(tmp_path / "a.yaml", "labels: {costs: null}\ncv:\n")], environment={})
    assert resolved.config.labels.costs is None
    assert resolved.config.cv == Config().cv
    assert resolve(files=[write(tmp_path / "e.yaml", "# nothing\n")], environment={}).config == Config()


def test_all_faults_are_told_at_once_with_place_and_nearest_key(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.yaml",
        "trainig:\n  seed: 1\ncv:\n  fold: 3\n  embargo: -1\nlabels: {target: true, horizon: 2.5}\n"
        "random_forest: {max_depth: 0}\nhorizon: 3\nsplit: 5\n",
    )
    with pytest.raises(ConfigError) as caught:
        resolve("fsat", files=[path, tmp_path / "no.yaml"], assignments=["seed", "sed=3"], environment={})
    lines = str(caught.value).splitlines()
    expected = [
        "preset must be one of default, fast, thorough, but is 'fsat'. Did you mean 'fast'?",
        f"{path}:1: unknown key 'trainig'; nearest is 'training'.",
        f"{path}:4: unknown key 'cv.fold'; nearest is 'cv.folds'.",
        f"{path}:5: cv.embargo should be greater than or equal to 0, but is -1.",
        f"{path}:6: labels.target should be a valid number, but is True.",
        f"{path}:6: labels.horizon should be a valid integer, but is 2.5.",
        f"{path}:7: random_forest.max_depth should be greater than or equal to 1, but is 0.",
        f"{path}:8: unknown key 'horizon'; nearest is 'labels.horizon'.",
        f"{path}:9: 'split' is a section; give its keys, such as 'split.calendar'.",
        f"{tmp_path / 'no.yaml'}: cannot be read: No such file or directory.",
        "--set seed: write it as key=value.",
    ]
    assert sorted(lines[1:])[:0] == []
    assert set(expected) <= set(lines)
    assert len(lines) == len(expected) + 2  # the count, and the unknown key of --set
    assert lines[0] == f"{len(expected) + 1} problems in the configuration:"


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("labels.target", True, "a valid number"),
        ("labels.target", "2", "a valid number"),
        ("labels.target", float("nan"), "finite"),
        ("labels.target", float("inf"), "finite"),
        ("labels.target", 0, "greater than 0"),
        ("labels.side", True, "-1 or 1"),
        ("labels.side", 0, "-1 or 1"),
        ("labels.costs", True, "'spread', or a valid number"),
        ("labels.costs", -1.0, "greater than or equal to 0"),
        ("labels.horizon", 2.0, "a valid integer"),
        ("labels.horizon", True, "a valid integer"),
        ("labels.unit", "ATR", "'atr', 'vol', 'pct' or 'abs'"),
        ("cv.folds", "3", "a valid integer"),
        ("cv.folds", [3], "a valid integer"),
        ("cv.folds", {"a": 1}, "a valid integer"),
        ("augmentation.enabled", 1, "a valid boolean"),
        ("augmentation.enabled", "yes", "a valid boolean"),
        ("random_forest.max_features", True, "'sqrt' or 'log2', or a valid number"),
        ("neural_network.hidden_dims", [], "at least 1"),
        ("neural_network.hidden_dims", [64, 0], "greater than or equal to 1"),
        ("symbols", "EURUSD", "a list"),
        ("symbols", [1], "a valid string"),
        ("symbols", ["A", "B", "A"], "'A' is named more than once"),
        ("models", ["rf", "RandomForest"], "'RandomForest' is named more than once"),
        ("models", ["Forest"], "'GradientBoosting', 'LogisticRegression', 'FTRLProximal'"),
        ("models", [], "at least 1"),
        ("split.train", 0.9, "must be 1"),
        ("output.root", 3, "a valid string"),
    ],
)
def test_wrong_values_are_refused_with_key_expectation_and_value(key: str, value: Any, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve(overrides={key: value}, environment={})
    assert words in str(caught.value)
    assert key.split(".")[0] in str(caught.value)


def test_a_huge_wrong_value_does_not_flood_the_message() -> None:
    with pytest.raises(ConfigError) as caught:
        resolve(overrides={"cv.folds": "x" * 10**6}, environment={})
    assert len(str(caught.value)) < 400


def test_splits_must_share_the_whole(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="each be above 0"):
        resolve(overrides={"split.train": 0.8, "split.validation": 0.2, "split.test": 0.0}, environment={})


def test_short_model_names_are_understood() -> None:
    config = resolve(overrides={"models": ["rf", "xgb", "mlp", "lstm"]}, environment={}).config
    assert config.models == ("RandomForest", "XGBoost", "NeuralNetwork", "LSTM")
    assert resolve(assignments=["models=[rf, XGBoost]"], environment={}).config.models == ("RandomForest", "XGBoost")


def test_assignments_are_yaml_values() -> None:
    config = resolve(
        assignments=[
            "symbols=[NO, '1']", "labels.costs=null", "labels.target=1e+1", "lstm.batch-size=32", "seed=9",
            "data.tz=a=b", "augmentation.enabled=false",
        ],
        environment={},
    ).config  # fmt: skip
    assert config.symbols == ("NO", "1")
    assert config.labels.costs is None
    assert config.labels.target == 10.0
    assert config.lstm.batch_size == 32
    assert config.training.seed == 9
    assert config.data.tz == "a=b"
    assert config.augmentation.enabled is False


@pytest.mark.parametrize("assignment", ["cv.folds", "=3", "cv=3", "cv.folds=", "cv.folds=[", "nothing.at.all=1"])
def test_malformed_assignments_are_refused(assignment: str) -> None:
    with pytest.raises(ConfigError, match="--set"):
        resolve(assignments=[assignment], environment={})


def test_the_environment_sets_paths_only() -> None:
    environment = {"SMCTRAIN_CV_FOLDS": "9", "SMCTRAIN_TRAINING_SEED": "9", "SMCTRAIN_SEED": "9", "CV_FOLDS": "9"}
    assert resolve(environment=environment).config == Config()
    assert resolve(environment={"SMCTRAIN_RUNS": "x"}).config.output.root == "x"
    assert resolve(environment={"SMCTRAIN_RUNS": ""}).config == Config()
    assert resolve(overrides={"output.root": "y"}, environment={"SMCTRAIN_RUNS": "x"}).config.output.root == "y"


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_valid_and_change_what_they_name(name: str) -> None:
    resolved = resolve(name, environment={})
    changed = [key for key, _, source in resolved.leaves() if source.layer == "preset"]
    assert len(changed) == sum(len(section) for section in PRESETS[name].values())
    if name != "default":
        assert resolved.hash() != resolve(environment={}).hash()


def test_the_tree_is_frozen_and_described() -> None:
    from pydantic import ValidationError

    config = Config()
    with pytest.raises(ValidationError):
        config.cv.folds = 3  # type: ignore[misc]
    assert type(config.cv).model_fields["folds"].description


ONE_VALUE = {"cnn1d.mode", "transformer.mode", "vae.mode"}
OTHER_VALUES: dict[str, Any] = {
    "evaluation.window": 300, "cv.kind": "walk_forward", "cv.embargo_share": 0.5,
    "symbols": ["A"], "models": ["rf"], "data.tz": "Europe/Paris", "data.stamp": "close", "data.base": "H1",
    "data.quarantine": False, "data.calendar": "fx", "data.day_roll": "00:00 Asia/Tokyo",
    "data.fix": ["sort"], "features.preset": "full", "features.higher": ["D1"], "features.groups": ["smc"],
    "features.columns": ["x"], "features.extra": ["ret_1_lag_1"], "labels.unit": "pct", "labels.entry": "close",
    "labels.side": -1, "labels.costs": None, "labels.tie": "drop", "labels.timeout": "sign",
    "labels.flat_at_session_end": True, "labels.gap_target": "open",
    "augmentation.enabled": False, "augmentation.method": "gan", "training.held_out_importance": False,
    "prepare.impute": "mean", "evaluation.outer": "holdout", "evaluation.dependence": "arbitrary",
    "evaluation.final_refit": False, "tuning.enabled": True, "output.ledger": "x",
    "prepare.indicator": 0.01, "prepare.clip": None, "prepare.scale": "robust",
    "selection.features.method": "boruta", "selection.features.min_features": 7,
    "selection.features.top_m": 9, "selection.features.frequency": 0.8, "random_forest.max_features": "log2",
    "random_forest.class_weight": None, "random_forest.max_depth": None, "xgboost.class_weight": None,
    "extra_trees.max_features": "log2", "extra_trees.class_weight": None, "extra_trees.max_depth": None,
    "vae.hidden_dims": [8], "vae_columns.model": "XGBoost", "vae_columns.columns": ["denoised"],
    "vae_columns.keep_rows": False,
    "neural_network.hidden_dims": [8], "cnn1d.channels": [8], "transformer.num_heads": 2,
    **{
        f"{net}.{key}": value
        for net in ("neural_network", "lstm", "gru", "cnn1d", "transformer", "vae")
        for key, value in (
            ("class_weight", None), ("optimizer", "sgd"), ("schedule", "exponential"), ("calibration", "temperature"),
            ("device", "cpu"), ("visible_from", {"smc_*": 2}),
        )
    },
    "neural_network.mode": "fast", "lstm.mode": "fast", "gru.mode": "fast",
    "lightgbm.class_weight": None,
    "gradient_boosting.class_weight": None, "gradient_boosting.max_features": "sqrt",
    "logistic_regression.class_weight": None, "catboost.class_weight": None, "catboost.boosting_type": "Ordered",
    "ngboost.class_weight": None,
    "leak_audit.duplicates": False, "leak_audit.single_columns": False, "leak_audit.max_auc": 0.8,
    "leak_audit.sentinels": True, "leak_audit.canary": 3, "leak_audit.on_leak": "fail",
    "selector.profile": "seed", "output.root": "elsewhere", "features.settings": {"fvg.min_atr": 0.5},
}  # fmt: skip


def test_the_hash_reacts_to_everything_that_can_change_a_result() -> None:
    base = resolve(environment={})
    hashes = {}
    for key, value, _ in base.leaves():
        if (key.startswith("split.") and key != "split.embargo") or key == "labels.quote" or key in ONE_VALUE:
            continue
        other = OTHER_VALUES[key] if key in OTHER_VALUES else value + 1 if type(value) is int else value * 0.5 + 0.01
        hashes[key] = resolve(overrides={key: other}, environment={}).hash()
    hashes["split"] = resolve(overrides={"split.train": 0.6, "split.test": 0.25}, environment={}).hash()
    days = {"split.calendar": [["2025-03-19", "2025-03-20"]]}
    hashes["calendar"] = resolve(overrides=days, environment={}).hash()
    hashes["exclude"] = resolve(overrides=days | {"split.exclude": True}, environment={}).hash()
    hashes["quote"] = resolve(overrides={"labels.quote": "bid_ask", "labels.costs": None}, environment={}).hash()
    same = {key for key, value in hashes.items() if value == base.hash()}
    # Which symbols are trained does not change the result of any of them.
    assert same == {"symbols", "training.workers", "output.root", "output.ledger"}
    others = [value for key, value in hashes.items() if key not in same]
    assert len(set(others)) == len(others)


def test_the_hash_does_not_depend_on_how_values_were_written(tmp_path: Path) -> None:
    one = write(tmp_path / "a.yaml", "labels: {target: 3}\ncv: {folds: 4}")
    first = resolve(files=[one], environment={})
    second = resolve(overrides={"cv.folds": 4, "labels.target": 3.0}, environment={})
    assert first.hash() == second.hash() == config_hash(first.config)


def test_the_printed_tree_reads_back_to_the_same_settings(tmp_path: Path) -> None:
    resolved = resolve(
        "thorough",
        overrides={"symbols": ["NO", "a: b", "#x", "é\n", "1"], "labels.target": 1e-7, "labels.costs": None},
        environment={},
    )
    for with_origin in (False, True):
        path = write(tmp_path / "a.yaml", resolved.to_yaml(origin=with_origin))
        again = resolve(files=[path], environment={})
        assert again.config == resolved.config
        assert {source.layer for _, _, source in again.leaves()} == {"file"}


def test_every_leaf_has_an_origin_and_a_line_when_printed() -> None:
    resolved = resolve("fast", environment={})
    keys = [key for key, _, _ in resolved.leaves()]
    assert keys == leaves(Config())
    data, lines, problems = load_yaml(resolved.to_yaml(origin=True), "shown")
    assert problems == []
    assert set(keys) <= set(lines)
    assert data["cv"]["folds"] == PRESETS["fast"]["cv"]["folds"]


def test_feature_settings_come_from_all_layers_and_know_their_origin(tmp_path: Path) -> None:
    nested = write(tmp_path / "a.yaml", "features:\n  settings:\n    smc: {swing_left: 7, swing_right: 3}\n")
    dotted = write(tmp_path / "b.yaml", "features:\n  settings.fvg.min_atr: 1\n  settings.zone.cap: 9\n")
    resolved = resolve(
        files=[nested, dotted],
        assignments=["features.settings.smc.swing_left=8", "features.settings.fuzzy.gap=[0.5, 1]"],
        environment={},
    )
    shown = {key: (value, str(origin)) for key, value, origin in resolved.leaves() if ".settings" in key}
    assert shown == {
        "features.settings.smc.swing_left": (8, "override --set features.settings.smc.swing_left"),
        "features.settings.smc.swing_right": (3, f"file {nested}:3"),
        "features.settings.fvg.min_atr": (1.0, f"file {dotted}:2"),
        "features.settings.zone.cap": (9, f"file {dotted}:3"),
        "features.settings.fuzzy.gap": ([0.5, 1.0], "override --set features.settings.fuzzy.gap"),
    }
    again = resolve(files=[write(tmp_path / "c.yaml", resolved.to_yaml(origin=True))], environment={})
    assert again.config == resolved.config
    # A whole set given at once replaces what files said, as the settings of a FeatureSpec do.
    whole = resolve(files=[nested], overrides={"features.settings": {"zone.cap": 5}}, environment={})
    assert whole.config.features.settings == {"zone.cap": 5}
    none = resolve(files=[nested], overrides={"features.settings": {}}, environment={})
    assert none.config == Config()


def test_wrong_feature_settings_are_named_with_file_and_line(tmp_path: Path) -> None:
    path = write(tmp_path / "a.yaml", "features:\n  settings:\n    smc:\n      swing_lefd: 7\n    fvg.merge: 1\n")
    with pytest.raises(ConfigError) as raised:
        resolve(files=[path], assignments=["labels.horizon=0"], environment={})
    message = str(raised.value)
    assert f"{path}:4: features.settings.smc.swing_lefd is not a setting" in message
    assert "nearest is 'smc.swing_left'" in message
    assert f"{path}:5: features.settings.fvg.merge must be True or False, but is 1." in message
    assert "labels.horizon" in message
    with pytest.raises(ConfigError, match=r"features\.settings should be a valid dictionary"):
        resolve(overrides={"features.settings": 5}, environment={})


def test_a_setting_that_equals_its_default_changes_nothing() -> None:
    same = resolve(overrides={"features.settings.fvg.min_atr": 0.25}, environment={})
    assert same.hash() == resolve(environment={}).hash()
