"""LSTM over windows of bars: the window ends with the decision bar and never crosses a segment.

>>> trainer = LSTMTrainer(lookback=20)
>>> fitted = trainer.fit(task)                                    # doctest: +SKIP
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from smctrain.models._neural_common import FittedNet, NetShape, Problems, fit_network, plain_settings
from smctrain.models.base import FitTask


class FittedLSTM(FittedNet):
    """A trained LSTM; see `FittedNet`. `left_out` counts training rows without a full window."""

    family: ClassVar[str] = "LSTM"
    _kind: ClassVar[str] = "lstm"


@dataclass(frozen=True)
class LSTMTrainer:
    """Settings of the LSTM.

    Parameters
    ----------
    hidden_dim, num_layers : int
        Width and number of layers.
    lookback : int
        Rows of a window, the decision row included.
    dropout : float
        On the output of the last step, and between layers where there are several.
    weight_decay, learning_rate, label_smoothing, batch_size, max_epochs, patience, min_delta, clip_norm,
    class_weight, schedule
        As in `NeuralNetworkTrainer`.

    Raises
    ------
    InputError
        Lists every wrong setting.
    """

    hidden_dim: int = 64
    num_layers: int = 1
    lookback: int = 10
    dropout: float = 0.5
    weight_decay: float = 0.0001
    label_smoothing: float = 0.0
    learning_rate: float = 0.0005
    batch_size: int = 16
    max_epochs: int = 30
    patience: int = 15
    min_delta: float = 0.0
    clip_norm: float = 1.0
    class_weight: str | None = "balanced"
    schedule: str = "constant"

    family: ClassVar[str] = "LSTM"
    needs_scaling: ClassVar[bool] = True
    is_sequence: ClassVar[bool] = True
    uses_stop_rows: ClassVar[bool] = True

    def __post_init__(self) -> None:
        problems = Problems("LSTM")
        problems.integer("hidden_dim", self.hidden_dim, 1, 65_536)
        problems.integer("num_layers", self.num_layers, 1, 64)
        problems.integer("lookback", self.lookback, 1, 10_000)
        problems.training(self)
        problems.raise_if_any()

    def settings(self) -> dict[str, Any]:
        """Plain settings, for metadata and hashes."""
        return plain_settings(self)

    def fit(self, task: FitTask) -> FittedLSTM:
        """Train on the task's rows that have a full window; X scaled and imputed by the caller. A window may
        look back at rows that are not training rows: it reads their features, never their labels.

        Raises
        ------
        InputError
            X is not finite in a row some window uses (column and row named).
        TooFewRows, OneClass
            There is nothing to learn from.
        """
        hidden = (int(self.hidden_dim),) * int(self.num_layers)
        shape = NetShape("lstm", int(task.X.shape[1]), hidden, int(self.lookback), int(task.n_classes))
        return FittedLSTM._of_fit(shape, fit_network(self, task, shape))
