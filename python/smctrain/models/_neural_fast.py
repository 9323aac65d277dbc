"""What `mode="fast"` changes about the training of a network, and the sentence that says so.

batch       four times as many rows a step, at most a twentieth of the training rows, never fewer than set
rate        times the square root of how many times larger the batch is (AdamW: Malladi et al., "On the SDEs and
            scaling rules for adaptive gradient algorithms", NeurIPS 2022); times it (SGD: Goyal et al., "Accurate,
            large minibatch SGD", 2017)
patience    half as many epochs without a better validation loss, at least 3 (or what was set, if fewer), where the
            rate is constant: a noisy fit is best within its first epochs and spends most of its time on waiting. Other
            schedules lower the rate later, and a fit must live to see that.
accuracy    that of training rows in the history is taken from at most 500 rows instead of 2,000
order       LSTM and GRU: a batch is made of runs of `RUN` neighbouring rows in random order, whose windows share
            the input part of their first layer, computed once for each bar instead of once for each window
"""

from __future__ import annotations

import math
from typing import Any

LARGER = 4
FEWEST_STEPS = 20  # an epoch
RUN = 8
LEAST_PATIENCE = 3
ACCURACY_ROWS = 500


def fast_settings(native: dict[str, Any], n_rows: int, *, runs: bool) -> tuple[dict[str, Any], str]:
    """The native settings of a fast fit on so many rows, and what they change."""
    before = native["batch_size"]
    batch = max(before, min(LARGER * before, n_rows // FEWEST_STEPS))
    times = batch / before
    factor = times if native["optimizer"] == "sgd" else math.sqrt(times)
    rate = native["learning_rate"] * factor
    waits = native["patience"]
    patience = min(waits, max(LEAST_PATIENCE, -(-waits // 2))) if native["schedule"] == "constant" else waits
    changed = {
        **native, "batch_size": batch, "learning_rate": rate, "patience": patience, "accuracy_rows": ACCURACY_ROWS,
    }  # fmt: skip
    parts = []
    if batch != before:
        parts.append(
            f"batches of {batch} rows instead of {before}, learning rate {rate:g} instead of "
            f"{native['learning_rate']:g}"
        )
    if runs:
        changed["block_rows"] = RUN
        parts.append(f"batches drawn as runs of {RUN} neighbouring rows instead of row by row")
    if patience != waits:
        parts.append(f"patience {patience} instead of {waits}")
    return changed, f"mode='fast': {', '.join(parts) or 'nothing to change at this size'}."
