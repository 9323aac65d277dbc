"""`plot_bars`: candles with the events found on them, drawn as they were known at the last bar shown.

Colours are those of Okabe and Ito, told apart with any colour vision: blue for the bullish side, orange for the
bearish one. Side and kind also differ in hatch, line style or marker, and candles are light (up) or dark (down), so
that the picture reads in grey as well. No pyplot: a figure belongs to its caller, and equal input gives equal files.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from smctrain.bars import Bars
from smctrain.exceptions import InputError
from smctrain.features import EventTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_bars"]

MOST_BARS = 5_000
_SHOWN_BY_DEFAULT = 200
_INK, _GREY = "#333333", "#777777"
_COLOURS = {1: "#0072B2", -1: "#D55E00", 0: "#6A6A6A"}
_SIDES = {1: "bullish", -1: "bearish"}
_SESSION_COLOURS = ("#CC79A7", "#56B4E9", "#E69F00")
_ZONES = {
    "order_block": ("order block", "-", 0.30, ""),
    "breaker": ("breaker", "-.", 0.20, "..."),
    "fvg": ("fair value gap", "--", 0.12, "///"),
}
_BREAKS = {"bos": ("BOS", "-"), "choch": ("CHoCH", "--")}
_SWINGS = {"swing_high": ("swing high", "v", 6.0), "swing_low": ("swing low", "^", -6.0)}
_TAKEN = {"sweep": ("sweep", "x"), "run": ("run", "P")}

Segments = list[tuple[tuple[float, float], tuple[float, float]]]


def plot_bars(
    b: Bars,
    events: EventTable | Iterable[EventTable] | None = None,
    start: int | str | np.datetime64 | None = None,
    stop: int | str | np.datetime64 | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw candles and what was known of the events at the close of the last bar shown.

    A zone is drawn from `known_at` to `invalidated_at`; a thin dotted line leads back to the bar it sits on. Swings
    stand at their bar, with a dotted line to the bar from which they are known; breaks run from the broken swing to
    the breaking bar; a finished session is boxed over its own bars, and its high and low run on, dotted, for as long as
    they are in force. Events known only later than the last bar shown are not drawn.

    Parameters
    ----------
    b : Bars
        Bars of one symbol and timeframe, at most 5,000 of them shown.
    events : EventTable or iterable of EventTable, optional
        Tables of `st.smc.*` made from the same bars.
    start, stop : int, str or datetime64, optional
        Rows [start, stop) of `b` as in a slice, or opening times in UTC. Without either, the last 200 bars.
    ax : matplotlib Axes, optional
        Where to draw; a figure of its own by default.

    Returns
    -------
    matplotlib Figure
        `figure.savefig("chart.png")` writes it; a notebook shows it.

    Raises
    ------
    InputError
        If `b` is not `Bars`, the window holds no bar or too many, or `events` was made from other bars.
    """
    if not isinstance(b, Bars):
        raise InputError(
            f'b must be Bars of one symbol and timeframe, such as bars["EURUSD", "M15"], but is {b!r:.80}.'
        )
    if start is None and stop is None:
        start = max(0, len(b) - _SHOWN_BY_DEFAULT)
    first, end = _row(b, "start", start, 0), _row(b, "stop", stop, len(b))
    if not 0 < end - first <= MOST_BARS:
        raise InputError(f"start and stop must leave between 1 and {MOST_BARS} bars to draw, but leave {end - first}.")
    tables = [table.known_by(end - 1) for table in _tables(events, len(b))]
    axis = ax if ax is not None else _own_figure().subplots()
    _candles(axis, b, first, end)
    for table in tables:
        for kind in dict.fromkeys(table["kind"].tolist()):
            _DRAW.get(kind, _draw_nothing)(axis, table.select(kind), kind, first, end)
    _dress(axis, b, first, end)
    figure: Figure = _figure_of(axis).figure  # of a sub-figure, the one it belongs to
    return figure


# --- what is drawn -----------------------------------------------------------------------------------------------


