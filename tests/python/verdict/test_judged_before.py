"""Symbols tried one after the other are judged together."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import numpy as np

import smctrain as st
from smctrain.config import resolve
from smctrain.training.trials import judged_before
from smctrain.verdict import Verdict, apply_multiple_testing
from smctrain.verdict.ledger import VERDICTS, Judged, Ledger


def deployed(p: float) -> Verdict:
    y = np.random.default_rng(1).integers(0, 2, 600)
    verdict = st.decide(y, y, 1, y, y, y, y)
    assert verdict.deploy
    return dataclasses.replace(verdict, evidence=verdict.evidence | {"p_comb": p})


def one(k: int, p: float = 0.5) -> Judged:
    return Judged(f"page {k}", f"S{k}", p, 1.0)


def test_fifty_tried_one_by_one_and_then_the_best_alone_are_fifty(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for k in range(50):
        ledger.judge([one(k)])
    earlier = ledger.judge([one(7, 0.004)])
    assert len(earlier) == 49
    alone = apply_multiple_testing({"S7": deployed(0.004)})["S7"]
    among = apply_multiple_testing({"S7": deployed(0.004)}, earlier=earlier)["S7"]
    assert alone.deploy
    assert among.kind == "NO_EVIDENCE"
    assert among.failed_rules == ["multiple_testing"]
    assert "among 50 symbols and targets tried so far" in among.reasons[0]
    assert among.evidence["judged_together"] == 50
    assert apply_multiple_testing({"S7": deployed(0.0005)}, earlier=earlier)["S7"].deploy


def test_one_by_one_is_judged_as_all_at_once() -> None:
    p = [0.0001, 0.0012, 0.0017, 0.004, 0.3]
    at_once = apply_multiple_testing({f"S{k}": deployed(v) for k, v in enumerate(p)})
    for k, v in enumerate(p):
        others = [one(j, w) for j, w in enumerate(p) if j != k]
        assert apply_multiple_testing({f"S{k}": deployed(v)}, earlier=others)[f"S{k}"].kind == at_once[f"S{k}"].kind


def test_a_symbol_judged_again_counts_once_and_its_newest_verdict(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for p in (0.9, 0.8, 0.001):
        ledger.judge([one(1, p), one(2)])
    assert ledger.judge([one(2)]) == [one(1, 0.001)]


def test_a_damaged_line_is_left_out_and_does_not_swallow_the_next(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.judge([one(1)])
    with (tmp_path / VERDICTS).open("a") as file:
        file.write('0badc0de {"page": "x"')
    ledger.judge([one(2)])
    assert sorted(j.page for j in ledger.judge([])) == ["page 1", "page 2"]


def test_bets_of_earlier_symbols_count_under_arbitrary_dependence() -> None:
    verdict = deployed(1e-9)
    verdict = dataclasses.replace(verdict, evidence=verdict.evidence | {"e_end": 60.0})
    assert apply_multiple_testing({"S": verdict}, dependence="arbitrary")["S"].deploy
    judged = apply_multiple_testing({"S": verdict}, dependence="arbitrary", earlier=[one(1)])["S"]
    assert not judged.deploy


def test_other_symbols_and_targets_count_and_the_same_one_again_does_not(tmp_path: Path) -> None:
    bars = SimpleNamespace(timeframe="M15")
    five, ten = (resolve(overrides={"labels.horizon": h}).config for h in (5, 10))
    seen = []
    for symbol, config in (("A", five), ("A", five), ("B", five), ("A", ten), ("A", five)):
        seen.append(len(judged_before(tmp_path, {symbol: bars}, {symbol: deployed(0.001)}, config)))
    assert seen == [0, 0, 1, 2, 2]
    assert judged_before(None, {"A": bars}, {"A": deployed(0.001)}, five) == []
