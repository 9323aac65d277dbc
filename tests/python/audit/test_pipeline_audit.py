"""`audit_pipeline`: what a user passes, what comes back, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import smctrain as st
from smctrain.exceptions import InputError, TooFewRows

pd = pytest.importorskip("pandas")
N = 600
ROWS = np.arange(N)


@pytest.fixture(scope="module")
def table() -> Any:
    return st.testing.noise_table(N, seed=1)


def line(X: Any, y: Any, train: Any, held: Any) -> Any:
    """An honest fit: a least-squares line on training rows."""
    centre, spread = X[train].mean(axis=0), X[train].std(axis=0)
    Z = (X - centre) / spread
    return Z[held] @ np.linalg.lstsq(Z[train], y[train] - 0.5, rcond=None)[0]


def arguments(table: Any, **more: Any) -> dict[str, Any]:
    splits = st.splits.WalkForward(2, intervals=(ROWS, ROWS + 10))
    return {"X": table.X, "y": table.y, "intervals": (ROWS, ROWS + 10), "split": splits, "fit": line} | more


def test_honest_arrays_pass_with_every_step_named(table: Any) -> None:
    report = st.audit_pipeline(**arguments(table))
    assert report.ok, report.to_text()
    assert set(report.checks) == {"split", "neighbours", "copies", "single columns", "fit"}
    assert "nothing leaks" in report.to_text()
    report.raise_if_leaking()


def test_dates_are_intervals_too(table: Any) -> None:
    time = np.datetime64("2024-01-01") + ROWS * np.timedelta64(15, "m")
    intervals = (time, time + np.timedelta64(150, "m"))
    cut = [(ROWS[:400], ROWS[405:])]
    report = st.audit_pipeline(**arguments(table, intervals=intervals, split=cut))
    assert [finding.kind for finding in report.findings] == ["overlap"]
    assert st.audit_pipeline(**arguments(table, intervals=intervals, split=[(ROWS[:390], ROWS[405:])])).ok


def test_a_classifier_that_returns_probabilities_or_stays_silent_is_understood(table: Any) -> None:
    def proba(X: Any, y: Any, train: Any, held: Any) -> Any:
        p = 1 / (1 + np.exp(-line(X, y, train, held)))
        return np.column_stack([1 - p, p])

    def silent(X: Any, y: Any, train: Any, held: Any) -> Any:
        said = line(X, y, train, held)
        return np.where(np.abs(said) > 0.02, np.sign(said), np.nan)

    for fit in (proba, silent):
        assert st.audit_pipeline(**arguments(table, fit=fit)).ok


def test_a_fit_with_noise_of_its_own_is_judged_beyond_that_noise(table: Any) -> None:
    rng = np.random.default_rng(0)

    def noisy(X: Any, y: Any, train: Any, held: Any) -> Any:
        return line(X, y, train, held) + 0.001 * rng.uniform(0.99, 1.0, len(held))

    def leaking(X: Any, y: Any, train: Any, held: Any) -> Any:
        return noisy(X, y, train, held) + y[held]

    assert st.audit_pipeline(**arguments(table, fit=noisy)).ok
    report = st.audit_pipeline(**arguments(table, fit=leaking))
    assert {finding.kind for finding in report.findings} == {"isolation"}
    with pytest.raises(st.exceptions.FeatureLeak, match="something is fitted, chosen or stopped on them"):
        report.raise_if_leaking()


def test_a_fit_never_gets_arrays_it_could_spoil(table: Any) -> None:
    def spoils(X: Any, y: Any, train: Any, held: Any) -> Any:
        said = line(X, y, train, held)
        X[:], y[:], train[:] = 0.0, 0.0, 0
        return said

    before = table.X.copy()
    assert st.audit_pipeline(**arguments(table, fit=spoils)).ok
    np.testing.assert_array_equal(table.X, before)


def test_the_answer_among_the_columns_is_named(table: Any) -> None:
    X = np.column_stack([table.X, table.y])
    names = [*(f"x{i}" for i in range(12)), "answer"]
    report = st.audit_pipeline(**arguments(table, X=X, names=names))
    assert {finding.column for finding in report.findings} == {"answer"}
    assert {finding.kind for finding in report.findings} == {"dominance", "outcome"}


def test_bars_go_through_all_steps_and_the_canary() -> None:
    bars = st.testing.ohlc_paths("G2", 1_200, seed=5)

    def features(frame: Any) -> Any:
        r = np.log(frame["close"]).diff()
        return pd.DataFrame({"r": r, "r5": r.rolling(5).sum(), "vol": r.rolling(20).std()})

    def fit(X: Any, y: Any, train: Any, held: Any) -> Any:
        X = np.nan_to_num(X)
        return np.where(line(X, (y > 0).astype(float), train, held) > 0, y.max(), y.min())

    def split(X: Any, y: Any, t0: Any, t1: Any) -> Any:
        return st.splits.WalkForward(2, min_train=0.5, intervals=(t0, t1)).split(X)

    steps: dict[str, Any] = {"features": features, "labels": {"horizon": 10, "stop": 2.0, "timeout": "sign"}, "cuts": 5}
    report = st.audit_pipeline(bars, split=split, fit=fit, **steps)
    assert report.ok, report.to_text()
    assert {"features, prefix", "labels", "choice of rows", "canary"} <= set(report.checks)
    assert report.canary[0].rows > 500

    def knows(X: Any, y: Any, train: Any, held: Any) -> Any:
        return np.where(np.random.default_rng(0).random(len(held)) < 0.8, y[held], y.max())

    report = st.audit_pipeline(bars, split=split, fit=knows, **steps)
    assert {finding.kind for finding in report.findings} == {"isolation", "canary"}


def test_labels_that_read_beyond_their_end_are_found() -> None:
    from dataclasses import replace

    bars = st.testing.ohlc_paths("G2", 700, seed=6)

    def features(frame: Any) -> Any:
        return frame[["close"]].pct_change()

    def split(X: Any, y: Any, t0: Any, t1: Any) -> Any:
        return st.splits.WalkForward(1, min_train=0.6, intervals=(t0, t1)).split(X)

    def short(b: Any) -> Any:
        given = st.triple_barrier(b, horizon=10, costs=None)
        return replace(given, t1=np.where(given.t1 >= 0, np.minimum(given.t1, given.t0 + 2), given.t1))

    report = st.audit_pipeline(bars, features=features, labels=short, split=split, cuts=5)
    assert ("(labels)", "interval") in {(finding.column, finding.kind) for finding in report.findings}
    honest = st.audit_pipeline(bars, features=features, labels={"horizon": 10}, split=split, cuts=5)
    assert honest.ok, honest.to_text()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"split": None}, "split must be"),
        ({"X": None}, "either bars"),
        ({"y": None}, "y must hold"),
        ({"y": np.zeros(5)}, "one entry for each of the 600 rows"),
        ({"split": [(ROWS[:400], ROWS[:0])]}, "neither of them empty"),
        ({"split": [(ROWS[:400], np.array([700]))]}, "positions must lie in 0..599"),
        ({"fit": lambda X, y, train, held: np.zeros(3)}, "one prediction for each of the"),
    ],
)
def test_what_cannot_be_audited_is_refused(table: Any, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        st.audit_pipeline(**arguments(table, **changes))


def test_a_handful_of_rows_is_too_few(table: Any) -> None:
    few = {"X": table.X[:50], "y": table.y[:50], "intervals": (ROWS[:50], ROWS[:50] + 10)}
    with pytest.raises(TooFewRows, match="at least 100"):
        st.audit_pipeline(**arguments(table, **few))


def test_an_estimator_stands_for_the_function_that_fits_a_clone_of_it(table: Any) -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    assert st.audit_pipeline(**arguments(table, fit=linear_model.LogisticRegression())).ok
    with pytest.raises(InputError, match=r"fit must be fit\(X, y, train, held\) or an estimator, but is str"):
        st.audit_pipeline(**arguments(table, fit="LogisticRegression"))


def test_the_columns_of_a_frame_name_what_leaks_and_printing_shows_it(table: Any) -> None:
    frame = pd.DataFrame(table.X[:, :2], columns=["mom", "vol"]).assign(tomorrow=table.y + 0.001 * table.X[:, 0])
    report = st.audit_pipeline(**arguments(table, X=frame, fit=None))
    assert report.leaking_columns == ["tomorrow"]
    assert "1 of 3 columns leak" in str(report)
    assert "tomorrow  dominance" in str(report)
    cut = st.audit_pipeline(**arguments(table, split=[(ROWS[:400], ROWS[405:])], fit=None))
    assert str(cut).startswith("pipeline: split leaks (")


def test_label_ends_as_a_series_and_times_with_a_zone(table: Any) -> None:
    time = pd.date_range("2024-01-01", periods=N, freq="15min", tz="Europe/London")
    ends = pd.Series(time + pd.Timedelta("150min"), index=time)
    for cut, ok in ((405, False), (409, False), (410, True)):
        split = [(ROWS[:400], ROWS[cut:])]
        assert st.audit_pipeline(**arguments(table, intervals=ends, split=split, fit=None)).ok is ok


def test_missing_intervals_are_remarked_on_and_labels_in_words_are_refused(table: Any) -> None:
    report = st.audit_pipeline(**arguments(table, intervals=None, split=st.splits.PurgedKFold(3), fit=None))
    assert "no_intervals" in [remark.kind for remark in report.remarks]
    with pytest.raises(InputError, match=r"y must hold numbers.*np\.unique"):
        st.audit_pipeline(**arguments(table, y=np.where(table.y > 0, "up", "down")))
