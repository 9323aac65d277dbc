"""File names from hostile names: inside the folder, readable, one per name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smctrain.artifact import safe_file_name

HOSTILE = [
    "<script>", '"onerror=', "=cmd|", "../../x", "..", ".", "", "CON", "con.txt", "nul", "LPT9.x", "x" * 300, "x" * 301,
    "a\0b", "\u202eabc", "😀", "データ", "a|b", "[x](javascript:)", "a\nb", ".hidden", "a/b", "a\\b", "a b", "a_b",
    "-rf", "~", "$HOME", "%2e%2e", "\udc80", "a\u2028b", "C:", "EURUSD.", "a:b", "A|B",
]  # fmt: skip


@pytest.mark.parametrize("name", ["EURUSD", "XGBoost", "US500.cash", "BTC-USD", "a_b", "x" * 80])
def test_harmless_names_stay_as_they_are(name: str) -> None:
    assert safe_file_name(name) == name


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_become_harmless(name: str, tmp_path: Path) -> None:
    made = safe_file_name(name)
    assert re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,90}", made)
    assert made.split(".")[0].upper() not in {"CON", "NUL", "LPT9"}
    path = tmp_path / made
    path.write_bytes(b"x")
    assert path.resolve().parent == tmp_path.resolve()


def test_different_names_get_different_files() -> None:
    names = [*HOSTILE, *(safe_file_name(name) for name in HOSTILE), *(f"a{c}b" for c in "|/\\:*?<> ")]
    names = list(dict.fromkeys(names))
    assert len({safe_file_name(name) for name in names}) == len(names)


def test_nobody_can_choose_the_file_of_another_name() -> None:
    assert safe_file_name(safe_file_name("a|b")) != safe_file_name("a|b")


@given(st.text(st.characters(exclude_categories=[])), st.text())
def test_any_two_names_stay_apart(first: str, second: str) -> None:
    assert (safe_file_name(first) == safe_file_name(second)) == (first == second)
    assert "/" not in safe_file_name(first)
