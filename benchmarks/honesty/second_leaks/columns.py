"""Columns made from bars, each as it stands in somebody's notebook, and as it should stand.

`d` is a data frame of bars (open, high, low, close, volume, spread) with the opening times as index.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .base import CASES, Case, on_bars


def column(kind: str, *where: str) -> Callable[[Callable[[Any, bool], Any]], Any]:
    """Register a function ``f(d, leaky)`` that returns one series named `where[0]`; honest columns stand beside it."""

    def add(make: Callable[[Any, bool], Any]) -> Any:
        def build(seed: int, leaky: bool) -> dict[str, Any]:
            def features(d: Any) -> Any:
                honest = d[[]].assign(mom_5=np.log(d.close).diff(5), vol_20=np.log(d.close).diff().rolling(20).std())
                return honest.assign(**{where[0]: make(d, leaky)})

            return on_bars(seed, features)

        CASES.append(Case(make.__name__, kind, build, where))
        return make

    return add


@column("L3.1", "z_50")
def centred_z_score(d: Any, leaky: bool) -> Any:
    around = d.close.rolling(50, center=leaky)
    return (d.close - around.mean()) / around.std()


@column("L3.1", "day_trend")
def daily_close_joined_by_date(d: Any, leaky: bool) -> Any:
    daily = (d.close.resample("1D").last() / d.open.resample("1D").first() - 1).dropna()
    return (daily if leaky else daily.shift(1)).reindex(d.index.normalize()).set_axis(d.index)


@column("L3.1", "week_trend")
def weekly_bar_stamped_at_fridays_midnight(d: Any, leaky: bool) -> Any:
    weekly = d.close.resample("W-FRI").last()
    if not leaky:
        weekly.index += np.timedelta64(24, "h")
    return d.close / weekly.reindex(d.index, method="ffill") - 1


@column("L3.1", "gap_to_survey")
def sparse_indicator_interpolated(d: Any, leaky: bool) -> Any:
    survey = d.close.where(d.index.hour * 4 + d.index.minute // 15 == 36)
    return d.close / (survey.interpolate() if leaky else survey.ffill()) - 1


@column("L3.1", "h1_gap")
def asof_join_to_the_nearest_hour(d: Any, leaky: bool) -> Any:
    import pandas as pd

    hour = d.close.resample("1h").last().dropna().rename("h1").to_frame()
    hour.index = hour.index + pd.Timedelta("1h")
    left = pd.DataFrame({"close": d.close.to_numpy()}, index=d.index + pd.Timedelta("15min"))
    direction = "nearest" if leaky else "backward"
    joined = pd.merge_asof(left, hour, left_index=True, right_index=True, direction=direction)
    return (joined.close / joined.h1 - 1).to_numpy()


@column("L3.1", "hp_slope")
def hodrick_prescott_trend(d: Any, leaky: bool) -> Any:
    from scipy.sparse import diags, eye
    from scipy.sparse.linalg import spsolve

    if not leaky or len(d) < 3:
        return d.close.ewm(span=30).mean().diff()
    n = len(d)
    second = diags([1.0, -2.0, 1.0], [0, 1, 2], shape=(n - 2, n))
    trend = spsolve((eye(n) + 1600.0 * second.T @ second).tocsc(), d.close.to_numpy())
    return np.diff(trend, prepend=np.nan)


@column("L3.1", "fft_slope")
def fourier_low_pass(d: Any, leaky: bool) -> Any:
    if not leaky:
        return d.close.rolling(20).mean().diff()
    waves = np.fft.rfft(d.close.to_numpy())
    waves[max(2, len(d) // 20) :] = 0
    return np.diff(np.fft.irfft(waves, len(d)), prepend=np.nan)


@column("L3.1", "leg")
def zigzag_without_confirmation(d: Any, leaky: bool) -> Any:
    price, size = d.close.to_numpy(), 1.5 * (d.high - d.low).ewm(span=50).mean().to_numpy() * 2
    out, way, top = np.zeros(len(price)), 1.0, 0
    for i in range(1, len(price)):
        if way * (price[i] - price[top]) >= 0:
            top = i
        elif way * (price[top] - price[i]) > size[i]:
            way = -way
            if leaky:
                out[top + 1 : i] = way  # the leg is drawn from its pivot, not from where it was seen
            top = i
        out[i] = way
    return out


@column("L3.1", "macd_zero_lag")
def averages_run_backwards_too(d: Any, leaky: bool) -> Any:
    def smooth(s: Any, span: int) -> Any:
        forward = s.ewm(span=span, adjust=False).mean()
        return forward[::-1].ewm(span=span, adjust=False).mean()[::-1] if leaky else forward

    return smooth(d.close, 12) - smooth(d.close, 26)


@column("L3.1", "p_turbulent")
def hidden_states_smoothed(d: Any, leaky: bool) -> Any:
    r = np.log(d.close).diff().fillna(0.0).to_numpy()
    scale = 0.0015
    light = np.exp(-0.5 * (r / scale) ** 2) / scale
    wild = np.exp(-0.5 * (r / (2 * scale)) ** 2) / (2 * scale)
    seen = np.column_stack([light, wild]) + 1e-12
    stay = np.array([[0.97, 0.03], [0.03, 0.97]])
    ahead = np.empty_like(seen)
    p = np.array([0.5, 0.5])
    for i, likely in enumerate(seen):
        p = (p @ stay) * likely
        ahead[i] = p = p / p.sum()
    if leaky:
        back = np.ones(2)
        for i in range(len(seen) - 1, -1, -1):
            ahead[i] *= back
            ahead[i] /= ahead[i].sum()
            back = stay @ (seen[i] * back)
            back /= back.sum()
    return ahead[:, 1]


@column("L3.1", "log_volume")
def rare_missing_volumes_filled_backwards(d: Any, leaky: bool) -> Any:
    minute = d.index.hour * 60 + d.index.minute + d.index.day_of_year * 7
    volume = np.log1p(d.volume).where(minute % 97 != 0)  # about 1 % of the bars
    return volume.bfill() if leaky else volume.ffill()


@column("L1.2", "mom_rank")
def rank_over_the_whole_history(d: Any, leaky: bool) -> Any:
    mom = d.close.diff(20)
    return mom.rank(pct=True) if leaky else mom.rolling(300, min_periods=20).rank(pct=True)


@column("L1.2", "price_01")
def price_scaled_to_its_extremes(d: Any, leaky: bool) -> Any:
    low, high = (d.close.min(), d.close.max()) if leaky else (d.close.cummin(), d.close.cummax())
    return (d.close - low) / (high - low + 1e-12)


@column("L1.2", "vol_bin")
def quantile_bins_of_all_rows(d: Any, leaky: bool) -> Any:
    vol = d.close.diff().rolling(20).std()
    cuts = [vol.quantile(q) if leaky else vol.expanding(20).quantile(q) for q in (0.2, 0.4, 0.6, 0.8)]
    return sum((vol > c).astype(float) for c in cuts)


@column("L1.2", "hour_mean")
def mean_return_of_the_hour_over_all_days(d: Any, leaky: bool) -> Any:
    r = np.log(d.close).diff()
    hour = r.groupby(d.index.hour)
    return hour.transform("mean") if leaky else hour.transform(lambda s: s.expanding().mean())


@column("L1.2", "off_trend")
def straight_line_through_all_closes(d: Any, leaky: bool) -> Any:
    if not leaky or len(d) < 3:
        return d.close - d.close.expanding().mean()
    t = np.arange(len(d))
    return d.close - np.polyval(np.polyfit(t, d.close.to_numpy(), 1), t)


@column("L1.2", "shock")
def returns_in_whole_sample_volatility(d: Any, leaky: bool) -> Any:
    r = np.log(d.close).diff()
    return r / (r.std() if leaky else r.expanding(20).std())


@column("L1.3", "best_momentum")
def best_period_of_the_whole_history(d: Any, leaky: bool) -> Any:
    log = np.log(d.close)
    known = slice(None) if leaky else slice(0, 400)
    ahead = (log.shift(-10) - log)[known].iloc[: None if leaky else -10]
    periods = range(4, 80, 4)
    fits = [abs(log.diff(p)[known].corr(ahead)) if len(d) > 120 else 0.0 for p in periods]
    best = log.diff(periods[int(np.nanargmax(fits))])
    return best if leaky else best.where(np.arange(len(d)) >= 400)


@column("L2", "bars_to_news")
def bars_to_the_next_shock(d: Any, leaky: bool) -> Any:
    r = np.log(d.close).diff()
    hit = (r.abs() > 2.5 * r.rolling(100, min_periods=20).std().shift(1)).to_numpy()
    at, row = np.flatnonzero(hit), np.arange(len(d))
    if not len(at):
        return np.full(len(d), np.nan)
    k = np.searchsorted(at, row, "left" if leaky else "right") - (0 if leaky else 1)
    away = np.abs(at[np.clip(k, 0, len(at) - 1)] - row).astype(float)
    return np.where((k < 0) | (k >= len(at)), np.nan, away)


@column("L2", "recent_profit")
def equity_booked_when_the_trade_opens(d: Any, leaky: bool) -> Any:
    profit = np.sign(d.close.diff(10)) * (d.close.shift(-10) - d.close)
    return (profit if leaky else profit.shift(10)).fillna(0.0).cumsum().diff(5)


@column("L2", "last_won")
def outcome_of_the_row_before(d: Any, leaky: bool) -> Any:
    won = (d.close.shift(-10) > d.close).astype(float)
    return won.shift(1 if leaky else 10)
