"""The standard process of the definitions, many seeds at once: GARCH returns whose mean is edge * x of a bar before."""

from __future__ import annotations

import math

import numpy as np

HORIZON = 10


def markets(seeds: range, edge: float, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x (runs, n), noise columns u (runs, n, 3), and how far the price is 10 bars later (runs, n)."""
    total = n + 500 + HORIZON
    z, e = np.empty((len(seeds), total)), np.empty((len(seeds), total, 4))
    for i, seed in enumerate(seeds):
        rng = np.random.default_rng(seed)
        z[i], e[i] = rng.standard_normal(total), rng.standard_normal((total, 4))
    x, u, r = np.empty_like(z), np.empty((*z.shape, 3)), np.empty_like(z)
    variance = np.ones(len(seeds))
    r[:, 0], x[:, 0], u[:, 0] = z[:, 0], e[:, 0, 0], e[:, 0, 1:]
    for t in range(1, total):
        variance = 0.05 + 0.08 * r[:, t - 1] ** 2 + 0.87 * variance
        r[:, t] = np.sqrt(variance) * (z[:, t] + edge * x[:, t - 1])
        x[:, t] = 0.95 * x[:, t - 1] + math.sqrt(1 - 0.95**2) * e[:, t, 0]
        u[:, t] = 0.9 * u[:, t - 1] + math.sqrt(1 - 0.9**2) * e[:, t, 1:]
    p = np.cumsum(r, axis=1)[:, 500:]
    return x[:, 500 : 500 + n], u[:, 500 : 500 + n], p[:, HORIZON:] - p[:, :-HORIZON]
