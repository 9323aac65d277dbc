"""Layers of settings, merged by presence, each leaf with its origin.

Order (later wins): code defaults < preset < files, left to right < environment (paths only) < overrides. A value that
equals the default still counts as given. All faults are collected and raised as one `ConfigError`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from smctrain.config.presets import PRESETS
from smctrain.config.tree import Config
from smctrain.config.yaml import MAX_BYTES, load_yaml, parse_scalar
from smctrain.exceptions import ConfigError

MAX_SHOWN = 50  # problems told at once
SETTINGS = "features.settings"  # an open section: the core has the table of its keys
ENVIRONMENT = {"output.root": "SMCTRAIN_RUNS"}
_FAMILY_ALIASES = {
    "randomforest": "RandomForest", "random_forest": "RandomForest", "rf": "RandomForest",
    "xgboost": "XGBoost", "xgb": "XGBoost",
    "neuralnetwork": "NeuralNetwork", "neural_network": "NeuralNetwork", "mlp": "NeuralNetwork", "nn": "NeuralNetwork",
    "lstm": "LSTM",
    "gru": "GRU",
    "cnn1d": "CNN1D", "cnn": "CNN1D",
    "transformer": "Transformer",
    "vae": "VAE",
    "vaecolumns": "VAEColumns", "vae_columns": "VAEColumns",
    "extratrees": "ExtraTrees", "extra_trees": "ExtraTrees", "et": "ExtraTrees",
    "lightgbm": "LightGBM", "lgbm": "LightGBM", "lgb": "LightGBM",
    "gradientboosting": "GradientBoosting", "gradient_boosting": "GradientBoosting", "gbm": "GradientBoosting",
    "gb": "GradientBoosting",
    "logisticregression": "LogisticRegression", "logistic_regression": "LogisticRegression",
    "logistic": "LogisticRegression",
    "ftrlproximal": "FTRLProximal", "ftrl_proximal": "FTRLProximal", "ftrl": "FTRLProximal",
    "catboost": "CatBoost", "cat": "CatBoost",
    "ngboost": "NGBoost", "ngb": "NGBoost",
}  # fmt: skip


@dataclass(frozen=True)
class Origin:
    """Where a leaf's value came from."""

    layer: str
    """default, preset, file, environment, or override."""
    where: str = ""
    """Preset name, `file:line`, environment variable, or the flag."""

    def __str__(self) -> str:
        return f"{self.layer} {self.where}".strip()


@dataclass(frozen=True)
class ResolvedConfig:
    """A validated tree and the origin of each leaf."""

    config: Config
    origins: Mapping[str, Origin]

    def leaves(self) -> Iterator[tuple[str, Any, Origin]]:
        """Each leaf as (dotted key, value, origin), in the order of the tree."""
        for key, value in _flatten_model(self.config):
            if key != SETTINGS or not value:
                yield key, value, self.origins[key]
                continue
            for setting, chosen in value.items():  # those that were given
                yield f"{SETTINGS}.{setting}", chosen, self.origins[f"{SETTINGS}.{setting}"]

    def hash(self) -> str:
        """Digest of everything that can change a result (not worker counts or output folders)."""
        return config_hash(self.config)

    def to_yaml(self, origin: bool = False) -> str:
        """The whole tree as YAML, with an origin comment per leaf on request."""
        lines: list[str] = []
        shown = ""
        for key, value, source in self.leaves():
            section, _, leaf = key.rpartition(".") if not key.startswith(f"{SETTINGS}.") else key.partition(".")
            if section and section != shown:
                lines.append(f"{section}:")
            shown = section
            text = f"{'  ' if section else ''}{leaf}: {_yaml_value(value)}"
            lines.append(f"{text:<46}  # {source}" if origin else text)
        return "\n".join(lines) + "\n"


def config_hash(config: Config) -> str:
    """BLAKE2b digest of all settings that can change a result."""
    from smctrain.artifact import dumps_strict

    tree = config.model_dump(mode="json", exclude={"output": True, "symbols": True, "training": {"workers"}})
    return hashlib.blake2b(dumps_strict(tree, indent=None).encode(), digest_size=16).hexdigest()


