"""One bar, two bars, flat prices, no volume, tiny and huge prices, long holes: a result, or an error with its place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import smctrain as st
from smctrain.bars import Bars, resample
from smctrain.exceptions import BarError

pd = pytest.importorskip("pandas")


def frame(n: int, price: float = 1.1, move: float = 1e-3, minutes: int = 15, hole_days: int = 0) -> Any:
    rng = np.random.default_rng(n)
    close = price * np.exp(np.cumsum(rng.normal(0, move, n)))
    open_ = np.concatenate(([price], close[:-1]))
    time = np.datetime64("1995-01-02", "ns") + np.arange(n) * np.timedelta64(minutes, "m")
    time[n // 2 :] += np.timedelta64(hole_days, "D")
    high, low = np.maximum(open_, close) * (1 + move), np.minimum(open_, close) * (1 - move)
    columns = {"time": time, "open": open_, "high": high, "low": low, "close": close, "volume": rng.integers(1, 99, n)}
    return pd.DataFrame({"symbol": "ODD", "timeframe": {15: "M15", 1440: "D1"}[minutes], **columns})


def run(bars: Bars) -> tuple[np.ndarray, list[str]]:
    """Feature values and label statuses; nothing infinite."""
    values = st.build_features(bars).values
    assert not np.isinf(values).any()
    return values, list(st.triple_barrier(bars, horizon=20).status)


@pytest.mark.parametrize("minutes", [15, 1440])
@pytest.mark.parametrize("n", [1, 2])
def test_one_and_two_bars_are_rows_without_history(n: int, minutes: int) -> None:
    base = st.read_bars(frame(n, minutes=minutes))["ODD"].base
    values, status = run(base)
    assert len(values) == n
    assert set(status) == {"open"}
    assert np.isnan(values).any()
    assert not base.segment.any()
    assert len(resample(base, "W1")) == 0


@pytest.mark.parametrize("minutes", [15, 1440])
def test_flat_prices_have_no_risk_to_label(minutes: int) -> None:
    bars = st.read_bars(frame(600, move=0.0, minutes=minutes))
    _, status = run(bars["ODD"].base)
    assert set(status) == {"bad_risk", "open"}
    assert next(issue for issue in bars.issue_list if issue.kind == "flat_run").count == 1


@pytest.mark.parametrize("price", [1e-9, 1e-4, 1e9, 1e100])
def test_prices_of_any_size_give_the_same_signs_and_labels(price: float) -> None:
    """Everything is a ratio; only the price grid could get in the way, and it must not."""
    usual = st.read_bars(frame(600, price=1.0))["ODD"].base
    scaled = st.read_bars(frame(600, price=price))["ODD"].base
    assert np.all(scaled.low > 0)
    assert np.allclose(scaled.close / price, usual.close, rtol=1e-7)
    values, status = run(scaled)
    expected, expected_status = run(usual)
    assert status == expected_status
    assert np.mean(np.isfinite(values)) > 0.97 * np.mean(np.isfinite(expected))


def test_volume_of_zero_is_reported_and_silences_only_columns_of_volume() -> None:
    bars = st.read_bars(frame(600).assign(volume=0.0))
    assert next(issue for issue in bars.issue_list if issue.kind == "constant_volume").count == 600

    def silent(base: Bars) -> set[str]:
        table = st.build_features(base)
        speaks = np.isfinite(table.values).any(axis=0)
        return {name for name, any_ in zip(table.names, speaks, strict=True) if not any_}

    usual = st.read_bars(frame(600))["ODD"].base
    assert silent(bars["ODD"].base) - silent(usual) == {"vol_rel_20", "obv_slope_20", "mfi_14"}


def test_a_long_hole_ends_a_segment_and_no_label_or_day_crosses_it() -> None:
    base = st.read_bars(frame(2000, hole_days=400))["ODD"].base
    assert np.flatnonzero(np.diff(base.segment)).tolist() == [999]
    labels = st.triple_barrier(base, horizon=20)
    ok = labels.status == "ok"
    assert np.all(base.segment[labels.t0[ok]] == base.segment[labels.t1[ok]])
    days = resample(base, "D1")
    assert days.segment[-1] == 1
    values, _ = run(base)
    assert np.isnan(values[1000]).sum() >= np.isnan(values[0]).sum() - 1  # warm-up anew


def test_prices_of_zero_or_below_are_refused_with_symbol_and_row() -> None:
    with pytest.raises(BarError, match=r"ODD: frame, row 1: 600 of 600 bars contradict themselves"):
        st.read_bars(frame(600, price=0.0))
    with pytest.raises(BarError, match=r"ODD: frame, row 1: 600 of 600 bars contradict themselves .* low -1"):
        st.read_bars(frame(600).assign(low=-1.0))


def test_one_absurd_print_is_set_aside_and_poisons_nothing() -> None:
    odd = frame(600)
    odd.loc[300, "high"] = 1e300
    base = st.read_bars(odd)["ODD"].base
    assert base.quarantine is not None
    assert np.flatnonzero(base.quarantine).tolist() == [300]
    values, _ = run(base)
    plain = st.build_features(st.read_bars(frame(600))["ODD"].base).values
    assert np.array_equal(values[:300], plain[:300], equal_nan=True)


def test_no_bars_at_all() -> None:
    base = st.read_bars(frame(600))["ODD"].base[:0]
    assert len(resample(base, "D1")) == 0
    assert len(base.session) == 0
    assert len(st.build_features(base).values) == 0