def _candles(axis: Axes, b: Bars, first: int, end: int) -> None:
    from matplotlib.collections import LineCollection, PolyCollection

    window = slice(first, end)
    x = np.arange(first, end, dtype=np.float64)
    wicks = np.stack([np.stack([x, b.low[window]], axis=1), np.stack([x, b.high[window]], axis=1)], axis=1)
    axis.add_collection(LineCollection(list(wicks), colors=_INK, linewidths=0.8, zorder=2, gid="wicks"))
    for up, colour, gid in ((True, "white", "bodies_up"), (False, _INK, "bodies_down")):
        chosen = (b.close[window] >= b.open[window]) == up
        boxes = [
            _box(row - 0.35, row + 0.35, low, high)
            for row, low, high in zip(
                x[chosen],
                np.minimum(b.open, b.close)[window][chosen],
                np.maximum(b.open, b.close)[window][chosen],
                strict=True,
            )
        ]
        bodies = PolyCollection(boxes, facecolors=colour, edgecolors=_INK, linewidths=0.8, zorder=3, gid=gid)
        axis.add_collection(bodies)


def _draw_zones(axis: Axes, table: EventTable, kind: str, first: int, end: int) -> None:
    import matplotlib as mpl
    from matplotlib.collections import PolyCollection

    word, style, alpha, hatch = _ZONES[kind]
    table = _visible(table, first, end)
    for side in (1, -1):
        part = table.select(side=side)
        if len(part) == 0:
            continue
        stops = _until(part, end)
        boxes = [
            _box(known, until, low, high)
            for known, until, low, high in zip(part["known_at"], stops, part["bottom"], part["top"], strict=True)
        ]
        with mpl.rc_context({"hatch.linewidth": 0.4}):
            zones = PolyCollection(
                boxes,
                facecolors=_faded(_COLOURS[side], alpha),
                edgecolors=_COLOURS[side],
                linestyles=style,
                linewidths=0.8,
                hatch=hatch,
                zorder=1,
                label=f"{word}, {_SIDES[side]}",
                gid=f"{kind}_{_SIDES[side]}",
            )
        axis.add_collection(zones)
        middle = 0.5 * (part["top"] + part["bottom"])
        _leaders(axis, part, middle, _COLOURS[side])


def _draw_swings(axis: Axes, table: EventTable, kind: str, first: int, end: int) -> None:
    from matplotlib.transforms import ScaledTranslation

    word, marker, points = _SWINGS[kind]
    table = _within(table, "origin", first, end)
    kept = table["invalidated_at"] < 0  # of swings that alternate
    table = EventTable({name: values[kept] for name, values in table.columns.items()})
    side = 1 if kind == "swing_low" else -1  # a low is where buyers came in
    away = axis.transData + ScaledTranslation(0.0, points / 72.0, _figure_of(axis).dpi_scale_trans)
    axis.plot(
        table["origin"], table["level"], ls="", marker=marker, ms=6, mfc="white", mec=_COLOURS[side], mew=1.2,
        transform=away, zorder=4, label=word, gid=kind,
    )  # fmt: skip
    _leaders(axis, table, table["level"], _COLOURS[side])


def _draw_breaks(axis: Axes, table: EventTable, kind: str, first: int, end: int) -> None:
    word, style = _BREAKS[kind]
    table = _within(table, "known_at", first, end)
    for side in (1, -1):
        part = table.select(side=side)
        lines = _level_lines(part["origin"], part["known_at"], part["level"])
        _lines(axis, lines, _COLOURS[side], style, 1.4, f"{word}, {_SIDES[side]}", f"{kind}_{_SIDES[side]}")
        for known, level in zip(part["known_at"], part["level"], strict=True):
            axis.annotate(
                word, (known, level), xytext=(-2, 3 * side), textcoords="offset points", ha="right",
                va="bottom" if side > 0 else "top", fontsize=7, color=_COLOURS[side], clip_on=True, zorder=5,
                bbox={"facecolor": "white", "alpha": 0.7, "edgecolor": "none", "pad": 0.4},
            )  # fmt: skip


def _draw_pools(axis: Axes, table: EventTable, kind: str, first: int, end: int) -> None:
    table = _visible(table, first, end)
    for side, word in ((1, "buy-side pool"), (-1, "sell-side pool")):
        part = table.select(side=side)
        lines = _level_lines(part["known_at"], _until(part, end), part["level"])
        _lines(axis, lines, _COLOURS[-side], (0, (5, 1.5, 1, 1.5)), 1.0, word, f"pool_{'buy' if side > 0 else 'sell'}")


def _draw_taken(axis: Axes, table: EventTable, kind: str, first: int, end: int) -> None:
    word, marker = _TAKEN[kind]
    table = _within(table, "known_at", first, end)
    axis.plot(
        table["known_at"], table["level"], ls="", marker=marker, ms=6, mec="white" if kind == "run" else "black",
        mfc="black", mew=0.6 if kind == "run" else 1.4, zorder=5, label=f"{word} of a pool", gid=kind,
    )  # fmt: skip


