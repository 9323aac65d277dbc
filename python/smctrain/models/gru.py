"""GRU over windows of bars: the window ends with the decision bar and never crosses a segment.

Source: Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014, with the reset gate behind
the recurrent product, as in PyTorch and cuDNN.

>>> trainer = GRUTrainer(lookback=20)
>>> fitted = trainer.fit(task)                                    # doctest: +SKIP
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from smctrain.models._neural_common import FittedNet
from smctrain.models._recurrent import RecurrentSettings


class FittedGRU(FittedNet):
    """A trained GRU; see `FittedNet`. `left_out` counts training rows without a full window."""

    family: ClassVar[str] = "GRU"
    _kind: ClassVar[str] = "gru"


@dataclass(frozen=True)
class GRUTrainer(RecurrentSettings):
    __doc__ = RecurrentSettings.__doc__

    family: ClassVar[str] = "GRU"
    _kind: ClassVar[str] = "gru"
    _fitted: ClassVar[type[FittedNet]] = FittedGRU
