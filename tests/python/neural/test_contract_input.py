"""Bad columns, for the networks whose targets or rows need more than X and y: the same errors as everywhere.

All others run the whole matrix in models/contracts; targets of several kinds, and symbols, have suites of their own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from smctrain.exceptions import InputError, TooFewColumns, TooFewRows

from .network_families import NETWORKS, Network, each

NAMES = ["rsi", "atr", "hour", "gap"]
MORE = [network for network in NETWORKS if network.symbols or network.family == "MultiTask"]


def data(network: Network) -> tuple[Any, Any]:
    X = np.random.default_rng(0).integers(-40, 40, size=(120, 4)).astype(np.float64)
    return X, (X[:, 0] > X[:, 1]).astype(int) if network.classifies else X[:, 0] - X[:, 1]


def fit(network: Network, X: Any, y: Any, **more: Any) -> Any:
    model = network.cls(**network.small, random_state=0)
    if network.symbols:
        return model.fit(X, y, groups=np.arange(len(y)) // 30, **more)
    return model.fit(X, {"sign": y}, **more)


def spoiled(X: Any, value: Any) -> Any:
    X = X.copy()
    X[7, 2] = value
    return X


@each(MORE)
def test_bad_columns_are_refused_with_their_place(network: Network) -> None:
    X, y = data(network)
    model = fit(network, X, y)
    text = X.astype(object)
    text[3, 1] = "high"
    wrong: list[tuple[Any, str]] = [
        (spoiled(X, np.inf), "column 2, row 7, is infinite"),
        (spoiled(X, 1e300), r"column 2, row 7, is 1e\+300, beyond the range of float32"),
        (spoiled(X, np.nan), "column 2, row 7, is NaN, and .* takes no missing values"),
        (X[:, 0], "Expected 2D array"),
        (sparse.csr_matrix(X), "[Ss]parse"),
        (text, "column 1 .*holds str"),
        (X + 1j, "Complex data not supported"),
        (pd.DataFrame(X, columns=NAMES).assign(atr="high"), "column 'atr'"),
    ]
    for table, words in wrong:
        with pytest.raises(InputError, match=words):
            fit(network, table, y)
        with pytest.raises(InputError, match=words):
            model.predict(table)
    with pytest.raises(InputError, match="3 features"):
        model.predict(X[:, :3])
    with pytest.raises(TooFewRows, match="0 sample"):
        model.predict(X[:0])
    with pytest.raises(TooFewColumns, match="0 feature"):
        fit(network, X[:, :0], y)


@each(MORE)
def test_every_form_of_the_same_numbers_gives_the_same_bits(network: Network) -> None:
    X, y = data(network)
    expected = network.answer(fit(network, X, y), X).tobytes()
    for form in (X.astype(np.float32), X.astype(np.int8), np.asfortranarray(X), X.astype(object), X.tolist()):
        assert network.answer(fit(network, form, y), form).tobytes() == expected


@each(MORE)
@pytest.mark.parametrize(
    ("weight", "words"),
    [(np.where(np.arange(120) == 11, -1.0, 1.0), "finite and not negative, but is -1.0 in row 11"),
     (np.full(120, np.nan), "finite and not negative, but is nan in row 0"),
     (np.zeros(120), "all 120 sample weights are zero"),
     (np.ones(119), "one entry for each of the 120 rows, but has 119")],
    ids=["negative", "NaN", "zero", "length"],
)  # fmt: skip
def test_bad_weights_are_refused(network: Network, weight: Any, words: str) -> None:
    X, y = data(network)
    with pytest.raises(InputError, match=words):
        fit(network, X, y, sample_weight=weight)
