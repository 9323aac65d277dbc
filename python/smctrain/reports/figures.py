"""Figures as bytes or inline SVG. No pyplot (global state); fixed ids and no dates: equal results give equal files."""

from __future__ import annotations

import contextlib
import io
import itertools
import re
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from smctrain.artifact import safe_file_name
from smctrain.reports.render import visible
from smctrain.results import SymbolResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe-Ito: told apart with any colour vision; every series also has its own marker or hatch.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
MARKERS = ("o", "s", "^", "D", "v", "P")


def overfitting_figure(table: dict[str, Any]) -> Figure:
    """Four panels: train against validation, gap bars with the line, histogram of gaps, mean gap per model type."""
    figure = _figure(11, 8)
    axes = figure.subplots(2, 2)
    line = 100 * table["gap_line"]
    rows = [row for row in table["models"] if row["gap"] is not None]
    families = sorted({row["model"] for row in rows})
    looks = dict(zip(families, itertools.cycle(zip(COLOURS, MARKERS, strict=True)), strict=False))
    scatter, bars, histogram, means = axes.flat
    for family, (colour, marker) in looks.items():
        chosen = [row for row in rows if row["model"] == family]
        x = [100 * row["train_accuracy"] for row in chosen]
        y = [100 * row["val_accuracy"] for row in chosen]
        scatter.scatter(x, y, c=colour, marker=marker, label=_label(family), s=36)
    low, high = _limits([100 * row[key] for row in rows for key in ("train_accuracy", "val_accuracy")])
    scatter.plot([low, high], [low, high], color="#555555", lw=1, label="no gap")
    scatter.plot([low, high], [low - line, high - line], color="#555555", lw=1, ls="--", label=f"gap {line:.0f} points")
    scatter.set(xlim=(low, high), ylim=(low, high), xlabel="training accuracy, %", ylabel="validation accuracy, %")
    scatter.set_title("Training against validation accuracy")
    if rows:
        scatter.legend(fontsize=8)
    worst = rows[:20]
    bars.barh(range(len(worst)), [100 * row["gap"] for row in worst], color=[looks[row["model"]][0] for row in worst])
    bars.set_yticks(range(len(worst)), [f"{_label(row['symbol'])} {_label(row['model'])}" for row in worst])
    bars.invert_yaxis()
    bars.axvline(line, color="#555555", ls="--", lw=1)
    bars.tick_params(axis="y", labelsize=7)
    bars.set(xlabel="gap, points", title=f"Largest gaps ({len(worst)} of {len(rows)})")
    histogram.hist([100 * row["gap"] for row in rows], bins=15, color=COLOURS[0], edgecolor="white")
    histogram.yaxis.get_major_locator().set_params(integer=True)
    histogram.axvline(line, color="#555555", ls="--", lw=1)
    histogram.set(xlabel="gap, points", ylabel="models", title="How gaps are spread")
    by_model = table["mean_gap_by_model"]
    means.bar(
        range(len(by_model)),
        [100 * value for value in by_model.values()],
        width=0.6,
        color=[looks[name][0] for name in by_model],
    )
    means.set_xticks(range(len(by_model)), [_label(name) for name in by_model])
    means.set_xlim(-0.6, max(len(by_model), 3) - 0.4)
    means.axhline(line, color="#555555", ls="--", lw=1)
    means.set(ylabel="mean gap, points", title="Mean gap per model type")
    for axis in axes.flat:
        _quiet(axis)
    return figure


def overfitting_png(table: dict[str, Any]) -> bytes:
    """`overfitting_analysis.png`."""
    buffer = io.BytesIO()
    with _quiet_fonts():
        overfitting_figure(table).savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


def overfitting_svg(table: Any) -> str:
    """The same four panels for the HTML report."""
    return _svg(overfitting_figure(table), "overfitting")


