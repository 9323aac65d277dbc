"""Hand-made paths of `tests/golden/labels/paths.txt`; the C++ tests read the same file."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smctrain.bars.types import Bars
from smctrain.labels import triple_barrier

FILE = Path(__file__).parents[2] / "golden" / "labels" / "paths.txt"
NUMBERS = {
    "e": "e", "t1": "t1", "y": "y", "fill": "fill", "stop": "stop", "target": "target", "exit": "exit",
    "r_gross": "r_gross", "r": "r", "held": "bars_held", "mfe_r": "mfe_r", "mae_r": "mae_r",
}  # fmt: skip


@dataclass
class Bar:
    prices: list[float]
    marks: dict[str, str]
    finer: list[Bar] = field(default_factory=list)


@dataclass
class Case:
    name: str
    settings: dict[str, str] = field(default_factory=dict)
    bars: list[Bar] = field(default_factory=list)
    want: dict[str, str] = field(default_factory=dict)


def words(text: str) -> dict[str, str]:
    return dict(word.split("=", 1) if "=" in word else (word, "1") for word in text.split())


def read_paths(path: Path) -> list[Case]:
    cases: list[Case] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        key, _, rest = line.strip().partition(" ")
        if key == "path":
            cases.append(Case(rest))
        elif key in ("bar", "finer"):
            prices, _, marks = rest.partition(" ")
            bar = Bar([float(x) for x in prices.split("/")], words(marks))
            (cases[-1].bars if key == "bar" else cases[-1].bars[-1].finer).append(bar)
        elif key in ("with", "want"):
            setattr(cases[-1], "settings" if key == "with" else "want", words(rest))
        elif key and not key.startswith("#"):
            raise AssertionError(line)
    return cases


def as_bars(bars: list[Bar], timeframe: str, times: list[int]) -> Bars:
    prices = np.array([bar.prices for bar in bars], dtype=np.float64).reshape(-1, 4)
    spread = [float(bar.marks.get("spread", "0")) for bar in bars] if any("spread" in b.marks for b in bars) else None
    session = np.array([int(bar.marks.get("session", "0")) for bar in bars], dtype=np.int32)
    # Bars that carry their own sessions, whatever their calendar would say.
    carried = type("SessionBars", (Bars,), {"session": property(lambda _: session)})
    made: Bars = carried(
        symbol="TEST",
        timeframe=timeframe,
        time=np.datetime64("2024-01-01", "ns") + np.array(times, dtype="timedelta64[s]"),
        open=prices[:, 0].copy(),
        high=prices[:, 1].copy(),
        low=prices[:, 2].copy(),
        close=prices[:, 3].copy(),
        spread=None if spread is None else np.array(spread),
        segment=np.array([int(bar.marks.get("segment", "0")) for bar in bars], dtype=np.int32),
        digits=2,
    )
    object.__setattr__(made, "quarantine", np.array(["quarantine" in bar.marks for bar in bars]))
    return made


def arguments_of(case: Case, b: Bars) -> dict[str, Any]:
    s = case.settings
    out: dict[str, Any] = {"rows": [0], "unit": "abs", "costs": None, "horizon": 3, "wait": 2}
    for name in ("target", "stop", "rr", "limit", "stop_price"):
        if name in s:
            out[name] = float(s[name])
    for name in ("entry", "tie", "timeout", "gap_target", "quote"):
        if name in s:
            out[name] = s[name]
    out["side"] = int(s.get("side", "1"))
    out["timeout_band"] = float(s.get("band", "0"))
    out["flat_at_session_end"] = "flat" in s
    if "costs" in s:
        out["costs"] = "spread" if s["costs"] == "spread" else float(s["costs"])
    if "scale" in s:
        out |= {"unit": "atr", "scale": np.full(len(b), float(s["scale"]))}
    if "zone" in s:
        bottom, top = map(float, s["zone"].split("/"))
        table = {
            "side": [out["side"]], "origin": [0], "known_at": [0], "invalidated_at": [-1], "top": [top],
            "bottom": [bottom],
        }  # fmt: skip
        where = "limit" if s.get("entry") == "retest" else "stop_price"
        out |= {"unit": "structure", where: table, "risk_limits": (0.0, 0.0)}
    if "risk" in s:
        out["risk_limits"] = tuple(map(float, s["risk"].split("/")))
    return out


CASES = read_paths(FILE)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_hand_made_paths(case: Case):
    b = as_bars(case.bars, "M15", [900 * i for i in range(len(case.bars))])
    arguments = arguments_of(case, b)
    finer = [(bar, 900 * i + 60 * j) for i, parent in enumerate(case.bars) for j, bar in enumerate(parent.finer)]
    if case.settings.get("tie") == "lower_tf":
        arguments["lower"] = as_bars([bar for bar, _ in finer], "M1", [at for _, at in finer])
    lab = triple_barrier(b, **arguments)
    assert (lab.status[0], lab.rule[0]) == (case.want["status"], case.want["rule"])
    for name, value in case.want.items():
        if name in ("replayed", "fell_back"):
            assert getattr(lab, name) == int(value)
        elif name in NUMBERS:
            got, want = float(getattr(lab, NUMBERS[name])[0]), float(value)
            assert (math.isnan(got) and math.isnan(want)) or got == pytest.approx(want, abs=1e-9), name
    unknown = set(case.want) - {*NUMBERS, "status", "rule", "replayed", "fell_back"}
    assert not unknown


def test_the_file_holds_every_rule_and_status_of_a_trade():
    rules = {case.want["rule"] for case in CASES} - {""}
    assert rules == {"stop", "stop_gap", "stop_tie", "target", "target_gap", "target_tie", "timeout"}
    statuses = {case.want["status"] for case in CASES}
    assert statuses == {"ok", "open", "unfilled", "bad_risk", "quarantine", "tie_drop", "timeout_drop", "missing"}
    assert len(CASES) > 60
