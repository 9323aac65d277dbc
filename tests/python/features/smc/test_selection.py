"""What nobody asks for does not run, and that never shows in what is asked for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from smctrain.bars.types import Bars
from smctrain.features import FeatureSpec, build_features

CHOICES = {
    "one": ("ms_dir",),
    "blocks": ("ob_bull_dist_atr", "ob_bear_has_fvg"),
    "breakers": ("brk_bull_dist_atr", "brk_bear_hold_rate_20"),
    "valid": ("fvg_bull_valid",),
    "pools": ("liq_sweep_depth_atr", "liq_ssl_n"),
    "second_scale": ("s20_ret_deep", "s20_ms_dir"),
    "others": ("rb10_dir", "sw_zz_leg_ratio", "pd_pos", "sw_low_kind"),
    "backwards": ("sw_zz_new", "liq_run_up", "fvg_bear_merged", "sw_high_new"),
}


@pytest.mark.parametrize("columns", CHOICES.values(), ids=CHOICES.keys())
def test_a_column_is_the_same_whatever_else_is_asked_for(
    random_bars: Callable[..., Bars], columns: tuple[str, ...]
) -> None:
    bars = random_bars(3_000, seed=6, scale=3.0)
    everything = build_features(bars, FeatureSpec(preset="full", higher=(), dtype="float64"))
    names = [column.name for column in everything.catalogue]
    chosen = build_features(bars, FeatureSpec(columns=columns, higher=(), dtype="float64"))
    for i, name in enumerate(columns):
        np.testing.assert_array_equal(chosen.values[:, i], everything.values[:, names.index(name)], err_msg=name)
