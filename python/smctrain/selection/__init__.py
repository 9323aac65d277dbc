"""Best model per symbol, and the deployment manifest."""

from __future__ import annotations

from smctrain.selection.selector import ModelSelector

__all__ = ["ModelSelector"]
