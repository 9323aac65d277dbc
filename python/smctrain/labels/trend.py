"""Trend scanning."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from smctrain._load import core
from smctrain.bars.order import as_bars
from smctrain.bars.types import Bars
from smctrain.exceptions import InputError
from smctrain.labels.arguments import positive_int, quarantined, row_indices
from smctrain.labels.decisions import DecisionRows, Events
from smctrain.labels.horizon import Horizon, windows
from smctrain.labels.targets import plain_labels
from smctrain.labels.types import STATUSES, Labels


def trend_scanning(b: Bars, max_length: int = 20, *, rows: ArrayLike | DecisionRows | Events | None = None) -> Labels:
    """Sign of the clearest straight trend that starts at each row.

    A least-squares line is fitted to the closes of rows t..t+l-1 for every l from 3 to `max_length`; the length
    with the largest |t value| of the slope wins, of equals the shortest.

    Parameters
    ----------
    b : Bars
        Bars of one symbol and timeframe.
    max_length : int
        Longest trend in bars, the decision bar included; at least 3.
    rows : int (m,), DecisionRows or Events, optional
        Decision rows; all rows by default.

    Returns
    -------
    Labels
        `y` is +1, -1, or 0 where no close moved; `weight` is |t value| (1e6 for an exact line); `bars_held` the
        length found; `exit` the close that ends it. `t1` is t + max_length - 1 always, because all lengths were
        looked at. Rows without that many bars in their segment are "open"; closes that are no numbers "missing".

    Notes
    -----
    Source: Lopez de Prado, "Machine Learning for Asset Managers" (2020), section 5.4.
    """
    positive_int("max_length", max_length)
    if max_length < 3:
        raise InputError(f"max_length must be at least 3, but is {max_length}.")
    which = row_indices(rows, len(b))
    out: dict[str, Any] = core().trend_scanning(as_bars(b).native(), which, int(max_length))
    if quarantined(b) is not None:
        touched = windows(b, Horizon(int(max_length) - 1, "b")).status[which] == STATUSES.index("quarantine")
        out["status_code"][touched] = STATUSES.index("quarantine")
        for name, nothing in (("y", np.nan), ("weight", np.nan), ("t1", -1), ("length", -1)):
            out[name][touched] = nothing
    has = out["t1"] >= 0
    exit_price = out["weight"] * 0.0
    exit_price[has] = b.close[which[has] + out["length"][has] - 1]
    fill = out["weight"] * 0.0
    fill[has] = b.close[which[has]]
    return plain_labels(
        f"trend_scanning_{max_length}",
        which,
        y=out["y"],
        t1=out["t1"],
        status_code=out["status_code"],
        window=int(max_length) - 1,
        fill=fill,
        exit=exit_price,
        weight=out["weight"],
        bars_held=out["length"],
    )
