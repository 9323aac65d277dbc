"""Networks with scikit-learn's face. They need scaled columns: put a scaler in front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from sklearn.utils.validation import check_is_fitted

from smctrain.models.base import Trainer
from smctrain.models.estimators._base import NativeClassifier, NativeSequenceClassifier
from smctrain.models.estimators._regressor import NativeRegressor, NativeSequenceRegressor


# The constructors only store what they are given, which is what a dataclass writes; scikit-learn reads their
# signatures. Comparing and printing stay scikit-learn's.
class _Trained:
    """What was learned, epoch by epoch."""

    @property
    def device_(self) -> str:
        """Where it was trained: "cpu" or "cuda"."""
        return str(self.fitted_.device)  # type: ignore[attr-defined]

    def plot_history(self, ax: Any = None) -> Any:
        """Draw the epochs: loss, accuracy (a classifier) and learning rate, with the epoch whose weights were kept.

        Parameters
        ----------
        ax : sequence of matplotlib Axes, optional
            One for each panel, three for a classifier and two for a regressor; a figure of its own by default.

        Returns
        -------
        matplotlib Figure
        """
        from smctrain.models._history_plot import plot_history

        check_is_fitted(self)
        return plot_history(self.fitted_, ax)  # type: ignore[attr-defined]


@dataclass(repr=False, eq=False, kw_only=True)
class _NetParameters(_Trained):
    """Parameters of the training loop."""

    dropout: float = 0.4
    weight_decay: float = 0.001
    learning_rate: float = 0.001
    batch_size: int = 64
    max_epochs: int = 50
    patience: int = 8
    min_delta: float = 0.0
    clip_norm: float = 1.0
    schedule: str = "constant"
    optimizer: str = "adamw"
    momentum: float = 0.9
    plateau_epochs: int = 3
    decay: float = 0.95
    min_learning_rate: float = 0.0
    warmup_epochs: float = 0.0
    visible_from: Sequence[int] | Mapping[str, int] | None = None
    freeze_layers: int = 0
    freeze_after: int = 0
    nan_recoveries: int = 2
    restarts: int = 0
    mode: str = "standard"
    device: str = "auto"
    random_state: Any = None
    n_jobs: int | None = None

    def _settings(self) -> dict[str, Any]:
        """What the trainer takes of the parameters."""
        settings = {item.name: getattr(self, item.name) for item in fields(self)}
        del settings["random_state"], settings["n_jobs"]
        if isinstance(settings.get("class_weight"), dict):  # already in the row weights
            settings["class_weight"] = None
        return settings


@dataclass(repr=False, eq=False, kw_only=True)
class _ClassifierParameters(_NetParameters):
    label_smoothing: float = 0.0
    class_weight: str | dict[Any, float] | None = "balanced"
    calibration: str | None = None


@dataclass(repr=False, eq=False, kw_only=True)
class _RegressorParameters(_NetParameters):
    loss: str = "squared"


class _LooksBack:
    @property
    def left_out_(self) -> int:
        """Training rows without a full window."""
        return int(self.fitted_.left_out)  # type: ignore[attr-defined]


@dataclass(repr=False, eq=False)
class _Layers:
    hidden_dims: Sequence[int] = (256, 128, 64)

    def _make_trainer(self) -> Trainer:
        from smctrain.models.neural_network import NeuralNetworkTrainer

        return NeuralNetworkTrainer(**self._settings())  # type: ignore[attr-defined]


@dataclass(repr=False, eq=False)
class _Windows(_LooksBack):
    hidden_dim: int = 64
    num_layers: int = field(default=1, kw_only=True)
    lookback: int = field(default=10, kw_only=True)
    dropout: float = field(default=0.5, kw_only=True)
    weight_decay: float = field(default=0.0001, kw_only=True)
    learning_rate: float = field(default=0.0005, kw_only=True)
    batch_size: int = field(default=16, kw_only=True)
    max_epochs: int = field(default=30, kw_only=True)
    patience: int = field(default=15, kw_only=True)

    _family: ClassVar[str]

    def _make_trainer(self) -> Trainer:
        from smctrain.models.registry import make_trainer

        return make_trainer(self._family, self._settings())  # type: ignore[attr-defined]


@dataclass(repr=False, eq=False)
class _Convolutions(_LooksBack):
    channels: Sequence[int] = (32, 32, 32)
    kernel_size: int = field(default=3, kw_only=True)
    lookback: int = field(default=20, kw_only=True)
    dropout: float = field(default=0.3, kw_only=True)

    def _make_trainer(self) -> Trainer:
        from smctrain.models.cnn1d import CNN1DTrainer

        return CNN1DTrainer(**self._settings())  # type: ignore[attr-defined]


@dataclass(repr=False, eq=False)
class _Attention(_LooksBack):
    d_model: int = 32
    num_heads: int = field(default=4, kw_only=True)
    num_layers: int = field(default=2, kw_only=True)
    feed_forward: int = field(default=64, kw_only=True)
    lookback: int = field(default=20, kw_only=True)
    dropout: float = field(default=0.2, kw_only=True)
    weight_decay: float = field(default=0.01, kw_only=True)
    patience: int = field(default=15, kw_only=True)
    warmup_epochs: float = field(default=1.0, kw_only=True)

    def _make_trainer(self) -> Trainer:
        from smctrain.models.transformer import TransformerTrainer

        return TransformerTrainer(**self._settings())  # type: ignore[attr-defined]


@dataclass(repr=False, eq=False)
class MLPClassifier(_Layers, _ClassifierParameters, NativeClassifier):
    """Multi-layer perceptron: blocks of Linear, BatchNorm, ReLU and Dropout, then Linear.

    Parameters
    ----------
    hidden_dims : sequence of int
        Width of each block.
    class_weight : "balanced", dict or None
    random_state : int, RandomState, Generator or None
    n_jobs : int or None
        Accepted for uniformity; one fit uses one thread.
    other parameters
        See `smctrain.models.neural_network.NeuralNetworkTrainer`. Early stopping and `calibration` need `X_val`,
        `y_val` in `fit`.
    """

    label_smoothing: float = field(default=0.2, kw_only=True)

    _family: ClassVar[str] = "NeuralNetwork"


@dataclass(repr=False, eq=False)
class MLPRegressor(_Layers, _RegressorParameters, NativeRegressor):
    """Multi-layer perceptron for numbers; parameters as of `MLPClassifier`, and `loss`, "squared" or "huber". The
    target is standardised inside, so that the rate suits any unit."""

    _family: ClassVar[str] = "NeuralNetwork"


@dataclass(repr=False, eq=False)
class LSTMClassifier(_Windows, _ClassifierParameters, NativeSequenceClassifier):
    """LSTM over the last `lookback` rows, the decision row included.

    X is in time order. `fit`, `predict` and `predict_proba` take `segment=`: no window crosses a change of
    id. Rows without a full window are NaN in `predict_proba`, masked in `predict`, and left out of training
    (`left_out_`).

    Parameters
    ----------
    hidden_dim, num_layers, lookback : int
    class_weight : "balanced", dict or None
    random_state : int, RandomState, Generator or None
    n_jobs : int or None
        Accepted for uniformity; one fit uses one thread.
    other parameters
        See `smctrain.models.lstm.LSTMTrainer`.
    """

    _family: ClassVar[str] = "LSTM"


@dataclass(repr=False, eq=False)
class LSTMRegressor(_Windows, _RegressorParameters, NativeSequenceRegressor):
    """LSTM for numbers; parameters as of `LSTMClassifier`, and `loss`, "squared" or "huber". Rows without a full
    window are masked in `predict`."""

    _family: ClassVar[str] = "LSTM"


@dataclass(repr=False, eq=False)
class GRUClassifier(_Windows, _ClassifierParameters, NativeSequenceClassifier):
    """GRU over the last `lookback` rows, the decision row included; parameters as of `LSTMClassifier`."""

    _family: ClassVar[str] = "GRU"


@dataclass(repr=False, eq=False)
class GRURegressor(_Windows, _RegressorParameters, NativeSequenceRegressor):
    """GRU for numbers; parameters as of `LSTMRegressor`."""

    _family: ClassVar[str] = "GRU"


@dataclass(repr=False, eq=False)
class CNN1DClassifier(_Convolutions, _ClassifierParameters, NativeSequenceClassifier):
    """Causal convolutions along time over the last `lookback` rows, the decision row included.

    Parameters
    ----------
    channels : sequence of int
        Width of each layer; the step between taps doubles from layer to layer.
    kernel_size : int
    lookback : int
    other parameters
        See `smctrain.models.cnn1d.CNN1DTrainer`; `segment=` and rows without a full window as of `LSTMClassifier`.
    """

    _family: ClassVar[str] = "CNN1D"


@dataclass(repr=False, eq=False)
class CNN1DRegressor(_Convolutions, _RegressorParameters, NativeSequenceRegressor):
    """Causal convolutions for numbers; parameters as of `CNN1DClassifier`, and `loss`, "squared" or "huber"."""

    _family: ClassVar[str] = "CNN1D"


@dataclass(repr=False, eq=False)
class TransformerClassifier(_Attention, _ClassifierParameters, NativeSequenceClassifier):
    """Causal attention along time over the last `lookback` rows, the decision row included.

    Parameters
    ----------
    d_model : int
        Numbers a bar is mapped to.
    num_heads : int
        Divides `d_model`.
    num_layers, feed_forward, lookback : int
    other parameters
        See `smctrain.models.transformer.TransformerTrainer`; `segment=` and rows without a full window as of
        `LSTMClassifier`.
    """

    _family: ClassVar[str] = "Transformer"


@dataclass(repr=False, eq=False)
class TransformerRegressor(_Attention, _RegressorParameters, NativeSequenceRegressor):
    """Causal attention for numbers; parameters as of `TransformerClassifier`, and `loss`, "squared" or "huber"."""

    _family: ClassVar[str] = "Transformer"
