"""`plot_importance` and `plot_agreement`: which columns matter, and whether the families agree.

They draw plain tables (frames or dicts of arrays) and look as `plots.py` does: Okabe and Ito's colours, no pyplot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from smctrain.exceptions import InputError
from smctrain.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_agreement", "plot_importance"]

_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
_HATCHES = ("", "///", "...", "xxx", "\\\\\\", "+++")
_INK, _GREY = "#333333", "#777777"
_LONGEST = 32
_UNITS = {
    "mda": "fall of the held-out score",
    "clustered_mda": "fall of the held-out score, cluster moved",
    "permutation": "fall of the score",
    "sfi": "score of the column alone, above a constant",
    "shap": "mean size of the contributions",
    "gini": "share of the decrease of impurity",
    "variance": "share of the decrease of variance",
    "coefficient": "|coefficient| x standard deviation",
}
_MEASURES = {"spearman": "Spearman", "kendall": "Kendall's tau-b", "rbo": "rank-biased overlap (0.9)"}


def plot_importance(table: Any, top: int = 20, ax: Axes | None = None) -> Figure:
    """Bars of the most important columns, with one standard error where there is one.

    Parameters
    ----------
    table : importance table, `FoldImportance` or `Consensus`
        Of `model.importance(...)` or `st.explain`; a consensus shows the share of each family as a part of its bar.
    top : int
        Columns shown.
    ax : matplotlib Axes, optional
        Where to draw; a figure of its own by default.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    InputError
        It is no table of importances.
    """
    if not isinstance(top, (int, np.integer)) or isinstance(top, bool) or top < 1:
        raise InputError(f"top must be an integer of at least 1, but is {top!r}.")
    values = _plain(table)
    is_consensus = "consensus" in values
    if "feature" not in values or not (is_consensus or "raw" in values):
        raise InputError(
            f"table must be a table of importances with the columns feature and raw, but has {sorted(values)}."
        )
    names = [_label(name) for name in values["feature"][:top]]
    axis = ax if ax is not None else new_figure(8, 0.28 * len(names) + 1.4).subplots()
    places = np.arange(len(names))
    if is_consensus:
        _family_parts(axis, table, values, places)
    else:
        raw, se = values["raw"][:top].astype(float), values["se"][:top].astype(float)
        bars = axis.barh(places, raw, color=_COLOURS[0], height=0.7)
        for bar, value in zip(bars, raw, strict=True):
            bar.set_alpha(1.0 if value > 0 else 0.4)
        has = np.isfinite(se)
        if has.any():
            axis.errorbar(raw[has], places[has], xerr=se[has], fmt="none", ecolor=_INK, capsize=2.5, lw=1)
        kind = str(values["kind"][0]) if len(names) else ""
        n = int(values["n"][0]) if len(names) else 1
        error = f", mean of {n} and one standard error" if has.any() else ""
        axis.set(xlabel=_UNITS.get(kind, kind) + error)
        axis.set_title(f"Importance: {kind}", fontsize=11)
        if (raw < 0).any():
            axis.axvline(0, color=_INK, lw=0.8)
    axis.set_yticks(places, names, fontsize=8)
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.grid(axis="x", alpha=0.25)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    axis.xaxis.label.set_color(_GREY)
    figure: Figure = _figure_of(axis).figure
    return figure


def plot_agreement(consensus: Any, measure: str = "rbo", ax: Axes | None = None) -> Figure:
    """Heat map of how far the families of a consensus agree on the order of the columns.

    Parameters
    ----------
    consensus : Consensus
        Of `st.explain.consensus`.
    measure : "rbo", "spearman" or "kendall"
    ax : matplotlib Axes, optional
    """
    if measure not in _MEASURES:
        raise InputError(f"measure must be one of {', '.join(map(repr, _MEASURES))}, but is {measure!r}.")
    matrix = getattr(consensus, measure, None)
    if not isinstance(matrix, np.ndarray):
        raise InputError(f"consensus must be the outcome of st.explain.consensus, but is {type(consensus).__name__}.")
    families = [_label(name) for name in consensus.families]
    size = 0.75 * len(families) + 2.2
    axis = ax if ax is not None else new_figure(size + 1.2, size).subplots()
    low = 0.0 if measure == "rbo" else -1.0
    image = axis.imshow(matrix, vmin=low, vmax=1.0, cmap="cividis")
    for i, j in np.ndindex(*matrix.shape):
        value = matrix[i, j]
        bright = np.isfinite(value) and (value - low) / (1.0 - low) > 0.55
        text = f"{value:.2f}" if np.isfinite(value) else "-"
        axis.text(j, i, text, ha="center", va="center", fontsize=9, color=_INK if bright else "white")
    axis.set_xticks(range(len(families)), families, rotation=35, ha="right", fontsize=8)
    axis.set_yticks(range(len(families)), families, fontsize=8)
    axis.spines[:].set_visible(False)
    axis.set_title(f"Agreement of the families: {_MEASURES[measure]}", fontsize=11)
    figure: Any = _figure_of(axis)
    figure.colorbar(image, ax=axis, shrink=0.8)
    root: Figure = figure.figure
    return root


def _family_parts(axis: Axes, table: Any, values: dict[str, NDArray[Any]], places: NDArray[Any]) -> None:
    own = {"feature", "consensus", "rank", "sd", "n_agree", "n_families"}
    families = [name for name in values if name not in own]
    weights = getattr(table, "weights", np.full(len(families), 1.0 / max(1, len(families))))
    left = np.zeros(len(places))
    for i, (family, weight) in enumerate(zip(families, weights, strict=True)):
        part = float(weight) * values[family][: len(places)].astype(float)
        axis.barh(
            places, part, left=left, height=0.7, color=_COLOURS[i % 6], hatch=_HATCHES[i % 6], edgecolor="white",
            lw=0.5, label=_label(family),
        )  # fmt: skip
        left += part
    for place, end, agree in zip(places, left, values["n_agree"], strict=False):
        axis.text(end + 0.01, place, f"{int(agree)}/{len(families)}", va="center", fontsize=7, color=_GREY)
    axis.set(xlabel="1: first in every family. At the right: families that have it among their first")
    axis.set_xlim(0, 1.08)
    axis.set_title("Consensus of the families", fontsize=11)
    axis.legend(loc="lower right", fontsize=8, framealpha=0.9)


def _plain(table: Any) -> dict[str, NDArray[Any]]:
    source = table.to_table() if hasattr(table, "to_table") else table
    columns = getattr(source, "columns", None)
    if columns is None and not isinstance(source, dict):
        raise InputError(f"table must be a table of importances, but is {type(table).__name__}.")
    return {str(name): np.asarray(source[name]) for name in (source if columns is None else columns)}


def _label(name: Any) -> str:
    text = " ".join(str(name).split())
    return (text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…").replace("$", r"\$")


def _figure_of(axis: Axes) -> Any:
    return axis.figure
