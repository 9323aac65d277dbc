"""Which room may use which (ARCHITECTURE.md, "Which way the arrows point"), read from the sources themselves."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PYTHON = ROOT / "python" / "smctrain"
CPP = ROOT / "cpp" / "smctrain"

GROUND = {"exceptions", "_load", "artifact", "config", "results"}
BARS = GROUND | {"bars"}
MIDDLE = ("features", "labels", "splits", "augment", "prepare", "metrics", "stats")
MODELS = BARS | set(MIDDLE) | {"dataset", "models"}
JUDGES = MODELS | {"verdict", "selection"}
READERS = {"reports", "deploy"}
RIVER = JUDGES | {"execution", "training"}
EVERYTHING = RIVER | READERS | {"job", "trainer", "testing", "cli", "smctrain"}

MAY_USE: dict[str, set[str]] = {
    "exceptions": set(),
    "_load": {"exceptions"},
    "artifact": {"exceptions", "_load"},
    "config": {"exceptions", "artifact"},
    "results": GROUND | {"verdict"},  # `RunResult.verdicts` names the type when somebody asks
    "bars": GROUND,
    **{room: BARS for room in MIDDLE},
    "dataset": BARS | {"features", "labels"},
    "models": BARS | set(MIDDLE) | {"dataset"},
    "verdict": MODELS,
    "selection": MODELS,
    "execution": GROUND,
    "training": RIVER,
    "reports": GROUND,
    "deploy": MODELS,
    "testing": BARS | {"labels"},
    "job": RIVER | {"reports"},
    "trainer": RIVER | {"reports", "job"},
    "cli": EVERYTHING,
    "__main__": EVERYTHING,
    "__init__": EVERYTHING,
}
HEAVY = {
    "pandas", "polars", "pyarrow", "narwhals", "scipy", "sklearn", "matplotlib", "jinja2", "torch", "xgboost", "mlflow",
    "sqlalchemy", "ray",
}  # fmt: skip
# The scikit-learn faces are themselves loaded at first use.
MAY_BE_HEAVY = "models/estimators/"

CPP_MAY_USE: dict[str, set[str]] = {
    "base": set(),
    "bars": {"base"},
    **{room: {"base", "bars"} for room in MIDDLE},
    "models": {"base", "bars", *MIDDLE},
}


def modules() -> list[Path]:
    return sorted(PYTHON.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(PYTHON).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[int, str, bool]]:
    """(line, module, whether it runs when the file is imported); imports for type checkers only are left out."""

    def walk(node: ast.AST, at_import: bool) -> Iterator[tuple[int, str, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            if isinstance(child, ast.Import):
                yield from ((child.lineno, alias.name, at_import) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                names = [alias.name for alias in child.names]
                whole = child.module == "smctrain"
                yield from ((child.lineno, f"smctrain.{n}" if whole else str(child.module), at_import) for n in names)
            else:
                inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                yield from walk(child, at_import and not inside)

    return walk(ast.parse(path.read_text(encoding="utf-8")), True)


def test_every_room_of_the_package_has_a_place_in_the_map():
    rooms = {path.stem if path.is_file() else path.name for path in PYTHON.iterdir() if path.suffix in {".py", ""}}
    assert rooms - {"__pycache__", "py.typed"} - set(MAY_USE) == set()


@pytest.mark.parametrize("room", sorted(MAY_USE))
def test_a_room_uses_only_rooms_below_it(room: str):
    wrong = []
    for path in modules():
        if room_of(path) != room:
            continue
        for line, module, _ in imports(path):
            parts = module.split(".")
            used = "smctrain" if len(parts) == 1 else parts[1]
            if parts[0] == "smctrain" and used != room and used not in MAY_USE[room]:
                wrong.append(f"{path.relative_to(ROOT)}:{line} uses {module}")
    assert not wrong, "\n".join(wrong)


def test_importing_a_module_loads_no_heavy_library():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {module} at module level"
        for path in modules()
        if MAY_BE_HEAVY not in path.as_posix()
        for line, module, at_import in imports(path)
        if at_import and module.split(".")[0] in HEAVY
    ]
    assert not wrong, "\n".join(wrong)


def test_no_module_reads_pickles_or_evaluates_text():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in modules()
        for line, module, _ in imports(path)
        if module.split(".")[0] in {"pickle", "joblib", "dill", "cloudpickle", "shelve", "marshal"}
    ]
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"eval", "exec"}:
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno} calls {node.func.id}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("room", sorted(CPP_MAY_USE))
def test_a_cpp_room_includes_only_rooms_below_it(room: str):
    wrong = []
    for path in sorted((CPP / room).rglob("*")):
        if path.suffix not in {".h", ".cc"}:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            found = re.match(r'#include "smctrain/(\w+)/', line)
            if found and found[1] != room and found[1] not in CPP_MAY_USE[room]:
                wrong.append(f"{path.relative_to(ROOT)}:{number} {line}")
    assert not wrong, "\n".join(wrong)


def test_the_cpp_library_knows_neither_python_nor_in_core_torch():
    wrong = []
    for path in sorted(CPP.rglob("*")):
        if path.suffix not in {".h", ".cc"}:
            continue
        neural = "/models/neural/" in path.as_posix()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            python = re.match(r"#include [<\"](pybind11/|Python\.h)", line)
            torch = re.match(r"#include [<\"](torch|ATen|c10)/", line)
            if python or (torch and not neural):
                wrong.append(f"{path.relative_to(ROOT)}:{number} {line}")
    assert not wrong, "\n".join(wrong)
