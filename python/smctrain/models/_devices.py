"""Where a network is trained: the CPU or a CUDA device.

What "auto" goes by is the work of one step: learned weights x rows of a batch x rows of a window. Below the limit it
does not even look for a device. A step on a device takes its launches and copies, one to a few milliseconds, however
small the net is; a core at about 50 GFLOP/s does six operations for each weight and row, so it needs as long for some
32 million of them. The Transformer's steps on the CPU are LibTorch's too, with overheads of their own, and break even
at about a quarter. Both numbers are estimates, not measurements of a device.
"""

from __future__ import annotations

import functools

from smctrain import _load
from smctrain.exceptions import InputError


@functools.cache
def _cuda() -> tuple[bool, str]:
    """Whether LibTorch has a CUDA device that works, and what was found."""
    works, words = _load.neural_devices().neural_cuda()
    return bool(works), str(words)


WORK_FOR_A_DEVICE = 32_000_000
WORK_OF_A_TRANSFORMER = 8_000_000


def choose_device(device: str, work: int = WORK_FOR_A_DEVICE, enough: int = WORK_FOR_A_DEVICE) -> tuple[str, str]:
    """The device to train on, "cpu" or "cuda", and why.

    Parameters
    ----------
    device : "auto", "cpu" or "cuda"
        "cuda" is taken at its word, however small the net is.
    work, enough : int
        Weights x rows of a step, and from how many on "auto" looks for a device.

    Raises
    ------
    InputError
        "cuda" was asked for, but there is no device that works; says what was found.
    """
    if device == "cpu":
        return "cpu", "asked for"
    if device == "auto" and work < enough:
        return "cpu", f"a step is {work:,} weights x rows, and auto looks for a device from {enough:,} on"
    works, words = _cuda()
    if works:
        return "cuda", words
    if device == "cuda":
        raise InputError(
            f'device is "cuda", but {words}. Install a CUDA build of torch 2.13 and a driver, or use device="auto".'
        )
    return "cpu", words
