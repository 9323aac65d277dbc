"""No value on row t depends on a bar that is not finished at the close of row t."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from smctrain.bars.types import Bars, SymbolBars
from smctrain.exceptions import InputError
from smctrain.features import FeatureSpec, FeatureStream, FeatureTable, build_features


def all_columns(base: str = "M15") -> tuple[str, ...]:
    """Every column of every role."""
    from smctrain._load import core

    spec = FeatureSpec(base=base)
    return tuple(entry["name"] for entry in core().features_catalogue(spec.base_ns, spec.native_higher()))


def everything(bars: Bars | SymbolBars) -> FeatureTable:
    base = bars.timeframe if isinstance(bars, Bars) else bars.base.timeframe
    return build_features(bars, FeatureSpec(base=base, columns=all_columns(base), dtype="float64"))


def cuts_of(n: int, count: int = 200) -> list[int]:
    spread = np.linspace(60, n - 3, count - 62).astype(int)
    return sorted({*range(60), *spread.tolist(), n - 2, n - 1})


def assert_same_bits(left: np.ndarray, right: np.ndarray, names: list[str]) -> None:
    same = ((left == right) & (np.signbit(left) == np.signbit(right))) | (np.isnan(left) & np.isnan(right))
    bad = [name for name, good in zip(names, same.all(axis=0), strict=True) if not good]
    assert not bad, f"differing columns: {bad}"


def with_pauses(bars: Bars, every: int = 96, rows: int = 13) -> Bars:
    """The same prices with nights left out, so that higher bars are partly filled."""
    keep = np.arange(len(bars)) % every >= rows
    return replace(
        bars,
        **{
            name: getattr(bars, name)[keep]
            for name in ("time", "open", "high", "low", "close", "volume", "spread", "segment")
        },
    )


def test_adding_bars_never_changes_an_earlier_row(draw: Any) -> None:
    bars = with_pauses(draw(1500))
    whole = everything(bars)
    cuts = cuts_of(len(bars))
    assert len(cuts) >= 195
    for cut in cuts:
        part = everything(bars[: cut + 1])
        assert_same_bits(part.values, whole.values[: cut + 1], whole.names)
        assert (part.settled == whole.settled[: cut + 1]).all()


def test_adding_higher_bars_never_changes_an_earlier_row(eurusd: SymbolBars) -> None:
    start, n = 2000, 400
    base = eurusd["M15"][start : start + n]
    whole = everything(SymbolBars("EURUSD", {"M15": base, "H1": eurusd["H1"], "H4": eurusd["H4"]}))
    assert np.isfinite(whole["htf_h4_trend_bias_atr"]).all()
    for cut in range(0, n, 7):
        moment = base.time_close[cut]
        frames = {tf: eurusd[tf][: int(np.sum(eurusd[tf].time_close <= moment))] for tf in ("H1", "H4")}
        part = everything(SymbolBars("EURUSD", {"M15": base[: cut + 1], **frames}))
        assert_same_bits(part.values, whole.values[: cut + 1], whole.names)


def test_batch_equals_stream_bit_for_bit(draw: Any) -> None:
    bars = with_pauses(draw(1200, seed=5))
    for dtype in ("float32", "float64"):
        spec = FeatureSpec(columns=all_columns(), dtype=dtype)
        batch = build_features(bars, spec)
        stream = FeatureStream(spec, digits=5)
        rows = [
            stream.push(
                open=bars.open[t], high=bars.high[t], low=bars.low[t], close=bars.close[t],
                volume=bars.volume[t], spread=bars.spread[t], time=bars.time[t],
            )
            for t in range(len(bars))
        ]  # fmt: skip
        assert stream.names == batch.names
        assert rows[0].dtype == batch.values.dtype == np.dtype(dtype)
        assert_same_bits(np.array(rows), batch.values, batch.names)


def test_a_stream_of_pushed_higher_bars_equals_the_batch_that_reads_them(eurusd: SymbolBars) -> None:
    base = eurusd["M15"][3000:3600]
    bars = SymbolBars("EURUSD", {"M15": base, "H1": eurusd["H1"]})
    spec = FeatureSpec(dtype="float64")
    batch = build_features(bars, spec)
    assert batch.sources == {"H1": "bars", "H4": "resampled"}
    stream = FeatureStream(spec, digits=5, higher_bars=("H1",))
    hour, rows = 0, []
    for t in range(len(base)):
        while hour < len(eurusd["H1"]) and eurusd["H1"].time_close[hour] <= base.time_close[t]:
            b = eurusd["H1"]
            assert stream.push(
                open=b.open[hour], high=b.high[hour], low=b.low[hour], close=b.close[hour],
                volume=b.volume[hour], time=b.time[hour], timeframe="H1",
            ) is None  # fmt: skip
            hour += 1
        rows.append(
            stream.push(
                open=base.open[t], high=base.high[t], low=base.low[t], close=base.close[t],
                volume=base.volume[t], spread=base.spread[t], time=base.time[t],
            )
        )  # fmt: skip
    assert_same_bits(np.array(rows), batch.values, batch.names)


def test_a_higher_bar_that_comes_too_late_is_refused(draw: Any) -> None:
    stream = FeatureStream(FeatureSpec(), higher_bars=("H1",))
    bar = {"open": 1.0, "high": 1.1, "low": 0.9, "close": 1.0}
    stream.push(**bar, time="2024-01-01T00:45")
    with pytest.raises(InputError, match="must be pushed before the base bar"):
        stream.push(**bar, time="2024-01-01T00:00", timeframe="H1")
    with pytest.raises(InputError, match="resamples H4"):
        stream.push(**bar, time="2024-01-01T00:00", timeframe="H4")
    with pytest.raises(InputError, match="order of time"):
        stream.push(**bar, time="2024-01-01T00:45")


@pytest.mark.parametrize("damage", ["nan", "shuffle", "noise"])
def test_a_damaged_future_leaves_the_past_alone(draw: Any, damage: str) -> None:
    bars = draw(700, seed=3)
    whole = everything(bars)
    rng = np.random.default_rng(0)
    for cut in (0, 1, 30, 333, 698):
        columns = {}
        order = np.r_[np.arange(cut + 1), cut + 1 + rng.permutation(len(bars) - cut - 1)]
        for name in ("open", "high", "low", "close", "volume"):
            values = getattr(bars, name).copy()
            if damage == "shuffle":
                values = values[order]
            elif damage == "nan":
                values[cut + 1 :] = np.nan
            else:
                values[cut + 1 :] *= 1.0 + rng.random(len(values) - cut - 1)
            columns[name] = values
        part = everything(replace(bars, **columns))
        assert_same_bits(part.values[: cut + 1], whole.values[: cut + 1], whole.names)
