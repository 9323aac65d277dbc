"""LSTM over windows of bars: the window ends with the decision bar and never crosses a segment.

Source: Hochreiter and Schmidhuber, "Long short-term memory", Neural Computation 9 (1997), with forget gates.

>>> trainer = LSTMTrainer(lookback=20)
>>> fitted = trainer.fit(task)                                    # doctest: +SKIP
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from smctrain.models._neural_common import FittedNet
from smctrain.models._recurrent import RecurrentSettings


class FittedLSTM(FittedNet):
    """A trained LSTM; see `FittedNet`. `left_out` counts training rows without a full window."""

    family: ClassVar[str] = "LSTM"
    _kind: ClassVar[str] = "lstm"


@dataclass(frozen=True)
class LSTMTrainer(RecurrentSettings):
    __doc__ = RecurrentSettings.__doc__

    family: ClassVar[str] = "LSTM"
    _kind: ClassVar[str] = "lstm"
    _fitted: ClassVar[type[FittedNet]] = FittedLSTM
