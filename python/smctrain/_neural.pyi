"""
Native neural families of smctrain. Use smctrain.models, not this module.
"""

from __future__ import annotations
import numpy
import numpy.typing
import typing

__all__: list[str] = [
    "gan_critic_gradient",
    "gan_fit",
    "gan_generator_gradient",
    "gan_rows",
    "neural_cuda",
    "neural_fit",
    "neural_full_windows",
    "neural_gather_windows",
    "neural_gradient",
    "neural_meta_adapt",
    "neural_meta_fit",
    "table_coverage",
    "table_energy_distance",
    "table_nearest",
    "torch_minor",
]

def gan_critic_gradient(
    shape: dict,
    penalty: typing.SupportsFloat | typing.SupportsIndex,
    critic: dict,
    real: numpy.ndarray,
    made: numpy.ndarray,
    y: numpy.ndarray,
    mix: numpy.ndarray,
) -> tuple[float, dict]:
    """
    Loss and gradient of one critic step.
    """

def gan_fit(
    X: numpy.ndarray,
    y: numpy.ndarray,
    rows: numpy.ndarray,
    judged: numpy.ndarray,
    shape: dict,
    settings: dict,
    seed: typing.SupportsInt | typing.SupportsIndex,
    stop: typing.Any,
    time_limit_s: typing.SupportsFloat | typing.SupportsIndex,
    progress: typing.Any,
) -> dict:
    """
    Trains a generator of rows; returns arrays, history, alarms, stop_reason, best_step, best_distance.
    """

def gan_generator_gradient(
    shape: dict, generator: dict, critic: dict, noise: numpy.ndarray, y: numpy.ndarray
) -> tuple[float, dict]:
    """
    Loss and gradient of one generator step.
    """

def gan_rows(
    shape: dict, arrays: dict, y: numpy.ndarray, seed: typing.SupportsInt | typing.SupportsIndex
) -> numpy.typing.NDArray[numpy.float32]:
    """
    Rows for classes y (n, columns).
    """

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

def table_coverage(a: numpy.ndarray, b: numpy.ndarray, k: typing.SupportsInt | typing.SupportsIndex) -> float:
    """
    Share of a's rows whose k-neighbour ball holds a row of b.
    """

def table_energy_distance(a: numpy.ndarray, b: numpy.ndarray) -> float:
    """
    Energy coefficient of two samples, 0 (alike) to 1.
    """

def table_nearest(a: numpy.ndarray, b: numpy.ndarray, own: numpy.ndarray) -> numpy.typing.NDArray[numpy.float64]:
    """
    Distance of each row of a to the nearest row of b, own (a row of b for each row of a) left out.
    """

__version__: str = "0.1.0"
torch_minor: str = "2.13"
