"""Fold hygiene against plain numpy, and what it may and may not look at."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from smctrain.exceptions import ArtifactError, InputError, TooFewColumns, TooFewRows
from smctrain.prepare import Preparation, PrepareSettings


def table(n: int = 500, seed: int = 0) -> tuple[NDArray[np.float32], list[str]]:
    """good, skewed with gaps, constant, all missing, mostly missing, twin, sometimes infinite, rare."""
    rng = np.random.default_rng(seed)
    X = np.empty((n, 8), dtype=np.float32)
    X[:, 0] = rng.normal(size=n)
    X[:, 1] = np.exp(2 * rng.normal(size=n))
    X[rng.random(n) < 0.2, 1] = np.nan
    X[:, 2] = 7.25
    X[:, 3] = np.nan
    X[:, 4] = rng.normal(size=n)
    X[: int(0.6 * n), 4] = np.nan
    X[:, 5] = X[:, 0]
    X[:, 6] = rng.normal(size=n)
    X[::50, 6] = np.inf
    X[1::50, 6] = -np.inf
    X[:, 7] = 0
    X[n // 2, 7] = 1  # a single one: constant once outliers are clipped
    return X, ["good", "skewed", "flat", "empty", "sparse", "twin", "spiky", "rare"]


def expected(column: NDArray[np.float32]) -> tuple[float, float, float, float, float]:
    x = column.astype(np.float64)
    x[~np.isfinite(x)] = np.nan
    median = np.nanmedian(x)
    filled = np.where(np.isnan(x), median, x)
    low, high = np.quantile(filled, [0.001, 0.999])
    clipped = np.clip(filled, low, high)
    return median, low, high, clipped.mean(), clipped.std(ddof=1)


def test_bad_columns_are_dropped_with_their_reason() -> None:
    X, names = table(n=2000)
    fitted = Preparation.fit(X, np.arange(2000), names)
    assert fitted.kept_names == ["good", "skewed", "spiky"]
    assert fitted.kept.tolist() == [0, 1, 6]
    assert fitted.dropped == [
        ("flat", "constant"),
        ("empty", "all values are missing"),
        ("sparse", "more than 50% of the values are missing"),
        ("twin", "duplicate of good"),
        ("rare", "constant after clipping"),
    ]


def test_statistics_and_transform_equal_plain_numpy() -> None:
    X, names = table()
    rows = np.arange(0, 500, 2)
    fitted = Preparation.fit(X, rows, names)
    assert "spiky" in fitted.kept_names
    out = fitted.transform(X)
    assert out.dtype == np.float32
    assert out.flags.c_contiguous
    assert np.isfinite(out).all()
    for k, j in enumerate(fitted.kept):
        median, low, high, mean, scale = expected(X[rows, j])
        got = [fitted.fill[k], fitted.low[k], fitted.high[k], fitted.center[k], fitted.scale[k]]
        np.testing.assert_allclose(got, [median, low, high, mean, scale], rtol=1e-12)
        column = X[:, j].astype(np.float64)
        filled = np.where(np.isfinite(column), column, median)
        np.testing.assert_allclose(
            out[:, k], ((np.clip(filled, low, high) - mean) / scale).astype(np.float32), rtol=1e-6, atol=1e-7
        )
    np.testing.assert_allclose(out[rows].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(out[rows].std(axis=0, ddof=1), 1, rtol=1e-5)


def test_rows_outside_the_fit_rows_change_nothing() -> None:
    X, names = table()
    rows = np.arange(300)
    changed = X.copy()
    changed[300:] = 1e30
    first, second = Preparation.fit(X, rows, names), Preparation.fit(changed, rows, names)
    assert first.to_state()[0] == second.to_state()[0]
    for name, array in first.to_state()[1].items():
        np.testing.assert_array_equal(array, second.to_state()[1][name])
    np.testing.assert_array_equal(first.transform(X)[:300], first.transform(changed)[:300])


def test_the_outcome_depends_neither_on_threads_nor_on_the_order_of_rows() -> None:
    X, names = table()
    rows = np.arange(400)
    first = Preparation.fit(X, rows, names)
    second = Preparation.fit(X, rows[::-1].copy(), names, threads=4)
    assert first.fit_rows_hash == second.fit_rows_hash
    assert first.transform(X).tobytes() == second.transform(X, threads=3).tobytes()


def test_select_keeps_values_and_makes_infinite_ones_missing() -> None:
    X, names = table()
    fitted = Preparation.fit(X, np.arange(500), names)
    kept = X[:, fitted.kept]
    np.testing.assert_array_equal(fitted.select(X), np.where(np.isinf(kept), np.nan, kept))
    rows = np.array([3, 1, 499])
    np.testing.assert_array_equal(fitted.select(X, rows), fitted.select(X)[rows])
    np.testing.assert_array_equal(fitted.transform(X, rows), fitted.transform(X)[rows])


def test_the_input_is_never_written_to() -> None:
    X, names = table()
    before = X.tobytes()
    X.flags.writeable = False
    fitted = Preparation.fit(X, np.arange(500), names)
    fitted.transform(X)
    fitted.select(X)
    assert X.tobytes() == before


def test_equal_on_training_rows_is_a_duplicate_even_with_missing_values_and_signed_zeros() -> None:
    a = np.array([0.0, np.nan, 2.0, 5.0], dtype=np.float32)
    b = np.array([-0.0, np.inf, 2.0, 9.0], dtype=np.float32)
    X = np.column_stack([a, b])
    assert Preparation.fit(X, np.arange(3), ["a", "b"]).dropped == [("b", "duplicate of a")]
    assert Preparation.fit(X, np.arange(4), ["a", "b"]).dropped == []


def test_provenance_is_the_hash_of_the_sorted_row_ids() -> None:
    X, names = table()
    fitted = Preparation.fit(X, np.array([5, 2, 9, 1, 0, 7]), names, PrepareSettings(max_missing=1.0))
    ids = np.array([0, 1, 2, 5, 7, 9], dtype="<i8").tobytes()
    assert fitted.fit_rows == 6
    assert fitted.fit_rows_hash == hashlib.blake2b(ids, digest_size=32).hexdigest()


def test_without_clipping_the_extremes_stay() -> None:
    X, names = table()
    fitted = Preparation.fit(X, np.arange(500), names, PrepareSettings(clip=None))
    assert "rare" in fitted.kept_names
    beyond = X.copy()
    beyond[0, 0] = 1e6
    assert fitted.transform(beyond)[0, 0] > 1e5


def test_a_restored_preprocessor_transforms_to_the_same_bits() -> None:
    X, names = table()
    fitted = Preparation.fit(X, np.arange(500), names)
    restored = Preparation.from_state(*fitted.to_state())
    assert restored.transform(X).tobytes() == fitted.transform(X).tobytes()
    assert restored.dropped == fitted.dropped
    assert restored.names == fitted.names
    assert restored.fit_rows_hash == fitted.fit_rows_hash


@pytest.mark.parametrize(
    ("where", "key", "value"),
    [
        ("meta", "names", ["a", "a"]),
        ("meta", "fit_rows", -1),
        ("meta", "fit_rows_hash", "00"),
        ("meta", "dropped", []),
        ("meta", "dropped", [["unknown", "constant"]]),
        ("arrays", "kept", np.array([6, 1, 0])),
        ("arrays", "kept", np.array([0, 1, 99])),
        ("arrays", "scale", np.zeros(3)),
        ("arrays", "mean", np.array([0, np.nan, 0])),
        ("arrays", "median", np.zeros(2)),
        ("arrays", "low", np.full(3, 1e9)),
    ],
)
def test_a_tampered_state_is_refused(where: str, key: str, value: Any) -> None:
    X, names = table(n=2000)
    meta, arrays = Preparation.fit(X, np.arange(2000), names).to_state()
    changed = {"meta": dict(meta), "arrays": dict(arrays)}
    changed[where][key] = value
    with pytest.raises(ArtifactError, match="preprocessor"):
        Preparation.from_state(changed["meta"], changed["arrays"])


def test_nothing_usable_is_refused() -> None:
    with pytest.raises(TooFewColumns, match="none of the 2 columns"):
        Preparation.fit(np.ones((10, 2), dtype=np.float32), np.arange(10), ["a", "b"])
    with pytest.raises(TooFewRows, match="got 1"):
        Preparation.fit(np.ones((10, 2), dtype=np.float32), np.arange(1), ["a", "b"])


def test_bad_arguments_are_refused_by_name() -> None:
    X, names = table()
    with pytest.raises(InputError, match="'good' occurs more than once"):
        Preparation.fit(X, np.arange(500), ["good", *names[:-1]])
    with pytest.raises(InputError, match="names must have one entry"):
        Preparation.fit(X, np.arange(500), names[:-1])
    with pytest.raises(InputError, match=r"rows must lie in 0\.\.499"):
        Preparation.fit(X, np.array([0, 1, 500]), names)
    with pytest.raises(InputError, match="X must be float32"):
        Preparation.fit(X.astype(np.float64), np.arange(500), names)
    fitted = Preparation.fit(X, np.arange(500), names)
    with pytest.raises(InputError, match="8 columns"):
        fitted.transform(np.ascontiguousarray(X[:, :3]))


GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("family", ["LogisticRegression", "RandomForest"])
def test_models_saved_by_the_first_version_still_predict_the_same_bits(family: str) -> None:
    from smctrain.models.pipeline import Pipeline

    known = json.loads((GOLDEN / "expected.json").read_text())
    X = np.array(known["X"], dtype=np.float64).astype(np.float32)
    model = Pipeline.read(GOLDEN / f"{family}.smc")
    assert model.prepare.settings == PrepareSettings()
    np.testing.assert_array_equal(model.predict_proba(X), known["proba"][family])
    again = Pipeline.from_bytes(model.to_bytes())
    np.testing.assert_array_equal(again.predict_proba(X), known["proba"][family])


@pytest.mark.parametrize("scale", ["standard", "robust", "minmax", None])
@pytest.mark.parametrize("impute", ["median", "mean", "constant", None])
@pytest.mark.parametrize("clip", [(0.01, 0.98), None])
def test_every_combination_equals_plain_numpy(scale: str | None, impute: str | None, clip: Any) -> None:
    X, names = table()
    rows = np.arange(10, 410)
    settings = PrepareSettings(impute=impute, fill_value=-2.5, clip=clip, scale=scale)
    fitted = Preparation.fit(X, rows, names, settings, threads=2)
    out = fitted.transform(X)
    assert "skewed" in fitted.kept_names
    for k, j in enumerate(fitted.kept):
        x = X[:, j].astype(np.float64)
        x[~np.isfinite(x)] = np.nan
        seen = x[rows]
        fill = {"median": np.nanmedian(seen), "mean": np.nanmean(seen), "constant": -2.5, None: np.nan}[impute]
        filled = np.where(np.isnan(x), fill, x)
        if clip is not None:
            filled = np.clip(filled, *np.nanquantile(filled[rows], clip))
        seen = filled[rows][~np.isnan(filled[rows])]
        center, width = {
            "standard": (seen.mean(), seen.std(ddof=1)),
            "robust": (np.median(seen), np.subtract(*np.quantile(seen, [0.75, 0.25]))),
            "minmax": (seen.min(), np.ptp(seen)),
            None: (0.0, 1.0),
        }[scale]
        # float32 output of a computation in double: one rounding.
        np.testing.assert_allclose(out[:, k], (filled - center) / width, rtol=1e-6, atol=1e-6)
    restored = Preparation.from_state(*fitted.to_state())
    assert restored.settings == settings
    assert restored.transform(X).tobytes() == out.tobytes()


def test_indicators_mark_missing_values_of_columns_that_miss_enough_and_patterns_once() -> None:
    X, names = table()
    twin_gaps = (np.nan_to_num(X[:, 1]) ** 2).astype(np.float32)
    twin_gaps[np.isnan(X[:, 1])] = np.inf
    X, names = np.column_stack([X, twin_gaps]), [*names, "squared"]
    rows = np.arange(400)
    # 4 % of "spiky" are infinite, about 20 % of "skewed" and "squared" are missing, in the same rows.
    fitted = Preparation.fit(X, rows, names, PrepareSettings(indicator=0.05))
    assert fitted.names_out() == [*fitted.kept_names, "missingindicator_skewed"]
    assert fitted.names_out(scaled=False) == fitted.kept_names
    out = fitted.transform(X)
    assert out.shape == (500, len(fitted.kept) + 1)
    np.testing.assert_array_equal(out[:, -1], np.isnan(X[:, 1]))
    all_marks = Preparation.fit(X, rows, names, PrepareSettings(indicator=0.01))
    assert all_marks.names_out()[len(all_marks.kept) :] == ["missingindicator_skewed", "missingindicator_spiky"]
    restored = Preparation.from_state(*all_marks.to_state())
    assert restored.transform(X).tobytes() == all_marks.transform(X).tobytes()
    assert all_marks.select(X).shape[1] == len(all_marks.kept)
    meta, arrays = all_marks.to_state()
    with pytest.raises(ArtifactError, match="indicators"):
        Preparation.from_state(meta, {**arrays, "indicators": np.array([2])})


def test_a_scale_of_zero_drops_the_column() -> None:
    X = np.zeros((100, 2), dtype=np.float32)
    X[:, 0] = np.arange(100)
    X[::10, 1] = 1
    fitted = Preparation.fit(X, np.arange(100), ["price", "flag"], PrepareSettings(scale="robust", clip=None))
    assert fitted.dropped == [("flag", "its scale is zero: the middle half of the values is one value")]


def test_values_far_outside_stay_finite() -> None:
    X = np.random.default_rng(0).normal(size=(50, 1)).astype(np.float32) * np.float32(1e-20)
    fitted = Preparation.fit(X, np.arange(50), ["a"], PrepareSettings(clip=None))
    assert np.isfinite(fitted.transform(np.array([[3e38], [-3e38]], dtype=np.float32))).all()


@pytest.mark.parametrize(
    "settings",
    [{"impute": "zero"}, {"scale": "unit"}, {"clip": (0.9, 0.1)}, {"clip": 0.5}, {"indicator": 2.0},
     {"max_missing": -0.1}, {"fill_value": np.nan}],
)  # fmt: skip
def test_wrong_settings_are_named(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(settings))):
        PrepareSettings(**settings)
