"""Uniqueness of overlapping labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smctrain.exceptions import InputError
from smctrain.labels import label_uniqueness


def test_vector_of_the_definition():
    u = label_uniqueness([-1, 1, 3], [2, 3, 5])  # bars 0-2, 2-3, 4-5
    np.testing.assert_allclose(u, [0.833333, 0.75, 1.0], atol=5e-7)
    assert u.mean() == pytest.approx(0.861111, abs=5e-7)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), min_size=1, max_size=40))
def test_uniqueness_equals_the_dense_table_of_labels_and_bars(spans):
    t0 = np.array([start for start, _ in spans])
    t1 = np.array([start + length for start, length in spans])
    covered = np.zeros((len(spans), 100))
    for i in range(len(spans)):
        covered[i, t0[i] + 1 : t1[i] + 1] = 1
    with np.errstate(divide="ignore"):
        share = np.where(covered.sum(0) > 0, 1 / covered.sum(0), 0)
    np.testing.assert_allclose(label_uniqueness(t0, t1), (covered * share).sum(1) / covered.sum(1), rtol=1e-12)


def test_a_label_without_bars_is_an_error():
    with pytest.raises(InputError, match=r"label 1 is \(5, 5\)"):
        label_uniqueness([1, 5], [2, 5])
    with pytest.raises(InputError, match="row indices"):
        label_uniqueness([0.5], [2.0])


def test_no_labels_have_no_uniqueness():
    assert label_uniqueness([], []).shape == (0,)
