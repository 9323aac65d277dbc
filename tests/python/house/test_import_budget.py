"""What `import smctrain` and `smctrain --help` may cost: CPU seconds and loaded libraries."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

FORBIDDEN = {"numpy", "pydantic", "sklearn", "pandas", "torch", "optuna", "sqlalchemy", "matplotlib", "scipy",
             "pyarrow", "xgboost", "yaml", "polars", "narwhals"}  # fmt: skip

MEASURE = """
import resource, sys, json
def used():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
before = used()
{code}
seconds = used() - before
loaded = sorted({{name.partition(".")[0] for name in sys.modules}})
print(json.dumps({{"seconds": seconds, "loaded": loaded}}), file=sys.stderr)
"""
IMPORT = "import smctrain"
HELP = "from smctrain.cli import main\nassert main(['--help']) == 0"


def measure(code: str) -> tuple[float, set[str], str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, "-c", MEASURE.format(code=code)], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stderr.splitlines()[-1])
    return result["seconds"], set(result["loaded"]), done.stdout


@pytest.mark.parametrize(("code", "budget"), [(IMPORT, 0.15), (HELP, 0.30)], ids=["import", "help"])
def test_cpu_time_stays_in_the_budget(code: str, budget: float) -> None:
    # CPU time of the child, best of five: other processes on the machine do not count.
    assert min(measure(code)[0] for _ in range(5)) < budget


@pytest.mark.parametrize("code", [IMPORT, HELP], ids=["import", "help"])
def test_nothing_heavy_is_loaded(code: str) -> None:
    assert measure(code)[1] & FORBIDDEN == set()


def test_help_names_all_commands() -> None:
    shown = measure(HELP)[2]
    for command in ["demo", "train", "check", "features", "predict", "report", "config", "models", "version"]:
        assert command in shown


def test_every_public_name_is_found_on_first_use() -> None:
    code = """
import smctrain
missing = []
for name in dir(smctrain):
    try:
        getattr(smctrain, name)
    except Exception as error:
        missing.append(f"{name}: {error!r}")
assert not missing, missing
"""
    measure(code)


def test_an_unknown_name_is_an_attribute_error() -> None:
    import smctrain

    with pytest.raises(AttributeError, match="no_such_name"):
        smctrain.no_such_name  # noqa: B018