def accuracy_svg(result: SymbolResult) -> str:
    """Test accuracy of each model with its interval, beside the majority baseline."""
    models = list(result.models.values())
    figure = _figure(6.2, 0.5 * len(models) + 1.1)
    axis = figure.subplots()
    looks = itertools.cycle(zip(COLOURS, MARKERS, strict=True))
    for i, (model, (colour, marker)) in enumerate(zip(models, looks, strict=False)):
        accuracy, interval = model.history.get("test_accuracy"), model.intervals.get("test")
        if interval and None not in interval:
            axis.plot([100 * interval[0], 100 * interval[1]], [i, i], color=colour, lw=3, alpha=0.6)
        if accuracy is not None:
            axis.plot([100 * accuracy], [i], color=colour, marker=marker, ms=7)
    majority = models[0].baselines.get("test", {}).get("majority") if models else None
    if majority is not None:
        axis.axvline(100 * majority, color="#555555", ls="--", lw=1, label="always the majority class")
        axis.legend(fontsize=8, loc="best")
    axis.set_yticks(range(len(models)), [_label(model.model_name) for model in models])
    axis.set_ylim(-0.6, len(models) - 0.4)
    axis.invert_yaxis()
    axis.set(xlabel="test accuracy with 95 % interval, %")
    _quiet(axis)
    return _svg(figure, f"accuracy-{result.symbol}")


def choice_svg(symbol: str, choice: dict[str, Any], most: int = 20) -> str:
    """In how many folds the columns were kept, those kept most often first. Empty without a choice in folds."""
    rows = sorted(choice.get("columns", []), key=lambda row: -row["folds"])[:most]
    if not rows or not rows[0]["n_folds"]:
        return ""
    figure = _figure(6.2, 0.22 * len(rows) + 0.9)
    axis = figure.subplots()
    for i, row in enumerate(rows):
        alpha, hatch = (1.0, "") if row["final"] else (0.45, "//")
        axis.barh(i, row["folds"], color=COLOURS[0], alpha=alpha, hatch=hatch)
    axis.set_yticks(range(len(rows)), [_label(row["feature"]) for row in rows], fontsize=7)
    axis.set_ylim(-0.6, len(rows) - 0.4)
    axis.invert_yaxis()
    axis.set_xlim(0, rows[0]["n_folds"])
    axis.set_xticks(range(rows[0]["n_folds"] + 1))
    axis.set(xlabel=f"folds that kept the column, of {rows[0]['n_folds']}")
    _quiet(axis)
    return _svg(figure, f"choice-{symbol}")


def curves_svg(result: SymbolResult) -> str:
    """Training and validation loss per epoch or round, one panel per iterative model. Empty without any."""
    models = [m for m in result.models.values() if len(_finite(m.curves.get("train_loss", []))) > 1]
    if not models:
        return ""
    figure = _figure(3.6 * len(models), 2.6)
    axes = np.atleast_1d(figure.subplots(1, len(models)))
    for axis, model in zip(axes, models, strict=True):
        for key, colour, style in (("train_loss", COLOURS[0], "-"), ("val_loss", COLOURS[5], "--")):
            steps, values = _series(model.curves, key)
            if len(values):
                word = "training" if key == "train_loss" else "early-stopping rows"
                axis.plot(steps, values, color=colour, ls=style, label=word)
        axis.set(title=_label(model.model_name), xlabel="step", ylabel="loss")
        axis.legend(fontsize=7)
        _quiet(axis)
    return _svg(figure, f"curves-{result.symbol}")


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _label(text: str, longest: int = 24) -> str:
    """A name as a figure shows it: one line, not too long, and no `$`, which would start a formula."""
    text = visible(text)
    return (text if len(text) <= longest else text[: longest - 1] + "…").replace("$", r"\$")


@contextlib.contextmanager
def _quiet_fonts() -> Iterator[None]:
    """Names in scripts the font lacks are drawn as boxes; that is no reason to warn."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def _quiet(axis: Axes) -> None:
    axis.grid(alpha=0.25)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)


def _limits(values: list[float]) -> tuple[float, float]:
    if not values:
        return 0.0, 100.0
    return max(0.0, min(values) - 3.0), min(100.0, max(values) + 3.0)


def _finite(values: list[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _series(curves: dict[str, list[float | None]], key: str) -> tuple[list[int], list[float]]:
    pairs = [(i + 1, value) for i, value in enumerate(curves.get(key, [])) if value is not None]
    return [i for i, _ in pairs], [value for _, value in pairs]


def _svg(figure: Figure, name: str) -> str:
    """Inline SVG with ids that depend on the name only and do not clash between figures of one page."""
    import matplotlib as mpl

    buffer = io.StringIO()
    safe = safe_file_name(name).replace(".", "_")
    with _quiet_fonts(), mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    ids = set(re.findall(r'id="([^"]+)"', text))
    for identifier in sorted(ids, key=len, reverse=True):
        text = re.sub(rf'(id="|url\(#|href="#){re.escape(identifier)}(?=["\)])', rf"\g<1>{safe}-{identifier}", text)
    return text
