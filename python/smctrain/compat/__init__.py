"""What older programs did, kept to measure them: nothing here may reach a model."""

from __future__ import annotations
