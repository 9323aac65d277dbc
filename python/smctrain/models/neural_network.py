"""Multi-layer perceptron: blocks of Linear, BatchNorm, ReLU and Dropout, then Linear.

>>> trainer = NeuralNetworkTrainer(hidden_dims=(64, 32))
>>> fitted = trainer.fit(task)                                    # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from smctrain.models._neural_common import FittedNet, NetShape, fit_network
from smctrain.models._neural_settings import NetSettings, Problems
from smctrain.models.base import FitTask


class FittedMLP(FittedNet):
    """A trained multi-layer perceptron; see `FittedNet`."""

    family: ClassVar[str] = "NeuralNetwork"
    _kind: ClassVar[str] = "mlp"


@dataclass(frozen=True)
class NeuralNetworkTrainer(NetSettings):
    """Settings of the multi-layer perceptron.

    Parameters
    ----------
    hidden_dims : sequence of int
        Width of each block.
    dropout : float
        After each ReLU.
    other settings
        See `NetSettings`.

    Raises
    ------
    InputError
        Lists every wrong setting.
    """

    hidden_dims: Sequence[int] = (256, 128, 64)
    label_smoothing: float = field(default=0.2, kw_only=True)

    family: ClassVar[str] = "NeuralNetwork"
    _has_fast_mode: ClassVar[bool] = True

    def _check(self, problems: Problems) -> None:
        problems.widths("hidden_dims", self.hidden_dims)
        super()._check(problems)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "hidden_dims", tuple(int(width) for width in self.hidden_dims))

    def fit(self, task: FitTask) -> FittedMLP:
        """Train on the task's rows; X scaled and imputed by the caller.

        Raises
        ------
        InputError
            X is not finite in a used row (column and row named), or a label or weight is out of range.
        TooFewRows, OneClass
            There is nothing to learn from.
        """
        shape = NetShape("mlp", int(task.X.shape[1]), tuple(self.hidden_dims), 1, int(task.n_classes))
        return FittedMLP._of_fit(shape, fit_network(self, task, shape))
