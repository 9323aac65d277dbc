"""Networks with scikit-learn's face. They need scaled columns: put a scaler in front."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from smctrain.models.base import Trainer
from smctrain.models.estimators._base import NativeClassifier, NativeSequenceClassifier


class MLPClassifier(NativeClassifier):
    """Multi-layer perceptron: blocks of Linear, BatchNorm, ReLU and Dropout, then Linear.

    Parameters
    ----------
    hidden_dims : sequence of int
        Width of each block.
    dropout, weight_decay, label_smoothing, learning_rate, batch_size, max_epochs, patience, min_delta,
    clip_norm, schedule
        See `smctrain.models.neural_network.NeuralNetworkTrainer`. Early stopping needs `X_val`, `y_val` in
        `fit`.
    class_weight : "balanced", dict or None
    random_state : int, RandomState, Generator or None
    n_jobs : int or None
        Accepted for uniformity; one fit uses one thread.
    """

    _family: ClassVar[str] = "NeuralNetwork"

    def __init__(
        self,
        hidden_dims: Sequence[int] = (256, 128, 64),
        *,
        dropout: float = 0.4,
        weight_decay: float = 0.001,
        label_smoothing: float = 0.2,
        learning_rate: float = 0.001,
        batch_size: int = 64,
        max_epochs: int = 50,
        patience: int = 8,
        min_delta: float = 0.0,
        clip_norm: float = 1.0,
        class_weight: str | dict[Any, float] | None = "balanced",
        schedule: str = "constant",
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.hidden_dims = hidden_dims
        self.dropout = dropout
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.patience = patience
        self.min_delta = min_delta
        self.clip_norm = clip_norm
        self.class_weight = class_weight
        self.schedule = schedule
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _make_trainer(self) -> Trainer:
        from smctrain.models.neural_network import NeuralNetworkTrainer

        return NeuralNetworkTrainer(
            hidden_dims=self.hidden_dims,
            dropout=self.dropout,
            weight_decay=self.weight_decay,
            label_smoothing=self.label_smoothing,
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            max_epochs=self.max_epochs,
            patience=self.patience,
            min_delta=self.min_delta,
            clip_norm=self.clip_norm,
            class_weight=None if isinstance(self.class_weight, dict) else self.class_weight,
            schedule=self.schedule,
        )


class LSTMClassifier(NativeSequenceClassifier):
    """LSTM over the last `lookback` rows, the decision row included.

    X is in time order. `fit`, `predict` and `predict_proba` take `segment=`: no window crosses a change of
    id. Rows without a full window are NaN in `predict_proba`, masked in `predict`, and left out of training
    (`left_out_`).

    Parameters
    ----------
    hidden_dim, num_layers, lookback : int
    dropout, weight_decay, label_smoothing, learning_rate, batch_size, max_epochs, patience, min_delta,
    clip_norm, schedule
        See `smctrain.models.lstm.LSTMTrainer`.
    class_weight : "balanced", dict or None
    random_state : int, RandomState, Generator or None
    n_jobs : int or None
        Accepted for uniformity; one fit uses one thread.
    """

    _family: ClassVar[str] = "LSTM"

    def __init__(
        self,
        hidden_dim: int = 64,
        *,
        num_layers: int = 1,
        lookback: int = 10,
        dropout: float = 0.5,
        weight_decay: float = 0.0001,
        label_smoothing: float = 0.0,
        learning_rate: float = 0.0005,
        batch_size: int = 16,
        max_epochs: int = 30,
        patience: int = 15,
        min_delta: float = 0.0,
        clip_norm: float = 1.0,
        class_weight: str | dict[Any, float] | None = "balanced",
        schedule: str = "constant",
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.hidden_dim = hidden_dim
        self.num_layers = num_layers
        self.lookback = lookback
        self.dropout = dropout
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.patience = patience
        self.min_delta = min_delta
        self.clip_norm = clip_norm
        self.class_weight = class_weight
        self.schedule = schedule
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _make_trainer(self) -> Trainer:
        from smctrain.models.lstm import LSTMTrainer

        return LSTMTrainer(
            hidden_dim=self.hidden_dim,
            num_layers=self.num_layers,
            lookback=self.lookback,
            dropout=self.dropout,
            weight_decay=self.weight_decay,
            label_smoothing=self.label_smoothing,
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            max_epochs=self.max_epochs,
            patience=self.patience,
            min_delta=self.min_delta,
            clip_norm=self.clip_norm,
            class_weight=None if isinstance(self.class_weight, dict) else self.class_weight,
            schedule=self.schedule,
        )

    @property
    def left_out_(self) -> int:
        """Training rows without a full window."""
        return int(self.fitted_.left_out)  # type: ignore[attr-defined]
