"""Where a network is trained: the CPU or a CUDA device."""

from __future__ import annotations

import functools

from smctrain import _load
from smctrain.exceptions import InputError


@functools.cache
def _cuda() -> tuple[bool, str]:
    """Whether LibTorch has a CUDA device that works, and what was found."""
    works, words = _load.neural_devices().neural_cuda()
    return bool(works), str(words)


def choose_device(device: str) -> tuple[str, str]:
    """The device to train on, "cpu" or "cuda", and why.

    Raises
    ------
    InputError
        "cuda" was asked for, but there is no device that works; says what was found.
    """
    if device == "cpu":
        return "cpu", "asked for"
    works, words = _cuda()
    if works:
        return "cuda", words
    if device == "cuda":
        raise InputError(
            f'device is "cuda", but {words}. Install a CUDA build of torch 2.13 and a driver, or use device="auto".'
        )
    return "cpu", words
