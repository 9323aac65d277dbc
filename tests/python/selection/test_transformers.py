"""The selectors as scikit-learn transformers, and what they promise about noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from smctrain.exceptions import InputError, OneClass, TooFewRows
from smctrain.selection import (
    CircularBoruta,
    ConsensusSelector,
    CorrelationPruner,
    RecursiveElimination,
    SelectByScore,
    StabilitySelection,
)
from smctrain.testing.processes import noise_table


def _expected_failures(estimator: Any) -> dict[str, str]:
    reasons = {
        CircularBoruta: "positions of rows matter: they are time",
        ConsensusSelector: "positions of rows matter: they are time",
        CorrelationPruner: "correlations know no weights",
        RecursiveElimination: "logistic regression balances classes by rows",
    }
    reason = reasons.get(type(estimator))
    return {"check_sample_weight_equivalence_on_dense_data": reason} if reason else {}


@parametrize_with_checks(
    [
        SelectByScore("mutual_info"),
        SelectByScore("f", k=1),
        CorrelationPruner(by="f"),
        RecursiveElimination("LogisticRegression", n_features=1),
        StabilitySelection(n_pairs=2, block=2, n_select=50, scores=("mutual_info",)),
        CircularBoruta(repeats=2, n_estimators=5, keep_tentative=True),
        ConsensusSelector(min_features=1, repeats=2, n_pairs=1),
    ],
    expected_failed_checks=_expected_failures,
)
def test_the_selector_passes_scikit_learns_checks(estimator: Any, check: Any) -> None:
    check(estimator)


def planted(n: int = 900, d: int = 10, seed: int = 0) -> tuple[Any, Any]:
    """Columns 0 to 2 matter, column 3 nearly repeats column 0, the others are noise."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)).astype(np.float32)
    X[:, 3] = X[:, 0] + 0.1 * rng.normal(size=n)
    y = (1.5 * X[:, 0] + 1.2 * X[:, 1] - X[:, 2] + 0.5 * rng.normal(size=n) > 0).astype(int)
    return X, y


SELECTORS = [
    SelectByScore(k=4),
    CorrelationPruner(),
    RecursiveElimination(n_features=4),
    StabilitySelection(n_select=4, n_pairs=5),
    CircularBoruta(repeats=12, n_estimators=30),
    ConsensusSelector(repeats=12, n_pairs=5),
]


@pytest.mark.parametrize("selector", SELECTORS, ids=lambda s: type(s).__name__)
def test_planted_columns_are_kept_and_every_drop_has_a_reason(selector: Any) -> None:
    X, y = planted()
    selector.fit(X, y)
    support = selector.get_support()
    assert support[1]
    assert support[2]
    assert support[0] or support[3]  # either copy of the first
    table = selector.reasons_
    assert list(table.columns) == ["column", "kept", "reason", "score", "rank"]
    assert list(table.kept) == list(support)
    assert all(reason for kept, reason in zip(table.kept, table.reason, strict=True) if not kept)
    assert sorted(table["rank"]) == list(range(1, 11))
    assert selector.complete_
    assert np.array_equal(selector.transform(X), X[:, support])


@pytest.mark.parametrize("selector", SELECTORS, ids=lambda s: type(s).__name__)
def test_threads_change_nothing(selector: Any) -> None:
    from sklearn.base import clone

    X, y = planted(500)
    one = clone(selector).set_params(n_jobs=1).fit(X, y)
    two = clone(selector).set_params(n_jobs=3).fit(X, y)
    assert np.array_equal(one.scores_, two.scores_)
    assert one.outcome_.details == two.outcome_.details


def test_constant_empty_and_repeated_columns_are_named() -> None:
    pd = pytest.importorskip("pandas")
    X, y = planted(300)
    frame = pd.DataFrame(X, columns=[f"c{j}" for j in range(10)])
    frame["flat"], frame["gone"], frame["twin"] = 1.0, np.nan, frame["c4"]
    selector = SelectByScore("f", k=3).fit(frame, y)
    reasons = dict(zip(selector.reasons_.column, selector.reasons_.reason, strict=True))
    assert reasons["flat"] == "constant"
    assert reasons["gone"] == "all values are missing"
    assert reasons["twin"] == "duplicate of c4"
    assert set(selector.get_feature_names_out()) <= set(frame.columns)
    assert selector.transform(frame).shape == (300, 3)


