"""What users really pass: frames, floats, words, times with a zone. The same value, or an error with what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import smctrain as st
from smctrain.exceptions import InputError

N = 60
RNG = np.random.default_rng(5)
Y = RNG.integers(0, 2, N)
P = RNG.dirichlet(np.ones(2), N)
ROWS = np.arange(N)
R = RNG.standard_normal(N)
TAKE = P[:, 1] > 0.5


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return all(np.array_equal(a[name], b[name], equal_nan=True) for name in a)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint16, np.int64, np.float32, np.float64, object])
def test_labels_of_any_type_that_holds_whole_numbers_are_the_same_labels(dtype: type) -> None:
    expected = st.metrics.classification_metrics(Y, P)
    assert same(st.metrics.classification_metrics(Y.astype(dtype), P), expected)
    assert same(st.metrics.classification_metrics(Y.astype(dtype).tolist(), P.tolist()), expected)
    one = st.metrics.classification_metrics(Y, P[:, 1])
    assert all(np.allclose(one[name], expected[name], rtol=0.0, atol=1e-12) for name in one)


def test_pandas_columns_are_read_by_value_not_by_index() -> None:
    pd = pytest.importorskip("pandas")
    index = RNG.permutation(N)
    y, proba = pd.Series(Y, index=index, dtype="Int64"), pd.DataFrame(P, index=index[::-1])
    assert same(st.metrics.classification_metrics(y, proba), st.metrics.classification_metrics(Y, P))
    assert st.metrics.reliability_table(y, proba).ece == st.metrics.reliability_table(Y, P).ece
    t0 = pd.date_range("2024-01-01", periods=N, freq="h", tz="Europe/London")
    plain = t0.tz_convert("UTC").tz_localize(None)
    zoned = st.metrics.trading_metrics(pd.Series(TAKE, index=index), pd.Series(R), t0, t0, bars_held=ROWS * 0)
    assert same(zoned, st.metrics.trading_metrics(TAKE, R, plain, plain, bars_held=ROWS * 0))


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("kind", ["usual", "ties", "a class that never occurs", "one class", "one row"])
def test_odd_rows_score_as_in_scikit_learn(classes: int, kind: str) -> None:
    sk = pytest.importorskip("sklearn.metrics")
    y, proba = RNG.integers(0, classes, 200), RNG.dirichlet(np.ones(classes), 200)
    if kind == "ties":
        proba = np.round(4 * proba) + 1
        proba /= proba.sum(axis=1, keepdims=True)
    elif kind == "a class that never occurs":
        y[y == 1] = 0
    elif kind == "one class":
        y[:] = classes - 1
    elif kind == "one row":
        y, proba = y[:1], proba[:1]
    found, answer = st.metrics.classification_metrics(y, proba), proba.argmax(axis=1)
    some = {"average": "macro", "zero_division": 0.0}
    recall = [(answer[y == c] == c).mean() for c in np.unique(y)]
    expected = {
        "accuracy": sk.accuracy_score(y, answer), "balanced_accuracy": np.mean(recall),
        "precision": sk.precision_score(y, answer, **some), "recall": sk.recall_score(y, answer, **some),
        "f1_score": sk.f1_score(y, answer, **some),
        "mcc": sk.matthews_corrcoef(y, answer) if len(y) > 1 else 0.0,
        "log_loss": -np.log(proba[np.arange(len(y)), y]).mean(),
        "brier": ((np.eye(classes)[y] - proba) ** 2).sum(axis=1).mean(),
    }  # fmt: skip
    present = np.unique(y)
    if len(present) > 1:
        one_against_rest = [sk.roc_auc_score(y == c, proba[:, c]) for c in present]
        expected["auc"] = one_against_rest[-1] if classes == 2 else np.mean(one_against_rest)
    else:
        assert np.isnan(found["auc"])
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-12), name


M = st.metrics
WRONG: list[tuple[Callable[[], Any], str]] = [
    (lambda: M.classification_metrics(np.where(Y, "up", "down"), P), r"np\.searchsorted\(model\.classes_, y_true\)"),
    (lambda: M.classification_metrics(2 * Y - 1, P), r"y_true must lie in 0\.\.1, but is -1 in row .*searchsorted"),
    (lambda: M.classification_metrics(np.where(Y, np.nan, 0.0), P), "leave out rows without a label"),
    (lambda: M.classification_metrics(Y, Y), r"give predict_proba\(X\), not predict\(X\)"),
    (lambda: M.classification_metrics(Y, P.astype(str)), "proba must hold numbers, but holds"),
    (lambda: M.reliability_table(0 * Y + 5, P), r"y_true must lie in 0\.\.1, but is 5 in row 0"),
    (lambda: M.reliability_table(Y, P, "many"), "n_bins must be at least 1, a whole number, but is 'many'"),
    (lambda: M.probabilities_ok(Y, P, Y - 1), r"y_train must lie in 0\.\.1, but is -1"),
    (lambda: M.fit_calibrator(P, 2 * Y - 1), r"y must lie in 0\.\.1, but is -1"),
    (lambda: M.fit_calibrator(P, Y).apply([["a", "b"]]), "proba must hold numbers, but holds 'a'"),
    (lambda: M.choose_threshold(["a"] * N, y=Y), "proba must hold numbers, but holds 'a'"),
    (lambda: M.choose_threshold(P[:, 1], y=Y, min_trades="3"), "min_trades must be at least 0"),  # type: ignore[arg-type]
    (lambda: M.regression_metrics(["x"] * N, R, 0.0), "y_true must hold numbers, but holds 'x'"),
    (lambda: M.regression_metrics(R, R, "0"), "train_mean must be one number, but is str"),  # type: ignore[arg-type]
    (lambda: M.trading_metrics(TAKE, ["x"] * N, ROWS, ROWS), "r_net must hold numbers, but holds 'x'"),
    (lambda: M.trading_metrics(TAKE.astype(int), R, ROWS, ROWS), "such as proba >= 0.5"),
    (lambda: M.trading_metrics(TAKE, R, ROWS, ROWS, reward_risk="2"), "reward_risk must be one number"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("call", "words"), WRONG)
def test_what_cannot_be_read_is_an_error_that_says_what_to_do(call: Callable[[], Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        call()
