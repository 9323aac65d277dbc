"""Does a feature column know the future? The test of the code that builds it, ours or anybody's."""

from __future__ import annotations

from smctrain.audit.audit import audit_features
from smctrain.audit.canary import CanaryResult
from smctrain.audit.pipeline import audit_pipeline
from smctrain.audit.report import Finding, LeakReport
from smctrain.audit.sentinels import Sentinel
from smctrain.audit.surrogate import surrogate_bars

__all__ = ["CanaryResult", "Finding", "LeakReport", "Sentinel", "audit_features", "audit_pipeline", "surrogate_bars"]