def test_the_weaker_of_a_pair_names_the_stronger() -> None:
    X, y = planted()
    selector = CorrelationPruner(by="f").fit(X, y)
    reasons = list(selector.reasons_.reason)
    assert [j for j, reason in enumerate(reasons) if reason] == [3]
    assert reasons[3].startswith("correlated 0.99 with x0") or reasons[3].startswith("correlated 1.00 with x0")


def test_boruta_says_how_many_hits_were_missing() -> None:
    X, y = planted()
    selector = CircularBoruta(repeats=12, n_estimators=30).fit(X, y)
    assert set(selector.confirmed_) >= {"x0", "x1", "x2"}
    assert set(selector.confirmed_) <= {"x0", "x1", "x2", "x3"}
    assert selector.reasons_.reason[7] == f"not confirmed ({selector.hits_['x7']} of 12 hits)"
    assert selector.repeats_ == 12


@pytest.mark.parametrize("numbers", [False, True], ids=["classes", "numbers"])
def test_circular_boruta_confirms_less_than_one_of_twelve_noise_columns_with_overlapping_labels(numbers: bool) -> None:
    # Known Boruta on the same tables, for comparison: shuffled shadows, every row.
    def confirmed(seed: int, signal: float, **options: Any) -> set[str]:
        table = noise_table(1500, signal=signal, seed=seed)
        y = table.p[10:] - table.p[:-10] if numbers else table.y
        selector = CircularBoruta(10, repeats=25, n_estimators=40, random_state=seed, **options)
        return set(selector.fit(table.X, y, horizon=10).confirmed_)

    noise = [len(confirmed(seed, 0.0)) for seed in range(6)]
    assert np.mean(noise) < 1.0
    assert len(confirmed(0, 0.0, shadows="shuffled", thin=False)) >= 6
    # The control: the one column that knows something is found.
    assert all("x0" in confirmed(seed, 0.2) for seed in range(4))


