"""Surrogate bars cannot be predicted, and the canary sings when they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import smctrain as st
from smctrain.audit import surrogate_bars
from smctrain.bars import Bars
from smctrain.exceptions import InputError, TooFewRows

pd = pytest.importorskip("pandas")


@pytest.fixture(scope="module")
def bars() -> Bars:
    return st.simulate_market(n_symbols=1, n_bars=6000)["SIM1"].base


def shapes(b: Bars) -> Any:
    o, h, low, c = np.log([b.open, b.high, b.low, b.close])
    return np.column_stack([o[1:] - c[:-1], h[1:] - o[1:], low[1:] - o[1:], c[1:] - o[1:]])


def test_a_surrogate_is_made_of_the_shapes_of_its_bars_or_their_mirror_images(bars: Bars) -> None:
    from dataclasses import replace

    plain = replace(bars, digits=None)
    drawn = shapes(surrogate_bars(plain, 1))
    known = shapes(plain)
    mirror = np.column_stack([-known[:, 0], -known[:, 2], -known[:, 1], -known[:, 3]])
    rounded = {tuple(row) for row in np.round(np.vstack([known, mirror]) + 0.0, 10)}
    here = [tuple(row) for row in np.round(drawn + 0.0, 10)]
    assert np.mean([row in rounded for row in here]) > 0.99  # all, up to the last digit of the rounding


def test_a_surrogate_keeps_runs_of_about_twenty_bars_and_forgets_the_rest(bars: Bars) -> None:
    noise = surrogate_bars(bars, 2)
    # The volume goes with its bar: a run shows as consecutive source rows of a unique volume.
    from dataclasses import replace

    named = replace(bars, volume=np.arange(len(bars), dtype=np.float64))
    source = surrogate_bars(named, 2).volume
    assert source is not None
    follows = np.diff(source) == 1.0
    assert 1 / (1 - follows.mean()) == pytest.approx(20, rel=0.25)
    assert len(noise) == len(bars)
    np.testing.assert_array_equal(noise.time, bars.time)
    assert (noise.high >= np.maximum(noise.open, noise.close)).all()
    assert (noise.low <= np.minimum(noise.open, noise.close)).all()
    np.testing.assert_array_equal(noise.close, np.round(noise.close, bars.digits))


def test_half_of_the_runs_are_mirrored(bars: Bars) -> None:
    from dataclasses import replace

    # On bars that only rise a run's direction is its mirror sign.
    n = len(bars)
    close = 1.0 + 0.001 * np.arange(n)
    opened = close - 0.0005
    rising = replace(bars, open=opened, high=close, low=opened, close=close, digits=None)
    up = np.concatenate([np.diff(surrogate_bars(rising, seed).close) > 0 for seed in range(5)])
    assert up.mean() == pytest.approx(0.5, abs=0.06)


def test_two_seeds_give_two_surrogates_and_one_seed_one(bars: Bars) -> None:
    np.testing.assert_array_equal(surrogate_bars(bars, 5).close, surrogate_bars(bars, 5).close)
    assert (surrogate_bars(bars, 5).close != surrogate_bars(bars, 6).close).mean() > 0.9
    with pytest.raises(TooFewRows, match="at least 50 bars"):
        surrogate_bars(bars[:49])


def test_missing_prices_do_not_enter_a_surrogate(bars: Bars) -> None:
    from dataclasses import replace

    close = bars.close.copy()
    close[100:110] = np.nan
    assert np.isfinite(surrogate_bars(replace(bars, close=close)).close).all()


def honest(f: Any) -> Any:
    change = np.log(f["close"]).diff()
    return pd.DataFrame({f"r{w}": change.rolling(w).sum() for w in (1, 3, 10, 30)} | {"v": change.rolling(20).std()})


def centred(f: Any) -> Any:
    return honest(f).assign(ma=f["close"].rolling(21, center=True).mean() / f["close"] - 1)


def test_the_canary_is_silent_on_honest_columns(bars: Bars) -> None:
    report = st.audit_features(bars, honest, cuts=61)
    assert report.ok, report.to_text()
    assert [result.model for result in report.canary] == ["forest", "logistic"]
    for result in report.canary:
        assert result.ok
        assert result.draws == 3
        assert result.rows > 3 * 1500
        assert 0.45 < result.majority < 0.6


def test_the_canary_sings_on_columns_that_know_the_answer(bars: Bars) -> None:
    report = st.audit_features(bars, centred, cuts=61)
    finding = next(finding for finding in report.findings if finding.kind == "canary")
    assert finding.size > 3
    assert finding.column == "(all columns)"
    assert report.leaking_columns == ["ma"]
    forest = report.canary[0]
    assert forest.accuracy > forest.majority + 0.05
    assert not forest.ok


def test_a_planted_signal_of_the_real_bars_does_not_reach_the_surrogates(bars: Bars) -> None:
    # SIM1 can be predicted from its volume; its surrogates cannot, so an honest column that uses it is no leak.
    def volume(f: Any) -> Any:
        return pd.DataFrame({"level": np.log(f["volume"]).rolling(10).mean()}, index=f.index)

    assert st.audit_features(bars, volume, cuts=61).ok


def test_too_few_bars_for_the_canary_are_said(bars: Bars) -> None:
    report = st.audit_features(bars[:300], honest, cuts=61)
    assert "not run" in report.checks["canary"]
    assert report.canary == []


def test_the_canary_takes_code_that_labels(bars: Bars) -> None:
    def direction(b: Bars) -> st.Labels:
        return st.forward_return(b, 8, band=0.0)

    assert st.audit_features(bars, honest, cuts=61, labels=direction).ok
    report = st.audit_features(bars, lambda f: honest(f).assign(n=f["close"].pct_change(8).shift(-8)), labels=direction)
    assert "canary" in {finding.kind for finding in report.findings}


def test_a_column_made_of_the_label_is_heard(bars: Bars) -> None:
    from smctrain.audit.canary import run_canary
    from smctrain.audit.subject import CallableSubject

    def direction(b: Bars) -> st.Labels:
        return st.forward_return(b, 8, band=0.0)

    def of_labels(f: Any) -> Any:
        return (f["close"].shift(-8) > f["close"]).astype(float).to_frame("y")

    results = run_canary(CallableSubject(of_labels, "M15"), bars, 3, 0, direction)
    assert not any(result.ok for result in results)


def test_label_code_must_give_classes(bars: Bars) -> None:
    with pytest.raises(InputError, match="labels must be classes for the canary, but take"):
        st.audit_features(bars, honest, cuts=61, labels=lambda b: st.forward_return(b, 8))
    with pytest.raises(InputError, match="labels must return Labels"):
        st.audit_features(bars, honest, cuts=61, labels=lambda b: b.close)
