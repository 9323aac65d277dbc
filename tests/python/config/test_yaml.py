"""Configuration files: YAML 1.2 rules, no surprises, nothing that blows up."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smctrain.config import ResolvedConfig, resolve
from smctrain.config.yaml import load_yaml, parse_scalar
from smctrain.exceptions import ConfigError

Load = Callable[[str], ResolvedConfig]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def function(text: str) -> ResolvedConfig:
        path = tmp_path / "a.yaml"
        path.write_text(text, encoding="utf-8")
        return resolve(files=[path], environment={})

    return function


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"), ("ON", "ON"), ("TRUE", "TRUE"), ("off", "off"), ("y", "y"), ("Null", "Null"),
        ("22:30", "22:30"), ("09:30", "09:30"), ("12:00:00", "12:00:00"), ("0700", "0700"), ("0x10", "0x10"),
        ("1_000", "1_000"), ("2020-01-01", "2020-01-01"), ("<<", "<<"), ("1.2.3", "1.2.3"), (".", "."), ("+", "+"),
        ("true", True), ("false", False), ("null", None), ("~", None), ("", None),
        ("1e-3", 1e-3), ("1.5e3", 1500.0), ("1.", 1.0), (".5", 0.5), ("-1.25", -1.25), ("0", 0), ("-7", -7),
        ("'1'", "1"), ('"NO"', "NO"), (".nan", ".nan"), (".inf", ".inf"),
    ],
)  # fmt: skip
def test_scalars_follow_the_core_schema_of_yaml_1_2(text: str, value: Any) -> None:
    data, _, problems = load_yaml(f"a: {text}", "f")
    assert problems == []
    assert data["a"] == value
    assert type(data["a"]) is type(value)
    if text:
        assert parse_scalar(text) == value


def test_tickers_stay_text(load: Load) -> None:
    symbols = load("symbols: [NO, ON, TRUE, 0700, 22:30, 1_000]").config.symbols
    assert symbols == ("NO", "ON", "TRUE", "0700", "22:30", "1_000")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("cv:\n  folds: 3\n  folds: 4\n", 3, "'cv.folds' is given twice (first on line 2)"),
        ("cv.folds: 3\ncv:\n  folds: 4\n", 3, "'cv.folds' is given twice (first on line 1)"),
        ("cv:\n  folds: !!int 3\n", 2, "tags"),
        ("cv: !!python/object/apply:os.system [x]\n", 1, "tags"),
        ("\nlabels:\n  costs: !spread 1\n", 3, "tags"),
        ("!!map\ncv: {folds: 3}\n", 1, "tags"),
        ("? [a, b]\n: 1\n", 1, "a key must be text"),
        ("cv: {folds: 3\n", 2, "not valid YAML"),
        ("cv:\n\tfolds: 3\n", 2, "not valid YAML"),
        ("a: 1\n---\nb: 2\n", 2, "another document"),
        ("- 1\n", 1, "mapping"),
        ("cv: *nowhere\n", 1, "undefined alias"),
        ("cv: {folds: " + "9" * 5000 + "}", 1, "cv.folds should be a valid integer"),
    ],
)
def test_faults_name_file_and_line(load: Load, tmp_path: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert f"{tmp_path / 'a.yaml'}:{line}: " in str(caught.value)
    assert words in str(caught.value)


def laughs(depth: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, depth)]
    return "\n".join(lines)


BOMBS = {
    "billion laughs": laughs(12),
    "laughing mappings": "a0: &a0 {x: 1, y: 1}\n"
    + "\n".join(f"a{i}: &a{i} {{x: *a{i - 1}, y: *a{i - 1}}}" for i in range(1, 40)),
    "an alias of itself": "a: &a [*a, *a]",
    "a mapping of itself": "a: &a {b: *a, c: *a}",
    "flow lists, 100,000 deep": "a: " + "[" * 100_000,
    "flow mappings, 100,000 deep": "a: " + "{a: " * 100_000,
    "block lists, 100,000 deep": "- " * 100_000,
    "block mappings, 700 deep": "\n".join(" " * i + "a:" for i in range(700)),
    "more than 1 MiB": "a: " + "x" * (1 << 20),
    "90,000 keys": "\n".join(f"k{i}: 1" for i in range(90_000)),
    "9,000 keys": "\n".join(f"k{i}: 1" for i in range(9_000)),
    "a list of 300,000": f"symbols: [{'A,' * 300_000}]",
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_quickly(load: Load, name: str) -> None:
    text = BOMBS[name]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    with pytest.raises(ConfigError):
        load(text)
    # One second and 100 MiB are promised; the slack is for a busy machine, an explosion would miss by far.
    assert time.process_time() - started < 3.0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10


def test_a_deep_or_tagged_assignment_is_refused() -> None:
    for text in ["[" * 5000, "!!int x", "{a: 1, a: 2}", "*a"]:
        with pytest.raises(ConfigError):
            resolve(assignments=[f"cv.folds={text}"], environment={})


def test_ordinary_aliases_work(load: Load) -> None:
    config = load("neural_network: &net {dropout: 0.3}\nlstm: *net\n").config
    assert config.neural_network.dropout == config.lstm.dropout == 0.3


def test_a_byte_order_mark_and_windows_line_ends_are_no_matter(load: Load) -> None:
    assert load("\ufeffcv:\r\n  folds: 3\r\n").config.cv.folds == 3


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"symbols: [\xe9]")
    for name in ["missing.yaml", "", "latin.yaml"]:
        with pytest.raises(ConfigError, match=str(tmp_path / name)):
            resolve(files=[tmp_path / name], environment={})


def test_an_endless_file_is_not_read_to_its_end() -> None:
    with pytest.raises(ConfigError):
        resolve(files=["/dev/zero"], environment={})


VALID = """\
# a whole configuration
symbols: [EURUSD, NO]
models: [rf, xgboost]
data: {tz: "America/New_York+7h", stamp: close}
labels:
  horizon: 12
  target: 2.5
  costs: null
split: {train: 0.6, validation: 0.2, test: 0.2}
cv:
  folds: 4
random_forest: {n_estimators: 50, max_features: 0.5}
neural_network:
  hidden_dims: [32, 16]
training: {seed: 7, time_limit_minutes: 1e+1}
"""


def test_the_valid_example_is_valid(load: Load) -> None:
    assert load(VALID).config.training.time_limit_minutes == 10.0


@settings(max_examples=200, deadline=1000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_changed_files_are_valid_or_refused_with_one_error_type(load: Load, data: st.DataObject) -> None:
    text = VALID
    for _ in range(data.draw(st.integers(1, 4))):
        i = data.draw(st.integers(0, len(text) - 1))
        j = min(len(text), i + data.draw(st.integers(0, 6)))
        piece = data.draw(
            st.sampled_from(["", "&a ", "*a", "!!", *"[]{}:'", "\n", "  ", "\t", "- ", "1e999", "nan"])
            | st.text(st.characters(codec="utf-8"), max_size=3)
        )
        text = text[:i] + piece + text[j:]
    try:
        resolved = load(text)
    except ConfigError:
        return
    assert resolved.hash()
