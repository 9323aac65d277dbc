"""`build_features`: bars in, feature table out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from smctrain._load import core
from smctrain.bars.order import in_order
from smctrain.bars.types import Bars, SymbolBars
from smctrain.exceptions import InputError
from smctrain.features.spec import FeatureSpec
from smctrain.features.table import FeatureTable


def build_features(bars: Bars | SymbolBars, spec: FeatureSpec | None = None) -> FeatureTable:
    """Compute feature columns for every base bar, using only bars finished by its close.

    Parameters
    ----------
    bars : Bars or SymbolBars
        Bars of one symbol. Of a `SymbolBars` the timeframe `spec.base` gives the rows, and the timeframes of
        `spec.higher` it holds are read; those it lacks are resampled from the base bars.
    spec : FeatureSpec, optional
        Columns wanted. Without it the preset "default" on the (finest) timeframe of `bars`.

    Returns
    -------
    FeatureTable
        One row per base bar, NaN in warm-up.

    Raises
    ------
    InputError
        If `spec` names unknown columns, or `bars` does not hold the base timeframe or is out of order.
    """
    frames = {bars.timeframe: bars} if isinstance(bars, Bars) else dict(bars)
    finest = bars.timeframe if isinstance(bars, Bars) else bars.base.timeframe
    if spec is None:
        spec = replace(FeatureSpec(), base=finest)
    if spec.base not in frames:
        raise InputError(
            f"spec.base is {spec.base}, but {bars.symbol} has only {', '.join(frames)} bars: "
            f'use FeatureSpec(base="{finest}").'
        )
    base = frames[spec.base]
    catalogue = spec.catalogue()
    higher = [frames.get(timeframe) for timeframe in spec.used_higher]
    values, settled = core().features_build(
        _native(base),
        spec.base_ns,
        spec.native_higher(from_bars=frames),
        [None if frame is None else _native(frame) for frame in higher],
        [column.name for column in catalogue],
        spec.dtype == "float64",
        base.calendar.native(),
        dict(spec.settings),
    )
    return FeatureTable(
        symbol=bars.symbol,
        values=values,
        catalogue=catalogue,
        time=base.time,
        segment=base.segment,
        settled=settled.view(np.bool_),
        sources={tf: "bars" if tf in frames else "resampled" for tf in spec.used_higher},
        spec=spec,
    )


def _native(bars: Bars) -> dict[str, Any]:
    arrays = in_order(bars).native()
    for name in ("open", "high", "low", "close", "volume", "spread"):
        if arrays[name] is not None:
            arrays[name] = np.ascontiguousarray(arrays[name], dtype=np.float64)
    return arrays
