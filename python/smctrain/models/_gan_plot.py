"""Reports of a generator's fit drawn: losses, length of the critic's slope, energy distance, with the step kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from smctrain.exceptions import InputError
from smctrain.models._history_plot import _GREY, _INK, _axes
from smctrain.models.gan_rows import FittedGAN

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINES = {
    "loss": (
        ("critic_loss", {"color": "#0072B2", "linestyle": "-", "label": "critic"}),
        ("generator_loss", {"color": "#E69F00", "linestyle": "--", "label": "generator"}),
    ),
    "critic's slope": (("gradient_norm", {"color": _INK, "linestyle": "-"}),),
    "energy distance": (("energy_distance", {"color": "#0072B2", "linestyle": "-", "marker": "o", "markersize": 3}),),
}


def plot_gan_history(fitted: FittedGAN, ax: Sequence[Axes] | None = None) -> Figure:
    """Draw the history of a generator's fit.

    Parameters
    ----------
    fitted : FittedGAN
    ax : sequence of 3 matplotlib Axes, optional
        Losses, length of the critic's slope (at most about 1), energy distance to the judged rows (about 0 for rows of
        one distribution); a figure of its own by default.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    InputError
        The fit ended before its first report, or `ax` has another number of panels.
    """
    history = fitted.history
    if len(history.get("step", ())) == 0:
        raise InputError("there is no history to draw: the fit ended before its first report.")
    axes = _axes(ax, list(_LINES))
    for axis, (name, lines) in zip(axes, _LINES.items(), strict=True):
        for column, look in lines:
            axis.plot(history["step"], history[column], linewidth=1.4, **look)  # type: ignore[arg-type]
        axis.set_ylabel(name)
        axis.grid(True, color="#DDDDDD", linewidth=0.6)
        axis.set_axisbelow(True)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
        if fitted.best_step > 0:
            kept = f"kept: step {fitted.best_step}"
            axis.axvline(fitted.best_step, color=_GREY, linestyle=":", linewidth=1.2, label=kept, zorder=1)
    axes[0].set_title(f"{fitted.family}, trained on cpu", loc="left", fontsize=10, color=_INK)
    axes[0].legend(frameon=False, fontsize=9, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, borderaxespad=0.0)
    axes[1].axhline(1.0, color=_GREY, linewidth=0.8)
    axes[2].axhline(0.0, color=_GREY, linewidth=0.8)
    axes[2].set_ylim(top=1.1 * max(1e-3, float(np.nanmax(history["energy_distance"]))))
    axes[-1].set_xlabel("generator step")
    figure: Figure = axes[0].get_figure(root=True)  # type: ignore[assignment]
    return figure
