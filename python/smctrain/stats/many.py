"""Many tests or many configurations at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from smctrain._load import core
from smctrain.exceptions import InputError
from smctrain.stats.uncertainty import _vector


def benjamini_hochberg(p: npt.ArrayLike, q: float) -> npt.NDArray[np.bool_]:
    """Which tests are accepted at false discovery rate `q`; (S,) bool in the order given."""
    return np.asarray(core().benjamini_hochberg(_vector(p, "p"), float(q))).astype(np.bool_)


def e_benjamini_hochberg(e: npt.ArrayLike, q: float) -> npt.NDArray[np.bool_]:
    """Benjamini-Hochberg on e-values: valid under any dependence between the tests."""
    return np.asarray(core().e_benjamini_hochberg(_vector(e, "e"), float(q))).astype(np.bool_)


class Combined(NamedTuple):
    z: float
    p: float


def stouffer(p: npt.ArrayLike, n: npt.ArrayLike) -> Combined:
    """Combines independent p-values found on `n` rows each, with weights sqrt(n).

    p is clipped to [1e-6, 1 - 1e-6].
    """
    rows = _vector(n, "n")
    if not bool(np.all(rows >= 0.0)):
        raise InputError("n must not be negative.")
    return Combined(*core().stouffer(_vector(p, "p"), np.sqrt(rows)))


@dataclass(frozen=True)
class Pbo:
    """Outcome of `pbo`."""

    value: float
    """Share of splits in which the in-sample winner ends in the worse half out of sample."""
    logits: npt.NDArray[np.float64]

    def __float__(self) -> float:
        return self.value


def pbo(matrix: npt.ArrayLike, n_blocks: int = 16, horizon: int = 0) -> Pbo:
    """Probability of backtest overfitting (CSCV) of a (periods, configurations) matrix of performance.

    `horizon` rows before each block border are left out, because their labels reach across it. About 0.5 on
    noise and also when all configurations are equally good, so it is reported and never decides.
    """
    values = np.ascontiguousarray(np.asarray(matrix, dtype=np.float64))
    if values.ndim != 2:
        raise InputError(f"matrix must have shape (periods, configurations), but has shape {values.shape}.")
    value, logits = core().pbo(values, int(n_blocks), int(horizon))
    return Pbo(value, logits)
