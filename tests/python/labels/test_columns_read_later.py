"""Columns of the triple barrier that are worked out when somebody reads them."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest

import smctrain as st
from smctrain.exceptions import InputError

LATER = ("e", "fill", "stop", "target", "risk", "risk_atr", "r", "mfe_r", "mae_r", "bars_held")
AT_ONCE = ("y", "t0", "t1", "side", "exit", "r_gross", "rule_code", "status_code")
OPTIONS = [
    {"horizon": 12, "costs": None},
    {"horizon": 12, "costs": 0.2, "entry": "close", "timeout": "sign", "side": -1},
    {"horizon": 5, "entry": "retest", "limit": 1.0, "unit": "pct", "stop": 0.002, "target": 0.004},
]


@pytest.fixture(scope="module")
def b() -> st.Bars:
    made = st.simulate_market(n_symbols=1, n_bars=600, seed=4)["SIM1"].base
    return replace(made, **{name: getattr(made, name).copy() for name in ("open", "high", "low", "close")})


def options_for(b: st.Bars, options: dict) -> dict:
    return {**options, "limit": b.close * 0.999} if "limit" in options else options


def same(one: st.Labels, other: st.Labels) -> None:
    for name in AT_ONCE + LATER:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
        assert getattr(one, name).dtype == getattr(other, name).dtype


@pytest.mark.parametrize("options", OPTIONS)
def test_the_order_of_reading_does_not_matter(b: st.Bars, options: dict) -> None:
    options = options_for(b, options)
    first, second = st.triple_barrier(b, **options), st.triple_barrier(b, **options)
    for name in LATER:
        getattr(first, name)
    for name in reversed(LATER):
        getattr(second, name)
    same(first, second)


@pytest.mark.parametrize("options", OPTIONS)
def test_the_columns_fit_together(b: st.Bars, options: dict) -> None:
    lab = st.triple_barrier(b, **options_for(b, options))
    traded = lab.rule != ""
    assert traded.sum() > 100
    direction = lab.side[traded]
    np.testing.assert_array_equal(lab.bars_held[traded], (lab.t1 - lab.e + 1)[traded])
    np.testing.assert_array_equal(lab.r_gross[traded], ((lab.exit - lab.fill) * lab.side / lab.risk)[traded])
    assert (lab.mfe_r[traded] >= lab.mae_r[traded]).all()
    assert ((lab.target - lab.fill)[traded] * direction > 0).all()
    assert np.isnan(lab.fill[~traded]).all()
    assert (lab.e[~traded] == -1).all()


def test_without_costs_net_and_gross_are_equal_but_not_one_array(b: st.Bars) -> None:
    lab = st.triple_barrier(b, horizon=12, costs=None)
    np.testing.assert_array_equal(lab.r, lab.r_gross)
    assert not np.shares_memory(lab.r, lab.r_gross)
    everything = st.triple_barrier(b, horizon=12, costs=None)
    everything.mfe_r  # noqa: B018 - reading it works out all others
    np.testing.assert_array_equal(everything.r, lab.r)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda lab: pickle.loads(pickle.dumps(lab))])
def test_copies_hold_every_column(b: st.Bars, again) -> None:
    lab = st.triple_barrier(b, horizon=12)
    other = again(lab)
    same(other, lab)
    assert repr(other) == repr(lab)


def test_a_changed_copy_holds_every_other_column(b: st.Bars) -> None:
    lab = st.triple_barrier(b, horizon=12)
    other = replace(lab, name="mine")
    assert other.name == "mine"
    same(other, lab)


def test_prices_written_to_in_between_are_an_error(b: st.Bars) -> None:
    mine = replace(b, **{name: getattr(b, name).copy() for name in ("open", "high", "low", "close")})
    lab = st.triple_barrier(mine, horizon=12, costs=None)
    for name in ("open", "high", "low", "close"):
        getattr(mine, name)[:] *= 1.01
    with pytest.raises(InputError, match="prices have changed since"):
        lab.mfe_r  # noqa: B018
    assert len(lab.r) == len(lab)  # needs no prices


def test_no_other_name_is_a_column(b: st.Bars) -> None:
    lab = st.triple_barrier(b, horizon=12)
    with pytest.raises(AttributeError, match="no attribute 'mfe'"):
        lab.mfe  # noqa: B018  # type: ignore[attr-defined]
