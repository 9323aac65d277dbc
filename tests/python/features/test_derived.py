"""Derived columns against pandas and NumPy, and what every feature column promises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from smctrain.bars.types import Bars, SymbolBars
from smctrain.features import FeatureSpec, FeatureStream, build_features, fractional, interactions, lags, rolling

pd = pytest.importorskip("pandas")

Series = Any
STATISTICS = ("mean", "sd", "min", "max", "med", "q10", "q90", "skew", "rank", "slope", "z", "ratio", "acf1", "acf3")


def spec_of(*names: str, **fields: Any) -> FeatureSpec:
    return FeatureSpec(**({"columns": names, "dtype": "float64", "higher": ()} | fields))


def slope(window: np.ndarray) -> float:
    return float(np.polyfit(np.arange(len(window)), window - window[0], 1)[0])


def autocorrelation(lag: int) -> Callable[[np.ndarray], float]:
    def of(window: np.ndarray) -> float:
        x = window - window.mean()
        return float(x[lag:] @ x[:-lag] / (x @ x)) if x @ x > 0 else np.nan

    return of


def rank(window: np.ndarray) -> float:
    others = window[:-1]
    return float(((others < window[-1]).sum() + 0.5 * (others == window[-1]).sum()) / len(others))


def expected(x: Series, word: str, w: int) -> Series:
    """The slow, obvious statistic of a rolling window."""
    r = x.rolling(w)
    simple = {
        "mean": r.mean, "sd": r.std, "min": r.min, "max": r.max, "med": r.median, "skew": r.skew,
        "q10": lambda: r.quantile(0.1), "q90": lambda: r.quantile(0.9),
        "rank": lambda: r.apply(rank, raw=True), "slope": lambda: r.apply(slope, raw=True),
        "z": lambda: (x - r.mean()) / r.std(), "ratio": lambda: x / r.mean(),
        "acf1": lambda: r.apply(autocorrelation(1), raw=True), "acf3": lambda: r.apply(autocorrelation(3), raw=True),
    }  # fmt: skip
    return simple[word]()


def holed(bars: Bars, *rows: int) -> Bars:
    """The same bars without the prices of some."""
    columns = {name: getattr(bars, name).copy() for name in ("open", "high", "low", "close")}
    for values in columns.values():
        values[list(rows)] = np.nan
    return replace(bars, **columns)


@pytest.mark.parametrize("word", STATISTICS)
@pytest.mark.parametrize("source", ["ret_1", "vol_rel_20", "close"])
def test_a_statistic_equals_the_slow_one_with_missing_values_inside(draw: Any, source: str, word: str) -> None:
    bars = holed(draw(400, seed=21), 100, 101, 250)
    windows = (5, 20, 77)
    table = build_features(bars, spec_of(source, *rolling(source, word, windows)))
    x = pd.Series(table[source])
    assert x.isna().sum() >= 3 or source == "vol_rel_20"
    for w in windows:
        want = expected(x, word, w).to_numpy()
        got = table[f"{source}_{word}_{w}"]
        np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
        assert np.isfinite(got).sum() > 50
        np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-9)


def test_lags_squares_products_and_fractions(draw: Any) -> None:
    bars = holed(draw(900, seed=22), 400)
    names = ("ret_1", "natr_14", "log_close", *lags("ret_1", (1, 7)), "natr_14_sq", *interactions(("ret_1", "natr_14")))
    table = build_features(bars, spec_of(*names, *fractional("log_close", (0.4, 1.0))))
    x, y = pd.Series(table["ret_1"]), pd.Series(table["natr_14"])
    np.testing.assert_array_equal(table["ret_1_lag_1"], x.shift(1))
    np.testing.assert_array_equal(table["ret_1_lag_7"], x.shift(7))
    np.testing.assert_array_equal(table["natr_14_sq"], y * y)
    np.testing.assert_array_equal(table["natr_14__x__ret_1"], x * y)
    level = table["log_close"]
    np.testing.assert_allclose(table["log_close_fd_100"][1:], np.diff(level), rtol=1e-9, atol=1e-15)
    weights = [1.0]
    while abs(following := -weights[-1] * (0.4 - len(weights) + 1) / len(weights)) >= 1e-4:
        weights.append(following)
    np.testing.assert_allclose(weights[:6], [1, -0.4, -0.12, -0.064, -0.0416, -0.029952], rtol=1e-12)
    want = np.full(900, np.nan)
    want[len(weights) - 1 :] = np.convolve(level, weights, mode="valid")
    np.testing.assert_allclose(table["log_close_fd_40"], want, rtol=1e-9, atol=1e-12)
    assert np.isnan(want[400 : 400 + len(weights)]).all()
    assert np.isfinite(want).sum() > 300


def test_two_operations_follow_each_other(draw: Any) -> None:
    names = ("rsi_wilder_14_lag_1_z_20", "ret_1_sd_20_lag_3", "natr_14_rank_50__x__ret_1_lag_1", "ret_1_sq_mean_20")
    table = build_features(draw(300, seed=23), spec_of("rsi_wilder_14", "ret_1", "natr_14", *names))
    rsi, ret, natr = (pd.Series(table[name]) for name in ("rsi_wilder_14", "ret_1", "natr_14"))
    lagged = rsi.shift(1)
    want = {
        names[0]: (lagged - lagged.rolling(20).mean()) / lagged.rolling(20).std(),
        names[1]: ret.rolling(20).std().shift(3),
        names[2]: natr.rolling(50).apply(rank, raw=True) * ret.shift(1),
        names[3]: (ret**2).rolling(20).mean(),
    }
    for name, values in want.items():
        np.testing.assert_allclose(table[name], values, rtol=1e-8, atol=1e-12, err_msg=name)


def test_sources_nobody_asked_for_do_not_appear_and_values_do_not_depend_on_the_company(eurusd: SymbolBars) -> None:
    base = eurusd["M15"][:900]
    bars = SymbolBars("EURUSD", {**dict(eurusd), "M15": base})
    names = ("rsi_wilder_14_lag_2", "htf_h4_trend_bias_atr_z_50", "htf_align_trend_mean_20", "ob_bull_dist_atr_min_30")
    fields = {"higher": ("H1", "H4")}
    together = build_features(bars, spec_of(*names, **fields))
    assert together.names == list(names)
    everything = build_features(bars, FeatureSpec(preset="full", extra=names, dtype="float64"))
    for name in names:
        alone = build_features(bars, spec_of(name, **fields))
        assert alone.values.shape == (900, 1)
        assert np.isfinite(alone[name]).sum() > 100
        np.testing.assert_array_equal(alone[name], together[name])
        np.testing.assert_array_equal(alone[name], everything[name])


def test_everything_restarts_with_a_segment(draw: Any) -> None:
    bars = draw(500, seed=24)
    spec = spec_of(*rolling("ret_1", STATISTICS, 20), *lags("ret_1", 3), "log_close_fd_80", "ret_1_lag_1_z_20")
    parted = build_features(replace(bars, segment=(np.arange(500) >= 260).astype(np.int32)), spec)
    for part, rows in ((bars[:260], slice(0, 260)), (bars[260:], slice(260, 500))):
        np.testing.assert_array_equal(parted.values[rows], build_features(part, spec).values)


# Every operation once, over a window, a recursive and a higher column; one of each depth.
ALL_KINDS = (
    *rolling("ret_1", STATISTICS, 20), *rolling("natr_14", ("z", "rank", "mean"), 30), *lags("rsi_wilder_14", (1, 5)),
    "ret_5_sq", "ret_5__x__trend_bias_atr", "log_close_fd_60", "rsi_wilder_14_lag_1_z_20", "htf_h1_rsi_wilder_14_lag_4",
    "htf_h1_rsi_wilder_14_mean_10__x__ret_1_sd_20", "cal_utc_minute_sin_lag_1",
)  # fmt: skip


def assert_same(left: np.ndarray, right: np.ndarray) -> None:
    assert left.tobytes() == right.tobytes() or np.array_equal(left, right, equal_nan=True)


def test_adding_bars_never_changes_an_earlier_row(draw: Any) -> None:
    bars = draw(700, seed=25)
    spec = spec_of(*ALL_KINDS, higher=("H1",))
    whole = build_features(bars, spec)
    for cut in [*range(60), *range(60, 697, 9), 698, 699]:
        part = build_features(bars[: cut + 1], spec)
        assert_same(part.values, whole.values[: cut + 1])
        assert (part.settled == whole.settled[: cut + 1]).all()


@pytest.mark.parametrize("seed", range(4))
def test_a_stream_stored_at_any_bar_equals_the_batch(draw: Any, seed: int) -> None:
    bars = holed(draw(500, seed=26), 200)
    gap = np.where(np.arange(500) >= 330, 20, 0) * np.timedelta64(1, "D")  # a pause that restarts everything
    bars = replace(bars, time=bars.time + gap, segment=(np.arange(500) >= 330).astype(np.int32))
    spec = spec_of(*ALL_KINDS, higher=("H1",))
    batch = build_features(bars, spec)
    stops = set(np.random.default_rng(seed).integers(0, 500, 6).tolist())
    stream = FeatureStream(spec, digits=5)
    rows, settled = [], []
    for t in range(500):
        if t in stops:
            stream = FeatureStream.from_state(stream.state())
        rows.append(
            stream.push(
                open=bars.open[t], high=bars.high[t], low=bars.low[t], close=bars.close[t], volume=bars.volume[t],
                spread=bars.spread[t], time=bars.time[t],
            )
        )  # fmt: skip
        settled.append(stream.settled)
    assert_same(np.array(rows), batch.values)
    np.testing.assert_array_equal(settled, batch.settled)


def test_the_warm_up_is_exactly_what_is_missing_at_the_start(draw: Any) -> None:
    table = build_features(draw(1500, seed=27), spec_of(*ALL_KINDS, higher=("H1",)))
    for column in table.catalogue:
        assert column.family == "derived"
        assert int(np.argmax(np.isfinite(table[column.name]))) == column.warmup, column


def test_a_value_is_forgotten_after_the_stated_lookback(draw: Any) -> None:
    bars = draw(900, seed=28)
    others = ("ret_5_sd_10_lag_3", "cd_clv__x__ret_5", "log_close_fd_40")
    spec = spec_of(*rolling("ret_1", STATISTICS, 20), *lags("ret_5", 4), *others)
    clean, row = build_features(bars, spec), 300
    close = bars.close.copy()
    close[row] = close[row] * 1.0004  # inside high and low or not: the columns above read the close
    poked = build_features(replace(bars, close=close), spec)
    for column in clean.catalogue:
        assert column.lookback > 0
        a, b = clean[column.name], poked[column.name]
        np.testing.assert_array_equal(a[:row], b[:row])
        np.testing.assert_allclose(a[row + column.lookback :], b[row + column.lookback :], rtol=1e-8, atol=1e-11)
        # and not before: some row near the end of the window still shows it
        differs = ~np.isclose(a, b, rtol=1e-12, atol=0.0, equal_nan=True)
        last = int(np.flatnonzero(differs[: row + column.lookback]).max())
        if column.name.split("_")[2] not in {"min", "max", "med", "q10", "q90", "rank"}:
            assert last == row + column.lookback - 1, column


def test_the_start_of_the_bars_does_not_show_once_settled(draw: Any) -> None:
    bars, start = draw(2600, seed=29), 333
    kinds = ("z", "skew", "slope", "acf1", "sd", "med", "ratio")
    slow = ("natr_14", "ema_50", "ema_20_dist_atr", "trend_bias_atr", "trend_abs_atr", "tr_weak", "adx_14", "trix_15")
    names = [*(name for name in ALL_KINDS if not name.startswith("htf")), *rolling(slow, kinds, 20)]
    whole, late = build_features(bars, spec_of(*names)), build_features(bars[start:], spec_of(*names))
    for column in whole.catalogue:
        skip = column.warmup + column.settle
        a, b = whole[column.name][start + skip :], late[column.name][skip:]
        assert len(a) > 500
        np.testing.assert_array_equal(np.isnan(a), np.isnan(b))
        assert np.nanmax(np.abs(a - b) / np.maximum(np.abs(a), np.nanstd(a))) <= 1e-6, column


def test_settled_rows_wait_for_the_window_over_settled_higher_bars(draw: Any) -> None:
    bars = draw(3000, seed=30)
    plain = build_features(bars, spec_of("htf_h1_atr_z50", higher=("H1",)))
    behind = build_features(bars, spec_of("htf_h1_atr_z50_lag_39", higher=("H1",)))
    window = build_features(bars, spec_of("htf_h1_atr_z50_mean_40", higher=("H1",)))
    first = int(np.argmax(plain.settled))
    assert 0 < first < 2000
    assert int(np.argmax(behind.settled)) == first + 39
    assert int(np.argmax(window.settled)) == pytest.approx(2 * first + 39, abs=8)
    both = build_features(bars, spec_of("htf_h1_age__x__ret_1_mean_2500", higher=("H1",)))
    assert int(np.argmax(both.settled)) == 2500


def test_a_bad_print_leaves_no_trace_once_it_has_left_the_window(draw: Any) -> None:
    bars = draw(600, seed=31)
    close, high = bars.close.copy(), bars.high.copy()
    close[300], high[300] = 1e12, 1e12
    names = rolling("close", STATISTICS, 50)
    clean = build_features(bars, spec_of(*names))
    poked = build_features(replace(bars, close=close, high=high), spec_of(*names))
    for name in names:
        np.testing.assert_allclose(poked[name][350:], clean[name][350:], rtol=1e-7, atol=1e-9, err_msg=name)


def test_flat_prices_give_exact_answers(draw: Any) -> None:
    flat = np.full(300, 1.1)
    bars = draw(300, seed=32)
    lively = {name: np.r_[getattr(bars, name)[:200], flat[:100]] for name in ("open", "high", "low", "close")}
    table = build_features(replace(bars, **lively), spec_of(*rolling("close", STATISTICS, 20)))
    last = {word: table[f"close_{word}_20"][-60:] for word in STATISTICS}
    for word in ("mean", "min", "max", "med", "q10", "q90"):
        assert (last[word] == 1.1).all(), word
    for word, value in {"sd": 0.0, "slope": 0.0, "rank": 0.5, "ratio": 1.0}.items():
        assert (last[word] == value).all(), word
    for word in ("z", "skew", "acf1", "acf3"):
        assert np.isnan(last[word]).all(), word
    assert not np.isinf(table.values).any()


@pytest.mark.parametrize("factor", [1e-9, 1e9])
def test_tiny_and_huge_prices_give_the_same_shapes(draw: Any, factor: float) -> None:
    bars = replace(draw(300, seed=33), digits=None)
    scaled = {name: getattr(bars, name) * factor for name in ("open", "high", "low", "close")}
    free = rolling("close", ("z", "rank", "ratio", "skew", "acf1"), 20)
    table, other = build_features(bars, spec_of(*free)), build_features(replace(bars, **scaled), spec_of(*free))
    np.testing.assert_allclose(other.values, table.values, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_very_few_bars_give_missing_values(draw: Any, n: int) -> None:
    table = build_features(draw(20)[:n], spec_of(*rolling("ret_1", STATISTICS, 100_000), "ret_1_lag_100000"))
    assert table.values.shape == (n, len(STATISTICS) + 1)
    assert np.isnan(table.values).all()


def test_a_wide_window_is_right_and_not_slow(draw: Any) -> None:
    bars = draw(12_000, seed=34)
    names = rolling("close", STATISTICS, 5000)
    table = build_features(bars, spec_of("close", *names))
    window = table["close"][-5000:]
    x = pd.Series(window)
    for word in STATISTICS:
        want = expected(x, word, 5000).iloc[-1]
        assert table[f"close_{word}_5000"][-1] == pytest.approx(want, rel=1e-7, abs=1e-12), word
