"""The leak audit finds code that knows the future, and leaves alone code that does not."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import smctrain as st
from smctrain.bars import Bars, SymbolBars
from smctrain.bars.resample import resample
from smctrain.exceptions import FeatureLeak, InputError, TooFewRows

pd = pytest.importorskip("pandas")


@pytest.fixture(scope="module")
def bars() -> SymbolBars:
    return st.simulate_market(n_symbols=2, n_bars=900)["SIM2"]


def audit(bars: Any, code: Any, **options: Any) -> st.LeakReport:
    return st.audit_features(bars, code, **({"canary": False} | options))


# --- code that knows the future ---


def centred_average(f: Any) -> Any:
    return f["close"].rolling(11, center=True).mean().to_frame("ma") - f[["close"]].rename(columns={"close": "ma"})


def filled_from_the_future(f: Any) -> Any:
    return (f["close"] / f["close"].rolling(30).mean() - 1).bfill().to_frame("filled")


def gaps_filled_from_the_future(f: Any) -> Any:
    big = f["volume"].where(f["volume"] > f["volume"].rolling(50, min_periods=1).mean())
    return big.bfill().to_frame("next_big_volume")


def whole_z_score(f: Any) -> Any:
    change = f["close"].pct_change(5)
    return ((change - change.mean()) / change.std()).to_frame("z")


def joined_on_opening_time(f: Any) -> Any:
    hours = f["close"].resample("4h").last()
    return (f["close"] - hours.reindex(f.index, method="ffill")).to_frame("h4")


def next_close(f: Any) -> Any:
    return (f["close"].shift(-1) / f["close"] - 1).to_frame("next")


def smoothed_both_ways(f: Any) -> Any:
    forward = f["close"].ewm(span=10).mean()
    return (forward[::-1].ewm(span=10).mean()[::-1] - f["close"]).to_frame("smooth")


def scaled_by_the_largest(f: Any) -> Any:
    return (f["close"] / f["high"].max()).to_frame("scaled")


# The look-ahead of smartmoneyconcepts 0.0.27, without its loops: a swing is marked on its own bar although it takes
# `length` later bars to know it; runs of equal kind keep the most extreme one; the ends are forced; an order block is
# written on the candle before the break; a liquidity level on its first swing once a later one is near it.


def swing_marks(f: Any, length: int = 10) -> Any:
    width = 2 * length
    high = f["high"].shift(-length).rolling(width).max()
    low = f["low"].shift(-length).rolling(width).min()
    mark = pd.Series(np.where(f["high"] == high, 1.0, np.where(f["low"] == low, -1.0, np.nan)), index=f.index)
    kept = mark.dropna()
    kept = kept[kept.ne(kept.shift())]
    mark = kept.reindex(f.index)
    if len(kept):
        mark.iloc[0], mark.iloc[-1] = -kept.iloc[0], -kept.iloc[-1]
    return mark.to_frame("HighLow")


def block_marks(f: Any) -> Any:
    mark = swing_marks(f)["HighLow"]
    level = f["high"].where(mark == 1).ffill()
    broken = (f["close"] > level) & (f["close"].shift() <= level)
    falling = f["close"] < f["open"]
    # Row of the last falling candle before each break, written there.
    place = pd.Series(np.where(falling, np.arange(len(f), dtype=float), np.nan), index=f.index).ffill().shift()
    rows = place[broken].dropna().to_numpy().astype(int)
    block = np.full(len(f), np.nan)
    block[rows] = 1.0
    return pd.DataFrame({"OB": block}, index=f.index)


def pool_marks(f: Any) -> Any:
    mark = swing_marks(f)["HighLow"]
    level = f["high"].where(mark == 1).dropna()
    reach = 0.01 * (f["high"].max() - f["low"].min())
    near = (level.shift(-1) - level).abs() <= 5 * reach
    return pd.DataFrame({"Liquidity": near.astype(float).reindex(f.index), "Level": level.reindex(f.index)})


LEAKS = [
    centred_average, filled_from_the_future, gaps_filled_from_the_future, whole_z_score, joined_on_opening_time,
    next_close, smoothed_both_ways, scaled_by_the_largest, swing_marks, block_marks, pool_marks,
]  # fmt: skip


@pytest.mark.parametrize("code", LEAKS, ids=lambda code: code.__name__)
def test_code_that_knows_the_future_is_caught(bars: SymbolBars, code: Any) -> None:
    report = audit(bars, code)
    assert not report.ok
    assert {"prefix"} <= {finding.kind for finding in report.findings}
    first = report.findings[0]
    assert first.column in report.to_text()
    assert 0 <= first.first_leaking_row < len(bars.base)
    assert 0 < first.rows <= len(bars.base)
    assert first.size > 0
    with pytest.raises(FeatureLeak, match=f"column '{first.column}' .*from row {first.first_leaking_row}"):
        report.raise_if_leaking()


@pytest.mark.parametrize("name", ["swing_highs_lows", "ob", "liquidity"])
def test_the_popular_package_is_caught(bars: SymbolBars, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMC_CREDIT", "0")
    smc = pytest.importorskip("smartmoneyconcepts").smc

    def columns(f: Any) -> Any:
        plain = f.reset_index(drop=True)
        swings = smc.swing_highs_lows(plain, swing_length=10)
        return (swings if name == "swing_highs_lows" else getattr(smc, name)(plain, swings)).set_axis(f.index)

    assert not audit(bars, columns).ok


# --- code that does not ---


def honest(f: Any) -> Any:
    change = f["close"].pct_change()
    hours = f["close"].resample("4h").last()
    hours.index = hours.index + pd.Timedelta("4h")
    # A 4-hour bar is finished when the row closes at its end or later.
    closes = f.index + pd.Timedelta("15min")
    return pd.DataFrame(
        {
            "ma": f["close"] / f["close"].rolling(20).mean() - 1,
            "ema": f["close"].ewm(span=20, adjust=False).mean() - f["close"],
            "z": (change - change.rolling(100).mean()) / change.rolling(100).std(),
            "lag": change.shift(1),
            "h4": hours.reindex(closes, method="ffill").to_numpy() - f["close"].to_numpy(),
            "volume": np.log(f["volume"]).diff(),
            "up": f["close"] > f["open"],
        },
        index=f.index,
    )


def test_honest_code_passes(bars: SymbolBars) -> None:
    report = audit(bars, honest)
    assert report.ok, report.to_text()
    assert report.n_columns == 7
    assert len(report.table) == 0
    assert report.leaking_columns == []
    report.raise_if_leaking()


def test_the_marks_lagged_until_they_are_known_pass_the_past_checks(bars: SymbolBars) -> None:
    def known_swings(f: Any) -> Any:
        width, right = 10, 5
        high = f["high"] == f["high"].rolling(2 * width).max()
        return (
            (high.shift(right) & (f["high"].rolling(right).max() < f["high"].shift(right))).astype(float).to_frame("s")
        )

    assert audit(bars, known_swings).ok


@pytest.mark.parametrize("preset", ["default", "full"])
def test_our_columns_pass_on_simulated_bars(preset: str) -> None:
    bars = st.simulate_market(n_symbols=1, n_bars=800)["SIM1"]
    report = audit(bars, st.FeatureSpec(preset=preset))
    assert report.ok, report.to_text()
    assert report.n_columns == len(st.FeatureSpec(preset=preset).catalogue())
    assert int(report.checks["prefix"].split()[0]) >= 200
    assert not [finding for finding in report.remarks if finding.kind in ("missing_bar", "error", "start_up")]


def test_our_columns_pass_on_real_bars_with_higher_timeframes(mt5: Any) -> None:
    read = st.read_bars(mt5, symbols=["EURUSD"])["EURUSD"]
    n = len(read["M15"])
    start = read["M15"].time[n - 1500]
    frames = {tf: b[int(np.searchsorted(b.time, start)) :] for tf, b in read.items() if tf != "M15"}
    report = audit(SymbolBars("EURUSD", {"M15": read["M15"][n - 1500 :], **frames}), st.FeatureSpec())
    assert report.ok, report.to_text()


def test_an_engine_that_peeks_would_be_caught(bars: SymbolBars, monkeypatch: pytest.MonkeyPatch) -> None:
    # The exact comparison of our own columns must be able to fail too.
    from smctrain.audit import subject

    build = subject.build_features

    def peeking(frames: Any, spec: Any) -> Any:
        table = build(frames, spec)
        values = table.values.copy()
        values[:-1, 3] = np.nextafter(values[:-1, 3], values[1:, 3])  # one unit in the last place towards the next row
        return replace(table, values=values)

    monkeypatch.setattr(subject, "build_features", peeking)
    report = audit(bars, st.FeatureSpec(preset="default"), cuts=80)
    assert {finding.column for finding in report.findings} == {st.FeatureSpec().catalogue()[3].name}
    assert {finding.kind for finding in report.findings} >= {"prefix"}


# --- the checks ---


def test_the_first_leaking_row_is_named(bars: SymbolBars) -> None:
    def from_row_300(f: Any) -> Any:
        value = f["close"].copy()
        value.iloc[300:] = f["close"].shift(-2).iloc[300:]
        return value.to_frame("late")

    report = audit(bars, from_row_300, cuts=len(bars.base))
    finding = next(finding for finding in report.findings if finding.kind == "prefix")
    assert finding.first_leaking_row == 300
    assert finding.rows == len(bars.base) - 300 - 2  # the last two rows have no reading at all on the whole bars


def test_a_leak_by_one_bar_is_seen_at_every_place_of_a_higher_bar(bars: SymbolBars) -> None:
    # Only the last bar of each 4-hour bucket leaks.
    def rare(f: Any) -> Any:
        last = (f.index.hour % 4 == 3) & (f.index.minute == 45)
        return f["close"].where(~last, f["close"].shift(-1)).ffill().to_frame("rare")

    assert not audit(bars, rare).ok


def test_a_size_is_the_largest_change_of_a_reading(bars: SymbolBars) -> None:
    report = audit(bars, lambda f: pd.DataFrame({"n": np.full(len(f), float(len(f)))}, index=f.index))
    finding = report.findings[0]
    assert (finding.kind, finding.first_leaking_row, finding.size) == ("prefix", 0, len(bars.base) - 1)


def test_what_code_makes_of_its_own_chance_is_no_leak(bars: SymbolBars) -> None:
    rng = np.random.default_rng(0)

    def jitter(f: Any) -> Any:
        base = f["close"].rolling(5).mean()
        return pd.DataFrame({"a": base * (1 + 1e-7 * rng.uniform(-1, 1, len(f)))}, index=f.index)

    report = audit(bars, jitter)
    assert report.ok, report.to_text()
    # ... but chance does not hide a leak that is larger.
    assert not audit(bars, lambda f: jitter(f.shift(-1))).ok


def test_pure_chance_is_said_to_be_unknowable(bars: SymbolBars) -> None:
    rng = np.random.default_rng(0)
    report = audit(bars, lambda f: pd.DataFrame({"a": rng.random(len(f))}, index=f.index), cuts=70)
    assert [(remark.column, remark.kind) for remark in report.remarks if remark.kind == "random"] == [("a", "random")]


def test_code_that_fails_on_few_bars_is_told_so(bars: SymbolBars) -> None:
    def needs_50(f: Any) -> Any:
        if len(f) < 50:
            raise ValueError("too short")
        return f[["close"]].diff()

    report = audit(bars, needs_50)
    assert report.ok
    error = next(remark for remark in report.remarks if remark.kind == "error")
    assert re.search(r"fails on 49 of \d+ shorter parts", error.detail)
    assert "too short" in error.detail

    def needs_all(f: Any) -> Any:
        if len(f) < len(bars.base):
            raise ValueError("too short")
        return f[["close"]]

    with pytest.raises(InputError, match="fails on every shorter part of the bars: too short"):
        audit(bars, needs_all, cuts=10)


def test_code_that_a_missing_bar_silences_is_told_so(bars: SymbolBars) -> None:
    def summed(f: Any) -> Any:
        return pd.DataFrame({"s": np.cumsum(f["close"].diff().to_numpy()[1:], dtype=float)}, index=f.index[1:]).reindex(
            f.index
        )

    report = audit(bars, summed)
    assert report.ok
    assert ("s", "missing_bar") in [(remark.column, remark.kind) for remark in report.remarks]
    assert ("s", "start_up") in [(remark.column, remark.kind) for remark in report.remarks]


def test_our_columns_keep_the_rule_of_missing_bars_and_a_broken_rule_is_seen(
    bars: SymbolBars, monkeypatch: pytest.MonkeyPatch
) -> None:
    from smctrain.audit import checks, subject

    ours = subject.SpecSubject(st.FeatureSpec(preset="full"))
    market: dict[str, Bars] = {"M15": bars.base}
    whole, _ = checks.build_whole(ours, market)
    assert checks.empty_bar(ours, market, "M15", whole) == []

    build = subject.build_features

    def forgetful(frames: Any, spec: Any) -> Any:
        """Forgets all when a bar is missing; holds a reading where there can be none."""
        table = build(frames, spec)
        values = table.values.copy()
        gap = np.flatnonzero(np.isnan(frames["M15"].close))
        if len(gap):
            values[gap[0] :, table.names.index("sw_high_age")] += 1.0
            values[gap[0] : gap[0] + 30, table.names.index("stoch_k_14_3_3")] = np.nan
            values[gap[0], table.names.index("ms_dir")] = 0.0
        return replace(table, values=values)

    monkeypatch.setattr(subject, "build_features", forgetful)
    found = {finding.column: finding for finding in checks.empty_bar(ours, market, "M15", whole)}
    assert set(found) == {"sw_high_age", "stoch_k_14_3_3", "ms_dir"}
    assert found["sw_high_age"].size == 1.0
    assert "allows it to be silent for 18 rows" in found["stoch_k_14_3_3"].detail


def test_idle_columns_are_named_and_are_no_leaks(bars: SymbolBars) -> None:
    def idle(f: Any) -> Any:
        move = f["close"].diff()
        return pd.DataFrame({"a": move, "b": 7.0, "c": move, "d": np.nan, "e": -move}, index=f.index)

    report = audit(bars, idle)
    assert report.ok
    found = {(remark.column, remark.kind) for remark in report.remarks}
    assert found == {("b", "constant"), ("c", "duplicate"), ("d", "constant")}


def test_a_column_whose_presence_depends_on_the_future_leaks(bars: SymbolBars) -> None:
    def dummies(f: Any) -> Any:
        return pd.get_dummies((f["close"] > f["close"].iloc[0] * 1.002).map({True: "up", False: "down"})).astype(float)

    report = audit(bars, dummies)
    assert "up" in report.leaking_columns


def test_code_may_change_the_frame_it_is_given(bars: SymbolBars) -> None:
    def careless(f: Any) -> Any:
        f["close"] = f["close"].diff()
        return f[["close"]]

    assert audit(bars, careless, cuts=70).ok


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (
            lambda f: 3,
            "must return a pandas DataFrame or Series, or an array with one row per bar .*, but returned int",
        ),
        (lambda f: f.dropna().iloc[5:], "the index of the bars"),
        (lambda f: f.reset_index(drop=True), "the index of the bars"),
        (lambda f: f[[]], "at least one column"),
        (lambda f: pd.concat([f[["close"]], f[["close"]]], axis=1), "a name of its own"),
        (lambda f: f.assign(word="up")[["word"]], "column 'word' holds others"),
    ],
)
def test_results_that_are_no_columns_are_refused(bars: SymbolBars, code: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        audit(bars, code)


def test_mistakes_are_named(bars: SymbolBars) -> None:
    with pytest.raises(InputError, match="cuts must be an integer of at least 1, but is 0"):
        audit(bars, honest, cuts=0)
    with pytest.raises(InputError, match="draws must be an integer of at least 3"):
        audit(bars, honest, draws=2)
    with pytest.raises(InputError, match="a FeatureSpec or a function, but is str"):
        audit(bars, "rsi")
    with pytest.raises(InputError, match=r'take bars\["EURUSD"\]'):
        audit(st.simulate_market(1, 200), honest)
    with pytest.raises(InputError, match=r"spec\.base is H1"):
        audit(bars, st.FeatureSpec(base="H1"))
    with pytest.raises(TooFewRows, match="at least 100 bars"):
        audit(bars.base[:99], honest)


def test_same_seed_same_report(bars: SymbolBars) -> None:
    first, second = (audit(bars, honest, cuts=90, canary=True, seed=3) for _ in range(2))
    assert first.to_dict() == second.to_dict()
    assert first.to_dict()["ok"] is True


# --- where the bars are cut ---


def test_cuts_hold_the_first_rows_the_last_rows_and_the_borders() -> None:
    from smctrain.audit.checks import cut_rows

    rows = cut_rows(2000, 200, [399, 400, 699, 700], np.random.default_rng(0))
    assert len(rows) >= 200
    assert {*range(60), 1997, 1998, 1999, 399, 400, 699, 700} <= set(rows)
    between = np.diff([row for row in rows if row >= 59])
    assert between.max() < 60
    assert set(np.array(rows) % 16) == set(range(16))
    assert cut_rows(150, 200, [10], np.random.default_rng(0)) == list(range(150))
    assert len(cut_rows(2000, 80, range(2000), np.random.default_rng(0))) <= 80 + 40


def test_borders_of_the_clock_are_found() -> None:
    from smctrain.audit.borders import border_rows

    # Two weeks around the change of clocks in London (2024-03-31) and after that of New York (2024-03-10).
    time = np.datetime64("2024-03-25", "ns") + np.arange(14 * 96) * np.timedelta64(15, "m")
    price = np.full(len(time), 1.0)
    segment = (np.arange(len(time)) >= 500).astype(np.int32)
    found = border_rows(Bars("X", "M15", time, price, price, price, price, segment=segment))
    assert found["segments"] == [499, 500]
    change = int(np.searchsorted(time, np.datetime64("2024-03-31T01:00")))
    assert found["clock changes"] == [change - 1, change]
    when = time[found["higher bars"]]
    assert {np.datetime64("2024-04-01T00:00"), np.datetime64("2024-03-31T23:45")} <= set(when)  # a new week
    assert all(str(t)[14:16] in ("00", "45") for t in when)
    opens = {str(time[row])[11:16] for row in found["sessions"]}
    assert {"07:00", "08:00", "12:00"} <= opens  # London in summer and winter, New York
    assert border_rows(Bars("X", "D1", time[::96], *[price[::96]] * 4)).keys() == {"higher bars"}
    assert border_rows(Bars("X", "M15", time[:0], *[price[:0]] * 4)) == {}


def test_the_future_of_a_row_is_altered_and_nothing_else(bars: SymbolBars) -> None:
    from smctrain.audit.subject import altered_after, until

    base = bars.base
    hours = resample(base, "H1")
    market: dict[str, Bars] = {"M15": base, "H1": hours}
    row = 401
    for how in ("nan", "shuffled", "noise"):
        changed = altered_after(market, "M15", row, how, np.random.default_rng(1))
        for timeframe, old in market.items():
            new = changed[timeframe]
            done = old.time_close <= base.time_close[row]
            np.testing.assert_array_equal(new.close[done], old.close[done])
            assert (new.close[~done] != old.close[~done]).mean() > 0.9
            if how != "nan":
                assert (new.high >= np.maximum(new.open, new.close)).all()
                assert (new.low <= np.minimum(new.open, new.close)).all()
            assert (until(market, "M15", row)[timeframe].time_close <= base.time_close[row]).all()


def test_cuts_and_altered_bars_are_two_checks(bars: SymbolBars) -> None:
    def kinds(code: Any) -> set[str]:
        return {finding.kind for finding in audit(bars, code, cuts=70).findings}

    def length(f: Any) -> Any:
        return pd.DataFrame({"n": f["close"].diff() * len(f)}, index=f.index)

    def with_everything(f: Any) -> Any:
        if len(f) < len(bars.base):  # looks ahead only when it is given everything
            return f[["close"]].diff()
        return (f["close"].diff() + (f["close"].shift(-5) > f["close"])).to_frame("close")

    assert kinds(next_close) == {"prefix", "future"}
    assert kinds(length) == {"prefix"}
    assert kinds(with_everything) == {"prefix", "future"}
