"""Folds side by side and preparation shared by families: not a bit differs from fitting each family alone in a loop."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from smctrain.config import resolve
from smctrain.dataset import Dataset, make_dataset
from smctrain.exceptions import InputError
from smctrain.features import build_features
from smctrain.models import _forest_common as forest_common
from smctrain.models.base import FitTask
from smctrain.models.registry import make_trainer
from smctrain.prepare import Preparation
from smctrain.testing.market import simulate_market
from smctrain.training import prepared as prepared_module
from smctrain.training.bounds import Bounds, seed_of
from smctrain.training.fitting import Fitter
from smctrain.training.parts import Parts, make_parts
from smctrain.training.prepared import FoldStore
from smctrain.training.symbol import feature_spec, make_labels

FAMILIES = ["RandomForest", "ExtraTrees", "XGBoost", "LightGBM", "LogisticRegression"]
FEW: dict[str, Any] = {
    "random_forest.n_estimators": 4, "extra_trees.n_estimators": 4, "xgboost.n_estimators": 5,
    "lightgbm.n_estimators": 5, "cv.folds": 3, "features.higher": [], "augmentation.enabled": False,
}  # fmt: skip


@pytest.fixture(scope="module")
def case() -> tuple[Dataset, Parts, Any]:
    config = resolve(overrides={**FEW, "models": FAMILIES}).config
    bars = simulate_market(1, 1500)["SIM1"].base
    features = build_features(bars, feature_spec(bars, config))
    data = make_dataset("SIM1", features, make_labels(bars, config), bars.segment, 100)
    return data, make_parts(data, config, bars.time), config


def bounds(threads: int, seconds: float = 100.0) -> Bounds:
    return Bounds(42, threads, np.zeros(1, dtype=np.uint8), time.monotonic() + seconds)


def fitter(case: tuple[Dataset, Parts, Any], family: str, threads: int, store: FoldStore | None = None) -> Fitter:
    data, parts, config = case
    prepare = Preparation.fit(data.X, parts.train, data.names)
    trainer = make_trainer(family, config.family_settings(family))
    return Fitter(data, parts, trainer, config, bounds(threads), prepare, lambda *_: None, store)


def plain_loop(case: tuple[Dataset, Parts, Any], family: str) -> NDArray[np.float64]:
    """The obvious way: every fold prepares, fits and predicts by itself."""
    data, parts, config = case
    trainer = make_trainer(family, config.family_settings(family))
    proba = np.full((len(data.X), len(parts.label_map.classes)), np.nan)
    for number, fold in enumerate(parts.folds):
        rows = np.union1d(fold.fit, fold.stop)
        prepare = Preparation.fit(data.X, rows, data.names)
        X = prepare.transform(data.X) if trainer.needs_scaling else prepare.select(data.X)
        fit, stop = (fold.fit, fold.stop) if trainer.uses_stop_rows else (rows, rows[:0])
        task = FitTask(
            X=X, y=parts.y, rows=fit, stop_rows=stop, n_classes=proba.shape[1], segment=data.segment,
            seed=seed_of(42, data.symbol, family, f"fold{number}/0"),
        )  # fmt: skip
        proba[fold.test] = trainer.fit(task).predict_proba(X, fold.test, data.segment)
    return proba


@pytest.mark.parametrize("budget", [1 << 30, 0])
@pytest.mark.parametrize("threads", [1, 2, 8])
def test_folds_equal_the_plain_loop_for_any_threads_and_any_budget(
    case: tuple[Dataset, Parts, Any], threads: int, budget: int
) -> None:
    store = FoldStore(case[0], budget)
    for family in FAMILIES:
        outcome = fitter(case, family, threads, store).cross_validate(augmented=False, repeat=0)
        np.testing.assert_array_equal(outcome.proba, plain_loop(case, family))
        assert len(outcome.accuracies) == 3
        assert outcome.note == ""


def test_final_models_are_the_same_for_any_threads(case: tuple[Dataset, Parts, Any]) -> None:
    for family in FAMILIES:
        one, two = (fitter(case, family, threads).run().model.to_state()[1] for threads in (1, 2))
        assert all(one[name].tobytes() == two[name].tobytes() for name in one)


def test_families_share_what_a_fold_learned(case: tuple[Dataset, Parts, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    binned: list[int] = []
    inner, fit = forest_common.make_binned, Preparation.fit
    prepared: list[int] = []

    def spy_bins(X: Any, rows: Any, *rest: Any) -> Any:
        binned.append(len(rows))
        return inner(X, rows, *rest)

    class Spy(Preparation):
        @classmethod
        def fit(cls, X: Any, rows: Any, names: Any, *rest: Any, **more: Any) -> Any:
            prepared.append(len(rows))
            return fit(X, rows, names, *rest, **more)

    monkeypatch.setattr(forest_common, "make_binned", spy_bins)
    monkeypatch.setattr(prepared_module, "Preparation", Spy)
    store = FoldStore(case[0])
    for family in FAMILIES:
        each = fitter(case, family, 2, store)
        if family == "ExtraTrees":  # by default it has bins of its own, one for each value
            each.trainer = make_trainer(family, {"n_estimators": 4, "n_bins": 255})
        each.run()
    assert len(prepared) == 3
    assert len(binned) == 4  # three folds and the final rows, for two forests


def test_the_store_keeps_no_more_than_its_budget_and_gives_back_what_is_dropped(
    case: tuple[Dataset, Parts, Any],
) -> None:
    data, parts, _ = case
    rows = [np.union1d(fold.fit, fold.stop) for fold in parts.folds]
    width = len(Preparation.fit(data.X, rows[0], data.names).kept)
    store = FoldStore(data, budget=11 * len(data.X) * width)
    first = store.of(rows[0])
    assert first.values(False) is first.values(False)
    assert first.values(True) is first.values(True)
    assert first.codes() is not None
    second = store.of(rows[1])
    assert second.values(False) is not second.values(False)
    assert second.codes() is None
    np.testing.assert_array_equal(second.values(True), second.prepare.transform(data.X))
    store.keep_for([make_trainer("LogisticRegression")])  # reads scaled values only
    kept = first.values(True)
    assert kept is first.values(True)
    assert second.values(True) is second.values(True)
    assert store.of(rows[0]) is first


@pytest.mark.parametrize("threads", [1, 2])
def test_a_failing_fold_fails_its_family_and_says_why(case: tuple[Dataset, Parts, Any], threads: int) -> None:
    class Broken:
        family, needs_scaling, is_sequence, uses_stop_rows = "RandomForest", False, False, False

        def fit(self, task: FitTask) -> Any:
            raise InputError(f"rows {len(task.rows)} are not liked.")

    data, parts, config = case
    trainer: Any = Broken()
    broken = Fitter(data, parts, trainer, config, bounds(threads), Preparation.fit(data.X, parts.train, data.names),
                    lambda *_: None)  # fmt: skip
    with pytest.raises(InputError, match="are not liked"):
        broken.cross_validate(augmented=False, repeat=0)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_stop_before_the_folds_leaves_a_note(case: tuple[Dataset, Parts, Any], threads: int) -> None:
    stopped = fitter(case, "RandomForest", threads)
    stopped.bounds.stop[0] = 1
    outcome = stopped.cross_validate(augmented=False, repeat=0)
    assert outcome.note == "stopped after 0 of 3 folds"
    assert outcome.accuracies == []
