"""Indicators as their definitions read, one column at a time, on one segment.

Two kinds of columns, and what a bar without prices does to them:

    window      read from the rows of a window by a formula; missing while one of the rows it reads is missing
    recursion   runs over the bars that have prices; missing on the others, as if those had not been there
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from smctrain.bars.types import Bars

Array = NDArray[np.float64]
NAN = math.nan
LN2 = math.log(2.0)


# --- kernels ---


def rolling(x: Array, width: int, statistic: Callable[[Array], float]) -> Array:
    """`statistic` of the last `width` values, oldest first; missing while one of them is."""
    out = np.full(len(x), NAN)
    for t in range(width - 1, len(x)):
        window = x[t - width + 1 : t + 1]
        if np.isfinite(window).all():
            out[t] = statistic(window)
    return out


def of_present(x: Array, recursion: Callable[[Array], Array]) -> Array:
    """`recursion` over the values that are there."""
    out = np.full(len(x), NAN)
    rows = np.isfinite(x)
    out[rows] = recursion(x[rows])
    return out


def wilder(x: Array, n: int) -> Array:
    out = np.full(len(x), NAN)
    for t in range(n - 1, len(x)):
        out[t] = x[:n].mean() if t == n - 1 else (out[t - 1] * (n - 1) + x[t]) / n
    return out


def ema_first(x: Array, n: int) -> Array:
    out = x.copy()
    for t in range(1, len(x)):
        out[t] = out[t - 1] + 2.0 / (n + 1.0) * (x[t] - out[t - 1])
    return out


def ema_seeded(x: Array, n: int) -> Array:
    out = np.full(len(x), NAN)
    for t in range(n - 1, len(x)):
        out[t] = x[:n].mean() if t == n - 1 else out[t - 1] + 2.0 / (n + 1.0) * (x[t] - out[t - 1])
    return out


def ema_chain(x: Array, n: int, times: int) -> Array:
    """An EMA of an EMA ..., each seeded with the mean of its own first n values."""
    for _ in range(times):
        x = of_present(x, lambda values: ema_seeded(values, n))
    return x


def divided(a: Array, b: Array) -> Array:
    with np.errstate(all="ignore"):
        return np.where((b != 0) & np.isfinite(b), a / b, NAN)


def mean(w: Array) -> float:
    return float(np.mean(w))


def sd(ddof: int) -> Callable[[Array], float]:
    return lambda w: 0.0 if (w == w[0]).all() else float(np.std(w, ddof=ddof))


def z(w: Array) -> float:
    deviation = sd(1)(w)
    return (w[-1] - mean(w)) / deviation if deviation > 0 else NAN


def slope(w: Array) -> float:
    return float(np.polyfit(np.arange(len(w)), w - w[0], 1)[0])


def rank(w: Array) -> float:
    before = w[:-1]
    return float((np.sum(before < w[-1]) + 0.5 * np.sum(before == w[-1])) / (len(w) - 1))


def quantile(q: float) -> Callable[[Array], float]:
    return lambda w: float(np.quantile(w, q))


def skew(w: Array) -> float:
    n, d = len(w), w - w.mean()
    m2 = np.mean(d**2)
    if (w == w[0]).all() or m2 == 0:
        return NAN
    return float(np.sqrt(n * (n - 1.0)) / (n - 2.0) * np.mean(d**3) / m2**1.5)


def autocorrelation(lag: int) -> Callable[[Array], float]:
    def of(w: Array) -> float:
        if (w == w[0]).all():
            return NAN
        d = w - w.mean()
        return float(np.sum(d[lag:] * d[:-lag]) / np.sum(d**2))

    return of


def lagged(x: Array, k: int) -> Array:
    return np.r_[np.full(min(k, len(x)), NAN), x[: max(0, len(x) - k)]]


# --- fuzzy terms: corners by hand, straight lines between ---


def term(x: Array, corners: list[float], heights: list[float]) -> Array:
    return np.where(np.isnan(x), NAN, np.interp(x, corners, heights))


def trend_strength(x: Array) -> Array:
    weak = term(x, [0.5, 1.0], [1, 0])
    moderate = term(x, [0.7, 1.5, 2.5], [0, 1, 0])
    strong = term(x, [2.0, 3.0], [0, 1])
    # (0.5 weak + 1.5 moderate + 3 strong) / (weak + moderate + strong), so written that a purely moderate trend is 1.5
    # to the bit: a threshold stands there.
    return np.asarray(1.5 + (1.5 * strong - 1.0 * weak) / (weak + moderate + strong))


# --- columns ---


def columns(b: Bars) -> dict[str, Array]:
    """Every column this reference knows, of bars of one segment."""
    table = np.column_stack([b.open, b.high, b.low, b.close])
    table[~np.isfinite(table).all(axis=1)] = NAN  # a bar that misses one price has none
    o, h, low, c = table.T
    volume = np.full(len(b), NAN) if b.volume is None else np.where(np.isnan(c), NAN, b.volume)
    out: dict[str, Array] = {}
    with np.errstate(all="ignore"):
        _range(out, o, h, low, c)
        _averages(out, h, low, c)
        _bands(out, h, low, c)
        _momentum(out, h, low, c)
        _oscillators(out, h, low, c)
        _directional(out, h, low, c)
        _returns_and_candles(out, o, h, low, c)
        _trend(out, c)
        _volatility(out, o, h, low, c)
        _volume(out, h, low, c, volume)
    return out


def true_range(h: Array, low: Array, c: Array) -> Array:
    before = lagged(c, 1)
    return np.max([h - low, np.abs(h - before), np.abs(low - before)], axis=0)


def _range(out: dict[str, Array], o: Array, h: Array, low: Array, c: Array) -> None:
    out["tr"] = true_range(h, low, c)
    here = np.isfinite(c)
    atr = np.full(len(c), NAN)
    atr[here] = np.r_[NAN, wilder(true_range(h[here], low[here], c[here])[1:], 14)][: here.sum()]
    out["atr_wilder_14"] = atr
    with_first = out["tr"].copy()
    with_first[:1] = (h - low)[:1]
    out["atr_sma_14"] = rolling(with_first, 14, mean)
    out["natr_14"] = 100.0 * divided(atr, c)


def _averages(out: dict[str, Array], h: Array, low: Array, c: Array) -> None:
    def kama(x: Array) -> Array:
        n, made = 30, np.full(len(x), NAN)
        for t in range(n, len(x)):
            path = np.abs(np.diff(x[t - n : t + 1])).sum()
            efficiency = abs(x[t] - x[t - n]) / path if path > 0 else 1.0
            k = efficiency * (2 / 3 - 2 / 31) + 2 / 31
            before = x[n - 1] if t == n else made[t - 1]
            made[t] = before + k**2 * (x[t] - before)
        return made

    e1, e2, e3 = (ema_chain(c, 20, times) for times in (1, 2, 3))
    means = {
        "sma_20": rolling(c, 20, mean),
        "ema_20": e1,
        "ema_50": ema_chain(c, 50, 1),
        "wma_20": rolling(c, 20, lambda w: float(np.average(w, weights=np.arange(1, 21)))),
        "dema_20": 2 * e1 - e2,
        "tema_20": 3 * e1 - 3 * e2 + e3,
        "kama_30": of_present(c, kama),
        "linearreg_14": rolling(c, 14, lambda w: float(np.polyval(np.polyfit(np.arange(14), w - w[0], 1), 13) + w[0])),
    }
    out |= means
    out |= {name + "_dist_atr": divided(c - values, out["atr_wilder_14"]) for name, values in means.items()}
    out["ema_first_50"] = of_present(c, lambda x: ema_first(x, 50))


def _bands(out: dict[str, Array], h: Array, low: Array, c: Array) -> None:
    mid, deviation = rolling(c, 20, mean), rolling(c, 20, sd(0))
    upper, lower = mid + 2 * deviation, mid - 2 * deviation
    out |= {"bb_upper_20_2": upper, "bb_mid_20_2": mid, "bb_lower_20_2": lower, "stddev_20": deviation}
    out["bb_pctb_20_2"] = divided(c - lower, upper - lower)
    out["bb_width_20_2"] = divided(upper - lower, mid)
    for n in (20, 55):
        top, bottom = rolling(h, n, max), rolling(low, n, min)
        out[f"donch_pos_{n}"] = divided(c - bottom, top - bottom)


def _momentum(out: dict[str, Array], h: Array, low: Array, c: Array) -> None:
    def share(up: Array, down: Array) -> Array:
        return np.where(np.isnan(up), NAN, np.where(up + down > 0, 100 * up / (up + down), 0.0))

    def rsi(x: Array) -> Array:
        change = np.diff(x)
        up, down = wilder(np.maximum(change, 0), 14), wilder(np.maximum(-change, 0), 14)
        return np.r_[NAN, share(up, down)][: len(x)]

    def macd(x: Array) -> Array:
        made = np.full((len(x), 3), NAN)
        fast = np.r_[np.full(14, NAN), ema_seeded(x[14:], 12)][: len(x)]
        line = fast - ema_seeded(x, 26)
        signal = ema_chain(line, 9, 1)
        shown = np.isfinite(signal)
        made[shown] = np.column_stack([line, signal, line - signal])[shown]
        return made

    out["rsi_wilder_14"] = of_present(c, rsi)
    change = c - lagged(c, 1)
    rises, falls = (np.where(np.isnan(change), NAN, np.maximum(s * change, 0)) for s in (1, -1))
    out["rsi_sma_14"] = share(rolling(rises, 14, sum), rolling(falls, 14, sum))
    here = np.isfinite(c)
    lines = np.full((len(c), 3), NAN)
    lines[here] = macd(c[here])
    for name, values in zip(("macd_12_26_9", "macd_signal_12_26_9", "macd_hist_12_26_9"), lines.T, strict=True):
        out[name] = values
    for name in ("macd_12_26_9", "macd_hist_12_26_9"):
        out[name + "_atr"] = divided(out[name], out["atr_wilder_14"])
    out["ppo_12_26"] = 100.0 * (divided(ema_chain(c, 12, 1), ema_chain(c, 26, 1)) - 1.0)
    out["roc_10"] = 100.0 * (divided(c, lagged(c, 10)) - 1.0)
    out["mom_10"] = c - lagged(c, 10)
    third = ema_chain(c, 15, 3)
    out["trix_15"] = of_present(third, lambda x: 100.0 * (divided(x, lagged(x, 1)) - 1.0))
    before = lagged(c, 1)
    floor = np.minimum(low, before)
    pressure, width = c - floor, np.maximum(h, before) - floor
    parts = []
    for n in (7, 14, 28):
        bought, whole = rolling(pressure, n, sum), rolling(width, n, sum)
        parts.append(np.where(whole == 0, 0.0, bought / whole))
    out["ultosc_7_14_28"] = 100.0 * (4 * parts[0] + 2 * parts[1] + parts[2]) / 7.0


def _oscillators(out: dict[str, Array], h: Array, low: Array, c: Array) -> None:
    top, bottom = rolling(h, 14, max), rolling(low, 14, min)
    fast = np.where(top == bottom, 0.0, 100 * (c - bottom) / (top - bottom))
    k = rolling(fast, 3, mean)
    d = rolling(k, 3, mean)
    out["stoch_k_14_3_3"], out["stoch_d_14_3_3"] = np.where(np.isnan(d), NAN, k), d
    out["willr_14"] = np.where(top == bottom, 0.0, -100 * (top - c) / (top - bottom))

    def cci(w: Array) -> float:
        deviation = np.abs(w - w.mean()).mean()
        return 0.0 if (w == w[0]).all() or w[-1] == w.mean() else float((w[-1] - w.mean()) / (0.015 * deviation))

    out["cci_20"] = rolling((h + low + c) / 3.0, 20, cci)
    out["aroon_up_14"] = rolling(h, 15, lambda w: 100.0 * (14 - np.argmax(w[::-1])) / 14)
    out["aroon_down_14"] = rolling(low, 15, lambda w: 100.0 * (14 - np.argmin(w[::-1])) / 14)


def _directional(out: dict[str, Array], h: Array, low: Array, c: Array) -> None:
    n, here = 14, np.flatnonzero(np.isfinite(c))
    for name in ("plus_di_14", "minus_di_14", "adx_14"):
        out[name] = np.full(len(c), NAN)
    x, y, ranges = h[here], low[here], true_range(h[here], low[here], c[here])
    plus = minus = span = adx = 0.0
    seeds: list[float] = []
    for t in range(1, len(here)):
        up, down = x[t] - x[t - 1], y[t - 1] - y[t]
        keep = 1.0 - 1.0 / n if t >= n else 1.0
        plus = keep * plus + (up if up > down and up > 0 else 0.0)
        minus = keep * minus + (down if down > up and down > 0 else 0.0)
        span = keep * span + ranges[t]
        if t < n:
            continue
        p, m = (100 * plus / span, 100 * minus / span) if span > 0 else (0.0, 0.0)
        out["plus_di_14"][here[t]], out["minus_di_14"][here[t]] = p, m
        dx = 100 * abs(p - m) / (p + m) if p + m > 0 else None
        if t < 2 * n:
            seeds.append(dx or 0.0)
            adx = sum(seeds) / n
        elif dx is not None:
            adx = (adx * (n - 1) + dx) / n
        if t >= 2 * n - 1:
            out["adx_14"][here[t]] = adx


def _returns_and_candles(out: dict[str, Array], o: Array, h: Array, low: Array, c: Array) -> None:
    for k in (1, 3, 5, 10, 20):
        out[f"ret_{k}"] = divided(c, lagged(c, k)) - 1.0
    out["logret_1"] = np.log(divided(c, lagged(c, 1)))
    atr, span = out["atr_wilder_14"], h - low
    out["cd_body_atr"], out["cd_range_atr"] = divided(c - o, atr), divided(span, atr)
    out["cd_body_ratio"] = divided(np.abs(c - o), span)
    out["cd_upper"], out["cd_lower"] = divided(h - np.maximum(o, c), span), divided(np.minimum(o, c) - low, span)
    out["cd_clv"], out["cd_gap_atr"] = divided(c - low, span), divided(o - lagged(c, 1), atr)


def _trend(out: dict[str, Array], c: Array) -> None:
    atr = out["atr_wilder_14"]
    bias = divided(c - out["ema_first_50"], atr)
    strength = trend_strength(np.abs(bias))
    rsi = out["rsi_wilder_14"]
    out |= {"trend_bias_atr": bias, "trend_abs_atr": np.abs(bias), "trend_strength": strength}
    out["trend_bull"], out["trend_bear"] = np.clip(bias, 0, 1), np.clip(-bias, 0, 1)
    out["trend_bias_atr_z100"] = rolling(bias, 100, z)
    out["mom_overbought"], out["mom_oversold"] = np.clip((rsi - 60) / 20, 0, 1), np.clip((40 - rsi) / 20, 0, 1)
    spread = rolling(atr, 50, z)
    high, calm = np.clip(spread - 0.5, 0, 1), np.clip((0.5 - spread) / 1.5, 0, 1)
    strong, weak = np.clip(strength - 1, 0, 1), np.clip((1 - strength) / 0.5, 0, 1)
    out |= {"atr_z50": spread, "vol_high": high, "vol_low": calm, "tr_strong": strong, "tr_weak": weak}
    rules = [
        ("reg_high_vol_trend", (high > 0.6) & (strong > 0.5)),
        ("reg_low_vol_chop", (calm > 0.6) & (weak > 0.5)),
        ("reg_high_vol", high > 0.6),
        ("reg_low_vol", calm > 0.6),
        ("reg_normal", np.ones(len(c), dtype=bool)),
    ]
    open_question = np.ones(len(c), dtype=bool)
    unknown = np.isnan(spread) | np.isnan(strength)
    for name, holds in rules:
        out[name] = np.where(unknown, NAN, (holds & open_question).astype(float))
        open_question &= ~holds


def _volatility(out: dict[str, Array], o: Array, h: Array, low: Array, c: Array) -> None:
    r = np.log(c / lagged(c, 1))
    out["vol_cc_20"] = rolling(r, 20, sd(1))

    def ewma(x: Array) -> Array:
        change, made = np.log(x[1:] / x[:-1]), np.full(len(x), NAN)
        v = NAN
        for t in range(20, len(x)):
            v = np.mean(change[:20] ** 2) if t == 20 else 0.94 * v + 0.06 * change[t - 1] ** 2
            made[t] = math.sqrt(v)
        return made

    out["vol_ewma_94"] = of_present(c, ewma)
    span, body = np.log(h / low), np.log(c / o)
    out["vol_parkinson_20"] = np.sqrt(rolling(span**2, 20, mean) / (4 * LN2))
    out["vol_gk_20"] = np.sqrt(np.maximum(0, rolling(0.5 * span**2 - (2 * LN2 - 1) * body**2, 20, mean)))
    inside = np.log(h / c) * np.log(h / o) + np.log(low / c) * np.log(low / o)
    rs = np.maximum(0, rolling(inside, 20, mean))
    out["vol_rs_20"] = np.sqrt(rs)
    k = 0.34 / (1.34 + 21 / 19)
    overnight, intraday = rolling(np.log(o / lagged(c, 1)), 20, sd(1)), rolling(body, 20, sd(1))
    out["vol_yz_20"] = np.sqrt(overnight**2 + k * intraday**2 + (1 - k) * rs)


def _volume(out: dict[str, Array], h: Array, low: Array, c: Array, v: Array) -> None:
    here = np.flatnonzero(np.isfinite(v))
    obv, ad = np.full(len(c), NAN), np.full(len(c), NAN)
    total = spread = 0.0
    for i, t in enumerate(here):
        step = c[t] - c[here[i - 1]] if i else 1.0
        total += v[t] * (step > 0) - v[t] * (step < 0)
        spread += ((c[t] - low[t]) - (h[t] - c[t])) / (h[t] - low[t]) * v[t] if h[t] > low[t] else 0.0
        obv[t], ad[t] = total, spread
    out["obv"], out["ad"] = obv, ad
    # Features wait until the volume has taken a second value.
    varied = np.zeros(len(c), dtype=bool)
    for i, t in enumerate(here):
        varied[t:] |= bool(i) and v[t] != v[here[0]]
    size = rolling(v, 20, mean)
    late = np.full(len(c), NAN)
    late[here] = (ema_first(ad[here], 3) - ema_first(ad[here], 10)) if len(here) else []
    late[here[:9]] = NAN
    typical = (h + low + c) / 3.0
    change = typical - lagged(typical, 1)
    flow = typical * v
    tie = np.abs(change) <= 1e-12 * typical
    up, down = (np.where(np.isnan(change + flow), NAN, np.where(~tie & (s * change > 0), flow, 0.0)) for s in (1, -1))
    bought, sold = rolling(up, 14, sum), rolling(down, 14, sum)
    made = {
        "vol_rel_20": divided(v, size),
        "obv_slope_20": divided(rolling(obv, 20, slope), size),
        "adosc_3_10": late,
        "mfi_14": np.where(np.isnan(bought), NAN, np.where(bought + sold > 0, 100 * bought / (bought + sold), 0.0)),
    }
    out |= {name: np.where(varied, values, NAN) for name, values in made.items()}