def test_stability_reports_its_bound() -> None:
    X, y = planted()
    selector = StabilitySelection(n_select=4, n_pairs=5).fit(X, y, horizon=3)
    assert selector.expected_false_ == pytest.approx(4**2 / (0.4 * 10))
    assert selector.outcome_.details["block"] == max(12, 900 // 50)
    assert StabilitySelection(expected_false=2.0, n_pairs=1).fit(X, y).outcome_.details["n_select"] == 2  # sqrt(8)
    assert any(reason.startswith("unstable (0.") for reason in selector.reasons_.reason)


def test_the_default_set_fills_up_and_stops_at_its_limits() -> None:
    X, y = planted()
    few = ConsensusSelector(min_features=7, repeats=12, n_pairs=5).fit(X, y)
    assert few.get_support().sum() == 7
    assert sum("kept to have 7 columns" in reason for reason in few.reasons_.reason) >= 3
    many = ConsensusSelector(min_features=1, top_m=2, expected_false=4.0, repeats=12, n_pairs=5).fit(X, y)
    assert many.get_support().sum() == 2
    assert any("beyond the best 2" in reason for reason in many.reasons_.reason)


def test_elimination_finds_the_number_on_purged_folds() -> None:
    X, y = planted(600)
    selector = RecursiveElimination("LogisticRegression", cv=3, step=1, horizon=5).fit(X, y)
    assert [row["n_features"] for row in selector.path_] == list(range(1, 11))
    assert selector.get_support()[[1, 2]].all()
    assert selector.get_support().sum() <= 6
    one = RecursiveElimination(LogisticRegression(), n_features=4, step=3).fit(X, y)
    assert list(one.get_support(indices=True)) == [0, 1, 2, 3]
    assert "eliminated in round 1" in " ".join(one.reasons_.reason)


def test_a_selector_works_for_numbers() -> None:
    X, _ = planted(500)
    y = X[:, 1] + 0.2 * X[:, 2]
    for selector in (
        SelectByScore("f", k=1),
        SelectByScore(k=1),
        RecursiveElimination(n_features=1),
        RecursiveElimination("Ridge", n_features=1),
    ):
        assert selector.fit(X, y).get_support(indices=True)[0] == 1
    assert "x1" in CircularBoruta(repeats=10, n_estimators=20).fit(X, y).confirmed_


def test_intervals_give_the_horizon_and_rows_of_weight_zero_are_absent() -> None:
    X, y = planted(300)
    t0 = np.arange(300)
    selector = SelectByScore("f").fit(X, y, t0=t0, t1=t0 + 6)
    assert selector.horizon_ == 6  # 5 decisions inside a label, and its own
    weight = np.ones(300)
    weight[::3] = 0
    kept = weight > 0
    weighted = SelectByScore("f").fit(X, y, sample_weight=weight)
    assert np.array_equal(weighted.scores_, SelectByScore("f").fit(X[kept], y[kept]).scores_)


def test_a_time_limit_is_said_and_nothing_is_invented() -> None:
    X, y = planted()
    boruta = CircularBoruta(repeats=100_000, time_limit=0.3).fit(X, y)
    assert not boruta.complete_
    assert boruta.repeats_ < 100_000
    assert "timeout" in boruta.stop_reason_
    rest = CircularBoruta(repeats=100_000, time_limit=1e-6).fit(X, y)
    assert not rest.complete_
    assert rest.tentative_ == [f"x{j}" for j in range(10)]
    for selector in (SelectByScore(time_limit=1e-6), ConsensusSelector(time_limit=1e-6)):
        assert selector.fit(X, y).get_support().all()  # better all than a wrong choice
        assert not selector.complete_


def test_selectors_work_inside_a_pipeline_with_names() -> None:
    pd = pytest.importorskip("pandas")
    X, y = planted(300)
    frame = pd.DataFrame(X, columns=[f"c{j}" for j in range(10)])
    pipe = make_pipeline(SelectByScore("f", k=3).set_output(transform="pandas"), LogisticRegression()).fit(frame, y)
    assert pipe.score(frame, y) > 0.8
    assert list(pipe[0].transform(frame).columns) == list(pipe[0].get_feature_names_out())


@pytest.mark.parametrize(
    ("selector", "sentence"),
    [
        (SelectByScore("best"), "by must be one of"),
        (SelectByScore(k=2, threshold=0.1), "not both"),
        (CorrelationPruner(limit=2), "limit must be"),
        (CorrelationPruner(method="kendall"), "method must be"),
        (CircularBoruta(shadows="none"), "shadows must be"),
        (CircularBoruta(horizon=0), "horizon must be"),
        (StabilitySelection(frequency=0.4), "frequency must be"),
        (StabilitySelection(scores=("shap",)), "scores must be"),
        (ConsensusSelector(min_features=5, top_m=2), "top_m must be"),
        (RecursiveElimination(step=0), "step must be"),
        (RecursiveElimination(cv=1), "cv must be"),
        (SelectByScore(time_limit=-1), "time_limit must be"),
    ],
)
def test_wrong_parameters_are_named(selector: Any, sentence: str) -> None:
    X, y = planted(100)
    with pytest.raises(InputError, match=sentence):
        selector.fit(X, y)


def test_too_little_data_is_refused_with_the_number_needed() -> None:
    X, y = planted(100)
    with pytest.raises(TooFewRows, match="at least 162"):
        CircularBoruta().fit(X, y, horizon=20)
    with pytest.raises(TooFewRows, match="blocks"):
        StabilitySelection(block=60).fit(X, y)
    with pytest.raises(OneClass):
        SelectByScore().fit(X, np.zeros(100, dtype=int))
