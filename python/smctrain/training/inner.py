"""Inner folds of a run by its settings (`cv.kind`): which splitter cuts the training rows of a window into folds.

purged_kfold   contiguous folds, each predicted by models of the rows on both sides, purged and embargoed. The default:
               every row is held out once
walk_forward   windows behind `cv.min_train` of the rows, each predicted by models of the rows before it. Fewer rows are
               held out, and by luck they vary half as much: no correction (verdict/evidence.py)
cpcv           every choice of `cv.test_groups` of the folds is held out once: spread and stability from more fits. A
               row is held out several times; its answer is that of the first path, so that pooled answers are as good
               as one model. Standard errors over splits count what they are worth (`cv.independent_splits`)
event_aware    purged k-fold whose borders keep out of the windows of `split.calendar`

Whether the answers of a kind are corrected as out-of-fold ones (`learns_both_sides`) was measured on 100 noise sets
each (process N0, 1,720 rows, three families): p_in <= 0.05 in 6 with purged folds (14 without the correction), in 6
with forward folds, which need none, and in 2 with combinatorial ones (13 without).

A regime or a symbol held out says how a model does where it has not been; it is no fair choice among models, because
training rows lie after held-out ones and folds are as large as the regimes: `smctrain.splits` has both, a run has not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smctrain.config import Config
from smctrain.dataset import Dataset
from smctrain.exceptions import InputError
from smctrain.splits import CombinatorialPurgedKFold, EmbargoShare, EventAwareSplit, PurgedKFold, WalkForward
from smctrain.splits.base import EmbargoLike, IntervalsLike, Splitter
from smctrain.training.calendar import moments_of

Rows = NDArray[np.int64]


def inner_embargo(config: Config) -> EmbargoLike:
    """Rows behind each held-out block, or a share of it that `cv.embargo` caps."""
    cv = config.cv
    return cv.embargo if cv.embargo_share is None else EmbargoShare(cv.embargo_share, cv.embargo)


def learns_both_sides(config: Config) -> bool:
    """Whether inner folds learn from each other's rows: their pooled score then varies twice as much by luck."""
    return config.cv.kind != "walk_forward"


def inner_splitter(data: Dataset, train: Rows, config: Config) -> tuple[Splitter, IntervalsLike]:
    """The splitter of some training rows, and the intervals it is to be audited with.

    Raises
    ------
    InputError
        `event_aware` on rows without times.
    """
    cv = config.cv
    intervals = (data.t0[train], data.t1[train])
    embargo = inner_embargo(config)
    if cv.kind == "walk_forward":
        return WalkForward(cv.folds, gap=cv.embargo, intervals=intervals, min_train=cv.min_train), intervals
    if cv.kind == "cpcv":
        return (
            CombinatorialPurgedKFold(cv.folds, cv.test_groups, embargo, intervals, lookback=cv.lookback),
            intervals,
        )
    folds = PurgedKFold(n_splits=cv.folds, embargo=embargo, intervals=intervals, lookback=cv.lookback)
    if cv.kind == "purged_kfold":
        return folds, intervals
    if data.closes is None:
        raise InputError("cv.kind event_aware needs rows with times, but these have none.")
    folds.intervals = times = moments_of(data, train)
    return EventAwareSplit(config.split.calendar, base=folds), times
