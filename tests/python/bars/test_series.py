"""Resampling, segments, fingerprints; round trips of the parser."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bar_files import walk, write
from hypothesis import given, settings
from hypothesis import strategies as some

import smctrain as st
from smctrain._load import core
from smctrain.bars import TIMEFRAME_SECONDS, Bars, SessionCalendar, fingerprint, resample
from smctrain.bars.timeframes import find_timeframe
from smctrain.exceptions import InputError


def random_bars(n: int, seed: int, minutes: int = 15) -> Bars:
    """A random walk with holes, so that buckets differ in size."""
    rng = np.random.default_rng(seed)
    steps = rng.choice([1, 1, 1, 1, 2, 5, 40], n) * minutes
    time = np.datetime64("2024-01-03T07:15", "ns") + np.cumsum(steps).astype("timedelta64[m]")
    close = 100 + np.cumsum(rng.normal(0, 0.1, n))
    open_ = close + rng.normal(0, 0.05, n)
    high, low = np.maximum(open_, close) + 0.1, np.minimum(open_, close) - 0.1
    segment = np.cumsum(rng.random(n) < 0.01).astype(np.int32)
    volume, spread = rng.integers(1, 50, n).astype(float), rng.integers(1, 5, n).astype(float)
    return Bars("X", "M15", time, open_, high, low, close, volume, spread, segment, 5)


def slow_resample(bars: Bars, seconds: int) -> list[tuple[float, ...]]:
    """Row by row from the definition: buckets from 00:00 UTC, a segment border starts a bucket anew."""
    rows: dict[int, list[int]] = {}
    times = bars.time.astype("datetime64[s]").astype(np.int64)
    for t in range(len(bars)):
        bucket = int(times[t]) // seconds
        kept = rows.setdefault(bucket, [])
        if kept and bars.segment[kept[-1]] != bars.segment[t]:
            kept.clear()
        kept.append(t)
    out = []
    assert bars.volume is not None
    assert bars.spread is not None
    for bucket, kept in rows.items():
        if int(times[-1]) + bars.seconds < (bucket + 1) * seconds:
            continue
        volume = 0.0
        for t in kept:
            volume += bars.volume[t]
        high, low = max(bars.high[t] for t in kept), min(bars.low[t] for t in kept)
        first, last = kept[0], kept[-1]
        out.append((bucket * seconds, bars.open[first], high, low, bars.close[last], volume, bars.spread[last]))
    return out


@pytest.mark.parametrize("timeframe", ["M30", "H1", "H4", "D1"])
def test_resampling_equals_the_slow_reference(timeframe: str) -> None:
    for seed in range(3):
        bars = random_bars(500, seed)
        got = resample(bars, timeframe)
        expected = np.array(slow_resample(bars, TIMEFRAME_SECONDS[timeframe]))
        assert got.timeframe == timeframe
        seconds = got.time.astype("datetime64[s]").astype(np.int64)
        found = np.column_stack((seconds, got.open, got.high, got.low, got.close, got.volume, got.spread))  # type: ignore[arg-type]
        assert np.array_equal(found, expected)


def test_adding_bars_never_changes_an_earlier_resampled_bar() -> None:
    bars = random_bars(300, 9)
    whole = resample(bars, "H4")
    for n in range(1, 300, 7):
        part = resample(bars[:n], "H4")
        for name in ("time", "open", "high", "low", "close", "volume", "spread", "segment"):
            assert np.array_equal(getattr(part, name), getattr(whole, name)[: len(part)])
        assert np.all(part.time_close <= bars.time_close[n - 1])


def test_weeks_start_on_monday() -> None:
    bars = resample(random_bars(3000, 4), "W1")
    assert len(bars) > 5
    days = (bars.time.astype("datetime64[D]").astype(np.int64) + 3) % 7
    assert np.all(days == 0)


def test_a_timeframe_that_does_not_fit_is_refused() -> None:
    bars = random_bars(50, 1)
    assert resample(bars, "M15") is bars
    with pytest.raises(InputError, match="timeframe must be a multiple of X's own timeframe M15, but is M10"):
        resample(bars, "M10")


def test_a_split_starts_a_segment_from_that_bar_on(tmp_path: Path) -> None:
    lines = walk(300, minutes=1440, start="2020-01-01T00:00")
    halved = []
    for i, line in enumerate(lines):
        day, *prices, volume, spread = line.split(",")
        scale = 4.0 if i >= 200 else 1.0
        halved.append(",".join([day, *(f"{float(p) / scale:.7f}" for p in prices), volume, spread]))
    bars = st.read_bars(write(tmp_path / "X_D1.csv", halved))
    b = bars["X", "D1"]
    assert b.segment[199] == 0
    assert b.segment[200] == 1
    assert b.segment[-1] == 1
    split = next(issue for issue in bars.issue_list if issue.kind == "split")
    assert (split.first_row, split.count) == (202, 1)
    assert split.example == "2020-07-19 4:1: a segment starts at each"


def test_the_fingerprint_changes_with_every_part_of_the_bars() -> None:
    bars = random_bars(50, 1)
    close = bars.close.copy()
    close[7] = np.nextafter(close[7], np.inf)
    others = [
        replace(bars, symbol="Y"), replace(bars, digits=4), replace(bars, close=close),
        replace(bars, spread=None),
        replace(bars, volume=np.zeros(50)), replace(bars, volume=None), bars[:49],
        replace(bars, segment=np.arange(50, dtype=np.int32)),
        replace(bars, time=bars.time + np.timedelta64(1, "ns")),
        replace(bars, calendar=SessionCalendar("Asia/Tokyo")),
        replace(bars, ends=bars.time_close - np.timedelta64(1, "m")),
        replace(bars, quarantine=np.arange(50) == 3),
    ]  # fmt: skip
    digests = [fingerprint(b) for b in (bars, *others)]
    assert len(set(digests)) == len(digests)
    assert all(len(digest) == 64 for digest in digests)
    assert fingerprint(replace(bars, source="elsewhere.csv")) == digests[0]
    assert fingerprint(random_bars(50, 1)) == digests[0]


@pytest.mark.parametrize(
    ("text", "name"),
    [("M15", "M15"), ("m15", "M15"), ("15m", "M15"), ("60m", "H1"), ("1h", "H1"), ("4h", "H4"), ("1d", "D1"),
     ("1wk", "W1"), ("15min", "M15"), ("1M", None), ("D", None), ("USD", None), ("7m", None), ("", None)],
)  # fmt: skip
def test_timeframe_names(text: str, name: str | None) -> None:
    assert find_timeframe(text) == name


prices = some.floats(allow_nan=False, allow_infinity=False, width=64)


@settings(max_examples=60, deadline=None)
@given(
    rows=some.lists(some.tuples(some.integers(10**8, 2**31), prices, prices, prices, prices, prices), min_size=1),
    separator=some.sampled_from([",", ";", "\t"]),
    end=some.sampled_from(["\n", "\r\n"]),
)
def test_parsing_gives_back_every_number_bit_for_bit(
    rows: list[tuple[int, float, float, float, float, float]], separator: str, end: str
) -> None:
    names = ("time", "open", "high", "low", "close", "volume")
    text = end.join([separator.join(names), *(separator.join(repr(cell) for cell in row) for row in rows)])
    parsed = core().parse_bar_csv(text.encode(), "f.csv")
    assert parsed["n_faults"] == 0
    seconds = np.array([row[0] for row in rows], dtype=np.int64)
    assert np.array_equal(parsed["time"], seconds * 10**9)
    for i, name in enumerate(names[1:], start=1):
        expected = np.array([row[i] for row in rows])
        assert np.array_equal(parsed[name].view(np.int64), expected.view(np.int64))


@settings(max_examples=150, deadline=None)
@given(some.binary(max_size=400), some.booleans())
def test_the_parser_survives_any_bytes(data: bytes, with_header: bool) -> None:
    if with_header:
        data = b"time,open,high,low,close\n" + data
    try:
        parsed = core().parse_bar_csv(data, "f.csv")
    except InputError as error:
        assert str(error).startswith("f.csv")  # noqa: PT017
    else:
        assert len(parsed["time"]) == len(parsed["close"])