def _draw_sessions(axis: Axes, table: EventTable, kind: str, first: int, end: int) -> None:
    from matplotlib.collections import PolyCollection

    names = list(dict.fromkeys(table["name"].tolist()))
    table = _visible(table, first, end, since="last")
    for i, name in enumerate(names):
        part = EventTable({column: table[column][table["name"] == name] for column in table})
        colour = _SESSION_COLOURS[i % len(_SESSION_COLOURS)]
        boxes = [
            _box(origin - 0.5, last + 0.5, low, high)
            for origin, last, low, high in zip(part["origin"], part["last"], part["bottom"], part["top"], strict=True)
        ]
        shapes = PolyCollection(boxes, facecolors=_faded(colour, 0.10), edgecolors=colour, linewidths=0.8, zorder=0.5)
        shapes.set(label=f"session {name}", gid=f"session_{name}")
        axis.add_collection(shapes)
        for origin, last, top in zip(part["origin"], part["last"], part["top"], strict=True):
            if last >= first:
                axis.annotate(
                    name, (max(origin, first) - 0.5, top), xytext=(2, 1), textcoords="offset points", va="bottom",
                    fontsize=7, color=_GREY, clip_on=True,
                )  # fmt: skip
        for edge in ("top", "bottom"):
            lines = _level_lines(part["known_at"], _until(part, end), part[edge])
            _lines(axis, lines, colour, ":", 1.2, None, f"session_{name}_{edge}")


def _draw_periods(axis: Axes, table: EventTable, kind: str, first: int, end: int) -> None:
    table = _visible(table, first, end)
    for edge, style, word in (("top", "-", "high"), ("bottom", "-", "low"), ("middle", ":", "middle")):
        lines = _level_lines(table["known_at"], _until(table, end), table[edge])
        label = "previous period: high, low; middle dotted" if edge == "top" else None
        _lines(axis, lines, "#009E73", style, 1.4, label, f"previous_period_{word}")


def _draw_retracements(axis: Axes, table: EventTable, kind: str, first: int, end: int) -> None:
    table = _within(table, "origin", first, end)
    lines: Segments = [
        ((float(a), float(p)), (float(z), float(q)))
        for a, p, z, q in zip(
            table["start_row"], table["start_price"], table["origin"], table["end_price"], strict=True
        )
    ]
    _lines(axis, lines, "#CC79A7", "-", 1.2, "leg", "retracement")


def _draw_nothing(axis: Axes, table: EventTable, kind: str, first: int, end: int) -> None:
    raise InputError(f"plot_bars does not know how to draw events of kind {kind!r}. Kinds: {', '.join(_DRAW)}.")


_DRAW: dict[str, Callable[[Axes, EventTable, str, int, int], None]] = {
    **dict.fromkeys(_ZONES, _draw_zones),
    **dict.fromkeys(_SWINGS, _draw_swings),
    **dict.fromkeys(_BREAKS, _draw_breaks),
    "pool": _draw_pools,
    **dict.fromkeys(_TAKEN, _draw_taken),
    "session": _draw_sessions,
    "previous_period": _draw_periods,
    "retracement": _draw_retracements,
}


# --- parts -------------------------------------------------------------------------------------------------------


def _leaders(axis: Axes, table: EventTable, level: NDArray[np.float64], colour: str) -> None:
    """Thin dotted lines from where an event sits to where it is known."""
    _lines(axis, _level_lines(table["origin"], table["known_at"], level), colour, ":", 0.9, None, "leaders")


def _lines(axis: Axes, lines: Segments, colour: str, style: Any, width: float, label: str | None, gid: str) -> None:
    from matplotlib.collections import LineCollection

    if lines:
        axis.add_collection(
            LineCollection(lines, colors=colour, linestyles=style, linewidths=width, zorder=3.5, label=label, gid=gid)
        )


def _level_lines(left: NDArray[Any], right: NDArray[Any], level: NDArray[Any]) -> Segments:
    return [((float(a), float(y)), (float(z), float(y))) for a, z, y in zip(left, right, level, strict=True)]


def _box(left: float, right: float, bottom: float, top: float) -> list[tuple[float, float]]:
    return [(left, bottom), (right, bottom), (right, top), (left, top)]


def _faded(colour: str, alpha: float) -> tuple[float, float, float, float]:
    from matplotlib.colors import to_rgba

    return to_rgba(colour, alpha)


