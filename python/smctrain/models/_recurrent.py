"""What LSTM and GRU share: settings of layers and windows, and the fit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from smctrain.models._neural_common import FittedNet, NetShape, fit_network
from smctrain.models._neural_settings import NetSettings, Problems
from smctrain.models.base import FitTask


@dataclass(frozen=True)
class RecurrentSettings(NetSettings):
    """Settings of a recurrent network over windows of rows.

    Parameters
    ----------
    hidden_dim, num_layers : int
        Width and number of layers.
    lookback : int
        Rows of a window, the decision row included.
    dropout : float
        On the output of the last step, and between layers where there are several.
    other settings
        See `NetSettings`.

    Raises
    ------
    InputError
        Lists every wrong setting.
    """

    hidden_dim: int = 64
    num_layers: int = 1
    lookback: int = 10
    dropout: float = field(default=0.5, kw_only=True)
    weight_decay: float = field(default=0.0001, kw_only=True)
    learning_rate: float = field(default=0.0005, kw_only=True)
    batch_size: int = field(default=16, kw_only=True)
    max_epochs: int = field(default=30, kw_only=True)
    patience: int = field(default=15, kw_only=True)

    is_sequence: ClassVar[bool] = True
    _has_fast_mode: ClassVar[bool] = True
    _kind: ClassVar[str]
    _fitted: ClassVar[type[FittedNet]]

    def _check(self, problems: Problems) -> None:
        problems.integer("hidden_dim", self.hidden_dim, 1, 65_536)
        problems.integer("num_layers", self.num_layers, 1, 64)
        problems.integer("lookback", self.lookback, 1, 10_000)
        super()._check(problems)

    def fit(self, task: FitTask) -> Any:
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
        shape = NetShape(self._kind, int(task.X.shape[1]), hidden, int(self.lookback), int(task.n_classes))
        return self._fitted._of_fit(shape, fit_network(self, task, shape))
