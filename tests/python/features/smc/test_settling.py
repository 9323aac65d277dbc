"""After warmup and settle rows a column no longer shows where its series began."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from smctrain._load import core
from smctrain.bars.types import Bars

pytestmark = pytest.mark.data

FOREVER = -1


@pytest.mark.parametrize(("symbol", "digits"), [("EURUSD", 5), ("GBPUSD", 5), ("XAUUSD", 2)])
def test_two_starts_agree_once_the_columns_have_settled(
    real_bars: Callable[[str, int], Bars], symbol: str, digits: int
) -> None:
    bars = real_bars(symbol, digits)
    whole, names = core().smc_columns(bars.native())
    catalogue = core().smc_catalogue()
    length = 4_000
    for start in range(700, len(bars) - length, 700):
        part, _ = core().smc_columns(bars[start : start + length].native())
        for i, name in enumerate(names):
            _, warmup, settle = catalogue[name]
            if settle == FOREVER:  # counts events, which may be any number of bars apart
                assert name.endswith(("_ez100", "_hold_rate_20")), name
                continue
            expected = whole[start + warmup + settle : start + length, i]
            np.testing.assert_allclose(
                part[warmup + settle :, i], expected, rtol=1e-6, atol=1e-9, err_msg=f"{name} from {start}"
            )
