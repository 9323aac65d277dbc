"""From label settings to labels: each reaches the triple barrier."""

from __future__ import annotations

import numpy as np
import pytest

import smctrain as st
from smctrain.config import Config, resolve
from smctrain.exceptions import ConfigError
from smctrain.labels import triple_barrier
from smctrain.training.recipe import make_labels


@pytest.mark.parametrize(
    "settings",
    [
        {"slippage": 0.0001, "commission": 0.0002},
        {"quote": "bid_ask", "costs": None},
        {"quote": "bid_ask", "costs": 0.0001},
        {"flat_at_session_end": True},
        {"gap_target": "open", "timeout": "sign", "timeout_band": 0.2},
        {"unit": "vol", "target": 3.0, "stop": 2.0},
    ],
)
def test_label_settings_reach_the_labels(settings):
    b = st.simulate_market(1, 800, seed=2)["SIM1"].base
    config = Config.model_validate({"labels": settings})
    made, wanted, plain = make_labels(b, config), triple_barrier(b, **settings), make_labels(b, Config())
    for name in ("y", "r", "t1"):
        np.testing.assert_array_equal(getattr(made, name), getattr(wanted, name))
    if "gap_target" not in settings:
        assert not np.array_equal(made.r, plain.r, equal_nan=True)


def test_a_spread_that_is_paid_at_the_quotes_is_not_charged_again():
    with pytest.raises(ConfigError, match="costs must be null or a number"):
        resolve(overrides={"labels.quote": "bid_ask"}, environment={})
