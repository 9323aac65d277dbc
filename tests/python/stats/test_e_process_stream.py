"""The e-process row by row: the bits of the batch, stored and gone on with, and what noise makes of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smctrain import stats
from smctrain.exceptions import InputError


def case(seed: int, classes: int = 3, n: int = 200, k: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    guesses = np.where(rng.random((k, n)) < 0.4, y, rng.integers(0, classes, (k, n)))
    guesses[rng.random((k, n)) < 0.1] = -1
    return y, guesses


@pytest.mark.parametrize("horizon", [1, 7, 40])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"baseline": 0.4},
        {"train_shares": {0: 0.2, 1: 0.3, 2: 0.5}},
        {"train_shares": {0: 0.9, 5: 0.1}},
        {"train_shares": {0: 0.2, 1: 0.3, 2: 0.5}, "train_rows": 70},
    ],
    ids=["even", "constant", "shares", "shares-of-other-classes", "pooled"],
)
def test_row_by_row_gives_the_bits_of_the_batch(horizon: int, settings: dict[str, Any]) -> None:
    y, guesses = case(horizon)
    batch = stats.e_process(y, guesses, horizon, **settings)
    stream = stats.EProcessStream(3, horizon, **settings)
    path = [stream.push(int(y[t]), guesses[:, t]) for t in range(len(y))]
    assert np.array_equal(np.array([1.0, *path]), batch.path)
    assert (stream.value, stream.sup, stream.rows) == (batch.end, batch.sup, len(y))


def test_pieces_of_any_length_give_the_same_bits() -> None:
    y, guesses = case(1)
    batch = stats.e_process(y, guesses, 5, train_shares={0: 0.2, 1: 0.3, 2: 0.5})
    stream = stats.EProcessStream(3, 5, train_shares=[0.2, 0.3, 0.5])
    parts = [stream.push(y[a:b], guesses[:, a:b]) for a, b in ((0, 1), (1, 90), (90, 90), (90, 200))]
    assert np.array_equal(np.concatenate(parts), batch.path[1:])


def test_a_stored_stream_goes_on_with_the_same_bits() -> None:
    y, guesses = case(2)
    settings: dict[str, Any] = {"train_shares": {0: 0.2, 1: 0.3, 2: 0.5}, "train_rows": 40}
    batch = stats.e_process(y, guesses, 9, **settings)
    stream = stats.EProcessStream(3, 9, **settings)
    for cut in (0, 4, 77):
        stream.push(y[stream.rows : cut], guesses[:, stream.rows : cut])
        stream = stats.EProcessStream.from_state(stream.state())
        assert stream.rows == cut
    stream.push(y[77:], guesses[:, 77:])
    assert (stream.value, stream.sup) == (batch.end, batch.sup)


def test_states_of_anything_else_are_refused() -> None:
    stream = stats.EProcessStream(2, 3)
    stream.push([1, 0, 1], [[1, 1, 1], [0, 0, 1]])
    good = stream.state()
    for bad in (b"", b"SMCE", good[:-1], good + b"x", good[:8] + b"!" + good[9:], b"XXXX" + good[4:]):
        with pytest.raises(InputError, match=r"must come from EProcessStream\.state"):
            stats.EProcessStream.from_state(bad)
    assert stats.EProcessStream.from_state(good).value == stream.value


def test_minus_one_is_a_missing_prediction_unless_it_is_a_class() -> None:
    stream = stats.EProcessStream(1, 1)
    assert stream.push(1, -1) == 1.0
    with pytest.raises(InputError, match=r"pass classes=\[-1"):
        stream.push(-1, 1)
    y, guess = np.tile([-1, 1, 1], 5), np.tile([-1, -1, 1], 5)
    named = stats.EProcessStream(1, 2, classes=[-1, 1])
    assert np.array_equal(named.push(y, guess), stats.e_process(y, guess, 2).path[1:])


def test_a_regression_bets_on_the_side_of_the_training_median() -> None:
    rng = np.random.default_rng(3)
    y, forecast = rng.normal(size=(2, 60))
    forecast[5], forecast[6], y[7] = np.nan, 0.2, 0.2
    right = np.where(np.isnan(forecast), -1, np.sign(forecast - 0.2) == np.sign(y - 0.2)).astype(int)
    expected = stats.e_process(np.ones(60, dtype=int), right, 4)
    found = stats.e_process(y, forecast, 4, train_median=0.2)
    assert np.array_equal(found.path, expected.path)
    stream = stats.EProcessStream(1, 4, train_median=0.2)
    assert np.array_equal(stream.push(y, forecast), found.path[1:])
    with pytest.raises(InputError, match="y_true must be finite"):
        stats.e_process(np.array([np.nan, 1.0]), np.zeros(2), 1, train_median=0.0)
