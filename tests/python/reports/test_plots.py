"""`plot_bars`: what is on the chart is what was known at its last bar."""

from __future__ import annotations

import io
import itertools
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure

import smctrain as st
from smctrain.bars.types import Bars
from smctrain.exceptions import InputError
from smctrain.features import EventTable
from smctrain.plots import plot_bars


@pytest.fixture(scope="module")
def bars() -> Bars:
    rng = np.random.default_rng(7)
    n = 800
    close = 1.1 + np.cumsum(rng.standard_normal(n) * 4e-4)
    opened = np.r_[1.1, close[:-1]]
    high = np.maximum(opened, close) + rng.random(n) * 4e-4
    low = np.minimum(opened, close) - rng.random(n) * 4e-4
    prices = [np.round(values * 1e5) / 1e5 for values in (opened, high, low, close)]
    time = np.datetime64("2024-03-04", "ns") + np.arange(n) * np.timedelta64(15, "m")
    return Bars("DRAWN", "M15", time, *prices, digits=5)


@pytest.fixture(scope="module")
def tables(bars: Bars) -> list[EventTable]:
    return [
        st.smc.order_blocks(bars), st.smc.fair_value_gaps(bars), st.smc.swings(bars), st.smc.structure(bars),
        st.smc.liquidity(bars), st.smc.sessions(bars, ["london", "ny"]), st.smc.previous_levels(bars),
        st.smc.retracements(bars),
    ]  # fmt: skip


def part(figure: Figure, gid: str) -> list[np.ndarray]:
    """Vertices of the shapes drawn under this name."""
    found = [artist for artist in figure.axes[0].collections if artist.get_gid() == gid]
    return [path.vertices for artist in found for path in artist.get_paths()]


def png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def test_every_bar_of_the_window_has_a_wick_and_a_body(bars: Bars) -> None:
    figure = plot_bars(bars, start=100, stop=250)
    up = int((bars.close[100:250] >= bars.open[100:250]).sum())
    assert len(part(figure, "wicks")) == 150
    assert (len(part(figure, "bodies_up")), len(part(figure, "bodies_down"))) == (up, 150 - up)
    np.testing.assert_array_equal(np.array(part(figure, "wicks"))[:, :, 1].T, [bars.low[100:250], bars.high[100:250]])
    assert len(part(plot_bars(bars), "wicks")) == 200
    assert len(part(plot_bars(bars, start=-20), "wicks")) == 20
    assert len(part(plot_bars(bars, start="2024-03-05", stop="2024-03-06T12:00"), "wicks")) == 96 + 48


@pytest.mark.parametrize(("name", "side"), [("order_block", 1), ("order_block", -1), ("fvg", 1), ("fvg", -1)])
def test_a_zone_reaches_from_known_at_to_invalidated_at(
    bars: Bars, tables: list[EventTable], name: str, side: int
) -> None:
    first, end = 300, 450
    table = tables[0 if name == "order_block" else 1].select(side=side)
    rows = [
        i for i in range(len(table))
        if table["known_at"][i] < end and (table["invalidated_at"][i] == -1 or table["invalidated_at"][i] > first)
    ]  # fmt: skip
    assert len(rows) >= 3
    shapes = part(plot_bars(bars, tables, first, end), f"{name}_{'bullish' if side > 0 else 'bearish'}")
    assert len(shapes) == len(rows)
    for i, vertices in zip(rows, shapes, strict=True):
        dead = table["invalidated_at"][i]
        until = dead if 0 <= dead < end else end - 0.5
        assert (vertices[:, 0].min(), vertices[:, 0].max()) == (table["known_at"][i], until)
        assert (vertices[:, 1].min(), vertices[:, 1].max()) == (table["bottom"][i], table["top"][i])


