"""What is said when a native library is missing or of the wrong version."""

from __future__ import annotations

import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from smctrain import _load
from smctrain.exceptions import MissingDependency, SmctrainError


def find_spec(**found: str | None) -> Any:
    real = importlib.util.find_spec

    def function(name: str, package: str | None = None) -> ModuleSpec | None:
        if name not in found:
            return real(name, package)
        origin = found[name]
        return None if origin is None else ModuleSpec(name, None, origin=origin)

    return function


def fake_torch(folder: Path, version: str | None) -> str:
    folder.mkdir()
    if version is not None:
        (folder / "version.py").write_text(f"__version__ = '{version}'\n")
    return str(folder / "__init__.py")


def neural() -> Any:
    """The loader without its memory."""
    return _load.neural.__wrapped__()


def test_missing_torch_names_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", find_spec(torch=None))
    with pytest.raises(MissingDependency, match=r'pip install "smctrain\[neural\]"'):
        neural()


def test_another_torch_names_both_versions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    origin = fake_torch(tmp_path / "torch", "2.12.1+cpu")
    monkeypatch.setattr(importlib.util, "find_spec", find_spec(torch=origin, **{"smctrain._neural": origin}))
    with pytest.raises(MissingDependency, match=r"torch 2\.13 but torch 2\.12\.1\+cpu is installed.*pip install"):
        neural()


@pytest.mark.parametrize("version", [None, ""])
def test_a_torch_of_unknown_version_is_not_trusted(
    version: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    origin = fake_torch(tmp_path / "torch", version)
    monkeypatch.setattr(importlib.util, "find_spec", find_spec(torch=origin, **{"smctrain._neural": origin}))
    with pytest.raises(MissingDependency, match="unknown version"):
        neural()


def test_a_build_without_the_neural_module_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    origin = fake_torch(tmp_path / "torch", "2.13.0")
    monkeypatch.setattr(importlib.util, "find_spec", find_spec(torch=origin, **{"smctrain._neural": None}))
    with pytest.raises(MissingDependency, match=r"built without torch.*make build"):
        neural()


def test_a_broken_torch_names_the_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    origin = fake_torch(tmp_path / "torch", "2.13.0")
    monkeypatch.setattr(importlib.util, "find_spec", find_spec(torch=origin, **{"smctrain._neural": origin}))
    with pytest.raises(MissingDependency, match=r"libtorch_cpu\.so.*pip install"):
        neural()


def test_missing_xgboost_names_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SMCTRAIN_XGBOOST_LIBRARY", raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", find_spec(xgboost=None))
    with pytest.raises(MissingDependency, match=r'pip install "xgboost-cpu>=3\.1,<4"'):
        _load.xgboost_library()


def test_a_library_that_is_not_xgboost_names_path_and_command(tmp_path: Path) -> None:
    wrong = tmp_path / "libxgboost.so"
    wrong.write_bytes(b"no library")
    with pytest.raises(MissingDependency, match=r"libxgboost\.so.*pip install .*>=3\.1,<4"):
        _load.core().xgboost_version(str(wrong))


def test_a_library_without_xgboost_inside_names_what_is_needed() -> None:
    with pytest.raises(MissingDependency, match=r"xgboost >= 3\.1, < 4.*lacks"):
        _load.core().xgboost_version(_load.core().__file__)


def test_the_environment_can_point_to_another_xgboost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMCTRAIN_XGBOOST_LIBRARY", "/opt/x/libxgboost.so")
    assert _load.xgboost_library() == Path("/opt/x/libxgboost.so")


def importing(outcome: ModuleType | BaseException | SimpleNamespace) -> Any:
    def function(name: str) -> Any:
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    return function


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (ModuleNotFoundError("No module named 'smctrain._core'"), "not built.*make build"),
        (ImportError("undefined symbol: x"), "undefined symbol: x.*make build"),
        (SimpleNamespace(__version__="9.9.9"), r"9\.9\.9.*0\.1\.0.*make build"),
    ],
)
def test_a_missing_foreign_or_old_core_is_said_in_one_sentence(
    outcome: Any, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.import_module", importing(outcome))
    with pytest.raises(SmctrainError, match=words):
        _load.core.__wrapped__()
