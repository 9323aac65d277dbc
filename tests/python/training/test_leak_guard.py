"""The leak guard inside a run: a planted leak ends the symbol or loses its column, and the report says so first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import smctrain as st
from smctrain.audit.dominance import dominant_columns
from smctrain.config import ResolvedConfig, resolve
from smctrain.dataset import Dataset, make_dataset
from smctrain.exceptions import FeatureLeak, SplitLeak
from smctrain.features import build_features
from smctrain.prepare import Preparation
from smctrain.prepare.preparation import hash_of_rows
from smctrain.testing import noise_table
from smctrain.training.arrays import evaluate_arrays
from smctrain.training.guard import Guard
from smctrain.training.parts import Fold, LabelMap, Parts, make_parts
from smctrain.training.provenance import Provenance
from smctrain.training.recipe import feature_spec, make_labels

pd = pytest.importorskip("pandas")

SMALL: dict[str, Any] = {
    "models": ["RandomForest", "LogisticRegression"],
    "random_forest.n_estimators": 15,
    "cv.folds": 3,
    "features.higher": [],
}


@pytest.fixture(scope="module")
def market() -> st.BarSet:
    return st.simulate_market(n_symbols=2, n_bars=2_000, seed=3)


def resolved(**more: Any) -> ResolvedConfig:
    return resolve(overrides=SMALL | {key.replace("__", "."): value for key, value in more.items()})


def case(market: st.BarSet, **more: Any) -> tuple[Dataset, Parts, Any]:
    config = resolved(**more).config
    bars = market["SIM2"].base
    features = build_features(bars, feature_spec(bars, config))
    data = make_dataset("SIM2", features, make_labels(bars, config), bars.segment, 100)
    return data, make_parts(data, config, bars.time), config


# ---- through st.train ------


def test_an_honest_run_reports_what_was_checked_and_finds_nothing(market: st.BarSet, tmp_path: Path) -> None:
    run = st.train(market, resolved(symbols=("SIM2",)), out=tmp_path / "run")
    for symbol in run:
        audit = run[symbol].leak_audit
        assert audit["ok"]
        assert not audit["quarantined"]
        assert {name.split()[0] for name in audit["checks"]} == {"D", "E", "F", "G", "H"}
        assert "no leak" in audit["headline"]
    assert "Possible leak" not in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("as_array", [False, True], ids=["frame", "array"])
def test_a_column_that_looks_ahead_fails_the_job_with_its_name(market: st.BarSet, as_array: bool) -> None:
    def features(frame: Any) -> Any:
        later = frame["close"].pct_change(4).shift(-4)
        return later.to_numpy() if as_array else later.to_frame("tomorrow")

    with pytest.raises(FeatureLeak, match="feature" if as_array else "tomorrow"):
        st.train(market, resolved(symbols=("SIM2",)), features=features)


def outcome_by_stamp(market: st.BarSet, noise: float) -> Any:
    """A function that looks the outcome up in a table made beforehand: no shorter part of the bars shows it."""
    known = {}
    for symbol in market.symbols:
        bars = market[symbol].base
        labels = make_labels(bars, resolved().config)
        values = np.zeros(len(bars))
        values[labels.t0] = np.nan_to_num(labels.r)
        values += noise * np.random.default_rng(1).standard_normal(len(bars))
        known[symbol] = pd.Series(values, index=bars.to_pandas().index)

    def features(frame: Any) -> Any:
        table = known["SIM2"]
        return pd.DataFrame({"looked_up": table.reindex(frame.index).fillna(0.0), "r3": frame["close"].pct_change(3)})

    return features


@pytest.mark.parametrize("noise", [0.0, 0.7], ids=["copy of the outcome", "noisy outcome"])
def test_a_column_that_knows_the_answer_is_taken_out_and_named_first(
    market: st.BarSet, tmp_path: Path, noise: float
) -> None:
    features = outcome_by_stamp(market, noise)
    run = st.train(market, resolved(symbols=("SIM2",)), out=tmp_path / "run", features=features)
    result = run["SIM2"]
    assert {row["column"] for row in result.leak_audit["quarantined"]} == {"looked_up"}
    assert "looked_up" in result.leak_audit["headline"]
    assert "looked_up" not in result.features
    assert "r3" in result.features
    assert any(row["feature"] == "looked_up" and "leak" in row["reason"] for row in result.dropped_features)
    for model in result.models.values():
        assert all(row["feature"] != "looked_up" for row in model.feature_importance)
        assert model.history["val_accuracy"] < 0.8
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    section = page[page.index("SIM2: <span") :]
    assert section.index("Possible leak.</strong> SIM2: trained without looked_up") < section.index("<ul>")
    predicted = st.load(run.folder, symbol="SIM2", model="RandomForest").predict(market["SIM2"], features=features)
    assert len(predicted) == len(market["SIM2"].base)


def test_a_run_that_asks_for_it_fails_with_the_name_of_the_column(market: st.BarSet, tmp_path: Path) -> None:
    run = st.train(
        market, resolved(symbols=("SIM2",), leak_audit__on_leak="fail"), out=tmp_path / "run",
        features=outcome_by_stamp(market, 0.0),
    )  # fmt: skip
    [failure] = run.symbol_failures
    assert "looked_up" in failure.error
    assert "columns that know too much" in failure.error


def test_with_the_rule_switched_off_the_same_column_is_kept(market: st.BarSet) -> None:
    run = st.train(
        market, resolved(symbols=("SIM2",), leak_audit__single_columns=False), features=outcome_by_stamp(market, 0.0)
    )
    assert "looked_up" in run["SIM2"].features
    assert "switched off" in run["SIM2"].leak_audit["checks"]["H single columns"]


def test_sentinels_and_canary_are_quiet_on_honest_columns(market: st.BarSet) -> None:
    few = {"features__columns": ("ret_5", "rsi_wilder_14", "natr_14"), "models": ["LogisticRegression"]}
    run = st.train(market, resolved(leak_audit__sentinels=True, leak_audit__canary=3, **few), workers=1)
    for symbol in run:
        audit = run[symbol].leak_audit
        names = {sentinel["name"] for sentinel in audit["sentinels"]}
        assert names == {"later labels", "all columns", "symbol hold-out", "held-out rows"}
        assert "I noise canary" in audit["checks"]
        assert audit["ok"]


def test_a_week_that_comes_twice_fails_its_symbol_and_the_others_go_on(market: st.BarSet, tmp_path: Path) -> None:
    frames = {}
    for symbol in market.symbols:
        frame = market[symbol].base.to_pandas()
        if symbol == "SIM2":
            prices = ["open", "high", "low", "close", "volume"]
            frame.iloc[1_720:1_900, frame.columns.get_indexer(prices)] = frame[prices].iloc[300:480].to_numpy()
        frames[symbol] = frame
    few = {"features__columns": ("ret_1", "ret_5", "vol_rel_20"), "models": ["LogisticRegression"]}
    run = st.train(frames, resolved(data__quarantine=False, **few), out=tmp_path / "run", workers=1)
    assert list(run) == ["SIM1"]
    failure = run.failures[0]
    assert (failure.symbol, failure.stage, failure.error_type) == ("SIM2", "leak audit", "SplitLeak")
    assert "have a copy among the training rows" in failure.error
    assert "first row 17" in failure.error


def test_a_column_named_like_an_outcome_is_remarked_on(market: st.BarSet) -> None:
    def features(frame: Any) -> Any:
        return pd.DataFrame({"bars_to_hit": frame["close"].pct_change(7), "close_pct": frame["close"].pct_change(9)})

    run = st.train(market, resolved(symbols=("SIM2",), models=["LogisticRegression"]), features=features)
    remarks = run["SIM2"].leak_audit["remarks"]
    assert [(remark["column"], remark["kind"]) for remark in remarks] == [("bars_to_hit", "name")]


# ---- each check by itself ------


def test_a_training_label_that_reaches_a_held_out_row_stops_the_symbol(market: st.BarSet) -> None:
    data, parts, config = case(market)
    honest = parts.folds[1]
    gap = np.arange(honest.test[0] - 1, honest.test[0] + 1)  # decided just before, resolved inside
    fold = Fold(np.union1d(honest.fit, gap[:1]), honest.stop, honest.test)
    bad = replace(parts, folds=[parts.folds[0], fold, parts.folds[2]])
    with pytest.raises(SplitLeak, match=r"SIM2, fold 1: .*overlap") as caught:
        Guard(data, bad, config).before()
    assert gap[0] in caught.value.rows


def test_validation_rows_among_training_rows_stop_the_symbol(market: st.BarSet) -> None:
    data, parts, config = case(market)
    with pytest.raises(SplitLeak, match="SIM2, training and validation -> test: 3 rows occur twice"):
        Guard(data, replace(parts, train=np.union1d(parts.train, parts.validation[:3])), config).before()


def test_a_preparation_fitted_on_other_rows_is_refused(market: st.BarSet) -> None:
    data, parts, config = case(market)
    guard = Guard(data, parts, config).provenance.of(parts)
    everything = np.concatenate([parts.train, parts.test])
    whole = Preparation.fit(data.X, everything, data.names)
    with pytest.raises(SplitLeak, match="preparation was fitted on"):
        guard.fitted("final", whole, parts.fit, parts.stop)
    honest = Preparation.fit(data.X, parts.train, data.names)
    guard.fitted("final", honest, parts.fit, parts.stop)
    with pytest.raises(SplitLeak, match="stopped early on"):
        guard.fitted("final", honest, parts.fit, parts.test[:5])
    with pytest.raises(SplitLeak, match="fold0/0: the model is fitted on"):
        guard.fitted("fold0/0", honest, parts.folds[0].test, parts.stop[:0])
    guard.fitted("window 3", honest, parts.fit, parts.stop)
    with pytest.raises(SplitLeak, match="no such fold"):
        guard.fitted("fold9/0", honest, parts.fit, parts.stop)
    with pytest.raises(SplitLeak, match="window 1/fold0/0: the model is fitted on"):
        guard.fitted("window 1/fold0/0", honest, parts.folds[0].test, parts.stop[:0])
    with pytest.raises(SplitLeak, match="columns were chosen on other rows"):
        guard.chosen(honest, everything)


def test_a_calibrator_fitted_on_other_rows_is_refused(market: st.BarSet) -> None:
    data, parts, config = case(market)
    guard = Guard(data, parts, config)
    proba = np.full((len(data.X), 3), 1 / 3)

    def told(rows: Any) -> Any:
        return {"forest": (SimpleNamespace(calibration={"calibrator": {"fit_rows_hash": hash_of_rows(rows)}}), proba)}

    guard.check_calibrators(told(parts.validation))
    assert "1 calibrators on validation rows" in guard.report().checks["E provenance"]
    with pytest.raises(SplitLeak, match="calibrator of forest"):
        guard.check_calibrators(told(parts.test))


def test_synthetic_rows_need_parents_inside_and_labels_outside_what_is_held_out() -> None:
    t0, none = np.arange(100), np.empty(0, dtype=np.int64)
    fit, held = np.r_[0:40, 60:100], np.arange(47, 53)
    part = Parts(LabelMap([0, 1], []), none.astype(np.int32), fit, none, held, fit, none, [], "", 6, {})
    provenance = Provenance(t0, t0 + 5)
    watch = provenance.of(part)
    watch.synthetic("final", fit, np.array([[3, 4], [50, 51]]))
    watch.generated("final", fit, 7)
    assert provenance.synthetic_rows == 9
    with pytest.raises(SplitLeak, match="reach into held-out labels"):
        watch.synthetic("final", fit, np.array([[38, 41]]))  # rows 38 and 61: the interval spans the held rows
    with pytest.raises(SplitLeak, match="parent outside"):
        watch.synthetic("final", fit, np.array([[0, 80]]))
    with pytest.raises(SplitLeak, match="made of 1 rows outside"):
        watch.synthetic("final", np.arange(50), np.array([[0, 45]]))
    with pytest.raises(SplitLeak, match="made of 10 rows outside"):
        watch.generated("final", np.arange(50), 7)


def test_a_few_copies_leave_training_and_many_stop_the_symbol(market: st.BarSet) -> None:
    data, parts, config = case(market)
    X = data.X.copy()
    X[parts.train[5:8]] = X[parts.test[:3]]
    guard = Guard(replace(data, X=X), parts, config)
    left, _ = guard.before()
    assert not np.isin(parts.train[5:8], left.train).any()
    assert len(left.train) == len(parts.train) - 3
    assert all(not np.isin(parts.train[5:8], np.r_[fold.fit, fold.stop, fold.test]).any() for fold in left.folds)
    assert "copies were taken out" in guard.report().headline
    many = len(parts.test) // 4
    X[parts.train[:many]] = X[parts.test[:many]]
    with pytest.raises(SplitLeak, match="rows of test have a copy") as caught:
        Guard(replace(data, X=X), parts, config).before()
    assert caught.value.code == "duplicate"


def test_near_copies_are_copies(market: st.BarSet) -> None:
    data, parts, config = case(market)
    X = np.nan_to_num(data.X.copy())
    X[parts.train[5:8]] = X[parts.test[:3]]
    X[parts.train[5:8], 0] *= np.float32(1.0 + 2e-7)
    left, _ = Guard(replace(data, X=X), parts, config).before()
    assert not np.isin(parts.train[5:8], left.train).any()


def test_equal_rows_prove_nothing_where_columns_take_few_values(market: st.BarSet) -> None:
    data, parts, config = case(market)
    hours = np.ascontiguousarray((np.arange(len(data.X)) % 24).astype(np.float32)[:, None])
    guard = Guard(replace(data, X=hours, names=["hour"]), parts, config)
    assert guard.before()[0] is parts
    assert "prove nothing" in guard.report().checks["F copies"]


def test_a_column_that_carries_a_model_goes_and_everything_is_fitted_again(market: st.BarSet) -> None:
    data, parts, config = case(market)
    guard = Guard(data, parts, config)
    guard.before()
    name, other = data.names[3], data.names[4]
    weights = {"RandomForest": {name: 0.5, other: 0.1, data.names[5]: 0.4}}
    asked: list[tuple[str, str]] = []

    def without(family: str, column: str) -> list[float]:
        asked.append((family, column))
        return [0.52, 0.50]

    assert guard.outweighed(weights, {"RandomForest": [0.80, 0.78]}, without)
    assert asked == [("RandomForest", name)]
    assert list(guard.quarantine) == [name]
    prepared = guard.prepared(Preparation.fit(data.X, parts.train, data.names))
    assert name not in prepared.kept_names
    # A column that weighs much and costs little stays.
    weights = {"RandomForest": {other: 0.9, data.names[5]: 0.1}}
    assert not guard.outweighed(weights, {"RandomForest": [0.56, 0.55]}, lambda *_: [0.54, 0.52])


# ---- through arrays ------


def test_arrays_are_guarded_too() -> None:
    table = noise_table(1_500, signal=0.2, seed=4)
    rows = np.arange(len(table.y))
    X = np.column_stack([table.X, table.y + 0.3 * np.random.default_rng(0).standard_normal(len(table.y))])
    names = [*(f"x{i}" for i in range(12)), "answer"]
    few = {"models": ["LogisticRegression"], "names": names}
    found = evaluate_arrays(X, table.y, rows, rows + 10, **few)
    assert [finding.column for finding in found.leak_audit.quarantined] == ["answer"]
    assert found.families["LogisticRegression"].windows[0]["accuracy"] < 0.8
    assert "answer" in found.leak_audit.headline
    with pytest.raises(FeatureLeak, match=r'columns that know too much \(answer: .*leak_audit.on_leak = "quarantine"'):
        evaluate_arrays(X, table.y, rows, rows + 10, **few, config={"leak_audit.on_leak": "fail"})
    copied = X[:, :12].copy()
    copied[100:400] = copied[1_000:1_300]
    with pytest.raises(SplitLeak, match="have a copy among the training rows"):
        evaluate_arrays(copied, table.y, rows, rows + 10, **few | {"names": names[:12]})


@pytest.mark.parametrize("seed", range(6))
def test_the_strongest_honest_signal_is_not_taken_for_a_leak(seed: int) -> None:
    table = noise_table(1_700, signal=0.2, seed=seed)
    rows = np.arange(len(table.y))
    X = np.ascontiguousarray(table.X, dtype=np.float32)
    folds = [(rows[:750], rows[770:1_000]), (rows[:1_000], rows[1_020:1_400]), (rows[:1_300], rows[1_320:])]
    names = [f"x{i}" for i in range(12)]
    assert dominant_columns(X, table.y.astype(np.int32), folds, names, 2, mean_span=11.0) == []
