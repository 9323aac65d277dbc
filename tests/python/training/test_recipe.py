"""From label settings to labels: each reaches the triple barrier."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import smctrain as st
from smctrain.bars import SymbolBars
from smctrain.config import Config, resolve
from smctrain.exceptions import ConfigError
from smctrain.labels import triple_barrier
from smctrain.training.recipe import check_features, make_labels


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


def test_columns_that_no_symbol_has_are_an_error_of_the_settings_before_anything_runs():
    m15, day = st.simulate_market(1, 300, seed=2)["SIM1"].base, np.timedelta64(1, "D")
    d1 = replace(m15, symbol="DAY", timeframe="D1", time=m15.time[0] + np.arange(len(m15)) * day)
    both = [SymbolBars("SIM1", {"M15": m15}), SymbolBars("DAY", {"D1": d1})]
    with pytest.raises(ConfigError, match="features: extra holds 'ret_1_lag_x', which does not exist"):
        check_features(both, Config.model_validate({"features": {"extra": ["ret_1_lag_x"]}}))
    with pytest.raises(ConfigError, match="features: timeframe 'Q9' is not known"):
        check_features(both, Config.model_validate({"features": {"higher": ["H1", "Q9"]}}))
    sessions = Config.model_validate({"features": {"extra": ["ses_london_on"]}})
    check_features(both, sessions)  # days have no sessions: that symbol fails alone
    with pytest.raises(ConfigError, match="ses_london_on"):
        check_features(both[1:], sessions)
