"""The audit on bars with dirt, and of functions that return plain arrays: no false alarm, and no missed leak."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import smctrain as st
from smctrain.audit.subject import SpecSubject
from smctrain.bars import SymbolBars
from smctrain.features import FeatureSpec


@pytest.fixture(scope="module")
def bars() -> SymbolBars:
    return st.simulate_market(n_symbols=2, n_bars=900)["SIM2"]


def audit(bars: Any, code: Any, **options: Any) -> st.LeakReport:
    return st.audit_features(bars, code, **({"canary": False} | options))


def test_a_function_may_return_a_series_or_plain_arrays(bars: SymbolBars) -> None:
    assert audit(bars, lambda f: f["close"].diff(), cuts=70).ok
    assert audit(bars, lambda f: f["close"].diff().to_numpy(), cuts=70).ok
    leak = audit(bars, lambda f: np.stack([f["close"].diff(), f["close"].shift(-1)], axis=1), cuts=70)
    assert set(leak.leaking_columns) >= {"feature_1"}
    assert "feature_0" not in leak.leaking_columns


def test_bars_with_quarantine_and_closing_times_of_their_own_are_audited(bars: SymbolBars) -> None:
    b = bars.base
    set_aside = np.arange(len(b)) % 97 == 5
    odd = replace(b, quarantine=set_aside, ends=b.time_close - np.timedelta64(30, "s"))
    assert audit(SymbolBars(b.symbol, {b.timeframe: odd}), FeatureSpec(base=b.timeframe), cuts=5).ok


def test_a_volume_that_is_constant_where_later_bars_begin_is_no_leak(bars: SymbolBars) -> None:
    b = bars.base
    volume = np.where(np.arange(len(b)) < 20, np.arange(len(b)) + 1.0, 7.0)  # constant in every later start
    volume[-200:] += np.arange(200)
    report = audit(
        SymbolBars(b.symbol, {b.timeframe: replace(b, volume=volume)}), FeatureSpec(base=b.timeframe), cuts=5
    )
    assert not [finding for finding in report.findings if finding.column == "mfi_14"]


def test_the_start_of_columns_that_wait_for_events_is_a_remark(bars: SymbolBars) -> None:
    subject = SpecSubject(FeatureSpec(base=bars.base.timeframe, higher=("H4",)))
    names = ["liq_bsl_n", "htf_h4_ms_dir", "htf_ob_conf", "ms_dir_lag_3", "rsi_wilder_14", "htf_h4_trend_bias_atr"]
    found = subject.reads(("structure", "zones"), names)
    assert found.tolist() == [True, True, True, True, False, False]
