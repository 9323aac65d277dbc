"""Which room may use which: read from the imports and includes, reported with file and line."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PYTHON = ROOT / "python" / "smctrain"
CPP = ROOT / "cpp" / "smctrain"

GROUND = {"exceptions", "_load", "artifact"}
LOW = GROUND | {"config", "results"}
# Rooms in braces do not use one another.
MIDDLE = {"features", "labels", "splits", "augment", "prepare", "metrics", "stats"}
ALLOWED: dict[str, set[str]] = {
    "exceptions": set(),
    "_load": {"exceptions"},
    "artifact": {"exceptions", "_load"},
    "config": GROUND,
    "results": GROUND,
    "bars": LOW,
    **dict.fromkeys(MIDDLE, LOW | {"bars"}),
    "dataset": LOW | {"bars"} | MIDDLE,
    # Where to decide: reads events of `features`, gives rows to `labels`.
    "sample": LOW | {"bars"} | MIDDLE,
    # What the old programs did, for tests and documentation; nothing uses it.
    "compat": LOW | {"bars"} | MIDDLE,
    "models": LOW | {"bars", "dataset"} | MIDDLE,
    # Many symbols on one clock: beside the dataset, which is of one symbol.
    "panel": LOW | {"bars", "features", "labels"},
    **dict.fromkeys(["verdict", "selection"], LOW | {"bars", "dataset", "models"} | MIDDLE),
    # The leak audit builds columns, labels and models of its own; of the rooms below the faces, training uses it.
    "audit": LOW | {"bars", "models"} | MIDDLE,
    # What models say about columns, measured on folds.
    "explain": LOW | {"models"} | MIDDLE,
    "execution": GROUND | {"results"},
    "training": LOW | {"bars", "dataset", "models", "verdict", "selection", "explain", "execution", "audit"} | MIDDLE,
    # Side rooms: they read results, and nothing below uses them.
    "reports": GROUND | {"results"},
    "plots": GROUND | {"bars", "features"},
    "importance_plots": GROUND | {"plots"},
    "deploy": GROUND | {"results", "bars", "features", "models"},
    "testing": GROUND | {"bars", "labels", "features", "audit", "splits"},
    # The faces see everything.
    "job": {"*"},
    "trainer": {"*"},
    "cli": {"*"},
    "__main__": {"cli"},
    "__init__": set(),
}
# An object that a record returns on request; the record itself holds plain values.
EXCEPTIONS = {("results", "verdict")}
FORBIDDEN_IN_TRAINING = {"matplotlib", "sqlalchemy", "mlflow", "ray"}
# `TrainingMonitor.save` and `plot_history()` of estimators draw when users call them; a training run never does.
DRAWS_ON_REQUEST = {"training/monitor.py", "models/_history_plot.py"}

# What may be imported when a module is imported (numpy and the standard library everywhere but in the command line).
HEAVY_ALLOWED = {
    "config": {"pydantic", "yaml"},
    "cli": {"cyclopts"},
    "models/estimators": {"sklearn", "scipy"},
    "prepare/transformers": {"sklearn"},
    "selection/transformers": {"sklearn"},
}


def imports(text: str) -> Iterator[tuple[int, str, bool]]:
    """(line, dotted module, whether it runs when the module is imported); skips `if TYPE_CHECKING` blocks."""

    def walk(node: ast.AST, top: bool) -> Iterator[tuple[int, str, bool]]:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            for child in node.orelse:
                yield from walk(child, top)
            return
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, top
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for alias in node.names:
                yield node.lineno, f"{module}.{alias.name}", top
        inner = top and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from walk(child, inner)

    yield from walk(ast.parse(text), True)


def room_of(path: Path, root: Path) -> str:
    return path.relative_to(root).parts[0].removesuffix(".py")


def reversed_arrows(root: Path) -> list[str]:
    """Offending imports as `file:line: room may not use room`."""
    found = []
    for path in sorted(root.rglob("*.py")):
        room = room_of(path, root)
        allowed = ALLOWED.get(room)
        for line, module, _ in imports(path.read_text(encoding="utf-8")):
            where = f"{path.relative_to(root)}:{line}"
            if allowed is None:
                found.append(f"{where}: room {room} is not in the list of arrows")
                break
            if module.startswith("."):
                found.append(f"{where}: relative import of {module}")
            parts = module.split(".")
            if parts[0] != "smctrain" or len(parts) < 2:
                continue
            other = parts[1]
            fine = other == room or other in allowed or "*" in allowed or (room, other) in EXCEPTIONS
            if not fine and (other in ALLOWED or not other.startswith("__")):
                found.append(f"{where}: {room} may not use {other}")
    return found


def test_no_python_arrow_is_reversed() -> None:
    assert reversed_arrows(PYTHON) == []


def test_a_reversed_arrow_is_found_wherever_it_hides(tmp_path: Path) -> None:
    (tmp_path / "bars").mkdir()
    (tmp_path / "bars" / "a.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from smctrain.models import X\n"
        "def f():\n    from smctrain import models\nclass C:\n    def g(self):\n        import smctrain.features.smc\n"
        "from ..labels import x\n"
    )
    (tmp_path / "new.py").write_text("import os\n")
    assert reversed_arrows(tmp_path) == [
        "bars/a.py:5: bars may not use models",
        "bars/a.py:8: bars may not use features",
        "bars/a.py:9: relative import of ..labels.x",
        "new.py:1: room new is not in the list of arrows",
    ]


def test_training_needs_no_drawing_tracking_or_database() -> None:
    found = [
        f"{path.relative_to(PYTHON)}:{line}: {module}"
        for room in ["training", "models", "dataset.py", "execution", "results.py", "config", "artifact"]
        for path in sorted([PYTHON / room] if room.endswith(".py") else (PYTHON / room).rglob("*.py"))
        for line, module, _ in imports(path.read_text(encoding="utf-8"))
        if module.split(".")[0] in FORBIDDEN_IN_TRAINING
        and not (path.relative_to(PYTHON).as_posix() in DRAWS_ON_REQUEST and module.startswith("matplotlib"))
    ]
    assert found == []


def test_importing_a_module_loads_no_heavy_library() -> None:
    found = []
    for path in sorted(PYTHON.rglob("*.py")):
        place = path.relative_to(PYTHON).as_posix()
        allowed = {"smctrain", "numpy"} | set(sys.stdlib_module_names)
        for prefix, extra in HEAVY_ALLOWED.items():
            if place.startswith(prefix + "/"):
                allowed |= extra
        for line, module, top in imports(path.read_text(encoding="utf-8")):
            if top and module.split(".")[0] not in allowed:
                found.append(f"{place}:{line}: {module} at module level")
    assert found == []


def test_foreign_trainers_are_never_imported() -> None:
    # Their native libraries are driven directly; their Python packages cost a second each and read their own files.
    found = [
        f"{path.relative_to(PYTHON)}:{line}: {module}"
        for path in sorted(PYTHON.rglob("*.py"))
        for line, module, _ in imports(path.read_text(encoding="utf-8"))
        if module.split(".")[0] in {"torch", "xgboost", "lightgbm"}
    ]
    assert found == []


# --- C++ ---------------------------------------------------------------------------------------------------------

_CPP_MIDDLE = {"labels", "splits", "augment", "prepare", "metrics", "stats", "panel", "audit"}
CPP_ALLOWED: dict[str, set[str]] = {
    "base": set(),
    "bars": {"base"},
    "features": {"base", "bars"},
    **{room: {"base", "bars"} for room in _CPP_MIDDLE},
    "models": {"base", "bars", "features"} | _CPP_MIDDLE,
    "selection": {"base", "bars", "models", "stats"},
    "artifact": {"base", "bars", "features", "models"} | _CPP_MIDDLE,
}
_INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^">]+)[">]', re.MULTILINE)


def reversed_includes(root: Path) -> list[str]:
    found = []
    for path in sorted([*root.rglob("*.h"), *root.rglob("*.cc")]):
        room, *inside = path.relative_to(root).parts
        text = path.read_text(encoding="utf-8")
        for match in _INCLUDE.finditer(text):
            where = f"{path.relative_to(root)}:{text.count(chr(10), 0, match.start(1)) + 1}"
            target = match[1].split("/")
            if target[0] in {"pybind11", "Python.h"} or target[0].startswith("bindings"):
                found.append(f"{where}: the core may not use {match[1]}")
            if target[0] != "smctrain":
                continue
            if room not in CPP_ALLOWED:
                found.append(f"{where}: room {room} is not in the list of arrows")
            elif target[1] != room and target[1] not in CPP_ALLOWED[room]:
                found.append(f"{where}: {room} may not use {target[1]}")
            elif room == target[1] == "models" and len(inside) > 1 and len(target) > 3 and target[2] != inside[0]:
                found.append(f"{where}: family {inside[0]} may not use family {target[2]}")
    return found


def test_no_include_is_reversed() -> None:
    assert reversed_includes(CPP) == []


def test_a_reversed_include_is_found(tmp_path: Path) -> None:
    for folder in ["labels", "models/forest", "models/boosting"]:
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "labels" / "a.h").write_text('#pragma once\n#include "smctrain/features/x.h"\n#include <vector>\n')
    (tmp_path / "models" / "forest" / "a.cc").write_text(
        '#include "smctrain/models/monitor.h"\n#include "smctrain/models/boosting/b.h"\n'
        "#include <pybind11/pybind11.h>\n"
    )
    assert reversed_includes(tmp_path) == [
        "labels/a.h:2: labels may not use features",
        "models/forest/a.cc:2: family forest may not use family boosting",
        "models/forest/a.cc:3: the core may not use pybind11/pybind11.h",
    ]


# --- what must not be there --------------------------------------------------------------------------------------

_DANGEROUS = re.compile(
    r"\b(?:cloudpickle|pickle|joblib|marshal|shelve|dill)\b|(?<![\w.>])(?:eval|exec|__import__)\(|\bos\.(?:system|popen)\("
    r"|yaml\.(?:load|unsafe_load|full_load)\(|torch\.load\(|torch::(?:jit::)?load|shell\s*=\s*True"
)


def dangerous_lines(paths: list[Path]) -> list[str]:
    return [
        f"{path.name}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if _DANGEROUS.search(line)
    ]


def test_no_source_runs_code_from_data() -> None:
    paths = [p for folder in ("python", "cpp") for p in sorted((ROOT / folder).rglob("*")) if p.suffix in
             {".py", ".cc", ".h", ".j2"}]  # fmt: skip
    assert len(paths) > 100
    assert dangerous_lines(paths) == []


@pytest.mark.parametrize(
    "line",
    ["import pickle", "x = eval(text)", "yaml.load(f)", "torch::load(net, path)", "torch::jit::load(p)",
     "subprocess.run(c, shell=True)", "from joblib import load", "exec(code)", "torch.load(f)"],
)  # fmt: skip
def test_the_scan_finds_each_of_them(line: str, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(f"x = 1\n{line}\n")
    assert dangerous_lines([tmp_path / "a.py"]) == [f"a.py:2: {line}"]


@pytest.mark.parametrize("line", ["net->eval();", "model.eval()", "evaluate(x)", "yaml.safe_load(f)", "re.compile(x)"])
def test_the_scan_leaves_harmless_lines_alone(line: str, tmp_path: Path) -> None:
    (tmp_path / "a.cc").write_text(line + "\n")
    assert dangerous_lines([tmp_path / "a.cc"]) == []