def resolve(
    preset: str | None = None,
    files: Sequence[str | Path] = (),
    overrides: Mapping[str, Any] | None = None,
    assignments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> ResolvedConfig:
    """Merge all layers and validate once.

    Parameters
    ----------
    preset : str, optional
        fast, default or thorough.
    files : paths
        YAML files, later ones win.
    overrides : mapping of dotted key to value
        Values given in code or by a named flag.
    assignments : list of "key=value"
        `--set` flags; values are YAML scalars or flow lists.
    environment : mapping, optional
        Defaults to the process environment; only path settings are read from it.

    Raises
    ------
    ConfigError
        Lists every fault: file and line, key, what was expected, what was found, the nearest valid key.
    """
    environment = os.environ if environment is None else environment
    problems: list[str] = []
    values: dict[str, Any] = {}
    origins: dict[str, Origin] = {}
    known = {key for key, _ in _flatten_model(Config())}
    sections = {key.rsplit(".", 1)[0] for key in known if "." in key}

    def put(key: str, value: Any, origin: Origin) -> None:
        if key == SETTINGS and (value is None or isinstance(value, Mapping)):  # the whole set at once
            for given in [given for given in values if given.startswith(f"{SETTINGS}.")]:
                del values[given]
            origins[SETTINGS] = origin
            for name, one in (value or {}).items():
                put(f"{SETTINGS}.{name}", one, origin)
        elif key.startswith(f"{SETTINGS}."):
            values[key] = value
            origins[key] = origin
        elif key in sections:
            problems.append(f"{_at(origin)}: {key!r} is a section; give its keys, such as {_example(key, known)!r}.")
        elif key not in known and len(problems) >= MAX_SHOWN:
            problems.append(f"{_at(origin)}: unknown key {key!r}.")
        elif key not in known:
            near = get_close_matches(key, sorted(known | sections), n=1, cutoff=0.5)
            leaf = [k for k in sorted(known) if k.rsplit(".", 1)[-1] == key.rsplit(".", 1)[-1]]
            hint = f"; nearest is {(leaf or near)[0]!r}" if leaf or near else ""
            problems.append(f"{_at(origin)}: unknown key {key!r}{hint}.")
        else:
            values[key] = _family_names(value) if key == "models" else value
            origins[key] = origin

    def put_tree(tree: Mapping[str, Any], origin_of: Any, prefix: str = "") -> None:
        for key, value in tree.items():
            dotted = f"{prefix}.{key}" if prefix else str(key)
            if isinstance(value, Mapping) and (dotted in sections or dotted not in known or dotted == SETTINGS):
                if dotted == SETTINGS and not value:
                    put(dotted, value, origin_of(dotted))
                elif dotted in sections or dotted == SETTINGS or dotted.startswith(f"{SETTINGS}."):
                    put_tree(value, origin_of, dotted)
                else:
                    put(dotted, value, origin_of(dotted))
            elif value is None and dotted in sections:
                continue  # an empty section in a file
            else:
                put(dotted, value, origin_of(dotted))

    name = preset or "default"
    if name not in PRESETS:
        near = get_close_matches(name, PRESETS, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        problems.append(f"preset must be one of {', '.join(PRESETS)}, but is {name!r}.{hint}")
    else:
        put_tree(PRESETS[name], lambda key: Origin("preset", name))
    for path in files:
        try:
            with Path(path).open(encoding="utf-8-sig") as file:
                text = file.read(MAX_BYTES + 1)  # no more than can be accepted: the file may be endless
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}.")
            continue
        try:
            data, lines, faults = load_yaml(text, str(path))
        except ConfigError as error:
            problems.append(str(error))
            continue
        problems.extend(faults)
        put_tree(data, lambda key, p=path, n=lines: Origin("file", f"{p}:{n.get(key, 1)}"))
    for key, variable in ENVIRONMENT.items():
        if environment.get(variable):
            put(key, environment[variable], Origin("environment", variable))
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        key = key.strip().replace("-", "_")
        if not equals:
            problems.append(f"--set {assignment}: write it as key=value.")
            continue
        key = "training.seed" if key == "seed" else key
        try:
            put(key, parse_scalar(text), Origin("override", f"--set {key}"))
        except ConfigError as error:
            problems.append(f"--set {key}: {error}")
    for key, value in (overrides or {}).items():
        put("training.seed" if key == "seed" else key, value, Origin("override", key))

    settings = {
        key.removeprefix(f"{SETTINGS}."): values.pop(key) for key in list(values) if key.startswith(f"{SETTINGS}.")
    }
    settings, faults_of = _read_settings(settings)
    for setting, message in faults_of:
        problems.append(f"{_at(origins.get(f'{SETTINGS}.{setting}'))}: {SETTINGS}.{message}")
    tree: dict[str, Any] = {}
    for key, value in values.items():
        *path_parts, leaf = key.split(".")
        branch = tree
        for part in path_parts:
            branch = branch.setdefault(part, {})
        branch[leaf] = value
    if settings:
        tree.setdefault("features", {}).setdefault("settings", settings)
    config: Config | None = None
    try:
        config = Config.model_validate(tree)
    except ValidationError as error:
        by_key: dict[str, list[Any]] = {}
        for fault in error.errors():
            by_key.setdefault(_key_of(fault["loc"], known, sections), []).append(fault)
        for key, alternatives in by_key.items():
            origin = origins.get(key) or next((o for k, o in origins.items() if k.startswith(key + ".")), None)
            problems.append(f"{_at(origin)}: {key} {_reason(alternatives)}.")
    if problems or config is None:
        count = f"{len(problems)} problems in the configuration:\n" if len(problems) > 1 else ""
        more = f"\nand {len(problems) - MAX_SHOWN} more" if len(problems) > MAX_SHOWN else ""
        raise ConfigError(count + "\n".join(problems[:MAX_SHOWN]) + more)
    all_origins = {key: origins.get(key, Origin("default")) for key in known}
    all_origins |= {f"{SETTINGS}.{key}": origins[f"{SETTINGS}.{key}"] for key in settings}
    return ResolvedConfig(config, all_origins)


def is_mapping(key: str) -> bool:
    """Whether the setting of this dotted key is a mapping of names that no section lists, such as a curriculum."""
    return key.endswith(".visible_from")


def _read_settings(given: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """What differs from the defaults, in one form, and the faults as (key, sentence)."""
    if not given:
        return {}, []
    from smctrain._load import core

    faults: list[tuple[str, str]] = core().feature_setting_problems(given)
    return ({} if faults else core().feature_settings(given)), faults


def _flatten_model(model: BaseModel, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name in type(model).model_fields:
        value = getattr(model, name)
        key = f"{prefix}.{name}" if prefix else name
        if isinstance(value, BaseModel):
            yield from _flatten_model(value, key)
        else:
            yield key, value


def _family_names(value: Any) -> Any:
    if isinstance(value, str):
        value = [value]
    if isinstance(value, list | tuple):
        return [_FAMILY_ALIASES.get(str(item).lower().replace("-", "_"), item) for item in value]
    return value


def _key_of(loc: tuple[int | str, ...], known: set[str], sections: set[str]) -> str:
    """Dotted key of a fault; union tags and list positions of pydantic's location are left out."""
    best = ""
    key = ""
    for part in loc:
        key = f"{key}.{part}" if key else str(part)
        if key in known or key in sections:
            best = key
    return best or ".".join(str(part) for part in loc)


def _reason(faults: Sequence[Any]) -> str:
    """What is wrong with one key; a union reports one fault per alternative."""
    if str(faults[0]["msg"]).startswith("Value error, "):
        return f"is wrong: {str(faults[0]['msg']).removeprefix('Value error, ')}"
    words = [fault for fault in faults if fault["type"] == "literal_error"]
    expected: list[str] = []
    for fault in faults:
        if words and fault["type"] == "too_short":  # of the list from which the wrong word was taken
            continue
        message = str(fault["msg"]).replace("a valid tuple", "a list")
        text = message[0].lower() + message[1:]
        text = text.removeprefix("input ").removeprefix("value ").removeprefix("should be ")
        if text not in expected:
            expected.append(text)
    shown = repr(faults[0].get("input"))
    found = shown if len(shown) <= 200 else shown[:200] + " ..."
    return f"should be {', or '.join(expected)}, but is {found}{_nearest(words)}"


def _nearest(faults: Sequence[Any]) -> str:
    """The allowed word that a wrong one is most like, in words; families also by their short names."""
    allowed = {word for fault in faults for word in str(fault["ctx"]["expected"]).split("'")[1::2]}
    if "RandomForest" in allowed:
        allowed |= set(_FAMILY_ALIASES)
    near = [get_close_matches(str(fault.get("input")), sorted(allowed), n=1) for fault in faults]
    return f"; nearest is {near[0][0]!r}" if near and near[0] else ""


def _at(origin: Origin | None) -> str:
    if origin is None:
        return "configuration"
    return origin.where or origin.layer


def _example(section: str, known: set[str]) -> str:
    return next(key for key in sorted(known) if key.startswith(section + "."))


def _yaml_value(value: Any) -> str:
    from smctrain.artifact import dumps_strict

    return dumps_strict(value, indent=None)
