"""Every network of the package, one line each: what the contract suites of this folder run.

To add a family: one `Network` line. `test_every_network_of_the_package_is_listed` fails for one without.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from smctrain import models
from smctrain.models.base import FitTask
from smctrain.models.registry import FAMILIES, make_trainer

LOOKBACK = 4
LAG = 2


@dataclass(frozen=True)
class Network:
    """One estimator.

    `learns` are settings with which it finds planted structure, `quiet` those under which it admits to noise, and
    `small` make a fit take milliseconds.
    """

    name: str
    family: str
    small: dict[str, Any]
    learns: dict[str, Any]
    quiet: dict[str, Any] = field(default_factory=dict)

    @property
    def cls(self) -> Any:
        return getattr(models, self.name)

    @property
    def sequence(self) -> bool:
        return FAMILIES[self.family].is_sequence

    @property
    def classifies(self) -> bool:
        return not self.name.endswith("Regressor")

    @property
    def symbols(self) -> bool:
        """Whether it learns across symbols."""
        return self.family == "MetaLearning"

    def fit(self, X: Any, y: Any, X_val: Any, y_val: Any, **settings: Any) -> Any:
        """A model with `answer(X)`: a class or a number for each row, NaN where there is none."""
        model = self.cls(**settings)
        if self.symbols:
            raise TypeError("learns across symbols: its own data")
        if self.family == "MultiTask":
            return model.fit(X, both(y), X_val=X_val, y_val=both(y_val))
        return model.fit(X, y, X_val=X_val, y_val=y_val)

    def answer(self, model: Any, X: Any) -> NDArray[np.float64]:
        """A class or a number for each row, NaN where there is none."""
        found = model.predict(X)
        if self.family == "MultiTask":
            found = found["sign"]
        return np.ma.filled(np.ma.asarray(found).astype(np.float64), np.nan)

    def trainer(self, **settings: Any) -> Any:
        """The trainer behind the estimator, small."""
        return make_trainer(self.family, {**self.small, **settings})

    def task(self, X: Any, y: Any, n_train: int, n_stop: int = 0, **more: Any) -> FitTask:
        """Class codes are taken as numbers where it predicts numbers."""
        y = np.asarray(y)
        return FitTask(
            X=np.ascontiguousarray(X, dtype=np.float32),
            y=y.astype(np.int32) if self.classifies else y.astype(np.float64),
            rows=np.arange(n_train, dtype=np.int64),
            stop_rows=np.arange(n_train, n_train + n_stop, dtype=np.int64),
            n_classes=int(y.max()) + 1 if self.classifies else 0,
            **more,
        )


def both(y: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Two targets of several at once: the class, and a number that hangs on it."""
    return {"sign": y, "size": y * 2.5 + 10.0}


_LOOP = {"dropout": 0.0, "learning_rate": 0.01, "batch_size": 32, "max_epochs": 30, "patience": 8}
_WINDOW = {"lookback": LOOKBACK}
_QUIET = {"dropout": 0.3, "learning_rate": 0.002, "batch_size": 64, "max_epochs": 12, "patience": 3}


def _pair(prefix: str, family: str, small: dict[str, Any], learns: dict[str, Any]) -> list[Network]:
    calm = _QUIET | {name: value for name, value in learns.items() if name not in _LOOP}
    return [
        Network(
            f"{prefix}{kind}", family, {"dropout": 0.2, "batch_size": 32, "max_epochs": 5, "patience": 5} | small,
            _LOOP | learns, calm | ({"class_weight": None} if kind == "Classifier" else {}),
        )
        for kind in ("Classifier", "Regressor")
    ]  # fmt: skip


