"""The kernel of cross-sections against a slow, obvious one, on whatever Hypothesis finds."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from smctrain.panel.cross_section import cross_section

# Squares beyond doubles: no z-score.
TINY, HUGE = Fraction(10) ** -300, Fraction(10) ** 300
_numbers = some.one_of(
    some.sampled_from([0.0, -0.0, 1.0, 2.0, 2.5, float("nan"), float("inf"), -float("inf"), 1e300, -1e-300]),
    some.floats(-1e6, 1e6).filter(lambda x: x == 0 or abs(x) > 1e-100),
    some.floats(1 - 1e-12, 1 + 1e-12),
)
_stamps = some.lists(some.lists(_numbers, min_size=1, max_size=9), min_size=1, max_size=6)


def slow(values: list[float], min_count: int) -> list[tuple[float, float]]:
    """(rank, z) of each value among the finite ones, by counting, and with exact fractions."""
    finite = [Fraction(v) for v in values if np.isfinite(v)]
    mean = sum(finite) / max(1, len(finite))
    squares = sum((v - mean) ** 2 for v in finite)
    out = []
    for value in values:
        if not np.isfinite(value) or len(finite) < min_count:
            out.append((np.nan, np.nan))
            continue
        below, equal = sum(v < value for v in finite), sum(v == value for v in finite)
        rank = 0.5 if len(finite) == 1 else (below + (equal - 1) / 2) / (len(finite) - 1)
        z = np.nan
        if TINY < squares < HUGE:
            share = (Fraction(value) - mean) ** 2 * (len(finite) - 1) / squares
            z = np.copysign(np.sqrt(float(share)), float(Fraction(value) - mean))
        out.append((rank, z))
    return out


@settings(max_examples=150, deadline=None)
@given(stamps=_stamps, min_count=some.integers(1, 6))
def test_ranks_and_z_scores_are_what_counting_says(stamps: list[list[float]], min_count: int) -> None:
    values = np.array([value for stamp in stamps for value in stamp])[:, None]
    start = np.cumsum([0, *map(len, stamps)])
    out = cross_section(values, start, np.zeros(1, dtype=np.int64), ("rank", "z"), min_count)
    expected = np.array([row for stamp in stamps for row in slow(stamp, min_count)])
    np.testing.assert_allclose(out[:, 0], expected[:, 0], rtol=1e-14)
    np.testing.assert_array_equal(np.isnan(out[:, 1]), np.isnan(expected[:, 1]))
    np.testing.assert_allclose(out[:, 1], expected[:, 1], rtol=1e-12, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(stamp=some.lists(_numbers, min_size=1, max_size=12), data=some.data())
def test_the_order_of_symbols_changes_no_bit(stamp: list[float], data: some.DataObject) -> None:
    order = np.array(data.draw(some.permutations(range(len(stamp)))))
    values, start = np.array(stamp)[:, None], np.array([0, len(stamp)])
    column = np.zeros(1, dtype=np.int64)
    straight = cross_section(values, start, column, ("rank", "z"), 1)
    turned = cross_section(np.ascontiguousarray(values[order]), start, column, ("rank", "z"), 1)
    np.testing.assert_array_equal(turned, straight[order])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_many_columns_are_as_many_single_ones(dtype: type) -> None:
    rng = np.random.default_rng(0)
    values = np.where(rng.random((300, 7)) < 0.2, np.nan, rng.normal(size=(300, 7))).astype(dtype)
    start = np.unique([0, *rng.integers(1, 300, 20), 300])
    columns = np.array([5, 0, 2])
    together = cross_section(values, start, columns, ("rank", "z"), 3)
    assert together.dtype == dtype
    for place, column in enumerate(columns):
        alone = np.ascontiguousarray(values[:, [column]])
        for kind, name in enumerate(("rank", "z")):
            one = cross_section(alone, start, np.zeros(1, dtype=np.int64), (name,), 3)
            np.testing.assert_array_equal(together[:, 2 * place + kind], one[:, 0])
