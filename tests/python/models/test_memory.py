"""Memory: an estimate before the start, MemoryError instead of death."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smctrain.exceptions import NotEnoughMemory, SmctrainError
from smctrain.models import memory
from smctrain.models.base import FitTask
from smctrain.models.estimators.linear_regressors import ElasticNet
from smctrain.models.lightgbm import LightGBMTrainer
from smctrain.models.linear import LogisticRegressionTrainer
from smctrain.models.neural_network import NeuralNetworkTrainer
from smctrain.models.random_forest import RandomForestTrainer
from smctrain.models.xgboost import XGBoostTrainer, estimate_bytes

GIB = 1 << 30


def fake_machine(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, limit: str = "max", cgroup: str = "0::/job\n"
) -> None:
    proc, group = folder / "proc", folder / "cgroup"
    (proc / "self").mkdir(parents=True)
    (proc / "meminfo").write_text("MemTotal: 99 kB\nMemAvailable:   8388608 kB\n")
    (proc / "self" / "cgroup").write_text(cgroup)
    (proc / "self" / "status").write_text("VmSize:\t  1048576 kB\n")
    for place, most in ((group / "job", limit), (group / "memory" / "job", limit)):
        place.mkdir(parents=True)
        for name in ("memory.max", "memory.limit_in_bytes"):
            (place / name).write_text(most)
        for name in ("memory.current", "memory.usage_in_bytes"):
            (place / name).write_text(str(3 * GIB))
        (place / "memory.stat").write_text(f"anon 1\ninactive_file {GIB}\ntotal_inactive_file {GIB}\n")
    monkeypatch.setattr(memory, "_PROC", proc)
    monkeypatch.setattr(memory, "_CGROUP", group)
    monkeypatch.delenv("SMCTRAIN_MEMORY_CHECK", raising=False)


@pytest.mark.parametrize("cgroup", ["0::/job\n", "7:cpu:/x\n5:memory:/job\n"])
def test_available_is_the_least_of_system_and_control_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cgroup: str
) -> None:
    fake_machine(tmp_path, monkeypatch, limit=str(5 * GIB), cgroup=cgroup)
    assert memory.available_bytes() == 3 * GIB  # limit - use + cache that can be dropped
    (tmp_path / "proc" / "meminfo").write_text("MemAvailable: 1024 kB\n")
    assert memory.available_bytes() == 1 << 20


def test_without_limits_the_system_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_machine(tmp_path, monkeypatch)
    assert memory.available_bytes() == 8 * GIB


def test_a_fit_that_cannot_fit_is_refused_before_it_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_machine(tmp_path, monkeypatch)
    (tmp_path / "proc" / "meminfo").write_text("MemAvailable: 1024 kB\n")
    X = np.zeros((1000, 400), dtype=np.float32)
    X[:500, 0] = 1
    given = FitTask(X=X, y=(X[:, 0] > 0).astype(np.int32), rows=np.arange(1000), n_classes=2)
    big: list[tuple[Any, str]] = [
        (
            XGBoostTrainer(max_depth=12),
            "XGBoost needs about .* of memory for this fit, but 1 MiB are available: use fewer",
        ),
        (LightGBMTrainer(num_leaves=2000, min_child_samples=1), "LightGBM needs about"),
    ]
    for trainer, message in big:
        with pytest.raises(NotEnoughMemory, match=message) as caught:
            trainer.fit(given)
        assert isinstance(caught.value, MemoryError)
        assert isinstance(caught.value, SmctrainError)
    with pytest.raises(NotEnoughMemory, match="RandomForest needs about"):
        RandomForestTrainer(n_estimators=5000, max_depth=None, min_samples_split=2, min_samples_leaf=1).fit(given)
    n = 4000
    wide = FitTask(
        X=np.zeros((n, 3000), np.float32), y=np.arange(n, dtype=np.int32) % 2, rows=np.arange(n), n_classes=2
    )
    with pytest.raises(NotEnoughMemory, match="LogisticRegression needs about"):
        LogisticRegressionTrainer().fit(wide)
    with pytest.raises(NotEnoughMemory, match="ElasticNet needs about"):
        ElasticNet().fit(wide.X, wide.y)
    with pytest.raises(NotEnoughMemory, match="NeuralNetwork needs about"):
        NeuralNetworkTrainer(hidden_dims=(4000, 4000)).fit(given)
    # Small fits are not asked, and the check can be switched off.
    assert XGBoostTrainer(n_estimators=2, max_depth=2).fit(given).complete
    monkeypatch.setenv("SMCTRAIN_MEMORY_CHECK", "0")
    assert LightGBMTrainer(n_estimators=2, num_leaves=2000, min_child_samples=1).fit(given).complete


def test_the_estimate_grows_with_what_makes_a_fit_large() -> None:
    def of(n: int = 10_000, d: int = 50, **settings: Any) -> int:
        X = np.zeros((n, d), dtype=np.float32)
        return estimate_bytes(XGBoostTrainer(**settings), FitTask(X=X, y=X[:, 0], rows=np.arange(n), n_classes=2))

    assert of(n=20_000) > of()
    assert of(d=100) > of()
    assert of(max_depth=10) > of()
    assert of(max_bin=1024) > of()


SCRIPT = """
import resource, sys
import numpy as np
from smctrain.models.base import FitTask
from smctrain.models.{module} import {trainer} as Trainer

rng = np.random.default_rng(0)
X = rng.normal(size=(40_000, 20)).astype(np.float32)
y = (X[:, 0] + rng.normal(size=len(X)) > 0).astype(np.int32)
task = FitTask(X=X, y=y, rows=np.arange(len(X)), n_classes=2, threads={threads})
trainer = Trainer({settings})
small = FitTask(X=X[:500], y=y[:500], rows=np.arange(500), n_classes=2)
reference = trainer.fit(small).predict_proba(X[:50])  # everything is loaded now
with open("/proc/self/status") as status:
    size = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmSize"))
_, hard = resource.getrlimit(resource.RLIMIT_AS)
refused = finished = 0
for extra in (0, 1, 3, 6, 12, 24, 600):
    resource.setrlimit(resource.RLIMIT_AS, (size + (extra << 20), hard))
    try:
        trainer.fit(task)
        finished += 1
    except MemoryError:
        refused += 1
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
assert refused and finished, (refused, finished)
assert np.array_equal(trainer.fit(small).predict_proba(X[:50]), reference)
print("alive", refused, finished)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs RLIMIT_AS")
@pytest.mark.parametrize(
    ("module", "trainer", "settings", "threads"),
    [
        ("xgboost", "XGBoostTrainer", "n_estimators=2", 1),
        ("xgboost", "XGBoostTrainer", "n_estimators=2", 2),
        ("lightgbm", "LightGBMTrainer", "n_estimators=2", 1),
        ("random_forest", "RandomForestTrainer", "n_estimators=2", 1),
        ("linear", "LogisticRegressionTrainer", "max_iter=3", 1),
        ("linear", "FTRLTrainer", "", 1),
    ],
)
def test_memory_that_runs_out_is_a_MemoryError_and_the_process_lives(
    module: str, trainer: str, settings: str, threads: int
) -> None:
    code = SCRIPT.format(module=module, trainer=trainer, settings=settings, threads=threads)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False,
        # Large blocks come from the system one by one, not from what the allocator keeps.
        env={**os.environ, "SMCTRAIN_MEMORY_CHECK": "0", "MALLOC_MMAP_THRESHOLD_": "65536"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("alive")
