"""Columns are chosen on a fold's training rows alone, and used only where that costs nothing."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from smctrain.config import resolve
from smctrain.dataset import Dataset, make_dataset
from smctrain.exceptions import ConfigError, TooFewColumns
from smctrain.features import build_features
from smctrain.models.registry import make_trainer
from smctrain.prepare import Preparation
from smctrain.testing.market import simulate_market
from smctrain.training.choosing import FeatureChoice, decide
from smctrain.training.fitting import Bounds, Fitter
from smctrain.training.parts import Parts, make_parts
from smctrain.training.prepared import Prepared
from smctrain.training.symbol import feature_spec, make_labels

QUICK = {"selection.features.repeats": 6, "selection.features.pairs": 2, "random_forest.n_estimators": 5}
METHODS = ["score", "stability", "boruta", "default"]


def small_case(method: str, **more: Any) -> tuple[Dataset, Parts, Any]:
    config = resolve(
        overrides=QUICK
        | {"selection.features.method": method, "cv.folds": 3, "features.higher": [], "models": ["rf"]}
        | more
    ).config
    bars = simulate_market(1, 2000)["SIM1"].base
    features = build_features(bars, feature_spec(bars, config))
    data = make_dataset("SIM1", features, make_labels(bars, config), bars.segment, 100)
    return data, make_parts(data, config, bars.time), config


def fitter_of(data: Dataset, parts: Parts, config: Any, threads: int = 1) -> Fitter:
    trainer = make_trainer("RandomForest", config.family_settings("RandomForest"))
    bounds = Bounds(42, threads, np.zeros(1, dtype=np.uint8), time.monotonic() + 100.0)
    prepare = Preparation.fit(data.X, parts.train, data.names)
    choice = FeatureChoice(config, data.X, parts.y, len(parts.label_map.classes), parts.horizon, 7)
    return Fitter(data, parts, trainer, config, bounds, prepare, lambda *_: None, choice=choice)


def whole(fitter: Fitter, parts: Parts) -> Prepared:
    return fitter.store.of(parts.train, fitted=fitter.prepare)


def records_of(data: Dataset, parts: Parts, config: Any, threads: int = 1) -> list[dict[str, Any]]:
    fitter = fitter_of(data, parts, config, threads)
    fitter.chooses = True
    fitter.cross_validate(augmented=False, repeat=0)
    return fitter.records


@pytest.mark.parametrize("method", METHODS)
def test_held_out_rows_never_change_the_columns_chosen_for_their_fold(method: str) -> None:
    data, parts, config = small_case(method)
    honest = records_of(data, parts, config)
    assert records_of(data, parts, config) == honest
    rng = np.random.default_rng(0)
    changed = 0
    for number, fold in enumerate(parts.folds):
        held_out = np.arange(fold.test[0], data.t1[fold.test].max() + 1)
        X, y = data.X.copy(), parts.y.copy()
        X[held_out] = rng.standard_normal((len(held_out), X.shape[1]))
        y[fold.test] = rng.permutation(y[fold.test])
        other = records_of(replace(data, X=X), replace(parts, y=y), config)
        assert other[number] == honest[number]  # columns, reasons and importances
        changed += sum(other[i] != honest[i] for i in range(len(honest)) if i != number)
    assert changed


def test_validation_and_test_rows_never_change_the_final_choice() -> None:
    data, parts, config = small_case("boruta")

    def final(data: Dataset, parts: Parts) -> list[str]:
        fitter = fitter_of(data, parts, config)
        fitter.chooses = True
        return fitter.chosen(whole(fitter, parts), parts.train, 1)[0].prepare.kept_names

    X, y = data.X.copy(), parts.y.copy()
    after = np.arange(data.t1[parts.train].max() + 1, len(X))
    X[after] = 0.0
    y[after] = 0
    assert len(after) > 200
    assert final(replace(data, X=X), replace(parts, y=y)) == final(data, parts)


def test_every_column_is_chosen_or_has_its_reason() -> None:
    data, parts, config = small_case("default", **{"selection.features.min_features": 3})
    for number, row in enumerate(records_of(data, parts, config)):
        dropped = {entry["feature"]: entry["reason"] for entry in row["dropped"]}
        assert row["fold"] == number
        assert set(row["selected"]) | set(dropped) == set(data.names)
        assert not set(row["selected"]) & set(dropped)
        assert all(dropped.values())
        assert set(row["importances"]) == set(row["selected"])
        assert sum(row["importances"].values()) == pytest.approx(1.0)
        assert any("hits" in reason or "unstable" in reason for reason in dropped.values())


@pytest.mark.parametrize("threads", [2, 4])
def test_folds_side_by_side_choose_the_same_columns(threads: int) -> None:
    data, parts, config = small_case("default")
    assert records_of(data, parts, config, threads) == records_of(data, parts, config)


def test_families_share_a_choice_for_the_same_rows() -> None:
    data, parts, config = small_case("boruta")
    fitter = fitter_of(data, parts, config)
    fitter.chooses = True
    prepared, first = fitter.chosen(whole(fitter, parts), parts.train, 1)
    again, second = fitter.chosen(whole(fitter, parts), parts.train, 1)
    assert (again, second) == (prepared, first)
    assert prepared.values(True) is again.values(True)
    assert fitter.chosen(fitter.store.of(parts.fit), parts.fit, 1)[1] is not first


def test_rows_that_do_not_suffice_keep_all_columns_and_say_so() -> None:
    data, parts, config = small_case("boruta")
    fitter = fitter_of(data, parts, config)
    assert fitter.choice is not None
    fitter.chooses, fitter.choice.horizon = True, len(parts.train)
    prepared, outcome = fitter.chosen(whole(fitter, parts), parts.train, 1)
    assert list(prepared.prepare.kept) == list(fitter.prepare.kept)
    assert outcome is not None
    assert outcome.note.startswith("shifts of at least 4 x horizon")
    assert outcome.note.endswith("all columns are kept")


@pytest.mark.parametrize("method", METHODS)
def test_a_choice_that_runs_out_of_time_keeps_all_columns_and_says_so(method: str) -> None:
    data, parts, config = small_case(method, **{"selection.features.time_limit_s": 1e-6})
    for row in records_of(data, parts, config):
        assert not row["complete"]
        assert row["note"].startswith("ended early (timeout)")
        assert row["note"].endswith("all columns are kept")
        assert not any("hits" in entry["reason"] or "unstable" in entry["reason"] for entry in row["dropped"])


def test_a_choice_is_recorded_once_for_each_fold_whatever_else_is_fitted() -> None:
    data, parts, config = small_case("boruta", **{"augmentation.threshold": 100_000})
    fit = fitter_of(data, parts, config).run()
    assert "mean_gain" in fit.augmentation  # folds were run again, with and without synthetic rows
    assert [row["fold"] for row in fit.selection["folds"]] == [0, 1, 2]
    assert ("final" in fit.selection) is fit.selection["used"]


@pytest.mark.parametrize(
    ("chosen", "used"),
    [
        ([0.60, 0.62, 0.58], True),  # better
        ([0.50, 0.52, 0.48], True),  # the same
        ([0.52, 0.50, 0.45], True),  # worse by one standard error or less
        ([0.45, 0.47, 0.44], False),
    ],
)
def test_chosen_columns_are_used_unless_they_cost_more_than_a_standard_error(chosen: list[float], used: bool) -> None:
    full = [0.50, 0.52, 0.48]
    decision = decide("boruta", full, chosen, 3, "")
    gains = np.subtract(chosen, full)
    assert decision["mean_gain"] == pytest.approx(gains.mean())
    assert decision["standard_error"] == pytest.approx(gains.std(ddof=1) / np.sqrt(3))
    assert decision["used"] is used
    assert used is bool(gains.mean() >= -decision["standard_error"])


@pytest.mark.parametrize("full", [[], [0.5], [0.5, 0.6]])
def test_a_choice_that_cannot_be_compared_is_not_used(full: list[float]) -> None:
    decision = decide("boruta", full, full, 3, "stopped after 2 of 3 folds")
    assert decision["used"] is False
    assert "could not be compared" in decision["reason"]


def test_a_column_that_only_noise_speaks_for_goes_and_the_planted_one_stays() -> None:
    data, parts, config = small_case("boruta", **{"selection.features.min_features": 1})
    rng = np.random.default_rng(1)
    X = rng.standard_normal(data.X.shape).astype(np.float32)
    X[:, 4] = parts.y + 0.3 * rng.standard_normal(len(X))
    for row in records_of(replace(data, X=X), parts, config):
        assert row["selected"][0] == data.names[4]
        assert len(row["selected"]) <= 3


def test_columns_are_taken_out_of_a_preparation_with_their_reasons() -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, 4)).astype(np.float32)
    X[::2, 1] = np.nan
    prepare = Preparation.fit(X, np.arange(50), ["a", "b", "c", "d"])
    less = prepare.without({"b": "unstable (0.10)", "d": "low"})
    assert less.kept_names == ["a", "c"]
    assert less.dropped == [("b", "unstable (0.10)"), ("d", "low")]
    np.testing.assert_array_equal(less.transform(X), prepare.transform(X)[:, [0, 2]])
    again = Preparation.from_state(*less.to_state())
    np.testing.assert_array_equal(again.transform(X), less.transform(X))
    with pytest.raises(TooFewColumns):
        prepare.without(dict.fromkeys("abcd", "gone"))


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ConfigError, match="top_m must be at least min_features"):
        resolve(overrides={"selection.features.method": "score", "selection.features.top_m": 10})
    with pytest.raises(ConfigError, match="method"):
        resolve(overrides={"selection.features.method": "shap"})
