"""Attempts to make noise look good, in a short form; the whole suite is benchmarks/honesty/hostile.py."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from honesty import hostile
from honesty.bounds import most_hits

ALL = {attack.name: attack for attack in hostile.ATTACKS}
SHORT = ("heavy tails 1,000", "rare target 1,000", "slow drift 1,000", "trends 1,000", "h 50 said 10 1,000")


@pytest.mark.parametrize("name", SHORT)
def test_structure_without_an_edge_is_hardly_ever_recommended(name: str) -> None:
    attack = ALL[name]
    counted, _ = hostile.count(attack, 8)
    assert counted.hits <= most_hits(counted.runs, attack.limit)


def test_light_models_find_what_is_there() -> None:
    # A suite that never deploys anything would prove nothing.
    rng = np.random.default_rng(4)
    table = hostile.plain(rng, hostile.FIRST + 1000)
    known = np.where(rng.random(len(table.y)) < 0.7, table.y, 1 - table.y).astype(float)
    seeing = dataclasses.replace(table, X=np.column_stack([known, table.X]))
    assert hostile.judged(seeing, hostile.lightly(seeing)).deploy


def test_what_a_leaky_run_knew_does_not_help_the_run_after_it() -> None:
    _, verdicts = hostile.count(ALL["after a leak"], 8)
    p = np.array([v.evidence["p_comb"] for v in verdicts], dtype=float)
    assert (p > 0.05).sum() >= 5
