"""The engine of forests: two-byte bins, codes and raw values, agreement with scikit-learn, progress, stop, memory."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier as PeerExtra
from sklearn.ensemble import RandomForestClassifier as PeerForest
from sklearn.metrics import roc_auc_score
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from smctrain import _load
from smctrain.exceptions import TrainingFailed
from smctrain.models import ExtraTreesClassifier, RandomForestClassifier
from smctrain.models._forest_common import estimate_bytes
from smctrain.models.base import FitTask
from smctrain.models.extra_trees import ExtraTreesTrainer
from smctrain.models.forest_regression import (
    ExtraTreesRegressorTrainer,
    QuantileForestTrainer,
    RandomForestRegressorTrainer,
)
from smctrain.models.random_forest import RandomForestTrainer, make_binned

EXACT = 65_535


def table(seed: int, n: int = 500, d: int = 6, missing: float = 0.0, values: int | None = None) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) if values is None else rng.integers(0, values, (n, d))
    X = X.astype(np.float32)
    X[rng.random(X.shape) < missing] = np.nan
    return X


def labels(X: NDArray[np.float32], k: int, seed: int) -> NDArray[np.int32]:
    rng = np.random.default_rng(seed + 1000)
    filled = np.nan_to_num(X)
    score = filled[:, 0] + filled[:, 1] * filled[:, 2] + rng.normal(size=len(X))
    return np.digitize(score, np.quantile(score, np.arange(1, k) / k)).astype(np.int32)


def task(X: NDArray[np.float32], y: NDArray[Any], **changes: Any) -> FitTask:
    n_classes = 0 if y.dtype == np.float64 else int(y.max()) + 1
    return FitTask(**{"X": X, "y": y, "rows": np.arange(len(X)), "n_classes": n_classes, **changes})


def arrays_equal(a: Any, b: Any) -> bool:
    first, second = a.to_state()[1], b.to_state()[1]
    return set(first) == set(second) and all(first[name].tobytes() == second[name].tobytes() for name in first)


# ---- two-byte bins ------------------------------------------------------------

TRAINERS: list[Any] = [
    RandomForestTrainer, ExtraTreesTrainer, RandomForestRegressorTrainer, ExtraTreesRegressorTrainer,
    QuantileForestTrainer,
]  # fmt: skip


@pytest.mark.parametrize("make", TRAINERS)
@pytest.mark.parametrize("missing", [0.0, 0.15])
@pytest.mark.parametrize("kind", ["plain", "weighted", "many classes", "deep"])
def test_two_byte_codes_grow_the_forest_of_byte_codes(make: Any, missing: float, kind: str) -> None:
    X = table(1, missing=missing, values=40)  # as many bins as values, whatever the width
    y: NDArray[Any] = labels(X, 9 if kind == "many classes" else 3, 1)
    if "Regressor" in make.family:
        y = np.nan_to_num(X[:, 0]).astype(np.float64) + y
    weight = np.random.default_rng(2).uniform(0.5, 2, len(X)) if kind == "weighted" else None
    limits: dict[str, Any] = {"max_depth": None, "min_samples_leaf": 1, "min_samples_split": 2}
    settings = {"n_estimators": 4, **(limits if kind == "deep" else {})}
    job = task(X, y, weight=weight)
    narrow, wide = make(**settings, n_bins=255).fit(job), make(**settings, n_bins=EXACT).fit(job)
    assert arrays_equal(narrow, wide)


def test_two_byte_codes_are_ranks_and_missing_is_the_last() -> None:
    X = table(3, n=700, d=2, missing=0.1)
    native = make_binned(X, np.arange(400), n_bins=300).native
    codes = native.codes()
    assert codes.dtype == np.uint16
    for j in range(2):
        edges, column = native.edges(j), X[:, j]
        assert len(edges) == 299
        expected = np.where(np.isnan(column), 65_535, np.searchsorted(edges, column, side="left"))
        np.testing.assert_array_equal(codes[j], expected)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("depth", [1, 4, None])
def test_with_a_bin_for_every_value_trees_are_those_of_an_exact_search(weighted: bool, depth: int | None) -> None:
    X = table(5, n=900, d=4)
    y = labels(X, 3, 5)
    weight = np.random.default_rng(6).uniform(0.5, 2, len(X)) if weighted else None
    settings: dict[str, Any] = {"max_depth": depth, "min_samples_split": 2, "min_samples_leaf": 8}
    whole = {"n_estimators": 1, "bootstrap": False, "max_features": None, "n_bins": EXACT}
    ours = RandomForestTrainer(**settings, **whole, class_weight=None).fit(task(X, y, weight=weight))
    peer = DecisionTreeClassifier(**settings, random_state=0).fit(X, y, sample_weight=weight)
    same = np.abs(ours.predict_proba(X) - peer.predict_proba(X)).max(axis=1) < 1e-9
    assert same.mean() > (0.9 if depth is None else 0.99)  # equally good splits of small nodes may differ
    assert len(ours.to_state()[1]["leaf_share"]) == peer.get_n_leaves()
    z = X[:, 0].astype(np.float64) + y
    ours_z = RandomForestRegressorTrainer(**settings, **whole).fit(task(X, z, weight=weight))
    peer_z = DecisionTreeRegressor(**settings, random_state=0).fit(X, z, sample_weight=weight)
    assert (np.abs(ours_z.predict(X) - peer_z.predict(X)) < 1e-9).mean() > 0.9


# ---- codes and raw values -------------------------------------------------------


def leaf_by_codes(arrays: dict[str, NDArray[Any]], edges: list[NDArray[Any]], codes: NDArray[Any], row: int) -> int:
    """Leaf of a row in the first tree, by codes alone."""
    at, missing = 0, np.iinfo(codes.dtype).max
    while arrays["feature"][at] >= 0:
        j = arrays["feature"][at]
        code = codes[j, row]
        last = np.searchsorted(edges[j], arrays["threshold"][at], side="left")  # the edge that is the threshold
        left = arrays["missing_left"][at] == 1 if code == missing else code <= last
        at = arrays["left"][at] + (0 if left else 1)
    return int(arrays["left"][at])


@pytest.mark.parametrize("n_bins", [5, 255, EXACT])
@pytest.mark.parametrize("seed", range(4))
def test_prediction_on_codes_is_prediction_on_values(n_bins: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    tiny = np.float32(1e-45)  # the least denormal
    odd = np.array([0.0, -0.0, tiny, -tiny, 1e-40, 3e38, -3e38, 1.0, np.nextafter(np.float32(1), np.float32(2))])
    X = np.where(rng.random((400, 4)) < 0.5, rng.choice(odd, (400, 4)), rng.normal(size=(400, 4))).astype(np.float32)
    X[rng.random(X.shape) < 0.1] = np.nan
    y = rng.integers(0, 2, 400).astype(np.int32)
    train = np.arange(300)
    first = RandomForestTrainer(n_estimators=1, n_bins=n_bins, min_samples_leaf=2, min_samples_split=4)
    thresholds = first.fit(task(X, y, rows=train, seed=seed)).to_state()[1]
    for k, j in enumerate(thresholds["feature"][:90]):  # rows that lie exactly on thresholds
        if j >= 0:
            X[300 + k, j] = thresholds["threshold"][k]
    fitted = first.fit(task(X, y, rows=train, seed=seed))
    arrays = fitted.to_state()[1]
    assert arrays["threshold"].tobytes() == thresholds["threshold"].tobytes()
    native = make_binned(X, train, n_bins=n_bins).native
    edges, codes = [native.edges(j) for j in range(4)], native.codes()
    expected = [arrays["leaf_share"][leaf_by_codes(arrays, edges, codes, row)] for row in range(len(X))]
    np.testing.assert_array_equal(fitted.predict_proba(X), expected)


@pytest.mark.parametrize("n_bins", [20, 255, EXACT])
def test_bins_are_the_same_for_any_number_of_threads(n_bins: int) -> None:
    X = table(8, n=9000, d=19, missing=0.05)
    one, four = (make_binned(X, np.arange(0, 9000, 2), threads, n_bins).native for threads in (1, 4))
    np.testing.assert_array_equal(one.codes(), four.codes())
    assert all(one.edges(j).tobytes() == four.edges(j).tobytes() for j in range(19))


# ---- agreement with scikit-learn ------------------------------------------------


@pytest.mark.parametrize("class_weight", [None, "balanced", "balanced_subsample", {0: 1.0, 1: 3.0, 2: 0.5}])
@pytest.mark.parametrize("min_samples_leaf", [1, 12])
def test_forests_agree_with_scikit_learn_over_data_sets_and_seeds(class_weight: Any, min_samples_leaf: int) -> None:
    gaps, losses = [], []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        X = [table, lambda s, n: table(s, n, values=6), lambda s, n: np.exp(table(s, n))][seed % 3](seed, 1500)
        y = labels(X, 3, seed)
        y[(y == 2) & (rng.random(len(y)) < 0.6)] = 0  # classes of different size
        common: dict[str, Any] = {
            "n_estimators": 60, "max_depth": 9, "min_samples_split": 2 * min_samples_leaf, "max_features": "sqrt",
            "min_samples_leaf": min_samples_leaf, "max_samples": 0.8, "class_weight": class_weight,
        }  # fmt: skip
        ours = RandomForestClassifier(**common, random_state=seed).fit(X[:750], y[:750]).predict_proba(X[750:])
        peer = PeerForest(**common, random_state=seed).fit(X[:750], y[:750]).predict_proba(X[750:])
        score = [roc_auc_score(y[750:], proba, multi_class="ovr") for proba in (ours, peer)]
        gaps.append(score[0] - score[1])
        picked = [np.log(np.maximum(proba[np.arange(750), y[750:]], 1e-3)).mean() for proba in (ours, peer)]
        losses.append(picked[0] - picked[1])
    # A seed alone moves the mean of four such scores by 0.004 (log loss 0.006); a class weight left out by 0.1.
    assert abs(np.mean(gaps)) < 0.012
    assert abs(np.mean(losses)) < 0.03


def test_weights_that_depend_on_the_class_alone_are_class_weights() -> None:
    X = table(4)
    y = labels(X, 3, 4)
    of_class = np.array([1.0, 4.0, 0.25])
    weight = of_class[y]
    nearly = weight.copy()
    nearly[0] *= 1 + 1e-9  # rows now weigh differently: the general way
    trainer = RandomForestTrainer(n_estimators=10)
    for class_weight in (None, "balanced", "balanced_subsample"):
        settings = replace(trainer, class_weight=class_weight)
        quick, general = (settings.fit(task(X, y, weight=w)) for w in (weight, nearly))
        np.testing.assert_allclose(quick.predict_proba(X), general.predict_proba(X), atol=1e-6)


def test_extra_trees_agree_with_scikit_learn_on_heavy_tails() -> None:
    gaps, few = [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        X = rng.standard_t(2.0, size=(1600, 6)).astype(np.float32)
        score = np.arctan(X[:, 0]) + np.arctan(X[:, 1]) * np.sign(X[:, 2]) + 0.5 * rng.normal(size=1600)
        y = (score > 0).astype(np.int32)
        common: dict[str, Any] = {"n_estimators": 60, "max_depth": 10, "min_samples_leaf": 5, "class_weight": None}
        peer = PeerExtra(**common, random_state=seed).fit(X[:800], y[:800]).predict_proba(X[800:])[:, 1]
        by_bins = []
        for bins in ({}, {"max_bins": 255}):
            ours = ExtraTreesClassifier(**common, **bins, min_samples_split=2, random_state=seed)
            proba = ours.fit(X[:800], y[:800]).predict_proba(X[800:])[:, 1]
            by_bins.append(roc_auc_score(y[800:], proba) - roc_auc_score(y[800:], peer))
        gaps.append(by_bins[0])
        few.append(by_bins[1])
    assert abs(np.mean(gaps)) < 3 * np.std(gaps) / np.sqrt(5) + 0.003
    assert np.mean(few) > np.mean(gaps)  # fewer bins tame extreme values: another law


# ---- progress and stop ----------------------------------------------------------


def test_progress_rises_and_ends_with_all_trees() -> None:
    X = table(1, n=3000, d=12)
    seen: list[tuple[int, int]] = []
    job = task(X, labels(X, 3, 1), threads=2, progress=lambda done, total: seen.append((done, total)))
    RandomForestTrainer(n_estimators=400).fit(job)
    done = [at for at, _ in seen]
    assert {total for _, total in seen} == {400}
    assert done == sorted(done)
    assert done[-1] == 400


def test_an_error_in_the_progress_function_ends_the_fit_and_comes_back() -> None:
    X = table(1, n=2000)

    def progress(done: int, total: int) -> None:
        raise ValueError("enough")

    with pytest.raises(ValueError, match="enough"):
        RandomForestTrainer(n_estimators=100_000).fit(task(X, labels(X, 3, 1), progress=progress))


@pytest.mark.parametrize("make", TRAINERS)
def test_a_stop_flag_set_by_progress_leaves_whole_trees(make: Any) -> None:
    X = table(1, n=2000)
    y: NDArray[Any] = labels(X, 3, 1)
    if "Regressor" in make.family:
        y = y.astype(np.float64)
    flag = np.zeros(1, dtype=np.uint8)

    def progress(done: int, total: int) -> None:
        flag[0] = 1

    fitted = make(n_estimators=50_000).fit(task(X, y, stop=flag, progress=progress))
    assert fitted.stop_reason == "cancelled"
    assert 0 < fitted.n_trees < 50_000
    assert not fitted.complete
    assert np.isfinite(fitted.native.predict_proba(X, None, 1)).all()


def test_a_flag_that_is_set_ends_the_binning() -> None:
    X = table(2, n=150_000, d=20)
    with pytest.raises(TrainingFailed, match="binned"):
        make_binned(X, np.arange(len(X)), stop=np.ones(1, dtype=np.uint8))


def test_the_flag_ends_one_large_tree() -> None:
    X = table(2, n=150_000, d=20)
    y = np.random.default_rng(1).integers(0, 2, len(X)).astype(np.int32)
    binned = make_binned(X, np.arange(len(X)))
    settings: dict[str, Any] = {"max_depth": None, "min_samples_leaf": 1, "min_samples_split": 2, "bootstrap": False}
    trainer = RandomForestTrainer(n_estimators=1, max_features=None, **settings)
    started = time.monotonic()
    trainer.fit(task(X, y, binned=binned))
    whole = time.monotonic() - started
    # However fast or busy the machine: some part of the time that the whole tree took lies inside the next one.
    for share in (0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01):
        flag = np.zeros(1, dtype=np.uint8)
        timer = threading.Timer(share * whole, flag.__setitem__, (0, 1))
        timer.start()
        outcome = ""
        try:
            trainer.fit(task(X, y, stop=flag, binned=binned))
        except TrainingFailed as error:
            outcome = str(error)
        timer.cancel()
        timer.join()
        if outcome:
            break
    assert "cancelled" in outcome, "no flag ended the tree between its first and its last node"


# ---- determinism and memory ------------------------------------------------------

_ANOTHER_PROCESS = """
import hashlib, sys
sys.path[:0] = {path!r}
import numpy as np
from smctrain.models.base import FitTask
from smctrain.models.random_forest import RandomForestTrainer
rng = np.random.default_rng(3)
X = rng.normal(size=(1200, 9)).astype(np.float32)
y = (X[:, 0] + rng.normal(size=1200) > 0).astype(np.int32)
task = FitTask(X=X, y=y, rows=np.arange(1200), n_classes=2, threads={threads})
arrays = RandomForestTrainer(n_estimators=15, n_bins={bins}).fit(task).to_state()[1]
digest = hashlib.sha256(b"".join(arrays[name].tobytes() for name in sorted(arrays)))
print(digest.hexdigest())
"""


@pytest.mark.parametrize("bins", [255, EXACT])
def test_another_process_grows_the_same_forest(bins: int) -> None:
    scripts = [_ANOTHER_PROCESS.format(path=sys.path, threads=threads, bins=bins) for threads in (1, 3)]
    found = [subprocess.run([sys.executable, "-c", s], capture_output=True, text=True, check=True) for s in scripts]
    assert found[0].stdout == found[1].stdout != ""


_PEAK = """
import re, sys
sys.path[:0] = {path!r}
import numpy as np
from smctrain.models.base import FitTask
from smctrain.models.random_forest import RandomForestTrainer
n, d = {n}, {d}
rng = np.random.default_rng(3)
X = rng.standard_normal((n, d), dtype=np.float32)
y = rng.integers(0, {k}, n).astype(np.int32)
small = FitTask(X=X[:200], y=y[:200], rows=np.arange(200), n_classes={k})
RandomForestTrainer(n_estimators=1).fit(small)
task = FitTask(X=X, y=y, rows=np.arange(n), n_classes={k}, threads={threads})
def told(name):
    return 1024 * int(re.search(name + r":\\s+(\\d+)", open("/proc/self/status").read())[1])
