"""What every network promises: the same bits from the same seed, the best weights, alarms, recovery."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from smctrain.models.base import FitTask

from .network_families import LOOKBACK, NETWORKS, PLAIN, Network, each

N, STOP = 300, 100


def data(network: Network, seed: int = 3, n: int = N + STOP) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Three classes, or numbers, that the columns say little about."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5)).astype(np.float32)
    y = X[:, 0] + 2.0 * rng.normal(size=n)
    return X, np.digitize(y, [-1.5, 1.0]) if network.classifies else 50.0 + 7.0 * y


def fit(
    network: Network, X: Any, y: Any, n_train: int = N, n_stop: int = STOP, task: Any = None, **settings: Any
) -> Any:
    """A small fit; of several symbols, in equal parts, where it learns across them."""
    task = network.task(X, y, n_train, n_stop, **(task or {}))
    trainer = network.trainer(**settings)
    if not network.symbols:
        return trainer.fit(task)
    whole = replace(task, rows=np.arange(n_train + n_stop), stop_rows=np.empty(0, dtype=np.int64))
    return trainer.fit(whole, (np.arange(len(X)) // 50).astype(np.int32))


def digest(fitted: Any) -> str:
    """Of all weights and of the history."""
    parts = [*fitted.arrays.values(), *fitted.history.values()]
    return hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()


# ---- the same bits ------


def several(network: Network) -> list[str]:
    """Fits under everything that draws numbers or depends on an order."""
    X, y = data(network)
    settings: list[dict[str, Any]] = [{}]
    if not network.symbols:
        settings.append({"schedule": "one_cycle", "warmup_epochs": 1, "optimizer": "sgd", "restarts": 1, "patience": 2,
                         "visible_from": (1, 1, 2, 2, 3), "freeze_layers": 1, "freeze_after": 4})  # fmt: skip
    return [digest(fit(network, X, y, **more)) for more in settings]


@each(NETWORKS)
def test_threads_of_a_fit_and_fits_beside_it_change_no_bit(network: Network) -> None:
    X, y = data(network)

    def one(seed: int, threads: int) -> str:
        return digest(fit(network, X, y, task={"seed": seed, "threads": threads}))

    alone = [one(1, 1), one(1, 2), one(2, 1)]
    assert alone[0] == alone[1] != alone[2]
    with ThreadPoolExecutor(2) as pool:
        beside = list(pool.map(lambda pair: one(*pair), ((1, 1), (1, 2), (2, 1))))
    assert beside == alone


_PROGRAM = """
import importlib, json, sys, types
package = types.ModuleType("suite"); package.__path__ = [sys.argv[1]]; sys.modules["suite"] = package
suite = importlib.import_module("suite.test_contract_promises")
print(json.dumps({network.name: suite.several(network) for network in suite.NETWORKS}))
"""


@pytest.fixture(scope="module")
def elsewhere() -> dict[str, list[str]]:
    """The digests of all networks in a process of its own, with other settings of threads than here."""
    environment = {
        **os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "OMP_NUM_THREADS": "2",
        "MKL_NUM_THREADS": "2", "PYTHONHASHSEED": "7",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(Path(__file__).parent)], capture_output=True, text=True, check=False,
        env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


@each(NETWORKS)
def test_another_process_makes_the_same_bits(network: Network, elsewhere: dict[str, list[str]]) -> None:
    assert several(network) == elsewhere[network.name]


# ---- the best weights ------


def validation_loss(network: Network, fitted: Any, task: FitTask) -> float:
    """Written out in double from what the fitted model answers on the stop rows."""
    stop, kept = task.stop_rows, task.rows
    if network.sequence:
        kept = kept[LOOKBACK - 1 :]
    if network.classifies:
        proba = fitted.predict_proba(task.X, stop)
        counts = np.bincount(task.y[kept], minlength=proba.shape[1])
        weight = (len(kept) / ((counts > 0).sum() * counts))[task.y[stop]]
        return float(-(weight * np.log(proba[np.arange(len(stop)), task.y[stop]])).sum() / weight.sum())
    scale = task.y[kept].std()
    return float(0.5 * np.mean(((fitted.predict(task.X, stop) - task.y[stop]) / scale) ** 2))


@each(PLAIN)
def test_the_kept_weights_have_the_best_recorded_validation_loss(network: Network) -> None:
    X, y = data(network)
    settings: dict[str, Any] = {"dropout": 0.0, "learning_rate": 0.03, "max_epochs": 20, "patience": 20}
    if network.classifies:
        settings["label_smoothing"] = 0.0
    if network.family == "VAE":  # the loss of the head alone
        settings |= {"reconstruction_weight": 0.0, "kl_weight": 0.0}
    fitted = fit(network, X, y, **settings)
    recorded = fitted.history["val_loss"]
    assert recorded[-1] > recorded.min() * 1.002  # it went on and got worse: restoring had something to do
    assert fitted.best_epoch == int(np.argmin(recorded)) + 1
    assert fitted.best_loss == recorded.min()
    again = validation_loss(network, fitted, network.task(X, y, N, STOP))
    assert again == pytest.approx(fitted.best_loss, rel=2e-5)
    assert again < recorded[-1]


@each([network for network in NETWORKS if network.symbols])
def test_a_start_across_symbols_is_that_of_the_best_recorded_epoch(network: Network) -> None:
    X, y = data(network)
    settings: dict[str, Any] = {"learning_rate": 0.2, "max_epochs": 12, "patience": 12}
    fitted = fit(network, X, y, **settings)
    recorded = fitted.history["val_loss"]
    best = int(np.argmin(recorded)) + 1
    assert (fitted.best_epoch, fitted.best_loss) == (best, recorded.min())
    assert best < len(recorded)
    stopped_there = fit(network, X, y, **{**settings, "max_epochs": best})
    assert all(array.tobytes() == stopped_there.arrays[name].tobytes() for name, array in fitted.arrays.items())


# ---- alarms ------


def sentences(fitted: Any, words: str) -> int:
    return sum(words in sentence for sentence in fitted.warnings)


@each([network for network in PLAIN if network.classifies])
def test_alarm_of_severe_overfitting(network: Network) -> None:
    rng = np.random.default_rng(4)
    X = rng.normal(size=(124, 60)).astype(np.float32)
    y = rng.integers(0, 2, size=124)
    wide = {"hidden_dims": (64,), "hidden_dim": 32, "channels": (32,), "d_model": 32, "trunk_dims": (64,)}
    more = {name: value for name, value in wide.items() if name in network.small}
    fitted = fit(network, X, y, 64, 60, dropout=0.0, learning_rate=0.01, max_epochs=40, patience=40, **more)
    assert sentences(fitted, "severe overfitting") == 1
    assert fitted.stop_reason in ("", "divergence")


@each(PLAIN)
def test_alarm_of_divergence_stops(network: Network) -> None:
    """Stop rows are the opposite of what training teaches: every epoch makes them worse."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(400, 4)).astype(np.float32)
    y = (X[:, 0] > 0).astype(np.int64) if network.classifies else X[:, 0].copy()
    y[300:] = 1 - y[300:] if network.classifies else -y[300:]
    more: dict[str, Any] = {"label_smoothing": 0.0} if network.classifies else {}
    more |= {"dropout": 0.0, "learning_rate": 0.003, "batch_size": 300, "max_epochs": 120, "patience": 120}
    fitted = fit(network, X, y, 300, 100, **more)
    assert fitted.stop_reason == "divergence"
    assert fitted.complete
    assert sentences(fitted, "10 times in a row") == 1
    assert fitted.best_loss == fitted.history["val_loss"].min()


