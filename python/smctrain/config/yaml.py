"""Strict YAML: the 1.2 core rules, no tags, no duplicate keys, and the line of every leaf.

PyYAML's own rules are those of YAML 1.1, where the ticker `NO` is false, `22:30` is 1350 and `1e-3` is text.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from smctrain.exceptions import ConfigError

MAX_BYTES = 1 << 20
_MAX_DEPTH = 32
_MAX_VALUES = 10_000  # after aliases are expanded: a few lines of aliases can stand for billions of values


class _StrictLoader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012 - PyYAML's own registry

    n_nodes = 0
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        # Stops while reading: a file of a million keys costs no more than one of ten thousand.
        self.n_nodes += 1
        self.depth += 1
        if self.n_nodes > 2 * _MAX_VALUES or self.depth > _MAX_DEPTH:
            reason = "nested too deeply" if self.depth > _MAX_DEPTH else f"more than {_MAX_VALUES} values"
            raise yaml.composer.ComposerError(None, None, reason, self.get_mark())
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def fetch_tag(self) -> None:
        # The scanner is the one place that sees every explicit tag, on keys, lists and mappings as well.
        raise yaml.scanner.ScannerError(None, None, "tags such as '!name' are not allowed", self.get_mark())

    def fetch_flow_collection_start(self, token_class: Any) -> None:
        # Here as well as below, because the scanner's own cost grows with the square of the depth.
        if self.flow_level >= _MAX_DEPTH:
            raise yaml.scanner.ScannerError(None, None, "nested too deeply", self.get_mark())
        super().fetch_flow_collection_start(token_class)


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
    node = _compose(text, name)
    if node is None:
        return {}, {}, []
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError(f"{name}:1: a configuration must be a mapping of keys to values.")
    reader = _Reader(name)
    return reader.mapping(node, "", 0), reader.lines, reader.problems


def parse_scalar(text: str) -> Any:
    """The value of `--set key=value`: a YAML scalar or flow list.

    Raises
    ------
    ConfigError
        If the text is no value.
    """
    node = _compose(text, "value")
    if node is None:
        return None
    reader = _Reader("value")
    value = reader.value(node, "value", 0)
    if reader.problems:
        raise ConfigError(reader.problems[0])
    return value


def _compose(text: str, name: str) -> yaml.Node | None:
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise ConfigError(f"{name}: a configuration file may have at most {MAX_BYTES} bytes.")
    try:
        return yaml.compose(text, Loader=_StrictLoader)
    except RecursionError:
        raise ConfigError(f"{name}: nested too deeply.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"{name}:{mark.line + 1}" if mark is not None else name
        reason = " ".join(str(getattr(error, "problem", None) or error).split())
        raise ConfigError(f"{line}: not valid YAML: {reason}.") from None


class _Reader:
    """Turns nodes into plain values; collects faults and the line of each dotted key."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: dict[str, int] = {}
        self.problems: list[str] = []
        self.n_values = 0

    def mapping(self, node: yaml.MappingNode, prefix: str, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self.problems.append(f"{self.name}:{line}: a key must be text.")
                continue
            key = str(key_node.value)
            dotted = f"{prefix}.{key}" if prefix else key
            if dotted in self.lines:  # also as `a.b: 1` beside `a: {b: 2}`
                first = self.lines[dotted]
                self.problems.append(f"{self.name}:{line}: key {dotted!r} is given twice (first on line {first}).")
                continue
            self.lines[dotted] = line
            result[key] = self.value(value_node, dotted, depth + 1)
        return result

    def value(self, node: yaml.Node, dotted: str, depth: int) -> Any:
        line = node.start_mark.line + 1
        self.n_values += 1
        if depth > _MAX_DEPTH:
            raise ConfigError(f"{self.name}:{line}: nested too deeply.")
        if self.n_values > _MAX_VALUES:
            raise ConfigError(f"{self.name}:{line}: more than {_MAX_VALUES} values (aliases count each time).")
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, dotted, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, dotted, depth + 1) for item in node.value]
        assert isinstance(node, yaml.ScalarNode)
        text = str(node.value)
        tag = node.tag.rsplit(":", 1)[-1]
        if tag == "bool":
            return text == "true"
        if tag == "null":
            return None
        if tag == "int":
            # Python refuses thousands of digits; beyond 64 bits the validation is to name the fault.
            return int(text) if len(text) <= 20 else float(text)
        return float(text) if tag == "float" else text
