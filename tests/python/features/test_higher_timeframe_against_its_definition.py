"""Every higher-timeframe column against a plain reading of the rules: holes, missing prices, borders of segments."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from reference import drawn, higher

from smctrain.bars.types import Bars
from smctrain.features import FeatureSpec, build_features

TIMEFRAMES = ("M30", "H1")


def expected_columns(b: Bars) -> dict[str, np.ndarray]:
    """Of one segment."""
    out: dict[str, Any] = {}
    closes = np.where(np.isfinite(b.open + b.high + b.low + b.close), b.close, np.nan)
    base = build_features(b, FeatureSpec(columns=("trend_bias_atr",), higher=(), dtype="float64"))["trend_bias_atr"]
    biases, structure, conf = [base], np.zeros(len(b)), {"ob": np.zeros(len(b)), "fvg": np.zeros(len(b))}
    for timeframe in TIMEFRAMES:
        bars, joined = higher.resampled(b, timeframe)
        at = np.array(joined, dtype=int)
        prefix = f"htf_{timeframe.lower()}_"
        own = build_features(bars, FeatureSpec(base=timeframe, columns=higher.SHARED, higher=(), dtype="float64"))
        for name in higher.SHARED:
            out[prefix + name] = np.where(at >= 0, np.r_[own[name], np.nan][at], np.nan)
        for name, values in higher.zone_distances(bars, joined, closes).items():
            out[f"{prefix}{name}_dist_atr"] = values
            kind, side = name.split("_")
            near = np.where(np.abs(values) <= 0.5, 1.0 if side == "bull" else -1.0, 0.0)
            conf[kind] = conf[kind] + np.where(np.isnan(out[prefix + "trend_bias_atr"]), np.nan, near)
        first = np.flatnonzero(np.r_[True, at[1:] != at[:-1]] & (at >= 0)) if len(at) else at
        last = np.searchsorted(first, np.arange(len(b)), side="right") - 1
        out[prefix + "age"] = np.where(at >= 0, np.arange(len(b)) - np.r_[first, 0][last], np.nan)
        biases.append(out[prefix + "trend_bias_atr"])
        structure = structure + out[prefix + "ms_dir"]
    table = np.array(biases)
    aligned = (table > 1).all(axis=0) * 1.0 - (table < -1).all(axis=0) * 1.0
    out["htf_align_trend"] = np.where(np.isnan(table).any(axis=0), np.nan, aligned)
    out["htf_align_struct"] = structure
    # A confluence is not known while a close or a bias is missing.
    out["htf_ob_conf"], out["htf_fvg_conf"] = conf["ob"], conf["fvg"]
    return out


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(drawn.bars(most=400, holes=0.05) | drawn.bars(most=400, missing=0.05, holes=0.2, borders=0))
def test_columns_say_what_the_last_finished_higher_bar_said(b: Bars) -> None:
    spec = FeatureSpec(preset="full", higher=TIMEFRAMES, groups=("higher",), dtype="float64")
    table = build_features(b, spec)
    assert len(set(table.names) & set(expected_columns(b[:0]))) == 2 * 11 + 4
    edges = [0, *(np.flatnonzero(np.diff(b.segment)) + 1).tolist(), len(b)]
    for first, end in pairwise(edges):
        for name, values in expected_columns(b[first:end]).items():
            np.testing.assert_allclose(table[name][first:end], values, rtol=1e-9, atol=1e-12, err_msg=name)
