"""A stream that was stored goes on as if nothing had happened."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from smctrain.artifact.container import pack, unpack
from smctrain.bars import SessionCalendar, resample
from smctrain.bars.types import Bars, SymbolBars
from smctrain.exceptions import ArtifactError, InputError
from smctrain.features import FeatureSpec, FeatureStream, build_features

EVERYTHING = FeatureSpec(preset="full", dtype="float64")


def push(stream: FeatureStream, bars: Bars, t: int, timeframe: str | None = None) -> Any:
    extra = {name: getattr(bars, name)[t] for name in ("volume", "spread") if getattr(bars, name) is not None}
    return stream.push(
        open=bars.open[t], high=bars.high[t], low=bars.low[t], close=bars.close[t], time=bars.time[t],
        timeframe=timeframe, **extra,
    )  # fmt: skip


def bits(rows: list[Any]) -> bytes:
    return np.array(rows).tobytes()


def feed(stream: FeatureStream, frames: dict[str, Bars], first: int, last: int, places: dict[str, int]) -> list[Any]:
    """Push base rows first..last-1, and before each the higher bars that close no later."""
    base = frames["M15"]
    rows = []
    for t in range(first, last):
        for timeframe, bars in frames.items():
            if timeframe == "M15":
                continue
            while places[timeframe] < len(bars) and bars.time_close[places[timeframe]] <= base.time_close[t]:
                push(stream, bars, places[timeframe], timeframe)
                places[timeframe] += 1
        rows.append(push(stream, base, t))
    return rows


@pytest.mark.parametrize("spec", [EVERYTHING, FeatureSpec()], ids=["full", "default"])
def test_a_restored_stream_continues_bit_for_bit(draw: Any, spec: FeatureSpec) -> None:
    bars = draw(700, seed=8)
    stream = FeatureStream(spec, digits=5)
    states, rows = [], []
    stops = [0, 1, 2, 13, 14, 15, 60, 199, 200, 333, 512, 640, 699]
    for t in range(len(bars)):
        if t in stops:
            states.append((t, stream.state()))
        rows.append(push(stream, bars, t))
    for t, state in states:
        restored = FeatureStream.from_state(state)
        assert restored.names == stream.names
        assert restored.spec == stream.spec
        assert restored.state() == state
        assert bits([push(restored, bars, later) for later in range(t, len(bars))]) == bits(rows[t:])
        assert restored.settled == stream.settled


def test_a_stream_with_pushed_higher_bars_and_pauses_continues_bit_for_bit(eurusd: SymbolBars) -> None:
    def with_holes(bars: Bars) -> Bars:
        day = bars.time.astype("datetime64[D]").astype(int)
        keep = np.flatnonzero((day // 4) % 5 != 0)  # four days of twenty are missing
        from dataclasses import replace

        names = ("time", "open", "high", "low", "close", "volume", "spread", "segment")
        return replace(bars, **{name: getattr(bars, name)[keep] for name in names})

    frames = {"M15": with_holes(eurusd["M15"][4000:7000]), "H1": eurusd["H1"], "H4": with_holes(eurusd["H4"])}
    start = frames["M15"].time[0]
    frames |= {tf: frames[tf][int(np.searchsorted(frames[tf].time, start)) - 200 :] for tf in ("H1", "H4")}
    gaps = np.flatnonzero(np.diff(frames["M15"].time) > np.timedelta64(3, "D")) + 1
    assert len(gaps) >= 2
    n = len(frames["M15"])
    spec = EVERYTHING
    stream = FeatureStream(spec, digits=5, higher_bars=("H1", "H4"), segment_gap=3 * 86_400)
    stops = sorted({1, 37, 500, n - 5, *(int(g) + d for g in gaps for d in (-1, 0, 1, 2, 70))} - set(range(n, 2 * n)))
    places = {"H1": 0, "H4": 0}
    rows, states, at = [], [], 0
    for stop in stops:
        rows += feed(stream, frames, at, stop, places)
        states.append((stop, stream.state(), dict(places)))
        at = stop
    rows += feed(stream, frames, at, n, places)
    sizes = [len(state) for _, state, _ in states]
    assert min(sizes[2:]) < 0.5 * max(sizes)  # a new segment lets the old bars go
    for stop, state, there in states:
        restored = FeatureStream.from_state(state)
        more = feed(restored, frames, stop, min(n, stop + 400), dict(there))
        assert bits(more) == bits(rows[stop : stop + 400]), stop


def test_higher_bars_that_wait_over_a_pause_are_stored(draw: Any) -> None:
    # H4 bars of the next segment pushed ahead of its first base bar, then stored after the restart.
    bars, higher = draw(300, seed=2), draw(400, "H4", seed=3, start="2023-11-20T00:00")
    later = np.r_[bars.time[:150], bars.time[150:] + np.timedelta64(9, "D")]
    spec = FeatureSpec(higher=("H4",), preset="full", dtype="float64")
    stream = FeatureStream(spec, digits=5, higher_bars=("H4",))
    for t in range(len(higher)):
        push(stream, higher, t, "H4")
    rows, states = [], {}
    for t in range(300):
        rows.append(
            stream.push(open=bars.open[t], high=bars.high[t], low=bars.low[t], close=bars.close[t], time=later[t])
        )
        if t in (149, 150, 151, 170):
            states[t] = stream.state()
    assert np.isfinite(rows[-1]).sum() > 50
    for t, state in states.items():
        restored = FeatureStream.from_state(state)
        more = [
            restored.push(open=bars.open[k], high=bars.high[k], low=bars.low[k], close=bars.close[k], time=later[k])
            for k in range(t + 1, 300)
        ]
        assert bits(more) == bits(rows[t + 1 :]), t


def test_missing_prices_are_kept_too(draw: Any) -> None:
    bars = draw(200)
    bars.close[100] = np.nan
    stream = FeatureStream(EVERYTHING)
    for t in range(150):
        push(stream, bars, t)
    restored = FeatureStream.from_state(stream.state())
    for t in range(150, 200):
        assert push(restored, bars, t).tobytes() == push(stream, bars, t).tobytes()


def test_a_refused_bar_leaves_the_state_as_it_was(draw: Any) -> None:
    bars = draw(50)
    stream = FeatureStream()
    for t in range(50):
        push(stream, bars, t)
    state = stream.state()
    with pytest.raises(InputError, match="order of time"):
        push(stream, bars, 10)
    assert stream.state() == state


@pytest.fixture(scope="module")
def stored(draw: Any) -> bytes:
    stream = FeatureStream(FeatureSpec(groups=("candle", "returns"), higher=()), digits=5)
    bars = draw(40)
    for t in range(40):
        push(stream, bars, t)
    return stream.state()


def test_every_damaged_byte_is_refused(stored: bytes) -> None:
    for at in range(0, len(stored), 7):
        damaged = bytearray(stored)
        damaged[at] ^= 0x10
        with pytest.raises(ArtifactError, match="state of a feature stream"):
            FeatureStream.from_state(bytes(damaged))
    for size in (0, 1, 63, 64, len(stored) - 1):
        with pytest.raises(ArtifactError, match="state of a feature stream"):
            FeatureStream.from_state(stored[:size])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "model"}, "does not hold a feature stream"),
        ({"version": 99}, "version 99"),
        ({"names": ["a"]}, "other columns"),
        ({"spec": None}, "do not fit together"),
        ({"spec": {"preset": "all"}}, "do not fit together"),
        ({"spec": {"base": ["M15"]}}, "do not fit together"),
        ({"digits": "five"}, "do not fit together"),
        ({"segment_gap": -1.0}, "do not fit together"),
        ({"higher_bars": ["H1"]}, "do not fit together"),
        ({"times": np.zeros(40, dtype=np.int64)}, "do not fit together"),
        ({"times": np.zeros(3, dtype=np.int64)}, "do not fit together"),
        ({"kinds": np.full(40, 9, dtype=np.uint8)}, "do not fit together"),
        ({"values": np.zeros((40, 5))}, "do not fit together"),
        ({"finders": np.zeros(3, dtype=np.int64)}, "do not fit together"),
        ({"calendar": ["Mars", None, None]}, "do not fit together"),
        ({"quarantine": ["splits"]}, "do not fit together"),
        ({"values": np.ones((40, 6))}, "other values for its last row"),
        ({"row": np.zeros(0)}, "its last row is missing"),
        ({"row": np.zeros(3)}, "other values for its last row"),
    ],
)  # fmt: skip
def test_contents_that_do_not_fit_are_refused(stored: bytes, change: dict[str, Any], words: str) -> None:
    parts = unpack(stored)
    header = {**parts.header, **{k: v for k, v in change.items() if not isinstance(v, np.ndarray)}}
    arrays = {**parts.arrays, **{k: v for k, v in change.items() if isinstance(v, np.ndarray)}}
    with pytest.raises(ArtifactError, match=words):
        FeatureStream.from_state(pack(header, arrays))


def test_a_missing_part_is_refused(stored: bytes) -> None:
    parts = unpack(stored)
    for name in ("times", "kinds", "values", "finders", "row"):
        with pytest.raises(ArtifactError, match="do not fit together"):
            FeatureStream.from_state(pack(parts.header, {k: v for k, v in parts.arrays.items() if k != name}))
    for name in ("spec", "names", "digits", "higher_bars", "segment_gap", "calendar", "quarantine"):
        with pytest.raises(ArtifactError, match="do not fit together"):
            FeatureStream.from_state(pack({k: v for k, v in parts.header.items() if k != name}, dict(parts.arrays)))
    with pytest.raises(InputError, match="state must be bytes"):
        FeatureStream.from_state("stream")  # type: ignore[arg-type]


@pytest.mark.parametrize("is_pushed", [False, True], ids=["resampled", "pushed"])
def test_a_stream_closes_bars_where_their_sessions_end(draw: Any, is_pushed: bool) -> None:
    # Sessions end ten minutes before the hour: their last bars, and the hours over them, are short.
    days = SessionCalendar("America/New_York", end="15:50", half_days={"2024-01-03": "12:50"})
    base = draw(900, seed=5)
    base = replace(base, calendar=days, ends=days.closes(base.time, base.seconds))
    assert np.any(base.time_close - base.time < np.timedelta64(15, "m"))
    hours = resample(base, "H1")
    hours = replace(hours, ends=days.closes(hours.time, hours.seconds))  # as bars that are read have them
    frames = {"M15": base, "H1": hours} if is_pushed else {"M15": base}
    spec = FeatureSpec(preset="full", higher=("H1",), dtype="float64")
    table = build_features(SymbolBars("DRAWN", frames), spec)
    stream = FeatureStream(spec, digits=5, higher_bars=[tf for tf in frames if tf != "M15"], calendar=days)
    places = dict.fromkeys(frames, 0)
    rows = feed(stream, frames, 0, 500, places)
    stream = FeatureStream.from_state(stream.state())
    rows += feed(stream, frames, 500, len(base), places)
    np.testing.assert_array_equal(np.array(rows), table.values)


def test_a_closing_time_can_be_given_and_must_follow_the_opening(draw: Any) -> None:
    bars = draw(40, seed=6)
    given, usual = FeatureStream(FeatureSpec()), FeatureStream(FeatureSpec())
    for t in range(40):
        bar = {name: getattr(bars, name)[t] for name in ("open", "high", "low", "close", "volume", "spread", "time")}
        np.testing.assert_array_equal(given.push(**bar, time_close=bars.time_close[t]), usual.push(**bar))
    with pytest.raises(InputError, match="time_close must be later than time"):
        given.push(**bar, time_close=bars.time[t])