@each(NETWORKS)
def test_alarm_of_an_exploding_gradient(network: Network) -> None:
    X, y = data(network)
    more: dict[str, Any] = {"inner_learning_rate": 1e-6} if network.symbols else {}
    fitted = fit(
        network, X * np.float32(50), y, dropout=0.0, learning_rate=30.0, weight_decay=0.0, nan_recoveries=9, **more
    )
    assert fitted.history["grad_norm"][np.isfinite(fitted.history["grad_norm"])].max() > 10.0  # before clipping
    assert sentences(fitted, "exploding gradient") == 1


@each(NETWORKS)
def test_alarm_of_a_loss_that_is_not_finite_and_recovery_from_it(network: Network) -> None:
    """Steps of 1e30: with no try left the fit stops; with tries it goes back to sound weights at a quarter of the
    rate. Either way what it keeps is finite."""
    X, y = data(network)
    wild = {"learning_rate": 1e30, "clip_norm": 0.0, "optimizer": "sgd", "warmup_epochs": 0.0}
    given_up = fit(network, X, y, **wild, nan_recoveries=0)
    assert given_up.stop_reason == "nan_loss"
    assert sentences(given_up, "not finite") == 1
    tried = fit(network, X, y, **wild, nan_recoveries=3)
    assert sentences(tried, "back to the last sound weights at a quarter of the rate") == 3
    rate = tried.history["learning_rate"]
    np.testing.assert_allclose(rate[1:4], rate[:3] / 4)
    for fitted in (given_up, tried):
        assert all(np.isfinite(array).all() for array in fitted.arrays.values())
        answer = fitted.predict_proba(X) if network.classifies else fitted.predict(X)
        assert np.isfinite(answer[LOOKBACK:]).all()


@each(NETWORKS)
def test_alarm_of_the_time_limit(network: Network) -> None:
    X, y = data(network)
    more = {"validation_fraction": 0.0} if network.symbols else {}  # without a validation loss nothing else ends it
    fitted = fit(network, X, y, N, 0, task={"time_limit_s": 0.05}, max_epochs=1_000_000, **more)
    assert (fitted.stop_reason, fitted.complete) == ("timeout", False)
    assert sentences(fitted, "time limit") == 1
    assert all(np.isfinite(array).all() for array in fitted.arrays.values())


@each(NETWORKS)
def test_a_stop_flag_ends_the_fit_with_what_there_is(network: Network) -> None:
    X, y = data(network)
    flag = np.zeros(1, dtype=np.uint8)

    def cancel(done: int, total: int) -> None:
        flag[0] = done == 2

    fitted = fit(network, X, y, task={"stop": flag, "progress": cancel}, max_epochs=1000, patience=1000)
    assert (fitted.stop_reason, fitted.complete, len(fitted.history["step"])) == ("cancelled", False, 2)
