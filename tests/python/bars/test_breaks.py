"""Splits, bad prints, listings and reused symbols: found at the bar where they show, never rewritten."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bar_files import walk, write

import smctrain as st
from smctrain._load import core
from smctrain.bars import Bars
from smctrain.bars.breaks import KINDS
from smctrain.exceptions import InputError


def calm(n: int, seed: int = 1) -> Bars:
    """Hourly bars that move about half a percent, without a break."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.005, n)))
    open_ = np.concatenate(([100.0], close[:-1])) * np.exp(rng.normal(0, 0.001, n))
    high, low = np.maximum(open_, close) * 1.002, np.minimum(open_, close) / 1.002
    time = np.datetime64("2024-01-03T00:00", "ns") + np.arange(n) * np.timedelta64(1, "h")
    return Bars("X", "H1", time, open_, high, low, close, rng.integers(900, 1100, n).astype(float))


def broken(n: int, seed: int) -> Bars:
    """The same with splits, spikes, bad levels and pauses in odd places."""
    rng = np.random.default_rng(seed)
    bars = calm(n, seed)
    scale = np.cumprod(np.where(rng.random(n) < 0.01, rng.choice([0.25, 0.5, 0.8, 3.0, 0.61], n), 1.0))
    level = np.where(rng.random(n) < 0.02, 0.6, 1.0)
    prices = {name: getattr(bars, name) * scale * level for name in ("open", "high", "low", "close")}
    spikes = rng.random(n) < 0.02
    prices["low"] = np.where(spikes, prices["low"] * 0.3, prices["low"])
    pauses = rng.random(n) < 0.01
    time = bars.time + np.cumsum(np.where(pauses, 60 * 24, 0)).astype("timedelta64[h]")
    volume = bars.volume * np.cumprod(np.where(pauses, 150.0, 1.0))  # type: ignore[operator]
    return replace(bars, time=time, volume=volume, **prices)


def found(bars: Bars, active: tuple[str, ...] = KINDS) -> dict[str, object]:
    result: dict[str, object] = core().find_breaks(bars.native(), bars.seconds, list(active))
    return result


def test_a_market_that_merely_moves_has_no_break() -> None:
    for seed in range(5):
        result = found(calm(3000, seed))
        assert result["breaks"] == []
        assert result["quarantine"] is None
        assert not np.any(result["segment"])


@pytest.mark.parametrize("seed", [3, 4])
def test_adding_bars_never_changes_an_earlier_segment_or_break(seed: int) -> None:
    bars = broken(500, seed)
    whole = found(bars)
    kinds = {record[0] for record in whole["breaks"]}  # type: ignore[attr-defined]
    assert {"split", "jump", "bad_print", "ticker_reuse"} <= kinds
    for n in [*range(1, 500, 7), 499, 500]:
        part = found(bars[:n])
        assert np.array_equal(part["segment"], whole["segment"][:n])  # type: ignore[index, arg-type]
        assert part["breaks"] == [record for record in whole["breaks"] if record[2] < n]  # type: ignore[attr-defined]


def test_every_break_is_known_at_its_last_bar_or_later_and_starts_a_segment_there() -> None:
    bars = broken(500, 3)
    result = found(bars)
    starts = np.flatnonzero(np.diff(result["segment"], prepend=0))  # type: ignore[call-overload]
    for kind, origin, known_at, first, last, _, _ in result["breaks"]:  # type: ignore[attr-defined]
        assert first <= origin <= known_at
        assert known_at == 0 or known_at in starts
        if kind in ("bad_print", "listing") and last + 1 < len(bars):
            assert last + 1 in starts


def csv(tmp_path: Path, rows: dict[int, tuple[float, ...]], n: int = 300) -> Path:
    """Daily bars, some rows replaced."""
    lines = walk(n, minutes=1440, start="2020-01-01T00:00")
    for row, prices in rows.items():
        day, *_, volume, spread = lines[row].split(",")
        lines[row] = ",".join([day, *(f"{price:.5f}" for price in prices), volume, spread])
    return write(tmp_path / "X_D1.csv", lines)


