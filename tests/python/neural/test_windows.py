"""Windows end with the decision row, include it, and never cross a change of segment."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smctrain import _load
from smctrain.exceptions import TooFewRows
from smctrain.models.lstm import LSTMTrainer

from .conftest import make_task


def slow_full_windows(rows: np.ndarray, segment: np.ndarray, lookback: int) -> list[int]:
    return [
        int(row)
        for row in rows
        if row - lookback + 1 >= 0 and len(set(segment[row - lookback + 1 : row + 1].tolist())) == 1
    ]


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=8),
    lookback=st.integers(1, 7),
    data=st.data(),
)
def test_full_windows_equal_the_obvious_rule(lengths: list[int], lookback: int, data: st.DataObject) -> None:
    segment = np.repeat(np.arange(len(lengths)) % 3, lengths).astype(np.int32)  # ids come back later
    rows = np.array(sorted(data.draw(st.sets(st.integers(0, len(segment) - 1)))), dtype=np.int64)
    native = _load.neural().neural_full_windows(rows, segment, len(segment), lookback)
    assert native.tolist() == slow_full_windows(rows, segment, lookback)


def test_a_window_holds_the_rows_up_to_and_including_the_decision_row() -> None:
    X = np.arange(40, dtype=np.float32).reshape(20, 2)
    windows = _load.neural().neural_gather_windows(X, np.array([19, 4, 10]), 5)
    assert windows.shape == (5, 3, 2)
    for b, row in enumerate((19, 4, 10)):
        np.testing.assert_array_equal(windows[:, b], X[row - 4 : row + 1])


def test_rows_without_a_full_window_are_nan_and_counted() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 3)).astype(np.float32)
    y = rng.integers(0, 2, size=120).astype(np.int32)
    segment = np.repeat(np.array([4, 9, 4], dtype=np.int32), 40)
    fitted = LSTMTrainer(hidden_dim=4, lookback=6, max_epochs=1).fit(make_task(X, y, 100, segment=segment))
    assert fitted.left_out == 15  # the first five rows of each of the three stretches
    assert any("15 of 100 training rows" in sentence for sentence in fitted.warnings)
    missing = np.isnan(fitted.predict_proba(X, segment=segment)).any(axis=1)
    expected = np.zeros(120, dtype=bool)
    for start in (0, 40, 80):
        expected[start : start + 5] = True
    np.testing.assert_array_equal(missing, expected)
    assert np.isnan(fitted.predict_proba(X)).any(axis=1).sum() == 5  # without segments: one stretch


def test_nothing_beyond_a_segment_or_after_the_decision_row_changes_a_prediction() -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(90, 3)).astype(np.float32)
    y = rng.integers(0, 2, size=90).astype(np.int32)
    segment = np.repeat(np.array([0, 1], dtype=np.int32), 45)
    fitted = LSTMTrainer(hidden_dim=4, lookback=6, max_epochs=1).fit(make_task(X, y, 90, segment=segment))
    row = np.array([50], dtype=np.int64)
    before = fitted.predict_proba(X, row, segment)
    assert np.isfinite(before).all()
    other = X.copy()
    other[:45] += 3.0  # the earlier stretch
    other[51:] -= 3.0  # the future
    assert fitted.predict_proba(other, row, segment).tobytes() == before.tobytes()
    for inside in range(45, 51):
        poked = X.copy()
        poked[inside, 0] += 1.0
        assert fitted.predict_proba(poked, row, segment).tobytes() != before.tobytes()


def test_training_never_reads_across_a_segment() -> None:
    """Other values in an earlier stretch leave a fit on the later one bit-equal."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(60, 3)).astype(np.float32)
    y = rng.integers(0, 2, size=60).astype(np.int32)
    segment = np.repeat(np.array([0, 1], dtype=np.int32), 30)
    rows = np.arange(30, 60, dtype=np.int64)
    poked = X.copy()
    poked[:30] += 5.0
    task = make_task(X, y, 60, segment=segment)
    trainer = LSTMTrainer(hidden_dim=4, lookback=6, max_epochs=2)
    fits = [trainer.fit(type(task)(X=data, y=y, rows=rows, n_classes=2, segment=segment)) for data in (X, poked)]
    assert fits[0].left_out == 5
    for name, array in fits[0].arrays.items():
        assert array.tobytes() == fits[1].arrays[name].tobytes()


def test_stop_rows_without_any_window_are_refused() -> None:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(60, 3)).astype(np.float32)
    y = rng.integers(0, 2, size=60).astype(np.int32)
    segment = np.zeros(60, dtype=np.int32)
    segment[55:] = 1
    with pytest.raises(TooFewRows, match="none of the 5"):
        LSTMTrainer(lookback=6).fit(make_task(X, y, 55, 5, segment=segment))
