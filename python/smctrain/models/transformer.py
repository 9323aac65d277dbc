"""A Transformer over windows of bars: causal attention along the true time axis.

One token is one bar: its columns are mapped to `d_model` numbers and a learned vector of the bar's place in the window
is added. Layers of attention and feed-forward maps follow, with the norm before either; a bar attends to itself and to
earlier bars of the window. The last bar, the decision bar, answers. Trained by LibTorch with autograd; prediction uses
plain native loops. Sources: Vaswani et al., "Attention is all you need" (2017); Xiong et al., "On layer normalization
in the transformer architecture" (2020).

>>> trainer = TransformerTrainer(lookback=20)
>>> fitted = trainer.fit(task)                                    # doctest: +SKIP
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from smctrain.models._neural_common import FittedNet, NetShape, fit_network
from smctrain.models._neural_settings import NetSettings, Problems
from smctrain.models.base import FitTask


class FittedTransformer(FittedNet):
    """A trained Transformer; see `FittedNet`. `left_out` counts training rows without a full window."""

    family: ClassVar[str] = "Transformer"
    _kind: ClassVar[str] = "transformer"


@dataclass(frozen=True)
class TransformerTrainer(NetSettings):
    """Settings of the Transformer.

    Parameters
    ----------
    d_model : int
        Numbers a bar is mapped to.
    num_heads : int
        Heads of attention; divides `d_model`.
    num_layers : int
    feed_forward : int
        Width between the two maps of a layer's second half.
    lookback : int
        Rows of a window, the decision row included.
    dropout : float
        On the embedded bars, on what either half of a layer adds, and after the GELU.
    warmup_epochs : float
        Attention is unstable at a full rate from the start.
    other settings
        See `NetSettings`.

    Raises
    ------
    InputError
        Lists every wrong setting.
    """

    d_model: int = 32
    num_heads: int = field(default=4, kw_only=True)
    num_layers: int = field(default=2, kw_only=True)
    feed_forward: int = field(default=64, kw_only=True)
    lookback: int = field(default=20, kw_only=True)
    dropout: float = field(default=0.2, kw_only=True)
    weight_decay: float = field(default=0.01, kw_only=True)
    patience: int = field(default=15, kw_only=True)
    warmup_epochs: float = field(default=1.0, kw_only=True)

    family: ClassVar[str] = "Transformer"
    is_sequence: ClassVar[bool] = True
    _kind: ClassVar[str] = "transformer"

    def _check(self, problems: Problems) -> None:
        problems.integer("d_model", self.d_model, 1, 65_536)
        problems.integer("num_heads", self.num_heads, 1, 65_536)
        if not problems.found and self.d_model % self.num_heads != 0:
            problems.found.append(f"num_heads must divide d_model ({self.d_model}), but is {self.num_heads}")
        problems.integer("num_layers", self.num_layers, 1, 64)
        problems.integer("feed_forward", self.feed_forward, 1, 65_536)
        problems.integer("lookback", self.lookback, 1, 10_000)
        super()._check(problems)

    def fit(self, task: FitTask) -> FittedTransformer:
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
            self._kind, int(task.X.shape[1]), (int(self.d_model),) * int(self.num_layers), int(self.lookback),
            int(task.n_classes), num_heads=int(self.num_heads), feed_forward=int(self.feed_forward),
        )  # fmt: skip
        return FittedTransformer._of_fit(shape, fit_network(self, task, shape))
