"""What a verdict holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy.typing as npt

DEPLOY = "DEPLOY"
NO_EVIDENCE = "NO_EVIDENCE"
TOO_LITTLE_DATA = "TOO_LITTLE_DATA"
REVIEW = "MANUAL_REVIEW_REQUIRED"


def _edge_text(edge: float) -> str:
    """Two decimals where they say all; an edge of 0.025 must not take the place of one of 0.02 or 0.03."""
    short = f"{edge:.2f}"
    return short if float(short) == edge else repr(float(edge))


@dataclass(frozen=True)
class Verdict:
    """The verdict on one symbol and one target."""

    kind: str
    """ "DEPLOY", "NO_EVIDENCE" or "TOO_LITTLE_DATA"."""
    model: str | None
    """The model chosen on validation rows, whatever the verdict; None when none was left."""
    reasons: list[str]
    """Full sentences, the verdict itself first."""
    evidence: dict[str, float | int | str | None]
    """Every number behind the sentences; shares between 0 and 1. None: could not be measured."""
    n_required: dict[float, int]
    """Edge over the baseline -> test rows needed to see it (9 times in 10, at 1 %)."""
    action: str | None = None
    """ "MANUAL_REVIEW_REQUIRED" unless the verdict is DEPLOY."""
    alternatives: list[str] = field(default_factory=list)
    """Other models that pass the selector, best first."""
    rejected: dict[str, str] = field(default_factory=dict)
    """Model -> why the selector refused it."""
    failed_rules: list[str] = field(default_factory=list)
    criteria: list[dict[str, Any]] = field(default_factory=list)
    """Every rule: `rule`, `value`, `needed`, `holds` (None: not measured)."""

    @property
    def deploy(self) -> bool:
        return self.kind == DEPLOY

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; the edges become text."""
        return {
            "kind": self.kind,
            "model": self.model,
            "reasons": list(self.reasons),
            "evidence": dict(self.evidence),
            "n_required": {_edge_text(edge): rows for edge, rows in self.n_required.items()},
            "action": self.action,
            "alternatives": list(self.alternatives),
            "rejected": dict(self.rejected),
            "failed_rules": list(self.failed_rules),
            "criteria": [dict(rule) for rule in self.criteria],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`."""
        return cls(
            kind=str(data["kind"]),
            model=data.get("model"),
            reasons=list(data.get("reasons", [])),
            evidence=dict(data.get("evidence", {})),
            n_required={float(edge): int(rows) for edge, rows in data.get("n_required", {}).items()},
            action=data.get("action"),
            alternatives=list(data.get("alternatives", [])),
            rejected=dict(data.get("rejected", {})),
            failed_rules=list(data.get("failed_rules", [])),
            criteria=[dict(rule) for rule in data.get("criteria", [])],
        )

    def __str__(self) -> str:
        return "\n".join([f"{self.kind}  {self.model or 'no model'}", *(f"- {line}" for line in self.reasons)])


@dataclass(frozen=True)
class Trials:
    """Predictions of earlier configurations on the same rows. They make the test harder, as they must."""

    oos: npt.ArrayLike
    """(j, n) every vector ever scored on the out-of-sample rows; none where all stayed on inner rows."""
    inner: npt.ArrayLike | None = None
    """(j, n_inner) every vector ever scored on the inner rows; None when some are lost: no p_in then."""
    lost: int = 0
    """Configurations that were counted, but whose predictions are gone."""
    note: str = ""
    """Why trials could not be counted at all, for the sentences."""
