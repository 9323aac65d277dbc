"""Multi-layer perceptron: blocks of Linear, BatchNorm, ReLU and Dropout, then Linear.

>>> trainer = NeuralNetworkTrainer(hidden_dims=(64, 32))
>>> fitted = trainer.fit(task)                                    # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from smctrain.models._neural_common import FittedNet, NetShape, Problems, fit_network, plain_settings
from smctrain.models.base import FitTask


class FittedMLP(FittedNet):
    """A trained multi-layer perceptron; see `FittedNet`."""

    family: ClassVar[str] = "NeuralNetwork"
    _kind: ClassVar[str] = "mlp"


@dataclass(frozen=True)
class NeuralNetworkTrainer:
    """Settings of the multi-layer perceptron.

    Parameters
    ----------
    hidden_dims : sequence of int
        Width of each block.
    dropout : float
        Share of units switched off in training, after each ReLU (rounded to 1/65536).
    weight_decay, learning_rate : float
        Of AdamW.
    label_smoothing : float
        s: targets are (1 - s) * onehot + s / n_classes, in training and in the validation loss.
    batch_size : int
        Rows of a step; a rest of one row joins the batch before it.
    max_epochs : int
    patience : int
        Epochs without a better validation loss (by more than `min_delta`) before the fit ends. The best
        weights are put back. Without stop rows, all epochs are run.
    clip_norm : float
        Gradients longer than this are shortened to it; 0: never. The history holds the length before.
    class_weight : "balanced" or None
        "balanced": n / (classes present * rows of the class), times the row weights.
    schedule : "constant" or "plateau"
        "plateau": halve the learning rate after 3 epochs without a better validation loss.

    Raises
    ------
    InputError
        Lists every wrong setting.
    """

    hidden_dims: Sequence[int] = (256, 128, 64)
    dropout: float = 0.4
    weight_decay: float = 0.001
    label_smoothing: float = 0.2
    learning_rate: float = 0.001
    batch_size: int = 64
    max_epochs: int = 50
    patience: int = 8
    min_delta: float = 0.0
    clip_norm: float = 1.0
    class_weight: str | None = "balanced"
    schedule: str = "constant"

    family: ClassVar[str] = "NeuralNetwork"
    needs_scaling: ClassVar[bool] = True
    is_sequence: ClassVar[bool] = False
    uses_stop_rows: ClassVar[bool] = True

    def __post_init__(self) -> None:
        problems = Problems("NeuralNetwork")
        widths = self.hidden_dims
        if isinstance(widths, (str, bytes)) or not hasattr(widths, "__len__") or not 1 <= len(widths) <= 64:
            problems.found.append(f"hidden_dims must list 1 to 64 widths, but is {widths!r}")
        else:
            for i, width in enumerate(widths):
                problems.integer(f"hidden_dims[{i}]", width, 1, 65_536)
        problems.training(self)
        problems.raise_if_any()
        object.__setattr__(self, "hidden_dims", tuple(int(width) for width in widths))

    def settings(self) -> dict[str, Any]:
        """Plain settings, for metadata and hashes."""
        return plain_settings(self)

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
