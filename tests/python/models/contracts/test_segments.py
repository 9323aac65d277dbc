"""`segment=` of the sequence families: one outcome for all of them, as the table in `smctrain.models` says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from families import HERE, Family, each

from smctrain.exceptions import InputError, TooFewRows

SEQUENCES = [family for family in HERE if family.sequence]
N = 60
HALVES = np.repeat([7, 2], N // 2)


def data(family: Family) -> tuple[Any, Any]:
    X = np.random.default_rng(0).normal(size=(N, 3))
    return X, (X[:, 0] > 0).astype(int) if family.classifies else X[:, 0]


def silent(family: Family, model: Any, X: Any, **more: Any) -> list[int]:
    """Rows without an answer."""
    mask = np.ma.getmaskarray(model.predict(X, **more))
    if family.classifies:
        np.testing.assert_array_equal(np.isnan(model.predict_proba(X, **more)).all(axis=1), mask)
    return np.flatnonzero(mask).tolist()


def weights(model: Any) -> bytes:
    return b"".join(array.tobytes() for array in model.fitted_.arrays.values())


@each(SEQUENCES)
@pytest.mark.parametrize(
    "segment",
    [HALVES[:-1], np.r_[HALVES, 2], HALVES[:, None], HALVES.astype(float), HALVES.astype(str), HALVES > 3, 7, [],
     [7] * (N - 1) + [None], np.full(N, np.nan)],
    ids=["short", "long", "2-D", "fractions", "text", "booleans", "one number", "empty", "None in it", "NaN"],
)  # fmt: skip
def test_what_is_no_integer_for_each_row_is_refused(family: Family, segment: Any) -> None:
    X, y = data(family)
    words = f"segment must hold one integer for each of the {N} rows"
    with pytest.raises(InputError, match=words):
        family.make().fit(X, y, segment=segment)
    model = family.make().fit(X, y)
    with pytest.raises(InputError, match=words):
        model.predict(X, segment=segment)
    if family.classifies:
        with pytest.raises(InputError, match=words):
            model.predict_proba(X, segment=segment)


@each(SEQUENCES)
def test_ids_of_any_form_and_value_are_the_same_stretches(family: Family) -> None:
    X, y = data(family)
    model = family.make().fit(X, y, segment=HALVES)
    assert model.left_out_ == 2 * (family.lookback - 1)
    assert model.warnings_ == [
        f"{model.left_out_} of {N} training rows have no full window of {family.lookback} rows inside one segment and "
        "were left out."
    ]
    forms: list[Any] = [
        HALVES.tolist(), HALVES.astype(np.uint8), -HALVES, HALVES * 2**40, np.repeat(HALVES, 2)[::2], pd.Series(HALVES),
    ]  # fmt: skip
    for form in forms:
        assert weights(family.make().fit(X, y, segment=form)) == weights(model)
    first, second = range(family.lookback - 1), range(N // 2, N // 2 + family.lookback - 1)
    assert silent(family, model, X, segment=HALVES) == [*first, *second]
    assert silent(family, model, X) == [*first]


@each(SEQUENCES)
def test_ids_that_come_back_are_stretches_anew_and_the_user_is_told(family: Family) -> None:
    X, y = data(family)
    back = np.repeat([7, 2, 7, 2], N // 4)
    model = family.make().fit(X, y, segment=back)
    assert weights(model) == weights(family.make().fit(X, y, segment=np.repeat([0, 1, 2, 3], N // 4)))
    assert "The 2 ids of segment come back: their rows lie in 4 stretches" in model.warnings_[-1]
    starts = [start + i for start in range(0, N, N // 4) for i in range(family.lookback - 1)]
    assert silent(family, model, X, segment=back) == starts


@each(SEQUENCES)
def test_stretches_that_are_all_too_short_are_refused_in_fit_and_silent_in_predict(family: Family) -> None:
    X, y = data(family)
    words = f"at least 4 training rows with a full window of {family.lookback} rows inside one segment, but there are 0"
    short = np.arange(N) // (family.lookback - 1)
    mixed = np.arange(N) % 2  # rows of two symbols in turn
    for segment in (short, mixed, np.arange(N)):
        with pytest.raises(TooFewRows, match=words):
            family.make().fit(X, y, segment=segment)
        assert silent(family, family.make().fit(X, y), X, segment=segment) == list(range(N))
    with pytest.raises(TooFewRows, match="with a full window"):
        family.make(lookback=N).fit(X, y)
    with pytest.raises(TooFewRows, match=r"early stopping needs at least 1 stop row .* full window"):
        family.make().fit(X, y, X_val=X[: family.lookback - 1], y_val=y[: family.lookback - 1])
    model = family.make().fit(X, y)
    assert silent(family, model, X[: family.lookback - 1]) == list(range(family.lookback - 1))


@each(SEQUENCES)
def test_missing_values_are_refused_wherever_they_stand(family: Family) -> None:
    """Even where no window reads them: which rows windows read depends on `lookback`, and an error should not."""
    X, y = data(family)
    for row in (0, N // 2, N - 1):
        holes = X.copy()
        holes[row, 1] = np.nan
        with pytest.raises(InputError, match=f"column 1, row {row}, is NaN"):
            family.make().fit(holes, y, segment=HALVES)
        with pytest.raises(InputError, match=f"column 1, row {row}, is NaN"):
            family.make().fit(X, y, segment=HALVES).predict(holes, segment=HALVES)
        with pytest.raises(InputError, match=f"column 1, row {row}, is NaN"):
            family.make().fit(X, y, X_val=holes, y_val=y)


@each(SEQUENCES)
def test_a_row_of_weight_zero_teaches_nothing_and_is_still_read_by_later_windows(family: Family) -> None:
    X, y = data(family)
    weight = np.ones(N)
    weight[20:30] = 0.0
    model = family.make().fit(X, y, sample_weight=weight)
    if family.classifies:
        other = np.where(weight > 0, y, 1 - y)
    else:
        other = np.where(weight > 0, y, 1e6)
    assert weights(family.make().fit(X, other, sample_weight=weight)) == weights(model)
    moved = X.copy()
    moved[29] += 1.0
    assert weights(family.make().fit(moved, y, sample_weight=weight)) != weights(model)
    assert silent(family, model, X) == list(range(family.lookback - 1))
