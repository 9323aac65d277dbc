"""One typed tree of settings, filled by layers: preset < files < environment (paths only) < overrides."""

from __future__ import annotations

from smctrain.config.layers import Origin, ResolvedConfig, resolve
from smctrain.config.tree import Config

__all__ = ["Config", "Origin", "ResolvedConfig", "resolve"]
