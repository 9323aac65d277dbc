"""Synthetic rows for small training sets: made after splitting, from training rows alone."""

from __future__ import annotations

from smctrain.augment.augmenter import DataAugmenter
from smctrain.augment.rows import METHODS, AugmentedRows, augment_rows

__all__ = ["METHODS", "AugmentedRows", "DataAugmenter", "augment_rows"]
