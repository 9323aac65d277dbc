"""Panels: many symbols on one clock, their cross-sections, targets across symbols, and samples of rows."""

from __future__ import annotations

from smctrain.panel.build import build_panel
from smctrain.panel.targets import PanelLabels
from smctrain.panel.types import Panel

__all__ = ["Panel", "PanelLabels", "build_panel"]
