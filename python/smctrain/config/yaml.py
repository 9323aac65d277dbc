"""Strict YAML: the 1.2 core rules, no tags, no duplicate keys, and the line of every leaf.

PyYAML's own rules are those of YAML 1.1, where the ticker `NO` is false, `22:30` is 1350 and `1e-3` is text.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from smctrain.exceptions import ConfigError

_MAX_BYTES = 1 << 20
_MAX_DEPTH = 32


class _StrictLoader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012 - PyYAML's own registry


_StrictLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(true|false)$"), list("tf"))
_StrictLoader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(null|~|)$"), ["n", "~", ""])
_StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^[-+]?(0|[1-9][0-9]*)$"), list("-+0123456789")
)
_StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?([0-9]+\.[0-9]*([eE][-+]?[0-9]+)?|\.[0-9]+([eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)$"),
    list("-+0123456789."),
)


def load_yaml(text: str, name: str) -> tuple[dict[str, Any], dict[str, int], list[str]]:
    """Parse one document.

    Returns
    -------
    data : dict
        Nested mappings with plain leaves.
    lines : dict of str to int
        Line (from 1) of each dotted key.
    problems : list of str
        Faults that do not stop reading, such as duplicate keys; each starts with `name:line`.
    """
    if len(text.encode("utf-8")) > _MAX_BYTES:
        raise ConfigError(f"{name}: a configuration file may have at most {_MAX_BYTES} bytes.")
    try:
        node = yaml.compose(text, Loader=_StrictLoader)
    except RecursionError:
        raise ConfigError(f"{name}: nested too deeply.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"{name}:{mark.line + 1}" if mark is not None else name
        raise ConfigError(f"{line}: not valid YAML: {getattr(error, 'problem', None) or error}.") from None
    if node is None:
        return {}, {}, []
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError(f"{name}:1: a configuration must be a mapping of keys to values.")
    lines: dict[str, int] = {}
    problems: list[str] = []
    data = _mapping(node, "", name, lines, problems, depth=0)
    return data, lines, problems


def parse_scalar(text: str) -> Any:
    """The value of `--set key=value`: a YAML scalar or flow list."""
    try:
        node = yaml.compose(text, Loader=_StrictLoader)
    except yaml.YAMLError as error:
        raise ConfigError(f"{text!r} is not a value: {getattr(error, 'problem', None) or error}.") from None
    return None if node is None else _value(node, "value", "--set", {}, [], 0)


def _mapping(
    node: yaml.MappingNode, prefix: str, name: str, lines: dict[str, int], problems: list[str], depth: int
) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            problems.append(f"{name}:{line}: a key must be text.")
            continue
        key = str(key_node.value)
        dotted = f"{prefix}.{key}" if prefix else key
        if key in result:
            problems.append(f"{name}:{line}: key {dotted!r} is given twice (first on line {lines[dotted]}).")
            continue
        lines[dotted] = line
        result[key] = _value(value_node, dotted, name, lines, problems, depth + 1)
    return result


def _value(node: yaml.Node, dotted: str, name: str, lines: dict[str, int], problems: list[str], depth: int) -> Any:
    line = node.start_mark.line + 1
    if depth > _MAX_DEPTH:
        raise ConfigError(f"{name}:{line}: nested too deeply.")
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, dotted, name, lines, problems, depth)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, dotted, name, lines, problems, depth + 1) for item in node.value]
    assert isinstance(node, yaml.ScalarNode)
    text = str(node.value)
    tag = node.tag.rsplit(":", 1)[-1]
    if tag == "bool":
        return text == "true"
    if tag == "null":
        return None
    if tag == "int":
        return int(text)
    if tag == "float":
        return float(text)
    if tag != "str" and not node.tag.startswith("tag:yaml.org,2002:"):
        problems.append(f"{name}:{line}: tags such as {node.tag!r} are not allowed.")
    return text
