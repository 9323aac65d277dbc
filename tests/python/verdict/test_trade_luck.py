"""Knowing how far prices move is not knowing where to: such a model must not be deployed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smctrain.exceptions import InputError
from smctrain.verdict import Verdict, decide


def quiet_and_busy_hours(seed: int, n: int = 6000, edge: float = 0.0) -> dict[str, Any]:
    """Three classes (stop 0, time-out 1, target 2), one decision after the other. The hour tells whether a trade runs
    out of time; where it does not, target and stop are equally likely, but for `edge`. The model knows the hour and,
    with an edge, the side."""
    rng = np.random.default_rng(seed)
    busy = np.arange(n) // 8 % 2 == 1
    decided = rng.random(n) < np.where(busy, 0.85, 0.25)
    side = rng.random(n) < 0.5
    up = rng.random(n) < np.where(side, 0.5 + edge, 0.5 - edge)
    y = np.where(decided, np.where(up, 2, 0), 1)
    r = np.where(decided, np.where(up, 1.0, -1.0), rng.normal(0.0, 0.3, n))
    answers = np.where(busy, np.where(side, 2, 0), 1)
    inner, test = slice(0, n // 2), slice(n // 2, n)
    return {
        "y_true": y[test],
        "predictions": answers[None, test],
        "horizon": 1,
        "inner_y": y[inner],
        "inner_predictions": answers[None, inner],
        "train_y": y[inner],
        "train_predictions": answers[None, inner],
        "names": ["model"],
        "r_net": r[test],
        "inner_r_net": r[inner],
    }


def verdicts(edge: float) -> list[Verdict]:
    return [decide(**quiet_and_busy_hours(seed, edge=edge)) for seed in range(40)]


def test_a_model_that_only_knows_when_trades_run_out_of_time_is_not_deployed() -> None:
    found = verdicts(edge=0.0)
    assert all(v.evidence["skill"] > 0.1 and v.evidence["p_comb"] < 0.001 for v in found)  # type: ignore[operator]
    # About half of them earn something by luck; that alone must not be enough.
    lucky = [v for v in found if v.evidence["mean_r_net"] > 0.0]  # type: ignore[operator]
    assert len(lucky) > 10
    stopped = [v for v in lucky if v.failed_rules == ["trade_luck"]]
    assert all("no more than luck explains" in " ".join(v.reasons) for v in stopped)
    # The rule itself errs once in 200.
    assert len(stopped) >= len(lucky) - 1
    assert sum(v.kind == "DEPLOY" for v in found) <= 1


def test_a_model_that_also_knows_the_side_is_deployed() -> None:
    assert all(v.kind == "DEPLOY" and v.evidence["p_trades"] < 0.01 for v in verdicts(edge=0.1))  # type: ignore[operator]


def test_a_drift_that_every_trade_shares_is_no_edge() -> None:
    case = quiet_and_busy_hours(0)
    case["r_net"], case["inner_r_net"] = case["r_net"] + 0.5, case["inner_r_net"] + 0.5
    assert decide(**case).failed_rules == ["trade_luck"]


def test_inner_outcomes_must_fit_the_inner_rows() -> None:
    case = quiet_and_busy_hours(0)
    with pytest.raises(InputError, match="inner_r_net must hold one number per row"):
        decide(**case | {"inner_r_net": np.zeros(3)})
