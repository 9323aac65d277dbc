"""The standard processes: numbers of the design, honest bars, and nothing to be predicted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smctrain.bars.types import Bars
from smctrain.exceptions import InputError
from smctrain.labels import triple_barrier
from smctrain.testing import noise_table, ohlc_paths

DRAWN = ("G1", "G2", "G3", "G4")


def test_the_noise_table_has_the_numbers_of_the_design() -> None:
    planted = noise_table(1000, signal=0.2, seed=1)
    assert planted.p[999] == pytest.approx(-51.7365400596, abs=1e-9)
    np.testing.assert_allclose(
        planted.X[999],
        [0.6900155199, -1.169316406, -4.21094437, -3.679741173, -11.41723239, 0.957513011, 0.9861050683, 0.110299048,
         0.04810109445, -0.7046864045, -1.001185705, 0.5903244084],
        rtol=1e-9,
    )  # fmt: skip
    assert planted.y.sum() == 465
    noise = noise_table(1000, seed=1)
    assert noise.p[999] == pytest.approx(-75.1993666949, abs=1e-9)
    assert noise.y.sum() == 455


def test_the_noise_table_follows_its_recursion_step_by_step() -> None:
    n, signal = 300, 0.15
    rng = np.random.default_rng(5)
    z, e = rng.standard_normal(n + 510), rng.standard_normal((n + 510, 4))
    s2, r, x, path = 1.0, 0.0, 0.0, []
    for t in range(n + 510):
        s2 = 1.0 if t == 0 else 0.05 + 0.08 * r**2 + 0.87 * s2
        r = np.sqrt(s2) * (z[t] + signal * x)
        x = e[t, 0] if t == 0 else 0.95 * x + np.sqrt(1 - 0.95**2) * e[t, 0]
        path.append(r)
    p = np.cumsum(path)
    table = noise_table(n, signal, seed=5)
    np.testing.assert_allclose(table.p, p[500:], rtol=1e-9)
    t = 700
    np.testing.assert_allclose(table.X[t - 500, 2], sum(path[t - 9 : t + 1]), rtol=1e-9)
    np.testing.assert_allclose(table.X[t - 500, 6], np.std(path[t - 39 : t + 1], ddof=1), rtol=1e-9)
    assert table.y[t - 500] == (p[t + 10] > p[t])


def test_the_sign_of_x_reaches_the_best_accuracy_of_the_design() -> None:
    for signal, best in ((0.08, 0.562), (0.12, 0.592), (0.15, 0.613), (0.20, 0.644)):
        table = noise_table(200_000, signal, seed=2)
        assert np.mean((table.X[:, 0] > 0) == table.y) == pytest.approx(best, abs=0.008)


@pytest.mark.parametrize("kind", DRAWN)
def test_drawn_bars_are_honest_snapped_and_repeatable(kind: str) -> None:
    b = ohlc_paths(kind, 3000, seed=4)
    assert (b.high >= np.maximum(b.open, b.close)).all()
    assert (b.low <= np.minimum(b.open, b.close)).all()
    assert (np.diff(b.time) > np.timedelta64(0)).all()
    for prices in (b.open, b.high, b.low, b.close):
        np.testing.assert_array_equal(prices, np.round(prices, 5))
    np.testing.assert_array_equal(ohlc_paths(kind, 3000, seed=4).close, b.close)
    assert (ohlc_paths(kind, 3000, seed=5).close != b.close).mean() > 0.99


def test_the_kinds_differ_in_what_their_names_say() -> None:
    walk, garch, gaps, hours = (ohlc_paths(kind, 20_000, seed=1) for kind in DRAWN)

    def returns(b: Bars) -> Any:
        return np.diff(np.log(b.close)) / 0.002

    def clustering(b: Bars) -> float:
        size = np.abs(returns(b))
        return float(np.corrcoef(size[1:], size[:-1])[0, 1])

    assert returns(walk).std() == pytest.approx(1.0, abs=0.02)
    assert abs(clustering(walk)) < 0.03
    assert clustering(garch) > 0.05
    for without in (walk, garch, hours):
        np.testing.assert_array_equal(without.open[1:], without.close[:-1])
    opening = (np.log(gaps.open[1:]) - np.log(gaps.close[:-1])) / 0.002
    assert np.mean(opening != 0) == pytest.approx(0.01, abs=0.003)
    assert opening[opening != 0].std() == pytest.approx(5.0, rel=0.15)
    hour = (hours.time - hours.time.astype("datetime64[D]")) / np.timedelta64(1, "h")
    day = ((hour >= 8) & (hour < 16))[1:]
    assert returns(hours)[day].std() / returns(hours)[~day].std() == pytest.approx(3.0, rel=0.1)
    weekday = (hours.time.astype("datetime64[D]").astype(int) + 3) % 7
    assert set(weekday) == {0, 1, 2, 3, 4}


def test_highs_and_lows_come_from_sixteen_sub_steps() -> None:
    b = ohlc_paths("G1", 20_000, seed=3)
    # The mean range of a walk of 16 steps of variance 1/16 is 1.28..1.30 (1.596 for a continuous one).
    span = (np.log(b.high) - np.log(b.low)) / 0.002
    rng = np.random.default_rng(0)
    paths = np.cumsum(rng.standard_normal((50_000, 16)) / 4.0, axis=1)
    expected = np.maximum(paths.max(axis=1), 0) - np.minimum(paths.min(axis=1), 0)
    assert span.mean() == pytest.approx(expected.mean(), rel=0.01)


@pytest.mark.parametrize("kind", DRAWN)
def test_no_side_of_a_symmetric_barrier_is_favoured(kind: str) -> None:
    y = np.concatenate([
        triple_barrier(ohlc_paths(kind, 4000, seed=seed), target=2.0, stop=2.0, entry="close", costs=None,
                       rows=np.arange(100, 3900, 40)).y
        for seed in range(8)
    ])  # fmt: skip
    decided = y[y != 0]
    assert len(decided) > 300
    assert np.mean(decided == 1) == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(len(decided)))


def test_real_bars_are_drawn_anew_by_kind_g5() -> None:
    real = ohlc_paths("G4", 800, seed=2)
    b = ohlc_paths("G5", 600, seed=7, bars=real)
    assert len(b) == 600
    np.testing.assert_array_equal(b.time, real.time[-600:])
    assert (b.close != real.close[-600:]).mean() > 0.9


def test_mistakes_are_named() -> None:
    with pytest.raises(InputError, match="kind must be one of G1, G2, G3, G4, G5, but is 'G6'"):
        ohlc_paths("G6")
    with pytest.raises(InputError, match="n must be an integer of at least 1, but is 0"):
        ohlc_paths("G1", 0)
    with pytest.raises(InputError, match="bars= are the real bars of kind G5"):
        ohlc_paths("G5", 100)
    with pytest.raises(InputError, match="at most the number of bars"):
        ohlc_paths("G5", 100, bars=ohlc_paths("G1", 99))
    assert len(ohlc_paths("G4", 1)) == 1
