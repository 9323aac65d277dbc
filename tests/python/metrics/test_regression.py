"""Regression metrics against scikit-learn, scipy and the definitions written out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from smctrain import metrics
from smctrain.exceptions import InputError
from smctrain.metrics import quantile_metrics, rank_ic, regression_metrics


def pair(seed: int, n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = np.round(rng.standard_t(4, n), 1)  # rounding makes ties
    return y, np.round(0.3 * y + rng.normal(size=n), 1)


@pytest.mark.parametrize("seed", range(3))
def test_metrics_equal_those_of_the_peers(seed: int) -> None:
    from scipy import stats as peer_stats
    from sklearn import metrics as peer

    y, forecast = pair(seed)
    ours = regression_metrics(y, forecast, float(y.mean()))
    assert ours["r2"] == pytest.approx(peer.r2_score(y, forecast), abs=1e-12)
    assert ours["rmse"] == pytest.approx(peer.root_mean_squared_error(y, forecast), abs=1e-12)
    assert ours["mae"] == pytest.approx(peer.mean_absolute_error(y, forecast), abs=1e-12)
    assert ours["bias"] == pytest.approx(float(np.mean(forecast - y)), abs=1e-12)
    assert ours["ic"] == pytest.approx(peer_stats.spearmanr(y, forecast).statistic, abs=1e-12)
    assert ours["pearson"] == pytest.approx(np.corrcoef(y, forecast)[0, 1], abs=1e-12)


def test_r2_is_measured_against_the_training_mean_not_the_test_mean() -> None:
    y = np.array([1.0, 2.0, 3.0])
    assert regression_metrics(y, np.full(3, 0.5), 0.5)["r2"] == 0.0
    assert regression_metrics(y, np.full(3, 2.0), 0.5)["r2"] == pytest.approx(1 - 2 / 8.75)


def test_the_interval_of_the_ic_is_newey_west_on_what_each_row_adds() -> None:
    y, forecast = pair(4, 200)
    h = 5
    ours = regression_metrics(y, forecast, 0.0, h)

    def unit(values: np.ndarray) -> np.ndarray:
        ranks = np.array([np.mean(np.flatnonzero(np.sort(values) == v)) + 1 for v in values])
        return (ranks - ranks.mean()) / ranks.std()

    u, v = unit(y), unit(forecast)
    ic = float(np.mean(u * v))
    e = u * v - 0.5 * ic * (u**2 + v**2)
    variance = e @ e / 200 + 2 * sum((1 - lag / h) * (e[lag:] @ e[:-lag]) / 200 for lag in range(1, h))
    error = math.sqrt(variance / 200)
    assert ours["ic_interval"] == pytest.approx((ic - 1.959963984540054 * error, ic + 1.959963984540054 * error))
    assert ours["ic_t"] == pytest.approx(ic / error)


def test_the_interval_of_the_ic_covers_the_truth() -> None:
    # Rank correlation of a bivariate normal: 6/pi asin(rho/2).
    rng = np.random.default_rng(5)
    truth = 6 / math.pi * math.asin(0.15)
    inside = 0
    for _ in range(300):
        a, b = rng.normal(size=(2, 400))
        low, high = regression_metrics(a, 0.3 * a + math.sqrt(1 - 0.09) * b, 0.0)["ic_interval"]
        inside += low <= truth <= high
    assert 265 <= inside <= 299  # 285 expected; outside by chance below 1e-4


def test_quantities_that_do_not_exist_are_nan() -> None:
    flat = regression_metrics([1.0, 2.0, 3.0], [2.0, 2.0, 2.0], 2.0)
    assert math.isnan(flat["ic"])
    assert math.isnan(flat["ic_interval"][0])
    assert flat["r2"] == 0.0
    assert math.isnan(regression_metrics([2.0, 2.0], [1.0, 3.0], 2.0)["r2"])
    assert all(math.isnan(regression_metrics([], [], 0.0)[name]) for name in ("r2", "rmse", "mae", "ic"))


def test_rank_ic_is_spearman_over_each_stamp() -> None:
    scipy_stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(6)
    stamps = rng.integers(0, 30, 600)
    y = rng.normal(size=600)
    forecast = np.round(0.3 * y + rng.normal(size=600), 1)
    ours = rank_ic(y, forecast, stamps, horizon=3, min_rows=15)
    expected = {
        int(s): scipy_stats.spearmanr(y[stamps == s], forecast[stamps == s]).statistic
        for s in range(30)
        if (stamps == s).sum() >= 15
    }
    assert dict(zip(ours.stamps.tolist(), ours.ic.tolist(), strict=True)) == pytest.approx(expected, abs=1e-12)
    values = np.array([expected[s] for s in sorted(expected)])
    assert ours.mean == pytest.approx(values.mean())
    assert ours.ratio == pytest.approx(values.mean() / values.std(ddof=1))
    assert ours.interval[0] < ours.mean < ours.interval[1]
    days = np.datetime64("2024-01-01", "ns") + stamps * np.timedelta64(1, "D")
    assert np.array_equal(rank_ic(y, forecast, days, 3, 15).ic, ours.ic)


def test_pinball_equals_that_of_scikit_learn_and_coverage_is_counted() -> None:
    from sklearn.metrics import mean_pinball_loss

    rng = np.random.default_rng(7)
    y = rng.normal(size=250)
    levels = [0.1, 0.5, 0.9]
    quantiles = np.column_stack([np.full(250, -1.28), rng.normal(0, 0.1, 250), np.full(250, 1.28)])
    ours = quantile_metrics(y, quantiles, levels, horizon=2)
    for j, level in enumerate(levels):
        assert ours["pinball"][j] == pytest.approx(mean_pinball_loss(y, quantiles[:, j], alpha=level), abs=1e-12)
        assert ours["coverage"][j] == pytest.approx(np.mean(y <= quantiles[:, j]))
        low, high = ours["coverage_interval"][j]
        assert low <= ours["coverage"][j] <= high
    (middle,) = ours["central"]
    assert middle["level"] == pytest.approx(0.8)
    assert middle["coverage"] == pytest.approx(np.mean((y >= -1.28) & (y <= 1.28)))
    assert middle["width"] == pytest.approx(2.56)
    assert ours["crossings"] == 0
    assert quantile_metrics(y, quantiles[:, ::-1], levels)["crossings"] == 250


def test_faults_are_named() -> None:
    with pytest.raises(InputError, match="y_pred must be finite, but row 1 is not"):
        regression_metrics([1.0, 2.0], [1.0, np.nan], 0.0)
    with pytest.raises(InputError, match="y_pred must have the 2 rows of y_true, but has 1"):
        regression_metrics([1.0, 2.0], [1.0], 0.0)
    with pytest.raises(InputError, match=r"levels must ascend between 0 and 1, but entry 1 is 0\.5"):
        quantile_metrics([1.0], [[1.0, 2.0]], [0.5, 0.5])
    with pytest.raises(InputError, match=r"quantiles must have shape \(1, 2\)"):
        quantile_metrics([1.0], [[1.0]], [0.1, 0.9])
    with pytest.raises(InputError, match="horizon must be a whole number"):
        regression_metrics([1.0], [1.0], 0.0, 0)


def test_values_without_spread_have_no_correlation_and_no_share_explained():
    # The mean of 107 times 0.1 is not 0.1: what is left is rounding, never a correlation of 1.
    flat, other = np.full(107, 0.1), np.full(107, 0.7)
    both = metrics.regression_metrics(flat, other, 0.0)
    assert math.isnan(both["pearson"])
    assert math.isnan(both["ic"])
    at_mean = metrics.regression_metrics(flat, np.arange(107.0), float(flat.mean()))
    assert math.isnan(at_mean["r2"])
    report = metrics.regression_report(flat, np.arange(107.0), flat, 1)
    assert math.isnan(report.intervals["r2"][0])
