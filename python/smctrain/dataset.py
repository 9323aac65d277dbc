"""The `Dataset`: rows that have both features and a label, and only columns that may be features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.exceptions import FeatureLeak, InputError, OneClass, TooFewRows
from smctrain.features import FeatureTable
from smctrain.features.start_up import starting_up
from smctrain.labels import Labels

_OK = "ok"


@dataclass(frozen=True)
class Dataset:
    """Decision rows of one symbol in time order.

    Attributes
    ----------
    X : float32 (n, d)
        Features of *all* bars, so that sequence models can look back; `rows` says which are decisions.
    rows : int64 (m,)
        Bars that have settled features and a resolved label, ascending.
    y : float64 (n,)
        Label per bar in the user's values (-1, 0, +1), NaN where there is none.
    t0, t1 : int64 (n,)
        Label interval of each bar, both inclusive; bar indices.
    r : float64 (n,)
        Net outcome of the labelled trade in units of its risk.
    segment : int32 (n,)
        Unbroken stretch of each bar.
    closes : datetime64[ns] (n,) or None
        Closing time of each bar, where splits follow a calendar.
    """

    symbol: str
    X: NDArray[np.float32]
    names: list[str]
    rows: NDArray[np.int64]
    y: NDArray[np.float64]
    t0: NDArray[np.int64]
    t1: NDArray[np.int64]
    r: NDArray[np.float64]
    rule: NDArray[Any]
    segment: NDArray[np.int32]
    closes: NDArray[np.datetime64] | None = None

    def __len__(self) -> int:
        return len(self.rows)


def make_dataset(
    symbol: str, features: FeatureTable, labels: Labels, segment: NDArray[np.int32], min_rows: int
) -> Dataset:
    """Join features and labels of one symbol.

    Raises
    ------
    FeatureLeak
        If a column's role is not `feature`.
    TooFewRows
        If fewer than `min_rows` rows have both.
    """
    wrong = [c.name for c in features.catalogue if c.role not in {"feature"}]
    if wrong:
        raise FeatureLeak(
            f"{symbol}: {', '.join(wrong[:5])} cannot be features: their role is not 'feature' (raw price levels and "
            "outcomes never reach a model)."
        )
    n = len(features.values)
    if len(labels.t0) == 0 or len(segment) != n:
        raise InputError(f"{symbol}: features have {n} rows, segments {len(segment)}, labels {len(labels.t0)}.")
    y = np.full(n, np.nan)
    t1 = np.arange(n, dtype=np.int64)
    r = np.full(n, np.nan)
    rule = np.full(n, "", dtype=object)
    y[labels.t0] = labels.y
    t1[labels.t0] = labels.t1
    r[labels.t0] = labels.r
    rule[labels.t0] = labels.rule
    settled = _settled(features, segment)
    usable = settled & ~starting_up(features, segment) & np.isfinite(y)
    rows = np.flatnonzero(usable).astype(np.int64)
    if len(rows) < min_rows:
        raise TooFewRows(
            f"{symbol}: {len(rows)} labelled rows of {n} bars are left after warm-up "
            f"({int(settled.sum())} settled rows), but at least {min_rows} are needed. Give more history, or lower "
            "training.min_rows."
        )
    if len(np.unique(y[rows])) < 2:
        raise OneClass(f"{symbol}: all {len(rows)} labels belong to one class ({y[rows][0]:g}); nothing to learn.")
    return Dataset(
        symbol,
        features.values,
        list(features.names),
        rows,
        y,
        np.arange(n, dtype=np.int64),
        t1,
        r,
        rule,
        segment,
    )


def _settled(features: FeatureTable, segment: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Rows behind the longest start-up of any selected column within their segment.

    Columns that never settle (`inf`) do not count; higher-timeframe columns start on coarser bars and are judged by
    their own NaN rows instead, which trees take as missing and nets impute.
    """
    n = len(segment)
    start_up = max((c.warmup + max(c.settle, 0) for c in features.catalogue if not c.reads_higher), default=0)
    starts = np.flatnonzero(np.r_[True, segment[1:] != segment[:-1]]) if n else np.empty(0, dtype=np.int64)
    lengths = np.diff(np.r_[starts, n])
    row_in_segment = np.arange(n) - np.repeat(starts, lengths)
    # A short history must not be eaten by start-up alone: at most a fifth of a segment is given up for settling.
    limit = np.minimum(start_up, np.repeat(lengths, lengths) // 5)
    settled: NDArray[np.bool_] = row_in_segment >= limit
    return settled