def test_swings_breaks_and_pools_are_counted(bars: Bars, tables: list[EventTable]) -> None:
    first, end = 300, 450
    figure = plot_bars(bars, tables, first, end)
    lines = {line.get_gid(): line for line in figure.axes[0].lines}
    for kind in ("swing_high", "swing_low"):
        swings = tables[2].select(kind)
        shown = (swings["origin"] >= first) & (swings["known_at"] < end)
        np.testing.assert_array_equal(lines[kind].get_xdata(), swings["origin"][shown])
        np.testing.assert_array_equal(lines[kind].get_ydata(), swings["level"][shown])
    for kind in ("bos", "choch"):
        breaks = tables[3].select(kind)
        shown = (breaks["known_at"] >= first) & (breaks["known_at"] < end)
        assert len(part(figure, f"{kind}_bullish")) + len(part(figure, f"{kind}_bearish")) == shown.sum()
    for kind in ("sweep", "run"):
        taken = tables[4].select(kind)["known_at"]
        assert len(lines[kind].get_xdata()) == ((taken >= first) & (taken < end)).sum()
    assert len(part(figure, "session_ny")) >= 1
    assert len(part(figure, "previous_period_high")) == 2 + (end // 96 - first // 96 - 1)
    assert len(part(figure, "retracement")) >= 5


@pytest.mark.parametrize("which", [0, 2, 3, 6])
def test_a_picture_shows_nothing_that_was_not_known_at_its_last_bar(
    bars: Bars, tables: list[EventTable], which: int
) -> None:
    known = tables[which]["known_at"]
    end = int(known[known > 400][0])  # an event becomes known with the first bar that is left out
    early = bars[:end]
    then = [
        st.smc.order_blocks(early), st.smc.fair_value_gaps(early), st.smc.swings(early), st.smc.structure(early),
        st.smc.liquidity(early), st.smc.sessions(early, ["london", "ny"]), st.smc.previous_levels(early),
        st.smc.retracements(early),
    ]  # fmt: skip
    assert png(plot_bars(bars, tables, 250, end)) == png(plot_bars(early, then, 250, end))


def test_breakers_and_the_swings_that_alternate_at_the_last_bar_are_drawn(bars: Bars) -> None:
    zones, swings = st.smc.order_blocks(bars, breaker=True), st.smc.swings(bars, zigzag=True)
    figure = plot_bars(bars, [zones, swings], 300, 450)
    alive = (zones["known_at"] < 450) & ((zones["invalidated_at"] < 0) | (zones["invalidated_at"] > 300))
    for kind in ("order_block", "breaker"):
        shown = (alive & (zones["kind"] == kind)).sum()
        assert shown >= 3
        assert len(part(figure, f"{kind}_bullish")) + len(part(figure, f"{kind}_bearish")) == shown
    lines = {line.get_gid(): line.get_xdata() for line in figure.axes[0].lines}
    sides = [(row, side) for kind, side in (("swing_high", 1), ("swing_low", -1)) for row in lines[kind]]
    assert len(sides) > 8
    assert all(one[1] != other[1] for one, other in itertools.pairwise(sorted(sides)))


def test_the_same_bars_give_the_same_bytes(bars: Bars, tables: list[EventTable]) -> None:
    assert png(plot_bars(bars, tables)) == png(plot_bars(bars, tables))


def test_it_draws_on_axes_of_the_caller_and_shows_itself_in_a_notebook(bars: Bars, tables: list[EventTable]) -> None:
    own = Figure()
    axes = own.subplots(1, 2)
    assert plot_bars(bars, tables[0], ax=axes[1]) is own
    assert not axes[0].collections
    assert any(isinstance(artist, PolyCollection) for artist in axes[1].collections)
    assert any(isinstance(artist, LineCollection) for artist in axes[1].collections)
    assert plot_bars(bars)._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]


def test_missing_bars_flat_prices_and_daily_bars_are_drawn(bars: Bars) -> None:
    holes = replace(bars, close=np.where(np.arange(800) == 790, np.nan, bars.close))
    assert png(plot_bars(holes, st.smc.swings(holes)))
    flat = np.full(800, 1.1)
    assert png(plot_bars(replace(bars, open=flat, high=flat, low=flat, close=flat)))
    day = np.datetime64("2020-01-01", "ns") + np.arange(800) * np.timedelta64(1, "D")
    assert png(plot_bars(replace(bars, timeframe="D1", time=day, symbol="$odd$")))


def test_bars_without_any_price_are_an_empty_picture(bars: Bars) -> None:
    nothing = np.full(len(bars), np.nan)
    figure = st.plot_bars(replace(bars, open=nothing, high=nothing, low=nothing, close=nothing))
    assert figure.axes[0].get_ylim() == pytest.approx((-0.06, 1.06))


def test_mistakes_are_named(bars: Bars, tables: list[EventTable]) -> None:
    with pytest.raises(InputError, match="between 1 and 5000 bars"):
        plot_bars(bars, start=10, stop=10)
    with pytest.raises(InputError, match="start must be a row or an opening time"):
        plot_bars(bars, start="last week")
    with pytest.raises(InputError, match="must come from the bars that are drawn"):
        plot_bars(bars[:100], tables)
    with pytest.raises(InputError, match="events must be EventTables"):
        plot_bars(bars, ["swings"])  # type: ignore[list-item]
    odd = EventTable({**tables[0].columns, "kind": np.full(len(tables[0]), "odd")})
    with pytest.raises(InputError, match="kind 'odd'"):
        plot_bars(bars, odd)
    with pytest.raises(InputError, match="b must be Bars"):
        plot_bars(None)  # type: ignore[arg-type]


def test_drawing_needs_no_pyplot() -> None:
    source = Path(sys.modules["smctrain.plots"].__file__ or "").read_text(encoding="utf-8")
    assert "import matplotlib.pyplot" not in source
    assert "from matplotlib import pyplot" not in source
