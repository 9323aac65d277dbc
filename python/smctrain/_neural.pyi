"""
Native neural families of smctrain. Use smctrain.models, not this module.
"""

from __future__ import annotations
import numpy
import numpy.typing
import typing

__all__: list[str] = [
    "neural_cuda",
    "neural_fit",
    "neural_full_windows",
    "neural_gather_windows",
    "neural_gradient",
    "neural_meta_adapt",
    "neural_meta_fit",
    "torch_minor",
]

def neural_cuda() -> tuple[bool, str]:
    """
    (whether LibTorch has a CUDA device that works, its name or what was found instead).
    """

def neural_fit(
    X: numpy.ndarray,
    y: numpy.ndarray,
    rows: numpy.ndarray,
    stop_rows: numpy.ndarray,
    weight: typing.Any,
    segment: typing.Any,
    shape: dict,
    settings: dict,
    seed: typing.SupportsInt | typing.SupportsIndex,
    stop: typing.Any,
    time_limit_s: typing.SupportsFloat | typing.SupportsIndex,
    progress: typing.Any,
) -> dict:
    """
    Trains one network; returns arrays, history, alarms, stop_reason, best_epoch, best_loss, left_out.
    """

def neural_full_windows(
    rows: numpy.ndarray,
    segment: typing.Any,
    n_rows: typing.SupportsInt | typing.SupportsIndex,
    lookback: typing.SupportsInt | typing.SupportsIndex,
) -> numpy.typing.NDArray[numpy.int64]:
    """
    The rows that have a full window of `lookback` rows ending with them inside one segment.
    """

def neural_gather_windows(
    X: numpy.ndarray, rows: numpy.ndarray, lookback: typing.SupportsInt | typing.SupportsIndex
) -> numpy.ndarray:
    """
    Windows of some rows, (lookback, batch, columns).
    """

def neural_gradient(
    X: numpy.ndarray,
    y: numpy.ndarray,
    rows: numpy.ndarray,
    weight: typing.Any,
    segment: typing.Any,
    shape: dict,
    settings: dict,
    arrays: dict,
) -> tuple[float, dict]:
    """
    Loss and gradient of one batch of all rows; dropout is drawn from seed 0.
    """

def neural_meta_adapt(
    X: numpy.ndarray,
    y: numpy.ndarray,
    rows: numpy.ndarray,
    weight: typing.Any,
    shape: dict,
    settings: dict,
    meta: dict,
    arrays: dict,
    target_mean: typing.SupportsFloat | typing.SupportsIndex,
    target_scale: typing.SupportsFloat | typing.SupportsIndex,
) -> dict:
    """
    Named arrays after adaptation to some rows, answering in units of y.
    """

def neural_meta_fit(
    X: numpy.ndarray,
    y: numpy.ndarray,
    rows: numpy.ndarray,
    weight: typing.Any,
    group: numpy.ndarray,
    t1: typing.Any,
    shape: dict,
    settings: dict,
    meta: dict,
    seed: typing.SupportsInt | typing.SupportsIndex,
    stop: typing.Any,
    time_limit_s: typing.SupportsFloat | typing.SupportsIndex,
    progress: typing.Any,
) -> dict:
    """
    Meta-learns one initialisation across groups; returns arrays, history, alarms, held_out, too_short.
    """

__version__: str = "0.1.0"
torch_minor: str = "2.13"
