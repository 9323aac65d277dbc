"""The wall clocks compiled into the core are those of the time-zone database."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from smctrain._load import core
from smctrain.bars.zones import offset_table
from smctrain.exceptions import InputError

HOUR = 3_600_000_000_000
ZONES = ["Australia/Sydney", "Asia/Tokyo", "Europe/London", "America/New_York"]


def offsets(zone: str, first_year: int, last_year: int) -> tuple[np.ndarray, list[int]]:
    """Every full hour of these years, and the offset in seconds the database gives."""
    first, end = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (first_year, last_year + 1))
    seconds = range(first, end, 3600)
    place = ZoneInfo(zone)
    # The wall clock written as if it were UTC, minus UTC.
    truth = [int(datetime.fromtimestamp(s, place).utcoffset().total_seconds()) for s in seconds]  # type: ignore[union-attr]
    return np.array(seconds, dtype=np.int64) * 1_000_000_000, truth


@pytest.mark.parametrize("zone", ZONES)
def test_every_hour_of_thirty_five_years_has_the_offset_of_the_database(zone: str) -> None:
    utc, truth = offsets(zone, 1996, 2030)
    assert (core().compiled_offsets(zone, utc) // 1_000_000_000 == truth).all()
    backwards = core().compiled_offsets(zone, np.ascontiguousarray(utc[::-1]))
    assert (backwards[::-1] // 1_000_000_000 == truth).all()


@pytest.mark.parametrize("zone", ZONES)
def test_clocks_change_at_the_very_nanosecond(zone: str) -> None:
    first, last = (np.datetime64(text, "ns").astype(np.int64) for text in ("1997-06-01", "2035-06-01"))
    changes, values = offset_table(zone, int(first), int(last))
    assert len(changes) == (0 if zone == "Asia/Tokyo" else len(values) - 1)
    for change, before, after in zip(changes, values, values[1:], strict=False):
        got = core().compiled_offsets(zone, np.array([change - 1, change]))
        assert got.tolist() == [before, after]


def test_a_zone_the_core_does_not_hold_is_refused() -> None:
    with pytest.raises(InputError, match="Europe/Berlin"):
        core().compiled_offsets("Europe/Berlin", np.zeros(1, dtype=np.int64))


def test_the_table_of_a_shifted_zone_is_shifted() -> None:
    moment = int(np.datetime64("2024-07-01", "ns").astype(np.int64))
    changes, values = offset_table("America/New_York+7h", moment, moment)
    assert values[np.searchsorted(changes, moment, side="right")] == 3 * HOUR
    assert offset_table("UTC", moment, moment) == ([], [0])
    assert offset_table("fixed:+05:30", moment, moment) == ([], [5 * HOUR + HOUR // 2])
