"""Fold hygiene: transforms fitted on training rows and replayed everywhere else."""

from __future__ import annotations

from smctrain.prepare.preprocessor import Preprocessor

__all__ = ["Preprocessor"]
