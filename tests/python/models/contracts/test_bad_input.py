"""Bad and odd input: one outcome for all families, as the table in `smctrain.models` says."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from families import HERE, Family, each
from scipy import sparse

from smctrain.exceptions import InputError, OneClass, TooFewColumns, TooFewRows

NAMES = ["rsi", "atr", "hour", "gap"]


def data(family: Family, n: int = 120) -> tuple[Any, Any]:
    """Values that float16 and int8 hold exactly, so that every form of them is the same numbers."""
    rng = np.random.default_rng(0)
    X = rng.integers(-40, 40, size=(n, 4)).astype(np.float64)
    signal = X[:, 0] - 0.5 * X[:, 1]
    return X, (signal > 0).astype(int) if family.classifies else signal


def outputs(family: Family, model: Any, X: Any) -> Any:
    """Everything a model says about X; of a sequence family about the rows that have a full window."""
    found = model.predict_proba(X) if family.classifies else model.predict(X)
    if family.sequence:
        silent = np.isnan(found).any(axis=1) if family.classifies else np.ma.getmaskarray(found)
        assert silent.tolist() == [row < family.lookback - 1 for row in range(len(found))]
    return np.ascontiguousarray(np.asarray(found)[family.lookback - 1 :])


def spoiled(X: Any, value: Any, row: int = 7, column: int = 2) -> Any:
    X = X.copy()
    X[row, column] = value
    return X


# ---- X ------


@each(HERE)
@pytest.mark.parametrize(
    ("value", "words"),
    [(np.inf, "column 2, row 7, is infinite"), (-np.inf, "column 2, row 7, is infinite"),
     (1e300, r"column 2, row 7, is 1e\+300, beyond the range of float32")],
    ids=["inf", "minus inf", "1e300"],
)  # fmt: skip
def test_numbers_beyond_float32_are_refused_with_their_place(family: Family, value: float, words: str) -> None:
    X, y = data(family)
    with pytest.raises(InputError, match=words):
        family.make().fit(spoiled(X, value), y)
    with pytest.raises(InputError, match=words):
        family.make().fit(X, y).predict(spoiled(X, value))
    with pytest.raises(InputError, match=words):
        family.make().fit(X, y, X_val=spoiled(X, value), y_val=y)


@each(HERE)
def test_missing_values_are_taken_or_refused_with_their_place(family: Family) -> None:
    X, y = data(family)
    holes = spoiled(X, np.nan)
    fitted = family.make().fit(X, y)
    if family.takes_missing:
        assert np.isfinite(outputs(family, family.make().fit(holes, y), holes)).all()
        assert np.isfinite(outputs(family, fitted, holes)).all()
        return
    words = f"column 2, row 7, is NaN, and {family.name} takes no missing values: impute them first"
    with pytest.raises(InputError, match=words):
        family.make().fit(holes, y)
    with pytest.raises(InputError, match=words):
        fitted.predict(holes)


@each(HERE)
def test_what_is_no_table_of_numbers_is_refused(family: Family) -> None:
    X, y = data(family)
    text = X.astype(object)
    text[3, 1] = "high"
    nothing = X.astype(object)
    nothing[3, 1] = None
    frame = pd.DataFrame(X, columns=NAMES)
    for wrong, words in (
        (X[:, 0], "Expected 2D array"),
        (X[None], "dim 3|3 dim"),
        (sparse.csr_matrix(X), "[Ss]parse"),
        (text, "column 1 .*holds str"),
        (nothing, "column 1 .*holds NoneType"),
        (X.astype(str), "X must hold numbers"),
        (X + 1j, "Complex data not supported"),
        (X.astype("datetime64[s]"), "X must hold numbers"),
        (frame.assign(atr="high"), "column 'atr'"),
        (frame.assign(atr=pd.Timestamp("2024-01-01")), "column 'atr'"),
        (pl.DataFrame(frame).with_columns(atr=pl.lit("high")), "column 'atr'"),
        (pa.table({"rsi": X[:, 0], "atr": ["high"] * 120}), "column 'atr'"),
    ):
        with pytest.raises(InputError, match=words):
            family.make().fit(wrong, y)


@each(HERE)
def test_nothing_to_learn_from_is_refused(family: Family) -> None:
    X, y = data(family)
    with pytest.raises(TooFewRows, match="0 sample"):
        family.make().fit(X[:0], y[:0])
    with pytest.raises(TooFewRows, match=r"at least 2 rows.*n_samples=1"):
        family.make().fit(X[:1], y[:1])
    with pytest.raises(TooFewRows, match=r"at least 2 rows.*n_samples=1"):
        family.make().fit(X, y, sample_weight=np.arange(120) == 5)
    with pytest.raises(TooFewColumns, match="0 feature"):
        family.make().fit(X[:, :0], y)
    with pytest.raises(TooFewRows, match="0 sample"):
        family.make().fit(X, y).predict(X[:0])


@each(HERE)
def test_every_layout_and_width_of_the_same_numbers_gives_the_same_bits(family: Family) -> None:
    X, y = data(family)
    expected = outputs(family, family.make().fit(X, y), X).tobytes()
    strided = np.zeros((240, 8))
    strided[::2, ::2] = X
    read_only = X.astype(np.float32)
    read_only.flags.writeable = False
    with tempfile.TemporaryDirectory() as folder:
        mapped = np.memmap(Path(folder) / "X", dtype=np.float32, mode="w+", shape=X.shape)
        mapped[:] = X
        forms = [
            np.asfortranarray(X), np.asfortranarray(X.astype(np.float32)), strided[::2, ::2], X[::-1][::-1], read_only,
            mapped, X.astype(np.float16), X.astype(np.float32), X.astype(np.int8), X.astype(np.int64),
            X.astype(np.longdouble), X.astype(">f8"), X.astype(object), X.tolist(),
        ]  # fmt: skip
        for form in forms:
            kept = np.array(form)
            model = family.make().fit(form, y)
            assert outputs(family, model, form).tobytes() == expected, getattr(form, "dtype", type(form))
            np.testing.assert_array_equal(np.array(form), kept)
        del mapped
    flags = X > 0
    assert (
        outputs(family, family.make().fit(flags, y), flags).tobytes()
        == outputs(family, family.make().fit(flags.astype(float), y), flags.astype(float)).tobytes()
    )


@each(HERE)
def test_frames_of_every_library_give_the_same_bits_and_their_names(family: Family) -> None:
    X, y = data(family)
    expected = outputs(family, family.make().fit(X, y), X).tobytes()
    frame = pd.DataFrame(X, columns=NAMES)
    for table, target in (
        (frame, pd.Series(y)),
        (frame.set_axis(np.arange(120) * 7), pd.Series(y, index=np.arange(120)[::-1])),  # rows go by place
        (frame.astype({"rsi": "Int64", "atr": "Float64"}), y.tolist()),
        (pl.DataFrame(frame), pl.Series(y)),
        (pa.table(dict(zip(NAMES, X.T, strict=True))), pa.array(y)),
    ):
        model = family.make().fit(table, target)
        assert model.feature_names_in_.tolist() == NAMES
        assert outputs(family, model, table).tobytes() == expected
    holes = pa.table({"rsi": pa.array([None, *X[1:, 0].astype(int)]), "atr": X[:, 1]})
    if family.takes_missing:
        plain = np.column_stack([spoiled(X, np.nan, 0, 0)[:, 0], X[:, 1]])
        same = outputs(family, family.make().fit(holes, y), holes)
        assert same.tobytes() == outputs(family, family.make().fit(plain, y), plain).tobytes()
    else:
        with pytest.raises(InputError, match="column 'rsi', row 0, is NaN"):
            family.make().fit(holes, y)


@each(HERE)
def test_wrong_columns_are_refused_at_prediction(family: Family) -> None:
    X, y = data(family)
    frame = pd.DataFrame(X, columns=NAMES)
    model = family.make().fit(frame, y)
    for wrong in (frame[NAMES[::-1]], frame[NAMES[:3]], frame.assign(more=1.0), pl.DataFrame(frame[NAMES[::-1]])):
        with pytest.raises(InputError, match="feature"):
            model.predict(wrong)
    for wrong in (X[:, :3], np.column_stack([X, X[:, 0]])):
        with pytest.raises(InputError, match=f"{wrong.shape[1]} features"):
            family.make().fit(X, y).predict(wrong)
    with pytest.raises(InputError, match="'rsi'"):
        family.make().fit(frame.set_axis(["rsi", "rsi", "hour", "gap"], axis=1), y)


@each(HERE)
def test_useless_columns_do_no_harm(family: Family) -> None:
    X, y = data(family)
    for more in (np.full((120, 1), 3.25), np.zeros((120, 1)), X[:, :1], np.tile(X, (1, 2)), np.full((120, 1), 3e38)):
        wider = np.column_stack([X, more])
        assert np.isfinite(outputs(family, family.make().fit(wider, y), wider)).all()
    alone = np.ones((120, 1))
    assert np.isfinite(outputs(family, family.make().fit(alone, y), alone)).all()
    single = X[:, :1]
    assert np.isfinite(outputs(family, family.make().fit(single, y), single)).all()
    empty = np.column_stack([X, np.full(120, np.nan)])
    if family.takes_missing:
        assert np.isfinite(outputs(family, family.make().fit(empty, y), empty)).all()
    else:
        with pytest.raises(InputError, match="column 4, row 0, is NaN"):
            family.make().fit(empty, y)


@each(HERE)
def test_far_more_columns_than_rows_are_trained_on(family: Family) -> None:
    X = np.random.default_rng(0).normal(size=(20, 10_000)).astype(np.float32)
    y = (X[:, 0] > 0).astype(int) if family.classifies else X[:, 0]
    assert np.isfinite(outputs(family, family.make().fit(X, y), X)).all()


@each(HERE)
def test_numbers_at_the_edge_of_float32_stay_finite(family: Family) -> None:
    X, y = data(family)
    for scale in (1e36, 1e-40):  # 4e37; subnormal
        assert np.isfinite(outputs(family, family.make().fit(X * scale, y), X * scale)).all()


@each(HERE)
def test_predictions_are_the_callers_own(family: Family) -> None:
    X, y = data(family)
    model = family.make().fit(X, y)
    first = outputs(family, model, X)
    kept = first.copy()
    first[:] = -1
    labels = np.asarray(model.predict(X))
    labels[:] = labels[0]
    np.testing.assert_array_equal(outputs(family, model, X), kept)


# ---- y ------


@each(HERE)
def test_targets_that_do_not_fit_are_refused(family: Family) -> None:
    X, y = data(family)
    with pytest.raises(InputError, match=r"inconsistent numbers of samples|y must have"):
        family.make().fit(X, y[:-1])
    with pytest.raises(InputError, match=r"y should be a 1d array|1-dimensional|bad input shape"):
        family.make().fit(X, np.column_stack([y, y]))
    with pytest.raises(InputError, match="y"):
        family.make().fit(X, None)
    for value, words in ((np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")):
        with pytest.raises(InputError, match=f"y contains {words}"):
            family.make().fit(X, np.where(np.arange(120) == 4, value, y.astype(float)))


@each([family for family in HERE if family.classifies])
@pytest.mark.parametrize(
    "labels",
    [[1, 2], [-1, 1], [0, 5], ["down", "up"], [False, True], [0.0, 5.0], [2**40, 2**40 + 1]],
    ids=str,
)
def test_any_two_labels_are_mapped_through_classes(family: Family, labels: list[Any]) -> None:
    X, y = data(family)
    plain = family.make().fit(X, y)
    values = np.array(labels)
    for target in (values[y], values[y].astype(object), values[y].tolist(), pd.Series(values[y])):
        model = family.make().fit(X, target)
        assert model.classes_.tolist() == labels
        assert outputs(family, model, X).tobytes() == outputs(family, plain, X).tobytes()
        said, codes = model.predict(X)[family.lookback - 1 :], plain.predict(X)[family.lookback - 1 :]
        assert np.asarray(said).tolist() == values[np.asarray(codes)].tolist()
    assert family.make().fit(X, values[y]).predict(X).dtype == values.dtype


@each([family for family in HERE if family.classifies])
def test_many_classes_with_gaps_between_their_labels(family: Family) -> None:
    X, _ = data(family, 600)
    three = np.array([0, 5, 9])[np.digitize(X[:, 0], [-15, 15])]
    model = family.make().fit(X, three)
    assert model.classes_.tolist() == [0, 5, 9]
    np.testing.assert_allclose(outputs(family, model, X).sum(axis=1), 1.0, rtol=1e-6)
    hundred = np.arange(600) % 100 * 3
    model = family.make().fit(X, hundred)
    assert model.predict_proba(X).shape == (600, 100)
    np.testing.assert_allclose(outputs(family, model, X).sum(axis=1), 1.0, rtol=1e-6)
    assert np.isin(np.ma.compressed(model.predict(X)), hundred).all()


@each([family for family in HERE if family.classifies])
def test_one_class_and_numbers_instead_of_classes_are_refused(family: Family) -> None:
    X, y = data(family)
    with pytest.raises(OneClass, match="one class: 'up' in all 120 rows"):
        family.make().fit(X, np.full(120, "up"))
    with pytest.raises(OneClass, match="one class"):
        family.make().fit(X, y, sample_weight=(y == 1).astype(float))
    with pytest.raises(InputError, match="continuous"):
        family.make().fit(X, np.linspace(0, 1, 120))
    mixed = y.astype(object)
    mixed[3] = "up"
    with pytest.raises(InputError, match="y"):
        family.make().fit(X, mixed)
    with pytest.raises(InputError, match="label 9"):
        family.make().fit(X, y, X_val=X[:2], y_val=[0, 9])


@each([family for family in HERE if not family.classifies])
def test_targets_of_regressions_are_numbers_of_any_kind(family: Family) -> None:
    X, y = data(family)
    y = np.round(y)
    expected = outputs(family, family.make().fit(X, y), X).tobytes()
    for form in (y.astype(np.float32), y.astype(np.int16), y.astype(object), y.tolist(), np.repeat(y, 2)[::2]):
        assert outputs(family, family.make().fit(X, form), X).tobytes() == expected
    for wrong in (np.full(120, "up"), np.array([*y[:-1], "up"], dtype=object), y + 1j):
        with pytest.raises(InputError, match=r"y must hold numbers|[Cc]omplex"):
            family.make().fit(X, wrong)
    with pytest.raises(InputError, match=r"y must be finite .* but is 1e\+300 in row 7"):
        family.make().fit(X, np.where(np.arange(120) == 7, 1e300, y))
    constant = family.make().fit(X, np.full(120, 2.5))
    np.testing.assert_allclose(outputs(family, constant, X), 2.5, rtol=1e-6)


# ---- weights and the rest of fit ------


@each(HERE)
@pytest.mark.parametrize(
    ("weight", "error", "words"),
    [
        (np.where(np.arange(120) == 11, np.nan, 1.0), InputError, "finite and not negative, but is nan in row 11"),
        (np.where(np.arange(120) == 11, np.inf, 1.0), InputError, "finite and not negative, but is inf in row 11"),
        (np.where(np.arange(120) == 11, -1.0, 1.0), InputError, "finite and not negative, but is -1.0 in row 11"),
        (np.zeros(120), TooFewRows, "all 120 sample weights are zero"),
        (np.ones(119), InputError, "one entry for each of the 120 rows, but has 119"),
        (np.ones((120, 2)), InputError, "Sample weights must be 1D"),
        (["much"] * 120, InputError, "sample_weight must hold numbers"),
    ],
    ids=["NaN", "inf", "negative", "zero", "length", "2-D", "text"],
)
def test_bad_weights_are_refused(family: Family, weight: Any, error: type[Exception], words: str) -> None:
    X, y = data(family)
    with pytest.raises(error, match=words):
        family.make().fit(X, y, sample_weight=weight)


@each(HERE)
def test_a_row_of_weight_zero_is_an_absent_row(family: Family) -> None:
    X, y = data(family)
    weight = np.ones(120)
    weight[100:] = 0
    X[100:] = 39
    weighted, cut = family.make().fit(X, y, sample_weight=weight), family.make().fit(X[:100], y[:100])
    np.testing.assert_array_equal(outputs(family, weighted, X), outputs(family, cut, X))


@each(HERE)
def test_the_rest_of_fit_is_checked_too(family: Family) -> None:
    X, y = data(family)
    for settings, words in (
        ({"X_val": X}, "X_val and y_val"),
        ({"y_val": y}, "X_val and y_val"),
        ({"X_val": X[:, :2], "y_val": y}, "2 features"),
        ({"X_val": X, "y_val": y[:5]}, "inconsistent"),
        ({"time_limit": 0}, "time_limit"),
        ({"time_limit": float("nan")}, "time_limit"),
    ):
        with pytest.raises(InputError, match=words):
            family.make().fit(X, y, **settings)
