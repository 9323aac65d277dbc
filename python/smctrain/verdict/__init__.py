"""DEPLOY, NO_EVIDENCE or TOO_LITTLE_DATA, with every number that led there."""

from __future__ import annotations

from smctrain.verdict.gate import decide
from smctrain.verdict.ledger import Ledger
from smctrain.verdict.result import Trials, Verdict
from smctrain.verdict.symbols import apply_multiple_testing

__all__ = ["Ledger", "Trials", "Verdict", "apply_multiple_testing", "decide"]
