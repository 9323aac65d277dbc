"""Every indicator against numbers written in the design and against TA-Lib."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smctrain.bars.types import Bars, SymbolBars
from smctrain.features import FeatureSpec, FeatureTable, build_features

# Column: value on row 99, value on row 9999 of EURUSD_M15 with snapped prices.
VECTORS = {
    "atr_wilder_14": (0.00106694060414, 0.00104812781415),
    "atr_sma_14": (0.00105571428571, 0.00129214285714),
    "rsi_wilder_14": (48.6379584914, 31.4337635396),
    "rsi_sma_14": (26.3814616756, 24.1604477612),
    "ema_50": (1.12344431468, 1.15991821422),
    "ema_first_50": (1.12356926514, 1.15991821422),
    "macd_12_26_9": (0.000682012037156, -0.00163041842527),
    "macd_signal_12_26_9": (0.00119348833305, -0.00143521954548),
    "bb_upper_20_2": (1.1284308762, 1.16312676932),
    "bb_lower_20_2": (1.1251031238, 1.15360723068),
    "stoch_k_14_3_3": (15.3567743799, 15.44785816),
    "stoch_d_14_3_3": (18.760456283, 14.119328551),
    "adx_14": (39.7694904726, 41.7006270882),
    "plus_di_14": (18.5920541016, 10.3221790204),
    "minus_di_14": (16.4608907297, 28.8113404563),
    "cci_20": (-162.666194535, -83.0923161104),
    "roc_10": (-0.157072244358, -0.183936235438),
    "willr_14": (-90.7317073171, -82.7485380117),
    "obv": (4742.0, 17323.0),
    "mfi_14": (21.9548799233, 22.4687244311),
    "aroon_up_14": (14.2857142857, 0.0),
    "aroon_down_14": (100.0, 64.2857142857),
    "vol_cc_20": (0.000493267627, 0.000670821809),
    "vol_ewma_94": (0.000522004478, 0.000612884231),
    "vol_parkinson_20": (6.09968735e-4, 6.70172899e-4),
    "vol_gk_20": (6.54452583e-4, 6.60422094e-4),
    "vol_rs_20": (6.89633174e-4, 6.52316861e-4),
    "vol_yz_20": (6.65493760e-4, 6.56067079e-4),
}

TALIB_COLUMNS = (
    "tr", "atr_wilder_14", "natr_14", "rsi_wilder_14", "sma_20", "ema_20", "ema_50", "wma_20", "dema_20",
    "tema_20", "kama_30", "linearreg_14", "stddev_20", "macd_12_26_9", "macd_signal_12_26_9",
    "macd_hist_12_26_9", "bb_upper_20_2", "bb_mid_20_2", "bb_lower_20_2", "stoch_k_14_3_3",
    "stoch_d_14_3_3", "willr_14", "plus_di_14", "minus_di_14", "adx_14", "cci_20", "roc_10", "mom_10",
    "aroon_up_14", "aroon_down_14", "trix_15", "ppo_12_26", "ultosc_7_14_28", "obv", "ad", "adosc_3_10",
    "mfi_14",
)  # fmt: skip


def table_of(bars: Bars, columns: tuple[str, ...]) -> FeatureTable:
    return build_features(bars, FeatureSpec(base=bars.timeframe, columns=columns, dtype="float64"))


def talib_values(bars: Bars) -> dict[str, Any]:
    talib = pytest.importorskip("talib")
    h, lo, c, v = bars.high, bars.low, bars.close, bars.volume
    assert v is not None
    macd, signal, hist = talib.MACD(c)
    upper, mid, lower = talib.BBANDS(c, 20, 2, 2)
    k, d = talib.STOCH(h, lo, c, 14, 3, 0, 3, 0)
    down, up = talib.AROON(h, lo, 14)
    return {
        "tr": talib.TRANGE(h, lo, c), "atr_wilder_14": talib.ATR(h, lo, c, 14),
        "natr_14": talib.NATR(h, lo, c, 14),
        "rsi_wilder_14": talib.RSI(c, 14), "sma_20": talib.SMA(c, 20), "ema_20": talib.EMA(c, 20),
        "ema_50": talib.EMA(c, 50), "wma_20": talib.WMA(c, 20), "dema_20": talib.DEMA(c, 20),
        "tema_20": talib.TEMA(c, 20), "kama_30": talib.KAMA(c, 30), "linearreg_14": talib.LINEARREG(c, 14),
        "stddev_20": talib.STDDEV(c, 20), "macd_12_26_9": macd, "macd_signal_12_26_9": signal,
        "macd_hist_12_26_9": hist, "bb_upper_20_2": upper, "bb_mid_20_2": mid, "bb_lower_20_2": lower,
        "stoch_k_14_3_3": k, "stoch_d_14_3_3": d, "willr_14": talib.WILLR(h, lo, c, 14),
        "plus_di_14": talib.PLUS_DI(h, lo, c, 14), "minus_di_14": talib.MINUS_DI(h, lo, c, 14),
        "adx_14": talib.ADX(h, lo, c, 14), "cci_20": talib.CCI(h, lo, c, 20), "roc_10": talib.ROC(c, 10),
        "mom_10": talib.MOM(c, 10), "aroon_up_14": up, "aroon_down_14": down, "trix_15": talib.TRIX(c, 15),
        "ppo_12_26": talib.PPO(c), "ultosc_7_14_28": talib.ULTOSC(h, lo, c), "obv": talib.OBV(c, v),
        "ad": talib.AD(h, lo, c, v), "adosc_3_10": talib.ADOSC(h, lo, c, v),
        "mfi_14": talib.MFI(h, lo, c, v, 14),
    }  # fmt: skip


@pytest.fixture(scope="module")
def vectors(eurusd: SymbolBars) -> FeatureTable:
    return table_of(eurusd["M15"], tuple(VECTORS))


@pytest.mark.parametrize("column", VECTORS)
def test_values_on_two_known_rows(vectors: FeatureTable, column: str) -> None:
    np.testing.assert_allclose(vectors[column][[99, 9999]], VECTORS[column], rtol=2e-9)


@pytest.fixture(scope="module")
def parity(eurusd: SymbolBars) -> tuple[FeatureTable, dict[str, Any], Any]:
    bars = eurusd["M15"]
    typical = (bars.high + bars.low + bars.close) / 3.0
    tie = np.abs(np.diff(typical, prepend=np.nan)) <= 1e-12 * typical
    near_tie = np.convolve(tie, np.ones(14), "full")[: len(bars)] > 0
    return table_of(bars, TALIB_COLUMNS), talib_values(bars), near_tie


@pytest.mark.parametrize("column", TALIB_COLUMNS)
def test_agrees_with_talib_from_the_first_value_on(
    parity: tuple[FeatureTable, dict[str, Any], Any], column: str
) -> None:
    table, reference, near_tie = parity
    expected = reference[column]
    first = int(np.argmax(~np.isnan(expected)))
    assert np.isnan(table[column][:first]).all()
    rows = np.arange(first, len(expected))
    if column == "mfi_14":  # TA-Lib follows rounding noise where two typical prices are equal
        rows = rows[~near_tie[rows]]
        assert len(rows) > 5_000
    np.testing.assert_allclose(table[column][rows], expected[rows], rtol=1e-8, atol=1e-9)


def test_rolling_regimes_and_ranges_follow_their_formulas(draw: Any) -> None:
    bars = draw(400)
    names = (
        "atr_wilder_14", "ema_first_50", "atr_z50", "trend_bias_atr", "donch_pos_20", "vol_rel_20", "obv",
        "obv_slope_20", "cd_clv", "cd_gap_atr", "ret_5", "reg_high_vol_trend", "reg_low_vol_chop",
        "reg_high_vol", "reg_low_vol", "reg_normal",
    )  # fmt: skip
    table = table_of(bars, names)
    atr = table["atr_wilder_14"]
    assert bars.volume is not None
    for t in (63, 150, 399):
        window = atr[t - 49 : t + 1]
        np.testing.assert_allclose(table["atr_z50"][t], (atr[t] - window.mean()) / window.std(ddof=1), rtol=1e-8)
        low, high = bars.low[t - 19 : t + 1].min(), bars.high[t - 19 : t + 1].max()
        assert table["donch_pos_20"][t] == (bars.close[t] - low) / (high - low)
        mean_volume = bars.volume[t - 19 : t + 1].mean()
        np.testing.assert_allclose(table["vol_rel_20"][t], bars.volume[t] / mean_volume, rtol=1e-12)
        slope = np.polyfit(np.arange(20), table["obv"][t - 19 : t + 1], 1)[0]
        np.testing.assert_allclose(table["obv_slope_20"][t], slope / mean_volume, rtol=1e-8)
        np.testing.assert_allclose(
            table["trend_bias_atr"][t], (bars.close[t] - table["ema_first_50"][t]) / atr[t], rtol=1e-12
        )
        assert table["cd_gap_atr"][t] == (bars.open[t] - bars.close[t - 1]) / atr[t]
        assert table["ret_5"][t] == bars.close[t] / bars.close[t - 5] - 1.0
    one_hots = table.values[63:, [table.names.index(name) for name in names if name.startswith("reg_")]]
    assert (one_hots.sum(axis=1) == 1.0).all()
    assert (one_hots.any(axis=0)).sum() >= 3


def test_calendar_angles_of_a_known_moment(draw: Any) -> None:
    bars = draw(5, timeframe="H6", start="2024-03-05T00:00")  # a Tuesday
    table = table_of(bars, ("cal_utc_minute_sin", "cal_utc_minute_cos", "cal_utc_weekday_sin", "cal_utc_weekday_cos"))
    np.testing.assert_allclose(table.values[1], [1.0, 0.0, np.sin(2 * np.pi / 7), np.cos(2 * np.pi / 7)], atol=1e-15)
    np.testing.assert_allclose(table.values[4, 2:], [np.sin(4 * np.pi / 7), np.cos(4 * np.pi / 7)], atol=1e-15)
