"""Where a table is still starting up: neither training nor prediction decides there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smctrain.features.table import FeatureTable


def starting_up(features: FeatureTable, segment: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Bars in the warm-up of their segment whose columns are mostly empty: an answer there would be made of nothing.

    Parameters
    ----------
    features : FeatureTable (n rows)
    segment : int32 (n,)

    Returns
    -------
    bool (n,)
    """
    warmup = max((c.warmup for c in features.catalogue if not c.reads_higher), default=0)
    number = np.arange(len(segment))
    starts = np.r_[True, segment[1:] != segment[:-1]][: len(segment)]
    young = number - np.maximum.accumulate(np.where(starts, number, 0)) < warmup
    empty: NDArray[np.bool_] = np.isnan(features.values).mean(axis=1) > 0.5
    return young & empty
