"""Epochs of a network drawn: loss, accuracy and learning rate, with the epoch whose weights were kept.

Okabe and Ito's colours, told apart with any colour vision; training is dashed, so that the picture reads in grey as
well. No pyplot: a figure belongs to its caller.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from smctrain.exceptions import InputError
from smctrain.models._neural_common import FittedNet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INK, _GREY = "#333333", "#777777"
_POINTS: dict[str, Any] = {"marker": "o", "markersize": 3, "linewidth": 1.4}
_TRAINING = {"color": "#E69F00", "linestyle": "--", "label": "training"} | _POINTS
_VALIDATION = {"color": "#0072B2", "linestyle": "-", "label": "validation"} | _POINTS


def plot_history(fitted: FittedNet, ax: Sequence[Axes] | None = None) -> Figure:
    """Draw the history of a fit.

    Parameters
    ----------
    fitted : FittedNet
    ax : sequence of matplotlib Axes, optional
        Loss, accuracy (not of a regression) and learning rate; a figure of its own by default.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    InputError
        The fit ended before its first epoch did, or `ax` has another number of panels.
    """
    history = fitted.history
    if len(history.get("step", ())) == 0:
        raise InputError("there is no history to draw: the fit was stopped before its first epoch ended.")
    panels = ["loss", "accuracy", "learning rate"] if fitted.n_classes else ["loss", "learning rate"]
    axes = _axes(ax, panels)
    _lines(axes[0], history, "loss")
    axes[0].set_title(f"{fitted.family}, trained on {fitted.device}", loc="left", fontsize=10, color=_INK)
    if fitted.n_classes:
        _lines(axes[1], history, "accuracy")
        axes[1].yaxis.set_major_formatter(_percent)
    axes[-1].step(history["step"], history["learning_rate"], where="mid", color=_INK, linewidth=1.2)
    axes[-1].set_ylim(0.0, 1.1 * float(np.nanmax(history["learning_rate"])))
    axes[-1].set_xlabel("epoch")
    for axis, name in zip(axes, panels, strict=True):
        _dress(axis, name, fitted)
    figure: Figure = axes[0].get_figure(root=True)  # type: ignore[assignment]
    return figure


def _axes(ax: Sequence[Axes] | None, panels: list[str]) -> list[Axes]:
    if ax is None:
        heights = [3.0, *[2.0] * (len(panels) - 2), 1.2]
        figure = _picture()(figsize=(7.5, sum(heights)), layout="constrained")
        return list(figure.subplots(len(panels), sharex=True, height_ratios=heights))
    axes = list(np.ravel(np.asarray(ax, dtype=object)))
    if len(axes) != len(panels):
        raise InputError(f"ax must be {len(panels)} axes ({', '.join(panels)}), but holds {len(axes)}.")
    return axes


@lru_cache(maxsize=1)
def _picture() -> type[Figure]:
    from matplotlib.figure import Figure

    class Picture(Figure):
        """A figure that notebooks show without pyplot, as those of `smctrain.plots`."""

        def _repr_png_(self) -> bytes:
            buffer = io.BytesIO()
            self.savefig(buffer, format="png", dpi=100)
            return buffer.getvalue()

    return Picture


def _lines(axis: Axes, history: dict[str, Any], what: str) -> None:
    for column, look in ((f"train_{what}", _TRAINING), (f"val_{what}", _VALIDATION)):
        values = np.where(np.isfinite(history[column]), history[column], np.nan)
        if not np.isnan(values).all():
            axis.plot(history["step"], values, **look)


def _dress(axis: Axes, name: str, fitted: FittedNet) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.set_ylabel(name)
    axis.grid(True, color="#DDDDDD", linewidth=0.6)
    axis.set_axisbelow(True)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    if fitted.best_epoch > 0:
        kept = f"kept: epoch {fitted.best_epoch}"
        axis.axvline(fitted.best_epoch, color=_GREY, linestyle=":", linewidth=1.2, label=kept, zorder=1)
    if name == "loss":
        if fitted.best_epoch > 0 and np.isfinite(fitted.best_loss):
            axis.plot([fitted.best_epoch], [fitted.best_loss], "D", color=_INK, markersize=6, zorder=4)
        axis.legend(frameon=False, fontsize=9, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, borderaxespad=0.0)


def _percent(value: float, _: float) -> str:
    return f"{100 * value:.3g} %"