NETWORKS = [
    *_pair("MLP", "NeuralNetwork", {"hidden_dims": (8, 6)}, {"hidden_dims": (32, 16)}),
    *_pair("LSTM", "LSTM", {"hidden_dim": 6, "num_layers": 2, **_WINDOW}, {"hidden_dim": 16, **_WINDOW}),
    *_pair("GRU", "GRU", {"hidden_dim": 6, "num_layers": 2, **_WINDOW}, {"hidden_dim": 16, **_WINDOW}),
    *_pair("CNN1D", "CNN1D", {"channels": (6, 6), **_WINDOW}, {"channels": (32, 16), **_WINDOW}),
    *_pair("Transformer", "Transformer", {"d_model": 8, "num_heads": 2, "num_layers": 2, "feed_forward": 8, **_WINDOW},
           {"d_model": 16, "num_heads": 2, "num_layers": 1, "feed_forward": 32, "max_epochs": 25,
            "learning_rate": 0.005, **_WINDOW}),
    *_pair("VAE", "VAE", {"hidden_dims": (8,), "latent_dim": 4}, {"hidden_dims": (32,), "latent_dim": 8,
           "kl_weight": 0.001, "reconstruction_weight": 0.1, "max_epochs": 40}),
    Network("MultiTaskMLP", "MultiTask", {"trunk_dims": (8,), "head_dim": 6, "dropout": 0.2, "batch_size": 32,
            "max_epochs": 5, "patience": 5}, _LOOP | {"trunk_dims": (32,), "head_dim": 16},
            _QUIET | {"trunk_dims": (32,), "head_dim": 16, "class_weight": None}),
    *(
        Network(f"MetaLearning{kind}", "MetaLearning",
                {"hidden_dims": (8,), "support_rows": 10, "query_rows": 10, "meta_batch": 2, "steps_per_epoch": 4,
                 "max_epochs": 5, "patience": 5},
                {"hidden_dims": (32, 32), "max_epochs": 20},
                {"hidden_dims": (16,), "support_rows": 10, "query_rows": 10, "meta_batch": 2, "steps_per_epoch": 5,
                 "max_epochs": 20})
        for kind in ("Classifier", "Regressor")
    ),
]  # fmt: skip

PLAIN = [network for network in NETWORKS if not network.symbols]
SEQUENCES = [network for network in NETWORKS if network.sequence]


def each(networks: list[Network]) -> Any:
    """Run the test once for each network."""
    return pytest.mark.parametrize("network", networks, ids=lambda network: network.name)


def planted(network: Network, seed: int, n: int = 2400) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Columns (n, 3) and what follows from them: the product of two columns, of the same row for tabular families and
    of bars `LAG` apart for sequence families. Its sign is the class; a tenth of it is noise."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3)).astype(np.float32)
    product = X[:, 0] * (np.roll(X[:, 0], LAG) if network.sequence else X[:, 1])
    signal = product + 0.1 * rng.normal(size=n)
    return X, (signal > 0).astype(np.int64) if network.classifies else signal


def noise(network: Network, seed: int, n: int = 2400, rate: float = 0.62) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Columns (n, 3) and a target they know nothing of: class 1 in 62 of 100 rows, or a normal number."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3)).astype(np.float32)
    return X, (rng.random(n) < rate).astype(np.int64) if network.classifies else rng.normal(size=n)


def market(
    network: Network, seed: int, n_symbols: int = 22, n: int = 300, *, telling: bool = True
) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Symbols (n_symbols, n, 6) that share one nonlinear structure, each with a sign of its own; or noise."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_symbols, n, 6))
    structure = np.abs(X[:, :, 0]) - np.abs(X[:, :, 1])
    signal = rng.choice([-1.0, 1.0], (n_symbols, 1)) * structure + 0.1 * rng.normal(size=structure.shape)
    if not telling:
        signal = rng.normal(size=structure.shape) + 0.3
    return X, (signal > 0).astype(np.int64) if network.classifies else signal


def windows(network: Network, X: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[Any]:
    """What a linear model may see of each row: all that the network sees."""
    if not network.sequence:
        return X[rows]
    return np.column_stack([X[rows - back] for back in range(LOOKBACK)])


def quality(network: Network, found: NDArray[np.float64], truth: NDArray[Any]) -> float:
    """Accuracy, or R2."""
    if network.classifies:
        return float(np.mean(found == truth))
    return float(1.0 - np.mean((found - truth) ** 2) / np.var(truth))
