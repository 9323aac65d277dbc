"""One documented outcome for each bad input, at the estimators' door."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest

from smctrain.exceptions import InputError, OneClass, SmctrainError, TooFewColumns, TooFewRows
from smctrain.models import RandomForestClassifier


def data(n: int = 120) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 4))
    return X, (X[:, 0] + 0.3 * rng.normal(size=n) > 0).astype(int)


def small(**settings: Any) -> RandomForestClassifier:
    return RandomForestClassifier(**{"n_estimators": 8, "random_state": 1, "min_samples_leaf": 5, **settings})


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (lambda X: X.__setitem__((3, 1), np.inf), InputError, "column 1, row 3, is infinite"),
        (
            lambda X: X.__setitem__((3, 1), 1e300),
            InputError,
            "column 1, row 3, is 1e\\+300, beyond the range",
        ),
    ],
)
def test_values_float32_cannot_hold_are_refused(spoil: Any, error: type[Exception], words: str) -> None:
    X, y = data()
    spoil(X)
    with pytest.raises(error, match=words):
        small().fit(X, y)


def test_a_named_column_is_named() -> None:
    X, y = data()
    frame = pd.DataFrame(X, columns=["open", "rsi", "atr", "hour"])
    frame.loc[5, "atr"] = np.inf
    with pytest.raises(InputError, match="column 'atr', row 5"):
        small().fit(frame, y)


@pytest.mark.parametrize(
    "column",
    [
        ["a"] * 120,
        [None, *range(119)],
        pd.date_range("2024-01-01", periods=120),
        [dt.date(2024, 1, 1)] * 120,
    ],
    ids=["text", "None", "datetime", "date"],
)
def test_columns_that_are_not_numbers_are_refused_by_name(column: Any) -> None:
    X, y = data()
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame["when"] = column if not isinstance(column, list) else pd.Series(column, dtype=object)
    with pytest.raises(InputError, match="column 'when'"):
        small().fit(frame, y)


def test_polars_frames_are_read_and_their_text_columns_named() -> None:
    polars = pytest.importorskip("polars")
    X, y = data()
    frame = polars.DataFrame({"a": X[:, 0], "b": y == 1})
    model = small().fit(frame, y)
    assert model.feature_names_in_.tolist() == ["a", "b"]
    plain = small().fit(np.column_stack([X[:, 0], y == 1]), y)
    assert np.array_equal(model.predict_proba(frame), plain.predict_proba(np.column_stack([X[:, 0], y == 1])))
    with pytest.raises(InputError, match="column 'when' has dtype String"):
        small().fit(frame.with_columns(when=polars.lit("today")), y)


def test_complex_and_large_integers_are_refused() -> None:
    X, y = data()
    with pytest.raises(InputError, match="Complex data not supported"):
        small().fit(X + 1j, y)
    large = np.ones((120, 2), dtype=np.int64)
    large[7, 1] = 2**53 + 1
    with pytest.raises(InputError, match="column 1, row 7"):
        small().fit(large, y)


def test_empty_input_is_refused() -> None:
    X, y = data()
    with pytest.raises(TooFewRows):
        small().fit(X[:0], y[:0])
    with pytest.raises(TooFewColumns):
        small().fit(X[:, :0], y)


@pytest.mark.parametrize(
    ("y", "error", "words"),
    [
        (np.zeros(120), OneClass, "one class"),
        (np.linspace(0, 1, 120), InputError, "continuous"),
        (np.where(np.arange(120) == 4, np.nan, 1.0), InputError, "NaN"),
        (np.where(np.arange(120) == 4, np.inf, 1.0), InputError, "infinity"),
    ],
)
def test_bad_targets_are_refused(y: Any, error: type[Exception], words: str) -> None:
    X, _ = data()
    with pytest.raises(error, match=words):
        small().fit(X, y)


@pytest.mark.parametrize(
    "labels",
    [(1, 2), (-1, 1), ("down", "up"), (False, True), (0.0, 5.0)],
    ids=["12", "-11", "str", "bool", "float"],
)
def test_any_two_labels_are_mapped_through_classes(labels: Any) -> None:
    X, y = data()
    plain = small().fit(X, y)
    mapped = small().fit(X, np.array(labels)[y])
    assert mapped.classes_.tolist() == list(labels)
    np.testing.assert_array_equal(mapped.predict(X), np.array(labels)[plain.predict(X)])
    assert mapped.predict(X).dtype == np.array(labels).dtype


@pytest.mark.parametrize(
    ("weight", "words"),
    [(-1.0, "not negative"), (np.nan, "finite"), (np.inf, "finite")],
)
def test_bad_weights_are_refused_with_their_row(weight: float, words: str) -> None:
    X, y = data()
    weights = np.ones(120)
    weights[11] = weight
    with pytest.raises(InputError, match=f"{words}.*row 11"):
        small().fit(X, y, sample_weight=weights)


def test_weights_of_zero_take_rows_and_their_classes_away() -> None:
    X, y = data()
    y = y.copy()
    y[:10] = 2
    weights = (y != 2).astype(float)
    weighted, cut = small().fit(X, y, sample_weight=weights), small().fit(X[10:], y[10:])
    assert weighted.classes_.tolist() == [0, 1]
    np.testing.assert_array_equal(weighted.predict_proba(X), cut.predict_proba(X))
    with pytest.raises(TooFewRows):
        small().fit(X, y, sample_weight=np.zeros(120))


def test_every_layout_and_width_gives_the_same_numbers() -> None:
    X, y = data()
    X = np.round(X, 2).astype(np.float16)
    plain = np.ascontiguousarray(X, dtype=np.float32)
    expected = small().fit(plain, y).predict_proba(plain)
    strided = np.zeros((240, 8))
    strided[::2, ::2] = X
    read_only = plain.copy()
    read_only.flags.writeable = False
    views = [X, np.asfortranarray(plain), strided[::2, ::2], read_only, X.astype(object), pd.DataFrame(plain)]
    for view in views:
        np.testing.assert_array_equal(small().fit(view, y).predict_proba(view), expected)
    np.testing.assert_array_equal(strided[::2, ::2], X)


def test_reordered_missing_and_extra_columns_are_refused_at_prediction() -> None:
    X, y = data()
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = small().fit(frame, y)
    for wrong in (frame[list("dcba")], frame[list("abc")], frame.assign(e=1.0)):
        with pytest.raises(InputError, match="feature"):
            model.predict(wrong)


def test_twin_column_names_are_refused() -> None:
    X, y = data()
    with pytest.raises(InputError, match="'a'"):
        small().fit(pd.DataFrame(X, columns=list("aabc")), y)


def test_validation_rows_come_in_pairs_with_known_labels() -> None:
    X, y = data()
    with pytest.raises(InputError, match="X_val and y_val"):
        small().fit(X, y, X_val=X)
    with pytest.raises(InputError, match="label 9"):
        small().fit(X, y, X_val=X[:2], y_val=[0, 9])
    validated = small().fit(X, y, X_val=X[:5], y_val=y[:5])
    np.testing.assert_array_equal(validated.predict_proba(X), small().fit(X, y).predict_proba(X))


@pytest.mark.parametrize(
    "settings",
    [
        {"random_state": -1},
        {"random_state": "x"},
        {"n_jobs": 0},
        {"n_jobs": 1.5},
        {"n_estimators": 0},
        {"max_bins": 70_000},
    ],
)
def test_wrong_parameters_are_named(settings: dict[str, Any]) -> None:
    X, y = data()
    name = {"max_bins": "n_bins"}.get(next(iter(settings)), next(iter(settings)))
    with pytest.raises(InputError, match=name):
        small(**settings).fit(X, y)


def test_a_wrong_time_limit_is_refused() -> None:
    X, y = data()
    with pytest.raises(InputError, match="time_limit"):
        small().fit(X, y, time_limit=-1)


def test_a_fit_that_ran_out_of_time_is_marked() -> None:
    X, y = data()
    model = small(n_estimators=200_000).fit(X, y, time_limit=0.3)
    assert not model.complete_
    assert model.stop_reason_ == "timeout"
    assert "of 200000 trees" in model.warnings_[0]


def test_random_state_takes_what_scikit_learn_takes_and_a_generator() -> None:
    X, y = data()
    for make in (lambda: 5, lambda: np.random.RandomState(5), lambda: np.random.default_rng(5)):
        first, second = small(random_state=make()).fit(X, y), small(random_state=make()).fit(X, y)
        np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))


def test_threads_do_not_change_an_estimator_and_history_is_a_table() -> None:
    X, y = data()
    one, all_cores = small(n_jobs=1).fit(X, y), small(n_jobs=-1).fit(X, y)
    np.testing.assert_array_equal(one.predict_proba(X), all_cores.predict_proba(X))
    assert one.history_["step"].tolist() == [8.0]
    assert one.complete_
    assert one.stop_reason_ == ""


def test_out_of_bag_score_exists_when_asked_for() -> None:
    X, y = data()
    assert 0.5 < small(oob_score=True).fit(X, y).oob_score_ <= 1
    with pytest.raises(AttributeError, match="oob_score=True"):
        _ = small().fit(X, y).oob_score_


def test_a_class_weight_dictionary_is_row_weights() -> None:
    X, y = data()
    by_class = small(class_weight={0: 3.0, 1: 1.0}).fit(X, y)
    by_row = small(class_weight=None).fit(X, y, sample_weight=np.where(y == 0, 3.0, 1.0))
    np.testing.assert_array_equal(by_class.predict_proba(X), by_row.predict_proba(X))
    with pytest.raises(InputError, match="class_weight"):
        small(class_weight={0: -3.0}).fit(X, y)


def test_every_error_is_ours() -> None:
    assert issubclass(InputError, SmctrainError)
    assert issubclass(OneClass, ValueError)