before = told("VmHWM")
RandomForestTrainer(n_estimators={trees}, max_depth={depth}, min_samples_leaf={leaf}, min_samples_split=2,
                    max_samples=None, oob_score={oob}, n_bins={bins}).fit(task)
print(told("VmHWM") - before)
"""


@pytest.mark.parametrize(
    "case",
    [
        {"n": 40_000, "d": 60, "k": 3, "trees": 20, "depth": 10, "leaf": 1, "threads": 1, "oob": False, "bins": 255},
        {"n": 20_000, "d": 20, "k": 3, "trees": 30, "depth": None, "leaf": 1, "threads": 2, "oob": True, "bins": 255},
        {"n": 40_000, "d": 40, "k": 2, "trees": 10, "depth": 12, "leaf": 5, "threads": 2, "oob": False, "bins": EXACT},
    ],
)
def test_the_estimate_of_memory_bounds_the_peak(case: dict[str, Any]) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("peak memory is read as Linux tells it")
    script = _PEAK.format(path=sys.path, **case)
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    peak = int(told.stdout)
    estimate = estimate_bytes(
        case["n"], case["d"], case["trees"], case["k"], case["depth"], min_samples_leaf=case["leaf"],
        n_drawn=case["n"], n_bins=case["bins"], threads=case["threads"], oob_score=case["oob"],
    )  # fmt: skip
    assert peak <= estimate
    assert estimate <= 3 * peak + 10_000_000


def test_native_binning_keeps_its_short_form() -> None:
    X = table(1)
    assert _load.core().bin_matrix(X, np.arange(len(X)), 255, 1).n_rows == len(X)
