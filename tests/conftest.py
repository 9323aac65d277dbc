"""One pytest item per C++ test case, so that one run and one summary cover both languages."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def _binary() -> Path | None:
    path = ROOT / "build" / "dev" / "core_tests"
    return path if path.is_file() else None


def pytest_report_header() -> str:
    binary = _binary()
    return f"C++ tests: {binary.relative_to(ROOT) if binary else 'not built (run `make test`)'}"


class CppFile(pytest.File):
    def collect(self) -> Iterator[pytest.Item]:
        binary = _binary()
        if binary is None:
            yield CppMissing.from_parent(self, name="core_tests")
            return
        listed = subprocess.run(
            [binary, "--list-test-cases", "--no-intro", "--no-version"], capture_output=True, text=True, check=True
        ).stdout
        names = [line for line in listed.splitlines() if line and not line.startswith(("[doctest]", "===="))]
        for name in names:
            item = CppCase.from_parent(self, name=name)
            item.binary = binary
            yield item


class CppCase(pytest.Item):
    binary: Path

    def runtest(self) -> None:
        done = subprocess.run(
            [self.binary, f"--test-case={self.name}", "--no-intro", "--no-version"], capture_output=True, text=True
        )
        if done.returncode != 0:
            raise CppFailure(done.stdout + done.stderr)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: str | None = None) -> str:
        return str(excinfo.value) if isinstance(excinfo.value, CppFailure) else str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"C++ {self.name}"


class CppMissing(pytest.Item):
    def runtest(self) -> None:
        message = "the C++ tests are not built: doctest was not found (see scripts/fetch_doctest.sh)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)


class CppFailure(Exception):
    """Output of a failed C++ test case."""


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    # All cases live in one binary, so one file stands for them.
    if file_path == ROOT / "tests" / "cpp" / "main.cc":
        return CppFile.from_parent(parent, path=file_path)
    return None
