"""Every indicator, return, candle, trend, regime, volatility and volume column against a plain formula, on short bars
full of ties, flat stretches, gaps and missing prices; and the kernels of rolling statistics against NumPy."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from reference import drawn
from reference import technical as slow

from smctrain import features
from smctrain.bars.types import Bars
from smctrain.features import FeatureSpec, build_features

FAMILIES = ("technical", "returns", "trend", "candle", "volatility", "volume")
NAMES = tuple(slow.columns(drawn.grid_bars(3)))


def assert_formulas(b: Bars) -> dict[str, Any]:
    parts = [slow.columns(b[rows.start : rows.stop]) for rows in stretches(b)]
    table = build_features(b, FeatureSpec(columns=NAMES, dtype="float64"))
    for name in NAMES:
        expected = np.concatenate([part[name] for part in parts])
        size = np.nanmax(np.abs(expected), initial=1e-3) if np.isfinite(expected).any() else 1.0
        np.testing.assert_allclose(table[name], expected, rtol=1e-8, atol=1e-9 * size, err_msg=name)
    return {name: table[name] for name in NAMES}


def stretches(b: Bars) -> list[range]:
    edges = [0, *(np.flatnonzero(np.diff(b.segment)) + 1).tolist(), len(b)]
    return [range(first, end) for first, end in pairwise(edges)]


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(drawn.bars(most=170, missing=0.0) | drawn.bars(most=170, missing=0.03) | drawn.bars(most=170, flat=0.97))
def test_columns_follow_their_formulas(b: Bars) -> None:
    assert_formulas(b)


def test_columns_of_longer_bars_follow_their_formulas() -> None:
    for seed, missing in ((1, 0.0), (2, 0.01)):
        found = assert_formulas(drawn.grid_bars(900, seed, missing=missing, step=4.0 if missing else 1.5))
        for name, values in found.items():
            assert len(np.unique(values[np.isfinite(values)])) > 1, name


def test_the_reference_knows_every_column_of_section_2() -> None:
    catalogue = {c.name for c in FeatureSpec(preset="full", groups=FAMILIES).catalogue()}
    assert len(catalogue & set(NAMES)) >= 70  # and some twenty levels


def test_the_reference_of_trend_strength_has_the_vectors_of_the_design() -> None:
    vectors = {0: 0.5, 0.6: 0.5, 0.8: 0.738095238, 1.5: 1.5, 2.2: 2.1, 5: 3.0, 20: 3.0}
    np.testing.assert_allclose(slow.trend_strength(np.array(list(vectors))), list(vectors.values()), atol=1e-9)


STATISTICS = {
    "mean": slow.mean, "sd": slow.sd(1), "min": min, "max": max, "med": slow.quantile(0.5), "q10": slow.quantile(0.1),
    "q90": slow.quantile(0.9), "skew": slow.skew, "rank": slow.rank, "slope": slow.slope, "z": slow.z,
    "acf1": slow.autocorrelation(1), "ratio": lambda w: w[-1] / np.mean(w) if np.mean(w) != 0 else np.nan,
}  # fmt: skip


ROOTS = ("cd_body_ratio", "ret_1", "rsi_wilder_14", "ms_dir")
DERIVED = tuple(
    f"{root}_{kind}_{width}"
    for root, width in (("cd_body_ratio", 5), ("ret_1", 20), ("rsi_wilder_14", 12), ("ms_dir", 10))
    for kind in (*STATISTICS, "lag")
)


@pytest.mark.skipif(not hasattr(features, "rolling"), reason="this build has no derived columns")
@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(drawn.bars(most=170, borders=0) | drawn.bars(most=170, missing=0.05, borders=1))
def test_lags_and_rolling_statistics_follow_their_formulas(b: Bars) -> None:
    table = build_features(b, FeatureSpec(columns=(*dict.fromkeys(ROOTS), *DERIVED), dtype="float64"))
    for name in DERIVED:
        root, kind, end = name.rsplit("_", 2)
        for rows in stretches(b):
            x, width = table[root][rows.start : rows.stop], int(end)
            expected = slow.lagged(x, width) if kind == "lag" else slow.rolling(x, width, STATISTICS[kind])
            found = table[name][rows.start : rows.stop].copy()
            if kind in ("skew", "z", "acf1"):  # they divide by a spread: of rounding noise there is nothing to say
                spread, size = (slow.rolling(np.abs(x) if i else x, width, f) for i, f in enumerate((np.ptp, max)))
                noise = spread <= 1e-9 * size
                expected[noise] = found[noise] = np.nan
            np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-8, err_msg=name)
