"""CUSUM events, trend scanning and meta-labels: worked numbers and slow obvious references."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smctrain.bars.types import Bars
from smctrain.exceptions import InputError
from smctrain.labels import cusum_events, meta_labels, trend_scanning, triple_barrier


def closes(values, segment=None) -> Bars:
    price = np.asarray(values, dtype=np.float64)
    n = len(price)
    return Bars(
        symbol="TEST",
        timeframe="M15",
        time=np.datetime64("2024-01-01", "ns") + np.arange(n) * np.timedelta64(900, "s"),
        open=price,
        high=price,
        low=price,
        close=price,
        segment=np.zeros(n, dtype=np.int32) if segment is None else np.asarray(segment, dtype=np.int32),
    )


def from_steps(steps, segment=None) -> Bars:
    """Row 0 at 100, then one row per logarithmic step: step i is the move of row i + 1."""
    return closes(100 * np.exp(np.cumsum([0.0, *steps])), segment)


# -- CUSUM ----------------------------------------------------------------------------------------------------------

STEPS = [0.4, 0.5, 0.3, -0.2, -0.9, -0.4, 0.1, 1.3]


def test_the_events_of_the_definition():
    events = cusum_events(from_steps(STEPS), 1.0)
    assert (events.rows - 1).tolist() == [2, 4, 7]
    assert events.side.tolist() == [1, -1, 1]


def test_a_threshold_per_bar_is_that_of_the_events_bar():
    levels = np.full(9, 1.0)
    levels[3] = 1.3  # the move up is 1.2 there: no event yet, and the sum is kept
    assert cusum_events(from_steps(STEPS), levels).rows.tolist() == [5, 8]
    levels[3] = np.nan
    assert cusum_events(from_steps(STEPS), levels).rows.tolist() == [5, 8]


def test_sums_restart_in_every_segment_and_ignore_the_step_across():
    assert cusum_events(from_steps([0.6, 0.6], segment=[0, 0, 0]), 1.0).rows.tolist() == [2]
    assert cusum_events(from_steps([0.6, 0.6], segment=[0, 0, 1]), 1.0).rows.tolist() == []
    assert cusum_events(from_steps([0.6, 0.6, 0.6], segment=[0, 1, 1, 1]), 1.0).rows.tolist() == [3]


def test_a_missing_close_gives_no_event_and_the_move_counts_on_the_next_bar():
    b = from_steps([0.6, 0.0, 0.6])
    b.close[2] = np.nan
    assert cusum_events(b, 1.0).rows.tolist() == [3]
    b.close[3] = np.nan
    assert cusum_events(b, 1.0).rows.tolist() == []


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-0.02, 0.02), min_size=1, max_size=80), st.floats(0.005, 0.05), st.integers(1, 80))
def test_events_equal_a_slow_loop_and_later_bars_change_none(steps, threshold, cut):
    b = from_steps(steps)
    up = down = 0.0
    expected = []
    for t in range(1, len(b)):
        x = math.log(b.close[t] / b.close[t - 1])
        up, down = max(0.0, up + x), min(0.0, down + x)
        if up > threshold:
            expected.append((t, 1))
            up = 0.0
        elif down < -threshold:
            expected.append((t, -1))
            down = 0.0
    events = cusum_events(b, threshold)
    assert list(zip(events.rows.tolist(), events.side.tolist(), strict=True)) == expected
    early = cusum_events(b[:cut], threshold)
    assert early.rows.tolist() == events.rows[events.rows < cut].tolist()


@pytest.mark.parametrize("threshold", [0, -1.0, float("nan"), float("inf"), [0.1, 0.2], [0.1, 0.0, 0.1]])
def test_a_threshold_that_is_not_above_0_is_an_error(threshold):
    with pytest.raises(InputError, match="threshold must be"):
        cusum_events(closes([1, 2, 3]), threshold)


# -- trend scanning -------------------------------------------------------------------------------------------------


def test_the_trend_of_the_definition():
    labels = trend_scanning(closes([100, 101, 102.5, 101.5, 103, 104, 103.5, 90]), 7)
    assert labels.y[0] == 1
    assert labels.weight[0] == pytest.approx(8.660254, abs=5e-7)
    assert labels.bars_held[0] == 3
    assert labels.t1[0] == 6  # all lengths were looked at
    assert labels.exit[0] == 102.5
    assert labels.status.tolist() == ["ok", "ok", *["open"] * 6]
    assert labels.to_pandas().columns.tolist()[-1] == "weight"


def slow_trend(close):
    """Sign, |t| and length by least squares on every length."""
    best, length = 0.0, 3
    for l in range(3, len(close) + 1):  # noqa: E741
        x, y = np.arange(l) - (l - 1) / 2, close[:l] - np.mean(close[:l])
        slope = (x @ y) / (x @ x)
        residual = np.sum((y - slope * x) ** 2)
        if y @ y <= 0:
            t = 0.0
        elif residual <= 1e-12 * (y @ y):
            t = 1e6 * np.sign(slope)
        else:
            t = slope / math.sqrt(residual / (l - 2) / (x @ x))
        if abs(t) > abs(best) * (1 + 1e-9):
            best, length = t, l
    return np.sign(best), abs(best), length


def test_trends_equal_least_squares_on_every_length():
    rng = np.random.default_rng(2)
    close = 1.1 * np.exp(np.cumsum(rng.normal(0, 1e-4, 120)))
    close[60:65] = close[60]  # flat
    close[80:84] = [1.0, 1.125, 1.25, 1.375]  # an exact line
    segment = [0] * 50 + [1] * 70
    labels = trend_scanning(closes(close, segment), 11)
    for t in range(120):
        if t + 10 >= 120 or segment[t + 10] != segment[t]:
            assert labels.status[t] == "open"
            continue
        y, weight, length = slow_trend(close[t : t + 11])
        assert labels.y[t] == y
        assert labels.weight[t] == pytest.approx(weight, rel=1e-6)
        assert labels.bars_held[t] == length
        assert labels.t1[t] == t + 10
    assert labels.weight[80] == 1e6


def test_flat_closes_have_no_trend_and_missing_ones_no_label():
    assert trend_scanning(closes([5.0] * 6), 5, rows=[0]).y.tolist() == [0]
    labels = trend_scanning(closes([1, 2, 3, np.nan, 5, 6, 7]), 4)
    assert labels.status.tolist() == ["missing", "missing", "missing", "missing", "open", "open", "open"]


def test_a_trend_has_three_bars_at_least():
    with pytest.raises(InputError, match="max_length must be at least 3, but is 2"):
        trend_scanning(closes([1, 2, 3]), 2)


# -- meta-labels ----------------------------------------------------------------------------------------------------


def test_a_meta_label_says_whether_the_side_earned_after_costs():
    b = closes([100, 100, 101, 102, 102, 101.4, 101.5, 101.5, 101.5])
    settings_ = {"horizon": 2, "target": 1.0, "stop": 1.0, "unit": "abs", "entry": "close"}
    side = np.array([1, 0, -1, np.nan, -1, 1, 0, 0, 1])
    labels = meta_labels(b, side, costs=None, **settings_)
    assert labels.t0.tolist() == [0, 2, 4, 5, 8]
    np.testing.assert_array_equal(labels.y, [1, 0, 1, 1, np.nan])
    assert labels.name == "meta"
    # The small profits of the last two trades do not pay for a cost of 0.3 and 0.6.
    np.testing.assert_array_equal(meta_labels(b, side, costs=0.3, **settings_).y, [1, 0, 1, 0, np.nan])
    np.testing.assert_array_equal(meta_labels(b, side, costs=0.6, **settings_).y, [1, 0, 0, 0, np.nan])


def test_meta_labels_are_the_barrier_labels_of_the_taken_sides():
    rng = np.random.default_rng(4)
    b = closes(100 * np.exp(np.cumsum(rng.normal(0, 1e-3, 200))))
    rows = np.arange(20, 180, 3)
    side = rng.integers(-1, 2, len(rows))
    labels = meta_labels(b, side, rows=rows, horizon=10, costs=None)
    barrier = triple_barrier(b, side=side[side != 0], rows=rows[side != 0], horizon=10, costs=None)
    np.testing.assert_array_equal(labels.t1, barrier.t1)
    np.testing.assert_array_equal(labels.y, np.where(barrier.ok, barrier.r > 0, np.nan))
    assert set(labels.y) == {0.0, 1.0}


@pytest.mark.parametrize("side", [[1, 1], [2, 0, 1], ["a", "b", "c"]])
def test_sides_are_one_number_a_row(side):
    with pytest.raises(InputError, match="side must be"):
        meta_labels(closes([1, 2, 3]), side)
