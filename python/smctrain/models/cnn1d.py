"""Causal convolutions over windows of bars: the window ends with the decision bar and never crosses a segment.

The convolution runs along the true time axis: each tap looks at one bar of the window, the newest tap at the bar
itself, and nothing ever looks ahead. From layer to layer the step between taps doubles, so that few layers see far.
Source: Bai, Kolter and Koltun, "An empirical evaluation of generic convolutional and recurrent networks for sequence
modeling" (2018), without the residual blocks.

>>> trainer = CNN1DTrainer(lookback=20)
>>> fitted = trainer.fit(task)                                    # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from smctrain.models._neural_common import FittedNet, NetShape, fit_network
from smctrain.models._neural_settings import NetSettings, Problems
from smctrain.models.base import FitTask


class FittedCNN1D(FittedNet):
    """A trained convolutional network; see `FittedNet`. `left_out` counts training rows without a full window."""

    family: ClassVar[str] = "CNN1D"
    _kind: ClassVar[str] = "cnn"


@dataclass(frozen=True)
class CNN1DTrainer(NetSettings):
    """Settings of the convolutional network.

    Parameters
    ----------
    channels : sequence of int
        Width of each layer. Layer i (from 0) sees `(kernel_size - 1) * 2**i` bars further back than the one below.
    kernel_size : int
        Taps of each convolution.
    lookback : int
        Rows of a window, the decision row included; zeros (scaled means) stand before it.
    dropout : float
        After each ReLU.
    other settings
        See `NetSettings`.

    Raises
    ------
    InputError
        Lists every wrong setting.
    """

    channels: Sequence[int] = (32, 32, 32)
    kernel_size: int = field(default=3, kw_only=True)
    lookback: int = field(default=20, kw_only=True)
    dropout: float = field(default=0.3, kw_only=True)

    family: ClassVar[str] = "CNN1D"
    is_sequence: ClassVar[bool] = True

    def _check(self, problems: Problems) -> None:
        problems.widths("channels", self.channels)
        problems.integer("kernel_size", self.kernel_size, 1, 1000)
        problems.integer("lookback", self.lookback, 1, 10_000)
        super()._check(problems)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "channels", tuple(int(width) for width in self.channels))

    def fit(self, task: FitTask) -> FittedCNN1D:
        """Train on the task's rows that have a full window; X scaled and imputed by the caller. A window may look back
        at rows that are not training rows: it reads their features, never their labels.

        Raises
        ------
        InputError
            X is not finite in a row some window uses (column and row named).
        TooFewRows, OneClass
            There is nothing to learn from.
        """
        shape = NetShape(
            "cnn", int(task.X.shape[1]), tuple(self.channels), int(self.lookback), int(task.n_classes),
            int(self.kernel_size),
        )  # fmt: skip
        return FittedCNN1D._of_fit(shape, fit_network(self, task, shape))
