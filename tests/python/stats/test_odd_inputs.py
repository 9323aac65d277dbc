"""What users get wrong most easily is an error that says what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import smctrain as st
from smctrain.exceptions import InputError

Y = np.tile([0, 1, 1, 0, 1], 100)
BOTH = np.stack([Y, 1 - Y])

WRONG: list[tuple[Callable[[], Any], str]] = [
    (lambda: st.stats.required_sample(3), r"edge must be a share: 3 points are 0\.03"),
    (lambda: st.decide(Y, BOTH, 10, Y, BOTH, Y, BOTH, min_edge=3), r"min_edge must lie between .*3 points are 0\.03"),
    (lambda: st.stats.circular_shift_test(Y, BOTH.T, 10), r"has shape \(500, 2\): predictions\.T turns it"),
    (lambda: st.stats.hac_mean(["a"], 1), "values must hold numbers"),
    (lambda: st.stats.minimum_track_record([0.1, 0.2]), r"as st\.stats\.sharpe_ratio"),  # type: ignore[arg-type]
    (lambda: st.stats.probabilistic_sharpe("0.1", 10), r"as st\.stats\.sharpe_ratio"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("call", "words"), WRONG)
def test_what_cannot_be_read_is_an_error_that_says_what_to_do(call: Callable[[], Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        call()
