"""H15: the numbers printed in the definitions, once more from the public functions; worst difference of each.

They are also literal numbers in tests/python/stats, tests/python/splits and tests/python/labels; here they are run so
that a report can say how many hold, and how closely.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from smctrain import splits, stats

Vector = tuple[str, Callable[[], Any], Sequence[float], float]


def _bits(text: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array([int(c) for c in text])


Y, M1, M2 = _bits("1100101110010011"), _bits("1100101010010001"), _bits("1110100110110111")
PERFORMANCE = np.array([
    [0, 0, 2, 3], [-3, -2, 2, 3], [-2, -1, 3, -1], [-2, 2, -2, -1], [1, 0, -3, -3], [3, 2, 2, 0], [2, -1, 0, 2],
    [-3, -1, -3, 0],
])  # fmt: skip


def _size() -> list[float]:
    size = stats.effective_sample_size(_bits("111100011111001111100001110111"), 3)
    interval = stats.wilson_interval(float(_bits("111100011111001111100001110111").mean()) * size.n_eff, size.n_eff)
    return [size.n_eff, interval.low, interval.high]


def _wilson(successes: float, n: float) -> list[float]:
    interval = stats.wilson_interval(successes, n)
    return [interval.low, interval.high]


def _hac() -> list[float]:
    found = stats.hac_mean([0.5, -0.2, 0.3, 0.1, -0.4, 0.6, 0.2, 0.0], 2)
    return [found.mean, found.variance, found.standard_error, found.t]


def _deflated() -> list[float]:
    found = stats.deflated_sharpe(2.5 / math.sqrt(250), 1250, 100, 0.5 / 250, -3.0, 10.0)
    return [found.benchmark, float(found)]


def _sharpe() -> list[float]:
    sharpe = 0.036 / 0.079
    shape = {"skew": -2.448, "kurtosis": 10.164}
    return [
        stats.sharpe_standard_error(sharpe, 24, **shape, form=2025), stats.sharpe_standard_error(sharpe, 24, form=2025),
        stats.minimum_track_record(sharpe, 0.0, **shape, form=2025),
    ]  # fmt: skip


def _purged() -> list[float]:
    t0 = np.arange(10)
    plan = list(splits.PurgedKFold(5, embargo=1, intervals=(t0, t0 + 2)).split(t0))
    return plan[2][0].tolist()


VECTORS: list[Vector] = [
    ("shift test, two models", lambda: [stats.circular_shift_test(Y, [M1, M2], 1, "accuracy").p_value], [0.1], 1e-9),
    ("shift test, one model", lambda: [stats.circular_shift_test(Y, M2, 1, "accuracy").p_value], [0.2], 1e-9),
    ("e-process", lambda: stats.e_process(
        np.ones(6, dtype=int), [_bits("110111"), _bits("101101")], 2, 0.5
    ).path.tolist(), [1, 1.08125, 1.08125, 1.08125, 1.1625, 1.140171875, 1.239234375], 1e-9),
    ("effective sample size and its interval", _size, [27.0346598, 0.4783665, 0.8134951], 5e-8),
    ("Wilson 168/300", lambda: _wilson(168, 300), [0.503422, 0.615061], 5e-7),
    ("Wilson 56/100", lambda: _wilson(56, 100), [0.462281, 0.653280], 5e-7),
    ("Wilson .56 of 75", lambda: _wilson(0.56 * 75, 75), [0.447468, 0.666685], 5e-7),
    ("Newey-West", _hac, [0.1375, 0.02375, 0.0544862, 2.5235731], 5e-8),
    ("PBO and its logits", lambda: [stats.pbo(PERFORMANCE, 4).value, *stats.pbo(PERFORMANCE, 4).logits],
     [5 / 6, -1.386294, -0.405465, -1.386294, -0.847298, 0.847298, -1.386294], 5e-7),
    ("deflated Sharpe", _deflated, [0.1131720019, 0.9003968345], 5e-10),
    ("Sharpe error and track record, 2025 form", _sharpe, [0.3285886, 0.2144595, 13.029], 5e-4),
    ("Benjamini-Hochberg", lambda: stats.benjamini_hochberg([0.001, 0.008, 0.012, 0.041, 0.2], 0.05).tolist(),
     [1, 1, 1, 0, 0], 0.0),
    ("e-BH", lambda: stats.e_benjamini_hochberg([120, 60, 45, 3, 0.4], 0.05).tolist(), [1, 1, 1, 0, 0], 0.0),
    ("Stouffer", lambda: [stats.stouffer([0.03, 0.004], [1710, 1000]).z, stats.stouffer([0.03, 0.004], [1710, 1000]).p],
     [3.1050313, 0.000951], 5e-7),
    ("rows needed", lambda: [math.ceil(stats.required_sample(edge, design_effect=4.4, p0=0.5)) for edge in
                             (0.10, 0.06, 0.05, 0.03, 0.02)], [1637, 4547, 6547, 18186, 40919], 0.0),
    ("RBO", lambda: [stats.rbo([1, 2, 3, 4, 5, 6, 7], [1, 3, 2, 4, 5, 7, 6, 8]).ext], [0.9451585], 5e-8),
    ("RBO of four", lambda: [stats.rbo(list("abcd"), list("badc")).ext], [0.873], 1e-9),
    ("purge and embargo", _purged, [0, 1, 9], 0.0),
]  # fmt: skip


def check() -> list[tuple[str, float, bool]]:
    """(name, worst difference, whether it is within the printed digits)."""
    found = []
    for name, function, expected, tolerance in VECTORS:
        got = np.asarray(function(), dtype=float)
        same = got.shape == np.shape(expected)
        worst = float(np.max(np.abs(got - np.asarray(expected, dtype=float)))) if same else math.inf
        found.append((name, worst, worst <= tolerance))
    return found