def test_a_bad_print_is_set_aside_listed_and_left_out_of_both_neighbours(tmp_path: Path) -> None:
    bars = st.read_bars(csv(tmp_path, {200: (1.1, 1.1005, 0.01, 0.9)}))
    b = bars["X", "D1"]
    assert b.quarantine is not None
    assert np.flatnonzero(b.quarantine).tolist() == [200]
    assert (b.segment[199], b.segment[200], b.segment[201]) == (0, 1, 2)
    (record,) = b.quarantines
    assert (record.kind, record.origin, record.known_at, record.first, record.last) == ("bad_print", 200, 200, 200, 200)
    issue = next(issue for issue in bars.issue_list if issue.kind == "bad_print")
    assert (issue.first_row, issue.count) == (202, 1)
    assert issue.example == (
        "2020-07-19 from 0.01 to 1.1005, close 0.9: set aside, with a segment border on both sides"
    )


def test_a_bad_close_is_known_with_the_next_open_and_changes_no_earlier_feature_row(tmp_path: Path) -> None:
    rows = {200: (1.1, 1.1005, 0.6, 0.6)}
    whole = st.read_bars(csv(tmp_path, rows))["X", "D1"]
    before = st.read_bars(csv(tmp_path, rows, n=201))["X", "D1"]
    assert whole.quarantines[0].known_at == 201
    assert whole.quarantine is not None
    assert whole.quarantine[200]
    assert before.quarantine is None
    assert np.array_equal(whole.segment[:201], before.segment)
    assert np.array_equal(st.build_features(whole).values[:201], st.build_features(before).values, equal_nan=True)


def test_breaks_that_do_not_count_are_still_listed(tmp_path: Path) -> None:
    path = csv(tmp_path, {200: (1.1, 1.1005, 0.01, 0.9)})
    for choice in (False, "split", ("jump", "listing")):
        bars = st.read_bars(path, quarantine=choice)
        b = bars["X", "D1"]
        assert b.quarantine is None
        assert not np.any(b.segment)
        assert b.quarantines[0].kind == "bad_print"
        assert next(i for i in bars.issue_list if i.kind == "bad_print").example.endswith(
            "only listed, as quarantine= says"
        )
    with pytest.raises(
        InputError, match=r"quarantine must be True, False or some of split, jump, .* but holds 'splits'"
    ):
        st.read_bars(path, quarantine="splits")


def test_a_slice_keeps_its_marks_and_the_records_known_inside_it(tmp_path: Path) -> None:
    b = st.read_bars(csv(tmp_path, {200: (1.1, 1.1005, 0.01, 0.9)}))["X", "D1"]
    part = b[150:250]
    assert part.quarantine is not None
    assert np.flatnonzero(part.quarantine).tolist() == [50]
    assert (part.quarantines[0].origin, part.quarantines[0].last) == (50, 50)
    assert b[:200].quarantines == ()
    assert list(b.quarantine_table["kind"]) == ["bad_print"]


def test_a_stream_breaks_where_the_batch_does_also_after_it_was_stored() -> None:
    bars = broken(400, 3)
    result = found(bars)
    bars = replace(bars, segment=result["segment"])
    assert bars.segment[-1] > 5
    spec = st.FeatureSpec(base="H1", higher=("H4",), groups=("returns", "candle", "higher"))
    batch = st.build_features(bars, spec)
    stream = st.FeatureStream(spec)
    for t in range(len(bars)):
        if t % 50 == 0:
            stream = st.FeatureStream.from_state(stream.state())
        row = stream.push(
            open=bars.open[t], high=bars.high[t], low=bars.low[t], close=bars.close[t], time=bars.time[t],
            volume=bars.volume[t],  # type: ignore[index]
        )  # fmt: skip
        assert np.array_equal(row, batch.values[t], equal_nan=True), t  # type: ignore[arg-type]
        assert stream.settled == batch.settled[t]
