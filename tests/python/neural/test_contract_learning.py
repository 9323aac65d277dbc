"""Every network finds structure that no linear model can, and finds nothing in noise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from sklearn.linear_model import LinearRegression, LogisticRegression

from smctrain.models.registry import FAMILIES

from .network_families import NETWORKS, Network, each, market, noise, planted, quality, windows

TRAIN, STOP = slice(0, 1200), slice(1200, 1600)
TEST = np.arange(1610, 2400)
FEW = 50


def test_every_network_of_the_package_is_listed() -> None:
    """The GAN makes rows and predicts nothing; it is judged by what others learn from them (test_gan.py). VAEColumns
    puts another family behind a network (test_vae_columns.py)."""
    others = ("GAN", "VAEColumns")
    entries = [entry for entry in FAMILIES.values() if entry.extra == "neural" and entry.name not in others]
    faces = {entry.estimator for entry in entries} | {entry.regressor for entry in entries if entry.regressor}
    assert {network.name for network in NETWORKS} == faces


def held_out(network: Network, X: Any, y: Any, settings: dict[str, Any], seed: int) -> float:
    model = network.fit(X[TRAIN], y[TRAIN], X[STOP], y[STOP], random_state=seed, device="cpu", **settings)
    found = network.answer(model, X)[TEST]
    assert np.isfinite(found).all()
    return quality(network, found, y[TEST])


def of_a_line(network: Network, X: Any, y: Any) -> float:
    """Quality of a linear model of the same rows, that sees all that the network sees."""
    rows = np.arange(10, 1600)
    line: Any = LogisticRegression() if network.classifies else LinearRegression()
    line.fit(windows(network, X, rows), y[rows])
    return quality(network, line.predict(windows(network, X, TEST)), y[TEST])


def adapted(network: Network, X: Any, y: Any, settings: dict[str, Any], seed: int) -> tuple[float, float]:
    """Over the last two symbols, adapted to their first rows: quality on the later rows, and that of a line."""
    model = network.cls(random_state=seed, **settings)
    model.fit(X[:-2].reshape(-1, X.shape[2]), y[:-2].ravel(), groups=np.repeat(np.arange(len(X) - 2), X.shape[1]))
    scores = []
    for k in (-2, -1):
        few, later = (X[k, :FEW], y[k, :FEW]), (X[k, FEW:], y[k, FEW:])
        line: Any = LogisticRegression() if network.classifies else LinearRegression()
        scores.append([quality(network, m.fit(*few).predict(later[0]) if m is line else m.predict(later[0]), later[1])
                       for m in (model.adapt(*few), line)])  # fmt: skip
    found, linear = np.mean(scores, axis=0)
    return float(found), float(linear)


def learned(network: Network, seed: int) -> tuple[float, float]:
    """Quality of the network and of a linear model on rows that neither has seen."""
    if network.symbols:
        return adapted(network, *market(network, seed), network.learns, seed)
    X, y = planted(network, seed)
    return held_out(network, X, y, network.learns, seed), of_a_line(network, X, y)


def in_noise(network: Network, seed: int) -> tuple[float, float, float]:
    """Quality on rows it has not seen, that of the most frequent answer, and the half width of the interval."""
    if network.symbols:
        X, y = market(network, seed, telling=False)
        found, _ = adapted(network, X, y, network.quiet, seed)
        later = y[-2:, FEW:].ravel()
    else:
        X, y = noise(network, seed)
        found, later = held_out(network, X, y, network.quiet, seed), y[TEST]
    if not network.classifies:
        return found, 0.0, 0.15 if network.symbols else 0.06  # 50 rows of a symbol teach even less
    rate = float(max(later.mean(), 1 - later.mean()))
    return found, rate, 3.0 * math.sqrt(rate * (1.0 - rate) / len(later))


@each(NETWORKS)
def test_it_finds_structure_that_no_linear_model_can(network: Network) -> None:
    found, line = learned(network, seed=1)
    if network.classifies:
        assert abs(line - 0.5) < 0.1
        assert found > 0.8
    else:
        assert line < 0.1
        assert found > (0.5 if network.symbols else 0.7)


@each(NETWORKS)
def test_in_noise_it_is_no_better_and_no_worse_than_the_most_frequent_answer(network: Network) -> None:
    found, rate, width = in_noise(network, seed=1)
    assert abs(found - rate) < width
