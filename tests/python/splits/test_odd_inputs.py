"""Moments beyond the scale, rows without a class or a symbol, rows in no order: the right split, or a named error."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from smctrain.exceptions import InputError, SplitLeak
from smctrain.splits import PurgedKFold, QualityStrata, TemporalSplit, WalkForward, audit
from smctrain.splits.base import longest_overlap, read_distance, read_moments
from smctrain.splits.tail import tail_split

MOST = np.iinfo(np.int64).max
ROWS = np.arange(10)


@pytest.mark.parametrize(
    "moments",
    [
        np.array([1e300, 1.0]),
        np.array([1.0, -1e19]),
        np.array([2**63 + 5, 1], dtype=np.uint64),
        np.array(["1500-01-01", "2020-01-01"], dtype="datetime64[s]"),
        np.array(["0001-01-01", "2020-01-01"], dtype="datetime64[D]"),
    ],
)
def test_moments_that_int64_cannot_hold_are_refused_and_never_wrapped(moments):
    with pytest.raises(InputError, match="t1"):
        PurgedKFold(2, intervals=(moments[:0], moments)).plan()


@pytest.mark.parametrize("unit", ["Y", "M", "D", "h", "s", "ms", "us"])
def test_times_of_any_unit_keep_their_order_and_far_ends_are_never(unit):
    dates = ["1678-01-01", "1970-01-01", "2262-01-01", "9999-12-31", "NaT"]
    moments, is_time = read_moments(np.array(dates, dtype=f"datetime64[{unit}]"), "t0")
    assert is_time
    assert moments[3] == MOST
    assert moments[4] == np.iinfo(np.int64).min
    assert (np.diff(moments[:4].astype(object)) > 0).all()
    assert moments[0] < 0 == moments[1] < moments[2]


def test_a_distance_beyond_the_scale_is_the_longest_one():
    assert read_distance("gap", timedelta.max) == (0, MOST)
    assert read_distance("gap", np.timedelta64(10**17, "h")) == (0, MOST)
    assert read_distance("gap", timedelta(hours=1)) == (0, 3_600_000_000_000)
    assert read_distance("gap", 10**30) == (MOST, 0)
    for wrong in (timedelta(-1), np.timedelta64("NaT"), -1, 1.5, True):
        with pytest.raises(InputError, match="gap"):
            read_distance("gap", wrong)


def test_an_embargo_of_any_length_ends_with_the_data():
    plan = PurgedKFold(2, 10**30, (ROWS, ROWS)).plan(ROWS)
    assert plan.columns["embargoed"].tolist() == [5, 0]


def test_rows_without_a_class_or_a_symbol_do_not_stop_the_audit():
    splitter = PurgedKFold(2, intervals=(ROWS, ROWS))
    for y in (np.array([np.nan, 1.0] * 5), np.array(["a", None] * 5, dtype=object), np.array(list("ab") * 5)):
        assert audit(splitter, ROWS, (ROWS, ROWS), y=y).n_splits == 2
    with pytest.raises(SplitLeak, match="1 classes"):
        audit(splitter, ROWS, (ROWS, ROWS), y=np.where(ROWS < 5, "a", "b"))
    with pytest.raises(InputError, match=r"one class per row \(10\)"):
        audit(splitter, ROWS, (ROWS, ROWS), y=[0, 1])
    with pytest.raises(InputError, match="several symbols"):
        next(splitter.split(ROWS, groups=np.array(["a", None] * 5, dtype=object)))


@pytest.mark.parametrize("cuts", [(), (0.6, 0.3), (0.3, 0.3), (float("nan"), 0.5), (0.5, float("nan"))])
def test_cuts_that_do_not_ascend_are_refused(cuts):
    with pytest.raises(InputError, match="cuts"):
        QualityStrata(ROWS / 10, cuts)


def test_more_strata_than_codes_are_refused():
    with pytest.raises(InputError, match="1 to 254"):
        QualityStrata(ROWS / 10, tuple(np.linspace(0.0, 1.0, 255)))
    assert QualityStrata(ROWS / 10, tuple(np.linspace(0.0, 1.0, 254))).codes(10).max() < 255


def test_early_stopping_rows_are_the_newest_ones_in_any_row_order():
    rng = np.random.default_rng(0)
    for _ in range(50):
        n = int(rng.integers(1, 40))
        t0 = rng.integers(0, 30, n)
        t1 = t0 + rng.integers(0, 5, n)
        rows = np.sort(rng.choice(n, int(rng.integers(1, n + 1)), replace=False))
        fit, stop = tail_split(rows, t0, t1, 0.3)
        assert len(stop) == max(1, int(0.3 * len(rows)))
        assert set(fit) | set(stop) <= set(rows)
        left = np.setdiff1d(rows, stop)
        assert t0[stop].min() >= t0[left].max(initial=-1)
        assert fit.tolist() == [i for i in left if t1[i] < t0[stop].min()]
    nothing = np.empty(0, dtype=np.int64)
    assert [len(part) for part in tail_split(nothing, nothing, nothing, 0.15)] == [0, 0]


def test_read_only_strided_and_narrow_intervals_split_alike():
    t0, t1 = np.arange(40), np.arange(40) + 3
    expected = [train.tolist() for train, _ in PurgedKFold(4, 1, (t0, t1)).split(t0)]
    wide = np.repeat(t0, 2)
    frozen = t0.copy()
    frozen.flags.writeable = False
    for first, last in ((wide[::2], t1), (frozen, t1.astype(np.float32)), (t0.astype(np.int8), t1.astype(np.uint64))):
        assert [train.tolist() for train, _ in PurgedKFold(4, 1, (first, last)).split(t0)] == expected


def test_two_rows_are_enough_and_one_is_not():
    pairs = [(a.tolist(), b.tolist()) for a, b in PurgedKFold(2, intervals=(ROWS[:2], ROWS[:2])).split(ROWS[:2])]
    assert pairs == [([1], [0]), ([0], [1])]
    for splitter in (PurgedKFold(2), WalkForward(1), TemporalSplit()):
        for n in (0, 1):
            with pytest.raises(InputError):
                next(splitter.split(ROWS[:n]))


def test_the_longest_overlap_is_what_a_double_loop_counts():
    rng = np.random.default_rng(1)
    assert longest_overlap(ROWS[:0], ROWS[:0]) == 1
    assert longest_overlap(ROWS, ROWS) == 1
    assert longest_overlap(ROWS, ROWS + 4) == 4
    for _ in range(60):
        n = int(rng.integers(1, 30))
        t0 = rng.integers(0, 20, n)
        t1 = t0 + rng.integers(0, 8, n)
        t1[rng.random(n) < 0.05] = MOST
        order = sorted(range(n), key=lambda i: (t0[i], i))
        counts = [sum(t0[j] < t1[i] for j in order[place + 1 :]) for place, i in enumerate(order)]
        assert longest_overlap(t0, t1) == 1 + max(counts)
