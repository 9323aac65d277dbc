"""The event table: a value type of equal-length columns."""

from __future__ import annotations

import numpy as np
import pytest

from smctrain.exceptions import InputError
from smctrain.features.events import EventTable


def three_events() -> EventTable:
    return EventTable(
        {
            "kind": np.array(["bos", "fvg", "bos"]),
            "side": np.array([1, -1, -1], dtype=np.int8),
            "origin": np.array([3, 5, 8]),
            "known_at": np.array([4, 6, 11]),
            "invalidated_at": np.array([-1, 9, -1]),
            "level": np.array([1.5, np.nan, 1.25]),
        }
    )


def test_selecting_by_kind_and_side_keeps_order_and_every_column() -> None:
    events = three_events()
    assert len(events) == 3
    assert events.select(kind="bos")["origin"].tolist() == [3, 8]
    assert events.select(kind=["bos", "fvg"], side=-1)["origin"].tolist() == [5, 8]
    assert events.select(kind="bos", side=1).names == events.names
    assert len(events.select(kind="swing_high")) == 0


def test_a_later_invalidation_is_not_visible_at_an_earlier_row() -> None:
    assert three_events().known_by(8)["invalidated_at"].tolist() == [-1, -1]
    assert three_events().known_by(9)["invalidated_at"].tolist() == [-1, 9]


def test_columns_of_unequal_length_or_missing_columns_are_refused() -> None:
    columns = dict(three_events().columns)
    with pytest.raises(InputError, match="level"):
        EventTable({**columns, "level": np.zeros(2)})
    del columns["known_at"]
    with pytest.raises(InputError, match="known_at"):
        EventTable(columns)
    with pytest.raises(InputError, match="no column 'size'"):
        three_events()["size"]


def test_to_pandas_has_one_row_per_event() -> None:
    pytest.importorskip("pandas")
    frame = three_events().to_pandas()
    assert list(frame.columns) == three_events().names
    assert len(frame) == 3
