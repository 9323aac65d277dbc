"""What the reports share: skill over the best answer without a model, and its words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from smctrain.metrics._common import (
    Range,
    Vector,
    around,
    hac_error,
)

SHORT = 20
"""Horizons of rows below which an interval is not to be relied on."""


@dataclass(frozen=True)
class Skill:
    """Model less the best answer without a model, on the same rows."""

    value: float
    interval: Range
    baseline: str

    @property
    def is_shown(self) -> bool:
        """Whether the interval lies above 0."""
        return self.interval[0] > 0


def paired_skill(paired: Vector, horizon: int, level: float, baseline: str) -> Skill:
    value = float(paired.mean())
    if bool(np.all(paired == paired[0])):
        return Skill(value, (value, value), baseline)
    return Skill(value, around(value, hac_error(paired, 2 * horizon), level), baseline)


def skill_record(skill: Skill) -> dict[str, Any]:
    return {"value": skill.value, "interval": list(skill.interval), "baseline": skill.baseline}


def skill_line(skill: Skill, unit: str, scale: float) -> str:
    low, high = skill.interval
    verdict = "skill shown" if skill.is_shown else "worse than no model" if high < 0 else "no skill shown"
    return (
        f"Against the best answer without a model ({skill.baseline}): {scale * skill.value:+.1f} {unit} "
        f"({scale * low:+.1f} to {scale * high:+.1f}): {verdict}."
    )


def head(what: str, rows: int, effective: float, horizon: int, too_short: bool) -> str:
    text = f"{what} of {rows:,} rows, about {effective:,.0f} independent (a label reaches over {horizon} rows)"
    return text + (f"; fewer than {SHORT} x {horizon} rows: too short to rely on" if too_short else "")


def between(low: float, high: float, form: str) -> str:
    return "no interval" if math.isnan(low) else f"{low:{form}} to {high:{form}}"


def percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.1f} %"