def _until(table: EventTable, end: int) -> NDArray[np.float64]:
    """Where an event ends on the chart: what is still alive runs to the right edge."""
    return np.where(table["invalidated_at"] >= 0, table["invalidated_at"], end - 0.5).astype(np.float64)


def _visible(table: EventTable, first: int, end: int, since: str | None = None) -> EventTable:
    """Events alive on some bar of the window (or, with `since`, whose own bars reach into it)."""
    alive = (table["invalidated_at"] < 0) | (table["invalidated_at"] > first)
    if since is not None:
        alive |= table[since] >= first
    return EventTable({name: values[alive] for name, values in table.columns.items()})


def _within(table: EventTable, column: str, first: int, end: int) -> EventTable:
    mask = (table[column] >= first) & (table[column] < end)
    return EventTable({name: values[mask] for name, values in table.columns.items()})


def _dress(axis: Axes, b: Bars, first: int, end: int) -> None:
    from matplotlib.ticker import FormatStrFormatter, FuncFormatter, MaxNLocator

    have = b.low[first:end][np.isfinite(b.low[first:end])], b.high[first:end][np.isfinite(b.high[first:end])]
    low, high = (have[0].min(), have[1].max()) if all(map(len, have)) else (0.0, 1.0)
    margin = 0.06 * (high - low) or 0.01 * abs(high) or 1.0
    axis.set_xlim(first - 1.0, end + 0.5)
    axis.set_ylim(low - margin, high + margin)
    minutes = np.datetime_as_string(b.time.astype("datetime64[m]"))
    intraday = b.seconds < 86_400

    def stamp(x: float, _: int | None = None) -> str:
        row = round(x)
        if not first <= row < end:
            return ""
        day, clock = str(minutes[row]).split("T")
        return f"{day[5:]}\n{clock}" if intraday else day

    axis.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True))
    axis.xaxis.set_major_formatter(FuncFormatter(stamp))
    if b.digits is not None:
        axis.yaxis.set_major_formatter(FormatStrFormatter(f"%.{max(b.digits, 0)}f"))
    days = [str(minutes[row]).split("T")[0] for row in (first, end - 1)]
    axis.set_title(f"{b.symbol} {b.timeframe}, {' to '.join(dict.fromkeys(days))}".replace("$", r"\$"), fontsize=11)
    axis.set_xlabel("opening time of the bar, UTC", color=_GREY)
    axis.grid(alpha=0.2)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    handles, labels = axis.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    if unique:
        axis.legend(
            list(unique.values()), list(unique), loc="upper center", bbox_to_anchor=(0.5, -0.14),
            ncols=min(6, len(unique)), fontsize=8, frameon=False,
        )  # fmt: skip


def _figure_of(axis: Axes) -> Any:
    """The figure or sub-figure axes stand in."""
    return axis.figure


def _own_figure() -> Figure:
    return new_figure(12, 6.2)


def new_figure(width: float, height: float) -> Figure:
    """A figure of its own, without pyplot; notebooks show it."""
    figure: Figure = _picture()(figsize=(width, height), layout="constrained")
    return figure


@lru_cache(maxsize=1)
def _picture() -> type[Figure]:
    from matplotlib.figure import Figure

    class Picture(Figure):
        """A figure that notebooks show without pyplot."""

        def _repr_png_(self) -> bytes:
            buffer = io.BytesIO()
            self.savefig(buffer, format="png", dpi=100)
            return buffer.getvalue()

    return Picture


# --- arguments ---------------------------------------------------------------------------------------------------


def _tables(events: EventTable | Iterable[EventTable] | None, n: int) -> list[EventTable]:
    tables = [] if events is None else [events] if isinstance(events, EventTable) else list(events)
    for table in tables:
        if not isinstance(table, EventTable):
            raise InputError(f"events must be EventTables of st.smc, but hold {type(table).__name__}.")
        if len(table) and int(table["known_at"].max()) >= n:
            raise InputError(
                f"events must come from the bars that are drawn, but name row {int(table['known_at'].max())} of {n}."
            )
    return tables


def _row(b: Bars, name: str, value: int | str | np.datetime64 | None, default: int) -> int:
    if value is None:
        return default
    if isinstance(value, (int, np.integer)):
        return min(max(int(value) + len(b), 0) if value < 0 else int(value), len(b))
    try:
        moment = np.array(np.datetime64(value), dtype="datetime64[ns]")
    except (TypeError, ValueError):
        raise InputError(f"{name} must be a row or an opening time in UTC, but is {value!r}.") from None
    return int(np.searchsorted(b.time, moment))
