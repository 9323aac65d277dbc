"""JSON that every strict parser reads, whatever metrics and names hold."""

from __future__ import annotations

import datetime as dt
import enum
import json
import math
from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smctrain.artifact import dumps_strict, read_json, to_json_safe, write_json


def strict(text: str) -> Any:
    """json.loads that refuses what the standard does not know."""

    def refuse(name: str) -> Any:
        raise AssertionError(f"the literal {name} is no JSON")

    return json.loads(text, parse_constant=refuse)


class Colour(enum.Enum):
    RED = "red"


class Kind(str, enum.Enum):  # noqa: UP042 - the older spelling is the one with the trap
    DEPLOY = "deploy"


class Level(enum.IntEnum):
    HIGH = 3


@dataclass
class Inner:
    path: Path
    gap: float


def test_document_001_metadata_is_serializable() -> None:
    metadata = {
        "accuracy": np.float64(0.85),
        "is_overfitting": np.bool_(True),
        "confusion_matrix": np.array([[10, 5], [3, 12]]),
    }
    safe = to_json_safe(metadata)
    assert strict(json.dumps(safe)) == {
        "accuracy": 0.85,
        "is_overfitting": True,
        "confusion_matrix": [[10, 5], [3, 12]],
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (math.nan, None),
        (math.inf, None),
        (np.float32("-inf"), None),
        (np.float32(0.5), 0.5),
        (np.int64(2**62), 2**62),
        (10**30, 10**30),
        (np.array(3.5), 3.5),
        (np.array([1.0, np.nan]), [1.0, None]),
        (np.array([], dtype=np.int8), []),
        (np.array([True, False]), [True, False]),
        (np.str_("a"), "a"),
        (dt.datetime(2024, 1, 2, 3, 4, 5), "2024-01-02T03:04:05"),
        (dt.date(2024, 1, 2), "2024-01-02"),
        (np.datetime64("2024-01-02T03:04:05", "s"), "2024-01-02T03:04:05"),
        (np.datetime64("NaT"), None),
        (np.array(["2024-01-02", "NaT"], dtype="datetime64[ns]"), ["2024-01-02T00:00:00.000000000", None]),
        (np.array("2024-01-02", dtype="datetime64[D]"), "2024-01-02"),
        (np.timedelta64("NaT"), None),
        (Colour.RED, "red"),
        (Kind.DEPLOY, "deploy"),
        (Level.HIGH, 3),
        (Path("a/b"), "a/b"),
        (Inner(Path("x"), math.nan), {"path": "x", "gap": None}),
        ((1, 2), [1, 2]),
        ({3, 1, 2}, [1, 2, 3]),
        ({1: "a", None: 2, Colour.RED: 3}, {"1": "a", "None": 2, "red": 3}),
        (MappingProxyType({"a": np.int8(1)}), {"a": 1}),
        (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (defaultdict(int, x=1), {"x": 1}),
        (True, True),
        (None, None),
    ],
)  # fmt: skip
def test_values_become_plain(value: Any, expected: Any) -> None:
    safe = to_json_safe(value)
    assert safe == expected
    assert type(safe) is type(expected)
    assert strict(dumps_strict(value)) == expected


def test_pandas_values_become_plain() -> None:
    pd = pytest.importorskip("pandas")
    assert to_json_safe({"t": pd.Timestamp("2024-01-02"), "n": pd.NaT}) == {"t": "2024-01-02T00:00:00", "n": None}


def test_key_order_is_kept() -> None:
    assert list(strict(dumps_strict({"b": 1, "a": 2}))) == ["b", "a"]


@settings(max_examples=80, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes()
        | st.floats(width=32).map(np.float32) | st.lists(st.floats()).map(np.array),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.integers(), inner, max_size=4),
    )
)  # fmt: skip
def test_everything_written_is_read_by_a_strict_parser(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "value.json"
    write_json(path, value)
    first = read_json(path)
    assert strict(path.read_text(encoding="utf-8")) == first
    assert to_json_safe(first) == first


@pytest.mark.parametrize("name", ["\udc80", "x\x00y", "\u202e", "😀", "</script>"])
def test_names_that_are_no_text_can_be_written(tmp_path: Path, name: str) -> None:
    write_json(tmp_path / "a.json", {name: name})
    [(key, value)] = read_json(tmp_path / "a.json").items()
    assert key == value
    assert name == key or "\udc80" in name


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity"])
def test_reading_refuses_what_is_no_json(tmp_path: Path, literal: str) -> None:
    (tmp_path / "a.json").write_text(f'{{"x": {literal}}}')
    with pytest.raises(ValueError, match=literal):
        read_json(tmp_path / "a.json")
