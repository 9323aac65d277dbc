"""The 24 indicators: one fused float32 pass against TA-Lib called one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import data
import numpy as np
from measure import Cell, compare, copy_speed

import smctrain as st

# 24 indicators; BBANDS and MACD have three outputs, STOCH and AROON two: 30 columns.
COLUMNS = (
    "sma_20", "ema_20", "rsi_wilder_14", "atr_wilder_14", "bb_upper_20_2", "bb_mid_20_2", "bb_lower_20_2", "adx_14",
    "cci_20", "stoch_k_14_3_3", "stoch_d_14_3_3", "macd_12_26_9", "macd_signal_12_26_9", "macd_hist_12_26_9", "obv",
    "roc_10", "mom_10", "willr_14", "aroon_up_14", "aroon_down_14", "mfi_14", "trix_15", "natr_14", "stddev_20",
    "linearreg_14", "dema_20", "tema_20", "kama_30", "ppo_12_26", "ultosc_7_14_28",
)  # fmt: skip
TOLERANCE = 1e-5


def ta_lib(talib: Any, b: st.Bars) -> list[Any]:
    """The same 30 columns, one TA-Lib call an indicator, in the order of `COLUMNS`."""
    h, lo, c, v = b.high, b.low, b.close, b.volume
    macd = talib.MACD(c, 12, 26, 9)
    down, up = talib.AROON(h, lo, 14)
    return [
        talib.SMA(c, 20), talib.EMA(c, 20), talib.RSI(c, 14), talib.ATR(h, lo, c, 14), *talib.BBANDS(c, 20, 2, 2),
        talib.ADX(h, lo, c, 14), talib.CCI(h, lo, c, 20), *talib.STOCH(h, lo, c, 14, 3, 0, 3, 0), *macd,
        talib.OBV(c, v), talib.ROC(c, 10), talib.MOM(c, 10), talib.WILLR(h, lo, c, 14), up, down,
        talib.MFI(h, lo, c, v, 14), talib.TRIX(c, 15), talib.NATR(h, lo, c, 14), talib.STDDEV(c, 20),
        talib.LINEARREG(c, 14), talib.DEMA(c, 20), talib.TEMA(c, 20), talib.KAMA(c, 30), talib.PPO(c, 12, 26, 1),
        talib.ULTOSC(h, lo, c, 7, 14, 28),
    ]  # fmt: skip


def matrix(columns: list[Any]) -> Any:
    """What a model needs: one float32 matrix."""
    out = np.empty((len(columns[0]), len(columns)), dtype=np.float32)
    for j, column in enumerate(columns):
        out[:, j] = column
    return out


def cells(sizes: tuple[int, ...], rounds: int, missing: list[str]) -> Iterator[Cell]:
    """One cell per size."""
    try:
        import talib
    except ImportError as error:
        talib = None
        missing.append(f"TA-Lib ({error}): its lines are left out")
    for n in sizes:
        b = data.bars(n, "M1" if n > 1_000_000 else "M15")
        spec = st.FeatureSpec(base=b.timeframe, higher=(), columns=COLUMNS)
        calls: dict[str, Any] = {"build_features, float32 matrix": lambda b=b, spec=spec: st.build_features(b, spec)}
        if talib is not None:
            calls["TA-Lib one by one"] = lambda b=b: ta_lib(talib, b)
            calls["TA-Lib, then a float32 matrix"] = lambda b=b: matrix(ta_lib(talib, b))
        ours, *peers = compare(calls, rounds)
        agree, words = agreement(b, spec, talib) if talib is not None else (None, "")
        floor = 4 * n * len(COLUMNS) / copy_speed() / 1e6  # the matrix written once, at the speed of a copy
        words = "; ".join(filter(None, [words, f"floor {floor:.2f} ms"]))
        yield Cell("technical", f"24 indicators, {len(COLUMNS)} columns", n, ours, peers, agree, words)


def agreement(b: st.Bars, spec: st.FeatureSpec, talib: Any) -> tuple[bool, str]:
    """Largest difference after warm-up, relative to the value or, near zero, to the column's size."""
    table = st.build_features(b, spec)
    worst, where, undefined = 0.0, "", 0
    for j, theirs in enumerate(ta_lib(talib, b)):
        ours = table.values[:, j].astype(np.float64)
        valid = np.isfinite(theirs) & (np.arange(len(b)) >= table.catalogue[j].warmup)
        undefined += int(np.sum(~np.isfinite(ours[valid])))
        scale = np.maximum(np.abs(theirs), np.nanmedian(np.abs(theirs[valid])))
        gap = float(np.nanmax(np.abs(ours - theirs)[valid] / scale[valid]))
        if gap > worst:
            worst, where = gap, table.names[j]
    agree = worst <= TOLERANCE and undefined == 0
    return agree, f"largest relative difference {worst:.1e} ({where}), {undefined} values missing"
